//! The judged photo as people look at it: where the part was found, where it is wrong, and the verdict.
//!
//! Every verdict is said by colour **and** shape:
//!
//! | verdict | sign | contour | box |
//! | --- | --- | --- | --- |
//! | PASS | green disc, tick | thin, solid | none; thin and solid around what a check that looks at the photo itself has found |
//! | REFER | amber triangle, exclamation mark | dashed | dashed, with the sign |
//! | FAIL | red octagon, cross | thick, solid | thick, crossed corners, with the sign |
//!
//! Blue contours were not checked by themselves. Along a contour that `profile` looked at, a whisker at each place says how far it strays: outwards or inwards, by its length the share of what is
//! allowed (at most [`WHISKER_PX`] at twice that), green to half of it, amber to all of it, red beyond. No text: the page says it in the reader's language.

mod sketch;

use crate::checks::{Needs, REGISTRY, Shows};
use crate::decision::Verdict;
use crate::design::{Design, Feature, Reference};
use crate::geometry::{DesignMm, ImagePx, Mm, PixelRect, Point};
use crate::inspect::{CheckResult, Inspection};
use crate::photo::{Photo, Picture};
use crate::recipe::Recipe;
use crate::registration::Pose;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{GrayImage, RgbImage};
use sketch::{BLUE, Place, Sketch, colour};

/// Longest side of an overlay, px.
pub const MAX_SIDE_PX: u32 = 1600;
/// Smallest box that is noticed, px of the overlay.
const MIN_BOX_PX: f64 = 18.0;

/// Longest whisker, px of an overlay of 1600.
pub const WHISKER_PX: f64 = 40.0;

/// What else to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DrawOptions {
    /// Writes DEMO into a corner, so that nobody takes the picture for a real part's.
    pub demo: bool,
}

/// Draws an inspection onto its photo, `(height, width, 3)` with the longer side at most [`MAX_SIDE_PX`].
///
/// The same input gives the same bits. Cost: about 16 ms for 12 megapixels, two threads.
pub fn draw(photo: &Photo, recipe: &Recipe, inspection: &Inspection) -> RgbImage {
    draw_with(photo, recipe, inspection, DrawOptions::default())
}

/// As [`draw`], with options.
pub fn draw_with(photo: &Photo, recipe: &Recipe, inspection: &Inspection, options: DrawOptions) -> RgbImage {
    let mut sketch = Sketch { picture: thumbnail(photo, MAX_SIDE_PX) };
    let view = View::of(photo, &sketch.picture);
    if let (Reference::Drawing(design), Some(Pose::Drawing(pose)), Some(camera)) =
        (&recipe.reference, &inspection.pose, &inspection.camera)
    {
        let image_from_design = |p: Point<DesignMm>| camera.image_from_plane(pose.plane_from_design.apply(p), Mm(0.0));
        let px_mm = camera.mm_per_px(pose.plane_from_design.apply(Point::new(0.0, 0.0)));
        draw_contours(&mut sketch, design, inspection, |p| view.place(image_from_design(p)), 0.25 * px_mm / view.scale);
        draw_whiskers(&mut sketch, inspection, &view);
    }
    let boxes = boxes(inspection, &view);
    // The worst last, so that nothing hides it.
    for wanted in [Verdict::Pass, Verdict::Refer, Verdict::Fail] {
        for (verdict, frame) in boxes.iter().filter(|(verdict, _)| *verdict == wanted) {
            draw_box(&mut sketch, *verdict, frame);
        }
    }
    let badge = badge(&sketch, &boxes);
    sketch.sign(inspection.verdict, badge.centre(), badge.width());
    if options.demo {
        let (width, height) = (sketch.width(), sketch.height());
        let letters = (0.045 * width.max(height)).max(8.0);
        let margin = 0.4 * letters;
        // Left at the bottom, or at the top when the badge is there.
        let bottom = badge.left < 0.5 * width && badge.top > 0.5 * height;
        sketch.demo_plate((margin, if bottom { 1.8 * letters + margin } else { height - margin }), letters);
    }
    sketch.picture
}

