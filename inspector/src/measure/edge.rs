//! Where the contour of the material really runs near a nominal place.
//!
//! `search along the normal -> take the original pixels around the crossing -> fit a blurred step -> correct for curvature`
//!
//! The step model is the integral of a Gaussian, fitted to the pixels themselves (nothing is resampled), each with its distance to the
//! curve through the crossing. At a bend of radius R a blur of sigma pulls the half-light line towards the centre of the bend by
//! sigma² / 2R (Mendonça, Padfield, Miller, Turek, "Bias in the localization of curved edges", ECCV 2004); the fit knows sigma, so this
//! is undone.
//!
//! Honest scope: one edge within the window, blur of 0.4 to 4.5 px, bends of more than about three times the blur.

use super::descent::descend;
use super::resample::bilinear;
use super::silhouette::LightModel;
use super::wall::{self, Relief};
use crate::calibration::{Look, Plane, SHADES, Sight};
use crate::geometry::{ImagePx, NormalEquations, Point, Vector, cumulative_and_density, solve_symmetric};

/// A nominal place on the contour, in the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Nominal position.
    pub p: Point<ImagePx>,
    /// Unit normal out of the material.
    pub normal: Vector<ImagePx>,
    /// Signed curvature, 1/px: positive where material is convex.
    pub curvature: f64,
    /// How far to look along the normal, both ways, px.
    pub reach_px: f64,
    /// Half of the window along the contour, px.
    pub half_length_px: f64,
    /// For a part with thickness, what stands beside the rim.
    pub relief: Option<Relief>,
}

impl Probe {
    /// Where the photo shows a piece of contour. `half_length_px` keeps its pixels apart from those of the next place.
    pub const fn new(sight: &Sight, relief: Option<Relief>, reach_mm: f64, half_length_px: f64) -> Self {
        let Look { p, normal, px_per_mm, curvature } = sight.look;
        Self { p, normal, curvature, reach_px: reach_mm * px_per_mm, half_length_px, relief }
    }
}

/// An edge that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// Position.
    pub p: Point<ImagePx>,
    /// Unit normal out of the material.
    pub normal: Vector<ImagePx>,
    /// Signed distance from the nominal place along the normal, px: positive is more material.
    pub offset_px: f64,
    /// Standard uncertainty of `offset_px` from the noise of its pixels.
    pub u_px: f64,
    /// Blur of the edge, standard deviation, px (pixel aperture included).
    pub blur_px: f64,
    /// How far its place moves, px, with each of the things that are not known of wall and shadow beside it, by one standard uncertainty of each: with
    /// one of them all edges move together.
    pub shade_px: [f64; SHADES],
    /// How much it counts beside a good edge: 1, or less for one in shadow or beside a wall that is hard to tell from sheet or face.
    pub trust: f64,
}

impl Edge {
    /// Standard uncertainty of its place from all of that, px.
    pub fn u(&self) -> f64 {
        (self.u_px * self.u_px + self.shade_px.iter().map(|s| s * s).sum::<f64>()).sqrt()
    }
}

/// Why no edge was found: "the part is missing" and "the picture is too small" are different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoEdge {
    /// The place is not in the picture.
    OffImage,
    /// The part itself stands before it.
    Hidden,
    /// Material as far as was looked.
    OnlyMaterial,
    /// Background as far as was looked.
    OnlyBackground,
    /// A crossing, but no clean step there.
    NoStep,
    /// Something shines there: wherever an edge is seen, it may be elsewhere.
    Glare,
}

/// Steps along the normal, px.
const STEP: f64 = 1.0;
/// Half of the fitted window along the normal, px, for a sharp edge.
const FIT_REACH: f64 = 5.0;
/// A soft edge needs a wider window, in blurs: levels that are fitted too take their share of what the pixels know of the place. At
/// 4.2 blurs the standard deviation is 1.3 times that with known levels, at 3 blurs 1.6 times.
const REACH_IN_BLURS: f64 = 4.2;
/// No window is wider than this, px: other edges are not far.
const MAX_FIT_REACH: f64 = 9.0;
/// No softer edge is measured, px: the widest window does not reach its levels. (A blur of 5 px moves a hole's edges by 0.01 px, of 6 px by 0.1, of 8 px by 0.4.)
const SOFTEST_PX: f64 = 4.5;

