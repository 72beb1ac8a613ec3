//! Assay from outside, as its users meet it. One file per area.

mod accuracy;
mod boards;
mod crash;
mod designs;
mod fixture;
mod http;
mod ledger;
mod pages;
mod parts;
mod photos;
mod recipes;
