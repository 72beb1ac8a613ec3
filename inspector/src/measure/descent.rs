//! The descent that fits an edge.

use crate::geometry::{NormalEquations, solve_symmetric};

/// Sharpest and softest blur that is tried, px.
const BLUR_PX: (f64, f64) = (0.25, 5.0);

/// Levenberg-Marquardt, at most so many steps or until one is `still`; the last unknown is a blur. Gives the unknowns and the equations there; `None`
/// where the equations leave an unknown open.
pub(super) fn descend<const N: usize>(
    start: [f64; N],
    steps: usize,
    equations: impl Fn(&[f64; N]) -> NormalEquations<N>,
    still: impl Fn(&[f64; N]) -> bool,
) -> Option<([f64; N], NormalEquations<N>)> {
    let (mut q, mut now, mut damping) = (start, equations(&start), 1e-3);
    for _ in 0..steps {
        let mut damped = now.normal;
        (0..N).for_each(|i| damped[i][i] *= 1.0 + damping);
        let step = solve_symmetric(damped, now.right)?;
        let mut next: [f64; N] = std::array::from_fn(|i| q[i] + step[i]);
        next[N - 1] = next[N - 1].clamp(BLUR_PX.0, BLUR_PX.1);
        let then = equations(&next);
        if then.squares <= now.squares {
            (q, now) = (next, then);
            damping *= 0.1;
            if still(&step) {
                break;
            }
        } else {
            damping = (damping * 10.0).max(1e-6);
            if damping > 1e6 {
                break;
            }
        }
    }
    Some((q, now))
}
