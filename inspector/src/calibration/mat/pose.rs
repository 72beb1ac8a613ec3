//! Where the sheet lies in front of the camera: all corners at once, and everything that is known beforehand.
//!
//! Levenberg-Marquardt over the parameters of [`Model`]. What is known beforehand of lens, print and flatness enters as independent
//! inputs with their own uncertainties beside the corners; what one photo cannot tell stays as uncertain as it was. Corners that
//! disagree lose their say (Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171) and are named.
//!
//! Because the fit is a weighted mean of independent inputs, each input's share in the answer is known: the fit is N⁻¹ (sum of inputs'
//! right sides), so one input that is otherwise by one standard uncertainty moves it by N⁻¹ times that. This gives the worlds.

use super::find::SeenCorner;
use super::linear::principal;
use super::model::{BENDS, HEIGHT, LENS, Model, N, PRINT, u_bends};
use crate::calibration::homography::{Homography, focal, pose};
use crate::calibration::{Camera, Lens, Perspective, Source};
use crate::geometry::{ImagePx, Mm, PlaneMm, Point, Rigid, cholesky, inverse_symmetric, solve_symmetric, times};

/// A lens that is known: a camera record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownLens {
    /// Best estimate.
    pub lens: Lens,
    /// Covariance of its parameters, in the order of [`Lens::parameters`].
    pub covariance: [[f64; 9]; 9],
}

/// What is known before the photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The lens, when there is a camera record.
    pub lens: Option<KnownLens>,
    /// Printed size over nominal size, across and up.
    pub printed_scale: [f64; 2],
    /// Their standard uncertainties.
    pub u_printed_scale: [f64; 2],
    /// Standard uncertainty of the angle between the printed axes, rad.
    pub u_skew: f64,
    /// Standard uncertainty of the sheet's flatness, mm: standard deviation of the height of sheets that lie so.
    pub u_flat_mm: f64,
}

impl Known {
    /// What is assumed of a sheet about which nobody said anything: printers are off by up to half a percent.
    pub const UNMEASURED: Self =
        Self { lens: None, printed_scale: [1.0; 2], u_printed_scale: [0.004; 2], u_skew: 0.0005, u_flat_mm: 0.5 };
}

/// Where the sheet lies.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The camera; the plane's millimetres are true ones, its origin the middle of the sheet.
    pub camera: Perspective,
    /// Cameras in each of which one independent input is otherwise by one standard uncertainty.
    pub displaced: Vec<(Source, Perspective)>,
    /// Joint covariance of pose and lens: small turn after the present one (rad), shift (mm), lens ([`Lens::parameters`]).
    pub covariance: [[f64; 15]; 15],
    /// Printed scale across and up, as the fit has it.
    pub printed_scale: [f64; 2],
    /// How high its tags lie above or below its middle, mm (root mean square).
    pub bend_mm: f64,
    /// How far the photo pulls away from what was known of the lens, of the print, of the flatness, in standard uncertainties.
    pub pulls: Pulls,
    /// True when the lens was known beforehand.
    pub lens_known: bool,
    /// Root mean square of the residuals of the corners that count, px per coordinate.
    pub rms_px: f64,
    /// The same on the sheet, mm.
    pub rms_mm: f64,
    /// Number of corners that count.
    pub used: usize,
    /// Corners that do not: tag, corner, distance from where they should be, px.
    pub outliers: Vec<(usize, usize, f64)>,
    model: Model,
    half: [f64; 2],
}

/// Contradictions between the photo and what was known beforehand, in standard uncertainties. Noise alone keeps them below 4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pulls {
    /// Lens: the largest of its independent combinations of parameters.
    pub lens: f64,
    /// Printed scales: the larger.
    pub print: f64,
    /// The angle between the printed axes.
    pub skew: f64,
    /// Bend of the sheet, in standard uncertainties of the difference of two heights.
    pub flat: f64,
}

