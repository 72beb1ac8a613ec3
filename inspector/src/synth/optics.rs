//! What a lens and a pixel make of a sharp outline.

use crate::design::{Design, Segment};
use crate::geometry::{DesignMm, ImagePx, Point, Similarity, Vector};
use rayon::prelude::*;

/// Phases of a pixel at which the kernel is tabled; linear interpolation between them is good to 2e-6.
const PHASES: usize = 256;

/// The design's coverage seen through a Gaussian blur by square pixels, ready to be read row by row.
///
/// The coverage of a shape P seen through the point spread function h (Gaussian, then the pixel's box) is the double
/// integral of h over P. By Green's theorem it is the line integral round the contour of `H(x - x') dy'`, with H the integral of h along x.
/// That integral is done here by two-point Gauss-Legendre quadrature on pieces of contour of at most half a sigma, on lines and arcs
/// themselves: no polygon, no sub-sampling, no assumption that the edge is straight within the blur.
/// What is kept are its differences along x, so that one running sum per row finishes the work.
pub(super) struct Seen {
    differences: Vec<f64>,
    width: usize,
}

impl Seen {
    /// Cost: about 0.2 us per pixel of contour, and one f64 per pixel of the picture.
    pub(super) fn new(
        design: &Design,
        image_from_design: &Similarity<DesignMm, ImagePx>,
        blur_px: f64,
        width: u32,
        height: u32,
    ) -> Self {
        let mut canvas = Canvas::new((0, 0), width as usize, height as usize);
        let kernel = Kernel::new(blur_px);
        // Material lies left of the contour with y up, so its left border runs down: towards greater y in the picture.
        let sense = if image_from_design.mirrored() { 1.0 } else { -1.0 };
        for segment in design.contours.iter().flat_map(|c| &c.segments) {
            let pieces = (segment.length() * image_from_design.scale() / (0.5 * blur_px)).ceil().max(1.0);
            for i in 0..pieces as usize {
                for node in [-GAUSS, GAUSS] {
                    let t = (i as f64 + 0.5 + node) / pieces;
                    let p = image_from_design.apply(segment.at(t));
                    let d = image_from_design.apply_vector(derivative(segment, t));
                    canvas.add(&kernel, p, sense * d.y * 0.5 / pieces);
                }
            }
        }
        Self { differences: canvas.differences, width: width as usize }
    }

    /// Coverage in [0, 1] of one row.
    pub(super) fn row(&self, row: usize, out: &mut [f32]) {
        let mut sum = 0.0;
        for (d, o) in self.differences[row * self.width..][..self.width].iter().zip(out) {
            sum += d;
            *o = sum.clamp(0.0, 1.0) as f32;
        }
    }
}

/// The coverage of every pixel, row by row. See [`Scene`](super::Scene) for what a picture adds to it.
///
/// Exact to about 1e-5: see the module's tests against brute-force supersampling.
pub fn blurred_coverage(
    design: &Design,
    image_from_design: &Similarity<DesignMm, ImagePx>,
    blur_px: f64,
    width: u32,
    height: u32,
) -> crate::design::raster::Coverage {
    let seen = Seen::new(design, image_from_design, blur_px, width, height);
    let mut plane = crate::design::raster::Coverage::new(width, height);
    if width > 0 {
        plane.par_chunks_exact_mut(width as usize).enumerate().for_each(|(row, out)| seen.row(row, out));
    }
    plane
}

/// Half the distance between the two nodes of Gauss-Legendre quadrature on an interval of length 1: 1 / sqrt(12).
const GAUSS: f64 = 0.288_675_134_594_812_9;

/// Derivative of [`Segment::at`] by its fraction.
fn derivative(segment: &Segment, t: f64) -> Vector<DesignMm> {
    match segment {
        Segment::Line { from, to } => *to - *from,
        Segment::Arc { circle, sweep, .. } => (segment.at(t) - circle.centre).perpendicular() * sweep.radians(),
    }
}

/// Sums of contour integrals over a rectangle of the picture, as differences along x.
pub(super) struct Canvas {
    differences: Vec<f64>,
    /// Column and row of its first pixel in the picture.
    origin: (i64, i64),
    width: usize,
    height: usize,
    across: Vec<f64>,
    down: Vec<f64>,
}

impl Canvas {
    pub(super) fn new(origin: (i64, i64), width: usize, height: usize) -> Self {
        let differences = vec![0.0; width * height];
        Self { differences, origin, width, height, across: Vec::new(), down: Vec::new() }
    }

