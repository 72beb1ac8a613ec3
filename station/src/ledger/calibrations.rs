//! What the journal says of the calibration of each camera.
//!
//! ```text
//!  calibrated   verified PASS        verified FAIL    verified REFER   calibrated, or verified PASS
//!  ----+-------------+---------------------+----------------+----------------+---->
//!      good          good  \_____________ in doubt: every inspection _______/ good
//! ```
//!
//! A camera is *good* from an act that showed so. When a verification does not pass, everything since the last such act is in doubt, and
//! stays so until the next one (ISO 9001:2015, 7.1.5.2). The newest doubt is remembered when it has ended: its parts are not looked at by that.
//!
//! What the journal lost may have been a verification that did not pass, of any camera: it brings all of them into doubt, in the place where
//! it stood. Only what is known to have been something else does not.

use super::lost::tails;
use super::store::row::Kind;
use super::{Act, CalibratedTo, Entry, Ledger, LedgerError, Query};
use inspector::decision::Verdict;
use inspector::photo::Sha256;

/// Cameras and their calibrations, in the order of their first act.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibrations {
    /// One per name.
    pub cameras: Vec<CameraState>,
    /// Acts on calibrations that cannot be read any more, ascending. Nobody knows which camera they were on, nor what they said.
    pub unreadable: Vec<u64>,
    /// First and last numbers of entries of which nobody knows what they were, ascending.
    pub lost: Vec<(u64, u64)>,
}

/// What is known of one camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraState {
    /// What people call it.
    pub camera: String,
    /// Its newest calibration; `None` only when that act is unreadable.
    pub calibration: Option<Calibration>,
    /// The newest verification, whatever it said.
    pub verification: Option<Verification>,
    /// Sequence number and wall clock of the newest act that showed the camera to be good.
    pub good: Option<(u64, String)>,
    /// The newest doubt, ended or not.
    pub doubt: Option<Doubt>,
}

/// A calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Sequence number of the act.
    pub seq: u64,
    /// Wall clock, RFC 3339.
    pub wall: String,
    /// Digest of the camera record's file.
    pub record: Sha256,
    /// What it was calibrated with.
    pub artefact: String,
    /// Id of the person.
    pub by: String,
    /// Root mean square distance of seen from expected points, or sizes, px.
    pub rms_px: f64,
    /// How well it is known.
    pub known: CalibratedTo,
}

/// A verification.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Sequence number of the act.
    pub seq: u64,
    /// Wall clock, RFC 3339.
    pub wall: String,
    /// Id of the person.
    pub by: String,
    /// What was measured.
    pub artefact: String,
    /// Its known length, mm.
    pub nominal_mm: f64,
    /// What the camera said, mm.
    pub measured_mm: f64,
    /// Standard uncertainty of the deviation, mm.
    pub u_mm: f64,
    /// Largest deviation that is allowed, mm.
    pub limit_mm: f64,
    /// Only PASS shows that the camera is good.
    pub verdict: Verdict,
}

impl Verification {
    /// Measured minus nominal, mm.
    pub fn deviation_mm(&self) -> f64 {
        self.measured_mm - self.nominal_mm
    }
    /// Whether it showed that the camera is good. REFER did not.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Pass
    }
}

/// Results that nobody should rely on: those of the inspections between two acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The last act before it that showed the camera to be good; 0 when none is known.
    pub after_seq: u64,
    /// The first verification that did not pass, or the place of what may have been one.
    pub failed_seq: u64,
    /// What happened there.
    pub cause: Cause,
    /// The act that showed the camera to be good again; `None` while there is none.
    pub before_seq: Option<u64>,
}

/// Why results are in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A verification did not pass.
    NotPassed,
    /// An act on a calibration cannot be read any more.
    Unreadable,
    /// The journal lost this entry, and nobody knows what it was.
    Lost,
    /// Bytes behind this entry, moved aside when the ledger was opened, may have been an act on a calibration.
    Cut,
}

impl Doubt {
    /// Whether the camera has not been shown to be good since.
    pub fn lasts(&self) -> bool {
        self.before_seq.is_none()
    }
    /// The inspections in doubt, newest first, `limit` of them, from sequence numbers smaller than `cursor`.
    pub fn query(&self, cursor: Option<u64>, limit: usize) -> Query {
        let before_seq = [cursor, self.before_seq].into_iter().flatten().min();
        Query { after_seq: Some(self.after_seq), before_seq, limit, ..Query::default() }
    }
}

