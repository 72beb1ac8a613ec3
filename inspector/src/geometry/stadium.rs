//! Slots: two parallel sides and two half circles.

use super::robust::{self, Figure, Fitted};
use super::{FitError, Frame, Point, Vector};

/// Two parallel sides and two half circles: all places at `radius` from a line segment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stadium<F: Frame> {
    /// The middle.
    pub centre: Point<F>,
    /// Direction of the axis, unit length.
    pub direction: Vector<F>,
    /// Distance from the middle to the centre of each half circle, > 0.
    pub half: f64,
    /// Half of the width, > 0.
    pub radius: f64,
}

impl<F: Frame> Stadium<F> {
    /// Distance between the sides.
    pub const fn width(&self) -> f64 {
        2.0 * self.radius
    }
    /// Length over all.
    pub const fn length(&self) -> f64 {
        2.0 * (self.half + self.radius)
    }
}

/// Parameters: centre along and across the axis; turn; `half`; `radius`.
impl<F: Frame> Figure<F, 5> for Stadium<F> {
    fn distance(&self, p: Point<F>) -> (f64, [f64; 5]) {
        let v = p - self.centre;
        let (t, s) = (v.dot(self.direction), v.dot(self.direction.perpendicular()));
        let beyond = t - t.clamp(-self.half, self.half);
        let away = Vector::<F>::new(beyond, s);
        let length = away.length();
        let g = away.unit().unwrap_or(Vector::new(0.0, 1.0));
        (length - self.radius, [g.x, g.y, g.y * t - g.x * s, g.x.abs(), 1.0])
    }
    fn moved(&self, step: &[f64; 5]) -> Option<Self> {
        let across = self.direction.perpendicular();
        let next = Self {
            centre: self.centre + self.direction * step[0] + across * step[1],
            direction: (self.direction + across * step[2]).unit()?,
            half: self.half + step[3],
            radius: self.radius + step[4],
        };
        (next.centre.is_finite() && next.half > 0.0 && next.radius > 0.0).then_some(next)
    }
}

/// A fitted slot: its parameters are the centre along and across the axis, the turn, `half` and `radius`.
pub type StadiumFit<F> = Fitted<Stadium<F>, 5>;

impl<F: Frame> StadiumFit<F> {
    /// Standard uncertainty of the width.
    pub fn u_width(&self) -> f64 {
        2.0 * self.covariance[4][4].max(0.0).sqrt()
    }
    /// Standard uncertainty of the length.
    pub fn u_length(&self) -> f64 {
        let c = &self.covariance;
        2.0 * (c[3][3] + 2.0 * c[3][4] + c[4][4]).max(0.0).sqrt()
    }
}

/// Least-squares slot through points all round, from about where it is. As [`fit_line`](super::fit_line) otherwise.
///
/// # Errors
/// [`FitError`] for fewer than 6 points, or points that leave a parameter open (only one side, no end).
///
/// Honest scope: ends that are half circles as wide as the slot. Width is that of sides and ends together: of a slot that narrows, a middle one.
///
/// ```
/// use inspector::geometry::{PlaneMm, Point, Stadium, Vector, fit_stadium};
/// // The hard case: turned, started 0.3 mm off in every way, and a tenth of its edge is dirt.
/// let (sin, cos) = libm::sincos(0.4);
/// let at = |t: f64, s: f64| Point::<PlaneMm>::new(3.0 + t * cos - s * sin, -2.0 + t * sin + s * cos);
/// let points: Vec<_> = (0..120)
///     .map(|i| {
///         let (end, angle) = (f64::from(i % 3) - 1.0, f64::from(i) * 0.0523);
///         let dirt = if i % 10 == 0 { 0.7 } else { 0.0 };
///         let (sin, cos) = libm::sincos(angle);
///         if end == 0.0 { at(5.0 * cos, (2.0 - dirt) * sin.signum()) } else { at(end * (5.0 + 2.0 * cos.abs()), 2.0 * sin) }
///     })
///     .collect();
/// let (sin, cos) = libm::sincos(0.42);
/// let start = Stadium { centre: Point::new(3.3, -2.2), direction: Vector::new(cos, sin), half: 4.7, radius: 2.2 };
/// let fit = fit_stadium(&points, &[1.0; 120], start, 1e-3)?;
/// assert!((fit.figure.width() - 4.0).abs() < 1e-3 && (fit.figure.length() - 14.0).abs() < 1e-3);
/// # Ok::<(), inspector::geometry::FitError>(())
/// ```
pub fn fit_stadium<F: Frame>(
    points: &[Point<F>],
    trust: &[f64],
    start: Stadium<F>,
    noise: f64,
) -> Result<StadiumFit<F>, FitError> {
    robust::fit(points, trust, start, noise)
}

/// The slot through points that lie near those of an earlier fit, with its weights; `None` when they do not determine one.
pub fn refit_stadium<F: Frame>(points: &[Point<F>], fit: &StadiumFit<F>) -> Option<Stadium<F>> {
    robust::refit(points, fit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PlaneMm;
    use crate::synth::Seeded;

    /// Width and length of a slot of 20 x 5 mm from 120 points that scatter by 0.02 mm, 1000 times: each as uncertain as it scatters.
    #[test]
    fn sizes_scatter_as_stated() {
        let slot = Stadium::<PlaneMm> {
            centre: Point::new(0.0, 0.0),
            direction: Vector::new(1.0, 0.0),
            half: 7.5,
            radius: 2.5,
        };
        let (side, round) = (2.0 * slot.half, std::f64::consts::PI * slot.radius);
        let mut random = Seeded::new(5, 5);
        let mut square = [0.0; 4];
        for _ in 0..1000 {
            let points: Vec<_> = (0..120)
                .map(|i| {
                    // Along one side, around an end, along the other side, around the other end.
                    let along = (side + round) * f64::from(i % 60) / 60.0;
                    let noise = 0.02 * 3.0_f64.sqrt() * random.between(-1.0, 1.0);
                    let r = slot.radius + noise;
                    let (x, y) = if along < side {
                        (along - slot.half, -r)
                    } else {
                        let (sin, cos) = libm::sincos((along - side) / slot.radius);
                        (slot.half + r * sin, -r * cos)
                    };
                    if i < 60 { Point::new(x, y) } else { Point::new(-x, -y) }
                })
                .collect();
            let fit = fit_stadium(&points, &[1.0; 120], slot, 1e-3).expect("a slot");
            let off = [fit.figure.width() - slot.width(), fit.figure.length() - slot.length()];
            for (sum, value) in square.iter_mut().zip([off[0], off[1], fit.u_width(), fit.u_length()]) {
                *sum += value * value;
            }
        }
        let [width, length, u_width, u_length] = square.map(f64::sqrt);
        assert!(
            (width / u_width - 1.0).abs() < 0.1 && (length / u_length - 1.0).abs() < 0.1,
            "{width} {u_width}, {length} {u_length}"
        );
    }
}
