//! Rendered parts whose exact truth is known.
mod draw;
mod optics;
pub mod parts;
mod seeded;

pub use optics::blurred_coverage;
pub use seeded::Seeded;
