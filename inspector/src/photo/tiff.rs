//! TIFF (revision 6.0): directories walked here, pixels by the `image` crate.

use super::PhotoError;
use super::colour::Colours;
use super::decode::{DecodeLimits, Header, read_pixels, refusal, within_pixels};
use super::tags::{Directory, Tags, Value, orientation};
use image::codecs::tiff::TiffDecoder;
use image::{DynamicImage, ImageDecoder, Limits};
use std::io::Cursor;

const FORMAT: &str = "TIFF";

/// Decodes a TIFF of one page.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<(Header, DynamicImage), PhotoError> {
    let chain = Tags::open(bytes).map(Tags::chain).unwrap_or_default();
    let first = *chain.first().ok_or_else(|| {
        PhotoError::truncated(FORMAT, "a directory of tags", format!("the end of the file after {} bytes", bytes.len()))
    })?;
    refuse_by_name(bytes, first)?;
    // Previews (reduced resolution, tag 254 bit 0) and masks (bit 2) are no pages.
    let pages = chain.iter().filter(|d| d.number(254).unwrap_or(0) & 5 == 0).count();
    if pages > 1 {
        return Err(PhotoError::Several {
            found: "a TIFF of several pages",
            frames: Some(pages as u32),
            unit: "pages",
        });
    }
    let (width, height) = (first.number(256).unwrap_or(0), first.number(257).unwrap_or(0));
    if width == 0 || height == 0 {
        return Err(PhotoError::NoPixels { format: FORMAT, width, height });
    }
    within_pixels(width, height, limits)?;
    check_strips(bytes.len(), first)?;
    let mut decoder = TiffDecoder::new(Cursor::new(bytes)).map_err(|e| refusal(FORMAT, e))?;
    let colours = first.value(34675).and_then(Value::bytes).map_or(Colours::Srgb, |p| Colours::Icc(p.to_vec()));
    let mut header = Header::of_decoder(&decoder, orientation(first), colours);
    // Its decoder collects all samples before it hands them over.
    header.working_bytes += decoder.total_bytes();
    header.check(limits)?;
    let mut memory = Limits::default();
    memory.max_alloc = Some(limits.max_memory_bytes);
    decoder.set_limits(memory).map_err(|e| refusal(FORMAT, e))?;
    let image = read_pixels(FORMAT, decoder)?;
    Ok((header, image))
}

/// Camera raw files are TIFF in structure; some kinds of TIFF are not for photos.
fn refuse_by_name(bytes: &[u8], first: Directory<'_>) -> Result<(), PhotoError> {
    let refuse = |found: String, advice| Err(PhotoError::Unsupported { found, advice });
    let camera = "set the camera to JPEG, or export it as JPEG";
    let maker = first
        .value(271)
        .and_then(Value::bytes)
        .map(|b| String::from_utf8_lossy(b).trim_matches(['\0', ' ']).to_owned());
    if first.value(50706).is_some() {
        return refuse("a camera raw file (DNG)".to_owned(), camera);
    }
    if bytes.get(8..10) == Some(b"CR") {
        return refuse("a camera raw file (Canon CR2)".to_owned(), camera);
    }
    // Nikon and Sony put the raw picture into a sub-directory and a preview into the first one.
    if let (Some(maker), Some(_), 1) = (maker, first.value(330), first.number(254).unwrap_or(0) & 1) {
        return refuse(format!("a camera raw file ({maker})"), camera);
    }
    let plain = "save it as TIFF without compression, or as JPEG or PNG";
    match (first.number(259), first.number(262)) {
        (_, Some(5)) => refuse("a CMYK TIFF (four inks, made for printing)".to_owned(), "save it in RGB"),
        // The decoder of these fills what is missing with grey.
        (Some(6 | 7), _) => refuse("a TIFF with JPEG compression".to_owned(), plain),
        _ => Ok(()),
    }
}

/// All strips or tiles must lie within the file.
fn check_strips(length: usize, first: Directory<'_>) -> Result<(), PhotoError> {
    let places = first.value(273).zip(first.value(279)).or_else(|| first.value(324).zip(first.value(325)));
    let Some((offsets, counts)) = places else {
        return Err(PhotoError::truncated(FORMAT, "a table of strips or tiles", "none"));
    };
    for i in 0..offsets.count {
        let (offset, count) = (offsets.number(i).unwrap_or(0), counts.number(i).unwrap_or(0));
        let end = u64::from(offset) + u64::from(count);
        if end > length as u64 {
            let found = format!("the end of the file after {length}");
            return Err(PhotoError::truncated(FORMAT, format!("{end} bytes"), found));
        }
    }
    Ok(())
}
