//! Shadow along a rim as a blurred picture shows it.
//!
//! A lamp of some size shades the sheet beside a rim by the share of a normal distribution that falls beyond the place; the picture shows that shade
//! only where no part stands before it, and blurs both borders together. Rim and border of the shadow are blurred by the *same* optics, so the
//! share is one of a normal distribution in two dimensions: the product of the two borders, each blurred by itself, would see a shadow beside a rim
//! that throws none.

use crate::geometry::cumulative_and_density;

/// Nodes and weights of Gauss-Legendre quadrature on [0, 1], eight points.
const NODES: [(f64, f64); 8] = [
    (0.019_855_071_751_231_9, 0.050_614_268_145_188_1),
    (0.101_666_761_293_186_6, 0.111_190_517_226_687_2),
    (0.237_233_795_041_835_5, 0.156_853_322_938_943_6),
    (0.408_282_678_752_175_1, 0.181_341_891_689_181),
    (0.591_717_321_247_825, 0.181_341_891_689_181),
    (0.762_766_204_958_164_5, 0.156_853_322_938_943_6),
    (0.898_333_238_706_813_4, 0.111_190_517_226_687_2),
    (0.980_144_928_248_768_1, 0.050_614_268_145_188_1),
];
/// A lamp is not smaller than this, in blurs: the quadrature is good to 1e-3 of the step from here on, and nobody sees the difference.
const LEAST_SOFT: f64 = 0.3;
/// Beyond so many blurs a border is not seen.
const FAR: f64 = 5.0;

/// A shadow beside a rim: its width and softness, and the picture's blur, px.
pub(super) struct Penumbra {
    width: f64,
    blur: f64,
    /// The lamp's and the picture's softness together.
    total: f64,
    /// sqrt(1 - correlation²) of rim and border.
    apart: f64,
    correlation: f64,
    /// How the lamp's softness, kept from vanishing, follows what it is said to be, and the blur.
    by_soft: f64,
    by_blur: f64,
    /// Sine of each node's angle, 1 / cos², weight.
    nodes: [(f64, f64, f64); 8],
}

/// How much of a full shadow is seen at a place, and how that changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shade {
    pub(super) share: f64,
    /// Per px away from the rim.
    pub(super) by_place: f64,
    /// Per px of width, of softness, of blur.
    pub(super) by_width: f64,
    pub(super) by_soft: f64,
    pub(super) by_blur: f64,
}

impl Penumbra {
    /// `width_px` may be negative: the shadow's border lies under the part, and only its soft end is seen.
    pub(super) fn new(width_px: f64, soft_px: f64, blur_px: f64) -> Self {
        let least = LEAST_SOFT * blur_px;
        let soft = (soft_px * soft_px + least * least).sqrt();
        let total = (soft * soft + blur_px * blur_px).sqrt();
        let widest = libm::atan2(blur_px, soft);
        let node = |(at, weight): (f64, f64)| {
            let (sin, cos) = libm::sincos(at * widest);
            (sin, 1.0 / (cos * cos), weight * widest / std::f64::consts::TAU)
        };
        Self {
            width: width_px,
            blur: blur_px,
            total,
            apart: soft / total,
            correlation: blur_px / total,
            by_soft: soft_px / soft,
            by_blur: LEAST_SOFT * least / soft,
            nodes: NODES.map(node),
        }
    }

    /// At `d` px outside of the rim (negative: inside).
    ///
    /// P(rim passed, border not): `Φ(y) - Φ₂(x, y; ρ)`, x = -d / blur, y = (width - d) / total, by Plackett's integral over ρ (Plackett 1954,
    /// doi:10.1093/biomet/41.3-4.351).
    pub(super) fn at(&self, d: f64) -> Shade {
        let (x, y) = (-d / self.blur, (self.width - d) / self.total);
        if x > FAR || y < -FAR {
            return Shade::default();
        }
        let (below_x, density_x) = cumulative_and_density(x);
        let (below_y, density_y) = cumulative_and_density(y);
        let both = if x < -FAR { 0.0 } else { below_x * below_y + self.joint(x, y) };
        let (rho, apart) = (self.correlation, self.apart);
        let to_y = density_y * cumulative_and_density((rho * y - x) / apart).0;
        let (given_x, density) = cumulative_and_density((y - rho * x) / apart);
        let to_x = -density_x * given_x;
        let to_rho = -density_x * density / apart;
        let (soft, total) = (apart * self.total, self.total);
        // x and y do not depend on the lamp's softness but through `total`.
        let to_soft = (-y * soft * to_y - self.blur * soft / total * to_rho) / (total * total);
        let to_blur = -x / self.blur * to_x + (-y * self.blur * to_y + soft * soft / total * to_rho) / (total * total);
        Shade {
            share: below_y - both,
            by_place: -to_x / self.blur - to_y / total,
            by_width: to_y / total,
            by_soft: to_soft * self.by_soft,
            by_blur: to_blur + to_soft * self.by_blur,
        }
    }

