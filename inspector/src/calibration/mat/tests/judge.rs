//! What makes a photo be believed, and what not.

use super::locate::whole;
use super::render::Shot;
use super::*;
use crate::calibration::{Budget, CameraRecord, Day, World};
use crate::geometry::{Mm, median};
use crate::reason::Reason;
use image::{GrayImage, Luma, RgbImage};

fn layout() -> Layout {
    Layout::new(Paper::A4, 321)
}

fn shot(layout: &Layout) -> Shot {
    Shot { noise: 0.005, jpeg: Some(85), ..Shot::new(layout, 1280, 960, [12.0, 20.0, 85.0]) }
}

fn policy() -> MatPolicy {
    MatPolicy { id: Some(321), u_flat_mm: 0.5, u_measured_mm: 0.1, ..MatPolicy::of(Paper::A4) }
}

fn record(shot: &Shot) -> CameraRecord {
    let KnownLens { lens, covariance } = known_lens(shot);
    CameraRecord {
        schema: 1,
        width: shot.width,
        height: shot.height,
        artefact: "rendered".to_owned(),
        photos: 10,
        rms_px: 0.1,
        by: None,
        made: None,
        lens,
        covariance,
    }
}

fn grey(shot: &Shot, layout: &Layout) -> GrayImage {
    match shot.picture(layout) {
        Picture::Grey(p) => p,
        other => panic!("expected grey, found {other:?}"),
    }
}

/// What is wrong with a photo, by its word for programs.
fn word(picture: &Picture, policy: &MatPolicy) -> &'static str {
    match locate_on_mat(picture, policy, None) {
        Ok(on) => {
            assert_eq!(beyond(&on.seen), [""; 0], "a photo is believed only when each number is within its limits");
            "believed"
        }
        Err(refused) => refused.reason.code(),
    }
}

/// Names of the numbers that are beyond their limits.
fn beyond(seen: &SeenMat) -> Vec<&'static str> {
    seen.readings().iter().filter(|r| !r.is_within()).map(|r| r.name).collect()
}

#[test]
fn a_good_photo_is_believed_and_says_what_it_is_like() {
    let layout = layout();
    let shot = Shot { gamma: 1.15, ..shot(&layout) };
    let policy = MatPolicy { camera: Some(record(&shot)), measured_mm: [Some(170.0), Some(255.0)], ..policy() };
    let on = locate_on_mat(&shot.picture(&layout), &policy, None).unwrap();
    assert_eq!(on.seen.found.id, Some(321));
    // The lens bends its sides; between its places, too, the work area is the quiet middle to a tenth of a millimetre.
    let [x, y] = layout.quiet_mm.map(|side| 0.5 * side);
    for (i, p) in on.work_area.iter().enumerate() {
        let between = p.midpoint(on.work_area[(i + 1) % on.work_area.len()]);
        let q = on.worlds.nominal.camera.plane_from_image(between, Mm(0.0));
        assert!(((q.x.abs() - x).max(q.y.abs() - y)).abs() < 0.1, "{q:?} of {x} and {y} mm");
    }
    let q = &on.seen.quality;
    assert!((q.black - 0.04).abs() < 0.02 && q.clipped == 0.0 && q.unevenness < 0.05, "{q:?}");
    assert!((q.blur_px[0] - 1.05).abs() < 0.15 && (q.white_balance[0] - 1.0).abs() < 0.01, "{q:?}");
    assert!(q.tone_deviation.unwrap() > 0.02, "the camera's curve is not sRGB's: {q:?}");
    // Whatever is judged is told, and lies within its limits.
    let readings = on.seen.readings();
    let inside = |r: &Reading| r.lower.is_none_or(|l| r.value >= l) && r.upper.is_none_or(|u| r.value <= u);
    assert!(readings.iter().all(inside), "{readings:?}");
    let told = |name: &str| readings.iter().find(|r| r.name == name).map(|r| r.value).unwrap();
    let Camera::Perspective(camera) = &shot.camera else { panic!("a lens in space") };
    assert!(
        (told("tilt") - 12.0).abs() < 0.2 && (told("distance") / camera.centre()[2] - 1.0).abs() < 0.005,
        "{readings:?}"
    );
    assert!((told("pixel") - shot.camera.mm_per_px(Point::new(0.0, 0.0))).abs() < 0.001 && told("tags") == 36.0);
    // Light by its own curve: a grey is where it should be between black and white.
    let at = |step: usize, side: usize| {
        let p = on.seen.fit.image_of(layout.wedge[step][side].centre).unwrap();
        let (x, y) = (p.x.round() as i64, p.y.round() as i64);
        let near = (-3..=3).flat_map(|i| (-3..=3).map(move |j| (i, j)));
        near.map(|(i, j)| f64::from(on.light.get_pixel((x + i) as u32, (y + j) as u32).0[0])).sum::<f64>() / 49.0
    };
    let mean = |step: usize| 0.5 * (at(step, 0) + at(step, 1));
    for step in [3, 6, 8, 10] {
        let share = (mean(step) - mean(0)) / (mean(11) - mean(0));
        assert!((share - layout.wedge[step][0].light[0]).abs() < 0.01, "{step}: {share}");
    }
    // Edges of tags lie where their corners say, now that the curve is known; half of the offset was the curve's.
    let mut offsets = super::edges::edge_offsets(&on.light, &layout, &on.seen.found, &on.seen.fit);
    let offset = median(&mut offsets).unwrap();
    assert!(offset.abs() < 0.02, "{offset} px");
    assert_eq!(q.edge_offset_px, Some(offset));
    let mut before =
        super::edges::edge_offsets(&Tone::Srgb.linear(&shot.picture(&layout)), &layout, &on.seen.found, &on.seen.fit);
    assert!(median(&mut before).unwrap().abs() > 2.0 * offset.abs());
}

