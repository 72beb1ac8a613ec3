//! `/api/v1/calibrations`: whether one can rely on the cameras.

use super::extract::{PathParts, QueryParts};
use super::inspections::{InspectionPage, cursor, page_size};
use super::problem::Problem;
use super::sources::read;
use super::state::AppState;
use crate::calibrations::{self, Aged, CalibrationConfig, CalibrationError, Measurement};
use crate::ledger::{CalibratedTo, Calibration, CameraState, Doubt, Ledger, LedgerError, Page, Verification};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A camera that was calibrated, and whether one can rely on it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CalibrationView {
    /// What people call it.
    #[schema(example = "bench-2")]
    pub camera: String,
    /// `good`, `overdue`, `failed` or `clock-wrong` (the station's clock is earlier than when the camera was last shown to be good).
    #[schema(example = "good")]
    pub state: String,
    /// The state in a sentence: what it is, or what is wrong and what to do.
    pub reason: String,
    /// Its newest calibration; null when that entry of the journal is damaged.
    pub calibration: Option<CalibratedView>,
    /// When it must have been shown to be good again, RFC 3339.
    pub due: Option<String>,
    /// Its newest verification; null when there is none.
    pub verification: Option<VerificationView>,
    /// The newest verification that did not pass, and the results in doubt since then; null when every one passed.
    pub doubt: Option<DoubtView>,
}

/// A calibration.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CalibratedView {
    /// Sequence number in the journal.
    pub seq: u64,
    /// When, RFC 3339.
    pub wall: String,
    /// Days since then.
    pub age_days: Option<f64>,
    /// Id of the person.
    pub by: String,
    /// What it was calibrated with.
    #[schema(example = "chessboard, 9 x 6 inner corners, 25 mm squares")]
    pub artefact: String,
    /// Digest of the camera record's file.
    #[schema(value_type = String, example = "sha256:0f...")]
    pub record: Sha256,
    /// Root mean square distance of seen from expected points, px.
    pub rms_px: f64,
    /// Standard uncertainty of the focal lengths, px: of a lens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u_focal_px: Option<[f64; 2]>,
    /// Relative standard uncertainty of the scale: of a camera that looks straight down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u_scale: Option<f64>,
    /// Standard uncertainty of where it sees edges, px: of a camera that looks straight down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u_edge_px: Option<f64>,
}

/// A verification with a known length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerificationView {
    /// Sequence number in the journal.
    pub seq: u64,
    /// When, RFC 3339.
    pub wall: String,
    /// Id of the person.
    pub by: String,
    /// What was measured.
    pub artefact: String,
    /// Its known length, mm.
    pub nominal_mm: f64,
    /// What the camera said, mm.
    pub measured_mm: f64,
    /// Measured minus nominal, mm.
    pub deviation_mm: f64,
    /// Standard uncertainty of the deviation, mm.
    pub u_mm: f64,
    /// Largest deviation that is allowed, either way, mm.
    pub limit_mm: f64,
    /// PASS, FAIL, or REFER (too close to the limit to tell).
    #[schema(value_type = String, example = "pass")]
    pub verdict: Verdict,
    /// Only PASS is passed.
    pub passed: bool,
}

/// Results in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DoubtView {
    /// Whether the camera has not been shown to be good since.
    pub lasts: bool,
    /// The last act before that showed the camera to be good; 0 when none is known.
    pub after_seq: u64,
    /// The first verification that did not pass, or the place in the journal of what may have been one.
    pub failed_seq: u64,
    /// Why, in words: a verification that did not pass, or what was lost from the journal and may have been one.
    pub reason: String,
    /// The act that showed the camera to be good again; null while there is none.
    pub before_seq: Option<u64>,
    /// Inspections in doubt.
    pub affected: u64,
    /// Where they are.
    #[schema(example = "/api/v1/calibrations/bench-2/affected")]
    pub href: String,
}

/// All of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CalibrationList {
    /// A camera must be shown to be good again after so many days.
    pub verify_every_days: u32,
    /// In the order of their first calibration.
    pub items: Vec<CalibrationView>,
    /// Entries on calibrations that cannot be read any more.
    pub unreadable: Vec<u64>,
    /// First and last numbers of entries of which nobody knows what they were; left away when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<[u64; 2]>,
}

/// What somebody found who measured a known length.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerificationRequest {
    /// Id of the person.
    #[schema(example = "p-7")]
    pub by: String,
    /// What was measured.
    #[schema(example = "steel rule 300 mm, no. 17")]
    pub artefact: String,
    /// Its known length, mm.
    #[schema(example = 150.0)]
    pub nominal_mm: f64,
    /// What the camera says, mm.
    #[schema(example = 150.02)]
    pub measured_mm: f64,
    /// Standard uncertainty of their difference, mm: of the known length and of the measurement together.
    #[schema(example = 0.03)]
    pub u_mm: f64,
    /// Largest deviation that is allowed, either way, mm.
    #[schema(example = 0.1)]
    pub limit_mm: f64,
}

impl CalibratedView {
    fn of(Calibration { seq, wall, record, artefact, by, rms_px, known }: Calibration, age_days: Option<f64>) -> Self {
        let (u_focal_px, u_scale, u_edge_px) = match known {
            CalibratedTo::Lens { u_focal_px } => (Some(u_focal_px), None, None),
            CalibratedTo::Scale { u_scale, u_edge_px } => (None, Some(u_scale), Some(u_edge_px)),
        };
        Self { seq, wall, age_days, by, artefact, record, rms_px, u_focal_px, u_scale, u_edge_px }
    }
}

