//! Closed contours of lines and arcs.

use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};
use std::f64::consts::TAU;

/// Sine of the turn from which a joint is a corner (5°). An edge point at a joint of 5° is moved by blur of 1 px by at most 0.035 px
/// (0.4 times blur times turn); curves drawn as short chords stay below it.
const CORNER_SIN: f64 = 0.087_155_742_747_658_17;

/// A piece of a contour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    /// A straight line.
    Line {
        /// Where it starts.
        from: Point<DesignMm>,
        /// Where it ends.
        to: Point<DesignMm>,
    },
    /// A circular arc.
    Arc {
        /// The circle it lies on.
        circle: Circle<DesignMm>,
        /// Direction from the centre to its start.
        start: Angle,
        /// Signed sweep: positive counter-clockwise; ±360° is a full circle.
        sweep: Angle,
    },
}

/// A point of a contour, with what measuring there needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContourPoint {
    /// Position.
    pub p: Point<DesignMm>,
    /// Unit normal pointing **out of the material**.
    pub normal: Vector<DesignMm>,
    /// Signed curvature, 1/mm: positive where the material is convex (outside of a disc), negative inside a hole.
    pub curvature: f64,
    /// Distance along the contour to the nearest corner, mm (infinite on a contour without corners): near a corner an edge cannot be
    /// measured. A corner is a joint where the direction changes by more than 5°.
    pub corner_distance: f64,
    /// Length of contour this point stands for, mm.
    pub weight: f64,
    /// Free way along the normal to whatever contour is next, mm; infinite where none is near, and before [`Design::look_around`](super::Design::look_around).
    pub room: f64,
    /// Index in the contour of the segment it lies on.
    pub segment: usize,
}

/// A closed contour: each segment starts where the one before it ends, and the last ends where the first starts (within 0.01 mm where two
/// arcs meet; lines meet their neighbours exactly).
#[derive(Clone, Debug, PartialEq)]
pub struct Contour {
    /// The pieces in order of travel; material to the left.
    pub segments: Vec<Segment>,
}

impl Segment {
    /// Length, mm.
    pub fn length(&self) -> f64 {
        match self {
            Self::Line { from, to } => from.distance(*to),
            Self::Arc { circle, sweep, .. } => circle.radius * sweep.radians().abs(),
        }
    }
    /// The point at fraction `t` in [0, 1] of the way.
    pub fn at(&self, t: f64) -> Point<DesignMm> {
        match self {
            // Exactly `from` and `to` at the ends.
            Self::Line { from, to } => Point::new(from.x * (1.0 - t) + to.x * t, from.y * (1.0 - t) + to.y * t),
            Self::Arc { circle, start, sweep } => {
                let (sin, cos) = Angle::from_radians(start.radians() + t * sweep.radians()).sin_cos();
                circle.centre + Vector::new(circle.radius * cos, circle.radius * sin)
            }
        }
    }
    /// Unit normal out of the material at fraction `t` (material to the left of travel, so the normal points right).
    pub fn normal(&self, t: f64) -> Vector<DesignMm> {
        match self {
            Self::Line { from, to } => {
                let d = (*to - *from).unit().unwrap_or(Vector::new(1.0, 0.0));
                Vector::new(d.y, -d.x)
            }
            Self::Arc { start, sweep, .. } => {
                let (sin, cos) = Angle::from_radians(start.radians() + t * sweep.radians()).sin_cos();
                Vector::new(cos, sin) * sweep.radians().signum()
            }
        }
    }
    /// Unit direction of travel at fraction `t`.
    pub fn direction(&self, t: f64) -> Vector<DesignMm> {
        self.normal(t).perpendicular()
    }
    /// Lowest and highest coordinates of the piece.
    pub fn bounds(&self) -> (Point<DesignMm>, Point<DesignMm>) {
        let (a, b) = (self.at(0.0), self.at(1.0));
        let mut low = Point::new(a.x.min(b.x), a.y.min(b.y));
        let mut high = Point::new(a.x.max(b.x), a.y.max(b.y));
        if let Self::Arc { circle: Circle { centre, radius }, .. } = self {
            if self.passes(0.0) {
                high.x = centre.x + radius;
            }
            if self.passes(0.25 * TAU) {
                high.y = centre.y + radius;
            }
            if self.passes(0.5 * TAU) {
                low.x = centre.x - radius;
            }
            if self.passes(0.75 * TAU) {
                low.y = centre.y - radius;
            }
        }
        (low, high)
    }
    /// True when an arc passes the direction `angle` (radians) from its centre; false for a line.
    fn passes(&self, angle: f64) -> bool {
        match self {
            Self::Line { .. } => false,
            Self::Arc { start, sweep, .. } => {
                let turn = if sweep.radians() < 0.0 { start.radians() - angle } else { angle - start.radians() };
                turn.rem_euclid(TAU) <= sweep.radians().abs()
            }
        }
    }
    /// True for an arc all the way round.
    pub(super) fn full(&self) -> bool {
        matches!(self, Self::Arc { sweep, .. } if sweep.radians().abs() >= TAU - 1e-9)
    }
    fn curvature(&self) -> f64 {
        match self {
            Self::Line { .. } => 0.0,
            Self::Arc { circle, sweep, .. } => sweep.radians().signum() / circle.radius,
        }
    }
    /// The same piece travelled the other way.
    #[must_use]
    pub fn reversed(&self) -> Self {
        match *self {
            Self::Line { from, to } => Self::Line { from: to, to: from },
            Self::Arc { circle, start, sweep } => Self::Arc {
                circle,
                start: Angle::from_radians(start.radians() + sweep.radians()),
                sweep: Angle::from_radians(-sweep.radians()),
            },
        }
    }
}

