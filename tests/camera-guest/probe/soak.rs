//! A long time with changes of part, unplugging, stalls and cut frames: memory and handles must not grow.

use crate::check::{fresh, open, until};
use crate::sim::{Sim, pictures, usage};
use station::camera::v4l::State;
use std::time::{Duration, Instant};

/// Memory that may come after the first fifth of the time, MB: the allocator's own coming and going.
const GROWTH_MB: f64 = 4.0;

pub(crate) fn run(folder: &str, minutes: f64) -> bool {
    let parts = pictures(folder);
    let mut sim = Sim::at("/tmp/uvc.ctl");
    let feed =
        open("serial = \"SN0001\"\nsize = [640, 480]\nformats = [\"MJPG\"]\nexposure_us = 15600\nfrozen = \"off\"");
    until(&feed, State::Live, 10.0).unwrap();
    let total = Duration::from_secs_f64(minutes * 60.0);
    let (begin, mut next_line, mut settled) = (Instant::now(), Duration::ZERO, None);
    let (mut asked, mut wrong, mut worst_back) = (0, 0, 0.0_f64);
    println!("minute  memory MB  handles  threads  CPU %  asked  wrong  frames  torn  lost  reopened  slowest back s");
    let mut grown = Vec::new();
    let mut cpu_before = (Instant::now(), usage().0);
    for n in 0.. {
        let now = begin.elapsed();
        if now >= next_line || now >= total {
            let (cpu, memory, handles, threads) = usage();
            let percent = (cpu - cpu_before.1) / cpu_before.0.elapsed().as_secs_f64().max(0.1) * 100.0;
            cpu_before = (Instant::now(), cpu);
            let s = feed.status();
            println!(
                "{:6.1}  {memory:9.1}  {handles:7}  {threads:7}  {percent:5.1}  {asked:5}  {wrong:5}  {:6}  {:4}  {:4}  {:8}  {worst_back:.2}",
                now.as_secs_f64() / 60.0,
                s.frames,
                s.torn,
                s.lost,
                s.reopened
            );
            next_line += total / 20;
            if now >= total / 5 {
                let (memory_then, handles_then) = *settled.get_or_insert((memory, handles));
                if memory > memory_then + GROWTH_MB || handles > handles_then {
                    grown.push(format!(
                        "{memory:.1} MB and {handles} handles, were {memory_then:.1} and {handles_then}"
                    ));
                }
            }
        }
        if now >= total {
            break;
        }
        let (path, file) = &parts[n % parts.len()];
        sim.show(path);
        asked += 1;
        if let Err(e) = fresh(&feed, file, 5.0) {
            wrong += 1;
            println!("wrong: {e}");
        }
        let trouble: [&[&str]; 4] = [&["unplug", "plug"], &["stall", "resume"], &["cut 50", "cut 100"], &["err"]];
        if n % 20 == 19 {
            let lines = trouble[n / 20 % trouble.len()];
            for line in lines {
                sim.say(line);
                std::thread::sleep(Duration::from_millis(if lines.len() > 1 && line != &lines[1] { 2500 } else { 0 }));
            }
            let mended = Instant::now();
            match fresh(&feed, file, 8.0) {
                Ok(_) => worst_back = worst_back.max(mended.elapsed().as_secs_f64()),
                Err(e) => {
                    wrong += 1;
                    println!("wrong after {lines:?}: {e}");
                }
            }
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    for line in &grown {
        println!("FAIL grown: {line}");
    }
    let good = grown.is_empty() && wrong == 0;
    println!("{} soak of {minutes} minutes: {asked} pictures, {wrong} wrong", if good { "ok  " } else { "FAIL" });
    good
}
