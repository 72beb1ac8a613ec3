//! Decoding within bounds.

use super::colour::{Colours, to_srgb};
use super::sniff::{Format, sniff};
use super::upright::{swaps_sides, upright};
use super::{Photo, PhotoError, Picture, Sha256, bmp, jpeg, png, tiff, webp};
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageError};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a photo may cost before it is refused. Time is bounded by the pixels (and by the number of scans of a JPEG).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeLimits {
    /// Most pixels (width x height).
    pub max_pixels: u64,
    /// Most bytes of the file.
    pub max_file_bytes: u64,
    /// Most bytes of memory at the peak of decoding, apart from the file itself.
    pub max_memory_bytes: u64,
}

impl Default for DecodeLimits {
    /// 64 megapixels, as the largest phones give; files of 64 MiB; memory for 64 megapixels of 8-bit colour turned on their side. A
    /// 12-megapixel JPEG needs 36 MB, or 72 MB on its side.
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_file_bytes: 64 * 1024 * 1024, max_memory_bytes: 400_000_000 }
    }
}

/// What is known of a picture before it is decoded.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    /// EXIF orientation, 1..=8.
    pub(super) orientation: u8,
    pub(super) colours: Colours,
    /// Bytes allocated at the peak of decoding to the format's own samples.
    pub(super) working_bytes: u64,
    /// Bytes of the decoded [`Picture`].
    pub(super) picture_bytes: u64,
}

impl Header {
    /// Of a decoder of the `image` crate, which allocates the samples once.
    pub(super) fn of_decoder(decoder: &impl ImageDecoder, orientation: Option<u8>, colours: Colours) -> Self {
        let (width, height) = decoder.dimensions();
        let colour = decoder.color_type();
        let pixels = u64::from(width) * u64::from(height);
        let picture_bytes = pixels * if colour.has_color() { 3 } else { u64::from(colour.bytes_per_pixel().min(2)) };
        // Dropping alpha and rounding to 8 bits makes a second picture.
        let converted = colour.has_alpha() || colour.has_color() && colour.bytes_per_pixel() > 3;
        let working_bytes = decoder.total_bytes() + if converted { picture_bytes } else { 0 };
        Self { width, height, orientation: orientation.unwrap_or(1), colours, working_bytes, picture_bytes }
    }
    /// Refuses what would cost more than the limits. Called before anything is allocated for the pixels.
    pub(super) fn check(&self, limits: &DecodeLimits) -> Result<(), PhotoError> {
        let &Self { width, height, .. } = self;
        within_pixels(width, height, limits)?;
        let turning = if swaps_sides(self.orientation) { 2 * self.picture_bytes } else { 0 };
        let needed = self.working_bytes.max(turning);
        if needed > limits.max_memory_bytes {
            return Err(PhotoError::TooMuchMemory { width, height, needed, limit: limits.max_memory_bytes });
        }
        Ok(())
    }
}

/// Refuses more pixels than the limit.
pub(super) fn within_pixels(width: u32, height: u32, limits: &DecodeLimits) -> Result<(), PhotoError> {
    if u64::from(width) * u64::from(height) > limits.max_pixels {
        return Err(PhotoError::TooManyPixels { width, height, limit: limits.max_pixels });
    }
    Ok(())
}

/// Decodes a photo: upright, in sRGB, opaque, whole.
///
/// The declared size is checked before anything is allocated for it. Cost: about 100 ms for a 12-megapixel JPEG, one thread.
///
/// # Errors
/// [`PhotoError`] says what was expected and what was found. A picture that is not complete is an error, never a partly grey picture.
///
/// ```
/// use inspector::photo::{DecodeLimits, PhotoError, decode};
/// // A JPEG that declares 60,000 x 60,000 pixels in 23 bytes.
/// let bytes = vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0xEA, 0x60, 0xEA, 0x60, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 0xFF, 0xD9];
/// let refused = decode(&bytes, &DecodeLimits::default());
/// assert_eq!(refused.unwrap_err(), PhotoError::TooManyPixels { width: 60_000, height: 60_000, limit: 64_000_000 });
/// ```
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Photo, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    if bytes.len() as u64 > limits.max_file_bytes {
        return Err(PhotoError::FileTooLarge { found: bytes.len() as u64, limit: limits.max_file_bytes });
    }
    let format = sniff(bytes)?;
    let (picture, file_sha256) = rayon::join(
        || {
            // The decoders are other people's code on bytes from outside: a panic in one is a damaged photo, not a broken station.
            catch_unwind(AssertUnwindSafe(|| picture(bytes, format, limits)))
                .unwrap_or_else(|_| Err(PhotoError::damaged(format.name(), "the decoder gave up on it")))
        },
        || Sha256::of(bytes),
    );
    let picture = picture?;
    let pixels_sha256 = hash(&picture);
    Ok(Photo { picture, file_sha256, pixels_sha256 })
}

