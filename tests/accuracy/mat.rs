//! Parts on a printed mat, photographed by cameras of all kinds: what is measured against what was rendered.
//!
//! Each trial is another camera (lens, its record off by its own uncertainty), another print (scale off, measured with a caliper), another pose, light, lamp,
//! blur, tone, sharpening, JPEG; another plate, made a little off its drawing. `ASSAY_TRIALS` of each row, 250 when not said:
//!
//! `cargo test --release --test acceptance two_thousand_trials -- --ignored --nocapture`

use super::{statistics, support};
use crate::stage::{self, CURL_MM, Mat, Plate, U_FLAT, fit, on_two_threads};
use inspector::calibration::Calibration;
use inspector::checks::Outcome;
use inspector::decision::Verdict;
use inspector::design::{Design, Feature, FeatureKind, Reference};
use inspector::geometry::{DesignMm, PlaneMm, Point, Similarity};
use inspector::inspect::inspect;
use inspector::photo::Photo;
use inspector::reason::Reason;
use inspector::recipe::Recipe;
use inspector::registration::register;
use inspector::synth::view::Device;
use inspector::synth::{Seeded, parts};
use std::collections::BTreeMap;

/// One number that was measured, and what it should have been.
struct Sample {
    measurand: &'static str,
    error_mm: f64,
    u_mm: f64,
}

/// What came of one photo.
struct Trial {
    samples: Vec<Sample>,
    /// Characteristics that were not measured, by their reason's word.
    unmeasured: Vec<&'static str>,
    verdict: Verdict,
}

/// The made feature that a drawn one became: the nearest of its kind.
fn became<'m>(drawn: &Feature, made: &'m Design) -> &'m Feature {
    let place = |f: &Feature| match f.kind {
        FeatureKind::Hole(c) => Some((0, c.centre)),
        FeatureKind::Slot(slot) => Some((1, slot.centre())),
        _ => None,
    };
    let (kind, at) = place(drawn).expect("a hole or a slot");
    let same = made.features.iter().filter_map(|f| place(f).filter(|(k, _)| *k == kind).map(|(_, p)| (f, p)));
    same.min_by(|a, b| a.1.distance(at).total_cmp(&b.1.distance(at))).expect("it was made").0
}

