//! Opening a ledger: lock, journal, store, tail.

use super::blobs::Blobs;
use super::disk::{self, create_dir, free_bytes, require_free, sync_dir};
use super::follower::{Context, Flush, STORE_RESERVE, catch_up, damage, known_entries};
use super::health::{Cut, Damage, LostEntry, OpenReport, StoreState};
use super::journal::walk::{Cursor, Ended, Gap};
use super::journal::writer::{QUEUE, Stamp, Sync, Writer};
use super::journal::{Position, frame, segment};
use super::shared::{Shared, State};
use super::store::{CHUNK, Store};
use super::verify::{CHUNKS_AT_OPEN, Rest};
use super::{Inner, Ledger, LedgerError, LedgerOptions, lost};
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

/// Rows that are tried when the checkpoint's frame is not in the journal.
const ANCHORS: usize = 4096;
/// Folder of the journal in that of the ledger.
pub(super) const JOURNAL: &str = "journal";

/// A store that agrees with the journal up to a frame.
struct Anchored {
    store: Store,
    /// The newest frame that both hold.
    anchor: Option<(u64, Position)>,
    /// The checkpoint was another one: the journal's end is not what the store saw.
    stepped_back: bool,
    /// Why it was made new.
    rebuilt: Option<String>,
    /// Highest sequence number that any store knew of, and the newest entries it knew.
    known: (u64, Vec<LostEntry>),
}

/// What reaches outside the program. Tests of failures put their own in its place.
pub(super) struct Outside {
    pub stamp: Stamp,
    pub sync_journal: Sync,
    pub sync_blob: Sync,
    pub flush_store: Flush,
    /// A flush of the store that takes longer hangs.
    pub flush_patience: Duration,
}

pub(super) fn open(dir: &Path, options: LedgerOptions, outside: Outside) -> Result<(Ledger, OpenReport), LedgerError> {
    clock_is_set(SystemTime::now())?;
    create_dir(dir)?;
    let lock = disk::lock(dir)?;
    disk::ballast(dir, options.min_free_bytes, STORE_RESERVE)?;
    let journal = dir.join(JOURNAL);
    create_dir(&journal)?;
    let blobs = Blobs::open(dir.join("blobs"), options.min_free_bytes, outside.sync_blob)?;
    let segments = segment::list(&journal)?;

    let anchored = open_store(dir, &journal, &segments)?;
    let from = anchored.anchor.map_or(Cursor::START, |(seq, position)| Cursor::after(seq, &position));
    let (ended, gaps) = apply_tail(&journal, &segments, from, &anchored)?;
    let Anchored { store, rebuilt, known, .. } = anchored;

    // Numbers once acknowledged are never given out again, even when the journal lost their entries.
    let journal_next = ended.cursor.next_seq;
    store.remember(known.0)?;
    lost::keep_what_was_known(dir, &store)?;
    let known_last = store.tip().highest;
    let end = Cursor { next_seq: journal_next.max(known_last + 1), ..ended.cursor };
    let lost = if journal_next <= known_last {
        let mut lost = known_entries(&store, journal_next, known_last);
        if lost.is_empty() {
            lost = known.1.into_iter().filter(|l| l.seq >= journal_next).collect();
        }
        lost
    } else {
        Vec::new()
    };
    let cuts = tails(&journal, &segments, &ended)?;
    let mut found: Vec<Damage> = gaps.iter().map(|gap| damage(gap, &store)).collect();
    let mut report = OpenReport {
        last_seq: end.next_seq - 1,
        verified: journal_next.saturating_sub(from.next_seq),
        rebuilt: rebuilt.filter(|_| journal_next > 1),
        ..OpenReport::default()
    };
    if let Some((segment, offset, bytes)) = ended.bad_tail {
        let bytes = cuts
            .iter()
            .try_fold(0, |sum, cut| Ok::<_, LedgerError>(sum + bytes_behind(&journal, *cut)?))
            .unwrap_or(bytes);
        let segment = segment::path(Path::new(""), segment).display().to_string();
        report.cut = Some(Cut { segment, offset, bytes, moved_to: Vec::new(), lost });
    } else if journal_next <= known_last {
        let gap = Gap {
            segment: ended.cursor.segment,
            offset: ended.cursor.offset,
            bytes: 0,
            first_seq: journal_next,
            last_seq: known_last,
        };
        found.push(Damage { lost, ..damage(&gap, &store) });
    }
    report.damage = found.clone();

    let shared = Arc::new(Shared::new(State {
        end,
        segments: segments.iter().copied().filter(|s| !cuts.contains(&(*s, 0))).collect(),
        syncs: 0,
        applied: end,
        store: StoreState::Following,
        flushing: None,
        flush_patience: outside.flush_patience,
        verified_up_to: if from == Cursor::START { u64::MAX } else { 0 },
        damage: found,
        repaired: 0,
        stopped: None,
        closing: false,
        running: 0,
    }));
    let mut writer = Writer {
        active: active_segment(&journal, &ended.cursor)?,
        dir: journal.clone(),
        min_free_bytes: options.min_free_bytes,
        segment_bytes: options.segment_bytes,
        stamp: outside.stamp,
        sync: outside.sync_journal,
        shared: shared.clone(),
        end,
        cut: cuts,
        moved: Vec::new(),
        stopped: None,
    };
    // On a full disk the ledger opens for reading; the writer tries again before its first entry.
    match require_free(&journal, options.min_free_bytes, 0).and_then(|()| writer.make_ready()) {
        Ok(()) => shared.update(|s| (s.end, s.applied) = (writer.end, writer.end)),
        Err(LedgerError::DiskFull { .. }) => {}
        Err(e) => return Err(e),
    }
    if let Some(cut) = &mut report.cut {
        cut.moved_to = std::mem::take(&mut writer.moved);
    }

    let last_chunk = store.tip().last_seq / CHUNK;
    let all_checked = report.rebuilt.is_some() || last_chunk < CHUNKS_AT_OPEN;
    let rest = Rest {
        segments,
        verified_from: from,
        chunks: if all_checked { 0 } else { last_chunk + 1 - CHUNKS_AT_OPEN },
        keys: !all_checked,
        rebuild_mark: rebuild_mark(dir),
    };
    let context = Context { journal, store: Arc::new(store), shared, flush: outside.flush_store };
    let (requests, queue) = sync_channel(QUEUE);
    context.spawn("ledger-flush", Context::flush_now_and_then)?;
    context.spawn("ledger-follow", Context::follow)?;
    if from != Cursor::START {
        context.spawn("ledger-verify", move |context| rest.verify(context))?;
    }
    let thread = std::thread::Builder::new().name("ledger-journal".into());
    let thread = thread.spawn(move || writer.run(&queue)).map_err(LedgerError::io("starting a thread", dir))?;
    let inner = Inner {
        requests: Some(requests),
        writer: Some(thread),
        context: Some(context),
        blobs,
        options,
        dir: dir.to_owned(),
        lock: Some(lock),
    };
    Ok((Ledger(Arc::new(inner)), report))
}

