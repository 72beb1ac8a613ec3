//! `assay calibrate scale`: from photos of a ring to recipes that measure as well as they say.

use crate::{assay, at, code, json, stderr};
use inspector::calibration::{CameraRecord, Lens, ScaleRecord, Tone};
use inspector::design::{Design, write_dxf};
use inspector::geometry::{Angle, Vector};
use inspector::synth::{Noise, Rendered, Scene, parts};
use station::calibrations;
use station::ledger::{CalibratedTo, Ledger, LedgerOptions};
use std::path::Path;
use std::process::Output;

/// What the camera does: nobody has told it to the program.
const SCALE: f64 = 0.05;
/// What somebody measured with a steel rule.
const ROUGH: &str = "0.0504";
const OUTER: f64 = 29.93;
const INNER: f64 = 20.04;

/// A photo by a camera whose codes are proportional to light: taken for sRGB, its edges lie elsewhere.
fn photo(path: &str, design: &Design, degrees: f64, shift: (f64, f64)) {
    let scene =
        Scene { noise: Noise { read: 0.003, shot: 1e-4 }, tone: Tone::Linear, ..Scene::new(design, 1400, 1200, SCALE) };
    let scene = scene.placed(design, SCALE, Angle::from_degrees(degrees), Vector::new(shift.0, shift.1));
    std::fs::write(path, Rendered::new(&scene, design, None).unwrap().png()).unwrap();
}

/// A recipe for a drawing.
fn recipe(dir: &Path, design: &Design, name: &str, scale: &str) -> Output {
    let drawing = at(dir, &format!("{name}.dxf"));
    std::fs::write(&drawing, write_dxf(design)).unwrap();
    assay(&["recipe", "new", "--design", &drawing, "--part", name, "--scale", scale, "--out", &at(dir, name)])
}

/// Photos of a ring that was measured, and its recipe.
fn workshop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let made = parts::pierced_disc(OUTER, &[(0.0, 0.0, INNER)]);
    for (i, shift) in [(0.0, 0.0), (-250.0, -180.0), (240.0, 150.0)].into_iter().enumerate() {
        photo(&at(dir.path(), &format!("{i}.png")), &made, 40.0 * i as f64, shift);
    }
    let drawn = parts::pierced_disc(30.0, &[(0.0, 0.0, 20.0)]);
    let made = recipe(dir.path(), &drawn, "ring", ROUGH);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    dir
}

fn calibrate(dir: &Path, known: &[&str], more: &[&str]) -> Output {
    let (recipe, out) = (at(dir, "ring"), at(dir, "bench.toml"));
    let photos = [0, 1, 2].map(|i| at(dir, &format!("{i}.png")));
    let mut all = vec!["calibrate", "scale", "--recipe", &recipe, "--u", "0.001", "--out", &out];
    all.extend(known.iter().flat_map(|k| ["--known", k]));
    all.extend(more);
    all.extend(photos.iter().map(String::as_str));
    assay(&all)
}

/// The record of a lens.
fn lens() -> String {
    let lens = Lens::pinhole(1400.0, 1400, 1200);
    let artefact = "chessboard".to_owned();
    let record = CameraRecord {
        schema: 1,
        width: 1400,
        height: 1200,
        artefact,
        photos: 9,
        rms_px: 0.2,
        by: None,
        made: None,
        lens,
        covariance: [[0.0; 9]; 9],
    };
    record.to_toml()
}

