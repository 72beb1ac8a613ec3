//! The `[[source]]` tables of `station.toml`.

use super::UPLOAD;
use super::auto::AutoConfig;
use super::eye::Shutter;
use super::folder::FolderConfig;
use super::simulated::SimulatedConfig;
use super::v4l::CameraConfig;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most characters of a name: it stands in addresses, file names and counters.
const MAX_NAME: usize = 40;

/// One source of photos, as configured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: SourceKind,
    /// What its parts are judged by, when nothing else is said.
    pub recipe: Option<String>,
    /// Their lot, when nothing else is said.
    pub lot: Option<String>,
    /// What takes a picture beside key, click and request.
    pub shutter: Shutter,
    /// Key of a keyboard or pedal that takes a picture, as browsers call it.
    pub key: String,
}

/// What a source is.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// A camera of this machine.
    Camera(Box<CameraConfig>),
    /// A folder that another program writes photos into.
    Folder(FolderConfig),
    /// Rendered parts.
    Simulated(SimulatedConfig),
}

impl SourceConfig {
    /// What starts its photos: `key`, `auto`, `takt` or `file`.
    pub fn trigger(&self) -> &'static str {
        match (&self.kind, &self.shutter) {
            (SourceKind::Folder(_), _) => "file",
            (_, Shutter::Key) => "key",
            (_, Shutter::Auto(_)) => "auto",
            (_, Shutter::Takt(_)) => "takt",
        }
    }
    /// Its name and the camera that it means, if it is a camera of this machine.
    pub(crate) fn camera(&self) -> Option<(&str, &CameraConfig)> {
        match &self.kind {
            SourceKind::Camera(camera) => Some((&self.name, camera)),
            _ => None,
        }
    }
    /// Folders that are given relative to `base`.
    #[must_use]
    pub fn at(mut self, base: &Path) -> Self {
        if let SourceKind::Folder(folder) = &mut self.kind {
            folder.dir = base.join(&folder.dir);
        }
        self
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Camera,
    Folder,
    Simulated,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum When {
    #[default]
    Key,
    Auto,
    Takt,
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    recipe: Option<String>,
    lot: Option<String>,
    trigger: Option<When>,
    key: Option<String>,
    takt_s: Option<f64>,
    still_s: Option<f64>,
    camera: Option<CameraConfig>,
    folder: Option<PathBuf>,
    settle_s: Option<f64>,
    give_up_s: Option<f64>,
    part_s: Option<f64>,
    seed: Option<u64>,
}

impl TryFrom<Table> for SourceConfig {
    type Error = String;

    fn try_from(t: Table) -> Result<Self, String> {
        let name = name(&t.name)?;
        let said = |what: String| format!("source {name:?}: {what}");
        belongs(&t).map_err(said)?;
        let when = t.trigger.unwrap_or_default();
        let shutter = match when {
            When::Key => Shutter::Key,
            When::Auto => Shutter::Auto(match seconds("still_s", t.still_s, 0.2, 60.0).map_err(said)? {
                Some(still) => AutoConfig { still },
                None => AutoConfig::default(),
            }),
            When::Takt => {
                let takt = seconds("takt_s", t.takt_s, 0.1, 86_400.0).map_err(said)?;
                Shutter::Takt(
                    takt.ok_or_else(|| said("`trigger = \"takt\"` needs `takt_s`: seconds from part to part".into()))?,
                )
            }
        };
        let kind = match t.kind {
            Kind::Camera => {
                let camera = t.camera.unwrap_or_default();
                camera.check().map_err(|e| said(e.to_string()))?;
                SourceKind::Camera(Box::new(camera))
            }
            Kind::Folder => {
                let dir = t.folder.filter(|f| !f.as_os_str().is_empty());
                let mut folder = FolderConfig::new(
                    dir.ok_or_else(|| said("`type = \"folder\"` needs `folder`: where the photos arrive".into()))?,
                );
                folder.settle = seconds("settle_s", t.settle_s, 0.2, 3600.0).map_err(said)?.unwrap_or(folder.settle);
                folder.give_up =
                    seconds("give_up_s", t.give_up_s, 1.0, 86_400.0).map_err(said)?.unwrap_or(folder.give_up);
                SourceKind::Folder(folder)
            }
            Kind::Simulated => {
                let mut simulated = SimulatedConfig::default();
                simulated.part = seconds("part_s", t.part_s, 0.5, 86_400.0).map_err(said)?.unwrap_or(simulated.part);
                simulated.seed = t.seed.unwrap_or(simulated.seed);
                SourceKind::Simulated(simulated)
            }
        };
        let key = t.key.unwrap_or_else(|| "Space".to_owned());
        if !is_key(&key) {
            return Err(said(format!(
                "`key`: expected the name of a key as browsers have it, such as \"Space\", \"Enter\", \"F13\", \"KeyB\" or \"PageDown\", found {key:?}"
            )));
        }
        let word = |field: &str, text: Option<String>| match text {
            Some(text) if text.trim().is_empty() => {
                Err(said(format!("`{field}`: expected a text, found an empty one")))
            }
            text => Ok(text),
        };
        Ok(Self { kind, recipe: word("recipe", t.recipe)?, lot: word("lot", t.lot)?, shutter, key, name })
    }
}

fn name(name: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(good) || name.starts_with('.') {
        return Err(format!("`name`: expected 1 to {MAX_NAME} letters, digits, `-`, `_` or `.`, found {name:?}"));
    }
    if name == UPLOAD {
        return Err(format!("`name`: {UPLOAD:?} is the name of posted photos: choose another"));
    }
    Ok(name.to_owned())
}

/// A key that would do nothing is a mistake somebody should hear of.
fn belongs(t: &Table) -> Result<(), String> {
    let (camera, folder, simulated) = (t.kind == Kind::Camera, t.kind == Kind::Folder, t.kind == Kind::Simulated);
    let when = t.trigger.unwrap_or_default();
    let rules = [
        ("camera", t.camera.is_some(), camera, "type = \"camera\""),
        ("folder", t.folder.is_some(), folder, "type = \"folder\""),
        ("settle_s", t.settle_s.is_some(), folder, "type = \"folder\""),
        ("give_up_s", t.give_up_s.is_some(), folder, "type = \"folder\""),
        ("part_s", t.part_s.is_some(), simulated, "type = \"simulated\""),
        ("seed", t.seed.is_some(), simulated, "type = \"simulated\""),
        ("trigger", t.trigger.is_some(), !folder, "a camera: a folder's photos come by themselves"),
        ("key", t.key.is_some(), !folder, "a camera: a folder's photos come by themselves"),
        ("takt_s", t.takt_s.is_some(), when == When::Takt, "trigger = \"takt\""),
        ("still_s", t.still_s.is_some(), when == When::Auto, "trigger = \"auto\""),
    ];
    match rules.iter().find(|(_, said, fits, _)| *said && !fits) {
        Some((key, _, _, of)) => Err(format!("`{key}` belongs to {of}")),
        None => Ok(()),
    }
}

fn seconds(key: &str, value: Option<f64>, least: f64, most: f64) -> Result<Option<Duration>, String> {
    match value {
        None => Ok(None),
        Some(s) if (least..=most).contains(&s) => Ok(Some(Duration::from_secs_f64(s))),
        Some(s) => Err(format!("`{key}`: expected {least} to {most} seconds, found {s}")),
    }
}

/// Whether this is a `KeyboardEvent.code` that a keyboard or a pedal can send.
fn is_key(key: &str) -> bool {
    const NAMED: [&str; 16] = [
        "Space",
        "Enter",
        "NumpadEnter",
        "Tab",
        "Escape",
        "Backspace",
        "Insert",
        "Delete",
        "Home",
        "End",
        "PageUp",
        "PageDown",
        "ArrowUp",
        "ArrowDown",
        "ArrowLeft",
        "ArrowRight",
    ];
    let letter = |rest: &str| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_uppercase());
    let digit = |rest: &str| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit());
    let function = |rest: &str| !rest.starts_with('0') && rest.parse::<u8>().is_ok_and(|n| (1..=24).contains(&n));
    NAMED.contains(&key)
        || key.strip_prefix("Key").is_some_and(letter)
        || key.strip_prefix("Digit").is_some_and(digit)
        || key.strip_prefix("Numpad").is_some_and(digit)
        || key.strip_prefix('F').is_some_and(function)
}

/// The tables of a station: names differ, and no two watch one folder or open one camera.
pub(crate) fn tables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SourceConfig>, D::Error> {
    let sources = Vec::<SourceConfig>::deserialize(deserializer)?;
    let (mut names, mut folders, mut cameras) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for source in &sources {
        if !names.insert(source.name.as_str()) {
            return Err(serde::de::Error::custom(format!(
                "two sources are called {:?}: expected names that differ",
                source.name
            )));
        }
        if let SourceKind::Folder(folder) = &source.kind
            && !folders.insert(folder.dir.as_path())
        {
            return Err(serde::de::Error::custom(format!(
                "source {:?}: `folder`: another source watches {} already",
                source.name,
                folder.dir.display()
            )));
        }
        if let SourceKind::Camera(camera) = &source.kind
            && !cameras.insert((camera.serial.as_deref(), camera.port.as_deref()))
        {
            return Err(serde::de::Error::custom(format!(
                "source {:?}: `camera`: expected a `serial` or `port` of its own, found those of another source ({})",
                source.name,
                camera.wanted()
            )));
        }
    }
    Ok(sources)
}
