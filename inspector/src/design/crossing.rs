//! Contours that cross or touch themselves or each other.

use super::join::Loop;
use super::{Contour, DesignError, Segment};
use crate::geometry::{Circle, DesignMm, Point, Vector};
use std::f64::consts::TAU;

/// Pieces this close touch, mm.
const TOUCH: f64 = 1e-7;
/// Nearer than this, mm, a contour is the one the way starts from.
const APART: f64 = 1e-3;
/// Around a joint, its own two pieces may meet, mm.
const JOINT: f64 = 0.02;
/// Sets of this size are compared each with each.
const LEAF: usize = 12;

/// Steps of work before a drawing is refused as too dense: a few seconds.
pub(super) struct Budget(pub(super) u64);

impl Budget {
    pub(super) fn spend(&mut self, steps: usize, at: Point<DesignMm>) -> Result<(), DesignError> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(DesignError::TooDense { x: at.x, y: at.y })?;
        Ok(())
    }
}

/// One piece of one contour.
struct Item {
    segment: Segment,
    line: u32,
    contour: u32,
    /// Place in its contour.
    index: u32,
    low: Point<DesignMm>,
    high: Point<DesignMm>,
}

/// Refuses contours that cross or touch, with the place.
///
/// Halves the set of pieces at the median of the axis that separates them better, down to a few. Cost: n log n for drawings of parts (about
/// 1 s for a million pieces); hatching of many long slanted lines runs into the budget.
pub(super) fn refuse_crossings(loops: &[Loop], budget: &mut Budget) -> Result<(), DesignError> {
    let mut items = Vec::new();
    for (contour, pieces) in loops.iter().enumerate() {
        for (index, piece) in pieces.iter().enumerate() {
            let (low, high) = piece.segment.bounds();
            let (contour, index) = (contour as u32, index as u32);
            items.push(Item { segment: piece.segment, line: piece.line, contour, index, low, high });
        }
    }
    let lengths: Vec<u32> = loops.iter().map(|l| l.len() as u32).collect();
    let mut open: Vec<Vec<u32>> = vec![(0..items.len() as u32).collect()];
    while let Some(set) = open.pop() {
        let Some(first) = set.first() else { continue };
        budget.spend(set.len(), items[*first as usize].low)?;
        match (set.len() > LEAF).then(|| halve(&items, &set)).flatten() {
            Some((left, right)) => {
                open.push(right);
                open.push(left);
            }
            None => each_with_each(&items, &lengths, &set, budget)?,
        }
    }
    Ok(())
}

/// The pieces that reach below and above the median of an axis; `None` when that separates too few of them.
fn halve(items: &[Item], set: &[u32]) -> Option<(Vec<u32>, Vec<u32>)> {
    let split = |range: &dyn Fn(&Item) -> (f64, f64)| {
        let mut middles: Vec<f64> = set
            .iter()
            .map(|i| {
                let (low, high) = range(&items[*i as usize]);
                0.5 * (low + high)
            })
            .collect();
        let half = middles.len() / 2;
        let (_, median, _) = middles.select_nth_unstable_by(half, f64::total_cmp);
        let at = *median;
        let left: Vec<u32> = set.iter().copied().filter(|i| range(&items[*i as usize]).0 <= at).collect();
        let right: Vec<u32> = set.iter().copied().filter(|i| range(&items[*i as usize]).1 >= at).collect();
        (left, right)
    };
    let by_x = split(&|i| (i.low.x - TOUCH, i.high.x + TOUCH));
    let by_y = split(&|i| (i.low.y - TOUCH, i.high.y + TOUCH));
    let size = |s: &(Vec<u32>, Vec<u32>)| s.0.len() + s.1.len();
    let best = if size(&by_x) <= size(&by_y) { by_x } else { by_y };
    let larger = best.0.len().max(best.1.len());
    (larger < set.len() && size(&best) * 4 <= set.len() * 7).then_some(best)
}

fn each_with_each(items: &[Item], lengths: &[u32], set: &[u32], budget: &mut Budget) -> Result<(), DesignError> {
    for (k, i) in set.iter().enumerate() {
        let a = &items[*i as usize];
        budget.spend(k, a.low)?;
        for j in &set[..k] {
            let b = &items[*j as usize];
            let apart = a.low.x > b.high.x + TOUCH
                || b.low.x > a.high.x + TOUCH
                || a.low.y > b.high.y + TOUCH
                || b.low.y > a.high.y + TOUCH;
            if !apart && let Some(p) = crossing(a, b, lengths) {
                let (line, other_line) = (a.line.min(b.line), a.line.max(b.line));
                return Err(DesignError::Crossing { line, other_line, x: p.x, y: p.y });
            }
        }
    }
    Ok(())
}

/// Where two pieces meet, other than at the joint they share.
fn crossing(a: &Item, b: &Item, lengths: &[u32]) -> Option<Point<DesignMm>> {
    let mut joints: [Option<(Point<DesignMm>, f64)>; 2] = [None; 2];
    if a.contour == b.contour {
        let n = lengths[a.contour as usize];
        for (slot, (first, second)) in joints.iter_mut().zip([(a, b), (b, a)]) {
            if (first.index + 1) % n == second.index {
                let (end, start) = (first.segment.at(1.0), second.segment.at(0.0));
                // Two arcs that meet with a gap may cross near it.
                let radius = if end.distance(start) > TOUCH {
                    JOINT.max(0.25 * a.segment.length().min(b.segment.length()))
                } else {
                    JOINT
                };
                *slot = Some((end, radius));
            }
        }
    }
    let at_joint = |p: Point<DesignMm>| joints.iter().flatten().any(|(joint, radius)| p.distance(*joint) <= *radius);
    let mut found = None;
    meet(&a.segment, &b.segment, &mut |p| {
        if !at_joint(p) {
            found = found.or(Some(p));
        }
    });
    found
}

