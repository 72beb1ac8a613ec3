//! Cutting a large photo into overlapping tiles.

use super::Fault;
use super::manifest::{Input, Tiles};
use crate::geometry::PixelRect;

/// Most tiles of a photo: each is a run of the network, and what all of them said is kept until the last.
const MOST_TILES: u64 = 256;

/// The tiles of a `width` x `height` photo, row by row, and how many input pixels each of its pixels becomes.
///
/// All have one size, at most the photo's; they are spread evenly, and neighbours share at least the overlap asked for.
///
/// # Errors
/// [`Fault`]: more than 256 of them.
pub(super) fn cut(width: u32, height: u32, tiles: &Tiles, input: &Input) -> Result<(Vec<PixelRect>, f64), Fault> {
    let scale = input.width as f64 / tiles.width as f64;
    let side = |input: usize, photo: u32| ((input as f64 / scale).round() as u32).clamp(1, photo);
    let (w, h) = (side(input.width, width), side(input.height, height));
    let count = (1 + steps(height, h, tiles.overlap)).saturating_mul(1 + steps(width, w, tiles.overlap));
    if count > MOST_TILES {
        let found = format!("{count} for a photo of {width} x {height}");
        return Err(Fault::new(format!("at most {MOST_TILES} tiles (a larger `width` in [tiles])"), found));
    }
    let rows = starts(height, h, tiles.overlap);
    let columns = starts(width, w, tiles.overlap);
    let tiles = rows.iter().flat_map(|y| columns.iter().map(|x| PixelRect { x: *x, y: *y, w, h })).collect();
    Ok((tiles, scale))
}

/// How many tiles of `side` follow the first along `length` (at least `side`).
fn steps(length: u32, side: u32, overlap: f64) -> u64 {
    let step = (f64::from(side) * (1.0 - overlap)).floor().max(1.0);
    (f64::from(length - side) / step).ceil() as u64
}

/// Where tiles of `side` begin along `length` (at least `side`).
fn starts(length: u32, side: u32, overlap: f64) -> Vec<u32> {
    let beyond = length - side;
    let steps = steps(length, side, overlap);
    if steps == 0 {
        return vec![0];
    }
    (0..=steps).map(|i| ((i * u64::from(beyond) + steps / 2) / steps) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::manifest;
    use crate::models::testing::BRIGHT;
    use proptest::prelude::*;

    #[test]
    fn more_tiles_than_can_be_run_are_a_fault() {
        let input = manifest::read(BRIGHT.replace('@', &"0".repeat(64)).as_bytes()).unwrap().input;
        let tiles = Tiles { width: 16, overlap: 0.0 };
        // 16 x 12 photo pixels each.
        assert_eq!(cut(256, 192, &tiles, &input).unwrap().0.len(), 256);
        let fault = cut(257, 192, &tiles, &input).unwrap_err();
        assert_eq!(fault.found, "272 for a photo of 257 x 192");
        assert!(cut(u32::MAX, u32::MAX, &tiles, &input).is_err());
    }

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
