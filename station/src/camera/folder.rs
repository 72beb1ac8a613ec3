//! A watched folder: photos that another program writes (a scanner, a camera's software, a copying script).
//!
//! ```text
//! listed -> still for `settle`, or renamed into place -> judged and recorded (synced) -> done/
//!                       \-> no whole photo: waits for the rest, until `give_up` ---------> refused/, with the reason in a text beside it
//!                       \-> its code chooses no approved recipe -------------------------> refused/
//! ```
//!
//! A file stays where it is until its record is synced, and its digest is the record's idempotency key. So a power cut at any moment
//! loses no part and records none twice: what was recorded and not yet moved is found again, known, and only moved.
//!
//! Polled twice a second: it works on every file system, network shares included, and costs one listing of a folder that is mostly
//! empty. Hidden files, names of unfinished copies (`.part`, `.tmp`, `~`, ...), links and folders are left alone.

use super::{Order, Shift, Source, SourceError};
use crate::inspection::{Busy, DeskError, JobError, Shot};
use crate::recipes::LookupError;
use crate::record::CaptureRecord;
use inspector::photo::{DecodeLimits, Sha256};
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Time between two listings.
const POLL: Duration = Duration::from_millis(500);
/// Pause after something was wrong that is not the file's fault.
const PAUSE: Duration = Duration::from_secs(2);
/// Pause before a file that could not be moved away is moved again.
const MOVE_AGAIN: Duration = Duration::from_secs(30);
/// Files that were recorded.
const DONE: &str = "done";
/// Files that are no photos, each with a text that says why.
const REFUSED: &str = "refused";
/// Ends of names of files that are still being written, in lower case.
const UNFINISHED: [&str; 10] =
    ["~", ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp", ".writing"];
/// What file managers leave behind, in lower case.
const LITTER: [&str; 2] = ["thumbs.db", "desktop.ini"];

/// A folder that another program writes photos into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderConfig {
    /// Where the photos arrive.
    pub dir: PathBuf,
    /// A file is taken when its size and time have been the same for so long.
    pub settle: Duration,
    /// A file that is no whole photo is refused when it has not changed for so long.
    pub give_up: Duration,
}

impl FolderConfig {
    /// With the usual waiting times: 2 s, and a minute.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, settle: Duration::from_secs(2), give_up: Duration::from_secs(60) }
    }
}

/// A watched folder.
#[derive(Debug)]
pub struct Folder {
    config: FolderConfig,
    waiting: AtomicUsize,
}

/// By what a file is known to be unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Number of the file itself, whatever its name.
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { len: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// What is in the folder.
struct Listing {
    /// Photos, oldest first.
    photos: Vec<(OsString, Stamp)>,
    /// Numbers of files that are still being written.
    unfinished: HashSet<u64>,
}

/// What is known of a file in the folder.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    since: Instant,
    /// Renamed into place by whoever wrote it under another name.
    renamed: bool,
    /// Looked at as it is now, and why it was not taken.
    tried: Option<String>,
    /// Done with, but it cannot be moved away.
    stuck: Option<Stuck>,
}

/// A file that stays where it is because the last move failed.
#[derive(Debug)]
struct Stuck {
    tried: Instant,
    into: &'static str,
    why: Option<String>,
}

/// What became of a file.
enum Taken {
    /// Recorded under this number.
    Recorded(u64),
    /// Not a whole photo, so far.
    NotWhole(String),
    /// Never to be recorded, and why.
    Never(String),
    /// Something else is wrong: the same file again, later.
    Later(String),
    /// It changed or went while we looked.
    Changed,
}

impl Folder {
    /// Watches it once it works.
    pub fn new(config: FolderConfig) -> Self {
        Self { config, waiting: AtomicUsize::new(0) }
    }

    fn path(&self, name: &OsStr) -> PathBuf {
        self.config.dir.join(name)
    }

