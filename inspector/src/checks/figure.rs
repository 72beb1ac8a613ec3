//! Figures through the edges of a feature: lines, arcs, slots and ellipses, in the nominal world and in every displaced one.

use super::round::{HARDLY_PX, MIN_RADIUS_PX};
use super::seen::{Rejected, SeenEdge, Shows};
use super::{CORNER_PX, Observation};
use crate::calibration::{Budget, Source, World};
use crate::design::{Design, Feature, FeatureKind, Reference};
use crate::geometry::{
    ArcFit, Circle, DesignMm, Ellipse, EllipseFit, FitError, Fitted, Line, LineFit, Outlier, PixelRect, PlaneMm, Point,
    Stadium, StadiumFit, Vector, fit_arc, fit_ellipse, fit_line, fit_stadium, refit_arc, refit_ellipse, refit_line,
    refit_stadium,
};
use crate::measure::edge::NoEdge;
use crate::reason::Reason;
use crate::registration::{ContourEdge, DrawingPose, RegisteredPart, Shadow};

/// Nearer to the end of a piece of contour than this, px, the next piece is in the window.
const END_PX: f64 = 3.0;
/// Fewest places that say anything of a figure.
const MIN_PLACES: usize = 5;
/// Share of the places that must show an edge.
const MIN_FOUND: f64 = 0.5;
/// Least scatter of an edge believed, px.
const NOISE_FLOOR_PX: f64 = 0.01;
/// Least depth of an arc, px: below it the radius is anybody's guess.
const MIN_DEPTH_PX: f64 = 1.5;
/// Largest standard uncertainty of a radius, as a share of it.
const MAX_U_RADIUS: f64 = 0.1;
/// Largest standard uncertainty of the length of a slot, as a share of it: beyond, one of its ends is hardly seen.
const MAX_U_LENGTH: f64 = 0.015;
/// Cosine of how far an edge of a side of a slot may look away from straight across it.
const ON_A_SIDE: f64 = 0.9;
/// The same of an end of an ellipse, along it.
const ON_AN_END: f64 = 0.7;

/// The edges of a feature that can be measured.
#[derive(Clone, Debug)]
pub(super) struct Edges {
    pub(super) kept: Vec<ContourEdge>,
    /// Places without a clean edge, and how far the contour strays from the drawing there, about or at least, mm.
    pub(super) rough: Vec<(ContourEdge, f64)>,
    /// The others, and those of `kept` that lie off the figure.
    pub(super) rejected: Vec<SeenEdge>,
    /// Which of `kept` these are.
    off: Vec<usize>,
    /// Places away from the ends.
    pub(super) expected: usize,
}

impl Edges {
    /// The edges of a feature, or of the part of it that `wanted` picks.
    pub(super) fn of(
        part: &RegisteredPart<'_>,
        feature: &Feature,
        wanted: impl Fn(&ContourEdge) -> bool,
    ) -> Result<Self, Reason> {
        let (pose, design) = (part.drawing()?, design_of(part)?);
        let ends = ends(feature);
        let mut edges =
            Self { kept: Vec::new(), rough: Vec::new(), rejected: Vec::new(), off: Vec::new(), expected: 0 };
        let mut length_px = 0.0;
        for e in pose.edges_on(&part.located, design, feature).into_iter().filter(wanted) {
            length_px += e.at.weight / e.mm_per_px;
            let near = |end: &Point<_>| end.distance(e.at.p) < END_PX * e.mm_per_px;
            if e.at.corner_distance < CORNER_PX * e.mm_per_px || ends.iter().any(near) {
                edges.rejected.push(SeenEdge::of(&e, Shows::Rejected(Rejected::NearEnd)));
                continue;
            }
            edges.expected += 1;
            match e.edge {
                Ok(_) => edges.kept.push(e),
                Err(NoEdge::OffImage) => return Err(Reason::OutOfPicture),
                Err(why) => {
                    let strays = match why {
                        NoEdge::OnlyMaterial => Some(pose.reach_mm),
                        NoEdge::OnlyBackground => Some(-pose.reach_mm),
                        NoEdge::NoStep => pose.rough_deviation(&part.located, &e.at),
                        NoEdge::OffImage | NoEdge::Hidden | NoEdge::Glare => None,
                    };
                    edges.rough.extend(strays.map(|d| (e, d)));
                    edges.rejected.push(SeenEdge::of(&e, Shows::Rejected(Rejected::NoEdge(why))));
                }
            }
        }
        if edges.expected < MIN_PLACES {
            let expected_px = 2.0 * CORNER_PX + 4.0 * MIN_PLACES as f64;
            return Err(Reason::TooSmall { size_px: length_px.min(expected_px), expected_px });
        }
        if edges.kept.len() < MIN_PLACES || (edges.kept.len() as f64) < MIN_FOUND * edges.expected as f64 {
            return Err(edges.too_few(pose));
        }
        Ok(edges)
    }

