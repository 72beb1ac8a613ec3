//! What a model file says of itself, read before any runtime sees it: so that every refusal is one exact sentence.
//!
//! Runs in the worker: the file is foreign.

use super::protocol::OpenGraph;
use super::runtime::TRACT;
use super::tensors::{Element, Numbers, type_word};
use prost::Message as _;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    self, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto, type_proto,
};

/// Most names that a message lists.
const LISTED: usize = 12;

/// Element types that were found for what was asked.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) picture: Element,
    /// In the order of the constants that were asked for.
    pub(super) constants: Vec<Element>,
}

/// Reads a model file.
///
/// # Errors
/// One sentence: what was found instead of a whole ONNX model.
pub(super) fn read(bytes: &[u8]) -> Result<ModelProto, String> {
    if let Some(found) = foreign(bytes) {
        return Err(format!("expected an ONNX model, found {found}"));
    }
    let model = ModelProto::decode(bytes).map_err(|e| {
        let cause = e.to_string();
        let cause = cause.strip_prefix("failed to decode Protobuf message: ").unwrap_or(&cause);
        format!("expected an ONNX model, found {} bytes that are not a whole one (cut off?): {cause}", bytes.len())
    })?;
    let nodes = model.graph.as_ref().map_or(0, |g| g.node.len());
    if nodes == 0 || model.opset_import.is_empty() {
        let lacks = if nodes == 0 { "operators" } else { "version of its operators" };
        return Err(format!("expected an ONNX model, found {} bytes without {lacks} (cut off?)", bytes.len()));
    }
    external(&model)?;
    Ok(model)
}

/// What a file is that often lies where a model should.
fn foreign(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return Some("an empty file".to_owned());
    }
    if let Ok(format) = image::guess_format(bytes) {
        return Some(format!("a picture ({})", format.to_mime_type()));
    }
    let starts = [
        (0, &b"PK\x03\x04"[..], "a zip archive (PyTorch's own format? export it to ONNX)"),
        (0, b"version https://git-lfs", "a git-lfs pointer: fetch the file itself with `git lfs pull`"),
        (0, b"\x89HDF\r\n", "an HDF5 file (Keras? export it to ONNX)"),
        (4, b"TFL3", "a TensorFlow Lite model: export it to ONNX"),
        (4, b"ORTM", "a model in ONNX Runtime's own format: expected ONNX itself"),
        (0, b"<!DOCTYPE", "a web page"),
        (0, b"<html", "a web page"),
    ];
    starts.iter().find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic))).map(|s| s.2.to_owned())
}

/// One model is one file: one digest says what it is. Nothing else is ever read for it, inside its folder or outside.
fn external(model: &ModelProto) -> Result<(), String> {
    let mut found = Vec::new();
    for graph in graphs(model) {
        let sparse = graph.sparse_initializer.iter().flat_map(dense);
        found.extend(graph.initializer.iter().chain(sparse).find_map(location));
    }
    for node in nodes(model) {
        let mut tensors = node.attribute.iter().flat_map(|a| {
            let sparse = a.sparse_tensor.iter().chain(&a.sparse_tensors).flat_map(dense);
            a.t.iter().chain(&a.tensors).chain(sparse)
        });
        found.extend(tensors.find_map(location));
    }
    let Some((name, location)) = found.into_iter().next() else { return Ok(()) };
    let beside = !location.starts_with(['/', '\\']) && !location.contains("..") && !location.contains(':');
    let what = if beside { "another file" } else { "a file outside its folder" };
    let (name, location) = (shortened(&name), shortened(&location));
    Err(format!(
        "expected a model in one file, found that {name:?} lies in {what}, {location:?}: write it whole with `python3 -c \"import onnx; onnx.save(onnx.load('model.onnx'), 'whole.onnx')\"`"
    ))
}

/// The tensors that a sparse one is made of.
fn dense(sparse: &SparseTensorProto) -> impl Iterator<Item = &TensorProto> {
    sparse.values.iter().chain(&sparse.indices)
}

fn location(tensor: &TensorProto) -> Option<(String, String)> {
    let outside = tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty();
    outside.then(|| {
        let at = tensor.external_data.iter().find(|e| e.key == "location");
        (tensor.name.clone(), at.map(|e| e.value.clone()).unwrap_or_default())
    })
}

/// The graph and every graph inside it: bodies of loops and branches.
fn graphs(model: &ModelProto) -> Vec<&GraphProto> {
    let mut found: Vec<&GraphProto> = model.graph.iter().collect();
    found.extend(model.functions.iter().flat_map(|f| &f.node).flat_map(inner));
    let mut looked_at = 0;
    while let Some(graph) = found.get(looked_at) {
        let inside: Vec<&GraphProto> = graph.node.iter().flat_map(inner).collect();
        found.extend(inside);
        looked_at += 1;
    }
    found
}

