//! What is verified in the background after opening: the journal up to the checkpoint, the rest of the store.

use super::LedgerError;
use super::follower::{Context, catch_up, damage};
use super::journal::walk::{Cursor, Met, walk};
use super::store::CHUNK;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What opening left to do.
pub(super) struct Rest {
    /// Segments at opening.
    pub segments: Vec<u64>,
    /// The journal was verified from here on.
    pub verified_from: Cursor,
    /// Chunks before this one were not looked at.
    pub chunks: u64,
    /// Indexes were not looked at.
    pub keys: bool,
    /// Made when the store must be rebuilt at the next start.
    pub rebuild_mark: PathBuf,
}

impl Rest {
    pub(super) fn verify(&self, context: &Context) -> Result<(), LedgerError> {
        let whole = self.journal(context)? & self.store(context)?;
        if context.shared.lock().closing {
            return Ok(());
        }
        if !whole {
            self.repair(context)?;
        }
        Ok(())
    }

    /// Reads every frame; says whether each has its row.
    fn journal(&self, context: &Context) -> Result<bool, LedgerError> {
        let end = Some((self.verified_from.segment, self.verified_from.offset));
        let mut whole = true;
        let mut closing = false;
        walk(&context.journal, &self.segments, Cursor::START, end, |met| {
            match met {
                Met::Frame { seq, position, .. } => {
                    whole &= context.store.row(seq)?.is_some_and(|row| row.position == position);
                    if seq % 256 == 0 {
                        closing = context.shared.update(|s| {
                            s.verified_up_to = seq;
                            s.closing
                        });
                    }
                }
                Met::Gap(gap) => {
                    let damage = damage(&gap, &context.store);
                    tracing::error!(?damage, "the journal is damaged");
                    context.shared.update(|s| s.damage.push(damage));
                }
            }
            Ok::<_, LedgerError>(if closing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        if !closing {
            context.shared.update(|s| s.verified_up_to = u64::MAX);
        }
        Ok(whole)
    }

    fn store(&self, context: &Context) -> Result<bool, LedgerError> {
        let closing = || context.shared.lock().closing;
        for chunk in (0..self.chunks).rev() {
            if closing() {
                return Ok(true);
            }
            if !context.store.chunk_is_whole(chunk)? {
                return Ok(false);
            }
        }
        let last_seq = context.store.tip().last_seq;
        Ok(!self.keys || context.store.keys_are_whole(last_seq, closing)?)
    }

    /// Writes every row again from the journal, while everything goes on being read. What should not be there at all can only be
    /// left out by a rebuild at the next start.
    fn repair(&self, context: &Context) -> Result<(), LedgerError> {
        tracing::warn!("the store disagrees with the journal: writing its rows again");
        let (segments, end) = {
            let state = context.shared.lock();
            (state.segments.clone(), state.applied)
        };
        let mut done = 0;
        let progress = |cursor: Cursor| {
            context.shared.update(|s| {
                s.repaired += cursor.next_seq - 1 - done;
                done = cursor.next_seq - 1;
                if s.closing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        };
        catch_up(
            &context.journal,
            &segments,
            Cursor::START,
            Some((end.segment, end.offset)),
            &context.store,
            progress,
            |_| (),
        )?;
        context.store.seal(0)?;
        let closing = || context.shared.lock().closing;
        let whole = context.store.keys_are_whole(end.next_seq - 1, closing)?;
        if closing() || !whole {
            File::create(&self.rebuild_mark).map_err(LedgerError::io("marking the store", &self.rebuild_mark))?;
        }
        Ok(())
    }
}

/// Chunks that are looked at before opening returns: some 20,000 rows, a few milliseconds.
pub(super) const CHUNKS_AT_OPEN: u64 = 20_000 / CHUNK + 1;
