//! What a station says of its camera.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which camera, and how it is to look at the part. Part of `station.toml`:
///
/// ```
/// # use station::camera::v4l::CameraConfig;
/// let camera: CameraConfig = toml::from_str(r#"
///     serial = "SN0001"          # or port = "1-2"; neither: the only camera there is
///     size = [1280, 720]         # px; left out: the largest it offers
///     fps = 30                   # left out: the fastest up to 30
///     formats = ["MJPG"]         # left out: MJPG, then the uncompressed ones
///     exposure_us = 15600        # microseconds, in steps of 100; left out: as the camera likes, and the light check will tell
///     white_balance_k = 4600     # kelvin
///     focus = 30                 # the camera's own unit
///     gain = 0                   # the camera's own unit
/// "#).unwrap();
/// camera.check().unwrap();
/// // The camera counts in steps of 100 us: what it cannot do exactly is not rounded unseen.
/// let rounded = CameraConfig { exposure_us: Some(15_650), ..camera };
/// assert!(rounded.check().unwrap_err().to_string().contains("15600 or 15700"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraConfig {
    /// The serial number its USB descriptor gives. `assay camera list` shows it.
    pub serial: Option<String>,
    /// Where it is plugged in (`1-2.3`), for cameras without a serial number of their own.
    pub port: Option<String>,
    /// Width and height, px.
    pub size: Option<(u32, u32)>,
    /// Frames per second.
    pub fps: Option<u32>,
    /// Formats that will do, best first.
    pub formats: Vec<PixelFormat>,
    /// Exposure time, microseconds, in steps of 100. Given: manual exposure.
    pub exposure_us: Option<u32>,
    /// White balance, kelvin. Given: no automatic white balance.
    pub white_balance_k: Option<u32>,
    /// Focus, the camera's own unit. Given: no automatic focus.
    pub focus: Option<u32>,
    /// Gain, the camera's own unit. Given: no automatic gain.
    pub gain: Option<u32>,
    /// What becomes of a picture that equals the one before it to the last byte. A sensor has noise, so this is a camera that hangs.
    /// A simulator, or a picture so dark that its JPEG shows no noise, needs `warn` or `off`.
    pub frozen: Policy,
    /// What becomes of pictures while a control is not at what was asked.
    pub wrong_controls: Policy,
    /// Whole frames that the camera holds back inside itself before the driver sees the first byte. Pictures count as exposed that much
    /// earlier, so that none of before the trigger passes for a later one. 0 to 8; each costs a frame's time.
    pub frames_inside: u32,
}

impl Default for CameraConfig {
    fn default() -> Self {
        Self {
            serial: None,
            port: None,
            size: None,
            fps: None,
            formats: PixelFormat::ALL.to_vec(),
            exposure_us: None,
            white_balance_k: None,
            focus: None,
            gain: None,
            frozen: Policy::Refuse,
            wrong_controls: Policy::Refuse,
            frames_inside: 1,
        }
    }
}

/// What to do about a picture that is suspect, not broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// It is not handed out.
    Refuse,
    /// It is handed out; the camera's status says what is wrong.
    Warn,
    /// It is handed out.
    Off,
}

/// How a camera packs its pixels. The names are V4L2's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum PixelFormat {
    /// A JPEG file per frame.
    Mjpg,
    /// 4:2:2, two bytes per pixel.
    Yuyv,
    /// 4:2:0, a plane of light and a plane of colour.
    Nv12,
    /// Red, green, blue.
    Rgb3,
    /// Blue, green, red.
    Bgr3,
    /// Eight bits of grey.
    Grey,
}

impl PixelFormat {
    /// All, in the order in which they are preferred: MJPG lets most cameras give their full size at full speed.
    pub const ALL: [Self; 6] = [Self::Mjpg, Self::Yuyv, Self::Nv12, Self::Rgb3, Self::Bgr3, Self::Grey];

    /// The four characters that V4L2 knows it by.
    pub const fn fourcc(self) -> [u8; 4] {
        match self {
            Self::Mjpg => *b"MJPG",
            Self::Yuyv => *b"YUYV",
            Self::Nv12 => *b"NV12",
            Self::Rgb3 => *b"RGB3",
            Self::Bgr3 => *b"BGR3",
            Self::Grey => *b"GREY",
        }
    }
    /// The format of these four characters, if we can read it.
    pub fn of_fourcc(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.fourcc() == fourcc)
    }
    /// Bytes of a row of `width` pixels without padding, and rows of that length in a frame of `height`. `None` for JPEG.
    pub(super) fn rows(self, width: u32, height: u32) -> Option<(u64, u64)> {
        let (width, height) = (u64::from(width), u64::from(height));
        match self {
            Self::Mjpg => None,
            Self::Yuyv => Some((width.next_multiple_of(2) * 2, height)),
            Self::Nv12 => Some((width.next_multiple_of(2), height + height.div_ceil(2))),
            Self::Rgb3 | Self::Bgr3 => Some((width * 3, height)),
            Self::Grey => Some((width, height)),
        }
    }
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.fourcc()))
    }
}

