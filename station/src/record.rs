//! The contract: what one inspection looks like in JSON, on the command line, in the journal and over HTTP.
//!
//! Fields may be added, never renamed or removed.

use inspector::decision::{Rule, Verdict};
use inspector::geometry::PixelRect;
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// One judged photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InspectionRecord {
    /// Name of the photo as given (a file name, never a folder of the worker's machine).
    pub image: String,
    /// Part number.
    pub part: String,
    /// Revision of the part.
    pub revision: Option<String>,
    /// Serial number of this part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
    /// Order it is made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Digest that identifies the recipe.
    #[schema(value_type = String, example = "sha256:0f...")]
    pub recipe: Sha256,
    /// PASS, FAIL or REFER (a person looks).
    #[schema(value_type = String, example = "pass")]
    pub verdict: Verdict,
    /// Quality grade, when the recipe has grades.
    pub grade: Option<String>,
    /// Decision rule: `guarded` or `simple`.
    #[schema(value_type = String, example = "guarded")]
    pub rule: Rule,
    /// One per characteristic.
    pub checks: Vec<CheckRecord>,
    /// The learned models that the recipe asks, and what ran them; left away when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelRecord>,
    /// Size of a pixel, mm, that somebody gave by hand instead of the recipe's; left away where the recipe's was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_by_hand: Option<f64>,
    /// The printed mat that the part lay on, and what it tells of the photo; left away where no mat is used or none was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mat: Option<MatRecord>,
    /// Where the part lay.
    pub pose: Option<PoseRecord>,
    /// The photo that was judged.
    pub photo: PhotoRecord,
    /// How the photo was taken; absent when it was posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureRecord>,
    /// What each stage took, milliseconds.
    pub timings_ms: TimingsMs,
}

/// How a source of the station took a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CaptureRecord {
    /// Name of the source in the station's configuration.
    #[schema(example = "bench")]
    pub source: String,
    /// What asked for the picture: `request` (page, key, pedal or program), `auto` (a part came to lie still), `takt`, or `file`.
    #[schema(example = "request")]
    pub trigger: String,
    /// When the exposure began, milliseconds after the trigger; null when the photo came as a file.
    pub exposed_after_trigger_ms: Option<f64>,
    /// The camera's number of the picture.
    pub sequence: Option<u64>,
}

/// One characteristic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckRecord {
    /// Such as `hole-1.diameter`.
    pub id: String,
    /// Such as `hole`.
    #[serde(rename = "type")]
    pub check_type: String,
    /// PASS, FAIL or REFER.
    #[schema(value_type = String, example = "pass")]
    pub verdict: Verdict,
    /// Measured, in `unit`; null when not measured.
    pub measured: Option<f64>,
    /// What it should be, in `unit`.
    pub nominal: f64,
    /// Measured minus nominal.
    pub deviation: Option<f64>,
    /// Lowest deviation that conforms.
    pub lower: Option<f64>,
    /// Highest deviation that conforms.
    pub upper: Option<f64>,
    /// `mm`, `mm2`, `deg` (of a plane angle), `count`, `score` (what a model says of its own answer, 0 to 1) or `share` (of a whole, 0 to 1).
    pub unit: String,
    /// Standard uncertainty, in `unit`.
    pub u: Option<f64>,
    /// Why a person must look, in words; null otherwise.
    pub reason: Option<String>,
    /// Why it was not measured, as a stable word such as `no-edge`.
    pub reason_code: Option<String>,
    /// Places in the photo to look at, `[x, y, w, h]` in pixels, worst first; at most 64.
    #[schema(value_type = Vec<[u32; 4]>)]
    pub regions: Vec<PixelRect>,
    /// What was read or recognised, in words; left away when nothing is, so that entries of older stations keep their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What `u` is made of; left away where that is not known, so that entries of older stations keep their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetRecord>,
    /// What became of the edges that were looked at; left away where none were, so that entries of older stations keep their bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<EdgesRecord>,
}

