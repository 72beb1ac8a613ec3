//! The shadow that the part throws on the sheet: found from the sheet beside the outline, all round at once.
//!
//! Beside a straight wall a lamp's shadow is a strip as wide as the shadow's fall across it. Fall, depth and softness are the same for the whole
//! outline, so places whose strip is lost in the blur borrow from those where it is wide.

use crate::calibration::{Located, Rim, Sight, World};
use crate::design::{ContourPoint, Design};
use crate::geometry::{DesignMm, ImagePx, Mm, PlaneMm, Point, Similarity, Vector, cumulative_and_density};
use crate::measure::{LightModel, Relief, Strip, share_at};
use rayon::prelude::*;

/// A shadow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Where the upper rim's shadow falls, from the rim itself, in plan, mm.
    pub fall: Vector<PlaneMm>,
    /// How soft the shadow of the upper rim is: standard deviation, mm.
    pub soft_mm: f64,
    /// How dark it is on the way from sheet (0) to part (1).
    pub depth: f64,
}

/// Places that are looked at.
const PLACES: usize = 300;
/// Nearer to a corner than this, mm, a strip is no strip.
const CORNER_MM: f64 = 1.5;
/// The sheet is looked at from here on, px: nearer, a pose that is a little off matters too much.
const FIRST_PX: f64 = 2.0;
/// Widest picture of the sheet beside the rim, px.
const LOOK_PX: f64 = 40.0;
/// In a shadow deeper than this the step at the part's edge is lost.
const DARK: f64 = 0.8;
/// A shadow less deep than this is none.
const LEAST_DEPTH: f64 = 0.02;

impl Shadow {
    /// True when it is nearly as dark as the part, so that edges in it cannot be seen.
    pub fn hides(&self) -> bool {
        self.depth > DARK
    }

    /// Width of the strip that is seen beside a rim, mm in plan: where the wall is hidden, its foot hides some of the strip. Negative where the
    /// shadow ends under the part; of a soft one something is seen still.
    fn width_mm(fall: Vector<PlaneMm>, world: &World, place: &Place) -> f64 {
        let hidden = match place.sight.rim {
            Rim::Bottom => 0.0,
            Rim::Top => world.sight_line(place.p, Rim::Top).map_or(0.0, |shift| along_normal(shift, place)),
        };
        along_normal(fall, place) - hidden
    }

    /// What stands beside a place of a contour; `blur_px` is that of the photo's clean edges, when it is known.
    pub fn relief(shadow: Option<&Self>, world: &World, place: &Place, blur_px: Option<f64>) -> Option<Relief> {
        let wall_px = place.sight.wall_px?;
        let strip = |s: &Self| Strip {
            width_px: Self::width_mm(s.fall, world, place) * place.sight.look.px_per_mm,
            soft_px: s.soft_mm * place.sight.look.px_per_mm,
            depth: s.depth,
        };
        Some(Relief { wall_px, shadow: shadow.map(strip).unwrap_or_default(), blur_px })
    }
}

/// How far beside a contour that is shifted, its shifted self lies: to second order in the shift.
fn along_normal(shift: Vector<PlaneMm>, place: &Place) -> f64 {
    let across = shift.cross(place.normal);
    shift.dot(place.normal) - 0.5 * place.curvature * across * across
}

/// A place of a contour on the plane and how it is seen.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Position.
    pub p: Point<PlaneMm>,
    /// Unit normal out of the material.
    pub normal: Vector<PlaneMm>,
    /// Signed curvature, 1/mm.
    pub curvature: f64,
    /// How it is seen.
    pub sight: Sight,
}

impl Place {
    /// `None` where the photo does not show it.
    pub fn new(world: &World, p: Point<PlaneMm>, normal: Vector<PlaneMm>, curvature: f64) -> Option<Self> {
        Some(Self { p, normal, curvature, sight: world.sight(p, normal, curvature)? })
    }
}

/// Shares of material on the sheet beside a place, one per pixel along the normal from 2 px outwards.
struct Beside {
    place: Place,
    shares: Vec<f64>,
}

