//! What a model gave, looked at before it is believed: shapes, finite numbers, scores.

use super::manifest::Activation;
use ndarray::ArrayD;

/// An output that cannot be what the model promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Fault {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { expected: expected.into(), found: found.into() }
    }
}

/// How far outside 0 to 1 a score may lie for rounding's sake.
const SCORE_SLACK: f32 = 1e-3;

/// As many outputs as asked for, every number finite.
pub(super) fn finite(names: &[String], outputs: &[ArrayD<f32>]) -> Result<(), Fault> {
    if outputs.len() != names.len() {
        return Err(Fault::new(format!("{} outputs", names.len()), outputs.len().to_string()));
    }
    for (name, output) in names.iter().zip(outputs) {
        if let Some((i, v)) = output.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(Fault::new(
                format!("finite numbers in output {name:?}"),
                format!("{v} at number {i} of {}", output.len()),
            ));
        }
    }
    Ok(())
}

/// The numbers of an output whose shape must be one of some: `None` stands for any length.
pub(super) fn shaped<'o>(
    name: &str,
    output: &'o ArrayD<f32>,
    expected: &str,
    fits: impl Fn(&[usize]) -> bool,
) -> Result<std::borrow::Cow<'o, [f32]>, Fault> {
    if !fits(output.shape()) {
        return Err(Fault::new(format!("output {name:?} of shape {expected}"), format!("{:?}", output.shape())));
    }
    Ok(match output.as_slice() {
        Some(numbers) => numbers.into(),
        None => output.iter().copied().collect::<Vec<_>>().into(),
    })
}

/// A score as a number from 0 to 1.
pub(super) fn score(name: &str, value: f32) -> Result<f64, Fault> {
    if (-SCORE_SLACK..=1.0 + SCORE_SLACK).contains(&value) {
        Ok(f64::from(value).clamp(0.0, 1.0))
    } else {
        Err(Fault::new(format!("scores from 0 to 1 in output {name:?} (is `activation` right?)"), value.to_string()))
    }
}

/// The logistic function.
pub(super) fn sigmoid(value: f32) -> f64 {
    1.0 / (1.0 + libm::exp(-f64::from(value)))
}

/// Scores of the numbers of one picture, one query or one pixel.
pub(super) fn activate(name: &str, activation: Activation, numbers: &[f32]) -> Result<Vec<f64>, Fault> {
    match activation {
        Activation::None => numbers.iter().map(|v| score(name, *v)).collect(),
        Activation::Sigmoid => Ok(numbers.iter().map(|v| sigmoid(*v)).collect()),
        Activation::Softmax => {
            let most = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f64> = numbers.iter().map(|v| libm::exp(f64::from(*v) - f64::from(most))).collect();
            let sum: f64 = powers.iter().sum();
            Ok(powers.into_iter().map(|p| p / sum).collect())
        }
    }
}

/// Scores of a classification, one per label.
pub(super) fn classes(
    name: &str,
    activation: Activation,
    labels: usize,
    output: &ArrayD<f32>,
) -> Result<Vec<f64>, Fault> {
    let expected = format!("(1, {labels}): one number per label");
    let numbers = shaped(name, output, &expected, |s| matches!(s, [1, c] | [1, c, 1, 1] if *c == labels))?;
    activate(name, activation, &numbers)
}

/// The vector of a features model.
pub(super) fn vector(name: &str, output: &ArrayD<f32>) -> Result<Vec<f64>, Fault> {
    let numbers = shaped(name, output, "(1, D)", |s| matches!(s, [1, d] | [1, d, 1, 1] if *d > 0))?;
    Ok(numbers.iter().map(|v| f64::from(*v)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, IxDyn};

    fn array(shape: &[usize], values: &[f32]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap()
    }

    #[test]
    fn activations_are_those_of_numpy() {
        // numpy: e = np.exp([1, 2, 3.5]); e / e.sum()
        let soft = activate("s", Activation::Softmax, &[1.0, 2.0, 3.5]).unwrap();
        for (found, expected) in soft.iter().zip([0.062_890_013_2, 0.170_952_780_2, 0.766_157_206_6]) {
            assert!((found - expected).abs() < 1e-9, "{soft:?}");
        }
        // Numbers too large for exp() are no trouble.
        assert_eq!(activate("s", Activation::Softmax, &[1000.0, -1000.0]).unwrap(), [1.0, 0.0]);
        assert!((sigmoid(0.7) - 0.668_187_772_168_166).abs() < 1e-7);
        assert!((sigmoid(-200.0), sigmoid(200.0)) == (sigmoid(-200.0).max(0.0), 1.0));
    }

    #[test]
    fn what_is_no_score_is_a_fault() {
        let fault = activate("out", Activation::None, &[0.5, 3.2]).unwrap_err();
        assert_eq!(fault.expected, "scores from 0 to 1 in output \"out\" (is `activation` right?)");
        assert_eq!(fault.found, "3.2");
        assert_eq!(activate("out", Activation::None, &[1.0003]).unwrap(), [1.0]);
    }

    #[test]
    fn numbers_that_are_none_are_named() {
        let names = ["a".to_owned(), "b".to_owned()];
        let good = array(&[1, 2], &[0.0, 1.0]);
        assert_eq!(finite(&names, &[good.clone(), good.clone()]), Ok(()));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let fault = finite(&names, &[good.clone(), array(&[1, 2], &[0.0, bad])]).unwrap_err();
            assert_eq!(fault.expected, "finite numbers in output \"b\"");
            assert_eq!(fault.found, format!("{bad} at number 1 of 2"));
        }
        assert_eq!(finite(&names, &[good]).unwrap_err(), Fault::new("2 outputs", "1"));
    }

    #[test]
    fn a_classification_has_one_number_per_label() {
        let scores =
            |shape: &[usize]| classes("s", Activation::None, 3, &array(shape, &vec![0.25; shape.iter().product()]));
        assert_eq!(scores(&[1, 3]).unwrap(), [0.25; 3]);
        assert_eq!(scores(&[1, 3, 1, 1]).unwrap(), [0.25; 3]);
        for wrong in [&[1, 4][..], &[3], &[3, 1], &[2, 3], &[1, 1, 3]] {
            let fault = scores(wrong).unwrap_err();
            assert_eq!(fault.expected, "output \"s\" of shape (1, 3): one number per label");
            assert_eq!(fault.found, format!("{wrong:?}"));
        }
    }
}
