//! What a journal entry holds.

use crate::record::InspectionRecord;
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};

/// Version of the entry's format, written in every entry.
pub const SCHEMA: u32 = 1;

/// One entry of the journal. Its canonical JSON (RFC 8785) is what is stored, at most 65,535 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Format version, [`SCHEMA`] when written today.
    pub schema: u32,
    /// 1, 2, 3, ... without gaps.
    pub seq: u64,
    /// ULID: unique across stations, sorts by time.
    pub ulid: String,
    /// Which station.
    pub station: String,
    /// Random id of this start of the program: monotonic times of one boot can be compared.
    pub boot: String,
    /// Nanoseconds since this boot of the program.
    pub monotonic_ns: u64,
    /// Wall clock, RFC 3339 in UTC. The clock of a workshop machine may be wrong; sequence and boot are not.
    pub wall: String,
    /// Program that wrote the entry.
    pub software: Software,
    /// Model runtime in use, when there is one.
    pub model_runtime: Option<String>,
    /// Digests of the models in use.
    pub models: Vec<Sha256>,
    /// Real parts, or the demo's.
    pub mode: Mode,
    /// What happened.
    pub act: Act,
}

/// Program and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// `assay`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// Whether parts are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real parts.
    Production,
    /// Rendered parts of `assay demo`: never evidence.
    Demo,
}

impl Mode {
    /// `demo` or `production`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Demo => "demo",
        }
    }
}

/// How well a calibration knows what it measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum CalibratedTo {
    /// A lens.
    Lens {
        /// Standard uncertainty of the focal lengths `fx` and `fy`, px.
        u_focal_px: [f64; 2],
    },
    /// Scale and edges of a camera that looks straight down.
    Scale {
        /// Relative standard uncertainty of the scale.
        u_scale: f64,
        /// Standard uncertainty of where edges are seen, px.
        u_edge_px: f64,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Act {
    /// The program started on this ledger.
    Started,
    /// A part was judged.
    Inspection {
        /// The judged photo. Boxed: it is much larger than the other acts.
        inspection: Box<InspectionRecord>,
        /// Digest of the thumbnail file.
        thumbnail: Sha256,
        /// Digest of the overlay file.
        overlay: Sha256,
        /// The client's `Idempotency-Key`, when one was sent.
        idempotency_key: Option<String>,
        /// Digest of the request the key came with.
        request_sha256: Option<Sha256>,
    },
    /// A recipe was installed; its files are blobs.
    RecipeInstalled {
        /// The recipe's identity.
        recipe: Sha256,
        /// Part number.
        part: String,
        /// Revision.
        revision: Option<String>,
        /// Name the station knows it by.
        name: String,
        /// Its files: path in the folder, digest.
        files: Vec<(String, Sha256)>,
    },
    /// A person approved a recipe for production.
    RecipeApproved {
        /// The recipe's identity.
        recipe: Sha256,
        /// Id of the person (names live in an erasable table).
        by: String,
    },
    /// A recipe was taken out of use.
    RecipeRetired {
        /// The recipe's identity.
        recipe: Sha256,
        /// Id of the person.
        by: String,
    },
    /// A camera's lens, or its scale, was measured; its record is a blob.
    Calibrated {
        /// What people call the camera.
        camera: String,
        /// Digest of the camera record's file.
        record: Sha256,
        /// What it was calibrated with, in words.
        artefact: String,
        /// Id of the person.
        by: String,
        /// Root mean square distance of seen from expected points, or sizes, px.
        rms_px: f64,
        /// How well it is known.
        #[serde(flatten)]
        known: CalibratedTo,
    },
    /// A camera was tried with a known length.
    Verified {
        /// What people call the camera.
        camera: String,
        /// Id of the person.
        by: String,
        /// What was measured, in words.
        artefact: String,
        /// Its known length, mm.
        nominal_mm: f64,
        /// What the camera says, mm.
        measured_mm: f64,
        /// Standard uncertainty of the deviation, mm.
        u_mm: f64,
        /// Largest deviation that is allowed, either way, mm.
        limit_mm: f64,
        /// Only PASS shows that the camera is good.
        verdict: Verdict,
    },
}
