//! `detect`: things that a model finds and that should not be there.

use super::boxes::{Counting, Sought};
use super::learned::fault;
use super::{Check, CheckType, Context, Entry, EntryError, Limits, Needs};

/// The check type `detect`.
pub static TYPE: CheckType = CheckType {
    name: "detect",
    measurand: "number of things of the labels named that a detection model finds, where there should be at most `upper` (0)",
    method: "the photo, tile by tile where the model says so, goes through the recipe's own detection model; boxes of at least `confidence` whose middle lies in the region count",
    source: "the model's card (models/NAME/MODEL.md); Neubeck and Van Gool 2006, doi:10.1109/ICPR.2006.479 (suppression); Akyon et al. 2022, doi:10.1109/ICIP46576.2022.9897990 (tiles)",
    honest_scope: "what the model was not trained on it does not find: a PASS says no more than the model's card; a thing counts for its strongest label only",
    needs: Needs::Any,
    example: "type = \"detect\"\nmodel = \"blobs\"\nlabels = [\"speck\"]\nconfidence = 0.5\nregion = [-20.0, -20.0, 40.0, 40.0]",
    parse,
    propose: |_, _| Vec::new(),
};

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let sought: Sought = entry.read()?;
    if let Some(count) = &sought.count {
        return Err(fault(
            count,
            "`count` belongs to type = \"count\": here `upper` says how many are tolerated".to_owned(),
        ));
    }
    let upper = sought.upper.as_ref().map_or(0, |upper| *upper.get_ref());
    let limits = Limits { lower: None, upper: Some(f64::from(upper)) };
    Ok(Box::new(Counting::new(sought, TYPE.name, (0.0, limits), context)?))
}
