//! Edges and regions, measured on the photo's own pixels in linear light.
//!
//! [`Silhouette`] separates part from background (light, material level, mask); [`edge`] finds where the contour of the material
//! really runs, to a few hundredths of a pixel; [`compare`] finds where a photo leaves what a reference picture allows.

mod components;
mod descent;
pub mod edge;
mod expected;
mod fill;
mod filter;
pub mod glare;
mod label;
pub(crate) mod levels;
mod penumbra;
mod resample;
mod silhouette;
mod wall;

pub use components::{Blob, Components, Connectivity, components};
pub(crate) use edge::{Sample, bilinear_fraction as share_at, pixels_across};
pub use expected::{Compared, compare};
pub use fill::fill;
pub use filter::{Rank, rank_filter};
pub use label::{Group, groups};
pub use levels::Walls;
pub use resample::{bilinear, shrink};
pub use silhouette::{LightModel, Silhouette};
pub use wall::{Relief, Strip, Unknown};
