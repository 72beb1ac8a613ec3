//! Which recipe: a code in the photo chooses it.
//!
//! `[[recipe_by_code]]` in `station.toml` is a list of rules: a code whose whole text matches `pattern` asks for the recipe that the
//! template `recipe` names. The photo is judged only when **exactly one** rule fits **exactly one** code: which part lies there is never
//! guessed.

use inspector::codes::{Fault, Format, Formats, Pattern, read};
use inspector::identity::Identity;
use inspector::photo::Photo;
use inspector::reason::Reason;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use thiserror::Error;

/// Most rules of a station.
const MAX_RULES: usize = 100;
/// Most characters of a recipe's name.
const MAX_NAME: usize = 100;

/// One `[[recipe_by_code]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeByCode {
    /// What the whole text of the code must match. Groups named `serial`, `lot` and `order` go into the record.
    pub pattern: String,
    /// Name of the recipe; `{name}` stands for the group of that name.
    pub recipe: String,
    /// Kinds of codes; all when not said.
    pub formats: Option<Vec<Format>>,
}

/// Rules that have been looked at.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    template: Vec<Piece>,
    formats: Formats,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(String),
}

/// The recipe that a code asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its name: letters, digits, `.`, `_` and `-`, never a path.
    pub recipe: String,
    /// What the code tells of the part.
    pub identity: Identity,
}

/// Why no recipe was chosen. Nothing is judged and nothing is recorded.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// Nothing that a code could be.
    #[error("the recipe is chosen by a code, and {}", Reason::CodeNone)]
    None,
    /// Something like a code.
    #[error("the recipe is chosen by a code, and {}", Reason::CodeUnreadable)]
    Unreadable,
    /// Bars whose check digit does not fit.
    #[error("the recipe is chosen by a code, and {}", Reason::CodeCheckDigit { digits: digits.clone() })]
    CheckDigit {
        /// The digits, when they could be read.
        digits: Option<String>,
    },
    /// Codes, but no rule for them.
    #[error("no rule of [[recipe_by_code]] fits what was read: expected {}, found {}", patterns.join(" or "), texts.join(", "))]
    NoRule {
        /// What the rules want.
        patterns: Vec<String>,
        /// What the codes say, shortened.
        texts: Vec<String>,
    },
    /// Several codes fit.
    #[error("expected one code that chooses the recipe, found {}: cover the others", texts.join(" and "))]
    SeveralCodes {
        /// What they say, shortened.
        texts: Vec<String>,
    },
    /// Several rules fit one code.
    #[error("{text} fits {} rules of [[recipe_by_code]] ({}), expected one: make the patterns narrower", patterns.len(), patterns.join(", "))]
    SeveralRules {
        /// What the code says, shortened.
        text: String,
        /// Patterns of the rules.
        patterns: Vec<String>,
    },
    /// The template gives no name of a recipe.
    #[error(
        "the code {text} asks for the recipe {name}, which is no name: expected 1 to {MAX_NAME} letters, digits, . _ -, not beginning with ."
    )]
    NoName {
        /// What the code says, shortened.
        text: String,
        /// What the template made of it, shortened.
        name: String,
    },
    /// The code cannot tell who the part is.
    #[error(transparent)]
    Identity(Reason),
}

impl ChoiceError {
    /// A stable word for programs, such as `code-none`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::None => "code-none",
            Self::Unreadable => "code-unreadable",
            Self::CheckDigit { .. } => "code-check-digit",
            Self::NoRule { .. } => "code-no-rule",
            Self::SeveralCodes { .. } => "code-several",
            Self::SeveralRules { .. } => "code-several-rules",
            Self::NoName { .. } => "code-no-name",
            Self::Identity(reason) => reason.code(),
        }
    }
}

impl Rules {
    /// Looks at what the configuration says.
    ///
    /// # Errors
    /// Which rule is wrong, what was expected and what was found.
    pub fn new(said: &[RecipeByCode]) -> Result<Self, String> {
        if said.len() > MAX_RULES {
            return Err(format!("[[recipe_by_code]]: expected at most {MAX_RULES} rules, found {}", said.len()));
        }
        let rule = |(i, said): (usize, &RecipeByCode)| {
            Rule::new(said).map_err(|e| format!("[[recipe_by_code]] number {}: {e}", i + 1))
        };
        said.iter().enumerate().map(rule).collect::<Result<_, _>>().map(Self)
    }

