//! Neighbourhood filters on lightness.

use crate::design::Raster;

/// Lowest or highest value of a neighbourhood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

impl Rank {
    fn of(self, a: f32, b: f32) -> f32 {
        // Written out: `f32::min` also looks for NaN, which keeps it from becoming one instruction.
        match self {
            Self::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Self::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Replaces every pixel by the lowest or highest of the disc of `radius` around it (whole pixels whose centre is within `radius + 1/4` px).
/// Pixels beyond the border do not count. Cost: about `2 radius` ns per pixel.
///
/// ```
/// use inspector::design::Raster;
/// use inspector::measure::{Rank, rank_filter};
/// let mut dot = Raster::from_rows(7, 7, |_, out| out.fill(0.0));
/// dot.data[3 * 7 + 3] = 1.0;
/// let grown = rank_filter(&dot, 2, Rank::Max);
/// assert_eq!(grown.row(5), [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]); // a disc, not a square
/// assert_eq!(grown.data.iter().sum::<f32>(), 21.0);
/// ```
pub fn rank_filter(raster: &Raster, radius: usize, rank: Rank) -> Raster {
    let (w, h) = (raster.width, raster.height);
    // Half width of the disc at each distance from its middle row.
    let reach = radius as f64 + 0.25;
    let half: Vec<usize> = (0..=radius).map(|dy| (reach * reach - (dy * dy) as f64).sqrt() as usize).collect();
    Raster::from_rows(w, h, |y, out| {
        out.copy_from_slice(raster.row(y));
        for sy in y.saturating_sub(radius)..(y + radius + 1).min(h) {
            let row = raster.row(sy);
            for d in 0..=half[sy.abs_diff(y)].min(w - 1) {
                for (o, v) in out[d..].iter_mut().zip(row) {
                    *o = rank.of(*o, *v);
                }
                for (o, v) in out.iter_mut().zip(&row[d..]) {
                    *o = rank.of(*o, *v);
                }
            }
        }
    })
}