/// A photo made smaller, `(height, width, 3)`: the longer side at most `max_side` (at least 1) px, never larger than the photo.
///
/// Averages over the area of each new pixel, in codes (it is looked at, not measured). Cost: about 10 ms for 12 megapixels of colour,
/// one thread.
pub fn thumbnail(photo: &Photo, max_side: u32) -> RgbImage {
    let (width, height) = (photo.width(), photo.height());
    let longer = width.max(height);
    let side = max_side.clamp(1, longer);
    let shrunk = |s: u32| ((u64::from(s) * u64::from(side) + u64::from(longer) / 2) / u64::from(longer)).max(1) as u32;
    let (w, h) = (shrunk(width), shrunk(height));
    let grey = |p: &GrayImage| {
        let small = resized(p.as_raw(), (width, height), PixelType::U8, (w, h));
        small.into_iter().flat_map(|v| [v; 3]).collect()
    };
    let samples = match &photo.picture {
        Picture::Colour(p) => resized(p.as_raw(), (width, height), PixelType::U8x3, (w, h)),
        Picture::Grey(p) => grey(p),
        Picture::Grey16(p) => {
            let codes = p.as_raw().iter().map(|v| ((u32::from(*v) + 128) / 257) as u8).collect();
            grey(&GrayImage::from_raw(width, height, codes).expect("a code per sample"))
        }
    };
    RgbImage::from_raw(w, h, samples).expect("three samples per pixel")
}

fn resized(samples: &[u8], (width, height): (u32, u32), kind: PixelType, (w, h): (u32, u32)) -> Vec<u8> {
    let source = ImageRef::new(width, height, samples, kind).expect("as many samples as the picture has");
    let mut small = Image::new(w, h, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Box)).use_alpha(false);
    Resizer::new().resize(&source, &mut small, &options).expect("both pictures are of one kind");
    small.into_vec()
}

/// A picture as a JPEG file (quality 1 to 100). Cost: about 25 ns per pixel.
///
/// # Errors
/// When a side is 0 or above 65,535 px, which JPEG cannot say; overlays and thumbnails never are.
pub fn encode_jpeg(picture: &RgbImage, quality: u8) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
    Ok(bytes)
}

/// From the photo's pixels to the overlay's.
struct View {
    scale: f64,
}

impl View {
    fn of(photo: &Photo, overlay: &RgbImage) -> Self {
        let side = |w: u32, h: u32| f64::from(w.max(h));
        Self { scale: side(overlay.width(), overlay.height()) / side(photo.width(), photo.height()) }
    }
    /// Both count from pixel centres; what scales is the distance from the picture's edge, half a pixel before the first centre.
    fn place(&self, p: Point<ImagePx>) -> Place {
        ((p.x + 0.5) * self.scale - 0.5, (p.y + 0.5) * self.scale - 0.5)
    }
    fn frame(&self, r: PixelRect) -> Frame {
        let edge = |v: u32| f64::from(v) * self.scale;
        Frame { left: edge(r.x), top: edge(r.y), right: edge(r.x + r.w) - 1.0, bottom: edge(r.y + r.h) - 1.0 }
    }
}

