//! The kinds of codes, and sets of them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// QR code, ISO/IEC 18004.
    #[serde(rename = "qr")]
    Qr,
    /// Data Matrix ECC 200, ISO/IEC 16022.
    DataMatrix,
    /// Aztec, ISO/IEC 24778.
    Aztec,
    /// Code 39, ISO/IEC 16388. Has no check digit of its own.
    #[serde(rename = "code-39")]
    Code39,
    /// Code 93, AIM BC5.
    #[serde(rename = "code-93")]
    Code93,
    /// Code 128 and GS1-128, ISO/IEC 15417.
    #[serde(rename = "code-128")]
    Code128,
    /// EAN-13, ISO/IEC 15420.
    #[serde(rename = "ean-13")]
    Ean13,
    /// EAN-8, ISO/IEC 15420.
    #[serde(rename = "ean-8")]
    Ean8,
    /// UPC-A, ISO/IEC 15420: an EAN-13 that begins with 0, told without it.
    UpcA,
    /// UPC-E, ISO/IEC 15420.
    UpcE,
    /// Interleaved 2 of 5, ISO/IEC 16390. Has no check digit of its own.
    Itf,
}

impl Format {
    /// Every format, in the order in which they are looked for.
    pub const ALL: [Self; 11] = [
        Self::Qr,
        Self::DataMatrix,
        Self::Aztec,
        Self::Code128,
        Self::Ean13,
        Self::UpcA,
        Self::Ean8,
        Self::UpcE,
        Self::Code93,
        Self::Code39,
        Self::Itf,
    ];

    /// As written in recipes and JSON, such as `code-128`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Qr => "qr",
            Self::DataMatrix => "data-matrix",
            Self::Aztec => "aztec",
            Self::Code39 => "code-39",
            Self::Code93 => "code-93",
            Self::Code128 => "code-128",
            Self::Ean13 => "ean-13",
            Self::Ean8 => "ean-8",
            Self::UpcA => "upc-a",
            Self::UpcE => "upc-e",
            Self::Itf => "itf",
        }
    }

    /// Bars, as opposed to a matrix of squares.
    pub const fn is_linear(self) -> bool {
        !matches!(self, Self::Qr | Self::DataMatrix | Self::Aztec)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Which kinds of codes are looked for.
///
/// ```
/// use inspector::codes::{Format, Formats};
/// let on_the_ticket = Formats::of(&[Format::Code128, Format::Qr]);
/// assert!(on_the_ticket.has(Format::Qr) && !on_the_ticket.has(Format::Itf));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formats(u16);

impl Formats {
    /// Every format.
    pub const ALL: Self = Self(u16::MAX);

    /// These.
    pub fn of(formats: &[Format]) -> Self {
        Self(formats.iter().fold(0, |set, f| set | (1 << *f as u16)))
    }
    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
    /// True when `format` is one of them.
    pub const fn has(self, format: Format) -> bool {
        self.0 & (1 << format as u16) != 0
    }
    pub(super) const fn without(self, format: Format) -> Self {
        Self(self.0 & !(1 << format as u16))
    }
    pub(super) fn any_linear(self) -> bool {
        Format::ALL.iter().any(|f| f.is_linear() && self.has(*f))
    }
    pub(super) fn any_matrix(self) -> bool {
        Format::ALL.iter().any(|f| !f.is_linear() && self.has(*f))
    }
}
