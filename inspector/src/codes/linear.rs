//! Codes of bars. Many lines are read across the bars, each in several ways, and a text counts only when enough lines agree on it and few
//! contradict: a line alone may well be misread, because Code 39 and Interleaved 2 of 5 have no check digit and that of EAN lets one error in
//! ten through.

use super::guard::guarded;
use super::plane::Pyramid;
use super::profile::{Stretch, Way, dark, median_run, stretches, varied};
use super::{Format, Formats};
use rxing::common::BitArray;
use rxing::oned::{
    Code39Reader, Code93Reader, Code128Reader, EAN8Reader, EAN13Reader, ITFReader, OneDReader, UPCEANReader, UPCEReader,
};
use rxing::{DecodeHints, Exceptions, RXingResult, RXingResultMetadataType, RXingResultMetadataValue};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most samples of a line.
const MAX_SAMPLES: f64 = 2400.0;
/// Least distance of samples, px: bars of one pixel get three samples.
const MIN_STEP: f64 = 0.33;

/// Where to read: a box round bars, in the full region's pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub(super) centre: (f64, f64),
    /// Unit vector across the bars.
    pub(super) across: (f64, f64),
    /// Length of the lines, quiet zones included.
    pub(super) length: f64,
    /// How far the lines are spread along the bars.
    pub(super) height: f64,
    /// How many lines.
    pub(super) lines: usize,
}

/// A code of bars, or one whose check digit is wrong.
#[derive(Clone, Debug)]
pub(super) struct Bars {
    pub(super) format: Format,
    pub(super) text: String,
    pub(super) corners: [(f64, f64); 4],
}

/// What the lines of a strip gave.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) codes: Vec<Bars>,
    /// Bars that are readable and whose check digit does not fit.
    pub(super) wrong: Vec<Bars>,
    /// Bars that look like a code and give no text.
    pub(super) unread: Option<[(f64, f64); 4]>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Reading {
    format: Format,
    text: String,
    check_fits: bool,
}

/// Where a reading was seen: line number, and start and end on the line in samples.
type Sight = (usize, usize, usize);

/// Reads a strip.
pub(super) fn read(pyramid: &Pyramid, strip: &Strip, formats: Formats) -> Lines {
    let step = (strip.length / MAX_SAMPLES).max(MIN_STEP);
    let samples = (strip.length / step) as usize;
    if samples < 40 {
        return Lines::default();
    }
    let sheet = Sheet { pyramid, strip, step, samples };
    let mut sights: BTreeMap<Reading, Vec<Sight>> = BTreeMap::new();
    let mut barlike: Vec<Sight> = Vec::new();
    let mut before: Option<Vec<bool>> = None;
    for line in order(strip.lines) {
        let light = sheet.light(line);
        let (readings, plain) = read_line(&light, &sheet.inside(line), formats);
        for (reading, stretch) in readings {
            sights.entry(reading).or_default().push((line, stretch.start, stretch.end));
        }
        let looks = stretches(&plain).first().filter(|s| varied(&plain, s)).copied();
        // A letter or a scratch differs from line to line, bars do not.
        if let Some(s) = looks.filter(|s| before.as_ref().is_none_or(|b| alike(b, &plain, s))) {
            barlike.push((line, s.start, s.end));
        }
        before = Some(plain);
        if settled(&sights) {
            break;
        }
    }
    let mut out = Lines::default();
    for (reading, seen) in &sights {
        if agreed(reading, seen, &sights) {
            let bars = Bars { format: reading.format, text: reading.text.clone(), corners: sheet.corners(seen) };
            if reading.check_fits { out.codes.push(bars) } else { out.wrong.push(bars) }
        }
    }
    if out.codes.is_empty() && out.wrong.is_empty() && 5 * barlike.len() >= 3 * strip.lines.max(3) {
        out.unread = Some(sheet.corners(&barlike));
    }
    out
}

/// From the middle outwards, as 0, 1, -1, 2, -2 of `lines` lines: the middle of a code is its cleanest part. Numbers count from the top.
fn order(lines: usize) -> impl Iterator<Item = usize> {
    let middle = lines / 2;
    (0..lines)
        .map(move |i| if i % 2 == 0 { middle - i / 2 } else { middle + i.div_ceil(2) })
        .filter(move |l| *l < lines)
}

/// Lines that must agree before a text counts.
const fn needed(format: Format) -> usize {
    match format {
        // Check characters of 1 in 103 and 1 in 47².
        Format::Code128 | Format::Code93 => 2,
        Format::Code39 | Format::Itf => 4,
        _ => 3,
    }
}

