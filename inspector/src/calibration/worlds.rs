//! What is not known exactly, as worlds in which it is otherwise; and what each of them does to a measurand.
//!
//! A measurand is a pure function of what the photo shows and of the world it is seen in. It is measured in the nominal world and again in
//! each displaced one; the change is the contribution of that source to its uncertainty (JCGM 100:2008, 5.1.3, note 2; Kragten 1994,
//! doi:10.1039/AN9941902161). No formula of propagation is written down anywhere, so none can be forgotten when a check is added.

use super::{Camera, Look};
use crate::geometry::{ImagePx, Mm, PlaneMm, Point, Vector};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where an uncertainty comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Source {
    /// A scale that was measured beforehand.
    Scale,
    /// Printed scale across the sheet.
    PrintedScaleX,
    /// Printed scale along the sheet.
    PrintedScaleY,
    /// The sheet's axes are not printed at a right angle.
    PrintedSkew,
    /// Where the camera was.
    CameraPose,
    /// The lens: focal length, principal point, distortion.
    Lens,
    /// The sheet does not lie where, or as flat as, it should.
    SheetHeight,
    /// Thickness of the part.
    Thickness,
    /// The light of the part's walls, and its shadow, beside its edges.
    Shadow,
    /// How far the camera sees an edge beside the material (tone, sharpening, blooming): the same over the whole photo.
    Edge,
    /// A ground brighter than the camera can tell, beside which nobody calibrated its edges.
    Exposure,
    /// What is smaller than the pixels show.
    Resolution,
    /// Where the drawing lies: what the part's own edges say of it.
    Placement,
    /// Noise of pixels and roughness of edges.
    Noise,
}

impl Source {
    /// A stable word for programs, such as `printed-scale-x`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::PrintedScaleX => "printed-scale-x",
            Self::PrintedScaleY => "printed-scale-y",
            Self::PrintedSkew => "printed-skew",
            Self::CameraPose => "camera-pose",
            Self::Lens => "lens",
            Self::SheetHeight => "sheet-height",
            Self::Thickness => "thickness",
            Self::Shadow => "shadow",
            Self::Edge => "edge",
            Self::Exposure => "exposure",
            Self::Resolution => "resolution",
            Self::Placement => "placement",
            Self::Noise => "noise",
        }
    }
    /// For people, such as `printed scale across`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Scale => "scale",
            Self::PrintedScaleX => "printed scale across",
            Self::PrintedScaleY => "printed scale along",
            Self::PrintedSkew => "printed right angle",
            Self::CameraPose => "place of the camera",
            Self::Lens => "lens",
            Self::SheetHeight => "flatness of the sheet",
            Self::Thickness => "thickness of the part",
            Self::Shadow => "walls and shadow of the part",
            Self::Edge => "edge",
            Self::Exposure => "ground too bright for the camera",
            Self::Resolution => "size of the pixels",
            Self::Placement => "place of the drawing",
            Self::Noise => "noise",
        }
    }
}

/// Which end of a wall an edge is: walls stand upright on the sheet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rim {
    /// Where the wall meets the sheet.
    #[default]
    Bottom,
    /// Where it meets the part's upper side.
    Top,
}

/// A piece of the part's contour as the photo shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// The rim that is seen.
    pub rim: Rim,
    /// Where and how.
    pub look: Look,
    /// Width of the strip of wall that is seen inside of the rim, px; `None` for a part without thickness or a camera that does not see it.
    pub wall_px: Option<f64>,
}

/// How many things about walls and shadow are not known: the light of walls, the shadow's fall (two), softness and depth, the blur beside it, and how the fall spreads.
pub const SHADES: usize = 7;

/// One way things may be.
#[derive(Clone, Debug)]
pub struct World {
    /// Pixels to millimetres and back.
    pub camera: Camera,
    /// How far an edge is seen outside the material, px; negative: inside.
    pub edge_offset_px: f64,
    /// Thickness of the part, mm.
    pub thickness_mm: f64,
    /// What is otherwise about walls and shadow, in standard uncertainties of each of those things.
    pub shade: [f64; SHADES],
}

