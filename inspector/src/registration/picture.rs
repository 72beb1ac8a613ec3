//! Pose of a reference picture.

use crate::calibration::Located;
use crate::design::ReferencePicture;
use crate::geometry::{ImagePx, ReferencePx, Similarity};
use crate::reason::Reason;

/// How the reference picture lies in the photo.
#[derive(Clone, Debug)]
pub struct PicturePose {
    /// From reference pixels to photo pixels.
    pub image_from_reference: Similarity<ReferencePx, ImagePx>,
}

pub(super) fn align(_located: &Located<'_>, _reference: &ReferencePicture) -> Result<PicturePose, Reason> {
    Err(Reason::NotAligned { detail: String::new() })
}
