use super::*;
use crate::calibration::{Calibration, Tone, mat::MatPolicy, mat::Paper};
use crate::design::write_dxf;
use crate::recipe::{ProposeOptions, ProposedScale, propose};
use crate::synth::{Rendered, Scene, Seeded, parts};

const U_MM: f64 = 0.003;

fn known(id: &str, mm: f64) -> KnownSize {
    KnownSize { id: id.into(), mm, u_mm: U_MM }
}

/// An outline, a hole and a distance of two holes, mm, and how each changes with the edge offset, pixels per px.
const SIZES: [(&str, f64, f64); 3] =
    [("outline.diameter", 40.0, -2.0), ("hole-1.diameter", 12.0, 2.0), ("distance", 25.0, 0.0)];

/// What a camera says whose scale is off by a factor and that sees edges `edge_px` outside.
struct Wrong {
    scale: f64,
    edge_px: f64,
}

impl Wrong {
    fn says(&self, mm: f64, by_px: f64, policy: &CalibrationPolicy) -> f64 {
        self.scale * mm - by_px * policy.mm_per_px * self.edge_px
    }
    fn readings(
        &self,
        of: &[usize],
        photos: usize,
        noise_mm: f64,
        policy: &CalibrationPolicy,
        random: &mut Seeded,
    ) -> Vec<Reading> {
        let mut all = Vec::new();
        for photo in 0..photos {
            for (size, k) in of.iter().enumerate() {
                let (_, mm, by_px) = SIZES[*k];
                let mm = self.says(mm, by_px, policy) + noise_mm * random.normal();
                all.push(Reading {
                    size,
                    photo,
                    mm,
                    u_mm: noise_mm,
                    mm_per_edge_px: by_px * policy.mm_per_px,
                    overexposed_ground: false,
                });
            }
        }
        all
    }
}

/// A record is of one kind of ground: beside an overexposed one edges are elsewhere.
#[test]
fn photos_of_two_kinds_of_ground_are_refused() {
    let policy = CalibrationPolicy::of(0.1);
    let wrong = Wrong { scale: 1.013, edge_px: 0.31 };
    let sizes: Vec<KnownSize> = SIZES.iter().map(|(id, mm, _)| known(id, *mm)).collect();
    let mut readings = wrong.readings(&[0, 1, 2], 3, 0.0, &policy, &mut Seeded::new(1, 1));
    readings.iter_mut().for_each(|r| r.overexposed_ground = true);
    assert!(solve(&policy, &sizes, &readings).unwrap().policy.overexposed_ground);
    // A lone size, whose edges stay as they were said to be: less certain beside such a ground.
    let lone = |overexposed_ground: bool| {
        let of_one = readings.iter().filter(|r| r.size == 0).map(|r| Reading { overexposed_ground, ..*r });
        solve(&policy, &sizes[..1], &of_one.collect::<Vec<_>>()).unwrap().policy.u_edge_px
    };
    assert!(lone(true) > 5.0 * lone(false), "{} {}", lone(true), lone(false));
    readings.iter_mut().filter(|r| r.photo == 1).for_each(|r| r.overexposed_ground = false);
    assert_eq!(
        solve(&policy, &sizes, &readings).unwrap_err().to_string(),
        "2 of 3 photos have a ground that is too bright for the camera: expected all or none; their edges are seen elsewhere"
    );
}

#[test]
fn scale_and_edges_are_told_apart() {
    let policy = CalibrationPolicy::of(0.1);
    let wrong = Wrong { scale: 1.013, edge_px: 0.31 };
    let sizes: Vec<KnownSize> = SIZES.iter().map(|(id, mm, _)| known(id, *mm)).collect();
    let found = solve(&policy, &sizes, &wrong.readings(&[0, 1, 2], 3, 0.0, &policy, &mut Seeded::new(1, 1))).unwrap();
    assert!(found.edge_found && (found.disagreement, found.photos) == (1.0, 3));
    assert!((found.policy.mm_per_px - 0.1 / 1.013).abs() < 1e-8, "{:?}", found.policy);
    // Edge offset in the pixels that it shifts.
    assert!((found.policy.edge_offset_px - 0.31).abs() < 1e-4, "{:?}", found.policy);
    assert!(found.sizes.iter().all(|s| (s.measured_mm - s.known_mm).abs() < 1e-9 && s.photos == 3));
    assert!(found.rms_px() < 1e-6);
}

