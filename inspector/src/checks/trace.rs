//! A contour, place by place: how far each strays from the drawing, and which of them show nothing clear. Shared by `burr` and `profile`.

use super::figure::Sought;
use super::form::ROUGH_PX;
use crate::geometry::median;
use crate::measure::edge::NoEdge;
use crate::reason::Reason;
use crate::registration::{ContourEdge, DrawingPose, blur_of};

/// A place of a contour and how far it strays from the drawing, mm.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) edge: ContourEdge,
    pub(super) strays: f64,
    /// Distance along the contour from its first place, mm.
    pub(super) along: f64,
}

/// What a place shows.
pub(super) enum Shown {
    /// It does not count.
    Nothing,
    /// The part itself stands before it.
    Hidden,
    /// Nothing clear.
    Unclear,
    /// How far the contour strays there, mm.
    Strays(f64),
}

/// Places along a contour or a piece of one, in order; there must be one.
pub(super) struct Trace {
    pub(super) places: Vec<Place>,
    /// Where nothing clear is seen: distance from the first place, and how much of the contour that is, mm.
    unclear: Vec<(f64, f64)>,
    /// How many places are hidden.
    hidden: usize,
    /// At how many something shines.
    glare: usize,
    /// Length of the contour, mm.
    pub(super) length: f64,
    /// The last place is the first one's neighbour.
    pub(super) closed: bool,
}

/// Fewest places on each side that are looked at.
pub(super) const MIN_BESIDE: usize = 3;
/// How far on each side of a place the contour beside it is looked at, mm.
const BESIDE_MM: f64 = 3.0;
/// Of a short contour, at most this share of its length on each side.
const BESIDE_SHARE: f64 = 1.0 / 6.0;
/// Blur smears a peak over so many places beside it, on each side.
const SMEARED: f64 = 2.0;
/// Half of a place's own pixels along the contour, px.
const OWN_PX: f64 = 2.0;
/// A place that stands out more than so many standard uncertainties from what blur allows it to, beside its neighbours, shows no material.
const SLIP: f64 = 2.0;
/// A peak shows beside itself, in proportion to its height, while it is no higher than so many blurs. A higher one is seen beside itself as a veil, which moves no edge.
const VEILED: f64 = 1.5;
/// So much of a contour, in two places or more, must not be unclear at once, mm: it would hide a burr.
const HIDES_MM: f64 = 0.8;

/// What a place shows whose edge is clear, or is none as far as was looked.
///
/// # Errors
/// It lies outside the picture.
pub(super) fn shown(pose: &DrawingPose, e: &ContourEdge) -> Result<Shown, Reason> {
    match (pose.strays(e), e.edge) {
        (Some(strays), _) => Ok(Shown::Strays(strays)),
        (None, Err(NoEdge::OffImage)) => Err(Reason::OutOfPicture),
        (None, Err(NoEdge::Hidden)) => Ok(Shown::Hidden),
        (None, _) => Ok(Shown::Unclear),
    }
}

impl Place {
    /// Standard uncertainty of its edge, px.
    pub(super) fn u_px(&self) -> f64 {
        self.edge.edge.map_or(ROUGH_PX, |e| e.u_px)
    }
}

impl Trace {
    /// The places that `show` says something of, slips left out.
    ///
    /// # Errors
    /// That of `show`.
    pub(super) fn of(
        edges: impl IntoIterator<Item = ContourEdge>,
        closed: bool,
        show: impl Fn(&ContourEdge) -> Result<Shown, Reason>,
    ) -> Result<Self, Reason> {
        let mut trace = Self { places: Vec::new(), unclear: Vec::new(), hidden: 0, glare: 0, length: 0.0, closed };
        for edge in edges {
            let (along, weight) = (trace.length + 0.5 * edge.at.weight, edge.at.weight);
            trace.length += weight;
            match show(&edge)? {
                Shown::Nothing => {}
                Shown::Hidden => trace.hidden += 1,
                Shown::Unclear => {
                    trace.glare += usize::from(matches!(edge.edge, Err(NoEdge::Glare)));
                    trace.unclear.push((along, weight));
                }
                Shown::Strays(strays) => trace.places.push(Place { edge, strays, along }),
            }
        }
        Ok(trace.without_slips())
    }

