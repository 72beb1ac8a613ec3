//! The automatic trigger on rendered sequences: each part that is put down is photographed once, while it lies still.
//!
//! The sequences have what workshops have: hands that bring, take, exchange and pass by; lamps that flicker, in rolling bands too; daylight
//! that changes and moves; automatic exposure; noise. What lies there, and when a hand is in the picture, is known exactly.

use image::GrayImage;
use inspector::calibration::Tone;
use inspector::design::Design;
use inspector::geometry::{Angle, Vector};
use inspector::photo::Picture;
use inspector::synth::{Illumination, Paint, Scene, Seeded, Shadow, parts};
use station::camera::{AutoConfig, Glance, Watcher, Watching};
use std::time::Duration;

const W: u32 = 192;
const H: u32 = 144;

/// So many more glances, about six seconds, the worker waits for a verdict: longer, and the part is missed.
const WAITS: usize = 30;

/// Linear light of a still view.
type Light = Vec<f32>;

/// Something that happens at the bench.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Put,
    Take,
    Exchange,
    /// A hand passes over whatever lies there.
    Pass,
    /// Nothing for a while.
    Rest,
}

/// A bench with a camera over it.
struct Bench {
    random: Seeded,
    scene: Scene,
    table: Light,
    /// Seconds since the start.
    t: f64,
    noise: f64,
    flicker: (f64, f64),
    bands: (f64, f64),
    drift: (f64, f64),
    side: f64,
    exposure: f64,
    /// The camera's tone curve.
    codes: Vec<f64>,
    aim: f64,
}

/// What happened in a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    puts: usize,
    shots: usize,
    doubles: usize,
    misses: usize,
    /// Without a part, or with a hand in the picture.
    wrong: usize,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.puts += other.puts;
        self.shots += other.shots;
        self.doubles += other.doubles;
        self.misses += other.misses;
        self.wrong += other.wrong;
    }
}

fn light(picture: &Picture) -> Light {
    let Picture::Grey(grey) = picture else { panic!("grey surfaces make a grey picture") };
    grey.as_raw().iter().map(|c| f32::from(*c) / 255.0).collect()
}

impl Bench {
    fn new(seed: u64) -> Self {
        let mut random = Seeded::new(seed, 7);
        let bright = random.below(3) > 0;
        let ground = if bright { random.between(0.35, 0.8) } else { random.between(0.02, 0.08) };
        let mottle = random.between(0.0, 0.06);
        let nothing = Design { contours: Vec::new(), features: Vec::new() };
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
        }
    }

    /// The view with a part: one of five kinds, anywhere, any way round, darker or brighter than the table.
    fn part(&mut self) -> Light {
        let designs = [parts::visor(), parts::frame(), parts::bracket(), parts::spacer(), parts::disc(40.0)];
        let design = &designs[self.random.below(designs.len())];
        let (w, h, _) = parts::extent(design);
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
        let scene = Scene { part: Paint::grey(paint).mottled(0.03, 5.0), ..self.scene.clone() };
        light(&scene.placed(design, mm_per_px, turn, shift).render(design))
    }

    /// A frame: the view under a hand that reaches `reach` (0: none, 1: to the middle and beyond), lit and exposed as it is now.
    fn frame(&mut self, view: &Light, hand: Option<(f64, f64)>) -> Glance {
        let dt = self.random.between(0.17, 0.24);
        self.t += dt;
        // Automatic exposure goes to its aim in a second or so.
        self.exposure += (self.aim - self.exposure) * (dt / 0.4).min(1.0);
        let lamp = 1.0 + self.flicker.0 * (self.flicker.1 * self.t * std::f64::consts::TAU).sin();
        let day = 1.0 + self.drift.0 * (self.t / self.drift.1 * std::f64::consts::TAU).sin();
        let side = self.side * (self.t / self.drift.1 * 4.1).sin();
        let phase = self.random.unit();
        let hand =
            hand.map(|(angle, reach)| Hand { cos: angle.cos(), sin: angle.sin(), end: 125.0 * (1.0 - reach) - 10.0 });
        let mut out = GrayImage::new(W, H);
        for y in 0..H {
            let band = 1.0
                + self.bands.0 * ((f64::from(y) / f64::from(H) * self.bands.1 + phase) * std::f64::consts::TAU).sin();
            for x in 0..W {
                let mut l = f64::from(view[(y * W + x) as usize]);
                if hand.as_ref().is_some_and(|hand| hand.covers(f64::from(x), f64::from(y))) {
                    l = 0.3;
                }
                let across = f64::from(x) / f64::from(W) - 0.5;
                let lit = l * lamp * day * band * (1.0 + side * across) * self.exposure;
                let bits = self.random.bits();
                let normal = (0..4).map(|i| f64::from((bits >> (16 * i)) as u16)).sum::<f64>() / 65535.0 - 2.0;
                let code = self.codes[(lit.clamp(0.0, 1.0) * 4095.0) as usize] + self.noise * 1.732 * normal;
                out.put_pixel(x, y, image::Luma([code.round().clamp(0.0, 255.0) as u8]));
            }
        }
        Glance::of_grey(&out)
    }
}

