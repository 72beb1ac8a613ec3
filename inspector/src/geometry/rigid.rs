//! Rigid motions in space.

use serde::{Deserialize, Serialize};

/// A turn and a shift in space: `q = R p + t`. The turn is written as its axis times its angle (radians), so that it has three parameters
/// and no constraint.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rigid {
    /// Axis times angle, rad.
    pub turn: [f64; 3],
    /// Shift, mm.
    pub shift: [f64; 3],
}

/// Rows of a 3 x 3 matrix.
pub type Matrix3 = [[f64; 3]; 3];

impl Rigid {
    /// The turn as a matrix (Rodrigues' formula).
    pub fn matrix(&self) -> Matrix3 {
        let [x, y, z] = self.turn;
        let angle2 = x * x + y * y + z * z;
        let angle = angle2.sqrt();
        // sin(a)/a and (1 - cos(a))/a², by their series near zero.
        let (s, c) = if angle < 1e-4 {
            (1.0 - angle2 / 6.0, 0.5 - angle2 / 24.0)
        } else {
            let (sin, cos) = libm::sincos(angle);
            (sin / angle, (1.0 - cos) / angle2)
        };
        [
            [1.0 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y],
            [c * x * y + s * z, 1.0 - c * (x * x + z * z), c * y * z - s * x],
            [c * x * z - s * y, c * y * z + s * x, 1.0 - c * (x * x + y * y)],
        ]
    }

    /// From a rotation matrix and a shift. The matrix must be a rotation to rounding.
    ///
    /// ```
    /// use inspector::geometry::Rigid;
    /// // The hard case: half a turn, where the axis cannot be read off the difference of R and its transpose.
    /// let half = Rigid { turn: [std::f64::consts::PI / 2f64.sqrt(), std::f64::consts::PI / 2f64.sqrt(), 0.0], shift: [0.0; 3] };
    /// let again = Rigid::from_matrix(&half.matrix(), [0.0; 3]);
    /// let (a, b) = (half.matrix(), again.matrix());
    /// assert!((0..9).all(|i| (a[i / 3][i % 3] - b[i / 3][i % 3]).abs() < 1e-9));
    /// ```
    pub fn from_matrix(m: &Matrix3, shift: [f64; 3]) -> Self {
        // By the unit quaternion whose largest component is found first (Shepperd 1978, doi:10.2514/3.55767b).
        let trace = m[0][0] + m[1][1] + m[2][2];
        let squares = [trace, m[0][0], m[1][1], m[2][2]];
        let largest = (1..4).fold(0, |best, i| if squares[i] > squares[best] { i } else { best });
        let mut q = match largest {
            0 => [1.0 + trace, m[2][1] - m[1][2], m[0][2] - m[2][0], m[1][0] - m[0][1]],
            1 => [m[2][1] - m[1][2], 1.0 + 2.0 * m[0][0] - trace, m[0][1] + m[1][0], m[0][2] + m[2][0]],
            2 => [m[0][2] - m[2][0], m[0][1] + m[1][0], 1.0 + 2.0 * m[1][1] - trace, m[1][2] + m[2][1]],
            _ => [m[1][0] - m[0][1], m[0][2] + m[2][0], m[1][2] + m[2][1], 1.0 + 2.0 * m[2][2] - trace],
        };
        // q and -q are one turn; the one with w >= 0 turns by at most half a turn.
        let n = q.iter().map(|c| c * c).sum::<f64>().sqrt() * if q[0] < 0.0 { -1.0 } else { 1.0 };
        q = q.map(|c| c / n);
        let sin = (q[1] * q[1] + q[2] * q[2] + q[3] * q[3]).sqrt();
        let per_sin = if sin < 1e-12 { 2.0 } else { 2.0 * libm::atan2(sin, q[0]) / sin };
        Self { turn: [q[1] * per_sin, q[2] * per_sin, q[3] * per_sin], shift }
    }

    /// First `first`, then `self`.
    #[must_use]
    pub fn after(&self, first: &Self) -> Self {
        let (a, b) = (self.matrix(), first.matrix());
        let product = std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()));
        let moved = times(&a, first.shift);
        Self::from_matrix(&product, std::array::from_fn(|i| moved[i] + self.shift[i]))
    }

    /// The motion back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let back = transpose_times(&self.matrix(), self.shift);
        Self { turn: self.turn.map(|c| -c), shift: back.map(|c| -c) }
    }
}

/// `m v`.
pub fn times(m: &Matrix3, v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| m[i][0] * v[0] + m[i][1] * v[1] + m[i][2] * v[2])
}

/// `mᵀ v`.
pub fn transpose_times(m: &Matrix3, v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| m[0][i] * v[0] + m[1][i] * v[1] + m[2][i] * v[2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn matrix_and_inverse_hold(x in -2.0..2.0f64, y in -2.0..2.0f64, z in -1.2..1.2f64, t in -500.0..500.0f64) {
            let pose = Rigid { turn: [x, y, z], shift: [t, -0.3 * t, 2.0 * t] };
            let m = pose.matrix();
            for i in 0..3 {
                for j in 0..3 {
                    let dot: f64 = (0..3).map(|k| m[i][k] * m[j][k]).sum();
                    prop_assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
            let again = Rigid::from_matrix(&m, pose.shift);
            prop_assert!((0..3).all(|i| (again.turn[i] - pose.turn[i]).abs() < 1e-9), "{again:?}");
            let none = pose.after(&pose.inverse());
            prop_assert!(none.turn.iter().all(|c| c.abs() < 1e-9) && none.shift.iter().all(|c| c.abs() < 1e-9), "{none:?}");
        }
    }
}
