//! The finder on rendered photos.

mod judge;
mod render;

use super::*;
use crate::calibration::{Camera, Source, Tone};
use crate::geometry::{Mm, Point};
use crate::photo::Picture;
use image::imageops;
use render::Shot;

struct Score {
    tags: usize,
    expected: usize,
    corners: usize,
    bias: [f64; 2],
    sigma: f64,
    worst: f64,
    mean_u: f64,
}

fn score(layout: &Layout, shot: &Shot) -> Result<Score, NotFound> {
    let light = Tone::Srgb.linear(&shot.picture(layout));
    let found = find(&light)?;
    assert_eq!(found.paper, layout.paper);
    let errors: Vec<_> = found.corners.iter().map(|c| c.p - shot.seen(layout, c.nominal)).collect();
    let n = errors.len() as f64;
    let bias = [errors.iter().map(|e| e.x).sum::<f64>() / n, errors.iter().map(|e| e.y).sum::<f64>() / n];
    let sigma = (errors.iter().map(|e| 0.5 * e.dot(*e)).sum::<f64>() / n).sqrt();
    let worst = errors.iter().map(|e| e.length()).fold(0.0, f64::max);
    let mean_u = (found.corners.iter().map(|c| c.u_px * c.u_px).sum::<f64>() / n).sqrt();
    assert!(found.id.is_none_or(|id| id == layout.id), "{:?} instead of {}", found.id, layout.id);
    Ok(Score { tags: found.tags.len(), expected: layout.tags.len(), corners: errors.len(), bias, sigma, worst, mean_u })
}

fn print(name: &str, score: Result<Score, NotFound>) {
    match score {
        Ok(s) => println!(
            "{name:44} tags {:2}/{:2} corners {:3} bias {:7.4} {:7.4} rms {:.4} worst {:.3} stated u {:.4} px",
            s.tags, s.expected, s.corners, s.bias[0], s.bias[1], s.sigma, s.worst, s.mean_u
        ),
        Err(e) => println!("{name:44} {e:?}"),
    }
}

#[test]
#[ignore = "a table to read"]
fn sweep() {
    let a4 = Layout::new(Paper::A4, 1234);
    for (w, h) in [(1920, 1080), (4000, 3000)] {
        for tilt in [0.0, 15.0, 25.0, 35.0, 45.0] {
            let mut shot = Shot::new(&a4, w, h, [tilt, 30.0, 93.0]);
            shot.noise = 0.0075;
            print(&format!("{w} tilt {tilt}"), score(&a4, &shot));
        }
        for blur in [0.5, 0.7, 1.5, 2.0, 2.5] {
            let mut shot = Shot::new(&a4, w, h, [15.0, 30.0, 93.0]);
            (shot.blur_px, shot.noise) = (blur, 0.0075);
            print(&format!("{w} tilt 15 blur {blur}"), score(&a4, &shot));
        }
    }
}

