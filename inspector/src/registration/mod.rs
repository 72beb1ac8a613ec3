//! Where the part lies: the pose of the design in the photo, found from the photo alone.

mod choice;
mod coarse;
mod drawing;
mod picture;
mod places;
mod rigid;
mod shadow;
mod window;

pub use drawing::{ContourEdge, DrawingPose, blur_of};
pub use picture::PicturePose;
pub use shadow::{Place, Shadow};
pub(crate) use window::BESIDE_PX;

use crate::calibration::Located;
use crate::design::Reference;
use crate::identity::Identity;
use crate::reason::Reason;

/// A photo whose part has been found.
#[derive(Debug)]
pub struct RegisteredPart<'a> {
    /// The photo and its camera.
    pub located: Located<'a>,
    /// What the part is compared with.
    pub reference: &'a Reference,
    /// The pose, or why none was found. Without a pose nothing is measured and the part is referred to a person.
    pub pose: Result<Pose, Reason>,
    /// What is known of its identity so far: given by a person, or told by a code that was read before.
    pub said: Identity,
}

impl RegisteredPart<'_> {
    /// The pose of the drawing.
    ///
    /// # Errors
    /// Why there is none.
    pub fn drawing(&self) -> Result<&DrawingPose, Reason> {
        match &self.pose {
            Ok(Pose::Drawing(pose)) => Ok(pose),
            // A recipe with a picture has no check that asks for a drawing: recipes are refused for it.
            Ok(Pose::Picture(_) | Pose::Photo) => Err(Reason::NoPart),
            Err(reason) => Err(reason.clone()),
        }
    }
    /// The pose of the reference picture.
    ///
    /// # Errors
    /// Why there is none.
    pub fn picture(&self) -> Result<&PicturePose, Reason> {
        match &self.pose {
            Ok(Pose::Picture(pose)) => Ok(pose),
            Ok(Pose::Drawing(_) | Pose::Photo) => Err(Reason::NoPart),
            Err(reason) => Err(reason.clone()),
        }
    }
}

/// A pose of one kind of reference.
#[derive(Debug)]
pub enum Pose {
    /// Of a drawing.
    Drawing(Box<DrawingPose>),
    /// Of a reference picture.
    Picture(PicturePose),
    /// Nothing was looked for: the photo itself.
    Photo,
}

/// Second stage: finds the part.
pub fn register<'a>(mut located: Located<'a>, reference: &'a Reference) -> RegisteredPart<'a> {
    if let Reference::Drawing(design) = reference {
        located.worlds.of_thickness(design.body.thickness_mm, design.body.u_thickness_mm);
    }
    let pose = match reference {
        Reference::Drawing(design) => drawing::find(&located, design).map(|pose| Pose::Drawing(Box::new(pose))),
        Reference::Picture(picture) => picture::align(&located, picture).map(Pose::Picture),
        Reference::Photo => Ok(Pose::Photo),
    };
    RegisteredPart { located, reference, pose, said: Identity::default() }
}
