//! The demo's production line.

use super::fault::{Fault, FaultKind};
use super::parts;
use super::scene::{Illumination, Noise, Paint, Scene, Shadow};
use super::seeded::Seeded;
use super::truth::{Rendered, Truth};
use crate::design::{Body, Design};
use crate::geometry::{Angle, Vector};
use crate::overlay::encode_jpeg;
use crate::photo::Picture;
use image::DynamicImage;

/// A product of the demo line: what is drawn in the recipe folder of the same name.
#[derive(Clone, Copy, Debug)]
pub struct DemoProduct {
    /// Name of its recipe folder.
    pub recipe: &'static str,
    /// Its drawing.
    pub drawing: fn() -> Design,
    /// Scale of the demo camera for this product, as in the recipe.
    pub mm_per_px: f64,
    /// What is sometimes taken for it.
    wrong: fn() -> Design,
    /// Largest turn on the table; it may lie the other way round as well.
    turn_degrees: f64,
    part: Paint,
    background: Paint,
}

/// What the demo line makes.
pub const DEMO_PRODUCTS: [DemoProduct; 3] = [
    DemoProduct {
        recipe: "visor",
        drawing: parts::visor,
        wrong: parts::frame,
        mm_per_px: 0.175,
        turn_degrees: 12.0,
        part: Paint::rgb(0.03, 0.16, 0.36),
        background: Paint::rgb(0.66, 0.68, 0.70),
    },
    DemoProduct {
        recipe: "frame",
        drawing: parts::frame,
        wrong: parts::bracket,
        mm_per_px: 0.1,
        turn_degrees: 20.0,
        part: Paint::rgb(0.10, 0.035, 0.015).mottled(0.12, 24.0),
        background: Paint::rgb(0.62, 0.60, 0.55).mottled(0.01, 9.0),
    },
    DemoProduct {
        recipe: "bracket",
        drawing: parts::bracket,
        wrong: parts::spacer,
        mm_per_px: 0.065,
        turn_degrees: 180.0,
        part: Paint::rgb(0.70, 0.26, 0.04).mottled(0.03, 5.0),
        background: Paint::rgb(0.035, 0.04, 0.045),
    },
];

/// An endless line that makes the three products in turn, one part in five with a fault.
///
/// Part `k` of a seed is always the same part. Faults come in turn too (hole missing, hole moved, edge short, burr, wrong part), the
/// first part is good, and pictures are 1600 x 1200 colour JPEGs as a phone would take them: another place and turn on the table, light,
/// focus and noise each time.
///
/// ```
/// use inspector::synth::DemoLine;
/// let line = DemoLine::new(1);
/// assert!(line.part(0).truth.faults.is_empty());
/// // Part 7 can be had without parts 0 to 6, and is the same again.
/// assert_eq!(line.part(7).jpeg, line.part(7).jpeg);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DemoLine {
    seed: u64,
}

/// A part of the demo line.
#[derive(Clone, Debug)]
pub struct DemoPart {
    /// Its number on the line, from 0.
    pub number: u64,
    /// The recipe that judges it.
    pub recipe: &'static str,
    /// The photo file.
    pub jpeg: Vec<u8>,
    /// What is true of it.
    pub truth: Truth,
}

/// One part in so many has a fault.
const PARTS_PER_FAULT: u64 = 5;

const FAULTS: [FaultKind; 5] =
    [FaultKind::HoleMissing, FaultKind::HoleMoved, FaultKind::EdgeShort, FaultKind::Burr, FaultKind::WrongPart];

impl DemoLine {
    /// Another seed is another line.
    pub const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Part `number` of the line. Cost: about 130 ms on two threads, half of it the JPEG encoder.
    pub fn part(&self, number: u64) -> DemoPart {
        let mut random = Seeded::new(self.seed, number);
        let product = &DEMO_PRODUCTS[(number % DEMO_PRODUCTS.len() as u64) as usize];
        let drawing = (product.drawing)();
        let scene = product.scene(&drawing, &mut random);
        let fault = self.fault_of(number).and_then(|kind| match kind {
            FaultKind::WrongPart => Some(Fault::WrongPart { design: Box::new((product.wrong)()) }),
            kind => kind.somewhere_on(&drawing, &mut random),
        });
        let rendered = Rendered::new(&scene, &drawing, fault.as_ref()).expect("the fault's place is on the drawing");
        DemoPart { number, recipe: product.recipe, jpeg: rendered.jpeg(90), truth: rendered.truth }
    }

