//! What a web site in the worker's browser must not be able to do to a station on the same machine or network.
//!
//! * A foreign site may point a name of its own at 127.0.0.1 (DNS rebinding): only `localhost`, IP addresses (which nobody can
//!   re-point) and names from the configuration are answered.
//! * A foreign site may post a form (CSRF): a request that changes something and names another `Origin` is refused.
//! * There is no CORS: no foreign page can read an answer.

use super::problem::{Problem, shortened};
use super::state::AppState;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses foreign hosts and origins; adds the security headers to every answer.
pub(super) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let verdict = check_host(&state.hosts, request.uri(), request.headers())
        .and_then(|host| check_origin(request.method(), request.headers(), &host));
    let mut response = match verdict {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The host (with port) that the client meant.
fn check_host(allowed: &[String], uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let named = headers.get(header::HOST).and_then(|h| h.to_str().ok()).or(uri.authority().map(|a| a.as_str()));
    let named = named.ok_or_else(|| Problem::bad_request("no Host header; expected the name of this station"))?;
    let name = without_port(named);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if name.eq_ignore_ascii_case("localhost") || address.is_ok() || allowed.iter().any(|a| a.eq_ignore_ascii_case(name))
    {
        Ok(named.to_owned())
    } else {
        Err(Problem::new(
            "wrong-host",
            format!(
                "asked for host {:?}; add it to `hosts` in the station's configuration if it is this station",
                shortened(name)
            ),
        ))
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => authority,
    }
}

fn check_origin(method: &Method, headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let header = |name: HeaderName| headers.get(name).map(|v| v.to_str().unwrap_or("unreadable"));
    let refused = |origin: &str| {
        Problem::new(
            "foreign-origin",
            format!("this station is {host:?}, the request comes from {:?}", shortened(origin)),
        )
    };
    if let Some(origin) = header(header::ORIGIN) {
        let same = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        return if same { Ok(()) } else { Err(refused(origin)) };
    }
    // Browsers that send no Origin with a form still say where it comes from.
    match header(HeaderName::from_static("sec-fetch-site")) {
        None | Some("same-origin" | "none") => Ok(()),
        Some(site) => Err(refused(site)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_cut_off_but_not_parts_of_an_address() {
        for (authority, name) in
            [("localhost:8080", "localhost"), ("[::1]:8080", "[::1]"), ("[::1]", "[::1]"), ("10.0.0.7", "10.0.0.7")]
        {
            assert_eq!(without_port(authority), name);
        }
    }
}
