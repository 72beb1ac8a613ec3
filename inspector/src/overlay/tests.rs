use super::*;
use crate::calibration::Camera;
use crate::calibration::{Calibration, CalibrationPolicy};
use crate::checks::{Characteristic, Observation, SeenEdge, Unit};
use crate::decision::{Decision, Rule};
use crate::design::FeatureKind;
use crate::geometry::{Angle, Vector};
use crate::identity::Identity;
use crate::inspect::{CheckResult, inspect};
use crate::photo::Sha256;
use crate::synth::{Rendered, Scene, parts};
use image::{ImageBuffer, Luma, Rgb};

fn recipe(design: Design, mm_per_px: f64) -> Recipe {
    Recipe {
        part: "T-1".to_owned(),
        revision: None,
        hash: Sha256::of(b""),
        calibration: Calibration::Known(CalibrationPolicy {
            u_scale: 0.0,
            u_edge_px: 0.0,
            ..CalibrationPolicy::of(mm_per_px)
        }),
        scale_by_hand: None,
        rule: Rule::Guarded,
        reference: Reference::Drawing(design),
        models: crate::models::Models::default(),
        checks: Vec::new(),
    }
}

fn photo(picture: Picture) -> Photo {
    Photo { picture, file_sha256: Sha256::of(b""), pixels_sha256: Sha256::of(b"") }
}

fn result(id: &str, verdict: Verdict, regions: &[[u32; 4]]) -> CheckResult {
    CheckResult {
        characteristic: Characteristic {
            id: id.to_owned(),
            check_type: "hole",
            nominal: 1.0,
            lower: None,
            upper: None,
            unit: Unit::Mm,
        },
        observation: Observation::measured(1.0, 0.1).at(regions.iter().map(|r| PixelRect::from(*r)).collect()),
        decision: Decision { verdict, reason: None },
    }
}

fn judged(verdict: Verdict, results: Vec<CheckResult>, width: u32, height: u32) -> Inspection {
    let camera = Some(Camera::fronto_parallel(1.0, width, height));
    Inspection { verdict, results, pose: None, camera, mat: None, identity: Identity::default() }
}

fn near(found: Rgb<u8>, wanted: Rgb<u8>) -> bool {
    found.0.iter().zip(wanted.0).all(|(a, b)| a.abs_diff(b) <= 8)
}

/// Smallest rectangle around the pixels of a colour within part of the picture.
fn extent(picture: &RgbImage, wanted: Rgb<u8>, within: [u32; 4]) -> Option<[u32; 4]> {
    let [x, y, w, h] = within;
    let places =
        (y..(y + h).min(picture.height())).flat_map(|py| (x..(x + w).min(picture.width())).map(move |px| (px, py)));
    let hits = places.filter(|(px, py)| near(*picture.get_pixel(*px, *py), wanted));
    hits.fold(None, |e: Option<[u32; 4]>, (px, py)| {
        let [l, t, r, b] = e.unwrap_or([px, py, px, py]);
        Some([l.min(px), t.min(py), r.max(px), b.max(py)])
    })
}

#[test]
fn sizes_are_bounded_and_keep_their_shape() {
    let grey = |w: u32, h: u32| photo(Picture::Grey(GrayImage::from_fn(w, h, |x, y| Luma([(x + y) as u8]))));
    let size = |p: &Photo, side: u32| thumbnail(p, side).dimensions();
    assert_eq!(size(&grey(3200, 2400), 1600), (1600, 1200));
    assert_eq!(size(&grey(100, 333), 240), (72, 240));
    assert_eq!(size(&grey(50, 20), 240), (50, 20), "never enlarged");
    assert_eq!(size(&grey(4000, 3), 100), (100, 1), "never nothing");
    assert_eq!(size(&grey(7, 9), 0), (1, 1));
    let inspection = judged(Verdict::Pass, Vec::new(), 4000, 1000);
    let overlay = draw(&grey(4000, 1000), &recipe(parts::disc(5.0), 1.0), &inspection);
    assert_eq!(overlay.dimensions(), (1600, 400));
}

#[test]
fn a_thumbnail_averages_every_kind_of_picture() {
    let deep = ImageBuffer::<Luma<u16>, _>::from_fn(8, 8, |x, _| Luma([if x % 2 == 0 { 0 } else { 257 * 100 }]));
    assert_eq!(thumbnail(&photo(Picture::Grey16(deep)), 4).get_pixel(1, 1), &Rgb([50, 50, 50]));
    let colour = RgbImage::from_fn(8, 8, |_, y| if y % 2 == 0 { Rgb([0, 100, 200]) } else { Rgb([200, 100, 0]) });
    assert_eq!(thumbnail(&photo(Picture::Colour(colour)), 4).get_pixel(2, 3), &Rgb([100, 100, 100]));
}

