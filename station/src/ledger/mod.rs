//! Acts recorded for good: journal (the truth), blobs (photos), store (sled: what everything reads).
//!
//! An act is *acknowledged* when its blobs and its journal entry are synced. sled follows, and is rebuilt from the journal
//! whenever the two disagree.

pub mod entry;

pub use entry::{Act, Entry, Mode, Software};
