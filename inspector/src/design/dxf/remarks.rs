//! What a DXF draws in a way that a person should look at: line types and widths.

use super::Layer;
use super::pairs::Item;
use std::collections::BTreeMap;

/// Counts of what was taken as contour and may be meant otherwise.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    line_types: BTreeMap<String, usize>,
    /// By width in mm.
    widths: BTreeMap<String, usize>,
}

impl Remarks {
    /// Counts an entity whose own line type, or that of its layer, is broken: hidden edges and centre lines are drawn so.
    pub(super) fn line_type(&mut self, item: &Item<'_>, layer: &Layer<'_>) {
        let name = |text: &[u8]| String::from_utf8_lossy(text).to_ascii_uppercase();
        let own = item.text(6).map(name).filter(|own| own != "BYLAYER");
        let Some(found) = own.or_else(|| layer.line_type.map(name)) else { return };
        let plain = found.is_empty() || found == "BYBLOCK" || found.contains("CONTINUOUS") || found.contains("SOLID");
        if !plain {
            let shown = found.chars().filter(|c| !c.is_control()).take(40).collect();
            *self.line_types.entry(shown).or_default() += 1;
        }
    }

    /// Counts a polyline that is drawn that many mm wide.
    pub(super) fn width(&mut self, mm: f64) {
        *self.widths.entry(format!("{}", (mm * 1e3).round() / 1e3)).or_default() += 1;
    }

    pub(super) fn sentences(&self) -> Vec<String> {
        let types = self.line_types.iter().map(|(name, n)| match n {
            1 => format!("1 entity has line type {name}: taken as a contour. Hide its layer if it is none."),
            _ => format!("{n} entities have line type {name}: taken as contours. Hide their layers if they are none."),
        });
        let widths = self.widths.iter().map(|(mm, n)| match n {
            1 => format!("1 polyline is drawn {mm} mm wide: its middle line is taken."),
            _ => format!("{n} polylines are drawn {mm} mm wide: their middle lines are taken."),
        });
        types.chain(widths).collect()
    }
}
