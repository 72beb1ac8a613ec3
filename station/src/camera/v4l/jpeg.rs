//! Is this JPEG whole? Its structure is walked, marker by marker: finding `FF D9` somewhere proves nothing.

use thiserror::Error;

/// A frame that is no whole JPEG.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum JpegFault {
    /// It does not begin as a JPEG does.
    #[error("no JPEG: expected FF D8 at its beginning")]
    NoStart,
    /// The data end before the picture does.
    #[error("cut: {bytes} bytes, and the picture is not at its end")]
    Cut {
        /// Length of the data.
        bytes: usize,
    },
    /// Something stands where something else belongs.
    #[error("torn: {what} at byte {at}")]
    Torn {
        /// What is wrong.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// It is of another size than the camera agreed to.
    #[error("its size is {} x {}, agreed were {} x {}", found.0, found.1, agreed.0, agreed.1)]
    Size {
        /// In its header.
        found: (u32, u32),
        /// With the driver.
        agreed: (u32, u32),
    },
}

/// A whole JPEG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Its length; what follows is padding.
    pub(super) len: usize,
    /// Where the Huffman tables belong, when it has none: many webcams leave the standard ones out.
    pub(super) tables_at: Option<usize>,
}

/// Walks a JPEG from its first byte to its end.
///
/// Every segment must fit, the size must be the agreed one, restart markers must come in their order and number, and the picture must
/// end with its own end marker. Cost: one pass over the bytes, no decoding.
///
/// # Errors
/// [`JpegFault`]. Honest scope: bytes lost *inside* a scan without restart markers show only when it is decoded, and the judge's decoder
/// refuses those.
pub(super) fn walk(data: &[u8], agreed: (u32, u32)) -> Result<Whole, JpegFault> {
    if !data.starts_with(&[0xFF, 0xD8]) {
        return Err(JpegFault::NoStart);
    }
    let cut = JpegFault::Cut { bytes: data.len() };
    let mut frame: Option<Frame> = None;
    let (mut interval, mut tables, mut scan_at) = (0_u32, false, None);
    let mut at = 2;
    loop {
        let marker = *data.get(at + 1).ok_or_else(|| cut.clone())?;
        if data[at] != 0xFF {
            return Err(JpegFault::Torn { what: "data where a marker belongs", at });
        }
        match marker {
            0xFF => {
                at += 1;
                continue;
            }
            0xD9 => {
                let scan = scan_at.ok_or(JpegFault::Torn { what: "an end without a picture", at })?;
                return Ok(Whole { len: at + 2, tables_at: (!tables).then_some(scan) });
            }
            0x00 | 0x01 | 0xD0..=0xD8 => {
                return Err(JpegFault::Torn { what: "a marker that does not belong there", at });
            }
            _ => {}
        }
        let segment = segment(data, at).ok_or_else(|| cut.clone())?;
        match marker {
            0xC0..=0xC2 => {
                let found = Frame::read(segment).ok_or(JpegFault::Torn { what: "a header that is too short", at })?;
                if found.size != agreed {
                    return Err(JpegFault::Size { found: found.size, agreed });
                }
                frame = Some(Frame { progressive: marker == 0xC2, ..found });
            }
            0xC4 => tables = true,
            0xDD => interval = segment.first_chunk().map_or(0, |b| u32::from(u16::from_be_bytes(*b))),
            _ => {}
        }
        let after = at + 4 + segment.len();
        if marker != 0xDA {
            at = after;
            continue;
        }
        let frame = frame.ok_or(JpegFault::Torn { what: "a scan before its header", at })?;
        scan_at = scan_at.or(Some(at));
        let whole = segment.first().is_some_and(|n| u32::from(*n) == frame.components) && !frame.progressive;
        let expected = (whole && interval > 0).then(|| frame.units.div_ceil(interval) - 1);
        at = scan(data, after, interval > 0, expected)?.ok_or_else(|| cut.clone())?;
    }
}

/// What the frame header says.
#[derive(Clone, Copy)]
struct Frame {
    size: (u32, u32),
    components: u32,
    /// Coded units (MCU) of an interleaved scan.
    units: u32,
    progressive: bool,
}

