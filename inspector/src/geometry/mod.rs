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

mod arc;
mod ellipse;
mod fit;
mod frame;
mod line;
mod matrix;
mod normal;
mod rect;
mod rigid;
mod robust;
mod similarity;
mod stadium;
mod units;
mod zone;

pub use arc::{ArcFit, fit_arc, refit_arc};
pub use ellipse::{Ellipse, EllipseFit, fit_ellipse, refit_ellipse};
pub use fit::{Circle, CircleFit, FitError, fit_circle, fit_weighted_circle, refit_circle};
pub(crate) use fit::{longest_gap, median, reweight, scatter};
pub use frame::{DesignMm, Frame, ImagePx, PlaneMm, Point, ReferencePx, Vector};
pub use line::{Line, LineFit, fit_line, refit_line};
pub use matrix::solve_symmetric;
pub(crate) use matrix::{NormalEquations, cholesky, inverse_symmetric};
pub(crate) use normal::cumulative_and_density;
pub use rect::PixelRect;
pub use rigid::{Matrix3, Rigid, times, transpose_times};
pub use robust::{Fitted, Outlier, solve_robust, solve_weighted};
pub use similarity::Similarity;
pub use stadium::{Stadium, StadiumFit, fit_stadium, refit_stadium};
pub use units::{Angle, Mm};
pub use zone::{RoundZone, StraightZone, round_zone, straight_zone};
