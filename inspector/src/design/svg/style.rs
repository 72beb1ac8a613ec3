//! What of an SVG is seen.

use roxmltree::Node;
use simplecss::{AttributeOperator, DeclarationTokenizer, PseudoClass, StyleSheet};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use svgtypes::Color;

/// Properties that say whether something is seen.
const SEEN: &[&str] = &[
    "display",
    "visibility",
    "opacity",
    "fill",
    "fill-opacity",
    "fill-rule",
    "stroke",
    "stroke-opacity",
    "stroke-width",
    "clip-path",
    "mask",
];
/// Properties that change a shape: an attribute gives them as its own numbers, in a style they are out of place.
pub(super) const SHAPE: &[&str] = &[
    "transform",
    "transform-origin",
    "translate",
    "rotate",
    "scale",
    "offset-path",
    "d",
    "cx",
    "cy",
    "r",
    "rx",
    "ry",
    "x",
    "y",
    "width",
    "height",
];

/// What children inherit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    visible: bool,
    fill: bool,
    fill_opaque: bool,
    /// The colour of the fill; `None` for a pattern or a gradient.
    pub(super) paint: Option<Color>,
    pub(super) even_odd: bool,
    stroke: bool,
    stroke_opaque: bool,
    stroke_wide: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            visible: true,
            fill: true,
            fill_opaque: true,
            paint: Some(Color::black()),
            even_odd: false,
            stroke: false,
            stroke_opaque: true,
            stroke_wide: true,
        }
    }
}

/// What an element says of itself: property to value, and whether a style said it.
pub(super) type Said = BTreeMap<&'static str, (String, bool)>;

impl Style {
    /// This style, changed by what an element says.
    pub(super) fn with(mut self, said: &Said) -> Self {
        let value = |name: &str| said.get(name).map(|v| v.0.as_str()).filter(|v| *v != "inherit");
        let painted = |v: &str| !matches!(v, "none" | "transparent");
        let some = |v: &str| v.trim_end_matches(['%', 'p', 'x', 'm']).trim().parse::<f64>() != Ok(0.0);
        let set = |field: &mut bool, name: &str, is: &dyn Fn(&str) -> bool| {
            if let Some(v) = value(name) {
                *field = is(v);
            }
        };
        set(&mut self.visible, "visibility", &|v| !matches!(v, "hidden" | "collapse"));
        set(&mut self.fill, "fill", &painted);
        set(&mut self.fill_opaque, "fill-opacity", &some);
        set(&mut self.even_odd, "fill-rule", &|v| v == "evenodd");
        if let Some(v) = value("fill") {
            self.paint = Color::from_str(v).ok();
        }
        set(&mut self.stroke, "stroke", &painted);
        set(&mut self.stroke_opaque, "stroke-opacity", &some);
        set(&mut self.stroke_wide, "stroke-width", &some);
        self
    }
    /// True when an element and all its children are not drawn.
    pub(super) fn removed(said: &Said) -> bool {
        let is = |name: &str, what: &dyn Fn(&str) -> bool| said.get(name).is_some_and(|v| what(&v.0));
        is("display", &|v| v == "none") || is("opacity", &|v| v.trim_end_matches('%').trim().parse::<f64>() == Ok(0.0))
    }
    pub(super) const fn stroked(&self) -> bool {
        self.visible && self.stroke && self.stroke_opaque && self.stroke_wide
    }
    pub(super) const fn filled(&self) -> bool {
        self.visible && self.fill && self.fill_opaque
    }
}

