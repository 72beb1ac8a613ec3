//! Acts recorded for good: journal (the truth), blobs (photos), store (sled: what everything reads).
//!
//! ```text
//! append -> [queue] -> journal thread: write, fdatasync (one for all that wait) -> acknowledged
//!                                        \-> follower thread: sled -> inspections(), since(), recipes(), measured()
//! ```
//!
//! An act is *acknowledged* when its blobs and its journal entry are synced: the caller puts the blobs first, then appends the act that
//! names them. sled follows, and is rebuilt from the journal whenever the two disagree. A read waits (at most 2 s) until sled holds
//! what was acknowledged before it; when sled hangs or waits for space, reads answer from what it has and [`Health`] says so.
//!
//! Honest scope: a journal proves nothing against somebody who can write the folder; that is what signed checkpoints and witnesses are
//! for. An acknowledged *last* entry that is damaged later looks like a torn write unless the store still knows it (see [`Cut`]).

mod blobs;
mod calibrations;
mod disk;
pub mod entry;
mod error;
mod follower;
mod health;
mod journal;
mod lost;
mod opening;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub use calibrations::{Calibration, Calibrations, CameraState, Cause, Doubt, Verification};
pub use entry::{Act, CalibratedTo, Entry, Mode, Software};
pub use error::LedgerError;
pub use health::{Cut, Damage, Health, LostEntry, OpenReport, StoreState};
pub use store::{Measured, Page, Query, RecipeState, RecipeStatus};

use follower::{Context, lost_entry};
use inspector::photo::Sha256;
use journal::writer::{Request, Stamp};
use journal::{frame, segment};
use opening::Outside;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::row::{Kind, Row};
use ulid::Ulid;

/// An entry's canonical JSON has at most so many bytes: C2SP tlog-tiles prefix entries with 16 bits.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// How a ledger is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Which station writes.
    pub station: String,
    /// Whether its parts are real.
    pub mode: Mode,
    /// Nothing is recorded when fewer bytes than this would stay free.
    pub min_free_bytes: u64,
    /// A journal segment that reached this size is closed and the next one begun.
    pub segment_bytes: u64,
}

impl Default for LedgerOptions {
    /// Station `station`, production, 500 MB, segments of 64 MiB.
    fn default() -> Self {
        Self { station: "station".into(), mode: Mode::Production, min_free_bytes: 500_000_000, segment_bytes: 64 << 20 }
    }
}

/// An open ledger. Cloning gives another handle to the same one; it closes when the last handle is dropped.
///
/// The last entry's final byte is lost; the store, which had seen it acknowledged, says which entry it was, and its number is not used again:
///
/// ```
/// use station::ledger::{Act, Ledger, LedgerOptions};
/// let dir = tempfile::tempdir()?;
/// let options = LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() };
/// let (ledger, _) = Ledger::open(dir.path(), options.clone())?;
/// assert_eq!(ledger.append(Act::Started)?.seq, 1);
/// assert_eq!(ledger.append(Act::Started)?.seq, 2);
/// drop(ledger);
///
/// let segment = dir.path().join("journal/00000000000000000001.seg");
/// let bytes = std::fs::read(&segment)?;
/// std::fs::write(&segment, &bytes[..bytes.len() - 1])?;
///
/// let (ledger, report) = Ledger::open(dir.path(), options)?;
/// assert_eq!(report.cut.expect("a tail that is not whole").lost[0].seq, 2);
/// assert_eq!(ledger.append(Act::Started)?.seq, 3);
/// assert_eq!(ledger.since(0, 10)?.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("dir", &self.0.dir).field("options", &self.0.options).finish_non_exhaustive()
    }
}

struct Inner {
    /// `None` only while closing.
    requests: Option<SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
    context: Option<Context>,
    blobs: blobs::Blobs,
    options: LedgerOptions,
    dir: PathBuf,
    lock: Option<File>,
}

