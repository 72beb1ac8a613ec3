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
                observation.at(round.region.into_iter().collect()).seeing(round.seen.clone())
            })
            .collect()
    }
}

impl Hole {
    /// True position: twice the distance of the centre from the drawing's place.
    fn position(&self, pose: &DrawingPose, round: &Round, located: &Located<'_>) -> Observation {
        // In the drawing's frame, so that every world sees the same direction.
        let off = |pose: &Similarity<DesignMm, PlaneMm>, circle: &Circle<PlaneMm>| {
            pose.inverse().apply(circle.centre) - self.nominal.centre
        };
        let nominal = off(&pose.plane_from_design, &round.fit.circle);
        let moved = pose
            .worlds(&located.worlds)
            .map(|(source, world, pose)| (source, off(pose, &round.circle_in(world)) - nominal));
        let (ux, uy) = round.fit.u_centre;
        let placed = pose.u_at(self.nominal.centre);
        let either = [(Source::Noise, [ux, uy]), (Source::Placement, [placed, placed])];
        let either = either.into_iter().flat_map(|(s, [x, y])| [(s, Vector::new(x, 0.0)), (s, Vector::new(0.0, y))]);
        let errors: Vec<(Source, Vector<DesignMm>)> = either.chain(moved).collect();
        Observation::with_budget(2.0 * nominal.length(), of_length(nominal, &errors).times(2.0))
    }
}

/// Errors sideways count as far as they lengthen the deviation when they are as large as this, standard uncertainties: then 95 % are covered also where the
/// true deviation is zero and all that is seen is error (Rayleigh).
const SIDEWAYS: f64 = 3.0;

/// Uncertainty of the length of a deviation with these independent errors. A long one has the errors along it; a short one those of all directions.
fn of_length(deviation: Vector<DesignMm>, errors: &[(Source, Vector<DesignMm>)]) -> Budget {
    let length = deviation.length();
    let along = if length > 0.0 { deviation * (1.0 / length) } else { Vector::new(1.0, 0.0) };
    let sideways = SIDEWAYS * errors.iter().map(|(_, e)| along.cross(*e)).map(|e| e * e).sum::<f64>().sqrt();
    let share = if sideways > 0.0 { 0.5 * SIDEWAYS * (libm::hypot(length, sideways) - length) / sideways } else { 0.0 };
    Budget::of(errors.iter().map(|(source, e)| (*source, libm::hypot(along.dot(*e), share * along.cross(*e)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Seeded;

    /// Errors twice as large along one axis, deviations of every length and direction: twice the uncertainty covers what it should.
    #[test]
    fn a_length_is_as_uncertain_as_is_said() {
        let mut random = Seeded::new(1, 0x706f);
        for (narrow, wide) in [(1.0, 1.0), (0.5, 1.0), (1.0, 0.5), (0.0, 1.0)] {
            let errors = [(Source::Noise, Vector::new(narrow, 0.0)), (Source::Lens, Vector::new(0.0, wide))];
            for (x, y) in [(0.0, 0.0), (0.7, 0.7), (2.0, 0.0), (0.0, 2.0), (20.0, 0.0), (0.0, 20.0), (15.0, 15.0)] {
                let (truth, n) = (Vector::<DesignMm>::new(x, y), 4000);
                let covered = (0..n).filter(|_| {
                    let seen = truth + Vector::new(narrow * random.normal(), wide * random.normal());
                    (seen.length() - truth.length()).abs() <= 2.0 * of_length(seen, &errors).u()
                });
                let percent = 100.0 * covered.count() as f64 / f64::from(n);
                assert!(percent > 94.0, "{narrow}, {wide}: {percent} % at {x}, {y}");
                // And no more than it should, where the deviation is long.
                let u = of_length(truth, &errors).u();
                let along = libm::hypot(narrow * x, wide * y) / truth.length();
                assert!(truth.length() < 20.0 || u < 1.1 * along.max(0.15), "{narrow}, {wide}: u {u} at {x}, {y}");
            }
        }
    }
}
