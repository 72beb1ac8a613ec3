//! Parts with thickness on a printed sheet, seen by a real camera: for tests of measuring, and for the demo.
//!
//! ```text
//! Sheet + [Prism] + Lamp -Camera-> outlines in the picture -lens, pixel-> light -Sensor-> codes -> JPEG
//! ```
//!
//! A [`View`] says everything about a photo, so it *is* its truth: the camera, where each part lies, its sizes as made
//! ([`Prism::features`]). Every region (sheet, upper face, walls, shadow) is found as polygons that stay within 2e-4 px of its true border,
//! and its coverage through blur and pixel is a contour integral: there are no samples that could be too few.
//!
//! What is modelled: perspective and lens distortion, walls with their light, rims that hide each other, soft shadow, paper that curls, blur that
//! changes over the field, uneven light, colour, noise, tone curve, sharpening, 8 bits, JPEG.
//!
//! Honest scope: the camera is above every part. Walls are upright, lit evenly in four steps by their direction; a wall that stands before
//! another shows the darker of the two. No reflections, no shadow on a part. Where a print ends under a part's rim, both edges
//! are taken as independent within the blur; a shadow at its rim is exact. Parts lie apart and level; a curled sheet's slope under a
//! shadow is not seen. Blur does not depend on colour or height.

mod plate;
mod prism;
mod random;
mod sensor;
mod sheet;
#[cfg(test)]
mod tests;

pub use prism::{Prism, TrueFeature};
pub use random::{Device, Trials};
pub use sensor::{Blur, Response, Sensor, noise_of};
pub use sheet::{Curl, Print, Sheet, Wave};

use super::optics::Kernel;
use super::truth::write;
use super::{Illumination, truth};
use crate::calibration::Camera;
use crate::geometry::{Angle, Mm, PlaneMm, Point, Vector, times};
use crate::photo::{DecodeLimits, Photo, Picture, decode};
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, RgbImage};
use plate::{Plate, Row, Weighted};
use prism::{PIECE_PX, SeenPrism, positive};
use rayon::prelude::*;
use sensor::Developer;
use std::sync::Arc;

/// Closed polygons in the picture, px.
type Outlines = Vec<Vec<[f64; 2]>>;

/// Everything about a photo.
///
/// ```
/// use inspector::calibration::{Camera, Lens, Perspective};
/// use inspector::geometry::{Mm, Point, Rigid};
/// use inspector::photo::Picture;
/// use inspector::synth::{parts, view::{Prism, Sheet, View}};
/// use std::sync::Arc;
/// // A camera 300 mm up that looks straight down, 60 mm left of a plate of 5 mm with a hole of 6 mm.
/// let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [60.0, 0.0, 300.0] };
/// let camera = Camera::Perspective(Perspective::new(Lens::pinhole(1500.0, 1200, 800), down));
/// let plate = Prism::new(parts::pierced_disc(30.0, &[(0.0, 0.0, 6.0)]), Mm(5.0));
/// let view = View::new(camera.clone(), 1200, 800, Arc::new(Sheet::blank_a4()), vec![plate]);
/// let Picture::Grey(p) = view.render().unwrap() else { unreachable!("grey unless asked") };
/// // Through the hole one sees paper from the near upper rim to the far lower rim, and the far wall above that.
/// let at = |x: f64, z: f64| { let q = camera.image_from_plane(Point::new(x, 0.0), Mm(z)); p.get_pixel(q.x as u32, q.y as u32).0[0] };
/// assert!(at(2.6, 0.0) > 200, "paper beside the far lower rim");
/// assert!(at(3.0, 2.5) < 100, "half way up the far wall");
/// assert!(at(-2.9, 0.0) < 100, "the near lower rim is hidden");
/// ```
#[derive(Clone, Debug)]
pub struct View {
    /// The camera; its z = 0 is the sheet lying flat.
    pub camera: Camera,
    /// Width of the picture, px.
    pub width: u32,
    /// Height of the picture, px.
    pub height: u32,
    /// What is printed on the sheet.
    pub sheet: Arc<Sheet>,
    /// How the sheet curls.
    pub curl: Curl,
    /// What lies on it, apart from each other.
    pub parts: Vec<Prism>,
    /// The lamp that throws shadows, if any.
    pub lamp: Option<Lamp>,
    /// Evenness of the light, vignetting with it.
    pub illumination: Illumination,
    /// Blur, exposure, noise, tone, sharpening, JPEG.
    pub sensor: Sensor,
    /// Seed of noise and textures.
    pub seed: u64,
}