impl Ledger {
    /// Opens the ledger in a folder, making it when it is not there.
    ///
    /// Verified before this returns: the journal from the store's checkpoint on, and the newest 20,000 rows of the store (of a smaller ledger,
    /// all of it). The rest follows in the background: [`Health::verified_up_to`].
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when another process has it open; [`LedgerError::NewerFormat`]; [`LedgerError::DiskFull`] when
    /// there is not even room for sled to open (4 MiB, after giving up the ballast of 8 MiB that was kept for this); [`LedgerError::Clock`]; [`LedgerError::Io`]. Damage is not an error: it is in the report.
    pub fn open(dir: &Path, options: LedgerOptions) -> Result<(Self, OpenReport), LedgerError> {
        let outside = outside(&options);
        opening::open(dir, options, outside)
    }

    /// As [`open`](Self::open), of a folder that holds one: for what only reads, where a new one would be a slip of the name.
    ///
    /// # Errors
    /// [`LedgerError::NoLedger`]; those of [`open`](Self::open).
    pub fn open_existing(dir: &Path, options: LedgerOptions) -> Result<(Self, OpenReport), LedgerError> {
        if Self::is_in(dir) { Self::open(dir, options) } else { Err(LedgerError::NoLedger(dir.to_owned())) }
    }

    /// Whether a folder holds a ledger.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(opening::JOURNAL).is_dir()
    }

    /// Refuses a ledger whose first entry has another mode: rendered parts never get between real ones, nor the other way round.
    ///
    /// # Errors
    /// [`LedgerError::OtherMode`]; [`LedgerError::Store`], [`LedgerError::Io`].
    pub fn require_mode(&self, mode: Mode) -> Result<(), LedgerError> {
        match self.since(0, 1)?.first() {
            Some(first) if first.mode != mode => {
                Err(LedgerError::OtherMode { found: first.mode, expected: mode, path: self.0.dir.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Has the store built again from the journal when the ledger in `dir` is next opened.
    ///
    /// # Errors
    /// [`LedgerError::Io`] when the folder cannot be written.
    pub fn ask_for_rebuild(dir: &Path) -> Result<(), LedgerError> {
        let mark = opening::rebuild_mark(dir);
        File::create(&mark).map(drop).map_err(LedgerError::io("marking the store", &mark))
    }

    fn context(&self) -> &Context {
        self.0.context.as_ref().expect("present until closed")
    }

    /// Keeps bytes for good and gives their digest, which is how they are found again. Synced when this returns; putting the same bytes
    /// again writes nothing. Cost: two syncs.
    ///
    /// # Errors
    /// [`LedgerError::DiskFull`], [`LedgerError::Io`].
    pub fn put_blob(&self, bytes: &[u8]) -> Result<Sha256, LedgerError> {
        self.0.blobs.put(bytes)
    }

    /// The bytes of a digest, `None` when they were never put.
    ///
    /// # Errors
    /// [`LedgerError::BlobDamaged`] when the bytes there are not those that were put; [`LedgerError::Io`].
    pub fn blob(&self, sha: &Sha256) -> Result<Option<Vec<u8>>, LedgerError> {
        self.0.blobs.get(sha)
    }

    /// Records an act. Blocks until it is synced, and gives the entry exactly as it will be read. Calls that wait at the same time
    /// share one sync.
    ///
    /// # Errors
    /// [`LedgerError::DiskFull`], [`LedgerError::TooLarge`], [`LedgerError::NotRecordable`], [`LedgerError::Io`]: nothing was
    /// recorded, and a later call may succeed. [`LedgerError::Stopped`]: none will, before the ledger is opened again.
    pub fn append(&self, act: Act) -> Result<Entry, LedgerError> {
        let stopped = |_| LedgerError::Stopped { reason: "its thread has ended".into() };
        let (reply, answer) = sync_channel(1);
        let requests = self.0.requests.as_ref().expect("present until closed");
        requests.send(Request { act, reply }).map_err(|e| stopped(e.to_string()))?;
        answer.recv().map_err(|e| stopped(e.to_string()))?
    }

    /// One entry, `None` when there is none with this number.
    ///
    /// # Errors
    /// [`LedgerError::Damaged`] when it was recorded and cannot be read any more; [`LedgerError::Unknown`] when a newer program wrote it.
    pub fn entry(&self, seq: u64) -> Result<Option<Entry>, LedgerError> {
        self.context().shared.wait_for_store();
        match self.context().store.row(seq)? {
            Some(row) => self.reader().entry(seq, &row).map(Some),
            None if self.is_lost(seq) => Err(LedgerError::Damaged {
                seq,
                part: None,
                serial: None,
                reason: "it is missing from the journal",
                path: self.context().journal.clone(),
            }),
            None => Ok(None),
        }
    }

    /// Inspections that match, newest first.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Io`], [`LedgerError::Unknown`]. Damaged entries are listed in the page.
    pub fn inspections(&self, query: &Query) -> Result<Page, LedgerError> {
        self.context().shared.wait_for_store();
        let size = query.page_size();
        let mut found = self.context().store.find(query, size + 1)?;
        let more = found.len() > size;
        found.truncate(size);
        let mut page = Page { next_before_seq: found.last().filter(|_| more).map(|(seq, _)| *seq), ..Page::default() };
        let mut reader = self.reader();
        for (seq, row) in &found {
            match reader.entry(*seq, row) {
                Ok(entry) => page.entries.push(entry),
                Err(LedgerError::Damaged { .. }) => page.damaged.push(lost_entry(*seq, Some(row))),
                Err(e) => return Err(e),
            }
        }
        Ok(page)
    }

    /// Entries with a greater sequence number, oldest first, at most `limit` (1 to 1,000). Damaged ones and those of a newer
    /// program are left out: sequence numbers then jump, and [`Health::damage`] says why.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Io`].
    pub fn since(&self, seq: u64, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        self.context().shared.wait_for_store();
        let mut reader = self.reader();
        let mut entries = Vec::new();
        for pair in self.context().store.rows_from(seq.saturating_add(1)) {
            let (seq, row) = pair?;
            match reader.entry(seq, &row) {
                Ok(entry) => entries.push(entry),
                Err(LedgerError::Damaged { .. } | LedgerError::Unknown { .. }) => {}
                Err(e) => return Err(e),
            }
            if entries.len() >= limit.clamp(1, 1000) {
                break;
            }
        }
        Ok(entries)
    }

    /// The first inspection that came with this `Idempotency-Key`.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn by_idempotency_key(&self, key: &str) -> Result<Option<Entry>, LedgerError> {
        for seq in self.context().store_up_to_date().with_idempotency_key(key)? {
            let entry = self.entry(seq)?;
            let same = |e: &Entry| matches!(&e.act, Act::Inspection { idempotency_key: Some(k), .. } if k == key);
            if entry.as_ref().is_some_and(same) {
                return Ok(entry);
            }
        }
        Ok(None)
    }

    /// Recipes ever installed and their present state, in the order of their first installation. The acts in the journal decide;
    /// damaged ones are left out, so that a lost approval leaves a draft, never the other way round.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Io`].
    pub fn recipes(&self) -> Result<Vec<RecipeState>, LedgerError> {
        let mut recipes = Vec::new();
        for (_, entry) in self.acts(Kind::Recipe)? {
            entry.iter().for_each(|entry| fold_recipe(&mut recipes, entry));
        }
        Ok(recipes)
    }

    /// First and last numbers of entries of which nobody knows what they were, ascending.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn lost(&self) -> Result<Vec<(u64, u64)>, LedgerError> {
        self.context().store_up_to_date().lost()
    }

    /// Acts on recipes that cannot be read any more, ascending.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Io`].
    pub fn unreadable_recipe_acts(&self) -> Result<Vec<u64>, LedgerError> {
        let unreadable = self.acts(Kind::Recipe)?.into_iter().filter(|(_, entry)| entry.is_none());
        Ok(unreadable.map(|(seq, _)| seq).collect())
    }

    /// The acts of a kind with their numbers, ascending; `None` for those that cannot be read any more.
    fn acts(&self, kind: Kind) -> Result<Vec<(u64, Option<Entry>)>, LedgerError> {
        let store = self.context().store_up_to_date();
        let mut reader = self.reader();
        let mut acts = Vec::new();
        for seq in store.acts(kind)? {
            let Some(row) = store.row(seq)? else { continue };
            match reader.entry(seq, &row) {
                Ok(entry) => acts.push((seq, Some(entry))),
                Err(LedgerError::Damaged { .. } | LedgerError::Unknown { .. }) => acts.push((seq, None)),
                Err(e) => return Err(e),
            }
        }
        Ok(acts)
    }

    /// Values of one check of one recipe, newest first, from sequence numbers smaller than `before_seq` (`None`: all), at most `limit`.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn measured(
        &self,
        recipe: &Sha256,
        check: &str,
        before_seq: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Measured>, LedgerError> {
        self.context().store_up_to_date().measured(recipe, check, before_seq.unwrap_or(u64::MAX), limit)
    }

    /// Tells the last synced sequence number whenever it changes.
    pub fn subscribe(&self) -> tokio::sync::watch::Receiver<u64> {
        self.context().shared.subscribe()
    }

    /// How the ledger is now. Cost: one statvfs.
    pub fn health(&self) -> Health {
        let free = disk::free_bytes(&self.0.dir);
        let state = self.context().shared.lock();
        let needed = self.0.options.min_free_bytes;
        let refusing = match (&state.stopped, &free) {
            (Some(reason), _) => Some(reason.clone()),
            (None, Err(e)) => Some(e.to_string()),
            (None, Ok(free)) if *free < needed => {
                let mb = |bytes: u64| bytes.div_ceil(1_000_000);
                Some(format!("the disk is full: {} MB needed, {} MB free", mb(needed), free / 1_000_000))
            }
            (None, Ok(_)) => None,
        };
        let last_seq = state.end.next_seq - 1;
        Health {
            free_bytes: free.unwrap_or(0),
            refusing,
            last_seq,
            verified_up_to: state.verified_up_to.min(last_seq),
            stored_up_to: state.applied.next_seq - 1,
            store: state.store_state(),
            damage: state.damage.clone(),
            repaired_rows: state.repaired,
            syncs: state.syncs,
        }
    }

    fn is_lost(&self, seq: u64) -> bool {
        let within = |d: &Damage| d.first_seq.is_some_and(|f| f <= seq) && d.last_seq.is_some_and(|l| seq <= l);
        self.context().shared.lock().damage.iter().any(within)
    }

    fn reader(&self) -> Reader<'_> {
        Reader { journal: &self.context().journal, open: None }
    }
}

impl Context {
    fn store_up_to_date(&self) -> &store::Store {
        self.shared.wait_for_store();
        &self.store
    }
}

/// Reads entries; neighbours lie in the same segment, which stays open meanwhile.
struct Reader<'a> {
    journal: &'a Path,
    open: Option<(u64, File)>,
}

