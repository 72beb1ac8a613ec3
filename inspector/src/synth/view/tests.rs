//! The renderer against rays: for each of many points of a pixel, what does its ray meet?

use super::*;
use crate::calibration::{Lens, Perspective, Sharpening, Tone};
use crate::design::Design;
use crate::geometry::{DesignMm, ImagePx, Rigid, Similarity};
use crate::synth::draw::{design, hole, rounded_polygon};
use crate::synth::{Paint, parts};

/// Rays per pixel along each axis.
const FINE: usize = 10;
/// Steps of a ray through the part's height: what it cuts off between two of them is 0.03 px of a corner.
const STEPS: usize = 200;
/// Steps of a ray of the lamp.
const LAMP_STEPS: usize = 30;

/// A lens that bends, `distance` above (x, y) on the sheet, tilted, turned.
fn camera(focal: f64, side: u32, distance: f64, (x, y): (f64, f64), tilt: [f64; 3]) -> Camera {
    let lens = Lens { k1: 0.1, k2: -0.2, p1: 0.002, p2: -0.001, ..Lens::pinhole(focal, side, side) };
    let down = Rigid { turn: [std::f64::consts::PI, 0.0, 0.0], shift: [-x, y, 0.0] };
    let leaning = Rigid { turn: tilt, shift: [0.0, 0.0, distance] };
    Camera::Perspective(Perspective::new(lens, leaning.after(&down)))
}

/// The light of a view, before the sensor, row by row.
fn light_of(view: &View) -> Vec<f64> {
    let plates = view.plates().unwrap();
    let mut exposure = Exposure::<1>::new(view.width as usize);
    let row = |y: u32| {
        exposure.light(view, &plates, y as usize);
        exposure.light.iter().map(|l| f64::from(*l)).collect::<Vec<_>>()
    };
    (0..view.height).flat_map(row).collect()
}

/// Whether there is material at a point of the drawing, said anew.
type Inside = fn(f64, f64) -> bool;

/// Rays into a view.
struct Rays<'a> {
    view: &'a View,
    material: Inside,
    /// Height of the part's lower face.
    base: f64,
    /// The directions to the lamp's points.
    towards_lamp: Vec<Vector<PlaneMm>>,
}

/// What the ray through `p` meets.
fn met(rays: &Rays, p: Point<ImagePx>) -> f64 {
    let Rays { view, material, base, towards_lamp } = rays;
    let part = &view.parts[0];
    let to_design = part.plane_from_design.inverse();
    let inside = |q: Point<PlaneMm>| {
        let d = to_design.apply(q);
        material(d.x, d.y)
    };
    let height = part.thickness.0;
    // A ray is straight: two of its points say all.
    let foot = view.camera.plane_from_image(p, Mm(0.0));
    let slope = view.camera.plane_from_image(p, Mm(1.0)) - foot;
    for i in 0..=STEPS {
        let q = foot + slope * (base + height * (1.0 - i as f64 / STEPS as f64));
        if inside(q) {
            return if i == 0 { part.top.rgb[1] } else { wall_light(view, to_design.apply(q)) };
        }
    }
    // Where the ray meets the curled paper, and which print it meets there.
    let mut sheet = foot;
    for _ in 0..if view.curl.waves.is_empty() { 0 } else { 8 } {
        let (plan, z) = view.curl.place(sheet);
        sheet = sheet + (foot + slope * z - plan);
    }
    let print = view.sheet.prints().iter().rev().find(|print| {
        let turns = print.outline.iter().zip(print.outline.iter().cycle().skip(1));
        turns
            .filter(|(a, b)| {
                (a.y > sheet.y) != (b.y > sheet.y) && sheet.x < a.x + (sheet.y - a.y) / (b.y - a.y) * (b.x - a.x)
            })
            .count()
            % 2
            == 1
    });
    let ground = print.map_or(view.sheet.table, |p| p.rgb)[1];
    let Some(lamp) = view.lamp else { return ground };
    let flat = foot + slope * *base;
    let hidden = |towards: &&Vector<PlaneMm>| {
        (1..=LAMP_STEPS).any(|i| inside(flat + **towards * (height * i as f64 / LAMP_STEPS as f64)))
    };
    ground * (1.0 - lamp.share * towards_lamp.iter().filter(hidden).count() as f64 / towards_lamp.len() as f64)
}

