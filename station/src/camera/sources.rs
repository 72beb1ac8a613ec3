//! The sources of a station, by name.

use super::folder::Folder;
use super::supervise::supervise;
use super::{CaptureError, Crew, Eye, Frame, Order, Source, SourceConfig, SourceError, SourceKind, UPLOAD, Upload};
use crate::inspection::Desk;
use axum::body::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The sources of a station. Clones share them.
#[derive(Clone, Debug)]
pub struct Sources(Arc<Vec<Arc<Place>>>);

/// A source and its place at the station.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) source: Arc<dyn Source>,
    /// What its parts are when nothing else is said.
    pub(crate) configured: Order,
    /// Key of a keyboard or pedal that takes its picture, as browsers call it (`KeyboardEvent.code`).
    pub(crate) key: String,
    /// `key`, `auto` or `takt`.
    pub(crate) trigger: &'static str,
    /// Its threads.
    pub(super) crew: Crew,
    now: Mutex<Now>,
    /// Of the picture with this number and exposure: a camera that is opened again counts anew.
    small: tokio::sync::Mutex<Option<((u64, Instant), Bytes)>>,
}

#[derive(Debug, Default)]
struct Now {
    selection: Order,
    shutter: Arc<tokio::sync::Mutex<()>>,
    /// Why it does not work at all.
    down: Option<String>,
    /// Why its last photo was not recorded, though it works.
    trouble: Option<String>,
}

/// How a source does at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceNow {
    /// Photos can come.
    pub ok: bool,
    /// Which camera or folder, or what is wrong and what to do.
    pub reason: String,
    /// Its live picture.
    pub picture: Option<Picture>,
    /// What the automatic trigger waits for, as a word.
    pub watching: Option<&'static str>,
}

/// A live picture, without its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Picture {
    /// Seconds since its exposure.
    pub age_s: f64,
    /// The camera's number of it.
    pub sequence: u64,
    /// Width and height, px.
    pub size: (u32, u32),
}

impl Default for Sources {
    /// Posted photos only.
    fn default() -> Self {
        Self::new([])
    }
}

impl Sources {
    /// As configured, and posted photos. Nothing works yet.
    pub fn from_config(sources: impl IntoIterator<Item = SourceConfig>) -> Self {
        Self::new(sources.into_iter().map(|config| {
            let source: Arc<dyn Source> = match &config.kind {
                SourceKind::Camera(camera) => Arc::new(Eye::camera((**camera).clone(), config.shutter)),
                SourceKind::Folder(folder) => Arc::new(Folder::new(folder.clone())),
                SourceKind::Simulated(simulated) => Arc::new(Eye::simulated(*simulated, config.shutter)),
            };
            (config, source)
        }))
    }

    /// These, and posted photos. Nothing works yet.
    pub fn new(sources: impl IntoIterator<Item = (SourceConfig, Arc<dyn Source>)>) -> Self {
        let places = sources.into_iter().map(|(config, source)| Place {
            trigger: config.trigger(),
            name: config.name,
            source,
            configured: Order { recipe: config.recipe, serial: None, lot: config.lot },
            key: config.key,
            crew: Crew::default(),
            now: Mutex::default(),
            small: tokio::sync::Mutex::default(),
        });
        let upload = Place {
            name: UPLOAD.to_owned(),
            source: Arc::new(Upload),
            configured: Order::default(),
            key: String::new(),
            trigger: "request",
            crew: Crew::default(),
            now: Mutex::default(),
            small: tokio::sync::Mutex::default(),
        };
        Self(Arc::new(places.chain([upload]).map(Arc::new).collect()))
    }

    /// Starts them; each works until `stopping`.
    pub fn start(&self, desk: &Desk, stopping: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let start = |place: &Arc<Place>| {
            drop(desk.metrics.source(&place.name));
            tokio::spawn(supervise(place.clone(), desk.clone(), stopping.clone()))
        };
        self.0.iter().map(start).collect()
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.0.iter()
    }
    /// Those with a live picture.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.0.iter().filter(|p| p.source.live().is_some())
    }

    /// The configured source of that name.
    pub(crate) fn configured(&self, name: &str) -> Option<Arc<Place>> {
        self.0.iter().find(|p| p.name == name && name != UPLOAD).cloned()
    }

    /// The camera of that name, or the only camera when none is said.
    ///
    /// # Errors
    /// When there is none, or it takes no pictures on demand.
    pub(crate) fn camera(&self, asked: Option<&str>) -> Result<Arc<Place>, CaptureError> {
        let unknown = || CaptureError::Unknown {
            asked: asked.map(|a| a.chars().take(100).collect()),
            known: self.cameras().map(|p| p.name.clone()).collect(),
        };
        match asked {
            Some(name) => {
                let place = self.0.iter().find(|p| p.name == name).ok_or_else(unknown)?;
                if place.source.live().is_none() {
                    return Err(CaptureError::NoShutter { name: place.name.clone(), about: place.source.about() });
                }
                Ok(place.clone())
            }
            None => {
                let mut cameras = self.cameras();
                match (cameras.next(), cameras.next()) {
                    (Some(only), None) => Ok(only.clone()),
                    _ => Err(unknown()),
                }
            }
        }
    }
}

