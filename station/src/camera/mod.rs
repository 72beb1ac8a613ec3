//! Sources: where photos come from.
//!
//! ```text
//! Linux camera, simulated camera --Feed--> Eye --trigger--\
//! watched folder (scanner, DSLR) --------> Folder ---------> Desk -> queue -> judge -> record
//! POST /api/v1/inspections --------------> Upload --------/
//! ```
//!
//! A [`Source`] works on a thread of its own. One that fails, panics or does not come back is replaced after a pause
//! (`supervise`); the others, and the station, go on.

mod auto;
mod capture;
mod config;
mod crew;
mod eye;
mod feed;
mod folder;
mod glance;
mod simulated;
mod sources;
mod supervise;
pub mod v4l;

pub use auto::{AutoConfig, Watcher, Watching};
pub use capture::{CaptureError, Order, Trigger};
pub(crate) use config::tables;
pub use config::{SourceConfig, SourceKind};
pub use crew::Crew;
pub use eye::{Eye, Opener, Shutter};
pub use feed::{Feed, Frame, PictureFile};
pub use folder::{Folder, FolderConfig};
pub use glance::{Glance, small_picture};
pub use simulated::{Simulated, SimulatedConfig};
pub(crate) use sources::Place;
pub use sources::{Picture, SourceNow, Sources};
pub use supervise::Shift;

use std::fmt;
use std::time::{Duration, Instant};
use thiserror::Error;

/// A picture older than this is not live, unless its camera is slow ([`Frame::live_for`]).
pub const LIVE: Duration = Duration::from_secs(2);

/// How long a picture is waited for after a trigger, unless its camera is slow.
const PATIENCE: Duration = Duration::from_secs(3);

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no picture: {0}")]
pub struct SourceError(
    /// What failed and what to do.
    pub String,
);

/// Where photos come from.
pub trait Source: Send + Sync + fmt::Debug {
    /// `camera`, `folder`, `simulated` or `upload`.
    fn kind(&self) -> &'static str;
    /// For people: which camera, which folder.
    fn about(&self) -> String;
    /// Works until the shift is over. Called on a thread of its own, where it may block; called again, after a pause, when it failed
    /// or panicked.
    ///
    /// # Errors
    /// Why it cannot go on.
    fn work(&self, shift: &Shift) -> Result<(), SourceError>;
    /// Its live picture, or why there is none. `None` when it has none by nature. Does not block.
    fn live(&self) -> Option<Result<Frame, SourceError>> {
        None
    }
    /// What its automatic trigger waits for, as a word.
    fn watching(&self) -> Option<&'static str> {
        None
    }
    /// How long [`shoot`](Self::shoot) may take.
    fn patience(&self) -> Duration {
        PATIENCE
    }
    /// A picture whose exposure began at or after `moment`. Blocks for [`patience`](Self::patience) at most.
    ///
    /// # Errors
    /// Why there is none.
    fn shoot(&self, _moment: Instant) -> Result<Frame, SourceError> {
        Err(SourceError("this source takes no pictures on demand".to_owned()))
    }
    /// The part in a picture that somebody asked for, exposed at this moment, is recorded.
    fn taken_by_hand(&self, _exposed: Instant) {}
    /// What it knows itself of the part in a picture.
    fn knows(&self, _frame: &Frame) -> Order {
        Order::default()
    }
    /// Somebody says that nothing lies before the camera now.
    ///
    /// # Errors
    /// When it does not watch for parts.
    fn empty_now(&self) -> Result<(), SourceError> {
        Err(SourceError("this source has no automatic trigger".to_owned()))
    }
}

/// Photos posted to `/api/v1/inspections`: always there, and nothing to do on its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload;

/// Name of the source of posted photos.
pub(crate) const UPLOAD: &str = "upload";

impl Source for Upload {
    fn kind(&self) -> &'static str {
        UPLOAD
    }
    fn about(&self) -> String {
        "photos posted to /api/v1/inspections".to_owned()
    }
    fn work(&self, _: &Shift) -> Result<(), SourceError> {
        Ok(())
    }
}
