//! Where a pixel lies on the work plane.

use super::Lens;
use crate::geometry::{Angle, ImagePx, Matrix3, Mm, PlaneMm, Point, Rigid, Similarity, Vector, times, transpose_times};

/// A camera model: maps pixels to the work plane at a height above it, and back.
///
/// The plane's z points from the table towards the camera, so a part of thickness h has its upper rim at z = h.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Camera {
    /// Looks straight down with a known scale (telecentric lens, flatbed scanner, far camera). Height changes nothing.
    FrontoParallel {
        /// The map; its scale is mm per pixel, and it mirrors because image y points down.
        plane_from_image: Similarity<ImagePx, PlaneMm>,
    },
    /// A lens somewhere above the plane.
    Perspective(Perspective),
}

/// A piece of contour as the photo shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Where.
    pub p: Point<ImagePx>,
    /// Its unit normal, on the same side of it as on the plane.
    pub normal: Vector<ImagePx>,
    /// How far it moves along `normal` when it moves by 1 mm along its normal on the plane, px.
    pub px_per_mm: f64,
    /// Signed curvature, 1/px.
    pub curvature: f64,
}

/// A lens in space.
#[derive(Clone, Debug, PartialEq)]
pub struct Perspective {
    lens: Lens,
    camera_from_plane: Rigid,
    /// The turn of `camera_from_plane`.
    turn: Matrix3,
    /// Where the camera is, in the plane's axes, mm.
    centre: [f64; 3],
}

impl Perspective {
    /// A lens whose axes (x right, y down, z forward) are reached from the plane's (x right, y up, z up) by `camera_from_plane`.
    pub fn new(lens: Lens, camera_from_plane: Rigid) -> Self {
        let turn = camera_from_plane.matrix();
        let centre = transpose_times(&turn, camera_from_plane.shift).map(|c| -c);
        Self { lens, camera_from_plane, turn, centre }
    }
    /// The lens.
    pub const fn lens(&self) -> &Lens {
        &self.lens
    }
    /// Where the plane lies, seen from the camera.
    pub const fn camera_from_plane(&self) -> &Rigid {
        &self.camera_from_plane
    }
    /// Where the camera is, in the plane's axes, mm.
    pub const fn centre(&self) -> [f64; 3] {
        self.centre
    }

    /// Derivatives of the image by the plane: see [`Camera::jacobian`].
    fn jacobian(&self, p: Point<PlaneMm>, z: f64) -> [[f64; 2]; 2] {
        let [x, y, depth] = self.seen(p, z);
        let ray = [x / depth, y / depth];
        let lens = self.lens.jacobian(ray);
        // d(ray)/d(plane axis k) = (R[i][k] - ray[i] R[2][k]) / depth.
        let r = |i: usize, k: usize| (self.turn[i][k] - ray[i] * self.turn[2][k]) / depth;
        std::array::from_fn(|i| std::array::from_fn(|k| lens[i][0] * r(0, k) + lens[i][1] * r(1, k)))
    }

    /// A point of space in the camera's axes.
    fn seen(&self, p: Point<PlaneMm>, z: f64) -> [f64; 3] {
        let q = times(&self.turn, [p.x, p.y, z]);
        std::array::from_fn(|i| q[i] + self.camera_from_plane.shift[i])
    }

    fn image_from_plane(&self, p: Point<PlaneMm>, z: f64) -> Option<Point<ImagePx>> {
        let [x, y, depth] = self.seen(p, z);
        let ray = [x / depth, y / depth];
        (depth > 0.0 && self.lens.sees(ray)).then(|| self.lens.project(ray))
    }

    fn plane_from_image(&self, p: Point<ImagePx>, z: f64) -> Option<Point<PlaneMm>> {
        let [x, y] = self.lens.unproject(p)?;
        let along = transpose_times(&self.turn, [x, y, 1.0]);
        let steps = (z - self.centre[2]) / along[2];
        // A ray that meets the plane behind the camera, or not at all.
        (steps.is_finite() && steps > 0.0)
            .then(|| Point::new(self.centre[0] + steps * along[0], self.centre[1] + steps * along[1]))
    }
}

