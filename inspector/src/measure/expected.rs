//! What the photo should show, pixel by pixel, if the part were the one in the reference picture.

use crate::design::{Raster, ReferencePicture};
use crate::geometry::{ImagePx, Point};
use crate::registration::PicturePose;
use rayon::prelude::*;

/// Photo and reference on the photo's own pixels, in the lightness of the reference: the photo's light has been divided out.
#[derive(Clone, Debug)]
pub struct Compared {
    /// What the reference shows, `(height, width)` of the photo; NaN outside it.
    pub expected: Raster,
    /// What the photo shows, same shape; NaN where nothing is compared.
    pub seen: Raster,
}

/// Least difference of white and black that the light is divided by: a photo that dark is judged on noise otherwise.
const LEAST_CONTRAST: f64 = 0.2;

/// Samples the reference through the pose and its bend, and takes the photo's light off the photo.
///
/// `seen` says nothing within `border_px` of the reference's border, where a resampled or scanned picture mixes with what lies beyond it.
/// Where it does say something, `expected` is known `reach_px` further in every direction (`border_px >= reach_px`).
///
/// The photo is never resampled. Cost: about 20 ns per pixel.
pub fn compare(pose: &PicturePose, reference: &ReferencePicture, border_px: f64, reach_px: usize) -> Compared {
    let source = &reference.pyramid.levels[0];
    let photo = &pose.pyramid.levels[0];
    let reference_from_image = pose.image_from_reference.inverse();
    let inner = |x: f64, y: f64, border: f64| {
        x >= border
            && y >= border
            && x <= source.width as f64 - 1.0 - border
            && y <= source.height as f64 - 1.0 - border
    };
    // One pixel more than the reach: scale and bend are not exactly 1 and 0.
    let known = (border_px - reach_px as f64 - 1.0).max(0.0);
    let (width, height) = (photo.width, photo.height);
    let mut expected = vec![f32::NAN; photo.data.len()];
    let mut seen = vec![f32::NAN; photo.data.len()];
    let rows = expected.par_chunks_mut(width).zip(seen.par_chunks_mut(width)).zip(photo.data.par_chunks(width));
    rows.enumerate().for_each(|(y, ((expected, seen), photo))| {
        for x in 0..width {
            let p = reference_from_image.apply(Point::<ImagePx>::new(x as f64, y as f64));
            // The bend is smooth and small: it is the same at the place it leads from.
            let [u, v] = pose.bend.at(p.x, p.y);
            let (rx, ry) = (p.x - u, p.y - v);
            if !inner(rx, ry, known) {
                continue;
            }
            let Some(r) = source.sample(rx, ry) else { continue };
            expected[x] = r;
            let in_photo = x.min(y).min(width - 1 - x).min(height - 1 - y) >= reach_px;
            if in_photo && inner(rx, ry, border_px) {
                let [dark, bright] = pose.light.at(p.x, p.y);
                seen[x] = ((f64::from(photo[x]) - dark) / (bright - dark).max(LEAST_CONTRAST)) as f32;
            }
        }
    });
    let raster = |data| Raster { width, height, data };
    Compared { expected: raster(expected), seen: raster(seen) }
}
