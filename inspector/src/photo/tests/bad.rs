//! What is refused, and in which words.

use super::make::*;
use super::{PhotoError, refused, words};
use image::{DynamicImage, ImageBuffer, Rgb};
use moxcms::ColorProfile;

fn says(bytes: &[u8], expected: &[&str]) {
    let said = words(bytes);
    for part in expected {
        assert!(said.contains(part), "expected {part:?} in: {said}");
    }
}

#[test]
fn no_picture_at_all() {
    assert_eq!(refused(b""), PhotoError::Empty);
    says(b"Hello, I am a letter", &["not a picture", "expected JPEG, PNG, TIFF, BMP or WebP", "Hello, I am"]);
    says(b"BM is how this text begins, and it goes on for a while", &["not a picture"]);
    says(&[0; 5000], &["5000 bytes", "zeros"]);
    says(&[1, 2, 3, 0xFF], &["01 02 03 ff"]);
    says(b"\n<!DOCTYPE html><html>", &["a web page"]);
}

#[test]
fn other_formats_by_name() {
    let ftyp = |brand: &[u8; 4]| [&b"\0\0\0\x18ftyp"[..], brand, &[0; 12]].concat();
    let compatible = "most compatible";
    says(&ftyp(b"heic"), &["HEIC", compatible]);
    says(&ftyp(b"mif1"), &["HEIF", compatible]);
    says(&ftyp(b"avif"), &["AVIF", compatible]);
    says(&ftyp(b"crx "), &["Canon CR3", "set the camera to JPEG"]);
    says(&ftyp(b"mp42"), &["video"]);
    says(b"%PDF-1.7\n", &["PDF"]);
    says(b"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<svg xmlns=\"...\">", &["SVG"]);
    says(b"<svg>", &["SVG"]);
    says(b"II+\0\x08\0\0\0", &["BigTIFF"]);
    says(b"8BPS", &["Photoshop"]);
    says(b"PK\x03\x04", &["ZIP"]);
    says(b"\0\0\0\x0CjP  \r\n", &["JPEG 2000"]);
}

#[test]
fn camera_raw_by_name() {
    let size = [(256, 3, 1, 10), (257, 3, 1, 10)];
    says(&tiff_tags(&[size[0], size[1], (50706, 1, 4, 0x0401)]), &["DNG"]);
    says(b"II*\0\x10\0\0\0CR\x02\0\0\0\0\0\0\0\0\0\0\0", &["Canon CR2"]);
    let nef =
        tiff_tags(&[(254, 4, 1, 1), size[0], size[1], (271, 2, 4, u32::from_le_bytes(*b"NIK\0")), (330, 4, 1, 99)]);
    says(&nef, &["camera raw", "NIK"]);
    says(b"FUJIFILMCCD-RAW 0201", &["RAF"]);
}