const BOTH: [&str; 2] = ["outline.diameter=29.93", "hole-1.diameter=20.04"];

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_camera_that_was_calibrated_with_a_ring_measures_as_well_as_it_says() {
    let dir = workshop();
    let dir = dir.path();
    let done = calibrate(
        dir,
        &BOTH,
        &["--by", "anna", "--artefact", "ring no. 3", "--camera", "bench", "--data", &at(dir, "data")],
    );
    assert_eq!((code(&done), stderr(&done)), (0, String::new()), "{}", out(&done));
    println!("{}", out(&done));
    assert!(out(&done).ends_with("Calibrated bench by anna: entry 1\n"), "{}", out(&done));
    let file = std::fs::read_to_string(at(dir, "bench.toml")).unwrap();
    let record = ScaleRecord::read(&file).unwrap();
    assert_eq!((record.by.as_deref(), record.photos, record.artefact.as_str()), (Some("anna"), 3, "ring no. 3"));
    let found = &record.calibration;
    assert!((found.mm_per_px - SCALE).abs() < 2e-5 * SCALE.max(1.0) && found.u_scale < 3e-4, "{found:?}");
    assert!(found.edge_offset_px.abs() > 0.05 && found.u_edge_px < 0.05, "{found:?}");

    let ledger =
        Ledger::open(&dir.join("data"), LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() }).unwrap().0;
    let state = calibrations::known(&ledger, "bench").unwrap();
    let calibration = state.calibration.unwrap();
    let CalibratedTo::Scale { u_scale, u_edge_px } = calibration.known else { panic!("{:?}", calibration.known) };
    assert_eq!((u_scale, u_edge_px), (found.u_scale, found.u_edge_px));
    assert_eq!(ledger.blob(&calibration.record).unwrap().unwrap(), file.as_bytes());
    drop(ledger);
    let listed = assay(&["calibrate", "list", "--data", &at(dir, "data")]);
    assert!(out(&listed).contains("with ring no. 3") && out(&listed).contains("u of scale 0.0"), "{}", out(&listed));

    // Another part, by the record: each size as well as it says. By the steel rule: not.
    let plate = parts::pierced_disc(44.0, &[(-9.0, 2.0, 8.0), (8.0, -5.0, 12.0)]);
    photo(&at(dir, "plate.png"), &plate, 70.0, (20.0, -30.0));
    let errors = |name: &str, scale: &str| -> Vec<(f64, f64)> {
        let made = recipe(dir, &plate, name, scale);
        assert_eq!(code(&made), 0, "{}", stderr(&made));
        let judged = assay(&["inspect", "--json", "--recipe", &at(dir, name), &at(dir, "plate.png")]);
        let checks = json(&judged)[0]["checks"].as_array().unwrap().clone();
        let sizes = checks.iter().filter(|c| c["id"].as_str().unwrap().ends_with(".diameter"));
        sizes.map(|c| (c["deviation"].as_f64().unwrap(), c["u"].as_f64().unwrap())).collect()
    };
    let by_record = errors("by-record", &at(dir, "bench.toml"));
    println!("{by_record:?}");
    assert_eq!(by_record.len(), 3);
    assert!(by_record.iter().all(|(off, u)| off.abs() <= 1.96 * u && *u < 0.01), "{by_record:?}");
    // The recipe is for pictures of that size.
    let small = parts::pierced_disc(24.0, &[(0.0, 0.0, 8.0)]);
    let scene = Scene { tone: Tone::Linear, ..Scene::new(&small, 900, 800, SCALE) };
    std::fs::write(at(dir, "small.png"), Rendered::new(&scene, &small, None).unwrap().png()).unwrap();
    let judged = assay(&["inspect", "--json", "--recipe", &at(dir, "by-record"), &at(dir, "small.png")]);
    assert_eq!(code(&judged), 3);
    assert!(out(&judged).contains("pictures of 1400 x 1200, the photo has 900 x 800"), "{}", out(&judged));
    assert!(errors("by-rule", ROUGH).iter().any(|(off, _)| off.abs() > 0.1));
    let text = std::fs::read_to_string(dir.join("by-record/recipe.toml")).unwrap();
    assert!(text.contains("# Measured with a part of known size: ring no. 3 by anna on 20"), "{text}");
}

