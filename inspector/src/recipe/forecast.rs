//! What a camera will be able to decide, before there is a part or a photo.
//!
//! The drawing is rendered as a good part, photographed at the pixel size of the camera, and measured by the recipe's own checks: no second model
//! of uncertainty that could say something else than the first.

use super::Recipe;
use crate::calibration::{Calibration, CalibrationPolicy, Source, locate};
use crate::checks::{Characteristic, Outcome, Unit};
use crate::design::Design;
use crate::geometry::{Angle, Vector};
use crate::identity::Identity;
use crate::inspect::look;
use crate::photo::{Photo, Sha256};
use crate::reason::Reason;
use crate::synth::{Noise, Scene, parts};
use std::fmt;

/// What is to be expected of one characteristic.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The characteristic's id.
    pub id: String,
    /// The type of its check.
    pub check_type: &'static str,
    /// Width of its tolerance, in its unit: between both limits, or from 0 to the only one.
    pub tolerance: f64,
    /// Whether the camera can decide it.
    pub decides: Decides,
}

/// Whether a camera can decide a characteristic.
#[derive(Clone, Debug, PartialEq)]
pub enum Decides {
    /// Measuring capability index C_m = tolerance / 4 u of at least 2: the guard bands take 41 % of the tolerance or less.
    Yes {
        /// The index.
        c_m: f64,
    },
    /// C_m of 1 to 2: many good parts will be referred.
    Hardly {
        /// The index.
        c_m: f64,
        /// What would help.
        help: Help,
    },
    /// C_m below 1: the guard bands leave less than a fifth of the tolerance.
    No {
        /// The index.
        c_m: f64,
        /// What would help.
        help: Help,
    },
    /// A good part would not be measured.
    NotMeasured(Reason),
}

/// What would make a characteristic decidable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Help {
    /// A camera nearer to the part: pixels of at most this size, mm.
    Closer(f64),
    /// Edges that a part of known size has measured (`assay calibrate scale`), or a camera nearer to the part, as above.
    Calibrated(f64),
    /// The pixels do: this must be known better.
    Better(Source),
}

/// C_m from which on a camera decides well.
const WELL: f64 = 2.0;
/// C_m below which it does not.
const LEAST: f64 = 1.0;
/// What a part of known size leaves unknown of the edges of a camera, px, or less.
const CALIBRATED_PX: f64 = 0.02;
/// Largest photo that is rendered, px: 25 megapixels.
const LARGEST: [f64; 2] = [6144.0, 4096.0];
/// How the part is turned in it: not along the rows of pixels, as no part ever lies, but almost.
const TURN_DEGREES: f64 = 0.7;
/// Room around the part, px.
const MARGIN_PX: f64 = 60.0;

/// What a camera of the recipe's pixel size will be able to decide, a line per characteristic with limits; `None` when the part does not fit into
/// 6144 x 4096 px, which hardly any camera has, and for parts on a mat: every photo of them has a scale of its own.
///
/// The photo is one of a good workshop camera: a dark part on a bright ground, blur of 1 px, noise of 0.4 % in the dark and 1 % in white.
/// The index is that of JCGM 106:2012, 7.6.3 (C_m = T / 4 u).
///
/// Honest scope: a camera that looks straight down from far; a real one may be worse, hardly better. What only a model sees is left out.
///
/// Cost: rendering and judging one photo, about 0.5 s for 12 megapixels.
pub fn forecast(recipe: &Recipe, design: &Design) -> Option<Vec<Forecast>> {
    let Calibration::Known(policy) = &recipe.calibration else { return None };
    let CalibrationPolicy { mm_per_px, tone, .. } = *policy;
    let (width, height, _) = parts::extent(design);
    let turn = Angle::from_degrees(TURN_DEGREES);
    let (sin, cos) = turn.sin_cos();
    let px = |along: f64, across: f64| ((along * cos + across * sin) / mm_per_px + 2.0 * MARGIN_PX).ceil();
    let (width_px, height_px) = (px(width, height), px(height, width));
    if width_px.max(height_px) > LARGEST[0] || width_px.min(height_px) > LARGEST[1] {
        return None;
    }
    let scene = Scene {
        noise: Noise { read: 0.004, shot: 1e-4 },
        seed: 1,
        tone,
        ..Scene::new(design, width_px as u32, height_px as u32, mm_per_px)
    };
    let scene = scene.placed(design, mm_per_px, turn, Vector::new(0.3, 0.2));
    let none = Sha256([0; 32]);
    let photo = Photo { picture: scene.render(design), file_sha256: none, pixels_sha256: none };
    // The picture has edges where they are, any size, and a ground that is not overexposed.
    let seen_by = CalibrationPolicy { edge_offset_px: 0.0, size_px: None, overexposed_ground: false, ..policy.clone() };
    let results = look(locate(&photo, &seen_by), recipe, &Identity::default(), |_| ()).results;
    let forecasts = results.iter().filter_map(|r| {
        let tolerance = tolerance(&r.characteristic)?;
        let decides = match &r.observation.outcome {
            Outcome::Measured { u, .. } => judge(tolerance, *u, r.observation.budget.contributions(), policy),
            Outcome::NotMeasured(reason) => Decides::NotMeasured(reason.clone()),
        };
        let (id, check_type) = (r.characteristic.id.clone(), r.characteristic.check_type);
        Some(Forecast { id, check_type, tolerance, decides })
    });
    Some(forecasts.collect())
}