/// A lamp beside the camera. Light on the sheet is 1: `share` of it comes from the lamp, the rest from everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamp {
    /// Where it stands, counter-clockwise from the sheet's x axis.
    pub azimuth: Angle,
    /// Its height above the horizon, between 0 and 90°.
    pub elevation: Angle,
    /// Its size: radius of the half-shadow per height of what throws it.
    pub spread: f64,
    /// Its share of the light on the sheet, in [0, 1].
    pub share: f64,
    /// How high it is above the sheet, mm: one that is near throws shadows away from itself. Infinite for the sun.
    pub height_mm: f64,
}

impl Lamp {
    /// Where the `i`-th of `n` points of the lamp stands: mm towards it per mm of height.
    fn shift(&self, i: usize, n: usize) -> Vector<PlaneMm> {
        let (sin, cos) = self.azimuth.sin_cos();
        Vector::new(cos, sin) * self.slope() + prism::disc(i, n) * self.spread
    }
    /// Where the shadow of something so high over `p` falls, from there; the point of the lamp is `per_height` away ([`shift`](Self::shift)) from the sheet's middle.
    fn fall(&self, p: Point<PlaneMm>, per_height: Vector<PlaneMm>, thickness: f64) -> Vector<PlaneMm> {
        let near = 1.0 / self.height_mm;
        self.away(p, per_height) * (thickness / (1.0 - thickness * near))
    }
    /// The way from the point of the lamp to `p`, per mm of the lamp's height.
    fn away(&self, p: Point<PlaneMm>, per_height: Vector<PlaneMm>) -> Vector<PlaneMm> {
        (p - Point::new(0.0, 0.0)) * (1.0 / self.height_mm) - per_height
    }
    /// Cotangent of the elevation.
    fn slope(&self) -> f64 {
        let (sin, cos) = self.elevation.sin_cos();
        cos / sin
    }
    /// How squarely it stands before a wall with this unit normal, in [0, 1].
    fn falls_on(&self, outwards: Vector<PlaneMm>) -> f64 {
        let (sin, cos) = self.azimuth.sin_cos();
        (outwards.x * cos + outwards.y * sin).clamp(0.0, 1.0)
    }
    /// Light on such a wall: half of the sky, and the lamp by Lambert's law.
    fn wall_light(&self, falls_on: f64) -> f64 {
        0.5 * (1.0 - self.share) + self.share * self.slope() * falls_on
    }
}

/// Where points of space lie in the picture.
struct Projector<'a> {
    camera: &'a Camera,
}

impl Projector<'_> {
    /// `None` behind the camera. What lies beyond the fold of the lens model, far outside the picture, goes straight on from there: so a
    /// sheet that is larger than the picture keeps its shape inside it.
    fn pixel(&self, p: Point<PlaneMm>, z: f64) -> Option<[f64; 2]> {
        let q = self.camera.image_from_plane(p, Mm(z));
        if q.is_finite() {
            return Some([q.x, q.y]);
        }
        let Camera::Perspective(camera) = self.camera else { return None };
        let (pose, lens) = (camera.camera_from_plane(), camera.lens());
        let turned = times(&pose.matrix(), [p.x, p.y, z]);
        let depth = turned[2] + pose.shift[2];
        let ray = [(turned[0] + pose.shift[0]) / depth, (turned[1] + pose.shift[1]) / depth];
        // How much of the way the lens sees, by bisection.
        let halved = |(seen, unseen): (f64, f64), _| {
            let s = 0.5 * (seen + unseen);
            if lens.sees([s * ray[0], s * ray[1]]) { (s, unseen) } else { (seen, s) }
        };
        let (seen, _) = (0..40).fold((0.0, 1.0), halved);
        let (last, on) = (lens.project([seen * ray[0], seen * ray[1]]), 1.0 - seen);
        (depth > 0.0).then_some([last.x + on * lens.fx * ray[0], last.y + on * lens.fy * ray[1]])
    }
}

