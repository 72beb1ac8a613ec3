//! Sharpening: what a camera adds beside edges before it writes a file.

use super::tone::{Curve, LUMINANCE, Plane};
use crate::photo::Picture;
use rayon::prelude::*;

/// An unsharp mask on codes, as phones and webcams have it: `amount` times the difference between a pixel's luma and its Gaussian blur was added to every channel
/// of it.
///
/// Codes are not light, so this moves edges: those of a grey part on white paper by 0.1 px at an amount of 0.8. And it draws a dark seam on the dark side.
///
/// Source: A. Polesel, G. Ramponi, V. J. Mathews, "Image enhancement via adaptive unsharp masking", IEEE Transactions on Image Processing 9 (2000),
/// doi:10.1109/83.826787, equation 1 with a Gaussian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharpening {
    /// How much is added.
    pub amount: f64,
    /// Standard deviation of the blur, px.
    pub sigma_px: f64,
}

/// Weights of red, green and blue codes in luma (ITU-R BT.601-7, item 2.5.1), as in JPEG.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// Rows that are worked on at once.
const BAND: usize = 96;

/// Luma of a pixel's codes.
pub(crate) fn luma(codes: [f32; 3]) -> f32 {
    LUMA[0] * codes[0] + LUMA[1] * codes[1] + LUMA[2] * codes[2]
}

impl Sharpening {
    /// Half of the blur's kernel, the middle first.
    pub(crate) fn kernel(&self) -> Vec<f32> {
        let reach = (3.0 * self.sigma_px).ceil() as i32;
        let weight = |i: i32| libm::exp(-0.5 * f64::from(i * i) / (self.sigma_px * self.sigma_px));
        let sum: f64 = (-reach..=reach).map(weight).sum();
        (0..=reach).map(|i| (weight(i) / sum) as f32).collect()
    }

    /// What a luma, its blur, and the blur of that make of the luma before. Where the blur leaves the share g of a wave, sharpening multiplied it by
    /// 1 + amount (1 - g); the parabola through the inverse at g = 0, 1/2 and 1 is within 0.01 of the inverse for amounts up to 1.
    fn inverse(&self) -> [f32; 3] {
        let (none, half) = (1.0 / (1.0 + self.amount), 1.0 / (1.0 + 0.5 * self.amount));
        [none, 4.0 * half - 3.0 * none - 1.0, 2.0 * none - 4.0 * half + 2.0].map(|c| c as f32)
    }

    /// The linear luminance of a picture by `curve`, 16 bits, as it was before it was sharpened; brighter than white stays white.
    ///
    /// Cost: about 15 ns per pixel, shared out over the rayon pool.
    ///
    /// ```
    /// use inspector::calibration::{Curve, Sharpening};
    /// use inspector::photo::Picture;
    /// // Beside a step from 60 to 200, sharpening went down to 40 and up to 220.
    /// let row = |x: u32| image::Luma([[60, 60, 60, 60, 40, 220, 200, 200, 200, 200][x as usize]]);
    /// let picture = Picture::Grey(image::GrayImage::from_fn(10, 10, |x, _| row(x)));
    /// let curve = Curve::new(&[[0.0, 0.0], [1.0, 1.0]]);
    /// let light = Sharpening { amount: 0.5, sigma_px: 1.0 }.undone(&picture, &curve);
    /// let (before, after) = (curve.linear(&picture), |x: u32| i32::from(light.get_pixel(x, 5).0[0]));
    /// assert!(after(4) > i32::from(before.get_pixel(4, 5).0[0]) && after(5) < i32::from(before.get_pixel(5, 5).0[0]));
    /// ```
    pub fn undone(&self, picture: &Picture, curve: &Curve) -> Plane {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let (kernel, [sharp, once, twice], lights) = (self.kernel(), self.inverse(), Lights::new(curve, picture));
        let reach = kernel.len() - 1;
        let mut samples = vec![0_u16; width * height];
        samples.par_chunks_mut((BAND * width).max(1)).enumerate().for_each(|(band, out)| {
            let rows = out.len() / width;
            let (mut lumas, mut soft, mut softer) = (Vec::new(), Vec::new(), Vec::new());
            for i in 0..rows + 4 * reach {
                // The first and last row go on beyond the picture.
                push_luma(picture, (band * BAND + i).saturating_sub(2 * reach).min(height - 1), &mut lumas);
            }
            blurred(&lumas, width, &kernel, &mut soft);
            blurred(&soft, width, &kernel, &mut softer);
            let (lumas, soft) = (&lumas[2 * reach * width..], &soft[reach * width..]);
            let blurs = lumas.iter().zip(soft).zip(&softer);
            let more = blurs.map(|((l, s), t)| (sharp - 1.0) * l + once * s + twice * t);
            lights.of(picture, band * BAND * width, more, out);
        });
        Plane::from_raw(picture.width(), picture.height(), samples).expect("one sample per pixel")
    }
}

