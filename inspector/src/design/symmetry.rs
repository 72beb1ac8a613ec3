//! In which poses a part looks the same.

use super::{Contour, Design, Segment};
use crate::geometry::{Angle, DesignMm, Point, Vector};
use std::f64::consts::{PI, TAU};

/// How far a part may lie from its turned or mirrored self and still count as symmetric, mm.
const SAME: f64 = 0.02;
/// How far a place may lie from the contour before its turn is settled, mm.
const CAPTURE: f64 = 1.0;
/// Most places of the contours that are compared.
const PLACES: usize = 2000;
/// Most turns that are tried: a gear of more teeth counts as not symmetric.
const MAX_TURNS: usize = 720;

/// The turns and mirrors that leave a part as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Symmetry {
    /// The centroid of the material: every turn is about it, every axis passes through it.
    pub centre: Point<DesignMm>,
    /// How many turns.
    pub turns: Turns,
    /// Directions of the mirror axes, 0° (along x) up to 180°, rising. Empty for [`Turns::Any`], where every direction is one.
    pub axes: Vec<Angle>,
    /// The largest distance between the part and any of these images of itself, mm: 0.02 at most.
    pub residual_mm: f64,
}

/// Turns that leave a part as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// So many, evenly spread over 360°, the one by 0° counted: 1 for a part without symmetry of turns.
    Of(usize),
    /// All: discs and rings.
    Any,
}

impl Symmetry {
    /// True when the part turned over looks as it did before, in some pose.
    pub const fn is_mirrored(&self) -> bool {
        matches!(self.turns, Turns::Any) || !self.axes.is_empty()
    }
}

impl Design {
    /// The symmetry of the part, with what is cut out of it.
    ///
    /// Candidates are the turns and mirrors that carry one distinguished place (the farthest of a contour from the centroid, or the middle of
    /// an opening) onto its equals; each is settled by least squares and proved by the distances of thousands of places, carried over, to the contours.
    ///
    /// Cost: a few milliseconds for a usual part.
    ///
    /// Honest scope: a part that lies farther than 0.02 mm from its image is not symmetric, though no camera may tell. Of drawings with more than
    /// a thousand pieces not every piece is compared.
    ///
    /// ```
    /// use inspector::design::Turns;
    /// use inspector::synth::parts;
    /// // The hard case: a disc with three holes 120° apart, one of them moved by 0.1 mm.
    /// let holes = [(10.0, 0.0, 3.0), (-5.0, 8.660_254_037_844_386, 3.0), (-5.0, -8.660_254_037_844_386, 3.0)];
    /// let good = parts::pierced_disc(40.0, &holes).symmetry();
    /// assert_eq!((good.turns, good.axes.len()), (Turns::Of(3), 3));
    /// let moved = parts::pierced_disc(40.0, &[(10.1, 0.0, 3.0), holes[1], holes[2]]).symmetry();
    /// assert_eq!((moved.turns, moved.axes.len()), (Turns::Of(1), 1));
    /// ```
    pub fn symmetry(&self) -> Symmetry {
        let centre = self.centroid();
        let none = Symmetry { centre, turns: Turns::Of(1), axes: Vec::new(), residual_mm: 0.0 };
        if self.contours.iter().all(|c| ring(c, centre)) {
            let residual_mm = self.contours.iter().filter_map(|c| c.segments.first()).fold(0.0, |worst, s| match s {
                Segment::Arc { circle, .. } => f64::max(worst, circle.centre.distance(centre)),
                Segment::Line { .. } => worst,
            });
            return Symmetry { turns: Turns::Any, residual_mm, ..none };
        }
        let anchors = self.anchors(centre);
        if anchors.is_empty() || anchors.len() > MAX_TURNS {
            return none;
        }
        let shape = Shape::new(self, centre);
        let mut found = Symmetry { residual_mm: 0.0, ..none };
        let mut turns = 1;
        for (i, anchor) in anchors.iter().enumerate() {
            let images = [(i > 0).then_some((anchor - anchors[0], false)), Some((anchor + anchors[0], true))];
            for (turn, mirrored) in images.into_iter().flatten() {
                let Some((turn, residual_mm)) = shape.image(turn, mirrored) else { continue };
                found.residual_mm = found.residual_mm.max(residual_mm);
                if mirrored {
                    // Mirrored about an axis is mirrored about x, then turned by twice the direction of the axis.
                    let axis = (0.5 * turn).rem_euclid(PI);
                    // A hair below 180° is 0°.
                    found.axes.push(Angle::from_radians(if PI - axis < 1e-6 { 0.0 } else { axis }));
                } else {
                    turns += 1;
                }
            }
        }
        found.axes.sort_by(|a, b| a.radians().total_cmp(&b.radians()));
        Symmetry { turns: Turns::Of(turns), ..found }
    }

