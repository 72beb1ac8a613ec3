//! The parts of the demo, drawn by us, and plates without end.

use super::draw::{design, hole, oval, rounded_polygon, slot};
use super::seeded::Seeded;
use crate::design::{Contour, Design, Segment};
use crate::geometry::{DesignMm, Point};

/// A laser-cut face-shield visor, 240 x 130 mm: strap slots, a row of snap holes, a vent.
pub fn visor() -> Design {
    let outline = [(0.0, 0.0, 42.0), (240.0, 0.0, 42.0), (240.0, 130.0, 10.0), (0.0, 130.0, 10.0)];
    let mut openings: Vec<Contour> = [24.0, 72.0, 120.0, 168.0, 216.0].iter().map(|x| hole(*x, 121.0, 5.0)).collect();
    openings.extend([hole(12.0, 76.0, 6.0), hole(228.0, 76.0, 6.0)]);
    openings.extend([slot(10.0, 98.0, 16.0, 4.0, 90.0), slot(230.0, 98.0, 16.0, 4.0, 90.0)]);
    openings.push(slot(120.0, 106.0, 40.0, 5.0, 0.0));
    design(rounded_polygon(&outline), openings)
}

/// The front of a CNC-cut spectacle frame, 141 x 45 mm: two lens openings of arcs, two hinge holes a side.
pub fn frame() -> Design {
    // The right half, from the arch of the nose to the top of the bridge; the left half is its mirror image.
    let right = [
        (6.0, 5.0, 4.5),
        (9.5, -14.0, 9.0),
        (20.0, -22.5, 12.0),
        (55.0, -22.5, 20.0),
        (66.0, -2.0, 6.0),
        (70.5, 5.0, 2.0),
        (70.5, 17.0, 3.0),
        (58.0, 22.5, 9.0),
        (16.0, 22.5, 10.0),
        (6.5, 14.5, 6.0),
    ];
    let left = right.iter().rev().map(|(x, y, r)| (-x, *y, *r));
    let corners: Vec<_> = right.iter().copied().chain(left).collect();
    let lens = |x| oval(x, 0.0, (24.5, 18.0), 14.0);
    let hinge = |side: f64| [hole(side * 66.5, 9.0, 2.0), hole(side * 66.5, 13.5, 1.6)];
    let openings = [-1.0, 1.0].iter().flat_map(|s| hinge(*s)).chain([lens(-35.5), lens(35.5)]).collect();
    design(rounded_polygon(&corners), openings)
}

/// A 3D-printed bracket, 60 x 40 mm: rounds, two chamfers, four holes, a slot.
pub fn bracket() -> Design {
    let outline = [
        (0.0, 0.0, 4.0),
        (55.0, 0.0, 0.0),
        (60.0, 5.0, 0.0),
        (60.0, 22.0, 5.0),
        (31.0, 22.0, 6.0),
        (25.0, 40.0, 5.0),
        (5.0, 40.0, 0.0),
        (0.0, 35.0, 0.0),
    ];
    let openings = vec![
        hole(12.5, 29.0, 8.0),
        hole(8.0, 9.0, 5.0),
        hole(51.0, 14.0, 6.0),
        hole(51.0, 5.5, 4.0),
        slot(29.0, 11.0, 18.0, 5.0, 0.0),
    ];
    design(rounded_polygon(&outline), openings)
}

/// A plate that is easily taken for the [`bracket`]: 60 x 36 mm, three of its holes.
pub fn spacer() -> Design {
    rounded_rectangle(60.0, 36.0, 4.0, &[(-18.0, 9.0, 8.0), (-22.0, -9.0, 5.0), (21.0, 0.0, 6.0)])
}

/// A disc without holes, about the origin.
pub fn disc(diameter: f64) -> Design {
    design(hole(0.0, 0.0, diameter), Vec::new())
}

/// A disc about the origin with holes `(x, y, diameter)`.
pub fn pierced_disc(diameter: f64, holes: &[(f64, f64, f64)]) -> Design {
    design(hole(0.0, 0.0, diameter), holes.iter().map(|(x, y, d)| hole(*x, *y, *d)).collect())
}

/// A rectangle about the origin with rounded corners and holes `(x, y, diameter)`.
///
/// # Panics
/// When the radius does not fit, or holes touch each other or the outline.
pub fn rounded_rectangle(width: f64, height: f64, radius: f64, holes: &[(f64, f64, f64)]) -> Design {
    let (x, y) = (0.5 * width, 0.5 * height);
    let outline = rounded_polygon(&[(-x, -y, radius), (x, -y, radius), (x, y, radius), (-x, y, radius)]);
    design(outline, holes.iter().map(|(x, y, d)| hole(*x, *y, *d)).collect())
}

/// A polygon with corners `(x, y, radius)`, counter-clockwise, with holes `(x, y, diameter)` and slots `(x, y, length, width, degrees)`, lengths over
/// all.
///
/// # Panics
/// When a radius does not fit, or contours touch each other.
pub fn polygon(corners: &[(f64, f64, f64)], holes: &[(f64, f64, f64)], slots: &[(f64, f64, f64, f64, f64)]) -> Design {
    let holes = holes.iter().map(|(x, y, d)| hole(*x, *y, *d));
    let slots = slots.iter().map(|(x, y, length, width, turn)| slot(*x, *y, *length, *width, *turn));
    design(rounded_polygon(corners), holes.chain(slots).collect())
}

