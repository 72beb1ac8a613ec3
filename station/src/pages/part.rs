//! One recorded part as the pages show it: words, numbers with their units, and the deviation bar.

use super::words::Words;
use crate::http::{Links, Pictures};
use crate::ledger::{Act, Entry, Mode};
use crate::record::{CheckRecord, InspectionRecord, MatRecord, ReadingRecord};
use inspector::decision::{GUARD_BAND_K, Rule, Verdict};

/// Checks named beside the verdict; the table has all.
const NAMED: usize = 3;
/// Width and height of the deviation bar, in its own units.
const BAR: (f64, f64) = (160.0, 26.0);
/// The tolerance zone takes this part of the bar; the rest shows how far outside a deviation is.
const ZONE: f64 = 0.6;

/// A verdict, as word and class.
#[derive(Clone, Copy, Debug)]
pub(super) struct VerdictView {
    /// `pass`, `fail` or `refer`: class of the style sheet and name of the icon.
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) means: &'static str,
}

impl VerdictView {
    pub(super) fn new(verdict: Verdict, t: &'static Words) -> Self {
        match verdict {
            Verdict::Pass => Self { class: "pass", word: t.pass, means: t.pass_means },
            Verdict::Fail => Self { class: "fail", word: t.fail, means: t.fail_means },
            Verdict::Refer => Self { class: "refer", word: t.refer, means: t.refer_means },
        }
    }
}

/// One characteristic, ready to be read.
#[derive(Debug)]
pub(super) struct CheckView {
    pub(super) id: String,
    pub(super) verdict: VerdictView,
    pub(super) nominal: String,
    pub(super) measured: Option<String>,
    pub(super) deviation: Option<String>,
    pub(super) limits: String,
    pub(super) u: Option<String>,
    /// What `u` is made of, in words.
    pub(super) budget: Option<String>,
    pub(super) edges: Option<String>,
    pub(super) unit: &'static str,
    pub(super) reason: Option<String>,
    pub(super) text: Option<String>,
    pub(super) bar: Option<Bar>,
}

/// Geometry of a deviation bar: where things are drawn, in the bar's own units.
#[derive(Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Tolerance zone.
    pub(super) zone_x: f64,
    pub(super) zone_width: f64,
    /// Zero deviation, when it is in view.
    pub(super) zero_x: Option<f64>,
    /// The deviation; at the edge when it is further out than the bar shows.
    pub(super) x: f64,
    /// `left` or `right` when it is further out.
    pub(super) beyond: Option<&'static str>,
    /// What the uncertainty covers (1.65 u to both sides), cut off at the bar's edges.
    pub(super) from_x: f64,
    pub(super) to_x: f64,
}

impl Bar {
    fn of(check: &CheckRecord) -> Option<Self> {
        let (deviation, u) = (check.deviation?, check.u.unwrap_or(0.0));
        // A zone with one limit only is drawn as wide as the way from zero to that limit, twice.
        let (lower, upper) = match (check.lower, check.upper) {
            (Some(l), Some(h)) => (l, h),
            (Some(l), None) => (l, (-l).max(f64::MIN_POSITIVE)),
            (None, Some(h)) => (-h.max(f64::MIN_POSITIVE), h),
            (None, None) => return None,
        };
        let span = upper - lower;
        if !(span.is_finite() && span > 0.0 && deviation.is_finite()) {
            return None;
        }
        let (width, height) = BAR;
        let margin = width * (1.0 - ZONE) / 2.0;
        let place = |d: f64| margin + (d - lower) / span * width * ZONE;
        // Whole tenths keep the page small.
        let tenth = |x: f64| (x * 10.0).round() / 10.0;
        let cut = |d: f64| tenth(place(d).clamp(6.0, width - 6.0));
        let reach = GUARD_BAND_K * u;
        let zero = place(0.0);
        Some(Self {
            width,
            height,
            zone_x: tenth(if check.lower.is_some() { margin } else { 0.0 }),
            zone_width: tenth(match (check.lower, check.upper) {
                (Some(_), Some(_)) => width * ZONE,
                _ => width - margin,
            }),
            zero_x: (0.0..=width).contains(&zero).then(|| tenth(zero)),
            x: cut(deviation),
            beyond: match place(deviation) {
                x if x < 6.0 => Some("left"),
                x if x > width - 6.0 => Some("right"),
                _ => None,
            },
            from_x: cut(deviation - reach),
            to_x: cut(deviation + reach),
        })
    }
}

/// A number as people read it: a true minus sign, as many decimals as the unit deserves.
pub(super) fn number(x: f64, unit: &str) -> String {
    let decimals = match unit {
        "mm" | "deg" => 3,
        "mm2" => 2,
        "count" => 0,
        _ => 4,
    };
    // A count that is no whole number is shown as it is.
    let text = if decimals == 0 && x.fract() != 0.0 { format!("{x:.2}") } else { format!("{x:.decimals$}") };
    if text.trim_start_matches(['-', '0', '.']).is_empty() {
        return text.trim_start_matches('-').to_owned();
    }
    text.replace('-', "\u{2212}")
}