impl Frame {
    fn read(segment: &[u8]) -> Option<Self> {
        let &[_, h1, h0, w1, w0, components, ref parts @ ..] = segment else { return None };
        let size = (u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
        let parts = parts.get(..usize::from(components) * 3)?;
        let most =
            |shift: u8| parts.chunks(3).map(|c| u32::from(c[1] >> shift & 15)).max().filter(|m| (1..=4).contains(m));
        let (across, down) = if components == 1 { (1, 1) } else { (most(4)?, most(0)?) };
        let units = size.0.div_ceil(8 * across) * size.1.div_ceil(8 * down);
        Some(Self { size, components: components.into(), units, progressive: false })
    }
}

/// The content of the segment whose marker stands at `at`.
fn segment(data: &[u8], at: usize) -> Option<&[u8]> {
    let len = usize::from(u16::from_be_bytes(*data.get(at + 2..)?.first_chunk()?));
    data.get(at + 4..(at + 2 + len).max(at + 4))
}

/// Passes over a scan's coded data to the marker that ends it. `None`: the data end first.
fn scan(data: &[u8], mut at: usize, restarts: bool, expected: Option<u32>) -> Result<Option<usize>, JpegFault> {
    let mut seen = 0_u32;
    while let Some(step) = data[at..].iter().position(|b| *b == 0xFF) {
        at += step;
        match data.get(at + 1) {
            None => return Ok(None),
            Some(0x00) => at += 2,
            Some(0xFF) => at += 1,
            Some(n @ 0xD0..=0xD7) => {
                if !restarts || u32::from(n - 0xD0) != seen % 8 {
                    return Err(JpegFault::Torn { what: "a restart marker out of turn", at });
                }
                seen += 1;
                at += 2;
            }
            Some(_) if expected.is_some_and(|e| e != seen) => {
                return Err(JpegFault::Torn { what: "an end that comes too early or too late", at });
            }
            Some(_) => return Ok(Some(at)),
        }
    }
    Ok(None)
}

/// The file that decoders expect: cut at its end, with the standard Huffman tables where the camera left them out.
pub(super) fn complete(data: &[u8], whole: Whole) -> Vec<u8> {
    let data = &data[..whole.len];
    match whole.tables_at {
        None => data.to_vec(),
        Some(at) => [&data[..at], &standard_tables(), &data[at..]].concat(),
    }
}

/// The tables of ITU-T T.81 (1992), annex K.3, as one DHT segment.
fn standard_tables() -> Vec<u8> {
    const DC: [([u8; 16], u8); 2] = [
        ([0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], 0x00),
        ([0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], 0x01),
    ];
    const AC: [([u8; 16], u8, &str); 2] = [
        (
            [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D],
            0x10,
            "01020300041105122131410613516107227114328191A1082342B1C11552D1F02433627282090A161718191A25262728292A3435363738393A4344\
             45464748494A535455565758595A636465666768696A737475767778797A838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AAB2B3\
             B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE1E2E3E4E5E6E7E8E9EAF1F2F3F4F5F6F7F8F9FA",
        ),
        (
            [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
            0x11,
            "000102031104052131061241510761711322328108144291A1B1C109233352F0156272D10A162434E125F11718191A262728292A35363738393A43\
             4445464748494A535455565758595A636465666768696A737475767778797A82838485868788898A92939495969798999AA2A3A4A5A6A7A8A9AA\
             B2B3B4B5B6B7B8B9BAC2C3C4C5C6C7C8C9CAD2D3D4D5D6D7D8D9DAE2E3E4E5E6E7E8E9EAF2F3F4F5F6F7F8F9FA",
        ),
    ];
    let mut body = Vec::with_capacity(416);
    for (counts, class) in DC {
        body.push(class);
        body.extend(counts);
        body.extend(0..12);
    }
    for (counts, class, values) in AC {
        body.push(class);
        body.extend(counts);
        let digits: Vec<u8> = values.bytes().filter_map(|c| (c as char).to_digit(16)).map(|d| d as u8).collect();
        body.extend(digits.chunks(2).map(|d| d[0] << 4 | d[1]));
    }
    let len = u16::try_from(body.len() + 2).expect("four tables of 28 and 178 bytes");
    [&[0xFF, 0xC4], &len.to_be_bytes()[..], &body].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{Rgb, RgbImage};

    const SIZE: (u32, u32) = (160, 120);

    fn picture() -> RgbImage {
        RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb([(x * 3) as u8, (y * 5) as u8, (x * y) as u8]))
    }
    fn jpeg() -> Vec<u8> {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&picture()).unwrap();
        bytes
    }
    fn segment_at(data: &[u8], marker: u8) -> usize {
        let mut at = 2;
        while data[at + 1] != marker {
            at += 4 + segment(data, at).unwrap().len();
        }
        at
    }

