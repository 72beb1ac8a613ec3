//! `assay inspect`: judge photos.

use super::photos::{Photo, expand};
use super::{ERROR, FAILED, OK, REFERRED, table};
use crate::inspection::{Drawn, JobInfo, draw, judge, keep};
use crate::ledger::{Ledger, LedgerOptions, Mode, RecipeStatus};
use crate::recipes;
use crate::record::InspectionRecord;
use anyhow::{Context as _, Result, bail};
use inspector::decision::Verdict;
use inspector::photo::DecodeLimits;
use inspector::recipe::Recipe;
use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Judge photos by a recipe, or compare them with a picture of a good part
#[derive(clap::Args)]
#[command(after_help = "Examples:
  assay inspect --recipe recipes/visor photos/*.jpg
  assay inspect --reference golden.png board-7.jpg --json
  assay inspect --recipe recipes/visor part.jpg --overlay marked/")]
pub(super) struct Arguments {
    /// Recipe folder (with recipe.toml)
    #[arg(long, value_name = "DIR", conflicts_with = "reference", required_unless_present = "reference")]
    recipe: Option<PathBuf>,
    /// Compare with this picture of a good part instead of a recipe
    #[arg(long, value_name = "PICTURE")]
    reference: Option<PathBuf>,
    /// Photos: files, patterns such as 'photos/*.jpg', or - for stdin
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// Size of a pixel in mm, instead of the recipe's
    #[arg(long, value_name = "MM_PER_PX")]
    scale: Option<f64>,
    /// One JSON object per photo and line, instead of a table
    #[arg(long)]
    json: bool,
    /// Write each photo with what was found drawn on it into this folder
    #[arg(long, value_name = "DIR")]
    overlay: Option<PathBuf>,
    /// Record photos and verdicts in this station folder too
    #[arg(long, value_name = "DIR", requires = "recipe")]
    store: Option<PathBuf>,
    /// Serial number of the part (one photo only)
    #[arg(long)]
    serial: Option<String>,
    /// Lot that the parts belong to
    #[arg(long)]
    lot: Option<String>,
}

impl Arguments {
    pub(super) fn run(self) -> Result<u8> {
        let recipe = self.open_recipe()?;
        if let Some(dir) = &self.overlay {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        }
        let ledger = self.store.as_deref().map(|dir| open_store(dir, &recipe)).transpose()?;
        let photos = expand(&self.images);
        if self.serial.is_some() && photos.len() > 1 {
            bail!("--serial names one part, but {} photos were given", photos.len());
        }
        let mut outcome = Outcome::default();
        let mut names = HashSet::new();
        for photo in photos {
            let judged = photo.and_then(|photo| {
                self.one(&photo, &recipe, ledger.as_ref(), &mut names).map_err(|e| format!("{}: {e:#}", photo.shown()))
            });
            match judged {
                Ok(record) => {
                    outcome.worst = outcome.worst.max(Some(record.verdict));
                    self.print(&record)?;
                }
                Err(line) => {
                    outcome.errors = true;
                    eprintln!("{line}");
                }
            }
        }
        Ok(outcome.code())
    }

    fn open_recipe(&self) -> Result<Recipe> {
        let recipe = match (&self.recipe, &self.reference) {
            (Some(dir), _) => Recipe::open(dir).with_context(|| dir.display().to_string())?,
            (None, Some(path)) => {
                let picture = Photo::File(path.clone());
                let bytes = picture
                    .read(DecodeLimits::default().max_file_bytes)
                    .map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
                Recipe::from_picture(&picture.name(), &bytes).with_context(|| path.display().to_string())?
            }
            (None, None) => bail!("expected --recipe DIR or --reference PICTURE"),
        };
        match self.scale {
            Some(scale) => Ok(recipe.with_scale(scale)?),
            None => Ok(recipe),
        }
    }

    /// Judges one photo; everything that is asked to be written is written before the verdict is shown.
    fn one(
        &self,
        photo: &Photo,
        recipe: &Recipe,
        ledger: Option<&Ledger>,
        names: &mut HashSet<String>,
    ) -> Result<InspectionRecord> {
        let bytes = photo.read(DecodeLimits::default().max_file_bytes).map_err(anyhow::Error::msg)?;
        let info = JobInfo { image: photo.name(), serial: self.serial.clone(), lot: self.lot.clone(), capture: None };
        let judged = judge(&bytes, recipe, &info)?;
        if self.overlay.is_none() && ledger.is_none() {
            return Ok(judged.record);
        }
        let drawn: Drawn = draw(judged, recipe, Mode::Production)?;
        if let Some(dir) = &self.overlay {
            write_whole(dir, &unique(&info.image, names), &drawn.overlay)?;
        }
        let record = drawn.record.clone();
        if let Some(ledger) = ledger {
            keep(ledger, &bytes, drawn, None)?;
        }
        Ok(record)
    }

    fn print(&self, record: &InspectionRecord) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, record).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            write!(out, "{}", table::show(record))?;
        }
        Ok(out.flush()?)
    }
}

/// Opens a station's folder to record in. Only what a named person approved judges production parts.
fn open_store(dir: &Path, recipe: &Recipe) -> Result<Ledger> {
    let ledger = Ledger::open(dir, LedgerOptions::default())?.0;
    if recipes::state_of(&ledger, recipe.hash)? != RecipeStatus::Approved {
        bail!(
            "recipe {} is not approved in {}, so its verdicts are not recorded: approve it with `assay recipe approve`",
            recipe.hash,
            dir.display()
        );
    }
    Ok(ledger)
}

#[derive(Default)]
struct Outcome {
    worst: Option<Verdict>,
    errors: bool,
}

impl Outcome {
    /// What could not be done outweighs every verdict: a script must not take a partial run for a whole one.
    fn code(&self) -> u8 {
        match self.worst {
            _ if self.errors => ERROR,
            Some(Verdict::Fail) => FAILED,
            Some(Verdict::Refer) => REFERRED,
            Some(Verdict::Pass) | None => OK,
        }
    }
}

/// `part.jpg` becomes `part.overlay.jpg`; a second photo of that name `part-2.overlay.jpg`.
fn unique(image: &str, names: &mut HashSet<String>) -> String {
    let stem = Path::new(image).file_stem().map_or_else(|| image.to_owned(), |s| s.to_string_lossy().into_owned());
    let mut name = format!("{stem}.overlay.jpg");
    let mut n = 2;
    while !names.insert(name.clone()) {
        name = format!("{stem}-{n}.overlay.jpg");
        n += 1;
    }
    name
}

/// Writes a file under its name only when it is whole.
fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(name);
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(bytes)?;
        file.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
