//! The colour patches: whether the camera, and every program between it and this one, kept red, green and blue apart.

use super::layout::Layout;
use super::light::patch;
use super::pose::Fit;
use crate::photo::Picture;

/// How much of the patches' printed colours the photo shows: 1 as they were sent to the printer, 0 grey (a printer without colours), below 0 with red and blue exchanged. `None` when a
/// patch is covered, or the picture is grey.
///
/// Colours are taken relative to `white`, the light of bare paper, so that the colour of the lamp does not count. They are projected on those that were printed, and on those that an
/// exchange of red and blue would make of them, which leave nothing on each other: inks and cameras that mix the three make the number smaller, and do not turn it round.
pub(super) fn colours(picture: &Picture, white: [f64; 3], layout: &Layout, fit: &Fit) -> Option<f64> {
    if !matches!(picture, Picture::Colour(_)) {
        return None;
    }
    let (mut shown, mut exchanged, mut printed) = (0.0, 0.0, 0.0);
    for sent in &layout.colours {
        let light = patch(picture, sent, fit)?;
        let seen = without_grey(std::array::from_fn(|k| light[k] / white[k]));
        let [r, g, b] = without_grey(sent.light);
        let along = |colour: [f64; 3]| seen.iter().zip(colour).map(|(s, c)| s * c).sum::<f64>();
        shown += along([r, g, b]);
        exchanged += along([b, g, r]);
        printed += r * r + g * g + b * b;
    }
    Some((shown - exchanged) / printed)
}

/// What is left of a colour when its mean is taken away.
fn without_grey(light: [f64; 3]) -> [f64; 3] {
    let mean = light.iter().sum::<f64>() / 3.0;
    light.map(|l| l - mean)
}
