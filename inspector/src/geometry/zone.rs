//! Minimum zones: the narrowest strip or ring that holds every point. Form is a worst-case property, and no point is set aside.

use super::{Circle, Frame, Point, Vector};
use std::cmp::Ordering;

/// The narrowest strip between two parallel lines that holds all points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StraightZone {
    /// Its width: the straightness deviation.
    pub width: f64,
    /// Indices of the points that it touches: two on one side, one on the other.
    pub touching: [usize; 3],
}

/// Minimum zone straightness of points: exact, the least width of their convex hull over its sides (one of the two lines always lies along a
/// side of the hull: Houle and Toussaint 1988, doi:10.1109/34.6790). `None` for fewer than 3 points, or points in one place.
///
/// Source: ISO 1101:2017, 18.3; ISO 12780-1:2011 (minimum zone reference line). Cost: sorting.
///
/// Honest scope: the strip may lie in any direction, so the points must be longer than they are wide. Noise widens it: of n points with normal noise,
/// a perfect line shows about 2 sqrt(2 ln n) standard deviations.
///
/// ```
/// use inspector::geometry::{PlaneMm, Point, straight_zone};
/// // The hard case: three corners of one weight. Least squares leans; the narrowest strip lies along the longest side.
/// let points = [(0.0, 0.0), (40.0, 0.0), (4.0, 3.0)].map(|(x, y)| Point::<PlaneMm>::new(x, y));
/// let zone = straight_zone(&points).unwrap();
/// assert!((zone.width - 3.0).abs() < 1e-12 && zone.touching == [0, 1, 2]);
/// ```
pub fn straight_zone<F: Frame>(points: &[Point<F>]) -> Option<StraightZone> {
    let hull = hull(points);
    let n = hull.len();
    let mut best: Option<StraightZone> = None;
    for i in 0..n {
        let (a, b) = (hull[i], hull[(i + 1) % n]);
        let Some(along) = (points[b] - points[a]).unit() else { continue };
        let height = |k: usize| along.cross(points[k] - points[a]);
        let far = hull.iter().copied().max_by(|x, y| height(*x).total_cmp(&height(*y)))?;
        if best.is_none_or(|zone| height(far) < zone.width) {
            best = Some(StraightZone { width: height(far).max(0.0), touching: [a, b, far] });
        }
    }
    (points.len() >= 3).then_some(best).flatten()
}

