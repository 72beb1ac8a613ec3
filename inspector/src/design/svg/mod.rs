//! SVG to pieces of contour in millimetres.
//!
//! `XML -> nothing foreign in it -> unit -> walk: style, transform, shape -> curves -> lines and arcs`. The crates parse XML, path data and
//! style sheets; we walk the tree ourselves, so that every refusal names its element and line, and circles stay circles.

mod curve;
mod fill;
mod path;
mod style;
mod unit;

use super::join::{Piece, SAME};
use super::{DesignError, Drawn, MAX_BYTES, MAX_ENTITIES, MAX_SEGMENTS, Segment, Units};
use curve::{Affine, Curve};
use path::{Subpath, subpaths};
use roxmltree::{Document, Node, ParsingOptions};
use simplecss::StyleSheet;
use std::collections::BTreeMap;
use std::f64::consts::{PI, TAU};
use std::str::FromStr as _;
use style::{Said, Style};
use svgtypes::{Length, LengthUnit};
use unit::Pixel;

const SVG: &str = "http://www.w3.org/2000/svg";
/// Deepest nesting of groups and uses.
const MAX_DEPTH: usize = 64;
/// Most rules of style sheets.
const MAX_RULES: usize = 1000;
/// How far width and height may disagree about the scale, as a share: their rounding.
const SCALES: f64 = 0.0005;

/// Groups: only their children are drawn.
const GROUPS: &[&str] = &["g", "a"];
/// Never drawn where they stand.
const DEFINITIONS: &[&str] = &[
    "defs",
    "symbol",
    "clipPath",
    "mask",
    "marker",
    "pattern",
    "linearGradient",
    "radialGradient",
    "filter",
    "metadata",
    "title",
    "desc",
    "style",
    "view",
    "font",
    "color-profile",
    "cursor",
    "hatch",
    "mesh",
    "meshgradient",
    "solidcolor",
    "solidColor",
];
/// Drawn for people: no part of a contour.
const ANNOTATIONS: &[&str] = &["text", "image"];

/// True for what can only be meant as XML.
pub(super) fn is_xml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"<")
}

/// The lines and arcs of an SVG in millimetres; x as drawn, y turned to point up.
pub(super) fn read(bytes: &[u8], units: Option<Units>) -> Result<Drawn, DesignError> {
    if bytes.len() > MAX_BYTES {
        return Err(DesignError::TooLarge { found: bytes.len(), limit: MAX_BYTES });
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() as u32;
        DesignError::Syntax { line, expected: "text in UTF-8", found: "other bytes: save it as UTF-8".to_owned() }
    })?;
    let lines = Lines::new(text);
    if let Some(at) = text.find("<!ENTITY") {
        let found = "a definition of an XML entity: save it as plain SVG".to_owned();
        return Err(DesignError::Syntax { line: lines.of(at), expected: "no definitions before <svg>", found });
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: 2 * MAX_ENTITIES as u32, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|e| match e {
        roxmltree::Error::NodesLimitReached => DesignError::TooMany { what: "elements", limit: 2 * MAX_ENTITIES },
        e => DesignError::Syntax { line: e.pos().row, expected: "XML", found: e.to_string() },
    })?;
    let root = document.root_element();
    if root.tag_name().name() != "svg" || !is_svg(root) {
        let found = format!("XML of another kind, <{}>", root.tag_name().name());
        return Err(DesignError::NotADesign { found });
    }
    let mut reader = Reader {
        lines,
        sheet: StyleSheet::new(),
        ids: BTreeMap::new(),
        pixel: Pixel::of(&document),
        px: false,
        pieces: Vec::new(),
        ignored: BTreeMap::new(),
        remarks: Vec::new(),
        fills: Vec::new(),
        entities: 0,
    };
    reader.refuse_foreign(&document)?;
    for node in document.descendants() {
        if let Some(id) = node.attribute("id") {
            reader.ids.entry(id).or_insert(node);
        }
        if node.tag_name().name() == "style" && is_svg(node) {
            let text = node.text().unwrap_or_default();
            if let Some(rule) = style::hides_unread(text) {
                let detail = format!(
                    "the rule {rule:?} shows or hides what it is for, and is not understood: save it as plain SVG"
                );
                return Err(reader.fault(node, detail));
            }
            reader.sheet.parse_more(text);
        }
    }
    if reader.sheet.rules.len() > MAX_RULES {
        return Err(DesignError::TooMany { what: "style rules", limit: MAX_RULES });
    }
    let (map, drawn_in) = reader.unit(root, units)?;
    let said = style::said(root, &reader.sheet);
    reader.refuse_moved(root, &said)?;
    if !Style::removed(&said) {
        reader.children(root, &map, &Style::default().with(&said), 0)?;
    }
    reader.note_fills();
    Ok(Drawn { pieces: reader.pieces, drawn_in, ignored: reader.ignored, remarks: reader.remarks })
}

