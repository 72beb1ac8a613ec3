//! A rendered bench with a camera over it: what lies there, and whether a hand is in the picture, is known exactly.

use image::GrayImage;
use inspector::calibration::Tone;
use inspector::design::Design;
use inspector::geometry::{Angle, ImagePx, Vector};
use inspector::photo::Picture;
use inspector::synth::{Illumination, Paint, Scene, Seeded, Shadow, parts};
use station::camera::Glance;
use std::f64::consts::TAU;

const W: u32 = 192;
const H: u32 = 144;

/// Linear light of a still view.
pub(super) type Light = Vec<f32>;

/// A part and how it lies.
#[derive(Clone)]
pub(super) struct Part {
    design: Design,
    mm_per_px: f64,
    turn: Angle,
    shift: Vector<ImagePx>,
    paint: f64,
}

/// A bench with a camera over it.
pub(super) struct Bench {
    pub(super) random: Seeded,
    scene: Scene,
    pub(super) table: Light,
    /// Seconds since the start.
    pub(super) t: f64,
    noise: f64,
    flicker: (f64, f64),
    bands: (f64, f64),
    pub(super) drift: (f64, f64),
    pub(super) side: f64,
    exposure: f64,
    /// The camera's tone curve.
    codes: Vec<f64>,
    pub(super) aim: f64,
    pub(super) trouble: Option<Trouble>,
}

/// What a bench in a corner of a workshop has beside that.
pub(super) struct Trouble {
    random: Seeded,
    /// Noise of the sensor, in light: before the tone curve, which makes it strongest in the dark.
    read: f64,
    shot: f64,
    /// Wood grain: strength, stripes over the picture, direction.
    grain: (f64, f64, f64),
    /// Automatic exposure brings the mean of the picture to where the empty table's was, in this time constant, s.
    slow: f64,
    /// Light of the hand, where the table without its grain returns 1, and depth of its shadow.
    hand: (f64, f64),
    /// The table without its grain.
    plain: Light,
    /// The room's lamps, and when they are switched next.
    lamp: f64,
    switched: f64,
    /// Somebody passes between window and bench: when, and how dark it gets.
    passer: (f64, f64),
}

fn light(picture: &Picture) -> Light {
    let Picture::Grey(grey) = picture else { panic!("grey surfaces make a grey picture") };
    grey.as_raw().iter().map(|c| f32::from(*c) / 255.0).collect()
}

fn mean(light: &Light) -> f64 {
    light.iter().map(|l| f64::from(*l)).sum::<f64>() / light.len() as f64
}

