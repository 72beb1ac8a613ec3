//! `assay calibrate verify|affected|list`: calibrations as acts in the station's journal.

use crate::calibrations::{self, Aged, CalibrationConfig, CalibrationError, Measurement};
use crate::cli::{FAILED, OK, entries, existing_station, new_station, write_new};
use crate::inspection::verdict_word;
use crate::ledger::{Act, CalibratedTo, Calibration, CameraState, Doubt, Entry, Ledger, LostEntry, Verification};
use crate::serve::ServeConfig;
use anyhow::{Context as _, Result};
use inspector::decision::{GUARD_BAND_K, Verdict};
use inspector::reason::Reason;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Inspections that are read at a time.
const PAGE: usize = 1000;

/// Where a calibration is recorded, when it is.
#[derive(clap::Args)]
pub(super) struct Recording {
    /// What people call this camera: records the calibration in the journal of the station at --data
    #[arg(long, value_name = "NAME", requires_all = ["data", "by"])]
    camera: Option<String>,
    /// The station's data folder
    #[arg(long, value_name = "DIR", requires = "camera")]
    data: Option<PathBuf>,
}

/// A station's journal, open, or still to be made when there is something to record.
pub(super) struct Journal<'a> {
    ledger: Option<Ledger>,
    data: &'a Path,
    camera: &'a str,
    by: &'a str,
}

impl Recording {
    /// The journal, the camera and the person, when the calibration is to be recorded: looked at before the work begins.
    pub(super) fn open<'a>(&'a self, by: Option<&'a str>) -> Result<Option<Journal<'a>>> {
        let (Some(camera), Some(by), Some(data)) = (&self.camera, by, &self.data) else { return Ok(None) };
        let (camera, by) = (calibrations::camera_name(camera)?, calibrations::person(by)?);
        let ledger = Ledger::is_in(data).then(|| existing_station(data)).transpose()?;
        Ok(Some(Journal { ledger, data, camera, by }))
    }
}

/// Writes a record to a new file and, when asked to, into the journal: both or neither. A record that the journal does not know would be believed all the same.
/// `wrote` says so.
pub(super) fn write_record(
    out: &mut impl Write,
    (file, record, wrote): (&Path, &str, &str),
    journal: Option<Journal<'_>>,
    record_it: impl FnOnce(&Ledger, &str, &str) -> Result<Entry, CalibrationError>,
) -> Result<()> {
    write_new(file, record.as_bytes())?;
    let Some(Journal { ledger, data, camera, by }) = journal else {
        writeln!(out, "{wrote}")?;
        return Ok(());
    };
    let made = ledger.is_none();
    let recorded = ledger.map_or_else(|| new_station(data), Ok).and_then(|l| Ok(record_it(&l, camera, by)?));
    let entry = match recorded {
        Ok(entry) => entry,
        Err(e) => {
            // If even that fails, the first error is the one to tell.
            let _ = std::fs::remove_file(file);
            return Err(e.context(format!("{} was not written, because it cannot be recorded", file.display())));
        }
    };
    writeln!(out, "{wrote}")?;
    if made {
        writeln!(out, "{} is a new station: nothing was recorded there before.", data.display())?;
    }
    writeln!(out, "Calibrated {camera} by {by}: entry {}", entry.seq)?;
    Ok(())
}

#[derive(clap::Args)]
#[command(
    after_help = "Example, a steel rule photographed on the work plane, its 0 and its 150 mm line measured in the photo:
  assay calibrate verify --camera bench-2 --artefact \"steel rule, no. 17\" --nominal 150.00 --measured 150.02 --u 0.03 --limit 0.10 \\
    --by anna --data data

