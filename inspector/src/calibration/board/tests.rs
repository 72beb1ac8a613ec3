use super::*;
use crate::calibration::{Camera, Lens, Perspective};
use crate::geometry::{Mm, Rigid};
use crate::synth::Seeded;
use image::{ImageBuffer, Luma};
use std::f64::consts::PI;

const BOARD: Board = Board { columns: 7, rows: 5, square_mm: 20.0 };

/// The board from 400 mm, tilted and turned, through a lens that bends.
fn camera(tilt: f64, turn: f64) -> Camera {
    let lens = Lens { k1: -0.12, k2: 0.03, p1: 0.0004, p2: 0.0006, ..Lens::pinhole(900.0, 800, 600) };
    let down = Rigid { turn: [PI, 0.0, 0.0], shift: [0.0; 3] };
    let turned = Rigid { turn: [0.0, 0.0, turn], shift: [0.0; 3] }.after(&down);
    let tilted = Rigid { turn: [tilt, 0.4 * tilt, 0.0], shift: [0.0; 3] }.after(&turned);
    let middle = crate::geometry::times(&tilted.matrix(), [60.0, -40.0, 0.0]);
    Camera::Perspective(Perspective::new(
        lens,
        Rigid { turn: tilted.turn, shift: [4.0 - middle[0], -3.0 - middle[1], 400.0 - middle[2]] },
    ))
}

/// A photo of the board on a grey table: five by five rays a pixel, then a blur; light falls off to one side; a tone curve.
fn photo(camera: &Camera, board: &Board) -> Plane {
    let (w, h) = (800_u32, 600_u32);
    let reflected = |x: f64, y: f64| {
        let p = camera.plane_from_image(Point::new(x, y), Mm(0.0));
        let (u, v) = (p.x / board.square_mm + 1.0, 1.0 - p.y / board.square_mm);
        let inside = u >= 0.0 && v >= 0.0 && u < board.columns as f64 + 1.0 && v < board.rows as f64 + 1.0;
        let margin = u > -1.0 && v > -1.0 && u < board.columns as f64 + 2.0 && v < board.rows as f64 + 2.0;
        let black = inside && (u.floor() as i64 + v.floor() as i64) % 2 == 0;
        if black {
            0.04
        } else if margin {
            0.8
        } else {
            0.35
        }
    };
    let sharp: Vec<f64> = (0..w * h)
        .map(|i| {
            let (x, y) = (f64::from(i % w), f64::from(i / w));
            let corners =
                [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)].map(|(dx, dy)| reflected(x + dx, y + dy));
            let even = corners.iter().all(|c| *c == corners[0]);
            let rays = |k: i32| {
                reflected(x + 0.1 * f64::from(2 * (k % 10) - 9) / 2.0, y + 0.1 * f64::from(2 * (k / 10) - 9) / 2.0)
            };
            let mean = if even { corners[0] } else { (0..100).map(rays).sum::<f64>() / 100.0 };
            mean * (1.0 - 0.4 * x / f64::from(w))
        })
        .collect();
    let blur = |source: &[f64], step: usize| -> Vec<f64> {
        let weights = [0.061, 0.245, 0.388, 0.245, 0.061];
        (0..source.len())
            .map(|i| {
                (0..5).map(|k| weights[k] * source[(i + k * step).saturating_sub(2 * step).min(source.len() - 1)]).sum()
            })
            .collect()
    };
    let seen = blur(&blur(&sharp, 1), w as usize);
    let codes = seen.iter().map(|l| (libm::pow(*l, 1.0 / 2.2) * 255.0).round() as u16 * 257).collect();
    ImageBuffer::<Luma<u16>, Vec<u16>>::from_raw(w, h, codes).expect("one sample per pixel")
}

#[test]
fn corners_lie_where_they_were_drawn() {
    // No board lies exactly along the pixels: there ten rays a side would all fall on one side of an edge.
    let mut worst = 0.0_f64;
    let (mut bias, mut squares, mut n) = ([0.0; 2], 0.0, 0.0);
    for (tilt, turn) in [(0.0, 0.1), (0.5, 0.3), (-0.6, 1.7), (0.4, -2.6), (0.75, PI)] {
        let camera = camera(tilt, turn);
        let found = BOARD.find(&photo(&camera, &BOARD)).expect("the whole board is in sight");
        let truth: Vec<_> = BOARD.points().map(|p| camera.image_from_plane(p, Mm(0.0))).collect();
        // Either end may come first.
        let off = |k: usize| found[k].distance(truth[0]);
        let forward = off(0) < off(34);
        for (k, p) in found.iter().enumerate() {
            let t = truth[if forward { k } else { 34 - k }];
            worst = worst.max(p.distance(t));
            bias = [bias[0] + p.x - t.x, bias[1] + p.y - t.y];
            squares += p.distance(t) * p.distance(t);
            n += 1.0;
        }
    }
    let rms = (squares / n).sqrt();
    assert!(worst < 0.1 && rms < 0.03, "worst {worst}, rms {rms}");
    assert!((bias[0] / n).abs() < 0.005 && (bias[1] / n).abs() < 0.005, "{bias:?} of {n}");
}

#[test]
fn another_board_is_said() {
    let seen = photo(&camera(0.3, 0.2), &BOARD);
    let other = Board { columns: 9, rows: 6, ..BOARD };
    assert_eq!(other.find(&seen), Err(BoardError::Partial { found: 35, columns: 9, rows: 6 }));
    // A smaller board would fit at several places: the worker has to say the real one, and nothing tells that he did not.
    // What is found is at least a board that is there.
    let turned = Board { columns: 5, rows: 7, ..BOARD };
    assert_eq!(turned.find(&seen).map(|c| c.len()), Ok(35));
}

#[test]
fn no_board_is_said() {
    let stripes = Plane::from_fn(640, 480, |x, _| Luma([if x / 20 % 2 == 0 { 60_000 } else { 9_000 }]));
    assert_eq!(BOARD.find(&stripes), Err(BoardError::None));
    let mut random = Seeded::new(7, 0);
    let noise = Plane::from_fn(640, 480, |_, _| Luma([random.bits() as u16]));
    assert_eq!(BOARD.find(&noise), Err(BoardError::None));
    assert_eq!(BOARD.find(&Plane::new(8, 8)), Err(BoardError::None));
    assert_eq!(BOARD.find(&Plane::new(900, 3)), Err(BoardError::None));
}

#[test]
fn a_board_cut_by_the_border_is_said() {
    let whole = photo(&camera(0.2, 0.0), &BOARD);
    let half = image::imageops::crop_imm(&whole, 400, 0, 400, 600).to_image();
    assert!(matches!(BOARD.find(&half), Err(BoardError::Partial { .. })), "{:?}", BOARD.find(&half));
}
