//! Scale and edge offset of a camera that looks straight down, from parts of known size.
//!
//! Two things make every size wrong there: the scale, and how far outside the material an edge is seen (tone curve, sharpening, light that blooms). One
//! known length cannot tell them apart. Sizes on which they act differently can: a hole beside an outline, a short length beside a long one.

use crate::calibration::{Calibration, CalibrationPolicy, SizeRecord, locate, overexposed_ground};
use crate::checks::{Characteristic, Outcome, Unit};
use crate::geometry::{NormalEquations, inverse_symmetric, solve_symmetric};
use crate::photo::Photo;
use crate::reason::Reason;
use crate::recipe::Recipe;
use crate::registration::register;
use std::collections::BTreeMap;
use thiserror::Error;

/// A size of an artefact that somebody measured better than the camera does.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownSize {
    /// The characteristic that measures it, such as `hole-1.diameter`.
    pub id: String,
    /// Its value, mm.
    pub mm: f64,
    /// Standard uncertainty of that value, mm.
    pub u_mm: f64,
}

/// A known size as a photo shows it, before anything is corrected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Which of the known sizes.
    pub size: usize,
    /// Which photo.
    pub photo: usize,
    /// What was measured, mm.
    pub mm: f64,
    /// Its standard uncertainty from the photo alone, mm: noise, and form that scatters its edges.
    pub u_mm: f64,
    /// How it changes when edges are taken to be seen farther outside the material, mm per px.
    pub mm_per_edge_px: f64,
    /// The photo's ground is overexposed: edges beside it are seen elsewhere.
    pub overexposed_ground: bool,
}

/// Why no scale was found.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ScaleError {
    /// The recipe takes its scale from elsewhere.
    #[error(
        "expected a recipe with a drawing and `mm_per_px` in [calibration]: a mat or a picture tells its own scale"
    )]
    NoScale,
    /// No size is known.
    #[error("expected at least one known size, found none")]
    Nothing,
    /// The recipe has no such length.
    #[error("{id}: no length of this recipe; its lengths are {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A size that no part has.
    #[error("{id}: expected {expected}, found {found}")]
    Number {
        /// Of which characteristic.
        id: String,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        found: f64,
    },
    /// It was measured in none of the photos.
    #[error(
        "{id}: measured in none of the photos; the recipe's `mm_per_px` must be right to 5 %, and the part be that of the recipe"
    )]
    NotSeen {
        /// The characteristic.
        id: String,
    },
    /// It is far from what is known.
    #[error(
        "{id}: {measured:.3} mm by the recipe's scale, known as {known:.3} mm: expected another part, or another `mm_per_px` in the recipe"
    )]
    Apart {
        /// The characteristic.
        id: String,
        /// Known size, mm.
        known: f64,
        /// What was measured, mm.
        measured: f64,
    },
    /// The known sizes contradict each other.
    #[error(
        "the known sizes are {ratio:.0} times farther from each other than their uncertainties say, {id} by {off_mm:+.3} mm: look at the numbers, the names and the unit \
         (mm), or give a larger uncertainty"
    )]
    Disagree {
        /// The one that fits least.
        id: String,
        /// How far it is off, mm.
        off_mm: f64,
        /// How many times farther.
        ratio: f64,
    },
    /// Edges where no camera sees them.
    #[error(
        "by these sizes edges would be seen {px:+.1} px outside the material, expected at most {MOST_EDGE_PX}: look at the numbers, the names and the unit (mm)"
    )]
    Edges {
        /// The edge offset, px.
        px: f64,
    },
    /// Some photos tell of other edges than the rest.
    #[error(
        "{overexposed} of {photos} photos have a ground that is too bright for the camera: expected all or none; their edges are seen elsewhere"
    )]
    Exposures {
        /// Photos whose ground is overexposed.
        overexposed: usize,
        /// All photos with a reading.
        photos: usize,
    },
}

/// A size that does not fit the others.
fn misfit(known: &[KnownSize], rows: &[Row], fit: &Fit) -> ScaleError {
    let off = |row: &Row| fit.says(row) - row.truth;
    let doubt = |row: &Row| row.weight.sqrt() * off(row).abs();
    let worst = (0..rows.len()).max_by(|a, b| doubt(&rows[*a]).total_cmp(&doubt(&rows[*b]))).unwrap_or(0);
    ScaleError::Disagree { id: known[worst].id.clone(), off_mm: off(&rows[worst]), ratio: fit.disagreement }
}

