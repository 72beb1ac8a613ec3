//! Good and faulty parts on a printed mat, photographed by phones and webcams, judged by the recipe that `recipe new` proposes.
//!
//! Each number is another part, print, camera, pose and light. First a perfect part is photographed in that view: what the camera can decide there (tolerance at
//! least 8 u, as [`Decides::Yes`](inspector::recipe::Decides) asks) is the recipe, the rest is left out. Then comes a good part, made by a centred process whose
//! standard deviation is an eighth of each tolerance, and then the same part with one fault, 4 to 8 u beyond its limit. One number again, with all that is said of it:
//!
//! `ASSAY_SEED=17 cargo test --release --test acceptance a_thousand_parts -- --ignored --nocapture`

mod faults;
mod workshop;

use crate::stage::{self, Mat, Plate, on_two_threads};
use faults::{Bench, Faulty, Kind, Known};
use inspector::calibration::mat::{MatPolicy, Paper};
use inspector::checks::{Characteristic, Outcome, Unit};
use inspector::decision::{GUARD_BAND_K, Referral, Verdict};
use inspector::design::{Design, Reference, write_dxf};
use inspector::geometry::{Angle, DesignMm, Similarity, Vector};
use inspector::inspect::{CheckResult, Inspection, inspect};
use inspector::recipe::{ProposeOptions, ProposedMat, ProposedScale, Recipe, propose};
use inspector::synth::view::{Device, Trials, View};
use inspector::synth::{Seeded, parts};
use std::collections::BTreeMap;

/// Measuring capability indices C_m = T / 4 u (JCGM 106:2012, 7.6.3) by which good parts are told apart. From the first on a camera decides, as the forecast has
/// it: a tolerance of at least 8 u. At the last the expanded uncertainty is an eighth of the tolerance, the ratio of 4 to 1 that calibration asks for
/// (ANSI/NCSL Z540.3-2006, 5.3).
const INDICES: [f64; 3] = [2.0, 3.0, 4.0];
/// Times that a fault is made larger.
const SIZES: u32 = 5;
/// Times that a number is tried with another part or view.
const TRIES: u64 = 40;

/// What was said of a part.
struct Said {
    verdict: Verdict,
    /// Each characteristic that did not pass, a line.
    lines: String,
    /// Type and reason of each that was referred.
    referred: Vec<String>,
}

/// A number: a good part and a faulty one.
struct Pair {
    device: Device,
    kind: Kind,
    /// Camera, part and fault in words.
    words: String,
    /// How many characteristics of each type there are, and how many of them the camera can decide.
    decided: BTreeMap<&'static str, [u32; 2]>,
    /// Verdict of the good part on what has at least each of [`INDICES`], and how likely the guard bands alone refer it; `None` where nothing has.
    by_index: [Option<(Verdict, f64)>; 3],
    /// Of the perfect part, by all that is proposed: it may be referred, but not fail.
    perfect: Said,
    good: Said,
    faulty: Said,
    /// What was drawn before and could not be used, and why.
    again: Vec<String>,
}

/// The parts of a workshop that fit the mat; flipped ones must not be their own mirror images.
fn drawn(kind: Kind, random: &mut Seeded) -> (&'static str, Design) {
    match random.below(if kind == Kind::Flipped { 9 } else { 10 }) {
        0..=4 => ("plate with slot", Plate::random(random).design(0.0)),
        5..=7 => ("plate", parts::random_plate(random.bits())),
        8 => ("bracket", parts::bracket()),
        _ => ("frame", parts::frame()),
    }
}