impl CalibrationView {
    fn of(ledger: &Ledger, state: CameraState, policy: CalibrationConfig, now: Timestamp) -> Result<Self, LedgerError> {
        let Aged { standing, age_days, due, reason } = Aged::at(now, &state, policy);
        let doubt = state.doubt.map(|d| DoubtView::of(ledger, d, &state.camera)).transpose()?;
        Ok(Self {
            camera: state.camera,
            state: standing.word().to_owned(),
            reason,
            calibration: state.calibration.map(|c| CalibratedView::of(c, age_days)),
            due: due.map(|due| due.to_string()),
            verification: state.verification.map(VerificationView::from),
            doubt,
        })
    }
}

impl From<Verification> for VerificationView {
    fn from(v: Verification) -> Self {
        let (deviation_mm, passed) = (v.deviation_mm(), v.passed());
        let Verification { seq, wall, by, artefact, nominal_mm, measured_mm, u_mm, limit_mm, verdict } = v;
        Self { seq, wall, by, artefact, nominal_mm, measured_mm, deviation_mm, u_mm, limit_mm, verdict, passed }
    }
}

impl DoubtView {
    fn of(ledger: &Ledger, doubt: Doubt, camera: &str) -> Result<Self, LedgerError> {
        let Doubt { after_seq, failed_seq, before_seq, .. } = doubt;
        Ok(Self {
            lasts: doubt.lasts(),
            after_seq,
            failed_seq,
            reason: calibrations::why(&doubt),
            before_seq,
            affected: ledger.doubtful(&doubt)?,
            href: format!("/api/v1/calibrations/{camera}/affected"),
        })
    }
}

/// Cameras, their newest calibration and verification, and when they are due.
#[utoipa::path(get, path = "/api/v1/calibrations", tag = "calibrations", responses((status = 200, body = CalibrationList)))]
pub(super) async fn list(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let policy = state.calibration;
    let list = state.ask(move |ledger| {
        let (found, now) = (ledger.calibrations()?, Timestamp::now());
        let views = found.cameras.into_iter().map(|camera| CalibrationView::of(ledger, camera, policy, now));
        Ok::<_, LedgerError>(CalibrationList {
            verify_every_days: policy.verify_every_days,
            items: views.collect::<Result<_, _>>()?,
            unreadable: found.unreadable,
            lost: found.lost.into_iter().map(|(first, last)| [first, last]).collect(),
        })
    });
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list.await?)))
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// Records in a page, 1 to 200; 50 when not said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Results in doubt, newest first.
///
/// Every inspection of the station between the last act that showed the camera to be good and the next one; none when every verification
/// passed. A record does not say which calibration its camera had, so parts seen by another camera (`capture.source`) are among them.
#[utoipa::path(
    get, path = "/api/v1/calibrations/{camera}/affected", tag = "calibrations",
    params(("camera" = String, Path, description = "What people call the camera"), PageQuery),
    responses(
        (status = 200, body = InspectionPage),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No camera of that name is calibrated; `known` lists those that are", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn affected(
    State(state): State<AppState>,
    PathParts(camera): PathParts<String>,
    QueryParts(query): QueryParts<PageQuery>,
) -> Result<Json<InspectionPage>, Problem> {
    let (limit, cursor) = (page_size(query.limit)?, cursor(query.cursor)?);
    let page = state.ask(move |ledger| match calibrations::known(ledger, &camera)?.doubt {
        Some(doubt) => Ok::<_, CalibrationError>(ledger.inspections(&doubt.query(cursor, limit))?),
        None => Ok(Page::default()),
    });
    Ok(Json(page.await?.into()))
}

/// Record a verification with a known length.
///
/// Decided with its uncertainty (guarded acceptance, 1.65 u): REFER counts as not passed. When it does not pass, `doubt` of the answer
/// says how many results nobody should rely on, and where they are. Only for a camera that was calibrated.
#[utoipa::path(
    post, path = "/api/v1/calibrations/{camera}/verifications", tag = "calibrations",
    params(("camera" = String, Path, description = "What people call the camera")),
    request_body = VerificationRequest,
    responses(
        (status = 201, description = "Recorded: the camera as it stands now", body = CalibrationView),
        (status = 400, description = "The request cannot be understood, or a number is none that a length has", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The request comes from another web site", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No camera of that name is calibrated; `known` lists those that are", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "No room left to record", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn verify(
    State(state): State<AppState>,
    PathParts(camera): PathParts<String>,
    body: Body,
) -> Result<(StatusCode, Json<CalibrationView>), Problem> {
    let VerificationRequest { by, artefact, nominal_mm, measured_mm, u_mm, limit_mm } = read(body).await?;
    let found = Measurement { by, artefact, nominal_mm, measured_mm, u_mm, limit_mm };
    let policy = state.calibration;
    let view = state.ask(move |ledger| {
        let camera = calibrations::verify(ledger, &camera, &found)?;
        Ok::<_, CalibrationError>(CalibrationView::of(ledger, camera, policy, Timestamp::now())?)
    });
    Ok((StatusCode::CREATED, Json(view.await?)))
}
