//! Every stage of the way of a photo, and the whole of it, on rendered parts and boards.
//!
//! `cargo bench -p benches`; threads: `RAYON_NUM_THREADS=1 cargo bench -p benches`. Compare two versions in one sitting:
//! `cargo bench -p benches -- --save-baseline before`, then `--baseline before`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use benches::{Part, board, on_mat, part};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inspector::calibration::Sharpening;
use inspector::inspect::inspect;
use inspector::overlay;
use inspector::photo::{DecodeLimits, Sha256, decode};
use inspector::registration::register;
use station::ledger::{Act, Ledger, LedgerOptions};
use std::hint::black_box;

fn stages(c: &mut Criterion, name: &str, part: &Part) {
    let photo = decode(&part.jpeg, &DecodeLimits::default()).expect("a photo");
    let mut group = c.benchmark_group(name);
    group.sample_size(20);
    group.bench_function("decode", |b| b.iter(|| decode(black_box(&part.jpeg), &DecodeLimits::default())));
    group.bench_function("locate", |b| b.iter(|| part.recipe.calibration.locate(black_box(&photo), None)));
    let located = || part.recipe.calibration.locate(&photo, None).expect("a scale that is known");
    group.bench_function("register", |b| {
        b.iter_batched(
            located,
            |located| register(located, &part.recipe.reference).pose.is_ok(),
            BatchSize::LargeInput,
        );
    });
    let registered = register(located(), &part.recipe.reference);
    group.bench_function("checks", |b| {
        b.iter(|| part.recipe.checks.iter().map(|check| check.observe(black_box(&registered)).len()).sum::<usize>());
    });
    group.bench_function("after decode", |b| b.iter(|| inspect(black_box(&photo), &part.recipe, |_| ())));
    let inspection = inspect(&photo, &part.recipe, |_| ());
    group.bench_function("overlay", |b| b.iter(|| overlay::draw(black_box(&photo), &part.recipe, &inspection)));
    group.bench_function("file digest", |b| b.iter(|| Sha256::of(black_box(&part.jpeg))));
    group.finish();
}

fn pipeline(c: &mut Criterion) {
    stages(c, "part 6 MP", &part(3000, 2000));
    stages(c, "part 12 MP", &part(4000, 3000));
    stages(c, "mat 12 MP, flat", &on_mat(0.0, None));
    let sharpen = Some(Sharpening { amount: 0.6, sigma_px: 1.2 });
    stages(c, "mat 12 MP, 3 mm, sharpened", &on_mat(3.0, sharpen));
    stages(c, "board pair", &board());
}

fn ledger(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let (ledger, _) =
        Ledger::open(dir.path(), LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() }).expect("a ledger");
    let mut group = c.benchmark_group("ledger");
    group.sample_size(30);
    group.bench_function("append, synced", |b| b.iter(|| ledger.append(Act::Started)));
    group.bench_function("append, synced, 20 at once", |b| {
        b.iter(|| {
            std::thread::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| ledger.append(Act::Started));
                }
            });
        });
    });
    let mut n = 0_u64;
    let mut photo = vec![7_u8; 300_000];
    group.bench_function("photo of 300 kB, synced", |b| {
        b.iter(|| {
            n += 1;
            photo[..8].copy_from_slice(&n.to_le_bytes());
            ledger.put_blob(&photo)
        });
    });
    group.finish();
}

criterion_group!(all, pipeline, ledger);
criterion_main!(all);
