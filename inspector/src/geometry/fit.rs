//! Least-squares fits with their uncertainty.

use super::{Frame, NormalEquations, Point, Vector, solve_symmetric};
use thiserror::Error;

/// A circle in frame `F`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle<F: Frame> {
    /// Centre.
    pub centre: Point<F>,
    /// Radius in the frame's unit, > 0.
    pub radius: f64,
}

/// A fitted circle. Which number answers which question: `u_radius` how well the size is known, `rms` how rough the
/// edge is, `roundness` the form (a worst-case property: highest minus lowest residual).
#[derive(Clone, Debug, PartialEq)]
pub struct CircleFit<F: Frame> {
    /// The least-squares circle.
    pub circle: Circle<F>,
    /// Standard uncertainty of the radius from the scatter of the points (type A), in the frame's unit. Two and three lobes of a circle that is seen all round are
    /// form, not scatter.
    pub u_radius: f64,
    /// Standard uncertainty of the centre along each axis, in the frame's unit.
    pub u_centre: (f64, f64),
    /// Root mean square of the residuals of the points used.
    pub rms: f64,
    /// Highest minus lowest residual of the points used.
    pub roundness: f64,
    /// Points used.
    pub used: usize,
    /// Points set aside as outliers.
    pub rejected: usize,
    /// Weight of each point, 0 (set aside) to its trust.
    pub weights: Vec<f64>,
}

/// Why a fit was not possible.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum FitError {
    /// Fewer points than the figure has degrees of freedom.
    #[error("{found} edge points are too few, expected at least {expected}")]
    TooFewPoints {
        /// Points needed.
        expected: usize,
        /// Points given.
        found: usize,
    },
    /// The points do not determine the figure (all on one line, or on a short arc).
    #[error("the edge points do not determine the figure (on one line, or all in one place)")]
    Degenerate,
}

/// Iterations of Gauss-Newton; it converges quadratically and needs 4 to 6.
const MAX_ITERATIONS: usize = 50;
/// Tukey's biweight keeps 95 % efficiency for normal residuals at this many standard deviations.
pub(super) const TUKEY: f64 = 4.685;

/// Least-squares (geometric) circle through points, with outliers set aside by Tukey's biweight on the median
/// absolute deviation.
///
/// The algebraic circle of Taubin (1991, doi:10.1109/34.103273) starts Gauss-Newton on the orthogonal distances.
/// `noise_floor` (frame's unit) is the smallest scatter believed: it keeps perfect points from rejecting each other.
///
/// # Errors
/// [`FitError`] for fewer than 4 points or points that do not determine a circle.
///
/// Honest scope: an arc of less than about 60° gives a radius whose `u_radius` is large; read it.
///
/// ```
/// use inspector::geometry::{fit_circle, ImagePx, Point};
/// // The hard case: a quarter of the points are burrs, 3 px outside.
/// let points: Vec<Point<ImagePx>> = (0..100)
///     .map(|i| {
///         let (s, c) = libm::sincos(f64::from(i) * 0.0628);
///         let r = if i % 4 == 0 { 53.0 } else { 50.0 };
///         Point::new(100.0 + r * c, 80.0 + r * s)
///     })
///     .collect();
/// let fit = fit_circle(&points, 0.01)?;
/// assert!((fit.circle.radius - 50.0).abs() < 1e-3);
/// assert_eq!(fit.rejected, 25);
/// # Ok::<(), inspector::geometry::FitError>(())
/// ```
pub fn fit_circle<F: Frame>(points: &[Point<F>], noise_floor: f64) -> Result<CircleFit<F>, FitError> {
    fit_weighted_circle(points, &vec![1.0; points.len()], noise_floor)
}

