//! Calibrations in the journal: which results are in doubt, over restarts, rebuilds and damage; and what HTTP says of it.

use crate::fixture::{Fixture, get};
use acceptance::ledger::{copy_dir, everything, fast_dir, frames, inspection, open, segments, wait_until_verified};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use inspector::calibration::{CameraRecord, Lens};
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use rand_core::Rng as _;
use serde_json::{Value, json};
use station::calibrations::{self, Aged, CalibrationConfig, Measurement, Standing};
use station::ledger::{Act, CalibratedTo, CameraState, Cause, Doubt, Ledger, LedgerError};
use std::fs;
use std::path::Path;

fn record() -> CameraRecord {
    let mut covariance = [[0.0; 9]; 9];
    (covariance[0][0], covariance[1][1]) = (4.0, 9.0);
    CameraRecord {
        schema: 1,
        width: 1920,
        height: 1080,
        artefact: "chessboard, 9 x 6 inner corners, 25 mm squares".into(),
        photos: 9,
        rms_px: 0.21,
        by: Some("p-7".into()),
        made: None,
        lens: Lens::pinhole(1400.0, 1920, 1080),
        covariance,
    }
}

fn measured(measured_mm: f64) -> Measurement {
    let (by, artefact) = ("p-7".to_owned(), "steel rule".to_owned());
    Measurement { by, artefact, nominal_mm: 150.0, measured_mm, u_mm: 0.03, limit_mm: 0.1 }
}

fn verified(camera: &str, verdict: Verdict) -> Act {
    let measured_mm = match verdict {
        Verdict::Pass => 150.02,
        Verdict::Refer => 150.08,
        Verdict::Fail => 150.3,
    };
    let (camera, by, artefact) = (camera.to_owned(), "p-7".to_owned(), "steel rule".to_owned());
    Act::Verified { camera, by, artefact, nominal_mm: 150.0, measured_mm, u_mm: 0.03, limit_mm: 0.1, verdict }
}

fn calibrated(camera: &str) -> Act {
    Act::Calibrated {
        camera: camera.to_owned(),
        record: Sha256::of(b"record"),
        artefact: "chessboard".to_owned(),
        by: "p-7".to_owned(),
        rms_px: 0.21,
        known: CalibratedTo::Lens { u_focal_px: [2.0, 3.0] },
    }
}

/// Sequence numbers in doubt, oldest first, read in pages of three.
fn doubtful(ledger: &Ledger, doubt: &Doubt) -> Vec<u64> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = ledger.inspections(&doubt.query(cursor, 3)).unwrap();
        found.extend(page.entries.iter().map(|e| e.seq));
        cursor = page.next_before_seq;
        if cursor.is_none() {
            found.reverse();
            return found;
        }
    }
}

/// The same said another way, with the first verification that failed: walk the acts once, and keep what was judged since the camera was last good.
fn expected(ledger: &Ledger, camera: &str) -> Option<(Vec<u64>, u64)> {
    let (mut since_good, mut failed, mut newest) = (Vec::new(), None, None);
    for entry in everything(ledger) {
        let good = match &entry.act {
            Act::Inspection { .. } => {
                since_good.push(entry.seq);
                continue;
            }
            Act::Calibrated { camera: c, .. } if c == camera => true,
            Act::Verified { camera: c, verdict, .. } if c == camera => *verdict == Verdict::Pass,
            _ => continue,
        };
        if !good {
            failed = failed.or(Some(entry.seq));
            continue;
        }
        newest = failed.map(|first| (since_good.clone(), first)).or(newest);
        (since_good, failed) = (Vec::new(), None);
    }
    failed.map(|first| (since_good, first)).or(newest)
}

