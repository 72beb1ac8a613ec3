//! `model.toml`: what a model folder says of its model. The format, with every key, is in `docs/models.md`.
//!
//! One whole example per task (keys that have a default are left away where the task does not need them):
//!
//! ```toml
//! schema = 1
//! task = "classify"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "Apache-2.0"
//! labels = ["bracket", "frame", "visor"]
//! [input]
//! name = "input"
//! width = 224
//! height = 224
//! layout = "nchw"
//! colour = "rgb"
//! fit = "crop"
//! shorter = 256
//! resample = "antialias"
//! mean = [0.485, 0.456, 0.406]
//! std = [0.229, 0.224, 0.225]
//! [output]
//! scores = "logits"
//! activation = "softmax"
//! ```
//!
//! `detect`, a YOLOv8 export, on large photos:
//!
//! ```toml
//! schema = 1
//! task = "detect"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "AGPL-3.0-only"
//! labels = ["screw", "hole"]
//! [input]
//! name = "images"
//! width = 640
//! height = 640
//! layout = "nchw"
//! colour = "rgb"
//! fit = "letterbox"
//! pad = 114
//! resample = "bilinear"
//! [output]
//! head = "yolov8"
//! rows = "output0"
//! [boxes]
//! iou = 0.7
//! [tiles]
//! overlap = 0.25
//! ```
//!
//! `detect`, an RT-DETR export that wants to know the size its boxes are for:
//!
//! ```toml
//! schema = 1
//! task = "detect"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "Apache-2.0"
//! labels = ["screw"]
//! [input]
//! name = "images"
//! width = 640
//! height = 640
//! layout = "nchw"
//! colour = "rgb"
//! fit = "stretch"
//! resample = "antialias"
//! [[constant]]
//! name = "orig_target_sizes"
//! shape = [1, 2]
//! values = [640, 640]
//! [output]
//! head = "rt-detr"
//! labels = "labels"
//! boxes = "boxes"
//! scores = "scores"
//! ```
//!
//! `segment`:
//!
//! ```toml
//! schema = 1
//! task = "segment"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "MIT"
//! labels = ["background", "glue"]
//! [input]
//! name = "x"
//! width = 256
//! height = 256
//! layout = "nchw"
//! colour = "grey"
//! fit = "stretch"
//! resample = "antialias"
//! [output]
//! map = "logits"
//! activation = "softmax"
//! ```
//!
//! `anomaly-map`, as anomalib exports it, and `features`:
//!
//! ```toml
//! schema = 1
//! task = "anomaly-map"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "Apache-2.0"
//! [input]
//! name = "input"
//! width = 256
//! height = 256
//! layout = "nchw"
//! colour = "rgb"
//! fit = "stretch"
//! resample = "antialias"
//! [output]
//! map = "anomaly_map"
//! score = "pred_score"
//! ```
//!
//! ```toml
//! schema = 1
//! task = "features"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! licence = "Apache-2.0"
//! [input]
//! name = "pixel_values"
//! width = 224
//! height = 224
//! layout = "nhwc"
//! colour = "bgr"
//! fit = "stretch"
//! resample = "bilinear"
//! range = [-1.0, 1.0]
//! [output]
//! vector = "embedding"
//! ```

mod input;
mod output;
mod text;

pub use input::{Colour, Fit, Input, Layout, Resample};
pub use output::{Activation, Head, Task};

use super::{Constant, ModelError};
use crate::photo::Sha256;
use ndarray::{ArrayD, IxDyn};
use serde::Deserialize;
use std::collections::BTreeSet;
use text::{Name, Text};

/// The format of `model.toml` that this program reads.
const SCHEMA: i64 = 1;
/// Most numbers of a constant input: a mask over the largest input.
const MOST_NUMBERS: usize = 4096 * 4096;
/// Keys at the top of the file.
const KEYS: [&str; 12] = [
    "schema", "task", "sha256", "licence", "labels", "epsilon", "input", "constant", "output", "boxes", "tiles",
    "parity",
];

/// What `model.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// What the model does, and the outputs it says it with.
    pub task: Task,
    /// Digest of `model.onnx`.
    pub sha256: Sha256,
    /// Licence of the weights.
    pub licence: String,
    /// The classes, in the order of the model's numbers; empty for tasks that have none.
    pub labels: Vec<String>,
    /// How a picture goes in.
    pub input: Input,
    /// Inputs that are the same for every picture.
    pub constants: Vec<Constant>,
    /// How boxes are chosen.
    pub boxes: Boxes,
    /// How large photos are cut up; `None`: they are made small.
    pub tiles: Option<Tiles>,
    /// How far a score may differ from one runtime to the next.
    pub epsilon: f64,
    /// How well a runtime must reproduce the parity samples.
    pub tolerance: Tolerance,
}

/// How boxes are chosen from what a detection model gives.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Boxes {
    /// Intersection over union beyond which the weaker of two boxes of one label goes, (0, 1]; 1 keeps all.
    pub iou: Fraction,
    /// Boxes below this score are not looked at, (0, 1).
    pub floor: Fraction,
    /// Most boxes per picture or tile, the best first.
    pub most: Count,
}

