//! The device itself: opened, asked for a format, its controls set.
//!
//! nokhwa negotiates and sets the controls. What it cannot do (cameras whose current format or rate it does not know, grey ones) is done
//! through `v4l`, the crate it is built on; the stream always is, because nokhwa does not tell how long a frame is.

use super::config::{CameraConfig, PixelFormat};
use super::controls::{self, Control, Controls, GAIN, Kind, Look, Reading, WHITE_BALANCE};
use super::find::{self, Found};
use super::layout::{self, Answer, Layout, Offer, Sizes, Wish};
use super::pixels::Coding;
use super::status::State;
use nokhwa::utils::{
    CameraFormat, CameraIndex, ControlValueSetter, FrameFormat, KnownCameraControl, RequestedFormat,
    RequestedFormatType, Resolution,
};
use std::io;
use std::path::Path;
use v4l::capability::Flags;
use v4l::control::Value;
use v4l::format::{Colorspace, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

/// Why there is no camera now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Down {
    /// What that makes of it.
    pub(super) state: State,
    /// What is wrong and what to do.
    pub(super) reason: String,
}

impl Down {
    /// A camera that cannot be used as it is.
    pub(super) fn failed(reason: impl std::fmt::Display) -> Self {
        Self { state: State::Failed, reason: reason.to_string() }
    }
    /// What an error of the system means, that came while `doing` something with `device`.
    pub(super) fn of(error: &io::Error, doing: &str, device: &Path) -> Self {
        const EACCES: i32 = 13;
        const EPERM: i32 = 1;
        const ENOENT: i32 = 2;
        const ENXIO: i32 = 6;
        const EBUSY: i32 = 16;
        const ENODEV: i32 = 19;
        const ENOSPC: i32 = 28;
        const ETIMEDOUT: i32 = 110;
        let at = device.display();
        let (state, reason) = match error.raw_os_error() {
            None if error.kind() == io::ErrorKind::TimedOut => {
                (State::Stalled, format!("it sends no frames ({doing})"))
            }
            Some(ENOENT | ENXIO | ENODEV) => (State::Unplugged, "it was unplugged".to_owned()),
            Some(EBUSY) => (State::Busy, format!("{at} is held by {}", find::held_by(Path::new("/proc"), device))),
            Some(EACCES | EPERM) => (
                State::Failed,
                format!("this user may not open {at}: add the user to the group that owns it (mostly `video`)"),
            ),
            Some(ENOSPC) => (
                State::Failed,
                "its USB bus has no room for the pictures: use another port or a smaller size".to_owned(),
            ),
            Some(ETIMEDOUT) => {
                (State::Stalled, format!("it does not answer ({doing}): unplug it and plug it in again"))
            }
            _ => (State::Failed, format!("{doing}: {error}")),
        };
        Self { state, reason }
    }
}

/// A camera that has agreed to a format.
pub(super) struct Opened {
    /// The device.
    pub(super) device: Device,
    /// How its frames lie in memory.
    pub(super) layout: Layout,
    /// Controls that do not stand where they should, in words.
    pub(super) wrong: Vec<String>,
}