/// Edges are taken to be seen this much farther outside to learn what that does to a size, px.
const TRIED_PX: f64 = 0.25;
/// Known and measured size differ by no more than this factor: else it is another part, or another unit.
const MOST: f64 = 1.5;
/// Largest standard uncertainty of a known size, as a share of it.
const MOST_U: f64 = 0.02;
/// Known sizes farther from each other than this many times their uncertainties are wrong. Rings against a CMM, lobes and all, reach 3.
const MOST_DISAGREEMENT: f64 = 5.0;
/// Farthest from the material that a camera sees its edge, px. A telecentric back-light blooms by 0.3 to 0.6 px, codes that are light taken for sRGB make 0.6.
const MOST_EDGE_PX: f64 = 2.0;

/// The sizes that a recipe measures: lengths with a nominal value.
pub fn sizes(recipe: &Recipe) -> impl Iterator<Item = &Characteristic> {
    let all = recipe.checks.iter().flat_map(|check| check.characteristics());
    all.filter(|c| c.unit == Unit::Mm && c.nominal > 0.0)
}

/// The calibration of a recipe whose lengths include all the known sizes.
///
/// # Errors
/// [`ScaleError::NoScale`], [`ScaleError::Unknown`], [`ScaleError::Number`].
pub fn policy<'r>(recipe: &'r Recipe, known: &[KnownSize]) -> Result<&'r CalibrationPolicy, ScaleError> {
    let Calibration::Known(policy) = &recipe.calibration else { return Err(ScaleError::NoScale) };
    let ids: Vec<&str> = sizes(recipe).map(|c| c.id.as_str()).collect();
    if ids.is_empty() {
        return Err(ScaleError::NoScale);
    }
    for KnownSize { id, mm, u_mm } in known {
        if !ids.contains(&id.as_str()) {
            return Err(ScaleError::Unknown { id: id.clone(), known: ids.into_iter().map(str::to_owned).collect() });
        }
        let number = |expected, found| Err(ScaleError::Number { id: id.clone(), expected, found });
        if !(mm.is_finite() && *mm > 0.0) {
            return number("a size above 0 mm", *mm);
        }
        if !(0.0..=MOST_U * mm).contains(u_mm) {
            return number("a standard uncertainty in mm, from 0 to 2 % of the size", *u_mm);
        }
    }
    Ok(policy)
}

/// Reads the known sizes of the artefact in a photo: one reading, or the reason why there is none, for each.
///
/// # Errors
/// As [`policy`].
///
/// Cost: twice that of an inspection by the checks that measure these sizes.
pub fn read(
    photo: &Photo,
    number: usize,
    recipe: &Recipe,
    known: &[KnownSize],
) -> Result<Vec<Result<Reading, Reason>>, ScaleError> {
    // What is not known of the camera is what is asked for here.
    let overexposed_ground = overexposed_ground(&photo.picture);
    let bare = CalibrationPolicy { u_scale: 0.0, u_edge_px: 0.0, overexposed_ground, ..policy(recipe, known)?.clone() };
    let farther = CalibrationPolicy { edge_offset_px: bare.edge_offset_px + TRIED_PX, ..bare };
    let [mut first, mut second] = [bare, farther].map(|policy| measured(photo, recipe, known, &policy));
    let reading = |(size, k): (usize, &KnownSize)| {
        let take = |of: &mut BTreeMap<String, Measured>| of.remove(&k.id).unwrap_or(Err(Reason::NotFinite));
        let ((mm, u_mm), (tried, _)) = (take(&mut first)?, take(&mut second)?);
        Ok(Reading { size, photo: number, mm, u_mm, mm_per_edge_px: (tried - mm) / TRIED_PX, overexposed_ground })
    };
    Ok(known.iter().enumerate().map(reading).collect())
}

/// Value and standard uncertainty, mm.
type Measured = Result<(f64, f64), Reason>;

