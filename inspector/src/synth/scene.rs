//! A picture of a part: light, lens, sensor.

use super::optics::Seen;
use super::parts::extent;
use super::seeded::{Seeded, scramble};
use crate::calibration::Tone;
use crate::design::Design;
use crate::geometry::{Angle, DesignMm, ImagePx, Similarity, Vector};
use crate::photo::Picture;
use image::{GrayImage, RgbImage};
use rayon::prelude::*;

/// How a surface returns light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint {
    /// Share of the light that red, green and blue return, linear, in [0, 1].
    pub rgb: [f64; 3],
    /// Standard deviation of its mottle, relative to `rgb`.
    pub mottle: f64,
    /// Size of the mottle's spots, px (at least 2).
    pub grain_px: f64,
}

impl Paint {
    /// A plain grey.
    pub const fn grey(light: f64) -> Self {
        Self { rgb: [light; 3], mottle: 0.0, grain_px: 8.0 }
    }
    /// A plain colour.
    pub const fn rgb(red: f64, green: f64, blue: f64) -> Self {
        Self { rgb: [red, green, blue], mottle: 0.0, grain_px: 8.0 }
    }
    /// With a mottle of this relative standard deviation and spot size.
    #[must_use]
    pub const fn mottled(self, mottle: f64, grain_px: f64) -> Self {
        Self { mottle, grain_px, ..self }
    }
    pub(super) fn is_grey(&self) -> bool {
        self.rgb[0] == self.rgb[1] && self.rgb[1] == self.rgb[2]
    }
}

/// The part's shadow on the background.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Share of the light that it takes away, in [0, 1].
    pub depth: f64,
    /// Where it falls.
    pub offset_px: Vector<ImagePx>,
    /// How soft it is (Gaussian sigma).
    pub blur_px: f64,
}

/// Light over the picture, relative to its middle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Illumination {
    /// Change from the middle to the right border.
    pub right: f64,
    /// Change from the middle to the lower border.
    pub down: f64,
    /// Loss from the middle to the corners, growing with the square of the distance.
    pub falloff: f64,
}

impl Illumination {
    /// The light along one row of a picture of `height` rows.
    pub(super) fn row(&self, y: usize, height: u32, out: &mut [f32]) {
        let (half_w, half_h) = (0.5 * out.len() as f64, 0.5 * f64::from(height));
        let v = (y as f64 + 0.5 - half_h) / half_h;
        for (x, light) in out.iter_mut().enumerate() {
            let u = (x as f64 + 0.5 - half_w) / half_w;
            *light = (1.0 + self.right * u + self.down * v - self.falloff * 0.5 * (u * u + v * v)) as f32;
        }
    }
}

/// Sensor noise, full scale = 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// Standard deviation in the dark.
    pub read: f64,
    /// Variance that one unit of light adds (1 / full-well electrons): 1e-4 is 1 % of noise in white.
    pub shot: f64,
}

/// Everything about a picture but the part.
///
/// Light is linear throughout: coverage through lens and pixel (exact, see [`blurred_coverage`](super::blurred_coverage)), surfaces,
/// shadow, illumination, noise; then the tone curve and rounding to 8 bits, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width of the picture, px.
    pub width: u32,
    /// Height of the picture, px.
    pub height: u32,
    /// Where the part lies. Mirrored for a part that lies face up, because image y points down.
    pub image_from_design: Similarity<DesignMm, ImagePx>,
    /// The part's surface.
    pub part: Paint,
    /// What it lies on.
    pub background: Paint,
    /// The part's shadow, if it throws one.
    pub shadow: Option<Shadow>,
    /// Evenness of the light.
    pub illumination: Illumination,
    /// Sigma of the lens's Gaussian blur, px, at least 0.3. The pixel's own box comes on top of it.
    pub blur_px: f64,
    /// Sensor noise.
    pub noise: Noise,
    /// Tone curve.
    pub tone: Tone,
    /// Seed of noise and mottle.
    pub seed: u64,
}

impl Scene {
    /// A clean scene: a dark part on a bright ground, even light, blur of 1 px, no noise, the part's middle in the picture's middle
    /// and its x axis to the right.
    pub fn new(design: &Design, width: u32, height: u32, mm_per_px: f64) -> Self {
        let scene = Self {
            width,
            height,
            image_from_design: Similarity::identity(),
            part: Paint::grey(0.06),
            background: Paint::grey(0.7),
            shadow: None,
            illumination: Illumination::default(),
            blur_px: 1.0,
            noise: Noise::default(),
            tone: Tone::Srgb,
            seed: 0,
        };
        scene.placed(design, mm_per_px, Angle::default(), Vector::new(0.0, 0.0))
    }

