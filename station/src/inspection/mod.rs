//! From the bytes of a photo to a judged part.

mod judge;

pub use judge::{JobInfo, Judged, judge};
