//! Rectangles of whole pixels, as reported to people and programs.

use serde::{Deserialize, Serialize};

/// A rectangle of pixels of the photo: `x`, `y` of its top-left pixel, width and height in pixels.
///
/// In JSON it is the array `[x, y, w, h]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "[u32; 4]", into = "[u32; 4]")]
pub struct PixelRect {
    /// Column of the leftmost pixel.
    pub x: u32,
    /// Row of the topmost pixel.
    pub y: u32,
    /// Width in pixels, at least 1.
    pub w: u32,
    /// Height in pixels, at least 1.
    pub h: u32,
}

impl From<[u32; 4]> for PixelRect {
    fn from([x, y, w, h]: [u32; 4]) -> Self {
        Self { x, y, w, h }
    }
}
impl From<PixelRect> for [u32; 4] {
    fn from(r: PixelRect) -> Self {
        [r.x, r.y, r.w, r.h]
    }
}

impl PixelRect {
    /// The smallest rectangle of pixels of a `width` x `height` photo around the given image points, grown by `margin_px`.
    /// `None` when nothing of it lies in the photo.
    pub fn around(
        points: impl IntoIterator<Item = super::Point<super::ImagePx>>,
        margin_px: f64,
        width: u32,
        height: u32,
    ) -> Option<Self> {
        let mut lo = (f64::INFINITY, f64::INFINITY);
        let mut hi = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for p in points {
            lo = (lo.0.min(p.x), lo.1.min(p.y));
            hi = (hi.0.max(p.x), hi.1.max(p.y));
        }
        // A pixel covers half a pixel on each side of its centre.
        let x0 = (lo.0 - margin_px + 0.5).floor().max(0.0);
        let y0 = (lo.1 - margin_px + 0.5).floor().max(0.0);
        let x1 = (hi.0 + margin_px + 0.5).floor().min(f64::from(width) - 1.0);
        let y1 = (hi.1 + margin_px + 0.5).floor().min(f64::from(height) - 1.0);
        (x0 <= x1 && y0 <= y1).then(|| Self {
            x: x0 as u32,
            y: y0 as u32,
            w: (x1 - x0) as u32 + 1,
            h: (y1 - y0) as u32 + 1,
        })
    }

    /// True when the two share a pixel or a side.
    pub fn touches(self, o: Self) -> bool {
        self.x <= o.x + o.w && o.x <= self.x + self.w && self.y <= o.y + o.h && o.y <= self.y + self.h
    }

    /// The smallest rectangle around both.
    #[must_use]
    pub fn union(self, o: Self) -> Self {
        let (x, y) = (self.x.min(o.x), self.y.min(o.y));
        Self { x, y, w: (self.x + self.w).max(o.x + o.w) - x, h: (self.y + self.h).max(o.y + o.h) - y }
    }

    /// Area of the intersection over area of the union, in [0, 1].
    ///
    /// ```
    /// use inspector::geometry::PixelRect;
    /// let a = PixelRect::from([0, 0, 10, 10]);
    /// assert_eq!(a.iou(a), 1.0);
    /// assert_eq!(a.iou(PixelRect::from([10, 0, 10, 10])), 0.0); // touching is not overlapping
    /// ```
    pub fn iou(self, other: Self) -> f64 {
        let overlap = |a: u32, la: u32, b: u32, lb: u32| {
            let end = (u64::from(a) + u64::from(la)).min(u64::from(b) + u64::from(lb));
            end.saturating_sub(u64::from(a.max(b))) as f64
        };
        let both = overlap(self.x, self.w, other.x, other.w) * overlap(self.y, self.h, other.y, other.h);
        let area = |r: Self| f64::from(r.w) * f64::from(r.h);
        both / (area(self) + area(other) - both)
    }
}
