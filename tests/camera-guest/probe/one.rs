//! One webcam behind `uvcvideo`, MJPG: everything that can happen to it.

use crate::check::{Table, config, fresh, open, quantile, same, shell, until, until_that};
use crate::sim::{Sim, pictures, usage};
use station::camera::Feed as _;
use station::camera::v4l::{FeedStatus, State, V4lFeed};
use std::time::{Duration, Instant};

type Parts = [(std::path::PathBuf, Vec<u8>)];

/// A simulator shows still pictures, which a real camera cannot.
const STILL: &str =
    "serial = \"SN0001\"\nsize = [640, 480]\nformats = [\"MJPG\"]\nexposure_us = 15600\ngain = 0\nfrozen = \"off\"";

pub(crate) fn run(folder: &str) -> bool {
    let parts = pictures(folder);
    let mut sim = Sim::at("/tmp/uvc.ctl");
    let mut table = Table::default();
    table.row("busy", busy);
    let feed = open(STILL);
    table.row("opened", || until(&feed, State::Live, 5.0).map(|s| format!("live after {s:.2} s: {}", about(&feed))));
    table.row("picture", || picture(&feed, &mut sim, &parts));
    table.row("idle", || idle(&feed));
    table.row("100 parts", || hundred(&feed, &mut sim, &parts));
    table.row("cut frames", || cut(&feed, &mut sim, &parts));
    table.row("half cut", || half_cut(&feed, &mut sim, &parts));
    table.row("lost frames", || lost(&feed, &mut sim));
    table.row("stall", || stall(&feed, &mut sim, &parts));
    table.row("unplugged", || unplugged(&feed, &mut sim, &parts));
    table.row("controls", || controls(&feed, &mut sim, &parts));
    table.row("dead pipe", || dead_pipe(&feed, &mut sim));
    drop(feed);
    table.row("frozen", || frozen(&mut sim, &parts));
    table.row("impossible", impossible);
    table.good()
}

fn about(feed: &V4lFeed) -> String {
    let FeedStatus { device, format, .. } = feed.status();
    format!("{}, {}", device.unwrap_or_default(), format.unwrap_or_default())
}