/// What `recipe new` proposes, the mat's distances and flatness entered, with all that it proposes or with what can be decided.
fn recipe(
    drawn: &Design,
    thickness_mm: f64,
    either_side: bool,
    policy: &MatPolicy,
    keep: Option<&BTreeMap<String, Known>>,
) -> Recipe {
    let camera = policy.camera.as_ref().map(|record| record.to_toml().into_bytes());
    let mat = ProposedMat {
        paper: Paper::A4,
        id: policy.id,
        measured_mm: policy.measured_mm,
        measured_on: policy.measured_on,
        camera,
    };
    let options = ProposeOptions {
        part: "P".into(),
        revision: None,
        scale: ProposedScale::Mat(mat),
        thickness_mm: Some(thickness_mm),
        units: None,
        file_name: "p.dxf".into(),
    };
    let mut proposed = propose(write_dxf(drawn).as_bytes(), &options).expect("a drawing");
    let mut text: toml::Table = proposed.recipe_toml.parse().expect("TOML");
    text["design"].as_table_mut().expect("a table").insert("either_side".into(), either_side.into());
    let said = text["calibration"]["mat"].as_table_mut().expect("a table");
    said.insert("u_distance".into(), policy.u_measured_mm.into());
    said.insert("u_flat".into(), policy.u_flat_mm.into());
    let folder = tempfile::tempdir().expect("a folder");
    let mut open = |text: &toml::Table, name: &str| {
        proposed.recipe_toml = toml::to_string(text).expect("TOML");
        proposed.write_to(&folder.path().join(name)).expect("written");
        Recipe::open(&folder.path().join(name)).expect("the recipe opens")
    };
    let whole = open(&text, "whole");
    let Some(keep) = keep else { return whole };
    let mut checks = Vec::new();
    for (entry, check) in text["check"].as_array().expect("checks").iter().zip(&whole.checks) {
        let mut entry = entry.as_table().expect("a table").clone();
        let of = check.characteristics();
        for dropped in of.iter().filter(|c| !keep.contains_key(&c.id)) {
            let what = dropped.id.rsplit('.').next().expect("an id has a word");
            entry.remove(what.strip_prefix("burr-").unwrap_or(what));
        }
        if of.iter().any(|c| keep.contains_key(&c.id)) {
            checks.push(toml::Value::Table(entry));
        }
    }
    text.insert("check".into(), checks.into());
    open(&text, "kept")
}

/// The holes of a part whose distance is checked.
fn paired(recipe: &Recipe, named: &Design, part: &workshop::Part) -> Vec<[usize; 2]> {
    let hole = |name: &str| part.hole_at(named.feature(name)?.0.circle()?.centre);
    let pair = |c: &Characteristic| {
        let (from, to) = c.id.strip_suffix(".distance")?.split_once("-to-")?;
        Some([hole(from)?, hole(to)?])
    };
    recipe.checks.iter().flat_map(|check| check.characteristics()).filter_map(pair).collect()
}

/// Width of a tolerance, as the forecast has it.
fn tolerance(c: &Characteristic) -> Option<f64> {
    c.upper.map(|upper| upper - c.lower.unwrap_or(0.0))
}

/// What the camera can decide of what it sees of a perfect part. No process makes the area of a missing piece scatter: it is decided where the guard band leaves room for none.
fn decidable(perfect: &Inspection) -> BTreeMap<String, Known> {
    let known = |r: &CheckResult| {
        let (c, Outcome::Measured { u, .. }) = (&r.characteristic, &r.observation.outcome) else { return None };
        let none_passes = c.unit == Unit::SquareMm && c.upper.is_some_and(|upper| GUARD_BAND_K * u < upper);
        (c_m(r)? >= INDICES[0] || none_passes)
            .then(|| (c.id.clone(), Known { lower: c.lower, upper: c.upper.expect("a limit"), u: *u }))
    };
    perfect.results.iter().filter_map(known).collect()
}

/// C_m of what was measured.
fn c_m(r: &CheckResult) -> Option<f64> {
    let Outcome::Measured { u, .. } = r.observation.outcome else { return None };
    Some(tolerance(&r.characteristic)? / (4.0 * u))
}

/// C_m, and how likely a good part is referred for lying within a guard band, where that follows from the process alone.
fn odds(c: &Characteristic, u: f64) -> (f64, f64) {
    let zone = tolerance(c).expect("it has one");
    let inside = zone - GUARD_BAND_K * u * if c.lower.is_some() { 2.0 } else { 1.0 };
    let odds = match (c.id.rsplit('.').next(), c.lower) {
        (_, Some(_)) => farther(0.5 * inside / (zone / 8.0).hypot(u)),
        // Twice the length of two deviations, each with an eighth of the zone.
        (Some("position"), None) => (-0.125 * inside * inside / ((zone / 8.0).powi(2) + 0.25 * u * u)).exp(),
        _ => 0.0,
    };
    (zone / (4.0 * u), odds)
}