/// Error of places in the quiet middle and of a long distance, with what the fit says of them, mm.
fn judge(name: &str, layout: &Layout, shot: &Shot, known: &Known) {
    let light = Tone::Srgb.linear(&shot.picture(layout));
    let found = match find(&light) {
        Ok(found) => found,
        Err(e) => return println!("{name:40} {e:?}"),
    };
    let Some(fit) = fit(&found.corners, layout.half_ring_mm(), [shot.width, shot.height], known) else {
        return println!("{name:40} no pose");
    };
    let [w, h] = layout.quiet_mm.map(|s| 0.5 * s);
    let grid: Vec<_> =
        (0..25).map(|i| Point::new(w * f64::from(i % 5 - 2) / 2.0, h * f64::from(i / 5 - 2) / 2.0)).collect();
    let seen: Vec<_> = grid.iter().map(|p| shot.camera.image_from_plane(*p, Mm(0.0))).collect();
    let places = |c: &crate::calibration::Perspective| -> Vec<_> {
        let camera = Camera::Perspective(c.clone());
        seen.iter().map(|q| camera.plane_from_image(*q, Mm(0.0))).collect()
    };
    let nominal = places(&fit.camera);
    let worlds: Vec<(Source, Vec<Point<_>>)> = fit.displaced.iter().map(|(s, c)| (*s, places(c))).collect();
    let rms = |v: &dyn Fn(usize) -> f64| ((0..25).map(v).sum::<f64>() / 25.0).sqrt();
    let error = rms(&|i| {
        let e = nominal[i] - grid[i];
        e.dot(e)
    });
    let stated = rms(&|i| {
        worlds
            .iter()
            .map(|(_, w)| {
                let e = w[i] - nominal[i];
                e.dot(e)
            })
            .sum()
    });
    let long = |p: &[Point<_>], a: usize, b: usize| p[a].distance(p[b]);
    let mut words = String::new();
    for (a, b) in [(10, 14), (2, 22), (0, 24)] {
        let truth = grid[a].distance(grid[b]);
        let budget =
            crate::calibration::Budget::of(worlds.iter().map(|(s, w)| (*s, long(w, a, b) - long(&nominal, a, b))));
        words += &format!(" {truth:.0} mm: {:+.3} u {:.3}", long(&nominal, a, b) - truth, budget.u());
        if b == 24 {
            words += &format!(" ({budget})");
        }
    }
    println!(
        "{name:40} pulls {:.1} {:.1} {:.1}; {:2} tags {:3} used {:2} out rms {:.3} px {:.4} mm; place {error:.4} u {stated:.4} mm;{words}; f {:.0} bend {:.2} worlds {}",
        fit.pulls.lens,
        fit.pulls.print,
        fit.pulls.flat,
        found.tags.len(),
        fit.used,
        fit.outliers.len(),
        fit.rms_px,
        fit.rms_mm,
        fit.camera.lens().fx,
        fit.bend_mm,
        fit.displaced.len()
    );
}

fn known_lens(shot: &Shot) -> KnownLens {
    let Camera::Perspective(p) = &shot.camera else { panic!("a lens in space") };
    let f = p.lens().fx;
    let sigma = [2e-4 * f, 2e-4 * f, 2e-4 * f, 2e-4 * f, 1e-3, 3e-3, 1e-4, 1e-4, 1e-6];
    let mut covariance = [[0.0; 9]; 9];
    (0..9).for_each(|i| covariance[i][i] = sigma[i] * sigma[i]);
    KnownLens { lens: *p.lens(), covariance }
}

#[test]
#[ignore = "a table to read"]
fn poses() {
    let a4 = Layout::new(Paper::A4, 1234);
    let size = std::env::var("SIZE").map_or((1920, 1080), |_| (4000, 3000));
    let shot = |tilt: f64| {
        let mut s = Shot::new(&a4, size.0, size.1, [tilt, 30.0, 93.0]);
        s.noise = 0.0075;
        s
    };
    let measured = |s: &Shot| Known {
        lens: Some(known_lens(s)),
        u_printed_scale: [2e-4; 2],
        u_flat_mm: 0.05,
        ..Known::UNMEASURED
    };
    for tilt in [0.0, 12.0, 25.0, 45.0] {
        let s = shot(tilt);
        judge(&format!("tilt {tilt} nothing known"), &a4, &s, &Known::UNMEASURED);
        judge(&format!("tilt {tilt} lens, print, flat known"), &a4, &s, &measured(&s));
    }
    let s = shot(12.0);
    for (name, s) in [
        ("sharpened 1.0", Shot { sharpen: 1.0, ..s.clone() }),
        ("jpeg 80", Shot { jpeg: Some(80), ..s.clone() }),
        ("gamma 1.2", Shot { gamma: 1.2, ..s.clone() }),
        ("light slope 0.4", Shot { slope: 0.4, exposure: 0.6, ..s.clone() }),
        ("dark 0.1", Shot { exposure: 0.1, ..s.clone() }),
        ("bright 1.3", Shot { exposure: 1.3, ..s.clone() }),
        ("curl 0.5", Shot { curl_mm: 0.5, ..s.clone() }),
        ("curl 1", Shot { curl_mm: 1.0, ..s.clone() }),
        ("curl 3", Shot { curl_mm: 3.0, ..s.clone() }),
        ("printed 0.4 % off across", Shot { printed: [1.004, 0.998], ..s.clone() }),
        ("left half covered", Shot { covered: |p| p.x < 0.0, ..s.clone() }),
        ("lower half covered", Shot { covered: |p| p.y < 0.0, ..s.clone() }),
        ("stripes covered", Shot { covered: |p| (p.x + p.y).rem_euclid(60.0) < 30.0, ..s.clone() }),
    ] {
        judge(&format!("{name} nothing known"), &a4, &s, &Known::UNMEASURED);
        judge(&format!("{name} known"), &a4, &s, &measured(&s));
    }
    for paper in [Paper::A3, Paper::Letter] {
        let layout = Layout::new(paper, 77);
        let s = Shot::new(&layout, size.0, size.1, [20.0, 200.0, -10.0]);
        judge(&format!("{paper} nothing known"), &layout, &s, &Known::UNMEASURED);
    }
}

