//! The store: sled, what everything reads. It only follows the journal, and every row of it can be made again from there.
//!
//! | tree | key | value |
//! | --- | --- | --- |
//! | `rows` | sequence | [`row::Row`]: where the entry lies, verdict, part, lot, serial, recipe, photo |
//! | `index` | kind, verdict, part, lot, serial or idempotency key, then sequence | nothing |
//! | `values` | recipe, sequence | measured value and u of each check |
//! | `digests` | chunk of 1,024 sequence numbers | how many rows it has, and their checksum |
//! | `meta` | `checkpoint` | up to where the journal was applied |
//!
//! Numbers in keys are big-endian, so that sled's order is the sequence's.
//!
//! sled 0.34.7 opens without a word when its file was damaged in the middle, and rows are gone: hence the digests, checked at start.
//! `Mode::LowSpace` is its default, and nothing in it reads the mode.

mod check;
mod query;
pub(super) mod row;

pub use query::{Measured, Page, Query, RecipeState, RecipeStatus};

use super::journal::Position;
use super::{Entry, LedgerError};
use row::Row;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Sequence numbers per digest.
pub(super) const CHUNK: u64 = 1024;
/// Format of rows and keys; another one is rebuilt from the journal.
const FORMAT: u8 = 2;
/// sled's page cache. It reads rows of some 180 bytes, mostly the newest: more buys nothing, and it takes about twice what it is given.
const CACHE_BYTES: u64 = 4 << 20;

/// The open store.
pub(super) struct Store {
    db: sled::Db,
    rows: sled::Tree,
    index: sled::Tree,
    values: sled::Tree,
    digests: sled::Tree,
    meta: sled::Tree,
    tip: Mutex<Tip>,
}

/// Up to where the journal was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tip {
    /// Highest sequence number that has a row.
    pub last_seq: u64,
    /// Highest sequence number known to have been given out. Greater than `last_seq` when the journal lost its end and the store was
    /// made again.
    pub highest: u64,
    /// The last frame applied, unless there is none.
    pub frame: Option<(u64, Position)>,
    /// Rows in all.
    pub rows: u64,
    /// Rows and checksum of the last chunk so far.
    pub digest: Digest,
}

/// How many rows a chunk has, and the running checksum over their sequence numbers and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub count: u32,
    pub crc: u32,
}

impl Digest {
    fn add(&mut self, seq: u64, row: &[u8]) {
        self.count += 1;
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, &seq.to_be_bytes()), row);
    }

    fn encode(self) -> [u8; 8] {
        (u64::from(self.count) << 32 | u64::from(self.crc)).to_be_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let n = u64::from_be_bytes(bytes.try_into().ok()?);
        Some(Self { count: (n >> 32) as u32, crc: n as u32 })
    }
}

/// One entry on its way into the store; `None` for one of a newer program.
pub(super) type Applied = (u64, Position, Option<Entry>);

impl Store {
    /// Opens sled.
    pub(super) fn open(dir: &Path) -> Result<Self, LedgerError> {
        let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
        let deadline = Instant::now() + Duration::from_secs(3);
        let db = loop {
            match config.open() {
                // The threads of a sled closed a moment ago may still hold its file.
                Err(e) if is_lock(&e) && Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
                Err(e) if is_lock(&e) => {
                    return Err(LedgerError::Locked { holder: "a store that hangs".into(), path: dir.to_owned() });
                }
                Err(sled::Error::Io(e)) => return Err(super::disk::write_error("opening the store", dir, 1 << 20, e)),
                other => break other?,
            }
        };
        let store = Self {
            rows: db.open_tree("rows")?,
            index: db.open_tree("index")?,
            values: db.open_tree("values")?,
            digests: db.open_tree("digests")?,
            meta: db.open_tree("meta")?,
            db,
            tip: Mutex::default(),
        };
        let tip = store.meta.get("checkpoint")?.map(|bytes| Tip::decode(&bytes).ok_or_else(|| broken("checkpoint")));
        *store.tip() = tip.transpose()?.unwrap_or_default();
        Ok(store)
    }

    /// Held while rows are written: the digest and they change together.
    pub(super) fn tip(&self) -> MutexGuard<'_, Tip> {
        self.tip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes rows, keys, digest and checkpoint of entries with rising sequence numbers. Entries already there are written over.
    pub(super) fn apply(&self, entries: &[Applied]) -> Result<(), LedgerError> {
        let mut tip = self.tip();
        let mut next = *tip;
        let (mut rows, mut index) = (sled::Batch::default(), sled::Batch::default());
        let (mut values, mut digests) = (sled::Batch::default(), sled::Batch::default());
        for (seq, position, entry) in entries {
            let (row, packed) = row::of(*position, entry.as_ref());
            let bytes = row.encode();
            if *seq <= tip.last_seq {
                self.forget_differing(*seq, &bytes, &mut index, &mut values)?;
            }
            for key in row.index_keys(*seq) {
                index.insert(key, &[]);
            }
            if let (Some(packed), Some(part)) = (packed, &row.part) {
                values.insert(row::values_key(&part.recipe, *seq), packed);
            }
            if *seq > next.last_seq {
                if seq / CHUNK != next.last_seq / CHUNK {
                    next.digest = Digest::default();
                }
                next.digest.add(*seq, &bytes);
                next.rows += 1;
                next.last_seq = *seq;
                next.highest = next.highest.max(*seq);
                digests.insert(&(seq / CHUNK).to_be_bytes(), &next.digest.encode());
            }
            if next.frame.is_none_or(|(newest, _)| newest < *seq) {
                next.frame = Some((*seq, *position));
            }
            rows.insert(&seq.to_be_bytes(), bytes);
        }
        // The checkpoint comes last: where it is, everything before it is.
        self.values.apply_batch(values)?;
        self.index.apply_batch(index)?;
        self.rows.apply_batch(rows)?;
        self.digests.apply_batch(digests)?;
        self.meta.insert("checkpoint", next.encode())?;
        *tip = next;
        Ok(())
    }

