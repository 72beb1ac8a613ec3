//! `segment`: how much of a picture has a label, or looks unusual.

use super::entry::IdPart;
use super::entry::{Entry, EntryError, Limits};
use super::learned;
use super::region::Region;
use super::{Characteristic, Check, CheckType, Context, Needs, Observation, Unit};
use crate::calibration::{Budget, Source, World};
use crate::decision::GUARD_BAND_K;
use crate::design::Reference;
use crate::geometry::{ImagePx, PixelRect, Point};
use crate::measure::{Connectivity, components};
use crate::models::manifest::Task;
use crate::models::{Frame, Map, Model};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// The check type `segment`.
pub static TYPE: CheckType = CheckType {
    name: "segment",
    measurand: "area, mm² with a drawing, else as a share (0 to 1) of the region or picture, whose number is above `level`; with an anomaly model that gives one, its score",
    method: "the photo, tile by tile where the model says so, goes through the recipe's own model; overlapping maps are blended, and places above the level are counted",
    source: "the model's card (models/NAME/MODEL.md); Akcay et al. 2022, doi:10.1109/ICIP46576.2022.9897283 (anomalib's maps and scores)",
    honest_scope: "as fine as the model's map; the border of an area is taken to be known to 0.15 places of it, which no model promises",
    needs: Needs::Any,
    example: "type = \"segment\"\nmodel = \"bright\"\nlabel = \"bright\"\narea = { nominal = 28.3, lower = -3.0, upper = 3.0 }\nregion = [3.0, -5.0, 10.0, 10.0]",
    parse,
    propose: |_, _| Vec::new(),
};

/// Most places that are shown.
const MAX_PLACES: usize = 32;
/// How well the border of an area is known, places of the map.
const BORDER: f64 = 0.15;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    /// First part of the characteristics' names, where a recipe has several.
    name: Option<IdPart>,
    model: Spanned<String>,
    /// With a segmentation model.
    label: Option<Spanned<String>>,
    #[serde(default = "half")]
    level: f64,
    area: Option<Area>,
    /// With an anomaly model.
    score: Option<Spanned<Limits>>,
    region: Option<[f64; 4]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    #[serde(default)]
    nominal: f64,
    lower: Option<f64>,
    upper: Option<f64>,
}

const fn half() -> f64 {
    0.5
}

#[derive(Debug)]
struct Segment {
    model: Arc<Model>,
    label: usize,
    level: f64,
    region: Region,
    characteristics: Vec<Characteristic>,
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let model = learned::model(context, &fields.model, &["segment", "anomaly-map"])?;
    let label = match (&model.manifest.task, &fields.label) {
        (Task::Segment { .. }, Some(label)) => learned::label(&model, label)?,
        (Task::Segment { .. }, None) => {
            return Err(EntryError::new("missing key `label`: expected one of the model's labels"));
        }
        (_, None) => 0,
        (_, Some(label)) => {
            let message = format!("`label`: model {} is an anomaly map and has none", model.name);
            return Err(EntryError { message, span: Some(label.span()) });
        }
    };
    let level = fields.level;
    // A level that no number reaches would find an area of 0 on every part.
    match &model.manifest.task {
        Task::Segment { .. } if !(level > 0.0 && level < 1.0) => {
            return Err(EntryError::new(format!("`level`: expected a number between 0 and 1, found {level}")));
        }
        _ if !level.is_finite() => {
            return Err(EntryError::new(format!("`level`: expected a finite number, found {level}")));
        }
        _ => {}
    }
    let prefix = fields.name.map_or_else(|| TYPE.name.to_owned(), |n| n.0);
    let mut characteristics = Vec::new();
    if let Some(Area { nominal, lower, upper }) = fields.area {
        if !nominal.is_finite() {
            return Err(EntryError::new(format!("`area`: expected a finite `nominal`, found {nominal}")));
        }
        let limits = Limits::new(lower, upper).map_err(EntryError::new)?;
        let unit = match context.reference {
            Reference::Drawing(_) => Unit::SquareMm,
            Reference::Picture(_) | Reference::Photo => Unit::Share,
        };
        let id = format!("{prefix}.area");
        let (lower, upper) = (limits.lower, limits.upper);
        characteristics.push(Characteristic { id, check_type: TYPE.name, nominal, lower, upper, unit });
    }
    if let Some(limits) = fields.score {
        if !matches!(model.manifest.task, Task::AnomalyMap { score: Some(_), .. }) {
            let message = format!("`score`: model {} gives no score of the whole picture", model.name);
            return Err(EntryError { message, span: Some(limits.span()) });
        }
        let Limits { lower, upper } = *limits.get_ref();
        let (id, unit) = (format!("{prefix}.score"), Unit::Score);
        characteristics.push(Characteristic { id, check_type: TYPE.name, nominal: 0.0, lower, upper, unit });
    }
    if characteristics.is_empty() {
        return Err(EntryError::new("expected `area`, `score` or both, found neither"));
    }
    let region = Region::read(fields.region, context)?;
    Ok(Box::new(Segment { model, label, level, region, characteristics }))
}

