//! The layouts in which detection models say their boxes.
//!
//! Layouts are those of the exports themselves: Ultralytics `yolov5/models/yolo.py` (Detect, concatenated rows), `ultralytics/nn/modules/head.py`
//! (Detect: box and class channels), Carion et al. 2020, doi:10.1007/978-3-030-58452-8_13 (DETR: softmax with "no object" last), Zhao et al. 2024,
//! doi:10.1109/CVPR52733.2024.01605 (RT-DETR: labels, boxes, scores;
//! Ultralytics' RTDETRDecoder: boxes and scores in one output).

use super::{Detection, Frame};
use crate::models::manifest::{Activation, Boxes, Head, Input};
use crate::models::output::{Fault, activate, score, shaped, sigmoid};
use ndarray::ArrayD;

/// The boxes of one picture, in pixels of the model's input, strongest first, overlapping ones of one label taken out.
///
/// `outputs` are those of the head, in its order; `labels` how many labels there are.
///
/// # Errors
/// [`Fault`]: another shape than the head has, scores that are none, class numbers that no label has, boxes that cannot be, too many boxes.
///
/// Honest scope: a row counts for its strongest label only; a second label that is nearly as strong is not told.
///
/// Cost: see `benches/learned.rs`.
pub fn decode(
    head: &Head,
    outputs: &[ArrayD<f32>],
    labels: usize,
    boxes: &Boxes,
    input: &Input,
) -> Result<Vec<Detection>, Fault> {
    super::suppress(rows(head, outputs, labels, boxes, input)?, boxes.iou.0, boxes.most.0)
}

/// The boxes as the head gives them, in its order, down to the floor.
pub(in crate::models) fn rows(
    head: &Head,
    outputs: &[ArrayD<f32>],
    labels: usize,
    boxes: &Boxes,
    input: &Input,
) -> Result<Vec<Detection>, Fault> {
    let floor = boxes.floor.0;
    let (width, height) = (input.width as f64, input.height as f64);
    let mut found = match head {
        Head::Yolov5 { rows, activation } => yolov5(rows, *activation, outputs.first(), labels, floor)?,
        Head::Yolov8 { rows, activation } => yolov8(rows, *activation, outputs.first(), labels, floor)?,
        Head::Detr { logits, boxes, activation } => {
            detr([logits, boxes], *activation, outputs, labels, floor, (width, height))?
        }
        Head::DetrRows { rows, activation } => {
            detr_rows(rows, *activation, outputs.first(), labels, floor, (width, height))?
        }
        Head::RtDetr { labels: l, boxes, scores } => rt_detr([l, boxes, scores], outputs, labels, floor)?,
        Head::DetrRanked { rows } => end_to_end(rows, outputs.first(), labels, floor, Some((width, height)))?,
        Head::EndToEnd { rows } => end_to_end(rows, outputs.first(), labels, floor, None)?,
    };
    if let Some(Detection { frame: f, .. }) = found.iter().find(|d| !possible(&d.frame, width, height)) {
        let expected = format!("boxes with x0 <= x1 and y0 <= y1, at most one input ({width} x {height}) outside it");
        return Err(Fault::new(expected, format!("{} {} {} {}", f.x0, f.y0, f.x1, f.y1)));
    }
    // Fractions where pixels are expected would be tiny things in the corner.
    if !found.is_empty() && found.iter().all(|d| d.frame.x1.max(d.frame.y1) <= 1.0 + 1e-3) {
        let expected = format!("boxes in pixels of the input ({width} x {height})");
        return Err(Fault::new(expected, "none beyond its first pixel: fractions? See `head`"));
    }
    // Nothing is seen in a box without area.
    found.retain(|d| d.frame.area() > 0.0);
    Ok(found)
}

/// Whether a box can be one: anything else says that the layout or the units are others.
fn possible(f: &Frame, width: f64, height: f64) -> bool {
    let along = |a: f64, b: f64, side: f64| -side <= a && a <= b && b <= 2.0 * side;
    along(f.x0, f.x1, width) && along(f.y0, f.y1, height)
}

fn given<'o>(output: Option<&'o ArrayD<f32>>, name: &str) -> Result<&'o ArrayD<f32>, Fault> {
    output.ok_or_else(|| Fault::new(format!("output {name:?}"), "none"))
}

