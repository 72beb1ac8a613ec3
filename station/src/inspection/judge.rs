//! One photo, judged: decode, inspect, and the record of it.

use crate::calibrations;
use crate::record::{
    BudgetRecord, CaptureRecord, CheckRecord, EdgesRecord, InspectionRecord, MatRecord, ModelRecord, PhotoRecord,
    PoseRecord, ReadingRecord, RejectedRecord, SourceRecord, TimingsMs,
};
use inspector::calibration::mat::{Reading, SeenMat};
use inspector::calibration::{Budget, Camera, Source};
use inspector::checks::{Outcome, Rejected, SeenEdge, Shows};
use inspector::decision::Referral;
use inspector::geometry::{Frame, ImagePx, Mm, Point};
use inspector::identity::Identity;
use inspector::inspect::{CheckResult, Inspection, Stage, Told, inspect_part};
use inspector::models::Model;
use inspector::photo::{DecodeLimits, Photo, decode};
use inspector::recipe::Recipe;
use inspector::registration::Pose;
use std::sync::Arc;
use std::time::Instant;

/// Most places to look at that a record keeps per characteristic: a journal entry is bounded.
const MAX_REGIONS: usize = 64;
/// Most characters of what was read that a record keeps.
const MAX_TEXT: usize = 1000;
/// Most characters of a file name that a record keeps.
const MAX_NAME: usize = 200;

/// What is known of a part beside its photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobInfo {
    /// Name of the photo as given.
    pub image: String,
    /// Which part this is, as far as it was said.
    pub identity: Identity,
    /// How the photo was taken, when a source of this station took it.
    pub capture: Option<CaptureRecord>,
}

/// A photo that was decoded before it was known what to judge it by.
#[derive(Clone, Debug)]
pub struct Decoded {
    photo: Arc<Photo>,
    /// What decoding took, milliseconds.
    ms: f64,
}

impl Decoded {
    /// Decodes the bytes of a photo. Never call it on an async thread.
    ///
    /// # Errors
    /// When the photo cannot be decoded.
    pub fn of(bytes: &[u8]) -> Result<Self, inspector::Error> {
        let start = Instant::now();
        let photo = Arc::new(decode(bytes, &DecodeLimits::default())?);
        Ok(Self { photo, ms: start.elapsed().as_secs_f64() * 1e3 })
    }
    /// The photo.
    pub fn photo(&self) -> &Photo {
        &self.photo
    }
}

/// A judged photo: what the record says, and what pictures are drawn from.
#[derive(Debug)]
pub struct Judged {
    /// The decoded photo.
    pub photo: Arc<Photo>,
    /// What the library found.
    pub inspection: Inspection,
    /// The contract's JSON.
    pub record: InspectionRecord,
}

/// Judges the bytes of a photo by a recipe. Runs in the caller's rayon pool; never call it on an async thread.
///
/// # Errors
/// When the photo cannot be decoded. A part that cannot be measured is no error: its verdict is REFER.
pub fn judge(bytes: &[u8], recipe: &Recipe, info: &JobInfo) -> Result<Judged, inspector::Error> {
    Ok(judge_decoded(Decoded::of(bytes)?, recipe, info))
}

/// As [`judge`], when the photo was decoded before.
pub fn judge_decoded(decoded: Decoded, recipe: &Recipe, info: &JobInfo) -> Judged {
    let Decoded { photo, ms } = decoded;
    let start = Instant::now();
    let mut last = start;
    let mut lap = || {
        let now = Instant::now();
        let ms = now.duration_since(last).as_secs_f64() * 1e3;
        last = now;
        ms
    };
    let mut timings = TimingsMs { decode: ms, ..TimingsMs::default() };
    let mat_age_days = calibrations::mat_age_days(recipe, jiff::Timestamp::now());
    let told = Told { identity: info.identity.clone(), mat_age_days };
    let inspection = inspect_part(&photo, recipe, &told, |stage| match stage {
        Stage::Locate => timings.locate = lap(),
        Stage::Register => timings.register = lap(),
        Stage::Checks => timings.checks = lap(),
    });
    timings.total = ms + start.elapsed().as_secs_f64() * 1e3;
    let record = record(&photo, recipe, &inspection, info, timings);
    Judged { photo, inspection, record }
}

