//! The border to rxing: what it cannot cope with becomes "nothing read".

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a piece of rxing. Its detectors are documented to panic on some pictures (`FindFinderPatterns`: "this function can panic"), and
/// fuzzing found more; nothing of it outlives the call, so that no broken state is left behind.
pub(super) fn guarded<T>(run: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok().flatten()
}
