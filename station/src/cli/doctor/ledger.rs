//! Journal, store, disk, and what the journal says of calibrations.

use super::Report;
use crate::calibrations::{self, CalibrationConfig};
use crate::ledger::{Ledger, LedgerOptions, LostEntry, Mode, StoreState};
use anyhow::Result;
use std::path::Path;

/// Opens the station's folder, which must not be in use.
pub(super) fn look(
    report: &mut Report,
    data: &Path,
    demo: bool,
    rebuild: bool,
    policy: CalibrationConfig,
) -> Result<()> {
    let mode = if demo { Mode::Demo } else { Mode::Production };
    let options = LedgerOptions { mode, ..LedgerOptions::default() };
    if rebuild && Ledger::is_in(data) {
        Ledger::ask_for_rebuild(data)?;
    }
    let (ledger, opened) = Ledger::open_existing(data, options)?;
    ledger.require_mode(mode)?;
    report.say(true, format!("journal: {} entries", opened.last_seq))?;
    if let Some(cut) = &opened.cut {
        let kept: Vec<String> = cut.moved_to.iter().map(|p| p.display().to_string()).collect();
        report.say(
            cut.lost.is_empty(),
            format!(
                "journal: {} bytes at its end were no whole entry (a power cut while writing) and are kept in {}{}",
                cut.bytes,
                kept.join(", "),
                list(&cut.lost)
            ),
        )?;
    }
    for d in &opened.damage {
        let what = format!("journal: {} bytes of {} at {} are damaged", d.bytes, d.segment, d.offset);
        report.say(
            false,
            format!("{what}{}: restore this segment from a copy, or inspect these parts again", list(&d.lost)),
        )?;
    }
    if let Some(reason) = &opened.rebuilt {
        report.say(true, format!("store: built again from the journal ({reason})"))?;
    }
    let health = ledger.health();
    report.say(matches!(health.store, StoreState::Following), format!("store: {:?}", health.store))?;
    let free = format!("disk: {} MB free", health.free_bytes / 1_000_000);
    match &health.refusing {
        None => report.say(true, free)?,
        Some(reason) => report.say(false, format!("{free}; no part is recorded: {reason}"))?,
    }
    let (good, said) = calibrations::look(&ledger, policy, jiff::Timestamp::now())?;
    for line in &said {
        report.say(good, format!("calibration: {line}"))?;
    }
    if said.is_empty() {
        report.note("calibration: no camera is calibrated (no fault where recipes know their scale)")?;
    }
    Ok(())
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
