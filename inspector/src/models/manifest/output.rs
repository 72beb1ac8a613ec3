//! The task of a model, and the outputs it speaks with.

use super::text::{Name, Text};
use crate::models::ModelError;
use serde::Deserialize;
use toml::de::DeTable;

/// What a model does. Names are those of the graph's outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Which of the labels a picture shows: `(1, C)`.
    Classify {
        /// One number per label.
        scores: String,
        /// What makes scores of them.
        activation: Activation,
    },
    /// Where things are.
    Detect(Head),
    /// Which label each pixel has.
    Segment {
        /// One plane per label, or one plane when there is one label.
        map: String,
        /// What makes scores of its numbers.
        activation: Activation,
    },
    /// How unusual each pixel is, as anomalib exports it.
    AnomalyMap {
        /// One plane.
        map: String,
        /// One number for the whole picture.
        score: Option<String>,
    },
    /// A vector that says what the picture is like.
    Features {
        /// The vector.
        vector: String,
    },
}

/// How a detection model says its boxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// `(1, N, 5 + C)`: cx cy w h objectness classes, pixels of the input (YOLOv5, v7).
    Yolov5 {
        /// The rows.
        rows: String,
        /// What makes scores of objectness and classes.
        activation: Activation,
    },
    /// `(1, 4 + C, N)`: cx cy w h classes, pixels of the input (YOLOv8, v9, v11, v12).
    Yolov8 {
        /// The rows, transposed.
        rows: String,
        /// What makes scores of the classes.
        activation: Activation,
    },
    /// Logits and boxes cx cy w h from 0 to 1 (DETR and its children).
    Detr {
        /// `(1, Q, C)`, or `(1, Q, C + 1)` with softmax.
        logits: String,
        /// `(1, Q, 4)`.
        boxes: String,
        /// Softmax (the last class is "nothing") or sigmoid.
        activation: Activation,
    },
    /// `(1, Q, 4 + C)`: cx cy w h from 0 to 1, classes (Ultralytics' RT-DETR up to 8.3).
    DetrRows {
        /// The rows.
        rows: String,
        /// What makes scores of the classes.
        activation: Activation,
    },
    /// `(1, Q, 6)`: cx cy w h from 0 to 1, score, class (Ultralytics' RT-DETR from 8.4 on).
    DetrRanked {
        /// The rows.
        rows: String,
    },
    /// Labels, boxes x1 y1 x2 y2 in pixels of the input, and scores (RT-DETR, torchvision).
    RtDetr {
        /// Class numbers.
        labels: String,
        /// `(1, Q, 4)`.
        boxes: String,
        /// From 0 to 1.
        scores: String,
    },
    /// `(1, N, 6)`: x1 y1 x2 y2 score class, pixels of the input (built-in non-maximum suppression, YOLOv10).
    EndToEnd {
        /// The rows.
        rows: String,
    },
}

impl Head {
    /// Whether the graph itself chooses and sorts its boxes by score: of two that are nearly as good, each runtime may put another one first.
    pub(in crate::models) const fn ranks(&self) -> bool {
        !matches!(self, Self::Yolov5 { .. } | Self::Yolov8 { .. })
    }
}

/// What makes scores from 0 to 1 of a model's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// They are scores.
    None,
    /// Over the labels.
    Softmax,
    /// Each by itself.
    Sigmoid,
}

