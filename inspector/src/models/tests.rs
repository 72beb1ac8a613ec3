//! Model folders, good and bad, and models that go wrong while they run.

use super::testing::{BLOBS, BRIGHT, Computed, LIGHTNESS, UNUSUAL, npy, photo, png, tensor, write};
use super::*;
use crate::photo::{Photo, Picture};
use crate::reason::Reason;
use image::{GrayImage, Luma, Rgb, RgbImage};
use ndarray::IxDyn;
use std::fs;
use std::path::PathBuf;

/// A model folder on disk.
struct Folder {
    _root: tempfile::TempDir,
    dir: PathBuf,
}

fn folder(graph: &str, toml: &str) -> Folder {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("m");
    write(&dir, graph, toml);
    Folder { _root: root, dir }
}

impl Folder {
    fn open(&self) -> Result<Model, ModelError> {
        Model::open_at(&self.dir, &Computed)
    }
    #[track_caller]
    fn refused(&self) -> String {
        let error = self.open().unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    }
    fn put(&self, file: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.dir.join(file), bytes).unwrap();
        self
    }
    fn without(&self, file: &str) -> &Self {
        fs::remove_file(self.dir.join(file)).unwrap();
        self
    }
    fn manifest(&self) -> Manifest {
        manifest::read(&fs::read(self.dir.join("model.toml")).unwrap()).unwrap()
    }
}

#[test]
fn good_folders_open_alone_and_in_a_recipe() {
    for (graph, toml) in [("blobs", BLOBS), ("lightness", LIGHTNESS), ("bright", BRIGHT), ("unusual", UNUSUAL)] {
        let f = folder(graph, toml);
        let model = f.open().unwrap_or_else(|e| panic!("{graph}: {e}"));
        assert_eq!((model.name.as_str(), model.network.runtime().as_str()), ("m", "computed 1"));
        // Read without anything that runs it: everything is looked at, nothing is run.
        let read = Model::open_at(&f.dir, &NoRuntime).unwrap();
        assert_eq!(read.manifest, model.manifest);
        let Err(Reason::ModelFault { model, expected, found }) = read.map(&photo(GrayImage::new(9, 9)).picture, 0)
        else {
            // A model of another task says so before it runs.
            continue;
        };
        assert_eq!(model, "m");
        assert!(expected == "something that runs it" || expected == "a model of task segment", "{expected}: {found}");
    }
    let models = testing::models();
    assert_eq!(models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["blobs", "bright", "lightness", "unusual"]);
}

#[test]
fn a_folder_that_lacks_something_is_refused_by_name() {
    let refused = |file: &str| folder("blobs", BLOBS).without(file).refused();
    assert_eq!(refused("model.onnx"), "expected the graph, found no such file: model.onnx");
    assert_eq!(
        refused("model.toml"),
        "expected what goes into the model and what comes out, found no such file: model.toml"
    );
    assert_eq!(refused("MODEL.md"), "expected the model's card, found no such file: MODEL.md");
    let expected = "expected the tensor that went into the model, found no such file: parity/dot/input.npy";
    assert_eq!(refused("parity/dot/input.npy"), expected);
    assert_eq!(
        refused("parity/dot/output-0.npy"),
        "expected what came out of the model, one file per output, found no such file: parity/dot/output-0.npy"
    );
    assert!(refused("parity/dot/input.png").starts_with("expected at least one sample with its picture"));
    let f = folder("blobs", BLOBS);
    fs::remove_dir_all(f.dir.join("parity")).unwrap();
    assert!(f.refused().starts_with("expected at least one sample of what the model gave where it was trained"));
    for empty in ["", " \n\t\n"] {
        let refused = folder("blobs", BLOBS).put("MODEL.md", empty).refused();
        assert_eq!(refused, "expected the model's card, found an empty file: MODEL.md");
    }
    let nowhere = Model::open_at(Path::new("nowhere/m"), &Computed).unwrap_err().to_string();
    assert!(nowhere.starts_with("cannot read the model's folder: "), "{nowhere}");
}

