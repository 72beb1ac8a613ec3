//! Edges, figures and regions, measured on the photo's own pixels in linear light.

mod expected;
mod filter;
mod label;

pub use expected::{Compared, compare};
pub use filter::{Rank, rank_filter};
pub use label::{Group, groups};
