//! Non-maximum suppression.

use super::Detection;
use crate::models::output::Fault;

/// Most boxes that are compared with each other: a model that gives more above its floor says nothing, but must not take for ever.
const MOST_COMPARED: usize = 3000;

/// The boxes, strongest first, at most `most`, without those whose intersection over union with a stronger one of the same label is above `iou`.
///
/// Greedy, as in Neubeck and Van Gool 2006, doi:10.1109/ICPR.2006.479. Of equals the first stays, so the same input gives the same boxes.
///
/// # Errors
/// [`Fault`]: more than 3000 boxes, or more than `most` that are left. Which things the weakest of them are nobody knows, so a smaller count
/// would be a guess.
pub fn suppress(mut found: Vec<Detection>, iou: f64, most: usize) -> Result<Vec<Detection>, Fault> {
    let too_many = |most: usize, found: String| Fault::new(format!("at most {most} boxes above the floor"), found);
    if found.len() > MOST_COMPARED {
        return Err(too_many(MOST_COMPARED, found.len().to_string()));
    }
    // Stable: equals keep the model's order.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::new();
    for d in found {
        if iou >= 1.0 || !kept.iter().any(|k| k.label == d.label && k.frame.iou(&d.frame) > iou) {
            if kept.len() == most {
                return Err(too_many(most, "more, overlapping ones taken out".to_owned()));
            }
            kept.push(d);
        }
    }
    Ok(kept)
}
