//! `straightness` of an edge.

use super::entry::{Entry, EntryError};
use super::figure::{self, Edges};
use super::form::expected_largest;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, iso2768, profile};
use crate::calibration::{Budget, Source, World};
use crate::design::{Design, Feature, FeatureKind};
use crate::geometry::{PlaneMm, Point, straight_zone};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `straightness`.
pub static TYPE: CheckType = CheckType {
    name: "straightness",
    measurand: "straightness of an edge, mm: width of the narrowest strip that holds all of its sub-pixel edges",
    method: "minimum zone (least width of the convex hull); no edge is set aside; what noise alone would show is stated as uncertainty",
    source: "ISO 1101:2017, 18.3; ISO 12780-1:2011 (minimum zone); Houle and Toussaint 1988, doi:10.1109/34.6790",
    honest_scope: "nothing shorter than 4 px along the edge is resolved; 6 to 10 px beside a corner are left out; a burr or a speck of dust counts",
    needs: Needs::Drawing,
    example: "type = \"straightness\"\nfeature = \"edge-1\"\nupper = 0.2",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    feature: String,
    upper: f64,
}

#[derive(Debug)]
struct Straightness {
    feature: Feature,
    characteristics: [Characteristic; 1],
}

/// Share of places that may be without any edge before the form counts as not measured.
const MAX_UNCLEAR: f64 = 0.1;
/// Shortest edges that are proposed, mm.
const LONG: f64 = 20.0;
/// Most edges that are proposed.
const MAX_PROPOSED: usize = 6;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let feature = super::feature_of(super::drawing_of(context)?, &fields.feature)?.clone();
    if !matches!(feature.kind, FeatureKind::Edge { .. }) {
        return Err(EntryError::new(format!(
            "`feature`: expected a straight edge, such as edge-1, found {:?}",
            feature.name
        )));
    }
    let upper = super::form_limit("upper", fields.upper)?;
    let characteristics = [Characteristic::deviation(format!("{}.straightness", feature.name), TYPE.name, upper)];
    Ok(Box::new(Straightness { feature, characteristics }))
}

/// The longest edges.
fn propose(design: &Design, mm_per_px: f64) -> Vec<String> {
    let long = LONG.max(super::LEAST_EDGE_PX * mm_per_px);
    let lengths = design.features.iter().map(|f| (super::edge_length(f), f));
    let mut edges: Vec<(f64, &Feature)> = lengths.filter(|(length, _)| *length >= long).collect();
    edges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let entry = |(length, f): (f64, &Feature)| {
        let t = iso2768::straightness(length)?;
        Some(format!("type = \"straightness\"\nfeature = \"{}\"\nupper = {t}   # assumed: as ISO 2768-2 K", f.name))
    };
    edges.into_iter().filter_map(entry).take(MAX_PROPOSED).collect()
}

impl Check for Straightness {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![self.measure(part).unwrap_or_else(Observation::not_measured)]
    }
}

impl Straightness {
    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let pose = part.drawing()?;
        let edges = Edges::of(part, &self.feature, |_| true)?;
        if edges.glare() > 0 {
            return Err(Reason::Glare);
        }
        let seen = edges.kept.len() + edges.rough.len();
        if (seen as f64) < (1.0 - MAX_UNCLEAR) * edges.expected as f64 {
            return Err(edges.too_few(pose));
        }
        let design_to_plane = &pose.plane_from_design;
        let rough: Vec<Point<PlaneMm>> = edges
            .rough
            .iter()
            .map(|(e, strays)| design_to_plane.apply(e.at.p) + design_to_plane.apply_vector(e.at.normal) * *strays)
            .collect();
        let zone = |world: &World| {
            let mut points = edges.places(world);
            points.extend(&rough);
            straight_zone(&points)
        };
        let nominal = zone(&part.located.worlds.nominal).ok_or(Reason::NotFinite)?;
        let changes = part
            .located
            .worlds
            .displaced
            .iter()
            .map(|(source, world)| (*source, zone(world).map_or(f64::NAN, |z| z.width - nominal.width)));
        let mut terms = vec![(Source::Noise, 2.0 * expected_largest(seen) * edges.usual_noise_mm())];
        terms.extend(nominal.touching.iter().map(|k| (Source::Noise, edges.noise_of(*k))));
        terms.extend(changes);
        let shown = nominal.touching.iter().filter_map(|k| {
            let p = match edges.kept.get(*k) {
                Some(e) => e.edge.ok().map(|edge| edge.p),
                None => edges.rough.get(*k - edges.kept.len()).map(|(e, _)| e.p_image_px),
            };
            figure::around(part, p)
        });
        Ok(Observation::with_budget(nominal.width, Budget::of(terms))
            .at(profile::merge(shown))
            .seeing(edges.seen_with_rough()))
    }
}
