//! From pixels to millimetres and from codes to light: what the camera did to the part.

mod age;
pub mod board;
mod camera;
mod exposure;
mod homography;
mod lens;
pub mod mat;
mod record;
pub(crate) mod sharpening;
pub mod solve;
mod tone;
mod worlds;

pub(crate) use age::paper_moved;
pub use age::{Day, PAPER_U_MOST, PAPER_U_PER_30_DAYS, paper_u_scale};
pub use camera::{Camera, Look, Perspective};
pub use exposure::overexposed_ground;
pub use lens::Lens;
pub use record::{CameraRecord, RecordError, ScaleRecord, SizeRecord};
pub use sharpening::Sharpening;
pub use tone::{Curve, Plane, Tone};
pub(crate) use worlds::along_normal;
pub use worlds::{Budget, Rim, SHADES, Sight, Source, World, Worlds};

use crate::geometry::{ImagePx, Mm, PlaneMm, Point};
use crate::photo::Photo;
use crate::reason::Reason;
use exposure::U_OVEREXPOSED_PX;
use mat::{MatPolicy, Refused, SeenMat, locate_on_mat};
use serde::{Deserialize, Serialize};

/// Where a recipe takes scale and tone from (`[calibration]`).
#[derive(Clone, Debug, PartialEq)]
pub enum Calibration {
    /// They are known beforehand, and the camera looks straight down.
    Known(CalibrationPolicy),
    /// Every photo tells them: the part lies on a printed mat.
    Mat(Box<MatPolicy>),
}

impl Calibration {
    /// First stage: makes light linear, and finds out where in the photo how many millimetres are. `mat_age_days` have passed since somebody measured the mat, as
    /// far as that is known: its paper moves.
    ///
    /// # Errors
    /// The [`Reason`] for which nothing can be measured in this photo, with what the mat told; a scale that is known beforehand refuses pictures of another size.
    ///
    /// Cost: see [`locate`] and [`locate_on_mat`].
    pub fn locate<'p>(&self, photo: &'p Photo, mat_age_days: Option<f64>) -> Result<Located<'p>, Refused> {
        match self {
            Self::Known(policy) => {
                policy.fits([photo.width(), photo.height()])?;
                Ok(locate(photo, policy))
            }
            Self::Mat(policy) => {
                let on = locate_on_mat(&photo.picture, policy, mat_age_days)?;
                let (work_area, mat) = (Some(on.work_area), Some(Box::new(on.seen)));
                Ok(Located {
                    photo,
                    light: on.light,
                    worlds: on.worlds,
                    work_area,
                    mat,
                    // Else its white would have been refused.
                    overexposed_ground: false,
                })
            }
        }
    }
    /// The tone curve that is said beforehand. A mat tells its own; it is a change of sRGB's.
    pub fn tone(&self) -> Tone {
        match self {
            Self::Known(policy) => policy.tone,
            Self::Mat(_) => Tone::Srgb,
        }
    }
}

/// How a recipe says a scale and a tone that were measured beforehand.
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
    /// Standard uncertainty of `edge_offset_px`, px. 0.1 when it is not said: the tone curve of a phone moves an edge by 0.06 px (root mean square), sharpening by
    /// 0.05, both together by 0.11.
    #[serde(default = "default_u_edge")]
    pub u_edge_px: f64,
    /// Tone curve of the camera.
    #[serde(default)]
    pub tone: Tone,
    /// Width and height of the pictures of which all this is true, px: others are not measured. `None` for a scanner, whose pictures have any size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_px: Option<[u32; 2]>,
    /// True when the edges were calibrated beside a ground at the brightest code ([`overexposed_ground`]), as back-light and scanners have it. In a photo of the other kind edges are
    /// less certain than `u_edge_px`, by 0.6 px.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overexposed_ground: bool,
}

