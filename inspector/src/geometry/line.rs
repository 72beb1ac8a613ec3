//! Straight lines through points.

use super::robust::{self, Figure, Fitted};
use super::{FitError, Frame, Point, Vector};

/// A straight line in frame `F`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<F: Frame> {
    /// A point of it.
    pub p: Point<F>,
    /// Its direction, unit length.
    pub direction: Vector<F>,
}

impl<F: Frame> Line<F> {
    /// From one point towards another; `None` when they are one.
    pub fn through(from: Point<F>, to: Point<F>) -> Option<Self> {
        Some(Self { p: from, direction: (to - from).unit()? })
    }
    /// Unit normal, to the left of the direction.
    pub const fn normal(&self) -> Vector<F> {
        self.direction.perpendicular()
    }
    /// Signed distance of a point: positive to the left.
    pub fn offset(&self, p: Point<F>) -> f64 {
        (p - self.p).dot(self.normal())
    }
    /// How far along the line a point stands, from `p`.
    pub fn along(&self, p: Point<F>) -> f64 {
        (p - self.p).dot(self.direction)
    }
    /// The point of the line nearest to `p`.
    pub fn foot(&self, p: Point<F>) -> Point<F> {
        self.p + self.direction * self.along(p)
    }
}

/// Parameters: shift along the normal at `p`; turn about `p`.
impl<F: Frame> Figure<F, 2> for Line<F> {
    fn distance(&self, p: Point<F>) -> (f64, [f64; 2]) {
        (self.offset(p), [1.0, self.along(p)])
    }
    fn moved(&self, step: &[f64; 2]) -> Option<Self> {
        let direction = (self.direction + self.normal() * step[1]).unit()?;
        (step[0].is_finite() && direction.is_finite()).then(|| Self { p: self.p + self.normal() * step[0], direction })
    }
}

/// A fitted line: its parameters are shift along the normal at `figure.p`, and turn about that point in radians.
pub type LineFit<F> = Fitted<Line<F>, 2>;

impl<F: Frame> LineFit<F> {
    /// Standard uncertainty of the line's place across itself, beside the point `p`.
    pub fn u_offset_at(&self, p: Point<F>) -> f64 {
        let t = self.figure.along(p);
        let c = &self.covariance;
        (c[0][0] + 2.0 * t * c[0][1] + t * t * c[1][1]).max(0.0).sqrt()
    }
    /// Standard uncertainty of the direction, rad.
    pub fn u_turn(&self) -> f64 {
        self.covariance[1][1].max(0.0).sqrt()
    }
}

/// Least-squares (orthogonal) line through points, with outliers set aside by Tukey's biweight on the median absolute deviation, after
/// rounds of least absolute distances.
///
/// `start` is about where it should be, to a few degrees; the fit keeps its sense of direction. `trust` is 1 for a good point and towards 0 for a poor one (the
/// ratio of the variances). `noise` is the standard deviation of one point, as stated: the smallest scatter that is believed.
///
/// Source: ISO 14405-1:2016 (GG); Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171 (biweight). Cost: about 20 rounds over the points.
///
/// # Errors
/// [`FitError`] for fewer than 3 points, or all in one place.
///
/// Honest scope: of points that lie off at one end, a quarter may do so when `start` does not lean towards them, a fifth when it does.
///
/// ```
/// use inspector::geometry::{Line, PlaneMm, Point, fit_line};
/// // The hard case: a burr of 2 mm covers the last quarter of an edge, so that a plain fit leans towards it.
/// let points: Vec<Point<PlaneMm>> = (0..40)
///     .map(|i| Point::new(f64::from(i), 5.0 + 0.01 * f64::from(i % 2) + if i >= 30 { 2.0 } else { 0.0 }))
///     .collect();
/// // About where the drawing has it.
/// let start = Line::through(Point::new(0.0, 5.2), Point::new(39.0, 4.9)).unwrap();
/// let fit = fit_line(&points, &[1.0; 40], start, 0.005)?;
/// assert!((fit.figure.offset(Point::new(20.0, 5.005))).abs() < 1e-3);
/// assert!(fit.figure.direction.y.abs() < 1e-4 && fit.outliers.len() == 10 && fit.outliers[0].index == 30);
/// // Beyond the points, the line is known less well.
/// assert!(fit.u_offset_at(Point::new(60.0, 5.0)) > 2.0 * fit.u_offset_at(Point::new(15.0, 5.0)));
/// # Ok::<(), inspector::geometry::FitError>(())
/// ```
pub fn fit_line<F: Frame>(
    points: &[Point<F>],
    trust: &[f64],
    start: Line<F>,
    noise: f64,
) -> Result<LineFit<F>, FitError> {
    // About the middle of the points, so that shift and turn hardly mix; but on the line itself, where a burr does not pull it.
    let n = points.len().max(1) as f64;
    let middle = points.iter().fold(Vector::new(0.0, 0.0), |m, p| m + (*p - start.p) * (1.0 / n));
    robust::fit(points, trust, Line { p: start.foot(start.p + middle), ..start }, noise)
}

/// The line through points that lie near those of an earlier fit, with its weights; `None` when they do not determine one.
pub fn refit_line<F: Frame>(points: &[Point<F>], fit: &LineFit<F>) -> Option<Line<F>> {
    robust::refit(points, fit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PlaneMm;

    /// 40 points 1 mm apart on y = 5, of which the last `n` lie 2 mm off; a start that rises from 5 to `to` along them.
    fn fitted(n: usize, to: f64) -> LineFit<PlaneMm> {
        let off = |i: usize| if i + n >= 40 { 2.0 } else { 0.0 };
        let points: Vec<Point<PlaneMm>> =
            (0..40).map(|i| Point::new(i as f64, 5.0 + 0.01 * (i % 2) as f64 + off(i))).collect();
        let start = Line::through(Point::new(0.0, 5.0), Point::new(39.0, to)).expect("two points");
        fit_line(&points, &[1.0; 40], start, 0.005).expect("a line")
    }

    #[test]
    fn a_fifth_off_at_one_end_pulls_nothing_though_the_start_leans_there_and_a_quarter_when_it_does_not() {
        for (n, to) in [(8, 5.0), (8, 6.0), (8, 6.5), (10, 5.0)] {
            let fit = fitted(n, to);
            assert_eq!(fit.outliers.len(), n, "{n} to {to}");
            assert!(fit.figure.offset(Point::new(20.0, 5.005)).abs() < 2e-3, "{n} to {to}: {:?}", fit.figure);
        }
    }

    /// Six points that happen to lie on a line, and are known to 0.01 mm each.
    #[test]
    fn points_on_a_line_by_chance_are_as_uncertain_as_their_noise() {
        let points: Vec<Point<PlaneMm>> = (0..6).map(|i| Point::new(f64::from(i), 1.0)).collect();
        let start = Line::through(points[0], points[5]).expect("two points");
        let fit = fit_line(&points, &[1.0; 6], start, 0.01).expect("a line");
        let expected = 0.01 / 6.0_f64.sqrt();
        assert!((fit.u_offset_at(Point::new(2.5, 1.0)) / expected - 1.0).abs() < 1e-6);
    }

    #[test]
    fn too_few_points_are_said() {
        let points = [Point::<PlaneMm>::new(0.0, 1.0), Point::new(1.0, 1.0)];
        let start = Line::through(points[0], points[1]).expect("two points");
        for n in 0..=2 {
            let found = fit_line(&points[..n], &vec![1.0; n], start, 0.01);
            assert_eq!(found, Err(FitError::TooFewPoints { expected: 3, found: n }));
        }
    }
}
