//! `recipe.toml`: strict reading with the line of every fault.

use super::RecipeError;
use crate::calibration::mat::{IDS, MatPolicy, Paper};
use crate::calibration::{Calibration, CalibrationPolicy, Day, Tone};
use crate::checks::{Entry, EntryError};
use crate::decision::Rule;
use crate::design::{Body, Units};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::value::{Date, Datetime};

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
    pub(super) calibration: Calibration,
    /// The file with the record of the camera.
    pub(super) camera: Option<Spanned<String>>,
    pub(super) rule: Rule,
    pub(super) checks: Vec<Entry<'t>>,
}

/// The file to compare with.
pub(super) enum SaidReference {
    Drawing {
        file: String,
        units: Option<Units>,
        body: Body,
        /// What was said of the part's thickness.
        thickness: Option<f64>,
    },
    Picture {
        file: String,
    },
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

/// `[calibration]` of a recipe whose parts lie on a mat.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnMat {
    mat: Spanned<MatTable>,
    camera: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MatTable {
    paper: Paper,
    id: Option<Spanned<u16>>,
    x: Option<Spanned<f64>>,
    y: Option<Spanned<f64>>,
    u_distance: Option<Spanned<f64>>,
    measured: Option<Spanned<Datetime>>,
    u_flat: Option<Spanned<f64>>,
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
    let (calibration, camera) = calibration(text, top.remove("calibration"), &reference)?;
    let rule = match top.remove("decision") {
        Some(table) => table_of::<DecisionTable>(text, "decision", table)?.rule,
        None => Rule::default(),
    };
    let checks = checks(text, top.remove("check"))?;
    Ok(Said { part, revision, reference, reference_at, calibration, camera, rule, checks })
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
    let thickness = length("thickness", said.thickness)?;
    let thickness_mm = thickness.unwrap_or(0.0);
    let u_thickness_mm = length("u_thickness", said.u_thickness)?.unwrap_or(U_THICKNESS * thickness_mm);
    let body = Body { thickness_mm, u_thickness_mm, either_side: said.either_side };
    match (drawing, said.units) {
        (true, units) => {
            Ok((SaidReference::Drawing { file, units: units.map(Spanned::into_inner), body, thickness }, at))
        }
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
) -> Result<(Calibration, Option<Spanned<String>>), RecipeError> {
    let SaidReference::Drawing { thickness, .. } = reference else {
        let said: PictureCalibration = table.map_or(Ok(Default::default()), |t| table_of(text, "calibration", t))?;
        return Ok((Calibration::Known(CalibrationPolicy::unscaled(said.tone)), None));
    };
    let table = table.ok_or_else(|| {
        text.fault(
            0,
            "missing table [calibration]: a drawing needs the size of a pixel, such as mm_per_px = 0.05, or a mat, such as \
             mat = { paper = \"A4\", id = 17 }",
        )
    })?;
    let start = table.get_ref().get("mat").map_or(table.span(), Spanned::span).start;
    if table.get_ref().get("mat").is_none() {
        return Ok((Calibration::Known(known(text, table)?), None));
    }
    if thickness.is_none() {
        let expected = "[calibration] mat: a camera that is near sees how thick the part is: expected `thickness` in [design], such as thickness = 3.0";
        return Err(text.fault(start, expected));
    }
    let said: OnMat = table_of(text, "calibration", table)?;
    if let Some(file) = &said.camera {
        inside(file.get_ref()).map_err(|found| {
            let (at, file) = (file.span().start, file.get_ref());
            text.fault(
                at,
                format!("[calibration] camera: expected a file in the recipe's folder, found {file:?}: {found}"),
            )
        })?;
    }
    Ok((Calibration::Mat(Box::new(mat(text, said.mat)?)), said.camera))
}

/// A scale that is known beforehand.
fn known(text: Text<'_>, table: Spanned<DeValue<'_>>) -> Result<CalibrationPolicy, RecipeError> {
    let start = table.span().start;
    let keys = ["mm_per_px", "u_scale", "edge_offset_px", "u_edge_px"];
    let places = keys.map(|key| table.get_ref().get(key).map_or(start, |value| value.span().start));
    let policy: CalibrationPolicy = table_of(text, "calibration", table)?;
    match policy.fault() {
        None => Ok(policy),
        Some((key, range, found)) => {
            let at = keys.iter().zip(places).find(|(k, _)| **k == key).map_or(start, |(_, at)| at);
            within(text, "[calibration]", key, found, &range, at).map(|()| policy)
        }
    }
}

/// What is known of the mat.
fn mat(text: Text<'_>, table: Spanned<MatTable>) -> Result<MatPolicy, RecipeError> {
    let at = table.span().start;
    let said = table.into_inner();
    let mut policy = MatPolicy::of(said.paper);
    if let Some(id) = &said.id
        && *id.get_ref() >= IDS
    {
        let message = format!("[calibration.mat]: expected id from 0 to {}, found {}", IDS - 1, id.get_ref());
        return Err(text.fault(id.span().start, message));
    }
    policy.id = said.id.map(Spanned::into_inner);
    for (key, found, range, to) in [
        ("u_distance", said.u_distance, 0.01..=5.0, &mut policy.u_measured_mm),
        ("u_flat", said.u_flat, 0.01..=5.0, &mut policy.u_flat_mm),
    ] {
        let Some(found) = found else { continue };
        within(text, "[calibration.mat]", key, *found.get_ref(), &range, found.span().start)?;
        *to = found.into_inner();
    }
    policy.measured_on = said.measured.map(|measured| day(text, measured)).transpose()?;
    let measured_at = said.x.as_ref().or(said.y.as_ref()).map_or(at, |d| d.span().start);
    policy.measured_mm = [said.x, said.y].map(|d| d.map(Spanned::into_inner));
    policy.printed_scale().map_err(|e| text.fault(measured_at, format!("[calibration.mat]: {e}")))?;
    if policy.id.is_none() && policy.measured_mm.iter().any(Option::is_some) {
        let expected = "[calibration.mat]: x and y are those of one sheet: expected its number too, such as id = 17";
        return Err(text.fault(measured_at, expected));
    }
    Ok(policy)
}

/// A day, without a time.
fn day(text: Text<'_>, said: Spanned<Datetime>) -> Result<Day, RecipeError> {
    let at = said.span().start;
    match said.into_inner() {
        Datetime { date: Some(Date { year, month, day }), time: None, offset: None } => Ok(Day { year, month, day }),
        found => {
            Err(text.fault(at, format!("[calibration.mat] measured: expected a day such as 2026-11-27, found {found}")))
        }
    }
}

fn within(
    text: Text<'_>,
    table: &str,
    key: &str,
    found: f64,
    range: &std::ops::RangeInclusive<f64>,
    at: usize,
) -> Result<(), RecipeError> {
    if range.contains(&found) {
        return Ok(());
    }
    Err(text.fault(at, format!("{table}: expected {key} from {} to {}, found {found}", range.start(), range.end())))
}

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