/// With a sign even when positive: a deviation.
fn signed(x: f64, unit: &str) -> String {
    let text = number(x, unit);
    if text.starts_with('\u{2212}') || text.trim_start_matches(['0', '.']).is_empty() {
        text
    } else {
        format!("+{text}")
    }
}

fn symbol(unit: &str) -> &'static str {
    match unit {
        "mm" => "mm",
        "mm2" => "mm\u{b2}",
        "deg" => "\u{b0}",
        _ => "",
    }
}

impl CheckView {
    fn new(check: &CheckRecord, t: &'static Words) -> Self {
        let unit = check.unit.as_str();
        let limit = |x: f64| signed(x, unit);
        let limits = match (check.lower, check.upper) {
            (Some(l), Some(h)) if l == -h => format!("\u{b1}{}", number(h, unit)),
            (Some(l), Some(h)) => format!("{} \u{2026} {}", limit(l), limit(h)),
            (Some(l), None) => format!("\u{2265} {}", limit(l)),
            (None, Some(h)) => format!("\u{2264} {}", limit(h)),
            (None, None) => t.no_limit.to_owned(),
        };
        Self {
            id: check.id.clone(),
            verdict: VerdictView::new(check.verdict, t),
            nominal: number(check.nominal, unit),
            measured: check.measured.map(|x| number(x, unit)),
            deviation: check.deviation.map(|x| signed(x, unit)),
            limits,
            u: check.u.map(|x| number(x, unit)),
            budget: check.budget.as_ref().map(|b| b.words.clone()),
            edges: check.edges.as_ref().map(ToString::to_string),
            unit: symbol(unit),
            reason: check.reason.clone(),
            text: check.text.clone(),
            bar: Bar::of(check),
        }
    }
}

/// What the mat told of the photo.
#[derive(Debug)]
pub(super) struct MatView {
    /// Paper and number.
    pub(super) name: String,
    pub(super) readings: Vec<ReadingView>,
}

/// One of its numbers.
#[derive(Debug)]
pub(super) struct ReadingView {
    pub(super) words: String,
    pub(super) value: String,
    pub(super) limits: String,
    pub(super) is_beyond: bool,
}

impl MatView {
    fn new(mat: &MatRecord, t: &'static Words) -> Self {
        let name = mat.id.map_or_else(|| mat.paper.clone(), |id| format!("{} {id}", mat.paper));
        Self { name, readings: mat.readings.iter().map(|r| ReadingView::new(r, t)).collect() }
    }
}

impl ReadingView {
    fn new(reading: &ReadingRecord, t: &'static Words) -> Self {
        let unit = match reading.unit.as_str() {
            "" => String::new(),
            "deg" => "\u{b0}".to_owned(),
            unit => format!(" {unit}"),
        };
        // Three digits that count.
        let text = |x: f64| {
            let decimals = match x.abs() {
                x if x == x.round() || x >= 100.0 => 0,
                x if x >= 10.0 => 1,
                x if x >= 1.0 => 2,
                x if x >= 0.1 => 3,
                _ => 4,
            };
            format!("{x:.decimals$}").replace('-', "\u{2212}")
        };
        let limits = match (reading.lower, reading.upper) {
            (Some(l), Some(h)) => format!("{} \u{2026} {}", text(l), text(h)),
            (Some(l), None) => format!("\u{2265} {}", text(l)),
            (None, Some(h)) => format!("\u{2264} {}", text(h)),
            (None, None) => t.no_limit.to_owned(),
        };
        let (words, value) = (reading.words.clone(), format!("{}{unit}", text(reading.value)));
        Self { words, value, limits, is_beyond: reading.is_beyond() }
    }
}

/// One recorded part.
#[derive(Debug)]
pub(super) struct PartView {
    pub(super) seq: u64,
    pub(super) ulid: String,
    pub(super) station: String,
    pub(super) mode: &'static str,
    /// RFC 3339, for programs and the browser's own clock.
    pub(super) wall: String,
    /// For people without script: UTC.
    pub(super) time: String,
    pub(super) software: String,
    pub(super) verdict: VerdictView,
    pub(super) rule: &'static str,
    pub(super) record: InspectionRecord,
    pub(super) links: Links,
    pub(super) checks: Vec<CheckView>,
    pub(super) mat: Option<MatView>,
    /// Indices of the checks to look at, FAIL first.
    pub(super) named: Vec<usize>,
    /// How many more there are.
    pub(super) unnamed: usize,
    /// When all conform: indices of the checks that come closest to a limit, closest first.
    pub(super) closest: Vec<usize>,
    pub(super) total_ms: String,
}

