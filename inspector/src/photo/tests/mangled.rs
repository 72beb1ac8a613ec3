//! Any bytes whatever: an error, or a whole picture within the limits. Never a panic.

use super::super::{DecodeLimits, decode};
use super::make::*;
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, Rgba};
use moxcms::ColorProfile;
use proptest::prelude::*;
use std::sync::LazyLock;

/// Small photos of every format and kind.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let pictures: [DynamicImage; 4] = [
        scene(19, 13).into(),
        GrayImage::from_fn(17, 9, |x, y| Luma([(x * y) as u8])).into(),
        ImageBuffer::<Luma<u16>, _>::from_fn(9, 9, |x, y| Luma([(x * y * 500) as u16])).into(),
        ImageBuffer::from_fn(9, 7, |x, y| Rgba([x as u8, y as u8, 3, 255])).into(),
    ];
    let (exif, icc) = (exif_orientation(6), ColorProfile::new_display_p3().encode().unwrap());
    let mut seeds = vec![
        file(&pictures[0], "jpeg", Some(&exif), Some(&icc)),
        file(&pictures[0], "png", Some(&exif), Some(&icc)),
        file(&pictures[0], "webp", Some(&exif), Some(&icc)),
        file(&pictures[0], "tiff", None, Some(&icc)),
        plain(pictures[0].clone(), "bmp"),
        plain(pictures[1].clone(), "jpeg"),
        plain(pictures[1].clone(), "bmp"),
    ];
    seeds.extend(pictures[1..].iter().flat_map(|p| ["png", "tiff"].map(|format| plain(p.clone(), format))));
    seeds
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..Default::default() })]
    #[test]
    fn mangled_bytes_give_an_error_or_a_whole_picture(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = seed.get(&SEEDS).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(tail);
        let limits = DecodeLimits { max_pixels: 1_000_000, max_memory_bytes: 8_000_000, ..Default::default() };
        match decode(&bytes, &limits) {
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
            Ok(photo) => {
                prop_assert!(photo.width() > 0 && photo.height() > 0);
                prop_assert!(u64::from(photo.width()) * u64::from(photo.height()) <= limits.max_pixels);
                prop_assert_eq!(decode(&bytes, &limits).unwrap().pixels_sha256, photo.pixels_sha256);
            }
        }
    }
}
