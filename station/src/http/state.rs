//! What the handlers share.

use super::problem::Problem;
use crate::calibrations::CalibrationConfig;
use crate::camera::Sources;
use crate::inspection::Desk;
use crate::ledger::{Ledger, LedgerError, Mode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Bounds of what a client may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest photo, bytes.
    pub photo_bytes: usize,
    /// Time a request body may take to arrive.
    pub body_time: Duration,
    /// Bodies that may arrive at the same time: memory is `uploads * photo_bytes`.
    pub uploads: usize,
    /// How long a request waits for one of those places.
    pub upload_wait: Duration,
    /// Open event streams.
    pub streams: usize,
    /// Time between two signs of life on an event stream.
    pub heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            photo_bytes: 32 * 1024 * 1024,
            body_time: Duration::from_secs(60),
            uploads: 4,
            upload_wait: Duration::from_secs(5),
            streams: 64,
            heartbeat: Duration::from_secs(3),
        }
    }
}

/// What [`AppState`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Name of this station.
    pub station: String,
    /// Real parts or the demo's.
    pub mode: Mode,
    /// Where photos are handed in, and what stands behind it.
    pub desk: Desk,
    /// Cameras, folders and the rest.
    pub sources: Sources,
    /// What is expected of calibrations.
    pub calibration: CalibrationConfig,
    /// Names beside `localhost` and IP addresses under which browsers may reach this station.
    pub hosts: Vec<String>,
    /// Bounds.
    pub limits: Limits,
    /// Becomes true when the station stops: event streams end then.
    pub stopping: watch::Receiver<bool>,
}

/// What the handlers share. Clones are cheap.
#[derive(Clone, Debug)]
pub struct AppState(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) parts: Parts,
    pub(crate) uploads: Semaphore,
    pub(crate) streams: Arc<Semaphore>,
}

impl From<Parts> for AppState {
    fn from(parts: Parts) -> Self {
        let (uploads, streams) = (Semaphore::new(parts.limits.uploads), Semaphore::new(parts.limits.streams));
        Self(Arc::new(Shared { parts, uploads, streams: Arc::new(streams) }))
    }
}

impl std::ops::Deref for AppState {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl AppState {
    /// Asks the ledger, off the async threads.
    pub(crate) async fn ask<T: Send + 'static, E: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        Problem: From<E>,
    {
        let ledger = self.desk.ledger.clone();
        match tokio::task::spawn_blocking(move || question(&ledger)).await {
            Ok(answer) => answer.map_err(Problem::from),
            Err(e) => Err(Problem::new("station-error", e.to_string())),
        }
    }

    /// Sequence number of the last synced entry.
    pub(crate) async fn last_seq(&self) -> Result<u64, Problem> {
        self.ask(|ledger| Ok::<_, LedgerError>(ledger.health().last_seq)).await
    }
}
