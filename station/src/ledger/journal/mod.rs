//! The journal: append-only segments, the truth of the ledger.
//!
//! ```text
//! journal/00000000000000000001.seg      named by the first sequence number it may hold
//!   header  "ASSAYJNL" | format u32 | first sequence u64 | CRC32C of the 20 bytes before, u32        24 bytes
//!   frame   length u32 | CRC32C u32 | canonical JSON of the entry (RFC 8785), 2 to 65,535 bytes       one per entry
//! journal/cut-00000000000000000001-4711.bin   bytes cut off the tail of that segment at offset 4711: moved aside, never deleted
//! ```
//!
//! Numbers are little-endian. The frame's CRC32C (Castagnoli, RFC 3720 appendix B.4) is over the four length bytes *and* the payload, so
//! that a flipped length is noticed as surely as a flipped payload. A sequence number that is missing between two frames is an entry
//! that is lost: numbers are given out without gaps and never twice.

mod cut;
pub(super) mod frame;
pub(super) mod segment;
pub(super) mod walk;
pub(super) mod writer;

pub(super) use cut::{CutTail, cut_tail, cut_tails, holds_an_inspection};
pub(super) use frame::Position;
