//! `width`: of a slot, of a cutout that has straight sides or is an ellipse, or between two edges that face each other.

use super::entry::{Dimension, Entry, EntryError};
use super::figure::{Oval, Slotted};
use super::pair::Pair;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::design::{Design, Feature, FeatureKind, Slot, ellipse};
use crate::geometry::{DesignMm, Ellipse};
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `width`.
pub static TYPE: CheckType = CheckType {
    name: "width",
    measurand: "width and length of a slot, of an ellipse (both axes) or of a cutout with straight sides, or distance of two parallel edges that face each other, mm",
    method: "a slot as a whole (two sides, two half circles), an ellipse by orthogonal distances, or two lines, least squares through sub-pixel edges, outliers set aside by Tukey's biweight",
    source: "ISO 14405-1:2016 (GG, least-squares association); Ahn, Rauh and Warnecke 2001, doi:10.1016/S0031-3203(00)00152-7; Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171",
    honest_scope: "slots and ellipses at least 8 px wide, slots with round ends, both sides seen, of ellipses both ends too; edges parallel to 1°; of a slot or strip that narrows, a middle width",
    needs: Needs::Drawing,
    example: "type = \"width\"\nfeature = \"slot-1\"\nwidth = { nominal = 3.0, lower = -0.1, upper = 0.1 }\nlength = { nominal = 10.0, lower = -0.2, upper = 0.2 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    feature: Option<String>,
    from: Option<String>,
    to: Option<String>,
    width: Option<Dimension>,
    length: Option<Dimension>,
}

/// What is measured for one characteristic.
#[derive(Clone, Debug)]
enum Of {
    SlotWidth(Feature),
    SlotLength(Feature),
    OvalWidth(Feature, Ellipse<DesignMm>),
    OvalLength(Feature, Ellipse<DesignMm>),
    Between(Pair),
}

#[derive(Debug)]
struct Width {
    of: Vec<Of>,
    characteristics: Vec<Characteristic>,
}

/// Edges farther from parallel or square than this are no sides of an opening: 1°, as a sine.
const SQUARE_SIN: f64 = 0.017_452_406_437_283_51;
/// Most edges of a contour among which sides are looked for: every one is held against every other.
const MAX_EDGES: usize = 64;
/// Most widths that are proposed.
const MAX_PROPOSED: usize = 10;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let design = super::drawing_of(context)?;
    let mut check = Width { of: Vec::new(), characteristics: Vec::new() };
    match (&fields.feature, &fields.from, &fields.to) {
        (Some(name), None, None) => {
            let feature = super::feature_of(design, name)?;
            match feature.kind {
                FeatureKind::Slot(slot) => check.slot(feature, &slot, &fields)?,
                FeatureKind::Cutout => check.cutout(design, feature, &fields)?,
                _ => {
                    return Err(EntryError::new(format!(
                        "`feature`: expected a slot or a cutout, found {:?} (between two edges: `from` and `to`)",
                        feature.name
                    )));
                }
            }
        }
        (None, Some(from), Some(to)) => {
            let pair = Pair::of(design, from, to)?;
            if !facing(&pair) {
                return Err(EntryError::new(format!(
                    "{from:?} and {to:?} do not face each other: expected two parallel edges with material or an opening between them"
                )));
            }
            if fields.length.is_some() {
                return Err(EntryError::new("`length`: only slots and cutouts have one"));
            }
            check.add(&pair.id(), "width", fields.width, pair.drawn_distance()?, Of::Between(pair.clone()))?;
        }
        _ => return Err(EntryError::new("expected `feature` (a slot or a cutout), or `from` and `to` (two edges)")),
    }
    if check.of.is_empty() {
        return Err(EntryError::new("expected `width`, `length` or both, found neither"));
    }
    Ok(Box::new(check))
}

