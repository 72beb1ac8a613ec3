//! What the ledger says of itself.

use std::path::PathBuf;

/// How the ledger is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// Bytes free for this user where the ledger lies; 0 when the system does not say.
    pub free_bytes: u64,
    /// `None`: acts are recorded. Otherwise why not, in words.
    pub refusing: Option<String>,
    /// Sequence number of the last synced entry, 0 when there is none.
    pub last_seq: u64,
    /// Every entry up to this one was verified since the ledger was opened (the damaged ones are in `damage`).
    pub verified_up_to: u64,
    /// Highest sequence number that the store holds.
    pub stored_up_to: u64,
    /// How sled is.
    pub store: StoreState,
    /// Damage of the journal found since the ledger was opened.
    pub damage: Vec<Damage>,
    /// Entries whose rows sled had lost or altered and that were put right while running.
    pub repaired_rows: u64,
    /// Times the journal was synced since the ledger was opened.
    pub syncs: u64,
}

impl Health {
    /// Whether acts are recorded now.
    pub fn accepting(&self) -> bool {
        self.refusing.is_none()
    }
}

/// How sled is. The journal does not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreState {
    /// It follows the journal.
    Following,
    /// It waits for free space.
    WaitingForSpace,
    /// A flush does not come back: lists no longer show new parts until the station is restarted.
    Hung,
    /// It failed, in words: lists no longer show new parts until the station is restarted.
    Failed(String),
}

impl StoreState {
    /// Whether it shows what is recorded, or will.
    pub(super) fn follows(&self) -> bool {
        matches!(self, Self::Following | Self::WaitingForSpace)
    }
}

impl std::fmt::Display for StoreState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Following => f.write_str("up to date with the journal"),
            Self::WaitingForSpace => f.write_str("waits for free space: lists do not show the newest parts"),
            Self::Hung => f.write_str("hangs: lists no longer show new parts until the station is restarted"),
            Self::Failed(why) => {
                write!(f, "failed, and lists no longer show new parts until the station is restarted: {why}")
            }
        }
    }
}

/// Damage in the middle of the journal: bytes that hold no entry, entries that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file name.
    pub segment: String,
    /// Offset of the first bad byte.
    pub offset: u64,
    /// Bytes that hold no entry; 0 when entries are missing without a trace.
    pub bytes: u64,
    /// First sequence number lost, when one is.
    pub first_seq: Option<u64>,
    /// Last sequence number lost.
    pub last_seq: Option<u64>,
    /// What the store still knows of the lost entries, at most the first 1,000.
    pub lost: Vec<LostEntry>,
}

/// An entry that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostEntry {
    /// Its sequence number.
    pub seq: u64,
    /// Part number, when it was an inspection and the store knows it.
    pub part: Option<String>,
    /// Lot.
    pub lot: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// What was found when the ledger was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Sequence number of the last entry, 0 when there is none.
    pub last_seq: u64,
    /// Entries read and verified before opening returned.
    pub verified: u64,
    /// A tail that was not whole and was moved aside.
    pub cut: Option<Cut>,
    /// Damage found so far (the rest is verified in the background: see [`Health::damage`]).
    pub damage: Vec<Damage>,
    /// Why the store was rebuilt from the journal, when it was.
    pub rebuilt: Option<String>,
}

/// Bytes at the journal's end that held no whole entry.
///
/// A write torn by a power cut and an acknowledged last entry damaged later look alike in the journal. The store tells them
/// apart when it was ahead: what it knows of is listed in `lost`, and those sequence numbers are not given out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment's file name.
    pub segment: String,
    /// Offset from which it was cut.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Where they are now; empty when the disk was too full to move them (done before the next entry is recorded).
    pub moved_to: Vec<PathBuf>,
    /// Acknowledged entries that were among them, as far as the store knows.
    pub lost: Vec<LostEntry>,
}