It passes when the deviation lies within the limit by 1.65 u. Too close to the limit to tell (REFER) counts as not passed."
)]
pub(in crate::cli) struct Verify {
    /// The camera, by the name it was calibrated under
    #[arg(long, value_name = "NAME")]
    camera: String,
    /// Known length, mm
    #[arg(long, value_name = "MM", value_parser = crate::cli::number, allow_negative_numbers = true)]
    nominal: f64,
    /// What was measured, mm
    #[arg(long, value_name = "MM", value_parser = crate::cli::number, allow_negative_numbers = true)]
    measured: f64,
    /// Standard uncertainty of their difference, mm: of the known length and of the measurement together
    #[arg(long, value_name = "MM", value_parser = crate::cli::number, allow_negative_numbers = true)]
    u: f64,
    /// Largest deviation allowed, either way, mm
    #[arg(long, value_name = "MM", value_parser = crate::cli::number, allow_negative_numbers = true)]
    limit: f64,
    /// What the known length is
    #[arg(long, value_name = "WORDS", default_value = "a known length, not said which")]
    artefact: String,
    /// Id of the person who verifies (an id, not a name)
    #[arg(long, value_name = "PERSON")]
    by: String,
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay calibrate affected --camera bench-2 --data data --json")]
pub(in crate::cli) struct Affected {
    /// The camera, by the name it was calibrated under
    #[arg(long, value_name = "NAME")]
    camera: String,
    /// The station's data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay calibrate list --config station.toml")]
pub(in crate::cli) struct List {
    /// The station's data folder
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    data: Option<PathBuf>,
    /// The station's configuration: its data folder, and how often it verifies
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Verify {
    pub(in crate::cli) fn run(self) -> Result<u8> {
        let ledger = existing_station(&self.data)?;
        let found = Measurement {
            by: self.by,
            artefact: self.artefact,
            nominal_mm: self.nominal,
            measured_mm: self.measured,
            u_mm: self.u,
            limit_mm: self.limit,
        };
        let state = calibrations::verify(&ledger, &self.camera, &found).map_err(in_options)?;
        let verification = state.verification.as_ref().context("the verification was recorded and cannot be read")?;
        let doubtful = state.doubt.filter(Doubt::lasts).map(|d| Doubtful::read(&ledger, d)).transpose()?;
        let mut out = std::io::stdout().lock();
        if self.json {
            let mut object = of_verification(&state.camera, verification);
            object["doubt"] = doubtful.as_ref().map_or(Value::Null, Doubtful::json);
            writeln!(out, "{object}")?;
        } else {
            writeln!(out, "{}", sentence(&state.camera, verification))?;
            if let Some(doubtful) = &doubtful {
                doubtful.show(&mut out)?;
            }
        }
        Ok(if verification.passed() { OK } else { FAILED })
    }
}

impl Affected {
    pub(in crate::cli) fn run(self) -> Result<u8> {
        let ledger = existing_station(&self.data)?;
        let state = calibrations::known(&ledger, &self.camera)?;
        let doubtful = state.doubt.map(|d| Doubtful::read(&ledger, d)).transpose()?;
        let mut out = std::io::stdout().lock();
        match (&doubtful, self.json) {
            (_, true) => {
                let doubt = doubtful.as_ref().map_or(Value::Null, Doubtful::json);
                writeln!(out, "{}", json!({ "camera": state.camera, "doubt": doubt }))?;
            }
            (Some(doubtful), false) => doubtful.show(&mut out)?,
            (None, false) if state.verification.is_some() => {
                writeln!(out, "Every verification of {} passed.", state.camera)?;
            }
            (None, false) => writeln!(out, "{} was calibrated and never verified.", state.camera)?,
        }
        Ok(OK)
    }
}

impl List {
    pub(in crate::cli) fn run(self) -> Result<u8> {
        let config = self.config.as_deref().map(ServeConfig::read).transpose()?;
        let policy = config.as_ref().map_or_else(CalibrationConfig::default, |c| c.calibration);
        let data = self.data.or(config.map(|c| c.data)).context("expected --data DIR or --config FILE")?;
        let ledger = existing_station(&data)?;
        let found = ledger.calibrations()?;
        let (now, mut out) = (jiff::Timestamp::now(), std::io::stdout().lock());
        for state in &found.cameras {
            let aged = Aged::at(now, state, policy);
            writeln!(out, "{:11} {}", aged.standing.word(), aged.reason)?;
            for line in history(state, &aged) {
                writeln!(out, "            {line}")?;
            }
        }
        for seq in &found.unreadable {
            writeln!(out, "unreadable  entry {seq}: an act on the calibration of a camera")?;
        }
        for (first, last) in &found.lost {
            writeln!(out, "lost        {}: nobody knows what was recorded there", entries(*first, *last))?;
        }
        if found.cameras.is_empty() && found.unreadable.is_empty() && found.lost.is_empty() {
            writeln!(out, "No camera is calibrated here.")?;
        }
        Ok(OK)
    }
}

/// The API's keys are options here.
fn in_options(e: CalibrationError) -> anyhow::Error {
    match &e {
        CalibrationError::Number { .. } | CalibrationError::Implausible { .. } => {
            let keys = ["nominal_mm", "measured_mm", "u_mm", "limit_mm"];
            let option = |key: &str| format!("--{}", key.trim_end_matches("_mm"));
            let said = keys.iter().fold(e.to_string(), |said, key| said.replace(&format!("`{key}`"), &option(key)));
            anyhow::Error::msg(said)
        }
        _ => e.into(),
    }
}

/// How well a calibration knows what it found, for people.
fn known(c: &Calibration) -> String {
    match c.known {
        CalibratedTo::Lens { u_focal_px: [u, _] } => format!("u of focal length {u:.1} px"),
        CalibratedTo::Scale { u_scale, u_edge_px } => {
            format!("u of scale {:.4} %, of edges {u_edge_px:.3} px", 100.0 * u_scale)
        }
    }
}

/// What was done to a camera, for people.
fn history(state: &CameraState, aged: &Aged) -> Vec<String> {
    let calibrated = state.calibration.as_ref().map(|c| {
        let age = aged.age_days.map_or("unknown".to_owned(), |d| format!("{d:.0}"));
        format!(
            "calibrated {} by {} with {}: rms {:.2} px, {}, {age} days old, {} (entry {})",
            c.wall,
            c.by,
            c.artefact,
            c.rms_px,
            known(c),
            c.record,
            c.seq
        )
    });
    let verified = state
        .verification
        .as_ref()
        .map(|v| format!("verified   {} by {} with {}: {}", v.wall, v.by, v.artefact, sentence(&state.camera, v)));
    let due = aged.due.map(|due| format!("due        {due}"));
    [calibrated, verified, due].into_iter().flatten().collect()
}

/// What a verification said, for people.
fn sentence(camera: &str, v: &Verification) -> String {
    let numbers = format!(
        "{:.3} mm of {:.3} mm, deviation {:+.3} mm, u {:.3} mm, limit {:.3} mm (entry {})",
        v.measured_mm,
        v.nominal_mm,
        v.deviation_mm(),
        v.u_mm,
        v.limit_mm,
        v.seq
    );
    match v.verdict {
        Verdict::Pass => format!("PASS {camera}: {numbers}"),
        Verdict::Fail => format!("FAIL {camera}: {numbers}"),
        Verdict::Refer => format!(
            "REFER {camera}: {numbers}. Within {:.3} mm of the limit nobody can tell, and this counts as not passed: measure again with a smaller u",
            GUARD_BAND_K * v.u_mm
        ),
    }
}

fn of_verification(camera: &str, v: &Verification) -> Value {
    json!({
        "camera": camera, "seq": v.seq, "wall": v.wall, "by": v.by, "artefact": v.artefact, "nominal_mm": v.nominal_mm,
        "measured_mm": v.measured_mm, "deviation_mm": v.deviation_mm(), "u_mm": v.u_mm, "limit_mm": v.limit_mm,
        "verdict": v.verdict, "passed": v.passed(),
    })
}

/// Everything that nobody should rely on, oldest first.
struct Doubtful {
    doubt: Doubt,
    parts: Vec<Part>,
    damaged: Vec<LostEntry>,
    /// First and last number of entries that the journal lost: nobody knows what they were.
    lost: Vec<(u64, u64)>,
}

/// A part whose result is in doubt.
struct Part {
    seq: u64,
    wall: String,
    part: String,
    lot: Option<String>,
    serial: Option<String>,
    verdict: Verdict,
    source: Option<String>,
}

impl Part {
    fn of(entry: Entry) -> Option<Self> {
        let Entry { seq, wall, act: Act::Inspection { inspection, .. }, .. } = entry else { return None };
        let source = inspection.capture.map(|c| c.source);
        let (part, lot, serial, verdict) = (inspection.part, inspection.lot, inspection.serial, inspection.verdict);
        Some(Self { seq, wall, part, lot, serial, verdict, source })
    }
}

impl Doubtful {
    fn read(ledger: &Ledger, doubt: Doubt) -> Result<Self> {
        let (mut parts, mut damaged, mut cursor) = (Vec::new(), Vec::new(), None);
        loop {
            let page = ledger.inspections(&doubt.query(cursor, PAGE))?;
            parts.extend(page.entries.into_iter().filter_map(Part::of));
            damaged.extend(page.damaged);
            cursor = page.next_before_seq;
            if cursor.is_none() {
                break;
            }
        }
        parts.reverse();
        damaged.reverse();
        let mut lost = ledger.lost()?;
        lost.retain(|(first, last)| *last > doubt.after_seq && doubt.before_seq.is_none_or(|b| *first < b));
        Ok(Self { doubt, parts, damaged, lost })
    }