impl CalibrationPolicy {
    /// A scale of which nothing else is said.
    pub const fn of(mm_per_px: f64) -> Self {
        Self {
            mm_per_px,
            u_scale: default_u_scale(),
            edge_offset_px: 0.0,
            u_edge_px: default_u_edge(),
            tone: Tone::Srgb,
            size_px: None,
            overexposed_ground: false,
        }
    }
    /// Refuses pictures of another size: a pixel of theirs is another one.
    fn fits(&self, [width, height]: [u32; 2]) -> Result<(), Reason> {
        match self.size_px {
            Some([w, h]) if [w, h] != [width, height] => Err(Reason::CameraRecord {
                detail: format!(
                    "its scale is that of pictures of {w} x {h}, the photo has {width} x {height}: use that size, the same way up, or calibrate again"
                ),
            }),
            _ => Ok(()),
        }
    }
    /// What a ground that is overexposed or not adds to the standard uncertainty of edges, px: nothing when they were calibrated beside one of its kind.
    pub(crate) const fn u_exposure_px(&self, overexposed_ground: bool) -> f64 {
        if overexposed_ground == self.overexposed_ground { 0.0 } else { U_OVEREXPOSED_PX }
    }
    /// The first of its numbers that no camera has: its key, what is expected, what was found.
    pub(crate) fn fault(&self) -> Option<(&'static str, std::ops::RangeInclusive<f64>, f64)> {
        let rows = [
            ("mm_per_px", SCALES, self.mm_per_px),
            ("u_scale", 0.0..=0.1, self.u_scale),
            ("edge_offset_px", -10.0..=10.0, self.edge_offset_px),
            ("u_edge_px", 0.0..=10.0, self.u_edge_px),
        ];
        rows.into_iter().find(|(_, range, found)| !range.contains(found))
    }
    /// Of a recipe in which nothing is measured in millimetres: a pixel is the unit.
    pub const fn unscaled(tone: Tone) -> Self {
        Self { u_scale: 0.0, u_edge_px: 0.0, tone, ..Self::of(1.0) }
    }
}

/// Sizes of a pixel that a camera or scanner can have, mm: a tenth of a micrometre to a centimetre.
pub(crate) const SCALES: std::ops::RangeInclusive<f64> = 0.0001..=10.0;

/// Of a scale of which nothing else is said, relative. **Assumed**: whoever gives a scale has measured it.
const fn default_u_scale() -> f64 {
    0.0002
}
/// Of the edges of a camera that nobody tried with a part of known size, px.
const fn default_u_edge() -> f64 {
    0.1
}

/// A photo whose camera is known: pixels can be turned into millimetres and codes into light.
#[derive(Debug)]
pub struct Located<'p> {
    /// The photo; checks measure on its own pixels.
    pub photo: &'p Photo,
    /// Light, linear, `(height, width)`, 0..=65535 for black..white.
    pub light: Plane,
    /// Camera and edge offset, and in which ways they may be otherwise.
    pub worlds: Worlds,
    /// Where parts are looked for: a polygon around its middle, in the photo; `None` for all of it.
    pub work_area: Option<Vec<Point<ImagePx>>>,
    /// The mat that the part lies on, and what it tells of the photo.
    pub mat: Option<Box<SeenMat>>,
    /// True when the ground is at the brightest code: what shines on it cannot be told.
    pub overexposed_ground: bool,
}

impl Located<'_> {
    /// Pixels to millimetres and back, by the best estimate.
    pub const fn camera(&self) -> &Camera {
        &self.worlds.nominal.camera
    }
    /// The middle of the work area, or of the photo.
    fn middle(&self) -> Point<PlaneMm> {
        let (w, h) = (f64::from(self.photo.width()), f64::from(self.photo.height()));
        let photo = [Point::new(0.0, 0.0), Point::new(w - 1.0, h - 1.0)];
        let corners = self.work_area.as_deref().unwrap_or(&photo);
        let n = corners.len() as f64;
        let (x, y) = corners.iter().fold((0.0, 0.0), |m, p| (m.0 + p.x / n, m.1 + p.y / n));
        self.camera().plane_from_image(Point::new(x, y), Mm(0.0))
    }
    /// Size of a pixel in the middle, mm on the sheet.
    pub fn mm_per_px(&self) -> f64 {
        self.camera().mm_per_px(self.middle())
    }
}

/// A photo whose scale is known: makes its light linear and takes the scale from the policy.
///
/// Cost: about 10 ms for 12 megapixels of grey, 25 ms of colour, one thread.
pub fn locate<'p>(photo: &'p Photo, policy: &CalibrationPolicy) -> Located<'p> {
    let world = |mm_per_px, edge_offset_px| {
        World::new(Camera::fronto_parallel(mm_per_px, photo.width(), photo.height()), edge_offset_px)
    };
    let (scale, offset) = (policy.mm_per_px, policy.edge_offset_px);
    let mut worlds = Worlds::certain(world(scale, offset));
    worlds.add(Source::Scale, world(scale * (1.0 + policy.u_scale), offset));
    worlds.add(Source::Edge, world(scale, offset + policy.u_edge_px));
    let overexposed_ground = overexposed_ground(&photo.picture);
    let u_exposure_px = policy.u_exposure_px(overexposed_ground);
    if u_exposure_px > 0.0 {
        worlds.add(Source::Exposure, world(scale, offset + u_exposure_px));
    }
    let light = policy.tone.linear(&photo.picture);
    Located { photo, light, worlds, work_area: None, mat: None, overexposed_ground }
}
