//! A photo of a mat, rendered with exact edges: enough of a camera to try the finder.

use crate::calibration::mat::Layout;
use crate::calibration::{Camera, Lens, Perspective, Tone};
use crate::geometry::{ImagePx, Mm, PlaneMm, Point, Rigid};
use crate::photo::Picture;
use crate::synth::Seeded;
use image::GrayImage;

/// What is between mat and file.
#[derive(Clone, Debug)]
pub(super) struct Shot {
    pub(super) camera: Camera,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Sigma of the lens, px.
    pub(super) blur_px: f64,
    /// Standard deviation of noise, of white paper's light.
    pub(super) noise: f64,
    /// Light on white paper, 1 is the brightest code.
    pub(super) exposure: f64,
    /// Light returned by black ink, of paper's.
    pub(super) black: f64,
    /// Change of light from the middle to the right border.
    pub(super) slope: f64,
    /// Unsharp mask in codes: strength (radius 1.2 px).
    pub(super) sharpen: f64,
    /// Power of the camera's tone curve on top of sRGB's.
    pub(super) gamma: f64,
    pub(super) jpeg: Option<u8>,
    /// Height of the sheet at its left and right borders, mm: it is a parabola across.
    pub(super) curl_mm: f64,
    /// Covered where this is true.
    pub(super) covered: fn(Point<PlaneMm>) -> bool,
    /// True scale of the print across and up.
    pub(super) printed: [f64; 2],
    pub(super) seed: u64,
}

