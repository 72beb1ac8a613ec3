//! What a printed scale may have moved since somebody last measured it.

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Year.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
}

/// As 2026-11-27.
impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What 30 days add to the relative standard uncertainty of a printed scale. **Assumed**, see [`paper_u_scale`].
pub const PAPER_U_PER_30_DAYS: f64 = 1e-4;
/// The most that age adds to it. **Assumed**, see [`paper_u_scale`].
pub const PAPER_U_MOST: f64 = 5e-4;

/// Relative standard uncertainty of a printed scale, some days after it was measured with relative standard uncertainty `u_verified` (u of
/// the measured length, divided by the length): what was known then, and what the paper may have done since, as independent parts.
///
/// Model: age adds 0.01 % in 30 days, and never more than 0.05 %. These two numbers are a house rule, **assumed**. That paper moves with
/// humidity, and across its fibres several times as much as along them, is known (Lindner 2018, doi:10.1007/s10853-017-1358-1); by how much
/// yours does is not. An age that is not known (NaN, or below 0 because a clock was set back) counts as the greatest one.
///
/// Honest scope: sheets glued to a board, indoors. Loose paper between a dry and a wet season moves more than 0.05 %: measure it before use.
///
/// ```
/// use inspector::calibration::paper_u_scale;
/// // 150 mm measured with u = 0.03 mm, today and a month later.
/// let u = 0.03 / 150.0;
/// assert_eq!(paper_u_scale(u, 0.0), u);
/// assert!((paper_u_scale(u, 30.0) - 2.236e-4).abs() < 1e-7);
/// // Five months and five years are the same; so is an age that nobody knows.
/// assert_eq!(paper_u_scale(0.0, 150.0), 5e-4);
/// assert_eq!(paper_u_scale(0.0, 1826.0), 5e-4);
/// assert_eq!(paper_u_scale(0.0, f64::NAN), 5e-4);
/// assert_eq!(paper_u_scale(0.0, -3.0), 5e-4);
/// // What is not a number stays so: a check that uses it is not measured.
/// assert!(paper_u_scale(f64::NAN, 10.0).is_nan());
/// ```
pub fn paper_u_scale(u_verified: f64, age_days: f64) -> f64 {
    libm::hypot(u_verified, paper_moved(age_days))
}

/// What paper may have moved in so many days, relative standard uncertainty.
pub(crate) fn paper_moved(age_days: f64) -> f64 {
    if age_days >= 0.0 { (PAPER_U_PER_30_DAYS * age_days / 30.0).min(PAPER_U_MOST) } else { PAPER_U_MOST }
}
