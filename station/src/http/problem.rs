//! Every error over HTTP is a problem (RFC 9457): one sentence that says what is wrong, what was expected, what was found.

use crate::calibrations::CalibrationError;
use crate::inspection::{Busy, DeskError, JobError};
use crate::ledger::LedgerError;
use crate::recipes::LookupError;
use axum::Json;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Most of a foreign error text that is passed on, bytes.
const MAX_FOREIGN_TEXT: usize = 2048;

/// What went wrong, for programs and for people (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Kind of problem, a reference relative to this server that can be opened.
    #[serde(rename = "type")]
    #[schema(example = "/api/v1/problems/unknown-recipe")]
    pub kind: String,
    /// The kind in words: the same for every problem of this kind.
    #[schema(example = "Unknown recipe")]
    pub title: String,
    /// HTTP status code.
    #[schema(example = 404)]
    pub status: u16,
    /// This occurrence: what was expected, what was found, what to do.
    pub detail: String,
    /// More for programs, such as `known` (names of recipes) or `retry_after_s`.
    #[serde(flatten)]
    #[schema(additional_properties)]
    pub more: BTreeMap<String, Value>,
}

/// Every kind of problem: word, status, title.
const KINDS: &[(&str, StatusCode, &str)] = &[
    ("bad-request", StatusCode::BAD_REQUEST, "The request cannot be understood"),
    ("foreign-origin", StatusCode::FORBIDDEN, "Requests of other web sites are refused"),
    ("not-found", StatusCode::NOT_FOUND, "There is nothing here"),
    ("unknown-source", StatusCode::NOT_FOUND, "Unknown source of photos"),
    ("unknown-recipe", StatusCode::NOT_FOUND, "Unknown recipe"),
    ("unknown-camera", StatusCode::NOT_FOUND, "No camera of that name is calibrated"),
    ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "This address does not take this method"),
    ("too-slow", StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time"),
    ("key-in-work", StatusCode::CONFLICT, "A request with this Idempotency-Key is still in work"),
    ("no-recipe", StatusCode::CONFLICT, "No recipe is chosen"),
    ("no-shutter", StatusCode::CONFLICT, "This source takes no pictures on demand"),
    ("recipe-not-approved", StatusCode::CONFLICT, "The recipe is not approved"),
    ("photo-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The photo is too large"),
    ("wrong-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not a media type that is read"),
    ("wrong-host", StatusCode::MISDIRECTED_REQUEST, "This station does not answer to this name"),
    ("unreadable-photo", StatusCode::UNPROCESSABLE_ENTITY, "The photo cannot be used"),
    ("recipe-not-chosen", StatusCode::UNPROCESSABLE_ENTITY, "No code chooses a recipe"),
    ("key-reused", StatusCode::UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request"),
    ("station-error", StatusCode::INTERNAL_SERVER_ERROR, "The station failed: hold the part"),
    ("record-damaged", StatusCode::INTERNAL_SERVER_ERROR, "What is stored is not what was recorded"),
    ("busy", StatusCode::SERVICE_UNAVAILABLE, "The station is busy"),
    ("no-picture", StatusCode::SERVICE_UNAVAILABLE, "There is no live picture"),
    ("disk-full", StatusCode::INSUFFICIENT_STORAGE, "No room left to record parts"),
];

impl Problem {
    /// A problem of a kind of the table.
    ///
    /// # Panics
    /// Never for words of the table, which the tests go through.
    pub fn new(kind: &'static str, detail: impl Into<String>) -> Self {
        let (_, status, title) = KINDS.iter().find(|(word, ..)| *word == kind).expect("a kind of the table");
        Self {
            kind: format!("/api/v1/problems/{kind}"),
            title: (*title).to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            more: BTreeMap::new(),
        }
    }
    /// With one more member for programs.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
    /// A request that cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new("bad-request", detail)
    }
    /// Nothing under this address.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new("not-found", detail)
    }
    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
    /// For a status that something else answered with.
    fn of_status(status: StatusCode, detail: String) -> Self {
        match KINDS.iter().find(|(_, s, _)| *s == status) {
            Some((word, ..)) => Self::new(word, detail),
            None => Self {
                kind: "about:blank".to_owned(),
                title: status.canonical_reason().unwrap_or("Error").to_owned(),
                status: status.as_u16(),
                detail,
                more: BTreeMap::new(),
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.more.get("retry_after_s").and_then(Value::as_u64) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The pages show the same problem to people: see `pages`.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<LedgerError> for Problem {
    fn from(e: LedgerError) -> Self {
        match &e {
            LedgerError::DiskFull { free, needed, .. } => {
                Self::new("disk-full", e.to_string()).with("free_bytes", *free).with("needed_bytes", *needed)
            }
            LedgerError::Damaged { .. } | LedgerError::BlobDamaged { .. } => Self::new("record-damaged", e.to_string()),
            other => Self::new("station-error", other.to_string()),
        }
    }
}

impl From<CalibrationError> for Problem {
    fn from(e: CalibrationError) -> Self {
        let detail = e.to_string();
        match e {
            CalibrationError::Unknown { known, .. } => Self::new("unknown-camera", detail).with("known", known),
            CalibrationError::Ledger(e) => e.into(),
            _ => Self::bad_request(detail),
        }
    }
}

impl From<LookupError> for Problem {
    fn from(e: LookupError) -> Self {
        let detail = e.to_string();
        match e {
            LookupError::Unknown { known, .. } => Self::new("unknown-recipe", detail).with("known", known),
            LookupError::NotApproved { state, .. } => Self::new("recipe-not-approved", detail).with("state", state),
            LookupError::Changed { .. } => Self::new("recipe-not-approved", detail).with("state", "draft"),
            LookupError::Ledger(e) => e.into(),
            _ => Self::new("station-error", detail),
        }
    }
}

impl From<Busy> for Problem {
    fn from(e: Busy) -> Self {
        Self::new("busy", e.to_string()).with("retry_after_s", 1)
    }
}

impl From<JobError> for Problem {
    fn from(e: JobError) -> Self {
        match e {
            JobError::Photo(cause) => Self::new("unreadable-photo", cause.to_string()),
            JobError::Ledger(cause) => cause.into(),
            other => Self::new("station-error", other.to_string()),
        }
    }
}

impl From<DeskError> for Problem {
    fn from(e: DeskError) -> Self {
        let detail = e.to_string();
        match e {
            DeskError::Code(e) => Self::new("recipe-not-chosen", detail).with("reason", e.code()),
            DeskError::NoRecipe => Self::new("no-recipe", detail),
            DeskError::Recipe(e) => e.into(),
            DeskError::Busy(e) => e.into(),
            DeskError::Job(e) => e.into(),
            DeskError::Ledger(e) => e.into(),
            DeskError::KeyInWork => Self::new("key-in-work", detail).with("retry_after_s", 1),
            DeskError::KeyReused => Self::new("key-reused", detail),
            DeskError::Behind => Self::new("busy", detail).with("retry_after_s", 5),
            DeskError::Failed(_) => Self::new("station-error", detail),
        }
    }
}

/// What a kind of problem means.
pub(super) async fn describe(Path(kind): Path<String>) -> Response {
    match KINDS.iter().find(|(word, ..)| *word == kind) {
        Some((word, status, title)) => {
            Json(serde_json::json!({ "type": format!("/api/v1/problems/{word}"), "status": status.as_u16(), "title": title }))
                .into_response()
        }
        None => Problem::not_found(format!("no kind of problem is called {:?}", shortened(&kind))).into_response(),
    }
}

/// No such address.
pub(super) async fn no_such_address(request: Request) -> Problem {
    Problem::not_found(format!("nothing at {}", shortened(request.uri().path())))
}

/// Turns every error answer that is no problem yet (405, refused extractors) into one, in one place.
pub(super) async fn every_error_is_a_problem(request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), shortened(request.uri().path()));
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == PROBLEM_JSON);
    // A 503 of /readyz is an answer, not an error: it carries the reasons as JSON.
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
    if !(status.is_client_error() || status.is_server_error()) || is_problem || is_json {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, MAX_FOREIGN_TEXT).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&text).trim().to_owned();
    let detail = if said.is_empty() { format!("{asked}: {status}") } else { said };
    let mut answer = Problem::of_status(status, detail).into_response();
    if let Some(allow) = parts.headers.get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// A text of a request, short enough to be said back.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_word() {
        for (i, (word, ..)) in KINDS.iter().enumerate() {
            assert_eq!(KINDS.iter().position(|(w, ..)| w == word), Some(i), "{word} stands twice");
            assert_eq!(Problem::new(word, "x").kind, format!("/api/v1/problems/{word}"));
        }
    }
}