/// What a camera that was calibrated so says of other sizes, with what its record says of that: for sizes of every kind 95 % lie within 1.96 u, or more.
#[test]
fn other_sizes_are_as_uncertain_as_the_record_says() {
    let policy = CalibrationPolicy { u_edge_px: 0.1, ..CalibrationPolicy::of(0.1) };
    for of in [&[0, 1][..], &[0, 2], &[0], &[1, 2]] {
        let mut within = [0; 3];
        for seed in 0..400 {
            let mut random = Seeded::new(seed, 0x7363);
            // The edge offset of a camera is anything, unless it must be known beforehand.
            let edge_px = 0.1 * random.normal();
            let wrong = Wrong { scale: 1.0 + 0.01 * random.normal(), edge_px };
            let sizes: Vec<KnownSize> =
                of.iter().map(|k| known(SIZES[*k].0, SIZES[*k].1 + U_MM * random.normal())).collect();
            let readings = wrong.readings(of, 2, 0.001, &policy, &mut random);
            let found = solve(&policy, &sizes, &readings).unwrap();
            assert_eq!(found.edge_found, of.len() > 1, "{of:?}");
            for ((mm, by_px), within) in [(60.0, -2.0), (60.0, 2.0), (30.0, 0.0)].into_iter().zip(&mut within) {
                let now = &found.policy;
                let k = now.mm_per_px / policy.mm_per_px;
                let says = k * (wrong.says(mm, by_px, &policy) + by_px * policy.mm_per_px * now.edge_offset_px);
                let u = libm::hypot(mm * now.u_scale, by_px * now.mm_per_px * now.u_edge_px);
                *within += usize::from((says - mm).abs() <= 1.96 * u);
            }
        }
        println!("{of:?}: within U95 {within:?} of 400");
        assert!(within.iter().all(|n| *n >= 370), "{of:?}: {within:?}");
    }
}

#[test]
fn sizes_that_cannot_be_raise_what_is_not_known() {
    let policy = CalibrationPolicy::of(0.1);
    let wrong = Wrong { scale: 1.0, edge_px: 0.0 };
    let readings = wrong.readings(&[0, 1, 2], 1, 0.001, &policy, &mut Seeded::new(3, 3));
    let u = |off: f64| {
        let sizes: Vec<KnownSize> =
            SIZES.iter().zip([0.0, 0.0, off]).map(|((id, mm, _), off)| known(id, mm + off)).collect();
        let found = solve(&policy, &sizes, &readings).unwrap();
        (found.policy.u_scale, found.disagreement)
    };
    let ((u, 1.0), (much, disagreement)) = (u(0.0), u(0.02)) else { panic!("they agree") };
    assert!(disagreement > 3.0 && much > 3.0 * u, "{disagreement} {much} {u}");
    // What is far off is wrong, and which it is is said; so are sizes by which edges would be where no camera sees them.
    let refused = |sizes: [(usize, f64); 3]| {
        let sizes = sizes.map(|(k, mm)| known(SIZES[k].0, mm));
        solve(&policy, &sizes, &readings).unwrap_err().to_string()
    };
    let far = refused([(0, 40.0), (1, 12.0), (2, 26.0)]);
    assert!(far.contains("distance by") && far.contains("times farther"), "{far}");
    let swapped = solve(&policy, &[known(SIZES[0].0, 41.0), known(SIZES[1].0, 11.5)], &readings[..2]).unwrap_err();
    assert!(matches!(swapped, ScaleError::Edges { .. }), "{swapped}");
}

/// A camera that leans sees every place at its own scale: one photo cannot tell, several do.
#[test]
fn a_scale_that_changes_between_photos_is_uncertain() {
    let policy = CalibrationPolicy::of(0.1);
    let sizes = [known(SIZES[0].0, SIZES[0].1), known(SIZES[1].0, SIZES[1].1)];
    let mut random = Seeded::new(4, 4);
    let photos = [0.998, 1.0, 1.002]
        .map(|scale| Wrong { scale, edge_px: 0.0 }.readings(&[0, 1], 1, 0.001, &policy, &mut random));
    let all: Vec<Reading> = photos
        .into_iter()
        .enumerate()
        .flat_map(|(photo, r)| r.into_iter().map(move |r| Reading { photo, ..r }))
        .collect();
    let found = solve(&policy, &sizes, &all).unwrap();
    let place = found.between_photos.unwrap();
    assert!((place - 0.002).abs() < 2e-4 && found.policy.u_scale > place, "{found:?}");
    let one = solve(&policy, &sizes, &all[..2]).unwrap();
    assert_eq!(one.between_photos, None);
    assert!(one.policy.u_scale < 0.5 * place);
}

