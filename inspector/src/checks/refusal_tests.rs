//! What strays farther than edges are looked for counts at least so far; what cannot be measured is a reason that says what to do, never a number.

use super::gauge_tests::{Made, near, open, plate_of};
use super::{
    Check, CheckType, Observation, Outcome, angle, arc, burr, distance, hole, profile, roundness, straightness,
    symmetry, width,
};
use crate::calibration::{CalibrationPolicy, Tone, locate};
use crate::decision::{Rule, Verdict, decide};
use crate::design::{Body, Contour, Design, FeatureKind, Reference, Segment};
use crate::geometry::{Angle, Circle, Point, Vector};
use crate::reason::Reason;
use crate::registration::register;
use crate::synth::{Fault, Noise, Rendered, Scene, parts};

const SCALE: f64 = 0.04;

/// What a check of the drawing observes of a part as made, and its first verdict.
fn observed(t: &CheckType, text: &str, drawn: &Design, made: &Design, read: f64) -> (Vec<Observation>, Verdict) {
    let reference = Reference::Drawing(drawn.clone());
    let check =
        open(t, &format!("type = \"{}\"\n{text}", t.name), &reference).unwrap_or_else(|e| panic!("{text}: {e}"));
    let (w, h, _) = parts::extent(made);
    let side = (libm::hypot(w, h) / SCALE) as u32 + 160;
    seen(check.as_ref(), &reference, made, read, [side, side], 12.0)
}

/// The same in a picture of that size, px, in which the part is turned so far.
fn seen(
    check: &dyn Check,
    reference: &Reference,
    made: &Design,
    read: f64,
    [width, height]: [u32; 2],
    degrees: f64,
) -> (Vec<Observation>, Verdict) {
    let scene = Scene { noise: Noise { read, shot: 1e-4 }, seed: 5, ..Scene::new(made, width, height, SCALE) };
    look(check, reference, made, &scene.placed(made, SCALE, Angle::from_degrees(degrees), Vector::new(3.0, -2.0)))
}

/// The same in a scene.
fn look(check: &dyn Check, reference: &Reference, made: &Design, scene: &Scene) -> (Vec<Observation>, Verdict) {
    let photo = Rendered::new(scene, made, None).expect("a part").photo();
    let policy = CalibrationPolicy {
        mm_per_px: SCALE,
        u_scale: 5e-4,
        edge_offset_px: 0.0,
        u_edge_px: 0.03,
        tone: Tone::Srgb,
        ..CalibrationPolicy::of(SCALE)
    };
    let observations = check.observe(&register(locate(&photo, &policy), reference));
    let verdict = decide(&check.characteristics()[0], &observations[0], Rule::Guarded).verdict;
    (observations, verdict)
}

fn value(observation: &Observation) -> f64 {
    match &observation.outcome {
        Outcome::Measured { value, .. } => *value,
        Outcome::NotMeasured(reason) => panic!("{reason}"),
    }
}

/// The one reason why nothing was measured, in words.
fn reason(observations: &[Observation]) -> (Reason, String) {
    match &observations[0].outcome {
        Outcome::NotMeasured(reason) => (reason.clone(), reason.to_string()),
        measured @ Outcome::Measured { .. } => panic!("{measured:?}"),
    }
}

fn quiet(t: &CheckType, text: &str, drawn: &Design, made: &Design) -> (Vec<Observation>, Verdict) {
    observed(t, text, drawn, made, 0.004)
}

fn between(a: &str, b: &str, d: &str) -> String {
    format!("from = \"{a}\"\nto = \"{b}\"\n{d}")
}

/// Mirror symmetric about x = 12: 24 x 16 mm, a hole in the middle; along the upper side corners that may be put elsewhere.
fn block(upper: &[(f64, f64)]) -> Design {
    let corners = [(0.0, 0.0), (24.0, 0.0), (24.0, 16.0)].iter().chain(upper).chain(&[(0.0, 16.0)]);
    let corners: Vec<_> = corners.map(|(x, y)| (*x, *y, 0.0)).collect();
    parts::polygon(&corners, &[(12.0, 6.0, 6.0), (4.0, 4.0, 2.0), (20.0, 4.0, 2.0)], &[])
}

fn upper(drawn: &Design) -> String {
    near(drawn, "edge", 12.0, 16.0)
}

