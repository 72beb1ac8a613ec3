//! Checks that ask a model: entries that are refused, regions, scores near their limits, models that go wrong.

use super::{Check, Context, Entry, EntryError, Observation, Outcome, REGISTRY, Unit};
use crate::calibration::{CalibrationPolicy, locate};
use crate::decision::{Rule, Verdict, decide};
use crate::design::{Design, Reference};
use crate::geometry::{Angle, Vector};
use crate::models::testing::{self, BLOBS, BRIGHT, Computed, LIGHTNESS};
use crate::models::{Models, Network, NoRuntime};
use crate::photo::{DecodeLimits, Photo, decode};
use crate::reason::Reason;
use crate::recipe::Recipe;
use crate::registration::register;
use crate::synth::{Fault, Rendered, Scene, parts};
use image::{Rgb, RgbImage};
use std::fs;
use std::path::Path;

fn models() -> &'static Models {
    static MODELS: std::sync::OnceLock<Models> = std::sync::OnceLock::new();
    MODELS.get_or_init(testing::models)
}

fn open_with(text: &str, reference: &Reference, models: &Models) -> Result<Box<dyn Check>, EntryError> {
    let table = toml::de::DeTable::parse(text).expect("TOML").into_inner();
    let entry = Entry::new(toml::Spanned::new(0..text.len(), toml::de::DeValue::Table(table)));
    let check_type = REGISTRY.iter().find(|t| entry.type_name() == Ok(t.name)).expect("a known type");
    (check_type.parse)(&entry, &Context { reference, models })
}

fn open(text: &str) -> Result<Box<dyn Check>, EntryError> {
    open_with(text, &Reference::Photo, models())
}

fn policy(mm_per_px: f64) -> CalibrationPolicy {
    CalibrationPolicy { u_edge_px: 0.02, ..CalibrationPolicy::of(mm_per_px) }
}

fn observe(check: &dyn Check, photo: &Photo, reference: &Reference) -> Vec<Observation> {
    check.observe(&register(locate(photo, &policy(0.06)), reference))
}

fn verdict(check: &dyn Check, seen: &[Observation]) -> Verdict {
    check
        .characteristics()
        .iter()
        .zip(seen)
        .map(|(c, o)| decide(c, o, Rule::Guarded).verdict)
        .max()
        .expect("a characteristic")
}

fn value(o: &Observation) -> (f64, f64) {
    match o.outcome {
        Outcome::Measured { value, u } => (value, u),
        Outcome::NotMeasured(ref reason) => panic!("{reason}"),
    }
}

/// Bright round dots on dark.
fn dots(dots: &[(f64, f64, f64)]) -> Photo {
    testing::photo(RgbImage::from_fn(600, 400, |x, y| {
        let inside = dots.iter().any(|(cx, cy, r)| libm::hypot(f64::from(x) + 0.5 - cx, f64::from(y) + 0.5 - cy) < *r);
        Rgb([if inside { 230 } else { 30 }; 3])
    }))
}

const COUNT: &str = "type = \"count\"\nmodel = \"blobs\"\nlabels = [\"hole\"]\nconfidence = 0.5\ncount = { nominal = 2, lower = 0, upper = 0 }";
const CLASSIFY: &str = "type = \"classify\"\nmodel = \"lightness\"\nexpect = \"dark\"\nscore = 0.8";
const PRESENCE: &str = "type = \"presence\"\nmodel = \"blobs\"\nlabel = \"hole\"\nscore = 0.5\nplaces = [{ name = \"a\", region = [0.0, 0.0, 0.5, 1.0] }]";
const SEGMENT: &str = "type = \"segment\"\nmodel = \"bright\"\nlabel = \"bright\"\narea = { upper = 0.02 }";
const UNUSUAL: &str = "type = \"segment\"\nmodel = \"unusual\"\nlevel = 2.0\nscore = { upper = 2.0 }";

