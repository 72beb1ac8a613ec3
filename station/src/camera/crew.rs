//! The threads of one source, counted. A thread that a driver holds in the kernel can neither be ended nor replaced without end.

use super::SourceError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// With so many threads that do not come back a source is not opened again: a machine has only so many.
const MOST_LOST: usize = 4;

/// Threads of one source that were started and did not end yet. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Crew(Arc<AtomicUsize>);

/// Counted while it lives.
struct Member(Arc<AtomicUsize>);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crew {
    /// Starts a thread that is counted until it ends, however it ends. Nobody waits for it.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let member = Member(self.0.clone());
        let work = move || {
            let _member = member;
            work();
        };
        thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
    }

    /// Whether the source may be opened, when `at_work` threads of it still have something to do.
    ///
    /// # Errors
    /// Too many others do not come back: what to do.
    pub(super) fn may_open(&self, at_work: usize) -> Result<(), SourceError> {
        let lost = self.0.load(Ordering::Relaxed).saturating_sub(at_work);
        if lost < MOST_LOST {
            return Ok(());
        }
        Err(SourceError(format!(
            "it is not tried again, because {lost} earlier attempts hang in the system: unplug the camera (of a folder: take its disk or \
             share away); if it stays so, restart the station"
        )))
    }
}