    #[test]
    fn a_whole_file_is_whole_and_padding_is_cut_off() {
        let mut file = jpeg();
        let whole = walk(&file, SIZE).unwrap();
        assert_eq!(whole, Whole { len: file.len(), tables_at: None });
        let good = file.clone();
        file.extend([0; 300]);
        assert_eq!(complete(&file, walk(&file, SIZE).unwrap()), good);
    }

    /// Any cut, at every byte, even when an old frame's tail (with its end marker) follows it in an early segment.
    #[test]
    fn a_file_cut_anywhere_is_not_whole() {
        let file = jpeg();
        for len in 0..file.len() {
            assert!(walk(&file[..len], SIZE).is_err(), "{len} of {}", file.len());
        }
    }

    /// A thumbnail in a comment ends with `FF D9` too: searching backwards for an end finds that one.
    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end_of_the_picture() {
        let file = jpeg();
        let thumbnail = [&[0xFF, 0xFE, 0, 6], &[1, 2, 0xFF, 0xD9][..]].concat();
        let with = [&file[..2], &thumbnail, &file[2..]].concat();
        assert_eq!(walk(&with, SIZE).unwrap().len, with.len());
        let cut = &with[..10];
        assert!(cut.ends_with(&[0xFF, 0xD9]));
        assert_eq!(walk(cut, SIZE), Err(JpegFault::Cut { bytes: 10 }));
    }

    /// Half a frame with the tail of another behind it: the restart markers do not add up.
    #[test]
    fn a_splice_breaks_the_order_of_restart_markers() {
        let file = jpeg();
        let scan_at = segment_at(&file, 0xDA);
        let units = (SIZE.0 / 8) * (SIZE.1 / 8);
        // The same headers with a restart after every 30 units; what is coded between does not matter to the walk.
        let intervals = units.div_ceil(30);
        let head = [
            &file[..scan_at],
            &[0xFF, 0xDD, 0, 4, 0, 30],
            &file[scan_at..scan_at + 4 + segment(&file, scan_at).unwrap().len()],
        ]
        .concat();
        let coded =
            |from: u32, to: u32| -> Vec<u8> { (from..to).flat_map(|n| [7, 7, 0xFF, 0xD0 + (n % 8) as u8]).collect() };
        let end = [9, 9, 0xFF, 0xD9];
        let of = |coded: Vec<u8>| [&head, &coded, &end[..]].concat();
        walk(&of(coded(0, intervals - 1)), SIZE).unwrap();
        let swapped = [coded(0, 3), coded(4, 5), coded(3, 4), coded(5, intervals - 1)].concat();
        assert!(walk(&of(swapped), SIZE).is_err(), "out of turn");
        assert!(walk(&of([coded(0, 3), coded(11, intervals - 1)].concat()), SIZE).is_err(), "in turn, too few");
    }

    #[test]
    fn another_size_is_told() {
        let said = walk(&jpeg(), (640, 480)).unwrap_err().to_string();
        assert_eq!(said, "its size is 160 x 120, agreed were 640 x 480");
    }

    /// Webcams send JPEG without Huffman tables; the standard ones make it a file again, to the last bit.
    #[test]
    fn missing_tables_are_the_standard_ones() {
        let file = jpeg();
        let mut bare = Vec::from(&file[..2]);
        let mut at = 2;
        while file[at + 1] != 0xDA {
            let next = at + 4 + segment(&file, at).unwrap().len();
            if file[at + 1] != 0xC4 {
                bare.extend(&file[at..next]);
            }
            at = next;
        }
        bare.extend(&file[at..]);
        assert!(bare.len() + 400 < file.len());
        let whole = walk(&bare, SIZE).unwrap();
        let completed = complete(&bare, whole);
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        assert_eq!(pixels(&completed), pixels(&file));
    }

    #[test]
    fn noise_is_no_jpeg_and_no_panic() {
        assert_eq!(walk(b"", SIZE), Err(JpegFault::NoStart));
        let mut state = 1_u32;
        for len in 2..2000 {
            let mut bytes = vec![0xFF, 0xD8];
            bytes.extend((0..len).map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 30 == 0 { 0xFF } else { (state >> 16) as u8 }
            }));
            assert!(walk(&bytes, SIZE).is_err());
        }
    }
}
