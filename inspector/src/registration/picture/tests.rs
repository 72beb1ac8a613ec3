//! Poses of drawn pictures, whose truth is known because nothing is resampled: the drawing is a function of the plane.

use super::align;
use crate::calibration::{CalibrationPolicy, Tone, locate};
use crate::design::ReferencePicture;
use crate::geometry::{Angle, ImagePx, Point, ReferencePx, Similarity, Vector};
use crate::photo::{DecodeLimits, Photo, decode};
use crate::reason::Reason;
use image::{GrayImage, Luma};

const SIDE: u32 = 400;

/// Grey of a part with soft edges at a position of the plane, 0..=1.
fn part(x: f64, y: f64) -> f64 {
    let disc = |cx: f64, cy: f64, r: f64| (r - libm::hypot(x - cx, y - cy) + 0.5).clamp(0.0, 1.0);
    let bar = |x0: f64, x1: f64, y0: f64, y1: f64| {
        ((x - x0).min(x1 - x) + 0.5).clamp(0.0, 1.0) * ((y - y0).min(y1 - y) + 0.5).clamp(0.0, 1.0)
    };
    0.2 + 0.5 * bar(60.0, 330.0, 90.0, 300.0) - 0.3 * disc(120.0, 150.0, 25.0) + 0.2 * disc(250.0, 240.0, 40.0)
        - 0.4 * bar(200.0, 310.0, 120.0, 132.0)
}

/// A white picture with a black upright band: its shift along the band cannot be seen inside it.
fn band(x: f64, y: f64) -> f64 {
    if !(-0.5..f64::from(SIDE) - 0.5).contains(&x) || !(-0.5..f64::from(SIDE) - 0.5).contains(&y) {
        return 0.4; // the table beside the picture
    }
    1.0 - (60.0 - (x - 180.0).abs() + 0.5).clamp(0.0, 1.0)
}

fn photo(grey: impl Fn(f64, f64) -> f64) -> Photo {
    sized([SIDE, SIDE], grey)
}

fn sized([width, height]: [u32; 2], grey: impl Fn(f64, f64) -> f64) -> Photo {
    let picture = GrayImage::from_fn(width, height, |x, y| {
        Luma([(255.0 * grey(f64::from(x), f64::from(y))).round().clamp(0.0, 255.0) as u8])
    });
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).expect("memory");
    decode(png.get_ref(), &DecodeLimits::default()).expect("a photo")
}

fn policy() -> CalibrationPolicy {
    CalibrationPolicy::unscaled(Tone::Srgb)
}

fn pose(scale: f64, degrees: f64, dx: f64, dy: f64) -> Similarity<ReferencePx, ImagePx> {
    let middle = 0.5 * (f64::from(SIDE) - 1.0);
    let turned =
        Similarity::<ReferencePx, ImagePx>::new(scale, Angle::from_degrees(degrees), false, Vector::new(0.0, 0.0));
    let m = turned.apply(Point::new(middle, middle));
    let shift = Vector::new(middle + dx - m.x, middle + dy - m.y);
    Similarity::new(scale, Angle::from_degrees(degrees), false, shift)
}

fn seen_through(truth: &Similarity<ReferencePx, ImagePx>, grey: impl Fn(f64, f64) -> f64, gain: f64) -> Photo {
    let back = truth.inverse();
    photo(|x, y| {
        let p = back.apply(Point::new(x, y));
        gain * grey(p.x, p.y)
    })
}

