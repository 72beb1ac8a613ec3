//! A first guess that the least squares can start from.

use super::{CalibrateError, View};
use crate::calibration::Lens;
use crate::calibration::homography::{Columns, Homography, focal, pose};
use crate::geometry::{Point, Rigid};

/// A lens without distortion whose axis meets the middle of the picture, and the pose of each view.
pub(super) fn start(views: &[View], (width, height): (u32, u32)) -> Result<(Lens, Vec<Rigid>), CalibrateError> {
    let guess = Lens::pinhole(f64::from(width.max(height)), width, height);
    let degenerate = |i: usize| CalibrateError::Degenerate { view: i + 1, points: views[i].points.len() };
    let map = |view: &View| -> Option<Columns> {
        let pairs = view.points.iter().map(|(p, q)| (*p, *q, 1.0));
        let map = Homography::fit(pairs).filter(|_| view.points.len() >= 4)?;
        Some(map.columns(Point::new(guess.cx, guess.cy)))
    };
    let maps = views.iter().enumerate().map(|(i, view)| map(view).ok_or_else(|| degenerate(i)));
    let maps = maps.collect::<Result<Vec<_>, _>>()?;
    let diagonal = (f64::from(width) * f64::from(width) + f64::from(height) * f64::from(height)).sqrt();
    // Views that say nothing of it: a usual lens, and the least squares will see.
    let f = focal(&maps).filter(|f| *f > 0.2 * diagonal && *f < 20.0 * diagonal).unwrap_or(guess.fx);
    let poses = maps.iter().enumerate().map(|(i, columns)| pose(columns, f).ok_or_else(|| degenerate(i)));
    Ok((Lens::pinhole(f, width, height), poses.collect::<Result<_, _>>()?))
}
