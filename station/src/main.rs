//! The `assay` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    station::cli::run(std::env::args_os())
}
