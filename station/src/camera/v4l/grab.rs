//! The grabbing thread: opens the camera, takes every frame, and opens it again after anything that goes wrong.

use super::claim::Claim;
use super::config::Policy;
use super::controls::{self, Look};
use super::device::{self, Down, Opened, V4l};
use super::find::{self, Found, SYSFS};
use super::gate::{Admitted, BUFFERS, FrameFault, Gate, Meta, Now};
use super::jpeg::{self, Whole};
use super::layout::Layout;
use super::live::{Live, Note, Session, live_for};
use super::pixels;
use super::status::State;
use crate::camera::{Frame, PictureFile};
use axum::body::Bytes;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use v4l::Device;
use v4l::buffer::{Flags, Metadata, Type};
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream as _;

/// Without a frame for so long, and for three frames, the camera counts as stalled and is opened again.
const SILENCE: Duration = Duration::from_millis(1500);
/// Without a good frame for so long, and for three frames, while frames come, they are told to be torn.
const NOTHING_GOOD: Duration = Duration::from_secs(1);
/// Between two tries to open it.
const RETRY: Duration = Duration::from_millis(200);
/// Between two looks at the controls.
const LOOK: Duration = Duration::from_secs(5);

/// Grabs until it is told to stop.
pub(super) fn run(live: &Live) {
    let mut sequence = 0;
    let mut first = true;
    while !live.stopping() {
        match take(live) {
            Err(down) => live.down(down),
            Ok((found, opened, _claim)) => {
                if !std::mem::take(&mut first) {
                    live.count(|c| c.reopened += 1);
                }
                session(live, &found, opened, &mut sequence);
            }
        }
        // A camera that opens and fails at once is not opened without end.
        live.pause(RETRY);
    }
}

/// Finds the camera and opens it; it belongs to this source as long as the claim lives.
fn take(live: &Live) -> Result<(Found, Opened, Claim), Down> {
    let found = find::choose(live.config(), &find::cameras(Path::new(SYSFS)));
    let found = found.map_err(|reason| Down { state: State::Unplugged, reason })?;
    let claim = Claim::take(found.node, live.name())?;
    let opened = guarded(|| device::open(&found, live.config()))?;
    Ok((found, opened, claim))
}

/// The driver's answers go through other people's code, which panics at some of them: that is a camera that fails, not a station.
pub(super) fn guarded<T>(f: impl FnOnce() -> Result<T, Down>) -> Result<T, Down> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Down::failed(format!("the driver gave an answer that cannot be read: {}", text.unwrap_or("unknown"))))
    })
}

/// Grabs from an open camera until something goes wrong, and closes it.
fn session(live: &Live, found: &Found, opened: Opened, sequence: &mut u64) {
    let Opened { device, layout, wrong } = opened;
    let rate = 1.0 / layout.interval.as_secs_f64();
    let format = format!("{} {}x{} at {rate:.4} fps", layout.format, layout.size.0, layout.size.1);
    live.opened(Session { node: found.node, who: found.who(), format, interval: layout.interval }, wrong);
    let path = found.path();
    let ended = guarded(|| {
        let stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS);
        let mut stream = stream.map_err(|e| Down::of(&e, "asking for buffers", &path))?;
        stream.set_timeout(SILENCE.max(layout.interval * 3));
        let down = guarded(|| {
            frames(live, layout, &mut stream, sequence).map_err(|e| Down::of(&e, "waiting for a frame", &path))
        });
        // Told first: closing can take seconds, and panics when the driver does not like it.
        if let Err(down) = down {
            live.down(down);
        }
        let _ = catch_unwind(AssertUnwindSafe(move || drop(stream)));
        Ok(())
    });
    if let Err(down) = ended {
        live.down(down);
    }
    let _ = catch_unwind(AssertUnwindSafe(move || drop(device)));
}

/// Takes frames until the driver gives an error, or the feed is to stop.
fn frames(live: &Live, layout: Layout, stream: &mut Stream<'_>, sequence: &mut u64) -> std::io::Result<()> {
    let mut gate = Gate::new(live.config(), layout);
    let clocks = Clocks::beside();
    let base = *sequence;
    let mut good = Instant::now();
    while !live.stopping() {
        let (buffer, meta) = stream.next()?;
        let now = clocks.now();
        match gate.admit(&meta_of(meta), buffer, now) {
            Ok(frame) => {
                good = now.instant;
                *sequence = base + frame.number;
                accept(live, layout, buffer, meta, &frame, *sequence);
            }
            Err(FrameFault::WarmUp) => good = now.instant,
            Err(fault) => {
                live.count(|c| match fault {
                    FrameFault::Duplicate(_) => c.duplicates += 1,
                    _ => c.torn += 1,
                });
                if good.elapsed() >= NOTHING_GOOD.max(layout.interval * 3) {
                    live.trouble(
                        State::Torn,
                        format!(
                            "no whole frame for {:.0} s ({fault}): check cable and port",
                            good.elapsed().as_secs_f64()
                        ),
                    );
                }
            }
        }
    }
    Ok(())
}

