//! Reading the photo of a request: bounded in bytes, in time and in number, and never half a photo.

use super::problem::{Problem, shortened};
use super::state::{AppState, Limits};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use tokio_stream::StreamExt as _;
use utoipa::{IntoParams, ToSchema};

/// Media types of a photo in the body.
const PHOTO_TYPES: [&str; 7] =
    ["image/jpeg", "image/png", "image/tiff", "image/bmp", "image/x-ms-bmp", "image/webp", "application/octet-stream"];
/// A body longer than this many times the limit is not even read to its end.
const DRAINED: usize = 4;
/// Room for the form around a photo, bytes.
const FORM_BYTES: usize = 64 * 1024;
/// Most characters of a serial number, lot or recipe name.
const MAX_WORD: usize = 100;
/// Most characters of a file name.
const MAX_FILE_NAME: usize = 200;

/// What is said of a part beside its photo.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PartQuery {
    /// Name or digest of the recipe. Required, here or in the form, unless the station has rules by which a code in the photo chooses it.
    #[param(example = "visor")]
    pub recipe: Option<String>,
    /// Serial number of the part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
    /// Order it is made for.
    pub order: Option<String>,
    /// File name of the photo.
    #[param(example = "p1.jpg")]
    pub image: Option<String>,
}

/// The same as a form.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(super) struct PartForm {
    /// The photo; its file name is recorded.
    #[schema(value_type = String, format = Binary)]
    photo: Vec<u8>,
    /// Name or digest of the recipe.
    recipe: Option<String>,
    /// Serial number of the part.
    serial: Option<String>,
    /// Lot it belongs to.
    lot: Option<String>,
    /// Order it is made for.
    order: Option<String>,
}

/// A request that has arrived whole.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) photo: Bytes,
    pub(super) recipe: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) lot: Option<String>,
    pub(super) order: Option<String>,
    pub(super) image: String,
}

/// What makes two requests the same request.
#[derive(Serialize)]
struct Fingerprint<'a> {
    recipe: &'a Option<String>,
    serial: &'a Option<String>,
    lot: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: &'a Option<String>,
    image: &'a str,
    photo: Sha256,
}

impl Upload {
    /// Digest of everything that was asked, for `Idempotency-Key`.
    pub(super) fn fingerprint(&self) -> Sha256 {
        let Self { photo, recipe, serial, lot, order, image } = self;
        let asked = Fingerprint { recipe, serial, lot, order, image, photo: Sha256::of(photo) };
        Sha256::of(&serde_json::to_vec(&asked).expect("texts are always JSON"))
    }
}

/// Reads a request to its end. Nothing is recorded of a body that does not arrive whole.
pub(super) async fn read(state: &AppState, query: PartQuery, request: Request) -> Result<Upload, Problem> {
    let media_type = media_type(request.headers())?;
    let limits = &state.limits;
    let place = tokio::time::timeout(limits.upload_wait, state.0.uploads.acquire()).await;
    let Ok(Ok(_place)) = place else {
        let what = format!("{} photos are arriving already", limits.uploads);
        return Err(Problem::new("busy", what).with("retry_after_s", 1));
    };
    let form = media_type == "multipart/form-data";
    let room = limits.photo_bytes + if form { FORM_BYTES } else { 0 };
    let (parts, body) = request.into_parts();
    let bytes = match tokio::time::timeout(limits.body_time, whole(body, room, limits)).await {
        Ok(bytes) => bytes?,
        Err(_) => {
            let s = limits.body_time.as_secs_f64();
            return Err(Problem::new(
                "too-slow",
                format!("expected the whole photo within {s} s; nothing was recorded"),
            ));
        }
    };
    let (photo, said) =
        if form { read_form(Request::from_parts(parts, Body::from(bytes)), query).await? } else { (bytes, query) };
    if photo.len() > limits.photo_bytes {
        return Err(too_large(photo.len() as u64, limits));
    }
    checked(photo, said, state.desk.chooses_by_code())
}