impl Place {
    fn change<T>(&self, f: impl FnOnce(&mut Now) -> T) -> T {
        f(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }
    /// What was chosen on the page.
    pub(crate) fn selection(&self) -> Order {
        self.change(|n| n.selection.clone())
    }
    /// Chooses what the next parts are; the serial number is of the next part only.
    pub(crate) fn select(&self, order: Order) {
        self.change(|n| n.selection = order);
    }
    /// A serial number belongs to one part: it is not used again, unless somebody chose anew meanwhile.
    pub(super) fn serial_used(&self, chosen: &Order) {
        self.change(|n| {
            if n.selection == *chosen {
                n.selection.serial = None;
            }
        });
    }
    pub(super) fn shutter(&self) -> Arc<tokio::sync::Mutex<()>> {
        self.change(|n| n.shutter.clone())
    }
    /// A new start: whoever still holds the old shutter hangs.
    pub(super) fn up(&self) {
        self.change(|n| (n.shutter, n.down) = (Arc::default(), None));
    }
    pub(super) fn set_down(&self, why: String) {
        self.change(|n| n.down = Some(why));
    }
    pub(super) fn down(&self) -> Option<String> {
        self.change(|n| n.down.clone())
    }
    /// Says whether that is news.
    pub(super) fn set_trouble(&self, why: Option<String>) -> bool {
        self.change(|n| {
            let news = n.trouble != why;
            n.trouble = why;
            news
        })
    }

    /// The small version of a live picture, made once for all who look.
    pub(crate) async fn small(
        &self,
        frame: &Frame,
        make: impl FnOnce(&Bytes) -> Result<Bytes, String> + Send + 'static,
    ) -> Result<Bytes, String> {
        let mut small = self.small.lock().await;
        let picture = (frame.sequence, frame.exposed);
        if let Some((of, file)) = &*small
            && *of == picture
        {
            return Ok(file.clone());
        }
        let file = frame.file.clone();
        let make = move || make(&file.bytes().map_err(|SourceError(e)| e)?);
        let made = tokio::task::spawn_blocking(make).await.map_err(|e| e.to_string())??;
        *small = Some((picture, made.clone()));
        Ok(made)
    }

    /// Its live picture, or why there is none; `None` when it has none by nature. A picture that is older than it may be ([`Frame::live_for`]) is none.
    pub(crate) fn live(&self) -> Option<Result<Frame, SourceError>> {
        let live = self.source.live()?;
        if let Some(down) = self.down() {
            return Some(Err(SourceError(down)));
        }
        Some(live.and_then(|frame| {
            let age = Instant::now().saturating_duration_since(frame.exposed);
            if age <= frame.live_for {
                return Ok(frame);
            }
            Err(SourceError(format!(
                "the picture stands still for {} s: look for the camera's plug and its light",
                age.as_secs()
            )))
        }))
    }

    /// How it does now.
    pub(crate) fn now(&self) -> SourceNow {
        let live = self.live();
        let picture = live.as_ref().and_then(|l| l.as_ref().ok()).map(|frame| Picture {
            age_s: Instant::now().saturating_duration_since(frame.exposed).as_secs_f64(),
            sequence: frame.sequence,
            size: frame.size,
        });
        let (down, trouble) = self.change(|n| (n.down.clone(), n.trouble.clone()));
        let wrong = match live {
            Some(Err(e)) => Some(e.to_string()),
            _ => down.or(trouble),
        };
        SourceNow {
            ok: wrong.is_none(),
            reason: wrong.unwrap_or_else(|| self.source.about()),
            picture,
            watching: self.source.watching(),
        }
    }
}