/// What a photo says of its sharpening, and the offset of its tags' sides, px.
fn seams(shot: &Shot, layout: &Layout) -> (f64, f64) {
    let quality = locate_on_mat(&shot.picture(layout), &policy(), None).unwrap().seen.quality;
    (quality.sharpening.map_or(0.0, |s| s.amount), quality.edge_offset_px.unwrap())
}

/// A camera that sharpens by 0.6 saw black 0.06 px too small; one that does not is left alone.
#[test]
fn sharpening_is_seen_and_undone() {
    let layout = layout();
    for blur_px in [0.9, 1.3] {
        for (sharpen, gamma) in [(0.0, 1.0), (0.0, 1.15), (0.6, 1.0), (0.6, 1.15)] {
            let (amount, offset) = seams(&Shot { blur_px, sharpen, gamma, ..shot(&layout) }, &layout);
            println!("blur {blur_px}, sharpened by {sharpen}, gamma {gamma}: {amount:.3}, {offset:+.3} px");
            assert!((amount - sharpen).abs() < 0.25 && offset.abs() < 0.025, "{amount}, {offset} px");
        }
    }
    // A wedge that is covered says nothing; the other one does.
    let half = Shot { sharpen: 0.6, covered: |p| p.x > 74.0 && p.y.abs() < 40.0, ..shot(&layout) };
    let (amount, offset) = seams(&half, &layout);
    assert!(amount > 0.3 && offset.abs() < 0.03, "{amount}, {offset} px");
}

/// The border of a tag is narrow: under blur, the white modules behind it made black look 0.1 px larger.
#[test]
fn white_behind_a_border_does_not_move_its_edge() {
    let layout = layout();
    let (_, offset) = seams(&Shot { blur_px: 2.2, ..shot(&layout) }, &layout);
    assert!(offset.abs() < 0.05, "{offset} px");
}

#[test]
fn light_that_cannot_be_trusted_is_refused() {
    let layout = layout();
    let s = shot(&layout);
    // Each with the reading that tells it.
    let cases = [
        ("mat-too-dark", "white", Shot { exposure: 0.03, noise: 0.001, ..s.clone() }),
        ("mat-overexposed", "clipped", Shot { exposure: 1.5, ..s.clone() }),
        // No tag is read in so soft a picture.
        ("mat-blurred", "", Shot { blur_px: 4.2, ..s.clone() }),
        ("mat-uneven", "unevenness", Shot { slope: 0.55, exposure: 0.6, ..s.clone() }),
        ("mat-not-flat", "bend", Shot { curl_mm: 4.0, ..s.clone() }),
        ("mat-corner-covered", "", Shot { covered: |p| p.x < -10.0 && p.y > 10.0, ..s.clone() }),
        ("mat-wedge", "", Shot { covered: |p| p.x.abs() > 74.0 && p.y.abs() < 20.0, ..s.clone() }),
    ];
    let refused = |picture: &Picture, expected: &str, reading: &str| {
        let refused = locate_on_mat(picture, &policy(), None).unwrap_err();
        assert_eq!(refused.reason.code(), expected);
        let beyond = refused.seen.map_or_else(Vec::new, |seen| beyond(&seen));
        assert!(reading.is_empty() || beyond.contains(&reading), "{expected}: {beyond:?}");
    };
    for (expected, reading, shot) in cases {
        refused(&shot.picture(&layout), expected, reading);
    }
    let picture = grey(&s, &layout);
    assert_eq!(word(&Picture::Grey(picture.clone()), &policy()), "believed");
    // Something shines on a few tags.
    let mut shining = picture.clone();
    for (x, y, p) in shining.enumerate_pixels_mut() {
        let (dx, dy) = (f64::from(x) - 300.0, f64::from(y) - 200.0);
        let light = 400.0 * libm::exp(-(dx * dx + dy * dy) / (2.0 * 60.0 * 60.0));
        *p = Luma([(f64::from(p.0[0]) + light).min(255.0) as u8]);
    }
    refused(&Picture::Grey(shining), "mat-glare", "clipped");
    // Candle light: next to no blue.
    let red = RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let code = picture.get_pixel(x, y).0[0];
        image::Rgb([code, (f64::from(code) * 0.8) as u8, (f64::from(code) * 0.35) as u8])
    });
    refused(&Picture::Colour(red), "mat-coloured", "blue");
}