#[test]
fn entries_are_refused_with_their_place() {
    let cases = [
        (
            COUNT,
            "\"blobs\"",
            "\"screws\"",
            "`model`: expected one of blobs, bright, lightness, unusual, found \"screws\"",
        ),
        (
            COUNT,
            "\"blobs\"",
            "\"lightness\"",
            "`model`: expected a model of task detect, found \"lightness\" of task classify",
        ),
        (
            CLASSIFY,
            "\"lightness\"",
            "\"blobs\"",
            "`model`: expected a model of task classify, found \"blobs\" of task detect",
        ),
        (
            PRESENCE,
            "\"blobs\"",
            "\"bright\"",
            "`model`: expected a model of task detect or classify, found \"bright\" of task segment",
        ),
        (
            SEGMENT,
            "\"bright\"\nlabel",
            "\"blobs\"\nlabel",
            "expected a model of task segment or anomaly-map, found \"blobs\"",
        ),
        (COUNT, "[\"hole\"]", "[\"hloe\"]", "expected a label of model blobs: \"hole\", \"speck\", found \"hloe\""),
        (COUNT, "[\"hole\"]", "[]", "`labels`: expected at least one label, found none"),
        (
            CLASSIFY,
            "\"dark\"",
            "\"green\"",
            "expected a label of model lightness: \"dark\", \"bright\", found \"green\"",
        ),
        (
            COUNT,
            "0.5",
            "0.03",
            "expected a score above 0.051000000000000004 (floor and epsilon of model blobs), found 0.03",
        ),
        (COUNT, "0.5", "1.0", "expected a score above 0 and below 1, found 1"),
        (CLASSIFY, "0.8", "0", "expected a score above 0 and below 1, found 0"),
        (COUNT, "nominal = 2", "nominal = 2.5", "`count`: expected a whole number of things as nominal, found 2.5"),
        (COUNT, "lower = 0, upper = 0", "lower = 1, upper = 0", "tolerance upside down"),
        (COUNT, "\ncount = { nominal = 2, lower = 0, upper = 0 }", "", "missing key `count`"),
        (COUNT, "0.5", "0.5\nupper = 1", "`upper` belongs to type = \"detect\""),
        (COUNT, "type = \"count\"", "type = \"detect\"", "`count` belongs to type = \"count\""),
        (
            CLASSIFY,
            "0.8",
            "0.8\nregion = [0.1, 0.1, 0.0, 0.2]",
            "`region`: expected [x, y, width, height] with width and height above 0",
        ),
        (
            CLASSIFY,
            "0.8",
            "0.8\nregion = [0.1, 0.1, -0.1, 0.2]",
            "with width and height above 0, found [0.1, 0.1, -0.1, 0.2]",
        ),
        (CLASSIFY, "0.8", "0.8\nregion = [0.5, 0.1, 0.6, 0.2]", "`region`: expected fractions of the picture"),
        (PRESENCE, "[0.0, 0.0, 0.5, 1.0]", "[-0.1, 0.0, 0.5, 1.0]", "`region`: expected fractions of the picture"),
        (PRESENCE, "{ name = \"a\", region = [0.0, 0.0, 0.5, 1.0] }", "", "`places`: expected at least one"),
        (PRESENCE, "\"a\"", "\"a b\"", "expected letters, digits, - and _, found \"a b\""),
        (SEGMENT, "label = \"bright\"\n", "", "missing key `label`: expected one of the model's labels"),
        (SEGMENT, "\narea = { upper = 0.02 }", "", "expected `area`, `score` or both, found neither"),
        (
            SEGMENT,
            "area = { upper = 0.02 }",
            "score = { upper = 0.5 }",
            "`score`: model bright gives no score of the whole picture",
        ),
        (SEGMENT, "area = { upper = 0.02 }", "area = { nominal = 1.0 }", "no tolerance"),
        (SEGMENT, "area = {", "level = nan\narea = {", "`level`: expected a number between 0 and 1, found NaN"),
        (SEGMENT, "area = {", "level = 5\narea = {", "`level`: expected a number between 0 and 1, found 5"),
        (UNUSUAL, "level = 2.0", "level = inf", "`level`: expected a finite number, found inf"),
        (SEGMENT, "{ upper", "{ nominal = nan, upper", "`area`: expected a finite `nominal`, found NaN"),
        (UNUSUAL, "level = 2.0", "label = \"bright\"", "`label`: model unusual is an anomaly map and has none"),
    ];
    for (text, from, to, said) in cases {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let error = open(&text.replace(from, to)).expect_err(said);
        assert!(error.message.contains(said), "{from} -> {to}: {error}");
    }
    // The word itself is pointed at.
    let text = COUNT.replace("\"blobs\"", "\"screws\"");
    let span = open(&text).expect_err("no such model").span.expect("a place");
    assert_eq!(&text[span], "\"screws\"");
    let none = open_with(COUNT, &Reference::Photo, &Models::default()).expect_err("no models");
    assert!(
        none.message.contains("expected a folder models/NAME in the recipe's folder; there is none, found \"blobs\"")
    );
}