fn wall_light(view: &View, p: Point<DesignMm>) -> f64 {
    let part = &view.parts[0];
    let Some(lamp) = view.lamp else { return 0.5 * part.wall[1] };
    let points = part.made.contours.iter().flat_map(|c| c.sample(0.1));
    let nearest = points.min_by(|a, b| a.p.distance(p).total_cmp(&b.p.distance(p))).unwrap();
    let falls_on = lamp.falls_on(part.plane_from_design.apply_vector(nearest.normal));
    let step = ((falls_on * 4.0).floor().min(3.0) + 0.5) / 4.0;
    part.wall[1] * lamp.wall_light(step)
}

/// Rays on a fine grid, blurred by a sampled Gaussian, averaged over each pixel.
fn brute_force(view: &View, material: Inside) -> Vec<f64> {
    let (side, n) = (view.width as usize, view.width as usize * FINE);
    let at = |i: usize| (i as f64 + 0.5) / FINE as f64 - 0.5;
    let lamp_points = |lamp: Lamp| {
        let points = if lamp.spread > 0.0 { 200 } else { 1 };
        (0..points).map(|k| lamp.shift(k, points)).collect()
    };
    let towards_lamp = view.lamp.map_or_else(Vec::new, lamp_points);
    let rays = Rays { view, material, base: view.parts[0].base(&view.curl).0, towards_lamp };
    let rays: Vec<f64> = (0..n * n).into_par_iter().map(|i| met(&rays, Point::new(at(i % n), at(i / n)))).collect();
    let sigma = view.sensor.blur.px * FINE as f64;
    let reach = (6.0 * sigma).ceil() as i64;
    let gauss: Vec<f64> = (-reach..=reach).map(|i| libm::exp(-0.5 * (i as f64 / sigma) * (i as f64 / sigma))).collect();
    let norm: f64 = gauss.iter().sum();
    // Along x to pixels, then along y: the mean over the pixel first, then the sum, each for a fine row.
    let beyond = |i: usize, k: usize| (i as i64 + k as i64 - reach).clamp(0, n as i64 - 1) as usize;
    let kernel: Vec<f64> = gauss.iter().map(|w| w / norm).collect();
    let blurred = |line: &[f64]| -> Vec<f64> {
        let at = |i: usize| kernel.iter().enumerate().map(|(k, w)| w * line[beyond(i, k)]).sum::<f64>();
        (0..side).map(|x| (0..FINE).map(|f| at(x * FINE + f)).sum::<f64>() / FINE as f64).collect()
    };
    let across: Vec<Vec<f64>> = rays.par_chunks(n).map(blurred).collect();
    let columns: Vec<Vec<f64>> =
        (0..side).into_par_iter().map(|x| blurred(&across.iter().map(|row| row[x]).collect::<Vec<_>>())).collect();
    (0..side * side).map(|i| columns[i % side][i / side]).collect()
}

/// Compares away from the border: the worst pixel, and the sum of all differences per pixel of edge (a shift of the edges, px).
fn compare(name: &str, view: &View, material: Inside, edge_px: f64, worst: f64) {
    let (actual, expected, side) = (light_of(view), brute_force(view, material), view.width as usize);
    let inner = |i: &usize| [i / side, i % side].iter().all(|v| (6..side - 6).contains(v));
    let off: Vec<f64> = (0..side * side).filter(inner).map(|i| actual[i] - expected[i]).collect();
    let most = off.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
    let shift = off.iter().sum::<f64>() / edge_px;
    println!("{name}: worst pixel {most:.5}, mean shift {shift:.6} px of light");
    assert!(most < worst, "{name}: {most}");
    assert!(shift.abs() < 1e-3, "{name}: {shift}");
}

/// Paper, wholly below the part, with a dark cell beside it.
fn sheet() -> Arc<Sheet> {
    let paper = Print::rectangle(Point::new(-50.0, -50.0), Point::new(50.0, 50.0), 0.8);
    let cell =
        Print { outline: vec![Point::new(-6.2, 3.0), Point::new(-3.9, 5.8), Point::new(-7.0, 6.1)], rgb: [0.05; 3] };
    Arc::new(Sheet::new([0.3; 3], vec![paper, cell]).unwrap())
}

/// A plate of 8 x 6 mm with a hole of 3 mm.
fn plate() -> Design {
    let outline = rounded_polygon(&[(-4.0, -3.0, 0.0), (4.0, -3.0, 1.5), (4.0, 3.0, 0.0), (-4.0, 3.0, 0.0)]);
    design(outline, vec![hole(0.5, 0.3, 3.0)])
}

