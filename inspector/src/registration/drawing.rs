//! Pose of a drawing: `silhouette -> all turns against its edges -> those refined, with the part's shadow -> the likeliest -> robust fit of sub-pixel edges`.

use super::choice::{BOUND, Choice, Seen, Way, choose};
use super::coarse::{self, Candidate};
use super::places::{Judged, Places};
use super::rigid::{PARTS_MM, fit_rigid, refit_rigid};
use super::shadow::{self, Place, Shadow};
use super::window::Window;
use crate::calibration::{Located, Rim, Sight, Source, World, Worlds};
use crate::design::{ContourPoint, Design, Feature};
use crate::geometry::{DesignMm, ImagePx, PlaneMm, Point, Similarity, Vector, median};
use crate::measure::edge::{Edge, NoEdge, Probe, crossing, lies};
use crate::measure::glare::find_clear_edge;
use crate::measure::{LightModel, Silhouette};
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
    /// The shadow that the part throws on the sheet.
    pub shadow: Option<Shadow>,
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
    /// Unit normal out of the material there; NaN where the photo does not show it.
    pub normal_px: Vector<ImagePx>,
    /// Millimetres on the plane per pixel along the normal in the photo.
    pub mm_per_px: f64,
    /// The edge, or what was seen instead.
    pub edge: Result<Edge, NoEdge>,
    /// Signed distance of the edge from the design along the normal, mm, edge offset of the camera removed; NaN without an edge.
    pub deviation_mm: f64,
}

/// Spacing of the places along the contours, px, while they are fewer than [`MAX_PLACES`].
const SPACING_PX: f64 = 4.0;
/// Places farther apart than this leave pixels between them unseen, px.
const DENSE_PX: f64 = 4.4;
/// Most places along all contours together.
const MAX_PLACES: f64 = 1600.0;
/// How far from the design an edge is looked for, mm.
pub(super) const REACH_MM: f64 = 1.5;
/// How well a crossing of light is known, px. The places of a poor pose that agree by chance must not set all others aside, else it would stay as it is.
const CROSSING_PX: f64 = 0.1;
/// Most rounds of finding the shadow and then the pose, and how little it then moves, px.
const SHADOW_ROUNDS: usize = 4;
const SETTLED_PX: f64 = 0.1;
/// The least overlap of shapes that can be the part of the recipe.
const MIN_OVERLAP: f64 = 0.6;

pub(super) fn find(located: &Located<'_>, design: &Design) -> Result<DrawingPose, Reason> {
    let mm_per_px = located.mm_per_px();
    let outline_area = design.contours[0].signed_area().abs();
    let found = Silhouette::find(&located.light, outline_area / (mm_per_px * mm_per_px), located.work_area.as_deref());
    let found = found.map_err(|reason| {
        // Of a part that fills the picture no background is seen to tell it from: what stands out are its openings. A blank picture has nothing.
        let too_large =
            || located.work_area.is_none() && !fits(located, design) && Silhouette::stands_out(&located.light);
        if reason == Reason::NoPart && too_large() { Reason::PartOutsidePicture } else { reason }
    })?;
    let (silhouette, candidates) = the_part(located, design, found)?;
    let length: f64 = design.contours.iter().map(crate::design::Contour::length).sum();
    let spacing = (SPACING_PX * mm_per_px).max(length / MAX_PLACES);
    let places = Places::new(design, spacing);
    let eye = Eye { located, light: &silhouette.light, shadow: None };
    let ways = eye.ways(design, &places, &candidates);
    let Choice { pose, shadow, doubt } =
        choose(&ways, &places, mm_per_px, design.body.either_side).ok_or(Reason::NoPart)?;
    let overlap = coarse::overlap(located, design, &silhouette, &pose);
    if overlap < MIN_OVERLAP {
        return Err(Reason::NotThisPart { overlap_percent: 100.0 * overlap });
    }
    if pose.mirrored() && !design.body.either_side {
        return Err(Reason::Flipped);
    }
    if let Some(reason) = doubt {
        return Err(reason);
    }
    let settled = settle(located, design, silhouette, shadow, &places, pose, overlap);
    same_revision(design, &settled)?;
    Ok(settled)
}

