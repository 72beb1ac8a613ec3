//! A camera with the automatic trigger at a station: each part is recorded once, whoever asked for it.

use crate::capture::{Does, Scripted, VISOR, capture, eye, records, source, station};
use crate::fixture::{Fixture, wait_until};
use axum::body::Bytes;
use inspector::design::Design;
use inspector::synth::{Scene, parts};
use serde_json::json;
use std::time::Duration;

/// A part of the fixture's recipe before a camera, at this place of the picture; `None` is the empty table.
fn bench(shift: Option<f64>) -> Bytes {
    use inspector::geometry::{Angle, Vector};
    let visor = parts::visor();
    let scene = Scene::new(&visor, 640, 480, 0.6);
    let Some(shift) = shift else {
        let nothing = Design { contours: Vec::new(), features: Vec::new(), ..parts::bracket() };
        let picture = scene.render(&nothing);
        let inspector::photo::Picture::Grey(grey) = picture else { panic!("grey surfaces") };
        let mut bytes = std::io::Cursor::new(Vec::new());
        grey.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        return bytes.into_inner().into();
    };
    let moved = scene.placed(&visor, 0.6, Angle::from_degrees(shift), Vector::new(shift, 0.0));
    let inspector::photo::Picture::Grey(grey) = moved.render(&visor) else { panic!("grey surfaces") };
    let mut bytes = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner().into()
}

/// Until the trigger of the source waits for that.
async fn watching(station: &Fixture, word: &str) {
    for _ in 0..100 {
        if source(station, "pass").await["watching"] == word {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never {word}: {}", source(station, "pass").await);
}

fn auto() -> String {
    format!("{VISOR}\ntrigger = \"auto\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_comes_to_lie_still_is_recorded_once() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::showing(bench(None));
    let station = station(dir.path(), vec![eye("pass", &feed, &auto())]).await;
    watching(&station, "assumed").await;
    let first = bench(Some(0.0));
    feed.show(first.clone());
    watching(&station, "taken").await;
    let taken = records(&station).await;
    assert_eq!((taken.len(), &taken[0]["capture"]["trigger"]), (1, &json!("auto")), "{taken:?}");
    let stored = station.get(taken[0]["links"]["photo"].as_str().unwrap()).await;
    assert_eq!(stored.body, first, "the photo is not of the part that lies there");
    // It goes on lying there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(records(&station).await.len(), 1, "recorded twice");
    // Exchanged without an empty moment, then taken away.
    feed.show(bench(Some(25.0)));
    wait_until("the second part", || station.ledger.health().last_seq > taken[0]["seq"].as_u64().unwrap()).await;
    watching(&station, "taken").await;
    feed.show(bench(None));
    watching(&station, "empty").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(records(&station).await.len(), 2);
    station.end().await;
}

/// The station fails on the part: it is held and said to be, and the same failure is not asked for again and again.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_on_which_the_station_fails_is_tried_once() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::showing(bench(None));
    // The name of the source begins the name of the photo, and that tells the fixture's judge to panic.
    let station = station(dir.path(), vec![eye("panic", &feed, &auto())]).await;
    let state = async || source(&station, "panic").await["watching"].as_str().unwrap_or_default().to_owned();
    let until = async |word: &str| {
        for _ in 0..100 {
            if state().await == word {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never {word}: {}", state().await);
    };
    until("assumed").await;
    feed.show(bench(Some(0.0)));
    until("held").await;
    tokio::time::sleep(Duration::from_millis(3500)).await;
    assert_eq!((state().await.as_str(), station.line.alarm().borrow().count), ("held", 1));
    feed.show(bench(None));
    until("empty").await;
    assert!(records(&station).await.is_empty());
    station.end().await;
}

/// Whoever puts a part down and presses the key at once has it recorded: the trigger does not record it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_taken_by_hand_is_not_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::showing(bench(None));
    let station = station(dir.path(), vec![eye("pass", &feed, &auto())]).await;
    watching(&station, "assumed").await;
    feed.show(bench(Some(0.0)));
    let taken = station.ask(capture(&json!({}))).await.json();
    assert_eq!(taken["capture"]["trigger"], "request", "{taken}");
    watching(&station, "taken").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(records(&station).await.len(), 1, "recorded twice");
    station.end().await;
}

/// The record can be there before the trigger has looked at the part at all: a picture that it was still looking at is of before.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_taken_by_hand_during_a_slow_look_is_not_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    let feed = Scripted::showing(bench(None));
    let station = station(dir.path(), vec![eye("pass", &feed, &auto())]).await;
    watching(&station, "assumed").await;
    feed.now(Does::LooksSlowly);
    tokio::time::sleep(Duration::from_millis(800)).await;
    feed.show(bench(Some(0.0)));
    assert_eq!(station.ask(capture(&json!({}))).await.status, 201);
    tokio::time::sleep(Duration::from_millis(1600)).await;
    feed.now(Does::Live);
    watching(&station, "taken").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(records(&station).await.len(), 1, "recorded twice");
    station.end().await;
}
