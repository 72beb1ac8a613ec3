//! Which of the driver's frames may be believed, and when each was exposed.

use super::config::{CameraConfig, PixelFormat};
use super::jpeg::{self, JpegFault, Whole};
use super::layout::Layout;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Buffers that the driver fills in turn.
pub(super) const BUFFERS: u32 = 4;
/// A driver may take more of them than it was asked to.
const MOST_BUFFERS: u32 = 2 * BUFFERS;
/// The same bytes for so long, and so often, and the picture counts as frozen.
const FROZEN_AFTER: Duration = Duration::from_secs(2);
const FROZEN_FRAMES: u32 = 10;
/// The first pictures after a start are often of a sensor that is still waking up.
const WARM_UP: u32 = 3;

/// What the driver says of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Meta {
    /// Bytes of the buffer that belong to the frame.
    pub(super) used: usize,
    /// The driver's own mark of a damaged frame.
    pub(super) error: bool,
    /// Its time, on the monotonic clock if `monotonic`.
    pub(super) stamp: Duration,
    /// The driver says that its clock is the monotonic one.
    pub(super) monotonic: bool,
    /// The time is that of the start of the frame, not of its end.
    pub(super) at_start: bool,
    /// Counts frames, lost ones too.
    pub(super) sequence: u32,
}

/// The same moment on the two clocks that matter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    /// This program's.
    pub(super) instant: Instant,
    /// The one that drivers stamp with (`CLOCK_MONOTONIC`).
    pub(super) monotonic: Duration,
}

/// Why a frame is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum FrameFault {
    /// The driver says so.
    #[error("the driver marks the frame as damaged")]
    Marked,
    /// No bytes.
    #[error("the frame is empty")]
    Empty,
    /// More bytes than there is room for.
    #[error("the driver says {used} bytes lie in a buffer of {buffer}")]
    Overflow {
        /// Said.
        used: usize,
        /// Room.
        buffer: usize,
    },
    /// An uncompressed frame with a part missing.
    #[error("cut: {found} bytes, expected {expected}")]
    Short {
        /// Bytes.
        found: usize,
        /// Bytes of a whole frame.
        expected: usize,
    },
    /// A JPEG that is not whole.
    #[error(transparent)]
    Jpeg(#[from] JpegFault),
    /// Delivered before.
    #[error("frame {0} was delivered twice")]
    Duplicate(u32),
    /// The sensor is waking up.
    #[error("one of the first frames after a start")]
    WarmUp,
}

/// A frame that is whole and new.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Admitted {
    /// Its exposure began at or after this moment.
    pub(super) exposed: Instant,
    /// Counts the driver's frames since this start.
    pub(super) number: u64,
    /// Frames that the driver counted but never delivered, just before this one.
    pub(super) lost: u64,
    /// Where the file ends, of a JPEG.
    pub(super) jpeg: Option<Whole>,
    /// It equals the one before it, byte for byte.
    pub(super) repeated: bool,
    /// It has been the same picture for long.
    pub(super) frozen: bool,
    /// Why the driver's clock is not used.
    pub(super) clock: Option<&'static str>,
}

/// Watches the frames of one start of a camera, in order.
#[derive(Debug)]
pub(super) struct Gate {
    layout: Layout,
    /// Manual exposure; else it may last as long as frames are apart.
    exposure: Option<Duration>,
    frames_inside: u32,
    last: Option<Seen>,
    /// Time between frames lately: a camera in the dark may be slower than agreed.
    interval: Duration,
    /// When the latest frames were taken from the driver, newest last.
    taken: VecDeque<Instant>,
    same: Option<(u32, Instant, u32)>,
    /// Not yet told.
    lost: u64,
    warm: u32,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    sequence: u32,
    stamp: Duration,
    number: u64,
}

impl Gate {
    /// For frames of `layout`.
    pub(super) fn new(config: &CameraConfig, layout: Layout) -> Self {
        Self {
            layout,
            exposure: config.exposure_us.map(|us| Duration::from_micros(us.into())),
            frames_inside: config.frames_inside,
            last: None,
            interval: layout.interval,
            taken: VecDeque::new(),
            same: None,
            lost: 0,
            warm: 0,
        }
    }