/// True for elements of SVG, and of files that name no namespace.
fn is_svg(node: Node<'_, '_>) -> bool {
    node.is_element() && node.tag_name().namespace().is_none_or(|n| n == SVG)
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1).collect())
    }
    /// The line of a byte, from 1.
    fn of(&self, byte: usize) -> u32 {
        1 + self.0.partition_point(|start| *start <= byte) as u32
    }
}

struct Reader<'a, 'input> {
    lines: Lines,
    sheet: StyleSheet<'a>,
    ids: BTreeMap<&'a str, Node<'a, 'input>>,
    pixel: Pixel,
    /// True when a user unit of the whole drawing is such a pixel, so that `10mm` inside means 10 mm.
    px: bool,
    pieces: Vec<Piece>,
    ignored: BTreeMap<String, usize>,
    remarks: Vec<String>,
    /// Colours of the shapes that are only filled; `None` for patterns and gradients.
    fills: Vec<Option<svgtypes::Color>>,
    entities: usize,
}

impl<'a, 'input> Reader<'a, 'input> {
    fn line(&self, node: Node<'_, '_>) -> u32 {
        self.lines.of(node.range().start)
    }
    fn fault(&self, node: Node<'_, '_>, detail: impl Into<String>) -> DesignError {
        DesignError::Entity {
            entity: format!("<{}>", node.tag_name().name()),
            line: self.line(node),
            detail: detail.into(),
        }
    }

