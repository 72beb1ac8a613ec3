//! A printed mat, and the cameras that look at parts on it: what trials of measuring and of judging share.
//!
//! The print is off in scale, the sheet waves, the camera's record is off by its own uncertainty. What a person would know of them is stated as it would be.

use inspector::calibration::mat::{Layout, MatPolicy, Paper, Shape};
use inspector::calibration::{Camera, CameraRecord, Lens};
use inspector::design::{Body, ContourPoint, Design};
use inspector::geometry::{Angle, DesignMm, Mm, Point, Similarity, Vector, solve_robust};
use inspector::synth::Seeded;
use inspector::synth::view::{Device, Print, Sheet, Trials};
use std::sync::Arc;

/// Standard uncertainty of a printed distance measured with a caliper, mm.
const U_CALIPER_MM: f64 = 0.05;
/// A sheet bonded to a board: highest curl of the paper, mm.
pub(crate) const CURL_MM: f64 = 0.2;
/// Standard deviation of the height of sheets that lie so, as a share of the highest curl (two waves, amplitudes rectangular up to 0.3 and 0.2 of the curl: the
/// variances of a sine and of a rectangular amplitude are 1/2 and 1/3 of squares).
pub(crate) const U_FLAT: f64 = 0.147_196_014_438_797_2;
/// Standard uncertainty of the thickness, relative.
const U_THICKNESS: f64 = 0.02;
/// Light of the paper; share of it that ink returns.
const PAPER: f64 = 0.85;
const INK: f64 = 0.05;
/// Standard deviation by which sides of good parts are off, mm, as registration takes it.
const PARTS_MM: f64 = 0.1;
/// From the part to the border of the quiet middle, mm.
const CLEAR_MM: f64 = 4.0;

/// Sum of twelve uniform numbers: mean 0, standard deviation 1.
fn normal(random: &mut Seeded) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// An A4 mat as it came out of the printer.
pub(crate) struct Mat {
    layout: Layout,
    /// How much larger than it should be, across and up.
    scale: [f64; 2],
    /// Highest curl, and the standard uncertainty of flatness that is stated, mm.
    curl_mm: f64,
    u_flat_mm: f64,
}

impl Mat {
    pub(crate) fn printed(seed: u64, random: &mut Seeded) -> Self {
        let layout = Layout::new(Paper::A4, (seed % 4096) as u16);
        let scale = [0, 1].map(|_| 1.0 + random.between(-0.004, 0.004));
        Self { layout, scale, curl_mm: CURL_MM, u_flat_mm: U_FLAT * CURL_MM }
    }

    /// The same lying otherwise, with what is said of how flat it lies.
    pub(crate) fn lying(self, curl_mm: f64, u_flat_mm: f64) -> Self {
        Self { curl_mm, u_flat_mm, ..self }
    }

    fn sheet(&self) -> Sheet {
        let [w, h] = self.layout.paper.size_mm().map(|s| 0.5 * s);
        let paper = Print::rectangle(Point::new(-w, -h), Point::new(w, h), PAPER);
        let print = |shape: Shape| Print {
            outline: shape.outline.iter().map(|p| Point::new(p.x * self.scale[0], p.y * self.scale[1])).collect(),
            rgb: shape.light.map(|share| PAPER * (INK + (1.0 - INK) * share)),
        };
        let prints = std::iter::once(paper).chain(self.layout.shapes().into_iter().map(print)).collect();
        Sheet::new([0.25; 3], prints).expect("prints of the mat nest or touch")
    }

    /// Photos of parts in its quiet middle, on either side.
    pub(crate) fn trials(&self, device: Device) -> Trials {
        let [x, y] = self.layout.quiet_mm.map(|side| 0.5 * side - CLEAR_MM);
        let area = (Point::new(-x, -y), Point::new(x, y));
        Trials { curl: Mm(self.curl_mm), ..Trials::new(device, Arc::new(self.sheet()), area) }
    }

    /// What a recipe says of it: its number, the camera's record, distances measured with a caliper, a board under it.
    pub(crate) fn policy(&self, device: Device, camera: &Camera, random: &mut Seeded) -> MatPolicy {
        MatPolicy {
            id: Some(self.layout.id),
            camera: Some(record(camera, device.size(), random)),
            measured_mm: [0, 1]
                .map(|k| Some(self.layout.distances[k].nominal_mm() * self.scale[k] + U_CALIPER_MM * normal(random))),
            u_measured_mm: U_CALIPER_MM,
            u_flat_mm: self.u_flat_mm,
            ..MatPolicy::of(Paper::A4)
        }
    }
}

/// As thick as the sheets of a workshop are.
pub(crate) fn thickness(nominal_mm: f64, random: &mut Seeded) -> Mm {
    Mm(nominal_mm * (1.0 + U_THICKNESS * normal(random)))
}

/// The record of the camera, off by its own uncertainty.
fn record(camera: &Camera, (width, height): (u32, u32), random: &mut Seeded) -> CameraRecord {
    let Camera::Perspective(p) = camera else { panic!("trials have a lens") };
    let mut lens = *p.lens();
    let focal = 2e-4 * lens.fx;
    let sigma = [focal, focal, focal, focal, 1e-3, 3e-3, 1e-4, 1e-4, 1e-6];
    let Lens { fx, fy, cx, cy, k1, k2, p1, p2, k3 } = &mut lens;
    [fx, fy, cx, cy, k1, k2, p1, p2, k3].into_iter().zip(sigma).for_each(|(v, s)| *v += s * normal(random));
    let covariance = std::array::from_fn(|i| std::array::from_fn(|j| if i == j { sigma[i] * sigma[i] } else { 0.0 }));
    let artefact = "as if of a board".to_owned();
    CameraRecord { schema: 1, width, height, artefact, photos: 10, rms_px: 0.2, by: None, made: None, lens, covariance }
}