/// What an element says by attributes, style sheet and its own style, the later over the earlier.
pub(super) fn said(node: Node<'_, '_>, sheet: &StyleSheet<'_>) -> Said {
    let mut said = Said::new();
    let mut important: BTreeSet<&'static str> = BTreeSet::new();
    let mut set = |name: &str, value: &str, style: bool, strong: bool| {
        let Some(name) = SEEN.iter().chain(SHAPE).copied().find(|known| *known == name) else { return };
        if strong || !important.contains(name) {
            said.insert(name, (value.trim().to_owned(), style));
        }
        if strong {
            important.insert(name);
        }
    };
    for attribute in node.attributes().filter(|a| a.namespace().is_none()) {
        set(attribute.name(), attribute.value(), false, false);
    }
    // Rules are sorted by their weight.
    for rule in sheet.rules.iter().filter(|rule| rule.selector.matches(&Css(node))) {
        rule.declarations.iter().for_each(|d| set(d.name, d.value, true, d.important));
    }
    if let Some(own) = node.attribute("style") {
        DeclarationTokenizer::from(own).for_each(|d| set(d.name, d.value, true, d.important));
    }
    said
}

/// The head of a rule that the crate of style sheets passes over, though it shows or hides elements.
pub(super) fn hides_unread(sheet: &str) -> Option<String> {
    let text = without_comments(sheet);
    let mut rest = text.as_str();
    while let Some((before, behind)) = rest.split_once('{') {
        // Behind statements without a block, such as @charset.
        let head = before.rsplit([';', '}']).next().unwrap_or(before).trim();
        let mut depth = 1;
        let end = behind.find(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            depth == 0
        });
        let (block, after) = behind.split_at(end.unwrap_or(behind.len()));
        if !understood(head) && block.split(['{', '}', ';']).any(|d| shows(d, head.starts_with('@'))) {
            return Some(head.chars().take(60).collect());
        }
        rest = after.get(1..).unwrap_or_default();
    }
    None
}

fn without_comments(sheet: &str) -> String {
    let mut pieces = sheet.split("/*");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once("*/").map_or("", |(_, behind)| behind))
}

/// True for a head of selectors that are matched, or never match in a drawing that nobody touches.
fn understood(head: &str) -> bool {
    let known = ["first-child", "link", "visited", "hover", "active", "focus", "lang("];
    let pseudo = head.split(':').skip(1).all(|class| known.iter().any(|k| class.starts_with(k)));
    let siblings = head.replace("~=", "").contains('~');
    let parts_of_attributes = ["^=", "$=", "*="].iter().any(|o| head.contains(o));
    !head.starts_with('@') && pseudo && !siblings && !parts_of_attributes
}

/// True for a declaration that decides whether something is seen. Rules for certain screens change colours, too: of theirs only those count that take one away.
fn shows(declaration: &str, on_some_screens: bool) -> bool {
    const SEEN: [&str; 8] =
        ["display", "visibility", "opacity", "fill", "stroke", "stroke-width", "fill-opacity", "stroke-opacity"];
    let Some((name, value)) = declaration.split_once(':') else { return false };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_ascii_lowercase());
    let colour = matches!(name.as_str(), "fill" | "stroke");
    let kept = on_some_screens && colour && !(value.starts_with("none") || value.starts_with("transparent"));
    SEEN.contains(&name.as_str()) && !kept
}

/// A node as style rules see it.
#[derive(Clone, Copy)]
struct Css<'a, 'input>(Node<'a, 'input>);

impl simplecss::Element for Css<'_, '_> {
    fn parent_element(&self) -> Option<Self> {
        self.0.parent_element().map(Self)
    }
    fn prev_sibling_element(&self) -> Option<Self> {
        self.0.prev_sibling_element().map(Self)
    }
    fn has_local_name(&self, name: &str) -> bool {
        self.0.tag_name().name() == name
    }
    fn attribute_matches(&self, local_name: &str, operator: AttributeOperator<'_>) -> bool {
        self.0.attribute(local_name).is_some_and(|value| operator.matches(value))
    }
    fn pseudo_class_matches(&self, class: PseudoClass<'_>) -> bool {
        matches!(class, PseudoClass::FirstChild) && self.0.prev_sibling_element().is_none()
    }
}
