//! Acceptance tests.

mod fixture;
mod ledger;
mod pages;
