//! An opened model: asked about photos, it answers or says why not.

use super::detect::{self, Detection, Frame, Seen};
use super::manifest::{Manifest, Task};
use super::map::{self, Map, Tile};
use super::picture::{Placement, Prepared, prepare, prepare_tile};
use super::{Fault, Graph, ModelError, ModelFolder, Network, NetworkError, Runtime, manifest, output, parity, tiles};
use crate::geometry::PixelRect;
use crate::photo::{Photo, Picture, Sha256};
use crate::reason::Reason;
use ndarray::ArrayD;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Digest, width and height of a photo, and what is in it.
type Remembered = (Sha256, (u32, u32), Arc<[Detection]>);

/// A model that was read, checked, and opened by a runtime.
#[derive(Debug)]
pub struct Model {
    /// Name of its folder.
    pub name: String,
    /// What `model.toml` says.
    pub manifest: Manifest,
    /// Runs it.
    pub network: Arc<dyn Network>,
    /// Boxes of the last photo, by the digest of its pixels and its size (the same bytes in other rows are another photo): several checks of a
    /// recipe ask for the same.
    last: Mutex<Option<Remembered>>,
}

impl Model {
    /// Opens a model.
    ///
    /// # Errors
    /// [`ModelError`]: a file is missing, `model.toml` is wrong, the graph is another, the runtime refuses it or does not reproduce the parity
    /// samples. With [`NoRuntime`](super::NoRuntime) everything is looked at but nothing is run.
    ///
    /// Cost: a run of the network per parity sample.
    pub fn open(folder: &ModelFolder, runtime: &dyn Runtime) -> Result<Self, ModelError> {
        let manifest = manifest::read(&folder.read("model.toml", "what goes into the model and what comes out")?)?;
        let found = folder.graph_sha256()?;
        if found != manifest.sha256 {
            return Err(ModelError::OtherGraph { expected: manifest.sha256.hex(), found: found.hex() });
        }
        let card = folder.read("MODEL.md", "the model's card")?;
        if card.trim_ascii().is_empty() {
            return Err(ModelError::Empty { expected: "the model's card", file: "MODEL.md".to_owned() });
        }
        let network = runtime.open(&Graph {
            name: folder.name(),
            file: &folder.path("model.onnx"),
            sha256: manifest.sha256,
            input: (&manifest.input.name, manifest.input.shape()),
            constants: &manifest.constants,
            outputs: &manifest.task.outputs(),
        })?;
        parity::prove(folder, &manifest, network.as_ref())?;
        Ok(Self { name: folder.name().to_owned(), manifest, network, last: Mutex::default() })
    }