    /// Of an opening that is seen from one side only, or that is narrower than what blur leaves of it, nothing is measured across.
    fn shows_across(
        &self,
        part: &RegisteredPart<'_>,
        across: Vector<DesignMm>,
        least: f64,
        width_mm: f64,
    ) -> Result<(), Reason> {
        let shows = |way: f64| {
            let clear = |e: &&ContourEdge| e.edge.is_ok_and(|edge| edge.u_px < HARDLY_PX);
            self.kept.iter().filter(clear).any(|e| way * e.at.normal.dot(across) > least)
        };
        if !shows(1.0) || !shows(-1.0) {
            return Err(self.too_few(part.drawing()?));
        }
        let (size_px, expected_px) = (width_mm / self.mm_per_px(), 2.0 * MIN_RADIUS_PX);
        if size_px < expected_px { Err(Reason::TooSmall { size_px, expected_px }) } else { Ok(()) }
    }

    /// Too few of them, and why.
    pub(super) fn too_few(&self, pose: &DrawingPose) -> Reason {
        let lost = self.rejected.iter().filter_map(|e| match e.shows {
            Shows::Rejected(Rejected::NoEdge(why)) => Some(why),
            _ => None,
        });
        // Of edges and arcs it cannot be said that they are closed.
        let instead = Sought { material: 0, ..Sought::instead(lost) };
        Sought { found: self.kept.len(), expected: self.expected, ..instead }.too_few(pose.shadow)
    }