/// Opens a camera, agrees on a format and sets the controls. Takes 10 to 500 ms; seconds when the camera does not answer.
///
/// # Errors
/// [`Down`].
pub(super) fn open(found: &Found, config: &CameraConfig) -> Result<Opened, Down> {
    let path = found.path();
    let err = |doing: &'static str| {
        let path = path.clone();
        move |e: io::Error| Down::of(&e, doing, &path)
    };
    let device = Device::new(found.node).map_err(err("opening it"))?;
    let wish = layout::choose(config, &offers(&device).map_err(err("listing its formats"))?).map_err(Down::failed)?;
    // First through v4l: nokhwa fails when another program left a format or a rate that it does not know.
    let format = Format::new(wish.size.0, wish.size.1, FourCC::new(&wish.format.fourcc()));
    let format = device.set_format(&format).map_err(err("setting its format"))?;
    let parameters = match wish.fps {
        Some(fps) => device.set_params(&Parameters::with_fps(fps)),
        None => device.params(),
    };
    let interval = match parameters {
        Ok(p) => (p.interval.numerator, p.interval.denominator),
        // A driver without a notion of rates.
        Err(e) if matches!(e.raw_os_error(), Some(22 | 25)) && wish.fps.is_none() => (0, 0),
        Err(e) => return Err(err("setting its rate")(e)),
    };
    let layout = layout::agree(&wish, &answer(&format, interval)).map_err(Down::failed)?;
    let asked = controls::asked(config);
    let look = match Nokhwa::open(found.node, &wish) {
        Ok(mut port) => controls::set(&mut port, &asked),
        Err(why) => {
            tracing::debug!("{}: controls through v4l, as nokhwa cannot open it: {why}", found.name);
            Look { silent: Some(why), ..Look::default() }
        }
    };
    // Where nokhwa is not content, v4l has the last word: it tells a control that is absent from one that does not answer.
    let look = if look == Look::default() { look } else { controls::set(&mut V4l(&device), &asked) };
    if let Some(why) = look.silent {
        let reason = format!("it does not answer to its controls ({why}): unplug it and plug it in again");
        return Err(Down { state: State::Stalled, reason });
    }
    Ok(Opened { device, layout, wrong: look.wrong })
}

fn answer(format: &Format, interval: (u32, u32)) -> Answer {
    Answer {
        size: (format.width, format.height),
        fourcc: format.fourcc.repr,
        stride: format.stride,
        bytes: format.size,
        interval,
        coding: Coding {
            full_range: matches!(format.quantization, Quantization::FullRange),
            bt709: matches!(format.colorspace, Colorspace::Rec709),
        },
    }
}

/// More sizes of a format than this are not looked at.
const MOST_SIZES: usize = 64;

/// What a device lists. Empty for one that takes no pictures.
///
/// # Errors
/// What the system says.
pub(super) fn offers(device: &Device) -> io::Result<Vec<Offer>> {
    let mut all = Vec::new();
    if !device.query_caps()?.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING) {
        return Ok(all);
    }
    for description in device.enum_formats()? {
        // Of a format that we cannot read only the name matters.
        let most = if PixelFormat::of_fourcc(description.fourcc.repr).is_some() { MOST_SIZES } else { 1 };
        for size in device.enum_framesizes(description.fourcc).unwrap_or_default().into_iter().take(most) {
            let sizes = match size.size {
                FrameSizeEnum::Discrete(s) => Sizes::one(s.width, s.height),
                FrameSizeEnum::Stepwise(s) => Sizes {
                    min: (s.min_width, s.min_height),
                    max: (s.max_width, s.max_height),
                    step: (s.step_width, s.step_height),
                },
            };
            let rates = device.enum_frameintervals(description.fourcc, sizes.max.0, sizes.max.1).unwrap_or_default();
            let per_s = |f: v4l::Fraction| f64::from(f.denominator) / f64::from(f.numerator.max(1));
            let rates = rates.into_iter().map(|r| match r.interval {
                FrameIntervalEnum::Discrete(f) => (per_s(f), per_s(f)),
                FrameIntervalEnum::Stepwise(s) => (per_s(s.max), per_s(s.min)),
            });
            all.push(Offer { fourcc: description.fourcc.repr, sizes, rates: rates.collect() });
        }
    }
    Ok(all)
}

/// A camera's controls through nokhwa.
struct Nokhwa(nokhwa::Camera);

