//! Loose lines and arcs to closed contours.

use super::{DesignError, Segment};
use crate::geometry::{Angle, DesignMm, Point};
use std::collections::HashMap;

/// A gap between the ends of two lines that is closed without asking, mm.
pub const GAP: f64 = 0.01;
/// Ends this close are the same point: what is left of f64 after a program wrote six decimals, mm.
pub(super) const SAME: f64 = 1e-6;
/// Pieces whose ends and middles are this close are one piece drawn twice, mm (less for pieces shorter than ten times this).
const TWICE: f64 = 0.001;
/// Most pieces looked at around one place.
const CROWD: usize = 64;

/// A line or arc and where it came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) segment: Segment,
    /// Line of the file.
    pub(super) line: u32,
}

/// Pieces that form a closed contour, in order of travel.
pub(super) type Loop = Vec<Piece>;

/// Joins pieces whose ends lie within [`GAP`], whatever their order and direction. Pieces without length and pieces drawn twice are dropped.
///
/// Cost: linear in the number of pieces (about 1 s for a million).
pub(super) fn join(mut pieces: Vec<Piece>) -> Result<Vec<Loop>, DesignError> {
    pieces.retain(|p| p.segment.length() > SAME);
    let pieces = drop_doubles(pieces)?;
    // Ends 2i and 2i + 1 are start and end of piece i; whole circles have none.
    let ends: Vec<Point<DesignMm>> = pieces.iter().flat_map(|p| [p.segment.at(0.0), p.segment.at(1.0)]).collect();
    let mut partner: Vec<Option<usize>> = vec![None; ends.len()];
    for i in (0..pieces.len()).filter(|i| pieces[*i].segment.full()) {
        (partner[2 * i], partner[2 * i + 1]) = (Some(2 * i + 1), Some(2 * i));
    }
    match_same(&pieces, &ends, &mut partner)?;
    match_near(&pieces, &ends, &mut partner)?;
    if let Some(free) = partner.iter().position(Option::is_none) {
        return Err(open_contour(&pieces, &ends, &partner, free));
    }
    let partner: Vec<usize> = partner.into_iter().flatten().collect();
    Ok(walk(&pieces, &partner))
}

/// Points by square cells of the plane, for looking around a place.
struct Grid {
    cell: f64,
    /// Newest member of each cell.
    heads: HashMap<(i64, i64), usize>,
    /// The member before each, in the same cell.
    before: HashMap<usize, usize>,
}

impl Grid {
    fn new(cell: f64) -> Self {
        Self { cell, heads: HashMap::new(), before: HashMap::new() }
    }
    fn key(&self, p: Point<DesignMm>) -> (i64, i64) {
        ((p.x / self.cell).floor() as i64, (p.y / self.cell).floor() as i64)
    }
    fn insert(&mut self, p: Point<DesignMm>, member: usize) {
        if let Some(old) = self.heads.insert(self.key(p), member) {
            self.before.insert(member, old);
        }
    }
    /// Members of the cell of `p` and the eight around it.
    fn around(&self, p: Point<DesignMm>) -> impl Iterator<Item = usize> {
        let (x, y) = self.key(p);
        (-1..=1)
            .flat_map(move |dx| (-1..=1).map(move |dy| (x + dx, y + dy)))
            .filter_map(|key| self.heads.get(&key).copied())
            .flat_map(|head| std::iter::successors(Some(head), |member| self.before.get(member).copied()))
    }
}

/// Keeps the first of pieces drawn twice, also when drawn the other way round.
fn drop_doubles(pieces: Vec<Piece>) -> Result<Vec<Piece>, DesignError> {
    let middle = |s: &Segment| match s {
        Segment::Arc { circle, .. } if s.full() => circle.centre,
        _ => s.at(0.5),
    };
    let mut grid = Grid::new(TWICE);
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let m = middle(&piece.segment);
        let mut crowd = 0;
        let mut double = false;
        for other in grid.around(m) {
            crowd += 1;
            double |= same_piece(&piece.segment, &kept[other].segment);
            if crowd > CROWD {
                return Err(DesignError::TooDense { x: m.x, y: m.y });
            }
        }
        if !double {
            grid.insert(m, kept.len());
            kept.push(piece);
        }
    }
    Ok(kept)
}

fn same_piece(a: &Segment, b: &Segment) -> bool {
    let tolerance = TWICE.min(0.1 * a.length());
    if let (Segment::Arc { circle: c, .. }, Segment::Arc { circle: d, .. }) = (a, b)
        && a.full()
        && b.full()
    {
        return c.centre.distance(d.centre) <= tolerance && (c.radius - d.radius).abs() <= tolerance;
    }
    let near = |s: f64, t: f64| a.at(s).distance(b.at(t)) <= tolerance;
    a.full() == b.full() && near(0.5, 0.5) && ((near(0.0, 0.0) && near(1.0, 1.0)) || (near(0.0, 1.0) && near(1.0, 0.0)))
}

