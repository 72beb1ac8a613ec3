//! Pose of a drawing: `silhouette -> all turns against its edges -> best few refined -> robust fit of sub-pixel edges`.

use super::coarse;
use crate::calibration::{Located, Look, Rim, Source, World, Worlds};
use crate::design::{ContourPoint, Design};
use crate::geometry::{Angle, DesignMm, ImagePx, PlaneMm, Point, Similarity, Vector, solve_symmetric};
use crate::measure::Silhouette;
use crate::measure::edge::{Edge, NoEdge, Probe, crossing, find_edge};
use crate::reason::Reason;
use rayon::prelude::*;

/// Where the drawing lies on the plane, and the edges that say so.
#[derive(Clone, Debug)]
pub struct DrawingPose {
    /// Turn and shift (scale 1).
    pub plane_from_design: Similarity<DesignMm, PlaneMm>,
    /// The same in each of the displaced worlds, in their order.
    pub displaced: Vec<Similarity<DesignMm, PlaneMm>>,
    /// Standard uncertainty of the shift along each axis, mm.
    pub u_shift_mm: f64,
    /// Standard uncertainty of the turn, rad.
    pub u_turn_rad: f64,
    /// The point of the design about which turn and shift are known independently.
    pub pivot: Point<DesignMm>,
    /// How far from the design edges were looked for, mm.
    pub reach_mm: f64,
    /// Robust scatter of the contour's edges about the design in this pose, mm (1.4826 x median absolute deviation).
    pub scatter_mm: f64,
    /// Overlap of part and design, openings filled: intersection over union of areas, 0 to 1.
    pub overlap: f64,
    /// Edges along every contour, in the order of the design's contours.
    pub edges: Vec<ContourEdge>,
    /// Part and background as told apart for this photo.
    pub silhouette: Silhouette,
}

/// A place of the design's contour and the edge found there.
#[derive(Clone, Copy, Debug)]
pub struct ContourEdge {
    /// Index of the contour in the design.
    pub contour: usize,
    /// The place.
    pub at: ContourPoint,
    /// The rim that is seen there.
    pub rim: Rim,
    /// Where the photo shows it; NaN where it does not.
    pub p_image_px: Point<ImagePx>,
    /// Millimetres on the plane per pixel along the normal in the photo.
    pub mm_per_px: f64,
    /// The edge, or what was seen instead.
    pub edge: Result<Edge, NoEdge>,
    /// Signed distance of the edge from the design along the normal, mm, edge offset of the camera removed; NaN without an edge.
    pub deviation_mm: f64,
}

/// Spacing of the places along the contours, px, while they are fewer than [`MAX_PLACES`].
const SPACING_PX: f64 = 4.0;
/// Most places along all contours together.
const MAX_PLACES: f64 = 1600.0;
/// How far from the design an edge is looked for, mm.
const REACH_MM: f64 = 1.5;
/// The least overlap of shapes that can be the part of the recipe.
const MIN_OVERLAP: f64 = 0.6;

pub(super) fn find(located: &Located<'_>, design: &Design) -> Result<DrawingPose, Reason> {
    let mm_per_px = located.camera().mm_per_px(Point::new(0.0, 0.0));
    let outline_area = design.contours[0].signed_area().abs();
    let silhouette = Silhouette::find(&located.light, outline_area / (mm_per_px * mm_per_px))?;
    let candidates = coarse::candidates(located, design, &silhouette);
    let length: f64 = design.contours.iter().map(crate::design::Contour::length).sum();
    let spacing = (SPACING_PX * mm_per_px).max(length / MAX_PLACES);
    let places = Places::new(design, spacing);
    // Coarse poses of a nearly symmetric part differ by little: sub-pixel edges decide.
    let best = candidates
        .iter()
        .map(|start| refine(located, &silhouette, &places, *start))
        .enumerate()
        .min_by(|(i, a), (j, b)| a.1.total_cmp(&b.1).then(i.cmp(j)))
        .map(|(_, (pose, _))| pose)
        .ok_or(Reason::NoPart)?;
    let overlap = coarse::overlap(located, design, &silhouette, &best);
    if overlap < MIN_OVERLAP {
        return Err(Reason::NotThisPart { overlap_percent: 100.0 * overlap });
    }
    Ok(settle(located, silhouette, &places, best, overlap))
}

/// Places along all contours, with the contour of each.
struct Places(Vec<(usize, ContourPoint)>);

impl Places {
    fn new(design: &Design, spacing: f64) -> Self {
        Self(
            design
                .contours
                .iter()
                .enumerate()
                .flat_map(|(i, c)| c.sample(spacing).into_iter().map(move |p| (i, p)))
                .collect(),
        )
    }
}

impl DrawingPose {
    /// Every displaced world with its source and the pose that the part's edges have in it.
    pub fn worlds<'a>(
        &'a self,
        worlds: &'a Worlds,
    ) -> impl Iterator<Item = (Source, &'a World, &'a Similarity<DesignMm, PlaneMm>)> {
        worlds.displaced.iter().zip(&self.displaced).map(|((source, world), pose)| (*source, world, pose))
    }
}

