//! Samples of a head whose graph sorts its boxes by score (top k, built-in suppression, queries that are chosen by score): the last digit of a
//! score decides which row a box comes in, and which of the weakest come at all. Such outputs are the same when they say the same boxes.

use crate::models::detect::{self, Detection};
use crate::models::manifest::{Head, Manifest};
use crate::models::{ModelError, Network, output};
use ndarray::ArrayD;

/// Compares the boxes above the floor, one to one, in whatever order: same label, scores within the tolerance, corners within `relative` of the
/// input's longer side.
///
/// # Errors
/// [`ModelError::Sample`]: the sample holds no box above the floor, so that it proves nothing. [`ModelError::OtherBoxes`]: a box that has no
/// partner.
pub(super) fn same_boxes(
    head: &Head,
    manifest: &Manifest,
    network: &dyn Network,
    dir: &str,
    found: &[ArrayD<f32>],
    expected: &[ArrayD<f32>],
) -> Result<(), ModelError> {
    let read = |outputs: &[ArrayD<f32>], whose: &str| {
        output::finite(&manifest.task.outputs(), outputs)
            .and_then(|()| detect::rows(head, outputs, manifest.labels.len(), &manifest.boxes, &manifest.input))
            .map_err(|output::Fault { expected, found }| ModelError::Sample {
                expected,
                found: format!("{found}, from {whose}"),
                file: format!("{dir}/output-*.npy"),
            })
    };
    let (expected, mut found) = (read(expected, "the sample")?, read(found, &network.runtime())?);
    if expected.is_empty() {
        return Err(ModelError::Sample {
            expected: format!(
                "a sample in which something is found: {} gives other numbers, which may mean nothing below the floor",
                network.runtime()
            ),
            found: format!("no box with a score of at least {}", manifest.boxes.floor.0),
            file: format!("{dir}/output-*.npy"),
        });
    }
    let other = |expected: String, found: Option<String>| ModelError::OtherBoxes {
        runtime: network.runtime(),
        expected,
        found: found.unwrap_or_else(|| "none".to_owned()),
        file: format!("{dir}/output-*.npy"),
    };
    let says = |d: &Detection| {
        let f = d.frame;
        let label = &manifest.labels[d.label];
        format!("{label} {:.4} at {:.2} {:.2} {:.2} {:.2}", d.score, f.x0, f.y0, f.x1, f.y1)
    };
    for e in &expected {
        let nearest = nearest(e, &found, manifest);
        match nearest {
            Some((i, true)) => drop(found.swap_remove(i)),
            _ if at_the_floor(e, manifest) => {}
            _ => return Err(other(says(e), nearest.map(|(i, _)| says(&found[i])))),
        }
    }
    match found.iter().find(|f| !at_the_floor(f, manifest)) {
        Some(more) => Err(other("no other box".to_owned(), Some(says(more)))),
        None => Ok(()),
    }
}

fn score_tolerance(score: f64, manifest: &Manifest) -> f64 {
    manifest.tolerance.absolute + manifest.tolerance.relative * score
}

/// A box that the other runtime may see just below the floor.
fn at_the_floor(d: &Detection, manifest: &Manifest) -> bool {
    d.score - score_tolerance(d.score, manifest) < manifest.boxes.floor.0
}

/// The box of the same label that is nearest, and whether it is the same one.
fn nearest(e: &Detection, found: &[Detection], manifest: &Manifest) -> Option<(usize, bool)> {
    let side = manifest.input.width.max(manifest.input.height) as f64;
    let allowed = manifest.tolerance.absolute + manifest.tolerance.relative * side;
    // In tolerances: at most one is the same. A tolerance of 0 asks for equal numbers.
    let tolerances = |difference: f64, allowed: f64| difference.abs() / allowed.max(f64::MIN_POSITIVE);
    let distance = |f: &Detection| {
        let corners =
            [f.frame.x0 - e.frame.x0, f.frame.y0 - e.frame.y0, f.frame.x1 - e.frame.x1, f.frame.y1 - e.frame.y1];
        let corner = corners.iter().fold(0.0, |most: f64, d| most.max(tolerances(*d, allowed)));
        corner.max(tolerances(f.score - e.score, score_tolerance(e.score, manifest)))
    };
    found
        .iter()
        .enumerate()
        .filter(|(_, f)| f.label == e.label)
        .map(|(i, f)| (i, distance(f)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, d)| (i, d <= 1.0))
}
