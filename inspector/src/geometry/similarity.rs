//! Similarity transforms from one frame to another.

use super::{Angle, Point, Vector};
use std::marker::PhantomData;

/// A map from frame `A` to frame `B`: scale, turn, an optional mirror, and a shift.
///
/// `b = scale · R(turn) · M · a + shift`, where `M` flips the sign of y when `mirrored` (it does between a frame with y up
/// and one with y down, and for a part that lies on its other side).
///
/// ```
/// use inspector::geometry::{Angle, DesignMm, PlaneMm, Point, Similarity, Vector};
/// let t = Similarity::<DesignMm, PlaneMm>::new(1.0, Angle::from_degrees(90.0), true, Vector::new(10.0, 0.0));
/// let p = t.apply(Point::new(1.0, 2.0));
/// // (1, 2) is mirrored to (1, -2), turned to (2, 1), shifted to (12, 1); the inverse leads back.
/// assert!(p.distance(Point::new(12.0, 1.0)) < 1e-12);
/// assert!(t.inverse().apply(p).distance(Point::new(1.0, 2.0)) < 1e-12);
/// ```
#[derive(Debug)]
pub struct Similarity<A, B> {
    /// First column of the linear part: the image of A's x axis.
    cx: f64,
    cy: f64,
    mirrored: bool,
    shift: Vector2,
    frames: PhantomData<(A, B)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Vector2 {
    x: f64,
    y: f64,
}

impl<A, B> Clone for Similarity<A, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A, B> Copy for Similarity<A, B> {}
impl<A, B> PartialEq for Similarity<A, B> {
    fn eq(&self, o: &Self) -> bool {
        self.cx == o.cx && self.cy == o.cy && self.mirrored == o.mirrored && self.shift == o.shift
    }
}

impl<A, B> Similarity<A, B> {
    /// From scale (B units per A unit, > 0), turn in B, mirror, and shift in B.
    pub fn new(scale: f64, turn: Angle, mirrored: bool, shift: Vector<B>) -> Self {
        let (sin, cos) = turn.sin_cos();
        Self::from_parts(scale * cos, scale * sin, mirrored, shift.x, shift.y)
    }
    /// From the image `(cx, cy)` of A's unit x vector, the mirror, and the image of A's origin.
    pub const fn from_parts(cx: f64, cy: f64, mirrored: bool, tx: f64, ty: f64) -> Self {
        Self { cx, cy, mirrored, shift: Vector2 { x: tx, y: ty }, frames: PhantomData }
    }
    /// The map that changes nothing but the name of the frame.
    pub const fn identity() -> Self {
        Self::from_parts(1.0, 0.0, false, 0.0, 0.0)
    }
    const fn sign(&self) -> f64 {
        if self.mirrored { -1.0 } else { 1.0 }
    }
    /// Maps a point.
    pub const fn apply(&self, p: Point<A>) -> Point<B> {
        let s = self.sign();
        Point::new(self.cx * p.x - s * self.cy * p.y + self.shift.x, self.cy * p.x + s * self.cx * p.y + self.shift.y)
    }
    /// Maps a displacement: as [`apply`](Self::apply) without the shift.
    pub const fn apply_vector(&self, v: Vector<A>) -> Vector<B> {
        let s = self.sign();
        Vector::new(self.cx * v.x - s * self.cy * v.y, self.cy * v.x + s * self.cx * v.y)
    }
    /// B units per A unit.
    pub fn scale(&self) -> f64 {
        (self.cx * self.cx + self.cy * self.cy).sqrt()
    }
    /// The turn of A's x axis in B.
    pub fn turn(&self) -> Angle {
        Angle::from_radians(libm::atan2(self.cy, self.cx))
    }
    /// True when the map flips handedness.
    pub const fn mirrored(&self) -> bool {
        self.mirrored
    }
    /// Where A's origin lands.
    pub const fn shift(&self) -> Vector<B> {
        Vector::new(self.shift.x, self.shift.y)
    }
    /// The map back. The scale must not be zero (every constructor's promise).
    pub fn inverse(&self) -> Similarity<B, A> {
        let n = self.cx * self.cx + self.cy * self.cy;
        // Rotation part inverts to (cx, -cy)/n; a mirrored map's linear part is its own kind: its x column is (cx, cy)/n.
        let (cx, cy) = (self.cx / n, -self.sign() * self.cy / n);
        let linear = Similarity::<B, A>::from_parts(cx, cy, self.mirrored, 0.0, 0.0);
        let back = linear.apply_vector(Vector::new(self.shift.x, self.shift.y));
        Similarity::from_parts(cx, cy, self.mirrored, -back.x, -back.y)
    }
    /// First `self`, then `next`.
    pub fn then<C>(&self, next: &Similarity<B, C>) -> Similarity<A, C> {
        let column = next.apply_vector(Vector::new(self.cx, self.cy));
        let shift = next.apply(Point::new(self.shift.x, self.shift.y));
        Similarity::from_parts(column.x, column.y, self.mirrored != next.mirrored, shift.x, shift.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{DesignMm, ImagePx, PlaneMm};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn inverse_and_composition_hold(
            scale in 0.01..100.0f64, turn in -360.0..360.0f64, m1: bool, m2: bool,
            tx in -1e3..1e3f64, ty in -1e3..1e3f64, x in -1e3..1e3f64, y in -1e3..1e3f64,
        ) {
            let f = Similarity::<DesignMm, PlaneMm>::new(scale, Angle::from_degrees(turn), m1, Vector::new(tx, ty));
            let g = Similarity::<PlaneMm, ImagePx>::new(1.0 / scale, Angle::from_degrees(-2.0 * turn), m2, Vector::new(-ty, tx));
            let p = Point::new(x, y);
            prop_assert!(f.inverse().apply(f.apply(p)).distance(p) < 1e-8);
            prop_assert!(f.then(&g).apply(p).distance(g.apply(f.apply(p))) < 1e-7);
            prop_assert!((f.scale() - scale).abs() < 1e-9 * scale);
        }
    }
}