#[test]
fn another_graph_than_the_one_that_is_described_is_refused() {
    let f = folder("blobs", BLOBS);
    f.put("model.onnx", "blobs then nan");
    let refused = f.refused();
    assert!(refused.starts_with("model.toml: expected sha256 = \"") && refused.ends_with(": model.onnx"), "{refused}");
    assert!(refused.contains(&Sha256::of(b"blobs then nan").hex()));
    // What the runtime refuses is told as it says it.
    assert_eq!(folder("pebbles", BLOBS).refused(), "expected a network, found \"pebbles\": model.onnx");
}

#[test]
fn a_sample_that_does_not_fit_is_refused_by_name() {
    let f = folder("lightness", LIGHTNESS);
    f.put("parity/dot/output-0.npy", npy(&ArrayD::zeros(IxDyn(&[1, 3]))));
    let expected = "expected output \"logits\" of shape (1, 2): one number per label (as model.toml says), found [1, 3]: parity/dot/output-*.npy";
    assert_eq!(f.refused(), expected);
    // A label too many is the same fault, seen from the other side.
    let refused =
        folder("lightness", &LIGHTNESS.replace("[\"dark\", \"bright\"]", "[\"dark\", \"grey\", \"bright\"]")).refused();
    assert!(refused.starts_with("expected output \"logits\" of shape (1, 3): one number per label"), "{refused}");
    let refused = folder("blobs", &BLOBS.replace("\"speck\"", "\"speck\", \"dent\"")).refused();
    assert!(
        refused.starts_with("expected output \"output0\" of shape (1, 7, N): 4 + one channel per label"),
        "{refused}"
    );
    // An activation that makes no scores.
    let refused = folder("lightness", &LIGHTNESS.replace("\"softmax\"", "\"none\"")).refused();
    assert!(
        refused.starts_with("expected scores from 0 to 1 in output \"logits\" (is `activation` right?)"),
        "{refused}"
    );
    let f = folder("blobs", BLOBS);
    f.put("parity/dot/input.npy", npy(&ArrayD::zeros(IxDyn(&[1, 3, 320, 319]))));
    let expected =
        "expected an array of the input's shape [1, 3, 320, 320], found [1, 3, 320, 319]: parity/dot/input.npy";
    assert_eq!(f.refused(), expected);
    f.put("parity/dot/input.npy", npy(&ArrayD::from_elem(IxDyn(&[1, 3, 320, 320]), f32::NAN)));
    assert_eq!(f.refused(), "expected finite numbers, found NaN: parity/dot/input.npy");
    f.put("parity/dot/input.npy", b"no array");
    assert!(f.refused().starts_with("expected an array in NumPy's .npy format, found a file that is no .npy file"));
}

#[test]
fn a_runtime_that_computes_something_else_is_refused() {
    for (change, reproduced) in [(0.000_05_f32, true), (0.01, false)] {
        let f = folder("lightness", LIGHTNESS);
        let tensor = tensor(&f.manifest().input);
        let mean = tensor.sum() / tensor.len() as f32;
        let logit = 20.0 * (0.5 - mean);
        let reference = ArrayD::from_shape_vec(IxDyn(&[1, 2]), vec![logit, -logit + change]).unwrap();
        f.put("parity/dot/output-0.npy", npy(&reference));
        match (f.open(), reproduced) {
            (Ok(_), true) => (),
            (Err(ModelError::NotReproduced { runtime, expected, found, place, file }), false) => {
                assert_eq!((runtime.as_str(), place.as_slice()), ("computed 1", &[0, 1][..]));
                assert!((expected - found - change).abs() < 1e-4, "{expected}, {found}");
                assert_eq!(file, "parity/dot/output-0.npy");
            }
            (other, _) => panic!("{change}: {other:?}"),
        }
    }
    // What is no number is no reproduction, and neither is another shape.
    for (graph, said) in [
        ("lightness nan", "does not reproduce"),
        ("lightness rank", "expected an output of shape [1, 2], found [2], from computed 1"),
        ("lightness nothing", "expected 1 outputs, found 0, from computed 1"),
    ] {
        let refused = folder(graph, LIGHTNESS).refused();
        assert!(refused.contains(said), "{graph}: {refused}");
    }
    // A tolerance that is asked for is given.
    let loose = LIGHTNESS.to_owned() + "[parity]\nabsolute = 0.1\n";
    let f = folder("lightness", &loose);
    f.put("parity/dot/output-0.npy", npy(&(tensor_logits(&f) + 0.05)));
    assert!(f.open().is_ok());
    // One that hangs is not opened.
    let f = folder("lightness", LIGHTNESS);
    fs::create_dir_all(f.dir.join("parity/second")).unwrap();
    for file in ["input.npy", "output-0.npy"] {
        fs::copy(f.dir.join("parity/dot").join(file), f.dir.join("parity/second").join(file)).unwrap();
    }
    assert!(f.open().is_ok());
    let graph = "lightness then hangs";
    f.put("model.onnx", graph);
    f.put("model.toml", LIGHTNESS.replace('@', &Sha256::of(graph.as_bytes()).hex()));
    assert_eq!(f.refused(), "the model gave no answer within 500 ms and was stopped: model.onnx");
}

