//! Part and background told apart: how bright each is at every place, and which pixels are which.

use super::components::{Blob, Connectivity, components};
use super::fill::fill;
use super::resample::shrink;
use crate::calibration::Plane;
use crate::geometry::{ImagePx, NormalEquations, Point, solve_symmetric};
use crate::reason::Reason;

/// Longest side of the small picture on which part and background are told apart, px.
const MAX_SIDE: u32 = 750;
/// Part and background must differ by this factor of light, else no part is seen.
const MIN_CONTRAST: f64 = 1.25;
/// Light below this is taken as this (1/500 of white): the ratio to a black background must stay finite.
const DARKEST: f64 = 131.0;
/// A background darker than the part by this factor says nothing of how evenly the part is lit.
const NEARLY_BLACK: f64 = 20.0;

/// How bright background and material are at each place of the photo.
///
/// The background is a quadratic surface (uneven light); the material is a fixed ratio of it when both are lit alike, or one level
/// on a nearly black background.
#[derive(Clone, Debug, PartialEq)]
pub struct LightModel {
    /// Coefficients of 1, x, y, x², xy, y² with x, y scaled to [-1, 1] over the photo.
    background: [f64; 6],
    /// Material light over background light.
    ratio: f64,
    /// Set instead of `ratio` when the background is nearly black.
    level: Option<f64>,
    width: f64,
    height: f64,
}

impl LightModel {
    fn scaled(&self, p: Point<ImagePx>) -> (f64, f64) {
        ((2.0 * p.x + 1.0) / self.width - 1.0, (2.0 * p.y + 1.0) / self.height - 1.0)
    }
    /// Background light at `p`, 0..=65535.
    pub fn background(&self, p: Point<ImagePx>) -> f64 {
        let (x, y) = self.scaled(p);
        surface(&self.background, x, y).max(DARKEST)
    }
    /// Material light at `p`, 0..=65535.
    pub fn material(&self, p: Point<ImagePx>) -> f64 {
        self.level.unwrap_or_else(|| self.ratio * self.background(p))
    }
    /// How much of the pixel's light is material's: 0 background, 1 material (may lie a little outside).
    pub fn material_fraction(&self, p: Point<ImagePx>, light: f64) -> f64 {
        let background = self.background(p);
        (background - light) / (background - self.material(p))
    }
}

fn surface(c: &[f64; 6], x: f64, y: f64) -> f64 {
    c[0] + x * (c[1] + c[3] * x + c[4] * y) + y * (c[2] + c[5] * y)
}

/// The part, told apart from its background on a small version of the photo.
#[derive(Clone, Debug)]
pub struct Silhouette {
    /// Photo pixels per mask pixel.
    pub factor: u32,
    /// Width of the mask.
    pub width: u32,
    /// Height of the mask.
    pub height: u32,
    /// Pixels of the part, `(height, width)`.
    pub part: Vec<bool>,
    /// The same with its openings filled.
    pub filled: Vec<bool>,
    /// Extent and centroid of `filled`, in mask pixels.
    pub blob: Blob,
    /// Light of part and background.
    pub light: LightModel,
}

impl Silhouette {
    /// Photo position of a mask position.
    pub fn image_from_mask(&self, x: f64, y: f64) -> Point<ImagePx> {
        let f = f64::from(self.factor);
        Point::new(f * x + 0.5 * (f - 1.0), f * y + 0.5 * (f - 1.0))
    }

    /// Centre of the opening of the part nearest to `p`, not farther than `reach_px`.
    pub fn opening_near(&self, p: Point<ImagePx>, reach_px: f64) -> Option<Point<ImagePx>> {
        let openings: Vec<bool> = self.filled.iter().zip(&self.part).map(|(f, p)| *f && !p).collect();
        components(&openings, self.width, self.height, Connectivity::Four)
            .blobs
            .iter()
            .map(|b| self.image_from_mask(b.centroid.0, b.centroid.1))
            .filter(|c| c.distance(p) <= reach_px)
            .min_by(|a, b| a.distance(p).total_cmp(&b.distance(p)))
    }

