//! `angle`: between two straight edges.

use super::entry::{Dimension, Entry, EntryError};
use super::figure::Straight;
use super::pair::Pair;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit, iso2768};
use crate::calibration::{Budget, Source};
use crate::design::{Design, Feature, FeatureKind, Segment};
use crate::geometry::{DesignMm, Line, PlaneMm, Similarity};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;

/// The check type `angle`.
pub static TYPE: CheckType = CheckType {
    name: "angle",
    measurand: "angle between two straight edges, degrees: the one of the two that they make which the nominal means",
    method: "least-squares lines through sub-pixel edges, outliers set aside by Tukey's biweight",
    source: "ISO 14405-3:2016 (angular size, least-squares association); Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171",
    honest_scope: "straight edges of at least 32 px; a short edge gives a poor direction, and its uncertainty says so",
    needs: Needs::Drawing,
    example: "type = \"angle\"\nfrom = \"edge-1\"\nto = \"edge-2\"\nangle = { nominal = 90.0, lower = -1.0, upper = 1.0 }",
    parse,
    propose,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    from: String,
    to: String,
    angle: Dimension,
}

#[derive(Debug)]
struct Angle {
    pair: Pair,
    drawn: [Line<DesignMm>; 2],
    /// The angle as drawn, degrees.
    drawn_degrees: f64,
    /// How it grows with the turn of the second edge against the first.
    sense: f64,
    characteristics: [Characteristic; 1],
}

/// Farther from the drawing than this, degrees, another angle is meant.
const MAX_OFF: f64 = 5.0;
/// Shortest edges whose angle is proposed, mm.
const LONG: f64 = 8.0;
/// Nearer to it than this, degrees, an angle is a right one.
const RIGHT: f64 = 0.1;
/// Most angles that are proposed.
const MAX_PROPOSED: usize = 6;

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let pair = Pair::of(super::drawing_of(context)?, &fields.from, &fields.to)?;
    let Some(drawn) = pair.lines() else {
        let other = [&pair.from, &pair.to].into_iter().find(|f| !matches!(f.kind, FeatureKind::Edge { .. }));
        let name = other.map_or("", |f| f.name.as_str());
        return Err(EntryError::new(format!("expected two straight edges, found {name:?}")));
    };
    let [between, beside] = angles(&drawn);
    let nominal = fields.angle.nominal;
    let near = |a: &(f64, f64)| (a.0 - nominal).abs() <= MAX_OFF;
    let (drawn_degrees, sense) = [between, beside].into_iter().find(near).ok_or_else(|| {
        EntryError::new(format!(
            "`angle`: {} and {} make {:.3}° or {:.3}° in the drawing, found nominal = {nominal}",
            pair.from.name, pair.to.name, between.0, beside.0
        ))
    })?;
    let id = format!("{}.angle", pair.id());
    let characteristics = [Characteristic::of(id, TYPE.name, fields.angle, Unit::Degree)];
    Ok(Box::new(Angle { pair, drawn, drawn_degrees, sense, characteristics }))
}

/// The two angles that two lines make, degrees, each with how it grows when the second turns counter-clockwise.
fn angles(lines: &[Line<DesignMm>; 2]) -> [(f64, f64); 2] {
    let [a, b] = lines.map(|l| l.direction);
    let turn = libm::atan2(a.cross(b), a.dot(b)).to_degrees();
    let sense = if turn < 0.0 { -1.0 } else { 1.0 };
    // Of neighbours that run round the material, the angle inside it is what their turn leaves of 180°.
    [(180.0 - turn.abs(), -sense), (turn.abs(), sense)]
}

/// Neighbouring edges of a contour, also where an arc rounds the corner between them; the longest first. Not right angles: no drawing writes them, and the
/// profile holds the edges on both sides.
fn propose(design: &Design, mm_per_px: f64) -> Vec<String> {
    let length = super::edge_length;
    let long = LONG.max(super::LEAST_EDGE_PX * mm_per_px);
    let edges: Vec<&Feature> = design.features.iter().filter(|f| length(f) >= long).collect();
    let mut found: Vec<(f64, String)> = Vec::new();
    for from in &edges {
        let segments = &design.contours[from.contour].segments;
        let n = segments.len();
        // The next segment, or the one behind a rounded corner.
        let next = edges.iter().find(|to| {
            let behind = from.segments.end % n;
            let gap = (to.segments.start + n - behind) % n;
            let joined = gap == 0 || gap == 1 && matches!(segments[behind], Segment::Arc { .. });
            to.contour == from.contour && to.name != from.name && joined
        });
        let Some(to) = next else { continue };
        let Ok(pair) = Pair::of(design, &from.name, &to.name) else { continue };
        let Some(lines) = pair.lines() else { continue };
        let [(between, _), _] = angles(&lines);
        let shorter = length(from).min(length(to));
        let oblique = (15.0..=165.0).contains(&between) && (between - 90.0).abs() > RIGHT;
        let Some(t) = iso2768::angle(shorter).filter(|_| oblique) else { continue };
        let t = (t * 1e4).round() / 1e4;
        found.push((
            shorter,
            format!(
                "type = \"angle\"\nfrom = \"{}\"\nto = \"{}\"\nangle = {{ nominal = {between:.3}, lower = -{t}, upper = {t} }}   # ISO 2768-m",
                from.name, to.name
            ),
        ));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(MAX_PROPOSED).map(|f| f.1).collect()
}

impl Check for Angle {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![self.measure(part).unwrap_or_else(Observation::not_measured)]
    }
}

impl Angle {
    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let pose = part.drawing()?;
        let edges = [Straight::measure(part, &self.pair.from)?, Straight::measure(part, &self.pair.to)?];
        let value = self.degrees(&pose.plane_from_design, [edges[0].fit.figure, edges[1].fit.figure]);
        let mut terms: Vec<(Source, f64)> =
            edges.iter().map(|e| (Source::Noise, e.fit.u_turn().to_degrees())).collect();
        terms.extend(pose.worlds(&part.located.worlds).map(|(source, world, pose)| {
            (source, self.degrees(pose, [edges[0].in_world(world), edges[1].in_world(world)]) - value)
        }));
        let regions = edges.iter().filter_map(|e| e.edges.region(part)).collect();
        let seen = edges.iter().flat_map(|e| e.edges.seen()).collect();
        Ok(Observation::with_budget(value, Budget::of(terms)).at(regions).seeing(seen))
    }

    /// The angle as drawn, and how much farther the second edge is turned than the first one.
    fn degrees(&self, pose: &Similarity<DesignMm, PlaneMm>, found: [Line<PlaneMm>; 2]) -> f64 {
        let turn = |i: usize| {
            let drawn = pose.apply_vector(self.drawn[i].direction);
            libm::atan2(drawn.cross(found[i].direction), drawn.dot(found[i].direction))
        };
        let hand = if pose.mirrored() { -1.0 } else { 1.0 };
        self.drawn_degrees + self.sense * hand * (turn(1) - turn(0)).to_degrees()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::parts;

    /// Of 90°, 170.5° and 99.5° a drawing asks for the last one: a bend of 9.5° is no corner, and nobody writes a right angle.
    #[test]
    fn corners_that_are_neither_right_nor_flat_are_proposed() {
        let corners = [(0.0, 0.0), (30.0, 0.0), (60.0, 5.0), (60.0, 30.0), (0.0, 30.0)].map(|(x, y)| (x, y, 0.0));
        let proposed = propose(&parts::polygon(&corners, &[], &[]), 0.05);
        assert!(proposed.len() == 1 && proposed[0].contains("nominal = 99.462"), "{proposed:?}");
    }
}
