//! Pages for people: rendered here, embedded in the program, complete without JavaScript.
//!
//! | address | shows |
//! | --- | --- |
//! | `/` | the last part, live |
//! | `/inspections` | records, with filters |
//! | `/inspections/{seq}` | one part: every check, its pictures, its identity |
//!
//! The live page is told of a new part by the event stream and then fetches `/fragments/live`, the same template that made the
//! page: what people see is rendered in one place.

mod assets;
mod eye;
mod part;
mod words;

use crate::http::{AppState, InspectionFilter, ListQuery, PROBLEM_JSON, PathParts, Problem, QueryParts, find};
use crate::ledger::{Act, Mode, Query};
use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use eye::EyeView;
use inspector::decision::Verdict;
use part::{PartView, VerdictView};
use words::{EN, Words};

/// Parts in the strip of the live page.
const STRIP: usize = 12;
/// Records on a page of the list.
const LIST: usize = 25;
/// Entries looked at to find the next newer inspection.
const NEARBY: usize = 64;

/// The pages' addresses.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(live))
        .route("/fragments/live", get(live_fragment))
        .route("/capture", post(eye::capture))
        .route("/inspections", get(list))
        .route("/inspections/{seq}", get(record))
        .route("/assets/{name}", get(assets::asset))
}

/// What every page has around its content.
#[derive(Debug)]
struct Frame {
    t: &'static Words,
    /// Name of the station.
    station: String,
    demo: bool,
    css: &'static str,
    /// Which page of the menu this is.
    page: &'static str,
}

impl Frame {
    fn new(state: &AppState, page: &'static str) -> Self {
        Self { t: &EN, station: state.station.clone(), demo: state.mode == Mode::Demo, css: assets::css(), page }
    }
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    js: &'static str,
    eye_js: &'static str,
    heartbeat_ms: u128,
    eyes: Vec<EyeView>,
    /// Names of approved recipes.
    recipes: Vec<String>,
    parts: Vec<PartView>,
    last_seq: u64,
}

#[derive(Template)]
#[template(path = "live_part.html")]
struct LiveFragment {
    frame: Frame,
    parts: Vec<PartView>,
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    frame: Frame,
    js: &'static str,
    part: PartView,
    older: Option<u64>,
    newer: Option<u64>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    js: &'static str,
    parts: Vec<PartView>,
    filter: InspectionFilter,
    verdicts: [VerdictView; 3],
    /// Query string of the next page.
    older: Option<String>,
    /// Whether this page is not the first.
    paged: bool,
    /// Whether something is filtered.
    filtered: bool,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    problem: Problem,
}

fn page(template: &impl Template) -> Result<Response, Problem> {
    let html = template.render().map_err(|e| Problem::new("station-error", format!("the page cannot be made: {e}")))?;
    // A page shows what is recorded now; an old one must never come from a cache.
    Ok(([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response())
}

async fn parts(state: &AppState, query: Query) -> Result<(Vec<PartView>, Option<u64>), Problem> {
    let page = state.ask(move |ledger| ledger.inspections(&query)).await?;
    Ok((page.entries.iter().filter_map(|e| PartView::new(e, &EN)).collect(), page.next_before_seq))
}

async fn live(State(state): State<AppState>) -> Result<Response, Problem> {
    // Asked first: a part that is recorded in between is announced by the stream once more, and none is missed.
    let last_seq = state.last_seq().await?;
    let (parts, _) = parts(&state, Query { limit: STRIP, ..Query::default() }).await?;
    let heartbeat_ms = state.limits.heartbeat.as_millis();
    let eyes = eye::eyes(&state);
    let recipes = if eyes.is_empty() { Vec::new() } else { eye::recipes(&state).await? };
    page(&LivePage {
        frame: Frame::new(&state, "live"),
        js: assets::live_js(),
        eye_js: assets::eye_js(),
        heartbeat_ms,
        eyes,
        recipes,
        parts,
        last_seq,
    })
}

async fn live_fragment(State(state): State<AppState>) -> Result<Response, Problem> {
    let (parts, _) = parts(&state, Query { limit: STRIP, ..Query::default() }).await?;
    page(&LiveFragment { frame: Frame::new(&state, "live"), parts })
}

async fn record(State(state): State<AppState>, PathParts(seq): PathParts<u64>) -> Result<Response, Problem> {
    let entry = find(&state, seq).await?;
    let older =
        parts(&state, Query { limit: 1, before_seq: Some(seq), ..Query::default() }).await?.0.first().map(|p| p.seq);
    let after = state.ask(move |ledger| ledger.since(seq, NEARBY)).await?;
    let newer = after.iter().find(|e| matches!(e.act, Act::Inspection { .. })).map(|e| e.seq);
    let part =
        PartView::new(&entry, &EN).ok_or_else(|| Problem::not_found(format!("no inspection has the number {seq}")))?;
    page(&RecordPage { frame: Frame::new(&state, "record"), js: assets::times_js(), part, older, newer })
}

async fn list(
    State(state): State<AppState>,
    QueryParts(mut asked): QueryParts<ListQuery>,
) -> Result<Response, Problem> {
    asked.limit = asked.limit.or(Some(LIST));
    let paged = asked.cursor.as_deref().is_some_and(|c| !c.is_empty());
    let query = asked.checked()?;
    let filter = InspectionFilter::of(&query);
    let (parts, next) = parts(&state, query).await?;
    page(&ListPage {
        frame: Frame::new(&state, "records"),
        js: assets::times_js(),
        older: next.map(|seq| filter.query_string(seq)),
        filtered: filter != InspectionFilter::default(),
        filter,
        verdicts: [Verdict::Pass, Verdict::Refer, Verdict::Fail].map(|v| VerdictView::new(v, &EN)),
        parts,
        paged,
    })
}

/// A person who opens a wrong address gets a page; a program gets the problem itself.
pub(crate) async fn problems_for_people(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let person = accepts.contains("text/html") && !request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    if !person || response.headers().get(header::CONTENT_TYPE).is_none_or(|t| t != PROBLEM_JSON) {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let Ok(html) = (ProblemPage { frame: Frame::new(&state, "problem"), problem }).render() else { return response };
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    Response::from_parts(head, html.into())
}