#[test]
fn what_one_size_does_not_tell_is_said() {
    let dir = workshop();
    let done = calibrate(dir.path(), &BOTH[..1], &[]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert!(out(&done).contains("cannot tell the edges from the scale"), "{}", out(&done));
    let record = ScaleRecord::read(&std::fs::read_to_string(at(dir.path(), "bench.toml")).unwrap()).unwrap();
    assert_eq!(record.calibration.edge_offset_px, 0.0);
    assert!(record.calibration.u_edge_px >= 0.1 && record.by.is_none());
    // It is there now, and is not written over.
    let again = calibrate(dir.path(), &BOTH, &[]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("bench.toml exists"), "{}", stderr(&again));
}

/// Each is one line that says what was expected and found; nothing is written.
#[test]
fn what_gives_no_scale_is_one_line() {
    let dir = workshop();
    let dir = dir.path();
    for (known, expected) in [
        (&["hole-1.diameter"][..], "hole-1.diameter=19.012"),
        (&["hole-1.diameter=twenty"], "hole-1.diameter=19.012"),
        (&["hole-9.diameter=20.04"], "its lengths are outline.diameter"),
        (&["hole-1.diameter=-3"], "above 0"),
        (&["hole-1.diameter=20.04", "hole-1.diameter=20.05"], "given twice"),
        (&["outline.diameter=3.0"], "3.000 mm"),
        // Names that were mixed up, and a digit.
        (&["outline.diameter=20.04", "hole-1.diameter=29.93"], "known as 20.040 mm"),
        (&["outline.diameter=29.93", "hole-1.diameter=20.40"], "outside the material"),
    ] {
        let refused = calibrate(dir, known, &[]);
        assert_eq!(code(&refused), 2, "{known:?}: {}", out(&refused));
        assert!(stderr(&refused).contains(expected), "{known:?}: {}", stderr(&refused));
    }
    // A photo that is none does not stop the others; the exit code tells.
    std::fs::write(at(dir, "0.png"), b"no picture").unwrap();
    let without = calibrate(dir, &BOTH, &[]);
    assert_eq!(code(&without), 2);
    assert!(
        stderr(&without).contains("0.png") && out(&without).contains("2 photos"),
        "{}{}",
        stderr(&without),
        out(&without)
    );
    std::fs::remove_file(at(dir, "bench.toml")).unwrap();
    // The same picture is one picture; a resized one has pixels of another size.
    std::fs::copy(at(dir, "1.png"), at(dir, "0.png")).unwrap();
    let twice = calibrate(dir, &BOTH, &[]);
    assert!(
        code(&twice) == 0 && out(&twice).contains("the same picture") && out(&twice).contains("2 photos"),
        "{}",
        out(&twice)
    );
    let record = std::fs::read_to_string(at(dir, "bench.toml")).unwrap();
    assert!(record.contains("size_px = [1400, 1200]") || record.contains("1400,"), "{record}");
    std::fs::remove_file(at(dir, "bench.toml")).unwrap();
    // A recipe that takes its scale from a mat, and a record that is none.
    let drawing = at(dir, "ring.dxf");
    let on_mat = assay(&[
        "recipe",
        "new",
        "--design",
        &drawing,
        "--part",
        "R",
        "--mat",
        "A4",
        "--thickness",
        "1",
        "--out",
        &at(dir, "m"),
    ]);
    assert_eq!(code(&on_mat), 0, "{}", stderr(&on_mat));
    let (m, bench, one) = (at(dir, "m"), at(dir, "bench.toml"), at(dir, "1.png"));
    let refused =
        assay(&["calibrate", "scale", "--recipe", &m, "--u", "0.001", "--known", BOTH[0], "--out", &bench, &one]);
    assert_eq!((code(&refused), stderr(&refused).lines().count()), (2, 1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("a mat or a picture tells its own scale"), "{}", stderr(&refused));
    assert!(!Path::new(&bench).exists());
    for (record, expected) in [
        (
            "schema = 1\nartefact = \"r\"\nphotos = 1\nrms_px = 0.1\nsize = []\n[calibration]\nmm_per_px = -1.0\n",
            "mm_per_px from 0.0001 to 10",
        ),
        (
            "schema = 7\nartefact = \"r\"\nphotos = 1\nrms_px = 0.1\nsize = []\n[calibration]\nmm_per_px = 0.1\n",
            "version 7",
        ),
        (&lens(), "a lens (assay calibrate board), expected that of a scale"),
    ] {
        let file = at(dir, "wrong.toml");
        std::fs::write(&file, record).unwrap();
        let refused = recipe(dir, &parts::bracket(), "b", &file);
        assert_eq!((code(&refused), stderr(&refused).lines().count()), (2, 1), "{}", stderr(&refused));
        assert!(stderr(&refused).contains("wrong.toml") && stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    for wrong in ["nan", "600", "-0.02"] {
        let refused = recipe(dir, &parts::bracket(), "b", wrong);
        assert!(code(&refused) == 2 && stderr(&refused).contains("--scale: expected"), "{wrong}: {}", stderr(&refused));
    }
    let no_record = recipe(dir, &parts::bracket(), "b", &at(dir, "ring.dxf"));
    assert_eq!((code(&no_record), stderr(&no_record).lines().count()), (2, 1), "{}", stderr(&no_record));
    let nothing = recipe(dir, &parts::bracket(), "b", "0,05");
    assert!(code(&nothing) == 2 && stderr(&nothing).contains("such as 0.0423"), "{}", stderr(&nothing));
}
