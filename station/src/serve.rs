//! The station as a running program: what it is configured with, how it starts, how it stops.
//!
//! Stopping (Ctrl-C, SIGTERM): sources stop, no new photo is accepted, every accepted part is judged, recorded and answered,
//! then the program ends.

use crate::calibrations::CalibrationConfig;
use crate::camera::{self, AutoConfig, Shutter, SimulatedConfig, SourceConfig, SourceKind, Sources};
use crate::codes::{self, RecipeByCode};
use crate::http::{AppState, Limits, Parts, app};
use crate::inspection::{Desk, ErrorKind, Line, LineOptions, Metrics};
use crate::ledger::{Act, Ledger, LedgerError, LedgerOptions, Mode, OpenReport, RecipeStatus};
use crate::models::{ModelRuntime, ModelsConfig};
use crate::recipes::{self, RecipeBook};
use anyhow::Context as _;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Who approves the demo's recipes.
const DEMO_PERSON: &str = "demo";
/// How long open requests may take to end after a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// What `station.toml` says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeConfig {
    /// Name of this station, in every record.
    pub station: String,
    /// Folder of journal, store and photos.
    pub data: PathBuf,
    /// Address to listen on. Other machines can reach the station only when this is not a loopback address.
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    /// Folders with recipes, or recipes.
    #[serde(default)]
    pub recipes: Vec<PathBuf>,
    /// Rules by which a code in the photo chooses the recipe when nobody names one.
    #[serde(default)]
    pub recipe_by_code: Vec<RecipeByCode>,
    /// Names beside `localhost` and IP addresses under which browsers may reach the station.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Below this much free space no part is accepted, MB.
    #[serde(default = "min_free_mb")]
    pub min_free_mb: u64,
    /// How often cameras must be shown to be good.
    #[serde(default)]
    pub calibration: CalibrationConfig,
    /// How models are run.
    #[serde(default)]
    pub models: ModelsConfig,
    /// Where photos come from, beside those that are posted: `[[source]]`.
    #[serde(default, rename = "source", deserialize_with = "camera::tables")]
    pub sources: Vec<SourceConfig>,
    /// Real parts or the demo's. Never read from a file: `assay demo` sets it.
    #[serde(skip, default = "production")]
    pub mode: Mode,
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}
const fn min_free_mb() -> u64 {
    500
}
const fn production() -> Mode {
    Mode::Production
}