    /// A rule as the command line says it: `PATTERN=RECIPE`, parted at the last `=`.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn from_words(words: &[String]) -> Result<Self, String> {
        let said = words.iter().map(|word| match word.rsplit_once('=') {
            Some((pattern, recipe)) => {
                Ok(RecipeByCode { pattern: pattern.to_owned(), recipe: recipe.to_owned(), formats: None })
            }
            None => Err(format!("--by-code: expected PATTERN=RECIPE, found {}", Reason::shown(word))),
        });
        Self::new(&said.collect::<Result<Vec<_>, _>>()?)
    }

    /// True when no code chooses a recipe here.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn formats(&self) -> Formats {
        self.0.iter().map(|r| r.formats).reduce(Formats::and).unwrap_or(Formats::ALL)
    }

    fn patterns(&self) -> Vec<String> {
        self.0.iter().map(Rule::to_string).collect()
    }
}

/// Chooses the recipe for a photo by the codes in it. `said` is what is known of the part already: a code that says otherwise chooses nothing.
///
/// Cost: that of reading every code in the photo (see `inspector::codes`).
///
/// # Errors
/// Why no recipe was chosen.
pub fn choose_recipe(photo: &Photo, rules: &Rules, said: &Identity) -> Result<Choice, ChoiceError> {
    let reading = read(photo, None, rules.formats());
    let codes: BTreeSet<(&str, Format)> = reading.codes.iter().map(|c| (c.text.as_str(), c.format)).collect();
    let mut fits: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for (text, format) in &codes {
        for rule in rules.0.iter().filter(|r| r.formats.has(*format) && r.pattern.groups(text).is_some()) {
            let rules = fits.entry(text).or_default();
            // The same text in two formats: one rule all the same.
            if !rules.iter().any(|r| std::ptr::eq(*r, rule)) {
                rules.push(rule);
            }
        }
    }
    let mut fitting = fits.iter();
    match (fitting.next(), fitting.next()) {
        (Some((text, rules)), None) => match rules.as_slice() {
            [rule] => rule.choose(text, said),
            several => {
                let patterns = several.iter().map(ToString::to_string).collect();
                Err(ChoiceError::SeveralRules { text: Reason::shown(text), patterns })
            }
        },
        (Some(_), Some(_)) => Err(ChoiceError::SeveralCodes { texts: fits.keys().map(|t| Reason::shown(t)).collect() }),
        (None, _) if !codes.is_empty() => Err(ChoiceError::NoRule {
            patterns: rules.patterns(),
            texts: codes.iter().map(|(t, _)| Reason::shown(t)).collect(),
        }),
        (None, _) => Err(match reading.suspects.iter().find(|s| s.fault == Fault::CheckDigit) {
            Some(wrong) => ChoiceError::CheckDigit { digits: wrong.digits.as_deref().map(Reason::shown) },
            None if reading.suspects.is_empty() => ChoiceError::None,
            None => ChoiceError::Unreadable,
        }),
    }
}

impl Rule {
    fn new(said: &RecipeByCode) -> Result<Self, String> {
        let pattern = Pattern::new(&said.pattern).map_err(|e| format!("`pattern`: {e}"))?;
        let template = template(&said.recipe).map_err(|e| format!("`recipe`: {e}"))?;
        for piece in &template {
            if let Piece::Group(name) = piece
                && !pattern.names().any(|n| n == name)
            {
                let known: Vec<&str> = pattern.names().collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(format!("`recipe`: {{{name}}} is no group of the pattern; it has {known}"));
            }
        }
        let formats = match &said.formats {
            None => Formats::ALL,
            Some(some) if some.is_empty() => return Err("`formats`: expected at least one, found none".to_owned()),
            Some(some) => Formats::of(some),
        };
        Ok(Self { pattern, template, formats })
    }

