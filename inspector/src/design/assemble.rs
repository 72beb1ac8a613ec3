//! Closed contours to a design: one outline, its openings, their names.

use super::crossing::{Budget, refuse_crossings};
use super::join::{Loop, Piece};
use super::recognise::{pieces, runs, slot};
use super::{Contour, Design, DesignError, Feature, FeatureKind, Segment};
use crate::geometry::{Angle, Circle, DesignMm, Point, fit_circle};
use std::f64::consts::TAU;

/// Most openings of a part.
const MAX_OPENINGS: usize = 10_000;
/// Steps of work before a drawing is refused as too dense.
const BUDGET: u64 = 40_000_000;
/// How far ends and vertices of a round contour may lie from its circle, mm.
const ROUND: f64 = 0.005;
/// How far inside the circle the sides of a polygon may lie that stands for it, mm: programs that draw no circles keep about that. What is made
/// after a coarser one has flats that can be felt.
const SAG: f64 = 0.02;
/// Longest line that closes a circle of arcs, mm.
const HAIR: f64 = 0.02;
/// Fewest vertices of a polygon that is taken for a circle.
const ROUND_VERTICES: usize = 16;
/// Centres whose y differ by no more are in one row, mm.
const ROW: f64 = 0.05;

impl Design {
    /// A design from closed contours in any order and direction, such as a program that draws parts has.
    ///
    /// Round contours (see [`FeatureKind::Hole`]) become one whole circle. Contours start at the leftmost of their topmost joints that is not in the middle of a line or arc.
    ///
    /// # Errors
    /// [`DesignError`] when contours cross, and when there is not exactly one outermost contour with nothing inside its openings. In its messages
    /// the line of the file is 0.
    pub fn from_contours(contours: Vec<Contour>) -> Result<Self, DesignError> {
        let piece = |segment| Piece { segment, line: 0 };
        assemble(contours.into_iter().map(|c| c.segments.into_iter().map(piece).collect()).collect())
    }
}

/// Checks the contours against each other, puts them in order and names them.
pub(super) fn assemble(loops: Vec<Loop>) -> Result<Design, DesignError> {
    if loops.len() > MAX_OPENINGS {
        return Err(DesignError::TooMany { what: "closed contours", limit: MAX_OPENINGS });
    }
    let mut budget = Budget(BUDGET);
    refuse_crossings(&loops, &mut budget)?;
    let mut shapes: Vec<Shape> = loops.into_iter().map(Shape::new).collect();
    shapes.sort_by(|a, b| b.area.total_cmp(&a.area));
    one_part(&shapes, &mut budget)?;
    if shapes.is_empty() {
        return Err(DesignError::NoContour { found: "no closed contour".to_owned() });
    }
    let remarks = facets(&shapes).into_iter().collect();
    let outline = shapes.remove(0);
    reading_order(&mut shapes, Shape::centre);

    let mut features = Vec::new();
    let mut contours = Vec::new();
    let mut add = |name: String, kind: FeatureKind, contour: Contour| {
        features.push(Feature { name, kind, contour: contours.len(), segments: 0..contour.segments.len() });
        contours.push(contour);
    };
    add("outline".to_owned(), FeatureKind::Outline(outline.round), outline.directed(true));
    let (mut holes, mut others) = (0, 0);
    for opening in shapes {
        let (round, faceted) = (opening.round, opening.facets.is_some());
        let contour = opening.directed(false);
        let (kind, word, count) = match (round, slot(&contour)) {
            (Some(circle), _) => (FeatureKind::Hole(circle), "hole", &mut holes),
            // Once taken for a hole: no other may have its name.
            (None, _) if faceted => (FeatureKind::Cutout, "hole", &mut holes),
            // Counted together, so that recipes from before slots were recognised mean what they meant.
            (None, Some(slot)) => (FeatureKind::Slot(slot), "slot", &mut others),
            (None, None) => (FeatureKind::Cutout, "cutout", &mut others),
        };
        *count += 1;
        add(format!("{word}-{count}"), kind, contour);
    }
    features.extend(pieces(&contours, &features));
    Ok(Design {
        contours,
        features,
        body: super::Body::default(),
        passed_over: Vec::new(),
        drawn_in: "mm".to_owned(),
        remarks,
    })
}

