//! JPEG (ITU-T T.81): structure walked here, pixels by `zune-jpeg`.
//!
//! The `image` crate asks `zune-jpeg` for a lenient decode, which fills the rest of a broken picture with grey and says nothing.
//! A station must not judge half a part, so:
//!
//! * the file is walked from mark to mark up to its end-of-image mark, and every component must be complete;
//! * the strict decoder is given a clean copy of what belongs to the picture, in which bits of 1 follow the last bit of the last scan.
//!   No Huffman code consists of ones only (T.81, C.2), so a scan that is short by one symbol is an error instead of grey.
//!
//! Honest scope: JPEG has no checksum. Bytes changed in the middle of a scan may decode to a different picture of full size.

use super::colour::Colours;
use super::decode::{DecodeLimits, Header, within_pixels};
use super::{PhotoError, tags};
use image::{DynamicImage, GrayImage, RgbImage};
use std::ops::Range;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

const FORMAT: &str = "JPEG";
/// Cameras write 1 scan, progressive encoders about 10. More cost time and bring nothing.
const MAX_SCANS: usize = 32;
const PLAIN: &str = "save it as plain JPEG (8 bits, RGB)";

/// A JPEG file, understood but not decoded.
struct Jpeg {
    header: Header,
    components: usize,
    /// Parts of the file that belong to the picture, in order, from after the start mark to before the end mark.
    parts: Vec<Range<usize>>,
}

/// A frame header (T.81, B.2.2).
struct Frame {
    progressive: bool,
    width: u32,
    height: u32,
    /// Identifier and sampling factors of each component.
    components: Vec<(u8, u32, u32)>,
}

/// What is known while walking.
#[derive(Default)]
struct Walk {
    frame: Option<Frame>,
    parts: Vec<Range<usize>>,
    exif: Option<tags::Exif>,
    icc: Vec<(u8, u8, Vec<u8>)>,
    restart_interval: usize,
    restarts: usize,
    scans: usize,
    /// Per component and coefficient: the bit position down to which it has been sent (T.81, G.1.1); `None` when it has not.
    sent: Vec<[Option<u8>; 64]>,
}

/// Decodes a JPEG.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<(Header, DynamicImage), PhotoError> {
    let jpeg = read(bytes, limits)?;
    jpeg.header.check(limits)?;
    let image = jpeg.pixels(bytes)?;
    Ok((jpeg.header, image))
}

/// Walks the file up to its end-of-image mark. What follows that mark (pictures of other sizes, trailers of phones) is not looked at.
/// Cost: 2 ms for 5 MB.
fn read(bytes: &[u8], limits: &DecodeLimits) -> Result<Jpeg, PhotoError> {
    let mut walk = Walk::default();
    let mut at = 2;
    loop {
        let (mark, start) = next_mark(bytes, at)?;
        if mark == 0xD9 {
            return walk.finish();
        }
        let body = segment(bytes, start)?;
        at = body.end;
        let belongs = match mark {
            0xC0..=0xC2 => walk.set_frame(mark, &bytes[body.clone()], limits)?,
            0xC4 | 0xDB => true,
            0xDD => walk.set_restart_interval(&bytes[body.clone()])?,
            0xDA => {
                walk.scan(&bytes[body.clone()])?;
                let (end, restarts) = entropy_end(bytes, at)?;
                walk.restarts += restarts;
                at = end;
                true
            }
            0xC3 => return Err(unsupported("a lossless JPEG")),
            0xC5..=0xCF => return Err(unsupported("an arithmetic-coded or hierarchical JPEG")),
            0xE1 => walk.set_exif(&bytes[body.clone()]),
            0xE2 => walk.add_icc(&bytes[body.clone()]),
            0xEE => bytes[body.clone()].starts_with(b"Adobe"),
            0xE0..=0xEF | 0xFE => false,
            0xDC => return Err(unsupported("a JPEG that tells its height last (DNL)")),
            other => return Err(PhotoError::damaged(FORMAT, format!("mark ff {other:02x} where none belongs"))),
        };
        if belongs {
            walk.parts.push(start - 2..at);
        }
    }
}

fn unsupported(found: &str) -> PhotoError {
    PhotoError::Unsupported { found: found.to_owned(), advice: PLAIN }
}

fn cut(bytes: &[u8]) -> PhotoError {
    PhotoError::truncated(FORMAT, "the end-of-image mark", format!("the end of the file after {} bytes", bytes.len()))
}

/// The next mark and the position after it. Bytes between segments are padding of some cameras.
fn next_mark(bytes: &[u8], from: usize) -> Result<(u8, usize), PhotoError> {
    let mut at = from;
    loop {
        at += bytes.get(at..).and_then(|b| b.iter().position(|b| *b == 0xFF)).ok_or_else(|| cut(bytes))? + 1;
        match bytes.get(at) {
            None => return Err(cut(bytes)),
            Some(0x00 | 0xFF) => {}
            Some(mark) => return Ok((*mark, at + 1)),
        }
    }
}