impl Reader<'_> {
    fn entry(&mut self, seq: u64, row: &Row) -> Result<Entry, LedgerError> {
        let path = segment::path(self.journal, row.position.segment);
        let damaged = |reason| {
            let lost = lost_entry(seq, Some(row));
            LedgerError::Damaged { seq, part: lost.part, serial: lost.serial, reason, path: path.clone() }
        };
        let file = match self.open.take() {
            Some((segment, file)) if segment == row.position.segment => file,
            _ => File::open(&path).map_err(|_| damaged("its segment cannot be opened"))?,
        };
        let payload = frame::read(&file, &row.position, seq).map_err(damaged);
        self.open = Some((row.position.segment, file));
        frame::entry(&payload?)
    }
}

/// A flush of sled that takes longer than this hangs (measured: after a full disk it can hang for ever).
const FLUSH_PATIENCE: Duration = Duration::from_secs(20);

fn outside(options: &LedgerOptions) -> Outside {
    Outside {
        stamp: stamp(options),
        sync_journal: File::sync_data,
        sync_blob: File::sync_all,
        flush_store: store::Store::flush,
        flush_patience: FLUSH_PATIENCE,
    }
}

/// Everything of an entry that is not the act.
fn stamp(options: &LedgerOptions) -> Stamp {
    let (station, mode) = (options.station.clone(), options.mode);
    let boot = Ulid::generate().to_string();
    let started = Instant::now();
    let mut ulids = ulid::Generator::new();
    Box::new(move |seq, act| Entry {
        schema: entry::SCHEMA,
        seq,
        ulid: ulids.generate().unwrap_or_else(|overflow| overflow.commit_overflow_increment()).to_string(),
        station: station.clone(),
        boot: boot.clone(),
        monotonic_ns: u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),
        wall: jiff::Timestamp::now().to_string(),
        software: Software { name: "assay".into(), version: env!("CARGO_PKG_VERSION").into() },
        model_runtime: None,
        models: Vec::new(),
        mode,
        act,
    })
}