fn picture(bytes: &[u8], format: Format, limits: &DecodeLimits) -> Result<Picture, PhotoError> {
    let (header, image) = match format {
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Png => png::decode(bytes, limits),
        Format::Tiff => tiff::decode(bytes, limits),
        Format::WebP => webp::decode(bytes, limits),
        Format::Bmp => bmp::decode(bytes, limits),
    }?;
    Ok(upright(to_srgb(opaque(image)?, &header.colours)?, header.orientation))
}

/// Reads the pixels of a format that the `image` crate decodes.
pub(super) fn read_pixels(format: &'static str, decoder: impl ImageDecoder) -> Result<DynamicImage, PhotoError> {
    DynamicImage::from_decoder(decoder).map_err(|e| refusal(format, e))
}

/// What the `image` crate says, in our words.
pub(super) fn refusal(format: &'static str, error: ImageError) -> PhotoError {
    match error {
        ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            PhotoError::truncated(format, "more picture data", "the end of the file")
        }
        ImageError::Unsupported(e) => {
            PhotoError::Unsupported { found: e.to_string(), advice: "save it as JPEG or PNG" }
        }
        other => PhotoError::damaged(format, other.to_string()),
    }
}

/// Drops an alpha channel that says nothing, and rounds colours of 16 bits to 8.
fn opaque(image: DynamicImage) -> Result<Picture, PhotoError> {
    fn check<T: PartialEq>(alphas: impl Iterator<Item = T>, full: T, pixels: usize) -> Result<(), PhotoError> {
        match alphas.filter(|a| *a != full).count() as u64 {
            0 => Ok(()),
            transparent => Err(PhotoError::Transparent { transparent, pixels: pixels as u64 }),
        }
    }
    let (width, height) = (image.width(), image.height());
    let pixels = width as usize * height as usize;
    let grey16 = |samples| Picture::Grey16(ImageBuffer::from_raw(width, height, samples).expect("a sample per pixel"));
    match image {
        DynamicImage::ImageLuma8(p) => return Ok(Picture::Grey(p)),
        DynamicImage::ImageLuma16(p) => return Ok(Picture::Grey16(p)),
        DynamicImage::ImageRgb8(p) => return Ok(Picture::Colour(p)),
        DynamicImage::ImageRgb16(_) => {}
        DynamicImage::ImageLumaA8(ref p) => check(p.pixels().map(|p| p.0[1]), u8::MAX, pixels)?,
        DynamicImage::ImageRgba8(ref p) => check(p.pixels().map(|p| p.0[3]), u8::MAX, pixels)?,
        DynamicImage::ImageRgba16(ref p) => check(p.pixels().map(|p| p.0[3]), u16::MAX, pixels)?,
        DynamicImage::ImageLumaA16(p) => {
            check(p.pixels().map(|p| p.0[1]), u16::MAX, pixels)?;
            return Ok(grey16(p.pixels().map(|p| p.0[0]).collect()));
        }
        other => {
            let found = format!("a picture of {:?} samples", other.color());
            return Err(PhotoError::Unsupported { found, advice: "save it with 8 or 16 bits per channel" });
        }
    }
    Ok(match image.color().has_color() {
        true => Picture::Colour(image.into_rgb8()),
        false => Picture::Grey(image.into_luma8()),
    })
}

fn hash(picture: &Picture) -> Sha256 {
    match picture {
        Picture::Grey(p) => Sha256::of(p.as_raw()),
        Picture::Colour(p) => Sha256::of(p.as_raw()),
        Picture::Grey16(p) => Sha256::of_chunks(
            // In pieces, so that no second picture is held.
            p.as_raw().chunks(32 * 1024).map(|c| c.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>()),
        ),
    }
}
