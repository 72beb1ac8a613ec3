//! Calibrations as acts of named persons, and how old they are: the clock that `inspector` does not have.

use crate::ledger::{Act, CalibratedTo, Calibrations, CameraState, Cause, Doubt, Entry, Ledger, LedgerError};
use inspector::calibration::{Calibration, CameraRecord, Day, ScaleRecord};
use inspector::checks::{Characteristic, Observation, Unit};
use inspector::decision::{Rule, Verdict, decide};
use inspector::recipe::Recipe;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use thiserror::Error;

/// Most characters of a camera's name: it stands in addresses.
const MAX_NAME: usize = 64;
/// Most characters of an artefact's description or a person's id.
const MAX_TEXT: usize = 200;
/// Longest length that is believed, mm.
const MAX_MM: f64 = 100_000.0;
/// A limit is less than this part of the length: a wider one shows nothing.
const MOST_LIMIT: f64 = 0.1;
/// No camera is verified better than to this part of the length.
const LEAST_U: f64 = 1e-6;
/// A length that is off by more than this factor is a slip of the decimal point. Whatever is nearer may be a zoom that was moved: that fails, and is recorded.
const MOST_TIMES_OFF: f64 = 3.0;
/// Clocks of two machines may differ by so much.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(10);
/// Hours of a day without summer time.
const DAY_HOURS: i64 = 24;

/// What the station expects of calibrations (`[calibration]` of `station.toml`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationConfig {
    /// A camera must be shown to be good again after so many days, 1 to 3,650. A lens keeps its focal length for long; somebody turning
    /// its ring, or a fall, changes it at once. 90 days is a house rule, assumed.
    #[serde(default = "verify_every_days")]
    pub verify_every_days: u32,
}

const fn verify_every_days() -> u32 {
    90
}

impl Default for CalibrationConfig {
    fn default() -> Self {
        Self { verify_every_days: verify_every_days() }
    }
}

impl CalibrationConfig {
    /// Refuses numbers that make no sense.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn check(&self) -> Result<(), String> {
        match self.verify_every_days {
            1..=3650 => Ok(()),
            found => Err(format!("`calibration.verify_every_days`: expected 1 to 3650, found {found}")),
        }
    }
}

/// Why a calibration or verification was not recorded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// No name of a camera.
    #[error("`camera`: expected 1 to {MAX_NAME} letters, digits, `-`, `_` or `.`, found {found:?}")]
    Name {
        /// What was given.
        found: String,
    },
    /// No such text.
    #[error("`{field}`: expected {expected} of 1 to {MAX_TEXT} characters in one line, found {found:?}")]
    Text {
        /// Which one.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What was given, its beginning.
        found: String,
    },
    /// A number that no length has.
    #[error("`{field}`: expected a number above 0 and at most {MAX_MM} mm, found {found:?}")]
    Number {
        /// Which one.
        field: &'static str,
        /// What was given.
        found: f64,
    },
    /// Numbers that do not go together: somebody mistyped one.
    #[error("`{field}`: expected {expected}, found {found:?} mm: look at the numbers again")]
    Implausible {
        /// Which one.
        field: &'static str,
        /// What would be plausible.
        expected: String,
        /// What was given, mm.
        found: f64,
    },
    /// Nobody calibrated a camera of that name.
    #[error("no camera {camera:?} is calibrated here; calibrated are {}", if known.is_empty() { "none yet".to_owned() } else { known.join(", ") })]
    Unknown {
        /// What was asked for.
        camera: String,
        /// Names that are known.
        known: Vec<String>,
    },
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The name of a camera, as it may stand in an address.
///
/// # Errors
/// [`CalibrationError::Name`].
pub fn camera_name(name: &str) -> Result<&str, CalibrationError> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(good) && !name.starts_with('.') {
        return Ok(name);
    }
    Err(CalibrationError::Name { found: name.chars().take(MAX_NAME).collect() })
}

/// The id of a person.
///
/// # Errors
/// [`CalibrationError::Text`].
pub fn person(by: &str) -> Result<&str, CalibrationError> {
    text("by", "the id of a person", by)
}

