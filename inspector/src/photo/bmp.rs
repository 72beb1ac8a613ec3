//! Windows bitmap: header read here, pixels by the `image` crate.

use super::PhotoError;
use super::colour::Colours;
use super::decode::{DecodeLimits, Header, read_pixels, refusal, within_pixels};
use image::DynamicImage;
use image::codecs::bmp::BmpDecoder;
use std::io::Cursor;

const FORMAT: &str = "BMP";

/// Decodes a bitmap. One whose palette is grey becomes a grey picture: industrial cameras write them.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<(Header, DynamicImage), PhotoError> {
    let colours = inspect(bytes, limits)?;
    let mut decoder = BmpDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(FORMAT, e))?;
    let grey: Option<Vec<u8>> = decoder
        .get_palette()
        .and_then(|palette| palette.iter().map(|[r, g, b]| (r == g && g == b).then_some(*r)).collect());
    decoder.set_indexed_color(grey.is_some());
    let header = Header::of_decoder(&decoder, None, colours);
    header.check(limits)?;
    let mut image = read_pixels(FORMAT, decoder)?;
    if let (Some(grey), DynamicImage::ImageLuma8(picture)) = (grey, &mut image) {
        for value in picture.iter_mut() {
            *value = *grey
                .get(usize::from(*value))
                .ok_or_else(|| PhotoError::damaged(FORMAT, format!("palette entry {value} of only {}", grey.len())))?;
        }
    }
    Ok((header, image))
}

/// Checks size and completeness from the header, and finds an embedded profile.
fn inspect(bytes: &[u8], limits: &DecodeLimits) -> Result<Colours, PhotoError> {
    let cut = || PhotoError::truncated(FORMAT, "a whole header", format!("{} bytes", bytes.len()));
    let u32_at = |at: usize| {
        bytes.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().expect("four bytes"))).ok_or_else(cut)
    };
    let u16_at =
        |at: usize| bytes.get(at..at + 2).map(|b| u16::from_le_bytes(b.try_into().expect("two bytes"))).ok_or_else(cut);
    let (offset, header_size) = (u32_at(10)?, u32_at(14)?);
    let (width, height, bits, compression) = match header_size {
        12 => (u32::from(u16_at(18)?), u32::from(u16_at(20)?), u16_at(24)?, 0),
        // A negative height means rows from the top.
        _ => (u32_at(18)?, (u32_at(22)? as i32).unsigned_abs(), u16_at(28)?, u32_at(30)?),
    };
    if width == 0 || height == 0 {
        return Err(PhotoError::NoPixels { format: FORMAT, width, height });
    }
    within_pixels(width, height, limits)?;
    // Rows of uncompressed pixels are padded to four bytes.
    if matches!(compression, 0 | 3) {
        let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
        let expected = u64::from(offset) + row * u64::from(height);
        if expected > bytes.len() as u64 {
            let found = format!("the end of the file after {}", bytes.len());
            return Err(PhotoError::truncated(FORMAT, format!("{expected} bytes"), found));
        }
    }
    if header_size < 124 {
        return Ok(Colours::Srgb);
    }
    let linked = |detail: &str| {
        Err(PhotoError::Profile { name: "a colour profile outside the file".to_owned(), detail: detail.to_owned() })
    };
    match &u32_at(70)?.to_be_bytes() {
        b"LINK" => linked("it is named by a path"),
        b"MBED" => {
            let start = 14 + u32_at(126)? as usize;
            match bytes.get(start..start + u32_at(130)? as usize) {
                Some(profile) => Ok(Colours::Icc(profile.to_vec())),
                None => linked("its place is beyond the end"),
            }
        }
        _ => Ok(Colours::Srgb),
    }
}
