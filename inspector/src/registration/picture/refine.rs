//! Fine search: Gauss-Newton on one level of the pyramid.

use crate::design::{Landmark, Raster};
use crate::geometry::{NormalEquations, solve_symmetric};

/// A similarity from reference to photo pixels of one level, with the light of the photo: `x' = a x - b y + tx`, `y' = b x + a y + ty`,
/// `photo(x', y') = gain * reference(x, y) + offset`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) a: f64,
    pub(super) b: f64,
    pub(super) tx: f64,
    pub(super) ty: f64,
    pub(super) gain: f64,
    pub(super) offset: f64,
}

/// Fewer points than this say nothing of six unknowns.
const LEAST_POINTS: f64 = 15.0;

/// How well a fit explains the photo.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    /// Correlation of photo and reference over what both show, in [-1, 1].
    pub(super) correlation: f64,
    /// Part of the reference that the photo shows, in [0, 1].
    pub(super) seen: f64,
}

impl Quality {
    /// For choosing among poses. What is not seen speaks against a pose, or the best one would be where a single edge is seen.
    pub(super) fn score(self) -> f64 {
        self.correlation * self.seen
    }
}

impl Fit {
    /// The turn and scale that keep the centres of both pictures together.
    pub(super) fn about_centres(photo: &Raster, reference: &Raster, scale: f64, angle: f64) -> Self {
        let (sin, cos) = libm::sincos(angle);
        let (a, b) = (scale * cos, scale * sin);
        let centre = |r: &Raster| (0.5 * (r.width as f64 - 1.0), 0.5 * (r.height as f64 - 1.0));
        let ((cx, cy), (px, py)) = (centre(reference), centre(photo));
        Self { a, b, tx: px - a * cx + b * cy, ty: py - b * cx - a * cy, gain: 1.0, offset: 0.0 }
    }
    /// Looks (dx, dy) reference pixels further on.
    pub(super) fn shifted(self, dx: f64, dy: f64) -> Self {
        let (tx, ty) = self.apply(dx, dy);
        Self { tx, ty, ..self }
    }
    pub(super) fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty)
    }
    /// The same pose on the next finer level: pixel `x` there is `2x + 1/2`.
    pub(super) fn doubled(self) -> Self {
        let Self { a, b, tx, ty, .. } = self;
        Self { tx: 2.0 * tx + 0.5 - 0.5 * (a - b), ty: 2.0 * ty + 0.5 - 0.5 * (a + b), ..self }
    }

    /// The same pose on the next coarser level: undoes [`doubled`](Self::doubled).
    pub(super) fn halved(self) -> Self {
        let Self { a, b, tx, ty, .. } = self;
        Self { tx: 0.5 * (tx - 0.5 + 0.5 * (a - b)), ty: 0.5 * (ty - 0.5 + 0.5 * (a + b)), ..self }
    }

    /// Gauss-Newton steps with Geman-McClure weights until nothing moves by more than `close_enough` px. `None` when it runs away.
    ///
    /// After S. Baker, I. Matthews, "Lucas-Kanade 20 years on", DOI 10.1023/B:VISI.0000011205.11775.fd: forward additive, with the
    /// reference's slopes turned into the photo's frame so that the photo is never differentiated.
    pub(super) fn refine(
        mut self,
        photo: &Raster,
        landmarks: &[Landmark],
        steps: usize,
        close_enough: f64,
    ) -> Option<Self> {
        let half = landmarks.iter().fold(1.0_f64, |m, l| m.max(f64::from(l.x)).max(f64::from(l.y))) * 0.5;
        let mut spread = 0.5;
        for _ in 0..steps {
            // Light by plain least squares every time: under weights, a gain that is too low makes every bright pixel an outlier and sinks further.
            self.relight(photo, landmarks)?;
            let Step { change, residual } = self.step(photo, landmarks, half, spread)?;
            self.a += change[0] / half;
            self.b += change[1] / half;
            self.tx += change[2] - (change[0] - change[1]);
            self.ty += change[3] - (change[0] + change[1]);
            let scale2 = self.a * self.a + self.b * self.b;
            if !(0.8..1.25).contains(&scale2) {
                return None;
            }
            // Residuals of a good fit are edges a fraction of a pixel off; the weights follow, but never so close that edges count nothing.
            spread = (2.5 * residual).clamp(0.15, 0.5);
            if change[..4].iter().all(|c| c.abs() < close_enough) {
                break;
            }
        }
        self.relight(photo, landmarks)?;
        Some(self)
    }

    /// One Gauss-Newton step, in units of px at the picture's end.
    fn step(&self, photo: &Raster, landmarks: &[Landmark], half: f64, spread: f64) -> Option<Step> {
        let (mut sums, mut weights) = (NormalEquations::new(), 0.0);
        let scale2 = self.a * self.a + self.b * self.b;
        for l in landmarks {
            let (x, y) = (f64::from(l.x), f64::from(l.y));
            let (px, py) = self.apply(x, y);
            let Some(v) = photo.sample(px, py) else { continue };
            let r = f64::from(l.lightness);
            let e = f64::from(v) - (self.gain * r + self.offset);
            let (gx, gy) = (f64::from(l.slope[0]), f64::from(l.slope[1]));
            let (sx, sy) =
                (self.gain / scale2 * (self.a * gx - self.b * gy), self.gain / scale2 * (self.b * gx + self.a * gy));
            let (u, w) = (x / half - 1.0, y / half - 1.0);
            let row = [-(sx * u + sy * w), sx * w - sy * u, -sx, -sy, r, 1.0];
            let k = e / spread;
            let weight = 1.0 / ((1.0 + k * k) * (1.0 + k * k));
            weights += weight;
            sums.add(&row, e, weight);
        }
        if weights < LEAST_POINTS {
            return None;
        }
        // A trace of damping: a picture of parallel lines leaves the shift along them open.
        (0..6).for_each(|i| sums.normal[i][i] += 1e-4 * sums.normal[i][i] + 1e-9);
        Some(Step { change: solve_symmetric(sums.normal, sums.right)?, residual: (sums.squares / weights).sqrt() })
    }

    /// Gain and offset by least squares at this pose.
    fn relight(&mut self, photo: &Raster, landmarks: &[Landmark]) -> Option<()> {
        let s = Sums::over(self, photo, landmarks.iter().map(|l| (l.x, l.y, l.lightness)));
        let normal = [[s.rr + 1e-9, s.r], [s.r, s.n]];
        if s.n < LEAST_POINTS {
            return None;
        }
        let [gain, offset] = solve_symmetric(normal, [s.rv, s.v])?;
        // A poor start correlates badly and would begin with hardly any contrast.
        self.gain = gain.max(0.5);
        self.offset = offset + (gain - self.gain) * s.r / s.n;
        Some(())
    }

    /// How well this pose explains the photo along the reference's edges.
    pub(super) fn along_edges(&self, photo: &Raster, landmarks: &[Landmark]) -> Quality {
        Sums::over(self, photo, landmarks.iter().map(|l| (l.x, l.y, l.lightness))).quality(landmarks.len())
    }

    /// How well this pose explains the photo over the whole reference.
    pub(super) fn everywhere(&self, photo: &Raster, reference: &Raster) -> Quality {
        let pixels = (0..reference.height)
            .flat_map(|y| reference.row(y).iter().enumerate().map(move |(x, r)| (x as f32, y as f32, *r)));
        Sums::over(self, photo, pixels).quality(reference.width * reference.height)
    }
}

