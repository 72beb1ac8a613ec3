//! Two numbers that vary slowly over the reference picture: a displacement, or the light.

use crate::geometry::solve_symmetric;

/// A pair of numbers at the nodes of a square grid, bilinear in between.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    /// Pixels between nodes.
    step: f64,
    columns: usize,
    rows: usize,
    values: Vec<[f64; 2]>,
}

/// The normal equations of a least-squares fit of a [`Grid`], node by node.
pub(super) struct Normal {
    grid: Grid,
    /// Per node xx, xy, yy, then the right side.
    sums: Vec<[f64; 5]>,
}

/// Sweeps of the Gauss-Seidel solver: enough to carry a value across a grid of a dozen nodes.
const SWEEPS: usize = 40;

impl Grid {
    /// `value` everywhere on a `width` x `height` picture, with nodes every `step` pixels.
    pub(super) fn constant(width: usize, height: usize, step: f64, value: [f64; 2]) -> Self {
        let nodes = |side: usize| (side as f64 / step).ceil() as usize + 1;
        let (columns, rows) = (nodes(width), nodes(height));
        Self { step, columns, rows, values: vec![value; columns * rows] }
    }

    /// The cell of a position: its first node, and how far into the cell it lies.
    fn cell(&self, x: f64, y: f64) -> (usize, f64, f64) {
        let (cx, cy) = ((x / self.step).max(0.0), (y / self.step).max(0.0));
        let (i, j) = ((cx as usize).min(self.columns - 2), (cy as usize).min(self.rows - 2));
        (j * self.columns + i, (cx - i as f64).min(1.0), (cy - j as f64).min(1.0))
    }

    /// The pair at a position; beyond the grid, that of its border.
    pub(crate) fn at(&self, x: f64, y: f64) -> [f64; 2] {
        let (n, fx, fy) = self.cell(x, y);
        let v = &self.values;
        std::array::from_fn(|k| {
            let top = v[n][k] + fx * (v[n + 1][k] - v[n][k]);
            let bottom = v[n + self.columns][k] + fx * (v[n + self.columns + 1][k] - v[n + self.columns][k]);
            top + fy * (bottom - top)
        })
    }

    /// The same field over the picture enlarged by `scale`, its values times `value_scale`.
    pub(super) fn enlarged(mut self, scale: f64, value_scale: f64) -> Self {
        self.step *= scale;
        for v in &mut self.values {
            *v = v.map(|v| v * value_scale);
        }
        self
    }

    /// Shortens every pair to the length `most`.
    pub(super) fn limit(&mut self, most: f64) {
        for v in &mut self.values {
            let length = (v[0] * v[0] + v[1] * v[1]).sqrt();
            if length > most {
                *v = v.map(|v| v * most / length);
            }
        }
    }
}

impl Normal {
    pub(super) fn new(grid: &Grid) -> Self {
        Self { grid: grid.clone(), sums: vec![[0.0; 5]; grid.values.len()] }
    }

    /// Adds the equation `row · value(x, y) = right`, with a weight.
    pub(super) fn add(&mut self, x: f64, y: f64, row: [f64; 2], right: f64, weight: f64) {
        let (n, fx, fy) = self.grid.cell(x, y);
        let columns = self.grid.columns;
        let corners = [
            (n, (1.0 - fx) * (1.0 - fy)),
            (n + 1, fx * (1.0 - fy)),
            (n + columns, (1.0 - fx) * fy),
            (n + columns + 1, fx * fy),
        ];
        for (node, share) in corners {
            let w = weight * share;
            let s = &mut self.sums[node];
            s[0] += w * row[0] * row[0];
            s[1] += w * row[0] * row[1];
            s[2] += w * row[1] * row[1];
            s[3] += w * row[0] * right;
            s[4] += w * row[1] * right;
        }
    }

    /// The grid that fits best when neighbours differ little. `stiffness` weighs neighbours, `pull` the wish to stay at `rest`, both
    /// against the mean weight of a node's own equations.
    pub(super) fn solve(self, stiffness: f64, pull: f64, rest: [f64; 2]) -> Grid {
        let Self { mut grid, sums } = self;
        let own = sums.iter().map(|s| 0.5 * (s[0] + s[2])).sum::<f64>() / sums.len() as f64;
        let (stiffness, pull) = (stiffness * own + 1e-12, pull * own + 1e-12);
        for _ in 0..SWEEPS {
            for n in 0..sums.len() {
                let (i, j) = (n % grid.columns, n / grid.columns);
                let neighbours = [
                    (i > 0).then(|| n - 1),
                    (i + 1 < grid.columns).then(|| n + 1),
                    (j > 0).then(|| n - grid.columns),
                    (j + 1 < grid.rows).then(|| n + grid.columns),
                ];
                let s = &sums[n];
                let mut diagonal = pull;
                let mut right = [s[3] + pull * rest[0], s[4] + pull * rest[1]];
                for m in neighbours.into_iter().flatten() {
                    diagonal += stiffness;
                    right[0] += stiffness * grid.values[m][0];
                    right[1] += stiffness * grid.values[m][1];
                }
                if let Some(v) = solve_symmetric([[s[0] + diagonal, s[1]], [s[1], s[2] + diagonal]], right) {
                    grid.values[n] = v;
                }
            }
        }
        grid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_seen_through_edges_of_one_direction_is_found() {
        // Value (x/100, 0), known only as its first component, and not at all in the middle: neighbours must fill in.
        let mut normal = Normal::new(&Grid::constant(640, 640, 64.0, [0.0; 2]));
        for y in (0..640).step_by(4) {
            for x in (0..640).step_by(4) {
                if (x - 320_i32).abs() > 64 {
                    normal.add(x as f64, y as f64, [1.0, 0.0], x as f64 / 100.0, 1.0);
                }
            }
        }
        let grid = normal.solve(0.05, 0.0, [0.0; 2]);
        for x in [100.0, 320.0, 500.0] {
            let [u, v] = grid.at(x, 300.0);
            assert!((u - x / 100.0).abs() < 0.15 && v.abs() < 1e-9, "{x}: {u} {v}");
        }
    }
}
