//! `region = [x, y, w, h]`: the part of the photo that a check looks at.

use super::{Context, EntryError};
use crate::design::Reference;
use crate::geometry::{DesignMm, ImagePx, Mm, PixelRect, Point, ReferencePx};
use crate::reason::Reason;
use crate::registration::RegisteredPart;

/// Where a check looks.
///
/// In a recipe with a drawing the four numbers are millimetres of the drawing: left, lower end, width, height. Else they are fractions, 0
/// to 1, of the reference picture or, when there is none, of the photo: left, upper end, width, height. With a drawing or a picture a region
/// moves and turns with the part.
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

/// A region in the photo.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Upper left, upper right, lower right and lower left corner as the region's own frame has them. They are corners of pixels: a photo reaches
    /// from -0.5 to its width less 0.5.
    corners: [Point<ImagePx>; 4],
    /// The pixels around it.
    pub pixels: PixelRect,
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
    /// As [`place`](Self::place).
    pub fn pixels(&self, part: &RegisteredPart<'_>) -> Result<PixelRect, Reason> {
        self.place(part).map(|placed| placed.pixels)
    }

    /// Where it lies in the photo.
    ///
    /// # Errors
    /// Why there is none: the part was not found, or the region is not wholly in the photo. What lies outside is not measured, never
    /// "missing".
    pub fn place(&self, part: &RegisteredPart<'_>) -> Result<Placed, Reason> {
        let (width, height) = (part.located.photo.width(), part.located.photo.height());
        let (pw, ph) = (f64::from(width), f64::from(height));
        let corners = |[x, y, w, h]: [f64; 4]| [(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
        let corners: [Point<ImagePx>; 4] = match *self {
            Self::Photo => corners([0.0, 0.0, pw, ph]).map(|(x, y)| Point::new(x - 0.5, y - 0.5)),
            // Fractions count from the picture's edge, pixels from the centre of the first.
            Self::OfPhoto(box_) => corners(box_).map(|(x, y)| Point::new(x * pw - 0.5, y * ph - 0.5)),
            Self::OfPicture(box_) => {
                let pose = part.picture()?;
                corners(box_).map(|(x, y)| pose.image_from_reference.apply(Point::<ReferencePx>::new(x - 0.5, y - 0.5)))
            }
            Self::OfDrawing([x, y, w, h]) => {
                let pose = part.drawing()?;
                let camera = part.located.camera();
                // Up in the drawing is up in the region: its upper corners have the larger y.
                corners([x, y + h, w, -h]).map(|(x, y)| {
                    let on_plane = pose.plane_from_design.apply(Point::<DesignMm>::new(x, y));
                    camera.image_from_plane(on_plane, Mm(0.0))
                })
            }
        };
        // Half a pixel of rounding is no part of a feature.
        let inside = |p: &Point<ImagePx>| p.x >= -1.0 && p.y >= -1.0 && p.x <= pw && p.y <= ph;
        if !corners.iter().all(inside) {
            return Err(Reason::OutOfPicture);
        }
        // A corner on the border between two pixels does not mean the next one.
        let pixels = PixelRect::around(corners, -0.01, width, height).ok_or(Reason::OutOfPicture)?;
        Ok(Placed { corners, pixels })
    }
}

impl Placed {
    /// Upper left, upper right and lower left corner.
    pub const fn frame(&self) -> [Point<ImagePx>; 3] {
        [self.corners[0], self.corners[1], self.corners[3]]
    }
    /// True for a position inside (pixel centres are whole numbers).
    pub fn contains(&self, p: Point<ImagePx>) -> bool {
        let sides: [f64; 4] = std::array::from_fn(|i| {
            let (a, b) = (self.corners[i], self.corners[(i + 1) % 4]);
            (b - a).cross(p - a)
        });
        sides.iter().all(|t| *t >= 0.0) || sides.iter().all(|t| *t <= 0.0)
    }
}
