//! The edge of a part with thickness: inside the outer rim lies a strip of wall, and beyond it perhaps a strip of the part's own shadow.
//!
//! ```text
//!   upper face | wall (width known from camera and thickness) | shadow (width known from the lamp) | lit sheet
//!                                                             ^ the rim that is measured
//! ```
//!
//! This row of levels is laid along the normal where it fits best, so neither the inner rim nor the border of the shadow is taken for the outer
//! rim. Then levels, blur and position are fitted to the pixels themselves. In a hole or a slot the sheet may lie in the shadow of the other side, and before it
//! a strip of light: that ends where the other side's shadow does, wherever this rim is.
//!
//! Honest scope: walls and shadows of one brightness each. Where a strip is narrower than the blur its brightness is hardly seen: the wall is then
//! taken to be as light as wide walls of the part are, or where none is seen like the upper face within 50 % of the contrast ([`Walls`]), the shadow as deep as elsewhere within 10 %; what is not known of the shadow as
//! a whole comes with it ([`Relief::unknown`]). All of that weighs against the noise of the pixels as it is found.

use super::descent::descend;
use super::edge::{Edge, NoEdge, Probe, Sample, bilinear_fraction, pixels_across};
use super::levels::{Levels, Light, N, NOISE, Walls};
use super::silhouette::LightModel;
use crate::calibration::{Plane, SHADES};
use crate::geometry::{NormalEquations, Vector, solve_symmetric};

/// What stands beside the rim of a part with thickness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relief {
    /// Width of the strip of wall inside of the rim, px.
    pub wall_px: f64,
    /// How light it is, as far as that is known beforehand.
    pub walls: Walls,
    /// The strip of shadow outside of it.
    pub shadow: Strip,
    /// How far outside of it nothing else is seen than shadow and lit sheet, px: behind that stands the other side of a slot or a hole, or the shadow of that.
    pub room_px: f64,
    /// How far the sheet behind the strip is on the way to part. In the shadow of the other side of a hole or a slot that is its depth, and the strip is one of
    /// light: its own depth is negative, and its outer border stays where it is when the rim moves.
    pub floor: f64,
    /// Standard uncertainty of where that other side is, px.
    pub u_other_px: f64,
    /// Blur of the photo (standard deviation, px), when it is known: beside a narrow wall a bright wall and a soft edge look alike.
    pub blur_px: Option<f64>,
    /// How shadow and blur change with each independent thing that is not known of them, by one standard uncertainty.
    pub unknown: [Unknown; SHADES - 1],
}

/// A strip of shadow along a rim.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strip {
    /// Its width, px; 0 for none, negative where it ends under the part.
    pub width_px: f64,
    /// How soft its outer border is: standard deviation, px, blur of the picture apart.
    pub soft_px: f64,
    /// How far it is on the way from sheet (0) to part (1).
    pub depth: f64,
}

/// A change of a strip of shadow and of the picture's blur.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unknown {
    /// Of its width and softness, px.
    pub width_px: f64,
    /// See [`width_px`](Self::width_px).
    pub soft_px: f64,
    /// Of its depth.
    pub depth: f64,
    /// Of the blur, px.
    pub blur_px: f64,
}

impl Relief {
    /// With a shadow of which nothing is said to be unknown, in a photo of unknown blur, and nothing else near.
    pub(crate) fn new(wall_px: f64, shadow: Strip) -> Self {
        Self {
            wall_px,
            walls: Walls::UNSEEN,
            shadow,
            room_px: f64::INFINITY,
            floor: 0.0,
            u_other_px: 0.0,
            blur_px: None,
            unknown: Default::default(),
        }
    }
    /// Levels, shift and blur as they are before anything is seen.
    fn expected(&self) -> [f64; N] {
        let height = 1.0 - self.floor;
        let blur_px = self.blur_px.unwrap_or(BLUR_PX);
        [self.floor, height, height - self.walls.lighter, self.shadow.depth, 0.0, blur_px]
    }
    /// Seen from a place so far out: what belongs to the other side is nearer.
    fn seen_from(&self, start: f64) -> Self {
        let lit = if self.floor > 0.0 { start } else { 0.0 };
        let shadow = Strip { width_px: self.shadow.width_px - lit, ..self.shadow };
        Self { shadow, room_px: self.room_px - start, ..*self }
    }
}