    /// Judges the next frame, which lies at the beginning of `buffer` and was taken from the driver `now`.
    ///
    /// # Errors
    /// [`FrameFault`]: it must not be used.
    pub(super) fn admit(&mut self, meta: &Meta, buffer: &[u8], now: Now) -> Result<Admitted, FrameFault> {
        let since_last = self.taken.back().map(|t| now.instant.saturating_duration_since(*t));
        self.taken.push_back(now.instant);
        if self.taken.len() > self.in_flight() + 1 {
            self.taken.pop_front();
        }
        let step = self.count(meta)?;
        self.lost += step;
        if let Some(apart) = since_last
            && step == 0
        {
            // Grows at once, shrinks slowly: an exposure must never be thought shorter than it was.
            self.interval = self.layout.interval.max(apart.min(Duration::from_secs(1))).max(self.interval * 7 / 8);
        }
        let data = self.whole(meta, buffer)?;
        let jpeg = data.1;
        let frozen = self.look(data.0, now.instant);
        self.warm += 1;
        if self.warm <= WARM_UP {
            return Err(FrameFault::WarmUp);
        }
        let (exposed, clock) = self.exposed(meta, now).ok_or(FrameFault::WarmUp)?;
        let number = self.last.map_or(0, |l| l.number);
        let repeated = self.same.is_some_and(|s| s.2 > 0);
        let lost = std::mem::take(&mut self.lost);
        Ok(Admitted { exposed, number, lost, jpeg, repeated, frozen, clock })
    }

    /// Counts the frame; how many were lost before it.
    fn count(&mut self, meta: &Meta) -> Result<u64, FrameFault> {
        let step = match self.last {
            None => 1,
            Some(last) => {
                let step = meta.sequence.wrapping_sub(last.sequence);
                let same_time = meta.monotonic && !meta.stamp.is_zero() && meta.stamp == last.stamp;
                if step == 0 || step > u32::MAX / 2 || same_time {
                    return Err(FrameFault::Duplicate(meta.sequence));
                }
                step
            }
        };
        let number = self.last.map_or(0, |l| l.number) + u64::from(step);
        self.last = Some(Seen { sequence: meta.sequence, stamp: meta.stamp, number });
        Ok(u64::from(step - 1))
    }