/// As [`fit_circle`], for points of which some are known less well: `trust` is 1 for a good one and towards 0 for a poor one (the ratio of the
/// variances).
///
/// # Errors
/// As [`fit_circle`].
pub fn fit_weighted_circle<F: Frame>(
    points: &[Point<F>],
    trust: &[f64],
    noise_floor: f64,
) -> Result<CircleFit<F>, FitError> {
    if points.len() < 4 {
        return Err(FitError::TooFewPoints { expected: 4, found: points.len() });
    }
    let mut circle = taubin(points)?;
    let mut weights = trust.to_vec();
    let mut normal = [[0.0; 3]; 3];
    for iteration in 0..MAX_ITERATIONS {
        let residuals: Vec<f64> = points.iter().map(|p| p.distance(circle.centre) - circle.radius).collect();
        reweight(&residuals, trust, noise_floor, &mut weights);
        let step;
        (step, normal) = improve(points, &weights, &mut circle)?;
        let change = step.iter().fold(0.0_f64, |m, s| m.max(s.abs()));
        if iteration > 0 && change < 1e-10 * circle.radius {
            break;
        }
    }
    summarise(points, circle, trust, weights, normal, noise_floor)
}

/// The least-squares circle through points that lie near those of an earlier fit, with its weights: what becomes of the circle when each
/// point moves a little.
///
/// # Errors
/// [`FitError`] when the points do not determine a circle.
pub fn refit_circle<F: Frame>(points: &[Point<F>], fit: &CircleFit<F>) -> Result<Circle<F>, FitError> {
    let mut circle = fit.circle;
    // Newton doubles the digits: of moves of a hundredth of the radius the second step leaves 1e-8.
    for _ in 0..2 {
        improve(points, &fit.weights, &mut circle)?;
    }
    Ok(circle)
}

/// One step of Gauss-Newton on the orthogonal distances; gives it and the normal equations.
fn improve<F: Frame>(
    points: &[Point<F>],
    weights: &[f64],
    circle: &mut Circle<F>,
) -> Result<([f64; 3], [[f64; 3]; 3]), FitError> {
    let (mut right, mut normal) = ([0.0; 3], [[0.0; 3]; 3]);
    for (p, w) in points.iter().zip(weights) {
        let d = *p - circle.centre;
        let length = d.length().max(f64::MIN_POSITIVE);
        let row = [d.x / length, d.y / length, 1.0];
        for i in 0..3 {
            right[i] += w * row[i] * (length - circle.radius);
            for j in 0..3 {
                normal[i][j] += w * row[i] * row[j];
            }
        }
    }
    let step = solve_symmetric(normal, right).ok_or(FitError::Degenerate)?;
    circle.centre.x += step[0];
    circle.centre.y += step[1];
    circle.radius += step[2];
    if circle.radius.is_finite() && circle.radius > 0.0 { Ok((step, normal)) } else { Err(FitError::Degenerate) }
}

fn summarise<F: Frame>(
    points: &[Point<F>],
    circle: Circle<F>,
    trust: &[f64],
    weights: Vec<f64>,
    normal: [[f64; 3]; 3],
    noise_floor: f64,
) -> Result<CircleFit<F>, FitError> {
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut squares, mut used) = (0.0, 0_usize);
    for ((p, w), t) in points.iter().zip(&weights).zip(trust) {
        if *w > 0.0 {
            let r = p.distance(circle.centre) - circle.radius;
            (lowest, highest) = (lowest.min(r), highest.max(r));
            squares += t * r * r;
            used += 1;
        }
    }
    if used < 4 {
        return Err(FitError::TooFewPoints { expected: 4, found: used });
    }
    let residuals: Vec<f64> = points.iter().map(|p| p.distance(circle.centre) - circle.radius).collect();
    let form = Lobes::of(points, &circle, &weights, &residuals);
    let (rest, moves, unknowns) = match &form {
        Some(Lobes { rest, moves }) => (rest, *moves, 3 + LOBES),
        None => (&residuals, [0.0; 3], 3),
    };
    let left: f64 =
        rest.iter().zip(&weights).zip(trust).filter(|((_, w), _)| **w > 0.0).map(|((r, _), t)| t * r * r).sum();
    let along: Vec<f64> = rest.iter().zip(&weights).map(|(r, w)| w.sqrt() * r).collect();
    let variance = (left / (used - unknowns) as f64 * correlation(&along)).max(noise_floor * noise_floor / used as f64);
    let unit = |k: usize| {
        let mut e = [0.0; 3];
        e[k] = 1.0;
        let of_noise = solve_symmetric(normal, e).map(|x| (x[k] * variance).max(0.0)).ok_or(FitError::Degenerate)?;
        Ok((of_noise + moves[k] * moves[k]).sqrt())
    };
    Ok(CircleFit {
        circle,
        u_radius: unit(2)?,
        u_centre: (unit(0)?, unit(1)?),
        rms: (squares / used as f64).sqrt(),
        roundness: highest - lowest,
        used,
        rejected: points.len() - used,
        weights,
    })
}