/// Finds the edge nearest to the nominal place.
///
/// # Errors
/// [`NoEdge`] says what was seen instead.
pub fn find_edge(plane: &Plane, light: &LightModel, probe: &Probe) -> Result<Edge, NoEdge> {
    if let Some(relief) = probe.relief {
        return wall::find_rim(plane, light, probe, relief);
    }
    let offset = crossing(plane, light, probe)?;
    let edge = fit(plane, light, probe, offset, FIT_REACH)?;
    let wanted = (REACH_IN_BLURS * edge.blur_px).min(MAX_FIT_REACH);
    if wanted < 1.2 * FIT_REACH {
        return Ok(edge);
    }
    // Where the wider window meets something else, the first answer stands.
    Ok(fit(plane, light, probe, offset, wanted).unwrap_or(edge))
}

/// The nearest place along the normal where material ends, px from the nominal one, to about a quarter of a pixel.
///
/// # Errors
/// [`NoEdge`] says what was seen instead.
pub fn crossing(plane: &Plane, light: &LightModel, probe: &Probe) -> Result<f64, NoEdge> {
    if let Some(relief) = probe.relief {
        return wall::lay(plane, light, probe, relief)?.rim();
    }
    let tangent = Vector::new(-probe.normal.y, probe.normal.x);
    // Material fraction at distance d along the normal, averaged over three places along the contour.
    let fraction = |d: f64| -> Option<f64> {
        let mut sum = 0.0;
        for t in [-1.5, 0.0, 1.5] {
            sum += bilinear_fraction(plane, light, probe.p + probe.normal * d + tangent * t)?;
        }
        Some(sum / 3.0 - 0.5)
    };
    let here = fraction(0.0).ok_or(NoEdge::OffImage)?;
    // In material the edge lies outwards; in background, inwards.
    let direction = if here > 0.0 { STEP } else { -STEP };
    let mut last = here;
    let steps = (probe.reach_px / STEP).ceil() as i32;
    for k in 1..=steps {
        let d = f64::from(k) * direction;
        let now = fraction(d).ok_or(NoEdge::OffImage)?;
        let crossed = (now > 0.0) != (here > 0.0);
        // A crossing that does not last one more step is a speck.
        if crossed && fraction(d + direction).is_none_or(|next| (next > 0.0) == (now > 0.0)) {
            return Ok(d - direction * now / (now - last));
        }
        last = now;
    }
    Err(if here > 0.0 { NoEdge::OnlyMaterial } else { NoEdge::OnlyBackground })
}

/// As [`crossing`], but also where the rim itself is lost in a shadow as dark as the part: the border of that shadow tells where both lie. `None` where neither
/// would be seen.
///
/// # Errors
/// [`NoEdge`] says what was seen instead.
pub fn lies(plane: &Plane, light: &LightModel, probe: &Probe) -> Result<Option<f64>, NoEdge> {
    match probe.relief {
        Some(relief) if relief.room_px < wall::LEAST_ROOM => Ok(None),
        Some(relief) => Ok(wall::lay(plane, light, probe, relief)?.row()),
        None => crossing(plane, light, probe).map(Some),
    }
}

/// Share of material in the light at a place; `None` outside the picture.
pub fn bilinear_fraction(plane: &Plane, light: &LightModel, p: Point<ImagePx>) -> Option<f64> {
    Some(light.material_fraction(p, bilinear(plane, p.x, p.y)?))
}

/// Fits a blurred step to the pixels around the crossing at `start` px along the normal.
fn fit(plane: &Plane, light: &LightModel, probe: &Probe, start: f64, reach: f64) -> Result<Edge, NoEdge> {
    let pixels = window(plane, light, probe, start, reach);
    if pixels.len() < 12 {
        return Err(NoEdge::OffImage);
    }
    // Background level, material minus background, shift, blur.
    let still = |step: &[f64; 4]| step[2].abs() < 1e-5 && step[3].abs() < 1e-4;
    let (q, sums) = descend([0.0, 1.0, 0.0, 1.2], 20, |q| equations(&pixels, q), still).ok_or(NoEdge::NoStep)?;
    // Clean: about the expected contrast, near the crossing, and no softer than the window shows.
    if q[1].is_nan() || q[1] < 0.4 || q[2].abs() > 2.5 || q[3] > SOFTEST_PX {
        return Err(NoEdge::NoStep);
    }
    let variance = sums.squares / (pixels.len() - 4) as f64;
    let shift_variance = solve_symmetric(sums.normal, [0.0, 0.0, 1.0, 0.0]).ok_or(NoEdge::NoStep)?[2] * variance;
    let blur = q[3];
    let offset_px = start + q[2] + 0.5 * blur * blur * probe.curvature;
    let (p, u_px) = (probe.p + probe.normal * offset_px, shift_variance.max(0.0).sqrt());
    Ok(Edge { p, normal: probe.normal, offset_px, u_px, blur_px: blur, shade_px: [0.0; SHADES], trust: 1.0 })
}

