//! An uncompressed frame becomes a PNG file, which is how the rest of the station takes pictures: losslessly, and with its digest.

use super::config::PixelFormat;
use super::layout::Layout;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

/// How a camera codes light and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    /// Light from 0 to 255 instead of 16 to 235.
    pub(super) full_range: bool,
    /// The weights of ITU-R BT.709 instead of BT.601.
    pub(super) bt709: bool,
}

/// The formula of a [`Coding`] in 1/65536: no machine rounds it differently.
#[derive(Clone, Copy, Debug)]
struct Weights {
    black: i32,
    light: i32,
    red_v: i32,
    green_u: i32,
    green_v: i32,
    blue_u: i32,
}

impl Weights {
    fn of(coding: Coding) -> Self {
        let (kr, kb) = if coding.bt709 { (0.2126, 0.0722) } else { (0.299, 0.114) };
        let (black, light, colour) = if coding.full_range { (0, 1.0, 1.0) } else { (16, 255.0 / 219.0, 255.0 / 224.0) };
        let fixed = |f: f64| (f * 65_536.0).round() as i32;
        let kg = 1.0 - kr - kb;
        let (v, u) = (colour * 2.0 * (1.0 - kr), colour * 2.0 * (1.0 - kb));
        Self {
            black,
            light: fixed(light),
            red_v: fixed(v),
            green_u: fixed(u * kb / kg),
            green_v: fixed(v * kr / kg),
            blue_u: fixed(u),
        }
    }
    /// Red, green, blue of one pixel, rounded: within half a code of the formula.
    fn rgb(&self, y: u8, u: u8, v: u8) -> [u8; 3] {
        let (y, u, v) = ((i32::from(y) - self.black) * self.light, i32::from(u) - 128, i32::from(v) - 128);
        let out = |c: i32| ((c + 32_768) >> 16).clamp(0, 255) as u8;
        [out(y + v * self.red_v), out(y - u * self.green_u - v * self.green_v), out(y + u * self.blue_u)]
    }
}

/// A frame of `layout` as PNG: grey for `GREY`, else 8-bit colour. Two pixels of a 4:2:2 pair, and four of a 4:2:0 square, share the colour
/// the camera gave for them; light is each pixel's own. Cost: about 15 ns per pixel.
///
/// # Errors
/// What could not be encoded, in words. `data` shorter than the layout is such a case, never a panic.
pub(super) fn png(layout: &Layout, data: &[u8]) -> Result<Vec<u8>, String> {
    let (width, height) = layout.size;
    let samples =
        samples(layout, data).ok_or_else(|| format!("{} bytes do not hold {width} x {height} px", data.len()))?;
    let colour = if layout.format == PixelFormat::Grey { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut file = Vec::with_capacity(samples.len() / 2);
    PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Sub)
        .write_image(&samples, width, height, colour)
        .map_err(|e| e.to_string())?;
    Ok(file)
}

/// Rows of RGB (or grey) without padding.
fn samples(layout: &Layout, data: &[u8]) -> Option<Vec<u8>> {
    let (width, height) = (layout.size.0 as usize, layout.size.1 as usize);
    let row = |n: usize, len: usize| data.get(n * layout.stride..n * layout.stride + len);
    let weights = Weights::of(layout.coding);
    let channels = if layout.format == PixelFormat::Grey { 1 } else { 3 };
    let mut out = vec![0; width * height * channels];
    for (y, line) in out.chunks_exact_mut(width * channels).enumerate() {
        match layout.format {
            PixelFormat::Mjpg => return None,
            PixelFormat::Grey | PixelFormat::Rgb3 => line.copy_from_slice(row(y, width * channels)?),
            PixelFormat::Bgr3 => {
                for (to, from) in line.chunks_exact_mut(3).zip(row(y, width * 3)?.chunks_exact(3)) {
                    to.copy_from_slice(&[from[2], from[1], from[0]]);
                }
            }
            PixelFormat::Yuyv => {
                for (pair, p) in line.chunks_mut(6).zip(row(y, width.next_multiple_of(2) * 2)?.chunks_exact(4)) {
                    for (to, light) in pair.chunks_exact_mut(3).zip([p[0], p[2]]) {
                        to.copy_from_slice(&weights.rgb(light, p[1], p[3]));
                    }
                }
            }
            PixelFormat::Nv12 => {
                let colours = row(height + y / 2, width.next_multiple_of(2))?.chunks_exact(2);
                for ((pair, lights), c) in line.chunks_mut(6).zip(row(y, width)?.chunks(2)).zip(colours) {
                    for (to, light) in pair.chunks_exact_mut(3).zip(lights) {
                        to.copy_from_slice(&weights.rgb(*light, c[0], c[1]));
                    }
                }
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;

    const TV: Coding = Coding { full_range: false, bt709: false };

    fn layout(format: PixelFormat, width: u32, height: u32, stride: usize) -> Layout {
        Layout { format, size: (width, height), stride, bytes: 0, interval: std::time::Duration::ZERO, coding: TV }
    }

    /// The corners of the code: ITU-R BT.601-7, limited range.
    #[test]
    fn colours_of_the_standard() {
        for (yuv, rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let found = Weights::of(TV).rgb(yuv[0], yuv[1], yuv[2]);
            let worst = found.iter().zip(rgb).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(worst <= 2, "{yuv:?}: {found:?}, expected {rgb:?}");
        }
        assert_eq!(Weights::of(Coding { full_range: true, bt709: true }).rgb(77, 128, 128), [77; 3]);
    }

    #[test]
    fn padding_and_odd_sides_are_left_out() {
        let decode = |l: Layout, data: &[u8]| image::load_from_memory(&png(&l, data).unwrap()).unwrap();
        let grey = decode(layout(PixelFormat::Grey, 3, 2, 5), &[1, 2, 3, 99, 99, 4, 5, 6]);
        assert_eq!(grey.into_luma8().into_raw(), [1, 2, 3, 4, 5, 6]);
        let bgr = decode(layout(PixelFormat::Bgr3, 1, 2, 4), &[1, 2, 3, 99, 4, 5, 6]);
        assert_eq!(bgr.into_rgb8().into_raw(), [3, 2, 1, 6, 5, 4]);
        let yuyv = decode(layout(PixelFormat::Yuyv, 3, 1, 8), &[235, 128, 16, 128, 16, 128, 99, 128]);
        assert_eq!(yuyv.into_rgb8().into_raw(), [255, 255, 255, 0, 0, 0, 0, 0, 0]);
        let mut planes = [[235, 16, 9, 9]; 5].concat();
        planes[12..].fill(128);
        let nv12 = decode(layout(PixelFormat::Nv12, 2, 3, 4), &planes);
        assert_eq!(nv12.into_rgb8().into_raw(), [[255, 255, 255, 0, 0, 0]; 3].concat());
    }

    #[test]
    fn too_few_bytes_are_told() {
        for format in PixelFormat::ALL {
            let said = png(&layout(format, 64, 64, 64), &[0; 100]).unwrap_err();
            assert_eq!(said, "100 bytes do not hold 64 x 64 px");
        }
    }
}
