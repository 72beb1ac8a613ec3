//! `profile`: how far a contour strays from the drawing.

use super::entry::{Entry, EntryError};
use super::figure;
use super::seen::{Rejected, SeenEdge, Shows};
use super::trace::{Place, Shown, Trace, shown};
use super::{CORNER_PX, Characteristic, Check, CheckType, Context, Needs, Observation};
use crate::calibration::{Budget, Source};
use crate::design::{Design, Feature, FeatureKind};
use crate::geometry::{PixelRect, median};
use crate::reason::Reason;
use crate::registration::{ContourEdge, DrawingPose, RegisteredPart};
use serde::Deserialize;

/// The check type `profile`.
pub static TYPE: CheckType = CheckType {
    name: "profile",
    measurand: "profile deviation of a contour, or of a straight or round piece of one, mm: twice the largest distance of its edge from the drawing",
    method: "sub-pixel edges about every 4 px along the contour, in the pose that fits the whole part best (least squares; what strays by more than 0.47 mm does not count in it); half of what blur may have taken of a narrow peak is added",
    source: "ISO 1101:2017, 18.13 (line profile; the zone lies evenly about the drawn contour); ISO 1660:2017",
    honest_scope: "corners are left out (nearer than 6 px to one, no edge can be measured); beyond 1.5 mm only \"at least 1.5 mm\" is known",
    needs: Needs::Drawing,
    example: "type = \"profile\"\nfeature = \"outline\"\nzone = 0.6",
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
    zone: f64,
}

fn outline() -> String {
    "outline".to_owned()
}

#[derive(Debug)]
struct Profile {
    feature: Feature,
    characteristics: [Characteristic; 1],
}

/// Share of places that may be without a clean edge (a speck, a scratch) before the contour counts as not measured.
const MAX_UNCLEAR: f64 = 0.2;
/// Most places that are shown.
const MAX_PLACES: usize = 16;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let design = super::drawing_of(context)?;
    let feature = super::feature_of(design, &fields.feature)?.clone();
    let zone = super::form_limit("zone", fields.zone)?;
    let characteristics = [Characteristic::deviation(format!("{}.profile", fields.feature), TYPE.name, zone)];
    Ok(Box::new(Profile { feature, characteristics }))
}

/// Width of the zone that is proposed, mm.
pub(super) const ZONE_MM: f64 = 0.6;

fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    design
        .features
        .iter()
        .filter(|f| f.is_contour() && !matches!(f.kind, FeatureKind::Hole(_)))
        .map(|f| {
            format!(
                "type = \"profile\"\nfeature = \"{}\"\nzone = {ZONE_MM}   # assumed: ± {} mm about the drawn contour",
                f.name,
                0.5 * ZONE_MM
            )
        })
        .collect()
}

impl Check for Profile {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![self.measure(part).unwrap_or_else(Observation::not_measured)]
    }
}

impl Profile {
    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let pose = part.drawing()?;
        let (trace, seen) = self.trace(part, pose)?;
        let places = &trace.places;
        let rough = roughness(places).unwrap_or(pose.scatter_mm);
        let farthest = |i: &usize, j: &usize| places[*i].strays.abs().total_cmp(&places[*j].strays.abs());
        let worst = (0..places.len()).rev().max_by(farthest).ok_or(Reason::NotFinite)?;
        let Place { edge, strays, .. } = &places[worst];
        let (clear, top) = clear(&trace, worst);
        let peak = clear.peak(top, strays.signum());
        // One place alone that stands out has no shape by which blur could be told.
        let (hidden, u_blur) = if peak.wide > 1 { (peak.middle() - peak.height, peak.u_blur()) } else { (0.0, 0.0) };
        let mut terms = budget(part, pose, edge, noise(edge, places, rough));
        terms.push((Source::Edge, u_blur));
        let (value, limit) = (2.0 * (strays.abs() + hidden), self.characteristics[0].upper.unwrap_or(f64::INFINITY));
        // What is not seen can only be worse.
        if value <= limit {
            trace.is_seen_all_along(pose)?;
        }
        let mut shown: Vec<&Place> = places.iter().filter(|p| 2.0 * p.strays.abs() > limit).collect();
        shown.sort_by(|a, b| b.strays.abs().total_cmp(&a.strays.abs()));
        let first = shown.is_empty().then_some(&places[worst]);
        let regions = merge(first.into_iter().chain(shown).filter_map(|p| region(part, &p.edge, p.strays)));
        Ok(Observation::with_budget(value, Budget::of(terms).times(2.0)).at(regions).seeing(seen))
    }

    /// The places of the feature that show where it runs, away from corners.
    fn trace(&self, part: &RegisteredPart<'_>, pose: &DrawingPose) -> Result<(Trace, Vec<SeenEdge>), Reason> {
        // Of a long contour the pose saw some places only; what lies between them counts as well.
        let edges = pose.edges_on(&part.located, figure::design_of(part)?, &self.feature);
        let away = edges.iter().filter(|e| e.at.corner_distance > CORNER_PX * e.mm_per_px);
        let rejected = |e: &ContourEdge| Some(Shows::Rejected(Rejected::NoEdge(e.edge.err()?)));
        let shows = |e: &ContourEdge| pose.strays(e).map(Shows::Strays).or_else(|| rejected(e));
        let seen = away.filter_map(|e| Some(SeenEdge::of(e, shows(e)?))).collect();
        let trace = Trace::of(edges, self.feature.is_contour(), |edge| {
            if edge.at.corner_distance <= CORNER_PX * edge.mm_per_px {
                return Ok(Shown::Nothing);
            }
            shown(pose, edge)
        })?;
        trace.is_seen(MAX_UNCLEAR, pose)?;
        Ok((trace, seen))
    }
}