#[test]
fn what_lies_in_the_region_is_counted_and_shown() {
    let photo = dots(&[(100.0, 100.0, 25.0), (300.0, 200.0, 30.0), (500.0, 300.0, 20.0)]);
    let count = |region: &str| {
        let check = open(&format!("{COUNT}\n{region}")).expect("an entry");
        let seen = observe(check.as_ref(), &photo, &Reference::Photo);
        (value(&seen[0]), seen[0].regions.clone(), verdict(check.as_ref(), &seen), seen[0].text.clone())
    };
    let (all, shown, failed, text) = count("");
    assert_eq!((all, failed), ((3.0, 0.0), Verdict::Fail));
    assert_eq!(shown.len(), 3);
    assert!(shown.iter().any(|r| r.iou([270, 170, 60, 60].into()) > 0.75), "{shown:?}");
    assert!(text.expect("words").starts_with("hole "));
    let (two, shown, passed, _) = count("region = [0.0, 0.0, 0.75, 1.0]");
    assert_eq!((two, shown.len(), passed), ((2.0, 0.0), 2, Verdict::Pass));
    // `detect` tolerates none of them; of another label there are none.
    let detect = |label: &str| {
        let check = open(&format!("type = \"detect\"\nmodel = \"blobs\"\nlabels = [\"{label}\"]\nconfidence = 0.5"))
            .expect("an entry");
        let seen = observe(check.as_ref(), &photo, &Reference::Photo);
        (verdict(check.as_ref(), &seen), seen[0].text.clone())
    };
    assert_eq!(detect("hole").0, Verdict::Fail);
    assert_eq!(detect("speck"), (Verdict::Pass, Some("nothing".to_owned())));
}

#[test]
fn presence_shows_the_thing_or_the_place_where_it_should_be() {
    let check = open(&PRESENCE.replace("}]", "}, { name = \"b\", region = [0.5, 0.0, 0.5, 1.0] }]")).expect("an entry");
    let ids: Vec<_> = check.characteristics().iter().map(|c| (c.id.as_str(), c.unit, c.nominal)).collect();
    assert_eq!(ids, [("a.presence", Unit::Score, 1.0), ("b.presence", Unit::Score, 1.0)]);
    let seen = observe(check.as_ref(), &dots(&[(100.0, 100.0, 25.0)]), &Reference::Photo);
    assert!(value(&seen[0]).0 > 0.8 && value(&seen[1]).0 == 0.0, "{seen:?}");
    assert!(seen[0].regions[0].iou([75, 75, 50, 50].into()) > 0.75, "{seen:?}");
    assert_eq!(seen[1].regions, [[300, 0, 300, 400].into()]);
    assert_eq!(seen[1].text.as_deref(), Some("nothing"));
    assert_eq!(verdict(check.as_ref(), &seen), Verdict::Fail);
    // The same through a classification model on the region itself.
    let text = PRESENCE.replace("\"blobs\"", "\"lightness\"").replace("\"hole\"", "\"bright\"");
    let check = open(&text.replace("[0.0, 0.0, 0.5, 1.0]", "[0.15, 0.225, 0.03, 0.05]")).expect("an entry");
    assert!(value(&observe(check.as_ref(), &dots(&[(100.0, 100.0, 25.0)]), &Reference::Photo)[0]).0 > 0.99);
    assert!(value(&observe(check.as_ref(), &dots(&[]), &Reference::Photo)[0]).0 < 0.01);
}

/// A score within the model's epsilon of its limit is nobody's to decide but a person's.
#[test]
fn a_score_within_epsilon_of_its_limit_is_referred() {
    let photo = testing::photo(RgbImage::from_pixel(64, 64, Rgb([118; 3])));
    let of = |least: f64| {
        let check = open(&CLASSIFY.replace("0.8", &format!("{least}"))).expect("an entry");
        let seen = observe(check.as_ref(), &photo, &Reference::Photo);
        (value(&seen[0]).0, verdict(check.as_ref(), &seen))
    };
    // 118 / 255 is 0.4627: logits of 0.745 and -0.745, softmax 0.8162.
    let (score, _) = of(0.5);
    assert!((score - 0.8162).abs() < 1e-3, "{score}");
    let epsilon = 1e-3;
    for (least, expected) in [
        (score - 1.1 * epsilon, Verdict::Pass),
        (score - 0.9 * epsilon, Verdict::Refer),
        (score, Verdict::Refer),
        (score + 0.9 * epsilon, Verdict::Refer),
        (score + 1.1 * epsilon, Verdict::Fail),
    ] {
        assert_eq!(of(least).1, expected, "{score} against {least}");
    }
}