/// A graph that sorts its boxes: which of two that are nearly as good comes first is no matter, and neither is what lies below the floor.
#[test]
fn boxes_that_a_graph_sorts_are_reproduced_in_any_order() {
    let f = folder("ranked", &testing::ranked());
    let several =
        photo(dots(320, 320, &[(60.0, 50.0, 15.0), (200.0, 90.0, 20.0), (120.0, 240.0, 25.0), (270.0, 270.0, 5.0)]));
    let whole = crate::geometry::PixelRect { x: 0, y: 0, w: 320, h: 320 };
    let tensor = picture::prepare(&several.picture, whole, &f.manifest().input).tensor;
    let rows: Vec<[f32; 6]> =
        testing::compute("ranked", &tensor.view())[0].as_slice().unwrap().as_chunks::<6>().0.to_vec();
    assert_eq!(rows.iter().filter(|r| r[4] > 0.5).count(), 4, "{:?}", &rows[..5]);
    fs::create_dir_all(f.dir.join("parity/several")).unwrap();
    f.put("parity/several/input.npy", npy(&tensor));
    let with = |change: &dyn Fn(&mut Vec<[f32; 6]>)| {
        let mut rows = rows.clone();
        change(&mut rows);
        let rows = ArrayD::from_shape_vec(IxDyn(&[1, 64, 6]), rows.into_flattened()).unwrap();
        f.put("parity/several/output-0.npy", npy(&rows)).open().map(drop)
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|rows| rows.reverse()), Ok(()));
    // Other rows below the floor, and a box that another runtime sees just above it.
    assert_eq!(with(&|rows| rows[50] = [9.0, 9.0, 30.0, 30.0, 0.049, 1.0]), Ok(()));
    assert_eq!(with(&|rows| rows[50] = [9.0, 9.0, 30.0, 30.0, 0.050_05, 1.0]), Ok(()));
    let refused = |change: &dyn Fn(&mut Vec<[f32; 6]>)| with(change).unwrap_err().to_string();
    for (column, by) in [(0, 1.0), (3, -0.5), (4, -0.01), (5, 1.0)] {
        let refused = refused(&|rows| {
            rows.swap(0, 2);
            rows[1][column] += by;
        });
        assert!(
            refused.starts_with("computed 1 does not reproduce the model: expected hole ") || column == 5,
            "{refused}"
        );
        assert!(refused.ends_with(": parity/several/output-*.npy"), "{refused}");
    }
    // One too few, one too many, one twice.
    let lost = refused(&|rows| rows[2] = [0.0; 6]);
    assert!(lost.starts_with("computed 1 does not reproduce the model: expected no other box, found hole "), "{lost}");
    let more = refused(&|rows| rows[40] = [9.0, 9.0, 30.0, 30.0, 0.9, 1.0]);
    assert!(more.contains("expected speck 0.9000 at 9.00 9.00 30.00 30.00, found "), "{more}");
    assert!(refused(&|rows| rows[40] = rows[1]).contains("expected hole "));
    // A sample in which nothing is found, and other numbers: nothing is proved.
    f.put("parity/several/input.npy", npy(&ArrayD::zeros(tensor.raw_dim())));
    let nothing = refused(&|rows| *rows = vec![[0.0, 0.0, 5.0, 5.0, 0.01, 0.0]; 64]);
    assert!(nothing.starts_with("expected a sample in which something is found: computed 1 gives other"), "{nothing}");
    // Where the graph does not sort, rows have their places.
    let f = folder("blobs", BLOBS);
    let mut rows = testing::compute("blobs", &testing::tensor(&f.manifest().input).view()).remove(0);
    rows.invert_axis(ndarray::Axis(2));
    f.put("parity/dot/output-0.npy", npy(&rows.as_standard_layout().to_owned()));
    assert!(f.refused().starts_with("computed 1 does not reproduce the model: expected "), "{}", f.refused());
}

