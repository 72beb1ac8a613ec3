//! `classify`: a model says which of its labels the part, or a region of it, is.

use super::entry::IdPart;
use super::learned::{self, Score};
use super::region::Region;
use super::{Characteristic, Check, CheckType, Context, Entry, EntryError, Needs, Observation, Unit};
use crate::models::Model;
use crate::models::picture::upright;
use crate::photo::Picture;
use crate::reason::Reason;
use crate::registration::RegisteredPart;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// The check type `classify`.
pub static TYPE: CheckType = CheckType {
    name: "classify",
    measurand: "score, 0 to 1, that a model gives the label that is expected",
    method: "the photo, or a region of it turned upright, goes through the recipe's own classification model",
    source: "the model's card (models/NAME/MODEL.md); Bridle 1990, doi:10.1007/978-3-642-76153-9_28 (softmax)",
    honest_scope: "a score is no probability that was proved, and a picture of something else gets a label too: see the model's card",
    needs: Needs::Any,
    example: "type = \"classify\"\nmodel = \"lightness\"\nexpect = \"dark\"\nscore = 0.8\nregion = [-12.0, -4.0, 8.0, 8.0]",
    parse,
    propose: |_, _| Vec::new(),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    /// First part of the characteristic's name, where a recipe has several.
    name: Option<IdPart>,
    model: Spanned<String>,
    expect: Spanned<String>,
    /// The least that conforms.
    score: Score,
    region: Option<[f64; 4]>,
}

#[derive(Debug)]
struct Classify {
    model: Arc<Model>,
    label: usize,
    region: Region,
    characteristics: [Characteristic; 1],
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let fields: Fields = entry.read()?;
    let model = learned::model(context, &fields.model, &["classify"])?;
    let label = learned::label(&model, &fields.expect)?;
    let id = fields.name.map_or_else(|| "classify.score".to_owned(), |n| format!("{}.score", n.0));
    Ok(Box::new(Classify {
        model,
        label,
        region: Region::read(fields.region, context)?,
        characteristics: [score_of(id, TYPE.name, fields.score)],
    }))
}

/// A characteristic whose nominal is 1 and whose lower limit is a score.
pub(super) fn score_of(id: String, check_type: &'static str, least: Score) -> Characteristic {
    Characteristic { id, check_type, nominal: 1.0, lower: Some(least.0 - 1.0), upper: None, unit: Unit::Score }
}

/// Scores of a region, and where it lies.
///
/// # Errors
/// The part was not found, the region is not in the picture, the model failed.
pub(super) fn ask(model: &Model, region: &Region, part: &RegisteredPart<'_>) -> Result<Vec<f64>, Reason> {
    // A recipe with a drawing or a picture looks at its part, and at nothing when there is none.
    part.pose.as_ref().map_err(Clone::clone)?;
    let photo = &part.located.photo.picture;
    let cut: Picture;
    let seen = match region {
        Region::Photo => photo,
        _ => {
            cut = upright(photo, region.place(part)?.frame());
            &cut
        }
    };
    model.classify(seen)
}

impl Check for Classify {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }

    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        let place = match self.region {
            Region::Photo => Vec::new(),
            _ => self.region.pixels(part).into_iter().collect(),
        };
        let observation = match ask(&self.model, &self.region, part) {
            Ok(scores) => {
                let best = (0..scores.len()).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or(self.label);
                Observation::measured(scores[self.label], learned::u_score(&self.model))
                    .saying(learned::words([(self.model.manifest.labels[best].as_str(), scores[best])].into_iter()))
            }
            Err(reason) => Observation::not_measured(reason),
        };
        vec![observation.at(place)]
    }
}
