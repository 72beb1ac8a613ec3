//! Systems other than Linux: said, not silently missing.

use super::{CameraConfig, FeedStatus};
use crate::camera::{Crew, Feed, Frame, SourceError};
use std::convert::Infallible;
use std::time::{Duration, Instant};

/// Cameras are read on Linux only: there is never one here.
#[derive(Debug)]
pub struct V4lFeed(Infallible);

impl V4lFeed {
    /// # Errors
    /// Always.
    pub fn open(_: CameraConfig, _: &Crew) -> Result<Self, SourceError> {
        Err(SourceError(
            "cameras are read on Linux only; on this system use a watched folder or upload photos".to_owned(),
        ))
    }
    /// How it does.
    pub fn status(&self) -> FeedStatus {
        match self.0 {}
    }
}

impl Feed for V4lFeed {
    fn name(&self) -> String {
        match self.0 {}
    }
    fn newest(&self) -> Result<Frame, SourceError> {
        match self.0 {}
    }
    fn first_after(&self, _: Instant, _: Duration) -> Result<Frame, SourceError> {
        match self.0 {}
    }
}

/// A camera for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Serial number.
    pub serial: Option<String>,
    /// Port.
    pub port: String,
    /// What it calls itself.
    pub name: String,
    /// Device file.
    pub device: String,
    /// Formats, sizes and rates, or why they cannot be had.
    pub formats: Result<String, String>,
    /// Other programs that have it open.
    pub holders: Vec<String>,
}

/// None.
pub fn list() -> Vec<Listed> {
    Vec::new()
}

/// There is none that two could mean.
///
/// # Errors
/// Never.
pub fn each_its_own(_: &[(&str, &CameraConfig)]) -> Result<(), String> {
    Ok(())
}