impl ContourEdge {
    /// Signed distance of the edge from the design along the normal, mm, in a world and its pose; NaN without an edge.
    pub fn deviation_in(&self, world: &World, pose: &Similarity<DesignMm, PlaneMm>) -> f64 {
        self.edge.map_or(f64::NAN, |edge| {
            let found = world.place(edge.p, edge.normal, self.rim);
            (found - pose.apply(self.at.p)).dot(pose.apply_vector(self.at.normal))
        })
    }
}

/// How the photo shows a contour place in a pose, and which rim of it.
fn look(world: &World, pose: &Similarity<DesignMm, PlaneMm>, at: &ContourPoint) -> (Rim, Option<Look>) {
    let (p, normal) = (pose.apply(at.p), pose.apply_vector(at.normal));
    let rim = world.rim(p, normal);
    (rim, world.camera.look(p, normal, at.curvature, world.z(rim)))
}

/// The probe of a place. Each uses its own pixels, and a narrow burr is not averaged with the edge beside it.
const fn probe(look: &Look, reach_mm: f64) -> Probe {
    Probe::new(look, reach_mm, 0.5 * SPACING_PX)
}

/// Moves a coarse pose onto the crossings of light; gives the pose and its robust cost (mean of min(d², t²), mm²).
fn refine(
    located: &Located<'_>,
    silhouette: &Silhouette,
    places: &Places,
    start: Similarity<DesignMm, PlaneMm>,
) -> (Similarity<DesignMm, PlaneMm>, f64) {
    let mut pose = start;
    let mut cost = f64::INFINITY;
    // Every other place will do, and more than 400 change nothing.
    let step = places.0.len().div_ceil(400).max(2);
    for round in 0..6 {
        let reach_mm = if round < 2 { 2.0 * REACH_MM } else { REACH_MM };
        let found: Vec<(ContourPoint, f64)> = places
            .0
            .par_iter()
            .step_by(step)
            .map(|(_, at)| {
                let d = look(&located.worlds.nominal, &pose, at).1.and_then(|look| {
                    let d = crossing(&located.light, &silhouette.light, &probe(&look, reach_mm)).ok()?;
                    Some(d / look.px_per_mm)
                });
                (*at, d.unwrap_or(f64::NAN))
            })
            .collect();
        let truncated = |d: f64| if d.is_nan() { REACH_MM * REACH_MM } else { (d * d).min(REACH_MM * REACH_MM) };
        cost = found.iter().map(|(_, d)| truncated(*d)).sum::<f64>() / found.len() as f64;
        let Some(fit) = fit_rigid(&pose, found.iter().map(|(at, d)| (at, *d))) else { break };
        pose = fit.pose;
        if fit.moved_mm < 1e-3 {
            break;
        }
    }
    (pose, cost)
}

/// Measures all edges at sub-pixel level, fits the pose to them, and says how well it is known.
fn settle(
    located: &Located<'_>,
    silhouette: Silhouette,
    places: &Places,
    start: Similarity<DesignMm, PlaneMm>,
    overlap: f64,
) -> DrawingPose {
    let mut edges: Vec<ContourEdge> =
        places.0.par_iter().map(|(contour, at)| measure(located, &silhouette, &start, *contour, at)).collect();
    let (nominal, displaced) = (&located.worlds.nominal, &located.worlds.displaced);
    for e in &mut edges {
        e.deviation_mm = e.deviation_in(nominal, &start);
    }
    let Some(fit) = fit_rigid(&start, edges.iter().map(|e| (&e.at, e.deviation_mm))) else {
        return DrawingPose {
            plane_from_design: start,
            displaced: vec![start; displaced.len()],
            u_shift_mm: f64::INFINITY,
            u_turn_rad: f64::INFINITY,
            pivot: Point::new(0.0, 0.0),
            reach_mm: REACH_MM,
            scatter_mm: f64::INFINITY,
            overlap,
            edges,
            silhouette,
        };
    };
    // The edges stay where they are; their deviation is taken again from the settled pose.
    for e in &mut edges {
        e.deviation_mm = e.deviation_in(nominal, &fit.pose);
        e.p_image_px = located.camera().image_from_plane(fit.pose.apply(e.at.p), nominal.z(e.rim));
    }
    // A displaced world moves edges by little and all in the same way: no robust fit is needed to follow them.
    let used: Vec<&ContourEdge> = edges.iter().filter(|e| e.deviation_mm.abs() < 4.685 * fit.scatter_mm).collect();
    let in_world = |world: &World| {
        let moved = used.iter().map(|e| (&e.at, e.deviation_in(world, &fit.pose)));
        fit_rigid(&fit.pose, moved).map_or(fit.pose, |f| f.pose)
    };
    DrawingPose {
        plane_from_design: fit.pose,
        displaced: displaced.iter().map(|(_, world)| in_world(world)).collect(),
        u_shift_mm: fit.u_shift_mm,
        u_turn_rad: fit.u_turn_rad,
        pivot: fit.pose.inverse().apply(fit.pivot),
        reach_mm: REACH_MM,
        scatter_mm: fit.scatter_mm,
        overlap,
        edges,
        silhouette,
    }
}

