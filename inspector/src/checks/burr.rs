//! `burr`: material that stands out of a contour locally.

use super::entry::{Entry, EntryError};
use super::figure::{self, Sought};
use super::trace::{MIN_BESIDE, Place, Shown, Trace, shown};
use super::{CORNER_PX, Characteristic, Check, CheckType, Context, Needs, Observation, profile};
use crate::calibration::{Budget, Source};
use crate::design::{Design, Feature, FeatureKind};
use crate::measure::edge::NoEdge;
use crate::reason::Reason;
use crate::registration::{DrawingPose, RegisteredPart};
use serde::Deserialize;

/// The check type `burr`.
pub static TYPE: CheckType = CheckType {
    name: "burr",
    measurand: "height of the highest burr over the contour beside it, mm; its width at half height, mm (0 where nothing stands out of the noise)",
    method: "sub-pixel edges every 4 px, each against the median of those up to 3 mm (and 8 px) on both sides of it; half of what blur may have taken of it is added",
    source: "ISO 13715:2017 (burr: material outside of the ideal geometrical form of an edge); running median: Tukey 1977, Exploratory Data Analysis, ch. 7",
    honest_scope: "burrs in the plane of the picture, up to 3 mm wide and 1.5 mm high; 6 to 10 px beside a corner are left out (`extra` sees lumps there); dust counts",
    needs: Needs::Drawing,
    example: "type = \"burr\"\nfeature = \"outline\"\nheight = 0.2\nwidth = 2.0",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    #[serde(default = "outline")]
    feature: String,
    height: Option<f64>,
    width: Option<f64>,
}

fn outline() -> String {
    "outline".to_owned()
}

#[derive(Debug)]
struct Burr {
    feature: Feature,
    characteristics: Vec<Characteristic>,
}

/// Widest burr that may be allowed, mm.
const MAX_WIDTH: f64 = 3.0;
/// How far burrs are from caps: standard uncertainty of the height of one of the same area and variance, relative. A rectangle is 14 % lower, a triangle 22 % higher.
const SHAPE: f64 = 0.06;
/// Share of places that may show nothing clear.
const MAX_UNCLEAR: f64 = 0.05;
/// Most contours that are proposed.
const MAX_PROPOSED: usize = 6;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let feature = super::feature_of(super::drawing_of(context)?, &fields.feature)?.clone();
    let mut characteristics = Vec::new();
    if let Some(height) = fields.height {
        let height = super::form_limit("height", height)?;
        characteristics.push(Characteristic::deviation(format!("{}.burr-height", feature.name), TYPE.name, height));
    }
    if let Some(width) = fields.width {
        if !(width > 0.0 && width <= MAX_WIDTH) {
            let message = format!("`width`: expected a width above 0 and up to {MAX_WIDTH} mm, found {width}");
            return Err(EntryError::new(message));
        }
        characteristics.push(Characteristic::deviation(format!("{}.burr-width", feature.name), TYPE.name, width));
    }
    if characteristics.is_empty() {
        return Err(EntryError::new("expected `height`, `width` or both, found neither"));
    }
    Ok(Box::new(Burr { feature, characteristics }))
}

/// Outline and cutouts, whatever is cut last.
fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let cut = design.features.iter().filter(|f| matches!(f.kind, FeatureKind::Outline(_) | FeatureKind::Cutout));
    let entry = |f: &Feature| format!("type = \"burr\"\nfeature = \"{}\"\nheight = 0.3   # assumed", f.name);
    cut.map(entry).take(MAX_PROPOSED).collect()
}

impl Check for Burr {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        match self.highest(part) {
            Ok(found) => self.characteristics.iter().map(|c| found.observation(c)).collect(),
            Err(reason) => self.characteristics.iter().map(|_| Observation::not_measured(reason.clone())).collect(),
        }
    }
}

/// The highest burr.
struct Highest {
    height: Budgeted,
    width: Budgeted,
    /// Why another one may be higher.
    unseen: Option<Reason>,
    region: Vec<crate::geometry::PixelRect>,
}

struct Budgeted {
    value: f64,
    budget: Budget,
}

