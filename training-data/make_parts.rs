//! Renders pictures of the demo's parts, and of what is none of them, into a folder.
//!
//! ```text
//! cargo run --release -p training-data --bin make-parts -- OUT
//! ```
//!
//! OUT gets `train`, `val` and `test` (one small JPEG for each seed, any pose, scale, light, colour, blur and noise), `demo` (photos of the demo's
//! line as the station sees them) and `manifest.csv` (file, label, fault, seed, split, sha256, licence).
//!
//! Honest scope: what `inspector::synth` can draw: one flat part from straight above. Perspective, dirt and other objects are added in training.

use anyhow::{Context, Result};
use inspector::design::Design;
use inspector::geometry::{Angle, Vector};
use inspector::photo::Sha256;
use inspector::synth::{DemoLine, FaultKind, Illumination, Noise, Paint, Rendered, Scene, Seeded, Shadow, parts};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Seeds below 10,000 are never trained on.
const SPLITS: [(&str, Range<u64>); 3] = [("test", 0..1_000), ("val", 5_000..5_300), ("train", 10_000..15_000)];
/// Photos of the demo's line, and the line's seed.
const DEMO: (u64, Range<u64>) = (77, 0..150);
const LICENCE: &str = "MIT OR Apache-2.0";
/// A label, and the drawing of what it names.
type Labelled = (&'static str, fn() -> Design);

const PARTS: [Labelled; 3] = [("visor", parts::visor), ("frame", parts::frame), ("bracket", parts::bracket)];
const OTHER: &str = "other";

fn main() -> Result<()> {
    let out =
        std::env::args_os().nth(1).map(PathBuf::from).context("expected a folder to write to, found no argument")?;
    let mut table = "file,label,fault,seed,split,sha256,licence\n".to_owned();
    let mut write = |split: &str, seed: u64, sample: &Sample| -> Result<()> {
        let file = format!("{split}/{seed:05}.jpg");
        std::fs::write(out.join(&file), &sample.jpeg).with_context(|| format!("writing {file}"))?;
        let (label, fault, digest) = (sample.label, &sample.fault, Sha256::of(&sample.jpeg).hex());
        writeln!(table, "{file},{label},{fault},{seed},{split},{digest},{LICENCE}").expect("memory takes every line");
        Ok(())
    };
    for split in SPLITS.iter().map(|s| s.0).chain(["demo"]) {
        folder(&out.join(split))?;
    }
    for (split, seeds) in SPLITS {
        for seed in seeds {
            write(split, seed, &sample(seed))?;
        }
    }
    for number in DEMO.1 {
        write("demo", number, &demo(number))?;
    }
    std::fs::write(out.join("manifest.csv"), table).context("writing manifest.csv")
}

fn folder(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("making the folder {}", path.display()))
}

/// A picture and what it shows.
struct Sample {
    jpeg: Vec<u8>,
    label: &'static str,
    fault: String,
}

/// The picture of a seed.
fn sample(seed: u64) -> Sample {
    let mut random = Seeded::new(seed, 0x70_61_72_74_73);
    let pick = random.unit();
    // Each part 22 %, something else 34 %.
    let (label, drawing) = match (pick / 0.22) as usize {
        i @ 0..3 => (PARTS[i].0, Some((PARTS[i].1)())),
        _ => (OTHER, other(&mut random)),
    };
    let empty = drawing.is_none();
    let drawing = drawing.unwrap_or_else(|| parts::disc(1.0));
    let scene = scene(&drawing, empty, &mut random);
    let faulty = label != OTHER && random.below(3) == 0;
    let kind = FaultKind::ALL[random.below(6)];
    let fault = faulty.then(|| kind.somewhere_on(&drawing, &mut random)).flatten();
    let name = fault.as_ref().map_or_else(String::new, |f| format!("{:?}", f.kind()));
    let rendered = Rendered::new(&scene, &drawing, fault.as_ref()).expect("the fault's place is on the drawing");
    Sample { jpeg: rendered.jpeg(60 + random.below(36) as u8), label, fault: name }
}