impl World {
    /// Of a part without thickness, its edges in the light.
    ///
    /// ```
    /// use inspector::calibration::{Camera, World};
    /// use inspector::geometry::Point;
    /// let world = World::new(Camera::fronto_parallel(0.1, 100, 100), 0.02);
    /// assert!(world.sight_line(Point::new(1.0, 2.0), Default::default()).is_none(), "nothing stands up");
    /// ```
    pub const fn new(camera: Camera, edge_offset_px: f64) -> Self {
        Self { camera, edge_offset_px, thickness_mm: 0.0, shade: [0.0; SHADES] }
    }
    /// Height of a rim above the sheet.
    pub const fn z(&self, rim: Rim) -> Mm {
        match rim {
            Rim::Bottom => Mm(0.0),
            Rim::Top => Mm(self.thickness_mm),
        }
    }
    /// The rim that shows where material ends at `p` with the normal `n` out of it: the bottom one where the wall faces the camera, else the
    /// top one. It is the outer one of the two in the picture.
    pub fn rim(&self, p: Point<PlaneMm>, n: Vector<PlaneMm>) -> Rim {
        match self.camera.centre() {
            Some([x, y, _]) if (Point::new(x, y) - p).dot(n) <= 0.0 => Rim::Top,
            _ => Rim::Bottom,
        }
    }
    /// How the photo shows a piece of contour through `p` with unit normal `n` out of the material and signed curvature (1/mm); `None` where
    /// it shows none.
    pub fn sight(&self, p: Point<PlaneMm>, n: Vector<PlaneMm>, curvature: f64) -> Option<Sight> {
        let rim = self.rim(p, n);
        let look = self.camera.look(p, n, curvature, self.z(rim))?;
        let solid = self.thickness_mm > 0.0 && self.camera.centre().is_some();
        let strip = || match rim {
            Rim::Bottom => {
                let straight = (look.p - self.camera.image_from_plane(p, self.z(Rim::Top))).dot(look.normal);
                // The upper rim is seen shifted, and as curved: aside of the line of sight it comes nearer in a hole.
                let curved = self.sight_line(p, Rim::Top).map_or(0.0, |v| v.dot(n) - along_normal(v, n, curvature));
                (straight + curved * look.px_per_mm).max(0.0)
            }
            Rim::Top => 0.0,
        };
        Some(Sight { rim, look, wall_px: solid.then(strip) })
    }
    /// Between a rim at `p` and the other end of its wall's height, how far the line of sight runs in plan: from the bottom rim up towards the camera, from
    /// the top rim down to the sheet. `None` where rims are one.
    pub fn sight_line(&self, p: Point<PlaneMm>, rim: Rim) -> Option<Vector<PlaneMm>> {
        let [x, y, z] = self.camera.centre()?;
        let h = self.thickness_mm;
        let towards = Point::new(x, y) - p;
        (h > 0.0).then(|| match rim {
            Rim::Bottom => towards * (h / z),
            Rim::Top => -towards * (h / (z - h)),
        })
    }
    /// Where the material ends on the plane of its rim, for an edge seen at `p` with the unit normal `n` out of the material; `shade_px` is how
    /// it moves with what is not known of wall and shadow.
    pub fn place(&self, p: Point<ImagePx>, n: Vector<ImagePx>, shade_px: &[f64; SHADES], rim: Rim) -> Point<PlaneMm> {
        let shade: f64 = self.shade.iter().zip(shade_px).map(|(by, px)| by * px).sum();
        self.camera.plane_from_image(p - n * (self.edge_offset_px + shade), self.z(rim))
    }
}

/// How far beside a contour of this unit normal and signed curvature (1/mm) the contour lies when it is shifted, mm, along the normal: exact for lines and
/// circles. A circle that the normal misses after the shift is taken where it comes nearest.
pub(crate) fn along_normal(shift: Vector<PlaneMm>, normal: Vector<PlaneMm>, curvature: f64) -> f64 {
    let across = shift.cross(normal);
    let across = across / (curvature * across).abs().max(1.0);
    let root = (1.0 - curvature * curvature * across * across).max(0.0).sqrt();
    // (root - 1) / curvature without cancellation.
    shift.dot(normal) - curvature * across * across / (1.0 + root)
}