    /// Of some of its places.
    pub(super) fn with(&self, places: Vec<Place>) -> Self {
        Self { places, unclear: self.unclear.clone(), ..*self }
    }

    /// Places that count, whatever they show.
    pub(super) fn expected(&self) -> usize {
        self.places.len() + self.unclear.len() + self.hidden
    }

    /// What was looked for along it, and what is seen instead where nothing counts.
    pub(super) fn sought(&self) -> Sought {
        let Self { glare, hidden, .. } = *self;
        Sought { found: self.places.len(), expected: self.expected(), glare, hidden, ..Sought::default() }
    }

    /// Enough of the contour is seen for a statement about what is seen.
    ///
    /// # Errors
    /// More than the share `most` of its places is not.
    pub(super) fn is_seen(&self, most: f64, pose: &DrawingPose) -> Result<(), Reason> {
        let (found, expected) = (self.places.len(), self.expected());
        if found == 0 || (expected - found) as f64 > most * expected as f64 {
            return Err(self.sought().too_few(pose.shadow));
        }
        Ok(())
    }

    /// Nothing of note can be where nothing clear is seen.
    ///
    /// # Errors
    /// A piece of the contour is not seen.
    pub(super) fn is_seen_all_along(&self, pose: &DrawingPose) -> Result<(), Reason> {
        if self.widest_gap() >= HIDES_MM {
            return Err(self.sought().too_few(pose.shadow));
        }
        Ok(())
    }

    /// Longest piece of the contour that two or more neighbouring unclear places leave, mm.
    fn widest_gap(&self) -> f64 {
        let mut unclear = self.unclear.clone();
        unclear.sort_by(|a, b| a.0.total_cmp(&b.0));
        if self.closed {
            unclear.extend_from_within(..);
            let n = unclear.len() / 2;
            unclear[n..].iter_mut().for_each(|(along, _)| *along += self.length);
        }
        let pieces = unclear.chunk_by(|a, b| b.0 - a.0 < 0.75 * (a.1 + b.1));
        let long = pieces.filter(|piece| piece.len() > 1).map(|piece| piece.iter().map(|(_, weight)| weight).sum());
        long.fold(0.0, f64::max).min(self.length)
    }

    /// Without places that stand out farther than any material could beside their neighbours: what stands out is seen through the blur, and shows beside itself, too. A
    /// single edge that strays alone is a slip of its fit (two explanations of noisy pixels).
    fn without_slips(mut self) -> Self {
        let smear_px2 = self.smear_px2();
        let (slips, places): (Vec<_>, Vec<_>) = (0..self.places.len()).partition(|i| self.slipped(*i, smear_px2));
        self.unclear.extend(slips.iter().map(|i| (self.places[*i].along, self.places[*i].edge.at.weight)));
        self.places = places.iter().map(|i| self.places[*i]).collect();
        self
    }

    /// The narrowest peak shows in the place on one side of it at least the share of its height that blur smears there; this one shows less on both.
    fn slipped(&self, i: usize, smear_px2: f64) -> bool {
        let Place { edge, strays, .. } = &self.places[i];
        if edge.edge.is_err() {
            return false;
        }
        let beside = |way: Way| {
            let next = self.going(i, way).next()?;
            let apart = self.apart(i, next);
            (apart < 1.5 * edge.at.weight).then_some((&self.places[next], apart / edge.mm_per_px))
        };
        let (Some(on), Some(back)) = (beside(Way::On), beside(Way::Back)) else { return false };
        let height = self.over(i, |p| p.strays);
        let (base, sign) = (strays - height, height.signum());
        if height.abs() > VEILED * smear_px2.sqrt() * edge.mm_per_px {
            return false;
        }
        [on, back].iter().all(|(next, apart_px)| {
            let share = libm::exp(-0.5 * apart_px * apart_px / smear_px2);
            let u = edge.mm_per_px * libm::hypot(next.u_px(), share * self.places[i].u_px());
            (sign * (next.strays - base)).max(0.0) + SLIP * u < share * height.abs()
        })
    }

    /// Variance along the contour that blur and a place's own pixels give to a peak, px².
    pub(super) fn smear_px2(&self) -> f64 {
        let blur_px = blur_of(self.places.iter().map(|p| &p.edge));
        blur_px * blur_px + OWN_PX * OWN_PX / 3.0
    }