impl Width {
    fn add(
        &mut self,
        name: &str,
        what: &str,
        dimension: Option<Dimension>,
        drawn: f64,
        of: Of,
    ) -> Result<(), EntryError> {
        if let Some(dimension) = dimension {
            super::near_drawing(what, &dimension, drawn)?;
            self.characteristics.push(Characteristic::of(format!("{name}.{what}"), TYPE.name, dimension, Unit::Mm));
            self.of.push(of);
        }
        Ok(())
    }
    fn slot(&mut self, feature: &Feature, slot: &Slot, fields: &Fields) -> Result<(), EntryError> {
        self.add(&feature.name, "width", fields.width, slot.width, Of::SlotWidth(feature.clone()))?;
        self.add(&feature.name, "length", fields.length, slot.length(), Of::SlotLength(feature.clone()))
    }
    fn cutout(&mut self, design: &Design, feature: &Feature, fields: &Fields) -> Result<(), EntryError> {
        if let Some(oval) = ellipse(&design.contours[feature.contour]) {
            self.add(&feature.name, "width", fields.width, oval.width(), Of::OvalWidth(feature.clone(), oval))?;
            return self.add(
                &feature.name,
                "length",
                fields.length,
                oval.length(),
                Of::OvalLength(feature.clone(), oval),
            );
        }
        let (width, length) = sides(design, feature);
        for (what, dimension, pair) in [("width", fields.width, width), ("length", fields.length, length)] {
            match (dimension, pair) {
                (None, _) => {}
                (Some(_), None) => {
                    return Err(EntryError::new(format!(
                        "`{what}`: {:?} is no ellipse and has no two straight sides for it: expected `from` and `to`, two parallel edges",
                        feature.name
                    )));
                }
                (Some(_), Some(pair)) => {
                    self.add(&feature.name, what, dimension, pair.drawn_distance()?, Of::Between(pair))?;
                }
            }
        }
        Ok(())
    }
}

/// True for two parallel edges that run against each other and have a stretch in common: material or an opening lies between them.
fn facing(pair: &Pair) -> bool {
    let Some([a, b]) = pair.lines() else { return false };
    let (low, high) = pair.facing();
    a.direction.cross(b.direction).abs() <= SQUARE_SIN && a.direction.dot(b.direction) < 0.0 && high > low
}