    /// Adds `weight` times the coverage of a closed polygon, positive when it runs from +x to +y (clockwise as seen, y down).
    ///
    /// Sides are exact whatever their length: two nodes on pieces of at most half a sigma; one in the middle of a side so short (a curve drawn by
    /// chords) that the sum over many of them is the better rule.
    pub(super) fn polygon(&mut self, kernel: &Kernel, corners: &[[f64; 2]], weight: f64) {
        let next = corners.iter().cycle().skip(1);
        for ([x0, y0], [x1, y1]) in corners.iter().zip(next) {
            let (dx, dy) = (x1 - x0, y1 - y0);
            let length = (dx * dx + dy * dy).sqrt();
            if length < 0.25 * kernel.sigma {
                self.add(kernel, Point::new(x0 + 0.5 * dx, y0 + 0.5 * dy), -weight * dy);
                continue;
            }
            let pieces = (length / (0.5 * kernel.sigma)).ceil();
            for i in 0..pieces as usize {
                for node in [-GAUSS, GAUSS] {
                    let t = (i as f64 + 0.5 + node) / pieces;
                    self.add(kernel, Point::new(x0 + t * dx, y0 + t * dy), -weight * dy * 0.5 / pieces);
                }
            }
        }
    }

    /// True when it holds a row of the picture.
    pub(super) fn has_row(&self, row: usize) -> bool {
        (self.origin.1..self.origin.1 + self.height as i64).contains(&(row as i64))
    }

    /// Adds the sum of a row of the picture to what `out` holds for each column of the picture.
    pub(super) fn add_row(&self, row: usize, out: &mut [f32]) {
        if !self.has_row(row) {
            return;
        }
        let line = &self.differences[(row - self.origin.1 as usize) * self.width..][..self.width];
        let mut sum = 0.0;
        for (d, o) in line.iter().zip(&mut out[self.origin.0 as usize..]) {
            sum += d;
            *o += sum as f32;
        }
    }

    /// Adds one node of the contour integral at `p` with the weight `dy`.
    fn add(&mut self, kernel: &Kernel, p: Point<ImagePx>, dy: f64) {
        let p = Point::<ImagePx>::new(p.x - self.origin.0 as f64, p.y - self.origin.1 as f64);
        let reach = kernel.reach as f64;
        if dy == 0.0 || p.y < -reach - 1.0 || p.y > self.height as f64 + reach || p.x > self.width as f64 + reach {
            return;
        }
        let column = kernel.taps(p.x, &kernel.step, &mut self.across);
        let row = kernel.taps(p.y, &kernel.response, &mut self.down);
        // What begins left of the picture has begun at its first pixel.
        let outside = (-column).clamp(0, self.across.len() as i64) as usize;
        let begun: f64 = self.across[..outside].iter().sum();
        let first = column.max(0) as usize;
        if first >= self.width {
            return;
        }
        for (j, r) in self.down.iter().enumerate() {
            let y = row + j as i64;
            if y < 0 || y >= self.height as i64 {
                continue;
            }
            let line = &mut self.differences[y as usize * self.width..][..self.width];
            let weight = dy * r;
            if outside > 0 {
                line[0] += weight * begun;
            }
            for (d, s) in line[first..].iter_mut().zip(&self.across[outside..]) {
                *d += weight * s;
            }
        }
    }
}

/// The point spread function along one axis, tabled by the phase of the contour point within its pixel.
pub(super) struct Kernel {
    sigma: f64,
    /// Pixels on each side.
    pub(super) reach: i64,
    taps: usize,
    /// Response of a pixel at a distance: box convolved with Gaussian.
    response: Vec<f64>,
    /// Its running integral, differenced from pixel to pixel.
    step: Vec<f64>,
}

