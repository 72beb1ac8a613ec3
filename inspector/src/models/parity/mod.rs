//! Parity samples: what the framework that trained a model gave for some inputs, compared with what this machine gives.
//!
//! Three things are proved at opening, for every sample: the reference outputs mean what `model.toml` says (they are decoded as those of
//! a photo are); the picture, where the sample has one, becomes the sample's tensor; the runtime gives the reference outputs again, number
//! by number or, where the graph itself sorts its boxes, box by box.

mod npy;
mod ranked;

use super::manifest::{Colour, Input, Manifest, Task};
use super::picture::prepare;
use super::{ModelError, ModelFolder, Network, NetworkError, output};
use crate::geometry::PixelRect;
use crate::photo::{DecodeLimits, decode};
use ndarray::ArrayD;

/// Names a sample's picture may have.
const PICTURES: [&str; 3] = ["input.png", "input.jpg", "input.jpeg"];

/// What a framework gave for one input.
struct Sample {
    input: ArrayD<f32>,
    outputs: Vec<ArrayD<f32>>,
}

/// Looks at every sample of the folder: see the module's text.
///
/// # Errors
/// [`ModelError`]: no samples, none with a picture, a sample that does not fit, a picture that becomes another tensor, outputs that are not
/// reproduced.
pub(super) fn prove(folder: &ModelFolder, manifest: &Manifest, network: &dyn Network) -> Result<(), ModelError> {
    let names = folder.samples();
    if names.is_empty() {
        return Err(ModelError::NoParity);
    }
    if names.len() > super::folder::MAX_SAMPLES {
        return Err(ModelError::Sample {
            expected: format!("at most {} samples", super::folder::MAX_SAMPLES),
            found: names.len().to_string(),
            file: "parity".to_owned(),
        });
    }
    let mut pictures = 0;
    for name in names {
        let dir = format!("parity/{name}");
        let sample = read(folder, manifest, &dir)?;
        if let Some(picture) = PICTURES.iter().map(|p| format!("{dir}/{p}")).find(|p| folder.has(p)) {
            pictures += 1;
            check_picture(folder, manifest, &picture, &sample.input)?;
        }
        replay(manifest, network, &dir, &sample)?;
    }
    if pictures == 0 { Err(ModelError::NoParityPicture) } else { Ok(()) }
}

fn read(folder: &ModelFolder, manifest: &Manifest, dir: &str) -> Result<Sample, ModelError> {
    let array = |file: String, expected: &'static str| {
        let bytes = folder.read(&file, expected)?;
        let array = npy::read(&bytes).map_err(|found| ModelError::Sample {
            expected: "an array in NumPy's .npy format".to_owned(),
            found,
            file: file.clone(),
        })?;
        match array.iter().find(|v| !v.is_finite()) {
            Some(v) => Err(ModelError::Sample {
                expected: "finite numbers".to_owned(),
                found: v.to_string(),
                file: file.clone(),
            }),
            None => Ok(array),
        }
    };
    let file = format!("{dir}/input.npy");
    let input = array(file.clone(), "the tensor that went into the model")?;
    let shape = manifest.input.shape();
    if input.shape() != shape {
        let (expected, found) = (format!("an array of the input's shape {shape:?}"), format!("{:?}", input.shape()));
        return Err(ModelError::Sample { expected, found, file });
    }
    let names = manifest.task.outputs();
    let outputs = (0..names.len())
        .map(|i| array(format!("{dir}/output-{i}.npy"), "what came out of the model, one file per output"))
        .collect::<Result<Vec<_>, _>>()?;
    // Labels that are missing, another head, a wrong activation: the reference outputs show it before any photo does.
    super::means(manifest, &names, &outputs).map_err(|output::Fault { expected, found }| ModelError::Sample {
        expected: format!("{expected} (as model.toml says)"),
        found,
        file: format!("{dir}/output-*.npy"),
    })?;
    Ok(Sample { input, outputs })
}