    fn json(&self) -> Value {
        let part = |p: &Part| {
            json!({
                "seq": p.seq, "wall": p.wall, "part": p.part, "lot": p.lot, "serial": p.serial, "verdict": p.verdict, "source": p.source,
            })
        };
        let damaged = |d: &LostEntry| json!({ "seq": d.seq, "part": d.part, "lot": d.lot, "serial": d.serial });
        json!({
            "after_seq": self.doubt.after_seq, "failed_seq": self.doubt.failed_seq, "before_seq": self.doubt.before_seq,
            "reason": calibrations::why(&self.doubt),
            "inspections": self.parts.iter().map(part).collect::<Vec<_>>(),
            "damaged": self.damaged.iter().map(damaged).collect::<Vec<_>>(),
            "lost": self.lost,
        })
    }

    fn show(&self, out: &mut impl Write) -> Result<()> {
        let Doubt { after_seq, before_seq, .. } = self.doubt;
        let until = before_seq.map_or(String::new(), |seq| format!(" until entry {seq}"));
        let n = self.parts.len() + self.damaged.len();
        writeln!(
            out,
            "{n} {} in doubt: everything judged since entry {after_seq}, when the camera was last shown to be good{until}.",
            if n == 1 { "result is" } else { "results are" }
        )?;
        writeln!(out, "Why: {}.", calibrations::why(&self.doubt))?;
        let word = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), Reason::shown);
        for p in &self.parts {
            let (serial, lot) = (word(&p.serial), word(&p.lot));
            writeln!(
                out,
                "{:8}  {}  {:5}  part {}  serial {serial}  lot {lot}",
                p.seq,
                p.wall,
                verdict_word(p.verdict),
                p.part
            )?;
        }
        for d in &self.damaged {
            let (part, serial, lot) = (word(&d.part), word(&d.serial), word(&d.lot));
            writeln!(out, "{:8}  damaged, cannot be read any more  part {part}  serial {serial}  lot {lot}", d.seq)?;
        }
        for (first, last) in &self.lost {
            writeln!(out, "lost from the journal, perhaps parts: {}", entries(*first, *last))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerError;

    /// On a full disk the record once stayed, and the journal knew nothing of it.
    #[test]
    fn a_record_that_cannot_be_recorded_is_not_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (file, data) = (dir.path().join("c.toml"), dir.path().join("data"));
        let journal = || Some(Journal { ledger: None, data: &data, camera: "c", by: "anna" });
        let full = |ledger: &Ledger, _: &str, _: &str| {
            assert!(ledger.health().last_seq == 0);
            Err(LedgerError::DiskFull { free: 1, needed: 500_001_817, path: data.clone() }.into())
        };
        let refused = write_record(&mut Vec::new(), (&file, "record", ""), journal(), full).unwrap_err();
        let said = format!("{refused:#}");
        assert!(said.contains("c.toml was not written") && said.contains("501 MB of free space needed"), "{said}");
        assert!(!file.exists());
        let mut out = Vec::new();
        let start = |ledger: &Ledger, _: &str, _: &str| Ok(ledger.append(Act::Started)?);
        write_record(&mut out, (&file, "record", "Wrote."), journal(), start).unwrap();
        let said = String::from_utf8(out).unwrap();
        assert!(file.exists() && said.ends_with("Calibrated c by anna: entry 1\n"), "{said}");
    }
}
