//! `symmetry` of the part about an axis of its drawing.

use super::entry::{Entry, EntryError};
use super::figure::{self, Sought};
use super::form::{expected_largest, usual_noise};
use super::trace::{Shown, Trace, shown};
use super::{CORNER_PX, Characteristic, Check, CheckType, Context, Needs, Observation, iso2768, profile};
use crate::calibration::{Budget, Source};
use crate::design::{ContourPoint, Design, Feature, Symmetry as Drawn};
use crate::geometry::{Angle, DesignMm, Line, Vector, solve_robust, solve_weighted};
use crate::reason::Reason;
use crate::registration::{ContourEdge, DrawingPose, RegisteredPart};
use serde::Deserialize;

/// The check type `symmetry`.
pub static TYPE: CheckType = CheckType {
    name: "symmetry",
    measurand: "symmetry of the part about an axis of its drawing, mm: largest distance of its contours from their mirror image",
    method: "each sub-pixel edge against the one at its mirrored place, about the axis that fits the part best (robust least squares)",
    source: "ISO 1101:2017, 18.15 (of two walls that face each other across the axis it is the width of the zone that holds their median)",
    honest_scope: "the part is its own datum: a deviation of half of the part turns the axis with it; beyond 1.5 mm only \"at least\" is known",
    needs: Needs::Drawing,
    example: "type = \"symmetry\"\naxis = 0.0\nupper = 0.3",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    axis: Option<f64>,
    upper: f64,
}

#[derive(Debug)]
struct Symmetry {
    axis: Line<DesignMm>,
    characteristics: [Characteristic; 1],
}

/// Farther from an axis of the drawing than this, degrees, another one is meant.
const SAME_AXIS: f64 = 1.0;
/// Fewest pairs of places that say where the axis is.
const MIN_PAIRS: usize = 12;
/// Share of places that must have a mirrored one.
const MIN_PAIRED: f64 = 0.5;
/// How far from the mirrored place the contour may lie, mm: drawings are symmetric to 0.02 mm.
const SAME: f64 = 0.05;
/// Cosine of the largest angle between a normal and that of its mirrored place.
const SAME_NORMAL: f64 = 0.95;
/// Most axes that are proposed.
const MAX_AXES: usize = 2;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let drawn = super::drawing_of(context)?.symmetry();
    let direction = axis_of(&drawn, fields.axis)?;
    let upper = super::form_limit("upper", fields.upper)?;
    let (sin, cos) = direction.sin_cos();
    let axis = Line { p: drawn.centre, direction: Vector::new(cos, sin) };
    let id = format!("axis-{}.symmetry", name(&drawn, direction));
    let characteristics = [Characteristic::deviation(id, TYPE.name, upper)];
    Ok(Box::new(Symmetry { axis, characteristics }))
}

/// What an axis is called: its direction in whole degrees, or finer where another axis would be called the same.
fn name(drawn: &Drawn, direction: Angle) -> String {
    let whole = |a: Angle| format!("{:.0}", a.degrees());
    let alike = drawn.axes.iter().filter(|a| whole(**a) == whole(direction)).count();
    if alike > 1 { format!("{:.3}", direction.degrees()) } else { whole(direction) }
}

/// The axis of that direction, degrees from x; the only one when none is named.
fn axis_of(drawn: &Drawn, asked: Option<f64>) -> Result<Angle, EntryError> {
    let listed = drawn.axes.iter().map(|a| format!("{:.3}", a.degrees())).collect::<Vec<_>>().join(", ");
    match (asked, &drawn.axes[..]) {
        (_, []) => Err(EntryError::new(
            "expected a drawing with mirror axes; this one has none (a round part has them in every direction)",
        )),
        (None, [only]) => Ok(*only),
        (None, _) => Err(EntryError::new(format!("`axis`: expected one of {listed} (degrees from x), found none"))),
        (Some(degrees), axes) => {
            let off = |a: &Angle| {
                let d = (a.degrees() - degrees).rem_euclid(180.0);
                d.min(180.0 - d)
            };
            let nearest = axes.iter().copied().min_by(|a, b| off(a).total_cmp(&off(b)));
            nearest.filter(|a| off(a) <= SAME_AXIS).ok_or_else(|| {
                EntryError::new(format!("`axis`: expected one of {listed} (degrees from x), found {degrees}"))
            })
        }
    }
}

