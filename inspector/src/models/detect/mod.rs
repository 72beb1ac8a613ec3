//! Boxes: from a detection model's outputs to things in the photo.

mod heads;
mod merge;
mod nms;

#[cfg(test)]
mod tests;

pub use heads::decode;
pub(super) use heads::rows;
pub use merge::{Seen, merge};
pub use nms::suppress;

use crate::geometry::PixelRect;

/// Something found: what, how sure, where.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    /// Index of its label.
    pub label: usize,
    /// From 0 to 1.
    pub score: f64,
    /// Where.
    pub frame: Frame,
}

/// A rectangle, in pixels from the left and upper edge of the picture (a picture of width w reaches from 0 to w).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Left.
    pub x0: f64,
    /// Top.
    pub y0: f64,
    /// Right.
    pub x1: f64,
    /// Bottom.
    pub y1: f64,
}

impl Frame {
    /// From the middle and the sides.
    pub fn around(cx: f64, cy: f64, w: f64, h: f64) -> Self {
        Self { x0: cx - 0.5 * w, y0: cy - 0.5 * h, x1: cx + 0.5 * w, y1: cy + 0.5 * h }
    }
    /// Area; 0 when there is nothing inside.
    pub fn area(&self) -> f64 {
        (self.x1 - self.x0).max(0.0) * (self.y1 - self.y0).max(0.0)
    }
    /// What both cover.
    #[must_use]
    pub fn intersection(&self, o: &Self) -> Self {
        Self { x0: self.x0.max(o.x0), y0: self.y0.max(o.y0), x1: self.x1.min(o.x1), y1: self.y1.min(o.y1) }
    }
    /// The smallest frame around both.
    #[must_use]
    pub fn union(&self, o: &Self) -> Self {
        Self { x0: self.x0.min(o.x0), y0: self.y0.min(o.y0), x1: self.x1.max(o.x1), y1: self.y1.max(o.y1) }
    }
    /// Area of the intersection over area of the union.
    pub fn iou(&self, o: &Self) -> f64 {
        let both = self.intersection(o).area();
        if both > 0.0 { both / (self.area() + o.area() - both) } else { 0.0 }
    }
    /// Middle.
    pub fn centre(&self) -> (f64, f64) {
        (0.5 * (self.x0 + self.x1), 0.5 * (self.y0 + self.y1))
    }
    /// The pixels it touches in a `width` x `height` picture; `None` when it touches none.
    pub fn pixels(&self, width: u32, height: u32) -> Option<PixelRect> {
        let range = |a: f64, b: f64, n: u32| {
            let (a, b) = (a.floor().max(0.0), b.ceil().min(f64::from(n)));
            (a < b).then_some((a as u32, (b - a) as u32))
        };
        let ((x, w), (y, h)) = (range(self.x0, self.x1, width)?, range(self.y0, self.y1, height)?);
        Some(PixelRect { x, y, w, h })
    }
}

impl From<PixelRect> for Frame {
    fn from(r: PixelRect) -> Self {
        let (x0, y0) = (f64::from(r.x), f64::from(r.y));
        Self { x0, y0, x1: x0 + f64::from(r.w), y1: y0 + f64::from(r.h) }
    }
}
