//! `model.toml`, good and bad.

use super::*;
use crate::models::testing::{BLOBS, BRIGHT, LIGHTNESS, UNUSUAL};
use proptest::prelude::*;

fn digest(text: &str) -> String {
    text.replace('@', &"ab".repeat(32))
}

fn open(text: &str) -> Result<Manifest, ModelError> {
    read(digest(text).as_bytes())
}

/// The examples of the module's text open.
#[test]
fn the_examples_open() {
    let text: String = include_str!("mod.rs").lines().map_while(|l| l.strip_prefix("//!")).map(|l| format!("{}\n", l.trim())).collect();
    let examples: Vec<&str> = text.split("```").filter_map(|b| b.strip_prefix("toml\n")).collect();
    let tasks: Vec<_> = examples.iter().map(|e| read(e.as_bytes()).unwrap_or_else(|e| panic!("{e}")).task).collect();
    let words: Vec<_> = tasks.iter().map(Task::word).collect();
    assert_eq!(words, ["classify", "detect", "detect", "segment", "anomaly-map", "features"]);
    assert_eq!(tasks[2].outputs(), ["labels", "boxes", "scores"]);
}

/// The whole example of docs/models.md opens too, when the outputs' names are added.
#[test]
fn the_document_says_the_same() {
    let text = include_str!("../../../../docs/models.md");
    let example = text.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let m = read(example.replace("3f5c...", &"ab".repeat(32)).as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!((m.labels.len(), m.boxes, m.epsilon), (2, Boxes::default(), 1e-3));
    assert_eq!(m.tiles, Some(Tiles { width: 640, overlap: 0.2 }));
    assert_eq!(m.tolerance, Tolerance { absolute: 1e-4, relative: 1e-3, picture: 1.0 });
    assert_eq!(m.constants[0].values.shape(), [1, 2]);
}

#[test]
fn every_head_names_its_outputs() {
    let head = |output: &str| open(&BLOBS.replace("head = \"yolov8\"\nrows = \"output0\"", output)).map(|m| m.task.outputs());
    assert_eq!(head("head = \"yolov5\"\nrows = \"o\"\nactivation = \"sigmoid\"").unwrap(), ["o"]);
    assert_eq!(head("head = \"detr\"\nlogits = \"l\"\nboxes = \"b\"\nactivation = \"softmax\"").unwrap(), ["l", "b"]);
    assert_eq!(head("head = \"rt-detr\"\nlabels = \"l\"\nboxes = \"b\"\nscores = \"s\"").unwrap(), ["l", "b", "s"]);
    assert_eq!(head("head = \"end-to-end\"\nrows = \"o\"").unwrap(), ["o"]);
    for (bad, said) in [
        ("head = \"yolov9000\"\nrows = \"o\"", "model.toml:16: head: unknown variant `yolov9000`, expected one of"),
        ("rows = \"o\"", "model.toml:1: missing key `head`: expected one of \"yolov5\""),
        ("head = \"end-to-end\"\nrows = \"o\"\nactivation = \"none\"", "model.toml:18: [output]: unknown field `activation`"),
        ("head = \"yolov8\"\nrows = \"o\"\nactivation = \"softmax\"", "model.toml:15: [output] activation: expected \"none\" or \"sigmoid\""),
        ("head = \"detr\"\nlogits = \"l\"\nboxes = \"b\"", "[output]: missing field `activation`"),
        ("head = \"rt-detr\"\nlabels = \"l\"\nboxes = \"l\"\nscores = \"s\"", "model.toml:15: [output]: expected different outputs"),
    ] {
        let error = head(bad).unwrap_err().to_string();
        assert!(error.contains(said), "{bad}: {error}");
    }
}

#[test]
fn every_fault_names_its_line() {
    let cases: &[(&str, &str, &str, &str)] = &[
        (BLOBS, "schema = 1", "schema = 2", "model.toml:1: expected schema = 1, found 2: this model folder is for a newer program"),
        (BLOBS, "schema = 1\n", "", "model.toml:1: missing key `schema`"),
        (BLOBS, "task = \"detect\"", "task = \"guess\"", "model.toml:2: task: unknown variant `guess`, expected one of `classify`, `detect`"),
        (BLOBS, "task = \"detect\"\n", "", "missing key `task`: expected one of \"classify\""),
        (BLOBS, "sha256 = \"@\"", "sha256 = \"abc\"", "model.toml:3: sha256: expected sha256: and 64 hexadecimal digits"),
        (BLOBS, "licence = \"MIT\"\n", "", "missing key `licence`"),
        (BLOBS, "licence = \"MIT\"", "licence = \" \"", "model.toml:4: licence: expected a text of 1 to 200 characters"),
        (BLOBS, "labels = [\"hole\", \"speck\"]\n", "", "missing key `labels`: expected the classes"),
        (BLOBS, "\"speck\"", "\"hole\"", "model.toml:5: `labels`: expected 1 to 10000 different names, found 2, 1 of them different"),
        (BLOBS, "[\"hole\", \"speck\"]", "[]", "model.toml:5: `labels`: expected 1 to 10000"),
        (UNUSUAL, "licence = \"MIT\"", "licence = \"MIT\"\nlabels = [\"a\"]", "model.toml:5: `labels`: a model of task anomaly-map has no classes"),
        (BLOBS, "width = 320", "width = 7", "model.toml:8: input: expected 8 to 4096 pixels, found 7"),
        (BLOBS, "height = 320", "height = 99999", "model.toml:9: input: expected 8 to 4096 pixels, found 99999"),
        (BLOBS, "layout = \"nchw\"", "layout = \"chw\"", "model.toml:10: input: unknown variant `chw`, expected `nchw` or `nhwc`"),
        (BLOBS, "colour = \"rgb\"", "color = \"rgb\"", "model.toml:11: input: unknown field `color`"),
        (BLOBS, "pad = 114\n", "", "model.toml:6: [input]: fit = \"letterbox\" needs `pad` from 0 to 255, found none"),
        (BLOBS, "pad = 114", "pad = 256", "found 256"),
        (BLOBS, "fit = \"letterbox\"", "fit = \"stretch\"", "model.toml:6: [input]: `pad` goes with fit = \"letterbox\" only"),
        (LIGHTNESS, "fit = \"stretch\"", "fit = \"crop\"\nshorter = 31", "`shorter` of at least the input's larger side (32), found 31"),
        (LIGHTNESS, "resample = \"bilinear\"", "resample = \"bilinear\"\nrange = [1.0, 0.0]", "range: expected what black and white become"),
        (LIGHTNESS, "resample = \"bilinear\"", "resample = \"bilinear\"\nmean = [0.5]", "mean and std: expected 3 numbers each, one per channel, found 1 and 3"),
        (UNUSUAL, "0.224, 0.225]", "0.0, 0.225]", "std: expected numbers above 0, found 0"),
        (UNUSUAL, "0.224, 0.225]", "nan, 0.225]", "model.toml:14: expected a finite number, found nan"),
        (LIGHTNESS, "activation = \"softmax\"", "activation = \"relu\"", "model.toml:16: [output]: unknown variant `relu`, expected one of `none`, `softmax`, `sigmoid`"),
        (BLOBS, "fit = \"letterbox\"\npad = 114", "fit = \"crop\"\nshorter = 320", "model.toml:6: fit = \"crop\": a detection model must see the whole picture: use letterbox, stretch or [tiles]"),
        (LIGHTNESS, "[\"dark\", \"bright\"]", "[\"dark\"]", "model.toml:5: `labels`: expected at least 2 with activation = \"softmax\", found 1"),
        (BRIGHT, "[\"dark\", \"bright\"]", "[\"dark\"]", "model.toml:5: `labels`: expected at least 2"),
        (LIGHTNESS, "[output]", "[boxes]\niou = 0.5\n[output]", "[boxes] is for task = \"detect\" only"),
        (LIGHTNESS, "[output]", "[tiles]\noverlap = 0.2\n[output]", "[tiles]: a model of task classify sees the whole picture"),
        (BRIGHT, "overlap = 0.2", "overlap = 0.9", "[tiles] overlap: expected 0 to 0.5, found 0.9"),
        (BRIGHT, "width = 512", "width = 3", "[tiles] width: expected at least 16 photo pixels, found 3"),
        (BLOBS, "[output]", "[boxes]\niou = 0.0\n[output]", "model.toml:16: boxes: expected a number above 0 and at most 1, found 0"),
        (BLOBS, "[output]", "[boxes]\nfloor = 1.0\n[output]", "[boxes] floor: expected less than 1"),
        (BLOBS, "[input]", "epsilon = 0.5\n[input]", "model.toml:6: epsilon: expected 0 to 0.1, found 0.5"),
        (BLOBS, "[output]", "[parity]\npicture = 100.0\n[output]", "[parity] picture: expected 0 to 8, found 100"),
        (BLOBS, "[output]", "[[constant]]\nname = \"images\"\nshape = [1]\nvalues = [1]\n[output]", "[[constant]]: the input \"images\" is given twice"),
        (BLOBS, "[output]", "[[constant]]\nname = \"s\"\nshape = [1, 2]\nvalues = [1]\nvalue = 1\n[output]", "[[constant]] s: expected either `values`, or `value` for the same number everywhere"),
        (BLOBS, "[output]", "[[constant]]\nname = \"s\"\nshape = [1, 2]\n[output]", "[[constant]] s: expected either `values`, or `value` for the same number everywhere"),
        (BLOBS, "[output]", "[[constant]]\nname = \"s\"\nshape = [4096, 4097]\nvalue = 1\n[output]", "[[constant]] s: expected at most 16777216 numbers, found the shape [4096, 4097]"),
        (BLOBS, "[output]", "[[constant]]\nname = \"s\"\nshape = [1, 2]\nvalues = [1]\n[output]", "[[constant]] s: expected as many values as its shape [1, 2] holds, found 1"),
        (BLOBS, "rows = \"output0\"", "rows = \"output0\"\n[train]\nlr = 1", "model.toml:18: unknown key `train`, expected one of schema, task"),
        (BLOBS, "[output]\nhead = \"yolov8\"\nrows = \"output0\"\n", "", "missing table [output]"),
        (BLOBS, "schema = 1", "schema = 1\nschema = 1", "model.toml:2: duplicate key"),
    ];
    for (text, from, to, said) in cases {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let error = open(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains('\n'), "{from} -> {to}: {error}");
    }
    assert!(matches!(read(b"schema = 1\ntask = \"\xff\""), Err(ModelError::Invalid { line: 2, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_change_of_it_makes_the_reader_panic(
        changes in proptest::collection::vec((0..3usize, any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = digest(UNUSUAL).into_bytes();
        for (kind, place, byte) in changes {
            let i = place.index(bytes.len());
            match kind {
                0 => bytes[i] = byte,
                1 => bytes.insert(i, byte),
                _ => drop(bytes.remove(i)),
            }
        }
        if let Err(error) = read(&bytes) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}
