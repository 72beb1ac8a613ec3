//! What Prometheus may ask: parts by verdict, durations, queue, errors, disk.

use crate::record::TimingsMs;
use inspector::decision::Verdict;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper edges of the duration buckets, seconds: fine around the promise of 0.5 s.
const BUCKETS_S: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.35, 0.5, 1.0, 2.5, 10.0];

/// Stages that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Stage {
    /// File to pixels.
    Decode,
    /// Scale and tone.
    Locate,
    /// Finding the part.
    Register,
    /// Measuring and deciding.
    Checks,
    /// From acceptance to "photo and entry are synced".
    Durable,
}

/// Kinds of errors that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ErrorKind {
    /// A photo that cannot be used.
    Photo,
    /// The station failed while judging: the part is held.
    Station,
    /// The verdict could not be recorded: the part is held.
    Store,
    /// No room in the queue.
    Busy,
    /// The camera gave no picture.
    Camera,
    /// A learned model gave no usable answer: the part is referred to a person.
    Model,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabel {
    verdict: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: Stage,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: ErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

/// Counters of one source of photos.
#[derive(Clone, Debug, Default)]
pub struct SourceCounters {
    /// Its parts that were recorded.
    pub parts: Counter,
    /// Times that it had no picture, or that its photo was not recorded.
    pub errors: Counter,
    /// Times that it was started again.
    pub restarts: Counter,
}

/// All counters of the station.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    parts: Family<VerdictLabel, Counter>,
    seconds: Family<StageLabel, Histogram>,
    errors: Family<KindLabel, Counter>,
    source_parts: Family<SourceLabel, Counter>,
    source_errors: Family<SourceLabel, Counter>,
    source_restarts: Family<SourceLabel, Counter>,
    queue: Gauge,
    free_disk: Gauge,
    last_sequence: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("assay");
        let parts = Family::<VerdictLabel, Counter>::default();
        let seconds = Family::<StageLabel, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS_S));
        let errors = Family::<KindLabel, Counter>::default();
        let by_source = Family::<SourceLabel, Counter>::default;
        let (source_parts, source_errors, source_restarts) = (by_source(), by_source(), by_source());
        let (queue, free_disk, last_sequence) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("parts", "Parts recorded since the start, by verdict", parts.clone());
        registry.register("inspection_seconds", "Time of an inspection, by stage", seconds.clone());
        registry.register("errors", "Things that went wrong since the start", errors.clone());
        registry.register("source_parts", "Parts recorded, by source of photos", source_parts.clone());
        registry.register(
            "source_errors",
            "Photos that a source could not give or have recorded",
            source_errors.clone(),
        );
        registry.register("source_restarts", "Times that a source was started again", source_restarts.clone());
        registry.register("queue_photos", "Photos waiting to be judged", queue.clone());
        registry.register("free_disk_bytes", "Room left where the ledger is", free_disk.clone());
        registry.register("last_sequence", "Sequence number of the last synced journal entry", last_sequence.clone());
        // A counter that is there from the start can be watched; one that appears with its first event cannot.
        for verdict in [Verdict::Pass, Verdict::Refer, Verdict::Fail] {
            drop(parts.get_or_create(&VerdictLabel { verdict: verdict_word(verdict) }));
        }
        for kind in [
            ErrorKind::Photo,
            ErrorKind::Station,
            ErrorKind::Store,
            ErrorKind::Busy,
            ErrorKind::Camera,
            ErrorKind::Model,
        ] {
            drop(errors.get_or_create(&KindLabel { kind }));
        }
        Self {
            registry,
            parts,
            seconds,
            errors,
            source_parts,
            source_errors,
            source_restarts,
            queue,
            free_disk,
            last_sequence,
        }
    }
}

impl Metrics {
    /// Counts a recorded part and its stages.
    pub fn part(&self, verdict: Verdict, timings: &TimingsMs) {
        self.parts.get_or_create(&VerdictLabel { verdict: verdict_word(verdict) }).inc();
        for (stage, ms) in [
            (Stage::Decode, timings.decode),
            (Stage::Locate, timings.locate),
            (Stage::Register, timings.register),
            (Stage::Checks, timings.checks),
        ] {
            self.time(stage, ms / 1e3);
        }
    }
    /// Notes how long a stage took.
    pub fn time(&self, stage: Stage, seconds: f64) {
        self.seconds.get_or_create(&StageLabel { stage }).observe(seconds);
    }
    /// Counts an error.
    pub fn error(&self, kind: ErrorKind) {
        self.errors.get_or_create(&KindLabel { kind }).inc();
    }
    /// The counters of the source of that name.
    pub fn source(&self, name: &str) -> SourceCounters {
        let label = SourceLabel { source: name.to_owned() };
        SourceCounters {
            parts: self.source_parts.get_or_create(&label).clone(),
            errors: self.source_errors.get_or_create(&label).clone(),
            restarts: self.source_restarts.get_or_create(&label).clone(),
        }
    }
    /// OpenMetrics text, with the gauges as they are now.
    pub fn text(&self, waiting: usize, free_disk_bytes: u64, last_sequence: u64) -> String {
        self.queue.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.free_disk.set(i64::try_from(free_disk_bytes).unwrap_or(i64::MAX));
        self.last_sequence.set(i64::try_from(last_sequence).unwrap_or(i64::MAX));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("writing to a String cannot fail");
        text
    }
}

/// `pass`, `refer` or `fail`.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Refer => "refer",
        Verdict::Fail => "fail",
    }
}
