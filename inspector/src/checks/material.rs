//! Where there is material that should not be, and none where there should: shared by `missing` and `extra`.

use super::entry::{Entry, EntryError, Limits};
use super::{Characteristic, Context, Observation, Unit, hole, profile};
use crate::calibration::{Budget, Located, Plane, Source};
use crate::design::{Design, Feature, FeatureKind, Reference};
use crate::geometry::{ImagePx, Mm, PixelRect, PlaneMm, Point, Vector};
use crate::measure::{Blob, Components, Connectivity, components, fill, shrink};
use crate::reason::Reason;
use crate::registration::{DrawingPose, RegisteredPart, blur_of};
use image::{GrayImage, Luma, imageops};
use imageproc::distance_transform::{Norm, distance_transform, euclidean_squared_distance_transform};
use serde::Deserialize;

/// Which of the two is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Background where the drawing has material.
    Missing,
    /// Material where the drawing has none.
    Extra,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    upper: f64,
    #[serde(default = "default_band")]
    band: f64,
}

const fn default_band() -> f64 {
    0.2
}

/// Pixels are averaged down to about this size, mm, while a picture is fine enough.
const WORKING_MM: f64 = 0.1;
/// Limit that is proposed where the camera decides it, mm².
const UPPER_MM2: f64 = 0.3;
/// Blur of a camera of which nothing is known, its pixels and all, px.
const USUAL_BLUR_PX: f64 = 1.1;
/// Pixels of glare that touch each other, working px: fewer are noise.
const GLARE_PX: u64 = 9;
/// Most working pixels.
const MAX_WORKING_PX: f64 = 1.5e6;
/// Pixels so near to a piece belong to it when they are beyond half light, working px: they may lie too near to the contour to begin one.
const BESIDE_PX: u8 = 2;
/// Nearer to the contour than this nothing is looked for, working px.
const LEAST_BAND_PX: f64 = 2.1;
/// How far around the part extra material is looked for, mm.
const MARGIN_MM: f64 = 3.0;
/// Most pieces whose area is taken: the largest by their pixels.
const MAX_WEIGHED: usize = 8;
/// Most places that are shown.
const MAX_PLACES: usize = 32;

/// The recipe's numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Distance from the drawn contour within which nothing is looked for, mm: the profile's business.
    band: f64,
}

pub(super) fn parse(
    entry: &Entry<'_>,
    context: &Context<'_>,
    name: &'static str,
) -> Result<(Settings, Characteristic), EntryError> {
    let fields: Fields = entry.read()?;
    super::drawing_of(context)?;
    let limits = Limits::new(None, Some(fields.upper)).map_err(EntryError::new)?;
    if fields.upper < 0.0 || !(0.0..=5.0).contains(&fields.band) {
        return Err(EntryError::new(format!(
            "expected `upper` >= 0 mm² and `band` from 0 to 5 mm, found upper = {} and band = {}",
            fields.upper, fields.band
        )));
    }
    let characteristic = Characteristic {
        id: format!("{name}.area"),
        check_type: name,
        nominal: 0.0,
        lower: None,
        upper: limits.upper,
        unit: Unit::SquareMm,
    };
    Ok((Settings { band: fields.band }, characteristic))
}

/// A limit for every part, with a band as wide as the other proposals let a contour stray: a hole that may lie off by its position's half zone is no missing
/// piece of its rim. Of a coarse camera the limit is what it decides well, up to half of the smallest opening; never below [`UPPER_MM2`].
pub(super) fn propose(name: &str, design: &Design, mm_per_px: f64) -> Vec<String> {
    let stray = |f: &Feature| match f.kind {
        FeatureKind::Hole(circle) => hole::proposed(2.0 * circle.radius).map(|t| 0.5 * (t.position + t.diameter)),
        _ => None,
    };
    let band = design.features.iter().filter_map(stray).fold(0.5 * profile::ZONE_MM, f64::max);
    let decided = 8.0 / 3.0_f64.sqrt() * least_seen(mm_per_px.max(WORKING_MM), USUAL_BLUR_PX * mm_per_px);
    // An opening that is closed should be beyond it.
    let smallest = design.contours.iter().skip(1).map(|c| c.signed_area().abs()).fold(f64::INFINITY, f64::min);
    let upper = ((10.0 * decided).ceil() / 10.0).min((5.0 * smallest).floor() / 10.0).max(UPPER_MM2);
    vec![format!(
        "type = \"{name}\"\nupper = {upper:?}   # assumed, mm²\nband = {band:?}   # assumed, mm: nearer to the contour, sizes, positions and profiles judge"
    )]
}

