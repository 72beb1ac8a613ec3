//! One entity to lines and arcs.

use super::pairs::{Item, Pairs};
use super::spline::Spline;
use super::{FLAT, Place, Reader};
use crate::design::flatten::flatten;
use crate::design::join::Piece;
use crate::design::{DesignError, MAX_SEGMENTS, Segment};
use crate::geometry::{Angle, Circle, DesignMm, Point, Similarity, Vector};
use std::f64::consts::TAU;

/// How far the arcs and lines of a spline or an ellipse may lie from it, mm.
const CURVE: f64 = 0.001;
/// How far the angles of a whole turn may be off, rad: programs write them with few digits. Angles that are alike are so to more of them.
const ROUNDED: f64 = 1e-4;
const ALIKE: f64 = 1e-8;

/// A vertex of a polyline and the bulge of the side behind it.
#[derive(Clone, Copy, Debug)]
struct Vertex {
    p: Point<DesignMm>,
    bulge: f64,
}

impl<'a> Reader<'a> {
    /// Draws one entity that has no children.
    pub(super) fn entity(&mut self, item: &Item<'a>, place: &Place) -> Result<(), DesignError> {
        match item.kind {
            b"LINE" => {
                let from = Point::new(item.number(10)?, item.number(20)?);
                let to = Point::new(item.number(11)?, item.number(21)?);
                // A line is drawn in the frame of the world whatever its extrusion; that must still point up or down.
                self.object_frame(item, place)?;
                self.height(item, place, from, item.number_or(30, 0.0)?)?;
                self.height(item, place, to, item.number_or(31, 0.0)?)?;
                self.push(item, &place.map, Segment::Line { from, to })
            }
            b"CIRCLE" | b"ARC" => self.arc(item, place),
            b"LWPOLYLINE" => self.light_polyline(item, place),
            b"ELLIPSE" => self.ellipse(item, place),
            b"SPLINE" => self.spline(item, place),
            _ => Err(item.fault(
                "expected lines, arcs, circles, polylines, ellipses, splines and blocks: explode it, or hide its layer",
            )),
        }
    }

    /// The frame that an entity's coordinates are given in: the world's, or mirrored when it is drawn from below (extrusion 0, 0, -1).
    pub(super) fn object_frame(&self, item: &Item<'_>, place: &Place) -> Result<Place, DesignError> {
        let (x, y, z) = (item.number_or(210, 0.0)?, item.number_or(220, 0.0)?, item.number_or(230, 1.0)?);
        if x.abs().max(y.abs()) > 1e-6 * z.abs() || z == 0.0 {
            let p = place.map.apply(Point::new(item.number_or(10, 0.0)?, item.number_or(20, 0.0)?));
            return Err(DesignError::NotFlat {
                entity: item.name(),
                line: item.line,
                x: p.x,
                y: p.y,
                found: format!("extrusion ({x}, {y}, {z})"),
                expected: "(0, 0, 1) or (0, 0, -1)".to_owned(),
            });
        }
        let mut place = place.clone();
        if z < 0.0 {
            // The arbitrary axis algorithm of the DXF reference: x is mirrored, y stays.
            place.map = Similarity::<DesignMm, DesignMm>::from_parts(-1.0, 0.0, true, 0.0, 0.0).then(&place.map);
            place.z_scale = -place.z_scale;
        }
        Ok(place)
    }

    /// Refuses what does not lie at the height of the rest.
    pub(super) fn height(
        &mut self,
        item: &Item<'_>,
        place: &Place,
        p: Point<DesignMm>,
        z: f64,
    ) -> Result<(), DesignError> {
        let z = place.z + place.z_scale * z;
        let expected = *self.z.get_or_insert(z);
        if (z - expected).abs() <= FLAT {
            return Ok(());
        }
        let p = place.map.apply(p);
        Err(DesignError::NotFlat {
            entity: item.name(),
            line: item.line,
            x: p.x,
            y: p.y,
            found: format!("z = {z} mm"),
            expected: format!("z = {expected} mm"),
        })
    }

    fn push(
        &mut self,
        item: &Item<'_>,
        map: &Similarity<DesignMm, DesignMm>,
        segment: Segment,
    ) -> Result<(), DesignError> {
        if self.pieces.len() >= MAX_SEGMENTS {
            return Err(DesignError::TooMany { what: "lines and arcs", limit: MAX_SEGMENTS });
        }
        self.pieces.push(Piece { segment: mapped(map, segment), line: item.line });
        Ok(())
    }