fn inner(node: &NodeProto) -> impl Iterator<Item = &GraphProto> {
    node.attribute.iter().flat_map(|a| a.g.iter().chain(&a.graphs))
}

/// Every operator of the model.
fn nodes(model: &ModelProto) -> impl Iterator<Item = &NodeProto> {
    let functions = model.functions.iter().flat_map(|f| &f.node);
    graphs(model).into_iter().flat_map(|g| &g.node).chain(functions)
}

/// The operators of a model, each once: `Conv`, or `com.example.Conv` when they are not ONNX's own.
pub(super) fn operators(model: &ModelProto) -> Vec<String> {
    let names: BTreeSet<String> = nodes(model)
        .map(|node| match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        })
        .collect();
    names.into_iter().collect()
}

/// Names the operators that tract does not have.
pub(super) fn supported_by_tract(model: &ModelProto) -> Result<(), String> {
    let has = tract_onnx::onnx().op_register.0;
    let lacking: Vec<String> = operators(model)
        .into_iter()
        .filter(|name| !has.contains_key(name.rsplit('.').next().unwrap_or(name)))
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let (word, names) = (if lacking.len() == 1 { "operator" } else { "operators" }, listed(lacking.iter()));
    Err(format!(
        "{TRACT} lacks the {word} {names} that this model uses; ONNX Runtime may have them: `assay doctor --fetch-runtime`"
    ))
}

/// Compares what was asked with what the graph has.
///
/// # Errors
/// One sentence with what the graph has.
pub(super) fn describe(model: &ModelProto, asked: &OpenGraph) -> Result<Described, String> {
    let graph = model.graph.as_ref().ok_or("the model has no graph")?;
    let weights: HashSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    let inputs: Vec<Port> = graph.input.iter().filter(|i| !weights.contains(i.name.as_str())).map(Port::of).collect();
    let has = || listed(inputs.iter().map(Port::shown));
    let input = |name: &str| {
        inputs
            .iter()
            .find(|p| p.name == name)
            .ok_or_else(|| format!("there is no input {name:?}; the graph has {}", has()))
    };
    let picture = input(&asked.input)?.takes(&asked.shape)?;
    let constants: Vec<Element> =
        asked.constants.iter().map(|c| input(&c.name)?.takes(&c.shape)).collect::<Result<_, String>>()?;
    let given = |name: &str| name == asked.input || asked.constants.iter().any(|c| c.name == name);
    if let Some(open) = inputs.iter().find(|p| !given(p.name)) {
        return Err(format!("the graph wants input {} too: give it as a constant", open.shown()));
    }
    outputs(graph, &asked.outputs)?;
    Ok(Described { picture, constants })
}

/// Every output that is asked for is there, is made by something, and is asked for once.
fn outputs(graph: &GraphProto, asked: &[String]) -> Result<(), String> {
    let has = || listed(graph.output.iter().map(|o| Port::of(o).shown()));
    if asked.is_empty() {
        return Err(format!("expected at least one output to be named; the graph has {}", has()));
    }
    let made: HashSet<&str> = graph
        .node
        .iter()
        .flat_map(|n| &n.output)
        .chain(graph.input.iter().map(|i| &i.name))
        .chain(graph.initializer.iter().map(|t| &t.name))
        .map(String::as_str)
        .collect();
    for (i, name) in asked.iter().enumerate() {
        if !graph.output.iter().any(|o| o.name == *name) {
            return Err(format!("there is no output {name:?}; the graph has {}", has()));
        }
        if asked[..i].contains(name) {
            return Err(format!("output {name:?} is asked for twice"));
        }
    }
    match graph.output.iter().find(|o| !made.contains(o.name.as_str())) {
        Some(loose) => Err(format!("output {:?} of the graph is made by none of its operators (cut off?)", loose.name)),
        None => Ok(()),
    }
}

/// An input or output, as the graph declares it.
struct Port<'a> {
    name: &'a str,
    data_type: i32,
    /// `None` when the graph does not even say how many.
    dimensions: Option<&'a [Dimension]>,
}

impl<'a> Port<'a> {
    fn of(info: &'a ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|t| t.value.as_ref());
        let tensor = tensor.map(|type_proto::Value::TensorType(t)| t);
        Self {
            name: &info.name,
            data_type: tensor.map_or(0, |t| t.elem_type),
            dimensions: tensor.and_then(|t| t.shape.as_ref()).map(|s| s.dim.as_slice()),
        }
    }

