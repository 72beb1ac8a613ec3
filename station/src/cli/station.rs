//! `assay demo`, `assay serve`.

use super::OK;
use crate::serve::{self, ServeConfig};
use anyhow::{Context as _, Result};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Start the station at http://127.0.0.1:8080 with a simulated camera and sample recipes; no camera, no download
#[derive(clap::Args)]
#[command(after_help = "Example:\n  assay demo --listen 127.0.0.1:9000")]
pub(super) struct Demo {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder for the demo's records (default: assay-demo in your data folder)
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Start the station with real parts
#[derive(clap::Args)]
#[command(after_help = "Example of station.toml:
  station = \"bench-1\"
  data = \"data\"
  recipes = [\"recipes\"]
  listen = \"127.0.0.1:8080\"")]
pub(super) struct Serve {
    /// What the station is called, where its data and recipes are
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl Demo {
    pub(super) fn run(self) -> Result<u8> {
        let mut config = serve::demo_config(self.data);
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        start(config)
    }
}

impl Serve {
    pub(super) fn run(self) -> Result<u8> {
        start(ServeConfig::read(&self.config)?)
    }
}

fn start(config: ServeConfig) -> Result<u8> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ASSAY_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    runtime.block_on(serve::run(config))?;
    Ok(OK)
}
