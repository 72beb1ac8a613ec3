//! Recipes, good and bad.

use super::*;
use crate::design::{DesignError, Units, write_dxf};
use crate::synth;
use proptest::prelude::*;
use std::fs;

/// A plate of 60 x 40 mm with two holes.
fn plate() -> Vec<u8> {
    let holes = [(-20.0, 0.0, 6.0), (20.0, 0.0, 5.0)];
    write_dxf(&synth::parts::rounded_rectangle(60.0, 40.0, 4.0, &holes)).into_bytes()
}

const GOOD: &str = r#"schema = 1
part = "PLATE"
revision = "B"

[design]
file = "plate.dxf"

[calibration]
mm_per_px = 0.05
tone = "linear"

[decision]
rule = "simple"

[[check]]
type = "hole"
feature = "hole-1"
diameter = { nominal = 6.0, lower = -0.1, upper = 0.2 }

[[check]]
type = "missing"
upper = 0.5
"#;

/// A recipe folder with that text and the plate.
fn folder(recipe_toml: impl AsRef<[u8]>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("recipe.toml"), recipe_toml).unwrap();
    fs::write(dir.path().join("plate.dxf"), plate()).unwrap();
    dir
}

fn refused(recipe_toml: impl AsRef<[u8]>) -> String {
    Recipe::open(folder(recipe_toml).path()).unwrap_err().to_string()
}

/// [`GOOD`] with one change.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "{from}");
    GOOD.replace(from, to)
}

fn scale_of(recipe: &Recipe) -> Option<f64> {
    match &recipe.calibration {
        Calibration::Known(policy) => Some(policy.mm_per_px),
        Calibration::Mat(_) => None,
    }
}

#[test]
fn a_good_recipe_opens() {
    for text in [GOOD.to_owned(), GOOD.replace('\n', "\r\n"), format!("\u{feff}{GOOD}")] {
        let recipe = Recipe::open(folder(text).path()).unwrap();
        assert_eq!((recipe.part.as_str(), recipe.revision.as_deref()), ("PLATE", Some("B")));
        assert_eq!(
            (recipe.rule, scale_of(&recipe), recipe.calibration.tone()),
            (Rule::Simple, Some(0.05), Tone::Linear)
        );
        let ids: Vec<_> = recipe.checks.iter().flat_map(|c| c.characteristics()).map(|c| c.id.as_str()).collect();
        assert_eq!(ids[0], "hole-1.diameter");
        assert_eq!(recipe.checks.len(), 2);
    }
}