/// True when `p` lies on the piece, within `tolerance` mm.
pub(super) fn lies_on(s: &Segment, p: Point<DesignMm>, tolerance: f64) -> bool {
    match s {
        Segment::Line { from, to } => {
            let along = *to - *from;
            let t = (p - *from).dot(along) / along.dot(along).max(f64::MIN_POSITIVE);
            p.distance(*from + along * t.clamp(0.0, 1.0)) <= tolerance
        }
        Segment::Arc { circle, .. } => {
            (p.distance(circle.centre) - circle.radius).abs() <= tolerance && in_sweep(s, p, tolerance)
        }
    }
}

/// How far the straight way from `p` along a unit vector is free, mm: to the next contour, itself apart; infinite beyond `far`.
pub(super) fn free_way(contours: &[Contour], p: Point<DesignMm>, direction: Vector<DesignMm>, far: f64) -> f64 {
    let way = Segment::Line { from: p + direction * APART, to: p + direction * far };
    let mut free = f64::INFINITY;
    for segment in contours.iter().flat_map(|c| &c.segments) {
        meet(&way, segment, &mut |met| free = free.min(p.distance(met)));
    }
    free
}

/// True when the direction from an arc's centre to `p` lies within its sweep, give or take `slack` mm along it.
fn in_sweep(arc: &Segment, p: Point<DesignMm>, slack: f64) -> bool {
    let Segment::Arc { circle, start, sweep } = arc else { return false };
    let slack = slack / circle.radius;
    let direction = libm::atan2(p.y - circle.centre.y, p.x - circle.centre.x);
    let turn = if sweep.radians() < 0.0 { start.radians() - direction } else { direction - start.radians() };
    (turn + slack).rem_euclid(TAU) <= sweep.radians().abs() + 2.0 * slack
}

/// Reports the points where two pieces meet; of a stretch they share, one point.
fn meet(a: &Segment, b: &Segment, report: &mut impl FnMut(Point<DesignMm>)) {
    match (a, b) {
        (Segment::Line { from: p, to: q }, Segment::Line { from: r, to: s }) => lines(*p, *q, *r, *s, report),
        (Segment::Line { from, to }, Segment::Arc { circle, .. }) => line_and_arc(*from, *to, b, circle, report),
        (Segment::Arc { circle, .. }, Segment::Line { from, to }) => line_and_arc(*from, *to, a, circle, report),
        (Segment::Arc { circle: c, .. }, Segment::Arc { circle: d, .. }) => arcs(a, c, b, d, report),
    }
}

fn lines(
    p: Point<DesignMm>,
    q: Point<DesignMm>,
    r: Point<DesignMm>,
    s: Point<DesignMm>,
    report: &mut impl FnMut(Point<DesignMm>),
) {
    let (u, v) = (q - p, s - r);
    let (lu, lv) = (u.length(), v.length());
    let sine = u.cross(v);
    if sine.abs() > 1e-12 * lu * lv {
        let (t, w) = ((r - p).cross(v) / sine, (r - p).cross(u) / sine);
        let within = |t: f64, l: f64| t * l >= -TOUCH && (t - 1.0) * l <= TOUCH;
        if within(t, lu) && within(w, lv) {
            report(p + u * t);
        }
    } else if ((r - p).cross(u) / lu).abs() <= TOUCH {
        let along = |x: Point<DesignMm>| (x - p).dot(u) / lu;
        let (low, high) = (along(r).min(along(s)).max(0.0), along(r).max(along(s)).min(lu));
        if high - low >= -TOUCH {
            report(p + u * (0.5 * (low + high) / lu));
        }
    }
}

fn line_and_arc(
    p: Point<DesignMm>,
    q: Point<DesignMm>,
    arc: &Segment,
    circle: &Circle<DesignMm>,
    report: &mut impl FnMut(Point<DesignMm>),
) {
    let length = (q - p).length();
    let along = (q - p) * (1.0 / length);
    let foot = (circle.centre - p).dot(along);
    let away = (circle.centre - p).cross(along).abs();
    if away > circle.radius + TOUCH {
        return;
    }
    let half = (circle.radius * circle.radius - away * away).max(0.0).sqrt();
    for t in [foot - half, foot + half] {
        let x = p + along * t;
        if t >= -TOUCH && t <= length + TOUCH && in_sweep(arc, x, TOUCH) {
            report(x);
        }
    }
}

fn arcs(
    a: &Segment,
    c: &Circle<DesignMm>,
    b: &Segment,
    d: &Circle<DesignMm>,
    report: &mut impl FnMut(Point<DesignMm>),
) {
    let between = d.centre - c.centre;
    let distance = between.length();
    if distance <= TOUCH && (c.radius - d.radius).abs() <= TOUCH {
        // One circle: a shared stretch holds an end or the middle of one of them.
        for t in [0.0, 0.5, 1.0] {
            for (of, on) in [(a, b), (b, a)] {
                if in_sweep(on, of.at(t), TOUCH) {
                    report(of.at(t));
                }
            }
        }
        return;
    }
    if distance > c.radius + d.radius + TOUCH || distance < (c.radius - d.radius).abs() - TOUCH || distance == 0.0 {
        return;
    }
    let foot = 0.5 * (distance + (c.radius - d.radius) * (c.radius + d.radius) / distance);
    let half = (c.radius * c.radius - foot * foot).max(0.0).sqrt();
    let unit: Vector<DesignMm> = between * (1.0 / distance);
    for h in [-half, half] {
        let x = c.centre + unit * foot + unit.perpendicular() * h;
        if in_sweep(a, x, TOUCH) && in_sweep(b, x, TOUCH) {
            report(x);
        }
    }
}
