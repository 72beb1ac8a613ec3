//! What is decoded: upright, in sRGB, opaque, whole.

use super::super::{DecodeLimits, PhotoError, Picture, Sha256, decode};
use super::make::*;
use super::{decoded, words};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, imageops};
use moxcms::ColorProfile;

fn colour(bytes: &[u8]) -> RgbImage {
    match decoded(bytes).picture {
        Picture::Colour(p) => p,
        other => panic!("expected colour, found {other:?}"),
    }
}

fn largest_difference(a: &RgbImage, b: &RgbImage) -> u8 {
    assert_eq!(a.dimensions(), b.dimensions());
    a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn every_format_gives_the_same_pixels_and_the_same_hash() {
    let scene = scene(45, 31);
    for format in FORMATS {
        let bytes = plain(scene.clone(), format);
        let photo = decoded(&bytes);
        assert_eq!(photo.file_sha256, Sha256::of(&bytes));
        assert_eq!(photo.pixels_sha256, decoded(&bytes).pixels_sha256, "{format} is deterministic");
        if format == "jpeg" {
            assert!(largest_difference(&colour(&bytes), &scene) < 12);
        } else {
            assert_eq!(photo.pixels_sha256, Sha256::of(scene.as_raw()), "{format}");
        }
    }
}

#[test]
fn every_orientation_is_honoured_in_every_format() {
    let upright = scene(40, 24);
    for orientation in 1..=8u8 {
        // What a camera held that way stores (EXIF 2.32, table 5): the inverse of how it is to be turned.
        let stored = match orientation {
            1 => upright.clone(),
            2 => imageops::flip_horizontal(&upright),
            3 => imageops::rotate180(&upright),
            4 => imageops::flip_vertical(&upright),
            5 => imageops::flip_horizontal(&imageops::rotate90(&upright)),
            6 => imageops::rotate270(&upright),
            7 => imageops::flip_horizontal(&imageops::rotate270(&upright)),
            _ => imageops::rotate90(&upright),
        };
        let exif = exif_orientation(orientation);
        let stored = DynamicImage::from(stored);
        for format in ["png", "webp", "jpeg"] {
            let bytes = file(&stored, format, Some(&exif), None);
            let allowed = if format == "jpeg" { 16 } else { 0 };
            let found = colour(&bytes);
            assert!(largest_difference(&found, &upright) <= allowed, "orientation {orientation}, {format}");
        }
        // TIFF has the tag itself: put a copy of the directory with one tag more behind the file.
        let found = colour(&with_tag(&plain(stored, "tiff"), 0x0112, u32::from(orientation)));
        assert_eq!(found, upright, "orientation {orientation}, tiff");
    }
    // What is not an orientation says nothing.
    let bytes = file(&upright.clone().into(), "png", Some(&exif_orientation(9)), None);
    assert_eq!(colour(&bytes), upright);
}

/// A little-endian TIFF with one tag (SHORT) more.
fn with_tag(tiff: &[u8], tag: u16, value: u32) -> Vec<u8> {
    let at = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
    let entries = usize::from(u16::from_le_bytes([tiff[at], tiff[at + 1]]));
    let mut tags: Vec<_> = tiff[at + 2..at + 2 + 12 * entries].as_chunks::<12>().0.to_vec();
    tags.retain(|t| t[..2] != tag.to_le_bytes());
    let mut entry = [0; 12];
    entry[..2].copy_from_slice(&tag.to_le_bytes());
    entry[2] = 3;
    entry[4] = 1;
    entry[8..].copy_from_slice(&value.to_le_bytes());
    tags.push(entry);
    tags.sort_by_key(|t| u16::from_le_bytes([t[0], t[1]]));
    let mut out = tiff.to_vec();
    out.resize(out.len().next_multiple_of(2), 0);
    let start = out.len() as u32;
    out[4..8].copy_from_slice(&start.to_le_bytes());
    out.extend((tags.len() as u16).to_le_bytes());
    out.extend(tags.concat());
    out.extend([0; 4]);
    out
}

#[test]
fn grey_of_16_bits_stays_and_colour_of_16_bits_is_rounded() {
    let grey = ImageBuffer::<Luma<u16>, _>::from_fn(9, 7, |x, y| Luma([(x * 7001 + y * 13) as u16]));
    for format in ["png", "tiff"] {
        let photo = decoded(&plain(DynamicImage::from(grey.clone()), format));
        let Picture::Grey16(p) = &photo.picture else { panic!("{format}: expected 16-bit grey") };
        assert_eq!(p, &grey);
        let big_endian: Vec<u8> = grey.as_raw().iter().flat_map(|v| v.to_be_bytes()).collect();
        assert_eq!(photo.pixels_sha256, Sha256::of(&big_endian));
        // 128.5 codes of 257 are a half: 0x8100 is 128.5 of 257.
        let deep = ImageBuffer::<Rgb<u16>, _>::from_pixel(3, 2, Rgb([0xFFFF, 257 * 100 + 128, 257 * 100 + 129]));
        let found = colour(&plain(DynamicImage::from(deep), format));
        assert_eq!(found.get_pixel(2, 1), &Rgb([255, 100, 101]), "{format}");
    }
}

#[test]
fn opaque_alpha_is_dropped_and_transparency_refused() {
    let grey = ImageBuffer::from_fn(8, 4, |x, y| LumaA([(x * 30 + y) as u8, 255u8]));
    let Picture::Grey(p) = decoded(&plain(DynamicImage::from(grey.clone()), "png")).picture else { panic!("grey") };
    assert!(p.enumerate_pixels().all(|(x, y, v)| v.0[0] == (x * 30 + y) as u8));
    let mut see_through = grey;
    see_through.put_pixel(3, 3, LumaA([7, 254]));
    let said = words(&plain(DynamicImage::from(see_through), "png"));
    assert!(said.contains("1 transparent pixels of 32"), "{said}");

    let deep = ImageBuffer::<LumaA<u16>, _>::from_pixel(5, 5, LumaA([40_000, 65_535]));
    assert!(
        matches!(decoded(&plain(DynamicImage::from(deep), "png")).picture, Picture::Grey16(p) if p.as_raw()[0] == 40_000)
    );
    let mut rgba = ImageBuffer::from_fn(6, 6, |x, y| Rgba([x as u8, y as u8, 9, 255]));
    for format in ["png", "webp", "tiff"] {
        assert_eq!(colour(&plain(DynamicImage::from(rgba.clone()), format)).get_pixel(4, 5), &Rgb([4, 5, 9]));
    }
    rgba.put_pixel(0, 0, Rgba([0, 0, 0, 0]));
    for format in ["png", "webp", "tiff"] {
        assert!(words(&plain(DynamicImage::from(rgba.clone()), format)).contains("transparent"), "{format}");
    }
}

#[test]
fn profiles_are_converted_to_srgb() {
    let picture: DynamicImage = RgbImage::from_fn(8, 8, |x, y| Rgb([200, (20 * x) as u8, (20 * y) as u8])).into();
    let converted = |profile: ColorProfile, format: &str| {
        let icc = profile.encode().unwrap();
        *colour(&file(&picture, format, None, Some(&icc))).get_pixel(5, 5)
    };
    for format in ["png", "webp", "tiff"] {
        assert_eq!(converted(ColorProfile::new_srgb(), format), Rgb([200, 100, 100]), "sRGB changes nothing");
        // Worked out from the published primaries and white point (x, y) in double precision, apart from this code.
        let p3 = converted(ColorProfile::new_display_p3(), format);
        let near = |found: Rgb<u8>, expected: [u8; 3]| found.0.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
        assert!(near(p3, [215, 93, 97]), "Display P3: {p3:?}");
        let adobe = converted(ColorProfile::new_adobe_rgb(), format);
        assert!(near(adobe, [227, 100, 100]), "Adobe RGB: {adobe:?}");
    }
    // A grey of gamma 1.0 is light itself: half the light is code 188 in sRGB.
    let grey: DynamicImage = GrayImage::from_pixel(4, 4, Luma([128])).into();
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let Picture::Grey(p) = decoded(&file(&grey, "png", None, Some(&linear))).picture else { panic!("grey") };
    assert_eq!(p.get_pixel(0, 0).0, [188]);
    let deep: DynamicImage = ImageBuffer::<Luma<u16>, _>::from_pixel(4, 4, Luma([32_768])).into();
    let Picture::Grey16(p) = decoded(&file(&deep, "png", None, Some(&linear))).picture else { panic!("grey") };
    assert!(p.get_pixel(0, 0).0[0].abs_diff(48_193) <= 2, "{p:?}");
}

#[test]
fn adobe_rgb_by_file_convention_is_honoured() {
    // DCF: IFD0 -> EXIF directory -> interoperability directory, whose index is R03.
    let mut exif = tiff_tags(&[(0x8769, 4, 1, 26)]);
    let directory = |tags: &[(u16, u16, u32, u32)]| tiff_tags(tags)[8..].to_vec();
    exif.extend(directory(&[(0xA005, 4, 1, 44)]));
    exif.extend(directory(&[(0x0001, 2, 4, u32::from_le_bytes(*b"R03\0"))]));
    let picture = DynamicImage::from(RgbImage::from_pixel(16, 16, Rgb([200, 100, 100])));
    let found = *colour(&file(&picture, "jpeg", Some(&exif), None)).get_pixel(5, 5);
    assert!(found.0[0] > 220, "{found:?}");
}

#[test]
fn a_large_profile_in_several_segments_is_joined() {
    let mut icc = ColorProfile::new_display_p3().encode().unwrap();
    let size = icc.len() as u32;
    icc.extend(vec![0; 70_000]);
    icc[..4].copy_from_slice(&(size + 70_000).to_be_bytes());
    let bytes = plain(RgbImage::from_pixel(16, 16, Rgb([200, 100, 100])), "jpeg");
    let piece = |number: u8, data: &[u8]| [&b"ICC_PROFILE\0"[..], &[number, 2], data].concat();
    let (first, second) = (piece(1, &icc[..60_000]), piece(2, &icc[60_000..]));
    let both = with_segment(&with_segment(&bytes, 0xE2, &first), 0xE2, &second);
    assert!(colour(&both).get_pixel(5, 5).0[0] > 210);
    let said = words(&with_segment(&bytes, 0xE2, &first));
    assert!(said.contains("pieces"), "{said}");
}

#[test]
fn what_phones_write_behind_the_picture_does_no_harm() {
    let bytes = plain(scene(33, 21), "jpeg");
    let whole = decoded(&bytes).pixels_sha256;
    // A second picture (MPF, Ultra HDR), a trailer with marks in it, and zeros.
    for trailer in [&bytes[..], b"SEFH\xFF\xD8\xFF\xE1\0", &[0; 500]] {
        assert_eq!(decoded(&[&bytes[..], trailer].concat()).pixels_sha256, whole);
    }
    // Padding between segments, and fill bytes before a mark (T.81, B.1.1.2).
    let at = position_of(&bytes, 0xDB);
    let padded = [&bytes[..at], &[0, 0, 0, 0, 0, 0xFF, 0xFF], &bytes[at..]].concat();
    assert_eq!(decoded(&padded).pixels_sha256, whole);
}

#[test]
fn a_grey_palette_bitmap_is_grey() {
    let grey = GrayImage::from_fn(13, 5, |x, y| Luma([(x * 11 + y) as u8]));
    let photo = decoded(&plain(grey.clone(), "bmp"));
    assert!(matches!(&photo.picture, Picture::Grey(p) if p == &grey), "{:?}", photo.picture);
}

#[test]
fn memory_is_bounded_before_decoding() {
    let bytes = plain(scene(40, 24), "png");
    let limits = DecodeLimits { max_memory_bytes: 40 * 24 * 3, ..Default::default() };
    assert!(decode(&plain(scene(40, 24), "jpeg"), &limits).is_ok());
    let limits = DecodeLimits { max_memory_bytes: 40 * 24 * 3 - 1, ..limits };
    for format in FORMATS {
        let error = decode(&plain(scene(40, 24), format), &limits).unwrap_err();
        assert!(matches!(error, PhotoError::TooMuchMemory { width: 40, height: 24, .. }), "{format}: {error}");
    }
    // On its side a photo needs twice the memory.
    let turned = file(&scene(40, 24).into(), "jpeg", Some(&exif_orientation(6)), None);
    let limits = DecodeLimits { max_memory_bytes: 2 * 40 * 24 * 3 - 1, ..limits };
    assert!(matches!(decode(&turned, &limits), Err(PhotoError::TooMuchMemory { .. })));
    let limits = DecodeLimits { max_file_bytes: bytes.len() as u64 - 1, ..Default::default() };
    assert!(matches!(decode(&bytes, &limits), Err(PhotoError::FileTooLarge { .. })));
}