impl Strip {
    /// True when nothing of it is seen.
    pub(crate) fn absent(&self) -> bool {
        self.width_px < -2.0 * self.soft_px - 0.5
    }
    /// True when its border is so far away that it is a level of its own: what is behind it does not matter.
    fn wide(&self) -> bool {
        self.width_px - 2.0 * self.soft_px > WIDE
    }
}

/// How far sheet and face are looked at beyond the strips, px.
const BEYOND: f64 = 4.5;
/// A strip wider than this is a level of its own, px.
const WIDE: f64 = 7.0;
/// No shadow is looked at farther than this, px.
const OUTWARDS: f64 = 12.0;
/// With less room than this before a rim, px, its edge is not told from what stands there.
pub(super) const LEAST_ROOM: f64 = 2.0;
/// Least step, as a share of the contrast of part and sheet.
const LEAST_STEP: f64 = 0.12;
/// A row of levels with less contrast than this says nothing of where it lies.
const LEAST_CONTRAST: f64 = 0.5;
/// A shadow is as deep as elsewhere within this share of the contrast.
const SHADOW_SPREAD: f64 = 0.1;
/// Blur that is assumed where none is known, px.
const BLUR_PX: f64 = 1.2;
/// Blur is what it is elsewhere in the photo within this share.
const BLUR_SPREAD: f64 = 0.1;
/// Noise is taken as it is found when it is so many times as large as usual.
const NOISY: f64 = 1.2;
/// A rim known to this, px, is a good one.
const GOOD_PX: f64 = 0.07;
/// A row of levels that is farther from the picture than this, as a share of the contrast, does not stand there.
const MISFIT: f64 = 0.2;
/// A row that stands half a pixel beside its place is as far from the picture as this at a border.
const HALF_PIXEL: f64 = 0.2;

/// Finds the outer rim nearest to the nominal place.
///
/// # Errors
/// [`NoEdge`] says what was seen instead.
pub(super) fn find_rim(plane: &Plane, light: &LightModel, probe: &Probe, relief: Relief) -> Result<Edge, NoEdge> {
    if relief.room_px < LEAST_ROOM {
        return Err(NoEdge::NoStep);
    }
    let start = lay(plane, light, probe, relief)?.rim()?;
    let near = Probe { p: probe.p + probe.normal * start, ..*probe };
    fit(plane, light, &near, relief.seen_from(start)).map(|e| Edge { offset_px: e.offset_px + start, ..e })
}

/// Where the row of levels lies.
pub(super) struct Laid {
    /// Where it fits best, px along the normal, to about a quarter of a pixel.
    at: f64,
    /// Step at the rim, as a share of the contrast of part and sheet.
    step: f64,
    /// Between its lightest and its darkest pixel, in the same share.
    contrast: f64,
}

impl Laid {
    /// Where the rim is seen.
    ///
    /// # Errors
    /// [`NoEdge::NoStep`] where a shadow is as dark as the wall beside it.
    pub(super) fn rim(&self) -> Result<f64, NoEdge> {
        if self.step < LEAST_STEP { Err(NoEdge::NoStep) } else { Ok(self.at) }
    }
    /// Where the row is seen, be it by the border of the shadow alone; `None` where all of it is alike.
    pub(super) fn row(&self) -> Option<f64> {
        (self.contrast > LEAST_CONTRAST).then_some(self.at)
    }
}

