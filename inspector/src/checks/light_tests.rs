//! Light that the camera cannot tell: a reflex at an edge, a ground at the brightest code, and a picture out of focus.

use super::gauge_tests::open;
use super::{Check, Observation, Outcome, hole, profile, symmetry};
use crate::calibration::{CalibrationPolicy, locate};
use crate::design::{Design, Reference};
use crate::photo::Picture;
use crate::reason::Reason;
use crate::registration::register;
use crate::synth::{Noise, Paint, Rendered, Scene, parts};

const SCALE: f64 = 0.05;
const SIDE: u32 = 800;
/// Of the hole in the middle, mm.
const HOLE: f64 = 6.0;

fn plate() -> Design {
    parts::pierced_disc(24.0, &[(0.0, 0.0, HOLE)])
}

fn check(t: &super::CheckType, text: &str) -> Box<dyn Check> {
    open(t, &format!("type = \"{}\"\n{text}", t.name), &Reference::Drawing(plate())).expect("the check opens")
}

fn diameter() -> Box<dyn Check> {
    check(&hole::TYPE, &format!("feature = \"hole-1\"\ndiameter = {{ nominal = {HOLE}, lower = -0.3, upper = 0.3 }}"))
}

/// What the first of a check's characteristics shows in a scene, after `light` has changed the codes at each place from the middle, px.
fn seen(
    check: &dyn Check,
    drawn: &Design,
    scene: &Scene,
    policy: CalibrationPolicy,
    light: impl Fn(f64, f64, f64) -> f64,
) -> Observation {
    let mut photo = Rendered::new(scene, drawn, None).expect("a part").photo();
    let Picture::Grey(picture) = &mut photo.picture else { panic!("a grey picture") };
    let middle = 0.5 * f64::from(SIDE);
    for (x, y, p) in picture.enumerate_pixels_mut() {
        let code = light(f64::from(x) - middle, f64::from(y) - middle, f64::from(p.0[0]));
        p.0[0] = code.round().clamp(0.0, 255.0) as u8;
    }
    check.observe(&register(locate(&photo, &policy), &Reference::Drawing(drawn.clone()))).swap_remove(0)
}

fn scene() -> Scene {
    Scene { noise: Noise { read: 0.004, shot: 1e-4 }, seed: 3, ..Scene::new(&plate(), SIDE, SIDE, SCALE) }
}

/// Under light `gain` times as strong.
fn lit(gain: f64) -> Scene {
    Scene { part: Paint::grey(0.06 * gain), background: Paint::grey(0.7 * gain), ..scene() }
}

const fn as_it_is(_: f64, _: f64, code: f64) -> f64 {
    code
}

fn value(observation: &Observation) -> (f64, f64) {
    let Outcome::Measured { value, u } = observation.outcome else { panic!("{observation:?}") };
    (value, u)
}

/// A lamp mirrored `at` px from the middle of the part, Gaussian.
fn reflex(at: f64, sigma: f64) -> impl Fn(f64, f64, f64) -> f64 {
    move |x, y, code| code + 400.0 * libm::exp(-((x - at) * (x - at) + y * y) / (2.0 * sigma * sigma))
}

/// Over one side of the hole it hides its edges: those of the other side measure it. Over all of the hole nothing does, and over an edge of the outline nobody knows
/// whether it is where it should be. Beside all edges it does no harm.
#[test]
fn an_edge_in_a_reflex_is_not_measured() {
    let policy = CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(SCALE) };
    let (hole, outline) = (diameter(), check(&profile::TYPE, "feature = \"outline\"\nzone = 0.4"));
    let seen = |check: &dyn Check, at: f64, sigma| seen(check, &plate(), &scene(), policy.clone(), reflex(at, sigma));
    for beside in [75.0, 150.0] {
        let (value, u) = value(&seen(hole.as_ref(), beside, 20.0));
        assert!((value - HOLE).abs() < 2.0 * u + 0.003 && u < 0.01, "{beside}: {value} u {u}");
    }
    assert_eq!(seen(hole.as_ref(), 0.0, 40.0).outcome, Outcome::NotMeasured(Reason::Glare));
    assert_eq!(seen(outline.as_ref(), 235.0, 20.0).outcome, Outcome::NotMeasured(Reason::Glare));
    let (deviation, _) = value(&seen(outline.as_ref(), 150.0, 20.0));
    assert!(deviation < 0.03, "{deviation}");
}

