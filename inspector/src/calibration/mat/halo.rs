//! How a camera sharpens: the seams beside the border between the wedges' black and white.
//!
//! `codes across the border -> step in light, blurred, through the tone curve, sharpened -> amount and blur of the sharpening`
//!
//! Blur, tone and sharpening make nearly the same of a step, so what is usual of cameras goes into the fit, and the amount is known to 0.05 to 0.2 only: that
//! moves an edge by 0.01 to 0.03 px.

use super::layout::{Layout, Patch, WEDGE_STEPS};
use super::light::{Wedge, luminance, patch};
use super::pose::Fit;
use crate::calibration::{Curve, Sharpening, Tone};
use crate::geometry::{ImagePx, NormalEquations, Point, cumulative_and_density, solve_symmetric};
use crate::photo::Picture;

/// Steps of a profile, px, and how many there are to each side.
const STEP: f64 = 0.5;
const REACH: usize = 20;
/// Steps of a profile per step of the model.
const FINER: usize = 4;
/// How far blurs of a model reach, in steps of a profile.
const MARGIN: usize = 12;
/// The same in codes: places between four pixels are their weighted mean, whose variance is 1/6 px² across edges in any direction.
const BETWEEN: f64 = 1.0 / 6.0;
/// What codes of the profile are off, of white's: noise, JPEG.
const ROUGH: f64 = 0.0015;
/// What is usual of cameras: logarithm of the blur in px, amount; and their standard deviations.
const USUAL: [f64; 2] = [0.18, 0.2];
const U_USUAL: [f64; 2] = [0.3, 0.3];
/// Least amount that is worth the trouble: it moves edges by 0.01 px.
const LEAST: f64 = 0.05;

/// The sharpening that the wedges show; `None` where it is too little to matter.
pub(super) fn sharpening(picture: &Picture, wedge: &Wedge, layout: &Layout, fit: &Fit) -> Option<Sharpening> {
    let codes = Codes::new(&wedge.curve);
    let (mut known, mut sum) = ([0.0; 2], [0.0; 2]);
    let mut learn = |values: [f64; 2], information: [f64; 2]| {
        for k in 0..2 {
            known[k] += information[k];
            sum[k] += information[k] * values[k];
        }
    };
    let usual = U_USUAL.map(|u| 1.0 / (u * u));
    learn(USUAL, usual);
    for (from, to) in layout.wedge[0].iter().zip(&layout.wedge[WEDGE_STEPS - 1]) {
        let Some((profile, white)) = across(picture, fit, from, to) else { continue };
        let Some((values, information)) = (Model { codes: &codes, white, black: wedge.black }).fit(&profile) else {
            continue;
        };
        // What is usual counts once.
        learn(values, information);
        learn(USUAL, usual.map(|i| -i));
    }
    let [log_sigma, amount] = [sum[0] / known[0], sum[1] / known[1]];
    (amount >= LEAST).then_some(Sharpening { amount, sigma_px: libm::exp(log_sigma) })
}

/// Codes across the border between two patches, of the second one's code, and that.
fn across(picture: &Picture, fit: &Fit, from: &Patch, to: &Patch) -> Option<(Vec<f64>, f64)> {
    let white = Tone::Srgb.code(luminance(patch(picture, to, fit)?));
    let border = from.centre.midpoint(to.centre);
    let over = (to.centre - from.centre).unit()?;
    let half = over.perpendicular() * (0.3 * from.size_mm[1]);
    let mm_per_px = 0.1 / fit.image_of(border)?.distance(fit.image_of(border + over * 0.1)?);
    let count = (1.5 * fit.image_of(border - half)?.distance(fit.image_of(border + half)?)).ceil().max(2.0);
    let mean = |px: f64| {
        let places = (0..count as u32).map(|k| 2.0 * f64::from(k) / (count - 1.0) - 1.0);
        let codes = places.map(|t| luma(picture, fit.image_of(border + over * (px * mm_per_px) + half * t)?));
        Some(codes.sum::<Option<f64>>()? / (count * white))
    };
    let profile = (0..=2 * REACH).map(|i| mean((i as f64 - REACH as f64) * STEP));
    Some((profile.collect::<Option<_>>()?, white))
}

/// Luma between four pixels, in [0, 1].
fn luma(picture: &Picture, p: Point<ImagePx>) -> Option<f64> {
    let (x, y) = (p.x.floor(), p.y.floor());
    let at = |i: f64, j: f64| {
        let codes = picture.codes(Point::new(x + i, y + j))?;
        Some(f64::from(crate::calibration::sharpening::luma(codes.map(|c| c as f32))))
    };
    let (u, v) = (p.x - x, p.y - y);
    let upper = (1.0 - u) * at(0.0, 0.0)? + u * at(1.0, 0.0)?;
    Some((1.0 - v) * upper + v * ((1.0 - u) * at(0.0, 1.0)? + u * at(1.0, 1.0)?))
}

/// A tone curve that can be asked both ways.
struct Codes(Vec<f64>);

