//! `roundness` of a hole or of a round outline.

use super::entry::{Entry, EntryError};
use super::figure;
use super::form::{expected_largest, usual_noise};
use super::round::{Round, Side, measure};
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, iso2768, profile};
use crate::calibration::{Budget, Source, World};
use crate::design::{Design, Feature, FeatureKind};
use crate::geometry::{Circle, DesignMm, round_zone};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `roundness`.
pub static TYPE: CheckType = CheckType {
    name: "roundness",
    measurand: "roundness of a hole or of a round outline, mm: width of the narrowest ring that holds all of its sub-pixel edges",
    method: "minimum zone circles by exchange of four touching edges; no edge is set aside; what noise alone would show is stated as uncertainty",
    source: "ISO 1101:2017, 18.6; ISO 12181-1:2011 (minimum zone reference circles); Stiefel 1959, doi:10.1007/BF01386369",
    honest_scope: "at least 8 px diameter; nothing shorter than 3 px along the contour is resolved (no filter); a burr or a speck of dust counts",
    needs: Needs::Drawing,
    example: "type = \"roundness\"\nfeature = \"hole-1\"\nupper = 0.15",
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
struct Roundness {
    drawn: Circle<DesignMm>,
    side: Side,
    characteristics: [Characteristic; 1],
}

/// Smallest holes whose roundness is proposed, mm.
const LARGE: f64 = 10.0;
/// Most that are proposed.
const MAX_PROPOSED: usize = 6;

fn round(feature: &Feature) -> Option<(Circle<DesignMm>, Side)> {
    match feature.kind {
        FeatureKind::Hole(circle) => Some((circle, Side::Outside)),
        FeatureKind::Outline(Some(circle)) => Some((circle, Side::Inside)),
        _ => None,
    }
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let feature = super::feature_of(super::drawing_of(context)?, &fields.feature)?;
    let Some((drawn, side)) = round(feature) else {
        return Err(EntryError::new(format!(
            "`feature`: expected a round hole or a round outline, found {:?}",
            feature.name
        )));
    };
    let upper = super::form_limit("upper", fields.upper)?;
    let characteristics = [Characteristic::deviation(format!("{}.roundness", feature.name), TYPE.name, upper)];
    Ok(Box::new(Roundness { drawn, side, characteristics }))
}

/// A round outline, and large holes.
fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let entry = |f: &Feature| {
        let (circle, side) = round(f)?;
        let diameter = 2.0 * circle.radius;
        let t = iso2768::roundness(diameter).filter(|_| side == Side::Inside || diameter >= LARGE)?;
        Some(format!("type = \"roundness\"\nfeature = \"{}\"\nupper = {t}   # assumed: as ISO 2768-2 K", f.name))
    };
    design.features.iter().filter_map(entry).take(MAX_PROPOSED).collect()
}

impl Check for Roundness {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![match measure(part, &self.drawn, self.side).and_then(|round| self.measure(part, &round)) {
            Ok(observation) => observation,
            Err(reason) => Observation::not_measured(reason).at(super::region_of(part, &self.drawn)),
        }]
    }
}

impl Roundness {
    fn measure(&self, part: &RegisteredPart<'_>, round: &Round) -> Result<Observation, Reason> {
        let all = round.circumference(part, self.side)?;
        let zone = |world: &World| round_zone(&all.places(world), round.circle_in(world));
        let no_zone = || Reason::NoFit { detail: "no ring holds the edges".to_owned() };
        let nominal = zone(&part.located.worlds.nominal).ok_or_else(no_zone)?;
        let one = usual_noise(all.edges.iter().map(|(e, _)| e.u_px)) * all.mm_per_px;
        let mut terms = vec![(Source::Noise, 2.0 * expected_largest(all.edges.len()) * one)];
        let own = |k: &usize| all.edges.get(*k).map_or(0.0, |(e, _)| e.u_px) * all.mm_per_px;
        terms.extend(nominal.touching.iter().map(|k| (Source::Noise, own(k))));
        terms.extend(
            part.located
                .worlds
                .displaced
                .iter()
                .map(|(source, world)| (*source, zone(world).map_or(f64::NAN, |z| z.width - nominal.width))),
        );
        let place = |k: usize| match all.edges.get(k) {
            Some((edge, _)) => Some(edge.p),
            None => all.beyond.get(k - all.edges.len()).map(|(p, _)| *p),
        };
        let shown = nominal.touching.iter().filter_map(|k| figure::around(part, place(*k)));
        Ok(Observation::with_budget(nominal.width, Budget::of(terms)).at(profile::merge(shown)))
    }
}
