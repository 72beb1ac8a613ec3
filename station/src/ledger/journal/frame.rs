//! One entry as bytes.

use super::super::{Entry, LedgerError, MAX_ENTRY_BYTES};
use serde::Deserialize;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

/// Bytes before the payload.
pub(in super::super) const PREFIX: usize = 8;

/// Where a frame lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Position {
    /// First sequence number of the segment: its name.
    pub segment: u64,
    /// Offset of the frame in it.
    pub offset: u64,
    /// Bytes of the payload.
    pub length: u32,
    /// The frame's checksum.
    pub crc: u32,
}

impl Position {
    /// Offset of the first byte behind the frame.
    pub(in super::super) fn end(&self) -> u64 {
        self.offset + PREFIX as u64 + u64::from(self.length)
    }
}

fn checksum(length: u32, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length.to_le_bytes()), payload)
}

/// Canonical JSON of the entry, and the entry as it will be read back: the canonical form knows no -0 and only 53 bits of an integer, and
/// what is acknowledged must be what is read later.
pub(in super::super) fn canonical(entry: &Entry) -> Result<(Vec<u8>, Entry), LedgerError> {
    let not_recordable = |e: serde_json::Error| LedgerError::NotRecordable { reason: e.to_string() };
    let payload = serde_json_canonicalizer::to_vec(entry).map_err(not_recordable)?;
    if payload.len() > MAX_ENTRY_BYTES {
        return Err(LedgerError::TooLarge { bytes: payload.len(), limit: MAX_ENTRY_BYTES });
    }
    let back = serde_json::from_slice(&payload).map_err(not_recordable)?;
    Ok((payload, back))
}

/// Appends the frame of `payload` to `out` and gives its checksum.
pub(in super::super) fn encode(payload: &[u8], out: &mut Vec<u8>) -> u32 {
    let length = u32::try_from(payload.len()).expect("canonical() bounds the payload");
    let crc = checksum(length, payload);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(payload);
    crc
}

/// What every entry of every schema has.
#[derive(Deserialize)]
pub(in super::super) struct Head {
    pub seq: u64,
    pub schema: u32,
}

/// The length and checksum in front of a payload, when they are plausible.
pub(in super::super) fn prefix(bytes: &[u8]) -> Option<(u32, u32)> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let crc = u32::from_le_bytes(bytes.get(4..PREFIX)?.try_into().ok()?);
    (2..=MAX_ENTRY_BYTES as u32).contains(&length).then_some((length, crc))
}

/// Whether `payload` is whole: the checksum is right and it says its sequence number.
pub(in super::super) fn check(length: u32, crc: u32, payload: &[u8]) -> Option<Head> {
    // Cheapest first: when bytes are searched for the next frame, nearly every place fails here.
    if !payload.starts_with(b"{\"") || checksum(length, payload) != crc {
        return None;
    }
    serde_json::from_slice(payload).ok()
}

/// Reads the entry that must be at `position`.
pub(in super::super) fn read(file: &File, position: &Position, seq: u64) -> Result<Vec<u8>, &'static str> {
    let mut bytes = vec![0; PREFIX + position.length as usize];
    file.read_exact_at(&mut bytes, position.offset).map_err(|_| "the frame cannot be read")?;
    if prefix(&bytes) != Some((position.length, position.crc)) {
        return Err("length and checksum are not the recorded ones");
    }
    let payload = bytes.split_off(PREFIX);
    match check(position.length, position.crc, &payload) {
        Some(head) if head.seq == seq => Ok(payload),
        Some(_) => Err("another entry stands there"),
        None => Err("the checksum does not match"),
    }
}

/// The entry of a whole payload.
pub(in super::super) fn entry(payload: &[u8]) -> Result<Entry, LedgerError> {
    serde_json::from_slice(payload).map_err(|e| {
        let head = serde_json::from_slice(payload).unwrap_or(Head { seq: 0, schema: 0 });
        LedgerError::Unknown { seq: head.seq, schema: head.schema, reason: e.to_string() }
    })
}