/// What parts lie on and in which light.
struct Ground<'a> {
    curl: &'a Curl,
    lamp: Option<&'a Lamp>,
}

/// Rows that are developed together.
const BAND: usize = 32;

impl View {
    /// A clean view: flat sheet, even light without a lamp, the default [`Sensor`].
    pub fn new(camera: Camera, width: u32, height: u32, sheet: Arc<Sheet>, parts: Vec<Prism>) -> Self {
        Self {
            camera,
            width,
            height,
            sheet,
            curl: Curl::default(),
            parts,
            lamp: None,
            illumination: Illumination::default(),
            sensor: Sensor::default(),
            seed: 0,
        }
    }

    /// The picture before JPEG. `None` when sheet or parts reach behind the camera.
    ///
    /// The same bits whatever the number of threads.
    pub fn render(&self) -> Option<Picture> {
        let plates = self.plates()?;
        Some(if self.sensor.colour {
            let mut picture = RgbImage::new(self.width, self.height);
            self.develop::<3>(&plates, &mut picture);
            Picture::Colour(picture)
        } else {
            let mut picture = GrayImage::new(self.width, self.height);
            self.develop::<1>(&plates, &mut picture);
            Picture::Grey(picture)
        })
    }

    /// The photo file: a JPEG of the sensor's quality. `None`: see [`render`](Self::render).
    pub fn jpeg(&self) -> Option<Vec<u8>> {
        let picture = self.render()?;
        let mut file = Vec::new();
        write(&picture, JpegEncoder::new_with_quality(&mut file, self.sensor.quality));
        Some(file)
    }

    /// The photo as the station decodes it from [`jpeg`](Self::jpeg). `None`: see [`render`](Self::render).
    pub fn photo(&self) -> Option<Photo> {
        Some(decode(&self.jpeg()?, &DecodeLimits::default()).expect("our encoder's file is whole"))
    }

    /// The photo without JPEG losses. `None`: see [`render`](Self::render).
    pub fn lossless(&self) -> Option<Photo> {
        Some(truth::photo(self.render()?))
    }

    /// Everything that is seen, through the narrowest and, where blur changes, the widest point spread.
    fn plates(&self) -> Option<Vec<Plate>> {
        let (projector, ground) =
            (Projector { camera: &self.camera }, Ground { curl: &self.curl, lamp: self.lamp.as_ref() });
        let (narrow, wide) = self.sensor.blur.range();
        let print = |(outline, change): (&[Point<PlaneMm>], [f64; 3])| {
            Some((positive(vec![self.printed(&projector, outline)?]), self.seen_as(change)))
        };
        let prints: Vec<Weighted> = self.sheet.changes().map(print).collect::<Option<_>>()?;
        let part = |part| {
            let mut seen = SeenPrism::new(part, &projector, &ground, narrow)?;
            seen.shines.iter_mut().for_each(|(_, light)| *light = self.seen_as(*light));
            Some(seen)
        };
        let parts: Vec<SeenPrism> = self.parts.iter().map(part).collect::<Option<_>>()?;
        let (table, size) = (self.seen_as(self.sheet.table), (self.width, self.height));
        let plate = |sigma| Plate::new(&self.sheet, table, &prints, &parts, &Kernel::new(sigma), size);
        Some(std::iter::once(narrow).chain(wide).map(plate).collect())
    }

