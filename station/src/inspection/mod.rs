//! From the bytes of a photo to a judged, recorded part.
//!
//! ```text
//! Desk -> Job -> queue of two -> judge (rayon pool) -> photo, thumbnail, overlay synced -> journal entry synced -> answer
//! ```
//!
//! A verdict leaves this module only after everything that supports it is on disk. What fails on the way is a station error: the
//! part is held, never passed, and the alarm counter goes up.

mod desk;
mod idempotency;
mod judge;
mod keep;
mod line;
mod metrics;
mod pictures;

pub use desk::{Desk, DeskError, Reserved, Shot};
pub use idempotency::{KeysInWork, ReservedKey};
pub use judge::{Decoded, JobInfo, Judged, judge, judge_decoded};
pub use keep::keep;
pub(crate) use line::panic_message;
pub use line::{Alarm, Busy, Drawn, Job, JobError, JudgeFn, Line, LineOptions, Ticket};
pub use metrics::{ErrorKind, Metrics, SourceCounters, Stage, verdict_word};
pub use pictures::{draw, judge_and_draw};