impl Shot {
    /// Upright sheet, `tilt` in degrees about an axis at `axis` degrees in the sheet, the sheet turned by `turn` degrees, filling most of the picture.
    pub(super) fn new(layout: &Layout, width: u32, height: u32, [tilt, axis, turn]: [f64; 3]) -> Self {
        let [w, h] = layout.paper.size_mm();
        let focal = 0.8 * f64::from(width.max(height));
        let lens = Lens { k1: 0.05, k2: -0.08, p1: 3e-4, p2: -2e-4, ..Lens::pinhole(focal, width, height) };
        let lens = Lens { cx: lens.cx + 0.004 * focal, cy: lens.cy - 0.003 * focal, ..lens };
        let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [0.0; 3] };
        let radians = |d: f64| d * std::f64::consts::PI / 180.0;
        let (s, c) = libm::sincos(radians(axis));
        let spin = Rigid { turn: [0.0, 0.0, radians(turn)], shift: [0.0; 3] };
        let lean = Rigid { turn: [radians(tilt) * c, radians(tilt) * s, 0.0], shift: [0.0; 3] };
        let mut pose = lean.after(&down.after(&spin));
        // As near as it may be with every corner of the sheet 2 % inside the picture.
        let corners = [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(x, y)| Point::new(0.5 * x, 0.5 * y));
        let inside = |distance: f64| {
            let mut pose = pose;
            pose.shift = [0.0, 0.0, distance];
            let camera = Camera::Perspective(Perspective::new(lens, pose));
            corners.iter().all(|p| {
                let q = camera.image_from_plane(*p, Mm(0.0));
                let within = |v: f64, n: u32| v > 0.02 * f64::from(n) && v < 0.98 * f64::from(n);
                within(q.x, width) && within(q.y, height)
            })
        };
        let mut distance = 100.0;
        while !inside(distance) {
            distance += 2.0;
        }
        pose.shift = [0.0, 0.0, distance];
        Self {
            camera: Camera::Perspective(Perspective::new(lens, pose)),
            width,
            height,
            blur_px: 1.0,
            noise: 0.005,
            exposure: 0.75,
            black: 0.04,
            slope: 0.0,
            sharpen: 0.0,
            gamma: 1.0,
            jpeg: None,
            curl_mm: 0.0,
            covered: |_| false,
            printed: [1.0, 1.0],
            seed: 1,
        }
    }

    /// Where a point as printed is seen.
    pub(super) fn seen(&self, layout: &Layout, nominal: Point<PlaneMm>) -> Point<ImagePx> {
        let p = Point::new(nominal.x * self.printed[0], nominal.y * self.printed[1]);
        self.camera.image_from_plane(p, Mm(self.height_at(layout, p)))
    }

    fn height_at(&self, layout: &Layout, p: Point<PlaneMm>) -> f64 {
        let x = 2.0 * p.x / layout.paper.size_mm()[0];
        self.curl_mm * x * x
    }

    fn nominal(&self, layout: &Layout, q: Point<ImagePx>) -> Point<PlaneMm> {
        let mut z = 0.0;
        let mut p = Point::new(f64::NAN, f64::NAN);
        for _ in 0..if self.curl_mm == 0.0 { 1 } else { 6 } {
            p = self.camera.plane_from_image(q, Mm(z));
            z = self.height_at(layout, p);
        }
        Point::new(p.x / self.printed[0], p.y / self.printed[1])
    }

    /// The file's pixels, decoded.
    pub(super) fn picture(&self, layout: &Layout) -> Picture {
        let light = self.light(layout);
        let (w, h) = (self.width as usize, self.height as usize);
        let blurred = blur(&light, w, h, self.blur_px);
        let mut random = Seeded::new(self.seed, 0);
        let code = |l: f64| Tone::Srgb.code(libm::pow(l.clamp(0.0, 1.0), self.gamma));
        let noisy: Vec<f64> =
            blurred.iter().map(|l| f64::from(*l) * self.exposure + self.noise * normal(&mut random)).collect();
        let mut codes: Vec<f32> = noisy.iter().map(|l| code(*l) as f32).collect();
        if self.sharpen > 0.0 {
            let soft = blur(&codes, w, h, 1.2);
            codes.iter_mut().zip(soft).for_each(|(c, s)| *c += self.sharpen as f32 * (*c - s));
        }
        let grey: Vec<u8> = codes.iter().map(|c| (c * 255.0).round().clamp(0.0, 255.0) as u8).collect();
        let grey = GrayImage::from_raw(self.width, self.height, grey).unwrap();
        let Some(quality) = self.jpeg else { return Picture::Grey(grey) };
        let mut bytes = Vec::new();
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&grey).unwrap();
        Picture::Grey(image::load_from_memory(&bytes).unwrap().into_luma8())
    }

    /// Light of the sheet through square pixels: white paper is 1.
    fn light(&self, layout: &Layout) -> Vec<f32> {
        let sheet = Sheet::new(layout, self.black);
        let (w, h) = (self.width as usize, self.height as usize);
        const STEP: usize = 4;
        let columns = w / STEP + 2;
        let at = |i: usize, j: usize| {
            let q = Point::new((i * STEP) as f64 - 0.5, (j * STEP) as f64 - 0.5);
            self.nominal(layout, q)
        };
        let mut upper: Vec<Point<PlaneMm>> = (0..columns).map(|i| at(i, 0)).collect();
        let mut out = vec![0.0; w * h];
        for block in 0..h.div_ceil(STEP) {
            let lower: Vec<Point<PlaneMm>> = (0..columns).map(|i| at(i, block + 1)).collect();
            for y in block * STEP..((block + 1) * STEP).min(h) {
                for x in 0..w {
                    let i = x / STEP;
                    let corners = [upper[i], upper[i + 1], lower[i], lower[i + 1]];
                    // From pixel corners, in blocks.
                    let place = |dx: f64, dy: f64| {
                        let (u, v) = (((x % STEP) as f64 + dx) / STEP as f64, ((y % STEP) as f64 + dy) / STEP as f64);
                        let mix = |a: f64, b: f64, c: f64, d: f64| {
                            (1.0 - v) * ((1.0 - u) * a + u * b) + v * ((1.0 - u) * c + u * d)
                        };
                        let [a, b, c, d] = corners;
                        Point::new(mix(a.x, b.x, c.x, d.x), mix(a.y, b.y, c.y, d.y))
                    };
                    let light = |p: Point<PlaneMm>| if (self.covered)(p) { 0.3 } else { sheet.light(p) };
                    let ends = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)].map(|(dx, dy)| light(place(dx, dy)));
                    let mut value = ends[0];
                    if ends.iter().any(|e| *e != ends[0]) {
                        const N: usize = 12;
                        value = 0.0;
                        for k in 0..N * N {
                            let (dx, dy) = ((k % N) as f64 + 0.5, (k / N) as f64 + 0.5);
                            value += light(place(dx / N as f64, dy / N as f64)) / (N * N) as f64;
                        }
                    }
                    let right = (x as f64 - 0.5 * w as f64) / (0.5 * w as f64);
                    out[y * w + x] = (value * (1.0 + self.slope * right)) as f32;
                }
            }
            upper = lower;
        }
        out
    }
}