/// Width of a tolerance; `None` for what is counted or scored.
fn tolerance(c: &Characteristic) -> Option<f64> {
    if matches!(c.unit, Unit::Count | Unit::Score | Unit::Share) {
        return None;
    }
    match (c.lower, c.upper) {
        (Some(lower), Some(upper)) => Some(upper - lower),
        (None, Some(upper)) => Some(upper),
        _ => None,
    }
}

fn judge(tolerance: f64, u: f64, budget: &[(Source, f64)], policy: &CalibrationPolicy) -> Decides {
    let c_m = tolerance / (4.0 * u);
    if c_m >= WELL {
        return Decides::Yes { c_m };
    }
    // What shrinks with the pixels, and what does not.
    let of_pixels = |s: &Source| matches!(s, Source::Noise | Source::Edge | Source::Resolution | Source::Placement);
    let square = |mine: bool| budget.iter().filter(|(s, _)| of_pixels(s) == mine).map(|(_, u)| u * u).sum::<f64>();
    let wanted = tolerance / (4.0 * WELL);
    let left = wanted * wanted - square(false);
    let help = match budget.iter().find(|(s, _)| !of_pixels(s)) {
        Some((source, _)) if left <= 0.25 * wanted * wanted => Help::Better(*source),
        _ => {
            let closer = policy.mm_per_px * (left / square(true)).sqrt();
            let known = (CALIBRATED_PX / policy.u_edge_px).min(1.0);
            let of_edges: f64 = budget.iter().filter(|(s, _)| *s == Source::Edge).map(|(_, u)| u * u).sum();
            let calibrated = u * u - of_edges * (1.0 - known * known) <= wanted * wanted;
            if calibrated { Help::Calibrated(closer) } else { Help::Closer(closer) }
        }
    };
    if c_m >= LEAST { Decides::Hardly { c_m, help } } else { Decides::No { c_m, help } }
}

impl Forecast {
    /// True when it is about the feature of that name, alone (`hole-1.diameter`) or with another one (`hole-1-to-hole-2.distance`).
    pub fn is_about(&self, feature: &str) -> bool {
        let names = self.id.rsplit_once('.').map_or(self.id.as_str(), |(names, _)| names);
        names.split("-to-").any(|name| name == feature)
    }
    /// True when this camera decides it well.
    pub const fn is_decided(&self) -> bool {
        matches!(self.decides, Decides::Yes { .. })
    }
}

