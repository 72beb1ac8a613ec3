//! A picture of a good part, as reference.

use crate::calibration::{Plane, Tone};
use crate::photo::Photo;

/// A picture of a good part.
#[derive(Debug)]
pub struct ReferencePicture {
    /// The decoded picture.
    pub photo: Photo,
    /// Its linear light.
    pub light: Plane,
}

impl ReferencePicture {
    /// Prepares a photo for comparison.
    pub fn new(photo: Photo, tone: Tone) -> Self {
        Self { light: tone.linear(&photo.picture), photo }
    }
}
