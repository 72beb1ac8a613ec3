//! Questions to the store.

use super::super::health::LostEntry;
use super::super::{Entry, LedgerError};
use super::row::{self, Kind, Part, Row};
use super::{Store, seq_of};
use inspector::decision::Verdict;
use inspector::photo::Sha256;

/// Which inspections. All conditions given must hold; texts are compared exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only entries with a smaller sequence number: the cursor of the page before.
    pub before_seq: Option<u64>,
    /// Only entries with a greater sequence number.
    pub after_seq: Option<u64>,
    /// At most so many, 1 to 1,000; 0 means 50.
    pub limit: usize,
    /// Verdict of the part.
    pub verdict: Option<Verdict>,
    /// Part number.
    pub part: Option<String>,
    /// Lot.
    pub lot: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// Some inspections, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Entries that belong here and cannot be read any more. They count towards the limit.
    pub damaged: Vec<LostEntry>,
    /// [`Query::before_seq`] of the next page, when there is one.
    pub next_before_seq: Option<u64>,
}

/// A recipe that was installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeState {
    /// Name the station knows it by.
    pub name: String,
    /// Its identity.
    pub recipe: Sha256,
    /// Part number.
    pub part: String,
    /// Revision.
    pub revision: Option<String>,
    /// Whether it may judge production parts.
    pub status: RecipeStatus,
    /// Its files: path in the folder, digest of the blob.
    pub files: Vec<(String, Sha256)>,
    /// Sequence number of the act that set the status.
    pub since_seq: u64,
    /// Its wall clock, RFC 3339.
    pub since_wall: String,
    /// Id of the person who approved or retired it.
    pub by: Option<String>,
}

/// State of a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeStatus {
    /// Installed, not approved.
    Draft,
    /// Approved by a person: may judge production parts.
    Approved,
    /// Approved once, until another content was approved under its name. May be approved again.
    Superseded,
    /// Taken out of use for good.
    Retired,
}

/// One measured value of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Sequence number of the inspection.
    pub seq: u64,
    /// The value, unless it was not measured.
    pub measured: Option<f64>,
    /// Its standard uncertainty.
    pub u: Option<f64>,
}

impl Query {
    /// The limit that holds.
    pub(in super::super) fn page_size(&self) -> usize {
        if self.limit == 0 { 50 } else { self.limit.min(1000) }
    }

    /// First sequence number, and the one behind the last.
    fn range(&self) -> (u64, u64) {
        (self.after_seq.map_or(0, |seq| seq.saturating_add(1)), self.before_seq.unwrap_or(u64::MAX))
    }

    fn matches(&self, part: &Part) -> bool {
        self.verdict.is_none_or(|v| v == part.verdict)
            && self.part.as_ref().is_none_or(|p| *p == part.part)
            && self.lot.as_ref().is_none_or(|l| Some(l) == part.lot.as_ref())
            && self.serial.as_ref().is_none_or(|s| Some(s) == part.serial.as_ref())
    }

    /// Prefix of the index that is likely to leave the fewest rows to look at.
    fn index_prefix(&self) -> Option<Vec<u8>> {
        let serial = self.serial.as_deref().map(|t| row::text_prefix(row::SERIAL, t));
        let lot = || self.lot.as_deref().map(|t| row::text_prefix(row::LOT, t));
        let bad = || self.verdict.filter(|v| *v != Verdict::Pass).map(row::verdict_prefix);
        let part = || self.part.as_deref().map(|t| row::text_prefix(row::PART, t));
        serial.or_else(lot).or_else(bad).or_else(part).or_else(|| self.verdict.map(row::verdict_prefix))
    }
}

type Sequences = Box<dyn Iterator<Item = Result<u64, LedgerError>>>;

impl Store {
    /// Inspections that match, newest first, up to `limit`. Cost: with an index, the rows that share the rarest of serial, lot,
    /// verdict other than PASS, part, verdict; they are read until the page is full.
    pub(in super::super) fn find(&self, query: &Query, limit: usize) -> Result<Vec<(u64, Row)>, LedgerError> {
        let (first, before) = query.range();
        if first >= before {
            return Ok(Vec::new());
        }
        let candidates: Sequences = match query.index_prefix() {
            Some(prefix) => {
                let range = row::with_seq(prefix.clone(), first)..row::with_seq(prefix, before);
                Box::new(self.index.range(range).rev().map(|pair| seq_of(&pair?.0)))
            }
            None => {
                Box::new(self.rows.range(first.to_be_bytes()..before.to_be_bytes()).rev().map(|pair| seq_of(&pair?.0)))
            }
        };
        let mut found = Vec::new();
        for seq in candidates {
            let seq = seq?;
            // An index key without its row is repaired in the background; the row is the one that counts.
            let Some(row) = self.row(seq)? else { continue };
            if row.part.as_ref().is_some_and(|p| query.matches(p)) {
                found.push((seq, row));
                if found.len() == limit {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Sequence numbers of the inspections with an idempotency key, ascending.
    pub(in super::super) fn with_idempotency_key(&self, key: &str) -> Result<Vec<u64>, LedgerError> {
        let prefix = row::idempotency_prefix(&row::key_digest(key));
        self.index.scan_prefix(prefix).map(|pair| seq_of(&pair?.0)).collect()
    }

    /// How many inspections of any kind lie in the query's range of sequence numbers. Cost: reads the first byte of each row there.
    pub(in super::super) fn count(&self, query: &Query) -> Result<u64, LedgerError> {
        let (first, before) = query.range();
        let mut count = 0;
        if first < before {
            for pair in self.rows.range(first.to_be_bytes()..before.to_be_bytes()) {
                count += u64::from(pair?.1.first() == Some(&(Kind::Inspection as u8)));
            }
        }
        Ok(count)
    }

    /// Sequence numbers of all acts of a kind that is not an inspection, ascending.
    pub(in super::super) fn acts(&self, kind: Kind) -> Result<Vec<u64>, LedgerError> {
        self.index.scan_prefix(row::kind_prefix(kind)).map(|pair| seq_of(&pair?.0)).collect()
    }

    /// Values of one check, newest first.
    pub(in super::super) fn measured(
        &self,
        recipe: &Sha256,
        check: &str,
        before_seq: u64,
        limit: usize,
    ) -> Result<Vec<Measured>, LedgerError> {
        let range = row::values_key(recipe, 0)..row::values_key(recipe, before_seq);
        let mut found = Vec::new();
        for pair in self.values.range(range).rev() {
            let (key, packed) = pair?;
            if let Some((measured, u)) = row::unpack_value(&packed, check) {
                found.push(Measured { seq: seq_of(&key)?, measured, u });
                if found.len() >= limit {
                    break;
                }
            }
        }
        Ok(found)
    }
}
