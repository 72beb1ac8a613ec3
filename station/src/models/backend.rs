//! ONNX Runtime or tract, behind `ort`; one per process.

use super::graph::{self, Described};
use super::library;
use super::protocol::{Backend, OpenGraph};
use super::runtime::TRACT;
use super::supervised::MAX_OUTPUT;
use super::tensors::{Numbers, with_f32};
use inspector::models::MAX_GRAPH_BYTES;
use inspector::photo::Sha256;
use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// The runtime of this process.
pub(super) struct Engine {
    environment: Environment,
    /// `onnxruntime 1.31.1` or `tract 0.23.9`.
    name: String,
    native: bool,
}

impl Engine {
    /// Loads the runtime.
    pub(super) fn start(backend: &Backend) -> Result<Self, String> {
        let (environment, name) = match backend {
            Backend::Tract => {
                // Before any other call of `ort`, which would look for a library by itself.
                ort::set_api(ort_tract::api());
                (ort::init().with_telemetry(false).build(), TRACT.to_owned())
            }
            Backend::Native { path, sha256 } => {
                // Looked at again by the process that loads it, so that the digest in the records is that of what runs; unless somebody who may
                // write to the file swaps it between this look and the loading.
                let library = library::trusted(path, Some(*sha256)).map_err(|e| e.to_string())?;
                if library.sha256 != *sha256 {
                    return Err(format!("expected {sha256}, found {}", library.sha256));
                }
                let loaded = ort::init_from(&library.path).map_err(|e| load_error(&e))?;
                (loaded.with_telemetry(false).build(), format!("onnxruntime {}", library.version))
            }
        };
        let environment = environment.map_err(|e| one_line(e.message()))?;
        let native = matches!(backend, Backend::Native { .. });
        Ok(Self { environment, name, native })
    }

    /// Reads, checks and opens a graph.
    pub(super) fn open(&self, asked: OpenGraph) -> Result<Opened, String> {
        let bytes = read(&asked.file, asked.sha256)?;
        let model = graph::read(&bytes)?;
        let described = graph::describe(&model, &asked)?;
        if !self.native {
            graph::supported_by_tract(&model)?;
        }
        let operators = graph::operators(&model);
        let (bytes, outputs) = if self.native {
            drop(model);
            (bytes, asked.outputs.clone())
        } else {
            drop(bytes);
            graph::for_tract(model, &asked, &described)
        };
        let session = self.session(&bytes).map_err(|e| self.explain(&e, &operators))?;
        Opened::new(session, asked, outputs, &described, self)
    }

    fn session(&self, model: &[u8]) -> Result<Session, ort::Error> {
        // What one of the two cannot set, it does not need.
        let or_without = |e: ort::Error<SessionBuilder>| e.recover();
        Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)
            .unwrap_or_else(or_without)
            .with_intra_threads(1)
            .unwrap_or_else(or_without)
            .with_inter_threads(1)
            .unwrap_or_else(or_without)
            .with_intra_op_spinning(false)
            .unwrap_or_else(or_without)
            .with_inter_op_spinning(false)
            .unwrap_or_else(or_without)
            .commit_from_memory(model)
    }

    /// A refusal in one sentence; an operator that this runtime lacks is named.
    fn explain(&self, e: &ort::Error, operators: &[String]) -> String {
        let said = one_line(e.message());
        if said.contains("is not a registered function/op") {
            let lacking = operators.iter().find(|o| said.contains(o.rsplit('.').next().unwrap_or(o)));
            if let Some(operator) = lacking {
                return format!("{} lacks the operator {operator} that this model uses", self.name);
            }
        }
        if said.contains("bad_alloc") || said.contains("Failed to allocate memory") {
            return format!("it needs more memory than a model may use ({said})");
        }
        format!("{} cannot open it: {said}{}", self.name, self.advice())
    }

    /// What may help where this runtime says no.
    const fn advice(&self) -> &'static str {
        if self.native { "" } else { "; ONNX Runtime may do it: `assay doctor --fetch-runtime`" }
    }
}

