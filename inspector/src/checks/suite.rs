//! The suite that every registered check must pass.

use super::{Check, CheckType, Context, Entry, Needs, Outcome, REGISTRY};
use crate::calibration::{CalibrationPolicy, Tone, locate};
use crate::codes::Format;
use crate::decision::{Rule, Verdict, decide};
use crate::design::{Design, Reference, ReferencePicture};
use crate::geometry::{Angle, Vector};
use crate::models::{Models, testing};
use crate::photo::{DecodeLimits, Photo, Picture, decode};
use crate::registration::{RegisteredPart, register};
use crate::synth::{Fault, Noise, Rendered, Scene, code, parts};

const SCALE: f64 = 0.06;

fn policy() -> CalibrationPolicy {
    CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(SCALE) }
}

/// A disc of 40 mm with one hole of 6 mm beside its middle; for checks of edges, arcs and slots a plate of 40 x 24 mm with a hole and a slot.
fn part(check_type: &CheckType) -> Design {
    match check_type.name {
        "distance" | "angle" | "width" | "arc" | "straightness" | "symmetry" | "burr" => {
            let corners = [(-20.0, -12.0, 4.0), (20.0, -12.0, 4.0), (20.0, 12.0, 4.0), (-20.0, 12.0, 4.0)];
            parts::polygon(&corners, &[(8.0, 0.0, 6.0)], &[(-8.0, 0.0, 10.0, 3.0, 90.0)])
        }
        _ => parts::pierced_disc(40.0, &[(8.0, 0.0, 6.0)]),
    }
}

fn scene(design: &Design, turn: f64, shift_px: f64) -> Scene {
    let mut scene = Scene::new(design, 1000, 900, SCALE);
    scene.noise = Noise { read: 0.003, shot: 1e-4 };
    scene.seed = 3;
    scene.placed(design, SCALE, Angle::from_degrees(turn), Vector::new(shift_px, 7.3))
}

/// The part of a check of this type, turned and shifted, with or without a fault.
fn photo_of(check_type: &CheckType, turn: f64, shift_px: f64, fault: Option<&Fault>) -> Photo {
    let part = part(check_type);
    let rendered = Rendered::new(&scene(&part, turn, shift_px), &part, fault).expect("the fault fits the part");
    decode(&rendered.jpeg(92), &DecodeLimits::default()).expect("a photo")
}

/// The photo with what a check of this type looks for beside the part itself: a code stands on the part.
fn prepared(check_type: &CheckType, photo: &Photo, shift_px: f64) -> Photo {
    let mut photo = photo.clone();
    if check_type.name == "code" {
        let drawn = code(Format::Qr, "ASSAY-7").expect("a code");
        let left = 630 + shift_px as u32;
        for (x, y) in (0..150).flat_map(|y| (0..150).map(move |x| (x, y))) {
            let module = |v: u32| (v.checked_sub(22)? / 5 < drawn.width()).then(|| (v - 22) / 5);
            let black = matches!((module(x), module(y)), (Some(i), Some(j)) if drawn.get_pixel(i, j).0[0] == 0);
            let value = if black { 20 } else { 235 };
            let (x, y) = (left + x, 380 + y);
            match &mut photo.picture {
                Picture::Grey(p) if x < p.width() => p.put_pixel(x, y, image::Luma([value])),
                Picture::Colour(p) if x < p.width() => p.put_pixel(x, y, image::Rgb([value; 3])),
                _ => {}
            }
        }
    }
    photo
}

/// The reference each kind of check needs: the drawing, or a picture of a good part.
fn reference(check_type: &CheckType) -> Reference {
    match check_type.needs {
        // Checks that look at the photo itself find their regions in the drawing too.
        Needs::Drawing | Needs::Any => Reference::Drawing(part(check_type)),
        Needs::Picture => Reference::Picture(ReferencePicture::new(photo_of(check_type, 0.0, 0.0, None), Tone::Srgb)),
    }
}

/// Models that compute in Rust: opened once, they are asked by every test.
fn models() -> &'static Models {
    static MODELS: std::sync::OnceLock<Models> = std::sync::OnceLock::new();
    MODELS.get_or_init(testing::models)
}

fn open(check_type: &CheckType, text: &str, reference: &Reference) -> Result<Box<dyn Check>, super::EntryError> {
    let table = toml::de::DeTable::parse(text).expect("TOML").into_inner();
    let entry = Entry::new(toml::Spanned::new(0..text.len(), toml::de::DeValue::Table(table)));
    (check_type.parse)(&entry, &Context { reference, models: models() })
}

fn verdicts(check: &dyn Check, part: &RegisteredPart<'_>) -> Vec<Verdict> {
    let observations = check.observe(part);
    assert_eq!(observations.len(), check.characteristics().len(), "one observation per characteristic");
    check.characteristics().iter().zip(&observations).map(|(c, o)| decide(c, o, Rule::Guarded).verdict).collect()
}