/// What the checks that measure these sizes say.
fn measured(
    photo: &Photo,
    recipe: &Recipe,
    known: &[KnownSize],
    policy: &CalibrationPolicy,
) -> BTreeMap<String, Measured> {
    let part = register(locate(photo, policy), &recipe.reference);
    let wanted = |c: &Characteristic| known.iter().any(|k| k.id == c.id);
    let mut all = BTreeMap::new();
    for check in recipe.checks.iter().filter(|check| check.characteristics().iter().any(wanted)) {
        for (characteristic, observation) in check.characteristics().iter().zip(check.observe(&part)) {
            let found = match observation.outcome {
                Outcome::Measured { value, u, .. } => Ok((value, u)),
                Outcome::NotMeasured(reason) => Err(reason),
            };
            all.insert(characteristic.id.clone(), found);
        }
    }
    all
}

/// What photos of known sizes say of a camera.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundScale {
    /// The calibration that follows, for `[calibration]` of recipes.
    pub policy: CalibrationPolicy,
    /// True when the edge offset was found; else the sizes cannot tell it from the scale, and it stays as it was.
    pub edge_found: bool,
    /// How many times farther the sizes are from each other than their uncertainties say, at least 1; the uncertainties of what was found grew by it (Birge 1932,
    /// doi:10.1103/PhysRev.40.207). Always 1 when there are only as many sizes as unknowns.
    pub disagreement: f64,
    /// True when there are more sizes than unknowns: else any numbers fit, and nothing checks them.
    pub checked: bool,
    /// Relative standard deviation of the scale from photo to photo, noise apart: the camera does not look straight down, or the part lay at other heights. `None` for a
    /// single photo, which says nothing about it.
    pub between_photos: Option<f64>,
    /// The known sizes with what the calibrated camera says of them.
    pub sizes: Vec<SizeRecord>,
    /// Photos that were used.
    pub photos: usize,
}

impl FoundScale {
    /// Root mean square of measured minus known sizes, px.
    pub fn rms_px(&self) -> f64 {
        let squares = self.sizes.iter().map(|s| (s.measured_mm - s.known_mm) * (s.measured_mm - s.known_mm));
        (squares.sum::<f64>() / self.sizes.len() as f64).sqrt() / self.policy.mm_per_px
    }
}

