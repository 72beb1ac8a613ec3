//! What the grabbing thread and those who ask for pictures share: the newest frame, the waiting ones, and how the camera does.

use super::config::{CameraConfig, Policy};
use super::controls::Look;
use super::device::Down;
use super::status::{Counts, FeedStatus, State};
use crate::camera::{Frame, LIVE, SourceError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Without a picture for so long, and for three frames, the camera is not live, whatever the grabbing thread believes.
const OLD: Duration = Duration::from_secs(3);

/// How old a picture of a camera may be and still be live. While the next one is on its way, the one before has grown as old as an exposure, a
/// readout, the frames inside the camera and the wait for the next one; one more is for what comes late.
pub(super) fn live_for(interval: Duration, frames_inside: u32) -> Duration {
    LIVE.max(interval * (frames_inside + 4))
}

/// Somebody who waits for a picture.
#[derive(Debug)]
struct Ticket {
    number: u64,
    moment: Instant,
    frame: Option<Frame>,
}

/// The device that is open now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// N of `/dev/videoN`.
    pub(super) node: usize,
    /// Which camera it is.
    pub(super) who: String,
    /// Format, size and rate in words.
    pub(super) format: String,
    /// Time between frames.
    pub(super) interval: Duration,
}

#[derive(Debug)]
struct Slot {
    newest: Option<(Frame, Instant)>,
    tickets: Vec<Ticket>,
    next_ticket: u64,
    state: State,
    since: Instant,
    reason: String,
    session: Option<Session>,
    controls: Look,
    /// Frozen, but handed out; or a clock that cannot be used: worth telling of a live camera.
    notes: [Option<String>; 2],
    /// Nothing exposed earlier is handed out: the controls were wrong until then.
    floor: Option<Instant>,
    counts: Counts,
    stopping: bool,
}

/// Shared by the grabbing thread, the control watch, and everybody who asks.
#[derive(Debug)]
pub(super) struct Live {
    name: String,
    config: CameraConfig,
    slot: Mutex<Slot>,
    news: Condvar,
}

/// What stands in `notes`.
#[derive(Clone, Copy)]
pub(super) enum Note {
    /// About a picture that stays the same.
    Frozen = 0,
    /// About the driver's clock.
    Clock = 1,
}

