//! Distances, angles, widths and arcs of plates of 3 mm under a camera that leans by 25°, beside the middle of its picture: what is stated of them is true.
//!
//! In each photo everything that is stated as uncertain is off by a normal deviate of it: how far away the camera is and how it leans, where edges are seen,
//! how thick the plate is.

use super::gauge_tests::{Errors, Made, near, open, plate_of};
use super::{Check, Observation, Outcome, angle, arc, distance, width};
use crate::calibration::{CalibrationPolicy, Camera, Lens, Located, Perspective, Source, Tone, World, Worlds, locate};
use crate::design::{Body, Design, Reference};
use crate::geometry::{Angle, Mm, Point, Rigid, Similarity, Vector};
use crate::photo::Photo;
use crate::reason::Reason;
use crate::registration::register;
use crate::synth::view::{Blur, Prism, Sensor, Sheet, View, noise_of};
use crate::synth::{Paint, Seeded, parts};
use rayon::prelude::*;
use std::sync::Arc;

/// The plate of the gauge's tests, four times as large: 56 x 40 mm.
const TIMES: f64 = 4.0;
const THICKNESS: f64 = 3.0;
const U_THICKNESS: f64 = 0.06;
const SIZE: (u32, u32) = (2000, 1500);
/// Of the camera's distance, mm, and of how it leans, rad.
const U_POSE: [f64; 2] = [0.06, 4e-4];
const U_EDGE_PX: f64 = 0.03;

/// Dimensions of the plate, with the observations that they are.
fn checks(drawn: &Design, reference: &Reference) -> Vec<Box<dyn Check>> {
    let k = TIMES;
    let edge = |x: f64, y: f64| near(drawn, "edge", k * x, k * y);
    let hole = |x: f64| near(drawn, "hole", k * x, k * 3.5);
    let of = |key: &str, nominal: f64| format!("{key} = {{ nominal = {nominal}, lower = -0.5, upper = 0.5 }}");
    let between = |a: String, b: String, d: String| format!("from = \"{a}\"\nto = \"{b}\"\n{d}");
    let slot = format!("feature = \"slot-1\"\n{}\n{}", of("width", 1.4 * k), of("length", 5.0 * k));
    let rounded = format!("feature = \"{}\"\n{}", near(drawn, "arc", 2.5 * k, 7.5 * k), of("radius", 2.5 * k));
    [
        (&distance::TYPE, between(hole(3.0), hole(11.0), of("distance", 8.0 * k))),
        (&distance::TYPE, between(edge(7.0, 0.0), hole(3.0), of("distance", 3.5 * k))),
        (&width::TYPE, between(edge(7.0, 0.0), edge(6.5, 10.0), of("width", 10.0 * k))),
        (&angle::TYPE, between(edge(0.0, 4.0), edge(7.0, 0.0), of("angle", 90.0))),
        (&width::TYPE, slot),
        (&arc::TYPE, rounded),
    ]
    .into_iter()
    .map(|(t, text)| open(t, &format!("type = \"{}\"\n{text}", t.name), reference).expect("it opens"))
    .collect()
}

/// What is true of a plate, in the order of the observations.
fn truths(m: &Made) -> Vec<f64> {
    let k = TIMES;
    let lean = libm::atan2(10.0 * k + m.high, m.lean).to_degrees();
    vec![8.0 * k + m.hole, 3.5 * k, 10.0 * k + m.high, lean, 1.4 * k + m.slot.0, 5.0 * k + m.slot.1, 2.5 * k + m.radius]
}

/// 300 mm away, leaning by 25° towards any side.
fn camera(random: &mut Seeded) -> (Lens, Rigid) {
    let lens = Lens {
        k1: random.between(-0.06, 0.10),
        k2: random.between(-0.10, 0.05),
        p1: random.between(-0.0008, 0.0008),
        ..Lens::pinhole(2900.0, SIZE.0, SIZE.1)
    };
    let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [0.0; 3] };
    let (sin, cos) = Angle::from_degrees(random.between(0.0, 360.0)).sin_cos();
    let tilt = Angle::from_degrees(25.0).radians();
    let lean = Rigid { turn: [tilt * cos, tilt * sin, 0.0], shift: [0.0; 3] };
    (lens, Rigid { shift: [0.0, 0.0, 300.0], ..lean.after(&down) })
}

/// The camera with its pose off, in its standard uncertainties.
fn off(lens: Lens, pose: &Rigid, by: [f64; 2]) -> Camera {
    let change = Rigid { turn: [by[1] * U_POSE[1], 0.0, 0.0], shift: [0.0, 0.0, by[0] * U_POSE[0]] };
    Camera::Perspective(Perspective::new(lens, change.after(pose)))
}

