//! Why a photo is refused.

use thiserror::Error;

/// Why a photo cannot be used: what was expected, what was found. The caller adds the file's name.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// Nothing in the file.
    #[error("the file is empty (0 bytes); expected a JPEG, PNG, TIFF, BMP or WebP photo")]
    Empty,
    /// The bytes are no picture format that is known.
    #[error("not a picture: expected JPEG, PNG, TIFF, BMP or WebP, found {found}")]
    NotAPicture {
        /// What the first bytes look like.
        found: String,
    },
}
