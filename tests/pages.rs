//! The pages as people and browsers get them.

use crate::browser::{QUIET, Tab, chromium};
use crate::capture::{Does, Scripted, VISOR, eye};
use crate::fixture::{Fixture, Settings, get, post, rendered};
use axum::body::{Body, Bytes};
use axum::http::Request;
use inspector::synth::parts;
use station::camera::LIVE;
use station::ledger::{Act, Mode};
use station::serve::{Station, demo_config};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Colours of the verdict tiles, as in the style sheet.
const TILES: [(&str, [u8; 3]); 3] =
    [("PASS", [0x0b, 0x7a, 0x43]), ("FAIL", [0xbf, 0x1d, 0x2d]), ("REFER", [0x9a, 0x5a, 0x00])];

async fn post_part(station: &Fixture, name: &str, photo: &Bytes) {
    let answer = station.ask(post(&format!("{name}.jpg"), photo.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_whole_without_script() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::with(dir.path(), Settings { mode: Mode::Demo, ..Settings::default() });
    let empty = station.get("/").await;
    assert!(empty.text().contains("Waiting for the first part"), "{}", empty.text());
    for name in ["pass-1", "refer-1", "fail-2"] {
        assert_eq!(station.post(&format!("{name}.jpg")).await.status, 201);
    }
    let record = station.get("/api/v1/inspections?verdict=refer").await.json()["items"][0].clone();
    let page = record["links"]["page"].as_str().unwrap().to_owned();
    for path in ["/", "/inspections", &page] {
        let answer = station.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/html; charset=utf-8"));
        let html = answer.text();
        assert!(html.contains("DEMO: simulated camera, not evidence"), "{path} does not say that it is a demo");
        // The content security policy forbids both: they would silently do nothing.
        assert!(!html.contains("style=") && !html.contains("<script>") && !html.contains("onclick="), "{path}");
        assert!(html.contains("<noscript>") || path != "/");
    }
    // Verdict as word and shape, every check with its numbers and its reason.
    let html = station.get(&page).await.text();
    for check in record["checks"].as_array().unwrap() {
        assert!(html.contains(check["id"].as_str().unwrap()), "{check}");
        if let Some(reason) = check["reason"].as_str() {
            assert!(html.contains(reason), "{reason}");
        }
    }
    let said = [
        "REFER",
        "href=\"#icon-refer\"",
        "not measured",
        "\u{b1}0.100",
        "class=\"devbar\"",
        record["recipe"].as_str().unwrap(),
        record["photo"]["pixels_sha256"].as_str().unwrap(),
        record["ulid"].as_str().unwrap(),
    ];
    for said in said {
        assert!(html.contains(said), "{said} is missing");
    }
    let live = station.get("/").await.text();
    assert!(live.contains("aria-live=\"assertive\"") && live.contains("<p class=\"word\">FAIL</p>"), "{live}");
    // A production station says nothing of a demo.
    let other = tempfile::tempdir().unwrap();
    assert!(!Fixture::new(other.path()).get("/").await.text().contains("DEMO"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_filters_and_leafs_without_script() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    for i in 0..27 {
        assert_eq!(station.post(&format!("{}-{i}", if i % 9 == 0 { "fail" } else { "pass" })).await.status, 201);
    }
    let items = |html: &str| html.matches("<img src=\"/api/v1/inspections/").count();
    let first = station.get("/inspections").await.text();
    assert_eq!(items(&first), 25);
    let older = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    assert_eq!(items(&station.get(&older).await.text()), 2);
    let fails = station.get("/inspections?verdict=fail&part=&lot=L1&serial=").await.text();
    assert_eq!((items(&fails), fails.contains("<option value=\"fail\" selected>")), (3, true));
    // What is typed into a filter is text, never part of the page.
    let hostile = station.get("/inspections?lot=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.text();
    assert!(!hostile.contains("<script>alert"), "{hostile}");
    let mut wrong = get("/inspections?verdict=ok");
    wrong.headers_mut().insert("accept", "text/html".parse().unwrap());
    let wrong = station.ask(wrong).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("content-type")), (400, "text/html; charset=utf-8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_and_styles_are_embedded_and_cached_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    let html = station.get("/").await.text();
    let addresses: Vec<&str> = html.split('"').filter(|s| s.starts_with("/assets/")).collect();
    assert!(addresses.len() >= 3, "{addresses:?}");
    for address in addresses {
        let answer = station.get(address).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.header("cache-control").contains("immutable"), address.contains("?v="), "{address}");
    }
}

async fn screenshot(browser: &Path, url: String, size: (u32, u32), to: &Path) -> image::RgbImage {
    let (browser, to) = (browser.to_owned(), to.to_owned());
    let shoot = move || {
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new(browser)
            .args(QUIET)
            .arg("--timeout=4000")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("--window-size={},{}", size.0, size.1))
            .arg(format!("--screenshot={}", to.display()))
            .arg(url)
            .output()
            .unwrap();
        assert!(to.is_file(), "no picture: {}", String::from_utf8_lossy(&output.stderr));
        image::open(to).unwrap().into_rgb8()
    };
    tokio::task::spawn_blocking(shoot).await.unwrap()
}

/// Part of the picture that has this colour.
fn share(picture: &image::RgbImage, colour: [u8; 3]) -> f64 {
    let same = picture.pixels().filter(|p| p.0.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 2)).count();
    same as f64 / f64::from(picture.width() * picture.height())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_verdict_large_on_screens_and_phones() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium on this machine");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::with(dir.path(), Settings { mode: Mode::Demo, ..Settings::default() });
    let design = parts::bracket();
    let (width, height, _) = parts::extent(&design);
    let photo = rendered(&design, 1200, 900, (width / 1050.0).max(height / 800.0));
    let at = station.listen().await;
    let out = std::env::var_os("ASSAY_SHOTS").map_or(dir.path().to_owned(), PathBuf::from);
    for (name, word) in [("pass-1", "PASS"), ("refer-1", "REFER"), ("fail-2", "FAIL")] {
        post_part(&station, name, &photo).await;
        for size in [(1280, 900), (360, 1700)] {
            let to = out.join(format!("live-{word}-{}.png", size.0));
            let picture = screenshot(&browser, format!("http://{at}/"), size, &to).await;
            for (tile, colour) in TILES {
                let (share, large) = (share(&picture, colour), 0.025);
                assert!((share > large) == (tile == word), "{word} at {size:?}: {share:.4} of the page is {tile}");
            }
        }
    }
    for (name, path) in [("record", "/inspections/6"), ("list", "/inspections")] {
        for size in [(1280, 900), (360, 1700)] {
            let to = out.join(format!("{name}-{}.png", size.0));
            let picture = screenshot(&browser, format!("http://{at}{path}"), size, &to).await;
            assert!(share(&picture, [0x12, 0x32, 0x4f]) > 0.01, "{name} at {size:?} has no head");
        }
    }
    station.end().await;
}

/// Names of the files in which pictures of the page are looked at: `ASSAY_SHOTS=DIR`.
fn shots(dir: &Path) -> PathBuf {
    std::env::var_os("ASSAY_SHOTS").map_or(dir.to_owned(), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_loudly_when_there_is_no_live_picture() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium on this machine");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let sources = vec![eye("pass", &feed, VISOR)];
    let station = Fixture::with(dir.path(), Settings { mode: Mode::Demo, sources, ..Settings::default() });
    station.post("pass-1.jpg").await;
    let at = station.listen().await;
    let (out, camera) = (shots(dir.path()), feed.clone());
    let look = move || {
        for size in [(1280, 900), (360, 1500)] {
            camera.now(Does::Live);
            let mut tab = Tab::open(&browser, &format!("http://{at}/"), size);
            tab.wait_for("!document.getElementById('shoot').disabled");
            tab.wait_for("!document.getElementById('first') && !document.getElementById('view').hidden");
            assert_eq!(tab.eval("document.getElementById('bar-live').hidden"), true);
            let live = tab.picture(&out.join(format!("eye-live-{}.png", size.0)));
            assert!(share(&live, TILES[1].1) < 0.005, "a red bar over a live picture");
            // The camera hangs: the driver gives its last picture for ever.
            camera.now(Does::Stalled(std::time::Instant::now()));
            std::thread::sleep(Duration::from_millis(1000));
            assert_eq!(tab.eval("document.getElementById('bar-live').hidden"), true, "too early: a second is no stall");
            std::thread::sleep(Duration::from_millis(2200));
            assert_eq!(
                tab.eval("document.getElementById('shoot').disabled"),
                true,
                "the button works on an old picture"
            );
            assert_eq!(tab.eval("document.getElementById('eye').classList.contains('blind')"), true, "not grey");
            let said = tab.eval("document.getElementById('bar-live').innerText");
            let said = said.as_str().unwrap();
            assert!(said.contains("NO LIVE PICTURE") && said.contains("stands still"), "{said}");
            assert_eq!(tab.eval("document.getElementById('bar-live').getAttribute('role')"), "alert");
            let blind = tab.picture(&out.join(format!("eye-blind-{}.png", size.0)));
            assert!(share(&blind, TILES[1].1) > 0.02, "no large red bar: {:.4}", share(&blind, TILES[1].1));
            // Unplugged: another reason, at once.
            camera.now(Does::Unplugged);
            tab.wait_for("document.getElementById('bar-live').innerText.includes('plug it in again')");
            camera.now(Does::Live);
            tab.wait_for("!document.getElementById('shoot').disabled && document.getElementById('bar-live').hidden");
            // A slow camera says itself how old its pictures may be.
            camera.slow(Duration::from_secs(30));
            camera.now(Does::Stalled(std::time::Instant::now()));
            std::thread::sleep(Duration::from_millis(3200));
            assert_eq!(tab.eval("document.getElementById('shoot').disabled"), false, "a slow camera is no stall");
            assert_eq!(tab.eval("document.getElementById('bar-live').hidden"), true);
            camera.slow(LIVE);
        }
    };
    tokio::task::spawn_blocking(look).await.unwrap();
    station.end().await;
}

fn serial(entry: &station::ledger::Entry) -> Option<String> {
    let Act::Inspection { inspection, .. } = &entry.act else { panic!("not an inspection") };
    inspection.serial.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn key_pedal_and_click_take_one_picture_each() {
    let Some(browser) = chromium() else {
        eprintln!("skipped: no chromium on this machine");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let sources = vec![eye("pass", &feed, &format!("{VISOR}\nkey = \"F13\""))];
    let station = Fixture::with(dir.path(), Settings { sources, ..Settings::default() });
    let at = station.listen().await;
    let ledger = station.ledger.clone();
    let drive = move || {
        let mut tab = Tab::open(&browser, &format!("http://{at}/"), (1280, 900));
        let ready = "!document.getElementById('shoot').disabled";
        tab.wait_for(ready);
        let records = || ledger.inspections(&Default::default()).unwrap().entries;
        let expect = |tab: &mut Tab, n: usize, what: &str| {
            for _ in 0..60 {
                if records().len() == n {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            std::thread::sleep(Duration::from_millis(400));
            assert_eq!(records().len(), n, "{what}");
            tab.wait_for(ready);
        };
        tab.press("F13", "F13", 20);
        expect(&mut tab, 1, "a pedal held down is one picture");
        tab.press("Space", " ", 0);
        expect(&mut tab, 1, "another key is no trigger");
        // A serial number, as a scanner types it: text and Enter, and the pedal does nothing meanwhile.
        tab.eval("document.getElementById('serial').focus()");
        for digit in ["7", "4"] {
            tab.press(&format!("Digit{digit}"), digit, 0);
        }
        tab.press("F13", "F13", 0);
        expect(&mut tab, 1, "keys are text in a text field");
        tab.press("Enter", "\r", 0);
        expect(&mut tab, 1, "the end of a scanned number is no trigger");
        assert_eq!(tab.eval("document.activeElement.id"), "shoot");
        // Now the button has the focus: Enter is a click.
        tab.press("Enter", "\r", 0);
        expect(&mut tab, 2, "Enter on the button is a click");
        assert_eq!(serial(&records()[0]).as_deref(), Some("74"));
        tab.wait_for("document.getElementById('serial').value === ''");
        tab.eval("document.getElementById('shoot').click(); document.getElementById('shoot').click()");
        expect(&mut tab, 3, "two clicks at once are one picture");
        tab.eval("document.activeElement.blur()");
        tab.press("F13", "F13", 0);
        expect(&mut tab, 4, "the pedal again");
        assert_eq!(serial(&records()[0]), None, "a serial number is of one part");
    };
    tokio::task::spawn_blocking(drive).await.unwrap();
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_button_works_without_script() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::new();
    let sources = vec![eye("pass", &feed, VISOR)];
    let station = Fixture::with(dir.path(), Settings { sources, ..Settings::default() });
    tokio::time::sleep(Duration::from_millis(500)).await;
    // What a browser shows before its script runs: the live picture, and no word about a missing one.
    let blind =
        "id=\"bar-live\" role=\"alert\"><strong>NO LIVE PICTURE</strong> <span data-text>the camera was unplugged";
    let first = "<img id=\"first\" src=\"/api/v1/sources/pass/picture\"";
    let html = station.get("/").await.text();
    let (before, after) = html.split_once(first).expect("the first picture");
    assert!(before.matches("<noscript>").count() == before.matches("</noscript>").count(), "only without script");
    assert!(after.contains("action=\"/capture\"") && html.contains("id=\"bar-live\" role=\"alert\" hidden"), "{html}");
    feed.now(Does::Unplugged);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let html = station.get("/").await.text();
    assert!(html.contains(blind) && !html.contains(first), "{html}");
    feed.now(Does::Live);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let form = Request::post("/capture")
        .header("host", "localhost")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("source=pass&recipe=&serial=S-1&lot="))
        .unwrap();
    let answer = station.ask(form).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(station.get(answer.header("location")).await.text().contains("S-1"));
    station.end().await;
}

/// Asks over a socket and gives the body.
async fn fetch(at: SocketAddr, path: &str) -> String {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The whole demo: simulated camera, real judge, real records. With `ASSAY_BLESS=1` its page becomes the picture of the README.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_judges_rendered_parts_and_says_that_it_is_a_demo() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = demo_config(Some(dir.path().to_owned()));
    config.min_free_mb = 0;
    let station = Station::start(&config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(station.serve(listener, async { drop(stopped.await) }));
    let bless = std::env::var_os("ASSAY_BLESS").is_some();
    let parts = if bless { 14 } else { 3 };
    let mut seen = Vec::new();
    for _ in 0..600 {
        let page: serde_json::Value = serde_json::from_str(&fetch(at, "/api/v1/inspections").await).unwrap();
        seen.clone_from(page["items"].as_array().unwrap());
        if seen.len() >= parts {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(seen.len() >= parts, "only {} parts", seen.len());
    for record in &seen {
        assert_eq!(record["mode"], "demo", "{record}");
        assert!(!record["checks"].as_array().unwrap().is_empty(), "{record}");
    }
    // The first part of the line is good.
    let first = seen.last().unwrap();
    assert_eq!(first["verdict"], "pass", "{first:#}");
    if let (true, Some(browser)) = (bless, chromium()) {
        let to = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/station.png");
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        screenshot(&browser, format!("http://{at}/"), (1280, 900), &to).await;
    }
    drop(stop);
    serving.await.unwrap().unwrap();
    // Its ledger is never one for real parts.
    config.mode = Mode::Production;
    config.sources.clear();
    let refused = Station::start(&config).await.unwrap_err().to_string();
    assert!(refused.contains("demo") && refused.contains("production"), "{refused}");
}

#[test]
fn a_misspelt_key_of_the_configuration_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("station.toml");
    std::fs::write(&file, "station = \"bench-3\"\ndata = \"data\"\nlisten_on = \"0.0.0.0:80\"\n").unwrap();
    let error = station::serve::ServeConfig::read(&file).unwrap_err().to_string();
    assert!(error.contains("listen_on") && error.contains("line 3"), "{error}");
    std::fs::write(&file, "station = \"bench-3\"\ndata = \"data\"\n").unwrap();
    let config = station::serve::ServeConfig::read(&file).unwrap();
    assert!(config.listen.ip().is_loopback() && config.mode == Mode::Production);
    assert_eq!(config.data, dir.path().join("data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_fragment_is_the_live_page() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    station.post("fail-1.jpg").await;
    let (page, fragment) = (station.get("/").await.text(), station.get("/fragments/live").await.text());
    assert!(fragment.contains("FAIL") && page.contains(fragment.trim()));
    let head = Request::head("/").header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(station.ask(head).await.body.len(), 0);
}