/// Of parts with one axis or two.
fn propose(design: &Design, _mm_per_px: f64) -> Vec<String> {
    let drawn = design.symmetry();
    if drawn.axes.len() > MAX_AXES {
        return Vec::new();
    }
    let (low, high) = design.bounds();
    let entry = |axis: &Angle| {
        let (sin, cos) = axis.sin_cos();
        // Extent across the axis, of the box around the part.
        let across = (high.x - low.x) * sin.abs() + (high.y - low.y) * cos.abs();
        let t = iso2768::symmetry(across)?;
        Some(format!("type = \"symmetry\"\naxis = {:.3}\nupper = {t}   # assumed: as ISO 2768-2 K", axis.degrees()))
    };
    drawn.axes.iter().filter_map(entry).collect()
}

impl Check for Symmetry {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![self.measure(part).unwrap_or_else(Observation::not_measured)]
    }
}

/// A place, and the two on whose chord its mirror image lies.
struct Pair<'a> {
    own: &'a ContourEdge,
    image: [&'a ContourEdge; 2],
    /// Share of the second of the two.
    t: f64,
    /// By how much the difference of the two sides grows with a shift and with a turn of the axis.
    row: [f64; 2],
}

impl Pair<'_> {
    /// How much farther out the contour lies than its mirror image, by deviations from the drawing.
    fn difference(&self, deviation: impl Fn(&ContourEdge) -> f64) -> f64 {
        let [a, b] = self.image;
        let image = if self.t == 0.0 { deviation(a) } else { deviation(a) * (1.0 - self.t) + deviation(b) * self.t };
        deviation(self.own) - image
    }
}