#[test]
fn declared_size_is_refused_before_anything_is_allocated() {
    let tiff = tiff_tags(&[(256, 4, 1, 60_000), (257, 4, 1, 60_000), (273, 4, 1, 8), (279, 4, 1, 4)]);
    let mut bmp = plain(scene(4, 4), "bmp");
    bmp[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    let mut canvas = [0; 10];
    canvas[4..7].copy_from_slice(&59_999u32.to_le_bytes()[..3]);
    canvas[7..10].copy_from_slice(&59_999u32.to_le_bytes()[..3]);
    let webp = webp(&[(b"VP8X", &canvas)]);
    for bytes in [frame_header(0xC0, 8, 60_000, 60_000, 3), png_header(60_000, 60_000), tiff, bmp, webp] {
        let expected = PhotoError::TooManyPixels { width: 60_000, height: 60_000, limit: 64_000_000 };
        assert_eq!(refused(&bytes), expected);
        says(&bytes, &["60000 x 60000", "at most 64000000"]);
    }
}

#[test]
fn zero_pixels() {
    let tiff = tiff_tags(&[(256, 4, 1, 0), (257, 4, 1, 5)]);
    let mut bmp = plain(scene(4, 4), "bmp");
    bmp[22..26].copy_from_slice(&0u32.to_le_bytes());
    let key_frame = [0x30, 1, 0, 0x9D, 1, 0x2A, 0, 0, 0, 0];
    for bytes in [frame_header(0xC0, 8, 640, 0, 3), png_header(0, 5), tiff, bmp, webp(&[(b"VP8 ", &key_frame)])] {
        assert!(matches!(refused(&bytes), PhotoError::NoPixels { .. }), "{}", words(&bytes));
    }
    assert!(words(&png_header(0, 5)).contains("0 x 5 pixels"));
}

#[test]
fn several_pictures_in_one_file() {
    let still = plain(scene(8, 8), "png");
    says(&with_chunk(&still, b"acTL", &[0, 0, 0, 7, 0, 0, 0, 0]), &["animated PNG of 7 frames"]);

    let frame = b"\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";
    let gif = |frames: usize| {
        [&b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xFF\xFF\xFF\x21\xF9\x04\0\0\0\0\0"[..], &frame.repeat(frames), b";"]
            .concat()
    };
    says(&gif(3), &["animated GIF of 3 frames"]);
    says(&gif(1), &["a GIF picture"]);
    says(&gif(3)[..40], &["animated GIF;"]);

    let mut canvas = [0; 10];
    canvas[0] = 2;
    let animated = webp(&[(b"VP8X", &canvas), (b"ANIM", &[0; 6]), (b"ANMF", &[0; 24]), (b"ANMF", &[0; 24])]);
    says(&animated, &["animated WebP of 2 frames"]);

    // Two pages: the first directory points to a second one behind it.
    let mut tiff = tiff_tags(&[(256, 3, 1, 4), (257, 3, 1, 4)]);
    let second = tiff.len() as u32;
    let link = tiff.len() - 4;
    tiff[link..].copy_from_slice(&second.to_le_bytes());
    let page = tiff[8..].to_vec();
    tiff.extend(page);
    let last = tiff.len() - 4;
    tiff[last..].copy_from_slice(&[0; 4]);
    says(&tiff, &["TIFF of several pages of 2 pages"]);
}

#[test]
fn jpegs_for_other_uses() {
    says(&frame_header(0xC0, 8, 64, 64, 4), &["CMYK JPEG", "RGB"]);
    says(&frame_header(0xC0, 8, 64, 64, 2), &["JPEG of 2 channels"]);
    says(&frame_header(0xC1, 12, 64, 64, 3), &["JPEG of 12 bits"]);
    says(&frame_header(0xC3, 8, 64, 64, 3), &["lossless JPEG"]);
    says(&frame_header(0xC9, 8, 64, 64, 3), &["arithmetic-coded"]);
    let cmyk = tiff_tags(&[(256, 3, 1, 4), (257, 3, 1, 4), (262, 3, 1, 5)]);
    says(&cmyk, &["CMYK TIFF"]);
    says(&tiff_tags(&[(256, 3, 1, 4), (257, 3, 1, 4), (259, 3, 1, 7)]), &["TIFF with JPEG compression"]);
    let floating = ImageBuffer::<Rgb<f32>, _>::from_pixel(4, 4, Rgb([0.5, 0.5, 0.5]));
    says(&plain(DynamicImage::from(floating), "tiff"), &["Rgb32F"]);
}

#[test]
fn profiles_that_cannot_be_converted_are_named() {
    let picture = DynamicImage::from(scene(8, 8));
    let mut bare = ColorProfile::new_srgb();
    (bare.red_trc, bare.green_trc, bare.blue_trc) = (None, None, None);
    bare.description = Some(moxcms::ProfileText::Localizable(vec![moxcms::LocalizableString::new(
        "en".to_owned(),
        "US".to_owned(),
        "Scanner of Kisumu".to_owned(),
    )]));
    says(&file(&picture, "png", None, Some(&bare.encode().unwrap())), &["Scanner of Kisumu", "no tone curves"]);
    let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    says(&file(&picture, "png", None, Some(&grey)), &["it is for grey pictures"]);
    let hdr = ColorProfile::new_bt2020_pq().encode().unwrap();
    says(&file(&picture, "png", None, Some(&hdr)), &["high dynamic range"]);
    says(&file(&picture, "jpeg", None, Some(b"this is no profile")), &["cannot be read"]);
    let mut dim = ColorProfile::new_srgb();
    dim.blue_colorant = moxcms::Xyzd::default();
    says(&file(&picture, "png", None, Some(&dim.encode().unwrap())), &["add up to white"]);

    let png = plain(picture, "png");
    says(&with_chunk(&png, b"gAMA", &100_000u32.to_be_bytes()), &["PNG gamma of 1.000"]);
    says(&with_chunk(&png, b"cICP", &[9, 16, 0, 1]), &["code points 9/16"]);
    let primaries: Vec<u8> = [31_270u32, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    says(&with_chunk(&png, b"cHRM", &primaries), &["cHRM"]);
}

#[test]
fn a_photo_cut_short_is_refused_wherever_it_is_cut() {
    for format in FORMATS {
        let bytes = plain(scene(37, 23), format);
        // PNG: the last four bytes are the check sum of the empty end chunk. WebP pads to an even length.
        let whole = bytes.len()
            - match format {
                "png" => 4,
                "webp" => 1,
                _ => 0,
            };
        for length in 0..whole {
            let error = refused(&bytes[..length]);
            let expected =
                matches!(error, PhotoError::Truncated { .. } | PhotoError::NotAPicture { .. } | PhotoError::Empty);
            assert!(expected, "{format} cut at {length} of {}: {error}", bytes.len());
        }
    }
}

#[test]
fn a_jpeg_with_missing_rows_is_refused_even_with_its_end_mark() {
    // A repaired card, or a camera that lost a packet: the lenient decoders fill the rest with grey.
    let bytes = plain(scene(160, 120), "jpeg");
    let scan = position_of(&bytes, 0xDA) + 14;
    let end = bytes.len() - 2;
    for part in 0..40 {
        let cut = scan + (end - 1 - scan) * part / 40;
        let repaired = [&bytes[..cut], &[0xFF, 0xD9]].concat();
        says(&repaired, &["JPEG file is damaged"]);
    }
}

#[test]
fn pixels_changed_in_a_png_are_noticed() {
    let bytes = plain(scene(64, 64), "png");
    let data = bytes.windows(4).position(|w| w == b"IDAT").unwrap() + 4;
    let end = bytes.windows(4).position(|w| w == b"IEND").unwrap() - 8;
    for at in (data..end).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(matches!(refused(&changed), PhotoError::Damaged { .. } | PhotoError::Truncated { .. }), "byte {at}");
    }
}
