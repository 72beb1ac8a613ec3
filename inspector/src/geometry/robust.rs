//! Robust least squares for any plane figure: what line and slot share.

use super::fit::{FitError, TUKEY, correlation, reweight};
use super::{Frame, Point, solve_symmetric};

/// A plane figure of `N` parameters.
pub(super) trait Figure<F: Frame, const N: usize>: Copy {
    /// Signed distance of a point from the figure, and by how much each parameter moves the figure towards the point.
    fn distance(&self, p: Point<F>) -> (f64, [f64; N]);
    /// The figure with its parameters changed by a small step; `None` when that is no figure any more.
    fn moved(&self, step: &[f64; N]) -> Option<Self>;
}

/// A point that the fit set aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlier {
    /// Index of the point.
    pub index: usize,
    /// Its signed distance from the figure.
    pub residual: f64,
    /// The distance from which on a point was set aside.
    pub limit: f64,
}

/// A fitted figure `S` of `N` parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted<S, const N: usize> {
    /// The least-squares figure.
    pub figure: S,
    /// Covariance of its parameters from the scatter of the points (type A).
    pub covariance: [[f64; N]; N],
    /// Root mean square of the residuals of the points used.
    pub rms: f64,
    /// Points used.
    pub used: usize,
    /// Points set aside, and why.
    pub outliers: Vec<Outlier>,
    /// Weight of each point, 0 (set aside) to its trust.
    pub weights: Vec<f64>,
}

/// Rounds of least absolute distances, which no few points can pull away, before outliers are told.
const ABSOLUTE_ROUNDS: usize = 12;
/// Most rounds of all.
const MAX_ROUNDS: usize = 60;
/// A figure that moves less than this, in the scatter of its points, has settled.
const SETTLED: f64 = 1e-6;

/// Fits a figure: least absolute distances first, then Tukey's biweight on the median absolute deviation. `noise` is the standard deviation
/// of one point as its maker states it: the smallest scatter that is believed, for outliers and for the covariance.
pub(super) fn fit<F: Frame, S: Figure<F, N>, const N: usize>(
    points: &[Point<F>],
    trust: &[f64],
    start: S,
    noise: f64,
) -> Result<Fitted<S, N>, FitError> {
    if points.len() <= N {
        return Err(FitError::TooFewPoints { expected: N + 1, found: points.len() });
    }
    let (mut figure, mut weights, mut limit) = (start, trust.to_vec(), f64::INFINITY);
    let floor = noise.max(f64::MIN_POSITIVE);
    for round in 0..MAX_ROUNDS {
        let residuals: Vec<f64> = points.iter().map(|p| figure.distance(*p).0).collect();
        if round < ABSOLUTE_ROUNDS {
            weights.iter_mut().zip(trust).zip(&residuals).for_each(|((w, t), r)| *w = t * floor / r.abs().max(floor));
        } else {
            limit = TUKEY * reweight(&residuals, trust, floor, &mut weights);
        }
        let (normal, right) = equations(points, &weights, &figure);
        let step = solve_symmetric(normal, right).ok_or(FitError::Degenerate)?;
        figure = figure.moved(&step).ok_or(FitError::Degenerate)?;
        // How far the step moved the figure, on average over the points.
        let moved: f64 = step.iter().zip(&right).map(|(s, r)| s * r).sum();
        if round > ABSOLUTE_ROUNDS + 1 && moved.abs() <= (SETTLED * floor) * (SETTLED * floor) * points.len() as f64 {
            break;
        }
    }
    summarise(points, trust, figure, noise, limit, weights)
}

/// The figure through points that lie near those of an earlier fit, with its weights: what becomes of it when each point moves a little.
/// `None` when they do not determine it.
pub(super) fn refit<F: Frame, S: Figure<F, N>, const N: usize>(points: &[Point<F>], fit: &Fitted<S, N>) -> Option<S> {
    let mut figure = fit.figure;
    // Newton doubles the digits: of small moves the second step leaves nothing.
    for _ in 0..2 {
        let (normal, right) = equations(points, &fit.weights, &figure);
        figure = figure.moved(&solve_symmetric(normal, right)?)?;
    }
    Some(figure)
}

