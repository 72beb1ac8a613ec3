//! Cameras and their triggers, with cameras that do as they are told.

use crate::fixture::{Fixture, Settings, photo, rendered, wait_until};
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use inspector::design::Design;
use inspector::synth::{Scene, parts};
use serde_json::{Value, json};
use station::camera::{Eye, Feed, Frame, Shutter, Source, SourceConfig, SourceError};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a scripted camera does now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Does {
    /// A new picture every 33 ms.
    Live,
    /// Its last picture was exposed then.
    Stalled(Instant),
    Unplugged,
    /// Whatever it is asked for, it gives a picture of a second ago.
    GivesOldPictures,
    Panics,
    Hangs,
}

/// A camera that follows a script.
#[derive(Debug)]
pub(crate) struct Scripted {
    does: Mutex<Does>,
    shows: Mutex<Bytes>,
    wait: Mutex<Duration>,
    sequence: AtomicU64,
    shots: AtomicU64,
}

impl Scripted {
    pub(crate) fn showing(file: Bytes) -> Arc<Self> {
        Arc::new(Self {
            does: Mutex::new(Does::Live),
            shows: Mutex::new(file),
            wait: Mutex::new(Duration::from_millis(20)),
            sequence: AtomicU64::new(0),
            shots: AtomicU64::new(0),
        })
    }
    pub(crate) fn new() -> Arc<Self> {
        Self::showing(photo())
    }
    pub(crate) fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }
    pub(crate) fn show(&self, file: Bytes) {
        *self.shows.lock().unwrap() = file;
    }
    fn frame(&self, exposed: Instant) -> Frame {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        Frame { file: self.shows.lock().unwrap().clone(), exposed, sequence, size: (800, 600) }
    }
    /// What every question meets.
    fn obey(&self) -> Result<Does, SourceError> {
        let does = self.does.lock().unwrap().clone();
        match does {
            Does::Unplugged => Err(SourceError("the camera was unplugged: plug it in again".into())),
            Does::Panics => panic!("the driver was told to panic"),
            Does::Hangs => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            does => Ok(does),
        }
    }
}

impl Feed for Scripted {
    fn name(&self) -> String {
        "scripted camera".into()
    }
    fn newest(&self) -> Result<Frame, SourceError> {
        let does = self.obey()?;
        let exposed = if let Does::Stalled(at) = does { at } else { Instant::now() - Duration::from_millis(10) };
        Ok(self.frame(exposed))
    }
    fn first_after(&self, moment: Instant, patience: Duration) -> Result<Frame, SourceError> {
        self.shots.fetch_add(1, Ordering::Relaxed);
        let wait = *self.wait.lock().unwrap();
        match self.obey()? {
            Does::GivesOldPictures => Ok(self.frame(moment - Duration::from_secs(1))),
            Does::Stalled(_) => {
                std::thread::sleep(patience);
                Err(SourceError("the camera stalls".into()))
            }
            _ => {
                std::thread::sleep(wait);
                Ok(self.frame(moment + wait / 2))
            }
        }
    }
}

pub(crate) fn config(text: &str) -> SourceConfig {
    toml::from_str(text).unwrap()
}

/// A source with this camera. Its recipe is the fixture's.
pub(crate) fn eye(name: &str, feed: &Arc<Scripted>, more: &str) -> (SourceConfig, Arc<dyn Source>) {
    let config = config(&format!("name = \"{name}\"\ntype = \"simulated\"\n{more}"));
    let (feed, shutter) = (feed.clone(), config.shutter);
    let open = Box::new(move || Ok(feed.clone() as Arc<dyn Feed>));
    (config, Arc::new(Eye::new("scripted camera", open, shutter)))
}

pub(crate) const VISOR: &str = "recipe = \"visor\"";