    /// How high a place stands over the contour beside it (the median), by what `strays` says of each, mm.
    pub(super) fn over(&self, i: usize, strays: impl Fn(&Place) -> f64) -> f64 {
        let spacing = self.length / self.places.len() as f64;
        let beside = BESIDE_MM.max(MIN_BESIDE as f64 * spacing) + SMEARED * spacing;
        let beside = beside.min(BESIDE_SHARE * self.length);
        let near = |j: &usize| self.apart(i, *j) <= beside;
        let [on, back] = [Way::On, Way::Back].map(|way| self.going(i, way).take_while(near));
        let mut all: Vec<f64> = std::iter::once(i).chain(on).chain(back).map(|j| strays(&self.places[j])).collect();
        strays(&self.places[i]) - median(&mut all).expect("the place itself")
    }

    /// How far two places are apart along the contour, mm.
    fn apart(&self, i: usize, j: usize) -> f64 {
        let apart = (self.places[j].along - self.places[i].along).abs();
        if self.closed { apart.min(self.length - apart) } else { apart }
    }

    /// The places after or before one, in order, to the end or all round.
    pub(super) fn going(&self, i: usize, way: Way) -> impl Iterator<Item = usize> {
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
}

/// Along the contour.
#[derive(Clone, Copy)]
pub(super) enum Way {
    On,
    Back,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::calibration::{Rim, SHADES};
    use crate::design::ContourPoint;
    use crate::geometry::{DesignMm, ImagePx, Point, Vector};
    use crate::measure::edge::Edge;

    const PIXEL: f64 = 0.1;
    const SPACING_PX: f64 = 4.0;

    /// A place on the line y = 0, `along` mm from its start, that stands for `weight` mm of it, and what was found there.
    pub(in crate::checks) fn contour_edge(along: f64, weight: f64, edge: Result<Edge, NoEdge>) -> ContourEdge {
        let at = ContourPoint {
            p: Point::<DesignMm>::new(along, 0.0),
            normal: Vector::new(0.0, 1.0),
            curvature: 0.0,
            corner_distance: f64::INFINITY,
            weight,
            room: f64::INFINITY,
            segment: 0,
        };
        let p_image_px = Point::<ImagePx>::new(along / PIXEL, 0.0);
        ContourEdge {
            contour: 0,
            at,
            rim: Rim::Bottom,
            p_image_px,
            normal_px: Vector::new(0.0, 1.0),
            mm_per_px: PIXEL,
            edge,
            deviation_mm: 0.0,
        }
    }

    /// A straight side of 40 mm with a cap on it, as a picture with that blur shows it: each place the mean of four pixels along the side.
    pub(in crate::checks) fn trace(height: f64, width: f64, middle: f64, blur_px: f64) -> Trace {
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
            let edge = ContourEdge { deviation_mm: strays, ..contour_edge(along, SPACING_PX * PIXEL, Ok(edge)) };
            Place { edge, strays, along }
        };
        let length = 100.0 * SPACING_PX * PIXEL;
        Trace { places: (0..100).map(place).collect(), unclear: Vec::new(), hidden: 0, glare: 0, length, closed: false }
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

    /// One that stands out by more than blur smears is no slip: its own veil hides it in the places beside it.
    #[test]
    fn what_stands_far_out_is_no_slip() {
        let mut flat = trace(0.0, 1.0, 20.0, 2.0);
        flat.places[50].strays = 1.2;
        assert_eq!(flat.without_slips().places.len(), 100);
    }

    /// Two unclear places side by side could hide a burr of 0.8 mm; two apart could not.
    #[test]
    fn a_gap_is_a_piece_of_the_contour() {
        let gap = |of: &[usize], closed: bool| {
            let mut trace = Trace { closed, ..trace(0.0, 1.0, 20.0, 1.0) };
            trace.unclear = of.iter().map(|i| (trace.places[*i].along, 2.0)).collect();
            trace.widest_gap()
        };
        let (far, near) = (gap(&[10, 40], false), gap(&[11, 40, 10], false));
        assert_eq!([far, near], [0.0, 4.0]);
        assert_eq!([gap(&[0, 99], false), gap(&[0, 99], true), gap(&[99], true)], [0.0, 4.0, 0.0]);
    }
}
