//! Codes, printed and photographed.

use super::Seeded;
use crate::codes::Format;
use image::{GrayImage, Luma};
use rxing::{BarcodeFormat, EncodeHints, MultiFormatWriter, Writer as _};

/// Dark and light of a print, codes.
const INK: f64 = 25.0;
const PAPER: f64 = 225.0;

/// A code as its standard draws it, one pixel per module (bars: one pixel high), black 0 on white 255, without quiet zone.
///
/// # Errors
/// When the text cannot be said in this format.
pub fn code(format: Format, text: &str) -> Result<GrayImage, String> {
    let margin = EncodeHints { Margin: Some("0".to_owned()), ..EncodeHints::default() };
    let kind = match format {
        Format::Qr => BarcodeFormat::QR_CODE,
        Format::DataMatrix => BarcodeFormat::DATA_MATRIX,
        Format::Aztec => BarcodeFormat::AZTEC,
        Format::Code39 => BarcodeFormat::CODE_39,
        Format::Code93 => BarcodeFormat::CODE_93,
        Format::Code128 => BarcodeFormat::CODE_128,
        Format::Ean13 => BarcodeFormat::EAN_13,
        Format::Ean8 => BarcodeFormat::EAN_8,
        Format::UpcA => BarcodeFormat::UPC_A,
        Format::UpcE => BarcodeFormat::UPC_E,
        Format::Itf => BarcodeFormat::ITF,
    };
    let bits = MultiFormatWriter.encode_with_hints(text, &kind, 1, 1, &margin).map_err(|e| e.to_string())?;
    let (width, height) = (bits.getWidth(), if format.is_linear() { 1 } else { bits.getHeight() });
    let drawn = GrayImage::from_fn(width, height, |x, y| Luma([if bits.get(x, y) { 0 } else { 255 }]));
    Ok(trimmed(&drawn))
}

/// Without white rows and columns at the border.
fn trimmed(drawn: &GrayImage) -> GrayImage {
    let black = || drawn.enumerate_pixels().filter(|(.., v)| v.0[0] == 0).map(|(x, y, _)| (x, y));
    let (x0, x1) = black().fold((u32::MAX, 0), |(a, b), (x, _)| (a.min(x), b.max(x)));
    let (y0, y1) = black().fold((u32::MAX, 0), |(a, b), (_, y)| (a.min(y), b.max(y)));
    if x0 > x1 {
        return drawn.clone();
    }
    image::imageops::crop_imm(drawn, x0, y0, x1 - x0 + 1, y1 - y0 + 1).to_image()
}

/// A printed code before a camera.
#[derive(Clone, Debug)]
pub struct PrintedCode {
    /// The code, one pixel per module.
    pub code: GrayImage,
    /// Where the corners of the code lie in the photo, px: left top, right top, right bottom, left bottom.
    pub corners: [(f64, f64); 4],
}

impl PrintedCode {
    /// Flat before the camera: `module_px` pixels a module, turned by `degrees` clockwise round `centre`. Bars are a third as high as
    /// the code is wide.
    pub fn flat(code: GrayImage, centre: (f64, f64), module_px: f64, degrees: f64) -> Self {
        let (w, h) = (f64::from(code.width()), f64::from(code.height()));
        let (hx, hy) = (0.5 * w * module_px, 0.5 * module_px * if h > 1.0 { h } else { w / 3.0 });
        let (sin, cos) = libm::sincos(degrees.to_radians());
        let place = |x: f64, y: f64| (centre.0 + x * cos - y * sin, centre.1 + x * sin + y * cos);
        Self { code, corners: [place(-hx, -hy), place(hx, -hy), place(hx, hy), place(-hx, hy)] }
    }

    /// Each corner moved by up to `px` in both directions: a view from the side.
    #[must_use]
    pub fn from_the_side(mut self, px: f64, seed: u64) -> Self {
        let mut stream = Seeded::new(seed, 71);
        for (x, y) in &mut self.corners {
            *x += stream.between(-px, px);
            *y += stream.between(-px, px);
        }
        self
    }
}

