//! What goes wrong with a part: one thing, four to eight standard uncertainties beyond its limit.

use super::workshop::{Part, Side};
use crate::stage::fit;
use inspector::design::{Contour, ContourPoint, Design, Feature, FeatureKind, Segment};
use inspector::geometry::{DesignMm, Point, Similarity, Vector};
use inspector::synth::{Fault, Seeded};
use std::collections::BTreeMap;

/// The faults of issue 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Missing,
    Moved,
    Diameter,
    Short,
    Burr,
    Corner,
    Revision,
    Flipped,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Missing,
        Self::Moved,
        Self::Diameter,
        Self::Short,
        Self::Burr,
        Self::Corner,
        Self::Revision,
        Self::Flipped,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing hole",
            Self::Moved => "moved hole",
            Self::Diameter => "wrong diameter",
            Self::Short => "short side",
            Self::Burr => "burr",
            Self::Corner => "broken corner",
            Self::Revision => "wrong revision",
            Self::Flipped => "flipped",
        }
    }
}

/// A characteristic that the camera can decide: its limits as deviations, and its standard uncertainty in this view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) lower: Option<f64>,
    pub(super) upper: f64,
    pub(super) u: f64,
}

/// A part with a fault.
pub(super) struct Faulty {
    pub(super) made: Design,
    /// What is wrong with it.
    pub(super) said: String,
    /// The characteristic that its size was taken from, and how far beyond the limit it is; `None` for what is gross.
    pub(super) beyond: Option<(String, f64)>,
}

/// What faults are made from.
pub(super) struct Bench<'a> {
    pub(super) drawn: &'a Part,
    /// The drawing as the recipe has it, with its names.
    pub(super) drawing: &'a Design,
    /// The same part without the fault.
    pub(super) good: &'a Part,
    pub(super) known: BTreeMap<String, Known>,
}

const PROFILE: &str = "outline.profile";
const BURR: &str = "outline.burr-height";
/// Least length of a side that is short or carries a burr, mm; how near to its ends no burr is.
const SIDE_MM: f64 = 8.0;
const END_MM: f64 = 3.0;
/// More than this is no corner, mm².
const CORNER_MM2: f64 = 50.0;

