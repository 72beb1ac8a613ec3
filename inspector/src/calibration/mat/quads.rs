//! Dark quadrilaterals in a small version of the photo.
//!
//! `reduce -> threshold against the neighbourhood -> connected dark pixels -> outline -> four straight sides`
//!
//! Grey values are roots of light, in which the threshold half way between black and white lies at a third of the light: tags that touch
//! black squares at their corners come apart.

use super::small::Small;
use crate::geometry::{ImagePx, Point, Vector};

/// Four corners, clockwise in the picture (y down), px of the small version.
pub(super) type Quad = [Point<ImagePx>; 4];

/// Side of a tile of the threshold, px.
const TILE: usize = 8;
/// Tiles looked at to each side for black and white.
const REACH: usize = 3;
/// Least difference between black and white, of 255.
const CONTRAST: u8 = 26;
/// Least side of a quadrilateral, px.
const SIDE: f64 = 9.0;

/// Finds them.
pub(super) fn quads(small: &Small) -> Vec<Quad> {
    components(small, &thresholds(small)).iter().filter_map(|runs| quad(runs)).collect()
}

/// Per tile: a pixel below this is dark.
fn thresholds(small: &Small) -> Vec<u8> {
    let (columns, rows) = (small.width.div_ceil(TILE), small.height.div_ceil(TILE));
    let mut low = vec![255_u8; columns * rows];
    let mut high = vec![0_u8; columns * rows];
    for (y, line) in small.values.chunks_exact(small.width).enumerate() {
        let tiles = y / TILE * columns;
        for (k, part) in line.chunks(TILE).enumerate() {
            let (l, h) = part.iter().fold((255_u8, 0_u8), |(l, h), v| (l.min(*v), h.max(*v)));
            low[tiles + k] = low[tiles + k].min(l);
            high[tiles + k] = high[tiles + k].max(h);
        }
    }
    let low = spread(&low, columns, u8::min);
    let high = spread(&high, columns, u8::max);
    let between = |(l, h): (&u8, &u8)| if h - l < CONTRAST { 0 } else { l + (h - l) / 2 };
    low.iter().zip(&high).map(between).collect()
}

/// The least or largest within [`REACH`] tiles, rows first, then columns.
fn spread(tiles: &[u8], columns: usize, pick: fn(u8, u8) -> u8) -> Vec<u8> {
    let rows = tiles.len() / columns;
    let over = |i: usize, n: usize| i.saturating_sub(REACH)..(i + REACH + 1).min(n);
    let mut across = vec![0; tiles.len()];
    for y in 0..rows {
        for x in 0..columns {
            let line = &tiles[y * columns..(y + 1) * columns];
            across[y * columns + x] =
                line[over(x, columns)].iter().copied().reduce(pick).expect("at least the tile itself");
        }
    }
    let mut out = vec![0; tiles.len()];
    for y in 0..rows {
        for x in 0..columns {
            let column = over(y, rows).map(|y| across[y * columns + x]);
            out[y * columns + x] = column.reduce(pick).expect("at least the tile itself");
        }
    }
    out
}

/// Dark pixels side by side in a row: `from..to`.
#[derive(Clone, Copy, Debug)]
struct Run {
    y: usize,
    from: usize,
    to: usize,
}

/// Groups of dark pixels joined by their sides that may be a tag: neither too small nor over half of the picture.
fn components(small: &Small, thresholds: &[u8]) -> Vec<Vec<Run>> {
    let columns = small.width.div_ceil(TILE);
    let mut runs: Vec<Run> = Vec::new();
    let mut parent: Vec<usize> = Vec::new();
    let mut last = 0..0;
    for (y, line) in small.values.chunks_exact(small.width).enumerate() {
        let first = runs.len();
        let mut above = last.clone();
        runs_of(line, &thresholds[y / TILE * columns..][..columns], |from, to| {
            let me = runs.len();
            runs.push(Run { y, from, to });
            parent.push(me);
            while above.start < above.end && runs[above.start].to <= from {
                above.start += 1;
            }
            let touching = above.clone().take_while(|i| runs[*i].from < to);
            for i in touching {
                let (a, b) = (root(&mut parent, i), root(&mut parent, me));
                parent[a.max(b)] = a.min(b);
            }
        });
        last = first..runs.len();
    }
    // Size of each group: x from, x to, y from, y to, runs.
    let mut boxes: Vec<[usize; 5]> = vec![[usize::MAX, 0, usize::MAX, 0, 0]; runs.len()];
    for i in 0..runs.len() {
        let (run, b) = (runs[i], &mut boxes[root(&mut parent, i)]);
        *b = [b[0].min(run.from), b[1].max(run.to), b[2].min(run.y), b[3].max(run.y + 1), b[4] + 1];
    }
    let may_be = |b: &[usize; 5]| {
        let (w, h) = (b[1].saturating_sub(b[0]), b[3].saturating_sub(b[2]));
        let (small_side, large) = (w.min(h), w.max(h));
        // What the picture's border cuts has no four corners.
        let inside = b[0] > 0 && b[1] < small.width && b[2] > 0 && b[3] < small.height;
        small_side as f64 >= SIDE && large <= small.width.min(small.height) / 2 && inside
    };
    let mut place: Vec<Option<usize>> = vec![None; runs.len()];
    let mut groups: Vec<Vec<Run>> = Vec::new();
    for i in 0..runs.len() {
        let r = root(&mut parent, i);
        if !may_be(&boxes[r]) {
            continue;
        }
        let at = *place[r].get_or_insert_with(|| {
            groups.push(Vec::with_capacity(boxes[r][4]));
            groups.len() - 1
        });
        groups[at].push(runs[i]);
    }
    groups
}

