//! What goes wrong with a part: a design that is no longer the one on the drawing.

use super::draw::{direction, hole};
use super::parts::{clearance, extent, straight_edges};
use super::seeded::Seeded;
use crate::design::{Contour, Design, Feature, FeatureKind, Segment, Slot};
use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};

/// A nonconformity of a part. Lengths are millimetres of the design.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// A hole was never made.
    HoleMissing {
        /// Its feature name.
        hole: String,
    },
    /// A hole is off its place.
    HoleMoved {
        /// Its feature name.
        hole: String,
        /// How far and where to.
        by: Vector<DesignMm>,
    },
    /// A hole is too large, or too small.
    HoleResized {
        /// Its feature name.
        hole: String,
        /// Change of its diameter.
        by: f64,
    },
    /// A straight edge of the outline lies too far inside; its neighbours are shorter for it and corners keep their radius.
    EdgeShort {
        /// Which segment of the outline.
        segment: usize,
        /// How far inside.
        by: f64,
    },
    /// A round bump on the outline.
    Burr {
        /// Which segment of the outline.
        segment: usize,
        /// Where on it, as a fraction of its length.
        at: f64,
        /// Width at its foot.
        width: f64,
        /// Height above the edge.
        height: f64,
    },
    /// A hole that is not in the drawing.
    ExtraHole {
        /// Where and how large.
        circle: Circle<DesignMm>,
    },
    /// Another part altogether, with its middle where the right one's should be.
    WrongPart {
        /// What it is.
        design: Box<Design>,
    },
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named like the faults, which say it")]
pub enum FaultKind {
    HoleMissing,
    HoleMoved,
    HoleResized,
    EdgeShort,
    Burr,
    ExtraHole,
    WrongPart,
}

impl FaultKind {
    /// All of them, in the order of [`Fault`].
    pub const ALL: [Self; 7] = [
        Self::HoleMissing,
        Self::HoleMoved,
        Self::HoleResized,
        Self::EdgeShort,
        Self::Burr,
        Self::ExtraHole,
        Self::WrongPart,
    ];

    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HoleMissing => "hole missing",
            Self::HoleMoved => "hole moved",
            Self::HoleResized => "hole too large",
            Self::EdgeShort => "edge short",
            Self::Burr => "burr",
            Self::ExtraHole => "extra hole",
            Self::WrongPart => "wrong part",
        }
    }

    /// A fault of this kind somewhere on the part, in the usual size: a hole moved by 0.6 mm or 0.5 mm too large, an edge 0.8 mm
    /// short, a burr 0.8 mm wide and 0.6 mm high, an extra hole of 2 to 4 mm.
    ///
    /// `None` where the design offers no place for it, and for a wrong part, which the caller must choose.
    pub fn somewhere_on(self, design: &Design, random: &mut Seeded) -> Option<Fault> {
        let holes: Vec<&str> = design
            .features
            .iter()
            .filter(|f| matches!(f.kind, FeatureKind::Hole(_)))
            .map(|f| f.name.as_str())
            .collect();
        let mut any_hole = || random.pick(&holes).map(|h| (*h).to_owned());
        match self {
            Self::HoleMissing => Some(Fault::HoleMissing { hole: any_hole()? }),
            Self::HoleMoved => {
                let hole = any_hole()?;
                let (sin, cos) = Angle::from_degrees(random.between(0.0, 360.0)).sin_cos();
                Some(Fault::HoleMoved { hole, by: Vector::new(0.6 * cos, 0.6 * sin) })
            }
            Self::HoleResized => Some(Fault::HoleResized { hole: any_hole()?, by: 0.5 }),
            Self::EdgeShort => {
                let mut edges = straight_edges(design, 8.0);
                edges.retain(|i| move_edge(&design.contours[0], *i, 0.8).is_some());
                Some(Fault::EdgeShort { segment: *random.pick(&edges)?, by: 0.8 })
            }
            Self::Burr => {
                let edges = straight_edges(design, 4.0);
                let (segment, at) = (*random.pick(&edges)?, random.between(0.2, 0.8));
                Some(Fault::Burr { segment, at, width: 0.8, height: 0.6 })
            }
            Self::ExtraHole => {
                let radius = random.between(1.0, 2.0);
                let (w, h, m) = extent(design);
                (0..300)
                    .map(|_| m + Vector::new(random.between(-0.5, 0.5) * w, random.between(-0.5, 0.5) * h))
                    .find(|p| clearance(design, *p) > radius + 1.0)
                    .map(|centre| Fault::ExtraHole { circle: Circle { centre, radius } })
            }
            Self::WrongPart => None,
        }
    }
}

