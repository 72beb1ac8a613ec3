//! A sheet, printed not quite to scale and not quite flat, in front of a camera: its parameters and their derivatives.
//!
//! A sheet that lies nearly flat still lies in waves, and waves of a tenth of a millimetre move what an oblique camera sees by more than the noise of
//! corners. Bends that are left out would go into pose and lens; so the lowest ones are parameters too.

use crate::calibration::{Lens, Perspective};
use crate::geometry::{Matrix3, PlaneMm, Point, Rigid, times};

/// Number of parameters: turn (3), shift (3), lens (9), printed scale across and up and skew (3), bends.
pub(super) const N: usize = HEIGHT + BENDS;
/// Bends of the sheet: three of second order, then its waves.
pub(super) const BENDS: usize = 3 + WAVES.len();
/// Orders across and up of the waves: all products of Legendre polynomials of third to fifth order. Over the ring of an A4 sheet that is waves of 150 mm and
/// longer.
const WAVES: [(usize, usize); 15] = [
    (3, 0),
    (2, 1),
    (1, 2),
    (0, 3),
    (4, 0),
    (3, 1),
    (2, 2),
    (1, 3),
    (0, 4),
    (5, 0),
    (4, 1),
    (3, 2),
    (2, 3),
    (1, 4),
    (0, 5),
];
/// Standard uncertainty of a wave of third, fourth and fifth order, beside that of a bend of second order: about what cylinders of 180 to 500 mm have.
const WAVE_SHARE: [f64; 3] = [0.75, 0.5, 0.25];
/// Where the lens begins.
pub(super) const LENS: usize = 6;
/// Where the print begins.
pub(super) const PRINT: usize = 15;
/// Where the heights begin.
pub(super) const HEIGHT: usize = 18;

/// Values of the parameters. A step of the turn is a small turn after the present one, so that no turn is singular.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Model {
    pub(super) pose: Rigid,
    pub(super) lens: Lens,
    /// Printed scale across and up minus one, and skew: how far x moves per y.
    pub(super) print: [f64; 3],
    /// Height of the sheet at the ring's right end, at its upper end, and of its twist, mm; then amplitudes of its waves. The middle has height 0.
    pub(super) height: [f64; BENDS],
}

/// A view of the model with what all points share.
pub(super) struct View<'m> {
    model: &'m Model,
    turn: Matrix3,
    /// Half of the ring, mm.
    half: [f64; 2],
}

impl Model {
    pub(super) fn view(&self, half: [f64; 2]) -> View<'_> {
        View { model: self, turn: self.pose.matrix(), half }
    }

    /// The same after a step.
    #[must_use]
    pub(super) fn after(&self, step: &[f64; N]) -> Self {
        let three = |at: usize| [step[at], step[at + 1], step[at + 2]];
        let turned = Rigid { turn: three(0), shift: [0.0; 3] }.after(&Rigid { shift: [0.0; 3], ..self.pose });
        let add = |a: [f64; 3], b: [f64; 3]| [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
        let lens = self.lens.parameters();
        Self {
            pose: Rigid { turn: turned.turn, shift: add(self.pose.shift, three(3)) },
            lens: Lens::from_parameters(std::array::from_fn(|i| lens[i] + step[LENS + i])),
            print: add(self.print, three(PRINT)),
            height: std::array::from_fn(|k| self.height[k] + step[HEIGHT + k]),
        }
    }

    /// Everything that priors speak of, in the order of the parameters; zeros for the pose.
    pub(super) fn values(&self) -> [f64; N] {
        let mut out = [0.0; N];
        out[LENS..PRINT].copy_from_slice(&self.lens.parameters());
        out[PRINT..HEIGHT].copy_from_slice(&self.print);
        out[HEIGHT..].copy_from_slice(&self.height);
        out
    }

    /// Height of a printed place above the middle, mm.
    pub(super) fn height_at(&self, p: Point<PlaneMm>, half: [f64; 2]) -> f64 {
        bends(p.x / half[0], p.y / half[1]).iter().zip(self.height).map(|(b, h)| b * h).sum()
    }

    /// The camera: millimetres on the plane are true ones.
    pub(super) fn perspective(&self) -> Perspective {
        Perspective::new(self.lens, self.pose)
    }
}

/// Standard uncertainty of each bend of a sheet whose height has the standard uncertainty `u_flat_mm`, mm.
pub(super) fn u_bends(u_flat_mm: f64) -> [f64; BENDS] {
    std::array::from_fn(|k| if k < 3 { u_flat_mm } else { WAVE_SHARE[WAVES[k - 3].0 + WAVES[k - 3].1 - 3] * u_flat_mm })
}

/// Height of each bend at a place, in halves of the ring from its middle, above the height in the middle.
fn bends(u: f64, v: f64) -> [f64; BENDS] {
    /// Of Legendre's polynomials.
    const MIDDLE: [f64; 6] = [1.0, 0.0, -0.5, 0.0, 0.375, 0.0];
    let (across, up) = (legendre(u), legendre(v));
    std::array::from_fn(|k| match k {
        0 => u * u,
        1 => v * v,
        2 => u * v,
        _ => {
            let (i, j) = WAVES[k - 3];
            across[i] * up[j] - MIDDLE[i] * MIDDLE[j]
        }
    })
}