fn plate_material(x: f64, y: f64) -> bool {
    let rounded = x > 2.5 && y < -1.5 && (x - 2.5) * (x - 2.5) + (y + 1.5) * (y + 1.5) > 1.5 * 1.5;
    x.abs() <= 4.0 && y.abs() <= 3.0 && !rounded && (x - 0.5) * (x - 0.5) + (y - 0.3) * (y - 0.3) >= 1.5 * 1.5
}

const NOTCHED: [(f64, f64); 8] =
    [(-4.0, -3.0), (4.0, -3.0), (4.0, 3.0), (1.0, 3.0), (0.6, -1.0), (-1.0, -0.6), (-1.4, 3.0), (-4.0, 3.0)];

fn notched_material(x: f64, y: f64) -> bool {
    let turns = NOTCHED.iter().zip(NOTCHED.iter().cycle().skip(1));
    turns.filter(|(a, b)| (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)).count() % 2 == 1
}

fn view(camera: Camera, made: Design, thickness: f64, turn: f64, mirrored: bool) -> View {
    let pose = Similarity::new(1.0, Angle::from_degrees(turn), mirrored, Vector::new(0.2, -0.4));
    let part =
        Prism { plane_from_design: pose, wall: [0.5; 3], top: Paint::grey(0.1), ..Prism::new(made, Mm(thickness)) };
    let sensor = Sensor { blur: Blur::even(0.8), ..Sensor::default() };
    View { sensor, ..View::new(camera, 72, 72, sheet(), vec![part]) }
}

#[test]
fn equals_rays_from_straight_above() {
    let view = view(Camera::fronto_parallel(0.2, 72, 72), plate(), 2.0, 17.0, false);
    compare("straight above", &view, plate_material, 180.0, 0.012);
}

#[test]
fn equals_rays_in_perspective() {
    // Beside and before the part, so that hole and outline show far walls and hide near ones; a deep hole whose rims cross.
    for (name, thickness, turn, mirrored) in [("thin", 0.4, 17.0, false), ("deep", 3.0, 203.0, true)] {
        let camera = camera(500.0, 72, 90.0, (0.0, 0.0), [0.35, 0.2, 0.4]);
        compare(name, &view(camera, plate(), thickness, turn, mirrored), plate_material, 200.0, 0.012);
    }
}

#[test]
fn equals_rays_where_the_part_hides_itself() {
    // A narrow notch, 4 mm deep: its near wall hides the far one, and the inner corners lie behind upper rims.
    let outline = rounded_polygon(&NOTCHED.map(|(x, y)| (x, y, 0.0)));
    let camera = camera(500.0, 72, 90.0, (0.0, 0.0), [-0.3, 0.3, -0.2]);
    compare("notch", &view(camera, design(outline, Vec::new()), 4.0, 31.0, false), notched_material, 220.0, 0.012);
}

#[test]
fn equals_rays_in_a_shadow_on_curled_paper() {
    let camera = camera(500.0, 72, 90.0, (4.0, -3.0), [0.3, -0.1, 0.1]);
    let lamp = |spread| Lamp {
        azimuth: Angle::from_degrees(200.0),
        elevation: Angle::from_degrees(50.0),
        spread,
        share: 0.5,
        height_mm: f64::INFINITY,
    };
    let wave =
        Wave { along: Angle::from_degrees(20.0), length: Mm(200.0), height: Mm(1.0), phase: Angle::from_degrees(40.0) };
    let sharp =
        View { lamp: Some(lamp(0.0)), curl: Curl { waves: vec![wave] }, ..view(camera, plate(), 1.2, 17.0, false) };
    compare("shadow", &sharp, plate_material, 250.0, 0.012);
    // A few points of the lamp against two hundred.
    let soft = View { lamp: Some(lamp(0.4)), ..sharp };
    compare("soft shadow", &soft, plate_material, 250.0, 0.02);
}

