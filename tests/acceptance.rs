//! Assay from outside, as its users meet it. One file per area.

mod accuracy;
mod boards;
mod fixture;
mod ledger;
mod pages;
mod parts;
