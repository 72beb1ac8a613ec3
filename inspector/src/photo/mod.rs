//! A photo: decoded, turned upright, in known colours, with the hashes that identify it.

mod bmp;
mod colour;
mod decode;
mod error;
mod jpeg;
mod png;
mod sniff;
mod tags;
#[cfg(test)]
mod tests;
mod tiff;
mod upright;
mod webp;

pub use decode::{DecodeLimits, decode};
pub use error::PhotoError;

use crate::geometry::{ImagePx, Point};
use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A SHA-256 digest, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Digest of some bytes. Cost: about 0.5 ms per MB without, 0.1 with, hardware support.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
    /// Digest of the pieces, one after the other.
    pub(crate) fn of_chunks<T: AsRef<[u8]>>(chunks: impl IntoIterator<Item = T>) -> Self {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        chunks.into_iter().for_each(|c| hasher.update(c));
        Self(hasher.finalize().into())
    }
    /// The 64 hexadecimal digits alone: file names use them.
    pub fn hex(&self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }
}
impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}
impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
impl From<Sha256> for String {
    fn from(h: Sha256) -> Self {
        h.to_string()
    }
}
impl TryFrom<String> for Sha256 {
    type Error = String;
    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}
impl std::str::FromStr for Sha256 {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        let expected = || format!("expected sha256: and 64 hexadecimal digits, found {s:?}");
        let hex = s.strip_prefix("sha256:").ok_or_else(expected)?;
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(expected());
        }
        let mut out = [0; 32];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).map_err(|_| expected())?;
        }
        Ok(Self(out))
    }
}

/// The decoded pixels: upright (EXIF orientation applied), in sRGB colours when the file said which colours it holds.
#[derive(Clone, Debug)]
pub enum Picture {
    /// One channel of 8 bits.
    Grey(GrayImage),
    /// One channel of 16 bits.
    Grey16(ImageBuffer<Luma<u16>, Vec<u16>>),
    /// Red, green, blue of 8 bits each (16-bit colour files are rounded to 8).
    Colour(RgbImage),
}

impl Picture {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        match self {
            Self::Grey(p) => p.width(),
            Self::Grey16(p) => p.width(),
            Self::Colour(p) => p.width(),
        }
    }
    /// Height in pixels.
    pub fn height(&self) -> u32 {
        match self {
            Self::Grey(p) => p.height(),
            Self::Grey16(p) => p.height(),
            Self::Colour(p) => p.height(),
        }
    }
    /// The codes of the pixel nearest to a place, in [0, 1]: red, green, blue. `None` outside the picture.
    pub fn codes(&self, p: Point<ImagePx>) -> Option<[f64; 3]> {
        let (x, y) = (p.x.round(), p.y.round());
        if !(x >= 0.0 && y >= 0.0 && x < f64::from(self.width()) && y < f64::from(self.height())) {
            return None;
        }
        let (x, y) = (x as u32, y as u32);
        Some(match self {
            Self::Grey(p) => [f64::from(p.get_pixel(x, y).0[0]) / 255.0; 3],
            Self::Grey16(p) => [f64::from(p.get_pixel(x, y).0[0]) / 65535.0; 3],
            Self::Colour(p) => p.get_pixel(x, y).0.map(|c| f64::from(c) / 255.0),
        })
    }
    /// True where a channel is at the brightest code, or as near to it as JPEG brings it: the light was at least that, and may have been more.
    pub fn is_brightest(&self, p: Point<ImagePx>) -> bool {
        self.codes(p).is_some_and(|codes| codes.iter().any(|c| *c >= BRIGHTEST))
    }
}

/// Codes from here on are the brightest, in [0, 1].
pub(crate) const BRIGHTEST: f64 = 254.0 / 255.0;

/// A decoded photo. Made by [`decode`].
#[derive(Clone, Debug)]
pub struct Photo {
    /// The pixels.
    pub picture: Picture,
    /// Digest of the file's bytes.
    pub file_sha256: Sha256,
    /// Digest of the decoded pixels (upright, row by row, channels interleaved, 16-bit samples big-endian), so that the same
    /// picture in another container is recognised.
    pub pixels_sha256: Sha256,
}

impl Photo {
    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.picture.width()
    }
    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.picture.height()
    }
}
