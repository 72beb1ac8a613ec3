//! The small turn and shift that brings a drawing onto its edges.

use crate::design::ContourPoint;
use crate::geometry::{
    Angle, DesignMm, NormalEquations, PlaneMm, Point, Similarity, Vector, inverse_symmetric, reweight, scatter,
    solve_symmetric,
};

/// A pose and how well it is known.
pub(super) struct RigidFit {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    pub(super) moved_mm: f64,
    pub(super) u_shift_mm: f64,
    pub(super) u_turn_rad: f64,
    /// About which turn and shift are known independently.
    pub(super) pivot: Point<PlaneMm>,
    pub(super) scatter_mm: f64,
    /// How much each edge counts; not at all when it was set aside.
    pub(super) weights: Vec<f64>,
}

/// Least scatter of edges that is believed, mm.
pub(super) const LEAST_SCATTER_MM: f64 = 1e-4;
/// Standard deviation by which sides of good parts are off, mm. Where a part lies must not depend on how sharp a picture it is seen in, so what strays no farther
/// than such parts do counts in its pose.
pub(super) const PARTS_MM: f64 = 0.1;
/// Fewer edges tell no pose.
const LEAST_EDGES: usize = 12;
/// Edges whose mean square lever, what a shift does as well apart, is no longer than this, mm², tell no turn.
const LEAST_LEVER_MM2: f64 = 1e-6;

/// Mean square of the levers, less what a shift does as well, mm²: where edges are missing the middle of a round part's edges is not the centre of its circles, and a turn about it
/// shifts them.
fn of_turn_alone(rows: &[([f64; 3], f64)]) -> f64 {
    let sum = |i: usize, j: usize| rows.iter().map(|(row, _)| row[i] * row[j]).sum::<f64>();
    let turn = [sum(0, 2), sum(1, 2)];
    let as_shift = solve_symmetric([[sum(0, 0), sum(0, 1)], [sum(0, 1), sum(1, 1)]], turn).unwrap_or([0.0; 2]);
    (sum(2, 2) - turn[0] * as_shift[0] - turn[1] * as_shift[1]) / rows.len() as f64
}

/// What each edge says of shift and turn about the middle of all of them, so that these do not mix: its row, its distance.
struct Rows {
    middle: Point<PlaneMm>,
    rows: Vec<([f64; 3], f64)>,
    /// A round part says nothing of its turn.
    round: bool,
}

impl Rows {
    fn new<'a>(
        pose: &Similarity<DesignMm, PlaneMm>,
        edges: impl Iterator<Item = (&'a ContourPoint, f64)> + Clone,
    ) -> Self {
        let (mut n, mut x, mut y) = (0.0, 0.0, 0.0);
        for (at, _) in edges.clone() {
            let p = pose.apply(at.p);
            (n, x, y) = (n + 1.0, x + p.x, y + p.y);
        }
        let middle = Point::new(x / n, y / n);
        let row = |(at, d): (&ContourPoint, f64)| {
            let normal = pose.apply_vector(at.normal);
            ([normal.x, normal.y, (pose.apply(at.p) - middle).cross(normal)], d)
        };
        let rows: Vec<_> = edges.map(row).collect();
        let round = of_turn_alone(&rows) <= LEAST_LEVER_MM2;
        Self { middle, rows, round }
    }

    fn equations(&self, weights: &[f64]) -> NormalEquations<3> {
        let mut sums = NormalEquations::new();
        self.rows.iter().zip(weights).for_each(|((row, d), w)| sums.add(row, *d, *w));
        if self.round {
            // The turn stays as it is.
            sums.normal[2] = [0.0, 0.0, 1.0];
            sums.right[2] = 0.0;
        }
        sums
    }

    /// Shift and turn that fit best.
    fn solve(&self, weights: &[f64]) -> Option<[f64; 3]> {
        let sums = self.equations(weights);
        solve_symmetric(sums.normal, sums.right)
    }

    fn residuals(&self, x: &[f64; 3]) -> Vec<f64> {
        self.rows.iter().map(|(row, d)| d - row.iter().zip(x).map(|(a, b)| a * b).sum::<f64>()).collect()
    }

    /// The pose after this shift and turn.
    fn moved(&self, pose: &Similarity<DesignMm, PlaneMm>, x: &[f64; 3]) -> Similarity<DesignMm, PlaneMm> {
        let turn = Angle::from_radians(x[2]);
        let about = Similarity::<PlaneMm, PlaneMm>::new(1.0, turn, false, Vector::new(0.0, 0.0));
        let shift = (self.middle - about.apply(self.middle)) + Vector::new(x[0], x[1]);
        pose.then(&Similarity::new(1.0, turn, false, shift))
    }
}

