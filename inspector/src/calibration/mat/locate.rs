//! A photo of a part on a mat becomes a camera and light that can be trusted, or the reason why not.

use super::edges::{EDGE_U_PX, UNSEEN_EDGE_U_PX};
use super::find::{Found, NotFound, find};
use super::layout::{Layout, Paper};
use super::light::{Quality, quality};
use super::pose::{Fit, Known, KnownLens, fit};
use super::seen::SeenMat;
use super::small::Small;
use crate::calibration::{Camera, CameraRecord, Day, Plane, Source, Tone, World, Worlds, paper_moved};
use crate::geometry::{ImagePx, Mm, PlaneMm, Point};
use crate::photo::Picture;
use crate::reason::Reason;

/// What a recipe says of its mat.
#[derive(Clone, Debug, PartialEq)]
pub struct MatPolicy {
    /// Size of its sheet.
    pub paper: Paper,
    /// The mat that must be seen; `None` for any of that paper.
    pub id: Option<u16>,
    /// The camera's record; without it the photo alone must tell the lens.
    pub camera: Option<CameraRecord>,
    /// The printed distances as they were measured, across and up, mm; `None` where nobody measured.
    pub measured_mm: [Option<f64>; 2],
    /// Standard uncertainty of a measured distance, mm, on the day on which it was measured.
    pub u_measured_mm: f64,
    /// That day. From then on the paper may have moved ([`paper_u_scale`](crate::calibration::paper_u_scale)); `None` when nobody said it: it then is taken to be as it was.
    pub measured_on: Option<Day>,
    /// Standard uncertainty of the sheet's flatness, mm.
    pub u_flat_mm: f64,
}

impl MatPolicy {
    /// A mat of which nothing is known but its paper: a loose sheet that nobody measured, seen by any camera.
    pub const fn of(paper: Paper) -> Self {
        Self {
            paper,
            id: None,
            camera: None,
            measured_mm: [None; 2],
            u_measured_mm: U_RULE_MM,
            measured_on: None,
            u_flat_mm: U_LOOSE_MM,
        }
    }

    /// What the paper may have moved since its distances were measured, relative standard uncertainty: that of the greatest age when the age is not known.
    fn moved(&self, age_days: Option<f64>) -> f64 {
        self.measured_on.map_or(0.0, |_| paper_moved(age_days.unwrap_or(f64::NAN)))
    }

    /// The printed size over the nominal one across and up, where somebody measured it.
    ///
    /// # Errors
    /// What is wrong with a distance that no printer can have made.
    pub fn printed_scale(&self) -> Result<[Option<f64>; 2], String> {
        let mut scales = [None; 2];
        for (k, distance) in Layout::new(self.paper, 0).distances.iter().enumerate() {
            let (nominal, Some(measured)) = (distance.nominal_mm(), self.measured_mm[k]) else { continue };
            let off = (measured / nominal - 1.0).abs();
            if off.is_nan() || off > MISPRINT {
                return Err(format!("{measured} mm instead of {nominal:.1} mm is more than printers are off"));
            }
            scales[k] = Some(measured / nominal);
        }
        Ok(scales)
    }
}

/// Standard uncertainty of a distance that was measured with a steel rule, mm.
const U_RULE_MM: f64 = 0.15;
/// Standard uncertainty of the flatness of a sheet that is not glued to a board, mm.
const U_LOOSE_MM: f64 = 0.5;

/// A photo on which a mat was found and believed.
#[derive(Clone, Debug)]
pub struct OnMat {
    /// Linear light by the camera's own tone curve.
    pub light: Plane,
    /// Camera and edge offset, and in which ways they may be otherwise.
    pub worlds: Worlds,
    /// The quiet middle, as the photo shows it.
    pub work_area: Vec<Point<ImagePx>>,
    /// What was found.
    pub seen: SeenMat,
}

/// Farthest that the photo may pull away from what was known, in standard uncertainties.
pub(super) const PULL: f64 = 5.0;
/// The same of the angle between the sheet's axes: what pulls at it is more often a camera that moved while it read its rows than a printer, and whatever it is it goes into every position.
pub(super) const SKEW_PULL: f64 = 3.0;
/// Shapes of the pictures that cameras take, longer side over shorter, and how far from one of them a picture may be, relative.
const SHAPES: [f64; 15] = [
    1.0,
    11.0 / 9.0,
    5.0 / 4.0,
    4.0 / 3.0,
    3.0 / 2.0,
    16.0 / 10.0,
    5.0 / 3.0,
    16.0 / 9.0,
    17.0 / 9.0,
    2.0,
    18.5 / 9.0,
    19.0 / 9.0,
    19.5 / 9.0,
    20.0 / 9.0,
    21.0 / 9.0,
];
const SHAPE: f64 = 0.007;
/// Sizes of industrial sensors of other shapes.
const SIZES: [[u32; 2]; 8] =
    [[1624, 1240], [2448, 2048], [2464, 2056], [2592, 2048], [4096, 3000], [4112, 3008], [5320, 4600], [5328, 4608]];