/// Hands a good frame on, unless it is the same picture again.
fn accept(live: &Live, layout: Layout, buffer: &[u8], meta: &Metadata, frame: &Admitted, sequence: u64) {
    let policy = live.config().frozen;
    live.count(|c| {
        c.lost += frame.lost;
        c.repeated += u64::from(frame.repeated);
    });
    let frozen = frame.frozen.then(|| "its picture has not changed by a single bit for 2 s: it hangs".to_owned());
    match policy {
        Policy::Off => {}
        Policy::Warn => live.note(Note::Frozen, frozen),
        Policy::Refuse => {
            if let Some(reason) = frozen {
                live.trouble(State::Frozen, format!("{reason}; unplug it and plug it in again"));
            }
            if frame.repeated {
                return;
            }
        }
    }
    live.note(Note::Clock, frame.clock.map(|why| format!("{why}: pictures are counted instead, which takes longer")));
    let (exposed, size) = (frame.exposed, layout.size);
    let live_for = live_for(layout.interval, live.config().frames_inside);
    live.publish(Frame { file: file(layout, buffer, meta.bytesused, frame.jpeg), exposed, sequence, size, live_for });
}

/// The picture in a buffer of the driver, which takes the buffer back: a JPEG as the camera sent it, else its pixels, a PNG when somebody
/// looks at them.
fn file(layout: Layout, buffer: &[u8], used: u32, jpeg: Option<Whole>) -> PictureFile {
    match jpeg {
        Some(whole) => PictureFile::from(Bytes::from(jpeg::complete(buffer, whole))),
        None => {
            let data = buffer[..(used as usize).min(buffer.len())].to_vec();
            PictureFile::later(move || pixels::png(&layout, &data).map(Bytes::from))
        }
    }
}

/// This program's clock beside the one that drivers stamp with.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    instant: Instant,
    monotonic: Duration,
}

impl Clocks {
    /// `/proc/uptime` is that clock, cut to 10 ms, plus the time that the computer slept. Taking it as too late makes pictures seem older than
    /// they are, which is the safe side. Where it cannot be read, stamps lie ahead of it, and are not believed.
    fn beside() -> Self {
        const RESOLUTION: Duration = Duration::from_millis(10);
        let instant = Instant::now();
        let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
        let uptime = text.split_whitespace().next().and_then(|t| t.parse().ok());
        let uptime = uptime.and_then(|t| Duration::try_from_secs_f64(t).ok());
        Self { instant, monotonic: uptime.map_or(Duration::ZERO, |t| t + RESOLUTION) }
    }
    fn now(&self) -> Now {
        let instant = Instant::now();
        Now { instant, monotonic: self.monotonic + instant.saturating_duration_since(self.instant) }
    }
}

fn meta_of(meta: &Metadata) -> Meta {
    let (seconds, micros) = (u64::try_from(meta.timestamp.sec), u32::try_from(meta.timestamp.usec));
    Meta {
        used: meta.bytesused as usize,
        error: meta.flags.contains(Flags::ERROR),
        stamp: Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0).into()),
        monotonic: meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC,
        at_start: meta.flags & Flags::TSTAMP_SRC_MASK == Flags::TSTAMP_SRC_SOE,
        sequence: meta.sequence,
    }
}

/// Looks at the controls of the open camera now and then, on a thread and a handle of its own: a question to a camera that does not
/// answer takes five seconds, and grabbing must not wait for it.
pub(super) fn watch(live: &Live) {
    let asked = controls::asked(live.config());
    while live.pause(LOOK) {
        let Some(session) = live.session() else { continue };
        let looked = guarded(|| {
            let path = Path::new("/dev").join(format!("video{}", session.node));
            let device = Device::new(session.node).map_err(|e| Down::of(&e, "opening it", &path))?;
            if let Some(why) = V4l(&device).pulse() {
                return Ok((Look { silent: Some(why), ..Look::default() }, false));
            }
            let found = controls::look(&mut V4l(&device), &asked);
            if found.wrong.is_empty() {
                return Ok((found, false));
            }
            let known = live.wrong() == found.wrong;
            if !known {
                tracing::warn!("{}: a control moved by itself: {}", live.name(), found.wrong.join("; "));
            }
            // Told before it is moved back: no picture is handed out meanwhile, and a camera that goes silent does not hide the fault.
            live.looked(&session, found, false);
            Ok((controls::set(&mut V4l(&device), &asked), !known))
        });
        match looked {
            Ok((look, moved)) => live.looked(&session, look, moved),
            // Gone, mostly: the grabbing thread tells.
            Err(down) => live.looked(&session, Look { silent: Some(down.reason), ..Look::default() }, false),
        }
    }
}
