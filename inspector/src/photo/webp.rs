//! WebP (RFC 9649): chunks walked here, pixels by the `image` crate.

use super::colour::Colours;
use super::decode::{DecodeLimits, Header, read_pixels, refusal, within_pixels};
use super::{PhotoError, tags};
use image::codecs::webp::WebPDecoder;
use image::{DynamicImage, ImageDecoder};
use std::io::Cursor;

const FORMAT: &str = "WebP";

/// Decodes a still WebP.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<(Header, DynamicImage), PhotoError> {
    let (exif, profile) = walk(bytes, limits)?;
    let decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(FORMAT, e))?;
    let (width, height) = decoder.dimensions();
    within_pixels(width, height, limits)?;
    let colours = profile.map_or(Colours::Srgb, |p| Colours::Icc(p.to_vec()));
    let mut header = Header::of_decoder(&decoder, exif.and_then(|e| tags::exif(e).orientation), colours);
    // Its decoder keeps brightness and colour planes, or all pixels with alpha, beside the result.
    header.working_bytes += 4 * u64::from(width) * u64::from(height);
    header.check(limits)?;
    let image = read_pixels(FORMAT, decoder)?;
    Ok((header, image))
}

type ExifAndProfile<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Walks the chunks and refuses what is cut off, animated or too large.
fn walk<'a>(bytes: &'a [u8], limits: &DecodeLimits) -> Result<ExifAndProfile<'a>, PhotoError> {
    let number =
        |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().expect("four bytes")) as usize);
    let cut = |expected: usize| {
        PhotoError::truncated(FORMAT, format!("{expected} bytes"), format!("the end of the file after {}", bytes.len()))
    };
    let end = number(4).ok_or_else(|| cut(12))? + 8;
    if end > bytes.len() {
        return Err(cut(end));
    }
    let (mut exif, mut profile, mut frames, mut animated) = (None, None, 0, false);
    let mut at = 12;
    while at + 8 <= end {
        let length = number(at + 4).expect("within the file");
        let body = bytes.get(at + 8..at + 8 + length).ok_or_else(|| cut(at + 8 + length))?;
        match &bytes[at..at + 4] {
            b"VP8X" if length >= 10 => {
                animated = body[0] & 2 != 0;
                let size = |i: usize| 1 + u32::from_le_bytes([body[i], body[i + 1], body[i + 2], 0]);
                within_pixels(size(4), size(7), limits)?;
            }
            b"ANMF" => frames += 1,
            b"EXIF" => exif = Some(body),
            b"ICCP" => profile = Some(body),
            // A key frame's size stands after its start code (RFC 6386, 9.1).
            b"VP8 " if length >= 10 && (body[6..10] == [0; 4]) => {
                return Err(PhotoError::NoPixels { format: FORMAT, width: 0, height: 0 });
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    if animated || frames > 0 {
        return Err(PhotoError::Several { found: "an animated WebP", frames: Some(frames), unit: "frames" });
    }
    Ok((exif, profile))
}