/// The small turn and shift that brings the contour onto its edges: point-to-line least squares, Tukey's biweight on the median
/// absolute deviation, so that a short edge, a burr or a moved hole does not pull the part along. Each edge comes with its distance, which may be NaN, and its
/// trust; `usual_mm` is the standard deviation that distances may have without being set aside.
pub(super) fn fit_rigid<'a>(
    pose: &Similarity<DesignMm, PlaneMm>,
    edges: impl Iterator<Item = (&'a ContourPoint, f64, f64)>,
    usual_mm: f64,
) -> Option<RigidFit> {
    let all: Vec<(&ContourPoint, f64, f64)> = edges.collect();
    let counts = |(at, d, _): &&(&ContourPoint, f64, f64)| d.is_finite() && at.weight > 0.0;
    let rows = Rows::new(pose, all.iter().filter(counts).map(|(at, d, _)| (*at, *d)));
    if rows.rows.len() < LEAST_EDGES {
        return None;
    }
    let trust: Vec<f64> = all.iter().filter(counts).map(|(.., trust)| *trust).collect();
    let mut weights = trust.clone();
    let mut x = [0.0; 3];
    for _ in 0..30 {
        reweight(&rows.residuals(&x), &trust, usual_mm, &mut weights);
        let next = rows.solve(&weights)?;
        let change = (0..3).map(|i| (next[i] - x[i]).abs()).fold(0.0, f64::max);
        x = next;
        if change < 1e-7 {
            break;
        }
    }
    let scatter_mm = scatter(&rows.residuals(&x), &trust).max(LEAST_SCATTER_MM);
    let inverse = inverse_symmetric(rows.equations(&weights).normal)?;
    let variance = [0, 1, 2].map(|k| inverse[k][k] * scatter_mm * scatter_mm);
    let radius = rows.rows.iter().map(|r| r.0[2].abs()).fold(0.0, f64::max);
    let mut of_counting = weights.into_iter();
    let weight = |e| if counts(&e) { of_counting.next().unwrap_or(0.0) } else { 0.0 };
    Some(RigidFit {
        pose: rows.moved(pose, &x),
        moved_mm: x[0].abs().max(x[1].abs()).max(x[2].abs() * radius),
        u_shift_mm: variance[0].max(variance[1]).max(0.0).sqrt(),
        u_turn_rad: variance[2].max(0.0).sqrt(),
        pivot: rows.middle,
        scatter_mm,
        weights: all.iter().map(weight).collect(),
    })
}

/// The pose that edges have when each of those of an earlier fit has moved a little: each comes with its distance and the weight it had there.
pub(super) fn refit_rigid<'a>(
    pose: &Similarity<DesignMm, PlaneMm>,
    edges: impl Iterator<Item = (&'a ContourPoint, f64, f64)>,
) -> Similarity<DesignMm, PlaneMm> {
    let used: Vec<(&ContourPoint, f64, f64)> = edges.filter(|(_, d, w)| d.is_finite() && *w > 0.0).collect();
    let rows = Rows::new(pose, used.iter().map(|(at, d, _)| (*at, *d)));
    let weights: Vec<f64> = used.iter().map(|(.., w)| *w).collect();
    rows.solve(&weights).map_or(*pose, |x| rows.moved(pose, &x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::{Seeded, parts};

    /// One side of a good plate lies 0.24 mm too far out: the plate lies where it lies, however well its edges are seen.
    #[test]
    fn where_a_part_lies_does_not_depend_on_the_camera() {
        let places = parts::rounded_rectangle(60.0, 40.0, 3.0, &[]).contours[0].sample(0.4);
        let lies = |noise_mm: f64| {
            let mut random = Seeded::new(3, 0x6c_69);
            let off = |at: &ContourPoint| if at.normal.x > 0.99 { 0.24 } else { 0.0 };
            let edges: Vec<f64> = places.iter().map(|at| off(at) + noise_mm * random.normal()).collect();
            let start = Similarity::new(1.0, Angle::from_radians(0.0), false, Vector::new(0.0, 0.0));
            let edges = places.iter().zip(&edges).map(|(at, d)| (at, *d, 1.0));
            fit_rigid(&start, edges, PARTS_MM).expect("edges tell a pose")
        };
        let (sharp, soft) = (lies(0.003), lies(0.06));
        let x = |fit: &RigidFit| fit.pose.apply(Point::new(0.0, 0.0)).x;
        assert!((x(&sharp) - x(&soft)).abs() < 0.01, "{} and {} mm", x(&sharp), x(&soft));
        // What is said of its uncertainty comes from the edges, not from what parts may be off.
        assert!(sharp.scatter_mm < 0.03 && sharp.u_shift_mm < 0.1 * PARTS_MM, "{} mm", sharp.scatter_mm);
    }

    /// A ring has no turn, also where a quarter of its edges is missing: the others' middle is then beside its centre. A plate has one.
    #[test]
    fn the_turn_of_a_ring_is_not_known_from_some_of_its_edges() {
        let pose = Similarity::new(1.0, Angle::from_degrees(20.0), false, Vector::new(3.0, 4.0));
        let round = |design: &crate::design::Design| {
            let all: Vec<ContourPoint> = design.contours.iter().flat_map(|c| c.sample(0.3)).collect();
            Rows::new(&pose, all.iter().filter(|at| at.p.x < 0.3 * at.p.y.abs()).map(|at| (at, 0.0))).round
        };
        assert!(round(&parts::pierced_disc(24.0, &[(0.0, 0.0, 19.0)])));
        assert!(!round(&parts::pierced_disc(24.0, &[(0.5, 0.0, 19.0)])));
        assert!(!round(&parts::rounded_rectangle(24.0, 20.0, 3.0, &[])));
    }
}
