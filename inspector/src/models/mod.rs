//! Learned models: what a model folder says, and the seam to whatever runs it.
//!
//! ```text
//! folder -open-> Model;  photo -prepare-> tensor -Network-> outputs -decode-> classes | boxes | map | vector
//! ```
//!
//! A model is a folder: `model.onnx`, `model.toml` ([`manifest`]), `MODEL.md`, `parity/`. Opening replays the parity samples on this machine's
//! runtime and refuses a model that does not reproduce them. Large photos are looked at tile by tile.
//!
//! This library knows pictures, tensors and what a model's outputs mean; it does not know ONNX. Who runs a graph is handed in as a
//! [`Runtime`] when a recipe is opened, so that the same input still gives the same bits here and a hanging runtime can be killed there.
//!
//! What a model cannot answer is a [`Reason::ModelFault`](crate::reason::Reason::ModelFault): never a score, never an empty list of boxes.

pub mod detect;
mod error;
mod folder;
pub mod manifest;
mod map;
mod model;
mod network;
mod output;
mod parity;
pub mod picture;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tiles;

pub use detect::{Detection, Frame};
pub use error::ModelError;
pub use folder::{MAX_GRAPH_BYTES, ModelFolder};
pub use manifest::Manifest;
pub use map::Map;
pub use model::Model;
pub use network::{Constant, Graph, Network, NetworkError, NoRuntime, Runtime};
pub use output::Fault;

use crate::photo::Sha256;
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The models in a recipe's folder (`models/NAME/`), by name.
#[derive(Clone, Debug, Default)]
pub struct Models(BTreeMap<String, Arc<Model>>);

impl Models {
    /// Opens every model below `models/` of a recipe's folder `dir`, of whose files the paths (with `/`) and digests are given. Files that
    /// lie directly in `models/` are nobody's.
    ///
    /// # Errors
    /// The name of the model that is refused, and why.
    ///
    /// Cost: a run of the network per parity sample.
    pub fn open<'f>(
        dir: &Path,
        files: impl IntoIterator<Item = (&'f str, Sha256)>,
        runtime: &dyn Runtime,
    ) -> Result<Self, (String, ModelError)> {
        let mut folders: BTreeMap<&str, BTreeMap<String, Option<Sha256>>> = BTreeMap::new();
        for (path, digest) in files {
            if let Some((name, file)) = path.strip_prefix("models/").and_then(|p| p.split_once('/')) {
                folders.entry(name).or_default().insert(file.to_owned(), Some(digest));
            }
        }
        let mut models = BTreeMap::new();
        for (name, files) in folders {
            let folder = ModelFolder::of_recipe(name, dir.join("models").join(name), files);
            let model = Model::open(&folder, runtime).map_err(|e| (name.to_owned(), e))?;
            models.insert(name.to_owned(), Arc::new(model));
        }
        Ok(Self(models))
    }

    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Model>> {
        self.0.get(name)
    }
    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Model>> {
        self.0.values()
    }
}

/// Reads outputs as those of a photo are read, for their faults alone.
fn means(manifest: &Manifest, names: &[String], outputs: &[ArrayD<f32>]) -> Result<(), Fault> {
    use manifest::Task;
    output::finite(names, outputs)?;
    let labels = manifest.labels.len();
    match &manifest.task {
        Task::Classify { scores, activation } => output::classes(scores, *activation, labels, &outputs[0]).map(drop),
        Task::Detect(head) => detect::decode(head, outputs, labels, &manifest.boxes, &manifest.input).map(drop),
        Task::Segment { .. } | Task::AnomalyMap { .. } => map::read(&manifest.task, outputs, labels, 0).map(drop),
        Task::Features { vector } => output::vector(vector, &outputs[0]).map(drop),
    }
}
