//! One picture, from the trigger to the record.

use super::sources::Place;
use super::{Frame, SourceError};
use crate::inspection::{Desk, DeskError, ErrorKind, JobError, ReservedKey, Shot};
use crate::ledger::Entry;
use crate::record::CaptureRecord;
use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::OwnedMutexGuard;

/// How much longer than it should take a picture is waited for before its camera counts as hanging.
const SHUTTER_GRACE: Duration = Duration::from_secs(2);

/// What a part is: by what it is judged, and its names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Name or digest of the recipe.
    pub recipe: Option<String>,
    /// Serial number of the part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
}

impl Order {
    /// What is not said here is taken from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { recipe: self.recipe.or(other.recipe), serial: self.serial.or(other.serial), lot: self.lot.or(other.lot) }
    }
}

/// What asked for a picture, and when.
#[derive(Clone, Copy, Debug)]
pub struct Trigger {
    /// `request`, `auto` or `takt`.
    pub by: &'static str,
    /// The picture is exposed at or after this moment.
    pub moment: Instant,
}

/// Why there is no record of a picture that was asked for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// No such source.
    #[error("{}", unknown(asked.as_deref(), known))]
    Unknown {
        /// What was asked for.
        asked: Option<String>,
        /// Sources that take pictures on demand.
        known: Vec<String>,
    },
    /// Its photos come by themselves.
    #[error("source {name:?} takes no pictures on demand: its photos come by themselves ({about})")]
    NoShutter {
        /// Its name.
        name: String,
        /// What it is.
        about: String,
    },
    /// The picture before is not done yet.
    #[error("source {name:?} is still busy with the picture before")]
    Busy {
        /// Its name.
        name: String,
    },
    /// The source has no picture.
    #[error("source {name:?}: {cause}")]
    NoPicture {
        /// Its name.
        name: String,
        /// Why, and what to do.
        cause: SourceError,
    },
    /// There is a picture, and no record.
    #[error(transparent)]
    Desk(#[from] DeskError),
}

fn unknown(asked: Option<&str>, known: &[String]) -> String {
    match (asked, known) {
        (None, []) => {
            "this station has no camera: add a [[source]] to its configuration, or post photos to /api/v1/inspections"
                .to_owned()
        }
        (None, known) => format!("this station has several cameras: name one of {} as `source`", known.join(", ")),
        (Some(asked), []) => format!("no source {asked:?}: this station has no camera"),
        (Some(asked), known) => format!("no source {asked:?}; pictures can be taken by {}", known.join(", ")),
    }
}

impl CaptureError {
    /// The photo was handed in and the station failed on it: the part is held, and another picture of it would not help.
    pub(super) fn holds_the_part(&self) -> bool {
        matches!(self, Self::Desk(DeskError::Job(JobError::Panicked { .. } | JobError::Picture { .. })))
    }
}

impl Place {
    /// Takes a picture exposed at or after the trigger, and has it judged and recorded.
    ///
    /// What the part is: as `asked`; else as chosen on the page; else as the source itself knows; else as configured.
    pub(crate) async fn capture(
        self: &Arc<Self>,
        desk: &Desk,
        trigger: Trigger,
        asked: Order,
        key: Option<ReservedKey>,
    ) -> Result<Entry, CaptureError> {
        let (place, its_desk) = (self.clone(), desk.clone());
        // A task of its own: a client that goes away does not cut it in half, between the record and what follows from it.
        let task = tokio::spawn(async move { place.photograph(&its_desk, trigger, asked, key).await });
        let taken = task.await.unwrap_or_else(|e| Err(DeskError::Failed(e.to_string()).into()));
        match &taken {
            Ok(_) => desk.metrics.source(&self.name).parts.inc(),
            Err(CaptureError::Busy { .. }) => 0,
            Err(e) => {
                if matches!(e, CaptureError::NoPicture { .. }) {
                    desk.metrics.error(ErrorKind::Camera);
                }
                desk.metrics.source(&self.name).errors.inc()
            }
        };
        taken
    }

    async fn photograph(
        self: &Arc<Self>,
        desk: &Desk,
        trigger: Trigger,
        asked: Order,
        key: Option<ReservedKey>,
    ) -> Result<Entry, CaptureError> {
        // Held until the record exists: the next picture finds the serial number used and the part taken.
        let (frame, photo, shutter) = self.expose(trigger.moment).await?;
        let exposed = frame.exposed;
        let after_ms = frame.exposed.saturating_duration_since(trigger.moment).as_secs_f64() * 1e3;
        let chosen = self.selection();
        let order = asked.or(chosen.clone()).or(self.source.knows(&frame)).or(self.configured.clone());
        let serial = order.serial.clone();
        let shot = Shot {
            image: format!("{}-{}.{}", self.name, frame.sequence, extension(&photo)),
            photo,
            recipe: order.recipe,
            serial: order.serial,
            lot: order.lot,
            order: None,
            capture: Some(CaptureRecord {
                source: self.name.clone(),
                trigger: trigger.by.to_owned(),
                exposed_after_trigger_ms: Some((after_ms * 1e3).round() / 1e3),
                sequence: Some(frame.sequence),
            }),
        };
        let entry = desk.submit(shot, key).await?;
        tracing::info!(
            "{}: part {}, exposed {after_ms:.1} ms after the trigger ({})",
            self.name,
            entry.seq,
            trigger.by
        );
        if serial.is_some() && serial == chosen.serial {
            self.serial_used(&chosen);
        }
        if trigger.by == "request" {
            self.source.taken_by_hand(exposed);
        }
        self.set_trouble(None);
        drop(shutter);
        Ok(entry)
    }

    /// One picture of this source at a time: until the guard is dropped, others are told that it is busy. A camera that hangs keeps the shutter
    /// until its source is started again.
    async fn expose(self: &Arc<Self>, moment: Instant) -> Result<(Frame, Bytes, OwnedMutexGuard<()>), CaptureError> {
        let busy = || CaptureError::Busy { name: self.name.clone() };
        let no_picture = |cause| CaptureError::NoPicture { name: self.name.clone(), cause };
        if let Some(down) = self.down() {
            return Err(no_picture(SourceError(down)));
        }
        let shutter = self.shutter().try_lock_owned().map_err(|_| busy())?;
        let source = self.source.clone();
        let patience = source.patience() + SHUTTER_GRACE;
        let shooting = tokio::task::spawn_blocking(move || {
            let frame = source.shoot(moment)?;
            let file = frame.file.bytes()?;
            Ok((frame, file, shutter))
        });
        let (frame, file, shutter) = match tokio::time::timeout(patience, shooting).await {
            Ok(Ok(shot)) => shot.map_err(no_picture)?,
            Ok(Err(panic)) => return Err(no_picture(SourceError(format!("the camera's driver failed ({panic})")))),
            Err(_) => {
                let s = patience.as_secs();
                return Err(no_picture(SourceError(format!(
                    "the camera did not answer for {s} s: unplug it and plug it in again"
                ))));
            }
        };
        if frame.exposed < moment {
            return Err(no_picture(SourceError(
                "the camera gave a picture from before the trigger, which may show another part: try again".to_owned(),
            )));
        }
        Ok((frame, file, shutter))
    }
}

fn extension(file: &Bytes) -> &'static str {
    if file.starts_with(&[0xFF, 0xD8]) { "jpg" } else { "png" }
}
