//! What runs models.

use super::Report;
use crate::models::{ModelRuntime, ModelsConfig, Preference, fetch, fetched_folder, install};
use anyhow::{Context as _, Result};
use inspector::models::{Model, ModelFolder};
use std::path::Path;

/// Says which runtime is in use, why others that were found are not, and whether a model folder can be used with it.
pub(super) fn look(report: &mut Report, config: ModelsConfig, model: Option<&Path>) -> Result<()> {
    let wants_speed = config.runtime == Preference::Auto;
    let runtime = ModelRuntime::new(config);
    let choice = runtime.choice();
    for (path, why) in &choice.refused {
        report.say(false, format!("models: an ONNX Runtime was found and is not used: {why} ({})", path.display()))?;
    }
    match &choice.library {
        Some(library) => report.say(
            true,
            format!("models: onnxruntime {}, {}, {}", library.version, library.sha256, library.path.display()),
        )?,
        None => {
            report.say(true, format!("models: {}, built in", choice.name()))?;
            if wants_speed {
                report.note(
                    "ONNX Runtime runs models 3 to 12 times faster. With a network: assay doctor --fetch-runtime",
                )?;
                report.note(
                    "Without one: bring the Python package onnxruntime 1.31.1 (.whl), assay doctor --wheel FILE",
                )?;
            }
        }
    }
    if let Some(dir) = model {
        let opened = ModelFolder::at(dir).and_then(|folder| Ok((Model::open(&folder, &runtime)?, folder)));
        match opened {
            Ok((model, folder)) => {
                let samples = match folder.samples().len() {
                    1 => "its sample".to_owned(),
                    n => format!("its {n} samples"),
                };
                report.say(true, format!("model {}: reproduces {samples} on {}", model.name, choice.name()))?;
            }
            Err(e) => report.say(false, format!("model: {e} ({})", dir.display()))?,
        }
    }
    Ok(())
}

/// Gets the library and puts it where this program looks for it.
pub(super) fn get(report: &mut Report, wheel: Option<&Path>) -> Result<()> {
    let folder =
        fetched_folder().context("there is no home folder to keep ONNX Runtime in: set HOME or XDG_DATA_HOME")?;
    let library = match wheel {
        Some(wheel) => install(wheel, &folder)?,
        None => fetch(&folder)?,
    };
    report.say(
        true,
        format!("models: installed onnxruntime {} with its licence: {}", library.version, library.path.display()),
    )?;
    Ok(())
}
