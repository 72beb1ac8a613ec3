//! Light, colour and focus, as the mat shows them: each a number with a limit.

use super::colours::colours;
use super::edges::edge_offsets;
use super::find::{Found, SeenTag};
use super::halo::sharpening;
use super::layout::{GAP_MM, Layout, Patch, WEDGE_STEPS};
use super::pose::Fit;
use crate::calibration::{Curve, Plane, Sharpening, Tone};
use crate::geometry::{PlaneMm, Point, median};
use crate::photo::{BRIGHTEST, Picture};
use crate::reason::Reason;

/// Least light of white paper, share of the brightest code's.
pub(super) const DARKEST: f64 = 0.04;
/// Most of the white places that may be at the brightest code.
pub(super) const CLIPPED: f64 = 0.02;
/// Beyond this share of clipped places all of the photo is too bright; below, something shines.
const ALL_CLIPPED: f64 = 0.4;
/// Widest blur, standard deviation, px: edges are fitted up to 4.5 px.
pub(super) const SOFTEST_PX: f64 = 3.5;
/// The same of the softest tenth of the edges.
pub(super) const SOFTEST_TENTH_PX: f64 = 1.3 * SOFTEST_PX;
/// Most that light may vary over the mat: brightest minus darkest white over the middle one.
pub(super) const UNEVEN: f64 = 0.8;
/// Largest share of white's light that black returns.
pub(super) const GREYEST_BLACK: f64 = 0.4;
/// Farthest that a tone curve may be from sRGB's, of the light between black and white.
pub(super) const STRANGEST_TONE: f64 = 0.3;
/// Farthest that red and blue light of the paper may be from green, factor.
pub(super) const MOST_COLOURED: f64 = 3.0;
/// Least share of the patches' colours: a grey print shows nearly 0, red and blue exchanged as much below as they should be above.
pub(super) const LEAST_COLOURS: f64 = -0.1;

/// Change of light for which sRGB's curve stays.
const SAME_TONE: f64 = 0.004;

/// What the mat says of the photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Light of white paper, share of the brightest code's.
    pub white: f64,
    /// Light of black ink, share of white's.
    pub black: f64,
    /// Tags whose black returns so much light that something shines on them.
    pub shining: usize,
    /// Share of white places at the brightest code.
    pub clipped: f64,
    /// Brightest minus darkest white over the middle one.
    pub unevenness: f64,
    /// Light of red and blue paper, of green's.
    pub white_balance: [f64; 2],
    /// How much of the patches' printed colours is seen: 1 all, 0 grey, below it red and blue are exchanged. `None` when they are covered, or the picture is grey.
    pub colours: Option<f64>,
    /// Blur of the tags' edges, standard deviation, px: the median, and that of the softest tenth.
    pub blur_px: [f64; 2],
    /// Farthest distance of the tone curve from sRGB's, of the light between black and white. `None` when both wedges are covered, or their steps out of order.
    pub tone_deviation: Option<f64>,
    /// How the camera sharpened, when that is enough to matter; it was undone in the light.
    pub sharpening: Option<Sharpening>,
    /// How far black is seen beyond its corners' lines, px: blooming, tone and ink together. `None` when tags are too small to show it.
    pub edge_offset_px: Option<f64>,
}

/// Looks at light, colour and focus; gives the light by the camera's own tone curve too. `light` is what sRGB's makes of the picture.
pub(super) fn quality(picture: &Picture, light: Plane, layout: &Layout, found: &Found, fit: &Fit) -> (Quality, Plane) {
    let whites = whites(layout, &found.tags, fit, picture);
    let white_light = paper(&whites);
    let clipped =
        whites.iter().filter(|c| c.iter().any(|v| *v >= BRIGHTEST)).count() as f64 / whites.len().max(1) as f64;
    let [white, black, unevenness] = levels(&found.tags);
    let wedge = wedge(picture, layout, fit);
    let sharpening = wedge.as_ref().and_then(|wedge| sharpening(picture, wedge, layout, fit));
    let light = match (&wedge, sharpening) {
        (Some(wedge), Some(sharpening)) => sharpening.undone(picture, &wedge.curve),
        (Some(wedge), None) if wedge.deviation >= SAME_TONE => wedge.curve.linear(picture),
        _ => light,
    };
    let quality = Quality {
        white,
        black,
        shining: found.tags.iter().filter(|t| t.levels[0] > GREYEST_BLACK * t.levels[1]).count(),
        clipped,
        unevenness,
        white_balance: [white_light[0] / white_light[1], white_light[2] / white_light[1]],
        colours: colours(picture, white_light, layout, fit),
        blur_px: blur(found),
        tone_deviation: wedge.map(|wedge| wedge.deviation),
        sharpening,
        edge_offset_px: median(&mut edge_offsets(&light, layout, found, fit)),
    };
    (quality, light)
}

impl Quality {
    /// Every number is within its limits.
    ///
    /// # Errors
    /// The first [`Reason`] for which the photo cannot be trusted.
    pub(super) fn good(&self) -> Result<(), Reason> {
        let (percent, believed) =
            (|share: f64| 100.0 * share, |b: &f64| (1.0 / MOST_COLOURED..MOST_COLOURED).contains(b));
        let [blur_px, softest_px] = self.blur_px;
        Err(if self.clipped > ALL_CLIPPED {
            Reason::MatOverexposed { clipped_percent: percent(self.clipped) }
        } else if self.white.is_nan() || self.white < DARKEST {
            Reason::MatTooDark { white_percent: percent(self.white) }
        } else if self.clipped > CLIPPED || self.shining > 0 {
            Reason::MatGlare
        } else if blur_px > SOFTEST_PX || softest_px > SOFTEST_TENTH_PX {
            Reason::MatBlurred { blur_px: softest_px }
        } else if self.unevenness > UNEVEN {
            Reason::MatUneven { percent: percent(self.unevenness) }
        } else if !self.white_balance.iter().all(believed) {
            Reason::MatColoured
        } else if self.colours.is_some_and(|shown| shown < LEAST_COLOURS) {
            Reason::MatColours
        } else if self.tone_deviation.is_none_or(|off| off > STRANGEST_TONE) {
            Reason::MatWedge
        } else {
            return Ok(());
        })
    }
}

