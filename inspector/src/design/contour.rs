//! Closed contours of lines and arcs.

use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};

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
    /// Distance along the contour to the nearest end of this point's segment, mm (infinite on a full circle): near a corner
    /// an edge cannot be measured.
    pub corner_distance: f64,
    /// Length of contour this point stands for, mm.
    pub weight: f64,
}

/// A closed contour: each segment starts where the one before it ends, and the last ends where the first starts.
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
            Self::Line { from, to } => *from + (*to - *from) * t,
            Self::Arc { circle, start, sweep } => {
                let (sin, cos) = Angle::from_radians(start.radians() + t * sweep.radians()).sin_cos();
                circle.centre + Vector::new(circle.radius * cos, circle.radius * sin)
            }
        }
    }
    /// Unit normal out of the material at fraction `t` (material to the left of travel, so the normal points right).
    fn normal(&self, t: f64) -> Vector<DesignMm> {
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

impl Contour {
    /// Total length, mm.
    pub fn length(&self) -> f64 {
        self.segments.iter().map(Segment::length).sum()
    }

    /// Points about `spacing` mm apart, each in the middle of the piece of contour it stands for (so never on a corner). Every segment
    /// gets at least one.
    pub fn sample(&self, spacing: f64) -> Vec<ContourPoint> {
        let smooth = self.segments.len() == 1;
        let mut points = Vec::new();
        for segment in &self.segments {
            let length = segment.length();
            let n = (length / spacing).ceil().max(1.0);
            for i in 0..n as usize {
                let t = (i as f64 + 0.5) / n;
                points.push(ContourPoint {
                    p: segment.at(t),
                    normal: segment.normal(t),
                    curvature: segment.curvature(),
                    corner_distance: if smooth { f64::INFINITY } else { length * t.min(1.0 - t) },
                    weight: length / n,
                });
            }
        }
        points
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

    /// The same contour travelled the other way.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { segments: self.segments.iter().rev().map(Segment::reversed).collect() }
    }
}
