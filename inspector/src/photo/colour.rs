//! Colours to sRGB (IEC 61966-2-1).
//!
//! `moxcms` reads the profile; the conversion itself is a table per channel, a matrix and a table back, in whole numbers, so that
//! every machine gives the same bits (the SIMD paths of a colour engine need not).

use super::{PhotoError, Picture};
use moxcms::{ColorProfile, DataColorSpace, ProfileText, ToneReprCurve, TransferCharacteristics};
use rayon::prelude::*;

/// What a file says about its colours.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Colours {
    /// Nothing, or sRGB.
    Srgb,
    /// Adobe RGB (1998), said by DCF's file convention.
    AdobeRgb,
    /// Display P3, said by a code point (ITU-T H.273).
    DisplayP3,
    /// An ICC profile (ICC.1:2022).
    Icc(Vec<u8>),
}

/// Linear light of 1.0 in the fixed-point arithmetic: 14 bits, a fifth of the smallest step of an sRGB code.
const ONE: i32 = 1 << 14;

/// The picture in sRGB. Cost: 60 ms for 12 megapixels of another colour space, one thread; nothing for sRGB under any name.
///
/// # Errors
/// [`PhotoError::Profile`] names a profile that is not a tone curve and a matrix.
pub(super) fn to_srgb(picture: Picture, colours: &Colours) -> Result<Picture, PhotoError> {
    let profile = match colours {
        Colours::Srgb => return Ok(picture),
        Colours::AdobeRgb => ColorProfile::new_adobe_rgb(),
        Colours::DisplayP3 => ColorProfile::new_display_p3(),
        Colours::Icc(bytes) => {
            ColorProfile::new_from_slice(bytes).map_err(|e| refusal("an ICC profile that cannot be read", e))?
        }
    };
    let name = name(&profile);
    let light_curves = curves(&profile).map_err(|detail| refusal(&name, detail))?;
    match (picture, light_curves) {
        (Picture::Grey(mut p), curves) => {
            let table = codes(&curves[0].light(256, &name)?, 255);
            p.iter_mut().for_each(|v| *v = table[usize::from(*v)] as u8);
            Ok(Picture::Grey(p))
        }
        (Picture::Grey16(mut p), curves) => {
            let table = codes(&curves[0].light(65536, &name)?, 65535);
            p.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
            Ok(Picture::Grey16(p))
        }
        (Picture::Colour(mut p), curves) => {
            let [red, green, blue] = &curves[..] else {
                return Err(refusal(&name, "it is for grey pictures and the photo is in colour"));
            };
            let tables = [red.light(256, &name)?, green.light(256, &name)?, blue.light(256, &name)?];
            let conversion = Conversion::new(&profile, tables).map_err(|detail| refusal(&name, detail))?;
            if !conversion.is_srgb_by_another_name() {
                p.par_chunks_mut(3 * 4096).for_each(|pixels| {
                    pixels.as_chunks_mut().0.iter_mut().for_each(|rgb| *rgb = conversion.apply(*rgb))
                });
            }
            Ok(Picture::Colour(p))
        }
    }
}

fn refusal(name: &str, detail: impl ToString) -> PhotoError {
    PhotoError::Profile { name: name.to_owned(), detail: detail.to_string() }
}

/// The name that a profile gives itself.
fn name(profile: &ColorProfile) -> String {
    let text = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.clone(),
        Some(ProfileText::Localizable(texts)) => texts.first().map(|t| t.value.clone()).unwrap_or_default(),
        Some(ProfileText::Description(d)) if d.ascii_string.is_empty() => d.unicode_string.clone(),
        Some(ProfileText::Description(d)) => d.ascii_string.clone(),
        None => String::new(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    if text.is_empty() { "an unnamed colour profile".to_owned() } else { format!("colour profile {text:?}") }
}

/// A tone curve: code to linear light.
struct Curve<'p>(&'p ToneReprCurve);

impl Curve<'_> {
    /// Light in [0, 1] of each of `n` codes.
    fn light(&self, n: usize, name: &str) -> Result<Vec<f64>, PhotoError> {
        let curve = self.0.make_linear_evaluator().map_err(|e| refusal(name, e))?;
        let light: Vec<_> = (0..n).map(|c| f64::from(curve.evaluate_value(c as f32 / (n - 1) as f32))).collect();
        // A curve that does not rise makes different colours equal: nothing can be measured on it.
        if light.iter().all(|l| l.is_finite()) && light[n - 1] - light[0] > 0.5 {
            Ok(light)
        } else {
            Err(refusal(name, "its tone curve does not rise from black to white"))
        }
    }
}

