//! A camera that is never believed blindly: V4L2, which is every USB webcam on Linux.
//!
//! ```text
//! find (serial -> /dev/videoN) -> device (format, controls) -> frames -> gate (whole? new? exposed when?) -> live (newest, waiting) -> file
//! ```
//!
//! One thread grabs and keeps only the newest good frame, as the camera sent it; a second one looks at the controls now and then. Whatever
//! goes wrong, the device is closed, looked for again by its serial number, and opened again; what was exposed before is never handed out
//! after a trigger. Sources: the kernel's V4L2 documentation (<https://docs.kernel.org/userspace-api/media/v4l/v4l2.html>), UVC 1.5, and
//! measurements with a simulated webcam behind the real `uvcvideo` driver (`tests/camera-guest`).
//!
//! Honest scope: what a camera holds back inside itself beyond `frames_inside` cannot be seen from outside; and a driver that answers for
//! a control from memory hides that the camera changed it. Both show in the picture: the light is measured in every photo.

mod config;
mod status;

#[cfg(target_os = "linux")]
mod claim;
#[cfg(target_os = "linux")]
mod controls;
#[cfg(target_os = "linux")]
mod device;
#[cfg(target_os = "linux")]
mod find;
#[cfg(target_os = "linux")]
mod gate;
#[cfg(target_os = "linux")]
mod grab;
#[cfg(target_os = "linux")]
mod jpeg;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod pixels;
#[cfg(target_os = "linux")]
pub use linux::{Listed, V4lFeed, each_its_own, list};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Listed, V4lFeed, each_its_own, list};

pub use config::{CameraConfig, ConfigError, PixelFormat, Policy};
pub use status::{FeedStatus, State};
