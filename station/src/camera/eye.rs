//! A camera as a source: it is always looking, and something triggers it.

use super::auto::{AutoConfig, Watcher, Watching};
use super::glance::Glance;
use super::simulated::{Simulated, SimulatedConfig};
use super::v4l::{CameraConfig, V4lFeed};
use super::{Crew, Feed, Frame, Order, PATIENCE, Shift, Source, SourceError};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks at the newest picture.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two glances of the automatic trigger while something moves: five a second follow a hand well enough.
const GLANCE: Duration = Duration::from_millis(180);
/// While nothing moves: decoding is most of an idle station's work.
const IDLE_GLANCE: Duration = Duration::from_millis(380);
/// A camera without a good picture for this long is closed and opened anew, whatever it tries by itself.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Pause before a part that could not be recorded is photographed again.
const AGAIN: Duration = Duration::from_secs(2);

/// Opens the camera; called again after it was lost. Threads that it needs are started in the crew, which is not let grow without end.
pub type Opener = Box<dyn Fn(&Crew) -> Result<Arc<dyn Feed>, SourceError> + Send + Sync>;

/// What takes a picture beside key, click and request, which always do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shutter {
    /// Nothing.
    Key,
    /// A part that comes to lie still.
    Auto(AutoConfig),
    /// The clock: from part to part takes so long.
    Takt(Duration),
}

/// A camera and its trigger.
pub struct Eye {
    kind: &'static str,
    about: String,
    open: Opener,
    shutter: Shutter,
    knows: Box<dyn Fn(&Frame) -> Order + Send + Sync>,
    state: Mutex<State>,
    empty_now: AtomicBool,
}

struct State {
    feed: Option<Arc<dyn Feed>>,
    live: Result<Frame, SourceError>,
    watching: Option<&'static str>,
    /// Exposure of a picture that somebody asked for and that was recorded, until the trigger has heard of it.
    by_hand: Option<Instant>,
}

impl fmt::Debug for Eye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eye").field("about", &self.about).field("shutter", &self.shutter).finish_non_exhaustive()
    }
}

impl Eye {
    /// A camera that `open` opens.
    pub fn new(about: impl Into<String>, open: Opener, shutter: Shutter) -> Self {
        Self {
            kind: "camera",
            about: about.into(),
            open,
            shutter,
            knows: Box::new(|_| Order::default()),
            state: Mutex::new(State {
                feed: None,
                live: Err(SourceError("the camera is being opened".to_owned())),
                watching: None,
                by_hand: None,
            }),
            empty_now: AtomicBool::new(false),
        }
    }
    /// A camera of this machine.
    pub fn camera(config: CameraConfig, shutter: Shutter) -> Self {
        let about = config.wanted();
        let open: Opener = Box::new(move |crew| Ok(Arc::new(V4lFeed::open(config.clone(), crew)?)));
        Self::new(about, open, shutter)
    }
    /// A camera that shows rendered parts, and knows which.
    pub fn simulated(config: SimulatedConfig, shutter: Shutter) -> Self {
        let feed = Arc::new(Simulated::new(config));
        let knows = feed.clone();
        let eye = Self::new(feed.name(), Box::new(move |_| Ok(feed.clone())), shutter);
        Self { kind: "simulated", knows: Box::new(move |frame| knows.order(frame)), ..eye }
    }

    fn change<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Source for Eye {
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn about(&self) -> String {
        // Once it is open, it can say more of itself: its serial number.
        self.change(|s| s.feed.clone()).map_or_else(|| self.about.clone(), |feed| feed.name())
    }
    fn live(&self) -> Option<Result<Frame, SourceError>> {
        Some(self.change(|s| s.live.clone()))
    }
    fn watching(&self) -> Option<&'static str> {
        self.change(|s| s.watching)
    }
    fn knows(&self, frame: &Frame) -> Order {
        (self.knows)(frame)
    }

    fn patience(&self) -> Duration {
        // The next picture of a slow camera comes when this one is not live any more, at the latest.
        self.change(|s| s.live.as_ref().map_or(PATIENCE, |frame| PATIENCE.max(frame.live_for)))
    }

    fn shoot(&self, moment: Instant) -> Result<Frame, SourceError> {
        let (feed, live) = self.change(|s| (s.feed.clone(), s.live.clone()));
        match feed {
            Some(feed) => feed.first_after(moment, self.patience()),
            None => live.and(Err(SourceError("the camera is being opened".to_owned()))),
        }
    }

