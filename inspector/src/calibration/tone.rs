//! Tone: from the codes of a file to linear light.

use crate::photo::Picture;
use image::{ImageBuffer, Luma};
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
const LUMINANCE: [f64; 3] = [0.2126, 0.7152, 0.0722];

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
        let (width, height) = (picture.width(), picture.height());
        let samples = match picture {
            Picture::Grey(p) => {
                let table: [u16; 256] =
                    std::array::from_fn(|c| (self.light(c as f64 / 255.0) * 65535.0).round() as u16);
                p.as_raw().iter().map(|c| table[usize::from(*c)]).collect()
            }
            Picture::Grey16(p) => {
                let table: Vec<u16> =
                    (0..=65535).map(|c| (self.light(f64::from(c) / 65535.0) * 65535.0).round() as u16).collect();
                p.as_raw().iter().map(|c| table[usize::from(*c)]).collect()
            }
            Picture::Colour(p) => {
                // Each weighted channel in 8 more bits than the result, so that rounding is done once.
                let tables: [[u32; 256]; 3] = std::array::from_fn(|k| {
                    std::array::from_fn(|c| {
                        (LUMINANCE[k] * self.light(c as f64 / 255.0) * 65535.0 * 256.0).round() as u32
                    })
                });
                p.as_raw()
                    .as_chunks::<3>()
                    .0
                    .iter()
                    .map(|[r, g, b]| {
                        let sum = tables[0][usize::from(*r)] + tables[1][usize::from(*g)] + tables[2][usize::from(*b)];
                        ((sum + 128) >> 8).min(65535) as u16
                    })
                    .collect()
            }
        };
        Plane::from_raw(width, height, samples).expect("one sample per pixel")
    }
}
