//! Assay from outside, as its users meet it. One file per area.

mod accuracy;
mod crash;
mod fixture;
mod http;
mod ledger;
mod ledger_damage;
mod pages;
mod parts;