    /// Finds what may be the part: everything sizable that stands out, the nearest in size first. At least one.
    ///
    /// `expected_area_px` is the area of the part's outline in photo pixels; `work_area` a polygon around its middle outside which nothing is looked at.
    ///
    /// # Errors
    /// [`Reason`] when nothing stands out, or what does leaves the picture or the work area.
    ///
    /// Honest scope: a background that is plain but for slow changes of light, at least 1.25 x brighter or darker than the part.
    pub fn find(
        plane: &Plane,
        expected_area_px: f64,
        work_area: Option<&[Point<ImagePx>]>,
    ) -> Result<Vec<Self>, Reason> {
        let (small, factor) = smaller(plane);
        let (width, height) = small.dimensions();
        let area = Area::new(work_area, factor, width as usize, height as usize);
        let (light, mask) = separate(&small, factor, &area)?;
        let expected = expected_area_px / f64::from(factor * factor);
        let whole = |part: Vec<bool>| {
            let filled: Vec<bool> = outside(&part, width, height).iter().map(|o| !o).collect();
            let blobs = components(&filled, width, height, Connectivity::Eight).blobs;
            let blob = blobs.into_iter().max_by_key(|b| b.area)?;
            Some(Self { factor, width, height, part, filled, blob, light: light.clone() })
        };
        Ok(pieces(&mask, &area, width, height, expected)?.into_iter().filter_map(whole).collect())
    }

    /// Anything in the picture is lighter or darker than its background, be it large or small.
    pub(crate) fn stands_out(plane: &Plane) -> bool {
        let (small, factor) = smaller(plane);
        let whole = Area::new(None, factor, small.width() as usize, small.height() as usize);
        separate(&small, factor, &whole).is_ok()
    }
}

/// The picture on which parts are looked for, and how many photo pixels each of its pixels is wide.
fn smaller(plane: &Plane) -> (Plane, u32) {
    let factor = plane.width().max(plane.height()).div_ceil(MAX_SIDE).max(1);
    (shrink(plane, factor), factor)
}

/// Where the part is looked for, on the small picture.
struct Area {
    /// Pixels in it.
    inside: Vec<bool>,
    /// Those of them near its border.
    band: Vec<bool>,
    /// Its pixels have neighbours outside; `None` for the whole picture, whose border is the picture's.
    rim: Option<Vec<bool>>,
}

impl Area {
    fn new(polygon: Option<&[Point<ImagePx>]>, factor: u32, w: usize, h: usize) -> Self {
        let Some(polygon) = polygon else {
            let band = (w.min(h) / 40).max(2);
            let near = |i: usize| (i % w).min(w - 1 - i % w).min(i / w).min(h - 1 - i / w) < band;
            return Self { inside: vec![true; w * h], band: (0..w * h).map(near).collect(), rim: None };
        };
        let f = f64::from(factor);
        let corners: Vec<(f64, f64)> = polygon.iter().map(|p| ((p.x + 0.5) / f - 0.5, (p.y + 0.5) / f - 0.5)).collect();
        let n = corners.len() as f64;
        let (cx, cy) = corners.iter().fold((0.0, 0.0), |m, c| (m.0 + c.0 / n, m.1 + c.1 / n));
        let shrunk = |k: f64| corners.iter().map(|(x, y)| (cx + k * (x - cx), cy + k * (y - cy))).collect::<Vec<_>>();
        let inside = fill(std::slice::from_ref(&corners), w, h);
        let inner = fill(&[shrunk(0.95)], w, h);
        let band = inside.iter().zip(&inner).map(|(outer, inner)| *outer && !inner).collect();
        let at = |x: usize, y: usize| inside[y * w + x];
        let rim = (0..w * h).map(|i| {
            let (x, y) = (i % w, i / w);
            let inner = x > 0 && y > 0 && x + 1 < w && y + 1 < h;
            inside[i] && !(inner && at(x - 1, y) && at(x + 1, y) && at(x, y - 1) && at(x, y + 1))
        });
        Self { band, rim: Some(rim.collect()), inside }
    }
}

/// Rounds of fitting the background and telling the part from it.
const ROUNDS: usize = 2;

/// Splits the small picture: fits the background from the border inwards, then finds the level between the two classes.
fn separate(small: &Plane, factor: u32, area: &Area) -> Result<(LightModel, Vec<bool>), Reason> {
    let (w, h) = (small.width() as usize, small.height() as usize);
    if w < 8 || h < 8 {
        return Err(Reason::NoPart);
    }
    let samples = small.as_raw();
    let mut is_background = area.band.clone();
    let mut result = Err(Reason::NoPart);
    for _ in 0..ROUNDS {
        let surface = fit_background(samples, &is_background, w, h).ok_or(Reason::NoPart)?;
        let background = surface_plane(&surface, w, h);
        let ratios: Vec<f32> = samples.iter().zip(&background).map(|(s, b)| f32::from(*s) / b).collect();
        let light = model(surface, &ratios, &area.inside, small.dimensions(), factor)?;
        let material = |b: f32| light.level.map_or(light.ratio as f32 * b, |level| level as f32);
        let fractions = samples.iter().zip(&background).map(|(s, b)| (b - f32::from(*s)) / (b - material(*b)));
        // Next round: everything that is clearly background, wherever it lies.
        let (mask, clear): (Vec<bool>, Vec<bool>) =
            fractions.zip(&area.inside).map(|(f, inside)| (*inside && f > 0.5, *inside && f.abs() < 0.2)).unzip();
        is_background = clear;
        result = Ok((light, mask));
    }
    result
}

