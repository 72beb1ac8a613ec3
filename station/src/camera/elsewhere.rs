//! Cameras on systems for which nobody has written them yet.

use super::{Feed, SourceError};
use serde::Deserialize;
use std::sync::Arc;

/// Settings of a camera. None can be had here, so none can be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraConfig {}

impl CameraConfig {
    /// # Errors
    /// Always: there is no camera.
    pub fn check(&self) -> Result<(), SourceError> {
        Err(SourceError("cameras work on Linux only: use a folder, or post photos".to_owned()))
    }
    /// For people: which camera is meant.
    pub fn wanted(&self) -> String {
        "camera".to_owned()
    }
}

/// # Errors
/// Always: there is no camera.
pub(super) fn open(config: &CameraConfig) -> Result<Arc<dyn Feed>, SourceError> {
    config.check().and(Err(SourceError("no camera".to_owned())))
}