/// The part can lie wholly in the picture, as far as the rectangle around its drawing tells.
fn fits(located: &Located<'_>, design: &Design) -> bool {
    let (low, high) = design.bounds();
    let sorted = |a: f64, b: f64| (a.min(b), a.max(b));
    let (short, long) = sorted(high.x - low.x, high.y - low.y);
    let (w, h) = (f64::from(located.photo.width()), f64::from(located.photo.height()));
    let pixel = located.mm_per_px();
    short <= w.min(h) * pixel && long <= libm::hypot(w, h) * pixel
}

/// Of all that stands out, what fits the drawing best, with its coarse poses.
fn the_part(
    located: &Located<'_>,
    design: &Design,
    found: Vec<Silhouette>,
) -> Result<(Silhouette, Vec<Similarity<DesignMm, PlaneMm>>), Reason> {
    let several = found.len() > 1;
    let mut fits: Vec<(Silhouette, Vec<Candidate>)> = found
        .into_iter()
        .map(|silhouette| {
            let candidates = coarse::candidates(located, design, &silhouette);
            (silhouette, candidates)
        })
        .collect();
    fits.sort_by(|a, b| a.1[0].1.total_cmp(&b.1[0].1));
    if several {
        let fitting = fits.iter().filter(|(s, c)| coarse::overlap(located, design, s, &c[0].0) >= MIN_OVERLAP).count();
        if fitting > 1 {
            return Err(Reason::SeveralParts { found: fitting });
        }
    }
    let (silhouette, candidates) = fits.swap_remove(0);
    Ok((silhouette, candidates.into_iter().map(|c| c.0).collect()))
}

/// Farther than this from the drawing a contour is another one, mm.
const ELSEWHERE_MM: f64 = 1.2;
/// Share of the contours' length that may lie elsewhere: a fault is local, a revision is not.
const MAX_ELSEWHERE: f64 = 0.25;

/// # Errors
/// [`Reason::WrongRevision`] when a good share of the contours is not where the drawing has it.
fn same_revision(design: &Design, pose: &DrawingPose) -> Result<(), Reason> {
    let mut elsewhere = vec![0.0; design.contours.len()];
    let mut looked = 0.0;
    for e in &pose.edges {
        let off = match e.edge {
            Ok(_) => e.deviation_mm.abs() > ELSEWHERE_MM,
            Err(NoEdge::OnlyMaterial | NoEdge::OnlyBackground) => true,
            Err(NoEdge::OffImage | NoEdge::Hidden | NoEdge::NoStep | NoEdge::Glare) => continue,
        };
        looked += e.at.weight;
        elsewhere[e.contour] += if off { e.at.weight } else { 0.0 };
    }
    let share = elsewhere.iter().sum::<f64>() / looked;
    if share <= MAX_ELSEWHERE || share.is_nan() {
        return Ok(());
    }
    let worst = (0..elsewhere.len()).max_by(|a, b| elsewhere[*a].total_cmp(&elsewhere[*b])).unwrap_or(0);
    Err(Reason::WrongRevision { feature: design.features[worst].name.clone(), share_percent: 100.0 * share })
}

