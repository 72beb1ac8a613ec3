//! What the station sees of it all.

use super::find::{self, Found, SYSFS};
use super::live::Live;
use super::{CameraConfig, FeedStatus, device, grab, layout};
use crate::camera::{Crew, Feed, Frame, SourceError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A camera behind V4L2. Made at once, whether or not the camera is there: it is looked for until it is dropped.
#[derive(Debug)]
pub struct V4lFeed(Arc<Live>);

impl V4lFeed {
    /// Starts to look for the camera and to grab from it, on two threads of `crew`.
    ///
    /// # Errors
    /// A configuration that no camera could follow, or no thread to be had. A camera that is not there is no error: [`V4lFeed::status`] tells.
    pub fn open(config: CameraConfig, crew: &Crew) -> Result<Self, SourceError> {
        config.check().map_err(|e| SourceError(e.to_string()))?;
        let live = Arc::new(Live::new(config));
        let feed = Self(live.clone());
        let start = |name: &str, work: fn(&Live)| {
            let live = live.clone();
            let started = crew.start(name, move || work(&live));
            started.map_err(|e| SourceError(format!("the system gives the camera no thread: {e}")))
        };
        start("camera", grab::run)?;
        start("camera-controls", grab::watch)?;
        Ok(feed)
    }
    /// How it does. Never blocks.
    pub fn status(&self) -> FeedStatus {
        self.0.status()
    }
}

impl Drop for V4lFeed {
    /// The threads end by themselves: a camera that does not answer must not hold up anybody.
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Feed for V4lFeed {
    fn name(&self) -> String {
        self.0.about()
    }
    fn newest(&self) -> Result<Frame, SourceError> {
        self.0.newest()
    }
    fn first_after(&self, moment: Instant, patience: Duration) -> Result<Frame, SourceError> {
        self.0.first_after(moment, patience)
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
    /// Other programs that have it open, as far as they can be seen.
    pub holders: Vec<String>,
}

/// All cameras there are. Opens each for a moment, which does not disturb another program's pictures.
pub fn list() -> Vec<Listed> {
    find::cameras(Path::new(SYSFS)).iter().filter_map(listed).collect()
}

/// Whether each source, by name, means a camera of its own, as far as they are plugged in now.
///
/// # Errors
/// Two mean the same one: which.
pub fn each_its_own(sources: &[(&str, &CameraConfig)]) -> Result<(), String> {
    find::each_its_own(sources, &find::cameras(Path::new(SYSFS)))
}

fn listed(found: &Found) -> Option<Listed> {
    let path = found.path();
    let offers = grab::guarded(|| {
        let open = v4l::Device::new(found.node).and_then(|d| device::offers(&d));
        open.map_err(|e| device::Down::of(&e, "opening it", &path))
    });
    // A device that takes no pictures (a decoder, a radio) is no camera.
    let formats = match offers {
        Ok(offers) if offers.is_empty() => return None,
        Ok(offers) => Ok(layout::list(&offers)),
        Err(down) => Err(down.reason),
    };
    let holders = find::holders(Path::new("/proc"), &path);
    Some(Listed {
        serial: found.serial.clone(),
        port: found.port.clone(),
        name: found.name.clone(),
        device: path.display().to_string(),
        formats,
        holders: holders.iter().map(|(name, pid)| format!("{name} (process {pid})")).collect(),
    })
}
