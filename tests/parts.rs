//! Good and faulty parts, rendered, photographed, judged: what is found, what is wrongly failed.
//!
//! 6-megapixel photos at known scale, any turn, parts darker or lighter than the ground, blur 0.7 to 1.6 px, noise, uneven light, sRGB,
//! JPEG 90. The whole table: `cargo test --release -p acceptance five_hundred -- --ignored --nocapture`.

use inspector::checks::{Outcome, REGISTRY};
use inspector::decision::Verdict;
use inspector::design::{Design, FeatureKind, write_dxf};
use inspector::geometry::{Angle, Vector};
use inspector::inspect::{Inspection, inspect};
use inspector::photo::{DecodeLimits, decode};
use inspector::recipe::Recipe;
use inspector::synth::{DemoLine, Fault, FaultKind, Illumination, Noise, Paint, Rendered, Scene, Seeded, parts};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The faults that must be found; a part of another kind altogether is not measured, but referred.
const FAULTS: [FaultKind; 6] = [
    FaultKind::HoleMissing,
    FaultKind::HoleMoved,
    FaultKind::HoleResized,
    FaultKind::EdgeShort,
    FaultKind::Burr,
    FaultKind::ExtraHole,
];

#[test]
fn a_seeded_sample_of_good_and_faulty_parts() {
    let table = Table::of(12, 24);
    table.print();
    table.assert();
}

#[test]
#[ignore = "about ten minutes; the figures of the release notes"]
fn five_hundred_good_and_five_hundred_faulty_parts() {
    let table = Table::of(500, 500);
    table.print();
    table.assert();
}

/// The three products of the demo and plates that are never the same.
fn design(number: u64) -> (&'static str, Design) {
    match number % 4 {
        0 => ("visor", parts::visor()),
        1 => ("frame", parts::frame()),
        2 => ("bracket", parts::bracket()),
        _ => ("plate", parts::random_plate(number)),
    }
}

/// A photo of a part in any position, under any light.
fn scene(design: &Design, random: &mut Seeded) -> (Scene, f64) {
    let (width, height, _) = parts::extent(design);
    // Turned any way it stays in the picture, with 40 px to spare.
    let mm_per_px = width.hypot(height) / 1880.0;
    let (dark, bright) = (random.between(0.03, 0.15), random.between(0.5, 0.8));
    let (part, background) = if random.below(2) == 0 { (dark, bright) } else { (bright, dark) };
    let mut slope = || random.between(-0.12, 0.12);
    let (right, down, falloff) = (slope(), slope(), slope().abs());
    let scene = Scene {
        part: Paint::grey(part),
        background: Paint::grey(background),
        illumination: Illumination { right, down, falloff },
        blur_px: random.between(0.7, 1.6),
        noise: Noise { read: 0.004, shot: 1e-4 },
        seed: random.bits(),
        ..Scene::new(design, 3000, 2000, mm_per_px)
    };
    let turn = Angle::from_degrees(random.between(0.0, 360.0));
    let shift = Vector::new(random.between(-300.0, 300.0), random.between(-15.0, 15.0));
    (scene.placed(design, mm_per_px, turn, shift), mm_per_px)
}

/// Size and place of every hole, the outline's profile, and whatever is missing or too much, in a recipe folder as people have it.
fn recipe(design: &Design, mm_per_px: f64) -> Recipe {
    let mut text =
        format!("schema = 1\npart = \"P\"\n[design]\nfile = \"p.dxf\"\n[calibration]\nmm_per_px = {mm_per_px}\n");
    for feature in &design.features {
        if let FeatureKind::Hole(circle) = feature.kind {
            let (name, d) = (&feature.name, 2.0 * circle.radius);
            text += &format!(
                "[[check]]\ntype = \"hole\"\nfeature = \"{name}\"\n\
                 diameter = {{ nominal = {d:?}, lower = -0.15, upper = 0.15 }}\nposition = {{ upper = 0.4 }}\n"
            );
        }
    }
    text += "[[check]]\ntype = \"profile\"\nfeature = \"outline\"\nzone = 0.6\n";
    for t in REGISTRY.iter().filter(|t| ["missing", "extra"].contains(&t.name)) {
        // What the camera decides: coarse pixels hide small pieces.
        let proposed: toml::Table = (t.propose)(design, mm_per_px).concat().parse().expect("TOML");
        text += &format!("[[check]]\ntype = \"{}\"\nupper = {}\n", t.name, proposed["upper"]);
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("recipe.toml"), text).expect("written");
    std::fs::write(folder.path().join("p.dxf"), write_dxf(design)).expect("written");
    Recipe::open(folder.path()).expect("the recipe opens")
}