/// A rectangle of the overlay, from pixel centre to pixel centre.
#[derive(Clone, Copy, Debug)]
struct Frame {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Frame {
    fn width(&self) -> f64 {
        self.right - self.left
    }
    fn centre(&self) -> Place {
        (0.5 * (self.left + self.right), 0.5 * (self.top + self.bottom))
    }
    fn corners(&self) -> [Place; 4] {
        [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]
    }
    /// Grown to a size that is noticed.
    fn at_least(self, side: f64) -> Self {
        let (dx, dy) = (
            f64::max(0.0, 0.5 * (side - self.right + self.left)),
            f64::max(0.0, 0.5 * (side - self.bottom + self.top)),
        );
        Self { left: self.left - dx, right: self.right + dx, top: self.top - dy, bottom: self.bottom + dy }
    }
    fn touches(&self, other: &Self) -> bool {
        self.left <= other.right && other.left <= self.right && self.top <= other.bottom && other.top <= self.bottom
    }
}

/// The regions of everything that did not pass, and of what was found where no drawing says that it is there.
fn boxes(inspection: &Inspection, view: &View) -> Vec<(Verdict, Frame)> {
    let found =
        |r: &CheckResult| REGISTRY.iter().any(|t| t.name == r.characteristic.check_type && t.needs == Needs::Any);
    let shown = inspection.results.iter().filter(|r| r.decision.verdict != Verdict::Pass || found(r));
    shown
        .flat_map(|r| {
            let frame = |region: &PixelRect| (r.decision.verdict, view.frame(*region).at_least(MIN_BOX_PX));
            r.observation.regions.iter().map(frame)
        })
        .collect()
}

/// Thickness of lines, in px of an overlay of 1600: thinner on small pictures.
fn line_width(sketch: &Sketch, at_full_size: f64) -> f64 {
    (at_full_size * sketch.width().max(sketch.height()) / f64::from(MAX_SIDE_PX)).max(1.0)
}

fn draw_contours(
    sketch: &mut Sketch,
    design: &Design,
    inspection: &Inspection,
    place: impl Fn(Point<DesignMm>) -> Place,
    tolerance_mm: f64,
) {
    let mut contours: Vec<_> = design
        .features
        .iter()
        .zip(&design.contours)
        .map(|(feature, contour)| (verdict_of(feature, inspection), contour))
        .collect();
    // A round hole's red contour lies over its neighbour's green one; the order of the design decides between equals.
    contours.sort_by_key(|(verdict, _)| *verdict);
    for (verdict, contour) in contours {
        let mut points: Vec<_> = contour.polygon(tolerance_mm).into_iter().map(&place).collect();
        points.extend(points.first().copied());
        let (thin, thick) = (line_width(sketch, 2.0), line_width(sketch, 4.0));
        match verdict {
            None => sketch.path(&points, thin, BLUE),
            Some(Verdict::Pass) => sketch.path(&points, thin, colour(Verdict::Pass)),
            Some(Verdict::Refer) => sketch.dashed(&points, thick, 5.0 * thick, colour(Verdict::Refer)),
            Some(Verdict::Fail) => sketch.path(&points, thick, colour(Verdict::Fail)),
        }
    }
}

/// How far each place of a profile strays.
fn draw_whiskers(sketch: &mut Sketch, inspection: &Inspection, view: &View) {
    let (full, thin) = (line_width(sketch, WHISKER_PX), line_width(sketch, 1.0));
    for r in &inspection.results {
        // The zone lies half on each side of the contour.
        let Some(allowed) = r.characteristic.upper.map(|zone| 0.5 * zone).filter(|a| *a > 0.0) else { continue };
        for e in &r.observation.edges {
            let Shows::Strays(mm) = e.shows else { continue };
            let share = (mm / allowed).clamp(-2.0, 2.0);
            let verdict = match share.abs() {
                s if s <= 0.5 => Verdict::Pass,
                s if s <= 1.0 => Verdict::Refer,
                _ => Verdict::Fail,
            };
            let (x, y) = view.place(e.p);
            let (dx, dy) = (0.5 * full * share * e.normal.x, 0.5 * full * share * e.normal.y);
            if dx.is_finite() && dy.is_finite() {
                sketch.stroke((x, y), (x + dx, y + dy), thin, colour(verdict));
            }
        }
    }
}

/// The worst verdict on a feature: of the characteristics named `feature.something`. `None` when there are none.
fn verdict_of(feature: &Feature, inspection: &Inspection) -> Option<Verdict> {
    let of_feature = |id: &str| id.split_once('.').is_some_and(|(name, _)| feature.is_called(name));
    inspection.results.iter().filter(|r| of_feature(&r.characteristic.id)).map(|r| r.decision.verdict).max()
}

fn draw_box(sketch: &mut Sketch, verdict: Verdict, frame: &Frame) {
    let thick = line_width(sketch, 5.0);
    let [a, b, c, d] = frame.corners();
    let around = [a, b, c, d, a];
    if verdict == Verdict::Pass {
        // Found and good: shown, without a sign that would draw the eye.
        return sketch.path(&around, line_width(sketch, 2.0), colour(verdict));
    }
    if verdict == Verdict::Fail {
        sketch.path(&around, thick, colour(verdict));
        let arm = 2.0 * thick;
        for (x, y) in [a, b, c, d] {
            sketch.path(&[(x - arm, y - arm), (x + arm, y + arm)], thick, colour(verdict));
            sketch.path(&[(x - arm, y + arm), (x + arm, y - arm)], thick, colour(verdict));
        }
    } else {
        sketch.dashed(&around, thick, 4.0 * thick, colour(verdict));
    }
    // The sign stands above the middle of the box, or below it where there is no room above.
    let size = line_width(sketch, 44.0).max(14.0);
    let (x, _) = frame.centre();
    let above = frame.top - 0.75 * size;
    let y = if above < 0.5 * size { frame.bottom + 0.75 * size } else { above };
    let inside = |v: f64, side: f64| v.clamp(0.5 * size, (side - 0.5 * size).max(0.5 * size));
    sketch.sign(verdict, (inside(x, sketch.width()), inside(y, sketch.height())), size);
}

/// Where the part's own verdict stands: the first corner that hides no box; the right one at the top when all do.
fn badge(sketch: &Sketch, boxes: &[(Verdict, Frame)]) -> Frame {
    let (width, height) = (sketch.width(), sketch.height());
    let size = (0.1 * width.max(height)).min(0.5 * width.min(height));
    let margin = 0.15 * size;
    let at = |left: f64, top: f64| Frame { left, top, right: left + size, bottom: top + size };
    let (right, bottom) = (width - size - margin, height - size - margin);
    let corners = [at(right, margin), at(margin, margin), at(margin, bottom), at(right, bottom)];
    let free = |corner: &&Frame| !boxes.iter().any(|(_, b)| b.touches(corner));
    *corners.iter().find(free).unwrap_or(&corners[0])
}

#[cfg(test)]
mod tests;
