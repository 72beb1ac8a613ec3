//! `/api/v1/sources` and `/api/v1/capture`: look through the cameras, take pictures.

use super::extract::PathParts;
use super::inspections::{HandedIn, answer, idempotency_key};
use super::problem::Problem;
use super::state::AppState;
use super::upload::word;
use crate::camera::{CaptureError, Order, Place, SourceError, Trigger, small_picture};
use crate::inspection::Reserved;
use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// A request is a few short texts.
const MAX_BODY: usize = 16 * 1024;

/// Which picture to take, and of what. Everything may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureRequest {
    /// Name of the camera; not needed when the station has only one.
    #[schema(example = "bench")]
    pub source: Option<String>,
    /// Name or digest of the recipe; else as chosen on the page, else as configured.
    #[schema(example = "visor")]
    pub recipe: Option<String>,
    /// Serial number of the part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
}

/// What the next parts of a source are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Name or digest of the recipe.
    pub recipe: Option<String>,
    /// Serial number of the next part; it is used once.
    pub serial: Option<String>,
    /// Lot.
    pub lot: Option<String>,
}

/// A source of photos.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// `camera`, `folder`, `simulated` or `upload`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What starts its photos beside a request: `key` (nothing), `auto`, `takt`, `file`.
    pub trigger: String,
    /// The key or pedal that takes its picture on the page (`KeyboardEvent.code`); null when it takes none on demand.
    pub key: Option<String>,
    /// Photos can come.
    pub ok: bool,
    /// Which camera or folder, or what is wrong and what to do.
    pub reason: String,
    /// What the automatic trigger waits for: `learning`, `assumed` (that the table is empty), `empty`, `moving`, `taken`, `waiting`, `held`.
    pub watching: Option<String>,
    /// Its live picture; null when there is none.
    pub picture: Option<PictureView>,
    /// As configured: what its parts are judged by when nothing else is said.
    pub recipe: Option<String>,
    /// As chosen on the page.
    pub selection: Selection,
    /// Parts recorded since the start.
    pub parts: u64,
    /// Times since the start that it had no picture, or that its photo was not recorded.
    pub errors: u64,
    /// Times that it was started again.
    pub restarts: u64,
}

/// A live picture.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PictureView {
    /// Where it is.
    pub href: String,
    /// Seconds since its exposure.
    pub age_s: f64,
    /// The camera's number of it.
    pub sequence: u64,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
}

/// All of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceList {
    /// In the order of the configuration; posted photos last.
    pub items: Vec<SourceView>,
}

impl From<Order> for Selection {
    fn from(Order { recipe, serial, lot }: Order) -> Self {
        Self { recipe, serial, lot }
    }
}

impl SourceView {
    fn of(place: &Place, state: &AppState) -> Self {
        let now = place.now();
        let counters = state.desk.metrics.source(&place.name);
        let picture = now.picture.map(|p| PictureView {
            href: format!("/api/v1/sources/{}/picture", place.name),
            age_s: p.age_s,
            sequence: p.sequence,
            width: p.size.0,
            height: p.size.1,
        });
        Self {
            name: place.name.clone(),
            kind: place.source.kind().to_owned(),
            trigger: place.trigger.to_owned(),
            key: place.source.live().is_some().then(|| place.key.clone()),
            ok: now.ok,
            reason: now.reason,
            watching: now.watching.map(str::to_owned),
            picture,
            recipe: place.configured.recipe.clone(),
            selection: place.selection().into(),
            parts: counters.parts.get(),
            errors: counters.errors.get(),
            restarts: counters.restarts.get(),
        }
    }
}

impl From<CaptureError> for Problem {
    fn from(e: CaptureError) -> Self {
        let detail = e.to_string();
        match e {
            CaptureError::Unknown { known, .. } => Self::new("unknown-source", detail).with("known", known),
            CaptureError::NoShutter { .. } => Self::new("no-shutter", detail),
            CaptureError::Busy { .. } => Self::new("busy", detail).with("retry_after_s", 1),
            CaptureError::NoPicture { name, cause: SourceError(reason) } => {
                let problem = Self::new("no-picture", detail).with("retry_after_s", 2);
                problem.with("source", name).with("reason", reason)
            }
            CaptureError::Desk(e) => e.into(),
        }
    }
}

/// Take a picture and judge it.
///
/// The picture is the first one that the camera began to expose after the request arrived, so it shows what lies there now. The answer
/// is that of `POST /api/v1/inspections`, and as durable; `capture` in it says which camera, and how long after the trigger the
/// exposure began. With an `Idempotency-Key` a request may be repeated after a lost answer: no second picture is taken.
#[utoipa::path(
    post, path = "/api/v1/capture", tag = "sources",
    params(("Idempotency-Key" = Option<String>, Header, description = "Unique for this part, 1 to 255 visible ASCII characters")),
    request_body(content = CaptureRequest, description = "May be empty"),
    responses(HandedIn)
)]
pub(super) async fn capture(
    State(state): State<AppState>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let moment = Instant::now();
    let key = idempotency_key(&headers)?;
    let asked: CaptureRequest = read(body).await?;
    let place = state.sources.camera(word("source", asked.source)?.as_deref())?;
    let order = Order {
        recipe: word("recipe", asked.recipe)?,
        serial: word("serial", asked.serial)?,
        lot: word("lot", asked.lot)?,
    };
    let reserved = match key {
        None => None,
        Some(key) => match state.desk.reserve(key, fingerprint(&place.name, &order)).await? {
            Reserved::New(key) => Some(key),
            Reserved::Recorded(entry) => return Ok(answer(StatusCode::OK, *entry)),
        },
    };
    let entry = place.capture(&state.desk, Trigger { by: "request", moment }, order, reserved).await?;
    Ok(answer(StatusCode::CREATED, entry))
}