#[test]
fn another_mat_half_a_mat_and_none() {
    let layout = layout();
    let s = shot(&layout);
    let picture = grey(&s, &layout);
    let (w, h) = picture.dimensions();
    let whole = Picture::Grey(picture.clone());
    let other = MatPolicy { id: Some(322), ..policy() };
    let refused = |policy| locate_on_mat(&whole, &policy, None).unwrap_err().reason;
    let another =
        |expected: &str| Reason::AnotherMat { expected: expected.to_owned(), found: "mat 321 on A4".to_owned() };
    assert_eq!(refused(other), another("mat 322 on A4"));
    assert_eq!(refused(MatPolicy::of(Paper::Letter)), another("a mat on Letter"));
    let half = imageops::crop_imm(&picture, 0, 0, w * 11 / 20, h).to_image();
    assert_eq!(word(&Picture::Grey(half), &policy()), "mat-outside");
    let little = Shot { covered: |p| p.x > -60.0 || p.y < 100.0, ..s.clone() };
    assert_eq!(word(&little.picture(&layout), &policy()), "mat-too-little");
    assert_eq!(word(&Picture::Grey(imageops::flip_vertical(&picture)), &policy()), "mat-mirrored");
    for (light, expected) in [(140, "no-mat"), (2, "mat-too-dark"), (255, "mat-overexposed")] {
        assert_eq!(word(&Picture::Grey(GrayImage::from_pixel(w, h, Luma([light]))), &policy()), expected);
    }
}

#[test]
fn what_the_recipe_says_wrongly_is_refused() {
    let layout = layout();
    let s = shot(&layout);
    let picture = s.picture(&layout);
    let good = MatPolicy { camera: Some(record(&s)), measured_mm: [Some(170.0), Some(255.0)], ..policy() };
    assert_eq!(word(&picture, &good), "believed");
    let turned = MatPolicy { measured_mm: [Some(171.0), Some(254.0)], ..good.clone() };
    assert!(["mat-distances", "camera-record"].contains(&word(&picture, &turned)), "{}", word(&picture, &turned));
    let exchanged = MatPolicy { measured_mm: [Some(255.0), Some(170.0)], camera: None, ..good.clone() };
    assert_eq!(word(&picture, &exchanged), "mat-distances");
    let flat = MatPolicy { u_flat_mm: 0.05, ..good.clone() };
    assert_eq!(word(&Shot { curl_mm: 1.0, ..s.clone() }.picture(&layout), &flat), "mat-not-flat");
    let other_size = MatPolicy { camera: Some(CameraRecord { width: 1920, ..record(&s) }), ..good };
    assert_eq!(word(&picture, &other_size), "camera-record");
}

