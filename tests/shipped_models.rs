//! The two models of `models/`, in recipes as their cards show them: every part gets its label, wrong parts fail, an empty bench never passes.

use acceptance::shipped::recipe;
use inspector::checks::Outcome;
use inspector::decision::Verdict;
use inspector::design::Design;
use inspector::geometry::{Angle, Vector};
use inspector::inspect::{Inspection, inspect};
use inspector::photo::{DecodeLimits, Photo, decode};
use inspector::recipe::Recipe;
use inspector::synth::{DemoLine, FaultKind, Illumination, Noise, Paint, Rendered, Scene, Seeded, parts};
use station::models::{ModelRuntime, ModelsConfig, Preference};
use std::path::{Path, PathBuf};

/// A label, and the drawing of what it names.
type Labelled = (&'static str, fn() -> Design);

const PARTS: [Labelled; 3] = [("visor", parts::visor), ("frame", parts::frame), ("bracket", parts::bracket)];

/// tract, which is always there, and what this machine has beside it.
fn runtimes() -> Vec<ModelRuntime> {
    let worker = Path::new(env!("CARGO_BIN_EXE_model-worker"));
    let tract = ModelsConfig { runtime: Preference::Tract, ..ModelsConfig::default() };
    let mut runtimes = vec![ModelRuntime::new(tract).with_program(worker)];
    let best = ModelRuntime::default().with_program(worker);
    if best.choice().library.is_some() {
        runtimes.push(best);
    } else {
        println!("skipped: ONNX Runtime is not here; the shipped models are tried with tract alone");
    }
    runtimes
}

/// The card's recipe for a model, with `words` put in the place of others, opened on `runtime`.
fn opened(model: &str, words: &[(&str, &str)], runtime: &ModelRuntime) -> Recipe {
    let dir = recipe(model, words);
    Recipe::open_on(dir.path(), runtime).unwrap_or_else(|e| panic!("{model}: {e}"))
}

fn photo(bytes: &[u8]) -> Photo {
    decode(bytes, &DecodeLimits::default()).unwrap()
}

/// A small photo of a drawing under plain light; far outside the picture for an empty bench.
fn rendered(drawing: &Design, empty: bool, seed: u64) -> Photo {
    let mut random = Seeded::new(3, seed);
    let (width, height, _) = parts::extent(drawing);
    let mm_per_px = width.hypot(height) / random.between(420.0, 590.0);
    let (dark, bright) = (random.between(0.03, 0.12), random.between(0.5, 0.8));
    let (part, ground) = if random.below(2) == 0 { (dark, bright) } else { (bright, dark) };
    let scene = Scene {
        part: Paint::grey(part),
        background: Paint::grey(ground).mottled(0.03, 7.0),
        illumination: Illumination {
            right: random.between(-0.15, 0.15),
            down: random.between(-0.15, 0.15),
            falloff: 0.1,
        },
        noise: Noise { read: 0.004, shot: 1e-4 },
        seed: random.bits(),
        ..Scene::new(drawing, 800, 600, mm_per_px)
    };
    let shift = if empty { Vector::new(1e4, 1e4) } else { Vector::new(random.between(-60.0, 60.0), 0.0) };
    let turn = Angle::from_degrees(random.between(0.0, 360.0));
    let scene = scene.placed(drawing, mm_per_px, turn, shift);
    photo(&Rendered::new(&scene, drawing, None).unwrap().jpeg(90))
}

/// PASS, FAIL, REFER.
#[derive(Debug, Default, PartialEq)]
struct Counts([usize; 3]);

impl Counts {
    fn add(&mut self, inspection: &Inspection) {
        self.0[match inspection.verdict {
            Verdict::Pass => 0,
            Verdict::Fail => 1,
            Verdict::Refer => 2,
        }] += 1;
    }
    fn total(&self) -> usize {
        self.0.iter().sum()
    }
}

#[test]
fn every_part_of_the_demo_gets_its_label_wrong_parts_fail_and_an_empty_bench_never_passes() {
    const EACH: u64 = 12;
    for runtime in runtimes() {
        for (label, drawing) in PARTS {
            let recipe = opened("part-finder", &[("expect = \"visor\"", &format!("expect = \"{label}\""))], &runtime);
            let (mut good, mut wrong, mut empty) = (Counts::default(), Counts::default(), Counts::default());
            for seed in 0..EACH {
                good.add(&inspect(&rendered(&drawing(), false, seed), &recipe, |_| ()));
                empty.add(&inspect(&rendered(&drawing(), true, seed), &recipe, |_| ()));
                for (_, other) in PARTS.iter().filter(|p| p.0 != label) {
                    wrong.add(&inspect(&rendered(&other(), false, seed), &recipe, |_| ()));
                }
            }
            println!(
                "{}: {label}: PASS/FAIL/REFER {good:?}, wrong part {wrong:?}, empty bench {empty:?}",
                runtime.choice().name()
            );
            assert_eq!((good.total(), wrong.total(), empty.total()), (12, 24, 12));
            // The card's figures: 594 of 652 right parts pass at this score, and no wrong one of 800.
            assert!(good.0[0] >= 9, "{label}: {good:?}");
            assert_eq!(wrong.0[0], 0, "{label}: a wrong part never passes: {wrong:?}");
            assert!(wrong.0[1] + 1 >= wrong.total(), "{label}: wrong parts fail: {wrong:?}");
            assert_eq!(empty.0[0], 0, "{label}: an empty bench never passes: {empty:?}");
        }
    }
}

#[test]
fn photos_of_the_demo_line_are_known_whatever_their_fault() {
    let runtime = &runtimes()[0];
    let recipes: Vec<Recipe> = PARTS
        .iter()
        .map(|(label, _)| opened("part-finder", &[("expect = \"visor\"", &format!("expect = \"{label}\""))], runtime))
        .collect();
    let (mut right, mut wrong) = (Counts::default(), Counts::default());
    // Seed 78: training and the card's figures have other lines.
    let line = DemoLine::new(78);
    for number in 0..30 {
        let part = line.part(number);
        let recipe = &recipes[PARTS.iter().position(|p| p.0 == part.recipe).unwrap()];
        let inspection = inspect(&photo(&part.jpeg), recipe, |_| ());
        let is_wrong = part.truth.faults.iter().any(|f| f.kind == FaultKind::WrongPart);
        if is_wrong { &mut wrong } else { &mut right }.add(&inspection);
    }
    println!("demo line: PASS/FAIL/REFER {right:?}, wrong part {wrong:?}");
    assert!(right.0[0] + 1 >= right.total(), "{right:?}");
    assert_eq!(wrong.0[0], 0, "{wrong:?}");
    assert!(wrong.total() > 0, "a line without wrong parts shows nothing");
}

#[test]
fn screws_and_holes_of_a_rendered_scene_are_counted_as_the_card_shows() {
    for runtime in runtimes() {
        let recipe = opened("screws-holes-burns", &[], &runtime);
        let sample = folder().join("training-data/samples/four-screws.jpg");
        let inspection = inspect(&photo(&std::fs::read(sample).unwrap()), &recipe, |_| ());
        let value = |id: &str| {
            let result = inspection.results.iter().find(|r| r.characteristic.id == id).unwrap();
            match result.observation.outcome {
                Outcome::Measured { value, .. } => value,
                ref other => panic!("{id}: {other:?}"),
            }
        };
        println!("{}: {:?}", runtime.choice().name(), inspection.verdict);
        assert_eq!(value("screws.count"), 4.0);
        assert_eq!(inspection.verdict, Verdict::Pass);
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
