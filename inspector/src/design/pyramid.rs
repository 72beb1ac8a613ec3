//! Pictures as lightness, at halved sizes: what a reference picture and a photo are compared on.

use crate::calibration::Plane;
use rayon::prelude::*;

/// Rows that one task works on: enough to be worth a task, few enough to share out.
const BAND: usize = 32;

/// Lightness of a picture, `(height, width)`, about 0..=1: the square root of linear light.
///
/// The root is close to what the eye and an 8-bit file use, and makes the photon noise of a camera the same everywhere (Anscombe 1948,
/// DOI 10.1093/biomet/35.3-4.246); a lamp that is brighter by a factor still multiplies it by a factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row by row.
    pub data: Vec<f32>,
}

impl Raster {
    /// Fills a picture row by row, in parallel; `row(y, out)` writes row `y`.
    pub fn from_rows(width: usize, height: usize, row: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut data = vec![0.0; width * height];
        if width > 0 {
            data.par_chunks_mut(width * BAND).enumerate().for_each(|(band, rows)| {
                for (k, out) in rows.chunks_mut(width).enumerate() {
                    row(band * BAND + k, out);
                }
            });
        }
        Self { width, height, data }
    }

    /// Lightness of linear light. Cost: about 1 ns per pixel.
    pub fn from_light(light: &Plane) -> Self {
        let (width, height) = (light.width() as usize, light.height() as usize);
        let source = light.as_raw();
        Self::from_rows(width, height, |y, out| {
            for (o, v) in out.iter_mut().zip(&source[y * width..]) {
                *o = (f32::from(*v) / 65535.0).sqrt();
            }
        })
    }

    /// One row.
    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// Half the size: means of 2 x 2 pixels (a last odd row or column is dropped). Pixel `x` of the half covers `2x` and `2x + 1`.
    pub fn halved(&self) -> Self {
        Self::from_rows(self.width / 2, self.height / 2, |y, out| {
            let (a, b) = (self.row(2 * y), self.row(2 * y + 1));
            for (o, (p, q)) in out.iter_mut().zip(a.as_chunks::<2>().0.iter().zip(b.as_chunks::<2>().0)) {
                *o = 0.25 * (p[0] + p[1] + q[0] + q[1]);
            }
        })
    }

    /// Smoothed by the binomial (1, 2, 1)/4 along rows and columns (a blur of 0.7 px); pixels beyond the border repeat it.
    pub fn smoothed(&self) -> Self {
        let (w, h) = (self.width, self.height);
        if w < 2 || h < 2 {
            return self.clone();
        }
        let columns = Self::from_rows(w, h, |y, out| {
            let (a, b, c) = (self.row(y.saturating_sub(1)), self.row(y), self.row((y + 1).min(h - 1)));
            for (x, o) in out.iter_mut().enumerate() {
                *o = 0.25 * (a[x] + c[x]) + 0.5 * b[x];
            }
        });
        Self::from_rows(w, h, |y, out| {
            let row = columns.row(y);
            for (o, v) in out[1..w - 1].iter_mut().zip(row.array_windows::<3>()) {
                *o = 0.25 * (v[0] + v[2]) + 0.5 * v[1];
            }
            out[0] = 0.75 * row[0] + 0.25 * row[1];
            out[w - 1] = 0.75 * row[w - 1] + 0.25 * row[w - 2];
        })
    }

    /// Value at a position between pixels, bilinear; `None` outside the outermost pixel centres.
    pub fn sample(&self, x: f64, y: f64) -> Option<f32> {
        let (xi, yi) = (x.floor(), y.floor());
        // Written so that NaN is outside, too.
        if !(xi >= 0.0 && yi >= 0.0 && xi < self.width as f64 - 1.0 && yi < self.height as f64 - 1.0) {
            return None;
        }
        let (fx, fy) = ((x - xi) as f32, (y - yi) as f32);
        let i = yi as usize * self.width + xi as usize;
        let (a, b) = (&self.data[i..i + 2], &self.data[i + self.width..i + self.width + 2]);
        let top = a[0] + fx * (a[1] - a[0]);
        let bottom = b[0] + fx * (b[1] - b[0]);
        Some(top + fy * (bottom - top))
    }
}

/// The picture, smoothed, at full size, half, a quarter, ... until its longer side is at most `smallest_side`.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// Finest first; never empty.
    pub levels: Vec<Raster>,
}

/// Longer side of the coarsest level, px: coarse enough to try every pose, fine enough to tell them apart.
const COARSEST_SIDE: usize = 48;

impl Pyramid {
    /// Builds all levels. Cost: about 10 ns per pixel.
    pub fn new(light: &Plane) -> Self {
        let mut raw = Raster::from_light(light);
        let mut levels = vec![raw.smoothed()];
        while raw.width.max(raw.height) > COARSEST_SIDE && raw.width.min(raw.height) >= 16 {
            raw = raw.halved();
            levels.push(raw.smoothed());
        }
        Self { levels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_through_every_level() {
        // Lightness of x/100: halving and smoothing must keep position and slope, or poses are off by a fraction of a pixel.
        let ramp =
            Raster::from_rows(101, 80, |_, out| out.iter_mut().enumerate().for_each(|(x, o)| *o = x as f32 / 100.0));
        let half = ramp.smoothed().halved().smoothed();
        assert_eq!((half.width, half.height), (50, 40));
        // Half pixel 20 covers full pixels 40 and 41: centre 40.5.
        assert!((half.sample(20.0, 7.3).unwrap() - 0.405).abs() < 1e-6);
        assert_eq!(half.sample(49.01, 3.0), None);
        assert_eq!(half.sample(f64::NAN, 3.0), None);
    }
}
