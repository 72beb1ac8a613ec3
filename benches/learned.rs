//! What learned checks cost beside the network itself: preparing photos, reading outputs, suppression, tiles.
//!
//! `cargo bench -p benches --bench learned`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use inspector::geometry::PixelRect;
use inspector::models::detect::{Seen, decode, merge, suppress};
use inspector::models::manifest::{Boxes, Manifest, Task};
use inspector::models::picture::prepare;
use inspector::models::{Detection, Frame};
use inspector::photo::Picture;
use inspector::synth::Seeded;
use ndarray::{ArrayD, IxDyn};
use std::hint::black_box;

/// A YOLOv8 export of 80 labels at 640 x 640.
fn manifest(resample: &str) -> Manifest {
    let labels: Vec<String> = (0..80).map(|i| format!("\"l{i}\"")).collect();
    let text = format!(
        "schema = 1\ntask = \"detect\"\nsha256 = \"{}\"\nlicence = \"MIT\"\nlabels = [{}]\n[input]\nname = \"images\"\nwidth = 640\nheight = 640\n\
         layout = \"nchw\"\ncolour = \"rgb\"\nfit = \"letterbox\"\npad = 114\nresample = \"{resample}\"\n[output]\nhead = \"yolov8\"\nrows = \"o\"\n",
        "0".repeat(64),
        labels.join(", ")
    );
    Manifest::read(text.as_bytes()).expect("a good text")
}

fn photo() -> Picture {
    Picture::Colour(image::RgbImage::from_fn(4000, 3000, |x, y| {
        image::Rgb([(x ^ y) as u8, (x * 7 + y) as u8, (x / 5 + y * 3) as u8])
    }))
}

fn boxes(n: usize, random: &mut Seeded) -> Vec<Detection> {
    (0..n)
        .map(|_| {
            let (x, y) = (random.between(0.0, 4000.0), random.between(0.0, 3000.0));
            let (w, h) = (random.between(10.0, 200.0), random.between(10.0, 200.0));
            Detection { label: random.below(3), score: random.between(0.05, 1.0), frame: Frame::around(x, y, w, h) }
        })
        .collect()
}

fn learned(c: &mut Criterion) {
    let picture = photo();
    let whole = PixelRect { x: 0, y: 0, w: 4000, h: 3000 };
    let mut group = c.benchmark_group("learned");
    group.sample_size(20);
    for how in ["bilinear", "antialias"] {
        let input = manifest(how).input;
        group.bench_function(format!("prepare 12 MP to 640 x 640, {how}"), |b| {
            b.iter(|| prepare(black_box(&picture), whole, &input));
        });
    }
    let input = manifest("bilinear").input;
    group.bench_function("prepare a tile of 640 x 640", |b| {
        b.iter(|| prepare(black_box(&picture), PixelRect { x: 700, y: 900, w: 640, h: 640 }, &input));
    });
    let manifest = manifest("bilinear");
    let Task::Detect(head) = &manifest.task else { unreachable!("it says detect") };
    let mut random = Seeded::new(1, 2);
    let mut rows: Vec<f32> = (0..84 * 8400).map(|_| random.between(0.0, 0.02) as f32).collect();
    rows[..4 * 8400].iter_mut().for_each(|v| *v = random.between(10.0, 600.0) as f32);
    // Three hundred boxes stand out.
    (0..300).for_each(|i| rows[(4 + i % 80) * 8400 + i * 28] = 0.4 + i as f32 * 0.001);
    let outputs = [ArrayD::from_shape_vec(IxDyn(&[1, 84, 8400]), rows).expect("as many")];
    group.bench_function("decode 84 x 8400", |b| {
        b.iter(|| decode(head, black_box(&outputs), 80, &Boxes::default(), &manifest.input));
    });
    let many = boxes(3000, &mut random);
    group.bench_function("suppress 3000 boxes", |b| {
        b.iter_batched(|| many.clone(), |many| suppress(many, 0.45, 10_000), BatchSize::LargeInput);
    });
    // 48 tiles of 640 px over 12 megapixels, 30 boxes each.
    let tiles: Vec<PixelRect> =
        (0..6).flat_map(|j| (0..8).map(move |i| PixelRect { x: i * 480, y: j * 472, w: 640, h: 640 })).collect();
    let seen: Vec<Seen> = tiles
        .iter()
        .flat_map(|tile| {
            let inside = boxes(30, &mut random).into_iter().map(|d| {
                let (w, h) = (d.frame.x1 - d.frame.x0, d.frame.y1 - d.frame.y0);
                let frame =
                    Frame::around(f64::from(tile.x) + random_in(&d, 0), f64::from(tile.y) + random_in(&d, 1), w, h);
                Seen { detection: Detection { frame, ..d }, tile: *tile }
            });
            inside.collect::<Vec<_>>()
        })
        .collect();
    group.bench_function("merge 1440 boxes of 48 tiles", |b| {
        b.iter_batched(|| seen.clone(), |seen| merge(seen, (4000, 3000)), BatchSize::LargeInput);
    });
    group.finish();
}

/// A place inside a tile, from a place in the photo.
fn random_in(d: &Detection, axis: usize) -> f64 {
    let (x, y) = d.frame.centre();
    if axis == 0 { x * 640.0 / 4000.0 } else { y * 640.0 / 3000.0 }
}

criterion_group!(all, learned);
criterion_main!(all);
