//! The inspection loop: a bounded queue, one rayon pool, and the order "synced first, answered second".

use super::metrics::{ErrorKind, Metrics, Stage};
use super::{Decoded, JobInfo, ReservedKey, judge_and_draw, keep};
use crate::ledger::{Act, Entry, Ledger, LedgerError, Mode};
use crate::record::InspectionRecord;
use axum::body::Bytes;
use inspector::recipe::Recipe;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The reason of a check whose model gave no usable answer, as records have it.
const MODEL_FAULT: &str = "model-fault";

/// A photo to be judged and recorded.
#[derive(Debug)]
pub struct Job {
    /// The file as it came.
    pub photo: Bytes,
    /// The same, when it was decoded already to choose the recipe.
    pub decoded: Option<Decoded>,
    /// What is known of the part beside its photo.
    pub info: JobInfo,
    /// The recipe to judge by.
    pub recipe: Arc<Recipe>,
    /// The client's key, held until the part is recorded.
    pub key: Option<ReservedKey>,
}

/// A judged photo and its two pictures for people.
#[derive(Debug)]
pub struct Drawn {
    /// The record.
    pub record: InspectionRecord,
    /// Overlay, JPEG.
    pub overlay: Vec<u8>,
    /// Thumbnail, JPEG.
    pub thumbnail: Vec<u8>,
}

/// Turns a job into a record. [`judge_and_draw`] outside of tests.
pub type JudgeFn = Arc<dyn Fn(&Job) -> Result<Drawn, JobError> + Send + Sync>;

/// How the loop is built.
#[derive(Clone)]
pub struct LineOptions {
    /// Threads of the rayon pool, and parts in work at a time.
    pub threads: usize,
    /// Photos that may wait beside those in work.
    pub queue: usize,
    /// What judges.
    pub judge: JudgeFn,
}

impl LineOptions {
    /// At most two threads, two photos waiting.
    pub fn new(mode: Mode) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads: cores.min(2), queue: 2, judge: Arc::new(move |job: &Job| judge_and_draw(job, mode)) }
    }
}

impl std::fmt::Debug for LineOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineOptions")
            .field("threads", &self.threads)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// Why a job was not recorded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// The photo cannot be used: nothing is wrong with the station.
    #[error(transparent)]
    Photo(inspector::Error),
    /// The program failed while judging. The part is held.
    #[error("the station failed while judging this photo, so there is no verdict: hold the part ({what})")]
    Panicked {
        /// What the panic said.
        what: String,
    },
    /// The pictures for people could not be made. The part is held.
    #[error("the overlay could not be drawn, so there is no verdict: hold the part ({what})")]
    Picture {
        /// What failed.
        what: String,
    },
    /// The verdict could not be recorded, so it was not given.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The loop ended before the job did.
    #[error("the station is stopping and did not judge this photo: hold the part")]
    Stopped,
}

/// Why a job was not accepted: try again a little later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Busy {
    /// As many photos wait as may wait.
    #[error("the station is judging as fast as it can: {waiting} photos are waiting already")]
    QueueFull {
        /// Length of the queue.
        waiting: usize,
    },
    /// The program is ending.
    #[error("the station is stopping and takes no more photos")]
    Stopping,
}

/// Station errors so far: someone has to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// How many since the start.
    pub count: u64,
    /// The last one, in words.
    pub last: Option<String>,
}

/// A promise of an answer.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<Result<Entry, JobError>>);

impl Ticket {
    /// The recorded entry. The job goes on when nobody waits for it.
    ///
    /// # Errors
    /// Why there is no record.
    pub async fn recorded(self) -> Result<Entry, JobError> {
        self.0.await.unwrap_or(Err(JobError::Stopped))
    }
}

struct Work {
    job: Job,
    accepted: Instant,
    answer: oneshot::Sender<Result<Entry, JobError>>,
}

/// Handle of the inspection loop. Clones share it.
#[derive(Clone)]
pub struct Line(Arc<Shared>);

struct Shared {
    ledger: Ledger,
    pool: Arc<rayon::ThreadPool>,
    judge: JudgeFn,
    metrics: Arc<Metrics>,
    alarm: watch::Sender<Alarm>,
    /// `None` once the loop is draining.
    sender: Mutex<Option<mpsc::Sender<Work>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    queue: usize,
}