/// Parameters of two and three lobes.
const LOBES: usize = 4;
/// Fewer points tell no lobes from noise.
const LEAST_FOR_LOBES: usize = 24;
/// Lobes are told where no longer piece of the circle than this is without points, as a share of a turn: less than half of the shorter lobe.
const MAX_GAP: f64 = 0.12;

/// What a part that is oval or has three lobes does to its points: form, not noise. All round it leaves the least-squares circle where it is; where points are
/// missing it moves it.
struct Lobes {
    /// Residuals without it.
    rest: Vec<f64>,
    /// How far it moves centre and radius.
    moves: [f64; 3],
}

impl Lobes {
    /// `None` where points are too few, or not all round.
    fn of<F: Frame>(points: &[Point<F>], circle: &Circle<F>, weights: &[f64], residuals: &[f64]) -> Option<Self> {
        let used = || points.iter().zip(weights).zip(residuals).filter(|((_, w), _)| **w > 0.0);
        if used().count() < LEAST_FOR_LOBES {
            return None;
        }
        let directions = used().map(|((p, _), _)| *p - circle.centre);
        if longest_gap(directions) > MAX_GAP {
            return None;
        }
        let mut sums = NormalEquations::<{ 3 + LOBES }>::new();
        used().for_each(|((p, w), r)| sums.add(&row(*p, circle), *r, *w));
        let all = solve_symmetric(sums.normal, sums.right)?;
        let dot = |row: &[f64]| row.iter().zip(&all).map(|(a, b)| a * b).sum::<f64>();
        let rest = points.iter().zip(residuals).map(|(p, r)| r - dot(&row(*p, circle))).collect();
        // The circle was fitted without lobes: with them it would lie elsewhere by as much as they move it.
        Some(Self { rest, moves: [all[0], all[1], all[2]] })
    }
}

/// How a point's distance follows centre, radius, and two and three lobes.
fn row<F: Frame>(p: Point<F>, circle: &Circle<F>) -> [f64; 3 + LOBES] {
    let d = p - circle.centre;
    let length = d.length().max(f64::MIN_POSITIVE);
    let (c, s) = (d.x / length, d.y / length);
    let (c2, s2) = (c * c - s * s, 2.0 * c * s);
    [c, s, 1.0, c2, s2, c2 * c - s2 * s, s2 * c + c2 * s]
}

/// The largest turn from one of these directions to the next, all round, as a share of a whole one.
pub(crate) fn longest_gap<F: Frame>(directions: impl IntoIterator<Item = Vector<F>>) -> f64 {
    let mut turns: Vec<f64> = directions.into_iter().map(|v| libm::atan2(v.y, v.x)).collect();
    turns.sort_by(f64::total_cmp);
    let (Some(first), Some(last)) = (turns.first(), turns.last()) else { return 1.0 };
    let over_the_start = first + std::f64::consts::TAU - last;
    turns.windows(2).map(|w| w[1] - w[0]).fold(over_the_start, f64::max) / std::f64::consts::TAU
}

/// How many times the variance of what residuals say together exceeds that of independent ones: one plus twice the sum of their correlations with those
/// 1, 2, ... places on, as far as these are positive (the initial positive sequence; Geyer 1992, doi:10.1214/ss/1177011137). Edges in a shadow, or along a
/// wavy side, err together; a hundred of them are then not a hundred opinions. Each residual comes times the root of its weight, in order of travel.
pub(super) fn correlation(residuals: &[f64]) -> f64 {
    let together = |k: usize| residuals.iter().zip(&residuals[k..]).map(|(a, b)| a * b).sum::<f64>();
    let all = together(0);
    let lags = (1..residuals.len()).map(together).take_while(|sum| *sum > 0.0);
    if all > 0.0 { 1.0 + 2.0 * lags.sum::<f64>() / all } else { 1.0 }
}

