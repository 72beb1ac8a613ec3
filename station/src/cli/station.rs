//! `assay demo`, `assay serve`, `assay doctor`.

use super::{ERROR, OK};
use crate::ledger::{Ledger, LedgerOptions, LostEntry, Mode, StoreState};
use crate::serve::{self, ServeConfig};
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Start the station at http://127.0.0.1:8080 with a simulated camera and sample recipes; no camera, no download
#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay demo --listen 127.0.0.1:9000")]
pub(super) struct Demo {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder for the demo's records (default: assay-demo in your data folder)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Start the station with real parts
#[derive(clap::Args)]
#[command(after_help = "Example of station.toml:
  station = \"bench-1\"
  data = \"data\"
  recipes = [\"recipes\"]
  listen = \"127.0.0.1:8080\"")]
pub(super) struct Serve {
    /// What the station is called, where its data and recipes are
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Look at a station's journal, store and disk, and say what is wrong and what to do. The station must be stopped.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay doctor --data data --rebuild")]
pub(super) struct Doctor {
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Throw the store away and build it again from the journal (nothing is lost: the journal is the truth)
    #[arg(long)]
    rebuild: bool,
    /// The folder holds a demo's records
    #[arg(long)]
    demo: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<u8> {
        let mut config = serve::demo_config(self.data);
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        start(config)
    }
}

impl Serve {
    pub(super) fn run(self) -> Result<u8> {
        start(ServeConfig::read(&self.config)?)
    }
}

fn start(config: ServeConfig) -> Result<u8> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ASSAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    runtime.block_on(serve::run(config))?;
    Ok(OK)
}

impl Doctor {
    pub(super) fn run(self) -> Result<u8> {
        let mode = if self.demo { Mode::Demo } else { Mode::Production };
        let options = LedgerOptions { mode, ..LedgerOptions::default() };
        if self.rebuild {
            Ledger::ask_for_rebuild(&self.data)?;
        }
        let (ledger, report) = Ledger::open(&self.data, options)?;
        let mut out = std::io::stdout().lock();
        let mut wrong = 0;
        let mut say = |good: bool, line: String| {
            wrong += u32::from(!good);
            writeln!(out, "{} {line}", if good { "ok   " } else { "WRONG" })
        };
        say(true, format!("journal: {} entries", report.last_seq))?;
        if let Some(cut) = &report.cut {
            let kept: Vec<String> = cut.moved_to.iter().map(|p| p.display().to_string()).collect();
            say(
                cut.lost.is_empty(),
                format!(
                    "journal: {} bytes at its end were no whole entry (a power cut while writing) and are kept in {}{}",
                    cut.bytes,
                    kept.join(", "),
                    list(&cut.lost)
                ),
            )?;
        }
        for d in &report.damage {
            let what = format!("journal: {} bytes of {} at {} are damaged", d.bytes, d.segment, d.offset);
            say(
                false,
                format!("{what}{}: restore this segment from a copy, or inspect these parts again", list(&d.lost)),
            )?;
        }
        if let Some(reason) = &report.rebuilt {
            say(true, format!("store: built again from the journal ({reason})"))?;
        }
        let health = ledger.health();
        say(matches!(health.store, StoreState::Following), format!("store: {:?}", health.store))?;
        let free = format!("disk: {} MB free", health.free_bytes / 1_000_000);
        match &health.refusing {
            None => say(true, free)?,
            Some(reason) => say(false, format!("{free}; no part is recorded: {reason}"))?,
        }
        Ok(if wrong == 0 { OK } else { ERROR })
    }
}

/// The lost entries in words: sequence number, part and serial number where they are still known.
fn list(lost: &[LostEntry]) -> String {
    if lost.is_empty() {
        return String::new();
    }
    let words: Vec<String> = lost
        .iter()
        .map(|l| {
            let of = |what: &str, v: &Option<String>| v.as_ref().map(|v| format!(" {what} {v}")).unwrap_or_default();
            format!("{}{}{}", l.seq, of("part", &l.part), of("serial", &l.serial))
        })
        .collect();
    format!("; lost: {}", words.join(", "))
}