#[test]
fn boxes_stand_at_the_scaled_place_and_differ_in_shape() {
    let (width, height) = (3200, 2400);
    let blank = photo(Picture::Grey(GrayImage::from_pixel(width, height, Luma([128]))));
    let draw_one = |verdict| {
        let region = [1000, 800, 400, 300];
        let inspection = judged(verdict, vec![result("a", verdict, &[region])], width, height);
        draw(&blank, &recipe(parts::disc(5.0), 1.0), &inspection)
    };
    // Half the size: the box is around (500, 400) to (699, 549).
    let fail = draw_one(Verdict::Fail);
    let red = extent(&fail, colour(Verdict::Fail), [520, 390, 100, 50]).unwrap();
    assert!(red[1].abs_diff(400) <= 3 && red[3].abs_diff(400) <= 3, "the upper line lies at 400: {red:?}");
    let red = extent(&fail, colour(Verdict::Fail), [690, 420, 30, 100]).unwrap();
    assert!(red[0].abs_diff(699) <= 3 && red[2].abs_diff(699) <= 3, "the right line lies at 699: {red:?}");
    // Crossed corners reach beyond the box; a dashed line has gaps; what passed has no box.
    let beyond = [480, 545, 18, 30];
    assert!(extent(&fail, colour(Verdict::Fail), beyond).is_some());
    let refer = draw_one(Verdict::Refer);
    assert!(extent(&refer, colour(Verdict::Refer), beyond).is_none());
    let left_line = |p: &RgbImage, c| (420..540).filter(|y| near(*p.get_pixel(500, *y), c)).count();
    assert_eq!(left_line(&fail, colour(Verdict::Fail)), 120);
    assert!(
        (40..90).contains(&left_line(&refer, colour(Verdict::Refer))),
        "{}",
        left_line(&refer, colour(Verdict::Refer))
    );
    let pass = draw_one(Verdict::Pass);
    assert!(extent(&pass, colour(Verdict::Pass), [450, 350, 300, 250]).is_none());
    assert!(extent(&pass, colour(Verdict::Pass), [1400, 0, 200, 200]).is_some(), "the badge stands at the top right");
}

#[test]
fn contours_land_on_the_part() {
    // A disc of 40 mm, turned and shifted; the drawn contour must lie on its edge in the overlay.
    let design = parts::rounded_rectangle(60.0, 40.0, 3.0, &[(-18.0, 0.0, 8.0), (15.0, 8.0, 6.0)]);
    let (width, height, mm_per_px) = (2400, 1800, 0.04);
    let scene = Scene::new(&design, width, height, mm_per_px).placed(
        &design,
        mm_per_px,
        Angle::from_degrees(17.0),
        Vector::new(90.0, -60.0),
    );
    let part = Rendered::new(&scene, &design, None).unwrap();
    let photo = part.photo();
    let recipe = recipe(design.clone(), mm_per_px);
    let inspection = inspect(&photo, &recipe, |_| {});
    assert!(inspection.pose.is_some(), "the part must be found");
    let overlay = draw(&photo, &recipe, &inspection);
    assert_eq!(overlay, draw(&photo, &recipe, &inspection), "the same input gives the same bits");
    let view = View::of(&photo, &overlay);
    let mut missed = 0;
    let mut places = 0;
    for contour in &design.contours {
        for point in contour.sample(0.5) {
            let (x, y) = view.place(part.truth.image_from_design.apply(point.p));
            let around = [x.round() as u32 - 1, y.round() as u32 - 1, 3, 3];
            places += 1;
            missed += usize::from(extent(&overlay, BLUE, around).is_none());
        }
    }
    assert!(places > 300 && missed == 0, "{missed} of {places} places on the true edge show no contour");
}

#[test]
fn contours_take_the_colour_of_their_checks() {
    let inspection = judged(
        Verdict::Fail,
        vec![
            result("hole-1.diameter", Verdict::Pass, &[]),
            result("hole-1.position", Verdict::Fail, &[]),
            result("hole-12.diameter", Verdict::Refer, &[]),
            // As a recipe from before slots were recognised calls it.
            result("cutout-1.profile", Verdict::Refer, &[]),
        ],
        100,
        100,
    );
    let of = |name: &str| {
        let feature = Feature { name: name.to_owned(), kind: FeatureKind::Cutout, contour: 0, segments: 0..1 };
        verdict_of(&feature, &inspection)
    };
    assert_eq!(of("hole-1"), Some(Verdict::Fail));
    assert_eq!(of("hole-12"), Some(Verdict::Refer));
    assert_eq!(of("hole-2"), None);
    assert_eq!((of("slot-1"), of("slot-2")), (Some(Verdict::Refer), None));
}

#[test]
fn the_badge_makes_way_for_boxes_and_demo_is_written() {
    let blank = photo(Picture::Grey(GrayImage::from_pixel(800, 600, Luma([128]))));
    let recipe = recipe(parts::disc(5.0), 1.0);
    let in_the_corner = judged(Verdict::Fail, vec![result("a", Verdict::Fail, &[[700, 20, 80, 80]])], 800, 600);
    let overlay = draw(&blank, &recipe, &in_the_corner);
    assert!(extent(&overlay, colour(Verdict::Fail), [0, 0, 120, 120]).is_some(), "the badge went to the left");
    let plain = judged(Verdict::Pass, Vec::new(), 800, 600);
    let without = draw(&blank, &recipe, &plain);
    let with = draw_with(&blank, &recipe, &plain, DrawOptions { demo: true });
    let white = |p: &RgbImage| p.pixels().filter(|p| p.0 == [255; 3]).count();
    assert!(white(&with) > white(&without) + 500);
}