#[test]
fn what_is_in_doubt_follows_from_the_acts_whatever_their_order() {
    for seed in 0..40 {
        let mut random = rand_pcg::Pcg32::new(seed, 3);
        let dir = fast_dir();
        let mut ledger = open(dir.path()).0;
        for _ in 0..60 {
            let camera = ["left", "right"][random.next_u32() as usize % 2];
            match random.next_u32() % 12 {
                0 => drop(ledger.append(calibrated(camera)).unwrap()),
                1 | 2 => drop(ledger.append(verified(camera, Verdict::Pass)).unwrap()),
                3 => drop(ledger.append(verified(camera, Verdict::Fail)).unwrap()),
                4 => drop(ledger.append(verified(camera, Verdict::Refer)).unwrap()),
                5 if random.next_u32().is_multiple_of(4) => {
                    drop(ledger);
                    if random.next_u32().is_multiple_of(2) {
                        Ledger::ask_for_rebuild(dir.path()).unwrap();
                    }
                    ledger = open(dir.path()).0;
                }
                _ => drop(ledger.append(inspection(random.next_u32().into(), Sha256::of(b"photo"))).unwrap()),
            }
        }
        let found = ledger.calibrations().unwrap();
        for state in &found.cameras {
            let doubt = state.doubt.map(|d| (doubtful(&ledger, &d), d.failed_seq));
            assert_eq!(doubt, expected(&ledger, &state.camera), "seed {seed}, camera {}", state.camera);
            let count = state.doubt.map(|d| ledger.doubtful(&d).unwrap());
            assert_eq!(count, doubt.map(|(d, _)| d.len() as u64), "seed {seed}");
        }
        assert_eq!((found.unreadable.len(), found.cameras.len()), (0, 2), "seed {seed}");
    }
}