/// A pixel near the edge: signed distance outwards from the curve through the crossing, and material fraction.
pub(crate) type Sample = (f64, f64);

/// The pixels from `inwards` inside of the nominal place to `outwards` outside of it, px.
pub(crate) fn pixels_across(
    plane: &Plane,
    light: &LightModel,
    probe: &Probe,
    inwards: f64,
    outwards: f64,
) -> Vec<Sample> {
    let mut pixels = window(plane, light, probe, 0.0, inwards.max(outwards));
    pixels.retain(|(d, _)| *d >= -inwards && *d <= outwards);
    pixels
}

fn window(plane: &Plane, light: &LightModel, probe: &Probe, start: f64, reach: f64) -> Vec<Sample> {
    let centre = probe.p + probe.normal * start;
    // Tight bends: the window must not reach across the middle of a small hole.
    let bend = if probe.curvature == 0.0 { f64::INFINITY } else { 1.0 / probe.curvature.abs() };
    let reach = reach.min(0.8 * bend);
    let half = probe.half_length_px.min(0.7 * bend);
    let extent_x = (reach * probe.normal.x.abs() + half * probe.normal.y.abs()).ceil();
    let extent_y = (reach * probe.normal.y.abs() + half * probe.normal.x.abs()).ceil();
    let (w, h) = (f64::from(plane.width()), f64::from(plane.height()));
    let x0 = (centre.x - extent_x).floor().max(0.0);
    let x1 = (centre.x + extent_x).ceil().min(w - 1.0);
    let y0 = (centre.y - extent_y).floor().max(0.0);
    let y1 = (centre.y + extent_y).ceil().min(h - 1.0);
    if x0 > x1 || y0 > y1 {
        return Vec::new();
    }
    // Levels change slowly: one value for the window.
    let (background, material) = (light.background(centre), light.material(centre));
    let scale = 1.0 / (material - background);
    let samples = plane.as_raw();
    let mut out = Vec::with_capacity(128);
    for y in y0 as usize..=y1 as usize {
        let line = &samples[y * plane.width() as usize..];
        for x in x0 as usize..=x1 as usize {
            let v = Point::new(x as f64, y as f64) - centre;
            let across = v.dot(probe.normal);
            let along = v.cross(probe.normal);
            if across.abs() <= reach && along.abs() <= half {
                out.push((
                    across + bend_depth(across, along, probe.curvature),
                    (f64::from(line[x]) - background) * scale,
                ));
            }
        }
    }
    out
}

/// What to add to the distance across for a curve that bends away from its tangent: exact for a circle.
fn bend_depth(across: f64, along: f64, curvature: f64) -> f64 {
    if curvature == 0.0 {
        return 0.0;
    }
    // Distance to the circle of radius 1/curvature whose top touches the tangent: sign(c) (|q - centre| - |1/c|) - across, without
    // cancellation for gentle bends.
    let r = 1.0 / curvature;
    let s = r + across;
    along * along / (s + s.signum() * (s * s + along * along).sqrt())
}

/// Normal equations of the step model.
fn equations(pixels: &[Sample], q: &[f64; 4]) -> NormalEquations<4> {
    let mut sums = NormalEquations::new();
    let inverse = 1.0 / q[3];
    for (d, value) in pixels {
        let z = (d - q[2]) * inverse;
        let (cumulative, density) = cumulative_and_density(-z);
        let slope = q[1] * density * inverse;
        sums.add(&[1.0, cumulative, slope, slope * z], value - (q[0] + q[1] * cumulative), 1.0);
    }
    sums
}
