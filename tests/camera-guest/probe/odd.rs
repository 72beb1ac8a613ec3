//! `vivid`, the kernel's own test driver: formats that webcams do not have, a clock that runs ahead, and what other programs leave behind.

use crate::check::{Table, open, shell, until};
use station::camera::Feed as _;
use station::camera::v4l::State;
use std::time::{Duration, Instant};

pub(crate) fn run() -> bool {
    let mut table = Table::default();
    table.row("left behind", left_behind);
    for format in ["YUYV", "NV12", "RGB3", "BGR3", "GREY"] {
        table.row(format, || uncompressed(format));
    }
    table.row("100 % lost", all_lost);
    table.good()
}

fn config(format: &str) -> String {
    format!("size = [640, 360]\nfps = 30\nformats = [\"{format}\"]\nfrozen = \"warn\"")
}

/// Another program left a format and a rate that nokhwa cannot even read.
fn left_behind() -> Result<String, String> {
    shell("v4l2-ctl -d0 --set-fmt-video=pixelformat=GREY >/dev/null; v4l2-ctl -d0 --set-parm=12.5 >/dev/null")?;
    let feed = open(&config("YUYV"));
    let took = until(&feed, State::Live, 5.0)?;
    Ok(format!("GREY at 12.5 fps was left; live after {took:.2} s as {}", feed.status().format.unwrap_or_default()))
}

/// The test picture: white, yellow, cyan, green, ... bars.
fn uncompressed(format: &str) -> Result<String, String> {
    let feed = open(&config(format));
    until(&feed, State::Live, 5.0)?;
    let trigger = Instant::now();
    let frame = feed.first_after(trigger, Duration::from_secs(3)).map_err(|e| e.to_string())?;
    let waited = trigger.elapsed();
    let file = frame.file.bytes().map_err(|e| e.to_string())?;
    let picture = image::load_from_memory(&file).map_err(|e| e.to_string())?.into_rgb8();
    // Three quarters down, where vivid writes no text; the first bars of eight.
    let bar = |n: u32| picture.get_pixel(picture.width() * (2 * n + 1) / 16, picture.height() * 3 / 4).0;
    let near = |found: [u8; 3], expected: [u8; 3]| found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 60);
    let found = [bar(0), bar(1), bar(2), bar(3)];
    let right = match format {
        "GREY" => found.iter().all(|p| p[0] == p[1] && p[1] == p[2]) && found[0][0] > found[3][0],
        _ => {
            [[204, 204, 204], [208, 208, 16], [16, 205, 206], [16, 206, 16]].iter().zip(found).all(|(e, f)| near(f, *e))
        }
    };
    let status = feed.status();
    if !right {
        return Err(format!("the bars are {found:?}"));
    }
    std::thread::sleep(Duration::from_millis(400));
    let note = if status.reason.is_empty() { String::new() } else { format!("; \"{}\"", status.reason) };
    Ok(format!("bars as they are; {:.0} ms from trigger to frame{note}", waited.as_secs_f64() * 1e3))
}

fn all_lost() -> Result<String, String> {
    let feed = open(&config("YUYV"));
    until(&feed, State::Live, 5.0)?;
    shell("v4l2-ctl -d0 -c percentage_of_dropped_buffers=100")?;
    let told = until(&feed, State::Stalled, 4.0)?;
    shell("v4l2-ctl -d0 -c percentage_of_dropped_buffers=0")?;
    let back = until(&feed, State::Live, 3.0)?;
    Ok(format!("told after {told:.2} s, live again {back:.2} s after frames come"))
}
