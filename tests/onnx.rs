//! Small ONNX graphs, built by hand: what models look like, good and bad.

use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

pub use tract_onnx::pb::tensor_proto::DataType as Element;

/// A dimension: a number, or a name for "any".
#[derive(Clone, Copy, Debug)]
pub enum Dim {
    /// Always so many.
    Fixed(usize),
    /// Any.
    Any(&'static str),
}

/// A graph in the making.
#[derive(Clone, Debug, Default)]
pub struct Onnx {
    graph: GraphProto,
}

impl Onnx {
    /// With one input of fixed shape, `float`.
    pub fn new(input: &str, shape: &[usize]) -> Self {
        Self::default().input(input, DataType::Float, &shape.iter().map(|n| Dim::Fixed(*n)).collect::<Vec<_>>())
    }

    /// One more input.
    #[must_use]
    pub fn input(mut self, name: &str, element: DataType, shape: &[Dim]) -> Self {
        self.graph.input.push(port(name, element, Some(shape)));
        self
    }

    /// One more output, of whatever shape.
    #[must_use]
    pub fn output(mut self, name: &str, element: DataType) -> Self {
        self.graph.output.push(port(name, element, None));
        self
    }

    /// One more operator.
    #[must_use]
    pub fn node(mut self, op: &str, inputs: &[&str], outputs: &[&str], attributes: Vec<AttributeProto>) -> Self {
        self.graph.node.push(node(op, inputs, outputs, attributes));
        self
    }

    /// Weights.
    #[must_use]
    pub fn weights(mut self, name: &str, shape: &[usize], numbers: &[f32]) -> Self {
        let raw_data = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.graph.initializer.push(tensor(name, DataType::Float, shape, raw_data));
        self
    }

    /// Whole-number weights: shapes, axes.
    #[must_use]
    pub fn integers(mut self, name: &str, numbers: &[i64]) -> Self {
        let raw_data = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.graph.initializer.push(tensor(name, DataType::Int64, &[numbers.len()], raw_data));
        self
    }

    /// Weights that lie in another file.
    #[must_use]
    pub fn external(mut self, name: &str, shape: &[usize], location: &str) -> Self {
        let entry = StringStringEntryProto { key: "location".into(), value: location.into() };
        self.graph.initializer.push(TensorProto {
            data_location: Some(DataLocation::External as i32),
            external_data: vec![entry],
            ..tensor(name, DataType::Float, shape, Vec::new())
        });
        self
    }

    /// The graph alone, to be put into an attribute.
    pub fn into_graph(mut self) -> GraphProto {
        self.graph.name = "inner".into();
        self.graph
    }

    /// The bytes of `model.onnx`.
    pub fn bytes(mut self) -> Vec<u8> {
        self.graph.name = "graph".into();
        let mut domains: Vec<String> = self.graph.node.iter().map(|n| n.domain.clone()).collect();
        domains.push(String::new());
        domains.sort();
        domains.dedup();
        let version = |domain: &str| if domain.is_empty() { 17 } else { 1 };
        let opset_import =
            domains.into_iter().map(|d| OperatorSetIdProto { version: version(&d), domain: d }).collect();
        ModelProto { ir_version: 8, opset_import, graph: Some(self.graph), ..ModelProto::default() }.encode_to_vec()
    }
}

/// An operator; `com.example.Op` is one of the domain `com.example`.
pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let (domain, op_type) = op.rsplit_once('.').unwrap_or(("", op));
    NodeProto {
        op_type: op_type.into(),
        domain: domain.into(),
        name: format!("{op_type}:{}", outputs.first().unwrap_or(&"")),
        input: inputs.iter().map(|s| (*s).into()).collect(),
        output: outputs.iter().map(|s| (*s).into()).collect(),
        attribute,
        ..NodeProto::default()
    }
}

/// A whole-number attribute.
pub fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..AttributeProto::default() }
}