impl Line {
    /// Starts the loop on the current tokio runtime.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(
        ledger: Ledger,
        metrics: Arc<Metrics>,
        options: LineOptions,
    ) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = options.threads.max(1);
        let pool =
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("judge-{i}")).build()?;
        let (sender, receiver) = mpsc::channel(options.queue.max(1));
        let line = Self(Arc::new(Shared {
            ledger,
            pool: Arc::new(pool),
            judge: options.judge,
            metrics,
            alarm: watch::Sender::new(Alarm::default()),
            sender: Mutex::new(Some(sender)),
            workers: Mutex::default(),
            queue: options.queue.max(1),
        }));
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        let workers = (0..threads).map(|_| tokio::spawn(work(line.clone(), receiver.clone()))).collect();
        *line.0.workers.lock().unwrap_or_else(PoisonError::into_inner) = workers;
        Ok(line)
    }

    /// Accepts a job, or says at once that there is no room. An accepted job is finished even when its client goes away.
    ///
    /// # Errors
    /// [`Busy`]; the job is dropped.
    pub fn submit(&self, job: Job) -> Result<Ticket, Busy> {
        let sender = self.0.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref() else { return Err(Busy::Stopping) };
        let (answer, ticket) = oneshot::channel();
        match sender.try_send(Work { job, accepted: Instant::now(), answer }) {
            Ok(()) => Ok(Ticket(ticket)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Busy::QueueFull { waiting: self.0.queue }),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Busy::Stopping),
        }
    }

    /// Photos waiting now.
    pub fn waiting(&self) -> usize {
        let sender = self.0.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().map_or(0, |s| s.max_capacity() - s.capacity())
    }

    /// Station errors so far, and a way to wait for the next.
    pub fn alarm(&self) -> watch::Receiver<Alarm> {
        self.0.alarm.subscribe()
    }

    /// Takes no more jobs and returns when every accepted one is recorded and answered.
    pub async fn drain(&self) {
        drop(self.0.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let workers = std::mem::take(&mut *self.0.workers.lock().unwrap_or_else(PoisonError::into_inner));
        for worker in workers {
            if let Err(e) = worker.await {
                tracing::error!("a worker of the inspection loop ended badly: {e}");
            }
        }
    }

    async fn run(&self, job: Job) -> Result<Entry, JobError> {
        let (drawn, job) = self.judge(job).await?;
        let timings = drawn.record.timings_ms;
        let key = job.key.as_ref().map(|k| (k.key().to_owned(), k.request()));
        let (ledger, photo) = (self.0.ledger.clone(), job.photo.clone());
        let kept = tokio::task::spawn_blocking(move || keep(&ledger, &photo, drawn, key)).await;
        let entry = kept.map_err(|e| JobError::Panicked { what: e.to_string() })??;
        if let Act::Inspection { inspection, .. } = &entry.act {
            self.0.metrics.part(inspection.verdict, &timings);
            self.tell_model_faults(inspection);
        }
        // Only now may the same key be asked again: the ledger answers for it.
        drop(job);
        Ok(entry)
    }

    /// Judges in the pool. A panic is caught here: one bad photo must not stop the line, nor pass.
    async fn judge(&self, job: Job) -> Result<(Drawn, Job), JobError> {
        let (judge, (answer, judged)) = (self.0.judge.clone(), oneshot::channel());
        self.0.pool.spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| judge(&job)));
            // Nobody listens when the loop itself was dropped: then there is nobody to tell.
            let _ = answer.send((result, job));
        });
        match judged.await {
            Ok((Ok(result), job)) => result.map(|drawn| (drawn, job)),
            Ok((Err(panic), _)) => Err(JobError::Panicked { what: panic_message(panic.as_ref()) }),
            Err(_) => Err(JobError::Stopped),
        }
    }

    /// A model that does not answer refers every part to a person: somebody must know that it is the model, not the parts.
    fn tell_model_faults(&self, record: &InspectionRecord) {
        let fault = record.checks.iter().find(|c| c.reason_code.as_deref() == Some(MODEL_FAULT));
        if let Some(check) = fault {
            self.0.metrics.error(ErrorKind::Model);
            self.raise(format!(
                "{}: {}",
                check.id,
                check.reason.as_deref().unwrap_or("the model gave no usable answer")
            ));
        }
    }

    /// Raises the station's alarm: someone has to look.
    pub fn raise(&self, what: String) {
        tracing::error!("alarm: {what}");
        self.0.alarm.send_modify(|alarm| {
            alarm.count += 1;
            alarm.last = Some(what);
        });
    }

    fn note(&self, error: &JobError) {
        let kind = match error {
            JobError::Photo(_) => ErrorKind::Photo,
            JobError::Ledger(_) => ErrorKind::Store,
            JobError::Panicked { .. } | JobError::Picture { .. } | JobError::Stopped => ErrorKind::Station,
        };
        self.0.metrics.error(kind);
        if kind != ErrorKind::Photo {
            self.raise(format!("part held: {error}"));
        }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

async fn work(line: Line, receiver: Arc<tokio::sync::Mutex<mpsc::Receiver<Work>>>) {
    loop {
        // The lock is given back before the part is judged, so that the other worker can take the next one.
        let next = receiver.lock().await.recv().await;
        let Some(Work { job, accepted, answer }) = next else { return };
        let result = line.run(job).await;
        match &result {
            Ok(_) => line.0.metrics.time(Stage::Durable, accepted.elapsed().as_secs_f64()),
            Err(e) => line.note(e),
        }
        // A client that went away is no error: its part is recorded.
        let _ = answer.send(result);
    }
}

/// What a panic said, short.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").chars().take(300).collect()
}