impl PartView {
    /// Of an entry, when it is an inspection.
    pub(super) fn new(entry: &Entry, t: &'static Words) -> Option<Self> {
        let Act::Inspection { inspection, .. } = &entry.act else { return None };
        let record = inspection.as_ref().clone();
        let mut named: Vec<usize> =
            (0..record.checks.len()).filter(|i| record.checks[*i].verdict != Verdict::Pass).collect();
        // Stable: checks of the same verdict stay in the recipe's order.
        named.sort_by_key(|i| std::cmp::Reverse(record.checks[*i].verdict));
        let unnamed = named.len().saturating_sub(NAMED);
        named.truncate(NAMED);
        let closest = if named.is_empty() { closest(&record.checks) } else { Vec::new() };
        Some(Self {
            seq: entry.seq,
            ulid: entry.ulid.clone(),
            station: entry.station.clone(),
            mode: match entry.mode {
                Mode::Production => t.mode_production,
                Mode::Demo => t.mode_demo,
            },
            wall: entry.wall.clone(),
            time: time(&entry.wall),
            software: format!("{} {}", entry.software.name, entry.software.version),
            verdict: VerdictView::new(record.verdict, t),
            rule: match record.rule {
                Rule::Guarded => "guarded (ISO 14253-1)",
                Rule::Simple => "simple",
            },
            links: Links::new(entry.seq, &Pictures::of(entry)?),
            checks: record.checks.iter().map(|c| CheckView::new(c, t)).collect(),
            mat: record.mat.as_ref().map(|m| MatView::new(m, t)),
            named,
            unnamed,
            closest,
            total_ms: format!("{:.0}", record.timings_ms.total),
            record,
        })
    }
}

/// The checks that use most of their tolerance: |deviation| over the limit on its side.
fn closest(checks: &[CheckRecord]) -> Vec<usize> {
    let used = |c: &CheckRecord| {
        let deviation = c.deviation?;
        let limit = if deviation < 0.0 { c.lower } else { c.upper }?;
        let used = deviation / limit;
        (used.is_finite() && used > 0.0).then_some(used)
    };
    let mut used: Vec<(usize, f64)> = checks.iter().enumerate().filter_map(|(i, c)| Some((i, used(c)?))).collect();
    used.sort_by(|a, b| b.1.total_cmp(&a.1));
    used.into_iter().take(NAMED).map(|(i, _)| i).collect()
}

/// `2026-11-22 00:31:05 UTC` of an RFC 3339 time.
fn time(wall: &str) -> String {
    match (wall.get(..10), wall.get(11..19)) {
        (Some(date), Some(clock)) => format!("{date} {clock} UTC"),
        _ => wall.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(deviation: f64, lower: Option<f64>, upper: Option<f64>) -> CheckRecord {
        CheckRecord {
            id: "hole-1.diameter".into(),
            check_type: "hole".into(),
            verdict: Verdict::Pass,
            measured: Some(6.0 + deviation),
            nominal: 6.0,
            deviation: Some(deviation),
            lower,
            upper,
            unit: "mm".into(),
            u: Some(0.01),
            reason: None,
            reason_code: None,
            regions: vec![],
            text: None,
            budget: None,
            edges: None,
        }
    }

    #[test]
    fn numbers_have_a_true_minus_and_no_minus_zero() {
        assert_eq!(number(-0.3104, "mm"), "\u{2212}0.310");
        assert_eq!(number(-0.0001, "mm"), "0.000");
        assert_eq!(signed(0.2, "mm"), "+0.200");
        assert_eq!(signed(0.0, "mm"), "0.000");
        assert_eq!((number(-89.5, "deg"), symbol("deg")), ("\u{2212}89.500".to_owned(), "\u{b0}"));
        assert_eq!(number(2.0, "count"), "2");
        assert_eq!(number(0.5, "count"), "0.50");
    }

    #[test]
    fn the_bar_puts_limits_where_the_zone_ends() {
        let at = |d| Bar::of(&check(d, Some(-0.1), Some(0.2))).unwrap();
        let bar = at(-0.1);
        assert_eq!((bar.x, bar.beyond), (bar.zone_x, None));
        let bar = at(0.2);
        assert!((bar.x - (bar.zone_x + bar.zone_width)).abs() < 0.11);
        assert_eq!(at(5.0).beyond, Some("right"));
        assert_eq!(at(-5.0).beyond, Some("left"));
        assert!(at(5.0).x <= 154.0);
    }

    #[test]
    fn the_check_that_uses_most_of_its_tolerance_is_named_first() {
        let checks = [
            check(0.05, Some(-0.1), Some(0.1)),
            check(-0.09, Some(-0.1), Some(0.2)),
            check(0.0, Some(0.0), Some(0.0)), // no tolerance, no deviation: nothing to divide
            check(0.03, None, Some(0.04)),
            check(-0.05, None, Some(0.04)), // no limit on that side
        ];
        assert_eq!(closest(&checks), [1, 3, 0]);
    }

    #[test]
    fn a_single_limit_has_a_zone_that_is_open_on_the_other_side() {
        let bar = Bar::of(&check(0.05, None, Some(0.2))).unwrap();
        assert_eq!(bar.zone_x, 0.0);
        assert!((bar.zone_width - 128.0).abs() < 0.1, "{bar:?}");
        assert_eq!(Bar::of(&check(0.05, None, None)), None);
        // A tolerance of nothing has no bar, and no division by zero.
        assert_eq!(Bar::of(&check(0.05, Some(0.0), Some(0.0))), None);
    }
}