/// Renders, encodes, decodes and judges part `number`; says what was wrong with it and how far hole diameters were off, px.
fn judge(number: u64, kind: Option<FaultKind>) -> (Option<Fault>, Inspection, Vec<f64>) {
    let mut random = Seeded::new(2, 2 * number + u64::from(kind.is_some()));
    let (_, design) = design(number);
    let (scene, mm_per_px) = scene(&design, &mut random);
    let fault =
        kind.map(|kind| kind.somewhere_on(&design, &mut random).expect("every part has a place for every fault"));
    let rendered = Rendered::new(&scene, &design, fault.as_ref()).expect("the fault fits the part");
    let photo = decode(&rendered.jpeg(90), &DecodeLimits::default()).expect("a photo");
    let inspection = inspect(&photo, &recipe(&design, mm_per_px), |_| ());
    let mut off = Vec::new();
    for result in &inspection.results {
        let Some(hole) = result.characteristic.id.strip_suffix(".diameter") else { continue };
        let truth = rendered.truth.features.iter().find(|f| f.name == hole).and_then(|f| f.diameter_mm);
        if let (Outcome::Measured { value, .. }, Some(truth)) = (&result.observation.outcome, truth) {
            off.push((value - truth) / mm_per_px);
        }
    }
    (fault, inspection, off)
}

/// How many of each kind of part got which verdict.
#[derive(Default)]
struct Table {
    /// PASS, REFER, FAIL by the name of the fault.
    rows: BTreeMap<&'static str, [u32; 3]>,
    /// Parts that were not judged as they should, with what was said of them.
    remarks: Vec<String>,
    /// Hole diameters of good parts, measured - true, px.
    off: Vec<f64>,
}

const GOOD: &str = "good";

impl Table {
    fn of(good: u64, faulty: u64) -> Self {
        let mut table = Self::default();
        for number in 0..good {
            table.add(number, None);
        }
        for number in 0..faulty {
            // Every fault on every product: four products, six faults.
            table.add(number, Some(FAULTS[(number / 4 % 6) as usize]));
        }
        table
    }

    fn add(&mut self, number: u64, kind: Option<FaultKind>) {
        let (fault, inspection, off) = judge(number, kind);
        let row = kind.map_or(GOOD, FaultKind::name);
        let column = match inspection.verdict {
            Verdict::Pass => 0,
            Verdict::Refer => 1,
            Verdict::Fail => 2,
        };
        self.rows.entry(row).or_default()[column] += 1;
        let expected = if kind.is_none() { Verdict::Pass } else { Verdict::Fail };
        if inspection.verdict != expected {
            let said: Vec<String> = inspection
                .results
                .iter()
                .filter(|r| r.decision.verdict != Verdict::Pass)
                .map(|r| format!("{} {:?}", r.characteristic.id, r.observation.outcome))
                .collect();
            let name = design(number).0;
            self.remarks.push(format!("{name} {number} {fault:?} is {:?}: {said:?}", inspection.verdict));
        }
        if kind.is_none() {
            self.off.extend(off);
        }
    }

    fn bias_and_sigma(&self) -> (f64, f64) {
        let n = self.off.len() as f64;
        let mean = self.off.iter().sum::<f64>() / n;
        (mean, (self.off.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    fn print(&self) {
        println!("| part | PASS | REFER | FAIL |\n| --- | --- | --- | --- |");
        for (name, [pass, refer, fail]) in &self.rows {
            println!("| {name} | {pass} | {refer} | {fail} |");
        }
        let (bias, sigma) = self.bias_and_sigma();
        let worst = self.off.iter().fold(0.0_f64, |w, d| w.max(d.abs()));
        println!(
            "{} holes of good parts: bias {bias:+.4} px, sigma {sigma:.4} px, worst {worst:.4} px",
            self.off.len()
        );
        self.remarks.iter().for_each(|r| println!("{r}"));
    }

    fn assert(&self) {
        for (name, [pass, refer, fail]) in &self.rows {
            if *name == GOOD {
                assert_eq!(*fail, 0, "good parts failed: {:?}", self.remarks);
                assert!(50 * refer <= pass + refer + fail, "{refer} good parts were referred: {:?}", self.remarks);
            } else {
                assert_eq!((*pass, *refer), (0, 0), "{name}: {fail} failed; {:?}", self.remarks);
            }
        }
        let (bias, sigma) = self.bias_and_sigma();
        assert!(bias.abs() <= 0.02 && sigma <= 0.03, "hole diameters: bias {bias} px, sigma {sigma} px");
    }
}

/// What a visitor of the demo sees: good parts pass, every fault is caught, and a part of another kind is never passed.
#[test]
fn first_parts_of_the_demo_line_are_judged_right() {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../station/demo");
    let line = DemoLine::new(1);
    let mut faults = 0;
    for number in 0..25 {
        let part = line.part(number);
        let recipe = Recipe::open(&demo.join(part.recipe)).expect("the demo's recipe opens");
        let photo = decode(&part.jpeg, &DecodeLimits::default()).expect("a photo");
        let inspection = inspect(&photo, &recipe, |_| ());
        let fault = part.truth.faults.first().map(|f| f.kind);
        faults += usize::from(fault.is_some());
        let said: Vec<_> = inspection
            .results
            .iter()
            .filter(|r| r.decision.verdict != Verdict::Pass)
            .map(|r| format!("{} {:?}", r.characteristic.id, r.observation.outcome))
            .collect();
        println!("part {number} {} {fault:?}: {:?} {said:?}", part.recipe, inspection.verdict);
        assert_eq!(inspection.verdict == Verdict::Pass, fault.is_none(), "part {number}: {fault:?}, {said:?}");
    }
    assert_eq!(faults, 5);
}
