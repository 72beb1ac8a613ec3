//! Small symmetric matrices.

/// Solves `a x = b` for a small symmetric positive definite `a` (LDLᵀ, no pivoting), of which only the lower half is read; `None` when `a` is singular.
///
/// ```
/// let x = inspector::geometry::solve_symmetric([[4.0, 2.0], [2.0, 3.0]], [2.0, 5.0]).unwrap();
/// assert!((x[0] + 0.5).abs() < 1e-15 && (x[1] - 2.0).abs() < 1e-15);
/// assert!(inspector::geometry::solve_symmetric([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]).is_none());
/// ```
pub fn solve_symmetric<const N: usize>(a: [[f64; N]; N], b: [f64; N]) -> Option<[f64; N]> {
    let mut l = [[0.0; N]; N];
    let mut d = [0.0; N];
    for j in 0..N {
        d[j] = a[j][j] - (0..j).map(|k| l[j][k] * l[j][k] * d[k]).sum::<f64>();
        if d[j].is_nan() || d[j] <= 1e-14 * a[j][j].abs() {
            return None;
        }
        l[j][j] = 1.0;
        for i in j + 1..N {
            l[i][j] = (a[i][j] - (0..j).map(|k| l[i][k] * l[j][k] * d[k]).sum::<f64>()) / d[j];
        }
    }
    let mut x = b;
    for i in 0..N {
        x[i] -= (0..i).map(|k| l[i][k] * x[k]).sum::<f64>();
    }
    for i in 0..N {
        x[i] /= d[i];
    }
    for i in (0..N).rev() {
        x[i] -= (i + 1..N).map(|k| l[k][i] * x[k]).sum::<f64>();
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}

/// The inverse of such a matrix; `None` when it is singular.
pub(crate) fn inverse_symmetric<const N: usize>(a: [[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut inverse = [[0.0; N]; N];
    for (k, row) in inverse.iter_mut().enumerate() {
        let mut unit = [0.0; N];
        unit[k] = 1.0;
        *row = solve_symmetric(a, unit)?;
    }
    Some(inverse)
}

/// Sums of a least-squares problem: JᵀJ (its lower half; the rest stays zero), Jᵀr, rᵀr, all weighted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormalEquations<const N: usize> {
    pub(crate) normal: [[f64; N]; N],
    pub(crate) right: [f64; N],
    pub(crate) squares: f64,
}

impl<const N: usize> NormalEquations<N> {
    pub(crate) const fn new() -> Self {
        Self { normal: [[0.0; N]; N], right: [0.0; N], squares: 0.0 }
    }

    /// Adds an observation: how the model changes with each unknown there, and by how much it falls short.
    pub(crate) fn add(&mut self, row: &[f64; N], residual: f64, weight: f64) {
        self.squares += weight * residual * residual;
        for i in 0..N {
            let weighted = weight * row[i];
            self.right[i] += weighted * residual;
            for j in 0..=i {
                self.normal[i][j] += weighted * row[j];
            }
        }
    }
}

/// Lower triangular root of a symmetric matrix without negative eigenvalues: `a = l lᵀ`. Directions without spread give zeros.
pub(crate) fn cholesky<const N: usize>(a: &[[f64; N]; N]) -> [[f64; N]; N] {
    let mut l = [[0.0; N]; N];
    for j in 0..N {
        let rest = a[j][j] - (0..j).map(|k| l[j][k] * l[j][k]).sum::<f64>();
        if rest.is_nan() || rest <= 1e-13 * a[j][j].abs() {
            continue;
        }
        l[j][j] = rest.sqrt();
        for i in j + 1..N {
            l[i][j] = (a[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>()) / l[j][j];
        }
    }
    l
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_of_what_has_a_direction_without_spread() {
        let a = [[4.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 9.0]];
        let l = cholesky(&a);
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| l[i][k] * l[j][k]).sum();
                assert!((product - a[i][j]).abs() < 1e-12);
            }
        }
    }
}
