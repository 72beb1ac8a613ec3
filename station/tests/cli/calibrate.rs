//! `assay calibrate`: from photos of a board to the list of parts that nobody should rely on.

use crate::{assay, at, code, json, stderr};
use image::{GrayImage, Luma};
use inspector::calibration::{CameraRecord, Lens};
use serde_json::{Value, json};
use station::calibrations;
use station::ledger::{Act, CalibratedTo, Entry, Ledger, LedgerOptions};
use std::path::Path;
use std::process::Output;

fn open(dir: &Path) -> Ledger {
    Ledger::open(&dir.join("data"), LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() }).unwrap().0
}

/// Judges a part: an inspection of another day, with this serial number. Gives its sequence number.
fn judged(ledger: &Ledger, serial: &str) -> u64 {
    let entries = include_str!("../../../tests/fixtures/journal-v1/entries.jsonl");
    let entry: Entry = serde_json::from_str(entries.lines().last().unwrap()).unwrap();
    let Act::Inspection { mut inspection, thumbnail, overlay, .. } = entry.act else { panic!("an inspection") };
    inspection.serial = Some(serial.to_owned());
    let (idempotency_key, request_sha256) = (None, None);
    ledger.append(Act::Inspection { inspection, thumbnail, overlay, idempotency_key, request_sha256 }).unwrap().seq
}

fn calibrated(ledger: &Ledger, camera: &str) -> u64 {
    let record = CameraRecord {
        schema: 1,
        width: 1920,
        height: 1080,
        artefact: "chessboard".into(),
        photos: 9,
        rms_px: 0.21,
        by: None,
        made: None,
        lens: Lens::pinhole(1400.0, 1920, 1080),
        covariance: [[0.0; 9]; 9],
    };
    calibrations::calibrate(ledger, camera, "p-7", &record).unwrap().seq
}

/// Somebody measures 150 mm with a camera. u = 0.03 mm, limit 0.10 mm: 150.02 passes, 150.08 is too close to tell, 150.30 fails.
fn verify(dir: &Path, camera: &str, measured: &str, more: &[&str]) -> Output {
    let data = at(dir, "data");
    let fixed = ["calibrate", "verify", "--camera", camera, "--by", "anna", "--data", &data];
    let numbers = ["--nominal", "150.00", "--measured", measured, "--u", "0.03", "--limit", "0.10"];
    assay(&[&fixed[..], &numbers, more].concat())
}

fn affected(dir: &Path, camera: &str) -> Value {
    let listed = assay(&["calibrate", "affected", "--camera", camera, "--data", &at(dir, "data"), "--json"]);
    assert_eq!(code(&listed), 0, "{}", stderr(&listed));
    json(&listed)[0]["doubt"].clone()
}

