//! Recipes: a folder with `recipe.toml`, the design file and whatever else belongs to it.
//!
//! ```toml
//! schema = 1
//! part = "M19-VISOR"
//! revision = "C"             # may be left away
//!
//! [design]
//! file = "visor.dxf"         # or: picture = "good-part.jpg"; or: none = true, when checks look at the photo as it is
//! units = "mm"               # only when the drawing does not say its units
//! thickness = 3.0            # mm; 0 when left away. u_thickness (mm) is 2 % of it when left away
//! either_side = true         # the part may lie on its face; else that is a fault
//!
//! [calibration]
//! mm_per_px = 0.05           # with a drawing; more keys: CalibrationPolicy. Else only `tone`
//!                            # or, instead of a scale, the printed mat that the part lies on:
//! camera = "phone.toml"      # record of `assay calibrate`, a file of the folder; without it every photo must tell the lens
//!
//! [calibration.mat]
//! paper = "A4"               # A4, A3, Letter
//! id = 17                    # the mat's number; when left away any mat of this paper is taken
//! x = 170.2                  # from cross to cross, measured after printing, mm; when left away 0.4 % of uncertainty is assumed
//! y = 255.1
//! u_distance = 0.15          # standard uncertainty of x and y, mm
//! u_flat = 0.1               # of the sheet's flatness, mm; 0.5 when left away: a loose sheet
//!
//! [decision]
//! rule = "guarded"           # or "simple"
//!
//! [[check]]
//! type = "hole"              # checks::REGISTRY; the other keys are the check's own
//! feature = "hole-1"
//! diameter = { nominal = 7.0, lower = -0.2, upper = 0.2 }
//! ```
//!
//! An unknown key anywhere is an error that names its line: a limit that is misspelt must not go unchecked. The recipe's identity covers
//! every file of the folder ([`identity`]). Models lie in `models/NAME/` ([`crate::models`]), and checks name them: `model = "NAME"`.

mod error;
mod folder;
mod forecast;
mod names;
mod propose;
#[cfg(test)]
mod tests;
mod text;
mod told;

pub use error::RecipeError;
pub use folder::{RecipeFile, files, identity};
pub use forecast::{Decides, Forecast, Help, forecast};
pub use names::names_svg;
pub use propose::{NAMES, ProposeOptions, ProposedMat, ProposedRecipe, ProposedScale, propose};

use crate::Error;
use crate::calibration::{Calibration, CalibrationPolicy, CameraRecord, SCALES, Tone};
use crate::checks::{Check, CheckType, Context, Entry, Needs, REGISTRY};
use crate::decision::Rule;
use crate::design::{Design, Reference, ReferencePicture};
use crate::models::{Models, NoRuntime, Runtime};
use crate::photo::{DecodeLimits, Sha256, decode};
use std::collections::BTreeSet;
use std::path::Path;
use text::{SaidReference, Text};

/// Largest `recipe.toml`.
const MAX_TEXT: u64 = 1 << 20;

/// A recipe that has been read, checked and found whole.
#[derive(Debug)]
pub struct Recipe {
    /// Part number.
    pub part: String,
    /// Revision of the part.
    pub revision: Option<String>,
    /// The recipe's identity: see [`identity`].
    pub hash: Sha256,
    /// Where scale and tone come from. With a reference picture only the tone means anything.
    pub calibration: Calibration,
    /// The scale that somebody gave instead of the recipe's ([`with_scale`](Self::with_scale)), mm per pixel.
    pub scale_by_hand: Option<f64>,
    /// How limits and uncertainty make a verdict.
    pub rule: Rule,
    /// What the part is compared with.
    pub reference: Reference,
    /// The models in the recipe's folder.
    pub models: Models,
    /// The checks, in the recipe's order.
    pub checks: Vec<Box<dyn Check>>,
}

impl Recipe {
    /// Reads the recipe in the folder `dir`, its models too, without anything that could run them: checks that ask a model are not
    /// measured. To judge by models, see [`open_on`](Self::open_on).
    ///
    /// # Errors
    /// [`RecipeError`] with file and line, what was expected and what was found.
    ///
    /// Cost: reads every file of the folder once for the identity.
    pub fn open(dir: &Path) -> Result<Self, RecipeError> {
        Self::open_on(dir, &NoRuntime)
    }

