//! Seeded cameras, poses, light and sensors.

use super::{Blur, Curl, Lamp, Prism, Response, Sensor, Sheet, View, Wave, noise_of};
use crate::calibration::{Camera, Lens, Perspective, Sharpening, Tone};
use crate::design::Design;
use crate::geometry::{Angle, Mm, PlaneMm, Point, Rigid, Similarity, Vector};
use crate::synth::{Illumination, Paint, Seeded};
use std::sync::Arc;

/// A kind of camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// 4000 x 3000, focal length about 3000 px.
    Phone,
    /// 1920 x 1080, focal length 1400 to 1600 px.
    Webcam,
}

/// Random photos of a sheet with a part on it: the whole sheet is in the picture, the part in its area.
#[derive(Clone, Debug)]
pub struct Trials {
    /// The camera.
    pub device: Device,
    /// The sheet.
    pub sheet: Arc<Sheet>,
    /// Lowest and highest corner of where the part may lie.
    pub area: (Point<PlaneMm>, Point<PlaneMm>),
    /// Largest angle between the camera's axis and the sheet's normal (0 to this, all alike).
    pub tilt: Angle,
    /// Largest turn of the camera from looking along the sheet's sides (either way up).
    pub turn: Angle,
    /// Highest curl of the sheet (0 to this); 0 for a sheet bonded to a board.
    pub curl: Mm,
    /// The part may lie on its face (half of the time).
    pub flips: bool,
}

impl Device {
    /// Width and height of its pictures, px.
    pub const fn size(self) -> (u32, u32) {
        match self {
            Self::Phone => (4000, 3000),
            Self::Webcam => (1920, 1080),
        }
    }

    /// A lens of its kind.
    pub fn lens(self, random: &mut Seeded) -> Lens {
        let (width, height) = self.size();
        let focal = match self {
            Self::Phone => random.between(2850.0, 3200.0),
            Self::Webcam => random.between(1400.0, 1600.0),
        };
        let pinhole = Lens::pinhole(focal, width, height);
        Lens {
            fy: focal * random.between(0.999, 1.001),
            cx: pinhole.cx + random.between(-0.01, 0.01) * f64::from(width),
            cy: pinhole.cy + random.between(-0.01, 0.01) * f64::from(height),
            k1: random.between(-0.06, 0.10),
            k2: random.between(-0.10, 0.05),
            p1: random.between(-0.0008, 0.0008),
            p2: random.between(-0.0008, 0.0008),
            ..pinhole
        }
    }
}

impl Trials {
    /// The sheet flat, tilts to 25°, turns to 12°, parts on either side.
    pub fn new(device: Device, sheet: Arc<Sheet>, area: (Point<PlaneMm>, Point<PlaneMm>)) -> Self {
        let (tilt, turn) = (Angle::from_degrees(25.0), Angle::from_degrees(12.0));
        Self { device, sheet, area, tilt, turn, curl: Mm(0.0), flips: true }
    }