pub(crate) fn text<'t>(
    field: &'static str,
    expected: &'static str,
    given: &'t str,
) -> Result<&'t str, CalibrationError> {
    let given = given.trim();
    if !given.is_empty() && given.chars().count() <= MAX_TEXT && !given.chars().any(char::is_control) {
        return Ok(given);
    }
    Err(CalibrationError::Text { field, expected, found: given.chars().take(40).collect() })
}

/// A day of the calendar as recipes say it.
pub(crate) fn day(date: Date) -> Day {
    // Clocks and calendars of the years 1 to 9999.
    Day { year: date.year().unsigned_abs(), month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
}

/// Days since somebody measured the recipe's mat; `None` when nobody said when, or the clock is earlier than that.
pub(crate) fn mat_age_days(recipe: &Recipe, now: Timestamp) -> Option<f64> {
    let Calibration::Mat(policy) = &recipe.calibration else { return None };
    let Day { year, month, day } = policy.measured_on?;
    let measured = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    let days = measured.until(now.to_zoned(TimeZone::UTC).date()).ok()?.get_days();
    // Where the sun rises early it may be tomorrow already.
    (days >= -1).then(|| f64::from(days.max(0)))
}

/// Records that `by` calibrated `camera`; `record` becomes a blob.
///
/// # Errors
/// When a name is none, or the ledger refuses.
pub fn calibrate(ledger: &Ledger, camera: &str, by: &str, record: &CameraRecord) -> Result<Entry, CalibrationError> {
    let u = |i: usize| record.covariance[i][i].max(0.0).sqrt();
    let known = CalibratedTo::Lens { u_focal_px: [u(0), u(1)] };
    calibrated(ledger, [camera, by], &record.to_toml(), &record.artefact, record.rms_px, known)
}

/// Records that `by` measured scale and edges of `camera`; `record` becomes a blob.
///
/// # Errors
/// As [`calibrate`].
pub fn calibrate_scale(
    ledger: &Ledger,
    camera: &str,
    by: &str,
    record: &ScaleRecord,
) -> Result<Entry, CalibrationError> {
    let known = CalibratedTo::Scale { u_scale: record.calibration.u_scale, u_edge_px: record.calibration.u_edge_px };
    calibrated(ledger, [camera, by], &record.to_toml(), &record.artefact, record.rms_px, known)
}

fn calibrated(
    ledger: &Ledger,
    [camera, by]: [&str; 2],
    record: &str,
    artefact: &str,
    rms_px: f64,
    known: CalibratedTo,
) -> Result<Entry, CalibrationError> {
    let (camera, by) = (camera_name(camera)?.to_owned(), person(by)?.to_owned());
    let (record, artefact) = (ledger.put_blob(record.as_bytes())?, artefact.to_owned());
    Ok(ledger.append(Act::Calibrated { camera, record, artefact, by, rms_px, known })?)
}

/// What somebody found who measured a known length with a camera, or a printed length with a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Id of the person.
    pub by: String,
    /// What was measured, such as `steel rule 300 mm, no. 17`.
    pub artefact: String,
    /// Its known length, mm.
    pub nominal_mm: f64,
    /// What was found, mm.
    pub measured_mm: f64,
    /// Standard uncertainty of measured minus nominal, mm: of the artefact and of the measurement together.
    pub u_mm: f64,
    /// Largest deviation that is allowed, either way, mm.
    pub limit_mm: f64,
}

impl Measurement {
    /// By the one decision rule, guarded: PASS only when the deviation is within the limit by 1.65 u.
    pub fn verdict(&self) -> Verdict {
        let length = Characteristic {
            id: "verification.length".into(),
            check_type: "verification",
            nominal: self.nominal_mm,
            lower: Some(-self.limit_mm),
            upper: Some(self.limit_mm),
            unit: Unit::Mm,
        };
        decide(&length, &Observation::measured(self.measured_mm, self.u_mm), Rule::Guarded).verdict
    }

