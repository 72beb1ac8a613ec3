//! Recipes: a folder with `recipe.toml`, the design file and whatever else belongs to it.

mod error;

pub use error::RecipeError;

use crate::calibration::CalibrationPolicy;
use crate::checks::Check;
use crate::decision::Rule;
use crate::design::Reference;
use crate::photo::Sha256;

/// A recipe that has been read, checked and found whole.
#[derive(Debug)]
pub struct Recipe {
    /// Part number.
    pub part: String,
    /// Revision of the part.
    pub revision: Option<String>,
    /// Digest over the sorted (path, size, sha256) of the folder's files: the recipe's identity.
    pub hash: Sha256,
    /// Where scale and tone come from.
    pub calibration: CalibrationPolicy,
    /// How limits and uncertainty make a verdict.
    pub rule: Rule,
    /// What the part is compared with.
    pub reference: Reference,
    /// The checks, in the recipe's order.
    pub checks: Vec<Box<dyn Check>>,
}
