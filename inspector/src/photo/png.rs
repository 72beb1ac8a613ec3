//! PNG (ISO/IEC 15948, third edition): chunks walked here, pixels by the `image` crate.

use super::colour::Colours;
use super::decode::{DecodeLimits, Header, read_pixels, refusal, within_pixels};
use super::{PhotoError, tags};
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, Limits};
use std::io::Cursor;

const FORMAT: &str = "PNG";

/// What the chunks say.
#[derive(Default)]
struct Chunks<'a> {
    size: Option<(u32, u32)>,
    exif: Option<&'a [u8]>,
    profile: bool,
    srgb: bool,
    gamma: Option<u32>,
    primaries: Option<&'a [u8]>,
    code_points: Option<&'a [u8]>,
}

/// Decodes a PNG.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<(Header, DynamicImage), PhotoError> {
    let chunks = walk(bytes)?;
    let (width, height) = chunks.size.ok_or_else(|| PhotoError::damaged(FORMAT, "its first chunk is not IHDR"))?;
    if width == 0 || height == 0 {
        return Err(PhotoError::NoPixels { format: FORMAT, width, height });
    }
    within_pixels(width, height, limits)?;
    let colours = chunks.colours()?;
    let mut memory = Limits::default();
    memory.max_alloc = Some(limits.max_memory_bytes);
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), memory).map_err(|e| refusal(FORMAT, e))?;
    let colours = match decoder.icc_profile().map_err(|e| refusal(FORMAT, e))? {
        Some(profile) => Colours::Icc(profile),
        None if chunks.profile => {
            let name = "an ICC profile in its iCCP chunk".to_owned();
            return Err(PhotoError::Profile { name, detail: "it cannot be unpacked".to_owned() });
        }
        None => colours,
    };
    let header = Header::of_decoder(&decoder, chunks.exif.and_then(|e| tags::exif(e).orientation), colours);
    header.check(limits)?;
    let image = read_pixels(FORMAT, decoder)?;
    Ok((header, image))
}

/// Walks the chunks up to IEND: a file without it lost its end on the way.
fn walk(bytes: &[u8]) -> Result<Chunks<'_>, PhotoError> {
    let mut chunks = Chunks::default();
    let mut at = 8;
    let cut =
        || PhotoError::truncated(FORMAT, "an IEND chunk", format!("the end of the file after {} bytes", bytes.len()));
    loop {
        let head = bytes.get(at..at + 8).ok_or_else(cut)?;
        let length = u32::from_be_bytes(head[..4].try_into().expect("four bytes")) as usize;
        let body = bytes.get(at + 8..at + 8 + length).ok_or_else(cut)?;
        match &head[4..] {
            b"IHDR" if length == 13 => {
                let number = |i: usize| u32::from_be_bytes(body[i..i + 4].try_into().expect("four bytes"));
                chunks.size = Some((number(0), number(4)));
            }
            b"acTL" => {
                let frames = body.first_chunk().map(|b| u32::from_be_bytes(*b));
                return Err(PhotoError::Several { found: "an animated PNG", frames, unit: "frames" });
            }
            b"eXIf" => chunks.exif = Some(body),
            b"iCCP" => chunks.profile = true,
            b"sRGB" => chunks.srgb = true,
            b"gAMA" => chunks.gamma = body.first_chunk().map(|b| u32::from_be_bytes(*b)),
            b"cHRM" => chunks.primaries = Some(body),
            b"cICP" => chunks.code_points = Some(body),
            b"IEND" => return Ok(chunks),
            _ => {}
        }
        if chunks.size.is_none() {
            return Err(PhotoError::damaged(FORMAT, "its first chunk is not IHDR"));
        }
        at += 12 + length;
    }
}

impl Chunks<'_> {
    /// Colours without an ICC profile, in the standard's order of precedence (cICP, iCCP, sRGB, gAMA and cHRM).
    fn colours(&self) -> Result<Colours, PhotoError> {
        let refuse = |name: String, detail: &str| Err(PhotoError::Profile { name, detail: detail.to_owned() });
        match self.code_points {
            Some([1, 1 | 6 | 13 | 14 | 15, ..]) => return Ok(Colours::Srgb),
            Some([12, 13, ..]) => return Ok(Colours::DisplayP3),
            Some([primaries, transfer, ..]) => {
                return refuse(format!("colours of code points {primaries}/{transfer} (ITU-T H.273)"), "not converted");
            }
            _ => {}
        }
        if self.profile || self.srgb {
            return Ok(Colours::Srgb);
        }
        // sRGB is written as 1/2.2 = 0.45455; within 5 % its curve differs by less than a code from what sRGB readers assume.
        if let Some(gamma) = self.gamma.filter(|g| g.abs_diff(45_455) > 2_300) {
            return refuse(format!("a PNG gamma of {:.3}", f64::from(gamma) / 1e5), "expected 0.455");
        }
        const SRGB: [u32; 8] = [31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000];
        let primaries = self.primaries.map(|b| b.as_chunks::<4>().0.iter().map(|v| u32::from_be_bytes(*v)));
        if primaries.is_some_and(|p| p.zip(SRGB).any(|(found, srgb)| found.abs_diff(srgb) > 1_000)) {
            return refuse("primary colours in a cHRM chunk".to_owned(), "they are not those of sRGB");
        }
        Ok(Colours::Srgb)
    }
}