    /// `"images" (batch x 3 x 640 x 640, float)`.
    fn shown(&self) -> String {
        let shape = match self.dimensions {
            None => "any shape".to_owned(),
            Some([]) => "one number".to_owned(),
            Some(dimensions) => {
                let words = dimensions.iter().map(|d| match &d.value {
                    Some(dimension::Value::DimValue(n)) => n.to_string(),
                    Some(dimension::Value::DimParam(name)) if !name.is_empty() => shortened(name),
                    _ => "?".to_owned(),
                });
                words.collect::<Vec<_>>().join(" x ")
            }
        };
        format!("{:?} ({shape}, {})", shortened(self.name), type_word(self.data_type))
    }

    /// The element type, when this input takes that shape.
    fn takes(&self, shape: &[usize]) -> Result<Element, String> {
        let fits = self.dimensions.is_none_or(|dimensions| {
            dimensions.len() == shape.len()
                && dimensions.iter().zip(shape).all(|(d, n)| match d.value {
                    Some(dimension::Value::DimValue(fixed)) => fixed <= 0 || fixed as u64 == *n as u64,
                    _ => true,
                })
        });
        if !fits {
            let asked: Vec<String> = shape.iter().map(usize::to_string).collect();
            let asked = if asked.is_empty() { "one number".to_owned() } else { asked.join(" x ") };
            return Err(format!("input: expected {asked}, as model.toml says, found {} in the graph", self.shown()));
        }
        Element::of(self.data_type).ok_or_else(|| format!("input: expected numbers, found {}", self.shown()))
    }
}

/// The same model as tract reads it best: sizes are numbers, constants are weights, there is nothing that is not asked for, and what comes
/// out is `float` (whole numbers may be symbols to tract, which `ort` cannot take). Gives the names of the outputs too.
pub(super) fn for_tract(mut model: ModelProto, asked: &OpenGraph, described: &Described) -> (Vec<u8>, Vec<String>) {
    let graph = model.graph.get_or_insert_default();
    // Sizes of intermediate results follow from the input; what an exporter wrote for another one would contradict.
    graph.value_info.clear();
    let by_name: BTreeMap<String, ValueInfoProto> = graph.input.drain(..).map(|i| (i.name.clone(), i)).collect();
    graph.input.extend(by_name.get(&asked.input).map(|i| fixed_input(i, &asked.shape)));
    for (constant, element) in asked.constants.iter().zip(&described.constants) {
        graph.initializer.push(TensorProto {
            name: constant.name.clone(),
            dims: constant.shape.iter().map(|n| *n as i64).collect(),
            data_type: by_name.get(&constant.name).map_or(0, |i| Port::of(i).data_type),
            raw_data: Numbers::of(*element, &constant.numbers()).bytes(),
            ..TensorProto::default()
        });
    }
    let mut outputs: BTreeMap<String, ValueInfoProto> = graph.output.drain(..).map(|o| (o.name.clone(), o)).collect();
    for name in &asked.outputs {
        let Some(mut output) = outputs.remove(name) else { continue };
        if Port::of(&output).data_type != DataType::Float as i32 {
            output = ValueInfoProto { name: format!("{name} as float"), ..ValueInfoProto::default() };
            graph.node.push(to_float(name, &output.name));
        }
        graph.output.push(output);
    }
    let names = graph.output.iter().map(|o| o.name.clone()).collect();
    (model.encode_to_vec(), names)
}

fn to_float(from: &str, to: &str) -> NodeProto {
    let attribute = pb::AttributeProto {
        name: "to".to_owned(),
        r#type: pb::attribute_proto::AttributeType::Int as i32,
        i: DataType::Float as i64,
        ..pb::AttributeProto::default()
    };
    NodeProto {
        op_type: "Cast".to_owned(),
        name: to.to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}

fn fixed_input(input: &ValueInfoProto, shape: &[usize]) -> ValueInfoProto {
    let dim = shape
        .iter()
        .map(|n| Dimension { value: Some(dimension::Value::DimValue(*n as i64)), ..Dimension::default() })
        .collect();
    let tensor = type_proto::Tensor { elem_type: Port::of(input).data_type, shape: Some(pb::TensorShapeProto { dim }) };
    let value = Some(type_proto::Value::TensorType(tensor));
    ValueInfoProto { r#type: Some(pb::TypeProto { value, ..pb::TypeProto::default() }), ..input.clone() }
}

/// At most so many, with commas.
fn listed<T: AsRef<str>>(names: impl ExactSizeIterator<Item = T>) -> String {
    if names.len() == 0 {
        return "none".to_owned();
    }
    let more = names.len().saturating_sub(LISTED);
    let mut words: Vec<String> = names.take(LISTED).map(|n| n.as_ref().to_owned()).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= 80 { name.to_owned() } else { name.chars().take(79).chain(['…']).collect() }
}