/// A cut-out of the photo around the part, made small.
struct Working {
    small: Plane,
    /// Photo pixel of the cut-out's corner.
    corner: (u32, u32),
    factor: u32,
    mm_per_px: f64,
}

impl Working {
    /// A point of the photo, in working px.
    fn seen(&self, p: Point<ImagePx>) -> (f64, f64) {
        let f = f64::from(self.factor);
        ((p.x - f64::from(self.corner.0) + 0.5) / f - 0.5, (p.y - f64::from(self.corner.1) + 0.5) / f - 0.5)
    }
    /// Where the photo shows the middle of a working pixel.
    fn in_photo(&self, index: usize) -> Point<ImagePx> {
        let (w, f) = (self.small.width() as usize, f64::from(self.factor));
        let along = |corner: u32, i: usize| f64::from(corner) + f * (i as f64 + 0.5) - 0.5;
        Point::new(along(self.corner.0, index % w), along(self.corner.1, index / w))
    }
    /// How much of a pixel is not as drawn, where all of it should be material, or none.
    fn wrong_share(&self, pose: &DrawingPose, index: usize, kind: Kind) -> f64 {
        let light = f64::from(self.small.as_raw()[index]);
        let material = pose.silhouette.light.material_fraction(self.in_photo(index), light);
        if kind == Kind::Missing { 1.0 - material } else { material }
    }
    /// Pixels in which something shines, in a photo whose ground is not overexposed.
    fn glare(&self, located: &Located<'_>) -> Vec<bool> {
        let n = self.small.as_raw().len();
        if located.overexposed_ground {
            return vec![false; n];
        }
        let bright: Vec<bool> = (0..n).map(|i| located.photo.picture.is_brightest(self.in_photo(i))).collect();
        if !bright.contains(&true) {
            return bright;
        }
        let found = components(&bright, self.small.width(), self.small.height(), Connectivity::Four);
        found.labels.iter().map(|l| *l > 0 && found.blobs[*l as usize - 1].area >= GLARE_PX).collect()
    }
}

