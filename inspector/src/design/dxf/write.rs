//! Designs to DXF.

use crate::design::{Design, Segment};
use std::f64::consts::TAU;
use std::fmt::Write as _;

/// The design as ASCII DXF (R12 entities LINE, ARC and CIRCLE on layer 0, `$INSUNITS` = millimetres). Reading it again gives the same contours
/// (to 1e-9 mm; angles are written in degrees) and the same names.
pub fn write_dxf(design: &Design) -> String {
    let mut out = String::from("0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\nAC1009\n9\n$INSUNITS\n70\n4\n0\nENDSEC\n");
    out.push_str("0\nSECTION\n2\nENTITIES\n");
    for segment in design.contours.iter().flat_map(|c| &c.segments) {
        write_segment(&mut out, segment).expect("writing to a String cannot fail");
    }
    out.push_str("0\nENDSEC\n0\nEOF\n");
    out
}

fn write_segment(out: &mut String, segment: &Segment) -> std::fmt::Result {
    match segment {
        Segment::Line { from, to } => {
            write!(out, "0\nLINE\n8\n0\n10\n{:?}\n20\n{:?}\n11\n{:?}\n21\n{:?}\n", from.x, from.y, to.x, to.y)
        }
        Segment::Arc { circle, start, sweep } => {
            let full = sweep.radians().abs() >= TAU - 1e-12;
            let kind = if full { "CIRCLE" } else { "ARC" };
            let (x, y, r) = (circle.centre.x, circle.centre.y, circle.radius);
            write!(out, "0\n{kind}\n8\n0\n10\n{x:?}\n20\n{y:?}\n40\n{r:?}\n")?;
            if full {
                return Ok(());
            }
            // DXF draws arcs counter-clockwise only.
            let (a, b) = (start.degrees(), start.degrees() + sweep.degrees());
            let (from, to) = if sweep.radians() < 0.0 { (b, a) } else { (a, b) };
            write!(out, "50\n{:?}\n51\n{:?}\n", from.rem_euclid(360.0), to.rem_euclid(360.0))
        }
    }
}
