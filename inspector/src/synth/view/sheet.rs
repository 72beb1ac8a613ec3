//! The printed sheet that parts lie on, and how it curls.

use crate::geometry::{Angle, Mm, PlaneMm, Point, Vector};

/// A printed area.
#[derive(Clone, Debug, PartialEq)]
pub struct Print {
    /// A closed polygon (first point not repeated, either way round).
    pub outline: Vec<Point<PlaneMm>>,
    /// Share of the light that red, green and blue return, linear, in [0, 1].
    pub rgb: [f64; 3],
}

impl Print {
    /// A rectangle between two opposite corners, grey.
    pub fn rectangle(low: Point<PlaneMm>, high: Point<PlaneMm>, light: f64) -> Self {
        Self { outline: vec![low, Point::new(high.x, low.y), high, Point::new(low.x, high.y)], rgb: [light; 3] }
    }
    fn bounds(&self) -> [f64; 4] {
        let empty = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        self.outline.iter().fold(empty, |b, p| [b[0].min(p.x), b[1].min(p.y), b[2].max(p.x), b[3].max(p.y)])
    }
    fn contains(&self, p: Point<PlaneMm>) -> bool {
        let next = self.outline.iter().cycle().skip(1);
        let crossed = |(a, b): (&Point<PlaneMm>, &Point<PlaneMm>)| {
            (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x)
        };
        self.outline.iter().zip(next).filter(|pair| crossed(*pair)).count() % 2 == 1
    }
    /// Twice the signed area.
    fn turning(&self) -> f64 {
        let next = self.outline.iter().cycle().skip(1);
        self.outline.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum()
    }
    /// A point just inside each side.
    fn inside(&self) -> impl Iterator<Item = Point<PlaneMm>> {
        let sense = self.turning().signum();
        let next = self.outline.iter().cycle().skip(1);
        self.outline.iter().zip(next).map(move |(a, b)| a.midpoint(*b) + (*b - *a).perpendicular() * (1e-3 * sense))
    }
}

/// What is printed on the sheet: polygons painted in order, on a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// What the table returns of the light.
    pub table: [f64; 3],
    /// Relative standard deviation of the paper's texture, and the size of its spots, px (at least 2).
    pub texture: (f64, f64),
    prints: Vec<Print>,
    /// What each print changes of the light of what lies under it.
    changes: Vec<[f64; 3]>,
}

impl Sheet {
    /// Paints polygons in order; the first is usually the paper itself.
    ///
    /// `None` when a print does not lie wholly on one colour, or paints over an earlier print: prints nest, lie apart or touch, and never
    /// overlap in part. So the light of the sheet is a sum of coverages, and its blur is exact.
    ///
    /// ```
    /// use inspector::geometry::Point;
    /// use inspector::synth::view::{Print, Sheet};
    /// let square = |x: f64, size: f64, light| Print::rectangle(Point::new(x, 0.0), Point::new(x + size, size), light);
    /// // Paper, a black cell on it, a white cell that touches its neighbour.
    /// assert!(Sheet::new([0.3; 3], vec![square(-10.0, 40.0, 0.9), square(0.0, 4.0, 0.04), square(4.0, 4.0, 0.5)]).is_some());
    /// // The last cell lies half on paper and half on the black one: what is under it has no one colour.
    /// assert!(Sheet::new([0.3; 3], vec![square(-10.0, 40.0, 0.9), square(0.0, 4.0, 0.04), square(2.0, 4.0, 0.5)]).is_none());
    /// ```
    pub fn new(table: [f64; 3], prints: Vec<Print>) -> Option<Self> {
        let bounds: Vec<[f64; 4]> = prints.iter().map(Print::bounds).collect();
        let within = |p: Point<PlaneMm>, [x0, y0, x1, y1]: [f64; 4]| p.x >= x0 && p.x <= x1 && p.y >= y0 && p.y <= y1;
        let covers = |i: usize, p: Point<PlaneMm>| within(p, bounds[i]) && prints[i].contains(p);
        let apart = |a: [f64; 4], b: [f64; 4]| a[0] > b[2] || b[0] > a[2] || a[1] > b[3] || b[1] > a[3];
        let mut changes = Vec::with_capacity(prints.len());
        for (i, print) in prints.iter().enumerate() {
            let before: Vec<usize> = (0..i).filter(|j| !apart(bounds[*j], bounds[i])).collect();
            if before.iter().any(|j| prints[*j].inside().any(|p| covers(i, p))) {
                return None;
            }
            let mut below = print.inside().map(|p| before.iter().rev().copied().find(|j| covers(*j, p)));
            let under = below.next()?;
            if below.any(|b| b != under) {
                return None;
            }
            let ground = under.map_or(table, |j| prints[j].rgb);
            changes.push(std::array::from_fn(|c| print.rgb[c] - ground[c]));
        }
        Some(Self { table, texture: (0.0, 8.0), prints, changes })
    }

