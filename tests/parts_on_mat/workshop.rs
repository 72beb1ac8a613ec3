//! Parts as a workshop draws and makes them: the straight sides of an outline with the radii between them, round holes, slots, other openings.

use crate::stage::fit;
use inspector::checks::iso2768::{angle, broken_edge, medium};
use inspector::design::{Contour, Design, FeatureKind, Segment};
use inspector::geometry::{DesignMm, Point, Vector};
use inspector::synth::{Seeded, parts};

/// Width of the zone of an outline or opening, mm, as `recipe new` proposes it.
const ZONE_MM: f64 = 0.6;
/// No part of a process that is under control is farther off than this, standard deviations; the limits are at 4.
const FARTHEST: f64 = 3.5;
/// How far a tilted side or another radius may move the contour, mm, one standard deviation: with the side's own shift less than an eighth of the zone.
const TILT_MM: f64 = 0.04;
const RADIUS_MM: f64 = 0.18;

/// A straight side of an outline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) middle: Point<DesignMm>,
    /// Direction of travel; material to the left.
    pub(super) along: Vector<DesignMm>,
    pub(super) length: f64,
    /// Radius of the corner at its end, 0 for a sharp one.
    pub(super) radius: f64,
}

impl Side {
    pub(super) fn outwards(&self) -> Vector<DesignMm> {
        -self.along.perpendicular()
    }

    /// Where it meets the next one.
    fn corner(&self, next: &Self) -> Point<DesignMm> {
        self.middle + self.along * ((next.middle - self.middle).cross(next.along) / self.along.cross(next.along))
    }
}

/// A part in numbers, mm.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Counter-clockwise.
    pub(super) sides: Vec<Side>,
    /// x, y, diameter.
    pub(super) holes: Vec<[f64; 3]>,
    /// x, y, length, width, direction in degrees.
    pub(super) slots: Vec<[f64; 5]>,
    pub(super) cutouts: Vec<Contour>,
}

impl Part {
    /// The numbers of a drawing whose outline is a polygon with rounded corners.
    pub(super) fn of(design: &Design) -> Self {
        let outline = &design.contours[0].segments;
        let side = |(i, segment): (usize, &Segment)| {
            let Segment::Line { from, to } = *segment else { return None };
            let radius = match outline[(i + 1) % outline.len()] {
                Segment::Arc { circle, .. } => circle.radius,
                Segment::Line { .. } => 0.0,
            };
            let along = (to - from).unit().expect("sides have a length");
            Some(Side { middle: from.midpoint(to), along, length: from.distance(to), radius })
        };
        let mut part = Self {
            sides: outline.iter().enumerate().filter_map(side).collect(),
            holes: Vec::new(),
            slots: Vec::new(),
            cutouts: Vec::new(),
        };
        for feature in &design.features {
            match feature.kind {
                FeatureKind::Hole(c) => part.holes.push([c.centre.x, c.centre.y, 2.0 * c.radius]),
                FeatureKind::Slot(s) => {
                    let (centre, axis) = (s.centre(), s.axis());
                    part.slots.push([centre.x, centre.y, s.length(), s.width, axis.y.atan2(axis.x).to_degrees()]);
                }
                FeatureKind::Cutout => part.cutouts.push(design.contours[feature.contour].clone()),
                _ => {}
            }
        }
        part
    }

    pub(super) fn design(&self) -> Design {
        let n = self.sides.len();
        let corner = |i: usize| {
            let p = self.sides[i].corner(&self.sides[(i + 1) % n]);
            (p.x, p.y, self.sides[i].radius)
        };
        let corners: Vec<_> = (0..n).map(corner).collect();
        let holes: Vec<_> = self.holes.iter().map(|[x, y, d]| (*x, *y, *d)).collect();
        let slots: Vec<_> = self.slots.iter().map(|[x, y, l, w, turn]| (*x, *y, *l, *w, *turn)).collect();
        let mut contours = parts::polygon(&corners, &holes, &slots).contours;
        contours.extend(self.cutouts.iter().cloned());
        Design::from_contours(contours).expect("contours that do not touch")
    }

    /// The hole that was drawn nearest to a place.
    pub(super) fn hole_at(&self, p: Point<DesignMm>) -> Option<usize> {
        let off = |i: &usize| place(&self.holes[*i]).distance(p);
        (0..self.holes.len()).min_by(|a, b| off(a).total_cmp(&off(b)))
    }