/// What of a map is above a level.
struct Above {
    /// In photo pixels.
    area_px: f64,
    /// Photo pixels that were looked at.
    of_px: f64,
    /// In photo pixels.
    u_px: f64,
    places: Vec<PixelRect>,
}

impl Segment {
    fn above(&self, map: &Map, part: &RegisteredPart<'_>) -> Result<Above, Reason> {
        let placed = self.region.place(part)?;
        let inside: Vec<bool> = (0..map.width * map.height)
            .map(|i| {
                let (x, y) = ((i % map.width) as f64 + 0.5, (i / map.width) as f64 + 0.5);
                placed.contains(Point::<ImagePx>::new(x * map.pitch.0 - 0.5, y * map.pitch.1 - 0.5))
            })
            .collect();
        // What the model did not look at is not measured, never "nothing".
        if map.values.iter().zip(&inside).any(|(v, inside)| *inside && v.is_nan()) {
            return Err(Reason::OutOfPicture);
        }
        let place_px = map.pitch.0 * map.pitch.1;
        let looked = inside.iter().filter(|i| **i).count();
        if looked == 0 {
            let size_px = f64::from(placed.pixels.w.min(placed.pixels.h));
            return Err(Reason::TooSmall { size_px, expected_px: map.pitch.0.max(map.pitch.1).ceil() });
        }
        let over = |level: f64| -> Vec<bool> {
            map.values.iter().zip(&inside).map(|(v, inside)| *inside && f64::from(*v) >= level).collect()
        };
        let count = |mask: &[bool]| mask.iter().filter(|m| **m).count() as f64;
        let mask = over(self.level);
        let area = count(&mask);
        let epsilon = self.model.manifest.epsilon;
        let moved = [-epsilon, epsilon].map(|e| (count(&over(self.level + e)) - area).abs());
        let border = 4.0 * area.sqrt() * BORDER;
        let u = libm::hypot(moved[0].max(moved[1]) / GUARD_BAND_K, border);
        let mut pieces = components(&mask, map.width as u32, map.height as u32, Connectivity::Eight).blobs;
        pieces.sort_by_key(|b| std::cmp::Reverse(b.area));
        let photo = part.located.photo;
        let places = pieces.iter().take(MAX_PLACES).filter_map(|b| {
            let f = Frame::from(b.bounds);
            let (px, py) = map.pitch;
            Frame { x0: f.x0 * px, y0: f.y0 * py, x1: f.x1 * px, y1: f.y1 * py }.pixels(photo.width(), photo.height())
        });
        Ok(Above {
            area_px: area * place_px,
            of_px: looked as f64 * place_px,
            u_px: u * place_px,
            places: places.collect(),
        })
    }

    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Vec<Observation>, Reason> {
        // A recipe with a drawing or a picture looks at its part, and at nothing when there is none.
        part.pose.as_ref().map_err(Clone::clone)?;
        let map = self.model.map(&part.located.photo.picture, self.label)?;
        let above = self.above(&map, part)?;
        let one = |c: &Characteristic| match c.unit {
            Unit::Score => Observation::measured(map.score.unwrap_or(f64::NAN), learned::u_score(&self.model)),
            Unit::SquareMm => {
                let px_area = |world: &World| {
                    let mm = world.camera.mm_per_px(Point::new(0.0, 0.0));
                    mm * mm
                };
                let worlds = &part.located.worlds;
                let border = (Source::Noise, above.u_px * px_area(&worlds.nominal));
                let scale = worlds.changes(|world| above.area_px * px_area(world));
                let area = above.area_px * px_area(&worlds.nominal);
                Observation::with_budget(area, Budget::of(std::iter::once(border).chain(scale)))
            }
            _ => Observation::measured(above.area_px / above.of_px, above.u_px / above.of_px),
        };
        Ok(self.characteristics.iter().map(|c| one(c).at(above.places.clone())).collect())
    }
}

impl Check for Segment {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }
    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        self.measure(part).unwrap_or_else(|reason| {
            let place: Vec<PixelRect> = match self.region {
                Region::Photo => Vec::new(),
                _ => self.region.pixels(part).into_iter().collect(),
            };
            self.characteristics.iter().map(|_| Observation::not_measured(reason.clone()).at(place.clone())).collect()
        })
    }
}
