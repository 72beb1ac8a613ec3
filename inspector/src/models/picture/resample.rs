//! Making a picture another size.

use crate::geometry::PixelRect;
use crate::models::manifest::Resample;
use rayon::prelude::*;

/// What is made of a picture: `view` of it is brought to `size`, and of that the part `corner`, `shown` is computed.
pub(super) struct Window {
    pub(super) view: PixelRect,
    pub(super) size: (usize, usize),
    pub(super) corner: (usize, usize),
    pub(super) shown: (usize, usize),
    pub(super) how: Resample,
}

/// Codes 0 to 255, rows of pixels, channels side by side.
pub(super) struct Resampled {
    pub(super) codes: Vec<f32>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
}

/// Which source pixels make each result pixel, along one axis.
struct Taps {
    /// First source pixel and number of weights, per result pixel.
    spans: Vec<(usize, usize)>,
    /// As many per result pixel as the widest span has.
    weights: Vec<f32>,
    most: usize,
}

impl Taps {
    /// `length` source pixels become `size`; taps for the results `first..first + shown`.
    fn new(length: usize, size: usize, first: usize, shown: usize, how: Resample) -> Self {
        let scale = length as f64 / size as f64;
        let spans_weights: Vec<(usize, Vec<f64>)> = (first..first + shown)
            .map(|i| {
                let centre = (i as f64 + 0.5) * scale;
                match how {
                    Resample::Bilinear => bilinear(centre - 0.5, length),
                    Resample::Antialias => widened(triangle, 1.0, centre, scale.max(1.0), length),
                    Resample::Bicubic => widened(cubic, 2.0, centre, scale.max(1.0), length),
                }
            })
            .collect();
        let most = spans_weights.iter().map(|(_, w)| w.len()).max().unwrap_or(0);
        let mut weights = vec![0.0; most * shown];
        for ((_, from), to) in spans_weights.iter().zip(weights.chunks_mut(most.max(1))) {
            for (to, from) in to.iter_mut().zip(from) {
                *to = *from as f32;
            }
        }
        Self { spans: spans_weights.into_iter().map(|(start, w)| (start, w.len())).collect(), weights, most }
    }
    fn of(&self, i: usize) -> (usize, &[f32]) {
        let (start, n) = self.spans[i];
        (start, &self.weights[i * self.most..i * self.most + n])
    }
}

/// The two pixels beside a position, the border pixel beyond the border (OpenCV's INTER_LINEAR).
fn bilinear(at: f64, length: usize) -> (usize, Vec<f64>) {
    let at = at.clamp(0.0, (length - 1) as f64);
    let start = (at as usize).min(length.saturating_sub(2));
    let f = at - start as f64;
    if length == 1 { (0, vec![1.0]) } else { (start, vec![1.0 - f, f]) }
}

/// A curve about a position, widened by the reduction, cut at the border and of sum one, as PIL's filters are; it is 0 beyond `support`.
fn widened(curve: fn(f64) -> f64, support: f64, centre: f64, reduction: f64, length: usize) -> (usize, Vec<f64>) {
    let reach = support * reduction;
    let start = (centre - reach + 0.5).max(0.0) as usize;
    let end = ((centre + reach + 0.5) as usize).min(length).max(start + 1);
    let weight = |i: usize| curve((i as f64 + 0.5 - centre).abs() / reduction);
    let sum: f64 = (start..end).map(weight).sum();
    (start, (start..end).map(|i| weight(i) / sum).collect())
}

/// PIL's BILINEAR.
fn triangle(d: f64) -> f64 {
    (1.0 - d).max(0.0)
}

/// PIL's BICUBIC: Keys 1981, doi:10.1109/TASSP.1981.1163711, with a = -0.5.
fn cubic(d: f64) -> f64 {
    const A: f64 = -0.5;
    if d < 1.0 {
        ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        (((d - 5.0) * d + 8.0) * d - 4.0) * A
    } else {
        0.0
    }
}

/// Down the columns first, where whole rows are added at once, then along the rows.
pub(super) fn resample<T: Copy + Into<f32> + Sync>(
    samples: &[T],
    channels: usize,
    stride: usize,
    unit: f32,
    window: &Window,
) -> Resampled {
    let Window { view, size, corner, shown, how } = *window;
    let (vx, vy, vw, vh) = (view.x as usize, view.y as usize, view.w as usize, view.h as usize);
    let columns = Taps::new(vw, size.0, corner.0, shown.0, how);
    let rows = Taps::new(vh, size.1, corner.1, shown.1, how);
    let source = |y: usize| {
        let start = ((vy + y) * stride + vx) * channels;
        &samples[start..start + vw * channels]
    };
    let mut codes = vec![0.0_f32; shown.0 * shown.1 * channels];
    codes.par_chunks_mut((shown.0 * channels).max(1)).enumerate().for_each_init(
        || vec![0.0_f32; vw * channels],
        |sum, (i, out)| {
            let (start, weights) = rows.of(i);
            sum.fill(0.0);
            for (k, weight) in weights.iter().enumerate() {
                let weight = weight * unit;
                for (sum, sample) in sum.iter_mut().zip(source(start + k)) {
                    *sum += weight * (*sample).into();
                }
            }
            match channels {
                3 => along::<3>(sum, &columns, out),
                _ => along::<1>(sum, &columns, out),
            }
            if how == Resample::Bicubic {
                // Beside an edge it overshoots; there is nothing blacker than black.
                out.iter_mut().for_each(|code| *code = code.clamp(0.0, 255.0));
            }
        },
    );
    Resampled { codes, width: shown.0, height: shown.1, channels }
}

fn along<const C: usize>(line: &[f32], columns: &Taps, out: &mut [f32]) {
    let line = line.as_chunks::<C>().0;
    for (i, out) in out.as_chunks_mut::<C>().0.iter_mut().enumerate() {
        let (start, weights) = columns.of(i);
        let mut sum = [0.0_f32; C];
        for (weight, pixel) in weights.iter().zip(&line[start..]) {
            for c in 0..C {
                sum[c] += weight * pixel[c];
            }
        }
        *out = sum;
    }
}
