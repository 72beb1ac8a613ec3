//! The grammar of ASCII DXF: pairs of lines, a group code and its value.

use crate::design::DesignError;

/// A group code and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) code: i32,
    pub(super) value: &'a [u8],
    /// Line of the code, from 1.
    pub(super) line: u32,
}

impl Pair<'_> {
    /// True for `0` and this word.
    pub(super) fn starts(&self, word: &str) -> bool {
        self.code == 0 && self.value == word.as_bytes()
    }
    fn fault(&self, expected: &'static str) -> DesignError {
        DesignError::Syntax { line: self.line + 1, expected, found: shown(self.value) }
    }
    /// The value as a finite number of a size that a drawing has.
    pub(super) fn number(&self) -> Result<f64, DesignError> {
        std::str::from_utf8(self.value)
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|v| v.abs() < 1e9)
            .ok_or_else(|| self.fault("a number below 1e9 with a decimal point"))
    }
    /// The value as a whole number (some programs write `1.0`).
    pub(super) fn whole(&self) -> Result<i64, DesignError> {
        let v = self.number()?;
        if v.fract() == 0.0 { Ok(v as i64) } else { Err(self.fault("a whole number")) }
    }
}

/// Bytes of a foreign file as something that fits into a message.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(40).collect();
    format!("\"{text}\"")
}

/// Reads pairs from a place in the file onward. A copy is a bookmark.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs<'a> {
    rest: &'a [u8],
    line: u32,
}

impl<'a> Pairs<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), line: 0 }
    }

    fn next_line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(self.rest.len());
        let (line, mut rest) = self.rest.split_at(end);
        if let Some(after) = rest.strip_prefix(b"\r\n") {
            rest = after;
        } else {
            rest = rest.get(1..).unwrap_or(&[]);
        }
        self.rest = rest;
        self.line = self.line.saturating_add(1);
        Some(line.trim_ascii())
    }

    /// The next pair that is no comment.
    ///
    /// # Errors
    /// [`DesignError::Syntax`] for a code that is no number, [`DesignError::CutOff`] at the end of the bytes: a whole file ends with `0 EOF`, behind
    /// which nobody reads.
    pub(super) fn next(&mut self) -> Result<Pair<'a>, DesignError> {
        loop {
            let cut_off = DesignError::CutOff { line: self.line };
            let code = self.next_line().ok_or(cut_off)?;
            let line = self.line;
            let code = std::str::from_utf8(code).ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
                DesignError::Syntax { line, expected: "a group code (a whole number)", found: shown(code) }
            })?;
            let value = self.next_line().ok_or(DesignError::CutOff { line })?;
            if code != 999 {
                return Ok(Pair { code, value, line });
            }
        }
    }

    /// The next item (entity, layer, block) of a section: its word and its groups. `false` at the end of the section, which stays unread.
    pub(super) fn next_item(&mut self, item: &mut Item<'a>) -> Result<bool, DesignError> {
        let first = self.next()?;
        if first.code != 0 {
            return Err(DesignError::Syntax {
                line: first.line,
                expected: "group code 0, the start of an item",
                found: format!("group code {}", first.code),
            });
        }
        (item.kind, item.line) = (first.value, first.line);
        item.groups.clear();
        if first.starts("ENDSEC") {
            return Ok(false);
        }
        if first.starts("EOF") || first.starts("SECTION") {
            return Err(DesignError::Syntax { line: first.line, expected: "0 ENDSEC", found: shown(first.value) });
        }
        let mut braces = false;
        loop {
            let bookmark = *self;
            let pair = self.next()?;
            match pair.code {
                0 => {
                    *self = bookmark;
                    return Ok(true);
                }
                // Application groups `{...}` and extended data hold other programs' numbers.
                102 => braces = pair.value.starts_with(b"{"),
                1000.. => (),
                _ if braces => (),
                _ => item.groups.push(pair),
            }
        }
    }
}

/// An item of a section: its word and its groups.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    pub(super) kind: &'a [u8],
    pub(super) line: u32,
    pub(super) groups: Vec<Pair<'a>>,
}

impl<'a> Item<'a> {
    fn first(&self, code: i32) -> Option<&Pair<'a>> {
        self.groups.iter().find(|g| g.code == code)
    }
    /// The first value of that code, as text.
    pub(super) fn text(&self, code: i32) -> Option<&'a [u8]> {
        self.first(code).map(|g| g.value)
    }
    /// The first value of that code, or the default that DXF gives it.
    pub(super) fn number_or(&self, code: i32, default: f64) -> Result<f64, DesignError> {
        self.first(code).map_or(Ok(default), Pair::number)
    }
    /// The first value of that code, which must be there.
    pub(super) fn number(&self, code: i32) -> Result<f64, DesignError> {
        self.first(code).ok_or_else(|| self.fault(format!("expected group code {code}, found none")))?.number()
    }
    /// The first value of that code as a whole number, or the default that DXF gives it.
    pub(super) fn whole_or(&self, code: i32, default: i64) -> Result<i64, DesignError> {
        self.first(code).map_or(Ok(default), Pair::whole)
    }
    /// All values of that code.
    pub(super) fn numbers(&self, code: i32) -> Result<Vec<f64>, DesignError> {
        self.groups.iter().filter(|g| g.code == code).map(Pair::number).collect()
    }
    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.kind).chars().take(40).collect()
    }
    /// The entity cannot be used.
    pub(super) fn fault(&self, detail: impl Into<String>) -> DesignError {
        DesignError::Entity { entity: self.name(), line: self.line, detail: detail.into() }
    }
}