/// The value in the middle, the upper one of two; `None` of nothing. Changes the order.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// The scatter of residuals by their median absolute deviation (of one that is normal: its standard deviation). It is that of the good ones, when there are
/// some. There must be a residual.
pub(crate) fn scatter(residuals: &[f64], trust: &[f64]) -> f64 {
    let mut magnitudes: Vec<f64> =
        residuals.iter().zip(trust).filter(|(_, t)| **t > 0.5).map(|(r, _)| r.abs()).collect();
    if 4 * magnitudes.len() < residuals.len() {
        magnitudes = residuals.iter().map(|r| r.abs()).collect();
    }
    1.4826 * median(&mut magnitudes).expect("there is a residual")
}

/// Tukey's biweights, each times its trust, from the scatter; gives that, at least `noise_floor`. There must be a residual.
pub(crate) fn reweight(residuals: &[f64], trust: &[f64], noise_floor: f64, weights: &mut [f64]) -> f64 {
    let scatter = scatter(residuals, trust).max(noise_floor);
    let limit = TUKEY * scatter;
    for ((w, r), trust) in weights.iter_mut().zip(residuals).zip(trust) {
        let t = r * trust.sqrt() / limit;
        *w = if t.abs() < 1.0 { trust * (1.0 - t * t) * (1.0 - t * t) } else { 0.0 };
    }
    scatter
}

