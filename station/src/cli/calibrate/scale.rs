//! `assay calibrate scale`: scale and edge offset of a camera that looks straight down, from photos of a part of known size.

use super::journal::{Recording, write_record};
use crate::calibrations;
use crate::cli::photos::{Photo, expand};
use crate::cli::{ERROR, OK};
use anyhow::{Context as _, Result, bail, ensure};
use inspector::calibration::{CalibrationPolicy, ScaleRecord, SizeRecord};
use inspector::photo::{DecodeLimits, Sha256, decode};
use inspector::recipe::Recipe;
use inspector::scale::{FoundScale, KnownSize, Reading, policy, read, solve};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct OfSizes {
    /// Photos of the part of known size, all by one camera
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<String>,
    /// Recipe of that part, made with a scale that is right to 5 % (recipe new --scale)
    #[arg(long, value_name = "DIR")]
    recipe: PathBuf,
    /// A size of the part that is known, such as hole-1.diameter=19.012 (names.svg in the recipe shows the names); once for each size
    #[arg(long, required = true, value_name = "ID=MM", value_parser = known)]
    known: Vec<(String, f64)>,
    /// Standard uncertainty of the known sizes, mm: measured with a micrometer 0.002, with a caliper 0.02; more when the part is not round or square
    #[arg(long, value_name = "MM", value_parser = crate::cli::number, allow_negative_numbers = true)]
    u: f64,
    /// What the part is
    #[arg(long, value_name = "WORDS", default_value = "a part of known size, not said which")]
    artefact: String,
    /// Id of the person who calibrates (an id, not a name)
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    /// File to write: the record, for `assay recipe new --scale`; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    journal: Recording,
}

fn known(text: &str) -> Result<(String, f64), String> {
    let expected = || format!("expected a name and a size in mm such as hole-1.diameter=19.012, found {text:?}");
    let (id, mm) = text.split_once('=').ok_or_else(expected)?;
    let mm = crate::cli::number(mm).map_err(|e| format!("{}: {e}", expected()))?;
    Ok((id.trim().to_owned(), mm))
}

impl OfSizes {
    pub(in crate::cli) fn run(self) -> Result<u8> {
        ensure!(!self.out.exists(), "{} exists: expected the name of a new file", self.out.display());
        let recipe = Recipe::open(&self.recipe).with_context(|| self.recipe.display().to_string())?;
        let known: Vec<KnownSize> =
            self.known.iter().map(|(id, mm)| KnownSize { id: id.clone(), mm: *mm, u_mm: self.u }).collect();
        if let Some(twice) = known.iter().enumerate().find(|(i, k)| known[..*i].iter().any(|other| other.id == k.id)) {
            bail!("--known: {} is given twice", twice.1.id);
        }
        let before = policy(&recipe, &known).with_context(|| self.recipe.display().to_string())?;
        let artefact = calibrations::text("--artefact", "the part of known size, in words,", &self.artefact)?;
        self.by.as_deref().map(calibrations::person).transpose()?;
        let journal = self.journal.open(self.by.as_deref())?;
        let mut out = std::io::stdout().lock();
        let (mut seen, mut unreadable) = (Seen::default(), false);
        for photo in expand(&self.photos) {
            match photo.and_then(|p| seen.look(&p, &recipe, &known)) {
                Ok(not_used) => not_used.iter().try_for_each(|why| writeln!(out, "not used: {why}"))?,
                Err(fault) => {
                    eprintln!("assay: {fault}");
                    unreadable = true;
                }
            }
        }
        let found = solve(before, &known, &seen.readings)?;
        report(&mut out, &found)?;
        let size_px = seen.size(&mut out)?;
        let record = ScaleRecord {
            schema: 1,
            artefact: artefact.to_owned(),
            photos: found.photos,
            rms_px: found.rms_px(),
            by: self.by.clone(),
            made: Some(jiff::Timestamp::now().to_string()),
            calibration: CalibrationPolicy { size_px, ..found.policy },
            sizes: found.sizes,
        };
        let wrote = format!(
            "Wrote {0}: for new recipes give --scale {0}; into an old one copy its [calibration].",
            self.out.display()
        );
        write_record(&mut out, (&self.out, &record.to_toml(), &wrote), journal, |ledger, camera, by| {
            calibrations::calibrate_scale(ledger, camera, by, &record)
        })?;
        Ok(if unreadable { ERROR } else { OK })
    }
}

/// What the photos showed.
#[derive(Default)]
struct Seen {
    readings: Vec<Reading>,
    sizes: BTreeSet<[u32; 2]>,
    files: BTreeSet<Sha256>,
}

