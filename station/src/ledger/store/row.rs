//! The compact row of one entry, and the keys that lead to it.
//!
//! Every key that the store holds follows from rows alone: that is how indexes are checked, and how stale ones are removed.

use super::super::journal::Position;
use super::super::{Act, Entry};
use inspector::decision::Verdict;
use inspector::photo::Sha256;

/// What a row says of its entry.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Row {
    pub position: Position,
    pub ulid: [u8; 16],
    pub kind: Kind,
    /// For an inspection.
    pub part: Option<Part>,
}

/// Which act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in super::super) enum Kind {
    /// Of a newer program.
    Unknown = 0,
    Started = 1,
    Inspection = 2,
    Recipe = 3,
    Calibration = 4,
}

/// What lists and filters need of an inspected part.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Part {
    pub verdict: Verdict,
    pub recipe: Sha256,
    pub photo: Sha256,
    pub part: String,
    pub lot: Option<String>,
    pub serial: Option<String>,
    pub idempotency: Option<[u8; 16]>,
    /// Checksum of the measured values, which are kept beside the row.
    pub values_crc: u32,
}

/// The row and the measured values of an entry; `None` for an entry this program does not understand.
pub(in super::super) fn of(position: Position, entry: Option<&Entry>) -> (Row, Option<Vec<u8>>) {
    let ulid = entry.and_then(|e| e.ulid.parse::<ulid::Ulid>().ok()).map_or([0; 16], |u| u.to_bytes());
    let mut values = None;
    let (kind, part) = match entry.map(|e| &e.act) {
        None => (Kind::Unknown, None),
        Some(Act::Started) => (Kind::Started, None),
        Some(Act::RecipeInstalled { .. } | Act::RecipeApproved { .. } | Act::RecipeRetired { .. }) => {
            (Kind::Recipe, None)
        }
        Some(Act::Calibrated { .. } | Act::Verified { .. }) => (Kind::Calibration, None),
        Some(Act::Inspection { inspection, idempotency_key, .. }) => {
            let packed = pack_values(inspection.checks.iter().map(|c| (c.id.as_str(), c.measured, c.u)));
            let part = Part {
                verdict: inspection.verdict,
                recipe: inspection.recipe,
                photo: inspection.photo.sha256,
                part: inspection.part.clone(),
                lot: inspection.lot.clone(),
                serial: inspection.serial.clone(),
                idempotency: idempotency_key.as_deref().map(key_digest),
                values_crc: crc32c::crc32c(&packed),
            };
            values = Some(packed);
            (Kind::Inspection, Some(part))
        }
    };
    (Row { position, ulid, kind, part }, values)
}

/// First half of the digest: keys may be long and are only ever compared.
pub(in super::super) fn key_digest(key: &str) -> [u8; 16] {
    Sha256::of(key.as_bytes()).0[..16].try_into().expect("half of 32 bytes")
}

fn check_digest(id: &str) -> [u8; 8] {
    Sha256::of(id.as_bytes()).0[..8].try_into().expect("a quarter of 32 bytes")
}

/// All values of one part stand together, 24 bytes each: a key of its own for every value would make sled twenty times as large.
fn pack_values<'a>(values: impl Iterator<Item = (&'a str, Option<f64>, Option<f64>)>) -> Vec<u8> {
    values
        .flat_map(|(id, measured, u)| {
            let bits = |v: Option<f64>| v.unwrap_or(f64::NAN).to_le_bytes();
            [check_digest(id), bits(measured), bits(u)].concat()
        })
        .collect()
}

/// Measured value and standard uncertainty of one check.
pub(in super::super) fn unpack_value(packed: &[u8], check: &str) -> Option<(Option<f64>, Option<f64>)> {
    let wanted = check_digest(check);
    let number = |b: &[u8]| b.try_into().ok().map(f64::from_le_bytes).filter(|v| !v.is_nan());
    packed.chunks_exact(24).find(|c| c[..8] == wanted).map(|c| (number(&c[8..16]), number(&c[16..])))
}

/// Prefix of the keys of a text.
pub(in super::super) fn text_prefix(tag: u8, text: &str) -> Vec<u8> {
    let mut key = vec![tag];
    match u8::try_from(text.len()) {
        Ok(length) if length < u8::MAX => {
            key.push(length);
            key.extend_from_slice(text.as_bytes());
        }
        // Longer than any sensible part number: its digest serves as well.
        _ => {
            key.push(u8::MAX);
            key.extend_from_slice(&Sha256::of(text.as_bytes()).0);
        }
    }
    key
}

