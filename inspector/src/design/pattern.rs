//! Rows, grids and bolt circles of equal holes.

use super::{Design, FeatureKind};
use crate::geometry::{Circle, DesignMm, Point, Vector, fit_circle};
use std::f64::consts::TAU;

/// How far a hole may lie from its place in a pattern, and its diameter from the others', mm.
const SAME: f64 = 0.02;
/// Most equal holes among which rows and grids are looked for.
const MAX_HOLES: usize = 2000;
/// Most patterns of one size of hole.
const MAX_PATTERNS: usize = 24;
/// Neighbours of a hole whose distances may be a pitch.
const NEIGHBOURS: usize = 6;

/// Equal holes in a regular arrangement.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// `pattern-1`, `pattern-2`, ...: in the order of their first holes.
    pub name: String,
    /// How the holes lie.
    pub kind: PatternKind,
    /// Diameter of the holes, mm.
    pub diameter: f64,
    /// Names of the holes, in the order of the design's features.
    pub members: Vec<String>,
}

/// Arrangements of holes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum PatternKind {
    /// Three or more on a circle, evenly spread.
    BoltCircle(Circle<DesignMm>),
    /// Three or more on a line, one pitch apart.
    Row {
        /// From one hole to the next.
        pitch: Vector<DesignMm>,
    },
    /// Two or more equal rows, one pitch apart.
    Grid {
        /// From one hole to the next in a row, and from row to row.
        pitch: [Vector<DesignMm>; 2],
        /// Holes in a row, and rows.
        count: [usize; 2],
    },
}

/// Most different vectors between neighbours that are counted.
const MAX_VECTORS: usize = 200;

/// A hole: its place among the features, and its centre.
type Place = (usize, Point<DesignMm>);

impl Design {
    /// The patterns of equal holes, the ones with most holes first; each hole is in one pattern at most. Bolt circles lie about the middles of the part's
    /// round features, of the part, and of each set of equal holes.
    ///
    /// Cost: 1 ms for a usual part, under a second for thousands of holes.
    ///
    /// Honest scope: holes at no more than 0.02 mm from their places. Among more than 2,000 equal holes no rows and grids are looked for.
    pub fn patterns(&self) -> Vec<Pattern> {
        let mut sizes: Vec<(f64, Vec<Place>)> = Vec::new();
        for (i, feature) in self.features.iter().enumerate() {
            let FeatureKind::Hole(circle) = feature.kind else { continue };
            match sizes.iter_mut().find(|(d, _)| (d - 2.0 * circle.radius).abs() <= SAME) {
                Some((_, holes)) => holes.push((i, circle.centre)),
                None => sizes.push((2.0 * circle.radius, vec![(i, circle.centre)])),
            }
        }
        let mut centres: Vec<Point<DesignMm>> =
            self.features.iter().filter_map(|f| f.circle()).map(|c| c.centre).take(MAX_PATTERNS).collect();
        centres.push(self.centroid());
        let mut found: Vec<(PatternKind, f64, Vec<usize>)> = Vec::new();
        for (diameter, mut holes) in sizes {
            for _ in 0..MAX_PATTERNS {
                let Some((kind, members)) = larger(bolt_circle(&holes, &centres), grid(&holes)) else { break };
                holes.retain(|(i, _)| !members.contains(i));
                found.push((kind, diameter, members));
            }
        }
        for (_, _, members) in &mut found {
            members.sort_unstable();
        }
        found.sort_by(|a, b| a.2.cmp(&b.2));
        let named = |(i, (kind, diameter, members)): (usize, (PatternKind, f64, Vec<usize>))| Pattern {
            name: format!("pattern-{}", i + 1),
            kind,
            diameter,
            members: members.into_iter().map(|m| self.features[m].name.clone()).collect(),
        };
        found.into_iter().enumerate().map(named).collect()
    }
}

/// The one with more holes; of equals the first.
fn larger<T>(a: Option<(T, Vec<usize>)>, b: Option<(T, Vec<usize>)>) -> Option<(T, Vec<usize>)> {
    let size = |found: &Option<(T, Vec<usize>)>| found.as_ref().map_or(0, |f| f.1.len());
    if size(&a) >= size(&b) { a } else { b }
}

/// The largest set of three or more holes that are evenly spread about one of the centres, or about the middle of all of them.
fn bolt_circle(holes: &[Place], centres: &[Point<DesignMm>]) -> Option<(PatternKind, Vec<usize>)> {
    if holes.len() < 3 {
        return None;
    }
    let places: Vec<Point<DesignMm>> = holes.iter().map(|h| h.1).collect();
    // Four on a circle are a square, and five or more cannot be on one by chance.
    let all = (places.len() != 4).then(|| fit_circle(&places, 1e-6).ok()).flatten().map(|fit| fit.circle.centre);
    let mut best: Option<(f64, PatternKind, Vec<usize>)> = None;
    for centre in centres.iter().copied().chain(all) {
        let mut by_distance: Vec<(f64, &Place)> = holes.iter().map(|h| (h.1.distance(centre), h)).collect();
        by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
        for ring in by_distance.chunk_by(|a, b| b.0 - a.0 <= SAME) {
            let radius = ring.iter().map(|r| r.0).sum::<f64>() / ring.len() as f64;
            let better = best.as_ref().is_none_or(|b| (ring.len(), -radius) > (b.2.len(), -b.0));
            if ring.len() >= 3 && radius > SAME && better && even(ring, centre, radius) {
                let kind = PatternKind::BoltCircle(Circle { centre, radius });
                best = Some((radius, kind, ring.iter().map(|r| r.1.0).collect()));
            }
        }
    }
    best.map(|(_, kind, members)| (kind, members))
}

