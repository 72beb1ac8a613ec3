//! The shadow that the part throws on the sheet: found from the light beside the outline, all round at once.
//!
//! Beside a straight wall a lamp's shadow is a strip as wide as the shadow's fall across it. Fall, depth, softness and the picture's blur are the same
//! for the whole outline, so places whose strip is lost in the blur borrow from those where it is wide.

mod fit;
#[cfg(test)]
mod tests;

use crate::calibration::{Located, Rim, Sight, World};
use crate::design::{ContourPoint, Design};
use crate::geometry::{DesignMm, ImagePx, Mm, PlaneMm, Point, Similarity, Vector};
use crate::measure::{LightModel, Relief, Strip, Unknown, edge::Probe, pixels_across, share_at};
use fit::{Beside, GLOBALS};
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
    /// Blur of the picture beside it (standard deviation, px).
    pub blur_px: f64,
    /// What is not known of it: independent changes of fall (x, y), softness, depth and blur, each by one standard uncertainty.
    pub unknown: [[f64; GLOBALS]; GLOBALS],
}

/// Places that are looked at.
const PLACES: usize = 300;
/// Fewer places say nothing.
const LEAST_PLACES: usize = 12;
/// Nearer to a corner than this, mm, a strip is no strip.
const CORNER_MM: f64 = 1.5;
/// The sheet is looked at as far as this from the rim, px.
const LOOK_PX: f64 = 100.0;
/// Up to here every pixel counts, px; farther out, where light changes slowly, one per pixel of the way.
const NEAR_PX: f64 = 15.0;
/// How far upper face is looked at beyond the wall, px.
const FACE_PX: f64 = 5.0;
/// A wall wider than this hides the face from what is looked at, px.
const WIDE_PX: f64 = 12.0;
/// Half of what is looked at along the contour, px.
const HALF_PX: f64 = 1.5;
/// In a shadow deeper than this the step at the part's edge is lost.
const DARK: f64 = 0.8;

impl Shadow {
    /// True when it is nearly as dark as the part, so that edges in it cannot be seen.
    pub fn hides(&self) -> bool {
        self.depth > DARK
    }

    /// What stands beside a place of a contour.
    pub fn relief(shadow: Option<&Self>, world: &World, place: &Place) -> Option<Relief> {
        let wall_px = place.sight.wall_px?;
        let Some(shadow) = shadow else {
            return Some(Relief::new(wall_px, Strip::default()));
        };
        let scale = place.sight.look.px_per_mm;
        let strip = strip(shadow.fall, shadow.soft_mm, shadow.depth, world, place);
        let by_fall = width_by_fall(shadow.fall, place);
        let unknown = shadow.unknown.map(|[x, y, soft, depth, blur_px]| Unknown {
            width_px: by_fall.dot(Vector::new(x, y)) * scale,
            soft_px: soft * scale,
            depth,
            blur_px,
        });
        Some(Relief { wall_px, shadow: strip, blur_px: Some(shadow.blur_px), unknown })
    }
}

/// The strip of shadow that is seen beside a rim: where the wall is hidden, its foot hides some of it. Its width is negative where the shadow ends under
/// the part; of a soft one something is seen still.
fn strip(fall: Vector<PlaneMm>, soft_mm: f64, depth: f64, world: &World, place: &Place) -> Strip {
    let hidden = match place.sight.rim {
        Rim::Bottom => 0.0,
        Rim::Top => world.sight_line(place.p, Rim::Top).map_or(0.0, |shift| along_normal(shift, place)),
    };
    let scale = place.sight.look.px_per_mm;
    Strip { width_px: (along_normal(fall, place) - hidden) * scale, soft_px: soft_mm * scale, depth }
}

/// How far beside a contour that is shifted, its shifted self lies: to second order in the shift.
fn along_normal(shift: Vector<PlaneMm>, place: &Place) -> f64 {
    let across = shift.cross(place.normal);
    shift.dot(place.normal) - 0.5 * place.curvature * across * across
}

/// How that follows the shift.
fn width_by_fall(fall: Vector<PlaneMm>, place: &Place) -> Vector<PlaneMm> {
    let bend = place.curvature * fall.cross(place.normal);
    Vector::new(place.normal.x - bend * place.normal.y, place.normal.y + bend * place.normal.x)
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

/// Finds the shadow of a part in about its pose, with what was found of it `before`; `None` for a part without thickness, or where too little of its
/// outline is seen.
pub(super) fn find(
    located: &Located<'_>,
    light: &LightModel,
    design: &Design,
    pose: &Similarity<DesignMm, PlaneMm>,
    places: &[ContourPoint],
    before: Option<&Shadow>,
) -> Option<Shadow> {
    let world = &located.worlds.nominal;
    let h = world.thickness_mm;
    let step = places.len().div_ceil(PLACES).max(1);
    let back = pose.inverse();
    let beside = |at: &ContourPoint| {
        let place = Place::new(world, pose.apply(at.p), pose.apply_vector(at.normal), at.curvature)?;
        let wall_px = place.sight.wall_px?;
        let look = &place.sight.look;
        // Not across the middle of a hole.
        let room = if at.curvature < 0.0 { 0.8 * look.px_per_mm / -at.curvature } else { LOOK_PX };
        let n = (2.0 * h * look.px_per_mm + FACE_PX).min(LOOK_PX).min(room);
        let sheet = |d: &i32| shows_sheet(world, design, &back, look.p + look.normal * f64::from(*d));
        let seen = (2..=n as i32).step_by(SEEN_STEP as usize).take_while(sheet).count() as i32;
        if seen == 0 {
            return None;
        }
        let wall_px = if wall_px > WIDE_PX { f64::INFINITY } else { wall_px };
        let inwards = if wall_px.is_finite() { wall_px + FACE_PX } else { WIDE_PX - 1.0 };
        let probe = Probe::new(&place.sight, None, 0.0, HALF_PX);
        let outwards = n.min(f64::from(SEEN_STEP * seen));
        let mut pixels = pixels_across(&located.light, light, &probe, inwards, outwards.min(NEAR_PX));
        let far = (NEAR_PX as i32 + 1..=outwards as i32).map(f64::from);
        pixels.extend(far.map_while(|d| Some((d, share_at(&located.light, light, look.p + look.normal * d)?))));
        Some(Beside { place, probe, wall_px, pixels })
    };
    let straight = places.par_iter().step_by(step).filter(|at| at.corner_distance > CORNER_MM);
    let seen: Vec<Beside> = straight.filter_map(beside).collect();
    if seen.len() < LEAST_PLACES {
        return None;
    }
    fit::fit(&located.light, light, world, seen, before)
}

/// Whether the part hides the sheet is asked every so many pixels.
const SEEN_STEP: i32 = 4;

/// True when the line of sight through `q` reaches the sheet beside the part: deep holes show their far wall, and behind the part nothing is seen.
fn shows_sheet(world: &World, design: &Design, back: &Similarity<PlaneMm, DesignMm>, q: Point<ImagePx>) -> bool {
    let foot = world.camera.plane_from_image(q, Mm(0.0));
    let Some(rise) = world.sight_line(foot, Rim::Bottom) else { return true };
    !(0..=4).any(|k| design.contains(back.apply(foot + rise * (0.25 * f64::from(k)))))
}