/// The body of the segment whose length stands at `start`.
fn segment(bytes: &[u8], start: usize) -> Result<Range<usize>, PhotoError> {
    let length = bytes.get(start..start + 2).ok_or_else(|| cut(bytes))?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(PhotoError::damaged(FORMAT, format!("a segment of {length} bytes, shorter than its own length")));
    }
    if start + length > bytes.len() {
        return Err(cut(bytes));
    }
    Ok(start + 2..start + length)
}

/// Position of the mark that ends entropy-coded data, and the restart marks in it.
fn entropy_end(bytes: &[u8], from: usize) -> Result<(usize, usize), PhotoError> {
    let (mut at, mut restarts) = (from, 0);
    loop {
        let (mark, after) = next_mark(bytes, at)?;
        if !(0xD0..=0xD7).contains(&mark) {
            return Ok((after - 2, restarts));
        }
        restarts += 1;
        at = after;
    }
}

impl Walk {
    fn set_frame(&mut self, mark: u8, body: &[u8], limits: &DecodeLimits) -> Result<bool, PhotoError> {
        let damaged = |detail: &str| PhotoError::damaged(FORMAT, detail);
        if self.frame.is_some() {
            return Err(damaged("two frame headers"));
        }
        let [precision, h1, h0, w1, w0, n, components @ ..] = body else {
            return Err(damaged("the frame header is too short"));
        };
        let (width, height) = (u32::from(u16::from_be_bytes([*w1, *w0])), u32::from(u16::from_be_bytes([*h1, *h0])));
        if *precision != 8 {
            return Err(unsupported(&format!("a JPEG of {precision} bits")));
        }
        if width == 0 || height == 0 {
            return Err(PhotoError::NoPixels { format: FORMAT, width, height });
        }
        within_pixels(width, height, limits)?;
        match n {
            1 | 3 => {}
            4 => return Err(unsupported("a CMYK JPEG (four inks, made for printing)")),
            n => return Err(unsupported(&format!("a JPEG of {n} channels"))),
        }
        let components: Vec<_> = components
            .as_chunks::<3>()
            .0
            .iter()
            .map(|[id, factors, _]| (*id, u32::from(factors >> 4), u32::from(factors & 15)))
            .collect();
        if components.len() != usize::from(*n)
            || components.iter().any(|(_, h, v)| !(1..=4).contains(h) || !(1..=4).contains(v))
        {
            return Err(damaged("the frame header does not describe its components"));
        }
        self.sent = vec![[None; 64]; components.len()];
        self.frame = Some(Frame { progressive: mark == 0xC2, width, height, components });
        Ok(true)
    }

    fn set_restart_interval(&mut self, body: &[u8]) -> Result<bool, PhotoError> {
        let interval =
            body.try_into().map_err(|_| PhotoError::damaged(FORMAT, "the restart interval is not two bytes"))?;
        self.restart_interval = usize::from(u16::from_be_bytes(interval));
        Ok(true)
    }

    fn set_exif(&mut self, body: &[u8]) -> bool {
        if self.exif.is_none() && body.starts_with(b"Exif\0\0") {
            self.exif = Some(tags::exif(body));
        }
        false
    }

    fn add_icc(&mut self, body: &[u8]) -> bool {
        if let Some([number, of, data @ ..]) = body.strip_prefix(b"ICC_PROFILE\0") {
            self.icc.push((*number, *of, data.to_vec()));
        }
        false
    }

    /// A scan header (T.81, B.2.3): which coefficients of which components follow.
    fn scan(&mut self, body: &[u8]) -> Result<(), PhotoError> {
        let damaged = |detail: &str| PhotoError::damaged(FORMAT, detail);
        let frame = self.frame.as_ref().ok_or_else(|| damaged("a scan before the frame header"))?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(unsupported(&format!("a JPEG of more than {MAX_SCANS} scans")));
        }
        let n = usize::from(*body.first().ok_or_else(|| damaged("an empty scan header"))?);
        let (Some(components), Some([first, last, bits])) = (body.get(1..1 + 2 * n), body.get(1 + 2 * n..4 + 2 * n))
        else {
            return Err(damaged("the scan header is too short"));
        };
        let (first, last, low) =
            if frame.progressive { (usize::from(*first), usize::from(*last), bits & 15) } else { (0, 63, 0) };
        if first > last || last > 63 {
            return Err(damaged("a scan of coefficients that do not exist"));
        }
        for [id, _] in components.as_chunks::<2>().0 {
            let k = frame
                .components
                .iter()
                .position(|c| c.0 == *id)
                .ok_or_else(|| damaged("a scan of an unknown component"))?;
            self.sent[k][first..=last].fill(Some(low));
        }
        Ok(())
    }

    fn finish(self) -> Result<Jpeg, PhotoError> {
        let frame = self
            .frame
            .as_ref()
            .ok_or_else(|| PhotoError::damaged(FORMAT, "no frame header before the end of the image"))?;
        if self.scans == 0 {
            return Err(PhotoError::truncated(FORMAT, "picture data", "the end of the image after the headers"));
        }
        if self.sent.iter().flatten().any(|low| *low != Some(0)) {
            let expected = "scans that complete every component";
            return Err(PhotoError::truncated(
                FORMAT,
                expected,
                format!("the end of the image after {} scans", self.scans),
            ));
        }
        frame.check_restarts(&self)?;
        let exif = self.exif.unwrap_or_default();
        let colours = match icc(self.icc.clone())? {
            Some(profile) => Colours::Icc(profile),
            None if exif.adobe_rgb => Colours::AdobeRgb,
            None => Colours::Srgb,
        };
        let pixels = u64::from(frame.width) * u64::from(frame.height);
        let components = frame.components.len();
        // Progressive files, and those with one scan per component, are collected as coefficients of 16 bits before they become pixels.
        let coefficients = if frame.progressive || self.scans > 1 { frame.samples() * 2 } else { 0 };
        let header = Header {
            width: frame.width,
            height: frame.height,
            orientation: exif.orientation.unwrap_or(1),
            colours,
            working_bytes: pixels * components as u64 + coefficients,
            picture_bytes: pixels * components as u64,
        };
        Ok(Jpeg { header, components, parts: self.parts })
    }
}

