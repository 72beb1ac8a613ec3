//! What `station.toml` says under `[models]`.

use inspector::photo::Sha256;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// How models are run. Every key may be left away.
///
/// ```
/// use station::models::ModelsConfig;
/// let config: ModelsConfig = toml::from_str("run_ms = 2000").unwrap();
/// assert_eq!((config.run_ms, config.memory_mb), (2000, 1024));
/// let misspelt = toml::from_str::<ModelsConfig>("memory = 5").unwrap_err();
/// assert!(misspelt.to_string().contains("unknown field `memory`"), "{misspelt}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelsConfig {
    /// Which runtime: the fastest that is found, or always the one that is built in.
    pub runtime: Preference,
    /// An ONNX Runtime library to use, absolute. Others that are found count only without it.
    pub library: Option<PathBuf>,
    /// Digest of a library that is not the known one and is used nevertheless: its owner's consent.
    pub accept: Option<Sha256>,
    /// Longest time for one picture, ms; then the model's process is killed and the check is not measured.
    pub run_ms: u64,
    /// Longest time to open a model, ms.
    pub open_ms: u64,
    /// Most memory that one model may use, MB.
    pub memory_mb: u64,
}

/// Which runtime is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preference {
    /// ONNX Runtime when a library that can be trusted is found, else tract.
    #[default]
    Auto,
    /// tract, which is in the program itself.
    Tract,
}

impl Default for ModelsConfig {
    fn default() -> Self {
        Self { runtime: Preference::Auto, library: None, accept: None, run_ms: 5_000, open_ms: 60_000, memory_mb: 1024 }
    }
}

impl ModelsConfig {
    /// Looks at the numbers and the path.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn check(&self) -> Result<(), String> {
        let within = |key: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!("`models.{key}`: expected {low} to {high}, found {value}"))
            }
        };
        within("run_ms", self.run_ms, 10, 600_000)?;
        within("open_ms", self.open_ms, 100, 600_000)?;
        within("memory_mb", self.memory_mb, 64, 1 << 16)?;
        match &self.library {
            Some(path) if !path.is_absolute() => {
                Err(format!("`models.library`: expected an absolute path, found {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn run_time(&self) -> Duration {
        Duration::from_millis(self.run_ms)
    }
    pub(super) fn open_time(&self) -> Duration {
        Duration::from_millis(self.open_ms)
    }
}
