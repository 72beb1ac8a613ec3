//! `extra`: material where the drawing has none, up to 3 mm around the part.

use super::entry::{Entry, EntryError};
use super::material::{self, Kind, Settings};
use super::{Characteristic, Check, CheckType, Context, Needs, Observation};
use crate::design::Design;
use crate::registration::RegisteredPart;

/// The check type `extra`.
pub static TYPE: CheckType = CheckType {
    name: "extra",
    measurand: "area of the largest piece of extra material, mm² (burr, closed hole, lump)",
    method: "pixels told apart at half light, compared with the drawing in its pose, beyond a band about the contour; pieces by connectivity",
    source: "Otsu 1979, doi:10.1109/TSMC.1979.4310076 (half-way level); Rosenfeld and Pfaltz 1966, doi:10.1145/321356.321357 (components)",
    honest_scope: "pieces wider than the band and than blur and pixel leave of them: what may be missed is in u; dust counts as material",
    needs: Needs::Drawing,
    example: "type = \"extra\"\nupper = 0.3",
    parse,
    propose,
};

#[derive(Debug)]
struct Extra {
    settings: Settings,
    characteristics: [Characteristic; 1],
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let (settings, characteristic) = material::parse(entry, context, TYPE.name)?;
    Ok(Box::new(Extra { settings, characteristics: [characteristic] }))
}

fn propose(design: &Design, mm_per_px: f64) -> Vec<String> {
    material::propose(TYPE.name, design, mm_per_px)
}

impl Check for Extra {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let limit = self.characteristics[0].upper.unwrap_or(f64::INFINITY);
        vec![material::measure(part, self.settings, Kind::Extra, limit).unwrap_or_else(Observation::not_measured)]
    }
}
