//! `recipe.toml`: strict reading with the line of every fault.

use super::RecipeError;
use crate::calibration::{CalibrationPolicy, Tone};
use crate::checks::{Entry, EntryError};
use crate::decision::Rule;
use crate::design::{Body, Units};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// The format of `recipe.toml` that this program writes, and the newest it reads.
pub(super) const SCHEMA: i64 = 1;
/// Keys at the top of the file.
const KEYS: [&str; 7] = ["schema", "part", "revision", "design", "calibration", "decision", "check"];

/// A recipe's text, and where in it something stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'t>(pub(super) &'t str);

impl Text<'_> {
    pub(super) fn line(self, at: usize) -> usize {
        1 + self.0.bytes().take(at).filter(|b| *b == b'\n').count()
    }
    pub(super) fn fault(self, at: usize, message: impl Into<String>) -> RecipeError {
        // One line, whatever the library says.
        let message = message.into().trim_end().replace('\n', ", ");
        RecipeError::Invalid { line: self.line(at), message }
    }
}

/// What `recipe.toml` says, not yet compared with the folder.
pub(super) struct Said<'t> {
    pub(super) part: String,
    pub(super) revision: Option<String>,
    pub(super) reference: SaidReference,
    /// Line of the file's name.
    pub(super) reference_at: usize,
    pub(super) calibration: CalibrationPolicy,
    pub(super) rule: Rule,
    pub(super) checks: Vec<Entry<'t>>,
}

/// The file to compare with.
pub(super) enum SaidReference {
    Drawing { file: String, units: Option<Units>, body: Body },
    Picture { file: String },
    Photo,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DesignTable {
    file: Option<Spanned<String>>,
    picture: Option<Spanned<String>>,
    units: Option<Spanned<Units>>,
    none: Option<Spanned<bool>>,
    thickness: Option<Spanned<f64>>,
    u_thickness: Option<Spanned<f64>>,
    #[serde(default)]
    either_side: bool,
}

/// Standard uncertainty of a thickness that comes without one, relative: sheets and plates vary by as much.
const U_THICKNESS: f64 = 0.02;
/// Thickest part, mm.
const MAX_THICKNESS: f64 = 100.0;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DecisionTable {
    #[serde(default)]
    rule: Rule,
}

/// Of a recipe that compares with a picture: pixels are not measured.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureCalibration {
    #[serde(default)]
    tone: Tone,
}

/// Reads the text.
pub(super) fn read(source: &str) -> Result<Said<'_>, RecipeError> {
    let text = Text(source);
    let mut top =
        DeTable::parse(source).map_err(|e| text.fault(e.span().map_or(0, |s| s.start), e.message()))?.into_inner();
    schema(text, &top)?;
    let unknown = top.keys().filter(|k| !KEYS.contains(&k.get_ref().as_ref())).min_by_key(|k| k.span().start);
    if let Some(key) = unknown {
        let message = format!("unknown key `{}`, expected one of {}", key.get_ref(), KEYS.join(", "));
        return Err(text.fault(key.span().start, message));
    }
    for value in top.values() {
        finite(text, value)?;
    }
    let part = named(text, top.remove("part"))?
        .ok_or_else(|| text.fault(0, "missing key `part`: the part number, such as part = \"M19-VISOR\""))?;
    let revision = named(text, top.remove("revision"))?;
    let (reference, reference_at) = design(text, top.remove("design"))?;
    let calibration = calibration(text, top.remove("calibration"), &reference)?;
    let rule = match top.remove("decision") {
        Some(table) => table_of::<DecisionTable>(text, "decision", table)?.rule,
        None => Rule::default(),
    };
    let checks = checks(text, top.remove("check"))?;
    Ok(Said { part, revision, reference, reference_at, calibration, rule, checks })
}

/// Checked first: a newer format may have keys that this program does not know.
fn schema(text: Text<'_>, top: &DeTable<'_>) -> Result<(), RecipeError> {
    let Some(value) = top.get("schema") else {
        return Err(text.fault(0, format!("missing key `schema`: expected schema = {SCHEMA}")));
    };
    let found = value.get_ref().as_integer().and_then(|i| i64::from_str_radix(i.as_str(), i.radix()).ok());
    match found {
        Some(SCHEMA) => Ok(()),
        Some(newer) if newer > SCHEMA => Err(text.fault(
            value.span().start,
            format!(
                "expected schema = {SCHEMA}, found {newer}: this recipe was made by a newer program; update this one"
            ),
        )),
        _ => {
            Err(text.fault(value.span().start, format!("expected schema = {SCHEMA}, found {}", &text.0[value.span()])))
        }
    }
}

