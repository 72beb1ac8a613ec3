//! `assay calibrate board`: a camera's lens, from photos of a chessboard.

use super::journal::{Recording, write_record};
use crate::calibrations;
use crate::cli::photos::{Photo, expand};
use crate::cli::{ERROR, OK};
use anyhow::{Result, ensure};
use inspector::calibration::board::Board;
use inspector::calibration::solve::{Calibrated, View, calibrate};
use inspector::calibration::{CameraRecord, Lens, Tone};
use inspector::photo::{DecodeLimits, decode};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct OfBoard {
    /// Photos of the board, all by one camera in one size
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<String>,
    /// Inner corners of the board, where four squares meet: one less than squares each way
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = corners)]
    corners: (usize, usize),
    /// Side of a square, mm
    #[arg(long, value_name = "MM", value_parser = crate::cli::number)]
    square: f64,
    /// Id of the person who calibrates (an id, not a name)
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    /// File to write: the camera's record; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    journal: Recording,
}

fn corners(text: &str) -> Result<(usize, usize), String> {
    let expected =
        || format!("expected columns and rows of inner corners such as 9x6, each from 3 to 100, found {text:?}");
    let (columns, rows) = text.split_once('x').ok_or_else(expected)?;
    let number = |t: &str| t.parse().ok().filter(|n| (3..=100).contains(n)).ok_or_else(expected);
    Ok((number(columns)?, number(rows)?))
}

/// A photo in which the whole board was found.
struct Seen {
    shown: String,
    size: (u32, u32),
    view: View,
}

impl OfBoard {
    pub(in crate::cli) fn run(self) -> Result<u8> {
        let (columns, rows) = self.corners;
        ensure!(
            self.square.is_finite() && (0.1..=1000.0).contains(&self.square),
            "--square: expected 0.1 to 1000 mm, found {:?}",
            self.square
        );
        ensure!(!self.out.exists(), "{} exists: expected the name of a new file", self.out.display());
        let journal = self.journal.open(self.by.as_deref())?;
        let board = Board { columns, rows, square_mm: self.square };
        let mut out = std::io::stdout().lock();
        let (mut seen, mut unreadable) = (Vec::new(), false);
        for photo in expand(&self.photos) {
            match photo.and_then(|p| look(&p, &board)) {
                Ok(Ok(found)) => seen.push(found),
                Ok(Err(not_used)) => writeln!(out, "not used: {not_used}")?,
                Err(fault) => {
                    eprintln!("assay: {fault}");
                    unreadable = true;
                }
            }
        }
        let size = commonest(&seen);
        let (used, other): (Vec<Seen>, Vec<Seen>) = seen.into_iter().partition(|s| s.size == size);
        for s in &other {
            let ((w, h), (expected_w, expected_h)) = (s.size, size);
            writeln!(out, "not used: {}: it has {w} x {h} pixels, most photos {expected_w} x {expected_h}", s.shown)?;
        }
        let views: Vec<View> = used.iter().map(|s| s.view.clone()).collect();
        let names =
            || used.iter().enumerate().map(|(i, s)| format!("photo {} is {}", i + 1, s.shown)).collect::<Vec<_>>();
        let found = calibrate(&views, size).map_err(|e| match used.len() {
            0 => e.into(),
            _ => anyhow::Error::new(e).context(names().join(", ")),
        })?;
        report(&mut out, &used, &found)?;
        let record = CameraRecord {
            by: self.by.clone(),
            made: Some(jiff::Timestamp::now().to_string()),
            ..CameraRecord::of_board(&found, &board, size)
        };
        let wrote = format!("Wrote {}.", self.out.display());
        write_record(&mut out, (&self.out, &record.to_toml(), &wrote), journal, |ledger, camera, by| {
            calibrations::calibrate(ledger, camera, by, &record)
        })?;
        Ok(if unreadable { ERROR } else { OK })
    }
}

/// The board in one photo. The outer error is a photo that cannot be read; the inner one is a photo without the board.
fn look(photo: &Photo, board: &Board) -> Result<Result<Seen, String>, String> {
    let limits = DecodeLimits::default();
    let shown = photo.shown();
    let bytes = photo.read(limits.max_file_bytes).map_err(|e| format!("{shown}: {e}"))?;
    let decoded = decode(&bytes, &limits).map_err(|e| format!("{shown}: {e}"))?;
    // A corner looks the same after half a turn whatever the tone curve; in codes, unlike in light, noise is about even.
    let plane = Tone::Linear.linear(&decoded.picture);
    Ok(match board.view(&plane) {
        Ok(view) => Ok(Seen { shown, size: (decoded.width(), decoded.height()), view }),
        Err(reason) => Err(format!("{shown}: {reason}")),
    })
}

/// The size that most photos have.
fn commonest(seen: &[Seen]) -> (u32, u32) {
    let mut counts: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for s in seen {
        *counts.entry(s.size).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, n)| *n).map_or((0, 0), |(size, _)| size)
}

/// What was found, for people.
fn report(out: &mut impl std::io::Write, used: &[Seen], found: &Calibrated) -> Result<()> {
    for (s, rms) in used.iter().zip(&found.view_rms_px) {
        writeln!(out, "{:6.2} px  {}", rms, s.shown)?;
    }
    writeln!(out, "{:6.2} px  all {} photos (root mean square)", found.rms_px, used.len())?;
    let Lens { fx, fy, cx, cy, .. } = found.lens;
    let u = |i: usize| found.covariance[i][i].max(0.0).sqrt();
    writeln!(
        out,
        "focal length {fx:.1} and {fy:.1} px (u = {:.1}, {:.1}), axis at {cx:.1}, {cy:.1} px (u = {:.1}, {:.1})",
        u(0),
        u(1),
        u(2),
        u(3)
    )?;
    if found.rms_px > 0.5 {
        writeln!(
            out,
            "Points are off by more than half a pixel: the board may not be flat, or focus changed between photos."
        )?;
    }
    Ok(())
}