/// The normal equations of one step.
fn equations<F: Frame, S: Figure<F, N>, const N: usize>(
    points: &[Point<F>],
    weights: &[f64],
    figure: &S,
) -> ([[f64; N]; N], [f64; N]) {
    let (mut normal, mut right) = ([[0.0; N]; N], [0.0; N]);
    for (p, w) in points.iter().zip(weights).filter(|(_, w)| **w > 0.0) {
        let (distance, row) = figure.distance(*p);
        for i in 0..N {
            right[i] += w * row[i] * distance;
            for j in 0..N {
                normal[i][j] += w * row[i] * row[j];
            }
        }
    }
    (normal, right)
}

fn summarise<F: Frame, S: Figure<F, N>, const N: usize>(
    points: &[Point<F>],
    trust: &[f64],
    figure: S,
    noise: f64,
    limit: f64,
    weights: Vec<f64>,
) -> Result<Fitted<S, N>, FitError> {
    let (mut squares, mut used, mut outliers) = (0.0, 0, Vec::new());
    let mut along = Vec::with_capacity(points.len());
    for (index, p) in points.iter().enumerate() {
        let residual = figure.distance(*p).0;
        along.push(weights[index].sqrt() * residual);
        if weights[index] > 0.0 {
            squares += trust[index] * residual * residual;
            used += 1;
        } else {
            outliers.push(Outlier { index, residual, limit });
        }
    }
    if used <= N {
        return Err(FitError::TooFewPoints { expected: N + 1, found: used });
    }
    // Few points may lie on a figure by chance: their stated noise counts too.
    let variance = (squares / (used - N) as f64 * correlation(&along)).max(noise * noise);
    let (normal, _) = equations(points, &weights, &figure);
    let mut covariance = [[0.0; N]; N];
    for k in 0..N {
        let mut unit = [0.0; N];
        unit[k] = variance;
        covariance[k] = solve_symmetric(normal, unit).ok_or(FitError::Degenerate)?;
    }
    Ok(Fitted { figure, covariance, rms: (squares / used as f64).sqrt(), used, outliers, weights })
}

/// Robust linear least squares: the `x` for which `row · x` is nearest to each value, as `fit` otherwise. Gives `x` and the weight of each row.
/// `None` when the rows leave a parameter open.
pub fn solve_robust<const N: usize>(rows: &[([f64; N], f64)], noise: f64) -> Option<([f64; N], Vec<f64>)> {
    let (mut x, mut weights) = ([0.0; N], vec![1.0; rows.len()]);
    if rows.len() <= N {
        return None;
    }
    let (trust, floor) = (vec![1.0; rows.len()], noise.max(f64::MIN_POSITIVE));
    for round in 0..2 * ABSOLUTE_ROUNDS {
        let residuals: Vec<f64> = rows.iter().map(|r| r.1 - dot(&r.0, &x)).collect();
        if round < ABSOLUTE_ROUNDS {
            weights.iter_mut().zip(&residuals).for_each(|(w, r)| *w = floor / r.abs().max(floor));
        } else {
            reweight(&residuals, &trust, floor, &mut weights);
        }
        x = solve_weighted(rows, &weights)?;
    }
    Some((x, weights))
}

/// Linear least squares with given weights; `None` when the rows leave a parameter open.
pub fn solve_weighted<const N: usize>(rows: &[([f64; N], f64)], weights: &[f64]) -> Option<[f64; N]> {
    let (mut normal, mut right) = ([[0.0; N]; N], [0.0; N]);
    for ((row, value), w) in rows.iter().zip(weights) {
        for i in 0..N {
            right[i] += w * row[i] * value;
            for j in 0..N {
                normal[i][j] += w * row[i] * row[j];
            }
        }
    }
    solve_symmetric(normal, right)
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