/// Legendre's polynomials of order 0 to 5.
fn legendre(x: f64) -> [f64; 6] {
    let mut p = [1.0, x, 0.0, 0.0, 0.0, 0.0];
    for n in 1..5 {
        let k = n as f64;
        p[n + 1] = ((2.0 * k + 1.0) * x * p[n] - k * p[n - 1]) / (k + 1.0);
    }
    p
}

impl View<'_> {
    /// Where a printed point is seen, px, and the derivatives; `None` behind the camera.
    pub(super) fn project(&self, p: Point<PlaneMm>) -> Option<([f64; 2], [[f64; N]; 2])> {
        let m = self.model;
        let (u, v) = (p.x / self.half[0], p.y / self.half[1]);
        let bends = bends(u, v);
        let space = [
            p.x * (1.0 + m.print[0]) + p.y * m.print[2],
            p.y * (1.0 + m.print[1]),
            bends.iter().zip(m.height).map(|(b, h)| b * h).sum(),
        ];
        let turned = times(&self.turn, space);
        let q: [f64; 3] = std::array::from_fn(|i| turned[i] + m.pose.shift[i]);
        let (x, y) = (q[0] / q[2], q[1] / q[2]);
        if !(q[2] > 0.0 && m.lens.sees([x, y])) {
            return None;
        }
        let seen = m.lens.project([x, y]);
        let by_ray = m.lens.jacobian([x, y]);
        // By a movement in the camera's axes.
        let by = |d: [f64; 3]| {
            let ray = [(d[0] - x * d[2]) / q[2], (d[1] - y * d[2]) / q[2]];
            [by_ray[0][0] * ray[0] + by_ray[0][1] * ray[1], by_ray[1][0] * ray[0] + by_ray[1][1] * ray[1]]
        };
        let column = |k: usize| [self.turn[0][k], self.turn[1][k], self.turn[2][k]];
        let scaled = |v: [f64; 3], s: f64| v.map(|c| c * s);
        let [tx, ty, tz] = turned;
        let mut d = [[0.0; N]; 2];
        let mut set = |k: usize, [du, dv]: [f64; 2]| (d[0][k], d[1][k]) = (du, dv);
        set(0, by([0.0, -tz, ty]));
        set(1, by([tz, 0.0, -tx]));
        set(2, by([-ty, tx, 0.0]));
        set(3, by([1.0, 0.0, 0.0]));
        set(4, by([0.0, 1.0, 0.0]));
        set(5, by([0.0, 0.0, 1.0]));
        let l = &m.lens;
        let r2 = x * x + y * y;
        set(LENS, [(seen.x - l.cx) / l.fx, 0.0]);
        set(LENS + 1, [0.0, (seen.y - l.cy) / l.fy]);
        set(LENS + 2, [1.0, 0.0]);
        set(LENS + 3, [0.0, 1.0]);
        set(LENS + 4, [l.fx * x * r2, l.fy * y * r2]);
        set(LENS + 5, [l.fx * x * r2 * r2, l.fy * y * r2 * r2]);
        set(LENS + 6, [l.fx * 2.0 * x * y, l.fy * (r2 + 2.0 * y * y)]);
        set(LENS + 7, [l.fx * (r2 + 2.0 * x * x), l.fy * 2.0 * x * y]);
        set(LENS + 8, [l.fx * x * r2 * r2 * r2, l.fy * y * r2 * r2 * r2]);
        set(PRINT, by(scaled(column(0), p.x)));
        set(PRINT + 1, by(scaled(column(1), p.y)));
        set(PRINT + 2, by(scaled(column(0), p.y)));
        for (k, bend) in bends.into_iter().enumerate() {
            set(HEIGHT + k, by(scaled(column(2), bend)));
        }
        Some(([seen.x, seen.y], d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_the_differences() {
        let lens = Lens { k1: -0.1, k2: 0.05, p1: 0.001, p2: -0.002, k3: 0.01, ..Lens::pinhole(1500.0, 1920, 1080) };
        let pose = Rigid { turn: [2.9, 0.3, -0.2], shift: [10.0, -20.0, 350.0] };
        let model =
            Model { pose, lens, print: [0.003, -0.002, 0.001], height: std::array::from_fn(|k| 0.4 - 0.05 * k as f64) };
        let half = [90.0, 130.0];
        for p in [Point::new(80.0, 120.0), Point::new(-85.0, 30.0), Point::new(5.0, -125.0)] {
            let (_, d) = model.view(half).project(p).unwrap();
            for k in 0..N {
                let h = if (3..LENS + 4).contains(&k) { 1e-4 } else { 1e-6 };
                let at = |h: f64| {
                    let mut step = [0.0; N];
                    step[k] = h;
                    model.after(&step).view(half).project(p).unwrap().0
                };
                let (a, b) = (at(h), at(-h));
                for i in 0..2 {
                    let difference = (a[i] - b[i]) / (2.0 * h);
                    assert!(
                        (difference - d[i][k]).abs() < 1e-5 * (1.0 + d[i][k].abs()),
                        "{k} {i}: {difference} {}",
                        d[i][k]
                    );
                }
            }
        }
    }
}
