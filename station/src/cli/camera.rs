//! `assay camera`: which cameras there are, and one picture of one of them.

use super::{ERROR, OK, write_over};
use crate::camera::v4l::{self, CameraConfig, PixelFormat, Policy, V4lFeed};
use crate::camera::{Crew, Feed as _};
use anyhow::{Result, bail};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// List cameras, and take a picture with one
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Which cameras are plugged in: serial number, formats, and who is using them
    #[command(after_help = "Example:\n  assay camera list")]
    List,
    /// Take one picture, exposed after this moment, the way the station takes it
    #[command(after_help = "Examples:
  assay camera grab part.jpg
  assay camera grab --serial 0A1B2C3D --size 1920x1080 --exposure-us 15600 --gain 0 part.jpg
  assay camera grab --format YUYV part.png       (an uncompressed frame becomes a PNG)")]
    Grab(Grab),
}

#[derive(clap::Args)]
pub(super) struct Grab {
    /// File to write: JPEG as the camera sent it, or PNG of an uncompressed frame
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Serial number (`assay camera list`); needed when there are several cameras
    #[arg(long, conflicts_with = "port")]
    serial: Option<String>,
    /// Port, for a camera without a serial number
    #[arg(long)]
    port: Option<String>,
    /// Size, px [default: the largest it offers]
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Frames per second [default: the fastest up to 30]
    #[arg(long)]
    fps: Option<u32>,
    /// MJPG, YUYV, NV12, RGB3, BGR3 or GREY [default: the first that it offers]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<PixelFormat>,
    /// Exposure time, microseconds, in steps of 100
    #[arg(long)]
    exposure_us: Option<u32>,
    /// White balance, kelvin
    #[arg(long)]
    white_balance_k: Option<u32>,
    /// Focus, in the camera's own unit
    #[arg(long)]
    focus: Option<u32>,
    /// Gain, in the camera's own unit
    #[arg(long)]
    gain: Option<u32>,
    /// Take a picture that equals the one before it to the last bit (a simulator's; a real camera that does this hangs)
    #[arg(long)]
    even_if_frozen: bool,
    /// Longest wait, s
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    patience: f64,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides.ok_or_else(|| "expected two sides in px, such as 1280x720".to_owned())
}

fn format(text: &str) -> Result<PixelFormat, String> {
    let known = text.to_ascii_uppercase().as_bytes().try_into().ok().and_then(PixelFormat::of_fourcc);
    known.ok_or_else(|| "expected MJPG, YUYV, NV12, RGB3, BGR3 or GREY".to_owned())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s| (0.1..=3600.0).contains(s));
    seconds.ok_or_else(|| "expected 0.1 to 3600 s".to_owned())
}

impl Command {
    pub(super) fn run(self) -> Result<u8> {
        match self {
            Self::List => list(),
            Self::Grab(grab) => grab.run(),
        }
    }
}

fn list() -> Result<u8> {
    let mut out = std::io::stdout().lock();
    let cameras = v4l::list();
    if cameras.is_empty() {
        let here = if cfg!(target_os = "linux") { "is it plugged in?" } else { "cameras are read on Linux only" };
        bail!("no camera: {here}");
    }
    let mut wrong = false;
    for camera in &cameras {
        writeln!(out, "{}", line(camera).1)?;
        match &camera.formats {
            Ok(formats) => formats.split("; ").try_for_each(|f| writeln!(out, "    {f}"))?,
            Err(_) => wrong = true,
        }
    }
    Ok(if wrong { ERROR } else { OK })
}

/// One line about a camera, and whether it can be used; for `assay doctor` too.
pub(super) fn line(camera: &v4l::Listed) -> (bool, String) {
    let serial = camera.serial.as_ref().map_or_else(|| "without serial number".to_owned(), |s| format!("serial {s}"));
    let who = format!("camera {} ({serial}, port {}, {})", camera.name, camera.port, camera.device);
    match &camera.formats {
        Err(why) => (false, format!("{who}: {why}")),
        Ok(_) if camera.holders.is_empty() => (true, format!("{who}: free")),
        Ok(_) => (true, format!("{who}: in use by {}", camera.holders.join(", "))),
    }
}

impl Grab {
    fn run(self) -> Result<u8> {
        let config = CameraConfig {
            serial: self.serial,
            port: self.port,
            size: self.size,
            fps: self.fps,
            formats: self.format.map_or_else(|| PixelFormat::ALL.to_vec(), |f| vec![f]),
            exposure_us: self.exposure_us,
            white_balance_k: self.white_balance_k,
            focus: self.focus,
            gain: self.gain,
            frozen: if self.even_if_frozen { Policy::Warn } else { Policy::Refuse },
            ..CameraConfig::default()
        };
        let feed = V4lFeed::open(config, &Crew::default())?;
        let asked = Instant::now();
        let frame = feed.first_after(asked, Duration::from_secs_f64(self.patience))?;
        let file = frame.file.bytes()?;
        let took = asked.elapsed();
        write_over(&self.out, &file)?;
        let after = frame.exposed.saturating_duration_since(asked);
        let status = feed.status();
        let kind = if file.starts_with(&[0xFF, 0xD8]) { "JPEG" } else { "PNG" };
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "{}: {kind} of {} x {} px, {} bytes, exposed {:.0} ms after the command and here after {:.0} ms, from {} ({})",
            self.out.display(),
            frame.size.0,
            frame.size.1,
            file.len(),
            after.as_secs_f64() * 1e3,
            took.as_secs_f64() * 1e3,
            status.device.unwrap_or_default(),
            status.format.unwrap_or_default(),
        )?;
        if !status.reason.is_empty() {
            writeln!(out, "note: {}", status.reason)?;
        }
        Ok(OK)
    }
}
