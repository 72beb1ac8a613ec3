//! Plane geometry with the frame in the type, so that a pixel cannot be added to a millimetre.
//!
//! | frame | unit | origin and axes |
//! | --- | --- | --- |
//! | [`ImagePx`] | pixel | **centre** of the top-left pixel; x right, y **down** |
//! | [`PlaneMm`] | mm | the camera's work plane: x right, y **up** as seen in the picture |
//! | [`DesignMm`] | mm | as drawn in the design file: x right, y up |
//! | [`ReferencePx`] | pixel | like `ImagePx`, in the reference picture |
//!
//! All arithmetic is f64.

mod fit;
mod frame;
mod normal;
mod rect;
mod rigid;
mod similarity;
mod units;

pub(crate) use fit::reweight;
pub use fit::{Circle, CircleFit, FitError, fit_circle, fit_weighted_circle, refit_circle, solve_symmetric};
pub use frame::{DesignMm, Frame, ImagePx, PlaneMm, Point, ReferencePx, Vector};
pub(crate) use normal::cumulative_and_density;
pub use rect::PixelRect;
pub use rigid::{Matrix3, Rigid, times, transpose_times};
pub use similarity::Similarity;
pub use units::{Angle, Mm};
