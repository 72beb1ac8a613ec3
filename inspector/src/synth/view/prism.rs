//! A part with thickness: what of it a camera sees.
//!
//! ```text
//! contours -> polygons -> for each side: bottom rim where its wall is seen, else top rim -> closed curves -> union = silhouette
//! ```

use super::{Ground, Lamp, Outlines, Projector};
use crate::design::{Contour, Design, Feature, FeatureKind, Segment};
use crate::geometry::{Circle, DesignMm, Mm, PlaneMm, Point, Similarity, Vector};
use crate::synth::Paint;
use i_overlay::core::fill_rule::FillRule;
use i_overlay::float::simplify::SimplifyShape as _;
use rayon::prelude::*;

/// A flat part of some thickness that lies on the sheet: its drawing as made, raised straight up.
#[derive(Clone, Debug, PartialEq)]
pub struct Prism {
    /// The part as made (put a [`Fault`](crate::synth::Fault) on the drawing first).
    pub made: Design,
    /// Where it lies, seen from above. Mirrored for a part that lies on its face.
    pub plane_from_design: Similarity<DesignMm, PlaneMm>,
    /// Its thickness.
    pub thickness: Mm,
    /// Its upper face. The texture is laid on its walls too.
    pub top: Paint,
    /// What its walls return of the light that falls on them.
    pub wall: [f64; 3],
}

/// A feature as made.
#[derive(Clone, Debug, PartialEq)]
pub struct TrueFeature {
    /// Its name in the drawing.
    pub name: String,
    /// What it is, in the drawing's own axes: true sizes in mm.
    pub kind: FeatureKind,
    /// The circle of a round one where it lies on the sheet, in plan; `None` for others.
    pub circle: Option<Circle<PlaneMm>>,
}

impl Prism {
    /// A black part with grey walls, its drawing's origin at the sheet's.
    pub fn new(made: Design, thickness: Mm) -> Self {
        Self { made, plane_from_design: Similarity::identity(), thickness, top: Paint::grey(0.06), wall: [0.10; 3] }
    }

    /// What is true of its features, in the order of the drawing.
    pub fn features(&self) -> Vec<TrueFeature> {
        let pose = &self.plane_from_design;
        let placed = |c: Circle<DesignMm>| Circle { centre: pose.apply(c.centre), radius: c.radius * pose.scale() };
        let feature = |f: &Feature| TrueFeature { name: f.name.clone(), kind: f.kind, circle: f.circle().map(placed) };
        self.made.features.iter().map(feature).collect()
    }

    /// Height of the sheet under the part: the mean over its outline. The part is rigid and lies level at that height.
    pub fn base(&self, curl: &super::Curl) -> Mm {
        let Some(outline) = self.made.contours.first() else { return Mm(0.0) };
        let points = outline.sample(outline.length() / 200.0);
        let heights = points.iter().map(|p| p.weight * curl.place(self.plane_from_design.apply(p.p)).1);
        Mm(heights.sum::<f64>() / points.iter().map(|p| p.weight).sum::<f64>().max(f64::MIN_POSITIVE))
    }
}

/// The part in the picture.
pub(super) struct SeenPrism<'a> {
    pub(super) part: &'a Prism,
    /// Coverages whose weighted sum is the share of the sheet's light that the part takes away.
    pub(super) hides: Vec<(Outlines, f64)>,
    /// Coverages whose weighted sum is the part's own light.
    pub(super) shines: Vec<(Outlines, [f64; 3])>,
}

/// Sides of curves stay this near to them, px.
const CHORD_PX: f64 = 2e-4;
/// Straight sides are cut into pieces of this length, px: within it a lens bends a line by less than `CHORD_PX`.
pub(super) const PIECE_PX: f64 = 6.0;
/// Steps of light in which walls are shaded.
const SHADES: f64 = 4.0;
/// Most points of a lamp, in fours.
const LAMP_FOURS: f64 = 6.0;

impl<'a> SeenPrism<'a> {
    /// `None` when a part of it lies where the lens does not see. `sigma_px` is the blur through which its shadow is seen.
    pub(super) fn new(part: &'a Prism, projector: &Projector, ground: &Ground, sigma_px: f64) -> Option<Self> {
        let solid = Solid::new(part, projector, ground);
        let (low, high) =
            (solid.project(projector, solid.base)?, solid.project(projector, solid.base + part.thickness.0)?);
        let shades = solid.shades(ground.lamp);
        let mut levels: Vec<i64> = shades.iter().flatten().flatten().copied().collect();
        levels.sort_unstable();
        levels.dedup();
        let top = positive(high.clone());
        // The upper face and all walls up to a level; the last is the silhouette.
        let up_to = |level: &i64| {
            let bottom = |c: usize, i: usize| shades[c][i].is_some_and(|shade| shade <= *level);
            solid.silhouette(projector, &low, &high, bottom)
        };
        let unions: Vec<Outlines> = levels.par_iter().map(up_to).collect::<Option<_>>()?;
        let silhouette = unions.last().unwrap_or(&top).clone();
        let hides = solid.hides(projector, ground.lamp, silhouette, sigma_px)?;
        // Each ring of walls is what a union adds to the one before: its light telescopes over the unions.
        let wall = |level: i64| {
            let light = ground.lamp.map_or(0.5, |lamp| lamp.wall_light((level as f64 + 0.5) / SHADES));
            part.wall.map(|share| share * light)
        };
        let faces: Vec<[f64; 3]> = std::iter::once(part.top.rgb).chain(levels.iter().map(|l| wall(*l))).collect();
        let shines = std::iter::once(top).chain(unions).enumerate().map(|(k, outlines)| {
            let next = faces.get(k + 1).copied().unwrap_or([0.0; 3]);
            (outlines, std::array::from_fn(|c| faces[k][c] - next[c]))
        });
        Some(Self { part, hides, shines: shines.collect() })
    }
}

