//! Boxes of overlapping tiles become one box per thing.
//!
//! Two tiles share a strip of the photo. A thing in that strip is seen by both: whole by one and cut by the other, or cut by both when it is
//! larger than the strip. Intersection over union of the two boxes says little then. What must agree is the part of the thing that
//! **both tiles could see**: both boxes are cut down to the shared strip, and compared there. They are one thing when, in the strip,
//!
//! * their intersection over union is at least 0.5, or
//! * a tile's border cuts one of them, the other is whole, and at least 0.6 of the **cut** one lies in the whole one (a cut box is a poor box).
//!
//! The second is the matching of sliced inference (Akyon et al. 2022, doi:10.1109/ICIP46576.2022.9897990: greedy merging by intersection over
//! smaller area), but for the box whose area counts: over the smaller area, a small thing would go with the large one that it lies in.

use super::{Detection, Frame};
use crate::geometry::PixelRect;

/// Least overlap, in the shared strip, of two boxes of one thing.
const SAME_IOU: f64 = 0.5;
/// Least share of a cut box, in the shared strip, that a whole box covers.
const SAME_SHARE: f64 = 0.6;
/// A box that ends this near its tile's border is cut by it, share of the tile's side.
const BORDER_SHARE: f64 = 0.01;

/// A box, and the tile that it was seen in.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// In pixels of the photo.
    pub detection: Detection,
    /// The part of the photo that the tile shows.
    pub tile: PixelRect,
}

impl Seen {
    /// True when the tile's border, which is not the photo's, cuts the box.
    fn cut(&self, (width, height): (u32, u32)) -> bool {
        let (f, t) = (&self.detection.frame, Frame::from(self.tile));
        let near = |side: f64| (BORDER_SHARE * side).max(1.0);
        let (nx, ny) = (near(t.x1 - t.x0), near(t.y1 - t.y0));
        (t.x0 > 0.0 && f.x0 < t.x0 + nx)
            || (t.y0 > 0.0 && f.y0 < t.y0 + ny)
            || (t.x1 < f64::from(width) && f.x1 > t.x1 - nx)
            || (t.y1 < f64::from(height) && f.y1 > t.y1 - ny)
    }
}

/// One box per thing, strongest first: see the module's text. Of the boxes of a thing the largest that no border cuts is given, the frame
/// around all of them when every one is cut; its score is the best of theirs.
pub fn merge(seen: Vec<Seen>, photo: (u32, u32)) -> Vec<Detection> {
    let cut: Vec<bool> = seen.iter().map(|s| s.cut(photo)).collect();
    // The root of each box's group.
    let mut group: Vec<usize> = (0..seen.len()).collect();
    for i in 0..seen.len() {
        for j in 0..i {
            if same(&seen[i], &seen[j], [cut[i], cut[j]]) {
                let (a, b) = (root(&group, i), root(&group, j));
                group[a.max(b)] = a.min(b);
            }
        }
    }
    let mut things: Vec<Option<Thing>> = vec![None; seen.len()];
    for (i, (s, cut)) in seen.into_iter().zip(cut).enumerate() {
        let root = root(&group, i);
        let thing = Thing { detection: s.detection, cut };
        things[root] = Some(match things[root].take() {
            None => thing,
            Some(other) => other.with(thing),
        });
    }
    let mut found: Vec<Detection> = things.into_iter().flatten().map(|t| t.detection).collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}

fn root(group: &[usize], mut i: usize) -> usize {
    while group[i] != i {
        i = group[i];
    }
    i
}

fn same(a: &Seen, b: &Seen, cut: [bool; 2]) -> bool {
    if a.detection.label != b.detection.label || a.tile == b.tile {
        return false;
    }
    let shared = Frame::from(a.tile).intersection(&Frame::from(b.tile));
    let (a, b) = (a.detection.frame.intersection(&shared), b.detection.frame.intersection(&shared));
    let both = a.intersection(&b).area();
    if both <= 0.0 {
        return false;
    }
    let covered = match cut {
        [true, false] => both >= SAME_SHARE * a.area(),
        [false, true] => both >= SAME_SHARE * b.area(),
        _ => false,
    };
    covered || a.iou(&b) >= SAME_IOU
}

/// A thing while its boxes are put together.
#[derive(Clone, Debug)]
struct Thing {
    detection: Detection,
    cut: bool,
}

impl Thing {
    fn with(self, other: Self) -> Self {
        let score = self.detection.score.max(other.detection.score);
        let (frame, cut) = match (self.cut, other.cut) {
            (true, true) => (self.detection.frame.union(&other.detection.frame), true),
            (false, true) => (self.detection.frame, false),
            (true, false) => (other.detection.frame, false),
            (false, false) if other.detection.frame.area() > self.detection.frame.area() => {
                (other.detection.frame, false)
            }
            (false, false) => (self.detection.frame, false),
        };
        Self { detection: Detection { label: self.detection.label, score, frame }, cut }
    }
}
