//! The shadow that the part throws on the sheet: found from the light beside the outline, all round at once.
//!
//! Beside a straight wall a lamp's shadow is a strip as wide as the shadow's fall across it. Fall, depth, softness and the picture's blur are the same
//! for the whole outline, so places whose strip is lost in the blur borrow from those where it is wide.

mod fit;
#[cfg(test)]
mod tests;

use super::rigid::PARTS_MM;
use crate::calibration::{Located, Rim, Sight, World, along_normal};
use crate::design::{ContourPoint, Design};
use crate::geometry::{DesignMm, ImagePx, Mm, PlaneMm, Point, Similarity, Vector};
use crate::measure::{LightModel, Relief, Strip, Unknown, Walls, edge::Probe, pixels_across, share_at};
use fit::{Beside, GLOBALS};
use rayon::prelude::*;

/// A shadow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Where the upper rim's shadow falls, from the rim itself, in plan, mm: at the place [`about`](Self::about).
    pub fall: Vector<PlaneMm>,
    /// By how much longer it falls per mm farther from there: the thickness over the lamp's height above the part, 0 for a lamp far away.
    pub spread: f64,
    /// The middle of the places that told it.
    pub about: Point<PlaneMm>,
    /// How soft the shadow of the upper rim is: standard deviation, mm.
    pub soft_mm: f64,
    /// How dark it is on the way from sheet (0) to part (1).
    pub depth: f64,
    /// Blur of the picture beside it (standard deviation, px).
    pub blur_px: f64,
    /// How light the walls beside it are.
    pub walls: Walls,
    /// What is not known of it: independent changes of fall (x, y), softness, depth, blur and spread, each by one standard uncertainty.
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
/// Of a strip narrower than the blur no depth is known: its standard uncertainty is then more than this.
const UNSURE: f64 = 0.2;
/// Blur where no shadow told it, px.
const BLUR_PX: f64 = 1.3;
/// Share of the way to the next contour that is looked at: behind it there may be that one's shadow.
const OWN_WAY: f64 = 0.4;
/// Farther from the rim than this, softness and blur apart, px, another side's shadow is left out of what is looked at.
const FAR_PX: f64 = 8.0;
/// Standard uncertainty of what bends take from a strip of light ([`narrower_px`]), as a share: only the first order in the bend is known.
const U_NARROWER: f64 = 0.5;
/// Half of a place's own pixels along the contour, px.
const OWN_PX: f64 = 2.0;
/// Where a shifted circle is nearly missed, its place is not believed to follow the shift more than this allows.
const LEAST_ROOT: f64 = 0.04;

impl Shadow {
    /// True when it is nearly as dark as the part, and that is known, so that edges in it cannot be seen.
    pub fn hides(&self) -> bool {
        let u_depth = self.unknown.iter().map(|change| change[3] * change[3]).sum::<f64>().sqrt();
        self.depth > DARK && u_depth < UNSURE
    }

    /// What stands beside a place of a contour that has so much room before it, mm.
    pub fn relief(shadow: Option<&Self>, world: &World, place: &Place, room_mm: f64) -> Option<Relief> {
        let wall_px = place.sight.wall_px?;
        let free_mm = room_mm - hidden_mm(world, place);
        let room_px = room_px(shadow.map_or(BLUR_PX, |s| s.blur_px), world, place, free_mm);
        let Some(shadow) = shadow else {
            return Some(Relief { room_px, ..Relief::new(wall_px, Strip::default()) });
        };
        let scale = place.sight.look.px_per_mm;
        let fall = shadow.fall_at(place.p);
        let own = strip(fall, shadow.soft_mm, shadow.depth, world, place);
        let by_own = by_shift(fall, place.normal, place.curvature);
        let reach = 2.0 * (own.soft_px * own.soft_px + shadow.blur_px * shadow.blur_px).sqrt();
        let (strip, floor, by_fall, room_px, u_bend_px) = match shadow.lit(place, free_mm) {
            Some((width_mm, by_fall)) if own.absent() && width_mm * scale < reach + FAR_PX => {
                let narrower = narrower_px(place, own.soft_px, shadow.blur_px);
                let lit = Strip { width_px: width_mm * scale - narrower, depth: -shadow.depth, ..own };
                (lit, shadow.depth, by_fall, room_px, U_NARROWER * narrower)
            }
            Some((width_mm, _)) => (own, 0.0, by_own, room_px.min(width_mm * scale - reach), 0.0),
            None => (own, 0.0, by_own, room_px, 0.0),
        };
        let sign = if floor > 0.0 { -1.0 } else { 1.0 };
        let from_middle = place.p - shadow.about;
        let unknown = shadow.unknown.map(|[x, y, soft, depth, blur_px, spread]| Unknown {
            width_px: by_fall.dot(Vector::new(x, y) + from_middle * spread) * scale,
            soft_px: soft * scale,
            depth: sign * depth,
            blur_px,
        });
        let (u_other_px, blur_px) = (libm::hypot(PARTS_MM * scale, u_bend_px), Some(shadow.blur_px));
        Some(Relief { wall_px, walls: shadow.walls, shadow: strip, room_px, floor, u_other_px, blur_px, unknown })
    }

