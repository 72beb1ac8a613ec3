//! Which runtime is in use, chosen once, when the first model is opened.

use super::config::{ModelsConfig, Preference};
use super::library::{self, Library};
use super::process::{Fault, Launch, Process, Refusal, this_program};
use super::protocol::{Backend, Fixed, OpenGraph};
use super::supervised::Supervised;
use inspector::models::{Constant, Graph, Network, NetworkError, Runtime};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The tract that is built in: what Cargo.lock says, see the test below.
pub(super) const TRACT: &str = "tract 0.23.9";
/// Most numbers of a constant input, unless they are all the same.
const MAX_CONSTANT: usize = 1 << 14;

/// The station's model runtime. Starts nothing until a model is opened.
#[derive(Debug)]
pub struct ModelRuntime {
    config: ModelsConfig,
    program: PathBuf,
    choice: OnceLock<Choice>,
}

/// What was chosen, and what was not and why.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The library in use; `None` for tract.
    pub library: Option<Library>,
    /// What was found and not taken, with the reason.
    pub refused: Vec<(PathBuf, String)>,
}

impl Choice {
    /// Name, version and digest, as records have it.
    pub fn name(&self) -> String {
        match &self.library {
            Some(library) => format!("onnxruntime {} {}", library.version, library.sha256),
            None => TRACT.to_owned(),
        }
    }
}

impl Default for ModelRuntime {
    fn default() -> Self {
        Self::new(ModelsConfig::default())
    }
}

impl ModelRuntime {
    /// With this configuration.
    pub fn new(config: ModelsConfig) -> Self {
        Self { config, program: this_program(), choice: OnceLock::new() }
    }

    /// With another program for its workers: it must run [`worker_main`](super::worker_main) when asked for `model-worker`.
    #[must_use]
    pub fn with_program(self, program: &Path) -> Self {
        Self { program: program.to_owned(), ..self }
    }

    /// What runs models here. The first call looks for a library and tries it in a process of its own; that takes about 0.1 s.
    pub fn choice(&self) -> &Choice {
        self.choice.get_or_init(|| {
            let choice = self.choose();
            for (path, why) in &choice.refused {
                tracing::warn!("ONNX Runtime at {} is not used: {why}", path.display());
            }
            tracing::info!("models are run by {}", choice.name());
            choice
        })
    }

    fn choose(&self) -> Choice {
        let mut refused = Vec::new();
        let candidates = match self.config.runtime {
            Preference::Auto => library::candidates(&self.config),
            Preference::Tract => Vec::new(),
        };
        for path in candidates {
            match self.try_library(&path) {
                Ok(library) => return Choice { library: Some(library), refused },
                Err(why) => refused.push((path, why)),
            }
        }
        Choice { library: None, refused }
    }

    /// Loads the library in a process of its own: what it does there harms nobody.
    fn try_library(&self, path: &Path) -> Result<Library, String> {
        let library = library::trusted(path, self.config.accept).map_err(|e| e.to_string())?;
        match Process::start(&self.launch(Some(&library))) {
            Ok(_) => Ok(library),
            Err(Refusal::Said(what)) => Err(what),
            Err(Refusal::Fault(Fault::Hung)) => Err(format!("it did not load within {} ms", self.config.open_ms)),
            Err(Refusal::Fault(Fault::Died(what))) => Err(format!("the process that loaded it ended ({what})")),
        }
    }

    fn launch(&self, library: Option<&Library>) -> Launch {
        Launch {
            program: self.program.clone(),
            backend: match library {
                Some(l) => Backend::Native { path: l.path.clone(), sha256: l.sha256 },
                None => Backend::Tract,
            },
            memory_bytes: self.config.memory_mb * 1_000_000,
            patience: self.config.open_time(),
        }
    }
}

impl Runtime for ModelRuntime {
    fn open(&self, graph: &Graph<'_>) -> Result<Arc<dyn Network>, NetworkError> {
        let choice = self.choice();
        let graph = message(graph).map_err(|what| NetworkError::Refused { what })?;
        let launch = self.launch(choice.library.as_ref());
        Ok(Arc::new(Supervised::open(launch, graph, self.config.run_time(), choice.name())?))
    }
}

/// The graph as the worker is told of it.
fn message(graph: &Graph<'_>) -> Result<OpenGraph, String> {
    let numbers = graph.input.1.iter().try_fold(1_usize, |n, d| n.checked_mul(*d));
    if !numbers.is_some_and(|n| (1..=super::supervised::MAX_OUTPUT).contains(&n)) {
        return Err(format!(
            "expected an input of 1 to {} numbers, found {:?}",
            super::supervised::MAX_OUTPUT,
            graph.input.1
        ));
    }
    let file = std::path::absolute(graph.file).map_err(|e| e.to_string())?;
    if file.to_str().is_none() {
        return Err(format!("expected a path that is UTF-8, found {}", file.display()));
    }
    Ok(OpenGraph {
        file,
        sha256: graph.sha256,
        input: graph.input.0.to_owned(),
        shape: graph.input.1,
        constants: graph.constants.iter().map(fixed).collect::<Result<_, String>>()?,
        outputs: graph.outputs.to_vec(),
    })
}

fn fixed(c: &Constant) -> Result<Fixed, String> {
    let mut bits: Vec<u32> = c.values.iter().map(|v| v.to_bits()).collect();
    if bits.windows(2).all(|two| two[0] == two[1]) {
        bits.truncate(1);
    }
    if bits.len() > MAX_CONSTANT {
        let found = bits.len();
        return Err(format!(
            "constant {:?}: expected at most {MAX_CONSTANT} numbers that are not all the same, found {found}",
            c.name
        ));
    }
    Ok(Fixed { name: c.name.clone(), shape: c.values.shape().to_vec(), bits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_tract_is_that_of_the_lock_file() {
        let lock = include_str!("../../../Cargo.lock");
        let version = TRACT.strip_prefix("tract ").unwrap();
        assert!(lock.contains(&format!("name = \"tract-onnx\"\nversion = \"{version}\"\n")));
    }
}