/// What is printed is not where it should be to better than this, px: the least standard uncertainty of a corner.
const FLOOR_PX: f64 = 0.01;
/// What is said to be exact is as good as exact.
const EXACT: f64 = 1e-9;
/// Tukey's constant.
const TUKEY: f64 = 4.685;
/// Of a combination of the lens's parameters the photo tells at least this share, or nothing that is worth hearing beside its own rounding.
const LEAST_TOLD: f64 = 1e-5;
/// Standard uncertainty of the middle's height from waves that are no parameters, beside that of the sheet's flatness. Bends that the ring cannot show leave
/// 0.77 of it (seen at an angle) to 0.97 (from above). Of random cylinders of 180 to 500 mm the middle is then off by 0.89 and 1.00, of 300 mm and more by 0.36 and
/// 0.50, of 100 to 300 mm by 1.24 and 1.17.
const SHORTER: f64 = 0.6;
/// Focal length of a phone's or webcam's camera, of the picture's longer side, and its standard deviation.
const FOCAL: [f64; 2] = [0.8, 0.25];

/// Fits pose, lens, print and flatness. `half` is half of the ring of corners, mm.
///
/// First as if little were known: this tells how well the corners agree among themselves, and which do not. Then, with those weights, what is
/// known enters; where it contradicts the photo, [`Pulls`] say so and nothing hides it.
///
/// `None` when the corners do not fix a pose.
pub fn fit(corners: &[SeenCorner], half: [f64; 2], size: [u32; 2], known: &Known) -> Option<Fit> {
    let loose = Prior::new(&Known { u_flat_mm: known.u_flat_mm.max(1.0), ..Known::UNMEASURED }, size)?;
    let prior = Prior::new(known, size)?;
    let map = Homography::fit(corners.iter().map(|c| (c.nominal, c.p, 1.0)))?;
    let columns = map.columns(Point::new(loose.mean[LENS + 2], loose.mean[LENS + 3]));
    let mut focals = vec![known.lens.map_or(loose.mean[LENS], |k| k.lens.fx)];
    focals.extend(focal(&[columns]).filter(|f| (0.4..3.0).contains(&(f / loose.mean[LENS]))));
    let mut best: Option<(f64, Model)> = None;
    for f in focals {
        let mut start = loose.model(pose(&columns, f)?);
        (start.lens.fx, start.lens.fy) = (f, f);
        let end = descend(corners, half, &loose, start, None);
        if let Some((cost, model)) = end.filter(|(cost, _)| best.is_none_or(|b| *cost < b.0)) {
            best = Some((cost, model));
        }
    }
    let free = best?.1;
    let seen = rows(corners, half, &free)?;
    let scale = scale(corners, &seen);
    let weights: Vec<f64> = corners.iter().zip(&seen).map(|(c, (r, _))| weight(c, *r, scale).0).collect();
    let say = Say { scale, weights: &weights };
    // From the pose that goes with what is known of the lens, and from where the free fit ended.
    let near =
        prior.model(pose(&map.columns(Point::new(prior.mean[LENS + 2], prior.mean[LENS + 3])), prior.mean[LENS])?);
    let ends = [near, free].into_iter().filter_map(|start| descend(corners, half, &prior, start, Some(&say)));
    let (_, model) = ends.min_by(|a, b| a.0.total_cmp(&b.0))?;
    result(corners, half, &prior, known, &say, model)
}

/// Weights of the corners and scale of their uncertainties, once they are known.
struct Say<'w> {
    scale: f64,
    weights: &'w [f64],
}

/// What is known beforehand: mean and information (inverse covariance); nothing about the pose.
struct Prior {
    mean: [f64; N],
    information: [[f64; N]; N],
    /// Covariance of the lens; no parameter is exact.
    lens: [[f64; 9]; 9],
    /// Square root of the lens's covariance: its columns are independent.
    lens_root: [[f64; 9]; 9],
    sigma: [f64; N],
}