impl Default for Boxes {
    fn default() -> Self {
        Self { iou: Fraction(0.45), floor: Fraction(0.05), most: Count(300) }
    }
}

/// How large photos are cut up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tiles {
    /// Photo pixels that a tile spans from left to right.
    pub width: usize,
    /// Least share of a tile that its neighbour sees too, 0 to 0.5.
    pub overlap: f64,
}

/// How well a runtime must reproduce the parity samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// `|found - expected| <= absolute + relative * |expected|`, for every number of every output.
    pub absolute: f64,
    /// See `absolute`.
    pub relative: f64,
    /// Largest mean difference between a sample's tensor and its picture as this program prepares it, in codes (1/255 of white).
    pub picture: f64,
}

/// A number above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Fraction(pub f64);

impl TryFrom<f64> for Fraction {
    type Error = String;
    fn try_from(v: f64) -> Result<Self, String> {
        if v > 0.0 && v <= 1.0 {
            Ok(Self(v))
        } else {
            Err(format!("expected a number above 0 and at most 1, found {v}"))
        }
    }
}

/// 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Count(pub usize);

impl TryFrom<i64> for Count {
    type Error = String;
    fn try_from(v: i64) -> Result<Self, String> {
        usize::try_from(v)
            .ok()
            .filter(|n| (1..=10_000).contains(n))
            .map(Self)
            .ok_or_else(|| format!("expected 1 to 10000, found {v}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TilesTable {
    width: Option<Count>,
    overlap: f64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParityTable {
    absolute: Option<f64>,
    relative: Option<f64>,
    picture: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstantTable {
    name: Name,
    shape: Vec<usize>,
    values: Option<Vec<f64>>,
    /// The same everywhere.
    value: Option<f64>,
}

impl Manifest {
    /// Reads the bytes of `model.toml`.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with the line.
    pub fn read(bytes: &[u8]) -> Result<Self, ModelError> {
        read(bytes)
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Manifest, ModelError> {
    let source = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        ModelError::Invalid { line, message: "expected UTF-8 text, found other bytes: save it as UTF-8".to_owned() }
    })?;
    let text = Text(source.strip_prefix('\u{feff}').unwrap_or(source));
    let mut top = text.table()?;
    let (schema, at): (i64, _) = text.need(&mut top, "schema", "schema = 1")?;
    if schema != SCHEMA {
        let newer = if schema > SCHEMA { ": this model folder is for a newer program; update this one" } else { "" };
        return Err(text.fault(at, format!("expected schema = {SCHEMA}, found {schema}{newer}")));
    }
    if let Some(key) = top.keys().filter(|k| !KEYS.contains(&k.get_ref().as_ref())).min_by_key(|k| k.span().start) {
        let message = format!("unknown key `{}`, expected one of {}", key.get_ref(), KEYS.join(", "));
        return Err(text.fault(key.span().start, message));
    }
    let task = output::read(text, &mut top)?;
    let input_at = top.keys().find(|k| k.get_ref() == "input").map_or(0, |k| k.span().start);
    let input = input::read(text, &mut top)?;
    let (sha256, at): (String, _) =
        text.need(&mut top, "sha256", "the 64 digits that sha256sum prints for model.onnx")?;
    let spelt = if sha256.starts_with("sha256:") { sha256 } else { format!("sha256:{sha256}") };
    let sha256 = spelt.to_lowercase().parse().map_err(|e: String| text.fault(at, format!("sha256: {e}")))?;
    let (Name(licence), _) = text.need(&mut top, "licence", "the licence of the weights, such as \"Apache-2.0\"")?;
    let boxes = match text.take::<Boxes>(&mut top, "boxes")? {
        Some((_, at)) if !matches!(task, Task::Detect(_)) => {
            return Err(text.fault(at, "[boxes] is for task = \"detect\" only"));
        }
        Some((boxes, at)) if boxes.floor.0 >= 1.0 => {
            return Err(text.fault(at, "[boxes] floor: expected less than 1: no box would be looked at"));
        }
        found => found.map_or_else(Boxes::default, |(b, _)| b),
    };
    let tiles = tiles(text, &mut top, &task, &input)?;
    // A tile is looked at whole, whatever `fit` says.
    if matches!(task, Task::Detect(_)) && matches!(input.fit, Fit::Crop { .. }) && tiles.is_none() {
        let message = "fit = \"crop\": a detection model must see the whole picture: use letterbox, stretch or [tiles]";
        return Err(text.fault(input_at, message));
    }
    Ok(Manifest {
        sha256,
        licence,
        labels: labels(text, &mut top, &task)?,
        constants: constants(text, &mut top, &input)?,
        boxes,
        tiles,
        epsilon: bounded(text, text.take(&mut top, "epsilon")?, "epsilon", (0.0, 0.1), 1e-3)?,
        tolerance: tolerance(text, &mut top)?,
        task,
        input,
    })
}

fn labels(text: Text<'_>, top: &mut toml::de::DeTable<'_>, task: &Task) -> Result<Vec<String>, ModelError> {
    let labels: Vec<String>;
    let at;
    match (text.take::<Vec<Name>>(top, "labels")?, task.has_labels()) {
        (None, false) => return Ok(Vec::new()),
        (None, true) => {
            return Err(
                text.fault(0, "missing key `labels`: expected the classes, in the order of the model's numbers")
            );
        }
        (Some((_, at)), false) => {
            return Err(text.fault(at, format!("`labels`: a model of task {} has no classes", task.word())));
        }
        (Some((names, place)), true) => {
            labels = names.into_iter().map(|n| n.0).collect();
            at = place;
        }
    }
    let distinct: BTreeSet<&String> = labels.iter().collect();
    if labels.is_empty() || labels.len() > 10_000 || distinct.len() < labels.len() {
        let found = format!("{}, {} of them different", labels.len(), distinct.len());
        return Err(text.fault(at, format!("`labels`: expected 1 to 10000 different names, found {found}")));
    }
    let softmax = matches!(
        task,
        Task::Classify { activation: Activation::Softmax, .. } | Task::Segment { activation: Activation::Softmax, .. }
    );
    if softmax && labels.len() == 1 {
        let message =
            "`labels`: expected at least 2 with activation = \"softmax\", found 1: its score would always be 1";
        return Err(text.fault(at, message));
    }
    Ok(labels)
}

fn constants(text: Text<'_>, top: &mut toml::de::DeTable<'_>, input: &Input) -> Result<Vec<Constant>, ModelError> {
    let Some((tables, at)) = text.take::<Vec<ConstantTable>>(top, "constant")? else { return Ok(Vec::new()) };
    let mut constants: Vec<Constant> = Vec::new();
    for ConstantTable { name: Name(name), shape, values, value } in tables {
        if name == input.name || constants.iter().any(|c| c.name == name) {
            return Err(text.fault(at, format!("[[constant]]: the input {name:?} is given twice")));
        }
        let fault = |what: String| text.fault(at, format!("[[constant]] {name}: expected {what}"));
        let holds = shape.iter().try_fold(1_usize, |n, d| n.checked_mul(*d)).filter(|n| *n <= MOST_NUMBERS);
        let Some(holds) = holds else {
            return Err(fault(format!("at most {MOST_NUMBERS} numbers, found the shape {shape:?}")));
        };
        let values = match (values, value) {
            (Some(values), None) => values.into_iter().map(|v| v as f32).collect(),
            (None, Some(value)) => vec![value as f32; holds],
            _ => return Err(fault("either `values`, or `value` for the same number everywhere".to_owned())),
        };
        let found = values.len();
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values)
            .map_err(|_| fault(format!("as many values as its shape {shape:?} holds, found {found}")))?;
        constants.push(Constant { name, values });
    }
    Ok(constants)
}

fn tiles(
    text: Text<'_>,
    top: &mut toml::de::DeTable<'_>,
    task: &Task,
    input: &Input,
) -> Result<Option<Tiles>, ModelError> {
    let Some((table, at)) = text.take::<TilesTable>(top, "tiles")? else { return Ok(None) };
    if matches!(task, Task::Classify { .. } | Task::Features { .. }) {
        return Err(text.fault(at, format!("[tiles]: a model of task {} sees the whole picture", task.word())));
    }
    if !(0.0..=0.5).contains(&table.overlap) {
        return Err(text.fault(at, format!("[tiles] overlap: expected 0 to 0.5, found {}", table.overlap)));
    }
    let width = table.width.map_or(input.width, |w| w.0);
    if width < 16 {
        return Err(text.fault(at, format!("[tiles] width: expected at least 16 photo pixels, found {width}")));
    }
    Ok(Some(Tiles { width, overlap: table.overlap }))
}

fn tolerance(text: Text<'_>, top: &mut toml::de::DeTable<'_>) -> Result<Tolerance, ModelError> {
    let (table, at) = text.take::<ParityTable>(top, "parity")?.unwrap_or_default();
    let of = |value: Option<f64>, key: &str, limits, usual| bounded(text, value.map(|v| (v, at)), key, limits, usual);
    Ok(Tolerance {
        absolute: of(table.absolute, "[parity] absolute", (0.0, 1.0), 1e-4)?,
        relative: of(table.relative, "[parity] relative", (0.0, 0.1), 1e-3)?,
        // Eight codes are what a wrong resampling does; a wrong colour order or normalisation is far beyond.
        picture: of(table.picture, "[parity] picture", (0.0, 8.0), 1.0)?,
    })
}

fn bounded(
    text: Text<'_>,
    value: Option<(f64, usize)>,
    key: &str,
    (low, high): (f64, f64),
    usual: f64,
) -> Result<f64, ModelError> {
    match value {
        Some((v, at)) if !(low..=high).contains(&v) => {
            Err(text.fault(at, format!("{key}: expected {low} to {high}, found {v}")))
        }
        Some((v, _)) => Ok(v),
        None => Ok(usual),
    }
}
