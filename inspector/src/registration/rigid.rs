//! The small turn and shift that brings a drawing onto its edges.

use crate::design::ContourPoint;
use crate::geometry::{Angle, DesignMm, PlaneMm, Point, Similarity, Vector, reweight, solve_symmetric};

/// A pose and how well it is known.
pub(super) struct RigidFit {
    pub(super) pose: Similarity<DesignMm, PlaneMm>,
    pub(super) moved_mm: f64,
    pub(super) u_shift_mm: f64,
    pub(super) u_turn_rad: f64,
    /// About which turn and shift are known independently.
    pub(super) pivot: Point<PlaneMm>,
    pub(super) scatter_mm: f64,
}

/// Least scatter of edges that is believed, mm.
const LEAST_SCATTER_MM: f64 = 1e-4;

/// The small turn and shift that brings the contour onto its edges: point-to-line least squares, Tukey's biweight on the median
/// absolute deviation, so that a short edge, a burr or a moved hole does not pull the part along. Each edge comes with its trust.
pub(super) fn fit_rigid<'a>(
    pose: &Similarity<DesignMm, PlaneMm>,
    edges: impl Iterator<Item = (&'a ContourPoint, f64, f64)>,
) -> Option<RigidFit> {
    let data: Vec<(Vector<PlaneMm>, Vector<PlaneMm>, f64, f64)> = edges
        .filter(|(at, d, _)| d.is_finite() && at.weight > 0.0)
        .map(|(at, d, trust)| (pose.apply(at.p) - Point::new(0.0, 0.0), pose.apply_vector(at.normal), d, trust))
        .collect();
    if data.len() < 12 {
        return None;
    }
    // About the middle of the edges, so that turn and shift do not mix.
    let n = data.len() as f64;
    let middle = data.iter().fold(Vector::new(0.0, 0.0), |m, d| m + d.0 * (1.0 / n));
    let rows: Vec<([f64; 3], f64)> =
        data.iter().map(|(p, normal, d, _)| ([normal.x, normal.y, (*p - middle).cross(*normal)], *d)).collect();
    let trust: Vec<f64> = data.iter().map(|d| d.3).collect();
    let mut weights = trust.clone();
    let mut x = [0.0; 3];
    let (mut covariance, mut scatter) = ([0.0; 3], f64::INFINITY);
    for _ in 0..30 {
        let residual = |(row, d): &([f64; 3], f64)| d - row.iter().zip(&x).map(|(a, b)| a * b).sum::<f64>();
        let residuals: Vec<f64> = rows.iter().map(residual).collect();
        scatter = reweight(&residuals, &trust, LEAST_SCATTER_MM, &mut weights);
        let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
        for ((row, d), w) in rows.iter().zip(&weights) {
            for i in 0..3 {
                b[i] += w * row[i] * d;
                for j in 0..3 {
                    a[i][j] += w * row[i] * row[j];
                }
            }
        }
        // A round part says nothing of its turn: leave the turn as it is.
        let lever = rows.iter().map(|r| r.0[2] * r.0[2]).sum::<f64>() / n;
        let free = lever > 1e-6;
        if !free {
            a[2] = [0.0, 0.0, 1.0];
            (a[0][2], a[1][2], b[2]) = (0.0, 0.0, 0.0);
        }
        let next = solve_symmetric(a, b)?;
        let change = (0..3).map(|i| (next[i] - x[i]).abs()).fold(0.0, f64::max);
        x = next;
        for (k, c) in covariance.iter_mut().enumerate() {
            let mut e = [0.0; 3];
            e[k] = 1.0;
            *c = solve_symmetric(a, e)?[k] * scatter * scatter;
        }
        if change < 1e-7 {
            break;
        }
    }
    let turn = Similarity::<PlaneMm, PlaneMm>::new(1.0, Angle::from_radians(x[2]), false, Vector::new(0.0, 0.0));
    let pivot = Point::new(middle.x, middle.y);
    let shift = (pivot - turn.apply(pivot)) + Vector::new(x[0], x[1]);
    let step = Similarity::<PlaneMm, PlaneMm>::new(1.0, Angle::from_radians(x[2]), false, shift);
    let radius = rows.iter().map(|r| r.0[2].abs()).fold(0.0, f64::max);
    Some(RigidFit {
        pose: pose.then(&step),
        moved_mm: x[0].abs().max(x[1].abs()).max(x[2].abs() * radius),
        u_shift_mm: covariance[0].max(covariance[1]).max(0.0).sqrt(),
        u_turn_rad: covariance[2].max(0.0).sqrt(),
        pivot,
        scatter_mm: scatter,
    })
}
