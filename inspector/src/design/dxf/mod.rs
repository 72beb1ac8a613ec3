//! ASCII DXF to pieces of contour in millimetres.
//!
//! Our own reader: the `dxf` crate (0.6.2) ends a section in silence at the first value it cannot read, so that the last hole of a
//! drawing can vanish, and panics on a date out of range. It serves as a second opinion in the tests.

mod curves;
mod pairs;
mod remarks;
mod spline;
mod write;

pub use write::write_dxf;

use super::join::{Piece, SAME};
use super::{DesignError, Drawn, MAX_BYTES, MAX_ENTITIES, Units};
use crate::geometry::{DesignMm, Point, Similarity};
use pairs::{Item, Pairs, shown};
use remarks::Remarks;
use std::collections::BTreeMap;

/// Deepest nesting of blocks.
const MAX_DEPTH: usize = 16;
/// How far z may vary in a flat drawing, mm.
const FLAT: f64 = 0.01;

/// What is drawn for people, or helps to draw: never part of a contour.
const IGNORED: &[&str] = &[
    "TEXT",
    "MTEXT",
    "RTEXT",
    "ARCALIGNEDTEXT",
    "ATTDEF",
    "ATTRIB",
    "SEQEND",
    "VERTEX",
    "DIMENSION",
    "ARC_DIMENSION",
    "LARGE_RADIAL_DIMENSION",
    "LEADER",
    "MULTILEADER",
    "MLEADER",
    "TOLERANCE",
    "HATCH",
    "MPOLYGON",
    "POINT",
    "XLINE",
    "RAY",
    "VIEWPORT",
    "IMAGE",
    "WIPEOUT",
    "OLEFRAME",
    "OLE2FRAME",
    "PDFUNDERLAY",
    "DWFUNDERLAY",
    "DGNUNDERLAY",
    "SOLID",
    "TRACE",
    "ACAD_TABLE",
    "TABLE",
    "LIGHT",
    "SUN",
    "CAMERA",
    "GEOPOSITIONMARKER",
];

/// The lines and arcs of a drawing in millimetres.
pub(super) fn read(bytes: &[u8], units: Option<Units>) -> Result<Drawn, DesignError> {
    if bytes.len() > MAX_BYTES {
        return Err(DesignError::TooLarge { found: bytes.len(), limit: MAX_BYTES });
    }
    let sections = Sections::find(bytes)?;
    let units = sections.units(units)?;
    let mut reader = Reader { layers: sections.layers()?, blocks: sections.blocks()?, ..Reader::default() };
    let place = Place {
        map: Similarity::from_parts(units.mm(), 0.0, false, 0.0, 0.0),
        z: 0.0,
        z_scale: units.mm(),
        layer: None,
        depth: 0,
    };
    reader.entities(sections.entities, &place)?;
    let drawn_in = units.plural().to_owned();
    Ok(Drawn { pieces: reader.pieces, drawn_in, ignored: reader.ignored, remarks: reader.remarks.sentences() })
}

/// The layer of the entity that starts at a line of the file, for messages.
pub(super) fn layer_at(bytes: &[u8], line: u32) -> Option<String> {
    let mut pairs = Pairs::new(bytes);
    while pairs.next().ok()?.line != line {}
    loop {
        let pair = pairs.next().ok()?;
        match pair.code {
            0 => return None,
            8 => return Some(shown(pair.value)),
            _ => (),
        }
    }
}

/// Where the sections of a file begin.
struct Sections<'a> {
    header: Option<Pairs<'a>>,
    tables: Option<Pairs<'a>>,
    blocks: Option<Pairs<'a>>,
    entities: Pairs<'a>,
}

impl<'a> Sections<'a> {
    fn find(bytes: &'a [u8]) -> Result<Self, DesignError> {
        let mut pairs = Pairs::new(bytes);
        let first = if bytes.starts_with(b"AutoCAD Binary DXF") {
            Err("a binary DXF: save it as ASCII DXF".to_owned())
        } else if bytes.is_empty() {
            Err("an empty file".to_owned())
        } else if bytes.starts_with(b"AC10") {
            Err("a DWG drawing: save it as DXF".to_owned())
        } else {
            let mut probe = pairs;
            probe.next().ok().filter(|p| p.starts("SECTION")).ok_or_else(|| shown(&bytes[..bytes.len().min(24)]))
        };
        first.map_err(|found| DesignError::NotADesign { found })?;
        let mut found: BTreeMap<&[u8], Pairs<'a>> = BTreeMap::new();
        loop {
            let pair = pairs.next()?;
            if pair.starts("EOF") {
                break;
            }
            if pair.starts("SECTION") {
                let name = pairs.next()?;
                // A file has each section once; where it does not, none must be dropped in silence.
                if name.code != 2 || found.insert(name.value, pairs).is_some() {
                    let (line, found) = (name.line, shown(name.value));
                    return Err(DesignError::Syntax { line, expected: "the name of a section, each once", found });
                }
            }
        }
        let entities =
            found.remove(&b"ENTITIES"[..]).ok_or(DesignError::NoContour { found: "no section ENTITIES".to_owned() })?;
        let [header, tables, blocks] = [&b"HEADER"[..], b"TABLES", b"BLOCKS"].map(|name| found.remove(name));
        Ok(Self { header, tables, blocks, entities })
    }