/// A contour and what is known about it.
struct Shape {
    contour: Contour,
    area: f64,
    low: Point<DesignMm>,
    high: Point<DesignMm>,
    round: Option<Circle<DesignMm>>,
    /// Of a polygon about a circle that is none: how far inside it the sides lie, mm.
    facets: Option<f64>,
}

impl Shape {
    fn new(pieces: Loop) -> Self {
        let contour = Contour { segments: pieces.into_iter().map(|p| p.segment).collect() };
        let (round, facets) = match round(&contour) {
            Some((circle, sag)) if sag <= SAG => (Some(circle), None),
            other => (None, other.map(|(_, sag)| sag)),
        };
        let (low, high) = contour.bounds();
        Self { area: contour.signed_area().abs(), low, high, round, facets, contour }
    }

    fn centre(&self) -> Point<DesignMm> {
        self.round.map_or(self.low.midpoint(self.high), |c| c.centre)
    }

    fn within(&self, other: &Self) -> bool {
        self.low.x >= other.low.x
            && self.low.y >= other.low.y
            && self.high.x <= other.high.x
            && self.high.y <= other.high.y
    }

    /// The contour running counter-clockwise, or clockwise, from the leftmost of its topmost joints, or from the start of the line or arc that is
    /// cut there.
    fn directed(self, counter_clockwise: bool) -> Contour {
        if let Some(circle) = self.round {
            let sweep = Angle::from_degrees(if counter_clockwise { 360.0 } else { -360.0 });
            return Contour { segments: vec![Segment::Arc { circle, start: Angle::default(), sweep }] };
        }
        let mut contour = self.contour;
        if (contour.signed_area() > 0.0) != counter_clockwise {
            contour = contour.reversed();
        }
        let starts: Vec<Point<DesignMm>> = contour.segments.iter().map(|s| s.at(0.0)).collect();
        let top = starts.iter().map(|p| p.y).fold(f64::NEG_INFINITY, f64::max);
        let upper_left = starts.iter().enumerate().filter(|(_, p)| top - p.y <= ROW);
        let first = upper_left.min_by(|a, b| a.1.x.total_cmp(&b.1.x)).map_or(0, |(i, _)| i);
        contour.segments.rotate_left(first);
        if let Some(cut) = runs(&contour).iter().find(|run| run.segments.end > contour.segments.len()) {
            contour.segments.rotate_left(cut.segments.start);
        }
        contour
    }
}

/// Says which contours look like circles and are not measured as such.
fn facets(shapes: &[Shape]) -> Option<String> {
    let sags: Vec<f64> = shapes.iter().filter_map(|s| s.facets).collect();
    let deepest = sags.iter().copied().fold(0.0, f64::max);
    let what = match sags.len() {
        0 => return None,
        1 => "1 contour is a polygon of 16 corners or more on a circle, with sides".to_owned(),
        n => format!("{n} contours are polygons of 16 corners or more on a circle, with sides up to"),
    };
    Some(format!(
        "{what} {deepest:.3} mm inside it: measured as drawn, without a diameter. Draw a circle where one is meant."
    ))
}

