//! Oval openings: their axes, of parts whose truth is known.

use super::gauge_tests::{Errors, observe, open};
use super::{Outcome, width};
use crate::design::{Design, FeatureKind, Reference, ellipse};
use crate::reason::Reason;

/// A plate of 24 x 16 mm with a hole and an ellipse of so many mm, turned by 25°.
fn plate(length: f64, width: f64) -> Design {
    let svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"24mm\" height=\"16mm\" viewBox=\"0 0 24 16\"><path d=\"M0 0H24V12L20 16H0Z\"/>\
         <circle cx=\"20\" cy=\"8\" r=\"1.5\"/><ellipse cx=\"9\" cy=\"8\" rx=\"{}\" ry=\"{}\" transform=\"rotate(25 9 8)\"/></svg>",
        0.5 * length,
        0.5 * width
    );
    Design::open(svg.as_bytes(), None).expect("a plate")
}

const CHECK: &str = "type = \"width\"\nfeature = \"cutout-1\"\nwidth = { nominal = 5.0, lower = -0.2, upper = 0.2 }\n\
                     length = { nominal = 12.0, lower = -0.3, upper = 0.3 }";

/// However an ellipse is cut, it is one; what is nearly one is not.
#[test]
fn an_ellipse_is_recognised() {
    let found = |design: &Design| {
        let cutout = design.features.iter().find(|f| matches!(f.kind, FeatureKind::Cutout)).expect("a cutout");
        ellipse(&design.contours[cutout.contour])
    };
    let oval = found(&plate(12.0, 5.0)).expect("an ellipse");
    assert!((oval.length() - 12.0).abs() < 1e-2 && (oval.width() - 5.0).abs() < 1e-2, "{oval:?}");
    // y of SVG points down.
    assert!((libm::atan2(oval.direction.y, oval.direction.x).to_degrees() + 25.0).abs() < 0.05, "{oval:?}");
    let other = |path: &str| {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"24mm\" height=\"16mm\" viewBox=\"0 0 24 16\"><path d=\"M0 0H24V16H0Z\"/><path d=\"{path}\"/></svg>"
        );
        found(&Design::open(svg.as_bytes(), None).expect("a plate"))
    };
    assert_eq!(other("M4 4H14V10H4Z"), None, "a rectangle");
    assert_eq!(other("M9 5C13 5 15 6 15 8S13 11 9 11 3 10 3 8 5 5 9 5Z"), None, "an oval that is none");
}

/// Both axes of ellipses that were made a little larger or smaller, in photos all round: as sure as they say.
#[test]
fn axes_of_ellipses_are_as_sure_as_they_say() {
    let reference = Reference::Drawing(plate(12.0, 5.0));
    let check = open(&width::TYPE, CHECK, &reference).expect("the check opens");
    let ids: Vec<&str> = check.characteristics().iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["cutout-1.width", "cutout-1.length"]);
    let mut errors = [Errors::default(), Errors::default()];
    for seed in 0..40_u64 {
        let mut random = crate::synth::Seeded::new(seed, 0x6f76);
        let truth = [5.0 + random.between(-0.1, 0.1), 12.0 + random.between(-0.15, 0.15)];
        let seen = observe(check.as_ref(), &reference, &plate(truth[1], truth[0]), seed);
        errors.iter_mut().zip(&seen).zip(truth).for_each(|((e, o), t)| e.add(o, t));
    }
    for (e, id) in errors.iter().zip(ids) {
        e.print(id);
        assert!((85.0..=100.0).contains(&e.coverage()), "{id}: {}", e.coverage());
    }
    assert!(errors[0].bias().abs() < 0.004 && errors[0].u() < 0.01, "{} {}", errors[0].bias(), errors[0].u());
}

#[test]
fn what_is_no_ellipse_of_this_size_is_said() {
    let reference = Reference::Drawing(plate(12.0, 5.0));
    let wrong = CHECK.replace("nominal = 12.0", "nominal = 16.0");
    assert!(open(&width::TYPE, &wrong, &reference).unwrap_err().message.contains("length"));
    // An opening that nobody cut.
    let check = open(&width::TYPE, CHECK, &reference).expect("the check opens");
    let cut = plate(12.0, 5.0).features.iter().find(|f| f.name == "cutout-1").map(|f| f.contour);
    let mut closed = plate(12.0, 5.0);
    closed.features.retain(|f| Some(f.contour) != cut);
    closed.contours.remove(cut.expect("a cutout"));
    for seen in observe(check.as_ref(), &reference, &closed, 2) {
        assert!(
            matches!(
                seen.outcome,
                Outcome::NotMeasured(Reason::NoEdge { .. } | Reason::WrongRevision { .. } | Reason::NoFit { .. })
            ),
            "{seen:?}"
        );
    }
    assert!(
        (width::TYPE.propose)(&plate(12.0, 5.0), 0.05)
            .iter()
            .any(|text| text.contains("cutout-1") && text.contains("length = { nominal = 12.0"))
    );
}
