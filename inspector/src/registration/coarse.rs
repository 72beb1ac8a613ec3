//! Coarse pose: every turn of the design against the edges of the silhouette.

use crate::calibration::Located;
use crate::design::{ContourPoint, Design};
use crate::geometry::{Angle, DesignMm, Mm, PlaneMm, Point, Similarity, Vector};
use crate::measure::{Silhouette, fill};
use image::{GrayImage, Luma};
use imageproc::distance_transform::{Norm, distance_transform};

/// Turns tried, evenly around the circle.
const TURNS: usize = 120;
/// Most poses of each side handed on to the sub-pixel fit: as many as a flange has holes.
const CANDIDATES: usize = 24;
/// Between two turns worth a look the cost rises by this over the worse, mask px²: a round part has one.
const RISE: f64 = 0.3;
/// Poses whose places lie nearer than this are one, mask px.
const SAME_PX: f64 = 2.0;
/// Distances count no more than this, mask px: what is missing must not outweigh what fits.
const TRUNCATE_PX: f64 = 12.0;
/// A pose is looked at closely unless its cost is half as much again as the least and this more, mask px²: as if a sixth of the contours lay nowhere. The
/// silhouette shows walls and shadows of a thick part as part, and where openings are it tells the right way from its rivals by chance only.
const WORSE: f64 = TRUNCATE_PX * TRUNCATE_PX / 6.0;

/// A pose and its cost.
pub(super) type Candidate = (Similarity<DesignMm, PlaneMm>, f64);

/// Edges of the silhouette as a map of distances to the nearest of them, with the design's places to lay on it.
struct Matcher<'a> {
    located: &'a Located<'a>,
    silhouette: &'a Silhouette,
    distance: GrayImage,
    places: Vec<ContourPoint>,
    mm_per_mask_px: f64,
}

/// The few best poses with their costs, best first, from the photo alone; at least one. Either side may be up.
pub(super) fn candidates(located: &Located<'_>, design: &Design, silhouette: &Silhouette) -> Vec<Candidate> {
    let matcher = Matcher::new(located, design, silhouette);
    let (face_up, face_down) = rayon::join(|| matcher.side(design, false), || matcher.side(design, true));
    let mut sides = [face_up, face_down];
    for side in &mut sides {
        side.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    let best = sides[0][0].1.min(sides[1][0].1);
    for side in &mut sides {
        side.retain(|r| r.1 < 1.5 * best + WORSE);
        side.truncate(CANDIDATES);
    }
    let mut all = sides.concat();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all
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
        let places = design.contours.iter().flat_map(|c| c.sample(length / 300.0)).collect();
        Self {
            located,
            silhouette,
            distance: distance_transform(&edges, Norm::L1),
            places,
            mm_per_mask_px: located.mm_per_px() * f64::from(silhouette.factor),
        }
    }

    /// The best poses of one side.
    fn side(&self, design: &Design, mirrored: bool) -> Vec<Candidate> {
        let centre = centroid(design);
        let (cx, cy) = self.silhouette.blob.centroid;
        let on_plane = self.located.camera().plane_from_image(self.silhouette.image_from_mask(cx, cy), Mm(0.0));
        let turned = |turn: Angle| {
            let rotation = Similarity::<DesignMm, PlaneMm>::new(1.0, turn, mirrored, Vector::new(0.0, 0.0));
            Similarity::new(1.0, turn, mirrored, on_plane - rotation.apply(centre))
        };
        let costs: Vec<f64> = (0..TURNS).map(|k| self.cost(&turned(angle(k as f64)))).collect();
        let mut minima = valleys(&costs, RISE);
        minima.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
        minima.truncate(CANDIDATES);
        let mut found: Vec<Candidate> = Vec::new();
        for k in minima {
            let next = self.descend(turned(angle(k as f64)), centre);
            match found.iter_mut().find(|other| self.same(&other.0, &next.0)) {
                Some(other) if next.1 < other.1 => *other = next,
                Some(_) => {}
                None => found.push(next),
            }
        }
        found
    }

    /// True when no place of the design moves noticeably from one pose to the other.
    fn same(&self, a: &Similarity<DesignMm, PlaneMm>, b: &Similarity<DesignMm, PlaneMm>) -> bool {
        self.places.iter().all(|at| a.apply(at.p).distance(b.apply(at.p)) < SAME_PX * self.mm_per_mask_px)
    }

    /// Mean squared truncated distance of the design's contours from the silhouette's edges, mask px².
    fn cost(&self, pose: &Similarity<DesignMm, PlaneMm>) -> f64 {
        let f = f64::from(self.silhouette.factor);
        let sum: f64 = self
            .places
            .iter()
            .map(|at| {
                let (p, world) = (pose.apply(at.p), &self.located.worlds.nominal);
                let q = world.camera.image_from_plane(p, world.z(world.rim(p, pose.apply_vector(at.normal))));
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
        let radius = self.places.iter().map(|at| at.p.distance(centre)).fold(1e-9, f64::max);
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

/// Places of a circular sequence that are the lowest as far as any higher ground of `rise` above them, lower ones excepted. At least one: where the ground
/// nowhere rises so far it tells nothing, and the first is taken (a part whose turn nothing shows lies as it is drawn).
fn valleys(costs: &[f64], rise: f64) -> Vec<usize> {
    let n = costs.len();
    let lowest = (0..n).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
    if costs.iter().all(|c| c - costs[lowest] < rise) {
        return vec![0];
    }
    // Once round from the lowest: a valley is left when the way has risen enough, and another begins when it then falls as far.
    let (mut found, mut low, mut high) = (vec![lowest], None, f64::NEG_INFINITY);
    let mut bottom = costs[lowest];
    for k in (1..=n).map(|i| (lowest + i) % n) {
        let cost = costs[k];
        match low {
            // Uphill.
            None => {
                high = f64::max(high, cost);
                if high - bottom >= rise && high - cost >= rise {
                    low = Some(k);
                }
            }
            // Downhill.
            Some(l) => {
                if cost < costs[l] {
                    low = Some(k);
                } else if cost - costs[l] >= rise {
                    (bottom, high) = (costs[l], cost);
                    found.push(l);
                    low = None;
                }
            }
        }
    }
    found
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
    let rotation = Similarity::<DesignMm, PlaneMm>::new(1.0, turn, pose.mirrored(), Vector::new(0.0, 0.0));
    Similarity::new(1.0, turn, pose.mirrored(), to - rotation.apply(centre))
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

#[cfg(test)]
mod tests {
    use super::valleys;

    #[test]
    fn a_valley_is_deeper_than_the_noise() {
        assert_eq!(valleys(&[1.0, 1.1, 1.0, 1.05, 0.95, 1.1, 2.0], 0.3), [4]);
        assert_eq!(valleys(&[1.0, 1.1, 1.0, 1.05, 0.95, 1.1], 0.3), [0]);
        assert_eq!(valleys(&[2.0, 0.5, 0.6, 0.55, 2.0, 1.9, 0.4, 1.0], 0.3), [6, 1]);
        assert_eq!(valleys(&[0.0, 3.0, 0.1, 3.0, 0.2, 3.0], 0.3), [0, 2, 4]);
    }
}