/// Most scatter of the corners on the sheet, mm: printers keep well below.
pub(super) const SCATTER_MM: f64 = 0.08;
/// The same of the sheet's bend: of 10,000 sheets with random waves 2 are bent by more.
pub(super) const BENT: f64 = 3.0;
/// Most bend of the sheet (root mean square of its tags' heights), mm.
pub(super) const BEND_MM: f64 = 1.6;
/// Largest angle between the camera's axis and the sheet's normal, degrees.
pub(super) const MOST_TILT_DEG: f64 = 50.0;
/// Largest share of corners that may disagree.
const OUTLIERS: f64 = 0.25;
/// Largest share of tags that may lie outside the picture.
const OUTSIDE: f64 = 0.3;
/// A picture without tags and without edges sharper than this, px, is out of focus. (Narrow bars that are blurred do not reach black, so
/// their blur is taken for less than it is.)
const SOFT_WITHOUT_TAGS: f64 = 2.5;
/// Farthest that a print may be off, relative.
const MISPRINT: f64 = 0.02;

/// A photo in which nothing can be measured.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why not.
    pub reason: Reason,
    /// The mat, as far as it was found: which of its readings are beyond their limits.
    pub seen: Option<Box<SeenMat>>,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, seen: None }
    }
}

/// Finds the mat and judges the photo by it.
///
/// # Errors
/// The [`Reason`] for which nothing can be measured in this photo, with all that the mat told.
pub fn locate_on_mat(picture: &Picture, policy: &MatPolicy, mat_age_days: Option<f64>) -> Result<OnMat, Refused> {
    let light = Tone::Srgb.linear(picture);
    let found = find(&light).map_err(|why| refusal(why, &light))?;
    same_mat(&found, policy)?;
    let layout = Layout::new(found.paper, found.id.or(policy.id).unwrap_or(0));
    let size = [picture.width(), picture.height()];
    let paper_moved = policy.moved(mat_age_days);
    let known = known(policy, paper_moved, &layout, size)?;
    if found.corners.len() < 16 {
        return Err(too_little(&found).into());
    }
    let fit = fit(&found.corners, layout.half_ring_mm(), size, &known).ok_or_else(|| too_little(&found))?;
    let (quality, light) = quality(picture, light, &layout, &found, &fit);
    let trusted = in_picture(&layout, &fit, size)
        .and_then(|()| covered(&layout, &found))
        .and_then(|()| whole(policy, size))
        .and_then(|()| from_above(&fit))
        .and_then(|()| quality.good())
        .and_then(|()| believed(&fit, &known));
    let seen = SeenMat { found, fit, quality, paper_moved };
    if let Err(reason) = trusted {
        return Err(Refused { reason, seen: Some(Box::new(seen)) });
    }
    let work_area = border_of(layout.quiet_mm).filter_map(|p| seen.fit.camera_sees(p)).collect();
    Ok(OnMat { worlds: worlds(&seen.fit, &seen.quality), light, work_area, seen })
}

/// Without a camera record the lens's axis is taken to be in the middle of the picture and its pixels to be square: a picture that was cropped or stretched since it was taken has neither.
/// Most of those have a shape that no camera makes; a record tells the others.
pub(super) fn whole(policy: &MatPolicy, [width, height]: [u32; 2]) -> Result<(), Reason> {
    let [longer, shorter] = [width.max(height), width.min(height)];
    let shape = f64::from(longer) / f64::from(shorter);
    if policy.camera.is_some()
        || SIZES.contains(&[longer, shorter])
        || SHAPES.iter().any(|s| (shape / s - 1.0).abs() < SHAPE)
    {
        return Ok(());
    }
    Err(Reason::MatCropped { width, height })
}

fn refusal(why: NotFound, light: &Plane) -> Reason {
    match why {
        NotFound::Mirrored => Reason::MatMirrored,
        NotFound::TooFew { tags } => Reason::MatTooLittle { found: tags, expected: 36 },
        NotFound::Nothing => match extremes(light) {
            // A picture that is nearly black, or nearly white, shows no mat whatever lies there.
            (_, bright) if bright < 0.03 => Reason::MatTooDark { white_percent: 100.0 * bright },
            (dark, _) if dark > 0.95 => Reason::MatOverexposed { clipped_percent: 100.0 },
            _ => softness(light)
                .filter(|blur| *blur > SOFT_WITHOUT_TAGS)
                .map_or(Reason::NoMat, |blur_px| Reason::MatBlurred { blur_px }),
        },
    }
}

