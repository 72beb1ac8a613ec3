//! Contours to slots, straight edges and arcs.

use super::assemble::reading_order;
use super::{Contour, Feature, FeatureKind, Segment, Slot};
use crate::geometry::{Angle, DesignMm, Ellipse, Point, Vector, fit_circle};
use std::f64::consts::{PI, TAU};
use std::ops::Range;

/// How far the pieces of one line or one arc may lie from it, mm.
const SAME: f64 = 0.005;
/// Shortest piece with a name, mm.
const SHORTEST: f64 = 1.0;
/// Least sweep of an arc with a name: below it, its radius says little.
const LEAST_SWEEP: f64 = 15.0 * PI / 180.0;
/// Sine of the turn below which lines go on as chords of a curve (5°).
const CHORD_SIN: f64 = 0.087_155_742_747_658_17;
/// Sine of the turn below which arcs go on smoothly (1°).
const SMOOTH_SIN: f64 = 0.017_452_406_437_283_51;
/// How far a slot's joints and ends, or the contour of an ellipse, may lie from their places, mm.
const SLOT: f64 = 0.02;

/// Neighbouring segments that lie on one line or one circle.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Its segments; past the last one it goes on at the first.
    pub(super) segments: Range<usize>,
    /// The line or arc they form.
    pub(super) whole: Segment,
}

/// The runs of a contour in order of travel, whichever way its lines and arcs are cut. Cost: one look at each segment.
pub(super) fn runs(contour: &Contour) -> Vec<Run> {
    let segments = &contour.segments;
    let n = segments.len();
    let breaks = |i: &usize| !Growing::new(&segments[(i + n - 1) % n], 0).takes(&segments[*i]);
    let first = (0..n).find(breaks).unwrap_or(0);
    let mut runs: Vec<Run> = Vec::new();
    let mut growing: Option<Growing> = None;
    for i in first..first + n {
        let segment = &segments[i % n];
        match &mut growing {
            Some(run) if run.takes(segment) => run.add(segment),
            _ => runs.extend(growing.replace(Growing::new(segment, i)).map(Growing::end)),
        }
    }
    runs.extend(growing.map(Growing::end));
    for run in &mut runs {
        let turn = if run.segments.start >= n { n } else { 0 };
        run.segments = run.segments.start - turn..run.segments.end - turn;
    }
    runs
}

/// A run that may still grow.
struct Growing {
    segments: Range<usize>,
    /// Its longest piece.
    longest: Segment,
    from: Point<DesignMm>,
    to: Point<DesignMm>,
    /// Directions from `from`, against that of the first piece, that pass within [`SAME`] of every joint so far.
    cone: (f64, f64),
    first: Vector<DesignMm>,
    /// Sum of sweeps.
    sweep: f64,
    /// Ends and middles of arcs, for the fit.
    points: Vec<Point<DesignMm>>,
}

impl Growing {
    fn new(s: &Segment, index: usize) -> Self {
        let sweep = if let Segment::Arc { sweep, .. } = s { sweep.radians() } else { 0.0 };
        Self {
            segments: index..index + 1,
            longest: *s,
            from: s.at(0.0),
            to: s.at(1.0),
            cone: (-PI, PI),
            first: s.direction(0.0),
            sweep,
            points: vec![s.at(0.0), s.at(0.5), s.at(1.0)],
        }
    }

    /// The cone, narrowed by the joint at the end of the run.
    fn narrowed(&self) -> (f64, f64) {
        let (angle, half) = (self.angle(self.to), self.from.distance(self.to));
        let half = if half > SAME { libm::asin(SAME / half) } else { PI };
        (self.cone.0.max(angle - half), self.cone.1.min(angle + half))
    }
    fn angle(&self, p: Point<DesignMm>) -> f64 {
        libm::atan2(self.first.cross(p - self.from), self.first.dot(p - self.from))
    }

