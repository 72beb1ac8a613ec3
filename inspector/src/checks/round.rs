//! Measuring a round contour: shared by `hole` and `outline`.

use super::figure::Sought;
use super::seen::{Rejected, SeenEdge, Shows};
use crate::calibration::{Budget, Located, Rim, Source, World};
use crate::geometry::{
    Circle, CircleFit, DesignMm, FitError, ImagePx, Mm, PixelRect, PlaneMm, Point, Vector, fit_circle,
    fit_weighted_circle, longest_gap, refit_circle,
};
use crate::measure::LightModel;
use crate::measure::edge::{Edge, NoEdge, Probe, crossing};
use crate::measure::glare::find_clear_edge;
use crate::reason::Reason;
use crate::registration::{BESIDE_PX, DrawingPose, Place, RegisteredPart, Shadow};

/// On which side of the contour the material is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A round outline.
    Inside,
    /// A hole.
    Outside,
}

/// A measured round contour.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// On the plane, in the nominal world.
    pub(super) fit: CircleFit<PlaneMm>,
    pub(super) region: Option<PixelRect>,
    /// Every edge that was looked at.
    pub(super) seen: Vec<SeenEdge>,
    edges: Vec<(Edge, Rim)>,
}

/// Smallest radius that can be measured, px: below it the blurred edges on both sides run into each other.
pub(super) const MIN_RADIUS_PX: f64 = 4.0;
/// Spacing of edges along the contour, px; each uses its own pixels.
const SPACING_PX: f64 = 3.0;
/// Share of places that must show an edge.
const MIN_FOUND: f64 = 0.5;
/// A circle of which a longer piece than this shows no edge, as a share of the whole, is seen from one side only: nothing is measured across it.
const MAX_GAP: f64 = 0.42;
/// An edge less sure than this, px, is hardly seen.
pub(super) const HARDLY_PX: f64 = 0.5;
/// How far a contour is looked for, mm.
pub(super) const REACH_MM: f64 = 1.5;
/// Edges that scatter by more than this share of the radius, and this many pixels, are of no circle.
const ROUND_SHARE: f64 = 0.1;
const ROUND_PX: f64 = 1.5;
/// A circle whose radius is more uncertain than this, as a share of it, by its own edges, is made of a few that were found by chance.
const UNSURE_SHARE: f64 = 0.05;
/// Least scatter of an edge believed, px.
const NOISE_FLOOR_PX: f64 = 0.01;

/// Measures the round contour that should be at `nominal`.
pub(super) fn measure(part: &RegisteredPart<'_>, nominal: &Circle<DesignMm>, side: Side) -> Result<Round, Reason> {
    let pose = part.drawing()?;
    let (light, shadow) = (&pose.silhouette.light, pose.shadow);
    let eye = Eye { located: &part.located, light, shadow, side };
    let start = Circle { centre: pose.plane_from_design.apply(nominal.centre), radius: nominal.radius };
    let mm_per_px = part.located.camera().mm_per_px(start.centre);
    if start.radius < MIN_RADIUS_PX * mm_per_px {
        return Err(Reason::TooSmall { size_px: 2.0 * start.radius / mm_per_px, expected_px: 2.0 * MIN_RADIUS_PX });
    }
    let rough = eye.rough(pose, start, mm_per_px)?;
    let fine = eye.fine(rough, mm_per_px)?;
    // Once more from the found circle: the bend and the windows are then the real ones.
    let (edges, mut seen) = eye.edges(fine, mm_per_px)?;
    let trust: Vec<f64> = edges.iter().map(|(edge, _)| edge.trust).collect();
    let points = places(&edges, &part.located.worlds.nominal);
    let fit = fit_weighted_circle(&points, &trust, NOISE_FLOOR_PX * mm_per_px)
        .map_err(|e| Reason::NoFit { detail: e.to_string() })?;
    if fit.rejected * 2 > edges.len() {
        return Err(Reason::NoFit { detail: format!("{} of {} edges lie off the circle", fit.rejected, edges.len()) });
    }
    if fit.rms > (ROUND_SHARE * fit.circle.radius).max(ROUND_PX * mm_per_px) {
        let detail =
            format!("edges lie {:.2} mm off the circle, as a rule: it is not round, or shadow hides it", fit.rms);
        return Err(Reason::NoFit { detail });
    }
    if fit.u_radius > UNSURE_SHARE * fit.circle.radius {
        let detail =
            format!("its diameter would be known to {:.2} mm only: shadow hides most of it", 4.0 * fit.u_radius);
        return Err(Reason::NoFit { detail });
    }
    let region = PixelRect::around(
        edges.iter().map(|(edge, _)| edge.p),
        2.0,
        part.located.light.width(),
        part.located.light.height(),
    );
    seen.extend(edges.iter().zip(&points).zip(&fit.weights).map(|(((edge, _), p), weight)| {
        let off = p.distance(fit.circle.centre) - fit.circle.radius;
        let rejected = Shows::Rejected(Rejected::OffFigure(off));
        SeenEdge::found(edge, if *weight > 0.0 { Shows::OnFigure } else { rejected })
    }));
    Ok(Round { fit, region, seen, edges })
}