impl CameraState {
    fn new(camera: &str) -> Self {
        Self { camera: camera.to_owned(), calibration: None, verification: None, good: None, doubt: None }
    }

    /// Whether its newest verifications did not pass.
    pub fn failed(&self) -> bool {
        self.doubt.is_some_and(|d| d.lasts())
    }

    fn is_good(&mut self, seq: u64, wall: &str) {
        self.good = Some((seq, wall.to_owned()));
        if let Some(doubt) = &mut self.doubt {
            doubt.before_seq.get_or_insert(seq);
        }
    }

    fn is_not_good(&mut self, failed_seq: u64, cause: Cause) {
        match &mut self.doubt {
            // A verification that is known to have failed says more than what may have been one.
            Some(doubt) if doubt.lasts() && doubt.cause != Cause::NotPassed && cause == Cause::NotPassed => {
                (doubt.failed_seq, doubt.cause) = (failed_seq, cause);
            }
            Some(doubt) if doubt.lasts() => {}
            _ => {
                let after_seq = self.good.as_ref().map_or(0, |(good, _)| *good);
                self.doubt = Some(Doubt { after_seq, failed_seq, cause, before_seq: None });
            }
        }
    }
}

impl Calibrations {
    /// The camera of that name.
    pub fn camera(&self, name: &str) -> Option<&CameraState> {
        self.cameras.iter().find(|c| c.camera == name)
    }

    fn named(&mut self, name: &str) -> &mut CameraState {
        let at = self.cameras.iter().position(|c| c.camera == name).unwrap_or_else(|| {
            self.cameras.push(CameraState::new(name));
            self.cameras.len() - 1
        });
        &mut self.cameras[at]
    }

    fn fold(&mut self, Entry { seq, wall, act, .. }: Entry) {
        match act {
            Act::Calibrated { camera, record, artefact, by, rms_px, known } => {
                let state = self.named(&camera);
                state.is_good(seq, &wall);
                state.calibration = Some(Calibration { seq, wall, record, artefact, by, rms_px, known });
            }
            Act::Verified { camera, by, artefact, nominal_mm, measured_mm, u_mm, limit_mm, verdict } => {
                let state = self.named(&camera);
                match verdict {
                    Verdict::Pass => state.is_good(seq, &wall),
                    Verdict::Refer | Verdict::Fail => state.is_not_good(seq, Cause::NotPassed),
                }
                state.verification =
                    Some(Verification { seq, wall, by, artefact, nominal_mm, measured_mm, u_mm, limit_mm, verdict });
            }
            _ => {}
        }
    }

    /// What was lost may have been on any of the cameras that there were.
    fn doubt_all(&mut self, seq: u64, cause: Cause) {
        self.cameras.iter_mut().for_each(|camera| camera.is_not_good(seq, cause));
    }
}

impl Ledger {
    /// Every camera that was ever calibrated or verified, as the acts in the journal say. Cost: reads those acts.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::Io`]. An act that cannot be read is no error: it is listed.
    pub fn calibrations(&self) -> Result<Calibrations, LedgerError> {
        let store = self.context().store_up_to_date();
        let mut found = Calibrations { lost: store.lost()?, ..Calibrations::default() };
        let cut = tails(&self.context().journal, store)?.into_iter().map(|before| (before, Cause::Cut, None));
        let lost = found.lost.iter().map(|(first, _)| (*first, Cause::Lost, None));
        let acts = self.acts(Kind::Calibration)?.into_iter().map(|(seq, entry)| (seq, Cause::Unreadable, entry));
        // What happened, each with why it brings cameras into doubt when it cannot be read.
        let mut events: Vec<(u64, Cause, Option<Entry>)> = cut.chain(lost).chain(acts).collect();
        // Those at one number keep their order: what was cut off stood before the entry that has it now.
        events.sort_by_key(|(seq, ..)| *seq);
        for (seq, cause, entry) in events {
            match (entry, cause) {
                (Some(entry), _) => found.fold(entry),
                (None, Cause::Cut) => found.doubt_all(seq - 1, cause),
                (None, Cause::Unreadable) => {
                    found.unreadable.push(seq);
                    found.doubt_all(seq, cause);
                }
                (None, _) => found.doubt_all(seq, cause),
            }
        }
        Ok(found)
    }

    /// How many inspections are in doubt, damaged ones included. Cost: reads a row of each entry of the range.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn doubtful(&self, doubt: &Doubt) -> Result<u64, LedgerError> {
        self.context().store_up_to_date().count(&doubt.query(None, 0))
    }
}