    fn takes(&self, s: &Segment) -> bool {
        match (&self.longest, s) {
            (Segment::Line { from, to }, Segment::Line { .. }) => {
                let (along, next) = ((*to - *from).unit(), s.direction(0.0));
                let straight = along.is_some_and(|a| a.cross(next).abs() < CHORD_SIN && a.dot(next) > 0.0);
                let (low, high) = self.narrowed();
                straight && (low..=high).contains(&self.angle(s.at(1.0)))
            }
            (Segment::Arc { circle, .. }, Segment::Arc { sweep, .. }) => {
                let on = |t: f64| (s.at(t).distance(circle.centre) - circle.radius).abs() <= SAME;
                let sum = self.sweep + sweep.radians();
                sweep.radians() * self.sweep > 0.0 && sum.abs() <= TAU && [0.0, 0.5, 1.0].iter().all(|t| on(*t))
            }
            _ => false,
        }
    }

    fn add(&mut self, s: &Segment) {
        self.segments.end += 1;
        self.cone = self.narrowed();
        self.to = s.at(1.0);
        if s.length() > self.longest.length() {
            self.longest = *s;
        }
        if let Segment::Arc { sweep, .. } = s {
            self.sweep += sweep.radians();
            self.points.extend([s.at(0.5), s.at(1.0)]);
        }
    }

    fn end(self) -> Run {
        let one = self.segments.len() == 1;
        let whole = match self.longest {
            _ if one => self.longest,
            Segment::Line { .. } => Segment::Line { from: self.from, to: self.to },
            Segment::Arc { circle, .. } => {
                let circle = fit_circle(&self.points, 1e-6).map_or(circle, |fit| fit.circle);
                let direction = |p: Point<DesignMm>| libm::atan2(p.y - circle.centre.y, p.x - circle.centre.x);
                let (start, end) = (direction(self.from), direction(self.to));
                // The turn from start to end that is nearest to the sum of the pieces.
                let turns = ((self.sweep - (end - start)) / TAU).round();
                let (start, sweep) = (Angle::from_radians(start), Angle::from_radians(end - start + turns * TAU));
                Segment::Arc { circle, start, sweep }
            }
        };
        Run { segments: self.segments, whole }
    }
}

/// The slot that a clockwise contour is, when it is one.
pub(super) fn slot(contour: &Contour) -> Option<Slot> {
    // Long contours are none, and need not be looked through twice.
    let runs = if contour.segments.len() <= 200 { runs(contour) } else { return None };
    let [a, b, c, d] = <[Run; 4]>::try_from(runs).ok()?.map(|run| run.whole);
    let (sides, ends) = match a {
        Segment::Line { .. } => ([a, c], [b, d]),
        Segment::Arc { .. } => ([b, d], [a, c]),
    };
    let (
        [Segment::Line { .. }, Segment::Line { .. }],
        [Segment::Arc { circle: p, .. }, Segment::Arc { circle: q, .. }],
    ) = (sides, ends)
    else {
        return None;
    };
    let axis = (q.centre - p.centre).unit()?;
    let radius = 0.5 * (p.radius + q.radius);
    let near = |found: Point<DesignMm>, centre: Point<DesignMm>, along: f64, across: f64| {
        found.distance(centre + axis * (along * radius) + axis.perpendicular() * (across * radius)) <= SLOT
    };
    // Clockwise: the end at `p` runs from the right of the axis over its back to the left; the one at `q` the other way.
    let half_circles = [(ends[0], p.centre, -1.0), (ends[1], q.centre, 1.0)].iter().all(|(arc, centre, back)| {
        near(arc.at(0.0), *centre, 0.0, *back)
            && near(arc.at(0.5), *centre, *back, 0.0)
            && near(arc.at(1.0), *centre, 0.0, -back)
    });
    let (from, to) = (p.centre, q.centre);
    let turned = from.x > to.x + SLOT || ((from.x - to.x).abs() <= SLOT && from.y > to.y);
    let (from, to) = if turned { (to, from) } else { (from, to) };
    half_circles.then_some(Slot { from, to, width: 2.0 * radius })
}