impl Live {
    /// Nothing is known yet.
    pub(super) fn new(config: CameraConfig) -> Self {
        let slot = Slot {
            newest: None,
            tickets: Vec::new(),
            next_ticket: 0,
            state: State::Opening,
            since: Instant::now(),
            reason: String::new(),
            session: None,
            controls: Look::default(),
            notes: [None, None],
            floor: None,
            counts: Counts::default(),
            stopping: false,
        };
        Self { name: config.wanted(), config, slot: Mutex::new(slot), news: Condvar::new() }
    }
    /// The camera's configuration.
    pub(super) fn config(&self) -> &CameraConfig {
        &self.config
    }
    /// Which camera is meant.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
    /// Which camera it is, and what is worth knowing of it while it is live.
    pub(super) fn about(&self) -> String {
        let slot = self.lock();
        let who = slot.session.as_ref().map_or_else(|| self.name.clone(), |s| s.who.clone());
        let status = self.status_of(&slot);
        if status.ok() && !status.reason.is_empty() { format!("{who}: {}", status.reason) } else { who }
    }
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the threads.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.news.notify_all();
    }
    /// Sleeps, but not past a stop. Whether to go on.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let slot = self.lock();
        !self.news.wait_timeout_while(slot, time, |s| !s.stopping).unwrap_or_else(PoisonError::into_inner).0.stopping
    }
    /// Whether the threads are to end.
    pub(super) fn stopping(&self) -> bool {
        self.lock().stopping
    }

    /// The camera was opened. Its old pictures were dropped when it went down.
    pub(super) fn opened(&self, session: Session, wrong: Vec<String>) {
        let mut slot = self.lock();
        slot.session = Some(session);
        slot.notes = [None, None];
        slot.controls = Look { wrong, silent: None };
        slot.floor = None;
    }
    /// The camera cannot be used now: its pictures are dropped. Said before anything is closed, because closing can take seconds.
    pub(super) fn down(&self, down: Down) {
        let mut slot = self.lock();
        slot.session = None;
        slot.trouble(&self.name, down.state, down.reason);
    }
    /// The open camera sends pictures that cannot be used.
    pub(super) fn trouble(&self, state: State, reason: String) {
        self.lock().trouble(&self.name, state, reason);
    }
    /// Counts.
    pub(super) fn count(&self, f: impl FnOnce(&mut Counts)) {
        f(&mut self.lock().counts);
    }
    /// Something worth telling, or no longer.
    pub(super) fn note(&self, which: Note, text: Option<String>) {
        self.lock().notes[which as usize] = text;
    }

    /// What the control watch found; whether it had to move one back.
    pub(super) fn looked(&self, session: &Session, controls: Look, moved: bool) {
        let mut slot = self.lock();
        // It may have been reopened meanwhile: then this is of another start.
        if slot.session.as_ref() != Some(session) {
            return;
        }
        if moved {
            slot.counts.controls_moved += 1;
            slot.floor = Some(Instant::now());
            slot.newest = None;
        }
        // Silence is no sign that what was wrong is right again.
        let wrong = if controls.silent.is_some() { std::mem::take(&mut slot.controls.wrong) } else { controls.wrong };
        slot.controls = Look { wrong, silent: controls.silent };
    }
    /// Controls that are known to be wrong.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.lock().controls.wrong.clone()
    }
    /// The device that is open, for the control watch.
    pub(super) fn session(&self) -> Option<Session> {
        self.lock().session.clone()
    }

    /// A good frame came.
    pub(super) fn publish(&self, frame: Frame) {
        let mut slot = self.lock();
        if self.config.wrong_controls == Policy::Refuse && !slot.controls.wrong.is_empty() {
            let reason = slot.controls.wrong.join("; ");
            slot.trouble(&self.name, State::Controls, reason);
            return;
        }
        if slot.floor.is_some_and(|floor| frame.exposed < floor) {
            return;
        }
        slot.counts.frames += 1;
        if slot.state != State::Live {
            slot.live(&self.name);
        }
        for ticket in &mut slot.tickets {
            if ticket.frame.is_none() && frame.exposed >= ticket.moment {
                ticket.frame = Some(frame.clone());
            }
        }
        let waiting = !slot.tickets.is_empty();
        slot.newest = Some((frame, Instant::now()));
        drop(slot);
        if waiting {
            self.news.notify_all();
        }
    }

    /// The newest good frame.
    pub(super) fn newest(&self) -> Result<Frame, SourceError> {
        let slot = self.lock();
        match &slot.newest {
            Some((frame, came)) if came.elapsed() < slot.old() => Ok(frame.clone()),
            _ => Err(SourceError(self.status_of(&slot).line())),
        }
    }

    /// The first good frame exposed at or after `moment`.
    pub(super) fn first_after(&self, moment: Instant, patience: Duration) -> Result<Frame, SourceError> {
        let mut slot = self.lock();
        let ready = slot.newest.as_ref().filter(|(frame, _)| frame.exposed >= moment).map(|(frame, _)| frame.clone());
        let frame = match ready {
            Some(frame) => Some(frame),
            None => {
                let number = slot.next_ticket;
                slot.next_ticket += 1;
                slot.tickets.push(Ticket { number, moment, frame: None });
                let waiting =
                    |s: &mut Slot| !s.stopping && s.tickets.iter().any(|t| t.number == number && t.frame.is_none());
                slot = self.news.wait_timeout_while(slot, patience, waiting).unwrap_or_else(PoisonError::into_inner).0;
                let at = slot.tickets.iter().position(|t| t.number == number);
                at.and_then(|at| slot.tickets.swap_remove(at).frame)
            }
        };
        match frame {
            Some(frame) => Ok(frame),
            None => {
                let line = self.status_of(&slot).line();
                Err(SourceError(format!(
                    "none was exposed within {:.1} s of the trigger; {line}",
                    patience.as_secs_f64()
                )))
            }
        }
    }

    /// How the camera does.
    pub(super) fn status(&self) -> FeedStatus {
        self.status_of(&self.lock())
    }
    fn status_of(&self, slot: &Slot) -> FeedStatus {
        let age = slot.newest.as_ref().map(|(_, came)| came.elapsed());
        let (state, reason) = match slot.state {
            State::Live if age.is_none_or(|a| a >= slot.old()) && slot.since.elapsed() >= slot.old() => {
                (State::Stalled, "no frame for seconds".to_owned())
            }
            State::Live => {
                let silent = slot.controls.silent.as_ref();
                let told = self.config.wrong_controls != Policy::Off;
                let mut words = if told { slot.controls.wrong.clone() } else { Vec::new() };
                words
                    .extend(silent.map(|s| {
                        format!("it no longer answers to its controls ({s}): unplug it and plug it in again")
                    }));
                words.extend(slot.notes.iter().flatten().cloned());
                (State::Live, words.join("; "))
            }
            state => (state, slot.reason.clone()),
        };
        let c = slot.counts;
        FeedStatus {
            name: self.name.clone(),
            state,
            state_s: slot.since.elapsed().as_secs_f64(),
            reason,
            device: slot.session.as_ref().map(|s| format!("/dev/video{}", s.node)),
            format: slot.session.as_ref().map(|s| s.format.clone()),
            picture_age_s: age.map(|a| a.as_secs_f64()),
            frames: c.frames,
            torn: c.torn,
            duplicates: c.duplicates,
            repeated: c.repeated,
            lost: c.lost,
            reopened: c.reopened,
            controls_moved: c.controls_moved,
            last_outage_s: c.outage.map(|o| o.as_secs_f64()),
        }
    }
}

