//! Shadows of known lamps beside a thin plate, 0.2 mm per pixel: what cannot be told place by place must be told by all places together.

use super::*;
use crate::calibration::{Camera, Lens, Perspective, Source, Tone, Worlds};
use crate::design::{Body, Reference};
use crate::geometry::{Angle, Rigid};
use crate::photo::Photo;
use crate::registration::{DrawingPose, register};
use crate::synth::view::{Lamp, Prism, Sheet, View, noise_of};
use crate::synth::{Paint, parts};
use std::sync::Arc;

const SIZE: (u32, u32) = (800, 600);

/// 300 mm above the sheet and a little aslant.
fn camera() -> Camera {
    let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [3.0, 2.0, 300.0] };
    let lean = Rigid { turn: [0.15, 0.1, 0.1], shift: [0.0; 3] };
    let pose = Rigid { shift: down.shift, ..lean.after(&down) };
    Camera::Perspective(Perspective::new(Lens::pinhole(1500.0, SIZE.0, SIZE.1), pose))
}

fn plate(thickness_mm: f64) -> Design {
    let holes = [(-14.0, 6.0, 6.0), (12.0, -5.0, 8.0), (15.0, 7.0, 4.5)];
    let body = Body { thickness_mm, u_thickness_mm: 0.01, either_side: false };
    Design { body, ..parts::rounded_rectangle(44.0, 26.0, 3.0, &holes) }
}

/// The plate, turned by 25 degrees, its face of this light.
fn photo(thickness_mm: f64, lamp: Option<Lamp>, face: f64) -> Photo {
    photo_of(thickness_mm, lamp, face, 0.25)
}

/// The same with walls that return so much of the light that falls on them.
fn photo_of(thickness_mm: f64, lamp: Option<Lamp>, face: f64, wall: f64) -> Photo {
    let pose = Similarity::new(1.0, Angle::from_degrees(25.0), false, Vector::new(2.0, -3.0));
    let plate = Prism {
        plane_from_design: pose,
        top: Paint::grey(face),
        wall: [wall; 3],
        ..Prism::new(plate(thickness_mm), Mm(thickness_mm))
    };
    let mut view =
        View { lamp, seed: 5, ..View::new(camera(), SIZE.0, SIZE.1, Arc::new(Sheet::blank_a4()), vec![plate]) };
    view.sensor.noise = noise_of(42.0);
    view.lossless().expect("before the camera")
}

fn registered(photo: &Photo, thickness_mm: f64) -> DrawingPose {
    let world = |edge_offset_px| World::new(camera(), edge_offset_px);
    let mut worlds = Worlds::certain(world(0.0));
    worlds.add(Source::Edge, world(0.02));
    let located = Located {
        photo,
        light: Tone::Srgb.linear(&photo.picture),
        worlds,
        work_area: None,
        mat: None,
        overexposed_ground: false,
    };
    let reference = Reference::Drawing(plate(thickness_mm));
    register(located, &reference).drawing().expect("registered").clone()
}

fn lamp(azimuth: f64, elevation: f64, spread: f64, share: f64) -> Lamp {
    let (azimuth, elevation) = (Angle::from_degrees(azimuth), Angle::from_degrees(elevation));
    Lamp { azimuth, elevation, spread, share, height_mm: f64::INFINITY }
}

/// Where the lamp's shadow falls, mm of thickness 1.
fn fall(lamp: &Lamp) -> Vector<PlaneMm> {
    let ((sin, cos), (rise, run)) = (lamp.azimuth.sin_cos(), lamp.elevation.sin_cos());
    Vector::new(-cos, -sin) * (run / rise)
}

/// Summed up pixel by pixel: two circles that bend towards each other, one of them blurred.
#[test]
fn light_between_round_sides_is_seen_narrower() {
    let world = World { thickness_mm: 1.0, ..World::new(camera(), 0.0) };
    let (radius_mm, soft_px, blur_px) = (2.4, 1.0, 1.9);
    let place = Place::new(&world, Point::new(-radius_mm, 0.0), Vector::new(1.0, 0.0), -1.0 / radius_mm).unwrap();
    let r = radius_mm * place.sight.look.px_per_mm;
    let beside: f64 = (-20..=20).map(|i| 0.1 * f64::from(i)).map(|t| 2.0 * (r - (r * r - t * t).sqrt()) / 41.0).sum();
    // Light of a disc, blurred, so far from its middle.
    let light = |d: f64| {
        let (mut inside, mut all) = (0.0, 0.0);
        for (i, j) in (-120..=120).flat_map(|i| (-120..=120).map(move |j| (f64::from(i) * 0.08, f64::from(j) * 0.08))) {
            let weight = libm::exp(-0.5 * (i * i + j * j) / (blur_px * blur_px + soft_px * soft_px));
            inside += if libm::hypot(d + i, j) < r { weight } else { 0.0 };
            all += weight;
        }
        inside / all
    };
    let half = (0..100).map(|k| r - 0.01 * f64::from(k)).find(|d| light(*d) >= 0.5).unwrap();
    let (expected, found) = (beside + r - half, narrower_px(&place, soft_px, blur_px));
    assert!((found - expected).abs() < 0.1 * expected, "{found} px of {expected}");
    let straight = Place::new(&world, Point::new(-radius_mm, 0.0), Vector::new(1.0, 0.0), 0.0).unwrap();
    assert_eq!(narrower_px(&straight, soft_px, blur_px), 0.0);
}

