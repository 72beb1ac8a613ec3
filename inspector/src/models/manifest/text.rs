//! Reading TOML strictly, with the line of every fault.

use crate::models::ModelError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// The text of `model.toml`, and where in it something stands.
#[derive(Clone, Copy)]
pub(super) struct Text<'t>(pub(super) &'t str);

impl<'t> Text<'t> {
    pub(super) fn fault(self, at: usize, message: impl Into<String>) -> ModelError {
        let line = 1 + self.0.bytes().take(at).filter(|b| *b == b'\n').count();
        // One line, whatever the library says.
        ModelError::Invalid { line, message: message.into().trim_end().replace('\n', ", ") }
    }

    /// The whole text as a table without numbers that are none.
    pub(super) fn table(self) -> Result<DeTable<'t>, ModelError> {
        let top =
            DeTable::parse(self.0).map_err(|e| self.fault(e.span().map_or(0, |s| s.start), e.message()))?.into_inner();
        top.values().try_for_each(|v| self.finite(v))?;
        Ok(top)
    }

    fn finite(self, value: &Spanned<DeValue<'_>>) -> Result<(), ModelError> {
        match value.get_ref() {
            DeValue::Float(f) if !f.as_str().parse::<f64>().is_ok_and(f64::is_finite) => {
                Err(self.fault(value.span().start, format!("expected a finite number, found {}", f.as_str())))
            }
            DeValue::Array(values) => values.iter().try_for_each(|v| self.finite(v)),
            DeValue::Table(table) => table.values().try_for_each(|v| self.finite(v)),
            _ => Ok(()),
        }
    }

    /// A value through serde.
    pub(super) fn read<T: DeserializeOwned>(self, what: &str, value: Spanned<DeValue<'_>>) -> Result<T, ModelError> {
        let start = value.span().start;
        T::deserialize(ValueDeserializer::from(value)).map_err(|e: toml::de::Error| {
            self.fault(e.span().map_or(start, |s| s.start), format!("{what}: {}", e.message()))
        })
    }

    /// Takes a value that must be there.
    pub(super) fn need<T: DeserializeOwned>(
        self,
        table: &mut DeTable<'_>,
        key: &str,
        expected: &str,
    ) -> Result<(T, usize), ModelError> {
        let value =
            table.remove(key).ok_or_else(|| self.fault(0, format!("missing key `{key}`: expected {expected}")))?;
        let at = value.span().start;
        Ok((self.read(key, value)?, at))
    }

    /// Takes a value that may be left away.
    pub(super) fn take<T: DeserializeOwned>(
        self,
        table: &mut DeTable<'_>,
        key: &str,
    ) -> Result<Option<(T, usize)>, ModelError> {
        let Some(value) = table.remove(key) else { return Ok(None) };
        let at = value.span().start;
        Ok(Some((self.read(key, value)?, at)))
    }
}

/// A name in a graph, a label, a licence: 1 to 200 characters, none of them invisible.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Name(pub(super) String);

impl TryFrom<String> for Name {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        let good = !s.trim().is_empty() && s.chars().count() <= 200 && !s.contains(char::is_control);
        if good { Ok(Self(s)) } else { Err(format!("expected a text of 1 to 200 characters, found {s:?}")) }
    }
}
