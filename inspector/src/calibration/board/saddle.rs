//! Saddle points of the light: where a chessboard's squares touch.

use crate::calibration::Plane;
use crate::geometry::{ImagePx, Point, Vector};
use crate::measure::bilinear;
use rayon::prelude::*;

/// An inner corner of something like a chessboard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Saddle {
    pub(super) p: Point<ImagePx>,
    /// Unit directions of the two edges that cross here, the second within half a turn counter-clockwise (as drawn, y down: clockwise
    /// to the eye) of the first.
    pub(super) edges: [Vector<ImagePx>; 2],
    /// True when it is bright between the first edge and the second.
    pub(super) bright: bool,
    /// Strength of the saddle.
    pub(super) response: f32,
}

impl Saddle {
    /// True when it is bright in this direction from the corner.
    pub(super) fn is_bright(&self, direction: Vector<ImagePx>) -> bool {
        let between = self.edges[0].cross(direction) * direction.cross(self.edges[1]) > 0.0;
        between == self.bright
    }
}

/// Binomial of five, for smoothing before second derivatives.
const SMOOTH: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
/// No second corner is nearer than this, px.
const APART: usize = 4;
/// Weakest response that is looked at, of the strongest.
const WEAKEST: f32 = 0.004;
/// Most candidates.
const MOST: usize = 4000;
/// Radii of the rings on which light must change four times, px.
const RINGS: [f64; 2] = [3.5, 5.5];
/// Places on a ring.
const PLACES: usize = 48;

/// All places of the picture that look like an inner corner, strongest first.
pub(super) fn candidates(plane: &Plane) -> Vec<Saddle> {
    let (w, h) = (plane.width() as usize, plane.height() as usize);
    if w < 32 || h < 32 {
        return Vec::new();
    }
    let smooth = smoothed(plane, w, h);
    let response = response(&smooth, w, h);
    let strongest = response.iter().copied().fold(0.0, f32::max);
    let least = (WEAKEST * strongest).max(1e-6);
    let mut peaks: Vec<(usize, f32)> = (APART..h - APART)
        .flat_map(|y| (APART..w - APART).map(move |x| y * w + x))
        .filter(|i| response[*i] > least && peak(&response, w, *i))
        .map(|i| (i, response[i]))
        .collect();
    peaks.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    peaks.truncate(MOST);
    peaks
        .par_iter()
        .filter_map(|(i, response)| {
            let p = Point::new((i % w) as f64, (i / w) as f64);
            let p = refine(plane, p, 4.0).filter(|q| q.distance(p) < 2.0)?;
            crossing(plane, p, *response)
        })
        .collect()
}

/// True when no pixel nearby has a stronger response (of equals the first counts).
fn peak(response: &[f32], w: usize, i: usize) -> bool {
    (0..=2 * APART).all(|dy| {
        let row = i + dy * w - APART * w - APART;
        (0..=2 * APART).all(|dx| {
            let j = row + dx;
            response[j] < response[i] || (response[j] == response[i] && j >= i)
        })
    })
}

/// The plane in [0, 1], twice smoothed by a binomial of five.
fn smoothed(plane: &Plane, w: usize, h: usize) -> Vec<f32> {
    let mut a: Vec<f32> = plane.as_raw().iter().map(|v| f32::from(*v) / 65535.0).collect();
    let mut b = vec![0.0; a.len()];
    for _ in 0..2 {
        b.par_chunks_mut(w).zip(a.par_chunks(w)).for_each(|(out, row)| {
            for (x, o) in out.iter_mut().enumerate() {
                *o = SMOOTH.iter().enumerate().map(|(k, c)| c * row[(x + k).saturating_sub(2).min(w - 1)]).sum();
            }
        });
        a.par_chunks_mut(w).enumerate().for_each(|(y, out)| {
            for (x, o) in out.iter_mut().enumerate() {
                *o = SMOOTH.iter().enumerate().map(|(k, c)| c * b[(y + k).saturating_sub(2).min(h - 1) * w + x]).sum();
            }
        });
    }
    a
}

/// How much each pixel is a saddle: minus the determinant of the second derivatives, zero where it is none.
fn response(s: &[f32], w: usize, h: usize) -> Vec<f32> {
    let mut out = vec![0.0; s.len()];
    out.par_chunks_mut(w).enumerate().filter(|(y, _)| (1..h - 1).contains(y)).for_each(|(y, row)| {
        for x in 1..w - 1 {
            let at = |dx: usize, dy: usize| s[(y + dy - 1) * w + x + dx - 1];
            let xx = at(0, 1) - 2.0 * at(1, 1) + at(2, 1);
            let yy = at(1, 0) - 2.0 * at(1, 1) + at(1, 2);
            let xy = 0.25 * (at(0, 0) + at(2, 2) - at(2, 0) - at(0, 2));
            row[x] = (xy * xy - xx * yy).max(0.0);
        }
    });
    out
}

