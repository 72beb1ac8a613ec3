//! Which part this is: what a worker said, or a code told.

use crate::reason::Reason;

/// Serial number, lot and order of a part, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Serial number of this very part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
    /// Order it is made for.
    pub order: Option<String>,
}

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentityField {
    /// Serial number.
    Serial,
    /// Lot.
    Lot,
    /// Order.
    Order,
}

impl IdentityField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Serial, Self::Lot, Self::Order];
    /// Most characters of a serial number, lot or order.
    pub const MAX_CHARS: usize = 100;

    /// As written in recipes: `serial`, `lot` or `order`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Lot => "lot",
            Self::Order => "order",
        }
    }

    /// The text as a serial number, lot or order: without blanks at its ends.
    ///
    /// # Errors
    /// What is wrong with it: empty, longer than [`Self::MAX_CHARS`] characters, or with control characters.
    ///
    /// ```
    /// use inspector::identity::IdentityField;
    /// assert_eq!(IdentityField::Serial.checked(" A-17 "), Ok("A-17"));
    /// assert!(IdentityField::Serial.checked("A\u{1d}17").is_err()); // a group separator of GS1
    /// ```
    pub fn checked(self, text: &str) -> Result<&str, String> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            Err("it is empty".to_owned())
        } else if length > Self::MAX_CHARS {
            Err(format!("expected at most {} characters, found {length}", Self::MAX_CHARS))
        } else if text.chars().any(char::is_control) {
            Err("expected no control characters".to_owned())
        } else {
            Ok(text)
        }
    }
}

impl Identity {
    /// One of the three.
    pub fn get(&self, field: IdentityField) -> Option<&str> {
        match field {
            IdentityField::Serial => self.serial.as_deref(),
            IdentityField::Lot => self.lot.as_deref(),
            IdentityField::Order => self.order.as_deref(),
        }
    }
    /// Sets one of the three.
    pub fn set(&mut self, field: IdentityField, text: impl Into<String>) {
        let place = match field {
            IdentityField::Serial => &mut self.serial,
            IdentityField::Lot => &mut self.lot,
            IdentityField::Order => &mut self.order,
        };
        *place = Some(text.into());
    }
    /// What a code tells of each of the three, compared with what is known already.
    ///
    /// # Errors
    /// When it cannot be a serial number, lot or order, and when it contradicts what is known: never silently one of the two.
    pub fn told_by(&self, told: impl Fn(IdentityField) -> Option<String>) -> Result<Self, Reason> {
        let mut identity = Self::default();
        for field in IdentityField::ALL {
            let Some(told) = told(field) else { continue };
            let what = field.word();
            let text = field.checked(&told).map_err(|detail| Reason::CodeUnfit {
                what,
                read: Reason::shown(&told),
                detail,
            })?;
            match self.get(field) {
                Some(given) if given != text => {
                    let (read, given) = (Reason::shown(text), Reason::shown(given));
                    return Err(Reason::CodeDisagrees { what, read, given });
                }
                _ => identity.set(field, text),
            }
        }
        Ok(identity)
    }
    /// Takes from `other` what is not known yet.
    pub fn complete(&mut self, other: &Self) {
        for field in IdentityField::ALL {
            if let (None, Some(text)) = (self.get(field), other.get(field)) {
                self.set(field, text);
            }
        }
    }
}