/// Something that is none of the demo's parts; `None` is an empty bench.
fn other(random: &mut Seeded) -> Option<Design> {
    let seed = random.bits();
    Some(match random.below(8) {
        0 | 1 => return None,
        2 => parts::spacer(),
        3 => parts::disc(random.between(20.0, 80.0)),
        4 => parts::pierced_disc(60.0, &[(0.0, 0.0, random.between(8.0, 30.0)), (22.0, 0.0, random.between(3.0, 8.0))]),
        5 => {
            // A sheet without holes: as long as a frame, as high as a bracket, and everything between.
            let (w, h) = (random.between(60.0, 140.0), random.between(8.0, 60.0));
            parts::rounded_rectangle(w, h, random.between(0.5, 0.4 * h), &[])
        }
        _ => parts::random_plate(seed),
    })
}

/// Pose, surfaces, light and camera. The same for parts and other things, so that only the shape tells.
fn scene(drawing: &Design, empty: bool, random: &mut Seeded) -> Scene {
    let width = 220 + random.below(160) as u32;
    let aspect = *random.pick(&[0.75, 1.0, 1.25, 4.0 / 3.0, 1.5, 16.0 / 9.0]).expect("six of them");
    let height = (f64::from(width) / aspect).round() as u32;
    let turn = Angle::from_degrees(random.between(0.0, 360.0));
    let (w, h, _) = parts::extent(drawing);
    let (sin, cos) = turn.sin_cos();
    // How much room the turned part takes, mm.
    let (across, down) = ((w * cos).abs() + (h * sin).abs(), (w * sin).abs() + (h * cos).abs());
    let fill = random.between(0.42, 0.98);
    let mm_per_px = (across / f64::from(width)).max(down / f64::from(height)) / fill;
    // Up to 5 % of the picture beyond its border.
    let mut off = |side: u32, size: f64| {
        let room = (0.5 * (f64::from(side) - size / mm_per_px) + 0.05 * f64::from(side)).max(0.0);
        random.between(-room, room)
    };
    let shift = if empty { Vector::new(1e4, 1e4) } else { Vector::new(off(width, across), off(height, down)) };
    let (part, background) = surfaces(random);
    let depth = random.between(0.0, 0.5);
    let offset_px = Vector::new(random.between(-6.0, 6.0), random.between(-6.0, 6.0));
    let mut slope = || random.between(-0.25, 0.25);
    let illumination = Illumination { right: slope(), down: slope(), falloff: slope().abs() };
    let scene = Scene {
        part,
        background,
        shadow: (depth > 0.1).then_some(Shadow { depth, offset_px, blur_px: 0.5 + 8.0 * depth }),
        illumination,
        blur_px: random.between(0.4, 1.6),
        noise: Noise { read: random.between(0.001, 0.012), shot: random.between(2e-5, 6e-4) },
        seed: random.bits(),
        ..Scene::new(drawing, width, height, mm_per_px)
    };
    scene.placed(drawing, mm_per_px, turn, shift)
}

/// Two colours that a person can tell apart, plain or mottled.
fn surfaces(random: &mut Seeded) -> (Paint, Paint) {
    loop {
        let mut paint = || {
            let light = random.between(0.0, 1.0);
            let light = 0.015 + 0.8 * light * light;
            let grey = random.below(3) == 0;
            let mut channel = || if grey { light } else { (light * random.between(0.25, 1.75)).clamp(0.01, 0.95) };
            let rgb = [channel(), channel(), channel()];
            let mottle = if random.below(2) == 0 { 0.0 } else { random.between(0.0, 0.2) };
            Paint { rgb, mottle, grain_px: random.between(2.0, 30.0) }
        };
        let (part, background) = (paint(), paint());
        let light = |p: &Paint| 0.2 * p.rgb[0] + 0.7 * p.rgb[1] + 0.1 * p.rgb[2] + 0.01;
        let ratio = light(&part) / light(&background);
        if !(0.55..1.8).contains(&ratio) {
            return (part, background);
        }
    }
}

/// Photo `number` of the demo's line.
fn demo(number: u64) -> Sample {
    let part = DemoLine::new(DEMO.0).part(number);
    let fault = part.truth.faults.first();
    // What is taken for a visor is a frame, for a frame a bracket, and for a bracket a spacer.
    let label = match (fault.map(|f| f.kind), part.recipe) {
        (Some(FaultKind::WrongPart), "visor") => "frame",
        (Some(FaultKind::WrongPart), "frame") => "bracket",
        (Some(FaultKind::WrongPart), _) => OTHER,
        (_, recipe) => recipe,
    };
    Sample { jpeg: part.jpeg, label, fault: fault.map_or_else(String::new, |f| format!("{:?}", f.kind)) }
}