impl Slot {
    /// Older than this a picture is not live.
    fn old(&self) -> Duration {
        OLD.max(self.session.as_ref().map_or(Duration::ZERO, |s| s.interval * 3))
    }
    fn trouble(&mut self, name: &str, state: State, reason: String) {
        self.newest = None;
        if self.state != state {
            // From one trouble to the next (stalled, then unplugged) it is the same time without pictures.
            if matches!(self.state, State::Live | State::Opening) {
                self.since = Instant::now();
            }
            self.state = state;
            tracing::warn!("{name}: {reason}");
        }
        self.reason = reason;
    }
    fn live(&mut self, name: &str) {
        if self.state != State::Opening {
            self.counts.outage = Some(self.since.elapsed());
            tracing::info!("{name}: live again after {:.1} s", self.since.elapsed().as_secs_f64());
        }
        (self.state, self.since) = (State::Live, Instant::now());
        self.reason.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;
    use crate::camera::PictureFile;
    use axum::body::Bytes;

    const SOON: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(5);

    fn live(text: &str) -> Live {
        let live = Live::new(toml::from_str(text).unwrap());
        live.opened(session(), vec![]);
        live
    }
    fn session() -> Session {
        let interval = Duration::from_millis(33);
        Session { node: 0, who: "camera A1".to_owned(), format: "GREY 2x1".to_owned(), interval }
    }
    fn frame(sequence: u64, exposed: Instant) -> Frame {
        let file = PictureFile::from(Bytes::from(vec![7, sequence as u8]));
        Frame { file, exposed, sequence, size: (2, 1), live_for: LIVE }
    }

    /// The one that waits gets the first frame exposed after its moment, even when it wakes up after the next one came.
    #[test]
    fn the_first_frame_after_the_trigger_is_handed_out() {
        let live = live("");
        let trigger = Instant::now();
        let (before, after) = (trigger - Duration::from_millis(1), trigger + Duration::from_millis(1));
        live.publish(frame(1, before));
        assert!(live.first_after(trigger, SOON).is_err(), "exposed before");
        assert_eq!(live.newest().unwrap().sequence, 1);
        std::thread::scope(|s| {
            let waiting = s.spawn(|| live.first_after(trigger, LONG).unwrap());
            while live.lock().tickets.is_empty() {
                std::thread::yield_now();
            }
            live.publish(frame(2, before));
            let mut slot = live.lock();
            slot.newest = None;
            drop(slot);
            for sequence in 3..6 {
                live.publish(frame(sequence, after));
            }
            assert_eq!(waiting.join().unwrap().sequence, 3);
        });
        assert!(live.lock().tickets.is_empty());
        assert_eq!(live.newest().unwrap().file.bytes().unwrap(), [7, 5][..]);
    }

    /// Whatever the grabbing thread believes.
    #[test]
    fn a_picture_that_stands_still_is_not_the_newest() {
        let live = live("");
        live.publish(frame(1, Instant::now()));
        assert!(live.newest().is_ok());
        if let Some((_, came)) = &mut live.lock().newest {
            *came -= OLD;
        }
        assert!(live.newest().is_err());
    }

    /// What was taken before it went down is gone, and what is wrong is in the answer.
    #[test]
    fn a_camera_that_is_down_has_no_picture() {
        let live = live("serial = \"A1\"");
        live.publish(frame(1, Instant::now()));
        assert!(live.status().ok());
        live.down(Down { state: State::Unplugged, reason: "it was unplugged".to_owned() });
        let said = live.newest().unwrap_err().to_string();
        assert!(
            said.starts_with("no picture: camera A1 no live picture: unplugged for 0 s: it was unplugged"),
            "{said}"
        );
        let said = live.first_after(Instant::now(), SOON).unwrap_err().to_string();
        assert!(
            said.contains("none was exposed within 0.0 s of the trigger; camera A1 no live picture: unplugged"),
            "{said}"
        );
        live.opened(session(), vec![]);
        assert!(live.newest().is_err(), "opened, and no frame yet");
        live.publish(frame(2, Instant::now()));
        assert!(live.status().ok() && live.status().last_outage_s.is_some());
    }

    /// A camera with a picture every two seconds is as live as one with thirty a second.
    #[test]
    fn a_slow_camera_is_live_between_its_pictures() {
        let (fast, slow) = (Duration::from_millis(33), Duration::from_secs(2));
        assert_eq!((live_for(fast, 1), live_for(fast, 8)), (LIVE, LIVE));
        // Exposed by itself for as long as frames are apart, held back inside for one, stamped at the end of its readout, and the next one comes.
        assert!(live_for(slow, 1) > slow * 4 && live_for(slow, 1) <= slow * 5);
        for (interval, old) in [(fast, OLD), (slow, Duration::from_secs(6))] {
            let live = Live::new(CameraConfig::default());
            live.opened(Session { interval, ..session() }, vec![]);
            let came = |before: Duration| {
                live.publish(frame(1, Instant::now()));
                let mut slot = live.lock();
                let at = Instant::now().checked_sub(before).unwrap();
                slot.since = at;
                slot.newest.as_mut().unwrap().1 = at;
            };
            came(old - Duration::from_millis(500));
            assert!(live.newest().is_ok() && live.status().ok(), "{interval:?}: {}", live.status().line());
            came(old);
            assert!(live.newest().is_err() && !live.status().ok(), "{interval:?}: {}", live.status().line());
        }
    }

    #[test]
    fn no_picture_while_a_control_is_wrong() {
        for (policy, handed_out) in [("refuse", false), ("warn", true), ("off", true)] {
            let live = live(&format!("wrong_controls = \"{policy}\""));
            let wrong = || Look { wrong: vec!["gain: asked for 0, the camera has 9".to_owned()], silent: None };
            live.publish(frame(1, Instant::now()));
            live.looked(&session(), wrong(), false);
            live.publish(frame(2, Instant::now()));
            assert_eq!(live.newest().is_ok(), handed_out);
            assert_eq!(live.status().line().contains("gain: asked for 0, the camera has 9"), policy != "off");
            // Silence is no sign that it is right again.
            live.looked(&session(), Look { silent: Some("timed out".to_owned()), wrong: vec![] }, false);
            live.publish(frame(3, Instant::now()));
            assert_eq!(live.newest().is_ok(), handed_out);
            // Moved back: only what was exposed after that.
            let exposed_before = Instant::now();
            live.looked(&session(), Look::default(), true);
            live.publish(frame(4, exposed_before));
            assert!(live.newest().is_err());
            live.publish(frame(5, Instant::now()));
            assert_eq!(live.newest().unwrap().sequence, 5);
        }
    }

    #[test]
    fn a_look_at_an_earlier_start_does_not_count() {
        let live = live("");
        let old = Session { node: 7, ..session() };
        live.looked(&old, Look { wrong: vec!["gain".to_owned()], silent: None }, true);
        assert_eq!((live.wrong(), live.status().controls_moved), (vec![], 0));
    }
}