    pub(super) fn places(&self, world: &World) -> Vec<Point<PlaneMm>> {
        self.kept.iter().map(|e| e.place_in(world)).collect()
    }
    fn trust(&self) -> Vec<f64> {
        self.kept.iter().map(|e| e.edge.map_or(0.0, |edge| edge.trust)).collect()
    }
    /// Standard deviation of one edge by the noise of its pixels, mm: root mean square over the edges.
    pub(super) fn noise_mm(&self) -> f64 {
        let square = |e: &ContourEdge| {
            let u = e.edge.map_or(0.0, |edge| edge.u_px).max(NOISE_FLOOR_PX) * e.mm_per_px;
            u * u
        };
        (self.kept.iter().map(square).sum::<f64>() / self.kept.len() as f64).sqrt()
    }
    /// The same of most edges, at least as believed where the worst of them counts: one on a burr is less sure, and must not speak for all.
    pub(super) fn usual_noise_mm(&self) -> f64 {
        super::form::usual_noise(self.kept.iter().map(|e| e.edge.map_or(0.0, |edge| edge.u_px))) * self.mm_per_px()
    }
    /// Size of a pixel at the feature, mm.
    pub(super) fn mm_per_px(&self) -> f64 {
        self.kept.iter().map(|e| e.mm_per_px).sum::<f64>() / self.kept.len() as f64
    }
    /// Standard deviation of one of the edges kept, or of the rough ones behind them, mm.
    pub(super) fn noise_of(&self, index: usize) -> f64 {
        match (self.kept.get(index), self.rough.get(index.saturating_sub(self.kept.len()))) {
            (Some(e), _) => e.edge.map_or(0.0, |edge| edge.u_px) * e.mm_per_px,
            (None, Some((e, _))) => super::form::ROUGH_PX * e.mm_per_px,
            (None, None) => f64::NAN,
        }
    }
    pub(super) fn region(&self, part: &RegisteredPart<'_>) -> Option<PixelRect> {
        around(part, self.kept.iter().filter_map(|e| Some(e.edge.ok()?.p)))
    }
    /// The fitted figure, when most edges lie on it.
    fn fitted<S, const N: usize>(
        mut self,
        fit: Result<Fitted<S, N>, FitError>,
    ) -> Result<(Self, Fitted<S, N>), Reason> {
        let fit = fit.map_err(|e| Reason::NoFit { detail: e.to_string() })?;
        let off = |o: &Outlier| SeenEdge::of(&self.kept[o.index], Shows::Rejected(Rejected::OffFigure(o.residual)));
        let off: Vec<SeenEdge> = fit.outliers.iter().map(off).collect();
        self.rejected.extend(off);
        self.off = fit.outliers.iter().map(|o| o.index).collect();
        if 2 * fit.outliers.len() > self.kept.len() {
            return Err(Reason::NoFit { detail: self.words() });
        }
        Ok((self, fit))
    }
    /// Places at which something shines.
    pub(super) fn glare(&self) -> usize {
        self.count(|r| matches!(r, Rejected::NoEdge(NoEdge::Glare)))
    }
    fn count(&self, of: fn(&Rejected) -> bool) -> usize {
        self.rejected.iter().filter(|e| matches!(&e.shows, Shows::Rejected(r) if of(r))).count()
    }
    /// All of them: those on the figure first.
    pub(super) fn seen(&self) -> Vec<SeenEdge> {
        let on = (0..self.kept.len()).filter(|i| !self.off.contains(i));
        let on = on.map(|i| SeenEdge::of(&self.kept[i], Shows::OnFigure));
        on.chain(self.rejected.iter().copied()).collect()
    }
    /// The same where the rough ones count too.
    pub(super) fn seen_with_rough(&self) -> Vec<SeenEdge> {
        let is_rough = |e: &SeenEdge| self.rough.iter().any(|(r, _)| r.p_image_px == e.p);
        let rough = self.rough.iter().map(|(e, strays)| SeenEdge::of(e, Shows::Strays(*strays)));
        self.seen().into_iter().filter(|e| !is_rough(e)).chain(rough).collect()
    }
    /// What became of the edges: "of 40 edges, 12 lie off the figure (by up to 0.310 mm), 4 near its ends, 2 were not found".
    fn words(&self) -> String {
        let off = self.off.len();
        let farthest = self.rejected.iter().fold(0.0_f64, |worst, e| match e.shows {
            Shows::Rejected(Rejected::OffFigure(by)) => worst.max(by.abs()),
            _ => worst,
        });
        format!(
            "of {} edges, {off} lie off the figure (by up to {farthest:.3} mm), {} near its ends, {} were not found",
            self.kept.len() + self.rejected.len() - off,
            self.count(|r| matches!(r, Rejected::NearEnd)),
            self.count(|r| matches!(r, Rejected::NoEdge(_))),
        )
    }
}

/// The drawing that the part is compared with.
pub(super) fn design_of<'a>(part: &RegisteredPart<'a>) -> Result<&'a Design, Reason> {
    match part.reference {
        Reference::Drawing(design) => Ok(design),
        Reference::Picture(_) | Reference::Photo => Err(Reason::NoPart),
    }
}

/// Places where an edge should be, and what is seen instead where none is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sought {
    pub(super) found: usize,
    pub(super) expected: usize,
    /// Something shines.
    pub(super) glare: usize,
    /// The part itself is in the way.
    pub(super) hidden: usize,
    /// Material, as far as was looked.
    pub(super) material: usize,
}