    /// The unit of the drawing, from the file or the caller.
    fn units(&self, given: Option<Units>) -> Result<Units, DesignError> {
        let mut code = None;
        if let Some(mut pairs) = self.header {
            loop {
                let pair = pairs.next()?;
                if pair.code == 0 {
                    break;
                }
                if pair.code == 9 && pair.value == b"$INSUNITS" {
                    code = Some(pairs.next()?.whole()?);
                }
            }
        }
        match (code, given) {
            (None, None) => Err(DesignError::NoUnits { found: "$INSUNITS is absent" }),
            (Some(0), None) => Err(DesignError::NoUnits { found: "$INSUNITS is 0" }),
            (None | Some(0), Some(given)) => Ok(given),
            (Some(code), given) => {
                let found = Units::from_insunits(code).ok_or(DesignError::UnknownUnits { code })?;
                match given.filter(|g| *g != found) {
                    Some(given) => Err(DesignError::UnitsDisagree { given, found }),
                    None => Ok(found),
                }
            }
        }
    }

    /// Which layers are not shown, by name in capitals.
    fn layers(&self) -> Result<BTreeMap<Vec<u8>, Layer<'a>>, DesignError> {
        let never = Layer { frozen: true, off: true, line_type: None };
        let mut layers = BTreeMap::from([(b"DEFPOINTS".to_vec(), never)]);
        let Some(mut pairs) = self.tables else { return Ok(layers) };
        let mut item = Item::default();
        while pairs.next_item(&mut item)? {
            if item.kind != b"LAYER" {
                continue;
            }
            if let Some(name) = item.text(2) {
                let layer = Layer {
                    frozen: item.whole_or(70, 0)? & 1 == 1,
                    off: item.whole_or(62, 7)? < 0 || item.whole_or(290, 1)? == 0,
                    line_type: item.text(6),
                };
                layers.entry(name.to_ascii_uppercase()).or_insert(layer);
            }
        }
        Ok(layers)
    }

    fn blocks(&self) -> Result<BTreeMap<Vec<u8>, Block<'a>>, DesignError> {
        let mut blocks = BTreeMap::new();
        let Some(mut pairs) = self.blocks else { return Ok(blocks) };
        let mut item = Item::default();
        while pairs.next_item(&mut item)? {
            if item.kind == b"BLOCK" {
                let name = item.text(2).ok_or_else(|| item.fault("expected a name (group code 2), found none"))?;
                let base = Point::new(item.number_or(10, 0.0)?, item.number_or(20, 0.0)?);
                let base_z = item.number_or(30, 0.0)?;
                // Attached or overlaid.
                let external = item.whole_or(70, 0)? & (4 | 8) != 0;
                let block = Block { base, base_z, entities: pairs, external, twice: false };
                blocks
                    .entry(name.to_ascii_uppercase())
                    .and_modify(|first: &mut Block<'_>| first.twice = true)
                    .or_insert(block);
            }
        }
        Ok(blocks)
    }
}

/// How a layer is shown.
#[derive(Clone, Copy, Debug, Default)]
struct Layer<'a> {
    frozen: bool,
    /// Off, or not plotted.
    off: bool,
    line_type: Option<&'a [u8]>,
}

#[derive(Clone, Copy, Debug)]
struct Block<'a> {
    base: Point<DesignMm>,
    base_z: f64,
    entities: Pairs<'a>,
    /// It stands in another file.
    external: bool,
    /// Another block has its name too.
    twice: bool,
}

/// Where the entities of a block are drawn.
#[derive(Clone, Debug)]
struct Place {
    map: Similarity<DesignMm, DesignMm>,
    z: f64,
    z_scale: f64,
    /// Layer of the INSERT, which entities on layer 0 of its block take.
    layer: Option<Vec<u8>>,
    depth: usize,
}

#[derive(Debug, Default)]
struct Reader<'a> {
    layers: BTreeMap<Vec<u8>, Layer<'a>>,
    blocks: BTreeMap<Vec<u8>, Block<'a>>,
    pieces: Vec<Piece>,
    ignored: BTreeMap<String, usize>,
    remarks: Remarks,
    entities: usize,
    /// The height of the drawing, mm: that of its first entity.
    z: Option<f64>,
}

