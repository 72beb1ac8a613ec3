//! The Assay station.
//!
//! ```text
//! camera -> inspection loop -> ledger (journal -> store) -> http -> pages;  cli
//! ```

pub mod ledger;
pub mod record;
