//! Runs inside the guest, where a simulated webcam is seen through the kernel's own drivers, and looks at it through the station's feed.
//!
//! ```text
//! camera-probe pictures FOLDER      (outside) renders parts to show
//! camera-probe one FOLDER           one webcam: everything that can happen to it
//! camera-probe two FOLDER           two webcams by serial number, swapped; YUYV
//! camera-probe odd                  `vivid`: uncompressed formats, a clock that runs ahead, formats left by others
//! camera-probe serve FOLDER         `assay serve` with the webcam: from the request to the verdict
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
mod serve;
mod sim;
mod soak;
mod two;

/// Exit code when the guest must be started anew.
const OTHER_CLOCK: u8 = 75;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["pictures", folder] = words.as_slice() {
        pictures::render(folder);
        return std::process::ExitCode::SUCCESS;
    }
    let rate = sim::clock_rate();
    if !(0.8..1.25).contains(&rate) {
        println!("the guest's second lasts {:.2} s of the host's: nothing is measured", 1.0 / rate);
        return OTHER_CLOCK.into();
    }
    let good = match words.as_slice() {
        ["one", folder] => one::run(folder),
        ["two", folder] => two::run(folder),
        ["odd"] => odd::run(),
        ["serve", folder] => serve::run(folder),
        ["soak", folder, minutes] => soak::run(folder, minutes.parse().expect("minutes")),
        _ => panic!("unknown arguments: {words:?}"),
    };
    u8::from(!good).into()
}
