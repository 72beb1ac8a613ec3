//! Non-uniform rational B-splines.

use super::pairs::Item;
use crate::design::DesignError;
use crate::design::flatten::At;
use crate::geometry::{DesignMm, Point, Vector};

/// Highest degree that is read; CAD programs write 3, seldom 5.
const MAX_DEGREE: usize = 10;

/// A B-spline (Piegl and Tiller, The NURBS Book, 2nd ed., doi:10.1007/978-3-642-59223-2, chapter 4).
#[derive(Debug)]
pub(super) struct Spline {
    degree: usize,
    knots: Vec<f64>,
    pub(super) control: Vec<Point<DesignMm>>,
    /// Heights of the control points.
    pub(super) z: Vec<f64>,
    weights: Vec<f64>,
}

impl Spline {
    pub(super) fn read(item: &Item<'_>) -> Result<Self, DesignError> {
        let degree = item.whole_or(71, 3)?;
        let degree = usize::try_from(degree)
            .ok()
            .filter(|d| (1..=MAX_DEGREE).contains(d))
            .ok_or_else(|| item.fault(format!("expected a degree of 1 to {MAX_DEGREE}, found {degree}")))?;
        let (x, y, mut z) = (item.numbers(10)?, item.numbers(20)?, item.numbers(30)?);
        let n = x.len();
        if n == 0 && item.text(11).is_some() {
            return Err(
                item.fault("expected control points, found only fit points: save the drawing with control points")
            );
        }
        let (knots, mut weights) = (item.numbers(40)?, item.numbers(41)?);
        z.resize(n, 0.0);
        if weights.is_empty() {
            weights.resize(n, 1.0);
        }
        if n <= degree || y.len() != n || weights.len() != n || knots.len() != n + degree + 1 {
            return Err(item.fault(format!(
                "expected more control points than its degree {degree}, a y and a weight for each, and {degree} + 1 more knots; found {n} \
                 with {} y, {} weights and {} knots",
                y.len(),
                weights.len(),
                knots.len()
            )));
        }
        if weights.iter().any(|w| *w <= 0.0) || !knots.is_sorted_by(|a, b| a <= b) || knots[degree] >= knots[n] {
            return Err(item.fault("expected weights above 0 and knots that never fall"));
        }
        let control = x.into_iter().zip(y).map(|(x, y)| Point::new(x, y)).collect();
        Ok(Self { degree, knots, control, z, weights })
    }

    /// Index and ends of each span between two different knots.
    pub(super) fn spans(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        (self.degree..self.control.len())
            .map(|k| (k, self.knots[k], self.knots[k + 1]))
            .filter(|(_, a, b)| b - a > 1e-12 * (1.0 + a.abs()))
    }

    /// Point and derivative at `t` in span `k`, by de Boor's algorithm in homogeneous coordinates.
    pub(super) fn at(&self, k: usize, t: f64) -> At {
        let p = self.degree;
        let mut d = [[0.0; 3]; MAX_DEGREE + 1];
        for (j, d) in d.iter_mut().enumerate().take(p + 1) {
            let i = k - p + j;
            let w = self.weights[i];
            *d = [self.control[i].x * w, self.control[i].y * w, w];
        }
        let mut slope = [0.0; 3];
        for r in 1..=p {
            if r == p {
                let rate = p as f64 / (self.knots[k + 1] - self.knots[k]);
                slope = std::array::from_fn(|c| rate * (d[p][c] - d[p - 1][c]));
            }
            for j in (r..=p).rev() {
                let i = k - p + j;
                let (left, right) = (self.knots[i], self.knots[i + p + 1 - r]);
                let a = (t - left) / (right - left);
                let (before, here) = (d[j - 1], d[j]);
                d[j] = std::array::from_fn(|c| (1.0 - a) * before[c] + a * here[c]);
            }
        }
        let [x, y, w] = d[p];
        let point = Point::new(x / w, y / w);
        (point, Vector::new((slope[0] - slope[2] * point.x) / w, (slope[1] - slope[2] * point.y) / w))
    }
}
