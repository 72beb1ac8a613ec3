//! Which format the first bytes say, and what is refused by name.

use super::PhotoError;

/// Formats that are decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Jpeg,
    Png,
    Tiff,
    Bmp,
    WebP,
}

impl Format {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
        }
    }
}

const COMPATIBLE: &str = "set the phone's camera to 'most compatible' (JPEG)";
const EXPORT: &str = "save or export it as JPEG or PNG";
const CAMERA: &str = "set the camera to JPEG, or export it as JPEG";

/// Recognises the format.
///
/// # Errors
/// What it is instead, by name.
pub(super) fn sniff(bytes: &[u8]) -> Result<Format, PhotoError> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Ok(Format::Png),
        [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Ok(Format::Tiff),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::WebP),
        // A bitmap has a header of at least 26 bytes; a text may begin with these two letters.
        [b'B', b'M', ..] if bytes.len() >= 26 && bytes[6..10] == [0; 4] => Ok(Format::Bmp),
        _ => Err(refusal(bytes)),
    }
}

fn refusal(bytes: &[u8]) -> PhotoError {
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return gif(bytes);
    }
    if let Some((found, advice)) = by_name(bytes) {
        return PhotoError::Unsupported { found: found.to_owned(), advice };
    }
    PhotoError::NotAPicture { found: describe(bytes) }
}

fn by_name(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some(by_brand(bytes));
    }
    let starts: [(&[u8], &str, &str); 14] = [
        (b"%PDF", "a PDF document", "photograph the part itself, or export the page as PNG"),
        (b"II+\0", "a BigTIFF file", EXPORT),
        (b"MM\0+", "a BigTIFF file", EXPORT),
        (b"FUJIFILMCCD-RAW", "a camera raw file (Fujifilm RAF)", CAMERA),
        (b"IIRO", "a camera raw file (Olympus ORF)", CAMERA),
        (b"IIRS", "a camera raw file (Olympus ORF)", CAMERA),
        (b"IIU\0", "a camera raw file (Panasonic RW2)", CAMERA),
        (b"FOVb", "a camera raw file (Sigma X3F)", CAMERA),
        (b"\xFF\x0A", "a JPEG XL picture", EXPORT),
        (b"\0\0\0\x0CJXL ", "a JPEG XL picture", EXPORT),
        (b"\0\0\0\x0CjP  ", "a JPEG 2000 picture", EXPORT),
        (b"8BPS", "a Photoshop file", EXPORT),
        (b"\x76\x2F\x31\x01", "an OpenEXR picture", EXPORT),
        (b"PK\x03\x04", "a ZIP archive", "unpack it and send the photo itself"),
    ];
    if let Some((_, found, advice)) = starts.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Some((*found, *advice));
    }
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1024)]).to_lowercase();
    let head = head.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if head.starts_with("<svg") || (head.starts_with("<?xml") || head.starts_with("<!")) && head.contains("<svg") {
        return Some(("an SVG drawing", "photograph the part itself; a drawing belongs into the recipe"));
    }
    if head.starts_with("<!doctype html") || head.starts_with("<html") {
        return Some(("a web page", "send the photo itself, not the page that shows it"));
    }
    None
}

/// ISO base media files (ISO/IEC 14496-12): the major brand says what is inside.
fn by_brand(bytes: &[u8]) -> (&'static str, &'static str) {
    match bytes.get(8..12).unwrap_or_default() {
        b"avif" | b"avis" => ("an AVIF picture", COMPATIBLE),
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" => ("a HEIC picture", COMPATIBLE),
        b"mif1" | b"msf1" => ("a HEIF picture", COMPATIBLE),
        b"crx " => ("a camera raw file (Canon CR3)", CAMERA),
        _ => ("a video or other media file", "send one still photo as JPEG"),
    }
}

/// A GIF: palette pictures of at most 256 colours are no photos, and mostly animations.
fn gif(bytes: &[u8]) -> PhotoError {
    match gif_frames(bytes) {
        Some(1) => PhotoError::Unsupported { found: "a GIF picture".to_owned(), advice: EXPORT },
        frames => PhotoError::Several { found: "an animated GIF", frames, unit: "frames" },
    }
}

/// Number of pictures in a GIF (GIF89a, section 12 onwards); `None` when the file ends early.
fn gif_frames(bytes: &[u8]) -> Option<u32> {
    let palette = |flags: u8| if flags & 0x80 != 0 { 3 << ((flags & 7) + 1) } else { 0 };
    let skip_blocks = |mut at: usize| -> Option<usize> {
        loop {
            let length = usize::from(*bytes.get(at)?);
            at += 1 + length;
            if length == 0 {
                return Some(at);
            }
        }
    };
    let mut at = 13 + palette(*bytes.get(10)?);
    let mut frames = 0;
    loop {
        match *bytes.get(at)? {
            0x21 => at = skip_blocks(at + 2)?,
            0x2C => {
                frames += 1;
                at = skip_blocks(at + 10 + palette(*bytes.get(at + 9)?) + 1)?;
            }
            0x3B => return Some(frames),
            _ => return None,
        }
    }
}

/// The first bytes in words: text as text, anything else in hexadecimal.
fn describe(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(24)];
    let zeros = bytes.iter().take(4096).all(|b| *b == 0);
    match std::str::from_utf8(head) {
        _ if zeros => format!("{} bytes that begin with zeros only", bytes.len()),
        Ok(text) if text.chars().all(|c| !c.is_control() || c.is_whitespace()) => {
            format!("text beginning with {text:?}")
        }
        _ => {
            let hex: Vec<_> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            format!("{} bytes beginning with {}", bytes.len(), hex.join(" "))
        }
    }
}
