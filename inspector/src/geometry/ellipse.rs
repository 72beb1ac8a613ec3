//! Ellipses: oval openings.

use super::robust::{self, Figure, Fitted};
use super::{FitError, Frame, Point, Vector};

/// An ellipse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse<F: Frame> {
    /// The middle.
    pub centre: Point<F>,
    /// Direction of the longer axis, unit length.
    pub direction: Vector<F>,
    /// Half of the longer axis, > 0.
    pub a: f64,
    /// Half of the shorter axis, > 0.
    pub b: f64,
}

/// Most steps to the foot of a point. They double the digits and need five to ten, more for a point near the longer axis of a flat ellipse.
const STEPS: usize = 60;

impl<F: Frame> Ellipse<F> {
    /// The longer axis.
    pub const fn length(&self) -> f64 {
        2.0 * self.a
    }
    /// The shorter axis.
    pub const fn width(&self) -> f64 {
        2.0 * self.b
    }
    /// Signed distance of a point, positive outside.
    pub fn distance(&self, p: Point<F>) -> f64 {
        Figure::distance(self, p).0
    }
    /// The nearest place on the ellipse to a point with these coordinates along both axes, neither below 0.
    ///
    /// The foot is (a² u / (t + a²), b² v / (t + b²)) for the t above -b² with which it lies on the ellipse (Eberly 2013, Distance from a Point to an Ellipse). The equation for it falls and bends one way
    /// only, so Newton's steps from a place left of its root never pass it.
    fn foot(&self, u: f64, v: f64) -> (f64, f64) {
        let (a, b) = (self.a, self.b);
        let v = v.max(1e-9 * b);
        let mut t = (a * (u - a)).max(b * (v - b));
        for _ in 0..STEPS {
            let (x, y) = (a * u / (t + a * a), b * v / (t + b * b));
            let value = x * x + y * y - 1.0;
            let slope = -2.0 * (x * x / (t + a * a) + y * y / (t + b * b));
            let step = value / slope;
            t -= step;
            if step.abs() <= 1e-15 * a * a {
                break;
            }
        }
        (a * a * u / (t + a * a), b * b * v / (t + b * b))
    }
}

/// Parameters: centre along the longer and the shorter axis; turn; half of the longer and of the shorter axis.
impl<F: Frame> Figure<F, 5> for Ellipse<F> {
    fn distance(&self, p: Point<F>) -> (f64, [f64; 5]) {
        let away = p - self.centre;
        let (u, v) = (away.dot(self.direction), away.dot(self.direction.perpendicular()));
        let (x, y) = self.foot(u.abs(), v.abs());
        let (x, y) = (x.copysign(u), y.copysign(v));
        let out = Vector::<F>::new(x / (self.a * self.a), y / (self.b * self.b));
        let n = out.unit().unwrap_or(Vector::new(0.0, 1.0));
        let distance = (u - x) * n.x + (v - y) * n.y;
        (distance, [n.x, n.y, n.y * x - n.x * y, n.x * x / self.a, n.y * y / self.b])
    }
    fn moved(&self, step: &[f64; 5]) -> Option<Self> {
        let across = self.direction.perpendicular();
        let next = Self {
            centre: self.centre + self.direction * step[0] + across * step[1],
            direction: (self.direction + across * step[2]).unit()?,
            a: self.a + step[3],
            b: self.b + step[4],
        };
        (next.centre.is_finite() && next.a > 0.0 && next.b > 0.0).then_some(next)
    }
}

/// A fitted ellipse: its parameters are the centre along both axes, the turn, and half of each axis.
pub type EllipseFit<F> = Fitted<Ellipse<F>, 5>;

impl<F: Frame> EllipseFit<F> {
    /// Standard uncertainty of the longer axis.
    pub fn u_length(&self) -> f64 {
        2.0 * self.covariance[3][3].max(0.0).sqrt()
    }
    /// Standard uncertainty of the shorter axis.
    pub fn u_width(&self) -> f64 {
        2.0 * self.covariance[4][4].max(0.0).sqrt()
    }
}

