//! Coarse pose: every turn of the design against the edges of the silhouette.

use crate::calibration::Located;
use crate::design::Design;
use crate::geometry::{Angle, DesignMm, Mm, PlaneMm, Point, Similarity, Vector};
use crate::measure::{Silhouette, fill};
use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};

/// Turns tried, evenly around the circle.
const TURNS: usize = 120;
/// Poses handed on to the sub-pixel fit.
const CANDIDATES: usize = 3;
/// Distances count no more than this, mask px: what is missing must not outweigh what fits.
const TRUNCATE_PX: f64 = 12.0;

/// Edges of the silhouette as a map of distances to the nearest of them, with the design's places to lay on it.
struct Matcher<'a> {
    located: &'a Located<'a>,
    silhouette: &'a Silhouette,
    distance: GrayImage,
    places: Vec<Point<DesignMm>>,
    mm_per_mask_px: f64,
}

/// The few best poses, best first, from the photo alone.
pub(super) fn candidates(
    located: &Located<'_>,
    design: &Design,
    silhouette: &Silhouette,
) -> Vec<Similarity<DesignMm, PlaneMm>> {
    let matcher = Matcher::new(located, design, silhouette);
    let centre = centroid(design);
    let (cx, cy) = silhouette.blob.centroid;
    let on_plane = located.camera().plane_from_image(silhouette.image_from_mask(cx, cy), Mm(0.0));
    let turned = |turn: Angle| {
        let rotation = Similarity::<DesignMm, PlaneMm>::new(1.0, turn, false, Vector::new(0.0, 0.0));
        let shift = on_plane - rotation.apply(centre);
        Similarity::new(1.0, turn, false, shift)
    };
    let costs: Vec<f64> = (0..TURNS).map(|k| matcher.cost(&turned(angle(k as f64)))).collect();
    let mut minima: Vec<usize> = (0..TURNS)
        .filter(|k| costs[*k] <= costs[(k + 1) % TURNS] && costs[*k] < costs[(k + TURNS - 1) % TURNS])
        .collect();
    if minima.is_empty() {
        // A round part fits at every turn.
        minima.push(0);
    }
    minima.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
    minima.truncate(8);
    let mut refined: Vec<(Similarity<DesignMm, PlaneMm>, f64)> =
        minima.iter().map(|k| matcher.descend(turned(angle(*k as f64)), centre)).collect();
    refined.sort_by(|a, b| a.1.total_cmp(&b.1));
    let best = refined[0].1;
    refined.retain(|r| r.1 < 1.5 * best + 1.0);
    refined.truncate(CANDIDATES);
    refined.into_iter().map(|r| r.0).collect()
}

fn angle(k: f64) -> Angle {
    Angle::from_degrees(k * 360.0 / TURNS as f64)
}

/// Area centroid of the outline.
fn centroid(design: &Design) -> Point<DesignMm> {
    let polygon = design.contours[0].polygon(0.05);
    let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
    for (a, b) in polygon.iter().zip(polygon.iter().cycle().skip(1)) {
        let cross = a.x * b.y - b.x * a.y;
        area += cross;
        x += (a.x + b.x) * cross;
        y += (a.y + b.y) * cross;
    }
    Point::new(x / (3.0 * area), y / (3.0 * area))
}

impl<'a> Matcher<'a> {
    fn new(located: &'a Located<'a>, design: &Design, silhouette: &'a Silhouette) -> Self {
        let (w, h) = (silhouette.width, silhouette.height);
        let part = |x: u32, y: u32| silhouette.part[(y * w + x) as usize];
        let edges = GrayImage::from_fn(w, h, |x, y| {
            let inner = x > 0 && y > 0 && x + 1 < w && y + 1 < h;
            let edge = inner && part(x, y) && !(part(x - 1, y) && part(x + 1, y) && part(x, y - 1) && part(x, y + 1));
            Luma([if edge { 255 } else { 0 }])
        });
        let length: f64 = design.contours.iter().map(crate::design::Contour::length).sum();
        let places = design.contours.iter().flat_map(|c| c.sample(length / 300.0)).map(|s| s.p).collect();
        Self {
            located,
            silhouette,
            distance: distance_transform(&edges, Norm::L1),
            places,
            mm_per_mask_px: located.camera().mm_per_px(Point::new(0.0, 0.0)) * f64::from(silhouette.factor),
        }
    }

