//! A table of scenarios, and waiting for things with a limit.

use station::camera::v4l::{CameraConfig, FeedStatus, State, V4lFeed};
use station::camera::{Crew, Feed as _, Frame};
use std::time::{Duration, Instant};

/// Lines so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    failed: usize,
}

impl Table {
    /// Runs a scenario: what it found, or what is wrong.
    pub(crate) fn row(&mut self, name: &str, scenario: impl FnOnce() -> Result<String, String>) {
        let begin = Instant::now();
        let (mark, text) = match scenario() {
            Ok(text) => ("ok  ", text),
            Err(text) => {
                self.failed += 1;
                ("FAIL", text)
            }
        };
        println!("{mark} {name:<12} {:5.1} s  {text}", begin.elapsed().as_secs_f64());
    }
    /// Whether all went well.
    pub(crate) fn good(&self) -> bool {
        println!("{}", if self.failed == 0 { "all well".to_owned() } else { format!("{} failed", self.failed) });
        self.failed == 0
    }
}

/// A configuration in the words of `station.toml`.
pub(crate) fn config(text: &str) -> CameraConfig {
    toml::from_str(text).unwrap()
}

pub(crate) fn open(text: &str) -> V4lFeed {
    V4lFeed::open(config(text), &Crew::default()).unwrap()
}

/// Waits until the camera is in `state`; how long it took.
pub(crate) fn until(feed: &V4lFeed, state: State, limit: f64) -> Result<f64, String> {
    until_that(feed, limit, &format!("{state:?}"), |s| s.state == state)
}

pub(crate) fn until_that(
    feed: &V4lFeed,
    limit: f64,
    what: &str,
    f: impl Fn(&FeedStatus) -> bool,
) -> Result<f64, String> {
    let begin = Instant::now();
    loop {
        let status = feed.status();
        if f(&status) {
            return Ok(begin.elapsed().as_secs_f64());
        }
        if begin.elapsed().as_secs_f64() > limit {
            return Err(format!("not {what} after {limit} s: {}", status.line()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The first picture after now, which must be `expected` to the last byte; how long it took, ms.
pub(crate) fn fresh(feed: &V4lFeed, expected: &[u8], patience: f64) -> Result<f64, String> {
    let trigger = Instant::now();
    let frame = feed.first_after(trigger, Duration::from_secs_f64(patience)).map_err(|e| e.to_string())?;
    let took = trigger.elapsed().as_secs_f64() * 1e3;
    same(&frame, expected)?;
    if frame.exposed < trigger {
        return Err("exposed before the trigger".to_owned());
    }
    Ok(took)
}

pub(crate) fn same(frame: &Frame, expected: &[u8]) -> Result<(), String> {
    let file = frame.file.bytes().map_err(|e| e.to_string())?;
    if file == expected {
        return Ok(());
    }
    Err(format!("not the picture that is shown: {} bytes, expected {}", file.len(), expected.len()))
}

/// The value that `share` of them do not exceed.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

/// Runs a command of the guest's shell.
pub(crate) fn shell(command: &str) -> Result<String, String> {
    let out = std::process::Command::new("sh").args(["-c", command]).output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    if out.status.success() { Ok(text) } else { Err(format!("{command}: {text}")) }
}