    /// Φ₂ less the product of its margins.
    fn joint(&self, x: f64, y: f64) -> f64 {
        let (squares, product) = (x * x + y * y, 2.0 * x * y);
        let at = |(sin, inverse, weight): &(f64, f64, f64)| {
            let z = ((squares - product * sin) * inverse).max(0.0).sqrt();
            weight * SQRT_TAU * cumulative_and_density(z).1
        };
        self.nodes.iter().map(at).sum()
    }
}

/// The density's inverse at its peak.
const SQRT_TAU: f64 = 2.506_628_274_631_000_5;

#[cfg(test)]
mod tests {
    use super::*;

    /// By brute force: a lamp of many points, each with a hard shadow.
    fn by_points(d: f64, width: f64, soft: f64, blur: f64) -> f64 {
        let n = 4000;
        let points = (0..n).map(|i| 12.0 * (f64::from(i) + 0.5) / f64::from(n) - 6.0);
        let hard = |w: f64| (cumulative_and_density((w - d) / blur).0 - cumulative_and_density(-d / blur).0).max(0.0);
        points.map(|z| cumulative_and_density(z).1 * hard(width + soft * z)).sum::<f64>() * 12.0 / f64::from(n)
    }

    #[test]
    fn agrees_with_a_lamp_of_many_points() {
        for (width, soft, blur) in
            [(2.0, 1.0, 1.0), (0.0, 0.5, 1.5), (-1.0, 2.0, 0.8), (6.0, 3.0, 1.0), (1.0, 0.6, 2.0), (0.0, 4.0, 0.7)]
        {
            let penumbra = Penumbra::new(width, soft, blur);
            // What the floor of softness does of itself.
            let floored = (soft * soft + 0.09 * blur * blur).sqrt();
            for k in -20..=40 {
                let d = 0.4 * f64::from(k);
                let (found, expected) = (penumbra.at(d).share, by_points(d, width, floored, blur));
                assert!((found - expected).abs() < 1.5e-3, "{width} {soft} {blur} at {d}: {found}, not {expected}");
            }
        }
    }

    #[test]
    fn changes_are_those_of_the_share() {
        let (width, soft, blur) = (1.3, 0.9, 1.4);
        let share = |d: f64, w: f64, s: f64, b: f64| Penumbra::new(w, s, b).at(d).share;
        let h = 1e-4;
        for d in [-2.0, -0.5, 0.4, 1.5, 3.0] {
            let found = Penumbra::new(width, soft, blur).at(d);
            let by = |plus: f64, minus: f64| (plus - minus) / (2.0 * h);
            let expected = [
                by(share(d + h, width, soft, blur), share(d - h, width, soft, blur)),
                by(share(d, width + h, soft, blur), share(d, width - h, soft, blur)),
                by(share(d, width, soft + h, blur), share(d, width, soft - h, blur)),
                by(share(d, width, soft, blur + h), share(d, width, soft, blur - h)),
            ];
            let found = [found.by_place, found.by_width, found.by_soft, found.by_blur];
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 2e-3, "at {d}: {found:?}, not {expected:?}");
            }
        }
    }

    #[test]
    fn beside_a_rim_without_shadow_there_is_none() {
        let penumbra = Penumbra::new(0.0, 0.0, 1.5);
        // The product of the two blurred borders would say 0.25 at the rim.
        let most = (-10..=10).map(|k| penumbra.at(0.5 * f64::from(k)).share).fold(0.0, f64::max);
        assert!(most < 0.06, "{most}");
    }
}
