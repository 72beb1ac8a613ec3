//! Millimetres and angles as types.

use serde::{Deserialize, Serialize};

/// A length in millimetres.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mm(pub f64);

impl std::fmt::Display for Mm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} mm", self.0)
    }
}

/// A plane angle, counter-clockwise as seen with y up. Built from degrees or radians, so the unit is always said.
///
/// ```
/// use inspector::geometry::Angle;
/// let a = Angle::from_degrees(-90.0);
/// assert!((a.radians() + std::f64::consts::FRAC_PI_2).abs() < 1e-15);
/// // Directions that differ by full turns are the same direction.
/// assert!((Angle::from_degrees(350.0).difference(Angle::from_degrees(-10.0)).degrees()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Angle(f64);

impl Angle {
    /// From radians.
    pub const fn from_radians(radians: f64) -> Self {
        Self(radians)
    }
    /// From degrees.
    pub const fn from_degrees(degrees: f64) -> Self {
        Self(degrees * (std::f64::consts::PI / 180.0))
    }
    /// In radians, as given (not wrapped).
    pub const fn radians(self) -> f64 {
        self.0
    }
    /// In degrees, as given (not wrapped).
    pub const fn degrees(self) -> f64 {
        self.0 * (180.0 / std::f64::consts::PI)
    }
    /// `(sin, cos)`, the same bits on every machine.
    pub fn sin_cos(self) -> (f64, f64) {
        libm::sincos(self.0)
    }
    /// The signed difference `self - other`, wrapped to [-180°, 180°).
    pub fn difference(self, other: Self) -> Self {
        let turn = std::f64::consts::TAU;
        let d = self.0 - other.0;
        Self(d - turn * ((d + std::f64::consts::PI) / turn).floor())
    }
}
