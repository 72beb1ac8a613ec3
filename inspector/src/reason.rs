//! Why something could not be measured: a result of its own, told to the person with what to do.

use crate::geometry::Mm;
use serde::Serialize;
use thiserror::Error;

/// Why a feature was not measured. The sentence names what is wrong and what to do; [`Reason::code`] is for programs.
#[derive(Clone, Debug, PartialEq, Error, Serialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// No part stands out from its background.
    #[error("no part found in the photo: put one part on a plain background that is clearly darker or lighter")]
    NoPart,
    /// The part touches the edge of the picture.
    #[error("the part reaches beyond the picture: move it, or move the camera back, until all of it is seen")]
    PartOutsidePicture,
    /// The part touches the edge of the mat's work area.
    #[error("the part reaches beyond the work area of the mat: move it until all of it lies inside")]
    PartOutsideArea,
    /// Several parts in one photo.
    #[error("{found} parts found, expected one: photograph one part at a time")]
    SeveralParts {
        /// How many stand out.
        found: usize,
    },
    /// Something stands out, but it does not fit the design.
    #[error(
        "this does not look like the part of the recipe (only {overlap_percent:.0} % of the two shapes overlap): check part, revision and scale"
    )]
    NotThisPart {
        /// Overlap of the shapes (intersection over union), percent.
        overlap_percent: f64,
    },
    /// The part lies on its face.
    #[error("the part lies on its other side, or was made mirrored: turn it over and take another photo")]
    Flipped,
    /// It is nearly the part of the recipe, but a good share of its contour lies elsewhere.
    #[error(
        "this looks like another revision of the part ({share_percent:.0} % of its contour is not where the drawing has it, most of it at {feature}): check part and revision"
    )]
    WrongRevision {
        /// The feature that is farthest from the drawing.
        feature: String,
        /// Share of the contour's length that is off, percent.
        share_percent: f64,
    },
    /// Reference picture and photo cannot be brought into line.
    #[error("the photo cannot be aligned with the reference picture ({detail}): show the same side, whole and sharp")]
    NotAligned {
        /// What failed.
        detail: String,
    },
    /// The feature's place is not in the photo.
    #[error("this feature lies outside the picture: move the part so that all of it is seen")]
    OutOfPicture,
    /// Too few edge points were found.
    #[error("edge found at {found} of {expected} places: clean the part, and check light and focus")]
    NoEdge {
        /// Places with an edge.
        found: usize,
        /// Places looked at.
        expected: usize,
    },
    /// The part is between the camera and the edge.
    #[error(
        "the part itself hides this edge from the camera at {hidden} of {expected} places: hold the camera more straight above"
    )]
    HiddenEdge {
        /// Places that are hidden.
        hidden: usize,
        /// Places looked at.
        expected: usize,
    },
    /// Material where an opening should be.
    #[error("there is material where this opening should be: it is closed, missing, or elsewhere")]
    NoOpening,
    /// The part's shadow is as dark as the part.
    #[error("the part's own shadow hides this edge: light the part from all sides")]
    OwnShadow,
    /// Light that the camera cannot tell beside the edge: a reflex, or a spot or a part lit too much.
    #[error("too bright to measure: something shines at this edge; move the light, or expose shorter")]
    Glare,
    /// The edge points form no such figure.
    #[error("the edge points do not form the expected figure: {detail}")]
    NoFit {
        /// What failed.
        detail: String,
    },
    /// The picture is too coarse for the feature.
    #[error(
        "this feature is only {size_px:.1} px in the picture, expected at least {expected_px:.0}: use a closer view"
    )]
    TooSmall {
        /// Its size, px.
        size_px: f64,
        /// Smallest size that can be measured, px.
        expected_px: f64,
    },
    /// An arc whose radius cannot be known.
    #[error(
        "this arc is too short for this camera (it rises {depth_px:.1} px over its chord, expected at least {expected_px:.1}): use a closer view, or a radius gauge"
    )]
    ShortArc {
        /// How far it rises over its chord, px.
        depth_px: f64,
        /// Least rise that says something of a radius, px.
        expected_px: f64,
    },
    /// No code where one is demanded.
    #[error("no code found: show the whole code, sharp and with blank space round it")]
    CodeNone,
    /// A code that gives no text.
    #[error(
        "there is something like a code, but it cannot be read: clean it, hold it flat and sharp, or print it again"
    )]
    CodeUnreadable,
    /// Bars whose check digit does not fit.
    #[error(
        "the check digit of the code does not fit its bars{}: the code is damaged or was printed wrong; print it again",
        digits.as_ref().map(|d| format!(" ({d})")).unwrap_or_default()
    )]
    CodeCheckDigit {
        /// The digits as they were read, when they could be.
        digits: Option<String>,
    },
    /// More than one text.
    #[error("{} different codes found ({}), expected one: cover the others, or name formats or region in the recipe", texts.len(), texts.join(", "))]
    CodeSeveral {
        /// What they say, shortened.
        texts: Vec<String>,
    },
    /// The code says something else than the worker.
    #[error("the code says {what} {read}, but {what} {given} was given: find out which is right, then inspect again")]
    CodeDisagrees {
        /// `serial`, `lot` or `order`.
        what: &'static str,
        /// What the code says, shortened.
        read: String,
        /// What was given, shortened.
        given: String,
    },
    /// The code is to be compared with what nobody gave.
    #[error("no {what} was given to compare the code with: give the {what}, then inspect again")]
    CodeNothingToCompare {
        /// `serial`, `lot` or `order`.
        what: &'static str,
    },
    /// The code's text cannot be a serial number, lot or order.
    #[error(
        "the code's text {read} cannot be the {what} ({detail}): use another code, or a pattern with a group named {what}"
    )]
    CodeUnfit {
        /// `serial`, `lot` or `order`.
        what: &'static str,
        /// What the code says, shortened.
        read: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The number that came out is not one.
    #[error("the measurement gave no finite number")]
    NotFinite,
    /// Two poses fit almost equally well.
    #[error("the part fits in two ways ({first:.3} and {second:.3}): a feature that tells them apart is missing")]
    Ambiguous {
        /// Residual of the better pose.
        first: Mm,
        /// Residual of the other.
        second: Mm,
    },
    /// No mat in the photo.
    #[error("no mat found: photograph the part on its printed mat, with the tags round it in the picture")]
    NoMat,
    /// Some tags, too few.
    #[error("only {found} of {expected} tags of the mat can be read: uncover it, and show all of it, sharp")]
    MatTooLittle {
        /// Tags that were read.
        found: usize,
        /// Tags on the mat.
        expected: usize,
    },
    /// A good part of the mat lies outside the picture.
    #[error("the mat reaches beyond the picture: move the camera back until all of it is seen")]
    MatOutside,
    /// A quarter of the mat shows no tags.
    #[error("the {corner} of the mat is covered: move what lies there, so that tags are seen on all sides")]
    MatCornerCovered {
        /// Which, as printed.
        corner: &'static str,
    },
    /// The tags are those of another mat.
    #[error("this is {found}, the recipe expects {expected}: use that mat, or change the recipe")]
    AnotherMat {
        /// The recipe's mat, such as `mat 17 on A4`.
        expected: String,
        /// The mat in the photo.
        found: String,
    },
    /// Left and right are exchanged.
    #[error("the photo is a mirror image: turn off mirroring in the camera")]
    MatMirrored,
    /// The sheet is bent, or not one plane.
    #[error("the mat does not lie flat ({detail}): glue it to a flat board, or hold it flatter")]
    MatNotFlat {
        /// How much.
        detail: String,
    },
    /// The camera looks from the side.
    #[error(
        "the mat is seen at {tilt_deg:.0} degrees, expected at most {most_deg:.0}: hold the camera more straight above it"
    )]
    MatTilted {
        /// Angle between the camera's axis and the sheet's normal, degrees.
        tilt_deg: f64,
        /// Largest angle that is believed, degrees.
        most_deg: f64,
    },
    /// What was measured of the print cannot be right.
    #[error("the distances in the recipe are not those of this mat ({detail}): measure them again, x across and y up")]
    MatDistances {
        /// What contradicts them.
        detail: String,
    },
    /// The camera record contradicts the photo.
    #[error(
        "the camera record is not of this camera, zoom and focus ({detail}): take the right record, or calibrate again"
    )]
    CameraRecord {
        /// What does not fit.
        detail: String,
    },
    /// The picture is not as the camera took it.
    #[error(
        "a picture of {width} x {height} px has a shape that few cameras make: it was cropped or stretched; give the photo as it was taken, or calibrate the camera and name its record in the recipe"
    )]
    MatCropped {
        /// Width of the picture, px.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The sheet's axes are not square to each other in the photo.
    #[error(
        "the mat is seen askew: the camera moved while it took the picture, or the sheet was printed askew; hold still, then print the mat again"
    )]
    MatSkewed,
    /// Too little light.
    #[error("too dark: white paper has {white_percent:.0} % of full light; add light or expose longer")]
    MatTooDark {
        /// Light of white paper, percent of the brightest code's.
        white_percent: f64,
    },
    /// Too much light.
    #[error(
        "overexposed: {clipped_percent:.0} % of the white paper is at the brightest code; expose shorter or dim the light"
    )]
    MatOverexposed {
        /// Share of white places at the brightest code, percent.
        clipped_percent: f64,
    },
    /// Something shines on the mat.
    #[error("glare on the mat: move the light or the camera until nothing shines")]
    MatGlare,
    /// Out of focus, or moved.
    #[error("out of focus or moved: edges are blurred by {blur_px:.1} px; focus on the mat and hold still")]
    MatBlurred {
        /// Standard deviation of the blur, px.
        blur_px: f64,
    },
    /// Light differs too much over the mat.
    #[error(
        "the light is uneven: it changes by {percent:.0} % over the mat; light it from both sides or from farther away"
    )]
    MatUneven {
        /// Brightest minus darkest white over the middle one, percent.
        percent: f64,
    },
    /// The light has a strong colour.
    #[error("the light is strongly coloured: use white light")]
    MatColoured,
    /// Red and blue are exchanged.
    #[error(
        "red and blue are exchanged in this photo: set the camera, or the program that saves its pictures, to RGB instead of BGR"
    )]
    MatColours,
    /// The grey wedges cannot be used.
    #[error(
        "the grey steps at the sides of the mat are covered, shaded or badly printed: uncover one of them, or print the mat again"
    )]
    MatWedge,
    /// A learned model gave no answer, or none that can be believed.
    #[error(
        "model {model} gave no usable answer (expected {expected}, found {found}): judge this part by hand, and have the model looked at"
    )]
    ModelFault {
        /// Name of the model's folder.
        model: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

impl Reason {
    /// True for what is wrong with the part itself: it was not measured because it is not what it should be, and that is a fault.
    pub const fn is_fault(&self) -> bool {
        matches!(self, Self::Flipped | Self::WrongRevision { .. })
    }

    /// A text from outside, in quotation marks, control characters written out, at most 60 characters of it.
    pub fn shown(text: &str) -> String {
        let short: String = text.chars().take(60).collect();
        if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
    }

    /// A stable word for programs, such as `no-edge`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPart => "no-part",
            Self::PartOutsidePicture => "part-outside-picture",
            Self::PartOutsideArea => "part-outside-area",
            Self::Flipped => "flipped",
            Self::WrongRevision { .. } => "wrong-revision",
            Self::SeveralParts { .. } => "several-parts",
            Self::NotThisPart { .. } => "not-this-part",
            Self::NotAligned { .. } => "not-aligned",
            Self::OutOfPicture => "out-of-picture",
            Self::NoEdge { .. } => "no-edge",
            Self::HiddenEdge { .. } => "hidden",
            Self::NoOpening => "no-opening",
            Self::OwnShadow => "own-shadow",
            Self::Glare => "glare",
            Self::NoFit { .. } => "no-fit",
            Self::TooSmall { .. } => "too-small",
            Self::ShortArc { .. } => "short-arc",
            Self::CodeNone => "code-none",
            Self::CodeUnreadable => "code-unreadable",
            Self::CodeCheckDigit { .. } => "code-check-digit",
            Self::CodeSeveral { .. } => "code-several",
            Self::CodeDisagrees { .. } => "code-disagrees",
            Self::CodeNothingToCompare { .. } => "code-nothing-to-compare",
            Self::CodeUnfit { .. } => "code-unfit",
            Self::NotFinite => "not-finite",
            Self::Ambiguous { .. } => "ambiguous",
            Self::NoMat => "no-mat",
            Self::MatTooLittle { .. } => "mat-too-little",
            Self::MatOutside => "mat-outside",
            Self::MatCornerCovered { .. } => "mat-corner-covered",
            Self::AnotherMat { .. } => "another-mat",
            Self::MatMirrored => "mat-mirrored",
            Self::MatNotFlat { .. } => "mat-not-flat",
            Self::MatTilted { .. } => "mat-tilted",
            Self::MatDistances { .. } => "mat-distances",
            Self::CameraRecord { .. } => "camera-record",
            Self::MatTooDark { .. } => "mat-too-dark",
            Self::MatOverexposed { .. } => "mat-overexposed",
            Self::MatGlare => "mat-glare",
            Self::MatBlurred { .. } => "mat-blurred",
            Self::MatUneven { .. } => "mat-uneven",
            Self::MatCropped { .. } => "mat-cropped",
            Self::MatSkewed => "mat-skewed",
            Self::MatColoured => "mat-coloured",
            Self::MatColours => "mat-colours",
            Self::MatWedge => "mat-wedge",
            Self::ModelFault { .. } => "model-fault",
        }
    }
}
