//! The demo's camera: rendered parts whose truth is known, good ones and ones with real faults.

use super::{Shot, Source, SourceError};
use inspector::synth::DemoLine;

/// Shows an endless, seeded sequence of rendered parts, as files that a phone would send.
#[derive(Clone, Copy, Debug)]
pub struct Simulated {
    line: DemoLine,
    next: u64,
}

impl Simulated {
    /// The same seed shows the same parts.
    pub const fn new(seed: u64) -> Self {
        Self { line: DemoLine::new(seed), next: 0 }
    }
}

impl Source for Simulated {
    fn name(&self) -> String {
        "simulated camera".to_owned()
    }
    fn shoot(&mut self) -> Result<Shot, SourceError> {
        let part = self.line.part(self.next);
        self.next += 1;
        Ok(Shot {
            // Neither name nor serial number says whether the part is good: the judge could cheat.
            image: format!("part-{:05}.jpg", part.number + 1),
            photo: part.jpeg,
            recipe: part.recipe.to_owned(),
            serial: Some(format!("D{:05}", part.number + 1)),
            lot: Some(format!("DEMO-{}", 1 + part.number / 50)),
        })
    }
}
