//! Coarse search: every turn, scale and shift on the coarsest level.

use super::refine::Fit;
use crate::design::Raster;
use rayon::prelude::*;

/// Largest turn that is tried, degrees.
const MOST_TURN_DEGREES: f64 = 9.0;
/// Largest change of scale that is tried.
const MOST_SCALE: f64 = 0.05;
/// Largest shift that is tried, part of the longer side.
const MOST_SHIFT: f64 = 0.10;
/// Turns step by this many degrees: 1.2 px at the end of the coarsest level.
const TURN_STEP_DEGREES: f64 = 3.0;
/// How much of the reference must be seen.
const LEAST_OVERLAP: f64 = 0.5;
/// The search compares at most so many pixels: about a second. Pictures halved down to the coarsest level need a fiftieth of it; one that
/// is too narrow to be halved, or is compared with one that is, would take minutes.
pub(super) const MOST_PIXELS: usize = 3_000_000_000;

/// Whether a photo of these sides can show as much of the reference as must be seen, however it is turned and scaled.
pub(super) fn can_show(photo: [usize; 2], reference: [usize; 2]) -> bool {
    // A photo in which everything is smaller shows more; a strip that is turned is a little wider along the picture's sides.
    const LARGER: f64 = 1.12;
    let share = |side: usize| (LARGER * photo[side] as f64 / reference[side] as f64).min(1.0);
    share(0) * share(1) >= LEAST_OVERLAP
}

/// How many pixels [`candidates`] compares.
pub(super) fn pixels_compared(reference: &Raster) -> usize {
    let shifts = 2 * reach(reference).unsigned_abs() + 1;
    let attitudes = attitudes().count();
    [shifts, shifts, reference.width, reference.height].into_iter().fold(attitudes, usize::saturating_mul)
}

/// Largest shift that is tried, px.
fn reach(reference: &Raster) -> isize {
    (MOST_SHIFT * reference.width.max(reference.height) as f64).ceil() as isize
}

/// Turns in steps, and scales, that are tried.
fn attitudes() -> impl Iterator<Item = (i32, f64)> {
    let turns = (MOST_TURN_DEGREES / TURN_STEP_DEGREES).round() as i32;
    (-turns..=turns).flat_map(|turn| [-0.6, 0.6].map(|k| (turn, 1.0 + k * MOST_SCALE)))
}

/// Poses of the coarsest level worth refining, best first.
///
/// For every turn and scale the photo is resampled once into the reference's frame; all whole-pixel shifts are then scored by
/// zero-mean normalised cross-correlation over what both show.
pub(super) fn candidates(photo: &Raster, reference: &Raster, keep: usize) -> Vec<Fit> {
    let reach = reach(reference);
    let mut found: Vec<(f64, Fit)> = attitudes()
        .collect::<Vec<_>>()
        .into_par_iter()
        .flat_map_iter(|(turn, scale)| {
            let angle = f64::from(turn) * TURN_STEP_DEGREES * (std::f64::consts::PI / 180.0);
            best_shifts(photo, reference, &Fit::about_centres(photo, reference, scale, angle), reach)
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(keep);
    found.into_iter().map(|(_, fit)| fit).collect()
}

/// The best shifts of one turn and scale, none beside another.
fn best_shifts(photo: &Raster, reference: &Raster, fit: &Fit, reach: isize) -> Vec<(f64, Fit)> {
    const KEEP: usize = 4;
    let view = View::new(photo, reference, fit, reach);
    let shifts = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let mut scores: Vec<(f64, isize, isize)> =
        shifts.filter_map(|(dx, dy)| Some((view.correlation(reference, dx, dy)?, dx, dy))).collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<(f64, isize, isize)> = Vec::new();
    for (score, dx, dy) in scores {
        // Neighbours of a better shift lead to the same place.
        if kept.iter().all(|(_, x, y)| (x - dx).abs() > 1 || (y - dy).abs() > 1) {
            kept.push((score, dx, dy));
            if kept.len() == KEEP {
                break;
            }
        }
    }
    kept.into_iter().map(|(score, dx, dy)| (score, fit.shifted(dx as f64, dy as f64))).collect()
}

/// Whether a refined pose is still among those that were searched, give or take a step.
pub(super) fn within_reach(fit: &Fit, photo: &Raster, reference: &Raster) -> bool {
    let scale = (fit.a * fit.a + fit.b * fit.b).sqrt();
    let centred = Fit::about_centres(photo, reference, scale, libm::atan2(fit.b, fit.a));
    let shift = ((fit.tx - centred.tx) * (fit.tx - centred.tx) + (fit.ty - centred.ty) * (fit.ty - centred.ty)).sqrt();
    let turn = libm::atan2(fit.b, fit.a).abs() * (180.0 / std::f64::consts::PI);
    (scale - 1.0).abs() < 1.5 * MOST_SCALE
        && turn < MOST_TURN_DEGREES + TURN_STEP_DEGREES
        && shift < 1.5 * MOST_SHIFT * reference.width.max(reference.height) as f64
}

/// The photo in the reference's frame, with a margin of `reach` pixels, and where it has pixels.
struct View {
    width: usize,
    reach: isize,
    value: Vec<f32>,
    seen: Vec<f32>,
}

impl View {
    fn new(photo: &Raster, reference: &Raster, fit: &Fit, reach: isize) -> Self {
        let margin = reach as usize;
        let (width, height) = (reference.width + 2 * margin, reference.height + 2 * margin);
        let (mut value, mut seen) = (vec![0.0; width * height], vec![0.0; width * height]);
        for y in 0..height {
            for x in 0..width {
                let (px, py) = fit.apply(x as f64 - reach as f64, y as f64 - reach as f64);
                if let Some(v) = photo.sample(px, py) {
                    value[y * width + x] = v;
                    seen[y * width + x] = 1.0;
                }
            }
        }
        Self { width, reach, value, seen }
    }

    /// Zero-mean normalised cross-correlation when the photo is looked at (dx, dy) further on; `None` when too little is seen.
    fn correlation(&self, reference: &Raster, dx: isize, dy: isize) -> Option<f64> {
        let (mut n, mut a, mut aa, mut b, mut bb, mut ab) = (0.0_f32, 0.0, 0.0, 0.0, 0.0, 0.0);
        for y in 0..reference.height {
            let start = (y as isize + self.reach + dy) as usize * self.width + (self.reach + dx) as usize;
            let (values, seen) = (&self.value[start..], &self.seen[start..]);
            for ((r, v), s) in reference.row(y).iter().zip(values).zip(seen) {
                let r = r * s;
                n += s;
                a += v;
                aa += v * v;
                b += r;
                bb += r * r;
                ab += v * r;
            }
        }
        if f64::from(n) < LEAST_OVERLAP * (reference.width * reference.height) as f64 {
            return None;
        }
        let [n, a, aa, b, bb, ab] = [n, a, aa, b, bb, ab].map(f64::from);
        let variances = (aa - a * a / n) * (bb - b * b / n);
        (variances > 1e-12 * n * n).then(|| (ab - a * b / n) / variances.sqrt())
    }
}