impl Nokhwa {
    fn open(node: usize, wish: &Wish) -> Result<Self, String> {
        let format = match wish.format {
            PixelFormat::Mjpg => FrameFormat::MJPEG,
            PixelFormat::Yuyv => FrameFormat::YUYV,
            PixelFormat::Nv12 => FrameFormat::NV12,
            PixelFormat::Rgb3 => FrameFormat::RAWRGB,
            PixelFormat::Bgr3 => FrameFormat::RAWBGR,
            PixelFormat::Grey => return Err("it looks for GRAY, where the kernel says GREY".to_owned()),
        };
        let fps = wish.fps.ok_or("it needs a rate")?;
        let exact = CameraFormat::new(Resolution::new(wish.size.0, wish.size.1), format, fps);
        let node = u32::try_from(node).map_err(|e| e.to_string())?;
        let formats = [format];
        let request = RequestedFormat::with_formats(RequestedFormatType::Exact(exact), &formats);
        nokhwa::Camera::new(CameraIndex::Index(node), request).map(Self).map_err(|e| e.to_string())
    }
    fn id(control: &Control) -> KnownCameraControl {
        match control.id {
            GAIN => KnownCameraControl::Gain,
            WHITE_BALANCE => KnownCameraControl::WhiteBalance,
            id => KnownCameraControl::Other(u128::from(id)),
        }
    }
}

impl Controls for Nokhwa {
    fn set(&mut self, control: &Control) -> Result<(), String> {
        let value = match control.kind {
            Kind::Switch => ControlValueSetter::Boolean(control.value != 0),
            Kind::Number | Kind::Menu => ControlValueSetter::Integer(control.value),
        };
        self.0.set_camera_control(Self::id(control), value).map_err(|e| e.to_string())
    }
    fn read(&mut self, control: &Control) -> Reading {
        match self.0.camera_control(Self::id(control)).map(|c| c.value()) {
            Ok(ControlValueSetter::Integer(v)) => Reading::Value(v),
            Ok(ControlValueSetter::Boolean(v)) => Reading::Value(v.into()),
            Ok(other) => Reading::Silent(format!("{} is {other:?}", control.field)),
            // It says the same of a control that does not exist and of one that did not answer.
            Err(_) => Reading::Absent,
        }
    }
}

/// A camera's controls through v4l.
pub(super) struct V4l<'a>(pub(super) &'a Device);

impl V4l<'_> {
    /// Whether the camera itself still answers: `None`, or why not. Drivers answer questions from memory but pass commands on, so a control
    /// that changes nothing when it is written back at its own value is written. Up to five seconds when it does not answer.
    pub(super) fn pulse(&self) -> Option<String> {
        /// Brightness, contrast, saturation, sharpness.
        const HARMLESS: [u32; 4] = [0x0098_0900, 0x0098_0901, 0x0098_0902, 0x0098_091b];
        const DEAD: [i32; 5] = [EIO, EPIPE, EPROTO, ESHUTDOWN, ETIMEDOUT];
        const EIO: i32 = 5;
        const EPIPE: i32 = 32;
        const EPROTO: i32 = 71;
        const ESHUTDOWN: i32 = 108;
        const ETIMEDOUT: i32 = 110;
        let control = HARMLESS.iter().find_map(|id| self.0.control(*id).ok())?;
        let error = self.0.set_control(control).err()?;
        error.raw_os_error().is_some_and(|code| DEAD.contains(&code)).then(|| error.to_string())
    }
}

impl Controls for V4l<'_> {
    fn set(&mut self, control: &Control) -> Result<(), String> {
        let value = match control.kind {
            Kind::Switch => Value::Boolean(control.value != 0),
            Kind::Number | Kind::Menu => Value::Integer(control.value),
        };
        self.0.set_control(v4l::Control { id: control.id, value }).map_err(|e| e.to_string())
    }
    fn read(&mut self, control: &Control) -> Reading {
        const EINVAL: i32 = 22;
        const ENOTTY: i32 = 25;
        match self.0.control(control.id).map(|c| c.value) {
            Ok(Value::Integer(v)) => Reading::Value(v),
            Ok(Value::Boolean(v)) => Reading::Value(v.into()),
            Ok(other) => Reading::Silent(format!("{} is {other:?}", control.field)),
            Err(e) if matches!(e.raw_os_error(), Some(EINVAL | ENOTTY)) => Reading::Absent,
            Err(e) => Reading::Silent(e.to_string()),
        }
    }
}
