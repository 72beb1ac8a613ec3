//! `distance`: between two holes, a hole and a straight edge, or two parallel edges.

use super::entry::{Dimension, Entry, EntryError};
use super::pair::Pair;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::design::{Design, FeatureKind};
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `distance`.
pub static TYPE: CheckType = CheckType {
    name: "distance",
    measurand: "distance of two features, mm: of two centres, of a centre from an edge's line, or of two parallel edges beside the middle of where they face each other",
    method: "least-squares circles and lines through sub-pixel edges, outliers set aside by Tukey's biweight",
    source: "ISO 14405-1:2016 (GG, least-squares association); ISO 14405-2:2018 (linear distances); Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171",
    honest_scope: "round features and straight edges; edges parallel to 1° in the drawing; nearer to a corner than 6 px no edge is measured",
    needs: Needs::Drawing,
    example: "type = \"distance\"\nfrom = \"hole-1\"\nto = \"edge-1\"\ndistance = { nominal = 12.0, lower = -0.2, upper = 0.2 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    from: String,
    to: String,
    distance: Dimension,
}

#[derive(Debug)]
struct Distance {
    pair: Pair,
    characteristics: [Characteristic; 1],
}

/// Most distances that are proposed.
const MAX_PROPOSED: usize = 8;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let pair = Pair::of(super::drawing_of(context)?, &fields.from, &fields.to)?;
    super::near_drawing("distance", &fields.distance, pair.drawn_distance()?)?;
    let id = format!("{}.distance", pair.id());
    let characteristics = [Characteristic::of(id, TYPE.name, fields.distance, Unit::Mm)];
    Ok(Box::new(Distance { pair, characteristics }))
}

/// From the first hole of each pattern to the one that is farthest from it, and between two holes of one size that are no pattern: where a hole lies
/// beside the others is told by its position already.
fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let hole = |name: &str| {
        let (feature, _) = design.feature(name)?;
        Some((feature.name.clone(), feature.circle()?))
    };
    let patterns = design.patterns();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pattern in &patterns {
        let members: Vec<_> = pattern.members.iter().filter_map(|m| hole(m)).collect();
        let Some((first, from)) = members.first() else { continue };
        let far = members.iter().max_by(|a, b| {
            a.1.centre.distance(from.centre).total_cmp(&b.1.centre.distance(from.centre)).then(b.0.cmp(&a.0))
        });
        pairs.extend(far.map(|(name, _)| (first.clone(), name.clone())));
    }
    let single = |name: &String| !patterns.iter().any(|p| p.members.contains(name));
    let mut sizes: Vec<(f64, Vec<String>)> = Vec::new();
    for f in design.features.iter().filter(|f| single(&f.name)) {
        let FeatureKind::Hole(circle) = f.kind else { continue };
        match sizes.iter_mut().find(|(r, _)| (r - circle.radius).abs() < 0.01) {
            Some((_, names)) => names.push(f.name.clone()),
            None => sizes.push((circle.radius, vec![f.name.clone()])),
        }
    }
    pairs.extend(sizes.into_iter().filter_map(|(_, names)| <[String; 2]>::try_from(names).ok()).map(|[a, b]| (a, b)));
    let entry = |(from, to): &(String, String)| {
        let drawn = Pair::of(design, from, to).ok()?.drawn_distance().ok()?;
        let t = iso2768::medium(drawn)?;
        Some(format!(
            "type = \"distance\"\nfrom = \"{from}\"\nto = \"{to}\"\ndistance = {{ nominal = {drawn:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m"
        ))
    };
    pairs.iter().filter_map(entry).take(MAX_PROPOSED).collect()
}

impl Check for Distance {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let room = self.characteristics[0].room();
        vec![self.pair.distance(part, room).unwrap_or_else(Observation::not_measured)]
    }
}
