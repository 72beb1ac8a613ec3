//! What is known of one camera: the result of its calibration, as a file.

use super::board::Board;
use super::solve::Calibrated;
use super::{CalibrationPolicy, Lens};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A camera's record: a small TOML file that recipes and stations can use wherever this camera is used, with the same focus and zoom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraRecord {
    /// Version of this format: 1.
    pub schema: u32,
    /// Width of its pictures, px.
    pub width: u32,
    /// Height of its pictures, px.
    pub height: u32,
    /// What it was calibrated with, in words.
    pub artefact: String,
    /// Photos used.
    pub photos: usize,
    /// Root mean square distance of seen from expected points, px.
    pub rms_px: f64,
    /// Who calibrated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// The lens.
    pub lens: Lens,
    /// Covariance of the lens's parameters, in their order and units.
    pub covariance: [[f64; Lens::PARAMETERS]; Lens::PARAMETERS],
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not a record.
    #[error("not a camera record: {0}")]
    Syntax(String),
    /// Of another kind.
    #[error("this is the record of {found}, expected that of {expected}")]
    Kind {
        /// How the right one is made.
        expected: &'static str,
        /// How this one was made.
        found: &'static str,
    },
    /// Of a later program.
    #[error("camera record of version {found}, expected 1: use the program that wrote it, or a newer one")]
    Schema {
        /// What it says.
        found: u32,
    },
    /// Numbers that no camera has.
    #[error("camera record: expected {expected}, found {found}")]
    Numbers {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Of another size of picture.
    #[error(
        "the camera record is of pictures of {width} x {height}, the photo has {found_width} x {found_height}: use the size the camera was \
         calibrated with, or calibrate again"
    )]
    Size {
        /// Width in the record.
        width: u32,
        /// Height in the record.
        height: u32,
        /// Width of the photo.
        found_width: u32,
        /// Height of the photo.
        found_height: u32,
    },
}