impl Bench {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Seeded::new(seed, 7);
        let bright = random.below(3) > 0;
        let ground = if bright { random.between(0.35, 0.8) } else { random.between(0.02, 0.08) };
        let mottle = random.between(0.0, 0.06);
        let mut either_way = |range: f64| random.between(-range, range);
        let scene = Scene {
            background: Paint::grey(ground).mottled(mottle, 9.0),
            illumination: Illumination { right: either_way(0.25), down: either_way(0.25), falloff: 0.2 },
            tone: Tone::Linear,
            shadow: Some(Shadow { depth: 0.25, offset_px: Vector::new(2.0, 3.0), blur_px: 2.0 }),
            blur_px: 0.6,
            seed,
            ..Scene::new(&parts::bracket(), W, H, 1.0)
        };
        let nothing = Design { contours: Vec::new(), features: Vec::new(), ..parts::bracket() };
        let table = light(&scene.render(&nothing));
        Self {
            table,
            scene,
            t: 0.0,
            noise: random.between(0.5, 2.5),
            flicker: (random.between(0.0, 0.12), random.between(0.3, 25.0)),
            bands: (random.between(0.0, 0.08), random.between(1.0, 4.0)),
            drift: (random.between(-0.3, 0.3), random.between(20.0, 60.0)),
            side: random.between(-0.3, 0.3),
            exposure: 1.0,
            codes: (0..4096).map(|i| 255.0 * (f64::from(i) / 4095.0).powf(1.0 / 2.2)).collect(),
            aim: 1.0,
            random,
            trouble: None,
        }
    }

    /// With wood grain, a poor sensor, an exposure that follows the parts, lamps that are switched, people that pass by.
    pub(super) fn troubled(seed: u64) -> Self {
        let mut random = Seeded::new(seed, 8);
        let mut bench = Self::new(seed);
        // A hand that returns the very light of the table is not seen: the watcher's honest scope says so.
        let ground = bench.scene.background.rgb[0];
        let skin = std::iter::repeat_with(|| random.between(0.03, 0.6)).find(|skin| (skin / ground).ln().abs() > 0.4);
        let skin = skin.expect("an endless iterator ends when it has found one");
        let grain = (random.between(0.0, 0.12), random.between(2.0, 12.0), random.between(0.0, TAU));
        let trouble = Trouble {
            read: random.between(0.0, 0.004),
            shot: random.between(0.0, 4e-4),
            grain,
            slow: random.between(0.2, 1.5),
            hand: (skin / ground, random.between(0.0, 0.4)),
            plain: bench.table.clone(),
            lamp: 1.0,
            switched: random.between(10.0, 40.0),
            passer: (random.between(5.0, 30.0), random.between(0.05, 0.25)),
            random,
        };
        bench.trouble = Some(trouble);
        bench.table = bench.grain(&bench.table);
        bench
    }

    /// Wood grain wherever `view` shows the table.
    fn grain(&self, view: &Light) -> Light {
        let Some(Trouble { grain: (depth, stripes, angle), plain, .. }) = &self.trouble else { return view.clone() };
        let (sin, cos) = angle.sin_cos();
        let stripe = |i: usize| {
            let (x, y) = ((i % W as usize) as f64 / f64::from(W), (i / W as usize) as f64 / f64::from(W));
            let (along, across) = (x * cos + y * sin, y * cos - x * sin);
            1.0 + depth * ((across * stripes + 0.3 * (along * 5.0).sin()) * TAU).sin()
        };
        let is_table = |i: usize| (0.74..=1.01).contains(&(view[i] / plain[i].max(1e-3)));
        let grained = |i: usize| if is_table(i) { view[i] * stripe(i) as f32 } else { view[i] };
        (0..view.len()).map(grained).collect()
    }

    /// One of five kinds of part, anywhere, any way round, darker or brighter than the table.
    pub(super) fn part(&mut self) -> Part {
        let designs = [parts::visor(), parts::frame(), parts::bracket(), parts::spacer(), parts::disc(40.0)];
        let design = designs[self.random.below(designs.len())].clone();
        let (w, h, _) = parts::extent(&design);
        let share = self.random.between(0.2, 0.7);
        let mm_per_px = (w / (share * f64::from(W))).max(h / (0.8 * f64::from(H)));
        // Turned any way, it fits with some room to the border.
        let mm_per_px = mm_per_px.max(w.hypot(h) / (f64::from(H) - 28.0));
        let turn = Angle::from_degrees(self.random.between(0.0, 360.0));
        let half = 0.5 * w.hypot(h) / mm_per_px;
        let room = |side: u32| (0.5 * f64::from(side) - half - 14.0).max(0.0);
        let shift = Vector::new(self.random.between(-1.0, 1.0) * room(W), self.random.between(-1.0, 1.0) * room(H));
        let ground = self.scene.background.rgb[0];
        let paint = if ground > 0.2 { ground * self.random.between(0.05, 0.7) } else { self.random.between(0.15, 0.8) };
        Part { design, mm_per_px, turn, shift, paint }
    }

    /// The part as it lies after a push.
    pub(super) fn pushed(&mut self, part: &Part) -> Part {
        let mut by = |most: f64| self.random.between(-most, most);
        let shift = Vector::new(part.shift.x + by(8.0), part.shift.y + by(8.0));
        Part { shift, turn: Angle::from_degrees(part.turn.degrees() + by(10.0)), ..part.clone() }
    }

    /// The view with a part.
    pub(super) fn with(&self, part: &Part) -> Light {
        let scene = Scene { part: Paint::grey(part.paint).mottled(0.03, 5.0), ..self.scene.clone() };
        self.grain(&light(&scene.placed(&part.design, part.mm_per_px, part.turn, part.shift).render(&part.design)))
    }

    /// A frame: the view under a hand that reaches `reach` (0: none, 1: to the middle and beyond), lit and exposed as it is now.
    pub(super) fn frame(&mut self, view: &Light, hand: Option<(f64, f64)>) -> Glance {
        let dt = self.random.between(0.17, 0.24);
        self.t += dt;
        let (lamp, slow) = self.room(view);
        // Automatic exposure goes to its aim in a second or so.
        self.exposure += (self.aim - self.exposure) * (dt / slow).min(1.0);
        let lamp = lamp * (1.0 + self.flicker.0 * (self.flicker.1 * self.t * TAU).sin());
        let day = 1.0 + self.drift.0 * (self.t / self.drift.1 * TAU).sin();
        let side = self.side * (self.t / self.drift.1 * 4.1).sin();
        let phase = self.random.unit();
        let hand =
            hand.map(|(angle, reach)| Hand { cos: angle.cos(), sin: angle.sin(), end: 125.0 * (1.0 - reach) - 10.0 });
        let skin = |i: usize| self.trouble.as_ref().map_or(0.3, |t| t.hand.0 * f64::from(t.plain[i]));
        let shade = self.trouble.as_ref().map_or(0.0, |t| t.hand.1);
        let (read, shot) = self.trouble.as_ref().map_or((0.0, 0.0), |t| (t.read, t.shot));
        // The soft shadow of somebody who passes, as wide as the picture.
        let (at, depth) = self.trouble.as_ref().map_or((0.0, 0.0), |t| (60.0 * (self.t - t.passer.0), t.passer.1));
        let shadow: Vec<f64> = (0..W).map(|x| 1.0 - depth * (-((f64::from(x) - at) / 70.0).powi(2)).exp()).collect();
        let mut out = GrayImage::new(W, H);
        for y in 0..H {
            let band = 1.0 + self.bands.0 * ((f64::from(y) / f64::from(H) * self.bands.1 + phase) * TAU).sin();
            for x in 0..W {
                let i = (y * W + x) as usize;
                let mut l = f64::from(view[i]);
                if let Some(hand) = &hand {
                    let distance = hand.distance(f64::from(x), f64::from(y));
                    l = if distance < 0.0 { skin(i) } else { l * (1.0 - shade * (1.0 - distance / 30.0).max(0.0)) };
                }
                let across = f64::from(x) / f64::from(W) - 0.5;
                let lit = l * shadow[x as usize] * lamp * day * band * (1.0 + side * across) * self.exposure;
                let lit =
                    if read > 0.0 { lit + (read * read + shot * lit).sqrt() * normal(&mut self.random) } else { lit };
                let code = self.codes[(lit.clamp(0.0, 1.0) * 4095.0) as usize] + self.noise * normal(&mut self.random);
                out.put_pixel(x, y, image::Luma([code.round().clamp(0.0, 255.0) as u8]));
            }
        }
        Glance::of_grey(&out)
    }

    /// What changes in a room with trouble: the lamps' light, and how slow the exposure is, which follows the view.
    fn room(&mut self, view: &Light) -> (f64, f64) {
        let Some(trouble) = &mut self.trouble else { return (1.0, 0.4) };
        if self.t > trouble.switched {
            trouble.lamp = trouble.random.between(0.6, 1.6);
            trouble.switched = self.t + trouble.random.between(10.0, 40.0);
        }
        if self.t > trouble.passer.0 + 8.0 {
            trouble.passer = (self.t + trouble.random.between(1.0, 30.0), trouble.random.between(0.05, 0.25));
        }
        self.aim = (mean(&self.table) / mean(view) / trouble.lamp).clamp(0.3, 3.0);
        (trouble.lamp, trouble.slow)
    }
}

/// Near enough normal, of standard deviation 1.
fn normal(random: &mut Seeded) -> f64 {
    let bits = random.bits();
    1.732 * ((0..4).map(|i| f64::from((bits >> (16 * i)) as u16)).sum::<f64>() / 65535.0 - 2.0)
}

/// An arm from the border towards the middle, with a round hand at its end.
struct Hand {
    cos: f64,
    sin: f64,
    end: f64,
}

impl Hand {
    /// From the hand's edge, px; negative inside.
    fn distance(&self, x: f64, y: f64) -> f64 {
        let (dx, dy) = (x - 0.5 * f64::from(W), y - 0.5 * f64::from(H));
        // Along: 0 in the middle, growing towards where the arm comes from.
        let (along, across) = (dx * self.cos + dy * self.sin, -dx * self.sin + dy * self.cos);
        let arm = if along > self.end { across.abs() - 15.0 } else { f64::INFINITY };
        arm.min((along - self.end).hypot(across) - 24.0)
    }
}