/// Runs `test` on every registered check, opened from its own example.
fn every(test: impl Fn(&CheckType, &Reference, &dyn Check)) {
    for check_type in REGISTRY {
        let reference = reference(check_type);
        let check =
            open(check_type, check_type.example, &reference).unwrap_or_else(|e| panic!("{}: {e}", check_type.name));
        test(check_type, &reference, check.as_ref());
    }
}

#[test]
fn every_check_has_its_words() {
    for t in REGISTRY {
        for (what, text) in
            [("measurand", t.measurand), ("method", t.method), ("source", t.source), ("honest scope", t.honest_scope)]
        {
            assert!(text.len() > 20, "{}: {what} says too little: {text:?}", t.name);
        }
        assert!(t.example.contains(&format!("type = \"{}\"", t.name)));
        assert_eq!(REGISTRY.iter().filter(|o| o.name == t.name).count(), 1, "{} is registered twice", t.name);
    }
}

#[test]
fn characteristics_carry_the_checks_name_and_limits() {
    every(|t, _, check| {
        assert!(!check.characteristics().is_empty());
        for c in check.characteristics() {
            assert_eq!(c.check_type, t.name);
            assert!(c.nominal.is_finite() && (c.lower.is_some() || c.upper.is_some()), "{}", c.id);
        }
    });
}

#[test]
fn an_unknown_key_is_refused_with_its_place() {
    every(|t, reference, _| {
        let text = format!("{}\ncolour = \"blue\"\n", t.example);
        let error = open(t, &text, reference).expect_err("an unknown key");
        assert!(error.message.contains("colour"), "{}: {error}", t.name);
        let span = error.span.unwrap_or_else(|| panic!("{}: no place", t.name));
        assert!(text[span].contains("colour"), "{}", t.name);
    });
}

#[test]
fn proposals_open() {
    for t in REGISTRY {
        for proposal in (t.propose)(&part(t), SCALE) {
            open(t, &proposal, &reference(t)).unwrap_or_else(|e| panic!("{}: {e}\n{proposal}", t.name));
        }
    }
}

#[test]
fn a_good_part_passes_and_the_same_photo_gives_the_same_bits() {
    every(|t, reference, check| {
        let photo = prepared(t, &photo_of(t, 3.0, 11.4, None), 11.4);
        let part = register(locate(&photo, &policy()), reference);
        for (c, v) in check.characteristics().iter().zip(verdicts(check, &part)) {
            assert_eq!(v, Verdict::Pass, "{}: {:?} {:?}", c.id, check.observe(&part), part.pose.as_ref().err());
        }
        let again = register(locate(&photo, &policy()), reference);
        assert_eq!(check.observe(&part), check.observe(&again), "{}", t.name);
    });
}

#[test]
fn threads_do_not_change_the_bits() {
    every(|t, reference, check| {
        let photo = prepared(t, &photo_of(t, 3.0, 11.4, None), 11.4);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| check.observe(&register(locate(&photo, &policy()), reference)))
        };
        assert_eq!(on(1), on(2), "{}", t.name);
    });
}

#[test]
fn a_blank_photo_is_referred() {
    let blank = image::GrayImage::from_pixel(1000, 900, image::Luma([180]));
    let mut png = Vec::new();
    image::DynamicImage::ImageLuma8(blank)
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .expect("in memory");
    let photo = decode(&png, &DecodeLimits::default()).expect("a photo");
    every(|t, reference, check| {
        let part = register(locate(&photo, &policy()), reference);
        for observation in check.observe(&part) {
            assert!(matches!(observation.outcome, Outcome::NotMeasured(_)), "{}: {observation:?}", t.name);
        }
    });
}

/// What lies outside the picture is not measured, never "missing", and never passed.
#[test]
fn a_part_that_leaves_the_picture_is_referred() {
    every(|t, reference, check| {
        let photo = prepared(t, &photo_of(t, 3.0, 400.0, None), 400.0);
        let part = register(locate(&photo, &policy()), reference);
        for v in verdicts(check, &part) {
            assert_eq!(v, Verdict::Refer, "{}: {:?}", t.name, check.observe(&part));
        }
    });
}

/// Every fault is found by some check, and no check calls a faulty part good in what it measures.
#[test]
fn faults_are_found() {
    let faults: Vec<(Fault, &[&str])> = vec![
        (Fault::HoleMissing { hole: "hole-1".into() }, &["extra", "reference", "count", "presence", "segment"]),
        (Fault::HoleResized { hole: "hole-1".into(), by: 0.5 }, &["hole", "reference"]),
        (
            Fault::HoleMoved { hole: "hole-1".into(), by: Vector::new(0.4, 0.45) },
            &["hole", "reference", "distance", "symmetry"],
        ),
        (Fault::Burr { segment: 1, at: 0.2, width: 0.8, height: 0.6 }, &["burr"]),
    ];
    for (fault, finders) in faults {
        every(|t, reference, check| {
            if finders.contains(&t.name) {
                let photo = photo_of(t, 2.0, -9.0, Some(&fault));
                let part = register(locate(&photo, &policy()), reference);
                let found = verdicts(check, &part).contains(&Verdict::Fail);
                assert!(found, "{fault:?} not found by {}: {:?}", t.name, check.observe(&part));
            }
        });
    }
}