impl CameraRecord {
    /// The record of a calibration with a chessboard; who and when are the caller's to add.
    pub fn of_board(found: &Calibrated, board: &Board, (width, height): (u32, u32)) -> Self {
        let Board { columns, rows, square_mm } = board;
        Self {
            schema: 1,
            width,
            height,
            artefact: format!("chessboard, {columns} x {rows} inner corners, {square_mm} mm squares"),
            photos: found.poses.len(),
            rms_px: found.rms_px,
            by: None,
            made: None,
            lens: found.lens,
            covariance: found.covariance,
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`] with what was expected and found.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let record: Self = parse::<_, ScaleRecord>(text, [OF_BOARD, OF_SIZES])?;
        if record.schema != 1 {
            return Err(RecordError::Schema { found: record.schema });
        }
        let refuse = |expected: &str, found: String| Err(RecordError::Numbers { expected: expected.to_owned(), found });
        let q = record.lens.parameters();
        if q.iter().any(|v| !v.is_finite()) || record.lens.fx <= 0.0 || record.lens.fy <= 0.0 {
            return refuse("finite numbers and focal lengths above 0", format!("{q:?}"));
        }
        let c = &record.covariance;
        for (i, row) in c.iter().enumerate() {
            if row.iter().any(|v| !v.is_finite()) || row[i] < 0.0 {
                return refuse(
                    "a covariance of finite numbers with variances of at least 0",
                    format!("row {}: {row:?}", i + 1),
                );
            }
            for (j, v) in row.iter().enumerate() {
                if (v - c[j][i]).abs() > 1e-6 * (c[i][i] * c[j][j]).sqrt() {
                    return refuse("a symmetric covariance", format!("{v} and {} at {} {}", c[j][i], i + 1, j + 1));
                }
            }
        }
        Ok(record)
    }

    /// The record as a file.
    ///
    /// ```
    /// use inspector::calibration::{CameraRecord, Lens};
    /// let record = CameraRecord {
    ///     schema: 1, width: 1920, height: 1080, artefact: "chessboard".into(), photos: 9, rms_px: 0.21, by: Some("Ana".into()), made: None,
    ///     lens: Lens { k1: -0.1, ..Lens::pinhole(1400.0, 1920, 1080) }, covariance: [[0.0; 9]; 9],
    /// };
    /// assert_eq!(CameraRecord::read(&record.to_toml()).unwrap(), record);
    /// assert!(CameraRecord::read(&record.to_toml().replace("fx = 1400.0", "fx = -1400.0")).unwrap_err().to_string().contains("above 0"));
    /// ```
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers and texts are always TOML")
    }

    /// Refuses pictures of another size: the lens's numbers are in pixels of this one.
    ///
    /// # Errors
    /// [`RecordError::Size`].
    pub fn fits(&self, (width, height): (u32, u32)) -> Result<(), RecordError> {
        if (self.width, self.height) == (width, height) {
            return Ok(());
        }
        Err(RecordError::Size { width: self.width, height: self.height, found_width: width, found_height: height })
    }
}

/// How the record of a lens is made, and that of a scale.
const OF_BOARD: &str = "a lens (assay calibrate board)";
const OF_SIZES: &str = "a scale (assay calibrate scale)";

/// Reads a record; `Other` is the kind that it may be taken for.
fn parse<T: DeserializeOwned, Other: DeserializeOwned>(
    text: &str,
    [expected, found]: [&'static str; 2],
) -> Result<T, RecordError> {
    toml::from_str(text).map_err(|e| match toml::from_str::<Other>(text) {
        Ok(_) => RecordError::Kind { expected, found },
        Err(_) => RecordError::Syntax(e.message().to_owned()),
    })
}

/// Scale and edge offset of a camera that looks straight down on its parts, a fixed one or a scanner, as a file. Its `[calibration]` is that of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleRecord {
    /// Version of this format: 1.
    pub schema: u32,
    /// The part of known size, in words.
    pub artefact: String,
    /// Photos used.
    pub photos: usize,
    /// Root mean square of measured minus known sizes, px.
    pub rms_px: f64,
    /// Who calibrated it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// What recipes take from it.
    pub calibration: CalibrationPolicy,
    /// The known sizes, and what the calibrated camera says of them.
    #[serde(rename = "size")]
    pub sizes: Vec<SizeRecord>,
}

/// A known size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeRecord {
    /// The characteristic that measures it.
    pub check: String,
    /// Its known value, mm.
    pub known_mm: f64,
    /// Standard uncertainty of that, mm.
    pub u_mm: f64,
    /// What the calibrated camera says, on average, mm.
    pub measured_mm: f64,
    /// Photos in which it was measured.
    pub photos: usize,
}

impl ScaleRecord {
    /// Reads a record.
    ///
    /// # Errors
    /// [`RecordError`] with what was expected and found.
    pub fn read(text: &str) -> Result<Self, RecordError> {
        let record: Self = parse::<_, CameraRecord>(text, [OF_SIZES, OF_BOARD])?;
        if record.schema != 1 {
            return Err(RecordError::Schema { found: record.schema });
        }
        match record.calibration.fault() {
            None => Ok(record),
            Some((key, range, found)) => Err(RecordError::Numbers {
                expected: format!("{key} from {} to {}", range.start(), range.end()),
                found: found.to_string(),
            }),
        }
    }

    /// The record as a file.
    ///
    /// ```
    /// use inspector::calibration::{CalibrationPolicy, ScaleRecord, SizeRecord};
    /// let calibration = CalibrationPolicy { u_scale: 1e-4, edge_offset_px: 0.08, u_edge_px: 0.02, ..CalibrationPolicy::of(0.0421) };
    /// let size = SizeRecord { check: "outline.diameter".into(), known_mm: 23.665, u_mm: 0.002, measured_mm: 23.666, photos: 4 };
    /// let record = ScaleRecord {
    ///     schema: 1, artefact: "ring no. 3".into(), photos: 4, rms_px: 0.02, by: Some("p-7".into()), made: None, calibration, sizes: vec![size],
    /// };
    /// assert_eq!(ScaleRecord::read(&record.to_toml()).unwrap(), record);
    /// assert!(ScaleRecord::read("schema = 1").unwrap_err().to_string().contains("artefact"));
    /// ```
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers and texts are always TOML")
    }
}
