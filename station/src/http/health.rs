//! `/healthz`, `/readyz`, `/metrics`: for whoever watches the station.

use super::state::AppState;
use crate::calibrations::{self, CalibrationConfig};
use crate::camera::UPLOAD;
use crate::ledger::{Health, Ledger, LedgerError, StoreState};
use crate::recipes::ModelState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Whether parts can be judged now, and if not, why.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Store, disk, camera and models are ok.
    pub ready: bool,
    /// Journal and store.
    pub store: Component,
    /// Room for photos.
    pub disk: Component,
    /// All sources of photos.
    pub camera: Component,
    /// The learned models of approved recipes.
    pub models: Component,
    /// The calibrations of cameras. Not ok: verifications are overdue or did not pass, and results may be in doubt. Parts are judged all the
    /// same, so this does not count for `ready`.
    pub calibration: Component,
    /// Free bytes where the ledger is.
    pub free_bytes: u64,
    /// Last synced entry.
    pub last_seq: u64,
    /// Up to here the journal has been verified since the start.
    pub verified_seq: u64,
    /// Age of the oldest live picture, seconds; null without camera or picture.
    pub picture_age_s: Option<f64>,
    /// Each source of photos.
    pub sources: Vec<SourceReadiness>,
}

/// A source of photos, and whether it works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceReadiness {
    /// Its name.
    pub name: String,
    /// Whether photos can come.
    #[serde(flatten)]
    pub state: Component,
}

/// One thing that must work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Component {
    /// Works.
    pub ok: bool,
    /// What is known of it, or what is wrong and what to do.
    pub reason: String,
}

impl Component {
    fn works(reason: impl Into<String>) -> Self {
        Self { ok: true, reason: reason.into() }
    }
    fn fails(reason: impl Into<String>) -> Self {
        Self { ok: false, reason: reason.into() }
    }
}

impl Readiness {
    /// As it is now.
    pub(crate) async fn now(state: &AppState) -> Self {
        let policy = state.calibration;
        let asked = state.ask(move |ledger| Ok::<_, LedgerError>((ledger.health(), calibration(ledger, policy)))).await;
        let (sources, picture_age_s) = sources(state);
        let mut readiness = Self {
            ready: false,
            store: Component::fails("the ledger does not answer"),
            disk: Component::fails("unknown"),
            camera: together(&sources),
            calibration: Component::fails("the ledger does not answer"),
            models: models(&state.desk.recipes.models()),
            free_bytes: 0,
            last_seq: 0,
            verified_seq: 0,
            picture_age_s,
            sources,
        };
        if let Ok((health, calibration)) = asked {
            readiness.calibration = calibration;
            readiness.disk = disk(&health);
            readiness.store = store(&health);
            readiness.free_bytes = health.free_bytes;
            readiness.last_seq = health.last_seq;
            readiness.verified_seq = health.verified_up_to;
        }
        readiness.ready =
            [&readiness.store, &readiness.disk, &readiness.camera, &readiness.models].iter().all(|c| c.ok);
        readiness
    }
}

/// No calibration is no fault: recipes may know their scale otherwise.
fn calibration(ledger: &Ledger, policy: CalibrationConfig) -> Component {
    match calibrations::look(ledger, policy, jiff::Timestamp::now()) {
        Err(e) => Component::fails(format!("not known: {e}")),
        Ok((ok, said)) if said.is_empty() => Component { ok, reason: "no camera is calibrated".to_owned() },
        Ok((ok, said)) => Component { ok, reason: said.join("; ") },
    }
}

fn models(states: &BTreeMap<String, ModelState>) -> Component {
    let (mut ready, mut wrong) = (0, Vec::new());
    for (name, state) in states {
        match state {
            ModelState::Ready => ready += 1,
            ModelState::Opening => wrong.push(format!("recipe {name}: its models are being opened")),
            ModelState::Failed(why) => wrong.push(format!("recipe {name}: {why}")),
        }
    }
    match (states.len(), wrong.is_empty()) {
        (0, _) => Component::works("no approved recipe has models"),
        (_, true) => Component::works(format!("the models of {ready} approved recipes reproduce their samples here")),
        _ => Component::fails(wrong.join("; ")),
    }
}

/// Every configured source, and the age of the oldest live picture.
fn sources(state: &AppState) -> (Vec<SourceReadiness>, Option<f64>) {
    let mut oldest: Option<f64> = None;
    let sources = state.sources.places().map(|place| {
        let now = place.now();
        if let Some(picture) = now.picture {
            oldest = Some(oldest.map_or(picture.age_s, |age| age.max(picture.age_s)));
        }
        SourceReadiness { name: place.name.clone(), state: Component { ok: now.ok, reason: now.reason } }
    });
    (sources.collect(), oldest)
}

/// All sources as one component.
fn together(sources: &[SourceReadiness]) -> Component {
    let of = |ok: bool| {
        let reasons = sources.iter().filter(|s| s.state.ok == ok && s.name != UPLOAD);
        reasons.map(|s| format!("{}: {}", s.name, s.state.reason)).collect::<Vec<_>>().join("; ")
    };
    let (works, fails) = (of(true), of(false));
    match (works.is_empty(), fails.is_empty()) {
        (_, false) => Component::fails(fails),
        (false, true) => Component::works(works),
        (true, true) => Component::works("no camera configured: photos come over HTTP"),
    }
}

fn disk(health: &Health) -> Component {
    let room = format!("{:.1} GB free", health.free_bytes as f64 / 1e9);
    match &health.refusing {
        Some(reason) if reason.starts_with("the disk") => Component::fails(reason),
        _ => Component::works(room),
    }
}

fn store(health: &Health) -> Component {
    match (&health.store, &health.refusing) {
        (StoreState::Hung, _) => {
            Component::fails("the store (sled) hangs: parts are recorded, lists do not show them; restart the station")
        }
        (StoreState::Failed(reason), _) => Component::fails(format!(
            "the store (sled) failed: {reason}; parts are recorded, lists do not show them; restart the station"
        )),
        (_, Some(reason)) => Component::fails(reason),
        _ if !health.damage.is_empty() => {
            let lost: usize = health.damage.iter().map(|d| d.lost.len()).sum();
            Component::works(format!(
                "accepting records; the journal is damaged in {} places, {lost} records lost",
                health.damage.len()
            ))
        }
        _ => Component::works("accepting records"),
    }
}

/// The program runs.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "Alive", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// Parts can be judged.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "Ready", body = Readiness), (status = 503, description = "Not ready, and why", body = Readiness))
)]
pub(super) async fn readyz(State(state): State<AppState>) -> impl IntoResponse {
    let readiness = Readiness::now(&state).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(readiness))
}

/// Counters for Prometheus (OpenMetrics text).
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, description = "Parts by verdict, durations, queue, free disk, last sequence, errors",
               content_type = "application/openmetrics-text", body = String))
)]
pub(super) async fn metrics(State(state): State<AppState>) -> impl IntoResponse {
    let readiness = Readiness::now(&state).await;
    let text = state.desk.metrics.text(state.desk.line.waiting(), readiness.free_bytes, readiness.last_seq);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