    /// Makes `done` and `refused`: a station that cannot put files away must not begin with them.
    fn prepare(&self) -> Result<(), SourceError> {
        // Asked first: a folder whose disk is not plugged in is not made anew in its place.
        drop(self.list()?);
        for name in [DONE, REFUSED] {
            let dir = self.config.dir.join(name);
            match fs::create_dir(&dir) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // A link would carry photos off to a place that somebody else chose.
                    if !fs::symlink_metadata(&dir).is_ok_and(|m| m.is_dir()) {
                        return Err(SourceError(format!(
                            "expected a folder of the station's own, found a link or a file: {}",
                            dir.display()
                        )));
                    }
                }
                Err(e) => return Err(trouble("the station must be able to make this folder", &e, &dir)),
            }
        }
        Ok(())
    }

    /// Photos in the folder, oldest first, and the numbers of files that are still being written.
    fn list(&self) -> Result<Listing, SourceError> {
        let dir = &self.config.dir;
        let unreadable =
            |e: io::Error| trouble("the watched folder cannot be read: is it there, and its disk plugged in?", &e, dir);
        let (mut photos, mut unfinished) = (Vec::new(), HashSet::new());
        for child in fs::read_dir(dir).map_err(unreadable)? {
            let child = child.map_err(unreadable)?;
            // Links are not followed: what they point at belongs to somebody else.
            let Ok(metadata) = child.metadata() else { continue };
            if !metadata.is_file() {
                continue;
            }
            let (name, stamp) = (child.file_name(), Stamp::of(&metadata));
            match sort_of(&name) {
                Sort::Photo => photos.push((name, stamp)),
                Sort::Unfinished => drop(unfinished.insert(stamp.inode)),
                Sort::Litter => {}
            }
        }
        photos.sort_by(|a, b| (a.1.modified, &a.0).cmp(&(b.1.modified, &b.0)));
        Ok(Listing { photos, unfinished })
    }

    /// Whether that name is still the file of that stamp.
    fn is_still(&self, name: &OsStr, stamp: Stamp) -> bool {
        fs::symlink_metadata(self.path(name)).is_ok_and(|m| m.is_file() && Stamp::of(&m) == stamp)
    }

    /// Reads a file, and makes sure that it was the same from beginning to end.
    fn read(&self, name: &OsStr, stamp: Stamp) -> io::Result<Option<Vec<u8>>> {
        let mut options = OpenOptions::new();
        options.read(true);
        // What was a file in the listing may be a link or a pipe by now: the one is not followed, the other not waited for.
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            use std::os::unix::fs::OpenOptionsExt as _;
            options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
        }
        let file = match options.open(self.path(name)) {
            Ok(file) => file,
            Err(_) if !self.is_still(name, stamp) => return Ok(None),
            Err(e) => return Err(e),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() || Stamp::of(&metadata) != stamp {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        // One byte more tells that it grew.
        file.take(stamp.len + 1).read_to_end(&mut bytes)?;
        Ok((self.is_still(name, stamp) && bytes.len() as u64 == stamp.len).then_some(bytes))
    }

    fn take(&self, shift: &Shift, name: &OsStr, stamp: Stamp) -> Taken {
        let most = DecodeLimits::default().max_file_bytes;
        if stamp.len == 0 {
            return Taken::NotWhole("the file is empty".to_owned());
        }
        if stamp.len > most {
            return Taken::Never(format!("the file is too large: expected at most {most} bytes, found {}", stamp.len));
        }
        let bytes = match self.read(name, stamp) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Taken::Changed,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Taken::Changed,
            Err(e) => return Taken::Later(trouble("the file cannot be read", &e, &self.path(name)).0),
        };
        let digest = Sha256::of(&bytes);
        let Order { recipe, serial, lot } = shift.order();
        let by_code = recipe.is_none();
        let shot = Shot {
            photo: bytes.into(),
            image: name.to_string_lossy().into_owned(),
            recipe,
            serial,
            lot,
            order: None,
            capture: Some(CaptureRecord {
                source: shift.name().to_owned(),
                trigger: "file".to_owned(),
                exposed_after_trigger_ms: None,
                sequence: None,
            }),
        };
        // The digest alone: the same photo under another name, or for another recipe after a restart, is the same part.
        match shift.hand_in(shot, format!("file:{}", digest.hex()), digest) {
            Ok(entry) => Taken::Recorded(entry.seq),
            Err(DeskError::Job(JobError::Photo(e))) => Taken::NotWhole(e.to_string()),
            Err(DeskError::Job(e @ (JobError::Panicked { .. } | JobError::Picture { .. }))) => {
                Taken::Never(e.to_string())
            }
            // Its code chooses no recipe, or none that can judge: the same file says the same again.
            Err(e @ (DeskError::KeyReused | DeskError::Code(_))) => Taken::Never(e.to_string()),
            Err(DeskError::Recipe(e)) if by_code && !matches!(e, LookupError::Ledger(_)) => Taken::Never(e.to_string()),
            Err(e) => Taken::Later(e.to_string()),
        }
    }

    /// Moves a file out of the way. What is there already is never written over. False: another file has its name by now, and stays.
    fn put_away(&self, name: &OsStr, stamp: Stamp, into: &str, why: Option<&str>) -> Result<bool, SourceError> {
        if !self.is_still(name, stamp) {
            return Ok(false);
        }
        let (from, dir) = (self.path(name), self.config.dir.join(into));
        let to = free_name(&dir, name, why.is_some());
        let text = text_beside(&to);
        if let Some(why) = why {
            let written = OpenOptions::new().write(true).create_new(true).open(&text);
            written
                .and_then(|mut file| file.write_all(format!("{why}\n").as_bytes()))
                .map_err(|e| trouble("the reason cannot be written", &e, &text))?;
        }
        fs::rename(&from, &to).map(|()| true).map_err(|e| {
            if why.is_some() {
                // The next attempt writes it again.
                let _ = fs::remove_file(&text);
            }
            trouble(&format!("the file cannot be moved to {into}"), &e, &from)
        })
    }

    /// Looks at every file once. False: something is wrong that the next file would meet too.
    fn round(
        &self,
        shift: &Shift,
        known: &mut HashMap<OsString, Seen>,
        unfinished: &mut HashSet<u64>,
    ) -> Result<bool, SourceError> {
        let Listing { photos, unfinished: writing } = self.list()?;
        let before = std::mem::replace(unfinished, writing);
        let names: HashSet<&OsString> = photos.iter().map(|(name, _)| name).collect();
        known.retain(|name, _| names.contains(name));
        self.waiting.store(photos.len(), Ordering::Relaxed);
        for (name, stamp) in &photos {
            let now = Instant::now();
            let new = || Seen {
                stamp: *stamp,
                since: now,
                // Elsewhere files have no number to know them by.
                renamed: cfg!(unix) && before.contains(&stamp.inode),
                tried: None,
                stuck: None,
            };
            let seen = known.entry(name.clone()).or_insert_with(new);
            if seen.stamp != *stamp {
                *seen = Seen { renamed: false, ..new() };
            }
            let age = now.duration_since(seen.since);
            let ripe = seen.renamed || age >= self.config.settle;
            if !ripe || seen.stuck.as_ref().is_some_and(|s| now.duration_since(s.tried) < MOVE_AGAIN) {
                continue;
            }
            let again = seen.stuck.is_some();
            let (into, why) = if let Some(Stuck { into, why, .. }) = seen.stuck.take() {
                (into, why)
            } else {
                let taken = match &seen.tried {
                    Some(why) if age >= self.config.give_up => Taken::Never(why.clone()),
                    Some(_) => continue,
                    None => self.take(shift, name, *stamp),
                };
                if shift.over() {
                    return Ok(true);
                }
                match taken {
                    Taken::Recorded(seq) => {
                        tracing::info!("{}: {} is part {seq}", shift.name(), name.to_string_lossy());
                        (DONE, None)
                    }
                    Taken::Never(why) => {
                        tracing::warn!("{}: {} is refused: {why}", shift.name(), name.to_string_lossy());
                        shift.refused();
                        (REFUSED, Some(why))
                    }
                    Taken::NotWhole(why) => {
                        (seen.tried, seen.renamed) = (Some(why), false);
                        continue;
                    }
                    Taken::Changed => continue,
                    Taken::Later(why) => {
                        shift.tell(Some(why));
                        return Ok(false);
                    }
                }
            };
            match self.put_away(name, *stamp, into, why.as_deref()) {
                Ok(true) if again => shift.tell(None),
                Ok(true) => {}
                // Another file under the same name: as new.
                Ok(false) => drop(known.remove(name)),
                Err(SourceError(trouble)) => {
                    seen.stuck = Some(Stuck { tried: Instant::now(), into, why });
                    shift.tell(Some(trouble));
                }
            }
        }
        Ok(true)
    }
}

