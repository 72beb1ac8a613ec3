//! What a similarity and one gain leave over: a slight bend, and light that differs from place to place.

use super::Level;
use super::grid::{Grid, Normal};
use super::refine::Fit;

/// Nodes of a grid along the longer side.
const NODES: f64 = 10.0;
/// Largest displacement that counts as bend, photo px: beyond it a feature has moved.
const MOST_BEND_PX: f64 = 1.0;
/// Pixels between the samples that light is found from.
const LIGHT_EVERY: usize = 3;

fn step(view: &Level<'_>) -> f64 {
    view.reference.width.max(view.reference.height) as f64 / NODES
}

/// Weight of a residual (Geman, McClure 1987).
fn weight(residual: f64, spread: f64) -> f64 {
    let k = residual / spread;
    1.0 / ((1.0 + k * k) * (1.0 + k * k))
}

/// Displacement in reference pixels: reference position `p` is seen where the pose puts `p + bend(p)`.
///
/// Gauss-Newton on the landmarks. Where edges of one direction alone leave a component open, the neighbours decide. `scale` is how many
/// photo pixels a pixel of this level is wide.
pub(super) fn bend(fit: &Fit, light: &Grid, view: &Level<'_>, scale: f64) -> Grid {
    let mut bend = Grid::constant(view.reference.width, view.reference.height, step(view), [0.0; 2]);
    for spread in [0.5, 0.4, 0.3, 0.25] {
        let mut normal = Normal::new(&bend);
        for l in view.landmarks {
            let (x, y) = (f64::from(l.x), f64::from(l.y));
            let [u, v] = bend.at(x, y);
            let (px, py) = fit.apply(x + u, y + v);
            let Some(seen) = view.photo.sample(px, py) else { continue };
            let [dark, bright] = light.at(x, y);
            let e = f64::from(seen) - (dark + (bright - dark) * f64::from(l.lightness));
            let slope = l.slope.map(|s| (bright - dark) * f64::from(s));
            // Moving on by d changes what is seen by slope · d; the right side is in terms of the whole displacement.
            normal.add(x, y, slope, slope[0] * u + slope[1] * v - e, weight(e, spread));
        }
        bend = normal.solve(0.1, 0.01, [0.0; 2]);
        bend.limit(MOST_BEND_PX / scale);
    }
    bend
}

/// Lightness in the photo of what is black and of what is white (0 and 1) in the reference, from place to place.
///
/// Least squares with weights, on every third pixel: a nonconformity has no say, a shadow does.
pub(super) fn light(fit: &Fit, view: &Level<'_>) -> Grid {
    let global = [fit.offset, fit.offset + fit.gain];
    let mut light = Grid::constant(view.reference.width, view.reference.height, step(view), global);
    for (round, spread) in [0.5, 0.3, 0.2, 0.2].into_iter().enumerate() {
        let mut normal = Normal::new(&light);
        for y in (0..view.reference.height).step_by(LIGHT_EVERY) {
            for (x, r) in view.reference.row(y).iter().enumerate().step_by(LIGHT_EVERY) {
                let (xf, yf, r) = (x as f64, y as f64, f64::from(*r));
                let (px, py) = fit.apply(xf, yf);
                let Some(seen) = view.photo.sample(px, py) else { continue };
                let [dark, bright] = light.at(xf, yf);
                let seen = f64::from(seen);
                let e = seen - (dark + (bright - dark) * r);
                normal.add(xf, yf, [1.0 - r, r], seen, weight(e, spread));
            }
        }
        // The first round is nearly one value for all: where the pose is a pixel off, edges say little about light.
        let stiffness = if round == 0 { 10.0 } else { 0.3 };
        light = normal.solve(stiffness, 0.0, global);
    }
    light
}