impl ServeConfig {
    /// Reads `station.toml`. Relative folders are relative to the file.
    ///
    /// # Errors
    /// What is wrong, with its line, and the file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut config: Self =
            toml::from_str(&text).map_err(|e| anyhow::anyhow!("{}", in_one_line(&e, &text, path)))?;
        anyhow::ensure!(
            !config.station.trim().is_empty(),
            "{}: `station`: expected a name, found none",
            path.display()
        );
        config.calibration.check().map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        config.models.check().map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        codes::Rules::new(&config.recipe_by_code).map_err(|e| anyhow::anyhow!("{e}, in {}", path.display()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        config.data = base.join(&config.data);
        config.recipes = config.recipes.iter().map(|dir| base.join(dir)).collect();
        config.sources = config.sources.into_iter().map(|source| source.at(base)).collect();
        Ok(config)
    }
}

/// `line 3: unknown field ..., in station.toml`
fn in_one_line(e: &toml::de::Error, text: &str, path: &Path) -> String {
    let line = e.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
    format!("line {line}: {}, in {}", e.message().trim_end().replace('\n', "; "), path.display())
}

/// The demo's configuration: simulated camera, sample recipes, and a data folder of its own (`assay-demo` in the user's data folder
/// when `dir` is `None`).
pub fn demo_config(dir: Option<PathBuf>) -> ServeConfig {
    let data = dir.unwrap_or_else(demo_folder);
    ServeConfig {
        station: "demo".to_owned(),
        recipes: vec![data.join("recipes")],
        data,
        listen: loopback(),
        recipe_by_code: Vec::new(),
        hosts: Vec::new(),
        min_free_mb: min_free_mb(),
        calibration: CalibrationConfig::default(),
        models: ModelsConfig::default(),
        sources: vec![SourceConfig {
            name: "camera".to_owned(),
            kind: SourceKind::Simulated(SimulatedConfig::default()),
            recipe: None,
            lot: None,
            shutter: Shutter::Auto(AutoConfig::default()),
            key: "Space".to_owned(),
        }],
        mode: Mode::Demo,
    }
}

/// `assay-demo` in the user's data folder, or among temporary files when there is no home.
fn demo_folder() -> PathBuf {
    crate::folders::user_data().unwrap_or_else(std::env::temp_dir).join("assay-demo")
}

/// Runs the station until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the address is taken, the ledger cannot be opened, or the system gives no threads.
pub async fn run(config: ServeConfig) -> anyhow::Result<()> {
    let station = Station::start(&config).await?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: is another station running?", config.listen))?;
    let at = listener.local_addr()?;
    tracing::info!("station {:?} at http://{at}, data in {}", config.station, config.data.display());
    station.serve(listener, stop_signal()).await
}

/// A started station: ledger open, line running, sources at work.
#[derive(Debug)]
pub struct Station {
    state: AppState,
    stop: watch::Sender<bool>,
    sources: Vec<tokio::task::JoinHandle<()>>,
}

impl Station {
    /// Opens the ledger, reads the recipes, starts the inspection loop and the sources.
    ///
    /// # Errors
    /// When the ledger cannot be opened or the system gives no threads.
    pub async fn start(config: &ServeConfig) -> anyhow::Result<Self> {
        let opened = config.clone();
        let (ledger, recipes) = tokio::task::spawn_blocking(move || open(&opened)).await??;
        let metrics = Arc::new(Metrics::default());
        let line = Line::start(ledger.clone(), metrics.clone(), LineOptions::new(config.mode))
            .context("the system gives no threads to judge with")?;
        open_models(&recipes, &ledger, &line, &metrics);
        let stop = watch::Sender::new(false);
        let rules = codes::Rules::new(&config.recipe_by_code).map_err(anyhow::Error::msg)?;
        let desk = Desk::new(ledger, recipes, line, metrics).with_rules(rules);
        let sources = Sources::from_config(config.sources.iter().cloned());
        let at_work = sources.start(&desk, &stop.subscribe());
        let state = AppState::from(Parts {
            station: config.station.clone(),
            mode: config.mode,
            desk,
            sources,
            calibration: config.calibration,
            hosts: config.hosts.clone(),
            limits: Limits::default(),
            stopping: stop.subscribe(),
        });
        Ok(Self { state, stop, sources: at_work })
    }

