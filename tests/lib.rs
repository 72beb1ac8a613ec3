//! Helpers of the acceptance tests.

#[path = "ledger_data.rs"]
pub mod ledger;
pub mod onnx;
pub mod shipped;
