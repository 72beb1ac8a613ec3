//! Calibration of a lens from several views of one flat target (Zhang 2000, doi:10.1109/34.888718).
//!
//! `plane-to-picture maps -> focal length -> poses -> all together by least squares -> what is known, and how well`

mod bundle;
mod start;
#[cfg(test)]
mod tests;

use start::start;

use super::Lens;
use crate::geometry::{ImagePx, PlaneMm, Point, Rigid, median};
use thiserror::Error;

/// One photo of the target: where its points are on the target (z = 0), and where the photo shows them.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// On the target and in the picture.
    pub points: Vec<(Point<PlaneMm>, Point<ImagePx>)>,
}

/// A lens that was calibrated.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// The lens.
    pub lens: Lens,
    /// Covariance of its parameters, in their order and units: what the views do not say is large here.
    pub covariance: [[f64; Lens::PARAMETERS]; Lens::PARAMETERS],
    /// Pose of the target in each view.
    pub poses: Vec<Rigid>,
    /// Root mean square distance of seen from expected points, px (two coordinates per point, as OpenCV's `calibrateCamera` gives it).
    pub rms_px: f64,
    /// The same for each view.
    pub view_rms_px: Vec<f64>,
}

/// Why a lens cannot be calibrated.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CalibrateError {
    /// Too few views.
    #[error(
        "{found} usable photos, expected at least {expected}: photograph the target from more sides, tilted to the left, right, front and back"
    )]
    TooFewViews {
        /// How many there are.
        found: usize,
        /// Fewest that will do.
        expected: usize,
    },
    /// A view with too few points, or with all of them on one line.
    #[error("photo {view}: its {points} points do not fix where the target lies: show more of it")]
    Degenerate {
        /// Index of the view, from 1.
        view: usize,
        /// Points in it.
        points: usize,
    },
    /// The views are too alike.
    #[error(
        "the photos do not fix the focal length (known to {percent:.1} % only, expected {expected} %): the target was nearly parallel to the \
         camera in all of them; tilt it by 20 to 45 degrees, to each side"
    )]
    TooAlike {
        /// Relative standard uncertainty of the focal length, percent.
        percent: f64,
        /// Largest that is accepted, percent.
        expected: f64,
    },
    /// Some views were taken at another zoom.
    #[error(
        "photos {} do not agree with the others: taken alone, photo {worst} has a focal length that differs from theirs by {percent:.1} % (expected at most {expected} %): \
         take all photos with one zoom and focus, or leave these out",
        listed(views)
    )]
    OtherFocal {
        /// Their indices, from 1.
        views: Vec<usize>,
        /// The one that differs most.
        worst: usize,
        /// By how much it differs, percent.
        percent: f64,
        /// How much is accepted, percent.
        expected: f64,
    },
    /// In one view points lie farther from where they should be than in all others.
    #[error(
        "photo {view} does not agree with the others: its points are off by {rms_px:.2} px, expected at most {expected_px:.2} px as in the others: is it of another \
         board, or was the board bent? leave it out, or take it again"
    )]
    OffView {
        /// Its index, from 1.
        view: usize,
        /// Root mean square distance in it, px.
        rms_px: f64,
        /// Largest that is accepted beside the other views, px.
        expected_px: f64,
    },
    /// The points do not lie where any lens would show them.
    #[error(
        "the points fit no lens (off by {rms_px:.2} px, expected at most {expected_px} px; worst is photo {view}): is the target flat, and are \
         rows, columns and square size right?"
    )]
    NoLens {
        /// Root mean square distance, px.
        rms_px: f64,
        /// Largest that is accepted, px.
        expected_px: f64,
        /// The view with the largest, from 1.
        view: usize,
    },
}

/// Fewest views that can fix a lens.
pub const MIN_VIEWS: usize = 3;
/// A focal length known no better than this (relative, k = 1) measures nothing.
const MAX_U_FOCAL: f64 = 0.02;
/// Targets that are printed and glued by hand are off by a few tenths of a pixel; an order of magnitude more is another target.
const MAX_RMS_PX: f64 = 3.0;

