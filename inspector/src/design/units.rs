//! Units of a drawing.

use serde::{Deserialize, Serialize};

/// The unit a drawing was made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Units {
    /// Micrometre.
    #[serde(rename = "um")]
    Micrometre,
    /// Millimetre.
    #[serde(rename = "mm")]
    Millimetre,
    /// Centimetre.
    #[serde(rename = "cm")]
    Centimetre,
    /// Decimetre.
    #[serde(rename = "dm")]
    Decimetre,
    /// Metre.
    #[serde(rename = "m")]
    Metre,
    /// A thousandth of an inch.
    #[serde(rename = "mil")]
    Mil,
    /// International inch, 25.4 mm.
    #[serde(rename = "inch")]
    Inch,
    /// International foot, 304.8 mm.
    #[serde(rename = "foot")]
    Foot,
}

/// Unit, its code in `$INSUNITS` (DXF reference, HEADER section), its word, millimetres in one.
const ALL: [(Units, i64, &str, f64); 8] = [
    (Units::Micrometre, 13, "um", 0.001),
    (Units::Millimetre, 4, "mm", 1.0),
    (Units::Centimetre, 5, "cm", 10.0),
    (Units::Decimetre, 14, "dm", 100.0),
    (Units::Metre, 6, "m", 1000.0),
    (Units::Mil, 9, "mil", 0.0254),
    (Units::Inch, 1, "inch", 25.4),
    (Units::Foot, 2, "foot", 304.8),
];

impl Units {
    fn row(self) -> &'static (Self, i64, &'static str, f64) {
        ALL.iter().find(|row| row.0 == self).expect("every unit has a row in ALL")
    }
    /// Millimetres in one of it.
    pub fn mm(self) -> f64 {
        self.row().3
    }
    /// The unit of a DXF's `$INSUNITS`.
    pub(super) fn from_insunits(code: i64) -> Option<Self> {
        ALL.iter().find(|row| row.1 == code).map(|row| row.0)
    }
}

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.row().2)
    }
}

impl std::str::FromStr for Units {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        ALL.iter()
            .find(|row| row.2 == s)
            .map(|row| row.0)
            .ok_or_else(|| format!("expected um, mm, cm, dm, m, mil, inch or foot, found {s:?}"))
    }
}