fn tensor_logits(f: &Folder) -> ArrayD<f32> {
    let tensor = tensor(&f.manifest().input);
    let logit = 20.0 * (0.5 - tensor.sum() / tensor.len() as f32);
    ArrayD::from_shape_vec(IxDyn(&[1, 2]), vec![logit, -logit]).unwrap()
}

/// The sample's picture catches what the tensors alone cannot: how a photo becomes a tensor.
#[test]
fn a_wrong_preparation_is_refused() {
    let f = folder("unusual", UNUSUAL);
    let change = |from: &str, to: &str| {
        assert_eq!(UNUSUAL.matches(from).count(), 1, "{from}");
        let toml = UNUSUAL.replace(from, to).replace('@', &Sha256::of(b"unusual").hex());
        f.put("model.toml", toml).refused()
    };
    let swapped = change("colour = \"rgb\"", "colour = \"bgr\"");
    assert!(
        swapped.contains("expected a mean difference of at most 1 codes")
            && swapped.contains("(it fits with colour = \"rgb\")"),
        "{swapped}"
    );
    assert!(swapped.ends_with(": parity/dot/input.png"), "{swapped}");
    for (from, to) in [
        ("mean = [0.485, 0.456, 0.406]", "mean = [0.5, 0.5, 0.5]"),
        ("std = [0.229, 0.224, 0.225]", "std = [0.5, 0.5, 0.5]"),
        ("mean = [0.485", "range = [-1.0, 1.0]\nmean = [0.485"),
        ("fit = \"reflect\"", "fit = \"stretch\""),
        ("fit = \"reflect\"", "fit = \"letterbox\"\npad = 0"),
    ] {
        let refused = change(from, to);
        assert!(
            refused.contains("the picture, prepared as model.toml says, should be the sample's tensor"),
            "{to}: {refused}"
        );
    }
    // A grey picture cannot show the order of the channels.
    let grey = RgbImage::from_fn(150, 100, |x, y| Rgb([(x + y) as u8; 3]));
    let f = folder("unusual", UNUSUAL);
    let whole = crate::geometry::PixelRect { x: 0, y: 0, w: 150, h: 100 };
    let input = picture::prepare(&Picture::Colour(grey.clone()), whole, &f.manifest().input).tensor;
    f.put("parity/dot/input.png", png(grey)).put("parity/dot/input.npy", npy(&input));
    assert!(f.refused().starts_with("expected a picture whose red and blue differ"), "{}", f.refused());
    assert!(
        folder("unusual", UNUSUAL)
            .put("parity/dot/input.png", b"no picture")
            .refused()
            .starts_with("expected a picture, found")
    );
}

/// A picture with two bright dots of 40 px on dark, one bright speck, and one dot that the border cuts.
fn dots(width: u32, height: u32, dots: &[(f64, f64, f64)]) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let inside = dots.iter().any(|(cx, cy, r)| libm::hypot(f64::from(x) + 0.5 - cx, f64::from(y) + 0.5 - cy) < *r);
        Rgb([if inside { 230 } else { 30 }; 3])
    })
}

