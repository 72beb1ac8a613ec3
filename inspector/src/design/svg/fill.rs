//! Which loops of a filled path are edges of what is seen.

use crate::design::crossing::{Budget, lies_on};
use crate::design::{Contour, DesignError, Segment};
use crate::geometry::{DesignMm, Point};

/// Steps of work before a path is refused as too dense.
const BUDGET: u64 = 40_000_000;
/// Nearer than this to another loop, mm, a loop is that one drawn twice.
const TWICE: f64 = 0.001;

/// A closed subpath, and which way round it runs.
struct Loop {
    contour: Contour,
    turn: i64,
    low: Point<DesignMm>,
    high: Point<DesignMm>,
}

impl Loop {
    fn new(segments: &[Segment]) -> Option<Self> {
        let contour = Contour { segments: segments.to_vec() };
        let (area, (low, high)) = (contour.signed_area(), contour.bounds());
        let turn = if area > 0.0 { 1 } else { -1 };
        (area.abs() > TWICE * TWICE).then_some(Self { contour, turn, low, high })
    }

    /// How often this loop goes round `p`; nothing when it passes through it.
    fn around(&self, p: Point<DesignMm>, budget: &mut Budget) -> Result<i64, DesignError> {
        budget.spend(1, p)?;
        let within = p.x >= self.low.x && p.x <= self.high.x && p.y >= self.low.y && p.y <= self.high.y;
        if !within {
            return Ok(0);
        }
        budget.spend(self.contour.segments.len(), p)?;
        let on = self.contour.segments.iter().any(|s| lies_on(s, p, TWICE));
        Ok(if !on && self.contour.encloses(p) { self.turn } else { 0 })
    }
}

/// A place on a loop with fill on both its sides, by the rule `nonzero`: there is no edge in what is seen.
pub(super) fn solid(subpaths: &[&[Segment]]) -> Result<Option<Point<DesignMm>>, DesignError> {
    let mut budget = Budget(BUDGET);
    let loops: Vec<Loop> = subpaths.iter().filter_map(|segments| Loop::new(segments)).collect();
    for (i, inner) in loops.iter().enumerate() {
        let Some(p) = inner.contour.segments.first().map(|s| s.at(0.5)) else { continue };
        let mut outside = 0;
        for (_, other) in loops.iter().enumerate().filter(|(j, _)| *j != i) {
            outside += other.around(p, &mut budget)?;
        }
        if outside != 0 && outside + inner.turn != 0 {
            return Ok(Some(p));
        }
    }
    Ok(None)
}