#[test]
fn a_pose_beyond_all_bounds_does_not_hang() {
    let mut sketch = Sketch { picture: RgbImage::new(20, 20) };
    sketch.path(&[(f64::NAN, 3.0), (1e300, 4.0), (5.0, f64::INFINITY)], 3.0, BLUE);
    sketch.dashed(&[(0.0, 0.0), (1e12, 0.0)], 3.0, 4.0, BLUE);
    assert!(sketch.picture.pixels().all(|p| p.0 == [0; 3]));
    // A photo of one pixel can be drawn on.
    let dot = photo(Picture::Grey(GrayImage::new(1, 1)));
    let inspection = judged(Verdict::Refer, vec![result("a", Verdict::Refer, &[[0, 0, 1, 1]])], 1, 1);
    assert_eq!(draw(&dot, &recipe(parts::disc(1.0), 1.0), &inspection).dimensions(), (1, 1));
}

#[test]
fn jpeg_files_can_be_read_back() {
    let picture = RgbImage::from_pixel(40, 30, Rgb([10, 200, 90]));
    let bytes = encode_jpeg(&picture, 90).unwrap();
    assert!(near(*image::load_from_memory(&bytes).unwrap().to_rgb8().get_pixel(20, 20), Rgb([10, 200, 90])));
    assert!(encode_jpeg(&RgbImage::new(0, 5), 90).is_err());
}

/// What a check of the photo itself found is shown when it is good too; what a drawing shows anyway is not.
#[test]
fn what_was_found_is_framed_thinly_without_a_sign() {
    let grey = photo(Picture::Grey(GrayImage::from_pixel(400, 300, Luma([128]))));
    let frame = [100, 100, 80, 60];
    let drawn = |check_type: &'static str, verdict: Verdict| {
        let mut found = result("x.count", verdict, &[frame]);
        found.characteristic.check_type = check_type;
        draw(&grey, &recipe(parts::disc(5.0), 1.0), &judged(verdict, vec![found], 400, 300))
    };
    // Apart from the part's own sign in the corner.
    let within = [60, 40, 180, 160];
    let green = extent(&drawn("count", Verdict::Pass), colour(Verdict::Pass), within).expect("a frame");
    for (found, expected) in green.iter().zip([100, 100, 179, 159]) {
        assert!(found.abs_diff(expected) <= 2, "{green:?}");
    }
    assert_eq!(extent(&drawn("hole", Verdict::Pass), colour(Verdict::Pass), within), None);
    // Failed: the sign stands above the frame.
    let red = extent(&drawn("count", Verdict::Fail), colour(Verdict::Fail), within).expect("a frame");
    assert!(red[1] < 95, "{red:?}");
}

/// Places of a profile: those that stray by half of what is allowed, by nearly all of it, and by twice as much, outwards and inwards.
#[test]
fn whiskers_say_how_far_a_profile_strays() {
    let design = parts::rounded_rectangle(40.0, 30.0, 3.0, &[(0.0, 0.0, 8.0)]);
    let (width, height, mm_per_px) = (1600, 1200, 0.03);
    let scene = Scene::new(&design, width, height, mm_per_px);
    let photo = Rendered::new(&scene, &design, None).expect("a part").photo();
    let recipe = recipe(design, mm_per_px);
    let mut inspection = inspect(&photo, &recipe, |_| ());
    let (p, normal) = (Point::<ImagePx>::new(900.0, 300.0), Vector::new(0.0, -1.0));
    let strays =
        |k: u32, mm: f64| SeenEdge { p: Point::new(p.x + 20.0 * f64::from(k), p.y), normal, shows: Shows::Strays(mm) };
    let mut of_profile = result("outline.profile", Verdict::Pass, &[]);
    // Allowed is 0.1 mm on either side.
    of_profile.characteristic.upper = Some(0.2);
    let edges = [0.05, 0.09, 0.4, -0.05, -0.09, -0.4].iter().zip(0..).map(|(mm, k)| strays(k, *mm));
    of_profile.observation = of_profile.observation.seeing(edges.collect());
    inspection.results.push(of_profile);
    let picture = draw(&photo, &recipe, &inspection);
    let reach = |k: u32, verdict| {
        let [_, top, _, low] = extent(&picture, colour(verdict), [895 + 20 * k, 250, 10, 100]).unwrap();
        (300 - i64::from(top), i64::from(low) - 300)
    };
    for (k, verdict, px) in [(0, Verdict::Pass, 10), (1, Verdict::Refer, 18), (2, Verdict::Fail, 40)] {
        let ((out, none), (rest, inwards)) = (reach(k, verdict), reach(k + 3, verdict));
        assert!((out - px).abs() <= 2 && none <= 2 && (inwards - px).abs() <= 2 && rest <= 2, "{k}: {out} {inwards}");
    }
}