impl DrawingPose {
    /// Every displaced world with its source and the pose that the part's edges have in it.
    pub fn worlds<'a>(
        &'a self,
        worlds: &'a Worlds,
    ) -> impl Iterator<Item = (Source, &'a World, &'a Similarity<DesignMm, PlaneMm>)> {
        worlds.displaced.iter().zip(&self.displaced).map(|((source, world), pose)| (*source, world, pose))
    }

    /// Standard uncertainty of where the drawing puts a point, along either axis, mm: shift and turn together.
    pub fn u_at(&self, p: Point<DesignMm>) -> f64 {
        let lever = self.u_turn_rad * p.distance(self.pivot);
        (self.u_shift_mm * self.u_shift_mm + lever * lever).sqrt()
    }

    /// As [`u_at`](Self::u_at), across a contour with this unit normal: a turn moves a circle about its middle along itself.
    pub fn u_across(&self, p: Point<DesignMm>, normal: Vector<DesignMm>) -> f64 {
        libm::hypot(self.u_shift_mm, self.u_turn_rad * (p - self.pivot).cross(normal))
    }

    /// How far the contour strays from the drawing at a place, mm, or at least strays where no edge was found as far as was looked; `None` where nothing is known.
    pub fn strays(&self, e: &ContourEdge) -> Option<f64> {
        match e.edge {
            Ok(_) => Some(e.deviation_mm),
            Err(NoEdge::OnlyMaterial) => Some(self.reach_mm),
            Err(NoEdge::OnlyBackground) => Some(-self.reach_mm),
            Err(NoEdge::OffImage | NoEdge::Hidden | NoEdge::NoStep | NoEdge::Glare) => None,
        }
    }

    /// Edges along a feature, in order of travel, with no gap between the pixels that neighbours look at. A long contour's own [`edges`](Self::edges) stand
    /// farther apart: it is then looked at again, place by place.
    ///
    /// Cost: about 20 us per place, shared out over the rayon pool.
    pub fn edges_on(&self, located: &Located<'_>, design: &Design, feature: &Feature) -> Vec<ContourEdge> {
        let pixel = located.mm_per_px();
        let own = self.edges.iter().filter(|e| feature.holds(e.contour, e.at.segment));
        if own.clone().all(|e| e.at.weight <= DENSE_PX * pixel) {
            return own.copied().collect();
        }
        let eye = Eye { located, light: &self.silhouette.light, shadow: self.shadow };
        let mut places = design.contours[feature.contour].sample(SPACING_PX * pixel);
        places.retain(|at| feature.segments.contains(&at.segment));
        design.look_around(&mut places);
        let look = |at: &ContourPoint| {
            let mut e = measure(&eye, design, &self.plane_from_design, feature.contour, at);
            e.deviation_mm = e.deviation_in(&located.worlds.nominal, &self.plane_from_design);
            e
        };
        places.par_iter().map(look).collect()
    }

    /// About how far a place of the contour strays from the drawing, mm, where it shows no clean edge: to a quarter of a pixel, by the light alone. `None`
    /// where material does not end within reach.
    pub fn rough_deviation(&self, located: &Located<'_>, at: &ContourPoint) -> Option<f64> {
        let eye = Eye { located, light: &self.silhouette.light, shadow: self.shadow };
        let (probe, sight) = eye.probe(&self.plane_from_design, at, REACH_MM)?;
        Some(crossing(&located.light, &self.silhouette.light, &probe).ok()? / sight.look.px_per_mm)
    }
}

/// Blur of most of these edges (standard deviation, px); 0 where none is seen.
pub fn blur_of<'a>(edges: impl IntoIterator<Item = &'a ContourEdge>) -> f64 {
    let mut blurs: Vec<f64> = edges.into_iter().filter_map(|e| Some(e.edge.ok()?.blur_px)).collect();
    median(&mut blurs).unwrap_or(0.0)
}

impl ContourEdge {
    /// How much its edge counts in the pose, beside what sides of good parts are off: else that would hang on which sides the photo shows well.
    fn trust(&self) -> f64 {
        let Ok(edge) = self.edge else { return 0.0 };
        let u = self.mm_per_px / PARTS_MM * edge.u();
        1.0 / (1.0 + u * u)
    }
    /// Signed distance of the edge from the design along the normal, mm, in a world and its pose; NaN without an edge.
    pub fn deviation_in(&self, world: &World, pose: &Similarity<DesignMm, PlaneMm>) -> f64 {
        (self.place_in(world) - pose.apply(self.at.p)).dot(pose.apply_vector(self.at.normal))
    }
    /// Where the edge lies on the plane, in a world; NaN without an edge.
    pub fn place_in(&self, world: &World) -> Point<PlaneMm> {
        let nowhere = Point::new(f64::NAN, f64::NAN);
        self.edge.map_or(nowhere, |edge| world.place(edge.p, edge.normal, &edge.shade_px, self.rim))
    }
}

/// What looks for edges of the drawing.
#[derive(Clone, Copy)]
struct Eye<'a> {
    located: &'a Located<'a>,
    light: &'a LightModel,
    shadow: Option<Shadow>,
}

