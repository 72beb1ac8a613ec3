//! The watched folder: no photo is lost, none is recorded twice, half a photo is never judged.

use crate::capture::config;
use crate::fixture::{Fixture, Settings, photo, post, rendered, wait_until};
use axum::body::Bytes;
use inspector::photo::Sha256;
use inspector::synth::parts;
use serde_json::Value;
use station::camera::{Folder, FolderConfig, Source, SourceConfig};
use station::codes::Rules;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

fn scanner(dir: &Path, more: &str) -> (SourceConfig, Arc<dyn Source>) {
    let inbox = dir.join("inbox");
    fs::create_dir_all(&inbox).unwrap();
    let config = config(&format!("name = \"scanner\"\ntype = \"folder\"\nfolder = {inbox:?}\n{more}"));
    let watched = FolderConfig { settle: Duration::from_millis(400), give_up: Duration::from_secs(3), dir: inbox };
    (config, Arc::new(Folder::new(watched)))
}

fn start(dir: &Path) -> Fixture {
    Fixture::with(dir, Settings { sources: vec![scanner(dir, "recipe = \"visor\"")], ..Settings::default() })
}

/// A photo of its own: the comment makes another file of it.
fn numbered(i: u32) -> Bytes {
    let comment = format!("part {i:06}");
    let mut bytes = photo()[..2].to_vec();
    bytes.extend([0xFF, 0xFE, 0, 2 + comment.len() as u8]);
    bytes.extend(comment.bytes());
    bytes.extend(&photo()[2..]);
    bytes.into()
}

async fn records(station: &Fixture) -> Vec<Value> {
    station.get("/api/v1/inspections?limit=200").await.json()["items"].as_array().unwrap().clone()
}

/// File names in a folder, sorted.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|c| c.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..400 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_recorded_and_then_moved() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let (inbox, done) = (dir.path().join("inbox"), dir.path().join("inbox/done"));
    fs::write(inbox.join("pass 1.jpg"), numbered(1)).unwrap();
    until("the file is moved", || done.join("pass 1.jpg").exists()).await;
    let all = records(&station).await;
    assert_eq!(
        (all.len(), all[0]["image"].as_str(), all[0]["verdict"].as_str()),
        (1, Some("pass 1.jpg"), Some("pass"))
    );
    assert_eq!((&all[0]["capture"]["source"], &all[0]["capture"]["trigger"]), (&"scanner".into(), &"file".into()));
    assert_eq!(all[0]["photo"]["sha256"], Sha256::of(&numbered(1)).to_string());
    // The same photo under another name is the same part; another one under the same name is kept beside it.
    fs::write(inbox.join("again.jpg"), numbered(1)).unwrap();
    fs::write(inbox.join("pass 1.jpg"), numbered(2)).unwrap();
    until("both are moved", || done.join("again.jpg").exists() && done.join("pass 1-2.jpg").exists()).await;
    assert_eq!(records(&station).await.len(), 2);
    assert_eq!(fs::read(done.join("pass 1.jpg")).unwrap(), numbered(1));
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_still_being_written_waits() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let inbox = dir.path().join("inbox");
    let whole = numbered(1);
    // A scanner that pauses in the middle for longer than the folder waits for stillness.
    fs::write(inbox.join("pass-1.jpg"), &whole[..whole.len() / 2]).unwrap();
    // And one that writes without a pause.
    for i in 0..12 {
        let so_far = whole.len() * (i + 1) / 13;
        fs::write(inbox.join("pass-2.jpg"), &numbered(2)[..so_far]).unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert!(records(&station).await.is_empty(), "half a photo was judged");
    assert!(inbox.join("pass-1.jpg").exists() && inbox.join("pass-2.jpg").exists());
    fs::write(inbox.join("pass-1.jpg"), &whole).unwrap();
    fs::write(inbox.join("pass-2.jpg"), numbered(2)).unwrap();
    until("both are done", || names(&inbox.join("done")).len() == 2).await;
    let hashes: Vec<Value> = records(&station).await.iter().map(|r| r["photo"]["sha256"].clone()).collect();
    assert!(hashes.contains(&Sha256::of(&whole).to_string().into()) && hashes.len() == 2, "{hashes:?}");
    station.end().await;
}

/// A scanner that writes a preview first, and then the scan itself under the same name: whole is not yet finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_file_that_is_written_anew_is_taken_when_it_rests() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let inbox = dir.path().join("inbox");
    for i in 0..=30 {
        fs::write(inbox.join("pass-1.jpg"), numbered(i)).unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    until("it is done", || inbox.join("done/pass-1.jpg").exists()).await;
    let all = records(&station).await;
    assert_eq!(all.len(), 1, "a preview was judged: {all:?}");
    assert_eq!(all[0]["photo"]["sha256"], Sha256::of(&numbered(30)).to_string());
    station.end().await;
}