fn record(
    photo: &Photo,
    recipe: &Recipe,
    inspection: &Inspection,
    info: &JobInfo,
    timings_ms: TimingsMs,
) -> InspectionRecord {
    InspectionRecord {
        image: info.image.chars().take(MAX_NAME).collect(),
        part: recipe.part.clone(),
        revision: recipe.revision.clone(),
        serial: inspection.identity.serial.clone(),
        lot: inspection.identity.lot.clone(),
        order: inspection.identity.order.clone(),
        recipe: recipe.hash,
        verdict: inspection.verdict,
        grade: None,
        rule: recipe.rule,
        checks: inspection.results.iter().map(check_record).collect(),
        models: recipe.models.iter().map(|model| model_record(model)).collect(),
        scale_by_hand: recipe.scale_by_hand,
        mat: inspection.mat.as_deref().map(mat_record),
        pose: inspection
            .pose
            .as_ref()
            .zip(inspection.camera.as_ref())
            .and_then(|(pose, camera)| pose_record(pose, camera)),
        photo: PhotoRecord {
            sha256: photo.file_sha256,
            pixels_sha256: photo.pixels_sha256,
            width: photo.width(),
            height: photo.height(),
        },
        capture: info.capture.clone(),
        timings_ms,
    }
}

fn check_record(result: &CheckResult) -> CheckRecord {
    let c = &result.characteristic;
    let (measured, u) = match result.observation.outcome {
        Outcome::Measured { value, u } => (Some(value), Some(u)),
        Outcome::NotMeasured(_) => (None, None),
    };
    CheckRecord {
        id: c.id.clone(),
        check_type: c.check_type.to_owned(),
        verdict: result.decision.verdict,
        measured,
        nominal: c.nominal,
        deviation: measured.map(|m| m - c.nominal),
        lower: c.lower,
        upper: c.upper,
        unit: c.unit.word().to_owned(),
        u,
        reason: result.decision.reason.as_ref().map(ToString::to_string),
        reason_code: result.decision.reason.as_ref().map(|r| match r {
            Referral::NotMeasured(reason) => reason.code().to_owned(),
            Referral::TooClose { .. } => "too-close".to_owned(),
        }),
        text: result.observation.text.as_deref().map(bounded),
        budget: budget_record(&result.observation.budget),
        edges: edges_record(&result.observation.edges),
        regions: result.observation.regions.iter().copied().take(MAX_REGIONS).collect(),
    }
}

fn budget_record(budget: &Budget) -> Option<BudgetRecord> {
    let source = |(source, u): &(Source, f64)| SourceRecord { source: source.code().to_owned(), u: *u };
    let sources: Vec<SourceRecord> = budget.contributions().iter().map(source).collect();
    (!sources.is_empty()).then(|| BudgetRecord { words: budget.to_string(), sources })
}

fn edges_record(edges: &[SeenEdge]) -> Option<EdgesRecord> {
    let reason = |e: &SeenEdge| match e.shows {
        Shows::Rejected(rejected) => Some(rejected.code()),
        Shows::OnFigure | Shows::Strays(_) => None,
    };
    let rejected = Rejected::WORDS.iter().map(|(code, words)| RejectedRecord {
        reason: (*code).to_owned(),
        words: (*words).to_owned(),
        count: edges.iter().filter(|e| reason(e) == Some(code)).count(),
    });
    let used = edges.iter().filter(|e| reason(e).is_none()).count();
    (!edges.is_empty()).then(|| EdgesRecord { used, rejected: rejected.filter(|r| r.count > 0).collect() })
}

fn model_record(model: &Model) -> ModelRecord {
    ModelRecord { name: model.name.clone(), sha256: model.manifest.sha256, runtime: model.network.runtime() }
}

fn mat_record(mat: &SeenMat) -> MatRecord {
    let reading = |r: Reading| ReadingRecord {
        name: r.name.to_owned(),
        words: r.words.to_owned(),
        value: r.value,
        unit: r.unit.to_owned(),
        lower: r.lower,
        upper: r.upper,
    };
    MatRecord {
        paper: mat.found.paper.to_string(),
        id: mat.found.id,
        readings: mat.readings().into_iter().map(reading).collect(),
    }
}

/// A text as the record keeps it: whole unless it is very long.
fn bounded(text: &str) -> String {
    let mut kept: String = text.chars().take(MAX_TEXT).collect();
    if kept.len() < text.len() {
        kept.push('…');
    }
    kept
}

fn pose_record(pose: &Pose, camera: &Camera) -> Option<PoseRecord> {
    Some(match pose {
        Pose::Drawing(p) => matrix("design-mm", |q| camera.image_from_plane(p.plane_from_design.apply(q), Mm(0.0))),
        Pose::Picture(p) => matrix("reference-px", |q| p.image_from_reference.apply(q)),
        Pose::Photo => return None,
    })
}

/// The affine map `f` as a matrix, from the images of the origin and of the two unit vectors.
fn matrix<F: Frame>(from: &str, f: impl Fn(Point<F>) -> Point<ImagePx>) -> PoseRecord {
    let (o, x, y) = (f(Point::new(0.0, 0.0)), f(Point::new(1.0, 0.0)), f(Point::new(0.0, 1.0)));
    PoseRecord {
        from: from.to_owned(),
        image_from_reference: [[x.x - o.x, y.x - o.x, o.x], [x.y - o.y, y.y - o.y, o.y]],
    }
}