fn lower(drawn: &Design) -> String {
    near(drawn, "edge", 12.0, 0.0)
}

/// Deeper than edges are looked for (1.5 mm), over a quarter of the edge.
#[test]
fn a_notch_and_a_lump_deeper_than_the_search_fail_every_form() {
    let drawn = block(&[]);
    let notch = block(&[(20.0, 16.0), (20.0, 13.5), (16.0, 13.5), (16.0, 16.0)]);
    let lump = block(&[(18.0, 16.0), (18.0, 18.5), (16.6, 18.5), (16.6, 16.0)]);
    let straight = format!("feature = \"{}\"\nupper = 0.1", upper(&drawn));
    for (name, made) in [("notch", &notch), ("lump", &lump)] {
        for (t, text) in [(&straightness::TYPE, straight.as_str()), (&symmetry::TYPE, "axis = 90.0\nupper = 0.3")] {
            let (seen, verdict) = quiet(t, text, &drawn, made);
            assert!(verdict == Verdict::Fail && value(&seen[0]) > 1.3, "{name} {}: {seen:?}", t.name);
        }
    }
    let (seen, verdict) = quiet(&burr::TYPE, "height = 0.2\nwidth = 2.5", &drawn, &lump);
    assert!(verdict == Verdict::Fail && value(&seen[0]) > 1.3, "{seen:?}");
    // 1.4 mm wide, to a spacing.
    assert!((value(&seen[1]) - 1.4).abs() < 0.3, "{seen:?}");
    let Outcome::Measured { u, .. } = seen[1].outcome else { panic!("{seen:?}") };
    assert!(u > 0.03, "{seen:?}");
}

/// A key's groove, 1 mm wide and deeper than is looked: the ring holds it at least as far.
#[test]
fn a_groove_in_a_hole_is_no_roundness() {
    let drawn = block(&[]);
    let mut contours = drawn.contours.clone();
    let name = near(&drawn, "hole", 12.0, 6.0);
    let index = drawn.feature(&name).expect("a hole").0.contour;
    let (centre, radius) = (Point::new(12.0, 6.0), 3.0);
    let half = libm::asin(0.5 / radius);
    let at = |angle: f64, r: f64| centre + Vector::new(r * libm::cos(angle), r * libm::sin(angle));
    let (deep_low, deep_high) = (Point::new(12.0 + 5.2, 6.0 - 0.5), Point::new(12.0 + 5.2, 6.0 + 0.5));
    contours[index] = Contour {
        segments: vec![
            Segment::Arc {
                circle: Circle { centre, radius },
                start: Angle::from_radians(-half),
                sweep: Angle::from_radians(-(std::f64::consts::TAU - 2.0 * half)),
            },
            Segment::Line { from: at(half, radius), to: deep_high },
            Segment::Line { from: deep_high, to: deep_low },
            Segment::Line { from: deep_low, to: at(-half, radius) },
        ],
    };
    let made = Design::from_contours(contours).expect("a part");
    let (seen, verdict) = quiet(&roundness::TYPE, &format!("feature = \"{name}\"\nupper = 0.2"), &drawn, &made);
    assert!(verdict == Verdict::Fail && value(&seen[0]) > 1.0, "{seen:?}");
}

/// An edge that is gone over most of its length has no line.
#[test]
fn an_edge_that_is_gone_has_no_distance() {
    let drawn = block(&[]);
    let height = between(&lower(&drawn), &upper(&drawn), "width = { nominal = 16.0, lower = -0.3, upper = 0.3 }");
    let gone = block(&[(22.0, 16.0), (22.0, 13.5), (6.0, 13.5), (6.0, 16.0)]);
    let (why, words) = reason(&quiet(&width::TYPE, &height, &drawn, &gone).0);
    assert!(matches!(why, Reason::NoEdge { .. }), "{words}");
}