impl fmt::Display for Forecast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.id;
        // Never rounded up to a bound that it does not reach.
        let tenths = |c_m: &f64| (c_m * 10.0).floor() / 10.0;
        match &self.decides {
            Decides::Yes { c_m } => write!(f, "{id}: can be decided (C_m {:.1})", tenths(c_m)),
            Decides::Hardly { c_m, help } => {
                write!(f, "{id}: hardly, many good parts will be referred (C_m {:.1}); {help}", tenths(c_m))
            }
            Decides::No { c_m, help } => write!(f, "{id}: cannot be decided (C_m {:.1}); {help}", tenths(c_m)),
            Decides::NotMeasured(reason) => write!(f, "{id}: cannot be measured: {reason}"),
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closer(mm_per_px) => write!(f, "a closer view would do, with pixels of {mm_per_px:.3} mm or less"),
            Self::Calibrated(mm_per_px) => write!(
                f,
                "a camera measured with a part of known size (assay calibrate scale) would do, or a closer view, with pixels of {mm_per_px:.3} mm or less"
            ),
            Self::Better(source) => write!(f, "closer is not enough: the {} must be known better", source.words()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::REGISTRY;
    use crate::design::{Reference, write_dxf};
    use crate::models::Models;
    use crate::recipe::assemble;

    /// What is foretold of the diameter of a hole of 6 mm (and of what else the recipe asks).
    fn diameter(calibration: &str, tolerance: f64, hole_mm: f64) -> Decides {
        let design = parts::pierced_disc(40.0, &[(8.0, 0.0, hole_mm)]);
        let text = format!(
            "schema = 1\npart = \"P\"\n[design]\nfile = \"p.dxf\"\n[calibration]\n{calibration}\n[[check]]\ntype = \"hole\"\n\
             feature = \"hole-1\"\ndiameter = {{ nominal = {hole_mm}, lower = -{tolerance}, upper = {tolerance} }}\n"
        );
        let dxf = || Ok(write_dxf(&design).into_bytes());
        let recipe =
            assemble(text.as_bytes(), Sha256([0; 32]), |f| (f == "p.dxf").then(dxf), Models::default(), REGISTRY)
                .expect("a recipe");
        let Reference::Drawing(design) = &recipe.reference else { unreachable!("a drawing") };
        forecast(&recipe, design).expect("it fits a photo").swap_remove(0).decides
    }

    #[test]
    fn what_would_help_helps() {
        let at =
            |scale: f64| diameter(&format!("mm_per_px = {scale}\nu_scale = 0.00001\nu_edge_px = 0.02"), 0.006, 6.0);
        let c_m = |d: Decides| match d {
            Decides::Yes { c_m } | Decides::Hardly { c_m, .. } | Decides::No { c_m, .. } => c_m,
            Decides::NotMeasured(reason) => panic!("{reason}"),
        };
        let Decides::No { c_m: far, help: Help::Closer(near) } = at(0.1) else { panic!("{:?}", at(0.1)) };
        let there = c_m(at(near));
        assert!(far < 1.0 && near < 0.1 && (1.7..3.0).contains(&there), "{far} at 0.1, {there} at {near}");
        // Twice the tolerance is twice the index.
        let wide = c_m(diameter("mm_per_px = 0.1\nu_scale = 0.00001\nu_edge_px = 0.02", 0.012, 6.0));
        assert!((wide / far - 2.0).abs() < 1e-9, "{wide} {far}");
        // Edges that nobody measured: it is told how to measure them, and that is enough.
        let unknown = diameter("mm_per_px = 0.1", 0.06, 6.0);
        assert!(matches!(unknown, Decides::Hardly { help: Help::Calibrated(_), .. }), "{unknown:?}");
        assert!(matches!(diameter("mm_per_px = 0.1\nu_edge_px = 0.02", 0.06, 6.0), Decides::Yes { .. }));
    }

    #[test]
    fn a_scale_that_is_not_known_is_no_matter_of_pixels() {
        let found = diameter("mm_per_px = 0.05\nu_scale = 0.01", 0.1, 6.0);
        assert!(matches!(found, Decides::No { help: Help::Better(Source::Scale), .. }), "{found:?}");
        assert!(matches!(diameter("mm_per_px = 0.05", 0.1, 6.0), Decides::Yes { .. }));
    }

    /// 500 mm of bar rise by 6 mm in their turn; 700 mm are longer than any photo.
    #[test]
    fn a_long_bar_is_seen_whole_or_not_tried() {
        let told = |length: f64| {
            let design = parts::rounded_rectangle(length, 10.0, 2.0, &[(8.0, 0.0, 4.0)]);
            let text = "schema = 1\npart = \"P\"\n[design]\nfile = \"p.dxf\"\n[calibration]\nmm_per_px = 0.1\n\
                        [[check]]\ntype = \"profile\"\nzone = 0.6\n";
            let dxf = || Ok(write_dxf(&design).into_bytes());
            let recipe =
                assemble(text.as_bytes(), Sha256([0; 32]), |f| (f == "p.dxf").then(dxf), Models::default(), REGISTRY)
                    .expect("a recipe");
            forecast(&recipe, &design)
        };
        let found = told(500.0).expect("it fits a photo").swap_remove(0).decides;
        assert!(!matches!(found, Decides::NotMeasured(_)), "{found:?}");
        assert_eq!(told(700.0), None);
    }

    #[test]
    fn a_forecast_is_about_each_of_its_features() {
        let of = |id: &str| Forecast {
            id: id.into(),
            check_type: "distance",
            tolerance: 1.0,
            decides: Decides::Yes { c_m: 3.0 },
        };
        let two = of("hole-1-to-hole-12.distance");
        assert!(two.is_about("hole-1") && two.is_about("hole-12") && !two.is_about("hole-2"));
        assert!(of("hole-2.diameter").is_about("hole-2") && !of("hole-2.diameter").is_about("hole-1"));
    }

    #[test]
    fn an_index_is_not_rounded_up_to_its_bound() {
        let decides = Decides::Hardly { c_m: 1.97, help: Help::Closer(0.05) };
        let told = Forecast { id: "a".into(), check_type: "hole", tolerance: 1.0, decides }.to_string();
        assert!(told.contains("(C_m 1.9)"), "{told}");
    }

    #[test]
    fn a_hole_of_few_pixels_is_not_measured() {
        let found = diameter("mm_per_px = 0.1", 0.1, 0.5);
        assert!(matches!(found, Decides::NotMeasured(Reason::TooSmall { .. })), "{found:?}");
    }
}
