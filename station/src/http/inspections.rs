//! `/api/v1/inspections`: photos in, records out.

use super::extract::{PathParts, QueryParts};
use super::problem::{Problem, shortened};
use super::state::AppState;
use super::upload::{self, PartForm, PartQuery, Upload, word};
use super::view::{InspectionView, Pictures, version};
use crate::inspection::{Reserved, Shot, verdict_word};
use crate::ledger::{Act, Entry, LedgerError, Page, Query};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};

/// Longest `Idempotency-Key`.
const MAX_KEY: usize = 255;
/// Records in a page when nothing is said.
const PAGE: usize = 50;
/// Most records in a page.
const MAX_PAGE: usize = 200;

/// What is answered to a part that is handed in, as a photo or before a camera.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) enum HandedIn {
    /// Judged and recorded
    #[response(status = 201, headers(("Location" = String)))]
    Recorded(InspectionView),
    /// Recorded before, by the same request
    #[response(status = 200)]
    Known(InspectionView),
    /// The request cannot be understood, or its body ended too early
    #[response(status = 400, content_type = "application/problem+json")]
    NotUnderstood(Problem),
    /// The request comes from another web site
    #[response(status = 403, content_type = "application/problem+json")]
    Foreign(Problem),
    /// No such camera or recipe; `known` lists those there are
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(Problem),
    /// No recipe is chosen, or it is not approved, or the source takes no pictures on demand, or a request with this key is still in work
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// The photo cannot be used, no code in it chooses the recipe (`reason` says why), or the key belongs to another request
    #[response(status = 422, content_type = "application/problem+json")]
    Unusable(Problem),
    /// The station failed: hold the part
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(Problem),
    /// Busy with the photos before, or no live picture (`type` tells which, `detail` what to do); ask again after `Retry-After`
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64)))]
    Busy(Problem),
    /// No room left to record parts
    #[response(status = 507, content_type = "application/problem+json")]
    NoRoom(Problem),
}

/// Judge a photo and record the part.
///
/// The photo is the body itself, with the rest in the query, or a form. The answer comes when photo and journal entry are synced to
/// disk, so a verdict that was seen is never lost. With an `Idempotency-Key` a request may be repeated after a lost answer: the
/// same key and the same request give the same record again (200 instead of 201).
#[utoipa::path(
    post, path = "/api/v1/inspections", tag = "inspections",
    params(PartQuery, ("Idempotency-Key" = Option<String>, Header, description = "Unique for this part, 1 to 255 visible ASCII characters")),
    request_body(description = "The photo", content(
        (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png"), (Vec<u8> = "image/tiff"), (Vec<u8> = "image/bmp"), (Vec<u8> = "image/webp"),
        (PartForm = "multipart/form-data"))),
    responses(
        HandedIn,
        (status = 408, description = "The body did not arrive in time", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The photo is larger than 32 MiB", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a media type of a photo", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn judge(
    State(state): State<AppState>,
    QueryParts(query): QueryParts<PartQuery>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?;
    let upload = upload::read(&state, query, request).await?;
    let reserved = match key {
        None => None,
        Some(key) => match state.desk.reserve(key, upload.fingerprint()).await? {
            Reserved::New(key) => Some(key),
            Reserved::Recorded(entry) => return Ok(answer(StatusCode::OK, *entry)),
        },
    };
    let Upload { photo, recipe, serial, lot, order, image } = upload;
    let shot = Shot { photo, image, recipe, serial, lot, order, capture: None };
    Ok(answer(StatusCode::CREATED, state.desk.submit(shot, reserved).await?))
}

pub(super) fn answer(status: StatusCode, entry: Entry) -> Response {
    match InspectionView::of(entry) {
        Some(view) => {
            let location = HeaderValue::from_str(&view.links.this).expect("made of digits and letters");
            (status, [(header::LOCATION, location)], Json(view)).into_response()
        }
        None => Problem::new("station-error", "the ledger recorded something else than the part").into_response(),
    }
}

/// The client's key, when it sent one.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|k| (1..=MAX_KEY).contains(&k.len()) && k.bytes().all(|b| b.is_ascii_graphic()));
    match key {
        Some(key) => Ok(Some(key.to_owned())),
        None => Err(Problem::bad_request(format!("Idempotency-Key: expected 1 to {MAX_KEY} visible ASCII characters"))),
    }
}

/// Which records, newest first.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Records in a page, 1 to 200; 50 when not said.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only this verdict: `pass`, `fail` or `refer`.
    #[param(value_type = Option<String>)]
    pub verdict: Option<String>,
    /// Only this part number.
    pub part: Option<String>,
    /// Only this lot.
    pub lot: Option<String>,
    /// Only this serial number.
    pub serial: Option<String>,
}

/// A record whose bytes in the journal are damaged: what is still known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DamagedView {
    /// Sequence number.
    pub seq: u64,
    /// Part number.
    pub part: Option<String>,
    /// Lot.
    pub lot: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// One page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct InspectionPage {
    /// Newest first.
    pub items: Vec<InspectionView>,
    /// Records that belong here and cannot be read any more.
    pub damaged: Vec<DamagedView>,
    /// Ask with it for older records; null at the end.
    pub next_cursor: Option<String>,
}

