//! A smooth curve to arcs and lines.

use crate::design::Segment;
use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};
use std::f64::consts::TAU;

/// Halvings of one span; below it a line is drawn whatever the curve does there (a cusp).
const MAX_HALVINGS: u32 = 16;
/// How far the direction of a piece may lie from the curve's at its ends (0.25°): joints stay smooth.
const MAX_TURN: f64 = 0.25 * std::f64::consts::PI / 180.0;

/// A point of a curve and its derivative there.
pub(super) type At = (Point<DesignMm>, Vector<DesignMm>);

/// Appends arcs and lines that stay within `tolerance` of `curve` between the parameters `a` and `b`, as seen at the quarters of each
/// piece, and keep its direction within 0.25° at the joints.
///
/// Honest scope: a wiggle that hides between the quarters of a piece is not seen. Splines are cut at their knots before, so that each
/// span is one polynomial, which cannot hide much.
pub(super) fn flatten(curve: &impl Fn(f64) -> At, a: f64, b: f64, tolerance: f64, out: &mut Vec<Segment>) {
    let mut open = vec![(a, b, MAX_HALVINGS)];
    while let Some((a, b, halvings)) = open.pop() {
        let m = 0.5 * (a + b);
        let (from, to) = (curve(a), curve(b));
        let inner = [curve(0.5 * (a + m)), curve(m), curve(0.5 * (m + b))];
        let line = Segment::Line { from: from.0, to: to.0 };
        // A line must be closer than an arc: where the curve bends, an arc carries its curvature.
        let fits_line = distance(&line, &inner) <= 0.05 * tolerance && follows(&line, from, to);
        let short = from.0.distance(to.0) <= tolerance && distance(&line, &inner) <= tolerance;
        if halvings == 0 || fits_line || short {
            out.push(line);
        } else if let Some(arc) = arc_through(from.0, inner[1].0, to.0)
            && distance(&arc, &inner) <= 0.5 * tolerance
            && follows(&arc, from, to)
        {
            out.push(arc);
        } else {
            open.push((m, b, halvings - 1));
            open.push((a, m, halvings - 1));
        }
    }
}

/// Largest distance of the points from a piece.
fn distance(piece: &Segment, points: &[At]) -> f64 {
    let each = |p: Point<DesignMm>| match piece {
        Segment::Line { from, to } => {
            let along = *to - *from;
            let t = ((p - *from).dot(along) / along.dot(along).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            p.distance(*from + along * t)
        }
        Segment::Arc { circle, .. } => (p.distance(circle.centre) - circle.radius).abs(),
    };
    points.iter().map(|(p, _)| each(*p)).fold(0.0, f64::max)
}

/// True when a piece has the curve's direction at both ends; a curve without one (at a cusp) is content.
fn follows(piece: &Segment, from: At, to: At) -> bool {
    let along = |t: f64, v: Vector<DesignMm>| {
        let Some(direction) = v.unit() else { return true };
        let cross = piece.direction(t).cross(direction);
        cross.abs() < MAX_TURN && piece.direction(t).dot(direction) > 0.0
    };
    along(0.0, from.1) && along(1.0, to.1)
}

/// The arc from `a` over `m` to `b`; `None` when they lie on a line, or nearly.
fn arc_through(a: Point<DesignMm>, m: Point<DesignMm>, b: Point<DesignMm>) -> Option<Segment> {
    let (u, v) = (m - a, b - a);
    let cross = u.cross(v);
    let (uu, vv) = (u.dot(u), v.dot(v));
    let centre = a + Vector::new(v.y * uu - u.y * vv, u.x * vv - v.x * uu) * (0.5 / cross);
    let radius = a.distance(centre);
    if !(centre.is_finite() && radius < 1e6) {
        return None;
    }
    let angle = |p: Point<DesignMm>| libm::atan2(p.y - centre.y, p.x - centre.x);
    let turn = (angle(b) - angle(a)).rem_euclid(TAU);
    let sweep = if cross > 0.0 { turn } else { turn - TAU };
    Some(Segment::Arc {
        circle: Circle { centre, radius },
        start: Angle::from_radians(angle(a)),
        sweep: Angle::from_radians(sweep),
    })
}
