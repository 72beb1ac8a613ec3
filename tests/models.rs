//! Models on both runtimes: what runs, what is refused and with which words, what hangs, dies or lies.
//!
//! tract is always there. ONNX Runtime is tried when `assay doctor --fetch-runtime` or `ORT_DYLIB_PATH` put a library where it is found.

use acceptance::onnx::{self, Dim, Element, Onnx, body, int, to};
use inspector::models::{Constant, Graph, Network, NetworkError, Runtime as _};
use inspector::photo::Sha256;
use ndarray::ArrayD;
use station::models::{ModelRuntime, ModelsConfig, Preference};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub(crate) const WORKER: &str = env!("CARGO_BIN_EXE_model-worker");

/// tract, and ONNX Runtime when there is one.
pub(crate) fn both(config: &ModelsConfig) -> Vec<ModelRuntime> {
    static NATIVE: OnceLock<bool> = OnceLock::new();
    let native = *NATIVE.get_or_init(|| {
        let choice = ModelRuntime::default().with_program(Path::new(WORKER)).choice().clone();
        if choice.library.is_none() {
            println!(
                "skipped: ONNX Runtime is not here (assay doctor --fetch-runtime); tract alone is tested: {choice:?}"
            );
        }
        choice.library.is_some()
    });
    let mut runtimes = vec![only_tract(config)];
    if native {
        runtimes.push(ModelRuntime::new(config.clone()).with_program(Path::new(WORKER)));
    }
    runtimes
}

fn only_tract(config: &ModelsConfig) -> ModelRuntime {
    let config = ModelsConfig { runtime: Preference::Tract, ..config.clone() };
    ModelRuntime::new(config).with_program(Path::new(WORKER))
}

pub(crate) fn is_native(runtime: &ModelRuntime) -> bool {
    runtime.choice().library.is_some()
}

fn quick() -> ModelsConfig {
    ModelsConfig { run_ms: 400, ..ModelsConfig::default() }
}