impl Sought {
    /// Of all these places together.
    pub(super) fn of(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            found: a.found + b.found,
            expected: a.expected + b.expected,
            glare: a.glare + b.glare,
            hidden: a.hidden + b.hidden,
            material: a.material + b.material,
        })
    }

    /// What is seen at places without an edge.
    pub(super) fn instead(lost: impl IntoIterator<Item = NoEdge>) -> Self {
        let mut all = Self::default();
        for why in lost {
            match why {
                NoEdge::Glare => all.glare += 1,
                NoEdge::Hidden => all.hidden += 1,
                NoEdge::OnlyMaterial => all.material += 1,
                NoEdge::OnlyBackground | NoEdge::NoStep | NoEdge::OffImage => {}
            }
        }
        all
    }

    /// Why too few edges are seen: what most of the missed places show instead.
    pub(super) fn too_few(self, shadow: Option<Shadow>) -> Reason {
        let Self { found, expected, glare, hidden, material } = self;
        let most = |of: usize| of > 2 && 2 * of > expected.saturating_sub(found);
        match shadow {
            _ if most(glare) => Reason::Glare,
            _ if most(hidden) => Reason::HiddenEdge { hidden, expected },
            Some(shadow) if shadow.hides() => Reason::OwnShadow,
            _ if most(material) && 2 * material > expected => Reason::NoOpening,
            _ => Reason::NoEdge { found, expected },
        }
    }
}

/// The pixels around some places.
pub(super) fn around(
    part: &RegisteredPart<'_>,
    places: impl IntoIterator<Item = Point<crate::geometry::ImagePx>>,
) -> Option<PixelRect> {
    PixelRect::around(places, 3.0, part.located.light.width(), part.located.light.height())
}

/// Where a piece of contour begins and ends; nowhere for a whole one.
fn ends(feature: &Feature) -> Vec<Point<crate::geometry::DesignMm>> {
    match feature.kind {
        FeatureKind::Edge { from, to } => vec![from, to],
        FeatureKind::Arc { circle, start, sweep } => {
            let arc = crate::design::Segment::Arc { circle, start, sweep };
            vec![arc.at(0.0), arc.at(1.0)]
        }
        _ => Vec::new(),
    }
}

/// A measured straight edge.
#[derive(Clone, Debug)]
pub(super) struct Straight {
    pub(super) fit: LineFit<PlaneMm>,
    pub(super) edges: Edges,
}

impl Straight {
    /// Measures a feature that is an edge.
    pub(super) fn measure(part: &RegisteredPart<'_>, feature: &Feature) -> Result<Self, Reason> {
        let FeatureKind::Edge { from, to } = feature.kind else { return Err(Reason::NoPart) };
        let pose = part.drawing()?.plane_from_design;
        let edges = Edges::of(part, feature, |_| true)?;
        let drawn = Line::through(pose.apply(from), pose.apply(to)).ok_or(Reason::NotFinite)?;
        let points = edges.places(&part.located.worlds.nominal);
        let fit = fit_line(&points, &edges.trust(), drawn, edges.noise_mm());
        edges.fitted(fit).map(|(edges, fit)| Self { fit, edges })
    }
    /// The line in a displaced world; not a number when there is none.
    pub(super) fn in_world(&self, world: &World) -> Line<PlaneMm> {
        let nan = f64::NAN;
        let nowhere = Line { p: Point::new(nan, nan), direction: crate::geometry::Vector::new(nan, nan) };
        refit_line(&self.edges.places(world), &self.fit).unwrap_or(nowhere)
    }
}

/// A measured arc.
#[derive(Clone, Debug)]
pub(super) struct Rounded {
    pub(super) fit: ArcFit<PlaneMm>,
    pub(super) edges: Edges,
}