/// A part as a prism over polygons so fine that no camera tells them from its curves.
struct Solid {
    /// Closed polygons in plan, material to the left.
    contours: Vec<Vec<Point<PlaneMm>>>,
    base: f64,
    thickness: f64,
    px_per_mm: f64,
    /// Where the camera is.
    eye: Option<[f64; 3]>,
}

impl Solid {
    fn new(part: &Prism, projector: &Projector, ground: &Ground) -> Self {
        let pose = &part.plane_from_design;
        let base = part.base(ground.curl).0;
        let (low, high) = part.made.bounds();
        let px_per_mm = 1.0 / projector.camera.mm_per_px(pose.apply(low.midpoint(high)));
        let scale = px_per_mm * pose.scale();
        let contours = part.made.contours.iter().map(|contour| {
            let mut points: Vec<_> = polygon(contour, CHORD_PX / scale, PIECE_PX / scale);
            if pose.mirrored() {
                points.reverse();
            }
            points.into_iter().map(|p| pose.apply(p)).collect()
        });
        let eye = projector.camera.centre();
        Self { contours: contours.collect(), base, thickness: part.thickness.0, px_per_mm, eye }
    }

    fn project(&self, projector: &Projector, z: f64) -> Option<Outlines> {
        self.contours.iter().map(|c| c.iter().map(|p| projector.pixel(*p, z)).collect()).collect()
    }

    /// For each side of each contour the shade of its wall, 0 and up; `None` where the wall is turned away from the camera.
    fn shades(&self, lamp: Option<&Lamp>) -> Vec<Vec<Option<i64>>> {
        let shade = |a: Point<PlaneMm>, b: Point<PlaneMm>| {
            let eye = self.eye.filter(|_| self.thickness > 0.0)?;
            let outwards = -(b - a).perpendicular();
            let seen = (Point::new(eye[0], eye[1]) - a).dot(outwards) > 0.0;
            let lit = lamp.map_or(0.0, |lamp| lamp.falls_on(outwards.unit().unwrap_or(outwards)));
            seen.then_some((lit * SHADES).floor().min(SHADES - 1.0) as i64)
        };
        self.contours
            .iter()
            .map(|c| c.iter().zip(c.iter().cycle().skip(1)).map(|(a, b)| shade(*a, *b)).collect())
            .collect()
    }

    /// The union of the upper face and of those walls that face the camera and that `bottom` takes in.
    ///
    /// Upper face and walls seen from outside turn the same way in the picture. Where they meet, their borders cancel, so the borders of all
    /// of them together are closed curves along the bottom rim where a wall is taken in and along the top rim elsewhere, with an upright line
    /// at each change. A point inside k faces is turned about k times: the union is where these curves turn at all. It stays true when
    /// faces hide each other (deep holes, notches).
    fn silhouette(
        &self,
        projector: &Projector,
        low: &Outlines,
        high: &Outlines,
        bottom: impl Fn(usize, usize) -> bool,
    ) -> Option<Outlines> {
        let curves = self.contours.iter().enumerate().map(|(c, points)| {
            let upright = |i: usize, t: f64| projector.pixel(points[i], self.base + t * self.thickness);
            trace(&low[c], &high[c], |i| bottom(c, i), upright)
        });
        Some(union(&curves.collect::<Option<Outlines>>()?))
    }