#[test]
fn areas_are_shares_without_a_drawing_and_scores_come_along() {
    let photo = dots(&[(300.0, 200.0, 40.0), (80.0, 80.0, 20.0)]);
    let check = open(SEGMENT).expect("an entry");
    assert_eq!(check.characteristics()[0].unit, Unit::Share);
    let seen = observe(check.as_ref(), &photo, &Reference::Photo);
    let truth = std::f64::consts::PI * (40.0 * 40.0 + 20.0 * 20.0) / (600.0 * 400.0);
    let (share, u) = value(&seen[0]);
    assert!((share - truth).abs() < 2.0 * u && u < 0.1 * truth, "{share} u {u}, expected {truth}");
    assert_eq!(seen[0].regions.len(), 2);
    assert!(seen[0].regions[0].iou([260, 160, 80, 80].into()) > 0.85, "{:?}", seen[0].regions);
    assert_eq!(verdict(check.as_ref(), &seen), Verdict::Fail);
    // In a region, of the region.
    let check = open(&format!("{SEGMENT}\nregion = [0.0, 0.0, 0.25, 0.5]")).expect("an entry");
    let share = value(&observe(check.as_ref(), &photo, &Reference::Photo)[0]).0;
    assert!((share - std::f64::consts::PI * 400.0 / (150.0 * 200.0)).abs() < 0.004, "{share}");
    // An anomaly map's own score.
    let check = open(UNUSUAL).expect("an entry");
    let (quiet, loud) =
        (observe(check.as_ref(), &dots(&[]), &Reference::Photo), observe(check.as_ref(), &photo, &Reference::Photo));
    assert!(value(&quiet[0]).0 < 0.5 && value(&loud[0]).0 > 2.0, "{quiet:?} {loud:?}");
    assert_eq!((verdict(check.as_ref(), &quiet), verdict(check.as_ref(), &loud)), (Verdict::Pass, Verdict::Fail));
}

/// What a model that sees the middle only has not seen is not measured, never "nothing".
#[test]
fn what_the_model_did_not_look_at_is_not_measured() {
    let dir = tempfile::tempdir().expect("a folder");
    let (seen, tiles) = BRIGHT.split_once("[tiles]").expect("tiles");
    assert!(tiles.contains("overlap"));
    let toml = seen.replace("fit = \"stretch\"", "fit = \"crop\"\nshorter = 256");
    testing::write(&dir.path().join("models/bright"), "bright", &toml);
    let models = testing::open(dir.path()).expect("a good model");
    let photo = dots(&[(300.0, 200.0, 40.0), (20.0, 20.0, 10.0)]);
    let of = |text: &str| {
        let check = open_with(text, &Reference::Photo, &models).expect("an entry");
        observe(check.as_ref(), &photo, &Reference::Photo).remove(0)
    };
    assert_eq!(of(SEGMENT).outcome, Outcome::NotMeasured(Reason::OutOfPicture));
    let middle = value(&of(&format!("{SEGMENT}\nregion = [0.25, 0.25, 0.5, 0.5]"))).0;
    assert!((middle - std::f64::consts::PI * 1600.0 / (300.0 * 200.0)).abs() < 0.004, "{middle}");
}

const SCALE: f64 = 0.06;

fn disc() -> Design {
    parts::pierced_disc(40.0, &[(8.0, 0.0, 6.0)])
}

fn rendered(turn: f64, shift: f64, fault: Option<&Fault>) -> Photo {
    let scene = Scene::new(&disc(), 1000, 900, SCALE);
    let scene = scene.placed(&disc(), SCALE, Angle::from_degrees(turn), Vector::new(shift, 0.0));
    decode(&Rendered::new(&scene, &disc(), fault).expect("fits").jpeg(92), &DecodeLimits::default()).expect("a photo")
}

#[test]
fn regions_of_a_drawing_turn_with_the_part() {
    let reference = Reference::Drawing(disc());
    let hole = "type = \"presence\"\nmodel = \"lightness\"\nlabel = \"bright\"\nscore = 0.8\nplaces = [{ name = \"hole\", region = [6.5, -1.5, 3.0, 3.0] }]";
    let check = open_with(hole, &reference, models()).expect("an entry");
    for turn in [0.0, 37.0, 90.0, 200.0] {
        let seen = observe(check.as_ref(), &rendered(turn, 0.0, None), &reference);
        assert_eq!(verdict(check.as_ref(), &seen), Verdict::Pass, "{turn}: {seen:?}");
    }
    let missing = Fault::HoleMissing { hole: "hole-1".into() };
    let seen = observe(check.as_ref(), &rendered(37.0, 0.0, Some(&missing)), &reference);
    assert!(seen.iter().all(|o| o.outcome != Outcome::NotMeasured(Reason::OutOfPicture)), "{seen:?}");
    assert_ne!(verdict(check.as_ref(), &seen), Verdict::Pass, "{seen:?}");
}