#[test]
fn boxes_are_where_the_things_are() {
    let model = folder("blobs", BLOBS).open().unwrap();
    let photo = photo(dots(800, 500, &[(200.0, 150.0, 20.0), (620.0, 380.0, 25.0), (400.0, 250.0, 6.0)]));
    let found = model.detect(&photo).unwrap();
    let labels: Vec<_> = found.iter().map(|d| d.label).collect();
    assert_eq!(labels.iter().filter(|l| **l == 0).count(), 2, "{found:?}");
    assert_eq!(labels.iter().filter(|l| **l == 1).count(), 1, "{found:?}");
    for (cx, cy, r) in [(200.0, 150.0, 20.0), (620.0, 380.0, 25.0), (400.0, 250.0, 6.0)] {
        let truth = Frame::around(cx, cy, 2.0 * r, 2.0 * r);
        assert!(found.iter().any(|d| d.frame.iou(&truth) > 0.65), "{truth:?} in {found:?}");
    }
    // The same photo again is remembered, another is not.
    assert!(Arc::ptr_eq(&found, &model.detect(&photo).unwrap()));
    assert!(model.detect(&testing::photo(dots(800, 500, &[]))).unwrap().is_empty());
    // The same bytes in rows of another length are another photo.
    let one_row = Photo { picture: Picture::Colour(dots(500, 800, &[])), ..photo.clone() };
    assert_eq!(model.detect(&photo).unwrap(), found);
    assert!(model.detect(&one_row).unwrap().is_empty());
    assert_eq!(model.detect(&photo).unwrap(), found);
}

#[test]
fn tiles_find_what_is_too_small_for_the_whole_and_each_thing_once() {
    let tiled = BLOBS.to_owned() + "[tiles]\noverlap = 0.25\n";
    // Things on every border of a tile, at 1:1 (tiles of 320 begin at 0, 227, 453, 680 and 0, 240, 480).
    let things: Vec<(f64, f64, f64)> =
        [(320.0, 60.0), (235.0, 320.0), (547.0, 250.0), (700.0, 480.0), (320.0, 560.0), (900.0, 700.0), (227.0, 240.0)]
            .map(|(x, y)| (x, y, 11.0))
            .to_vec();
    let photo = photo(dots(1000, 800, &things));
    let found = folder("blobs", &tiled).open().unwrap().detect(&photo).unwrap();
    assert_eq!(found.len(), things.len(), "{found:?}");
    for (cx, cy, r) in &things {
        let truth = Frame::around(*cx, *cy, 2.0 * r, 2.0 * r);
        assert!(found.iter().any(|d| d.frame.iou(&truth) > 0.9), "{truth:?} in {found:?}");
    }
    // A photo smaller than a tile is one tile, not enlarged.
    let small = testing::photo(dots(200, 150, &[(100.0, 70.0, 15.0)]));
    let found = folder("blobs", &tiled).open().unwrap().detect(&small).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].frame.iou(&Frame::around(100.0, 70.0, 30.0, 30.0)) > 0.9, "{found:?}");
}

#[test]
fn maps_lie_on_the_photo_and_their_seams_do_not_show() {
    let photo = photo(dots(1300, 700, &[(512.0, 300.0, 60.0), (1200.0, 600.0, 30.0)]));
    let model = folder("bright", BRIGHT).open().unwrap();
    let map = model.map(&photo.picture, 1).unwrap();
    assert_eq!((map.width, map.height), (650, 350));
    assert!(map.values.iter().all(|v| (0.0..=1.0).contains(v)), "seen everywhere");
    let mut wrong = 0;
    for (i, v) in map.values.iter().enumerate() {
        let (x, y) = (((i % 650) as f64 + 0.5) * map.pitch.0, ((i / 650) as f64 + 0.5) * map.pitch.1);
        let distance = [(512.0, 300.0, 60.0), (1200.0, 600.0, 30.0)]
            .map(|(cx, cy, r)| libm::hypot(x - cx, y - cy) - r)
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        wrong += usize::from(distance.abs() > 3.0 && (*v > 0.5) != (distance < 0.0));
    }
    assert_eq!(wrong, 0);
    // One label's map is the other's complement.
    let other = model.map(&photo.picture, 0).unwrap();
    assert!(map.values.iter().zip(&other.values).all(|(a, b)| (a + b - 1.0).abs() < 1e-5));
    // Half the resolution, mirrored borders, one number for the whole picture.
    let model = folder("unusual", UNUSUAL).open().unwrap();
    let map = model.map(&photo.picture, 0).unwrap();
    assert_eq!((map.width, map.height), (64, 35));
    let most = map.values.iter().copied().fold(0.0, f32::max);
    let place = map.values.iter().position(|v| *v == most).unwrap();
    let (x, y) = (((place % 64) as f64 + 0.5) * map.pitch.0, ((place / 64) as f64 + 0.5) * map.pitch.1);
    assert!(libm::hypot(x - 512.0, y - 300.0) < 70.0, "{x}, {y}");
    assert!((map.score.unwrap() - f64::from(most)).abs() < 0.05 * f64::from(most));
}

