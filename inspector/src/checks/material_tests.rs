//! What `missing` and `extra` do not see is in their uncertainty, or said.

use super::gauge_tests::open;
use super::material::least_seen;
use super::{CheckType, Observation, Outcome, extra, missing};
use crate::calibration::{CalibrationPolicy, locate};
use crate::design::{Design, Reference};
use crate::photo::Picture;
use crate::reason::Reason;
use crate::registration::register;
use crate::synth::{Noise, Rendered, Scene, Seeded, parts};

/// A disc of 30 mm with a hole of 8 mm, and these.
fn disc(holes: &[(f64, f64, f64)]) -> Design {
    parts::pierced_disc(30.0, &[&[(0.0, 0.0, 8.0)], holes].concat())
}

/// What a check sees of a part as made, at so many mm per pixel and with that blur, after `light` has changed the codes at each place from the middle, px.
fn seen(
    t: &CheckType,
    drawn: &Design,
    made: &Design,
    [mm_per_px, blur_px]: [f64; 2],
    light: impl Fn(f64, f64, f64) -> f64,
) -> Observation {
    let side = (30.0 / mm_per_px) as u32 + 80;
    let scene =
        Scene { noise: Noise { read: 0.004, shot: 1e-4 }, seed: 3, blur_px, ..Scene::new(made, side, side, mm_per_px) };
    let mut photo = Rendered::new(&scene, made, None).expect("a part").photo();
    let Picture::Grey(picture) = &mut photo.picture else { panic!("a grey picture") };
    let middle = 0.5 * f64::from(side);
    for (x, y, p) in picture.enumerate_pixels_mut() {
        let code = light(f64::from(x) - middle, f64::from(y) - middle, f64::from(p.0[0]));
        p.0[0] = code.round().clamp(0.0, 255.0) as u8;
    }
    let reference = Reference::Drawing(drawn.clone());
    let check =
        open(t, &format!("type = \"{}\"\nupper = 0.3\nband = 0.3", t.name), &reference).expect("the check opens");
    check.observe(&register(locate(&photo, &CalibrationPolicy::of(mm_per_px)), &reference)).swap_remove(0)
}

const fn as_it_is(_: f64, _: f64, code: f64) -> f64 {
    code
}

fn value(observation: &Observation) -> (f64, f64) {
    let Outcome::Measured { value, u } = observation.outcome else { panic!("{observation:?}") };
    (value, u)
}

/// Pits of any size anywhere: larger ones than is said are all found, and what is not found is within U.
#[test]
fn a_pit_is_found_or_within_the_uncertainty() {
    let mut random = Seeded::new(5, 0x6d61);
    let (mut found, mut lost) = (0, 0);
    for (mm_per_px, blur_px) in [(0.05, 1.0), (0.1, 0.7), (0.1, 1.5), (0.2, 1.0), (0.25, 2.0)] {
        let factor = (0.1_f64 / mm_per_px + 1e-9).floor().max(1.0);
        let least = least_seen(mm_per_px * factor, blur_px * mm_per_px);
        for share in [0.15, 0.4, 0.7, 1.3, 2.0] {
            let at = random.between(0.0, std::f64::consts::TAU);
            let (x, y) = (9.0 * libm::cos(at), 9.0 * libm::sin(at));
            let area = share * least;
            let pit = (x, y, 2.0 * (area / std::f64::consts::PI).sqrt());
            let (value, u) = value(&seen(&missing::TYPE, &disc(&[]), &disc(&[pit]), [mm_per_px, blur_px], as_it_is));
            found += usize::from(value > 0.0);
            lost += usize::from(value == 0.0);
            assert!(share < 1.0 || value > 0.0, "{mm_per_px} {blur_px}: {area} is lost");
            assert!((value - area).abs() < 2.0 * u, "{mm_per_px} {blur_px}: {area} as {value} u {u}");
        }
    }
    assert!(found >= 10 && lost >= 5, "{found} {lost}");
}

/// A hole of 1.5 mm that nobody drilled: found at 0.1 mm per pixel; at 0.25 mm it cannot be seen, and that is said.
#[test]
fn a_hole_that_is_too_small_to_be_seen_closed_is_not_passed() {
    let drawn = disc(&[(9.0, 0.0, 1.4)]);
    let at = |mm_per_px: f64| seen(&extra::TYPE, &drawn, &disc(&[]), [mm_per_px, 1.0], as_it_is);
    let (area, _) = value(&at(0.1));
    assert!((area - 1.54).abs() < 0.5, "{area}");
    for coarse in [0.25, 0.3] {
        let found = at(coarse);
        assert!(matches!(found.outcome, Outcome::NotMeasured(Reason::TooSmall { .. })), "{coarse}: {found:?}");
    }
}

/// A slit along a side, wholly within 1.4 times the band but not within the band.
#[test]
fn a_slit_along_a_side_is_found_beyond_the_band() {
    let corners = [(0.0, 0.0, 0.0), (30.0, 0.0, 0.0), (30.0, 20.0, 0.0), (0.0, 20.0, 0.0)];
    let plate = |slits: &[(f64, f64, f64, f64, f64)]| parts::polygon(&corners, &[(9.0, 9.0, 6.0)], slits);
    let made = plate(&[(15.0, 0.31, 14.0, 0.22, 0.0)]);
    let (area, u) = value(&seen(&missing::TYPE, &plate(&[]), &made, [0.05, 1.0], as_it_is));
    assert!((area - 3.08).abs() < 2.0 * u + 0.3, "{area} u {u}");
}

/// A lamp mirrored by the part is no missing piece of it; one on the ground beside it may hide what is too much. Where the other looks, neither does harm.
#[test]
fn a_reflex_is_no_hole() {
    let reflex =
        |at: f64| move |x: f64, y: f64, code: f64| code + 400.0 * libm::exp(-((x - at) * (x - at) + y * y) / 128.0);
    let at = |t: &CheckType, at_px: f64| seen(t, &disc(&[]), &disc(&[]), [0.1, 1.0], reflex(at_px)).outcome;
    let glare = Outcome::NotMeasured(Reason::Glare);
    assert_eq!(at(&missing::TYPE, 95.0), glare);
    assert_eq!(at(&extra::TYPE, 170.0), glare);
    for (t, at_px) in [(&extra::TYPE, 95.0), (&missing::TYPE, 178.0)] {
        assert!(matches!(at(t, at_px), Outcome::Measured { value: 0.0, .. }), "{}", t.name);
    }
}
