//! From pixels to millimetres and from codes to light: what the camera did to the part.

pub mod board;
mod camera;
mod lens;
pub mod mat;
mod record;
pub mod solve;
mod tone;
mod worlds;

pub use camera::{Camera, Perspective};
pub use lens::Lens;
pub use record::{CameraRecord, RecordError};
pub use tone::{Plane, Tone};
pub use worlds::{Budget, Rim, Source, World, Worlds};

use crate::photo::Photo;
use serde::{Deserialize, Serialize};

/// How a recipe says where scale and tone come from (`[calibration]`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationPolicy {
    /// Size of a pixel on the work plane, mm. Measured beforehand: a scanner's dots per inch, a stage micrometer, parts of known size.
    pub mm_per_px: f64,
    /// Relative standard uncertainty of `mm_per_px` (0.0005 = 0.05 %).
    #[serde(default = "default_u_scale")]
    pub u_scale: f64,
    /// How far this camera sees an edge outside the material, px (negative: inside). Back-light that blooms into the part gives a
    /// negative offset. Found from parts of known size.
    #[serde(default)]
    pub edge_offset_px: f64,
    /// Standard uncertainty of `edge_offset_px`, px.
    #[serde(default = "default_u_edge")]
    pub u_edge_px: f64,
    /// Tone curve of the camera.
    #[serde(default)]
    pub tone: Tone,
}

const fn default_u_scale() -> f64 {
    0.0002
}
const fn default_u_edge() -> f64 {
    0.02
}

/// A photo whose camera is known: pixels can be turned into millimetres and codes into light.
#[derive(Debug)]
pub struct Located<'p> {
    /// The photo; checks measure on its own pixels.
    pub photo: &'p Photo,
    /// Pixels to millimetres and back.
    pub camera: Camera,
    /// Light, linear, `(height, width)`, 0..=65535 for black..white.
    pub light: Plane,
    /// Edge offset and its uncertainty, px: see [`CalibrationPolicy`].
    pub edge_offset_px: f64,
    /// Standard uncertainty of the edge offset, px.
    pub u_edge_px: f64,
    /// Relative standard uncertainty of the scale.
    pub u_scale: f64,
}

/// First stage: makes light linear and takes the scale from the policy.
///
/// Cost: about 10 ms for 12 megapixels of grey, 25 ms of colour, one thread.
pub fn locate<'p>(photo: &'p Photo, policy: &CalibrationPolicy) -> Located<'p> {
    Located {
        photo,
        camera: Camera::fronto_parallel(policy.mm_per_px, photo.width(), photo.height()),
        light: policy.tone.linear(&photo.picture),
        edge_offset_px: policy.edge_offset_px,
        u_edge_px: policy.u_edge_px,
        u_scale: policy.u_scale,
    }
}