fn measure(
    located: &Located<'_>,
    silhouette: &Silhouette,
    pose: &Similarity<DesignMm, PlaneMm>,
    contour: usize,
    at: &ContourPoint,
) -> ContourEdge {
    let (rim, look) = look(&located.worlds.nominal, pose, at);
    let edge = look
        .as_ref()
        .ok_or(NoEdge::OffImage)
        .and_then(|look| find_edge(&located.light, &silhouette.light, &probe(look, REACH_MM)));
    let (p_image_px, mm_per_px) =
        look.map_or((Point::new(f64::NAN, f64::NAN), f64::NAN), |look| (look.p, 1.0 / look.px_per_mm));
    ContourEdge { contour, at: *at, rim, p_image_px, mm_per_px, edge, deviation_mm: f64::NAN }
}

struct RigidFit {
    pose: Similarity<DesignMm, PlaneMm>,
    moved_mm: f64,
    u_shift_mm: f64,
    u_turn_rad: f64,
    pivot: Point<PlaneMm>,
    scatter_mm: f64,
}

/// The small turn and shift that brings the contour onto its edges: point-to-line least squares, Tukey's biweight on the median
/// absolute deviation, so that a short edge, a burr or a moved hole does not pull the part along.
fn fit_rigid<'a>(
    pose: &Similarity<DesignMm, PlaneMm>,
    edges: impl Iterator<Item = (&'a ContourPoint, f64)>,
) -> Option<RigidFit> {
    let data: Vec<(Vector<PlaneMm>, Vector<PlaneMm>, f64)> = edges
        .filter(|(at, d)| d.is_finite() && at.weight > 0.0)
        .map(|(at, d)| (pose.apply(at.p) - Point::new(0.0, 0.0), pose.apply_vector(at.normal), d))
        .collect();
    if data.len() < 12 {
        return None;
    }
    // About the middle of the edges, so that turn and shift do not mix.
    let n = data.len() as f64;
    let middle = data.iter().fold(Vector::new(0.0, 0.0), |m, d| m + d.0 * (1.0 / n));
    let rows: Vec<([f64; 3], f64)> =
        data.iter().map(|(p, normal, d)| ([normal.x, normal.y, (*p - middle).cross(*normal)], *d)).collect();
    let mut x = [0.0; 3];
    let (mut covariance, mut scatter) = ([0.0; 3], f64::INFINITY);
    for _ in 0..30 {
        let residual = |r: &([f64; 3], f64)| r.1 - r.0.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>();
        let mut magnitudes: Vec<f64> = rows.iter().map(|r| residual(r).abs()).collect();
        let half = magnitudes.len() / 2;
        scatter = (1.4826 * *magnitudes.select_nth_unstable_by(half, f64::total_cmp).1).max(1e-4);
        let limit = 4.685 * scatter;
        let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
        for r in &rows {
            let t = residual(r) / limit;
            if t.abs() < 1.0 {
                let w = (1.0 - t * t) * (1.0 - t * t);
                for i in 0..3 {
                    b[i] += w * r.0[i] * r.1;
                    for j in 0..3 {
                        a[i][j] += w * r.0[i] * r.0[j];
                    }
                }
            }
        }
        // A round part says nothing of its turn: leave the turn as it is.
        let lever = rows.iter().map(|r| r.0[2] * r.0[2]).sum::<f64>() / n;
        let free = lever > 1e-6;
        if !free {
            a[2] = [0.0, 0.0, 1.0];
            (a[0][2], a[1][2], b[2]) = (0.0, 0.0, 0.0);
        }
        let next = solve_symmetric(a, b)?;
        let change = (0..3).map(|i| (next[i] - x[i]).abs()).fold(0.0, f64::max);
        x = next;
        for (k, c) in covariance.iter_mut().enumerate() {
            let mut e = [0.0; 3];
            e[k] = 1.0;
            *c = solve_symmetric(a, e)?[k] * scatter * scatter;
        }
        if change < 1e-7 {
            break;
        }
    }
    let turn = Similarity::<PlaneMm, PlaneMm>::new(1.0, Angle::from_radians(x[2]), false, Vector::new(0.0, 0.0));
    let pivot = Point::new(middle.x, middle.y);
    let shift = (pivot - turn.apply(pivot)) + Vector::new(x[0], x[1]);
    let step = Similarity::<PlaneMm, PlaneMm>::new(1.0, Angle::from_radians(x[2]), false, shift);
    let radius = rows.iter().map(|r| r.0[2].abs()).fold(0.0, f64::max);
    Some(RigidFit {
        pose: pose.then(&step),
        moved_mm: x[0].abs().max(x[1].abs()).max(x[2].abs() * radius),
        u_shift_mm: covariance[0].max(covariance[1]).max(0.0).sqrt(),
        u_turn_rad: covariance[2].max(0.0).sqrt(),
        pivot,
        scatter_mm: scatter,
    })
}
