//! Pose of a reference picture: every turn, scale and shift on a coarse level, then Gauss-Newton down the pyramid.

mod grid;
mod local;
mod refine;
mod search;
mod slide;
#[cfg(test)]
mod tests;

use crate::calibration::Located;
use crate::design::{Landmark, Pyramid, Raster, ReferencePicture};
use crate::geometry::{ImagePx, ReferencePx, Similarity};
use crate::reason::Reason;
pub(crate) use grid::Grid;
use rayon::prelude::*;
use refine::Fit;

/// How the reference picture lies in the photo.
#[derive(Clone, Debug)]
pub struct PicturePose {
    /// From reference pixels to photo pixels.
    pub image_from_reference: Similarity<ReferencePx, ImagePx>,
    /// Correlation of photo and reference along the reference's edges, in [-1, 1].
    pub correlation: f64,
    /// Part of the reference's area that the photo shows, in [0, 1].
    pub covered: f64,
    /// The photo's lightness at halved sizes.
    pub pyramid: Pyramid,
    /// What the pose leaves over: reference pixel `p` is seen where the pose puts `p + bend(p)`.
    pub(crate) bend: Grid,
    /// Lightness in the photo of black and of white in the reference, over the reference's pixels.
    pub(crate) light: Grid,
}

/// A reference with fewer edge pixels pins nothing down.
const LEAST_LANDMARKS: usize = 60;
/// Photos of the same thing correlate along its edges by more than this; pictures of different things by less.
const LEAST_CORRELATION: f64 = 0.45;

/// Finds the reference picture in the photo.
///
/// Cost: about 40 ms and 30 ns per pixel, one thread. Source: B. Zitova, J. Flusser, "Image registration methods: a survey",
/// DOI 10.1016/S0262-8856(03)00137-9, coarse to fine.
///
/// Honest scope: turned by at most 9 degrees, scaled by 5 %, shifted by a tenth of the picture; the two pictures have the same
/// number of pixels per millimetre, half of the reference is seen, and nothing lies in the photo in front of it. Pictures many times
/// longer than wide are refused where they cannot be halved often enough to be searched.
///
/// # Errors
/// [`Reason::NotAligned`] when no pose explains the photo, or it is too small to show half of the reference.
pub(super) fn align(located: &Located<'_>, reference: &ReferencePicture) -> Result<PicturePose, Reason> {
    let pyramid = Pyramid::new(&located.light);
    let not_aligned = |detail: String| Reason::NotAligned { detail };
    let sides = |p: &Pyramid| [p.levels[0].width, p.levels[0].height];
    let (seen, expected) = (sides(&pyramid), sides(&reference.pyramid));
    let [[w, h], [expected_w, expected_h]] = [seen, expected];
    if !search::can_show(seen, expected) {
        return Err(not_aligned(format!(
            "the photo is {w} x {h} px, expected at least half of the reference picture's {expected_w} x {expected_h} px"
        )));
    }
    let coarsest = pyramid.levels.len().min(reference.pyramid.levels.len()) - 1;
    let finest = (0..=coarsest).find(|l| !reference.landmarks[*l].is_empty()).unwrap_or(coarsest);
    if reference.landmarks[finest].len() < LEAST_LANDMARKS {
        return Err(not_aligned("the reference picture shows no edges".to_owned()));
    }
    if search::pixels_compared(&reference.pyramid.levels[coarsest]) > search::MOST_PIXELS {
        return Err(not_aligned(format!(
            "the pictures are too narrow to be searched: the photo is {w} x {h} px, the reference picture {expected_w} x {expected_h} px"
        )));
    }
    let mut fits = search::candidates(&pyramid.levels[coarsest], &reference.pyramid.levels[coarsest], 40);
    for level in (finest..coarsest).rev() {
        // The finer the level, the dearer a step, and the better its vote.
        let (keep, steps) = match coarsest - level {
            1 => (6, 10),
            2 => (2, 8),
            _ => (1, 8),
        };
        let view = Level::new(&pyramid, reference, level);
        let mut refined: Vec<(f64, Fit)> =
            fits.par_iter().filter_map(|fit| view.refined(&fit.doubled(), steps)).collect();
        refined.sort_by(|x, y| y.0.total_cmp(&x.0));
        fits = refined.into_iter().take(keep).map(|(_, fit)| fit).collect();
    }
    let view = Level::new(&pyramid, reference, finest);
    let Some(fit) = fits.first().and_then(|fit| fit.refine(view.photo, view.landmarks, 10, 0.005)) else {
        return Err(not_aligned("no pose fits".to_owned()));
    };
    // Last, because refining would wander off again along what it cannot see.
    let coarse = (finest + 2).min(coarsest);
    let mut fit = slide::along_weak_direction(&fit, &view, &Level::new(&pyramid, reference, coarse), coarse - finest);
    let quality = fit.along_edges(view.photo, view.landmarks);
    if quality.correlation < LEAST_CORRELATION {
        return Err(not_aligned(format!(
            "their edges correlate by {:.2}, expected at least {LEAST_CORRELATION}",
            quality.correlation
        )));
    }
    let light = local::light(&fit, &view);
    let scale = (1_u64 << finest) as f64;
    let bend = local::bend(&fit, &light, &view, scale);
    for _ in 0..finest {
        fit = fit.doubled();
    }
    Ok(PicturePose {
        image_from_reference: Similarity::from_parts(fit.a, fit.b, false, fit.tx, fit.ty),
        correlation: quality.correlation,
        covered: covered(&fit, &reference.pyramid, &pyramid),
        pyramid,
        bend: bend.enlarged(scale, scale),
        light: light.enlarged(scale, 1.0),
    })
}

/// Photo and reference at one size.
struct Level<'a> {
    photo: &'a Raster,
    reference: &'a Raster,
    landmarks: &'a [Landmark],
}

impl<'a> Level<'a> {
    fn new(photo: &'a Pyramid, reference: &'a ReferencePicture, level: usize) -> Self {
        Self {
            photo: &photo.levels[level],
            reference: &reference.pyramid.levels[level],
            landmarks: &reference.landmarks[level],
        }
    }

    /// The fit refined, with its score; `None` when it leaves what [`align`] promises to search.
    fn refined(&self, fit: &Fit, steps: usize) -> Option<(f64, Fit)> {
        let fit = fit.refine(self.photo, self.landmarks, steps, 0.02)?;
        search::within_reach(&fit, self.photo, self.reference)
            .then(|| (fit.everywhere(self.photo, self.reference).score(), fit))
    }
}

/// Part of the reference that lies in the photo, counted on a grid of 64 x 64 places.
fn covered(fit: &Fit, reference: &Pyramid, photo: &Pyramid) -> f64 {
    const N: usize = 64;
    let (r, p) = (&reference.levels[0], &photo.levels[0]);
    let places = |side: usize| (0..N).map(move |k| (k as f64 + 0.5) / N as f64 * side as f64 - 0.5);
    let inside = places(r.height)
        .flat_map(|y| places(r.width).map(move |x| (x, y)))
        .filter(|(x, y)| {
            let (px, py) = fit.apply(*x, *y);
            (-0.5..p.width as f64 - 0.5).contains(&px) && (-0.5..p.height as f64 - 0.5).contains(&py)
        })
        .count();
    inside as f64 / (N * N) as f64
}