impl Segment {
    /// True when this piece changes whether `p` is inside: a ray to the right of `p` crosses the chord, or `p` lies between arc and chord.
    fn flips(&self, p: Point<DesignMm>) -> bool {
        let (a, b) = if self.full() { (self.at(0.0), self.at(0.0)) } else { (self.at(0.0), self.at(1.0)) };
        let crosses = (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x);
        let Self::Arc { circle, .. } = self else { return crosses };
        let chord = b - a;
        let beside = self.full() || (chord.cross(p - a) > 0.0) == (chord.cross(self.at(0.5) - a) > 0.0);
        crosses ^ (beside && p.distance(circle.centre) < circle.radius)
    }
}

impl Contour {
    /// Total length, mm.
    pub fn length(&self) -> f64 {
        self.segments.iter().map(Segment::length).sum()
    }

    /// Distances along the contour, from its start, at which it has a corner.
    fn corners(&self) -> Vec<f64> {
        let mut before = self.segments.last();
        let (mut along, mut corners) = (0.0, Vec::new());
        for segment in &self.segments {
            if let Some(before) = before {
                let (arriving, leaving) = (before.direction(1.0), segment.direction(0.0));
                if arriving.cross(leaving).abs() > CORNER_SIN || arriving.dot(leaving) < 0.0 {
                    corners.push(along);
                }
            }
            before = Some(segment);
            along += segment.length();
        }
        corners
    }

    /// Points about `spacing` mm (> 0) apart, each in the middle of the piece of contour it stands for (so never on a corner). Every
    /// segment gets at least one.
    pub fn sample(&self, spacing: f64) -> Vec<ContourPoint> {
        let corners = self.corners();
        let total = self.length();
        let (mut along, mut next) = (0.0, 0);
        let mut points = Vec::new();
        for (index, segment) in self.segments.iter().enumerate() {
            let length = segment.length();
            // Corners lie on joints, so the nearest ones before and behind are the same for the whole segment.
            while corners.get(next).is_some_and(|c| *c <= along) {
                next += 1;
            }
            let behind = if next > 0 { corners.get(next - 1).copied() } else { corners.last().map(|c| c - total) };
            let ahead = corners.get(next).copied().or(corners.first().map(|c| c + total));
            // The last bits of a length do not change the number of points.
            let n = (length / spacing - 1e-9).ceil().max(1.0);
            for i in 0..n as usize {
                let t = (i as f64 + 0.5) / n;
                points.push(ContourPoint {
                    p: segment.at(t),
                    normal: segment.normal(t),
                    curvature: segment.curvature(),
                    corner_distance: f64::min(
                        behind.map_or(f64::INFINITY, |c| along + length * t - c),
                        ahead.map_or(f64::INFINITY, |c| c - (along + length * t)),
                    ),
                    weight: length / n,
                    room: f64::INFINITY,
                    segment: index,
                });
            }
            along += length;
        }
        points
    }

