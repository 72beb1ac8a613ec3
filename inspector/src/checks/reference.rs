//! `reference`: nonconformities against a picture of a good part.

use super::{Characteristic, Check, CheckType, Context, Entry, EntryError, Needs, Observation, Unit};
use crate::design::{Raster, Reference};
use crate::geometry::PixelRect;
use crate::measure::{Compared, Group, Rank, compare, groups, rank_filter};
use crate::reason::Reason;
use crate::registration::{PicturePose, Pose, RegisteredPart};
use serde::Deserialize;

/// The registry's entry.
pub(super) static TYPE: CheckType = CheckType {
    name: "reference",
    measurand: "number of places where the part differs from the reference picture",
    method: "register, take the light off, compare with the reference's envelope over the edge tolerance, group what is outside",
    source: "M. Moganti, F. Ercal, C. H. Dagli, S. Tsunekawa, \"Automatic PCB inspection algorithms: a survey\", DOI 10.1006/cviu.1996.0020 (reference comparison)",
    honest_scope: "One view of one side at about the reference's own scale. A bite or spur that stands out from an edge by less than the edge tolerance and about 3 px, one smaller than min_area_px or fainter than contrast is not seen; gloss and shadows that move are nonconformities to it",
    needs: Needs::Picture,
    example: "type = \"reference\"\n",
    parse,
    propose: |_, _| Vec::new(),
};

/// The recipe's keys, with what a value means. Lengths in photo pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(rename = "type")]
    kind: String,
    /// An edge may lie this far from where the reference has it: etching and cutting jitter, and resampling.
    pub edge_tolerance_px: usize,
    /// Least difference that counts, in lightness (black 0, white 1, about what an 8-bit file holds) after the photo's light has been
    /// taken off. The ringing of JPEG quality 80 beside a black and white edge is 0.15.
    pub contrast: f64,
    /// Smallest nonconformity, pixels outside the envelope.
    pub min_area_px: usize,
    /// Parts of one nonconformity lie at most this far apart.
    pub join_px: usize,
    /// Reported boxes are this much larger on each side than the pixels outside the envelope, as people draw them: a box that hugs
    /// a scratch hides it. Annotators of boards leave 10 px (median of 193 boxes; 9 to 12 for half of them), and the envelope takes
    /// `edge_tolerance_px` off where a nonconformity meets an edge.
    pub box_margin_px: f64,
    /// The border of the reference that is not compared.
    pub border_px: f64,
    /// Least part of the reference that the photo must show.
    pub min_covered: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: TYPE.name.to_owned(),
            edge_tolerance_px: 2,
            contrast: 0.3,
            min_area_px: 10,
            join_px: 6,
            box_margin_px: 10.0,
            border_px: 8.0,
            min_covered: 0.75,
        }
    }
}

/// The check of one recipe.
#[derive(Debug)]
pub struct ReferenceCheck {
    settings: Settings,
    characteristics: [Characteristic; 1],
}

fn parse(entry: &Entry<'_>, _context: &Context<'_>) -> Result<Box<dyn Check>, EntryError> {
    let settings: Settings = entry.read()?;
    let within = |key: &str, value: f64, low: f64, high: f64| {
        if (low..=high).contains(&value) {
            return Ok(());
        }
        Err(EntryError {
            message: format!("`{key}`: expected {low} to {high}, found {value}"),
            span: Some(entry.span()),
        })
    };
    let reach = settings.edge_tolerance_px as f64;
    within("edge_tolerance_px", reach, 0.0, 20.0)?;
    within("contrast", settings.contrast, 0.02, 1.0)?;
    within("min_area_px", settings.min_area_px as f64, 1.0, 1e6)?;
    within("join_px", settings.join_px as f64, 0.0, 50.0)?;
    within("box_margin_px", settings.box_margin_px, 0.0, 200.0)?;
    within("border_px", settings.border_px, reach + 1.0, 1000.0)?;
    within("min_covered", settings.min_covered, 0.1, 1.0)?;
    Ok(Box::new(ReferenceCheck::new(settings)))
}

impl ReferenceCheck {
    /// With these settings.
    pub fn new(settings: Settings) -> Self {
        let characteristic = Characteristic {
            id: "reference.nonconformities".to_owned(),
            check_type: TYPE.name,
            nominal: 0.0,
            lower: None,
            upper: Some(0.0),
            unit: Unit::Count,
        };
        Self { settings, characteristics: [characteristic] }
    }

    fn measure(&self, pose: &PicturePose, part: &RegisteredPart<'_>) -> Observation {
        let Reference::Picture(reference) = part.reference else {
            return Observation::not_measured(Reason::NotAligned {
                detail: "the recipe has no reference picture".into(),
            });
        };
        if pose.covered < self.settings.min_covered {
            return Observation::not_measured(Reason::OutOfPicture);
        }
        let compared = compare(pose, reference, self.settings.border_px, self.settings.edge_tolerance_px);
        let boxes = nonconformities(&compared, &self.settings);
        Observation::measured(boxes.len() as f64, 0.0).at(boxes)
    }
}

impl Check for ReferenceCheck {
    fn characteristics(&self) -> &[Characteristic] {
        &self.characteristics
    }
    fn observe(&self, part: &RegisteredPart<'_>) -> Vec<Observation> {
        vec![match &part.pose {
            Ok(Pose::Picture(pose)) => self.measure(pose, part),
            Ok(_) => {
                Observation::not_measured(Reason::NotAligned { detail: "the recipe has no reference picture".into() })
            }
            Err(reason) => Observation::not_measured(reason.clone()),
        }]
    }
}