    /// As a centred process makes it, and good: made again where a hole is too far off in the pose in which the drawing fits the part best, from which positions
    /// are measured, or too far from one that it is `paired` with.
    pub(super) fn good(&self, paired: &[[usize; 2]], random: &mut Seeded) -> Self {
        let drawn = self.design();
        loop {
            let made = self.made(random);
            let there = fit(&drawn, &made.design()).inverse();
            // In standard deviations of the process.
            let position = |(drawn, made): (&[f64; 3], &[f64; 3])| {
                let zone = 4.0 * medium(drawn[2]).expect("holes are larger than 0.5 mm");
                there.apply(place(made)).distance(place(drawn)) / (zone / 8.0)
            };
            let distance = |[a, b]: &[usize; 2]| {
                let [drawn, made] = [self, &made].map(|part| place(&part.holes[*a]).distance(place(&part.holes[*b])));
                (made - drawn).abs() / (medium(drawn).expect("holes lie apart") / 4.0)
            };
            let positions = self.holes.iter().zip(&made.holes).map(position);
            if positions.chain(paired.iter().map(distance)).all(|off| off <= FARTHEST) {
                return made;
            }
        }
    }

    /// As a centred process makes it: standard deviations of an eighth of the tolerance of each size (ISO 2768-m, as `recipe new` proposes), of each position
    /// along either axis, and of the zone of the outline.
    fn made(&self, random: &mut Seeded) -> Self {
        let mut made = self.clone();
        let n = self.sides.len();
        let [width, height] = self.extent();
        // Two sides make a size.
        let shift = (medium(width.min(height)).expect("a part has a size") / 4.0 * 0.5_f64.sqrt()).min(ZONE_MM / 8.0);
        for (i, side) in made.sides.iter_mut().enumerate() {
            let tilt = (angle(side.length).expect("a side has a length") / 4.0 * 0.5_f64.sqrt()).to_radians();
            let tilt = tilt.min(2.0 * TILT_MM / side.length) * deviate(random);
            side.middle = side.middle + side.outwards() * (shift * deviate(random));
            let turned = side.along + side.along.perpendicular() * tilt;
            side.along = turned.unit().expect("a small turn");
            let convex = self.sides[i].along.cross(self.sides[(i + 1) % n].along) > 0.0;
            let limit = if convex { broken_edge(side.radius) } else { medium(side.radius) };
            side.radius += limit.map_or(0.0, |t| (t / 4.0).min(RADIUS_MM) * deviate(random));
        }
        for [x, y, d] in &mut made.holes {
            let limit = medium(*d).expect("holes are larger than 0.5 mm");
            let (dx, dy) = off_place(0.5 * limit, random);
            (*x, *y, *d) = (*x + dx, *y + dy, *d + limit / 4.0 * deviate(random));
        }
        for [x, y, length, width, _] in &mut made.slots {
            // Its profile holds it to its place.
            let (dx, dy) = off_place(ZONE_MM / 12.0, random);
            (*x, *y) = (*x + dx, *y + dy);
            for size in [length, width] {
                *size += medium(*size).expect("slots are larger than 0.5 mm") / 4.0 * deviate(random);
            }
        }
        for cutout in &mut made.cutouts {
            let (dx, dy) = off_place(ZONE_MM / 12.0, random);
            *cutout = shifted(cutout, Vector::new(dx, dy));
        }
        made
    }

    pub(super) fn extent(&self) -> [f64; 2] {
        let (low, high) = self.design().bounds();
        [high.x - low.x, high.y - low.y]
    }
}

fn place([x, y, _]: &[f64; 3]) -> Point<DesignMm> {
    Point::new(*x, *y)
}

/// A normal deviate of a process under control.
fn deviate(random: &mut Seeded) -> f64 {
    loop {
        let z = random.normal();
        if z.abs() <= FARTHEST {
            return z;
        }
    }
}

fn off_place(sigma: f64, random: &mut Seeded) -> (f64, f64) {
    loop {
        let (x, y) = (random.normal(), random.normal());
        if x.hypot(y) <= FARTHEST {
            return (sigma * x, sigma * y);
        }
    }
}

fn shifted(contour: &Contour, by: Vector<DesignMm>) -> Contour {
    let moved = |segment: &Segment| match *segment {
        Segment::Line { from, to } => Segment::Line { from: from + by, to: to + by },
        Segment::Arc { mut circle, start, sweep } => {
            circle.centre = circle.centre + by;
            Segment::Arc { circle, start, sweep }
        }
    };
    Contour { segments: contour.segments.iter().map(moved).collect() }
}
