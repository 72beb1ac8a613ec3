//! Pose of a drawing.

use crate::calibration::Located;
use crate::design::Design;
use crate::geometry::{DesignMm, PlaneMm, Similarity};
use crate::reason::Reason;

/// Where the drawing lies on the plane.
#[derive(Clone, Debug)]
pub struct DrawingPose {
    /// Turn and shift (scale 1).
    pub plane_from_design: Similarity<DesignMm, PlaneMm>,
}

pub(super) fn find(_located: &Located<'_>, _design: &Design) -> Result<DrawingPose, Reason> {
    Err(Reason::NoPart)
}
