//! A narrow peak of a contour: what stands out of the contour beside it, and what blur may have taken of its height. Shared by `burr` and `profile`.
//!
//! Blur keeps the area of a peak and adds its own variance to the peak's, and so do the pixels that each place looks at. A cap of height h and width w has the
//! area 2/3 h w and the variance w² / 20; so area and variance of what is seen tell the height before the blur.

use super::form::{expected_largest, usual_noise};
use super::trace::{Place, Trace, Way};

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

/// A peak stands out when it is so many times as high as noise alone would be.
const STANDS_OUT: f64 = 2.0;
/// Share of its height down to which a peak's area is counted.
const FOOT: f64 = 0.1;
/// Least variance of a peak along the contour, as a share of that of the blur: of less nothing is known.
const LEAST_WIDE: f64 = 0.1;

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
        let pixel = self.places[run[0].0].edge.mm_per_px;
        let smear = self.smear_px2() * pixel * pixel;
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

#[cfg(test)]
mod tests {
    use super::super::trace::tests::trace;
    use super::*;

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

    #[test]
    fn all_round_is_once_round() {
        let mut closed = trace(0.3, 1.2, 20.0, 1.5);
        closed.closed = true;
        let run = closed.run(50, -1.0, |_| 0.0);
        assert_eq!(run.len(), closed.places.len());
        let mut seen: Vec<usize> = run.iter().map(|(i, _)| *i).collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..closed.places.len()).collect::<Vec<_>>());
    }
}