/// sled panics on a clock before 1970, and no entry should have such a time.
pub(super) fn clock_is_set(now: SystemTime) -> Result<(), LedgerError> {
    if now < SystemTime::UNIX_EPOCH { Err(LedgerError::Clock) } else { Ok(()) }
}

pub(super) fn rebuild_mark(dir: &Path) -> PathBuf {
    dir.join("rebuild-store")
}

/// Opens the store and checks it; makes a new one when it cannot be believed.
fn open_store(dir: &Path, journal: &Path, segments: &[u64]) -> Result<Anchored, LedgerError> {
    let path = dir.join("store");
    let mark = rebuild_mark(dir);
    let mut known = (0, Vec::new());
    let reason = if !path.exists() {
        "its folder was missing".to_owned()
    } else if mark.exists() {
        // Even a store that is thrown away says which numbers were given out.
        let tip = catch_unwind(|| Store::open(&path).map(|store| *store.tip()));
        known.0 = tip.ok().and_then(Result::ok).map_or(0, |tip| tip.highest);
        "it disagreed with the journal, or this was asked for".to_owned()
    } else {
        // sled asserts its invariants on what it finds in its files.
        match catch_unwind(AssertUnwindSafe(|| try_store(&path, journal, segments, &mut known))) {
            Ok(Ok(Ok(anchored))) => return Ok(anchored),
            Ok(Ok(Err(reason))) => reason.to_owned(),
            Ok(Err(e @ (LedgerError::DiskFull { .. } | LedgerError::Locked { .. }))) => return Err(e),
            Ok(Err(e)) => e.to_string(),
            Err(_) => "sled panicked on it".to_owned(),
        }
    };
    if !segments.is_empty() {
        tracing::warn!(reason, "rebuilding the store from the journal");
    }
    let io = |what| LedgerError::io(what, &path);
    if path.exists() {
        set_aside(dir, &path)?;
    }
    let store = Store::open(&path)?;
    if mark.exists() {
        fs::remove_file(&mark).map_err(io("removing the mark"))?;
    }
    Ok(Anchored { store, anchor: None, stepped_back: false, rebuilt: Some(reason), known })
}