/// Finds the shadow of a part in about its pose; `None` for a part without thickness or without shadow.
pub(super) fn find(
    located: &Located<'_>,
    light: &LightModel,
    design: &Design,
    pose: &Similarity<DesignMm, PlaneMm>,
    places: &[ContourPoint],
) -> Option<Shadow> {
    let world = &located.worlds.nominal;
    let h = world.thickness_mm;
    let step = places.len().div_ceil(PLACES).max(1);
    let back = pose.inverse();
    let beside = |at: &ContourPoint| {
        let place = Place::new(world, pose.apply(at.p), pose.apply_vector(at.normal), at.curvature)?;
        place.sight.wall_px?;
        let look = &place.sight.look;
        // Not across the middle of a hole.
        let room = if at.curvature < 0.0 { 0.8 * look.px_per_mm / -at.curvature } else { LOOK_PX };
        let n = (2.0 * h * look.px_per_mm + 4.0).min(LOOK_PX).min(room) as usize;
        let at = |d: usize| look.p + look.normal * (d as f64 + FIRST_PX);
        let seen = (0..n).step_by(SEEN_STEP).take_while(|d| shows_sheet(world, design, &back, at(*d))).count();
        let shares = (0..n.min(seen * SEEN_STEP)).map(|d| share_at(&located.light, light, at(d)));
        Some(Beside { place, shares: shares.collect::<Option<_>>()? })
    };
    let seen: Vec<Beside> =
        places.par_iter().step_by(step).filter(|at| at.corner_distance > CORNER_MM).filter_map(beside).collect();
    if seen.len() < 12 {
        return None;
    }
    let judge = |t: &Guess| judge(world, &seen, t);
    let mut tries = Vec::new();
    for soft in [0.1, 0.35] {
        for length in [0.25, 0.4, 0.6, 0.85, 1.2, 1.7] {
            tries.extend((0..24).map(|k| [f64::from(k) * 0.261_799_387_8, length * h, soft * h, 1.5]));
        }
    }
    let judged: Vec<f64> = tries.par_iter().map(|t| judge(t).0).collect();
    let start = (0..tries.len()).min_by(|a, b| judged[*a].total_cmp(&judged[*b]).then(a.cmp(b)))?;
    let (mut best, mut cost) = (tries[start], judged[start]);
    let mut size = [0.13, 0.2 * h, 0.12 * h, 0.4];
    for _ in 0..STEPS {
        let next: Vec<Guess> = (0..8)
            .map(|m| {
                let mut t = best;
                t[m / 2] += if m % 2 == 0 { size[m / 2] } else { -size[m / 2] };
                [t[0], t[1].max(0.0), t[2].max(0.0), t[3].clamp(0.6, 4.0)]
            })
            .collect();
        let costs: Vec<f64> = next.par_iter().map(|t| judge(t).0).collect();
        let k = (0..8).min_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)))?;
        if costs[k] < cost {
            (best, cost) = (next[k], costs[k]);
        } else {
            size = size.map(|s| 0.5 * s);
        }
    }
    let (sin, cos) = libm::sincos(best[0]);
    let depth = judge(&best).1;
    (depth > LEAST_DEPTH).then(|| Shadow { fall: Vector::new(cos * best[1], sin * best[1]), soft_mm: best[2], depth })
}

/// Whether the part hides the sheet is asked every so many pixels.
const SEEN_STEP: usize = 4;

/// True when the line of sight through `q` reaches the sheet beside the part: deep holes show their far wall, and behind the part nothing is seen.
fn shows_sheet(world: &World, design: &Design, back: &Similarity<PlaneMm, DesignMm>, q: Point<ImagePx>) -> bool {
    let foot = world.camera.plane_from_image(q, Mm(0.0));
    let Some(rise) = world.sight_line(foot, Rim::Bottom) else { return true };
    !(0..=4).any(|k| design.contains(back.apply(foot + rise * (0.25 * f64::from(k)))))
}

/// Direction of the fall, rad; its length, mm; softness, mm; blur of the picture, px.
type Guess = [f64; 4];
/// Steps of the search for the best guess: its last ones are a hundredth of its first.
const STEPS: usize = 24;

/// The squares that a guess leaves, and the depth that fits it best (it enters linearly).
fn judge(world: &World, seen: &[Beside], [angle, length, soft_mm, blur]: &Guess) -> (f64, f64) {
    let (sin, cos) = libm::sincos(*angle);
    let fall = Vector::new(cos * length, sin * length);
    let (mut gg, mut gr, mut rr) = (0.0, 0.0, 0.0);
    for b in seen {
        let scale = b.place.sight.look.px_per_mm;
        let width = Shadow::width_mm(fall, world, &b.place) * scale;
        let soft = (soft_mm * scale * soft_mm * scale + blur * blur).sqrt();
        for (i, share) in b.shares.iter().enumerate() {
            let d = i as f64 + FIRST_PX;
            // What the part's own edge leaves of itself there, and what of a full shadow comes on top.
            let edge = ramp(-d / blur);
            let r = (1.0 - edge) * ramp((width - d) / soft);
            let g = share.clamp(-0.5, 1.2) - edge;
            gg += g * g;
            gr += g * r;
            rr += r * r;
        }
    }
    let depth = if rr > 0.0 { (gr / rr).clamp(0.0, 1.0) } else { 0.0 };
    (gg - 2.0 * depth * gr + depth * depth * rr, depth)
}

/// The share of a normal distribution below `z` standard deviations.
fn ramp(z: f64) -> f64 {
    cumulative_and_density(z).0
}