impl Prior {
    fn new(known: &Known, [width, height]: [u32; 2]) -> Option<Self> {
        let longest = f64::from(width.max(height));
        let (lens, covariance) = match &known.lens {
            Some(k) => (k.lens, k.covariance),
            None => (Lens::pinhole(FOCAL[0] * longest, width, height), unknown_lens(longest)),
        };
        let sheet = Model {
            pose: Rigid { turn: [0.0; 3], shift: [0.0; 3] },
            lens,
            print: [known.printed_scale[0] - 1.0, known.printed_scale[1] - 1.0, 0.0],
            height: [0.0; BENDS],
        };
        let mut out = Self {
            mean: sheet.values(),
            information: [[0.0; N]; N],
            lens: floored(covariance),
            lens_root: cholesky(&covariance),
            sigma: [0.0; N],
        };
        for (i, row) in inverse_symmetric(floored(covariance))?.iter().enumerate() {
            out.information[LENS + i][LENS..PRINT].copy_from_slice(row);
        }
        let [u_x, u_y] = known.u_printed_scale;
        for (k, sigma) in [u_x, u_y, known.u_skew].into_iter().chain(u_bends(known.u_flat_mm)).enumerate() {
            let sigma = sigma.max(EXACT);
            out.sigma[PRINT + k] = sigma;
            out.information[PRINT + k][PRINT + k] = 1.0 / (sigma * sigma);
        }
        Some(out)
    }

    fn model(&self, pose: Rigid) -> Model {
        let at = |i: usize| self.mean[i];
        Model {
            pose,
            lens: Lens::from_parameters(std::array::from_fn(|i| at(LENS + i))),
            print: [at(PRINT), at(PRINT + 1), at(PRINT + 2)],
            height: [0.0; BENDS],
        }
    }
}

/// A record's covariance may have parameters that were held: they keep a spread that is as good as none.
fn floored(mut covariance: [[f64; 9]; 9]) -> [[f64; 9]; 9] {
    const LEAST: [f64; 9] = [1e-3, 1e-3, 1e-3, 1e-3, 1e-6, 1e-6, 1e-8, 1e-8, 1e-6];
    for i in 0..9 {
        covariance[i][i] += LEAST[i] * LEAST[i];
    }
    covariance
}

/// A lens of which only its kind is known: square pixels, axis near the middle, a little distortion.
fn unknown_lens(longest: f64) -> [[f64; 9]; 9] {
    let sigma = [0.0, 0.0, 0.01 * longest, 0.01 * longest, 0.1, 0.1, 1e-3, 1e-3, 0.05];
    let mut out = [[0.0; 9]; 9];
    for i in 0..9 {
        out[i][i] = sigma[i] * sigma[i];
    }
    let (both, each) = (FOCAL[1] * longest, 5e-4 * longest);
    out[0][0] = both * both + each * each;
    out[1][1] = out[0][0];
    (out[0][1], out[1][0]) = (both * both, both * both);
    out
}

/// Sums over corners: JᵀWJ, JᵀW r, and the robust scale of residuals in units of their uncertainties.
struct Sums {
    normal: [[f64; N]; N],
    right: [f64; N],
    cost: f64,
    scale: f64,
}

/// Residual of each corner, px, and derivatives; `None` when one is behind the camera.
type Rows = Vec<([f64; 2], [[f64; N]; 2])>;

fn rows(corners: &[SeenCorner], half: [f64; 2], model: &Model) -> Option<Rows> {
    let view = model.view(half);
    let row = |c: &SeenCorner| view.project(c.nominal).map(|(p, d)| ([c.p.x - p[0], c.p.y - p[1]], d));
    corners.iter().map(row).collect()
}

fn variance(corner: &SeenCorner) -> f64 {
    corner.u_px * corner.u_px + FLOOR_PX * FLOOR_PX
}

/// Residual of a corner in units of its uncertainty.
fn reduced(corner: &SeenCorner, r: [f64; 2]) -> f64 {
    ((r[0] * r[0] + r[1] * r[1]) / variance(corner)).sqrt()
}

/// Robust standard deviation of a coordinate: the median length of a normal residual in the plane is 1.1774 standard deviations.
fn scale(corners: &[SeenCorner], rows: &Rows) -> f64 {
    let mut lengths: Vec<f64> = corners.iter().zip(rows).map(|(c, (r, _))| reduced(c, *r)).collect();
    lengths.sort_by(f64::total_cmp);
    (lengths[lengths.len() / 2] / 1.1774).max(1.0)
}

/// Tukey's weight of a corner, and its cost, at a given scale.
fn weight(corner: &SeenCorner, r: [f64; 2], scale: f64) -> (f64, f64) {
    let t = reduced(corner, r) / (TUKEY * scale);
    let inside = (1.0 - t * t).max(0.0);
    (inside * inside, (1.0 - inside * inside * inside) * TUKEY * TUKEY / 3.0)
}

