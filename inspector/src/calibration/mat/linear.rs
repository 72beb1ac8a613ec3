//! The few directions in which many small effects matter.

/// Share of the whole that may be left out.
const LEFT_OUT: f64 = 1e-4;

/// Orthonormal mixes of these effects, the strongest first, until nearly all of their squared length is covered.
///
/// Independent displacements stay independent under an orthonormal mix; most mixes do next to nothing. Eigenvectors of the effects'
/// products by Jacobi's turns.
pub(super) fn principal(effects: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = effects.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut a: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| dot(&effects[i], &effects[j])).collect()).collect();
    let mut v: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let whole: f64 = (0..n).map(|i| a[i][i]).sum();
    for _ in 0..30 {
        let off: f64 = (0..n).map(|i| (0..i).map(|j| a[i][j] * a[i][j]).sum::<f64>()).sum();
        if off <= 1e-20 * whole * whole {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] != 0.0 {
                    turn(&mut a, &mut v, p, q);
                }
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| a[*j][*j].total_cmp(&a[*i][*i]));
    let mut left = whole;
    let mut out = Vec::new();
    for i in order {
        if left <= LEFT_OUT * whole {
            break;
        }
        left -= a[i][i];
        out.push((0..n).map(|k| v[k][i]).collect());
    }
    out
}

/// Turns the axes p and q so that `a[p][q]` becomes zero.
fn turn(a: &mut [Vec<f64>], v: &mut [Vec<f64>], p: usize, q: usize) {
    let theta = 0.5 * (a[q][q] - a[p][p]) / a[p][q];
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for row in a.iter_mut().chain(v) {
        (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
    }
    for k in 0..a.len() {
        (a[p][k], a[q][k]) = (c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_keep_the_sum_of_squares_and_drop_what_does_nothing() {
        // Two effects nearly along one direction, and one that does nothing.
        let effects = [vec![3.0, 0.0, 1e-3], vec![4.0, 1e-3, 0.0], vec![0.0, 0.0, 0.0]];
        let mixes = principal(&effects);
        assert_eq!(mixes.len(), 1);
        let effect: f64 = effects.iter().zip(&mixes[0]).map(|(e, m)| e[0] * m).sum();
        assert!((effect.abs() - 5.0).abs() < 1e-6, "{effect}");
    }
}