#[test]
fn every_fault_names_its_line() {
    let cases = [
        // Unknown keys, wherever they stand.
        (changed("revision = \"B\"", "revison = \"B\""), 3, &["unknown key `revison`", "revision"][..]),
        (changed("file = ", "scale = 3\nfile = "), 6, &["[design]", "scale"]),
        (changed("tone = ", "tune = "), 10, &["[calibration]", "tune", "tone"]),
        (changed("rule = ", "rules = "), 13, &["[decision]", "rules"]),
        (changed("feature = \"hole-1\"", "feature = \"hole-1\"\ntolerance = 3"), 18, &["check `hole`", "tolerance"]),
        (changed("lower = -0.1", "lover = -0.1"), 18, &["check `hole`", "lover"]),
        // Limits.
        (
            changed("lower = -0.1, upper = 0.2", "lower = 0.2, upper = -0.1"),
            18,
            &["upside down", "lower = 0.2 and upper = -0.1"],
        ),
        (changed("upper = 0.2", "upper = nan"), 18, &["finite number, found nan"]),
        (changed("nominal = 6.0", "nominal = -inf"), 18, &["finite number, found -inf"]),
        (changed(", lower = -0.1, upper = 0.2", ""), 18, &["no tolerance"]),
        // The camera.
        (changed("0.05", "0"), 9, &["mm_per_px from 0.0001 to 10, found 0"]),
        (changed("0.05", "-0.05"), 9, &["mm_per_px", "found -0.05"]),
        (changed("0.05", "50.0"), 9, &["mm_per_px", "found 50"]),
        (changed("0.05", "nan"), 9, &["finite number, found nan"]),
        (changed("0.05", "0.05\nu_scale = -1"), 10, &["u_scale"]),
        (changed("0.05", "\"0.05\""), 9, &["[calibration]", "string"]),
        (
            changed("[calibration]\nmm_per_px = 0.05\ntone = \"linear\"\n", ""),
            1,
            &["missing table [calibration]", "mm_per_px"],
        ),
        // Files.
        (changed("plate.dxf", "plaet.dxf"), 6, &["no file \"plaet.dxf\""]),
        (changed("plate.dxf", "../plate.dxf"), 6, &["in the recipe's folder", ".."]),
        (changed("plate.dxf", "/etc/passwd"), 6, &["absolute"]),
        (changed("plate.dxf", "C:/plate.dxf"), 6, &["absolute"]),
        (changed("plate.dxf", "drawings\\\\plate.dxf"), 6, &["write / between folders"]),
        (changed("plate.dxf", ".plate.dxf"), 6, &["hidden files"]),
        (changed("plate.dxf", "recipe.toml"), 6, &["recipe.toml: expected a DXF or SVG drawing"]),
        (changed("file = \"plate.dxf\"", "picture = \"plate.dxf\""), 9, &["[calibration]", "mm_per_px"]),
        (changed("file = \"plate.dxf\"", "file = \"plate.dxf\"\npicture = \"plate.dxf\""), 7, &["found more than one"]),
        (changed("file = \"plate.dxf\"", "units = \"mm\""), 5, &["found none of them"]),
        (changed("file = \"plate.dxf\"", "file = \"plate.dxf\"\nunits = \"inch\""), 6, &["plate.dxf", "inch", "mm"]),
        (changed("file = \"plate.dxf\"", "file = \"plate.dxf\"\nunits = \"yard\""), 7, &["yard", "inch"]),
        // Checks.
        (
            changed("type = \"hole\"", "type = \"hloe\""),
            16,
            &["unknown check type \"hloe\"", "hole", "profile", "missing"],
        ),
        (changed("type = \"hole\"\n", ""), 15, &["missing key `type`"]),
        (changed("type = \"hole\"", "type = 7"), 16, &["`type`"]),
        (changed("feature = \"hole-1\"", "feature = \"hole-9\""), 15, &["hole-9"]),
        (
            changed("type = \"missing\"\nupper = 0.5", "type = \"reference\""),
            21,
            &["`reference` needs a picture", "drawing"],
        ),
        (GOOD.to_owned() + &GOOD[GOOD.find("[[check]]").unwrap()..], 24, &["hole-1.diameter is checked twice"]),
        (GOOD[..GOOD.find("[[check]]").unwrap()].to_owned(), 15, &["no checks", "[[check]]"]),
        (
            GOOD[..GOOD.find("[[check]]").unwrap()].replace("schema = 1\n", "schema = 1\ncheck = []\n"),
            2,
            &["[[check]]"],
        ),
        // The frame of it.
        (changed("schema = 1", "schema = 2"), 1, &["found 2", "newer program", "update"]),
        (changed("schema = 1", "schema = \"1\""), 1, &["expected schema = 1"]),
        (changed("schema = 1\n", ""), 1, &["missing key `schema`"]),
        (changed("part = \"PLATE\"", "part = \"\""), 2, &["1 to 200 characters"]),
        (changed("part = \"PLATE\"\n", ""), 1, &["missing key `part`"]),
        (changed("rule = \"simple\"", "rule = \"lax\""), 13, &["lax", "guarded"]),
        (changed("rule = \"simple\"", "rule = \"simple"), 13, &[""]),
        (changed("rule = \"simple\"", "rule = \"simple\"\nrule = \"guarded\""), 14, &["duplicate key"]),
        (String::new(), 1, &["schema"]),
    ];
    for (text, line, words) in cases {
        let error = refused(&text);
        assert!(error.starts_with(&format!("recipe.toml:{line}: ")), "expected line {line}: {error}\n{text}");
        assert!(words.iter().all(|w| error.contains(w)), "expected {words:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn files_that_are_no_recipe_are_named() {
    assert!(
        refused([b"schema = 1\npart = \"".as_slice(), b"\xff\xfe\"\n"].concat())
            .starts_with("recipe.toml:2: expected UTF-8")
    );
    let huge = GOOD.to_owned() + &"#".repeat(1 << 20);
    assert!(refused(&huge).contains("recipe.toml is too large: expected at most 1048576 bytes"));
    let empty = tempfile::tempdir().unwrap();
    assert!(Recipe::open(empty.path()).unwrap_err().to_string().contains("cannot read recipe.toml"));
    assert!(Recipe::open(Path::new("/no/such/folder")).unwrap_err().to_string().contains("cannot read"));
    // A drawing that is refused: the line that names it, its name, and why.
    let dir = folder(GOOD);
    let no_units = String::from_utf8(plate()).unwrap().replace("$INSUNITS\n70\n4", "$INSUNITS\n70\n0");
    fs::write(dir.path().join("plate.dxf"), &no_units).unwrap();
    let error = Recipe::open(dir.path()).unwrap_err();
    let cause = DesignError::NoUnits { found: "$INSUNITS is 0" };
    assert_eq!(error, RecipeError::Design { line: 6, file: "plate.dxf".into(), cause });
    fs::write(dir.path().join("recipe.toml"), changed("file = \"plate.dxf\"", "file = \"plate.dxf\"\nunits = \"mm\""))
        .unwrap();
    Recipe::open(dir.path()).unwrap();
}

#[cfg(unix)]
#[test]
fn links_do_not_leave_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("plate.dxf"), plate()).unwrap();
    let dir = folder(GOOD);
    fs::remove_file(dir.path().join("plate.dxf")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("plate.dxf"), dir.path().join("plate.dxf")).unwrap();
    assert_eq!(
        Recipe::open(dir.path()).unwrap_err(),
        RecipeError::Foreign { file: "plate.dxf".into(), found: "a link" }
    );
    fs::remove_file(dir.path().join("plate.dxf")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("drawings")).unwrap();
    fs::write(dir.path().join("recipe.toml"), changed("plate.dxf", "drawings/plate.dxf")).unwrap();
    assert_eq!(
        Recipe::open(dir.path()).unwrap_err(),
        RecipeError::Foreign { file: "drawings".into(), found: "a link" }
    );
}