    /// Photo `seed` of a part as made. Light, lamp, lens, place, turn, colours, blur (0.7 to 2.5 px), noise (36 to 46 dB), tone, sharpening
    /// and JPEG quality are all other each time; paper never clips.
    ///
    /// The part lies wholly in the area when it fits there at one of fifty random turns; else in its middle.
    ///
    /// ```
    /// use inspector::geometry::{Mm, Point};
    /// use inspector::synth::{parts, view::{Device, Sheet, Trials}};
    /// let area = (Point::new(-110.0, -70.0), Point::new(110.0, 70.0));
    /// let trials = Trials::new(Device::Webcam, Sheet::blank_a4().into(), area);
    /// let view = trials.view(&parts::bracket(), Mm(3.0), 7);
    /// // The corners of the paper are in the picture, whatever the seed.
    /// let corner = view.camera.image_from_plane(Point::new(148.5, -105.0), Mm(0.0));
    /// assert!(corner.x > 0.0 && corner.x < 1919.0 && corner.y > 0.0 && corner.y < 1079.0);
    /// ```
    pub fn view(&self, made: &Design, thickness: Mm, seed: u64) -> View {
        let mut random = Seeded::new(seed, 0x0076_6965_7773);
        let (width, height) = self.device.size();
        let camera = self.camera(&mut random);
        let pose = self.pose(made, &mut random);
        let (top, wall) = surfaces(&mut random);
        let part = Prism { made: made.clone(), plane_from_design: pose, thickness, top, wall };
        let illumination = Illumination {
            right: random.between(-0.15, 0.15),
            down: random.between(-0.15, 0.15),
            falloff: random.between(0.0, 0.3),
        };
        View {
            camera,
            width,
            height,
            sheet: Arc::clone(&self.sheet),
            curl: self.curled(&mut random),
            parts: vec![part],
            lamp: Some(Lamp {
                azimuth: any_turn(&mut random),
                elevation: Angle::from_degrees(random.between(40.0, 75.0)),
                spread: random.between(0.03, 0.5),
                share: random.between(0.1, 0.6),
                height_mm: f64::INFINITY,
            }),
            illumination,
            sensor: sensor(&illumination, &mut random),
            seed: random.bits(),
        }
    }

    /// A camera that sees the whole sheet, near enough that it fills the picture but for 1.5 to 12 %.
    pub fn camera(&self, random: &mut Seeded) -> Camera {
        let (low, high) = self.sheet.bounds();
        let (width, height) = self.device.size();
        let lens = self.device.lens(random);
        let tilt = Angle::from_radians(random.between(0.0, 1.0) * self.tilt.radians());
        let towards = any_turn(random);
        // The longer side of the sheet along the longer side of the picture.
        let upright = if high.y - low.y > high.x - low.x { 90.0 } else { 0.0 } + 180.0 * random.below(2) as f64;
        let turn = Angle::from_radians(upright.to_radians() + random.between(-1.0, 1.0) * self.turn.radians());
        let aim = low.midpoint(high) + Vector::new(random.between(-3.0, 3.0), random.between(-3.0, 3.0));
        let corners = [low, Point::new(high.x, low.y), high, Point::new(low.x, high.y)];
        let margin = 0.015 * f64::from(height);
        let fits = |distance: f64| {
            let camera = Camera::Perspective(Perspective::new(lens, above(aim, distance, tilt, towards, turn)));
            corners.iter().all(|c| {
                // Height for the curl.
                let p = camera.image_from_plane(*c, self.curl);
                let inside = |v: f64, n: u32| v > margin && v < f64::from(n) - 1.0 - margin;
                inside(p.x, width) && inside(p.y, height)
            })
        };
        let (mut near, mut far) = (50.0, 5000.0);
        for _ in 0..40 {
            let middle = 0.5 * (near + far);
            if fits(middle) { far = middle } else { near = middle }
        }
        let distance = far * random.between(1.0, 1.12);
        Camera::Perspective(Perspective::new(lens, above(aim, distance, tilt, towards, turn)))
    }

    /// Where a part lies.
    fn pose(&self, made: &Design, random: &mut Seeded) -> Similarity<crate::geometry::DesignMm, PlaneMm> {
        let mirrored = self.flips && random.below(2) == 1;
        let outline = made.contours.first().map_or_else(Vec::new, |c| c.polygon(0.05));
        let (low, high) = self.area;
        let mut pose = Similarity::identity();
        for _ in 0..50 {
            let turn = any_turn(random);
            pose = Similarity::new(1.0, turn, mirrored, Vector::new(0.0, 0.0));
            let turned: Vec<_> = outline.iter().map(|p| pose.apply(*p)).collect();
            let least = |f: fn(&Point<PlaneMm>) -> f64| turned.iter().map(f).fold(f64::INFINITY, f64::min);
            let (left, right, bottom, top) = (least(|p| p.x), -least(|p| -p.x), least(|p| p.y), -least(|p| -p.y));
            let (room_x, room_y) = (high.x - low.x - (right - left), high.y - low.y - (top - bottom));
            let fits = room_x >= 0.0 && room_y >= 0.0;
            let (x, y) = (random.unit(), random.unit());
            let place = |room: f64, at: f64| if fits { at * room } else { 0.5 * room };
            let shift = Vector::new(low.x - left + place(room_x, x), low.y - bottom + place(room_y, y));
            pose = Similarity::new(1.0, turn, mirrored, shift);
            if fits {
                break;
            }
        }
        pose
    }