    /// Opens the model folder at `dir`, which need not be part of a recipe.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_at(dir: &Path, runtime: &dyn Runtime) -> Result<Self, ModelError> {
        Self::open(&ModelFolder::at(dir)?, runtime)
    }

    /// Index of a label.
    pub fn label(&self, label: &str) -> Option<usize> {
        self.manifest.labels.iter().position(|l| l == label)
    }

    /// Scores of a picture, one per label: task `classify`.
    ///
    /// # Errors
    /// [`Reason::ModelFault`].
    pub fn classify(&self, picture: &Picture) -> Result<Vec<f64>, Reason> {
        let Task::Classify { scores, activation } = &self.manifest.task else { return Err(self.not_for("classify")) };
        let outputs = self.run(&prepare(picture, whole(picture), &self.manifest.input))?;
        output::classes(scores, *activation, self.manifest.labels.len(), &outputs[0]).map_err(|f| self.fault(f))
    }

    /// The vector of a picture: task `features`.
    ///
    /// # Errors
    /// [`Reason::ModelFault`].
    pub fn features(&self, picture: &Picture) -> Result<Vec<f64>, Reason> {
        let Task::Features { vector } = &self.manifest.task else { return Err(self.not_for("features")) };
        let outputs = self.run(&prepare(picture, whole(picture), &self.manifest.input))?;
        output::vector(vector, &outputs[0]).map_err(|f| self.fault(f))
    }

    /// What is in a photo, in its own pixels, strongest first, down to the floor of `model.toml`: task `detect`. Large photos are tiled when the
    /// model says so. Asked again about the same photo it remembers.
    ///
    /// # Errors
    /// [`Reason::ModelFault`].
    pub fn detect(&self, photo: &Photo) -> Result<Arc<[Detection]>, Reason> {
        let Task::Detect(head) = &self.manifest.task else { return Err(self.not_for("detect")) };
        let size = (photo.width(), photo.height());
        if let Some((of, of_size, found)) = self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && (*of, *of_size) == (photo.pixels_sha256, size)
        {
            return Ok(found.clone());
        }
        let mut seen = Vec::new();
        let Manifest { labels, boxes, input, .. } = &self.manifest;
        self.look(&photo.picture, |placement, outputs| {
            let found = detect::decode(head, outputs, labels.len(), boxes, input)?;
            let view = Frame::from(placement.view);
            seen.extend(found.into_iter().filter_map(|d| {
                let (x0, y0) = placement.photo_from_input(d.frame.x0, d.frame.y0);
                let (x1, y1) = placement.photo_from_input(d.frame.x1, d.frame.y1);
                // Nothing is seen in the padding.
                let frame = Frame { x0, y0, x1, y1 }.intersection(&view);
                (frame.area() > 0.0).then_some(Seen { detection: Detection { frame, ..d }, tile: placement.view })
            }));
            Ok(())
        })?;
        let found: Arc<[Detection]> = detect::merge(seen, size).into();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((photo.pixels_sha256, size, found.clone()));
        Ok(found)
    }

    /// A number for each place of a picture: how probable `label` is there (task `segment`), how unusual it looks (`anomaly-map`, where the
    /// label means nothing).
    ///
    /// # Errors
    /// [`Reason::ModelFault`].
    pub fn map(&self, picture: &Picture, label: usize) -> Result<Map, Reason> {
        let Manifest { task, labels, input, .. } = &self.manifest;
        if !matches!(task, Task::Segment { .. } | Task::AnomalyMap { .. }) {
            return Err(self.not_for("segment"));
        }
        let mut tiles = Vec::new();
        self.look(picture, |placement, outputs| {
            let (plane, score) = map::read(task, outputs, labels.len(), label)?;
            tiles.push(Tile { placement, plane, score });
            Ok(())
        })?;
        Ok(map::blend(&tiles, (picture.width(), picture.height()), input))
    }

    /// Runs the network on the whole picture or on every tile of it, and hands on what it said of each, one after the other.
    fn look(
        &self,
        picture: &Picture,
        mut seen: impl FnMut(Placement, &[ArrayD<f32>]) -> Result<(), Fault>,
    ) -> Result<(), Reason> {
        let input = &self.manifest.input;
        let mut one = |prepared: Prepared| {
            let outputs = self.run(&prepared)?;
            seen(prepared.placement, &outputs).map_err(|f| self.fault(f))
        };
        match &self.manifest.tiles {
            None => one(prepare(picture, whole(picture), input)),
            Some(how) => {
                let cut = tiles::cut(picture.width(), picture.height(), how, input);
                let (tiles, scale) = cut.map_err(|f| self.fault(f))?;
                tiles.into_iter().try_for_each(|tile| one(prepare_tile(picture, tile, scale, input)))
            }
        }
    }

    fn run(&self, prepared: &Prepared) -> Result<Vec<ArrayD<f32>>, Reason> {
        let outputs = self.network.run(prepared.tensor.view()).map_err(|e| {
            let expected = match e {
                NetworkError::NoRuntime => "something that runs it",
                _ => "an answer",
            };
            self.fault(Fault::new(expected, e.to_string()))
        })?;
        output::finite(&self.manifest.task.outputs(), &outputs).map_err(|f| self.fault(f))?;
        Ok(outputs)
    }

    fn fault(&self, Fault { expected, found }: Fault) -> Reason {
        Reason::ModelFault { model: self.name.clone(), expected, found }
    }
    fn not_for(&self, task: &str) -> Reason {
        self.fault(Fault::new(format!("a model of task {task}"), self.manifest.task.word()))
    }
}

fn whole(picture: &Picture) -> PixelRect {
    PixelRect { x: 0, y: 0, w: picture.width(), h: picture.height() }
}
