//! Curves of an SVG, and how they become lines and arcs of a design.

use crate::design::Segment;
use crate::design::flatten::flatten;
use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};
use std::f64::consts::TAU;

/// How far lines and arcs may lie from the curve they stand for, mm.
const CURVE: f64 = 0.001;
/// How far the handles of a cubic that draws an arc may lie from their places, mm: two decimals of a pixel.
const HANDLE: f64 = 0.003;
/// The same along the handle, as a share of its length: programs differ in how they spread the error of a circle.
const SPREAD: f64 = 0.0012;
/// Longest arc that programs draw with one cubic.
const MAX_TURN: f64 = 100.0;

/// A place in user units, y down.
pub(super) type Xy = (f64, f64);

/// From one SVG frame to another: x' = a x + c y + e, y' = b x + d y + f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine(pub(super) [f64; 6]);

impl Affine {
    pub(super) const fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }
    pub(super) const fn scale(x: f64, y: f64) -> Self {
        Self([x, 0.0, 0.0, y, 0.0, 0.0])
    }
    /// First `inner`, then this.
    pub(super) fn of(&self, inner: &Self) -> Self {
        let ((a, b), (c, d)) = (self.vector((inner.0[0], inner.0[1])), self.vector((inner.0[2], inner.0[3])));
        let (e, f) = self.point((inner.0[4], inner.0[5]));
        Self([a, b, c, d, e, f])
    }
    pub(super) fn point(&self, p: Xy) -> Xy {
        let (x, y) = self.vector(p);
        (x + self.0[4], y + self.0[5])
    }
    fn vector(&self, (x, y): Xy) -> Xy {
        let [a, b, c, d, ..] = self.0;
        (a * x + c * y, b * x + d * y)
    }
}

/// A piece of a path in user units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Curve {
    Line([Xy; 2]),
    /// A Bézier curve: end, handles, end.
    Cubic([Xy; 4]),
    /// centre + u cos t + v sin t for t from `start` by `sweep`.
    Arc {
        centre: Xy,
        u: Xy,
        v: Xy,
        start: f64,
        sweep: f64,
    },
}

impl Curve {
    pub(super) fn ellipse(centre: Xy, rx: f64, ry: f64, start: f64, sweep: f64) -> Self {
        Self::Arc { centre, u: (rx, 0.0), v: (0.0, ry), start, sweep }
    }

    /// Appends lines and arcs within 0.001 mm of the curve; `map` leads to millimetres, y up.
    pub(super) fn draw(&self, map: &Affine, out: &mut Vec<Segment>) {
        let point = |p: Xy| {
            let (x, y) = map.point(p);
            Point::<DesignMm>::new(x, y)
        };
        match *self {
            Self::Line([a, b]) => out.push(Segment::Line { from: point(a), to: point(b) }),
            Self::Cubic(p) => cubic(p.map(point), out),
            Self::Arc { centre, u, v, start, sweep } => {
                let vector = |v: Xy| {
                    let (x, y) = map.vector(v);
                    Vector::<DesignMm>::new(x, y)
                };
                elliptic(point(centre), vector(u), vector(v), (start, sweep), out);
            }
        }
    }
}

fn elliptic(
    centre: Point<DesignMm>,
    u: Vector<DesignMm>,
    v: Vector<DesignMm>,
    (start, sweep): (f64, f64),
    out: &mut Vec<Segment>,
) {
    let size = u.length().max(v.length());
    if (u.length() - v.length()).abs() <= 1e-9 * size && u.dot(v).abs() <= 1e-9 * size * size {
        let sign = if u.cross(v) < 0.0 { -1.0 } else { 1.0 };
        out.push(Segment::Arc {
            circle: Circle { centre, radius: size },
            start: Angle::from_radians(libm::atan2(u.y, u.x) + sign * start),
            sweep: Angle::from_radians(sign * sweep),
        });
        return;
    }
    let at = |t: f64| {
        // The two ends of a whole ellipse must be the same point to the last bit.
        let (sin, cos) = libm::sincos(if sweep.abs() == TAU && t == start + sweep { start } else { t });
        (centre + u * cos + v * sin, (v * cos - u * sin) * sweep.signum())
    };
    for k in 0..8 {
        let (a, b) = (f64::from(k) / 8.0, f64::from(k + 1) / 8.0);
        flatten(&at, start + a * sweep, start + b * sweep, CURVE, out);
    }
}

fn cubic(p: [Point<DesignMm>; 4], out: &mut Vec<Segment>) {
    if let Some(arc) = arc_of_cubic(p) {
        out.push(arc);
        return;
    }
    let vectors = p.map(|q| q - Point::new(0.0, 0.0));
    let at = |t: f64| {
        let s = 1.0 - t;
        let [a, b, c, d] = vectors;
        let position = a * (s * s * s) + b * (3.0 * s * s * t) + c * (3.0 * s * t * t) + d * (t * t * t);
        let slope = (b - a) * (3.0 * s * s) + (c - b) * (6.0 * s * t) + (d - c) * (3.0 * t * t);
        // Exactly the ends: neighbours begin there.
        let position = if t == 0.0 {
            a
        } else if t == 1.0 {
            d
        } else {
            position
        };
        (Point::new(0.0, 0.0) + position, slope)
    };
    for k in 0..4 {
        flatten(&at, 0.25 * f64::from(k), 0.25 * f64::from(k + 1), CURVE, out);
    }
}

/// The arc that a cubic stands for: its handles are tangents of one circle, 4/3 tan(a/4) of its radius long for the angle a (as programs draw
/// circles), give or take rounding. The cubic strays from it by up to 0.03 % of the radius, which nobody meant.
fn arc_of_cubic(p: [Point<DesignMm>; 4]) -> Option<Segment> {
    let chord = p[3] - p[0];
    let direction = chord.unit()?;
    let (leaving, arriving) = ((p[1] - p[0]).unit()?, (p[3] - p[2]).unit()?);
    let angle = |a: Vector<DesignMm>, b: Vector<DesignMm>| libm::atan2(a.cross(b), a.dot(b));
    // Half the angle of the arc, signed like its sweep.
    let half = 0.5 * (angle(leaving, direction) + angle(direction, arriving));
    let (sin, cos) = libm::sincos(half);
    if half.abs() > (0.5 * MAX_TURN).to_radians() || sin.abs() < 1e-6 {
        return None;
    }
    let radius = chord.length() / (2.0 * sin.abs());
    let handle = 4.0 / 3.0 * libm::tan(0.5 * half.abs()) * radius;
    let turned = |v: Vector<DesignMm>, sin: f64| v * cos + v.perpendicular() * sin;
    let fits = |found: Vector<DesignMm>, tangent: Vector<DesignMm>| {
        tangent.cross(found).abs() <= HANDLE && (tangent.dot(found) - handle).abs() <= HANDLE + SPREAD * handle
    };
    let alike = fits(p[1] - p[0], turned(direction, -sin)) && fits(p[3] - p[2], turned(direction, sin));
    // A rise of less than a tolerance is as good as a line.
    if !alike || !radius.is_finite() || radius * (1.0 - cos) < CURVE {
        return None;
    }
    let centre = p[0].midpoint(p[3]) + direction.perpendicular() * (radius * cos * half.signum());
    let from = p[0] - centre;
    Some(Segment::Arc {
        circle: Circle { centre, radius },
        start: Angle::from_radians(libm::atan2(from.y, from.x)),
        sweep: Angle::from_radians(2.0 * half),
    })
}