    fn curled(&self, random: &mut Seeded) -> Curl {
        if self.curl.0 <= 0.0 {
            return Curl::default();
        }
        let wave = |share: f64, random: &mut Seeded| Wave {
            along: any_turn(random),
            length: Mm(random.between(180.0, 500.0)),
            height: Mm(share * self.curl.0 * random.unit()),
            phase: any_turn(random),
        };
        Curl { waves: vec![wave(0.6, random), wave(0.4, random)] }
    }
}

fn any_turn(random: &mut Seeded) -> Angle {
    Angle::from_degrees(random.between(0.0, 360.0))
}

/// `camera_from_plane` of a camera at `distance` from `aim`, leaning by `tilt` towards the direction `towards`; its x axis lies along the plane's x
/// turned by `turn`.
fn above(aim: Point<PlaneMm>, distance: f64, tilt: Angle, towards: Angle, turn: Angle) -> Rigid {
    let ((st, ct), (sa, ca), (sr, cr)) = (tilt.sin_cos(), towards.sin_cos(), turn.sin_cos());
    let forward = [st * ca, st * sa, -ct];
    let across = cr * forward[0] + sr * forward[1];
    let x = [cr - across * forward[0], sr - across * forward[1], -across * forward[2]];
    let length = x.iter().map(|c| c * c).sum::<f64>().sqrt();
    let x = x.map(|c| c / length);
    let y = [
        forward[1] * x[2] - forward[2] * x[1],
        forward[2] * x[0] - forward[0] * x[2],
        forward[0] * x[1] - forward[1] * x[0],
    ];
    let centre = [aim.x - distance * forward[0], aim.y - distance * forward[1], -distance * forward[2]];
    let turned = crate::geometry::times(&[x, y, forward], centre);
    Rigid::from_matrix(&[x, y, forward], turned.map(|c| -c))
}

/// Upper face and walls: dark or bright enough to stand out from white paper, walls darker or brighter; a third of the parts are painted, with bare cut edges.
fn surfaces(random: &mut Seeded) -> (Paint, [f64; 3]) {
    let light = random.between(0.03, 0.35);
    let tint: [f64; 3] = std::array::from_fn(|_| random.between(0.8, 1.2));
    let walls = random.between(0.3, 1.5);
    let [r, g, b] = tint.map(|t| light * t);
    let top = Paint::rgb(r, g, b).mottled(random.between(0.0, 0.04), random.between(3.0, 20.0));
    let bare = (walls > 1.1).then_some(0.15 + walls - 1.1);
    (top, tint.map(|t| t * bare.unwrap_or(light * walls)))
}

fn sensor(illumination: &Illumination, random: &mut Seeded) -> Sensor {
    let px = random.between(0.7, 2.5);
    let blur = Blur { px, right: random.between(-0.04, 0.04) * px, down: random.between(-0.04, 0.04) * px };
    let brightest = 1.0 + illumination.right.abs() + illumination.down.abs();
    let exposure = random.between(0.75, 0.97) / (0.9 * brightest);
    let response = match random.below(3) {
        0 => Response::Tone(Tone::Srgb),
        _ => Response::Phone { gamma: random.between(2.0, 2.4), contrast: random.between(0.0, 0.3) },
    };
    let sharpen = Sharpening { amount: random.between(0.1, 0.8), sigma_px: random.between(0.8, 1.6) };
    Sensor {
        blur,
        gain: [exposure * random.between(0.92, 1.0), exposure, exposure * random.between(0.92, 1.0)],
        noise: noise_of(random.between(36.0, 46.0)),
        response,
        sharpen: (random.below(2) == 1).then_some(sharpen),
        colour: true,
        quality: 85 + random.below(13) as u8,
    }
}