/// The largest piece of what is looked for.
///
/// # Errors
/// What hides a piece that would be beyond the limit: glare, or pixels too coarse for an opening.
pub(super) fn measure(
    part: &RegisteredPart<'_>,
    settings: Settings,
    kind: Kind,
    limit: f64,
) -> Result<Observation, Reason> {
    let pose = part.drawing()?;
    let design = pose_design(part)?;
    let working = cut(&part.located, pose, design)?;
    let (w, h) = working.small.dimensions();
    let drawn = drawn(part, pose, design, &working, kind);
    let wrong = wrong_pixels(pose, &working, &drawn, kind);
    let distance = distance_to_contour(&drawn, w, h);
    let said_px = settings.band / working.mm_per_px;
    let band_px = said_px.max(LEAST_BAND_PX);
    let blank = blank(&part.located, &working);
    if kind == Kind::Extra && band_px > said_px {
        openings_are_seen(&working, &drawn, &distance, [said_px, band_px], limit)?;
    }
    // Grow what lies beyond the band back towards the contour, but not along it.
    let grown: Vec<bool> =
        wrong.iter().zip(&distance).zip(&blank).map(|((w, d), blank)| *w && *d > 1.0 && *blank).collect();
    let found = components(&grown, w, h, Connectivity::Eight);
    let mut beyond = vec![false; found.blobs.len()];
    for (label, d) in found.labels.iter().zip(&distance) {
        if *label > 0 && *d > band_px {
            beyond[*label as usize - 1] = true;
        }
    }
    let mut pieces: Vec<usize> = (0..found.blobs.len()).filter(|i| beyond[*i]).collect();
    pieces.sort_by_key(|i| std::cmp::Reverse(found.blobs[*i].area));
    // A reflex on the part looks like none; one on the ground beside it hides what lies there.
    let hides = |i: usize| match kind {
        Kind::Missing => found.labels[i] > 0 && beyond[found.labels[i] as usize - 1],
        Kind::Extra => !drawn[i] && blank[i],
    };
    let may_hide = kind == Kind::Extra || !pieces.is_empty();
    if may_hide && working.glare(&part.located).iter().enumerate().any(|(i, glare)| *glare && hides(i)) {
        return Err(Reason::Glare);
    }
    let blur_px = blur_of(&pose.edges) / f64::from(working.factor);
    let looked_at = |i: usize| (drawn[i] == (kind == Kind::Missing)) && blank[i];
    let px_area = working.mm_per_px * working.mm_per_px;
    let least = least_seen(working.mm_per_px, blur_px * working.mm_per_px);
    let area = |piece: &usize| {
        let wrong = |i: usize| if looked_at(i) { working.wrong_share(pose, i, kind) } else { 0.0 };
        whole(&found, *piece, [w, h], least / px_area, wrong)
    };
    let largest = pieces.iter().take(MAX_WEIGHED).map(area).max_by(|a, b| a.all.total_cmp(&b.all));
    let Whole { sure, all } = largest.unwrap_or_default();
    // In a shadow light is no measure of what lies there: what it adds may be sheet. Beyond the limit it can only be worse.
    let shadowed = kind == Kind::Extra && pose.shadow.is_some();
    let (area, doubt) = if shadowed { (sure * px_area, (all - sure) * px_area) } else { (all * px_area, 0.0) };
    // Its border is known to about 0.15 working pixels on average; and any piece up to the least that is surely seen may be there.
    let border = 4.0 * area.sqrt() * 0.15 * working.mm_per_px;
    let unseen = (least - area).max(0.0) / 3.0_f64.sqrt();
    let doubt = if area <= limit { doubt / 3.0_f64.sqrt() } else { 0.0 };
    let budget = Budget::of([(Source::Edge, border), (Source::Resolution, unseen), (Source::Shadow, doubt)]);
    let places = pieces.iter().take(MAX_PLACES).map(|i| in_photo(&working, found.blobs[*i].bounds));
    Ok(Observation::with_budget(area, budget).at(places.collect()))
}

/// Area of a piece, working px.
#[derive(Clone, Copy, Default)]
struct Whole {
    /// That of the pixels beyond half light that lie clear of the contour.
    sure: f64,
    /// With what lies beside them.
    all: f64,
}

/// Area of a piece. Beside the contour, where none is told, the pixels next to it count as well; and blur leaves of a small one too few pixels beyond half light: all
/// light that it takes or gives says how large it is, up to `hidden` px more.
fn whole(found: &Components, piece: usize, [w, h]: [u32; 2], hidden: f64, wrong: impl Fn(usize) -> f64) -> Whole {
    let (label, Blob { bounds, area, .. }) = (piece as u32 + 1, found.blobs[piece]);
    // Of an area of light the blur is a third of the side or less, and it reaches 2.5 blurs far.
    let reach = (1.5 + hidden.sqrt()).ceil() as u32;
    let (x0, y0) = (bounds.x.saturating_sub(reach), bounds.y.saturating_sub(reach));
    let (x1, y1) = ((bounds.x + bounds.w + reach).min(w), (bounds.y + bounds.h + reach).min(h));
    let index = |x: u32, y: u32| ((y0 + y) * w + x0 + x) as usize;
    let own = |x: u32, y: u32| Luma([if found.labels[index(x, y)] == label { 255 } else { 0 }]);
    let distance = distance_transform(&GrayImage::from_fn(x1 - x0, y1 - y0, own), Norm::LInf);
    let (mut light, mut beside) = (0.0, 0.0);
    for (x, y, Luma([d])) in distance.enumerate_pixels().filter(|(_, _, d)| u32::from(d.0[0]) <= reach) {
        let share = wrong(index(x, y)).clamp(-0.5, 1.5);
        light += share;
        beside += if (1..=BESIDE_PX).contains(d) && share > 0.5 { 1.0 } else { 0.0 };
    }
    let seen = area as f64 + beside;
    Whole { sure: area as f64, all: seen + (light - seen).clamp(0.0, hidden) }
}