/// A plate with round holes and a slot: x, y and diameter; x, y, length and width.
#[derive(Clone)]
pub(crate) struct Plate {
    size: [f64; 2],
    holes: Vec<[f64; 3]>,
    slot: [f64; 4],
}

impl Plate {
    /// Four holes near the corners, one elsewhere, a slot beside the middle: half a turn makes it nearly, but not quite, the same.
    pub(crate) fn random(random: &mut Seeded) -> Self {
        let size = [random.between(70.0, 130.0), random.between(36.0, 60.0)];
        let [x, y] = size.map(|s| 0.5 * s - 9.0);
        let corners = [(-x, -y), (x, -y), (x, y), (-x, y)];
        let mut holes: Vec<[f64; 3]> = corners.iter().map(|(x, y)| [*x, *y, random.between(4.0, 9.0)]).collect();
        holes.push([0.3 * x, 0.3 * y, random.between(3.0, 10.0)]);
        Self { size, holes, slot: [-0.35 * x, -0.4 * y, random.between(10.0, 16.0), random.between(3.0, 6.0)] }
    }

    /// As a workshop makes it.
    pub(crate) fn made(&self, random: &mut Seeded) -> Self {
        let mut off = |v: f64, sigma: f64| v + sigma * normal(random);
        let holes = self.holes.iter().map(|[x, y, d]| [off(*x, 0.1), off(*y, 0.1), off(*d, 0.1)]);
        let holes = holes.collect();
        let [x, y, length, width] = self.slot;
        Self { holes, slot: [off(x, 0.1), off(y, 0.1), off(length, 0.1), off(width, 0.1)], ..*self }
    }

    pub(crate) fn design(&self, thickness_mm: f64) -> Design {
        let [w, h] = self.size;
        let circle = |[x, y, d]: &[f64; 3]| format!("<circle cx='{x}' cy='{y}' r='{}'/>", 0.5 * d);
        let holes: String = self.holes.iter().map(circle).collect();
        let [x, y, length, width] = self.slot;
        let (half, r) = (0.5 * (length - width), 0.5 * width);
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{w}mm' height='{h}mm' viewBox='{} {} {w} {h}'>\
             <rect x='{}' y='{}' width='{w}' height='{h}' rx='4'/>{holes}\
             <path d='M {} {} H {} A {r} {r} 0 0 1 {} {} H {} A {r} {r} 0 0 1 {} {} Z'/></svg>",
            -0.5 * w,
            -0.5 * h,
            -0.5 * w,
            -0.5 * h,
            x - half,
            y - r,
            x + half,
            x + half,
            y + r,
            x - half,
            x - half,
            y - r,
        );
        let design = Design::open(svg.as_bytes(), None).expect("a drawing");
        let body = Body { thickness_mm, u_thickness_mm: U_THICKNESS * thickness_mm, either_side: true };
        Design { body, ..design }
    }
}

/// Where the drawing lies on a part as made when it fits best: one step of robust least squares of the distances along the normals, as registration does it
/// with what it sees. Positions and profiles are deviations from there.
pub(crate) fn fit(drawn: &Design, made: &Design) -> Similarity<DesignMm, DesignMm> {
    let there: Vec<ContourPoint> = made.contours.iter().flat_map(|c| c.sample(0.1)).collect();
    let says = |at: ContourPoint| {
        let row = [at.normal.x, at.normal.y, at.p.x * at.normal.y - at.p.y * at.normal.x];
        (row, deviation(&there, &at))
    };
    let rows: Vec<_> = drawn.contours.iter().flat_map(|c| c.sample(1.0)).map(says).collect();
    let ([x, y, turn], _) = solve_robust(&rows, PARTS_MM).expect("contours tell a pose");
    Similarity::new(1.0, Angle::from_radians(turn), false, Vector::new(x, y))
}

/// How far a part as made lies outside of a place of the drawing, mm.
fn deviation(made: &[ContourPoint], at: &ContourPoint) -> f64 {
    let same_way = made.iter().filter(|q| q.normal.dot(at.normal) > 0.7);
    let nearest = same_way.min_by(|a, b| a.p.distance(at.p).total_cmp(&b.p.distance(at.p)));
    nearest.map_or(0.0, |q| (q.p - at.p).dot(at.normal))
}

/// Every seed with what comes of it, the even ones first.
pub(crate) fn on_two_threads<T: Send>(
    seeds: impl Iterator<Item = u64> + Clone + Sync,
    of: impl Fn(u64) -> T + Sync,
) -> Vec<(u64, T)> {
    let half = &|k: usize| seeds.clone().skip(k).step_by(2).map(|seed| (seed, of(seed))).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let halves = [0, 1].map(|k| scope.spawn(move || half(k)));
        halves.into_iter().flat_map(|h| h.join().expect("no photo ends the program")).collect()
    })
}