impl<'a> Reader<'a> {
    /// Reads entities up to the end of their section or block.
    fn entities(&mut self, mut pairs: Pairs<'a>, place: &Place) -> Result<(), DesignError> {
        let mut item = Item::default();
        while pairs.next_item(&mut item)? && item.kind != b"ENDBLK" {
            self.count_entity()?;
            let layer = self.layer_of(&item, place);
            let shown = self.layers.get(&layer).copied().unwrap_or_default();
            let insert = item.kind == b"INSERT";
            // An INSERT on a layer that is off still shows those of its entities that lie on other layers.
            let hidden = shown.frozen || (shown.off && !insert);
            let drawn = self.pieces.len();
            if hidden || item.whole_or(67, 0)? == 1 || item.whole_or(60, 0)? == 1 {
                self.ignore("entities on hidden layers or paper");
            } else if insert {
                self.insert(&item, place, layer)?;
            } else if item.kind == b"POLYLINE" {
                self.old_polyline(&item, &mut pairs, place)?;
                self.look_back(&item, &shown, drawn);
            } else if IGNORED.iter().any(|kind| kind.as_bytes() == item.kind) {
                self.ignore(&item.name());
            } else {
                self.entity(&item, place)?;
                self.look_back(&item, &shown, drawn);
            }
        }
        Ok(())
    }

    /// Counts an entity whose pieces, those behind the first `drawn`, are all too short to be kept, or that is drawn in broken lines.
    fn look_back(&mut self, item: &Item<'_>, layer: &Layer<'_>, drawn: usize) {
        if self.pieces[drawn..].iter().all(|piece| piece.segment.length() <= SAME) {
            self.ignore(&format!("{} without length", item.name()));
        } else {
            self.remarks.line_type(item, layer);
        }
    }

    fn count_entity(&mut self) -> Result<(), DesignError> {
        self.entities += 1;
        if self.entities > MAX_ENTITIES {
            return Err(DesignError::TooMany { what: "entities", limit: MAX_ENTITIES });
        }
        Ok(())
    }

    fn ignore(&mut self, what: &str) {
        *self.ignored.entry(what.to_owned()).or_default() += 1;
    }

    fn layer_of(&self, item: &Item<'_>, place: &Place) -> Vec<u8> {
        match (item.text(8).unwrap_or(b"0"), &place.layer) {
            (b"0", Some(layer)) => layer.clone(),
            (own, _) => own.to_ascii_uppercase(),
        }
    }

    /// Draws the block of an INSERT, once per row and column.
    fn insert(&mut self, item: &Item<'a>, place: &Place, layer: Vec<u8>) -> Result<(), DesignError> {
        let name = item.text(2).ok_or_else(|| item.fault("expected the name of a block, found none"))?;
        let block = *self
            .blocks
            .get(&name.to_ascii_uppercase())
            .ok_or_else(|| item.fault(format!("expected a block of the drawing, found {}", shown(name))))?;
        if block.external {
            return Err(
                item.fault(format!("bind the external reference {} first: it stands in another file", shown(name)))
            );
        }
        if block.twice {
            return Err(
                item.fault(format!("expected one block of each name, found two named {}: rename one", shown(name)))
            );
        }
        if place.depth >= MAX_DEPTH {
            return Err(item.fault(format!("blocks are nested deeper than {MAX_DEPTH}")));
        }
        let (sx, sy) = (item.number_or(41, 1.0)?, item.number_or(42, 1.0)?);
        if sx == 0.0 || (sx.abs() - sy.abs()).abs() > 1e-9 * sx.abs() {
            return Err(item.fault(format!(
                "expected one scale for x and y, found {sx} and {sy}: arcs would become ellipses; explode the block"
            )));
        }
        let turn = item.number_or(50, 0.0)?.to_radians();
        // Negative x is a mirror and half a turn.
        let turned = if sx < 0.0 { turn + std::f64::consts::PI } else { turn };
        let (sin, cos) = libm::sincos(turned);
        let scale = sx.abs();
        let ocs = self.object_frame(item, place)?;
        let (row_sin, row_cos) = libm::sincos(turn);
        for column in 0..item.whole_or(70, 1)?.max(1) {
            for row in 0..item.whole_or(71, 1)?.max(1) {
                self.count_entity()?;
                let (dx, dy) = (column as f64 * item.number_or(44, 0.0)?, row as f64 * item.number_or(45, 0.0)?);
                let x = item.number_or(10, 0.0)? + dx * row_cos - dy * row_sin;
                let y = item.number_or(20, 0.0)? + dx * row_sin + dy * row_cos;
                let linear = Similarity::from_parts(scale * cos, scale * sin, (sx < 0.0) != (sy < 0.0), 0.0, 0.0);
                let base: Point<DesignMm> = linear.apply(block.base);
                let map = Similarity::<DesignMm, DesignMm>::from_parts(
                    scale * cos,
                    scale * sin,
                    linear.mirrored(),
                    x - base.x,
                    y - base.y,
                );
                let z_scale = ocs.z_scale * item.number_or(43, 1.0)?;
                let inner = Place {
                    map: map.then(&ocs.map),
                    z: ocs.z + ocs.z_scale * item.number_or(30, 0.0)? - z_scale * block.base_z,
                    z_scale,
                    layer: Some(layer.clone()),
                    depth: place.depth + 1,
                };
                self.entities(block.entities, &inner)?;
            }
        }
        Ok(())
    }
}
