//! Files of the journal.

use super::super::LedgerError;
use super::super::disk::{sync_dir, write_error};
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"ASSAYJNL";
/// Format of segments and frames written today.
pub(in super::super) const FORMAT: u32 = 1;
/// Canonical JSON holds integers up to this exactly (RFC 8785, 3.2.2.3): no sequence number is greater.
pub(in super::super) const LAST_SEQ: u64 = 1 << 53;
/// Bytes before the first frame.
pub(in super::super) const HEADER: u64 = 24;

/// `journal/00000000000000000001.seg`
pub(in super::super) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.seg"))
}

/// First sequence numbers of the segments, ascending. Other files are left alone.
pub(in super::super) fn list(dir: &Path) -> Result<Vec<u64>, LedgerError> {
    let io = || LedgerError::io("listing the journal", dir);
    let mut segments = Vec::new();
    for file in fs::read_dir(dir).map_err(io())? {
        let name = file.map_err(io())?.file_name();
        let digits = name.to_str().and_then(|n| n.strip_suffix(".seg")).filter(|d| d.len() == 20);
        segments.extend(digits.and_then(|d| d.parse::<u64>().ok()).filter(|first| (1..=LAST_SEQ).contains(first)));
    }
    segments.sort_unstable();
    Ok(segments)
}

fn header(first_seq: u64) -> [u8; HEADER as usize] {
    let mut h = [0; HEADER as usize];
    h[..8].copy_from_slice(MAGIC);
    h[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    h[12..20].copy_from_slice(&first_seq.to_le_bytes());
    let crc = crc32c::crc32c(&h[..20]);
    h[20..].copy_from_slice(&crc.to_le_bytes());
    h
}

/// Makes a segment. Its name appears only when its header is on disk.
pub(in super::super) fn create(dir: &Path, first_seq: u64) -> Result<File, LedgerError> {
    let (tmp, path) = (dir.join("new.tmp"), path(dir, first_seq));
    let make = || {
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&tmp)?;
        file.write_all(&header(first_seq))?;
        file.sync_all()?;
        fs::rename(&tmp, &path)?;
        Ok(file)
    };
    let file = make().map_err(|e| write_error("starting a segment", &path, HEADER, e))?;
    sync_dir(dir)?;
    Ok(file)
}

/// Whether the header is whole.
///
/// # Errors
/// [`LedgerError::NewerFormat`] when it is whole and of a newer format: then nothing must be touched.
pub(in super::super) fn header_is_whole(file: &File, path: &Path, first_seq: u64) -> Result<bool, LedgerError> {
    let mut h = [0; HEADER as usize];
    if file.read_exact_at(&mut h, 0).is_err() || &h[..8] != MAGIC {
        return Ok(false);
    }
    if crc32c::crc32c(&h[..20]).to_le_bytes() != h[20..] {
        return Ok(false);
    }
    let found = u32::from_le_bytes(h[8..12].try_into().expect("four bytes"));
    if found > FORMAT {
        return Err(LedgerError::NewerFormat { found, known: FORMAT, path: path.to_owned() });
    }
    Ok(h == header(first_seq))
}