/// Lays the row of levels where it fits best.
///
/// # Errors
/// [`NoEdge`] says what was seen instead.
pub(super) fn lay(plane: &Plane, light: &LightModel, probe: &Probe, relief: Relief) -> Result<Laid, NoEdge> {
    let tangent = Vector::new(-probe.normal.y, probe.normal.x);
    let reach = probe.reach_px.ceil() as i32;
    let (wall, shadow) = (relief.wall_px.round() as i32, relief.shadow.width_px.max(0.0).round() as i32);
    let ahead = if probe.curvature < 0.0 { (1.0 / -probe.curvature) as i32 } else { i32::MAX };
    let ahead = ahead.min(relief.room_px as i32).max(3);
    let (inner, outer) = (wall.min(20) + 5, (shadow.min(20) + 5).min(ahead));
    let (first, last) = (-reach - inner, reach + outer);
    // Share of material along the normal, averaged over three places along the contour.
    let share = |d: i32| -> Option<f64> {
        let mut sum = 0.0;
        for t in [-1.5, 0.0, 1.5] {
            sum += bilinear_fraction(plane, light, probe.p + probe.normal * f64::from(d) + tangent * t)?;
        }
        Some(sum / 3.0)
    };
    let shares: Vec<f64> = (first..=last).map(|d| share(d).unwrap_or(f64::NAN)).collect();
    if shares[(-first) as usize].is_nan() {
        return Err(NoEdge::OffImage);
    }
    let at = |d: i32| shares[(d - first) as usize];
    let row = Expected::new(&relief, -inner..=outer);
    let tries: Vec<Option<Fitting>> =
        (-reach..=reach).map(|s| row.fitting((-inner..=outer).map(|u| at(s + u)), wall >= 3)).collect();
    let fitting = tries.iter().enumerate().filter_map(|(k, t)| Some((k, t.as_ref()?)));
    let (best, found) = fitting.min_by(|a, b| a.1.square.total_cmp(&b.1.square)).ok_or(NoEdge::OffImage)?;
    if found.square < MISFIT * MISFIT {
        // The vertex of the parabola through it and its neighbours.
        let square = |k: usize| Some(tries.get(k)?.as_ref()?.square);
        let beside = square(best.wrapping_sub(1)).zip(square(best + 1));
        let part = beside.map_or(0.0, |(l, r)| 0.5 * (l - r) / (l + r - 2.0 * found.square).max(f64::MIN_POSITIVE));
        let next_to_it = if shadow >= 1 { relief.shadow.depth.max(0.0) } else { 0.0 };
        let contrast = row.contrast(found.of_wall);
        return Ok(Laid { at: best as f64 - f64::from(reach) + part, step: found.of_wall - next_to_it, contrast });
    }
    let seen: Vec<f64> = shares.iter().copied().filter(|v| v.is_finite()).collect();
    // Sheet in a dark shadow is no material.
    let dark = 0.5 + 0.5 * relief.floor.max(relief.shadow.depth);
    let material = seen.iter().filter(|v| **v > dark).count();
    match material {
        all if all * 10 > seen.len() * 9 => Err(NoEdge::OnlyMaterial),
        none if none * 10 < seen.len() => Err(NoEdge::OnlyBackground),
        _ => Err(NoEdge::NoStep),
    }
}

/// What the light of a wide wall unlike the others weighs beside such misfits: it shows its own, which a lamp may make very different.
const UNLIKE: f64 = HALF_PIXEL / Walls::UNSEEN.u;

/// The row of levels pixel by pixel, as the blur shows it.
struct Expected {
    pixels: Vec<Parts>,
    /// The light of the wall.
    wall: f64,
}

/// What is known of the light of a pixel, and its share of wall.
struct Parts {
    known: f64,
    wall: f64,
}

/// How a row of levels fits what is seen.
struct Fitting {
    /// Mean squared distance of the pixels, as a share of the contrast.
    square: f64,
    /// The light of the wall.
    of_wall: f64,
}

