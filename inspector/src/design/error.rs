//! Why a design is refused.

use thiserror::Error;

/// Why a design file cannot be used: what was expected, what was found, and where. The caller adds the file's name.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Not a design file, or of a kind that is not read.
    #[error("expected a DXF drawing, found {found}")]
    NotADesign {
        /// What was found instead.
        found: String,
    },
}