/// Finds scale and edge offset from readings taken with `policy`.
///
/// A size is `k (m + E e)`: m as it was measured, E its change per px of edge offset, k the change of scale and e that of the offset; linear in k and k e. Each size counts by what is not known of
/// its value and of its edges. The offset is kept where its uncertainty would be larger than what the policy says of it. Recipes take the two as independent; where
/// they are correlated by r both grow by the root of 1 + |r|, with which no measurand's uncertainty is too small.
///
/// # Errors
/// [`ScaleError::Nothing`], [`ScaleError::NotSeen`], [`ScaleError::Apart`], [`ScaleError::Disagree`], [`ScaleError::Edges`], [`ScaleError::Exposures`].
///
/// ```
/// use inspector::calibration::CalibrationPolicy;
/// use inspector::scale::{KnownSize, Reading, solve};
/// let size = |id: &str, mm| KnownSize { id: id.into(), mm, u_mm: 0.002 };
/// let known = [size("outline.diameter", 30.0), size("hole-1.diameter", 20.0)];
/// // Both 1 % too large, and the outline by 0.06 mm more, the hole by as much less: edges are seen 0.3 px outside, at 0.1 mm per pixel.
/// let reading = |size, mm, by_edge| Reading { size, photo: 0, mm, u_mm: 0.001, mm_per_edge_px: by_edge, overexposed_ground: false };
/// let readings = [reading(0, 30.3 + 0.06, -0.2), reading(1, 20.2 - 0.06, 0.2)];
/// let found = solve(&CalibrationPolicy::of(0.1), &known, &readings)?;
/// assert!((found.policy.mm_per_px - 0.1 / 1.01).abs() < 1e-9 && (found.policy.edge_offset_px - 0.3).abs() < 1e-9);
/// // Of one size the edges are not told: they stay what they were, and the scale is less certain.
/// let one = solve(&CalibrationPolicy::of(0.1), &known[..1], &readings[..1])?;
/// assert!(!one.edge_found && one.policy.u_scale > 4.0 * found.policy.u_scale);
/// # Ok::<(), inspector::scale::ScaleError>(())
/// ```
pub fn solve(policy: &CalibrationPolicy, known: &[KnownSize], readings: &[Reading]) -> Result<FoundScale, ScaleError> {
    if known.is_empty() {
        return Err(ScaleError::Nothing);
    }
    let rows: Vec<Row> = known.iter().enumerate().map(|(i, k)| Row::of(i, k, readings)).collect::<Result<_, _>>()?;
    // Whether sizes tell the edges is a matter of which they are, not of how well they fit.
    let overexposed_ground = ground(readings)?;
    let u_edge_px = libm::hypot(policy.u_edge_px, policy.u_exposure_px(overexposed_ground));
    let fit = Fit::both(&rows).filter(|f| f.u_edge() < u_edge_px * f.disagreement);
    let edge_found = fit.is_some();
    let fit = fit.unwrap_or_else(|| Fit::scale_only(&rows, u_edge_px));
    if fit.disagreement > MOST_DISAGREEMENT {
        return Err(misfit(known, &rows, &fit));
    }
    let edge_offset_px = policy.edge_offset_px + fit.edge / fit.k;
    if edge_offset_px.abs() > MOST_EDGE_PX {
        return Err(ScaleError::Edges { px: edge_offset_px });
    }
    let between_photos = fit.between_photos(&rows, readings);
    let photos = photos(readings).len();
    let place = between_photos.unwrap_or(0.0) * fit.k;
    let [[scale, both], [_, edge]] = fit.covariance;
    let scale = scale + place * place * (1.0 + 1.0 / photos as f64);
    let apart = if scale * edge > 0.0 { 1.0 + both.abs() / (scale * edge).sqrt() } else { 1.0 };
    let policy = CalibrationPolicy {
        mm_per_px: digits(policy.mm_per_px * fit.k, 7),
        u_scale: digits((apart * scale).sqrt() / fit.k, 3),
        edge_offset_px: digits(edge_offset_px, 4),
        u_edge_px: digits((apart * edge).sqrt() / fit.k, 3),
        tone: policy.tone,
        size_px: None,
        overexposed_ground,
    };
    let sizes = known.iter().zip(&rows).map(|(k, row)| SizeRecord {
        check: k.id.clone(),
        known_mm: k.mm,
        u_mm: k.u_mm,
        measured_mm: fit.says(row),
        photos: row.photos,
    });
    Ok(FoundScale {
        sizes: sizes.collect(),
        policy,
        edge_found,
        disagreement: fit.disagreement,
        checked: rows.len() > 1 + usize::from(edge_found),
        between_photos,
        photos,
    })
}

/// A number with so many digits that count, as people can read it.
fn digits(value: f64, count: usize) -> f64 {
    format!("{value:.*e}", count - 1).parse().unwrap_or(value)
}

/// Numbers of the photos that were read.
fn photos(readings: &[Reading]) -> std::collections::BTreeSet<usize> {
    readings.iter().map(|r| r.photo).collect()
}

/// Whether the photos' ground is overexposed.
fn ground(readings: &[Reading]) -> Result<bool, ScaleError> {
    let all = photos(readings).len();
    let of_them: Vec<Reading> = readings.iter().filter(|r| r.overexposed_ground).copied().collect();
    match photos(&of_them).len() {
        overexposed if overexposed == 0 || overexposed == all => Ok(overexposed > 0),
        overexposed => Err(ScaleError::Exposures { overexposed, photos: all }),
    }
}

/// A known size with the mean of its readings.
struct Row {
    truth: f64,
    measured: f64,
    by_edge: f64,
    weight: f64,
    photos: usize,
}

/// Least standard uncertainty of a size that is believed, mm.
const FINEST_MM: f64 = 1e-6;

impl Row {
    fn of(size: usize, known: &KnownSize, readings: &[Reading]) -> Result<Self, ScaleError> {
        let own = || readings.iter().filter(|r| r.size == size);
        let photos = own().count();
        let mean = |of: fn(&Reading) -> f64| own().map(of).sum::<f64>() / photos as f64;
        if photos == 0 {
            return Err(ScaleError::NotSeen { id: known.id.clone() });
        }
        let measured = mean(|r| r.mm);
        if !(known.mm / MOST..=known.mm * MOST).contains(&measured) {
            return Err(ScaleError::Apart { id: known.id.clone(), known: known.mm, measured });
        }
        // What form does to the edges is the same in every photo of the part: it is not divided by their number.
        let variance = known.u_mm * known.u_mm + mean(|r| r.u_mm * r.u_mm) + FINEST_MM * FINEST_MM;
        Ok(Self { truth: known.mm, measured, by_edge: mean(|r| r.mm_per_edge_px), weight: 1.0 / variance, photos })
    }
}

