//! Assay from outside, as its users meet it. One file per area.

mod accuracy;
mod ledger;
mod photos;
