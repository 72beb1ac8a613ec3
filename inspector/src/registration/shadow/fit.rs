//! One fit of the shadow and of every place beside it.
//!
//! Each place has levels and an edge of its own, and the pose is free beside them, so neither a pose nor a size that is off is taken for shadow; fall, softness,
//! depth, blur and pose are everybody's. The places' own unknowns are eliminated from the normal equations one place at a time (Schur complement, as in bundle adjustment: Triggs et al.
//! 2000, doi:10.1007/3-540-44480-7_21).

use super::{BLUR_PX, Place, Shadow, by_shift};
use crate::calibration::{Plane, World};
use crate::geometry::{
    NormalEquations, PlaneMm, Point, Vector, cholesky, inverse_symmetric, median, scatter, solve_robust,
    solve_symmetric,
};
use crate::measure::edge::{Probe, crossing};
use crate::measure::levels::{Levels, Light, NOISE};
use crate::measure::{LightModel, Relief, Sample, Strip, Walls};
use rayon::prelude::*;

/// Unknowns of the shadow: fall (x, y) and softness, mm; depth; blur, px; spread of the fall over the part.
pub(super) const GLOBALS: usize = 6;
/// Unknowns of a place: sheet, face - sheet, wall - sheet, shift (px).
const LOCALS: usize = 4;
/// Unknowns of the pose: shift (x, y) and turn, each in mm that the farther edges move by.
const POSE: usize = 3;
/// What all places share: shadow, then pose.
const SHARED: usize = GLOBALS + POSE;
/// All together, the place's own first.
const ALL: usize = LOCALS + SHARED;

/// The light across the contour at a place.
pub(super) struct Beside {
    pub(super) place: Place,
    pub(super) probe: Probe,
    /// Width of the wall, px; infinite when the face is not looked at.
    pub(super) wall_px: f64,
    pub(super) pixels: Vec<Sample>,
    /// See [`Relief::room_px`]; of shadows nothing is known yet.
    pub(super) room_px: f64,
    /// From the middle of all places, mm.
    pub(super) from_middle: Vector<PlaneMm>,
    /// How far its edge moves with each unknown of the pose, px per mm.
    pub(super) by_pose: [f64; POSE],
}

impl Beside {
    /// How far its edge moves with the pose, px.
    fn moved(&self, pose: &[f64]) -> f64 {
        self.by_pose.iter().zip(pose).map(|(by, p)| by * p).sum()
    }
}

/// A place's sheet and face are about 0 and 1, its wall as far from the face as walls are known to be, within this (that of walls apart); its edge is about where the drawing has it in this pose, within this, mm: a shadow as dark as the
/// part shows no step at the part's rim, and only the drawing tells the two apart.
const OWN_SPREAD: [f64; LOCALS - 1] = [0.05, 0.1, 0.1];
/// A wall so many times as wide as the blur shows its own light.
const WIDE_WALL: f64 = 2.5;
/// Fewer of them say nothing of the others.
const FEWEST_WALLS: usize = 6;
/// Walls that are lighter than the face by less, or darker, are one step with it however narrow they are: what they may be then covers what they are.
const LIGHT_WALLS: f64 = 0.1;
/// No wall's light is known better from others than this: each side has light of its own.
const U_WALLS: f64 = 0.15;
/// Fall in thicknesses, softness in thicknesses, depth, blur, spread in thicknesses: what lamps in workshops do, and within what (a desk lamp is 400 mm above the part);
/// pose: about what it was, within so many mm.
const USUAL: [f64; SHARED] = [0.0, 0.0, 0.12, 0.3, BLUR_PX, 0.0, 0.0, 0.0, 0.0];
const SPREAD: [f64; SHARED] = [1.0, 1.0, 0.2, 0.5, 1.0, 0.0025, 1.0, 1.0, 1.0];
/// Longest fall, in thicknesses: a lamp 18 degrees above the sheet.
const LONGEST: f64 = 3.0;
/// Neighbouring pixels share JPEG, sharpening and texture: the places say less than their count by this factor of variance.
const ALIKE: f64 = 4.0;
/// An edge is looked for this far from the pose at the start, px and mm.
const REACH: (f64, f64) = (7.0, 1.0);
/// What edges are off as found there, px.
const EDGE_PX: f64 = 0.5;
/// A place whose pixels are farther from the levels than this, in the middle of all places, shows something else.
const ELSE: f64 = 3.0;

