//! What the part should be: a drawing (closed contours in millimetres with named features) or a reference picture.

mod assemble;
mod contour;
mod crossing;
mod dxf;
#[cfg(test)]
mod dxf_tests;
mod error;
mod feature;
#[cfg(test)]
mod feature_tests;
mod flatten;
mod join;
mod pattern;
mod picture;
mod pyramid;
pub mod raster;
mod recognise;
mod svg;
#[cfg(test)]
mod svg_tests;
mod symmetry;
#[cfg(test)]
mod tests;
mod units;

pub use contour::{Contour, ContourPoint, Segment};
pub use dxf::write_dxf;
pub use error::DesignError;
pub use feature::{Feature, FeatureKind, Slot};
pub use join::GAP;
pub use pattern::{Pattern, PatternKind};
pub(crate) use picture::Landmark;
pub use picture::ReferencePicture;
pub use pyramid::{Pyramid, Raster};
pub(crate) use recognise::ellipse;
pub use symmetry::{Symmetry, Turns};
pub use units::Units;

use crate::geometry::{DesignMm, Point, Vector};
use std::collections::BTreeMap;

/// What is farther away than this many thicknesses neither hides the foot of a wall nor throws its shadow there.
const ROOMY: f64 = 20.0;

/// Largest file that is read.
const MAX_BYTES: usize = 32 << 20;
/// Most lines and arcs that are read, after blocks are inserted and curves made arcs.
const MAX_SEGMENTS: usize = 1_000_000;
/// Most entities or elements that are looked at, those of inserted blocks once per insertion.
const MAX_ENTITIES: usize = 2_000_000;

/// The lines and arcs of a file, mm.
#[derive(Debug)]
struct Drawn {
    pieces: Vec<join::Piece>,
    /// The unit it was drawn in, in words.
    drawn_in: String,
    /// How many entities of which kind were passed over.
    ignored: BTreeMap<String, usize>,
    /// What was read in one way and may be meant in another, a sentence each.
    remarks: Vec<String>,
}

/// What a recipe compares the part with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reference {
    /// A drawing in millimetres.
    Drawing(Design),
    /// A picture of a good part.
    Picture(ReferencePicture),
    /// Nothing: the part is not looked for, and checks look at the photo as it is.
    Photo,
}

/// A drawing: exactly one outline, and what is cut out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Closed contours, the outline first. Material lies to the **left** of the direction of travel (y up): the outline runs
    /// counter-clockwise, everything cut out of it clockwise.
    pub contours: Vec<Contour>,
    /// Named features: first one per contour, in the order of `contours`; then the straight edges and the arcs of outline and cutouts.
    pub features: Vec<Feature>,
    /// What the drawing does not say.
    pub body: Body,
    /// What of the file was not read, such as `2 HATCH` or `3 entities on hidden layers or paper`: a person must see that none of it is a contour.
    pub passed_over: Vec<String>,
    /// The unit it was drawn in, in words such as `inches`.
    pub drawn_in: String,
    /// What was read in one way and may be meant in another, a sentence each.
    pub remarks: Vec<String>,
}

/// A part beside its contours: how thick it is, and how it may lie. In a recipe `[design] thickness = 3.0`, `u_thickness = 0.05`,
/// `either_side = true`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Body {
    /// Height of its upper side above the sheet that it lies on, mm; 0 for paper, foil and cameras that look straight down from far.
    pub thickness_mm: f64,
    /// Standard uncertainty of `thickness_mm`.
    pub u_thickness_mm: f64,
    /// It may lie on its face.
    pub either_side: bool,
}

/// `3 entities without length`, `1 entity without length`.
fn counted(n: usize, kind: &str) -> String {
    let one = |plural: &str, singular: &str| kind.strip_prefix(plural).map(|rest| format!("1 {singular}{rest}"));
    let single = one("entities", "entity")
        .or_else(|| one("elements", "element"))
        .or_else(|| one("hidden elements", "hidden element"));
    single.filter(|_| n == 1).unwrap_or_else(|| format!("{n} {kind}"))
}