impl Fault {
    /// Its kind.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::HoleMissing { .. } => FaultKind::HoleMissing,
            Self::HoleMoved { .. } => FaultKind::HoleMoved,
            Self::HoleResized { .. } => FaultKind::HoleResized,
            Self::EdgeShort { .. } => FaultKind::EdgeShort,
            Self::Burr { .. } => FaultKind::Burr,
            Self::ExtraHole { .. } => FaultKind::ExtraHole,
            Self::WrongPart { .. } => FaultKind::WrongPart,
        }
    }

    /// The feature of the drawing that it concerns: a hole, else the outline.
    pub fn feature(&self) -> &str {
        match self {
            Self::HoleMissing { hole } | Self::HoleMoved { hole, .. } | Self::HoleResized { hole, .. } => hole,
            _ => "outline",
        }
    }

    /// The part as made: its contours, with the names that they have in the drawing, and no names of pieces of contours.
    ///
    /// `None` when the design has no such hole or segment, or an edge there cannot be moved without undoing its neighbours.
    pub fn apply(&self, design: &Design) -> Option<Design> {
        let mut made = design.clone();
        made.features.retain(Feature::is_contour);
        match self {
            Self::HoleMissing { hole } => {
                let i = hole_index(design, hole)?.0;
                made.contours.remove(i);
                made.features.remove(i);
            }
            Self::HoleMoved { hole, by } => {
                let (i, circle) = hole_index(design, hole)?;
                set_hole(&mut made, i, Circle { centre: circle.centre + *by, ..circle });
            }
            Self::HoleResized { hole, by } => {
                let (i, circle) = hole_index(design, hole)?;
                let radius = circle.radius + 0.5 * by;
                set_hole(&mut made, i, (radius > 0.0).then_some(Circle { radius, ..circle })?);
            }
            Self::EdgeShort { segment, by } => made.contours[0] = move_edge(&design.contours[0], *segment, *by)?,
            Self::Burr { segment, at, width, height } => {
                let bump = bump(design.contours[0].segments.get(*segment)?, *at, *width, *height)?;
                made.contours[0].segments.splice(*segment..=*segment, bump);
            }
            Self::ExtraHole { circle } => {
                made.contours.push(hole(circle.centre.x, circle.centre.y, 2.0 * circle.radius));
                let (name, contour) = ("extra".to_owned(), made.features.len());
                made.features.push(Feature { name, kind: FeatureKind::Hole(*circle), contour, segments: 0..1 });
            }
            Self::WrongPart { design: other } => {
                made = shifted(other, extent(design).2 - extent(other).2);
            }
        }
        for (i, (feature, contour)) in made.features.iter_mut().zip(&made.contours).enumerate() {
            (feature.contour, feature.segments) = (i, 0..contour.segments.len());
        }
        Some(made)
    }

    /// Where on the drawing to look for it, and its size in mm: a diameter, a distance, a height; the width of a wrong part.
    pub fn place(&self, design: &Design) -> Option<(Point<DesignMm>, f64)> {
        Some(match self {
            Self::HoleMissing { hole } => hole_index(design, hole).map(|(_, c)| (c.centre, 2.0 * c.radius))?,
            Self::HoleMoved { hole, by } => (hole_index(design, hole)?.1.centre, by.length()),
            Self::HoleResized { hole, by } => (hole_index(design, hole)?.1.centre, by.abs()),
            Self::EdgeShort { segment, by } => (design.contours[0].segments.get(*segment)?.at(0.5), *by),
            Self::Burr { segment, at, height, .. } => (design.contours[0].segments.get(*segment)?.at(*at), *height),
            Self::ExtraHole { circle } => (circle.centre, 2.0 * circle.radius),
            Self::WrongPart { design: other } => (extent(design).2, extent(other).0),
        })
    }
}

fn hole_index(design: &Design, name: &str) -> Option<(usize, Circle<DesignMm>)> {
    design.features.iter().enumerate().find_map(|(i, f)| match f.kind {
        FeatureKind::Hole(circle) if f.name == name => Some((i, circle)),
        _ => None,
    })
}

fn set_hole(design: &mut Design, i: usize, circle: Circle<DesignMm>) {
    design.contours[i] = hole(circle.centre.x, circle.centre.y, 2.0 * circle.radius);
    design.features[i].kind = FeatureKind::Hole(circle);
}

