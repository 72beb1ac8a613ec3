//! An inspection as a table for people.

use crate::record::{CheckRecord, InspectionRecord, MatRecord};
use inspector::decision::Verdict;
use inspector::reason::Reason;
use std::fmt::Write as _;

/// Shape and word, so that colour is not needed.
fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓ PASS ",
        Verdict::Fail => "✗ FAIL ",
        Verdict::Refer => "? REFER",
    }
}

/// One photo: a line with the verdict, then a line per characteristic.
pub(super) fn show(record: &InspectionRecord) -> String {
    let mut text = String::new();
    let revision = record.revision.as_deref().map(|r| format!(" rev {r}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{} {}  {}{revision}  {:.0} ms",
        mark(record.verdict),
        record.image,
        record.part,
        record.timings_ms.total
    );
    if let Some(mat) = &record.mat {
        let _ = writeln!(text, "    {}", view(mat));
    }
    if let Some(scale) = record.scale_by_hand {
        let _ = writeln!(
            text,
            "    scale given by hand: {scale} mm per pixel; nothing that was measured of the recipe's camera counts"
        );
    }
    if let Some(reason) = common(&record.checks) {
        let _ = writeln!(text, "    nothing was measured: {reason}");
        return text;
    }
    let width = record.checks.iter().map(|c| c.id.chars().count()).max().unwrap_or(0);
    for check in &record.checks {
        let _ = writeln!(text, "    {} {:width$}  {}", mark(check.verdict), check.id, numbers(check));
    }
    text
}

/// The one reason for which no check measured anything.
fn common(checks: &[CheckRecord]) -> Option<&str> {
    let first = checks.first()?;
    let same = |c: &CheckRecord| c.measured.is_none() && c.reason == first.reason && c.verdict == first.verdict;
    (checks.len() > 1 && checks.iter().all(same)).then_some(first.reason.as_deref()).flatten()
}

/// The mat in a few words; all its numbers are in the record.
fn view(mat: &MatRecord) -> String {
    let id = mat.id.map(|id| format!(" {id}")).unwrap_or_default();
    let told = |name: &str| mat.readings.iter().find(|r| r.name == name).map_or(f64::NAN, |r| r.value);
    format!(
        "mat{id} on {}: {:.4} mm per pixel, tilt {:.0}°, blur {:.1} px, {:.0} tags",
        mat.paper,
        told("pixel"),
        told("tilt"),
        told("blur"),
        told("tags")
    )
}

fn numbers(check: &CheckRecord) -> String {
    let unit = match check.unit.as_str() {
        "mm2" => " mm²",
        "deg" => "°",
        "mm" => " mm",
        _ => "",
    };
    let decimals = if check.unit == "count" { 0 } else { 3 };
    let limits = match (check.lower, check.upper) {
        (Some(l), Some(u)) => {
            format!("limits {:.decimals$} to {:.decimals$}{unit}", check.nominal + l, check.nominal + u)
        }
        (Some(l), None) => format!("at least {:.decimals$}{unit}", check.nominal + l),
        (None, Some(u)) => format!("at most {:.decimals$}{unit}", check.nominal + u),
        (None, None) => String::new(),
    };
    let mut text = match (check.measured, check.u) {
        (Some(m), Some(u)) if check.unit != "count" => format!("{m:.3}{unit}  u {u:.3}  {limits}"),
        (Some(m), _) => format!("{m:.decimals$}{unit}  {limits}"),
        (None, _) => format!("not measured  {limits}"),
    };
    if let Some(read) = &check.text {
        let _ = write!(text, "  found {}", Reason::shown(read));
    }
    if let Some(reason) = &check.reason {
        let _ = write!(text, "  ({reason})");
    }
    text
}
