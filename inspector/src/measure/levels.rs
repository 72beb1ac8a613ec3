//! The row of levels across a rim: face, wall, shadow, sheet, as a blurred picture shows them.

use super::penumbra::Penumbra;
use super::wall::Strip;
use crate::geometry::cumulative_and_density;

/// Unknowns of a row: sheet, face - sheet, wall - sheet, shadow - sheet, shift, blur (px).
pub(crate) const N: usize = 6;
/// Noise of a pixel, as a share of the contrast, against which what is known beforehand is weighed.
pub(crate) const NOISE: f64 = 0.015;

/// How light the walls of a part are, as a share of the contrast of part and sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walls {
    /// How much nearer they are to the sheet than the face is: 0 like the face, 1 like the sheet, negative beyond the face.
    pub lighter: f64,
    /// Standard uncertainty of that, for any one of them: a lamp lights each side of a part otherwise.
    pub u: f64,
}

impl Walls {
    /// Like the face, where nothing else is known.
    pub const UNSEEN: Self = Self { lighter: 0.0, u: 0.5 };
}

/// A row of levels with its unknowns as they are assumed.
pub(crate) struct Levels {
    q: [f64; N],
    /// Width of the wall, px; infinite when the face is not looked at.
    wall_px: f64,
    penumbra: Option<Penumbra>,
}

/// The light at a place, as a share of the contrast, and how it changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Light {
    pub(crate) value: f64,
    /// With each unknown.
    pub(crate) by: [f64; N],
    /// Per px of the shadow's width, and of its softness.
    pub(crate) by_width: f64,
    pub(crate) by_soft: f64,
}

impl Levels {
    /// `wall_px` is infinite where the face is not looked at; of the shadow, its width and softness are taken, its depth is `q[3]`.
    pub(crate) fn new(q: [f64; N], wall_px: f64, shadow: Option<&Strip>) -> Self {
        let penumbra = shadow.map(|s| Penumbra::new(s.width_px, s.soft_px, q[5]));
        Self { q, wall_px, penumbra }
    }

    /// At `d` px from the nominal rim.
    pub(crate) fn at(&self, d: f64) -> Light {
        let [sheet, face, wall, depth, shift, blur] = self.q;
        let (u, inverse) = (d - shift, 1.0 / blur);
        // Share left of each border, and how fast it falls there.
        let border = |z: f64| {
            let (share, density) = cumulative_and_density(-z);
            (share, density * inverse)
        };
        let z = u * inverse;
        let (rim, rim_slope) = border(z);
        let zf = (u + self.wall_px) * inverse;
        let (inner, inner_slope) = if self.wall_px.is_finite() { border(zf) } else { (0.0, 0.0) };
        let shade = self.penumbra.as_ref().map(|p| p.at(u)).unwrap_or_default();
        let slopes = [(face - wall) * inner_slope, wall * rim_slope];
        let zf = if self.wall_px.is_finite() { zf } else { 0.0 };
        Light {
            value: sheet + face * inner + wall * (rim - inner) + depth * shade.share,
            by: [
                1.0,
                inner,
                rim - inner,
                shade.share,
                slopes[0] + slopes[1] - depth * shade.by_place,
                slopes[0] * zf + slopes[1] * z + depth * shade.by_blur,
            ],
            by_width: depth * shade.by_width,
            by_soft: depth * shade.by_soft,
        }
    }
}