/// What is wrong with a [`CameraConfig`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("camera: {field}: expected {expected}, found {found}")]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// What it may be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// Sides of a picture that a camera can have, px.
pub(super) const SIDES: std::ops::RangeInclusive<u32> = 16..=16_384;
/// Frames per second that a camera can give.
pub(super) const RATES: std::ops::RangeInclusive<u32> = 1..=480;

impl CameraConfig {
    /// # Errors
    /// [`ConfigError`] names the field that no camera could follow.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong =
            |field, expected: &str, found: String| Err(ConfigError { field, expected: expected.to_owned(), found });
        if self.serial.is_some() && self.port.is_some() {
            return wrong("serial, port", "one of the two", "both".to_owned());
        }
        for (field, text) in [("serial", &self.serial), ("port", &self.port)] {
            if let Some(text) = text
                && (text.trim().is_empty() || text.chars().any(char::is_control))
            {
                return wrong(field, "what `assay camera list` shows", format!("{text:?}"));
            }
        }
        if let Some((w, h)) = self.size
            && !(SIDES.contains(&w) && SIDES.contains(&h))
        {
            return wrong("size", "two sides of 16 to 16384 px", format!("{w} x {h}"));
        }
        if let Some(fps) = self.fps
            && !RATES.contains(&fps)
        {
            return wrong("fps", "1 to 480 frames per second", fps.to_string());
        }
        if self.formats.is_empty() {
            return wrong("formats", "one or more of MJPG, YUYV, NV12, RGB3, BGR3, GREY", "none".to_owned());
        }
        if let Some(us) = self.exposure_us {
            let down = us / 100 * 100;
            if us == 0 || us > 60_000_000 {
                return wrong("exposure_us", "100 to 60000000 microseconds", us.to_string());
            }
            if us != down {
                let near = format!("steps of 100 microseconds ({} or {})", down.max(100), down + 100);
                return wrong("exposure_us", &near, us.to_string());
            }
        }
        if self.frames_inside > 8 {
            return wrong("frames_inside", "0 to 8 frames", self.frames_inside.to_string());
        }
        Ok(())
    }

    /// For people: which camera is meant.
    pub fn wanted(&self) -> String {
        match (&self.serial, &self.port) {
            (Some(serial), _) => format!("camera {serial}"),
            (None, Some(port)) => format!("camera at port {port}"),
            (None, None) => "camera".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;

    fn refused(text: &str) -> String {
        match toml::from_str::<CameraConfig>(text) {
            Ok(config) => config.check().unwrap_err().to_string(),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn nothing_said_is_the_only_camera() {
        let config: CameraConfig = toml::from_str("").unwrap();
        assert_eq!(config, CameraConfig::default());
        config.check().unwrap();
        assert_eq!((config.frozen, config.wrong_controls), (Policy::Refuse, Policy::Refuse));
    }

    #[test]
    fn each_mistake_is_named() {
        for (text, said) in [
            ("size = [0, 0]", "size: expected two sides of 16 to 16384 px, found 0 x 0"),
            ("size = [640]", "size"),
            ("fps = 1000", "fps: expected 1 to 480 frames per second, found 1000"),
            ("fps = 0", "found 0"),
            ("formats = []", "formats: expected one or more"),
            ("formats = [\"H264\"]", "unknown variant `H264`"),
            ("exposure_us = 50", "100 or 100"),
            ("exposure_us = 0", "100 to 60000000"),
            ("exposure_ms = 5", "unknown field `exposure_ms`"),
            ("serial = \"A\"\nport = \"1-1\"", "one of the two, found both"),
            ("serial = \"  \"", "serial: expected what `assay camera list` shows"),
            ("frames_inside = 9", "0 to 8 frames"),
            ("frozen = \"never\"", "unknown variant `never`"),
        ] {
            assert!(refused(text).contains(said), "{text}: {}", refused(text));
        }
    }
}
