//! HTTP as clients meet it: one test per promise of the API.

use crate::fixture::{Answer, Fixture, RECIPE, Settings, get, photo, post, wait_until};
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use serde_json::Value;
use station::http::{Limits, openapi_json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Records that the station holds.
async fn recorded(station: &Fixture) -> usize {
    station.get("/api/v1/inspections?limit=200").await.json()["items"].as_array().unwrap().len()
}

fn with_key(mut request: Request<Body>, key: &str) -> Request<Body> {
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_becomes_a_record_with_the_contract_at_top_level() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let answer = station.post("fail-1.jpg").await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let record = answer.json();
    let contract = ["image", "part", "revision", "serial", "lot", "recipe", "verdict", "grade", "checks", "timings_ms"];
    let more = ["seq", "ulid", "station", "mode", "wall", "software", "links"];
    for field in contract.iter().chain(&more) {
        assert!(record.get(field).is_some(), "{field} is missing: {record}");
    }
    assert_eq!((record["verdict"].as_str(), record["mode"].as_str()), (Some("fail"), Some("production")));
    assert_eq!(answer.header("location"), record["links"]["self"]);
    assert_eq!(station.get(answer.header("location")).await.json(), record);
    let check = &record["checks"][1];
    assert_eq!((check["id"].as_str(), check["verdict"].as_str()), (Some("hole-1.diameter"), Some("fail")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_the_same_request_as_a_raw_body() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let form = |fields: &[(&str, &str)]| {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--XX\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        body.extend(b"--XX\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"C:\\\\fakepath\\\\pass-1.jpg\"\r\ncontent-type: image/jpeg\r\n\r\n");
        body.extend(photo());
        body.extend(b"\r\n--XX--\r\n");
        Request::post("/api/v1/inspections")
            .header("host", "localhost")
            .header("content-type", "multipart/form-data; boundary=XX")
            .body(Body::from(body))
            .unwrap()
    };
    let answer = station.ask(form(&[("recipe", RECIPE), ("serial", "S-pass-1.jpg"), ("lot", "L1")])).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let record = answer.json();
    // The folder of the worker's machine is not recorded.
    assert_eq!((record["image"].as_str(), record["lot"].as_str()), (Some("pass-1.jpg"), Some("L1")));
    station.ask(form(&[("recipe", RECIPE), ("colour", "red")])).await.problem(400, "bad-request");
    let without = Request::post("/api/v1/inspections")
        .header("host", "localhost")
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(Body::from("--XX\r\ncontent-disposition: form-data; name=\"recipe\"\r\n\r\nvisor\r\n--XX--\r\n"))
        .unwrap();
    let problem = station.ask(without).await.problem(400, "bad-request");
    assert!(problem["detail"].as_str().unwrap().contains("photo"), "{problem}");
    assert_eq!(recorded(&station).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_request_give_the_same_record_again() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let first = station.ask(with_key(post("pass-1.jpg", photo()), "part-1")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    let again = station.ask(with_key(post("pass-1.jpg", photo()), "part-1")).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    // Another photo, and another serial number: neither is the same request.
    let other = Bytes::from([&photo()[..], b"\0"].concat());
    station.ask(with_key(post("pass-1.jpg", other), "part-1")).await.problem(422, "key-reused");
    station.ask(with_key(post("pass-2.jpg", photo()), "part-1")).await.problem(422, "key-reused");
    assert_eq!(recorded(&station).await, 1);
    // And after a restart.
    station.end().await;
    let station = Fixture::new(dir.path());
    let later = station.ask(with_key(post("pass-1.jpg", photo()), "part-1")).await;
    assert_eq!((later.status, later.json()), (StatusCode::OK, first.json()));
    let bad = "k".repeat(256);
    station.ask(with_key(post("pass-1.jpg", photo()), &bad)).await.problem(400, "bad-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_work_is_refused_until_its_part_is_recorded() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let slow = station.ask(with_key(post("slow-1.jpg", photo()), "part-1"));
    let meanwhile = async {
        wait_until("the part is being judged", || station.gate.reached() == 1).await;
        let problem = station.ask(with_key(post("slow-1.jpg", photo()), "part-1")).await.problem(409, "key-in-work");
        assert!(problem["retry_after_s"].as_u64().is_some());
        station.ask(with_key(post("pass-9.jpg", photo()), "part-1")).await.problem(422, "key-reused");
        station.gate.open();
    };
    let (slow, ()) = tokio::join!(slow, meanwhile);
    assert_eq!(slow.status, StatusCode::CREATED);
    let again = station.ask(with_key(post("slow-1.jpg", photo()), "part-1")).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, slow.json()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_so_and_accepted_parts_are_finished() {
    let dir = folder();
    let limits = Limits { uploads: 16, ..Limits::default() };
    let station = Fixture::with(dir.path(), Settings { limits, ..Settings::default() });
    // Two in work, two waiting.
    let mut accepted = tokio::task::JoinSet::new();
    for i in 0..4 {
        let app = station::http::app(station.state.clone());
        accepted.spawn(async move {
            tower::ServiceExt::oneshot(app, post(&format!("slow-{i}.jpg"), photo())).await.unwrap().status()
        });
        wait_until("the photo is in", || station.gate.reached() + station.line.waiting() == i + 1).await;
    }
    let refused = station.post("pass-1.jpg").await;
    refused.problem(503, "busy");
    assert_eq!(refused.header("retry-after"), "1");
    station.gate.open();
    while let Some(status) = accepted.join_next().await {
        assert_eq!(status.unwrap(), StatusCode::CREATED);
    }
    assert_eq!(recorded(&station).await, 4);
    assert_eq!(station.post("pass-1.jpg").await.status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_after_its_photo_still_gets_its_record() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let request = tokio::spawn({
        let app = station::http::app(station.state.clone());
        async move { tower::ServiceExt::oneshot(app, post("slow-1.jpg", photo())).await }
    });
    wait_until("the part is being judged", || station.gate.reached() == 1).await;
    request.abort();
    station.gate.open();
    let ledger = station.ledger.clone();
    wait_until("the part is recorded", || !ledger.inspections(&Default::default()).unwrap().entries.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_holds_the_part_raises_the_alarm_and_the_station_goes_on() {
    let dir = folder();
    let station = Fixture::with(dir.path(), Settings { threads: 1, ..Settings::default() });
    let problem = station.post("panic-1.jpg").await.problem(500, "station-error");
    assert!(problem["detail"].as_str().unwrap().contains("hold the part"), "{problem}");
    assert_eq!(recorded(&station).await, 0, "a broken part must not be recorded as judged");
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_errors_total{kind=\"Station\"} 1"), "{metrics}");
    // One thread judges: it must have survived.
    assert_eq!(station.post("pass-1.jpg").await.status, StatusCode::CREATED);
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_parts_total{verdict=\"pass\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_gives_no_answer_raises_the_alarm_and_the_line_goes_on() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let answer = station.post("model-fault-1.jpg").await;
    assert_eq!((answer.status, &answer.json()["verdict"]), (StatusCode::CREATED, &"refer".into()), "{}", answer.text());
    let alarm = station.line.alarm().borrow().clone();
    assert_eq!(alarm.count, 1);
    assert!(alarm.last.as_ref().unwrap().contains("gave no usable answer"), "{alarm:?}");
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_errors_total{kind=\"Model\"} 1"), "{metrics}");
    // Another reason to look is no alarm, and the next part is judged.
    assert_eq!(station.post("refer-1.jpg").await.status, StatusCode::CREATED);
    assert_eq!(station.post("pass-1.jpg").await.json()["verdict"], "pass");
    assert_eq!(station.line.alarm().borrow().count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_that_cannot_be_used_are_refused_in_words() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let truncated = photo().slice(..photo().len() / 2);
    for (name, bytes) in [("empty", Bytes::new()), ("text", Bytes::from_static(b"hello")), ("truncated", truncated)] {
        let problem = station.ask(post(&format!("{name}.jpg"), bytes)).await.problem(422, "unreadable-photo");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{problem}");
    }
    assert_eq!(recorded(&station).await, 0);
    // Wrong or no media type.
    for media_type in [Some("text/plain"), Some("application/json"), Some("image/heic"), None] {
        let mut request = post("pass-1.jpg", photo());
        match media_type {
            Some(t) => drop(request.headers_mut().insert("content-type", t.parse().unwrap())),
            None => drop(request.headers_mut().remove("content-type")),
        }
        let problem = station.ask(request).await.problem(415, "wrong-media-type");
        assert!(problem["detail"].as_str().unwrap().contains("image/jpeg"), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_unapproved_recipes_do_not_judge() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let ask = |query: &str| {
        Request::post(format!("/api/v1/inspections?{query}"))
            .header("host", "localhost")
            .header("content-type", "image/jpeg")
            .body(Body::from(photo()))
            .unwrap()
    };
    let problem = station.ask(ask("recipe=visr")).await.problem(404, "unknown-recipe");
    let known: Vec<&str> = problem["known"].as_array().unwrap().iter().map(|k| k.as_str().unwrap()).collect();
    assert_eq!(known, ["broken", "draft", "visor"]);
    let problem = station.ask(ask("recipe=draft")).await.problem(409, "recipe-not-approved");
    assert_eq!(problem["state"], "draft");
    station.ask(ask("recipe=broken")).await.problem(500, "station-error");
    station.ask(ask("")).await.problem(400, "bad-request");
    station.ask(ask("recipe=visor&colour=red")).await.problem(400, "bad-request");
    station.ask(ask(&format!("recipe=visor&serial={}", "9".repeat(101)))).await.problem(400, "bad-request");
    assert_eq!(recorded(&station).await, 0);
    // By digest, too.
    let recipes = station.get("/api/v1/recipes").await.json();
    let visor = recipes["items"].as_array().unwrap().iter().find(|r| r["name"] == "visor").unwrap().clone();
    assert_eq!((visor["state"].as_str(), visor["part"].as_str()), (Some("approved"), Some("M19-VISOR")));
    let hash = visor["recipe"].as_str().unwrap();
    assert_eq!(station.ask(ask(&format!("recipe={hash}&image=pass"))).await.status, StatusCode::CREATED);
    let broken = recipes["items"].as_array().unwrap().iter().find(|r| r["name"] == "broken").unwrap();
    assert_eq!(broken["state"], "broken");
    assert!(!broken["reason"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipe_that_is_edited_after_its_approval_does_not_judge() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let file = dir.path().join("recipes/visor/recipe.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + "\n# wider limits\n").unwrap();
    station.post("pass-1.jpg").await.problem(409, "recipe-not-approved");
    station.end().await;
    // Nor after a restart: it is another recipe, a draft.
    let station = Fixture::new(dir.path());
    let problem = station.post("pass-1.jpg").await.problem(409, "recipe-not-approved");
    let (detail, state) = (problem["detail"].as_str().unwrap(), problem["state"].as_str().unwrap());
    assert!(detail.contains("changed since it was approved on 2") && detail.contains(" by p-7"), "{detail}");
    assert_eq!(state, "draft");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_refused_by_size_over_a_real_socket() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let at = station.listen().await;
    let (mut socket, length) = (TcpStream::connect(at).await.unwrap(), 100_000_000_usize);
    socket.write_all(head(at, "image/jpeg", length).as_bytes()).await.unwrap();
    let piece = vec![0_u8; 1_000_000];
    for _ in 0..length / piece.len() {
        socket.write_all(&piece).await.unwrap();
    }
    let answer = answer_of(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("/api/v1/problems/photo-too-large"), "{answer}");
    // One byte too much is too much; exactly the limit is read (and is no picture).
    let limit = 32 * 1024 * 1024;
    let of_size = |n: usize| station.ask(post("big.jpg", vec![0_u8; n].into()));
    of_size(limit + 1).await.problem(413, "photo-too-large");
    of_size(limit).await.problem(422, "unreadable-photo");
    assert_eq!(recorded(&station).await, 0);
}

fn head(at: SocketAddr, media_type: &str, length: usize) -> String {
    format!(
        "POST /api/v1/inspections?recipe={RECIPE}&image=pass-1.jpg HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\
         content-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    )
}

async fn answer_of(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is no matter.
    let _ = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_body_leaves_nothing_behind() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let at = station.listen().await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(head(at, "image/jpeg", photo().len()).as_bytes()).await.unwrap();
    // Everything but the last byte: a decoder would be content with it.
    socket.write_all(&photo()[..photo().len() - 1]).await.unwrap();
    socket.shutdown().await.unwrap();
    let answer = answer_of(&mut socket).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_eq!(recorded(&station).await, 0);
    // The places for uploads are free again.
    for i in 0..4 {
        assert_eq!(station.post(&format!("pass-{i}.jpg")).await.status, StatusCode::CREATED);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_in_time_is_told_so() {
    let dir = folder();
    let limits = Limits { body_time: Duration::from_millis(300), ..Limits::default() };
    let station = Fixture::with(dir.path(), Settings { limits, ..Settings::default() });
    let at = station.listen().await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(head(at, "image/jpeg", photo().len()).as_bytes()).await.unwrap();
    socket.write_all(&photo()[..100]).await.unwrap();
    let answer = answer_of(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("/api/v1/problems/too-slow"), "{answer}");
    assert_eq!(recorded(&station).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_uploads_than_places_wait_and_are_then_told_to_come_back() {
    let dir = folder();
    let limits = Limits { uploads: 1, upload_wait: Duration::from_millis(200), ..Limits::default() };
    let station = Fixture::with(dir.path(), Settings { limits, ..Settings::default() });
    let at = station.listen().await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket.write_all(head(at, "image/jpeg", 1000).as_bytes()).await.unwrap();
    socket.write_all(b"x").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    station.post("pass-1.jpg").await.problem(503, "busy");
    drop(socket);
    let mut status = StatusCode::SERVICE_UNAVAILABLE;
    for _ in 0..50 {
        status = station.post("pass-1.jpg").await.status;
        if status == StatusCode::CREATED {
            break;
        }
    }
    assert_eq!(status, StatusCode::CREATED);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_newest_first_filtered_and_stable() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    for name in ["pass-1", "fail-1", "pass-2", "refer-1", "pass-3"] {
        assert_eq!(station.post(name).await.status, StatusCode::CREATED);
    }
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|i| i["image"].as_str().unwrap().to_owned()).collect()
    };
    let first = station.get("/api/v1/inspections?limit=2").await.json();
    assert_eq!(names(&first), ["pass-3", "refer-1"]);
    // What comes in meanwhile does not move the next page.
    station.post("pass-4").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = station.get(&format!("/api/v1/inspections?limit=2&cursor={cursor}")).await.json();
    assert_eq!(names(&second), ["pass-2", "fail-1"]);
    let cursor = second["next_cursor"].as_str().unwrap();
    let third = station.get(&format!("/api/v1/inspections?limit=2&cursor={cursor}")).await.json();
    assert_eq!((names(&third), &third["next_cursor"]), (vec!["pass-1".to_owned()], &Value::Null));
    let only = |query: &str| {
        let (path, station, names) = (format!("/api/v1/inspections?{query}"), &station, &names);
        async move { names(&station.get(&path).await.json()) }
    };
    assert_eq!(only("verdict=fail").await, ["fail-1"]);
    assert_eq!(only("serial=S-refer-1").await, ["refer-1"]);
    assert_eq!(only("lot=L2").await, [""; 0]);
    assert_eq!(only("part=M19-VISOR&lot=L1&verdict=refer").await, ["refer-1"]);
    for query in ["limit=0", "limit=201", "limit=x", "cursor=x", "verdict=ok", "color=red"] {
        station.get(&format!("/api/v1/inspections?{query}")).await.problem(400, "bad-request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_byte_for_byte_are_verified_and_cached() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let record = station.post("pass-1.jpg").await.json();
    let link = record["links"]["photo"].as_str().unwrap();
    let answer = station.get(link).await;
    assert_eq!((answer.status, &answer.body), (StatusCode::OK, &photo()));
    assert_eq!(answer.header("content-type"), "image/jpeg");
    assert!(answer.header("cache-control").contains("immutable"));
    let hash = record["photo"]["sha256"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    assert_eq!(answer.header("etag"), format!("\"{hash}\""));
    // An address without digest may mean other bytes in another ledger: it is asked again.
    let plain = link.split('?').next().unwrap();
    assert_eq!(station.get(plain).await.header("cache-control"), "no-cache");
    let mut request = get(plain);
    request.headers_mut().insert("if-none-match", format!("\"{hash}\"").parse().unwrap());
    let answer = station.ask(request).await;
    assert_eq!((answer.status, answer.body.len()), (StatusCode::NOT_MODIFIED, 0));
    for kind in ["thumbnail", "overlay"] {
        let answer = station.get(record["links"][kind].as_str().unwrap()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "image/jpeg"));
        assert!(image::load_from_memory(&answer.body).is_ok());
    }
    // One flipped byte on disk, and the photo is no photo of this part any more.
    let file = find_file(&dir.path().join("data"), &hash).expect("the photo is a file named by its digest");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    make_writable(&file);
    std::fs::write(&file, bytes).unwrap();
    station.get(plain).await.problem(500, "record-damaged");
    std::fs::remove_file(&file).unwrap();
    station.get(plain).await.problem(500, "record-damaged");
}

fn make_writable(file: &Path) {
    let mut permissions = std::fs::metadata(file).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file of this test's own folder")]
    permissions.set_readonly(false);
    std::fs::set_permissions(file, permissions).unwrap();
}

fn find_file(dir: &Path, hash: &str) -> Option<std::path::PathBuf> {
    std::fs::read_dir(dir).unwrap().flatten().find_map(|child| {
        let path = child.path();
        if path.is_dir() {
            return find_file(&path, hash);
        }
        // The first digits may be the folder's name.
        let name = path.components().rev().take(2).map(|c| c.as_os_str().to_string_lossy().into_owned());
        let name: Vec<String> = name.collect();
        (name[0].contains(hash) || format!("{}{}", name[1], name[0]).contains(hash)).then_some(path)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_problem() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    station.get("/api/v1/nothing").await.problem(404, "not-found");
    station.get("/nothing").await.problem(404, "not-found");
    station.get("/assets/nothing.js").await.problem(404, "not-found");
    station.get("/api/v1/problems/nothing").await.problem(404, "not-found");
    station.get("/api/v1/inspections/1").await.problem(404, "not-found"); // another act
    station.get("/api/v1/inspections/999").await.problem(404, "not-found");
    station.get("/api/v1/inspections/18446744073709551616").await.problem(404, "not-found");
    station.get("/api/v1/inspections/one").await.problem(404, "not-found");
    station.get("/api/v1/inspections/999/photo").await.problem(404, "not-found");
    station.get("/api/v1/inspections/%ff").await.problem(404, "not-found");
    let delete = Request::delete("/api/v1/inspections").header("host", "localhost").body(Body::empty()).unwrap();
    let answer = station.ask(delete).await;
    answer.problem(405, "method-not-allowed");
    assert!(answer.header("allow").contains("POST"));
    // The kind of a problem can be opened.
    let kind = station.get("/api/v1/nothing").await.json()["type"].as_str().unwrap().to_owned();
    assert_eq!(station.get(&kind).await.json()["status"], 404);
    // People get a page, with the same status.
    let mut request = get("/inspections/999");
    request.headers_mut().insert("accept", "text/html,application/xhtml+xml".parse().unwrap());
    let answer = station.ask(request).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(answer.text().contains("no inspection has the number 999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_web_sites_can_do_nothing() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let on = |host: &str| Request::get("/healthz").header("host", host).body(Body::empty()).unwrap();
    // A name that an attacker points at 127.0.0.1.
    for host in ["rebound.example", "rebound.example:8080", "localhost.example", "127.0.0.1.example", ""] {
        station.ask(on(host)).await.problem(421, "wrong-host");
    }
    for host in
        ["localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "192.168.1.7:8080", "inspection.example"]
    {
        assert_eq!(station.ask(on(host)).await.status, StatusCode::OK, "{host}");
    }
    let nameless = Request::get("/healthz").body(Body::empty()).unwrap();
    station.ask(nameless).await.problem(400, "bad-request");
    // A form of another site.
    let from = |name: &'static str, value: &str| {
        let mut request = post("pass-1.jpg", photo());
        request.headers_mut().insert(name, value.parse().unwrap());
        station.ask(request)
    };
    for origin in ["http://rebound.example", "http://127.0.0.1:9090", "null"] {
        from("origin", origin).await.problem(403, "foreign-origin");
    }
    from("sec-fetch-site", "cross-site").await.problem(403, "foreign-origin");
    from("sec-fetch-site", "same-site").await.problem(403, "foreign-origin");
    assert_eq!(recorded(&station).await, 0);
    assert_eq!(from("origin", "http://127.0.0.1:8080").await.status, StatusCode::CREATED);
    for path in ["/", "/api/v1/inspections", "/nothing"] {
        let answer = station.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(answer.headers.get("access-control-allow-origin").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    assert_eq!(station.get("/healthz").await.status, StatusCode::OK);
    let ready = station.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (StatusCode::OK, &Value::Bool(true)), "{}", ready.text());
    for name in ["pass-1", "fail-1", "refer-1", "pass-2"] {
        station.post(name).await;
    }
    station.ask(post("bad", Bytes::from_static(b"x"))).await;
    let answer = station.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    let text = answer.text();
    for line in [
        "assay_parts_total{verdict=\"pass\"} 2",
        "assay_parts_total{verdict=\"fail\"} 1",
        "assay_parts_total{verdict=\"refer\"} 1",
        "assay_errors_total{kind=\"Photo\"} 1",
        "assay_errors_total{kind=\"Station\"} 0",
        "assay_inspection_seconds_count{stage=\"Durable\"} 4",
        "assay_queue_photos 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
    let last = station.ledger.health().last_seq;
    assert!(text.contains(&format!("assay_last_sequence {last}")), "{text}");
    assert!(
        text.lines().any(|l| l.strip_prefix("assay_free_disk_bytes ").is_some_and(|n| n.parse::<u64>().unwrap() > 0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_nothing_is_recorded() {
    let dir = folder();
    Fixture::new(dir.path()).end().await;
    // More than any disk has free.
    let station = Fixture::with(dir.path(), Settings { min_free_bytes: u64::MAX / 2, ..Settings::default() });
    let problem = station.post("pass-1.jpg").await.problem(507, "disk-full");
    assert!(problem["free_bytes"].as_u64().is_some() && problem["needed_bytes"].as_u64().is_some(), "{problem}");
    let ready = station.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((&ready.json()["ready"], &ready.json()["disk"]["ok"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!(recorded(&station).await, 0);
    let metrics = station.get("/metrics").await.text();
    assert!(metrics.contains("assay_errors_total{kind=\"Store\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_records() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    station.post("pass-1.jpg").await;
    station.post("fail-1.jpg").await;
    let before = station.get("/api/v1/inspections").await.json();
    station.end().await;
    let station = Fixture::new(dir.path());
    assert_eq!(station.get("/api/v1/inspections").await.json(), before);
    let third = station.post("pass-2.jpg").await.json();
    assert!(third["seq"].as_u64() > before["items"][0]["seq"].as_u64());
}

/// Reads events until `enough` of the `inspection` kind are there.
async fn events(at: SocketAddr, resume: Option<u64>, enough: usize) -> Vec<(u64, String)> {
    let mut socket = TcpStream::connect(at).await.unwrap();
    let last = resume.map_or(String::new(), |seq| format!("last-event-id: {seq}\r\n"));
    socket.write_all(format!("GET /api/v1/stream HTTP/1.1\r\nhost: {at}\r\n{last}\r\n").as_bytes()).await.unwrap();
    let (mut text, mut piece) = (String::new(), vec![0; 65536]);
    loop {
        let n = tokio::time::timeout(Duration::from_secs(20), socket.read(&mut piece)).await.unwrap().unwrap();
        assert!(n > 0, "the stream ended: {text}");
        text.push_str(&String::from_utf8_lossy(&piece[..n]));
        let found: Vec<(u64, String)> = text
            .split("event: inspection\n")
            .skip(1)
            .filter(|event| event.contains("\n\n"))
            .map(|event| {
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().to_owned();
                let record: Value = serde_json::from_str(&field("data:")).unwrap();
                (field("id:").parse().unwrap(), record["image"].as_str().unwrap().to_owned())
            })
            .collect();
        if found.len() >= enough {
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_resumes_where_the_client_was_also_after_a_restart() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let at = station.listen().await;
    let new = tokio::spawn(events(at, None, 1));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut seqs = Vec::new();
    for i in 0..3 {
        seqs.push(station.post(&format!("pass-{i}")).await.json()["seq"].as_u64().unwrap());
    }
    // Without a number the stream starts with the next record.
    assert_eq!(new.await.unwrap()[0], (seqs[0], "pass-0".to_owned()));
    let rest = events(at, Some(seqs[0]), 2).await;
    assert_eq!(rest, [(seqs[1], "pass-1".to_owned()), (seqs[2], "pass-2".to_owned())]);
    station.end().await;

    let station = Fixture::new(dir.path());
    let at = station.listen().await;
    // More than fits into the stream's own buffers.
    for i in 3..43 {
        station.post(&format!("pass-{i}")).await;
    }
    let rest = events(at, Some(seqs[1]), 41).await;
    let names: Vec<String> = rest.iter().map(|(_, image)| image.clone()).collect();
    assert_eq!(names, (2..43).map(|i| format!("pass-{i}")).collect::<Vec<_>>(), "each once, in order, no gap");
    let bad = Request::get("/api/v1/stream").header("host", "localhost").header("last-event-id", "x");
    station.ask(bad.body(Body::empty()).unwrap()).await.problem(400, "bad-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_counted_and_end_when_the_station_stops() {
    let dir = folder();
    let limits = Limits { streams: 1, heartbeat: Duration::from_millis(50), ..Limits::default() };
    let station = Fixture::with(dir.path(), Settings { limits, ..Settings::default() });
    let at = station.listen().await;
    let mut socket = TcpStream::connect(at).await.unwrap();
    socket
        .write_all(format!("GET /api/v1/stream HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut piece = vec![0; 65536];
    let mut text = String::new();
    while text.matches("event: heartbeat").count() < 2 {
        let n = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut piece)).await.unwrap().unwrap();
        text.push_str(&String::from_utf8_lossy(&piece[..n]));
    }
    station.get("/api/v1/stream").await.problem(503, "busy");
    station.stop.send_replace(true);
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), socket.read_to_end(&mut rest))
        .await
        .expect("the stream ends")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_finishes_accepted_parts_and_takes_no_more() {
    let dir = folder();
    let station = Fixture::new(dir.path());
    let accepted = station.post("slow-1.jpg");
    let stop = async {
        wait_until("the part is being judged", || station.gate.reached() == 1).await;
        let line = station.line.clone();
        let drained = tokio::spawn(async move { line.drain().await });
        wait_until("no more photos", || station.line.waiting() == 0).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!drained.is_finished(), "a part is still being judged");
        station.post("pass-1.jpg").await.problem(503, "busy");
        station.gate.open();
        drained.await.unwrap();
    };
    let (accepted, ()) = tokio::join!(accepted, stop);
    assert_eq!(accepted.status, StatusCode::CREATED);
    assert_eq!(recorded(&station).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_document_is_the_committed_one() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../station/openapi.json");
    let now = openapi_json();
    if std::env::var_os("ASSAY_BLESS").is_some() {
        std::fs::write(&committed, &now).unwrap();
    }
    let then = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        then == now,
        "the API changed: look at the difference, then ASSAY_BLESS=1 cargo test -p acceptance api_document"
    );
    let document: Value = serde_json::from_str(&now).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let dir = folder();
    let station = Fixture::new(dir.path());
    let served: Answer = station.get("/api/v1/openapi.json").await;
    assert_eq!((served.header("content-type"), served.text()), ("application/json", now));
    // Whoever reads the document finds everything that is served.
    for path in
        ["/api/v1/inspections", "/api/v1/inspections/{seq}/overlay", "/api/v1/stream", "/api/v1/recipes", "/readyz"]
    {
        assert!(document["paths"][path]["get"].is_object(), "{path} is not described");
    }
}
