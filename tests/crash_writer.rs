//! The child of the crash tests: appends inspections with their photos for ever and says, after each acknowledgement, what was
//! acknowledged. It is killed from outside.
//!
//! `crash-writer FOLDER THREADS FIRST` prints `ready`, then lines `SEQ I SHA256-OF-THE-ENTRY`.

use acceptance::ledger::{digest, inspection, options, photo_bytes};
use station::ledger::Ledger;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() {
    let mut args = std::env::args().skip(1);
    let mut arg = || args.next().expect("usage: crash-writer FOLDER THREADS FIRST");
    let (dir, threads, first) = (arg(), arg(), arg());
    let next = AtomicU64::new(first.parse().expect("a number"));
    let (ledger, _) = match Ledger::open(dir.as_ref(), options()) {
        Ok(opened) => opened,
        Err(e) => {
            eprintln!("{e}");
            std::process::exit(2);
        }
    };
    say("ready".into());
    std::thread::scope(|s| {
        for _ in 0..threads.parse().expect("a number") {
            s.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let photo = ledger.put_blob(&photo_bytes(i)).expect("a blob");
                    let entry = ledger.append(inspection(i, photo)).expect("an entry");
                    say(format!("{} {i} {}", entry.seq, digest(&entry)));
                }
            });
        }
    });
}

/// One write per line: a line that was begun is whole.
fn say(line: String) {
    std::io::stdout().lock().write_all((line + "\n").as_bytes()).expect("the parent listens");
}
