//! HTTP: photos in, records out, live.
//!
//! [`app`] is a function of its state, so that it is tested without a socket. Every error is a problem (RFC 9457); the API document
//! is made from the handlers and committed (`station/openapi.json`); a test fails when the two differ.

mod calibrations;
mod extract;
mod health;
mod inspections;
mod problem;
mod recipes;
mod security;
mod sources;
mod state;
mod stream;
mod upload;
mod view;

pub use calibrations::{CalibrationList, CalibrationView, VerificationRequest, VerificationView};
pub use health::{Component, Readiness, SourceReadiness};
pub use inspections::{DamagedView, InspectionFilter, InspectionPage, ListQuery};
pub use problem::{PROBLEM_JSON, Problem};
pub use recipes::{RecipeList, RecipeView};
pub use sources::{CaptureRequest, PictureView, Selection, SourceList, SourceView};
pub use state::{AppState, Limits, Parts};
pub use view::{InspectionView, Links, Pictures};

pub(crate) use extract::{PathParts, QueryParts};
pub(crate) use inspections::find;
pub(crate) use upload::word;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What stands at the head of the API document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Assay station",
        description = "Quality inspection: post a photo of a part, get its verdict with every measured characteristic, durably recorded. \
                       Every error is a problem (RFC 9457, application/problem+json).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem, stream::Heartbeat)),
    tags(
        (name = "inspections", description = "Judge parts, read their records"),
        (name = "sources", description = "Cameras and folders: take a picture, look through the camera"),
        (name = "calibrations", description = "Whether one can rely on the cameras, and which results are in doubt"),
        (name = "recipes", description = "What parts are judged by"),
        (name = "health", description = "For whoever watches the station")
    )
)]
struct Document;

fn documented() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(inspections::judge, inspections::list))
        .routes(routes!(inspections::one))
        .routes(routes!(inspections::photo))
        .routes(routes!(inspections::thumbnail))
        .routes(routes!(inspections::overlay))
        .routes(routes!(sources::capture))
        .routes(routes!(sources::list))
        .routes(routes!(sources::picture))
        .routes(routes!(sources::select))
        .routes(routes!(sources::empty))
        .routes(routes!(recipes::list))
        .routes(routes!(calibrations::list))
        .routes(routes!(calibrations::affected))
        .routes(routes!(calibrations::verify))
        .routes(routes!(stream::stream))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
}

/// The API document, OpenAPI 3.1, as it is committed: pretty JSON with a line end.
pub fn openapi_json() -> String {
    let document = documented().into_openapi();
    let mut text = document.to_pretty_json().expect("the document is made of texts");
    text.push('\n');
    text
}

/// The whole station as a service.
pub fn app(state: impl Into<AppState>) -> Router {
    let state = state.into();
    let (api, _) = documented().split_for_parts();
    api.route("/api/v1/openapi.json", get(|| async { ([(header::CONTENT_TYPE, "application/json")], openapi_json()) }))
        .route("/api/v1/problems/{kind}", get(problem::describe))
        .merge(crate::pages::routes())
        .fallback(problem::no_such_address)
        // Bodies are bounded where they are read, with a better answer.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(problem::every_error_is_a_problem))
        .layer(from_fn_with_state(state.clone(), crate::pages::problems_for_people))
        .layer(from_fn_with_state(state.clone(), security::guard))
        .with_state(state)
}
