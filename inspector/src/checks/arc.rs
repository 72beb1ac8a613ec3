//! `arc`: radius of a round piece of contour.

use super::entry::{Dimension, Entry, EntryError};
use super::figure::Rounded;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::design::{Design, Feature, FeatureKind};
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `arc`.
pub static TYPE: CheckType = CheckType {
    name: "arc",
    measurand: "radius of a round piece of contour, mm",
    method: "least-squares circle through the arc's sub-pixel edges, from the drawn one; outliers set aside by Tukey's biweight",
    source: "ISO 14405-1:2016 (GG, least-squares association); Chernov and Lesort 2004, doi:10.1016/j.csda.2003.11.008 (short arcs)",
    honest_scope: "arcs of 15° and more that rise over their chord by at least 1.5 px; of a short arc the radius is known poorly, and its uncertainty says so",
    needs: Needs::Drawing,
    example: "type = \"arc\"\nfeature = \"arc-1\"\nradius = { nominal = 4.0, lower = -0.5, upper = 0.5 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    feature: String,
    radius: Dimension,
}

#[derive(Debug)]
struct Arc {
    feature: Feature,
    characteristics: [Characteristic; 1],
}

/// Most arcs that are proposed.
const MAX_PROPOSED: usize = 8;
/// Tolerances are proposed where they are at least so many standard uncertainties as expected of this camera.
const DECIDABLE: f64 = 6.0;
/// Standard deviation that is expected of an edge, px.
const EXPECTED_PX: f64 = 0.05;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let feature = super::feature_of(super::drawing_of(context)?, &fields.feature)?.clone();
    let FeatureKind::Arc { circle, .. } = feature.kind else {
        return Err(EntryError::new(format!("`feature`: expected an arc, such as arc-1, found {:?}", feature.name)));
    };
    super::near_drawing("radius", &fields.radius, circle.radius)?;
    let id = format!("{}.radius", feature.name);
    let characteristics = [Characteristic::of(id, TYPE.name, fields.radius, Unit::Mm)];
    Ok(Box::new(Arc { feature, characteristics }))
}

/// Arcs that this camera can decide, the ones known best first: outer corners as broken edges, inner ones as sizes.
fn propose(design: &Design, mm_per_px: f64) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    for f in &design.features {
        let FeatureKind::Arc { circle, sweep, .. } = f.kind else { continue };
        let by_standard = if sweep.radians() > 0.0 { iso2768::broken_edge } else { iso2768::medium };
        let Some(t) = by_standard(circle.radius) else { continue };
        if circle.radius * sweep.radians().abs() < super::LEAST_EDGE_PX * mm_per_px {
            continue;
        }
        let ratio = t / expected_u(circle.radius, sweep.radians().abs(), mm_per_px);
        if ratio >= DECIDABLE {
            let r = circle.radius;
            found.push((
                ratio,
                format!(
                    "type = \"arc\"\nfeature = \"{}\"\nradius = {{ nominal = {r:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m",
                    f.name
                ),
            ));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(MAX_PROPOSED).map(|f| f.1).collect()
}

/// The standard uncertainty that is to be expected of a radius, mm: that of the rise over the chord, enlarged as the radius is. Edges stand 4 px
/// apart; the rise of n edges of a parabola is known to 3.4 / sqrt(n) of their scatter.
fn expected_u(radius: f64, sweep: f64, mm_per_px: f64) -> f64 {
    let n = (radius * sweep / mm_per_px / 4.0 - 2.0).max(1.0);
    let rise = radius * (1.0 - libm::cos(0.5 * sweep.min(std::f64::consts::PI)));
    (EXPECTED_PX * mm_per_px) * (1.0 + 3.4 * radius / rise) / n.sqrt()
}

impl Check for Arc {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![match Rounded::measure(part, &self.feature) {
            Ok(arc) => arc.radius(part).at(arc.edges.region(part).into_iter().collect()),
            Err(reason) => Observation::not_measured(reason),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::parts;

    /// An L of which an outer and the inner corner are rounded by 4 mm: ± 0.5 mm as a broken edge, ± 0.1 mm as a size, which a far camera cannot decide.
    #[test]
    fn outer_arcs_are_broken_edges_and_inner_ones_sizes() {
        let corners = [(0.0, 0.0, 0.0), (20.0, 0.0, 0.0), (20.0, 8.0, 0.0), (8.0, 8.0, 4.0), (8.0, 20.0, 0.0)];
        let corners: Vec<_> = corners.into_iter().chain([(0.0, 20.0, 4.0)]).collect();
        let drawn = parts::polygon(&corners, &[], &[]);
        let count = |mm_per_px: f64, limit: &str| {
            propose(&drawn, mm_per_px).iter().filter(|entry| entry.contains(limit)).count()
        };
        assert_eq!((count(0.02, "upper = 0.5 }"), count(0.02, "upper = 0.1 }")), (1, 1), "{:?}", propose(&drawn, 0.02));
        assert_eq!((count(0.1, "upper = 0.5 }"), count(0.1, "upper = 0.1 }")), (1, 0), "{:?}", propose(&drawn, 0.1));
    }

    /// A corner of 3 mm is 4.7 mm long: 43 px at 0.11 mm, 36 px at 0.13 mm.
    #[test]
    fn arcs_of_few_pixels_are_not_proposed() {
        let drawn = parts::rounded_rectangle(44.0, 26.0, 3.0, &[]);
        assert_eq!(propose(&drawn, 0.11).len(), 4);
        assert_eq!(propose(&drawn, 0.13).len(), 0);
    }
}
