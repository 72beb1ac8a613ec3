//! Maps between planes seen through a pinhole.

use crate::geometry::{ImagePx, PlaneMm, Point, solve_symmetric};

/// From the sheet to the photo, lens distortion left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Homography {
    /// Rows; the last element is 1.
    h: [f64; 9],
    /// Pixels are counted from here while fitting.
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
        let (mut n, mut middle) = (0.0, Point::<ImagePx>::new(0.0, 0.0));
        for (_, q, w) in pairs.clone() {
            n += w;
            middle = Point::new(middle.x + w * q.x, middle.y + w * q.y);
        }
        let middle = Point::new(middle.x / n, middle.y / n);
        let (mut a, mut b) = ([[0.0; 8]; 8], [0.0; 8]);
        for (p, q, w) in pairs {
            let (x, y, u, v) = (p.x / MM, p.y / MM, (q.x - middle.x) / PX, (q.y - middle.y) / PX);
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
        Some(Self { h: [s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], 1.0], middle })
    }

    /// Where a point of the sheet is seen; NaN when it lies behind the camera.
    pub(super) fn apply(&self, p: Point<PlaneMm>) -> Point<ImagePx> {
        let (h, x, y) = (&self.h, p.x / MM, p.y / MM);
        let depth = h[6] * x + h[7] * y + h[8];
        // The sheet's middle has the depth 1, so what is seen has a positive one.
        let depth = if depth > 1e-6 { depth } else { f64::NAN };
        Point::new(
            self.middle.x + PX * (h[0] * x + h[1] * y + h[2]) / depth,
            self.middle.y + PX * (h[3] * x + h[4] * y + h[5]) / depth,
        )
    }

    /// Its columns with the given principal point taken off, scaled to plain millimetres and pixels: `K [r1 r2 t]` up to a factor, for a
    /// camera matrix K with that principal point.
    pub(super) fn columns(&self, principal: Point<ImagePx>) -> [[f64; 3]; 3] {
        let h = &self.h;
        let column = |i: usize, per: f64| {
            let w = h[6 + i] / per;
            [
                PX * h[i] / per + (self.middle.x - principal.x) * w,
                PX * h[3 + i] / per + (self.middle.y - principal.y) * w,
                w,
            ]
        };
        [column(0, MM), column(1, MM), column(2, 1.0)]
    }
}