    /// The outline of a print in the picture.
    fn printed(&self, projector: &Projector, outline: &[Point<PlaneMm>]) -> Option<Vec<[f64; 2]>> {
        let seen = |p: Point<PlaneMm>| {
            let (plan, z) = self.curl.place(p);
            projector.pixel(plan, z)
        };
        let corners: Vec<[f64; 2]> = outline.iter().map(|p| seen(*p)).collect::<Option<_>>()?;
        let mut pixels = Vec::with_capacity(2 * corners.len());
        for (i, corner) in corners.iter().enumerate() {
            let next = (i + 1) % corners.len();
            let length = (corners[next][0] - corner[0]).abs().max((corners[next][1] - corner[1]).abs());
            let pieces = (length / PIECE_PX).ceil().max(1.0);
            pixels.push(*corner);
            for k in 1..pieces as usize {
                pixels.push(seen(outline[i] + (outline[next] - outline[i]) * (k as f64 / pieces))?);
            }
        }
        Some(pixels)
    }

    /// Light as this sensor sees it: a grey one sees luminance (ITU-R BT.709).
    fn seen_as(&self, rgb: [f64; 3]) -> [f64; 3] {
        if self.sensor.colour { rgb } else { [0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]; 3] }
    }

    fn develop<const CHANNELS: usize>(&self, plates: &[Plate], out: &mut [u8]) {
        let (width, height) = (self.width as usize, self.height as usize);
        let (developer, stride) = (Developer::new(&self.sensor), width * CHANNELS);
        let reach = developer.reach();
        let buffers = || (Exposure::<CHANNELS>::new(width), vec![0.0; (BAND + 2 * reach) * stride]);
        out.par_chunks_mut((BAND * stride).max(1)).enumerate().for_each_init(
            buffers,
            |(exposure, codes), (band, out)| {
                let rows = out.len() / stride.max(1);
                for row in 0..rows + 2 * reach {
                    // Beyond its borders the picture goes on as its first and last rows.
                    let y = (band * BAND + row).saturating_sub(reach).min(height - 1);
                    exposure.light(self, plates, y);
                    developer.expose::<CHANNELS>(self.seed, y, &exposure.light, &mut codes[row * stride..][..stride]);
                }
                developer.finish::<CHANNELS>(&codes[..(rows + 2 * reach) * stride], width, out);
            },
        );
    }
}

/// Buffers of one row of light.
struct Exposure<const CHANNELS: usize> {
    light: Vec<f32>,
    wide: Vec<f32>,
    even: Vec<f32>,
    row: Row,
}

impl<const CHANNELS: usize> Exposure<CHANNELS> {
    fn new(width: usize) -> Self {
        let row = |n: usize| vec![0.0; n];
        Self { light: row(width * CHANNELS), wide: row(width * CHANNELS), even: row(width), row: Row::new(width) }
    }

    /// The light of one row on the sensor, channels one after the other.
    fn light(&mut self, view: &View, plates: &[Plate], y: usize) {
        let width = self.even.len();
        let [narrow, wide @ ..] = plates else { return };
        narrow.row::<CHANNELS>(view.seed, y, &mut self.row, &mut self.light);
        view.illumination.row(y, view.height, &mut self.even);
        if let [wide] = wide {
            wide.row::<CHANNELS>(view.seed, y, &mut self.row, &mut self.wide);
            let middle = |i: usize, n: u32| (i as f64 + 0.5) / (0.5 * f64::from(n)) - 1.0;
            let v = middle(y, view.height);
            for x in 0..width {
                let share = view.sensor.blur.share(middle(x, view.width), v) as f32;
                for c in 0..CHANNELS {
                    let light = &mut self.light[c * width + x];
                    *light += share * (self.wide[c * width + x] - *light);
                }
            }
        }
        for (c, light) in self.light.chunks_exact_mut(width.max(1)).enumerate() {
            let gain = view.sensor.gain[if CHANNELS == 1 { 1 } else { c }] as f32;
            light.iter_mut().zip(&self.even).for_each(|(l, e)| *l *= gain * e);
        }
    }
}
