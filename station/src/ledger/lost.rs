//! What the journal lost: entries of which nothing is known, bytes that were moved aside, and what an older store still knew of them.

use super::journal::{CutTail, Position, cut_tails, holds_an_inspection};
use super::store::Store;
use super::{Ledger, LedgerError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of each tail that was moved aside and may have held an act on a calibration, the first entry that was written after it, or would be; ascending.
///
/// Nobody can say of a tail whether it was acknowledged, unless the store knew. That it began an inspection can be read in most of those that a power
/// cut leaves behind: they are no reason to doubt a camera.
pub(super) fn tails(journal: &Path, store: &Store) -> Result<Vec<u64>, LedgerError> {
    let mut found = Vec::new();
    for CutTail { path, segment, offset } in cut_tails(journal)? {
        if !holds_an_inspection(&path, offset)? {
            found.push(store.first_behind(segment, offset)?);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Folder of a store that is being replaced.
pub(super) fn replaced(dir: &Path) -> PathBuf {
    dir.join("store-before")
}

/// Gives the new store the rows of entries that are lost from the journal and that the one before it still knew: with them part and serial number. Then the
/// old one goes. What it held of other entries is not looked at, so a store that could not be believed does no harm: a chunk of rows that is not as
/// it was written gives none.
pub(super) fn keep_what_was_known(dir: &Path, store: &Store) -> Result<(), LedgerError> {
    let old = replaced(dir);
    if !old.exists() {
        return Ok(());
    }
    let lost = store.lost()?;
    if !lost.is_empty() {
        // sled asserts its invariants on what it finds in its files.
        match catch_unwind(AssertUnwindSafe(|| store.keep(&Store::open(&old)?, &lost))) {
            Ok(Ok(())) => {}
            Ok(Err(e @ LedgerError::DiskFull { .. })) => return Err(e),
            Ok(Err(e)) => tracing::warn!("what the store before knew of lost entries cannot be read: {e}"),
            Err(_) => tracing::warn!("what the store before knew of lost entries cannot be read: sled panicked on it"),
        }
    }
    std::fs::remove_dir_all(&old).map_err(LedgerError::io("removing the store before", &old))
}

impl Store {
    /// The first entry whose frame lies at or behind a place in the journal; the next one when there is none yet. Cost: a row per halving.
    fn first_behind(&self, segment: u64, offset: u64) -> Result<u64, LedgerError> {
        let next = self.tip().highest + 1;
        if offset == 0 {
            // The whole file was moved aside: what it is named after was its first.
            return Ok(segment);
        }
        let is_behind = |p: Position| (p.segment, p.offset) >= (segment, offset);
        let (mut low, mut high) = (segment, next.max(segment));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.rows_from(middle).next().transpose()? {
                Some((seq, row)) if seq < high && !is_behind(row.position) => low = seq + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }
}

impl Ledger {
    /// Waits until every entry was verified, or the store failed: then [`health`](Self::health) knows all damage. Cost: reads the whole journal.
    pub fn wait_until_verified(&self) {
        let shared = &self.context().shared;
        let mut state = shared.lock();
        while state.verified_up_to < state.end.next_seq - 1 && state.store_state().follows() {
            state = shared.wait(state, Duration::from_millis(100));
        }
    }
}