    fn taken_by_hand(&self, exposed: Instant) {
        self.change(|s| s.by_hand = Some(exposed));
    }

    fn empty_now(&self) -> Result<(), SourceError> {
        if !matches!(self.shutter, Shutter::Auto(_)) {
            return Err(SourceError("this camera has no automatic trigger".to_owned()));
        }
        self.empty_now.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn work(&self, shift: &Shift) -> Result<(), SourceError> {
        let mut trigger = Release::new(self);
        while !shift.over() {
            // The old camera goes before the new one is opened: a driver gives it to one at a time.
            self.change(|s| s.feed = None);
            // Beside this thread nobody works now: who runs still, hangs.
            shift.crew().may_open(1)?;
            let feed = (self.open)(shift.crew()).inspect_err(|e| {
                if !shift.over() {
                    self.change(|s| s.live = Err(e.clone()));
                }
            })?;
            if shift.over() {
                break;
            }
            self.change(|s| s.feed = Some(feed.clone()));
            self.look(&*feed, shift, &mut trigger);
            self.change(|s| {
                // A thread that was given up may come back when its successor has a camera open.
                if s.feed.as_ref().is_some_and(|f| Arc::ptr_eq(f, &feed)) {
                    s.feed = None;
                }
            });
        }
        Ok(())
    }
}

impl Eye {
    /// Looks through an open camera until the shift is over, or until it has been blind for too long.
    fn look(&self, feed: &dyn Feed, shift: &Shift, trigger: &mut Release<'_>) {
        let mut seen = Instant::now();
        while shift.goes_on(LOOK) && seen.elapsed() < GIVE_UP {
            let live = feed.newest();
            if shift.over() {
                return;
            }
            self.change(|s| s.live = live.clone());
            if let Ok(frame) = live {
                seen = Instant::now();
                trigger.look(&frame, shift);
            }
        }
    }
}

/// The trigger at work.
struct Release<'a> {
    eye: &'a Eye,
    started: Instant,
    next: Instant,
    sequence: Option<u64>,
    watcher: Option<Watcher>,
}

impl<'a> Release<'a> {
    fn new(eye: &'a Eye) -> Self {
        let watcher = match eye.shutter {
            Shutter::Auto(config) => Some(Watcher::new(config)),
            _ => None,
        };
        let now = Instant::now();
        Self { eye, started: now, next: now, sequence: None, watcher }
    }

    fn look(&mut self, frame: &Frame, shift: &Shift) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        match self.eye.shutter {
            Shutter::Key => {}
            Shutter::Takt(takt) => {
                // A part that takes longer than the takt delays the next one; none is made up for.
                self.next = (self.next + takt).max(now);
                // The page tells of a failure; the next one comes with the clock.
                let _ = shift.capture("takt");
            }
            Shutter::Auto(_) => {
                if self.sequence.replace(frame.sequence) != Some(frame.sequence) {
                    self.glance(frame, shift);
                    let moving = self.watcher.as_ref().is_some_and(|w| w.watching() == Watching::Moving);
                    self.next = now + if moving { GLANCE } else { IDLE_GLANCE };
                }
            }
        }
    }

    fn glance(&mut self, frame: &Frame, shift: &Shift) {
        let Some(watcher) = &mut self.watcher else { return };
        if self.eye.empty_now.swap(false, Ordering::Relaxed) {
            watcher.empty_now();
        }
        let at = frame.exposed.saturating_duration_since(self.started);
        let shoot = match frame.file.bytes().map_err(|e| e.to_string()).and_then(|file| Glance::of_file(&file)) {
            Ok(glance) => watcher.see(&glance, at),
            Err(e) => {
                tracing::debug!("a picture cannot be looked at: {e}");
                false
            }
        };
        // After the glance: a part that was put down and photographed at once is noticed by it, unless it was a glance at a picture of before.
        let by_hand = self.eye.change(|s| s.by_hand.take_if(|taken| *taken <= frame.exposed));
        let taken = by_hand.is_some_and(|e| watcher.taken_by_hand(e.saturating_duration_since(self.started)));
        if shoot && taken {
            watcher.recorded(None);
        } else if shoot {
            match shift.capture("auto") {
                Ok(_) => watcher.recorded(None),
                Err(e) if e.holds_the_part() => watcher.held(),
                Err(_) => watcher.recorded(Some(self.started.elapsed() + AGAIN)),
            }
        }
        let watching = watcher.watching().word();
        self.eye.change(|s| s.watching = Some(watching));
    }
}
