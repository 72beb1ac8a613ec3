//! From single corners to a board: grown from neighbour to neighbour, as far as corners alternate and edges lead there.

use super::BoardError;
use super::saddle::Saddle;
use crate::calibration::Plane;
use crate::geometry::{ImagePx, Point, Vector};
use crate::measure::bilinear;
use std::collections::{BTreeMap, VecDeque};

/// A place in the grid: column and row, from the corner that the growth began with.
type Cell = (i32, i32);
const SIDES: [Cell; 4] = [(1, 0), (-1, 0), (0, 1), (0, -1)];

/// How far a corner may lie from where it is expected, of the step to it.
const OFF: f64 = 0.3;
/// How far a neighbour of the first corner may lie beside the edge that leads to it, of the way.
const FIRST_BESIDE: f64 = 0.45;
/// Fewest corners that are called part of a board.
const LEAST: usize = 9;

/// The corners of a board of `columns` x `rows`, row by row, x of the board turning to its y as in the picture (y down).
///
/// # Errors
/// [`BoardError`] with the largest grid that was found.
pub(super) fn grow(
    plane: &Plane,
    saddles: &[Saddle],
    columns: usize,
    rows: usize,
) -> Result<Vec<Point<ImagePx>>, BoardError> {
    let mut used = vec![false; saddles.len()];
    let mut largest = 0;
    for seed in 0..saddles.len() {
        if used[seed] {
            continue;
        }
        let cells = from_seed(plane, saddles, seed);
        for i in cells.values() {
            used[*i] = true;
        }
        if let Some(found) = window(&cells, saddles, columns, rows) {
            return Ok(found);
        }
        largest = largest.max(cells.len());
    }
    // Fewer are chance: a keyboard, a woven cloth.
    if largest < LEAST { Err(BoardError::None) } else { Err(BoardError::Partial { found: largest, columns, rows }) }
}

/// Columns and rows that the cells span.
fn extent(cells: &BTreeMap<Cell, usize>) -> (usize, usize) {
    let span = |of: fn(&Cell) -> i32| {
        let (low, high) = cells.keys().map(of).fold((i32::MAX, i32::MIN), |(l, h), v| (l.min(v), h.max(v)));
        (high - low + 1) as usize
    };
    if cells.is_empty() { (0, 0) } else { (span(|c| c.0), span(|c| c.1)) }
}

/// All corners that can be reached from one.
fn from_seed(plane: &Plane, saddles: &[Saddle], seed: usize) -> BTreeMap<Cell, usize> {
    let mut cells = BTreeMap::from([((0, 0), seed)]);
    let mut taken = vec![false; saddles.len()];
    taken[seed] = true;
    let mut queue = VecDeque::from([(0, 0)]);
    while let Some(cell) = queue.pop_front() {
        for side in SIDES {
            let next = (cell.0 + side.0, cell.1 + side.1);
            if cells.contains_key(&next) {
                continue;
            }
            let here = &saddles[cells[&cell]];
            let found = match expected(&cells, saddles, cell, side) {
                Some(step) => nearest(saddles, &taken, here.p + step, OFF * step.length()),
                None => first(plane, saddles, &taken, here, side),
            };
            let fits = |i: &usize| {
                alternates(here, &saddles[*i])
                    && edge_between(plane, here.p, saddles[*i].p)
                    && !conflicts(&cells, saddles, next, *i)
            };
            if let Some(i) = found.filter(fits) {
                taken[i] = true;
                cells.insert(next, i);
                queue.push_back(next);
            }
        }
    }
    cells
}

/// The step to the next corner on that side, as the corners known so far tell; `None` when none does.
fn expected(cells: &BTreeMap<Cell, usize>, saddles: &[Saddle], cell: Cell, side: Cell) -> Option<Vector<ImagePx>> {
    let at = |c: Cell| cells.get(&c).map(|i| saddles[*i].p);
    let here = at(cell)?;
    // The step before this one on the same line; else the same step on the lines beside.
    if let Some(before) = at((cell.0 - side.0, cell.1 - side.1)) {
        return Some(here - before);
    }
    [(side.1, side.0), (-side.1, -side.0)].into_iter().find_map(|beside| {
        let from = at((cell.0 + beside.0, cell.1 + beside.1))?;
        let to = at((cell.0 + beside.0 + side.0, cell.1 + beside.1 + side.1))?;
        Some(to - from)
    })
}

fn nearest(saddles: &[Saddle], taken: &[bool], p: Point<ImagePx>, within: f64) -> Option<usize> {
    (0..saddles.len())
        .filter(|i| !taken[*i])
        .map(|i| (i, saddles[i].p.distance(p)))
        .filter(|(_, d)| *d <= within.max(1.5))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, _)| i)
}

