//! Lens blur, light, sensor and what a phone does with its pixels.

use crate::calibration::sharpening::{luma, weighted};
use crate::calibration::{Sharpening, Tone};
use crate::synth::Noise;
use crate::synth::seeded::Seeded;

/// Sigma of the lens's Gaussian blur; the pixel's own box comes on top of it. At least 0.3 px anywhere.
///
/// Where it changes over the field (a slanted sheet leaves the plane of focus) the point spread is a mix of the narrowest and the widest
/// Gaussian with the right variance at each pixel: symmetric, a little more peaked than one Gaussian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blur {
    /// In the middle of the picture, px.
    pub px: f64,
    /// Change from the middle to the right border, px.
    pub right: f64,
    /// Change from the middle to the lower border, px.
    pub down: f64,
}

impl Blur {
    /// The same everywhere.
    pub const fn even(px: f64) -> Self {
        Self { px, right: 0.0, down: 0.0 }
    }
    /// The narrowest and, where it differs, the widest.
    pub(super) fn range(&self) -> (f64, Option<f64>) {
        let change = self.right.abs() + self.down.abs();
        let (low, high) = ((self.px - change).max(0.3), (self.px + change).max(0.3));
        (low, (high > low).then_some(high))
    }
    /// Share of the widest at relative places in [-1, 1].
    pub(super) fn share(&self, u: f64, v: f64) -> f64 {
        let (low, Some(high)) = self.range() else { return 0.0 };
        let here = (self.px + self.right * u + self.down * v).clamp(low, high);
        (here * here - low * low) / (high * high - low * low)
    }
}

/// From light to the codes of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Response {
    /// A curve by the book.
    Tone(Tone),
    /// A phone's S-curve: `c = light^(1 / gamma)`, then `contrast` (0 to below 1) of the way from `c` to `3 c² - 2 c³`.
    Phone {
        /// Exponent, about 2.2.
        gamma: f64,
        /// How much darker the dark and brighter the bright.
        contrast: f64,
    },
}

impl Response {
    /// Code in [0, 1] of light in [0, 1].
    pub fn code(self, light: f64) -> f64 {
        match self {
            Self::Tone(tone) => tone.code(light),
            Self::Phone { gamma, contrast } => {
                let c = libm::pow(light, 1.0 / gamma);
                c + contrast * (c * c * (3.0 - 2.0 * c) - c)
            }
        }
    }
}

/// How a camera turns light into a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sensor {
    /// Lens blur.
    pub blur: Blur,
    /// Light of a white that returns everything, full scale = 1, red, green, blue: exposure and white balance. Grey uses green.
    pub gain: [f64; 3],
    /// Sensor noise: see [`noise_of`].
    pub noise: Noise,
    /// Tone curve.
    pub response: Response,
    /// Sharpening, if any.
    pub sharpen: Option<Sharpening>,
    /// Three channels; else one, of the surfaces' luminance.
    pub colour: bool,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

impl Default for Sensor {
    /// Grey, blur of 1 px, sRGB, no noise, no sharpening, quality 95.
    fn default() -> Self {
        Self {
            blur: Blur::even(1.0),
            gain: [1.0; 3],
            noise: Noise::default(),
            response: Response::Tone(Tone::Srgb),
            sharpen: None,
            colour: false,
            quality: 95,
        }
    }
}

/// The noise of a sensor whose white (light 1) has this ratio of signal to noise, dB (40 = 1 %): nine tenths of its variance are photons'.
///
/// ```
/// let noise = inspector::synth::view::noise_of(40.0);
/// assert!((noise.read * noise.read + noise.shot - 1e-4).abs() < 1e-12);
/// ```
pub fn noise_of(snr_db: f64) -> Noise {
    let variance = libm::pow(10.0, -0.1 * snr_db);
    Noise { read: (0.1 * variance).sqrt(), shot: 0.9 * variance }
}

/// A sensor ready to expose rows.
pub(super) struct Developer {
    codes: Vec<f32>,
    noise: Noise,
    /// Half of a symmetric kernel, the middle first; its amount.
    kernel: Vec<f32>,
    amount: f32,
}

const STEPS: f32 = 65535.0;

