//! Journal, store, disk, and what the journal says of calibrations.

use super::Report;
use crate::calibrations::{self, CalibrationConfig};
use crate::cli::entries;
use crate::ledger::{Damage, Ledger, LedgerOptions, LostEntry, Mode, StoreState};
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
    ledger.wait_until_verified();
    let health = ledger.health();
    for d in &health.damage {
        report.say(false, damaged(d))?;
    }
    if let Some(reason) = &opened.rebuilt {
        report.say(true, format!("store: built again from the journal ({reason})"))?;
    }
    report.say(matches!(health.store, StoreState::Following), format!("store: {}", health.store))?;
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

/// Damage in the middle of the journal, in words.
fn damaged(d: &Damage) -> String {
    let what = match d.bytes {
        0 => format!("journal: entries are missing from {} at byte {}", d.segment, d.offset),
        bytes => format!("journal: {bytes} bytes of {} from byte {} on are damaged", d.segment, d.offset),
    };
    let numbers = match (d.first_seq, d.last_seq) {
        (Some(first), Some(last)) => format!("; {} cannot be read", entries(first, last)),
        _ => String::new(),
    };
    format!("{what}{numbers}{}: restore this segment from a copy, or inspect these parts again", list(&d.lost))
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