/// Fits the shadow, from every side and from what was found `before` in another pose; `None` when nothing fits.
pub(super) fn fit(
    plane: &Plane,
    light: &LightModel,
    world: &World,
    mut all: Vec<Beside>,
    before: Option<&Shadow>,
) -> Option<Shadow> {
    let middle = lever(&mut all);
    let few: Vec<&Beside> = all.iter().step_by(all.len().div_ceil(FEW).max(1)).collect();
    let starts = starts(world, &few, middle, before);
    let walls = before.map_or(Walls::UNSEEN, |shadow| shadow.walls);
    let tried: Vec<Fit<'_>> =
        starts.par_iter().map(|g| Fit::start(plane, light, world, &few, *g, walls).settled(8)).collect();
    let best = tried.into_iter().min_by(|a, b| a.cost.total_cmp(&b.cost))?;
    let every: Vec<&Beside> = all.iter().collect();
    let fit = Fit::start(plane, light, world, &every, best.globals(), walls).settled(6).without_others().settled(10);
    fit.shadow(middle)
}

/// Says of each place how its edge moves with the pose, turned about the middle of all; gives that.
fn lever(all: &mut [Beside]) -> Point<PlaneMm> {
    let n = all.len() as f64;
    let (x, y) = all.iter().fold((0.0, 0.0), |(x, y), b| (x + b.place.p.x / n, y + b.place.p.y / n));
    let middle = Point::new(x, y);
    let reach = all.iter().fold(f64::MIN_POSITIVE, |r, b| b.place.p.distance(middle).max(r));
    for b in all {
        let (normal, scale) = (b.place.normal, b.place.sight.look.px_per_mm);
        b.from_middle = b.place.p - middle;
        b.by_pose = [normal.x, normal.y, (b.place.p - middle).cross(normal) / reach].map(|v| v * scale);
    }
    middle
}

/// Places on which the starts are tried.
const FEW: usize = 75;

/// Least depth of a start: a faint shadow is found from a dark one, but a dark one that was taken for the part is not found from a faint one.
const START: f64 = 0.3;
/// Of the tries in an eighth, the one for a shadow as dark as the part.
const DARK: usize = 1;

/// One start in each eighth of the compass: the fall and depth that explain the sheet beside the nominal rim best. For the first fit another in each, of a shadow
/// as dark as the part: part and shadow together were then taken for the part, and beside it there is nothing to explain.
fn starts(world: &World, few: &[&Beside], middle: Point<PlaneMm>, before: Option<&Shadow>) -> Vec<[f64; GLOBALS]> {
    let h = world.thickness_mm;
    let [_, _, soft, _, blur, spread, ..] = USUAL;
    let tries = (0..16).flat_map(|turn| {
        let (sin, cos) = libm::sincos(f64::from(turn) * std::f64::consts::FRAC_PI_8);
        [0.35, 0.7, 1.2, 1.8].map(|length| [cos * length * h, sin * length * h, soft * h, 1.0, blur, spread * h])
    });
    let tries: Vec<[f64; GLOBALS]> = tries.collect();
    let judged: Vec<(f64, f64)> = tries.par_iter().map(|g| judge(world, few, g)).collect();
    let eighth = |k: usize| {
        let best = (8 * k..8 * (k + 1)).min_by(|a, b| judged[*a].0.total_cmp(&judged[*b].0))?;
        let [x, y, soft, _, blur, spread] = tries[best];
        Some([x, y, soft, judged[best].1.clamp(START, 1.0), blur, spread])
    };
    let mut starts: Vec<[f64; GLOBALS]> = (0..8).filter_map(eighth).collect();
    match before {
        Some(s) => {
            let fall = s.fall_at(middle);
            starts.push([fall.x, fall.y, s.soft_mm, s.depth, s.blur_px, s.spread]);
        }
        None => starts.extend((0..8).map(|k| tries[8 * k + DARK])),
    }
    starts
}