pub(in super::super) const PART: u8 = b'p';
pub(in super::super) const LOT: u8 = b'l';
pub(in super::super) const SERIAL: u8 = b's';

pub(in super::super) fn verdict_prefix(verdict: Verdict) -> Vec<u8> {
    vec![b'v', verdict_code(verdict)]
}

pub(in super::super) fn idempotency_prefix(digest: &[u8; 16]) -> Vec<u8> {
    [&b"i"[..], digest].concat()
}

pub(in super::super) fn kind_prefix(kind: Kind) -> Vec<u8> {
    vec![b'k', kind as u8]
}

/// Key of a part's measured values.
pub(in super::super) fn values_key(recipe: &Sha256, seq: u64) -> Vec<u8> {
    with_seq(recipe.0.to_vec(), seq)
}

pub(in super::super) fn with_seq(mut prefix: Vec<u8>, seq: u64) -> Vec<u8> {
    prefix.extend_from_slice(&seq.to_be_bytes());
    prefix
}

fn verdict_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Refer => 1,
        Verdict::Fail => 2,
    }
}

impl Row {
    /// All index keys of the row.
    pub(in super::super) fn index_keys(&self, seq: u64) -> Vec<Vec<u8>> {
        let Some(part) = &self.part else { return vec![with_seq(kind_prefix(self.kind), seq)] };
        let mut keys = vec![verdict_prefix(part.verdict), text_prefix(PART, &part.part)];
        keys.extend(part.lot.as_deref().map(|t| text_prefix(LOT, t)));
        keys.extend(part.serial.as_deref().map(|t| text_prefix(SERIAL, t)));
        keys.extend(part.idempotency.as_ref().map(idempotency_prefix));
        keys.into_iter().map(|k| with_seq(k, seq)).collect()
    }

    pub(in super::super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.position.segment.to_le_bytes());
        out.extend_from_slice(&self.position.offset.to_le_bytes());
        out.extend_from_slice(&self.position.length.to_le_bytes());
        out.extend_from_slice(&self.position.crc.to_le_bytes());
        out.extend_from_slice(&self.ulid);
        if let Some(p) = &self.part {
            out.push(verdict_code(p.verdict));
            out.extend_from_slice(&p.values_crc.to_le_bytes());
            out.extend_from_slice(&p.recipe.0);
            out.extend_from_slice(&p.photo.0);
            out.push(u8::from(p.idempotency.is_some()));
            out.extend_from_slice(p.idempotency.as_ref().map_or(&[][..], |k| &k[..]));
            for text in [Some(&p.part), p.lot.as_ref(), p.serial.as_ref()] {
                // An entry is shorter than 65,536 bytes, and so is every text in it.
                let length = text.map_or(u16::MAX, |t| t.len() as u16);
                out.extend_from_slice(&length.to_le_bytes());
                out.extend_from_slice(text.map_or(&[][..], |t| t.as_bytes()));
            }
        }
        out
    }

    /// `None` when the bytes are not a row.
    pub(in super::super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut r = Reader(bytes);
        let kind = match r.array::<1>()?[0] {
            0 => Kind::Unknown,
            1 => Kind::Started,
            2 => Kind::Inspection,
            3 => Kind::Recipe,
            4 => Kind::Calibration,
            _ => return None,
        };
        let position = Position {
            segment: u64::from_le_bytes(r.array()?),
            offset: u64::from_le_bytes(r.array()?),
            length: u32::from_le_bytes(r.array()?),
            crc: u32::from_le_bytes(r.array()?),
        };
        let ulid = r.array()?;
        let part = if kind == Kind::Inspection { Some(r.part()?) } else { None };
        r.0.is_empty().then_some(Self { position, ulid, kind, part })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn text(&mut self) -> Option<Option<String>> {
        let length = u16::from_le_bytes(self.array()?);
        if length == u16::MAX {
            return Some(None);
        }
        let (text, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(Some(String::from_utf8(text.to_vec()).ok()?))
    }

    fn part(&mut self) -> Option<Part> {
        let verdict = match self.array::<1>()?[0] {
            0 => Verdict::Pass,
            1 => Verdict::Refer,
            2 => Verdict::Fail,
            _ => return None,
        };
        let values_crc = u32::from_le_bytes(self.array()?);
        let recipe = Sha256(self.array()?);
        let photo = Sha256(self.array()?);
        let idempotency = if self.array::<1>()?[0] == 1 { Some(self.array()?) } else { None };
        let part = self.text()??;
        Some(Part { verdict, recipe, photo, part, lot: self.text()?, serial: self.text()?, idempotency, values_crc })
    }
}