fn fold_recipe(recipes: &mut Vec<RecipeState>, entry: &Entry) {
    match &entry.act {
        Act::RecipeInstalled { recipe, part, revision, name, files } => {
            match recipes.iter_mut().find(|r| r.recipe == *recipe) {
                // The same contents again: an approval is of the contents, and stays.
                Some(known) => known.name.clone_from(name),
                None => recipes.push(RecipeState {
                    name: name.clone(),
                    recipe: *recipe,
                    part: part.clone(),
                    revision: revision.clone(),
                    status: RecipeStatus::Draft,
                    files: files.clone(),
                    since_seq: entry.seq,
                    since_wall: entry.wall.clone(),
                    by: None,
                }),
            }
        }
        Act::RecipeApproved { recipe, by } => {
            let name = recipes.iter().find(|r| r.recipe == *recipe).map(|r| r.name.clone());
            // One name, one recipe in use: an older content that comes back into the folder does not judge unseen.
            let older = |r: &&mut RecipeState| {
                r.status == RecipeStatus::Approved && Some(&r.name) == name.as_ref() && r.recipe != *recipe
            };
            recipes.iter_mut().filter(older).for_each(|r| set_status(r, RecipeStatus::Superseded, by, entry));
            let approved = recipes.iter_mut().find(|r| r.recipe == *recipe);
            approved.into_iter().for_each(|r| set_status(r, RecipeStatus::Approved, by, entry));
        }
        Act::RecipeRetired { recipe, by } => {
            let retired = recipes.iter_mut().find(|r| r.recipe == *recipe);
            retired.into_iter().for_each(|r| set_status(r, RecipeStatus::Retired, by, entry));
        }
        _ => {}
    }
}

fn set_status(recipe: &mut RecipeState, status: RecipeStatus, by: &str, entry: &Entry) {
    (recipe.status, recipe.by) = (status, Some(by.to_owned()));
    (recipe.since_seq, recipe.since_wall) = (entry.seq, entry.wall.clone());
}

impl Drop for Inner {
    /// Ends the threads, the journal's first. A flush of sled that hangs is left behind, and the lock with it: only the end
    /// of the process can free that store.
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(writer) = self.writer.take() {
            // A panic there was answered with Stopped.
            let _ = writer.join();
        }
        let Some(context) = self.context.take() else { return };
        context.shared.update(|s| s.closing = true);
        let mut state = context.shared.lock();
        let deadline = Instant::now() + state.flush_patience;
        while state.running > 0 && Instant::now() < deadline {
            state = context.shared.wait(state, Duration::from_millis(100));
        }
        // After an error of sled, closing it flushes again, and that may be the flush that never comes back.
        let hangs = state.running > 0 || matches!(state.store, StoreState::Failed(_));
        drop(state);
        if hangs {
            std::mem::forget(context);
            std::mem::forget(self.lock.take());
        }
    }
}
