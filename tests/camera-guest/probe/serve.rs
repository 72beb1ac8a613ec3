//! The whole station: `assay serve` with the webcam, from `POST /api/v1/capture` to the verdict of the part that lies there.

use crate::check::{Table, quantile, shell};
use crate::sim::{Sim, pictures};
use inspector::photo::Sha256;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const ADDRESS: &str = "127.0.0.1:8080";

/// A picture that can be shown, and what the program says of its file.
struct Part {
    path: std::path::PathBuf,
    sha256: String,
    verdict: String,
}

/// The station's process; ended with the scenarios.
struct Station(std::process::Child);

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run(folder: &str) -> bool {
    let mut sim = Sim::at("/tmp/uvc.ctl");
    let mut table = Table::default();
    let mut parts = Vec::new();
    table.row("recipe", || {
        parts = prepare(folder)?;
        let verdicts: Vec<&str> = parts.iter().map(|p| p.verdict.as_str()).collect();
        let both = verdicts.contains(&"pass") && verdicts.contains(&"fail");
        if both { Ok(format!("files judged: {verdicts:?}")) } else { Err(format!("all the same: {verdicts:?}")) }
    });
    let log = std::fs::File::create("/tmp/station/log").expect("a file");
    let serve = std::process::Command::new("assay")
        .args(["serve", "--config", "/tmp/station/station.toml"])
        .stderr(log)
        .spawn();
    let _station = Station(serve.expect("assay"));
    table.row("ready", || {
        let begin = Instant::now();
        let (status, body) = poll("/readyz", 20.0, |s, _| s == 200)?;
        Ok(format!("{status} after {:.1} s: {}", begin.elapsed().as_secs_f64(), body["camera"]["reason"]))
    });
    table.row("100 verdicts", || verdicts(&mut sim, &parts, 100));
    table.row("cut frames", || {
        sim.say("cut 50");
        sim.show(&parts[1].path);
        std::thread::sleep(Duration::from_millis(500));
        let (begin, mut judged, mut detail) = (Instant::now(), 0, String::new());
        while begin.elapsed() < Duration::from_secs(8) {
            let (status, body) = capture("cut")?;
            judged += usize::from(status == 201);
            detail = body["detail"].to_string();
        }
        sim.say("cut 100");
        std::thread::sleep(Duration::from_millis(500));
        let text = verdicts(&mut sim, &parts, 2)?;
        if judged > 0 { Err(format!("{judged} judged")) } else { Ok(format!("0 judged ({detail}); then {text}")) }
    });
    table.row("unplugged", || {
        sim.say("unplug");
        let (_, body) = poll("/readyz", 5.0, |s, b| s == 503 && b["camera"]["ok"] == false)?;
        let (status, problem) = capture("unplugged")?;
        if status != 503 {
            return Err(format!("capture answers {status}: {problem}"));
        }
        sim.show(&parts[3].path);
        let plugged = Instant::now();
        sim.say("plug");
        poll("/readyz", 8.0, |s, _| s == 200)?;
        let back = plugged.elapsed().as_secs_f64();
        let text = verdicts(&mut sim, &parts, 3)?;
        Ok(format!(
            "/readyz: {}; capture: {}; ready {back:.1} s after plugging in; then {text}",
            body["camera"]["reason"], problem["detail"]
        ))
    });
    let good = table.good();
    if !good {
        let log = std::fs::read_to_string("/tmp/station/log").unwrap_or_default();
        println!("the station's log ends:\n{}", log.lines().rev().take(15).collect::<Vec<_>>().join("\n"));
    }
    good
}

/// A recipe, approved; and the verdict of each file, as `assay inspect` gives it.
fn prepare(folder: &str) -> Result<Vec<Part>, String> {
    std::fs::create_dir_all("/tmp/station/recipes").map_err(|e| e.to_string())?;
    shell(&format!(
        "cd /tmp/station && assay recipe new --design {folder}/bracket.dxf --part B-1 --revision A --scale 0.17 --out recipes/bracket"
    ))?;
    shell("cd /tmp/station && assay recipe approve recipes/bracket --by anna --data data")?;
    let config = "station = \"guest\"\ndata = \"data\"\nrecipes = [\"recipes\"]\n\n[[source]]\nname = \"bench\"\ntype = \"camera\"\nrecipe = \"bracket\"\n\
                  camera = { serial = \"SN0001\", size = [640, 480], formats = [\"MJPG\"], exposure_us = 15600, frozen = \"off\" }\n";
    std::fs::write("/tmp/station/station.toml", config).map_err(|e| e.to_string())?;
    let judge = |(path, file): (std::path::PathBuf, Vec<u8>)| {
        let command = format!("assay inspect --recipe /tmp/station/recipes/bracket --json {}; true", path.display());
        let said = shell(&command)?;
        let record: Value =
            serde_json::from_str(said.lines().next().unwrap_or("")).map_err(|e| format!("{e}: {said}"))?;
        let verdict = record["verdict"].as_str().unwrap_or("none").to_owned();
        Ok(Part { path, sha256: Sha256::of(&file).to_string(), verdict })
    };
    pictures(folder).into_iter().map(judge).collect()
}

/// Another part each time, and at once a request: the record must be of that part's picture, with its verdict.
fn verdicts(sim: &mut Sim, parts: &[Part], times: usize) -> Result<String, String> {
    let (mut counts, mut wrong, mut took) = ([0; 3], Vec::new(), Vec::new());
    for n in 0..times {
        let part = &parts[n % parts.len()];
        sim.show(&part.path);
        let begin = Instant::now();
        let (status, record) = capture(&format!("S-{n}"))?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        let verdict = record["verdict"].as_str().unwrap_or("none");
        if (status, record["photo"]["sha256"].as_str(), verdict) != (201, Some(&part.sha256), &part.verdict) {
            wrong.push(format!("{n}: {status} {verdict} {} {}", record["photo"]["sha256"], record["detail"]));
        }
        counts[["pass", "fail", "refer"].iter().position(|v| *v == verdict).unwrap_or(2)] += 1;
    }
    if !wrong.is_empty() {
        return Err(format!(
            "{} of {times} are not of the part that lies there: {:?}",
            wrong.len(),
            &wrong[..wrong.len().min(3)]
        ));
    }
    let (p50, p99) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    let [pass, fail, refer] = counts;
    Ok(format!(
        "{times} of {times} of the part that lies there (PASS {pass}, FAIL {fail}, REFER {refer}); request to durable verdict p50 {p50:.0} ms, p99 {p99:.0} ms"
    ))
}

fn capture(serial: &str) -> Result<(u16, Value), String> {
    ask("POST", "/api/v1/capture", &format!("{{\"source\": \"bench\", \"serial\": \"{serial}\"}}"))
}

fn poll(path: &str, limit: f64, good: impl Fn(u16, &Value) -> bool) -> Result<(u16, Value), String> {
    let begin = Instant::now();
    loop {
        let answer = ask("GET", path, "");
        if let Ok((status, body)) = &answer
            && good(*status, body)
        {
            return answer;
        }
        if begin.elapsed().as_secs_f64() > limit {
            return Err(format!("{path} after {limit} s: {answer:?}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One HTTP request: status and JSON.
fn ask(method: &str, path: &str, body: &str) -> Result<(u16, Value), String> {
    let send = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(ADDRESS)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = send().map_err(|e| format!("{path}: {e}"))?;
    let status = answer.split_whitespace().nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    // The answers of these paths have a known length, so none is in chunks.
    let body = serde_json::from_str(body).map_err(|e| format!("{path}: {e}: {head}\n{body}"))?;
    Ok((status, body))
}
