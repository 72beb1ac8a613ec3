//! Photo and recipe in, judged part out.
//!
//! ```text
//! Photo -locate-> Located -register-> RegisteredPart -checks-> [Observation] -decide-> Inspection
//! ```
//!
//! Folders stand in the order in which a photo flows through them, and imports point towards the earlier stage:
//! [`geometry`], [`identity`] and [`reason`] (shared words) · [`photo`] · [`calibration`] · [`design`] · [`registration`] · [`measure`] · [`models`] · [`codes`] · [`checks`] ·
//! [`decision`] · [`recipe`] · [`inspect`] · [`overlay`] · [`scale`]; [`synth`] draws parts whose truth is known.
//!
//! Conventions, said once: pixel (0, 0) means the **centre** of the top-left pixel; image y points down, millimetre frames have
//! y up; a deviation is measured minus nominal; `u` is a standard uncertainty (k = 1).
//!
//! The library is synchronous and has no clock, network, database or threads of its own (it runs in the rayon pool of its caller):
//! the same input gives the same bits.

pub mod calibration;
pub mod checks;
pub mod codes;
pub mod decision;
pub mod design;
mod error;
pub mod geometry;
pub mod identity;
pub mod inspect;
pub mod measure;
pub mod models;
pub mod overlay;
pub mod photo;
pub mod reason;
pub mod recipe;
pub mod registration;
pub mod scale;
pub mod synth;

pub use error::Error;