/// The picture, prepared as `model.toml` says, must be the tensor, but for the last digit of somebody else's resizing.
fn check_picture(
    folder: &ModelFolder,
    manifest: &Manifest,
    file: &str,
    expected: &ArrayD<f32>,
) -> Result<(), ModelError> {
    let bytes = folder.read(file, "the picture that the sample's tensor was made of")?;
    let photo = decode(&bytes, &DecodeLimits::default()).map_err(|e| ModelError::Sample {
        expected: "a picture".to_owned(),
        found: e.to_string(),
        file: file.to_owned(),
    })?;
    let difference = |input: &Input| {
        let whole = PixelRect { x: 0, y: 0, w: photo.width(), h: photo.height() };
        let ours = prepare(&photo.picture, whole, input).tensor;
        // In codes: divided by the mean step of the channels.
        let step =
            input.gain_offset.iter().map(|(gain, _)| f64::from(*gain)).sum::<f64>() / input.gain_offset.len() as f64;
        let sum: f64 = ours.iter().zip(expected).map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).sum();
        sum / ours.len() as f64 / step
    };
    let input = &manifest.input;
    let allowed = manifest.tolerance.picture;
    let found = difference(input);
    let other = match input.colour {
        Colour::Rgb => Some(("bgr", Input { colour: Colour::Bgr, ..input.clone() })),
        Colour::Bgr => Some(("rgb", Input { colour: Colour::Rgb, ..input.clone() })),
        Colour::Grey => None,
    };
    let swapped = other.as_ref().map(|(word, input)| (word, difference(input)));
    if found > allowed || !found.is_finite() {
        let hint = match swapped {
            Some((word, d)) if d <= allowed => format!(" (it fits with colour = {word:?})"),
            _ => String::new(),
        };
        return Err(ModelError::Preparation { allowed, found, hint, file: file.to_owned() });
    }
    // A picture whose colours can be swapped unnoticed proves nothing about their order.
    match swapped {
        Some((_, d)) if d <= allowed => Err(ModelError::Sample {
            expected: "a picture whose red and blue differ, so that it shows the order of the channels".to_owned(),
            found: format!("one that differs by {d:.2} codes when they are swapped"),
            file: file.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Runs the sample here. Where nothing can be run, nothing is compared.
fn replay(manifest: &Manifest, network: &dyn Network, dir: &str, sample: &Sample) -> Result<(), ModelError> {
    let found = match network.run(sample.input.view()) {
        Ok(found) => found,
        Err(NetworkError::NoRuntime) => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    let names = manifest.task.outputs();
    let fault = |output::Fault { expected, found }, file: String| ModelError::Sample {
        expected,
        found: format!("{found}, from {}", network.runtime()),
        file,
    };
    if found.len() != names.len() {
        return Err(fault(
            output::Fault::new(format!("{} outputs", names.len()), found.len().to_string()),
            dir.to_owned(),
        ));
    }
    for (i, (found, expected)) in found.iter().zip(&sample.outputs).enumerate() {
        if found.shape() != expected.shape() {
            let (expected, found) =
                (format!("an output of shape {:?}", expected.shape()), format!("{:?}", found.shape()));
            return Err(fault(output::Fault { expected, found }, format!("{dir}/output-{i}.npy")));
        }
    }
    let numbers = same_numbers(manifest, network, dir, &found, &sample.outputs);
    match &manifest.task {
        Task::Detect(head) if head.ranks() && numbers.is_err() => {
            ranked::same_boxes(head, manifest, network, dir, &found, &sample.outputs)
        }
        _ => numbers,
    }
}

/// Compares number by number.
fn same_numbers(
    manifest: &Manifest,
    network: &dyn Network,
    dir: &str,
    found: &[ArrayD<f32>],
    expected: &[ArrayD<f32>],
) -> Result<(), ModelError> {
    let tolerance = manifest.tolerance;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        // The worst place, so that the message says how far off it is.
        let excess = |f: f32, e: f32| {
            let (f, e) = (f64::from(f), f64::from(e));
            let excess = (f - e).abs() - tolerance.absolute - tolerance.relative * e.abs();
            if excess.is_nan() { f64::INFINITY } else { excess }
        };
        let worst = found
            .indexed_iter()
            .zip(expected.iter())
            .map(|((place, f), e)| (excess(*f, *e), place, *f, *e))
            .fold(None, |worst: Option<(f64, _, f32, f32)>, here| match worst {
                Some(w) if w.0 >= here.0 => Some(w),
                _ => Some(here),
            });
        if let Some((excess, place, f, e)) = worst
            && excess > 0.0
        {
            use ndarray::Dimension as _;
            return Err(ModelError::NotReproduced {
                runtime: network.runtime(),
                expected: e,
                found: f,
                place: place.slice().to_vec(),
                file: format!("{dir}/output-{i}.npy"),
            });
        }
    }
    Ok(())
}