impl Camera {
    /// A straight-down camera: the plane's origin is the centre of the picture.
    pub fn fronto_parallel(mm_per_px: f64, width: u32, height: u32) -> Self {
        let (cx, cy) = (0.5 * (f64::from(width) - 1.0), 0.5 * (f64::from(height) - 1.0));
        Self::FrontoParallel {
            plane_from_image: Similarity::new(
                mm_per_px,
                Angle::default(),
                true,
                Vector::new(-cx * mm_per_px, cy * mm_per_px),
            ),
        }
    }
    /// The point of the plane at height `z` above the table that pixel position `p` shows; NaN when it shows none (above the horizon).
    pub fn plane_from_image(&self, p: Point<ImagePx>, z: Mm) -> Point<PlaneMm> {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.apply(p),
            Self::Perspective(camera) => camera.plane_from_image(p, z.0).unwrap_or(Point::new(f64::NAN, f64::NAN)),
        }
    }
    /// The pixel position that shows the point `p` at height `z` above the table; NaN when it lies behind the camera.
    pub fn image_from_plane(&self, p: Point<PlaneMm>, z: Mm) -> Point<ImagePx> {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.inverse().apply(p),
            Self::Perspective(camera) => camera.image_from_plane(p, z.0).unwrap_or(Point::new(f64::NAN, f64::NAN)),
        }
    }
    /// Derivatives of the image position by the plane position at height `z`: `[[du/dx, du/dy], [dv/dx, dv/dy]]`, px per mm.
    ///
    /// An edge through `p` with unit normal `n` on the plane has its normal in the image along `J⁻ᵀ n`, and a shift of it by d px along
    /// that unit normal `m` is a shift of `d / (m · J n)` mm: scale under a slanted view depends on direction.
    pub fn jacobian(&self, p: Point<PlaneMm>, z: Mm) -> [[f64; 2]; 2] {
        match self {
            Self::FrontoParallel { plane_from_image } => {
                let inverse = plane_from_image.inverse();
                let x = inverse.apply_vector(Vector::new(1.0, 0.0));
                let y = inverse.apply_vector(Vector::new(0.0, 1.0));
                [[x.x, y.x], [x.y, y.y]]
            }
            Self::Perspective(camera) => camera.jacobian(p, z.0),
        }
    }
    /// How the photo shows a piece of contour through `p` with unit normal `n` and signed curvature (1/mm) at height `z`; `None` where it
    /// shows none.
    ///
    /// Straight lines stay straight in a pinhole, so the curvature is exact but for the lens's own bend (1/5000 px, seen by nobody).
    pub fn look(&self, p: Point<PlaneMm>, n: Vector<PlaneMm>, curvature: f64, z: Mm) -> Option<Look> {
        let seen = self.image_from_plane(p, z);
        let [[a, b], [c, d]] = self.jacobian(p, z);
        let det = a * d - b * c;
        let across = Vector::<ImagePx>::new((d * n.x - c * n.y) / det, (a * n.y - b * n.x) / det);
        let normal = across.unit().filter(|_| seen.is_finite())?;
        let px_per_mm = 1.0 / across.length();
        let tangent = n.perpendicular();
        let along = Vector::<ImagePx>::new(a * tangent.x + b * tangent.y, c * tangent.x + d * tangent.y);
        Some(Look { p: seen, normal, px_per_mm, curvature: curvature * px_per_mm / along.dot(along) })
    }
    /// Size of a pixel on the plane near `p`, mm: the root of its area.
    pub fn mm_per_px(&self, p: Point<PlaneMm>) -> f64 {
        match self {
            Self::FrontoParallel { plane_from_image } => plane_from_image.scale(),
            Self::Perspective(_) => {
                let [[a, b], [c, d]] = self.jacobian(p, Mm(0.0));
                1.0 / (a * d - b * c).abs().sqrt()
            }
        }
    }
    /// Where the camera is, in the plane's axes, mm; `None` for one that looks straight down from very far.
    pub fn centre(&self) -> Option<[f64; 3]> {
        match self {
            Self::FrontoParallel { .. } => None,
            Self::Perspective(camera) => Some(camera.centre()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 400 mm above the plane, tilted, with a lens that bends.
    fn slanted(tilt: f64, turn: f64) -> Camera {
        let lens = Lens { k1: -0.08, k2: 0.02, p1: 0.0005, p2: -0.0003, ..Lens::pinhole(1500.0, 1920, 1080) };
        // Half a turn about x looks down; then tilt and turn.
        let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [3.0, -5.0, 400.0] };
        let tilted = Rigid { turn: [tilt, 0.3 * tilt, turn], shift: [0.0; 3] };
        Camera::Perspective(Perspective::new(lens, Rigid { shift: down.shift, ..tilted.after(&down) }))
    }

    proptest! {
        #[test]
        fn there_and_back_at_any_height(
            x in -80.0..80.0f64, y in -60.0..60.0f64, z in 0.0..20.0f64, tilt in -0.4..0.4f64, turn in -3.0..3.0f64,
        ) {
            let camera = slanted(tilt, turn);
            let p = Point::new(x, y);
            let seen = camera.image_from_plane(p, Mm(z));
            prop_assert!(camera.plane_from_image(seen, Mm(z)).distance(p) < 1e-8);
            let (h, j) = (1e-4, camera.jacobian(p, Mm(z)));
            let across = camera.image_from_plane(Point::new(x + h, y), Mm(z)) - camera.image_from_plane(Point::new(x - h, y), Mm(z));
            let up = camera.image_from_plane(Point::new(x, y + h), Mm(z)) - camera.image_from_plane(Point::new(x, y - h), Mm(z));
            for (found, k, column) in [(across.x, 0, 0), (across.y, 1, 0), (up.x, 0, 1), (up.y, 1, 1)] {
                prop_assert!((found / (2.0 * h) - j[k][column]).abs() < 1e-5);
            }
        }
    }

    proptest! {
        /// Three points of a circle, projected, say the same as `look`.
        #[test]
        fn a_circle_looks_as_its_points_say(
            x in -60.0..60.0f64, y in -40.0..40.0f64, angle in 0.0..6.2f64, r in 2.0..30.0f64, tilt in -0.5..0.5f64, turn in -3.0..3.0f64,
        ) {
            let camera = slanted(tilt, turn);
            let on = |a: f64| { let (s, c) = libm::sincos(a); Vector::<PlaneMm>::new(c, s) };
            let at = |a: f64| Point::<PlaneMm>::new(x, y) + on(a) * r;
            let look = camera.look(at(angle), on(angle), 1.0 / r, Mm(2.0)).expect("seen");
            let image = |a: f64| camera.image_from_plane(at(a), Mm(2.0));
            let step = 1e-3;
            let (before, here, after) = (image(angle - step), image(angle), image(angle + step));
            let chord = after - before;
            prop_assert!(chord.unit().expect("long").dot(look.normal).abs() < 1e-4);
            let bend = (here - before.midpoint(after)).dot(look.normal) * 8.0 / chord.dot(chord);
            prop_assert!((bend - look.curvature).abs() < 2e-4, "{bend} {}", look.curvature);
            let moved = camera.image_from_plane(at(angle) + on(angle) * 1e-4, Mm(2.0)) - look.p;
            prop_assert!((moved.dot(look.normal) / 1e-4 - look.px_per_mm).abs() < 1e-3);
        }
    }

    #[test]
    fn nearer_looks_larger_and_the_picture_is_upright() {
        let camera = slanted(0.0, 0.0);
        let (o, x, y) = (Point::new(0.0, 0.0), Point::new(10.0, 0.0), Point::new(0.0, 10.0));
        let at = |p, z| camera.image_from_plane(p, Mm(z));
        // x right, y up.
        assert!((at(x, 0.0) - at(o, 0.0)).x > 30.0 && (at(y, 0.0) - at(o, 0.0)).y < -30.0);
        // 40 mm of 400 nearer is 400/360 as large.
        let (low, high) = ((at(x, 0.0) - at(o, 0.0)).length(), (at(x, 40.0) - at(o, 40.0)).length());
        assert!((high / low - 400.0 / 360.0).abs() < 1e-3, "{}", high / low);
        assert!((camera.centre().expect("a place")[2] - 400.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_seen_is_not_a_number() {
        let camera = slanted(0.0, 0.0);
        assert!(!camera.image_from_plane(Point::new(0.0, 0.0), Mm(500.0)).is_finite(), "behind the camera");
        let flat = slanted(1.3, 0.0);
        let above = flat.plane_from_image(Point::new(960.0, 0.0), Mm(0.0));
        let below = flat.plane_from_image(Point::new(960.0, 1079.0), Mm(0.0));
        assert!(above.is_finite() != below.is_finite(), "the horizon runs through the picture: {above:?} {below:?}");
    }
}