/// How many edges a number is made of, and why others are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EdgesRecord {
    /// Edges that count.
    pub used: usize,
    /// The others, by reason.
    pub rejected: Vec<RejectedRecord>,
}

/// "38 edges; not used: 2 off the figure".
impl fmt::Display for EdgesRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} edges", self.used)?;
        for (i, r) in self.rejected.iter().enumerate() {
            write!(f, "{}{} {}", if i == 0 { "; not used: " } else { ", " }, r.count, r.words)?;
        }
        Ok(())
    }
}

/// Edges that do not count, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RejectedRecord {
    /// A stable word such as `off-figure`, `near-end`, `no-step`, `hidden` or `glare`.
    #[schema(example = "off-figure")]
    pub reason: String,
    /// For people.
    #[schema(example = "off the figure")]
    pub words: String,
    /// How many.
    pub count: usize,
}

/// What a standard uncertainty is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetRecord {
    /// Shares of the variance in words, largest first.
    #[schema(example = "62 % printed scale across, 34 % edge")]
    pub words: String,
    /// Each source, largest first. The root of the sum of squares is `u`.
    pub sources: Vec<SourceRecord>,
}

/// One source of uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceRecord {
    /// A stable word such as `scale`, `edge` or `noise`.
    #[schema(example = "printed-scale-x")]
    pub source: String,
    /// Its standard uncertainty, in the check's `unit`.
    pub u: f64,
}

/// A learned model and what ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelRecord {
    /// Name of its folder in the recipe.
    pub name: String,
    /// Digest of `model.onnx`.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Name and version of the runtime, and the digest of its library where it has one.
    #[schema(example = "onnxruntime 1.31.1 sha256:fc44...")]
    pub runtime: String,
}

/// A printed mat in a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MatRecord {
    /// `A4`, `A3` or `Letter`.
    #[schema(example = "A4")]
    pub paper: String,
    /// The number that its tags carry; null when too few are seen to tell.
    pub id: Option<u16>,
    /// What is judged of the photo, each beside its limits; those of a refused photo tell why.
    pub readings: Vec<ReadingRecord>,
}

/// A number that the mat tells of the photo. Beyond a limit nothing is measured in the photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReadingRecord {
    /// A stable word such as `pixel`, `tilt`, `blur` or `white`.
    #[schema(example = "blur")]
    pub name: String,
    /// For people.
    #[schema(example = "blur of the edges")]
    pub words: String,
    /// The number, in `unit`.
    pub value: f64,
    /// `px`, `mm`, `%`, `deg`, `u` (standard uncertainties), or empty.
    pub unit: String,
    /// Lowest value that is believed.
    pub lower: Option<f64>,
    /// Highest value that is believed.
    pub upper: Option<f64>,
}

impl ReadingRecord {
    /// The photo was refused for this number, or would have been.
    pub fn is_beyond(&self) -> bool {
        self.lower.is_some_and(|l| self.value < l) || self.upper.is_some_and(|u| self.value > u)
    }
}

/// The pose that was found, as a 2 x 3 matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PoseRecord {
    /// `design-mm` or `reference-px`: the frame the matrix maps from; it maps to photo pixels.
    pub from: String,
    /// Rows `[a, b, c]`: `x_px = a·x + b·y + c`. Exact for a camera that looks straight down. Of a part on a mat it is the tangent at the frame's origin: perspective leads away from it,
    /// by up to 20 px over a tilted sheet.
    pub image_from_reference: [[f64; 3]; 2],
}

/// Which photo was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhotoRecord {
    /// Digest of the file.
    #[schema(value_type = String)]
    pub sha256: Sha256,
    /// Digest of the decoded pixels.
    #[schema(value_type = String)]
    pub pixels_sha256: Sha256,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
}

/// Milliseconds per stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimingsMs {
    /// File to pixels.
    pub decode: f64,
    /// Scale and tone.
    pub locate: f64,
    /// Finding the part.
    pub register: f64,
    /// Measuring and deciding.
    pub checks: f64,
    /// All of it.
    pub total: f64,
}
