//! A narrow peak of a contour: what stands out of the contour beside it, and what blur may have taken of its height. Shared by `burr` and `profile`.
//!
//! Blur keeps the area of a peak and adds its own variance to the peak's, and so do the pixels that each place looks at. A cap of height h and width w has the
//! area 2/3 h w and the variance w² / 20; so area and variance of what is seen tell the height before the blur.

use super::form::{ROUGH_PX, expected_largest, usual_noise};
use crate::registration::ContourEdge;

/// A place of a contour and how far it strays from the drawing, mm.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) edge: ContourEdge,
    pub(super) strays: f64,
    /// Distance along the contour from its first place, mm.
    pub(super) along: f64,
}

/// Places along a contour or a piece of one, in order; there must be one.
pub(super) struct Trace {
    pub(super) places: Vec<Place>,
    /// Length of the contour, mm.
    pub(super) length: f64,
    /// The last place is the first one's neighbour.
    pub(super) closed: bool,
}

/// What stands out at a place.
pub(super) struct Peak {
    /// Its height as it is seen, mm.
    pub(super) height: f64,
    /// The height of a cap of its area and width, had the picture no blur, mm; at least the height that is seen.
    pub(super) whole: f64,
    /// How high the highest of so many noisy places is expected to be where nothing stands out, mm.
    pub(super) bias: f64,
    /// How many places it has down to its foot.
    pub(super) wide: usize,
    /// Those down to half of its height, in order.
    pub(super) half: Vec<usize>,
}

/// Fewest places on each side that are looked at.
pub(super) const MIN_BESIDE: usize = 3;
/// How far on each side of a place the contour beside it is looked at, mm.
const BESIDE_MM: f64 = 3.0;
/// Of a short contour, at most this share of its length on each side.
const BESIDE_SHARE: f64 = 1.0 / 6.0;
/// Blur smears a peak over so many places beside it, on each side.
const SMEARED: f64 = 2.0;
/// A peak stands out when it is so many times as high as noise alone would be.
const STANDS_OUT: f64 = 2.0;
/// Share of its height down to which a peak's area is counted.
const FOOT: f64 = 0.1;
/// Half of a place's own pixels along the contour, px.
const OWN_PX: f64 = 2.0;
/// Least variance of a peak along the contour, as a share of that of the blur: of less nothing is known.
const LEAST_WIDE: f64 = 0.1;

/// A place that stands out more than so many standard uncertainties from what blur allows it to, beside its neighbours, shows no material.
const SLIP: f64 = 2.0;

impl Place {
    /// Standard uncertainty of its edge, px.
    pub(super) fn u_px(&self) -> f64 {
        self.edge.edge.map_or(ROUGH_PX, |e| e.u_px)
    }
}

impl Peak {
    /// Anywhere between what is seen and what would be without blur: the middle, mm.
    pub(super) fn middle(&self) -> f64 {
        0.5 * (self.height + self.whole)
    }
    /// Standard uncertainty of the middle, mm (JCGM 100:2008, 4.3.7).
    pub(super) fn u_blur(&self) -> f64 {
        (self.whole - self.height) / 12.0_f64.sqrt()
    }
    /// True when it stands out of the noise.
    pub(super) fn stands_out(&self) -> bool {
        self.height > STANDS_OUT * self.bias
    }
}

impl Trace {
    /// Without places that stand out farther than any material could beside their neighbours: what stands out is seen through the blur, and shows beside itself, too. A
    /// single edge that strays alone is a slip of its fit (two explanations of noisy pixels).
    pub(super) fn without_slips(mut self) -> Self {
        let blur_px = self.blur_px();
        let mut slips: Vec<bool> = (0..self.places.len()).map(|i| self.slipped(i, blur_px)).collect();
        slips.reverse();
        self.places.retain(|_| !slips.pop().unwrap_or(false));
        self
    }

    /// The narrowest peak shows in the place on one side of it at least the share of its height that blur smears there; this one shows less on both.
    fn slipped(&self, i: usize, blur_px: f64) -> bool {
        let Place { edge, strays, along } = &self.places[i];
        if edge.edge.is_err() {
            return false;
        }
        let beside = |way: Way| {
            let next = &self.places[self.going(i, way).next()?];
            let apart = (next.along - along).abs();
            let apart = if self.closed { apart.min(self.length - apart) } else { apart };
            (apart < 1.5 * edge.at.weight).then_some((next, apart / edge.mm_per_px))
        };
        let (Some(on), Some(back)) = (beside(Way::On), beside(Way::Back)) else { return false };
        let (height, smear) = (self.over(i, |p| p.strays), blur_px * blur_px + OWN_PX * OWN_PX / 3.0);
        let (base, sign) = (strays - height, height.signum());
        [on, back].iter().all(|(next, apart_px)| {
            let share = libm::exp(-0.5 * apart_px * apart_px / smear);
            let u = edge.mm_per_px * libm::hypot(next.u_px(), share * self.places[i].u_px());
            (sign * (next.strays - base)).max(0.0) + SLIP * u < share * height.abs()
        })
    }

