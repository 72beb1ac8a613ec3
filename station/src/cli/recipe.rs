//! `assay recipe`: make, list and approve recipes.

use super::{OK, entries, existing_station, new_station};
use crate::calibrations;
use crate::models::ModelRuntime;
use crate::recipes;
use anyhow::{Context as _, Result, bail, ensure};
use inspector::calibration::mat::Paper;
use inspector::calibration::{Day, ScaleRecord};
use inspector::design::Units;
use inspector::photo::{DecodeLimits, decode};
use inspector::recipe::{ProposeOptions, ProposedMat, ProposedScale, Recipe, propose};
use jiff::civil::Date;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Turn a drawing into a recipe folder with proposed checks
    New(New),
    /// Put a recipe into use: a named person's act, recorded for good. The station must be stopped.
    Approve(Approve),
    /// Take a recipe out of use for good: a named person's act, too. The station must be stopped.
    Retire(Retire),
    /// List the recipes of a station and their states. The station must be stopped.
    List(List),
}

#[derive(clap::Args)]
#[command(after_help = "Examples:
  assay recipe new --design visor.dxf --part M19-VISOR --revision C --scale 0.085 --out recipes/visor
  assay recipe new --design visor.dxf --part M19-VISOR --mat A4 --mat-id 17 --mat-x 170.2 --mat-y 255.1 --camera phone.toml \\
      --thickness 3 --out recipes/visor

