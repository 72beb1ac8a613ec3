//! A rendered part and everything that is true of it.

use super::fault::{Fault, FaultKind};
use super::scene::Scene;
use crate::design::Design;
use crate::geometry::{DesignMm, ImagePx, Point, Similarity};
use crate::photo::{Photo, Picture, Sha256};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;

/// What is true of a rendered picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Where the part lies.
    pub image_from_design: Similarity<DesignMm, ImagePx>,
    /// The contours of the part *as made*, outline first.
    pub features: Vec<FeatureTruth>,
    /// What is wrong with it; empty for a good part.
    pub faults: Vec<FaultTruth>,
}

/// A feature as made.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureTruth {
    /// Its name in the drawing (`extra` for what is not in it).
    pub name: String,
    /// Middle of a round feature in the picture; `None` for others.
    pub centre_px: Option<Point<ImagePx>>,
    /// Diameter of a round feature, mm; `None` for others.
    pub diameter_mm: Option<f64>,
}

/// A fault and where to look for it.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultTruth {
    /// Its kind.
    pub kind: FaultKind,
    /// The feature that it concerns: a hole's name in the drawing, else `outline`.
    pub feature: String,
    /// Its place in the picture.
    pub place_px: Point<ImagePx>,
    /// Its size, mm: see [`Fault::place`].
    pub size_mm: f64,
}

/// A rendered picture with its truth.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The pixels.
    pub picture: Picture,
    /// What is true of them.
    pub truth: Truth,
}

impl Rendered {
    /// A part made from `drawing`, with or without a fault.
    ///
    /// `None` when the fault cannot be made on this drawing: see [`Fault::apply`].
    ///
    /// ```
    /// use inspector::synth::{Fault, Rendered, Scene, parts};
    /// let drawing = parts::bracket();
    /// let scene = Scene::new(&drawing, 640, 480, 0.12);
    /// let part = Rendered::new(&scene, &drawing, Some(&Fault::HoleMissing { hole: "hole-1".into() })).unwrap();
    /// // Where the hole should be there is material, as dark as the part.
    /// let fault = &part.truth.faults[0];
    /// let inspector::photo::Picture::Grey(p) = &part.picture else { unreachable!("both surfaces are grey") };
    /// assert_eq!(p.get_pixel(fault.place_px.x as u32, fault.place_px.y as u32), p.get_pixel(320, 240));
    /// ```
    pub fn new(scene: &Scene, drawing: &Design, fault: Option<&Fault>) -> Option<Self> {
        let made = match fault {
            Some(fault) => fault.apply(drawing)?,
            None => drawing.clone(),
        };
        let pose = scene.image_from_design;
        let features = made.features.iter().filter(|f| f.is_contour()).map(|f| {
            let circle = f.circle();
            FeatureTruth {
                name: f.name.clone(),
                centre_px: circle.map(|c| pose.apply(c.centre)),
                diameter_mm: circle.map(|c| 2.0 * c.radius),
            }
        });
        let fault_truth = |fault: &Fault| {
            let (place, size_mm) = fault.place(drawing)?;
            Some(FaultTruth {
                kind: fault.kind(),
                feature: fault.feature().to_owned(),
                place_px: pose.apply(place),
                size_mm,
            })
        };
        let truth = Truth {
            image_from_design: pose,
            features: features.collect(),
            faults: fault.and_then(fault_truth).into_iter().collect(),
        };
        Some(Self { picture: scene.render(&made), truth })
    }

    /// As a JPEG file (quality 1 to 100). Cost: about 15 ms per megapixel of grey.
    pub fn jpeg(&self, quality: u8) -> Vec<u8> {
        let mut file = Vec::new();
        write(&self.picture, JpegEncoder::new_with_quality(&mut file, quality));
        file
    }

    /// As a PNG file.
    pub fn png(&self) -> Vec<u8> {
        let mut file = Vec::new();
        write(&self.picture, PngEncoder::new(&mut file));
        file
    }

    /// As a decoded photo, without a file in between: no JPEG losses. The digest of the file is that of no bytes.
    pub fn photo(&self) -> Photo {
        photo(self.picture.clone())
    }
}

/// A rendered picture as a decoded photo of no file.
pub(super) fn photo(picture: Picture) -> Photo {
    let pixels_sha256 = match &picture {
        Picture::Grey(p) => Sha256::of(p.as_raw()),
        Picture::Colour(p) => Sha256::of(p.as_raw()),
        Picture::Grey16(_) => unreachable!("rendered pictures have 8 bits"),
    };
    Photo { picture, file_sha256: Sha256::of(&[]), pixels_sha256 }
}

/// Encodes a rendered picture.
pub(super) fn write(picture: &Picture, encoder: impl image::ImageEncoder) {
    let (pixels, colours): (&[u8], _) = match picture {
        Picture::Grey(p) => (p.as_raw(), ExtendedColorType::L8),
        Picture::Colour(p) => (p.as_raw(), ExtendedColorType::Rgb8),
        Picture::Grey16(_) => unreachable!("rendered pictures have 8 bits"),
    };
    encoder.write_image(pixels, picture.width(), picture.height(), colours).expect("memory takes every byte");
}
