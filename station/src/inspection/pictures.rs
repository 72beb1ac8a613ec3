//! The pictures people look at: overlay and thumbnail of a judged photo, as JPEG.

use super::line::{Drawn, Job, JobError};
use super::{Judged, judge, judge_decoded};
use crate::ledger::Mode;
use image::RgbImage;
use inspector::overlay::{DrawOptions, draw_with, encode_jpeg, thumbnail};
use inspector::recipe::Recipe;

/// Longest side of the thumbnail, px.
const THUMBNAIL_SIDE_PX: u32 = 240;

/// The whole synchronous part of an inspection: decode, judge, draw.
///
/// # Errors
/// When the photo cannot be decoded or the pictures cannot be made.
pub fn judge_and_draw(job: &Job, mode: Mode) -> Result<Drawn, JobError> {
    let judged = match &job.decoded {
        Some(decoded) => judge_decoded(decoded.clone(), &job.recipe, &job.info),
        None => judge(&job.photo, &job.recipe, &job.info).map_err(JobError::Photo)?,
    };
    draw(judged, &job.recipe, mode)
}

/// Draws the pictures of a judged photo. Those of the demo say so.
///
/// # Errors
/// When they cannot be made.
pub fn draw(judged: Judged, recipe: &Recipe, mode: Mode) -> Result<Drawn, JobError> {
    let options = DrawOptions { demo: mode == Mode::Demo };
    let overlay = jpeg(&draw_with(&judged.photo, recipe, &judged.inspection, options), 85)?;
    let thumbnail = jpeg(&thumbnail(&judged.photo, THUMBNAIL_SIDE_PX), 80)?;
    Ok(Drawn { record: judged.record, overlay, thumbnail })
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, JobError> {
    encode_jpeg(picture, quality).map_err(|e| JobError::Picture { what: e.to_string() })
}