/// With the weights that are said, or Tukey's.
fn sums(corners: &[SeenCorner], rows: &Rows, prior: &Prior, model: &Model, scale: f64, say: Option<&Say<'_>>) -> Sums {
    let mut out = Sums { normal: prior.information, right: [0.0; N], cost: 0.0, scale };
    let now = model.values();
    for i in LENS..N {
        for j in LENS..N {
            let pull = prior.information[i][j] * (prior.mean[j] - now[j]);
            out.right[i] += pull;
            out.cost += pull * (prior.mean[i] - now[i]);
        }
    }
    for (i, (corner, (r, d))) in corners.iter().zip(rows).enumerate() {
        let (w, cost) = match say {
            Some(say) => {
                (say.weights[i], say.weights[i] * (reduced(corner, *r) / scale) * (reduced(corner, *r) / scale))
            }
            None => weight(corner, *r, scale),
        };
        out.cost += cost;
        let w = w / (variance(corner) * scale * scale);
        for (r, d) in r.iter().zip(d) {
            for i in 0..N {
                out.right[i] += w * d[i] * r;
                for j in 0..=i {
                    out.normal[i][j] += w * d[i] * d[j];
                }
            }
        }
    }
    for i in 0..N {
        for j in i + 1..N {
            out.normal[i][j] = out.normal[j][i];
        }
    }
    out
}

/// Levenberg-Marquardt; unless weights are said, the robust scale is taken anew while it falls.
fn descend(
    corners: &[SeenCorner],
    half: [f64; 2],
    prior: &Prior,
    start: Model,
    say: Option<&Say<'_>>,
) -> Option<(f64, Model)> {
    let mut model = start;
    let mut seen = rows(corners, half, &model)?;
    let scale_of = |seen: &Rows| say.map_or_else(|| scale(corners, seen), |s| s.scale);
    let mut now = sums(corners, &seen, prior, &model, scale_of(&seen), say);
    let mut damping = 1e-4;
    for _ in 0..60 {
        let mut damped = now.normal;
        for (i, row) in damped.iter_mut().enumerate() {
            row[i] *= 1.0 + damping;
        }
        let step = solve_symmetric(damped, now.right)?;
        let next = model.after(&step);
        let then = rows(corners, half, &next).map(|r| (sums(corners, &r, prior, &next, now.scale, say), r));
        match then.filter(|(s, _)| s.cost <= now.cost) {
            Some((s, r)) => {
                // A thousandth of a standard deviation is nothing, and weakly known lenses leave long flat valleys.
                let small = now.cost - s.cost < 1e-6 * (1.0 + s.cost);
                (model, now, seen) = (next, s, r);
                damping = (damping * 0.2).max(1e-12);
                // As residuals fall the scale does, and more corners stand out.
                let finer = scale_of(&seen);
                if (finer - now.scale).abs() > 1e-3 * now.scale {
                    now = sums(corners, &seen, prior, &model, finer, say);
                } else if small {
                    break;
                }
            }
            None => {
                damping *= 10.0;
                if damping > 1e8 {
                    break;
                }
            }
        }
    }
    Some((now.cost + 4.0 * corners.len() as f64 * libm::log(now.scale), model))
}

