//! A picture of a good part, as reference.

use super::{Pyramid, Raster};
use crate::calibration::{Plane, Tone};
use crate::photo::Photo;

/// A picture of a good part.
#[derive(Debug)]
pub struct ReferencePicture {
    /// The decoded picture.
    pub photo: Photo,
    /// Its linear light.
    pub light: Plane,
    /// Its lightness at halved sizes.
    pub pyramid: Pyramid,
    /// Per level of the pyramid, the pixels that pin the pose down. Empty for levels finer than a pose needs.
    pub(crate) landmarks: Vec<Vec<Landmark>>,
}

/// A pixel of the reference with a slope.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Landmark {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) lightness: f32,
    /// Lightness per pixel.
    pub(crate) slope: [f32; 2],
}

/// A smaller slope is noise or shading, lightness per pixel.
const LEAST_SLOPE: f32 = 0.015;
/// Poses are found on pictures of at most this longer side, px: 0.05 px there is 0.2 px of a 12-megapixel photo.
const POSE_SIDE: usize = 1400;

impl ReferencePicture {
    /// Prepares a photo for comparison. Cost: about 30 ns per pixel.
    pub fn new(photo: Photo, tone: Tone) -> Self {
        let light = tone.linear(&photo.picture);
        let pyramid = Pyramid::new(&light);
        let landmarks = pyramid.levels.iter().map(landmarks).collect();
        Self { light, photo, pyramid, landmarks }
    }
}

/// The steepest pixel of every block: edges, evenly spread.
fn landmarks(level: &Raster) -> Vec<Landmark> {
    let (w, h) = (level.width, level.height);
    let side = w.max(h);
    if side > POSE_SIDE || w < 3 || h < 3 {
        return Vec::new();
    }
    let block = match side {
        ..=60 => 1,
        61..=240 => 2,
        _ => 4,
    };
    let mut found = Vec::new();
    for y0 in (1..h - 1).step_by(block) {
        for x0 in (1..w - 1).step_by(block) {
            let mut best: Option<(f32, Landmark)> = None;
            for y in y0..(y0 + block).min(h - 1) {
                for x in x0..(x0 + block).min(w - 1) {
                    let at = |x: usize, y: usize| level.data[y * w + x];
                    let slope = [0.5 * (at(x + 1, y) - at(x - 1, y)), 0.5 * (at(x, y + 1) - at(x, y - 1))];
                    let square = slope[0] * slope[0] + slope[1] * slope[1];
                    if square > LEAST_SLOPE * LEAST_SLOPE && best.is_none_or(|(b, _)| square > b) {
                        best = Some((square, Landmark { x: x as f32, y: y as f32, lightness: at(x, y), slope }));
                    }
                }
            }
            found.extend(best.map(|(_, l)| l));
        }
    }
    found
}
