//! Edges beside light that the camera cannot tell.
//!
//! Where a lamp is mirrored, or a spot is lit too much, pixels stand at the brightest code however bright they are: the half-light line, and every edge with it, moves towards
//! the dark. Nothing in the pixels beside it says how far, so such an edge is not measured. A seam that sharpening drew beside an edge is narrower.

use super::edge::{Edge, NoEdge, Probe, find_edge};
use super::silhouette::LightModel;
use crate::calibration::Located;
use crate::photo::Picture;

/// Beyond an edge, on either side, light may be this far away and still move it, px: a reflex is soft.
const NEAR_PX: f64 = 12.0;
/// So many pixels one after the other at the brightest code shine; fewer are a seam of sharpening, or noise.
const SHINES_PX: usize = 4;

/// As [`find_edge`], in a photo whose ground is not overexposed as a whole: an edge that light may have moved is none.
///
/// # Errors
/// [`NoEdge::Glare`] where something shines near the edge, or wherever one was looked for in vain; else that of [`find_edge`].
///
/// Cost: 0.3 us more than [`find_edge`].
pub fn find_clear_edge(located: &Located<'_>, light: &LightModel, probe: &Probe) -> Result<Edge, NoEdge> {
    let found = find_edge(&located.light, light, probe);
    let (from, to) = match found {
        _ if located.overexposed_ground => return found,
        // Light between its nominal place and an edge may have put it there.
        Ok(edge) => (edge.offset_px.min(0.0), edge.offset_px.max(0.0)),
        Err(NoEdge::OnlyMaterial | NoEdge::OnlyBackground | NoEdge::NoStep) => (-probe.reach_px, probe.reach_px),
        Err(NoEdge::OffImage | NoEdge::Hidden | NoEdge::Glare) => return found,
    };
    if shines(&located.photo.picture, probe, from - NEAR_PX, to + NEAR_PX) { Err(NoEdge::Glare) } else { found }
}

/// Something shines on the normal between these distances from the nominal place, px.
fn shines(picture: &Picture, probe: &Probe, from: f64, to: f64) -> bool {
    let along = probe.normal.perpendicular() * 1.5;
    let mut run = 0;
    (0..=(to - from) as u32).any(|k| {
        let p = probe.p + probe.normal * (from + f64::from(k));
        let bright = [p + along * -1.0, p, p + along].into_iter().filter(|p| picture.is_brightest(*p)).count();
        run = if bright >= 2 { run + 1 } else { 0 };
        run >= SHINES_PX
    })
}
