//! A whole station in a temporary folder, for the tests of HTTP and pages.
//!
//! What judges is scripted by the name of the photo, so that a test can ask for a slow, a failing or a panicking judge; everything
//! else (queue, pool, ledger, recipes, HTTP) is the real thing. The photo is really decoded.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use inspector::decision::{Rule, Verdict};
use inspector::models::NoRuntime;
use inspector::photo::{DecodeLimits, decode};
use inspector::synth::{Scene, parts};
use serde_json::Value;
use station::calibrations::CalibrationConfig;
use station::camera::{Source, SourceConfig, Sources};
use station::codes::Rules;
use station::http::{AppState, Limits, Parts, app};
use station::inspection::{Desk, Drawn, Job, JobError, Line, LineOptions, Metrics};
use station::ledger::{Ledger, LedgerOptions, Mode, RecipeStatus};
use station::recipes::{self, RecipeBook};
use station::record::{CheckRecord, InspectionRecord, PhotoRecord, TimingsMs};
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// A door that slow jobs wait at.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<(bool, usize)>, Condvar);

impl Gate {
    fn pass(&self) {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        self.1.notify_all();
        while !state.0 {
            state = self.1.wait(state).unwrap();
        }
    }
    /// Lets everybody through, now and later.
    pub(crate) fn open(&self) {
        self.0.lock().unwrap().0 = true;
        self.1.notify_all();
    }
    /// How many stand or stood at the door.
    pub(crate) fn reached(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

/// A running station.
pub(crate) struct Fixture {
    pub(crate) state: AppState,
    pub(crate) gate: Arc<Gate>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) line: Line,
    pub(crate) ledger: Ledger,
    servers: Mutex<Vec<tokio::task::JoinHandle<()>>>,
}

pub(crate) const RECIPE: &str = "visor";

/// Settings that tests change.
pub(crate) struct Settings {
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) min_free_bytes: u64,
    pub(crate) threads: usize,
    pub(crate) sources: Vec<(SourceConfig, Arc<dyn Source>)>,
    pub(crate) rules: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Production,
            limits: Limits::default(),
            min_free_bytes: 0,
            threads: 2,
            sources: Vec::new(),
            rules: Rules::default(),
        }
    }
}

impl Fixture {
    pub(crate) fn new(dir: &Path) -> Self {
        Self::with(dir, Settings::default())
    }

    pub(crate) fn with(dir: &Path, settings: Settings) -> Self {
        let options = LedgerOptions {
            station: "bench-3".into(),
            mode: settings.mode,
            min_free_bytes: settings.min_free_bytes,
            ..LedgerOptions::default()
        };
        let (ledger, _) = Ledger::open(&dir.join("data"), options).unwrap();
        let recipes = recipes_in(&dir.join("recipes"), &ledger);
        let gate = Arc::new(Gate::default());
        let metrics = Arc::new(Metrics::default());
        let judge = {
            let gate = gate.clone();
            Arc::new(move |job: &Job| scripted(job, &gate))
        };
        let line_options = LineOptions { threads: settings.threads, judge, ..LineOptions::new(Mode::Production) };
        let line = Line::start(ledger.clone(), metrics.clone(), line_options).unwrap();
        let stop = watch::Sender::new(false);
        let desk = Desk::new(ledger.clone(), recipes, line.clone(), metrics).with_rules(settings.rules);
        let sources = Sources::new(settings.sources);
        let at_work = sources.start(&desk, &stop.subscribe());
        let state = AppState::from(Parts {
            station: "bench-3".into(),
            mode: settings.mode,
            desk,
            sources,
            calibration: CalibrationConfig::default(),
            hosts: vec!["inspection.example".into()],
            limits: settings.limits,
            stopping: stop.subscribe(),
        });
        Self { state, gate, stop, line, ledger, servers: Mutex::new(at_work) }
    }