impl Design {
    /// Reads a drawing of one flat part, ASCII DXF or SVG.
    ///
    /// * DXF: LINE, ARC, CIRCLE, LWPOLYLINE and POLYLINE with bulges, ELLIPSE and SPLINE (made arcs and lines within 0.001 mm), INSERT with
    ///   one scale for x and y. Passed over: text, dimensions, hatches, points and the like; layers that are off, frozen or not
    ///   plotted, DEFPOINTS, paper space. Anything else is refused by name, so are external references and two blocks of one name. Line types other than
    ///   continuous, and widths of polylines, are told in `remarks`.
    /// * SVG: paths, basic shapes, groups, transforms, `use`. A contour is the path itself, not the rim of its stroke; what is only filled is closed as its fill
    ///   is. Circles and arcs that a program drew as cubic curves come out as circles and arcs; other curves within 0.001 mm. Passed over: text,
    ///   images, what is hidden or has neither stroke nor fill. Refused: scripts, animation, references out of the file (nothing is ever
    ///   fetched), masks and clips, XML entities, style rules that hide and are not understood, a loop inside a filled path that is solid by
    ///   its rule of filling. x stays as drawn, y is turned to point up.
    /// * Ends within 0.01 mm ([`GAP`]) are joined; pieces without length, and pieces drawn twice, are dropped. Of what has no length as a whole
    ///   `passed_over` tells.
    /// * `units` is what the drawing was made in when it does not say so itself; the two must not disagree. A DXF says it by `$INSUNITS`, an SVG by width and
    ///   height with mm, cm, in, pt, pc or px against its viewBox. An inch has 96 px; 72 in files of Adobe Illustrator and 90 in those of Inkscape before
    ///   0.92, as far as these name their maker. A unit that is given counts more than px.
    ///
    /// # Errors
    /// [`DesignError`]: no units, not flat, an open or forked contour, contours that cross or touch, no contour, several parts, more than 32 MB,
    /// a million lines and arcs, 10,000 contours.
    ///
    /// Cost: 1 ms for a usual part, about 4 s and 600 MB for a million lines.
    ///
    /// Honest scope: what the drawing *means* is not read (tolerances, notes, hidden edges drawn as lines); centre lines must lie on a
    /// hidden layer.
    ///
    /// ```
    /// use inspector::design::{Design, FeatureKind, Units};
    /// // The hard case: no units, lines in any order and direction, a gap of 0.008 mm, a line drawn twice, and a hole of two half circles.
    /// let line = |x1: f64, y1: f64, x2: f64, y2: f64| format!("0\nLINE\n10\n{x1}\n20\n{y1}\n11\n{x2}\n21\n{y2}\n");
    /// let arc = |from: i32, to: i32| format!("0\nARC\n10\n5\n20\n5\n40\n2\n50\n{from}\n51\n{to}\n");
    /// let entities = [
    ///     line(0.0, 0.0, 10.0, 0.0), line(0.0, 10.0, 0.0, 0.0), line(10.0, 0.0, 0.0, 0.0),
    ///     line(10.0, 10.0, 0.0, 10.0), line(10.0, 10.0, 10.0, 0.0003), arc(0, 180), arc(180, 0),
    /// ];
    /// let file = format!("0\nSECTION\n2\nENTITIES\n{}0\nENDSEC\n0\nEOF\n", entities.concat());
    /// assert!(Design::open(file.as_bytes(), None).unwrap_err().to_string().contains("no units"));
    /// let design = Design::open(file.as_bytes(), Some(Units::Inch))?;
    /// assert_eq!(design.contours.len(), 2);
    /// let (hole, _) = design.feature("hole-1").unwrap();
    /// assert!(matches!(hole.kind, FeatureKind::Hole(c) if (c.radius - 50.8).abs() < 1e-9));
    /// # Ok::<(), inspector::design::DesignError>(())
    /// ```
    pub fn open(bytes: &[u8], units: Option<Units>) -> Result<Self, DesignError> {
        if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'<', ..] | [b'<', 0, ..]) {
            return Err(DesignError::NotADesign { found: "text in UTF-16: save it as UTF-8 or ASCII".to_owned() });
        }
        let drawn = if svg::is_xml(bytes) { svg::read(bytes, units)? } else { dxf::read(bytes, units)? };
        let passed_over: Vec<String> = drawn.ignored.iter().map(|(kind, n)| counted(*n, kind)).collect();
        if drawn.pieces.is_empty() {
            let found = if passed_over.is_empty() { "no entities".to_owned() } else { passed_over.join(", ") };
            return Err(DesignError::NoContour { found });
        }
        let Drawn { pieces, drawn_in, mut remarks, .. } = drawn;
        let loops = join::join(pieces).map_err(|mut error| {
            if let DesignError::Open { line, layer, .. } = &mut error {
                *layer = dxf::layer_at(bytes, *line);
            }
            error
        })?;
        let design = assemble::assemble(loops)?;
        remarks.extend(design.remarks);
        Ok(Self { passed_over, drawn_in, remarks, ..design })
    }

    /// Lowest and highest coordinates of the part, mm.
    pub fn bounds(&self) -> (Point<DesignMm>, Point<DesignMm>) {
        self.contours.first().map_or((Point::new(0.0, 0.0), Point::new(0.0, 0.0)), Contour::bounds)
    }

    /// Area of the material, mm².
    pub fn area(&self) -> f64 {
        self.contours.iter().map(Contour::signed_area).sum()
    }

    /// The centroid of the material.
    pub fn centroid(&self) -> Point<DesignMm> {
        let moment = self.contours.iter().fold(Vector::new(0.0, 0.0), |sum, c| sum + c.moment());
        Point::new(0.0, 0.0) + moment * (1.0 / self.area())
    }

    /// True when there is material at `p`; either on a contour itself. Cost: one look at each segment, so pictures are better filled from
    /// [`Contour::polygon`].
    pub fn contains(&self, p: Point<DesignMm>) -> bool {
        self.contours.iter().fold(false, |inside, contour| inside ^ contour.encloses(p))
    }

    /// Says of points of its contours how much room each has before it. Of a part without thickness nothing stands there. Cost: each looks at all segments.
    pub fn look_around(&self, points: &mut [ContourPoint]) {
        if self.body.thickness_mm > 0.0 {
            let far = ROOMY * self.body.thickness_mm;
            points.iter_mut().for_each(|at| at.room = crossing::free_way(&self.contours, at.p, at.normal, far));
        }
    }

    /// The feature of that name (see [`Feature::is_called`]) and its contour.
    pub fn feature(&self, name: &str) -> Option<(&Feature, &Contour)> {
        let feature = self.features.iter().find(|f| f.is_called(name))?;
        self.contours.get(feature.contour).map(|contour| (feature, contour))
    }
}