/// Taubin's algebraic fit by Newton's method on the characteristic polynomial, after centring.
fn taubin<F: Frame>(points: &[Point<F>]) -> Result<Circle<F>, FitError> {
    let n = points.len() as f64;
    let (mx, my) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.x, y + p.y));
    let (mx, my) = (mx / n, my / n);
    let (mut xx, mut yy, mut xy, mut xz, mut yz, mut zz) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for p in points {
        let (x, y) = (p.x - mx, p.y - my);
        let z = x * x + y * y;
        xx += x * x;
        yy += y * y;
        xy += x * y;
        xz += x * z;
        yz += y * z;
        zz += z * z;
    }
    [&mut xx, &mut yy, &mut xy, &mut xz, &mut yz, &mut zz].into_iter().for_each(|s| *s /= n);
    let z = xx + yy;
    let cov = xx * yy - xy * xy;
    if !(z > 0.0 && cov > 1e-12 * z * z) {
        return Err(FitError::Degenerate);
    }
    let var_z = zz - z * z;
    let a3 = 4.0 * z;
    let a2 = -3.0 * z * z - zz;
    let a1 = var_z * z + 4.0 * cov * z - xz * xz - yz * yz;
    let a0 = xz * (xz * yy - yz * xy) + yz * (yz * xx - xz * xy) - var_z * cov;
    let mut root = 0.0;
    for _ in 0..MAX_ITERATIONS {
        let value = a0 + root * (a1 + root * (a2 + root * a3));
        let slope = a1 + root * (2.0 * a2 + root * 3.0 * a3);
        let next = root - value / slope;
        if !next.is_finite() || (next - root).abs() <= 1e-14 * z {
            break;
        }
        root = next;
    }
    let det = root * root - root * z + cov;
    if det == 0.0 || !det.is_finite() {
        return Err(FitError::Degenerate);
    }
    let cx = (xz * (yy - root) - yz * xy) / det / 2.0;
    let cy = (yz * (xx - root) - xz * xy) / det / 2.0;
    let radius = (cx * cx + cy * cy + z).sqrt();
    if !radius.is_finite() || radius <= 0.0 {
        return Err(FitError::Degenerate);
    }
    Ok(Circle { centre: Point::new(cx + mx, cy + my), radius })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Seeded;

    /// The mean of a thousand rows of residuals scatters as `correlation` says, whether neighbours err together or not.
    #[test]
    fn neighbours_that_err_together_are_fewer_opinions() {
        let n = 80;
        let mut found = [0.0; 2];
        for (alike, found) in [0.0, 0.7].into_iter().zip(&mut found) {
            let (mut of_mean, mut stated) = (0.0, 0.0);
            for seed in 0..1000 {
                let mut random = Seeded::new(seed, 0x61_6c);
                let mut last = random.normal();
                let row: Vec<f64> = (0..n)
                    .map(|_| {
                        last = alike * last + f64::sqrt(1.0 - alike * alike) * random.normal();
                        last
                    })
                    .collect();
                let mean = row.iter().sum::<f64>() / f64::from(n);
                of_mean += mean * mean;
                let left: Vec<f64> = row.iter().map(|r| r - mean).collect();
                stated += correlation(&left) * left.iter().map(|r| r * r).sum::<f64>() / f64::from(n * (n - 1));
            }
            *found = (stated / of_mean).sqrt();
        }
        println!("stated over true standard deviation: {found:?}");
        assert!((0.95..1.2).contains(&found[0]) && (0.8..1.2).contains(&found[1]), "{found:?}");
        assert_eq!(correlation(&[0.0; 5]), 1.0);
    }

    /// Lobes of a part are no noise: its radius is known as well as that of a round one. Where points are missing they move it, and that is said.
    #[test]
    fn lobes_are_form() {
        let n = 300;
        let (mut told, mut beyond) = ([0.0; 2], [0; 3]);
        for seed in 0..200_u64 {
            let mut random = Seeded::new(seed, 0x6c6f);
            let phase = random.between(0.0, std::f64::consts::TAU);
            let noise: Vec<f64> = (0..n).map(|_| 0.02 * random.normal()).collect();
            let points = |lobes: f64, of: usize| -> Vec<Point<super::super::ImagePx>> {
                (0..of)
                    .map(|i| {
                        let turn = std::f64::consts::TAU * i as f64 / n as f64;
                        let (s, c) = libm::sincos(turn);
                        let form = libm::cos(2.0 * turn + phase) + libm::sin(3.0 * turn - phase);
                        let r = 60.0 + lobes * form + noise[i];
                        Point::new(70.0 + r * c, 65.0 + r * s)
                    })
                    .collect()
            };
            for (k, lobes) in [0.0, 0.3].into_iter().enumerate() {
                let fit = fit_circle(&points(lobes, n), 1e-3).unwrap();
                beyond[k] += usize::from((fit.circle.radius - 60.0).abs() > 2.0 * fit.u_radius);
                told[k] += fit.u_radius / 200.0;
            }
            let cut = fit_circle(&points(0.3, 270), 1e-3).unwrap();
            beyond[2] += usize::from((cut.circle.radius - 60.0).abs() > 2.0 * cut.u_radius);
        }
        println!(
            "u of a radius, round and with lobes: {told:.5?}; beyond 2 u, the last where a tenth is missing: {beyond:?} of 200"
        );
        // Of edges that err together lobes of 0.3 would make 0.1.
        assert!(told[0] < 1.5 * 0.02 / f64::sqrt(300.0) && told[1] < 0.01, "{told:?}");
        assert!(beyond.iter().all(|n| *n < 20), "{beyond:?}");
    }

    #[test]
    fn the_longest_gap_goes_over_the_start_too() {
        let at = |k: usize| {
            let (sin, cos) = super::super::Angle::from_degrees(10.0 * k as f64).sin_cos();
            Vector::<super::super::ImagePx>::new(cos, sin)
        };
        let gap = |of: &[usize]| longest_gap(of.iter().map(|k| at(*k)));
        let all: Vec<usize> = (0..36).collect();
        assert!((gap(&all) - 1.0 / 36.0).abs() < 1e-9);
        assert!((gap(&all[3..20]) - 20.0 / 36.0).abs() < 1e-9);
        assert!((gap(&[&all[..4], &all[30..]].concat()) - 27.0 / 36.0).abs() < 1e-9);
        assert_eq!([gap(&[7]), gap(&[])], [1.0; 2]);
    }
}
