//! Prepared pictures against numbers that others computed.

use super::*;
use crate::models::manifest;
use crate::models::testing::LIGHTNESS;
use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use proptest::prelude::*;

/// The picture whose numbers are below: 9 x 6, made by the same formula in NumPy.
fn picture() -> Picture {
    Picture::Colour(RgbImage::from_fn(9, 6, |x, y| {
        let (x, y) = (x as i32, y as i32);
        let code = |v: i32| v.rem_euclid(256) as u8;
        image::Rgb([code(x * 37 + y * 11), code(x * x * 5 + y * 29), code(255 - x * 13 - y * y * 7)])
    }))
}

fn input(width: usize, height: usize, change: impl Fn(&mut Input)) -> Input {
    let mut input = manifest::read(LIGHTNESS.replace('@', &"0".repeat(64)).as_bytes()).unwrap().input;
    (input.width, input.height, input.layout, input.colour) = (width, height, Layout::Nchw, Colour::Rgb);
    // Codes come out as codes.
    input.gain_offset = vec![(1.0, 0.0); 3];
    change(&mut input);
    input
}

fn whole(p: &Picture) -> PixelRect {
    PixelRect { x: 0, y: 0, w: p.width(), h: p.height() }
}

fn channel(input: &Input, k: usize) -> Vec<f32> {
    let n = input.width * input.height;
    let tensor = prepare(&picture(), whole(&picture()), input).tensor;
    tensor.as_slice().unwrap()[k * n..(k + 1) * n].to_vec()
}

#[track_caller]
fn near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() < 2e-4, "number {i}: {f}, expected {e}");
    }
}

/// `cv2.resize(..., INTER_LINEAR)` of OpenCV 4 on float32, and `interpolate(align_corners=False)` of PyTorch: the same numbers.
#[test]
fn bilinear_is_that_of_opencv_and_pytorch() {
    let small = input(4, 3, |_| ());
    near(
        &channel(&small, 0),
        &[28.625, 111.875, 195.125, 22.375, 50.625, 133.875, 217.125, 44.375, 72.625, 155.875, 207.125, 66.375],
    );
    near(
        &channel(&small, 2),
        &[243.375, 214.125, 184.875, 155.625, 201.375, 172.125, 142.875, 113.625, 103.375, 74.125, 44.875, 143.625],
    );
    let large = channel(&input(12, 10, |_| ()), 1);
    let rows: Vec<f32> = large.chunks(12).step_by(3).flatten().copied().collect();
    near(&rows, &LARGER);
}

/// PIL's `resize(..., BILINEAR)` of mode F, and `interpolate(antialias=True)` of PyTorch: the same numbers.
#[test]
fn antialias_is_that_of_pil_and_pytorch() {
    let small = input(4, 3, |i| i.resample = manifest::Resample::Antialias);
    near(
        &channel(&small, 0),
        &[38.5143, 113.4425, 179.5401, 68.4, 58.1571, 133.0854, 190.5976, 81.6429, 77.8, 152.7282, 159.9547, 63.8],
    );
    near(
        &channel(&small, 2),
        &[
            237.2286, 210.9024, 181.0976, 154.7714, 195.2286, 168.9024, 139.0976, 112.7714, 112.2286, 85.9024, 64.1254,
            117.5429,
        ],
    );
    // Made larger, both are one.
    let large = channel(&input(12, 10, |i| i.resample = manifest::Resample::Antialias), 1);
    let rows: Vec<f32> = large.chunks(12).step_by(3).flatten().copied().collect();
    near(&rows, &LARGER);
}

/// PIL's `resize(..., BICUBIC)` of mode F; what overshoots ends at black and at white, as in PIL's 8 bits.
#[test]
fn bicubic_is_that_of_pil() {
    let cubic = |width, height, k| channel(&input(width, height, |i| i.resample = manifest::Resample::Bicubic), k);
    near(
        &cubic(4, 3, 0),
        &[
            31.0993, 111.823, 191.6495, 60.5594, 52.616, 134.0663, 206.0606, 77.6406, 74.1327, 162.5519, 159.4271,
            56.6159,
        ],
    );
    near(
        &cubic(4, 3, 2),
        &[
            243.3052, 215.3645, 184.8949, 156.9542, 200.4617, 172.5658, 141.8214, 106.6589, 106.3805, 77.8347, 51.0809,
            120.7814,
        ],
    );
    let large = cubic(12, 10, 2);
    near(
        &large[..12],
        &[
            255.0, 248.2926, 237.6533, 227.9033, 218.1533, 208.4033, 198.6533, 188.9033, 179.1533, 169.4033, 158.764,
            150.8492,
        ],
    );
    near(&large[116..], &[0.0, 169.2618, 255.0, 245.8869]);
}