/// A photo of printed codes on white paper, in sRGB codes: blur of `blur_px` (standard deviation of a Gaussian) and noise of `noise` codes.
pub fn photographed(
    codes: &[PrintedCode],
    (width, height): (u32, u32),
    blur_px: f64,
    noise: f64,
    seed: u64,
) -> GrayImage {
    let (w, h) = (width as usize, height as usize);
    let mut light = vec![PAPER as f32; w * h];
    for printed in codes {
        print(printed, &mut light, w, h);
    }
    if blur_px > 0.05 {
        blur(&mut light, w, h, blur_px);
    }
    let mut stream = Seeded::new(seed, 72);
    let data = light.iter().map(|v| {
        let [z] = stream.normals();
        (v + z * noise as f32 + 0.5).clamp(0.0, 255.0) as u8
    });
    GrayImage::from_raw(width, height, data.collect()).expect("a code per pixel")
}

/// Four by four samples a pixel.
fn print(printed: &PrintedCode, light: &mut [f32], w: usize, h: usize) {
    const SAMPLES: usize = 4;
    let (cw, ch) = (f64::from(printed.code.width()), f64::from(printed.code.height()));
    let Some(code_from_photo) = unit_square_from(&printed.corners) else { return };
    let (xs, ys): (Vec<f64>, Vec<f64>) = printed.corners.iter().copied().unzip();
    let span = |v: &[f64], end: usize| {
        let (lo, hi) = v.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        ((lo - 2.0).max(0.0) as usize, ((hi + 3.0).max(0.0) as usize).min(end))
    };
    let ((x0, x1), (y0, y1)) = (span(&xs, w), span(&ys, h));
    for y in y0..y1 {
        for x in x0..x1 {
            let mut sum = 0.0;
            for s in 0..SAMPLES * SAMPLES {
                let part = |i: usize| (i as f64 + 0.5) / SAMPLES as f64 - 0.5;
                let (u, v) = code_from_photo(x as f64 + part(s % SAMPLES), y as f64 + part(s / SAMPLES));
                let inside = (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v);
                let dark = inside && printed.code.get_pixel((u * cw) as u32, (v * ch) as u32).0[0] < 128;
                sum += if dark {
                    INK
                } else if inside {
                    PAPER
                } else {
                    f64::from(light[y * w + x])
                };
            }
            light[y * w + x] = (sum / (SAMPLES * SAMPLES) as f64) as f32;
        }
    }
}

/// The map from the photo to the unit square whose corners lie there (Heckbert 1989, "Fundamentals of Texture Mapping and Image Warping",
/// 2.2.3); `None` for corners on a line.
fn unit_square_from(corners: &[(f64, f64); 4]) -> Option<impl Fn(f64, f64) -> (f64, f64)> {
    let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = *corners;
    let (dx1, dx2, dx3) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
    let (dy1, dy2, dy3) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
    let det = dx1 * dy2 - dx2 * dy1;
    if det.abs() < 1e-9 {
        return None;
    }
    let (g, h) = ((dx3 * dy2 - dx2 * dy3) / det, (dx1 * dy3 - dx3 * dy1) / det);
    let (a, b, c) = (x1 - x0 + g * x1, x3 - x0 + h * x3, x0);
    let (d, e, f) = (y1 - y0 + g * y1, y3 - y0 + h * y3, y0);
    // Adjugate of [[a, b, c], [d, e, f], [g, h, 1]].
    let m = [
        [e - f * h, c * h - b, b * f - c * e],
        [f * g - d, a - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ];
    Some(move |x: f64, y: f64| {
        let at = |r: [f64; 3]| r[0] * x + r[1] * y + r[2];
        let z = at(m[2]);
        (at(m[0]) / z, at(m[1]) / z)
    })
}

fn blur(light: &mut [f32], w: usize, h: usize, sigma: f64) {
    let reach = (3.0 * sigma).ceil() as usize;
    let kernel: Vec<f32> = (0..=2 * reach)
        .map(|i| {
            let z = (i as f64 - reach as f64) / sigma;
            libm::exp(-0.5 * z * z) as f32
        })
        .collect();
    let total: f32 = kernel.iter().sum();
    let mut pass = |count: usize, length: usize, across: usize, along: usize| {
        let mut line = vec![0.0; length];
        for i in 0..count {
            (0..length).for_each(|j| line[j] = light[i * across + j * along]);
            for j in 0..length {
                let at = |k: usize| line[(j + k).saturating_sub(reach).min(length - 1)];
                let sum: f32 = kernel.iter().enumerate().map(|(k, weight)| weight * at(k)).sum();
                light[i * across + j * along] = sum / total;
            }
        }
    };
    pass(h, w, w, 1);
    pass(w, h, 1, w);
}