#[test]
fn the_identity_is_of_every_file_and_of_nothing_else() {
    let dir = folder(GOOD);
    let hash = || Recipe::open(dir.path()).unwrap().hash;
    let first = hash();
    assert_eq!(first, Recipe::open(folder(GOOD).path()).unwrap().hash, "another folder of the same files");
    // What editors and file managers leave behind changes nothing.
    for name in [".DS_Store", "recipe.toml~", ".recipe.toml.swp", "Thumbs.db"] {
        fs::write(dir.path().join(name), b"x").unwrap();
    }
    fs::create_dir(dir.path().join(".git")).unwrap();
    fs::write(dir.path().join(".git/HEAD"), b"x").unwrap();
    assert_eq!(hash(), first);
    // A model in a folder is part of it: its bytes and its name.
    fs::create_dir(dir.path().join("models")).unwrap();
    fs::write(dir.path().join("models/a.onnx"), b"x").unwrap();
    let with_model = hash();
    fs::rename(dir.path().join("models/a.onnx"), dir.path().join("models/b.onnx")).unwrap();
    let renamed = hash();
    fs::write(dir.path().join("models/b.onnx"), b"y").unwrap();
    let all = [first, with_model, renamed, hash()];
    assert_eq!(BTreeSet::from(all).len(), 4);
    let listed: Vec<_> = files(dir.path()).unwrap().into_iter().map(|f| f.path).collect();
    assert_eq!(listed, ["models/b.onnx", "plate.dxf", "recipe.toml"]);
}

#[test]
fn another_scale_is_another_recipe() {
    let open = || Recipe::open(folder(GOOD).path()).unwrap();
    let (same, other) = (open().with_scale(0.05).unwrap(), open().with_scale(0.06).unwrap());
    assert_eq!(same.hash, open().hash);
    assert_eq!(scale_of(&other), Some(0.06));
    assert!(other.hash != same.hash && other.hash != open().with_scale(0.07).unwrap().hash);
    for absurd in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
        assert!(matches!(open().with_scale(absurd), Err(RecipeError::Scale { .. })), "{absurd}");
    }
}

