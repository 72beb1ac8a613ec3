//! Parts with thickness under a slanted lens: rims, sides, other things beside the part.
//!
//! The picture is made by asking along each ray what it meets, so it knows nothing of how edges are looked for.

use super::{Check, Context, Entry, Outcome, hole, profile};
use crate::calibration::{Camera, Lens, Located, Perspective, Plane, Source, World, Worlds};
use crate::decision::{Rule, Verdict, decide};
use crate::design::{Body, Design, Reference};
use crate::geometry::{Angle, DesignMm, ImagePx, Mm, PlaneMm, Point, Rigid, Similarity, Vector};
use crate::models::Models;
use crate::photo::{Photo, Picture, Sha256};
use crate::reason::Reason;
use crate::registration::{RegisteredPart, register};
use crate::synth::{Seeded, parts};
use image::{ImageBuffer, Luma};
use rayon::prelude::*;

const SIZE: (u32, u32) = (1400, 1050);

/// 300 mm above the sheet, 22° off the vertical, with a lens that bends: about 0.2 mm per pixel of 1500.
fn camera() -> Camera {
    let lens = Lens { k1: -0.06, k2: 0.02, p1: 0.0004, p2: -0.0003, ..Lens::pinhole(2600.0, SIZE.0, SIZE.1) };
    let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [4.0, -6.0, 300.0] };
    let lean = Rigid { turn: [0.30, 0.22, 0.2], shift: [0.0; 3] };
    Camera::Perspective(Perspective::new(lens, Rigid { shift: down.shift, ..lean.after(&down) }))
}

/// A plate that looks like itself in no other pose, with round holes.
fn plate(thickness_mm: f64, either_side: bool) -> Design {
    let holes = [(-14.0, 6.0, 6.0), (12.0, -5.0, 8.0), (15.0, 7.0, 4.0)];
    let body = Body { thickness_mm, u_thickness_mm: 0.02 * thickness_mm, either_side };
    Design { body, ..parts::rounded_rectangle(44.0, 26.0, 3.0, &holes) }
}

/// What a picture shows of solids: (design, pose, light of upper face, light of walls).
type Solid<'a> = (&'a Design, Similarity<DesignMm, PlaneMm>, f64, f64);

/// Light along the ray of a picture position: the first thing it meets from above.
fn light(camera: &Camera, solids: &[Solid<'_>], q: Point<ImagePx>) -> f64 {
    let foot = camera.plane_from_image(q, Mm(0.0));
    for (design, pose, top, wall) in solids {
        let (back, h) = (pose.inverse(), design.body.thickness_mm);
        // Along the ray from the sheet up to the upper face.
        let rise = camera.plane_from_image(q, Mm(h)) - foot;
        let inside = |t: f64| design.contains(back.apply(foot + rise * t));
        if inside(1.0) {
            return *top;
        }
        if h > 0.0 && (0..12).any(|k| inside(f64::from(k) / 12.0)) {
            return *wall;
        }
    }
    0.8
}

/// A photo: nine rays per pixel, a blur of 1 px, 0.5 % of noise.
fn photo(camera: &Camera, solids: &[Solid<'_>]) -> Photo {
    let (w, h) = SIZE;
    let rays: Vec<f32> = (0..w * h)
        .into_par_iter()
        .map(|i| {
            let (x, y) = (f64::from(i % w), f64::from(i / w));
            let at = |k: u32| Point::new(x + (f64::from(k % 3) - 1.0) / 3.0, y + (f64::from(k / 3) - 1.0) / 3.0);
            ((0..9).map(|k| light(camera, solids, at(k))).sum::<f64>() / 9.0) as f32
        })
        .collect();
    let sharp: ImageBuffer<Luma<f32>, _> = ImageBuffer::from_raw(w, h, rays).expect("one per pixel");
    let blurred = imageproc::filter::gaussian_blur_f32(&sharp, 1.0);
    let mut random = Seeded::new(11, 0);
    let noisy = blurred.iter().map(|v| {
        let noise = (0..4).map(|_| random.between(-0.5, 0.5)).sum::<f64>() * 0.005 * 3.0_f64.sqrt();
        ((f64::from(*v) + noise).clamp(0.0, 1.0) * 65535.0) as u16
    });
    let picture = Picture::Grey16(Plane::from_raw(w, h, noisy.collect()).expect("one per pixel"));
    Photo { picture, file_sha256: Sha256::of(&[]), pixels_sha256: Sha256::of(&[]) }
}

fn located<'p>(photo: &'p Photo, camera: &Camera) -> Located<'p> {
    let world = |edge_offset_px| World::new(camera.clone(), edge_offset_px);
    let mut worlds = Worlds::certain(world(0.0));
    worlds.add(Source::Edge, world(0.05));
    let Picture::Grey16(light) = &photo.picture else { unreachable!("made above") };
    let corner = |x, y| camera.image_from_plane(Point::new(x, y), Mm(0.0));
    let work_area = vec![corner(-70.0, -50.0), corner(70.0, -50.0), corner(70.0, 50.0), corner(-70.0, 50.0)];
    Located { photo, light: light.clone(), worlds, work_area: Some(work_area), mat: None, overexposed_ground: false }
}