    /// What the part takes of the sheet's light: what it hides, and its shadow on what is left to see.
    fn hides(
        &self,
        projector: &Projector,
        lamp: Option<&Lamp>,
        silhouette: Outlines,
        sigma_px: f64,
    ) -> Option<Vec<(Outlines, f64)>> {
        let Some(lamp) = lamp.filter(|_| self.thickness > 0.0) else { return Some(vec![(silhouette, 1.0)]) };
        // Sheet seen and lit = 1 - [silhouette or shadow], averaged over the lamp.
        let penumbra_px = 2.0 * lamp.spread * self.thickness * self.px_per_mm;
        let fours = (0.5 * penumbra_px / sigma_px).ceil().clamp(2.0, LAMP_FOURS);
        let points = if lamp.spread > 0.0 { 4.0 * fours } else { 1.0 };
        let shadow = |i: usize| {
            let per_height = lamp.shift(i, points as usize);
            let fall = |p: Point<PlaneMm>| lamp.fall(p, per_height, self.thickness);
            let mut outlines = silhouette.clone();
            for points in &self.contours {
                let low: Outlines = vec![points.iter().map(|p| projector.pixel(*p, self.base)).collect::<Option<_>>()?];
                let high: Outlines =
                    vec![points.iter().map(|p| projector.pixel(*p + fall(*p), self.base)).collect::<Option<_>>()?];
                let lit = |i: usize| {
                    let side = points[(i + 1) % points.len()] - points[i];
                    side.perpendicular().dot(lamp.away(points[i], per_height)) > 0.0
                };
                let rising = |i: usize, t: f64| projector.pixel(points[i] + fall(points[i]) * t, self.base);
                let mut curve = trace(&low[0], &high[0], lit, rising)?;
                // Seen from above, plan polygons turn the other way in a picture whose y points down; silhouettes come back turned.
                curve.reverse();
                outlines.push(curve);
            }
            Some((union(&outlines), lamp.share / points))
        };
        let shadows: Vec<(Outlines, f64)> = (0..points as usize).into_par_iter().map(shadow).collect::<Option<_>>()?;
        Some(std::iter::once((silhouette, 1.0 - lamp.share)).chain(shadows).collect())
    }
}

/// A closed curve along `low` where `bottom` says so of a side and along `high` elsewhere, joined by upright lines.
fn trace(
    low: &[[f64; 2]],
    high: &[[f64; 2]],
    bottom: impl Fn(usize) -> bool,
    upright: impl Fn(usize, f64) -> Option<[f64; 2]>,
) -> Option<Vec<[f64; 2]>> {
    let mut curve = Vec::with_capacity(low.len() + 16);
    let Some(last) = low.len().checked_sub(1) else { return Some(curve) };
    let mut before = bottom(last);
    for i in 0..low.len() {
        let here = bottom(i);
        if here != before {
            let (from, to) = if before { (0.0, 1.0) } else { (1.0, 0.0) };
            let length = (high[i][0] - low[i][0]).abs().max((high[i][1] - low[i][1]).abs());
            let pieces = (length / PIECE_PX).ceil().max(1.0);
            for k in 0..pieces as usize {
                curve.push(upright(i, from + (to - from) * k as f64 / pieces)?);
            }
        }
        curve.push(if here { low[i] } else { high[i] });
        before = here;
    }
    Some(curve)
}

/// Where curves that all turn one way turn at all; borders from +x to +y, holes the other way.
fn union(curves: &Outlines) -> Outlines {
    curves.simplify_shape(FillRule::NonZero).into_iter().flatten().collect()
}

/// The same outlines so that they enclose a positive area as a whole.
pub(super) fn positive(mut outlines: Outlines) -> Outlines {
    let area = |o: &Vec<[f64; 2]>| -> f64 {
        o.iter().zip(o.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum()
    };
    if outlines.iter().map(area).sum::<f64>() < 0.0 {
        outlines.iter_mut().for_each(|o| o.reverse());
    }
    outlines
}

/// A contour as a polygon that stays within `chord` mm of it, with sides of at most `piece` mm.
fn polygon(contour: &Contour, chord: f64, piece: f64) -> Vec<Point<DesignMm>> {
    let pieces = |segment: &Segment| {
        let straight = segment.length() / piece;
        match segment {
            Segment::Line { .. } => straight,
            // Sagitta of a chord over the angle a: about r a² / 8.
            Segment::Arc { circle, sweep, .. } => {
                straight.max(sweep.radians().abs() / (8.0 * chord / circle.radius).sqrt().min(0.5))
            }
        }
    };
    let cut = |segment: &Segment| {
        let (n, segment) = (pieces(segment).ceil().max(1.0), *segment);
        (0..n as usize).map(move |i| segment.at(i as f64 / n))
    };
    contour.segments.iter().flat_map(cut).collect()
}

/// Points spread evenly over a disc (Vogel 1979, doi:10.1016/0025-5564(79)90080-4), in fours at right angles: `n` is 1 or divisible by 4. Their
/// mean is the middle and their second moments are the disc's own, so a half-shadow lies where that of the whole disc does.
pub(super) fn disc(i: usize, n: usize) -> Vector<PlaneMm> {
    if n == 1 {
        return Vector::new(0.0, 0.0);
    }
    const GOLDEN: f64 = 2.399_963_229_728_653;
    let (ring, quarter) = ((i / 4) as f64, (i % 4) as f64);
    let (sin, cos) = libm::sincos(0.25 * GOLDEN * ring + std::f64::consts::FRAC_PI_2 * quarter);
    Vector::new(cos, sin) * ((ring + 0.5) / (0.25 * n as f64)).sqrt()
}