pub(super) fn normal(random: &mut Seeded) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// Gaussian blur, borders repeated.
fn blur(values: &[f32], w: usize, h: usize, sigma: f64) -> Vec<f32> {
    let reach = (4.0 * sigma).ceil() as i64;
    let kernel: Vec<f64> =
        (-reach..=reach).map(|i| libm::exp(-0.5 * (i as f64 / sigma) * (i as f64 / sigma))).collect();
    let sum: f64 = kernel.iter().sum();
    let kernel: Vec<f32> = kernel.iter().map(|k| (k / sum) as f32).collect();
    let mut across = vec![0.0_f32; values.len()];
    let mut padded = vec![0.0_f32; w + 2 * reach as usize];
    for y in 0..h {
        let line = &values[y * w..(y + 1) * w];
        for (i, p) in padded.iter_mut().enumerate() {
            *p = line[(i as i64 - reach).clamp(0, w as i64 - 1) as usize];
        }
        for x in 0..w {
            across[y * w + x] = kernel.iter().zip(&padded[x..]).map(|(k, v)| k * v).sum();
        }
    }
    let mut out = vec![0.0_f32; values.len()];
    for y in 0..h {
        for (k, weight) in kernel.iter().enumerate() {
            let from = (y as i64 + k as i64 - reach).clamp(0, h as i64 - 1) as usize;
            let (to, line) = (&mut out[y * w..(y + 1) * w], &across[from * w..(from + 1) * w]);
            to.iter_mut().zip(line).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}

/// Shapes by place: all of them are upright rectangles.
struct Sheet {
    half: [f64; 2],
    /// Left, right, lower, upper, light.
    cells: Vec<Vec<[f64; 5]>>,
    columns: usize,
}

const CELL: f64 = 2.0;

impl Sheet {
    fn new(layout: &Layout, black: f64) -> Self {
        let half = layout.paper.size_mm().map(|s| 0.5 * s);
        let [columns, rows] = half.map(|s| (2.0 * s / CELL) as usize + 1);
        let mut cells = vec![Vec::new(); columns * rows];
        for shape in layout.shapes() {
            let by =
                |f: fn(f64, f64) -> f64, g: fn(&Point<PlaneMm>) -> f64| shape.outline.iter().map(g).reduce(f).unwrap();
            let (x0, x1, y0, y1) =
                (by(f64::min, |p| p.x), by(f64::max, |p| p.x), by(f64::min, |p| p.y), by(f64::max, |p| p.y));
            let place = |v: f64, half: f64| ((v + half) / CELL) as usize;
            let light = black + (1.0 - black) * shape.light.iter().sum::<f64>() / 3.0;
            for j in place(y0, half[1])..=place(y1, half[1]) {
                for i in place(x0, half[0])..=place(x1, half[0]) {
                    cells[j * columns + i].push([x0, x1, y0, y1, light]);
                }
            }
        }
        Self { half, cells, columns }
    }

    /// White paper on a grey table.
    fn light(&self, p: Point<PlaneMm>) -> f64 {
        if !(p.x.abs() < self.half[0] && p.y.abs() < self.half[1]) {
            return 0.25;
        }
        let cell = ((p.y + self.half[1]) / CELL) as usize * self.columns + ((p.x + self.half[0]) / CELL) as usize;
        let on = |[x0, x1, y0, y1, _]: &&[f64; 5]| p.x >= *x0 && p.x < *x1 && p.y >= *y0 && p.y < *y1;
        self.cells[cell].iter().rev().find(on).map_or(1.0, |s| s[4])
    }
}