/// The place where the gradients all round point past, by least squares (Förstner and Gülch 1987): exact for what looks the same after half a turn.
/// `None` when there is no such place within the window.
pub(super) fn refine(plane: &Plane, start: Point<ImagePx>, reach: f64) -> Option<Point<ImagePx>> {
    let mut p = start;
    let n = reach.ceil() as i32;
    for _ in 0..20 {
        let (mut xx, mut xy, mut yy, mut bx, mut by) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for dy in -n..=n {
            for dx in -n..=n {
                let (x, y) = (f64::from(dx), f64::from(dy));
                let weight = 1.0 - (x * x + y * y) / (reach * reach);
                if weight <= 0.0 {
                    continue;
                }
                // The window moves with the corner, by fractions of a pixel: the answer does not depend on where it began.
                let at = |u: f64, v: f64| bilinear(plane, p.x + x + u, p.y + y + v);
                let gx = at(1.0, 0.0)? - at(-1.0, 0.0)?;
                let gy = at(0.0, 1.0)? - at(0.0, -1.0)?;
                let w = weight * weight;
                xx += w * gx * gx;
                xy += w * gx * gy;
                yy += w * gy * gy;
                bx += w * (gx * gx * x + gx * gy * y);
                by += w * (gx * gy * x + gy * gy * y);
            }
        }
        let det = xx * yy - xy * xy;
        // Edges of one direction only.
        if det.is_nan() || det <= 1e-4 * (xx + yy) * (xx + yy) {
            return None;
        }
        let step = Vector::new((yy * bx - xy * by) / det, (xx * by - xy * bx) / det);
        p = p + step;
        if p.distance(start) > reach {
            return None;
        }
        if step.length() < 1e-4 {
            break;
        }
    }
    Some(p)
}

/// The two edges that cross at `p`: on rings round it light must change exactly four times, opposite changes half a turn apart.
fn crossing(plane: &Plane, p: Point<ImagePx>, response: f32) -> Option<Saddle> {
    let mut angles = [0.0; 2];
    let mut bright = false;
    // The outer ring counts; the inner one only must not say otherwise.
    for radius in RINGS {
        let ring = ring(plane, p, radius)?;
        (angles, bright) = four_changes(&ring)?;
    }
    let direction = |a: f64| {
        let (sin, cos) = libm::sincos(a);
        Vector::new(cos, sin)
    };
    Some(Saddle { p, edges: [direction(angles[0]), direction(angles[1])], bright, response })
}

fn ring(plane: &Plane, p: Point<ImagePx>, radius: f64) -> Option<[f64; PLACES]> {
    let mut out = [0.0; PLACES];
    for (k, o) in out.iter_mut().enumerate() {
        let (sin, cos) = libm::sincos(std::f64::consts::TAU * k as f64 / PLACES as f64);
        *o = bilinear(plane, p.x + radius * cos, p.y + radius * sin)?;
    }
    Some(out)
}

/// Directions of the two edges, radians in [0, π) with the second larger, and whether it is bright between them.
fn four_changes(ring: &[f64; PLACES]) -> Option<([f64; 2], bool)> {
    let (low, high) = ring.iter().fold((f64::INFINITY, 0.0_f64), |(l, h), v| (l.min(*v), h.max(*v)));
    let middle = 0.5 * (low + high);
    let mut changes = [0.0; 4];
    let mut n = 0;
    for k in 0..PLACES {
        let (a, b) = (ring[k] - middle, ring[(k + 1) % PLACES] - middle);
        if (a > 0.0) != (b > 0.0) {
            *changes.get_mut(n)? = (k as f64 + a / (a - b)) / PLACES as f64 * std::f64::consts::TAU;
            n += 1;
        }
    }
    if n != 4 {
        return None;
    }
    // Opposite ends of one edge, and edges that are not nearly one.
    let pi = std::f64::consts::PI;
    let lines: [f64; 2] = std::array::from_fn(|k| {
        let off = changes[k + 2] - changes[k] - pi;
        if off.abs() < 0.45 { changes[k] + 0.5 * off } else { f64::NAN }
    });
    let between = lines[1] - lines[0];
    if !(0.25..pi - 0.25).contains(&between) {
        return None;
    }
    let half = lines[0] + 0.5 * between;
    let place = (half / std::f64::consts::TAU * PLACES as f64).round() as usize % PLACES;
    Some((lines, ring[place] > middle))
}
