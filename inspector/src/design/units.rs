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
    /// Pixel of CSS, 1/96 inch; in an SVG that of the program that made it.
    #[serde(rename = "px")]
    Pixel,
    /// Point, 1/72 inch.
    #[serde(rename = "pt")]
    Point,
    /// Pica, 1/6 inch.
    #[serde(rename = "pc")]
    Pica,
}

/// Unit, its code in `$INSUNITS` (DXF reference, HEADER section; those of SVG have none), its word, millimetres in one.
const ALL: [(Units, Option<i64>, &str, f64); 11] = [
    (Units::Micrometre, Some(13), "um", 0.001),
    (Units::Millimetre, Some(4), "mm", 1.0),
    (Units::Centimetre, Some(5), "cm", 10.0),
    (Units::Decimetre, Some(14), "dm", 100.0),
    (Units::Metre, Some(6), "m", 1000.0),
    (Units::Mil, Some(9), "mil", 0.0254),
    (Units::Inch, Some(1), "inch", 25.4),
    (Units::Foot, Some(2), "foot", 304.8),
    (Units::Pixel, None, "px", 25.4 / 96.0),
    (Units::Point, None, "pt", 25.4 / 72.0),
    (Units::Pica, None, "pc", 25.4 / 6.0),
];

impl Units {
    fn row(self) -> &'static (Self, Option<i64>, &'static str, f64) {
        ALL.iter().find(|row| row.0 == self).expect("every unit has a row in ALL")
    }
    /// Millimetres in one of it.
    pub fn mm(self) -> f64 {
        self.row().3
    }
    /// Its word for many, such as `inches`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Inch => "inches",
            Self::Foot => "feet",
            _ => self.row().2,
        }
    }
    /// The unit of a DXF's `$INSUNITS`.
    pub(super) fn from_insunits(code: i64) -> Option<Self> {
        ALL.iter().find(|row| row.1 == Some(code)).map(|row| row.0)
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
            .ok_or_else(|| format!("expected um, mm, cm, dm, m, mil, inch, foot, px, pt or pc, found {s:?}"))
    }
}
