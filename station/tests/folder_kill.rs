//! The real program with a watched folder, killed at any moment: no photo is lost, none is recorded twice.

#![allow(clippy::unwrap_used, reason = "tests panic on purpose")]

use inspector::synth::Seeded;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Photos put into the folder.
const PHOTOS: usize = 40;
/// Times that the program is killed.
const KILLS: usize = 8;

fn assay(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_assay")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn serve(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.args(["serve", "--config"]).arg(config).env("ASSAY_LOG", "warn");
    command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Body of the answer, when the station answers.
fn ask(port: u16, path: &str) -> Option<Value> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

fn jpegs(dir: &Path) -> usize {
    let names = fs::read_dir(dir).into_iter().flatten().flatten().map(|c| c.file_name());
    names.filter(|n| n.to_string_lossy().ends_with(".jpg")).count()
}

#[test]
fn kill_nine_between_record_and_move_loses_nothing_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let inbox = at("inbox");
    fs::create_dir(&inbox).unwrap();
    station::demo::unpack(&at("recipes")).unwrap();
    let (data, bracket) = (at("data"), at("recipes/bracket"));
    let text = |p: &Path| p.to_string_lossy().into_owned();
    assay(&["recipe", "approve", &text(&bracket), "--by", "p-7", "--data", &text(&data)]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = at("station.toml");
    fs::write(
        &config,
        format!(
            "station = \"bench-1\"\ndata = \"data\"\nrecipes = [\"recipes\"]\nlisten = \"127.0.0.1:{port}\"\nmin_free_mb = 0\n\
             [[source]]\nname = \"scanner\"\ntype = \"folder\"\nfolder = \"inbox\"\nrecipe = \"bracket\"\nsettle_s = 0.2\n"
        ),
    )
    .unwrap();
    let design = inspector::synth::parts::bracket();
    let scene = inspector::synth::Scene::new(&design, 420, 320, 0.2);
    let jpeg = inspector::synth::Rendered::new(&scene, &design, None).unwrap().jpeg(85);
    for i in 0..PHOTOS {
        // A comment makes each a file of its own.
        let comment = format!("{i:08}");
        let file = [&jpeg[..2], &[0xFF, 0xFE, 0, 10], comment.as_bytes(), &jpeg[2..]].concat();
        fs::write(inbox.join(format!("part-{i}.jpg")), file).unwrap();
    }
    let mut random = Seeded::new(19, 1);
    let (mut killed_at_work, done) = (0, inbox.join("done"));
    for _ in 0..KILLS {
        let mut station = serve(&config);
        let (begun, before) = (Instant::now(), jpegs(&done));
        // After some parts of this round, and then anywhere in the next one.
        let some = 1 + random.below(4);
        while jpegs(&done) < (before + some).min(PHOTOS) && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_micros(random.below(60_000) as u64));
        killed_at_work += usize::from(jpegs(&done) < PHOTOS);
        station.kill().unwrap();
        station.wait().unwrap();
    }
    assert!(killed_at_work >= KILLS / 2, "killed at work only {killed_at_work} times");
    let mut station = serve(&config);
    let begun = Instant::now();
    while jpegs(&done) < PHOTOS && begun.elapsed() < Duration::from_secs(120) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let records = ask(port, "/api/v1/inspections?limit=200").expect("the station answers");
    station.kill().unwrap();
    station.wait().unwrap();
    let items = records["items"].as_array().unwrap();
    let photos: BTreeSet<&str> = items.iter().map(|r| r["photo"]["sha256"].as_str().unwrap()).collect();
    println!(
        "{KILLS} kills, {killed_at_work} of them at work: {PHOTOS} photos -> {} records of {} photos",
        items.len(),
        photos.len()
    );
    assert_eq!((items.len(), photos.len()), (PHOTOS, PHOTOS));
    assert_eq!((jpegs(&done), jpegs(&inbox), jpegs(&inbox.join("refused"))), (PHOTOS, 0, 0));
}