/// True when holes on a circle are evenly spread.
fn even(ring: &[(f64, &Place)], centre: Point<DesignMm>, radius: f64) -> bool {
    let mut angles: Vec<f64> = ring.iter().map(|(_, h)| libm::atan2(h.1.y - centre.y, h.1.x - centre.x)).collect();
    angles.sort_by(f64::total_cmp);
    let step = TAU / angles.len() as f64;
    angles.iter().enumerate().all(|(i, a)| ((a - angles[0] - i as f64 * step) * radius).abs() <= 2.0 * SAME)
}

/// The grid or row with most holes.
fn grid(holes: &[Place]) -> Option<(PatternKind, Vec<usize>)> {
    if holes.len() < 3 || holes.len() > MAX_HOLES {
        return None;
    }
    let rows_of = |pitch: Vector<DesignMm>| {
        // Rows of one length whose starts form a row themselves.
        let mut rows = chains(holes, pitch);
        rows.sort_by_key(|row| std::cmp::Reverse(row.len()));
        let length = rows.first().map_or(0, Vec::len);
        let equal: Vec<Vec<Place>> = rows.into_iter().take_while(|row| row.len() == length).collect();
        let starts: Vec<Place> = equal.iter().enumerate().map(|(i, row)| (i, row[0].1)).collect();
        let stack = pitches(&starts)
            .into_iter()
            .flat_map(|between| chains(&starts, between).into_iter().map(move |c| (between, c)));
        let stack =
            stack.filter(|(between, c)| c.len() >= 2 && between.cross(pitch).abs() > SAME).max_by_key(|(_, c)| c.len());
        let members = |rows: &[usize]| rows.iter().flat_map(|r| equal[*r].iter().map(|h| h.0)).collect::<Vec<usize>>();
        match stack {
            Some((between, rows)) if length >= 2 => {
                let kind = PatternKind::Grid { pitch: [pitch, between], count: [length, rows.len()] };
                Some((kind, members(&rows.iter().map(|r| r.0).collect::<Vec<_>>())))
            }
            _ if length >= 3 => Some((PatternKind::Row { pitch }, members(&[0]))),
            _ => None,
        }
    };
    let found = pitches(holes).into_iter().filter_map(rows_of);
    // Of equals the first, with the shortest pitch.
    found.fold(None, |best, next| larger(best, Some(next)))
}

/// Vectors between near neighbours that may be pitches, most frequent first: at most eight.
fn pitches(holes: &[Place]) -> Vec<Vector<DesignMm>> {
    let mut found: Vec<(usize, Vector<DesignMm>)> = Vec::new();
    for (_, p) in holes {
        let mut near: Vec<Vector<DesignMm>> =
            holes.iter().map(|(_, q)| *q - *p).filter(|v| v.length() > SAME).collect();
        let n = NEIGHBOURS.min(near.len());
        if n == 0 {
            continue;
        }
        near.select_nth_unstable_by(n - 1, |a, b| a.dot(*a).total_cmp(&b.dot(*b)));
        for v in &near[..n] {
            // To the right, or straight down.
            let v = if v.x > SAME || (v.x.abs() <= SAME && v.y < 0.0) { *v } else { -*v };
            match found.iter().position(|(_, f)| (v - *f).length() <= SAME) {
                Some(known) => found[known].0 += 1,
                None if found.len() < MAX_VECTORS => found.push((1, v)),
                None => (),
            }
        }
    }
    found.sort_by(|a, b| {
        b.0.cmp(&a.0).then(a.1.dot(a.1).total_cmp(&b.1.dot(b.1))).then(a.1.y.abs().total_cmp(&b.1.y.abs()))
    });
    found.into_iter().take(8).map(|f| f.1).collect()
}

/// The holes as maximal chains, one pitch from each to the next.
fn chains(holes: &[Place], pitch: Vector<DesignMm>) -> Vec<Vec<Place>> {
    let mut by_x: Vec<usize> = (0..holes.len()).collect();
    by_x.sort_by(|a, b| holes[*a].1.x.total_cmp(&holes[*b].1.x));
    let behind = |i: usize| {
        let p = holes[i].1 + pitch;
        let first = by_x.partition_point(|j| holes[*j].1.x < p.x - SAME);
        by_x[first..]
            .iter()
            .copied()
            .take_while(|j| holes[*j].1.x <= p.x + SAME)
            .find(|j| holes[*j].1.distance(p) <= SAME)
    };
    let next: Vec<Option<usize>> = (0..holes.len()).map(behind).collect();
    let mut start = vec![true; holes.len()];
    next.iter().flatten().for_each(|j| start[*j] = false);
    let chain = |i: usize| std::iter::successors(Some(i), |i| next[*i]).take(holes.len()).map(|i| holes[i]).collect();
    (0..holes.len()).filter(|i| start[*i]).map(chain).collect()
}
