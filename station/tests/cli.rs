//! The command line as people and scripts meet it: what it prints, its exit codes, one clear line per mistake.

#![allow(clippy::unwrap_used, reason = "tests panic on purpose")]

#[path = "cli/calibrate.rs"]
mod calibrate;
#[path = "cli/scale.rs"]
mod scale;
#[path = "cli/station.rs"]
mod station_folders;

use inspector::codes::Format;
use inspector::design::write_dxf;
use inspector::geometry::{Angle, Vector};
use inspector::synth::{Fault, Noise, PrintedCode, Rendered, Scene, code as draw_code, parts, photographed};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SCALE: f64 = 0.08;

fn assay(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_assay")).args(arguments).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with a drawing, photos of a good and a bad part, and a recipe made by the program itself.
fn workshop() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let design = parts::bracket();
    let scene = Scene { noise: Noise { read: 0.003, shot: 1e-4 }, ..Scene::new(&design, 1300, 1000, SCALE) };
    let scene = scene.placed(&design, SCALE, Angle::from_degrees(33.0), Vector::new(5.2, -3.1));
    let write = |name: &str, fault: Option<Fault>| {
        let rendered = Rendered::new(&scene, &design, fault.as_ref()).unwrap();
        std::fs::write(dir.path().join(name), rendered.jpeg(90)).unwrap();
    };
    write("good.jpg", None);
    write("bad.jpg", Some(Fault::HoleMoved { hole: "hole-1".into(), by: Vector::new(0.5, 0.4) }));
    std::fs::write(dir.path().join("bracket.dxf"), write_dxf(&design)).unwrap();
    let made = assay(&[
        "recipe",
        "new",
        "--design",
        &at(dir.path(), "bracket.dxf"),
        "--part",
        "B-1",
        "--revision",
        "B",
        "--scale",
        "0.08",
        "--out",
        &at(dir.path(), "recipe"),
    ]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    dir
}

fn at(dir: &Path, name: &str) -> String {
    dir.join(name).to_string_lossy().into_owned()
}

fn json(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn from_a_drawing_to_verdicts() {
    let dir = workshop();
    let (recipe, good, bad) = (at(dir.path(), "recipe"), at(dir.path(), "good.jpg"), at(dir.path(), "bad.jpg"));
    let passed = assay(&["inspect", "--recipe", &recipe, &good, "--json"]);
    assert_eq!(code(&passed), 0, "{}", stderr(&passed));
    let record = &json(&passed)[0];
    assert_eq!((record["verdict"].as_str(), record["part"].as_str()), (Some("pass"), Some("B-1")));
    assert_eq!((record["image"].as_str(), record["revision"].as_str()), (Some("good.jpg"), Some("B")));
    assert!(record["recipe"].as_str().unwrap().starts_with("sha256:"));
    for check in record["checks"].as_array().unwrap() {
        for key in [
            "id",
            "type",
            "verdict",
            "measured",
            "nominal",
            "deviation",
            "lower",
            "upper",
            "unit",
            "u",
            "reason",
            "regions",
        ] {
            assert!(check.get(key).is_some(), "{key} of {check}");
        }
    }
    // One FAIL among several photos is 1; a table says it in words and shapes.
    let both = assay(&["inspect", "--recipe", &recipe, &good, &bad]);
    assert_eq!(code(&both), 1);
    let table = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(
        table.contains("✓ PASS  good.jpg") && table.contains("✗ FAIL  bad.jpg") && table.contains("hole-1.position"),
        "{table}"
    );
}

#[test]
fn one_unreadable_photo_does_not_stop_the_others() {
    let dir = workshop();
    std::fs::write(dir.path().join("broken.jpg"), b"not a picture").unwrap();
    let output = assay(&[
        "inspect",
        "--recipe",
        &at(dir.path(), "recipe"),
        &at(dir.path(), "broken.jpg"),
        &at(dir.path(), "missing.jpg"),
        &at(dir.path(), "good.jpg"),
        "--json",
    ]);
    assert_eq!(code(&output), 2);
    assert_eq!(json(&output).len(), 1, "the good photo is judged all the same");
    let lines = stderr(&output);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(
        lines.contains("broken.jpg: not a picture") || lines.contains("broken.jpg: ") && lines.contains("expected"),
        "{lines}"
    );
    assert!(lines.contains("missing.jpg: cannot be read"), "{lines}");
}

#[test]
fn what_cannot_be_measured_is_referred_with_code_3() {
    let dir = workshop();
    let mut blank = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(400, 300, image::Luma([200])).write_to(&mut blank, image::ImageFormat::Png).unwrap();
    std::fs::write(dir.path().join("blank.png"), blank.into_inner()).unwrap();
    let output = assay(&["inspect", "--recipe", &at(dir.path(), "recipe"), &at(dir.path(), "blank.png"), "--json"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let record = &json(&output)[0];
    assert!(
        record["checks"].as_array().unwrap().iter().all(|c| c["reason_code"] == "no-part" && c["measured"].is_null())
    );
}

#[test]
fn photos_come_from_stdin_and_from_patterns() {
    let dir = workshop();
    let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
        .args(["inspect", "--recipe", &at(dir.path(), "recipe"), "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let photo = std::fs::read(dir.path().join("good.jpg")).unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &photo).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), json(&output)[0]["image"].as_str()), (0, Some("stdin")));
    let output = assay(&["inspect", "--recipe", &at(dir.path(), "recipe"), &at(dir.path(), "*.jpg"), "--json"]);
    assert_eq!((code(&output), json(&output).len()), (1, 2));
    let output = assay(&["inspect", "--recipe", &at(dir.path(), "recipe"), &at(dir.path(), "*.tiff"), "--json"]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("no file matches"), "{}", stderr(&output));
}

#[test]
fn overlays_are_written_whole_under_names_of_their_own() {
    let dir = workshop();
    std::fs::create_dir(dir.path().join("more")).unwrap();
    std::fs::copy(dir.path().join("good.jpg"), dir.path().join("more/good.jpg")).unwrap();
    let marked = dir.path().join("marked");
    let output = assay(&[
        "inspect",
        "--recipe",
        &at(dir.path(), "recipe"),
        &at(dir.path(), "good.jpg"),
        &at(dir.path(), "more/good.jpg"),
        "--overlay",
        &marked.to_string_lossy(),
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut names: Vec<String> =
        std::fs::read_dir(&marked).unwrap().map(|f| f.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["good-2.overlay.jpg", "good.overlay.jpg"]);
    assert!(image::open(marked.join(&names[0])).unwrap().width() > 500);
}

/// Only what a named person approved is recorded as production.
#[test]
fn recording_needs_an_approved_recipe() {
    let dir = workshop();
    let (recipe, store, good) = (at(dir.path(), "recipe"), at(dir.path(), "data"), at(dir.path(), "good.jpg"));
    let refused = assay(&["inspect", "--recipe", &recipe, "--store", &store, &good]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("assay recipe approve"), "{}", stderr(&refused));
    assert_eq!(code(&assay(&["recipe", "approve", &recipe, "--by", "p-17", "--data", &store])), 0);
    assert_eq!(code(&assay(&["inspect", "--recipe", &recipe, "--store", &store, &good])), 0);
    let listed = assay(&["recipe", "list", "--data", &store]);
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("approved  recipe  B-1 rev B"), "{listed:?}");
    let looked = assay(&["doctor", "--data", &store, "--rebuild"]);
    assert_eq!(code(&looked), 0, "{looked:?}");
    assert!(String::from_utf8_lossy(&looked.stdout).contains("built again from the journal"), "{looked:?}");
}

#[test]
fn mistakes_are_one_clear_line_and_code_2() {
    let dir = workshop();
    let (recipe, good) = (at(dir.path(), "recipe"), at(dir.path(), "good.jpg"));
    let (no_drawing, never) = (at(dir.path(), "notes.txt"), at(dir.path(), "never"));
    std::fs::write(&no_drawing, "hello").unwrap();
    let toml = dir.path().join("recipe/recipe.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, text.replace("zone = ", "zoen = ")).unwrap();
    let output = assay(&["inspect", "--recipe", &recipe, &good]);
    assert_eq!(code(&output), 2);
    let line = stderr(&output);
    assert!(line.contains("recipe.toml:") && line.contains("zoen") && line.lines().count() == 1, "{line}");
    for arguments in [
        vec!["inspect"],
        vec!["inspect", "--recipe", "nowhere", &good],
        vec!["inspect", "--reference", "nowhere.png", &good],
        vec!["recipe", "new", "--design", &no_drawing, "--part", "P", "--scale", "0.1", "--out", &never],
        vec!["serve", "--config", "nowhere.toml"],
        vec!["no-such-command"],
    ] {
        let output = assay(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(!stderr(&output).is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!Path::new(&never).exists());
}

#[test]
fn every_command_explains_itself() {
    for command in [
        vec!["demo"],
        vec!["serve"],
        vec!["inspect"],
        vec!["recipe", "new"],
        vec!["recipe", "approve"],
        vec!["doctor"],
        vec!["mat"],
    ] {
        let output = assay(&[command.as_slice(), &["--help"]].concat());
        assert_eq!(code(&output), 0);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "{command:?}");
    }
}

#[test]
fn from_a_printed_mat_to_a_recipe_that_wants_to_see_it() {
    let dir = workshop();
    let [pdf, recipe, drawing, good] =
        ["mat.pdf", "on-mat", "bracket.dxf", "good.jpg"].map(|name| at(dir.path(), name));
    let print = ["mat", "--paper", "a4", "--id", "17", "--station", "lab-2", &pdf];
    let printed = assay(&print);
    assert_eq!(code(&printed), 0, "{}", stderr(&printed));
    let said = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(said.contains("A4, mat 17, 148 x 233 mm free") && said.contains("170.0 mm across, 255.0 mm up"), "{said}");
    assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF-"));
    // What was printed is never overwritten.
    assert_eq!(code(&assay(&print)), 2);
    assert_eq!(code(&assay(&["mat", "--paper", "A4", "--id", "4096", &at(dir.path(), "other.pdf")])), 2);

    let new = |more: &[&str]| {
        assay(&[&["recipe", "new", "--design", &drawing, "--part", "B-1", "--out", &recipe], more].concat())
    };
    for wrong in [
        &["--mat", "A4"][..],
        &["--mat", "A4", "--thickness", "3", "--scale", "0.08"],
        &["--mat", "A5", "--thickness", "3"],
        &["--mat", "A4", "--thickness", "3", "--mat-x", "170.2"],
        &["--mat", "A4", "--thickness", "3", "--mat-id", "17", "--mat-x", "255.0"],
        &["--mat", "A4", "--thickness", "3", "--camera", &drawing],
        &["--mat", "A4", "--thickness", "3", "--mat-id", "17", "--mat-x", "170.2", "--mat-measured", "yesterday"],
        &[],
    ] {
        let refused = new(wrong);
        assert_eq!(code(&refused), 2, "{wrong:?}");
        assert!(!stderr(&refused).is_empty() && !Path::new(&recipe).exists(), "{wrong:?}");
    }
    let made = new(&["--mat", "A4", "--mat-id", "17", "--mat-x", "170.2", "--mat-y", "255.1", "--thickness", "3"]);
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    assert!(String::from_utf8_lossy(&made.stdout).contains("assay calibrate"), "{made:?}");
    // Measured today, when nothing else is said.
    let day = std::fs::read_to_string(Path::new(&recipe).join("recipe.toml")).unwrap();
    assert!(day.contains(&format!("\nmeasured = {}", jiff::Zoned::now().date())), "{day}");
    let looked = assay(&["inspect", "--recipe", &recipe, &good]);
    assert_eq!(code(&looked), 3, "{}", stderr(&looked));
    assert!(String::from_utf8_lossy(&looked.stdout).contains("no mat found: photograph the part on its printed mat"));
    assert_eq!(code(&assay(&["inspect", "--recipe", &recipe, "--scale", "0.08", &good])), 2, "the mat tells the scale");
}

/// `assay doctor` of a user without anything installed, whose home is `dir`.
fn doctor(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
    command.arg("doctor").args(arguments).env_remove("ORT_DYLIB_PATH").env("XDG_DATA_HOME", dir);
    command.output().unwrap()
}

#[test]
fn doctor_says_what_runs_models_without_a_station() {
    let dir = tempfile::tempdir().unwrap();
    let looked = doctor(dir.path(), &[]);
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert_eq!(code(&looked), 0, "{said}{}", stderr(&looked));
    assert!(said.starts_with("ok    models: tract 0.23.9, built in\n"), "{said}");
    assert!(said.contains("assay doctor --fetch-runtime") && said.contains("assay doctor --wheel FILE"), "{said}");
    assert!(said.contains("journal, store, disk: not looked at without --data DIR or --config FILE"), "{said}");
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "looking writes nothing");

    let rebuild = doctor(dir.path(), &["--rebuild"]);
    assert_eq!((code(&rebuild), stderr(&rebuild).lines().count()), (2, 1), "{}", stderr(&rebuild));
    assert!(stderr(&rebuild).contains("--rebuild: expected --data DIR or --config FILE, found neither"));
}

#[test]
fn doctor_says_whether_a_model_folder_can_be_used() {
    let home = tempfile::tempdir().unwrap();
    let shipped = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/part-finder"));
    let looked = doctor(home.path(), &["--model", &shipped.to_string_lossy()]);
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert_eq!(code(&looked), 0, "{said}{}", stderr(&looked));
    assert!(said.contains("ok    model part-finder: reproduces its 2 samples on tract 0.23.9\n"), "{said}");

    let broken = home.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    for file in ["model.toml", "MODEL.md"] {
        std::fs::copy(shipped.join(file), broken.join(file)).unwrap();
    }
    std::fs::write(broken.join("model.onnx"), b"another graph").unwrap();
    let looked = doctor(home.path(), &["--model", &broken.to_string_lossy()]);
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert_eq!(code(&looked), 2, "{said}{}", stderr(&looked));
    assert!(said.lines().any(|l| l.starts_with("WRONG model: ") && l.contains("model.onnx")), "{said}");
}

#[test]
fn doctor_says_why_a_library_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libonnxruntime.so");
    std::fs::write(&library, b"nobody knows me").unwrap();
    let look = |path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        let looked =
            command.arg("doctor").env("ORT_DYLIB_PATH", path).env("XDG_DATA_HOME", dir.path()).output().unwrap();
        assert_eq!(code(&looked), 2);
        String::from_utf8_lossy(&looked.stdout).into_owned()
    };
    let said = look(&at(dir.path(), "libonnxruntime.so"));
    assert!(
        said.contains("WRONG models: an ONNX Runtime was found and is not used: expected the known ONNX Runtime"),
        "{said}"
    );
    assert!(
        said.contains("write accept = \"sha256:") && said.contains("ok    models: tract 0.23.9, built in"),
        "{said}"
    );
    assert!(look("libonnxruntime.so").contains("expected an absolute path, found libonnxruntime.so"));
    // The same library, with its owner's consent, is tried: in another process, which says what is wrong with it.
    let digest = said.split("accept = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let config = format!(
        "station = \"s\"\ndata = \"data\"\n[models]\nlibrary = \"{}\"\naccept = \"{digest}\"\n",
        at(dir.path(), "libonnxruntime.so")
    );
    std::fs::write(dir.path().join("station.toml"), config).unwrap();
    let looked = doctor(dir.path(), &["--config", &at(dir.path(), "station.toml")]);
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(said.contains("it is no library that can be loaded"), "{said}{}", stderr(&looked));
}

#[test]
fn doctor_installs_nothing_but_the_known_library() {
    let dir = tempfile::tempdir().unwrap();
    let wheel = at(dir.path(), "onnxruntime.whl");
    std::fs::write(&wheel, b"half a pack").unwrap();
    let installed = doctor(dir.path(), &["--wheel", &wheel]);
    assert_eq!((code(&installed), stderr(&installed).lines().count()), (2, 1), "{}", stderr(&installed));
    assert!(stderr(&installed).contains("expected a Python package (.whl), found another kind of file"));
    let gone = doctor(dir.path(), &["--wheel", "/nowhere/x.whl"]);
    assert!(stderr(&gone).contains("cannot read /nowhere/x.whl"), "{}", stderr(&gone));
    let both = doctor(dir.path(), &["--wheel", &wheel, "--fetch-runtime"]);
    assert_eq!(code(&both), 2);
}

#[test]
fn mistakes_in_the_models_table_are_told_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let config = at(dir.path(), "station.toml");
    for (line, expected) in [
        ("library = \"libonnxruntime.so\"", "`models.library`: expected an absolute path, found libonnxruntime.so"),
        ("run_ms = 0", "`models.run_ms`: expected 10 to 600000, found 0"),
        ("memory_mb = 1", "`models.memory_mb`: expected 64 to 65536, found 1"),
        ("accept = \"abc\"", "expected sha256: and 64 hexadecimal digits, found \"abc\""),
        ("runtime = \"cuda\"", "unknown variant `cuda`, expected `auto` or `tract`"),
        ("thread = 2", "unknown field `thread`"),
    ] {
        std::fs::write(&config, format!("station = \"s\"\ndata = \"data\"\n[models]\n{line}\n")).unwrap();
        let served = assay(&["serve", "--config", &config]);
        assert_eq!(code(&served), 2);
        assert!(stderr(&served).contains(expected) && stderr(&served).contains("station.toml"), "{}", stderr(&served));
    }
}

/// A recipe that looks at the photo alone, with one check: a code.
fn code_recipe(dir: &Path, name: &str, check: &str) -> String {
    let folder = dir.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let text =
        format!("schema = 1\npart = \"{name}\"\n\n[design]\nnone = true\n\n[[check]]\ntype = \"code\"\n{check}\n");
    std::fs::write(folder.join("recipe.toml"), text).unwrap();
    folder.to_string_lossy().into_owned()
}

fn photo_of_code(dir: &Path, name: &str, texts: &[&str]) -> String {
    let print = |(i, text): (usize, &&str)| {
        let drawn = draw_code(Format::Qr, text).unwrap();
        PrintedCode::flat(drawn, (160.0 + 300.0 * i as f64, 160.0), 5.0, 2.0)
    };
    let printed: Vec<PrintedCode> = texts.iter().enumerate().map(print).collect();
    let path = dir.join(name);
    photographed(&printed, (760, 320), 0.8, 3.0, 1).save(&path).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn a_code_says_which_part_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = code_recipe(dir.path(), "ticket", "pattern = '(?<lot>L\\d+)/(?<serial>S\\d+)'");
    let photo = photo_of_code(dir.path(), "a.png", &["L7/S0042"]);
    let passed = assay(&["inspect", "--recipe", &recipe, &photo, "--json"]);
    assert_eq!(code(&passed), 0, "{}", stderr(&passed));
    let record = &json(&passed)[0];
    assert_eq!((record["serial"].as_str(), record["lot"].as_str()), (Some("S0042"), Some("L7")), "{record}");
    assert_eq!(record["checks"][0]["text"], "L7/S0042");
    // A worker who says otherwise: REFER with both texts, never silently one of them.
    let refused = assay(&["inspect", "--recipe", &recipe, &photo, "--serial", "S0041", "--json"]);
    assert_eq!(code(&refused), 3, "{}", stderr(&refused));
    let check = &json(&refused)[0]["checks"][0];
    assert_eq!(check["reason_code"], "code-disagrees");
    let reason = check["reason"].as_str().unwrap();
    assert!(reason.contains("\"S0042\"") && reason.contains("\"S0041\""), "{reason}");
    // Another text is a FAIL that shows it; nothing, or two codes, is a REFER with its own word.
    let other = photo_of_code(dir.path(), "b.png", &["hello"]);
    let failed = assay(&["inspect", "--recipe", &recipe, &other]);
    assert_eq!(code(&failed), 1);
    assert!(String::from_utf8_lossy(&failed.stdout).contains("found \"hello\""));
    for (texts, word) in [(&[][..], "code-none"), (&["L7/S0042", "L7/S0043"], "code-several")] {
        let photo = photo_of_code(dir.path(), "c.png", texts);
        let referred = assay(&["inspect", "--recipe", &recipe, &photo, "--json"]);
        assert_eq!((code(&referred), json(&referred)[0]["checks"][0]["reason_code"].as_str()), (3, Some(word)));
    }
}

#[test]
fn a_code_chooses_the_recipe() {
    let dir = tempfile::tempdir().unwrap();
    code_recipe(dir.path(), "frame-0042", "");
    let photo = photo_of_code(dir.path(), "a.png", &["WAZI-0042"]);
    let recipes = dir.path().to_string_lossy().into_owned();
    let by = |photo: &str, rule: &str| assay(&["inspect", "--recipes", &recipes, "--by-code", rule, photo, "--json"]);
    let passed = by(&photo, r"WAZI-(?<order>\d+)=frame-{order}");
    assert_eq!(code(&passed), 0, "{}", stderr(&passed));
    let record = &json(&passed)[0];
    assert_eq!((record["part"].as_str(), record["order"].as_str()), (Some("frame-0042"), Some("0042")), "{record}");
    for (texts, rule, expected) in [
        (&["WAZI-0043"][..], r"WAZI-(?<order>\d+)=frame-{order}", "none of that name"),
        (&["WAZI-0042"], "BOX=frame-0042", "no rule of [[recipe_by_code]] fits"),
        (&[], "BOX=frame-0042", "no code found"),
        (&["WAZI-0042"], "nonsense", "expected PATTERN=RECIPE"),
        (&["../x"], "(?<x>.*)={x}", "which is no name"),
    ] {
        let refused = by(&photo_of_code(dir.path(), "b.png", texts), rule);
        assert_eq!(code(&refused), 2, "{texts:?}");
        assert_eq!(stderr(&refused).lines().count(), 1, "{}", stderr(&refused));
        assert!(stderr(&refused).contains(expected), "{}", stderr(&refused));
    }
}

#[test]
fn rendered_parts_never_get_between_real_ones() {
    let dir = tempfile::tempdir().unwrap();
    let config = at(dir.path(), "station.toml");
    let text = "station = \"s\"\ndata = \"data\"\n[[source]]\nname = \"bench\"\ntype = \"simulated\"\n";
    std::fs::write(&config, text).unwrap();
    let served = assay(&["serve", "--config", &config]);
    assert_eq!((code(&served), stderr(&served).lines().count()), (2, 1), "{}", stderr(&served));
    assert!(stderr(&served).contains("source \"bench\": rendered parts never get between real ones"));
    assert!(!dir.path().join("data/journal").exists(), "nothing was recorded");
}
