//! A code in the photo chooses the recipe, over HTTP.

use crate::fixture::{Answer, Fixture, Settings};
use axum::body::Body;
use axum::http::Request;
use inspector::codes::Format;
use inspector::synth::{PrintedCode, code, photographed};
use station::codes::Rules;

fn station(dir: &std::path::Path, rules: &[&str]) -> Fixture {
    let words: Vec<String> = rules.iter().map(|r| (*r).to_owned()).collect();
    Fixture::with(dir, Settings { rules: Rules::from_words(&words).unwrap(), ..Settings::default() })
}

fn photo_of(codes: &[&str]) -> Vec<u8> {
    let print = |(i, text): (usize, &&str)| {
        PrintedCode::flat(code(Format::Qr, text).unwrap(), (160.0 + 300.0 * i as f64, 160.0), 5.0, 2.0)
    };
    let printed: Vec<PrintedCode> = codes.iter().enumerate().map(print).collect();
    let mut png = std::io::Cursor::new(Vec::new());
    photographed(&printed, (760, 320), 0.8, 3.0, 1).write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

async fn post(station: &Fixture, said: &str, codes: &[&str]) -> Answer {
    let request = Request::post(format!("/api/v1/inspections?image=pass-1.png{said}"))
        .header("host", "127.0.0.1:8080")
        .header("content-type", "image/png")
        .body(Body::from(photo_of(codes)))
        .unwrap();
    station.ask(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_chooses_the_recipe_and_its_order_is_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let station = station(dir.path(), &[r"ASSAY-(?<name>[a-z]+)-(?<order>\d+)={name}"]);
    let record = post(&station, "&lot=L-1", &["ASSAY-visor-0042", "somebody else's"]).await;
    assert_eq!(record.status, 201, "{}", record.text());
    let record = record.json();
    assert_eq!((record["order"].as_str(), record["lot"].as_str()), (Some("0042"), Some("L-1")), "{record}");
    // Who names a recipe is not asked for a code.
    assert_eq!(post(&station, "&recipe=visor", &[]).await.status, 201);
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_recipe_is_ever_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let station = station(dir.path(), &[r"(?<name>[a-z]+)-(?<order>\d+)={name}", r"draft-77=visor"]);
    for (codes, reason) in [
        (&[][..], "code-none"),
        (&["VISOR"], "code-no-rule"),
        (&["visor-1", "visor-2"], "code-several"),
        (&["draft-77"], "code-several-rules"),
    ] {
        let problem = post(&station, "", codes).await.problem(422, "recipe-not-chosen");
        assert_eq!(problem["reason"], reason, "{problem}");
    }
    post(&station, "", &["unknown-7"]).await.problem(404, "unknown-recipe");
    post(&station, "", &["draft-1"]).await.problem(409, "recipe-not-approved");
    let problem = post(&station, "&order=8", &["visor-7"]).await.problem(422, "recipe-not-chosen");
    assert_eq!(problem["reason"], "code-disagrees");
    assert!(problem["detail"].as_str().unwrap().contains("\"7\""), "{problem}");
    let recorded = station.get("/api/v1/inspections").await.json();
    assert_eq!(recorded["items"].as_array().unwrap().len(), 0, "nothing is recorded of a photo without a recipe");
    station.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rules_a_recipe_must_be_named() {
    let dir = tempfile::tempdir().unwrap();
    let station = Fixture::new(dir.path());
    post(&station, "", &["visor-7"]).await.problem(400, "bad-request");
    station.end().await;
}