/// Other clients keep the station busy: the file waits for its turn, and is neither refused nor forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_for_room_in_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let inbox = dir.path().join("inbox");
    // Two in work, two waiting.
    let mut others = tokio::task::JoinSet::new();
    for i in 0..4 {
        let app = station::http::app(station.state.clone());
        others.spawn(tower::ServiceExt::oneshot(app, post(&format!("slow-{i}.jpg"), photo())));
        wait_until("the photo is in", || station.gate.reached() + station.line.waiting() == i + 1).await;
    }
    fs::write(inbox.join("pass-1.jpg"), numbered(1)).unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(inbox.join("pass-1.jpg").exists() && names(&inbox.join("refused")).is_empty());
    station.gate.open();
    until("it is done", || inbox.join("done/pass-1.jpg").exists()).await;
    while others.join_next().await.is_some() {}
    assert_eq!(records(&station).await.len(), 5);
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_unfinished_copies_links_and_folders_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside.jpg");
    fs::write(&outside, numbered(9)).unwrap();
    let station = start(dir.path());
    let inbox = dir.path().join("inbox");
    for name in ["a.jpg.part", "b.tmp", "c.jpg~", ".d.jpg", "Thumbs.db"] {
        fs::write(inbox.join(name), numbered(5)).unwrap();
    }
    fs::create_dir(inbox.join("yesterday")).unwrap();
    fs::write(inbox.join("yesterday/x.jpg"), numbered(6)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, inbox.join("link.jpg")).unwrap();
    // Renamed into place: whole at once, however short it has been there.
    fs::write(inbox.join("pass-7.jpg.part"), numbered(7)).unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    fs::rename(inbox.join("pass-7.jpg.part"), inbox.join("pass-7.jpg")).unwrap();
    until("the renamed file is done", || inbox.join("done/pass-7.jpg").exists()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(records(&station).await.len(), 1);
    let mut left = names(&inbox);
    left.retain(|n| n != "link.jpg");
    assert_eq!(left, [".d.jpg", "Thumbs.db", "a.jpg.part", "b.tmp", "c.jpg~", "done", "refused", "yesterday"]);
    assert!(outside.exists());
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_photo_is_refused_with_the_reason_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let (inbox, refused) = (dir.path().join("inbox"), dir.path().join("inbox/refused"));
    fs::write(inbox.join("notes.txt"), "this is no photo").unwrap();
    fs::write(inbox.join("cut.jpg"), &numbered(1)[..5000]).unwrap();
    fs::write(inbox.join("empty.jpg"), "").unwrap();
    // The station fails on this one: the part is held, the file is kept, the others go on.
    fs::write(inbox.join("panic-1.jpg"), numbered(2)).unwrap();
    fs::write(inbox.join("pass-3.jpg"), numbered(3)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        let strange = std::ffi::OsStr::from_bytes(b"pass-\xff\xfe.jpg");
        fs::write(inbox.join(strange), numbered(4)).unwrap();
        until("a name that is no UTF-8 is done", || inbox.join("done").join(strange).exists()).await;
    }
    until("the good one is done", || inbox.join("done/pass-3.jpg").exists()).await;
    until("the others are refused", || names(&refused).len() == 8).await;
    let why = |name: &str| fs::read_to_string(refused.join(name)).unwrap();
    assert!(why("empty.jpg.txt").contains("empty"), "{}", why("empty.jpg.txt"));
    assert!(why("cut.jpg.txt").len() > 20 && why("notes.txt.txt").len() > 20);
    assert!(why("panic-1.jpg.txt").contains("hold the part"), "{}", why("panic-1.jpg.txt"));
    assert_eq!(fs::read(refused.join("cut.jpg")).unwrap(), numbered(1)[..5000]);
    assert_eq!(records(&station).await.len(), if cfg!(unix) { 2 } else { 1 });
    station.end().await;
}

/// The same file would say the same again, and keep the younger ones waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_photo_whose_code_chooses_no_recipe_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let rules = Rules::from_words(&["(?<name>[a-z]+)-[0-9]+={name}".to_owned()]).unwrap();
    let sources = vec![scanner(dir.path(), "")];
    let station = Fixture::with(dir.path(), Settings { sources, rules, ..Settings::default() });
    let (inbox, refused) = (dir.path().join("inbox"), dir.path().join("inbox/refused"));
    for i in 1..3 {
        fs::write(inbox.join(format!("pass-{i}.jpg")), numbered(i)).unwrap();
    }
    until("both are refused", || names(&refused).len() == 4).await;
    assert!(fs::read_to_string(refused.join("pass-1.jpg.txt")).unwrap().contains("code"));
    assert_eq!(records(&station).await.len(), 0);
    station.end().await;
}