#[test]
fn a_printed_edge_has_half_its_light_where_the_camera_says() {
    let edge = 3.0;
    let black = Print::rectangle(Point::new(-40.0, -40.0), Point::new(edge, 40.0), 0.0);
    let paper = Print::rectangle(Point::new(-60.0, -60.0), Point::new(60.0, 60.0), 1.0);
    let sheet = Arc::new(Sheet::new([0.0; 3], vec![paper, black]).unwrap());
    for blur in [0.7, 1.3, 2.5] {
        let camera = camera(900.0, 300, 120.0, (2.0, 1.0), [0.3, 0.25, 0.15]);
        let sensor = Sensor { blur: Blur::even(blur), ..Sensor::default() };
        let view = View { sensor, ..View::new(camera.clone(), 300, 300, Arc::clone(&sheet), Vec::new()) };
        let light = light_of(&view);
        let (mut mean, mut n) = (0.0, 0.0);
        for i in 0..400 {
            // Cubic through the row's samples around the place where the camera sees the edge.
            let p = camera.image_from_plane(Point::new(edge, 0.025 * f64::from(i) - 5.0), Mm(0.0));
            let (y, x) = (p.y.round(), p.x.floor());
            // The edge crosses the middle of that row elsewhere: along its own slope.
            let [[_, b], [_, d]] = camera.jacobian(Point::new(edge, 0.025 * f64::from(i) - 5.0), Mm(0.0));
            let here = p.x + (y - p.y) * b / d;
            let row = &light[y as usize * 300..][..300];
            let s = &row[x as usize - 1..x as usize + 3];
            let t = here - x;
            let cubic = -t * (t - 1.0) * (t - 2.0) / 6.0 * s[0] + (t + 1.0) * (t - 1.0) * (t - 2.0) / 2.0 * s[1]
                - (t + 1.0) * t * (t - 2.0) / 2.0 * s[2]
                + (t + 1.0) * t * (t - 1.0) / 6.0 * s[3];
            mean += (cubic - 0.5) * blur * 2.5;
            n += 1.0;
        }
        println!("blur {blur}: mean shift {:.5} px", mean / n);
        assert!((mean / n).abs() < 2e-3, "blur {blur}: {}", mean / n);
    }
}

#[test]
fn same_seed_same_bits_on_any_number_of_threads() {
    let trials = Trials {
        curl: Mm(1.0),
        ..Trials::new(Device::Webcam, Sheet::blank_a4().into(), (Point::new(-100.0, -70.0), Point::new(100.0, 70.0)))
    };
    let made = parts::bracket();
    let with = |threads, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trials.view(&made, Mm(3.0), seed).jpeg().unwrap())
    };
    let file = with(1, 5);
    assert_eq!(file, with(3, 5));
    assert_ne!(file, with(1, 6));
    let mut view = trials.view(&made, Mm(3.0), 5);
    view.seed += 1;
    assert_ne!(file, view.jpeg().unwrap(), "another seed is other noise");
}

#[test]
fn trials_see_the_whole_sheet_and_the_part_lies_in_its_area() {
    let (low, high) = (Point::new(-110.0, -70.0), Point::new(110.0, 70.0));
    let made = parts::bracket();
    let (mut tilts, mut flipped) = (Vec::new(), 0);
    for device in [Device::Phone, Device::Webcam] {
        let trials = Trials { curl: Mm(1.0), ..Trials::new(device, Sheet::blank_a4().into(), (low, high)) };
        for seed in 0..150 {
            let view = trials.view(&made, Mm(5.0), seed);
            for (x, y) in [(-148.5, -105.0), (148.5, -105.0), (148.5, 105.0), (-148.5, 105.0)] {
                let p = view.camera.image_from_plane(Point::new(x, y), Mm(0.0));
                let inside = p.x > 0.0 && p.x < f64::from(view.width) && p.y > 0.0 && p.y < f64::from(view.height);
                assert!(inside, "{device:?} {seed}: {p:?}");
            }
            let part = &view.parts[0];
            for p in made.contours[0].sample(1.0) {
                let q = part.plane_from_design.apply(p.p);
                assert!(q.x >= low.x && q.x <= high.x && q.y >= low.y && q.y <= high.y, "{seed}: {q:?}");
            }
            let Camera::Perspective(p) = &view.camera else { panic!("a lens") };
            tilts.push(libm::acos(-p.camera_from_plane().matrix()[2][2]).to_degrees());
            flipped += usize::from(part.plane_from_design.mirrored());
            let even = &view.illumination;
            let most = view.sensor.gain[1] * 0.85 * (1.0 + even.right.abs() + even.down.abs());
            assert!(most < 1.0, "{seed}: paper clips");
        }
    }
    assert!(tilts.iter().all(|t| *t <= 25.0) && tilts.iter().any(|t| *t > 24.0) && tilts.iter().any(|t| *t < 1.0));
    assert!((100..200).contains(&flipped), "{flipped}");
}