    fn arc(&mut self, item: &Item<'_>, place: &Place) -> Result<(), DesignError> {
        let circle = Circle { centre: Point::new(item.number(10)?, item.number(20)?), radius: item.number(40)? };
        if circle.radius <= 0.0 {
            return Err(item.fault(format!("expected a radius above 0, found {}", circle.radius)));
        }
        let (start, sweep) = if item.kind == b"CIRCLE" {
            (0.0, TAU)
        } else {
            let (start, end) = (item.number(50)?.to_radians(), item.number(51)?.to_radians());
            (start, turn(start, end))
        };
        let frame = self.object_frame(item, place)?;
        self.height(item, &frame, circle.centre, item.number_or(30, 0.0)?)?;
        let (start, sweep) = (Angle::from_radians(start), Angle::from_radians(sweep));
        self.push(item, &frame.map, Segment::Arc { circle, start, sweep })
    }

    fn light_polyline(&mut self, item: &Item<'_>, place: &Place) -> Result<(), DesignError> {
        let mut vertices: Vec<Vertex> = Vec::new();
        let mut width = 0.0_f64;
        for group in &item.groups {
            match (group.code, vertices.last_mut()) {
                (40 | 41 | 43, _) => width = width.max(group.number()?),
                (10, _) => vertices.push(Vertex { p: Point::new(group.number()?, f64::NAN), bulge: 0.0 }),
                (20, Some(vertex)) => vertex.p.y = group.number()?,
                (42, Some(vertex)) => vertex.bulge = group.number()?,
                _ => (),
            }
        }
        if vertices.iter().any(|v| !v.p.is_finite()) {
            return Err(item.fault("expected x and y of every vertex, found only x"));
        }
        let frame = self.object_frame(item, place)?;
        let first = vertices.first().map_or(Point::new(0.0, 0.0), |v| v.p);
        self.height(item, &frame, first, item.number_or(38, 0.0)?)?;
        self.sides(item, &frame, &vertices, (item.whole_or(70, 0)? & 1 == 1, width))
    }

    /// A POLYLINE: its vertices are entities of their own, up to SEQEND.
    pub(super) fn old_polyline(
        &mut self,
        item: &Item<'a>,
        pairs: &mut Pairs<'a>,
        place: &Place,
    ) -> Result<(), DesignError> {
        const CLOSED: i64 = 1;
        const IN_SPACE: i64 = 8;
        const MESH: i64 = 16 | 64;
        const CONTROL_POINT: i64 = 16;
        let flags = item.whole_or(70, 0)?;
        if flags & MESH != 0 {
            return Err(item.fault("expected a line, found a mesh: a drawing of a flat part is needed"));
        }
        let frame = if flags & IN_SPACE == 0 { self.object_frame(item, place)? } else { place.clone() };
        let mut vertices = Vec::new();
        let mut vertex = Item::default();
        let wide = |item: &Item<'_>| Ok(item.number_or(40, 0.0)?.max(item.number_or(41, 0.0)?));
        let mut width: f64 = wide(item)?;
        loop {
            let bookmark = *pairs;
            if !pairs.next_item(&mut vertex)? || vertex.kind != b"VERTEX" {
                if vertex.kind != b"SEQEND" {
                    *pairs = bookmark;
                }
                break;
            }
            self.count_entity()?;
            // Control points of a spline that the vertices already follow.
            if vertex.whole_or(70, 0)? & CONTROL_POINT == 0 {
                width = width.max(wide(&vertex)?);
                let p = Point::new(vertex.number(10)?, vertex.number(20)?);
                let z = if flags & IN_SPACE == 0 { item.number_or(30, 0.0)? } else { vertex.number_or(30, 0.0)? };
                self.height(&vertex, &frame, p, z)?;
                vertices.push(Vertex { p, bulge: vertex.number_or(42, 0.0)? });
            }
        }
        self.sides(item, &frame, &vertices, (flags & CLOSED != 0, width))
    }

    /// Draws the sides of a polyline, and notes that it is wider than a line.
    fn sides(
        &mut self,
        item: &Item<'_>,
        frame: &Place,
        vertices: &[Vertex],
        (closed, width): (bool, f64),
    ) -> Result<(), DesignError> {
        let width = width * frame.map.scale();
        if width > 0.0 {
            if closed && matches!(vertices, [a, b] if a.bulge * b.bulge > 0.5) {
                return Err(item.fault(format!(
                    "expected the circles that are meant, found a donut (a circle drawn {width} mm wide): draw them, or hide its layer"
                )));
            }
            self.remarks.width(width);
        }
        let behind = vertices.iter().skip(1).chain(vertices.first().filter(|_| closed));
        for (a, b) in vertices.iter().zip(behind) {
            self.push(item, &frame.map, bulged(a.p, b.p, a.bulge))?;
        }
        Ok(())
    }

