//! Model folders for tests, and a runtime that computes them in Rust: the "graph" is a text that names the network. Nothing is canned: every
//! network looks at its input.

use super::manifest::{self, Input};
use super::picture::prepare;
use super::{Graph, Models, Network, NetworkError, Runtime};
use crate::geometry::PixelRect;
use crate::measure::{Connectivity, components};
use crate::photo::{DecodeLimits, Photo, Sha256, decode};
use image::RgbImage;
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use ndarray_npy::WriteNpyExt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bright blobs on dark: `hole` from 60 px of area, `speck` below; how round they are is the score. YOLOv8 head.
pub(crate) const BLOBS: &str = r#"schema = 1
task = "detect"
sha256 = "@"
licence = "MIT"
labels = ["hole", "speck"]
[input]
name = "images"
width = 320
height = 320
layout = "nchw"
colour = "rgb"
fit = "letterbox"
pad = 114
resample = "antialias"
[output]
head = "yolov8"
rows = "output0"
"#;

/// The same blobs as x0 y0 x1 y1 score class, as a graph with built-in suppression gives them.
pub(crate) fn ranked() -> String {
    BLOBS.replace("head = \"yolov8\"", "head = \"end-to-end\"")
}

/// Mean lightness, as logits of two labels.
pub(crate) const LIGHTNESS: &str = r#"schema = 1
task = "classify"
sha256 = "@"
licence = "MIT"
labels = ["dark", "bright"]
[input]
name = "x"
width = 32
height = 32
layout = "nhwc"
colour = "bgr"
fit = "stretch"
resample = "bilinear"
[output]
scores = "logits"
activation = "softmax"
"#;

/// Bright pixels, as logits of one plane per label, tile by tile.
pub(crate) const BRIGHT: &str = r#"schema = 1
task = "segment"
sha256 = "@"
licence = "MIT"
labels = ["dark", "bright"]
[input]
name = "x"
width = 256
height = 192
layout = "nchw"
colour = "grey"
fit = "stretch"
resample = "antialias"
[output]
map = "logits"
activation = "softmax"
[tiles]
width = 512
overlap = 0.2
"#;

/// Distance of each pixel from the picture's mean, at half the resolution, and the largest.
pub(crate) const UNUSUAL: &str = r#"schema = 1
task = "anomaly-map"
sha256 = "@"
licence = "MIT"
[input]
name = "x"
width = 128
height = 128
layout = "nchw"
colour = "rgb"
fit = "reflect"
resample = "bilinear"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
[output]
map = "anomaly_map"
score = "pred_score"
"#;

/// A runtime that computes in Rust.
#[derive(Debug)]
pub(crate) struct Computed;

#[derive(Debug)]
struct Computing {
    kind: String,
    shape: [usize; 4],
    /// What it does wrong.
    fault: String,
    /// Runs before that: `then` one, of the parity sample, else none.
    good: usize,
    runs: AtomicUsize,
}

impl Runtime for Computed {
    fn open(&self, graph: &Graph<'_>) -> Result<Arc<dyn Network>, NetworkError> {
        let text = fs::read_to_string(graph.file).map_err(|e| NetworkError::Refused { what: e.to_string() })?;
        let (good, words) = text.split_once(" then ").map_or((0, text.split_once(' ')), |two| (1, Some(two)));
        let (kind, fault) = words.unwrap_or((&text, ""));
        if !["blobs", "ranked", "lightness", "bright", "unusual"].contains(&kind) {
            return Err(NetworkError::Refused { what: format!("expected a network, found {kind:?}") });
        }
        Ok(Arc::new(Computing {
            kind: kind.to_owned(),
            shape: graph.input.1,
            fault: fault.to_owned(),
            good,
            runs: AtomicUsize::new(0),
        }))
    }
}

