//! `burr`: material that stands out of a contour locally.

use super::entry::{Entry, EntryError};
use super::figure;
use super::form::{ROUGH_PX, expected_largest, usual_noise};
use super::{CORNER_PX, Characteristic, Check, CheckType, Context, Needs, Observation, profile};
use crate::calibration::{Budget, Source};
use crate::design::{Design, Feature, FeatureKind};
use crate::measure::edge::NoEdge;
use crate::reason::Reason;
use crate::registration::{ContourEdge, DrawingPose, RegisteredPart};
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

/// How far on each side of a place the contour beside it is looked at, mm.
const BESIDE_MM: f64 = 3.0;
/// Of a short contour, at most this share of its length on each side.
const BESIDE_SHARE: f64 = 1.0 / 6.0;
/// Fewest places on each side.
const MIN_BESIDE: usize = 3;
/// Widest burr that may be allowed, mm.
const MAX_WIDTH: f64 = 3.0;
/// Blur smears a burr over so many places beside it, on each side.
const SMEARED: f64 = 2.0;
/// Share of its height down to which a burr's area is counted.
const FOOT: f64 = 0.1;
/// Half of a place's own pixels along the contour, px.
const OWN_PX: f64 = 2.0;
/// Least variance of a burr along the contour, as a share of that of the blur: of less nothing is known.
const LEAST_WIDE: f64 = 0.1;
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

/// A place of the contour and how far it strays from the drawing.
struct Place {
    edge: ContourEdge,
    strays: f64,
    /// Distance along the contour from its first place, mm.
    along: f64,
}

/// The highest burr.
struct Highest {
    height: Budgeted,
    width: Budgeted,
    region: Vec<crate::geometry::PixelRect>,
}

struct Budgeted {
    value: f64,
    budget: Budget,
}

impl Highest {
    fn observation(&self, characteristic: &Characteristic) -> Observation {
        let of = if characteristic.id.ends_with(".burr-height") { &self.height } else { &self.width };
        Observation::with_budget(of.value, of.budget.clone()).at(self.region.clone())
    }
}

impl Burr {
    fn highest(&self, part: &RegisteredPart<'_>) -> Result<Highest, Reason> {
        let pose = part.drawing()?;
        let (places, length) = self.places(part, pose)?;
        let spacing = length / places.len() as f64;
        let beside = (BESIDE_SHARE * length).min(BESIDE_MM.max(MIN_BESIDE as f64 * spacing) + SMEARED * spacing);
        let closed = self.feature.is_contour();
        // Places up to that far before and behind, in order.
        let around = |i: usize| {
            let apart = |j: usize| {
                let d = (places[j].along - places[i].along).abs();
                if closed { d.min(length - d) } else { d }
            };
            (0..places.len()).filter(|j| apart(*j) <= beside).collect::<Vec<_>>()
        };
        let over = |i: usize, strays: &dyn Fn(&Place) -> f64| {
            let mut all: Vec<f64> = around(i).into_iter().map(|j| strays(&places[j])).collect();
            let middle = all.len() / 2;
            strays(&places[i]) - *all.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        let heights: Vec<f64> = (0..places.len()).map(|i| over(i, &|p| p.strays)).collect();
        let top = (0..places.len()).max_by(|i, j| heights[*i].total_cmp(&heights[*j])).ok_or(Reason::NotFinite)?;
        let height = heights[top].max(0.0);
        let own = |p: &Place| p.edge.edge.map_or(ROUGH_PX, |e| e.u_px);
        let pixel = places[top].edge.mm_per_px;
        let usual = usual_noise(places.iter().map(own));
        let bias = expected_largest(places.len()) * usual * pixel;
        // What does not stand out of the noise has no shape and no width.
        let stands_out = height > 2.0 * bias;
        let foot = (FOOT * height).max(usual * pixel);
        let whole = if stands_out {
            unblurred(&heights, &places, &run(&heights, top, foot, closed)).max(height)
        } else {
            height
        };
        let middle = 0.5 * (height + whole);
        let run = run(&heights, top, 0.5 * height, closed);
        let mut terms = vec![(Source::Noise, bias), (Source::Noise, own(&places[top]) * pixel)];
        // Anywhere between what is seen and what would be without blur (JCGM 100:2008, 4.3.7).
        terms.push((Source::Edge, (whole - height) / 12.0_f64.sqrt()));
        if stands_out {
            terms.push((Source::Edge, SHAPE * middle));
        }
        let height_in = |world, pose| {
            let strays = |p: &Place| if p.edge.edge.is_ok() { p.edge.deviation_in(world, pose) } else { p.strays };
            over(top, &strays) - heights[top]
        };
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, pose)| (source, height_in(world, pose))));
        let spacing = places[top].edge.at.weight;
        let width = if stands_out { run.iter().map(|i| places[*i].edge.at.weight).sum() } else { 0.0 };
        // Each end lies somewhere within one spacing.
        let width_terms = [(Source::Noise, spacing / 6.0_f64.sqrt())];
        let shown = run.iter().flat_map(|i| {
            let e = &places[*i].edge;
            [e.p_image_px, e.edge.map_or(e.p_image_px, |edge| edge.p)]
        });
        Ok(Highest {
            height: Budgeted { value: middle, budget: Budget::of(terms) },
            width: Budgeted { value: width, budget: Budget::of(width_terms) },
            region: profile::merge(figure::around(part, shown).into_iter()),
        })
    }

    /// The places of the feature away from corners, in order, and its length.
    fn places(&self, part: &RegisteredPart<'_>, pose: &DrawingPose) -> Result<(Vec<Place>, f64), Reason> {
        let (mut places, mut along, mut unclear, mut expected) = (Vec::new(), 0.0, 0, 0);
        for edge in pose.edges_on(&part.located, figure::design_of(part)?, &self.feature) {
            let at = along + 0.5 * edge.at.weight;
            along += edge.at.weight;
            if edge.at.corner_distance < CORNER_PX * edge.mm_per_px {
                continue;
            }
            expected += 1;
            let strays = match edge.edge {
                Ok(_) => Some(edge.deviation_mm),
                Err(NoEdge::OnlyMaterial) => Some(pose.reach_mm),
                Err(NoEdge::OnlyBackground) => Some(-pose.reach_mm),
                Err(NoEdge::NoStep) => pose.rough_deviation(&part.located, &edge.at),
                Err(NoEdge::Hidden) => None,
                Err(NoEdge::OffImage) => return Err(Reason::OutOfPicture),
            };
            match strays {
                Some(strays) => places.push(Place { edge, strays, along: at }),
                None => unclear += 1,
            }
        }
        if expected < 4 * MIN_BESIDE {
            let size_px = 4.0 * f64::from(expected as u32);
            return Err(Reason::TooSmall { size_px, expected_px: 16.0 * MIN_BESIDE as f64 });
        }
        if f64::from(unclear) > MAX_UNCLEAR * expected as f64 {
            return Err(figure::no_edge(pose, places.len(), expected));
        }
        Ok((places, along))
    }
}

