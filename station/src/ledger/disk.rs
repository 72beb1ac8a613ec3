//! Free space, folders that are really on disk, and the lock.

use super::LedgerError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes that this user may still write on the file system of `path`.
pub(super) fn free_bytes(path: &Path) -> Result<u64, LedgerError> {
    let s = rustix::fs::statvfs(path).map_err(|e| LedgerError::io("asking for free space", path)(e.into()))?;
    Ok(s.f_bavail.saturating_mul(s.f_frsize))
}

/// Fails with [`LedgerError::DiskFull`] unless `reserve + bytes` are free.
pub(super) fn require_free(path: &Path, reserve: u64, bytes: u64) -> Result<(), LedgerError> {
    let (free, needed) = (free_bytes(path)?, reserve.saturating_add(bytes));
    if free < needed {
        return Err(LedgerError::DiskFull { free, needed, path: path.to_owned() });
    }
    Ok(())
}

/// Size of the ballast.
const BALLAST: u64 = 8 << 20;

/// Keeps some space that is given up when the disk is so full that sled could not open: without it a station restarted on a full disk
/// could not even be read. Called when the ledger opens; made again when there is room again.
pub(super) fn ballast(dir: &Path, min_free_bytes: u64, needed: u64) -> Result<(), LedgerError> {
    let path = dir.join("ballast");
    let free = free_bytes(dir)?;
    if free < needed && path.exists() {
        std::fs::remove_file(&path).map_err(LedgerError::io("giving up the ballast", &path))?;
    } else if !path.exists() && min_free_bytes > 0 && free > min_free_bytes.saturating_add(2 * BALLAST) {
        // Only a precaution: a ledger without it works as well.
        let _ = std::fs::write(&path, vec![0; BALLAST as usize]);
    }
    Ok(())
}

/// A failed write: the disk is full, or something else.
pub(super) fn write_error(what: &'static str, path: &Path, bytes: u64, source: std::io::Error) -> LedgerError {
    if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let free = free_bytes(folder).unwrap_or(0);
        return LedgerError::DiskFull { free, needed: free.saturating_add(bytes), path: path.to_owned() };
    }
    LedgerError::io(what, path)(source)
}

/// Makes names created or renamed in a folder last through a power cut.
pub(super) fn sync_dir(path: &Path) -> Result<(), LedgerError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(LedgerError::io("syncing the folder", path))
}

/// Makes a folder, those above it, and their names last.
pub(super) fn create_dir(path: &Path) -> Result<(), LedgerError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dir(parent)?;
    std::fs::create_dir(path).map_err(|e| write_error("making the folder", path, 4096, e))?;
    sync_dir(parent)
}

/// How long a ledger waits for one that is just closing.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// The lock, after a little patience: a restarted station meets the old one still closing, and while a child process starts it holds
/// copies of its parent's open files for a moment.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20))
            }
            result => return result,
        }
    }
}

/// Takes the folder for this process. The kernel gives it back when the process ends, however it ends.
pub(super) fn lock(dir: &Path) -> Result<File, LedgerError> {
    let path = dir.join("lock");
    let io = |what| LedgerError::io(what, &path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io("opening the lock"))?;
    match try_lock(&file) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // The holder may be writing its number just now: not knowing it is no reason to fail differently.
            let _ = file.read_to_string(&mut text);
            let holder = match text.trim() {
                "" => "another process".to_owned(),
                pid if pid == std::process::id().to_string() => format!("this process ({pid})"),
                pid => format!("process {pid}"),
            };
            return Err(LedgerError::Locked { holder, path: dir.to_owned() });
        }
        Err(TryLockError::Error(e)) => return Err(io("locking the folder")(e)),
    }
    // Only a help for people; on a full disk the lock holds without it.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}
