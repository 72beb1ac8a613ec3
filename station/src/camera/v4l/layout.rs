//! What is asked of a camera, what it answers, and whether that can be true.

use super::config::{CameraConfig, PixelFormat, RATES, SIDES};
use super::pixels::Coding;
use std::fmt::Write as _;
use std::time::Duration;
use thiserror::Error;

/// Why a camera cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum CameraFault {
    /// It does not have what the configuration asks for.
    #[error("it offers no {wanted}: {offered}")]
    NotOffered {
        /// Asked for.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// It agreed to something else than it was asked for.
    #[error("asked for {asked} it answers {answered}")]
    NotAgreed {
        /// Asked for.
        asked: String,
        /// The answer.
        answered: String,
    },
    /// Its answer cannot be true.
    #[error("absurd answer: {0}")]
    Absurd(String),
}

/// A size, or a range of sizes, px.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Smallest width and height.
    pub(super) min: (u32, u32),
    /// Largest; the same for one size.
    pub(super) max: (u32, u32),
    /// Steps between them.
    pub(super) step: (u32, u32),
}

impl Sizes {
    /// Just this one.
    pub(super) const fn one(width: u32, height: u32) -> Self {
        Self { min: (width, height), max: (width, height), step: (1, 1) }
    }
    fn contains(&self, (w, h): (u32, u32)) -> bool {
        let on =
            |v: u32, min: u32, max: u32, step: u32| (min..=max).contains(&v) && (v - min).is_multiple_of(step.max(1));
        on(w, self.min.0, self.max.0, self.step.0) && on(h, self.min.1, self.max.1, self.step.1)
    }
    fn possible(&self) -> bool {
        SIDES.contains(&self.max.0) && SIDES.contains(&self.max.1)
    }
}

/// A format that a camera lists, at a size or a range of sizes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    /// Four characters.
    pub(super) fourcc: [u8; 4],
    /// Sizes.
    pub(super) sizes: Sizes,
    /// Slowest and fastest rate of each entry, frames per second. Empty: the driver does not say.
    pub(super) rates: Vec<(f64, f64)>,
}

impl Offer {
    fn format(&self) -> Option<PixelFormat> {
        PixelFormat::of_fourcc(self.fourcc)
    }
    /// The fastest rate up to `cap`; if all are faster, the slowest.
    fn fastest(&self, cap: f64) -> Option<f64> {
        let rates = self.rates.iter().filter(|r| sensible(r.1)).map(|r| r.1.min(cap).max(r.0));
        let (within, above): (Vec<f64>, Vec<f64>) = rates.partition(|f| *f <= cap * 1.01);
        within.into_iter().reduce(f64::max).or_else(|| above.into_iter().reduce(f64::min))
    }
    fn has_rate(&self, fps: f64) -> bool {
        self.rates.is_empty() || self.rates.iter().any(|r| fps >= r.0 * 0.99 && fps <= r.1 * 1.01)
    }
}

fn sensible(fps: f64) -> bool {
    fps >= f64::from(*RATES.start()) * 0.1 && fps <= f64::from(*RATES.end())
}

/// What a camera is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Format.
    pub(super) format: PixelFormat,
    /// Width, height, px.
    pub(super) size: (u32, u32),
    /// Frames per second; `None`: as the camera likes, because it lists none.
    pub(super) fps: Option<u32>,
}

impl std::fmt::Display for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} x {}", self.format, self.size.0, self.size.1)?;
        self.fps.map_or(Ok(()), |fps| write!(f, " at {fps} fps"))
    }
}

/// The fastest rate taken when none is asked for: more costs a core and tells nothing of a part that lies still.
const ENOUGH_FPS: f64 = 30.0;

