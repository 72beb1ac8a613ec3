//! What the pixels beside a place of the contour show besides its own rim, wall and strip of shadow: the part itself, another side's shadow, a wall that begins.

use super::shadow::{Place, Shadow};
use crate::calibration::{Rim, Sight, World};
use crate::design::{ContourPoint, Design};
use crate::geometry::{DesignMm, PlaneMm, Point, Similarity, Vector};
use crate::measure::Relief;

/// A place this near to one out of sight, px, is out of sight too: half of what is looked at along the contour, and blur.
pub(crate) const BESIDE_PX: f64 = 3.5;
/// Another side's shadow nearer to the strip of one's own than this, px, is in the window.
const NEAR_PX: f64 = 3.0;
/// The border of a strip of shadow is where it is said to be within this, px.
const BORDER_PX: f64 = 0.5;
/// A shadow fainter than this moves no edge by more than a fraction of a pixel where its border is not what it was taken for.
const FAINT: f64 = 0.3;
/// A wall this wide is in the window, px.
const WALL_PX: f64 = 0.5;

/// A place and what its pixels reach to.
pub(super) struct Window<'a> {
    design: &'a Design,
    world: &'a World,
    pose: &'a Similarity<DesignMm, PlaneMm>,
    at: &'a ContourPoint,
    sight: &'a Sight,
}

impl<'a> Window<'a> {
    pub(super) const fn new(
        design: &'a Design,
        world: &'a World,
        pose: &'a Similarity<DesignMm, PlaneMm>,
        at: &'a ContourPoint,
        sight: &'a Sight,
    ) -> Self {
        Self { design, world, pose, at, sight }
    }

    /// True when the part itself stands between the camera and the place, or a neighbouring one, or between it and the sheet behind it: where a rim goes out of
    /// sight, what hides it is in the window beside it.
    pub(super) fn hidden(&self) -> bool {
        let back = self.pose.inverse();
        self.beside().into_iter().any(|(neighbour, normal)| {
            let p = self.pose.apply(neighbour);
            // Round a bend it may be the other rim that is seen.
            let rim = self.world.rim(p, self.pose.apply_vector(normal));
            let Some(shift) = self.world.sight_line(p, rim) else { return false };
            self.meets(neighbour, back.apply_vector(shift))
        })
    }

    /// True when the sheet before the place, or a neighbouring one, is shaded otherwise than the strip of shadow there says: near the end of a side the next
    /// one's shadow begins, or its own ends.
    pub(super) fn shaded_otherwise(&self, shadow: &Shadow, relief: Option<&Relief>) -> bool {
        let Some(relief) = relief.filter(|r| r.floor == 0.0 && shadow.depth > FAINT) else { return false };
        let px_per_mm = self.sight.look.px_per_mm;
        let fall = self.pose.inverse().apply_vector(shadow.fall_at(self.pose.apply(self.at.p)));
        let border = (BORDER_PX / px_per_mm).max(shadow.soft_mm);
        let dark = |q: Point<DesignMm>| self.meets(q, -fall);
        self.beside().into_iter().any(|(neighbour, normal)| {
            // Round a corner the strip grows wider or narrower within the window, too; in holes that is so all round, and evens out.
            let corner = self.at.curvature > 0.0;
            let strip = if corner {
                self.strip(shadow, self.at.p, self.at.normal)
            } else {
                self.strip(shadow, neighbour, normal)
            };
            let Some((width, hidden)) = strip else { return false };
            let inner = width - border;
            if inner > hidden && !dark(neighbour + normal * inner) {
                return true;
            }
            let outer = width.max(hidden).max(0.0) + border;
            let room = relief.room_px / px_per_mm + hidden;
            [outer, outer + NEAR_PX / px_per_mm].into_iter().any(|d| d < room && dark(neighbour + normal * d))
        })
    }

    /// True when beside a place of a round corner that shows its upper rim the wall comes into sight.
    pub(super) fn wall_begins(&self) -> bool {
        let wall_px = |(p, normal): (Point<DesignMm>, Vector<DesignMm>)| {
            self.world.sight(self.pose.apply(p), self.pose.apply_vector(normal), self.at.curvature)?.wall_px
        };
        let outer = self.at.curvature > 0.0 && self.sight.rim == Rim::Top;
        outer && self.beside().into_iter().filter_map(wall_px).any(|px| px > WALL_PX)
    }

    /// True when there is material on the way from a point.
    fn meets(&self, from: Point<DesignMm>, way: Vector<DesignMm>) -> bool {
        (1..=4).any(|k| self.design.contains(from + way * (0.25 * f64::from(k))))
    }

    /// How far beside a place its shadow reaches on the sheet, and up to where the sheet is hidden, mm.
    fn strip(&self, shadow: &Shadow, p: Point<DesignMm>, normal: Vector<DesignMm>) -> Option<(f64, f64)> {
        let (p, normal) = (self.pose.apply(p), self.pose.apply_vector(normal));
        Some(shadow.reaches(self.world, &Place::new(self.world, p, normal, self.at.curvature)?))
    }

