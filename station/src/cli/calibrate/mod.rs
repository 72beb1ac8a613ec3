//! `assay calibrate`: what a camera does to straight lines, and whether it still does the same.

mod board;
mod journal;
mod scale;

use anyhow::Result;

/// Measure a camera's lens, or its scale with a part of known size, and verify it with a known length
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// From about ten photos of a chessboard, held flat and tilted to all sides
    #[command(after_help = "Example:
  assay calibrate board --corners 9x6 --square 25 --by anna --out phone.toml photos/*.jpg
  ... --camera bench-2 --data data       records it in the station's journal too; the station must be stopped

How to take the photos: fix focus and zoom. Fill the picture with the board, once straight and then tilted by 20 to 45 degrees to
the left, the right, the front and the back; let it reach into each corner of the picture once. Glue a printed board to glass.")]
    Board(board::OfBoard),
    /// Scale and edges of a camera that looks straight down, or of a scanner, from photos of a part of known size
    #[command(after_help = "Example, a ring whose diameters were measured with a micrometer:
  assay recipe new --design ring.dxf --part RING --scale 0.0423 --out ring
  assay calibrate scale --recipe ring --u 0.002 --by anna --out bench.toml \\
    --known outline.diameter=23.665 --known hole-1.diameter=19.012 photos/*.png
  assay recipe new --design visor.dxf --part M19 --scale bench.toml --out recipes/visor
With --camera bench-2 --data data it is recorded in the journal of the station, too; the
station must be stopped.

One size alone cannot tell how large a pixel is from where the camera sees edges. Give
sizes on which edges act differently: a hole beside an outline, or a short length beside a
long one. Take a part as thick as yours; photograph it in the middle and in each corner.")]
    Scale(scale::OfSizes),
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
            Self::Scale(a) => a.run(),
            Self::Verify(a) => a.run(),
            Self::Affected(a) => a.run(),
            Self::List(a) => a.run(),
        }
    }
}
