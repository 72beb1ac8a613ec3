//! How long it takes from the trigger to a verdict that is safe on disk, with everything real but the camera.

use crate::capture::{Scripted, config};
use crate::fixture::get;
use axum::body::{Body, Bytes};
use axum::http::Request;
use inspector::models::NoRuntime;
use inspector::synth::{DEMO_PRODUCTS, DemoLine};
use station::camera::{Crew, Eye, Feed, Folder, FolderConfig, Shutter, Source, SourceConfig, Sources};
use station::http::{AppState, Limits, Parts, app};
use station::inspection::{Desk, Line, LineOptions, Metrics};
use station::ledger::{Ledger, LedgerOptions, Mode};
use station::recipes::{self, RecipeBook};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tower::ServiceExt as _;

/// Parts that are measured on each way.
const PARTS: usize = 300;

/// A station with the demo's recipes and the real judge.
fn station(dir: &Path, sources: Vec<(SourceConfig, Arc<dyn Source>)>, stop: &watch::Sender<bool>) -> AppState {
    let options = LedgerOptions { mode: Mode::Demo, min_free_bytes: 0, ..LedgerOptions::default() };
    let (ledger, _) = Ledger::open(&dir.join("data"), options).unwrap();
    station::demo::unpack(&dir.join("recipes")).unwrap();
    let book = RecipeBook::open(&ledger, &[dir.join("recipes")], Arc::new(NoRuntime)).unwrap();
    for product in DEMO_PRODUCTS {
        recipes::approve(&ledger, product.recipe, "p-7").unwrap();
    }
    let metrics = Arc::new(Metrics::default());
    let line = Line::start(ledger.clone(), metrics.clone(), LineOptions::new(Mode::Demo)).unwrap();
    let desk = Desk::new(ledger, book, line, metrics);
    let sources = Sources::new(sources);
    drop(sources.start(&desk, &stop.subscribe()));
    let limits = Limits::default();
    let (station, mode, hosts) = ("bench-3".to_owned(), Mode::Demo, Vec::new());
    let calibration = station::calibrations::CalibrationConfig::default();
    AppState::from(Parts { station, mode, desk, sources, calibration, hosts, limits, stopping: stop.subscribe() })
}

fn print(what: &str, mut ms: Vec<f64>) {
    ms.sort_by(f64::total_cmp);
    let at = |share: f64| ms[((ms.len() as f64 * share) as usize).min(ms.len() - 1)];
    println!("{what}: {} parts, p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms", ms.len(), at(0.5), at(0.99), at(1.0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: cargo test --release -p acceptance --test acceptance trigger_to_durable_verdict -- --ignored --nocapture"]
async fn trigger_to_durable_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = dir.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    let line = DemoLine::new(19);
    // Bracket photos, 1600 x 1200: one product, so that the folder has one recipe.
    let photos: Vec<Bytes> = (0..8).map(|i| line.part(3 * i + 2).jpeg.into()).collect();
    let feed = Scripted::showing(photos[0].clone());
    let shutter = Shutter::Key;
    let open = {
        let feed = feed.clone();
        Box::new(move |_: &Crew| Ok(feed.clone() as Arc<dyn Feed>))
    };
    let sources: Vec<(SourceConfig, Arc<dyn Source>)> = vec![
        (
            config("name = \"bench\"\ntype = \"simulated\"\nrecipe = \"bracket\""),
            Arc::new(Eye::new("scripted camera", open, shutter)),
        ),
        (
            config(&format!("name = \"scanner\"\ntype = \"folder\"\nfolder = {inbox:?}\nrecipe = \"bracket\"")),
            Arc::new(Folder::new(FolderConfig::new(inbox.clone()))),
        ),
    ];
    let stop = watch::Sender::new(false);
    let state = station(dir.path(), sources, &stop);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ask = |request: Request<Body>| app(state.clone()).oneshot(request);

    let (mut captured, mut exposed) = (Vec::new(), Vec::new());
    for i in 0..PARTS {
        feed.show(photos[i % photos.len()].clone());
        let request =
            Request::post("/api/v1/capture").header("host", "localhost").body(Body::from("{\"source\":\"bench\"}"));
        let begun = Instant::now();
        let answer = ask(request.unwrap()).await.unwrap();
        captured.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer.status(), 201);
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let record: serde_json::Value = serde_json::from_slice(&body).unwrap();
        exposed.push(record["capture"]["exposed_after_trigger_ms"].as_f64().unwrap());
    }
    print("POST /api/v1/capture, scripted camera (picture 20 ms after the trigger) to durable verdict", captured);
    print("  of which until the exposure began", exposed);

    let mut posted = Vec::new();
    for i in 0..PARTS {
        let request = Request::post("/api/v1/inspections?recipe=bracket").header("host", "localhost");
        let request = request.header("content-type", "image/jpeg").body(Body::from(photos[i % photos.len()].clone()));
        let begun = Instant::now();
        let answer = ask(request.unwrap()).await.unwrap();
        posted.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(answer.status(), 201);
    }
    print("POST /api/v1/inspections to durable verdict", posted);

    let mut filed = Vec::new();
    for i in 0..PARTS / 3 {
        let photo = &photos[i % photos.len()];
        let comment = format!("{i:08}");
        let file = [&photo[..2], &[0xFF, 0xFE, 0, 10], comment.as_bytes(), &photo[2..]].concat();
        let (part, whole) = (inbox.join(format!("p{i}.jpg.part")), inbox.join(format!("p{i}.jpg")));
        std::fs::write(&part, file).unwrap();
        // So long that the folder has seen the name of the unfinished file.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let mut synced = state.desk.ledger.subscribe();
        synced.borrow_and_update();
        let begun = Instant::now();
        std::fs::rename(&part, &whole).unwrap();
        tokio::time::timeout(Duration::from_secs(20), synced.changed()).await.unwrap().unwrap();
        filed.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    print("file renamed into the watched folder (polled every 500 ms) to durable verdict", filed);
    assert_eq!(ask(get("/readyz")).await.unwrap().status(), 200);
    stop.send_replace(true);
    state.desk.line.drain().await;
}
