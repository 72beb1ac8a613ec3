//! Maps from a plane to the picture of a pinhole, and what they tell of it: where least squares begin.

use crate::geometry::{ImagePx, PlaneMm, Point, Rigid, solve_symmetric};

/// `K [r1 r2 t]` up to a factor, principal point taken off: see [`Homography::columns`].
pub(super) type Columns = [[f64; 3]; 3];

/// From a flat target to the photo, lens distortion left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Homography {
    /// Rows; the last element is 1.
    h: [f64; 9],
    /// Millimetres are counted from the middle of the points on the target while fitting, which always lies before the camera, ...
    origin: Point<PlaneMm>,
    /// ... and pixels from the middle of those in the photo.
    middle: Point<ImagePx>,
}

/// Millimetres are divided by this while fitting, pixels by [`PX`]: the numbers are then near one.
const MM: f64 = 100.0;
const PX: f64 = 1000.0;

impl Homography {
    /// Least squares over pairs with weights; `None` when they do not fix it.
    ///
    /// Minimises algebraic residuals: good to a fraction of a pixel, made better by what follows.
    pub(super) fn fit(pairs: impl Iterator<Item = (Point<PlaneMm>, Point<ImagePx>, f64)> + Clone) -> Option<Self> {
        let (mut n, mut from, mut to) = (0.0, [0.0; 2], [0.0; 2]);
        for (p, q, w) in pairs.clone() {
            n += w;
            from = [from[0] + w * p.x, from[1] + w * p.y];
            to = [to[0] + w * q.x, to[1] + w * q.y];
        }
        let (origin, middle) = (Point::new(from[0] / n, from[1] / n), Point::new(to[0] / n, to[1] / n));
        let (mut a, mut b) = ([[0.0; 8]; 8], [0.0; 8]);
        for (p, q, w) in pairs {
            let (x, y) = ((p.x - origin.x) / MM, (p.y - origin.y) / MM);
            let (u, v) = ((q.x - middle.x) / PX, (q.y - middle.y) / PX);
            let rows =
                [([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u), ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v)];
            for (row, right) in rows {
                for i in 0..8 {
                    b[i] += w * row[i] * right;
                    for j in 0..8 {
                        a[i][j] += w * row[i] * row[j];
                    }
                }
            }
        }
        let s = solve_symmetric(a, b)?;
        Some(Self { h: [s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], 1.0], origin, middle })
    }

    /// Where a point of the target is seen; NaN when it lies behind the camera.
    pub(super) fn apply(&self, p: Point<PlaneMm>) -> Point<ImagePx> {
        let (h, x, y) = (&self.h, (p.x - self.origin.x) / MM, (p.y - self.origin.y) / MM);
        let depth = h[6] * x + h[7] * y + h[8];
        // The middle of the points has the depth 1, so what is seen has a positive one.
        let depth = if depth > 1e-6 { depth } else { f64::NAN };
        Point::new(
            self.middle.x + PX * (h[0] * x + h[1] * y + h[2]) / depth,
            self.middle.y + PX * (h[3] * x + h[4] * y + h[5]) / depth,
        )
    }

    /// Its columns with the given principal point taken off, scaled to plain millimetres and pixels: `K [r1 r2 t]` up to a factor, for a
    /// camera matrix K with that principal point.
    pub(super) fn columns(&self, principal: Point<ImagePx>) -> Columns {
        let h = &self.h;
        let column = |i: usize, per: f64| {
            let w = h[6 + i] / per;
            [
                PX * h[i] / per + (self.middle.x - principal.x) * w,
                PX * h[3 + i] / per + (self.middle.y - principal.y) * w,
                w,
            ]
        };
        let (x, y, middle) = (column(0, MM), column(1, MM), column(2, 1.0));
        [x, y, std::array::from_fn(|i| middle[i] - x[i] * self.origin.x - y[i] * self.origin.y)]
    }
}

/// The focal length at which the target's axes become square and alike in all maps (Zhang 2000, doi:10.1109/34.888718, for square pixels
/// and a known principal point); `None` where they do not say it.
pub(super) fn focal(maps: &[Columns]) -> Option<f64> {
    let (mut over, mut under) = (0.0, 0.0);
    for [a, b, _] in maps {
        // Maps are known up to a factor: each counts alike.
        let size = a.iter().chain(b).map(|c| c * c).sum::<f64>();
        for (p, q) in [
            (a[0] * b[0] + a[1] * b[1], a[2] * b[2]),
            (a[0] * a[0] + a[1] * a[1] - b[0] * b[0] - b[1] * b[1], a[2] * a[2] - b[2] * b[2]),
        ] {
            (over, under) = (over - p * q / (size * size), under + q * q / (size * size));
        }
    }
    let square = over / under;
    (square.is_finite() && square > 0.0).then(|| square.sqrt())
}

/// Pose of the target from the columns of its map, for a focal length.
pub(super) fn pose(columns: &Columns, f: f64) -> Option<Rigid> {
    // The target's origin lies in front of the camera.
    let sign = if columns[2][2] < 0.0 { -1.0 } else { 1.0 };
    let [a, b, t] = columns.map(|c| [sign * c[0] / f, sign * c[1] / f, sign * c[2]]);
    let length = |v: [f64; 3]| (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
    let scale = 2.0 / (length(a) + length(b));
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let unit = |v: [f64; 3]| v.map(|c| c / length(v));
    // Nearest square axes: half way between a and what is square to b.
    let z = unit(cross(unit(a), unit(b)));
    let (ua, ub) = (unit(a), unit(b));
    let x = unit(std::array::from_fn(|i| ua[i] + cross(ub, z)[i]));
    let y = cross(z, x);
    let matrix = std::array::from_fn(|i| [x[i], y[i], z[i]]);
    let pose = Rigid::from_matrix(&matrix, t.map(|c| c * scale));
    pose.turn.iter().chain(&pose.shift).all(|c| c.is_finite()).then_some(pose)
}