const LARGER: [f32; 48] = [
    0.0, 3.125, 10.625, 23.125, 41.875, 66.875, 96.875, 131.875, 173.125, 220.625, 177.125, 64.0, 46.4, 49.525, 57.025,
    69.525, 88.275, 113.275, 143.275, 178.275, 219.525, 107.025, 63.525, 110.4, 98.6, 101.725, 109.225, 121.725,
    140.475, 165.475, 195.475, 198.475, 47.725, 63.225, 115.725, 162.6, 145.0, 148.125, 155.625, 168.125, 186.875,
    211.875, 145.875, 20.875, 62.125, 109.625, 162.125, 209.0,
];

/// By hand: a picture of 2 x 1 in an input of 2 x 4 has one row above and two below (the odd one); reflected, the row repeats.
#[test]
fn a_letterbox_is_filled_and_a_mirror_is_not() {
    let p = Picture::Grey(GrayImage::from_raw(8, 1, vec![10, 20, 30, 40, 50, 60, 70, 80]).unwrap());
    let boxed = input(8, 4, |i| i.fit = Fit::Letterbox { pad: 114.0 });
    let prepared = prepare(&p, whole(&p), &boxed);
    assert_eq!((prepared.placement.corner, prepared.placement.size), ((0, 1), (8, 1)));
    let row: Vec<f32> = (1..=8).map(|v| v as f32 * 10.0).collect();
    let plane = [vec![114.0; 8], row.clone(), vec![114.0; 16]].concat();
    assert_eq!(prepared.tensor.as_slice().unwrap(), [plane.clone(), plane.clone(), plane].concat());
    let mirrored = input(8, 4, |i| i.fit = Fit::Reflect);
    let plane = row.repeat(4);
    assert_eq!(prepare(&p, whole(&p), &mirrored).tensor.as_slice().unwrap(), plane.repeat(3));
    assert_eq!([-3, -2, -1, 0, 1, 2, 3, 4, 5, 6].map(|i| super::mirrored(i, 3)), [1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
}

/// By hand: 4 x 2, shorter side to 4 (8 x 4 by repeating nothing: taken at the same centres), the middle 4 x 4 of it.
#[test]
fn the_middle_is_cropped() {
    let p = Picture::Grey(GrayImage::from_fn(16, 8, |x, _| Luma([x as u8])));
    let cropped = input(8, 8, |i| i.fit = Fit::Crop { shorter: 8 });
    let prepared = prepare(&p, whole(&p), &cropped);
    assert_eq!((prepared.placement.corner, prepared.placement.size), ((-4, 0), (16, 8)));
    assert_eq!(prepared.tensor.as_slice().unwrap()[..8], [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
}

#[test]
fn channels_and_numbers_are_those_of_the_model() {
    let p = Picture::Colour(RgbImage::from_pixel(8, 8, image::Rgb([255, 102, 51])));
    let first = |change: fn(&mut Input)| {
        let input = input(8, 8, change);
        let t = prepare(&p, whole(&p), &input).tensor;
        assert_eq!(t.shape(), input.shape());
        t
    };
    let rgb = first(|_| ());
    assert_eq!([0, 1, 2].map(|k| rgb[[0, k, 3, 5]]), [255.0, 102.0, 51.0]);
    let bgr = first(|i| (i.colour, i.layout) = (Colour::Bgr, Layout::Nhwc));
    assert_eq!([0, 1, 2].map(|k| bgr[[0, 3, 5, k]]), [51.0, 102.0, 255.0]);
    let grey = first(|i| (i.colour, i.gain_offset) = (Colour::Grey, vec![(1.0, 0.0)]));
    assert!((grey[[0, 0, 3, 5]] - (0.299 * 255.0 + 0.587 * 102.0 + 0.114 * 51.0)).abs() < 1e-3);
    // ImageNet's numbers on (255, 102, 51): (1 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225.
    let text = crate::models::testing::UNUSUAL.replace('@', &"0".repeat(64));
    let normal = Input { width: 8, height: 8, ..manifest::read(text.as_bytes()).unwrap().input };
    let t = prepare(&p, whole(&p), &normal).tensor;
    near(&[0, 1, 2].map(|k| t[[0, k, 3, 5]]), &[2.248_908_3, -0.25, -0.915_555_6]);
    // Sixteen bits are the same codes, finer.
    let grey16 = Picture::Grey16(ImageBuffer::from_pixel(8, 8, Luma([257 * 100 + 128_u16])));
    let t = prepare(&grey16, whole(&grey16), &input(8, 8, |_| ())).tensor;
    assert!((t[[0, 2, 0, 0]] - 100.498).abs() < 1e-3);
}

#[test]
fn a_turned_region_stands_upright() {
    use crate::geometry::Point;
    // A picture whose code is its column; the region is a quarter turn: its right is the picture's down.
    let p = Picture::Grey(GrayImage::from_fn(40, 40, |x, y| Luma([(3 * x + y) as u8])));
    let corner = Point::new(29.5, 9.5);
    let Picture::Grey(up) = upright(&p, [corner, Point::new(29.5, 19.5), Point::new(9.5, 9.5)]) else { panic!("grey") };
    assert_eq!(up.dimensions(), (10, 20));
    for (x, y, v) in up.enumerate_pixels() {
        assert_eq!(v.0[0] as u32, 3 * (29 - y) + 10 + x, "{x}, {y}");
    }
    // The whole picture is itself.
    let whole = [Point::new(-0.5, -0.5), Point::new(39.5, -0.5), Point::new(-0.5, 39.5)];
    let (Picture::Grey(same), Picture::Grey(p)) = (upright(&p, whole), &p) else { panic!("grey") };
    assert_eq!(same.as_raw(), p.as_raw());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A dot lands where the placement says, whatever the sizes.
    #[test]
    fn what_is_seen_is_where_the_placement_says(
        w in 20..200_u32, h in 20..200_u32, fx in 0.15..0.85_f64, fy in 0.15..0.85_f64, fit in 0..3_usize, threads in 1..3_usize,
    ) {
        let (cx, cy) = (fx * f64::from(w), fy * f64::from(h));
        let p = Picture::Grey(GrayImage::from_fn(w, h, |x, y| {
            let d = libm::hypot(f64::from(x) + 0.5 - cx, f64::from(y) + 0.5 - cy);
            Luma([(255.0 * (1.0 - d / 6.0)).max(0.0) as u8])
        }));
        let fit = [Fit::Stretch, Fit::Letterbox { pad: 0.0 }, Fit::Reflect][fit];
        let input = input(96, 64, |i| (i.fit, i.resample) = (fit, manifest::Resample::Antialias));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let prepared = pool.install(|| prepare(&p, whole(&p), &input));
        // The centre of gravity inside the placed picture.
        let (mut sum, mut sx, mut sy) = (0.0, 0.0, 0.0);
        let place = prepared.placement;
        for y in place.corner.1 as usize..place.corner.1 as usize + place.size.1 {
            for x in place.corner.0 as usize..place.corner.0 as usize + place.size.0 {
                let v = f64::from(prepared.tensor[[0, 0, y, x]]);
                (sum, sx, sy) = (sum + v, sx + v * (x as f64 + 0.5), sy + v * (y as f64 + 0.5));
            }
        }
        prop_assume!(sum > 0.0);
        let (x, y) = place.photo_from_input(sx / sum, sy / sum);
        let (px, py) = (f64::from(w) / place.size.0 as f64, f64::from(h) / place.size.1 as f64);
        prop_assert!((x - cx).abs() < 0.7 + 0.5 * px && (y - cy).abs() < 0.7 + 0.5 * py, "{x}, {y} for {cx}, {cy}");
        let back = place.input_from_photo(x, y);
        prop_assert!((back.0 - sx / sum).abs() < 1e-9 && (back.1 - sy / sum).abs() < 1e-9);
        prop_assert_eq!(prepared.tensor, prepare(&p, whole(&p), &input).tensor);
    }
}