/// Photo `seed` of a plate as made, and what is believed of it.
fn observe(checks: &[Box<dyn Check>], reference: &Reference, made: &Design, seed: u64) -> Vec<Observation> {
    let mut random = Seeded::new(seed, 0x6f_62);
    let (lens, pose) = camera(&mut random);
    let (top, walls) = (random.between(0.03, 0.12), random.between(0.5, 1.5));
    let turn = Angle::from_degrees(random.between(0.0, 360.0));
    // About its own middle, 15 to 25 mm beside the camera's axis.
    let (_, _, middle) = parts::extent(made);
    let (sin, cos) = Angle::from_degrees(random.between(0.0, 360.0)).sin_cos();
    let aside = random.between(15.0, 25.0);
    let about = Similarity::new(1.0, turn, false, Vector::new(0.0, 0.0)).apply(middle);
    let shift = Point::new(aside * cos, aside * sin) - about;
    let part = Prism {
        made: made.clone(),
        plane_from_design: Similarity::new(1.0, turn, false, shift),
        thickness: Mm(THICKNESS + U_THICKNESS * random.normal()),
        top: Paint::grey(top),
        wall: [top * walls; 3],
    };
    let sensor = Sensor {
        blur: Blur::even(random.between(0.7, 1.6)),
        gain: [0.9; 3],
        noise: noise_of(random.between(38.0, 44.0)),
        quality: 92,
        ..Sensor::default()
    };
    let seen = View {
        sensor,
        seed: random.bits(),
        ..View::new(off(lens, &pose, [0.0; 2]), SIZE.0, SIZE.1, Arc::new(Sheet::blank_a4()), vec![part])
    };
    let photo = seen.photo().expect("all before the camera");
    let errors = [random.normal(), random.normal()];
    let edge_offset_px = U_EDGE_PX * random.normal();
    let world = |more: [f64; 2], edge: f64| {
        World::new(off(lens, &pose, [errors[0] + more[0], errors[1] + more[1]]), edge_offset_px + edge)
    };
    let mut worlds = Worlds::certain(world([0.0; 2], 0.0));
    worlds.add(Source::CameraPose, world([1.0, 0.0], 0.0));
    worlds.add(Source::CameraPose, world([0.0, 1.0], 0.0));
    worlds.add(Source::Edge, world([0.0; 2], U_EDGE_PX));
    let part = register(located(&photo, worlds), reference);
    checks.iter().flat_map(|c| c.observe(&part)).collect()
}

fn located(photo: &Photo, worlds: Worlds) -> Located<'_> {
    let policy = CalibrationPolicy {
        mm_per_px: 0.1,
        u_scale: 0.0,
        edge_offset_px: 0.0,
        u_edge_px: 0.0,
        tone: Tone::Srgb,
        ..CalibrationPolicy::of(0.1)
    };
    let corner = |x, y| worlds.nominal.camera.image_from_plane(Point::new(x, y), Mm(0.0));
    let work_area = vec![corner(-75.0, -65.0), corner(75.0, -65.0), corner(75.0, 65.0), corner(-75.0, 65.0)];
    Located { worlds, work_area: Some(work_area), ..locate(photo, &policy) }
}

/// Percent covered are asserted of each dimension and of all together, and the share that may be refused.
fn dimensions(n: u64, each: (f64, f64), together: (f64, f64), most_unmeasured: f64) {
    let body = Body { thickness_mm: THICKNESS, u_thickness_mm: U_THICKNESS, either_side: false };
    let drawn = Design { body, ..plate_of(TIMES, Made::default()) };
    let reference = Reference::Drawing(drawn.clone());
    let checks = checks(&drawn, &reference);
    let names: Vec<&str> = checks.iter().flat_map(|c| c.characteristics()).map(|c| c.id.as_str()).collect();
    let observed: Vec<(Made, Vec<Observation>)> = (0..n)
        .into_par_iter()
        .map(|seed| {
            let made = Made::within(Made { high: 0.3, lean: 0.3, hole: 0.3, slot: (0.2, 0.2), radius: 0.4 }, seed);
            (made, observe(&checks, &reference, &plate_of(TIMES, made), seed))
        })
        .collect();
    println!(
        "| measurand | photos | bias | sigma | stated u | covered by 2 u, % |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut all: Vec<Errors> = names.iter().map(|_| Errors::default()).collect();
    let mut unmeasured = Vec::new();
    for (seed, (made, observations)) in observed.iter().enumerate() {
        for (((e, o), t), name) in all.iter_mut().zip(observations).zip(truths(made)).zip(&names) {
            match &o.outcome {
                Outcome::Measured { .. } => e.add(o, t),
                Outcome::NotMeasured(reason) => unmeasured.push((format!("photo {seed}, {name}"), reason.clone())),
            }
        }
    }
    all.iter().zip(&names).for_each(|(e, name)| e.print(name));
    let pooled = all.iter().map(Errors::coverage).sum::<f64>() / all.len() as f64;
    println!("| pooled | {} | | | | {pooled:.1} |", n * all.len() as u64 - unmeasured.len() as u64);
    println!("not measured: {}", unmeasured.len());
    unmeasured.iter().for_each(|(what, reason)| println!("{what}: {reason}"));
    // Beside walls nearly as bright as the face some rims show no clean step.
    let values = (n * all.len() as u64) as f64;
    assert!(unmeasured.len() as f64 <= most_unmeasured * values, "{} were not measured", unmeasured.len());
    // There is no lamp: one value in 300 is refused for a shadow all the same.
    let shadowed = unmeasured.iter().filter(|(_, reason)| *reason == Reason::OwnShadow).count();
    assert!(shadowed as f64 <= values / 300.0, "{shadowed} refused for a shadow");
    for (e, name) in all.iter().zip(&names) {
        let c = e.coverage();
        assert!((each.0..=each.1).contains(&c), "{name}: {c} % covered");
    }
    assert!((together.0..=together.1).contains(&pooled), "{pooled} % covered");
}

#[test]
fn slanted_dimensions_are_as_sure_as_they_say() {
    dimensions(24, (80.0, 100.0), (90.0, 100.0), 0.08);
}

#[test]
#[ignore = "some minutes; the figures of the release notes"]
fn slanted_dimensions_of_hundreds_are_as_sure_as_they_say() {
    dimensions(300, (90.0, 99.7), (93.0, 99.0), 0.1);
}