/// The places around `top` that are higher than `level`, in order.
fn run(heights: &[f64], top: usize, level: f64, closed: bool) -> Vec<usize> {
    let n = heights.len();
    let next = |i: usize, step: usize| {
        let j = (i + step) % n;
        let wraps = if step == 1 { j == 0 } else { j == n - 1 };
        (closed || !wraps).then_some(j)
    };
    let mut run = vec![top];
    for (step, front) in [(n - 1, true), (1, false)] {
        let mut i = top;
        while let Some(j) = next(i, step).filter(|j| heights[*j] > level && run.len() < n && !run.contains(j)) {
            if front {
                run.insert(0, j)
            } else {
                run.push(j)
            }
            i = j;
        }
    }
    run
}

/// The height of a cap of the area and width of the burr in `run`, had the picture no blur. Blur keeps the area and adds its variance to the burr's own, and so do the pixels
/// that each place looks at. A cap of height h and width w has the area 2/3 h w and the variance w² / 20.
fn unblurred(heights: &[f64], places: &[Place], run: &[usize]) -> f64 {
    let mut blurs: Vec<f64> = places.iter().filter_map(|p| Some(p.edge.edge.ok()?.blur_px)).collect();
    if blurs.is_empty() || run.is_empty() {
        return 0.0;
    }
    let middle = blurs.len() / 2;
    let blur_px = *blurs.select_nth_unstable_by(middle, f64::total_cmp).1;
    let pixel = places[run[0]].edge.mm_per_px;
    let smear = (blur_px * blur_px + OWN_PX * OWN_PX / 3.0) * pixel * pixel;
    let (mut area, mut first, mut second, mut at) = (0.0, 0.0, 0.0, 0.0);
    for i in run {
        let piece = heights[*i] * places[*i].edge.at.weight;
        (area, first, second) = (area + piece, first + piece * at, second + piece * at * at);
        at += places[*i].edge.at.weight;
    }
    let mean = first / area;
    let own = (second / area - mean * mean - smear).max(LEAST_WIDE * smear);
    1.5 * area / (20.0 * own).sqrt()
}
