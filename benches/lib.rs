//! What the benches measure: one rendered part and one board, always the same.

use inspector::calibration::{Calibration, CalibrationPolicy, Tone};
use inspector::geometry::{Angle, Vector};
use inspector::recipe::{ProposeOptions, ProposedScale, Recipe, propose};
use inspector::synth::{Noise, Rendered, Scene, board as drawn_board, parts};

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
    let options = ProposeOptions {
        part: "VISOR".into(),
        revision: None,
        scale: ProposedScale::MmPerPx(scale),
        thickness_mm: None,
        units: None,
        file_name: "visor.dxf".into(),
    };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let at = dir.path().join("recipe");
    let proposed = propose(inspector::design::write_dxf(&design).as_bytes(), &options).expect("a drawing");
    proposed.write_to(&at).expect("a folder to write");
    Part { jpeg, recipe: Recipe::open(&at).expect("what is proposed opens") }
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
