//! `reference`: nonconformities against a picture of a good part.

use super::{Characteristic, Check, CheckType, Entry, EntryError, Needs, Observation, Unit};
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
    honest_scope: "One view of one side at about the reference's own scale. A nonconformity thinner than the edge tolerance along an edge, smaller than min_area_px or fainter than contrast is not seen; gloss and shadows that move are nonconformities to it",
    needs: Needs::Picture,
    example: "type = \"reference\"\n",
    parse,
    propose: |_| Vec::new(),
};

/// The recipe's keys, with what a value means. Lengths in photo pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    #[serde(rename = "type")]
    kind: String,
    /// An edge may lie this far from where the reference has it: etching and cutting jitter, and resampling.
    pub edge_tolerance_px: usize,
    /// Least difference that counts, in lightness (black 0, white 1) of the reference.
    pub contrast: f64,
    /// Smallest nonconformity, pixels outside the envelope.
    pub min_area_px: usize,
    /// Parts of one nonconformity lie at most this far apart.
    pub join_px: usize,
    /// Reported boxes are this much larger on each side than the pixels outside the envelope, as people draw them: a box that hugs
    /// a scratch hides it.
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

fn parse(entry: &Entry<'_>, _reference: &Reference) -> Result<Box<dyn Check>, EntryError> {
    Ok(Box::new(ReferenceCheck::new(entry.read()?)))
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
        let compared = compare(pose, reference, self.settings.border_px);
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