impl Frame {
    fn largest(&self) -> (u32, u32) {
        let most = |f: fn(&(u8, u32, u32)) -> u32| self.components.iter().map(f).max().unwrap_or(1);
        (most(|c| c.1), most(|c| c.2))
    }
    /// Samples of all components, in whole blocks.
    fn samples(&self) -> u64 {
        let (h_max, v_max) = self.largest();
        let mcus = u64::from(self.width.div_ceil(8 * h_max)) * u64::from(self.height.div_ceil(8 * v_max));
        mcus * 64 * self.components.iter().map(|(_, h, v)| u64::from(h * v)).sum::<u64>()
    }
    /// Restart marks divide a scan into intervals of known length, so a piece that fell out is noticed by counting.
    fn check_restarts(&self, walk: &Walk) -> Result<(), PhotoError> {
        if walk.restart_interval == 0 || walk.scans != 1 {
            return Ok(());
        }
        let (h_max, v_max) = if self.components.len() == 1 { (1, 1) } else { self.largest() };
        let mcus = self.width.div_ceil(8 * h_max) as usize * self.height.div_ceil(8 * v_max) as usize;
        let expected = mcus.div_ceil(walk.restart_interval) - 1;
        if walk.restarts < expected {
            let expected = format!("{expected} restart marks");
            return Err(PhotoError::truncated(FORMAT, expected, walk.restarts.to_string()));
        }
        Ok(())
    }
}

/// Joins the pieces of an ICC profile (ICC.1:2022, B.4).
fn icc(mut pieces: Vec<(u8, u8, Vec<u8>)>) -> Result<Option<Vec<u8>>, PhotoError> {
    pieces.sort_by_key(|(number, ..)| *number);
    let whole = pieces
        .iter()
        .enumerate()
        .all(|(i, (number, of, _))| usize::from(*number) == i + 1 && usize::from(*of) == pieces.len());
    if !whole {
        return Err(PhotoError::Profile {
            name: "an ICC profile in pieces".to_owned(),
            detail: format!("{} pieces that do not belong together", pieces.len()),
        });
    }
    Ok((!pieces.is_empty()).then(|| pieces.into_iter().flat_map(|(.., data)| data).collect()))
}

impl Jpeg {
    /// The pixels. Cost: 90 ms for 12 megapixels in colour, one thread.
    fn pixels(&self, bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
        let clean = self.clean_copy(bytes);
        let colours = if self.components == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .set_max_width(usize::from(u16::MAX))
            .set_max_height(usize::from(u16::MAX))
            .jpeg_set_max_scans(MAX_SCANS)
            .jpeg_set_out_colorspace(colours);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(&clean[..]), options);
        let pixels = decoder.decode().map_err(|e| PhotoError::damaged(FORMAT, e.to_string()))?;
        let (width, height) = (self.header.width, self.header.height);
        let image = match self.components {
            1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8),
            _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8),
        };
        image.ok_or_else(|| PhotoError::damaged(FORMAT, "fewer pixels than its header declares"))
    }

    /// The picture without comments, profiles and padding, and with bits of 1 after its last scan.
    fn clean_copy(&self, bytes: &[u8]) -> Vec<u8> {
        let length: usize = self.parts.iter().map(ExactSizeIterator::len).sum();
        let mut clean = Vec::with_capacity(length + 20);
        clean.extend([0xFF, 0xD8]);
        for part in &self.parts {
            clean.extend(&bytes[part.clone()]);
        }
        // A byte of ones is written as ff 00 inside a scan (T.81, F.1.2.3).
        clean.extend([0xFF, 0x00].repeat(8));
        clean.extend([0xFF, 0xD9]);
        clean
    }
}