/// Least-squares ellipse by orthogonal distances (Ahn, Rauh and Warnecke 2001, doi:10.1016/S0031-3203(00)00152-7) through points all round, from about where it is. As
/// [`fit_line`](super::fit_line) otherwise.
///
/// # Errors
/// [`FitError`] for fewer than 6 points, or points that leave a parameter open (a short piece of it).
///
/// Honest scope: axes that differ: of one that is nearly a circle the turn is anybody's guess, its axes are not.
///
/// ```
/// use inspector::geometry::{Ellipse, PlaneMm, Point, Vector, fit_ellipse};
/// // The hard case: turned, started 0.3 mm off in every way, and a tenth of its edge is dirt.
/// let (sin, cos) = libm::sincos(0.4);
/// let points: Vec<Point<PlaneMm>> = (0..120)
///     .map(|i| {
///         let (s, c) = libm::sincos(f64::from(i) * 0.0523);
///         let k = if i % 10 == 0 { 0.9 } else { 1.0 };
///         let (u, v) = (k * 9.0 * c, k * 4.0 * s);
///         Point::new(3.0 + u * cos - v * sin, -2.0 + u * sin + v * cos)
///     })
///     .collect();
/// let (sin, cos) = libm::sincos(0.43);
/// let start = Ellipse { centre: Point::new(3.3, -2.2), direction: Vector::new(cos, sin), a: 9.3, b: 3.8 };
/// let fit = fit_ellipse(&points, &[1.0; 120], start, 1e-3)?;
/// assert!((fit.figure.length() - 18.0).abs() < 1e-3 && (fit.figure.width() - 8.0).abs() < 1e-3);
/// assert_eq!(fit.outliers.len(), 12);
/// # Ok::<(), inspector::geometry::FitError>(())
/// ```
pub fn fit_ellipse<F: Frame>(
    points: &[Point<F>],
    trust: &[f64],
    start: Ellipse<F>,
    noise: f64,
) -> Result<EllipseFit<F>, FitError> {
    robust::fit(points, trust, start, noise)
}

/// The ellipse through points that lie near those of an earlier fit, with its weights; `None` when they do not determine one.
pub fn refit_ellipse<F: Frame>(points: &[Point<F>], fit: &EllipseFit<F>) -> Option<Ellipse<F>> {
    robust::refit(points, fit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PlaneMm;
    use crate::synth::Seeded;

    /// No place on the ellipse is nearer than the foot, wherever the point lies, and the distance is that of it.
    #[test]
    fn the_foot_is_the_nearest_place() {
        let mut random = Seeded::new(3, 3);
        for _ in 0..300 {
            let (a, ratio) = (random.between(1.0, 30.0), random.between(0.05, 1.0));
            let e =
                Ellipse::<PlaneMm> { centre: Point::new(0.0, 0.0), direction: Vector::new(1.0, 0.0), a, b: a * ratio };
            let p = match random.below(4) {
                0 => Point::new(random.between(-1.5, 1.5) * a, 0.0),
                1 => Point::new(0.0, random.between(-1.5, 1.5) * e.b),
                _ => Point::new(random.between(-1.5, 1.5) * a, random.between(-1.5, 1.5) * a),
            };
            let place = |k: i32| {
                let (s, c) = libm::sincos(f64::from(k) * std::f64::consts::TAU / 20_000.0);
                Point::new(a * c, e.b * s)
            };
            let nearest = (0..20_000).map(|k| place(k).distance(p)).fold(f64::INFINITY, f64::min);
            let inside = (p.x / a) * (p.x / a) + (p.y / e.b) * (p.y / e.b) < 1.0;
            let signed = if inside { -nearest } else { nearest };
            assert!((e.distance(p) - signed).abs() < 2e-4 * a, "{e:?} {p:?}: {} and {signed}", e.distance(p));
        }
    }

    /// Both axes of an ellipse of 20 x 8 mm from 120 points that scatter by 0.02 mm, 1000 times: each as uncertain as it scatters.
    #[test]
    fn axes_scatter_as_stated() {
        let oval =
            Ellipse::<PlaneMm> { centre: Point::new(0.0, 0.0), direction: Vector::new(1.0, 0.0), a: 10.0, b: 4.0 };
        let mut random = Seeded::new(5, 6);
        let mut square = [0.0; 4];
        for _ in 0..1000 {
            let points: Vec<_> = (0..120)
                .map(|i| {
                    let (s, c) = libm::sincos(f64::from(i) * std::f64::consts::TAU / 120.0);
                    let n = Vector::<PlaneMm>::new(c / oval.a, s / oval.b).unit().expect("a direction");
                    Point::new(oval.a * c, oval.b * s) + n * (0.02 * random.normal())
                })
                .collect();
            let fit = fit_ellipse(&points, &[1.0; 120], oval, 1e-3).expect("an ellipse");
            let off = [fit.figure.width() - oval.width(), fit.figure.length() - oval.length()];
            for (sum, value) in square.iter_mut().zip([off[0], off[1], fit.u_width(), fit.u_length()]) {
                *sum += value * value;
            }
        }
        let [width, length, u_width, u_length] = square.map(f64::sqrt);
        println!("width {:.3}, length {:.3}: true over stated", width / u_width, length / u_length);
        assert!((width / u_width - 1.0).abs() < 0.1 && (length / u_length - 1.0).abs() < 0.1);
    }
}