impl From<Page> for InspectionPage {
    fn from(page: Page) -> Self {
        let damaged = page.damaged.into_iter();
        Self {
            items: page.entries.into_iter().filter_map(InspectionView::of).collect(),
            damaged: damaged.map(|d| DamagedView { seq: d.seq, part: d.part, lot: d.lot, serial: d.serial }).collect(),
            next_cursor: page.next_before_seq.map(|seq| seq.to_string()),
        }
    }
}

impl ListQuery {
    /// As the ledger understands it. Empty fields of a form count as not given.
    pub(crate) fn checked(self) -> Result<Query, Problem> {
        let limit = page_size(self.limit)?;
        Ok(Query {
            before_seq: cursor(self.cursor)?,
            after_seq: None,
            limit,
            verdict: word("verdict", self.verdict)?.map(|v| verdict(&v)).transpose()?,
            part: word("part", self.part)?,
            lot: word("lot", self.lot)?,
            serial: word("serial", self.serial)?,
        })
    }
}

/// How many records a page has.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(PAGE) {
        limit if (1..=MAX_PAGE).contains(&limit) => Ok(limit),
        limit => Err(Problem::bad_request(format!("`limit`: expected 1 to {MAX_PAGE}, found {limit}"))),
    }
}

/// `next_cursor` of the page before.
pub(super) fn cursor(text: Option<String>) -> Result<Option<u64>, Problem> {
    let Some(cursor) = word("cursor", text)? else { return Ok(None) };
    let expected =
        |_| Problem::bad_request(format!("`cursor`: expected `next_cursor` of a page, found {:?}", shortened(&cursor)));
    cursor.parse().map(Some).map_err(expected)
}

/// The filters of a list, as texts: what the page's form shows and what its links carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InspectionFilter {
    /// `pass`, `fail`, `refer` or empty.
    pub verdict: &'static str,
    /// Part number or empty.
    pub part: String,
    /// Lot or empty.
    pub lot: String,
    /// Serial number or empty.
    pub serial: String,
}

impl InspectionFilter {
    /// Of a query.
    pub(crate) fn of(query: &Query) -> Self {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Self {
            verdict: query.verdict.map_or("", verdict_word),
            part: text(&query.part),
            lot: text(&query.lot),
            serial: text(&query.serial),
        }
    }
    /// Query string of the first page.
    pub(crate) fn query_string_first(&self) -> String {
        let fields = [("verdict", self.verdict), ("part", &self.part), ("lot", &self.lot), ("serial", &self.serial)];
        let given: Vec<String> =
            fields.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k}={}", percent_encoded(v))).collect();
        given.join("&")
    }
    /// Query string of the page that starts below `seq`.
    pub(crate) fn query_string(&self, seq: u64) -> String {
        let filters = self.query_string_first();
        if filters.is_empty() { format!("cursor={seq}") } else { format!("{filters}&cursor={seq}") }
    }
}

/// RFC 3986: unreserved characters stay, every other byte becomes `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

fn verdict(text: &str) -> Result<Verdict, Problem> {
    match text {
        "pass" => Ok(Verdict::Pass),
        "refer" => Ok(Verdict::Refer),
        "fail" => Ok(Verdict::Fail),
        other => {
            Err(Problem::bad_request(format!("`verdict`: expected pass, fail or refer, found {:?}", shortened(other))))
        }
    }
}

/// Recorded parts, newest first.
///
/// Pages are stable: records that come in while somebody leafs through do not move those on the next page.
#[utoipa::path(
    get, path = "/api/v1/inspections", tag = "inspections", params(ListQuery),
    responses(
        (status = 200, body = InspectionPage),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(state): State<AppState>,
    QueryParts(query): QueryParts<ListQuery>,
) -> Result<Json<InspectionPage>, Problem> {
    let query = query.checked()?;
    let page = state.ask(move |ledger| ledger.inspections(&query)).await?;
    Ok(Json(page.into()))
}