/// The squares that a guess leaves on the sheet, and the depth that fits it best (it enters linearly).
fn judge(world: &World, few: &[&Beside], g: &[f64; GLOBALS]) -> (f64, f64) {
    let (mut rr, mut rs, mut ss) = (0.0, 0.0, 0.0);
    for b in few {
        let strip = strip(world, b, g);
        let levels = Levels::new([0.0, 1.0, 1.0, 1.0, 0.0, g[4]], f64::INFINITY, Some(&strip));
        for (d, value) in b.pixels.iter().filter(|(d, _)| *d > 1.5) {
            let light = levels.at(*d);
            let (share, rest) = (light.by[3], value.clamp(-0.5, 1.2) - light.by[2]);
            rr += rest * rest;
            rs += rest * share;
            ss += share * share;
        }
    }
    let depth = if ss > 0.0 { (rs / ss).clamp(0.0, 1.0) } else { 0.0 };
    (rr - 2.0 * depth * rs + depth * depth * ss, depth)
}

/// Where a shadow falls beside a place.
fn fall(b: &Beside, [x, y, _, _, _, spread]: &[f64; GLOBALS]) -> Vector<PlaneMm> {
    Vector::new(*x, *y) + b.from_middle * *spread
}

/// The strip that a shadow throws beside a place.
fn strip(world: &World, b: &Beside, g: &[f64; GLOBALS]) -> Strip {
    super::strip(fall(b, g), g[2], g[3], world, &b.place)
}

/// A step of the fit: each place's own unknowns, the shared ones, and their matrix with the places' own eliminated.
struct Step {
    own: Vec<[f64; LOCALS]>,
    shared: [f64; SHARED],
    matrix: [[f64; SHARED]; SHARED],
}

/// Normal equations of one place.
type Equations = NormalEquations<ALL>;

/// The fit as it stands.
struct Fit<'a> {
    world: &'a World,
    /// How light walls are, before these are seen.
    walls: Walls,
    beside: Vec<&'a Beside>,
    locals: Vec<[f64; LOCALS]>,
    shared: [f64; SHARED],
    cost: f64,
    damping: f64,
    system: Vec<Equations>,
}