impl Kernel {
    pub(super) fn new(sigma: f64) -> Self {
        // At five sigma the Gaussian's tail is 3e-7; the box and the difference add 1.5 px.
        let reach = (5.0 * sigma + 1.5).ceil() as i64;
        let taps = 2 * reach as usize + 1;
        let table = |f: &dyn Fn(f64) -> f64| {
            // At phase k the point lies k / PHASES right of the centre of tap `reach`.
            let at = |k: usize, tap: usize| f(tap as f64 - reach as f64 - k as f64 / PHASES as f64);
            (0..=PHASES).flat_map(|k| (0..taps).map(move |tap| (k, tap))).map(|(k, tap)| at(k, tap)).collect()
        };
        let phi = |t: f64| 0.5 * libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2);
        // Integral of phi.
        let psi = |t: f64| t * phi(t) + libm::exp(-0.5 * t * t) / std::f64::consts::TAU.sqrt();
        let response = |u: f64| phi((u + 0.5) / sigma) - phi((u - 0.5) / sigma);
        let step = |u: f64| sigma * (psi((u + 0.5) / sigma) - 2.0 * psi((u - 0.5) / sigma) + psi((u - 1.5) / sigma));
        Self { sigma, reach, taps, response: table(&response), step: table(&step) }
    }

    /// Fills `out` with the values round a contour point at coordinate `at`; gives the pixel of the first.
    fn taps(&self, at: f64, table: &[f64], out: &mut Vec<f64>) -> i64 {
        let pixel = at.floor();
        let phase = (at - pixel) * PHASES as f64;
        let k = (phase as usize).min(PHASES - 1);
        let f = phase - k as f64;
        let (a, b) = (&table[k * self.taps..][..self.taps], &table[(k + 1) * self.taps..][..self.taps]);
        out.clear();
        out.extend(a.iter().zip(b).map(|(a, b)| a + f * (b - a)));
        pixel as i64 - self.reach
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;
    use crate::design::raster;
    use crate::geometry::Angle;

    fn place(scale: f64, turn: f64, x: f64, y: f64) -> Similarity<DesignMm, ImagePx> {
        Similarity::new(scale, Angle::from_degrees(turn), true, Vector::new(x, y))
    }
    fn total(plane: &raster::Coverage) -> f64 {
        plane.iter().map(|c| f64::from(*c)).sum()
    }

    /// Exact coverage on a grid eight times as fine, convolved with a sampled Gaussian, averaged over each pixel.
    fn brute_force(design: &Design, pose: &Similarity<DesignMm, ImagePx>, sigma: f64, side: u32) -> Vec<f64> {
        const FINE: usize = 8;
        let n = side as usize * FINE;
        // Pixel p of the picture covers the fine pixels 8 p ..= 8 p + 7, whose centres lie around 8 p + 3.5.
        let fine = pose.then(&Similarity::<ImagePx, ImagePx>::new(
            FINE as f64,
            Angle::default(),
            false,
            Vector::new(3.5, 3.5),
        ));
        let plane = raster::coverage(&raster::polygons(design, &fine, 1e-4), n as u32, n as u32);
        let reach = (6.0 * sigma * FINE as f64).ceil() as i64;
        let g: Vec<f64> = (-reach..=reach)
            .map(|i| libm::exp(-0.5 * (i as f64 / (sigma * FINE as f64)) * (i as f64 / (sigma * FINE as f64))))
            .collect();
        let norm: f64 = g.iter().sum();
        let blur = |source: &dyn Fn(usize) -> f64, i: usize| -> f64 {
            let tap = |(k, w): (usize, &f64)| {
                let j = i as i64 + k as i64 - reach;
                if j < 0 || j >= n as i64 { 0.0 } else { w / norm * source(j as usize) }
            };
            g.iter().enumerate().map(tap).sum()
        };
        let raw = plane.as_raw();
        let across: Vec<f64> = (0..n * n).map(|i| blur(&|x| f64::from(raw[i / n * n + x]), i % n)).collect();
        let mut out = vec![0.0; (side * side) as usize];
        for y in 0..n {
            for x in 0..n {
                let v = blur(&|yy| across[yy * n + x], y);
                out[y / FINE * side as usize + x / FINE] += v / (FINE * FINE) as f64;
            }
        }
        out
    }

    #[test]
    fn equals_brute_force_on_corners_arcs_and_small_holes() {
        let design = parts::bracket();
        for (sigma, turn) in [(0.7, 17.0), (1.6, 203.0)] {
            // 0.7 px per mm: the 4 mm hole is 2.8 px across, everything is curvature and corners.
            let middle = place(0.7, turn, 0.0, 0.0).apply(Point::new(30.0, 20.0));
            let pose = place(0.7, turn, 32.4 - middle.x, 31.7 - middle.y);
            let (expected, actual) =
                (brute_force(&design, &pose, sigma, 64), blurred_coverage(&design, &pose, sigma, 64, 64));
            let worst = expected.iter().zip(actual.iter()).map(|(e, a)| (e - f64::from(*a)).abs()).fold(0.0, f64::max);
            // The brute force itself is good to about (1/8)² / 24 of the curvature of its Gaussian: 5e-4 at 0.7 px.
            assert!(worst < 6e-4, "sigma {sigma}: {worst}");
        }
    }

    #[test]
    fn total_light_deficit_is_the_area() {
        let design = parts::visor();
        let pose = place(2.0, 31.0, 60.0, 380.0);
        let area_mm2: f64 = design.contours.iter().map(|c| c.signed_area()).sum();
        let seen = total(&blurred_coverage(&design, &pose, 1.1, 700, 700));
        assert!((seen / (area_mm2 * 4.0) - 1.0).abs() < 1e-6, "{seen} against {}", area_mm2 * 4.0);
    }

    #[test]
    fn straight_edge_has_half_its_light_where_it_is() {
        let square = parts::rounded_rectangle(40.0, 40.0, 0.0, &[]);
        for sigma in [0.7, 1.0, 1.6] {
            let mut mean = 0.0;
            for phase in 0..20 {
                let edge = 30.0 + 0.05 * f64::from(phase);
                // The square is drawn from -20 to 20 mm; its left edge lies at `edge` in the picture.
                let plane = blurred_coverage(&square, &place(1.0, 0.0, edge + 20.0, 40.0), sigma, 90, 80);
                let row: Vec<f64> = plane.as_raw()[40 * 90..41 * 90].iter().map(|c| f64::from(*c)).collect();
                // Far from its ends a straight edge is the normal distribution, averaged over the pixel (here by Simpson's rule).
                for (x, actual) in row.iter().enumerate().take(45) {
                    let phi = |u: f64| 0.5 * libm::erfc((edge - u) / (sigma * std::f64::consts::SQRT_2));
                    let simpson = |i: i32| if i == 0 || i == 20 { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                    let box_mean: f64 =
                        (0..=20).map(|i| simpson(i) / 60.0 * phi(x as f64 - 0.5 + 0.05 * f64::from(i))).sum();
                    assert!((actual - box_mean).abs() < 1e-5, "sigma {sigma}, edge {edge}, {x}: {actual} {box_mean}");
                }
                mean += (crossing(&row) - edge) / 20.0;
            }
            // Single crossings at 0.7 px are aliased (true of every camera); their mean over all phases is not.
            assert!(mean.abs() < 0.002, "sigma {sigma}: {mean}");
        }
    }

    /// Where a profile from the outside in first passes one half, by a cubic through four samples.
    fn crossing(row: &[f64]) -> f64 {
        let i = row.iter().position(|v| *v >= 0.5).expect("an edge") - 1;
        let cubic = |t: f64| {
            let s = &row[i - 1..i + 3];
            let (a, b) = (-t * (t - 1.0) * (t - 2.0) / 6.0, (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0);
            let (c, d) = (-(t + 1.0) * t * (t - 2.0) / 2.0, (t + 1.0) * t * (t - 1.0) / 6.0);
            a * s[0] + b * s[1] + c * s[2] + d * s[3]
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let mid = 0.5 * (low + high);
            if cubic(mid) < 0.5 { low = mid } else { high = mid }
        }
        i as f64 + low
    }

    #[test]
    fn disc_looks_smaller_at_half_light_by_its_curvature() {
        let disc = parts::disc(20.0);
        let (mut inward, n) = (0.0, 20);
        let (sigma, radius) = (1.4, 10.0);
        for i in 0..n {
            let x = 20.0 + f64::from(i) / f64::from(n);
            let plane = blurred_coverage(&disc, &place(1.0, 0.0, x, 20.0), sigma, 42, 41);
            let row: Vec<f64> = plane.as_raw()[20 * 42..21 * 42].iter().map(|c| f64::from(*c)).collect();
            inward += (crossing(&row) - (x - radius)) / f64::from(n);
        }
        // The pixel's box adds its variance 1/12 along each axis to the blur.
        let predicted = (sigma * sigma + 1.0 / 12.0) / (2.0 * radius);
        assert!((inward / predicted - 1.0).abs() < 0.03, "{inward} against {predicted}");
    }

    #[test]
    fn what_leaves_the_picture_is_cut_at_its_border() {
        let disc = parts::disc(20.0);
        let whole = blurred_coverage(&disc, &place(1.0, 0.0, 30.0, 30.0), 1.2, 60, 60);
        for (dx, dy) in [(-28, 0), (28, 0), (0, -28), (0, 28), (60, 60)] {
            let pose = place(1.0, 0.0, 30.0 + f64::from(dx), 30.0 + f64::from(dy));
            let cut = blurred_coverage(&disc, &pose, 1.2, 60, 60);
            for (x, y, c) in cut.enumerate_pixels() {
                let (x, y) = (x as i32 - dx, y as i32 - dy);
                let inside = (0..60).contains(&x) && (0..60).contains(&y);
                let expected = if inside { whole.get_pixel(x as u32, y as u32).0[0] } else { 0.0 };
                assert!((c.0[0] - expected).abs() < 1e-5, "{dx} {dy}: {x} {y}");
            }
        }
    }
}