/// Two sides that are not parallel as made have no one distance, unless the tolerance covers its change.
#[test]
fn a_wedge_has_no_width() {
    let drawn = block(&[]);
    let corners = [(0.0, 0.0, 0.0), (24.0, 0.0, 0.0), (24.0, 16.4, 0.0), (0.0, 15.6, 0.0)];
    let made = parts::polygon(&corners, &[(12.0, 6.0, 6.0), (4.0, 4.0, 2.0), (20.0, 4.0, 2.0)], &[]);
    let (low, high) = (lower(&drawn), upper(&drawn));
    let of = |t: f64| between(&low, &high, &format!("width = {{ nominal = 16.0, lower = -{t}, upper = {t} }}"));
    let (why, words) = reason(&quiet(&width::TYPE, &of(0.2), &drawn, &made).0);
    assert!(matches!(why, Reason::NoFit { .. }) && words.contains("measure the angle"), "{words}");
    // Beside the middle of the two it is 16 mm.
    let (seen, verdict) = quiet(&width::TYPE, &of(0.5), &drawn, &made);
    assert!(verdict == Verdict::Pass && (value(&seen[0]) - 16.0).abs() < 0.02, "{seen:?}");
    let far = between(&high, &low, "width = { nominal = 16.0, lower = -0.5, upper = 0.5 }");
    assert!((value(&quiet(&width::TYPE, &far, &drawn, &made).0[0]) - value(&seen[0])).abs() < 1e-6);
}

/// Features of few pixels: each is refused with what to do.
#[test]
fn features_of_few_pixels_need_a_closer_view() {
    // A step of 1.1 mm in the right side, a slot 0.28 mm wide, a hole of 0.5 mm.
    let corners = [(0.0, 0.0), (24.0, 0.0), (24.0, 9.0), (22.9, 9.0), (22.9, 16.0), (0.0, 16.0)];
    let corners = corners.map(|(x, y)| (x, y, 0.0));
    let drawn = parts::polygon(&corners, &[(6.0, 6.0, 4.0), (18.0, 12.0, 0.5)], &[(12.0, 4.0, 5.0, 0.28, 0.0)]);
    let step = near(&drawn, "edge", 23.5, 9.0);
    let tiny = near(&drawn, "hole", 18.0, 12.0);
    let cases = [
        (&straightness::TYPE, format!("feature = \"{step}\"\nupper = 0.1")),
        (
            &distance::TYPE,
            between(&near(&drawn, "hole", 6.0, 6.0), &step, "distance = { nominal = 3.0, lower = -0.1, upper = 0.1 }"),
        ),
        (&width::TYPE, "feature = \"slot-1\"\nwidth = { nominal = 0.28, lower = -0.05, upper = 0.05 }".to_owned()),
        (&burr::TYPE, format!("feature = \"{tiny}\"\nheight = 0.1")),
    ];
    for (t, text) in cases {
        let (why, words) = reason(&quiet(t, &text, &drawn, &drawn).0);
        assert!(matches!(why, Reason::TooSmall { .. }) && words.contains("closer"), "{}: {why:?} {words}", t.name);
    }
}

/// An arc that is deep enough, in a photo so noisy that its radius is anybody's guess.
#[test]
fn a_radius_known_to_a_tenth_of_itself_is_not_measured() {
    let far = 16.0 - 10.0 * libm::tan(25.0_f64.to_radians());
    let corners = [(0.0, 0.0, 0.0), (24.0, 0.0, 0.0), (24.0, 16.0, 0.0), (10.0, 16.0, 4.0), (0.0, far, 0.0)];
    let drawn = parts::polygon(&corners, &[(14.0, 6.0, 4.0)], &[]);
    let arc = drawn.features.iter().find(|f| matches!(f.kind, FeatureKind::Arc { .. })).expect("an arc");
    let text = format!("feature = \"{}\"\nradius = {{ nominal = 4.0, lower = -1.0, upper = 1.0 }}", arc.name);
    let (seen, _) = quiet(&arc::TYPE, &text, &drawn, &drawn);
    assert!((value(&seen[0]) - 4.0).abs() < 0.5, "{seen:?}");
    let (why, words) = reason(&observed(&arc::TYPE, &text, &drawn, &drawn, 0.08).0);
    assert!(matches!(why, Reason::ShortArc { .. }), "{words}");
}

