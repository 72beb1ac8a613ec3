//! The drawing with the names of its features on it, as SVG: sharp on paper and on screens, with the reader's own fonts.

use super::forecast::Forecast;
use crate::design::{Design, Feature, FeatureKind, Segment};
use crate::geometry::{DesignMm, Point, Vector};
use std::fmt::Write as _;

/// Letters of the longest side of the drawing.
const LETTERS: f64 = 70.0;
/// How far lines may lie from the drawing, as a share of its longest side.
const CHORD: f64 = 5e-4;

/// The drawing, every feature with its name; names of features with a check that the camera does not decide well are amber and underlined.
/// The y axis points up as in the drawing; 1 unit is 1 mm.
///
/// ```
/// # use inspector::{recipe::names_svg, synth::parts};
/// let svg = names_svg(&parts::pierced_disc(40.0, &[(8.0, 0.0, 6.0)]), "K-7 <left>", &[]);
/// assert!(svg.contains(">hole-1</text>") && svg.contains("K-7 &lt;left&gt;"));
/// ```
///
/// Cost: some milliseconds for a thousand holes.
pub fn names_svg(design: &Design, title: &str, forecasts: &[Forecast]) -> String {
    let (low, high) = design.bounds();
    let size = high - low;
    let letter = size.x.max(size.y) / LETTERS;
    let margin = 6.0 * letter;
    let (width, height) = (size.x + 2.0 * margin, size.y + 2.0 * margin + 2.0 * letter);
    let mut sheet = Sheet { text: String::new(), left: low.x - margin, top: high.y + margin, letter };
    sheet.add(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.3} {height:.3}\" width=\"{width:.3}mm\" height=\"{height:.3}mm\" \
         font-family=\"sans-serif\" font-size=\"{letter:.3}\">\n<title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        escaped(title)
    ));
    sheet.outline(design, CHORD * size.x.max(size.y));
    sheet.axes(design);
    for feature in &design.features {
        sheet.name(design, feature, forecasts);
    }
    let caption = format!("{title}: {:.3} x {:.3} mm", size.x, size.y);
    sheet.add(format_args!(
        "<text x=\"{margin:.3}\" y=\"{:.3}\" fill=\"#555\">{}</text>\n</svg>\n",
        height - letter,
        escaped(&caption)
    ));
    sheet.text
}

/// What must not stand in a text as it is.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The picture so far, and where it lies.
struct Sheet {
    text: String,
    left: f64,
    top: f64,
    /// Height of a letter, mm.
    letter: f64,
}

impl Sheet {
    fn add(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("writing to a String cannot fail");
    }

    /// A place of the drawing on the sheet, whose y points down.
    fn at(&self, p: Point<DesignMm>) -> (f64, f64) {
        (p.x - self.left, self.top - p.y)
    }

    /// The material, holes left open.
    fn outline(&mut self, design: &Design, chord: f64) {
        let width = 0.1 * self.letter;
        self.add(format_args!(
            "<path fill=\"#dfe7ee\" fill-rule=\"evenodd\" stroke=\"#1c2b39\" stroke-width=\"{width:.4}\" d=\""
        ));
        for contour in &design.contours {
            let mut move_to = 'M';
            for p in contour.polygon(chord) {
                let (x, y) = self.at(p);
                self.add(format_args!("{move_to}{x:.3} {y:.3}"));
                move_to = 'L';
            }
            self.text.push('Z');
        }
        self.text.push_str("\"/>\n");
    }

    /// Mirror axes, thin, dash and dot as on a drawing.
    fn axes(&mut self, design: &Design) {
        let symmetry = design.symmetry();
        let (low, high) = design.bounds();
        let reach = 0.5 * low.distance(high) + self.letter;
        for axis in &symmetry.axes {
            let (sin, cos) = libm::sincos(axis.radians());
            let along = Vector::new(cos, sin) * reach;
            let ((x1, y1), (x2, y2)) = (self.at(symmetry.centre - along), self.at(symmetry.centre + along));
            let l = self.letter;
            self.add(format_args!(
                "<path stroke=\"#8494a2\" stroke-width=\"{:.4}\" stroke-dasharray=\"{:.3} {:.3} {:.3} {:.3}\" d=\"M{x1:.3} {y1:.3}L{x2:.3} {y2:.3}\"/>\n",
                0.07 * l, 1.5 * l, 0.4 * l, 0.2 * l, 0.4 * l
            ));
        }
    }

    /// A name beside its feature: in a hole or slot when it fits, else outside of the material.
    fn name(&mut self, design: &Design, feature: &Feature, forecasts: &[Forecast]) {
        let l = self.letter;
        let length = 0.6 * l * feature.name.len() as f64;
        let contour = &design.contours[feature.contour];
        let (place, anchor, size) = match feature.kind {
            FeatureKind::Outline(_) => return,
            FeatureKind::Hole(c) if 2.0 * c.radius >= length => (c.centre, "middle", l),
            FeatureKind::Hole(c) => (c.centre + Vector::new(c.radius + 0.3 * l, 0.0), "start", l.min(3.0 * c.radius)),
            FeatureKind::Slot(slot) => (slot.centre(), "middle", l.min(0.8 * slot.width)),
            FeatureKind::Cutout => {
                let (low, high) = contour.bounds();
                if high.x - low.x >= length {
                    (contour.centroid(), "middle", l)
                } else {
                    (Point::new(high.x + 0.3 * l, high.y), "start", l)
                }
            }
            FeatureKind::Edge { .. } | FeatureKind::Arc { .. } => {
                let (p, out) = middle(&contour.segments[feature.segments.clone()]);
                // Beside the outline in the open, beside a narrow opening in the material.
                let aside = if feature.contour == 0 { out } else { -out };
                let anchor = match aside.x {
                    x if x > 0.5 => "start",
                    x if x < -0.5 => "end",
                    _ => "middle",
                };
                (p + aside * (0.7 * l), anchor, 0.8 * l)
            }
        };
        let doubtful = forecasts.iter().any(|f| f.is_about(&feature.name) && !f.is_decided());
        let style = if doubtful { " fill=\"#b35c00\" text-decoration=\"underline\"" } else { " fill=\"#0b3d62\"" };
        let (x, y) = self.at(place);
        // The middle of the letters, not their foot.
        let y = y + 0.35 * size;
        self.add(format_args!(
            "<text x=\"{x:.3}\" y=\"{y:.3}\" text-anchor=\"{anchor}\" font-size=\"{size:.3}\"{style}>{}</text>\n",
            escaped(&feature.name)
        ));
    }
}

/// The middle of a run of segments and its normal out of the material.
fn middle(run: &[Segment]) -> (Point<DesignMm>, Vector<DesignMm>) {
    let mut rest = 0.5 * run.iter().map(Segment::length).sum::<f64>();
    let last = run.len() - 1;
    for (i, segment) in run.iter().enumerate() {
        let length = segment.length();
        if rest <= length || i == last {
            let t = (rest / length).clamp(0.0, 1.0);
            return (segment.at(t), segment.normal(t));
        }
        rest -= length;
    }
    (run[0].at(0.5), run[0].normal(0.5))
}
