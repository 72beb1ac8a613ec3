//! Runs inside the guest, where a simulated webcam is seen through the kernel's own drivers, and looks at it through the station's feed.
//!
//! ```text
//! camera-probe pictures FOLDER      (outside) renders parts to show
//! camera-probe one FOLDER           one webcam: everything that can happen to it
//! camera-probe two FOLDER           two webcams by serial number, YUYV, and two simulators behind one another
//! camera-probe odd                  `vivid`: uncompressed formats, a clock that runs ahead, formats left by others
//! camera-probe soak FOLDER MINUTES  changes of part, unplugging and stalls for long; memory and handles
//! ```
//! Prints a line per scenario, and ends with 1 if one failed.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test program: it prints its table and panics on purpose"
)]

mod check;
mod odd;
mod one;
mod pictures;
mod sim;
mod soak;
mod two;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let good = match words.as_slice() {
        ["pictures", folder] => pictures::render(folder),
        ["one", folder] => one::run(folder),
        ["two", folder] => two::run(folder),
        ["odd"] => odd::run(),
        ["soak", folder, minutes] => soak::run(folder, minutes.parse().expect("minutes")),
        _ => panic!("unknown arguments: {words:?}"),
    };
    u8::from(!good).into()
}
