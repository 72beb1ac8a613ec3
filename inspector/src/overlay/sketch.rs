//! Strokes and shapes on a picture. Everything is drawn twice, dark below and coloured above, so that it is seen on any background.

use crate::decision::Verdict;
use image::{Rgb, RgbImage};
use imageproc::drawing::{draw_antialiased_polygon_mut, draw_filled_circle_mut};
use imageproc::pixelops::interpolate;
use imageproc::point::Point;

pub(super) type Colour = Rgb<u8>;
/// A place in the overlay, px.
pub(super) type Place = (f64, f64);

pub(super) const DARK: Colour = Rgb([20, 20, 20]);
pub(super) const WHITE: Colour = Rgb([255, 255, 255]);
/// Neither good nor bad: what the drawing says. Told apart from the three verdicts by everyone (Okabe and Ito's palette).
pub(super) const BLUE: Colour = Rgb([86, 180, 233]);

/// Green, amber, red of different lightness, so that they differ without colour vision too.
pub(super) const fn colour(verdict: Verdict) -> Colour {
    match verdict {
        Verdict::Pass => Rgb([0, 158, 115]),
        Verdict::Refer => Rgb([255, 176, 0]),
        Verdict::Fail => Rgb([213, 30, 30]),
    }
}

/// A picture being drawn on.
pub(super) struct Sketch {
    pub(super) picture: RgbImage,
}

impl Sketch {
    pub(super) fn width(&self) -> f64 {
        f64::from(self.picture.width())
    }
    pub(super) fn height(&self) -> f64 {
        f64::from(self.picture.height())
    }
    /// Far outside there is nothing to see, and a line to infinity takes for ever.
    fn drawable(&self, (x, y): Place) -> bool {
        let reach = 2.0 * (self.width() + self.height());
        x.abs() <= reach && y.abs() <= reach
    }

    /// A filled polygon.
    pub(super) fn fill(&mut self, corners: &[Place], colour: Colour) {
        if !corners.iter().all(|c| self.drawable(*c)) {
            return;
        }
        let corners: Vec<_> = corners.iter().map(|(x, y)| Point::new(x.round() as i32, y.round() as i32)).collect();
        draw_antialiased_polygon_mut(&mut self.picture, &corners, colour, interpolate);
    }

    /// A straight stroke with round ends.
    pub(super) fn stroke(&mut self, from: Place, to: Place, width: f64, colour: Colour) {
        if !self.drawable(from) || !self.drawable(to) {
            return;
        }
        let radius = (0.5 * (width - 1.0)).round() as i32;
        for (x, y) in [from, to] {
            draw_filled_circle_mut(&mut self.picture, (x.round() as i32, y.round() as i32), radius, colour);
        }
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = libm::hypot(dx, dy);
        if length > 0.0 {
            let half = 0.5 * (width - 1.0) / length;
            let (nx, ny) = (-dy * half, dx * half);
            let corners = [(from, 1.0), (to, 1.0), (to, -1.0), (from, -1.0)];
            self.fill(&corners.map(|((x, y), side)| (x + side * nx, y + side * ny)), colour);
        }
    }

    /// Strokes from point to point, on a dark edge.
    pub(super) fn path(&mut self, points: &[Place], width: f64, colour: Colour) {
        for (width, colour) in [(width + 2.0, DARK), (width, colour)] {
            for pair in points.windows(2) {
                self.stroke(pair[0], pair[1], width, colour);
            }
        }
    }

    /// The same, broken into dashes of that length.
    pub(super) fn dashed(&mut self, points: &[Place], width: f64, dash: f64, colour: Colour) {
        // Length of line travelled so far: dashes go on around corners.
        let mut travelled = 0.0;
        for pair in points.windows(2) {
            if !self.drawable(pair[0]) || !self.drawable(pair[1]) {
                continue;
            }
            let (from, to) = (pair[0], pair[1]);
            let length = libm::hypot(to.0 - from.0, to.1 - from.1);
            let at = |d: f64| (from.0 + (to.0 - from.0) * d / length, from.1 + (to.1 - from.1) * d / length);
            let mut done = 0.0;
            while done < length {
                let phase = (travelled + done) % (2.0 * dash);
                let on = phase < dash;
                let step = f64::min(if on { dash - phase } else { 2.0 * dash - phase }, length - done).max(0.5);
                if on {
                    self.path(&[at(done), at((done + step).min(length))], width, colour);
                }
                done += step;
            }
            travelled += length;
        }
    }