/// White paper's light, black's share of it, and unevenness.
fn levels(tags: &[SeenTag]) -> [f64; 3] {
    let mut whites: Vec<f64> = tags.iter().map(|t| t.levels[1] / 65535.0).collect();
    whites.sort_by(f64::total_cmp);
    let at = |share: f64| whites[((whites.len() - 1) as f64 * share) as usize];
    let black = median(&mut tags.iter().map(|t| t.levels[0] / t.levels[1]).collect::<Vec<_>>()).unwrap_or(f64::NAN);
    [at(0.5), black, (at(0.97) - at(0.03)) / at(0.5)]
}

/// Median blur, and that of the softest tenth.
fn blur(found: &Found) -> [f64; 2] {
    let mut blurs: Vec<f64> = found.corners.iter().flat_map(|c| c.blur_px).collect();
    blurs.sort_by(f64::total_cmp);
    [blurs[blurs.len() / 2], blurs[blurs.len() * 9 / 10]]
}

/// Codes of white places between the tags: red, green, blue in [0, 1].
fn whites(layout: &Layout, tags: &[SeenTag], fit: &Fit, picture: &Picture) -> Vec<[f64; 3]> {
    let mut out = Vec::new();
    for tag in tags {
        let corners = layout.tags[tag.number].corners();
        for i in 0..4 {
            // In the middle of the gap beside the middle of a side.
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            let side = b - a;
            let out_of_it = side.perpendicular() * (0.5 * GAP_MM / side.length());
            let place: Point<PlaneMm> = a.midpoint(b) + out_of_it;
            out.extend(fit.image_of(place).and_then(|p| picture.codes(p)));
        }
    }
    out
}

/// Light of bare paper: red, green and blue, each the median over the white places.
fn paper(whites: &[[f64; 3]]) -> [f64; 3] {
    let light = |k: usize| whites.iter().map(|c| Tone::Srgb.light(c[k])).collect::<Vec<_>>();
    std::array::from_fn(|k| median(&mut light(k)).unwrap_or(f64::NAN))
}

/// What the grey wedges show.
pub(super) struct Wedge {
    /// The camera's tone curve.
    pub(super) curve: Curve,
    /// How far it is from sRGB's, of the light between black and white.
    deviation: f64,
    /// Light of black over white's.
    pub(super) black: f64,
}

fn wedge(picture: &Picture, layout: &Layout, fit: &Fit) -> Option<Wedge> {
    // Light as sRGB would have it, of each step on each side.
    let step = |k: usize, side: usize| patch(picture, &layout.wedge[k][side], fit).map(luminance);
    let side = |s: usize| -> Option<[f64; WEDGE_STEPS]> {
        let mut lights = [0.0; WEDGE_STEPS];
        for (k, l) in lights.iter_mut().enumerate() {
            *l = step(k, s)?;
        }
        // What covers a wedge, or shines on it, breaks its order.
        let rises = lights.windows(2).all(|w| w[1] > w[0] + 0.002 * lights[WEDGE_STEPS - 1]);
        rises.then_some(lights)
    };
    let sides: Vec<_> = [side(0), side(1)].into_iter().flatten().collect();
    if sides.is_empty() {
        return None;
    }
    let mean: [f64; WEDGE_STEPS] =
        std::array::from_fn(|k| sides.iter().map(|s| s[k]).sum::<f64>() / sides.len() as f64);
    let (black, white) = (mean[0], mean[WEDGE_STEPS - 1]);
    // Edges do not change when light is scaled or a constant is added: black and white stay as they are.
    let knots: Vec<[f64; 2]> =
        mean.iter().zip(&layout.wedge).map(|(s, w)| [*s, black + (white - black) * w[0].light[1]]).collect();
    let deviation = knots.iter().map(|[s, l]| (s - l).abs() / (white - black)).fold(0.0, f64::max);
    Some(Wedge { curve: Curve::new(&knots), deviation, black: black / white })
}

/// Mean light, as sRGB has it, of the middle of a patch: red, green, blue; `None` when it is not in the picture or not even.
pub(super) fn patch(picture: &Picture, patch: &Patch, fit: &Fit) -> Option<[f64; 3]> {
    const PLACES: u32 = 144;
    let (mut sum, mut squares) = ([0.0; 3], 0.0);
    for i in 0..PLACES {
        let (u, v) = (f64::from(i % 12) / 11.0 - 0.5, f64::from(i / 12) / 11.0 - 0.5);
        let place =
            Point::new(patch.centre.x + 0.6 * u * patch.size_mm[0], patch.centre.y + 0.6 * v * patch.size_mm[1]);
        let light = picture.codes(fit.image_of(place)?)?.map(|c| Tone::Srgb.light(c));
        let total = luminance(light);
        squares += total * total;
        sum = std::array::from_fn(|k| sum[k] + light[k]);
    }
    let n = f64::from(PLACES);
    let colour = sum.map(|s| s / n);
    let mean = luminance(colour);
    let spread = (squares / n - mean * mean).max(0.0).sqrt();
    (spread < 0.08 + 0.15 * mean).then_some(colour)
}

/// Light as the eye weighs it (ITU-R BT.709).
pub(super) fn luminance([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}