    fn checked(&self) -> Result<(), CalibrationError> {
        let numbers = [
            ("nominal_mm", self.nominal_mm),
            ("measured_mm", self.measured_mm),
            ("u_mm", self.u_mm),
            ("limit_mm", self.limit_mm),
        ];
        if let Some((field, found)) = numbers.into_iter().find(|(_, v)| !(*v > 0.0 && *v <= MAX_MM)) {
            return Err(CalibrationError::Number { field, found });
        }
        self.plausible()
    }

    /// A verification speaks for thousands of parts: one that a slip of the finger made is refused.
    fn plausible(&self) -> Result<(), CalibrationError> {
        let Self { nominal_mm, measured_mm, u_mm, limit_mm, .. } = *self;
        let implausible = |field, expected, found| Err(CalibrationError::Implausible { field, expected, found });
        let least_u = LEAST_U * nominal_mm;
        if limit_mm >= MOST_LIMIT * nominal_mm {
            return implausible("limit_mm", format!("less than a tenth of `nominal_mm` ({nominal_mm:?} mm)"), limit_mm);
        }
        if u_mm > limit_mm {
            return implausible("u_mm", format!("at most `limit_mm` ({limit_mm:?} mm), or nothing can be shown"), u_mm);
        }
        if u_mm < least_u {
            return implausible("u_mm", format!("at least a millionth of `nominal_mm` ({least_u:?} mm)"), u_mm);
        }
        if !(1.0 / MOST_TIMES_OFF..MOST_TIMES_OFF).contains(&(measured_mm / nominal_mm)) {
            return implausible("measured_mm", format!("about `nominal_mm` ({nominal_mm:?} mm)"), measured_mm);
        }
        Ok(())
    }
}

/// Records a verification of a camera that is calibrated here, and decides it.
///
/// # Errors
/// When the camera is not known, something given makes no sense, or the ledger refuses.
pub fn verify(ledger: &Ledger, camera: &str, found: &Measurement) -> Result<CameraState, CalibrationError> {
    known(ledger, camera)?;
    let (by, artefact) = (person(&found.by)?, text("artefact", "what was measured, in words,", &found.artefact)?);
    found.checked()?;
    ledger.append(Act::Verified {
        camera: camera.to_owned(),
        by: by.to_owned(),
        artefact: artefact.to_owned(),
        nominal_mm: found.nominal_mm,
        measured_mm: found.measured_mm,
        u_mm: found.u_mm,
        limit_mm: found.limit_mm,
        verdict: found.verdict(),
    })?;
    known(ledger, camera)
}

/// What is known of a camera.
///
/// # Errors
/// [`CalibrationError::Unknown`], or when the ledger cannot be read.
pub fn known(ledger: &Ledger, camera: &str) -> Result<CameraState, CalibrationError> {
    camera_name(camera)?;
    let Calibrations { cameras, .. } = ledger.calibrations()?;
    match cameras.iter().find(|c| c.camera == camera) {
        Some(state) => Ok(state.clone()),
        None => Err(CalibrationError::Unknown {
            camera: camera.to_owned(),
            known: cameras.into_iter().map(|c| c.camera).collect(),
        }),
    }
}

/// Whether one can rely on a camera now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Shown to be good, not too long ago.
    Good,
    /// Not shown to be good for too long.
    Overdue,
    /// The newest verification did not pass.
    Failed,
    /// The clock is earlier than at its newest good act, or that time cannot be read: nobody knows how old it is.
    ClockWrong,
}

impl Standing {
    /// `good`, `overdue`, `failed`, `clock-wrong`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Overdue => "overdue",
            Self::Failed => "failed",
            Self::ClockWrong => "clock-wrong",
        }
    }
}

/// A camera at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Aged {
    /// Whether one can rely on it.
    pub standing: Standing,
    /// Days since it was calibrated.
    pub age_days: Option<f64>,
    /// When it must have been shown to be good again.
    pub due: Option<Timestamp>,
    /// What it is, or what is wrong and what to do.
    pub reason: String,
}