    /// The part in a square picture as workshops see it: dark on bright or bright on dark, blur of 0.7 to 1.6 px, noise, any turn, its middle up to `reach_px`
    /// from the picture's in x and y.
    ///
    /// ```
    /// use inspector::synth::{Scene, Seeded, parts};
    /// let plate = parts::rounded_rectangle(30.0, 20.0, 2.0, &[]);
    /// let scene = |seed| Scene::at_random(&plate, 500, 0.1, 9.0, &mut Seeded::new(seed, 0));
    /// assert_eq!(scene(1), scene(1));
    /// assert_ne!(scene(1), scene(2));
    /// ```
    pub fn at_random(design: &Design, side: u32, mm_per_px: f64, reach_px: f64, random: &mut Seeded) -> Self {
        let (dark, bright) = (random.between(0.03, 0.15), random.between(0.5, 0.8));
        let (part, background) = if random.below(2) == 0 { (dark, bright) } else { (bright, dark) };
        let scene = Self {
            part: Paint::grey(part),
            background: Paint::grey(background),
            blur_px: random.between(0.7, 1.6),
            noise: Noise { read: 0.004, shot: 1e-4 },
            seed: random.bits(),
            ..Self::new(design, side, side, mm_per_px)
        };
        let turn = Angle::from_degrees(random.between(0.0, 360.0));
        let mut shift = || random.between(-reach_px, reach_px);
        scene.placed(design, mm_per_px, turn, Vector::new(shift(), shift()))
    }

    /// With the part turned counter-clockwise (as seen) about its middle, which lies at the picture's middle plus `shift_px`.
    #[must_use]
    pub fn placed(mut self, design: &Design, mm_per_px: f64, turn: Angle, shift_px: Vector<ImagePx>) -> Self {
        // Counter-clockwise as seen is a negative angle where y points down.
        let turn = Angle::from_radians(-turn.radians());
        let turned = Similarity::<DesignMm, ImagePx>::new(1.0 / mm_per_px, turn, true, Vector::new(0.0, 0.0));
        let middle = turned.apply(extent(design).2);
        let x = 0.5 * (f64::from(self.width) - 1.0) + shift_px.x - middle.x;
        let y = 0.5 * (f64::from(self.height) - 1.0) + shift_px.y - middle.y;
        self.image_from_design = Similarity::new(1.0 / mm_per_px, turn, true, Vector::new(x, y));
        self
    }

    /// The picture: grey when both surfaces are, else colour.
    ///
    /// Cost: about 60 ms for 6 megapixels of grey on two threads. The same bits whatever their number.
    pub fn render(&self, design: &Design) -> Picture {
        let part = Seen::new(design, &self.image_from_design, self.blur_px, self.width, self.height);
        let shadow = self.shadow.map(|shadow| {
            let shift = Similarity::<ImagePx, ImagePx>::new(1.0, Angle::default(), false, shadow.offset_px);
            let pose = self.image_from_design.then(&shift);
            (Seen::new(design, &pose, shadow.blur_px.max(self.blur_px), self.width, self.height), shadow.depth as f32)
        });
        let codes = Codes::new(self.tone);
        let row = |y: usize, work: &mut Row| {
            part.row(y, &mut work.cover);
            self.light_of_row(y, shadow.as_ref(), work);
        };
        let (width, work) = (self.width as usize, || Row::new(self.width as usize));
        if self.part.is_grey() && self.background.is_grey() {
            let mut picture = GrayImage::new(self.width, self.height);
            picture.par_chunks_mut(width.max(1)).enumerate().for_each_init(work, |work, (y, out)| {
                row(y, work);
                self.expose::<1>(y, work, &codes, out);
            });
            Picture::Grey(picture)
        } else {
            let mut picture = RgbImage::new(self.width, self.height);
            picture.par_chunks_mut(3 * width.max(1)).enumerate().for_each_init(work, |work, (y, out)| {
                row(y, work);
                self.expose::<3>(y, work, &codes, out);
            });
            Picture::Colour(picture)
        }
    }

    /// How brightly each surface is lit along a row: shadow, mottle and illumination, without colour.
    fn light_of_row(&self, y: usize, shadow: Option<&(Seen, f32)>, work: &mut Row) {
        work.part_light.fill(1.0);
        work.background_light.fill(1.0);
        if let Some((seen, depth)) = shadow {
            seen.row(y, &mut work.scratch);
            work.background_light.iter_mut().zip(&work.scratch).for_each(|(l, s)| *l -= depth * s);
        }
        mottle(&self.part, y, scramble(self.seed ^ 1), &mut work.part_light);
        mottle(&self.background, y, scramble(self.seed ^ 2), &mut work.background_light);
        self.illumination.row(y, self.height, &mut work.scratch);
        for ((p, b), light) in work.part_light.iter_mut().zip(&mut work.background_light).zip(&work.scratch) {
            *p *= light;
            *b *= light;
        }
    }

