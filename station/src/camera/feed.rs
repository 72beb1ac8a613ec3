//! What a live camera offers: its newest picture, and the first one exposed after a moment.

use super::SourceError;
use axum::body::Bytes;
use std::time::{Duration, Instant};

/// One whole picture of a live camera.
#[derive(Clone, Debug)]
pub struct Frame {
    /// A file as the rest of the station takes it: JPEG as the camera sent it, or PNG of an uncompressed frame.
    pub file: Bytes,
    /// When its exposure began, as near as the driver knows, on this machine's monotonic clock.
    pub exposed: Instant,
    /// Counts every frame of the driver, lost ones too.
    pub sequence: u64,
    /// Width and height, px.
    pub size: (u32, u32),
}

/// A camera that is always looking. One thread grabs; any number may ask.
pub trait Feed: Send + Sync + std::fmt::Debug {
    /// For people: which camera this is, with its serial number.
    fn name(&self) -> String;
    /// The newest good frame, or why there is none now.
    ///
    /// # Errors
    /// No camera, a stall, nothing but torn frames: what is wrong and what to do.
    fn newest(&self) -> Result<Frame, SourceError>;
    /// The first good frame whose exposure began at or after `moment`. Blocks for at most `patience`; never call it on an async thread.
    ///
    /// # Errors
    /// Why none came in time.
    fn first_after(&self, moment: Instant, patience: Duration) -> Result<Frame, SourceError>;
}
