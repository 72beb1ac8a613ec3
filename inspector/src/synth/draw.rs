//! Closed contours from a few numbers.

use crate::design::{Contour, Design, Segment};
use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};

/// A corner of a polygon and the radius it is rounded with (0: sharp), mm.
pub(super) type Corner = (f64, f64, f64);

/// A polygon with rounded corners, in the order given. A radius must fit between its neighbours.
pub(super) fn rounded_polygon(corners: &[Corner]) -> Contour {
    let n = corners.len();
    let at = |i: usize| Point::<DesignMm>::new(corners[i % n].0, corners[i % n].1);
    let rounded: Vec<_> = (0..n).map(|i| Round::new(at(i + n - 1), at(i), at(i + 1), corners[i].2)).collect();
    let mut segments = Vec::new();
    for (i, round) in rounded.iter().enumerate() {
        segments.extend(round.arc);
        let (from, to) = (round.leave, rounded[(i + 1) % n].enter);
        if from.distance(to) > 1e-9 {
            segments.push(Segment::Line { from, to });
        }
    }
    Contour { segments }
}

/// One rounded corner: where the contour enters and leaves it.
struct Round {
    enter: Point<DesignMm>,
    leave: Point<DesignMm>,
    arc: Option<Segment>,
}

impl Round {
    fn new(before: Point<DesignMm>, corner: Point<DesignMm>, after: Point<DesignMm>, radius: f64) -> Self {
        let d1 = (corner - before).unit().expect("corners are apart");
        let d2 = (after - corner).unit().expect("corners are apart");
        let turn = libm::atan2(d1.cross(d2), d1.dot(d2));
        let cut = radius * libm::tan(0.5 * turn.abs());
        let (enter, leave) = (corner - d1 * cut, corner + d2 * cut);
        let arc = (radius > 0.0).then(|| {
            let to_centre = d1.perpendicular() * turn.signum();
            let circle = Circle { centre: enter + to_centre * radius, radius };
            Segment::Arc { circle, start: direction(-to_centre), sweep: Angle::from_radians(turn) }
        });
        Self { enter, leave, arc }
    }
}

/// Direction of a vector.
pub(super) fn direction(v: Vector<DesignMm>) -> Angle {
    Angle::from_radians(libm::atan2(v.y, v.x))
}

/// A full circle, clockwise as holes run.
pub(super) fn hole(x: f64, y: f64, diameter: f64) -> Contour {
    let circle = Circle { centre: Point::new(x, y), radius: 0.5 * diameter };
    Contour { segments: vec![Segment::Arc { circle, start: Angle::default(), sweep: Angle::from_degrees(-360.0) }] }
}

/// A slot with round ends, lying along x (turned by `turn_degrees`), `length` over all.
pub(super) fn slot(x: f64, y: f64, length: f64, width: f64, turn_degrees: f64) -> Contour {
    let (sin, cos) = Angle::from_degrees(turn_degrees).sin_cos();
    let (along, r) = (Vector::new(cos, sin), 0.5 * width);
    let (side, half) = (along.perpendicular(), along * (0.5 * length - r));
    let centre = Point::new(x, y);
    let end = |c: Point<DesignMm>, from: Vector<DesignMm>| Segment::Arc {
        circle: Circle { centre: c, radius: r },
        start: direction(from),
        sweep: Angle::from_degrees(-180.0),
    };
    let (a, b) = (centre - half, centre + half);
    Contour {
        segments: vec![
            Segment::Line { from: a + side * r, to: b + side * r },
            end(b, side),
            Segment::Line { from: b - side * r, to: a - side * r },
            end(a, -side),
        ],
    }
}

/// A four-centre oval with half axes `a` > `b` and the radius `r` < `b` at its ends: four arcs that meet without a corner, clockwise.
pub(super) fn oval(x: f64, y: f64, (a, b): (f64, f64), r: f64) -> Contour {
    let side = ((a - r) * (a - r) + b * b - r * r) / (2.0 * (b - r));
    // Centres of the ends lie at (+-(a - r), 0), those of the sides at (0, +-(side - b)).
    let tilt = libm::atan2(a - r, side - b);
    let arc = |dx: f64, dy: f64, radius: f64, from_up: f64, turn: f64| Segment::Arc {
        circle: Circle { centre: Point::new(x + dx, y + dy), radius },
        start: Angle::from_radians(std::f64::consts::FRAC_PI_2 - from_up),
        sweep: Angle::from_radians(-turn),
    };
    let pi = std::f64::consts::PI;
    Contour {
        segments: vec![
            arc(0.0, b - side, side, -tilt, 2.0 * tilt),
            arc(a - r, 0.0, r, tilt, pi - 2.0 * tilt),
            arc(0.0, side - b, side, pi - tilt, 2.0 * tilt),
            arc(r - a, 0.0, r, pi + tilt, pi - 2.0 * tilt),
        ],
    }
}

/// The drawing of an outline and its openings.
///
/// # Panics
/// When the contours touch, or an opening lies outside: the numbers of a drawing are this program's own.
pub(super) fn design(outline: Contour, mut openings: Vec<Contour>) -> Design {
    openings.push(outline);
    Design::from_contours(openings).expect("one outline with its openings inside")
}