impl Task {
    /// As in `task = "..."`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Classify { .. } => "classify",
            Self::Detect(_) => "detect",
            Self::Segment { .. } => "segment",
            Self::AnomalyMap { .. } => "anomaly-map",
            Self::Features { .. } => "features",
        }
    }
    /// True when its numbers are those of labels.
    pub const fn has_labels(&self) -> bool {
        matches!(self, Self::Classify { .. } | Self::Detect(_) | Self::Segment { .. })
    }
    /// The graph's outputs that are asked for, in the order in which parity samples number them.
    pub fn outputs(&self) -> Vec<String> {
        let names: Vec<&String> = match self {
            Self::Classify { scores, .. } => vec![scores],
            Self::Detect(
                Head::Yolov5 { rows, .. }
                | Head::Yolov8 { rows, .. }
                | Head::DetrRows { rows, .. }
                | Head::DetrRanked { rows }
                | Head::EndToEnd { rows },
            ) => vec![rows],
            Self::Detect(Head::Detr { logits, boxes, .. }) => vec![logits, boxes],
            Self::Detect(Head::RtDetr { labels, boxes, scores }) => vec![labels, boxes, scores],
            Self::Segment { map, .. } => vec![map],
            Self::AnomalyMap { map, score } => [map].into_iter().chain(score).collect(),
            Self::Features { vector } => vec![vector],
        };
        names.into_iter().cloned().collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TaskWord {
    Classify,
    Detect,
    Segment,
    AnomalyMap,
    Features,
}

#[derive(Deserialize)]
enum HeadWord {
    #[serde(rename = "yolov5")]
    Yolov5,
    #[serde(rename = "yolov8")]
    Yolov8,
    #[serde(rename = "detr")]
    Detr,
    #[serde(rename = "detr-rows")]
    DetrRows,
    #[serde(rename = "detr-ranked")]
    DetrRanked,
    #[serde(rename = "rt-detr")]
    RtDetr,
    #[serde(rename = "end-to-end")]
    EndToEnd,
}

macro_rules! table {
    ($name:ident { $($field:ident : $type:ty),* }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name { $($field: $type),* }
    };
}
table!(ScoresTable { scores: Name, activation: Activation });
table!(RowsTable { rows: Name, activation: Option<Activation> });
table!(PlainRowsTable { rows: Name });
table!(DetrTable { logits: Name, boxes: Name, activation: Activation });
table!(RtDetrTable { labels: Name, boxes: Name, scores: Name });
table!(MapTable { map: Name, activation: Activation });
table!(AnomalyTable { map: Name, score: Option<Name> });
table!(VectorTable { vector: Name });

/// Takes `task` and `[output]`.
pub(super) fn read(text: Text<'_>, top: &mut DeTable<'_>) -> Result<Task, ModelError> {
    const TASKS: &str = "one of \"classify\", \"detect\", \"segment\", \"anomaly-map\", \"features\"";
    let (word, _): (TaskWord, _) = text.need(top, "task", TASKS)?;
    let mut output = top.remove("output").ok_or_else(|| {
        text.fault(0, "missing table [output]: expected the names of the graph's outputs, by what they mean")
    })?;
    let at = output.span().start;
    let task = match word {
        TaskWord::Classify => {
            let t: ScoresTable = text.read("[output]", output)?;
            Task::Classify { scores: t.scores.0, activation: t.activation }
        }
        TaskWord::Detect => {
            const HEADS: &str =
                "one of \"yolov5\", \"yolov8\", \"detr\", \"detr-rows\", \"detr-ranked\", \"rt-detr\", \"end-to-end\"";
            let toml::de::DeValue::Table(table) = output.get_mut() else {
                return Err(text.fault(at, "expected a table [output]"));
            };
            let (head, _): (HeadWord, _) = text.need(table, "head", HEADS)?;
            Task::Detect(match head {
                HeadWord::Yolov5 => {
                    let t: RowsTable = text.read("[output]", output)?;
                    Head::Yolov5 { rows: t.rows.0, activation: t.activation.unwrap_or(Activation::None) }
                }
                HeadWord::Yolov8 => {
                    let t: RowsTable = text.read("[output]", output)?;
                    Head::Yolov8 { rows: t.rows.0, activation: t.activation.unwrap_or(Activation::None) }
                }
                HeadWord::Detr => {
                    let t: DetrTable = text.read("[output]", output)?;
                    Head::Detr { logits: t.logits.0, boxes: t.boxes.0, activation: t.activation }
                }
                HeadWord::DetrRows => {
                    let t: RowsTable = text.read("[output]", output)?;
                    Head::DetrRows { rows: t.rows.0, activation: t.activation.unwrap_or(Activation::None) }
                }
                HeadWord::RtDetr => {
                    let t: RtDetrTable = text.read("[output]", output)?;
                    Head::RtDetr { labels: t.labels.0, boxes: t.boxes.0, scores: t.scores.0 }
                }
                HeadWord::DetrRanked => {
                    let t: PlainRowsTable = text.read("[output]", output)?;
                    Head::DetrRanked { rows: t.rows.0 }
                }
                HeadWord::EndToEnd => {
                    let t: PlainRowsTable = text.read("[output]", output)?;
                    Head::EndToEnd { rows: t.rows.0 }
                }
            })
        }
        TaskWord::Segment => {
            let t: MapTable = text.read("[output]", output)?;
            Task::Segment { map: t.map.0, activation: t.activation }
        }
        TaskWord::AnomalyMap => {
            let t: AnomalyTable = text.read("[output]", output)?;
            Task::AnomalyMap { map: t.map.0, score: t.score.map(|s| s.0) }
        }
        TaskWord::Features => {
            let t: VectorTable = text.read("[output]", output)?;
            Task::Features { vector: t.vector.0 }
        }
    };
    let names = task.outputs();
    if names.iter().enumerate().any(|(i, n)| names[..i].contains(n)) {
        return Err(text.fault(at, "[output]: expected different outputs, found one of them twice"));
    }
    let softmax = matches!(
        task,
        Task::Detect(
            Head::Yolov5 { activation: Activation::Softmax, .. }
                | Head::Yolov8 { activation: Activation::Softmax, .. }
                | Head::DetrRows { activation: Activation::Softmax, .. }
        )
    );
    if softmax {
        return Err(
            text.fault(at, "[output] activation: expected \"none\" or \"sigmoid\" with this head, found \"softmax\"")
        );
    }
    Ok(task)
}
