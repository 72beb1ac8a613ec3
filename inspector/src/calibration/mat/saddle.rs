//! The exact place where two black and two white quarters meet.
//!
//! The model `m + a e1 e2`, with `e` the error function of the distance to each of two lines, is fitted to the pixels themselves. Model and
//! light look the same after half a turn about the crossing, so whatever keeps that symmetry (blur, sharpening, a tone curve that is not quite
//! known, ink that spreads) does not move the answer; each line has a blur of its own, because hands shake in one direction.
//!
//! Honest scope: nothing else within `reach` of the crossing; blur up to about half of `reach`.

use crate::calibration::Plane;
use crate::geometry::{ImagePx, NormalEquations, Point, Vector, cumulative_and_density, solve_symmetric};

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// About where it is.
    pub(crate) p: Point<ImagePx>,
    /// Unit directions of the two lines.
    pub(crate) along: [Vector<ImagePx>; 2],
    /// Radius within which nothing else is, px.
    pub(crate) reach_px: f64,
    /// How far the answer may lie from `p`, px.
    pub(crate) search_px: f64,
}

/// A saddle that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Saddle {
    /// Position.
    pub(crate) p: Point<ImagePx>,
    /// Standard uncertainty of each coordinate from the noise of its pixels.
    pub(crate) u_px: f64,
    /// Blur across each of the two lines, standard deviation, px.
    pub(crate) blur_px: [f64; 2],
    /// Light of the bright quarters minus that of the dark ones, 0..=65535: positive when the quarter between the two directions is dark
    /// (the second direction being clockwise of the first).
    pub(crate) contrast: f64,
    /// Root mean square of what the model leaves, relative to the contrast.
    pub(crate) residual: f64,
}

/// Finds the saddle near a place; `None` where there is none that can be believed.
///
/// Cost: about 30 µs.
pub(crate) fn refine(light: &Plane, start: &Start) -> Option<Saddle> {
    let angle = |v: Vector<ImagePx>| libm::atan2(v.y, v.x);
    let [t1, t2] = start.along.map(angle);
    let mut q = [0.0, 0.0, start.p.x, start.p.y, t1, t2, 1.2, 1.2];
    let mut fit = None;
    // The second time with the window in its right place.
    for round in 0..2 {
        let centre = Point::new(q[2], q[3]);
        let pixels = window(light, centre, start.reach_px)?;
        if round == 0 {
            levels(&pixels, &mut q)?;
        }
        let sums = descend(&pixels, &mut q, start.reach_px)?;
        fit = Some((sums, pixels));
        if start.p.distance(Point::new(q[2], q[3])) > start.search_px {
            return None;
        }
    }
    let (sums, pixels) = fit?;
    let contrast = 2.0 * q[1];
    let turned = [(q[4] - t1), (q[5] - t2)].into_iter().map(f64::abs).fold(0.0, f64::max);
    let residual = sums.mean_square.sqrt() / contrast.abs();
    if contrast.abs() < 300.0 || turned > 0.35 || residual.is_nan() || residual > 0.12 {
        return None;
    }
    let u_px = uncertainty(&pixels, &q, &sums)?;
    Some(Saddle { p: Point::new(q[2], q[3]), u_px, blur_px: [q[6].abs(), q[7].abs()], contrast, residual })
}

/// Standard uncertainty of a coordinate, from the scatter of the pixels: weights are chosen, so the inverse of the weighted normal matrix
/// alone would not tell it.
fn uncertainty(pixels: &[Sample], q: &[f64; 8], sums: &Sums) -> Option<f64> {
    let along = |k: usize| {
        let mut unit = [0.0; 8];
        unit[k] = 1.0;
        solve_symmetric(sums.normal, unit)
    };
    let (x, y) = (along(2)?, along(3)?);
    let model = Shape::of(q);
    let (mut spread, mut weight) = (0.0, 0.0);
    for (px, py, w, _) in pixels {
        let (_, row) = model.at(*px, *py);
        let by = |v: &[f64; 8]| (0..8).map(|i| v[i] * row[i]).sum::<f64>();
        spread += w * w * (by(&x) * by(&x) + by(&y) * by(&y));
        weight += w;
    }
    Some((0.5 * spread * sums.mean_square * weight / (weight - 8.0).max(1.0)).sqrt())
}

/// Position, weight, light.
type Sample = (f64, f64, f64, f64);