/// An attribute of several whole numbers.
pub fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let (name, r#type) = (name.into(), AttributeType::Ints as i32);
    AttributeProto { name, r#type, ints: ints.to_vec(), ..AttributeProto::default() }
}

/// A graph as attribute: the body of a loop.
pub fn body(name: &str, graph: GraphProto) -> AttributeProto {
    let (name, r#type) = (name.into(), AttributeType::Graph as i32);
    AttributeProto { name, r#type, g: Some(graph), ..AttributeProto::default() }
}

/// An operator that casts to an element type.
pub fn to(element: DataType) -> Vec<AttributeProto> {
    vec![int("to", element as i64)]
}

fn tensor(name: &str, element: DataType, shape: &[usize], raw_data: Vec<u8>) -> TensorProto {
    let dims = shape.iter().map(|n| *n as i64).collect();
    TensorProto { name: name.into(), data_type: element as i32, dims, raw_data, ..TensorProto::default() }
}

fn port(name: &str, element: DataType, shape: Option<&[Dim]>) -> ValueInfoProto {
    let dimension = |dim: &Dim| {
        let value = match dim {
            Dim::Fixed(n) => dimension::Value::DimValue(*n as i64),
            Dim::Any(name) => dimension::Value::DimParam((*name).into()),
        };
        Dimension { value: Some(value), ..Dimension::default() }
    };
    let shape = shape.map(|shape| TensorShapeProto { dim: shape.iter().map(dimension).collect() });
    let value = Some(type_proto::Value::TensorType(type_proto::Tensor { elem_type: element as i32, shape }));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.into(), r#type, ..ValueInfoProto::default() }
}

/// A network of the kind and size of MobileNetV2 (3.4 million weights) with made-up weights: input `image`, output `scores` (1, 1000).
pub fn mobilenet(width: usize, height: usize) -> Vec<u8> {
    let mut net = Net { onnx: Onnx::new("image", &[1, 3, height, width]), layers: 0, seed: 19 };
    let mut x = net.conv("image", (3, 32), 3, 2, 1, true);
    let mut channels = 32;
    for (expand, out, repeat, stride) in
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    {
        for i in 0..repeat {
            let stride = if i == 0 { stride } else { 1 };
            let inner = channels * expand;
            let mut y = if expand > 1 { net.conv(&x, (channels, inner), 1, 1, 1, true) } else { x.clone() };
            y = net.conv(&y, (inner, inner), 3, stride, inner, true);
            y = net.conv(&y, (inner, out), 1, 1, 1, false);
            x = if stride == 1 && channels == out { net.op("Add", &[&x, &y]) } else { y };
            channels = out;
        }
    }
    x = net.conv(&x, (320, 1280), 1, 1, 1, true);
    x = net.op("GlobalAveragePool", &[&x]);
    x = net.op("Flatten", &[&x]);
    let weights = net.random(1280 * 1000, 1280);
    let onnx = net.onnx.weights("classes", &[1280, 1000], &weights);
    onnx.node("MatMul", &[&x, "classes"], &["scores"], vec![]).output("scores", DataType::Float).bytes()
}

struct Net {
    onnx: Onnx,
    layers: usize,
    seed: u64,
}

impl Net {
    fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.layers += 1;
        let out = format!("x{}", self.layers);
        self.onnx = std::mem::take(&mut self.onnx).node(op, inputs, &[&out], vec![]);
        out
    }

    /// Convolution and, with `relu`, ReLU6.
    fn conv(&mut self, x: &str, (from, to): (usize, usize), k: usize, stride: i64, group: usize, relu: bool) -> String {
        self.layers += 1;
        let (w, out) = (format!("w{}", self.layers), format!("x{}", self.layers));
        let fan_in = from / group * k * k;
        let weights = self.random(to * fan_in, fan_in);
        let pad = (k / 2) as i64;
        let attributes = vec![
            ints("kernel_shape", &[k as i64, k as i64]),
            ints("strides", &[stride, stride]),
            ints("pads", &[pad, pad, pad, pad]),
            int("group", group as i64),
        ];
        let onnx = std::mem::take(&mut self.onnx).weights(&w, &[to, from / group, k, k], &weights);
        self.onnx = onnx.node("Conv", &[x, &w], &[&out], attributes);
        if relu { self.op("Relu", &[&out]) } else { out }
    }

    /// Numbers of about the size that keeps a layer's output as large as its input.
    fn random(&mut self, n: usize, fan_in: usize) -> Vec<f32> {
        let scale = (6.0 / fan_in as f32).sqrt();
        (0..n)
            .map(|_| {
                self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((self.seed >> 40) as f32 / (1 << 24) as f32 * 2.0 - 1.0) * scale
            })
            .collect()
    }
}

/// Shape of the input `x` of [`slow`].
pub const SLOW: [usize; 4] = [1, 1, 2048, 2048];

/// A graph that any runtime opens at once and works on for a minute and more: two hundred products of large matrices.
pub fn slow() -> Vec<u8> {
    let mut onnx = Onnx::new("x", &SLOW);
    for i in 0..200 {
        let (from, to) = (if i == 0 { "x".to_owned() } else { format!("y{i}") }, format!("y{}", i + 1));
        onnx = onnx.node("MatMul", &[&from, "x"], &[&to], vec![]);
    }
    onnx.node("Identity", &["y200"], &["y"], vec![]).output("y", DataType::Float).bytes()
}
