//! Path data to curves (SVG 2, chapter 9).

use super::curve::{Curve, Xy};
use std::f64::consts::TAU;
use svgtypes::{PathParser, PathSegment as P};

/// A connected line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Subpath {
    pub(super) curves: Vec<Curve>,
    pub(super) start: Xy,
    pub(super) end: Xy,
}

impl Subpath {
    pub(super) fn at(start: Xy) -> Self {
        Self { curves: Vec::new(), start, end: start }
    }
    pub(super) fn line_to(&mut self, to: Xy) {
        self.curves.push(Curve::Line([self.end, to]));
        self.end = to;
    }
    /// Draws the line back to the start, unless it is there already.
    pub(super) fn close(&mut self) {
        if self.end != self.start {
            self.line_to(self.start);
        }
    }
    fn cubic_to(&mut self, a: Xy, b: Xy, to: Xy) {
        self.curves.push(Curve::Cubic([self.end, a, b, to]));
        self.end = to;
    }
}

/// The subpaths of `d`.
pub(super) fn subpaths(d: &str, limit: usize) -> Result<Vec<Subpath>, String> {
    let mut all: Vec<Subpath> = Vec::new();
    let mut path = Subpath::default();
    // The handle before, for the smooth commands: of a cubic, of a quadratic.
    let (mut cubic, mut quadratic): (Option<Xy>, Option<Xy>) = (None, None);
    for (count, segment) in PathParser::from(d).enumerate() {
        let segment = segment.map_err(|e| format!("path data: {e}"))?;
        if count >= limit {
            return Err(format!("more than {limit} commands in a path"));
        }
        let here = path.end;
        let to = |abs: bool, x: f64, y: f64| if abs { (x, y) } else { (here.0 + x, here.1 + y) };
        let mirrored = |handle: Option<Xy>| handle.map_or(here, |h| (2.0 * here.0 - h.0, 2.0 * here.1 - h.1));
        let (last_cubic, last_quadratic) = (cubic.take(), quadratic.take());
        match segment {
            P::MoveTo { abs, x, y } => all.push(std::mem::replace(&mut path, Subpath::at(to(abs, x, y)))),
            P::LineTo { abs, x, y } => path.line_to(to(abs, x, y)),
            P::HorizontalLineTo { abs, x } => path.line_to((to(abs, x, 0.0).0, here.1)),
            P::VerticalLineTo { abs, y } => path.line_to((here.0, to(abs, 0.0, y).1)),
            P::CurveTo { abs, x1, y1, x2, y2, x, y } => {
                let handle = to(abs, x2, y2);
                path.cubic_to(to(abs, x1, y1), handle, to(abs, x, y));
                cubic = Some(handle);
            }
            P::SmoothCurveTo { abs, x2, y2, x, y } => {
                let handle = to(abs, x2, y2);
                path.cubic_to(mirrored(last_cubic), handle, to(abs, x, y));
                cubic = Some(handle);
            }
            P::Quadratic { abs, x1, y1, x, y } => {
                quadratic = Some(to(abs, x1, y1));
                raise(&mut path, to(abs, x1, y1), to(abs, x, y));
            }
            P::SmoothQuadratic { abs, x, y } => {
                let handle = mirrored(last_quadratic);
                quadratic = Some(handle);
                raise(&mut path, handle, to(abs, x, y));
            }
            P::EllipticalArc { abs, rx, ry, x_axis_rotation, large_arc, sweep, x, y } => {
                let end = to(abs, x, y);
                match arc(here, end, (rx, ry), x_axis_rotation, large_arc, sweep) {
                    Some(arc) => path.curves.push(arc),
                    None => path.curves.push(Curve::Line([here, end])),
                }
                path.end = end;
            }
            P::ClosePath { .. } => {
                path.close();
                let start = path.start;
                all.push(std::mem::replace(&mut path, Subpath::at(start)));
            }
        }
    }
    all.push(path);
    all.retain(|path| !path.curves.is_empty());
    Ok(all)
}

/// A quadratic curve as a cubic one.
fn raise(path: &mut Subpath, handle: Xy, to: Xy) {
    let from = path.end;
    let near = |p: Xy| (p.0 + 2.0 / 3.0 * (handle.0 - p.0), p.1 + 2.0 / 3.0 * (handle.1 - p.1));
    path.cubic_to(near(from), near(to), to);
}

/// An arc by its ends (SVG 2, appendix B.2.4 and B.2.5); `None` when it is a line.
fn arc(from: Xy, to: Xy, (rx, ry): (f64, f64), rotation: f64, large: bool, sweep: bool) -> Option<Curve> {
    let (mut rx, mut ry) = (rx.abs(), ry.abs());
    if rx == 0.0 || ry == 0.0 || from == to {
        return None;
    }
    let (sin, cos) = libm::sincos(rotation.to_radians());
    let (dx, dy) = (0.5 * (from.0 - to.0), 0.5 * (from.1 - to.1));
    let (x, y) = (cos * dx + sin * dy, cos * dy - sin * dx);
    let reach = (x / rx) * (x / rx) + (y / ry) * (y / ry);
    // Radii too small for the distance are made as large as needed.
    let grown = reach.max(1.0).sqrt();
    (rx, ry) = (rx * grown, ry * grown);
    let (p, q) = (x / rx, y / ry);
    let square = p * p + q * q;
    let k = ((1.0 - square).max(0.0) / square).sqrt() * if large == sweep { -1.0 } else { 1.0 };
    let (cx, cy) = (k * rx * q, -k * ry * p);
    let centre = (cos * cx - sin * cy + 0.5 * (from.0 + to.0), sin * cx + cos * cy + 0.5 * (from.1 + to.1));
    let start = libm::atan2((y - cy) / ry, (x - cx) / rx);
    let end = libm::atan2((-y - cy) / ry, (-x - cx) / rx);
    let turn = (end - start).rem_euclid(TAU);
    let sweep = if sweep { turn } else { turn - TAU };
    Some(Curve::Arc { centre, u: (rx * cos, rx * sin), v: (-ry * sin, ry * cos), start, sweep })
}