    /// White A4 paper (297 x 210 mm about the origin) on a grey table, nothing printed.
    pub fn blank_a4() -> Self {
        let paper = Print::rectangle(Point::new(-148.5, -105.0), Point::new(148.5, 105.0), 0.85);
        Self::new([0.25; 3], vec![paper]).expect("one print lies on the table")
    }

    /// The prints in the order of painting.
    pub fn prints(&self) -> &[Print] {
        &self.prints
    }

    /// Each print with what it changes of the light.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&[Point<PlaneMm>], [f64; 3])> {
        self.prints.iter().map(|p| p.outline.as_slice()).zip(self.changes.iter().copied())
    }

    /// Lowest and highest coordinates of what is printed.
    pub(super) fn bounds(&self) -> (Point<PlaneMm>, Point<PlaneMm>) {
        let all = self.prints.iter().map(Print::bounds);
        let [x0, y0, x1, y1] =
            all.reduce(|a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]).unwrap_or([0.0; 4]);
        (Point::new(x0, y0), Point::new(x1, y1))
    }
}

/// One wave of a curled sheet: a cylinder, whose height changes along one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// The direction along which the height changes.
    pub along: Angle,
    /// From crest to crest.
    pub length: Mm,
    /// Height of its crests; its troughs lie on the table.
    pub height: Mm,
    /// Phase at the origin: its crests lie at a quarter turn.
    pub phase: Angle,
}

/// How a sheet curls: up to a few waves, added. Paper bends and does not stretch, so distances are kept along the paper, and its plan is
/// shorter by half the square of its slope (exact to the fourth power: 1e-5 mm for 1 mm over 200 mm).
///
/// Honest scope: two waves that cross would stretch real paper by the product of their slopes (1e-4); here they do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curl {
    /// The waves.
    pub waves: Vec<Wave>,
}

impl Curl {
    /// Where a printed point lies in space: in plan, and its height, mm.
    pub fn place(&self, p: Point<PlaneMm>) -> (Point<PlaneMm>, f64) {
        let (mut plan, mut height) = (p, 0.0);
        for wave in &self.waves {
            let (sin, cos) = wave.along.sin_cos();
            let (along, s) = (Vector::new(cos, sin), p.x * cos + p.y * sin);
            let at = |s: f64| std::f64::consts::TAU * s / wave.length.0 + wave.phase.radians();
            height += 0.5 * wave.height.0 * (1.0 + libm::sin(at(s)));
            // Half the square of the slope, integrated from the origin.
            let slope = std::f64::consts::PI * wave.height.0 / wave.length.0;
            let double = libm::sin(2.0 * at(s)) - libm::sin(2.0 * at(0.0));
            let shorter = 0.5 * slope * slope * (0.5 * s + wave.length.0 / (8.0 * std::f64::consts::PI) * double);
            plan = plan - along * shorter;
        }
        (plan, height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curled_paper_keeps_its_length() {
        let wave = Wave {
            along: Angle::from_degrees(30.0),
            length: Mm(180.0),
            height: Mm(1.0),
            phase: Angle::from_degrees(77.0),
        };
        let curl = Curl { waves: vec![wave] };
        let direction = Vector::new(libm::cos(30_f64.to_radians()), libm::sin(30_f64.to_radians()));
        let at = |s: f64| curl.place(Point::new(0.0, 0.0) + direction * s);
        let mut length = 0.0;
        for i in 0..2000 {
            let ((a, za), (b, zb)) = (at(0.1 * f64::from(i)), at(0.1 * f64::from(i + 1)));
            length += ((b - a).dot(b - a) + (zb - za) * (zb - za)).sqrt();
        }
        let plan = at(200.0).0.distance(at(0.0).0);
        assert!((length - 200.0).abs() < 1e-4, "{length}");
        assert!(200.0 - plan > 0.01, "in plan it is shorter: {plan}");
    }
}
