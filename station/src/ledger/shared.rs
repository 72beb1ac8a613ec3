//! What the ledger's threads tell each other.

use super::health::{Damage, StoreState};
use super::journal::walk::Cursor;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a read waits for the store to catch up with the journal.
const READ_PATIENCE: Duration = Duration::from_secs(2);
pub(super) struct State {
    /// Behind the last synced entry.
    pub end: Cursor,
    /// First sequence numbers of the segments, ascending.
    pub segments: Vec<u64>,
    /// Journal syncs since the ledger was opened.
    pub syncs: u64,
    /// Highest sequence number that the store holds, and where to go on from.
    pub applied: Cursor,
    pub store: StoreState,
    /// When the flush now running began.
    pub flushing: Option<Instant>,
    /// A flush that takes longer than this hangs.
    pub flush_patience: Duration,
    pub verified_up_to: u64,
    pub damage: Vec<Damage>,
    pub repaired: u64,
    /// Why the journal takes nothing more.
    pub stopped: Option<String>,
    /// The ledger is being closed.
    pub closing: bool,
    /// Threads that have not ended.
    pub running: u32,
}

impl State {
    /// How the store is.
    pub(super) fn store_state(&self) -> StoreState {
        match self.flushing {
            Some(since) if since.elapsed() >= self.flush_patience => StoreState::Hung,
            _ => self.store.clone(),
        }
    }
}

pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    last: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(state: State) -> Self {
        let last = watch::Sender::new(state.end.next_seq - 1);
        Self { state: Mutex::new(state), changed: Condvar::new(), last }
    }

    /// The state. A panic of another thread leaves it whole: it is only ever changed by single assignments.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Changes the state and wakes whoever waits for it.
    pub(super) fn update<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        result
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    pub(super) fn synced(&self, end: Cursor) {
        self.update(|s| {
            s.end = end;
            s.syncs += 1;
        });
        self.last.send_replace(end.next_seq - 1);
    }

    pub(super) fn segment_started(&self, first_seq: u64) {
        self.update(|s| {
            s.segments.retain(|f| *f < first_seq);
            s.segments.push(first_seq);
        });
    }

    /// Waits until something may have changed, at most `patience`.
    pub(super) fn wait<'a>(&self, guard: MutexGuard<'a, State>, patience: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(guard, patience).unwrap_or_else(std::sync::PoisonError::into_inner).0
    }

    /// Waits until the store holds everything that was synced when this was called. A store that does not follow is not waited for.
    pub(super) fn wait_for_store(&self) {
        let deadline = Instant::now() + READ_PATIENCE;
        let mut state = self.lock();
        let wanted = state.end.next_seq;
        while state.applied.next_seq < wanted
            && state.store_state() == StoreState::Following
            && Instant::now() < deadline
        {
            state = self.wait(state, Duration::from_millis(100));
        }
    }
}
