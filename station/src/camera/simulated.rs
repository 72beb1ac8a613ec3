//! A camera that shows rendered parts whose truth is known: good ones and ones with real faults. The demo's camera, and one to set up a
//! station with before the real one has come.

use super::{Feed, Frame, LIVE, Order, PictureFile, SourceError};
use axum::body::Bytes;
use inspector::synth::DemoLine;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Pictures per second.
const FPS: u64 = 30;
const SECOND_NS: u64 = 1_000_000_000;
/// From exposure to "it is here".
const ON_THE_WAY: Duration = Duration::from_millis(12);

/// What the simulated camera shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedConfig {
    /// The same seed shows the same parts.
    pub seed: u64,
    /// How long each part lies there.
    pub part: Duration,
}

impl Default for SimulatedConfig {
    fn default() -> Self {
        Self { seed: 19, part: Duration::from_millis(2500) }
    }
}

/// Shows an endless, seeded sequence of rendered parts, each for a while, at 30 pictures per second.
///
/// First the table is empty for as long as a part would lie there. Then part follows part without an empty moment. Cost: one part
/// rendered (130 ms on two threads) when somebody looks at it for the first time, and nothing for the frames that show it again.
#[derive(Debug)]
pub struct Simulated {
    line: DemoLine,
    part: Duration,
    started: Instant,
    /// The last rendered picture and its place in the sequence of pictures: 0 is the empty table.
    rendered: Mutex<Option<(u64, PictureFile)>>,
}

impl Simulated {
    /// Switched on now.
    pub fn new(config: SimulatedConfig) -> Self {
        Self {
            line: DemoLine::new(config.seed),
            part: config.part,
            started: Instant::now(),
            rendered: Mutex::default(),
        }
    }

    /// What the line knows of the part in a frame. Neither name nor serial number says whether it is good: the judge could cheat.
    pub fn order(&self, frame: &Frame) -> Order {
        let Some(number) = self.shown(frame.sequence).checked_sub(1) else { return Order::default() };
        Order {
            recipe: Some(self.line.recipe(number).to_owned()),
            serial: Some(format!("D{:05}", number + 1)),
            lot: Some(format!("DEMO-{}", 1 + number / 50)),
        }
    }

    fn exposed(&self, sequence: u64) -> Instant {
        self.started + Duration::from_nanos((sequence * SECOND_NS).div_ceil(FPS))
    }
    /// The first frame exposed at or after `moment`.
    fn sequence_at(&self, moment: Instant) -> u64 {
        let ns = moment.saturating_duration_since(self.started).as_nanos();
        u64::try_from((ns * u128::from(FPS)).div_ceil(u128::from(SECOND_NS))).unwrap_or(u64::MAX / SECOND_NS)
    }
    /// The last frame that has arrived.
    fn arrived(&self) -> u64 {
        let exposed = Instant::now().checked_sub(ON_THE_WAY).unwrap_or(self.started);
        self.sequence_at(exposed).saturating_sub(1)
    }
    /// What a frame shows: 0 the empty table, else part + 1.
    fn shown(&self, sequence: u64) -> u64 {
        let at_ns = u128::from(sequence) * u128::from(SECOND_NS) / u128::from(FPS);
        u64::try_from(at_ns / self.part.as_nanos().max(1)).unwrap_or(u64::MAX)
    }
    fn frame(&self, sequence: u64) -> Frame {
        let shown = self.shown(sequence);
        let mut rendered = self.rendered.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*rendered {
            Some((what, file)) if *what == shown => file.clone(),
            _ => {
                let jpeg = match shown.checked_sub(1) {
                    None => self.line.table(0),
                    Some(number) => self.line.part(number).jpeg,
                };
                let file = PictureFile::from(Bytes::from(jpeg));
                *rendered = Some((shown, file.clone()));
                file
            }
        };
        Frame { file, exposed: self.exposed(sequence), sequence, size: (1600, 1200), live_for: LIVE }
    }
}

impl Feed for Simulated {
    fn name(&self) -> String {
        "simulated camera".to_owned()
    }
    fn newest(&self) -> Result<Frame, SourceError> {
        let frame = self.frame(self.arrived());
        // A part that has to be rendered first has been seen since, on a slow machine for a long time.
        let latest = self.arrived();
        let same = self.shown(latest) == self.shown(frame.sequence);
        Ok(if same { Frame { sequence: latest, exposed: self.exposed(latest), ..frame } } else { frame })
    }
    fn first_after(&self, moment: Instant, patience: Duration) -> Result<Frame, SourceError> {
        let sequence = self.sequence_at(moment);
        // A slow machine renders longer than a picture is live; the frame it was asked for stays the one it gets.
        let wait = (self.exposed(sequence) + ON_THE_WAY).saturating_duration_since(Instant::now());
        if wait > patience.max(LIVE) {
            return Err(SourceError("asked for a picture of the future".to_owned()));
        }
        std::thread::sleep(wait);
        Ok(self.frame(sequence))
    }
}
