//! Seeded randomness: the same seed gives the same picture on every machine.

use rand_core::Rng as _;
use rand_pcg::Pcg64Mcg;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Seeded(Pcg64Mcg);

impl Seeded {
    /// A stream of its own for each pair of `seed` and `part` (a row, a number on the line, ...).
    pub fn new(seed: u64, part: u64) -> Self {
        // PCG states that differ in few bits start alike, so both words are scrambled first.
        let low = scramble(seed ^ scramble(part));
        Self(Pcg64Mcg::new((u128::from(scramble(low)) << 64) | u128::from(low)))
    }
    /// Uniform 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }
    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }
    /// Uniform in [`low`, `high`).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Normal, of mean 0 and standard deviation 1 (one of the two of Box and Muller 1958, doi:10.1214/aoms/1177706645).
    pub fn normal(&mut self) -> f64 {
        let (sin, radius) = (libm::sin(self.between(0.0, std::f64::consts::TAU)), self.between(1e-12, 1.0));
        sin * (-2.0 * libm::log(radius)).sqrt()
    }
    /// Uniform in 0..`n` (`n` > 0).
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }
    /// One of these; `None` of none.
    pub fn pick<'a, T>(&mut self, these: &'a [T]) -> Option<&'a T> {
        (!these.is_empty()).then(|| &these[self.below(these.len())])
    }
    /// Up to three independent numbers of mean 0 and standard deviation 1, near enough normal for sensor noise: each the sum of four
    /// uniform numbers of 0..32, never beyond 3.4.
    pub(super) fn normals<const N: usize>(&mut self) -> [f32; N] {
        const { assert!(N <= 3, "twenty bits each") };
        let bits = self.bits();
        std::array::from_fn(|i| {
            let b = (bits >> (64 - 20 * (i + 1))) as u32;
            let four = (b & 31) + ((b >> 5) & 31) + ((b >> 10) & 31) + ((b >> 15) & 31);
            // Each of the four has the mean 15.5 and the variance (32² - 1) / 12.
            const SIGMA: f32 = 18.466_185;
            (four as f32 - 62.0) * (1.0 / SIGMA)
        })
    }
}

/// SplitMix64's output function (Steele, Lea, Flood 2014, doi:10.1145/2714064.2660195).
pub(super) const fn scramble(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_has_its_moments_and_streams_differ() {
        let mut stream = Seeded::new(7, 1);
        let z: Vec<[f32; 3]> = (0..100_000).map(|_| stream.normals()).collect();
        let mean = |f: &dyn Fn(&[f32; 3]) -> f32| z.iter().map(|z| f64::from(f(z))).sum::<f64>() / 1e5;
        for i in 0..3 {
            assert!(mean(&|z| z[i]).abs() < 0.01);
            assert!((mean(&|z| z[i] * z[i]) - 1.0).abs() < 0.02);
            assert!(mean(&|z| z[i] * z[(i + 1) % 3]).abs() < 0.01, "channels are independent");
        }
        assert_ne!(Seeded::new(7, 1).bits(), Seeded::new(7, 2).bits());
        assert_ne!(Seeded::new(7, 1).bits(), Seeded::new(1, 7).bits());
        assert_eq!(Seeded::new(7, 1).bits(), Seeded::new(7, 1).bits());
    }
}