    /// Blur of most edges, px; 0 where none is seen.
    fn blur_px(&self) -> f64 {
        let mut blurs: Vec<f64> = self.places.iter().filter_map(|p| Some(p.edge.edge.ok()?.blur_px)).collect();
        if blurs.is_empty() {
            return 0.0;
        }
        let middle = blurs.len() / 2;
        *blurs.select_nth_unstable_by(middle, f64::total_cmp).1
    }

    /// How high a place stands over the contour beside it (the median), by what `strays` says of each, mm.
    pub(super) fn over(&self, i: usize, strays: impl Fn(&Place) -> f64) -> f64 {
        let spacing = self.length / self.places.len() as f64;
        let beside = BESIDE_MM.max(MIN_BESIDE as f64 * spacing) + SMEARED * spacing;
        let beside = beside.min(BESIDE_SHARE * self.length);
        let near = |j: &usize| {
            let apart = (self.places[*j].along - self.places[i].along).abs();
            (if self.closed { apart.min(self.length - apart) } else { apart }) <= beside
        };
        let [on, back] = [Way::On, Way::Back].map(|way| self.going(i, way).take_while(near));
        let mut all: Vec<f64> = std::iter::once(i).chain(on).chain(back).map(|j| strays(&self.places[j])).collect();
        let middle = all.len() / 2;
        strays(&self.places[i]) - *all.select_nth_unstable_by(middle, f64::total_cmp).1
    }

    /// What stands out at a place, to the side of `sign`: 1 for material, -1 for a notch.
    pub(super) fn peak(&self, top: usize, sign: f64) -> Peak {
        let height_at = |i: usize| sign * self.over(i, |p| p.strays);
        let usual_mm = usual_noise(self.places.iter().map(Place::u_px)) * self.places[top].edge.mm_per_px;
        let height = height_at(top).max(0.0);
        let bias = expected_largest(self.places.len()) * usual_mm;
        let mut peak = Peak { height, whole: height, bias, wide: 1, half: vec![top] };
        // What does not stand out of the noise has no shape and no width.
        if peak.stands_out() {
            let foot = self.run(top, (FOOT * height).max(usual_mm), height_at);
            peak.whole = self.unblurred(&foot).max(height);
            peak.wide = foot.len();
            peak.half = self.run(top, 0.5 * height, height_at).into_iter().map(|(i, _)| i).collect();
        }
        peak
    }

    /// The places after or before one, in order, to the end or all round.
    fn going(&self, i: usize, way: Way) -> impl Iterator<Item = usize> {
        let n = self.places.len();
        let ahead = match way {
            _ if self.closed => n - 1,
            Way::On => n - 1 - i,
            Way::Back => i,
        };
        (1..=ahead).map(move |k| match way {
            Way::On => (i + k) % n,
            Way::Back => (i + n - k) % n,
        })
    }

    /// The places around `top` that are higher than `level`, in order, with their heights.
    fn run(&self, top: usize, level: f64, height_at: impl Fn(usize) -> f64) -> Vec<(usize, f64)> {
        let higher = |way| self.going(top, way).map(|i| (i, height_at(i))).take_while(|(_, h)| *h > level);
        let mut run: Vec<(usize, f64)> = higher(Way::Back).collect();
        run.reverse();
        run.push((top, height_at(top)));
        // All round there is no more.
        let left = self.places.len() - run.len();
        run.extend(higher(Way::On).take(left));
        run
    }

    /// The height of a cap of the area and width of the peak in `run`, had the picture no blur.
    fn unblurred(&self, run: &[(usize, f64)]) -> f64 {
        let blur_px = self.blur_px();
        let pixel = self.places[run[0].0].edge.mm_per_px;
        let smear = (blur_px * blur_px + OWN_PX * OWN_PX / 3.0) * pixel * pixel;
        let (mut area, mut first, mut second, mut at) = (0.0, 0.0, 0.0, 0.0);
        for (i, height) in run {
            let weight = self.places[*i].edge.at.weight;
            let piece = height * weight;
            (area, first, second) = (area + piece, first + piece * at, second + piece * at * at);
            at += weight;
        }
        let mean = first / area;
        let own = (second / area - mean * mean - smear).max(LEAST_WIDE * smear);
        1.5 * area / (20.0 * own).sqrt()
    }
}

/// Along the contour.
#[derive(Clone, Copy)]
enum Way {
    On,
    Back,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{Rim, SHADES};
    use crate::design::ContourPoint;
    use crate::geometry::{DesignMm, ImagePx, Point, Vector};
    use crate::measure::edge::Edge;

