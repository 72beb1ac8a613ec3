//! Cutting off a tail that is not whole.

use super::super::LedgerError;
use super::super::disk::sync_dir;
use super::{frame, segment};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Moves everything from `offset` on of a segment into `cut-*.bin`, and only then shortens the segment. Gives the new file's path.
///
/// When even the segment's header is not whole and it holds no entry, the whole file is moved aside (`offset` 0).
pub(in super::super) fn cut_tail(dir: &Path, first_seq: u64, offset: u64) -> Result<PathBuf, LedgerError> {
    let source = segment::path(dir, first_seq);
    let aside = free_name(dir, first_seq, offset);
    let io = || LedgerError::io("cutting the journal's tail", &source);
    if offset == 0 {
        fs::rename(&source, &aside).map_err(io())?;
    } else {
        let mut file = File::options().read(true).write(true).open(&source).map_err(io())?;
        copy_from(&mut file, offset, &aside).map_err(io())?;
        sync_dir(dir)?;
        file.set_len(offset).and_then(|()| file.sync_all()).map_err(io())?;
    }
    sync_dir(dir)?;
    Ok(aside)
}

fn copy_from(file: &mut File, offset: u64, to: &Path) -> io::Result<()> {
    let mut out = File::create_new(to)?;
    file.seek(SeekFrom::Start(offset))?;
    io::copy(file, &mut out)?;
    out.sync_all()
}

/// A name that is not taken: the same offset may be cut twice in the life of a segment.
fn free_name(dir: &Path, first_seq: u64, offset: u64) -> PathBuf {
    let name = |n: u32| match n {
        0 => dir.join(format!("cut-{first_seq:020}-{offset}.bin")),
        n => dir.join(format!("cut-{first_seq:020}-{offset}-{n}.bin")),
    };
    (0..).map(name).find(|p| !p.exists()).expect("some number is free")
}

/// A tail that was moved aside.
pub(in super::super) struct CutTail {
    /// The file.
    pub path: PathBuf,
    /// The segment that it was cut off.
    pub segment: u64,
    /// The offset from which.
    pub offset: u64,
}

/// The tails that were moved aside, in no order.
pub(in super::super) fn cut_tails(dir: &Path) -> Result<Vec<CutTail>, LedgerError> {
    let io = || LedgerError::io("listing the journal", dir);
    let mut found = Vec::new();
    for file in fs::read_dir(dir).map_err(io())? {
        let path = file.map_err(io())?.path();
        let name = path.file_name().and_then(|n| n.to_str());
        let Some(name) = name.and_then(|n| n.strip_prefix("cut-")?.strip_suffix(".bin")) else { continue };
        let mut numbers = name.split('-').map(str::parse);
        if let (Some(Ok(segment)), Some(Ok(offset))) = (numbers.next(), numbers.next()) {
            found.push(CutTail { path, segment, offset });
        }
    }
    Ok(found)
}

/// Whether a tail held nothing but one frame of an inspection, whole or torn, or nothing that could be a frame: too few bytes, or zeros, as a power cut leaves.
pub(in super::super) fn holds_an_inspection(tail: &Path, offset: u64) -> Result<bool, LedgerError> {
    // Canonical JSON sorts its keys: no other act begins like this.
    const INSPECTION: &[u8] = b"{\"act\":{\"idempotency_key\":";
    let io = || LedgerError::io("reading a tail that was moved aside", tail);
    let mut file = File::open(tail).map_err(io())?;
    let bytes = file.metadata().map_err(io())?.len();
    if bytes < frame::PREFIX as u64 || offset == 0 && bytes <= segment::HEADER {
        return Ok(true);
    }
    let mut head = Vec::new();
    file.by_ref().take((frame::PREFIX + INSPECTION.len()) as u64).read_to_end(&mut head).map_err(io())?;
    if head.iter().all(|byte| *byte == 0) {
        let mut rest = vec![0; 64 * 1024];
        return loop {
            match file.read(&mut rest).map_err(io())? {
                0 => break Ok(true),
                n if rest[..n].iter().any(|byte| *byte != 0) => break Ok(false),
                _ => {}
            }
        };
    }
    let one = frame::prefix(&head).is_some_and(|(length, _)| frame::PREFIX as u64 + u64::from(length) >= bytes);
    Ok(one && head[frame::PREFIX..] == *INSPECTION)
}