/// Refuses a second part beside or inside the first; `shapes` are sorted by falling area, so the first is an outermost one.
fn one_part(shapes: &[Shape], budget: &mut Budget) -> Result<(), DesignError> {
    let Some((outline, openings)) = shapes.split_first() else { return Ok(()) };
    let inside = |a: &Shape, b: &Shape, budget: &mut Budget| {
        if !a.within(b) {
            return Ok(false);
        }
        // Contours do not cross, so one point answers for the whole contour.
        let p = a.contour.segments.first().map_or(a.low, |s| s.at(0.5));
        budget.spend(b.contour.segments.len(), p)?;
        Ok(b.contour.encloses(p))
    };
    let mut outermost: Vec<&Shape> = vec![outline];
    let mut island = None;
    for (i, shape) in openings.iter().enumerate() {
        let mut parents = usize::from(inside(shape, outline, budget)?);
        // Only larger contours can hold this one.
        for larger in &openings[..i] {
            parents += usize::from(inside(shape, larger, budget)?);
        }
        match parents {
            0 => outermost.push(shape),
            1 => (),
            _ => island = island.or(Some(shape.centre())),
        }
    }
    if let [_, second, ..] = outermost.as_slice() {
        let p = second.centre();
        return Err(DesignError::SeveralParts { found: outermost.len(), x: p.x, y: p.y });
    }
    island.map_or(Ok(()), |p| Err(DesignError::Island { x: p.x, y: p.y }))
}

/// The circle that a contour lies on, and how far inside it the middles of its sides lie: one whole circle; arcs that all lie on one circle, of which
/// a hair may close the last; or a polygon of at least 16 vertices on one circle, none of whose sides is much longer than the others (a flat would be).
fn round(contour: &Contour) -> Option<(Circle<DesignMm>, f64)> {
    if let [Segment::Arc { circle, .. }] = contour.segments.as_slice() {
        return Some((*circle, 0.0));
    }
    let (lines, arcs): (Vec<&Segment>, Vec<&Segment>) =
        contour.segments.iter().partition(|s| matches!(s, Segment::Line { .. }));
    let polygon = arcs.is_empty();
    let enough = polygon && lines.len() >= ROUND_VERTICES;
    let arcs_only = !polygon && (lines.is_empty() || closed_by_hairs(&lines, &arcs));
    if !enough && !arcs_only {
        return None;
    }
    let mut points: Vec<Point<DesignMm>> = contour.segments.iter().map(|s| s.at(0.0)).collect();
    points.extend(arcs.iter().map(|s| s.at(0.5)));
    let circle = match arcs[..] {
        [Segment::Arc { circle, .. }] => *circle,
        _ => fit_circle(&points, 1e-6).ok()?.circle,
    };
    let fits = points.iter().all(|p| (p.distance(circle.centre) - circle.radius).abs() <= ROUND);
    let longest = 1.5 * TAU / contour.segments.len() as f64 * circle.radius;
    let even = !polygon || lines.iter().all(|s| s.length() <= longest);
    let sag = lines.iter().map(|s| circle.radius - s.at(0.5).distance(circle.centre)).fold(0.0, f64::max);
    (fits && even).then_some((circle, sag))
}

/// True when arcs go round nearly whole, and what lines there are close them: a whole turn cannot be written as one arc of an SVG.
fn closed_by_hairs(lines: &[&Segment], arcs: &[&Segment]) -> bool {
    let sweep = |s: &&Segment| if let Segment::Arc { sweep, .. } = s { sweep.radians() } else { 0.0 };
    let turn: f64 = arcs.iter().map(sweep).sum();
    lines.iter().all(|s| s.length() <= HAIR) && turn.abs() > 0.9 * TAU
}

/// Sorts openings by rows from the top, and from left to right within a row. Centres whose y differ by at most 0.05 mm (a program's rounding)
/// are in one row.
pub(crate) fn reading_order<T>(openings: &mut [T], centre: impl Fn(&T) -> Point<DesignMm>) {
    openings.sort_by(|a, b| centre(b).y.total_cmp(&centre(a).y));
    let mut rest = openings;
    while let Some(first) = rest.first() {
        let y = centre(first).y;
        let row = rest.iter().take_while(|s| y - centre(s).y <= ROW).count();
        let (row, below) = rest.split_at_mut(row);
        row.sort_by(|a, b| centre(a).x.total_cmp(&centre(b).x));
        rest = below;
    }
}
