//! Measuring a round contour: shared by `hole` and `outline`.

use crate::calibration::Located;
use crate::geometry::{Circle, CircleFit, DesignMm, ImagePx, Mm, PixelRect, PlaneMm, Point, Vector, fit_circle};
use crate::measure::LightModel;
use crate::measure::edge::{NoEdge, Probe, crossing, find_edge};
use crate::reason::Reason;
use crate::registration::{DrawingPose, RegisteredPart};

/// On which side of the contour the material is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A round outline.
    Inside,
    /// A hole.
    Outside,
}

/// A measured round contour, on the plane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) fit: CircleFit<PlaneMm>,
    /// Standard uncertainty of the diameter, mm.
    pub(super) u_diameter: f64,
    /// Standard uncertainty of the centre along each axis, in the picture's own frame, mm.
    pub(super) u_centre: f64,
    pub(super) region: Option<PixelRect>,
}

/// Smallest radius that can be measured, px: below it the blurred edges on both sides run into each other.
const MIN_RADIUS_PX: f64 = 4.0;
/// Spacing of edges along the contour, px; each uses its own pixels.
const SPACING_PX: f64 = 3.0;
/// Share of places that must show an edge.
const MIN_FOUND: f64 = 0.5;
/// How far a contour is looked for, mm.
const REACH_MM: f64 = 1.5;
/// Least scatter of an edge believed, px.
const NOISE_FLOOR_PX: f64 = 0.01;

/// Measures the round contour that should be at `nominal`.
pub(super) fn measure(part: &RegisteredPart<'_>, nominal: &Circle<DesignMm>, side: Side) -> Result<Round, Reason> {
    let pose = part.drawing()?;
    let located = &part.located;
    let light = &pose.silhouette.light;
    let on_plane = pose.plane_from_design.apply(nominal.centre);
    let mm_per_px = located.camera.mm_per_px(on_plane);
    let start =
        Circle { centre: located.camera.image_from_plane(on_plane, Mm(0.0)), radius: nominal.radius / mm_per_px };
    if start.radius < MIN_RADIUS_PX {
        return Err(Reason::TooSmall { size_px: 2.0 * start.radius, expected_px: 2.0 * MIN_RADIUS_PX });
    }
    let rough = rough_circle(located, light, pose, start, side, REACH_MM / mm_per_px)?;
    let fine = fine_circle(located, light, rough, side)?;
    // Once more from the found circle: the bend and the windows are then the real ones.
    let points = edges(located, light, fine, side)?;
    let fit = fit_circle(&points, NOISE_FLOOR_PX * mm_per_px).map_err(|e| Reason::NoFit { detail: e.to_string() })?;
    if fit.rejected * 2 > points.len() {
        return Err(Reason::NoFit { detail: format!("{} of {} edges lie off the circle", fit.rejected, points.len()) });
    }
    let diameter = 2.0 * fit.circle.radius;
    let terms = [2.0 * fit.u_radius, 2.0 * located.u_edge_px * mm_per_px, diameter * located.u_scale];
    let u_diameter = terms.iter().map(|t| t * t).sum::<f64>().sqrt();
    let u_centre = fit.u_centre.0.max(fit.u_centre.1);
    let centre = located.camera.image_from_plane(fit.circle.centre, Mm(0.0));
    let r = fit.circle.radius / mm_per_px;
    let corners = [Point::new(centre.x - r, centre.y - r), Point::new(centre.x + r, centre.y + r)];
    let region = PixelRect::around(corners, 2.0, located.light.width(), located.light.height());
    Ok(Round { fit, u_diameter, u_centre, region })
}

/// Places evenly around a circle, starting to the right, with the normal out of the material.
fn probes(circle: Circle<ImagePx>, side: Side, reach_px: f64) -> Vec<Probe> {
    let n = (std::f64::consts::TAU * circle.radius / SPACING_PX).clamp(24.0, 360.0).floor();
    let sign = if side == Side::Inside { 1.0 } else { -1.0 };
    (0..n as usize)
        .map(|i| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * i as f64 / n);
            let radial = Vector::new(cos, sin);
            Probe {
                p: circle.centre + radial * circle.radius,
                normal: radial * sign,
                curvature: sign / circle.radius,
                reach_px,
                half_length_px: 0.5 * SPACING_PX,
            }
        })
        .collect()
}