    /// Serves until `until`, then finishes every accepted part.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let Self { state, stop, sources } = self;
        let mut stopping = stop.subscribe();
        let server = axum::serve(listener, app(state.clone())).with_graceful_shutdown(async move {
            until.await;
            tracing::info!("stopping: accepted parts are finished first");
            // Event streams end and sources stop; the listener closes after this.
            stop.send_replace(true);
        });
        let give_up = async move {
            // An error means that the sender is gone with the server: then there is nothing to give up.
            let _ = stopping.wait_for(|stop| *stop).await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        let served = tokio::select! {
            served = async { server.await } => served.context("the HTTP server failed"),
            () = give_up => {
                tracing::warn!("clients that did not finish within {} s were let go", STOP_PATIENCE.as_secs());
                Ok(())
            }
        };
        for source in sources {
            // Accepted parts are finished all the same.
            if let Err(e) = source.await {
                tracing::error!("the supervision of a source failed: {e}");
            }
        }
        state.desk.line.drain().await;
        served
    }
}

/// Opens the models of approved recipes in the background. A model that cannot judge is told now, not by the first part.
fn open_models(recipes: &RecipeBook, ledger: &Ledger, line: &Line, metrics: &Arc<Metrics>) {
    let (recipes, ledger, line, metrics) = (recipes.clone(), ledger.clone(), line.clone(), metrics.clone());
    // What it finds is told by alarm and by /readyz. A thread of its own, because a stop does not wait for it.
    let open = move || {
        let told = recipes.open_models(&ledger, |_, why| {
            metrics.error(ErrorKind::Model);
            line.raise(why.to_string());
        });
        if let Err(e) = told {
            tracing::error!("the models of approved recipes were not opened: {e}");
        }
    };
    if let Err(e) = std::thread::Builder::new().name("open-models".into()).spawn(open) {
        tracing::error!("the models of approved recipes are opened with their first part: {e}");
    }
}

/// Rendered parts are for the demo alone.
fn require_real_sources(config: &ServeConfig) -> anyhow::Result<()> {
    let rendered = config.sources.iter().find(|s| matches!(s.kind, SourceKind::Simulated(_)));
    match rendered {
        Some(source) if config.mode == Mode::Production => anyhow::bail!(
            "source {:?}: rendered parts never get between real ones: `assay demo` shows them",
            source.name
        ),
        _ => Ok(()),
    }
}

/// The blocking part of the start.
fn open(config: &ServeConfig) -> anyhow::Result<(Ledger, RecipeBook)> {
    require_real_sources(config)?;
    let cameras: Vec<_> = config.sources.iter().filter_map(SourceConfig::camera).collect();
    camera::v4l::each_its_own(&cameras).map_err(anyhow::Error::msg)?;
    if config.mode == Mode::Production {
        // Before anything is made or recorded; the demo unpacks its own.
        recipes::named_folders(&config.recipes)?;
    }
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
    let options = LedgerOptions {
        station: config.station.clone(),
        mode: config.mode,
        min_free_bytes: config.min_free_mb * 1_000_000,
        ..LedgerOptions::default()
    };
    let (ledger, report) = Ledger::open(&config.data, options)
        .with_context(|| format!("cannot open the ledger in {}", config.data.display()))?;
    tell(&report);
    ledger.require_mode(config.mode)?;
    match ledger.append(Act::Started) {
        // A station whose disk is full starts: what it has stays readable, and it records again when there is room.
        Err(e @ LedgerError::DiskFull { .. }) => tracing::error!("{e}"),
        other => drop(other.context("the ledger takes no entries")?),
    }
    if config.mode == Mode::Demo {
        crate::demo::unpack(&config.data.join("recipes")).context("cannot write the demo's recipes")?;
    }
    let book = RecipeBook::open(&ledger, &config.recipes, Arc::new(ModelRuntime::new(config.models.clone())))?;
    if config.mode == Mode::Demo {
        for listed in book.list() {
            let Ok(identity) = &listed.state else { continue };
            if recipes::state_of(&ledger, identity.hash)? != RecipeStatus::Approved {
                recipes::approve(&ledger, &identity.hash.to_string(), DEMO_PERSON)?;
            }
        }
    }
    Ok((ledger, book))
}

/// What was found at the start, once, in the log.
fn tell(report: &OpenReport) {
    if let Some(reason) = &report.rebuilt {
        tracing::warn!("the store was rebuilt from the journal: {reason}");
    }
    if let Some(cut) = &report.cut {
        tracing::warn!(
            "{} bytes at the end of the journal were no whole entry and were moved aside ({})",
            cut.bytes,
            cut.segment
        );
    }
    for lost in report.damage.iter().flat_map(|d| &d.lost).chain(report.cut.iter().flat_map(|c| &c.lost)) {
        tracing::error!(
            "record {} is lost: part {:?}, lot {:?}, serial {:?}",
            lost.seq,
            lost.part,
            lost.lot,
            lost.serial
        );
    }
}

/// Ends with Ctrl-C or, on Unix, SIGTERM.
async fn stop_signal() {
    let ctrl_c = async {
        if let Err(e) = tokio::signal::ctrl_c().await {
            tracing::error!("Ctrl-C cannot be heard: {e}");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(e) => {
                tracing::error!("SIGTERM cannot be heard: {e}");
                std::future::pending::<()>().await;
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { () = ctrl_c => {}, () = terminate => {} }
}
