//! The simulated webcam in the guest: lines into its FIFO, and what it shows.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// One webcam.
#[derive(Debug)]
pub(crate) struct Sim {
    control: std::fs::File,
    at: PathBuf,
}

impl Sim {
    /// The one that listens at `fifo`.
    pub(crate) fn at(fifo: &str) -> Self {
        let open = || std::fs::OpenOptions::new().read(true).write(true).open(fifo);
        Self { control: open().unwrap_or_else(|e| panic!("{fifo}: {e}")), at: fifo.into() }
    }
    /// Says something, and waits until it was read. From then on no frame of before begins.
    pub(crate) fn say(&mut self, line: &str) {
        self.control.write_all(format!("{line}\n").as_bytes()).expect("the simulator listens");
        let begin = Instant::now();
        while rustix::io::ioctl_fionread(&self.control).expect("a FIFO") > 0 {
            assert!(begin.elapsed() < Duration::from_secs(10), "{} does not read {line:?}", self.at.display());
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    /// Puts another part in front of it.
    pub(crate) fn show(&mut self, picture: &Path) {
        self.say(&format!("show {}", picture.display()));
    }
}

/// The parts that can be shown: the files in a folder, sorted.
pub(crate) fn pictures(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "jpg")).collect();
    files.sort();
    files.into_iter().map(|p| (p.clone(), std::fs::read(p).expect("a picture"))).collect()
}

/// CPU that this process used, s, all threads, and its memory, MB, open handles and threads.
pub(crate) fn usage() -> (f64, f64, usize, usize) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("procfs");
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // Fields 14, 15 and 20, counted from 1, of which two stand before the name's end. Ticks are 100 per second on Linux.
    let field = |n: usize| after_name.get(n - 3).and_then(|f| f.parse::<u64>().ok()).expect("a number");
    let memory = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let rss = memory
        .lines()
        .find_map(|l| l.strip_prefix("VmRSS:"))
        .and_then(|l| l.split_whitespace().next()?.parse::<f64>().ok());
    let handles = std::fs::read_dir("/proc/self/fd").expect("procfs").count();
    ((field(14) + field(15)) as f64 / 100.0, rss.expect("a number") / 1024.0, handles, field(20) as usize)
}

/// Seconds of this guest's clock per second of the host's. An emulator that was held up while its guest measured the processor's clock
/// leaves it with another second; nothing measured then means anything.
pub(crate) fn clock_rate() -> f64 {
    let host = || -> u64 {
        let text = std::fs::read_to_string("/sys/class/rtc/rtc0/since_epoch")
            .expect("the guest has a clock chip, which shows the host's time");
        text.trim().parse().expect("seconds")
    };
    let tick = || {
        let before = host();
        while host() == before {
            std::thread::sleep(Duration::from_millis(2));
        }
        (Instant::now(), host())
    };
    let (begin, end) = (tick(), {
        std::thread::sleep(Duration::from_secs(2));
        tick()
    });
    (end.0 - begin.0).as_secs_f64() / (end.1 - begin.1) as f64
}