/// The inspection of that number.
pub(crate) async fn find(state: &AppState, seq: u64) -> Result<Entry, Problem> {
    let entry = state.ask(move |ledger| ledger.entry(seq)).await?;
    let what = match &entry {
        None => "there is no such entry",
        Some(Entry { act: Act::Inspection { .. }, .. }) => "",
        Some(_) => "this entry is another act of the station",
    };
    match entry {
        Some(entry) if what.is_empty() => Ok(entry),
        _ => Err(Problem::not_found(format!("no inspection has the number {seq}: {what}"))),
    }
}

/// One record.
#[utoipa::path(
    get, path = "/api/v1/inspections/{seq}", tag = "inspections",
    params(("seq" = u64, Path, description = "Sequence number")),
    responses(
        (status = 200, body = InspectionView),
        (status = 404, description = "No inspection has this number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(
    State(state): State<AppState>,
    PathParts(seq): PathParts<u64>,
) -> Result<Json<InspectionView>, Problem> {
    let entry = find(&state, seq).await?;
    InspectionView::of(entry).map(Json).ok_or_else(|| Problem::not_found(format!("no inspection has the number {seq}")))
}

#[derive(Deserialize)]
pub(super) struct PictureQuery {
    v: Option<String>,
}

/// The photo as it came.
///
/// Its digest is verified on the way out, and is the `ETag`.
#[utoipa::path(
    get, path = "/api/v1/inspections/{seq}/photo", tag = "inspections",
    params(("seq" = u64, Path, description = "Sequence number")),
    responses(
        (status = 200, description = "The file, byte for byte", content_type = "image/jpeg", body = Vec<u8>, headers(("ETag" = String))),
        (status = 304, description = "The client has it"),
        (status = 404, description = "No inspection has this number", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "What is stored is not what was recorded", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn photo(
    State(state): State<AppState>,
    PathParts(seq): PathParts<u64>,
    QueryParts(query): QueryParts<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    picture(&state, seq, query, &headers, |p| p.photo).await
}

/// A small picture of the photo.
#[utoipa::path(
    get, path = "/api/v1/inspections/{seq}/thumbnail", tag = "inspections",
    params(("seq" = u64, Path, description = "Sequence number")),
    responses(
        (status = 200, content_type = "image/jpeg", body = Vec<u8>, headers(("ETag" = String))),
        (status = 404, description = "No inspection has this number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn thumbnail(
    State(state): State<AppState>,
    PathParts(seq): PathParts<u64>,
    QueryParts(query): QueryParts<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    picture(&state, seq, query, &headers, |p| p.thumbnail).await
}

/// The photo with what was found drawn on it.
#[utoipa::path(
    get, path = "/api/v1/inspections/{seq}/overlay", tag = "inspections",
    params(("seq" = u64, Path, description = "Sequence number")),
    responses(
        (status = 200, content_type = "image/jpeg", body = Vec<u8>, headers(("ETag" = String))),
        (status = 404, description = "No inspection has this number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn overlay(
    State(state): State<AppState>,
    PathParts(seq): PathParts<u64>,
    QueryParts(query): QueryParts<PictureQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    picture(&state, seq, query, &headers, |p| p.overlay).await
}

async fn picture(
    state: &AppState,
    seq: u64,
    query: PictureQuery,
    headers: &HeaderMap,
    which: fn(&Pictures) -> Sha256,
) -> Result<Response, Problem> {
    let entry = find(state, seq).await?;
    let pictures =
        Pictures::of(&entry).ok_or_else(|| Problem::not_found(format!("no inspection has the number {seq}")))?;
    let hash = which(&pictures);
    let etag = format!("\"{}\"", hash.hex());
    // Only an address that holds the digest means these bytes for ever.
    let lasting = query.v.is_some_and(|v| v == version(&hash));
    let caching = if lasting { "private, max-age=31536000, immutable" } else { "no-cache" };
    let known = [
        (header::ETAG, HeaderValue::from_str(&etag).expect("hexadecimal digits")),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    let asked = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if asked.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag) {
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    let stored = state.ask(move |ledger| Ok::<_, LedgerError>(ledger.blob(&hash))).await?;
    let bytes = match stored {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return Err(Problem::new("record-damaged", format!("the picture {hash} of entry {seq} is missing")));
        }
        Err(e) => return Err(Problem::new("record-damaged", format!("entry {seq}: {e}"))),
    };
    let media_type = image::guess_format(&bytes).map_or("application/octet-stream", |f| f.to_mime_type());
    Ok((known, [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], bytes).into_response())
}
