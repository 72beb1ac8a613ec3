//! Two features and what lies between them: shared by `distance`, `angle` and `width`.

use super::entry::EntryError;
use super::figure::Straight;
use super::round::{Round, Side, measure};
use super::seen::SeenEdge;
use crate::calibration::{Budget, Source, World};
use crate::design::{Design, Feature, FeatureKind};
use crate::geometry::{DesignMm, Frame, Line, PixelRect, PlaneMm, Point};
use crate::reason::Reason;
use crate::registration::RegisteredPart;

use super::Observation;

/// Edges farther from parallel than this, in the drawing, have no distance: 1°, as a sine.
const PARALLEL_SIN: f64 = 0.017_452_406_437_283_51;

/// Two features of a drawing.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) from: Feature,
    pub(super) to: Feature,
}

/// A centre or a line.
#[derive(Clone, Copy, Debug)]
enum Place<F: Frame> {
    Centre(Point<F>),
    Line(Line<F>),
}

/// A measured feature.
enum Measured {
    Round(Round),
    Straight(Straight),
}

impl Pair {
    /// The features of those names: two different ones.
    pub(super) fn of(design: &Design, from: &str, to: &str) -> Result<Self, EntryError> {
        let named = |key: &str, name: &str| {
            super::feature_of(design, name)
                .cloned()
                .map_err(|e| EntryError { message: e.message.replace("`feature`", key), ..e })
        };
        let pair = Self { from: named("`from`", from)?, to: named("`to`", to)? };
        if pair.from.name == pair.to.name {
            return Err(EntryError::new(format!("expected two features, found {:?} twice", pair.from.name)));
        }
        Ok(pair)
    }
    /// First part of a characteristic's id.
    pub(super) fn id(&self) -> String {
        format!("{}-to-{}", self.from.name, self.to.name)
    }
    /// The two lines of two straight edges.
    pub(super) fn lines(&self) -> Option<[Line<DesignMm>; 2]> {
        match (drawn(&self.from)?, drawn(&self.to)?) {
            (Place::Line(a), Place::Line(b)) => Some([a, b]),
            _ => None,
        }
    }
    /// Their distance as drawn, mm: of centres, of a centre from a line, or of parallel lines.
    pub(super) fn drawn_distance(&self) -> Result<f64, EntryError> {
        let place = |f: &Feature| {
            drawn(f).ok_or_else(|| {
                EntryError::new(format!("expected a hole, a round outline or a straight edge, found {:?}", f.name))
            })
        };
        let (a, b) = (place(&self.from)?, place(&self.to)?);
        if let Some([a, b]) = self.lines()
            && a.direction.cross(b.direction).abs() > PARALLEL_SIN
        {
            let angle = libm::asin(a.direction.cross(b.direction).abs()).to_degrees();
            return Err(EntryError::new(format!(
                "{} and {} are not parallel in the drawing ({angle:.1}°): expected parallel edges, or a check of type `angle`",
                self.from.name, self.to.name
            )));
        }
        Ok(distance(&a, &b, self.middle()))
    }
    /// A place between two parallel edges, beside the middle of the stretch along which they face each other.
    fn middle(&self) -> Point<DesignMm> {
        let (FeatureKind::Edge { from: a, to: b }, FeatureKind::Edge { from: c, to: d }) =
            (self.from.kind, self.to.kind)
        else {
            return Point::new(0.0, 0.0);
        };
        let (low, high) = self.facing();
        let along = (b - a).unit().unwrap_or(crate::geometry::Vector::new(1.0, 0.0));
        let across = c.midpoint(d) - a;
        a + along * (0.5 * (low + high)) + (across - along * across.dot(along)) * 0.5
    }
    /// From where to where along the first of two edges the other one faces it, from its start, mm; upside down where none does.
    pub(super) fn facing(&self) -> (f64, f64) {
        let (FeatureKind::Edge { from: a, to: b }, FeatureKind::Edge { from: c, to: d }) =
            (self.from.kind, self.to.kind)
        else {
            return (0.0, 0.0);
        };
        let along = (b - a).unit().unwrap_or(crate::geometry::Vector::new(1.0, 0.0));
        let (c, d) = ((c - a).dot(along), (d - a).dot(along));
        (c.min(d).max(0.0), c.max(d).min(a.distance(b)))
    }