/// An arm from the border towards the middle, with a round hand at its end.
struct Hand {
    cos: f64,
    sin: f64,
    end: f64,
}

impl Hand {
    fn covers(&self, x: f64, y: f64) -> bool {
        let (dx, dy) = (x - 0.5 * f64::from(W), y - 0.5 * f64::from(H));
        // Along: 0 in the middle, growing towards where the arm comes from.
        let (along, across) = (dx * self.cos + dy * self.sin, -dx * self.sin + dy * self.cos);
        (along > self.end && across.abs() < 15.0) || (along - self.end).hypot(across) < 24.0
    }
}

/// Plays a sequence and counts.
fn play(seed: u64) -> Count {
    let mut bench = Bench::new(seed);
    let mut watcher = Watcher::new(AutoConfig::default());
    let mut count = Count::default();
    let mut lying: Option<Light> = None;
    let mut shots_of_this = 0;
    for _ in 0..10 {
        look(&mut bench, &mut watcher, &mut count, &lying, None, &mut shots_of_this);
    }
    assert_eq!(watcher.watching(), Watching::Empty, "seed {seed}: the empty table is not learnt after two seconds");
    let mut acts = vec![Act::Put];
    for _ in 0..8 {
        let lies = acts.iter().fold(false, |lies, act| match act {
            Act::Put | Act::Exchange => true,
            Act::Take => false,
            _ => lies,
        });
        let choice = bench.random.below(4);
        acts.push(match (lies, choice) {
            (false, 0 | 1) => Act::Put,
            (true, 0) => Act::Take,
            (true, 1) => Act::Exchange,
            (_, 2) => Act::Pass,
            _ => Act::Rest,
        });
    }
    for act in acts {
        let rest = 8 + bench.random.below(20);
        if act != Act::Rest {
            let after = match act {
                Act::Put | Act::Exchange => Some(bench.part()),
                Act::Take => None,
                _ => lying.clone(),
            };
            hand(&mut bench, &mut watcher, &mut count, &mut lying, after, &mut shots_of_this, act);
        }
        for i in 0..rest + WAITS {
            // Whoever put a part down waits for its verdict before the next hand comes.
            if i >= rest && (lying.is_none() || shots_of_this > 0) {
                break;
            }
            look(&mut bench, &mut watcher, &mut count, &lying, None, &mut shots_of_this);
        }
    }
    if lying.is_some() {
        settle(&mut count, shots_of_this);
    }
    count
}

/// A hand comes, changes what lies there (or not), and goes.
fn hand(
    bench: &mut Bench,
    watcher: &mut Watcher,
    count: &mut Count,
    lying: &mut Option<Light>,
    after: Option<Light>,
    shots: &mut usize,
    act: Act,
) {
    let angle = bench.random.between(0.0, std::f64::consts::TAU);
    let way = 3 + bench.random.below(5);
    for i in 1..=way {
        look(bench, watcher, count, lying, Some((angle, i as f64 / way as f64)), shots);
    }
    if act != Act::Pass {
        if lying.is_some() {
            settle(count, *shots);
        }
        *lying = after;
        *shots = 0;
        if lying.is_some() {
            count.puts += 1;
        }
        // What lies there changes what the automatic exposure aims at.
        bench.aim = bench.random.between(0.7, 1.4);
    }
    for i in (0..way).rev() {
        let reach = i as f64 / way as f64;
        look(bench, watcher, count, lying, (i > 0).then_some((angle, reach)), shots);
    }
}

/// The part is taken away: was it photographed once?
fn settle(count: &mut Count, shots: usize) {
    count.misses += usize::from(shots == 0);
    count.doubles += shots.saturating_sub(1);
}

fn look(
    bench: &mut Bench,
    watcher: &mut Watcher,
    count: &mut Count,
    lying: &Option<Light>,
    hand: Option<(f64, f64)>,
    shots: &mut usize,
) {
    let table = bench.table.clone();
    let glance = bench.frame(lying.as_ref().unwrap_or(&table), hand);
    if watcher.see(&glance, Duration::from_secs_f64(bench.t)) {
        watcher.recorded(None);
        count.shots += 1;
        *shots += 1;
        count.wrong += usize::from(lying.is_none() || hand.is_some_and(|(_, reach)| reach > 0.25));
    }
}