#[test]
fn a_narrow_shadow_is_told_from_a_larger_part() {
    for (k, lamp) in
        [lamp(40.0, 50.0, 0.1, 0.4), lamp(200.0, 65.0, 0.2, 0.5), lamp(310.0, 42.0, 0.05, 0.25)].iter().enumerate()
    {
        let found = registered(&photo(1.0, Some(*lamp), 0.1), 1.0);
        let shadow = found.shadow.expect("looked for");
        // Depth counts from the sheet to the part, which returns an eighth of the sheet's light.
        let (depth, off) = (lamp.share / (1.0 - 0.1 / 0.85), shadow.fall - fall(lamp));
        println!("{k}: off by {off:?}, depth {:.3} of {depth:.3}, {:?}", shadow.depth, shadow.unknown);
        assert!((shadow.depth - depth).abs() < 0.05, "{k}: {shadow:?}");
        assert!(off.length() < 0.05, "{k}: {shadow:?} under {lamp:?}");
        // Edges on the shadow's side stay where they are, to a tenth of a pixel.
        let dark: Vec<f64> = found
            .edges
            .iter()
            .filter(|e| {
                found.plane_from_design.apply_vector(e.at.normal).dot(fall(lamp)) > 0.2 && e.at.corner_distance > 1.0
            })
            .map(|e| e.deviation_mm)
            .filter(|d| d.is_finite())
            .collect();
        let mean = dark.iter().sum::<f64>() / dark.len() as f64;
        println!("{k}: edges in shadow are off by {mean:+.4} mm");
        assert!(dark.len() > 50 && mean.abs() < 0.02, "{k}: {mean} mm of {}", dark.len());
    }
}

#[test]
fn without_a_lamp_nothing_moves_an_edge() {
    let found = registered(&photo(1.0, None, 0.1), 1.0);
    let shadow = found.shadow.expect("looked for");
    println!("{shadow:?}");
    assert!(!shadow.hides() && shadow.depth * (shadow.fall.length() + shadow.soft_mm) < 0.03, "{shadow:?}");
    let worst =
        found.edges.iter().filter(|e| e.at.corner_distance > 1.0).map(|e| e.deviation_mm.abs()).fold(0.0, f64::max);
    assert!(worst < 0.06, "{worst}");
}

#[test]
fn a_shadow_as_dark_as_the_part_is_not_taken_for_part() {
    let found = registered(&photo(3.0, Some(lamp(130.0, 45.0, 0.1, 0.6)), 0.34), 3.0);
    let shadow = found.shadow.expect("looked for");
    assert!(shadow.hides(), "{shadow:?}");
    assert!((shadow.fall - fall(&lamp(130.0, 45.0, 0.1, 0.6)) * 3.0).length() < 0.2, "{shadow:?}");
}

/// So narrow a shadow leaves no sheet between it and the pose that part and shadow together have: from there no faint shadow leads to it.
#[test]
fn a_narrow_shadow_as_dark_as_the_part_is_not_taken_for_part() {
    for (azimuth, thickness_mm) in [(105.0, 0.5), (195.0, 0.5), (15.0, 0.7)] {
        let lamp = lamp(azimuth, 54.0, 0.07, 0.6);
        let found = registered(&photo(thickness_mm, Some(lamp), 0.34), thickness_mm);
        let shadow = found.shadow.expect("looked for");
        let off = shadow.fall - fall(&lamp) * thickness_mm;
        assert!(
            off.length() < 0.15 && shadow.hides(),
            "{azimuth} degrees, {thickness_mm} mm: off by {off:?}, {shadow:?}"
        );
    }
}

/// The bare cut edge of a painted sheet: between face and sheet in light. Where so light a wall is narrow it melts into the face's step, and only wide ones tell how light it is.
#[test]
fn a_wall_lighter_than_the_face_does_not_move_its_rim() {
    for wall in [0.1, 0.7, 0.9] {
        let found = registered(&photo_of(3.0, None, 0.05, wall), 3.0);
        let seen = found.edges.iter().filter(|e| e.edge.is_ok() && e.at.corner_distance > 1.0);
        let off: Vec<f64> = seen.map(|e| e.deviation_mm).collect();
        let rms = (off.iter().map(|d| d * d).sum::<f64>() / off.len() as f64).sqrt();
        let worst = off.iter().fold(0.0, |w: f64, d| w.max(d.abs()));
        println!(
            "wall {wall}: {:?}, rms {rms:.4} mm, worst {worst:.3} mm of {}",
            found.shadow.map(|s| s.walls),
            off.len()
        );
        // 0.029 mm where each place had to find out by itself.
        assert!(off.len() > 200 && rms < 0.012 && worst < 0.05, "wall {wall}: rms {rms}, worst {worst} mm");
    }
}

/// A desk lamp 400 mm above the part: over 44 mm its shadow grows by a tenth of the thickness, which every edge beside it would be off by.
#[test]
fn the_shadow_of_a_near_lamp_spreads() {
    let lamp = Lamp { height_mm: 400.0, ..lamp(130.0, 50.0, 0.1, 0.5) };
    let found = registered(&photo(4.0, Some(lamp), 0.05), 4.0);
    let shadow = found.shadow.expect("looked for");
    let spread = 4.0 / 396.0;
    let off = shadow.fall_at(Point::new(0.0, 0.0)) - fall(&lamp) * (4.0 * (1.0 + spread));
    assert!((shadow.spread - spread).abs() < 0.2 * spread && off.length() < 0.1, "{shadow:?}, off by {off:?}");
    let seen = found.edges.iter().filter(|e| e.edge.is_ok() && e.at.corner_distance > 1.0);
    let off: Vec<f64> = seen.map(|e| e.deviation_mm).collect();
    let rms = (off.iter().map(|d| d * d).sum::<f64>() / off.len() as f64).sqrt();
    println!("{:.5} instead of {spread:.5}, rms {rms:.4} mm of {}", shadow.spread, off.len());
    assert!(off.len() > 150 && rms < 0.02, "{rms} mm");
}