/// Area of the smallest square piece that surely turns a pixel, mm²: at a blur (standard deviation, mm) it must reach half of the light even where the pixel's middle is half a
/// pixel from its own, both ways. Within 5 % for blurs up to 2.5 px; what averaging pixels blurs comes on top.
pub(super) fn least_seen(mm_per_px: f64, blur_mm: f64) -> f64 {
    let variance = blur_mm * blur_mm + mm_per_px * mm_per_px / 12.0;
    4.41 * variance + 1.56 * mm_per_px * mm_per_px
}

/// An opening in which nothing is farther from its contour than the band that pixels need would be closed without a word.
///
/// # Errors
/// [`Reason::TooSmall`] for one larger than the limit that lies beyond the band of the recipe: what is within that is the business of other checks.
fn openings_are_seen(
    working: &Working,
    drawn: &[bool],
    distance: &[f64],
    [said_px, band_px]: [f64; 2],
    limit: f64,
) -> Result<(), Reason> {
    let (w, h) = working.small.dimensions();
    let empty: Vec<bool> = drawn.iter().map(|d| !d).collect();
    let openings = components(&empty, w, h, Connectivity::Four);
    let mut deepest = vec![0.0_f64; openings.blobs.len()];
    for (label, d) in openings.labels.iter().zip(distance).filter(|(label, _)| **label > 0) {
        let own = &mut deepest[*label as usize - 1];
        *own = own.max(*d);
    }
    for (opening, deep_px) in openings.blobs.iter().zip(deepest) {
        let (area, radius_px) = (opening.area as f64, (opening.area as f64 / std::f64::consts::PI).sqrt());
        if deep_px <= band_px && radius_px > said_px && area * working.mm_per_px * working.mm_per_px > limit {
            return Err(Reason::TooSmall { size_px: 2.0 * radius_px, expected_px: 2.0 * (band_px + 1.0).floor() });
        }
    }
    Ok(())
}

/// A section of the part: how far it is shifted on the plane, and its height, mm.
type Section = (Vector<PlaneMm>, f64);
/// From section to section, working px: what lies between them is narrower than the band.
const SECTION_PX: f64 = 2.0;
/// Most sections of a wall or a shadow.
const MAX_SECTIONS: f64 = 16.0;
/// A shadow deeper than this, on the way from sheet (0) to part (1), looks like material here and there.
const DEEP: f64 = 0.35;

/// Pixels that show material of a part as drawn. Of a thick part its upper face shows what is missing; beside it nothing is extra where
/// its walls are seen, nor in its shadow when that is as dark as a part may be.
fn drawn(part: &RegisteredPart<'_>, pose: &DrawingPose, design: &Design, working: &Working, kind: Kind) -> Vec<bool> {
    let (w, h) = (working.small.width() as usize, working.small.height() as usize);
    let world = &part.located.worlds.nominal;
    let contours: Vec<Vec<Point<PlaneMm>>> = design
        .contours
        .iter()
        .map(|c| c.polygon(0.02).into_iter().map(|p| pose.plane_from_design.apply(p)).collect())
        .collect();
    let seen = |p: Point<PlaneMm>, (shift, z): Section| working.seen(world.camera.image_from_plane(p + shift, Mm(z)));
    let fills = |section: Section| {
        let polygons: Vec<Vec<(f64, f64)>> =
            contours.iter().map(|c| c.iter().map(|p| seen(*p, section)).collect()).collect();
        fill(&polygons, w, h)
    };
    let top = world.thickness_mm;
    if kind == Kind::Missing {
        return fills((Vector::new(0.0, 0.0), top));
    }
    let mut all = fills((Vector::new(0.0, 0.0), 0.0));
    let far = pose.shadow.filter(|s| s.depth > DEEP).map(|s| (s.fall, 0.0));
    for (shift, z) in std::iter::once((Vector::new(0.0, 0.0), top)).chain(far) {
        let moved = |p: &Point<PlaneMm>| {
            let (a, b) = (seen(*p, (Vector::new(0.0, 0.0), 0.0)), seen(*p, (shift, z)));
            f64::max((a.0 - b.0).abs(), (a.1 - b.1).abs())
        };
        let way = contours[0].iter().map(moved).fold(0.0, f64::max);
        let sections = (way / SECTION_PX).ceil().min(MAX_SECTIONS);
        for k in 1..=sections as u32 {
            let t = f64::from(k) / sections;
            all.iter_mut().zip(fills((shift * t, z * t))).for_each(|(a, s)| *a |= s);
        }
    }
    all
}

