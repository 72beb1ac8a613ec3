//! Keeps a source at work: each on a thread of its own, replaced after a pause when it fails, panics or does not come back.

use super::sources::Place;
use super::{CaptureError, Crew, Order, SourceError, Trigger};
use crate::inspection::{Desk, DeskError, ErrorKind, Reserved, Shot};
use crate::ledger::Entry;
use inspector::photo::Sha256;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Without a sign of life for this long, the thread of a source counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before a source that failed is started again; doubled each time, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a source may take to end when the station stops.
const FAREWELL: Duration = Duration::from_millis(800);

/// What a source works with: where to hand photos in, and when to stop.
#[derive(Debug)]
pub struct Shift {
    pub(super) place: Arc<Place>,
    pub(super) desk: Desk,
    runtime: tokio::runtime::Handle,
    life: Arc<Life>,
}

/// Signs of life of one thread.
#[derive(Debug)]
struct Life {
    over: AtomicBool,
    started: Instant,
    /// Milliseconds after `started`; `u64::MAX` while a part is being judged, which may take its time.
    last: AtomicU64,
}

impl Life {
    fn new() -> Arc<Self> {
        Arc::new(Self { over: AtomicBool::new(false), started: Instant::now(), last: AtomicU64::new(0) })
    }
    fn sign(&self) {
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.last.store(ms, Ordering::Relaxed);
    }
    fn silent(&self) -> Duration {
        self.started.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

impl Shift {
    /// The shift is over: the station stops, or this thread was given up.
    pub fn over(&self) -> bool {
        self.life.over.load(Ordering::Relaxed)
    }
    /// Waits, and says whether to go on. Sources call it at least every few seconds: it is their sign of life.
    pub fn goes_on(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            self.life.sign();
            let left = until.saturating_duration_since(Instant::now());
            if self.over() || left.is_zero() {
                return !self.over();
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
    /// Waits for something of the station, however long it takes.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.life.last.store(u64::MAX, Ordering::Relaxed);
        let answer = self.runtime.block_on(answer);
        self.life.sign();
        answer
    }
    /// Takes a picture exposed now or later and has it judged and recorded.
    ///
    /// # Errors
    /// Why there is no record; the page shows it until the next part is recorded.
    pub fn capture(&self, by: &'static str) -> Result<Entry, CaptureError> {
        let trigger = Trigger { by, moment: Instant::now() };
        let taken = self.wait(self.place.capture(&self.desk, trigger, Order::default(), None));
        // Somebody takes a picture by hand just now: no trouble of a trigger that looks again.
        if !(by == "auto" && matches!(taken, Err(CaptureError::Busy { .. }))) {
            self.tell(taken.as_ref().err().map(ToString::to_string));
        }
        taken
    }
    /// Name of the source.
    pub fn name(&self) -> &str {
        &self.place.name
    }
    /// The threads of the source; whatever it starts belongs to them.
    pub(super) fn crew(&self) -> &Crew {
        &self.place.crew
    }
    /// What its parts are: as chosen on the page, else as configured.
    pub(super) fn order(&self) -> Order {
        self.place.selection().or(self.place.configured.clone())
    }
    /// The part with this serial number is recorded.
    fn serial_used(&self, serial: Option<&str>) {
        let chosen = self.place.selection();
        if chosen.serial.is_some() && chosen.serial.as_deref() == serial {
            self.place.serial_used(&chosen);
        }
    }
    /// A photo was refused for good.
    pub(super) fn refused(&self) {
        self.desk.metrics.source(&self.place.name).errors.inc();
    }
    /// Has a photo judged and recorded, unless `key` says that it is recorded already.
    ///
    /// # Errors
    /// Why there is no record.
    pub(super) fn record(&self, shot: Shot, key: String, request: Sha256) -> Result<Entry, DeskError> {
        let recorded = self.wait(async {
            match self.desk.reserve(key, request).await? {
                Reserved::Recorded(entry) => Ok(*entry),
                Reserved::New(key) => {
                    let serial = shot.serial.clone();
                    let entry = self.desk.submit(shot, Some(key)).await?;
                    self.serial_used(serial.as_deref());
                    self.desk.metrics.source(&self.place.name).parts.inc();
                    Ok(entry)
                }
            }
        });
        if recorded.is_ok() {
            self.tell(None);
        }
        recorded
    }
    /// Says why photos are not recorded, or that they are again. In the log once.
    pub(super) fn tell(&self, trouble: Option<String>) {
        if self.place.set_trouble(trouble.clone())
            && let Some(trouble) = trouble
        {
            tracing::warn!("{}: {trouble}", self.place.name);
        }
    }
}

/// Keeps the source of `place` at work until `stopping`.
pub(super) async fn supervise(place: Arc<Place>, desk: Desk, mut stopping: watch::Receiver<bool>) {
    let (mut pause, mut alarmed) = (PAUSE, false);
    loop {
        let began = Instant::now();
        let end = match place.crew.may_open(0) {
            Ok(()) => {
                alarmed = false;
                place.up();
                shift(&place, &desk, &mut stopping).await
            }
            Err(SourceError(why)) => {
                if !std::mem::replace(&mut alarmed, true) {
                    desk.line.raise(format!("{}: {why}", place.name));
                }
                End::Failed(why)
            }
        };
        let End::Failed(why) = end else { return };
        if began.elapsed() > LONGEST_PAUSE {
            pause = PAUSE;
        }
        tracing::warn!("{}: {why}; the next attempt in {} s", place.name, pause.as_secs());
        place.set_down(why);
        desk.metrics.error(ErrorKind::Camera);
        let counters = desk.metrics.source(&place.name);
        counters.errors.inc();
        counters.restarts.inc();
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (2 * pause).min(LONGEST_PAUSE),
            () = stopped(&mut stopping) => return,
        }
    }
}

/// Until the station stops, or nobody can say so any more.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

enum End {
    /// The station stops, or the source has nothing to do on its own.
    Done,
    /// What to say of it.
    Failed(String),
}

/// One thread of a source, from its start to its end.
async fn shift(place: &Arc<Place>, desk: &Desk, stopping: &mut watch::Receiver<bool>) -> End {
    let life = Life::new();
    let (done, mut end) = oneshot::channel();
    let shift = Shift {
        place: place.clone(),
        desk: desk.clone(),
        runtime: tokio::runtime::Handle::current(),
        life: life.clone(),
    };
    let thread = place.crew.start(&format!("source-{}", place.name), move || {
        let source = shift.place.source.clone();
        let result = catch_unwind(AssertUnwindSafe(|| source.work(&shift)));
        // Nobody listens to a thread that was given up.
        let _ = done.send(result);
    });
    if let Err(e) = thread {
        return End::Failed(format!("the system gives no thread: {e}"));
    }
    let mut look = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            result = &mut end => return match result {
                Ok(Ok(Ok(()))) => End::Done,
                Ok(Ok(Err(SourceError(why)))) => End::Failed(why),
                Ok(Err(panic)) => End::Failed(format!("it failed: {}", crate::inspection::panic_message(panic.as_ref()))),
                Err(_) => End::Failed("its thread ended without a word".to_owned()),
            },
            _ = look.tick() => {
                if life.silent() > PATIENCE {
                    life.over.store(true, Ordering::Relaxed);
                    return End::Failed(format!("it does not answer for {} s", PATIENCE.as_secs()));
                }
            }
            () = stopped(stopping) => {
                life.over.store(true, Ordering::Relaxed);
                if tokio::time::timeout(FAREWELL, end).await.is_err() {
                    tracing::warn!("{} did not end in time and was left behind", place.name);
                }
                return End::Done;
            }
        }
    }
}