/// A part that lies on its face has its angles all the same.
#[test]
fn an_angle_is_the_same_from_behind() {
    let drawn = plate_of(1.0, Made::default());
    let both = Design { body: Body { either_side: true, ..drawn.body }, ..drawn.clone() };
    let edge = |x, y| near(&drawn, "edge", x, y);
    let text = between(&edge(0.0, 4.0), &edge(7.0, 0.0), "angle = { nominal = 90.0, lower = -3.0, upper = 3.0 }");
    let (lean, top) = (0.3, 10.0);
    let truth = libm::atan2(top, lean).to_degrees();
    let front = plate_of(1.0, Made { lean, ..Made::default() });
    // Seen from behind x runs to the left; corners then run the other way round.
    let corners = [(0.0, 0.0, 0.0), (-lean, top, 2.5), (-11.0, top, 0.0), (-14.0, 7.0, 0.0), (-14.0, 0.0, 0.0)];
    let behind = parts::polygon(&corners, &[(-3.0, 3.5, 2.0), (-11.0, 3.5, 2.4)], &[(-6.5, 7.0, 5.0, 1.4, 0.0)]);
    for (name, made) in [("front", &front), ("behind", &behind)] {
        let (seen, _) = quiet(&angle::TYPE, &text, &both, made);
        assert!((value(&seen[0]) - truth).abs() < 0.03, "{name}: {seen:?}, true {truth}");
    }
}

/// A hole of 1 mm that was cut with three sides: its edges lie within reach of the circle that was drawn, and are none.
#[test]
fn a_hole_with_three_sides_has_no_diameter() {
    let drawn = parts::polygon(&CORNERS, &[(6.0, 6.0, 4.0), (18.0, 8.0, 1.0)], &[]);
    let name = near(&drawn, "hole", 18.0, 8.0);
    let text = format!("feature = \"{name}\"\ndiameter = {{ nominal = 1.0, lower = -0.3, upper = 0.3 }}");
    assert!((value(&quiet(&hole::TYPE, &text, &drawn, &drawn).0[0]) - 1.0).abs() < 0.05);
    let mut contours = drawn.contours.clone();
    let index = drawn.feature(&name).expect("a hole").0.contour;
    let corner = |k: f64| {
        let (sin, cos) = libm::sincos(-k * std::f64::consts::TAU / 3.0);
        Point::new(18.0 + 0.75 * cos, 8.0 + 0.75 * sin)
    };
    let side = |k: f64| Segment::Line { from: corner(k), to: corner(k + 1.0) };
    contours[index] = Contour { segments: vec![side(0.0), side(1.0), side(2.0)] };
    let made = Design::from_contours(contours).expect("a part");
    let (why, words) = reason(&quiet(&hole::TYPE, &text, &drawn, &made).0);
    assert!(matches!(why, Reason::NoFit { .. }) && words.contains("not round"), "{words}");
}

/// 24 x 16 mm, a step in its right side so that it looks like itself in no other pose.
const CORNERS: [(f64, f64, f64); 6] =
    [(0.0, 0.0, 0.0), (24.0, 0.0, 0.0), (24.0, 9.0, 0.0), (21.0, 9.0, 0.0), (21.0, 16.0, 0.0), (0.0, 16.0, 0.0)];

/// A saw's cut, deeper than is looked: where it is too narrow for clean edges, what little is seen of it counts all the same.
#[test]
fn a_narrow_cut_is_no_straight_edge() {
    let drawn = parts::polygon(&CORNERS, &[(6.0, 6.0, 4.0)], &[]);
    let text = format!("feature = \"{}\"\nupper = 0.1", near(&drawn, "edge", 10.5, 16.0));
    for wide in [0.16, 0.2, 0.24, 0.3] {
        let cut = [(14.0, 16.0, 0.0), (14.0, 14.0, 0.0), (14.0 - wide, 14.0, 0.0), (14.0 - wide, 16.0, 0.0)];
        let corners: Vec<_> = CORNERS[..5].iter().chain(&cut).chain(&CORNERS[5..]).copied().collect();
        let made = parts::polygon(&corners, &[(6.0, 6.0, 4.0)], &[]);
        let (seen, verdict) = quiet(&straightness::TYPE, &text, &drawn, &made);
        println!("{wide}: {seen:?}");
        assert!(verdict == Verdict::Fail && value(&seen[0]) > 0.3, "{wide}: {seen:?}");
    }
}

