//! The folder of a model: which files it has, and reading them within bounds.

use super::ModelError;
use crate::photo::Sha256;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest `model.onnx`: 256 MiB, as every file of a recipe.
pub const MAX_GRAPH_BYTES: u64 = 256 << 20;
/// Largest other file: parity samples are the large ones.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most samples below `parity`.
pub(super) const MAX_SAMPLES: usize = 64;

/// A model's folder.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    name: String,
    dir: PathBuf,
    /// Paths in the folder, and their digests where somebody has taken them.
    files: BTreeMap<String, Option<Sha256>>,
}

impl ModelFolder {
    /// The model folder at `dir`, which need not be part of a recipe. The model's name is the folder's.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`].
    pub fn at(dir: &Path) -> Result<Self, ModelError> {
        let name = dir.file_name().map_or_else(|| "model".to_owned(), |n| n.to_string_lossy().into_owned());
        let mut files = BTreeMap::new();
        let mut list = |below: &str| -> Result<Vec<String>, ModelError> {
            let unreadable = |e: std::io::Error| {
                let file = if below.is_empty() { "the model's folder" } else { below };
                ModelError::Unreadable { cause: e.to_string(), file: file.to_owned() }
            };
            let mut folders = Vec::new();
            for entry in fs::read_dir(dir.join(below)).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let path = if below.is_empty() { name } else { format!("{below}/{name}") };
                // Links are followed: a folder of one's own may be put together of them. In a recipe they are refused.
                match fs::metadata(entry.path()).map_err(unreadable)? {
                    m if m.is_dir() => folders.push(path),
                    m if m.is_file() => drop(files.insert(path, None)),
                    _ => (),
                }
            }
            Ok(folders)
        };
        if list("")?.iter().any(|f| f == "parity") {
            for sample in list("parity")? {
                list(&sample)?;
            }
        }
        Ok(Self { name, dir: dir.to_owned(), files })
    }

    /// The model `name` of a recipe whose files, with their digests, are known.
    pub(super) fn of_recipe(name: &str, dir: PathBuf, files: BTreeMap<String, Option<Sha256>>) -> Self {
        Self { name: name.to_owned(), dir, files }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Where a file of the folder lies.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }
    /// True when there is such a file.
    pub(super) fn has(&self, file: &str) -> bool {
        self.files.contains_key(file)
    }
    /// Names of the folders below `parity`, sorted.
    pub fn samples(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .keys()
            .filter_map(|f| f.strip_prefix("parity/")?.split_once('/').map(|(name, _)| name))
            .collect();
        names.dedup();
        names
    }

    /// Reads a file that must be there.
    pub(super) fn read(&self, file: &str, expected: &'static str) -> Result<Vec<u8>, ModelError> {
        self.read_within(file, expected, MAX_FILE_BYTES)
    }

    /// Digest of `model.onnx`.
    pub(super) fn graph_sha256(&self) -> Result<Sha256, ModelError> {
        const GRAPH: &str = "model.onnx";
        match self.files.get(GRAPH) {
            Some(Some(known)) => Ok(*known),
            _ => self.read_within(GRAPH, "the graph", MAX_GRAPH_BYTES).map(|bytes| Sha256::of(&bytes)),
        }
    }

    fn read_within(&self, file: &str, expected: &'static str, limit: u64) -> Result<Vec<u8>, ModelError> {
        let Some(digest) = self.files.get(file) else {
            return Err(ModelError::Missing { expected, file: file.to_owned() });
        };
        let mut bytes = Vec::new();
        File::open(self.path(file))
            .and_then(|f| f.take(limit + 1).read_to_end(&mut bytes))
            .map_err(|e| ModelError::Unreadable { cause: e.to_string(), file: file.to_owned() })?;
        if bytes.len() as u64 > limit {
            return Err(ModelError::TooLarge { limit, file: file.to_owned() });
        }
        if digest.is_some_and(|d| d != Sha256::of(&bytes)) {
            return Err(ModelError::Changed { file: file.to_owned() });
        }
        if bytes.is_empty() {
            return Err(ModelError::Empty { expected, file: file.to_owned() });
        }
        Ok(bytes)
    }
}
