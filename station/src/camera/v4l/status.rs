//! How a camera does, for `/readyz`, the page and `assay doctor`.

use serde::Serialize;
use std::time::Duration;

/// What a camera is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Being opened for the first time.
    Opening,
    /// Good pictures come in.
    Live,
    /// It is there, but sends nothing, or does not answer.
    Stalled,
    /// It is not there.
    Unplugged,
    /// Another program has it.
    Busy,
    /// It sends the same picture again and again.
    Frozen,
    /// It sends nothing but damaged pictures.
    Torn,
    /// A control does not stand where it should.
    Controls,
    /// It cannot be used as it is configured.
    Failed,
}

/// How a camera does at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeedStatus {
    /// Which camera.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// For how long, s.
    pub state_s: f64,
    /// What is wrong and what to do; of a live camera what is worth knowing, mostly nothing.
    pub reason: String,
    /// Device file, when it is open.
    pub device: Option<String>,
    /// Format, size and rate, when it is open.
    pub format: Option<String>,
    /// Seconds since its last good picture came in.
    pub picture_age_s: Option<f64>,
    /// Good frames.
    pub frames: u64,
    /// Damaged frames, not used.
    pub torn: u64,
    /// Frames delivered twice, not used.
    pub duplicates: u64,
    /// Frames whose picture equals the one before it.
    pub repeated: u64,
    /// Frames that the driver counted and never delivered.
    pub lost: u64,
    /// Times that it was opened again.
    pub reopened: u64,
    /// Times that a control had moved by itself.
    pub controls_moved: u64,
    /// From the last trouble to the first good picture after it, s.
    pub last_outage_s: Option<f64>,
}

impl FeedStatus {
    /// Pictures come in.
    pub fn ok(&self) -> bool {
        self.state == State::Live
    }
    /// One line for people.
    pub fn line(&self) -> String {
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        let state = match self.state {
            State::Opening => "is being opened",
            State::Live => "live",
            State::Stalled => "no live picture: stalled",
            State::Unplugged => "no live picture: unplugged",
            State::Busy => "no live picture: used by another program",
            State::Frozen => "no live picture: frozen",
            State::Torn => "no live picture: damaged frames only",
            State::Controls => "no live picture: controls are wrong",
            State::Failed => "no live picture",
        };
        let since = if self.ok() { String::new() } else { format!(" for {:.0} s", self.state_s) };
        format!("{} {state}{since}{reason}", self.name)
    }
}

/// Counts since the feed was made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) frames: u64,
    pub(super) torn: u64,
    pub(super) duplicates: u64,
    pub(super) repeated: u64,
    pub(super) lost: u64,
    pub(super) reopened: u64,
    pub(super) controls_moved: u64,
    pub(super) outage: Option<Duration>,
}