impl Symmetry {
    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let pose = part.drawing()?;
        let traces = traces(part, pose)?;
        let usable: Vec<&ContourEdge> = traces.iter().flat_map(|t| &t.places).map(|p| &p.edge).collect();
        let pairs = self.pairs(usable);
        let sought = Sought { found: pairs.len(), ..Sought::of(traces.iter().map(Trace::sought)) };
        if pairs.len() < MIN_PAIRS || (pairs.len() as f64) < MIN_PAIRED * sought.expected as f64 {
            return Err(sought.too_few(pose.shadow));
        }
        // Without an edge, what is known at least.
        let now = |e: &ContourEdge| pose.strays(e).unwrap_or(f64::NAN);
        let own = |e: &ContourEdge| e.edge.map_or(0.0, |edge| edge.u_px);
        let pixel = pairs.iter().map(|p| p.own.mm_per_px).sum::<f64>() / pairs.len() as f64;
        let both = std::f64::consts::SQRT_2 * usual_noise(pairs.iter().map(|p| own(p.own))) * pixel;
        let rows: Vec<([f64; 2], f64)> = pairs.iter().map(|p| (p.row, p.difference(now))).collect();
        let (axis, weights) = solve_robust(&rows, both).ok_or(Reason::NotFinite)?;
        let left = |(row, d): &([f64; 2], f64), axis: &[f64; 2]| d - row[0] * axis[0] - row[1] * axis[1];
        let worst = (0..pairs.len())
            .max_by(|i, j| left(&rows[*i], &axis).abs().total_cmp(&left(&rows[*j], &axis).abs()))
            .ok_or(Reason::NotFinite)?;
        let signed = left(&rows[worst], &axis);
        let mut terms = vec![(Source::Noise, expected_largest(pairs.len()) * both)];
        terms.extend([pairs[worst].own, pairs[worst].image[0]].map(|e| (Source::Noise, own(e) * e.mm_per_px)));
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, displaced)| {
            let then = |e: &ContourEdge| if e.edge.is_ok() { e.deviation_in(world, displaced) } else { now(e) };
            let rows: Vec<([f64; 2], f64)> = pairs.iter().map(|p| (p.row, p.difference(then))).collect();
            let change = solve_weighted(&rows, &weights).map(|axis| left(&rows[worst], &axis) - signed);
            (source, change.unwrap_or(f64::NAN))
        }));
        let limit = self.characteristics[0].upper.unwrap_or(f64::INFINITY);
        // What is not seen can only be worse.
        if signed.abs() <= limit {
            traces.iter().try_for_each(|t| t.is_seen_all_along(pose))?;
        }
        let mut shown: Vec<usize> =
            (0..pairs.len()).filter(|i| *i == worst || left(&rows[*i], &axis).abs() > limit).collect();
        shown.sort_by(|i, j| left(&rows[*j], &axis).abs().total_cmp(&left(&rows[*i], &axis).abs()));
        let regions = shown.iter().filter_map(|i| figure::around(part, [pairs[*i].own.p_image_px]));
        Ok(Observation::with_budget(signed.abs(), Budget::of(terms)).at(profile::merge(regions)))
    }

    /// Every place with its mirrored one. Cost: each place looks at those in a strip around the mirrored place.
    fn pairs<'a>(&self, mut usable: Vec<&'a ContourEdge>) -> Vec<Pair<'a>> {
        usable.sort_by(|a, b| a.at.p.x.total_cmp(&b.at.p.x));
        // A pair's places are not farther from the mirrored place than four times what one stands for.
        let reach = 4.0 * usable.iter().map(|e| e.at.weight).fold(0.0, f64::max);
        let strip = |x: f64| {
            let from = usable.partition_point(|e| e.at.p.x < x - reach);
            &usable[from..usable.partition_point(|e| e.at.p.x <= x + reach)]
        };
        let across = self.axis.normal();
        let mirrored = |v: Vector<DesignMm>| v - across * (2.0 * v.dot(across));
        let pair = |own: &&'a ContourEdge| {
            let from_axis = own.at.p - self.axis.p;
            let (p, n) = (self.axis.p + mirrored(from_axis), mirrored(own.at.normal));
            let fits = |e: &&&ContourEdge| {
                let d = p - e.at.p;
                e.at.normal.dot(n) > SAME_NORMAL && d.dot(n).abs() < SAME + 0.5 * e.at.curvature.abs() * d.dot(d)
            };
            let distance = |e: &ContourPoint| e.p.distance(p);
            let strip = strip(p.x);
            let near = strip.iter().filter(fits).min_by(|a, b| distance(&a.at).total_cmp(&distance(&b.at)))?;
            let along = (p - near.at.p).cross(n);
            if along.abs() > near.at.weight {
                return None;
            }
            // The neighbour on the other side of the mirrored place; none is needed where the two lie alike.
            let beyond = strip.iter().filter(fits).filter(|e| (p - e.at.p).cross(n) * along < 0.0);
            let other = beyond
                .filter(|e| e.at.p.distance(near.at.p) < 3.0 * near.at.weight)
                .min_by(|a, b| distance(&a.at).total_cmp(&distance(&b.at)));
            let (other, t) = match other {
                Some(other) if along.abs() > 1e-6 => (other, along.abs() / (along.abs() + distance(&other.at))),
                _ => (near, 0.0),
            };
            let row = [2.0 * across.dot(own.at.normal), 2.0 * from_axis.cross(own.at.normal)];
            Some(Pair { own, image: [near, other], t, row })
        };
        usable.iter().filter_map(pair).collect()
    }
}

/// The contours of the part, place by place, away from corners.
fn traces(part: &RegisteredPart<'_>, pose: &DrawingPose) -> Result<Vec<Trace>, Reason> {
    let design = figure::design_of(part)?;
    let contours = design.features.iter().filter(|f| f.is_contour());
    let trace = |contour: &Feature| {
        Trace::of(pose.edges_on(&part.located, design, contour), true, |e| {
            if e.at.corner_distance < CORNER_PX * e.mm_per_px {
                return Ok(Shown::Nothing);
            }
            shown(pose, e)
        })
    };
    contours.map(trace).collect()
}