#[test]
fn a_region_beyond_the_picture_is_not_measured_never_missing() {
    let reference = Reference::Drawing(disc());
    // The part is whole, the region of the recipe reaches 8 mm beyond it, and the picture ends after 3.
    let text = "type = \"presence\"\nmodel = \"blobs\"\nlabel = \"hole\"\nscore = 0.5\nplaces = [{ name = \"lug\", region = [20.0, -2.0, 8.0, 4.0] }]";
    let check = open_with(text, &reference, models()).expect("an entry");
    let near_the_border = rendered(0.0, 110.0, None);
    let seen = observe(check.as_ref(), &near_the_border, &reference);
    assert_eq!(seen, [Observation::not_measured(Reason::OutOfPicture)]);
    let seen = observe(check.as_ref(), &rendered(0.0, -110.0, None), &reference);
    assert_eq!(value(&seen[0]).0, 0.0);
}

/// A recipe's folder with a drawing-less recipe, and one model.
fn recipe(entry: &str, graph: &str, toml: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!("schema = 1\npart = \"P\"\n[design]\nnone = true\n[[check]]\n{entry}\n");
    fs::write(dir.path().join("recipe.toml"), text).expect("a file");
    testing::write(&dir.path().join("models").join(graph.split(' ').next().expect("a name")), graph, toml);
    dir
}

fn judged(dir: &Path, photo: &Photo) -> (Verdict, Observation) {
    let recipe = Recipe::open_on(dir, &Computed).expect("a recipe");
    let inspection = crate::inspect::inspect(photo, &recipe, |_| ());
    (inspection.verdict, inspection.results[0].observation.clone())
}

#[test]
fn a_recipe_judges_by_its_models_and_refers_when_they_fail() {
    let photo = dots(&[(100.0, 100.0, 25.0), (300.0, 200.0, 30.0)]);
    assert_eq!(judged(recipe(COUNT, "blobs", BLOBS).path(), &photo).0, Verdict::Pass);
    for fault in ["nan", "infinity", "rank", "shape", "nothing", "scores", "hangs", "dies"] {
        let dir = recipe(COUNT, &format!("blobs then {fault}"), BLOBS);
        let (verdict, seen) = judged(dir.path(), &photo);
        let Outcome::NotMeasured(reason) = seen.outcome else { panic!("{fault}: {seen:?}") };
        assert_eq!((verdict, reason.code()), (Verdict::Refer, "model-fault"), "{fault}");
        assert!(reason.to_string().starts_with("model blobs gave no usable answer (expected "), "{reason}");
    }
    // Read only: nothing is run, nothing is found good.
    let dir = recipe(COUNT, "blobs", BLOBS);
    let recipe = Recipe::open(dir.path()).expect("a recipe");
    let inspection = crate::inspect::inspect(&photo, &recipe, |_| ());
    assert_eq!(inspection.verdict, Verdict::Refer);
    assert_eq!(recipe.hash, Recipe::open_on(dir.path(), &Computed).expect("the same").hash);
    assert_eq!(recipe.models.iter().map(|m| m.network.runtime()).collect::<Vec<_>>(), [Network::runtime(&NoRuntime)]);
}

#[test]
fn a_recipe_with_a_broken_model_is_refused_by_name() {
    let dir = recipe(CLASSIFY, "lightness", LIGHTNESS);
    fs::remove_file(dir.path().join("models/lightness/MODEL.md")).expect("there");
    let error = Recipe::open_on(dir.path(), &Computed).expect_err("no card").to_string();
    assert_eq!(error, "models/lightness: expected the model's card, found no such file: MODEL.md");
    let dir = recipe(&CLASSIFY.replace("\"lightness\"", "\"darkness\""), "lightness", LIGHTNESS);
    let error = Recipe::open_on(dir.path(), &Computed).expect_err("no such model").to_string();
    assert_eq!(error, "recipe.toml:7: check `classify`: `model`: expected one of lightness, found \"darkness\"");
}