    /// Lowest and highest coordinates of the contour, mm.
    pub fn bounds(&self) -> (Point<DesignMm>, Point<DesignMm>) {
        let empty = (Point::new(f64::INFINITY, f64::INFINITY), Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY));
        self.segments.iter().map(Segment::bounds).fold(empty, |(low, high), (l, h)| {
            (Point::new(low.x.min(l.x), low.y.min(l.y)), Point::new(high.x.max(h.x), high.y.max(h.y)))
        })
    }

    /// True when `p` lies inside the contour, whichever way it runs; either on the contour itself. Cost: one look at each segment.
    pub fn encloses(&self, p: Point<DesignMm>) -> bool {
        // Parity of the chords' polygon, flipped by each piece that lies between an arc and its chord.
        self.segments.iter().fold(false, |inside, s| inside ^ s.flips(p))
    }

    /// The contour as a closed polygon whose sides stay within `tolerance` mm of it (first point not repeated).
    pub fn polygon(&self, tolerance: f64) -> Vec<Point<DesignMm>> {
        let mut points = Vec::new();
        for segment in &self.segments {
            let n = match segment {
                Segment::Line { .. } => 1.0,
                Segment::Arc { circle, sweep, .. } => {
                    // Sagitta of a chord over the angle a: r (1 - cos(a/2)), about r a² / 8.
                    let step = (8.0 * tolerance / circle.radius).sqrt().min(0.5);
                    (sweep.radians().abs() / step).ceil().max(1.0)
                }
            };
            points.extend((0..n as usize).map(|i| segment.at(i as f64 / n)));
        }
        points
    }

    /// Signed area, mm²: positive when the contour runs counter-clockwise.
    pub fn signed_area(&self) -> f64 {
        // Green's theorem: chords, plus the circular segment between each arc and its chord.
        self.segments
            .iter()
            .map(|s| {
                let (a, b) = (s.at(0.0), s.at(1.0));
                let chord = 0.5 * (a.x * b.y - b.x * a.y);
                match s {
                    Segment::Line { .. } => chord,
                    Segment::Arc { circle, sweep, .. } => {
                        let w = sweep.radians();
                        chord + 0.5 * circle.radius * circle.radius * (w - libm::sin(w))
                    }
                }
            })
            .sum()
    }

    /// Integral of the position over the area, mm³, signed like the area.
    pub(super) fn moment(&self) -> Vector<DesignMm> {
        let origin = Point::new(0.0, 0.0);
        self.segments.iter().fold(Vector::new(0.0, 0.0), |sum, s| {
            let (a, b) = (s.at(0.0) - origin, s.at(1.0) - origin);
            let chord = (a + b) * (a.cross(b) / 6.0);
            let Segment::Arc { circle, sweep, .. } = s else { return sum + chord };
            // Between arc and chord: area about the centre, and how far its centroid lies from there, which is (2/3) r³ sin³(w/2) / area.
            let (w, r) = (sweep.radians(), circle.radius);
            let area = 0.5 * r * r * (w - libm::sin(w));
            let half = libm::sin(0.5 * w);
            let out = (s.at(0.5) - circle.centre) * (2.0 / 3.0 * r * r * half * half * half);
            sum + chord + (circle.centre - origin) * area + out
        })
    }

    /// The centroid of the area inside.
    pub fn centroid(&self) -> Point<DesignMm> {
        Point::new(0.0, 0.0) + self.moment() * (1.0 / self.signed_area())
    }

    /// The same contour travelled the other way.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { segments: self.segments.iter().rev().map(Segment::reversed).collect() }
    }
}