    /// Sets the checkpoint back to an earlier frame: what lies behind it is applied again.
    pub(super) fn rewind(&self, frame: Option<(u64, Position)>) {
        self.tip().frame = frame;
    }

    /// Remembers that sequence numbers up to this one were given out.
    pub(super) fn remember(&self, highest: u64) -> Result<(), LedgerError> {
        let mut tip = self.tip();
        if tip.highest < highest {
            tip.highest = highest;
            self.meta.insert("checkpoint", tip.encode())?;
        }
        Ok(())
    }

    /// Takes back the keys of a row that is about to be replaced by another one.
    fn forget_differing(
        &self,
        seq: u64,
        new: &[u8],
        index: &mut sled::Batch,
        values: &mut sled::Batch,
    ) -> Result<(), LedgerError> {
        let Some(old) = self.rows.get(seq.to_be_bytes())?.filter(|old| *old != new) else { return Ok(()) };
        let Some(old) = Row::decode(&old) else { return Ok(()) };
        for key in old.index_keys(seq) {
            index.remove(key);
        }
        if let Some(part) = &old.part {
            values.remove(row::values_key(&part.recipe, seq));
        }
        Ok(())
    }

    /// The row of an entry.
    pub(super) fn row(&self, seq: u64) -> Result<Option<Row>, LedgerError> {
        let bytes = self.rows.get(seq.to_be_bytes())?;
        bytes.map(|b| Row::decode(&b).ok_or_else(|| broken("row"))).transpose()
    }

    /// Rows from `from` on, ascending.
    pub(super) fn rows_from(&self, from: u64) -> impl Iterator<Item = Result<(u64, Row), LedgerError>> + use<> {
        self.rows.range(from.to_be_bytes()..).map(|pair| {
            let (key, bytes) = pair?;
            Ok((seq_of(&key)?, Row::decode(&bytes).ok_or_else(|| broken("row"))?))
        })
    }

    /// Rows up to `until`, descending.
    pub(super) fn rows_down_from(&self, until: u64) -> impl Iterator<Item = Result<(u64, Row), LedgerError>> + use<> {
        self.rows.range(..=until.to_be_bytes()).rev().map(|pair| {
            let (key, bytes) = pair?;
            Ok((seq_of(&key)?, Row::decode(&bytes).ok_or_else(|| broken("row"))?))
        })
    }

    /// Writes everything so far to the file (sled calls sync_file_range: enough for a crash of the program; after a power cut the
    /// journal makes good what is missing).
    pub(super) fn flush(&self) -> Result<(), LedgerError> {
        self.db.flush()?;
        Ok(())
    }
}

impl Tip {
    fn encode(self) -> Vec<u8> {
        let (seq, p) = self.frame.unwrap_or((0, Position { segment: 0, offset: 0, length: 0, crc: 0 }));
        let mut out = vec![FORMAT];
        for n in
            [self.last_seq, self.highest, self.rows, seq, p.segment, p.offset, u64::from(p.length), u64::from(p.crc)]
        {
            out.extend_from_slice(&n.to_be_bytes());
        }
        out.extend_from_slice(&self.digest.encode());
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let mut n = [0_u64; 9];
        if *format != FORMAT || rest.len() != 72 {
            return None;
        }
        for (n, b) in n.iter_mut().zip(rest.chunks_exact(8)) {
            *n = u64::from_be_bytes(b.try_into().ok()?);
        }
        let [last_seq, highest, rows, seq, segment, offset, length, crc, _] = n;
        let position = Position { segment, offset, length: u32::try_from(length).ok()?, crc: u32::try_from(crc).ok()? };
        let digest = Digest::decode(&rest[64..])?;
        Some(Self { last_seq, highest, rows, frame: (seq > 0).then_some((seq, position)), digest })
    }
}

fn seq_of(key: &[u8]) -> Result<u64, LedgerError> {
    let tail = key.len().checked_sub(8).map(|from| &key[from..]);
    let bytes = tail.and_then(|t| t.try_into().ok()).ok_or_else(|| broken("key"))?;
    Ok(u64::from_be_bytes(bytes))
}

fn is_lock(e: &sled::Error) -> bool {
    matches!(e, sled::Error::Io(e) if e.to_string().contains("could not acquire lock"))
}

fn broken(what: &str) -> LedgerError {
    LedgerError::Store { reason: format!("a {what} is not what this program writes") }
}