    /// Where the shadow of the upper rim falls, from the rim at this place: a lamp that is near throws it away from itself.
    pub fn fall_at(&self, p: Point<PlaneMm>) -> Vector<PlaneMm> {
        self.fall + (p - self.about) * self.spread
    }

    /// How far beside a rim its own shadow reaches on the sheet, and up to where the sheet is hidden, mm.
    pub(super) fn reaches(&self, world: &World, place: &Place) -> (f64, f64) {
        (place.along_normal(self.fall_at(place.p)), hidden_mm(world, place))
    }

    /// The light between a rim and the shadow of the other side, so many mm of sheet away: the width of that strip, mm, negative where the rim itself is in
    /// the other's shadow, and how it follows the fall. `None` where the other side throws its shadow the other way.
    fn lit(&self, place: &Place, free_mm: f64) -> Option<(f64, Vector<PlaneMm>)> {
        let (normal, curvature) = place.other_side();
        let fall = self.fall_at(place.p);
        let nearer = along_normal(fall, normal, curvature);
        (nearer > 0.0 && free_mm.is_finite()).then(|| (free_mm - nearer, -by_shift(fall, normal, curvature)))
    }
}

/// How much narrower the strip of light between two round sides is seen than it is on the line through both: they bend towards each other beside that line, over the
/// pixels of a place, and blur pulls the border of a bent shadow into the light (see [`edge`](crate::measure::edge)).
fn narrower_px(place: &Place, soft_px: f64, blur_px: f64) -> f64 {
    let scale = place.sight.look.px_per_mm;
    let [own, other] = [place.curvature, place.other_side().1].map(|bend| -0.5 * bend / scale);
    (own + other) * OWN_PX * OWN_PX / 3.0 + other * (blur_px * blur_px + soft_px * soft_px)
}

/// For how many px before a rim nothing but sheet and shadows is seen: up to the upper rim on the other side, blur apart.
fn room_px(blur_px: f64, world: &World, place: &Place, free_mm: f64) -> f64 {
    let (normal, curvature) = place.other_side();
    let nearer = world.sight_line(place.p, Rim::Top).map_or(0.0, |v| along_normal(v, normal, curvature)).max(0.0);
    (free_mm - nearer) * place.sight.look.px_per_mm - 2.0 * blur_px
}

/// How much of the sheet the upper rim hides, mm; none where the wall is seen.
fn hidden_mm(world: &World, place: &Place) -> f64 {
    match place.sight.rim {
        Rim::Bottom => 0.0,
        Rim::Top => world.sight_line(place.p, Rim::Top).map_or(0.0, |shift| place.along_normal(shift)),
    }
}

/// The strip of shadow that is seen beside a rim: where the wall is hidden, its foot hides some of it. Its width is negative where the shadow ends under
/// the part; of a soft one something is seen still.
fn strip(fall: Vector<PlaneMm>, soft_mm: f64, depth: f64, world: &World, place: &Place) -> Strip {
    let scale = place.sight.look.px_per_mm;
    Strip { width_px: (place.along_normal(fall) - hidden_mm(world, place)) * scale, soft_px: soft_mm * scale, depth }
}

/// How [`along_normal`] follows the shift.
fn by_shift(shift: Vector<PlaneMm>, normal: Vector<PlaneMm>, curvature: f64) -> Vector<PlaneMm> {
    let lateral = curvature * shift.cross(normal);
    let bend = lateral / (1.0 - lateral * lateral).max(LEAST_ROOT).sqrt();
    Vector::new(normal.x - bend * normal.y, normal.y + bend * normal.x)
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
    /// How far beside the contour it lies when it is shifted, mm.
    fn along_normal(&self, shift: Vector<PlaneMm>) -> f64 {
        along_normal(shift, self.normal, self.curvature)
    }
    /// Normal and curvature of the other side of a hole or a slot.
    fn other_side(&self) -> (Vector<PlaneMm>, f64) {
        (-self.normal, -self.curvature.abs())
    }
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
        // Not across the middle of a hole or a slot.
        let room = OWN_WAY * at.room * look.px_per_mm;
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
        let room_px = room_px(BLUR_PX, world, &place, at.room - hidden_mm(world, &place));
        Some(Beside {
            place,
            probe,
            wall_px,
            pixels,
            room_px,
            from_middle: Vector::new(0.0, 0.0),
            by_pose: Default::default(),
        })
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