impl Eye<'_> {
    /// The probe of a contour place in a pose, and how the photo shows it. Each place uses its own pixels, and a narrow burr is not averaged with
    /// the edge beside it.
    fn probe(&self, pose: &Similarity<DesignMm, PlaneMm>, at: &ContourPoint, reach_mm: f64) -> Option<(Probe, Sight)> {
        let world = &self.located.worlds.nominal;
        let place = Place::new(world, pose.apply(at.p), pose.apply_vector(at.normal), at.curvature)?;
        let relief = Shadow::relief(self.shadow.as_ref(), world, &place, at.room);
        Some((Probe::new(&place.sight, relief, reach_mm, 0.5 * SPACING_PX), place.sight))
    }

    /// Why a rim is not seen at a place as its probe says, when something else of the part stands there.
    fn otherwise(
        &self,
        design: &Design,
        pose: &Similarity<DesignMm, PlaneMm>,
        at: &ContourPoint,
        probe: &Probe,
        sight: &Sight,
    ) -> Option<NoEdge> {
        let window = Window::new(design, &self.located.worlds.nominal, pose, at, sight);
        let shaded = |shadow: &Shadow| window.shaded_otherwise(shadow, probe.relief.as_ref());
        if window.hidden() {
            Some(NoEdge::Hidden)
        } else if self.shadow.as_ref().is_some_and(shaded) || window.wall_begins() {
            Some(NoEdge::NoStep)
        } else {
            None
        }
    }

    /// Moves a coarse pose onto the crossings of light.
    fn refine(&self, places: &Places, start: Similarity<DesignMm, PlaneMm>) -> Similarity<DesignMm, PlaneMm> {
        let mut pose = start;
        let noise_mm = CROSSING_PX * self.located.mm_per_px();
        // Every other place will do, and more than 400 change nothing.
        let step = places.all.len().div_ceil(400).max(2);
        for round in 0..6 {
            let reach_mm = if round < 2 { 2.0 * REACH_MM } else { REACH_MM };
            let found: Vec<(ContourPoint, f64)> = places
                .all
                .par_iter()
                .step_by(step)
                .map(|(_, at)| {
                    let d = self.probe(&pose, at, reach_mm).and_then(|(probe, sight)| {
                        let d = crossing(&self.located.light, self.light, &probe).ok()?;
                        Some(d / sight.look.px_per_mm)
                    });
                    (*at, d.unwrap_or(f64::NAN))
                })
                .collect();
            let distances = found.iter().map(|(at, d)| (at, *d, 1.0));
            let Some(fit) = fit_rigid(&pose, distances, noise_mm) else { break };
            pose = fit.pose;
            if fit.moved_mm < 1e-3 {
                break;
            }
        }
        pose
    }

    /// Where a part that lies about so really lies, with the shadow that it then throws: pose and shadow blur each other, so each is found with the other known,
    /// in turn, until neither moves. The shadow is first that of the outline, because openings may be elsewhere.
    fn settled(
        self,
        design: &Design,
        places: &Places,
        start: Similarity<DesignMm, PlaneMm>,
    ) -> (Self, Similarity<DesignMm, PlaneMm>) {
        let (mut eye, mut pose) = (self, self.refine(places, start));
        let all: Vec<ContourPoint> = places.all.iter().map(|(_, at)| *at).collect();
        let outline = &all[..places.all.partition_point(|(contour, _)| *contour == 0)];
        let settled_mm = SETTLED_PX * self.located.mm_per_px();
        for round in 0..=SHADOW_ROUNDS {
            let seen = if round == 0 { outline } else { &all };
            let before = eye.shadow;
            eye.shadow = shadow::find(self.located, self.light, design, &pose, seen, before.as_ref());
            if before.is_none() && eye.shadow.is_none() {
                break;
            }
            let last = pose;
            pose = eye.refine(places, last);
            if round > 0 && all.iter().all(|at| pose.apply(at.p).distance(last.apply(at.p)) < settled_mm) {
                break;
            }
        }
        (eye, pose)
    }

    /// What is seen of the part in each of the ways it may lie, with the shadow that it throws when it does: in another way's shadow the right one fits badly.
    /// Finding that takes long, so where the first way explains what is seen, ways far from it are judged with its shadow.
    fn ways(self, design: &Design, places: &Places, starts: &[Similarity<DesignMm, PlaneMm>]) -> Vec<Way> {
        let Some((first, rivals)) = starts.split_first() else { return Vec::new() };
        let (eye, pose) = self.settled(design, places, *first);
        let mut ways = vec![eye.way(design, places, pose)];
        for start in rivals {
            let quick = eye.way(design, places, eye.refine(places, *start));
            ways.push(if ways[0].rules_out(&quick, places) {
                quick
            } else {
                let (eye, pose) = self.settled(design, places, *start);
                eye.way(design, places, pose)
            });
        }
        ways
    }

    /// What is seen at the places by which poses are compared.
    fn way(&self, design: &Design, places: &Places, pose: Similarity<DesignMm, PlaneMm>) -> Way {
        let look = |j: &Judged| {
            let Some((probe, sight)) = self.probe(&pose, &j.at, REACH_MM) else { return Seen::Hidden };
            if self.otherwise(design, &pose, &j.at, &probe, &sight).is_some() {
                return Seen::Hidden;
            }
            match lies(&self.located.light, self.light, &probe) {
                Ok(None) => Seen::Hidden,
                Ok(Some(d)) => Seen::Off((d * d / (sight.look.px_per_mm * sight.look.px_per_mm)).min(BOUND)),
                Err(NoEdge::OnlyMaterial | NoEdge::OnlyBackground) => Seen::Off(BOUND),
                Err(NoEdge::NoStep | NoEdge::Glare) => Seen::Unclear,
                Err(NoEdge::OffImage | NoEdge::Hidden) => Seen::Hidden,
            }
        };
        Way { pose, shadow: self.shadow, seen: places.judged.par_iter().map(look).collect() }
    }
}