/// Blur of the sharpest edges of a picture with contrast, px: what a step over the whole contrast would need for the steepest slopes.
fn softness(light: &Plane) -> Option<f64> {
    let small = Small::of(light);
    let lines = small.values.chunks_exact(small.width.max(1));
    let mut steps: Vec<u8> = lines.flat_map(|l| l.windows(3).map(|w| w[0].abs_diff(w[2]))).collect();
    let mut values = small.values.clone();
    let at = |v: &mut Vec<u8>, share: f64| {
        let k = ((v.len().checked_sub(1)?) as f64 * share) as usize;
        Some(f64::from(*v.select_nth_unstable(k).1))
    };
    let contrast = at(&mut values, 0.98)? - at(&mut values, 0.02)?;
    let slope = 0.5 * at(&mut steps, 0.999)?;
    // The steepest slope of a blurred step is its height over 2.5 standard deviations.
    (contrast > 60.0).then(|| small.factor as f64 * contrast / (2.507 * slope.max(0.5)))
}

/// Light that 2 % and 98 % of the picture stay below, in [0, 1].
fn extremes(light: &Plane) -> (f64, f64) {
    let mut some: Vec<u16> = light.as_raw().iter().step_by(97).copied().collect();
    some.sort_unstable();
    let at = |share: f64| some.get((some.len() as f64 * share) as usize).map_or(0.0, |v| f64::from(*v) / 65535.0);
    (at(0.02), at(0.98))
}

fn too_little(found: &Found) -> Reason {
    Reason::MatTooLittle { found: found.tags.len(), expected: found.expected_tags }
}

/// Refuses a mat that is another one beyond doubt: a tag is read wrongly far less often than its bit differs.
fn same_mat(found: &Found, policy: &MatPolicy) -> Result<(), Reason> {
    let wrong = |id: u16| found.tags.iter().filter(|t| super::layout::bit(id, t.number) != t.bit).count();
    if found.paper == policy.paper && policy.id.is_none_or(|id| 10 * wrong(id) <= found.tags.len()) {
        return Ok(());
    }
    let name = |paper: Paper, id: Option<u16>| match id {
        Some(id) => format!("mat {id} on {paper}"),
        None => format!("a mat on {paper}"),
    };
    Err(Reason::AnotherMat { expected: name(policy.paper, policy.id), found: name(found.paper, found.id) })
}

/// What is known before the photo is looked at.
fn known(policy: &MatPolicy, moved: f64, layout: &Layout, [width, height]: [u32; 2]) -> Result<Known, Reason> {
    let lens = match &policy.camera {
        None => None,
        Some(record) => {
            record.fits((width, height)).map_err(|e| Reason::CameraRecord { detail: e.to_string() })?;
            Some(KnownLens { lens: record.lens, covariance: record.covariance })
        }
    };
    let mut known = Known { lens, u_flat_mm: policy.u_flat_mm, ..Known::UNMEASURED };
    let scales = policy.printed_scale().map_err(|detail| Reason::MatDistances { detail })?;
    for (k, scale) in scales.into_iter().enumerate() {
        if let Some(scale) = scale {
            known.printed_scale[k] = scale;
            known.u_printed_scale[k] = libm::hypot(policy.u_measured_mm / layout.distances[k].nominal_mm(), moved);
        }
    }
    Ok(known)
}

/// Upper left, upper right, lower right, lower left of a rectangle round the middle.
fn corners_of(size: [f64; 2]) -> [Point<PlaneMm>; 4] {
    let [w, h] = size.map(|s| 0.5 * s);
    [Point::new(-w, h), Point::new(w, h), Point::new(w, -h), Point::new(-w, -h)]
}

/// Places along the sides: a lens bends these, and between its corners the quiet middle would reach into the tags.
fn border_of(size: [f64; 2]) -> impl Iterator<Item = Point<PlaneMm>> {
    const EACH: u32 = 8;
    let corners = corners_of(size);
    (0..4).flat_map(move |i| {
        let (from, to) = (corners[i], corners[(i + 1) % 4]);
        (0..EACH).map(move |k| from + (to - from) * (f64::from(k) / f64::from(EACH)))
    })
}

/// The quiet middle lies in the picture, and most of the ring does.
fn in_picture(layout: &Layout, fit: &Fit, [width, height]: [u32; 2]) -> Result<(), Reason> {
    let inside = |p: Point<PlaneMm>| {
        fit.camera_sees(p).is_some_and(|q| {
            q.x >= 0.0 && q.y >= 0.0 && q.x <= f64::from(width) - 1.0 && q.y <= f64::from(height) - 1.0
        })
    };
    let outside = layout.tags.iter().filter(|t| !inside(t.centre)).count();
    if outside as f64 <= OUTSIDE * layout.tags.len() as f64 && corners_of(layout.quiet_mm).into_iter().all(inside) {
        return Ok(());
    }
    Err(Reason::MatOutside)
}