    /// Refuses scripts, animation and references that leave the file, also where nothing would be drawn. Nothing is ever fetched.
    fn refuse_foreign(&self, document: &'a Document<'input>) -> Result<(), DesignError> {
        for node in document.descendants() {
            if let Some(pi) = node.pi().filter(|pi| pi.target == "xml-stylesheet") {
                let found = format!("an external style sheet: <?{} ...?>", pi.target);
                return Err(DesignError::Syntax {
                    line: self.line(node),
                    expected: "one file that refers to no other",
                    found,
                });
            }
            let name = node.tag_name().name();
            if is_svg(node) && name == "script" {
                return Err(self.fault(node, "a drawing must not hold a script: remove it"));
            }
            if is_svg(node) && (name.starts_with("animate") || name == "set" || name == "discard") {
                return Err(self.fault(node, "a drawing must not move: remove the animation"));
            }
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value().trim());
                let shown = || value.chars().take(60).collect::<String>();
                if attribute.namespace().is_none() && key.len() > 2 && key.starts_with("on") {
                    return Err(self.fault(node, format!("a drawing must not hold a script: remove {key}")));
                }
                let link = matches!(key, "href" | "src");
                if link && value.to_ascii_lowercase().starts_with("javascript:") {
                    return Err(self.fault(node, "a drawing must not hold a script: remove the link"));
                }
                // What people may click is not drawn.
                let inside = value.starts_with('#') || value.starts_with("data:") || value.is_empty() || name == "a";
                if (link && is_svg(node) && !inside) || outside(value) {
                    return Err(
                        self.fault(node, format!("refers to something outside the file, {:?}: embed it", shown()))
                    );
                }
            }
            if is_svg(node) && name == "style" && node.text().is_some_and(|t| t.contains("@import") || outside(t)) {
                return Err(self.fault(node, "refers to something outside the file: remove @import and url(...)"));
            }
        }
        Ok(())
    }

    fn children(
        &mut self,
        node: Node<'a, 'input>,
        map: &Affine,
        style: &Style,
        depth: usize,
    ) -> Result<(), DesignError> {
        if depth > MAX_DEPTH {
            return Err(self.fault(node, format!("groups and uses are nested deeper than {MAX_DEPTH}")));
        }
        node.children().filter(|c| is_svg(*c)).try_for_each(|child| self.element(child, map, style, depth))
    }

    fn element(
        &mut self,
        node: Node<'a, 'input>,
        map: &Affine,
        style: &Style,
        depth: usize,
    ) -> Result<(), DesignError> {
        self.entities += 1;
        if self.entities > MAX_ENTITIES {
            return Err(DesignError::TooMany { what: "elements", limit: MAX_ENTITIES });
        }
        let name = node.tag_name().name();
        if DEFINITIONS.contains(&name) {
            return Ok(());
        }
        let said = style::said(node, &self.sheet);
        if Style::removed(&said) {
            self.ignore("hidden elements");
            return Ok(());
        }
        if ANNOTATIONS.contains(&name) {
            self.ignore(name);
            return Ok(());
        }
        self.refuse_masked(node, &said)?;
        let style = style.with(&said);
        let map = self.transformed(node, map)?;
        match name {
            _ if GROUPS.contains(&name) => self.children(node, &map, &style, depth + 1),
            "switch" => {
                // The first child that needs nothing special.
                let plain = |c: &Node<'a, 'input>| {
                    is_svg(*c)
                        && c.tag_name().name() != "foreignObject"
                        && !c.has_attribute("requiredExtensions")
                        && !c.has_attribute("systemLanguage")
                };
                node.children().find(plain).map_or(Ok(()), |child| self.element(child, &map, &style, depth + 1))
            }
            "svg" => {
                let inner = self.viewport(node, node, &map)?;
                self.children(node, &inner, &style, depth + 1)
            }
            "use" => self.used(node, &map, &style, depth),
            _ => self.shape(node, &map, &style),
        }
    }

    /// The frame inside an element, behind its transform.
    fn transformed(&self, node: Node<'_, '_>, map: &Affine) -> Result<Affine, DesignError> {
        let Some(text) = node.attribute("transform") else { return Ok(*map) };
        let t = svgtypes::Transform::from_str(text).map_err(|e| self.fault(node, format!("transform: {e}")))?;
        Ok(map.of(&Affine([t.a, t.b, t.c, t.d, t.e, t.f])))
    }

    /// Refuses a drawing that is transformed, clipped or masked as a whole: what its width and height then mean is read in different ways.
    fn refuse_moved(&self, root: Node<'_, '_>, said: &Said) -> Result<(), DesignError> {
        let moves = ["transform", "translate", "rotate", "scale", "clip-path", "mask"];
        match moves.into_iter().find(|name| said.get(name).is_some_and(|v| !v.0.is_empty() && v.0 != "none")) {
            Some(name) => Err(self.fault(
                root,
                format!("expected the drawing as it is, found {name} for all of it: move it to a group inside"),
            )),
            None => Ok(()),
        }
    }

    /// Refuses what changes the shape that is seen in a way we do not follow.
    fn refuse_masked(&self, node: Node<'_, '_>, said: &Said) -> Result<(), DesignError> {
        for name in ["clip-path", "mask"] {
            if said.get(name).is_some_and(|v| v.0 != "none") {
                return Err(self.fault(
                    node,
                    format!("expected a contour that is drawn whole, found one under a {name}: release it"),
                ));
            }
        }
        if let Some((name, _)) = said.iter().find(|(name, v)| v.1 && style::SHAPE.contains(name) && v.0 != "none") {
            return Err(self.fault(
                node,
                format!("expected its shape in attributes, found {name} in a style: save it as plain SVG"),
            ));
        }
        if node.has_attribute("transform-origin") {
            return Err(
                self.fault(node, "expected a transform about the origin, found transform-origin: save it as plain SVG")
            );
        }
        Ok(())
    }

    /// The frame inside an `svg` or `symbol`; `by` (itself, or the `use` that shows it) says where and how large.
    fn viewport(&self, node: Node<'_, '_>, by: Node<'_, '_>, map: &Affine) -> Result<Affine, DesignError> {
        let at = |name: &str| if node.tag_name().name() == "svg" { self.length(node, name, 0.0) } else { Ok(0.0) };
        let map = map.of(&Affine::shift(at("x")?, at("y")?));
        for name in ["refX", "refY"] {
            if node.attribute(name).is_some_and(|v| !matches!(v.trim(), "0" | "left" | "top")) {
                return Err(self.fault(
                    node,
                    format!(
                        "expected a symbol that starts at its corner, found {name}: take it away and move what uses it"
                    ),
                ));
            }
        }
        let Some(text) = node.attribute("viewBox") else { return Ok(map) };
        let view = svgtypes::ViewBox::from_str(text).map_err(|e| self.fault(node, format!("viewBox: {e}")))?;
        let size = |name: &str| {
            if by.has_attribute(name) { self.length(by, name, 0.0) } else { self.length(node, name, f64::NAN) }
        };
        let (w, h) = (size("width")?, size("height")?);
        let scale = (w / view.w).min(h / view.h);
        if !(scale.is_finite() && scale > 0.0) || (w / view.w).is_nan() || (h / view.h).is_nan() {
            return Err(self.fault(by, "expected a width and a height as numbers, because what it shows has a viewBox"));
        }
        if node.attribute("preserveAspectRatio").is_some_and(|p| !matches!(p.trim(), "xMidYMid" | "xMidYMid meet")) {
            return Err(self.fault(node, "expected preserveAspectRatio as it is by default (xMidYMid meet)"));
        }
        let centred = Affine::shift(0.5 * (w - scale * view.w), 0.5 * (h - scale * view.h));
        Ok(map.of(&centred).of(&Affine::scale(scale, scale)).of(&Affine::shift(-view.x, -view.y)))
    }

    fn used(&mut self, node: Node<'a, 'input>, map: &Affine, style: &Style, depth: usize) -> Result<(), DesignError> {
        let link = node.attributes().find(|a| a.name() == "href").map_or("", |a| a.value().trim());
        let target = *link
            .strip_prefix('#')
            .and_then(|id| self.ids.get(id))
            .ok_or_else(|| self.fault(node, format!("expected the id of an element of the file, found {link:?}")))?;
        if depth >= MAX_DEPTH {
            return Err(self.fault(node, format!("groups and uses are nested deeper than {MAX_DEPTH}")));
        }
        let map = map.of(&Affine::shift(self.length(node, "x", 0.0)?, self.length(node, "y", 0.0)?));
        if !matches!(target.tag_name().name(), "symbol" | "svg") {
            return self.element(target, &map, style, depth + 1);
        }
        let said = style::said(target, &self.sheet);
        self.refuse_masked(target, &said)?;
        if Style::removed(&said) {
            return Ok(());
        }
        let map = self.transformed(target, &map)?;
        let inner = self.viewport(target, node, &map)?;
        self.children(target, &inner, &style.with(&said), depth + 1)
    }

    /// A length in user units.
    fn length(&self, node: Node<'_, '_>, name: &str, absent: f64) -> Result<f64, DesignError> {
        let Some(text) = node.attribute(name) else { return Ok(absent) };
        let length = Length::from_str(text.trim()).map_err(|e| self.fault(node, format!("{name}: {e}")))?;
        match (length.unit, self.pixel.physical(length.unit)) {
            (LengthUnit::None | LengthUnit::Px, _) => Ok(length.number),
            (_, Some(mm)) if self.px => Ok(length.number * mm / self.pixel.mm()),
            (_, Some(_)) => Err(self.fault(
                node,
                format!("mixed units: {name} is {text:?}, but a unit of this drawing is no pixel; write it as a plain number"),
            )),
            (_, None) => Err(self.fault(node, format!("{name}: expected a number, found {text:?}"))),
        }
    }

    fn shape(&mut self, node: Node<'a, 'input>, map: &Affine, style: &Style) -> Result<(), DesignError> {
        let paths = self.outline(node)?;
        if !style.stroked() && !style.filled() {
            self.ignore("elements without stroke and fill");
            return Ok(());
        }
        let line = self.line(node);
        let mut segments = Vec::new();
        let mut starts = Vec::new();
        for mut path in paths {
            starts.push(segments.len());
            // A fill ends at the line back to its start; a stroke shows the gap.
            if !style.stroked() {
                path.close();
            }
            for curve in &path.curves {
                curve.draw(map, &mut segments);
                if self.pieces.len() + segments.len() > MAX_SEGMENTS {
                    return Err(DesignError::TooMany { what: "lines and arcs", limit: MAX_SEGMENTS });
                }
            }
        }
        if segments.iter().any(|s| !s.at(0.0).is_finite() || !s.at(1.0).is_finite() || s.length() >= 1e9) {
            return Err(self.fault(node, "expected numbers below 1e9, found one beyond"));
        }
        if segments.iter().all(|s| s.length() <= SAME) {
            self.ignore("elements without length");
        } else if !style.stroked() {
            self.refuse_solid(node, style, &segments, &starts)?;
            self.fills.push(style.paint);
        }
        self.pieces.extend(segments.into_iter().map(|segment| Piece { segment, line }));
        Ok(())
    }

    /// Refuses a filled path one of whose loops, which begin at `starts`, is not seen: an opening there would be solid.
    fn refuse_solid(
        &self,
        node: Node<'_, '_>,
        style: &Style,
        segments: &[Segment],
        starts: &[usize],
    ) -> Result<(), DesignError> {
        if style.even_odd || starts.len() < 2 {
            return Ok(());
        }
        let ends = starts.iter().skip(1).copied().chain([segments.len()]);
        let loops: Vec<&[Segment]> = starts.iter().zip(ends).map(|(start, end)| &segments[*start..end]).collect();
        match fill::solid(&loops)? {
            Some(p) => Err(self.fault(
                node,
                format!(
                    "the loop at ({:.4}, {:.4}) mm runs the same way round as the one about it, so its fill is solid there: reverse it, or \
                     say fill-rule=\"evenodd\"",
                    p.x, p.y
                ),
            )),
            None => Ok(()),
        }
    }

    /// Says that shapes are filled alike, so that one on another is not seen.
    fn note_fills(&mut self) {
        let mut alike = BTreeMap::new();
        for fill in &self.fills {
            *alike.entry(fill.map(|c| [c.red, c.green, c.blue, c.alpha])).or_insert(0) += 1;
        }
        let most = alike.into_values().max().unwrap_or(0);
        if most > 1 {
            self.remarks.push(format!(
                "{most} shapes are filled in one colour: one that lies on another is not seen, and taken as an opening."
            ));
        }
    }

    /// The path of a shape.
    fn outline(&self, node: Node<'_, '_>) -> Result<Vec<Subpath>, DesignError> {
        let number = |name: &str| self.length(node, name, 0.0);
        let name = node.tag_name().name();
        let size = |name: &str| match number(name) {
            Ok(v) if v < 0.0 || v.is_nan() => Err(self.fault(node, format!("{name}: expected 0 or more, found {v}"))),
            v => v,
        };
        Ok(match name {
            "path" => {
                subpaths(node.attribute("d").unwrap_or_default(), MAX_SEGMENTS).map_err(|e| self.fault(node, e))?
            }
            "line" => {
                let mut path = Subpath::at((number("x1")?, number("y1")?));
                path.line_to((number("x2")?, number("y2")?));
                vec![path]
            }
            "polyline" | "polygon" => self.polygon(node, name == "polygon")?,
            "circle" => ellipse((number("cx")?, number("cy")?), size("r")?, size("r")?),
            "ellipse" => {
                let auto = |name: &str, other: &str| size(if node.has_attribute(name) { name } else { other });
                ellipse((number("cx")?, number("cy")?), auto("rx", "ry")?, auto("ry", "rx")?)
            }
            "rect" => {
                let (rx, ry) = match (node.has_attribute("rx"), node.has_attribute("ry")) {
                    (true, false) => (size("rx")?, size("rx")?),
                    (false, true) => (size("ry")?, size("ry")?),
                    _ => (size("rx")?, size("ry")?),
                };
                rectangle((number("x")?, number("y")?), (size("width")?, size("height")?), (rx, ry))
            }
            _ => {
                return Err(
                    self.fault(node, "expected paths, basic shapes, groups and uses: turn it into a path, or hide it")
                );
            }
        })
    }

    fn polygon(&self, node: Node<'_, '_>, closed: bool) -> Result<Vec<Subpath>, DesignError> {
        let numbers = svgtypes::NumberListParser::from(node.attribute("points").unwrap_or_default())
            .take(2 * MAX_SEGMENTS + 2)
            .collect::<Result<Vec<f64>, _>>()
            .map_err(|e| self.fault(node, format!("points: {e}")))?;
        if numbers.len() % 2 != 0 {
            return Err(self.fault(node, "points: expected x and y of every point, found only x"));
        }
        let mut points = numbers.chunks_exact(2).map(|p| (p[0], p[1]));
        let Some(first) = points.next() else { return Ok(Vec::new()) };
        let mut path = Subpath::at(first);
        points.for_each(|p| path.line_to(p));
        if closed {
            path.close();
        }
        Ok(vec![path])
    }

    fn ignore(&mut self, what: &str) {
        *self.ignored.entry(what.to_owned()).or_default() += 1;
    }
}