    /// Opens the recipe in the folder `dir`; its models are run by `runtime`, and must reproduce their parity samples there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and why a model is refused.
    ///
    /// Cost: as [`open`](Self::open), and a run of the network per parity sample.
    pub fn open_on(dir: &Path, runtime: &dyn Runtime) -> Result<Self, RecipeError> {
        Self::open_with(dir, runtime, REGISTRY)
    }

    fn open_with(dir: &Path, runtime: &dyn Runtime, registry: &[&CheckType]) -> Result<Self, RecipeError> {
        let files = files(dir)?;
        let listed = |path: &str| files.iter().find(|f| f.path == path);
        let Some(recipe_toml) = listed("recipe.toml") else {
            let cause = "there is no such file in the folder".to_owned();
            return Err(RecipeError::Unreadable { file: "recipe.toml".to_owned(), cause });
        };
        let bytes = folder::read(dir, recipe_toml, MAX_TEXT)?;
        let read = |path: &str| listed(path).map(|file| folder::read(dir, file, folder::MAX_FILE_BYTES));
        let models = Models::open(dir, files.iter().map(|f| (f.path.as_str(), f.sha256)), runtime)
            .map_err(|(name, cause)| RecipeError::Model { name, cause })?;
        assemble(&bytes, identity(&files), read, models, registry)
    }

    /// The recipe of `--reference PICTURE`: compares with that picture, one `reference` check with its default settings. Its identity is that
    /// of a folder with nothing but the picture in it.
    ///
    /// # Errors
    /// [`Error::Photo`] when the picture cannot be decoded.
    pub fn from_picture(file_name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let photo = decode(bytes, &DecodeLimits::default())?;
        let tone = Tone::default();
        let file = RecipeFile { path: file_name.to_owned(), size: bytes.len() as u64, sha256: photo.file_sha256 };
        let reference = Reference::Picture(ReferencePicture::new(photo, tone));
        let source = "[[check]]\ntype = \"reference\"\n";
        let entries = text::entries(source)?;
        let part = Path::new(file_name).file_stem().map_or(file_name.into(), |stem| stem.to_string_lossy());
        Ok(Self {
            part: part.into_owned(),
            revision: None,
            hash: identity(&[file]),
            calibration: Calibration::Known(CalibrationPolicy::unscaled(tone)),
            scale_by_hand: None,
            rule: Rule::default(),
            checks: checks(
                Text(source),
                &entries,
                &Context { reference: &reference, models: &Models::default() },
                REGISTRY,
            )?,
            reference,
            models: Models::default(),
        })
    }

    /// The same recipe for a camera of another scale. Nothing that was measured of the recipe's camera is true of it: scale and edges are as uncertain as those of
    /// a camera that nobody tried, or more where the recipe says so. Its identity is the digest of the text `assay recipe scale 2`, the old identity
    /// and the scale in decimal, with a space between them: a part is not judged by a recipe that nobody can find again.
    ///
    /// # Errors
    /// [`RecipeError::Scale`] for a scale that no camera has, and when the recipe compares with a picture or uses a mat.
    pub fn with_scale(mut self, mm_per_px: f64) -> Result<Self, RecipeError> {
        if !SCALES.contains(&mm_per_px) {
            return Err(RecipeError::Scale { expected: "0.0001 to 10", found: mm_per_px });
        }
        if !matches!(self.reference, Reference::Drawing(_)) {
            let expected = "no scale with a recipe that has no drawing";
            return Err(RecipeError::Scale { expected, found: mm_per_px });
        }
        let Calibration::Known(policy) = &mut self.calibration else {
            let expected = "no scale with a recipe whose mat tells it";
            return Err(RecipeError::Scale { expected, found: mm_per_px });
        };
        let assumed = CalibrationPolicy::of(mm_per_px);
        let by_hand = CalibrationPolicy {
            u_scale: policy.u_scale.max(assumed.u_scale),
            u_edge_px: policy.u_edge_px.max(assumed.u_edge_px),
            tone: policy.tone,
            ..assumed
        };
        if by_hand != *policy {
            *policy = by_hand;
            self.hash = Sha256::of(format!("assay recipe scale 2 {} {mm_per_px}", self.hash).as_bytes());
        }
        self.scale_by_hand = Some(mm_per_px);
        Ok(self)
    }
}

