#![allow(missing_docs)]
#[path = "../../tests/accuracy.rs"]
mod accuracy;
fn main() {}