/// A graph that is ready to run.
pub(super) struct Opened {
    session: Session,
    graph: OpenGraph,
    /// What is read from the shared memory.
    picture: Vec<f32>,
    /// The same in the element type that the graph wants, when that is another one.
    converted: Option<Numbers>,
    constants: Vec<(String, Vec<usize>, Numbers)>,
    /// Names of the outputs, in the order that was asked for.
    outputs: Vec<String>,
    /// Only these outputs are asked for; tract's graph has no others.
    selected: Option<RunOptions<HasSelectedOutputs>>,
    /// The runtime's name, and what may help where it says no.
    runtime: (String, &'static str),
}

impl Opened {
    fn new(
        session: Session,
        graph: OpenGraph,
        outputs: Vec<String>,
        described: &Described,
        engine: &Engine,
    ) -> Result<Self, String> {
        let picture = vec![0.0; graph.input_len()];
        let converted = match Numbers::of(described.picture, &[]) {
            Numbers::F32(_) => None,
            other => Some(other),
        };
        let mut constants = Vec::new();
        let mut selected = None;
        if engine.native {
            // tract has them in its graph.
            for (fixed, element) in graph.constants.iter().zip(&described.constants) {
                let numbers = Numbers::of(*element, &fixed.numbers());
                constants.push((fixed.name.clone(), fixed.shape.clone(), numbers));
            }
            let selector = outputs.iter().fold(OutputSelector::no_default(), OutputSelector::with);
            let options = RunOptions::new().map_err(|e| one_line(e.message()))?;
            selected = Some(options.with_outputs(selector));
        }
        let runtime = (engine.name.clone(), engine.advice());
        Ok(Self { session, graph, picture, converted, constants, outputs, selected, runtime })
    }

    /// Runs on the picture in the shared memory, leaves the outputs there and gives their shapes.
    pub(super) fn run(&mut self, memory: &File) -> Result<Vec<Vec<usize>>, String> {
        let Self { session, graph, picture, converted, constants, outputs: names, selected, runtime } = self;
        let moved = |e: std::io::Error| format!("the shared memory cannot be used: {e}");
        memory.read_exact_at(bytemuck::cast_slice_mut(picture), 0).map_err(moved)?;
        let said = |e: ort::Error| one_line(e.message());
        let shape = graph.shape.to_vec();
        let value = match converted {
            None => ort::value::TensorRef::from_array_view((shape, picture.as_slice())).map_err(said)?.into(),
            Some(numbers) => {
                numbers.set(picture);
                numbers.value(&shape).map_err(said)?
            }
        };
        let mut inputs = vec![(graph.input.as_str(), value)];
        for (name, shape, numbers) in constants.iter() {
            inputs.push((name, numbers.value(shape).map_err(said)?));
        }
        let outputs = match selected {
            Some(options) => session.run_with_options(inputs, options),
            None => session.run(inputs),
        };
        let outputs = outputs.map_err(|e| format!("{} said: {}{}", runtime.0, said(e), runtime.1))?;
        let (mut at, mut left) = (graph.outputs_at(), MAX_OUTPUT);
        names
            .iter()
            .map(|name| {
                let value = outputs.get(name).ok_or_else(|| format!("output {name:?} was not given"))?;
                with_f32(name, value, |shape, numbers| {
                    left = left.checked_sub(numbers.len()).ok_or("its outputs are larger than 512 MB")?;
                    memory.write_all_at(bytemuck::cast_slice(numbers), at).map_err(moved)?;
                    at += numbers.len() as u64 * 4;
                    Ok(shape.to_vec())
                })
            })
            .collect()
    }
}

/// Reads the model file, at most so much, and makes sure that it is the one that was meant.
fn read(file: &Path, sha256: Sha256) -> Result<Vec<u8>, String> {
    let cannot = |e: std::io::Error| format!("cannot be read: {e}");
    let metadata = file.metadata().map_err(cannot)?;
    if !metadata.is_file() {
        return Err("expected a plain file, found a folder or device".to_owned());
    }
    if metadata.len() > MAX_GRAPH_BYTES {
        let found = metadata.len() as f64 / 1e6;
        return Err(format!("expected a model of at most {} MB, found {found:.0} MB", MAX_GRAPH_BYTES >> 20));
    }
    let mut bytes = Vec::new();
    File::open(file).and_then(|f| f.take(MAX_GRAPH_BYTES).read_to_end(&mut bytes)).map_err(cannot)?;
    let found = Sha256::of(&bytes);
    if found != sha256 {
        return Err(format!("expected {sha256}, found {found}: the file was changed"));
    }
    Ok(bytes)
}

fn load_error(e: &ort::LoadDynamicError) -> String {
    match e {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            format!("it is too old: expected ONNX Runtime 1.{} or newer, found {version_str}", ort::MINOR_VERSION)
        }
        ort::LoadDynamicError::Dlopen { error, .. } => {
            one_line(&format!("it is no library that can be loaded: {error}"))
        }
        ort::LoadDynamicError::MissingApi { .. } => "it is a library, but not ONNX Runtime".to_owned(),
        other => one_line(&other.to_string()),
    }
}

/// What a runtime said, as one line of bounded length.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= 300 { line } else { line.chars().take(299).chain(['…']).collect() }
}
