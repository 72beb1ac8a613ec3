//! Learned models: what a model folder says, and the seam to whatever runs it.
//!
//! This library knows pictures, tensors and what a model's outputs mean; it does not know ONNX. Who runs a graph is handed in as a
//! [`Runtime`] when a recipe is opened, so that the same input still gives the same bits here and a hanging runtime can be killed there.

mod network;

pub use network::{Constant, Graph, Network, NetworkError, NoRuntime, Runtime};

use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error;

/// The models in a recipe's folder (`models/NAME/`), by name.
#[derive(Clone, Debug, Default)]
pub struct Models(BTreeMap<String, Arc<Model>>);

/// A model that was read, checked, and opened by a runtime.
#[derive(Debug)]
pub struct Model {
    /// Name of its folder.
    pub name: String,
    /// Runs it.
    pub network: Arc<dyn Network>,
}

impl Models {
    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.get(name)
    }
}

/// Why a model is refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No runtime can open it.
    #[error(transparent)]
    Network(#[from] NetworkError),
}
