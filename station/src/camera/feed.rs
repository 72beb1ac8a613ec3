//! What a live camera offers: its newest picture, and the first one exposed after a moment.

use super::SourceError;
use axum::body::Bytes;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// One whole picture of a live camera.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub file: PictureFile,
    /// When its exposure began, as near as the driver knows, on this machine's monotonic clock.
    pub exposed: Instant,
    /// Counts every frame of the driver, lost ones too.
    pub sequence: u64,
    /// Width and height, px.
    pub size: (u32, u32),
    /// Older than this it is not live: its camera would have given another one meanwhile. At least [`LIVE`](super::LIVE).
    pub live_for: Duration,
}

/// A picture as the rest of the station takes it: JPEG as the camera sent it, or PNG of an uncompressed frame. A PNG is made when somebody
/// asks for it, once for all clones: a camera gives ten times as many pictures as anybody looks at.
#[derive(Clone)]
pub struct PictureFile(Arc<LazyLock<Result<Bytes, String>, Encode>>);

type Encode = Box<dyn FnOnce() -> Result<Bytes, String> + Send>;

impl PictureFile {
    /// A file that is made when somebody asks for it.
    pub fn later(encode: impl FnOnce() -> Result<Bytes, String> + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(encode))))
    }
    /// The file. The first time it may take 15 ns per pixel; never call it on an async thread.
    ///
    /// # Errors
    /// Why it could not be made.
    pub fn bytes(&self) -> Result<Bytes, SourceError> {
        (**self.0).clone().map_err(|e| SourceError(format!("the camera's frame cannot be kept: {e}")))
    }
}

impl From<Bytes> for PictureFile {
    fn from(file: Bytes) -> Self {
        Self::later(move || Ok(file))
    }
}

impl fmt::Debug for PictureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PictureFile")
    }
}

/// A camera that is always looking. One thread grabs; any number may ask.
pub trait Feed: Send + Sync + fmt::Debug {
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