/// Pixels where nothing is printed: on a mat, those of its work area.
fn blank(located: &Located<'_>, working: &Working) -> Vec<bool> {
    let (w, h) = (working.small.width() as usize, working.small.height() as usize);
    let Some(area) = &located.work_area else { return vec![true; w * h] };
    fill(&[area.iter().map(|p| working.seen(*p)).collect()], w, h)
}

fn pose_design<'a>(part: &RegisteredPart<'a>) -> Result<&'a Design, Reason> {
    match part.reference {
        Reference::Drawing(design) => Ok(design),
        Reference::Picture(_) | Reference::Photo => Err(Reason::NoPart),
    }
}

/// Cuts the part out of the photo with a margin, and makes it small.
fn cut(located: &Located<'_>, pose: &DrawingPose, design: &Design) -> Result<Working, Reason> {
    let scale = located.camera().mm_per_px(Point::new(0.0, 0.0));
    let rims = [0.0, located.worlds.nominal.thickness_mm];
    let outline = design.contours[0].polygon(0.1).into_iter().map(|p| pose.plane_from_design.apply(p));
    let points = outline.flat_map(|p| rims.map(|z| located.camera().image_from_plane(p, Mm(z))));
    let (w, h) = located.light.dimensions();
    let inside = |p: &Point<_>| p.x >= 0.0 && p.y >= 0.0 && p.x <= f64::from(w) - 1.0 && p.y <= f64::from(h) - 1.0;
    let points: Vec<_> = points.collect();
    // What lies outside the picture is not measured, never "missing".
    if !points.iter().all(inside) {
        return Err(Reason::OutOfPicture);
    }
    let bounds = PixelRect::around(points, MARGIN_MM / scale, w, h).ok_or(Reason::OutOfPicture)?;
    let area = f64::from(bounds.w) * f64::from(bounds.h);
    let factor = (WORKING_MM / scale).floor().max((area / MAX_WORKING_PX).sqrt().ceil()).clamp(1.0, 16.0) as u32;
    let cropped = imageops::crop_imm(&located.light, bounds.x, bounds.y, bounds.w, bounds.h).to_image();
    Ok(Working {
        small: shrink(&cropped, factor),
        corner: (bounds.x, bounds.y),
        factor,
        mm_per_px: scale * f64::from(factor),
    })
}

fn wrong_pixels(pose: &DrawingPose, working: &Working, drawn: &[bool], kind: Kind) -> Vec<bool> {
    let looked_at = |drawn: bool| drawn == (kind == Kind::Missing);
    drawn.iter().enumerate().map(|(i, d)| looked_at(*d) && working.wrong_share(pose, i, kind) > 0.5).collect()
}

/// Distance of each pixel from those beside the drawn contour, px.
fn distance_to_contour(drawn: &[bool], w: u32, h: u32) -> Vec<f64> {
    let at = |x: u32, y: u32| drawn[(y * w + x) as usize];
    let contour = GrayImage::from_fn(w, h, |x, y| {
        let here = at(x, y);
        let edge = (x + 1 < w && at(x + 1, y) != here)
            || (y + 1 < h && at(x, y + 1) != here)
            || (x > 0 && at(x - 1, y) != here)
            || (y > 0 && at(x, y - 1) != here);
        Luma([if edge { 255 } else { 0 }])
    });
    euclidean_squared_distance_transform(&contour).into_raw().into_iter().map(f64::sqrt).collect()
}

fn in_photo(working: &Working, r: PixelRect) -> PixelRect {
    let f = working.factor;
    PixelRect { x: working.corner.0 + r.x * f, y: working.corner.1 + r.y * f, w: r.w * f, h: r.h * f }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::parts;

    /// A hole of 40 mm, ± 0.3 mm, may lie off by 0.6 mm and be larger by 0.15 mm on each side.
    #[test]
    fn the_band_is_as_wide_as_a_hole_may_lie_off() {
        let band = |hole: f64| propose("missing", &parts::pierced_disc(80.0, &[(8.0, 0.0, hole)]), 0.05).swap_remove(0);
        assert!(band(6.0).contains("band = 0.3 "), "{}", band(6.0));
        assert!(band(40.0).contains("band = 0.75 "), "{}", band(40.0));
    }
}
