//! Cutting off a tail that is not whole.

use super::super::LedgerError;
use super::super::disk::sync_dir;
use super::segment;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
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
