//! What a recorded part looks like over HTTP: the contract's fields at top level, and where it stands in the journal.

use crate::ledger::{Act, Entry, Mode, Software};
use crate::record::InspectionRecord;
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A judged, recorded part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InspectionView {
    /// Sequence number in this station's journal, without gaps over all its acts.
    #[schema(example = 41)]
    pub seq: u64,
    /// Unique across stations, sorts by time.
    pub ulid: String,
    /// Which station.
    pub station: String,
    /// `demo` is never evidence.
    pub mode: Mode,
    /// Wall clock of the station, RFC 3339 in UTC.
    #[schema(example = "2026-11-22T00:31:05.123456789Z")]
    pub wall: String,
    /// Program that judged.
    #[schema(value_type = Object, example = json!({"name": "assay", "version": "0.1.0"}))]
    pub software: Software,
    /// What was judged.
    #[serde(flatten)]
    pub record: InspectionRecord,
    /// Where its pictures are.
    pub links: Links,
}

/// Addresses that belong to a record, relative to this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Links {
    /// This record.
    #[serde(rename = "self")]
    pub this: String,
    /// The photo as it came.
    pub photo: String,
    /// A small picture of it.
    pub thumbnail: String,
    /// The photo with what was found drawn on it.
    pub overlay: String,
    /// The page for people.
    pub page: String,
}

/// The pictures of a record, by digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// The photo as it came.
    pub photo: Sha256,
    /// A small picture of it.
    pub thumbnail: Sha256,
    /// The photo with what was found drawn on it.
    pub overlay: Sha256,
}

impl Pictures {
    /// Of an entry, when it is an inspection.
    pub fn of(entry: &Entry) -> Option<Self> {
        match &entry.act {
            Act::Inspection { inspection, thumbnail, overlay, .. } => {
                Some(Self { photo: inspection.photo.sha256, thumbnail: *thumbnail, overlay: *overlay })
            }
            _ => None,
        }
    }
}

impl Links {
    /// For the entry of that sequence number. The digest in an address makes it mean the same bytes for ever, so it may be
    /// cached for ever, even when the demo's folder is thrown away and starts again at 1.
    pub fn new(seq: u64, pictures: &Pictures) -> Self {
        let this = format!("/api/v1/inspections/{seq}");
        let picture = |name: &str, hash: &Sha256| format!("{this}/{name}?v={}", version(hash));
        Self {
            photo: picture("photo", &pictures.photo),
            thumbnail: picture("thumbnail", &pictures.thumbnail),
            overlay: picture("overlay", &pictures.overlay),
            page: format!("/inspections/{seq}"),
            this,
        }
    }
}

/// The part of a digest that stands in an address.
pub(crate) fn version(hash: &Sha256) -> String {
    hash.hex()[..16].to_owned()
}

impl InspectionView {
    /// Of an entry, when it is an inspection.
    pub fn of(entry: Entry) -> Option<Self> {
        let links = Links::new(entry.seq, &Pictures::of(&entry)?);
        let Entry { seq, ulid, station, mode, wall, software, act, .. } = entry;
        match act {
            Act::Inspection { inspection, .. } => {
                Some(Self { seq, ulid, station, mode, wall, software, record: *inspection, links })
            }
            _ => None,
        }
    }
}