/// Boxes of what is outside the envelope, worst first.
fn nonconformities(compared: &Compared, settings: &Settings) -> Vec<PixelRect> {
    let Compared { expected, seen } = compared;
    let mut found = Vec::new();
    for rank in [Rank::Max, Rank::Min] {
        let envelope = rank_filter(expected, settings.edge_tolerance_px, rank);
        let sign = if rank == Rank::Max { 1.0 } else { -1.0 };
        let outside = Raster::from_rows(seen.width, seen.height, |y, out| {
            for ((o, s), e) in out.iter_mut().zip(seen.row(y)).zip(envelope.row(y)) {
                let excess = sign * (s - e);
                // NaN, where nothing is compared, is not greater.
                *o = if excess > settings.contrast as f32 { excess } else { 0.0 };
            }
        });
        found.extend(
            groups(&outside.data, outside.width, settings.join_px)
                .into_iter()
                .filter(|g| g.area >= settings.min_area_px),
        );
    }
    found.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    found.iter().map(|g| boxed(g, settings.box_margin_px, seen)).collect()
}

fn boxed(group: &Group, margin_px: f64, photo: &Raster) -> PixelRect {
    let corners =
        [(group.x0, group.y0), (group.x1, group.y1)].map(|(x, y)| crate::geometry::Point::new(x as f64, y as f64));
    PixelRect::around(corners, margin_px, photo.width as u32, photo.height as u32).expect("a group lies in the photo")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{CalibrationPolicy, Tone, locate};
    use crate::checks::Outcome;
    use crate::design::ReferencePicture;
    use crate::photo::{DecodeLimits, Photo, decode};
    use crate::registration::register;
    use crate::synth::{BoardDefectKind, board};
    use image::GrayImage;

    fn photo(picture: &GrayImage) -> Photo {
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).expect("memory");
        decode(png.get_ref(), &DecodeLimits::default()).expect("a photo")
    }

    fn observe(template: &GrayImage, picture: &GrayImage) -> Observation {
        let policy = CalibrationPolicy::unscaled(Tone::Srgb);
        let reference = Reference::Picture(ReferencePicture::new(photo(template), Tone::Srgb));
        let photo = photo(picture);
        ReferenceCheck::new(Settings::default()).observe(&register(locate(&photo, &policy), &reference)).remove(0)
    }

    #[test]
    fn defects_of_drawn_boards_are_boxed_and_nothing_else() {
        let (mut defects, mut missed) = (0, 0);
        for seed in 0..6 {
            let board = board(seed);
            let found = observe(&board.template, &board.test).regions;
            for defect in &board.defects {
                defects += 1;
                if !found.iter().any(|r| r.iou(defect.region) > 0.33) {
                    // Said in the honest scope: a bite 9 px wide and half as deep, less the edge tolerance.
                    assert!(
                        defect.kind == BoardDefectKind::Mousebite && defect.region.w <= 25,
                        "board {seed}: {defect:?} in {found:?}"
                    );
                    missed += 1;
                }
            }
            for r in &found {
                assert!(board.defects.iter().any(|d| r.iou(d.region) > 0.33), "board {seed}: {r:?} is nobody's");
            }
        }
        assert!(defects >= 40 && missed <= 1, "{missed} of {defects} missed");
    }

    /// A grey part with texture, lit from the left.
    fn lit(stain: bool) -> GrayImage {
        GrayImage::from_fn(480, 400, |x, y| {
            let (x, y) = (f64::from(x), f64::from(y));
            let inside =
                (60.0..420.0).contains(&x) && (50.0..350.0).contains(&y) && libm::hypot(x - 150.0, y - 120.0) > 30.0;
            let grey = if inside { 150.0 + 15.0 * libm::sin(x / 9.0) * libm::cos(y / 14.0) } else { 60.0 };
            let stained = stain && libm::hypot(x - 300.0, y - 250.0) < 9.0;
            image::Luma([(grey - if stained { 95.0 } else { 0.0 }) as u8])
        })
    }

    fn shaded(picture: &GrayImage) -> GrayImage {
        GrayImage::from_fn(480, 400, |x, y| {
            let lamp = 1.15 - 0.5 * f64::from(x) / 480.0;
            image::Luma([(f64::from(picture.get_pixel(x, y).0[0]) * lamp) as u8])
        })
    }

    #[test]
    fn a_lamp_that_has_moved_is_no_nonconformity_but_a_stain_is() {
        let good = lit(false);
        assert_eq!(observe(&good, &shaded(&good)), Observation::measured(0.0, 0.0));
        let stained = observe(&good, &shaded(&lit(true)));
        assert_eq!(stained.outcome, Outcome::Measured { value: 1.0, u: 0.0 });
        let truth = PixelRect::from([281, 231, 39, 39]);
        assert!(stained.regions[0].iou(truth) > 0.6, "{:?}", stained.regions);
    }

    #[test]
    fn a_photo_of_the_middle_only_is_not_measured() {
        let good = lit(false);
        let middle = image::imageops::crop_imm(&good, 35, 30, 410, 340).to_image();
        assert_eq!(observe(&good, &middle).outcome, Outcome::NotMeasured(Reason::OutOfPicture));
    }

    #[test]
    fn another_board_is_not_measured_or_full_of_boxes() {
        let seen = observe(&board(1).template, &board(2).template);
        let aligned = matches!(seen.outcome, Outcome::Measured { .. });
        assert!(!aligned || seen.regions.len() > 5, "{seen:?}");
    }
}
