//! The printed mat: a sheet that proves scale, pose, light and focus in every photo.
//!
//! ```text
//! Paper, id -Layout-> what is printed
//! linear light -find-> tags and their corners -fit-> camera, and the ways in which it may be otherwise
//!              -quality-> tone curve, light, colour, focus: numbers with limits
//! ```
//!
//! A ring of coded tags ([`Layout`]) leaves the middle of the sheet free for the part. [`find`] reads the tags in any turn and slant, half of
//! them covered; [`fit`] puts all corners and all that is known beforehand into one adjustment.
//!
//! | what, 2 and 12 MP, noise 1 % of the contrast | found (rendered photos, `cargo test --release -p inspector mat::tests::sweep -- --ignored --nocapture`) |
//! | --- | --- |
//! | tags, tilt 0 to 45 degrees, blur 0.5 to 2.5 px | all |
//! | corners, bias | below 0.002 px |
//! | corners, standard deviation | 0.007 to 0.013 px; 2 MP with a blur of 2.5 px: 0.025 px |

mod code;
mod colours;
mod edges;
mod find;
mod halo;
mod layout;
mod light;
mod linear;
mod locate;
mod model;
mod pose;
mod quads;
mod saddle;
mod seen;
mod small;
#[cfg(test)]
mod tests;
mod words;

pub use find::{Found, NotFound, SeenCorner, SeenTag, find};
pub use layout::{Distance, GAP_MM, IDS, Layout, Paper, Patch, Shape, TAG_MM, Tag, TextLine, WEDGE_STEPS};
pub use light::Quality;
pub use locate::{MatPolicy, OnMat, Refused, locate_on_mat};
pub use pose::{Fit, Known, KnownLens, Pulls, fit};
pub use seen::{Reading, SeenMat};