impl Source for Folder {
    fn kind(&self) -> &'static str {
        "folder"
    }
    fn about(&self) -> String {
        format!("folder {}, {} files waiting", self.config.dir.display(), self.waiting.load(Ordering::Relaxed))
    }
    fn work(&self, shift: &Shift) -> Result<(), SourceError> {
        self.prepare()?;
        let (mut known, mut unfinished, mut pause) = (HashMap::new(), HashSet::new(), POLL);
        while shift.goes_on(pause) {
            pause = if self.round(shift, &mut known, &mut unfinished)? { POLL } else { PAUSE };
        }
        Ok(())
    }
}

/// A sentence with what the system said, path last.
fn trouble(what: &str, e: &io::Error, path: &Path) -> SourceError {
    SourceError(format!("{what} ({e}): {}", path.display()))
}

#[derive(Debug, PartialEq, Eq)]
enum Sort {
    Photo,
    Unfinished,
    Litter,
}

/// By its name. Names need not be UTF-8.
fn sort_of(name: &OsStr) -> Sort {
    let name = name.to_string_lossy().to_lowercase();
    if LITTER.contains(&name.as_str()) {
        Sort::Litter
    } else if name.starts_with(['.', '~']) || UNFINISHED.iter().any(|end| name.ends_with(end)) {
        Sort::Unfinished
    } else {
        Sort::Photo
    }
}

