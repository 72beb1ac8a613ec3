//! `assay inspect`: judge photos.

use super::photos::{Photo, expand};
use super::{ERROR, FAILED, OK, REFERRED, existing_station, table, write_over};
use crate::codes::{Choice, Rules, choose_recipe};
use crate::inspection::{Decoded, Drawn, JobInfo, draw, judge_decoded, keep};
use crate::ledger::{Ledger, Mode, RecipeStatus};
use crate::models::ModelRuntime;
use crate::recipes;
use crate::record::InspectionRecord;
use anyhow::{Context as _, Result, bail};
use inspector::decision::Verdict;
use inspector::identity::Identity;
use inspector::photo::DecodeLimits;
use inspector::recipe::Recipe;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Judge photos by a recipe, or compare them with a picture of a good part
#[derive(clap::Args)]
#[command(after_help = "Examples:
  assay inspect --recipe recipes/visor photos/*.jpg
  assay inspect --reference golden.png board-7.jpg --json
  assay inspect --recipe recipes/visor part.jpg --overlay marked/
  assay inspect --recipes recipes --by-code 'WAZI-(?<order>[0-9]+)=frame-{order}' photos/*.jpg")]
pub(super) struct Arguments {
    /// Recipe folder (with recipe.toml)
    #[arg(long, value_name = "DIR", conflicts_with = "reference", required_unless_present_any = ["reference", "recipes"])]
    recipe: Option<PathBuf>,
    /// Folder of recipes, of which a code in each photo chooses one (with --by-code)
    #[arg(long, value_name = "DIR", conflicts_with_all = ["recipe", "reference", "scale"], requires = "by_code")]
    recipes: Option<PathBuf>,
    /// Rule by which a code chooses: its whole text matches PATTERN, {name} in RECIPE is a named group
    #[arg(long, value_name = "PATTERN=RECIPE", requires = "recipes")]
    by_code: Vec<String>,
    /// Compare with this picture of a good part instead of a recipe
    #[arg(long, value_name = "PICTURE")]
    reference: Option<PathBuf>,
    /// Photos: files, patterns such as 'photos/*.jpg', or - for stdin
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// Size of a pixel in mm, instead of the recipe's
    #[arg(long, value_name = "MM_PER_PX", value_parser = super::number)]
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
    /// Order that the parts are made for
    #[arg(long)]
    order: Option<String>,
}

impl Arguments {
    pub(super) fn run(self) -> Result<u8> {
        let which = self.which()?;
        if let Some(dir) = &self.overlay {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        }
        let ledger = match (&self.store, &which) {
            (Some(dir), Which::One(recipe)) => Some(open_store(dir, recipe)?),
            _ => None,
        };
        let photos = expand(&self.images);
        if self.serial.is_some() && photos.len() > 1 {
            bail!("--serial names one part, but {} photos were given", photos.len());
        }
        let mut outcome = Outcome::default();
        let mut names = HashSet::new();
        for photo in photos {
            let judged = photo.and_then(|photo| {
                self.one(&photo, &which, ledger.as_ref(), &mut names).map_err(|e| format!("{}: {e:#}", photo.shown()))
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

    fn which(&self) -> Result<Which> {
        Ok(match &self.recipes {
            None => Which::One(Rc::new(self.open_recipe()?)),
            Some(dir) => Which::ByCode(Box::new(ByCode {
                rules: Rules::from_words(&self.by_code).map_err(anyhow::Error::msg)?,
                dir: dir.clone(),
                runtime: ModelRuntime::default(),
                open: RefCell::default(),
            })),
        })
    }

    fn open_recipe(&self) -> Result<Recipe> {
        let recipe = match (&self.recipe, &self.reference) {
            (Some(dir), _) => {
                Recipe::open_on(dir, &ModelRuntime::default()).with_context(|| dir.display().to_string())?
            }
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
        which: &Which,
        ledger: Option<&Ledger>,
        names: &mut HashSet<String>,
    ) -> Result<InspectionRecord> {
        let bytes = photo.read(DecodeLimits::default().max_file_bytes).map_err(anyhow::Error::msg)?;
        let identity = Identity { serial: self.serial.clone(), lot: self.lot.clone(), order: self.order.clone() };
        let mut info = JobInfo { image: photo.name(), identity, capture: None };
        let decoded = Decoded::of(&bytes)?;
        let recipe = &*match which {
            Which::One(recipe) => recipe.clone(),
            Which::ByCode(by_code) => by_code.recipe(&decoded, &mut info)?,
        };
        let judged = judge_decoded(decoded, recipe, &info);
        if self.overlay.is_none() && ledger.is_none() {
            return Ok(judged.record);
        }
        let drawn: Drawn = draw(judged, recipe, Mode::Production)?;
        if let Some(dir) = &self.overlay {
            write_over(&dir.join(unique(&info.image, names)), &drawn.overlay)?;
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

/// What the photos are judged by.
enum Which {
    One(Rc<Recipe>),
    ByCode(Box<ByCode>),
}

/// Recipes of which a code in the photo chooses one.
struct ByCode {
    rules: Rules,
    dir: PathBuf,
    runtime: ModelRuntime,
    /// Those that were needed already.
    open: RefCell<HashMap<String, Rc<Recipe>>>,
}

impl ByCode {
    /// The recipe for a photo. What the code tells of the part is added to `info`.
    fn recipe(&self, decoded: &Decoded, info: &mut JobInfo) -> Result<Rc<Recipe>> {
        let Choice { recipe, identity } = choose_recipe(decoded.photo(), &self.rules, &info.identity)?;
        info.identity.complete(&identity);
        if let Some(open) = self.open.borrow().get(&recipe) {
            return Ok(open.clone());
        }
        let dir = self.dir.join(&recipe);
        if !dir.is_dir() {
            bail!("the code asks for the recipe {recipe:?}, and there is none of that name in {}", self.dir.display());
        }
        let opened = Rc::new(Recipe::open_on(&dir, &self.runtime).with_context(|| dir.display().to_string())?);
        self.open.borrow_mut().insert(recipe, opened.clone());
        Ok(opened)
    }
}

/// Opens a station's folder to record in. Only what a named person approved judges production parts.
fn open_store(dir: &Path, recipe: &Recipe) -> Result<Ledger> {
    // Where nothing was approved yet there is no station, and none is made.
    let ledger = Ledger::is_in(dir).then(|| existing_station(dir)).transpose()?;
    let state = |ledger: &Ledger| recipes::state_of(ledger, recipe.hash);
    match ledger {
        Some(ledger) if state(&ledger)? == RecipeStatus::Approved => Ok(ledger),
        _ => bail!(
            "recipe {} is not approved in {}, so its verdicts are not recorded: approve it with `assay recipe approve`",
            recipe.hash,
            dir.display()
        ),
    }
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
