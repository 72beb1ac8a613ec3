//! Acceptance tests.

mod ledger;
