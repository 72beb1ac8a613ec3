//! Pictures of parallel lines: the shift along them is settled by what lies beyond the reference.

use super::Level;
use super::refine::Fit;

/// Below this ratio of the structure tensor's eigenvalues, edges of one direction outnumber all others so much that Gauss-Newton does not
/// move along them.
const WEAK: f64 = 0.06;
/// How far is looked, part of the longer side.
const REACH: f64 = 0.1;

/// The fit shifted along the lines of the reference to where most of the reference is explained. `coarse` is the same pair, halved `halvings` times.
///
/// Where a photo has a border of its own (a scan of a smaller picture, a table beside the board), a pose that has slipped along the lines would
/// compare that border with the part. Poses that explain the photo equally well compare the same, so which of them is taken does not matter.
pub(super) fn along_weak_direction(fit: &Fit, view: &Level<'_>, coarse: &Level<'_>, halvings: usize) -> Fit {
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for l in view.landmarks {
        let (gx, gy) = (f64::from(l.slope[0]), f64::from(l.slope[1]));
        xx += gx * gx;
        xy += gx * gy;
        yy += gy * gy;
    }
    let (mean, half) = (0.5 * (xx + yy), (0.25 * (xx - yy) * (xx - yy) + xy * xy).sqrt());
    if mean - half >= WEAK * (mean + half) {
        return *fit;
    }
    // The axis along which lightness changes least.
    let angle = 0.5 * libm::atan2(2.0 * xy, xx - yy) + 0.5 * std::f64::consts::PI;
    let (sin, cos) = libm::sincos(angle);
    let score = |k: i32| {
        let moved = fit.shifted(f64::from(k) * cos, f64::from(k) * sin);
        let small = (0..halvings).fold(moved, |fit, _| fit.halved());
        // The whole picture tells the part from what lies beside it, the edges' own roughness finds the very place.
        let everywhere = small.everywhere(coarse.photo, coarse.reference).score();
        (everywhere + moved.along_edges(view.photo, view.landmarks).score(), moved)
    };
    let reach = (REACH * view.reference.width.max(view.reference.height) as f64) as i32;
    let mut best = score(0);
    for k in (1..=reach).flat_map(|k| [k, -k]) {
        let other = score(k);
        if other.0 > best.0 {
            best = other;
        }
    }
    best.1
}