/// An edge less sure than this, px, does not show the shape of a peak.
const SHARP_PX: f64 = 0.25;

/// The places that show the shape of a peak, and which of them is its top: on the flanks of a burr edges are hardly seen, and make it look wide and low.
fn clear(trace: &Trace, top: usize) -> (Trace, usize) {
    let seen = |i: &usize| *i == top || trace.places[*i].u_px() <= SHARP_PX;
    let kept: Vec<usize> = (0..trace.places.len()).filter(seen).collect();
    let at = kept.iter().position(|i| *i == top).unwrap_or(0);
    (trace.with(kept.iter().map(|i| trace.places[*i]).collect()), at)
}

/// What the uncertainty of the deviation at a place is made of.
fn budget(part: &RegisteredPart<'_>, pose: &DrawingPose, at: &ContourEdge, noise: f64) -> Vec<(Source, f64)> {
    let mut terms = vec![(Source::Noise, noise), (Source::Placement, pose.u_across(at.at.p, at.at.normal))];
    if at.edge.is_ok() {
        let change = |world, pose| at.deviation_in(world, pose) - at.deviation_mm;
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, pose)| (source, change(world, pose))));
    }
    terms
}

/// Noise of the worst place, mm. The worst of many places is the worst of their noise too: of n normal deviates the largest is about
/// sqrt(2 ln n), and U is 2 u. That many are as unsure as the worst one itself, on the top of a burr only a few; the others scatter as all do.
fn noise(worst: &ContourEdge, places: &[Place], rough: f64) -> f64 {
    let largest_of = |n: usize| (0.5 * libm::log(n as f64)).max(1.0).sqrt();
    let own = |e: &ContourEdge| e.edge.map_or(1.0, |edge| edge.u_px) * e.mm_per_px;
    let as_unsure = places.iter().filter(|p| own(&p.edge) >= own(worst)).count();
    (own(worst) * largest_of(as_unsure)).max(rough * largest_of(places.len()))
}

/// Fewest neighbours whose differences say how rough a contour is.
const MIN_STEPS: usize = 8;

/// Standard deviation of one edge beside its neighbours, mm, of places in order (1.4826 times the median difference, of two edges each). What the part is
/// larger than its drawing, or leans, is no noise: it changes slowly along the contour.
fn roughness(places: &[Place]) -> Option<f64> {
    let beside =
        |a: &ContourEdge, b: &ContourEdge| a.contour == b.contour && a.at.p.distance(b.at.p) < 2.0 * a.at.weight;
    let steps = places.windows(2).filter(|w| beside(&w[0].edge, &w[1].edge)).map(|w| (w[1].strays - w[0].strays).abs());
    let mut steps: Vec<f64> = steps.collect();
    if steps.len() < MIN_STEPS {
        return None;
    }
    Some(1.4826 * std::f64::consts::FRAC_1_SQRT_2 * median(&mut steps)?)
}

/// The place in the photo, from the drawn contour to the edge that was found.
fn region(part: &RegisteredPart<'_>, e: &ContourEdge, deviation_mm: f64) -> Option<PixelRect> {
    let found = e.edge.map_or(e.p_image_px, |edge| edge.p);
    let margin = if e.edge.is_ok() { 4.0 } else { deviation_mm.abs() / e.mm_per_px };
    PixelRect::around([e.p_image_px, found], margin, part.located.light.width(), part.located.light.height())
}

/// Overlapping places become one, worst first.
pub(super) fn merge(regions: impl Iterator<Item = PixelRect>) -> Vec<PixelRect> {
    let mut merged: Vec<PixelRect> = Vec::new();
    for r in regions {
        match merged.iter_mut().find(|m| m.touches(r)) {
            Some(m) => *m = m.union(r),
            None => merged.push(r),
        }
    }
    // A place that grew may now touch another.
    let mut i = 0;
    while i < merged.len() {
        if let Some(j) = (i + 1..merged.len()).find(|j| merged[i].touches(merged[*j])) {
            let other = merged.remove(j);
            merged[i] = merged[i].union(other);
        } else {
            i += 1;
        }
    }
    merged.truncate(MAX_PLACES);
    merged
}