/// A model file, and what is asked of it.
pub(crate) struct Asked {
    dir: tempfile::TempDir,
    bytes: Vec<u8>,
    input: (&'static str, [usize; 4]),
    constants: Vec<Constant>,
    outputs: Vec<String>,
}

impl Asked {
    pub(crate) fn new(bytes: Vec<u8>, input: (&'static str, [usize; 4]), outputs: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("model.onnx"), &bytes).unwrap();
        Self { dir, bytes, input, constants: Vec::new(), outputs: outputs.iter().map(|o| (*o).to_owned()).collect() }
    }
    fn with(mut self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let values = ArrayD::from_shape_vec(shape, values.to_vec()).unwrap();
        self.constants.push(Constant { name: name.into(), values });
        self
    }
    fn file(&self) -> PathBuf {
        self.dir.path().join("model.onnx")
    }
    pub(crate) fn open(&self, runtime: &ModelRuntime) -> Result<Arc<dyn Network>, NetworkError> {
        runtime.open(&Graph {
            name: "test",
            file: &self.file(),
            sha256: Sha256::of(&self.bytes),
            input: self.input,
            constants: &self.constants,
            outputs: &self.outputs,
        })
    }
    /// Why it is refused: one line.
    #[track_caller]
    pub(crate) fn refused(&self, runtime: &ModelRuntime) -> String {
        match self.open(runtime) {
            Err(NetworkError::Refused { what }) => {
                assert!(!what.contains('\n') && what.len() < 700, "{what}");
                what
            }
            other => panic!("expected a refusal, found {other:?}"),
        }
    }
    /// The input with numbers 0, 1, 2, ... times `step`.
    pub(crate) fn picture(&self, step: f32) -> ArrayD<f32> {
        let n = self.input.1.iter().product::<usize>();
        ArrayD::from_shape_vec(self.input.1.as_slice(), (0..n).map(|i| i as f32 * step).collect()).unwrap()
    }
}

/// `y = x` for an input of that shape.
pub(crate) fn identity(shape: [usize; 4]) -> Onnx {
    Onnx::new("x", &shape).node("Identity", &["x"], &["y"], vec![]).output("y", Element::Float)
}

pub(crate) const SMALL: [usize; 4] = [1, 3, 4, 5];

#[test]
fn numbers_and_shapes_come_back_as_they_are() {
    let model = Onnx::new("x", &SMALL)
        .node("Add", &["x", "x"], &["twice"], vec![])
        .node("ReduceSum", &["x"], &["sum"], vec![int("keepdims", 0)])
        .node("Flatten", &["x"], &["flat"], vec![])
        .output("sum", Element::Float)
        .output("twice", Element::Float)
        .output("unused", Element::Float)
        .output("flat", Element::Float)
        .node("Neg", &["x"], &["unused"], vec![]);
    let asked = Asked::new(model.bytes(), ("x", SMALL), &["flat", "twice", "sum"]);
    for runtime in both(&ModelsConfig::default()) {
        let network = asked.open(&runtime).unwrap();
        let x = asked.picture(0.5);
        for _ in 0..3 {
            let outputs = network.run(x.view()).unwrap();
            let shapes: Vec<&[usize]> = outputs.iter().map(|o| o.shape()).collect();
            assert_eq!(shapes, [&[1, 60][..], &[1, 3, 4, 5], &[]], "in the order that was asked for");
            assert_eq!(outputs[0].as_slice().unwrap(), x.as_slice().unwrap());
            assert_eq!(outputs[1], &x * 2.0);
            assert_eq!(outputs[2].first(), Some(&(59.0 * 60.0 / 2.0 * 0.5)));
        }
        // A picture that lies otherwise in memory is the same picture.
        let other_way = x.view().permuted_axes(vec![3, 2, 1, 0]).as_standard_layout().into_owned();
        let same = other_way.view().permuted_axes(vec![3, 2, 1, 0]);
        assert!(!same.is_standard_layout());
        assert_eq!(network.run(same).unwrap()[1], &x * 2.0);
        let e = network.run(ArrayD::zeros(vec![1, 3, 5, 4]).view()).unwrap_err().to_string();
        assert!(e.contains("expected an input of [1, 3, 4, 5], found [1, 3, 5, 4]"), "{e}");
        let name = network.runtime();
        let native = is_native(&runtime);
        assert!(
            name.starts_with(if native { "onnxruntime 1." } else { "tract 0." }) && name.contains("sha256:") == native
        );
    }
}

#[test]
fn element_types_are_converted_both_ways() {
    use Element::{Bool, Double, Float, Float16, Int32, Int64, Uint8};
    for runtime in both(&ModelsConfig::default()) {
        for (element, given, seen) in [
            (Float16, [0.0, 1.0, 0.1, -2.5], [0.0, 1.0, 0.099_975_586, -2.5]),
            (Double, [0.0, 1.0, 0.1, -2.5], [0.0, 1.0, 0.1, -2.5]),
            (Uint8, [0.0, 254.6, 300.0, -7.0], [0.0, 255.0, 255.0, 0.0]),
            (Int32, [0.0, 2.5, -3.4, 7e4], [0.0, 3.0, -3.0, 7e4]),
            (Int64, [0.0, 2.4, -3.6, 7e4], [0.0, 2.0, -4.0, 7e4]),
            (Bool, [0.0, 1.0, 0.1, -2.5], [0.0, 1.0, 1.0, 1.0]),
        ] {
            let input = [1, 1, 2, 2];
            let dims = input.map(Dim::Fixed);
            // In: the graph wants the type. Out: it gives the type.
            let inwards =
                Onnx::default().input("x", element, &dims).node("Cast", &["x"], &["y"], to(Float)).output("y", Float);
            let outwards = Onnx::new("x", &input).node("Cast", &["x"], &["y"], to(element)).output("y", element);
            let x = ArrayD::from_shape_vec(input.as_slice(), given.to_vec()).unwrap();
            let run = |model: Onnx, x: &ArrayD<f32>| {
                let network = Asked::new(model.bytes(), ("x", input), &["y"]).open(&runtime).unwrap();
                network.run(x.view()).unwrap().remove(0).into_raw_vec_and_offset().0
            };
            assert_eq!(run(inwards, &x), seen, "{element:?} in");
            let whole = ArrayD::from_shape_vec(input.as_slice(), seen.to_vec()).unwrap();
            assert_eq!(run(outwards, &whole), seen, "{element:?} out");
        }
    }
}

#[test]
fn constants_and_open_sizes_are_filled_in() {
    let batch = [Dim::Any("batch"), Dim::Fixed(3), Dim::Any("height"), Dim::Any("width")];
    let model = Onnx::default()
        .input("x", Element::Float, &batch)
        .input("size", Element::Int64, &[Dim::Any("batch"), Dim::Fixed(2)])
        .node("Cast", &["size"], &["s"], to(Element::Float))
        .node("GlobalAveragePool", &["x"], &["mean"], vec![])
        .integers("row", &[1, -1])
        .node("Reshape", &["mean", "row"], &["m"], vec![])
        .node("MatMul", &["s", "w"], &["sw"], vec![])
        .weights("w", &[2, 3], &[1.0, 0.0, 2.0, 0.0, 1.0, 0.0])
        .node("Add", &["m", "sw"], &["y"], vec![])
        .output("y", Element::Float);
    let asked = Asked::new(model.bytes(), ("x", SMALL), &["y"]).with("size", &[1, 2], &[640.0, 479.6]);
    for runtime in both(&ModelsConfig::default()) {
        let outputs = asked.open(&runtime).unwrap().run(ArrayD::ones(SMALL.as_slice()).view()).unwrap();
        assert_eq!(outputs[0].as_slice().unwrap(), [641.0, 481.0, 1281.0]);
    }
}

/// The pixel mask of a DETR: one number for every pixel, all the same.
#[test]
fn a_constant_as_large_as_the_picture_is_one_number() {
    const SIDE: usize = 640;
    let shape = [1, 1, SIDE, SIDE];
    let model = Onnx::new("x", &shape)
        .input("mask", Element::Int64, &[Dim::Any("batch"), Dim::Any("height"), Dim::Any("width")])
        .node("Cast", &["mask"], &["m"], to(Element::Float))
        .node("Mul", &["x", "m"], &["seen"], vec![])
        .node("ReduceSum", &["seen"], &["y"], vec![int("keepdims", 0)])
        .output("y", Element::Float);
    let asked = Asked::new(model.bytes(), ("x", shape), &["y"]);
    let all = vec![1.0; SIDE * SIDE];
    let mut but_one = all.clone();
    but_one[7] = 0.0;
    let masked = asked.with("mask", &[1, SIDE, SIDE], &all);
    for runtime in both(&ModelsConfig::default()) {
        let outputs = masked.open(&runtime).unwrap().run(ArrayD::ones(shape.as_slice()).view()).unwrap();
        assert_eq!(outputs[0].as_slice().unwrap(), [(SIDE * SIDE) as f32]);
    }
    let asked = Asked { constants: Vec::new(), ..masked }.with("mask", &[1, SIDE, SIDE], &but_one);
    let what = asked.refused(&only_tract(&ModelsConfig::default()));
    assert!(what.contains("expected at most 16384 numbers that are not all the same, found 409600"), "{what}");
}

#[test]
fn what_does_not_fit_the_graph_is_named_with_what_is_there() {
    let shown = "\"x\" (batch x 3 x 4 x 5, float)";
    let open = [Dim::Any("batch"), Dim::Fixed(3), Dim::Fixed(4), Dim::Fixed(5)];
    let model = || {
        let graph = Onnx::default().input("x", Element::Float, &open);
        graph.node("Identity", &["x"], &["y"], vec![]).output("y", Element::Float)
    };
    for runtime in both(&ModelsConfig::default()) {
        let refused =
            |model: Onnx, input, outputs: &[&str]| Asked::new(model.bytes(), input, outputs).refused(&runtime);
        assert_eq!(
            refused(model(), ("images", SMALL), &["y"]),
            format!("there is no input \"images\"; the graph has {shown}")
        );
        assert_eq!(
            refused(model(), ("x", [1, 3, 5, 4]), &["y"]),
            format!("input: expected 1 x 3 x 5 x 4, as model.toml says, found {shown} in the graph")
        );
        let flat = Onnx::new("x", &[1, 60]).node("Identity", &["x"], &["y"], vec![]).output("y", Element::Float);
        assert_eq!(
            refused(flat, ("x", SMALL), &["y"]),
            "input: expected 1 x 3 x 4 x 5, as model.toml says, found \"x\" (1 x 60, float) in the graph"
        );
        assert_eq!(
            refused(model(), ("x", SMALL), &["y", "boxes"]),
            "there is no output \"boxes\"; the graph has \"y\" (any shape, float)"
        );
        assert_eq!(refused(model(), ("x", SMALL), &["y", "y"]), "output \"y\" is asked for twice");
        let two = model().input("scale", Element::Float, &[Dim::Fixed(1), Dim::Fixed(2)]);
        assert_eq!(
            refused(two, ("x", SMALL), &["y"]),
            "the graph wants input \"scale\" (1 x 2, float) too: give it as a constant"
        );
        let loose = model().output("lost", Element::Float);
        assert_eq!(
            refused(loose, ("x", SMALL), &["y"]),
            "output \"lost\" of the graph is made by none of its operators (cut off?)"
        );
        let texts = Onnx::default().input("x", Element::String, &open);
        let texts = texts.node("Identity", &["x"], &["y"], vec![]).output("y", Element::Float);
        assert_eq!(
            refused(texts, ("x", SMALL), &["y"]),
            "input: expected numbers, found \"x\" (batch x 3 x 4 x 5, string)"
        );
    }
}

#[test]
fn what_is_no_whole_model_is_refused_with_what_it_is() {
    let whole = onnx::mobilenet(32, 32);
    let jpeg = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(8, 8).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    };
    let input = ("image", [1, 3, 32, 32]);
    for runtime in both(&ModelsConfig::default()) {
        let refused = |bytes: &[u8]| Asked::new(bytes.to_vec(), input, &["scores"]).refused(&runtime);
        for length in [5, 100, whole.len() / 3, whole.len() - 10_000, whole.len() - 1] {
            let what = refused(&whole[..length]);
            assert!(
                what.starts_with("expected an ONNX model, found ") && what.contains("(cut off?)"),
                "{length}: {what}"
            );
        }
        assert_eq!(refused(&jpeg), "expected an ONNX model, found a picture (image/jpeg)");
        assert_eq!(refused(b""), "expected an ONNX model, found an empty file");
        let zip = refused(b"PK\x03\x04 archive/data.pkl");
        assert!(zip.starts_with("expected an ONNX model, found a zip archive (PyTorch"), "{zip}");
        let pointer = refused(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        assert!(pointer.contains("git lfs pull"), "{pointer}");
        let text = refused(b"weights: 3, layers: 5\n");
        assert!(text.starts_with("expected an ONNX model, found 22 bytes that are not a whole one"), "{text}");

        let mut changed = Asked::new(whole.clone(), input, &["scores"]);
        changed.bytes[99] ^= 1;
        let what = changed.refused(&runtime);
        assert!(what.starts_with("expected sha256:") && what.ends_with("the file was changed"), "{what}");
        let gone = Asked::new(whole.clone(), input, &["scores"]);
        fs::remove_file(gone.file()).unwrap();
        assert!(gone.refused(&runtime).starts_with("cannot be read: "));
    }
}

#[test]
fn a_gigabyte_model_is_refused_before_it_is_read() {
    for runtime in both(&ModelsConfig::default()) {
        let asked = Asked::new(vec![1], ("x", SMALL), &["y"]);
        fs::File::options().write(true).open(asked.file()).unwrap().set_len(3_000_000_000).unwrap();
        let start = Instant::now();
        assert_eq!(asked.refused(&runtime), "expected a model of at most 256 MB, found 3000 MB");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn weights_in_other_files_are_refused_wherever_they_lie() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), [0; 240]).unwrap();
    for runtime in both(&ModelsConfig::default()) {
        let absolute = outside.path().join("secret").to_string_lossy().into_owned();
        for (location, place) in [
            ("../../etc/passwd", "a file outside its folder"),
            (absolute.as_str(), "a file outside its folder"),
            ("sub/../../secret", "a file outside its folder"),
            ("link.data", "another file"),
            ("weights.data", "another file"),
            ("", "another file"),
        ] {
            let model = Onnx::new("x", &SMALL).external("w", &SMALL, location).node("Add", &["x", "w"], &["y"], vec![]);
            let asked = Asked::new(model.output("y", Element::Float).bytes(), ("x", SMALL), &["y"]);
            fs::write(asked.dir.path().join("weights.data"), [0; 240]).unwrap();
            std::os::unix::fs::symlink(outside.path().join("secret"), asked.dir.path().join("link.data")).unwrap();
            let what = asked.refused(&runtime);
            let expected =
                format!("expected a model in one file, found that \"w\" lies in {place}, {location:?}: write it whole");
            assert!(what.starts_with(&expected), "{what}");
        }
        // Inside a loop's body or a constant it is found too.
        let mut node = onnx::node("Constant", &[], &["c"], vec![]);
        let inner = Onnx::default().external("w", &SMALL, "weights.data").into_graph().initializer.remove(0);
        // And so are the parts of a sparse tensor.
        for (values, indices) in [(Some(inner.clone()), None), (None, Some(inner.clone()))] {
            let sparse = tract_onnx::pb::SparseTensorProto { values, indices, dims: Vec::new() };
            let mut node = onnx::node("Constant", &[], &["c"], vec![]);
            node.attribute.push(tract_onnx::pb::AttributeProto {
                name: "sparse_value".into(),
                r#type: 11,
                sparse_tensor: Some(sparse),
                ..Default::default()
            });
            let mut hidden = identity(SMALL).into_graph();
            hidden.node.push(node);
            let model = Onnx::new("x", &SMALL).node("If", &["x"], &["y"], vec![body("then_branch", hidden)]);
            let asked = Asked::new(model.output("y", Element::Float).bytes(), ("x", SMALL), &["y"]);
            let what = asked.refused(&runtime);
            assert!(what.starts_with("expected a model in one file, found that \"w\" lies in another file"), "{what}");
        }
        node.attribute.push(tract_onnx::pb::AttributeProto {
            name: "value".into(),
            r#type: 4,
            t: Some(inner),
            ..Default::default()
        });
        let mut hidden = identity(SMALL).into_graph();
        hidden.node.push(node);
        let model = Onnx::new("x", &SMALL).node("If", &["x"], &["y"], vec![body("then_branch", hidden)]);
        let asked = Asked::new(model.output("y", Element::Float).bytes(), ("x", SMALL), &["y"]);
        assert!(
            asked.refused(&runtime).starts_with("expected a model in one file, found that \"w\" lies in another file")
        );
    }
}

#[test]
fn an_operator_that_a_runtime_lacks_is_named_with_the_runtime() {
    let config = ModelsConfig::default();
    let roi_align = Onnx::new("x", &SMALL)
        .weights("boxes", &[1, 4], &[0.0, 0.0, 3.0, 3.0])
        .integers("batch", &[0])
        .node("RoiAlign", &["x", "boxes", "batch"], &["r"], vec![int("output_height", 2), int("output_width", 2)])
        .node("Identity", &["r"], &["y"], vec![])
        .output("y", Element::Float)
        .bytes();
    let asked = Asked::new(roi_align, ("x", SMALL), &["y"]);
    assert_eq!(
        asked.refused(&only_tract(&config)),
        "tract 0.23.9 lacks the operator RoiAlign that this model uses; ONNX Runtime may have them: `assay doctor --fetch-runtime`"
    );
    let foreign = Onnx::new("x", &SMALL)
        .node("com.example.Frobnicate", &["x"], &["z"], vec![])
        .node("DeformConv", &["z", "z", "z"], &["y"], vec![])
        .output("y", Element::Float);
    let foreign = Asked::new(foreign.bytes(), ("x", SMALL), &["y"]);
    let what = foreign.refused(&only_tract(&config));
    assert!(what.starts_with("tract 0.23.9 lacks the operators DeformConv, com.example.Frobnicate that"), "{what}");
    for runtime in both(&config).iter().filter(|r| is_native(r)) {
        assert_eq!(asked.open(runtime).unwrap().run(asked.picture(1.0).view()).unwrap()[0].shape(), [1, 3, 2, 2]);
        let what = foreign.refused(runtime);
        assert!(
            what.starts_with("onnxruntime 1.") && what.contains("lacks the operator com.example.Frobnicate"),
            "{what}"
        );
    }
}

/// The first three places that are not zero, as exports with built-in suppression cut their boxes: ONNX gives two where there are two, and
/// tract 0.23.9 says no.
#[test]
fn a_runtime_that_opens_a_model_but_cannot_run_it_is_named() {
    let model = Onnx::new("x", &[1, 1, 1, 4])
        .node("NonZero", &["x"], &["places"], vec![])
        .integers("from", &[0])
        .integers("to", &[3])
        .integers("axis", &[1])
        .node("Slice", &["places", "from", "to", "axis"], &["first"], vec![])
        .node("Cast", &["first"], &["y"], to(Element::Float))
        .output("y", Element::Float);
    let asked = Asked::new(model.bytes(), ("x", [1, 1, 1, 4]), &["y"]);
    for runtime in both(&ModelsConfig::default()) {
        let network = asked.open(&runtime).unwrap();
        let run = |numbers: [f32; 4]| {
            let picture = ArrayD::from_shape_vec(vec![1, 1, 1, 4], numbers.to_vec()).unwrap();
            network.run(picture.view()).map(|outputs| outputs[0].shape().to_vec())
        };
        assert_eq!(run([1.0; 4]), Ok(vec![4, 3]));
        match run([1.0, 0.0, 0.0, 1.0]) {
            Ok(shape) => assert!(is_native(&runtime) && shape == [4, 2], "{shape:?}"),
            Err(NetworkError::Failed { what }) => {
                assert!(!is_native(&runtime) && what.starts_with("tract 0.23.9 said: "), "{what}");
                assert!(what.contains("Slice"), "{what}");
                assert!(what.ends_with("; ONNX Runtime may do it: `assay doctor --fetch-runtime`"), "{what}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(run([0.0, 1.0, 1.0, 1.0]), Ok(vec![4, 3]));
    }
}

#[test]
fn a_model_that_hangs_is_stopped_and_then_left_alone() {
    let slow = Asked::new(onnx::slow(), ("x", onnx::SLOW), &["y"]);
    for runtime in both(&quick()) {
        stopped_and_left_alone(&slow, &runtime);
        if is_native(&runtime) {
            stopped_and_left_alone(&endless(), &runtime);
        }
    }
}

/// A loop of 2^63 - 1 turns: it never ends.
fn endless() -> Asked {
    let turn = Onnx::default()
        .input("i", Element::Int64, &[])
        .input("c", Element::Bool, &[Dim::Fixed(1)])
        .input("v", Element::Float, &[Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(1)])
        .node("Identity", &["c"], &["c2"], vec![])
        .node("Neg", &["v"], &["v2"], vec![])
        .output("c2", Element::Bool)
        .output("v2", Element::Float);
    let model = Onnx::new("x", &[1, 1, 1, 1])
        .integers("turns", &[i64::MAX])
        .node("Cast", &["x"], &["b"], to(Element::Bool))
        .node("Not", &["b"], &["go"], vec![])
        .integers("one", &[1])
        .node("Reshape", &["go", "one"], &["go1"], vec![])
        .node("Loop", &["turns", "go1", "x"], &["y"], vec![body("body", turn.into_graph())])
        .output("y", Element::Float);
    Asked::new(model.bytes(), ("x", [1, 1, 1, 1]), &["y"])
}

fn stopped_and_left_alone(asked: &Asked, runtime: &ModelRuntime) {
    let network = asked.open(runtime).unwrap();
    let picture = ArrayD::zeros(asked.input.1.as_slice());
    let hung = Err(NetworkError::Hung { limit_ms: 400 });
    let start = Instant::now();
    assert_eq!(network.run(picture.view()), hung);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    wait_for("opened again, it hangs again", || network.run(picture.view()) == hung);
    // The next part does not wait for it.
    let start = Instant::now();
    let e = network.run(picture.view()).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert!(
        e.contains(
            "2 times in a row, last: the model gave no answer within 400 ms and was stopped; it is tried again in"
        ),
        "{e}"
    );
}

#[test]
fn not_a_number_comes_back_as_such() {
    let model = Onnx::new("x", &SMALL).node("Div", &["x", "x"], &["y"], vec![]).output("y", Element::Float);
    let asked = Asked::new(model.bytes(), ("x", SMALL), &["y"]);
    for runtime in both(&ModelsConfig::default()) {
        let y = asked.open(&runtime).unwrap().run(asked.picture(1.0).view()).unwrap().remove(0);
        assert!(y.first().unwrap().is_nan());
        assert!(y.iter().skip(1).all(|v| (v - 1.0).abs() < 1e-6), "{y}");
    }
}

#[test]
fn memory_has_a_bound_and_the_station_lives() {
    // 4 GB out of 16 bytes.
    let model = Onnx::new("x", &[1, 1, 1, 4])
        .integers("shape", &[1, 1, 1 << 28, 4])
        .node("Expand", &["x", "shape"], &["big"], vec![])
        .node("Neg", &["big"], &["neg"], vec![])
        .node("ReduceMax", &["neg"], &["y"], vec![])
        .output("y", Element::Float);
    let asked = Asked::new(model.bytes(), ("x", [1, 1, 1, 4]), &["y"]);
    for runtime in both(&ModelsConfig { memory_mb: 256, ..ModelsConfig::default() }) {
        // One of them sees it when the graph is opened, the other when it runs.
        let e = match asked.open(&runtime) {
            Ok(network) => network.run(asked.picture(1.0).view()).unwrap_err().to_string(),
            Err(e) => e.to_string(),
        };
        assert!(e.contains("it needs more than the 256 MB that a model may use") || e.contains("llocat"), "{e}");
        identity_works(&runtime);
    }
}

fn identity_works(runtime: &ModelRuntime) {
    let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
    assert_eq!(asked.open(runtime).unwrap().run(asked.picture(1.0).view()).unwrap()[0], asked.picture(1.0));
}

/// Processes that run this program.
pub(crate) fn running(program: &Path) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)).collect()
}

/// A copy of the worker's program under a name of its own, so that its processes are known from those of other tests.
pub(crate) fn own_program() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().canonicalize().unwrap().join("worker");
    fs::copy(WORKER, &program).unwrap();
    (dir, program)
}

pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_worker_that_is_killed_from_outside_costs_one_part() {
    let (_dir, program) = own_program();
    let slow = Asked::new(onnx::slow(), ("x", onnx::SLOW), &["y"]);
    for runtime in both(&ModelsConfig { run_ms: 60_000, ..ModelsConfig::default() }) {
        let runtime = runtime.with_program(&program);
        let network = slow.open(&runtime).unwrap();
        let [worker] = running(&program)[..] else { panic!("one graph, one worker") };
        let died = std::thread::scope(|scope| {
            let run = scope.spawn(|| network.run(ArrayD::zeros(onnx::SLOW.as_slice()).view()));
            std::thread::sleep(Duration::from_millis(200));
            kill(worker);
            run.join().unwrap().unwrap_err()
        });
        let NetworkError::Died { what } = &died else { panic!("{died}") };
        assert!(what.contains("signal: 9"), "{what}");
        // It was being opened again: that ends too.
        drop(network);
        wait_for("dropped with its network", || running(&program).is_empty());

        // A healthy model killed between two parts is started again.
        let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
        let network = asked.open(&runtime).unwrap();
        network.run(asked.picture(1.0).view()).unwrap();
        // One that was being opened for the network before may have come late.
        wait_for("its worker is alone", || running(&program).len() == 1);
        kill(running(&program)[0]);
        wait_for("the worker ends", || running(&program).is_empty());
        assert!(network.run(asked.picture(1.0).view()).is_err());
        wait_for("it runs again", || network.run(asked.picture(1.0).view()).is_ok_and(|y| y[0] == asked.picture(1.0)));
        drop(network);
        wait_for("dropped with its network", || running(&program).is_empty());
    }
}

