//! Edges and regions, measured on the photo's own pixels in linear light.
//!
//! [`Silhouette`] separates part from background (light, material level, mask); [`edge`] finds where the contour of the material
//! really runs, to a few hundredths of a pixel. Registration and the checks are built on these two.

mod components;
pub mod edge;
mod fill;
mod normal;
mod resample;
mod silhouette;

pub use components::{Blob, Components, Connectivity, components};
pub use fill::fill;
pub use resample::{bilinear, shrink};
pub use silhouette::{LightModel, Silhouette};
