//! The issue's own figure: 12 megapixels, the profile of an outline and twenty holes, after decoding, on two threads.
//!
//! `RAYON_NUM_THREADS=2 cargo bench -p benches --bench gauge`. To compare with OpenCV on the same photo, in the same sitting:
//! `ASSAY_BENCH_PHOTO=plate cargo bench -p benches --bench gauge && python3 benches/opencv.py plate` (OpenCV, NumPy, SciPy).

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::print_stdout, reason = "what was measured stands beside how long it took")]

use criterion::{Criterion, criterion_group, criterion_main};
use inspector::checks::Outcome;
use inspector::inspect::{Inspection, inspect};
use inspector::photo::{Photo, Picture, Sha256};
use std::hint::black_box;

fn gauge(c: &mut Criterion) {
    let (picture, design, recipe) = benches::plate();
    if let Some(name) = std::env::var_os("ASSAY_BENCH_PHOTO") {
        let Picture::Grey(grey) = &picture else { unreachable!("a grey scene") };
        let name = std::path::PathBuf::from(name);
        grey.save(name.with_extension("png")).expect("a photo to write");
        // x, y, diameter of each hole, mm, after the scale and the outline's size: what the other program must know too.
        let mut text = format!("{} 200 130 8\n", benches::PLATE_MM_PER_PX);
        for circle in design.features.iter().filter_map(inspector::design::Feature::circle) {
            text += &format!("{} {} {}\n", circle.centre.x, circle.centre.y, 2.0 * circle.radius);
        }
        std::fs::write(name.with_extension("txt"), text).expect("a list to write");
    }
    let none = Sha256([0; 32]);
    let photo = Photo { picture, file_sha256: none, pixels_sha256: none };
    report(&inspect(&photo, &recipe, |_| ()));
    let mut group = c.benchmark_group("plate 12 MP, profile and 20 holes");
    group.sample_size(20);
    group.bench_function("after decode", |b| b.iter(|| inspect(black_box(&photo), &recipe, |_| ())));
    group.finish();
}

/// How far the diameters were off: a fast answer must be a right one.
fn report(inspection: &Inspection) {
    let off: Vec<f64> = inspection
        .results
        .iter()
        .filter(|r| r.characteristic.id.ends_with(".diameter"))
        .filter_map(|r| match r.observation.outcome {
            Outcome::Measured { value, .. } => Some(value - r.characteristic.nominal),
            Outcome::NotMeasured(_) => None,
        })
        .collect();
    let rms = (off.iter().map(|d| d * d).sum::<f64>() / off.len() as f64).sqrt();
    println!("{:?}: {} diameters, rms error {:.2} um", inspection.verdict, off.len(), 1000.0 * rms);
}

criterion_group!(all, gauge);
criterion_main!(all);