/// Keeps a store that is to be made again until the new one has taken over what only it knows of lost entries; where there is no room for two, it goes now.
fn set_aside(dir: &Path, store: &Path) -> Result<(), LedgerError> {
    let aside = lost::replaced(dir);
    let io = |what| LedgerError::io(what, store);
    let size: u64 = fs::read_dir(store)
        .map_err(io("reading the store"))?
        .flatten()
        .filter_map(|file| file.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    // One that is there already was being replaced when the program ended: it knows more.
    if aside.exists() || free_bytes(dir)? < size.saturating_add(2 * STORE_RESERVE) {
        tracing::warn!("the store before is not kept while it is built again: the disk has no room for both");
        return fs::remove_dir_all(store).map_err(io("removing the store"));
    }
    fs::rename(store, &aside).map_err(io("setting the store aside"))
}

/// The store as it is, or why it cannot be believed.
fn try_store(
    path: &Path,
    journal: &Path,
    segments: &[u64],
    known: &mut (u64, Vec<LostEntry>),
) -> Result<Result<Anchored, &'static str>, LedgerError> {
    let store = Store::open(path)?;
    let tip = *store.tip();
    *known = (tip.highest, known_entries(&store, tip.last_seq.saturating_sub(999), tip.last_seq));
    if tip.rows == 0 && !segments.is_empty() {
        return Ok(Err("it was empty"));
    }
    if !store.digests_are_whole()? {
        return Ok(Err("rows were missing"));
    }
    let last_chunk = tip.last_seq / CHUNK;
    for chunk in last_chunk.saturating_sub(CHUNKS_AT_OPEN - 1)..=last_chunk {
        if !store.chunk_is_whole(chunk)? {
            return Ok(Err("rows were not what was written"));
        }
    }
    if last_chunk < CHUNKS_AT_OPEN && !store.keys_are_whole(tip.last_seq, || false)? {
        return Ok(Err("indexes did not match the rows"));
    }
    if tip.rows == 0 {
        return Ok(Ok(Anchored { store, anchor: None, stepped_back: false, rebuilt: None, known: (0, Vec::new()) }));
    }
    let Some(anchor) = find_anchor(&store, journal, tip.last_seq)? else {
        return Ok(Err("its checkpoint was not in the journal"));
    };
    let stepped_back = tip.frame != Some(anchor);
    store.rewind(Some(anchor));
    Ok(Ok(Anchored { store, anchor: Some(anchor), stepped_back, rebuilt: None, known: (0, Vec::new()) }))
}

/// The newest entry that the journal holds where its row says.
fn find_anchor(store: &Store, journal: &Path, last_seq: u64) -> Result<Option<(u64, Position)>, LedgerError> {
    let applied = *store.tip();
    if let Some((seq, position)) = applied.frame
        && File::open(segment::path(journal, position.segment)).is_ok_and(|f| frame::read(&f, &position, seq).is_ok())
    {
        // Rows behind it are of lost entries.
        return Ok(Some((seq, position)));
    }
    for pair in store.rows_down_from(last_seq).take(ANCHORS) {
        let (seq, row) = pair?;
        let Ok(file) = File::open(segment::path(journal, row.position.segment)) else { continue };
        if frame::read(&file, &row.position, seq).is_ok() {
            return Ok(Some((seq, row.position)));
        }
    }
    Ok(None)
}

/// Verifies the journal behind the anchor and applies it.
fn apply_tail(
    journal: &Path,
    segments: &[u64],
    from: Cursor,
    anchored: &Anchored,
) -> Result<(Ended, Vec<Gap>), LedgerError> {
    let store = &anchored.store;
    if free_bytes(journal)? < STORE_RESERVE {
        require_free(journal, STORE_RESERVE, 0)?;
    }
    let mut gaps = Vec::new();
    let ended = catch_up(journal, segments, from, None, store, |_| ControlFlow::Continue(()), |gap| gaps.push(gap))?;
    if anchored.stepped_back {
        store.seal((from.next_seq - 1) / CHUNK)?;
    }
    Ok((ended, gaps))
}

/// What is to be cut off: segment and offset, ascending.
fn tails(journal: &Path, segments: &[u64], ended: &Ended) -> Result<Vec<(u64, u64)>, LedgerError> {
    let Some((bad, _, _)) = ended.bad_tail else { return Ok(Vec::new()) };
    let mut cuts = Vec::new();
    if bad == ended.cursor.segment {
        cuts.push((bad, ended.cursor.offset));
    }
    cuts.extend(segments.iter().filter(|s| **s > ended.cursor.segment).map(|s| (*s, 0)));
    cuts.retain(|cut| bytes_behind(journal, *cut).is_ok());
    Ok(cuts)
}

fn bytes_behind(journal: &Path, (first_seq, offset): (u64, u64)) -> Result<u64, LedgerError> {
    let path = segment::path(journal, first_seq);
    let length = fs::metadata(&path).map_err(LedgerError::io("reading the journal", &path))?.len();
    Ok(length.saturating_sub(offset))
}

/// The segment to go on in, if its header is whole. Frames that a killed process wrote and never synced are synced now: from here on they
/// are shown to people.
fn active_segment(journal: &Path, cursor: &Cursor) -> Result<Option<File>, LedgerError> {
    sync_dir(journal)?;
    if cursor.segment == 0 {
        return Ok(None);
    }
    let path = segment::path(journal, cursor.segment);
    let io = |what| LedgerError::io(what, &path);
    let file = File::options().read(true).write(true).open(&path).map_err(io("opening the journal"))?;
    file.sync_all().map_err(io("syncing the journal"))?;
    Ok(segment::header_is_whole(&file, &path, cursor.segment)?.then_some(file))
}