fn serials(doubt: &Value) -> Vec<&str> {
    doubt["inspections"].as_array().unwrap().iter().map(|i| i["serial"].as_str().unwrap()).collect()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_verification_that_fails_lists_every_part_since_the_last_good_one() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let ledger = open(dir);
    judged(&ledger, "before");
    calibrated(&ledger, "bench-2");
    calibrated(&ledger, "bench-3");
    judged(&ledger, "a");
    drop(ledger);
    let good = verify(dir, "bench-2", "150.02", &[]);
    assert_eq!((code(&good), stderr(&good)), (0, String::new()));
    assert!(out(&good).starts_with("PASS bench-2: 150.020 mm of 150.000 mm, deviation +0.020 mm"), "{}", out(&good));
    let ledger = open(dir);
    let b = judged(&ledger, "b");
    drop(ledger);
    // Another camera that is good says nothing about this one.
    assert_eq!(code(&verify(dir, "bench-3", "150.02", &[])), 0);
    let ledger = open(dir);
    judged(&ledger, "c");
    drop(ledger);
    let failed = verify(dir, "bench-2", "150.30", &["--artefact", "steel rule, no. 17", "--json"]);
    assert_eq!(code(&failed), 1, "{}", stderr(&failed));
    let said = &json(&failed)[0];
    assert_eq!((said["verdict"].as_str(), said["passed"].as_bool()), (Some("fail"), Some(false)), "{said}");
    assert_eq!(said["artefact"], "steel rule, no. 17");
    assert_eq!(serials(&said["doubt"]), ["b", "c"]);
    let first = &said["doubt"]["inspections"][0];
    assert_eq!((first["seq"].as_u64(), first["part"].as_str()), (Some(b), Some("B-1")), "{first}");
    assert!(first["wall"].is_string() && first["verdict"].is_string(), "{first}");
    assert_eq!(affected(dir, "bench-3"), Value::Null);
    calibrated(&open(dir), "bench-4");
    let never = assay(&["calibrate", "affected", "--camera", "bench-4", "--data", &at(dir, "data")]);
    assert_eq!(out(&never), "bench-4 was calibrated and never verified.\n");

    // What is judged now is in doubt too, and a second failure does not shorten the list; too close to tell is no pass.
    judged(&open(dir), "d");
    let close = verify(dir, "bench-2", "150.08", &[]);
    assert_eq!(code(&close), 1);
    assert!(
        out(&close).starts_with("REFER bench-2") && out(&close).contains("counts as not passed"),
        "{}",
        out(&close)
    );
    assert!(out(&close).contains("3 results are in doubt") && out(&close).contains("serial \"d\""), "{}", out(&close));
    let listed = affected(dir, "bench-2");
    assert_eq!(serials(&listed), ["b", "c", "d"]);

    // Doctor says it, and a store made again from the journal says the same.
    let doctor = assay(&["doctor", "--data", &at(dir, "data"), "--rebuild"]);
    assert_eq!(code(&doctor), 2, "{}", out(&doctor));
    assert!(
        out(&doctor).contains("WRONG calibration: camera bench-2: its verification did not pass"),
        "{}",
        out(&doctor)
    );
    assert!(!out(&doctor).contains("camera bench-3"), "{}", out(&doctor));
    assert_eq!(affected(dir, "bench-2"), listed);

    // Calibrated again: the doubt ends here, and its parts stay listed for whoever has not yet looked at them.
    calibrated(&open(dir), "bench-2");
    judged(&open(dir), "e");
    let ended = affected(dir, "bench-2");
    assert_eq!(serials(&ended), ["b", "c", "d"]);
    assert!(listed["before_seq"].is_null() && ended["before_seq"].is_u64(), "{ended}");
    let doctor = assay(&["doctor", "--data", &at(dir, "data")]);
    assert!(
        out(&doctor).contains("ok    calibration: camera bench-2: shown to be good 0 days ago"),
        "{}",
        out(&doctor)
    );
    let list = out(&assay(&["calibrate", "list", "--data", &at(dir, "data")]));
    assert!(list.starts_with("good        camera bench-2") && list.contains("camera bench-3"), "{list}");
    assert!(list.contains("by p-7 with chessboard: rms 0.21 px") && list.contains("REFER bench-2"), "{list}");
}

/// The journal's frames: length, checksum, payload. Flips a bit of the payload of frame `n`, counted from 0.
fn harm(dir: &Path, n: usize) {
    let segment = dir.join("data/journal/00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let length = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let at = (0..n).fold(24, |at, _| at + 8 + length(&bytes, at));
    let middle = at + 8 + length(&bytes, at) / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
}

/// Damage once hid a failure: the camera was good again, and doctor said that the journal was.
#[test]
fn damage_in_the_journal_is_told_with_serial_numbers_and_keeps_cameras_in_doubt() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let ledger = open(dir);
    calibrated(&ledger, "bench-2");
    judged(&ledger, "a");
    drop(ledger);
    assert_eq!(code(&verify(dir, "bench-2", "150.30", &[])), 1);
    judged(&open(dir), "b");
    harm(dir, 1);
    harm(dir, 2);
    let data = at(dir, "data");
    // As it is; made again; and once more, when only the rebuilt store is left to know.
    for more in [&[][..], &["--rebuild"], &["--rebuild"], &[]] {
        let listed = affected(dir, "bench-2");
        assert_eq!(serials(&listed), ["b"], "{listed}");
        assert_eq!(listed["damaged"][0]["serial"], "a", "{listed}");
        assert!(listed["reason"].as_str().unwrap().contains("entry 3"), "{listed}");
        let doctor = assay(&[&["doctor", "--data", &data], more].concat());
        assert_eq!(code(&doctor), 2, "{}", out(&doctor));
        let said = out(&doctor);
        assert!(said.contains("WRONG journal: ") && said.contains("entries 2 to 3 cannot be read"), "{said}");
        assert!(said.contains("lost: 2 part B-1 serial a"), "{said}");
        assert!(said.contains("WRONG calibration: camera bench-2: entry 3, an act"), "{said}");
        let list = out(&assay(&["calibrate", "list", "--data", &data]));
        assert!(list.starts_with("failed      camera bench-2: entry 3"), "{list}");
    }
    assert_eq!(code(&verify(dir, "bench-2", "150.02", &[])), 0);
    let list = out(&assay(&["calibrate", "list", "--data", &data]));
    assert!(list.starts_with("good        camera bench-2"), "{list}");
    // The damage itself stays said.
    assert_eq!(code(&assay(&["doctor", "--data", &data])), 2);
}

