//! `region = [x, y, w, h]`: the part of the photo that a check looks at.

use super::{Context, EntryError};
use crate::design::Reference;
use crate::geometry::{DesignMm, ImagePx, Mm, PixelRect, Point, ReferencePx};
use crate::reason::Reason;
use crate::registration::RegisteredPart;

/// Where a check looks.
///
/// In a recipe with a drawing the four numbers are millimetres of the drawing: left, lower end, width, height. Else they are fractions, 0
/// to 1, of the reference picture or, when there is none, of the photo: left, upper end, width, height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Region {
    /// Everywhere.
    Photo,
    /// Fractions of the photo.
    OfPhoto([f64; 4]),
    /// Pixels of the reference picture.
    OfPicture([f64; 4]),
    /// Millimetres of the drawing.
    OfDrawing([f64; 4]),
}

impl Region {
    /// Reads the key `region` of an entry.
    ///
    /// # Errors
    /// What was expected and what was found.
    pub fn read(said: Option<[f64; 4]>, context: &Context<'_>) -> Result<Self, EntryError> {
        let Some(box_ @ [x, y, w, h]) = said else { return Ok(Self::Photo) };
        let expected =
            |what: &str| Err(EntryError::new(format!("`region`: expected {what}, found [{x}, {y}, {w}, {h}]")));
        if !box_.iter().all(|v| v.is_finite()) || w <= 0.0 || h <= 0.0 {
            return expected("[x, y, width, height] with width and height above 0");
        }
        match context.reference {
            Reference::Drawing(_) => Ok(Self::OfDrawing(box_)),
            _ if x < 0.0 || y < 0.0 || x + w > 1.000_001 || y + h > 1.000_001 => {
                expected("fractions of the picture, [x, y, width, height] with x + width and y + height at most 1")
            }
            Reference::Picture(picture) => {
                let (pw, ph) = (f64::from(picture.photo.width()), f64::from(picture.photo.height()));
                Ok(Self::OfPicture([x * pw, y * ph, w * pw, h * ph]))
            }
            Reference::Photo => Ok(Self::OfPhoto(box_)),
        }
    }

    /// The upright box in the photo.
    ///
    /// # Errors
    /// Why there is none: the part was not found, or the region is not wholly in the photo. What lies outside is not measured, never
    /// "missing".
    pub fn pixels(&self, part: &RegisteredPart<'_>) -> Result<PixelRect, Reason> {
        let (width, height) = (part.located.photo.width(), part.located.photo.height());
        let corners = |[x, y, w, h]: [f64; 4]| [(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
        let points: [Point<ImagePx>; 4] = match *self {
            Self::Photo => return Ok(PixelRect { x: 0, y: 0, w: width, h: height }),
            Self::OfPhoto(box_) => {
                let (pw, ph) = (f64::from(width), f64::from(height));
                // Fractions count from the picture's edge, pixels from the centre of the first.
                corners(box_).map(|(x, y)| Point::new((x * pw - 0.5).min(pw - 0.6), (y * ph - 0.5).min(ph - 0.6)))
            }
            Self::OfPicture(box_) => {
                let pose = part.picture()?;
                corners(box_).map(|(x, y)| pose.image_from_reference.apply(Point::<ReferencePx>::new(x - 0.5, y - 0.5)))
            }
            Self::OfDrawing(box_) => {
                let pose = part.drawing()?;
                let camera = &part.located.camera;
                corners(box_).map(|(x, y)| {
                    let on_plane = pose.plane_from_design.apply(Point::<DesignMm>::new(x, y));
                    camera.image_from_plane(on_plane, Mm(0.0))
                })
            }
        };
        let inside = |p: &Point<ImagePx>| {
            // Half a pixel of rounding is no part of a feature.
            p.x >= -1.0 && p.y >= -1.0 && p.x <= f64::from(width) && p.y <= f64::from(height)
        };
        if !points.iter().all(inside) {
            return Err(Reason::OutOfPicture);
        }
        PixelRect::around(points, 0.0, width, height).ok_or(Reason::OutOfPicture)
    }
}