/// Scale and edge offset that fit.
struct Fit {
    /// Change of scale, and that times the change of the edge offset, px.
    k: f64,
    edge: f64,
    /// Of `k` and `edge`.
    covariance: [[f64; 2]; 2],
    disagreement: f64,
}

impl Fit {
    /// Both; `None` where the sizes leave one open.
    fn both(rows: &[Row]) -> Option<Self> {
        let mut sums = NormalEquations::new();
        rows.iter().for_each(|r| sums.add(&[r.measured, r.by_edge], r.truth, r.weight));
        let [k, edge] = solve_symmetric(sums.normal, sums.right)?;
        let covariance = inverse_symmetric(sums.normal)?;
        Some(Self { k, edge, covariance, disagreement: 1.0 }.grown(rows, 2))
    }

    /// The scale, when the edge offset is what it is within its uncertainty, px.
    fn scale_only(rows: &[Row], u_edge_px: f64) -> Self {
        let sum = |of: fn(&Row) -> f64| rows.iter().map(|r| r.weight * of(r)).sum::<f64>();
        let squares = sum(|r| r.measured * r.measured);
        let k = sum(|r| r.measured * r.truth) / squares;
        let of_sizes = Self { k, edge: 0.0, covariance: [[1.0 / squares, 0.0], [0.0; 2]], disagreement: 1.0 };
        let mut fit = of_sizes.grown(rows, 1);
        let (by_edge, u_edge) = (-sum(|r| r.measured * r.by_edge) / squares, k * u_edge_px);
        fit.covariance[0][0] += by_edge * by_edge * u_edge * u_edge;
        fit.covariance[0][1] = by_edge * u_edge * u_edge;
        fit.covariance[1] = [fit.covariance[0][1], u_edge * u_edge];
        fit
    }

    /// Less certain where the sizes are farther apart than they should be, `unknowns` of which were free.
    fn grown(self, rows: &[Row], unknowns: usize) -> Self {
        let squares: f64 = rows.iter().map(|r| r.weight * (self.says(r) - r.truth) * (self.says(r) - r.truth)).sum();
        let free = rows.len().saturating_sub(unknowns);
        let ratio = if free > 0 { (squares / free as f64).max(1.0) } else { 1.0 };
        Self { covariance: self.covariance.map(|row| row.map(|v| v * ratio)), disagreement: ratio.sqrt(), ..self }
    }

    /// What the calibrated camera says of a size, mm.
    fn says(&self, row: &Row) -> f64 {
        self.k * row.measured + self.edge * row.by_edge
    }

    /// Standard uncertainty of the edge offset, px.
    fn u_edge(&self) -> f64 {
        self.covariance[1][1].sqrt() / self.k
    }

    /// Relative standard deviation of the scale from photo to photo, less what noise alone makes of it.
    fn between_photos(&self, rows: &[Row], readings: &[Reading]) -> Option<f64> {
        let of_photo = |photo: &usize| {
            let (mut squares, mut products, mut noise) = (0.0, 0.0, 0.0);
            for r in readings.iter().filter(|r| r.photo == *photo) {
                let row = &rows[r.size];
                squares += row.weight * r.mm * r.mm;
                products += row.weight * r.mm * (row.truth - self.edge * r.mm_per_edge_px);
                noise += row.weight * row.weight * r.mm * r.mm * r.u_mm * r.u_mm;
            }
            (products / squares / self.k, noise / (squares * squares))
        };
        let each: Vec<(f64, f64)> = photos(readings).iter().map(of_photo).collect();
        let n = each.len() as f64;
        let (mean, noise) = (each.iter().map(|e| e.0).sum::<f64>() / n, each.iter().map(|e| e.1).sum::<f64>() / n);
        let squares: f64 = each.iter().map(|e| (e.0 - mean) * (e.0 - mean)).sum();
        (each.len() > 1).then(|| (squares / (n - 1.0) - noise).max(0.0).sqrt())
    }
}

#[cfg(test)]
mod tests;
