//! Places along the contours of a drawing, and which of them another way to lay the drawing down changes.

use super::rigid::{LEAST_SCATTER_MM, fit_rigid};
use crate::design::{ContourPoint, Design};
use crate::geometry::{DesignMm, PlaneMm, Point, Similarity, Vector};

/// Places along all contours, with the contour of each.
pub(super) struct Places {
    pub(super) all: Vec<(usize, ContourPoint)>,
    /// Those by which poses are compared.
    pub(super) judged: Vec<Judged>,
    spacing: f64,
}

/// A place by which poses are compared. A fault is local: it spoils one opening, or one piece of the outline, so each of those is one witness, however long
/// it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub(super) at: ContourPoint,
    /// Which opening, or piece of a long contour.
    pub(super) witness: usize,
    /// Its share in the witness; the shares of one add up to 1.
    pub(super) share: f64,
}

/// Pieces of the outline.
const PIECES: usize = 16;
/// An opening is one piece, unless it is twice as long as the outline over this, or more.
const WINDOW: f64 = 4.0;
/// Most places of one witness that are compared.
const EACH: usize = 16;
/// How far a place may lie from the drawing after a motion that leaves it as it is, mm.
const SYMMETRIC_MM: f64 = 0.05;
/// Drawings are laid on each other from as far as this, mm.
const NEAR_MM: f64 = 1.5;
/// Places by which they are, and rounds of it.
const LAID: usize = 120;
const ROUNDS: usize = 3;

impl Places {
    pub(super) fn new(design: &Design, spacing: f64) -> Self {
        let around = design.contours[0].length().max(f64::MIN_POSITIVE);
        let (mut all, mut judged, mut witnesses) = (Vec::new(), Vec::new(), 0);
        for (contour, c) in design.contours.iter().enumerate() {
            let mut places = c.sample(spacing);
            design.look_around(&mut places);
            let pieces = if contour == 0 { PIECES } else { (WINDOW * c.length() / around) as usize };
            let pieces = pieces.clamp(1, places.len());
            for k in 0..pieces {
                let of = &places[k * places.len() / pieces..(k + 1) * places.len() / pieces];
                let n = of.len().min(EACH);
                let chosen = (0..n).map(|i| of[(2 * i + 1) * of.len() / (2 * n)]);
                judged.extend(chosen.map(|at| Judged { at, witness: witnesses, share: 1.0 / n as f64 }));
                witnesses += 1;
            }
            all.extend(places.into_iter().map(|at| (contour, at)));
        }
        Self { all, judged, spacing }
    }

    /// For each judged place: does it lie elsewhere than the drawing in the other pose does? Both are first laid on each other as well as they will, so that
    /// what noise moved them does not count.
    pub(super) fn differing(
        &self,
        pose: &Similarity<DesignMm, PlaneMm>,
        other: &Similarity<DesignMm, PlaneMm>,
    ) -> Vec<bool> {
        let drawn = self.drawn(other);
        let mut laid = *pose;
        let step = self.judged.len().div_ceil(LAID).max(1);
        for _ in 0..ROUNDS {
            let off = |j: &Judged| (j.at, self.off(&drawn, &laid, &j.at, NEAR_MM).map_or(f64::NAN, |d| -d));
            let edges: Vec<(ContourPoint, f64)> = self.judged.iter().step_by(step).map(off).collect();
            let distances = edges.iter().map(|(at, d)| (at, *d, 1.0));
            let Some(fit) = fit_rigid(&laid, distances, LEAST_SCATTER_MM) else { break };
            laid = fit.pose;
        }
        let lies = |j: &Judged| self.off(&drawn, &laid, &j.at, 0.0).is_some_and(|d| d.abs() < SYMMETRIC_MM);
        self.judged.iter().map(|j| !lies(j)).collect()
    }

    /// All places in a pose, by x.
    fn drawn(&self, pose: &Similarity<DesignMm, PlaneMm>) -> Vec<Drawn> {
        let place = |(_, at): &(usize, ContourPoint)| Drawn {
            p: pose.apply(at.p),
            normal: pose.apply_vector(at.normal),
            curvature: at.curvature,
        };
        let mut drawn: Vec<Drawn> = self.all.iter().map(place).collect();
        drawn.sort_by(|a, b| a.p.x.total_cmp(&b.p.x));
        drawn
    }

    /// How far outside of the drawn contour nearest to it a place in a pose lies, mm; `None` where none runs its way, farther than its own spacing by no more
    /// than `reach`.
    fn off(&self, drawn: &[Drawn], pose: &Similarity<DesignMm, PlaneMm>, at: &ContourPoint, reach: f64) -> Option<f64> {
        let (p, normal, far) = (pose.apply(at.p), pose.apply_vector(at.normal), self.spacing + reach);
        let first = drawn.partition_point(|d| d.p.x < p.x - far);
        let same_way = drawn[first..].iter().take_while(|d| d.p.x <= p.x + far).filter(|d| d.normal.dot(normal) > 0.7);
        let near = same_way.min_by(|a, b| a.p.distance(p).total_cmp(&b.p.distance(p)))?;
        let v = p - near.p;
        let (across, along) = (v.dot(near.normal), v.cross(near.normal));
        (v.dot(v) <= far * far).then_some(across + 0.5 * near.curvature * along * along)
    }
}

/// A place of the drawing in a pose.
struct Drawn {
    p: Point<PlaneMm>,
    normal: Vector<PlaneMm>,
    curvature: f64,
}
