//! Heads against rows written by hand, suppression, and boxes of cut things.

use super::*;
use crate::models::Fault;
use crate::models::manifest::{Activation, Boxes, Head, Input, read};
use crate::models::testing::BLOBS;
use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

fn array(shape: &[usize], values: &[f32]) -> ArrayD<f32> {
    ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap()
}

fn input() -> Input {
    read(BLOBS.replace('@', &"0".repeat(64)).as_bytes()).unwrap().input
}

fn found(head: &Head, outputs: &[ArrayD<f32>], labels: usize) -> Result<Vec<(usize, f64, [f64; 4])>, Fault> {
    let round = |v: f64| (v * 1e4).round() / 1e4;
    let found = decode(head, outputs, labels, &Boxes::default(), &input())?;
    Ok(found
        .iter()
        .map(|d| (d.label, round(d.score), [d.frame.x0, d.frame.y0, d.frame.x1, d.frame.y1].map(round)))
        .collect())
}

/// Two things: label 1 around (50, 60), 20 x 10, score 0.8; label 0 around (200, 100), 40 x 40, score 0.6; and one below the floor.
#[test]
fn every_head_says_the_same_things() {
    let expected = [(1, 0.8, [40.0, 55.0, 60.0, 65.0]), (0, 0.6, [180.0, 80.0, 220.0, 120.0])];
    let name = || "out".to_owned();
    let v5 = array(
        &[1, 3, 7],
        &[
            200.0, 100.0, 40.0, 40.0, 0.75, 0.8, 0.1, // objectness times class
            50.0, 60.0, 20.0, 10.0, 1.0, 0.2, 0.8, //
            10.0, 10.0, 5.0, 5.0, 0.04, 1.0, 1.0,
        ],
    );
    let head = Head::Yolov5 { rows: name(), activation: Activation::None };
    assert_eq!(found(&head, &[v5], 2).unwrap(), expected);
    let v8 = array(
        &[1, 6, 3],
        &[200.0, 50.0, 10.0, 100.0, 60.0, 10.0, 40.0, 20.0, 5.0, 40.0, 10.0, 5.0, 0.6, 0.2, 0.04, 0.1, 0.8, 0.01],
    );
    let head = Head::Yolov8 { rows: name(), activation: Activation::None };
    assert_eq!(found(&head, std::slice::from_ref(&v8), 2).unwrap(), expected);
    // An export without its last sigmoid: logits of 0.8 and 0.6 are 1.3863 and 0.4055.
    let mut logits = v8;
    logits.iter_mut().skip(12).for_each(|p| *p = libm::logf(*p / (1.0 - *p)));
    let head = Head::Yolov8 { rows: name(), activation: Activation::Sigmoid };
    assert_eq!(found(&head, &[logits], 2).unwrap(), expected);
    // DETR, softmax with "nothing" last: logits are logarithms of 0.1 0.8 0.1, of 0.6 0.3 0.1, of 0.01 0.01 0.98; the input is 320 x 320.
    let ln = |p: f32| libm::logf(p) + 3.0;
    let logits = array(&[1, 3, 3], &[0.1, 0.8, 0.1, 0.6, 0.3, 0.1, 0.01, 0.01, 0.98].map(ln));
    let boxes =
        array(&[1, 3, 4], &[0.156_25, 0.1875, 0.0625, 0.031_25, 0.625, 0.3125, 0.125, 0.125, 0.5, 0.5, 0.1, 0.1]);
    let head = Head::Detr { logits: "l".into(), boxes: "b".into(), activation: Activation::Softmax };
    assert_eq!(found(&head, &[logits, boxes], 2).unwrap(), expected);
    // The same in one output, sigmoid inside.
    let rows = [
        [0.156_25, 0.1875, 0.0625, 0.031_25, 0.1, 0.8],
        [0.625, 0.3125, 0.125, 0.125, 0.6, 0.2],
        [0.5, 0.5, 0.1, 0.1, 0.01, 0.01],
    ];
    let head = Head::DetrRows { rows: name(), activation: Activation::None };
    assert_eq!(found(&head, &[array(&[1, 3, 6], rows.as_flattened())], 2).unwrap(), expected);
    // And sorted, with scores and class numbers.
    let rows = [
        [0.156_25, 0.1875, 0.0625, 0.031_25, 0.8, 1.0],
        [0.625, 0.3125, 0.125, 0.125, 0.6, 0.0],
        [0.5, 0.5, 0.1, 0.1, 0.01, 0.0],
    ];
    let ranked = array(&[1, 3, 6], rows.as_flattened());
    assert_eq!(found(&Head::DetrRanked { rows: name() }, std::slice::from_ref(&ranked), 2).unwrap(), expected);
    // Fractions that are taken for pixels are no tiny things in the corner.
    let mut tiny = ranked;
    tiny.iter_mut().filter(|v| **v == 0.156_25 || **v == 0.625).for_each(|v| *v = 0.01);
    tiny.iter_mut().filter(|v| **v == 0.1875 || **v == 0.3125).for_each(|v| *v = 0.02);
    let fault = found(&Head::EndToEnd { rows: name() }, &[tiny], 2).unwrap_err();
    assert_eq!(fault.expected, "boxes in pixels of the input (320 x 320)");
    let head = Head::RtDetr { labels: "l".into(), boxes: "b".into(), scores: "s".into() };
    let corners = [180.0, 80.0, 220.0, 120.0, 40.0, 55.0, 60.0, 65.0, 0.0, 0.0, 9.0, 9.0];
    let three = |shape: &[usize]| array(shape, &[0.0, 1.0, 7.0]);
    for batch in [&[1_usize][..], &[]] {
        let shape = |rest: &[usize]| [batch, rest].concat();
        let outputs = [three(&shape(&[3])), array(&shape(&[3, 4]), &corners), array(&shape(&[3]), &[0.6, 0.8, 0.01])];
        assert_eq!(found(&head, &outputs, 2).unwrap(), expected);
    }
    let rows = [40.0, 55.0, 60.0, 65.0, 0.8, 1.0, 180.0, 80.0, 220.0, 120.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let head = Head::EndToEnd { rows: name() };
    for shape in [&[1, 3, 6][..], &[3, 6]] {
        assert_eq!(found(&head, &[array(shape, &rows)], 2).unwrap(), expected);
    }
    assert_eq!(found(&head, &[array(&[1, 0, 6], &[])], 2).unwrap(), []);
}

#[test]
fn another_layout_is_a_fault_with_both_shapes() {
    let name = || "out".to_owned();
    let zeros = |shape: &[usize]| vec![ArrayD::zeros(IxDyn(shape))];
    let cases = [
        // One label too many, transposed, another rank.
        (
            Head::Yolov8 { rows: name(), activation: Activation::None },
            zeros(&[1, 7, 10]),
            "(1, 6, N): 4 + one channel per label",
        ),
        (Head::Yolov8 { rows: name(), activation: Activation::None }, zeros(&[1, 10, 6]), "(1, 6, N)"),
        (
            Head::Yolov5 { rows: name(), activation: Activation::None },
            zeros(&[1, 10, 6]),
            "(1, N, 7): 5 + one number per label",
        ),
        (Head::Yolov5 { rows: name(), activation: Activation::None }, zeros(&[10, 7]), "(1, N, 7)"),
        (Head::EndToEnd { rows: name() }, zeros(&[1, 10, 7]), "(1, N, 6) or (N, 6): x1 y1 x2 y2 score class"),
        (
            Head::Detr { logits: name(), boxes: "b".into(), activation: Activation::Softmax },
            [zeros(&[1, 9, 2]), zeros(&[1, 9, 4])].concat(),
            "(1, Q, 3): one number per label and one for nothing",
        ),
        (
            Head::Detr { logits: "l".into(), boxes: name(), activation: Activation::Sigmoid },
            [zeros(&[1, 9, 2]), zeros(&[1, 8, 4])].concat(),
            "(1, 9, 4)",
        ),
        (
            Head::DetrRows { rows: name(), activation: Activation::None },
            zeros(&[1, 6, 10]),
            "(1, Q, 6): 4 + one number per label",
        ),
        (
            Head::RtDetr { labels: "l".into(), boxes: name(), scores: "s".into() },
            [zeros(&[1, 9]), zeros(&[1, 9, 5]), zeros(&[1, 9])].concat(),
            "(1, 9, 4) or (9, 4)",
        ),
    ];
    for (head, outputs, expected) in cases {
        let fault = found(&head, &outputs, 2).unwrap_err();
        assert!(fault.expected.starts_with(&format!("output \"out\" of shape {expected}")), "{fault:?}");
        assert!(fault.found.starts_with('['), "{fault:?}");
    }
    // A class that no label has; a score that is none; boxes in pixels where fractions are expected.
    let rows = array(&[1, 6], &[0.0, 0.0, 9.0, 9.0, 0.9, 2.0]);
    let fault = found(&Head::EndToEnd { rows: name() }, &[rows], 2).unwrap_err();
    assert_eq!((fault.expected.as_str(), fault.found.as_str()), ("class numbers from 0 to 1 in output \"out\"", "2"));
    let rows = array(&[1, 6], &[0.0, 0.0, 9.0, 9.0, 90.0, 1.0]);
    assert!(
        found(&Head::EndToEnd { rows: name() }, &[rows], 2).unwrap_err().expected.starts_with("scores from 0 to 1")
    );
    let outputs = [array(&[1, 1, 2], &[3.0, 3.0]), array(&[1, 1, 4], &[0.5, 300.0, 0.1, 0.1])];
    let head = Head::Detr { logits: name(), boxes: "b".into(), activation: Activation::Sigmoid };
    assert!(found(&head, &outputs, 2).unwrap_err().expected.starts_with("boxes cx cy w h from 0 to 1"));
    assert_eq!(
        found(&head, &outputs[..1], 2).unwrap_err(),
        Fault { expected: "output \"b\"".into(), found: "none".into() }
    );
    let pixels = array(&[1, 1, 6], &[160.0, 90.0, 30.0, 20.0, 0.9, 1.0]);
    for head in [Head::DetrRows { rows: name(), activation: Activation::None }, Head::DetrRanked { rows: name() }] {
        let fault = found(&head, std::slice::from_ref(&pixels), 2).unwrap_err();
        assert!(fault.expected.starts_with("boxes cx cy w h from 0 to 1"), "{fault:?}");
    }
}

#[test]
fn boxes_that_cannot_be_are_faults_and_never_nothing() {
    let head = Head::EndToEnd { rows: "out".into() };
    let row = |b: [f32; 4], score: f32| array(&[1, 6], &[b[0], b[1], b[2], b[3], score, 0.0]);
    // The input is 320 x 320.
    for b in [[60.0, 10.0, 40.0, 20.0], [10.0, 30.0, 20.0, 20.0], [-330.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 650.0]] {
        let fault = found(&head, &[row(b, 0.9)], 2).unwrap_err();
        assert!(fault.expected.starts_with("boxes "), "{fault:?}");
        // Below the floor they mean nothing.
        assert_eq!(found(&head, &[row(b, 0.01)], 2).unwrap(), []);
    }
    assert_eq!(found(&head, &[row([-9.0, 0.0, 9.0, 330.0], 0.9)], 2).unwrap().len(), 1);
}

#[test]
fn only_a_head_with_built_in_suppression_may_have_no_rows() {
    let none = |shape: &[usize]| ArrayD::<f32>::zeros(IxDyn(shape));
    let (rows, activation) = (|| "out".to_owned(), Activation::Sigmoid);
    for (head, outputs) in [
        (Head::Yolov5 { rows: rows(), activation }, vec![none(&[1, 0, 7])]),
        (Head::Yolov8 { rows: rows(), activation }, vec![none(&[1, 6, 0])]),
        (Head::Detr { logits: rows(), boxes: "b".into(), activation }, vec![none(&[1, 0, 2]), none(&[1, 0, 4])]),
        (Head::DetrRows { rows: rows(), activation }, vec![none(&[1, 0, 6])]),
        (
            Head::RtDetr { labels: "l".into(), boxes: "b".into(), scores: rows() },
            vec![none(&[1, 0]), none(&[1, 0, 4]), none(&[1, 0])],
        ),
    ] {
        let fault = found(&head, &outputs, 2).unwrap_err();
        assert!(fault.expected.contains("at least 1"), "{fault:?}");
    }
    // torchvision's detectors: no batch, and as many rows as are left over.
    let head = Head::RtDetr { labels: "l".into(), boxes: "b".into(), scores: rows() };
    assert_eq!(found(&head, &[none(&[0]), none(&[0, 4]), none(&[0])], 2).unwrap(), []);
    assert!(found(&head, &[none(&[0]), none(&[1, 4]), none(&[0])], 2).is_err());
}

fn thing(label: usize, score: f64, x0: f64, y0: f64, x1: f64, y1: f64) -> Detection {
    Detection { label, score, frame: Frame { x0, y0, x1, y1 } }
}

#[test]
fn of_overlapping_boxes_of_one_label_the_strongest_stays() {
    let strong = thing(0, 0.9, 0.0, 0.0, 10.0, 10.0);
    // 8 of 10 wide shared: 80 / (100 + 100 - 80) = 0.667.
    let weak = thing(0, 0.8, 2.0, 0.0, 12.0, 10.0);
    let other = Detection { label: 1, ..weak.clone() };
    // 60 / 140 = 0.43.
    let apart = thing(0, 0.7, 4.0, 0.0, 14.0, 10.0);
    let all = vec![apart.clone(), weak.clone(), other.clone(), strong.clone()];
    assert_eq!(suppress(all.clone(), 0.45, 10).unwrap(), [strong.clone(), other.clone(), apart.clone()]);
    assert_eq!(suppress(all.clone(), 0.7, 10).unwrap().len(), 4);
    // Never a smaller count.
    let fault = suppress(all.clone(), 0.45, 2).unwrap_err();
    assert_eq!(fault.expected, "at most 2 boxes above the floor");
    assert_eq!(suppress(vec![strong.clone(); 3001], 0.45, 300).unwrap_err().found, "3001");
    // Kept as they are: overlap is somebody else's business.
    assert_eq!(suppress(vec![strong.clone(); 3], 1.0, 10).unwrap().len(), 3);
    // Of equals the first, whichever it is.
    let twin = thing(0, 0.9, 1.0, 0.0, 11.0, 10.0);
    assert_eq!(suppress(vec![twin.clone(), strong.clone()], 0.45, 10).unwrap()[..], std::slice::from_ref(&twin)[..]);
    assert_eq!(suppress(vec![strong.clone(), twin], 0.45, 10).unwrap(), [strong]);
}

const PHOTO: (u32, u32) = (1000, 400);
/// Two tiles that share the strip from 400 to 600.
const LEFT: PixelRect = PixelRect { x: 0, y: 0, w: 600, h: 400 };
const RIGHT: PixelRect = PixelRect { x: 400, y: 0, w: 600, h: 400 };

/// What both tiles say of things of label 0: each sees its part of them.
fn seen_by(tiles: &[PixelRect], things: &[Frame]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for tile in tiles {
        for (i, t) in things.iter().enumerate() {
            let frame = t.intersection(&Frame::from(*tile));
            // A network finds what it sees a fair part of.
            if frame.area() > 0.25 * t.area() {
                seen.push(Seen { detection: Detection { label: 0, score: 0.9 - 0.01 * i as f64, frame }, tile: *tile });
            }
        }
    }
    seen
}

#[test]
fn a_thing_that_a_border_cuts_is_one_box() {
    let cases = [
        ("whole in both", Frame { x0: 450.0, y0: 100.0, x1: 550.0, y1: 200.0 }),
        ("whole in the left, cut by the right tile", Frame { x0: 360.0, y0: 100.0, x1: 460.0, y1: 200.0 }),
        ("whole in the right, cut by the left tile", Frame { x0: 540.0, y0: 100.0, x1: 640.0, y1: 200.0 }),
        // The intersection of the two halves is 0.4 of their union, and 0.57 of either.
        ("larger than the strip: cut by both", Frame { x0: 250.0, y0: 50.0, x1: 750.0, y1: 350.0 }),
        ("just reaching the other tile", Frame { x0: 300.0, y0: 100.0, x1: 402.0, y1: 200.0 }),
    ];
    for (what, thing) in cases {
        let seen = seen_by(&[LEFT, RIGHT], &[thing]);
        assert!(!seen.is_empty());
        let found = merge(seen, PHOTO);
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        assert_eq!(found[0].frame, thing, "{what}");
    }
    // A poor box of what is cut: the right tile boxes 25 of the 60 px that it sees.
    let at = |x0: f64, x1: f64, tile| Seen { detection: thing(0, 0.9, x0, 100.0, x1, 200.0), tile };
    let found = merge(vec![at(300.0, 460.0, LEFT), at(400.0, 425.0, RIGHT)], PHOTO);
    assert_eq!(found, [thing(0, 0.9, 300.0, 100.0, 460.0, 200.0)]);
}

#[test]
fn different_things_stay_apart() {
    // Side by side, one of them in the strip; one inside the other; another label; the same tile.
    let beside =
        [Frame { x0: 300.0, y0: 100.0, x1: 420.0, y1: 200.0 }, Frame { x0: 425.0, y0: 100.0, x1: 560.0, y1: 200.0 }];
    assert_eq!(merge(seen_by(&[LEFT, RIGHT], &beside), PHOTO).len(), 2);
    let nested =
        [Frame { x0: 410.0, y0: 20.0, x1: 590.0, y1: 380.0 }, Frame { x0: 480.0, y0: 180.0, x1: 520.0, y1: 220.0 }];
    assert_eq!(merge(seen_by(&[LEFT, RIGHT], &nested), PHOTO).len(), 2);
    // The same when a border cuts the large one: 400 to 590 of it are all that the right tile sees.
    let nested = [Frame { x0: 300.0, ..nested[0] }, nested[1]];
    assert_eq!(merge(seen_by(&[LEFT, RIGHT], &nested), PHOTO).len(), 2);
    let same = Frame { x0: 450.0, y0: 100.0, x1: 550.0, y1: 200.0 };
    let as_label = |label, tile| Seen { detection: Detection { label, score: 0.5, frame: same }, tile };
    assert_eq!(merge(vec![as_label(0, LEFT), as_label(1, RIGHT)], PHOTO).len(), 2);
    assert_eq!(merge(vec![as_label(0, LEFT), as_label(0, LEFT)], PHOTO).len(), 2);
    assert_eq!(merge(vec![as_label(0, LEFT), as_label(0, RIGHT)], PHOTO).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Things at random places, seen by overlapping tiles with a pixel or two of jitter, come out as often as they are.
    #[test]
    fn as_many_boxes_as_things(seed in any::<u64>(), jitter in 0.0..1.5_f64) {
        use crate::synth::Seeded;
        let mut random = Seeded::new(seed, 7);
        // A grid of places, so that the things do not overlap.
        let mut things = Vec::new();
        for gy in 0..4 {
            for gx in 0..8 {
                if random.below(3) > 0 {
                    let (w, h) = (random.between(30.0, 115.0), random.between(30.0, 90.0));
                    let (x, y) = (120.0 * f64::from(gx) + random.between(0.0, 118.0 - w), 100.0 * f64::from(gy) + random.between(0.0, 98.0 - h));
                    things.push(Frame { x0: x, y0: y, x1: x + w, y1: y + h });
                }
            }
        }
        let tile = |x: u32, y: u32| PixelRect { x, y, w: 320, h: 240 };
        let tiles: Vec<_> = [0, 220, 440, 640].into_iter().flat_map(|x| [0, 160].map(|y| tile(x, y))).collect();
        let mut seen = seen_by(&tiles, &things);
        for s in &mut seen {
            let t = Frame::from(s.tile);
            let mut j = || random.between(-jitter, jitter + 1e-9);
            let f = s.detection.frame;
            s.detection.frame = Frame { x0: f.x0 + j(), y0: f.y0 + j(), x1: f.x1 + j(), y1: f.y1 + j() }.intersection(&t);
        }
        let found = merge(seen, (960, 400));
        prop_assert_eq!(found.len(), things.len());
        for t in &things {
            prop_assert!(found.iter().any(|d| d.frame.iou(t) > 0.8), "{:?} in {:?}", t, found);
        }
    }
}