impl Expected {
    fn new(relief: &Relief, places: std::ops::RangeInclusive<i32>) -> Self {
        let q = relief.expected();
        let [floor, height, _, depth, ..] = q;
        let shadow = (depth != 0.0 && !relief.shadow.absent()).then_some(&relief.shadow);
        let levels = Levels::new(q, relief.wall_px, shadow);
        let parts = |u: i32| {
            let [_, face, wall, dark, ..] = levels.at(f64::from(u)).by;
            Parts { known: floor + height * face + depth * dark, wall }
        };
        Self { pixels: places.map(parts).collect(), wall: q[2] }
    }
    /// `None` where too little is seen; of a narrow wall the light is not seen.
    fn fitting(&self, seen: impl Iterator<Item = f64> + Clone, wide: bool) -> Option<Fitting> {
        let of_wall = if wide { self.light_of_wall(seen.clone()) } else { self.wall };
        // A wall as bright as the sheet, with its rim farther out, looks the same as none: of rows that fit alike the one with the likelier wall stands there.
        let unlike = (of_wall - self.wall) * UNLIKE;
        let (mut sum, mut n) = (unlike * unlike, 0.0);
        for (light, parts) in seen.zip(&self.pixels).filter(|(light, _)| light.is_finite()) {
            let miss = (light - parts.known - of_wall * parts.wall).abs().min(2.5 * MISFIT);
            (sum, n) = (sum + miss * miss, n + 1.0);
        }
        (n >= 8.0).then(|| Fitting { square: sum / n, of_wall })
    }
    /// Between its lightest and its darkest pixel.
    fn contrast(&self, of_wall: f64) -> f64 {
        let light = |parts: &Parts| parts.known + of_wall * parts.wall;
        let (least, most) =
            self.pixels.iter().map(light).fold((1.0, 0.0), |(a, b), v| (f64::min(a, v), f64::max(b, v)));
        most - least
    }
    /// The light of the wall that fits what is seen, and what is known of walls, best.
    fn light_of_wall(&self, seen: impl Iterator<Item = f64>) -> f64 {
        let (mut along, mut squares) = (UNLIKE * UNLIKE * self.wall, UNLIKE * UNLIKE);
        for (light, parts) in seen.zip(&self.pixels).filter(|(light, _)| light.is_finite()) {
            along += parts.wall * (light - parts.known);
            squares += parts.wall * parts.wall;
        }
        along / squares
    }
}

/// Unknowns of the fit: those of the levels, and how much wider the strip is than it was said to be; blur last.
const M: usize = N + 1;
const BLUR: usize = M - 1;
/// The width of the part's own strip is as it was said to be, px.
const SAME_PX: f64 = 1e-3;

/// Fits the levels to the pixels around a rim near the probe's own place.
fn fit(plane: &Plane, light: &LightModel, probe: &Probe, relief: Relief) -> Result<Edge, NoEdge> {
    let row = Row::new(&relief);
    let pixels = pixels_across(plane, light, probe, row.inwards, row.outwards);
    if pixels.len() < 14 {
        return Err(NoEdge::OffImage);
    }
    let mut known = Known { relief: &relief, noise: NOISE };
    let still = |step: &[f64; M]| step[4].abs() < 1e-4 && step[BLUR].abs() < 1e-3;
    let descend = |known: &Known| descend(row.start(&relief), 25, |q| row.equations(&pixels, q, known), still);
    let (mut q, mut sums) = descend(&known).ok_or(NoEdge::NoStep)?;
    let noise = |sums: &NormalEquations<M>| (sums.squares / (pixels.len() - M) as f64).sqrt();
    // The noisier its pixels, the more counts what is known beside them.
    if noise(&sums) > NOISY * NOISE {
        known.noise = noise(&sums);
        (q, sums) = descend(&known).ok_or(NoEdge::NoStep)?;
    }
    // A clean step near where it was seen; a strip narrower than the blur shows no level of its own, and from a wide one the levels count.
    let next_to_it = if row.shadow.is_some_and(|s| s.width_px > q[BLUR]) { q[3] } else { 0.0 };
    if q[2].is_nan() || q[2] - next_to_it < LEAST_STEP || q[4].abs() > 2.5 {
        return Err(NoEdge::NoStep);
    }
    let mut e = [0.0; M];
    e[4] = 1.0;
    // How the shift follows each of the levels, and what the pixels' own noise leaves unknown of it.
    let g = solve_symmetric(sums.normal, e).ok_or(NoEdge::NoStep)?;
    let of_levels = known.variance_along(&g);
    let blur_px = q[BLUR];
    let offset_px = q[4] + 0.5 * blur_px * blur_px * probe.curvature;
    let p = probe.p + probe.normal * offset_px;
    let u_px = noise(&sums) * (g[4] - of_levels).max(0.0).sqrt();
    let own = known.noise * of_levels.sqrt();
    let of_shadow = row.shifts(&pixels, &q, &known, &g, &relief.unknown);
    let shade_px = std::array::from_fn(|k| if k == 0 { own } else { of_shadow[k - 1] });
    let shade: f64 = shade_px.iter().map(|s| s * s).sum();
    let poor = (shade + u_px * u_px) / (GOOD_PX * GOOD_PX);
    let trust = 1.0 / poor.max(1.0);
    Ok(Edge { p, normal: probe.normal, offset_px, u_px, blur_px, shade_px, trust })
}

