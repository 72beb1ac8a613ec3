//! Acceptance tests.

mod crash;
mod ledger;
