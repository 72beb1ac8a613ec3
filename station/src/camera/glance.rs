//! Small versions of a camera's pictures: a coarse grid of light for the automatic trigger, a small JPEG for the page.

use axum::body::Bytes;
use image::GrayImage;
use inspector::overlay::encode_jpeg;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

/// Cells of a glance from left to right.
const ACROSS: u32 = 96;
/// Width of the page's live picture, px.
const SMALL_WIDTH_PX: u32 = 640;
/// A JPEG of no more bytes goes to the page as it is.
const SMALL_BYTES: usize = 96 * 1024;
/// A live picture of more pixels is not looked at.
const MOST_PIXELS: usize = 64_000_000;

/// Mean light of a picture in the cells of a coarse grid: what can be seen at a glance.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Cells from left to right.
    pub width: usize,
    /// Cells from top to bottom.
    pub height: usize,
    /// Mean code of each cell, 0 to 255, row by row.
    pub light: Vec<f32>,
}

impl Glance {
    /// Of a picture file.
    ///
    /// Cost: 8 ms per megapixel of JPEG: no decoder in reach decodes at reduced size, so the grey channel is decoded whole and
    /// averaged.
    ///
    /// # Errors
    /// When the file cannot be decoded.
    pub fn of_file(file: &[u8]) -> Result<Self, String> {
        Ok(Self::of_grey(&grey(file)?))
    }

    /// Of a grey picture.
    pub fn of_grey(picture: &GrayImage) -> Self {
        let (w, h) = picture.dimensions();
        let (across, down) = (ACROSS.min(w).max(1), (ACROSS * h).div_ceil(w.max(1)).clamp(1, h.max(1)));
        let column: Vec<usize> = (0..w).map(|x| (x * across / w) as usize).collect();
        let (mut sums, mut counts) = (vec![0_u32; (across * down) as usize], vec![0_u32; (across * down) as usize]);
        for (y, row) in picture.as_raw().chunks_exact(w.max(1) as usize).enumerate() {
            let start = (y as u32 * down / h * across) as usize;
            for (code, column) in row.iter().zip(&column) {
                sums[start + column] += u32::from(*code);
                counts[start + column] += 1;
            }
        }
        let light = sums.iter().zip(&counts).map(|(sum, n)| *sum as f32 / (*n).max(1) as f32).collect();
        Self { width: across as usize, height: down as usize, light }
    }
}

fn grey(file: &[u8]) -> Result<GrayImage, String> {
    if !file.starts_with(&[0xFF, 0xD8]) {
        return image::load_from_memory(file).map(image::DynamicImage::into_luma8).map_err(|e| e.to_string());
    }
    let side = 16_384;
    let options =
        DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma).set_max_width(side).set_max_height(side);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("no size")?;
    if width * height > MOST_PIXELS {
        return Err(format!("{width} x {height} px: expected at most {MOST_PIXELS} px"));
    }
    let codes = decoder.decode().map_err(|e| e.to_string())?;
    GrayImage::from_raw(width as u32, height as u32, codes).ok_or_else(|| "the decoder gave another size".to_owned())
}

/// A picture file small enough for a phone over a weak network: the file itself when it is, else at most 640 px wide.
///
/// # Errors
/// When the file cannot be decoded.
pub fn small_picture(file: &Bytes) -> Result<Bytes, String> {
    if file.starts_with(&[0xFF, 0xD8]) && file.len() <= SMALL_BYTES {
        return Ok(file.clone());
    }
    let picture = image::load_from_memory(file).map_err(|e| e.to_string())?.into_rgb8();
    let (w, h) = picture.dimensions();
    let width = w.min(SMALL_WIDTH_PX);
    let small = image::imageops::thumbnail(&picture, width, (h * width / w.max(1)).max(1));
    encode_jpeg(&small, 70).map(Bytes::from).map_err(|e| e.to_string())
}
