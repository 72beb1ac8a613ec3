//! `hole`: diameter and true position of a round hole.

use super::entry::{Dimension, Entry, EntryError, Limits};
use super::round::{Round, Side, measure};
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::calibration::{Budget, Located, Source};
use crate::design::{Design, Feature, FeatureKind};
use crate::geometry::{Circle, DesignMm, PlaneMm, Similarity, Vector};
use crate::registration::{DrawingPose, RegisteredPart};
use serde::Deserialize;

/// The check type `hole`.
pub static TYPE: CheckType = CheckType {
    name: "hole",
    measurand: "diameter of a round hole, mm; true position of its centre, mm (twice the distance from the drawing's place)",
    method: "least-squares circle (Gauss) through sub-pixel edges, one every 3 px, outliers set aside by Tukey's biweight",
    source: "ISO 14405-1:2016 (GG, least-squares association); ISO 1101:2017, 18.16 (position); Taubin 1991, doi:10.1109/34.103273",
    honest_scope: "holes of at least 8 px diameter that are at least half visible; the rim nearest the camera is what is measured",
    needs: Needs::Drawing,
    example: "type = \"hole\"\nfeature = \"hole-1\"\ndiameter = { nominal = 6.0, lower = -0.1, upper = 0.1 }\nposition = { upper = 0.3 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    feature: String,
    diameter: Option<Dimension>,
    position: Option<Limits>,
}

/// One hole of one recipe.
#[derive(Debug)]
struct Hole {
    nominal: Circle<DesignMm>,
    characteristics: Vec<Characteristic>,
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let design = super::drawing_of(context)?;
    let nominal = match super::feature_of(design, &fields.feature)?.kind {
        FeatureKind::Hole(circle) => circle,
        _ => return Err(EntryError::new(format!("`feature`: expected a round hole, found {:?}", fields.feature))),
    };
    let mut characteristics = Vec::new();
    let mut add = |what: &str, nominal: f64, limits: Limits| {
        characteristics.push(Characteristic {
            id: format!("{}.{what}", fields.feature),
            check_type: TYPE.name,
            nominal,
            lower: limits.lower,
            upper: limits.upper,
            unit: Unit::Mm,
        });
    };
    if let Some(d) = fields.diameter {
        add("diameter", d.nominal, d.limits);
    }
    if let Some(p) = fields.position {
        add("position", 0.0, p);
    }
    if characteristics.is_empty() {
        return Err(EntryError::new("expected `diameter`, `position` or both, found neither"));
    }
    Ok(Box::new(Hole { nominal, characteristics }))
}

/// What is proposed for a hole, mm.
pub(super) struct Proposed {
    /// The diameter's permissible deviation, ±.
    pub(super) diameter: f64,
    /// Diameter of the position's zone.
    pub(super) position: f64,
}

pub(super) fn proposed(diameter_mm: f64) -> Option<Proposed> {
    iso2768::medium(diameter_mm).map(|t| Proposed { diameter: t, position: 4.0 * t })
}

fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let entry = |f: &Feature| {
        let FeatureKind::Hole(circle) = f.kind else { return None };
        let (name, d) = (&f.name, 2.0 * circle.radius);
        let Proposed { diameter: t, position } = proposed(d)?;
        Some(format!(
            "type = \"hole\"\nfeature = \"{name}\"\ndiameter = {{ nominal = {d:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m\n\
             position = {{ upper = {position} }}   # assumed: twice the size tolerance"
        ))
    };
    design.features.iter().filter_map(entry).collect()
}

impl Check for Hole {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let (pose, round) =
            match part.drawing().and_then(|pose| Ok((pose, measure(part, &self.nominal, Side::Outside)?))) {
                Ok(found) => found,
                Err(reason) => {
                    // A hole that is not there is shown where it should be.
                    let place = super::region_of(part, &self.nominal);
                    return self
                        .characteristics
                        .iter()
                        .map(|_| Observation::not_measured(reason.clone()).at(place.clone()))
                        .collect();
                }
            };
        self.characteristics
            .iter()
            .map(|c| {
                let observation = if c.id.ends_with(".diameter") {
                    Observation::with_budget(round.diameter(), round.diameter_budget(&part.located))
                } else {
                    self.position(pose, &round, &part.located)
                };
                observation.at(round.region.into_iter().collect())
            })
            .collect()
    }
}

/// A position is a distance, and a small one is all error: of a centre known to 1 along each axis, 95 % lie within 2.45 (Rayleigh), where a
/// size would lie within 1.96. This covers both.
const EITHER_WAY: f64 = 1.225;

impl Hole {
    /// True position: twice the distance of the centre from the drawing's place.
    fn position(&self, pose: &DrawingPose, round: &Round, located: &Located<'_>) -> Observation {
        // In the drawing's frame, so that every world sees the same direction.
        let off = |pose: &Similarity<DesignMm, PlaneMm>, circle: &Circle<PlaneMm>| {
            pose.inverse().apply(circle.centre) - self.nominal.centre
        };
        let nominal = off(&pose.plane_from_design, &round.fit.circle);
        let moved: Vec<(Source, Vector<DesignMm>)> = pose
            .worlds(&located.worlds)
            .map(|(source, world, pose)| (source, off(pose, &round.circle_in(world)) - nominal))
            .collect();
        let (ux, uy) = round.fit.u_centre;
        let lever = pose.u_turn_rad * self.nominal.centre.distance(pose.pivot);
        let placement = pose.u_shift_mm * pose.u_shift_mm + lever * lever;
        // The direction in which the centre is known least counts: a small deviation has none of its own.
        let worst = principal_direction(moved.iter().map(|(_, d)| *d));
        let terms = [(Source::Noise, ux.max(uy)), (Source::Placement, placement.sqrt())];
        let budget = Budget::of(terms.into_iter().chain(moved.iter().map(|(source, d)| (*source, d.dot(worst)))));
        Observation::with_budget(2.0 * nominal.length(), budget.times(2.0 * EITHER_WAY))
    }
}

/// The unit vector along which the sum of squares of the vectors is largest.
fn principal_direction(vectors: impl Iterator<Item = Vector<DesignMm>>) -> Vector<DesignMm> {
    let (xx, xy, yy) = vectors.fold((0.0, 0.0, 0.0), |(a, b, c), v| (a + v.x * v.x, b + v.x * v.y, c + v.y * v.y));
    let (sin, cos) = libm::sincos(0.5 * libm::atan2(2.0 * xy, xx - yy));
    Vector::new(cos, sin)
}
