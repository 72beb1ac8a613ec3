//! Why a photo is refused.

use thiserror::Error;

/// Why a photo cannot be used: what was expected, what was found. The caller adds the file's name.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// Nothing in the file.
    #[error("the file is empty (0 bytes); expected a JPEG, PNG, TIFF, BMP or WebP photo")]
    Empty,
    /// The bytes are no picture format that is known.
    #[error("not a picture: expected JPEG, PNG, TIFF, BMP or WebP, found {found}")]
    NotAPicture {
        /// What the first bytes look like.
        found: String,
    },
    /// The file is larger than the limit.
    #[error("the file is too large: expected at most {limit} bytes, found {found}")]
    FileTooLarge {
        /// Bytes of the file.
        found: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// The file declares more pixels than the limit. Nothing was allocated for them.
    #[error(
        "too many pixels: expected at most {limit}, the file declares {width} x {height}; set the camera to a smaller picture"
    )]
    TooManyPixels {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
        /// Most pixels allowed.
        limit: u64,
    },
    /// Decoding would take more memory than the limit. Nothing was allocated.
    #[error(
        "decoding {width} x {height} pixels would take {needed} bytes of memory, expected at most {limit}; \
         save the photo as plain 8-bit JPEG or make it smaller"
    )]
    TooMuchMemory {
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
        /// Estimate of the bytes needed at the peak.
        needed: u64,
        /// Most bytes allowed.
        limit: u64,
    },
    /// The picture has no pixels.
    #[error("the {format} file declares {width} x {height} pixels; expected at least 1 x 1")]
    NoPixels {
        /// Format of the file.
        format: &'static str,
        /// Declared width.
        width: u32,
        /// Declared height.
        height: u32,
    },
    /// The file ends before the picture does.
    #[error("the {format} file is incomplete: expected {expected}, found {found}; take or send the photo again")]
    Truncated {
        /// Format of the file.
        format: &'static str,
        /// What should have been there.
        expected: String,
        /// What was there instead.
        found: String,
    },
    /// The file is whole but its content contradicts the format.
    #[error("the {format} file is damaged ({detail}); take or send the photo again")]
    Damaged {
        /// Format of the file.
        format: &'static str,
        /// What the decoder found.
        detail: String,
    },
    /// Several pictures in one file.
    #[error("expected one still picture, found {found}{}; save the one photo to be judged as JPEG or PNG", frames.map(|n| format!(" of {n} {unit}")).unwrap_or_default())]
    Several {
        /// What kind of file, such as "an animated GIF".
        found: &'static str,
        /// How many pictures, when the file says.
        frames: Option<u32>,
        /// What the pictures are called: "frames" or "pages".
        unit: &'static str,
    },
    /// A known format, or a kind of a known format, that is not judged.
    #[error("expected a JPEG, PNG, TIFF, BMP or WebP photo, found {found}; {advice}")]
    Unsupported {
        /// What was found, by name.
        found: String,
        /// What to do about it.
        advice: &'static str,
    },
    /// Some pixels let the background through, so their colour is not known.
    #[error(
        "expected an opaque photo, found {transparent} transparent pixels of {pixels}; save it without transparency"
    )]
    Transparent {
        /// Pixels that are not fully opaque.
        transparent: u64,
        /// All pixels.
        pixels: u64,
    },
    /// The colours are described by a profile that cannot be converted to sRGB.
    #[error("expected colours in sRGB or in a profile that converts to it, found {name} ({detail}); save it as sRGB")]
    Profile {
        /// Name of the profile, as it calls itself.
        name: String,
        /// Why it cannot be converted.
        detail: String,
    },
}

impl PhotoError {
    pub(super) fn truncated(format: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Truncated { format, expected: expected.into(), found: found.into() }
    }
    pub(super) fn damaged(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Damaged { format, detail: detail.into() }
    }
}