/// Another program has it: said by name, and taken over within 3 s of its end.
fn busy() -> Result<String, String> {
    let mut other = std::process::Command::new("v4l2-ctl")
        .args(["-d0", "--stream-mmap", "--stream-count=100000"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_secs(1));
    let feed = open(STILL);
    let told = until(&feed, State::Busy, 5.0);
    let line = feed.status().line();
    let refused = feed.first_after(Instant::now(), Duration::from_millis(100)).map(|_| ()).map_err(|e| e.to_string());
    other.kill().unwrap();
    other.wait().unwrap();
    let back = until(&feed, State::Live, 3.0);
    drop(feed);
    std::thread::sleep(Duration::from_millis(500));
    told?;
    let named = format!("v4l2-ctl (process {})", other.id());
    if !line.contains(&named) || !refused.is_err_and(|e| e.contains(&named)) {
        return Err(format!("does not name {named}: {line}"));
    }
    Ok(format!("\"{line}\"; live {:.2} s after its end", back?))
}

/// Byte for byte what is shown.
fn picture(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    for (path, file) in parts {
        sim.show(path);
        fresh(feed, file, 3.0)?;
        std::thread::sleep(Duration::from_millis(200));
        same(&feed.newest().map_err(|e| e.to_string())?, file)?;
    }
    Ok(format!("{} parts, each byte for byte the file that is shown", parts.len()))
}

fn idle(feed: &V4lFeed) -> Result<String, String> {
    let (begin, before, cpu) = (Instant::now(), feed.status().frames, usage().0);
    std::thread::sleep(Duration::from_secs(8));
    let seconds = begin.elapsed().as_secs_f64();
    let (frames, cpu) = ((feed.status().frames - before) as f64 / seconds, (usage().0 - cpu) / seconds * 100.0);
    if frames < 5.0 || cpu > 40.0 {
        return Err(format!("{frames:.1} frames per second, {cpu:.1} % of a core"));
    }
    Ok(format!("{frames:.1} frames per second, {cpu:.1} % of an emulated core while nobody asks"))
}

/// Another part is put down, and a picture asked for at once: 100 times it must be of the new part.
fn hundred(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let mut times = Vec::new();
    let mut wrong = 0;
    for n in 0..100 {
        let (path, file) = &parts[n % parts.len()];
        sim.show(path);
        match fresh(feed, file, 3.0) {
            Ok(ms) => times.push(ms),
            Err(_) => wrong += 1,
        }
    }
    let text = format!("{} of 100 pictures are of the new part", times.len());
    if wrong > 0 {
        return Err(text);
    }
    let (p50, p99) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
    Ok(format!("{text}; trigger to frame p50 {p50:.0} ms, p99 {p99:.0} ms"))
}

/// Only half of each frame arrives: none may be used. All buffers hold a whole older picture, so that a splice would look whole.
fn cut(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    sim.show(&parts[0].0);
    fresh(feed, &parts[0].1, 3.0)?;
    std::thread::sleep(Duration::from_millis(500));
    sim.say("cut 50");
    sim.show(&parts[1].0);
    std::thread::sleep(Duration::from_millis(300));
    let (before, begin) = (feed.status(), Instant::now());
    let mut accepted = 0;
    while begin.elapsed() < Duration::from_secs(4) {
        accepted += usize::from(feed.first_after(Instant::now(), Duration::from_millis(250)).is_ok());
    }
    let status = feed.status();
    sim.say("cut 100");
    let back = fresh(feed, &parts[1].1, 3.0)?;
    let torn = status.torn - before.torn;
    if accepted > 0 || torn < 20 || status.state != State::Torn {
        return Err(format!("{accepted} of {torn} torn frames accepted; {}", status.line()));
    }
    Ok(format!("{torn} half frames, {accepted} accepted; \"{}\"; whole again after {back:.0} ms", status.line()))
}

/// Whole and half frames in turn: the whole ones are used, and every one of them is a file that was shown.
fn half_cut(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let before = feed.status();
    let (mut good, mut wrong) = (0, 0);
    for n in 0..12 {
        sim.show(&parts[n % 2].0);
        for percent in [50, 100] {
            sim.say(&format!("cut {percent}"));
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(600) {
                if let Ok(frame) = feed.first_after(Instant::now(), Duration::from_millis(500)) {
                    let whole = parts[..2].iter().any(|p| same(&frame, &p.1).is_ok());
                    *(if whole { &mut good } else { &mut wrong }) += 1;
                }
            }
        }
    }
    let torn = feed.status().torn - before.torn;
    if wrong > 0 || good < 8 || torn < 20 {
        return Err(format!("{wrong} spliced pictures accepted, {good} whole ones, {torn} refused"));
    }
    Ok(format!("{good} whole frames used, {torn} half ones refused, {wrong} spliced"))
}

/// The driver drops damaged frames itself: they show as gaps in its count.
fn lost(feed: &V4lFeed, sim: &mut Sim) -> Result<String, String> {
    let before = feed.status().lost;
    for _ in 0..5 {
        sim.say("err");
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(Duration::from_millis(300));
    let lost = feed.status().lost - before;
    if lost < 5 { Err(format!("{lost} counted, 5 were dropped")) } else { Ok(format!("5 dropped, {lost} counted")) }
}

/// No frames for 5 s: told, no old picture handed out, live again within 3 s.
fn stall(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let before = feed.status().reopened;
    sim.say("stall");
    let told = until(feed, State::Stalled, 4.0)?;
    let line = feed.status().line();
    let mut handed_out = 0;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        handed_out += usize::from(feed.newest().is_ok());
        handed_out += usize::from(feed.first_after(Instant::now(), Duration::from_millis(100)).is_ok());
    }
    sim.show(&parts[2].0);
    sim.say("resume");
    let back = until(feed, State::Live, 3.0)?;
    fresh(feed, &parts[2].1, 3.0)?;
    let reopened = feed.status().reopened - before;
    if handed_out > 0 || reopened == 0 {
        return Err(format!("{handed_out} pictures handed out, {reopened} times reopened"));
    }
    Ok(format!("told after {told:.2} s (\"{line}\"), reopened {reopened} times, live {back:.2} s after it resumes"))
}

/// Unplugged, and plugged in again under another number, because somebody still holds the old one; another part lies there then.
fn unplugged(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let before = feed.status().device.unwrap_or_default();
    let hold = format!("sleep 12 < {before}");
    let mut holder = std::process::Command::new("sh").args(["-c", &hold]).spawn().map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_millis(300));
    // From plugging in, and from the moment at which the system knows the camera again: the first second or two are the kernel's.
    let (mut backs, mut ours) = (Vec::new(), Vec::new());
    let (mut told, mut after) = (0.0, String::new());
    for n in 0..3 {
        sim.say("unplug");
        told = until(feed, State::Unplugged, 3.0)?;
        if feed.newest().is_ok() || feed.first_after(Instant::now(), Duration::from_millis(300)).is_ok() {
            return Err("a picture of a camera that is not there".to_owned());
        }
        sim.show(&parts[3 + n % 2].0);
        let plugged = Instant::now();
        sim.say("plug");
        while !known("SN0001") && plugged.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let known_after = plugged.elapsed().as_secs_f64();
        fresh(feed, &parts[3 + n % 2].1, 6.0)?;
        backs.push(plugged.elapsed().as_secs_f64());
        ours.push(plugged.elapsed().as_secs_f64() - known_after);
        after = feed.status().device.unwrap_or_default();
        if n == 0 && after == before {
            return Err(format!("it is {after} again: the scenario needs another number"));
        }
    }
    let _ = holder.kill();
    let _ = holder.wait();
    let worst = backs.iter().copied().fold(0.0, f64::max);
    let text =
        format!("told after {told:.2} s; {before} became {after}; first good picture {backs:.2?} s after plugging in");
    if worst > 3.0 { Err(text) } else { Ok(text) }
}