/// Tags are seen in all four quarters of the sheet: what lies between them is then held on all sides.
fn covered(layout: &Layout, found: &Found) -> Result<(), Reason> {
    for (name, x, y) in
        [("upper left", -1.0, 1.0), ("upper right", 1.0, 1.0), ("lower right", 1.0, -1.0), ("lower left", -1.0, -1.0)]
    {
        let there = found.corners.iter().filter(|c| c.nominal.x * x > 0.0 && c.nominal.y * y > 0.0).count();
        if there < 6 {
            return Err(Reason::MatCornerCovered { corner: name });
        }
    }
    if found.tags.len() < fewest_tags(layout.tags.len()) {
        return Err(too_little(found));
    }
    Ok(())
}

/// The camera looks at the mat more from above than from the side: from there small heights move edges far, and the lens is hardly in focus over all of it.
fn from_above(fit: &Fit) -> Result<(), Reason> {
    let (tilt_deg, most_deg) = (fit.tilt_deg(), MOST_TILT_DEG);
    if tilt_deg > most_deg { Err(Reason::MatTilted { tilt_deg, most_deg }) } else { Ok(()) }
}

/// Tags that must be seen of so many: half of them, or a few less.
pub(super) const fn fewest_tags(of: usize) -> usize {
    (of - of / 8).div_ceil(2)
}

/// The corners agree with each other and with what was known.
fn believed(fit: &Fit, known: &Known) -> Result<(), Reason> {
    if fit.pulls.flat > BENT || fit.bend_mm > BEND_MM {
        return Err(Reason::MatNotFlat { detail: format!("it is bent by {:.1} mm", fit.bend_mm) });
    }
    if known.lens.is_some() && fit.pulls.lens > PULL {
        // Together they are too many: which of the two is wrong the photo cannot tell.
        let or = if fit.pulls.print > PULL { "; or the mat's distances are not as the recipe says" } else { "" };
        return Err(Reason::CameraRecord { detail: format!("what is seen does not fit it{or}") });
    }
    if fit.pulls.print > PULL {
        let percent = |scale: [f64; 2]| scale.map(|s| 100.0 * (s - 1.0));
        let ([x, y], [said_x, said_y]) = (percent(fit.printed_scale), percent(known.printed_scale));
        let detail = format!(
            "in the photo it is printed {x:+.2} % across and {y:+.2} % up, where {said_x:+.2} % and {said_y:+.2} % are said"
        );
        return Err(Reason::MatDistances { detail });
    }
    if fit.pulls.skew > SKEW_PULL {
        return Err(Reason::MatSkewed);
    }
    let all = fit.used + fit.outliers.len();
    if fit.rms_mm.is_nan() || fit.rms_mm >= SCATTER_MM || fit.outliers.len() as f64 > OUTLIERS * all as f64 {
        return Err(Reason::MatNotFlat { detail: format!("its tags lie {:.2} mm off", fit.rms_mm) });
    }
    Ok(())
}

fn worlds(fit: &Fit, quality: &Quality) -> Worlds {
    let world = |camera: &crate::calibration::Perspective, edge_offset_px| {
        World::new(Camera::Perspective(camera.clone()), edge_offset_px)
    };
    let mut worlds = Worlds::certain(world(&fit.camera, 0.0));
    for (source, camera) in &fit.displaced {
        worlds.add(*source, world(camera, 0.0));
    }
    // What the tags' own edges show beyond their corners may be tone, blooming, or ink that spread: the photo cannot tell which.
    let u_edge = quality.edge_offset_px.map_or(UNSEEN_EDGE_U_PX, |offset| libm::hypot(EDGE_U_PX, 0.6 * offset));
    worlds.add(Source::Edge, world(&fit.camera, u_edge));
    worlds
}

impl Fit {
    /// Angle between the camera's axis and the sheet's normal, degrees.
    pub fn tilt_deg(&self) -> f64 {
        let axis = self.camera.camera_from_plane().matrix()[2][2];
        libm::acos(axis.abs().min(1.0)).to_degrees()
    }
    /// Where a true place on the plane is seen.
    fn camera_sees(&self, p: Point<PlaneMm>) -> Option<Point<ImagePx>> {
        let q = Camera::Perspective(self.camera.clone()).image_from_plane(p, Mm(0.0));
        q.is_finite().then_some(q)
    }
}