/// The answer with everything that is to be said about it.
fn result(
    corners: &[SeenCorner],
    half: [f64; 2],
    prior: &Prior,
    known: &Known,
    say: &Say<'_>,
    model: Model,
) -> Option<Fit> {
    let seen = rows(corners, half, &model)?;
    let (all, weights) = (sums(corners, &seen, prior, &model, say.scale, Some(say)), say.weights);
    let inverse = inverse_symmetric(all.normal)?;
    let counted: Vec<usize> = (0..corners.len()).filter(|i| weights[*i] > 0.0).collect();
    let squares: f64 =
        counted.iter().map(|i| 0.5 * (seen[*i].0[0] * seen[*i].0[0] + seen[*i].0[1] * seen[*i].0[1])).sum();
    let rms_px = (squares / counted.len() as f64).sqrt();
    let outliers = (0..corners.len()).filter(|i| weights[*i] == 0.0);
    let camera = model.perspective();
    let mm_per_px = Camera::Perspective(camera.clone()).mm_per_px(Point::new(0.0, 0.0));
    let heights: f64 = counted.iter().map(|i| model.height_at(corners[*i].nominal, half)).map(|h| h * h).sum();
    let bend_mm = (heights / counted.len() as f64).sqrt();
    Some(Fit {
        displaced: displaced(&model, half, prior, known, &all.normal, &inverse),
        covariance: std::array::from_fn(|i| std::array::from_fn(|j| inverse[i][j])),
        printed_scale: [1.0 + model.print[0], 1.0 + model.print[1]],
        bend_mm,
        pulls: pulls(prior, &model, &inverse, bend_mm),
        lens_known: known.lens.is_some(),
        rms_px,
        rms_mm: rms_px * mm_per_px,
        used: counted.len(),
        outliers: outliers
            .map(|i| (corners[i].tag, corners[i].corner, libm::hypot(seen[i].0[0], seen[i].0[1])))
            .collect(),
        camera,
        model,
        half,
    })
}

impl Fit {
    /// Where a printed place of the sheet is seen.
    pub fn image_of(&self, nominal: Point<PlaneMm>) -> Option<Point<ImagePx>> {
        self.model.view(self.half).project(nominal).map(|([x, y], _)| Point::new(x, y))
    }
}

fn pulls(prior: &Prior, model: &Model, inverse: &[[f64; N]; N], bend_mm: f64) -> Pulls {
    let off: [f64; N] = std::array::from_fn(|i| model.values()[i] - prior.mean[i]);
    let lens_off = std::array::from_fn(|i| off[LENS + i]);
    let left = std::array::from_fn(|i| std::array::from_fn(|j| inverse[LENS + i][LENS + j]));
    let of_print = |k: usize| (off[k] / prior.sigma[k]).abs();
    Pulls {
        lens: contradiction(&prior.lens, &left, &lens_off),
        print: of_print(PRINT).max(of_print(PRINT + 1)),
        skew: of_print(PRINT + 2),
        flat: bend_mm / (std::f64::consts::SQRT_2 * prior.sigma[HEIGHT]),
    }
}

/// How far the photo contradicts what was known of the lens: the largest, in standard uncertainties, over independent combinations of its parameters.
///
/// A record that is far better known than one photo could tell gives way to it by next to nothing, however wrong it is; but a right one gives way by less
/// still. When data bring an estimate of covariance K to one of covariance P, it changes by an amount of covariance K - P (Hausman 1978,
/// doi:10.2307/1913827). What the sheet's bends may do is in P: where they could be taken for a wrong lens, P is nearly K and little is said.
fn contradiction(known: &[[f64; 9]; 9], left: &[[f64; 9]; 9], off: &[f64; 9]) -> f64 {
    let root = cholesky(known);
    // In units in which what was known is the unit matrix.
    let solve = |mut v: [f64; 9]| {
        for i in 0..9 {
            let known: f64 = (0..i).map(|j| root[i][j] * v[j]).sum();
            v[i] = (v[i] - known) / root[i][i];
        }
        v
    };
    // L⁻¹ P, then L⁻¹ (L⁻¹ P)ᵀ.
    let transposed = |m: [[f64; 9]; 9]| -> [[f64; 9]; 9] { std::array::from_fn(|i| std::array::from_fn(|j| m[j][i])) };
    let left = transposed(left.map(solve)).map(solve);
    let told: [[f64; 9]; 9] =
        std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j)) - 0.5 * (left[i][j] + left[j][i])));
    let off = solve(*off);
    let rows: Vec<Vec<f64>> = cholesky(&told).iter().map(|row| row.to_vec()).collect();
    let pull = |axis: &Vec<f64>| {
        let along: f64 = axis.iter().zip(off).map(|(a, o)| a * o).sum();
        let share: f64 =
            (0..9).flat_map(|i| (0..9).map(move |j| (i, j))).map(|(i, j)| axis[i] * told[i][j] * axis[j]).sum();
        (share > LEAST_TOLD).then(|| along.abs() / share.sqrt())
    };
    principal(&rows).iter().filter_map(pull).fold(0.0, f64::max)
}

