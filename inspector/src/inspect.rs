//! The whole way of one photo: locate, register, check, decide.

use crate::calibration::mat::{Refused, SeenMat};
use crate::calibration::{Camera, Located};
use crate::checks::{Characteristic, Observation};
use crate::decision::{Decision, Verdict, decide};
use crate::identity::Identity;
use crate::photo::Photo;
use crate::reason::Reason;
use crate::recipe::Recipe;
use crate::registration::{Pose, register};

/// The stages of an inspection, as told to the caller's stopwatch (this library has no clock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Mat, scale, tone.
    Locate,
    /// Pose of the part.
    Register,
    /// All checks and their decisions.
    Checks,
}

/// A judged part.
#[derive(Debug)]
pub struct Inspection {
    /// The worst verdict of its checks; REFER when there are none.
    pub verdict: Verdict,
    /// One per characteristic, in the recipe's order.
    pub results: Vec<CheckResult>,
    /// Where the part lay; `None` when it was not found.
    pub pose: Option<Pose>,
    /// The camera the photo was measured with; `None` when the photo could not be trusted.
    pub camera: Option<Camera>,
    /// The mat that was found, and what it tells of the photo, also of one that was refused.
    pub mat: Option<Box<SeenMat>>,
    /// Which part this is: what was said, completed by what its codes tell.
    pub identity: Identity,
}

/// One characteristic: what was asked, what was seen, what was decided.
#[derive(Debug)]
pub struct CheckResult {
    /// What was asked.
    pub characteristic: Characteristic,
    /// What was seen.
    pub observation: Observation,
    /// What was decided.
    pub decision: Decision,
}

/// Judges a photo by a recipe. `finished` is called at the end of each stage.
///
/// Whatever a check could not measure is REFER, so a part is PASS only when every check of the recipe measured and passed. In a photo that cannot be
/// trusted nothing is measured at all: every check says why.
pub fn inspect(photo: &Photo, recipe: &Recipe, finished: impl FnMut(Stage)) -> Inspection {
    inspect_part(photo, recipe, &Told::default(), finished)
}

/// What a photo does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Which part it is, as far as a person said. A code that says otherwise is referred.
    pub identity: Identity,
    /// Days since somebody measured the mat, as far as that is known.
    pub mat_age_days: Option<f64>,
}

/// As [`inspect`], with what is known beside the photo.
pub fn inspect_part(photo: &Photo, recipe: &Recipe, told: &Told, mut finished: impl FnMut(Stage)) -> Inspection {
    let located = recipe.calibration.locate(photo, told.mat_age_days);
    finished(Stage::Locate);
    match located {
        Ok(located) => look(located, recipe, &told.identity, finished),
        Err(refused) => turn_away(refused, recipe, &told.identity, finished),
    }
}

/// Registers, measures, decides.
pub(crate) fn look(
    located: Located<'_>,
    recipe: &Recipe,
    said: &Identity,
    mut finished: impl FnMut(Stage),
) -> Inspection {
    let mut part = register(located, &recipe.reference);
    part.said = said.clone();
    finished(Stage::Register);
    let mut results = Vec::new();
    for check in &recipe.checks {
        let mut observations = check.observe(&part).into_iter();
        for characteristic in check.characteristics() {
            // A check that forgets an observation must not make the part pass.
            let observation = observations.next().unwrap_or_else(|| Observation::not_measured(Reason::NotFinite));
            // Later codes must agree with earlier ones.
            part.said.complete(&observation.gives);
            results.push(result(characteristic, observation, recipe));
        }
    }
    finished(Stage::Checks);
    Inspection {
        verdict: worst(&results),
        results,
        pose: part.pose.ok(),
        camera: Some(part.located.worlds.nominal.camera),
        mat: part.located.mat,
        identity: part.said,
    }
}

/// Nothing is measured, for one reason.
fn turn_away(refused: Refused, recipe: &Recipe, said: &Identity, mut finished: impl FnMut(Stage)) -> Inspection {
    finished(Stage::Register);
    let characteristics = recipe.checks.iter().flat_map(|check| check.characteristics());
    let results: Vec<CheckResult> =
        characteristics.map(|c| result(c, Observation::not_measured(refused.reason.clone()), recipe)).collect();
    finished(Stage::Checks);
    Inspection {
        verdict: worst(&results),
        results,
        pose: None,
        camera: None,
        mat: refused.seen,
        identity: said.clone(),
    }
}

fn result(characteristic: &Characteristic, observation: Observation, recipe: &Recipe) -> CheckResult {
    let decision = decide(characteristic, &observation, recipe.rule);
    CheckResult { characteristic: characteristic.clone(), observation, decision }
}

/// A part that nothing was asked of is looked at by a person.
fn worst(results: &[CheckResult]) -> Verdict {
    results.iter().map(|r| r.decision.verdict).max().unwrap_or(Verdict::Refer)
}