#[test]
fn turn_scale_and_shift_are_found_to_a_tenth_of_a_pixel() {
    let reference = ReferencePicture::new(photo(part), Tone::Srgb);
    for (scale, degrees, dx, dy, gain) in [
        (1.0, 0.0, 0.0, 0.0, 1.0),
        (1.02, 5.0, -20.0, 13.3, 0.8),
        (0.98, -5.0, 20.0, 20.0, 1.2),
        (1.04, 8.0, 0.0, -30.0, 1.0),
    ] {
        let truth = pose(scale, degrees, dx, dy);
        let photo = seen_through(&truth, part, gain);
        let found = align(&locate(&photo, &policy()), &reference).expect("the same part");
        for (x, y) in [(0.0, 0.0), (399.0, 0.0), (0.0, 399.0), (399.0, 399.0)] {
            let off = found.image_from_reference.apply(Point::new(x, y)).distance(truth.apply(Point::new(x, y)));
            assert!(off < 0.1, "scale {scale}, {degrees} degrees: corner ({x}, {y}) is {off:.3} px off");
        }
        assert!(found.correlation > 0.97, "{}", found.correlation);
    }
}

#[test]
fn along_parallel_lines_the_table_beside_the_picture_is_avoided() {
    let reference = ReferencePicture::new(photo(band), Tone::Srgb);
    let truth = pose(1.01, 3.0, 5.0, 18.0);
    let found = align(&locate(&seen_through(&truth, band, 1.0), &policy()), &reference).expect("the same band");
    // Down the band the reference may slip only where no table comes in: by no more than a few pixels.
    let middle = Point::new(200.0, 200.0);
    let off = found.image_from_reference.apply(middle) - truth.apply(middle);
    assert!(off.x.abs() < 1.0 && off.y.abs() < 8.0, "{off:?}");
}

#[test]
fn another_thing_is_not_aligned() {
    let reference = ReferencePicture::new(photo(part), Tone::Srgb);
    let other = photo(|x, y| if ((x / 37.0) as u32 + (y / 23.0) as u32).is_multiple_of(3) { 0.8 } else { 0.3 });
    let found = align(&locate(&other, &policy()), &reference).map(|p| p.correlation);
    assert!(matches!(found, Err(Reason::NotAligned { .. })), "{found:?}");
}

#[test]
fn a_reference_without_edges_is_refused_in_words() {
    let reference = ReferencePicture::new(photo(|_, _| 0.5), Tone::Srgb);
    let found = align(&locate(&photo(part), &policy()), &reference).map(|p| p.correlation);
    let Err(Reason::NotAligned { detail }) = found else { panic!("{found:?}") };
    assert!(detail.contains("no edges"), "{detail}");
}

/// A photo that cannot be halved once made the search run over the whole reference at full size, for minutes.
#[test]
fn no_size_of_photo_or_reference_is_searched_for_long() {
    let large = |x: f64, y: f64| part(x / 3.0, y / 3.0);
    let references = [[1200, 1200], [1200, 900], [1400, 30], [30, 1400], [3000, 40]]
        .map(|size| ReferencePicture::new(sized(size, large), Tone::Srgb));
    let sizes = [
        [1, 1],
        [2, 2],
        [8, 8],
        [1, 500],
        [500, 1],
        [40, 40],
        [64, 64],
        [160, 160],
        [15, 1400],
        [1400, 15],
        [1400, 30],
        [3000, 31],
    ];
    for size in sizes {
        let photo = sized(size, large);
        for reference in &references {
            let found = align(&locate(&photo, &policy()), reference).map(|p| p.correlation);
            let level = &reference.pyramid.levels[0];
            let word = format!("{size:?} against {} x {}: {found:?}", level.width, level.height);
            if size[0].min(size[1]) < 200 && level.width.min(level.height) >= 900 {
                let Err(Reason::NotAligned { detail }) = found else { panic!("{word}") };
                let expected = format!("the photo is {} x {} px, expected at least half", size[0], size[1]);
                assert!(detail.starts_with(&expected), "{detail}");
            }
        }
    }
}

#[test]
fn a_photo_too_small_to_show_half_of_the_reference_is_refused_before_the_search() {
    use super::search::can_show;
    for (photo, good) in [
        ([480, 400], true),
        ([410, 340], true),
        ([400, 480], true),
        ([4000, 3000], true),
        ([200, 5000], false),
        ([300, 240], false),
        ([1, 1], false),
    ] {
        assert_eq!(can_show(photo, [480, 400]), good, "{photo:?}");
    }
}
