//! Real metal rings against their coordinate-measuring-machine truth. Skipped with a word when the pictures are not there.
//!
//! One common scale and one edge offset are found on parts 1 to 5 (telecentric back-light blooms into the part), with their uncertainties; parts 6 to 15
//! are measured with them.

use inspector::calibration::{Calibration, CalibrationPolicy, Tone};
use inspector::checks::Outcome;
use inspector::design::write_dxf;
use inspector::inspect::inspect;
use inspector::photo::{DecodeLimits, Photo, decode};
use inspector::recipe::{ProposeOptions, ProposedScale, Recipe, propose};
use inspector::scale::{FoundScale, KnownSize, Reading, read, solve};
use inspector::synth::parts;
use std::path::Path;

/// The scale the pictures came with, mm.
const MM_PER_PX: f64 = 0.017_396;

/// A diameter that was measured, its standard uncertainty and the truth, mm.
#[derive(Clone, Copy)]
struct Diameter {
    measured: f64,
    u: f64,
    cmm: f64,
}

impl Diameter {
    fn error_um(self) -> f64 {
        1e3 * (self.measured - self.cmm)
    }

    fn u95_um(self) -> f64 {
        1.96e3 * self.u
    }
}

/// Standard uncertainty of what the CMM says, mm. **Assumed**: its file does not say it.
const U_CMM_MM: f64 = 0.001;

struct Ring {
    outer: Diameter,
    inner: Diameter,
}

/// Outer and inner diameter of each ring by the CMM, mm.
fn truths(folder: &Path) -> Vec<[f64; 2]> {
    let truth = std::fs::read_to_string(folder.join("cmm.csv")).unwrap();
    let diameters = |line: &str| [5, 1].map(|k| line.split(',').nth(k).unwrap().parse::<f64>().unwrap());
    truth.lines().skip(2).map(diameters).collect()
}

fn photo(folder: &Path, number: usize) -> Photo {
    decode(&std::fs::read(folder.join(format!("CCD4/{number:04}.png"))).unwrap(), &DecodeLimits::default()).unwrap()
}

/// The recipe of the rings with a calibration.
fn recipe(calibration: CalibrationPolicy) -> Recipe {
    let dir = tempfile::tempdir().unwrap();
    let options = ProposeOptions {
        part: "RING".into(),
        revision: None,
        scale: ProposedScale::MmPerPx(calibration.mm_per_px),
        thickness_mm: None,
        units: None,
        file_name: "ring.dxf".into(),
    };
    let drawing = write_dxf(&parts::pierced_disc(23.7, &[(0.0, 0.0, 19.0)]));
    let at = dir.path().join("ring");
    propose(drawing.as_bytes(), &options).unwrap().write_to(&at).unwrap();
    let mut recipe = Recipe::open(&at).unwrap();
    recipe.calibration = Calibration::Known(calibration);
    recipe
}

/// The names of both diameters.
const IDS: [&str; 2] = ["outline.diameter", "hole-1.diameter"];

/// Scale and edge offset, from rings whose diameters are known.
fn calibrated(folder: &Path, numbers: std::ops::RangeInclusive<usize>) -> FoundScale {
    let raw = CalibrationPolicy { tone: Tone::Linear, ..CalibrationPolicy::of(MM_PER_PX) };
    let recipe = recipe(raw.clone());
    let truths = truths(folder);
    let (mut known, mut readings) = (Vec::new(), Vec::new());
    for number in numbers {
        let size = |k: usize| KnownSize { id: IDS[k].into(), mm: truths[number - 1][k], u_mm: U_CMM_MM };
        let own = [0, 1].map(size);
        for found in read(&photo(folder, number), number, &recipe, &own).unwrap() {
            let found = found.unwrap_or_else(|reason| panic!("ring {number}: {reason}"));
            readings.push(Reading { size: known.len() + found.size, ..found });
        }
        known.extend(own);
    }
    solve(&raw, &known, &readings).unwrap()
}