    /// Directions from the centroid to a set of places that every symmetry carries onto each other: the smallest such set.
    fn anchors(&self, centre: Point<DesignMm>) -> Vec<f64> {
        let mut sets: Vec<(f64, f64, Vec<f64>)> = Vec::new();
        let reach = self.contours.first().map_or(0.0, |c| farthest(c, centre).0);
        for contour in &self.contours {
            let middle = contour.centroid();
            let (off, area) = (middle.distance(centre), contour.signed_area());
            if off > 0.05 * reach {
                // Openings of one size at one distance.
                let alike = |s: &&mut (f64, f64, Vec<f64>)| {
                    (s.0 - off).abs() <= SAME && (s.1 - area).abs() <= SAME * contour.length()
                };
                let direction = angle(middle - centre);
                match sets.iter_mut().find(alike) {
                    Some(set) => set.2.push(direction),
                    None => sets.push((off, area, vec![direction])),
                }
            } else if !ring(contour, centre) {
                let (radius, directions) = farthest(contour, centre);
                sets.push((radius, area, directions));
            }
        }
        // Few make quick work; far ones turn exactly.
        sets.sort_by(|a, b| a.2.len().cmp(&b.2.len()).then(b.0.total_cmp(&a.0)).then(a.1.total_cmp(&b.1)));
        sets.into_iter().next().map(|s| s.2).unwrap_or_default()
    }
}

fn angle(v: Vector<DesignMm>) -> f64 {
    libm::atan2(v.y, v.x)
}

/// True for a whole circle about `centre`.
fn ring(contour: &Contour, centre: Point<DesignMm>) -> bool {
    matches!(contour.segments[..], [Segment::Arc { circle, .. }] if circle.centre.distance(centre) <= SAME)
}

/// The largest distance of a contour from `centre`, and the directions in which it is that far: the middles where it is so for a stretch.
fn farthest(contour: &Contour, centre: Point<DesignMm>) -> (f64, Vec<f64>) {
    // Ends, middles, and the place of an arc that lies farthest.
    let places = |s: &Segment| {
        let tip = match s {
            Segment::Arc { circle, .. } => (circle.centre - centre)
                .unit()
                .map(|d| circle.centre + d * circle.radius)
                .filter(|p| super::crossing::lies_on(s, *p, 1e-9)),
            Segment::Line { .. } => None,
        };
        [Some(s.at(0.0)), Some(s.at(0.25)), Some(s.at(0.5)), Some(s.at(0.75)), tip]
    };
    let mut all: Vec<Point<DesignMm>> = Vec::new();
    for segment in &contour.segments {
        let mut own: Vec<_> = places(segment).into_iter().flatten().collect();
        let start = segment.at(0.0);
        let along = |p: &Point<DesignMm>| match segment {
            Segment::Line { .. } => p.distance(start),
            Segment::Arc { circle, sweep, .. } => {
                ((angle(*p - circle.centre) - angle(start - circle.centre)) * sweep.radians().signum()).rem_euclid(TAU)
            }
        };
        own[1..].sort_by(|a, b| along(a).total_cmp(&along(b)));
        all.extend(own);
    }
    let reach = all.iter().map(|p| p.distance(centre)).fold(0.0, f64::max);
    let far = |p: &Point<DesignMm>| p.distance(centre) >= reach - SAME;
    // Stretches of neighbours, beginning behind a place that is not far.
    let first = all.iter().position(|p| !far(p)).unwrap_or(0);
    all.rotate_left(first);
    let stretches = all.split(|p| !far(p)).filter(|stretch| !stretch.is_empty());
    let middle = |stretch: &[Point<DesignMm>]| {
        let (a, b) = (angle(stretch[0] - centre), angle(stretch[stretch.len() - 1] - centre));
        a + 0.5 * ((b - a + PI).rem_euclid(TAU) - PI)
    };
    (reach, stretches.map(middle).collect())
}

/// The point of a piece nearest to some place, and the normal there.
type Foot = (Point<DesignMm>, Vector<DesignMm>);

/// Places of the contours, and the contours where a place is looked up quickly.
struct Shape<'a> {
    centre: Point<DesignMm>,
    places: Vec<Point<DesignMm>>,
    segments: Vec<&'a Segment>,
    /// Pieces that pass through each square of the plane, or nearly.
    cells: Vec<Vec<u32>>,
    side: usize,
    low: Point<DesignMm>,
    cell: f64,
}