/// True when a style refers to something outside the file.
fn outside(style: &str) -> bool {
    style.split("url(").skip(1).any(|rest| {
        let link = rest.trim_start().trim_start_matches(['"', '\'']).trim_start();
        !link.starts_with('#') && !link.starts_with("data:")
    })
}

fn ellipse(centre: curve::Xy, rx: f64, ry: f64) -> Vec<Subpath> {
    if rx == 0.0 || ry == 0.0 {
        return Vec::new();
    }
    let start = (centre.0 + rx, centre.1);
    vec![Subpath { curves: vec![Curve::ellipse(centre, rx, ry, 0.0, TAU)], start, end: start }]
}

fn rectangle((x, y): curve::Xy, (w, h): (f64, f64), (rx, ry): (f64, f64)) -> Vec<Subpath> {
    if w == 0.0 || h == 0.0 {
        return Vec::new();
    }
    let (rx, ry) = (rx.min(0.5 * w), ry.min(0.5 * h));
    let (left, right, top, bottom) = (x, x + w, y, y + h);
    let mut path = Subpath::at((left + rx, top));
    // Clockwise on the screen: an edge, then the corner behind it.
    let sides = [
        ((right - rx, top), (right - rx, top + ry), (right, top + ry)),
        ((right, bottom - ry), (right - rx, bottom - ry), (right - rx, bottom)),
        ((left + rx, bottom), (left + rx, bottom - ry), (left, bottom - ry)),
        ((left, top + ry), (left + rx, top + ry), (left + rx, top)),
    ];
    for (k, (corner, centre, behind)) in sides.into_iter().enumerate() {
        if path.end != corner {
            path.line_to(corner);
        }
        if rx > 0.0 && ry > 0.0 {
            path.curves.push(Curve::ellipse(centre, rx, ry, PI * (0.5 * k as f64 - 0.5), 0.5 * PI));
            path.end = behind;
        }
    }
    vec![path]
}
