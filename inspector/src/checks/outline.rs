//! `outline`: diameter of a round outline.

use super::entry::{Dimension, Entry, EntryError};
use super::round::{Side, measure};
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::design::{Design, FeatureKind};
use crate::geometry::{Circle, DesignMm};
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `outline`.
pub static TYPE: CheckType = CheckType {
    name: "outline",
    measurand: "outer diameter of a round part, mm",
    method: "least-squares circle (Gauss) through sub-pixel edges, one every 3 px, outliers set aside by Tukey's biweight",
    source: "ISO 14405-1:2016 (GG, least-squares association); Taubin 1991, doi:10.1109/34.103273",
    honest_scope: "round outlines only; the widest rim that the camera sees is what is measured",
    needs: Needs::Drawing,
    example: "type = \"outline\"\ndiameter = { nominal = 40.0, lower = -0.3, upper = 0.3 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    diameter: Dimension,
}

#[derive(Debug)]
struct Outline {
    nominal: Circle<DesignMm>,
    characteristics: [Characteristic; 1],
}

fn round_outline(design: &Design) -> Option<Circle<DesignMm>> {
    match design.features[0].kind {
        FeatureKind::Outline(circle) => circle,
        _ => None,
    }
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let Fields { diameter, .. } = entry.read()?;
    let nominal = round_outline(super::drawing_of(context)?)
        .ok_or_else(|| EntryError::new("expected a drawing whose outline is one circle; this one is not round"))?;
    let characteristics = [Characteristic {
        id: "outline.diameter".to_owned(),
        check_type: TYPE.name,
        nominal: diameter.nominal,
        lower: diameter.limits.lower,
        upper: diameter.limits.upper,
        unit: Unit::Mm,
    }];
    Ok(Box::new(Outline { nominal, characteristics }))
}

fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let proposal = |circle: Circle<DesignMm>| {
        let diameter = 2.0 * circle.radius;
        iso2768::medium(diameter).map(|t| {
            format!(
                "type = \"outline\"\ndiameter = {{ nominal = {diameter:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m"
            )
        })
    };
    round_outline(design).and_then(proposal).into_iter().collect()
}

impl Check for Outline {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![match measure(part, &self.nominal, Side::Inside) {
            Ok(round) => Observation::with_budget(round.diameter(), round.diameter_budget(&part.located))
                .at(round.region.into_iter().collect())
                .seeing(round.seen),
            Err(reason) => Observation::not_measured(reason).at(super::region_of(part, &self.nominal)),
        }]
    }
}
