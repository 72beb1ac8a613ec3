//! Non-maximum suppression.

use super::Detection;

/// Most boxes that are compared with each other: a model that gives more above its floor says nothing, but must not take for ever.
const MOST_COMPARED: usize = 3000;

/// The strongest boxes, at most `most`, without those whose intersection over union with a stronger one of the same label is above `iou`.
///
/// Greedy, as in Neubeck and Van Gool 2006, doi:10.1109/ICPR.2006.479. Of equals the first stays, so the same input gives the same boxes.
///
/// Honest scope: of more than 3000 boxes the weakest are left away unseen.
pub fn suppress(mut found: Vec<Detection>, iou: f64, most: usize) -> Vec<Detection> {
    // Stable: equals keep the model's order.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found.truncate(MOST_COMPARED);
    let mut kept: Vec<Detection> = Vec::new();
    for d in found {
        if kept.len() == most {
            break;
        }
        if iou >= 1.0 || !kept.iter().any(|k| k.label == d.label && k.frame.iou(&d.frame) > iou) {
            kept.push(d);
        }
    }
    kept
}