impl Network for Computing {
    fn run(&self, input: ArrayViewD<'_, f32>) -> Result<Vec<ArrayD<f32>>, NetworkError> {
        assert_eq!(input.shape(), self.shape, "the shape it was opened with");
        let mut outputs = compute(&self.kind, &input);
        if self.runs.fetch_add(1, Ordering::Relaxed) < self.good {
            return Ok(outputs);
        }
        let first = &mut outputs[0];
        match self.fault.as_str() {
            "" => (),
            "nan" => first.iter_mut().last().into_iter().for_each(|v| *v = f32::NAN),
            "infinity" => first.iter_mut().next().into_iter().for_each(|v| *v = f32::INFINITY),
            "rank" => *first = first.clone().into_shape_with_order(IxDyn(&[first.len()])).expect("the same numbers"),
            "shape" => *first = ArrayD::zeros(IxDyn(&[1, 3, 7])),
            "nothing" => outputs.clear(),
            "scores" => first.iter_mut().for_each(|v| *v = 3.2),
            "hangs" => return Err(NetworkError::Hung { limit_ms: 500 }),
            "dies" => return Err(NetworkError::Died { what: "signal 11".to_owned() }),
            other => panic!("no such fault: {other}"),
        }
        Ok(outputs)
    }
    fn runtime(&self) -> String {
        "computed 1".to_owned()
    }
}

/// Mean of the channels, row by row, with width and height.
fn grey(input: &ArrayViewD<'_, f32>) -> (Vec<f32>, usize, usize) {
    let s = input.shape();
    let (channels_first, c) = if s[1] <= 3 { (true, s[1]) } else { (false, s[3]) };
    let (h, w) = if channels_first { (s[2], s[3]) } else { (s[1], s[2]) };
    let at = |y: usize, x: usize, k: usize| if channels_first { input[[0, k, y, x]] } else { input[[0, y, x, k]] };
    let mean = |i: usize| (0..c).map(|k| at(i / w, i % w, k)).sum::<f32>() / c as f32;
    ((0..w * h).map(mean).collect(), w, h)
}

pub(crate) fn compute(kind: &str, input: &ArrayViewD<'_, f32>) -> Vec<ArrayD<f32>> {
    let (light, w, h) = grey(input);
    let mean = light.iter().sum::<f32>() / light.len() as f32;
    let array = |shape: &[usize], values: Vec<f32>| ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many");
    match kind {
        "lightness" => vec![array(&[1, 2], vec![20.0 * (0.5 - mean), 20.0 * (mean - 0.5)])],
        "bright" => {
            let bright: Vec<f32> = light.iter().map(|v| 20.0 * (v - 0.65)).collect();
            let planes = bright.iter().map(|v| -v).chain(bright.iter().copied()).collect();
            vec![array(&[1, 2, h, w], planes)]
        }
        "unusual" => {
            let map: Vec<f32> =
                (0..h / 2 * (w / 2)).map(|i| (light[2 * (i / (w / 2)) * w + 2 * (i % (w / 2))] - mean).abs()).collect();
            let most = map.iter().copied().fold(0.0, f32::max);
            vec![array(&[1, 1, h / 2, w / 2], map), array(&[1], vec![most])]
        }
        "ranked" => {
            let b = blobs(&light, w, h);
            let rows = (0..64).flat_map(|i| {
                let [cx, cy, w, h, hole, speck] = std::array::from_fn(|k| b[k * 64 + i]);
                let class = if speck > hole { 1.0 } else { 0.0 };
                [cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h, hole.max(speck), class]
            });
            vec![array(&[1, 64, 6], rows.collect())]
        }
        _ => vec![array(&[1, 6, 64], blobs(&light, w, h))],
    }
}

