//! Pictures of parallel lines: the shift along them is settled by what lies beyond the reference.

use super::Level;
use super::refine::Fit;

/// Below this ratio of the structure tensor's eigenvalues, edges of one direction outnumber all others so much that Gauss-Newton does not
/// move along them.
const WEAK: f64 = 0.06;
/// How far is looked, part of the longer side.
const REACH: f64 = 0.1;
/// Shifts that share one look at the whole picture, px.
const BLOCK: i32 = 4;
/// Whole pictures that correlate this closely say the same: a strip of 1/300 of the picture is about what this is.
const SAME: f64 = 0.003;
/// Part of the reference that must stay in sight.
const LEAST_SEEN: f64 = 0.85;

/// The fit shifted along the lines of the reference to where most of the reference is explained. `coarse` is the same pair, halved `halvings` times.
///
/// Where a photo has a border of its own (a scan of a smaller picture, a table beside the board), a pose that has slipped along the lines would
/// compare that border with the part. So the whole picture chooses first, and among what it cannot tell apart the edges' own roughness: it finds
/// the very place unless the part is another piece. Poses that explain the photo equally well compare the same, so which of them is taken does not matter.
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
    let moved = |k: i32| fit.shifted(f64::from(k) * cos, f64::from(k) * sin);
    let blocks = (REACH * view.reference.width.max(view.reference.height) as f64) as i32 / BLOCK;
    let everywhere: Vec<(i32, f64)> = (0..=blocks)
        .flat_map(|b| [b * BLOCK, -b * BLOCK])
        .filter_map(|k| {
            let small = (0..halvings).fold(moved(k), |fit, _| fit.halved());
            let quality = small.everywhere(coarse.photo, coarse.reference);
            (quality.seen > LEAST_SEEN).then_some((k, quality.correlation))
        })
        .collect();
    let highest = everywhere.iter().map(|(_, c)| *c).fold(f64::NEG_INFINITY, f64::max);
    let mut best = (f64::NEG_INFINITY, *fit);
    for (block, _) in everywhere.iter().filter(|(_, c)| *c > highest - SAME) {
        for k in block - BLOCK / 2..=block + BLOCK / 2 {
            let candidate = moved(k);
            let score = candidate.along_edges(view.photo, view.landmarks).score();
            if score > best.0 {
                best = (score, candidate);
            }
        }
    }
    best.1
}
