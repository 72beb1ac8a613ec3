//! Circles through short arcs.

use super::robust::{self, Figure, Fitted};
use super::{Circle, FitError, Frame, Point};

/// Parameters: centre, radius.
impl<F: Frame> Figure<F, 3> for Circle<F> {
    fn distance(&self, p: Point<F>) -> (f64, [f64; 3]) {
        let v = p - self.centre;
        let length = v.length().max(f64::MIN_POSITIVE);
        (length - self.radius, [v.x / length, v.y / length, 1.0])
    }
    fn moved(&self, step: &[f64; 3]) -> Option<Self> {
        let centre = Point::new(self.centre.x + step[0], self.centre.y + step[1]);
        let radius = self.radius + step[2];
        (centre.is_finite() && radius > 0.0 && radius.is_finite()).then_some(Self { centre, radius })
    }
}

/// The circle of a limited arc: its parameters are the centre's coordinates and the radius.
pub type ArcFit<F> = Fitted<Circle<F>, 3>;

impl<F: Frame> ArcFit<F> {
    /// Standard uncertainty of the radius. For a short arc it is large: of depth s (its rise over the chord), a shift of its middle by d moves
    /// the radius by about d R / s.
    pub fn u_radius(&self) -> f64 {
        self.covariance[2][2].max(0.0).sqrt()
    }
}

/// Least-squares circle through the points of an arc, from about where it is. As [`fit_line`](super::fit_line) otherwise.
///
/// # Errors
/// [`FitError`] for fewer than 4 points, or points that leave the circle open (on a line).
///
/// Honest scope: an uncertainty of more than a tenth of the radius is itself uncertain: radius and depth are then far from proportional.
///
/// ```
/// use inspector::geometry::{Circle, PlaneMm, Point, fit_arc};
/// // The hard case: 30° of a circle of 20 mm, rough by 0.01 mm, with a nick. Its depth is 0.68 mm, and the radius is known 25 times less well.
/// let points: Vec<Point<PlaneMm>> = (0..30)
///     .map(|i| {
///         let (sin, cos) = libm::sincos(f64::from(i).to_radians());
///         let r = 20.0 + 0.01 * f64::from(i % 3 - 1) - if i == 20 { 0.6 } else { 0.0 };
///         Point::new(r * cos, r * sin)
///     })
///     .collect();
/// let fit = fit_arc(&points, &[1.0; 30], Circle { centre: Point::new(0.5, 0.5), radius: 19.0 }, 0.01)?;
/// assert!((fit.figure.radius - 20.0).abs() < 2.0 * fit.u_radius() && fit.u_radius() > 0.04);
/// assert_eq!(fit.outliers.len(), 1);
/// # Ok::<(), inspector::geometry::FitError>(())
/// ```
pub fn fit_arc<F: Frame>(
    points: &[Point<F>],
    trust: &[f64],
    start: Circle<F>,
    noise: f64,
) -> Result<ArcFit<F>, FitError> {
    robust::fit(points, trust, start, noise)
}

/// The circle through points that lie near those of an earlier fit, with its weights; `None` when they do not determine one.
pub fn refit_arc<F: Frame>(points: &[Point<F>], fit: &ArcFit<F>) -> Option<Circle<F>> {
    robust::refit(points, fit)
}