/// A small photo that a webcam would make.
fn webcam(layout: &Layout, tilt: f64) -> Shot {
    Shot { noise: 0.0075, sharpen: 0.5, jpeg: Some(80), ..Shot::new(layout, 1600, 1200, [tilt, 40.0, 65.0]) }
}

#[test]
fn every_corner_is_found_where_it_is() {
    let layout = Layout::new(Paper::A4, 1234);
    let shot = webcam(&layout, 25.0);
    let light = Tone::Srgb.linear(&shot.picture(&layout));
    let found = find(&light).unwrap();
    assert_eq!((found.paper, found.id, found.tags.len(), found.corners.len()), (Paper::A4, Some(1234), 36, 144));
    assert_eq!(found, find(&light).unwrap(), "the same bits");
    let errors: Vec<_> = found.corners.iter().map(|c| c.p - shot.seen(&layout, c.nominal)).collect();
    let mean = |f: &dyn Fn(usize) -> f64| (0..144).map(f).sum::<f64>() / 144.0;
    let (x, y) = (mean(&|i| errors[i].x), mean(&|i| errors[i].y));
    let sigma = mean(&|i| 0.5 * errors[i].dot(errors[i])).sqrt();
    assert!(x.abs() < 0.004 && y.abs() < 0.004 && sigma < 0.02, "bias {x} {y}, sigma {sigma} px");

    // The pose, with a lens that is known.
    let known =
        Known { lens: Some(known_lens(&shot)), u_printed_scale: [2e-4; 2], u_flat_mm: 0.05, ..Known::UNMEASURED };
    let fit = fit(&found.corners, layout.half_ring_mm(), [shot.width, shot.height], &known).unwrap();
    let camera = Camera::Perspective(fit.camera);
    for (x, y) in [(0.0, 0.0), (70.0, 110.0), (-70.0, -110.0), (70.0, -110.0)] {
        let p = Point::new(x, y);
        let error = camera.plane_from_image(shot.camera.image_from_plane(p, Mm(0.0)), Mm(0.0)).distance(p);
        assert!(error < 0.01, "{error} mm at {x} {y}");
    }
    assert!(fit.pulls.lens < 3.0 && fit.pulls.print < 3.0 && fit.pulls.flat < 3.0, "{:?}", fit.pulls);
}

#[test]
fn what_was_known_wrongly_is_noticed() {
    let layout = Layout::new(Paper::A4, 7);
    let known = |shot: &Shot| Known {
        lens: Some(known_lens(shot)),
        u_printed_scale: [3e-4; 2],
        u_flat_mm: 0.05,
        ..Known::UNMEASURED
    };
    let pulls = |shot: &Shot, known: &Known| {
        let found = find(&Tone::Srgb.linear(&shot.picture(&layout))).unwrap();
        fit(&found.corners, layout.half_ring_mm(), [shot.width, shot.height], known).unwrap().pulls
    };
    let shot = webcam(&layout, 20.0);
    // Distances that somebody mixed up: nominal ones were written down for a print that is off.
    let print = Shot { printed: [1.004, 0.998], ..shot.clone() };
    let found = pulls(&print, &known(&shot));
    assert!(found.print > 5.0, "{found:?}");
    let curled = Shot { curl_mm: 1.0, ..shot.clone() };
    let found = pulls(&curled, &known(&shot));
    assert!(found.flat > 3.0, "{found:?}");
    let zoomed = Known {
        lens: Some(KnownLens {
            lens: crate::calibration::Lens { fx: 1350.0, fy: 1350.0, ..known_lens(&shot).lens },
            ..known_lens(&shot)
        }),
        ..known(&shot)
    };
    let found = pulls(&shot, &zoomed);
    assert!(found.lens.max(found.print) > 5.0, "{found:?}");
}

