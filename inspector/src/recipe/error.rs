//! Why a recipe is refused.

use crate::design::DesignError;
use crate::models::ModelError;
use crate::photo::PhotoError;
use thiserror::Error;

/// Why a recipe cannot be used: place, what was expected, what was found. File names are relative to the recipe's folder.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file of the recipe cannot be read.
    #[error("cannot read {file}: {cause}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// The recipe cannot be written.
    #[error("cannot write {file}: {cause}")]
    Unwritable {
        /// The file.
        file: String,
        /// What the system said.
        cause: String,
    },
    /// A file that is larger than a recipe's files are.
    #[error("{file} is too large: expected at most {limit} bytes, found {found}")]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes it has.
        found: u64,
        /// Bytes it may have.
        limit: u64,
    },
    /// More files than a recipe has.
    #[error("expected at most {limit} files in the recipe's folder, found more")]
    TooManyFiles {
        /// How many there may be.
        limit: usize,
    },
    /// Something in the folder that is no file, or has a name that other systems cannot hold.
    #[error(
        "{file}: expected a plain file, found {found}: a recipe must be whole in its own folder, and the same on every station"
    )]
    Foreign {
        /// The file.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// A file changed between two looks.
    #[error("{file} changed while the recipe was read: try again")]
    Changed {
        /// The file.
        file: String,
    },
    /// `recipe.toml` is no text.
    #[error("recipe.toml:{line}: expected UTF-8 text, found other bytes: save it as UTF-8")]
    NotUtf8 {
        /// Line of the first such byte.
        line: usize,
    },
    /// Something in `recipe.toml` is wrong.
    #[error("recipe.toml:{line}: {message}")]
    Invalid {
        /// Line, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// The drawing cannot be used.
    #[error("recipe.toml:{line}: {file}: {cause}")]
    Design {
        /// Line that names the file.
        line: usize,
        /// The drawing.
        file: String,
        /// Why.
        cause: DesignError,
    },
    /// The reference picture cannot be used.
    #[error("recipe.toml:{line}: {file}: {cause}")]
    Picture {
        /// Line that names the file.
        line: usize,
        /// The picture.
        file: String,
        /// Why.
        cause: PhotoError,
    },
    /// A model in the recipe's folder cannot be used.
    #[error("models/{name}: {cause}")]
    Model {
        /// Its folder below `models`.
        name: String,
        /// Why.
        cause: ModelError,
    },
    /// A scale that no camera has, or none is used.
    #[error("scale: expected {expected}, found {found:?} mm per pixel")]
    Scale {
        /// What is expected.
        expected: &'static str,
        /// What was given.
        found: f64,
    },
}