fn yolov5(
    name: &str,
    activation: Activation,
    output: Option<&ArrayD<f32>>,
    labels: usize,
    floor: f64,
) -> Result<Vec<Detection>, Fault> {
    let width = 5 + labels;
    let expected = format!("(1, N, {width}): 5 + one number per label, N at least 1");
    let numbers = shaped(name, given(output, name)?, &expected, |s| matches!(s, [1, n, w] if *n > 0 && *w == width))?;
    let mut found = Vec::new();
    for row in numbers.chunks_exact(width) {
        // A product of scores is no larger than its first factor.
        let objectness = one(name, activation, row[4])?;
        if objectness < floor {
            continue;
        }
        let (label, best) = strongest(&row[5..]);
        let score = objectness * one(name, activation, best)?;
        if score >= floor {
            found.push(Detection { label, score, frame: middle_and_sides(&row[..4]) });
        }
    }
    Ok(found)
}

fn yolov8(
    name: &str,
    activation: Activation,
    output: Option<&ArrayD<f32>>,
    labels: usize,
    floor: f64,
) -> Result<Vec<Detection>, Fault> {
    let channels = 4 + labels;
    let expected = format!("(1, {channels}, N): 4 + one channel per label, N at least 1");
    let output = given(output, name)?;
    let numbers = shaped(name, output, &expected, |s| matches!(s, [1, c, n] if *c == channels && *n > 0))?;
    let n = output.shape()[2];
    // Channel by channel, as the numbers lie in memory.
    let mut best = numbers[4 * n..5 * n].to_vec();
    let mut label = vec![0_u32; n];
    for class in 1..labels {
        let channel = &numbers[(4 + class) * n..(5 + class) * n];
        for ((best, label), v) in best.iter_mut().zip(&mut label).zip(channel) {
            if *v > *best {
                (*best, *label) = (*v, class as u32);
            }
        }
    }
    let mut found = Vec::new();
    for (i, (best, label)) in best.into_iter().zip(label).enumerate() {
        let score = one(name, activation, best)?;
        if score >= floor {
            let frame = middle_and_sides(&[numbers[i], numbers[n + i], numbers[2 * n + i], numbers[3 * n + i]]);
            found.push(Detection { label: label as usize, score, frame });
        }
    }
    Ok(found)
}

fn detr(
    [logits_name, boxes_name]: [&String; 2],
    activation: Activation,
    outputs: &[ArrayD<f32>],
    labels: usize,
    floor: f64,
    (width, height): (f64, f64),
) -> Result<Vec<Detection>, Fault> {
    let nothing = usize::from(activation == Activation::Softmax);
    let classes = labels + nothing;
    let note = if nothing == 1 { ": one number per label and one for nothing" } else { ": one number per label" };
    let logits = given(outputs.first(), logits_name)?;
    let n = logits.shape().get(1).copied().unwrap_or(0);
    let expected = format!("(1, Q, {classes}){note}, Q at least 1");
    let logits = shaped(logits_name, logits, &expected, |s| matches!(s, [1, q, c] if *q > 0 && *c == classes))?;
    let boxes = given(outputs.get(1), boxes_name)?;
    let boxes = shaped(boxes_name, boxes, &format!("(1, {n}, 4)"), |s| s == [1, n, 4])?;
    let mut found = Vec::new();
    for (row, b) in logits.chunks_exact(classes).zip(boxes.chunks_exact(4)) {
        let scores = activate(logits_name, activation, row)?;
        let (label, score) = scores[..labels]
            .iter()
            .enumerate()
            .fold((0, f64::NEG_INFINITY), |best, (i, s)| if *s > best.1 { (i, *s) } else { best });
        if score >= floor {
            found.push(Detection { label, score, frame: of_fractions(boxes_name, b, (width, height))? });
        }
    }
    Ok(found)
}

fn detr_rows(
    name: &str,
    activation: Activation,
    output: Option<&ArrayD<f32>>,
    labels: usize,
    floor: f64,
    sides: (f64, f64),
) -> Result<Vec<Detection>, Fault> {
    let width = 4 + labels;
    let expected = format!("(1, Q, {width}): 4 + one number per label, Q at least 1");
    let numbers = shaped(name, given(output, name)?, &expected, |s| matches!(s, [1, q, w] if *q > 0 && *w == width))?;
    let mut found = Vec::new();
    for row in numbers.chunks_exact(width) {
        let (label, best) = strongest(&row[4..]);
        let score = one(name, activation, best)?;
        if score >= floor {
            found.push(Detection { label, score, frame: of_fractions(name, &row[..4], sides)? });
        }
    }
    Ok(found)
}

