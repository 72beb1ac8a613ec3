//! A first guess that the least squares can start from.

use super::{CalibrateError, View};
use crate::calibration::Lens;
use crate::geometry::{ImagePx, Matrix3, PlaneMm, Point, Rigid, solve_symmetric};

/// A map from a plane to the picture of a lens without distortion, up to scale: rows of the matrix.
struct Homography(Matrix3);

impl Homography {
    /// The map that fits the pairs best in the algebraic sense (DLT with normalised coordinates, Hartley 1997, doi:10.1109/34.601246);
    /// `None` for fewer than four pairs or pairs on one line.
    fn fit(pairs: &[(Point<PlaneMm>, Point<ImagePx>)]) -> Option<Self> {
        if pairs.len() < 4 {
            return None;
        }
        let (from, to) =
            (Scaling::of(pairs.iter().map(|p| [p.0.x, p.0.y]))?, Scaling::of(pairs.iter().map(|p| [p.1.x, p.1.y]))?);
        // With h33 = 1: the middle of the points never lies on the horizon.
        let (mut a, mut b) = ([[0.0; 8]; 8], [0.0; 8]);
        for (p, q) in pairs {
            let ([x, y], [u, v]) = (from.apply([p.x, p.y]), to.apply([q.x, q.y]));
            for (row, right) in
                [([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y], u), ([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y], v)]
            {
                for i in 0..8 {
                    b[i] += row[i] * right;
                    for j in 0..8 {
                        a[i][j] += row[i] * row[j];
                    }
                }
            }
        }
        let h = solve_symmetric(a, b)?;
        let normalised = [[h[0], h[1], h[2]], [h[3], h[4], h[5]], [h[6], h[7], 1.0]];
        Some(Self(product(&to.inverse(), &product(&normalised, &from.matrix()))))
    }
}

/// Moves the middle of points to the origin and makes their mean distance √2.
struct Scaling {
    middle: [f64; 2],
    scale: f64,
}

impl Scaling {
    fn of(points: impl Iterator<Item = [f64; 2]> + Clone) -> Option<Self> {
        let n = points.clone().count() as f64;
        let middle = points.clone().fold([0.0; 2], |m, p| [m[0] + p[0] / n, m[1] + p[1] / n]);
        let distance =
            |p: [f64; 2]| ((p[0] - middle[0]) * (p[0] - middle[0]) + (p[1] - middle[1]) * (p[1] - middle[1])).sqrt();
        let mean = points.map(distance).sum::<f64>() / n;
        (mean.is_finite() && mean > 1e-9).then(|| Self { middle, scale: std::f64::consts::SQRT_2 / mean })
    }
    fn apply(&self, p: [f64; 2]) -> [f64; 2] {
        [self.scale * (p[0] - self.middle[0]), self.scale * (p[1] - self.middle[1])]
    }
    fn matrix(&self) -> Matrix3 {
        let s = self.scale;
        [[s, 0.0, -s * self.middle[0]], [0.0, s, -s * self.middle[1]], [0.0, 0.0, 1.0]]
    }
    fn inverse(&self) -> Matrix3 {
        let s = 1.0 / self.scale;
        [[s, 0.0, self.middle[0]], [0.0, s, self.middle[1]], [0.0, 0.0, 1.0]]
    }
}

fn product(a: &Matrix3, b: &Matrix3) -> Matrix3 {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// A lens without distortion whose axis meets the middle of the picture, and the pose of each view.
pub(super) fn start(views: &[View], size: (u32, u32)) -> Result<(Lens, Vec<Rigid>), CalibrateError> {
    let mut maps = Vec::with_capacity(views.len());
    for (i, view) in views.iter().enumerate() {
        let degenerate = CalibrateError::Degenerate { view: i + 1, points: view.points.len() };
        maps.push(Homography::fit(&view.points).ok_or(degenerate)?);
    }
    let lens = focal(&maps, size);
    let poses = maps.iter().map(|h| pose_of(h, &lens)).collect();
    Ok((lens, poses))
}

/// The focal length at which the columns of all maps become as orthogonal and as long as a rotation's (Zhang, section 3.1, with square
/// pixels and the principal point in the middle).
fn focal(maps: &[Homography], size: (u32, u32)) -> Lens {
    let guess = Lens::pinhole(f64::from(size.0.max(size.1)), size.0, size.1);
    // Two equations per view, linear in 1 / f²: a w = b.
    let (mut ab, mut aa) = (0.0, 0.0);
    for Homography(h) in maps {
        let column = |k: usize| [h[0][k] - guess.cx * h[2][k], h[1][k] - guess.cy * h[2][k], h[2][k]];
        let (c0, c1) = (column(0), column(1));
        let n = (0..3).map(|i| c0[i] * c0[i] + c1[i] * c1[i]).sum::<f64>();
        for (a, b) in [
            (c0[0] * c1[0] + c0[1] * c1[1], -c0[2] * c1[2]),
            (c0[0] * c0[0] + c0[1] * c0[1] - c1[0] * c1[0] - c1[1] * c1[1], c1[2] * c1[2] - c0[2] * c0[2]),
        ] {
            (ab, aa) = (ab + a * b / (n * n), aa + a * a / (n * n));
        }
    }
    let focal = (aa / ab).sqrt();
    let diagonal = (f64::from(size.0) * f64::from(size.0) + f64::from(size.1) * f64::from(size.1)).sqrt();
    // Views that say nothing of it: a usual lens, and the least squares will see.
    if focal.is_finite() && focal > 0.2 * diagonal && focal < 20.0 * diagonal {
        Lens::pinhole(focal, size.0, size.1)
    } else {
        guess
    }
}

/// Where the plane lies that a lens shows by this map (distortion is left aside).
fn pose_of(map: &Homography, lens: &Lens) -> Rigid {
    let h = &map.0;
    let column = |k: usize| [(h[0][k] - lens.cx * h[2][k]) / lens.fx, (h[1][k] - lens.cy * h[2][k]) / lens.fy, h[2][k]];
    let (c0, c1, c2) = (column(0), column(1), column(2));
    // The plane lies in front of the camera.
    let sign = if c2[2] < 0.0 { -1.0 } else { 1.0 };
    let scale = sign * 2.0 / (length(c0) + length(c1));
    let x = unit(c0.map(|c| c * sign));
    let along = dot(x, c1);
    let y = unit(std::array::from_fn(|i| (c1[i] - along * x[i]) * sign));
    let z = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
    let turn = std::array::from_fn(|i| [x[i], y[i], z[i]]);
    Rigid::from_matrix(&turn, c2.map(|c| c * scale))
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
fn length(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}
fn unit(a: [f64; 3]) -> [f64; 3] {
    let n = length(a);
    a.map(|c| c / n)
}