/// The same design elsewhere on its sheet.
fn shifted(design: &Design, by: Vector<DesignMm>) -> Design {
    let circle = |c: Circle<DesignMm>| Circle { centre: c.centre + by, ..c };
    let mut design = design.clone();
    design.features.retain(Feature::is_contour);
    for segment in design.contours.iter_mut().flat_map(|c| &mut c.segments) {
        *segment = translated(segment, by);
    }
    for feature in &mut design.features {
        feature.kind = match feature.kind {
            FeatureKind::Outline(c) => FeatureKind::Outline(c.map(circle)),
            FeatureKind::Hole(c) => FeatureKind::Hole(circle(c)),
            FeatureKind::Slot(s) => FeatureKind::Slot(Slot { from: s.from + by, to: s.to + by, ..s }),
            other => other,
        };
    }
    design
}

fn translated(segment: &Segment, by: Vector<DesignMm>) -> Segment {
    match *segment {
        Segment::Line { from, to } => Segment::Line { from: from + by, to: to + by },
        Segment::Arc { circle, start, sweep } => {
            Segment::Arc { circle: Circle { centre: circle.centre + by, ..circle }, start, sweep }
        }
    }
}

/// Moves a straight segment inwards by `by`. Each end slides along the neighbouring line; where an arc rounds the corner, the arc
/// slides along the line beyond it, so it stays tangent to both.
fn move_edge(outline: &Contour, i: usize, by: f64) -> Option<Contour> {
    let n = outline.segments.len();
    let Some(Segment::Line { from, to }) = outline.segments.get(i).copied() else { return None };
    let along = (to - from).unit()?;
    let inwards = along.perpendicular();
    let mut segments = outline.segments.clone();
    let mut slides = [Vector::new(0.0, 0.0); 2];
    for (slide, step) in slides.iter_mut().zip([n - 1, 1]) {
        let mut neighbour = (i + step) % n;
        let corner = matches!(segments[neighbour], Segment::Arc { .. }).then_some(neighbour);
        if corner.is_some() {
            neighbour = (neighbour + step) % n;
        }
        let Segment::Line { from, to } = segments[neighbour] else { return None };
        let u = (to - from).unit()?;
        // A neighbour nearly along the edge would have to slide without end.
        *slide = (u.dot(inwards).abs() > 0.2).then(|| u * (by / u.dot(inwards)))?;
        if let Some(arc) = corner {
            segments[arc] = translated(&segments[arc], *slide);
        }
        let moved =
            if step == 1 { Segment::Line { from: from + *slide, to } } else { Segment::Line { from, to: to + *slide } };
        segments[neighbour] = keeps_direction(moved, u)?;
    }
    let moved = Segment::Line { from: from + slides[0], to: to + slides[1] };
    segments[i] = keeps_direction(moved, along)?;
    Some(Contour { segments })
}

fn keeps_direction(line: Segment, u: Vector<DesignMm>) -> Option<Segment> {
    ((line.at(1.0) - line.at(0.0)).dot(u) > 0.0).then_some(line)
}

/// A line or arc with a round bump at fraction `at`, out of the material: the pieces to put in its place.
fn bump(segment: &Segment, at: f64, width: f64, height: f64) -> Option<[Segment; 3]> {
    let half = 0.5 * width / segment.length();
    if !(height > 0.0 && half > 0.0 && at - half > 0.0 && at + half < 1.0) {
        return None;
    }
    let (a, b) = (segment.at(at - half), segment.at(at + half));
    // Material lies to the left of travel, so the bump goes right.
    let out = -(b - a).unit()?.perpendicular();
    let chord = a.distance(b);
    let radius = (0.25 * chord * chord + height * height) / (2.0 * height);
    let centre = a.midpoint(b) + out * (height - radius);
    let sweep = Angle::from_radians(2.0 * libm::acos((radius - height) / radius));
    let arc = Segment::Arc { circle: Circle { centre, radius }, start: direction(a - centre), sweep };
    Some([piece(segment, 0.0, at - half), arc, piece(segment, at + half, 1.0)])
}

