//! One `[[check]]` of a recipe, read strictly: an unknown key is an error that names its line.

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
    pub(crate) fn new(value: Spanned<DeValue<'a>>) -> Self {
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
        let fault = |message: &str| EntryError { message: message.to_owned(), span: Some(self.value.span()) };
        self.value
            .get_ref()
            .get("type")
            .ok_or_else(|| fault("missing key `type`"))?
            .get_ref()
            .as_str()
            .ok_or_else(|| fault("`type`: expected a text such as \"hole\""))
    }

    /// Where the entry stands in the recipe's text.
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }
}
