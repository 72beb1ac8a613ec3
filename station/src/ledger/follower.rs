//! Threads that keep sled up with the journal.
//!
//! The follower reads the journal itself, from where it stands to the last synced entry: however far it falls behind, nothing piles
//! up in memory and no append waits for it.

use super::disk::free_bytes;
use super::health::{Damage, LostEntry, StoreState};
use super::journal::segment;
use super::journal::walk::{Cursor, Ended, Gap, Met, walk};
use super::shared::{Shared, State};
use super::store::{Applied, Store};
use super::{Entry, LedgerError};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries written into sled at once.
const BATCH: usize = 256;
/// sled must never meet a full disk: below this it is left alone.
pub(super) const STORE_RESERVE: u64 = 4 << 20;
/// Between two flushes of sled. What a power cut takes is applied again from the journal.
const FLUSH_INTERVAL: Duration = Duration::from_millis(500);

/// Reads the journal from a place to another and writes it into the store. `batch_done` may stop it.
pub(super) fn catch_up(
    dir: &Path,
    segments: &[u64],
    from: Cursor,
    end: Option<(u64, u64)>,
    store: &Store,
    mut batch_done: impl FnMut(Cursor) -> ControlFlow<()>,
    mut gap: impl FnMut(Gap),
) -> Result<Ended, LedgerError> {
    let mut batch: Vec<Applied> = Vec::with_capacity(BATCH);
    let ended = walk(dir, segments, from, end, |met| {
        match met {
            Met::Frame { seq, position, payload } => {
                // An entry of a newer program keeps its place; its contents are not known here.
                batch.push((seq, position, serde_json::from_slice::<Entry>(payload).ok()));
                if batch.len() < BATCH {
                    return Ok(ControlFlow::Continue(()));
                }
                store.apply(&batch)?;
                batch.clear();
                Ok(batch_done(Cursor::after(seq, &position)))
            }
            Met::Gap(found) => {
                gap(found);
                Ok(ControlFlow::Continue(()))
            }
        }
    });
    let ended = ended.map_err(|e: LedgerError| e)?;
    if !batch.is_empty() {
        store.apply(&batch)?;
    }
    let _ = batch_done(ended.cursor);
    Ok(ended)
}

/// A gap, with what the store knows of the lost entries.
pub(super) fn damage(gap: &Gap, store: &Store) -> Damage {
    let lost = gap.first_seq <= gap.last_seq;
    let known = if lost { known_entries(store, gap.first_seq, gap.last_seq) } else { Vec::new() };
    Damage {
        segment: segment::path(Path::new(""), gap.segment).display().to_string(),
        offset: gap.offset,
        bytes: gap.bytes,
        first_seq: lost.then_some(gap.first_seq),
        last_seq: lost.then_some(gap.last_seq),
        lost: known,
    }
}

/// What the store knows of entries in a range: at most 1,000 of them.
pub(super) fn known_entries(store: &Store, first_seq: u64, last_seq: u64) -> Vec<LostEntry> {
    // A store that cannot be read knows nothing: the sequence numbers are reported all the same.
    let rows = store.rows_from(first_seq).map_while(Result::ok).take_while(|(seq, _)| *seq <= last_seq).take(1000);
    rows.map(|(seq, row)| lost_entry(seq, Some(&row))).collect()
}

/// An entry that cannot be read, with what its row says.
pub(super) fn lost_entry(seq: u64, row: Option<&super::store::row::Row>) -> LostEntry {
    let part = row.and_then(|r| r.part.as_ref());
    LostEntry {
        seq,
        part: part.map(|p| p.part.clone()),
        lot: part.and_then(|p| p.lot.clone()),
        serial: part.and_then(|p| p.serial.clone()),
    }
}

/// Writes the store to its files.
pub(super) type Flush = fn(&Store) -> Result<(), LedgerError>;

/// What the threads work on.
#[derive(Clone)]
pub(super) struct Context {
    pub journal: PathBuf,
    pub store: Arc<Store>,
    pub shared: Arc<Shared>,
    pub flush: Flush,
}