impl<'a> Fit<'a> {
    /// The pose as most edges have it with this shadow, and each edge where the row of levels fits best; where none is seen, where the drawing has it.
    fn start(
        plane: &Plane,
        light: &LightModel,
        world: &'a World,
        places: &[&'a Beside],
        globals: [f64; GLOBALS],
        walls: Walls,
    ) -> Self {
        let shift = |b: &&Beside| {
            let wall_px = b.place.sight.wall_px.unwrap_or(0.0);
            let relief = Relief { room_px: b.room_px, walls, ..Relief::new(wall_px, strip(world, b, &globals)) };
            let reach_px = REACH.0.max(REACH.1 * b.place.sight.look.px_per_mm);
            crossing(plane, light, &Probe { reach_px, relief: Some(relief), ..b.probe }).ok()
        };
        let shifts: Vec<Option<f64>> = places.par_iter().map(shift).collect();
        let seen: Vec<([f64; POSE], f64)> =
            places.iter().zip(&shifts).filter_map(|(b, shift)| Some((b.by_pose, (*shift)?))).collect();
        let pose = solve_robust(&seen, EDGE_PX).map_or([0.0; POSE], |(pose, _)| pose);
        let own = |(b, shift): (&&Beside, &Option<f64>)| {
            [0.0, 1.0, 1.0 - walls.lighter, shift.map_or(0.0, |shift| shift - b.moved(&pose))]
        };
        let locals = places.iter().zip(&shifts).map(own).collect();
        let mut shared = [0.0; SHARED];
        shared[..GLOBALS].copy_from_slice(&globals);
        shared[GLOBALS..].copy_from_slice(&pose);
        let fit = Self {
            world,
            walls,
            beside: places.to_vec(),
            locals,
            shared,
            cost: 0.0,
            damping: 1e-2,
            system: Vec::new(),
        };
        fit.evaluated()
    }

    /// Fall, softness, depth and blur.
    fn globals(&self) -> [f64; GLOBALS] {
        std::array::from_fn(|k| self.shared[k])
    }

    /// With the equations of where it stands.
    fn evaluated(mut self) -> Self {
        self.system = self.equations(&self.locals, &self.shared);
        self.cost = self.total(&self.system, &self.shared);
        self
    }

    fn pixels(&self) -> usize {
        self.beside.iter().map(|b| b.pixels.len()).sum()
    }

    fn equations(&self, locals: &[[f64; LOCALS]], shared: &[f64; SHARED]) -> Vec<Equations> {
        self.beside.par_iter().zip(locals).map(|(b, l)| equations(self.world, self.walls, b, l, shared)).collect()
    }

    fn total(&self, system: &[Equations], shared: &[f64; SHARED]) -> f64 {
        let known: f64 = self.known(shared).iter().map(|(weight, r)| weight * r * r).sum();
        known + system.iter().map(|e| e.squares).sum::<f64>()
    }

    /// Weight of what is usual, and how far the unknowns are from it.
    fn known(&self, shared: &[f64; SHARED]) -> [(f64, f64); SHARED] {
        let h = self.world.thickness_mm;
        std::array::from_fn(|k| {
            let unit = if matches!(k, 0..3 | 5) { h } else { 1.0 };
            let weight = NOISE / (SPREAD[k] * unit);
            (weight * weight, USUAL[k] * unit - shared[k])
        })
    }

    /// The next step of Levenberg-Marquardt; `None` where an unknown is left open.
    fn step(&self, damping: f64) -> Option<Step> {
        let (mut matrix, mut right) = ([[0.0; SHARED]; SHARED], [0.0; SHARED]);
        for (k, (weight, r)) in self.known(&self.shared).into_iter().enumerate() {
            matrix[k][k] += weight;
            right[k] += weight * r;
        }
        let reduced: Vec<Reduced> = self.system.iter().map(|e| Reduced::of(e, damping)).collect::<Option<_>>()?;
        for r in &reduced {
            for i in 0..SHARED {
                right[i] += r.right[i];
                for j in 0..SHARED {
                    matrix[i][j] += r.matrix[i][j];
                }
            }
        }
        let mut damped = matrix;
        (0..SHARED).for_each(|k| damped[k][k] *= 1.0 + damping);
        let shared = solve_symmetric(damped, right)?;
        let own = |r: &Reduced| {
            std::array::from_fn(|i| r.own[i] - (0..SHARED).map(|k| r.follows[k][i] * shared[k]).sum::<f64>())
        };
        Some(Step { own: reduced.iter().map(own).collect(), shared, matrix })
    }

    /// A number of Levenberg-Marquardt's steps on.
    fn settled(mut self, steps: usize) -> Self {
        let h = self.world.thickness_mm;
        for _ in 0..steps {
            let Some(Step { own, shared: step, .. }) = self.step(self.damping) else { break };
            let mut shared: [f64; SHARED] = std::array::from_fn(|k| self.shared[k] + step[k]);
            let length = (shared[0] * shared[0] + shared[1] * shared[1]).sqrt();
            let shorter = (LONGEST * h / length).min(1.0);
            (shared[0], shared[1]) = (shared[0] * shorter, shared[1] * shorter);
            shared[2] = shared[2].clamp(0.0, h);
            // Without depth nothing would say where to go on.
            shared[3] = shared[3].clamp(0.3 * self.shared[3], 1.2);
            shared[4] = shared[4].clamp(0.3, 5.0);
            let locals: Vec<[f64; LOCALS]> =
                self.locals.iter().zip(&own).map(|(l, s)| std::array::from_fn(|i| l[i] + s[i])).collect();
            let system = self.equations(&locals, &shared);
            let cost = self.total(&system, &shared);
            if cost <= self.cost {
                let settled = cost > self.cost * (1.0 - 1e-5);
                (self.locals, self.shared, self.system, self.cost) = (locals, shared, system, cost);
                self.damping *= 0.2;
                if settled {
                    break;
                }
            } else {
                self.damping *= 10.0;
                if self.damping > 1e6 {
                    break;
                }
            }
        }
        self
    }

    /// Without places that show something else: a burr, a speck, print.
    fn without_others(self) -> Self {
        let rms = |i: usize| (self.system[i].squares / self.beside[i].pixels.len() as f64).sqrt();
        let mut all: Vec<f64> = (0..self.beside.len()).map(rms).collect();
        all.sort_by(f64::total_cmp);
        let most = ELSE * all[all.len() / 2];
        let kept: Vec<usize> = (0..self.beside.len()).filter(|i| rms(*i) <= most).collect();
        let beside = kept.iter().map(|i| self.beside[*i]).collect();
        let locals = kept.iter().map(|i| self.locals[*i]).collect();
        Self { beside, locals, ..self }.evaluated()
    }

    /// What was found, with what is not known of it.
    fn shadow(&self, about: Point<PlaneMm>) -> Option<Shadow> {
        let matrix = self.step(0.0)?.matrix;
        let rest = self.pixels() as f64 - (LOCALS * self.beside.len()) as f64;
        let variance = (self.cost / rest.max(1.0)).max(NOISE * NOISE) * ALIKE;
        let covariance = inverse_symmetric(matrix)?.map(|row| row.map(|v| v * variance));
        let of_shadow: [[f64; GLOBALS]; GLOBALS] = std::array::from_fn(|i| std::array::from_fn(|j| covariance[i][j]));
        let root = cholesky(&of_shadow);
        let unknown = std::array::from_fn(|k| std::array::from_fn(|i| root[i][k]));
        let [x, y, soft_mm, depth, blur_px, spread] = self.globals();
        Some(Shadow {
            fall: Vector::<PlaneMm>::new(x, y),
            spread,
            about,
            soft_mm,
            depth,
            blur_px,
            walls: self.seen_walls(),
            unknown,
        })
    }

    /// The light of the walls that are wide enough to show it; narrow ones, lost in the blur, are taken to be alike.
    fn seen_walls(&self) -> Walls {
        let wide = self.beside.iter().zip(&self.locals).filter(|(b, _)| b.wall_px >= WIDE_WALL * self.globals()[4]);
        let mut lighter: Vec<f64> = wide.map(|(_, own)| own[1] - own[2]).collect();
        if lighter.len() < FEWEST_WALLS {
            return Walls::UNSEEN;
        }
        let Some(middle) = median(&mut lighter).filter(|middle| *middle >= LIGHT_WALLS) else { return Walls::UNSEEN };
        let off: Vec<f64> = lighter.iter().map(|l| l - middle).collect();
        let u = libm::hypot(U_WALLS, scatter(&off, &vec![1.0; off.len()])).min(Walls::UNSEEN.u);
        Walls { lighter: middle, u }
    }
}

/// One place's equations without its own unknowns; of the matrix, the lower half.
struct Reduced {
    matrix: [[f64; SHARED]; SHARED],
    right: [f64; SHARED],
    /// Its own step when the shared unknowns stay, and how that follows each of them.
    own: [f64; LOCALS],
    follows: [[f64; LOCALS]; SHARED],
}

impl Reduced {
    fn of(Equations { normal: a, right: b, .. }: &Equations, damping: f64) -> Option<Self> {
        let mut own_matrix: [[f64; LOCALS]; LOCALS] = std::array::from_fn(|i| std::array::from_fn(|j| a[i][j]));
        (0..LOCALS).for_each(|i| own_matrix[i][i] *= 1.0 + damping);
        let own = solve_symmetric(own_matrix, std::array::from_fn(|i| b[i]))?;
        let mut follows = [[0.0; LOCALS]; SHARED];
        for (k, f) in follows.iter_mut().enumerate() {
            *f = solve_symmetric(own_matrix, std::array::from_fn(|i| a[LOCALS + k][i]))?;
        }
        let along = |k: usize, v: &[f64; LOCALS]| (0..LOCALS).map(|i| a[LOCALS + k][i] * v[i]).sum::<f64>();
        let left = |i: usize, j: usize| a[LOCALS + i][LOCALS + j] - along(i, &follows[j]);
        let matrix = std::array::from_fn(|i| std::array::from_fn(|j| if j <= i { left(i, j) } else { 0.0 }));
        let right = std::array::from_fn(|i| b[LOCALS + i] - along(i, &own));
        Some(Self { matrix, right, own, follows })
    }
}

/// Normal equations of a place.
fn equations(world: &World, walls: Walls, b: &Beside, own: &[f64; LOCALS], shared: &[f64; SHARED]) -> Equations {
    let mut seen = NormalEquations::<{ LOCALS + GLOBALS }>::new();
    let scale = b.place.sight.look.px_per_mm;
    let g: [f64; GLOBALS] = std::array::from_fn(|k| shared[k]);
    let strip = strip(world, b, &g);
    let by_fall = by_shift(fall(b, &g), b.place.normal, b.place.curvature) * scale;
    let shift = own[3] + b.moved(&shared[GLOBALS..]);
    let levels = Levels::new([own[0], own[1], own[2], g[3], shift, g[4]], b.wall_px, Some(&strip));
    for (d, value) in &b.pixels {
        let Light { value: expected, by, by_width: width, by_soft } = levels.at(*d);
        let row = [
            by[0],
            by[1],
            by[2],
            by[4],
            width * by_fall.x,
            width * by_fall.y,
            by_soft * scale,
            by[3],
            by[5],
            width * by_fall.dot(b.from_middle),
        ];
        seen.add(&row, value - expected, 1.0);
    }
    let mut sums = with_pose(&seen, &b.by_pose);
    let about = [0.0, 1.0, own[1] - walls.lighter, 0.0];
    let spread = [OWN_SPREAD[0], OWN_SPREAD[1], walls.u, OWN_SPREAD[2]];
    for i in 0..LOCALS {
        let weight = NOISE / (spread[i] * if i == 3 { scale } else { 1.0 });
        let mut unit = [0.0; ALL];
        unit[i] = 1.0;
        sums.add(&unit, about[i] - own[i], weight * weight);
    }
    sums
}

/// With the pose among the unknowns: it moves the edge as the place's own shift does, each of its unknowns by so much.
fn with_pose(seen: &NormalEquations<{ LOCALS + GLOBALS }>, by_pose: &[f64; POSE]) -> Equations {
    // Which of the unknowns that the pixels were told of, and how much of it.
    let of = |k: usize| if k < LOCALS + GLOBALS { (k, 1.0) } else { (3, by_pose[k - LOCALS - GLOBALS]) };
    let mut all = Equations { squares: seen.squares, ..Equations::new() };
    for i in 0..ALL {
        let (row, by) = of(i);
        all.right[i] = by * seen.right[row];
        for j in 0..=i {
            let (column, also) = of(j);
            all.normal[i][j] = by * also * seen.normal[row.max(column)][row.min(column)];
        }
    }
    all
}