#[test]
fn noise_sharpening_and_colour_do_what_they_say() {
    let camera = Camera::fronto_parallel(0.5, 200, 200);
    let codes = |sensor: Sensor| {
        let view = View { sensor, ..View::new(camera.clone(), 200, 200, Sheet::blank_a4().into(), Vec::new()) };
        match view.render().unwrap() {
            Picture::Grey(p) => p.into_raw(),
            Picture::Colour(p) => p.into_raw(),
            Picture::Grey16(_) => unreachable!(),
        }
    };
    // Linear, white of 0.8: 34 dB at light 1 is 2 %, less by what photons are fewer.
    let linear = Sensor { response: Response::Tone(Tone::Linear), gain: [0.8 / 0.85; 3], ..Sensor::default() };
    let noisy = codes(Sensor { noise: noise_of(34.0), ..linear });
    let n = noisy.len() as f64;
    let mean = noisy.iter().map(|c| f64::from(*c)).sum::<f64>() / n;
    let variance = noisy.iter().map(|c| (f64::from(*c) - mean) * (f64::from(*c) - mean)).sum::<f64>() / n;
    let expected = 255.0 * 255.0 * libm::pow(10.0, -3.4) * (0.1 + 0.9 * 0.8) + 1.0 / 12.0;
    assert!((mean - 204.0).abs() < 0.1 && (variance / expected - 1.0).abs() < 0.03, "{mean} {variance} {expected}");

    // Sharpening: flat stays flat; noise grows.
    let sharpen = Some(Sharpening { amount: 1.0, sigma_px: 1.0 });
    assert!(codes(Sensor { sharpen, ..linear }).iter().all(|c| *c == 204));
    let sharper = codes(Sensor { sharpen, noise: noise_of(34.0), ..linear });
    let more = sharper.iter().map(|c| (f64::from(*c) - mean) * (f64::from(*c) - mean)).sum::<f64>() / n;
    // The mask adds 1 to every coefficient's own and takes the Gaussian's: sum of (2 d - g)² = 4 - 4 g0 + sum g².
    let weights: Vec<f64> = (-3..=3).map(|i| libm::exp(-0.5 * f64::from(i * i))).collect();
    let sum: f64 = weights.iter().sum();
    let squares = weights.iter().map(|w| w * w).sum::<f64>() / (sum * sum);
    let (g0, g2) = (1.0 / (sum * sum), squares * squares);
    let gain = 4.0 - 4.0 * g0 + g2;
    assert!((more / (variance * gain) - 1.0).abs() < 0.04, "{}", more / variance);

    let colour = codes(Sensor { colour: true, gain: [0.4, 0.6, 0.8], ..linear });
    assert_eq!(&colour[..3], &[87, 130, 173]);
}

#[test]
fn response_rises_and_blur_has_its_variance() {
    for response in [Response::Tone(Tone::Srgb), Response::Phone { gamma: 2.2, contrast: 0.9 }] {
        let codes: Vec<f64> = (0..=1000).map(|i| response.code(f64::from(i) / 1000.0)).collect();
        assert!(codes.windows(2).all(|w| w[1] > w[0]) && codes[0].abs() < 1e-12 && (codes[1000] - 1.0).abs() < 1e-12);
    }
    let blur = Blur { px: 1.0, right: 0.2, down: -0.1 };
    let (low, high) = (blur.range().0, blur.range().1.unwrap());
    let variance = |u, v| low * low + blur.share(u, v) * (high * high - low * low);
    for (u, v, sigma) in [(0.0, 0.0, 1.0), (1.0, 0.0, 1.2), (-1.0, 1.0, 0.7), (0.5, -1.0, 1.2)] {
        assert!((variance(u, v) - sigma * sigma).abs() < 1e-12);
    }
}

#[test]
fn a_sheet_beyond_the_lens_is_seen_as_far_as_the_picture_goes_and_one_behind_the_camera_is_refused() {
    // Paper so large that the lens model folds before its corners.
    let paper = |size: f64| {
        let paper = Print::rectangle(Point::new(-size, -size), Point::new(size, size), 0.8);
        Arc::new(Sheet::new([0.3; 3], vec![paper]).unwrap())
    };
    let lean = |tilt| camera(500.0, 72, 90.0, (0.0, 0.0), [tilt, 0.0, 0.0]);
    let far = Point::new(300.0, 300.0);
    assert!(!lean(0.1).image_from_plane(far, Mm(0.0)).is_finite(), "the model has no pixel for it");
    let light = light_of(&View::new(lean(0.1), 72, 72, paper(300.0), Vec::new()));
    assert!(light.iter().all(|l| (l - 0.8).abs() < 1e-4));
    assert!(View::new(lean(1.3), 72, 72, paper(300.0), Vec::new()).render().is_none());
}
