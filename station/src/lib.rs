//! The Assay station.
//!
//! ```text
//! camera -> inspection loop -> ledger (journal -> store) -> http -> pages;  cli
//! ```

pub mod inspection;
pub mod ledger;
pub mod record;