/// The nominal world, and worlds in each of which ONE independent thing is otherwise by one standard uncertainty.
///
/// ```
/// use inspector::calibration::{Budget, Camera, Source, World, Worlds};
/// use inspector::geometry::Point;
/// let world = |mm_per_px| World::new(Camera::fronto_parallel(mm_per_px, 100, 100), 0.0);
/// let mut worlds = Worlds::certain(world(0.1));
/// worlds.add(Source::Scale, world(0.1001));
/// // 50 px are 5 mm; a scale known to 0.1 % leaves 5 µm.
/// let length = |w: &World| 50.0 * w.camera.mm_per_px(Point::new(0.0, 0.0));
/// let budget = Budget::of(worlds.changes(length));
/// assert!((budget.u() - 0.005).abs() < 1e-12);
/// assert_eq!(budget.to_string(), "100 % scale");
/// ```
#[derive(Clone, Debug)]
pub struct Worlds {
    /// The best estimate of everything.
    pub nominal: World,
    /// What is otherwise, and the world in which it is.
    pub displaced: Vec<(Source, World)>,
}

impl Worlds {
    /// Only the nominal world: everything is known.
    pub const fn certain(nominal: World) -> Self {
        Self { nominal, displaced: Vec::new() }
    }
    /// Adds a world in which one thing is otherwise by one standard uncertainty.
    pub fn add(&mut self, source: Source, world: World) {
        self.displaced.push((source, world));
    }
    /// Says how thick the part is. A camera that looks straight down from far does not see it.
    pub fn of_thickness(&mut self, thickness_mm: f64, u_mm: f64) {
        self.nominal.thickness_mm = thickness_mm;
        self.displaced.iter_mut().for_each(|(_, world)| world.thickness_mm = thickness_mm);
        if self.nominal.camera.centre().is_some() && thickness_mm > 0.0 {
            self.add(Source::Thickness, World { thickness_mm: thickness_mm + u_mm, ..self.nominal.clone() });
            for k in 0..SHADES {
                let shade = std::array::from_fn(|i| f64::from(u8::from(i == k)));
                self.add(Source::Shadow, World { shade, ..self.nominal.clone() });
            }
        }
    }
    /// By how much a measurand changes with each source.
    pub fn changes(&self, measurand: impl Fn(&World) -> f64) -> Vec<(Source, f64)> {
        let nominal = measurand(&self.nominal);
        self.displaced.iter().map(|(source, world)| (*source, measurand(world) - nominal)).collect()
    }
}

/// What a standard uncertainty is made of, largest contribution first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget(Vec<(Source, f64)>);

impl Budget {
    /// From independent contributions, in the measurand's unit; those of one source are joined (root of the sum of squares).
    pub fn of(contributions: impl IntoIterator<Item = (Source, f64)>) -> Self {
        let mut joined: Vec<(Source, f64)> = Vec::new();
        for (source, change) in contributions {
            let square = change * change;
            match joined.iter_mut().find(|(s, _)| *s == source) {
                Some((_, sum)) => *sum += square,
                None => joined.push((source, square)),
            }
        }
        // What is not a number stays: it makes the whole not a number.
        joined.retain(|(_, square)| *square != 0.0);
        joined.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Self(joined.into_iter().map(|(source, square)| (source, square.sqrt())).collect())
    }
    /// Each source with its standard uncertainty, largest first.
    pub fn contributions(&self) -> &[(Source, f64)] {
        &self.0
    }
    /// The combined standard uncertainty.
    pub fn u(&self) -> f64 {
        self.0.iter().map(|(_, u)| u * u).sum::<f64>().sqrt()
    }
    /// The same for a measurand `factor` times as large.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|(source, u)| (*source, u * factor.abs())).collect())
    }
}