/// Calls `found` for each run of dark pixels in a line.
fn runs_of(line: &[u8], thresholds: &[u8], mut found: impl FnMut(usize, usize)) {
    let mut from = None;
    for (k, part) in line.chunks(TILE).enumerate() {
        let threshold = thresholds[k];
        if threshold == 0 && from.is_none() {
            continue;
        }
        for (i, v) in part.iter().enumerate() {
            match (*v < threshold, from) {
                (true, None) => from = Some(k * TILE + i),
                (false, Some(start)) => {
                    found(start, k * TILE + i);
                    from = None;
                }
                _ => (),
            }
        }
    }
    if let Some(start) = from {
        found(start, line.len());
    }
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// Four straight sides round a group, when it has them.
fn quad(runs: &[Run]) -> Option<Quad> {
    let outline = Outline::of(runs);
    let hull = outline.hull();
    let [a, b, c, d] = four(&hull)?;
    let rough = [a, b, c, d];
    let sides: Vec<_> = (0..4).map(|i| outline.side(rough[i], rough[(i + 1) % 4])).collect::<Option<_>>()?;
    let mut quad = rough;
    for i in 0..4 {
        quad[i] = sides[(i + 3) % 4].crossing(&sides[i])?;
        // Where the sides say something else than the outline, it is no quadrilateral.
        if quad[i].distance(rough[i]) > 2.0 + 0.12 * rough[i].distance(rough[(i + 1) % 4]) {
            return None;
        }
    }
    let whole = area(&quad);
    (whole > 0.0 && area(&hull) > 0.85 * whole && convex(&quad)).then_some(quad)
}

/// Twice the signed area is a sum of cross products; positive for clockwise with y down.
fn area(polygon: &[Point<ImagePx>]) -> f64 {
    let n = polygon.len();
    0.5 * (0..n).map(|i| (polygon[i].x * polygon[(i + 1) % n].y) - (polygon[i].y * polygon[(i + 1) % n].x)).sum::<f64>()
}

fn convex(quad: &Quad) -> bool {
    (0..4).all(|i| {
        let (p, q, r) = (quad[i], quad[(i + 1) % 4], quad[(i + 2) % 4]);
        (q - p).length() >= SIDE && (q - p).cross(r - q) > 0.2 * (q - p).length() * (r - q).length()
    })
}

/// The four corners of a hull: the point farthest from the middle, the one farthest from that, and the farthest on either side of the line
/// between them. Clockwise with y down.
fn four(hull: &[Point<ImagePx>]) -> Option<Quad> {
    let n = hull.len() as f64;
    let middle = Point::new(hull.iter().map(|p| p.x).sum::<f64>() / n, hull.iter().map(|p| p.y).sum::<f64>() / n);
    let farthest =
        |from: Point<ImagePx>| hull.iter().copied().max_by(|p, q| p.distance(from).total_cmp(&q.distance(from)));
    let a = farthest(middle)?;
    let c = farthest(a)?;
    let along = c - a;
    let beside = |p: &Point<ImagePx>| along.cross(*p - a);
    let b = hull.iter().copied().min_by(|p, q| beside(p).total_cmp(&beside(q)))?;
    let d = hull.iter().copied().max_by(|p, q| beside(p).total_cmp(&beside(q)))?;
    let wide = 0.3 * along.length() * along.length();
    (-beside(&b) > 0.2 * wide && beside(&d) > 0.2 * wide).then_some([a, b, c, d])
}

/// A straight line: a point on it and its direction.
struct Side {
    at: Point<ImagePx>,
    along: Vector<ImagePx>,
}

impl Side {
    fn crossing(&self, other: &Self) -> Option<Point<ImagePx>> {
        let across = self.along.cross(other.along);
        let t = (other.at - self.at).cross(other.along) / across;
        (across.abs() > 1e-3).then(|| self.at + self.along * t)
    }
}

/// First and last dark place of each row and of each column.
struct Outline {
    rows: Vec<Point<ImagePx>>,
    columns: Vec<Point<ImagePx>>,
}

impl Outline {
    fn of(runs: &[Run]) -> Self {
        let (top, bottom) = (runs[0].y, runs[runs.len() - 1].y);
        let left = runs.iter().map(|r| r.from).min().unwrap_or(0);
        let right = runs.iter().map(|r| r.to).max().unwrap_or(left);
        let mut rows = vec![(usize::MAX, 0); bottom - top + 1];
        let mut columns = vec![(usize::MAX, 0); right - left];
        for run in runs {
            let row = &mut rows[run.y - top];
            *row = (row.0.min(run.from), row.1.max(run.to));
            for column in &mut columns[run.from - left..run.to - left] {
                *column = (column.0.min(run.y), column.1.max(run.y + 1));
            }
        }
        // A pixel reaches half a pixel to each side of its centre.
        let edge = |i: usize| i as f64 - 0.5;
        let ends = |(i, (a, b)): (usize, &(usize, usize)), first: usize| [(i + first, *a), (i + first, *b)];
        let rows = rows.iter().enumerate().flat_map(|r| ends(r, top)).map(|(y, x)| Point::new(edge(x), y as f64));
        let columns =
            columns.iter().enumerate().flat_map(|c| ends(c, left)).map(|(x, y)| Point::new(x as f64, edge(y)));
        Self { rows: rows.collect(), columns: columns.collect() }
    }

    /// Convex hull, clockwise with y down (Andrew 1979, doi:10.1016/0020-0190(79)90072-3). Its corners are ends of rows.
    fn hull(&self) -> Vec<Point<ImagePx>> {
        let mut points = self.rows.clone();
        points.sort_by(|p, q| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y)));
        let mut hull: Vec<Point<ImagePx>> = Vec::new();
        let half = |points: &mut dyn Iterator<Item = Point<ImagePx>>, hull: &mut Vec<Point<ImagePx>>| {
            let start = hull.len();
            for p in points {
                while hull.len() >= start + 2 {
                    let (a, b) = (hull[hull.len() - 2], hull[hull.len() - 1]);
                    if (b - a).cross(p - b) > 0.0 {
                        break;
                    }
                    hull.pop();
                }
                hull.push(p);
            }
            hull.pop();
        };
        half(&mut points.iter().copied(), &mut hull);
        half(&mut points.iter().rev().copied(), &mut hull);
        hull
    }

    /// The line through the outline's points along a side, its ends left away.
    fn side(&self, from: Point<ImagePx>, to: Point<ImagePx>) -> Option<Side> {
        let length = from.distance(to);
        let along = (to - from).unit()?;
        let points = if along.y.abs() > along.x.abs() { &self.rows } else { &self.columns };
        let near = (0.05 * length).max(1.6);
        let mut chosen: Vec<Point<ImagePx>> = points
            .iter()
            .copied()
            .filter(|p| {
                let v = *p - from;
                (0.12 * length..0.88 * length).contains(&v.dot(along)) && along.cross(v).abs() < near
            })
            .collect();
        let expected = 0.76 * length * along.x.abs().max(along.y.abs());
        let mut side = Side { at: from, along };
        for _ in 0..2 {
            // Half of them must be there.
            if (chosen.len() as f64) < 0.5 * expected {
                return None;
            }
            side = line(&chosen);
            chosen.retain(|p| side.along.cross(*p - side.at).abs() < 1.2);
        }
        Some(side)
    }
}

/// Line of least squared distances.
fn line(points: &[Point<ImagePx>]) -> Side {
    let n = points.len() as f64;
    let at = Point::new(points.iter().map(|p| p.x).sum::<f64>() / n, points.iter().map(|p| p.y).sum::<f64>() / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for v in points.iter().map(|p| *p - at) {
        (xx, xy, yy) = (xx + v.x * v.x, xy + v.x * v.y, yy + v.y * v.y);
    }
    let (sin, cos) = libm::sincos(0.5 * libm::atan2(2.0 * xy, xx - yy));
    Side { at, along: Vector::new(cos, sin) }
}
