//! Boxes that a detection model finds: shared by `detect`, `count` and `presence`.

use super::entry::IdPart;
use super::learned::{self, Score};
use super::region::{Placed, Region};
use super::{Characteristic, Check, Context, Dimension, EntryError, Limits, Observation, Unit};
use crate::geometry::{ImagePx, PixelRect, Point};
use crate::models::{Detection, Model};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// Most boxes that are shown.
const MAX_SHOWN: usize = 64;

/// What `count` and `detect` look for. Each has one key of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sought {
    #[serde(rename = "type")]
    _type: String,
    /// First part of the characteristic's name, where a recipe has several.
    name: Option<IdPart>,
    model: Spanned<String>,
    /// All labels when left away.
    labels: Option<Vec<Spanned<String>>>,
    confidence: Spanned<Score>,
    region: Option<[f64; 4]>,
    /// Of `count`: how many there should be.
    pub(super) count: Option<Spanned<Dimension>>,
    /// Of `detect`: how many are tolerated.
    pub(super) upper: Option<Spanned<u32>>,
}

/// Counts boxes.
#[derive(Debug)]
pub(super) struct Counting {
    model: Arc<Model>,
    /// Per label of the model: is it counted?
    counts: Vec<bool>,
    least: f64,
    region: Region,
    characteristics: [Characteristic; 1],
}

impl Counting {
    /// A check that counts what is sought.
    pub(super) fn new(
        sought: Sought,
        check_type: &'static str,
        (nominal, limits): (f64, Limits),
        context: &Context<'_>,
    ) -> Result<Self, EntryError> {
        let model = learned::model(context, &sought.model, &["detect"])?;
        let mut counts = vec![sought.labels.is_none(); model.manifest.labels.len()];
        for label in sought.labels.iter().flatten() {
            counts[learned::label(&model, label)?] = true;
        }
        if !counts.contains(&true) {
            return Err(EntryError::new("`labels`: expected at least one label, found none"));
        }
        let id = sought.name.map_or_else(|| check_type.to_owned(), |n| n.0) + ".count";
        let characteristic =
            Characteristic { id, check_type, nominal, lower: limits.lower, upper: limits.upper, unit: Unit::Count };
        Ok(Self {
            least: learned::confidence(&model, &sought.confidence)?,
            region: Region::read(sought.region, context)?,
            counts,
            model,
            characteristics: [characteristic],
        })
    }

    fn measure(&self, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let found = inside(&self.model, &self.region, part)?.1;
        let sought: Vec<&Detection> = found.iter().filter(|d| self.counts[d.label]).collect();
        let (count, u) = learned::counted(sought.iter().map(|d| d.score), self.least, self.model.manifest.epsilon);
        let shown: Vec<&Detection> = sought.into_iter().filter(|d| d.score >= self.least).collect();
        let words = learned::words(shown.iter().map(|d| (self.model.manifest.labels[d.label].as_str(), d.score)));
        Ok(Observation::measured(count, u).at(places(&shown, part)).saying(words))
    }
}

impl Check for Counting {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }
    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![self.measure(part).unwrap_or_else(Observation::not_measured)]
    }
}

/// The region in the photo, and the boxes whose middle lies in it.
///
/// # Errors
/// The part was not found, the region is not in the picture, the model failed.
pub(super) fn inside(
    model: &Model,
    region: &Region,
    part: &RegisteredPart<'_>,
) -> Result<(Placed, Vec<Detection>), Reason> {
    // A recipe with a drawing or a picture looks at its part, and at nothing when there is none.
    part.pose.as_ref().map_err(Clone::clone)?;
    let placed = region.place(part)?;
    let found = model.detect(part.located.photo)?;
    let middle = |d: &Detection| {
        let (x, y) = d.frame.centre();
        // From pixels counted from the edge to pixel centres.
        Point::<ImagePx>::new(x - 0.5, y - 0.5)
    };
    Ok((placed, found.iter().filter(|d| placed.contains(middle(d))).cloned().collect()))
}

/// Where boxes lie, strongest first.
pub(super) fn places(found: &[&Detection], part: &RegisteredPart<'_>) -> Vec<PixelRect> {
    let (w, h) = (part.located.photo.width(), part.located.photo.height());
    found.iter().take(MAX_SHOWN).filter_map(|d| d.frame.pixels(w, h)).collect()
}