/// A record's tiny uncertainties once went with a scale that somebody typed.
#[test]
fn a_scale_given_by_hand_is_as_uncertain_as_an_assumed_one() {
    let measured = "mm_per_px = 0.05\nu_scale = 0.00001\nedge_offset_px = 0.5\nu_edge_px = 0.01\nsize_px = [640, 480]\noverexposed_ground = true";
    assert_eq!(GOOD.matches("mm_per_px = 0.05").count(), 1);
    let text = GOOD.replace("mm_per_px = 0.05", measured);
    for scale in [0.05, 0.06] {
        let recipe = Recipe::open(folder(&text).path()).unwrap();
        let before = recipe.hash;
        let by_hand = recipe.with_scale(scale).unwrap();
        let expected = CalibrationPolicy { tone: Tone::Linear, ..CalibrationPolicy::of(scale) };
        assert_eq!(by_hand.calibration, Calibration::Known(expected));
        assert!(by_hand.hash != before && by_hand.scale_by_hand == Some(scale));
    }
    // What the recipe says to be less certain stays so.
    let rough = GOOD.replace("mm_per_px = 0.05", "mm_per_px = 0.05\nu_scale = 0.01\nu_edge_px = 0.3");
    let Calibration::Known(policy) = Recipe::open(folder(&rough).path()).unwrap().with_scale(0.06).unwrap().calibration
    else {
        panic!("a known scale")
    };
    assert_eq!((policy.u_scale, policy.u_edge_px), (0.01, 0.3));
}