    /// Measures the distance. `room` is the width of the tolerance zone, mm: edges that are less parallel have no one distance.
    pub(super) fn distance(&self, part: &RegisteredPart<'_>, room: f64) -> Result<Observation, Reason> {
        let pose = part.drawing()?;
        let (a, b) = (Measured::of(part, &self.from)?, Measured::of(part, &self.to)?);
        if let (Measured::Straight(a), Measured::Straight(b)) = (&a, &b) {
            self.parallel(a, b, room)?;
        }
        let middle = self.middle();
        let nominal = &part.located.worlds.nominal;
        let at = pose.plane_from_design.apply(middle);
        let value = distance(&a.place(nominal), &b.place(nominal), at);
        let mut terms = vec![(Source::Noise, a.u_towards(&b, at)), (Source::Noise, b.u_towards(&a, at))];
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, pose)| {
            (source, distance(&a.place(world), &b.place(world), pose.apply(middle)) - value)
        }));
        let regions = [a.region(part), b.region(part)].into_iter().flatten().collect();
        let seen = [a.seen(), b.seen()].concat();
        Ok(Observation::with_budget(value, Budget::of(terms)).at(regions).seeing(seen))
    }

    /// # Errors
    /// When the distance of two edges changes by more than `room` along the stretch where they face each other, and by more than noise explains.
    fn parallel(&self, a: &Straight, b: &Straight, room: f64) -> Result<(), Reason> {
        let (low, high) = self.facing();
        let turn = libm::asin(a.fit.figure.direction.cross(b.fit.figure.direction).abs().min(1.0));
        let u_turn = libm::hypot(a.fit.u_turn(), b.fit.u_turn());
        let (change, u) = (turn * (high - low).max(0.0), u_turn * (high - low).max(0.0));
        if change > room + 3.0 * u {
            let detail = format!(
                "their distance changes by {change:.3} mm along them; measure the angle, or distances of shorter pieces"
            );
            return Err(Reason::NoFit { detail });
        }
        Ok(())
    }
}

impl Measured {
    fn of(part: &RegisteredPart<'_>, feature: &Feature) -> Result<Self, Reason> {
        match feature.kind {
            FeatureKind::Hole(circle) => measure(part, &circle, Side::Outside).map(Self::Round),
            FeatureKind::Outline(Some(circle)) => measure(part, &circle, Side::Inside).map(Self::Round),
            _ => Straight::measure(part, feature).map(Self::Straight),
        }
    }
    fn place(&self, world: &World) -> Place<PlaneMm> {
        match self {
            Self::Round(round) => Place::Centre(round.circle_in(world).centre),
            Self::Straight(straight) => Place::Line(straight.in_world(world)),
        }
    }
    /// Standard uncertainty by noise of its place across the line between it and the other one; `at` is where two edges are measured.
    fn u_towards(&self, other: &Self, at: Point<PlaneMm>) -> f64 {
        match (self, other) {
            (Self::Round(round), _) => round.fit.u_centre.0.max(round.fit.u_centre.1),
            (Self::Straight(line), Self::Round(round)) => line.fit.u_offset_at(round.fit.circle.centre),
            (Self::Straight(line), Self::Straight(_)) => line.fit.u_offset_at(at),
        }
    }
    fn seen(&self) -> Vec<SeenEdge> {
        match self {
            Self::Round(round) => round.seen.clone(),
            Self::Straight(straight) => straight.edges.seen(),
        }
    }
    fn region(&self, part: &RegisteredPart<'_>) -> Option<PixelRect> {
        match self {
            Self::Round(round) => round.region,
            Self::Straight(straight) => straight.edges.region(part),
        }
    }
}

/// A feature that has a place: a centre or a line.
fn drawn(feature: &Feature) -> Option<Place<DesignMm>> {
    match feature.kind {
        FeatureKind::Hole(circle) | FeatureKind::Outline(Some(circle)) => Some(Place::Centre(circle.centre)),
        FeatureKind::Edge { from, to } => Line::through(from, to).map(Place::Line),
        _ => None,
    }
}

/// Distance of two centres, of a centre from a line, of two lines beside the place `at`.
fn distance<F: Frame>(a: &Place<F>, b: &Place<F>, at: Point<F>) -> f64 {
    match (a, b) {
        (Place::Centre(a), Place::Centre(b)) => a.distance(*b),
        (Place::Centre(p), Place::Line(line)) | (Place::Line(line), Place::Centre(p)) => line.offset(*p).abs(),
        (Place::Line(a), Place::Line(b)) => {
            // Across the middle direction of the two, whichever way each runs.
            let sense = if a.direction.dot(b.direction) < 0.0 { -1.0 } else { 1.0 };
            let middle = Line { p: at, direction: (a.direction + b.direction * sense).unit().unwrap_or(a.direction) };
            (middle.offset(b.foot(at)) - middle.offset(a.foot(at))).abs()
        }
    }
}
