//! Why a recipe is refused.

use thiserror::Error;

/// Why a recipe cannot be used: place, what was expected, what was found.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file of the recipe cannot be read.
    #[error("cannot read {file}: {cause}")]
    Unreadable {
        /// The file, relative to the recipe's folder.
        file: String,
        /// What the system said.
        cause: String,
    },
}