    /// Asks without a socket.
    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = app(self.state.clone()).oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(get(path)).await
    }

    /// Posts a photo under a name that says what the judge shall do.
    pub(crate) async fn post(&self, image: &str) -> Answer {
        self.ask(post(image, photo())).await
    }

    /// Serves on a real socket.
    pub(crate) async fn listen(&self) -> std::net::SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let service = app(self.state.clone());
        let mut stopping = self.stop.subscribe();
        let server = axum::serve(listener, service).with_graceful_shutdown(async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        });
        self.servers.lock().unwrap().push(tokio::spawn(async move { server.await.unwrap() }));
        at
    }

    /// Ends the station as a stop does, so that its ledger can be opened again.
    pub(crate) async fn end(self) {
        self.gate.open();
        self.stop.send_replace(true);
        self.line.drain().await;
        let servers = std::mem::take(&mut *self.servers.lock().unwrap());
        for server in servers {
            server.await.unwrap();
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
    /// The answer as a problem of this kind, or the test fails.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/api/v1/problems/{kind}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap()
}

pub(crate) fn post(image: &str, photo: Bytes) -> Request<Body> {
    let path = format!("/api/v1/inspections?recipe={RECIPE}&image={image}&serial=S-{image}&lot=L1");
    Request::post(path)
        .header("host", "127.0.0.1:8080")
        .header("content-type", "image/jpeg")
        .body(photo.into())
        .unwrap()
}

/// A rendered part, JPEG.
pub(crate) fn photo() -> Bytes {
    static PHOTO: OnceLock<Bytes> = OnceLock::new();
    PHOTO.get_or_init(|| rendered(&parts::visor(), 800, 600, 0.42)).clone()
}

pub(crate) fn rendered(design: &inspector::design::Design, width: u32, height: u32, mm_per_px: f64) -> Bytes {
    let picture = Scene::new(design, width, height, mm_per_px).render(design);
    let rgb = match picture {
        inspector::photo::Picture::Grey(p) => image::DynamicImage::ImageLuma8(p).into_rgb8(),
        inspector::photo::Picture::Grey16(p) => image::DynamicImage::ImageLuma16(p).into_rgb8(),
        inspector::photo::Picture::Colour(p) => p,
    };
    jpeg(&rgb)
}

fn jpeg(picture: &image::RgbImage) -> Bytes {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner().into()
}

/// A recipe that is approved, the same drawing as a draft, and a broken one.
fn recipes_in(dir: &Path, ledger: &Ledger) -> RecipeBook {
    if !dir.exists() {
        station::demo::unpack(dir).unwrap();
        std::fs::remove_dir_all(dir.join("frame")).unwrap();
        std::fs::rename(dir.join("bracket"), dir.join("draft")).unwrap();
        std::fs::create_dir_all(dir.join("broken")).unwrap();
        std::fs::write(dir.join("broken/recipe.toml"), "part = ").unwrap();
    }
    let book = RecipeBook::open(ledger, &[dir.to_owned()], Arc::new(NoRuntime)).unwrap();
    if !ledger.recipes().unwrap().iter().any(|r| r.status == RecipeStatus::Approved) {
        recipes::approve(ledger, RECIPE, "p-7").unwrap();
    }
    book
}

/// What the judge does is in the photo's name: `pass`, `fail`, `refer`, `model-fault`, `panic`, `slow`.
fn scripted(job: &Job, gate: &Gate) -> Result<Drawn, JobError> {
    let photo = decode(&job.photo, &DecodeLimits::default()).map_err(|e| JobError::Photo(e.into()))?;
    let name = job.info.image.as_str();
    if name.starts_with("slow") {
        gate.pass();
    }
    assert!(!name.starts_with("panic"), "the judge was told to panic");
    let checks = checks(name);
    let record = InspectionRecord {
        image: name.to_owned(),
        part: job.recipe.part.clone(),
        revision: job.recipe.revision.clone(),
        serial: job.info.identity.serial.clone(),
        lot: job.info.identity.lot.clone(),
        order: job.info.identity.order.clone(),
        recipe: job.recipe.hash,
        verdict: checks.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Refer),
        grade: None,
        rule: Rule::Guarded,
        checks,
        models: Vec::new(),
        scale_by_hand: None,
        mat: None,
        pose: None,
        photo: PhotoRecord {
            sha256: photo.file_sha256,
            pixels_sha256: photo.pixels_sha256,
            width: photo.width(),
            height: photo.height(),
        },
        capture: job.info.capture.clone(),
        timings_ms: TimingsMs { decode: 31.0, locate: 9.0, register: 41.0, checks: 63.0, total: 144.0 },
    };
    let picture = image::load_from_memory(&job.photo).unwrap().to_rgb8();
    let small = image::imageops::thumbnail(&picture, 240, 180);
    Ok(Drawn { record, overlay: jpeg(&picture).to_vec(), thumbnail: jpeg(&small).to_vec() })
}

