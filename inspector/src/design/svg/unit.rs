//! From user units to millimetres: what width and height say, and how large the maker's pixel is.

use super::curve::Affine;
use super::{Reader, SCALES};
use crate::design::{DesignError, Units};
use roxmltree::{Document, Node};
use std::str::FromStr as _;
use svgtypes::{Length, LengthUnit};

const INKSCAPE: &str = "http://www.inkscape.org/namespaces/inkscape";

/// How many pixels an inch has, and who says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixel {
    per_inch: f64,
    maker: &'static str,
}

impl Pixel {
    /// A pixel of CSS (CSS Values 4, 6.2), or of the program that made the file, when that has another.
    pub(super) fn of(document: &Document<'_>) -> Self {
        let comments = document.root().children().filter_map(|n| n.text().filter(|_| n.is_comment()));
        let illustrator = comments.into_iter().any(|text| text.contains("Generator: Adobe Illustrator"));
        let version = document.root_element().attribute((INKSCAPE, "version")).and_then(|text| {
            let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        match version {
            Some(version) if version < (0, 92) => Self { per_inch: 90.0, maker: ", as Inkscape before 0.92 wrote it" },
            None if illustrator => Self { per_inch: 72.0, maker: ", as Adobe Illustrator writes it" },
            _ => Self { per_inch: 96.0, maker: "" },
        }
    }
    pub(super) fn mm(self) -> f64 {
        25.4 / self.per_inch
    }
    /// Millimetres in a unit that has a size of its own, or that CSS or the maker gives one.
    pub(super) fn physical(self, unit: LengthUnit) -> Option<f64> {
        match unit {
            LengthUnit::Px => Some(self.mm()),
            _ => named(unit).map(Units::mm),
        }
    }
}

/// The unit that a length is written in, when it is written in one.
const fn named(unit: LengthUnit) -> Option<Units> {
    match unit {
        LengthUnit::Px => Some(Units::Pixel),
        LengthUnit::In => Some(Units::Inch),
        LengthUnit::Cm => Some(Units::Centimetre),
        LengthUnit::Mm => Some(Units::Millimetre),
        LengthUnit::Pt => Some(Units::Point),
        LengthUnit::Pc => Some(Units::Pica),
        LengthUnit::None | LengthUnit::Em | LengthUnit::Ex | LengthUnit::Percent => None,
    }
}

impl<'a, 'input> Reader<'a, 'input> {
    /// From user units of the whole drawing to millimetres, and in words what it was drawn in.
    pub(super) fn unit(
        &mut self,
        root: Node<'a, 'input>,
        given: Option<Units>,
    ) -> Result<(Affine, String), DesignError> {
        let view = match root.attribute("viewBox") {
            Some(text) => {
                Some(svgtypes::ViewBox::from_str(text).map_err(|e| self.fault(root, format!("viewBox: {e}")))?)
            }
            None => None,
        };
        let mut scales: Vec<(f64, &str)> = Vec::new();
        let mut found = None;
        for (name, extent) in [("width", view.map(|v| v.w)), ("height", view.map(|v| v.h))] {
            let Some(text) = root.attribute(name).map(str::trim) else { continue };
            let length = Length::from_str(text).map_err(|e| self.fault(root, format!("{name}: {e}")))?;
            let Some(mm) = self.pixel.physical(length.unit) else { continue };
            if length.number <= 0.0 {
                return Err(self.fault(root, format!("{name}: expected a length above 0, found {text:?}")));
            }
            found = found.or(named(length.unit));
            scales.push((extent.map_or(self.pixel.mm(), |extent| length.number * mm / extent), text));
        }
        let agreed = match (given, found) {
            // A pixel has no size that a maker of parts could mean: who gives a unit knows better.
            (Some(_), Some(Units::Pixel)) => found.filter(|_| given == found),
            (Some(given), Some(found)) if given != found => return Err(DesignError::UnitsDisagree { given, found }),
            _ => found,
        };
        let scale = match (given.filter(|_| agreed.is_none()), &scales[..]) {
            (Some(Units::Pixel), _) => self.pixel.mm(),
            (Some(given), _) => given.mm(),
            (None, []) => return Err(DesignError::NoUnits { found: "width and height name no unit" }),
            (None, [(one, _)]) => *one,
            (None, [(a, width), (b, height), ..]) => {
                if (a - b).abs() > SCALES * a.max(*b) {
                    let detail = format!(
                        "mixed units: width {width:?} makes a unit of the viewBox {a} mm, height {height:?} makes it {b} mm; correct one"
                    );
                    return Err(self.fault(root, detail));
                }
                a.min(*b)
            }
        };
        if !(scale.is_finite() && scale > 0.0) {
            return Err(self.fault(root, "expected a viewBox with a width and height above 0"));
        }
        self.px = (scale - self.pixel.mm()).abs() <= SCALES * self.pixel.mm();
        if given.is_some() && agreed.is_none() && found.is_some() {
            self.remarks.push("The drawing says px, which were not taken: they have no size of their own.".to_owned());
        }
        let drawn_in = self.drawn_in(agreed.or(given), scale);
        let (x, y) = view.map_or((0.0, 0.0), |v| (v.x, v.y));
        Ok((Affine::scale(scale, -scale).of(&Affine::shift(-x, -y)), drawn_in))
    }

    /// The unit in words, and how large a unit of the viewBox is where that is another.
    fn drawn_in(&self, unit: Option<Units>, scale: f64) -> String {
        let Pixel { per_inch, maker } = self.pixel;
        let pixel = format!("px of 1/{per_inch} inch{maker}");
        let (words, mm) = match unit {
            _ if self.px => return pixel,
            Some(Units::Pixel) => (pixel, self.pixel.mm()),
            Some(unit) => (unit.plural().to_owned(), unit.mm()),
            None => return format!("units of {scale} mm"),
        };
        if (scale - mm).abs() <= SCALES * mm {
            words
        } else {
            format!("{words} (a unit of its viewBox is {scale:.6} mm)")
        }
    }
}