/// Appends the luma of one row, 0 to 255.
fn push_luma(picture: &Picture, y: usize, out: &mut Vec<f32>) {
    let width = picture.width() as usize;
    match picture {
        Picture::Grey(p) => out.extend(p.as_raw()[y * width..][..width].iter().map(|c| f32::from(*c))),
        Picture::Grey16(p) => out.extend(p.as_raw()[y * width..][..width].iter().map(|c| f32::from(*c) / 257.0)),
        Picture::Colour(p) => {
            out.extend(p.as_raw().as_chunks::<3>().0[y * width..][..width].iter().map(|c| luma(c.map(f32::from))));
        }
    }
}

/// Rows blurred down and across: as many fewer as the kernel reaches, above and below.
fn blurred(rows: &[f32], width: usize, kernel: &[f32], out: &mut Vec<f32>) {
    let reach = kernel.len() - 1;
    let line = |y: usize| &rows[y * width..][..width];
    out.resize(rows.len() - 2 * reach * width, 0.0);
    let mut down = vec![0.0; width + 2 * reach];
    for (i, out) in out.chunks_exact_mut(width).enumerate() {
        let y = i + reach;
        weighted(kernel, line(y), |k| (line(y - k), line(y + k)), &mut down[reach..][..width]);
        let (first, last) = (down[reach], down[reach + width - 1]);
        down[..reach].fill(first);
        down[reach + width..].fill(last);
        let from = |x: usize| &down[x..][..width];
        weighted(kernel, from(reach), |k| (from(reach - k), from(reach + k)), out);
    }
}

/// `out` = the middle and its neighbours at each distance, weighted.
pub(crate) fn weighted<'a>(
    kernel: &[f32],
    middle: &[f32],
    pair: impl Fn(usize) -> (&'a [f32], &'a [f32]),
    out: &mut [f32],
) {
    out.iter_mut().zip(middle).for_each(|(o, m)| *o = kernel[0] * m);
    for (k, w) in kernel.iter().enumerate().skip(1) {
        let (a, b) = pair(k);
        out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o += w * (a + b));
    }
}

/// Light of codes and their eighths, each channel weighted, in 8 more bits than a sample, so that rounding is done once.
struct Lights(Vec<Vec<u32>>);

/// Parts of a code that are told apart.
const PARTS: f32 = 8.0;

impl Lights {
    fn new(curve: &Curve, picture: &Picture) -> Self {
        let steps = 255.0 * PARTS;
        let table = |weight: &f64| {
            let light = |i: u32| weight * curve.light(f64::from(i) / f64::from(steps)).min(1.0);
            (0..=steps as u32).map(|i| (light(i) * 65535.0 * 256.0).round() as u32).collect()
        };
        match picture {
            Picture::Colour(_) => Self(LUMINANCE.iter().map(table).collect()),
            Picture::Grey(_) | Picture::Grey16(_) => Self(vec![table(&1.0)]),
        }
    }