/// How many characteristics of each type there are, and how many of them can be decided.
fn decided(perfect: &Inspection, known: &BTreeMap<String, Known>) -> BTreeMap<&'static str, [u32; 2]> {
    let mut decided = BTreeMap::<&'static str, [u32; 2]>::new();
    for r in &perfect.results {
        let row = decided.entry(r.characteristic.check_type).or_default();
        row[0] += 1;
        row[1] += u32::from(known.contains_key(&r.characteristic.id));
    }
    decided
}

/// For each of [`INDICES`] the verdict on what the camera knows so well, in the perfect part's photo and in this one, and how likely the guard bands alone refer it.
fn by_index(good: &Inspection, known: &BTreeMap<String, Known>) -> [Option<(Verdict, f64)>; 3] {
    INDICES.map(|index| {
        let able = || {
            good.results.iter().filter(|r| c_m(r).is_none_or(|own| own >= index)).filter_map(|r| {
                let (c_m, refer) = odds(&r.characteristic, known[&r.characteristic.id].u);
                (c_m >= index).then_some((r.decision.verdict, refer))
            })
        };
        Some((able().map(|(verdict, _)| verdict).max()?, 1.0 - able().map(|(_, refer)| 1.0 - refer).product::<f64>()))
    })
}

/// How likely a normal deviate is farther than this from 0: the density summed in steps of a hundredth.
fn farther(sigmas: f64) -> f64 {
    const STEP: f64 = 0.01;
    let density = |z: f64| (-0.5 * z * z).exp() * (0.5 * std::f64::consts::PI).sqrt().recip();
    (0..1000).map(|k| STEP * density(sigmas.max(0.0) + STEP * (f64::from(k) + 0.5))).sum()
}

/// A characteristic, its verdict, and what was measured.
fn line(r: &CheckResult) -> String {
    let (c, o) = (&r.characteristic, &r.observation);
    let limits = [c.lower, c.upper].map(|l| l.map_or("-".to_owned(), |l| l.to_string()));
    format!(
        "{} {:?}, nominal {:.3}, limits {limits:?}: {:?} ({})",
        c.id, r.decision.verdict, c.nominal, o.outcome, o.budget
    )
}

fn said(inspection: &Inspection) -> Said {
    let mut said = Said { verdict: inspection.verdict, lines: String::new(), referred: Vec::new() };
    for r in inspection.results.iter().filter(|r| r.decision.verdict != Verdict::Pass) {
        said.lines += &format!("{}; ", line(r));
        if r.decision.verdict == Verdict::Refer {
            let why = match &r.decision.reason {
                Some(Referral::NotMeasured(reason)) => reason.code(),
                _ => "too close to the limit",
            };
            let what = r.characteristic.id.rsplit('.').next().expect("an id has a word");
            said.referred.push(format!("{what}: {why}"));
        }
    }
    said
}

/// The part lies on its face, in the same place.
fn turn_over(view: &mut View) {
    let part = &mut view.parts[0];
    let (_, _, middle) = parts::extent(&part.made);
    let over =
        Similarity::<DesignMm, DesignMm>::new(1.0, Angle::from_degrees(180.0), true, Vector::new(2.0 * middle.x, 0.0));
    part.plane_from_design = over.then(&part.plane_from_design);
}

fn pair(number: u64) -> Pair {
    let device = if number % 10 == 9 { Device::Phone } else { Device::Webcam };
    let kind = Kind::ALL[((number + number / 10) % 8) as usize];
    let mut again = Vec::new();
    for attempt in 0..TRIES {
        match tried(device, kind, number + (attempt << 32)) {
            Ok(pair) => return Pair { again, ..pair },
            Err(why) => again.push(why),
        }
    }
    panic!("number {number}: {again:?}")
}

/// A part with a fault, and what is said of it. Where the camera is less sure of the fault than of the perfect part, the fault is made larger by as much: it is
/// to be 4 u beyond the limit. `None` where there is no place for it, or the camera cannot decide it.
fn spoilt(
    kind: Kind,
    bench: &Bench<'_>,
    random: &Seeded,
    look: impl Fn(&Design) -> Inspection,
) -> Option<(Faulty, Inspection)> {
    let mut known = bench.known.clone();
    for _ in 0..SIZES {
        // The same fault each time, but for its size.
        let faulty = Bench { known: known.clone(), ..*bench }.spoilt(kind, &mut random.clone())?;
        let judged = look(&faulty.made);
        let Some((id, beyond)) = &faulty.beyond else { return Some((faulty, judged)) };
        let sure = judged.results.iter().find(|r| r.characteristic.id == *id).map(|r| &r.observation.outcome);
        match sure {
            Some(Outcome::Measured { u, .. }) if *beyond < 4.0 * u => known.get_mut(id)?.u = *u,
            _ => return Some((faulty, judged)),
        }
    }
    None
}

