//! The Assay station.
//!
//! ```text
//! camera -> inspection loop -> ledger (journal -> store) -> http -> pages;  cli
//! ```

pub mod calibrations;
pub mod camera;
pub mod cli;
pub mod codes;
pub mod demo;
mod folders;
pub mod http;
pub mod inspection;
pub mod ledger;
pub mod models;
pub mod pages;
pub mod recipes;
pub mod record;
pub mod serve;
