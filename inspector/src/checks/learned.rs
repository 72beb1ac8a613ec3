//! What the checks that ask a model share.
//!
//! A score is a model's number, not a quantity of the world: its standard uncertainty says only how far it may differ from one runtime to
//! the next. `u = epsilon / 1.65`, so that the guard band of [`decide`](crate::decision::decide), 1.65 u, is the model's epsilon: a score
//! within epsilon of its limit is REFER. A count is uncertain by the boxes whose score lies within epsilon of the least confidence
//! ([`counted`]). With `rule = "simple"` no uncertainty plays a part, here as everywhere.

use super::{Context, EntryError};
use crate::decision::GUARD_BAND_K;
use crate::models::Model;
use serde::Deserialize;
use std::sync::Arc;
use toml::Spanned;

/// A score that is asked for, above 0 and below 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Score(pub(super) f64);

impl TryFrom<f64> for Score {
    type Error = String;
    fn try_from(v: f64) -> Result<Self, String> {
        if v > 0.0 && v < 1.0 { Ok(Self(v)) } else { Err(format!("expected a score above 0 and below 1, found {v}")) }
    }
}

/// A fault at this place of the entry.
pub(super) fn fault<T>(at: &Spanned<T>, message: String) -> EntryError {
    EntryError { message, span: Some(at.span()) }
}

/// The recipe's model of that name, when its task is one of `tasks`.
pub(super) fn model(context: &Context<'_>, name: &Spanned<String>, tasks: &[&str]) -> Result<Arc<Model>, EntryError> {
    let Some(model) = context.models.get(name.get_ref()) else {
        let known: Vec<&str> = context.models.iter().map(|m| m.name.as_str()).collect();
        let expected = match &known[..] {
            [] => "a folder models/NAME in the recipe's folder; there is none".to_owned(),
            known => format!("one of {}", known.join(", ")),
        };
        return Err(fault(name, format!("`model`: expected {expected}, found {:?}", name.get_ref())));
    };
    let task = model.manifest.task.word();
    if tasks.contains(&task) {
        Ok(model.clone())
    } else {
        let (name_, tasks) = (name.get_ref(), tasks.join(" or "));
        Err(fault(name, format!("`model`: expected a model of task {tasks}, found {name_:?} of task {task}")))
    }
}

/// Index of one of the model's labels.
pub(super) fn label(model: &Model, label: &Spanned<String>) -> Result<usize, EntryError> {
    model.label(label.get_ref()).ok_or_else(|| {
        let known: Vec<String> = model.manifest.labels.iter().take(20).map(|l| format!("{l:?}")).collect();
        fault(
            label,
            format!("expected a label of model {}: {}, found {:?}", model.name, known.join(", "), label.get_ref()),
        )
    })
}

/// A least confidence of boxes, which the model must look down to.
pub(super) fn confidence(model: &Model, least: &Spanned<Score>) -> Result<f64, EntryError> {
    let Score(value) = *least.get_ref();
    let floor = model.manifest.boxes.floor.0 + model.manifest.epsilon;
    if value > floor {
        Ok(value)
    } else {
        let message =
            format!("expected a score above {floor} (floor and epsilon of model {}), found {value}", model.name);
        Err(fault(least, message))
    }
}

/// Standard uncertainty of a score: see the module's text.
pub(super) fn u_score(model: &Model) -> f64 {
    model.manifest.epsilon / GUARD_BAND_K
}

/// How many of the scores are at least `least`, and the standard uncertainty of that: 0 when no score lies within `epsilon` of it, else such
/// that every count that could come out on another runtime is within the guard band.
pub(super) fn counted(scores: impl Iterator<Item = f64> + Clone, least: f64, epsilon: f64) -> (f64, f64) {
    let above = |limit: f64| scores.clone().filter(|s| *s >= limit).count() as f64;
    let (fewest, count, most) = (above(least + epsilon), above(least), above(least - epsilon));
    let apart = (most - count).max(count - fewest);
    // A hair more than the whole number, so that rounding never makes it less.
    (count, apart * (1.0 + 1e-9) / GUARD_BAND_K)
}

/// Labels and scores in words, at most six of them.
pub(super) fn words<'l>(found: impl ExactSizeIterator<Item = (&'l str, f64)>) -> String {
    let n = found.len();
    if n == 0 {
        return "nothing".to_owned();
    }
    let mut words: Vec<String> = found.take(6).map(|(label, score)| format!("{label} {score:.2}")).collect();
    if n > words.len() {
        words.push(format!("{} more", n - words.len()));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{Characteristic, Observation, Unit};
    use crate::decision::{Rule, Verdict, decide};

    fn count_of(scores: &[f64], lower: f64, upper: f64) -> Verdict {
        let (value, u) = counted(scores.iter().copied(), 0.5, 0.01);
        let c = Characteristic {
            id: "count".into(),
            check_type: "count",
            nominal: 2.0,
            lower: Some(lower),
            upper: Some(upper),
            unit: Unit::Count,
        };
        decide(&c, &Observation::measured(value, u), Rule::Guarded).verdict
    }

    #[test]
    fn a_count_that_the_next_runtime_may_see_otherwise_is_referred() {
        assert_eq!(count_of(&[0.9, 0.8, 0.2], 0.0, 0.0), Verdict::Pass);
        assert_eq!(count_of(&[0.9], 0.0, 0.0), Verdict::Fail);
        // One box just above, one just below, one of each.
        for straddling in [&[0.9, 0.505][..], &[0.9, 0.495], &[0.9, 0.8, 0.495], &[0.9, 0.505, 0.495]] {
            assert_eq!(count_of(straddling, 0.0, 0.0), Verdict::Refer, "{straddling:?}");
        }
        // Two may be three or one; one less than four may not.
        assert_eq!(count_of(&[0.9, 0.505], -2.0, 2.0), Verdict::Pass);
        assert_eq!(count_of(&[0.9, 0.8, 0.7, 0.6, 0.505], 0.0, 0.0), Verdict::Fail);
    }
}
