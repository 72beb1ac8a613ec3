//! `code`: a code on the part or its ticket says what it should.

use super::entry::{Entry, EntryError, IdPart};
use super::region::Region;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit};
use crate::codes::{Fault, Format, Formats, Pattern, Reading, read};
use crate::geometry::PixelRect;
use crate::identity::{Identity, IdentityField};
use crate::photo::Photo;
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The check type `code`.
pub static TYPE: CheckType = CheckType {
    name: "code",
    measurand: "number of codes that say what is demanded",
    method: "codes are looked for in several scales, turns and thresholds and decoded with rxing; a text counts when error correction or several readings vouch for it",
    source: "ISO/IEC 18004 (QR), 16022 (Data Matrix), 24778 (Aztec), 15417 (Code 128), 16388 (Code 39), 15420 (EAN/UPC), 16390 (ITF); GS1 General Specifications",
    honest_scope: "flat codes of at least 1.5 px per module; what is there but cannot be read is referred, never counted as missing",
    needs: Needs::Any,
    example: "type = \"code\"\nformats = [\"qr\"]\npattern = \"ASSAY-[0-9]+\"",
    parse,
    propose: |_, _| Vec::new(),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    /// First part of the characteristic's name, where a recipe has several codes.
    name: Option<IdPart>,
    formats: Option<Vec<Format>>,
    region: Option<[f64; 4]>,
    expect: Option<String>,
    pattern: Option<String>,
    gives: Option<IdentityField>,
    equals: Option<IdentityField>,
    #[serde(default)]
    others: Others,
}

/// What other codes in the region mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Others {
    /// Nobody knows which one is meant.
    #[default]
    Refuse,
    /// Those that do not say what is demanded are somebody else's.
    Ignore,
}

/// What a text must be.
#[derive(Debug)]
enum Demand {
    Anything,
    Text(String),
    Pattern(Pattern),
}

#[derive(Debug)]
struct CodeCheck {
    formats: Formats,
    region: Region,
    demand: Demand,
    gives: Option<IdentityField>,
    equals: Option<IdentityField>,
    others: Others,
    characteristics: [Characteristic; 1],
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let said: Fields = entry.read()?;
    let formats = match &said.formats {
        None => Formats::ALL,
        Some(some) if some.is_empty() => return Err(EntryError::new("`formats`: expected at least one, found none")),
        Some(some) => Formats::of(some),
    };
    let demand = match (said.expect, said.pattern) {
        (Some(_), Some(_)) => return Err(EntryError::new("expected `expect` or `pattern`, found both")),
        (Some(text), None) if text.is_empty() => {
            return Err(EntryError::new("`expect`: expected a text, found an empty one"));
        }
        (Some(text), None) => Demand::Text(text),
        (None, Some(pattern)) => Demand::Pattern(read_pattern(&pattern)?),
        (None, None) => Demand::Anything,
    };
    let id = said.name.map_or_else(|| "code".to_owned(), |name| format!("{}.code", name.0));
    Ok(Box::new(CodeCheck {
        formats,
        region: Region::read(said.region, context)?,
        demand,
        gives: said.gives,
        equals: said.equals,
        others: said.others,
        characteristics: [Characteristic {
            id,
            check_type: TYPE.name,
            nominal: 1.0,
            lower: Some(0.0),
            upper: Some(0.0),
            unit: Unit::Count,
        }],
    }))
}

fn read_pattern(text: &str) -> Result<Pattern, EntryError> {
    let pattern = Pattern::new(text).map_err(|e| EntryError::new(format!("`pattern`: {e}")))?;
    let known = |name: &str| IdentityField::ALL.iter().any(|f| f.word() == name);
    if let Some(other) = pattern.names().find(|name| !known(name)) {
        return Err(EntryError::new(format!("`pattern`: expected groups named serial, lot or order, found {other:?}")));
    }
    Ok(pattern)
}

impl Check for CodeCheck {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let photo = part.located.photo;
        let observation = match self.region.pixels(part) {
            Ok(region) => self.judge_texts(photo, &read(photo, Some(region), self.formats), &part.said),
            Err(reason) => Observation::not_measured(reason),
        };
        vec![observation]
    }
}

/// A text that was read, and where.
struct Text<'r> {
    text: &'r str,
    at: Vec<PixelRect>,
}