/// Half of the world writes numbers with a comma.
#[test]
fn a_decimal_comma_is_explained() {
    let cases: [&[&str]; 3] = [
        &["recipe", "new", "--design", "a.dxf", "--part", "A", "--out", "a", "--scale", "0,0423"],
        &[
            "recipe",
            "new",
            "--design",
            "a.dxf",
            "--part",
            "A",
            "--out",
            "a",
            "--mat",
            "A4",
            "--mat-id",
            "1",
            "--thickness",
            "1,5",
        ],
        &[
            "calibrate",
            "scale",
            "a.jpg",
            "--recipe",
            "a",
            "--known",
            "hole-1.diameter=19,01",
            "--u",
            "0.01",
            "--out",
            "b.toml",
        ],
    ];
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.dxf"), "").unwrap();
    for args in cases {
        let file = at(dir.path(), "a.dxf");
        let args: Vec<&str> = args.iter().map(|a| if *a == "a.dxf" { file.as_str() } else { a }).collect();
        let refused = assay(&args);
        assert_eq!(code(&refused), 2, "{args:?}");
        assert!(stderr(&refused).contains("with a point and not a comma"), "{args:?}: {}", stderr(&refused));
    }
}

/// Reading a station's folder under a wrong name makes none.
#[test]
fn a_wrong_name_of_the_data_folder_is_said_and_makes_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = at(dir.path(), "daat");
    for args in
        [vec!["calibrate", "list"], vec!["calibrate", "affected", "--camera", "bench-2"], vec!["recipe", "list"]]
    {
        let refused = assay(&[&args[..], &["--data", &data]].concat());
        assert_eq!(code(&refused), 2, "{args:?}");
        let said = stderr(&refused);
        assert!(said.contains("no station has recorded anything in") && said.lines().count() == 1, "{args:?}: {said}");
        assert!(!std::path::Path::new(&data).exists(), "{args:?}");
    }
}

