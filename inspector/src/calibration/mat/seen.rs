//! What the mat tells of a photo, as numbers with their limits: for the record and for people.

use super::find::Found;
use super::light::{
    CLIPPED, DARKEST, LEAST_COLOURS, MOST_COLOURED, Quality, SOFTEST_PX, SOFTEST_TENTH_PX, STRANGEST_TONE, UNEVEN,
};
use super::locate::{BEND_MM, BENT, MOST_TILT_DEG, PULL, SCATTER_MM, SKEW_PULL, fewest_tags};
use super::pose::Fit;
use crate::calibration::Camera;
use crate::geometry::Point;

/// A mat that was found, and what it tells of the photo.
#[derive(Clone, Debug)]
pub struct SeenMat {
    /// Its tags and their corners.
    pub found: Found,
    /// Where the sheet lies.
    pub fit: Fit,
    /// Light, colour, focus.
    pub quality: Quality,
    /// What the paper may have moved since somebody measured it, relative standard uncertainty.
    pub paper_moved: f64,
}

/// A number that the mat tells of the photo. Beyond a limit the photo is refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// A stable word for programs, such as `blur`.
    pub name: &'static str,
    /// For people, such as `blur of the edges`.
    pub words: &'static str,
    /// The number.
    pub value: f64,
    /// `px`, `mm`, `%`, `deg`, `u` (standard uncertainties), or nothing.
    pub unit: &'static str,
    /// Lowest value that is believed.
    pub lower: Option<f64>,
    /// Highest value that is believed.
    pub upper: Option<f64>,
}

impl Reading {
    const fn new(name: &'static str, words: &'static str, value: f64, unit: &'static str) -> Self {
        Self { name, words, value, unit, lower: None, upper: None }
    }
    const fn at_least(self, limit: f64) -> Self {
        Self { lower: Some(limit), ..self }
    }
    const fn at_most(self, limit: f64) -> Self {
        Self { upper: Some(limit), ..self }
    }
    /// The value is between its limits.
    pub fn is_within(&self) -> bool {
        self.lower.is_none_or(|l| self.value >= l) && self.upper.is_none_or(|u| self.value <= u)
    }
}

impl SeenMat {
    /// Size of a pixel in the middle of the sheet, mm.
    pub fn mm_per_px(&self) -> f64 {
        Camera::Perspective(self.fit.camera.clone()).mm_per_px(Point::new(0.0, 0.0))
    }

    /// Everything that is judged, and the view, as far as the photo tells it: in the order in which it is looked at.
    pub fn readings(&self) -> Vec<Reading> {
        let (fit, q) = (&self.fit, &self.quality);
        let tags = Reading::new("tags", "tags seen", self.found.tags.len() as f64, "");
        let percent = |name, words, share: f64| Reading::new(name, words, 100.0 * share, "%");
        let [across, up] = fit.printed_scale;
        let [red, blue] = q.white_balance;
        let colour = |name, words, light| {
            Reading::new(name, words, light, "").at_least(1.0 / MOST_COLOURED).at_most(MOST_COLOURED)
        };
        let mut all = vec![
            tags.at_least(fewest_tags(self.found.expected_tags) as f64),
            Reading::new("pixel", "size of a pixel", self.mm_per_px(), "mm"),
            Reading::new("distance", "height of the camera", fit.camera.centre()[2], "mm"),
            Reading::new("tilt", "tilt of the camera", fit.tilt_deg(), "deg").at_most(MOST_TILT_DEG),
            percent("white", "light of white paper", q.white).at_least(100.0 * DARKEST),
            percent("clipped", "white too bright to tell", q.clipped).at_most(100.0 * CLIPPED),
            percent("black", "light of black ink", q.black),
            Reading::new("shining", "tags on which something shines", q.shining as f64, "").at_most(0.0),
            Reading::new("blur", "blur of the edges", q.blur_px[0], "px").at_most(SOFTEST_PX),
            Reading::new("softest", "blur of the softest edges", q.blur_px[1], "px").at_most(SOFTEST_TENTH_PX),
            percent("unevenness", "change of light over the mat", q.unevenness).at_most(100.0 * UNEVEN),
            colour("red", "red light over green", red),
            colour("blue", "blue light over green", blue),
            percent("printed-across", "printed too large across", across - 1.0),
            percent("printed-up", "printed too large up", up - 1.0),
            Reading::new("bend", "bend of the sheet", fit.bend_mm, "mm").at_most(BEND_MM),
            Reading::new("scatter", "scatter of the tags", fit.rms_mm, "mm").at_most(SCATTER_MM),
            Reading::new("against-distances", "against the measured distances", fit.pulls.print, "u").at_most(PULL),
            Reading::new("against-square", "against square axes", fit.pulls.skew, "u").at_most(SKEW_PULL),
            Reading::new("against-flat", "against a flat sheet", fit.pulls.flat, "u").at_most(BENT),
        ];
        if let Some(shown) = q.colours {
            all.push(percent("colours", "colours of the patches (grey is 0)", shown).at_least(100.0 * LEAST_COLOURS));
        }
        if let Some(deviation) = q.tone_deviation {
            all.push(percent("tone", "tone curve off sRGB", deviation).at_most(100.0 * STRANGEST_TONE));
        }
        if self.paper_moved > 0.0 {
            all.push(percent("paper-moved", "paper may have moved since it was measured", self.paper_moved));
        }
        if fit.lens_known {
            all.push(Reading::new("against-record", "against the camera record", fit.pulls.lens, "u").at_most(PULL));
        }
        if let Some(sharpening) = q.sharpening {
            all.push(Reading::new("sharpening", "sharpening by the camera, undone", sharpening.amount, ""));
        }
        if let Some(offset) = q.edge_offset_px {
            all.push(Reading::new("edge-offset", "black seen too large", offset, "px"));
        }
        all.retain(|reading| reading.value.is_finite());
        all
    }
}
