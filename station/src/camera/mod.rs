//! Cameras: where photos come from when nobody posts them.
//!
//! A [`Source`] gives pictures, one at a time and in its own time; [`run`] hands them to the inspection loop, the same way that
//! every other photo goes.

mod feed;
mod simulated;

pub use feed::{Feed, Frame};
pub use simulated::Simulated;

use crate::inspection::{ErrorKind, Job, JobInfo, Line, Metrics};
use crate::ledger::Ledger;
use crate::recipes::RecipeBook;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;

/// Without a picture for this long the camera counts as not working.
const STALE: Duration = Duration::from_secs(15);
/// Pause after an error, so that a broken camera does not fill the log.
const PAUSE: Duration = Duration::from_secs(1);

/// A picture and what its part is to be judged by.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Name for the record.
    pub image: String,
    /// The file.
    pub photo: Vec<u8>,
    /// Name of the recipe.
    pub recipe: String,
    /// Serial number, when the source knows it.
    pub serial: Option<String>,
    /// Lot, when the source knows it.
    pub lot: Option<String>,
}

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no picture: {0}")]
pub struct SourceError(
    /// What failed and what to do.
    pub String,
);

/// Gives pictures.
pub trait Source: Send + 'static {
    /// For people: which camera this is.
    fn name(&self) -> String;
    /// The next picture. May block; never called on an async thread.
    ///
    /// # Errors
    /// Why there is none now. It is asked again a second later.
    fn shoot(&mut self) -> Result<Shot, SourceError>;
}

/// How the camera does, for `/readyz` and the pages. Clones share it.
#[derive(Clone, Debug)]
pub struct CameraStatus(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    name: String,
    since: Instant,
    picture: Option<Instant>,
    error: Option<String>,
}

/// How the camera does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraNow {
    /// Pictures come in.
    pub ok: bool,
    /// Which camera, or what is wrong.
    pub reason: String,
    /// Seconds since its last picture.
    pub picture_age_s: Option<f64>,
}

impl CameraStatus {
    /// Of a camera that was just switched on.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Arc::new(Mutex::new(Inner { name: name.into(), since: Instant::now(), picture: None, error: None })))
    }
    fn change(&self, f: impl FnOnce(&mut Inner)) {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
    /// A picture came.
    pub fn picture(&self) {
        self.change(|i| (i.picture, i.error) = (Some(Instant::now()), None));
    }
    /// None came.
    pub fn failed(&self, error: &str) {
        self.change(|i| i.error = Some(error.to_owned()));
    }
    /// As it is now.
    pub fn now(&self) -> CameraNow {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = inner.picture.map(|p| p.elapsed());
        let silent = age.unwrap_or_else(|| inner.since.elapsed());
        let (ok, reason) = match &inner.error {
            Some(error) => (false, format!("{}: {error}", inner.name)),
            None if silent > STALE => (false, format!("{}: no picture for {} s", inner.name, silent.as_secs())),
            None => (true, inner.name.clone()),
        };
        CameraNow { ok, reason, picture_age_s: age.map(|a| a.as_secs_f64()) }
    }
}

/// What the camera's pictures need on their way.
#[derive(Clone, Debug)]
pub struct Way {
    /// To see which recipes are approved.
    pub ledger: Ledger,
    /// Recipes.
    pub recipes: RecipeBook,
    /// The inspection loop.
    pub line: Line,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Told how the camera does.
    pub status: CameraStatus,
}

/// Shoots every `takt` and has each picture judged, until `stopping`. One at a time: when the line is busy, the camera waits.
pub async fn run(source: impl Source, way: Way, takt: Duration, mut stopping: watch::Receiver<bool>) {
    let mut source = Some(source);
    let mut clock = tokio::time::interval(takt);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let Some(mut camera) = source.take() else { return };
        let shot = tokio::task::spawn_blocking(move || (camera.shoot(), camera)).await;
        let error = match shot {
            Ok((shot, camera)) => {
                source = Some(camera);
                match shot {
                    Ok(shot) => {
                        way.status.picture();
                        judged(&way, shot).await.err()
                    }
                    Err(e) => Some(e.to_string()),
                }
            }
            // The source itself is lost with the panic: the camera stays down, the station goes on.
            Err(e) => Some(format!("the camera's driver failed: {e}")),
        };
        if let Some(error) = error {
            tracing::warn!("camera: {error}");
            way.status.failed(&error);
            way.metrics.error(ErrorKind::Camera);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Has one picture judged. What the line says of the part is the line's to report; an error here is the camera's.
async fn judged(way: &Way, shot: Shot) -> Result<(), String> {
    let Shot { image, photo, recipe, serial, lot } = shot;
    let (book, ledger) = (way.recipes.clone(), way.ledger.clone());
    let recipe = tokio::task::spawn_blocking(move || book.approved(&ledger, &recipe))
        .await
        .map_err(|e| e.to_string())?
        .map_err(|e| e.to_string())?;
    let job = Job { photo: photo.into(), info: JobInfo { image, serial, lot, order: None }, recipe, key: None };
    match way.line.submit(job) {
        // A part that was refused or failed is counted, logged and announced by the loop.
        Ok(ticket) => drop(ticket.recorded().await),
        Err(busy) => tracing::info!("picture dropped: {busy}"),
    }
    Ok(())
}
