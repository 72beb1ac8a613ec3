//! The pictures people look at: overlay and thumbnail of a judged photo, as JPEG.

use super::line::{Drawn, Job, JobError};
use super::{Judged, judge};
use image::RgbImage;
use inspector::recipe::Recipe;

/// Longest side of the overlay that is kept, px: more than a screen shows, a quarter of the time to encode.
const OVERLAY_SIDE_PX: u32 = 1600;
/// Longest side of the thumbnail, px.
const THUMBNAIL_SIDE_PX: u32 = 240;

/// The whole synchronous part of an inspection: decode, judge, draw.
///
/// # Errors
/// When the photo cannot be decoded or the pictures cannot be made.
pub fn judge_and_draw(job: &Job) -> Result<Drawn, JobError> {
    let judged = judge(&job.photo, &job.recipe, &job.info).map_err(JobError::Photo)?;
    let overlay = jpeg(&overlay(&judged, &job.recipe)?, 85)?;
    let thumbnail = jpeg(&fitted(&plain(&judged), THUMBNAIL_SIDE_PX)?, 80)?;
    Ok(Drawn { record: judged.record, overlay, thumbnail })
}

fn overlay(judged: &Judged, _recipe: &Recipe) -> Result<RgbImage, JobError> {
    fitted(&plain(judged), OVERLAY_SIDE_PX)
}

fn plain(judged: &Judged) -> RgbImage {
    use inspector::photo::Picture;
    match &judged.photo.picture {
        Picture::Grey(p) => image::DynamicImage::ImageLuma8(p.clone()).into_rgb8(),
        Picture::Grey16(p) => image::DynamicImage::ImageLuma16(p.clone()).into_rgb8(),
        Picture::Colour(p) => p.clone(),
    }
}

fn fitted(picture: &RgbImage, side: u32) -> Result<RgbImage, JobError> {
    Ok(image::imageops::thumbnail(
        picture,
        side.min(picture.width()),
        (side * picture.height() / picture.width()).max(1),
    ))
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, JobError> {
    let mut bytes = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|e| JobError::Picture { what: e.to_string() })?;
    Ok(bytes)
}