impl Codes {
    fn new(curve: &Curve) -> Self {
        Self((0..=255).map(|c| curve.light(f64::from(c) / 255.0)).collect())
    }
    fn light(&self, code: f64) -> f64 {
        let x = (255.0 * code).clamp(0.0, 254.999);
        let i = x as usize;
        self.0[i] + (x - i as f64) * (self.0[i + 1] - self.0[i])
    }
    fn code(&self, light: f64) -> f64 {
        let i = self.0.partition_point(|l| *l <= light).clamp(1, 255) - 1;
        (i as f64 + (light - self.0[i]) / (self.0[i + 1] - self.0[i])) / 255.0
    }
}

/// Unknowns of a step: white's code relative to what it was taken for, place (px), blur (px), logarithm of the sharpening's blur, amount.
type Step = [f64; 5];

/// What is known of the step.
struct Model<'a> {
    codes: &'a Codes,
    /// Code of white.
    white: f64,
    /// Light of black over white's.
    black: f64,
}

impl Model<'_> {
    /// Codes of the profile, of white's.
    fn profile(&self, [white, place, blur, log_sigma, amount]: &Step) -> [f64; 2 * REACH + 1] {
        let fine = STEP / FINER as f64;
        let white = self.codes.light(self.white * (1.0 + white));
        let codes: Vec<f64> = (0..=2 * (REACH + MARGIN) * FINER)
            .map(|i| {
                let d = i as f64 * fine - (REACH + MARGIN) as f64 * STEP;
                let share = cumulative_and_density((d - place) / blur).0;
                self.codes.code(white * (self.black + (1.0 - self.black) * share)) / self.white
            })
            .collect();
        let kernel = |variance: f64| -> Vec<f64> {
            let weight = |i: usize| libm::exp(-0.5 * (i as f64 * fine) * (i as f64 * fine) / variance);
            let half: Vec<f64> = (0..=(3.5 * variance.sqrt() / fine) as usize).map(weight).collect();
            let sum = 2.0 * half.iter().sum::<f64>() - 1.0;
            half.into_iter().map(|w| w / sum).collect()
        };
        let (as_seen, blurred) = (kernel(BETWEEN), kernel(BETWEEN + libm::exp(2.0 * log_sigma)));
        let through = |kernel: &[f64], k: usize| {
            let pairs = kernel.iter().enumerate().skip(1).map(|(i, w)| w * (codes[k - i] + codes[k + i]));
            kernel[0] * codes[k] + pairs.sum::<f64>()
        };
        std::array::from_fn(|i| {
            let k = (i + MARGIN) * FINER;
            (1.0 + amount) * through(&as_seen, k) - amount * through(&blurred, k)
        })
    }

    /// Logarithm of the sharpening's blur and amount, and what is known of each then (one over its variance; of that, what is usual is a part).
    fn fit(&self, profile: &[f64]) -> Option<([f64; 2], [f64; 2])> {
        let q: Step = [0.0, 0.0, 1.2, USUAL[0], USUAL[1]];
        let (q, sums) = self.descend(q, profile, ROUGH)?;
        // What fits badly says less.
        let worse = (sums.squares / (profile.len() - q.len()) as f64).max(1.0);
        let (q, sums) = self.descend(q, profile, ROUGH * worse.sqrt())?;
        let information = |k: usize| {
            let unit = std::array::from_fn(|i| f64::from(u8::from(i == k)));
            Some(1.0 / solve_symmetric(sums.normal, unit)?[k])
        };
        Some(([q[3], q[4]], [information(3)?, information(4)?]))
    }

    fn descend(&self, mut q: Step, profile: &[f64], rough: f64) -> Option<(Step, NormalEquations<5>)> {
        let mut sums = self.equations(&q, profile, rough);
        for _ in 0..30 {
            let by = solve_symmetric(sums.normal, sums.right)?;
            let most = by.iter().fold(0.0, |most: f64, b| most.max(b.abs()));
            q = std::array::from_fn(|i| q[i] + by[i] * (0.4 / most).min(1.0));
            q[2] = q[2].clamp(0.3, 5.0);
            // Blurs of 0.6 to 1.65 px: what is wider would not be inside of the margin.
            q[3] = q[3].clamp(-0.5, 0.5);
            sums = self.equations(&q, profile, rough);
            if most < 1e-3 {
                break;
            }
        }
        Some((q, sums))
    }

    fn equations(&self, q: &Step, profile: &[f64], rough: f64) -> NormalEquations<5> {
        const BY: f64 = 1e-3;
        let now = self.profile(q);
        let moved: [_; 5] = std::array::from_fn(|k| {
            let mut next = *q;
            next[k] += BY;
            self.profile(&next)
        });
        let mut sums = NormalEquations::new();
        for (i, code) in profile.iter().enumerate() {
            sums.add(&moved.map(|m| (m[i] - now[i]) / BY), code - now[i], 1.0 / (rough * rough));
        }
        for k in 0..2 {
            let row = std::array::from_fn(|i| f64::from(u8::from(i == 3 + k)));
            sums.add(&row, USUAL[k] - q[3 + k], 1.0 / (U_USUAL[k] * U_USUAL[k]));
        }
        sums
    }
}