/// The edges on the plane, in a world.
fn places(edges: &[(Edge, Rim)], world: &World) -> Vec<Point<PlaneMm>> {
    edges.iter().map(|(edge, rim)| world.place(edge.p, edge.normal, &edge.shade_px, *rim)).collect()
}

impl Round {
    /// The circle in a displaced world; not a number when there is none.
    pub(super) fn circle_in(&self, world: &World) -> Circle<PlaneMm> {
        let nowhere = Circle { centre: Point::new(f64::NAN, f64::NAN), radius: f64::NAN };
        refit_circle(&places(&self.edges, world), &self.fit).unwrap_or(nowhere)
    }
    /// Diameter, mm.
    pub(super) const fn diameter(&self) -> f64 {
        2.0 * self.fit.circle.radius
    }
    /// What the uncertainty of the diameter is made of.
    pub(super) fn diameter_budget(&self, located: &Located<'_>) -> Budget {
        let mut terms = vec![(Source::Noise, 2.0 * self.fit.u_radius)];
        let change = |world: &World| 2.0 * (self.circle_in(world).radius - self.fit.circle.radius);
        terms.extend(located.worlds.displaced.iter().map(|(source, world)| (*source, change(world))));
        Budget::of(terms)
    }
}

/// A round contour place by place, nothing set aside: for form.
#[derive(Clone, Debug)]
pub(super) struct Circumference {
    pub(super) edges: Vec<(Edge, Rim)>,
    /// Places without an edge as far as was looked, and where they lie at least.
    pub(super) beyond: Vec<(Point<ImagePx>, Point<PlaneMm>)>,
    pub(super) mm_per_px: f64,
}

/// Share of places that may show no clean edge (a speck) before a form counts as not measured.
const MAX_UNCLEAR: f64 = 0.1;

impl Round {
    /// Every place around the found circle, as far from it as contours are looked for.
    pub(super) fn circumference(&self, part: &RegisteredPart<'_>, side: Side) -> Result<Circumference, Reason> {
        let pose = part.drawing()?;
        let (light, shadow) = (&pose.silhouette.light, pose.shadow);
        let eye = Eye { located: &part.located, light, shadow, side };
        let circle = self.fit.circle;
        let mm_per_px = part.located.camera().mm_per_px(circle.centre);
        let reach = (REACH_MM / mm_per_px).min(0.8 * circle.radius / mm_per_px);
        let probes = eye.probes(circle, reach, mm_per_px);
        let mut found = Circumference { edges: Vec::new(), beyond: Vec::new(), mm_per_px };
        let world = &part.located.worlds.nominal;
        for (probe, rim) in &probes {
            let farthest = |sign: f64| {
                let p = probe.p + probe.normal * (sign * reach);
                (p, world.camera.plane_from_image(p, world.z(*rim)))
            };
            match find_clear_edge(&part.located, eye.light, probe) {
                Ok(edge) => found.edges.push((edge, *rim)),
                Err(NoEdge::OnlyMaterial) => found.beyond.push(farthest(1.0)),
                Err(NoEdge::OnlyBackground) => found.beyond.push(farthest(-1.0)),
                // What shines may hide what is not round.
                Err(NoEdge::Glare) => return Err(Reason::Glare),
                // The circle itself lies in the picture.
                Err(NoEdge::NoStep | NoEdge::Hidden | NoEdge::OffImage) => {}
            }
        }
        let seen = found.edges.len() + found.beyond.len();
        // In a deep hole fewer places are probed than there are all round.
        if (seen as f64) < (1.0 - MAX_UNCLEAR) * probes.len() as f64 || found.edges.len() * 2 < probes.len() {
            return Err(eye.no_edge(found.edges.len(), &probes));
        }
        Ok(found)
    }
}