#[test]
fn a_model_that_goes_wrong_gives_no_answer() {
    let photo = photo(dots(400, 300, &[(200.0, 150.0, 20.0)]));
    let ask = |graph: &str| {
        let (toml, kind) = match graph.split(' ').next().unwrap() {
            "blobs" => (BLOBS, "blobs"),
            "lightness" => (LIGHTNESS, "lightness"),
            "bright" => (BRIGHT, "bright"),
            _ => (UNUSUAL, "unusual"),
        };
        let model = folder(graph, toml).open().unwrap();
        let answer = match kind {
            "blobs" => model.detect(&photo).map(drop),
            "lightness" => model.classify(&photo.picture).map(drop),
            _ => model.map(&photo.picture, 0).map(drop),
        };
        let reason = answer.unwrap_err();
        assert_eq!(reason.code(), "model-fault");
        let Reason::ModelFault { model, expected, found } = reason else { panic!("{reason}") };
        assert_eq!(model, "m");
        format!("expected {expected}, found {found}")
    };
    let n = 6 * 64;
    let last = n - 1;
    assert_eq!(
        ask("blobs then nan"),
        format!("expected finite numbers in output \"output0\", found NaN at number {last} of {n}")
    );
    assert_eq!(
        ask("blobs then infinity"),
        format!("expected finite numbers in output \"output0\", found inf at number 0 of {n}")
    );
    let shape = "expected output \"output0\" of shape (1, 6, N): 4 + one channel per label, N at least 1, found";
    assert_eq!(ask("blobs then shape"), format!("{shape} [1, 3, 7]"));
    assert_eq!(ask("blobs then rank"), format!("{shape} [{n}]"));
    assert_eq!(ask("blobs then nothing"), "expected 1 outputs, found 0");
    assert_eq!(
        ask("blobs then scores"),
        "expected scores from 0 to 1 in output \"output0\" (is `activation` right?), found 3.2"
    );
    let hung = "expected an answer, found the model gave no answer within 500 ms and was stopped";
    assert_eq!(ask("lightness then hangs"), hung);
    assert_eq!(
        ask("lightness then dies"),
        "expected an answer, found the program that runs the model ended (signal 11)"
    );
    assert_eq!(
        ask("lightness then rank"),
        "expected output \"logits\" of shape (1, 2): one number per label, found [2]"
    );
    assert_eq!(ask("bright then shape"), "expected output \"logits\" of shape (1, 2, H, W), found [1, 3, 7]");
    assert_eq!(
        ask("unusual then rank"),
        "expected output \"anomaly_map\" of shape (1, 1, H, W) or (1, H, W), found [4096]"
    );
}

#[test]
fn a_question_for_another_task_is_a_fault() {
    let model = folder("lightness", LIGHTNESS).open().unwrap();
    let photo = photo(GrayImage::from_pixel(30, 30, Luma([200])));
    let fault = |answer: Result<(), Reason>| answer.unwrap_err().to_string();
    assert!(fault(model.detect(&photo).map(drop)).contains("expected a model of task detect, found classify"));
    assert!(fault(model.map(&photo.picture, 0).map(drop)).contains("expected a model of task segment, found classify"));
    assert!(
        fault(model.features(&photo.picture).map(drop)).contains("expected a model of task features, found classify")
    );
    let scores = model.classify(&photo.picture).unwrap();
    assert!(scores[1] > 0.99 && (scores[0] + scores[1] - 1.0).abs() < 1e-12, "{scores:?}");
    assert_eq!((model.label("bright"), model.label("blue")), (Some(1), None));
}