/// The background at every pixel of the small picture.
fn surface_plane(c: &[f64; 6], w: usize, h: usize) -> Vec<f32> {
    let mut plane = Vec::with_capacity(w * h);
    for row in 0..h {
        let y = scaled(row, h);
        plane.extend((0..w).map(|column| surface(c, scaled(column, w), y).max(DARKEST) as f32));
    }
    plane
}

/// Position of the centre of pixel `i` of `n`, from -1 to 1 over the picture.
fn scaled(i: usize, n: usize) -> f64 {
    (2.0 * i as f64 + 1.0) / n as f64 - 1.0
}

/// Quadratic surface through the chosen pixels (every third), outliers set aside by Tukey's biweight.
fn fit_background(samples: &[u16], chosen: &[bool], w: usize, h: usize) -> Option<[f64; 6]> {
    let mut data: Vec<([f64; 6], f64)> = Vec::new();
    for i in (0..w * h).filter(|i| chosen[*i]).step_by(3) {
        let (x, y) = (scaled(i % w, w), scaled(i / w, h));
        data.push(([1.0, x, y, x * x, x * y, y * y], f64::from(samples[i])));
    }
    if data.len() < 30 {
        return None;
    }
    let mut levels: Vec<f64> = data.iter().map(|d| d.1).collect();
    let middle = levels.len() / 2;
    let median = *levels.select_nth_unstable_by(middle, f64::total_cmp).1;
    let mut c = [median, 0.0, 0.0, 0.0, 0.0, 0.0];
    for round in 0..4 {
        let residual = |d: &([f64; 6], f64)| d.1 - d.0.iter().zip(&c).map(|(a, b)| a * b).sum::<f64>();
        let mut magnitudes: Vec<f64> = data.iter().map(|d| residual(d).abs()).collect();
        let mad = *magnitudes.select_nth_unstable_by(middle, f64::total_cmp).1;
        // The first rounds must bear a strong gradient of light; later ones shut out whatever is not background.
        let scale = (1.4826 * mad).max(0.002 * median.max(DARKEST));
        let limit = scale * if round < 2 { 8.0 } else { 4.685 };
        let mut sums = NormalEquations::new();
        for d in &data {
            let t = residual(d) / limit;
            if t.abs() < 1.0 {
                sums.add(&d.0, d.1, (1.0 - t * t) * (1.0 - t * t));
            }
        }
        c = solve_symmetric(sums.normal, sums.right)?;
    }
    Some(c)
}

/// Thresholds on light / background below and above which a pixel is not background: Otsu's on each side of 1
/// (Otsu 1979, doi:10.1109/TSMC.1979.4310076).
fn ratio_thresholds(ratios: &[f32], inside: &[bool]) -> (f32, f32) {
    let (mut low, mut high) = ([0_u64; BINS], [0_u64; BINS]);
    for (r, _) in ratios.iter().zip(inside).filter(|(_, inside)| **inside) {
        // Bright parts: 1/ratio maps the other side to the same interval.
        let (side, depth) = if *r <= 1.0 { (&mut low, 1.0 - r) } else { (&mut high, 1.0 - 1.0 / r) };
        side[((depth * BINS as f32) as usize).min(BINS - 1)] += 1;
    }
    // On a side with no part Otsu splits the background's own noise: a threshold is never nearer to 1 than half the least contrast.
    let nearest = MIN_CONTRAST.sqrt() as f32;
    ((1.0 - otsu(&low)).min(1.0 / nearest), (1.0 / (1.0 - otsu(&high))).max(nearest))
}

const BINS: usize = 128;