/// A rounded rectangle of 50 to 120 mm by 30 to 80 mm with 3 to 8 holes of 3 to 10 mm at random places, at least 3 mm apart.
pub fn random_plate(seed: u64) -> Design {
    let mut random = Seeded::new(seed, 0x70_6c_61_74_65);
    let width = random.between(50.0, 120.0);
    let height = random.between(30.0, (0.8 * width).min(80.0));
    let radius = random.between(2.0, 10.0);
    let wanted = 3 + random.below(6);
    let mut plate = rounded_rectangle(width, height, radius, &[]);
    let mut holes = Vec::new();
    for _ in 0..200 {
        if holes.len() == wanted {
            break;
        }
        let d = random.between(3.0, 10.0);
        let p = Point::new(random.between(-0.5, 0.5) * width, random.between(-0.5, 0.5) * height);
        if clearance(&plate, p) > 0.5 * d + 3.0 {
            holes.push((p.x, p.y, d));
            plate = rounded_rectangle(width, height, radius, &holes);
        }
    }
    plate
}

/// Distance from a point of the material to the nearest contour, mm (to 0.1 mm); negative outside the material.
pub(super) fn clearance(design: &Design, p: Point<DesignMm>) -> f64 {
    let nearest =
        design.contours.iter().flat_map(|c| c.sample(0.5)).min_by(|a, b| a.p.distance(p).total_cmp(&b.p.distance(p)));
    nearest.map_or(f64::NEG_INFINITY, |n| {
        let outwards = (p - n.p).dot(n.normal);
        if outwards < 0.0 { n.p.distance(p) } else { -n.p.distance(p) }
    })
}

/// Width, height and middle of the outline, mm.
pub fn extent(design: &Design) -> (f64, f64, Point<DesignMm>) {
    let (low, high) = design.bounds();
    (high.x - low.x, high.y - low.y, low.midpoint(high))
}

/// Straight pieces of the outline at least this long, mm, by their place in it.
pub(super) fn straight_edges(design: &Design, length: f64) -> Vec<usize> {
    let long = |s: &Segment| matches!(s, Segment::Line { .. }) && s.length() >= length;
    design.contours[0].segments.iter().enumerate().filter(|(_, s)| long(s)).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::FeatureKind;

    fn all() -> Vec<(String, Design)> {
        let mut all =
            vec![("visor".to_owned(), visor()), ("frame".to_owned(), frame()), ("bracket".to_owned(), bracket())];
        all.extend((0..20).map(|seed| (format!("plate {seed}"), random_plate(seed))));
        all
    }

    #[test]
    fn contours_are_closed_smoothly_turned_and_apart() {
        for (name, design) in all() {
            for (feature, contour) in design.features.iter().zip(&design.contours) {
                let next = contour.segments.iter().cycle().skip(1);
                for (a, b) in contour.segments.iter().zip(next) {
                    assert!(a.at(1.0).distance(b.at(0.0)) < 1e-9, "{name} {}: a gap", feature.name);
                    assert!(a.length() > 0.05, "{name} {}: {a:?}", feature.name);
                }
                let outline = matches!(feature.kind, FeatureKind::Outline(_));
                assert_eq!(contour.signed_area() > 0.0, outline, "{name} {}", feature.name);
            }
            // Walls are at least 1.5 mm, so that no fault merges two contours.
            for (i, a) in design.contours.iter().enumerate() {
                for b in &design.contours[i + 1..] {
                    let (a, b) = (a.sample(0.3), b.sample(0.3));
                    let gap = a.iter().flat_map(|a| b.iter().map(|b| a.p.distance(b.p))).fold(f64::INFINITY, f64::min);
                    assert!(gap > 1.5, "{name}: contours {gap} mm apart");
                }
            }
        }
    }

    #[test]
    fn sizes_are_those_of_the_drawings() {
        for (design, w, h, holes, slots, cutouts) in
            [(visor(), 240.0, 130.0, 7, 3, 0), (frame(), 141.0, 45.0, 4, 0, 2), (bracket(), 60.0, 40.0, 4, 1, 0)]
        {
            let (width, height, _) = extent(&design);
            assert!((width - w).abs() < 1e-9 && (height - h).abs() < 1e-9, "{width} x {height}");
            let count = |f: fn(&FeatureKind) -> bool| design.features.iter().filter(|x| f(&x.kind)).count();
            assert_eq!(count(|k| matches!(k, FeatureKind::Hole(_))), holes);
            assert_eq!(count(|k| matches!(k, FeatureKind::Slot(_))), slots);
            assert_eq!(count(|k| matches!(k, FeatureKind::Cutout)), cutouts);
        }
    }

    #[test]
    fn oval_has_no_corners() {
        let lens = oval(0.0, 0.0, (25.0, 18.0), 14.0);
        let next = lens.segments.iter().cycle().skip(1);
        for (a, b) in lens.segments.iter().zip(next) {
            let (end, start) = (a.at(1.0) - a.at(1.0 - 1e-6), b.at(1e-6) - b.at(0.0));
            assert!(end.unit().unwrap().cross(start.unit().unwrap()).abs() < 1e-5);
        }
        let (low, high) = lens.bounds();
        assert!((high.x - 25.0).abs() < 1e-9 && (low.y + 18.0).abs() < 1e-9);
    }
}