    /// The pixels of a row: surfaces mixed by coverage, noise, tone curve.
    fn expose<const CHANNELS: usize>(&self, y: usize, work: &Row, codes: &Codes, out: &mut [u8]) {
        let mut noise = Seeded::new(self.seed, y as u64);
        let part: [f32; CHANNELS] = std::array::from_fn(|c| self.part.rgb[c] as f32);
        let background: [f32; CHANNELS] = std::array::from_fn(|c| self.background.rgb[c] as f32);
        let (dark, shot) = ((self.noise.read * self.noise.read) as f32, self.noise.shot as f32);
        let surfaces = work.cover.iter().zip(&work.part_light).zip(&work.background_light);
        for (((cover, p), b), pixel) in surfaces.zip(out.as_chunks_mut::<CHANNELS>().0) {
            let z = noise.normals::<CHANNELS>();
            for (c, out) in pixel.iter_mut().enumerate() {
                let ground = background[c] * b;
                let light = ground + cover * (part[c] * p - ground);
                *out = codes.code(light + (dark + shot * light.max(0.0)).sqrt() * z[c]);
            }
        }
    }
}

/// Buffers of one row.
struct Row {
    cover: Vec<f32>,
    part_light: Vec<f32>,
    background_light: Vec<f32>,
    scratch: Vec<f32>,
}

impl Row {
    fn new(width: usize) -> Self {
        let row = || vec![0.0; width];
        Self { cover: row(), part_light: row(), background_light: row(), scratch: row() }
    }
}

/// Multiplies a row by value noise: random numbers on a square lattice, bilinear between them.
pub(super) fn mottle(paint: &Paint, y: usize, seed: u64, light: &mut [f32]) {
    if paint.mottle == 0.0 {
        return;
    }
    let grain = paint.grain_px.max(2.0);
    let (row, down) = lattice(y, grain);
    // Mean 0; bilinear interpolation leaves 4/9 of the lattice's variance on average, and uniform numbers have 1/12.
    let amplitude = paint.mottle * 1.5 * 12.0_f64.sqrt();
    let at =
        |column: u64, row: u64| (scramble(seed ^ scramble((row << 32) | column)) >> 11) as f64 / (1_u64 << 53) as f64;
    let column_value = |column: u64| amplitude * (at(column, row) * (1.0 - down) + at(column, row + 1) * down - 0.5);
    let (mut value, mut start) = (column_value(0), 0);
    for column in 0.. {
        if start >= light.len() {
            break;
        }
        let next = column_value(column + 1);
        let end = (((column + 1) as f64 * grain).ceil() as usize).min(light.len());
        let slope = ((next - value) / grain) as f32;
        let first = (1.0 + value) as f32 + slope * (start as f64 - column as f64 * grain) as f32;
        for (i, l) in light[start..end].iter_mut().enumerate() {
            *l *= first + slope * i as f32;
        }
        (value, start) = (next, end);
    }
}

fn lattice(pixel: usize, grain: f64) -> (u64, f64) {
    let position = pixel as f64 / grain;
    (position as u64, position - position.floor())
}

/// The tone curve as a table over light.
struct Codes(Vec<u8>);

impl Codes {
    /// Steps of light; in the dark, where the curve is steepest, one is 0.05 of a code.
    const STEPS: f32 = 65535.0;