/// Chooses from what the camera lists: the first format of the configuration that has the size and the rate.
///
/// # Errors
/// [`CameraFault`] says what there is instead.
pub(super) fn choose(config: &CameraConfig, offers: &[Offer]) -> Result<Wish, CameraFault> {
    let possible: Vec<&Offer> = offers.iter().filter(|o| o.sizes.possible()).collect();
    if possible.is_empty() && !offers.is_empty() {
        return Err(CameraFault::Absurd(format!("it offers only {}", list(offers))));
    }
    for format in &config.formats {
        let here = possible.iter().filter(|o| o.format() == Some(*format));
        let fitting = here.filter(|o| config.size.is_none_or(|s| o.sizes.contains(s)));
        let fitting = fitting.filter(|o| config.fps.is_none_or(|fps| o.has_rate(f64::from(fps))));
        let area = |o: &&&Offer| u64::from(o.sizes.max.0) * u64::from(o.sizes.max.1);
        if let Some(offer) = fitting.max_by_key(area) {
            let fastest = || offer.fastest(ENOUGH_FPS).map(|f| f.round().max(1.0) as u32);
            let size = config.size.unwrap_or(offer.sizes.max);
            return Ok(Wish { format: *format, size, fps: config.fps.or_else(fastest) });
        }
    }
    let mut wanted: Vec<String> = vec![config.formats.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")];
    wanted.extend(config.size.map(|(w, h)| format!("{w} x {h}")));
    wanted.extend(config.fps.map(|fps| format!("at {fps} fps")));
    // What it has of the formats that were asked for; else which formats it has.
    let near: Vec<Offer> =
        offers.iter().filter(|o| o.format().is_some_and(|f| config.formats.contains(&f))).cloned().collect();
    let mut names: Vec<String> = offers.iter().map(|o| name(o.fourcc)).collect();
    names.dedup();
    let offered = match (offers, near.as_slice()) {
        ([], _) => "it lists no picture format at all".to_owned(),
        (_, []) => format!("it has {}", names.join(", ")),
        (_, near) => format!("it has {}", list(near)),
    };
    Err(CameraFault::NotOffered { wanted: wanted.join(" "), offered })
}

/// Formats, sizes and rates on one line, each format once.
pub(super) fn list(offers: &[Offer]) -> String {
    let mut text = String::new();
    let mut before = None;
    for offer in offers {
        if before != Some(offer.fourcc) {
            let _ = write!(text, "{}{}", if text.is_empty() { "" } else { "; " }, name(offer.fourcc));
        } else {
            text.push(',');
        }
        before = Some(offer.fourcc);
        let Sizes { min, max, .. } = offer.sizes;
        let _ = if min == max {
            write!(text, " {}x{}", max.0, max.1)
        } else {
            write!(text, " {}x{} to {}x{}", min.0, min.1, max.0, max.1)
        };
        let rates: Vec<String> = offer.rates.iter().map(|r| rate(r.1)).collect();
        if !rates.is_empty() {
            let _ = write!(text, " ({} fps)", rates.join(" "));
        }
    }
    text
}

fn rate(fps: f64) -> String {
    if (fps - fps.round()).abs() < 0.005 { format!("{fps:.0}") } else { format!("{fps:.2}") }
}

/// Four characters for people.
fn name(fourcc: [u8; 4]) -> String {
    match std::str::from_utf8(&fourcc) {
        Ok(text) if fourcc.iter().all(|c| c.is_ascii_graphic() || *c == b' ') => text.trim_end().to_owned(),
        _ => format!("unknown format {:02x}{:02x}{:02x}{:02x}", fourcc[0], fourcc[1], fourcc[2], fourcc[3]),
    }
}

/// What the driver says it set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// Width, height, px.
    pub(super) size: (u32, u32),
    /// Four characters.
    pub(super) fourcc: [u8; 4],
    /// Bytes from a row to the next; 0 for JPEG.
    pub(super) stride: u32,
    /// Most bytes of a frame.
    pub(super) bytes: u32,
    /// Time per frame, s, as numerator and denominator.
    pub(super) interval: (u32, u32),
    /// How light and colour are coded.
    pub(super) coding: Coding,
}

