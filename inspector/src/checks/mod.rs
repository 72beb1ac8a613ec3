//! The checks. A check **measures, it never decides**: it turns a registered part into observations.
//!
//! A new check is one file in this folder plus one line in [`REGISTRY`]. The shared suite in `suite.rs` runs over every
//! registered check.

pub mod angle;
pub mod arc;
mod boxes;
pub mod burr;
pub mod classify;
pub mod code;
pub mod count;
pub mod detect;
pub mod distance;
mod entry;
pub mod extra;
mod figure;
mod form;
#[cfg(test)]
mod gauge_tests;
pub mod hole;
pub mod iso2768;
mod learned;
#[cfg(test)]
mod learned_tests;
#[cfg(test)]
mod light_tests;
mod material;
#[cfg(test)]
mod material_tests;
pub mod missing;
#[cfg(test)]
mod oblique_tests;
pub mod outline;
#[cfg(test)]
mod oval_tests;
mod pair;
mod peak;
pub mod presence;
pub mod profile;
pub mod reference;
#[cfg(test)]
mod refusal_tests;
pub mod region;
mod round;
pub mod roundness;
mod seen;
pub mod segment;
#[cfg(test)]
mod slanted_tests;
pub mod straightness;
#[cfg(test)]
mod suite;
pub mod symmetry;
mod trace;
pub mod width;

pub use entry::{Dimension, Entry, EntryError, Limits};
pub use reference::{ReferenceCheck, Settings as ReferenceSettings};
pub use region::Region;
pub use seen::{Rejected, SeenEdge, Shows};

use crate::calibration::Budget;
use crate::design::{Design, Feature, FeatureKind, Reference};
use crate::geometry::{Circle, DesignMm, Mm, PixelRect};
use crate::identity::Identity;
use crate::models::Models;
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::{Deserialize, Serialize};

/// Every check Assay knows, in the order in which `assay recipe new` proposes them.
pub static REGISTRY: &[&CheckType] = &[
    &outline::TYPE,
    &hole::TYPE,
    &width::TYPE,
    &distance::TYPE,
    &angle::TYPE,
    &arc::TYPE,
    &profile::TYPE,
    &roundness::TYPE,
    &straightness::TYPE,
    &symmetry::TYPE,
    &burr::TYPE,
    &missing::TYPE,
    &extra::TYPE,
    &reference::TYPE,
    &classify::TYPE,
    &detect::TYPE,
    &count::TYPE,
    &segment::TYPE,
    &presence::TYPE,
    &code::TYPE,
];

/// What kind of check this is: its words, its recipe entry, its method and limits.
#[derive(Debug)]
pub struct CheckType {
    /// The word in `type = "..."`.
    pub name: &'static str,
    /// What is measured (VIM: the measurand), one line.
    pub measurand: &'static str,
    /// How, one line.
    pub method: &'static str,
    /// Where the method comes from: paper with DOI, or standard and clause.
    pub source: &'static str,
    /// Where the method stops working.
    pub honest_scope: &'static str,
    /// The reference it needs.
    pub needs: Needs,
    /// A complete `[[check]]` entry, which the shared suite opens and runs on the suite's own part.
    pub example: &'static str,
    /// Reads a recipe entry.
    pub parse: Parse,
    /// Proposes `[[check]]` entries (TOML text) for a design, seen with about so many mm per pixel.
    pub propose: fn(&Design, f64) -> Vec<String>,
}

/// Reads a recipe entry into a check, or says what is wrong with it.
pub type Parse = fn(&Entry<'_>, &Context<'_>) -> Result<Box<dyn Check>, EntryError>;

/// What a recipe offers its checks.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What the part is compared with.
    pub reference: &'a Reference,
    /// The models in the recipe's folder.
    pub models: &'a Models,
}

/// The kind of reference a check compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A drawing in millimetres.
    Drawing,
    /// A reference picture.
    Picture,
    /// Any, or none: it looks at the photo itself.
    Any,
}

/// A check of one recipe, ready to run.
pub trait Check: std::fmt::Debug + Send + Sync {
    /// What it will observe, in order.
    fn characteristics(&self) -> &[Characteristic];
    /// Measures. Gives exactly one observation per characteristic, in the same order.
    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation>;
}