/// # Errors
/// Why the camera cannot decide this part at all, or there is no place for the fault.
fn tried(device: Device, kind: Kind, seed: u64) -> Result<Pair, String> {
    let mut random = Seeded::new(seed, 0x7061_7274);
    let thickness_mm = if random.below(4) == 0 { 0.0 } else { random.between(0.3, 3.0) };
    // Where it may, it lies on its face half of the time.
    let either_side = kind != Kind::Flipped && random.below(2) == 0;
    let (name, drawing) = drawn(kind, &mut random);
    let mat = Mat::printed(seed, &mut random);
    // The frame is its own mirror image: on its face, its left side would be measured as its right one.
    let trials = Trials { flips: either_side && name != "frame", ..mat.trials(device) };
    let thickness = stage::thickness(thickness_mm, &mut random);
    let view = |made: &Design| trials.view(made, thickness, seed);
    let policy = mat.policy(device, &view(&drawing).camera, &mut random);
    let look = |view: &View, recipe: &Recipe| {
        inspect(&view.photo().expect("the sheet lies before the camera"), recipe, |_| ())
    };

    let whole = recipe(&drawing, thickness_mm, either_side, &policy, None);
    let perfect = look(&view(&drawing), &whole);
    let known = decidable(&perfect);
    if known.is_empty() {
        let reason = perfect.results.iter().find_map(|r| match &r.observation.outcome {
            Outcome::NotMeasured(reason) => Some(reason.code()),
            Outcome::Measured { .. } => None,
        });
        return Err(format!("nothing can be decided: {}", reason.unwrap_or("all is too uncertain")));
    }
    let recipe = recipe(&drawing, thickness_mm, either_side, &policy, Some(&known));
    let Reference::Drawing(named) = &recipe.reference else { unreachable!("a drawing") };

    let part = workshop::Part::of(&drawing);
    let good = part.good(&paired(&recipe, named, &part), &mut random);
    let found = look(&view(&good.design()), &recipe);
    let (faulty, judged) =
        spoilt(kind, &Bench { drawn: &part, drawing: named, good: &good, known: known.clone() }, &random, |made| {
            let mut wrong = view(made);
            if kind == Kind::Flipped {
                turn_over(&mut wrong);
            }
            look(&wrong, &recipe)
        })
        .ok_or_else(|| format!("no {} on a {name} that could be decided", kind.name()))?;

    if std::env::var("ASSAY_SEED").is_ok() {
        for (which, inspection) in [("perfect", &perfect), ("good", &found), ("faulty", &judged)] {
            inspection.results.iter().for_each(|r| println!("{which}: {}", line(r)));
        }
    }
    let (decided, by_index) = (decided(&perfect, &known), by_index(&found, &known));
    let side = if either_side { "either side" } else { "face up" };
    let words = format!("{device:?}, {name}, {thickness_mm:.2} mm, {side}; {}: {}", kind.name(), faulty.said);
    let [perfect, good, faulty] = [&perfect, &found, &judged].map(said);
    Ok(Pair { device, kind, words, decided, by_index, perfect, good, faulty, again: Vec::new() })
}

/// How many got which verdict: PASS, REFER, FAIL.
type Row = [u32; 3];

const fn column(verdict: Verdict) -> usize {
    match verdict {
        Verdict::Pass => 0,
        Verdict::Refer => 1,
        Verdict::Fail => 2,
    }
}

/// What came of many pairs.
#[derive(Default)]
struct Table {
    good: BTreeMap<&'static str, Row>,
    faulty: BTreeMap<(&'static str, &'static str), Row>,
    /// Verdicts of perfect parts, by all that is proposed.
    perfect: Row,
    /// Of good parts, for each of [`INDICES`]: verdicts and how many the guard bands alone would refer.
    by_index: [(Row, f64); 3],
    referred: BTreeMap<String, u32>,
    decided: BTreeMap<(&'static str, &'static str), [u32; 2]>,
    again: BTreeMap<String, u32>,
    /// Parts that were not judged as they should.
    remarks: Vec<String>,
}

