//! What the part should be: a drawing (closed contours in millimetres with named features) or a reference picture.

mod contour;
mod error;
mod picture;
mod pyramid;
pub mod raster;

pub use contour::{Contour, ContourPoint, Segment};
pub use error::DesignError;
pub(crate) use picture::Landmark;
pub use picture::ReferencePicture;
pub use pyramid::{Pyramid, Raster};

use crate::geometry::{Circle, DesignMm};

/// What a recipe compares the part with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reference {
    /// A drawing in millimetres.
    Drawing(Design),
    /// A picture of a good part.
    Picture(ReferencePicture),
}

/// A drawing: exactly one outline, and what is cut out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Closed contours, the outline first. Material lies to the **left** of the direction of travel (y up): the outline runs
    /// counter-clockwise, everything cut out of it clockwise.
    pub contours: Vec<Contour>,
    /// Named features, one per contour, in the order of `contours`.
    pub features: Vec<Feature>,
}

/// A named contour.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// `outline`, `hole-1`, `hole-2`, ..., `cutout-1`, ...: numbered in reading order of their centres (top to bottom, then left to
    /// right, of the drawing as drawn), so that names do not depend on the order of the file.
    pub name: String,
    /// What it is.
    pub kind: FeatureKind,
}

/// Kinds of features.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeatureKind {
    /// The outer contour. A round one says its circle.
    Outline(Option<Circle<DesignMm>>),
    /// A round hole.
    Hole(Circle<DesignMm>),
    /// Any other opening.
    Cutout,
}

impl Design {
    /// The feature of that name and its contour.
    pub fn feature(&self, name: &str) -> Option<(&Feature, &Contour)> {
        self.features.iter().zip(&self.contours).find(|(f, _)| f.name == name)
    }
}
