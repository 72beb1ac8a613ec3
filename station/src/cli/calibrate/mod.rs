//! `assay calibrate`: what a camera does to straight lines, and whether it still does the same.

mod board;
mod journal;

use anyhow::Result;

/// Measure a camera's lens, and verify it with a known length
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// From about ten photos of a chessboard, held flat and tilted to all sides
    #[command(after_help = "Example:
  assay calibrate board --corners 9x6 --square 25 --by anna --out phone.toml photos/*.jpg
  ... --camera bench-2 --data data       records it in the station's journal too; the station must be stopped

How to take the photos: fix focus and zoom. Fill the picture with the board, once straight and then tilted by 20 to 45 degrees to
the left, the right, the front and the back; let it reach into each corner of the picture once. Glue a printed board to glass.")]
    Board(board::OfBoard),
    /// Record what a calibrated camera says of a known length; when it is not good, list every result in doubt (exit code 1). The station must be stopped.
    Verify(journal::Verify),
    /// List the results in doubt since a verification that did not pass. The station must be stopped.
    Affected(journal::Affected),
    /// List cameras, their calibrations and when they are due. The station must be stopped.
    List(journal::List),
}

impl Command {
    pub(super) fn run(self) -> Result<u8> {
        match self {
            Self::Board(a) => a.run(),
            Self::Verify(a) => a.run(),
            Self::Affected(a) => a.run(),
            Self::List(a) => a.run(),
        }
    }
}