/// Enough lines agree, and readings that contradict (other texts, or check digits that do not fit, at the same place) are at most a third.
fn agreed(reading: &Reading, seen: &[Sight], all: &BTreeMap<Reading, Vec<Sight>>) -> bool {
    let lines = distinct(seen.iter().map(|s| s.0));
    let need = if reading.check_fits { needed(reading.format) } else { 3 };
    if lines < need {
        return false;
    }
    let contradict = all.iter().filter(|(other, _)| *other != reading).flat_map(|(_, sights)| sights);
    let against = distinct(contradict.filter(|s| seen.iter().any(|t| at_one_place(t, s, seen))).map(|s| s.0));
    lines >= 3 * against
}

/// True when `other` lies where `seen` has lines and overlaps `sight` on them.
fn at_one_place(sight: &Sight, other: &Sight, seen: &[Sight]) -> bool {
    let (first, last) = seen.iter().fold((usize::MAX, 0), |(a, b), s| (a.min(s.0), b.max(s.0)));
    (first..=last).contains(&other.0) && sight.1 < other.2 && other.1 < sight.2
}

fn distinct(lines: impl Iterator<Item = usize>) -> usize {
    lines.collect::<std::collections::BTreeSet<_>>().len()
}

/// One text that twice the needed lines agree on and nothing contradicts: further lines would change nothing.
fn settled(sights: &BTreeMap<Reading, Vec<Sight>>) -> bool {
    match sights.iter().next() {
        Some((reading, seen)) if sights.len() == 1 && reading.check_fits => {
            distinct(seen.iter().map(|s| s.0)) >= 2 * needed(reading.format)
        }
        _ => false,
    }
}

/// Neighbouring lines of bars look alike.
fn alike(a: &[bool], b: &[bool], s: &Stretch) -> bool {
    let same = (s.start..s.end).filter(|i| a[*i] == b[*i]).count();
    20 * same >= 17 * (s.end - s.start)
}

/// The lines of a strip.
struct Sheet<'a> {
    pyramid: &'a Pyramid,
    strip: &'a Strip,
    step: f64,
    samples: usize,
}

impl Sheet<'_> {
    /// Place of a sample of a line (which may lie between lines).
    fn place(&self, line: f64, sample: f64) -> (f64, f64) {
        let s = self.strip;
        let u = (sample - 0.5 * (self.samples as f64 - 1.0)) * self.step;
        let v = ((line + 0.5) / s.lines as f64 - 0.5) * s.height;
        (s.centre.0 + u * s.across.0 - v * s.across.1, s.centre.1 + u * s.across.1 + v * s.across.0)
    }

    /// Light along a line, the mean of three close ones: noise is less, bars stay. What lies outside the picture is as light as the lightest
    /// of the line: a photo may cut off a quiet zone.
    fn light(&self, line: usize) -> Vec<f32> {
        let spread = (0.25 * self.strip.height / self.strip.lines as f64).min(2.0 * self.step.max(1.0));
        let mut sum = vec![0.0; self.samples];
        for k in [-1.0, 0.0, 1.0] {
            let line = line as f64 + k * spread * self.strip.lines as f64 / self.strip.height.max(1e-6);
            let (a, b) = (self.place(line, 0.0), self.place(line, 1.0));
            let (dx, dy) = (b.0 - a.0, b.1 - a.1);
            for (i, s) in sum.iter_mut().enumerate() {
                *s += self.pyramid.at(a.0 + i as f64 * dx, a.1 + i as f64 * dy, self.step) / 3.0;
            }
        }
        let inside = self.inside(line);
        let lightest = sum[inside.clone()].iter().fold(0.0, |m: f32, v| m.max(*v));
        sum[..inside.start].fill(lightest);
        sum[inside.end..].fill(lightest);
        sum
    }

    /// The samples of a line that lie in the picture.
    fn inside(&self, line: usize) -> Range<usize> {
        let full = self.pyramid.full();
        let seen = |i: &usize| {
            let (x, y) = self.place(line as f64, *i as f64);
            x >= -0.5 && y >= -0.5 && x <= full.width as f64 - 0.5 && y <= full.height as f64 - 0.5
        };
        let start = (0..self.samples).find(seen).unwrap_or(0);
        let end = (start..self.samples).rev().find(seen).map_or(start, |i| i + 1);
        start..end
    }

    /// The box round what was seen.
    fn corners(&self, seen: &[Sight]) -> [(f64, f64); 4] {
        let (mut top, mut bottom, mut starts, mut ends) = (usize::MAX, 0, Vec::new(), Vec::new());
        for (line, start, end) in seen {
            (top, bottom) = (top.min(*line), bottom.max(*line));
            starts.push(*start);
            ends.push(*end);
        }
        starts.sort_unstable();
        ends.sort_unstable();
        let (start, end) = (starts[starts.len() / 2] as f64, ends[ends.len() / 2] as f64);
        let (top, bottom) = (top as f64 - 0.5, bottom as f64 + 0.5);
        [self.place(top, start), self.place(top, end), self.place(bottom, end), self.place(bottom, start)]
    }
}