    fn new(tone: Tone) -> Self {
        let code = |i: u32| (tone.code(f64::from(i) / f64::from(Self::STEPS)) * 255.0).round() as u8;
        Self((0..=Self::STEPS as u32).map(code).collect())
    }
    fn code(&self, light: f32) -> u8 {
        // `as` clamps to 0 and maps NaN to it; the minimum keeps the index in the table.
        self.0[((light * Self::STEPS + 0.5) as u32).min(Self::STEPS as u32) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts;
    use super::*;
    use crate::geometry::Point;

    fn grey(picture: &Picture) -> &GrayImage {
        let Picture::Grey(p) = picture else { panic!("grey surfaces make a grey picture") };
        p
    }
    fn light(tone: Tone, code: u8) -> f64 {
        tone.light(f64::from(code) / 255.0)
    }

    #[test]
    fn surfaces_have_their_light_and_the_part_lies_where_it_should() {
        let bracket = parts::bracket();
        for tone in [Tone::Srgb, Tone::Linear] {
            let mut scene = Scene { tone, ..Scene::new(&bracket, 400, 300, 0.25) };
            scene = scene.placed(&bracket, 0.25, Angle::from_degrees(90.0), Vector::new(10.0, 20.0));
            let picture = scene.render(&bracket);
            let p = grey(&picture);
            // A quarter turn counter-clockwise: design +x points up in the picture, +y to the left. Hole 1 lies (-17.5, 9) mm off the
            // middle, so 36 px left of and 70 px below the part's middle at (209.5, 169.5).
            let seen = scene.image_from_design.apply(Point::new(12.5, 29.0));
            assert!(seen.distance(Point::new(173.5, 239.5)) < 0.01, "{seen:?}");
            assert!((light(tone, p.get_pixel(173, 239).0[0]) - 0.7).abs() < 4e-3);
            assert!((light(tone, p.get_pixel(209, 169).0[0]) - 0.06).abs() < 4e-3);
        }
    }

    #[test]
    fn noise_has_its_variance_and_the_same_seed_gives_the_same_bits() {
        let disc = parts::disc(1.0);
        let noise = Noise { read: 0.01, shot: 4e-4 };
        let mut scene = Scene { noise, tone: Tone::Linear, ..Scene::new(&disc, 300, 300, 1.0) };
        scene.background = Paint::grey(0.5);
        let picture = scene.render(&disc);
        let lights: Vec<f64> = grey(&picture).rows().take(140).flatten().map(|c| light(Tone::Linear, c.0[0])).collect();
        let n = lights.len() as f64;
        let mean = lights.iter().sum::<f64>() / n;
        let variance = lights.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / n;
        // 1e-4 in the dark, 0.5 x 4e-4 of shot noise, 1/12 of a code squared of rounding.
        let expected = 1e-4 + 2e-4 + 1.0 / (12.0 * 255.0 * 255.0);
        assert!((mean - 0.5).abs() < 5e-4 && (variance / expected - 1.0).abs() < 0.03, "{mean} {variance} {expected}");
        assert_eq!(grey(&scene.render(&disc)), grey(&picture));
        scene.seed = 1;
        assert_ne!(grey(&scene.render(&disc)), grey(&picture));
    }

    #[test]
    fn one_thread_gives_the_bits_of_three() {
        let visor = parts::visor();
        let mut scene = Scene::new(&visor, 300, 200, 1.0);
        scene.noise = Noise { read: 0.01, shot: 1e-4 };
        scene.part = Paint::rgb(0.1, 0.2, 0.6).mottled(0.05, 5.0);
        scene.shadow = Some(Shadow { depth: 0.3, offset_px: Vector::new(3.0, 4.0), blur_px: 4.0 });
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let Picture::Colour(p) = pool.install(|| scene.render(&visor)) else { panic!("blue is a colour") };
            p
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn illumination_mottle_and_shadow_do_what_they_say() {
        let disc = parts::disc(40.0);
        let mut scene = Scene { tone: Tone::Linear, ..Scene::new(&disc, 200, 200, 1.0) };
        scene.illumination = Illumination { right: 0.2, down: -0.1, falloff: 0.3 };
        let even = scene.render(&disc);
        let at = |p: &Picture, x, y| light(Tone::Linear, grey(p).get_pixel(x, y).0[0]) / 0.7;
        assert!((at(&even, 199, 100) - (1.0 + 0.2 - 0.15)).abs() < 0.01);
        assert!((at(&even, 100, 199) - (1.0 - 0.1 - 0.15)).abs() < 0.01);
        assert!((at(&even, 0, 0) - (1.0 - 0.2 + 0.1 - 0.3)).abs() < 0.01);

        scene.illumination = Illumination::default();
        scene.shadow = Some(Shadow { depth: 0.4, offset_px: Vector::new(15.0, 0.0), blur_px: 3.0 });
        let shaded = scene.render(&disc);
        assert!((at(&shaded, 125, 100) - 0.6).abs() < 0.01, "beside the part, in its shadow");
        assert!((at(&shaded, 75, 100) - 1.0).abs() < 0.01, "on the other side");

        scene.shadow = None;
        scene.background = scene.background.mottled(0.05, 7.3);
        let mottled = scene.render(&disc);
        let lights: Vec<f64> =
            (0..70).flat_map(|y| (0..200).map(move |x| (x, y))).map(|(x, y)| at(&mottled, x, y)).collect();
        let mean = lights.iter().sum::<f64>() / lights.len() as f64;
        let sigma = (lights.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / lights.len() as f64).sqrt();
        assert!((mean - 1.0).abs() < 0.01 && (sigma / 0.05 - 1.0).abs() < 0.15, "{mean} {sigma}");
    }
}