impl Rounded {
    /// Measures a feature that is an arc.
    pub(super) fn measure(part: &RegisteredPart<'_>, feature: &Feature) -> Result<Self, Reason> {
        let FeatureKind::Arc { circle, sweep, .. } = feature.kind else { return Err(Reason::NoPart) };
        let pose = part.drawing()?.plane_from_design;
        let depth = |u: f64| Reason::ShortArc {
            depth_px: circle.radius * (1.0 - libm::cos(0.5 * sweep.radians())) / u,
            expected_px: MIN_DEPTH_PX,
        };
        let edges = Edges::of(part, feature, |_| true)?;
        let short = depth(edges.mm_per_px());
        if matches!(short, Reason::ShortArc { depth_px, expected_px } if depth_px < expected_px) {
            return Err(short);
        }
        let drawn = Circle { centre: pose.apply(circle.centre), radius: circle.radius };
        let points = edges.places(&part.located.worlds.nominal);
        let fit = fit_arc(&points, &edges.trust(), drawn, edges.noise_mm());
        let (edges, fit) = edges.fitted(fit)?;
        if fit.u_radius() > MAX_U_RADIUS * fit.figure.radius {
            return Err(short);
        }
        Ok(Self { fit, edges })
    }
    /// What the uncertainty of the radius is made of.
    pub(super) fn radius(&self, part: &RegisteredPart<'_>) -> Observation {
        let value = self.fit.figure.radius;
        let radius = |world: &World| refit_arc(&self.edges.places(world), &self.fit).map_or(f64::NAN, |c| c.radius);
        observed(part, value, self.fit.u_radius(), radius).seeing(self.edges.seen())
    }
}

/// A measured slot.
#[derive(Clone, Debug)]
pub(super) struct Slotted {
    pub(super) fit: StadiumFit<PlaneMm>,
    pub(super) edges: Edges,
}

impl Slotted {
    /// Measures a feature that is a slot.
    pub(super) fn measure(part: &RegisteredPart<'_>, feature: &Feature) -> Result<Self, Reason> {
        let FeatureKind::Slot(slot) = feature.kind else { return Err(Reason::NoPart) };
        let pose = part.drawing()?.plane_from_design;
        let edges = Edges::of(part, feature, |_| true)?;
        edges.shows_across(part, slot.axis().perpendicular(), ON_A_SIDE, slot.width)?;
        let drawn = Stadium {
            centre: pose.apply(slot.centre()),
            direction: pose.apply_vector(slot.axis()),
            half: 0.5 * slot.from.distance(slot.to),
            radius: 0.5 * slot.width,
        };
        let points = edges.places(&part.located.worlds.nominal);
        let fit = fit_stadium(&points, &edges.trust(), drawn, edges.noise_mm());
        edges.fitted(fit).map(|(edges, fit)| Self { fit, edges })
    }
    /// Its width.
    pub(super) fn width(&self, part: &RegisteredPart<'_>) -> Observation {
        self.observed(part, self.fit.u_width(), Stadium::width)
    }
    /// Its length over all, when its ends are seen well enough.
    pub(super) fn length(&self, part: &RegisteredPart<'_>) -> Observation {
        let found = self.observed(part, self.fit.u_length(), Stadium::length);
        let u = found.budget.u();
        if u > MAX_U_LENGTH * self.fit.figure.length() {
            let detail = format!("its length would be known to {:.2} mm only: shadow hides an end", 2.0 * u);
            return Observation::not_measured(Reason::NoFit { detail });
        }
        found
    }
    fn observed(&self, part: &RegisteredPart<'_>, u: f64, of: fn(&Stadium<PlaneMm>) -> f64) -> Observation {
        let in_world = |world: &World| refit_stadium(&self.edges.places(world), &self.fit).map_or(f64::NAN, |s| of(&s));
        observed(part, of(&self.fit.figure), u, in_world).seeing(self.edges.seen())
    }
}

/// A measured ellipse.
#[derive(Clone, Debug)]
pub(super) struct Oval {
    fit: EllipseFit<PlaneMm>,
    pub(super) edges: Edges,
}