/// A model may take a minute to open. A part that comes meanwhile is told so at once.
#[test]
fn no_part_waits_for_a_model_that_is_opened_again() {
    let (dir, program) = own_program();
    let (script, slow) = (dir.path().join("starter"), dir.path().join("slow"));
    let text = format!("#!/bin/sh\n[ -e {slow:?} ] && sleep 3\nexec {program:?} \"$@\"\n");
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let runtime = only_tract(&ModelsConfig::default()).with_program(&script);
    let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
    let network = asked.open(&runtime).unwrap();
    fs::write(&slow, "").unwrap();
    kill(running(&program)[0]);
    wait_for("the worker ends", || running(&program).is_empty());
    let died = network.run(asked.picture(1.0).view()).unwrap_err();
    assert!(matches!(died, NetworkError::Died { .. }), "{died}");
    let begun = Instant::now();
    let mut told = 0;
    loop {
        let start = Instant::now();
        let result = network.run(asked.picture(1.0).view());
        assert!(start.elapsed() < Duration::from_millis(500), "a part waited {:?}", start.elapsed());
        let Err(e) = result else { break };
        let e = e.to_string();
        assert!(
            e.contains("it is being opened again, because the program that runs the model ended (signal: 9"),
            "{e}"
        );
        told += 1;
        assert!(begun.elapsed() < Duration::from_secs(30), "never opened again");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(told > 10 && begun.elapsed() > Duration::from_secs(2), "{told} parts in {:?}", begun.elapsed());

    // Dropped while it is being opened: nothing stays behind.
    kill(running(&program)[0]);
    wait_for("the worker ends", || running(&program).is_empty());
    assert!(network.run(asked.picture(1.0).view()).is_err());
    drop(network);
    std::thread::sleep(Duration::from_secs(4));
    wait_for("no worker is left", || running(&program).is_empty());
}

#[test]
fn a_worker_ends_with_its_station_even_in_the_middle_of_a_run() {
    let (dir, program) = own_program();
    let model = dir.path().join("slow.onnx");
    fs::write(&model, onnx::slow()).unwrap();
    let mut station = Command::new(&program).arg("hang").arg(&model).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(station.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "running\n");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(running(&program).len(), 2, "the station and its worker");
    station.kill().unwrap();
    station.wait().unwrap();
    wait_for("the worker ends", || running(&program).is_empty());
}

#[test]
fn both_runtimes_agree() {
    let mut outputs = Vec::new();
    for runtime in both(&ModelsConfig::default()) {
        let asked = Asked::new(onnx::mobilenet(224, 224), ("image", [1, 3, 224, 224]), &["scores"]);
        let start = Instant::now();
        let network = asked.open(&runtime).unwrap();
        let opened = start.elapsed();
        let picture = asked.picture(1.0 / 150_528.0);
        let start = Instant::now();
        let scores = network.run(picture.view()).unwrap().remove(0);
        println!("{}: open {opened:.0?}, first run {:.1?}", network.runtime(), start.elapsed());
        assert!(scores.iter().any(|s| s.abs() > 1e-3), "the network is alive");
        outputs.push(scores);
    }
    if let [a, b] = &outputs[..] {
        let largest = a.iter().fold(0_f32, |m, v| m.max(v.abs()));
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0_f32, f32::max);
        println!("largest difference {:.1e} of the largest score", worst / largest);
        assert!(worst / largest < 1e-4, "{worst} of {largest}");
    }
}

