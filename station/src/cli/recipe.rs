//! `assay recipe`: make, list and approve recipes.

use super::OK;
use crate::ledger::{Ledger, LedgerOptions};
use crate::models::ModelRuntime;
use crate::recipes;
use anyhow::{Context as _, Result};
use inspector::design::Units;
use inspector::recipe::{ProposeOptions, Recipe, propose};
use std::io::Write as _;
use std::path::PathBuf;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Turn a drawing into a recipe folder with proposed checks
    New(New),
    /// Put a recipe into use: a named person's act, recorded for good. The station must be stopped.
    Approve(Approve),
    /// List the recipes of a station and their states. The station must be stopped.
    List(List),
}

#[derive(clap::Args)]
#[command(after_help = "Example:
  assay recipe new --design visor.dxf --part M19-VISOR --revision C --scale 0.085 --out recipes/visor")]
pub(super) struct New {
    /// The drawing (DXF or SVG)
    #[arg(long, value_name = "FILE")]
    design: PathBuf,
    /// Part number
    #[arg(long)]
    part: String,
    /// Revision of the part
    #[arg(long)]
    revision: Option<String>,
    /// Size of a pixel of the camera at the part, mm (a 600 dpi scan: 0.04233)
    #[arg(long, value_name = "MM_PER_PX")]
    scale: f64,
    /// Unit of the drawing, when it does not say one
    #[arg(long, value_name = "mm|cm|m|inch")]
    units: Option<Units>,
    /// Folder to make; must not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay recipe approve recipes/visor --by anna --data data")]
pub(super) struct Approve {
    /// The recipe's folder
    recipe: PathBuf,
    /// Id of the person who approves (an id, not a name)
    #[arg(long, value_name = "PERSON")]
    by: String,
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay recipe list --data data")]
pub(super) struct List {
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl Command {
    pub(super) fn run(self) -> Result<u8> {
        match self {
            Self::New(a) => a.run(),
            Self::Approve(a) => a.run(),
            Self::List(a) => a.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<u8> {
        let bytes = std::fs::read(&self.design).with_context(|| format!("cannot read {}", self.design.display()))?;
        let file_name = self.design.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = ProposeOptions {
            part: self.part,
            revision: self.revision,
            mm_per_px: self.scale,
            units: self.units,
            file_name,
        };
        let proposed = propose(&bytes, &options).with_context(|| self.design.display().to_string())?;
        proposed.write_to(&self.out)?;
        let mut out = std::io::stdout().lock();
        for note in &proposed.notes {
            writeln!(out, "{note}")?;
        }
        writeln!(
            out,
            "Wrote {}. Read its recipe.toml: tolerances marked \"assumed\" are proposals.",
            self.out.display()
        )?;
        Ok(OK)
    }
}

impl Approve {
    fn run(self) -> Result<u8> {
        let ledger = Ledger::open(&self.data, LedgerOptions::default())?.0;
        let dir = self.recipe.canonicalize().with_context(|| format!("cannot read {}", self.recipe.display()))?;
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Who approves a recipe approves its models too: they must reproduce their samples here.
        let identity = recipes::install(&ledger, &dir, &name)?;
        let opened = Recipe::open_on(&dir, &ModelRuntime::default()).with_context(|| dir.display().to_string())?;
        anyhow::ensure!(
            opened.hash == identity.hash,
            "the folder changed while it was read, try again: {}",
            dir.display()
        );
        let entry = recipes::approve(&ledger, &identity.hash.to_string(), &self.by)?;
        println!("Approved {name} {} by {}: entry {}", identity.hash, self.by, entry.seq);
        Ok(OK)
    }
}

impl List {
    fn run(self) -> Result<u8> {
        let ledger = Ledger::open(&self.data, LedgerOptions::default())?.0;
        let mut out = std::io::stdout().lock();
        for r in ledger.recipes()? {
            let revision = r.revision.map(|r| format!(" rev {r}")).unwrap_or_default();
            writeln!(out, "{:9} {}  {}{revision}  {}", recipes::state_word(r.status), r.name, r.part, r.recipe)?;
        }
        Ok(OK)
    }
}
