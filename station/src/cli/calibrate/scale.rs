//! `assay calibrate scale`: scale and edge offset of a camera that looks straight down, from photos of a part of known size.

use super::journal::Recording;
use crate::calibrations;
use crate::cli::photos::{Photo, expand};
use crate::cli::{ERROR, OK, write_new};
use anyhow::{Context as _, Result, bail, ensure};
use inspector::calibration::{ScaleRecord, SizeRecord};
use inspector::photo::{DecodeLimits, decode};
use inspector::reason::Reason;
use inspector::recipe::Recipe;
use inspector::scale::{FoundScale, KnownSize, Reading, policy, read, solve};
use std::io::Write;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct OfSizes {
    /// Photos of the part of known size, all by one camera
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<String>,
    /// Recipe of that part, made with about the scale (--scale)
    #[arg(long, value_name = "DIR")]
    recipe: PathBuf,
    /// A size of it that is known, by the name that the recipe gives it; may be given again
    #[arg(long, required = true, value_name = "ID=MM", value_parser = known)]
    known: Vec<(String, f64)>,
    /// Standard uncertainty of the known sizes, mm
    #[arg(long, value_name = "MM", allow_negative_numbers = true)]
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
    Ok((id.trim().to_owned(), mm.trim().parse().map_err(|_| expected())?))
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
        let journal = self.journal.open(self.by.as_deref())?;
        let mut out = std::io::stdout().lock();
        let (mut readings, mut unreadable) = (Vec::new(), false);
        for (number, photo) in expand(&self.photos).into_iter().enumerate() {
            match photo.and_then(|p| look(&p, number, &recipe, &known)) {
                Ok(found) => {
                    for reading in found {
                        match reading {
                            Ok(reading) => readings.push(reading),
                            Err(not_used) => writeln!(out, "not used: {not_used}")?,
                        }
                    }
                }
                Err(fault) => {
                    eprintln!("assay: {fault}");
                    unreadable = true;
                }
            }
        }
        let found = solve(before, &known, &readings)?;
        report(&mut out, &found)?;
        let record = ScaleRecord {
            schema: 1,
            artefact: artefact.to_owned(),
            photos: found.photos,
            rms_px: found.rms_px(),
            by: self.by.clone(),
            made: Some(jiff::Timestamp::now().to_string()),
            calibration: found.policy,
            sizes: found.sizes,
        };
        write_new(&self.out, record.to_toml().as_bytes())?;
        writeln!(
            out,
            "Wrote {0}: for new recipes give --scale {0}; into an old one copy its [calibration].",
            self.out.display()
        )?;
        if let Some((ledger, camera, by)) = journal {
            let entry = calibrations::calibrate_scale(&ledger, camera, by, &record)?;
            writeln!(out, "Calibrated {camera} by {by}: entry {}", entry.seq)?;
        }
        Ok(if unreadable { ERROR } else { OK })
    }
}

/// The readings of one photo, or what of it is not used and why. The outer error is a photo that cannot be read.
fn look(
    photo: &Photo,
    number: usize,
    recipe: &Recipe,
    known: &[KnownSize],
) -> Result<Vec<Result<Reading, String>>, String> {
    let limits = DecodeLimits::default();
    let shown = photo.shown();
    let bytes = photo.read(limits.max_file_bytes).map_err(|e| format!("{shown}: {e}"))?;
    let decoded = decode(&bytes, &limits).map_err(|e| format!("{shown}: {e}"))?;
    let found = read(&decoded, number, recipe, known).map_err(|e| e.to_string())?;
    let named =
        |(r, k): (Result<Reading, Reason>, &KnownSize)| r.map_err(|reason| format!("{shown}: {}: {reason}", k.id));
    Ok(found.into_iter().zip(known).map(named).collect())
}

/// What was found, for people.
fn report(out: &mut impl Write, found: &FoundScale) -> Result<()> {
    for SizeRecord { check, known_mm, measured_mm, photos, .. } in &found.sizes {
        let off = measured_mm - known_mm;
        let photos = if *photos == 1 { "1 photo".to_owned() } else { format!("{photos} photos") };
        writeln!(out, "{check:24} known {known_mm:9.4}  now measured {measured_mm:9.4} mm  {off:+.4}  {photos}")?;
    }
    let p = &found.policy;
    writeln!(out, "a pixel is {:.6} mm (u = {:.4} %)", p.mm_per_px, 100.0 * p.u_scale)?;
    let side = if p.edge_offset_px < 0.0 { "inside" } else { "outside" };
    writeln!(out, "edges are seen {:.3} px {side} the material (u = {:.3})", p.edge_offset_px.abs(), p.u_edge_px)?;
    if !found.edge_found {
        writeln!(
            out,
            "These sizes cannot tell the edges from the scale: that line is as it was. Add one that edges change otherwise: a hole beside an outline, \
             or a short length beside a long one."
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

/// Relative scatter of the scale that is told.
const NOTICED: f64 = 0.001;
/// Disagreement that is told.
const DOUBTED: f64 = 2.0;