/// Indices of the convex hull, counter-clockwise (Andrew's monotone chain). Points on one line give its two ends.
fn hull<F: Frame>(points: &[Point<F>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    let by_place = |a: &usize, b: &usize| -> Ordering {
        points[*a].x.total_cmp(&points[*b].x).then(points[*a].y.total_cmp(&points[*b].y)).then(a.cmp(b))
    };
    order.sort_by(by_place);
    let chain = |order: &mut dyn Iterator<Item = usize>| {
        let mut chain: Vec<usize> = Vec::new();
        for k in order {
            while let [.., a, b] = chain[..]
                && (points[b] - points[a]).cross(points[k] - points[b]) <= 0.0
            {
                chain.pop();
            }
            chain.push(k);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut order.iter().copied());
    hull.extend(chain(&mut order.iter().rev().copied()));
    hull
}

/// The narrowest ring between two concentric circles that holds all points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundZone<F: Frame> {
    /// Middle of the ring.
    pub centre: Point<F>,
    /// Half-way circle's radius.
    pub radius: f64,
    /// Its width: the roundness deviation.
    pub width: f64,
    /// Indices of the points that it touches, all round: outer and inner circle in turn.
    pub touching: [usize; 4],
}

/// Most exchanges of one touching point, and most new centres. A dozen of each is usual.
const MAX_EXCHANGES: usize = 200;
const MAX_CENTRES: usize = 20;

/// Minimum zone roundness of points around a circle that they lie near, such as the least-squares one.
///
/// About a centre, distances are a level plus a sine and a cosine of the direction: a system in which best approximation is known by four
/// points that touch in turn, outside and inside (Chebyshev), and is found by exchanging one of them at a time (Stiefel 1959, doi:10.1007/BF01386369). The centre
/// moves there and the distances are taken again, until it rests.
///
/// Source: ISO 1101:2017, 18.6; ISO 12181-1:2011 (minimum zone reference circles). Cost: about 50 looks at each point.
///
/// `None` for fewer than 4 points, points in fewer than 4 directions, or when the exchange does not end.
///
/// Honest scope: the best ring near the circle given; forms small beside the radius. Noise widens it as it does a [`straight_zone`].
///
/// ```
/// use inspector::geometry::{Circle, PlaneMm, Point, round_zone};
/// // The hard case: an oval whose worst places lie on one side only, seen from a centre that is off by a tenth of the radius.
/// let points: Vec<Point<PlaneMm>> = (0..360)
///     .map(|i| {
///         let angle = f64::from(i).to_radians();
///         let radius = 5.0 + 0.05 * libm::cos(2.0 * angle);
///         Point::new(7.0 + radius * libm::cos(angle), radius * libm::sin(angle))
///     })
///     .collect();
/// let zone = round_zone(&points, Circle { centre: Point::new(6.5, 0.2), radius: 5.0 }).unwrap();
/// assert!((zone.width - 0.1).abs() < 1e-9 && zone.centre.distance(Point::new(7.0, 0.0)) < 1e-6);
/// ```
pub fn round_zone<F: Frame>(points: &[Point<F>], near: Circle<F>) -> Option<RoundZone<F>> {
    let mut centre = near.centre;
    for _ in 0..MAX_CENTRES {
        let mut seen: Vec<Seen> = points
            .iter()
            .enumerate()
            .map(|(index, p)| {
                let v = *p - centre;
                Seen { index, angle: libm::atan2(v.y, v.x), distance: v.length() }
            })
            .collect();
        seen.sort_by(|a, b| a.angle.total_cmp(&b.angle).then(a.index.cmp(&b.index)));
        let best = exchange(&seen)?;
        centre = centre + Vector::new(best.shift[0], best.shift[1]);
        if best.shift.iter().all(|s| s.abs() <= 1e-10 * near.radius) {
            let distances = points.iter().map(|p| p.distance(centre));
            let (low, high) = distances.fold((f64::INFINITY, 0.0), |(l, h), d| (f64::min(l, d), f64::max(h, d)));
            let touching = best.touching.map(|k| seen[k].index);
            return Some(RoundZone { centre, radius: 0.5 * (low + high), width: high - low, touching });
        }
    }
    None
}

/// A point as seen from the centre.
#[derive(Clone, Copy)]
struct Seen {
    index: usize,
    angle: f64,
    distance: f64,
}

/// The best shift of the centre as far as distances change linearly.
struct Best {
    shift: [f64; 2],
    touching: [usize; 4],
}

/// Exchanges touching points until no other lies farther out. `seen` is sorted by angle.
fn exchange(seen: &[Seen]) -> Option<Best> {
    let n = seen.len();
    if n < 4 {
        return None;
    }
    let mut touching = [0, n / 4, n / 2, 3 * n / 4];
    for _ in 0..MAX_EXCHANGES {
        let rows = touching.map(|k| {
            let (sin, cos) = libm::sincos(seen[k].angle);
            [1.0, cos, sin]
        });
        let level = levelled(&rows, &touching.map(|k| seen[k].distance))?;
        let [mean, x, y, height] = level;
        let residual = |k: usize| {
            let (sin, cos) = libm::sincos(seen[k].angle);
            seen[k].distance - (mean + x * cos + y * sin)
        };
        let worst = (0..n).max_by(|a, b| residual(*a).abs().total_cmp(&residual(*b).abs()))?;
        if residual(worst).abs() <= height.abs() * (1.0 + 1e-12) + 1e-13 * mean.abs() {
            return Some(Best { shift: [x, y], touching });
        }
        take_in(&mut touching, worst, residual(worst) > 0.0, height > 0.0);
    }
    None
}

/// Level, shift and height for which four points lie at plus and minus height in turn.
fn levelled(rows: &[[f64; 3]; 4], distances: &[f64; 4]) -> Option<[f64; 4]> {
    let mut a: [[f64; 5]; 4] = std::array::from_fn(|i| {
        let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
        [rows[i][0], rows[i][1], rows[i][2], sign, distances[i]]
    });
    // Elimination with pivots.
    for column in 0..4 {
        let pivot = (column..4).max_by(|i, j| a[*i][column].abs().total_cmp(&a[*j][column].abs()))?;
        a.swap(column, pivot);
        if a[column][column].abs() < 1e-12 {
            return None;
        }
        for row in (0..4).filter(|r| *r != column) {
            let factor = a[row][column] / a[column][column];
            for k in column..5 {
                a[row][k] -= factor * a[column][k];
            }
        }
    }
    Some(std::array::from_fn(|i| a[i][4] / a[i][i]))
}

/// Puts a point among the touching ones so that they still lie outside and inside in turn, all round.
fn take_in(touching: &mut [usize; 4], new: usize, outside: bool, first_outside: bool) {
    let is_outside = |i: usize| i.is_multiple_of(2) == first_outside;
    // Between `before` and the one behind it; round the circle, the last one stands before the first.
    let behind = touching.iter().position(|k| *k > new).unwrap_or(0);
    let before = (behind + 3) % 4;
    let replaced = if is_outside(before) == outside { before } else { behind };
    touching[replaced] = new;
    // Order by angle is kept, but for a turn when the new one passed the beginning.
    let least = (0..4).min_by_key(|i| touching[*i]).unwrap_or(0);
    touching.rotate_left(least);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PlaneMm;
    use crate::synth::Seeded;

    /// The narrowest ring by search over ever finer grids of centres.
    fn searched(points: &[Point<PlaneMm>], mut centre: Point<PlaneMm>) -> f64 {
        let width = |c: Point<PlaneMm>| {
            let d = points.iter().map(|p| p.distance(c));
            let (low, high) = d.fold((f64::INFINITY, 0.0), |(l, h), d| (f64::min(l, d), f64::max(h, d)));
            high - low
        };
        let mut step = 0.2;
        while step > 1e-7 {
            let around = (-1..=1).flat_map(|i| (-1..=1).map(move |j| (f64::from(i), f64::from(j))));
            let next = around
                .map(|(i, j)| centre + Vector::new(i * step, j * step))
                .min_by(|a, b| width(*a).total_cmp(&width(*b)));
            let next = next.expect("nine places");
            if next == centre {
                step *= 0.7;
            }
            centre = next;
        }
        width(centre)
    }

    #[test]
    fn no_ring_is_narrower() {
        for seed in 0..60 {
            let mut random = Seeded::new(seed, 1);
            let (n, rough) = (4 + random.below(120), random.between(0.001, 0.3));
            // A quarter of the rings are seen on three quarters of the circle only.
            let sweep = if seed % 4 == 0 { 4.7 } else { std::f64::consts::TAU };
            let points: Vec<Point<PlaneMm>> = (0..n)
                .map(|_| {
                    let (sin, cos) = libm::sincos(random.between(0.0, sweep));
                    let r = 6.0 + random.between(-rough, rough);
                    Point::new(2.0 + r * cos, -1.0 + r * sin)
                })
                .collect();
            let near = Circle { centre: Point::new(2.1, -1.1), radius: 6.0 };
            let Some(zone) = round_zone(&points, near) else {
                assert!(n < 6, "{n} points");
                continue;
            };
            let best = searched(&points, zone.centre).min(searched(&points, near.centre));
            // Few points in one half of the circle may have a ring far away that is narrower still.
            assert!(zone.width <= best + 1e-6 || n < 10, "{n} points: {} {best}", zone.width);
            let off = |k: usize| points[k].distance(zone.centre) - zone.radius;
            for k in zone.touching {
                assert!((off(k).abs() - 0.5 * zone.width).abs() < 1e-9, "{} {}", off(k), zone.width);
            }
        }
    }

    #[test]
    fn no_strip_is_narrower() {
        for seed in 0..60 {
            let mut random = Seeded::new(seed, 2);
            let n = 3 + random.below(80);
            let points: Vec<Point<PlaneMm>> =
                (0..n).map(|_| Point::new(random.between(0.0, 30.0), random.between(-1.0, 1.0))).collect();
            let zone = straight_zone(&points).expect("a strip");
            for k in 0..20_000 {
                let (sin, cos) = libm::sincos(f64::from(k) / 20_000.0 * std::f64::consts::PI);
                let heights = points.iter().map(|p| p.x * sin - p.y * cos);
                let (low, high) =
                    heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), d| (f64::min(l, d), f64::max(h, d)));
                assert!(zone.width <= high - low + 1e-9, "{} at {k}", zone.width);
            }
        }
    }

    #[test]
    fn points_without_a_zone_are_said() {
        let one = [Point::<PlaneMm>::new(1.0, 1.0); 7];
        assert_eq!(straight_zone(&one), None);
        assert_eq!(straight_zone(&[Point::<PlaneMm>::new(0.0, 0.0), Point::new(1.0, 0.0)]), None);
        let near = Circle { centre: Point::new(0.0, 0.0), radius: 1.0 };
        assert_eq!(round_zone(&one, near), None);
        assert_eq!(round_zone(&one[..3], near), None);
        // On one line all is straight.
        let line: Vec<_> = (0..9).map(|i| Point::<PlaneMm>::new(f64::from(i), 2.0 * f64::from(i))).collect();
        assert!(straight_zone(&line).expect("a strip").width.abs() < 1e-12);
    }
}
