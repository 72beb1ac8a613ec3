//! What a drawing is made of, by name.

use crate::geometry::{Angle, Circle, DesignMm, Point, Vector};
use std::ops::Range;

/// A named contour, or a named piece of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// `outline`; `hole-1`, `hole-2`, ...; `slot-1` or `cutout-1`, ... (numbered together: `slot-1`, `cutout-2`); `edge-1`, ...; `arc-1`, ...
    ///
    /// Numbered in reading order of their middles (top to bottom, then left to right, of the drawing as drawn), so that names do not depend
    /// on the order of the file, nor on where a program cuts its lines.
    pub name: String,
    /// What it is.
    pub kind: FeatureKind,
    /// Index of its contour in the design.
    pub contour: usize,
    /// The segments of that contour it consists of: all of them, or a run of neighbours.
    pub segments: Range<usize>,
}

/// Kinds of features.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeatureKind {
    /// The outer contour. A round one says its circle.
    Outline(Option<Circle<DesignMm>>),
    /// A round hole: drawn as a circle, as arcs on one circle (within 0.005 mm), or as a polygon of at least 16 vertices on one circle with sides
    /// of about one length, 0.02 mm inside it at most. Its contour is one whole circle.
    Hole(Circle<DesignMm>),
    /// An opening of two parallel sides and two half circles.
    Slot(Slot),
    /// Any other opening.
    Cutout,
    /// A straight piece of the outline or of a cutout, at least 1 mm long: lines on one line (within 0.005 mm). Chords of a curve are none:
    /// lines that go on, at less than 5°, into a line of a quarter of their length or more.
    Edge {
        /// Where it starts; material to the left.
        from: Point<DesignMm>,
        /// Where it ends.
        to: Point<DesignMm>,
    },
    /// A round piece of the outline or of a cutout, a fillet for example: arcs on one circle (within 0.005 mm), at least 1 mm and 15° long. Pieces of a
    /// free curve are none: arcs that go on smoothly into an arc of about their radius.
    Arc {
        /// The circle it lies on.
        circle: Circle<DesignMm>,
        /// Direction from the centre to its start.
        start: Angle,
        /// Signed sweep: positive where the material is convex (an outer corner), negative where it is hollow (an inner one).
        sweep: Angle,
    },
}

/// Two parallel sides and two half circles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    /// Centre of one half circle: the left one, or the lower one of an upright slot.
    pub from: Point<DesignMm>,
    /// Centre of the other.
    pub to: Point<DesignMm>,
    /// Distance between the sides, mm.
    pub width: f64,
}

impl Slot {
    /// Length over all, mm.
    pub fn length(&self) -> f64 {
        self.from.distance(self.to) + self.width
    }
    /// The middle.
    pub fn centre(&self) -> Point<DesignMm> {
        self.from.midpoint(self.to)
    }
    /// Unit vector along the axis, from `from` to `to`.
    pub fn axis(&self) -> Vector<DesignMm> {
        (self.to - self.from).unit().unwrap_or(Vector::new(1.0, 0.0))
    }
}

impl Feature {
    /// True for a whole contour, false for a piece of one. The first features of a design are its contours, in their order.
    pub const fn is_contour(&self) -> bool {
        !matches!(self.kind, FeatureKind::Edge { .. } | FeatureKind::Arc { .. })
    }
    /// True when that segment of that contour belongs to it (as in [`ContourPoint`](super::ContourPoint)).
    pub fn holds(&self, contour: usize, segment: usize) -> bool {
        self.contour == contour && self.segments.contains(&segment)
    }
    /// True when `name` means this feature. Recipes written before slots were recognised call `slot-2` `cutout-2`.
    pub fn is_called(&self, name: &str) -> bool {
        let slot_as_cutout = || self.name.strip_prefix("slot-").zip(name.strip_prefix("cutout-"));
        self.name == name || slot_as_cutout().is_some_and(|(own, asked)| own == asked)
    }
    /// Its circle, when it is a round outline, a hole or an arc.
    pub const fn circle(&self) -> Option<Circle<DesignMm>> {
        match self.kind {
            FeatureKind::Outline(circle) => circle,
            FeatureKind::Hole(circle) | FeatureKind::Arc { circle, .. } => Some(circle),
            _ => None,
        }
    }
}