impl Seen {
    /// Reads a photo; gives what of it is not used and why. The error is a photo that cannot be read.
    fn look(&mut self, photo: &Photo, recipe: &Recipe, known: &[KnownSize]) -> Result<Vec<String>, String> {
        let limits = DecodeLimits::default();
        let shown = photo.shown();
        let bytes = photo.read(limits.max_file_bytes).map_err(|e| format!("{shown}: {e}"))?;
        let decoded = decode(&bytes, &limits).map_err(|e| format!("{shown}: {e}"))?;
        if !self.files.insert(decoded.file_sha256) {
            return Ok(vec![format!("{shown}: the same picture as one before")]);
        }
        let found = read(&decoded, self.files.len(), recipe, known).map_err(|e| e.to_string())?;
        let mut not_used = Vec::new();
        for (reading, k) in found.into_iter().zip(known) {
            match reading {
                Ok(reading) => {
                    self.sizes.insert([decoded.width(), decoded.height()]);
                    self.readings.push(reading);
                }
                Err(reason) => not_used.push(format!("{shown}: {}: {reason}", k.id)),
            }
        }
        Ok(not_used)
    }

    /// The one size that all pictures have; when they differ that is said.
    fn size(&self, out: &mut impl Write) -> Result<Option<[u32; 2]>> {
        if let (1, Some(size)) = (self.sizes.len(), self.sizes.first()) {
            return Ok(Some(*size));
        }
        let sizes: Vec<String> = self.sizes.iter().map(|[w, h]| format!("{w} x {h}")).collect();
        writeln!(
            out,
            "The pictures have different sizes ({}): right for a scanner, wrong for a camera, whose pixels are then of different sizes, too.",
            sizes.join(", ")
        )?;
        Ok(None)
    }
}

/// What was found, for people.
fn report(out: &mut impl Write, found: &FoundScale) -> Result<()> {
    for SizeRecord { check, known_mm, measured_mm, photos, .. } in &found.sizes {
        // Never -0.0000.
        let off = (1e4 * (measured_mm - known_mm)).round() / 1e4 + 0.0;
        let photos = if *photos == 1 { "1 photo".to_owned() } else { format!("{photos} photos") };
        writeln!(out, "{check:24} known {known_mm:9.4}  now measured {measured_mm:9.4} mm  {off:+.4}  {photos}")?;
    }
    let p = &found.policy;
    writeln!(out, "a pixel is {:.6} mm (u = {:.4} %)", p.mm_per_px, 100.0 * p.u_scale)?;
    let side = if p.edge_offset_px < 0.0 { "inside" } else { "outside" };
    writeln!(out, "edges are seen {:.3} px {side} the material (u = {:.3})", p.edge_offset_px.abs(), p.u_edge_px)?;
    if p.overexposed_ground {
        writeln!(
            out,
            "The ground of these photos is at the brightest code, which moves edges: this is true of photos whose ground is as bright, not of others."
        )?;
    }
    if !found.edge_found {
        writeln!(
            out,
            "These sizes cannot tell the edges from the scale: the edges stay where they were. Add one that edges change otherwise: a hole beside an \
             outline, or a short length beside a long one."
        )?;
    }
    if !found.checked {
        writeln!(
            out,
            "Only as many sizes as are needed: any numbers would fit, so nothing checks them. Add a third size, or judge another part that is known."
        )?;
    }
    if found.edge_found && found.policy.edge_offset_px.abs() > MUCH_PX {
        writeln!(
            out,
            "That is much. A tone curve or back-light can do it, but so can a wrong number: compare the known sizes once more."
        )?;
    }
    match found.between_photos {
        None => writeln!(
            out,
            "One photo does not tell whether the scale is the same all over the picture: take more, the part in each corner."
        )?,
        Some(place) if place > NOTICED => writeln!(
            out,
            "From photo to photo the scale differs by {:.3} % (standard deviation): see that the camera looks straight down and the part lies flat.",
            100.0 * place
        )?,
        Some(_) => {}
    }
    if found.disagreement > DOUBTED {
        writeln!(
            out,
            "The known sizes are {:.1} times farther from each other than their uncertainties say: look at these numbers again.",
            found.disagreement
        )?;
    }
    Ok(())
}

/// Edge offset that is told, px.
const MUCH_PX: f64 = 0.4;
/// Relative scatter of the scale that is told.
const NOTICED: f64 = 0.001;
/// Disagreement that is told.
const DOUBTED: f64 = 2.0;
