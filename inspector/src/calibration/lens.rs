//! A lens: from the direction of a ray to the pixel it meets, and back.

use crate::geometry::{ImagePx, Point};
use serde::{Deserialize, Serialize};

/// Pinhole with the distortion of a real lens (Brown 1971, "Close-range camera calibration"; parameters as OpenCV orders and signs them).
///
/// A ray towards (x, y, 1), camera axes x right, y down, z forward, is bent to
/// `x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) + 2 p1 x y + p2 (r² + 2 x²)`,
/// `y' = y (1 + k1 r² + k2 r⁴ + k3 r⁶) + p1 (r² + 2 y²) + 2 p2 x y` with `r² = x² + y²`,
/// and meets the pixel position `(fx x' + cx, fy y' + cy)`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lens {
    /// Focal length along x, px.
    pub fx: f64,
    /// Focal length along y, px.
    pub fy: f64,
    /// Principal point, px from the centre of the left-most pixel.
    pub cx: f64,
    /// Principal point, px from the centre of the top-most pixel.
    pub cy: f64,
    /// Radial distortion, r².
    pub k1: f64,
    /// Radial distortion, r⁴.
    pub k2: f64,
    /// Tangential distortion.
    pub p1: f64,
    /// Tangential distortion.
    pub p2: f64,
    /// Radial distortion, r⁶.
    pub k3: f64,
}

/// Newton steps of [`Lens::unproject`]; a lens that one can look through needs four.
const STEPS: usize = 20;

impl Lens {
    /// Number of parameters, in the order of the fields.
    pub const PARAMETERS: usize = 9;

    /// A lens without distortion, its axis through the middle of the picture.
    pub fn pinhole(focal_px: f64, width: u32, height: u32) -> Self {
        let middle = |n: u32| 0.5 * (f64::from(n) - 1.0);
        let (cx, cy) = (middle(width), middle(height));
        Self { fx: focal_px, fy: focal_px, cx, cy, k1: 0.0, k2: 0.0, p1: 0.0, p2: 0.0, k3: 0.0 }
    }

    /// The parameters in the order of the fields.
    pub const fn parameters(&self) -> [f64; Self::PARAMETERS] {
        [self.fx, self.fy, self.cx, self.cy, self.k1, self.k2, self.p1, self.p2, self.k3]
    }

    /// The inverse of [`parameters`](Self::parameters).
    pub const fn from_parameters([fx, fy, cx, cy, k1, k2, p1, p2, k3]: [f64; Self::PARAMETERS]) -> Self {
        Self { fx, fy, cx, cy, k1, k2, p1, p2, k3 }
    }

    /// The pixel position that a ray towards (x, y, 1) meets.
    pub fn project(&self, [x, y]: [f64; 2]) -> Point<ImagePx> {
        let [x, y] = self.bend([x, y]);
        Point::new(self.fx * x + self.cx, self.fy * y + self.cy)
    }

    /// The ray (x, y, 1) that meets a pixel position; `None` where the lens has none (the model of a strong lens folds back far
    /// outside the pictures it was made from).
    ///
    /// ```
    /// use inspector::calibration::Lens;
    /// // A phone's wide angle: the corner of the picture is 12 % nearer than without distortion.
    /// let lens = Lens { k1: -0.3, k2: 0.1, p1: 0.001, p2: -0.0005, ..Lens::pinhole(1500.0, 1920, 1080) };
    /// let ray = lens.unproject(lens.project([0.55, 0.31])).unwrap();
    /// assert!((ray[0] - 0.55).abs() < 1e-12 && (ray[1] - 0.31).abs() < 1e-12);
    /// // Far outside the picture no ray leads there.
    /// assert!(Lens { k1: -0.5, ..lens }.unproject(lens.project([3.0, 0.0])).is_none());
    /// ```
    pub fn unproject(&self, p: Point<ImagePx>) -> Option<[f64; 2]> {
        let target = [(p.x - self.cx) / self.fx, (p.y - self.cy) / self.fy];
        let mut q = target;
        for _ in 0..STEPS {
            let bent = self.bend(q);
            let ([[a, b], [c, d]], (rx, ry)) = (self.bend_jacobian(q), (target[0] - bent[0], target[1] - bent[1]));
            let det = a * d - b * c;
            // Beyond the fold the radial map turns back: its determinant changes sign.
            if det.is_nan() || det <= 1e-6 {
                return None;
            }
            let step = [(d * rx - b * ry) / det, (a * ry - c * rx) / det];
            q = [q[0] + step[0], q[1] + step[1]];
            if step[0].abs().max(step[1].abs()) < 1e-14 {
                break;
            }
        }
        let bent = self.bend(q);
        let missed = (bent[0] - target[0]).abs().max((bent[1] - target[1]).abs());
        (missed < 1e-9 && self.sees(q)).then_some(q)
    }