    /// The recipe that judges part `number`.
    pub fn recipe(&self, number: u64) -> &'static str {
        DEMO_PRODUCTS[(number % DEMO_PRODUCTS.len() as u64) as usize].recipe
    }

    /// What the camera of the line sees before part `number` is put down: the table, as a JPEG file.
    pub fn table(&self, number: u64) -> Vec<u8> {
        let product = &DEMO_PRODUCTS[(number % DEMO_PRODUCTS.len() as u64) as usize];
        let scene = product.scene(&(product.drawing)(), &mut Seeded::new(self.seed, number));
        let picture = match scene.render(&Design {
            contours: Vec::new(),
            features: Vec::new(),
            body: Body::default(),
            passed_over: Vec::new(),
            drawn_in: String::new(),
            remarks: Vec::new(),
        }) {
            Picture::Colour(picture) => picture,
            Picture::Grey(grey) => DynamicImage::ImageLuma8(grey).into_rgb8(),
            Picture::Grey16(grey) => DynamicImage::ImageLuma16(grey).into_rgb8(),
        };
        encode_jpeg(&picture, 90).expect("writing to memory cannot fail")
    }

    /// One fault in each group of five parts, at any place of it but the first part of all.
    fn fault_of(&self, number: u64) -> Option<FaultKind> {
        let group = number / PARTS_PER_FAULT;
        let place = 1 + Seeded::new(self.seed, !group).below(PARTS_PER_FAULT as usize - 1) as u64;
        (number % PARTS_PER_FAULT == place).then(|| FAULTS[(group % FAULTS.len() as u64) as usize])
    }
}

impl DemoProduct {
    fn scene(&self, drawing: &Design, random: &mut Seeded) -> Scene {
        let mut either_way = |range: f64| random.between(-range, range);
        let shift = Vector::new(either_way(25.0), either_way(12.0));
        let illumination = Illumination { right: either_way(0.08), down: either_way(0.08), falloff: 0.08 };
        let turn = either_way(self.turn_degrees);
        let half_turn = if random.below(2) == 0 { 0.0 } else { 180.0 };
        let scene = Scene {
            part: self.part,
            background: self.background,
            shadow: Some(Shadow { depth: 0.12, offset_px: Vector::new(4.0, 6.0), blur_px: 5.0 }),
            illumination,
            blur_px: random.between(0.7, 1.2),
            noise: Noise { read: 0.002, shot: 8e-5 },
            seed: random.bits(),
            ..Scene::new(drawing, 1600, 1200, self.mm_per_px)
        };
        scene.placed(drawing, self.mm_per_px, Angle::from_degrees(turn + half_turn), shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PixelRect;

    #[test]
    fn one_part_in_five_has_a_fault_and_every_kind_comes() {
        let line = DemoLine::new(4);
        let kinds: Vec<Option<FaultKind>> = (0..50).map(|k| line.fault_of(k)).collect();
        assert_eq!(kinds[0], None);
        for (group, kinds) in kinds.chunks(5).enumerate() {
            let faults: Vec<_> = kinds.iter().flatten().collect();
            assert_eq!(faults, [&FAULTS[group % 5]]);
        }
        let faulty = (0..25).find(|k| line.fault_of(*k) == Some(FaultKind::Burr)).unwrap();
        assert_eq!(line.part(faulty).truth.faults[0].kind, FaultKind::Burr);
    }

    #[test]
    fn whole_parts_lie_in_the_picture_however_they_are_turned() {
        for product in &DEMO_PRODUCTS {
            let drawing = (product.drawing)();
            for k in 0..200 {
                let scene = product.scene(&drawing, &mut Seeded::new(9, k));
                let outline = drawing.contours[0].polygon(0.1);
                let points = outline.iter().map(|p| scene.image_from_design.apply(*p));
                let r = PixelRect::around(points, 0.0, 10_000, 10_000).unwrap();
                assert!(r.x > 8 && r.y > 8 && r.x + r.w < 1592 && r.y + r.h < 1192, "{} {k}: {r:?}", product.recipe);
            }
        }
    }
}
