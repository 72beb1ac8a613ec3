//! Real metal rings against their coordinate-measuring-machine truth. Skipped with a word when the pictures are not there.
//!
//! One common scale and one edge offset are found on parts 1 to 5 (telecentric back-light blooms into the part); parts 6 to 15 are
//! measured with them.

use inspector::calibration::{Calibration, Tone};
use inspector::checks::Outcome;
use inspector::design::write_dxf;
use inspector::geometry::solve_symmetric;
use inspector::inspect::inspect;
use inspector::photo::{DecodeLimits, decode};
use inspector::recipe::{ProposeOptions, ProposedScale, Recipe, propose};
use inspector::synth::parts;
use std::path::Path;

/// The scale the pictures came with, mm.
const MM_PER_PX: f64 = 0.017_396;

struct Ring {
    outer: f64,
    inner: f64,
    cmm_outer: f64,
    cmm_inner: f64,
}

fn measure(recipe: &Recipe, folder: &Path, number: usize) -> (f64, f64) {
    let bytes = std::fs::read(folder.join(format!("CCD4/{number:04}.png"))).unwrap();
    let found = inspect(&decode(&bytes, &DecodeLimits::default()).unwrap(), recipe, |_| ());
    let diameter = |id: &str| {
        let result = found.results.iter().find(|r| r.characteristic.id == id).unwrap();
        match &result.observation.outcome {
            Outcome::Measured { value, .. } => *value,
            Outcome::NotMeasured(reason) => panic!("ring {number}, {id}: {reason}"),
        }
    };
    (diameter("outline.diameter"), diameter("hole-1.diameter"))
}

fn rings(folder: &Path, scale: f64, edge_offset_px: f64) -> Vec<Ring> {
    let dir = tempfile::tempdir().unwrap();
    let options = ProposeOptions {
        part: "RING".into(),
        revision: None,
        scale: ProposedScale::MmPerPx(scale),
        thickness_mm: None,
        units: None,
        file_name: "ring.dxf".into(),
    };
    let drawing = write_dxf(&parts::pierced_disc(23.7, &[(0.0, 0.0, 19.0)]));
    let at = dir.path().join("ring");
    propose(drawing.as_bytes(), &options).unwrap().write_to(&at).unwrap();
    let mut recipe = Recipe::open(&at).unwrap();
    let Calibration::Known(policy) = &mut recipe.calibration else { panic!("expected a scale") };
    (policy.edge_offset_px, policy.tone) = (edge_offset_px, Tone::Linear);
    let truth = std::fs::read_to_string(folder.join("cmm.csv")).unwrap();
    truth
        .lines()
        .skip(2)
        .enumerate()
        .map(|(i, line)| {
            let column = |k: usize| line.split(',').nth(k).unwrap().parse::<f64>().unwrap();
            let (outer, inner) = measure(&recipe, folder, i + 1);
            Ring { outer, inner, cmm_outer: column(5), cmm_inner: column(1) }
        })
        .collect()
}

/// Measured 2026-11-22: outer sd 1.6 um, bias -0.4 um; inner median absolute error 1.1 um, outliers parts 9, 10, 11 (their rows of the
/// CMM file look shifted by one).
#[test]
fn rings_against_the_cmm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/metrology/washers");
    if !folder.is_dir() {
        eprintln!("skipped: no pictures of rings here");
        return;
    }
    // truth = k · measured ∓ e: material looks larger by e at the outline and holes smaller.
    let (mut a, mut b) = ([[0.0; 2]; 2], [0.0; 2]);
    for r in &rings(&folder, MM_PER_PX, 0.0)[..5] {
        for (measured, truth, sign) in [(r.outer, r.cmm_outer, -1.0), (r.inner, r.cmm_inner, 1.0)] {
            let row = [measured, sign];
            for i in 0..2 {
                b[i] += row[i] * truth;
                for j in 0..2 {
                    a[i][j] += row[i] * row[j];
                }
            }
        }
    }
    let [k, e] = solve_symmetric(a, b).unwrap();
    let scale = MM_PER_PX * k;
    let edge_offset_px = 0.5 * e / scale;
    println!("scale {:.4} um/px, edge offset {edge_offset_px:+.3} px", 1e3 * scale);
    let rings = &rings(&folder, scale, edge_offset_px)[5..];
    let outer: Vec<f64> = rings.iter().map(|r| 1e3 * (r.outer - r.cmm_outer)).collect();
    let inner: Vec<f64> = rings.iter().map(|r| 1e3 * (r.inner - r.cmm_inner)).collect();
    let n = outer.len() as f64;
    let bias = outer.iter().sum::<f64>() / n;
    let sd = (outer.iter().map(|v| (v - bias) * (v - bias)).sum::<f64>() / (n - 1.0)).sqrt();
    // Student's t for 9 degrees of freedom, two-sided 95 %.
    let half_width = 2.262 * sd / n.sqrt();
    let mut magnitudes: Vec<f64> = inner.iter().map(|v| v.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    let median = 0.5 * (magnitudes[4] + magnitudes[5]);
    println!("outer: bias {bias:+.2} um ± {half_width:.2} (95 %), sd {sd:.2} um; {outer:.1?}");
    println!("inner: median absolute error {median:.2} um; {inner:.1?}");
    for (i, error) in inner.iter().enumerate().filter(|(_, e)| e.abs() > 8.0) {
        println!("inner outlier: part {} {error:+.1} um", i + 6);
    }
    assert!(sd <= 2.0 && bias.abs() <= half_width, "outer: bias {bias} ± {half_width}, sd {sd}");
    assert!(median <= 3.0, "inner: median absolute error {median}");
}