impl Oval {
    /// Measures a feature that is drawn as this ellipse.
    pub(super) fn measure(
        part: &RegisteredPart<'_>,
        feature: &Feature,
        drawn: &Ellipse<DesignMm>,
    ) -> Result<Self, Reason> {
        let pose = part.drawing()?.plane_from_design;
        let edges = Edges::of(part, feature, |_| true)?;
        edges.shows_across(part, drawn.direction.perpendicular(), ON_A_SIDE, drawn.width())?;
        edges.shows_across(part, drawn.direction, ON_AN_END, drawn.length())?;
        let start = Ellipse {
            centre: pose.apply(drawn.centre),
            direction: pose.apply_vector(drawn.direction),
            a: drawn.a,
            b: drawn.b,
        };
        let points = edges.places(&part.located.worlds.nominal);
        let fit = fit_ellipse(&points, &edges.trust(), start, edges.noise_mm());
        edges.fitted(fit).map(|(edges, fit)| Self { fit, edges })
    }
    /// Its shorter axis.
    pub(super) fn width(&self, part: &RegisteredPart<'_>) -> Observation {
        self.observed(part, self.fit.u_width(), Ellipse::width)
    }
    /// Its longer axis.
    pub(super) fn length(&self, part: &RegisteredPart<'_>) -> Observation {
        self.observed(part, self.fit.u_length(), Ellipse::length)
    }
    fn observed(&self, part: &RegisteredPart<'_>, u: f64, of: fn(&Ellipse<PlaneMm>) -> f64) -> Observation {
        let in_world = |world: &World| refit_ellipse(&self.edges.places(world), &self.fit).map_or(f64::NAN, |e| of(&e));
        observed(part, of(&self.fit.figure), u, in_world).seeing(self.edges.seen())
    }
}

/// A value with its noise, and what becomes of it in every world.
pub(super) fn observed(
    part: &RegisteredPart<'_>,
    value: f64,
    noise: f64,
    in_world: impl Fn(&World) -> f64,
) -> Observation {
    let changes = part.located.worlds.displaced.iter().map(|(source, world)| (*source, in_world(world) - value));
    Observation::with_budget(value, Budget::of([(Source::Noise, noise)].into_iter().chain(changes)))
}

#[cfg(test)]
mod tests {
    use super::super::trace::tests::contour_edge;
    use super::*;
    use crate::geometry::Vector;

    /// 13 good edges on a line, and 27 poor ones that lie 1 mm off it, half of them on either side: what lies on the line is no edge of the part.
    #[test]
    fn where_most_edges_lie_off_there_is_no_figure() {
        let good = |i: usize| i < 13;
        let off = |i: usize| if good(i) { 0.0 } else { 1.0 - 2.0 * (i % 2) as f64 };
        let points: Vec<Point<PlaneMm>> = (0..40).map(|i| Point::new((7 * i % 40) as f64, off(i))).collect();
        let trust: Vec<f64> = (0..40).map(|i| if good(i) { 1.0 } else { 0.2 }).collect();
        let start = Line { p: Point::new(0.0, 0.0), direction: Vector::new(1.0, 0.0) };
        let fit = fit_line(&points, &trust, start, 0.005).expect("a line");
        assert_eq!(fit.outliers.len(), 27);
        let edge = contour_edge(0.0, 0.1, Err(NoEdge::NoStep));
        let edges =
            Edges { kept: vec![edge; 40], rough: Vec::new(), rejected: Vec::new(), off: Vec::new(), expected: 40 };
        let Err(Reason::NoFit { detail }) = edges.clone().fitted(Ok(fit.clone())) else { panic!("a figure") };
        assert_eq!(detail, "of 40 edges, 27 lie off the figure (by up to 1.000 mm), 0 near its ends, 0 were not found");
        let half = Fitted { outliers: fit.outliers[..20].to_vec(), ..fit };
        assert!(edges.fitted(Ok(half)).is_ok());
    }
}