impl Table {
    fn of(numbers: impl Iterator<Item = u64> + Clone + Sync) -> Self {
        let mut table = Self::default();
        let mut pairs = on_two_threads(numbers, |number| {
            let pair = pair(number);
            // For who waits: half an hour is long.
            eprintln!("{}", remark(number, &pair));
            pair
        });
        pairs.sort_by_key(|(number, _)| *number);
        pairs.into_iter().for_each(|(number, pair)| table.add(number, pair));
        table
    }

    fn add(&mut self, number: u64, pair: Pair) {
        let device = if pair.device == Device::Phone { "phone" } else { "webcam" };
        self.perfect[column(pair.perfect.verdict)] += 1;
        self.good.entry(device).or_default()[column(pair.good.verdict)] += 1;
        self.faulty.entry((pair.kind.name(), device)).or_default()[column(pair.faulty.verdict)] += 1;
        for (row, judged) in self.by_index.iter_mut().zip(pair.by_index) {
            let Some((verdict, odds)) = judged else { continue };
            row.0[column(verdict)] += 1;
            row.1 += odds;
        }
        if is_remarkable(&pair) {
            self.remarks.push(remark(number, &pair));
        }
        for (which, said, expected) in [("good", &pair.good, Verdict::Pass), ("faulty", &pair.faulty, Verdict::Fail)] {
            if said.verdict != expected {
                said.referred.iter().for_each(|why| *self.referred.entry(format!("{which}, {why}")).or_default() += 1);
            }
        }
        for (check, [all, decided]) in pair.decided {
            let row = self.decided.entry((device, check)).or_default();
            (row[0], row[1]) = (row[0] + all, row[1] + decided);
        }
        pair.again.into_iter().for_each(|why| *self.again.entry(format!("{device}: {why}")).or_default() += 1);
    }

    fn print(&self) {
        println!("| part | camera | PASS | REFER | FAIL |\n| --- | --- | --- | --- | --- |");
        let [pass, refer, fail] = self.perfect;
        println!("| perfect, all that is proposed | both | {pass} | {refer} | {fail} |");
        for (device, [pass, refer, fail]) in &self.good {
            println!("| good | {device} | {pass} | {refer} | {fail} |");
        }
        for ((kind, device), [pass, refer, fail]) in &self.faulty {
            println!("| {kind} | {device} | {pass} | {refer} | {fail} |");
        }
        println!(
            "| good parts, by sizes with C_m of at least | PASS | REFER | FAIL | REFER % | guard bands alone % |\n| --- | --- | --- | --- | --- | --- |"
        );
        for (index, ([pass, refer, fail], odds)) in INDICES.iter().zip(&self.by_index) {
            let of = |n: f64| 100.0 * n / f64::from((pass + refer + fail).max(1));
            println!("| {index} | {pass} | {refer} | {fail} | {:.1} | {:.1} |", of(f64::from(*refer)), of(*odds));
        }
        for ((device, check), [all, decided]) in &self.decided {
            println!("{device}, {check}: {decided} of {all} can be decided");
        }
        println!("not as they should be: {:#?}", self.referred);
        println!("drawn again: {:#?}", self.again);
        self.remarks.iter().for_each(|r| println!("{r}"));
    }

    fn no_good_part_fails(&self) -> bool {
        self.perfect[2] == 0 && self.good.values().all(|row| row[2] == 0)
    }

    fn faulty(&self) -> Row {
        let sum = |k: usize| self.faulty.values().map(|row| row[k]).sum();
        [0, 1, 2].map(sum)
    }
}

/// Not judged as it should be.
fn is_remarkable(pair: &Pair) -> bool {
    let Pair { perfect, good, faulty, .. } = pair;
    perfect.verdict == Verdict::Fail || good.verdict != Verdict::Pass || faulty.verdict != Verdict::Fail
}