    /// Of the pixels from `first` on, with `more` added to their codes.
    fn of(&self, picture: &Picture, first: usize, more: impl Iterator<Item = f32>, out: &mut [u16]) {
        // `as` takes what is below 0 as 0.
        let at = |k: usize, code: f32| {
            let table = &self.0[k];
            table[((code * PARTS + 0.5) as usize).min(table.len() - 1)]
        };
        let sample = |sum: u32| ((sum + 128) >> 8).min(65535) as u16;
        let grey = |out: &mut [u16], codes: &mut dyn Iterator<Item = f32>| {
            out.iter_mut().zip(codes).for_each(|(o, code)| *o = sample(at(0, code)));
        };
        match picture {
            Picture::Grey(p) => grey(out, &mut p.as_raw()[first..].iter().zip(more).map(|(c, m)| f32::from(*c) + m)),
            Picture::Grey16(p) => {
                grey(out, &mut p.as_raw()[first..].iter().zip(more).map(|(c, m)| f32::from(*c) / 257.0 + m));
            }
            Picture::Colour(p) => {
                let pixels = p.as_raw().as_chunks::<3>().0[first..].iter();
                for ((o, codes), more) in out.iter_mut().zip(pixels).zip(more) {
                    let [r, g, b] = codes.map(|c| f32::from(c) + more);
                    *o = sample(at(0, r) + at(1, g) + at(2, b));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    /// Soft dots and bars of three colours, and the same sharpened as it is defined, in f64 and without any of the above.
    fn pictures(sharpening: Sharpening) -> (RgbImage, RgbImage) {
        let (w, h) = (90_u32, 200_u32);
        let code = |x: f64, y: f64, c: f64| {
            let dot = libm::exp(-((x - 40.0) * (x - 40.0) + (y - 95.0) * (y - 95.0)) / 60.0);
            let bars = 1.0 / (1.0 + libm::exp((x - 70.0 - 0.1 * y) / 0.9));
            60.0 + 15.0 * c + 80.0 * dot + (70.0 - 20.0 * c) * bars
        };
        let plain = |x: i32, y: i32, c: usize| code(f64::from(x.clamp(0, 89)), f64::from(y.clamp(0, 199)), c as f64);
        let grey = |x: i32, y: i32| 0.299 * plain(x, y, 0) + 0.587 * plain(x, y, 1) + 0.114 * plain(x, y, 2);
        let variance = sharpening.sigma_px * sharpening.sigma_px;
        let weight = |i: i32, j: i32| libm::exp(-0.5 * f64::from(i * i + j * j) / variance);
        let around = || (-6..=6).flat_map(|i| (-6..=6).map(move |j| (i, j)));
        let all: f64 = around().map(|(i, j)| weight(i, j)).sum();
        let picture = |amount: f64| {
            RgbImage::from_fn(w, h, |x, y| {
                let (x, y) = (x as i32, y as i32);
                let soft: f64 = around().map(|(i, j)| weight(i, j) * grey(x + i, y + j)).sum();
                let more = amount * (grey(x, y) - soft / all);
                Rgb(std::array::from_fn(|c| (plain(x, y, c) + more).round() as u8))
            })
        };
        (picture(0.0), picture(sharpening.amount))
    }

    /// Farthest and mean distance of the light of two planes, of full scale.
    fn apart(a: &Plane, b: &Plane) -> (f64, f64) {
        let off = |(a, b): (&u16, &u16)| f64::from(a.abs_diff(*b)) / 65535.0;
        let all: Vec<f64> = a.as_raw().iter().zip(b.as_raw()).map(off).collect();
        (all.iter().copied().fold(0.0, f64::max), all.iter().sum::<f64>() / all.len() as f64)
    }

    #[test]
    fn what_was_added_is_taken_away_again() {
        let curve = Curve::new(&[[0.0, 0.0], [0.3, 0.25], [1.0, 1.0]]);
        for (amount, sigma_px) in [(0.8, 1.5), (0.5, 0.9), (0.2, 1.2)] {
            let sharpening = Sharpening { amount, sigma_px };
            let (plain, sharp) = pictures(sharpening);
            // A code is 0.006 of light here; both pictures were rounded.
            let as_grey = |p: &RgbImage| GrayImage::from_fn(90, 200, |x, y| Luma([p.get_pixel(x, y).0[1]]));
            for (plain, sharp, rounding) in [
                (Picture::Colour(plain.clone()), Picture::Colour(sharp.clone()), 0.008),
                (Picture::Grey(as_grey(&plain)), Picture::Grey(as_grey(&sharp)), f64::INFINITY),
            ] {
                let (far, mean) = apart(&sharpening.undone(&sharp, &curve), &curve.linear(&plain));
                let (_, before) = apart(&curve.linear(&sharp), &curve.linear(&plain));
                assert!(far < rounding && mean < 0.6 * before.max(0.003), "{sharpening:?}: {far} {mean}, was {before}");
            }
        }
    }

    #[test]
    fn threads_and_narrow_pictures_do_not_matter() {
        let curve = Curve::new(&[[0.0, 0.0], [1.0, 1.0]]);
        let sharpening = Sharpening { amount: 0.6, sigma_px: 1.4 };
        let even = |w, h| Picture::Grey(GrayImage::from_pixel(w, h, Luma([140])));
        for (w, h) in [(1, 1), (3, 200), (300, 2)] {
            assert_eq!(sharpening.undone(&even(w, h), &curve), curve.linear(&even(w, h)), "{w} x {h}");
        }
        let (_, sharp) = pictures(sharpening);
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| sharpening.undone(&Picture::Colour(sharp.clone()), &curve))
        };
        assert_eq!(on(1), on(2));
    }
}
