//! What the benches measure: rendered parts and a board, always the same.

use inspector::calibration::mat::{Layout, Paper, Shape};
use inspector::calibration::{Calibration, CalibrationPolicy, Sharpening, Tone};
use inspector::design::{Design, FeatureKind, write_dxf};
use inspector::geometry::{Angle, Mm, Point, Vector};
use inspector::photo::Picture;
use inspector::recipe::{ProposeOptions, ProposedMat, ProposedScale, Recipe, propose};
use inspector::synth::view::{Device, Print, Sheet, Trials};
use inspector::synth::{Noise, Rendered, Scene, board as drawn_board, parts};
use std::sync::Arc;

/// A photo file and the recipe to judge it by.
#[derive(Debug)]
pub struct Part {
    /// JPEG file.
    pub jpeg: Vec<u8>,
    /// The recipe that is proposed for it.
    pub recipe: Recipe,
}

/// The visor, turned by 20 degrees, filling the picture.
///
/// # Panics
/// When the temporary folder cannot be written.
pub fn part(width: u32, height: u32) -> Part {
    let design = parts::visor();
    let (w, h, _) = parts::extent(&design);
    let scale = 1.45 * (w / f64::from(width)).max(h / f64::from(height));
    let scene = Scene { noise: Noise { read: 0.004, shot: 1e-4 }, ..Scene::new(&design, width, height, scale) };
    let scene = scene.placed(&design, scale, Angle::from_degrees(20.0), Vector::new(12.3, -4.7));
    let jpeg = Rendered::new(&scene, &design, None).expect("a good part").jpeg(90);
    Part { jpeg, recipe: proposed(&design, ProposedScale::MmPerPx(scale), None) }
}

/// A plate on a printed mat, 12 megapixels by a phone, sharpened or not, 0 mm thick or more; everything that is proposed for it.
///
/// # Panics
/// When the temporary folder cannot be written.
pub fn on_mat(thickness_mm: f64, sharpen: Option<Sharpening>) -> Part {
    let layout = Layout::new(Paper::A4, 77);
    let [w, h] = layout.paper.size_mm().map(|side| 0.5 * side);
    let paper = Print::rectangle(Point::new(-w, -h), Point::new(w, h), 0.85);
    let print = |shape: Shape| Print { outline: shape.outline, rgb: shape.light.map(|l| 0.85 * (0.05 + 0.95 * l)) };
    let prints = std::iter::once(paper).chain(layout.shapes().into_iter().map(print)).collect();
    let sheet = Sheet::new([0.25; 3], prints).expect("prints of the mat nest or touch");
    let [x, y] = layout.quiet_mm.map(|side| 0.5 * side - 4.0);
    let trials =
        Trials { flips: false, ..Trials::new(Device::Phone, Arc::new(sheet), (Point::new(-x, -y), Point::new(x, y))) };
    let holes: Vec<_> = (0..6).map(|i| (-25.0 + 10.0 * f64::from(i), 8.0, 4.0 + 0.5 * f64::from(i))).collect();
    let design = parts::polygon(
        &[(-35.0, -20.0, 3.0), (35.0, -20.0, 3.0), (35.0, 5.0, 2.0), (20.0, 20.0, 2.0), (-35.0, 20.0, 3.0)],
        &holes,
        &[(0.0, -8.0, 24.0, 6.0, 0.0)],
    );
    let mut view = trials.view(&design, Mm(thickness_mm), 5);
    view.sensor.sharpen = sharpen;
    let mat = ProposedMat { paper: Paper::A4, id: Some(77), measured_mm: [None; 2], measured_on: None, camera: None };
    let recipe = proposed(&design, ProposedScale::Mat(mat), Some(thickness_mm));
    Part { jpeg: view.jpeg().expect("the sheet lies before the camera"), recipe }
}

/// The recipe that is proposed for a drawing.
fn proposed(design: &Design, scale: ProposedScale, thickness_mm: Option<f64>) -> Recipe {
    let options = ProposeOptions {
        part: "PART".into(),
        revision: None,
        scale,
        thickness_mm,
        units: None,
        file_name: "part.dxf".into(),
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let at = dir.path().join("recipe");
    let proposed = propose(write_dxf(design).as_bytes(), &options).expect("a drawing");
    proposed.write_to(&at).expect("a folder to write");
    Recipe::open(&at).expect("what is proposed opens")
}

/// Size of a pixel in the photo of [`plate`].
pub const PLATE_MM_PER_PX: f64 = 0.06;

/// A plate with twenty holes, 12 megapixels: the profile of its outline and twenty hole diameters and positions, nothing else.
///
/// # Panics
/// When the temporary folder cannot be written.
pub fn plate() -> (Picture, Design, Recipe) {
    let holes: Vec<(f64, f64, f64)> = (0..20)
        .map(|i| (-80.0 + 40.0 * f64::from(i % 5), -45.0 + 30.0 * f64::from(i / 5), 4.0 + 0.5 * f64::from(i)))
        .collect();
    let design = parts::rounded_rectangle(200.0, 130.0, 8.0, &holes);
    let scale = PLATE_MM_PER_PX;
    let scene = Scene { noise: Noise { read: 0.004, shot: 1e-4 }, ..Scene::new(&design, 4000, 3000, scale) };
    let scene = scene.placed(&design, scale, Angle::from_degrees(7.0), Vector::new(12.3, -4.7));
    let mut text = format!(
        "schema = 1\npart = \"PLATE\"\n[design]\nfile = \"plate.dxf\"\n[calibration]\nmm_per_px = {scale}\n\
         [[check]]\ntype = \"profile\"\nzone = 0.6\n"
    );
    for feature in &design.features {
        if let FeatureKind::Hole(circle) = feature.kind {
            let (name, d) = (&feature.name, 2.0 * circle.radius);
            text += &format!(
                "[[check]]\ntype = \"hole\"\nfeature = \"{name}\"\n\
                 diameter = {{ nominal = {d:?}, lower = -0.1, upper = 0.1 }}\nposition = {{ upper = 0.4 }}\n"
            );
        }
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("recipe.toml"), text).expect("written");
    std::fs::write(dir.path().join("plate.dxf"), write_dxf(&design)).expect("written");
    (scene.render(&design), design, Recipe::open(dir.path()).expect("the recipe opens"))
}

/// A board of 640 x 640 px with defects, against its template.
///
/// # Panics
/// Never: the pictures are this program's own.
pub fn board() -> Part {
    let board = drawn_board(1);
    let encode = |picture: &image::GrayImage| {
        let mut file = std::io::Cursor::new(Vec::new());
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95).encode_image(picture).expect("in memory");
        file.into_inner()
    };
    let recipe = Recipe::from_picture("template.jpg", &encode(&board.template)).expect("a picture");
    let calibration = Calibration::Known(CalibrationPolicy::unscaled(Tone::Srgb));
    Part { jpeg: encode(&board.test), recipe: Recipe { calibration, ..recipe } }
}