impl Context {
    /// Starts a thread. A panic in it stops the store, not the station.
    pub(super) fn spawn(
        &self,
        name: &str,
        work: impl FnOnce(&Self) -> Result<(), LedgerError> + Send + 'static,
    ) -> Result<(), LedgerError> {
        let context = self.clone();
        self.shared.update(|s| s.running += 1);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| work(&context)));
            let shared = context.shared.clone();
            // sled closes when its last user is gone: before this thread counts as ended.
            drop(context);
            let failed = match result {
                Ok(Ok(())) => None,
                Ok(Err(e)) => Some(e.to_string()),
                Err(_) => Some("a thread of the store panicked".to_owned()),
            };
            shared.update(|s| {
                s.running -= 1;
                if let Some(reason) = failed {
                    tracing::error!(reason, "the store no longer follows the journal");
                    s.store = StoreState::Failed(reason);
                }
            });
        });
        thread.map(drop).map_err(|e| {
            self.shared.update(|s| s.running -= 1);
            LedgerError::io("starting a thread", &self.journal)(e)
        })
    }

    /// Keeps sled up with the journal until the ledger is closed.
    pub(super) fn follow(&self) -> Result<(), LedgerError> {
        loop {
            let Some((from, end, segments)) = self.wait_for_work() else { return Ok(()) };
            if free_bytes(&self.journal)? < STORE_RESERVE {
                self.shared.update(|s| s.store = StoreState::WaitingForSpace);
                let guard = self.shared.lock();
                if guard.closing {
                    return Ok(());
                }
                drop(self.shared.wait(guard, Duration::from_millis(200)));
                continue;
            }
            self.shared.update(|s| s.store = StoreState::Following);
            let done = |cursor| {
                self.shared.update(|s| s.applied = cursor);
                ControlFlow::Continue(())
            };
            let gap = |gap: Gap| {
                let damage = damage(&gap, &self.store);
                tracing::error!(?damage, "the journal is damaged");
                self.shared.update(|s| s.damage.push(damage));
            };
            catch_up(&self.journal, &segments, from, Some((end.segment, end.offset)), &self.store, done, gap)?;
            // Bytes damaged since they were written: what was asked for is as done as it can be.
            self.shared.update(|s| s.applied = end);
        }
    }

    fn wait_for_work(&self) -> Option<(Cursor, Cursor, Vec<u64>)> {
        let mut state = self.shared.lock();
        while state.applied.next_seq >= state.end.next_seq {
            if state.closing {
                return None;
            }
            state = self.shared.wait(state, Duration::from_secs(1));
        }
        let needed = |s: &State| s.segments.iter().copied().filter(|f| *f >= s.applied.segment).collect();
        Some((state.applied, state.end, needed(&state)))
    }

    /// Flushes sled now and then, in a thread of its own because a flush may never come back.
    pub(super) fn flush_now_and_then(&self) -> Result<(), LedgerError> {
        let mut flushed = self.store.tip().last_seq;
        loop {
            let mut state = self.shared.lock();
            let began = Instant::now();
            while !state.closing && began.elapsed() < FLUSH_INTERVAL {
                state = self.shared.wait(state, FLUSH_INTERVAL);
            }
            // The last flush comes when the others have ended.
            let last = state.closing && state.running == 1;
            if state.closing && !last {
                drop(self.shared.wait(state, Duration::from_millis(50)));
                continue;
            }
            drop(state);
            let newest = self.store.tip().last_seq;
            let room = free_bytes(&self.journal)? >= STORE_RESERVE;
            if room && (newest != flushed || last) {
                self.shared.update(|s| s.flushing = Some(Instant::now()));
                let result = (self.flush)(&self.store);
                self.shared.update(|s| s.flushing = None);
                result?;
                flushed = newest;
            }
            if last && newest != flushed {
                // Closing sled would flush it onto a full disk: that may never come back, and the journal has everything.
                return Err(LedgerError::Store { reason: "not written to its files: the disk is full".into() });
            }
            if last {
                return Ok(());
            }
        }
    }
}
