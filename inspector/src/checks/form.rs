//! What noise does to the worst of many places: shared by `roundness`, `straightness`, `symmetry` and `burr`.
//!
//! Of a perfect figure the worst of n noisy edges is not nought. That bias cannot be taken off, because an imperfect figure has less of it: its worst
//! places are few. So it is stated, as the standard uncertainty by noise.

use crate::geometry::median;

/// The largest of `n` normal deviates, expected, in their standard deviations (Cramér 1946, 28.6: asymptotic, up to 5 % too large for n of 20 and more).
///
/// | n | 20 | 100 | 1000 |
/// | --- | --- | --- | --- |
/// | exact | 1.867 | 2.508 | 3.241 |
/// | here | 1.94 | 2.56 | 3.27 |
pub(super) fn expected_largest(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    let log = libm::log(n.max(3) as f64);
    let b = (2.0 * log).sqrt();
    b - (libm::log(log) + libm::log(4.0 * std::f64::consts::PI)) / (2.0 * b) + EULER / b
}

/// Least standard deviation of one edge that is believed where the worst of them counts, px: what pixels and the rounding of codes do to an edge of a clean
/// picture.
const EDGE_FLOOR_PX: f64 = 0.025;

/// Standard uncertainty of a place without a clean edge, by the light alone, px: on 61 parts, good and faulty, the root mean square of 175 such places was 0.54 without
/// those that strayed farther than 2 px, some of them faults, and 0.77 with those up to 3 px.
pub(super) const ROUGH_PX: f64 = 0.6;

/// Standard deviation of most edges, px: the median of those stated. One on a burr is less sure, and must not speak for all.
pub(super) fn usual_noise(u_px: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = u_px.collect();
    median(&mut all).map_or(f64::INFINITY, |middle| middle.max(EDGE_FLOOR_PX))
}

#[cfg(test)]
mod tests {
    use super::expected_largest;
    use crate::synth::Seeded;

    #[test]
    fn the_largest_of_many_is_as_large_as_stated() {
        for n in [20, 100, 1000] {
            let mut random = Seeded::new(n as u64, 4);
            // Box and Muller, one of the two.
            let mut normal = || {
                let (sin, radius) = (libm::sin(random.between(0.0, std::f64::consts::TAU)), random.between(1e-12, 1.0));
                sin * (-2.0 * libm::log(radius)).sqrt()
            };
            let mut largest = || (0..n).map(|_| normal()).fold(f64::NEG_INFINITY, f64::max);
            let mean = (0..2000).map(|_| largest()).sum::<f64>() / 2000.0;
            let stated = expected_largest(n);
            assert!(mean <= stated && stated <= 1.06 * mean, "of {n}: {mean} {stated}");
        }
    }
}