/// One camera for each independent input that is otherwise by one standard uncertainty.
fn displaced(
    model: &Model,
    half: [f64; 2],
    prior: &Prior,
    known: &Known,
    normal: &[[f64; N]; N],
    inverse: &[[f64; N]; N],
) -> Vec<(Source, Perspective)> {
    let apply = |v: &[f64; N]| -> [f64; N] { std::array::from_fn(|i| (0..N).map(|j| inverse[i][j] * v[j]).sum()) };
    let mut steps: Vec<(Source, [f64; N])> = Vec::new();
    // Noise of the corners: N⁻¹ (JᵀWJ) N⁻¹.
    let corners: [[f64; N]; N] =
        std::array::from_fn(|i| std::array::from_fn(|j| normal[i][j] - prior.information[i][j]));
    let root = cholesky(&corners);
    let noise: Vec<[f64; N]> = (0..N).map(|k| apply(&std::array::from_fn(|i| root[i][k]))).collect();
    steps.extend(strongest(model, half, &noise).into_iter().map(|s| (Source::CameraPose, s)));
    // The lens as it was known: the information times one of its independent spreads.
    let lens: Vec<[f64; N]> = (0..9)
        .map(|k| {
            let mut v = [0.0; N];
            for i in 0..9 {
                v[LENS + i] = (0..9).map(|j| prior.information[LENS + i][LENS + j] * prior.lens_root[j][k]).sum();
            }
            apply(&v)
        })
        .collect();
    steps.extend(strongest(model, half, &lens).into_iter().map(|s| (Source::Lens, s)));
    let single = |k: usize| {
        let mut v = [0.0; N];
        v[k] = 1.0 / prior.sigma[k];
        apply(&v)
    };
    steps.push((Source::PrintedScaleX, single(PRINT)));
    steps.push((Source::PrintedScaleY, single(PRINT + 1)));
    steps.push((Source::PrintedSkew, single(PRINT + 2)));
    let bends: Vec<[f64; N]> = (0..BENDS).map(|k| single(HEIGHT + k)).collect();
    steps.extend(strongest(model, half, &bends).into_iter().map(|s| (Source::SheetHeight, s)));
    let mut out: Vec<(Source, Perspective)> = steps.iter().map(|(s, v)| (*s, model.after(v).perspective())).collect();
    // The middle, where the part lies, higher than the ring says and the bends allow.
    let raised = times(&model.pose.matrix(), [0.0, 0.0, SHORTER * known.u_flat_mm]);
    let shift = std::array::from_fn(|i| model.pose.shift[i] + raised[i]);
    out.push((Source::SheetHeight, Perspective::new(model.lens, Rigid { shift, ..model.pose })));
    out
}

/// The few independent combinations of these independent steps that do nearly all they do to places on the sheet.
fn strongest(model: &Model, half: [f64; 2], steps: &[[f64; N]]) -> Vec<[f64; N]> {
    let grid: Vec<Point<PlaneMm>> = (0..25)
        .map(|i| Point::new(half[0] * (f64::from(i % 5) - 2.0) / 2.0, half[1] * (f64::from(i / 5) - 2.0) / 2.0))
        .collect();
    let camera = Camera::Perspective(model.perspective());
    let seen: Vec<Point<ImagePx>> = grid.iter().map(|p| camera.image_from_plane(*p, Mm(0.0))).collect();
    let places = |m: &Model| -> Vec<f64> {
        let camera = Camera::Perspective(m.perspective());
        seen.iter().map(|q| camera.plane_from_image(*q, Mm(0.0))).flat_map(|p| [p.x, p.y]).collect()
    };
    let nominal = places(model);
    let effects: Vec<Vec<f64>> = steps
        .iter()
        .map(|s| {
            places(&model.after(s))
                .iter()
                .zip(&nominal)
                .map(|(a, b)| a - b)
                .map(|d| if d.is_finite() { d } else { 0.0 })
                .collect()
        })
        .collect();
    principal(&effects)
        .into_iter()
        .map(|mix| std::array::from_fn(|i| steps.iter().zip(&mix).map(|(s, m)| s[i] * m).sum()))
        .collect()
}
