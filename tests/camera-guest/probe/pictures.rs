//! Parts to put in front of the camera: rendered, with noise, all different.

use inspector::design::write_dxf;
use inspector::geometry::{Angle, Vector};
use inspector::synth::{Fault, Noise, Rendered, Scene, parts};

/// Of a picture, px.
pub(crate) const SIZE: (u32, u32) = (640, 480);

/// Writes them into `folder`, and their drawing.
pub(crate) fn render(folder: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let design = parts::bracket();
    std::fs::write(format!("{folder}/bracket.dxf"), write_dxf(&design)).unwrap();
    for n in 0..6 {
        let noise = Noise { read: 0.003, shot: 1e-4 };
        let scene = Scene { noise, ..Scene::new(&design, SIZE.0, SIZE.1, 0.17) };
        let turned = Angle::from_degrees(31.0 * f64::from(n));
        let scene = scene.placed(&design, 0.17, turned, Vector::new(f64::from(n), 2.0));
        // Every other one is a bad part.
        let fault = (n % 2 == 1).then(|| Fault::HoleMoved { hole: "hole-1".into(), by: Vector::new(0.9, 0.8) });
        let rendered = Rendered::new(&scene, &design, fault.as_ref()).expect("a fault that the part can have");
        std::fs::write(format!("{folder}/part-{n}.jpg"), rendered.jpeg(90)).unwrap();
    }
}