fn open(entry: &str, reference: &Reference) -> Box<dyn Check> {
    let table = toml::de::DeTable::parse(entry).expect("TOML").into_inner();
    let entry = Entry::new(toml::Spanned::new(0..entry.len(), toml::de::DeValue::Table(table)));
    let context = Context { reference, models: &Models::default() };
    let parse = if entry.type_name() == Ok("hole") { hole::TYPE.parse } else { profile::TYPE.parse };
    parse(&entry, &context).expect("an entry")
}

fn pose(turn: f64, mirrored: bool) -> Similarity<DesignMm, PlaneMm> {
    Similarity::new(1.0, Angle::from_degrees(turn), mirrored, Vector::new(7.0, -4.0))
}

fn value(outcome: &Outcome) -> (f64, f64) {
    match outcome {
        Outcome::Measured { value, u } => (*value, *u),
        Outcome::NotMeasured(reason) => panic!("{reason}"),
    }
}

fn holes(part: &RegisteredPart<'_>, reference: &Reference) -> Vec<[(f64, f64); 2]> {
    [("hole-1", 4.0), ("hole-2", 6.0), ("hole-3", 8.0)]
        .iter()
        .map(|(name, _)| {
            let entry = format!(
                "type = \"hole\"\nfeature = \"{name}\"\ndiameter = {{ nominal = 6.0, upper = 9.0 }}\nposition = {{ upper = 0.3 }}"
            );
            let seen = open(&entry, reference).observe(part);
            assert!(seen.iter().all(|o| (o.budget.u() - value(&o.outcome).1).abs() < 1e-12), "the budget is all of u");
            [value(&seen[0].outcome), value(&seen[1].outcome)]
        })
        .collect()
}