/// The ellipse that a contour is, however it is cut into arcs and lines, when it is one and no circle.
pub(crate) fn ellipse(contour: &Contour) -> Option<Ellipse<DesignMm>> {
    // The area's own axes: their second moments are a quarter of the squares of the half axes.
    let polygon = contour.polygon(0.005 * SLOT);
    let middle = contour.centroid();
    let (mut area, mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0, 0.0);
    for (p, q) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let (p, q) = (*p - middle, *q - middle);
        let twice = p.cross(q);
        area += 0.5 * twice;
        xx += twice * (p.x * p.x + p.x * q.x + q.x * q.x) / 12.0;
        yy += twice * (p.y * p.y + p.y * q.y + q.y * q.y) / 12.0;
        xy += twice * (2.0 * p.x * p.y + p.x * q.y + q.x * p.y + 2.0 * q.x * q.y) / 24.0;
    }
    let (xx, xy, yy) = (xx / area, xy / area, yy / area);
    let (mean, half) = (0.5 * (xx + yy), libm::hypot(0.5 * (xx - yy), xy));
    let [a, b] = [mean + half, mean - half].map(|moment| 2.0 * moment.max(0.0).sqrt());
    let (sin, cos) = libm::sincos(0.5 * libm::atan2(2.0 * xy, xx - yy));
    let found = Ellipse { centre: middle, direction: Vector::new(cos, sin), a, b };
    let (longest, shortest) = (a - b > 2.0 * SLOT, b > SLOT);
    (longest && shortest && polygon.iter().all(|p| found.distance(*p).abs() <= SLOT)).then_some(found)
}

/// The straight edges and the arcs of the outline and of the cutouts, named. No run of `contours` goes on past their last segment.
pub(super) fn pieces(contours: &[Contour], features: &[Feature]) -> Vec<Feature> {
    let mut found: [Vec<(usize, Run)>; 2] = [Vec::new(), Vec::new()];
    for feature in features.iter().filter(|f| matches!(f.kind, FeatureKind::Outline(None) | FeatureKind::Cutout)) {
        let runs = runs(&contours[feature.contour]);
        for (i, run) in runs.iter().enumerate() {
            let neighbours = [&runs[(i + runs.len() - 1) % runs.len()].whole, &runs[(i + 1) % runs.len()].whole];
            let (named, list) = match run.whole {
                Segment::Line { .. } => (edge(&run.whole, neighbours), 0),
                Segment::Arc { .. } => (arc(&run.whole, neighbours), 1),
            };
            if named {
                found[list].push((feature.contour, run.clone()));
            }
        }
    }
    let mut features = Vec::new();
    for (mut list, word) in found.into_iter().zip(["edge", "arc"]) {
        reading_order(&mut list, |(_, run)| run.whole.at(0.5));
        features.extend(list.into_iter().enumerate().map(|(i, (contour, run))| {
            let kind = match run.whole {
                Segment::Line { from, to } => FeatureKind::Edge { from, to },
                Segment::Arc { circle, start, sweep } => FeatureKind::Arc { circle, start, sweep },
            };
            Feature { name: format!("{word}-{}", i + 1), kind, contour, segments: run.segments }
        }));
    }
    features
}

/// True for a line that deserves a name; `neighbours` are the runs before and behind it.
fn edge(line: &Segment, neighbours: [&Segment; 2]) -> bool {
    let [before, behind] = neighbours;
    let goes_on = |other: &Segment, arriving: Vector<DesignMm>, leaving: Vector<DesignMm>| {
        matches!(other, Segment::Line { .. })
            && arriving.cross(leaving).abs() < CHORD_SIN
            && arriving.dot(leaving) > 0.0
            && 4.0 * other.length() > line.length()
    };
    let chord = goes_on(before, before.direction(1.0), line.direction(0.0))
        || goes_on(behind, line.direction(1.0), behind.direction(0.0));
    line.length() >= SHORTEST && !chord
}

/// True for an arc that deserves a name.
fn arc(arc: &Segment, neighbours: [&Segment; 2]) -> bool {
    let Segment::Arc { circle, sweep, .. } = arc else { return false };
    let [before, behind] = neighbours;
    let goes_on = |other: &Segment, arriving: Vector<DesignMm>, leaving: Vector<DesignMm>| {
        let Segment::Arc { circle: o, sweep: s, .. } = other else { return false };
        let alike = (0.8..=1.25).contains(&(o.radius / circle.radius)) && s.radians() * sweep.radians() > 0.0;
        alike && arriving.cross(leaving).abs() < SMOOTH_SIN && arriving.dot(leaving) > 0.0
    };
    let free = goes_on(before, before.direction(1.0), arc.direction(0.0))
        || goes_on(behind, arc.direction(1.0), behind.direction(0.0));
    arc.length() >= SHORTEST && sweep.radians().abs() >= LEAST_SWEEP && !free
}