/// One number a check promises: what it is called, what it should be, and how far it may deviate.
#[derive(Clone, Debug, PartialEq)]
pub struct Characteristic {
    /// Unique in the recipe, such as `hole-1.diameter`.
    pub id: String,
    /// The check's type, such as `hole`.
    pub check_type: &'static str,
    /// What it should be, in `unit`.
    pub nominal: f64,
    /// Lowest deviation (measured - nominal) that conforms; `None` for no lower limit.
    pub lower: Option<f64>,
    /// Highest deviation that conforms; `None` for no upper limit.
    pub upper: Option<f64>,
    /// Unit of all of these.
    pub unit: Unit,
}

impl Characteristic {
    /// A dimension.
    fn of(id: String, check_type: &'static str, dimension: Dimension, unit: Unit) -> Self {
        let Dimension { nominal, limits: Limits { lower, upper } } = dimension;
        Self { id, check_type, nominal, lower, upper, unit }
    }
    /// A deviation that should be none: a form, a burr.
    const fn deviation(id: String, check_type: &'static str, upper: f64) -> Self {
        Self { id, check_type, nominal: 0.0, lower: None, upper: Some(upper), unit: Unit::Mm }
    }
    /// Width of the tolerance zone; without end where one side has no limit.
    fn room(&self) -> f64 {
        self.upper.unwrap_or(f64::INFINITY) - self.lower.unwrap_or(f64::NEG_INFINITY)
    }
}

/// Units of measured quantities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Unit {
    /// Millimetre.
    #[serde(rename = "mm")]
    Mm,
    /// Square millimetre.
    #[serde(rename = "mm2")]
    SquareMm,
    /// Degree of a plane angle.
    #[serde(rename = "deg")]
    Degree,
    /// A number of things.
    #[serde(rename = "count")]
    Count,
    /// What a model says of its own answer, 0 to 1.
    #[serde(rename = "score")]
    Score,
    /// A part of a whole, 0 to 1.
    #[serde(rename = "share")]
    Share,
}

impl Unit {
    /// As written in JSON: `mm`, `mm2`, `deg`, `count`, `score` or `share`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mm => "mm",
            Self::SquareMm => "mm2",
            Self::Degree => "deg",
            Self::Count => "count",
            Self::Score => "score",
            Self::Share => "share",
        }
    }
    /// As written for people.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Mm => "mm",
            Self::SquareMm => "mm²",
            Self::Degree => "°",
            Self::Count | Self::Score | Self::Share => "",
        }
    }
}

/// What came of one characteristic.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The number, or why there is none.
    pub outcome: Outcome,
    /// What its uncertainty is made of; empty where that is not known.
    pub budget: Budget,
    /// Where in the photo to look, worst first.
    pub regions: Vec<PixelRect>,
    /// The edges that were looked at; empty for checks that look at none.
    pub edges: Vec<SeenEdge>,
    /// What was read or recognised, in words: the text of a code, a label.
    pub text: Option<String>,
    /// What it tells of the part's identity.
    pub gives: Identity,
}

/// Measured, or not. Never a verdict.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A number.
    Measured {
        /// The measured quantity, in the characteristic's unit.
        value: f64,
        /// Its standard uncertainty, same unit.
        u: f64,
    },
    /// No number, and why.
    NotMeasured(Reason),
}

impl Observation {
    /// A number with its uncertainty; NaN becomes [`Reason::NotFinite`].
    pub fn measured(value: f64, u: f64) -> Self {
        if value.is_finite() && u.is_finite() && u >= 0.0 {
            Self::of(Outcome::Measured { value, u })
        } else {
            Self::not_measured(Reason::NotFinite)
        }
    }
    /// A number with what its uncertainty is made of; NaN becomes [`Reason::NotFinite`].
    pub fn with_budget(value: f64, budget: Budget) -> Self {
        let observation = Self::measured(value, budget.u());
        match observation.outcome {
            Outcome::Measured { .. } => Self { budget, ..observation },
            Outcome::NotMeasured(_) => observation,
        }
    }
    /// No number, and why.
    pub fn not_measured(reason: Reason) -> Self {
        Self::of(Outcome::NotMeasured(reason))
    }
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            budget: Budget::default(),
            regions: Vec::new(),
            edges: Vec::new(),
            text: None,
            gives: Identity::default(),
        }
    }
    /// With places to look at, worst first.
    #[must_use]
    pub fn at(mut self, regions: Vec<PixelRect>) -> Self {
        self.regions = regions;
        self
    }
    /// With the edges that were looked at.
    #[must_use]
    pub fn seeing(mut self, edges: Vec<SeenEdge>) -> Self {
        self.edges = edges;
        self
    }
    /// With what was read.
    #[must_use]
    pub fn saying(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }
    /// With what it tells of the part's identity.
    #[must_use]
    pub fn giving(mut self, identity: Identity) -> Self {
        self.gives = identity;
        self
    }
}

