//! Why a model folder is refused.

use super::NetworkError;
use thiserror::Error;

/// Why a model cannot be used: place, what was expected, what was found. File names are relative to the model's folder.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file that a model folder must have.
    #[error("expected {expected}, found no such file: {file}")]
    Missing {
        /// What the file is for.
        expected: &'static str,
        /// The file.
        file: String,
    },
    /// A file that says nothing.
    #[error("expected {expected}, found an empty file: {file}")]
    Empty {
        /// What the file is for.
        expected: &'static str,
        /// The file.
        file: String,
    },
    /// A file cannot be read.
    #[error("cannot read {file}: {cause}")]
    Unreadable {
        /// What the system said.
        cause: String,
        /// The file.
        file: String,
    },
    /// A file that is larger than a model's files are.
    #[error("expected at most {limit} bytes, found more: {file}")]
    TooLarge {
        /// Bytes it may have.
        limit: u64,
        /// The file.
        file: String,
    },
    /// A file changed between two looks.
    #[error("changed while the model was read, try again: {file}")]
    Changed {
        /// The file.
        file: String,
    },
    /// Something in `model.toml` is wrong.
    #[error("model.toml:{line}: {message}")]
    Invalid {
        /// Line, from 1.
        line: usize,
        /// What was expected and what was found.
        message: String,
    },
    /// `model.onnx` is another file than `model.toml` speaks of.
    #[error("model.toml: expected sha256 = {expected:?}, found {found:?}: model.onnx")]
    OtherGraph {
        /// What `model.toml` says.
        expected: String,
        /// Digest of the file.
        found: String,
    },
    /// There is nothing to compare this machine's runtime with.
    #[error(
        "expected at least one sample of what the model gave where it was trained (input.npy, output-0.npy, ...), found none: parity"
    )]
    NoParity,
    /// No sample shows how a picture becomes the input.
    #[error("expected at least one sample with its picture (input.png or input.jpg), found none: parity")]
    NoParityPicture,
    /// A parity sample cannot be used.
    #[error("expected {expected}, found {found}: {file}")]
    Sample {
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
        /// The file.
        file: String,
    },
    /// A sample's picture, prepared as `model.toml` says, is not the sample's tensor.
    #[error(
        "the picture, prepared as model.toml says, should be the sample's tensor: expected a mean difference of at most {allowed} codes, \
         found {found:.2}{hint}: {file}"
    )]
    Preparation {
        /// Largest mean difference, codes.
        allowed: f64,
        /// Mean difference, codes.
        found: f64,
        /// What would fit, when something does.
        hint: String,
        /// The sample's picture.
        file: String,
    },
    /// This machine's runtime computes something else.
    #[error("{runtime} does not reproduce the model: expected {expected} at {place:?}, found {found}: {file}")]
    NotReproduced {
        /// What runs it here.
        runtime: String,
        /// The reference output's number.
        expected: f32,
        /// What came out here.
        found: f32,
        /// Index in the output.
        place: Vec<usize>,
        /// The reference output.
        file: String,
    },
    /// This machine's runtime finds something else, whatever the order.
    #[error("{runtime} does not reproduce the model: expected {expected}, found {found}: {file}")]
    OtherBoxes {
        /// What runs it here.
        runtime: String,
        /// A box that one of the two gave.
        expected: String,
        /// What is nearest to it in the other.
        found: String,
        /// The sample.
        file: String,
    },
    /// The runtime refuses the graph, or did not run it.
    #[error("{0}: model.onnx")]
    Network(#[from] NetworkError),
}