/// A view whose own focal length differs from the others' by less (relative) is one of a board that is not flat: real ones differ by up to 7 %, which they
/// know to 2 %.
const MAX_OWN_FOCAL: f64 = 0.04;
/// And by less than so many standard uncertainties.
const MAX_OWN_FOCAL_IN_U: f64 = 6.0;
/// A view may be off by so many times as much as the middle one.
const MAX_TIMES_OFF: f64 = 4.0;
/// And by this in any case, px.
const ALWAYS_OFF_PX: f64 = 0.5;

/// `1, 4 and 7`
fn listed(views: &[usize]) -> String {
    let words: Vec<String> = views.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// Refuses views that speak of another lens than most. Least squares finds a lens between two zooms that explains neither, with residuals that are no
/// larger than those of a board that is not flat: what each view says of the focal length by itself tells the two apart.
fn agree(views: &[View], found: &Calibrated) -> Result<(), CalibrateError> {
    let alone: Vec<(usize, f64, f64)> = (views.iter().zip(&found.poses).enumerate())
        .filter_map(|(i, (view, pose))| bundle::focal_alone(view, &found.lens, pose).map(|(d, u)| (i + 1, d, u)))
        .collect();
    let middle_of = |mut numbers: Vec<f64>| median(&mut numbers).unwrap_or(f64::NAN);
    let middle = middle_of(alone.iter().map(|(_, d, _)| *d).collect());
    let u_middle = middle_of(alone.iter().map(|(_, _, u)| *u).collect());
    let off = |d: f64| (d - middle).abs();
    let most = |u: f64| MAX_OWN_FOCAL.max(MAX_OWN_FOCAL_IN_U * (u * u + u_middle * u_middle).sqrt());
    let other: Vec<_> = alone.iter().filter(|(_, d, u)| off(*d) > most(*u)).collect();
    if let Some((worst, d, u)) = other.iter().max_by(|a, b| off(a.1).total_cmp(&off(b.1))) {
        return Err(CalibrateError::OtherFocal {
            views: other.iter().map(|(view, ..)| *view).collect(),
            worst: *worst,
            percent: 100.0 * off(*d),
            expected: (100.0 * most(*u)).round(),
        });
    }
    let expected_px = (MAX_TIMES_OFF * middle_of(found.view_rms_px.clone())).max(ALWAYS_OFF_PX);
    let worst = (0..views.len()).max_by(|a, b| found.view_rms_px[*a].total_cmp(&found.view_rms_px[*b]));
    match worst.filter(|v| found.view_rms_px[*v] > expected_px) {
        Some(v) => Err(CalibrateError::OffView { view: v + 1, rms_px: found.view_rms_px[v], expected_px }),
        None => Ok(()),
    }
}

/// Finds the lens that explains all views best.
///
/// Least squares over all coordinates, all parameters free: for the same points it ends where OpenCV's `calibrateCamera` does. The
/// covariance is that of the lens alone, with the poses of the views left free.
///
/// # Errors
/// [`CalibrateError`] when the views do not say enough, or contradict any lens.
///
/// Cost: about 30 ms for ten views of 54 points.
///
/// Honest scope: one camera with fixed focus and zoom; a flat target; lenses up to about 100° across.
pub fn calibrate(views: &[View], size: (u32, u32)) -> Result<Calibrated, CalibrateError> {
    if views.len() < MIN_VIEWS {
        return Err(CalibrateError::TooFewViews { found: views.len(), expected: MIN_VIEWS });
    }
    let (lens, poses) = start(views, size)?;
    let Some(found) = bundle::solve(views, lens, poses) else {
        // No answer at all: the equations are singular, as they are for views that are all parallel.
        return Err(CalibrateError::TooAlike { percent: 100.0, expected: 100.0 * MAX_U_FOCAL });
    };
    if found.rms_px.is_nan() || found.rms_px > MAX_RMS_PX {
        let worst = (0..views.len()).max_by(|a, b| found.view_rms_px[*a].total_cmp(&found.view_rms_px[*b]));
        return Err(CalibrateError::NoLens {
            rms_px: found.rms_px,
            expected_px: MAX_RMS_PX,
            view: worst.map_or(0, |v| v + 1),
        });
    }
    agree(views, &found)?;
    let u_focal = found.covariance[0][0].max(0.0).sqrt() / found.lens.fx;
    if u_focal.is_nan() || u_focal > MAX_U_FOCAL {
        return Err(CalibrateError::TooAlike { percent: 100.0 * u_focal, expected: 100.0 * MAX_U_FOCAL });
    }
    Ok(found)
}
