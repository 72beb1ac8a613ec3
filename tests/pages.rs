//! The pages as a browser shows them.

use crate::fixture::{Fixture, Settings, post, rendered};
use axum::body::Bytes;
use inspector::synth::parts;
use station::ledger::Mode;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A few parts of three kinds.
async fn some_parts(station: &Fixture) {
    let photos: Vec<Bytes> = [parts::visor(), parts::bracket(), parts::frame()]
        .iter()
        .map(|design| {
            let (width, height, _) = parts::extent(design);
            rendered(design, 1200, 900, (width / 1050.0).max(height / 800.0))
        })
        .collect();
    let names = [
        "pass-1", "pass-2", "refer-1", "pass-3", "fail-1", "pass-4", "pass-5", "refer-2", "pass-6", "pass-7", "fail-2",
    ];
    for (i, name) in names.iter().enumerate() {
        let answer = station.ask(post(&format!("{name}.jpg"), photos[i % photos.len()].clone())).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|name| dir.join(name)))
        .find(|program| program.is_file())
}

fn screenshot(browser: &Path, url: &str, size: (u32, u32), to: &Path) {
    let profile = tempfile::tempdir().unwrap();
    let status = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={},{}", size.0, size.1))
        .arg(format!("--screenshot={}", to.display()))
        .args(["--timeout=4000", url])
        .output()
        .unwrap();
    assert!(to.is_file(), "no picture: {}", String::from_utf8_lossy(&status.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_look_like_pages() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium on this machine");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::with(dir.path(), Settings { mode: Mode::Demo, ..Settings::default() });
    some_parts(&station).await;
    let at = station.listen().await;
    let out = std::env::var_os("ASSAY_SHOTS").map_or(dir.path().to_owned(), PathBuf::from);
    for (name, path) in [("live", "/"), ("record", "/inspections/9"), ("list", "/inspections")] {
        for (wide, size) in [("wide", (1280, 900)), ("phone", (360, 1700))] {
            let (url, to) = (format!("http://{at}{path}"), out.join(format!("{name}-{wide}.png")));
            let browser = browser.clone();
            tokio::task::spawn_blocking(move || screenshot(&browser, &url, size, &to)).await.unwrap();
        }
    }
    station.end().await;
}