fn piece(segment: &Segment, t0: f64, t1: f64) -> Segment {
    match *segment {
        Segment::Line { .. } => Segment::Line { from: segment.at(t0), to: segment.at(t1) },
        Segment::Arc { circle, start, sweep } => Segment::Arc {
            circle,
            start: Angle::from_radians(start.radians() + t0 * sweep.radians()),
            sweep: Angle::from_radians((t1 - t0) * sweep.radians()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;

    fn area(design: &Design) -> f64 {
        design.contours.iter().map(Contour::signed_area).sum()
    }
    fn closed(design: &Design) -> bool {
        design.contours.iter().all(|c| {
            let next = c.segments.iter().cycle().skip(1);
            c.segments.iter().zip(next).all(|(a, b)| a.at(1.0).distance(b.at(0.0)) < 1e-9)
        })
    }
    fn designs() -> Vec<Design> {
        let mut all = vec![parts::visor(), parts::frame(), parts::bracket()];
        all.extend((0..10).map(parts::random_plate));
        all
    }

    #[test]
    fn every_kind_finds_a_place_on_every_part_and_stays_closed() {
        let mut random = Seeded::new(3, 0);
        for design in designs() {
            for kind in &FaultKind::ALL[..6] {
                for _ in 0..20 {
                    let fault = kind.somewhere_on(&design, &mut random).expect("a place");
                    let made = fault.apply(&design).expect("the place is real");
                    assert!(closed(&made), "{fault:?}");
                    assert_ne!(made, design, "{fault:?}");
                    assert!(fault.place(&design).is_some());
                }
            }
        }
    }

    #[test]
    fn areas_change_by_what_was_done() {
        let plate = parts::rounded_rectangle(60.0, 40.0, 5.0, &[(10.0, 5.0, 6.0), (-15.0, 0.0, 4.0)]);
        let pi = std::f64::consts::PI;
        let changed = |fault: Fault| area(&fault.apply(&plate).unwrap()) - area(&plate);
        // hole-1 is the upper one, of 6 mm.
        assert!((changed(Fault::HoleMissing { hole: "hole-1".into() }) - 9.0 * pi).abs() < 1e-9);
        assert!(changed(Fault::HoleMoved { hole: "hole-1".into(), by: Vector::new(0.6, 0.0) }).abs() < 1e-9);
        let grown = changed(Fault::HoleResized { hole: "hole-2".into(), by: 0.5 });
        assert!((grown - pi * (4.0 - 2.25 * 2.25)).abs() < 1e-9);
        let drilled = Circle { centre: Point::new(0.0, -10.0), radius: 1.5 };
        assert!((changed(Fault::ExtraHole { circle: drilled }) + 2.25 * pi).abs() < 1e-9);
        for segment in straight_edges(&plate, 8.0) {
            let side = if plate.contours[0].segments[segment].length() > 40.0 { 60.0 } else { 40.0 };
            let short = changed(Fault::EdgeShort { segment, by: 0.8 });
            assert!((short + 0.8 * side).abs() < 1e-9, "corners keep their radius: {short}");
            // A circular segment with chord 0.8 and height 0.6: radius 0.4333, 0.385 mm².
            let burr = changed(Fault::Burr { segment, at: 0.4, width: 0.8, height: 0.6 });
            let (r, h) = (0.52 / 1.2, 0.6);
            let cap = r * r * libm::acos((r - h) / r) - (r - h) * (2.0 * r * h - h * h).sqrt();
            assert!((burr - cap).abs() < 1e-9, "{burr} {cap}");
        }
    }

    #[test]
    fn burr_on_an_arc_stands_out_of_it() {
        let disc = parts::disc(20.0);
        let made = Fault::Burr { segment: 0, at: 0.3, width: 0.8, height: 0.6 }.apply(&disc).unwrap();
        assert!(closed(&made));
        let farthest =
            made.contours[0].sample(0.01).iter().map(|p| p.p.distance(Point::new(0.0, 0.0))).fold(0.0, f64::max);
        // The foot of the bump is a chord, 0.008 mm inside the circle.
        assert!((farthest - 10.6 + 0.008).abs() < 1e-3, "{farthest}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let (disc, bracket) = (parts::disc(20.0), parts::bracket());
        assert_eq!(Fault::EdgeShort { segment: 0, by: 0.8 }.apply(&disc), None);
        assert_eq!(Fault::EdgeShort { segment: 99, by: 0.8 }.apply(&bracket), None);
        assert_eq!(Fault::HoleMissing { hole: "hole-9".into() }.apply(&bracket), None);
        assert_eq!(Fault::HoleMissing { hole: "cutout-1".into() }.apply(&bracket), None);
        assert_eq!(Fault::HoleResized { hole: "hole-1".into(), by: -8.0 }.apply(&bracket), None);
        assert_eq!(Fault::Burr { segment: 1, at: 0.001, width: 0.8, height: 0.6 }.apply(&bracket), None);
        assert_eq!(FaultKind::HoleMissing.somewhere_on(&disc, &mut Seeded::new(0, 0)), None);
        // Longer than the neighbours are.
        assert_eq!(Fault::EdgeShort { segment: straight_edges(&bracket, 8.0)[0], by: 39.0 }.apply(&bracket), None);
    }

    #[test]
    fn wrong_part_lies_in_the_middle() {
        let (right, wrong) = (parts::frame(), parts::bracket());
        let made = Fault::WrongPart { design: Box::new(wrong) }.apply(&right).unwrap();
        assert!(extent(&made).2.distance(extent(&right).2) < 1e-9);
        assert!(made.feature("hole-4").is_some());
    }
}
