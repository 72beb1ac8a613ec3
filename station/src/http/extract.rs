//! Extractors whose refusals are problems that name the parameter.

use super::problem::Problem;
use super::state::AppState;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// Parameters of the query.
#[derive(Debug)]
pub(crate) struct QueryParts<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for QueryParts<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(e) => Err(Problem::bad_request(e.body_text())),
        }
    }
}

/// Parameters of the path. One that cannot be read means that there is nothing under that address.
#[derive(Debug)]
pub(crate) struct PathParts<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for PathParts<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(path)) => Ok(Self(path)),
            Err(e) => Err(Problem::not_found(e.body_text())),
        }
    }
}