    /// The sign of a verdict in a square of side `size` about `centre`: a disc with a tick, an octagon with a cross, a triangle with an
    /// exclamation mark. The outlines differ as road signs do, so that they are told apart at the size of a fingernail.
    pub(super) fn sign(&mut self, verdict: Verdict, centre: Place, size: f64) {
        let r = 0.5 * size;
        let at = |x: f64, y: f64| (centre.0 + r * x, centre.1 + r * y);
        let outline = |grown: f64| -> Vec<Place> {
            let (corners, start, stretch) = match verdict {
                Verdict::Pass => (64, 0.0, 1.0),
                Verdict::Fail => (8, std::f64::consts::PI / 8.0, 1.0),
                Verdict::Refer => (3, -std::f64::consts::FRAC_PI_2, 1.1),
            };
            (0..corners)
                .map(|k| {
                    let (sin, cos) = libm::sincos(start + std::f64::consts::TAU * f64::from(k) / f64::from(corners));
                    at(grown * stretch * cos, grown * stretch * sin)
                })
                .collect()
        };
        self.fill(&outline(1.0), DARK);
        self.fill(&outline(0.93), WHITE);
        self.fill(&outline(0.82), colour(verdict));
        // Dark on amber: white on it is hard to read.
        let (ink, width) = if verdict == Verdict::Refer { (DARK, 0.12 * size) } else { (WHITE, 0.15 * size) };
        let lines: &[(Place, Place)] = match verdict {
            Verdict::Pass => &[((-0.42, 0.02), (-0.1, 0.35)), ((-0.1, 0.35), (0.42, -0.32))],
            Verdict::Fail => &[((-0.38, -0.38), (0.38, 0.38)), ((-0.38, 0.38), (0.38, -0.38))],
            Verdict::Refer => &[((0.0, -0.45), (0.0, -0.08)), ((0.0, 0.27), (0.0, 0.27))],
        };
        for (from, to) in lines {
            self.stroke(at(from.0, from.1), at(to.0, to.1), width.max(2.0), ink);
        }
    }

    /// The word DEMO on a plate whose lower left corner lies at `corner`, letters `height` high.
    pub(super) fn demo_plate(&mut self, corner: Place, height: f64) {
        // Letters as strokes in a cell one wide and one high, y down.
        const D: &[Place] = &[(0.0, 0.0), (0.0, 1.0), (0.6, 1.0), (1.0, 0.7), (1.0, 0.3), (0.6, 0.0), (0.0, 0.0)];
        const E: &[Place] = &[(1.0, 0.0), (0.0, 0.0), (0.0, 0.5), (0.8, 0.5), (0.0, 0.5), (0.0, 1.0), (1.0, 1.0)];
        const M: &[Place] = &[(0.0, 1.0), (0.0, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 1.0)];
        const O: &[Place] = &[
            (0.35, 0.0),
            (0.65, 0.0),
            (1.0, 0.3),
            (1.0, 0.7),
            (0.65, 1.0),
            (0.35, 1.0),
            (0.0, 0.7),
            (0.0, 0.3),
            (0.35, 0.0),
        ];
        let (cell, gap, margin) = (0.7 * height, 0.3 * height, 0.4 * height);
        let (width, tall) = (4.0 * cell + 3.0 * gap + 2.0 * margin, height + 2.0 * margin);
        let (left, top) = (corner.0, corner.1 - tall);
        let plate = |grown: f64| {
            [(-grown, -grown), (width + grown, -grown), (width + grown, tall + grown), (-grown, tall + grown)]
                .map(|(x, y)| (left + x, top + y))
        };
        self.fill(&plate(0.0), WHITE);
        self.fill(&plate(-0.08 * height), DARK);
        for (k, letter) in [D, E, M, O].into_iter().enumerate() {
            let x0 = left + margin + k as f64 * (cell + gap);
            let points: Vec<_> = letter.iter().map(|(x, y)| (x0 + cell * x, top + margin + height * y)).collect();
            for pair in points.windows(2) {
                self.stroke(pair[0], pair[1], (0.18 * height).max(2.0), WHITE);
            }
        }
    }
}