/// All pairs of edges of a contour, of at least that length, that face each other, nearest first; of very many edges, the longest.
fn pairs(design: &Design, contour: usize, shortest_mm: f64) -> Vec<(f64, Pair)> {
    let mut edges: Vec<(usize, f64)> = Vec::new();
    for (i, f) in design.features.iter().enumerate().filter(|(_, f)| f.contour == contour) {
        let length = super::edge_length(f);
        if length > 0.0 && length >= shortest_mm {
            edges.push((i, length));
        }
    }
    edges.sort_by(|a, b| b.1.total_cmp(&a.1));
    edges.truncate(MAX_EDGES);
    edges.sort_by_key(|(i, _)| *i);
    let mut found = Vec::new();
    for (k, (from, _)) in edges.iter().enumerate() {
        for (to, _) in &edges[k + 1..] {
            let pair = Pair { from: design.features[*from].clone(), to: design.features[*to].clone() };
            if let (true, Ok(distance)) = (facing(&pair), pair.drawn_distance()) {
                found.push((distance, pair));
            }
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

/// The sides that make width and length of a cutout: the nearest two that face each other, and the farthest two square to them.
fn sides(design: &Design, feature: &Feature) -> (Option<Pair>, Option<Pair>) {
    let mut all = pairs(design, feature.contour, 0.0);
    if all.is_empty() {
        return (None, None);
    }
    let (_, width) = all.remove(0);
    let direction = width.lines().map(|l| l[0].direction);
    let square = |pair: &Pair| {
        let (Some(a), Some([b, _])) = (direction, pair.lines()) else { return false };
        a.dot(b.direction).abs() <= SQUARE_SIN
    };
    let length = all.into_iter().rev().find(|(_, pair)| square(pair)).map(|(_, pair)| pair);
    (Some(width), length)
}

/// Every slot, every ellipse, every cutout with straight sides, and the two largest widths of the outline that are square to each other: between edges long enough for
/// this camera.
fn propose(design: &Design, mm_per_px: f64) -> Vec<String> {
    let shortest = super::LEAST_EDGE_PX * mm_per_px;
    let dimension = |what: &str, nominal: f64, note: &str| {
        let t = iso2768::medium(nominal)?;
        Some(format!("{what} = {{ nominal = {nominal:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m{note}"))
    };
    let drawn = |pair: Option<Pair>| {
        let pair = pair.filter(|p| [&p.from, &p.to].into_iter().all(|f| super::edge_length(f) >= shortest))?;
        pair.drawn_distance().ok()
    };
    let opening = |f: &Feature| {
        let (width, length) = match f.kind {
            FeatureKind::Slot(slot) => (Some(slot.width), Some(slot.length())),
            FeatureKind::Cutout => match ellipse(&design.contours[f.contour]) {
                Some(oval) => (Some(oval.width()), Some(oval.length())),
                None => {
                    let (width, length) = sides(design, f);
                    (drawn(width), drawn(length))
                }
            },
            _ => return None,
        };
        let lines: Vec<String> = [("width", width), ("length", length)]
            .into_iter()
            .filter_map(|(what, size)| dimension(what, size?, ""))
            .collect();
        (!lines.is_empty()).then(|| format!("type = \"width\"\nfeature = \"{}\"\n{}", f.name, lines.join("\n")))
    };
    let (low, high) = design.bounds();
    let mut proposed: Vec<String> = over_all(design, shortest)
        .into_iter()
        .filter_map(|(size, pair)| {
            let (from, to) = (&pair.from.name, &pair.to.name);
            let whole = [high.x - low.x, high.y - low.y].iter().any(|extent| (extent - size).abs() < 1e-3);
            let width = dimension("width", size, if whole { ", over all" } else { "" })?;
            Some(format!("type = \"width\"\nfrom = \"{from}\"\nto = \"{to}\"\n{width}"))
        })
        .collect();
    proposed.extend(design.features.iter().filter_map(opening));
    proposed.truncate(MAX_PROPOSED);
    proposed
}

/// The widest two facing edges of the outline, and the widest two square to them.
fn over_all(design: &Design, shortest_mm: f64) -> Vec<(f64, Pair)> {
    let mut all = pairs(design, 0, shortest_mm);
    let Some(first) = all.pop() else { return Vec::new() };
    let direction = first.1.lines().map(|l| l[0].direction);
    let square = |pair: &Pair| {
        let (Some(a), Some([b, _])) = (direction, pair.lines()) else { return false };
        a.dot(b.direction).abs() <= SQUARE_SIN
    };
    let second = all.into_iter().rev().find(|(_, pair)| square(pair));
    [Some(first), second].into_iter().flatten().collect()
}

impl Check for Width {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let one = |(of, c): (&Of, &Characteristic)| match of {
            Of::Between(pair) => pair.distance(part, c.room()),
            Of::SlotWidth(feature) | Of::SlotLength(feature) => Slotted::measure(part, feature).map(|slot| {
                let observation = if matches!(of, Of::SlotWidth(_)) { slot.width(part) } else { slot.length(part) };
                observation.at(slot.edges.region(part).into_iter().collect())
            }),
            Of::OvalWidth(feature, drawn) | Of::OvalLength(feature, drawn) => {
                Oval::measure(part, feature, drawn).map(|oval| {
                    let wide = matches!(of, Of::OvalWidth(..));
                    let observation = if wide { oval.width(part) } else { oval.length(part) };
                    observation.at(oval.edges.region(part).into_iter().collect())
                })
            }
        };
        self.of.iter().zip(&self.characteristics).map(|x| one(x).unwrap_or_else(Observation::not_measured)).collect()
    }
}