    /// The place and those to both sides of it that its pixels reach to, with their normals.
    fn beside(&self) -> [(Point<DesignMm>, Vector<DesignMm>); 3] {
        let ContourPoint { p, normal, curvature, .. } = *self.at;
        let (far, along) = (BESIDE_PX / self.sight.look.px_per_mm, normal.perpendicular());
        [-far, 0.0, far].map(|t| (p + along * t - normal * (0.5 * curvature * t * t), normal + along * (curvature * t)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Camera, Lens, Perspective};
    use crate::design::Body;
    use crate::geometry::{Angle, Rigid};
    use crate::measure::Walls;
    use crate::synth::parts;

    /// 3 mm thick, seen aslant, turned.
    struct Bench {
        world: World,
        design: Design,
        lies: Similarity<DesignMm, PlaneMm>,
    }

    impl Bench {
        fn new() -> Self {
            let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [4.0, -6.0, 300.0] };
            let lean = Rigid { turn: [0.30, 0.22, 0.2], shift: [0.0; 3] };
            let pose = Rigid { shift: down.shift, ..lean.after(&down) };
            let camera = Camera::Perspective(Perspective::new(Lens::pinhole(1500.0, 800, 600), pose));
            let world = World { thickness_mm: 3.0, ..World::new(camera, 0.0) };
            let body = Body { thickness_mm: 3.0, u_thickness_mm: 0.05, either_side: false };
            let design = Design { body, ..parts::rounded_rectangle(44.0, 26.0, 3.0, &[(-14.0, 6.0, 2.0)]) };
            let lies = Similarity::new(1.0, Angle::from_degrees(20.0), false, Vector::new(9.0, -5.0));
            Self { world, design, lies }
        }
        fn window<'a>(&'a self, at: &'a ContourPoint, sight: &'a Sight) -> Window<'a> {
            Window::new(&self.design, &self.world, &self.lies, at, sight)
        }
        /// How many places of straight sides and of bends show something.
        fn count(&self, contour: usize, shows: impl Fn(&ContourPoint, &Sight) -> bool) -> [usize; 2] {
            let mut count = [0; 2];
            for at in self.design.contours[contour].sample(0.2) {
                let (p, normal) = (self.lies.apply(at.p), self.lies.apply_vector(at.normal));
                let sight = self.world.sight(p, normal, at.curvature).expect("seen");
                count[usize::from(at.curvature != 0.0)] += usize::from(shows(&at, &sight));
            }
            count
        }
    }

    /// Nothing of a convex part stands before its outline. At a rounded corner, where the view goes from the lower to the upper rim, two places were taken for hidden.
    #[test]
    fn a_convex_outline_hides_nothing() {
        let bench = Bench::new();
        let hides = |at: &ContourPoint, sight: &Sight| bench.window(at, sight).hidden();
        assert_eq!(bench.count(0, hides), [0, 0]);
        assert!(bench.count(1, hides)[1] > 0, "of a deep hole one side is");
    }

    /// A wall comes into sight at two of the four corners, a few pixels long each; straight sides have one all along or none.
    #[test]
    fn walls_begin_at_corners() {
        let bench = Bench::new();
        let begins = |at: &ContourPoint, sight: &Sight| bench.window(at, sight).wall_begins();
        let [straight, round] = bench.count(0, begins);
        assert!(straight == 0 && (2..=12).contains(&round), "{straight} and {round}");
        assert_eq!(bench.count(1, begins), [0, 0], "holes are fitted as a whole");
    }

    /// Along straight sides the strip of shadow is what it is said to be, except where a corner's shadow comes in; a faint one moves nothing.
    #[test]
    fn another_sides_shadow_is_seen_near_corners_only() {
        let bench = Bench::new();
        let of_depth = |depth: f64| {
            let fall = Vector::new(1.6, 2.1);
            let shadow = Shadow {
                fall,
                spread: 0.0,
                about: Point::new(0.0, 0.0),
                soft_mm: 0.1,
                depth,
                blur_px: 1.2,
                walls: Walls::UNSEEN,
                unknown: Default::default(),
            };
            let otherwise = |at: &ContourPoint, sight: &Sight| {
                let (p, normal) = (bench.lies.apply(at.p), bench.lies.apply_vector(at.normal));
                let place = Place::new(&bench.world, p, normal, at.curvature).expect("seen");
                let relief = Shadow::relief(Some(&shadow), &bench.world, &place, f64::INFINITY);
                bench.window(at, sight).shaded_otherwise(&shadow, relief.as_ref())
            };
            bench.count(0, otherwise)
        };
        let [straight, round] = of_depth(0.7);
        // Two sides begin or end in another's shadow, a fall's length each: of 600 places 20 at most.
        assert!((2..=40).contains(&straight) && round > 0, "{straight} and {round}");
        assert_eq!(of_depth(0.2), [0, 0]);
    }
}
