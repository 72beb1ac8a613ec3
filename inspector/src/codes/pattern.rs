//! What a code's text must look like.

use regex::{Regex, RegexBuilder};
use std::collections::BTreeMap;

/// Most characters of a pattern.
const MAX_CHARS: usize = 500;
/// Most memory of a compiled pattern, bytes.
const MAX_BYTES: usize = 1 << 20;

/// A regular expression (of the crate `regex`: matching takes time linear in the text) that the **whole** text must match, whether or not it is
/// written with `^` and `$`.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    said: String,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    ///
    /// ```
    /// use inspector::codes::Pattern;
    /// let order = Pattern::new(r"WAZI-(?<order>\d+)").unwrap();
    /// assert_eq!(order.groups("WAZI-0042").unwrap()["order"], "0042");
    /// assert!(order.groups("XWAZI-0042 ").is_none()); // a part of the text is not enough
    /// ```
    pub fn new(said: &str) -> Result<Self, String> {
        let length = said.chars().count();
        if !(1..=MAX_CHARS).contains(&length) {
            return Err(format!("expected 1 to {MAX_CHARS} characters, found {length}"));
        }
        // Alone first: `a)(b` would become right inside the brackets that are put round it.
        Regex::new(said).map_err(|e| one_line(&e))?;
        let whole =
            RegexBuilder::new(&format!(r"\A(?:{said})\z")).size_limit(MAX_BYTES).build().map_err(|e| one_line(&e))?;
        Ok(Self { regex: whole, said: said.to_owned() })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.said
    }

    /// Names of its groups.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.regex.capture_names().flatten()
    }

    /// Its named groups in the text; `None` when the text does not match.
    pub fn groups(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let found = self.regex.captures(text)?;
        let group = |name: &str| found.name(name).map(|m| (name.to_owned(), m.as_str().to_owned()));
        Some(self.names().filter_map(group).collect())
    }
}

/// The last line of the crate's message is what is wrong; the others draw a picture of it.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim().trim_start_matches("error: ");
    format!("no regular expression: {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_patterns_are_refused_in_one_line() {
        for bad in ["", "(", "a)(b", "[z-a]", "(?<serial>a)(?<serial>b)", &"x".repeat(501), r"\w{1000}{1000}"] {
            let message = Pattern::new(bad).expect_err(bad);
            assert!(!message.contains('\n') && message.len() > 10, "{message}");
        }
    }
}