impl Highest {
    fn observation(&self, characteristic: &Characteristic) -> Observation {
        let of = if characteristic.id.ends_with(".burr-height") { &self.height } else { &self.width };
        match &self.unseen {
            // What is not seen can only be worse.
            Some(reason) if characteristic.upper.is_none_or(|upper| of.value <= upper) => {
                Observation::not_measured(reason.clone())
            }
            _ => Observation::with_budget(of.value, of.budget.clone()).at(self.region.clone()),
        }
    }
}

impl Burr {
    fn highest(&self, part: &RegisteredPart<'_>) -> Result<Highest, Reason> {
        let pose = part.drawing()?;
        let trace = self.trace(part, pose)?;
        let heights: Vec<f64> = (0..trace.places.len()).map(|i| trace.over(i, |p| p.strays)).collect();
        let highest = (0..heights.len()).max_by(|i, j| heights[*i].total_cmp(&heights[*j]));
        let top = highest.ok_or(Reason::NotFinite)?;
        let (peak, place) = (trace.peak(top, 1.0), &trace.places[top]);
        let (pixel, spacing) = (place.edge.mm_per_px, place.edge.at.weight);
        let mut terms =
            vec![(Source::Noise, peak.bias), (Source::Noise, place.u_px() * pixel), (Source::Edge, peak.u_blur())];
        let mut width = 0.0;
        if peak.stands_out() {
            terms.push((Source::Edge, SHAPE * peak.middle()));
            width = peak.half.iter().map(|i| trace.places[*i].edge.at.weight).sum();
        }
        let height_in = |world, pose| {
            let strays = |p: &Place| if p.edge.edge.is_ok() { p.edge.deviation_in(world, pose) } else { p.strays };
            trace.over(top, strays) - heights[top]
        };
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, pose)| (source, height_in(world, pose))));
        // Each end lies somewhere within one spacing.
        let width_terms = [(Source::Noise, spacing / 6.0_f64.sqrt())];
        let shown = peak.half.iter().flat_map(|i| {
            let e = &trace.places[*i].edge;
            [e.p_image_px, e.edge.map_or(e.p_image_px, |edge| edge.p)]
        });
        Ok(Highest {
            height: Budgeted { value: peak.middle(), budget: Budget::of(terms) },
            width: Budgeted { value: width, budget: Budget::of(width_terms) },
            unseen: is_highest(&trace, pose).err(),
            region: profile::merge(figure::around(part, shown).into_iter()),
        })
    }

    /// The places of the feature away from corners.
    fn trace(&self, part: &RegisteredPart<'_>, pose: &DrawingPose) -> Result<Trace, Reason> {
        let edges = pose.edges_on(&part.located, figure::design_of(part)?, &self.feature);
        let trace = Trace::of(edges, self.feature.is_contour(), |edge| {
            if edge.at.corner_distance < CORNER_PX * edge.mm_per_px {
                return Ok(Shown::Nothing);
            }
            match edge.edge {
                Err(NoEdge::NoStep) => {
                    let rough = pose.rough_deviation(&part.located, &edge.at);
                    Ok(rough.map_or(Shown::Unclear, Shown::Strays))
                }
                _ => shown(pose, edge),
            }
        })?;
        let expected = trace.expected();
        if expected < 4 * MIN_BESIDE {
            let size_px = 4.0 * f64::from(expected as u32);
            return Err(Reason::TooSmall { size_px, expected_px: 16.0 * MIN_BESIDE as f64 });
        }
        trace.is_seen(MAX_UNCLEAR, pose)?;
        Ok(trace)
    }
}

/// No burr that is higher can be where nothing clear is seen, and everywhere else there is a contour that it would stand out of: where the contour strays farther than
/// was looked there is none, unless what goes on there is itself no wider than a burr.
fn is_highest(trace: &Trace, pose: &DrawingPose) -> Result<(), Reason> {
    let lost = |i: &usize| match trace.places[*i].edge.edge {
        Err(NoEdge::OnlyBackground) => true,
        Err(NoEdge::OnlyMaterial) => trace.over(*i, |p| p.strays) < 0.5 * pose.reach_mm,
        _ => false,
    };
    match (0..trace.places.len()).filter(lost).count() {
        0 => trace.is_seen_all_along(pose),
        lost => Err(Sought { found: trace.places.len() - lost, expected: trace.expected(), ..Sought::default() }
            .too_few(pose.shadow)),
    }
}