impl Circumference {
    /// Its places on the plane, in a world.
    pub(super) fn places(&self, world: &World) -> Vec<Point<PlaneMm>> {
        let mut all = places(&self.edges, world);
        all.extend(self.beyond.iter().map(|(_, p)| *p));
        all
    }
}

/// A unit vector so many radians from x.
fn towards(turn: f64) -> Vector<PlaneMm> {
    let (sin, cos) = libm::sincos(turn);
    Vector::new(cos, sin)
}

/// Edges with the rim that each shows, and the places where none is found.
type Found = (Vec<(Edge, Rim)>, Vec<SeenEdge>);

/// What looks for a round contour.
struct Eye<'a> {
    located: &'a Located<'a>,
    light: &'a LightModel,
    shadow: Option<Shadow>,
    side: Side,
}

impl Eye<'_> {
    /// Places evenly around a circle, starting to the right, and the rim that each shows; one that the photo does not show is left out.
    fn probes(&self, circle: Circle<PlaneMm>, reach_px: f64, mm_per_px: f64) -> Vec<(Probe, Rim)> {
        let n = (std::f64::consts::TAU * circle.radius / mm_per_px / SPACING_PX).clamp(24.0, 360.0).floor();
        let sign = if self.side == Side::Inside { 1.0 } else { -1.0 };
        let world = &self.located.worlds.nominal;
        let probe = |i: usize| {
            let turn = std::f64::consts::TAU * i as f64 / n;
            let radial = towards(turn);
            let (p, normal) = (circle.centre + radial * circle.radius, radial * sign);
            let place = Place::new(world, p, normal, sign / circle.radius)?;
            let room = if self.side == Side::Outside { 2.0 * circle.radius } else { f64::INFINITY };
            let (sight, relief) = (place.sight, Shadow::relief(self.shadow.as_ref(), world, &place, room));
            // Through a deep hole the far rim hides behind the near one; near where it goes out of sight, the near one is in the window beside it.
            let hidden = |shift: Vector<PlaneMm>| {
                let beside = BESIDE_PX * mm_per_px / circle.radius;
                [-beside, 0.0, beside].into_iter().any(|by| {
                    let behind = towards(turn + by) * circle.radius + shift;
                    // A place on the circle itself may lie outside it by the last bit.
                    behind.length() > circle.radius * (1.0 + 1e-9)
                })
            };
            if self.side == Side::Outside && world.sight_line(p, sight.rim).is_some_and(hidden) {
                return None;
            }
            Some((Probe { reach_px, ..Probe::new(&sight, relief, 0.0, 0.5 * SPACING_PX) }, sight.rim))
        };
        (0..n as usize).filter_map(probe).collect()
    }

    /// Finds the contour roughly: around the nominal place, or, when too little is there, around the nearest opening of the silhouette.
    fn rough(&self, pose: &DrawingPose, start: Circle<PlaneMm>, mm_per_px: f64) -> Result<Circle<PlaneMm>, Reason> {
        if !self.in_picture(start) {
            return Err(Reason::OutOfPicture);
        }
        let reach = (REACH_MM / mm_per_px).max(3.0);
        let within = if self.side == Side::Outside { reach } else { reach.min(0.9 * start.radius / mm_per_px) };
        self.attempt(start, within, mm_per_px).or_else(|reason| {
            let camera = self.located.camera();
            let radius = start.radius / mm_per_px;
            let opening = pose
                .silhouette
                .opening_near(camera.image_from_plane(start.centre, Mm(0.0)), 2.0 * radius + REACH_MM / mm_per_px);
            match (self.side, opening) {
                (Side::Outside, Some(centre)) => {
                    let centre = camera.plane_from_image(centre, Mm(0.0));
                    self.attempt(Circle { centre, radius: start.radius }, within, mm_per_px)
                }
                _ => Err(reason),
            }
        })
    }

    /// The circle through the crossings of light around `from`, not farther than `reach` px from it.
    fn attempt(&self, from: Circle<PlaneMm>, reach: f64, mm_per_px: f64) -> Result<Circle<PlaneMm>, Reason> {
        let world = &self.located.worlds.nominal;
        let probes = self.probes(from, reach, mm_per_px);
        let crossed = |(p, rim): &(Probe, Rim)| {
            let d = crossing(&self.located.light, self.light, p).ok()?;
            Some(world.camera.plane_from_image(p.p + p.normal * d, world.z(*rim)))
        };
        let found: Vec<Point<PlaneMm>> = probes.iter().filter_map(crossed).collect();
        let too_few = || self.no_edge(found.len(), &probes);
        if (found.len() as f64) < MIN_FOUND * probes.len() as f64 {
            return Err(too_few());
        }
        let fit = fit_circle(&found, 0.5 * mm_per_px).map_err(|e| Reason::NoFit { detail: e.to_string() })?;
        let (circle, reach) = (fit.circle, reach * mm_per_px);
        // Something else nearby (a slot, the outline) is not this contour.
        let plausible =
            (circle.radius - from.radius).abs() <= reach && circle.centre.distance(from.centre) <= 1.5 * reach;
        if plausible { Ok(circle) } else { Err(too_few()) }
    }

    /// Too few edges at these places, and why.
    fn no_edge(&self, found: usize, probes: &[(Probe, Rim)]) -> Reason {
        let lost = probes.iter().filter_map(|(p, _)| find_clear_edge(self.located, self.light, p).err());
        Sought { found, expected: probes.len(), ..Sought::instead(lost) }.too_few(self.shadow)
    }

    fn in_picture(&self, circle: Circle<PlaneMm>) -> bool {
        let (w, h) = (f64::from(self.located.light.width()), f64::from(self.located.light.height()));
        let inside = |p: Point<ImagePx>| p.x >= 0.0 && p.y >= 0.0 && p.x <= w - 1.0 && p.y <= h - 1.0;
        let corners = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)];
        corners.iter().all(|(x, y)| {
            let p = circle.centre + Vector::new(x * circle.radius, y * circle.radius);
            inside(self.located.camera().image_from_plane(p, Mm(0.0)))
        })
    }

    fn fine(&self, rough: Circle<PlaneMm>, mm_per_px: f64) -> Result<Circle<PlaneMm>, Reason> {
        let world = &self.located.worlds.nominal;
        let found = |(p, rim): &(Probe, Rim)| {
            let edge = find_clear_edge(self.located, self.light, p).ok()?;
            Some((world.camera.plane_from_image(edge.p, world.z(*rim)), edge.trust))
        };
        let probes: Vec<(Probe, Rim)> = self.probes(rough, 6.0, mm_per_px).into_iter().step_by(2).collect();
        let (points, trust): (Vec<Point<PlaneMm>>, Vec<f64>) = probes.iter().filter_map(found).unzip();
        let fit = fit_weighted_circle(&points, &trust, NOISE_FLOOR_PX * mm_per_px);
        fit.map(|f| f.circle).map_err(|e| match e {
            FitError::TooFewPoints { found, .. } => self.no_edge(found, &probes),
            FitError::Degenerate => Reason::NoFit { detail: e.to_string() },
        })
    }

    /// Sub-pixel edges around the circle.
    fn edges(&self, circle: Circle<PlaneMm>, mm_per_px: f64) -> Result<Found, Reason> {
        let probes = self.probes(circle, 4.0, mm_per_px);
        let (mut found, mut lost) = (Vec::with_capacity(probes.len()), Vec::new());
        for (probe, rim) in &probes {
            match find_clear_edge(self.located, self.light, probe) {
                Ok(edge) => found.push((edge, *rim)),
                Err(NoEdge::OffImage) => return Err(Reason::OutOfPicture),
                Err(why) => lost.push(SeenEdge::lost(probe.p, probe.normal, why)),
            }
        }
        let seen: Vec<(Edge, Rim)> = found.iter().filter(|(edge, _)| edge.u_px < HARDLY_PX).copied().collect();
        let from_centre = places(&seen, &self.located.worlds.nominal).into_iter().map(|p| p - circle.centre);
        if (found.len() as f64) < MIN_FOUND * probes.len() as f64 || longest_gap(from_centre) > MAX_GAP {
            return Err(self.no_edge(found.len(), &probes));
        }
        Ok((found, lost))
    }
}
