//! Rendered parts whose exact truth is known: for tests, for the demo, for benches.
//!
//! ```text
//! Design (parts) -Fault-> Design as made -Scene-> Picture + Truth
//! ```
//!
//! A [`Scene`] makes a picture as a camera does: exact coverage through lens and pixel, in linear light; surfaces, shadow, uneven light,
//! sensor noise; then the tone curve and 8 bits. [`parts`] draws what is made, a [`Fault`] makes it wrong, and [`Rendered`] keeps picture
//! and [`Truth`] together.
//!
//! Honest scope of a scene: flat parts seen straight from above. No perspective, no thickness, no lens distortion, no reflections, no motion.
//! [`view`] has the first three.

mod board;
mod code;
mod draw;
mod fault;
mod line;
mod optics;
pub mod parts;
mod scene;
mod seeded;
mod truth;
pub mod view;

pub use board::{Board, BoardDefect, BoardDefectKind, board};
pub use code::{PrintedCode, code, photographed};
pub use fault::{Fault, FaultKind};
pub use line::{DEMO_PRODUCTS, DemoLine, DemoPart, DemoProduct};
pub use optics::blurred_coverage;
pub use scene::{Illumination, Noise, Paint, Scene, Shadow};
pub use seeded::Seeded;
pub use truth::{FaultTruth, FeatureTruth, Rendered, Truth};
