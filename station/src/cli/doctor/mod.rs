//! `assay doctor`: each part of a station is looked at by a file of its own.

mod camera;
mod ledger;
mod models;

use super::{ERROR, OK};
use crate::recipes;
use crate::serve::ServeConfig;
use anyhow::Result;
use std::io::{self, StdoutLock, Write as _};
use std::path::PathBuf;

/// Look at a station and say what is wrong and what to do: model runtime, cameras, journal, store, disk. Journal, store and disk need --data or --config,
/// and a station that is stopped
#[derive(clap::Args)]
#[command(after_help = "Examples:
  assay doctor                             what runs models here, and which cameras there are
  assay doctor --fetch-runtime             get the faster one (once, with the network)
  assay doctor --config station.toml       the whole station
  assay doctor --model models/screws       whether a model folder can be used here
  assay doctor --data data --rebuild")]
pub(super) struct Doctor {
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The station's configuration: its data folder and how it runs models
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Open this model folder too, and say what is wrong with it
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Throw the store away and build it again from the journal (nothing is lost: the journal is the truth, and what only the store knew of damaged entries is kept)
    #[arg(long)]
    rebuild: bool,
    /// The folder holds a demo's records
    #[arg(long)]
    demo: bool,
    /// Fetch ONNX Runtime, which runs models 3 to 12 times faster, with python3's pip into your data folder; its digest is known to this program
    #[arg(long, conflicts_with = "wheel")]
    fetch_runtime: bool,
    /// Install ONNX Runtime from this Python package (onnxruntime-*.whl), for a station without a network
    #[arg(long, value_name = "FILE")]
    wheel: Option<PathBuf>,
}

impl Doctor {
    pub(super) fn run(self) -> Result<u8> {
        let config = self.config.as_deref().map(ServeConfig::read).transpose()?;
        let data = self.data.clone().or_else(|| config.as_ref().map(|c| c.data.clone()));
        anyhow::ensure!(
            data.is_some() || !self.rebuild,
            "--rebuild: expected --data DIR or --config FILE, found neither"
        );
        let mut report = Report { out: io::stdout().lock(), wrong: false };
        if self.fetch_runtime || self.wheel.is_some() {
            models::get(&mut report, self.wheel.as_deref())?;
        }
        let (runs, sources, policy, folders) =
            config.map(|c| (c.models, c.sources, c.calibration, c.recipes)).unwrap_or_default();
        models::look(&mut report, runs, self.model.as_deref())?;
        camera::look(&mut report, &sources)?;
        match recipes::named_folders(&folders) {
            Ok(named) if named.is_empty() => {}
            Ok(named) => {
                let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
                report.say(true, format!("recipes: {}", names.join(", ")))?;
            }
            Err(e) => report.say(false, format!("recipes: {e}"))?,
        }
        match data {
            Some(data) => ledger::look(&mut report, &data, self.demo, self.rebuild, policy)?,
            None => report.note("journal, store, disk: not looked at without --data DIR or --config FILE")?,
        }
        Ok(if report.wrong { ERROR } else { OK })
    }
}

/// What the parts say, a line each.
struct Report {
    out: StdoutLock<'static>,
    wrong: bool,
}

impl Report {
    fn say(&mut self, good: bool, line: impl AsRef<str>) -> io::Result<()> {
        self.wrong |= !good;
        writeln!(self.out, "{} {}", if good { "ok   " } else { "WRONG" }, line.as_ref())
    }
    fn note(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "      {}", line.as_ref())
    }
}
