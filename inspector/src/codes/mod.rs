//! Codes in a photo: QR, Data Matrix, Aztec and bars, read with rxing.
//!
//! ```text
//! Photo -pyramid-> places that could be codes -several looks at each-> symbols, lines -agreement-> Reading
//! ```
//!
//! **A wrong text is worse than none**, so a text counts only when it is sure: a QR code by its error correction; Data Matrix and Aztec when two
//! different looks read the same; bars when several lines across them agree and few contradict. What is there and cannot be read is told
//! apart from nothing being there, and from bars whose check digit is wrong.
//!
//! Cost on one thread: see `benches/codes.rs`; a photo without a code costs most, because every look is tried.
//!
//! Honest scope: printed or engraved codes seen from above, down to about 1.5 px per module; bars may be turned by any angle but not
//! bent; dot-peened Data Matrix and codes on shiny round parts are often unreadable. When one code is read easily, a second one that only
//! the thorough looks would have read is not found.

mod format;
mod guard;
mod linear;
mod matrix;
mod pattern;
mod plane;
mod profile;
mod search;
#[cfg(test)]
mod tests;
mod texture;

pub use format::{Format, Formats};
pub use pattern::Pattern;

use crate::geometry::{ImagePx, PixelRect, Point};
use crate::photo::Photo;

/// Smallest side of a picture that can hold a code, px.
const MIN_SIDE_PX: u32 = 16;

/// A code that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// What it says, character for character. FNC1 of GS1 codes is the group separator U+001D, and left out at the beginning.
    pub text: String,
    /// Its kind.
    pub format: Format,
    /// Its four corners in the photo, in order round it.
    pub corners: [Point<ImagePx>; 4],
}

/// Something like a code that gave no text.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    /// What is wrong with it.
    pub fault: Fault,
    /// Its kind, when that is known.
    pub format: Option<Format>,
    /// Its digits, when they could be read and only the check digit does not fit.
    pub digits: Option<String>,
    /// Its four corners in the photo.
    pub corners: [Point<ImagePx>; 4],
}

/// Why a code gave no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It looks like a code and cannot be read.
    Unreadable,
    /// Its bars can be read, but its check digit does not fit them.
    CheckDigit,
}

/// All that was found in a photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Codes that were read, from the top of the photo to its bottom.
    pub codes: Vec<Code>,
    /// Codes that were not, looked for when nothing was read.
    pub suspects: Vec<Suspect>,
}

/// Reads every code of these formats in `region` of the photo (all of it when `None`).
pub fn read(photo: &Photo, region: Option<PixelRect>, formats: Formats) -> Reading {
    let (width, height) = (photo.width(), photo.height());
    let region = region.unwrap_or(PixelRect { x: 0, y: 0, w: width, h: height });
    let (x, y) = (region.x.min(width), region.y.min(height));
    let region = PixelRect { x, y, w: region.w.min(width - x), h: region.h.min(height - y) };
    if region.w.min(region.h) < MIN_SIDE_PX {
        return Reading::default();
    }
    search::search(photo, region, formats)
}

impl Code {
    /// The upright box round it.
    pub fn region(&self, photo: &Photo) -> Option<PixelRect> {
        PixelRect::around(self.corners, 0.0, photo.width(), photo.height())
    }
}

impl Suspect {
    /// The upright box round it.
    pub fn region(&self, photo: &Photo) -> Option<PixelRect> {
        PixelRect::around(self.corners, 0.0, photo.width(), photo.height())
    }
}