/// The best split of a histogram over [0, 1].
fn otsu(histogram: &[u64; BINS]) -> f32 {
    let total: u64 = histogram.iter().sum();
    let sum: f64 = histogram.iter().enumerate().map(|(i, n)| i as f64 * *n as f64).sum();
    let (mut below, mut below_sum, mut best, mut best_between) = (0_u64, 0.0, 64.0, -1.0);
    for (i, n) in histogram.iter().enumerate() {
        below += n;
        below_sum += i as f64 * *n as f64;
        let above = total - below;
        if below == 0 || above == 0 {
            continue;
        }
        let gap = below_sum / below as f64 - (sum - below_sum) / above as f64;
        let between = below as f64 * above as f64 * gap * gap;
        if between > best_between {
            (best, best_between) = (i as f64 + 1.0, between);
        }
    }
    (best / BINS as f64).min(0.98) as f32
}

/// The light of background and material, from the pixels beyond the threshold on the side that has more of them.
fn model(
    background: [f64; 6],
    ratios: &[f32],
    inside: &[bool],
    (w, h): (u32, u32),
    factor: u32,
) -> Result<LightModel, Reason> {
    let (low, high) = ratio_thresholds(ratios, inside);
    let beyond = |test: &dyn Fn(f32) -> bool| -> Vec<f32> {
        ratios.iter().zip(inside).filter(|(r, inside)| **inside && test(**r)).map(|(r, _)| *r).collect()
    };
    let (dark, bright) = (beyond(&|r| r < low), beyond(&|r| r > high));
    let part_is_dark = dark.len() >= bright.len();
    let mut part = if part_is_dark { dark } else { bright };
    if part.len() < 20 {
        return Err(Reason::NoPart);
    }
    let middle = part.len() / 2;
    let ratio = f64::from(*part.select_nth_unstable_by(middle, f32::total_cmp).1);
    if ratio.max(1.0 / ratio) < MIN_CONTRAST {
        return Err(Reason::NoPart);
    }
    // The mean of the quadratic surface over the picture.
    let mean = (background[0] + (background[3] + background[5]) / 3.0).max(DARKEST);
    let level = (ratio > NEARLY_BLACK).then_some(ratio * mean);
    let f = f64::from(factor);
    Ok(LightModel { background, ratio, level, width: f64::from(w) * f, height: f64::from(h) * f })
}

/// Most pieces that are looked at.
const MAX_PIECES: usize = 4;

/// The pieces that may be the part: sizable, wholly in the picture and the area; the nearest in size first.
fn pieces(mask: &[bool], area: &Area, width: u32, height: u32, expected_area: f64) -> Result<Vec<Vec<bool>>, Reason> {
    let found = components(mask, width, height, Connectivity::Eight);
    let mut leaves: Vec<bool> = found
        .blobs
        .iter()
        .map(|b| {
            b.bounds.x == 0 || b.bounds.y == 0 || b.bounds.x + b.bounds.w == width || b.bounds.y + b.bounds.h == height
        })
        .collect();
    for (label, _) in found.labels.iter().zip(area.rim.iter().flatten()).filter(|(l, rim)| **l > 0 && **rim) {
        leaves[*label as usize - 1] = true;
    }
    // A tenth of the part is a part; less is dirt.
    let sizable = |i: &usize| found.blobs[*i].area as f64 > 0.1 * expected_area && found.blobs[*i].area > 30;
    let mut inside: Vec<usize> = (0..found.blobs.len()).filter(|i| sizable(i) && !leaves[*i]).collect();
    if inside.is_empty() {
        let cut = (0..found.blobs.len()).any(|i| sizable(&i) && leaves[i]);
        return Err(match (cut, &area.rim) {
            (false, _) => Reason::NoPart,
            (true, None) => Reason::PartOutsidePicture,
            (true, Some(_)) => Reason::PartOutsideArea,
        });
    }
    let off = |i: usize| (libm::log(found.blobs[i].area as f64 / expected_area.max(1.0))).abs();
    inside.sort_by(|a, b| off(*a).total_cmp(&off(*b)).then(a.cmp(b)));
    inside.truncate(MAX_PIECES);
    Ok(inside.iter().map(|i| found.labels.iter().map(|l| *l == *i as u32 + 1).collect()).collect())
}

/// Pixels that can be reached from the border without crossing the part.
fn outside(part: &[bool], width: u32, height: u32) -> Vec<bool> {
    let empty: Vec<bool> = part.iter().map(|p| !p).collect();
    let found = components(&empty, width, height, Connectivity::Four);
    let at_border: Vec<bool> = found
        .blobs
        .iter()
        .map(|b| {
            b.bounds.x == 0 || b.bounds.y == 0 || b.bounds.x + b.bounds.w == width || b.bounds.y + b.bounds.h == height
        })
        .collect();
    found.labels.iter().map(|l| *l > 0 && at_border[*l as usize - 1]).collect()
}
