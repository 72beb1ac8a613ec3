//! The library's one error type: what was expected, what was found, the file last.
//!
//! Three kinds never mix. A bad *part* is a [`Verdict`](crate::decision::Verdict). An *unmeasurable* feature is an
//! [`Outcome::NotMeasured`](crate::checks::Outcome) with its [`Reason`](crate::reason::Reason). What is here is the third:
//! an input that cannot be used at all.

use crate::design::DesignError;
use crate::photo::PhotoError;
use crate::recipe::RecipeError;
use thiserror::Error;

/// Why the library could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The photo cannot be decoded or is refused.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The design file cannot be used.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// The recipe cannot be used.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}
