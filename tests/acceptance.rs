//! Acceptance tests.

mod fixture;
mod http;
mod ledger;
mod pages;
