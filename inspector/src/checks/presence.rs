//! `presence`: is the thing in its place?

use super::classify::{ask, score_of};
use super::entry::IdPart;
use super::learned::{self, Score};
use super::region::Region;
use super::{Characteristic, Check, CheckType, Context, Entry, EntryError, Needs, Observation, boxes};
use crate::models::{Detection, Model};
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// The check type `presence`.
pub static TYPE: CheckType = CheckType {
    name: "presence",
    measurand: "score, 0 to 1, that the thing is in its place: one per region",
    method: "with a detection model the best score of a box of that label whose middle lies in the region (0 when there is none); with a classification model the label's score for the region, turned upright",
    source: "the model's card (models/NAME/MODEL.md)",
    honest_scope: "says that something like the label is there, not that it is the right one or tight; what the model was not trained on it may take for it",
    needs: Needs::Any,
    example: "type = \"presence\"\nmodel = \"blobs\"\nlabel = \"hole\"\nscore = 0.5\nplaces = [{ name = \"hole-1\", region = [4.0, -4.0, 8.0, 8.0] }]",
    parse,
    propose: |_, _| Vec::new(),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    model: Spanned<String>,
    label: Spanned<String>,
    /// The least that conforms.
    score: Spanned<Score>,
    places: Vec<Place>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    name: IdPart,
    region: [f64; 4],
}

#[derive(Debug)]
struct Presence {
    model: Arc<Model>,
    label: usize,
    regions: Vec<Region>,
    characteristics: Vec<Characteristic>,
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let model = learned::model(context, &fields.model, &["detect", "classify"])?;
    let label = learned::label(&model, &fields.label)?;
    if model.manifest.task.word() == "detect" {
        learned::confidence(&model, &fields.score)?;
    }
    if fields.places.is_empty() {
        return Err(EntryError::new(
            "`places`: expected at least one { name = ..., region = [x, y, w, h] }, found none",
        ));
    }
    let mut regions = Vec::new();
    let mut characteristics = Vec::new();
    for Place { name: IdPart(name), region } in fields.places {
        regions.push(Region::read(Some(region), context)?);
        characteristics.push(score_of(format!("{name}.presence"), TYPE.name, *fields.score.get_ref()));
    }
    Ok(Box::new(Presence { model, label, regions, characteristics }))
}

impl Presence {
    fn measure(&self, region: &Region, part: &RegisteredPart<'_>) -> Result<Observation, Reason> {
        let u = learned::u_score(&self.model);
        let labels = &self.model.manifest.labels;
        if self.model.manifest.task.word() == "classify" {
            let scores = ask(&self.model, region, part)?;
            let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(self.label);
            return Ok(Observation::measured(scores[self.label], u)
                .at(vec![region.pixels(part)?])
                .saying(learned::words([(labels[best].as_str(), scores[best])].into_iter())));
        }
        let (placed, found) = boxes::inside(&self.model, region, part)?;
        // Strongest first, as models give them.
        let best: Option<&Detection> = found.iter().find(|d| d.label == self.label);
        let words = learned::words(found.iter().map(|d| (labels[d.label].as_str(), d.score)));
        let seen = best.map(|d| boxes::places(&[d], part)).filter(|p| !p.is_empty());
        Ok(Observation::measured(best.map_or(0.0, |d| d.score), u)
            .at(seen.unwrap_or_else(|| vec![placed.pixels]))
            .saying(words))
    }
}

impl Check for Presence {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }
    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let one = |region: &Region| {
            self.measure(region, part).unwrap_or_else(|reason| {
                Observation::not_measured(reason).at(region.pixels(part).into_iter().collect())
            })
        };
        self.regions.iter().map(one).collect()
    }
}
