//! Cutting a large photo into overlapping tiles.

use super::manifest::{Input, Tiles};
use crate::geometry::PixelRect;

/// The tiles of a `width` x `height` photo, row by row, and how many input pixels each of its pixels becomes.
///
/// All have one size, at most the photo's; they are spread evenly, and neighbours share at least the overlap asked for.
pub(super) fn cut(width: u32, height: u32, tiles: &Tiles, input: &Input) -> (Vec<PixelRect>, f64) {
    let scale = input.width as f64 / tiles.width as f64;
    let side = |input: usize, photo: u32| ((input as f64 / scale).round() as u32).clamp(1, photo);
    let (w, h) = (side(input.width, width), side(input.height, height));
    let rows = starts(height, h, tiles.overlap);
    let columns = starts(width, w, tiles.overlap);
    let tiles = rows.iter().flat_map(|y| columns.iter().map(|x| PixelRect { x: *x, y: *y, w, h })).collect();
    (tiles, scale)
}

/// Where tiles of `side` begin along `length` (at least `side`).
fn starts(length: u32, side: u32, overlap: f64) -> Vec<u32> {
    let beyond = length - side;
    if beyond == 0 {
        return vec![0];
    }
    let step = (f64::from(side) * (1.0 - overlap)).floor().max(1.0);
    let steps = (f64::from(beyond) / step).ceil() as u64;
    (0..=steps).map(|i| ((i * u64::from(beyond) + steps / 2) / steps) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn tiles_cover_the_photo_and_overlap(length in 1..9000_u32, side in 1..2000_u32, overlap in 0.0..0.5_f64) {
            let side = side.min(length);
            let starts = starts(length, side, overlap);
            prop_assert_eq!(starts[0], 0);
            prop_assert_eq!(starts[starts.len() - 1] + side, length);
            for pair in starts.windows(2) {
                prop_assert!(pair[0] < pair[1]);
                // A pixel less for rounding.
                let shared = f64::from(pair[0] + side) - f64::from(pair[1]);
                prop_assert!(shared >= (overlap * f64::from(side)).floor() - 1.0, "{pair:?}");
            }
            // And no more of them than needed.
            let one_less = (starts.len() as f64 - 2.0) * f64::from(side) * (1.0 - overlap) + f64::from(side);
            prop_assert!(starts.len() == 1 || one_less < f64::from(length) + starts.len() as f64);
        }
    }
}