/// Bias under a slanted lens, either side up, walls darker and lighter than the face: at most 0.01 mm (a tenth of a pixel), and within U.
#[test]
#[ignore = "a minute each: the picture is made ray by ray"]
fn holes_have_their_size_whatever_the_thickness() {
    let camera = camera();
    for (thickness, wall, mirrored) in [(0.0, 0.1, false), (1.0, 0.05, true), (1.0, 0.35, false), (3.0, 0.2, true)] {
        let design = plate(thickness, true);
        let photo = photo(&camera, &[(&design, pose(205.0, mirrored), 0.1, wall)]);
        let reference = Reference::Drawing(design.clone());
        let part = register(located(&photo, &camera), &reference);
        // No lamp, no shadow: far walls of holes are none. The foot of a blurred edge may look like a faint one.
        let shadow = part.drawing().expect("registered").shadow;
        assert!(shadow.is_none_or(|s| s.depth < 0.1), "{shadow:?}");
        let mut diameters: Vec<f64> =
            design.features.iter().filter_map(|f| f.circle()).map(|c| 2.0 * c.radius).collect();
        diameters.truncate(3);
        for ([(d, u_d), (position, u_p)], truth) in holes(&part, &reference).iter().zip(diameters) {
            let off = d - truth;
            println!(
                "{thickness} mm, wall {wall}: {truth} mm off by {off:+.4} (U {:.4}), position {position:.4}",
                2.0 * u_d
            );
            assert!(off.abs() < 0.01 && off.abs() < 2.0 * u_d, "{thickness} mm: {truth} measured {d} (u {u_d})");
            assert!(*position < 0.02 && *position < 2.0 * u_p, "{thickness} mm: position {position} (u {u_p})");
        }
        let profile = open("type = \"profile\"\nzone = 0.6", &reference);
        let seen = profile.observe(&part);
        println!("profile {:?} at {:?}: {:?}", seen[0].outcome, seen[0].regions, seen[0].budget);
        assert!(value(&seen[0].outcome).0 < 0.12, "{thickness} mm, wall {wall}: {:?}", seen[0].outcome);
        assert_eq!(decide(&profile.characteristics()[0], &seen[0], Rule::Guarded).verdict, Verdict::Pass);
    }
}

#[test]
#[ignore = "a minute each: the picture is made ray by ray"]
fn a_part_on_its_face_is_said_and_fails() {
    let (camera, design) = (camera(), plate(1.0, false));
    let photo = photo(&camera, &[(&design, pose(40.0, true), 0.1, 0.1)]);
    let reference = Reference::Drawing(design.clone());
    let part = register(located(&photo, &camera), &reference);
    assert_eq!(part.drawing().err(), Some(Reason::Flipped));
    let check = open("type = \"profile\"\nzone = 0.6", &reference);
    let seen = check.observe(&part);
    assert_eq!(decide(&check.characteristics()[0], &seen[0], Rule::Guarded).verdict, Verdict::Fail);
}

#[test]
#[ignore = "a minute each: the picture is made ray by ray"]
fn other_things_in_the_work_area_are_passed_over_and_a_second_part_is_said() {
    let (camera, design) = (camera(), plate(1.0, false));
    let coin = Design { body: design.body, ..parts::disc(18.0) };
    let away = |x: f64, y: f64| Similarity::new(1.0, Angle::from_degrees(80.0), false, Vector::new(x, y));
    let reference = Reference::Drawing(design.clone());
    let beside = photo(&camera, &[(&design, pose(10.0, false), 0.1, 0.1), (&coin, away(-38.0, 24.0), 0.2, 0.1)]);
    let part = register(located(&beside, &camera), &reference);
    let found = part.drawing().expect("the plate is found beside a coin").plane_from_design;
    assert!(found.apply(Point::new(0.0, 0.0)).distance(pose(10.0, false).apply(Point::new(0.0, 0.0))) < 0.02);
    let two = photo(&camera, &[(&design, pose(10.0, false), 0.1, 0.1), (&design, away(-38.0, 20.0), 0.1, 0.1)]);
    assert_eq!(register(located(&two, &camera), &reference).drawing().err(), Some(Reason::SeveralParts { found: 2 }));
}

/// The same family, half as long again: said, not measured.
#[test]
#[ignore = "a minute each: the picture is made ray by ray"]
fn another_revision_is_not_measured() {
    let camera = camera();
    let made =
        Design { body: plate(1.0, false).body, ..parts::rounded_rectangle(50.0, 26.0, 3.0, &[(-17.0, 6.0, 6.0)]) };
    let photo = photo(&camera, &[(&made, pose(10.0, false), 0.1, 0.1)]);
    let reference = Reference::Drawing(plate(1.0, false));
    let part = register(located(&photo, &camera), &reference);
    let reason = part.drawing().err();
    assert!(matches!(reason, Some(Reason::WrongRevision { .. })), "{reason:?}");
}
