//! The one thread that appends.
//!
//! Appends that wait at the same time are written together and share one fdatasync (group commit). A failed *write* is undone: the
//! segment is cut back to its last acknowledged frame, nobody is told that anything was recorded, and the next append tries again. After a failed
//! *sync* nobody can know what is on disk (Linux marks the pages clean; Rebello et al., "Can applications recover from fsync failures?",
//! USENIX ATC 2020), so the writer takes nothing further until the ledger is opened, and verified, again.

use super::super::disk::{require_free, write_error};
use super::super::shared::Shared;
use super::super::{Act, Entry, LedgerError};
use super::walk::Cursor;
use super::{cut_tail, frame, segment};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

/// Appends that may wait; further ones block their caller.
pub(in super::super) const QUEUE: usize = 256;
/// A group commit is at most this large.
const GROUP_BYTES: usize = 4 << 20;

/// One append on its way.
pub(in super::super) struct Request {
    pub act: Act,
    pub reply: SyncSender<Result<Entry, LedgerError>>,
}

/// Makes the entry of an act: everything but the sequence number comes from here.
pub(in super::super) type Stamp = Box<dyn FnMut(u64, Act) -> Entry + Send>;

/// Makes what was written to a segment last. Tests put one that fails in its place.
pub(in super::super) type Sync = fn(&File) -> std::io::Result<()>;

/// The appending end of the journal.
pub(in super::super) struct Writer {
    pub dir: PathBuf,
    pub min_free_bytes: u64,
    /// A segment that reached this size is closed.
    pub segment_bytes: u64,
    pub stamp: Stamp,
    pub sync: Sync,
    pub shared: Arc<Shared>,
    /// The segment in use; none yet when it must be made first.
    pub active: Option<File>,
    /// Behind the last whole frame.
    pub end: Cursor,
    /// Tails that are to be moved aside first: segment and offset, the last segment last.
    pub cut: Vec<(u64, u64)>,
    /// Where they went.
    pub moved: Vec<PathBuf>,
    /// Why nothing is taken any more.
    pub stopped: Option<String>,
}

/// An entry ready to be written, and who waits for it.
struct Prepared {
    entry: Entry,
    reply: SyncSender<Result<Entry, LedgerError>>,
}

impl Writer {
    /// Serves until every sender is gone.
    pub(in super::super) fn run(mut self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut bytes = Vec::new();
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(request) = next.take() {
                self.prepare(request, &mut bytes, &mut group);
                if group.len() < QUEUE && bytes.len() < GROUP_BYTES {
                    next = requests.try_recv().ok();
                }
            }
            self.commit(&bytes, group);
        }
    }

    fn prepare(&mut self, request: Request, bytes: &mut Vec<u8>, group: &mut Vec<Prepared>) {
        let seq = self.end.next_seq + group.len() as u64;
        let entry = (self.stamp)(seq, request.act);
        match frame::canonical(&entry) {
            Ok((payload, entry)) => {
                frame::encode(&payload, bytes);
                group.push(Prepared { entry, reply: request.reply });
            }
            Err(e) => answer(&request.reply, Err(e)),
        }
    }

    fn commit(&mut self, bytes: &[u8], group: Vec<Prepared>) {
        if group.is_empty() {
            return;
        }
        if let Err(e) = self.write(bytes) {
            let mut again = Some(e);
            for waiting in group {
                // One failure, many callers: the first gets the error itself, the others its like.
                let e = again.take().expect("put back below");
                again = Some(alike(&e));
                answer(&waiting.reply, Err(e));
            }
            return;
        }
        self.end.offset += bytes.len() as u64;
        self.end.next_seq += group.len() as u64;
        self.shared.synced(self.end);
        for waiting in group {
            answer(&waiting.reply, Ok(waiting.entry));
        }
    }

    /// Writes and syncs, or leaves the journal as it was.
    fn write(&mut self, bytes: &[u8]) -> Result<(), LedgerError> {
        if let Some(reason) = &self.stopped {
            return Err(LedgerError::Stopped { reason: reason.clone() });
        }
        require_free(&self.dir, self.min_free_bytes, bytes.len() as u64)?;
        self.make_ready()?;
        let path = segment::path(&self.dir, self.end.segment);
        let file = self.active.as_ref().expect("made ready above");
        if let Err(e) = file.write_all_at(bytes, self.end.offset) {
            if let Err(undo) = file.set_len(self.end.offset) {
                self.stop(format!("a failed write could not be undone: {undo}"));
            }
            return Err(write_error("writing the journal", &path, bytes.len() as u64, e));
        }
        if let Err(e) = (self.sync)(file) {
            // What was written is unknown; what was acknowledged lies before it.
            let undone = file.set_len(self.end.offset).is_ok();
            self.stop(format!("syncing the journal failed: {e} (undone: {undone})"));
            return Err(write_error("syncing the journal", &path, bytes.len() as u64, e));
        }
        Ok(())
    }

    /// Moves a bad tail aside and starts a segment where one is needed. Does nothing otherwise.
    pub(in super::super) fn make_ready(&mut self) -> Result<(), LedgerError> {
        // From the end forwards: cut short by a crash, this leaves a bad tail again, never a hole.
        while let Some(&(first_seq, offset)) = self.cut.last() {
            let aside = cut_tail(&self.dir, first_seq, offset)?;
            tracing::warn!(file = %aside.display(), "moved a tail that was not whole aside");
            self.cut.pop();
            self.moved.push(aside);
        }
        if self.active.is_none() || self.end.offset >= self.segment_bytes {
            // The closed segment is synced up to its last frame: every group was.
            self.active = Some(segment::create(&self.dir, self.end.next_seq)?);
            self.end = Cursor { segment: self.end.next_seq, offset: segment::HEADER, ..self.end };
            self.shared.segment_started(self.end.segment);
        }
        Ok(())
    }

    fn stop(&mut self, reason: String) {
        tracing::error!(reason, "the journal takes no further entries");
        self.shared.update(|s| s.stopped = Some(reason.clone()));
        self.stopped = Some(reason);
    }
}

/// The caller may have gone; the entry is recorded all the same.
fn answer(reply: &SyncSender<Result<Entry, LedgerError>>, result: Result<Entry, LedgerError>) {
    let _ = reply.send(result);
}

/// The same error again, for another caller of the same group.
fn alike(e: &LedgerError) -> LedgerError {
    match e {
        LedgerError::DiskFull { free, needed, path } => {
            LedgerError::DiskFull { free: *free, needed: *needed, path: path.clone() }
        }
        LedgerError::Io { what, source, path } => {
            LedgerError::Io { what, source: std::io::Error::new(source.kind(), source.to_string()), path: path.clone() }
        }
        other => LedgerError::Stopped { reason: other.to_string() },
    }
}
