//! `count`: how many things of some kind a model finds.

use super::boxes::{Counting, Sought};
use super::learned::{IdPart, Score};
use super::{Check, CheckType, Context, Dimension, Entry, EntryError, Needs};
use serde::Deserialize;
use toml::Spanned;

/// The check type `count`.
pub static TYPE: CheckType = CheckType {
    name: "count",
    measurand: "number of things of the labels named that a detection model finds",
    method: "the photo, tile by tile where the model says so, goes through the recipe's own detection model; boxes of at least `confidence` whose middle lies in the region count",
    source: "the model's card (models/NAME/MODEL.md); Neubeck and Van Gool 2006, doi:10.1109/ICPR.2006.479 (suppression); Akyon et al. 2022, doi:10.1109/ICIP46576.2022.9897990 (tiles)",
    honest_scope: "things that hide each other count once; a thing counts for its strongest label only; a count that would change if scores moved by the model's epsilon is referred",
    needs: Needs::Any,
    example: "type = \"count\"\nmodel = \"blobs\"\nlabels = [\"hole\"]\nconfidence = 0.5\ncount = { nominal = 1, lower = 0, upper = 0 }\nregion = [-20.0, -20.0, 40.0, 40.0]",
    parse,
    propose: |_| Vec::new(),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "type")]
    _type: String,
    /// First part of the characteristic's name, where a recipe has several.
    name: Option<IdPart>,
    model: Spanned<String>,
    /// All labels when left away.
    labels: Option<Vec<Spanned<String>>>,
    confidence: Spanned<Score>,
    count: Dimension,
    region: Option<[f64; 4]>,
}

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let Fields { _type, name, model, labels, confidence, count, region } = entry.read()?;
    if count.nominal < 0.0 || count.nominal.fract() != 0.0 {
        let found = count.nominal;
        return Err(EntryError::new(format!("`count`: expected a whole number of things as nominal, found {found}")));
    }
    let limits = (count.nominal, count.limits);
    Ok(Box::new(Counting::new(Sought { name, model, labels, confidence, region }, TYPE.name, limits, context)?))
}