/// Digest of everything that was asked, for `Idempotency-Key`.
fn fingerprint(source: &str, order: &Order) -> Sha256 {
    Sha256::of(&serde_json::to_vec(&("capture", source, order)).expect("texts are always JSON"))
}

/// A small JSON body; none at all is an empty object.
pub(super) async fn read<T: Default + for<'a> Deserialize<'a>>(body: Body) -> Result<T, Problem> {
    let bytes = to_bytes(body, MAX_BODY)
        .await
        .map_err(|e| Problem::bad_request(format!("expected at most {MAX_BODY} bytes of JSON ({e})")))?;
    match bytes.trim_ascii_start().first() {
        None => return Ok(T::default()),
        Some(b'{') => {}
        Some(_) => return Err(Problem::bad_request("the body is not as expected: expected a JSON object")),
    }
    serde_json::from_slice(&bytes).map_err(|e| Problem::bad_request(format!("the body is not as expected: {e}")))
}

/// Where photos come from, and how each source does.
#[utoipa::path(get, path = "/api/v1/sources", tag = "sources", responses((status = 200, body = SourceList)))]
pub(super) async fn list(State(state): State<AppState>) -> impl IntoResponse {
    let items = state.sources.places().map(|place| SourceView::of(place, &state)).collect();
    ([(header::CACHE_CONTROL, "no-store")], Json(SourceList { items }))
}

fn find(state: &AppState, name: &str) -> Result<Arc<Place>, Problem> {
    Ok(state.sources.camera(Some(name))?)
}

/// The live picture, small enough to be asked for a few times a second.
///
/// A picture older than two seconds, or than five frames of a slow camera, is not given: what stands still is not live. `X-Picture-Age-Ms`
/// says how old this one is, `X-Picture-Live-Ms` how old it may become and still be live, `X-Watching` what the automatic trigger waits for.
#[utoipa::path(
    get, path = "/api/v1/sources/{name}/picture", tag = "sources",
    params(("name" = String, Path, description = "Name of the camera")),
    responses(
        (status = 200, description = "At most 640 px wide", content_type = "image/jpeg", body = Vec<u8>,
         headers(("X-Picture-Age-Ms" = u64), ("X-Picture-Live-Ms" = u64), ("X-Picture-Sequence" = u64), ("X-Watching" = String))),
        (status = 404, description = "No such camera", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The source has no live picture by nature", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "There is no live picture now, and why", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn picture(
    State(state): State<AppState>,
    PathParts(name): PathParts<String>,
) -> Result<Response, Problem> {
    let place = find(&state, &name)?;
    let no_picture = |cause: SourceError| Problem::from(CaptureError::NoPicture { name: place.name.clone(), cause });
    let none = || SourceError("this source has no live picture".to_owned());
    let frame = place.live().unwrap_or_else(|| Err(none())).map_err(no_picture)?;
    let age = Instant::now().saturating_duration_since(frame.exposed);
    let small: Bytes = place.small(&frame, small_picture).await.map_err(|e| no_picture(SourceError(e)))?;
    let number = |n: u64| HeaderValue::from(n);
    let ms = |time: Duration| number(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(if small.starts_with(&[0xFF, 0xD8]) { "image/jpeg" } else { "image/png" }),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-picture-age-ms"), ms(age)),
        (HeaderName::from_static("x-picture-live-ms"), ms(frame.live_for)),
        (HeaderName::from_static("x-picture-sequence"), number(frame.sequence)),
        (HeaderName::from_static("x-watching"), HeaderValue::from_static(place.source.watching().unwrap_or("nothing"))),
    ];
    Ok((headers, small).into_response())
}

/// Choose what the next parts of a source are.
///
/// Recipe and lot stay until something else is chosen or the station stops; the serial number is of the next part only.
#[utoipa::path(
    put, path = "/api/v1/sources/{name}/selection", tag = "sources",
    params(("name" = String, Path, description = "Name of the camera")),
    request_body(content = Selection),
    responses(
        (status = 200, description = "As it is now", body = Selection),
        (status = 400, description = "The request cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such camera, or no such recipe", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The recipe is not approved", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn select(
    State(state): State<AppState>,
    PathParts(name): PathParts<String>,
    body: Body,
) -> Result<Json<Selection>, Problem> {
    let place = state.sources.configured(&name).map_or_else(|| find(&state, &name), Ok)?;
    let asked: Selection = read(body).await?;
    let order = Order {
        recipe: word("recipe", asked.recipe)?,
        serial: word("serial", asked.serial)?,
        lot: word("lot", asked.lot)?,
    };
    if let Some(recipe) = order.recipe.clone() {
        let book = state.desk.recipes.clone();
        state.ask(move |ledger| book.approved(ledger, &recipe).map(drop)).await?;
    }
    place.select(order.clone());
    Ok(Json(order.into()))
}

/// Say that nothing lies before the camera now.
///
/// The automatic trigger takes what it sees for the empty table. Needed when a part lay there as the station started, or when the
/// stand was moved.
#[utoipa::path(
    post, path = "/api/v1/sources/{name}/empty", tag = "sources",
    params(("name" = String, Path, description = "Name of the camera")),
    responses(
        (status = 204, description = "Understood"),
        (status = 404, description = "No such camera", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has no automatic trigger", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn empty(
    State(state): State<AppState>,
    PathParts(name): PathParts<String>,
) -> Result<StatusCode, Problem> {
    let place = find(&state, &name)?;
    place.source.empty_now().map_err(|SourceError(why)| Problem::new("no-shutter", why))?;
    Ok(StatusCode::NO_CONTENT)
}