/// Measures all edges at sub-pixel level, fits the pose to them, and says how well it is known.
fn settle(
    located: &Located<'_>,
    design: &Design,
    silhouette: Silhouette,
    shadow: Option<Shadow>,
    places: &Places,
    start: Similarity<DesignMm, PlaneMm>,
    overlap: f64,
) -> DrawingPose {
    let eye = Eye { located, light: &silhouette.light, shadow };
    let look = |(contour, at): &(usize, ContourPoint)| measure(&eye, design, &start, *contour, at);
    let mut edges: Vec<ContourEdge> = places.all.par_iter().map(look).collect();
    let (nominal, displaced) = (&located.worlds.nominal, &located.worlds.displaced);
    for e in &mut edges {
        e.deviation_mm = e.deviation_in(nominal, &start);
    }
    let distances = edges.iter().map(|e| (&e.at, e.deviation_mm, e.trust()));
    let Some(fit) = fit_rigid(&start, distances, PARTS_MM) else {
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
            shadow,
        };
    };
    // The edges stay where they are; their deviation is taken again from the settled pose.
    for e in &mut edges {
        e.deviation_mm = e.deviation_in(nominal, &fit.pose);
        e.p_image_px = located.camera().image_from_plane(fit.pose.apply(e.at.p), nominal.z(e.rim));
    }
    // The same edges with the same weights: else an edge that is set aside in one world only would count as a change of the pose.
    let in_world = |world: &World| {
        let moved = edges.iter().zip(&fit.weights).map(|(e, w)| (&e.at, e.deviation_in(world, &fit.pose), *w));
        refit_rigid(&fit.pose, moved)
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
        shadow,
    }
}

fn measure(
    eye: &Eye<'_>,
    design: &Design,
    pose: &Similarity<DesignMm, PlaneMm>,
    contour: usize,
    at: &ContourPoint,
) -> ContourEdge {
    let Some((probe, sight)) = eye.probe(pose, at, REACH_MM) else {
        let nowhere = Point::new(f64::NAN, f64::NAN);
        let (edge, nan) = (Err(NoEdge::OffImage), f64::NAN);
        return ContourEdge {
            contour,
            at: *at,
            rim: Rim::Bottom,
            p_image_px: nowhere,
            normal_px: Vector::new(f64::NAN, f64::NAN),
            mm_per_px: nan,
            edge,
            deviation_mm: nan,
        };
    };
    let edge = match eye.otherwise(design, pose, at, &probe, &sight) {
        Some(why) => Err(why),
        None => find_clear_edge(eye.located, eye.light, &probe),
    };
    let (rim, p_image_px, normal_px) = (sight.rim, sight.look.p, sight.look.normal);
    let mm_per_px = 1.0 / sight.look.px_per_mm;
    ContourEdge { contour, at: *at, rim, p_image_px, normal_px, mm_per_px, edge, deviation_mm: f64::NAN }
}