async fn station(dir: &Path, sources: Vec<(SourceConfig, Arc<dyn Source>)>) -> Fixture {
    let station = Fixture::with(dir, Settings { sources, ..Settings::default() });
    for _ in 0..200 {
        let list = station.get("/api/v1/sources").await.json();
        if list["items"].as_array().unwrap().iter().all(|s| s["ok"] == true) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    station
}

fn capture(body: &Value) -> Request<Body> {
    Request::post("/api/v1/capture").header("host", "localhost").body(Body::from(body.to_string())).unwrap()
}

fn keyed(mut request: Request<Body>, key: &str) -> Request<Body> {
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

async fn records(station: &Fixture) -> Vec<Value> {
    station.get("/api/v1/inspections?limit=200").await.json()["items"].as_array().unwrap().clone()
}

async fn source(station: &Fixture, name: &str) -> Value {
    let list = station.get("/api/v1/sources").await.json();
    list["items"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_recorded_with_its_exposure_after_the_trigger() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let station = station(dir.path(), vec![eye("pass-1", &feed, VISOR)]).await;
    let answer = station.ask(capture(&json!({"serial": "S-1", "lot": "L-7"}))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let record = answer.json();
    assert_eq!((&record["serial"], &record["lot"], &record["verdict"]), (&json!("S-1"), &json!("L-7"), &json!("pass")));
    let taken = &record["capture"];
    assert_eq!((&taken["source"], &taken["trigger"]), (&json!("pass-1"), &json!("request")));
    let after_ms = taken["exposed_after_trigger_ms"].as_f64().unwrap();
    assert!((9.0..11.0).contains(&after_ms), "{taken}");
    assert!(taken["sequence"].as_u64().is_some());
    // The recorded photo is the frame, byte for byte.
    let stored = station.get(record["links"]["photo"].as_str().unwrap()).await;
    assert_eq!(stored.body, photo());
    assert_eq!(station.get(answer.header("location")).await.json(), record);
    // An empty body is enough where there is one camera and a configured recipe.
    let bare = Request::post("/api/v1/capture").header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(station.ask(bare).await.status, StatusCode::CREATED);
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_source_parts_total{source=\"pass-1\"} 2"), "{metrics}");
    // Photos that were posted are as before: no `capture`.
    assert!(station.post("pass-9.jpg").await.json().get("capture").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_takes_no_second_picture() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let station = station(dir.path(), vec![eye("pass", &feed, VISOR)]).await;
    let ask = |serial: &str, key: &str| station.ask(keyed(capture(&json!({"serial": serial})), key));
    let first = ask("S-1", "k-1").await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = ask("S-1", "k-1").await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    assert_eq!(feed.shots.load(Ordering::Relaxed), 1);
    ask("S-2", "k-1").await.problem(422, "key-reused");
    assert_eq!(records(&station).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_captured_is_said_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let none = Fixture::new(dir.path());
    let problem = none.ask(capture(&json!({}))).await.problem(404, "unknown-source");
    assert!(problem["detail"].as_str().unwrap().contains("no camera"), "{problem}");
    none.ask(capture(&json!({"source": "upload"}))).await.problem(409, "no-shutter");
    let ready = none.get("/readyz").await.json();
    assert_eq!(ready["camera"]["reason"], "no camera configured: photos come over HTTP");
    none.end().await;

    let feed = Scripted::new();
    let station = station(dir.path(), vec![eye("pass-a", &feed, VISOR), eye("pass-b", &feed, "")]).await;
    let problem = station.ask(capture(&json!({}))).await.problem(404, "unknown-source");
    assert_eq!(problem["known"], json!(["pass-a", "pass-b"]));
    station.ask(capture(&json!({"source": "c"}))).await.problem(404, "unknown-source");
    station.ask(capture(&json!({"source": "pass-b"}))).await.problem(409, "no-recipe");
    station.ask(capture(&json!({"source": "pass-b", "recipe": "visr"}))).await.problem(404, "unknown-recipe");
    station.ask(capture(&json!({"source": "pass-b", "recipe": "draft"}))).await.problem(409, "recipe-not-approved");
    station.ask(capture(&json!({"colour": "red"}))).await.problem(400, "bad-request");
    station.ask(capture(&json!(["pass-a"]))).await.problem(400, "bad-request");
    station.ask(capture(&json!({"source": "pass-a", "serial": "9".repeat(101)}))).await.problem(400, "bad-request");
    let long = json!({"source": "x".repeat(20_000)});
    station.ask(capture(&long)).await.problem(400, "bad-request");
    let mut foreign = capture(&json!({"source": "pass-a"}));
    foreign.headers_mut().insert("origin", "http://rebound.example".parse().unwrap());
    station.ask(foreign).await.problem(403, "foreign-origin");
    assert!(records(&station).await.is_empty());
    // Each camera is its own source.
    for name in ["pass-a", "pass-b"] {
        let record = station.ask(capture(&json!({"source": name, "recipe": "visor"}))).await.json();
        assert_eq!(record["capture"]["source"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_chosen_holds_and_a_serial_number_is_used_once() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let station = station(dir.path(), vec![eye("pass", &feed, "lot = \"L-0\"")]).await;
    let choose = |body: Value| {
        let request = Request::put("/api/v1/sources/pass/selection").header("host", "localhost");
        station.ask(request.body(Body::from(body.to_string())).unwrap())
    };
    choose(json!({"recipe": "draft"})).await.problem(409, "recipe-not-approved");
    assert_eq!(choose(json!({"recipe": "visor", "serial": "S-5"})).await.status, StatusCode::OK);
    let first = station.ask(capture(&json!({}))).await.json();
    assert_eq!((&first["serial"], &first["lot"]), (&json!("S-5"), &json!("L-0")));
    let second = station.ask(capture(&json!({}))).await.json();
    assert_eq!((&second["serial"], &second["verdict"]), (&Value::Null, &json!("pass")));
    assert_eq!(source(&station, "pass").await["selection"]["recipe"], "visor");
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_is_said_with_the_time_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    *feed.wait.lock().unwrap() = Duration::from_millis(400);
    let station = station(dir.path(), vec![eye("slow", &feed, VISOR)]).await;
    // Two at once: the shutter is one.
    let body = json!({});
    let second = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        station.ask(capture(&body)).await
    };
    let open = async {
        wait_until("the part is being judged", || station.gate.reached() == 1).await;
        station.gate.open();
    };
    let (first, second, ()) = tokio::join!(station.ask(capture(&body)), second, open);
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    second.problem(503, "busy");
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(records(&station).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_live_picture_is_no_capture() {
    let dir = tempfile::tempdir().unwrap();
    let (feed, other) = (Scripted::new(), Scripted::new());
    let station = station(dir.path(), vec![eye("pass-a", &feed, VISOR), eye("pass-b", &other, VISOR)]).await;
    let picture = "/api/v1/sources/pass-a/picture";
    let answer = station.get(picture).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/jpeg"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("x-picture-age-ms").parse::<u64>().unwrap() < 2000);
    assert!(image::load_from_memory(&answer.body).unwrap().width() <= 800);

    feed.now(Does::Unplugged);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let problem = station.get(picture).await.problem(503, "no-picture");
    assert!(problem["detail"].as_str().unwrap().contains("plug it in again"), "{problem}");
    let answer = station.ask(capture(&json!({"source": "pass-a"}))).await;
    let problem = answer.problem(503, "no-picture");
    assert!(problem["detail"].as_str().unwrap().contains("unplugged") && problem["source"] == "pass-a", "{problem}");
    assert!(!answer.header("retry-after").is_empty());
    let ready = station.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        ready.json()["camera"]["reason"].as_str().unwrap().contains("pass-a: no picture: the camera was unplugged")
    );
    assert_eq!(ready.json()["sources"][1]["ok"], true);

    // A last picture that stands still is not live, however good it looks.
    feed.now(Does::Stalled(Instant::now() - Duration::from_secs(3)));
    tokio::time::sleep(Duration::from_millis(400)).await;
    let problem = station.get(picture).await.problem(503, "no-picture");
    assert!(problem["detail"].as_str().unwrap().contains("stands still for 3 s"), "{problem}");
    assert_eq!(source(&station, "pass-a").await["picture"], Value::Null);

    // And a driver that gives a picture from before the trigger is not believed.
    feed.now(Does::GivesOldPictures);
    let problem = station.ask(capture(&json!({"source": "pass-a"}))).await.problem(503, "no-picture");
    assert!(problem["detail"].as_str().unwrap().contains("before the trigger"), "{problem}");
    assert!(records(&station).await.is_empty());

    feed.now(Does::Live);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(station.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(station.ask(capture(&json!({"source": "pass-a"}))).await.status, StatusCode::CREATED);
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_source_errors_total{source=\"pass-a\"} 2"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_panics_or_hangs_is_replaced_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (bad, good) = (Scripted::new(), Scripted::new());
    let station = station(dir.path(), vec![eye("pass-bad", &bad, VISOR), eye("pass-good", &good, VISOR)]).await;
    let restarts = || async { source(&station, "pass-bad").await["restarts"].as_u64().unwrap() };
    bad.now(Does::Panics);
    let mut reason = String::new();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if restarts().await >= 1 {
            break;
        }
    }
    assert!(restarts().await >= 1);
    reason.push_str(source(&station, "pass-bad").await["reason"].as_str().unwrap());
    assert!(reason.contains("told to panic"), "{reason}");
    assert_eq!(station.ask(capture(&json!({"source": "pass-good"}))).await.status, StatusCode::CREATED);
    // Back again: the next attempt finds it well.
    bad.now(Does::Live);
    let mut well = false;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        well = source(&station, "pass-bad").await["ok"] == true;
        if well {
            break;
        }
    }
    assert!(well, "the camera is not opened again");
    assert_eq!(station.ask(capture(&json!({"source": "pass-bad"}))).await.status, StatusCode::CREATED);
    // One that never comes back: told after two seconds, replaced after ten.
    let before = restarts().await;
    bad.now(Does::Hangs);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    station.get("/api/v1/sources/pass-bad/picture").await.problem(503, "no-picture");
    assert_eq!(station.ask(capture(&json!({"source": "pass-good"}))).await.status, StatusCode::CREATED);
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(restarts().await > before, "a hanging camera is not replaced");
    assert!(source(&station, "pass-bad").await["reason"].as_str().unwrap().contains("does not answer"));
    // At the stop nobody waits for it.
    let begun = Instant::now();
    station.end().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "the stop took {:?}", begun.elapsed());
}

/// A part of the fixture's recipe before a camera, at this place of the picture; `None` is the empty table.
fn bench(shift: Option<f64>) -> Bytes {
    use inspector::geometry::{Angle, Vector};
    let visor = parts::visor();
    let scene = Scene::new(&visor, 640, 480, 0.6);
    let Some(shift) = shift else {
        let nothing = Design { contours: Vec::new(), features: Vec::new(), body: inspector::design::Body::default() };
        let picture = scene.render(&nothing);
        let inspector::photo::Picture::Grey(grey) = picture else { panic!("grey surfaces") };
        let mut bytes = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        return bytes.into_inner().into();
    };
    let moved = scene.placed(&visor, 0.6, Angle::from_degrees(shift), Vector::new(shift, 0.0));
    let inspector::photo::Picture::Grey(grey) = moved.render(&visor) else { panic!("grey surfaces") };
    let mut bytes = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_comes_to_lie_still_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::showing(bench(None));
    let station = station(dir.path(), vec![eye("pass", &feed, "recipe = \"visor\"\ntrigger = \"auto\"")]).await;
    let watching = async |word: &str| {
        for _ in 0..100 {
            if source(&station, "pass").await["watching"] == word {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {word}: {}", source(&station, "pass").await);
    };
    watching("assumed").await;
    let first = bench(Some(0.0));
    feed.show(first.clone());
    watching("taken").await;
    let taken = records(&station).await;
    assert_eq!((taken.len(), &taken[0]["capture"]["trigger"]), (1, &json!("auto")), "{taken:?}");
    let stored = station.get(taken[0]["links"]["photo"].as_str().unwrap()).await;
    assert_eq!(stored.body, first, "the photo is not of the part that lies there");
    // It goes on lying there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(records(&station).await.len(), 1, "recorded twice");
    // Exchanged without an empty moment, then taken away.
    feed.show(bench(Some(25.0)));
    wait_until("the second part", || station.ledger.health().last_seq > taken[0]["seq"].as_u64().unwrap()).await;
    watching("taken").await;
    feed.show(bench(None));
    watching("empty").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(records(&station).await.len(), 2);
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_takes_pictures_too() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let takt = "recipe = \"visor\"\ntrigger = \"takt\"\ntakt_s = 0.5";
    let station = station(dir.path(), vec![eye("pass", &feed, takt)]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let taken = records(&station).await;
    assert!((3..=8).contains(&taken.len()), "{} pictures in 3 s", taken.len());
    assert!(taken.iter().all(|r| r["capture"]["trigger"] == "takt"));
    station.end().await;
}

#[test]
fn mistakes_in_a_source_are_one_line_each() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("station.toml");
    let head = "station = \"bench-3\"\ndata = \"data\"\n\n";
    let error = |source: &str| {
        std::fs::write(&file, format!("{head}{source}")).unwrap();
        match station::serve::ServeConfig::read(&file) {
            Ok(config) => panic!("accepted: {:?}", config.sources),
            Err(e) => e.to_string(),
        }
    };
    for (source, line, said) in [
        (
            "[[source]]\nname = \"a\"\ntype = \"webcam\"",
            6,
            "unknown variant `webcam`, expected one of `camera`, `folder`, `simulated`",
        ),
        ("[[source]]\ntype = \"simulated\"", 4, "missing field `name`"),
        ("[[source]]\nname = \"a b\"\ntype = \"simulated\"", 4, "`name`: expected 1 to 40 letters"),
        ("[[source]]\nname = \"upload\"\ntype = \"simulated\"", 4, "name of posted photos"),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\ncolour = 1", 7, "unknown field `colour`"),
        ("[[source]]\nname = \"a\"\ntype = \"folder\"", 4, "needs `folder`"),
        (
            "[[source]]\nname = \"a\"\ntype = \"folder\"\nfolder = \"in\"\ntrigger = \"auto\"",
            4,
            "`trigger` belongs to a camera",
        ),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\nfolder = \"in\"", 4, "`folder` belongs to type = \"folder\""),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\ntrigger = \"takt\"", 4, "needs `takt_s`"),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\ntakt_s = 2", 4, "`takt_s` belongs to trigger = \"takt\""),
        (
            "[[source]]\nname = \"a\"\ntype = \"simulated\"\ntrigger = \"auto\"\nstill_s = 0.01",
            4,
            "expected 0.2 to 60 seconds, found 0.01",
        ),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\nkey = \"Pedal\"", 4, "`key`: expected the name of a key"),
        ("[[source]]\nname = \"a\"\ntype = \"simulated\"\nrecipe = \" \"", 4, "`recipe`: expected a text"),
        (
            "[[source]]\nname = \"a\"\ntype = \"simulated\"\n[[source]]\nname = \"a\"\ntype = \"simulated\"",
            4,
            "two sources are called \"a\"",
        ),
        (
            "[[source]]\nname = \"a\"\ntype = \"folder\"\nfolder = \"in\"\n[[source]]\nname = \"b\"\ntype = \"folder\"\nfolder = \"in\"",
            4,
            "another source watches",
        ),
        (
            "[[source]]\nname = \"a\"\ntype = \"camera\"\n[[source]]\nname = \"b\"\ntype = \"camera\"",
            4,
            "expected a `serial` or `port` of its own",
        ),
    ] {
        let error = error(source);
        assert!(error.contains(said), "{source}\n{error}");
        assert!(error.starts_with(&format!("line {line}: ")), "{source}\n{error}");
        assert!(error.ends_with("station.toml") && !error.contains('\n'), "{error}");
    }
    let good = format!(
        "{head}[[source]]\nname = \"bench\"\ntype = \"simulated\"\ntrigger = \"auto\"\nstill_s = 1\nkey = \"F13\"\n\
         [[source]]\nname = \"scanner\"\ntype = \"folder\"\nfolder = \"scans\"\nrecipe = \"visor\"\n"
    );
    std::fs::write(&file, good).unwrap();
    let config = station::serve::ServeConfig::read(&file).unwrap();
    assert_eq!(config.sources[0].key, "F13");
    assert!(matches!(config.sources[0].shutter, Shutter::Auto(auto) if auto.still == Duration::from_secs(1)));
    let station::camera::SourceKind::Folder(folder) = &config.sources[1].kind else { panic!("{:?}", config.sources) };
    assert_eq!(folder.dir, dir.path().join("scans"));
}

/// `rendered` is the fixture's own way to make photos; the live picture of a large camera is made small for phones.
#[tokio::test(flavor = "multi_thread")]
async fn the_live_picture_of_a_large_camera_is_small() {
    let dir = tempfile::tempdir().unwrap();
    let large = rendered(&parts::visor(), 3000, 2000, 0.1);
    let feed = Scripted::showing(large.clone());
    let station = station(dir.path(), vec![eye("pass", &feed, VISOR)]).await;
    let small = station.get("/api/v1/sources/pass/picture").await;
    assert_eq!(small.status, StatusCode::OK, "{}", small.text());
    let picture = image::load_from_memory(&small.body).unwrap();
    assert!(
        picture.width() == 640 && picture.height() == 426 && small.body.len() < large.len(),
        "{}",
        small.body.len()
    );
}
