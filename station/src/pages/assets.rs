//! Style sheet, scripts and icon: embedded, addressed by digest, cached for ever.

use crate::http::Problem;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use inspector::photo::Sha256;
use std::sync::LazyLock;

/// Name, media type, content.
const FILES: [(&str, &str, &str); 5] = [
    ("assay.css", "text/css; charset=utf-8", include_str!("../../assets/assay.css")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("../../assets/live.js")),
    ("eye.js", "text/javascript; charset=utf-8", include_str!("../../assets/eye.js")),
    ("times.js", "text/javascript; charset=utf-8", include_str!("../../assets/times.js")),
    ("icon.svg", "image/svg+xml", include_str!("../../assets/icon.svg")),
];

/// Digest of all of them together: scripts import each other by plain name, so they change together.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: String = FILES.iter().map(|(_, _, content)| *content).collect();
    Sha256::of(all.as_bytes()).hex()[..12].to_owned()
});

fn address(name: &str) -> String {
    format!("/assets/{name}?v={}", *VERSION)
}

/// Address of the style sheet.
pub(super) fn css() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("assay.css"));
    &ADDRESS
}
/// Address of the live page's script.
pub(super) fn live_js() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("live.js"));
    &ADDRESS
}
/// Address of the script of the camera on the live page.
pub(super) fn eye_js() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("eye.js"));
    &ADDRESS
}
/// Address of the script that shows times in the browser's time zone.
pub(super) fn times_js() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("times.js"));
    &ADDRESS
}

pub(super) async fn asset(Path(name): Path<String>, query: axum::extract::RawQuery) -> Response {
    let Some((_, media_type, content)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return Problem::not_found("no such file belongs to the pages").into_response();
    };
    let lasting = query.0.is_some_and(|q| q == format!("v={}", *VERSION));
    let caching = if lasting { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, *media_type), (header::CACHE_CONTROL, caching)], *content).into_response()
}
