//! Assay from outside, as its users meet it. One file per area.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests panic on purpose and print their tables")]

mod accuracy;
mod alike;
mod auto_capture;
mod auto_trigger;
mod boards;
mod browser;
mod by_code;
mod calibrations;
mod capture;
mod chessboard;
mod codes;
mod crash;
mod designs;
mod fixture;
mod folder;
mod http;
mod latency;
mod ledger;
mod ledger_damage;
mod mat;
mod models;
mod models_foreign;
mod models_line;
mod pages;
mod parts;
mod parts_on_mat;
mod photos;
mod proposals;
mod recipes;
mod shipped_models;
mod stage;
mod washers;