    /// True when the ray lies on this side of the fold: a longer ray still lands farther out.
    pub fn sees(&self, [x, y]: [f64; 2]) -> bool {
        // The derivative of r (1 + k1 r² + k2 r⁴ + k3 r⁶) must stay positive from the axis to r.
        let end = x * x + y * y;
        (1..=8).all(|i| {
            let r2 = end * f64::from(i) / 8.0;
            1.0 + r2 * (3.0 * self.k1 + r2 * (5.0 * self.k2 + r2 * 7.0 * self.k3)) > 0.0
        })
    }

    /// Derivatives of [`project`](Self::project): `[[du/dx, du/dy], [dv/dx, dv/dy]]`, px.
    pub fn jacobian(&self, ray: [f64; 2]) -> [[f64; 2]; 2] {
        let [[a, b], [c, d]] = self.bend_jacobian(ray);
        [[self.fx * a, self.fx * b], [self.fy * c, self.fy * d]]
    }

    /// Derivatives of [`project`](Self::project) by the lens's own parameters, in their order: one row for u, one for v.
    pub fn derivatives(&self, ray: [f64; 2]) -> [[f64; Self::PARAMETERS]; 2] {
        let ([x, y], [bx, by]) = (ray, self.bend(ray));
        let r2 = x * x + y * y;
        let radial = [r2, r2 * r2, r2 * r2 * r2];
        let (xy, xx, yy) = (2.0 * x * y, r2 + 2.0 * x * x, r2 + 2.0 * y * y);
        let (u, v) = (self.fx, self.fy);
        [
            [bx, 0.0, 1.0, 0.0, u * x * radial[0], u * x * radial[1], u * xy, u * xx, u * x * radial[2]],
            [0.0, by, 0.0, 1.0, v * y * radial[0], v * y * radial[1], v * yy, v * xy, v * y * radial[2]],
        ]
    }

    fn bend(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3));
        [
            x * radial + 2.0 * self.p1 * x * y + self.p2 * (r2 + 2.0 * x * x),
            y * radial + self.p1 * (r2 + 2.0 * y * y) + 2.0 * self.p2 * x * y,
        ]
    }

    fn bend_jacobian(&self, [x, y]: [f64; 2]) -> [[f64; 2]; 2] {
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3));
        let slope = 2.0 * (self.k1 + r2 * (2.0 * self.k2 + r2 * 3.0 * self.k3));
        let mixed = x * y * slope + 2.0 * (self.p1 * x + self.p2 * y);
        [
            [radial + x * x * slope + 2.0 * self.p1 * y + 6.0 * self.p2 * x, mixed],
            [mixed, radial + y * y * slope + 6.0 * self.p1 * y + 2.0 * self.p2 * x],
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn there_and_back(
            x in -0.7..0.7f64, y in -0.5..0.5f64, k1 in -0.25..0.25f64, k2 in -0.1..0.1f64, k3 in -0.02..0.02f64,
            p1 in -0.003..0.003f64, p2 in -0.003..0.003f64,
        ) {
            let lens = Lens { k1, k2, p1, p2, k3, ..Lens::pinhole(1400.0, 1920, 1080) };
            prop_assume!(lens.sees([x, y]));
            let back = lens.unproject(lens.project([x, y])).expect("a ray that is seen");
            prop_assert!((back[0] - x).abs() < 1e-10 && (back[1] - y).abs() < 1e-10, "{back:?}");
            let h = 1e-6;
            let j = lens.jacobian([x, y]);
            for (k, step) in [[h, 0.0], [0.0, h]].into_iter().enumerate() {
                let (a, b) = (lens.project([x - step[0], y - step[1]]), lens.project([x + step[0], y + step[1]]));
                prop_assert!(((b.x - a.x) / (2.0 * h) - j[0][k]).abs() < 1e-4);
                prop_assert!(((b.y - a.y) / (2.0 * h) - j[1][k]).abs() < 1e-4);
            }
            let d = lens.derivatives([x, y]);
            for k in 0..Lens::PARAMETERS {
                let moved = |by: f64| {
                    let mut q = lens.parameters();
                    q[k] += by;
                    Lens::from_parameters(q).project([x, y])
                };
                let (a, b) = (moved(-h), moved(h));
                prop_assert!(((b.x - a.x) / (2.0 * h) - d[0][k]).abs() < 1e-4, "{k}");
                prop_assert!(((b.y - a.y) / (2.0 * h) - d[1][k]).abs() < 1e-4, "{k}");
            }
        }
    }
}
