//! The command line: what each command does, and its exit code.
//!
//! 0 every part passed, or the command succeeded; 1 at least one FAIL; 3 no FAIL but at least one REFER; 2 something could not be
//! done: one clear line on stderr per thing.

#![allow(clippy::print_stdout, reason = "this is the one place that talks to a terminal")]

mod calibrate;
mod camera;
mod doctor;
mod inspect;
mod mat;
mod photos;
mod recipe;
mod station;
mod table;

use crate::ledger::{Ledger, LedgerOptions, Mode};
use anyhow::Context as _;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

/// Every part passed, or the command succeeded.
pub(crate) const OK: u8 = 0;
/// At least one FAIL.
pub(crate) const FAILED: u8 = 1;
/// Something could not be done.
pub(crate) const ERROR: u8 = 2;
/// No FAIL, but at least one REFER.
pub(crate) const REFERRED: u8 = 3;

/// Assay: photographs finished parts, compares them with the design, records the evidence.
#[derive(Parser)]
#[command(
    name = "assay",
    version,
    after_help = "Exit codes: 0 all passed, 1 at least one FAIL, 3 no FAIL but at least one REFER (a person looks), 2 something could not be done."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// A number as people give it.
fn number(text: &str) -> Result<f64, String> {
    let comma = if text.contains(',') { ", with a point and not a comma" } else { "" };
    text.trim().parse().map_err(|_| format!("expected a number such as 12.5{comma}"))
}

/// `entry 5`, `entries 5 to 7`
fn entries(first: u64, last: u64) -> String {
    if first == last { format!("entry {first}") } else { format!("entries {first} to {last}") }
}

/// Writes a new file, whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, |file| file.persist_noclobber(path).map(drop))
}

/// Writes a file, whole or not at all, over one that may be there.
fn write_over(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, |file| file.persist(path).map(drop))
}

fn write(
    path: &Path,
    bytes: &[u8],
    give_name: impl FnOnce(tempfile::NamedTempFile) -> Result<(), tempfile::PersistError>,
) -> anyhow::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut made = tempfile::Builder::new();
        // Read by whom the user's mask allows, as every other file: temporary files are for their owner alone.
        #[cfg(unix)]
        made.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = made.tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(give_name(file)?)
    };
    // Without the temporary file's name, which says nothing to anybody.
    let plain = |e: io::Error| if e.raw_os_error().is_some() { e } else { e.kind().into() };
    write().map_err(plain).with_context(|| format!("cannot write {}", path.display()))
}

/// The ledger of a station with real parts that is there already.
fn existing_station(data: &Path) -> anyhow::Result<Ledger> {
    real(Ledger::open_existing(data, LedgerOptions::default())?.0)
}

/// As [`existing_station`], of a station that may be new.
fn new_station(data: &Path) -> anyhow::Result<Ledger> {
    real(Ledger::open(data, LedgerOptions::default())?.0)
}

/// Rendered parts never get between real ones.
fn real(ledger: Ledger) -> anyhow::Result<Ledger> {
    ledger.require_mode(Mode::Production)?;
    Ok(ledger)
}

#[derive(Subcommand)]
enum Command {
    /// Start the station with a simulated camera and sample recipes
    Demo(station::Demo),
    /// Start the station
    Serve(station::Serve),
    /// Judge photos
    Inspect(inspect::Arguments),
    /// Make, list and approve recipes
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// List cameras, and take a picture with one
    #[command(subcommand)]
    Camera(camera::Command),
    /// Measure a camera's lens or scale, verify it, list what is in doubt
    #[command(subcommand)]
    Calibrate(calibrate::Command),
    /// Print the mat on which parts are photographed
    Mat(mat::Mat),
    /// Look at model runtime, journal, store and disk: what is wrong and what to do
    Doctor(doctor::Doctor),
    /// Runs one model for the station that started it
    #[command(name = crate::models::COMMAND, hide = true)]
    ModelWorker,
}

/// Runs the program with these arguments.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(e) => {
            // Help and version go to stdout with code 0, mistakes to stderr with code 2.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { ERROR } else { OK });
        }
    };
    let outcome = match arguments.command {
        Command::Demo(a) => a.run(),
        Command::Serve(a) => a.run(),
        Command::Inspect(a) => a.run(),
        Command::Recipe(a) => a.run(),
        Command::Camera(a) => a.run(),
        Command::Calibrate(a) => a.run(),
        Command::Mat(a) => a.run(),
        Command::Doctor(a) => a.run(),
        Command::ModelWorker => return crate::models::worker_main(),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        // The reader of our output has gone (`| head`): nothing is wrong.
        Err(e) if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::from(OK)
        }
        Err(e) => {
            eprintln!("assay: {e:#}");
            ExitCode::from(ERROR)
        }
    }
}