/// A ring as a calibrated camera measures it.
fn measure(recipe: &Recipe, folder: &Path, number: usize, cmm: [f64; 2]) -> Ring {
    let found = inspect(&photo(folder, number), recipe, |_| ());
    let [outer, inner] = [0, 1].map(|k| {
        let result = found.results.iter().find(|r| r.characteristic.id == IDS[k]).unwrap();
        match &result.observation.outcome {
            Outcome::Measured { value, u, .. } => Diameter { measured: *value, u: *u, cmm: cmm[k] },
            Outcome::NotMeasured(reason) => panic!("ring {number}, {}: {reason}", IDS[k]),
        }
    });
    Ring { outer, inner }
}

/// Measured 2026-11-27: outer sd 1.6 um, bias -0.9 um, U95 5.9 to 6.4 um; inner median absolute error 1.4 um, U95 5.0 to 5.5 um; 17 of 20 within U95. Beyond it are the
/// holes of parts 9, 10 and 11 alone: their rows of the CMM file look shifted by one.
#[test]
fn rings_against_the_cmm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/metrology/washers");
    if !folder.is_dir() {
        eprintln!("skipped: no pictures of rings here");
        return;
    }
    let found = calibrated(&folder, 1..=5);
    let CalibrationPolicy { mm_per_px, u_scale, edge_offset_px, u_edge_px, .. } = found.policy;
    println!(
        "scale {:.4} um/px (u {:.3} %), edge offset {edge_offset_px:+.3} px (u {u_edge_px:.3}); disagreement {:.2}, from place to place {:?}",
        1e3 * mm_per_px,
        100.0 * u_scale,
        found.disagreement,
        found.between_photos
    );
    // Back-light at the brightest code: what is calibrated beside it is true beside it.
    assert!(found.edge_found && found.policy.overexposed_ground);
    let recipe = recipe(found.policy);
    let rings: Vec<Ring> =
        (6..).zip(&truths(&folder)[5..]).map(|(number, cmm)| measure(&recipe, &folder, number, *cmm)).collect();
    let outer: Vec<f64> = rings.iter().map(|r| r.outer.error_um()).collect();
    let inner: Vec<f64> = rings.iter().map(|r| r.inner.error_um()).collect();
    let n = outer.len() as f64;
    let bias = outer.iter().sum::<f64>() / n;
    let sd = (outer.iter().map(|v| (v - bias) * (v - bias)).sum::<f64>() / (n - 1.0)).sqrt();
    // Student's t for 9 degrees of freedom, two-sided 95 %.
    let half_width = 2.262 * sd / n.sqrt();
    let median_of = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        f64::midpoint(values[4], values[5])
    };
    let median = median_of(inner.iter().map(|v| v.abs()).collect());
    let u95 = |of: fn(&Ring) -> Diameter| rings.iter().map(|r| of(r).u95_um()).collect::<Vec<_>>();
    let (u95_outer, u95_inner) = (u95(|r| r.outer), u95(|r| r.inner));
    let covered = rings.iter().flat_map(|r| [r.outer, r.inner]).filter(|d| d.error_um().abs() <= d.u95_um()).count();
    println!("outer: bias {bias:+.2} um ± {half_width:.2} (95 %), sd {sd:.2} um; {outer:.1?}");
    println!("inner: median absolute error {median:.2} um; {inner:.1?}");
    let u95_most = u95_outer.iter().copied().fold(0.0, f64::max);
    println!("U95 um: outer {u95_outer:.1?}, at most {u95_most:.2}; inner {u95_inner:.1?}; {covered} of 20 within it");
    for (i, error) in inner.iter().enumerate().filter(|(_, e)| e.abs() > 8.0) {
        println!("inner outlier: part {} {error:+.1} um", i + 6);
    }
    assert!(sd <= 2.0 && bias.abs() <= half_width, "outer: bias {bias} ± {half_width}, sd {sd}");
    assert!(median <= 3.0, "inner: median absolute error {median}");
    assert!(u95_most <= 8.0 && covered >= 17, "U95 {u95_most} um, {covered} of 20 covered");
}