/// Shares of the variance in words, largest first, until 95 % of it is named: "62 % printed scale across, 34 % edge".
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.u() * self.u();
        let mut named = 0.0;
        for (i, (source, u)) in self.0.iter().enumerate() {
            if named > 0.95 {
                break;
            }
            let share = u * u / whole;
            named += share;
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{:.0} % {}", 100.0 * share, source.words())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Lens, Perspective};
    use crate::geometry::{Angle, Rigid};

    #[test]
    fn contributions_of_one_source_are_joined_and_the_largest_comes_first() {
        let budget = Budget::of([(Source::Edge, -3.0), (Source::Lens, 1.0), (Source::Scale, 0.0), (Source::Edge, 4.0)]);
        assert_eq!(budget.contributions(), [(Source::Edge, 5.0), (Source::Lens, 1.0)]);
        assert!((budget.u() - 26.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(budget.to_string(), "96 % edge");
        assert_eq!(budget.times(-2.0).contributions()[0], (Source::Edge, 10.0));
        assert_eq!(Budget::default().to_string(), "");
    }

    #[test]
    fn a_shifted_circle_is_met_where_it_is() {
        // A hole of radius 3 around the origin; from its rim at the left the normal runs to the right.
        let (normal, r) = (Vector::<PlaneMm>::new(1.0, 0.0), 3.0);
        for shift in [Vector::new(0.4, 0.0), Vector::new(-0.5, 1.7), Vector::new(1.2, -2.9)] {
            let along = along_normal(shift, normal, -1.0 / r);
            let met = Point::<PlaneMm>::new(-r + along, 0.0);
            assert!((met.distance(Point::new(shift.x, shift.y)) - r).abs() < 1e-12, "{shift:?}: {met:?}");
            // A disc's rim at the right.
            let along = along_normal(shift, normal, 1.0 / r);
            let met = Point::<PlaneMm>::new(r + along, 0.0);
            assert!((met.distance(Point::new(shift.x, shift.y)) - r).abs() < 1e-12, "{shift:?}: {met:?}");
        }
        assert_eq!(along_normal(Vector::new(0.4, 9.0), normal, 0.0), 0.4);
        assert!(along_normal(Vector::new(0.4, 9.0), normal, -1.0 / r).is_finite());
    }

    /// The wall of a hole of 6 mm, 3 mm deep, seen aslant: as wide as the upper rim's own picture says, also aside of the line of sight, where taking the
    /// rims as straight makes it half a millimetre too wide.
    #[test]
    fn the_wall_of_a_hole_is_as_wide_as_its_rims_are_apart() {
        let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [0.0, 0.0, 300.0] };
        let camera = Camera::Perspective(Perspective::new(Lens::pinhole(1500.0, 800, 600), down));
        let world = World { thickness_mm: 3.0, ..World::new(camera, 0.0) };
        let (centre, r) = (Point::<PlaneMm>::new(70.0, 40.0), 3.0);
        let mut seen = 0;
        for k in 0..36 {
            let (sin, cos) = Angle::from_degrees(f64::from(10 * k)).sin_cos();
            let out = Vector::new(cos, sin);
            let sight = world.sight(centre + out * r, -out, -1.0 / r).unwrap();
            let wall_px = sight.wall_px.unwrap();
            if sight.rim == Rim::Top || wall_px < 0.5 {
                continue;
            }
            // Where the wall's strip ends, the upper rim is seen.
            let end = sight.look.p - sight.look.normal * wall_px;
            let on_top = world.camera.plane_from_image(end, Mm(3.0));
            assert!((on_top.distance(centre) - r).abs() < 0.02, "{k}: {}", on_top.distance(centre));
            seen += 1;
        }
        assert!(seen > 8, "{seen}");
    }

    #[test]
    fn what_is_not_a_number_is_not_lost() {
        let budget = Budget::of([(Source::Edge, 1.0), (Source::Lens, f64::NAN)]);
        assert!(budget.u().is_nan(), "{budget:?}");
    }

    #[test]
    fn every_word_for_programs_is_the_one_in_json() {
        for source in [Source::PrintedScaleX, Source::CameraPose, Source::SheetHeight, Source::Noise] {
            assert_eq!(serde_json::to_string(&source).unwrap(), format!("{:?}", source.code()));
        }
    }
}
