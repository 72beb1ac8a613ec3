//! Photos, overlays and recipe files: one file each, named by its digest.
//!
//! `blobs/ab/cdef...` holds the bytes whose SHA-256 is `abcdef...`. A file is written beside them (`blobs/tmp`), synced, renamed, and
//! its folder synced: a name that is there has all its bytes, through a power cut.

use super::disk::{create_dir, require_free, sync_dir, write_error};
use super::journal::writer::Sync;
use super::{LedgerError, Sha256};
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Blobs {
    dir: PathBuf,
    min_free_bytes: u64,
    sync: Sync,
    /// Names of temporary files.
    next: AtomicU64,
}

impl Blobs {
    /// Opens the folder and clears away what a killed process left half-written.
    ///
    /// All 256 folders are made and synced now: made later, a second thread could rely on a folder whose own name is not on disk yet.
    pub(super) fn open(dir: PathBuf, min_free_bytes: u64, sync: Sync) -> Result<Self, LedgerError> {
        let tmp = dir.join("tmp");
        create_dir(&dir)?;
        create_dir(&tmp)?;
        let mut made = false;
        for i in 0..=255_u8 {
            let sub = dir.join(format!("{i:02x}"));
            match fs::create_dir(&sub) {
                Ok(()) => made = true,
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                Err(e) => return Err(write_error("making the folder", &sub, 4096, e)),
            }
        }
        if made {
            sync_dir(&dir)?;
        }
        let io = || LedgerError::io("clearing leftovers", &tmp);
        for left in fs::read_dir(&tmp).map_err(io())? {
            fs::remove_file(left.map_err(io())?.path()).map_err(io())?;
        }
        Ok(Self { dir, min_free_bytes, sync, next: AtomicU64::new(0) })
    }

    fn path(&self, sha: &Sha256) -> PathBuf {
        let hex = sha.hex();
        self.dir.join(&hex[..2]).join(&hex[2..])
    }

    /// Keeps the bytes. An existing whole file is not written again; a damaged one is replaced.
    pub(super) fn put(&self, bytes: &[u8]) -> Result<Sha256, LedgerError> {
        let sha = Sha256::of(bytes);
        let path = self.path(&sha);
        if matches!(self.get(&sha), Ok(Some(_))) {
            // Another thread may have renamed it a moment ago and not have synced the folder yet.
            sync_dir(path.parent().expect("a blob lies in a folder"))?;
            return Ok(sha);
        }
        require_free(&self.dir, self.min_free_bytes, bytes.len() as u64)?;
        let tmp = self.dir.join("tmp").join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        let written = self.write_synced(&tmp, bytes).and_then(|()| fs::rename(&tmp, &path));
        if let Err(e) = written {
            // Half a file must not eat the room that is missing.
            let _ = fs::remove_file(&tmp);
            return Err(write_error("writing the blob", &path, bytes.len() as u64, e));
        }
        sync_dir(path.parent().expect("a blob lies in a folder"))?;
        Ok(sha)
    }

    /// The bytes, if they are there; an error if they are not what they should be.
    pub(super) fn get(&self, sha: &Sha256) -> Result<Option<Vec<u8>>, LedgerError> {
        let path = self.path(sha);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(LedgerError::io("reading the blob", &path)(e)),
        };
        let found = Sha256::of(&bytes);
        if found != *sha {
            return Err(LedgerError::BlobDamaged { expected: *sha, found, path });
        }
        Ok(Some(bytes))
    }

    fn write_synced(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        (self.sync)(&file)
    }
}