Scale comes from the printed mat that the part lies on (assay mat), from a part of known size (assay calibrate scale), or is given. x and y of the mat are measured after printing, from
cross to cross.")]
pub(super) struct New {
    /// The drawing (DXF or SVG), or a picture of a good part
    #[arg(long, value_name = "FILE")]
    design: PathBuf,
    /// Part number
    #[arg(long)]
    part: String,
    /// Revision of the part
    #[arg(long)]
    revision: Option<String>,
    /// Size of a pixel of the camera at the part, mm (a 600 dpi scan: 0.04233), or the record that `assay calibrate scale` wrote
    #[arg(long, value_name = "MM_PER_PX|FILE", allow_hyphen_values = true, conflicts_with = "mat")]
    scale: Option<String>,
    /// Parts lie on a printed mat (assay mat) on this paper: every photo tells its own scale
    #[arg(long, value_name = "A4|A3|Letter", value_parser = super::mat::paper, requires = "thickness")]
    mat: Option<Paper>,
    /// The mat's number; when left away any mat of that paper is taken
    #[arg(long, value_name = "NUMBER", requires = "mat")]
    mat_id: Option<u16>,
    /// The mat's distance x from cross to cross, measured after printing, mm
    #[arg(long, value_name = "MM", value_parser = super::number, requires = "mat_id")]
    mat_x: Option<f64>,
    /// The mat's distance y
    #[arg(long, value_name = "MM", value_parser = super::number, requires = "mat_id")]
    mat_y: Option<f64>,
    /// The day on which they were measured; today when left away
    #[arg(long, value_name = "YYYY-MM-DD", requires = "mat_id", value_parser = day)]
    mat_measured: Option<Day>,
    /// Record of the camera's lens (assay calibrate board)
    #[arg(long, value_name = "FILE", requires = "mat")]
    camera: Option<PathBuf>,
    /// Thickness of the part, mm; 0 for foil
    #[arg(long, value_name = "MM", value_parser = super::number)]
    thickness: Option<f64>,
    /// Unit of the drawing, when it does not say one
    #[arg(long, value_name = "mm|cm|m|inch|px|pt")]
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
#[command(after_help = "Example:\n  assay recipe retire visor --by anna --data data")]
pub(super) struct Retire {
    /// The recipe's name, or its digest (sha256:...), as `assay recipe list` shows them
    recipe: String,
    /// Id of the person who retires it (an id, not a name)
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
            Self::Retire(a) => a.run(),
            Self::List(a) => a.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<u8> {
        if let Some(day) = self.mat_measured {
            ensure!(
                self.mat_x.or(self.mat_y).is_some(),
                "--mat-measured is the day of --mat-x and --mat-y: expected one of them"
            );
            ensure!(day <= today(), "--mat-measured: expected a day up to today, found {day}");
        }
        let bytes = read(&self.design)?;
        // What an option asks for is done, or refused.
        let picture = decode(&bytes, &DecodeLimits::default()).is_ok();
        if picture {
            self.require_nothing_of_a_drawing()?;
        }
        let scale = match (self.scale, self.mat) {
            // Photos are compared with a picture pixel by pixel.
            (None, None) if picture => ProposedScale::MmPerPx(1.0),
            (Some(said), None) => scale(&said)?,
            (None, Some(paper)) => ProposedScale::Mat(ProposedMat {
                paper,
                id: self.mat_id,
                measured_mm: [self.mat_x, self.mat_y],
                measured_on: Some(self.mat_measured.unwrap_or_else(today)),
                camera: self.camera.map(|file| read(&file)).transpose()?,
            }),
            _ => bail!("expected --scale MM_PER_PX or --mat PAPER"),
        };
        let file_name = self.design.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let options = ProposeOptions {
            part: self.part,
            revision: self.revision,
            scale,
            thickness_mm: self.thickness,
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

    fn require_nothing_of_a_drawing(&self) -> Result<()> {
        let given = [
            ("--scale", self.scale.is_some()),
            ("--mat", self.mat.is_some()),
            ("--thickness", self.thickness.is_some()),
            ("--units", self.units.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect();
        ensure!(
            given.is_empty(),
            "{} says nothing of a picture of a good part, with which photos are compared in pixels: expected a drawing (DXF or SVG), or no such option, \
             found the picture {}",
            given.join(", "),
            self.design.display()
        );
        Ok(())
    }
}

fn day(text: &str) -> Result<Day, String> {
    let date: Date = text.parse().map_err(|_| format!("expected a day such as 2026-11-27, found {text:?}"))?;
    Ok(calibrations::day(date))
}

fn today() -> Day {
    calibrations::day(jiff::Zoned::now().date())
}

/// A number, or the file of a record.
fn scale(said: &str) -> Result<ProposedScale> {
    if let Ok(mm_per_px) = said.parse() {
        ensure!((0.0001..=10.0).contains(&mm_per_px), "--scale: expected a size from 0.0001 to 10 mm, found {said}");
        return Ok(ProposedScale::MmPerPx(mm_per_px));
    }
    let digits = said.chars().all(|c| c.is_ascii_digit() || c == ',');
    ensure!(!digits, "--scale: expected a size in mm with a point and not a comma, such as 0.0423, found {said}");
    let text = std::fs::read_to_string(said).with_context(|| {
        format!("--scale: expected a size in mm such as 0.0423, or a record that can be read, found {said:?}")
    })?;
    Ok(ProposedScale::Record(Box::new(ScaleRecord::read(&text).with_context(|| said.to_owned())?)))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

impl Approve {
    fn run(self) -> Result<u8> {
        let dir = self.recipe.canonicalize().with_context(|| format!("cannot read {}", self.recipe.display()))?;
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Who approves a recipe approves its models too: they must reproduce their samples here.
        let opened = Recipe::open_on(&dir, &ModelRuntime::default()).with_context(|| dir.display().to_string())?;
        recipes::person(&self.by)?;
        let ledger = new_station(&self.data)?;
        // What is refused changes nothing.
        recipes::require_to_approve(&ledger, &name, opened.hash)?;
        let identity = recipes::install(&ledger, &dir, &name)?;
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

impl Retire {
    fn run(self) -> Result<u8> {
        let ledger = existing_station(&self.data)?;
        let entry = recipes::retire(&ledger, &self.recipe, &self.by)?;
        println!("Retired {} by {}: entry {}", self.recipe, self.by, entry.seq);
        Ok(OK)
    }
}

impl List {
    fn run(self) -> Result<u8> {
        let ledger = existing_station(&self.data)?;
        let mut out = std::io::stdout().lock();
        for r in ledger.recipes()? {
            let revision = r.revision.as_ref().map(|r| format!(" rev {r}")).unwrap_or_default();
            let (word, since) = (recipes::state_word(r.status), recipes::since(&r));
            writeln!(out, "{word:9} {}  {}{revision}  {}  {since} (entry {})", r.name, r.part, r.recipe, r.since_seq)?;
        }
        for seq in ledger.unreadable_recipe_acts()? {
            writeln!(out, "unreadable entry {seq}: an act on a recipe, an installation or an approval")?;
        }
        for (first, last) in ledger.lost()? {
            writeln!(out, "lost      {}: nobody knows what was recorded there", entries(first, last))?;
        }
        Ok(OK)
    }
}