/// Rows cx cy w h hole speck, transposed, of the blobs that do not touch the border.
fn blobs(light: &[f32], w: usize, h: usize) -> Vec<f32> {
    const ROWS: usize = 64;
    let mask: Vec<bool> = light.iter().map(|v| *v > 0.6).collect();
    let mut rows = vec![0.0; 6 * ROWS];
    let found = components(&mask, w as u32, h as u32, Connectivity::Eight).blobs;
    let inner = found.iter().filter(|b| {
        let r = b.bounds;
        r.x > 0 && r.y > 0 && (r.x + r.w) < w as u32 && (r.y + r.h) < h as u32
    });
    for (i, blob) in inner.take(ROWS).enumerate() {
        let r = blob.bounds;
        let fill = blob.area as f32 / (r.w * r.h) as f32;
        let round = (1.0 - 2.0 * (fill - std::f32::consts::FRAC_PI_4).abs()).max(0.0);
        let class = if blob.area >= 60 { 4 } else { 5 };
        let row = [r.x as f32 + 0.5 * r.w as f32, r.y as f32 + 0.5 * r.h as f32, r.w as f32, r.h as f32];
        row.iter().enumerate().for_each(|(k, v)| rows[k * ROWS + i] = *v);
        rows[class * ROWS + i] = round;
    }
    rows
}

/// A picture in three different colours with a bright dot, as a PNG file.
pub(crate) fn picture() -> Vec<u8> {
    let p = RgbImage::from_fn(150, 100, |x, y| {
        let (dx, dy) = (f64::from(x) - 90.0, f64::from(y) - 40.0);
        if dx * dx + dy * dy < 100.0 {
            image::Rgb([240, 230, 220])
        } else {
            image::Rgb([(x / 2) as u8, 20, 60 + (y / 3) as u8])
        }
    });
    png(p)
}

/// A picture as a PNG file.
pub(crate) fn png(picture: impl Into<image::DynamicImage>) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, image::ImageFormat::Png).expect("in memory");
    bytes.into_inner()
}

/// A picture as a photo.
pub(crate) fn photo(picture: impl Into<image::DynamicImage>) -> Photo {
    decode(&png(picture), &DecodeLimits::default()).expect("a photo")
}

/// The tensor that [`picture`] becomes.
pub(crate) fn tensor(input: &Input) -> ArrayD<f32> {
    let photo = decode(&picture(), &DecodeLimits::default()).expect("a photo");
    let whole = PixelRect { x: 0, y: 0, w: photo.width(), h: photo.height() };
    prepare(&photo.picture, whole, input).tensor
}

/// An array as an .npy file.
pub(crate) fn npy(array: &ArrayD<f32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).expect("in memory");
    bytes
}

/// Writes a model folder: `graph` is the network's text, `@` in `toml` its digest.
pub(crate) fn write(dir: &Path, graph: &str, toml: &str) {
    let sample = dir.join("parity/dot");
    fs::create_dir_all(&sample).expect("a folder");
    let toml = toml.replace('@', &Sha256::of(graph.as_bytes()).hex());
    fs::write(dir.join("model.onnx"), graph).expect("a file");
    fs::write(dir.join("model.toml"), &toml).expect("a file");
    fs::write(dir.join("MODEL.md"), "# A model for tests\n").expect("a file");
    fs::write(sample.join("input.png"), picture()).expect("a file");
    // A model.toml that is refused needs no sample.
    let Ok(manifest) = manifest::read(toml.as_bytes()) else { return };
    let input = tensor(&manifest.input);
    fs::write(sample.join("input.npy"), npy(&input)).expect("a file");
    let kind = graph.split(' ').next().expect("a first word");
    for (i, output) in compute(kind, &input.view()).iter().enumerate() {
        fs::write(sample.join(format!("output-{i}.npy")), npy(output)).expect("a file");
    }
}

/// The models of a recipe's folder.
pub(crate) fn open(dir: &Path) -> Result<Models, (String, super::ModelError)> {
    let files = crate::recipe::files(dir).expect("a folder");
    Models::open(dir, files.iter().map(|f| (f.path.as_str(), f.sha256)), &Computed)
}

/// One model of each kind, for checks.
pub(crate) fn models() -> Models {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, toml) in [("blobs", BLOBS), ("lightness", LIGHTNESS), ("bright", BRIGHT), ("unusual", UNUSUAL)] {
        write(&dir.path().join("models").join(name), name, toml);
    }
    open(dir.path()).expect("good models")
}
