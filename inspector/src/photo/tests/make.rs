//! Small photos of every kind, with the headers that no encoder writes.

use image::codecs::{bmp::BmpEncoder, jpeg::JpegEncoder, png::PngEncoder, tiff::TiffEncoder, webp::WebPEncoder};
use image::{DynamicImage, ImageEncoder, RgbImage};

/// A picture that looks different from every side.
pub(super) fn scene(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (fx, fy) = (x as f32 / width as f32, y as f32 / height as f32);
        image::Rgb([(255.0 * fx) as u8, (200.0 * fy) as u8, (120.0 * fx * fy) as u8 + 40])
    })
}

pub(super) const FORMATS: [&str; 5] = ["jpeg", "png", "tiff", "bmp", "webp"];

/// Encodes, with EXIF and a colour profile where given (BMP takes neither, TIFF no EXIF).
pub(super) fn file(image: &DynamicImage, format: &str, exif: Option<&[u8]>, icc: Option<&[u8]>) -> Vec<u8> {
    fn write(mut encoder: impl ImageEncoder, image: &DynamicImage, exif: Option<&[u8]>, icc: Option<&[u8]>) {
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif.to_vec()).unwrap();
        }
        if let Some(icc) = icc {
            encoder.set_icc_profile(icc.to_vec()).unwrap();
        }
        image.write_with_encoder(encoder).unwrap();
    }
    let mut out = std::io::Cursor::new(Vec::new());
    match format {
        "jpeg" => write(JpegEncoder::new_with_quality(&mut out, 95), image, exif, icc),
        "png" => write(PngEncoder::new(&mut out), image, exif, icc),
        "tiff" => write(TiffEncoder::new(&mut out), image, exif, icc),
        "bmp" => write(BmpEncoder::new(out.get_mut()), image, exif, icc),
        "webp" => write(WebPEncoder::new_lossless(&mut out), image, exif, icc),
        other => panic!("no encoder for {other}"),
    }
    out.into_inner()
}

pub(super) fn plain(image: impl Into<DynamicImage>, format: &str) -> Vec<u8> {
    file(&image.into(), format, None, None)
}

/// A directory of TIFF tags, little-endian: (tag, kind, count, value).
pub(super) fn tiff_tags(tags: &[(u16, u16, u32, u32)]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    out.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in tags {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend([0; 4]);
    out
}

/// EXIF with an orientation, in both byte orders by turns (both are in use).
pub(super) fn exif_orientation(orientation: u8) -> Vec<u8> {
    if orientation.is_multiple_of(2) {
        return tiff_tags(&[(0x0112, 3, 1, u32::from(orientation))]);
    }
    let mut out = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    out.extend([0, orientation, 0, 0, 0, 0, 0, 0]);
    out
}

/// Puts a segment behind a JPEG's start mark.
pub(super) fn with_segment(jpeg: &[u8], mark: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xD8, 0xFF, mark];
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
    out.extend(&jpeg[2..]);
    out
}

/// A JPEG of nothing but a frame header.
pub(super) fn frame_header(mark: u8, precision: u8, width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut body = vec![precision];
    body.extend(height.to_be_bytes());
    body.extend(width.to_be_bytes());
    body.push(components);
    (1..=components).for_each(|id| body.extend([id, 0x11, 0]));
    with_segment(&[0xFF, 0xD8, 0xFF, 0xD9], mark, &body)
}

/// Position of the first mark of that kind in a JPEG made here (whose headers hold no such bytes by chance).
pub(super) fn position_of(jpeg: &[u8], mark: u8) -> usize {
    jpeg.windows(2).position(|w| w == [0xFF, mark]).unwrap()
}

/// The check sum of PNG chunks (ISO/IEC 15948, annex D).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

pub(super) fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out.extend(crc(&out[4..]).to_be_bytes());
    out
}

/// Puts a chunk behind a PNG's IHDR.
pub(super) fn with_chunk(png: &[u8], kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&png[..33], &chunk(kind, body), &png[33..]].concat()
}

/// A PNG of nothing but its header.
pub(super) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let body = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &body), &chunk(b"IEND", &[])].concat()
}

/// A RIFF container.
pub(super) fn webp(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (kind, data) in chunks {
        body.extend(*kind);
        body.extend((data.len() as u32).to_le_bytes());
        body.extend(*data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
}