    /// The bytes that belong to the frame, if they are a whole one.
    fn whole<'a>(&self, meta: &Meta, buffer: &'a [u8]) -> Result<(&'a [u8], Option<Whole>), FrameFault> {
        if meta.error {
            return Err(FrameFault::Marked);
        }
        let data = buffer.get(..meta.used).ok_or(FrameFault::Overflow { used: meta.used, buffer: buffer.len() })?;
        if data.is_empty() {
            return Err(FrameFault::Empty);
        }
        if self.layout.format == PixelFormat::Mjpg {
            return Ok((data, Some(jpeg::walk(data, self.layout.size)?)));
        }
        if data.len() < self.layout.bytes {
            return Err(FrameFault::Short { found: data.len(), expected: self.layout.bytes });
        }
        Ok((data, None))
    }

    /// Compares the picture with the one before it; whether it has been the same for long.
    fn look(&mut self, data: &[u8], now: Instant) -> bool {
        let sum = crc32c::crc32c(data);
        let (_, since, times) = match self.same {
            Some((before, since, times)) if before == sum => *self.same.insert((sum, since, times.saturating_add(1))),
            _ => *self.same.insert((sum, now, 0)),
        };
        times >= FROZEN_FRAMES && now.saturating_duration_since(since) >= FROZEN_AFTER
    }

    /// Frames that can be on their way when one is taken: in the driver's buffers, in the camera, and on the sensor.
    fn in_flight(&self) -> usize {
        (MOST_BUFFERS + self.frames_inside + 1) as usize
    }

    /// The earliest that its exposure can have begun, and why the driver's clock did not help.
    ///
    /// No driver tells when an exposure began. `uvcvideo` stamps the arrival of the first bytes (and calls it the start of exposure), others
    /// the first or last row. So the exposure and the frames that the camera holds are taken off; at the end of a frame, one more.
    fn exposed(&self, meta: &Meta, now: Now) -> Option<(Instant, Option<&'static str>)> {
        let limit = Duration::from_secs(1) + self.interval * self.in_flight() as u32;
        let distrust = match now.monotonic.checked_sub(meta.stamp) {
            _ if !meta.monotonic => Some("the driver does not stamp with the monotonic clock"),
            None => Some("the driver's clock is ahead of the computer's"),
            Some(age) if age > limit => Some("the driver's clock lies behind the computer's"),
            Some(age) => {
                let readout = if meta.at_start { Duration::ZERO } else { self.interval };
                let before =
                    age + readout + self.exposure.unwrap_or(self.interval) + self.interval * self.frames_inside;
                return now.instant.checked_sub(before).map(|exposed| (exposed, None));
            }
        };
        // Counted instead: when the oldest of these was taken, this one cannot have been on its way yet.
        let oldest = self.taken.front().filter(|_| self.taken.len() > self.in_flight());
        oldest.map(|taken| (*taken, distrust))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;
    use crate::camera::v4l::pixels::Coding;

    const INTERVAL: Duration = Duration::from_millis(40);
    const EXPOSURE: Duration = Duration::from_millis(10);

    /// A driver that delivers a frame every 40 ms, 5 ms after its stamp.
    struct Driver {
        gate: Gate,
        start: Instant,
        frame: u32,
        meta: Meta,
        late: Duration,
    }

    impl Driver {
        fn new(text: &str) -> Self {
            let config: CameraConfig = toml::from_str(text).unwrap();
            let coding = Coding { full_range: false, bt709: false };
            let layout = Layout {
                format: PixelFormat::Grey,
                size: (16, 16),
                stride: 16,
                bytes: 256,
                interval: INTERVAL,
                coding,
            };
            let meta =
                Meta { used: 256, error: false, stamp: Duration::ZERO, monotonic: true, at_start: true, sequence: 0 };
            let late = Duration::from_millis(5);
            Self { gate: Gate::new(&config, layout), start: Instant::now(), frame: 0, meta, late }
        }
        fn running() -> Self {
            let mut driver = Self::new("exposure_us = 10000");
            for _ in 0..WARM_UP {
                assert_eq!(driver.next(|_| ()), Err(FrameFault::WarmUp));
            }
            driver
        }
        fn monotonic(&self) -> Duration {
            Duration::from_secs(1000) + INTERVAL * self.frame
        }
        fn next(&mut self, change: impl FnOnce(&mut Meta)) -> Result<Admitted, FrameFault> {
            let noise = [self.frame as u8; 300];
            self.next_of(&noise, change)
        }
        fn next_of(&mut self, data: &[u8], change: impl FnOnce(&mut Meta)) -> Result<Admitted, FrameFault> {
            self.frame += 1;
            let stamp = self.monotonic();
            self.meta = Meta { stamp, sequence: self.meta.sequence.wrapping_add(1), ..self.meta };
            let mut meta = self.meta;
            change(&mut meta);
            self.meta.sequence = meta.sequence;
            let now = Now { instant: self.start + INTERVAL * self.frame + self.late, monotonic: stamp + self.late };
            self.gate.admit(&meta, data, now)
        }
        /// When the latest frame was stamped, on this program's clock.
        fn stamped(&self) -> Instant {
            self.start + INTERVAL * self.frame
        }
    }

    #[test]
    fn exposure_begins_before_the_stamp() {
        let mut d = Driver::running();
        let good = d.next(|_| ()).unwrap();
        assert_eq!(good.exposed, d.stamped() - EXPOSURE - INTERVAL, "the exposure and one frame inside the camera");
        let good = d.next(|m| m.at_start = false).unwrap();
        assert_eq!(good.exposed, d.stamped() - EXPOSURE - INTERVAL * 2, "stamped at its end: the readout too");
        assert_eq!(good.clock, None);
    }

    /// Without a clock that can be believed, frames are counted: those in the buffers, in the camera and on the sensor are passed over.
    #[test]
    fn a_clock_that_cannot_be_believed_is_replaced_by_counting() {
        for (what, change) in [
            ("does not stamp", (|m: &mut Meta| m.monotonic = false) as fn(&mut Meta)),
            ("ahead", |m| m.stamp += Duration::from_millis(6)),
            ("behind", |m| m.stamp -= Duration::from_secs(3)),
        ] {
            let mut d = Driver::running();
            let good = (0..20).filter_map(|_| d.next(change).ok()).last().unwrap();
            assert!(good.clock.unwrap().contains(what), "{what}: {:?}", good.clock);
            assert_eq!(good.exposed, d.stamped() + d.late - INTERVAL * (MOST_BUFFERS + 2), "{what}");
        }
        let mut d = Driver::running();
        assert_eq!(d.next(|m| m.monotonic = false), Err(FrameFault::WarmUp), "not enough was counted yet");
    }

    #[test]
    fn a_slow_camera_is_believed_to_expose_longer() {
        let mut d = Driver::new("");
        let late = |d: &mut Driver, ms: u64| d.late += Duration::from_millis(ms);
        (0..4).for_each(|_| drop(d.next(|_| ())));
        late(&mut d, 100);
        let good = d.next(|_| ()).unwrap();
        assert_eq!(good.exposed, d.stamped() - (INTERVAL + Duration::from_millis(100)) * 2);
    }

    #[test]
    fn lost_frames_are_counted_and_numbers_run_over() {
        let mut d = Driver::new("");
        d.meta.sequence = u32::MAX - WARM_UP - 1;
        (0..WARM_UP).for_each(|_| drop(d.next(|_| ())));
        let before = d.next(|_| ()).unwrap();
        let after = d.next(|m| m.sequence = 2).unwrap();
        assert_eq!((before.lost, after.lost, after.number - before.number), (0, 2, 3));
        assert_eq!(d.next(|m| (m.sequence, m.error) = (6, true)), Err(FrameFault::Marked));
        assert_eq!(d.next(|_| ()).unwrap().lost, 3, "lost before a frame that was refused");
    }

    #[test]
    fn what_was_delivered_before_is_refused() {
        let mut d = Driver::running();
        let sequence = d.next(|_| ()).map(|_| d.meta.sequence).unwrap();
        assert_eq!(d.next(|m| m.sequence -= 1), Err(FrameFault::Duplicate(sequence)));
        assert_eq!(d.next(|m| m.sequence -= 3), Err(FrameFault::Duplicate(sequence - 2)));
        let mut d2 = Driver::running();
        d2.next(|_| ()).unwrap();
        let stamp = d2.meta.stamp;
        assert!(matches!(d2.next(|m| m.stamp = stamp), Err(FrameFault::Duplicate(_))), "another number, the same time");
        let mut d3 = Driver::running();
        let zero = |m: &mut Meta| (m.monotonic, m.stamp) = (false, Duration::ZERO);
        assert!((0..20).filter_map(|_| d3.next(zero).ok()).count() > 10, "a driver without a clock repeats its zero");
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let mut d = Driver::running();
        assert_eq!(d.next(|m| m.error = true), Err(FrameFault::Marked));
        assert_eq!(d.next(|m| m.used = 0), Err(FrameFault::Empty));
        assert_eq!(d.next(|m| m.used = 255), Err(FrameFault::Short { found: 255, expected: 256 }));
        assert_eq!(d.next(|m| m.used = 301), Err(FrameFault::Overflow { used: 301, buffer: 300 }));
        assert!(d.next(|_| ()).is_ok());
        d.gate.layout.format = PixelFormat::Mjpg;
        assert_eq!(d.next(|_| ()), Err(FrameFault::Jpeg(JpegFault::NoStart)));
    }

    /// The bytes behind the frame belong to an older one: they must not make it whole, nor another picture.
    #[test]
    fn bytes_behind_the_frame_do_not_count() {
        let mut d = Driver::running();
        let mut buffer = [7; 300];
        d.next_of(&buffer, |_| ()).unwrap();
        buffer[256..].fill(9);
        assert!(d.next_of(&buffer, |_| ()).unwrap().repeated);
    }

    #[test]
    fn a_picture_that_never_changes_is_frozen() {
        let mut d = Driver::running();
        let frames: Vec<Admitted> = (0..60).map(|_| d.next_of(&[7; 256], |_| ()).unwrap()).collect();
        assert!(!frames[0].repeated && frames[1..].iter().all(|f| f.repeated));
        let first = frames.iter().position(|f| f.frozen).unwrap();
        assert_eq!(first, 50, "two seconds at 25 fps");
        assert!(!d.next_of(&[8; 256], |_| ()).unwrap().repeated);
    }
}