fn remark(number: u64, pair: &Pair) -> String {
    let Pair { words, perfect, good, faulty, .. } = pair;
    let mut remark = format!("{number}: {words}; good {:?}, faulty {:?}", good.verdict, faulty.verdict);
    if perfect.verdict == Verdict::Fail {
        remark += &format!("\n    perfect: {}", perfect.lines);
    }
    for (which, said, expected) in [("good", good, Verdict::Pass), ("faulty", faulty, Verdict::Fail)] {
        if said.verdict != expected {
            remark += &format!("\n    {which}: {}", said.lines);
        }
    }
    remark
}

/// Four of them each time, with another fault each. The mat's tags beside the perfect part of number 2 were extra material once (19 mm², FAIL): they lie in the
/// rectangle around the turned part.
#[test]
fn good_and_faulty_parts_on_the_mat() {
    let table = Table::of(0..4);
    table.print();
    assert_eq!(table.faulty()[0], 0, "faulty parts passed: {:#?}", table.remarks);
    assert!(table.no_good_part_fails(), "good parts failed: {:#?}", table.remarks);
}

/// Each was judged wrongly once: a burr six pixels wide and two high under blur of two pixels (4), and one seen by its profile only (135), were measured 0.13 mm too
/// low with u of 0.02 mm, and passed; a slot in dark shadow was full of material (109); a hole lay elsewhere in a sharp photo than in a soft one (190); a wall as
/// bright as the sheet took the rim with it (329); in noisy pixels single rims went astray (154, 380); the shadow of a corner (150, 257), or a wall that begins
/// there (235), was in the window of a side's rim; a shadow as dark as the plate was taken for plate (216); a tag of the mat for material (469).
#[test]
fn what_was_misjudged_once() {
    let table = Table::of([4, 109, 135, 150, 154, 190, 216, 235, 257, 329, 380, 469].into_iter());
    table.print();
    assert_eq!(table.faulty()[0], 0, "{:#?}", table.remarks);
    assert!(table.no_good_part_fails(), "good parts failed: {:#?}", table.remarks);
}

/// A burr that leaves pieces of the contour unclear (106), shows as material farther than is looked over more than a burr's width (375), or stands where the contour
/// seems to be missing (382): its height was once given as 0.02 to 0.05 mm, with u of 0.02 mm, by what is seen elsewhere. Now it is a fault, or not measured.
#[test]
fn a_tall_burr_is_not_passed_over() {
    let passed = |number: u64| !pair(number).faulty.lines.contains("outline.burr-height");
    let passed: Vec<u64> = on_two_threads([106, 375, 382].into_iter(), passed)
        .into_iter()
        .filter_map(|(number, passed)| passed.then_some(number))
        .collect();
    assert!(passed.is_empty(), "{passed:?}");
}

/// `ASSAY_PARTS` of each, 500 when not said; `ASSAY_SEED` for one number.
///
/// A process whose standard deviation is an eighth of the tolerance has the limits at 4 of them. Where u is as large as that too, the guard bands leave 2.35
/// on each side, and what is measured scatters by 1.41: one good size of ten is referred. So 2 % is asked of what is known to 4 to 1, and below that 2 %
/// more than the guard bands alone refer.
///
/// Found on 2026-11-27, every tenth by the phone: of good parts 461 PASS, 39 REFER, none FAIL; of faulty ones 495 FAIL (99.0 %), 5 REFER, none PASS; of perfect ones, by
/// all that is proposed, 225 PASS, 275 REFER, none FAIL.
#[test]
#[ignore = "half an hour"]
fn a_thousand_parts_on_the_mat() {
    let said = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let numbers = said("ASSAY_SEED").map_or(0..said("ASSAY_PARTS").unwrap_or(500), |seed| seed..seed + 1);
    let table = Table::of(numbers);
    table.print();
    let [pass, refer, fail] = table.faulty();
    assert_eq!(pass, 0, "faulty parts passed: {:#?}", table.remarks);
    assert!(100 * fail >= 97 * (pass + refer + fail), "{fail} of {} faulty parts fail", pass + refer + fail);
    assert!(table.no_good_part_fails(), "good parts failed: {:#?}", table.remarks);
    for (index, (row, odds)) in INDICES.into_iter().zip(table.by_index) {
        let all = f64::from(row.iter().sum::<u32>());
        let expected = if index == INDICES[2] { 0.0 } else { odds };
        assert!(f64::from(row[1]) <= expected + 0.02 * all, "C_m {index}: {} of {all} good parts are referred", row[1]);
    }
}