/// The moment between record and move, which a power cut may hit: the file is still there, its record too.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_recorded_and_not_moved_is_only_moved() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = dir.path().join("inbox");
    let station = start(dir.path());
    for i in 0..5 {
        fs::write(inbox.join(format!("pass-{i}.jpg")), numbered(i)).unwrap();
    }
    until("all are done", || names(&inbox.join("done")).len() == 5).await;
    let before = records(&station).await;
    station.end().await;
    for i in 0..5 {
        fs::rename(inbox.join(format!("done/pass-{i}.jpg")), inbox.join(format!("pass-{i}.jpg"))).unwrap();
    }
    fs::write(inbox.join("pass-9.jpg"), numbered(9)).unwrap();
    let station = start(dir.path());
    until("all are done again", || names(&inbox.join("done")).len() == 6).await;
    let after = records(&station).await;
    assert_eq!(after.len(), 6);
    assert_eq!(after[1..], before, "a part was recorded twice");
    station.end().await;
}

/// Nothing is wrong with the file, so it stays until the station can record it.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_while_the_station_cannot_record_it() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = dir.path().join("inbox");
    let sources = vec![scanner(dir.path(), "")];
    let station = Fixture::with(dir.path(), Settings { sources, ..Settings::default() });
    fs::write(inbox.join("pass-1.jpg"), numbered(1)).unwrap();
    let status = async || station.get("/api/v1/sources").await.json()["items"][0].clone();
    let mut reason = String::new();
    for _ in 0..100 {
        reason = status().await["reason"].as_str().unwrap().to_owned();
        if reason.contains("no recipe is chosen") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reason.contains("no recipe is chosen"), "{reason}");
    assert!(inbox.join("pass-1.jpg").exists());
    // Somebody chooses one.
    let choose = axum::http::Request::put("/api/v1/sources/scanner/selection")
        .header("host", "localhost")
        .body(axum::body::Body::from("{\"recipe\": \"visor\", \"lot\": \"L-3\"}"))
        .unwrap();
    assert_eq!(station.ask(choose).await.status, 200);
    until("it is done", || inbox.join("done/pass-1.jpg").exists()).await;
    assert_eq!(records(&station).await[0]["lot"], "L-3");
    assert_eq!(status().await["ok"], true);
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_said_and_found_when_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let gone: PathBuf = dir.path().join("stick");
    let text = format!("name = \"stick\"\ntype = \"folder\"\nfolder = {gone:?}\nrecipe = \"visor\"");
    let folder = FolderConfig { settle: Duration::from_millis(300), ..FolderConfig::new(gone.clone()) };
    let sources: Vec<(SourceConfig, Arc<dyn Source>)> = vec![(config(&text), Arc::new(Folder::new(folder)))];
    let station = Fixture::with(dir.path(), Settings { sources, ..Settings::default() });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ready = station.get("/readyz").await;
    assert_eq!(ready.status, 503);
    let reason = ready.json()["camera"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("stick: ") && reason.ends_with("/stick"), "{reason}");
    fs::create_dir(&gone).unwrap();
    fs::write(gone.join("pass-1.jpg"), rendered(&parts::visor(), 400, 300, 0.9)).unwrap();
    until("it is done", || gone.join("done/pass-1.jpg").exists()).await;
    assert_eq!(records(&station).await.len(), 1);
    station.end().await;
}

/// A serial number that was chosen for the next part is of one file.
#[tokio::test(flavor = "multi_thread")]
async fn a_chosen_serial_number_is_of_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let station = start(dir.path());
    let inbox = dir.path().join("inbox");
    let choose = axum::http::Request::put("/api/v1/sources/scanner/selection")
        .header("host", "localhost")
        .body(axum::body::Body::from("{\"serial\": \"S-9\"}"))
        .unwrap();
    assert_eq!(station.ask(choose).await.status, 200);
    for i in 1..=2 {
        fs::write(inbox.join(format!("pass-{i}.jpg")), numbered(i)).unwrap();
    }
    until("both are done", || names(&inbox.join("done")).len() == 2).await;
    let all = records(&station).await;
    let numbers: Vec<Option<&str>> = all.iter().map(|r| r["serial"].as_str()).collect();
    // The newest first.
    assert_eq!(numbers, [None, Some("S-9")]);
    station.end().await;
}