impl Developer {
    pub(super) fn new(sensor: &Sensor) -> Self {
        let code = |i: u32| (255.0 * sensor.response.code(f64::from(i) / f64::from(STEPS))) as f32;
        let kernel = sensor.sharpen.as_ref().map_or_else(Vec::new, Sharpening::kernel);
        Self {
            codes: (0..=STEPS as u32).map(code).collect(),
            noise: sensor.noise,
            kernel,
            amount: sensor.sharpen.map_or(0.0, |s| s.amount as f32),
        }
    }

    /// Rows that sharpening needs on each side.
    pub(super) fn reach(&self) -> usize {
        self.kernel.len().saturating_sub(1)
    }

    /// From the light of one row, channels one after the other, to codes 0..=255 of its pixels.
    pub(super) fn expose<const CHANNELS: usize>(&self, seed: u64, y: usize, light: &[f32], out: &mut [f32]) {
        let mut random = Seeded::new(seed, y as u64);
        let (dark, shot) = ((self.noise.read * self.noise.read) as f32, self.noise.shot as f32);
        let width = light.len() / CHANNELS;
        for (x, pixel) in out.as_chunks_mut::<CHANNELS>().0.iter_mut().enumerate() {
            for (c, out) in pixel.iter_mut().enumerate() {
                let light = light[c * width + x];
                let noisy = light + (dark + shot * light.max(0.0)).sqrt() * normal(&mut random);
                // `as` clamps to 0 and maps NaN to it; the minimum keeps the index in the table.
                *out = self.codes[((noisy * STEPS + 0.5) as u32).min(STEPS as u32) as usize];
            }
        }
    }

    /// Sharpens and rounds the rows `reach .. rows - reach` of a band of codes into `out`.
    pub(super) fn finish<const CHANNELS: usize>(&self, band: &[f32], width: usize, out: &mut [u8]) {
        let stride = width * CHANNELS;
        let reach = self.reach();
        if self.amount == 0.0 || width == 0 {
            let rows = &band[reach * stride..][..out.len()];
            out.iter_mut().zip(rows).for_each(|(o, c)| *o = (c + 0.5) as u8);
            return;
        }
        let of = |pixel: &[f32; CHANNELS]| match CHANNELS {
            1 => pixel[0],
            _ => luma([pixel[0], pixel[1], pixel[2]]),
        };
        let lumas: Vec<f32> = band.as_chunks::<CHANNELS>().0.iter().map(of).collect();
        let (mut down, mut smooth) = (vec![0.0; width + 2 * reach], vec![0.0; width]);
        for (row, out) in out.chunks_exact_mut(stride).enumerate() {
            let line = |y: usize| &lumas[y * width..][..width];
            let middle = row + reach;
            weighted(&self.kernel, line(middle), |k| (line(middle - k), line(middle + k)), &mut down[reach..][..width]);
            let (first, last) = (down[reach], down[reach + width - 1]);
            down[..reach].fill(first);
            down[reach + width..].fill(last);
            weighted(
                &self.kernel,
                &down[reach..][..width],
                |k| (&down[reach - k..][..width], &down[reach + k..][..width]),
                &mut smooth,
            );
            let codes = band[middle * stride..][..stride].as_chunks::<CHANNELS>().0;
            for (((pixel, out), luma), smooth) in
                codes.iter().zip(out.as_chunks_mut::<CHANNELS>().0).zip(line(middle)).zip(&smooth)
            {
                let more = self.amount * (luma - smooth);
                std::array::from_fn::<f32, CHANNELS, _>(|c| pixel[c] + more)
                    .iter()
                    .zip(out)
                    .for_each(|(c, o)| *o = (c + 0.5) as u8);
            }
        }
    }
}

/// A number of mean 0 and standard deviation 1, near enough normal for sensor noise: the sum of four uniform ones, never beyond 3.5. Its steps are
/// much finer than a code: coarse ones would beat with the rounding to 8 bits on evenly lit paper (4 % of the variance at 34 dB).
fn normal(random: &mut Seeded) -> f32 {
    let bits = random.bits();
    let four: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
    // Each has the mean (2^16 - 1) / 2 and the variance (2^32 - 1) / 12.
    (four as f32 - 131_070.0) * (1.0 / 37_837.227)
}
