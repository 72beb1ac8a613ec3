//! Calibration with real photos of a chessboard, against what OpenCV 5.0 makes of the same photos.

use inspector::calibration::Tone;
use inspector::calibration::board::{Board, BoardError};
use inspector::calibration::solve::calibrate;
use inspector::photo::{DecodeLimits, decode};
use std::path::PathBuf;

/// OpenCV's classic finder sees 8 of the 10 whole; on one of the ten the board is cut by the border.
///
/// Its `calibrateCamera` leaves 0.8123 px on nine boards (its corners from `findChessboardCornersSB`, refined by `cornerSubPix` with a
/// window of 11 px, which lie within 0.09 px of ours), with a focal length of 1154.7 px and its axis at 687.3, 388.7 px.
#[test]
fn chessboards_give_the_lens_that_opencv_finds() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/metrology/chessboard/udacity_9x6");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: the shared data are not here");
        return;
    };
    let mut photos: Vec<PathBuf> =
        entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "jpg")).collect();
    photos.sort();
    let board = Board { columns: 9, rows: 6, square_mm: 25.0 };
    let mut views = Vec::new();
    for photo in &photos {
        let decoded = decode(&std::fs::read(photo).unwrap(), &DecodeLimits::default()).unwrap();
        match board.view(&Tone::Linear.linear(&decoded.picture)) {
            Ok(view) => views.push(view),
            Err(reason) => {
                assert!(matches!(reason, BoardError::Partial { .. }), "{}: {reason}", photo.display());
                println!("{}: {reason}", photo.file_name().unwrap().to_string_lossy());
            }
        }
    }
    let found = calibrate(&views, (1280, 720)).unwrap();
    println!("{} of {} boards, rms {:.4} px, {:?}", views.len(), photos.len(), found.rms_px, found.lens);
    assert!(views.len() >= 9, "{} of {}", views.len(), photos.len());
    assert!(found.rms_px < 1.05 * 0.8123, "{}", found.rms_px);
    let lens = found.lens;
    for (ours, theirs) in [(lens.fx, 1154.7), (lens.fy, 1154.0), (lens.cx, 687.3), (lens.cy, 388.7)] {
        // Corners of 0.03 px rms apart move the answer by a fraction of its own uncertainty (7 px).
        assert!((ours - theirs).abs() < 2.0, "{ours}, expected {theirs}");
    }
}
