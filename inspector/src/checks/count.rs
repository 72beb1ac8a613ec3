//! `count`: how many things of some kind a model finds.

use super::boxes::{Counting, Sought};
use super::learned::fault;
use super::{Check, CheckType, Context, Entry, EntryError, Needs};

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
    propose: |_, _| Vec::new(),
};

fn parse(entry: &Entry<'_>, context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let sought: Sought = entry.read()?;
    if let Some(upper) = &sought.upper {
        return Err(fault(upper, "`upper` belongs to type = \"detect\": give `count` its limits".to_owned()));
    }
    let Some(count) = sought.count.as_ref().map(|count| *count.get_ref()) else {
        return Err(EntryError::new("missing key `count`: how many there should be, { nominal, lower, upper }"));
    };
    if count.nominal < 0.0 || count.nominal.fract() != 0.0 {
        let found = count.nominal;
        return Err(EntryError::new(format!("`count`: expected a whole number of things as nominal, found {found}")));
    }
    Ok(Box::new(Counting::new(sought, TYPE.name, (count.nominal, count.limits), context)?))
}
