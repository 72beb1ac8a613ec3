//! The edges that a check looked at: what each shows, or why it has no part in the number. For the overlay, the record, and whoever asks why.

use crate::geometry::{ImagePx, Point, Vector};
use crate::measure::edge::{Edge, NoEdge};
use crate::registration::ContourEdge;

/// An edge that a check looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenEdge {
    /// Where it was found, or looked for.
    pub p: Point<ImagePx>,
    /// Unit normal out of the material.
    pub normal: Vector<ImagePx>,
    /// What became of it.
    pub shows: Shows,
}

/// What an edge shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shows {
    /// It lies on the figure that was fitted.
    OnFigure,
    /// How far it lies beyond the drawing, mm; positive is more material.
    Strays(f64),
    /// It has no part in the number.
    Rejected(Rejected),
}

/// Why an edge has no part in a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rejected {
    /// The next piece of contour is in its window.
    NearEnd,
    /// None was found.
    NoEdge(NoEdge),
    /// It lies off the figure, by so many mm.
    OffFigure(f64),
}

impl Rejected {
    /// Every word of [`code`](Self::code) with its words for people.
    pub const WORDS: [(&str, &str); 8] = [
        ("near-end", "near the end of the feature"),
        ("off-figure", "off the figure"),
        ("off-image", "outside the picture"),
        ("hidden", "hidden by the part"),
        ("only-material", "material as far as was looked"),
        ("only-background", "no material as far as was looked"),
        ("no-step", "no clear edge"),
        ("glare", "too bright to tell"),
    ];
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NearEnd => "near-end",
            Self::OffFigure(_) => "off-figure",
            Self::NoEdge(NoEdge::OffImage) => "off-image",
            Self::NoEdge(NoEdge::Hidden) => "hidden",
            Self::NoEdge(NoEdge::OnlyMaterial) => "only-material",
            Self::NoEdge(NoEdge::OnlyBackground) => "only-background",
            Self::NoEdge(NoEdge::NoStep) => "no-step",
            Self::NoEdge(NoEdge::Glare) => "glare",
        }
    }
}

impl SeenEdge {
    /// One that was found.
    pub(super) const fn found(edge: &Edge, shows: Shows) -> Self {
        Self { p: edge.p, normal: edge.normal, shows }
    }
    /// One that was not, where it was looked for.
    pub(super) const fn lost(p: Point<ImagePx>, normal: Vector<ImagePx>, why: NoEdge) -> Self {
        Self { p, normal, shows: Shows::Rejected(Rejected::NoEdge(why)) }
    }
    /// A place of a contour.
    pub(super) fn of(e: &ContourEdge, shows: Shows) -> Self {
        let lost = Self { p: e.p_image_px, normal: e.normal_px, shows };
        e.edge.map_or(lost, |edge| Self::found(&edge, shows))
    }
}