/// Every reading of one line, and the line in black and white by the plainest way.
fn read_line(light: &[f32], inside: &Range<usize>, formats: Formats) -> (Vec<(Reading, Stretch)>, Vec<bool>) {
    let n = light.len();
    let plain = dark(light, Way::Middle(n / 8));
    let m = median_run(&plain);
    let mut readings: Vec<(Reading, Stretch)> = Vec::new();
    let ways = [
        Way::Middle(n / 8),
        Way::Edges((m / 2).max(1)),
        Way::Mean(6 * m),
        Way::Edges(m),
        Way::Mean(3 * m),
        Way::Middle(8 * m),
        Way::Mean(12 * m),
    ];
    for (i, way) in ways.into_iter().enumerate() {
        let bits = if i == 0 { plain.clone() } else { dark(light, way) };
        for stretch in stretches(&bits).into_iter().take(4) {
            let read_already =
                |r: &(Reading, Stretch)| r.0.check_fits && r.1.start < stretch.end && stretch.start < r.1.end;
            if readings.iter().any(read_already) {
                continue;
            }
            let quiet = 5 * stretch.median;
            let whole = stretch.start >= inside.start + quiet && stretch.end + quiet <= inside.end;
            // An Interleaved 2 of 5 that the photo cuts off may read as a shorter one.
            let formats = if whole { formats } else { formats.without(Format::Itf) };
            readings.extend(read_stretch(&bits, &stretch, formats).map(|r| (r, stretch)));
        }
    }
    (readings, plain)
}

/// Reads a stretch of bars from the left and from the right.
fn read_stretch(bits: &[bool], stretch: &Stretch, formats: Formats) -> Option<Reading> {
    // Readers look for quiet zones; the white that parts stretches stands for them.
    let quiet = 20 * stretch.median;
    let inside = stretch.end - stretch.start;
    let mut row = BitArray::with_size(inside + 2 * quiet);
    (0..inside).filter(|i| bits[stretch.start + i]).for_each(|i| row.set(quiet + i));
    let mut wrong = None;
    for reversed in [false, true] {
        if reversed {
            row.reverse();
        }
        for reader in READERS {
            if !reader.formats.iter().any(|f| formats.has(*f)) {
                continue;
            }
            match guarded(|| Some((reader.read)(&row))) {
                Some(Ok(result)) if stretch.runs == (reader.runs)(&result) => {
                    if let Some(reading) = reading(reader.formats[0], &result, formats) {
                        return Some(reading);
                    }
                }
                Some(Err(Exceptions::ChecksumException(_))) if (reader.possible)(stretch.runs) => {
                    let text = guarded(|| (reader.digits)(&row)).unwrap_or_default();
                    let upc_a =
                        text.starts_with('0') && formats.has(Format::UpcA) && reader.formats.contains(&Format::UpcA);
                    let (format, skip) = if upc_a { (Format::UpcA, 1) } else { (reader.formats[0], 0) };
                    wrong.get_or_insert(Reading { format, text: text[skip..].to_owned(), check_fits: false });
                }
                _ => {}
            }
        }
    }
    wrong
}

/// A kind of bars: how it is read, and how its digits are read when the check digit does not fit.
///
/// A reading counts only when it accounts for **every** run of its stretch: a code never is a part of another.
struct Reader {
    formats: &'static [Format],
    read: fn(&BitArray) -> Result<RXingResult, Exceptions>,
    digits: fn(&BitArray) -> Option<String>,
    /// Runs, dark and light, of a code that says this.
    runs: fn(&RXingResult) -> usize,
    /// True for a number of runs that a code of this kind can have.
    possible: fn(usize) -> bool,
}

fn length(result: &RXingResult) -> usize {
    result.getText().chars().count()
}

/// FNC1 becomes the group separator, as GS1 demands of a scanner.
fn gs1() -> DecodeHints {
    DecodeHints { AssumeGs1: Some(true), ..DecodeHints::default() }
}

fn ean_digits<R: UPCEANReader>(reader: &R, row: &BitArray) -> Option<String> {
    let start = reader.find_start_guard_pattern(row).ok()?;
    let mut digits = String::new();
    reader.decodeMiddle(row, &start, &mut digits).ok()?;
    Some(digits)
}