/// Pairs up ends at the same point; three at one point are a fork.
fn match_same(pieces: &[Piece], ends: &[Point<DesignMm>], partner: &mut [Option<usize>]) -> Result<(), DesignError> {
    let mut grid = Grid::new(SAME);
    for (i, p) in ends.iter().enumerate() {
        if pieces[i / 2].segment.full() {
            continue;
        }
        for j in grid.around(*p) {
            if ends[j].distance(*p) <= SAME {
                if partner[i].is_some() || partner[j].is_some() {
                    let (line, other_line) = (pieces[i / 2].line, pieces[j / 2].line);
                    return Err(DesignError::Fork { line, other_line, x: p.x, y: p.y });
                }
                (partner[i], partner[j]) = (Some(j), Some(i));
            }
        }
        grid.insert(*p, i);
    }
    Ok(())
}

/// Pairs up the ends that are left within [`GAP`], nearest first.
fn match_near(pieces: &[Piece], ends: &[Point<DesignMm>], partner: &mut [Option<usize>]) -> Result<(), DesignError> {
    let mut grid = Grid::new(GAP);
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    let free: Vec<usize> = (0..ends.len()).filter(|i| partner[*i].is_none()).collect();
    for i in free {
        for (crowd, j) in grid.around(ends[i]).enumerate() {
            if crowd > CROWD {
                return Err(DesignError::TooDense { x: ends[i].x, y: ends[i].y });
            }
            let gap = ends[i].distance(ends[j]);
            // A short line must not close on itself.
            let own = i / 2 == j / 2 && pieces[i / 2].segment.length() < 10.0 * GAP;
            if gap <= GAP && !own {
                pairs.push((gap, j, i));
            }
        }
        grid.insert(ends[i], i);
    }
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, i, j) in pairs {
        if partner[i].is_none() && partner[j].is_none() {
            (partner[i], partner[j]) = (Some(j), Some(i));
        }
    }
    Ok(())
}

/// Says what is wrong around a free end.
fn open_contour(pieces: &[Piece], ends: &[Point<DesignMm>], partner: &[Option<usize>], free: usize) -> DesignError {
    let (p, line) = (ends[free], pieces[free / 2].line);
    let on_other =
        pieces.iter().enumerate().find(|(i, piece)| *i != free / 2 && super::crossing::lies_on(&piece.segment, p, GAP));
    if let Some((_, other)) = on_other {
        return DesignError::Fork { line, other_line: other.line, x: p.x, y: p.y };
    }
    let others = (0..ends.len()).filter(|i| *i != free && partner[*i].is_none());
    let nearest = others.min_by(|a, b| ends[*a].distance(p).total_cmp(&ends[*b].distance(p)));
    // Ends are paired, so a free end is never the only one.
    let to = ends[nearest.unwrap_or(free)];
    let free_ends = partner.iter().filter(|end| end.is_none()).count();
    DesignError::Open {
        line,
        layer: None,
        x: p.x,
        y: p.y,
        to_x: to.x,
        to_y: to.y,
        gap: p.distance(to),
        allowed: GAP,
        ends: free_ends,
    }
}

/// Follows the partners round each contour.
fn walk(pieces: &[Piece], partner: &[usize]) -> Vec<Loop> {
    let mut seen = vec![false; pieces.len()];
    let mut loops = Vec::new();
    for first in 0..pieces.len() {
        let mut contour = Vec::new();
        let mut enter = 2 * first;
        while !seen[enter / 2] {
            let piece = pieces[enter / 2];
            seen[enter / 2] = true;
            let forward = enter % 2 == 0;
            contour.push(if forward { piece } else { Piece { segment: piece.segment.reversed(), ..piece } });
            enter = partner[enter ^ 1];
        }
        if !contour.is_empty() {
            close_gaps(&mut contour);
            loops.push(contour);
        }
    }
    loops
}

/// Moves the ends of lines onto their neighbours; an arc that nearly meets itself becomes a whole circle. Arcs stay where they are.
fn close_gaps(contour: &mut Loop) {
    if let [Piece { segment: Segment::Arc { sweep, .. }, .. }] = contour.as_mut_slice() {
        *sweep = Angle::from_degrees(360.0_f64.copysign(sweep.degrees()));
        return;
    }
    for i in 0..contour.len() {
        let next = (i + 1) % contour.len();
        let (a, b) = (contour[i].segment, contour[next].segment);
        let joint = match (a, b) {
            (Segment::Line { to, .. }, Segment::Line { from, .. }) if to == from => to,
            (Segment::Line { to, .. }, Segment::Line { from, .. }) => to.midpoint(from),
            (Segment::Arc { .. }, _) => a.at(1.0),
            (_, Segment::Arc { .. }) => b.at(0.0),
        };
        if let Segment::Line { to, .. } = &mut contour[i].segment {
            *to = joint;
        }
        if let Segment::Line { from, .. } = &mut contour[next].segment {
            *from = joint;
        }
    }
}