impl CodeCheck {
    /// From what was read to the observation.
    fn judge_texts(&self, photo: &Photo, reading: &Reading, said: &Identity) -> Observation {
        let different: BTreeSet<&str> = reading.codes.iter().map(|c| c.text.as_str()).collect();
        let at = |text: &str| -> Vec<PixelRect> {
            reading.codes.iter().filter(|c| c.text == text).filter_map(|c| c.region(photo)).collect()
        };
        let everywhere = || reading.codes.iter().filter_map(|c| c.region(photo)).collect();
        let meant: Vec<&str> = match self.others {
            Others::Refuse => different.iter().copied().collect(),
            Others::Ignore => different.iter().copied().filter(|t| self.fits(t)).collect(),
        };
        // Texts that contradict each other at one place are among the others there: which of them is meant nobody knows.
        if self.others == Others::Refuse && !different.is_empty() && !reading.suspects.is_empty() {
            let places = reading.suspects.iter().filter_map(|s| s.region(photo)).collect::<Vec<_>>();
            return Observation::not_measured(Reason::CodeUnreadable).at(places);
        }
        match (meant.as_slice(), different.len()) {
            ([text], _) => self.judge_text(&Text { text, at: at(text) }, said),
            ([], 0) => nothing_read(photo, reading),
            // The only code there says something else.
            ([], 1) => {
                let text = different.first().copied().unwrap_or_default();
                self.judge_text(&Text { text, at: at(text) }, said)
            }
            _ => {
                let texts = different.iter().map(|t| Reason::shown(t)).collect();
                Observation::not_measured(Reason::CodeSeveral { texts }).at(everywhere())
            }
        }
    }

    fn fits(&self, text: &str) -> bool {
        match &self.demand {
            Demand::Anything => true,
            Demand::Text(expected) => text == expected,
            Demand::Pattern(pattern) => pattern.groups(text).is_some(),
        }
    }

    /// The one code that is meant.
    fn judge_text(&self, found: &Text<'_>, said: &Identity) -> Observation {
        let done = |o: Observation| o.at(found.at.clone()).saying(found.text);
        if !self.fits(found.text) {
            return done(Observation::measured(0.0, 0.0));
        }
        if let Some(field) = self.equals {
            let Some(given) = said.get(field) else {
                return done(Observation::not_measured(Reason::CodeNothingToCompare { what: field.word() }));
            };
            if self.told(field, found.text).is_none_or(|told| told.trim() != given) {
                return done(Observation::measured(0.0, 0.0));
            }
        }
        match self.identity(found.text, said) {
            Ok(identity) => done(Observation::measured(1.0, 0.0)).giving(identity),
            Err(reason) => done(Observation::not_measured(reason)),
        }
    }

    /// What the text tells of `field`: the pattern's group of that name, nothing when it did not match; without such a group all of the text.
    fn told(&self, field: IdentityField, text: &str) -> Option<String> {
        match &self.demand {
            Demand::Pattern(pattern) if pattern.names().any(|name| name == field.word()) => self.group(field, text),
            _ => Some(text.to_owned()),
        }
    }

    fn group(&self, field: IdentityField, text: &str) -> Option<String> {
        match &self.demand {
            Demand::Pattern(pattern) => pattern.groups(text)?.remove(field.word()),
            _ => None,
        }
    }

    /// Serial number, lot and order that the text tells, when they do not contradict what is known already.
    fn identity(&self, text: &str, said: &Identity) -> Result<Identity, Reason> {
        said.told_by(|field| if self.gives == Some(field) { self.told(field, text) } else { self.group(field, text) })
    }
}

/// Nothing there, or something that gave no text: the fault that says most comes first.
fn nothing_read(photo: &Photo, reading: &Reading) -> Observation {
    let of = |fault: Fault| reading.suspects.iter().filter(move |s| s.fault == fault);
    let places = |fault: Fault| of(fault).filter_map(|s| s.region(photo)).collect::<Vec<_>>();
    if let Some(first) = of(Fault::CheckDigit).next() {
        let digits = first.digits.as_deref().map(Reason::shown);
        return Observation::not_measured(Reason::CodeCheckDigit { digits }).at(places(Fault::CheckDigit));
    }
    if of(Fault::Unreadable).next().is_some() {
        return Observation::not_measured(Reason::CodeUnreadable).at(places(Fault::Unreadable));
    }
    Observation::not_measured(Reason::CodeNone)
}

#[cfg(test)]
#[path = "code_tests.rs"]
mod tests;
