//! What can go wrong with the ledger.

use inspector::photo::Sha256;
use std::io;
use std::path::{Path, PathBuf};

/// An error of the ledger: what was expected, what was found, path last.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Too little room to record anything. Reading goes on; recording goes on by itself when there is room.
    #[error("the disk is full: {} MB of free space needed to record, {} MB found, at {}", needed.div_ceil(1_000_000), free / 1_000_000, path.display())]
    DiskFull {
        /// Bytes free for this user.
        free: u64,
        /// Bytes that must be free: the reserve and what was to be written.
        needed: u64,
        /// Where.
        path: PathBuf,
    },
    /// Another process has this ledger open.
    #[error("the ledger is in use by {holder}: stop it or choose another folder, at {}", path.display())]
    Locked {
        /// Who: `process 4711`, as far as it is known.
        holder: String,
        /// The ledger's folder.
        path: PathBuf,
    },
    /// A folder that holds none, where one was to be read.
    #[error("no station has recorded anything in {}: expected the data folder of a station", .0.display())]
    NoLedger(PathBuf),
    /// Rendered parts and real ones are kept apart.
    #[error("this ledger holds {} records and cannot be used for {}: choose another folder, at {}", found.word(), expected.word(), path.display())]
    OtherMode {
        /// What it holds.
        found: super::Mode,
        /// What it was to be used for.
        expected: super::Mode,
        /// The ledger's folder.
        path: PathBuf,
    },
    /// The clock is earlier than anything could have been recorded.
    #[error("the clock says a time before 1970, expected today: set the clock")]
    Clock,
    /// A newer program wrote this journal. Nothing was changed.
    #[error("the journal has format {found}, this program knows up to {known}: use a newer program, at {}", path.display())]
    NewerFormat {
        /// Format found.
        found: u32,
        /// Newest format this program can read.
        known: u32,
        /// The segment.
        path: PathBuf,
    },
    /// The act does not fit into one entry.
    #[error("an entry has at most {limit} bytes, this one has {bytes}: put lists and pictures into blobs")]
    TooLarge {
        /// Bytes of its canonical JSON.
        bytes: usize,
        /// [`MAX_ENTRY_BYTES`](super::MAX_ENTRY_BYTES).
        limit: usize,
    },
    /// The act cannot be written as canonical JSON, such as a number that is not finite.
    #[error("the act cannot be recorded as canonical JSON: {reason}")]
    NotRecordable {
        /// Why.
        reason: String,
    },
    /// The entry was recorded, and its bytes in the journal are damaged.
    #[error("entry {seq} is damaged (serial {}, part {}): {reason}, at {}",
        serial.as_deref().unwrap_or("unknown"), part.as_deref().unwrap_or("unknown"), path.display())]
    Damaged {
        /// Its sequence number.
        seq: u64,
        /// The part number, when the store still knows it.
        part: Option<String>,
        /// The serial number, when the store still knows it.
        serial: Option<String>,
        /// What was found.
        reason: &'static str,
        /// The segment.
        path: PathBuf,
    },
    /// The entry is whole, but of a kind that this program does not know.
    #[error("entry {seq} cannot be understood (schema {schema}): {reason}")]
    Unknown {
        /// Its sequence number.
        seq: u64,
        /// Its schema.
        schema: u32,
        /// What the JSON reader says.
        reason: String,
    },
    /// A blob's bytes do not have the digest that names it.
    #[error("the blob is damaged: {expected} expected, {found} found, at {}", path.display())]
    BlobDamaged {
        /// Digest that names it.
        expected: Sha256,
        /// Digest of its bytes.
        found: Sha256,
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{what}: {source}, at {}", path.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// What it said.
        source: io::Error,
        /// Where.
        path: PathBuf,
    },
    /// sled refused. The journal is not touched by this.
    #[error("the store (sled): {reason}")]
    Store {
        /// What it said.
        reason: String,
    },
    /// The journal takes no further entries until the ledger is opened again.
    #[error("the journal takes no further entries until the station is restarted: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
}

impl LedgerError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, source, path }
    }
}

impl From<sled::Error> for LedgerError {
    fn from(error: sled::Error) -> Self {
        Self::Store { reason: error.to_string() }
    }
}
