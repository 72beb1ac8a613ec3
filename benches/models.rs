//! What it costs to run a model in a process of its own, against the same `ort` in this process.
//!
//! `cargo bench -p benches --bench models` takes the runtime that `assay doctor` names; `ASSAY_BENCH_RUNTIME=tract` the one that is built in.
//! The network is MobileNetV2 in kind and size, with made-up weights. The last lines compare both ways run by run, because a machine that
//! does other work as well slows both.

use acceptance::onnx::mobilenet;
use criterion::Criterion;
use inspector::models::{Graph, Network, Runtime as _};
use inspector::photo::Sha256;
use ndarray::ArrayD;
use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;
use station::models::{ModelRuntime, ModelsConfig, Preference, worker_main};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Width and height of inputs: a classifier's, and one megapixel.
const SIZES: [(usize, usize); 2] = [(224, 224), (1024, 1024)];

fn main() -> ExitCode {
    // The workers are this program too.
    if std::env::args().nth(1).as_deref() == Some("model-worker") {
        return worker_main();
    }
    let tract = std::env::var("ASSAY_BENCH_RUNTIME").is_ok_and(|v| v == "tract");
    let runtime = if tract { Preference::Tract } else { Preference::Auto };
    let runtime = ModelRuntime::new(ModelsConfig { runtime, run_ms: 60_000, ..ModelsConfig::default() });
    let environment = environment(&runtime);
    let mut criterion = Criterion::default().configure_from_args();
    for (width, height) in SIZES {
        let mut pair = Pair::new(&runtime, &environment, width, height);
        let mut group = criterion.benchmark_group(format!("{} {width}x{height}", runtime.choice().name()));
        group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        group.bench_function("open", |b| b.iter(|| pair.open(&runtime)));
        group.bench_function("run, ort in this process", |b| b.iter(|| pair.bare()));
        group.bench_function("run, in a worker", |b| b.iter(|| pair.worker()));
        group.finish();
        pair.compare();
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

fn environment(runtime: &ModelRuntime) -> Environment {
    match &runtime.choice().library {
        Some(library) => ort::init_from(&library.path).expect("it was loaded before").build(),
        None => {
            ort::set_api(ort_tract::api());
            ort::init().build()
        }
    }
    .expect("an environment")
}

/// The same model twice.
struct Pair {
    file: tempfile::NamedTempFile,
    bytes: Vec<u8>,
    shape: [usize; 4],
    picture: ArrayD<f32>,
    bare: Session,
    worker: Arc<dyn Network>,
}

impl Pair {
    fn new(runtime: &ModelRuntime, environment: &Environment, width: usize, height: usize) -> Self {
        let bytes = mobilenet(width, height);
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(&file, &bytes).expect("a file to write");
        let bare = Session::builder(environment)
            .expect("a session")
            .with_optimization_level(GraphOptimizationLevel::All)
            .unwrap_or_else(|e| e.recover())
            .with_intra_threads(1)
            .unwrap_or_else(|e| e.recover())
            .commit_from_memory(&bytes)
            .expect("it opens");
        let shape = [1, 3, height, width];
        let picture = ArrayD::from_shape_fn(shape.as_slice(), |i| ((i[1] + i[2] * 7 + i[3] * 3) % 255) as f32 / 255.0);
        let worker = open(runtime, &file, &bytes, shape);
        Self { file, bytes, shape, picture, bare, worker }
    }
    fn open(&self, runtime: &ModelRuntime) -> Arc<dyn Network> {
        open(runtime, &self.file, &self.bytes, self.shape)
    }
    fn bare(&mut self) -> f32 {
        let input = TensorRef::from_array_view(self.picture.view()).expect("contiguous");
        let outputs = self.bare.run(ort::inputs!["image" => input]).expect("it runs");
        let scores = outputs["scores"].try_extract_array::<f32>().expect("numbers").to_owned();
        black_box(scores)[[0, 0]]
    }
    fn worker(&self) -> f32 {
        let outputs = self.worker.run(self.picture.view()).expect("it runs");
        black_box(outputs)[0][[0, 0]]
    }
    /// Both ways in turn.
    fn compare(&mut self) {
        assert_eq!(self.bare(), self.worker(), "the same bits");
        let (mut bare, mut worker) = (Vec::new(), Vec::new());
        // `cargo test` only tries whether it works.
        let most = if std::env::args().any(|a| a == "--bench") { 1000 } else { 1 };
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until && bare.len() < most {
            let start = Instant::now();
            self.bare();
            bare.push(start.elapsed());
            let start = Instant::now();
            self.worker();
            worker.push(start.elapsed());
        }
        bare.sort();
        worker.sort();
        for (what, i) in [("fastest", 0), ("quarter", bare.len() / 4), ("median", bare.len() / 2)] {
            let (b, w) = (bare[i].as_secs_f64() * 1e3, worker[i].as_secs_f64() * 1e3);
            println!(
                "{what} of {}: in this process {b:.3} ms, in a worker {w:.3} ms: {:+.1} %",
                bare.len(),
                (w / b - 1.0) * 100.0
            );
        }
    }
}

fn open(runtime: &ModelRuntime, file: &tempfile::NamedTempFile, bytes: &[u8], shape: [usize; 4]) -> Arc<dyn Network> {
    let graph = Graph {
        name: "mobilenet",
        file: file.path(),
        sha256: Sha256::of(bytes),
        input: ("image", shape),
        constants: &[],
        outputs: &["scores".to_owned()],
    };
    runtime.open(&graph).expect("it opens")
}