/// Of a short edge of which half is gone, four places are left: no line.
#[test]
fn four_edges_are_no_line() {
    let made = |notch: f64| {
        let (low, high) = (9.8 - 0.5 * notch, 9.8 + 0.5 * notch);
        let mut corners = vec![(0.0, 0.0), (24.0, 0.0), (24.0, 9.0), (25.6, 9.0)];
        if notch > 0.0 {
            corners.extend([(25.6, low), (23.6, low), (23.6, high), (25.6, high)]);
        }
        corners.extend([(25.6, 10.6), (24.0, 10.6), (24.0, 16.0), (0.0, 16.0)]);
        let corners: Vec<_> = corners.into_iter().map(|(x, y)| (x, y, 0.0)).collect();
        parts::polygon(&corners, &[(6.0, 6.0, 4.0)], &[])
    };
    let drawn = made(0.0);
    let (hole, edge) = (near(&drawn, "hole", 6.0, 6.0), near(&drawn, "edge", 25.6, 9.8));
    let text = between(&hole, &edge, "distance = { nominal = 19.6, lower = -0.1, upper = 0.1 }");
    let of = |notch: f64| quiet(&distance::TYPE, &text, &drawn, &made(notch)).0;
    assert!((value(&of(0.3)[0]) - 19.6).abs() < 0.02);
    assert!(matches!(reason(&of(0.54)).0, Reason::NoEdge { found: 4, expected: 8 }));
}

/// A quarter of the part is broken off where the picture ends: what the photo cannot show is not measured from the rest.
#[test]
fn what_the_picture_does_not_show_is_said() {
    let either = |d: Design| Design { body: Body { either_side: true, ..d.body }, ..d };
    let drawn = either(block(&[]));
    let right = near(&drawn, "edge", 24.0, 8.0);
    let broken = [(0.0, 0.0, 0.0), (18.6, 0.0, 0.0), (18.6, 16.0, 0.0), (0.0, 16.0, 0.0)];
    let made = parts::polygon(&broken, &[(12.0, 6.0, 6.0), (4.0, 4.0, 2.0)], &[]);
    let cases = [
        (&straightness::TYPE, format!("feature = \"{right}\"\nupper = 0.1")),
        (&profile::TYPE, "zone = 0.6".to_owned()),
        (&burr::TYPE, "height = 0.2".to_owned()),
        (&symmetry::TYPE, "axis = 90.0\nupper = 0.3".to_owned()),
    ];
    let reference = Reference::Drawing(drawn);
    for (t, text) in cases {
        let check = open(t, &format!("type = \"{}\"\n{text}", t.name), &reference).expect("it opens");
        // The drawn right side lies 85 px outside.
        let (why, words) = reason(&seen(check.as_ref(), &reference, &made, 0.004, [565, 520], 1.0).0);
        assert_eq!(why, Reason::OutOfPicture, "{}: {words}", t.name);
    }
}

/// A part that fills the picture leaves no background: it is too large, not absent.
#[test]
fn a_part_larger_than_the_picture_is_said_to_be() {
    let drawn = block(&[]);
    let reference = Reference::Drawing(drawn.clone());
    let text = "type = \"profile\"\nfeature = \"outline\"\nzone = 0.4";
    let check = open(&profile::TYPE, text, &reference).expect("it opens");
    for (size, shift) in [([240, 180], 0.0), ([400, 300], 120.0)] {
        // Beside the holes there is nothing but the part.
        let scene = Scene { seed: 5, ..Scene::new(&drawn, size[0], size[1], SCALE) };
        let scene = scene.placed(&drawn, SCALE, Angle::from_degrees(3.0), Vector::new(0.0, shift));
        let found = reason(&look(check.as_ref(), &reference, &drawn, &scene).0).0;
        assert_eq!(found, Reason::PartOutsidePicture, "{size:?}");
    }
    // Where nothing is seen nothing is said to be too large.
    let scene = Scene { seed: 5, ..Scene::new(&drawn, 100, 80, SCALE) };
    let scene = scene.placed(&drawn, SCALE, Angle::from_degrees(3.0), Vector::new(0.0, 4000.0));
    assert_eq!(reason(&look(check.as_ref(), &reference, &drawn, &scene).0).0, Reason::NoPart);
}

/// Clean edges have no burr, corners and all, and nothing that has a width.
#[test]
fn clean_edges_have_no_burr() {
    let drawn = block(&[]);
    let (seen, verdict) = quiet(&burr::TYPE, "height = 0.2\nwidth = 2.0", &drawn, &drawn);
    assert!(verdict == Verdict::Pass && value(&seen[0]) < 0.03, "{seen:?}");
    assert!(value(&seen[1]) == 0.0, "{seen:?}");
}