#[test]
fn an_act_that_cannot_be_read_is_said_until_every_camera_was_verified() {
    let dir = fast_dir();
    let ledger = open(dir.path()).0;
    let look =
        |ledger: &Ledger| calibrations::look(ledger, CalibrationConfig::default(), jiff::Timestamp::now()).unwrap();
    ledger.append(calibrated("left")).unwrap();
    ledger.append(verified("left", Verdict::Fail)).unwrap();
    ledger.append(inspection(1, Sha256::of(b"photo"))).unwrap();
    drop(ledger);
    let segment = segments(dir.path())[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    let (from, to) = frames(&bytes)[1];
    bytes[(from + to) / 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let ledger = open(dir.path()).0;
    wait_until_verified(&ledger);
    let (good, said) = look(&ledger);
    // The failed verification is gone, and the camera looks good: that alone would be a lie.
    assert!(
        !good && said[0].contains("entry 2, an act on the calibration of a camera, cannot be read any more"),
        "{said:?}"
    );
    ledger.append(verified("left", Verdict::Pass)).unwrap();
    let (good, said) = look(&ledger);
    assert!(good && said[0].contains("camera left: shown to be good"), "{said:?}");
}

/// Flips a bit in the middle of the journal's frame `n`, counted from 0.
fn harm(dir: &Path, n: usize) {
    let segment = segments(dir)[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    let (from, to) = frames(&bytes)[n];
    bytes[(from + to) / 2] ^= 1;
    fs::write(&segment, bytes).unwrap();
}

/// What happens to the store after damage, before the ledger is opened again.
const AFTERWARDS: [&str; 3] = ["nothing", "rebuild", "store gone"];

fn afterwards(dir: &Path, what: &str) -> Ledger {
    match what {
        "rebuild" => {
            // Once as it is, so that the damage is known to it; then again.
            drop(open(dir));
            Ledger::ask_for_rebuild(dir).unwrap();
        }
        "store gone" => fs::remove_dir_all(dir.join("store")).unwrap(),
        _ => {}
    }
    open(dir).0
}

fn looked(ledger: &Ledger) -> (bool, Vec<String>) {
    calibrations::look(ledger, CalibrationConfig::default(), jiff::Timestamp::now()).unwrap()
}

#[test]
fn a_failure_that_was_lost_keeps_every_camera_in_doubt_whatever_became_of_the_store() {
    for what in AFTERWARDS {
        let dir = fast_dir();
        let ledger = open(dir.path()).0;
        ledger.append(calibrated("left")).unwrap();
        ledger.append(calibrated("right")).unwrap();
        let part = ledger.append(inspection(1, Sha256::of(b"photo"))).unwrap().seq;
        ledger.append(verified("left", Verdict::Fail)).unwrap();
        let late = ledger.append(inspection(2, Sha256::of(b"photo"))).unwrap().seq;
        drop(ledger);
        harm(dir.path(), 3);
        let ledger = afterwards(dir.path(), what);
        let cause = if what == "store gone" { Cause::Lost } else { Cause::Unreadable };
        for (camera, after_seq) in [("left", 1), ("right", 2)] {
            let doubt = calibrations::known(&ledger, camera).unwrap().doubt;
            assert_eq!(doubt, Some(Doubt { after_seq, failed_seq: 4, cause, before_seq: None }), "{what}: {camera}");
            assert_eq!(doubtful(&ledger, &doubt.unwrap()), [part, late], "{what}: {camera}");
        }
        let (good, said) = looked(&ledger);
        assert!(!good && said.len() == 2 && said[0].contains("entry 4"), "{what}: {said:?}");
        ledger.append(verified("left", Verdict::Pass)).unwrap();
        let (good, said) = looked(&ledger);
        assert!(!good && said.len() == 1 && said[0].contains("camera right"), "{what}: {said:?}");
        ledger.append(calibrated("right")).unwrap();
        assert!(looked(&ledger).0, "{what}");
        // It stays so when the store is made once more.
        drop(ledger);
        Ledger::ask_for_rebuild(dir.path()).unwrap();
        assert!(looked(&open(dir.path()).0).0, "{what}");
    }
}

/// An inspection that was lost says nothing about a camera, as long as somebody knows that it was one.
#[test]
fn a_lost_inspection_brings_no_camera_into_doubt_while_the_store_knows_it() {
    for what in AFTERWARDS {
        let dir = fast_dir();
        let ledger = open(dir.path()).0;
        ledger.append(calibrated("left")).unwrap();
        ledger.append(inspection(7, Sha256::of(b"photo"))).unwrap();
        ledger.append(Act::Started).unwrap();
        drop(ledger);
        harm(dir.path(), 1);
        let ledger = afterwards(dir.path(), what);
        assert_eq!(looked(&ledger).0, what != "store gone", "{what}");
        let entry = ledger.entry(2);
        let serial = if what == "store gone" { None } else { Some("S-000007") };
        assert!(
            matches!(&entry, Err(LedgerError::Damaged { serial: s, .. }) if s.as_deref() == serial),
            "{what}: {entry:?}"
        );
    }
}

#[test]
fn a_tail_that_was_cut_off_may_have_been_a_failure() {
    for (what, torn) in AFTERWARDS.into_iter().flat_map(|what| [(what, true), (what, false)]) {
        let dir = fast_dir();
        let ledger = open(dir.path()).0;
        ledger.append(calibrated("left")).unwrap();
        ledger.append(verified("left", Verdict::Fail)).unwrap();
        drop(ledger);
        if torn {
            let segment = segments(dir.path())[0].clone();
            let bytes = fs::read(&segment).unwrap();
            fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
        } else {
            harm(dir.path(), 1);
        }
        let ledger = afterwards(dir.path(), what);
        assert!(!looked(&ledger).0, "{what}, torn: {torn}");
        drop(ledger);
        // The number may be given out again, to an act that says nothing of the camera.
        let ledger = open(dir.path()).0;
        ledger.append(inspection(3, Sha256::of(b"photo"))).unwrap();
        let (good, said) = looked(&ledger);
        assert!(!good && said[0].contains("may have been a verification that did not pass"), "{what}: {said:?}");
        ledger.append(verified("left", Verdict::Pass)).unwrap();
        assert!(looked(&ledger).0, "{what}, torn: {torn}");
    }
}

/// What a power cut leaves of a part's entry must not stop the line's cameras.
#[test]
fn a_torn_inspection_brings_no_camera_into_doubt() {
    let dir = fast_dir();
    let ledger = open(dir.path()).0;
    ledger.append(calibrated("left")).unwrap();
    ledger.append(inspection(1, Sha256::of(b"photo"))).unwrap();
    drop(ledger);
    let segment = segments(dir.path())[0].clone();
    let bytes = fs::read(&segment).unwrap();
    let torn = bytes[..bytes.len() - 100].to_vec();
    // Nor may what can be no entry at all: a page of zeros, a few bytes of anything.
    let behind = |tail: &[u8]| [&bytes, tail].concat();
    for left in [torn, behind(&[0; 5]), behind(&[0; 4096]), behind(&[7, 201, 33])] {
        fs::write(&segment, &left).unwrap();
        let ledger = afterwards(dir.path(), "store gone");
        let (good, said) = looked(&ledger);
        assert!(good, "{said:?}");
    }
}

fn good_at(good: &str) -> CameraState {
    CameraState {
        camera: "bench-2".into(),
        calibration: None,
        verification: None,
        good: Some((4, good.into())),
        doubt: None,
    }
}

fn standing(now: &str, state: &CameraState) -> Standing {
    Aged::at(now.parse().unwrap(), state, CalibrationConfig::default()).standing
}

#[test]
fn it_is_overdue_at_the_hour_and_not_before() {
    let state = good_at("2026-01-01T12:00:00Z");
    assert_eq!(standing("2026-04-01T11:59:59Z", &state), Standing::Good);
    assert_eq!(standing("2026-04-01T12:00:00Z", &state), Standing::Overdue);
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_young() {
    let at = good_at("2026-01-01T12:00:00Z");
    assert_eq!(standing("2026-01-01T11:55:00Z", &at), Standing::Good, "two machines' clocks");
    assert_eq!(standing("2025-12-31T12:00:00Z", &at), Standing::ClockWrong);
    assert_eq!(standing("2026-01-02T12:00:00Z", &good_at("yesterday")), Standing::ClockWrong);
    assert_eq!(standing("2026-01-02T12:00:00Z", &CameraState { good: None, ..at }), Standing::ClockWrong);
}

#[test]
fn failed_comes_before_every_other_word() {
    let doubt = Doubt { after_seq: 4, failed_seq: 9, cause: Cause::NotPassed, before_seq: None };
    let failed = CameraState { doubt: Some(doubt), ..good_at("2026-01-01T12:00:00Z") };
    for now in ["2026-01-02T12:00:00Z", "2027-01-01T12:00:00Z", "2025-01-01T12:00:00Z"] {
        assert_eq!(standing(now, &failed), Standing::Failed);
    }
    let ended = CameraState { doubt: Some(Doubt { before_seq: Some(11), ..doubt }), ..failed };
    assert_eq!(standing("2026-01-02T12:00:00Z", &ended), Standing::Good);
}

#[test]
fn u_decides_with_the_limit() {
    let rule = |measured_mm: f64, u_mm: f64| {
        let (by, artefact) = ("p-7".into(), "steel rule".into());
        Measurement { by, artefact, nominal_mm: 150.0, measured_mm, u_mm, limit_mm: 0.1 }.verdict()
    };
    assert_eq!(rule(150.02, 0.03), Verdict::Pass);
    assert_eq!(rule(149.98, 0.03), Verdict::Pass);
    assert_eq!(rule(150.08, 0.03), Verdict::Refer);
    assert_eq!(rule(149.84, 0.03), Verdict::Fail);
    assert_eq!(rule(150.0, 0.07), Verdict::Refer, "a rule that cannot show it");
}

#[test]
fn odd_policies_are_refused() {
    for (days, good) in [(0, false), (1, true), (3650, true), (3651, false)] {
        assert_eq!(CalibrationConfig { verify_every_days: days }.check().is_ok(), good, "{days}");
    }
    assert!(toml::from_str::<CalibrationConfig>("verify_every_day = 3").is_err());
}

fn post(camera: &str, body: &Value) -> Request<Body> {
    Request::post(format!("/api/v1/calibrations/{camera}/verifications"))
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn body(measured_mm: f64) -> Value {
    json!({ "by": "p-7", "artefact": "steel rule", "nominal_mm": 150.0, "measured_mm": measured_mm, "u_mm": 0.03, "limit_mm": 0.1 })
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_from_calibration_to_doubt_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    // No calibration is no fault.
    let ready = station.get("/readyz").await.json();
    assert_eq!(ready["calibration"], json!({ "ok": true, "reason": "no camera is calibrated" }));
    assert_eq!(
        station.get("/api/v1/calibrations").await.json(),
        json!({ "verify_every_days": 90, "items": [], "unreadable": [] })
    );
    let problem = station.ask(post("bench-2", &body(150.02))).await.problem(404, "unknown-camera");
    assert_eq!(problem["known"], json!([]));

    station.post("pass-0.jpg").await;
    let entry = calibrations::calibrate(&station.ledger, "bench-2", "p-7", &record()).unwrap();
    let first = station.post("pass-1.jpg").await.json()["seq"].as_u64().unwrap();
    let second = station.post("fail-1.jpg").await.json()["seq"].as_u64().unwrap();
    let affected = "/api/v1/calibrations/bench-2/affected";
    let none = station.get(affected).await.json();
    assert_eq!(none, json!({ "items": [], "damaged": [], "next_cursor": null }), "nothing is in doubt yet");
    let view = station.get("/api/v1/calibrations").await.json()["items"][0].clone();
    assert_eq!((view["state"].as_str(), &view["doubt"]), (Some("good"), &Value::Null), "{view}");
    let calibration = &view["calibration"];
    assert_eq!((calibration["seq"].as_u64(), calibration["by"].as_str()), (Some(entry.seq), Some("p-7")));
    assert_eq!((calibration["rms_px"].as_f64(), &calibration["u_focal_px"]), (Some(0.21), &json!([2.0, 3.0])));
    let digest: Sha256 = serde_json::from_value(calibration["record"].clone()).unwrap();
    assert_eq!(station.ledger.blob(&digest).unwrap().unwrap(), record().to_toml().as_bytes());
    assert!(calibration["age_days"].as_f64().unwrap() < 0.1 && view["due"].is_string(), "{view}");

    let failed = station.ask(post("bench-2", &body(150.3))).await;
    assert_eq!(failed.status, StatusCode::CREATED, "{}", failed.text());
    let failed = failed.json();
    assert_eq!((failed["state"].as_str(), failed["verification"]["passed"].as_bool()), (Some("failed"), Some(false)));
    assert_eq!((failed["doubt"]["affected"].as_u64(), failed["doubt"]["href"].as_str()), (Some(2), Some(affected)));
    // One at a time, newest first, as all inspections come.
    let page = station.get(&format!("{affected}?limit=1")).await.json();
    assert_eq!((page["items"].as_array().unwrap().len(), page["items"][0]["seq"].as_u64()), (1, Some(second)));
    assert_eq!(page["items"][0], station.get(&format!("/api/v1/inspections/{second}")).await.json());
    let next = page["next_cursor"].as_str().unwrap();
    let page = station.get(&format!("{affected}?limit=1&cursor={next}")).await.json();
    assert_eq!((page["items"][0]["seq"].as_u64(), &page["next_cursor"]), (Some(first), &Value::Null));
    // Said loudly, and the station goes on: recipes with a scale of their own do not need this camera's record.
    let ready = station.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["calibration"]["ok"]), (StatusCode::OK, &json!(false)));
    let said = ready.json()["calibration"]["reason"].as_str().unwrap().to_owned();
    assert!(said.contains("camera bench-2: its verification did not pass"), "{said}");

    let good = station.ask(post("bench-2", &body(150.02))).await.json();
    assert_eq!((good["state"].as_str(), &good["doubt"]["lasts"]), (Some("good"), &json!(false)), "{good}");
    station.post("pass-2.jpg").await;
    assert_eq!(station.get(affected).await.json()["items"].as_array().unwrap().len(), 2, "they stay listed");
    let kept = station.get("/api/v1/calibrations").await.json()["items"][0].clone();
    station.end().await;
    let station = Fixture::new(dir.path());
    let mut again = station.get("/api/v1/calibrations").await.json()["items"][0].clone();
    // It is older now.
    again["calibration"]["age_days"] = kept["calibration"]["age_days"].clone();
    assert_eq!(again, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_verifications_are_problems_and_record_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    calibrations::calibrate(&station.ledger, "bench-2", "p-7", &record()).unwrap();
    let before = station.ledger.health().last_seq;
    let with = |field: &str, value: Value| {
        let mut body = body(150.02);
        body[field] = value;
        body
    };
    let mut without = body(150.02);
    without.as_object_mut().unwrap().remove("u_mm");
    for (body, expected) in [
        (with("by", json!(" ")), "`by`: expected the id of a person"),
        (with("by", json!("x".repeat(201))), "`by`: expected the id of a person"),
        (with("artefact", json!("a\nb")), "`artefact`: expected what was measured"),
        (with("nominal_mm", json!(0)), "`nominal_mm`: expected a number above 0"),
        (with("measured_mm", json!(1e9)), "`measured_mm`: expected a number above 0 and at most 100000 mm"),
        (with("u_mm", json!(-0.1)), "`u_mm`: expected a number above 0"),
        (
            with("limit_mm", json!(15)),
            "`limit_mm`: expected less than a tenth of `nominal_mm` (150.0 mm), found 15.0 mm",
        ),
        (with("u_mm", json!(0.2)), "`u_mm`: expected at most `limit_mm`"),
        (with("u_mm", json!(1e-6)), "`u_mm`: expected at least a millionth of `nominal_mm`"),
        (with("measured_mm", json!(15.002)), "`measured_mm`: expected about `nominal_mm` (150.0 mm), found 15.002 mm"),
        (with("limit_mm", json!(null)), "invalid type: null"),
        (with("colour", json!("red")), "unknown field `colour`"),
        (without, "missing field `u_mm`"),
        (json!([]), "expected a JSON object"),
        (json!({}), "missing field `by`"),
    ] {
        let problem = station.ask(post("bench-2", &body)).await.problem(400, "bad-request");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected) && !detail.contains('\n'), "{detail}");
    }
    let problem = station.ask(post("bench-3", &body(150.02))).await.problem(404, "unknown-camera");
    assert_eq!(problem["known"], json!(["bench-2"]));
    station.get("/api/v1/calibrations/bench-3/affected").await.problem(404, "unknown-camera");
    station.get("/api/v1/calibrations/bench-2/affected?limit=0").await.problem(400, "bad-request");
    station.get("/api/v1/calibrations/bench-2/affected?cursor=x").await.problem(400, "bad-request");
    station.get("/api/v1/calibrations/bench-2/affected?verdict=pass").await.problem(400, "bad-request");
    let foreign = {
        let mut request = post("bench-2", &body(150.3));
        request.headers_mut().insert("origin", "https://elsewhere.example".parse().unwrap());
        request
    };
    station.ask(foreign).await.problem(403, "foreign-origin");
    assert_eq!(station.ask(get("/api/v1/calibrations/bench-2/verifications")).await.status.as_u16(), 405);
    assert_eq!(station.ledger.health().last_seq, before);
    // A zoom that was moved is no slip: it fails, and is recorded.
    let state = calibrations::verify(&station.ledger, "bench-2", &measured(112.5)).unwrap();
    assert_eq!(state.verification.unwrap().verdict, Verdict::Fail);
}

const FIXTURE: &str = "fixtures/journal-v1-calibration";

#[test]
fn calibrations_of_today_open_for_ever() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    let dir = fast_dir();
    copy_dir(&fixture.join("journal"), &dir.path().join("journal"));
    let (ledger, report) = open(dir.path());
    assert_eq!((report.last_seq, report.cut, &report.damage[..]), (6, None, &[][..]));
    let found: Vec<String> =
        everything(&ledger).iter().map(|e| serde_json_canonicalizer::to_string(e).unwrap()).collect();
    let lines = fs::read_to_string(fixture.join("entries.jsonl")).unwrap();
    assert_eq!(found, lines.lines().collect::<Vec<_>>());
    let state = calibrations::known(&ledger, "bench-2").unwrap();
    assert_eq!(state.doubt, Some(Doubt { after_seq: 3, failed_seq: 5, cause: Cause::NotPassed, before_seq: None }));
    assert_eq!(doubtful(&ledger, &state.doubt.unwrap()), [4, 6]);
    let (calibration, verification) = (state.calibration.unwrap(), state.verification.unwrap());
    assert_eq!((calibration.rms_px, calibration.known), (0.21, CalibratedTo::Lens { u_focal_px: [2.0, 3.0] }));
    assert_eq!((verification.measured_mm, verification.verdict), (150.3, Verdict::Fail));
}

/// Makes the fixture of the day: an old one is never written again.
#[test]
#[ignore = "makes tests/fixtures/journal-v1-calibration"]
fn make_calibration_fixture() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(FIXTURE);
    assert!(!fixture.exists(), "a fixture is never written again");
    let dir = fast_dir();
    let ledger = open(dir.path()).0;
    calibrations::calibrate(&ledger, "bench-2", "person-4", &record()).unwrap();
    ledger.append(inspection(1, Sha256::of(b"photo"))).unwrap();
    calibrations::verify(&ledger, "bench-2", &measured(150.02)).unwrap();
    ledger.append(inspection(2, Sha256::of(b"photo"))).unwrap();
    calibrations::verify(&ledger, "bench-2", &measured(150.3)).unwrap();
    ledger.append(inspection(3, Sha256::of(b"photo"))).unwrap();
    let lines: Vec<String> =
        everything(&ledger).iter().map(|e| serde_json_canonicalizer::to_string(e).unwrap()).collect();
    copy_dir(&dir.path().join("journal"), &fixture.join("journal"));
    fs::write(fixture.join("entries.jsonl"), lines.join("\n") + "\n").unwrap();
}