/// The first step: the nearest corner along the edge on that side that this edge leads to.
fn first(plane: &Plane, saddles: &[Saddle], taken: &[bool], here: &Saddle, side: Cell) -> Option<usize> {
    let along = if side.0 != 0 { here.edges[0] * f64::from(side.0) } else { here.edges[1] * f64::from(side.1) };
    let mut ahead: Vec<(usize, f64)> = (0..saddles.len())
        .filter(|i| !taken[*i])
        .filter_map(|i| {
            let to = saddles[i].p - here.p;
            let (forward, beside) = (to.dot(along), to.cross(along).abs());
            (forward > 5.0 && beside < FIRST_BESIDE * forward).then_some((i, forward + 2.0 * beside))
        })
        .collect();
    ahead.sort_by(|a, b| a.1.total_cmp(&b.1));
    ahead
        .into_iter()
        .take(6)
        .map(|a| a.0)
        .find(|i| alternates(here, &saddles[*i]) && edge_between(plane, here.p, saddles[*i].p))
}

/// Neighbours have edges of about the same directions, and are bright where the other is dark.
fn alternates(a: &Saddle, b: &Saddle) -> bool {
    let same = |u: Vector<ImagePx>, v: Vector<ImagePx>| u.dot(v).abs() > 0.85;
    let straight = same(a.edges[0], b.edges[0]) && same(a.edges[1], b.edges[1]);
    let crosswise = same(a.edges[0], b.edges[1]) && same(a.edges[1], b.edges[0]);
    (straight || crosswise) && b.is_bright(a.edges[0] + a.edges[1]) != a.bright
}

/// True when light differs across the line between two corners all along it.
fn edge_between(plane: &Plane, a: Point<ImagePx>, b: Point<ImagePx>) -> bool {
    let Some(along) = (b - a).unit() else { return false };
    let across = along.perpendicular() * (0.2 * a.distance(b)).clamp(1.5, 5.0);
    let mut sign = 0.0_f64;
    [0.3, 0.5, 0.7].into_iter().all(|t| {
        let p = a + (b - a) * t;
        let (Some(l), Some(r)) =
            (bilinear(plane, (p + across).x, (p + across).y), bilinear(plane, (p - across).x, (p - across).y))
        else {
            return false;
        };
        let difference = (l - r) / (l + r).max(1.0);
        let agrees = sign == 0.0 || difference * sign > 0.0;
        sign = difference;
        agrees && difference.abs() > 0.08
    })
}

/// True when a corner on this place would not fit the neighbours that are there already.
fn conflicts(cells: &BTreeMap<Cell, usize>, saddles: &[Saddle], cell: Cell, i: usize) -> bool {
    SIDES.into_iter().any(|side| {
        cells.get(&(cell.0 + side.0, cell.1 + side.1)).is_some_and(|n| !alternates(&saddles[*n], &saddles[i]))
    })
}

/// The part of the grid that is a whole board of this size: the strongest, when something beside the board was taken for its corners.
fn window(
    cells: &BTreeMap<Cell, usize>,
    saddles: &[Saddle],
    columns: usize,
    rows: usize,
) -> Option<Vec<Point<ImagePx>>> {
    let (w, h) = extent(cells);
    let (x0, y0) = (cells.keys().map(|c| c.0).min()?, cells.keys().map(|c| c.1).min()?);
    let mut best: Option<(f32, Vec<Point<ImagePx>>)> = None;
    for (across, down, turned) in [(columns, rows, false), (rows, columns, true)] {
        for dy in 0..(h + 1).saturating_sub(down) {
            for dx in 0..(w + 1).saturating_sub(across) {
                let cell = |c: usize, r: usize| {
                    let (c, r) = if turned { (r, c) } else { (c, r) };
                    cells.get(&(x0 + (dx + c) as i32, y0 + (dy + r) as i32)).copied()
                };
                let found: Option<Vec<usize>> =
                    (0..rows).flat_map(|r| (0..columns).map(move |c| (c, r))).map(|(c, r)| cell(c, r)).collect();
                let Some(found) = found else { continue };
                let weakest = found.iter().map(|i| saddles[*i].response).fold(f32::INFINITY, f32::min);
                if best.as_ref().is_none_or(|(b, _)| weakest > *b) {
                    best = Some((weakest, found.iter().map(|i| saddles[*i].p).collect()));
                }
            }
        }
        if columns == rows {
            break;
        }
    }
    let (_, mut corners) = best?;
    // Never the mirror image: rows follow columns as y follows x in the picture.
    let (along, down) = (corners[1] - corners[0], corners[columns] - corners[0]);
    if along.cross(down) < 0.0 {
        for row in corners.chunks_mut(columns) {
            row.reverse();
        }
    }
    Some(corners)
}