/// cx cy w h as fractions of the input's sides.
fn of_fractions(name: &str, b: &[f32], (width, height): (f64, f64)) -> Result<Frame, Fault> {
    if let Some(v) = b.iter().find(|v| !(-1.0..=2.0).contains(*v)) {
        return Err(Fault::new(format!("boxes cx cy w h from 0 to 1 in output {name:?}"), v.to_string()));
    }
    let [cx, cy, w, h] = [b[0], b[1], b[2], b[3]].map(f64::from);
    Ok(Frame::around(cx * width, cy * height, w * width, h * height))
}

fn rt_detr(names: [&String; 3], outputs: &[ArrayD<f32>], labels: usize, floor: f64) -> Result<Vec<Detection>, Fault> {
    let [labels_name, boxes_name, scores_name] = names;
    let scores = given(outputs.get(2), scores_name)?;
    let n = scores.shape().last().copied().unwrap_or(0);
    // RT-DETR has as many rows as queries. Without a batch they are what torchvision's suppression left over: perhaps none.
    let row = |s: &[usize]| (n > 0 && s == [1, n]) || s == [n];
    let scores = shaped(scores_name, scores, "(1, Q), Q at least 1, or (Q)", row)?;
    let expected = format!("(1, {n}) or ({n}), as the scores");
    let classes = shaped(labels_name, given(outputs.first(), labels_name)?, &expected, row)?;
    let expected = format!("(1, {n}, 4) or ({n}, 4)");
    let boxes = shaped(boxes_name, given(outputs.get(1), boxes_name)?, &expected, |s| s == [1, n, 4] || s == [n, 4])?;
    let mut found = Vec::new();
    for ((class, s), b) in classes.iter().zip(scores.iter()).zip(boxes.chunks_exact(4)) {
        let score = score(scores_name, *s)?;
        if score >= floor {
            found.push(Detection { label: class_number(labels_name, *class, labels)?, score, frame: corners(b) });
        }
    }
    Ok(found)
}

/// Corners in pixels of the input, or middle and sides as fractions of its `sides`.
fn end_to_end(
    name: &str,
    output: Option<&ArrayD<f32>>,
    labels: usize,
    floor: f64,
    sides: Option<(f64, f64)>,
) -> Result<Vec<Detection>, Fault> {
    let fits = |s: &[usize]| matches!(s, [1, _, 6] | [_, 6]);
    let expected = if sides.is_some() { "cx cy w h score class" } else { "x1 y1 x2 y2 score class" };
    let numbers = shaped(name, given(output, name)?, &format!("(1, N, 6) or (N, 6): {expected}"), fits)?;
    let mut found = Vec::new();
    for row in numbers.chunks_exact(6) {
        let score = score(name, row[4])?;
        // Exports fill up with empty rows: their class means nothing.
        if score >= floor {
            let frame = match sides {
                Some(sides) => of_fractions(name, &row[..4], sides)?,
                None => corners(&row[..4]),
            };
            found.push(Detection { label: class_number(name, row[5], labels)?, score, frame });
        }
    }
    Ok(found)
}

fn one(name: &str, activation: Activation, value: f32) -> Result<f64, Fault> {
    match activation {
        Activation::Sigmoid => Ok(sigmoid(value)),
        Activation::None | Activation::Softmax => score(name, value),
    }
}

/// The largest number and the first place that has it.
fn strongest(numbers: &[f32]) -> (usize, f32) {
    numbers.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, v)| if *v > best.1 { (i, *v) } else { best })
}

fn middle_and_sides(b: &[f32]) -> Frame {
    Frame::around(f64::from(b[0]), f64::from(b[1]), f64::from(b[2]), f64::from(b[3]))
}

fn corners(b: &[f32]) -> Frame {
    Frame { x0: f64::from(b[0]), y0: f64::from(b[1]), x1: f64::from(b[2]), y1: f64::from(b[3]) }
}

fn class_number(name: &str, value: f32, labels: usize) -> Result<usize, Fault> {
    let whole = value.round();
    if (value - whole).abs() < 1e-3 && whole >= 0.0 && whole < labels as f32 {
        Ok(whole as usize)
    } else {
        Err(Fault::new(format!("class numbers from 0 to {} in output {name:?}", labels - 1), value.to_string()))
    }
}
