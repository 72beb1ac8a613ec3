//! Where a pixel lies on the work plane.

use crate::geometry::{Angle, ImagePx, Mm, PlaneMm, Point, Similarity, Vector};

/// A camera model: maps pixels to the work plane at a height above it, and back.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Camera {
    /// Looks straight down with a known scale (telecentric lens, flatbed scanner, far camera). Height changes nothing.
    FrontoParallel {
        /// The map; its scale is mm per pixel, and it mirrors because image y points down.
        plane_from_image: Similarity<ImagePx, PlaneMm>,
    },
}

impl Camera {
    /// A straight-down camera: the plane's origin is the centre of the picture.
    pub fn fronto_parallel(mm_per_px: f64, width: u32, height: u32) -> Self {
        let (cx, cy) = (0.5 * (f64::from(width) - 1.0), 0.5 * (f64::from(height) - 1.0));
        Self::FrontoParallel {
            plane_from_image: Similarity::new(
                mm_per_px,
                Angle::default(),
                true,
                Vector::new(-cx * mm_per_px, cy * mm_per_px),
            ),
        }
    }
    /// The point of the plane at height `z` above the table that pixel position `p` shows.
    pub fn plane_from_image(&self, p: Point<ImagePx>, _z: Mm) -> Point<PlaneMm> {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.apply(p),
        }
    }
    /// The pixel position that shows the point `p` at height `z` above the table.
    pub fn image_from_plane(&self, p: Point<PlaneMm>, _z: Mm) -> Point<ImagePx> {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.inverse().apply(p),
        }
    }
    /// Size of a pixel on the plane near `p`, mm.
    pub fn mm_per_px(&self, _p: Point<PlaneMm>) -> f64 {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.scale(),
        }
    }
}