/// The drawing, for checks whose `needs` is [`Needs::Drawing`].
fn drawing_of<'a>(context: &Context<'a>) -> Result<&'a Design, EntryError> {
    match context.reference {
        Reference::Drawing(design) => Ok(design),
        _ => Err(EntryError::new("this check needs a drawing; the recipe has none")),
    }
}

/// Nearer to a corner than this, px, two edges share the window.
const CORNER_PX: f64 = 6.0;
/// Edges shorter than this, px, are not proposed to be measured: 32 px are the least, and so few places tell little.
const LEAST_EDGE_PX: f64 = 40.0;
/// Farther from the drawing than this, mm, no feature is looked for; each of two may be so far.
const MAX_OFF_MM: f64 = 3.0;
/// Widest deviation that the search distance of the edges can decide, mm.
const MAX_DEVIATION_MM: f64 = 2.5;

/// # Errors
/// When a nominal cannot be that of the drawing: another feature is meant.
fn near_drawing(key: &str, dimension: &Dimension, drawn: f64) -> Result<(), EntryError> {
    let (nominal, unmade) = (dimension.nominal, dimension.limits);
    if (nominal - drawn).abs() > MAX_OFF_MM {
        return Err(EntryError::new(format!(
            "`{key}`: the drawing has {drawn:.3} mm, found nominal = {nominal}: expected at most {MAX_OFF_MM} mm from it"
        )));
    }
    let absurd = [unmade.lower, unmade.upper].into_iter().flatten().find(|l| l.abs() > MAX_OFF_MM);
    absurd.map_or(Ok(()), |limit| {
        Err(EntryError::new(format!(
            "`{key}`: expected limits up to {MAX_OFF_MM} mm, where a feature is looked for, found {limit}"
        )))
    })
}

/// # Errors
/// When a tolerance of form is none, or is wider than edges are looked for.
fn form_limit(key: &str, upper: f64) -> Result<f64, EntryError> {
    if upper > 0.0 && upper <= MAX_DEVIATION_MM {
        return Ok(upper);
    }
    Err(EntryError::new(format!("`{key}`: expected a width above 0 and up to {MAX_DEVIATION_MM} mm, found {upper}")))
}

/// Length of a straight edge, mm; 0 for other features.
fn edge_length(feature: &Feature) -> f64 {
    match feature.kind {
        FeatureKind::Edge { from, to } => from.distance(to),
        _ => 0.0,
    }
}

/// The feature of that name.
fn feature_of<'a>(design: &'a Design, name: &str) -> Result<&'a Feature, EntryError> {
    design.feature(name).map(|(feature, _)| feature).ok_or_else(|| {
        let known: Vec<&str> = design.features.iter().map(|f| f.name.as_str()).collect();
        EntryError::new(format!("`feature`: expected one of {}, found {name:?}", known.join(", ")))
    })
}

/// Where a round feature should be in the photo, when the part was found.
fn region_of(part: &RegisteredPart<'_>, nominal: &Circle<DesignMm>) -> Vec<PixelRect> {
    let Ok(pose) = part.drawing() else { return Vec::new() };
    let camera = part.located.camera();
    let on_plane = pose.plane_from_design.apply(nominal.centre);
    let centre = camera.image_from_plane(on_plane, Mm(0.0));
    let margin = nominal.radius / camera.mm_per_px(on_plane) + 2.0;
    let (w, h) = part.located.light.dimensions();
    PixelRect::around([centre], margin, w, h).into_iter().collect()
}
