//! A ground that is brighter than the camera can tell.

use crate::geometry::{ImagePx, Point};
use crate::photo::Picture;

/// Share of the border at the brightest code from which on the ground is taken to be overexposed: a lamp that reaches the border is a reflex.
const OVEREXPOSED: f64 = 0.6;
/// How far inside of the picture's sides the ground is looked at, shares of the shorter side.
const DEPTHS: [f64; 3] = [0.004, 0.012, 0.02];
/// Places beside each other there, px.
const STEP_PX: u32 = 4;

/// Standard uncertainty of edges beside an overexposed ground that nobody calibrated, px. A ground k times as bright as the brightest code moves the half-light line
/// into the material by as many blurs as leave half of k: 0.4 px at k = 1.5 and 0.9 px at k = 3 (blur of 1 px).
pub(super) const U_OVEREXPOSED_PX: f64 = 0.6;

/// True where most of the picture's border is at the brightest code: the ground may be brighter, and edges beside it are not where half of the light is. Usual with
/// back-light and scanners.
///
/// Cost: 0.2 ms for 12 megapixels.
///
/// ```
/// use inspector::calibration::overexposed_ground;
/// use inspector::photo::Picture;
/// let ground = |code| overexposed_ground(&Picture::Grey(image::GrayImage::from_pixel(200, 100, image::Luma([code]))));
/// assert!(ground(255) && !ground(250));
/// ```
pub fn overexposed_ground(picture: &Picture) -> bool {
    let (w, h) = (picture.width(), picture.height());
    let (mut bright, mut all) = (0, 0);
    for depth in DEPTHS.map(|share| share * f64::from(w.min(h))) {
        let (right, low) = (f64::from(w) - 1.0 - depth, f64::from(h) - 1.0 - depth);
        let along = |n: u32| (0..n).step_by(STEP_PX as usize).map(f64::from);
        let across = along(w).flat_map(|x| [Point::new(x, depth), Point::new(x, low)]);
        let down = along(h).flat_map(|y| [Point::new(depth, y), Point::new(right, y)]);
        for p in across.chain(down) {
            let p: Point<ImagePx> = p;
            bright += usize::from(picture.is_brightest(p));
            all += 1;
        }
    }
    f64::from(bright as u32) > OVEREXPOSED * f64::from(all)
}