#[test]
fn mistakes_of_a_verification_are_one_line_each_and_record_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    drop(open(dir));
    let none = verify(dir, "bench-2", "150.02", &[]);
    assert_eq!(code(&none), 2);
    assert!(
        stderr(&none).contains("no camera \"bench-2\" is calibrated here; calibrated are none yet"),
        "{}",
        stderr(&none)
    );
    let before = calibrated(&open(dir), "bench-2");
    let data = at(dir, "data");
    let asked = |camera: &str, by: &str, [nominal, measured, u, limit]: [&str; 4], artefact: &str| {
        let said = ["calibrate", "verify", "--camera", camera, "--by", by, "--artefact", artefact, "--data", &data];
        let numbers = ["--nominal", nominal, "--measured", measured, "--u", u, "--limit", limit];
        assay(&[&said[..], &numbers].concat())
    };
    let good = ["150", "150.02", "0.03", "0.1"];
    for (refused, expected) in [
        (asked("bench-4", "anna", good, "rule"), "no camera \"bench-4\" is calibrated here; calibrated are bench-2"),
        (
            asked("../x", "anna", good, "rule"),
            "`camera`: expected 1 to 64 letters, digits, `-`, `_` or `.`, found \"../x\"",
        ),
        (asked("bench-2", " ", good, "rule"), "`by`: expected the id of a person"),
        (asked("bench-2", "an\na", good, "rule"), "`by`: expected the id of a person"),
        (asked("bench-2", "anna", good, ""), "`artefact`: expected what was measured, in words"),
        (asked("bench-2", "anna", ["0", "150.02", "0.03", "0.1"], "rule"), "--nominal: expected a number above 0"),
        (asked("bench-2", "anna", ["150", "nan", "0.03", "0.1"], "rule"), "--measured: expected a number above 0"),
        (asked("bench-2", "anna", ["150", "150", "0", "0.1"], "rule"), "--u: expected a number above 0"),
        (asked("bench-2", "anna", ["150", "150", "-0.03", "0.1"], "rule"), "--u: expected a number above 0"),
        (asked("bench-2", "anna", ["150", "150", "0.03", "inf"], "rule"), "--limit: expected a number above 0"),
        (asked("bench-2", "anna", ["150", "1e308", "0.03", "0.1"], "rule"), "found 1e308"),
        // Slips of the finger: a factor of units, a digit too many or too few.
        (
            asked("bench-2", "anna", ["150", "150", "0.03", "15"], "rule"),
            "--limit: expected less than a tenth of --nominal",
        ),
        (asked("bench-2", "anna", ["150", "150", "0.11", "0.1"], "rule"), "--u: expected at most --limit (0.1 mm)"),
        (
            asked("bench-2", "anna", ["150", "150", "1e-9", "0.1"], "rule"),
            "--u: expected at least a millionth of --nominal",
        ),
        (
            asked("bench-2", "anna", ["150", "15.002", "0.03", "0.1"], "rule"),
            "--measured: expected about --nominal (150.0 mm), found 15.002 mm",
        ),
        (asked("bench-2", "anna", ["150", "1500.2", "0.03", "0.1"], "rule"), "--measured: expected about --nominal"),
    ] {
        assert_eq!((code(&refused), stderr(&refused).lines().count()), (2, 1), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
    assert_eq!(open(dir).health().last_seq, before);
}

/// A photo of a board of 7 x 5 inner corners and 20 mm squares, seen by a lens without distortion, tilted by angles in radians.
fn board(path: &Path, (about_x, about_y): (f64, f64)) {
    let (f, cx, cy) = (700.0, 319.5, 239.5);
    let ((sx, kx), (sy, ky)) = (about_x.sin_cos(), about_y.sin_cos());
    // Columns: the board's axes and its normal, seen from the camera.
    let axes = [[ky, sx * sy, -kx * sy], [0.0, kx, sx], [sy, -sx * ky, kx * ky]];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let middle = [0.0, 0.0, 300.0];
    let light = |x: f64, y: f64| {
        let ray = [(x - cx) / f, (y - cy) / f, 1.0];
        let t = dot(axes[2], middle) / dot(axes[2], ray);
        let at = [t * ray[0], t * ray[1], t * ray[2] - middle[2]];
        let (u, v) = (dot(axes[0], at) / 20.0 + 4.0, dot(axes[1], at) / 20.0 + 3.0);
        match (0.0..8.0).contains(&u) && (0.0..6.0).contains(&v) {
            true if (u.floor() + v.floor()) % 2.0 == 0.0 => 20.0,
            true => 220.0,
            false if (-1.0..9.0).contains(&u) && (-1.0..7.0).contains(&v) => 220.0,
            false => 110.0,
        }
    };
    let mean = |x: u32, y: u32| {
        let ray =
            |i: u32| light(f64::from(x) - 0.9 + f64::from(i % 7) * 0.3, f64::from(y) - 0.9 + f64::from(i / 7) * 0.3);
        (0..49).map(ray).sum::<f64>() / 49.0
    };
    GrayImage::from_fn(640, 480, |x, y| Luma([mean(x, y).round() as u8])).save(path).unwrap();
}

#[test]
fn a_calibration_is_an_entry_of_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let tilts = [(0.0, 0.0), (0.5, 0.0), (-0.5, 0.1), (0.1, 0.5), (0.0, -0.5)];
    let photos: Vec<String> = (0..tilts.len()).map(|i| at(dir, &format!("{i}.png"))).collect();
    photos.iter().zip(tilts).for_each(|(path, tilt)| board(Path::new(path), tilt));
    let (data, record) = (at(dir, "data"), at(dir, "bench-2.toml"));
    let calibrate = |more: &[&str]| {
        let fixed = ["calibrate", "board", "--corners", "7x5", "--square", "20", "--out", &record];
        let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
        assay(&[&fixed[..], more, &photos].concat())
    };
    // Half of what is needed to record it, and a name that is none: told before any work.
    for more in [&["--camera", "bench-2"][..], &["--data", &data], &["--camera", "bench-2", "--data", &data]] {
        assert_eq!(code(&calibrate(more)), 2);
    }
    let refused = calibrate(&["--camera", "bench/2", "--data", &data, "--by", "anna"]);
    assert_eq!((code(&refused), stderr(&refused).lines().count()), (2, 1), "{}", stderr(&refused));
    assert!(!Path::new(&record).exists() && !Path::new(&data).exists());

    let made = calibrate(&["--camera", "bench-2", "--data", &data, "--by", "anna"]);
    assert_eq!(code(&made), 0, "{}{}", out(&made), stderr(&made));
    assert!(out(&made).ends_with("Calibrated bench-2 by anna: entry 1\n"), "{}", out(&made));
    let ledger = open(dir);
    let state = calibrations::known(&ledger, "bench-2").unwrap();
    let calibration = state.calibration.unwrap();
    assert_eq!((calibration.seq, calibration.by.as_str()), (1, "anna"));
    assert_eq!(calibration.artefact, "chessboard, 7 x 5 inner corners, 20 mm squares");
    // The blob is the file, and the act's numbers are the record's.
    let file = std::fs::read(&record).unwrap();
    assert_eq!(ledger.blob(&calibration.record).unwrap().unwrap(), file);
    let read = CameraRecord::read(std::str::from_utf8(&file).unwrap()).unwrap();
    assert_eq!((read.by.as_deref(), read.rms_px), (Some("anna"), calibration.rms_px));
    let CalibratedTo::Lens { u_focal_px } = calibration.known else { panic!("{:?}", calibration.known) };
    assert_eq!(u_focal_px, [read.covariance[0][0].sqrt(), read.covariance[1][1].sqrt()]);
    assert!((read.lens.fx - 700.0).abs() < 4.0 * u_focal_px[0] + 0.5, "{:?}", read.lens);
    assert_eq!(json!(state.good.unwrap().0), json!(1));
}
