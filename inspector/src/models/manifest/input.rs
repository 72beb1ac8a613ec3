//! How a picture goes into a model.

use super::text::{Name, Text};
use crate::models::ModelError;
use serde::Deserialize;
use toml::de::DeTable;

/// The picture input of a model, and how a picture becomes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name in the graph.
    pub name: String,
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Order of the axes.
    pub layout: Layout,
    /// Order of the channels.
    pub colour: Colour,
    /// How a picture comes to this size.
    pub fit: Fit,
    /// How pixels are made of pixels.
    pub resample: Resample,
    /// Per channel: what a code is multiplied with, and what is added then.
    pub(in crate::models) gain_offset: Vec<(f32, f32)>,
}

/// Order of a tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `(1, channels, height, width)`.
    Nchw,
    /// `(1, height, width, channels)`.
    Nhwc,
}

/// Order of a tensor's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601, as OpenCV and PIL).
    Grey,
}

impl Colour {
    /// Number of channels.
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Grey => 1,
        }
    }
}

/// How a picture comes to the input's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fit {
    /// Whatever the proportions.
    Stretch,
    /// Whole, proportions kept, the rest filled with this code.
    Letterbox {
        /// 0 to 255.
        pad: f32,
    },
    /// Whole, proportions kept, the rest filled with the picture's mirror image.
    Reflect,
    /// The middle of the picture after its shorter side was brought to so many pixels.
    Crop {
        /// At least the input's sides.
        shorter: usize,
    },
}

/// How pixels are made of pixels. All sample at half-pixel centres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// Between the two nearest in each direction, as `cv2.resize(..., INTER_LINEAR)` and `align_corners=False`.
    Bilinear,
    /// A triangle as wide as the reduction, as PIL's `BILINEAR` and torchvision's `Resize(antialias=True)`.
    Antialias,
    /// A cubic curve as wide as the reduction, as PIL's `BICUBIC`: what most of timm's classifiers are trained with.
    Bicubic,
}

/// A side of the input: 8 to 4096.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
struct Side(usize);

impl TryFrom<i64> for Side {
    type Error = String;
    fn try_from(v: i64) -> Result<Self, String> {
        let side = usize::try_from(v).ok().filter(|s| (8..=4096).contains(s));
        side.map(Self).ok_or_else(|| format!("expected 8 to 4096 pixels, found {v}"))
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FitWord {
    Stretch,
    Letterbox,
    Reflect,
    Crop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Name,
    width: Side,
    height: Side,
    layout: Layout,
    colour: Colour,
    fit: FitWord,
    pad: Option<f64>,
    shorter: Option<Side>,
    resample: Resample,
    range: Option<[f64; 2]>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
}

/// Takes `[input]`.
pub(super) fn read(text: Text<'_>, top: &mut DeTable<'_>) -> Result<Input, ModelError> {
    let (table, at): (Table, _) = text.need(top, "input", "a table [input]")?;
    let fault = |message: String| text.fault(at, format!("[input]: {message}"));
    let (width, height) = (table.width.0, table.height.0);
    let fit = match (table.fit, table.pad, table.shorter) {
        (FitWord::Stretch, None, None) => Fit::Stretch,
        (FitWord::Reflect, None, None) => Fit::Reflect,
        (FitWord::Letterbox, Some(pad), None) if (0.0..=255.0).contains(&pad) => Fit::Letterbox { pad: pad as f32 },
        (FitWord::Letterbox, pad, None) => {
            let found = pad.map_or_else(|| "none".to_owned(), |p| p.to_string());
            return Err(fault(format!("fit = \"letterbox\" needs `pad` from 0 to 255, found {found}")));
        }
        (FitWord::Crop, None, Some(Side(shorter))) if shorter >= width.max(height) => Fit::Crop { shorter },
        (FitWord::Crop, None, shorter) => {
            let found = shorter.map_or_else(|| "none".to_owned(), |s| s.0.to_string());
            return Err(fault(format!(
                "fit = \"crop\" needs `shorter` of at least the input's larger side ({}), found {found}",
                width.max(height)
            )));
        }
        _ => {
            return Err(fault(
                "`pad` goes with fit = \"letterbox\" only, `shorter` with fit = \"crop\" only".to_owned(),
            ));
        }
    };
    let [black, white] = table.range.unwrap_or([0.0, 1.0]);
    if black >= white {
        return Err(fault(format!(
            "range: expected what black and white become, black first, found [{black}, {white}]"
        )));
    }
    let channels = table.colour.channels();
    let (mean, std) =
        (table.mean.unwrap_or_else(|| vec![0.0; channels]), table.std.unwrap_or_else(|| vec![1.0; channels]));
    if mean.len() != channels || std.len() != channels {
        let found = format!("{} and {}", mean.len(), std.len());
        return Err(fault(format!("mean and std: expected {channels} numbers each, one per channel, found {found}")));
    }
    if let Some(s) = std.iter().find(|s| **s <= 0.0) {
        return Err(fault(format!("std: expected numbers above 0, found {s}")));
    }
    let gain_offset =
        mean.iter().zip(&std).map(|(m, s)| (((white - black) / 255.0 / s) as f32, ((black - m) / s) as f32)).collect();
    Ok(Input {
        name: table.name.0,
        width,
        height,
        layout: table.layout,
        colour: table.colour,
        fit,
        resample: table.resample,
        gain_offset,
    })
}

impl Input {
    /// Shape of the tensor.
    pub const fn shape(&self) -> [usize; 4] {
        let channels = self.colour.channels();
        match self.layout {
            Layout::Nchw => [1, channels, self.height, self.width],
            Layout::Nhwc => [1, self.height, self.width, channels],
        }
    }
}