/// A burr of 6 px under blur is seen to stray by less than it does; what blur may have taken is in value and uncertainty of `profile`, too.
#[test]
fn a_narrow_burr_strays_farther_than_it_is_seen_to() {
    let drawn = block(&[]);
    let (width, height) = (6.0 * SCALE, 3.0 * SCALE);
    let burr = Fault::Burr { segment: 0, at: 0.4, width, height };
    let reference = Reference::Drawing(drawn.clone());
    let check = open(&profile::TYPE, "type = \"profile\"\nzone = 0.2", &reference).expect("it opens");
    let made = burr.apply(&drawn).expect("there is room");
    let scene = Scene { blur_px: 2.0, seed: 5, ..Scene::new(&made, 1200, 1000, SCALE) };
    let scene = scene.placed(&made, SCALE, Angle::from_degrees(12.0), Vector::new(3.0, -2.0));
    let (seen, _) = look(check.as_ref(), &reference, &made, &scene);
    let Outcome::Measured { value, u } = seen[0].outcome else { panic!("{seen:?}") };
    println!("{:.3} mm, measured {value:.3}, u {u:.3}", 2.0 * height);
    assert!((value - 2.0 * height).abs() < 2.0 * u, "{value} mm, u {u} mm of {}", 2.0 * height);
    assert!(u < height, "{u} mm");
}

/// The lower sides of two arms look the same way: between them lie an arm and a gap.
#[test]
fn sides_that_look_the_same_way_have_no_width() {
    let corners =
        [(0.0, 0.0), (20.0, 0.0), (20.0, 4.0), (4.0, 4.0), (4.0, 10.0), (20.0, 10.0), (20.0, 14.0), (0.0, 14.0)];
    let drawn = parts::polygon(&corners.map(|(x, y)| (x, y, 0.0)), &[], &[]);
    let (lower, arm) = (near(&drawn, "edge", 10.0, 0.0), near(&drawn, "edge", 12.0, 10.0));
    let text = between(&lower, &arm, "width = { nominal = 10.0, lower = -0.1, upper = 0.1 }");
    let refused = open(&width::TYPE, &format!("type = \"width\"\n{text}"), &Reference::Drawing(drawn));
    assert!(refused.is_err_and(|e| e.message.contains("do not face each other")));
}

/// A comb, whose contour is so long that the pose is fitted to places 19 px apart. `dent`: where in the side of its middle tooth 10 x 5 px of material are missing, mm from its root.
fn comb(dent: Option<f64>) -> Design {
    const TEETH: i32 = 13;
    let mut corners = vec![(0.0, 0.0), (4.0 * f64::from(TEETH) - 2.0, 0.0)];
    for tooth in (0..TEETH).rev() {
        let (left, right) = (4.0 * f64::from(tooth), 4.0 * f64::from(tooth) + 2.0);
        if let Some(at) = dent.filter(|_| tooth == TEETH / 2) {
            corners.extend([(right, 8.0 + at), (right - 0.2, 8.0 + at), (right - 0.2, 8.4 + at), (right, 8.4 + at)]);
        }
        corners.extend([(right, 48.0), (left, 48.0)]);
        if tooth > 0 {
            corners.extend([(left, 8.0), (left - 2.0, 8.0)]);
        }
    }
    let corners: Vec<_> = corners.into_iter().map(|(x, y)| (x, y, 0.0)).collect();
    parts::polygon(&corners, &[], &[])
}

/// Wherever it is, it is seen: by the edges between those that the pose has as well.
#[test]
fn a_dent_between_the_places_of_the_pose_is_seen() {
    let drawn = comb(None);
    for dent in [9.83, 10.26, 10.71, 11.12] {
        for (t, text, truth) in [
            (&profile::TYPE, "feature = \"outline\"\nzone = 0.2", 0.4),
            (&symmetry::TYPE, "axis = 90.0\nupper = 0.1", 0.2),
        ] {
            let (seen, verdict) = quiet(t, text, &drawn, &comb(Some(dent)));
            let Outcome::Measured { value, u } = seen[0].outcome else { panic!("{seen:?}") };
            println!("{dent} {}: {value:.3} u {u:.3}, {truth} in truth", t.name);
            assert!(verdict == Verdict::Fail && (value - truth).abs() < 2.0 * u + 0.02, "{dent} {}: {seen:?}", t.name);
        }
    }
}