const READERS: &[Reader] = &[
    Reader {
        formats: &[Format::Code128],
        read: |row| Code128Reader.decode_row(0, row, &gs1()),
        digits: |_| None,
        runs: |result| 6 * result.getRawBytes().len() + 1,
        possible: |runs| runs % 6 == 1,
    },
    Reader {
        formats: &[Format::Ean13, Format::UpcA],
        read: |row| EAN13Reader.decode_row(0, row, &DecodeHints::default()),
        digits: |row| ean_digits(&EAN13Reader, row),
        runs: |_| 59,
        possible: |runs| runs == 59,
    },
    Reader {
        formats: &[Format::Ean8],
        read: |row| EAN8Reader.decode_row(0, row, &DecodeHints::default()),
        digits: |row| ean_digits(&EAN8Reader, row),
        runs: |_| 43,
        possible: |runs| runs == 43,
    },
    Reader {
        formats: &[Format::UpcE],
        read: |row| UPCEReader.decode_row(0, row, &DecodeHints::default()),
        digits: |row| ean_digits(&UPCEReader, row),
        runs: |_| 33,
        possible: |runs| runs == 33,
    },
    Reader {
        formats: &[Format::Code93],
        read: |row| Code93Reader::new().decode_row(0, row, &DecodeHints::default()),
        digits: |_| None,
        // Start, two check characters and stop. Small letters take two characters, so that they are not read.
        runs: |result| 6 * (length(result) + 4) + 1,
        possible: |runs| runs % 6 == 1,
    },
    Reader {
        formats: &[Format::Code39],
        read: |row| Code39Reader::new().decode_row(0, row, &DecodeHints::default()),
        digits: |_| None,
        // Ten runs a character, start and stop included, less the last gap.
        runs: |result| 10 * (length(result) + 2) - 1,
        possible: |_| false,
    },
    Reader {
        formats: &[Format::Itf],
        read: |row| ITFReader::default().decode_row(0, row, &DecodeHints::default()),
        digits: |_| None,
        runs: |result| 5 * length(result) + 7,
        possible: |_| false,
    },
];

fn reading(format: Format, result: &RXingResult, formats: Formats) -> Option<Reading> {
    let mut text = result.getText().to_owned();
    let format = match format {
        // The bars of UPC-A are those of an EAN-13 that begins with 0.
        Format::Ean13 if text.starts_with('0') && formats.has(Format::UpcA) => {
            text.remove(0);
            Format::UpcA
        }
        Format::Ean13 if !formats.has(Format::Ean13) => return None,
        Format::Code128 => {
            let gs1 = result.getRXingResultMetadata().get(&RXingResultMetadataType::SYMBOLOGY_IDENTIFIER);
            if matches!(gs1, Some(RXingResultMetadataValue::SymbologyIdentifier(id)) if id == "]C1") {
                text = text.strip_prefix("]C1").unwrap_or(&text).to_owned();
            }
            Format::Code128
        }
        other => other,
    };
    (!text.is_empty()).then_some(Reading { format, text, check_fits: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(format: Format, text: &str) -> Reading {
        Reading { format, text: text.to_owned(), check_fits: true }
    }

    /// So many lines from `first` on, over these samples.
    fn seen(first: usize, lines: usize, samples: Range<usize>) -> Vec<Sight> {
        (first..first + lines).map(|line| (line, samples.start, samples.end)).collect()
    }

    #[test]
    fn one_line_alone_is_never_believed() {
        for (format, enough) in [
            (Format::Code128, 2),
            (Format::Code93, 2),
            (Format::Ean13, 3),
            (Format::Ean8, 3),
            (Format::UpcA, 3),
            (Format::UpcE, 3),
            (Format::Code39, 4),
            (Format::Itf, 4),
        ] {
            let reading = reading(format, "12345670");
            for lines in 1..=5 {
                let all = BTreeMap::from([(reading.clone(), seen(3, lines, 10..90))]);
                assert_eq!(agreed(&reading, &all[&reading], &all), lines >= enough, "{format}: {lines} lines");
            }
            // The same line twice, by two ways of telling black from white, is one line.
            let all = BTreeMap::from([(reading.clone(), [seen(3, 1, 10..90), seen(3, 1, 11..91)].concat())]);
            assert!(!agreed(&reading, &all[&reading], &all), "{format}");
        }
    }

    #[test]
    fn lines_that_contradict_are_at_most_a_third() {
        let (most, other) = (reading(Format::Itf, "1234"), reading(Format::Itf, "1334"));
        let wrong = Reading { check_fits: false, ..other.clone() };
        for against in [other, wrong] {
            for (lines, place, expected) in
                [(2, 10..90, true), (3, 10..90, false), (3, 80..150, false), (3, 90..150, true)]
            {
                let all = BTreeMap::from([
                    (most.clone(), seen(0, 8, 10..90)),
                    (against.clone(), seen(2, lines, place.clone())),
                ]);
                assert_eq!(agreed(&most, &all[&most], &all), expected, "{lines} lines at {place:?}");
            }
            // Above and below there may be another code.
            let all = BTreeMap::from([(most.clone(), seen(0, 8, 10..90)), (against.clone(), seen(8, 8, 10..90))]);
            assert!(agreed(&most, &all[&most], &all));
        }
    }
}