/// What is known of wall, shadow and blur before they are seen; it also keeps what is not looked at from being undetermined.
struct Known<'a> {
    relief: &'a Relief,
    /// Noise of a pixel, as a share of the contrast.
    noise: f64,
}

impl Known<'_> {
    /// What each fact says: its direction among the unknowns, its weight against the noise of one pixel, what it should be.
    fn facts(&self) -> [([f64; M], f64, f64); 4] {
        let weight = |spread: f64| (self.noise / spread) * (self.noise / spread);
        let blur = self.relief.blur_px.unwrap_or(1.0);
        let of_blur = self.relief.blur_px.map_or(0.0, |_| weight(BLUR_SPREAD * blur));
        // A strip of light ends where the other side's shadow does, wherever this rim is.
        let (with_the_rim, spread) = if self.relief.floor > 0.0 { (1.0, self.relief.u_other_px) } else { (0.0, 0.0) };
        [
            ([0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0], weight(self.relief.walls.u), self.relief.walls.lighter),
            ([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], weight(SHADOW_SPREAD), self.relief.shadow.depth),
            ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], of_blur, blur),
            ([0.0, 0.0, 0.0, 0.0, with_the_rim, 1.0, 0.0], weight(spread.max(SAME_PX)), 0.0),
        ]
    }
    /// The part of a parameter's variance, in units of a pixel's, that is theirs; `g` is its column of the inverse normal matrix.
    fn variance_along(&self, g: &[f64; M]) -> f64 {
        self.facts().iter().map(|(along, weight, _)| weight * dot(along, g) * dot(along, g)).sum()
    }
    /// How far a parameter moves when shadow and blur are otherwise than they were said to be.
    fn follows(&self, g: &[f64; M], change: &Unknown) -> f64 {
        let [_, (shadow, of_shadow, _), (blur, of_blur, _), _] = self.facts();
        of_shadow * dot(&shadow, g) * change.depth + of_blur * dot(&blur, g) * change.blur_px
    }
}