    const PIXEL: f64 = 0.1;
    const SPACING_PX: f64 = 4.0;

    /// A straight side of 40 mm with a cap on it, as a picture with that blur shows it: each place the mean of four pixels along the side.
    fn trace(height: f64, width: f64, middle: f64, blur_px: f64) -> Trace {
        let cap = |x: f64| {
            let t = 2.0 * (x - middle) / width;
            if t.abs() < 1.0 { height * (1.0 - t * t) } else { 0.0 }
        };
        let seen = |x: f64| {
            let (mut sum, mut all) = (0.0, 0.0);
            for i in -80..=80 {
                for j in -2..=2 {
                    let z = f64::from(i) * 0.05;
                    let share = libm::exp(-0.5 * z * z);
                    sum += share * cap(x + (z * blur_px + 0.8 * f64::from(j)) * PIXEL);
                    all += share;
                }
            }
            sum / all
        };
        let place = |k: u32| {
            let along = (f64::from(k) + 0.5) * SPACING_PX * PIXEL;
            let (p, normal) = (Point::<ImagePx>::new(along / PIXEL, 0.0), Vector::new(0.0, 1.0));
            let strays = seen(along);
            let edge =
                Edge { p, normal, offset_px: strays / PIXEL, u_px: 0.02, blur_px, shade_px: [0.0; SHADES], trust: 1.0 };
            let at = ContourPoint {
                p: Point::<DesignMm>::new(along, 0.0),
                normal: Vector::new(0.0, 1.0),
                curvature: 0.0,
                corner_distance: f64::INFINITY,
                weight: SPACING_PX * PIXEL,
                room: f64::INFINITY,
                segment: 0,
            };
            let edge = ContourEdge {
                contour: 0,
                at,
                rim: Rim::Bottom,
                p_image_px: p,
                mm_per_px: PIXEL,
                edge: Ok(edge),
                deviation_mm: strays,
            };
            Place { edge, strays, along }
        };
        Trace { places: (0..100).map(place).collect(), length: 100.0 * SPACING_PX * PIXEL, closed: false }
    }

    fn highest(trace: &Trace) -> Peak {
        let by_height = |i: &usize, j: &usize| trace.places[*i].strays.total_cmp(&trace.places[*j].strays);
        trace.peak((0..trace.places.len()).max_by(by_height).expect("a place"), 1.0)
    }

    #[test]
    fn what_blur_takes_of_a_burr_is_said() {
        let height = 0.3;
        for (width, blur_px, middle) in [(0.8, 2.0, 20.2), (1.2, 1.5, 20.0), (1.6, 2.5, 20.3), (3.0, 1.0, 20.1)] {
            let peak = highest(&trace(height, width, middle, blur_px));
            let u = (peak.u_blur() * peak.u_blur() + 0.0036 * peak.middle() * peak.middle()).sqrt();
            let words = format!("{width} mm, {blur_px} px: {:.3}, {:.3} seen, u {u:.3}", peak.middle(), peak.height);
            println!("{words}");
            assert!(peak.wide > 1 && (peak.middle() - height).abs() < 2.0 * u, "{words}");
            // The narrow ones are seen too low, the wide one is left as it is seen.
            assert_eq!(peak.height < 0.9 * height, width < 2.0, "{words}");
            assert!(width < 2.0 || u < 0.1 * height, "{words}");
        }
    }

    #[test]
    fn nothing_stands_out_of_a_straight_side() {
        let peak = highest(&trace(0.0, 1.0, 20.0, 1.5));
        assert!(!peak.stands_out() && peak.u_blur() == 0.0 && peak.wide == 1, "{} mm", peak.height);
    }

    /// However narrow, material under blur shows beside its place, too; an edge that strays alone is a slip. In a sharp picture it may be material.
    #[test]
    fn what_strays_alone_under_blur_is_a_slip() {
        for middle in [20.0, 20.1, 20.2, 20.3] {
            let burr = trace(0.6, 0.2, middle, 2.0).without_slips();
            assert_eq!(burr.places.len(), 100, "{middle}");
        }
        let alone = |blur_px: f64| {
            let mut flat = trace(0.0, 1.0, 20.0, blur_px);
            flat.places[50].strays = -0.3;
            flat.without_slips().places.len()
        };
        assert_eq!([alone(2.0), alone(0.6)], [99, 100]);
    }

    #[test]
    fn all_round_is_once_round() {
        let closed = Trace { closed: true, ..trace(0.3, 1.2, 20.0, 1.5) };
        let run = closed.run(50, -1.0, |_| 0.0);
        assert_eq!(run.len(), closed.places.len());
        let mut seen: Vec<usize> = run.iter().map(|(i, _)| *i).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..closed.places.len()).collect::<Vec<_>>());
    }
}
