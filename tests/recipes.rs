//! Recipes that were made before must open for ever.

use inspector::calibration::Calibration;
use inspector::design::{Reference, Units};
use inspector::recipe::{ProposeOptions, ProposedScale, Recipe, files, propose};
use std::path::{Path, PathBuf};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recipe-v1")
}

/// Do not change the fixture or what is expected of it: recipes in workshops look like this one, and records name them by this digest.
#[test]
fn a_recipe_of_format_1_opens_with_its_identity() {
    let recipe = Recipe::open(&fixture()).unwrap();
    // By hand: (echo 'assay recipe 1'; for each file in order: echo "$(sha256sum < F | cut -c1-64) SIZE PATH") | sha256sum
    assert_eq!(recipe.hash.hex(), "fdc54a1b5ad55c3e8eeaab26b99d0359a6d35104a9557423178f3c8523c86cc4");
    assert_eq!((recipe.part.as_str(), recipe.revision.as_deref()), ("M19-VISOR", Some("C")));
    let Calibration::Known(c) = &recipe.calibration else { panic!("expected a scale") };
    assert_eq!((c.mm_per_px, c.u_scale, c.edge_offset_px, c.u_edge_px), (0.05, 0.0005, -0.1, 0.05));
    let seen: Vec<_> = recipe
        .checks
        .iter()
        .flat_map(|check| check.characteristics())
        .filter(|c| c.id.starts_with("hole-1."))
        .map(|c| (c.id.as_str(), c.nominal, c.lower, c.upper))
        .collect();
    assert_eq!(seen, [("hole-1.diameter", 6.0, Some(-0.1), Some(0.2)), ("hole-1.position", 0.0, None, Some(0.3))]);
    let types: Vec<_> = recipe.checks.iter().flat_map(|c| c.characteristics()).map(|c| c.check_type).collect();
    assert!(["hole", "profile", "missing", "extra"].iter().all(|t| types.contains(t)), "{types:?}");
    let Reference::Drawing(design) = &recipe.reference else { panic!("expected a drawing") };
    let names: Vec<_> = design.features.iter().filter(|f| f.is_contour()).map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["outline", "hole-1", "cutout-1", "hole-2"]);
    let listed: Vec<_> = files(&fixture()).unwrap().into_iter().map(|f| (f.path, f.size)).collect();
    assert_eq!(listed, [("drawings/plate.dxf".to_owned(), 599), ("recipe.toml".to_owned(), 561)]);
}

#[test]
fn a_drawing_becomes_a_recipe_that_opens() {
    let drawing = std::fs::read(fixture().join("drawings/plate.dxf")).unwrap();
    let options = ProposeOptions {
        part: "PLATE".into(),
        revision: None,
        scale: ProposedScale::MmPerPx(0.05),
        thickness_mm: None,
        units: Some(Units::Millimetre),
        file_name: "plate.dxf".into(),
    };
    let proposed = propose(&drawing, &options).unwrap();
    let dir = tempfile::tempdir().unwrap();
    proposed.write_to(&dir.path().join("plate")).unwrap();
    let recipe = Recipe::open(&dir.path().join("plate")).unwrap();
    let ids: Vec<_> = recipe.checks.iter().flat_map(|c| c.characteristics()).map(|c| c.id.clone()).collect();
    for feature in ["outline.", "hole-1.diameter", "hole-1.position", "hole-2.diameter", "cutout-1."] {
        assert!(ids.iter().any(|id| id.starts_with(feature)), "{feature}: {ids:?}");
    }
}

/// Every check against a drawing is in the manual, with its own example; what the manual shows opens on the drawing that it speaks of.
#[test]
fn the_manual_lists_every_check_against_a_drawing() {
    use inspector::checks::{Needs, REGISTRY};
    let manual = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/checks.md")).unwrap();
    for check in REGISTRY.iter().filter(|t| t.needs == Needs::Drawing) {
        assert!(manual.contains(&format!("`{}`", check.name)), "{} is not in the table", check.name);
        assert!(manual.contains(check.example), "the example of {} is another one in the manual", check.name);
    }
}