fn dot(a: &[f64; M], b: &[f64; M]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// How the light of a pixel changes with each unknown.
fn by(light: &Light) -> [f64; M] {
    let [sheet, face, wall, depth, shift, blur] = light.by;
    [sheet, face, wall, depth, shift, light.by_width, blur]
}

/// Which strips are looked at, and how far to both sides, px.
struct Row {
    wall_px: f64,
    shadow: Option<Strip>,
    inwards: f64,
    outwards: f64,
}

impl Row {
    fn new(relief: &Relief) -> Self {
        let wall_px = if relief.wall_px > WIDE { f64::INFINITY } else { relief.wall_px };
        let inwards = if wall_px.is_finite() { wall_px + BEYOND } else { WIDE - 1.0 };
        let strip = relief.shadow;
        let shadow = (!strip.absent() && !strip.wide()).then_some(strip);
        let outwards = match shadow {
            _ if strip.wide() => WIDE - 2.0,
            Some(s) => (s.width_px.max(0.0) + s.soft_px + BEYOND).min(OUTWARDS),
            None => BEYOND,
        };
        let outwards = outwards.min(relief.room_px);
        Self { wall_px, shadow, inwards, outwards }
    }

    /// Where the descent starts. A wide shadow is the level that all others count from.
    fn start(&self, relief: &Relief) -> [f64; M] {
        let [sheet, face, wall, depth, shift, blur] = relief.expected();
        let level = if relief.shadow.wide() { depth } else { 0.0 };
        [sheet + level, face - level, wall - level, depth, shift, 0.0, blur]
    }

    fn levels(&self, q: &[f64; M]) -> Levels {
        let [sheet, face, wall, depth, shift, wider, blur] = *q;
        let shadow = self.shadow.map(|s| Strip { width_px: s.width_px + wider, ..s });
        Levels::new([sheet, face, wall, depth, shift, blur], self.wall_px, shadow.as_ref())
    }

    /// Normal equations of the pixels, and of what is known beside them.
    fn equations(&self, pixels: &[Sample], q: &[f64; M], known: &Known<'_>) -> NormalEquations<M> {
        let (levels, mut sums) = (self.levels(q), NormalEquations::new());
        for (d, value) in pixels {
            let light = levels.at(*d);
            sums.add(&by(&light), value - light.value, 1.0);
        }
        known.facts().iter().for_each(|(along, weight, value)| sums.add(along, value - dot(along, q), *weight));
        sums
    }

    /// How far the rim moves, px, when the shadow is otherwise in each of these ways; `g` is the rim's column of the inverse normal matrix.
    fn shifts<const K: usize>(
        &self,
        pixels: &[Sample],
        q: &[f64; M],
        known: &Known<'_>,
        g: &[f64; M],
        unknown: &[Unknown; K],
    ) -> [f64; K] {
        let levels = self.levels(q);
        // What the rim's place takes of each pixel, summed over what the pixel takes of width and softness.
        let (mut by_width, mut by_soft) = (0.0, 0.0);
        if self.shadow.is_some() {
            for (d, _) in pixels {
                let light = levels.at(*d);
                let takes = dot(&by(&light), g);
                by_width -= takes * light.by_width;
                by_soft -= takes * light.by_soft;
            }
        }
        unknown.map(|u| by_width * u.width_px + by_soft * u.soft_px + known.follows(g, &u))
    }
}

#[cfg(test)]
mod tests {
    use super::super::edge::find_edge;
    use super::super::silhouette::Silhouette;
    use super::*;
    use crate::geometry::Point;
    use crate::synth::Seeded;

    #[test]
    fn a_wall_wider_than_what_is_looked_at_hides_nothing() {
        let light = |x: u32, y: u32| match (x, y) {
            (20..90, 20..100) => 8000,
            (90..160, 20..100) => 20_000,
            _ => 50_000,
        };
        let plane = Plane::from_fn(240, 120, |x, y| image::Luma([light(x, y)]));
        let part = Silhouette::find(&plane, 140.0 * 80.0, None).unwrap().swap_remove(0);
        let relief = Relief::new(70.0, Strip::default());
        let (p, normal) = (Point::new(162.0, 60.0), Vector::new(1.0, 0.0));
        let probe = Probe { p, normal, curvature: 0.0, reach_px: 8.0, half_length_px: 2.0, relief: Some(relief) };
        let edge = find_edge(&plane, &part.light, &probe).unwrap();
        // The border between the last pixel of the wall and the first of the sheet.
        assert!((edge.p.x - 159.5).abs() < 0.1, "{}", edge.p.x);
    }

    /// In a shadow too wide to be looked across all levels count from the shadow, which was taken off the wall's height a second time.
    #[test]
    fn a_dark_wall_beside_a_wide_dark_shadow_is_seen() {
        // Face, wall, shadow, sheet.
        let light = |x: u32, y: u32| match (x, y) {
            (20..80, 20..100) => 8000,
            (80..92, 20..100) => 12_000,
            (92..140, 20..100) => 21_000,
            _ => 50_000,
        };
        let plane = Plane::from_fn(240, 120, |x, y| image::Luma([light(x, y)]));
        let part = Silhouette::find(&plane, 72.0 * 80.0, None).unwrap().swap_remove(0);
        let strip = Strip { width_px: 48.0, soft_px: 0.5, depth: 29.0 / 42.0 };
        let relief = Relief { blur_px: Some(0.5), ..Relief::new(12.0, strip) };
        let (p, normal) = (Point::new(92.5, 60.0), Vector::new(1.0, 0.0));
        let probe = Probe { p, normal, curvature: 0.0, reach_px: 8.0, half_length_px: 2.0, relief: Some(relief) };
        let edge = find_edge(&plane, &part.light, &probe).unwrap();
        assert!((edge.p.x - 91.5).abs() < 0.1, "{}", edge.p.x);
    }

    /// A part left of x = 100, what its rim looks like there, and noise; light as a share of the contrast, 0 for sheet.
    fn picture(at: impl Fn(f64) -> f64, noise: f64) -> (Plane, LightModel) {
        let mut random = Seeded::new(7, 0x7761);
        let plane = Plane::from_fn(200, 800, |x, y| {
            let part = (20..=780).contains(&y) && x >= 20;
            let share = if part { at(f64::from(x)) } else { 0.0 } + noise * random.normal();
            image::Luma([(50_000.0 - 42_000.0 * share) as u16])
        });
        let part = Silhouette::find(&plane, 80.0 * 760.0, None).unwrap().swap_remove(0);
        (plane, part.light)
    }

    fn rims(plane: &Plane, light: &LightModel, relief: Relief) -> Vec<Edge> {
        let place = |k: u32| {
            let (p, normal) = (Point::new(100.3, f64::from(40 + 4 * k)), Vector::new(1.0, 0.0));
            let probe = Probe { p, normal, curvature: 0.0, reach_px: 8.0, half_length_px: 2.0, relief: Some(relief) };
            find_edge(plane, light, &probe).ok()
        };
        (0..180).filter_map(place).collect()
    }

    /// Beside a narrow dark shadow a rim is told by what is known of shadow and blur. Weighed as if the pixels were clean, that counted too little in a noisy
    /// picture, and single rims went to the shadow's border.
    #[test]
    fn the_noisier_the_picture_the_more_counts_what_is_known() {
        let strip = Strip { width_px: 2.0, soft_px: 0.6, depth: 0.6 };
        let levels = Levels::new([0.0, 1.0, 1.0, 0.6, 100.0, 1.9], 0.0, Some(&strip));
        let (plane, light) = picture(|x| levels.at(x).value, 0.05);
        let edges = rims(&plane, &light, Relief { blur_px: Some(1.9), ..Relief::new(0.0, strip) });
        let pulls = edges.iter().map(|e| (e.p.x - 100.0).abs() / libm::hypot(e.u_px, e.shade_px[0]));
        let far = pulls.filter(|pull| *pull > 3.0).count();
        let worst = edges.iter().map(|e| (e.p.x - 100.0).abs()).fold(0.0, f64::max);
        println!("{} rims, {far} beyond 3 u, worst {worst:.2} px", edges.len());
        assert!(
            edges.len() > 170 && far <= 2 && worst < 0.45,
            "{} rims, {far} beyond 3 u, worst {worst} px",
            edges.len()
        );
    }

    /// The other side of a narrow slot stays out of the window, also when this rim lies nearer to it than drawn.
    #[test]
    fn the_window_ends_before_the_other_side() {
        let across = |x: f64, from: f64| Levels::new([0.0, 1.0, 1.0, 0.0, from, 1.2], 0.0, None).at(x).value;
        let (plane, light) = picture(|x| across(x, 102.3) + 1.0 - across(x, 107.5), 0.002);
        let relief = Relief { room_px: 7.2 - 2.0 * 1.2, blur_px: Some(1.2), ..Relief::new(0.0, Strip::default()) };
        let edges = rims(&plane, &light, relief);
        let mean = edges.iter().map(|e| e.p.x - 102.3).sum::<f64>() / edges.len() as f64;
        println!("{} rims, off by {mean:+.3} px", edges.len());
        assert!(edges.len() > 170 && mean.abs() < 0.05, "{} rims, off by {mean} px", edges.len());
    }

    /// The strip of light before the other side's shadow ends where that falls, not so many pixels from this rim: both sides may be off.
    #[test]
    fn a_strip_of_light_does_not_move_with_the_rim() {
        let (depth, blur) = (0.6, 1.9);
        // The rim lies 1.4 px farther out than drawn, and the other side's shadow 0.3 px nearer.
        let lit = Strip { width_px: 7.0, soft_px: 1.0, depth: -depth };
        let levels = Levels::new([depth, 1.0 - depth, 1.0 - depth, -depth, 101.7, blur], 0.0, Some(&lit));
        let (plane, light) = picture(|x| levels.at(x).value, 0.002);
        let drawn = Strip { width_px: 8.7, ..lit };
        let relief = Relief { floor: depth, blur_px: Some(blur), u_other_px: 0.4, ..Relief::new(0.0, drawn) };
        let edges = rims(&plane, &light, relief);
        let mean = edges.iter().map(|e| e.p.x - 101.7).sum::<f64>() / edges.len() as f64;
        println!("{} rims, off by {mean:+.3} px", edges.len());
        assert!(edges.len() > 170 && mean.abs() < 0.012, "{} rims, off by {mean} px", edges.len());
    }
}
