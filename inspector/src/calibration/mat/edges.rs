//! How far black is seen beyond its border.
//!
//! A tag's corners are saddles, which nothing moves; its sides are edges, which a tone curve that is not quite right, light that blooms and
//! ink that spreads move outwards or inwards. The distance of the sides from the lines between the corners is what these do together.

use super::code::MODULES;
use super::find::Found;
use super::layout::Layout;
use super::pose::Fit;
use crate::calibration::Plane;
use crate::geometry::{ImagePx, NormalEquations, Point, Vector, cumulative_and_density, solve_symmetric};

/// Standard uncertainty of an edge where the tags show no offset, px: sharpening is known to 0.1, and an amount of 1 moves edges by 0.15 px.
pub(super) const EDGE_U_PX: f64 = 0.02;

/// The same where the tags are too small to show it.
pub(super) const UNSEEN_EDGE_U_PX: f64 = 0.1;
/// Pixels to each side without which a step cannot be fitted.
const LEAST_REACH_PX: f64 = 2.0;

/// Offsets of the sides of all tags whose corners were measured, px: positive where black is larger.
pub(super) fn edge_offsets(light: &Plane, layout: &Layout, found: &Found, fit: &Fit) -> Vec<f64> {
    let mut out = Vec::new();
    for tag in &found.tags {
        let printed = &layout.tags[tag.number];
        let nominal = printed.corners();
        let seen = |corner: usize| found.corners.iter().find(|c| c.tag == tag.number && c.corner == corner);
        for i in 0..4 {
            let j = (i + 1) % 4;
            let Some((a, b)) = seen(i).zip(seen(j)) else { continue };
            // Lenses bend sides: the fitted camera's line, moved onto the measured corners.
            let Some((fa, fb)) = fit.image_of(nominal[i]).zip(fit.image_of(nominal[j])) else { continue };
            let (ra, rb) = (a.p - fa, b.p - fb);
            let along = nominal[j] - nominal[i];
            let place = |t: f64| fit.image_of(nominal[i] + along * t).map(|p| p + ra * (1.0 - t) + rb * t);
            let behind = |t: f64| printed.is_white_behind(i, t);
            out.extend(offset(light, &place, &behind, a.p.distance(b.p)));
        }
    }
    out
}

/// Offset of one side: the mean profile across it, fitted by a blurred step. `behind` says where the modules behind the border are white.
fn offset(
    light: &Plane,
    place: &dyn Fn(f64) -> Option<Point<ImagePx>>,
    behind: &dyn Fn(f64) -> bool,
    length: f64,
) -> Option<f64> {
    // The border is one module wide.
    let border = length / MODULES as f64;
    let reach = (0.62 * border).min(7.0);
    if reach < LEAST_REACH_PX {
        return None;
    }
    let steps = (2.0 * reach / 0.5) as usize + 1;
    let (mut profile, mut white) = (vec![0.0; steps], 0.0);
    // Away from the corners, where the black squares begin.
    let count = (0.6 * length).ceil().max(8.0) as usize;
    for k in 0..count {
        let t = 0.2 + 0.6 * k as f64 / (count - 1) as f64;
        white += f64::from(u8::from(behind(t))) / count as f64;
        let (p, next) = (place(t)?, place(t + 0.01)?);
        let along = (next - p).unit()?;
        // Tags run clockwise in the picture: outwards is to the left of the way along a side.
        let outwards: Vector<ImagePx> = Vector::new(along.y, -along.x);
        for (i, v) in profile.iter_mut().enumerate() {
            *v += bilinear(light, p + outwards * (i as f64 * 0.5 - reach))? / count as f64;
        }
    }
    step(&profile, reach, border, white)
}

/// Where a profile rises from inside to outside: Gauss-Newton on two levels, place and blur. Of the light that begins again a `border` farther in, the share `white`
/// leaks in.
fn step(profile: &[f64], reach: f64, border: f64, white: f64) -> Option<f64> {
    let (first, last) = (profile[0], profile[profile.len() - 1]);
    let mut q = [first, last - first, 0.0, 1.2];
    for _ in 0..15 {
        let mut sums = NormalEquations::<4>::new();
        for (i, v) in profile.iter().enumerate() {
            let d = i as f64 * 0.5 - reach - q[2];
            let (z, inner) = (d / q[3], (d + border) / q[3]);
            let ((p, slope), (leaks, leaks_by)) = (cumulative_and_density(z), cumulative_and_density(-inner));
            let (p, slope, wider) = (p + white * leaks, slope - white * leaks_by, slope * z - white * leaks_by * inner);
            let row = [1.0, p, -q[1] * slope / q[3], -q[1] * wider / q[3]];
            sums.add(&row, v - q[0] - q[1] * p, 1.0);
        }
        let by = solve_symmetric(sums.normal, sums.right)?;
        q = std::array::from_fn(|i| q[i] + by[i]);
        q[2] = q[2].clamp(-0.5 * reach, 0.5 * reach);
        q[3] = q[3].clamp(0.3, 0.6 * reach);
    }
    (q[1] > 0.0 && q[2].abs() < 0.45 * reach).then_some(q[2])
}

fn bilinear(light: &Plane, p: Point<ImagePx>) -> Option<f64> {
    let (x, y) = (p.x.floor(), p.y.floor());
    let (w, h) = (light.width() as usize, light.height() as usize);
    if !(x >= 0.0 && y >= 0.0 && x + 1.0 < w as f64 && y + 1.0 < h as f64) {
        return None;
    }
    let (i, u, v) = (y as usize * w + x as usize, p.x - x, p.y - y);
    let s = light.as_raw();
    let at = |k: usize| f64::from(s[k]);
    Some((1.0 - v) * ((1.0 - u) * at(i) + u * at(i + 1)) + v * ((1.0 - u) * at(i + w) + u * at(i + w + 1)))
}