    /// Mean squared truncated distance of the design's contours from the silhouette's edges, mask px².
    fn cost(&self, pose: &Similarity<DesignMm, PlaneMm>) -> f64 {
        let f = f64::from(self.silhouette.factor);
        let sum: f64 = self
            .places
            .iter()
            .map(|p| {
                let q = self.located.camera().image_from_plane(pose.apply(*p), Mm(0.0));
                let (x, y) = ((q.x + 0.5) / f, (q.y + 0.5) / f);
                let inside = x >= 0.0
                    && y >= 0.0
                    && x < f64::from(self.silhouette.width)
                    && y < f64::from(self.silhouette.height);
                let d = if inside { f64::from(self.distance.get_pixel(x as u32, y as u32).0[0]) } else { TRUNCATE_PX };
                d.min(TRUNCATE_PX) * d.min(TRUNCATE_PX)
            })
            .sum();
        sum / self.places.len() as f64
    }

    /// Pattern search on shift and turn with shrinking steps.
    fn descend(
        &self,
        start: Similarity<DesignMm, PlaneMm>,
        centre: Point<DesignMm>,
    ) -> (Similarity<DesignMm, PlaneMm>, f64) {
        let radius = self.places.iter().map(|p| p.distance(centre)).fold(1e-9, f64::max);
        let (mut pose, mut cost) = (start, self.cost(&start));
        let mut step_px = 8.0;
        while step_px > 0.4 {
            let step = step_px * self.mm_per_mask_px;
            let moves = [
                (1.0, 0.0, 0.0),
                (-1.0, 0.0, 0.0),
                (0.0, 1.0, 0.0),
                (0.0, -1.0, 0.0),
                (0.0, 0.0, 1.0),
                (0.0, 0.0, -1.0),
            ];
            let best = moves
                .iter()
                .map(|(dx, dy, turn)| {
                    let next = moved(&pose, centre, Vector::new(dx * step, dy * step), turn * step / radius);
                    (next, self.cost(&next))
                })
                .min_by(|a, b| a.1.total_cmp(&b.1));
            match best {
                Some((next, lower)) if lower < cost => (pose, cost) = (next, lower),
                _ => step_px *= 0.5,
            }
        }
        (pose, cost)
    }
}

/// The pose turned about the image of `centre`, then shifted.
fn moved(
    pose: &Similarity<DesignMm, PlaneMm>,
    centre: Point<DesignMm>,
    shift: Vector<PlaneMm>,
    turn_rad: f64,
) -> Similarity<DesignMm, PlaneMm> {
    let turn = Angle::from_radians(pose.turn().radians() + turn_rad);
    let to = pose.apply(centre) + shift;
    let rotation = Similarity::<DesignMm, PlaneMm>::new(1.0, turn, false, Vector::new(0.0, 0.0));
    Similarity::new(1.0, turn, false, to - rotation.apply(centre))
}

/// Overlap of the filled silhouette and the design's outline in this pose: intersection over union, 0 to 1.
pub(super) fn overlap(
    located: &Located<'_>,
    design: &Design,
    silhouette: &Silhouette,
    pose: &Similarity<DesignMm, PlaneMm>,
) -> f64 {
    let f = f64::from(silhouette.factor);
    let polygon: Vec<(f64, f64)> = design.contours[0]
        .polygon(0.05)
        .iter()
        .map(|p| {
            let q = located.camera().image_from_plane(pose.apply(*p), Mm(0.0));
            ((q.x + 0.5) / f - 0.5, (q.y + 0.5) / f - 0.5)
        })
        .collect();
    let drawn = fill(&[polygon], silhouette.width as usize, silhouette.height as usize);
    let both = drawn.iter().zip(&silhouette.filled).filter(|(d, f)| **d && **f).count();
    let either = drawn.iter().zip(&silhouette.filled).filter(|(d, f)| **d || **f).count();
    both as f64 / either.max(1) as f64
}
