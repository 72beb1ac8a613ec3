//! Tags of TIFF and EXIF, read only as far as the file is whole (TIFF 6.0, section 2; EXIF 2.32, section 4.6).

use std::collections::BTreeSet;

/// Largest number of directories followed; a loop of offsets ends here.
const MAX_DIRECTORIES: usize = 10_000;

/// A TIFF structure: byte order and the bytes that offsets count from.
#[derive(Clone, Copy)]
pub(super) struct Tags<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

/// One directory of tags.
#[derive(Clone, Copy)]
pub(super) struct Directory<'a> {
    tags: Tags<'a>,
    at: usize,
    entries: usize,
}

/// One tag's value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    tags: Tags<'a>,
    kind: u16,
    pub(super) count: usize,
    at: usize,
}

impl<'a> Tags<'a> {
    /// `None` when the bytes do not start like a TIFF structure.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        let big_endian = match bytes.get(..4)? {
            b"II*\0" => false,
            b"MM\0*" => true,
            _ => return None,
        };
        Some(Self { bytes, big_endian })
    }
    fn u16(self, at: usize) -> Option<u16> {
        let b = self.bytes.get(at..at.checked_add(2)?)?.try_into().expect("two bytes");
        Some(if self.big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) })
    }
    fn u32(self, at: usize) -> Option<u32> {
        let b = self.bytes.get(at..at.checked_add(4)?)?.try_into().expect("four bytes");
        Some(if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
    }
    /// The first directory.
    pub(super) fn first(self) -> Option<Directory<'a>> {
        self.directory(self.u32(4)?)
    }
    /// The directory at an offset; `None` when the file ends inside it.
    pub(super) fn directory(self, offset: u32) -> Option<Directory<'a>> {
        let at = usize::try_from(offset).ok()?;
        let entries = usize::from(self.u16(at)?);
        (at + 2 + 12 * entries <= self.bytes.len()).then_some(Directory { tags: self, at, entries })
    }
    /// All directories of the main chain; stops at a broken link and at a loop.
    pub(super) fn chain(self) -> Vec<Directory<'a>> {
        let mut seen = BTreeSet::new();
        let mut chain = Vec::new();
        let mut next = self.first();
        while let Some(directory) = next {
            if !seen.insert(directory.at) || chain.len() == MAX_DIRECTORIES {
                break;
            }
            chain.push(directory);
            next =
                self.u32(directory.at + 2 + 12 * directory.entries).filter(|o| *o != 0).and_then(|o| self.directory(o));
        }
        chain
    }
}

impl<'a> Directory<'a> {
    /// The value of a tag; `None` when the tag is absent or its value lies outside the file.
    pub(super) fn value(self, tag: u16) -> Option<Value<'a>> {
        let at = (0..self.entries).map(|i| self.at + 2 + 12 * i).find(|at| self.tags.u16(*at) == Some(tag))?;
        let kind = self.tags.u16(at + 2)?;
        let count = usize::try_from(self.tags.u32(at + 4)?).ok()?;
        let size = count.checked_mul(size_of_kind(kind)?)?;
        // Values of up to four bytes stand in the entry itself.
        let at = if size <= 4 { at + 8 } else { usize::try_from(self.tags.u32(at + 8)?).ok()? };
        (at.checked_add(size)? <= self.tags.bytes.len()).then_some(Value { tags: self.tags, kind, count, at })
    }
    /// The first number of a tag.
    pub(super) fn number(self, tag: u16) -> Option<u32> {
        self.value(tag)?.number(0)
    }
}

const fn size_of_kind(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 => Some(8),
        _ => None,
    }
}

impl<'a> Value<'a> {
    /// Number `i` of a whole-number value.
    pub(super) fn number(self, i: usize) -> Option<u32> {
        if i >= self.count {
            return None;
        }
        match self.kind {
            1 | 6 | 7 => self.tags.bytes.get(self.at + i).map(|b| u32::from(*b)),
            3 => self.tags.u16(self.at + 2 * i).map(u32::from),
            4 | 13 => self.tags.u32(self.at + 4 * i),
            _ => None,
        }
    }
    /// The value's bytes, of a text or of bytes.
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        matches!(self.kind, 1 | 2 | 6 | 7).then(|| &self.tags.bytes[self.at..self.at + self.count])
    }
}

/// What EXIF says that decoding needs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Exif {
    /// Orientation 1..=8 (tag 0x0112); what is not one of these says nothing and counts as upright.
    pub(super) orientation: Option<u8>,
    /// The file follows DCF's Adobe RGB convention (interoperability index `R03`).
    pub(super) adobe_rgb: bool,
}

/// Orientation of a directory, 1..=8.
pub(super) fn orientation(directory: Directory<'_>) -> Option<u8> {
    directory.number(0x0112).and_then(|v| u8::try_from(v).ok()).filter(|v| (1..=8).contains(v))
}

/// Reads EXIF, with or without its `Exif\0\0` prefix. Broken EXIF says nothing.
pub(super) fn exif(bytes: &[u8]) -> Exif {
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    let Some(first) = Tags::open(bytes).and_then(Tags::first) else {
        return Exif::default();
    };
    let sub = |d: Directory<'_>, tag| d.number(tag).and_then(|offset| first.tags.directory(offset));
    let interop = sub(first, 0x8769).and_then(|e| sub(e, 0xA005));
    let index = interop.and_then(|d| d.value(0x0001)).and_then(Value::bytes);
    Exif { orientation: orientation(first), adobe_rgb: index.is_some_and(|i| i.starts_with(b"R03")) }
}