fn media_type(headers: &HeaderMap) -> Result<String, Problem> {
    let found = headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap_or("unreadable"));
    let essence = found.and_then(|t| t.split(';').next()).map(|t| t.trim().to_ascii_lowercase());
    match essence {
        Some(t) if t == "multipart/form-data" || PHOTO_TYPES.contains(&t.as_str()) => Ok(t),
        _ => Err(Problem::new(
            "wrong-media-type",
            format!(
                "Content-Type: expected {} or multipart/form-data, found {}",
                PHOTO_TYPES.join(", "),
                found.map_or("none".to_owned(), |f| format!("{:?}", shortened(f)))
            ),
        )),
    }
}

fn too_large(found: u64, limits: &Limits) -> Problem {
    let expected = limits.photo_bytes;
    Problem::new("photo-too-large", format!("expected at most {expected} bytes, found {found} or more"))
        .with("limit_bytes", expected)
}

/// The whole body, or a problem. A body somewhat too long is read to its end and thrown away, so that its sender sees the answer
/// instead of a broken connection.
async fn whole(body: Body, room: usize, limits: &Limits) -> Result<Bytes, Problem> {
    let mut kept: Vec<u8> = Vec::new();
    let mut length = 0_usize;
    let mut stream = body.into_data_stream();
    while let Some(piece) = stream.next().await {
        let piece =
            piece.map_err(|e| Problem::bad_request(format!("the body ended too early; nothing was recorded ({e})")))?;
        length += piece.len();
        if length > room {
            kept = Vec::new();
            if length > DRAINED * room {
                return Err(too_large(length as u64, limits));
            }
        } else {
            kept.extend_from_slice(&piece);
        }
    }
    if length > room { Err(too_large(length as u64, limits)) } else { Ok(kept.into()) }
}

async fn read_form(request: Request, mut said: PartQuery) -> Result<(Bytes, PartQuery), Problem> {
    let bad = |e: &dyn std::fmt::Display| Problem::bad_request(format!("multipart/form-data cannot be read: {e}"));
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| bad(&e.body_text()))?;
    let mut photo = None;
    while let Some(field) = form.next_field().await.map_err(|e| bad(&e.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "photo" {
            if photo.is_some() {
                return Err(Problem::bad_request("two fields `photo`; expected one photo a request"));
            }
            said.image = field.file_name().map(str::to_owned).or(said.image);
            photo = Some(field.bytes().await.map_err(|e| bad(&e.body_text()))?);
            continue;
        }
        let place = match name.as_str() {
            "recipe" => &mut said.recipe,
            "serial" => &mut said.serial,
            "lot" => &mut said.lot,
            "order" => &mut said.order,
            "image" => &mut said.image,
            _ => {
                return Err(Problem::bad_request(format!(
                    "expected the fields photo, recipe, serial, lot, order, image; found {:?}",
                    shortened(&name)
                )));
            }
        };
        *place = Some(field.text().await.map_err(|e| bad(&e.body_text()))?);
    }
    Ok((photo.ok_or_else(|| Problem::bad_request("no field `photo` in the form"))?, said))
}

fn checked(photo: Bytes, said: PartQuery, by_code: bool) -> Result<Upload, Problem> {
    let recipe = word("recipe", said.recipe)?;
    if recipe.is_none() && !by_code {
        return Err(Problem::bad_request("no `recipe`: expected its name, such as ?recipe=visor"));
    }
    // The name of the file only: folders of a worker's machine are nobody's business.
    let image = said.image.unwrap_or_default();
    let image: String =
        image.rsplit(['/', '\\']).next().unwrap_or_default().trim().chars().take(MAX_FILE_NAME).collect();
    if image.chars().any(char::is_control) {
        return Err(Problem::bad_request("`image`: a file name has no control characters"));
    }
    let image = if image.is_empty() { "photo".to_owned() } else { image };
    let (serial, lot, order) = (word("serial", said.serial)?, word("lot", said.lot)?, word("order", said.order)?);
    Ok(Upload { photo, recipe, serial, lot, order, image })
}

/// A short text without control characters; an empty one counts as not given.
pub(crate) fn word(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    let length = text.chars().count();
    if length > MAX_WORD {
        return Err(Problem::bad_request(format!("`{name}`: expected at most {MAX_WORD} characters, found {length}")));
    }
    if text.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("`{name}`: expected no control characters")));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