impl<'a> Shape<'a> {
    fn new(design: &'a Design, centre: Point<DesignMm>) -> Self {
        let segments: Vec<&Segment> = design.contours.iter().flat_map(|c| &c.segments).collect();
        let length: f64 = design.contours.iter().map(Contour::length).sum();
        let mut places = Vec::new();
        for s in &segments {
            let least = if s.full() { 8.0 } else { 3.0 };
            let n = (s.length() / length * PLACES as f64).ceil().max(least);
            places.extend((0..n as usize).map(|i| s.at((i as f64 + 0.5) / n)));
        }
        let step = places.len().div_ceil(2 * PLACES).max(1);
        let places = places.into_iter().step_by(step).collect();
        let (low, high) = design.bounds();
        let low = low - Vector::new(CAPTURE, CAPTURE);
        let extent = (high.x - low.x).max(high.y - low.y) + CAPTURE;
        let side = ((segments.len() as f64).sqrt() as usize).clamp(8, 512);
        let cell = extent / side as f64;
        let mut cells = vec![Vec::new(); side * side];
        let index = |v: f64| ((v / cell) as usize).min(side - 1);
        for (i, s) in segments.iter().enumerate() {
            let (l, h) = s.bounds();
            for y in index(l.y - low.y)..=index(h.y - low.y) {
                for x in index(l.x - low.x)..=index(h.x - low.x) {
                    cells[y * side + x].push(i as u32);
                }
            }
        }
        Self { centre, places, segments, cells, side, low, cell }
    }

    /// The nearest point of the contours within [`CAPTURE`], and the normal there. Squares are looked through in rings about that of `p`, so
    /// that a fine drawing costs no more than a coarse one.
    fn nearest(&self, p: Point<DesignMm>) -> Option<Foot> {
        let (x, y) = ((p.x - self.low.x) / self.cell, (p.y - self.low.y) / self.cell);
        if !(0.0..self.side as f64).contains(&x) || !(0.0..self.side as f64).contains(&y) {
            return None;
        }
        // From `p` to the nearest side of its own square.
        let inside = x.fract().min(1.0 - x.fract()).min(y.fract()).min(1.0 - y.fract());
        let mut best: Option<(f64, u32, Foot)> = None;
        for ring in 0..=self.side {
            // What lies in this ring is at least so far away.
            let least = (ring as f64 - 1.0 + inside) * self.cell;
            if least > best.map_or(CAPTURE, |b| b.0) {
                break;
            }
            for i in self.ring(x as usize, y as usize, ring).flatten() {
                let at = foot(self.segments[*i as usize], p);
                let distance = at.0.distance(p);
                // Of two as near, the first of the drawing.
                if best.is_none_or(|b| distance < b.0 || (distance == b.0 && *i < b.1)) {
                    best = Some((distance, *i, at));
                }
            }
        }
        best.filter(|b| b.0 <= CAPTURE).map(|b| b.2)
    }

    /// The squares whose column or row is `ring` away from a square, and none farther.
    fn ring(&self, x: usize, y: usize, ring: usize) -> impl Iterator<Item = &[u32]> {
        let (left, right) = (x.saturating_sub(ring), (x + ring).min(self.side - 1));
        let (low, high) = (y.saturating_sub(ring), (y + ring).min(self.side - 1));
        (low..=high).flat_map(move |row| {
            let whole = row.abs_diff(y) == ring;
            let step = if whole || ring == 0 { 1 } else { 2 * ring };
            let first = if whole || x >= ring { left } else { x + ring };
            (first..=right).step_by(step).map(move |column| self.cells[row * self.side + column].as_slice())
        })
    }

    /// Turns (and mirrors about x first), settles on the turn that fits best, and gives it with the largest distance; `None` when that is more
    /// than [`SAME`].
    fn image(&self, turn: f64, mirrored: bool) -> Option<(f64, f64)> {
        let mut turn = turn;
        for round in 0..4 {
            let (sin, cos) = libm::sincos(turn);
            let (mut worst, mut slope, mut square): (f64, f64, f64) = (0.0, 0.0, 0.0);
            for p in &self.places {
                let v = *p - self.centre;
                let v = if mirrored { Vector::new(v.x, -v.y) } else { v };
                let arm = Vector::new(v.x * cos - v.y * sin, v.x * sin + v.y * cos);
                let at = self.centre + arm;
                let (q, normal) = self.nearest(at)?;
                worst = worst.max(at.distance(q));
                // How the distance along the normal changes with the turn.
                let lever = arm.perpendicular().dot(normal);
                slope += lever * (at - q).dot(normal);
                square += lever * lever;
            }
            if worst <= 1e-6 || round == 3 || square == 0.0 {
                return (worst <= SAME).then_some((turn, worst));
            }
            turn -= slope / square;
        }
        None
    }
}

/// The point of a piece nearest to `p`, and the piece's normal there (either sign).
fn foot(s: &Segment, p: Point<DesignMm>) -> Foot {
    match s {
        Segment::Line { from, to } => {
            let along = *to - *from;
            let t = ((p - *from).dot(along) / along.dot(along).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            (*from + along * t, along.perpendicular().unit().unwrap_or(Vector::new(1.0, 0.0)))
        }
        Segment::Arc { circle, .. } => {
            let out = (p - circle.centre).unit().unwrap_or(Vector::new(1.0, 0.0));
            let on = circle.centre + out * circle.radius;
            if super::crossing::lies_on(s, on, 1e-9) {
                return (on, out);
            }
            let (a, b) = (s.at(0.0), s.at(1.0));
            let end = if a.distance(p) <= b.distance(p) { a } else { b };
            (end, (end - circle.centre).unit().unwrap_or(out))
        }
    }
}