fn checks(name: &str) -> Vec<CheckRecord> {
    let mut checks = vec![
        check("outline.profile", "profile", 0.0, 0.082, (0.0, 0.2), "mm", 0.012),
        check("hole-1.diameter", "hole", 6.0, 6.021, (-0.1, 0.1), "mm", 0.009),
        check("hole-1.position", "hole", 0.0, 0.041, (0.0, 0.2), "mm", 0.011),
        check("hole-2.diameter", "hole", 6.0, 5.982, (-0.1, 0.1), "mm", 0.009),
        check("hole-2.position", "hole", 0.0, 0.063, (0.0, 0.2), "mm", 0.011),
        check("missing.area", "missing", 0.0, 0.21, (0.0, 2.0), "mm2", 0.3),
        check("extra.area", "extra", 0.0, 0.0, (0.0, 2.0), "mm2", 0.3),
    ];
    if name.starts_with("fail") {
        checks[1] = check("hole-1.diameter", "hole", 6.0, 6.512, (-0.1, 0.1), "mm", 0.009);
        checks[1].verdict = Verdict::Fail;
        checks[6] = check("extra.area", "extra", 0.0, 3.4, (0.0, 2.0), "mm2", 0.3);
        checks[6].verdict = Verdict::Fail;
    }
    if name.starts_with("model-fault") {
        checks[0].measured = None;
        checks[0].deviation = None;
        checks[0].u = None;
        checks[0].verdict = Verdict::Refer;
        checks[0].reason = Some("model parts gave no usable answer (expected an answer, found none)".into());
        checks[0].reason_code = Some("model-fault".into());
    }
    if name.starts_with("refer") || name.starts_with("fail-2") {
        checks[3].measured = None;
        checks[3].deviation = None;
        checks[3].u = None;
        checks[3].verdict = Verdict::Refer;
        checks[3].reason = Some("edge found at 11 of 64 places: clean the part, and check light and focus".into());
        checks[3].reason_code = Some("no-edge".into());
        checks[4] = check("hole-2.position", "hole", 0.0, 0.19, (0.0, 0.2), "mm", 0.011);
        checks[4].verdict = Verdict::Refer;
        checks[4].reason =
            Some("too close to the limit to decide (within 0.018): measure it by hand, or use a closer view".into());
    }
    checks
}

fn check(id: &str, kind: &str, nominal: f64, measured: f64, limits: (f64, f64), unit: &str, u: f64) -> CheckRecord {
    CheckRecord {
        id: id.into(),
        check_type: kind.into(),
        verdict: Verdict::Pass,
        measured: Some(measured),
        nominal,
        deviation: Some(measured - nominal),
        lower: if limits.0 == nominal { None } else { Some(limits.0) },
        upper: Some(limits.1),
        unit: unit.into(),
        u: Some(u),
        reason: None,
        reason_code: None,
        regions: vec![],
        text: None,
        budget: None,
        edges: None,
    }
}

/// Until something is true, at most 20 s.
pub(crate) async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain: {what}");
}
