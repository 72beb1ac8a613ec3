//! The seam between a model and what runs it.

use crate::photo::Sha256;
use ndarray::{ArrayD, ArrayViewD};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

/// Opens graphs. The station's is ONNX Runtime or tract, in a process that can be killed.
pub trait Runtime: Debug + Send + Sync {
    /// Opens a graph, ready to run.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] with the reason: no ONNX, an operator this runtime lacks, another rank than the graph says, and so on.
    fn open(&self, graph: &Graph<'_>) -> Result<Arc<dyn Network>, NetworkError>;
}

/// What a runtime is asked to open.
#[derive(Clone, Debug)]
pub struct Graph<'a> {
    /// The model's name, for messages.
    pub name: &'a str,
    /// `model.onnx`.
    pub file: &'a Path,
    /// What its bytes must be: a runtime that reads the file itself compares.
    pub sha256: Sha256,
    /// Name of the picture input, and the shape it will be given: batch, then as the model's layout says.
    pub input: (&'a str, [usize; 4]),
    /// Inputs that are the same for every picture, such as the size a DETR-style head scales its boxes to.
    pub constants: &'a [Constant],
    /// Outputs to give back, in this order.
    pub outputs: &'a [String],
}

/// An input that is the same for every picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its name in the graph.
    pub name: String,
    /// Its numbers; a graph that wants whole numbers gets them rounded.
    pub values: ArrayD<f32>,
}

/// An opened graph.
pub trait Network: Debug + Send + Sync {
    /// Runs on one picture. `input` has the shape of [`Graph::input`]; a graph that wants bytes or halves gets them converted. The
    /// outputs come in the order of [`Graph::outputs`], whatever their element type was.
    ///
    /// # Errors
    /// [`NetworkError`]: it hung and was killed, died, or said no.
    fn run(&self, input: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>, NetworkError>;

    /// Name, version and digest of what runs it, for the record: such as `onnxruntime 1.31.1 sha256:...` or `tract 0.23.9`.
    fn runtime(&self) -> String;
}

/// Why a network did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// The graph cannot be opened.
    #[error("{what}")]
    Refused {
        /// What was expected, what was found.
        what: String,
    },
    /// It did not answer in time and was killed.
    #[error("the model gave no answer within {limit_ms} ms and was stopped")]
    Hung {
        /// How long it was waited for.
        limit_ms: u64,
    },
    /// The process that runs it ended.
    #[error("the program that runs the model ended ({what})")]
    Died {
        /// Its exit status or signal.
        what: String,
    },
    /// The runtime said no.
    #[error("the model could not be run: {what}")]
    Failed {
        /// What it said.
        what: String,
    },
    /// There is none here: a recipe was only read, not opened to judge by.
    #[error("no model runtime is open here")]
    NoRuntime,
}

/// Runs nothing: for reading recipes without judging by them.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRuntime;

impl Runtime for NoRuntime {
    fn open(&self, _: &Graph<'_>) -> Result<Arc<dyn Network>, NetworkError> {
        Ok(Arc::new(Self))
    }
}

impl Network for NoRuntime {
    fn run(&self, _: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        Err(NetworkError::NoRuntime)
    }
    fn runtime(&self) -> String {
        "none".to_owned()
    }
}