/// A bevel that mirrors the lamp, 4.5 px wide: the edge that is seen is its inner one.
#[test]
fn a_shining_bevel_is_not_measured() {
    let bevel = |x: f64, y: f64, code: f64| if (235.5..240.0).contains(&libm::hypot(x, y)) { 255.0 } else { code };
    let outline = check(&profile::TYPE, "feature = \"outline\"\nzone = 0.4");
    let found = seen(outline.as_ref(), &plate(), &scene(), CalibrationPolicy::of(SCALE), bevel);
    assert_eq!(found.outcome, Outcome::NotMeasured(Reason::Glare));
}

/// A lamp over a side of the part and the border of the picture is a reflex, not an overexposed ground.
#[test]
fn a_reflex_that_reaches_the_border_is_one() {
    let outline = check(&profile::TYPE, "feature = \"outline\"\nzone = 0.4");
    let found = seen(outline.as_ref(), &plate(), &scene(), CalibrationPolicy::of(SCALE), reflex(330.0, 60.0));
    assert_eq!(found.outcome, Outcome::NotMeasured(Reason::Glare));
}

/// Edges beside a ground brighter than the camera can tell are seen inside of the material, the hole too large: so they are less certain, unless they were calibrated beside such a
/// ground.
#[test]
fn beside_an_overexposed_ground_edges_are_less_certain() {
    let policy = CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(SCALE) };
    let hole = diameter();
    let of = |gain: f64, policy: CalibrationPolicy| value(&seen(hole.as_ref(), &plate(), &lit(gain), policy, as_it_is));
    let (good, u) = of(1.0, policy.clone());
    assert!((good - HOLE).abs() < 2.0 * u && u < 0.003, "{good} u {u}");
    for gain in [2.0, 4.0] {
        let (value, u) = of(gain, policy.clone());
        assert!(value - HOLE > 0.01 && value - HOLE < 2.0 * u, "{gain}: {value} u {u}");
        let calibrated = CalibrationPolicy { overexposed_ground: true, ..policy.clone() };
        assert!(of(gain, calibrated).1 < 0.003);
    }
    // The other way round: what was calibrated beside such a ground does not hold beside another.
    assert!(of(1.0, CalibrationPolicy { overexposed_ground: true, ..policy }).1 > 0.05);
}

/// A part that is lit too much on a dark ground: nobody can tell where its edges are.
#[test]
fn an_overexposed_part_is_not_measured() {
    let policy = CalibrationPolicy::of(SCALE);
    let bright = Scene { part: Paint::grey(2.0), background: Paint::grey(0.1), ..scene() };
    let found = seen(diameter().as_ref(), &plate(), &bright, policy, as_it_is);
    assert_eq!(found.outcome, Outcome::NotMeasured(Reason::Glare));
}

/// Blur of more than 4.5 px is beyond what edges are fitted to.
#[test]
fn out_of_focus_no_edge_is_found() {
    let policy = CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(SCALE) };
    let hole = diameter();
    for blur_px in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0] {
        let found = seen(hole.as_ref(), &plate(), &Scene { blur_px, ..scene() }, policy.clone(), as_it_is);
        match found.outcome {
            Outcome::Measured { value, u } => {
                println!("{blur_px}: {value} {u}");
                assert!(blur_px < 4.5 && (value - HOLE).abs() < 2.0 * u + 0.002, "{blur_px}: {value} u {u}");
            }
            Outcome::NotMeasured(reason) => {
                println!("{blur_px}: {reason}");
                assert!(blur_px > 4.5 && matches!(reason, Reason::NoEdge { .. }), "{blur_px}: {reason}");
            }
        }
    }
}

/// A part with one axis, of which a reflex hides a piece of a side: whether that is where its mirror image is, nobody knows.
#[test]
fn symmetry_is_not_known_of_a_side_in_a_reflex() {
    let drawn = parts::polygon(&[(0.0, 0.0, 0.0), (24.0, 0.0, 0.0), (20.0, 16.0, 0.0), (4.0, 16.0, 0.0)], &[], &[]);
    let reference = Reference::Drawing(drawn.clone());
    let check = open(&symmetry::TYPE, "type = \"symmetry\"\naxis = 90.0\nupper = 0.3", &reference).expect("it opens");
    let scene = Scene { noise: Noise { read: 0.004, shot: 1e-4 }, ..Scene::new(&drawn, SIDE, SIDE, SCALE) };
    let at = |px: f64| seen(check.as_ref(), &drawn, &scene, CalibrationPolicy::of(SCALE), reflex(px, 12.0));
    assert!(value(&at(0.0)).0 < 0.02);
    assert_eq!(at(200.0).outcome, Outcome::NotMeasured(Reason::Glare));
}