/// Pixels within `reach`, weighted down softly towards its border.
fn window(light: &Plane, centre: Point<ImagePx>, reach: f64) -> Option<Vec<Sample>> {
    let (w, h) = (f64::from(light.width()), f64::from(light.height()));
    let [x0, x1, y0, y1] = [centre.x - reach, centre.x + reach, centre.y - reach, centre.y + reach];
    if !(x0 >= 0.0 && y0 >= 0.0 && x1 <= w - 1.0 && y1 <= h - 1.0) {
        return None;
    }
    let samples = light.as_raw();
    let mut out = Vec::with_capacity((3.3 * reach * reach) as usize + 16);
    for y in y0.ceil() as usize..=y1 as usize {
        for x in x0.ceil() as usize..=x1 as usize {
            let (dx, dy) = (x as f64 - centre.x, y as f64 - centre.y);
            let inside = 1.0 - (dx * dx + dy * dy) / (reach * reach);
            if inside > 0.0 {
                out.push((x as f64, y as f64, inside, f64::from(samples[y * light.width() as usize + x])));
            }
        }
    }
    Some(out)
}

/// The levels that fit best with everything else as it is.
fn levels(pixels: &[Sample], q: &mut [f64; 8]) -> Option<()> {
    let (mut a, mut b) = ([[0.0; 2]; 2], [0.0; 2]);
    let ([s1, c1], [s2, c2]) = (sin_cos(q[4]), sin_cos(q[5]));
    for (x, y, w, v) in pixels {
        let (dx, dy) = (x - q[2], y - q[3]);
        let e = (2.0 * cumulative_and_density((c1 * dy - s1 * dx) / q[6]).0 - 1.0)
            * (2.0 * cumulative_and_density((c2 * dy - s2 * dx) / q[7]).0 - 1.0);
        a = [[a[0][0] + w, a[0][1] + w * e], [a[1][0] + w * e, a[1][1] + w * e * e]];
        b = [b[0] + w * v, b[1] + w * e * v];
    }
    let [mean, half] = solve_symmetric(a, b)?;
    (q[0], q[1]) = (mean, half);
    Some(())
}

fn sin_cos(angle: f64) -> [f64; 2] {
    let (sin, cos) = libm::sincos(angle);
    [sin, cos]
}

/// Weighted sums of a model.
struct Sums {
    mean_square: f64,
    normal: [[f64; 8]; 8],
    right: [f64; 8],
}

/// The model with what all pixels share.
struct Shape<'q> {
    q: &'q [f64; 8],
    lines: [[f64; 2]; 2],
    per_blur: [f64; 2],
}

impl<'q> Shape<'q> {
    fn of(q: &'q [f64; 8]) -> Self {
        Self { q, lines: [sin_cos(q[4]), sin_cos(q[5])], per_blur: [1.0 / q[6], 1.0 / q[7]] }
    }

    /// Light at a pixel, and its derivatives.
    fn at(&self, x: f64, y: f64) -> (f64, [f64; 8]) {
        let (q, [[s1, c1], [s2, c2]], [i1, i2]) = (self.q, self.lines, self.per_blur);
        let (dx, dy) = (x - q[2], y - q[3]);
        let (z1, z2) = ((c1 * dy - s1 * dx) * i1, (c2 * dy - s2 * dx) * i2);
        let ((p1, d1), (p2, d2)) = (cumulative_and_density(z1), cumulative_and_density(z2));
        let (e1, e2) = (2.0 * p1 - 1.0, 2.0 * p2 - 1.0);
        // Slope along each line's normal, per px.
        let (g1, g2) = (2.0 * q[1] * d1 * e2 * i1, 2.0 * q[1] * d2 * e1 * i2);
        let row = [
            1.0,
            e1 * e2,
            g1 * s1 + g2 * s2,
            -g1 * c1 - g2 * c2,
            -g1 * (c1 * dx + s1 * dy),
            -g2 * (c2 * dx + s2 * dy),
            -g1 * z1,
            -g2 * z2,
        ];
        (q[0] + q[1] * e1 * e2, row)
    }
}

/// Levenberg-Marquardt; gives the sums at the end.
fn descend(pixels: &[Sample], q: &mut [f64; 8], reach: f64) -> Option<Sums> {
    let mut damping = 1e-3;
    let mut now = sums(pixels, q);
    for _ in 0..25 {
        let mut damped = now.normal;
        for (i, row) in damped.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        let step = solve_symmetric(damped, now.right)?;
        let mut next = *q;
        for (n, s) in next.iter_mut().zip(step) {
            *n += s;
        }
        for blur in &mut next[6..] {
            *blur = blur.clamp(0.25, 0.7 * reach);
        }
        let then = sums(pixels, &next);
        if then.mean_square <= now.mean_square {
            *q = next;
            now = then;
            damping *= 0.1;
            if step[2].abs().max(step[3].abs()) < 2e-4 {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e5 {
                break;
            }
        }
    }
    Some(now)
}

fn sums(pixels: &[Sample], q: &[f64; 8]) -> Sums {
    let (model, mut out, mut weight) = (Shape::of(q), NormalEquations::new(), 0.0);
    for (x, y, w, v) in pixels {
        let (expected, row) = model.at(*x, *y);
        out.add(&row, v - expected, *w);
        weight += w;
    }
    Sums { mean_square: out.squares / weight, normal: out.normal, right: out.right }
}
