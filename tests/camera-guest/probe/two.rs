//! Two webcams, told apart by serial number, one of them uncompressed; then plugged in the other way round.

use crate::check::{Table, fresh, open, shell, until};
use crate::pictures::SIZE;
use crate::sim::{Sim, pictures};
use station::camera::Feed as _;
use station::camera::v4l::{State, V4lFeed, list};
use std::time::{Duration, Instant};

type Parts = [(std::path::PathBuf, Vec<u8>)];

/// Mean and largest difference of light, codes, that YUYV may show. The simulator halves the colour of each pair and rounds to 219 codes of
/// light, and the JPEG it starts from is decoded by another decoder than ours.
const BOUND: (f64, u8) = (2.0, 12);

fn config(serial: &str, format: &str) -> String {
    format!("serial = \"{serial}\"\nsize = [{}, {}]\nformats = [\"{format}\"]\nfrozen = \"off\"", SIZE.0, SIZE.1)
}

pub(crate) fn run(folder: &str) -> bool {
    let parts = pictures(folder);
    let mut sims = [Sim::at("/tmp/uvc.ctl"), Sim::at("/tmp/uvc2.ctl")];
    let mut table = Table::default();
    table.row("listed", listed);
    table.row("nameless", || {
        let feed = open("size = [640, 480]");
        until(&feed, State::Unplugged, 3.0)?;
        let said = feed.status().reason;
        let right = said.contains("there are 2 cameras: give serial, one of ");
        if right { Ok(format!("\"{said}\"")) } else { Err(said) }
    });
    let feeds = [open(&config("LEFT01", "MJPG")), open(&config("RIGHT02", "MJPG"))];
    table.row("by serial", || both(&feeds, &mut sims, &parts));
    table.row("swapped", || swapped(&feeds, &mut sims, &parts));
    drop(feeds);
    std::thread::sleep(Duration::from_secs(2));
    table.row("YUYV", || yuyv(&mut sims[0], &parts));
    table.good()
}

fn listed() -> Result<String, String> {
    let found = list();
    let serials: Vec<&str> = found.iter().filter_map(|c| c.serial.as_deref()).collect();
    let formats = found.iter().all(|c| c.formats.as_ref().is_ok_and(|f| f.starts_with("MJPG 640x480 (30 15 5 fps)")));
    let right = found.len() == 2 && serials.contains(&"LEFT01") && serials.contains(&"RIGHT02") && formats;
    if right { Ok(format!("{serials:?}, without their metadata nodes")) } else { Err(format!("{found:?}")) }
}

/// Each shows its own part.
fn both(feeds: &[V4lFeed; 2], sims: &mut [Sim; 2], parts: &Parts) -> Result<String, String> {
    for n in 0..10 {
        for (side, (feed, sim)) in feeds.iter().zip(sims.iter_mut()).enumerate() {
            let (path, file) = &parts[(n + 3 * side) % parts.len()];
            sim.show(path);
            fresh(feed, file, 5.0)?;
        }
    }
    Ok("10 changes of part on each, every picture of the right one".to_owned())
}

/// Both unplugged and plugged in the other way round: the numbers change hands, the serial numbers do not.
fn swapped(feeds: &[V4lFeed; 2], sims: &mut [Sim; 2], parts: &Parts) -> Result<String, String> {
    let devices = || feeds.each_ref().map(|f| f.status().device.unwrap_or_default());
    let before = devices();
    for (sim, feed) in sims.iter_mut().zip(feeds) {
        sim.say("unplug");
        until(feed, State::Unplugged, 4.0)?;
    }
    // The numbers are free again once nobody holds the old nodes.
    std::thread::sleep(Duration::from_millis(500));
    for side in [1, 0] {
        sims[side].say("plug");
        until(&feeds[side], State::Live, 6.0)?;
    }
    for side in 0..2 {
        sims[side].show(&parts[side + 1].0);
        fresh(&feeds[side], &parts[side + 1].1, 5.0)?;
    }
    let after = devices();
    let nodes = shell(
        "cd /sys/class/video4linux; for n in video*; do echo $n $(cat $n/index) $(cat $n/device/../serial); done",
    )?;
    if before == after {
        return Err(format!("the nodes did not change hands: {before:?}; {nodes}"));
    }
    Ok(format!(
        "LEFT01 {} -> {}, RIGHT02 {} -> {}: pictures follow the serial number",
        before[0], after[0], before[1], after[1]
    ))
}

/// Uncompressed: pixel for pixel within the stated bound, and a changed part is seen.
fn yuyv(sim: &mut Sim, parts: &Parts) -> Result<String, String> {
    let feed = open(&config("LEFT01", "YUYV"));
    until(&feed, State::Live, 6.0)?;
    let (mut mean, mut most, mut latest) = (0.0_f64, 0, Duration::ZERO);
    for (path, file) in &parts[..4] {
        sim.show(path);
        let trigger = Instant::now();
        let frame = feed.first_after(trigger, Duration::from_secs(5)).map_err(|e| e.to_string())?;
        latest = latest.max(trigger.elapsed());
        let light = |bytes: &[u8]| image::load_from_memory(bytes).map(|p| p.into_luma8()).map_err(|e| e.to_string());
        let taken = frame.file.bytes().map_err(|e| e.to_string())?;
        let (found, shown) = (light(&taken)?, light(file)?);
        let differences = || found.as_raw().iter().zip(shown.as_raw()).map(|(a, b)| a.abs_diff(*b));
        mean = mean.max(differences().map(f64::from).sum::<f64>() / f64::from(SIZE.0 * SIZE.1));
        most = most.max(differences().max().unwrap_or(255));
    }
    let text = format!(
        "light differs by {mean:.2} codes in the mean, {most} at most (bound {} and {}); wait at most {latest:.0?}",
        BOUND.0, BOUND.1
    );
    if mean > BOUND.0 || most > BOUND.1 { Err(text) } else { Ok(text) }
}
