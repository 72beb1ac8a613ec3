//! The one place where a measurement becomes a verdict.

use crate::checks::{Characteristic, Observation, Outcome};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};

/// What the machine says of a characteristic or a part. Ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Conforms, at the stated confidence.
    Pass,
    /// Cannot be decided: a person looks.
    Refer,
    /// Does not conform, at the stated confidence.
    Fail,
}

/// How limits and uncertainty make a verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Guarded acceptance and guarded rejection (ISO 14253-1:2017; JCGM 106:2012, 8.3): PASS inside the limits by w = 1.65 u, FAIL outside
    /// them by w, else REFER.
    #[default]
    Guarded,
    /// Simple acceptance (JCGM 106:2012, 8.2): the uncertainty is recorded but plays no part.
    Simple,
}

/// One-sided 95 % quantile of the normal distribution: the guard band in standard uncertainties.
pub const GUARD_BAND_K: f64 = 1.65;

/// The verdict on one characteristic, and why when it is REFER.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// Why a person must look, or what is wrong with a part that fails without being measured.
    pub reason: Option<Referral>,
}

/// Why a characteristic is referred to a person.
#[derive(Clone, Debug, PartialEq)]
pub enum Referral {
    /// It was not measured.
    NotMeasured(Reason),
    /// It lies within the guard band of a limit.
    TooClose {
        /// Guard band w, in the characteristic's unit.
        guard_band: f64,
    },
}

impl std::fmt::Display for Referral {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotMeasured(reason) => reason.fmt(f),
            Self::TooClose { guard_band } => {
                write!(
                    f,
                    "too close to the limit to decide (within {guard_band:.3}): measure it by hand, or use a closer view"
                )
            }
        }
    }
}

/// Decides one characteristic.
///
/// ```
/// use inspector::checks::{Characteristic, Observation, Unit};
/// use inspector::decision::{decide, Rule, Verdict};
/// let hole = Characteristic { id: "hole-1.diameter".into(), check_type: "hole", nominal: 6.0, lower: Some(-0.1), upper: Some(0.2), unit: Unit::Mm };
/// // 6.18 mm is inside the limit of 6.20, but with u = 0.02 the guard band is 0.033: nobody can be sure.
/// assert_eq!(decide(&hole, &Observation::measured(6.18, 0.02), Rule::Guarded).verdict, Verdict::Refer);
/// assert_eq!(decide(&hole, &Observation::measured(6.18, 0.02), Rule::Simple).verdict, Verdict::Pass);
/// assert_eq!(decide(&hole, &Observation::measured(6.31, 0.021), Rule::Guarded).verdict, Verdict::Fail);
/// // What is not a number is never a PASS.
/// assert_eq!(decide(&hole, &Observation::measured(f64::NAN, 0.02), Rule::Simple).verdict, Verdict::Refer);
/// let nowhere = Characteristic { nominal: f64::NAN, ..hole };
/// assert_eq!(decide(&nowhere, &Observation::measured(6.0, 0.02), Rule::Simple).verdict, Verdict::Refer);
/// ```
pub fn decide(characteristic: &Characteristic, observation: &Observation, rule: Rule) -> Decision {
    let (value, u) = match &observation.outcome {
        Outcome::NotMeasured(reason) => {
            let verdict = if reason.is_fault() { Verdict::Fail } else { Verdict::Refer };
            return Decision { verdict, reason: Some(Referral::NotMeasured(reason.clone())) };
        }
        Outcome::Measured { value, u } => (*value, *u),
    };
    let deviation = value - characteristic.nominal;
    if !value.is_finite() || !u.is_finite() || !deviation.is_finite() {
        return Decision { verdict: Verdict::Refer, reason: Some(Referral::NotMeasured(Reason::NotFinite)) };
    }
    let guard_band = match rule {
        Rule::Guarded => GUARD_BAND_K * u,
        Rule::Simple => 0.0,
    };
    // Distance inside the nearest limit: negative when outside.
    let inside = f64::min(
        characteristic.lower.map_or(f64::INFINITY, |l| deviation - l),
        characteristic.upper.map_or(f64::INFINITY, |h| h - deviation),
    );
    if inside >= guard_band {
        Decision { verdict: Verdict::Pass, reason: None }
    } else if inside < -guard_band {
        Decision { verdict: Verdict::Fail, reason: None }
    } else {
        Decision { verdict: Verdict::Refer, reason: Some(Referral::TooClose { guard_band }) }
    }
}