/// One curve for grey, three for colour.
fn curves(profile: &ColorProfile) -> Result<Vec<Curve<'_>>, String> {
    if let Some(code_points) = &profile.cicp
        && matches!(
            code_points.transfer_characteristics,
            TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg
        )
    {
        return Err("it is for high dynamic range".to_owned());
    }
    match profile.color_space {
        DataColorSpace::Gray => profile.gray_trc.as_ref().map(|c| vec![Curve(c)]),
        DataColorSpace::Rgb => match (&profile.red_trc, &profile.green_trc, &profile.blue_trc) {
            (Some(r), Some(g), Some(b)) => Some(vec![Curve(r), Curve(g), Curve(b)]),
            _ => None,
        },
        other => return Err(format!("it is for {other:?} colours")),
    }
    .ok_or_else(|| "it has no tone curves, only a table".to_owned())
}

/// Codes in sRGB of linear light, `white` for 1.0.
fn codes(light: &[f64], white: u16) -> Vec<u16> {
    light.iter().map(|l| (srgb_code(l.clamp(0.0, 1.0)) * f64::from(white)).round() as u16).collect()
}

/// The sRGB curve: code in [0, 1] of light in [0, 1].
fn srgb_code(light: f64) -> f64 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * libm::pow(light, 1.0 / 2.4) - 0.055 }
}

/// From 8-bit codes of a matrix profile to 8-bit sRGB.
struct Conversion {
    light: [Vec<i32>; 3],
    srgb_from_profile: [[i32; 3]; 3],
    code: Vec<u8>,
}

impl Conversion {
    fn new(profile: &ColorProfile, light: [Vec<f64>; 3]) -> Result<Self, &'static str> {
        let matrix = profile.transform_matrix(&ColorProfile::new_srgb()).v;
        // White must stay white: every row of the matrix sums to one. Seven is far beyond any real set of primaries (ProPhoto has 3),
        // and keeps the sums below within 32 bits.
        let sound = matrix
            .iter()
            .all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 0.02 && row.iter().map(|m| m.abs()).sum::<f64>() < 7.0);
        if !sound {
            return Err("its primary colours do not add up to white");
        }
        let one = f64::from(ONE);
        Ok(Self {
            light: light.map(|l| l.iter().map(|l| (l.clamp(0.0, 1.0) * one).round() as i32).collect()),
            srgb_from_profile: matrix.map(|row| row.map(|m| (m * one).round() as i32)),
            code: (0..=ONE).map(|l| (255.0 * srgb_code(f64::from(l) / one)).round() as u8).collect(),
        })
    }
    #[inline]
    fn apply(&self, rgb: [u8; 3]) -> [u8; 3] {
        let light: [i32; 3] = std::array::from_fn(|k| self.light[k][usize::from(rgb[k])]);
        self.srgb_from_profile.map(|[r, g, b]| {
            let sum = r * light[0] + g * light[1] + b * light[2];
            self.code[((sum + ONE / 2) >> 14).clamp(0, ONE) as usize]
        })
    }
    /// True when no colour of a grid through the cube moves by more than one code: sRGB profiles come in many spellings.
    fn is_srgb_by_another_name(&self) -> bool {
        let steps = || (0..=255).step_by(15).map(|v| v as u8);
        steps().all(|r| {
            steps().all(|g| {
                steps().all(|b| {
                    let rgb = [r, g, b];
                    self.apply(rgb).iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 1)
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    /// The fixed-point conversion agrees with the colour engine's own transform.
    #[test]
    fn agrees_with_moxcms_within_one_code() {
        use moxcms::{Layout, TransformOptions};
        for profile in [ColorProfile::new_display_p3(), ColorProfile::new_adobe_rgb(), ColorProfile::new_bt2020()] {
            let picture =
                RgbImage::from_fn(64, 64, |x, y| image::Rgb([(4 * x) as u8, (4 * y) as u8, (2 * (x + y)) as u8]));
            let transform = profile
                .create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
                .unwrap();
            let mut expected = vec![0; picture.as_raw().len()];
            transform.transform(picture.as_raw(), &mut expected).unwrap();
            let icc = Colours::Icc(profile.encode().unwrap());
            let Picture::Colour(found) = to_srgb(Picture::Colour(picture), &icc).unwrap() else {
                panic!("colour stays colour")
            };
            let worst = found.as_raw().iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(1), "{:?} differs by {worst:?}", profile.description);
        }
    }
}
