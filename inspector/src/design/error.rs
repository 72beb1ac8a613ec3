//! Why a design is refused.

use super::Units;
use thiserror::Error;

/// Why a design file cannot be used: what was expected, what was found, and where. The caller adds the file's name.
///
/// Coordinates are in millimetres, as drawn; `line` counts the lines of the file from 1.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Not a design file, or of a kind that is not read.
    #[error("expected a DXF or SVG drawing, found {found}")]
    NotADesign {
        /// What was found instead.
        found: String,
    },
    /// A file larger than is read.
    #[error("the drawing is too large: expected at most {limit} bytes, found {found}")]
    TooLarge {
        /// Bytes in the file.
        found: usize,
        /// Bytes that are read.
        limit: usize,
    },
    /// More of something than is read.
    #[error("the drawing is too large: more than {limit} {what}; keep one part in it, and simplify its curves")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
    /// The file's grammar is broken.
    #[error("line {line}: expected {expected}, found {found}")]
    Syntax {
        /// Where.
        line: u32,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The file ends early.
    #[error("the drawing is cut off: expected the mark EOF at its end, found the end of the file at line {line}")]
    CutOff {
        /// Last line.
        line: u32,
    },
    /// The drawing does not say its units.
    #[error(
        "the drawing has no units ({found}): say which, such as --units mm (in a recipe units = \"mm\" in [design])"
    )]
    NoUnits {
        /// What says it, and how, such as `$INSUNITS is 0`.
        found: &'static str,
    },
    /// A unit that no drawing of a part has.
    #[error("expected millimetres, centimetres, metres, inches, feet, mils or micrometres, found $INSUNITS = {code}")]
    UnknownUnits {
        /// The code of the file.
        code: i64,
    },
    /// Drawing and caller disagree.
    #[error(
        "units are given as {given}, but the drawing says {found}: leave --units away (in a recipe the line units), or correct the drawing"
    )]
    UnitsDisagree {
        /// What the caller said.
        given: Units,
        /// What the file says.
        found: Units,
    },
    /// A drawing of a plane part is expected.
    #[error(
        "the drawing is not flat: {entity} at line {line}, near ({x:.4}, {y:.4}) mm, has {found}, expected {expected}"
    )]
    NotFlat {
        /// DXF name, such as `LINE`.
        entity: String,
        /// Where it starts in the file.
        line: u32,
        /// Where it is drawn.
        x: f64,
        /// Where it is drawn.
        y: f64,
        /// Such as `z = 3 mm`.
        found: String,
        /// Such as `z = 0 mm`.
        expected: String,
    },
    /// An entity that cannot be used as it is.
    #[error("{entity} at line {line}: {detail}")]
    Entity {
        /// Its name, such as `SPLINE` or `<path>`.
        entity: String,
        /// Where it starts in the file.
        line: u32,
        /// Expected, found, what to do.
        detail: String,
    },
    /// A contour that does not close.
    #[error(
        "open contour: a line (file line {line}{}) ends at ({x:.4}, {y:.4}) mm; the nearest free end is at ({to_x:.4}, {to_y:.4}) mm, \
         {} mm away, expected at most {allowed} mm ({ends} free ends in all)",
        .layer.as_ref().map(|name| format!(", layer {name}")).unwrap_or_default(),
        beyond(*.gap, *.allowed)
    )]
    Open {
        /// Where the entity starts in the file.
        line: u32,
        /// The layer it is drawn on, where the file has layers.
        layer: Option<String>,
        /// The free end.
        x: f64,
        /// The free end.
        y: f64,
        /// The nearest other free end.
        to_x: f64,
        /// The nearest other free end.
        to_y: f64,
        /// Distance between them, mm.
        gap: f64,
        /// Gap that is closed without asking, mm.
        allowed: f64,
        /// Free ends of the whole drawing.
        ends: usize,
    },
    /// A contour that forks, or a line drawn twice in part.
    #[error(
        "a line (file line {line}) ends at ({x:.4}, {y:.4}) mm on another line (file line {other_line}): a fork, or a line drawn twice"
    )]
    Fork {
        /// Where the entity starts in the file.
        line: u32,
        /// Where the other entity starts in the file.
        other_line: u32,
        /// Where they meet.
        x: f64,
        /// Where they meet.
        y: f64,
    },
    /// Contours that cross or touch.
    #[error("contours cross or touch at ({x:.4}, {y:.4}) mm (file lines {line} and {other_line})")]
    Crossing {
        /// Where one of the entities starts in the file.
        line: u32,
        /// Where the other starts in the file.
        other_line: u32,
        /// Where they cross.
        x: f64,
        /// Where they cross.
        y: f64,
    },
    /// Nothing to inspect.
    #[error("no closed contour in the drawing; found {found}")]
    NoContour {
        /// What else is in it.
        found: String,
    },
    /// More than one part.
    #[error(
        "expected one part, found {found} outer contours (one more around ({x:.4}, {y:.4}) mm): keep one part in the drawing, without \
         frame and title block"
    )]
    SeveralParts {
        /// Outer contours.
        found: usize,
        /// Centre of the second largest.
        x: f64,
        /// Centre of the second largest.
        y: f64,
    },
    /// A part inside an opening of another.
    #[error(
        "expected one part, found a contour inside an opening, around ({x:.4}, {y:.4}) mm: that is a second part, a line drawn twice, or this is a border around the \
         part: hide it"
    )]
    Island {
        /// Its centre.
        x: f64,
        /// Its centre.
        y: f64,
    },
    /// Too much in one place to be looked through in bounded time.
    #[error("the drawing is too dense near ({x:.4}, {y:.4}) mm to be checked: simplify it")]
    TooDense {
        /// Where.
        x: f64,
        /// Where.
        y: f64,
    },
}

/// A distance with as many digits as show that it is beyond what is allowed, four at least.
fn beyond(found: f64, allowed: f64) -> String {
    let shown = |digits: usize| format!("{found:.digits$}");
    let enough = |digits: &usize| shown(*digits).parse::<f64>().is_ok_and(|v| v > allowed);
    shown((4..=12).find(enough).unwrap_or(4))
}
