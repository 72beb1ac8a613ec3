//! One `[[check]]` of a recipe, read strictly: an unknown key is an error that names its line.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::ops::Range;
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

/// A `[[check]]` table as written, with its place in the file.
pub struct Entry<'a> {
    value: Spanned<DeValue<'a>>,
}

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{message}")]
pub struct EntryError {
    /// What was expected and what was found.
    pub message: String,
    /// Byte range in the recipe's text, when the fault has a place.
    pub span: Option<Range<usize>>,
}

impl EntryError {
    /// A fault of the entry as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None }
    }
}

impl<'a> Entry<'a> {
    /// An entry from a table of a TOML text.
    pub fn new(value: Spanned<DeValue<'a>>) -> Self {
        Self { value }
    }

    /// The whole entry as `T` (which should be `deny_unknown_fields` and have a field `type`).
    ///
    /// # Errors
    /// What serde found wrong, with its place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, EntryError> {
        T::deserialize(ValueDeserializer::from(self.value.clone()))
            .map_err(|e: toml::de::Error| EntryError { message: e.message().to_owned(), span: e.span() })
    }

    /// The text of `type = "..."`.
    ///
    /// # Errors
    /// When it is missing or no text.
    pub fn type_name(&self) -> Result<&str, EntryError> {
        let fault = |message: &str| EntryError { message: message.to_owned(), span: Some(self.type_span()) };
        self.value
            .get_ref()
            .get("type")
            .ok_or_else(|| fault("missing key `type`"))?
            .get_ref()
            .as_str()
            .ok_or_else(|| fault("`type`: expected a text such as \"hole\""))
    }

    /// Where `type = "..."` has its value, or where the entry stands when it has none.
    pub fn type_span(&self) -> Range<usize> {
        self.value.get_ref().get("type").map_or(self.value.span(), Spanned::span)
    }

    /// Where the entry stands in the recipe's text.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }
}

/// First part of a characteristic's id: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct IdPart(pub(super) String);

impl TryFrom<String> for IdPart {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let good = (1..=100).contains(&s.len()) && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if good { Ok(Self(s)) } else { Err(format!("expected letters, digits, - and _, found {s:?}")) }
    }
}

/// How far a measured quantity may deviate from its nominal: at least one limit, both finite, `lower <= upper`.
///
/// For entries such as `position = { upper = 0.2 }`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawLimits")]
pub struct Limits {
    /// Lowest deviation that conforms.
    pub lower: Option<f64>,
    /// Highest deviation that conforms.
    pub upper: Option<f64>,
}

/// A nominal with its limits, for entries such as `diameter = { nominal = 6.0, lower = -0.1, upper = 0.2 }`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawDimension")]
pub struct Dimension {
    /// What it should be: finite.
    pub nominal: f64,
    /// How far it may deviate.
    pub limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    lower: Option<f64>,
    upper: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDimension {
    nominal: f64,
    lower: Option<f64>,
    upper: Option<f64>,
}

impl Limits {
    /// Limits that have been looked at.
    ///
    /// # Errors
    /// A sentence when there is no limit at all, one is not a finite number, or lower lies above upper.
    ///
    /// ```
    /// use inspector::checks::Limits;
    /// assert!(Limits::new(Some(-0.1), None).is_ok());
    /// let upside_down = Limits::new(Some(0.2), Some(-0.1)).unwrap_err();
    /// assert_eq!(upside_down, "tolerance upside down: expected lower <= upper, found lower = 0.2 and upper = -0.1");
    /// ```
    pub fn new(lower: Option<f64>, upper: Option<f64>) -> Result<Self, String> {
        for (name, limit) in [("lower", lower), ("upper", upper)] {
            if let Some(v) = limit.filter(|v| !v.is_finite()) {
                return Err(format!("`{name}`: expected a finite number, found {v}"));
            }
        }
        match (lower, upper) {
            (None, None) => Err("no tolerance: expected `lower`, `upper` or both".to_owned()),
            (Some(l), Some(u)) if l > u => {
                Err(format!("tolerance upside down: expected lower <= upper, found lower = {l} and upper = {u}"))
            }
            _ => Ok(Self { lower, upper }),
        }
    }
}

impl TryFrom<RawLimits> for Limits {
    type Error = String;
    fn try_from(raw: RawLimits) -> Result<Self, String> {
        Self::new(raw.lower, raw.upper)
    }
}

impl TryFrom<RawDimension> for Dimension {
    type Error = String;
    fn try_from(raw: RawDimension) -> Result<Self, String> {
        if !raw.nominal.is_finite() {
            return Err(format!("`nominal`: expected a finite number, found {}", raw.nominal));
        }
        Ok(Self { nominal: raw.nominal, limits: Limits::new(raw.lower, raw.upper)? })
    }
}