fn sequences(range: std::ops::Range<u64>) -> Count {
    let mut all = Count::default();
    let (mut bad, n) = (Vec::new(), range.end - range.start);
    for seed in range {
        let count = play(seed);
        if (count.doubles, count.misses, count.wrong) != (0, 0, 0) {
            bad.push((seed, count));
        }
        all.add(count);
    }
    println!(
        "automatic trigger, {n} sequences: {} put down -> {} photographed, {} twice, {} missed, {} wrongly; sequences with a fault: {bad:?}",
        all.puts, all.shots, all.doubles, all.misses, all.wrong
    );
    all
}

/// Nothing is photographed twice, too early or for nothing: those would be records that are wrong. A part that is missed shows no verdict, and
/// whoever waits for it presses the key: of those there may be a few, and as many as were measured are let through here (2026-11-26: 1 of 93 in
/// the thirty sequences, 36 of 1,450 in the four hundred). None would be better.
fn is_as_measured(all: &Count) {
    assert_eq!((all.doubles, all.wrong), (0, 0), "{all:?}");
    assert_eq!(all.shots + all.misses, all.puts, "{all:?}");
    assert!(25 * all.misses <= all.puts, "{all:?}");
}

#[test]
fn no_part_is_photographed_twice_or_for_nothing() {
    let all = sequences(0..30);
    is_as_measured(&all);
    assert!(all.puts > 60, "{all:?}");
}

#[test]
#[ignore = "minutes: cargo test --release --test acceptance four_hundred_sequences -- --ignored --nocapture"]
fn four_hundred_sequences_without_a_double() {
    let all = sequences(1000..1400);
    is_as_measured(&all);
    assert!(all.puts > 600, "{all:?}");
}
/// Light alone, for five minutes: no part is seen.
#[test]
fn light_alone_is_no_part() {
    for seed in 2000..2003 {
        let mut bench = Bench::new(seed);
        let mut watcher = Watcher::new(AutoConfig::default());
        let table = bench.table.clone();
        bench.drift = (0.35, 90.0);
        bench.side = 0.4;
        let mut step = 0;
        while bench.t < 300.0 {
            step += 1;
            if step % 150 == 0 {
                bench.aim = bench.random.between(0.6, 1.5);
            }
            let glance = bench.frame(&table, None);
            assert!(!watcher.see(&glance, Duration::from_secs_f64(bench.t)), "seed {seed} at {:.1} s", bench.t);
        }
        assert_eq!(watcher.watching(), Watching::Empty, "seed {seed}");
    }
}

#[test]
fn a_picture_taken_by_hand_counts_and_one_that_failed_is_taken_again() {
    let mut bench = Bench::new(3);
    let mut watcher = Watcher::new(AutoConfig::default());
    let (table, first, second) = (bench.table.clone(), bench.part(), bench.part());
    let mut watch = |view: &Light, glances: usize, by_hand: bool| {
        let mut shots = 0;
        for i in 0..glances {
            let glance = bench.frame(view, None);
            if by_hand && i == 2 {
                watcher.taken_by_hand(Duration::from_secs_f64(bench.t));
            }
            let at = Duration::from_secs_f64(bench.t);
            if watcher.see(&glance, at) {
                shots += 1;
                // The first attempt fails.
                watcher.recorded((shots == 1).then_some(at + Duration::from_secs(1)));
            }
        }
        shots
    };
    assert_eq!(watch(&table, 10, false), 0);
    assert_eq!(watch(&first, 20, true), 0, "somebody pressed the key before it lay still");
    assert_eq!(watch(&table, 10, false), 0);
    assert_eq!(watch(&second, 30, false), 2, "once in vain, once recorded");
    assert_eq!(watch(&table, 10, false), 0);
}

/// The record of a picture that was taken by hand comes when that part is on its way out: the next one is photographed all the same.
#[test]
fn a_part_that_is_held_is_not_tried_again_and_its_record_does_not_count_for_the_next() {
    let mut bench = Bench::new(4);
    let mut watcher = Watcher::new(AutoConfig::default());
    let (table, first, second) = (bench.table.clone(), bench.part(), bench.part());
    let mut exposed = Duration::ZERO;
    let mut shots = Vec::new();
    for (part, view, glances) in [(0, &table, 10), (1, &first, 30), (2, &second, 30)] {
        for i in 0..glances {
            let glance = bench.frame(view, None);
            let at = Duration::from_secs_f64(bench.t);
            if watcher.see(&glance, at) {
                shots.push(part);
                watcher.held();
                assert_eq!(watcher.watching(), Watching::Held);
            }
            if part == 1 {
                exposed = at;
            }
            if part == 2 && i == 1 {
                assert_eq!(watcher.watching(), Watching::Moving);
                watcher.taken_by_hand(exposed);
            }
        }
    }
    assert_eq!(shots, [1, 2]);
}