/// A recipe from the bytes of `recipe.toml` and the files that it names; `read` gives `None` for a file that is not there.
fn assemble(
    recipe_toml: &[u8],
    hash: Sha256,
    read: impl Fn(&str) -> Option<Result<Vec<u8>, RecipeError>>,
    models: Models,
    registry: &[&CheckType],
) -> Result<Recipe, RecipeError> {
    let source = std::str::from_utf8(recipe_toml).map_err(|e| {
        let line = 1 + recipe_toml[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        RecipeError::NotUtf8 { line }
    })?;
    // Some editors put a byte order mark in front.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let text = Text(source);
    let said = text::read(source)?;
    let line = text.line(said.reference_at);
    let bytes = |table: &str, file: &str, at: usize| {
        let none = || Err(text.fault(at, format!("[{table}]: there is no file {file:?} in the recipe's folder")));
        read(file).unwrap_or_else(none)
    };
    let bytes_of = |file: &str| bytes("design", file, said.reference_at);
    let mut calibration = said.calibration;
    if let (Some(file), Calibration::Mat(policy)) = (&said.camera, &mut calibration) {
        let (file, at) = (file.get_ref(), file.span().start);
        let record = bytes("calibration", file, at)?;
        let record = std::str::from_utf8(&record).map_err(|e| e.to_string());
        let record = record.and_then(|text| CameraRecord::read(text).map_err(|e| e.to_string()));
        policy.camera = Some(record.map_err(|e| text.fault(at, format!("[calibration] camera: {file}: {e}")))?);
    }
    let reference = match said.reference {
        SaidReference::Drawing { file, units, body, .. } => match Design::open(&bytes_of(&file)?, units) {
            Ok(design) => Reference::Drawing(Design { body, ..design }),
            Err(cause) => return Err(RecipeError::Design { line, file, cause }),
        },
        SaidReference::Picture { file } => match decode(&bytes_of(&file)?, &DecodeLimits::default()) {
            Ok(photo) => Reference::Picture(ReferencePicture::new(photo, calibration.tone())),
            Err(cause) => return Err(RecipeError::Picture { line, file, cause }),
        },
        SaidReference::Photo => Reference::Photo,
    };
    let checks = checks(text, &said.checks, &Context { reference: &reference, models: &models }, registry)?;
    let (part, revision, rule) = (said.part, said.revision, said.rule);
    Ok(Recipe { part, revision, hash, calibration, scale_by_hand: None, rule, reference, models, checks })
}

/// Reads the entries, and refuses characteristics that nobody could tell apart or decide.
fn checks(
    text: Text<'_>,
    entries: &[Entry<'_>],
    context: &Context<'_>,
    registry: &[&CheckType],
) -> Result<Vec<Box<dyn Check>>, RecipeError> {
    let mut ids = BTreeSet::new();
    let mut checks = Vec::new();
    for entry in entries {
        let at = entry.type_span().start;
        let name = entry.type_name().map_err(|e| text::entry_fault(text, entry.span(), "?", e))?;
        let Some(check_type) = registry.iter().find(|t| t.name == name) else {
            let known: Vec<&str> = registry.iter().map(|t| t.name).collect();
            return Err(text.fault(at, format!("unknown check type {name:?}, expected one of {}", known.join(", "))));
        };
        match (check_type.needs, context.reference) {
            (Needs::Drawing, Reference::Drawing(_)) | (Needs::Picture, Reference::Picture(_)) | (Needs::Any, _) => (),
            (needs, reference) => {
                let needs = match needs {
                    Needs::Drawing => "a drawing ([design] file = ...)",
                    _ => "a picture ([design] picture = ...)",
                };
                let has = match reference {
                    Reference::Drawing(_) => "a drawing",
                    Reference::Picture(_) => "a picture",
                    Reference::Photo => "nothing",
                };
                return Err(
                    text.fault(at, format!("check `{name}` needs {needs}, but this recipe compares with {has}"))
                );
            }
        }
        let check = (check_type.parse)(entry, context).map_err(|e| text::entry_fault(text, entry.span(), name, e))?;
        for c in check.characteristics() {
            let upside_down = matches!((c.lower, c.upper), (Some(l), Some(u)) if l > u);
            let numbers = [Some(c.nominal), c.lower, c.upper];
            if upside_down || numbers.into_iter().flatten().any(|v| !v.is_finite()) {
                let (id, l, u) = (&c.id, c.lower, c.upper);
                return Err(
                    text.fault(at, format!("{id}: expected finite limits with lower <= upper, found {l:?} and {u:?}"))
                );
            }
            if !ids.insert(c.id.clone()) {
                return Err(text.fault(at, format!("{} is checked twice: expected each characteristic once", c.id)));
            }
        }
        checks.push(check);
    }
    Ok(checks)
}