/// The text that says why a file was refused.
fn text_beside(path: &Path) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(".txt");
    text.into()
}

/// `name` in `dir`, or `name-2`, `name-3`, ... when it is taken, or when a text comes beside it and that name is taken.
fn free_name(dir: &Path, name: &OsStr, with_text: bool) -> PathBuf {
    let free = |path: &Path| fs::symlink_metadata(path).is_err();
    let (stem, end) = (Path::new(name).file_stem().unwrap_or(name), Path::new(name).extension());
    let numbered = |n: u32| {
        let mut numbered = stem.to_owned();
        numbered.push(format!("-{n}"));
        if let Some(end) = end {
            numbered.push(".");
            numbered.push(end);
        }
        dir.join(numbered)
    };
    let mut path = dir.join(name);
    for n in 2.. {
        if free(&path) && (!with_text || free(&text_beside(&path))) {
            break;
        }
        path = numbered(n);
    }
    path
}

impl Shift {
    /// Hands in a photo that came as a file, waiting for room in the queue.
    fn hand_in(&self, shot: Shot, key: String, digest: Sha256) -> Result<crate::ledger::Entry, DeskError> {
        loop {
            match self.record(shot.clone(), key.clone(), digest) {
                Err(DeskError::Busy(Busy::QueueFull { .. })) if self.goes_on(Duration::from_millis(200)) => {}
                answer => return answer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;

    #[test]
    fn names_tell_photos_from_files_still_being_written() {
        for name in ["a.jpg", "scan 1.TIFF", "without-end", "a.jpg.2", "partly.png"] {
            assert_eq!(sort_of(OsStr::new(name)), Sort::Photo, "{name}");
        }
        for name in ["a.jpg.part", "A.JPG.TMP", "a.jpg~", "~$a.jpg", ".a.jpg.swp", "._a.jpg", "x.crdownload"] {
            assert_eq!(sort_of(OsStr::new(name)), Sort::Unfinished, "{name}");
        }
        assert_eq!(sort_of(OsStr::new("Thumbs.db")), Sort::Litter);
    }

    #[test]
    fn a_name_that_is_taken_is_numbered() {
        let dir = tempfile::tempdir().unwrap();
        let free = |name: &str| free_name(dir.path(), OsStr::new(name), false).file_name().unwrap().to_owned();
        assert_eq!(free("a.jpg"), "a.jpg");
        for expected in ["a.jpg", "a-2.jpg", "a-3.jpg"] {
            assert_eq!(free("a.jpg"), expected);
            fs::write(dir.path().join(expected), "x").unwrap();
        }
        fs::write(dir.path().join("b"), "x").unwrap();
        assert_eq!(free("b"), "b-2");
        fs::write(dir.path().join("c.jpg.txt"), "x").unwrap();
        assert_eq!(free("c.jpg"), "c.jpg");
        assert_eq!(free_name(dir.path(), OsStr::new("c.jpg"), true), dir.path().join("c-2.jpg"));
    }

    #[test]
    fn a_file_that_took_the_name_of_a_recorded_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(FolderConfig::new(dir.path().to_owned()));
        folder.prepare().unwrap();
        let (name, path) = (OsStr::new("a.jpg"), dir.path().join("a.jpg"));
        fs::write(&path, "first").unwrap();
        let first = Stamp::of(&fs::symlink_metadata(&path).unwrap());
        assert_eq!(folder.read(name, first).unwrap().unwrap(), b"first");
        fs::write(&path, "another").unwrap();
        assert!(folder.read(name, first).unwrap().is_none());
        assert_eq!(folder.put_away(name, first, REFUSED, Some("why")), Ok(false));
        let now = Stamp::of(&fs::symlink_metadata(&path).unwrap());
        assert_eq!(folder.put_away(name, now, REFUSED, Some("why")), Ok(true));
        assert_eq!(fs::read_to_string(dir.path().join("refused/a.jpg.txt")).unwrap(), "why\n");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::new(FolderConfig::new(dir.path().to_owned()));
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(DONE)).unwrap();
        let said = folder.prepare().unwrap_err().to_string();
        assert!(said.contains("found a link or a file"), "{said}");
        let path = elsewhere.path().join("a.jpg");
        fs::write(&path, "x").unwrap();
        std::os::unix::fs::symlink(&path, dir.path().join("a.jpg")).unwrap();
        let stamp = Stamp::of(&fs::symlink_metadata(&path).unwrap());
        assert!(folder.read(OsStr::new("a.jpg"), stamp).unwrap().is_none());
    }
}