/// Without a record the middle of the picture is taken to be the lens's, and pixels to be square: what was cut off or stretched is neither. A camera that moves while it reads its rows leans.
#[test]
fn a_picture_that_is_not_as_a_camera_took_it_is_refused() {
    let layout = layout();
    let s = shot(&layout);
    let picture = grey(&s, &layout);
    let (w, h) = picture.dimensions();
    let cut = Picture::Grey(imageops::crop_imm(&picture, w / 25, 0, w - w / 25, h).to_image());
    let wider = Picture::Grey(imageops::resize(&picture, w + w / 50, h, imageops::FilterType::CatmullRom));
    for changed in [&cut, &wider] {
        assert_eq!(word(changed, &policy()), "mat-cropped");
        let known = MatPolicy { camera: Some(record(&s)), ..policy() };
        assert_eq!(word(changed, &known), "camera-record");
    }
    // Turned upright, or of another camera.
    for [w, h] in [
        [640, 480],
        [480, 640],
        [4080, 3072],
        [848, 480],
        [3024, 3024],
        [1599, 899],
        [4928, 3264],
        [2400, 1080],
        [2448, 2048],
        [4096, 3000],
        [1624, 1240],
    ] {
        assert_eq!(whole(&policy(), [w, h]), Ok(()), "{w} x {h}");
    }
    let lean = |per_row: f64| {
        let shifted = GrayImage::from_fn(w, h, |x, y| {
            let from = f64::from(x) - per_row * (f64::from(y) - 0.5 * f64::from(h));
            let (left, part) = (from.floor(), from - from.floor());
            let at = |x: f64| f64::from(picture.get_pixel(x.clamp(0.0, f64::from(w - 1)) as u32, y).0[0]);
            Luma([(at(left) + part * (at(left + 1.0) - at(left))).round() as u8])
        });
        let known =
            MatPolicy { camera: Some(record(&s)), measured_mm: [Some(170.0), Some(255.0)], u_flat_mm: 0.1, ..policy() };
        word(&Picture::Grey(shifted), &known)
    };
    assert_eq!((lean(0.0), lean(0.0004), lean(0.003)), ("believed", "believed", "mat-skewed"));
}

#[test]
fn no_mat_in_pictures_without_one() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        return println!("skipped: no folder {}", data.display());
    }
    let (mut folders, mut pictures) = (vec![data], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(picture) = image::open(&path) {
                let picture = Picture::Colour(picture.into_rgb8());
                let found = locate_on_mat(&picture, &MatPolicy::of(Paper::A4), None).map_err(|e| e.reason);
                assert!(
                    matches!(
                        found,
                        Err(Reason::NoMat
                            | Reason::MatBlurred { .. }
                            | Reason::MatTooDark { .. }
                            | Reason::MatOverexposed { .. })
                    ),
                    "{}: {found:?}",
                    path.display()
                );
                pictures += 1;
            }
        }
    }
    println!("{pictures} pictures");
    assert!(pictures > 100);
}

/// Paper moves: the scale of a sheet is less certain each day after it was measured, and as uncertain as it can be when nobody knows how long that is.
#[test]
fn a_mat_that_was_measured_long_ago_is_less_certain() {
    let layout = layout();
    let shot = shot(&layout);
    let picture = shot.picture(&layout);
    let measured_on = Some(Day { year: 2026, month: 11, day: 1 });
    let known = MatPolicy {
        camera: Some(record(&shot)),
        measured_mm: [Some(170.0), Some(255.0)],
        u_measured_mm: 0.02,
        ..policy()
    };
    // What is not known of 100 mm across.
    let u = |policy: &MatPolicy, age: Option<f64>| {
        let on = locate_on_mat(&picture, policy, age).unwrap();
        let ends = [-50.0, 50.0].map(|x| on.worlds.nominal.camera.image_from_plane(Point::new(x, 0.0), Mm(0.0)));
        let length = |world: &World| {
            let [a, b] = ends.map(|p| world.camera.plane_from_image(p, Mm(0.0)));
            a.distance(b)
        };
        let u = Budget::of(on.worlds.changes(length)).u();
        (u, on.seen.readings().into_iter().find(|r| r.name == "paper-moved").map(|r| r.value))
    };
    let dated = MatPolicy { measured_on, ..known.clone() };
    let (today, nothing) = u(&dated, Some(0.0));
    assert_eq!((u(&known, Some(400.0)), nothing), ((today, None), None), "nobody said when");
    let [(month, told), (year, most), (unknown, also)] = [Some(30.0), Some(365.0), None].map(|age| u(&dated, age));
    println!("u of 100 mm: {today:.4} today, {month:.4} in a month, {year:.4} in a year");
    assert!((told.unwrap() - 0.01).abs() < 1e-9 && most == Some(0.05) && also == most);
    let grown = |u: f64| (u * u - today * today).sqrt();
    // Both directions are known alike, and the photo shows their ratio: of 100 mm they leave 0.01 and 0.05 mm over the root of two.
    assert!((grown(month) - 0.0071).abs() < 0.002 && (grown(year) - 0.0354).abs() < 0.006, "{today} {month} {year}");
    assert_eq!(unknown, year);
}
