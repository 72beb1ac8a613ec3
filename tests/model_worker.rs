//! What the model tests run as processes of their own: a worker, and a station that is killed.
//!
//! `model-worker model-worker` is a worker. `model-worker hang FILE` opens a model that never ends, with this program as worker, prints
//! `running` and runs it.

use inspector::models::{Graph, Runtime as _};
use inspector::photo::Sha256;
use station::models::{ModelRuntime, ModelsConfig, worker_main};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["model-worker"] => worker_main(),
        ["hang", file] => hang(Path::new(file)),
        _ => panic!("usage: model-worker model-worker | hang FILE"),
    }
}

fn hang(file: &Path) -> ExitCode {
    let bytes = std::fs::read(file).expect("a model");
    let runtime = ModelRuntime::new(ModelsConfig { run_ms: 600_000, ..ModelsConfig::default() });
    let outputs = ["y".to_owned()];
    let graph = Graph {
        name: "hang",
        file,
        sha256: Sha256::of(&bytes),
        input: ("x", acceptance::onnx::SLOW),
        constants: &[],
        outputs: &outputs,
    };
    let network = runtime.open(&graph).expect("it opens");
    println!("running");
    let input = ndarray::ArrayD::<f32>::zeros(acceptance::onnx::SLOW.as_slice());
    panic!("it ended: {:?}", network.run(input.view()));
}