struct Step {
    change: [f64; 6],
    residual: f64,
}

/// Sums over the landmarks that the photo shows: v of the photo, r of the reference.
#[derive(Default)]
struct Sums {
    n: f64,
    v: f64,
    r: f64,
    vv: f64,
    rr: f64,
    rv: f64,
}

impl Sums {
    fn over(fit: &Fit, photo: &Raster, pixels: impl Iterator<Item = (f32, f32, f32)>) -> Self {
        let mut s = Self::default();
        for (x, y, r) in pixels {
            let (x, y) = fit.apply(f64::from(x), f64::from(y));
            if let Some(v) = photo.sample(x, y) {
                let (v, r) = (f64::from(v), f64::from(r));
                s.n += 1.0;
                s.v += v;
                s.r += r;
                s.vv += v * v;
                s.rr += r * r;
                s.rv += r * v;
            }
        }
        s
    }

    fn quality(&self, of: usize) -> Quality {
        let s = self;
        let variances = (s.rr - s.r * s.r / s.n) * (s.vv - s.v * s.v / s.n);
        let correlation =
            if s.n >= LEAST_POINTS && variances > 0.0 { (s.rv - s.r * s.v / s.n) / variances.sqrt() } else { 0.0 };
        Quality { correlation, seen: s.n / (of.max(1) as f64) }
    }
}