    fn ellipse(&mut self, item: &Item<'_>, place: &Place) -> Result<(), DesignError> {
        let centre = Point::new(item.number(10)?, item.number(20)?);
        let major = Vector::<DesignMm>::new(item.number(11)?, item.number(21)?);
        let ratio = item.number(40)?;
        if ratio <= 0.0 || major.length() <= 0.0 {
            return Err(item.fault("expected two axes longer than 0"));
        }
        // Centre and axis are given in the frame of the world; the extrusion only says which way round it is drawn.
        let down = self.object_frame(item, place)?.z_scale != place.z_scale;
        self.height(item, place, centre, item.number_or(30, 0.0)?)?;
        self.height(item, place, centre, item.number_or(30, 0.0)? + item.number_or(31, 0.0)?)?;
        let minor = major.perpendicular() * if down { -ratio } else { ratio };
        let (start, end) = (item.number_or(41, 0.0)?, item.number_or(42, TAU)?);
        let sweep = turn(start, end);
        if (ratio - 1.0).abs() < 1e-9 {
            let sign = if down { -1.0 } else { 1.0 };
            let start = Angle::from_radians(libm::atan2(major.y, major.x) + sign * start);
            let circle = Circle { centre, radius: major.length() };
            return self.push(
                item,
                &place.map,
                Segment::Arc { circle, start, sweep: Angle::from_radians(sign * sweep) },
            );
        }
        let at = |t: f64| {
            // The two ends of a whole ellipse must be the same point to the last bit.
            let (sin, cos) = libm::sincos(if t == start + TAU { start } else { t });
            (centre + major * cos + minor * sin, minor * cos - major * sin)
        };
        let mut segments = Vec::new();
        for k in 0..8 {
            let (a, b) = (f64::from(k) / 8.0, f64::from(k + 1) / 8.0);
            flatten(&at, start + a * sweep, start + b * sweep, CURVE / place.map.scale(), &mut segments);
        }
        segments.into_iter().try_for_each(|s| self.push(item, &place.map, s))
    }

    fn spline(&mut self, item: &Item<'_>, place: &Place) -> Result<(), DesignError> {
        let spline = Spline::read(item)?;
        for (p, z) in spline.control.iter().zip(&spline.z) {
            self.height(item, place, *p, *z)?;
        }
        let mut segments = Vec::new();
        for (k, a, b) in spline.spans() {
            let m = 0.5 * (a + b);
            for (a, b) in [(a, m), (m, b)] {
                flatten(&|t| spline.at(k, t), a, b, CURVE / place.map.scale(), &mut segments);
                if segments.len() > MAX_SEGMENTS {
                    return Err(DesignError::TooMany { what: "lines and arcs", limit: MAX_SEGMENTS });
                }
            }
        }
        if segments.iter().any(|s| !s.at(0.0).is_finite() || !s.length().is_finite()) {
            return Err(item.fault("the curve leads to no finite point: check its knots and weights"));
        }
        segments.into_iter().try_for_each(|s| self.push(item, &place.map, s))
    }
}

/// The turn from one angle to another, counter-clockwise. Angles that differ by a whole turn, or not at all, are a whole one, give or take
/// the digits that were written.
fn turn(start: f64, end: f64) -> f64 {
    let sweep = (end - start).rem_euclid(TAU);
    let whole_turns = ((end - start) / TAU).round();
    let off = sweep.min(TAU - sweep);
    if off <= if whole_turns == 0.0 { ALIKE } else { ROUNDED } { TAU } else { sweep }
}

/// The side of a polyline: `bulge` is the tangent of a quarter of the arc's angle, positive counter-clockwise (DXF reference, LWPOLYLINE).
fn bulged(from: Point<DesignMm>, to: Point<DesignMm>, bulge: f64) -> Segment {
    let chord = to - from;
    let length = chord.length();
    // A rise below a nanometre is a straight line.
    if (bulge * length).abs() < 1e-6 {
        return Segment::Line { from, to };
    }
    let centre = from.midpoint(to) + chord.perpendicular() * ((1.0 - bulge * bulge) / (4.0 * bulge));
    let d = from - centre;
    Segment::Arc {
        circle: Circle { centre, radius: length * (1.0 + bulge * bulge) / (4.0 * bulge.abs()) },
        start: Angle::from_radians(libm::atan2(d.y, d.x)),
        sweep: Angle::from_radians(4.0 * libm::atan(bulge)),
    }
}

fn mapped(map: &Similarity<DesignMm, DesignMm>, segment: Segment) -> Segment {
    match segment {
        Segment::Line { from, to } => Segment::Line { from: map.apply(from), to: map.apply(to) },
        Segment::Arc { circle, start, sweep } => {
            let sign = if map.mirrored() { -1.0 } else { 1.0 };
            Segment::Arc {
                circle: Circle { centre: map.apply(circle.centre), radius: circle.radius * map.scale() },
                start: Angle::from_radians(map.turn().radians() + sign * start.radians()),
                sweep: Angle::from_radians(sign * sweep.radians()),
            }
        }
    }
}