/// A recipe of a ring with a scale that is a little off.
fn ring() -> Recipe {
    let dir = tempfile::tempdir().unwrap();
    let options = ProposeOptions {
        part: "RING".into(),
        revision: None,
        scale: ProposedScale::MmPerPx(0.0505),
        thickness_mm: None,
        units: None,
        file_name: "ring.dxf".into(),
    };
    let drawing = write_dxf(&parts::pierced_disc(30.0, &[(0.0, 0.0, 20.0)]));
    propose(drawing.as_bytes(), &options).unwrap().write_to(&dir.path().join("ring")).unwrap();
    Recipe::open(&dir.path().join("ring")).unwrap()
}

/// Codes that are proportional to light, taken for sRGB, move each edge by half a pixel; both that and a scale that is 1 % off are found.
#[test]
fn a_wrong_tone_curve_is_an_edge_offset() {
    let (recipe, design) = (ring(), parts::pierced_disc(29.93, &[(0.0, 0.0, 20.04)]));
    let mut scene = Scene::new(&design, 900, 800, 0.05);
    scene.tone = Tone::Linear;
    let photo = Rendered::new(&scene, &design, None).unwrap().photo();
    let sizes = [known("outline.diameter", 29.93), known("hole-1.diameter", 20.04)];
    let readings: Vec<Reading> = read(&photo, 0, &recipe, &sizes).unwrap().into_iter().map(Result::unwrap).collect();
    let found = solve(policy(&recipe, &sizes).unwrap(), &sizes, &readings).unwrap();
    let CalibrationPolicy { mm_per_px, u_scale, edge_offset_px, u_edge_px, .. } = found.policy;
    println!("{:?}", found.policy);
    assert!((mm_per_px - 0.05).abs() < 2e-6 && u_scale < 3e-4, "{:?}", found.policy);
    assert!((0.3..0.8).contains(&edge_offset_px) && u_edge_px < 0.1, "{:?}", found.policy);
}

#[test]
fn what_gives_no_scale_is_said() {
    let mut recipe = ring();
    let photo = Rendered::new(&Scene::new(&parts::bracket(), 900, 800, 0.1), &parts::bracket(), None).unwrap().photo();
    let said = |sizes: &[KnownSize]| policy(&recipe, sizes).unwrap_err().to_string();
    let unknown = said(&[known("hole-7.diameter", 5.0)]);
    assert!(unknown.contains("hole-7.diameter") && unknown.contains("outline.diameter, hole-1.diameter"), "{unknown}");
    assert!(said(&[known("hole-1.position", 5.0)]).contains("no length"), "a position is no size");
    for (mm, u_mm) in [(0.0, 0.1), (f64::NAN, 0.1), (5.0, -0.1), (5.0, 0.2), (5.0, f64::NAN)] {
        said(&[KnownSize { u_mm, ..known("hole-1.diameter", mm) }]);
    }
    // Another part gives no reading, and no reading no scale.
    let sizes = [known("hole-1.diameter", 20.0)];
    assert!(read(&photo, 0, &recipe, &sizes).unwrap()[0].is_err());
    let bare = CalibrationPolicy::of(0.05);
    assert_eq!(solve(&bare, &[], &[]), Err(ScaleError::Nothing));
    assert_eq!(solve(&bare, &sizes, &[]), Err(ScaleError::NotSeen { id: "hole-1.diameter".into() }));
    let far = Reading { size: 0, photo: 0, mm: 40.0, u_mm: 0.01, mm_per_edge_px: 0.1, overexposed_ground: false };
    assert!(solve(&bare, &sizes, &[far]).unwrap_err().to_string().contains("40.000"));
    recipe.calibration = Calibration::Mat(Box::new(MatPolicy::of(Paper::A4)));
    assert_eq!(policy(&recipe, &sizes).err(), Some(ScaleError::NoScale));
}