/// A grey PNG.
fn picture() -> Vec<u8> {
    let grey = image::GrayImage::from_fn(64, 48, |x, y| image::Luma([if (x / 8 + y / 8) % 2 == 0 { 30 } else { 220 }]));
    let mut out = std::io::Cursor::new(Vec::new());
    grey.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[test]
fn a_picture_is_a_recipe() {
    let recipe = Recipe::from_picture("golden.png", &picture()).unwrap();
    assert_eq!((recipe.part.as_str(), recipe.checks.len()), ("golden", 1));
    let file = RecipeFile { path: "golden.png".into(), size: picture().len() as u64, sha256: Sha256::of(&picture()) };
    assert_eq!(recipe.hash, identity(&[file]));
    assert!(matches!(recipe.with_scale(0.1), Err(RecipeError::Scale { .. })));
    assert!(matches!(Recipe::from_picture("a.txt", b"hello"), Err(Error::Photo(_))));
    // As a folder.
    let text = "schema = 1\npart = \"P\"\n[design]\npicture = \"golden.png\"\n[calibration]\ntone = \"linear\"\n[[check]]\ntype = \"reference\"\n";
    let dir = folder(text);
    fs::write(dir.path().join("golden.png"), picture()).unwrap();
    let recipe = Recipe::open(dir.path()).unwrap();
    assert!(matches!(recipe.reference, Reference::Picture(_)));
    assert_eq!(recipe.calibration.tone(), Tone::Linear);
    fs::write(dir.path().join("recipe.toml"), text.replace("\"reference\"", "\"missing\"\nupper = 1.0")).unwrap();
    assert!(
        Recipe::open(dir.path()).unwrap_err().to_string().contains("recipe.toml:8: check `missing` needs a drawing")
    );
    fs::write(dir.path().join("golden.png"), b"no picture").unwrap();
    let error = Recipe::open(dir.path()).unwrap_err().to_string();
    assert!(error.starts_with("recipe.toml:4: golden.png: "), "{error}");
}

fn options(file_name: &str) -> ProposeOptions {
    ProposeOptions {
        part: "M19 \"VISOR\"".into(),
        revision: Some("C".into()),
        scale: ProposedScale::MmPerPx(0.05),
        thickness_mm: None,
        units: None,
        file_name: file_name.into(),
    }
}

#[test]
fn what_is_proposed_opens_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let designs = [
        ("visor", synth::parts::visor()),
        ("frame", synth::parts::frame()),
        ("bracket", synth::parts::bracket()),
        ("disc", synth::parts::disc(30.0)),
    ];
    for (name, design) in designs {
        let proposed = propose(write_dxf(&design).as_bytes(), &options("part.dxf")).unwrap();
        let out = dir.path().join(name);
        proposed.write_to(&out).unwrap();
        let recipe = Recipe::open(&out).unwrap();
        assert_eq!(recipe.part, "M19 \"VISOR\"");
        let Reference::Drawing(read) = &recipe.reference else { panic!() };
        let named = |d: &Design| d.features.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        assert_eq!(named(read), named(&design));
        // Every contour is looked at; edges and arcs are pieces of them.
        let ids: Vec<_> = recipe.checks.iter().flat_map(|c| c.characteristics()).map(|c| c.id.clone()).collect();
        let contours = &named(&design)[..design.contours.len()];
        assert!(contours.iter().all(|f| ids.iter().any(|id| id.starts_with(&format!("{f}.")))), "{ids:?}");
        // Not over something that exists; and nothing else was left in the folder.
        assert!(proposed.write_to(&out).unwrap_err().to_string().contains("exists already"));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

/// A drawing with text, and a line on a layer that is off: neither is read, and that is said where it can be seen.
#[test]
fn what_is_not_read_of_a_drawing_is_said() {
    let drawing = String::from_utf8(plate()).unwrap();
    let layers = "0\nSECTION\n2\nTABLES\n0\nTABLE\n2\nLAYER\n0\nLAYER\n2\nHOLES\n70\n0\n62\n-7\n0\nENDTAB\n0\nENDSEC\n0\nSECTION\n2\nENTITIES\n";
    let more = "0\nTEXT\n8\n0\n10\n1\n20\n1\n40\n2\n1\nHI\n0\nCIRCLE\n8\nHOLES\n10\n4\n20\n4\n40\n1\n";
    let said = |drawing: &str| propose(drawing.as_bytes(), &options("plate.dxf")).unwrap();
    let entities = "0\nSECTION\n2\nENTITIES\n";
    assert!(drawing.contains(entities), "{drawing}");
    let proposed = said(&drawing.replace(entities, &format!("{layers}{more}")));
    let words = "Not read of the drawing: 1 TEXT, 1 entity on hidden layers or paper.";
    assert!(proposed.notes.iter().any(|n| n.starts_with(words)), "{:?}", proposed.notes);
    assert!(proposed.recipe_toml.contains(&format!("# {words}")), "{}", proposed.recipe_toml);
    assert!(!said(&drawing).recipe_toml.contains("Not read"));
}

#[test]
fn proposals_say_what_the_person_must_know() {
    let no_units = String::from_utf8(plate()).unwrap().replace("$INSUNITS\n70\n4", "$INSUNITS\n70\n0");
    let error = propose(no_units.as_bytes(), &options("plate.dxf")).unwrap_err().to_string();
    assert!(error.contains("no units"), "{error}");
    let given = ProposeOptions { units: Some(Units::Inch), ..options("plate.dxf") };
    let proposed = propose(no_units.as_bytes(), &given).unwrap();
    assert!(proposed.recipe_toml.contains("units = \"inch\""));
    assert!(proposed.recipe_toml.contains("ISO 2768-m"));
    assert!(proposed.notes[0].contains("1524.000 x 1016.000 mm, 2 round holes"), "{:?}", proposed.notes);
    assert!(proposed.notes.iter().any(|n| n.starts_with("Drawn in inches, as --units says")), "{:?}", proposed.notes);
    assert!(proposed.recipe_toml.contains("; drawn in inches."), "{}", proposed.recipe_toml);
    let corners = [(0.0, 0.0, 0.0), (297.0, 0.0, 0.0), (297.0, 210.0, 0.0), (0.0, 210.0, 0.0)];
    let sheet = write_dxf(&synth::parts::polygon(&corners, &[(9.0, 9.0, 0.4)], &[]));
    let notes = propose(sheet.as_bytes(), &options("plate.dxf")).unwrap().notes;
    assert!(notes.iter().any(|n| n.starts_with("The outline is as large as a sheet of A4")), "{notes:?}");
    assert!(notes.iter().any(|n| n == "1 hole below 0.5 mm gets no check: hole-1."), "{notes:?}");
    // Seen from afar, a hole of 5 mm is 5 px.
    let far = ProposeOptions { scale: ProposedScale::MmPerPx(1.0), ..options("plate.dxf") };
    let notes = propose(&plate(), &far).unwrap().notes;
    assert!(notes.iter().any(|n| n.contains("hole-2 is only 5.0 px wide")), "{notes:?}");
    let absurd = ProposeOptions { scale: ProposedScale::MmPerPx(f64::NAN), ..options("plate.dxf") };
    assert!(propose(&plate(), &absurd).is_err());
    // A picture of a good part; names that no recipe may have are replaced.
    for (given, kept) in
        [("golden.png", "golden.png"), ("../golden.png", "design"), (".x", "design"), ("recipe.toml", "design")]
    {
        let proposed = propose(&picture(), &options(given)).unwrap();
        assert_eq!(proposed.design_file.0, kept);
        assert!(proposed.recipe_toml.contains(&format!("picture = \"{kept}\"")));
    }
    assert!(matches!(propose(b"hello", &options("a.dxf")), Err(Error::Design(DesignError::NotADesign { .. }))));
}

/// A unit that was given is written down whenever it counted: the recipe must read the drawing as it was shown.
#[test]
fn a_recipe_reads_its_drawing_in_the_unit_that_was_given() {
    let px = "<svg width='100px' height='50px' viewBox='0 0 100 50'><rect width='100' height='50'/></svg>";
    let given = ProposeOptions { units: Some(Units::Millimetre), ..options("plate.svg") };
    let proposed = propose(px.as_bytes(), &given).unwrap();
    assert!(proposed.notes[0].starts_with("Part: 100.000 x 50.000 mm"), "{:?}", proposed.notes);
    assert!(
        proposed.notes.iter().any(|n| n.starts_with("The drawing says px, which were not taken")),
        "{:?}",
        proposed.notes
    );
    let dir = tempfile::tempdir().unwrap();
    proposed.write_to(&dir.path().join("plate")).unwrap();
    let recipe = Recipe::open(&dir.path().join("plate")).unwrap();
    let Reference::Drawing(design) = &recipe.reference else { panic!("a drawing") };
    assert!((design.bounds().1.x - 100.0).abs() < 1e-9, "{:?}", design.bounds());
    let told = propose(&plate(), &options("plate.dxf")).unwrap();
    assert!(told.notes.iter().any(|n| n.starts_with("Drawn in mm:")), "{:?}", told.notes);
}

/// [`GOOD`] for parts of 3 mm on a mat that was measured, seen by a camera with a record.
fn on_mat(calibration: &str) -> String {
    let text = changed("[calibration]\nmm_per_px = 0.05\ntone = \"linear\"\n", calibration);
    text.replace("file = \"plate.dxf\"", "file = \"plate.dxf\"\nthickness = 3.0")
}

const MAT: &str = r#"[calibration]
camera = "phone.toml"
[calibration.mat]
paper = "A4"
id = 17
x = 170.2
y = 254.9
u_distance = 0.05
u_flat = 0.1
"#;

/// A record of a camera of 12 megapixels.
fn record() -> CameraRecord {
    CameraRecord {
        schema: 1,
        width: 4000,
        height: 3000,
        artefact: "chessboard".into(),
        photos: 9,
        rms_px: 0.2,
        by: None,
        made: None,
        lens: crate::calibration::Lens::pinhole(3000.0, 4000, 3000),
        covariance: [[0.0; 9]; 9],
    }
}

#[test]
fn a_recipe_may_take_its_scale_from_a_mat() {
    use crate::calibration::mat::Paper;
    let dir = folder(on_mat(MAT));
    fs::write(dir.path().join("phone.toml"), record().to_toml()).unwrap();
    let recipe = Recipe::open(dir.path()).unwrap();
    let Calibration::Mat(policy) = &recipe.calibration else { panic!("{:?}", recipe.calibration) };
    assert_eq!((policy.paper, policy.id, policy.measured_mm), (Paper::A4, Some(17), [Some(170.2), Some(254.9)]));
    assert_eq!((policy.u_measured_mm, policy.u_flat_mm, policy.camera.as_ref()), (0.05, 0.1, Some(&record())));
    assert!(matches!(recipe.with_scale(0.05), Err(RecipeError::Scale { .. })), "the mat tells the scale");
    // What is not said is uncertain.
    let least = on_mat("[calibration]\nmat = { paper = \"Letter\" }\n");
    let Calibration::Mat(policy) = Recipe::open(folder(least).path()).unwrap().calibration else { panic!("a mat") };
    assert_eq!((policy.id, policy.measured_mm, policy.camera), (None, [None; 2], None));
    assert!(policy.u_flat_mm >= 0.5 && policy.u_measured_mm >= 0.1);
}

#[test]
fn what_is_wrong_with_a_mat_is_said_with_its_line() {
    let with = |from: &str, to: &str| {
        assert_eq!(MAT.matches(from).count(), 1, "{from}");
        on_mat(&MAT.replace(from, to))
    };
    let cases = [
        (with("A4", "A5"), 12, &["A5", "Letter"][..]),
        (with("id = 17", "id = 5000"), 13, &["id from 0 to 4095, found 5000"]),
        (with("id = 17\n", ""), 13, &["its number", "id = 17"]),
        (with("x = 170.2", "x = 175.0"), 14, &["175 mm instead of 170.0 mm"]),
        (with("y = 254.9", "y = nan"), 15, &["finite"]),
        (with("u_flat = 0.1", "u_flat = 0"), 17, &["u_flat from 0.01 to 5, found 0"]),
        (with("u_distance", "u_distanze"), 16, &["u_distanze"]),
        (with("u_flat", "measured = 2026-02-30\nu_flat"), 17, &["day"]),
        (with("u_flat", "measured = 2026-11-20T08:00:00\nu_flat"), 17, &["a day such as 2026-11-27"]),
        (with("u_flat", "measured = 20\nu_flat"), 17, &["datetime"]),
        (with("phone.toml", "no.toml"), 10, &["no file \"no.toml\""]),
        (with("phone.toml", "../phone.toml"), 10, &["in the recipe's folder"]),
        (with("phone.toml", "plate.dxf"), 10, &["camera: plate.dxf"]),
        (with("[calibration]\n", "[calibration]\nmm_per_px = 0.05\n"), 10, &["mm_per_px", "mat"]),
        // A camera that is near sees how thick the part is: it must be said, even when it is nothing.
        (with("A4", "A4").replace("thickness = 3.0\n", ""), 10, &["thickness = 3.0"]),
    ];
    for (text, line, parts) in cases {
        let dir = folder(&text);
        fs::write(dir.path().join("phone.toml"), record().to_toml()).unwrap();
        let error = Recipe::open(dir.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("recipe.toml:{line}: ")), "{line}: {error}");
        assert!(parts.iter().all(|p| error.contains(p)), "{parts:?}: {error}");
    }
}

#[test]
fn a_recipe_for_a_mat_is_proposed() {
    use crate::calibration::{Day, mat::Paper};
    let mat = ProposedMat {
        paper: Paper::A4,
        id: Some(17),
        measured_mm: [Some(170.2), None],
        measured_on: Some(Day { year: 2026, month: 2, day: 7 }),
        camera: Some(record().to_toml().into_bytes()),
    };
    let options =
        ProposeOptions { scale: ProposedScale::Mat(mat.clone()), thickness_mm: Some(3.0), ..options("plate.dxf") };
    let proposed = propose(&plate(), &options).unwrap();
    let dir = tempfile::tempdir().unwrap();
    proposed.write_to(&dir.path().join("plate")).unwrap();
    let recipe = Recipe::open(&dir.path().join("plate")).unwrap();
    let Calibration::Mat(policy) = &recipe.calibration else { panic!("a mat") };
    assert_eq!((policy.id, policy.measured_mm), (Some(17), [Some(170.2), None]));
    assert_eq!(policy.measured_on, Some(Day { year: 2026, month: 2, day: 7 }));
    assert_eq!(policy.camera, Some(record()));
    let Reference::Drawing(design) = &recipe.reference else { panic!("a drawing") };
    assert_eq!(design.body.thickness_mm, 3.0);
    let notes = proposed.notes.join(" ");
    assert!(notes.contains("write x and y") && !notes.contains("Calibrate the camera"), "{notes}");
    // Nobody knows what is not said.
    let unknown = ProposedMat { id: None, measured_mm: [None; 2], camera: None, ..mat.clone() };
    let proposed =
        propose(&plate(), &ProposeOptions { scale: ProposedScale::Mat(unknown), ..options.clone() }).unwrap();
    assert!(proposed.notes.join(" ").contains("Calibrate the camera"));
    let thick = propose(&plate(), &ProposeOptions { thickness_mm: None, ..options.clone() }).unwrap_err().to_string();
    assert!(thick.contains("thickness"), "{thick}");
    let misread = ProposedMat { measured_mm: [Some(255.0), Some(170.0)], ..mat.clone() };
    assert!(propose(&plate(), &ProposeOptions { scale: ProposedScale::Mat(misread), ..options.clone() }).is_err());
    let broken = ProposedMat { camera: Some(b"fx = 3".to_vec()), ..mat };
    assert!(propose(&plate(), &ProposeOptions { scale: ProposedScale::Mat(broken), ..options.clone() }).is_err());
    // Larger than the free middle of the sheet.
    let large = write_dxf(&synth::parts::rounded_rectangle(200.0, 160.0, 4.0, &[]));
    let notes = propose(large.as_bytes(), &options).unwrap().notes.join(" ");
    assert!(notes.contains("does not fit, however it is turned. Use a larger mat"), "{notes}");
    let long = write_dxf(&synth::parts::rounded_rectangle(240.0, 3.0, 1.0, &[]));
    let notes = propose(long.as_bytes(), &options).unwrap().notes.join(" ");
    assert!(notes.contains("it fits only aslant. Use a larger mat"), "{notes}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_change_of_a_recipe_makes_the_reader_panic(
        changes in proptest::collection::vec((0..3usize, any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = GOOD.as_bytes().to_vec();
        for (kind, place, byte) in changes {
            let i = place.index(bytes.len());
            match kind {
                0 => bytes[i] = byte,
                1 => bytes.insert(i, byte),
                _ => drop(bytes.remove(i)),
            }
        }
        let drawing = plate();
        let read = |file: &str| (file == "plate.dxf").then(|| Ok(drawing.clone()));
        if let Err(error) = assemble(&bytes, Sha256([0; 32]), read, Models::default(), REGISTRY) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}

#[test]
fn a_check_that_breaks_its_promise_is_refused() {
    use crate::checks::{Characteristic, Observation, Unit};
    use crate::registration::RegisteredPart;
    #[derive(Debug)]
    struct Broken([Characteristic; 1]);
    impl Check for Broken {
        fn characteristics(&self) -> &[Characteristic] {
            &self.0
        }
        fn observe(&self, _: &RegisteredPart<'_>) -> Vec<Observation> {
            vec![Observation::measured(0.0, 0.0)]
        }
    }
    static BROKEN: CheckType = CheckType {
        name: "missing",
        parse: |entry, _| {
            let upper = entry.read::<toml::Table>()?["upper"].as_float();
            let (lower, upper) = if upper == Some(0.5) { (Some(1.0), Some(0.0)) } else { (Some(f64::NAN), None) };
            let id = "broken".to_owned();
            Ok(Box::new(Broken([Characteristic {
                id,
                check_type: "missing",
                nominal: 0.0,
                lower,
                upper,
                unit: Unit::Mm,
            }])))
        },
        ..crate::checks::missing::TYPE
    };
    let hole = REGISTRY.iter().find(|t| t.name == "hole").unwrap();
    for text in [GOOD.to_owned(), changed("upper = 0.5", "upper = 0.25")] {
        let error = Recipe::open_with(folder(text).path(), &crate::models::NoRuntime, &[hole, &BROKEN])
            .unwrap_err()
            .to_string();
        assert!(error.contains("recipe.toml:21: broken: expected finite limits"), "{error}");
    }
}