impl Bench<'_> {
    /// `None` when this part has no place for it, or the camera could not decide it there.
    pub(super) fn spoilt(&self, kind: Kind, random: &mut Seeded) -> Option<Faulty> {
        match kind {
            Kind::Missing => self.missing(random),
            Kind::Moved => self.moved(random),
            Kind::Diameter => self.diameter(random),
            Kind::Short => self.short(random),
            Kind::Burr => self.burr(random),
            Kind::Corner => self.corner(random),
            Kind::Revision => self.revision(random),
            // It is the view that is another.
            Kind::Flipped => Some(gross(self.good.design(), "the part lies on its face".to_owned())),
        }
    }

    /// A hole with one of these characteristics: its place in the part's list, and what is known.
    fn a_hole(&self, of: &[&str], random: &mut Seeded) -> Option<(usize, &str, Known)> {
        let known = |f: &&Feature| of.iter().find_map(|what| self.known.get(&format!("{}.{what}", f.name)));
        let holes: Vec<&Feature> = self
            .drawing
            .features
            .iter()
            .filter(|f| matches!(f.kind, FeatureKind::Hole(_)) && known(f).is_some())
            .collect();
        let hole = *random.pick(&holes)?;
        Some((self.drawn.hole_at(hole.circle()?.centre)?, &hole.name, *known(&hole)?))
    }

    /// Where the drawing lies on the good part.
    fn fit(&self) -> Similarity<DesignMm, DesignMm> {
        fit(self.drawing, &self.good.design())
    }

    fn missing(&self, random: &mut Seeded) -> Option<Faulty> {
        // That no hole is found is no fault yet: there must be material instead.
        self.known.get("extra.area")?;
        let (i, name, _) = self.a_hole(&["position", "diameter"], random)?;
        let mut made = self.good.clone();
        let [_, _, d] = made.holes.remove(i);
        Some(gross(made.design(), format!("{name} of {d:.2} mm is missing")))
    }

    fn moved(&self, random: &mut Seeded) -> Option<Faulty> {
        let (i, name, Known { upper, u, .. }) = self.a_hole(&["position"], random)?;
        let beyond = beyond(random) * u;
        let by = 0.5 * (upper + beyond);
        let (sin, cos) = random.between(0.0, std::f64::consts::TAU).sin_cos();
        let mut made = self.good.clone();
        let [x, y, d] = self.drawn.holes[i];
        let place = self.fit().apply(Point::new(x + by * cos, y + by * sin));
        made.holes[i] = [place.x, place.y, d];
        let said = format!("{name} is off by {by:.3} mm (position, u {u:.3})");
        Some(Faulty { made: made.design(), said, beyond: Some((format!("{name}.position"), beyond)) })
    }

    fn diameter(&self, random: &mut Seeded) -> Option<Faulty> {
        let (i, name, Known { upper, lower, u }) = self.a_hole(&["diameter"], random)?;
        let beyond = beyond(random) * u;
        let by = if random.below(2) == 0 { upper + beyond } else { lower? - beyond };
        let mut made = self.good.clone();
        made.holes[i][2] = self.drawn.holes[i][2] + by;
        let said = format!("{name} is larger by {by:+.3} mm (u {u:.3})");
        Some(Faulty { made: made.design(), said, beyond: Some((format!("{name}.diameter"), beyond)) })
    }

    /// By a size between two sides where one is asked for, else by the profile.
    fn short(&self, random: &mut Seeded) -> Option<Faulty> {
        let side = |name: &str| {
            let FeatureKind::Edge { from, to } = self.drawing.feature(name)?.0.kind else { return None };
            let off = |s: &Side| s.middle.distance(from.midpoint(to));
            (0..self.drawn.sides.len()).min_by(|a, b| off(&self.drawn.sides[*a]).total_cmp(&off(&self.drawn.sides[*b])))
        };
        let size = |(id, known): (&String, &Known)| {
            let (from, to) = id.strip_suffix(".width")?.split_once("-to-")?;
            Some((id.clone(), side(from)?, side(to)?, *known))
        };
        let sizes: Vec<(String, usize, usize, Known)> = self.known.iter().filter_map(size).collect();
        let (mut made, beyond) = (self.good.clone(), beyond(random));
        let (id, by, Known { u, .. }) = if let Some((id, from, to, known)) = random.pick(&sizes).cloned() {
            let (short, other) = if random.below(2) == 0 { (from, to) } else { (to, from) };
            let by = beyond * known.u - known.lower?;
            let [drawn, across] = [short, other].map(|i| self.drawn.sides[i]);
            let outside = (made.sides[other].middle - across.middle).dot(across.outwards());
            made.sides[short] = Side { middle: drawn.middle - drawn.outwards() * (by + outside), ..drawn };
            made.sides[other].along = across.along;
            (id, by, known)
        } else {
            let known = *self.known.get(PROFILE)?;
            let long: Vec<usize> =
                (0..self.drawn.sides.len()).filter(|i| self.drawn.sides[*i].length >= SIDE_MM).collect();
            let short = *random.pick(&long)?;
            let (by, drawn, fit) = (0.5 * (known.upper + beyond * known.u), self.drawn.sides[short], self.fit());
            let middle = fit.apply(drawn.middle - drawn.outwards() * by);
            made.sides[short] = Side { middle, along: fit.apply_vector(drawn.along), ..drawn };
            (PROFILE.to_owned(), by, known)
        };
        let said = format!("a side is short by {by:.3} mm ({id}, u {u:.3})");
        Some(Faulty { made: made.design(), said, beyond: Some((id, beyond * u)) })
    }

    fn burr(&self, random: &mut Seeded) -> Option<Faulty> {
        let made = self.good.design();
        let width = random.between(1.0, 3.0);
        let outline = &made.contours[0].segments;
        let long = |i: &usize| {
            matches!(outline[*i], Segment::Line { .. }) && outline[*i].length() > (2.0 * END_MM + width).max(SIDE_MM)
        };
        let long: Vec<usize> = (0..outline.len()).filter(long).collect();
        let segment = *random.pick(&long)?;
        let end = (END_MM + 0.5 * width) / outline[segment].length();
        let (at, beyond) = (random.between(end, 1.0 - end), beyond(random));
        let (id, height, u) = if let Some(known) = self.known.get(BURR) {
            (BURR, known.upper + beyond * known.u, known.u)
        } else {
            let Known { upper, u, .. } = *self.known.get(PROFILE)?;
            let (from, normal) = (outline[segment].at(at), outline[segment].normal(at));
            let inside = self.fit().inverse().apply(from);
            let nearest = self.drawing.contours[0].sample(0.1).into_iter();
            let drawn = nearest.min_by(|a, b| a.p.distance(inside).total_cmp(&b.p.distance(inside)))?;
            (PROFILE, 0.5 * (upper + beyond * u) + (drawn.p - inside).dot(normal), u)
        };
        let said = format!("a burr of {height:.3} mm, {width:.1} mm wide ({id}, u {u:.3})");
        let made = Fault::Burr { segment, at, width, height }.apply(&made)?;
        Some(Faulty { made, said, beyond: Some((id.to_owned(), beyond * u)) })
    }

    /// Broken off straight: so far that the profile fails, or by three to six millimetres.
    fn corner(&self, random: &mut Seeded) -> Option<Faulty> {
        let outline = &self.drawing.contours[0].segments;
        let round = |s: &&Segment| matches!(s, Segment::Arc { circle, sweep, .. } if circle.radius >= 2.0 && sweep.radians() > 0.5);
        let corners: Vec<&Segment> = outline.iter().filter(round).collect();
        let corner = *random.pick(&corners)?;
        let (middle, outwards, fit) = (corner.at(0.5), corner.normal(0.5), self.fit());
        let known = self.known.get(PROFILE).map(|known| (known, beyond(random) * known.u));
        let depth = known.map_or_else(|| random.between(2.0, 4.0), |(known, beyond)| 0.5 * (known.upper + beyond));
        let mut made = self.good.design();
        let place = fit.apply(middle - outwards * depth);
        let whole = made.contours[0].signed_area();
        made.contours[0] = cut(&made.contours[0], place, fit.apply_vector(outwards))?;
        let lost = whole - made.contours[0].signed_area();
        if known.is_none() {
            // Then it is the missing piece that must be found.
            let Known { upper, u, .. } = self.known.get("missing.area")?;
            (lost > upper + beyond(random) * u).then_some(())?;
        }
        // Of an angled part another arm may lie farther out.
        let one = lost < CORNER_MM2;
        let made = Design::from_contours(made.contours).ok().filter(|_| one)?;
        let why = known.map_or_else(String::new, |(known, _)| format!(" (profile, u {:.3})", known.u));
        let said = format!("a corner is broken off, {depth:.3} mm deep{why}");
        Some(Faulty { made, said, beyond: known.map(|(_, beyond)| (PROFILE.to_owned(), beyond)) })
    }

    /// The same family: holes elsewhere, another length, or other sizes of holes and slots. Several contours are not where the drawing has them.
    fn revision(&self, random: &mut Seeded) -> Option<Faulty> {
        // Small holes that are elsewhere are material that is missing here and extra there.
        self.known.get("missing.area").and(self.known.get("extra.area"))?;
        let mut made = self.good.clone();
        let way = random.below(3);
        let said = match way {
            0 => {
                // Each hole anew, three millimetres or more from where it was and from everything else.
                let places: Vec<[f64; 3]> = std::mem::take(&mut made.holes);
                let [width, height] = self.drawn.extent();
                for [x, y, d] in &places {
                    let was = Point::new(*x, *y);
                    let around = made.design();
                    let (low, _) = around.bounds();
                    let contour: Vec<ContourPoint> = around.contours.iter().flat_map(|c| c.sample(0.5)).collect();
                    let free = |p: &Point<DesignMm>| {
                        let near = contour.iter().map(|q| q.p.distance(*p)).fold(f64::INFINITY, f64::min);
                        around.contains(*p) && near > 0.5 * d + 2.5 && p.distance(was) > 3.0
                    };
                    let any = || low + Vector::new(random.between(0.0, width), random.between(0.0, height));
                    let place = std::iter::repeat_with(any).take(500).find(free)?;
                    made.holes.push([place.x, place.y, *d]);
                }
                "all holes are elsewhere"
            }
            1 => {
                // Everything beyond the middle lies farther out, across the longer way.
                let [width, height] = self.drawn.extent();
                let out = if width > height { Vector::new(1.0, 0.0) } else { Vector::new(0.0, 1.0) };
                let (low, high) = self.drawing.bounds();
                let (middle, by) = (low.midpoint(high), random.between(3.0, 6.0));
                let shift =
                    |p: Point<DesignMm>| if (p - middle).dot(out) > 0.0 { out * by } else { Vector::new(0.0, 0.0) };
                made.sides
                    .iter_mut()
                    .filter(|s| s.along.dot(out).abs() < 0.9)
                    .for_each(|s| s.middle = s.middle + shift(s.middle));
                for [x, y, _] in &mut made.holes {
                    let by = shift(Point::new(*x, *y));
                    (*x, *y) = (*x + by.x, *y + by.y);
                }
                "it is longer"
            }
            _ => {
                made.holes.iter_mut().for_each(|[_, _, d]| *d = if *d > 5.0 { *d - 2.0 } else { *d + 1.5 });
                made.slots.iter_mut().for_each(|[_, _, length, _, _]| *length -= 3.0);
                "holes and slots have other sizes"
            }
        };
        (made.cutouts.is_empty() || way == 0).then(|| gross(made.design(), said.to_owned()))
    }
}

/// What no uncertainty hides.
const fn gross(made: Design, said: String) -> Faulty {
    Faulty { made, said, beyond: None }
}

/// How many standard uncertainties beyond the limit.
fn beyond(random: &mut Seeded) -> f64 {
    random.between(4.0, 8.0)
}

/// What is left of a contour when all is cut off that lies farther along `outwards` than `place`.
fn cut(contour: &Contour, place: Point<DesignMm>, outwards: Vector<DesignMm>) -> Option<Contour> {
    let points = contour.polygon(0.001);
    let over = |p: Point<DesignMm>| (p - place).dot(outwards);
    let mut left: Vec<Point<DesignMm>> = Vec::new();
    for (i, p) in points.iter().enumerate() {
        let next = points[(i + 1) % points.len()];
        let [a, b] = [*p, next].map(over);
        if a <= 0.0 {
            left.push(*p);
        }
        if (a > 0.0) != (b > 0.0) {
            left.push(*p + (next - *p) * (a / (a - b)));
        }
    }
    let n = left.len();
    let line = |i: usize| Segment::Line { from: left[i], to: left[(i + 1) % n] };
    (n >= 3).then(|| Contour { segments: (0..n).map(line).filter(|s| s.length() > 1e-6).collect() })
}