/// Refuses nan and inf wherever they stand.
fn finite(text: Text<'_>, value: &Spanned<DeValue<'_>>) -> Result<(), RecipeError> {
    match value.get_ref() {
        DeValue::Float(f) if !f.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
            Err(text.fault(value.span().start, format!("expected a finite number, found {}", f.as_str())))
        }
        DeValue::Array(values) => values.iter().try_for_each(|v| finite(text, v)),
        DeValue::Table(table) => table.values().try_for_each(|v| finite(text, v)),
        _ => Ok(()),
    }
}

/// A text that can stand in a record: not empty, one line, at most 200 characters.
fn named(text: Text<'_>, value: Option<Spanned<DeValue<'_>>>) -> Result<Option<String>, RecipeError> {
    let Some(value) = value else { return Ok(None) };
    let good = |s: &&str| !s.trim().is_empty() && s.chars().count() <= 200 && !s.contains(char::is_control);
    match value.get_ref().as_str().filter(good) {
        Some(name) => Ok(Some(name.to_owned())),
        None => Err(text.fault(
            value.span().start,
            format!("expected a text of 1 to 200 characters in quotes, found {}", &text.0[value.span()]),
        )),
    }
}

/// A table through serde, with the line of its fault.
fn table_of<T: DeserializeOwned>(text: Text<'_>, name: &str, table: Spanned<DeValue<'_>>) -> Result<T, RecipeError> {
    let start = table.span().start;
    T::deserialize(ValueDeserializer::from(table)).map_err(|e| {
        let at = e.span().map_or(start, |s| s.start);
        text.fault(at, format!("[{name}]: {}", e.message()))
    })
}

fn design(text: Text<'_>, table: Option<Spanned<DeValue<'_>>>) -> Result<(SaidReference, usize), RecipeError> {
    let expected = "expected `file = \"drawing.dxf\"`, `picture = \"good-part.jpg\"` or `none = true`";
    let table = table.ok_or_else(|| text.fault(0, format!("missing table [design]: {expected}")))?;
    let start = table.span().start;
    let said: DesignTable = table_of(text, "design", table)?;
    let none = said.none.filter(|none| *none.get_ref());
    let (file, drawing) = match (said.file, said.picture, none) {
        (Some(file), None, None) => (file, true),
        (None, Some(picture), None) => (picture, false),
        (None, None, Some(none)) => {
            return match said.units {
                None => Ok((SaidReference::Photo, none.span().start)),
                Some(units) => Err(text.fault(units.span().start, "[design]: without a drawing there are no `units`")),
            };
        }
        (None, None, None) => return Err(text.fault(start, format!("[design]: {expected}, found none of them"))),
        (file, picture, none) => {
            let last = [file.map(|f| f.span()), picture.map(|p| p.span()), none.map(|n| n.span())];
            let at = last.into_iter().flatten().map(|s| s.start).max().unwrap_or(start);
            return Err(text.fault(at, format!("[design]: {expected}, found more than one")));
        }
    };
    let at = file.span().start;
    let file = file.into_inner();
    inside(&file).map_err(|found| {
        text.fault(at, format!("[design]: expected a file in the recipe's folder, found {file:?}: {found}"))
    })?;
    let length = |name: &str, said: Option<Spanned<f64>>| match said {
        Some(v) if !(0.0..=MAX_THICKNESS).contains(v.get_ref()) => Err(text.fault(
            v.span().start,
            format!("[design] {name}: expected 0 to {MAX_THICKNESS} mm, found {}", v.get_ref()),
        )),
        said => Ok(said.map(Spanned::into_inner)),
    };
    let thickness_mm = length("thickness", said.thickness)?.unwrap_or(0.0);
    let u_thickness_mm = length("u_thickness", said.u_thickness)?.unwrap_or(U_THICKNESS * thickness_mm);
    let body = Body { thickness_mm, u_thickness_mm, either_side: said.either_side };
    match (drawing, said.units) {
        (true, units) => Ok((SaidReference::Drawing { file, units: units.map(Spanned::into_inner), body }, at)),
        (false, _) if body != Body::default() => {
            Err(text
                .fault(start, "[design]: `thickness` and `either_side` belong to a drawing, and a picture has none"))
        }
        (false, None) => Ok((SaidReference::Picture { file }, at)),
        (false, Some(units)) => Err(text.fault(units.span().start, "[design]: a picture has no `units`")),
    }
}