impl Aged {
    /// A camera now.
    pub fn at(now: Timestamp, state: &CameraState, config: CalibrationConfig) -> Self {
        let since = |wall: &str| Some((now.duration_since(wall.parse().ok()?)).as_secs_f64() / 86400.0);
        let age_days = state.calibration.as_ref().and_then(|c| since(&c.wall)).map(|days| days.max(0.0));
        let good: Option<Timestamp> = state.good.as_ref().and_then(|(_, wall)| wall.parse().ok());
        let allowed = SignedDuration::from_hours(i64::from(config.verify_every_days) * DAY_HOURS);
        let due = good.and_then(|good| good.checked_add(allowed).ok());
        let standing = match (good, due) {
            _ if state.failed() => Standing::Failed,
            (Some(good), Some(due)) if now.duration_since(good) >= -CLOCK_SLACK => {
                if now < due {
                    Standing::Good
                } else {
                    Standing::Overdue
                }
            }
            _ => Standing::ClockWrong,
        };
        let reason = reason(state, standing, config, good.map(|good| now.duration_since(good)));
        Self { standing, age_days, due, reason }
    }
}

fn reason(
    state: &CameraState,
    standing: Standing,
    config: CalibrationConfig,
    since_good: Option<SignedDuration>,
) -> String {
    let name = &state.camera;
    let every = config.verify_every_days;
    let days = since_good.map_or(0.0, |d| d.as_secs_f64() / 86400.0).max(0.0);
    match (standing, &state.doubt) {
        (Standing::Failed, Some(doubt @ Doubt { after_seq, cause: Cause::NotPassed, .. })) => format!(
            "camera {name}: {}, and every result since entry {after_seq} is in doubt: hold these \
             parts (`assay calibrate affected`), calibrate the camera again or mend it, and verify it",
            why(doubt)
        ),
        (Standing::Failed, Some(doubt @ Doubt { after_seq, .. })) => format!(
            "camera {name}: {}, so every result since entry {after_seq} is in doubt: verify the camera, and hold these parts until then \
             (`assay calibrate affected`)",
            why(doubt)
        ),
        (Standing::Overdue, _) => format!(
            "camera {name}: last shown to be good {days:.0} days ago, expected every {every} days: verify it with a known length"
        ),
        (Standing::ClockWrong, _) => format!(
            "camera {name}: the clock is earlier than when it was last shown to be good ({}), so its age is not known: set the clock",
            state.good.as_ref().map_or("never", |(_, wall)| wall)
        ),
        _ => format!("camera {name}: shown to be good {days:.0} days ago, expected every {every} days"),
    }
}

/// Why results are in doubt.
pub(crate) fn why(Doubt { failed_seq, cause, .. }: &Doubt) -> String {
    match cause {
        Cause::NotPassed => format!("its verification did not pass (entry {failed_seq})"),
        Cause::Unreadable => format!(
            "entry {failed_seq}, an act on the calibration of a camera, cannot be read any more and may have been a verification that did not pass"
        ),
        Cause::Lost => {
            format!("entry {failed_seq} is lost from the journal and may have been a verification that did not pass")
        }
        Cause::Cut => format!(
            "bytes of the journal behind entry {failed_seq} cannot be read (kept in journal/cut-*.bin) and may have been a verification that did not pass"
        ),
    }
}

/// All cameras now: whether all can be relied on, and a sentence for each that cannot (or for the good ones when all are).
///
/// # Errors
/// When the ledger cannot be read.
pub fn look(ledger: &Ledger, config: CalibrationConfig, now: Timestamp) -> Result<(bool, Vec<String>), LedgerError> {
    let Calibrations { cameras, unreadable, .. } = ledger.calibrations()?;
    let (mut good, mut wrong) = (Vec::new(), Vec::new());
    for state in &cameras {
        let Aged { standing, reason, .. } = Aged::at(now, state, config);
        let list = if standing == Standing::Good { &mut good } else { &mut wrong };
        list.push(reason);
    }
    // Cameras that are known say it themselves; here none is.
    for seq in unreadable.into_iter().filter(|_| cameras.is_empty()) {
        wrong.push(format!(
            "entry {seq}, an act on the calibration of a camera, cannot be read any more: calibrate every camera again"
        ));
    }
    Ok(if wrong.is_empty() { (true, good) } else { (false, wrong) })
}