#[test]
fn a_library_that_cannot_be_used_is_told_and_tract_runs() {
    let dir = tempfile::tempdir().unwrap();
    let choose = |path: &Path| {
        let config = ModelsConfig {
            library: Some(path.to_owned()),
            accept: fs::read(path).ok().map(|b| Sha256::of(&b)),
            ..ModelsConfig::default()
        };
        let runtime = ModelRuntime::new(config).with_program(Path::new(WORKER));
        identity_works(&runtime);
        let choice = runtime.choice().clone();
        assert_eq!((choice.library, choice.refused.len()), (None, 1));
        choice.refused[0].1.clone()
    };
    let garbage = dir.path().join("libgarbage.so");
    fs::write(&garbage, b"no library at all").unwrap();
    let why = choose(&garbage);
    assert!(why.starts_with("it is no library that can be loaded: "), "{why}");

    let compile = |name: &str, code: &str| {
        let (source, library) = (dir.path().join("l.c"), dir.path().join(name));
        fs::write(&source, code).unwrap();
        let cc = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status().unwrap();
        assert!(cc.success());
        library
    };
    let why = choose(&compile("libother.so", "int answer(void) { return 42; }"));
    assert_eq!(why, "it is a library, but not ONNX Runtime");
    let old = compile(
        "libold.so",
        "static const char *version(void) { return \"1.20.1\"; }
         static const void *api(unsigned v) { (void)v; return 0; }
         struct base { const void *(*api)(unsigned); const char *(*version)(void); };
         static const struct base b = { api, version };
         const struct base *OrtGetApiBase(void) { return &b; }",
    );
    assert_eq!(choose(&old), "it is too old: expected ONNX Runtime 1.24 or newer, found 1.20.1");
    let crash = compile("libcrash.so", "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }");
    assert!(choose(&crash).starts_with("the process that loaded it ended (signal: 11"), "{}", choose(&crash));
}
