//! Reading the journal from one place to another, finding the way again behind damage.

use super::super::LedgerError;
use super::frame::{self, PREFIX, Position};
use super::segment;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A place in the journal, between two frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Cursor {
    /// Segment; 0 before the first.
    pub segment: u64,
    /// Offset in it.
    pub offset: u64,
    /// The sequence number expected next.
    pub next_seq: u64,
}

impl Cursor {
    /// Before everything.
    pub(in super::super) const START: Self = Self { segment: 0, offset: 0, next_seq: 1 };

    /// Behind a frame.
    pub(in super::super) fn after(seq: u64, position: &Position) -> Self {
        Self { segment: position.segment, offset: position.end(), next_seq: seq + 1 }
    }
}

/// Bytes that hold no entry, or sequence numbers that no frame has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Gap {
    pub segment: u64,
    pub offset: u64,
    pub bytes: u64,
    /// First and last sequence number missing; `first > last` when none is.
    pub first_seq: u64,
    pub last_seq: u64,
}

/// What a walk meets.
pub(in super::super) enum Met<'a> {
    /// A whole frame.
    Frame { seq: u64, position: Position, payload: &'a [u8] },
    /// Damage with something whole behind it.
    Gap(Gap),
}

/// Where a walk ended.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Ended {
    /// Behind the last whole frame.
    pub cursor: Cursor,
    /// Bytes from there to the end that hold no whole frame (in the cursor's segment or, when that ended well, a later one): segment,
    /// offset, bytes.
    pub bad_tail: Option<(u64, u64, u64)>,
}

/// Walks from `from` to `end` (segment, offset; `None`: to the end of the last segment) over `segments`, ascending. The visitor may stop
/// the walk; then the cursor stands behind the frame it stopped at.
pub(in super::super) fn walk<E: From<LedgerError>>(
    dir: &Path,
    segments: &[u64],
    from: Cursor,
    end: Option<(u64, u64)>,
    mut visit: impl FnMut(Met<'_>) -> Result<ControlFlow<()>, E>,
) -> Result<Ended, E> {
    let mut cursor = from;
    let mut bad: Option<(u64, u64, u64)> = None;
    for &first in segments.iter().filter(|s| **s >= from.segment && end.is_none_or(|(last, _)| **s <= last)) {
        let path = segment::path(dir, first);
        let limit = end.filter(|(last, _)| *last == first).map_or(u64::MAX, |(_, offset)| offset);
        let mut window = Window::open(&path, limit).map_err(LedgerError::io("reading the journal", &path))?;
        let io = || LedgerError::io("reading the journal", &path);
        let mut at = if first == from.segment { from.offset } else { segment::HEADER.min(window.end) };
        if first != from.segment {
            // A whole header says what must have been written before: entries missing there are known to be lost.
            if !segment::header_is_whole(&window.file, &path, first)? {
                bad = Some(bad.unwrap_or((first, 0, at)));
            } else if first > cursor.next_seq {
                let (segment, offset, bytes) = bad.take().unwrap_or((cursor.segment, cursor.offset, 0));
                let gap = Gap { segment, offset, bytes, first_seq: cursor.next_seq, last_seq: first - 1 };
                cursor.next_seq = first;
                if visit(Met::Gap(gap))?.is_break() {
                    return Ok(Ended { cursor, bad_tail: None });
                }
            }
            if bad.is_none() {
                (cursor.segment, cursor.offset) = (first, at);
            }
        }
        while at < window.end {
            let Some((seq, position)) = window.frame(first, at, cursor.next_seq).map_err(io())? else {
                // Not a frame. Every later byte is tried: the search ends at the next whole frame or at the segment's end.
                let b = bad.get_or_insert((first, at, 0));
                b.2 += 1;
                at += 1;
                continue;
            };
            if bad.is_some() || seq > cursor.next_seq {
                let (segment, offset, bytes) = bad.take().unwrap_or((first, at, 0));
                let gap = Gap { segment, offset, bytes, first_seq: cursor.next_seq, last_seq: seq - 1 };
                if visit(Met::Gap(gap))?.is_break() {
                    return Ok(Ended { cursor, bad_tail: None });
                }
            }
            cursor = Cursor::after(seq, &position);
            at = position.end();
            if visit(Met::Frame { seq, position, payload: window.payload(&position) })?.is_break() {
                return Ok(Ended { cursor, bad_tail: None });
            }
        }
    }
    Ok(Ended { cursor, bad_tail: bad })
}

/// A file seen through a buffer: memory stays small however long the segment is.
struct Window {
    file: File,
    /// Bytes behind this offset are not looked at.
    end: u64,
    /// Offset of the buffer's first byte.
    start: u64,
    buffer: Vec<u8>,
}

/// Bytes read at once.
const WINDOW: u64 = 1 << 18;

impl Window {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let end = file.metadata()?.len().min(limit);
        Ok(Self { file, end, start: 0, buffer: Vec::new() })
    }

    /// The bytes from `at`, `length` of them or as many as there are.
    fn bytes(&mut self, at: u64, length: u64) -> io::Result<&[u8]> {
        let until = at.saturating_add(length).min(self.end);
        if at < self.start || until > self.start + self.buffer.len() as u64 {
            let size = (self.end - at).min(WINDOW);
            self.buffer.resize(usize::try_from(size).expect("a window is small"), 0);
            self.file.read_exact_at(&mut self.buffer, at)?;
            self.start = at;
        }
        let from = (at - self.start) as usize;
        Ok(&self.buffer[from..from + (until - at) as usize])
    }

    /// The whole frame at `at`, when there is one with a sequence number of at least `next_seq`.
    fn frame(&mut self, segment: u64, at: u64, next_seq: u64) -> io::Result<Option<(u64, Position)>> {
        let Some((length, crc)) = frame::prefix(self.bytes(at, PREFIX as u64)?) else { return Ok(None) };
        let position = Position { segment, offset: at, length, crc };
        if position.end() > self.end {
            return Ok(None);
        }
        let whole = self.bytes(at, position.end() - at)?;
        let head = frame::check(length, crc, &whole[PREFIX..])
            .filter(|head| head.seq >= next_seq && head.seq <= segment::LAST_SEQ);
        Ok(head.map(|head| (head.seq, position)))
    }

    /// The payload of the frame that was just found.
    fn payload(&self, position: &Position) -> &[u8] {
        let from = (position.offset - self.start) as usize + PREFIX;
        &self.buffer[from..from + position.length as usize]
    }
}