/// A wrong record is refused as far as the photo can tell it from a sheet whose flatness is known to 0.1 mm.
#[test]
fn a_wrong_record_is_refused() {
    let layout = Layout::new(Paper::A4, 7);
    let phone = Shot { jpeg: Some(90), ..Shot { noise: 0.0075, ..Shot::new(&layout, 4000, 3000, [25.0, 40.0, 65.0]) } };
    // What other focal length is noticed: a longer lens farther away shows the same of a sheet that is seen straight from above.
    let rows = [
        ("webcam, 0 degrees", webcam(&layout, 0.0), None),
        ("webcam, 10 degrees", webcam(&layout, 10.0), Some(0.1)),
        ("webcam, 25 degrees", webcam(&layout, 25.0), Some(0.02)),
        ("phone, 25 degrees", phone, Some(0.03)),
    ];
    for (row, shot, caught) in rows {
        let seen = find(&Tone::Srgb.linear(&shot.picture(&layout))).unwrap().corners;
        let right = known_lens(&shot);
        let pull = |lens: crate::calibration::Lens| {
            let lens = Some(KnownLens { lens, ..right });
            let known = Known { lens, u_printed_scale: [3e-4; 2], u_flat_mm: 0.1, ..Known::UNMEASURED };
            fit(&seen, layout.half_ring_mm(), [shot.width, shot.height], &known).unwrap().pulls.lens
        };
        let zoomed = |share: f64| {
            let of = |by: f64| {
                pull(crate::calibration::Lens { fx: right.lens.fx * by, fy: right.lens.fy * by, ..right.lens })
            };
            of(1.0 + share).min(of(1.0 - share))
        };
        let bent = pull(crate::calibration::Lens { k1: right.lens.k1 + 0.05, ..right.lens });
        let aside = pull(crate::calibration::Lens { cx: right.lens.cx + 0.05 * right.lens.fx, ..right.lens });
        assert!(pull(right.lens) < 4.0, "{row}: the right record is off by {}", pull(right.lens));
        assert!(bent > 5.0 && aside > 5.0, "{row}: another lens is not noticed: {bent}, {aside}");
        if let Some(share) = caught {
            assert!(zoomed(share) > 5.0, "{row}: another zoom is not noticed: {}", zoomed(share));
        }
    }
}

#[test]
fn half_covered_turned_and_mirrored() {
    let layout = Layout::new(Paper::A4, 4000);
    let shot = Shot { covered: |p| p.x < 0.0, ..webcam(&layout, 30.0) };
    let Picture::Grey(picture) = shot.picture(&layout) else { panic!("grey") };
    for (k, turned) in
        [picture.clone(), imageops::rotate90(&picture), imageops::rotate180(&picture)].into_iter().enumerate()
    {
        let found = find(&Tone::Srgb.linear(&Picture::Grey(turned))).unwrap();
        assert_eq!((found.tags.len(), found.id), (18, Some(4000)), "{k} quarter turns");
    }
    let mirrored = Picture::Grey(imageops::flip_horizontal(&picture));
    assert_eq!(find(&Tone::Srgb.linear(&mirrored)), Err(NotFound::Mirrored));
}

#[test]
fn letter_and_a3_are_told_apart() {
    for (paper, id) in [(Paper::A3, 9), (Paper::Letter, 4095)] {
        let layout = Layout::new(paper, id);
        let found = find(&Tone::Srgb.linear(&webcam(&layout, 10.0).picture(&layout))).unwrap();
        assert_eq!((found.paper, found.id, found.tags.len()), (paper, Some(id), layout.tags.len()));
    }
}
