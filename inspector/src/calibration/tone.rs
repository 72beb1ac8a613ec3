//! Tone: from the codes of a file to linear light.

use crate::photo::Picture;
use image::{ImageBuffer, Luma};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// One channel of 16 bits, `(height, width)`.
pub type Plane = ImageBuffer<Luma<u16>, Vec<u16>>;

/// The curve between light and the codes of a picture.
///
/// An sRGB curve left in place moves every edge by about 0.3 px at the blur of a cheap camera, so edges are measured on light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// The sRGB curve (IEC 61966-2-1): phones, webcams, most files.
    #[default]
    Srgb,
    /// Codes are proportional to light: industrial cameras.
    Linear,
}

/// Rec. 709 luminance weights of linear red, green, blue (ITU-R BT.709-6, item 3.2).
pub(super) const LUMINANCE: [f64; 3] = [0.2126, 0.7152, 0.0722];

impl Tone {
    /// Light in [0, 1] of a code in [0, 1].
    pub fn light(self, code: f64) -> f64 {
        match self {
            Self::Linear => code,
            Self::Srgb if code <= 0.040_45 => code / 12.92,
            Self::Srgb => libm::pow((code + 0.055) / 1.055, 2.4),
        }
    }
    /// Code in [0, 1] of light in [0, 1]: the inverse of [`light`](Self::light).
    pub fn code(self, light: f64) -> f64 {
        match self {
            Self::Linear => light,
            Self::Srgb if light <= 0.003_130_8 => light * 12.92,
            Self::Srgb => 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055,
        }
    }
    /// The linear luminance of a picture, 16 bits.
    pub fn linear(self, picture: &Picture) -> Plane {
        luminance(picture, |code| self.light(code))
    }
}

/// Fewest pixels that are worth a thread of their own.
const SHARE: usize = 1 << 16;

/// The linear luminance of a picture, 16 bits, when this is the light of a code. Cost: about 2 ns per pixel, shared out over the rayon pool.
fn luminance(picture: &Picture, light: impl Fn(f64) -> f64) -> Plane {
    let (width, height) = (picture.width(), picture.height());
    let samples = match picture {
        Picture::Grey(p) => {
            let table: [u16; 256] = std::array::from_fn(|c| (light(c as f64 / 255.0) * 65535.0).round() as u16);
            p.as_raw().par_iter().with_min_len(SHARE).map(|c| table[usize::from(*c)]).collect()
        }
        Picture::Grey16(p) => {
            let table: Vec<u16> =
                (0..=65535).map(|c| (light(f64::from(c) / 65535.0) * 65535.0).round() as u16).collect();
            p.as_raw().par_iter().with_min_len(SHARE).map(|c| table[usize::from(*c)]).collect()
        }
        Picture::Colour(p) => {
            // Each weighted channel in 8 more bits than the result, so that rounding is done once.
            let tables: [[u32; 256]; 3] = std::array::from_fn(|k| {
                std::array::from_fn(|c| (LUMINANCE[k] * light(c as f64 / 255.0) * 65535.0 * 256.0).round() as u32)
            });
            p.as_raw()
                .as_chunks::<3>()
                .0
                .par_iter()
                .with_min_len(SHARE)
                .map(|[r, g, b]| {
                    let sum = tables[0][usize::from(*r)] + tables[1][usize::from(*g)] + tables[2][usize::from(*b)];
                    ((sum + 128) >> 8).min(65535) as u16
                })
                .collect()
        }
    };
    Plane::from_raw(width, height, samples).expect("one sample per pixel")
}

/// A camera's own curve: what sRGB makes of its codes, and what the light really was.
///
/// Between the knots runs a cubic that rises wherever they do (Fritsch and Carlson 1980, doi:10.1137/0717021), beyond them a straight line.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Light as sRGB has it, light, slope; rising.
    knots: Vec<[f64; 3]>,
}

impl Curve {
    /// Through these pairs of light as sRGB has it and light, both rising, at least two.
    ///
    /// ```
    /// use inspector::calibration::{Curve, Tone};
    /// // A camera that darkens the middle: the code of sRGB's 0.5 is light of 0.4.
    /// let curve = Curve::new(&[[0.0, 0.0], [0.5, 0.4], [1.0, 1.0]]);
    /// assert!((curve.light(Tone::Srgb.code(0.5)) - 0.4).abs() < 1e-12);
    /// assert!(curve.light(Tone::Srgb.code(0.25)) > 0.0 && curve.light(Tone::Srgb.code(0.25)) < 0.4);
    /// ```
    pub fn new(knots: &[[f64; 2]]) -> Self {
        let n = knots.len();
        let slope = |i: usize| (knots[i + 1][1] - knots[i][1]) / (knots[i + 1][0] - knots[i][0]);
        let at = |i: usize| match i {
            0 => slope(0),
            i if i + 1 == n => slope(n - 2),
            // The harmonic mean is never more than twice the flatter of both, which keeps the cubic rising.
            i => {
                let (a, b) = (slope(i - 1), slope(i));
                if a * b <= 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
            }
        };
        Self { knots: (0..n).map(|i| [knots[i][0], knots[i][1], at(i)]).collect() }
    }
    /// Light of a code in [0, 1].
    pub fn light(&self, code: f64) -> f64 {
        let s = Tone::Srgb.light(code);
        let (first, last) = (self.knots[0], self.knots[self.knots.len() - 1]);
        if s <= first[0] {
            return (first[1] + (s - first[0]) * first[2]).max(0.0);
        }
        if s >= last[0] {
            return last[1] + (s - last[0]) * last[2];
        }
        let i = self.knots.partition_point(|k| k[0] <= s) - 1;
        let ([x0, y0, d0], [x1, y1, d1]) = (self.knots[i], self.knots[i + 1]);
        let (h, t) = (x1 - x0, (s - x0) / (x1 - x0));
        let (t2, t3) = (t * t, t * t * t);
        y0 * (2.0 * t3 - 3.0 * t2 + 1.0) + y1 * (3.0 * t2 - 2.0 * t3) + h * (d0 * (t3 - 2.0 * t2 + t) + d1 * (t3 - t2))
    }
    /// The linear luminance of a picture, 16 bits; brighter than white stays white.
    pub fn linear(&self, picture: &Picture) -> Plane {
        luminance(picture, |code| self.light(code).min(1.0))
    }
}