/// How a frame lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Format.
    pub(super) format: PixelFormat,
    /// Width, height, px.
    pub(super) size: (u32, u32),
    /// Bytes from a row to the next.
    pub(super) stride: usize,
    /// Bytes that a whole frame has at least; 0 for JPEG, which says itself where it ends.
    pub(super) bytes: usize,
    /// Time per frame.
    pub(super) interval: Duration,
    /// How light and colour are coded.
    pub(super) coding: Coding,
}

/// Rates are asked for in whole numbers; a camera of 29.97 or 7.5 fps has the one next to it.
const RATE_TOLERANCE: f64 = 0.6;
/// More than a frame of any camera takes.
const MOST_BYTES: u32 = 512 * 1024 * 1024;

/// Compares the driver's answer with what it was asked for, and with itself.
///
/// # Errors
/// [`CameraFault`] with both.
pub(super) fn agree(wish: &Wish, answer: &Answer) -> Result<Layout, CameraFault> {
    let absurd = |text: String| Err(CameraFault::Absurd(text));
    let (w, h) = answer.size;
    if !(SIDES.contains(&w) && SIDES.contains(&h)) {
        return absurd(format!("pictures of {w} x {h} px"));
    }
    if (answer.size, answer.fourcc) != (wish.size, wish.format.fourcc()) {
        return Err(CameraFault::NotAgreed {
            asked: format!("{} {} x {}", wish.format, wish.size.0, wish.size.1),
            answered: format!("{} {w} x {h}", name(answer.fourcc)),
        });
    }
    let (num, den) = answer.interval;
    let fps = f64::from(den) / f64::from(num);
    let rate = match (num, den, wish.fps) {
        (0, 0, None) => ENOUGH_FPS,
        (0, _, _) | (_, 0, _) => return absurd(format!("a frame every {num}/{den} s")),
        _ if !sensible(fps) => return absurd(format!("{} frames per second", rate(fps))),
        (_, _, Some(asked)) if (fps - f64::from(asked)).abs() > RATE_TOLERANCE => {
            return Err(CameraFault::NotAgreed {
                asked: format!("{asked} fps"),
                answered: format!("{} fps", rate(fps)),
            });
        }
        _ => fps,
    };
    if answer.bytes == 0 || answer.bytes > MOST_BYTES {
        return absurd(format!("frames of {} bytes", answer.bytes));
    }
    let (mut stride, mut bytes) = (answer.stride as usize, 0);
    if let Some((row, rows)) = wish.format.rows(w, h) {
        stride = if stride == 0 { row as usize } else { stride };
        let needed = stride as u64 * rows;
        if (stride as u64) < row {
            return absurd(format!("rows of {stride} bytes, where {w} px of {} take {row}", wish.format));
        }
        if u64::from(answer.bytes) < needed {
            return absurd(format!(
                "frames of {} bytes, where {rows} rows of {stride} bytes take {needed}",
                answer.bytes
            ));
        }
        bytes = needed as usize;
    }
    let interval = Duration::from_secs_f64(1.0 / rate);
    Ok(Layout { format: wish.format, size: wish.size, stride, bytes, interval, coding: answer.coding })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;

    fn offer(fourcc: &[u8; 4], w: u32, h: u32, rates: &[f64]) -> Offer {
        Offer { fourcc: *fourcc, sizes: Sizes::one(w, h), rates: rates.iter().map(|r| (*r, *r)).collect() }
    }
    fn webcam() -> Vec<Offer> {
        vec![
            offer(b"MJPG", 640, 480, &[30.0, 15.0]),
            offer(b"MJPG", 1920, 1080, &[30.0]),
            offer(b"YUYV", 640, 480, &[29.97]),
            offer(b"H264", 3840, 2160, &[30.0]),
        ]
    }
    fn config(text: &str) -> CameraConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_first_format_that_fits_is_chosen() {
        for (text, wish) in [
            ("", "MJPG 1920 x 1080 at 30 fps"),
            ("size = [640, 480]", "MJPG 640 x 480 at 30 fps"),
            ("fps = 15", "MJPG 640 x 480 at 15 fps"),
            ("formats = [\"GREY\", \"YUYV\"]\nfps = 30", "YUYV 640 x 480 at 30 fps"),
        ] {
            assert_eq!(choose(&config(text), &webcam()).unwrap().to_string(), wish, "{text}");
        }
        let range = Offer {
            fourcc: *b"GREY",
            sizes: Sizes { min: (64, 64), max: (2592, 1944), step: (16, 8) },
            rates: vec![(1.0, 60.0)],
        };
        assert_eq!(choose(&config("size = [1600, 1200]"), std::slice::from_ref(&range)).unwrap().fps, Some(30));
        assert!(choose(&config("size = [1601, 1200]"), &[range]).is_err());
        let silent = offer(b"YUYV", 640, 480, &[]);
        assert_eq!(choose(&config(""), &[silent]).unwrap().fps, None);
    }

    #[test]
    fn what_is_not_offered_is_told_with_what_is() {
        let said = choose(&config("size = [800, 600]\nformats = [\"MJPG\"]"), &webcam()).unwrap_err().to_string();
        assert!(
            said.starts_with("it offers no MJPG 800 x 600: it has MJPG 640x480 (30 15 fps), 1920x1080 (30 fps)"),
            "{said}"
        );
        let absurd = [offer(b"MJPG", 0, 0, &[30.0])];
        assert_eq!(
            choose(&config(""), &absurd).unwrap_err().to_string(),
            "absurd answer: it offers only MJPG 0x0 (30 fps)"
        );
        assert!(choose(&config(""), &[]).unwrap_err().to_string().ends_with("it lists no picture format at all"));
        let unknown = [offer(&[0, 1, 2, 3], 640, 480, &[30.0])];
        assert!(choose(&config(""), &unknown).unwrap_err().to_string().ends_with("it has unknown format 00010203"));
    }

    #[test]
    fn absurd_answers_are_refused_by_name() {
        let wish = Wish { format: PixelFormat::Yuyv, size: (640, 480), fps: Some(30) };
        let coding = Coding { full_range: false, bt709: false };
        let good =
            Answer { size: (640, 480), fourcc: *b"YUYV", stride: 1280, bytes: 614_400, interval: (1, 30), coding };
        let layout = agree(&wish, &good).unwrap();
        assert_eq!((layout.stride, layout.bytes), (1280, 614_400));
        assert_eq!(agree(&wish, &Answer { interval: (1001, 30_000), ..good }).unwrap().bytes, 614_400);
        for (answer, said) in [
            (Answer { size: (0, 0), ..good }, "absurd answer: pictures of 0 x 0 px"),
            (Answer { size: (320, 240), ..good }, "asked for YUYV 640 x 480 it answers YUYV 320 x 240"),
            (Answer { fourcc: *b"UYVY", ..good }, "asked for YUYV 640 x 480 it answers UYVY 640 x 480"),
            (
                Answer { fourcc: [255; 4], ..good },
                "asked for YUYV 640 x 480 it answers unknown format ffffffff 640 x 480",
            ),
            (Answer { interval: (1, 1000), ..good }, "absurd answer: 1000 frames per second"),
            (Answer { interval: (0, 30), ..good }, "absurd answer: a frame every 0/30 s"),
            (Answer { interval: (1, 0), ..good }, "absurd answer: a frame every 1/0 s"),
            (Answer { interval: (1, 15), ..good }, "asked for 30 fps it answers 15 fps"),
            (Answer { stride: 640, ..good }, "absurd answer: rows of 640 bytes, where 640 px of YUYV take 1280"),
            (
                Answer { stride: 2048, ..good },
                "absurd answer: frames of 614400 bytes, where 480 rows of 2048 bytes take 983040",
            ),
            (Answer { bytes: 0, ..good }, "absurd answer: frames of 0 bytes"),
            (Answer { bytes: u32::MAX, ..good }, "absurd answer: frames of 4294967295 bytes"),
        ] {
            assert_eq!(agree(&wish, &answer).unwrap_err().to_string(), said);
        }
    }
}