/// Refuses a path that leaves the recipe's folder, or means another file on another system.
pub(super) fn inside(path: &str) -> Result<(), &'static str> {
    if path.starts_with('/') || path.contains(':') {
        return Err("it must not be absolute");
    }
    if path.contains('\\') {
        return Err("write / between folders");
    }
    path.split('/').try_for_each(|part| match part {
        ".." => Err("it must not lead out with .."),
        "" | "." => Err("it is no plain path"),
        name if super::folder::left_behind(name) => Err("hidden files and backups are no part of a recipe"),
        _ => Ok(()),
    })
}

fn calibration(
    text: Text<'_>,
    table: Option<Spanned<DeValue<'_>>>,
    reference: &SaidReference,
) -> Result<CalibrationPolicy, RecipeError> {
    if let SaidReference::Picture { .. } | SaidReference::Photo = reference {
        let said: PictureCalibration = table.map_or(Ok(Default::default()), |t| table_of(text, "calibration", t))?;
        return Ok(CalibrationPolicy {
            mm_per_px: 1.0,
            u_scale: 0.0,
            edge_offset_px: 0.0,
            u_edge_px: 0.0,
            tone: said.tone,
        });
    }
    let table = table.ok_or_else(|| {
        text.fault(0, "missing table [calibration]: a drawing needs the size of a pixel, such as mm_per_px = 0.05")
    })?;
    let place = |key: &str| table.get_ref().get(key).map_or(table.span(), Spanned::span).start;
    let places = ["mm_per_px", "u_scale", "edge_offset_px", "u_edge_px"].map(place);
    let policy: CalibrationPolicy = table_of(text, "calibration", table)?;
    let rows = [
        ("mm_per_px", policy.mm_per_px, SCALES),
        ("u_scale", policy.u_scale, 0.0..=0.1),
        ("edge_offset_px", policy.edge_offset_px, -10.0..=10.0),
        ("u_edge_px", policy.u_edge_px, 0.0..=10.0),
    ];
    for ((key, found, range), at) in rows.into_iter().zip(places) {
        if !range.contains(&found) {
            let message =
                format!("[calibration]: expected {key} from {} to {}, found {found}", range.start(), range.end());
            return Err(text.fault(at, message));
        }
    }
    Ok(policy)
}

/// Sizes of a pixel that a camera or scanner can have, mm: a tenth of a micrometre to a centimetre.
pub(super) const SCALES: std::ops::RangeInclusive<f64> = 0.0001..=10.0;

fn checks<'t>(text: Text<'_>, value: Option<Spanned<DeValue<'t>>>) -> Result<Vec<Entry<'t>>, RecipeError> {
    let Some(value) = value else {
        return Err(text.fault(text.0.len(), "no checks: expected at least one [[check]]"));
    };
    let at = value.span().start;
    match value.into_inner() {
        DeValue::Array(entries) if !entries.is_empty() && entries.iter().all(|e| e.get_ref().is_table()) => {
            Ok(entries.into_iter().map(Entry::new).collect())
        }
        _ => Err(text.fault(at, "expected at least one [[check]], written with two brackets")),
    }
}

/// The `[[check]]`s of a text that has nothing else.
pub(super) fn entries(source: &str) -> Result<Vec<Entry<'_>>, RecipeError> {
    let text = Text(source);
    let top = DeTable::parse(source).map_err(|e| text.fault(e.span().map_or(0, |s| s.start), e.message()))?;
    checks(text, top.into_inner().remove("check"))
}

/// A fault of an entry, at its place.
pub(super) fn entry_fault(text: Text<'_>, entry: Range<usize>, name: &str, error: EntryError) -> RecipeError {
    let at = error.span.map_or(entry.start, |s| s.start);
    text.fault(at, format!("check `{name}`: {}", error.message))
}
