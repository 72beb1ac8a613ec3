//! Finds a chessboard in a photo: every inner corner, to a few hundredths of a pixel.
//!
//! `saddle points of the light -> those round which light changes four times -> grid, grown from neighbour to neighbour -> refined in place`
//!
//! An inner corner looks the same after half a turn, so blur, tone curve and sharpening do not move it. Codes serve better than light: their
//! noise is about even.

mod grid;
mod saddle;
#[cfg(test)]
mod tests;

use super::Plane;
use super::solve::View;
use crate::geometry::{ImagePx, PlaneMm, Point};
use crate::measure::shrink;
use thiserror::Error;

/// A chessboard: how many inner corners it has, and how far apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Board {
    /// Inner corners along one side: one less than squares.
    pub columns: usize,
    /// Inner corners along the other side.
    pub rows: usize,
    /// Side of a square, mm.
    pub square_mm: f64,
}

/// Why a board is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BoardError {
    /// Nothing like it.
    #[error("no chessboard found: show the whole board, sharp and evenly lit, with a white margin")]
    None,
    /// Some of it.
    #[error(
        "a chessboard with {found} inner corners in sight, expected {columns} x {rows}: show the whole board, or give its real number of inner corners"
    )]
    Partial {
        /// Corners found.
        found: usize,
        /// What the board should have.
        columns: usize,
        /// What the board should have.
        rows: usize,
    },
}

/// Longest side of the picture on which corners are looked for, px.
const WORKING_SIDE: u32 = 1400;

impl Board {
    /// Finds the board's inner corners. They come row by row; the board is never taken for its mirror image, but which of its corners is
    /// first (and, on a square board, which side is the row) is not known.
    ///
    /// # Errors
    /// [`BoardError`] when not exactly this board is seen whole.
    ///
    /// Cost: about 40 ms for 1 megapixel, 150 ms for 12.
    ///
    /// Honest scope: squares of at least about 8 px in a picture made smaller to 1,400 px, seen up to 60 degrees from the side.
    pub fn find(&self, plane: &Plane) -> Result<Vec<Point<ImagePx>>, BoardError> {
        let factor = plane.width().max(plane.height()).div_ceil(WORKING_SIDE).max(1);
        let small = shrink(plane, factor);
        let saddles = saddle::candidates(&small);
        let found = grid::grow(&small, &saddles, self.columns, self.rows)?;
        // From the small picture's pixels to the photo's.
        let (f, offset) = (f64::from(factor), 0.5 * (f64::from(factor) - 1.0));
        let rough: Vec<Point<ImagePx>> = found.iter().map(|p| Point::new(f * p.x + offset, f * p.y + offset)).collect();
        let reach = self.reach(&rough);
        Ok(rough.iter().zip(reach).map(|(p, r)| saddle::refine(plane, *p, r).unwrap_or(*p)).collect())
    }

    /// Half of each corner's window, px: as wide as the nearest other corner allows.
    fn reach(&self, corners: &[Point<ImagePx>]) -> Vec<f64> {
        let nearest = |i: usize| {
            let (column, row) = (i % self.columns, i / self.columns);
            let neighbours = [
                (column > 0).then(|| i - 1),
                (column + 1 < self.columns).then_some(i + 1),
                (row > 0).then(|| i.wrapping_sub(self.columns)),
                (row + 1 < self.rows).then_some(i + self.columns),
            ];
            neighbours.into_iter().flatten().map(|k| corners[k].distance(corners[i])).fold(f64::INFINITY, f64::min)
        };
        (0..corners.len()).map(|i| (0.4 * nearest(i)).clamp(2.5, 9.0)).collect()
    }

    /// Where the corners are on the board, mm, in the order of [`find`](Self::find): the first at the origin, x along the row, y up.
    pub fn points(&self) -> impl Iterator<Item = Point<PlaneMm>> + '_ {
        let at = |n: usize| self.square_mm * n as f64;
        (0..self.rows).flat_map(move |row| (0..self.columns).map(move |column| Point::new(at(column), -at(row))))
    }

    /// A photo of the board as a view for [`calibrate`](super::solve::calibrate).
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn view(&self, plane: &Plane) -> Result<View, BoardError> {
        Ok(View { points: self.points().zip(self.find(plane)?).collect() })
    }
}