/// Finds the contour roughly: around the nominal place, or, when too little is there, around the nearest opening of the silhouette.
fn rough_circle(
    located: &Located<'_>,
    light: &LightModel,
    pose: &DrawingPose,
    start: Circle<ImagePx>,
    side: Side,
    reach_px: f64,
) -> Result<Circle<ImagePx>, Reason> {
    let reach = if side == Side::Outside { reach_px.max(3.0) } else { reach_px.max(3.0).min(0.9 * start.radius) };
    let attempt = |from: Circle<ImagePx>| {
        let probes = probes(from, side, reach);
        let found: Vec<Point<ImagePx>> =
            probes.iter().filter_map(|p| crossing(&located.light, light, p).ok().map(|d| p.p + p.normal * d)).collect();
        let enough = found.len() as f64 >= MIN_FOUND * probes.len() as f64;
        let no_edge = Reason::NoEdge { found: found.len(), expected: probes.len() };
        if !enough {
            return Err(no_edge);
        }
        let fit = fit_circle(&found, 0.5).map_err(|e| Reason::NoFit { detail: e.to_string() })?;
        let circle = fit.circle;
        // Something else nearby (a slot, the outline) is not this contour.
        let plausible =
            (circle.radius - from.radius).abs() <= reach && circle.centre.distance(from.centre) <= 1.5 * reach;
        if plausible { Ok(circle) } else { Err(no_edge) }
    };
    if !inside_picture(located, start) {
        return Err(Reason::OutOfPicture);
    }
    attempt(start).or_else(|reason| {
        match (side, pose.silhouette.opening_near(start.centre, 2.0 * start.radius + reach_px)) {
            (Side::Outside, Some(centre)) => attempt(Circle { centre, radius: start.radius }),
            _ => Err(reason),
        }
    })
}

fn inside_picture(located: &Located<'_>, circle: Circle<ImagePx>) -> bool {
    let (w, h) = (f64::from(located.light.width()), f64::from(located.light.height()));
    let (c, r) = (circle.centre, circle.radius);
    c.x - r >= 0.0 && c.y - r >= 0.0 && c.x + r <= w - 1.0 && c.y + r <= h - 1.0
}

fn fine_circle(
    located: &Located<'_>,
    light: &LightModel,
    rough: Circle<ImagePx>,
    side: Side,
) -> Result<Circle<ImagePx>, Reason> {
    let points: Vec<Point<ImagePx>> = probes(rough, side, 6.0)
        .iter()
        .step_by(2)
        .filter_map(|p| find_edge(&located.light, light, p).ok().map(|e| e.p))
        .collect();
    fit_circle(&points, NOISE_FLOOR_PX).map(|f| f.circle).map_err(|e| Reason::NoFit { detail: e.to_string() })
}

/// Sub-pixel edges around the circle, on the plane, with the camera's edge offset taken off.
fn edges(
    located: &Located<'_>,
    light: &LightModel,
    circle: Circle<ImagePx>,
    side: Side,
) -> Result<Vec<Point<PlaneMm>>, Reason> {
    let probes = probes(circle, side, 4.0);
    let expected = probes.len();
    let mut found = Vec::with_capacity(expected);
    for probe in &probes {
        match find_edge(&located.light, light, probe) {
            Ok(edge) => {
                let p = edge.p - probe.normal * located.edge_offset_px;
                found.push(located.camera.plane_from_image(p, Mm(0.0)));
            }
            Err(NoEdge::OffImage) => return Err(Reason::OutOfPicture),
            Err(_) => {}
        }
    }
    if (found.len() as f64) < MIN_FOUND * expected as f64 {
        return Err(Reason::NoEdge { found: found.len(), expected });
    }
    Ok(found)
}