/// `[[check]]` entries for a plate, and for each of their characteristics what it measures and the truth, mm.
fn checks(drawn: &Design, made: &Design) -> (Vec<String>, BTreeMap<String, (&'static str, f64)>) {
    let (mut entries, mut truths) = (Vec::new(), BTreeMap::new());
    let mut holes = Vec::new();
    let there = fit(drawn, made).inverse();
    for feature in &drawn.features {
        let name = &feature.name;
        match feature.kind {
            FeatureKind::Hole(circle) => {
                let FeatureKind::Hole(truth) = became(feature, made).kind else { unreachable!("a hole stays one") };
                entries.push(format!(
                    "type = \"hole\"\nfeature = \"{name}\"\ndiameter = {{ nominal = {}, lower = -0.5, upper = 0.5 }}\nposition = {{ upper = 1.2 }}",
                    2.0 * circle.radius
                ));
                truths.insert(format!("{name}.diameter"), ("hole diameter", 2.0 * truth.radius));
                let off = there.apply(truth.centre).distance(circle.centre);
                truths.insert(format!("{name}.position"), ("hole position", 2.0 * off));
                holes.push((name, circle, truth));
            }
            FeatureKind::Slot(slot) => {
                let FeatureKind::Slot(truth) = became(feature, made).kind else { unreachable!("a slot stays one") };
                entries.push(format!(
                    "type = \"width\"\nfeature = \"{name}\"\nwidth = {{ nominal = {}, lower = -0.5, upper = 0.5 }}\nlength = {{ nominal = {}, lower = -0.5, upper = 0.5 }}",
                    slot.width, slot.length()
                ));
                truths.insert(format!("{name}.width"), ("slot width", truth.width));
                truths.insert(format!("{name}.length"), ("slot length", truth.length()));
            }
            _ => {}
        }
    }
    let pairs = holes.iter().enumerate().flat_map(|(i, a)| holes[i + 1..].iter().map(move |b| (a, b)));
    let apart = |(a, b): &(&(_, inspector::geometry::Circle<_>, _), &(_, inspector::geometry::Circle<_>, _))| {
        a.1.centre.distance(b.1.centre)
    };
    if let Some((a, b)) = pairs.max_by(|p, q| apart(p).total_cmp(&apart(q))) {
        let (from, to) = (a.0, b.0);
        entries.push(format!(
            "type = \"distance\"\nfrom = \"{from}\"\nto = \"{to}\"\ndistance = {{ nominal = {}, lower = -0.8, upper = 0.8 }}",
            apart(&(a, b))
        ));
        truths.insert(format!("{from}-to-{to}.distance"), ("distance", a.2.centre.distance(b.2.centre)));
    }
    // What this version can measure.
    entries.retain(|e| inspector::checks::REGISTRY.iter().any(|t| e.starts_with(&format!("type = \"{}\"", t.name))));
    (entries, truths)
}

/// A photo, what it is inspected with, the truth of each characteristic, and where the part lies.
struct Photographed {
    photo: Photo,
    recipe: Recipe,
    truths: BTreeMap<String, (&'static str, f64)>,
    plane_from_design: Similarity<DesignMm, PlaneMm>,
}

fn photographed(device: Device, thickness_mm: f64, seed: u64) -> Photographed {
    let mut random = Seeded::new(seed, 0x6d_6174);
    let mat = Mat::printed(seed, &mut random);
    let plate = Plate::random(&mut random);
    let (drawn, made) = (plate.design(thickness_mm), plate.made(&mut random).design(thickness_mm));
    on(&mat, device, drawn, &made, thickness_mm, seed, &mut random)
}

/// A part as made on a mat.
fn on(
    mat: &Mat,
    device: Device,
    drawn: Design,
    made: &Design,
    thickness_mm: f64,
    seed: u64,
    random: &mut Seeded,
) -> Photographed {
    let thickness = stage::thickness(thickness_mm, random);
    let view = mat.trials(device).view(made, thickness, seed);
    let policy = mat.policy(device, &view.camera, random);
    let (entries, truths) = checks(&drawn, made);
    let recipe = support::recipe_of(drawn, Calibration::Mat(Box::new(policy)), &entries);
    let photo = view.photo().expect("the sheet lies before the camera");
    Photographed { photo, recipe, truths, plane_from_design: view.parts[0].plane_from_design }
}

fn trial(device: Device, thickness_mm: f64, seed: u64) -> Trial {
    tried(&photographed(device, thickness_mm, seed))
}

/// What is measured in a photo.
fn tried(Photographed { photo, recipe, truths, .. }: &Photographed) -> Trial {
    let found = inspect(photo, recipe, |_| ());
    let (mut samples, mut unmeasured) = (Vec::new(), Vec::new());
    for result in &found.results {
        match &result.observation.outcome {
            Outcome::Measured { value, u } => {
                let (measurand, truth) = truths[&result.characteristic.id];
                samples.push(Sample { measurand, error_mm: value - truth, u_mm: *u });
            }
            Outcome::NotMeasured(reason) => unmeasured.push(reason.code()),
        }
    }
    Trial { samples, unmeasured, verdict: found.verdict }
}

/// How far the farthest corner of a plate is from where it lies, mm, or why it was not found.
fn astray(device: Device, thickness_mm: f64, seed: u64) -> Result<f64, Reason> {
    let Photographed { photo, recipe, plane_from_design, .. } = photographed(device, thickness_mm, seed);
    let part = register(recipe.calibration.locate(&photo, None).map_err(|e| e.reason)?, &recipe.reference);
    let (pose, Reference::Drawing(design)) = (part.drawing()?, &recipe.reference) else { unreachable!("a drawing") };
    let off = |p: &Point<DesignMm>| pose.plane_from_design.apply(*p).distance(plane_from_design.apply(*p));
    Ok(design.contours[0].polygon(0.5).iter().map(off).fold(0.0, f64::max))
}

/// Plates that half a turn leaves nearly the same, by the coarser camera. Each of the first was once taken half a turn off: poses were compared before the shadow of
/// the thick plate was known (5005); the right way was no candidate (82); its pose stood still 0.8 mm off (3052); in a shadow as dark as the plate its rims
/// are not seen (1008, 5036). With `ASSAY_TRIALS`, so many more of each thickness.
#[test]
fn plates_on_the_mat_lie_as_they_lie() {
    let trials: u64 = std::env::var("ASSAY_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut seeds = vec![(5.0, 5005), (5.0, 82), (3.0, 3052), (1.0, 1008), (5.0, 5036)];
    seeds.extend([0.0, 1.0, 3.0, 5.0].into_iter().flat_map(|h| (0..trials).map(move |s| (h, 1000 * h as u64 + s))));
    let (mut wrong, mut refused) = (Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    for (thickness, seed) in &seeds {
        match astray(Device::Webcam, *thickness, *seed) {
            // Another way round is tens of millimetres; what a shadow does to a thick plate is another matter.
            Ok(off) if off < 5.0 => {}
            Ok(off) => wrong.push(format!("{thickness} mm, seed {seed}: {off:.1} mm")),
            Err(reason) => refused.entry(reason.code()).or_default().push(format!("{thickness} mm, seed {seed}")),
        }
    }
    println!("{} plates: wrong {wrong:?}, refused {refused:?}", seeds.len());
    assert!(wrong.is_empty() && (trials > 0 || refused.is_empty()), "{wrong:?}, {refused:?}");
}

/// Errors of one measurand by one kind of camera.
struct Row {
    n: usize,
    bias: f64,
    sigma: f64,
    median_u95: f64,
    covered: f64,
}

impl Row {
    fn of(samples: &[&Sample]) -> Self {
        let errors: Vec<f64> = samples.iter().map(|s| s.error_mm).collect();
        let (bias, sigma) = statistics(&errors);
        let mut u95: Vec<f64> = samples.iter().map(|s| 2.0 * s.u_mm).collect();
        u95.sort_by(f64::total_cmp);
        let covered = samples.iter().filter(|s| s.error_mm.abs() <= 2.0 * s.u_mm).count();
        Self {
            n: errors.len(),
            bias,
            sigma,
            median_u95: u95[u95.len() / 2],
            covered: 100.0 * covered as f64 / errors.len() as f64,
        }
    }
}

const MEASURANDS: [&str; 5] = ["hole diameter", "hole position", "slot width", "slot length", "distance"];

/// The whole table. Bars of issue 4 hold for parts of 0 and 1 mm; 3 and 5 mm are reported. Found on 2026-11-27, 250 photos a row, all bars met: pooled 96.6 % of 24,794
/// within U95, classes 95.2 to 98.2 %.
///
/// * Bias and sigma with the phone, mm: at 0 mm diameters -0.002 and 0.003, positions +0.001 and 0.012, slots -0.002 and 0.003 (width), -0.002 and 0.005 (length), distances
///   -0.001 and 0.018; at 1 mm -0.004 and 0.007, +0.001 and 0.014, -0.003 and 0.008, -0.005 and 0.011, -0.001 and 0.017. With the webcam: at 0 mm -0.004 and 0.012,
///   +0.001 and 0.014, +0.001 and 0.020, -0.001 and 0.014, -0.001 and 0.019; at 1 mm 0.000 and 0.026, +0.002 and 0.027, +0.003 and 0.032, +0.009 and 0.059 (median U95 2.45
///   times the bar of sigma), -0.002 and 0.022.
/// * Until sharpening was undone, holes of flat parts were 0.011 mm too large with the webcam, and 88 % of them within U95.
/// * Positions are uncertain by the height of the sheet's middle, which no tag shows (0.03 mm at 220 mm from the camera change the scale by 0.013 %).
/// * Positions of 1 mm parts were covered by 90.8 % only (phone, 250 photos) while edges counted in the pose by how well the camera sees them.
#[test]
#[ignore = "half an hour"]
fn two_thousand_trials() {
    let trials: u64 = std::env::var("ASSAY_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(250);
    println!(
        "| camera | thickness mm | measurand | n | bias mm | sigma mm | median U95 mm | U95 / bar of sigma | covered % | |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut missed = Vec::new();
    let mut pooled: Vec<Sample> = Vec::new();
    let mut unmeasured: BTreeMap<String, usize> = BTreeMap::new();
    for (device, name, bar) in [(Device::Phone, "phone, 12 MP", 0.02), (Device::Webcam, "webcam, 2 MP", 0.06)] {
        let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
        let mut of_all = Vec::new();
        for thickness in [0.0, 1.0, 3.0, 5.0] {
            let mut samples = Vec::new();
            let first = 1000 * thickness as u64;
            for (seed, trial) in on_two_threads(first..first + trials, |seed| trial(device, thickness, seed)) {
                for Sample { measurand, error_mm, u_mm } in
                    trial.samples.iter().filter(|s| s.error_mm.abs() > 3.0 * s.u_mm)
                {
                    eprintln!("{name}, {thickness} mm, seed {seed}: {measurand} off by {error_mm:+.4}, u {u_mm:.4}");
                }
                *verdicts.entry(trial.verdict).or_default() += 1;
                trial
                    .unmeasured
                    .iter()
                    .for_each(|word| *unmeasured.entry(format!("{name}, {thickness} mm: {word}")).or_default() += 1);
                samples.extend(trial.samples);
            }
            let bars = Bars { bar, of_errors: thickness <= 1.0, of_coverage: false };
            missed.extend(table(name, &format!("{thickness}"), &samples, &bars));
            of_all.extend(samples);
        }
        missed.extend(table(name, "all", &of_all, &Bars { bar, of_errors: false, of_coverage: true }));
        pooled.extend(of_all);
        println!("{name}: {verdicts:?}");
    }
    let all: Vec<&Sample> = pooled.iter().collect();
    let covered = Row::of(&all).covered;
    println!("pooled: {} measured, {covered:.1} % within U95; not measured: {unmeasured:?}", all.len());
    if !(93.0..=99.0).contains(&covered) {
        missed.push(format!("pooled coverage {covered:.1} %"));
    }
    assert!(missed.is_empty(), "bars missed: {missed:#?}");
}

/// What is asked of a table: errors and U95 within the bar of sigma (mm), coverage of each class.
struct Bars {
    bar: f64,
    of_errors: bool,
    of_coverage: bool,
}

/// Prints a row for each measurand; gives those that miss a bar.
fn table(camera: &str, thickness: &str, samples: &[Sample], bars: &Bars) -> Vec<String> {
    let mut missed = Vec::new();
    for measurand in MEASURANDS {
        let of: Vec<&Sample> = samples.iter().filter(|s| s.measurand == measurand).collect();
        if of.len() < 2 {
            continue;
        }
        let (row, bar) = (Row::of(&of), bars.bar);
        let asked = [
            ("bias", bars.of_errors && row.bias.abs() > bar),
            ("sigma", bars.of_errors && row.sigma > bar),
            ("U95", bars.of_errors && row.median_u95 > 2.5 * bar),
            ("coverage", bars.of_coverage && !(90.0..=99.5).contains(&row.covered)),
        ];
        let why: Vec<&str> = asked.iter().filter(|(_, missed)| *missed).map(|(word, _)| *word).collect();
        let Row { n, bias, sigma, median_u95, covered } = row;
        println!(
            "| {camera} | {thickness} | {measurand} | {n} | {bias:+.4} | {sigma:.4} | {median_u95:.4} | {:.2} | {covered:.1} | {} |",
            median_u95 / bar,
            why.join(", ")
        );
        if !why.is_empty() {
            missed.push(format!("{camera}, {thickness} mm, {measurand}: {}", why.join(", ")));
        }
    }
    missed
}

/// Two holes about 200 mm apart in a strip of sheet, by the phone: distances with their error and U95, and how many were not measured.
fn across(curl_mm: f64, u_flat_mm: f64, photos: u64) -> (Vec<Sample>, usize) {
    let strip =
        |apart: f64| parts::rounded_rectangle(210.0, 16.0, 3.0, &[(-100.0, 0.0, 5.0), (apart - 100.0, 0.0, 6.0)]);
    let trial = |seed: u64| {
        let mut random = Seeded::new(seed, 0x3230_306d);
        let mat = Mat::printed(seed, &mut random).lying(curl_mm, u_flat_mm);
        let made = strip(200.0 + random.between(-0.3, 0.3));
        tried(&on(&mat, Device::Phone, strip(200.0), &made, 0.0, seed, &mut random))
    };
    let (mut samples, mut not) = (Vec::new(), 0);
    for (_, trial) in on_two_threads(0..photos, trial) {
        let mut distances = trial.samples.into_iter().filter(|s| s.measurand == "distance").peekable();
        not += usize::from(distances.peek().is_none());
        samples.extend(distances);
    }
    (samples, not)
}

/// 200 mm across a mat bonded to a board are known to 0.10 mm; what a loose sheet leaves of it is reported. The first row states the flatness that the sheets have, the
/// others what the documentation says of a sheet on a board (0.1 mm) and of a loose one (0.5 mm). `ASSAY_TRIALS` photos of each, 10 when not said.
#[test]
fn two_hundred_millimetres_across() {
    let photos = std::env::var("ASSAY_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(10);
    println!(
        "| sheet | curl mm | u of flatness mm | n | bias mm | sigma mm | median U95 mm | covered % | not measured |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    let row = |sheet: &str, curl_mm: f64, u_flat_mm: f64| {
        let (samples, not) = across(curl_mm, u_flat_mm, photos);
        let row = Row::of(&samples.iter().collect::<Vec<_>>());
        let Row { n, bias, sigma, median_u95, covered } = row;
        println!(
            "| {sheet} | {curl_mm} | {u_flat_mm:.3} | {n} | {bias:+.4} | {sigma:.4} | {median_u95:.4} | {covered:.1} | {not} |"
        );
        row
    };
    let bonded = row("on a board", CURL_MM, U_FLAT * CURL_MM);
    let said = row("on a board", CURL_MM, 0.1);
    let loose = row("loose", 1.0, 0.5);
    assert!(bonded.median_u95 <= 0.10, "{} mm", bonded.median_u95);
    for row in [bonded, said] {
        assert!(row.n as u64 == photos && row.covered >= 80.0, "{} photos, {} % covered", row.n, row.covered);
    }
    assert!(loose.covered >= 80.0, "{} % covered", loose.covered);
}

/// The sheet's waves of 0.1 to 0.16 mm went into pose and lens once, and these photos were refused for their camera record.
#[test]
fn a_wavy_sheet_is_no_wrong_camera_record() {
    for seed in [1, 8] {
        let off = astray(Device::Phone, 0.0, seed);
        assert!(off.as_ref().is_ok_and(|off| *off < 0.2), "seed {seed}: {off:?}");
    }
}

/// The dark shadow beside this plate was taken for the plate itself when the fit was tried from faint ones only, and not from what an earlier round had found:
/// all holes came out 0.15 to 0.2 mm too small.
#[test]
fn a_dark_shadow_is_no_part_of_the_plate() {
    let Trial { samples, unmeasured, .. } = trial(Device::Webcam, 1.0, 1003);
    assert!(unmeasured.is_empty(), "{unmeasured:?}");
    for Sample { measurand, error_mm, u_mm } in samples {
        assert!(error_mm.abs() < 2.5 * u_mm && error_mm.abs() < 0.1, "{measurand}: {error_mm} mm, u {u_mm} mm");
    }
}

/// Deep holes, narrow slots and dark shadows are measured as well as is said, or not at all. In each of these photos values were off by 4 to 17 standard
/// uncertainties, once by 1.2 mm, while: the pose was held still when the shadow beside it was sought (3208); the other side of a slot, and its shadow, were in
/// the window beside a rim (3031, 3214); the wall of a hole was taken to be as wide as a straight one's, and a rim was used where it goes out of sight (5107,
/// 5176); edges might stray by 0.3 mm from a free pose, so that a shadow as dark as the part was part (1008: half a turn off).
#[test]
fn deep_holes_and_dark_shadows_are_measured_or_refused() {
    let (mut measured, mut refused) = (0, 0);
    for (thickness, seed) in [(1.0, 1008), (3.0, 3031), (3.0, 3208), (3.0, 3214), (5.0, 5107), (5.0, 5176)] {
        let Trial { samples, unmeasured, .. } = trial(Device::Webcam, thickness, seed);
        (measured, refused) = (measured + samples.len(), refused + unmeasured.len());
        for Sample { measurand, error_mm, u_mm } in samples {
            let sure = measurand == "hole position" || error_mm.abs() < 3.5 * u_mm;
            assert!(
                sure && error_mm.abs() < 0.25 && u_mm < 0.4,
                "{thickness} mm, seed {seed}, {measurand}: {error_mm} mm, u {u_mm} mm"
            );
        }
    }
    println!("{measured} measured, {refused} not");
    assert!(measured >= 30, "{measured} measured, {refused} not");
}

/// The shadow of this plate is not found; two of its holes were then "measured" as the light on their floors, 1.8 and 3.1 mm too small, with u of 0.3 mm.
#[test]
fn a_circle_of_a_few_edges_is_none() {
    let Trial { samples, unmeasured, .. } = trial(Device::Phone, 3.0, 3062);
    println!("{} measured, not: {unmeasured:?}", samples.len());
    for Sample { measurand, error_mm, u_mm } in samples {
        assert!(error_mm.abs() < 0.5, "{measurand}: {error_mm} mm, u {u_mm} mm");
    }
}

/// A few of them each time.
#[test]
fn a_sample_of_trials() {
    for (thickness, seed) in [(0.0, 3), (1.0, 4), (3.0, 5)] {
        let Trial { samples, unmeasured, .. } = trial(Device::Webcam, thickness, seed);
        assert!(
            unmeasured.is_empty() && samples.len() >= 10,
            "{thickness} mm: {} measured, {unmeasured:?}",
            samples.len()
        );
        for Sample { measurand, error_mm, u_mm } in samples {
            println!("{thickness} mm, {measurand}: off by {error_mm:+.4} mm, U95 {:.4} mm", 2.0 * u_mm);
            assert!(
                error_mm.abs() < 4.0 * u_mm && error_mm.abs() < 0.2,
                "{thickness} mm, {measurand}: {error_mm} mm, u {u_mm} mm"
            );
        }
    }
}