    fn choose(&self, text: &str, said: &Identity) -> Result<Choice, ChoiceError> {
        let groups = self.pattern.groups(text).unwrap_or_default();
        let piece = |p: &Piece| match p {
            Piece::Text(t) => t.clone(),
            Piece::Group(name) => groups.get(name).cloned().unwrap_or_default(),
        };
        let recipe: String = self.template.iter().map(piece).collect();
        if !is_name(&recipe) {
            return Err(ChoiceError::NoName { text: Reason::shown(text), name: Reason::shown(&recipe) });
        }
        let identity = said.told_by(|field| groups.get(field.word()).cloned()).map_err(ChoiceError::Identity)?;
        Ok(Choice { recipe, identity })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pattern.as_str())
    }
}

/// A name of a recipe's folder, never a path.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=MAX_NAME).contains(&name.len()) && !name.starts_with('.') && name.chars().all(allowed)
}

/// `frame-{order}`: text and groups in turn.
fn template(said: &str) -> Result<Vec<Piece>, String> {
    let bad = |what: &str| Err(format!("expected a name such as frame-{{order}}, found {said:?}: {what}"));
    let mut pieces = Vec::new();
    let mut rest = said;
    while let Some(open) = rest.find(['{', '}']) {
        let (text, behind) = rest.split_at(open);
        let Some(inside) = behind.strip_prefix('{') else { return bad("a } without a {") };
        let Some((name, behind)) = inside.split_once('}') else { return bad("a { without a }") };
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(Piece::Group(name.to_owned()));
        rest = behind;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|p| !matches!(p, Piece::Text(t) if t.is_empty()));
    let fixed = pieces.iter().all(|p| match p {
        Piece::Text(t) => t.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')),
        Piece::Group(name) => !name.is_empty(),
    });
    if pieces.is_empty() || !fixed { bad("letters, digits, . _ - and {group} are allowed") } else { Ok(pieces) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::GrayImage;
    use inspector::photo::{DecodeLimits, decode};
    use inspector::synth::{PrintedCode, code, photographed};

    fn grey(codes: &[(Format, &str)]) -> GrayImage {
        let place = |i: usize| (160.0 + 300.0 * i as f64, 160.0);
        let print = |(i, (format, text)): (usize, &(Format, &str))| {
            PrintedCode::flat(code(*format, text).unwrap(), place(i), 5.0, 2.0)
        };
        let printed: Vec<PrintedCode> = codes.iter().enumerate().map(print).collect();
        photographed(&printed, (760, 320), 0.8, 3.0, 1)
    }

    fn photo_of(grey: &GrayImage) -> Photo {
        let mut png = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut png, image::ImageFormat::Png).unwrap();
        decode(png.get_ref(), &DecodeLimits::default()).unwrap()
    }

    fn photo(codes: &[(Format, &str)]) -> Photo {
        photo_of(&grey(codes))
    }

    fn rules(said: &[(&str, &str)]) -> Rules {
        let words: Vec<String> = said.iter().map(|(p, r)| format!("{p}={r}")).collect();
        Rules::from_words(&words).unwrap()
    }

    fn choose(codes: &[(Format, &str)], said: &[(&str, &str)]) -> Result<Choice, &'static str> {
        choose_recipe(&photo(codes), &rules(said), &Identity::default()).map_err(|e| e.code())
    }

    const WAZI: (&str, &str) = (r"^WAZI-(?<order>\d+)$", "frame-{order}");
    const BOX: (&str, &str) = (r"BOX-\d", "box");

    #[test]
    fn exactly_one_rule_and_one_code_choose() {
        let order = Identity { order: Some("0042".into()), ..Identity::default() };
        let chosen = Ok(Choice { recipe: "frame-0042".into(), identity: order });
        assert_eq!(choose(&[(Format::Qr, "WAZI-0042")], &[WAZI, BOX]), chosen);
        // A code that no rule wants is somebody else's.
        assert_eq!(choose(&[(Format::Qr, "WAZI-0042"), (Format::Qr, "hello")], &[WAZI, BOX]), chosen);
        assert_eq!(choose(&[(Format::Qr, "WAZI-0042"), (Format::Qr, "WAZI-0042")], &[WAZI]), chosen);
        assert_eq!(choose(&[(Format::Qr, "WAZI-0042"), (Format::DataMatrix, "WAZI-0042")], &[WAZI]), chosen);
    }

    #[test]
    fn everything_else_has_its_own_reason() {
        let wazi = (Format::Qr, "WAZI-0042");
        assert_eq!(choose(&[], &[WAZI]), Err("code-none"));
        assert_eq!(choose(&[(Format::Qr, "hello")], &[WAZI]), Err("code-no-rule"));
        assert_eq!(choose(&[wazi, (Format::Qr, "WAZI-0043")], &[WAZI]), Err("code-several"));
        assert_eq!(choose(&[wazi, (Format::Qr, "BOX-1")], &[WAZI, BOX]), Err("code-several"));
        assert_eq!(choose(&[wazi], &[WAZI, (".*42", "other")]), Err("code-several-rules"));
    }

    /// Whoever stands before the part must know whether to look for a code, to clean it or to print it anew.
    #[test]
    fn what_is_there_and_gives_no_text_is_told_apart_from_nothing() {
        let choose = |photo: &Photo| choose_recipe(photo, &rules(&[WAZI]), &Identity::default()).unwrap_err();
        let mut torn = grey(&[(Format::Qr, "WAZI-0042")]);
        for (x, y, v) in torn.enumerate_pixels_mut() {
            if (148..218).contains(&x) && (148..218).contains(&y) {
                v.0[0] = 225;
            }
        }
        assert_eq!(choose(&photo_of(&torn)).code(), "code-unreadable");
        // The check digit of 400638133393 is 1; the last seven modules before the end say 2.
        let mut bars = code(Format::Ean13, "4006381333931").unwrap();
        for (i, module) in "1101100".bytes().enumerate() {
            bars.put_pixel(85 + i as u32, 0, image::Luma([if module == b'1' { 0 } else { 255 }]));
        }
        let one = PrintedCode::flat(bars, (380.0, 160.0), 4.0, 0.0);
        let wrong = choose(&photo_of(&photographed(&[one], (760, 320), 0.8, 2.0, 1)));
        assert_eq!(wrong, ChoiceError::CheckDigit { digits: Some("\"4006381333932\"".to_owned()) });
    }

    #[test]
    fn a_rule_is_for_its_formats_only() {
        let rule = |pattern: &str, recipe: &str, formats| RecipeByCode {
            pattern: pattern.into(),
            recipe: recipe.into(),
            formats: Some(vec![formats]),
        };
        let rules = Rules::new(&[rule(".*", "ticket", Format::Code128), rule("BOX", "box", Format::Qr)]).unwrap();
        let choose = |format| {
            let one = PrintedCode::flat(code(format, "WAZI-0042").unwrap(), (380.0, 160.0), 4.0, 0.0);
            let photo = photo_of(&photographed(&[one], (760, 320), 0.8, 2.0, 1));
            choose_recipe(&photo, &rules, &Identity::default())
        };
        assert_eq!(choose(Format::Code128).unwrap().recipe, "ticket");
        assert_eq!(choose(Format::Qr).unwrap_err().code(), "code-no-rule");
    }

    #[test]
    fn no_code_makes_a_path() {
        for text in ["../../etc", "a/b", "..", ".hidden", "a\\b", "C:x", "", "sha256:00", "a b", &"x".repeat(200)] {
            if text.is_empty() {
                continue;
            }
            assert_eq!(choose(&[(Format::Qr, text)], &[("(?<x>.*)", "{x}")]), Err("code-no-name"), "{text}");
        }
    }

    #[test]
    fn a_worker_who_says_otherwise_stops_it() {
        let said = Identity { order: Some("7".into()), ..Identity::default() };
        let error = choose_recipe(&photo(&[(Format::Qr, "WAZI-0042")]), &rules(&[WAZI]), &said).unwrap_err();
        assert_eq!(error.code(), "code-disagrees");
        assert!(error.to_string().contains("\"0042\"") && error.to_string().contains("\"7\""), "{error}");
    }

    #[test]
    fn bad_rules_are_refused() {
        for (pattern, recipe, expected) in [
            ("(", "a", "number 1: `pattern`"),
            ("a", "frame-{order}", "no group of the pattern; it has none"),
            ("(?<o>a)", "frame-{o", "a { without a }"),
            ("(?<o>a)", "frame-o}", "a } without a {"),
            ("a", "", "found \"\""),
            ("a", "../x", "letters, digits"),
        ] {
            let said = RecipeByCode { pattern: pattern.into(), recipe: recipe.into(), formats: None };
            let error = Rules::new(&[said]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Rules::from_words(&["no-equals".to_owned()]).is_err());
    }
}