/// Whether the system knows a camera of this serial number.
fn known(serial: &str) -> bool {
    let nodes = std::fs::read_dir("/sys/class/video4linux").into_iter().flatten().flatten();
    nodes
        .into_iter()
        .any(|n| std::fs::read_to_string(n.path().join("device/../serial")).is_ok_and(|s| s.trim() == serial))
}

/// Another program moves the exposure: noticed, moved back, and no picture of the wrong exposure after that.
fn controls(feed: &V4lFeed, sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    sim.show(&parts[0].0);
    fresh(feed, &parts[0].1, 3.0)?;
    let device = feed.status().device.unwrap_or_default();
    let before = feed.status().controls_moved;
    shell(&format!("v4l2-ctl -d {device} -c exposure_time_absolute=300"))?;
    let noticed = until_that(feed, 12.0, "noticed", |s| s.controls_moved > before)?;
    fresh(feed, &parts[0].1, 3.0)?;
    let now = shell(&format!("v4l2-ctl -d {device} -C exposure_time_absolute"))?;
    if !now.contains("156") {
        return Err(format!("not moved back: {now}"));
    }
    Ok(format!("exposure moved by another program: noticed and moved back after {noticed:.1} s"))
}

/// Its control pipe is dead: grabbing goes on without a pause, and the status says so.
fn dead_pipe(feed: &V4lFeed, sim: &mut Sim) -> Result<String, String> {
    sim.say("dead");
    let (begin, mut longest, mut told) = (Instant::now(), Duration::ZERO, None);
    while begin.elapsed() < Duration::from_secs(16) && told.is_none() {
        let asked = Instant::now();
        feed.first_after(asked, Duration::from_secs(3)).map_err(|e| e.to_string())?;
        longest = longest.max(asked.elapsed());
        if feed.status().reason.contains("no longer answers to its controls") {
            told = Some(begin.elapsed().as_secs_f64());
        }
    }
    let line = feed.status().line();
    sim.say("alive");
    let told = told.ok_or(format!("not told: {line}"))?;
    let again = until_that(feed, 16.0, "well again", |s| s.ok() && s.reason.is_empty())?;
    if longest > Duration::from_millis(1500) {
        return Err(format!("grabbing paused for {longest:?}"));
    }
    Ok(format!(
        "told after {told:.1} s (\"{line}\"), longest wait for a picture {:.0} ms, well after {again:.1} s",
        longest.as_secs_f64() * 1e3
    ))
}

/// The same bytes again and again: refused, unless the configuration says that it is a simulator.
fn frozen(sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let feed = open(&STILL.replace("off", "refuse"));
    let told = until(&feed, State::Frozen, 8.0)?;
    let line = feed.status().line();
    if feed.newest().is_ok() || feed.first_after(Instant::now(), Duration::from_millis(500)).is_ok() {
        return Err("a frozen picture was handed out".to_owned());
    }
    let trigger = Instant::now();
    std::thread::scope(|s| {
        let asked = s.spawn(|| feed.first_after(trigger, Duration::from_secs(4)));
        std::thread::sleep(Duration::from_millis(200));
        sim.show(&parts[5].0);
        let frame = asked.join().unwrap().map_err(|e| e.to_string())?;
        same(&frame, &parts[5].1)
    })?;
    Ok(format!("told after {told:.1} s (\"{line}\"); a changed picture is taken"))
}

/// What this camera cannot do is told exactly.
fn impossible() -> Result<String, String> {
    std::thread::sleep(Duration::from_secs(2));
    for (change, said) in [
        ("size = [641, 480]", "it offers no MJPG 641 x 480: it has MJPG 640x480"),
        ("size = [640, 480]\nfps = 25", "it offers no MJPG 640 x 480 at 25 fps: it has MJPG 640x480"),
        ("size = [640, 480]\nfocus = 3", "focus: this camera has none"),
        ("size = [640, 480]\nwhite_balance_k = 9000", "white_balance_k: asked for 9000, the camera has"),
    ] {
        let text = STILL.replace("size = [640, 480]", change);
        config(&text).check().map_err(|e| e.to_string())?;
        let feed = open(&text);
        until_that(&feed, 4.0, said, |s| !s.ok() && s.reason.contains(said))?;
        if feed.first_after(Instant::now(), Duration::from_millis(300)).is_ok() {
            return Err(format!("a picture in spite of {said}"));
        }
        drop(feed);
        std::thread::sleep(Duration::from_millis(400));
    }
    Ok("sizes, rates and controls that it does not have: told, and no picture".to_owned())
}
