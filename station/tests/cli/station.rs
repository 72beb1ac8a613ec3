//! What a station is told to use: data folders, recipe folders, files to write. A slip is refused in one line and makes nothing.

use crate::{SCALE, assay, at, code, stderr, workshop};
use station::ledger::{Act, Ledger, LedgerOptions, Mode};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn open(data: &str, mode: Mode) -> Ledger {
    let options = LedgerOptions { min_free_bytes: 0, mode, ..LedgerOptions::default() };
    Ledger::open(Path::new(data), options).unwrap().0
}

/// One line, exit code 2, with these words in it.
fn refused(output: &Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!((code(output), said.lines().count()), (2, 1), "{said}{}", out(output));
    words.iter().for_each(|word| assert!(said.contains(word), "{said}"));
}

fn approve(dir: &Path, recipe: &str) -> Output {
    assay(&["recipe", "approve", &at(dir, recipe), "--by", "anna", "--data", &at(dir, "data")])
}

fn listed(dir: &Path) -> Vec<String> {
    let list = assay(&["recipe", "list", "--data", &at(dir, "data")]);
    assert_eq!(code(&list), 0, "{}", stderr(&list));
    out(&list).lines().map(str::to_owned).collect()
}

fn config(dir: &Path, recipes: &str) -> String {
    let file = at(dir, "station.toml");
    let text = format!("station = \"a\"\ndata = \"data\"\nrecipes = {recipes}\nlisten = \"127.0.0.1:0\"\n");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn folders_of_recipes_that_are_missing_or_share_a_name_stop_the_start() {
    let dir = workshop();
    let dir = dir.path();
    open(&at(dir, "data"), Mode::Production).append(Act::Started).unwrap();
    for folder in ["one", "two"] {
        std::fs::create_dir_all(dir.join(folder).join("visor")).unwrap();
        for file in ["recipe.toml", "bracket.dxf"] {
            std::fs::copy(dir.join("recipe").join(file), dir.join(folder).join("visor").join(file)).unwrap();
        }
    }
    for (recipes, words) in [
        ("[\"one\", \"two\"]", ["two recipes are called \"visor\"", "one/visor", "two/visor"]),
        ("[\"one\", \"nowhere\"]", ["expected a folder of recipes", "No such file", "nowhere"]),
    ] {
        let file = config(dir, recipes);
        refused(&assay(&["serve", "--config", &file]), &words);
        let doctor = assay(&["doctor", "--config", &file]);
        assert_eq!(code(&doctor), 2);
        assert!(words.iter().all(|word| out(&doctor).contains(word)), "{}", out(&doctor));
    }
    // The same folder, found in two ways, is one recipe.
    let file = config(dir, "[\"one\", \"one/visor\"]");
    let doctor = out(&assay(&["doctor", "--config", &file]));
    assert!(doctor.contains("ok    recipes: visor\n"), "{doctor}");
}

#[test]
fn one_name_has_one_recipe_in_use_and_the_list_says_since_when_and_by_whom() {
    let dir = workshop();
    let dir = dir.path();
    assert_eq!(code(&approve(dir, "recipe")), 0);
    let old = listed(dir)[0].clone();
    let today = jiff::Timestamp::now().to_string()[..10].to_owned();
    assert!(old.ends_with(&format!("approved on {today} by anna (entry 2)")), "{old}");

    // The same contents in a folder of another name: refused, and nothing is renamed or recorded.
    std::fs::create_dir(dir.join("copy")).unwrap();
    for file in std::fs::read_dir(dir.join("recipe")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), dir.join("copy").join(file.file_name())).unwrap();
    }
    refused(&approve(dir, "copy"), &["has no draft to approve", "approved on", "by anna, as \"recipe\""]);
    assert_eq!(listed(dir), [old.as_str()]);
    assert_eq!(open(&at(dir, "data"), Mode::Production).health().last_seq, 2);

    // Newer contents under the name take the older one's place, and the older one can be approved again.
    let toml = dir.join("recipe/recipe.toml");
    let text = std::fs::read_to_string(&toml).unwrap();
    std::fs::write(&toml, format!("{text}# revised\n")).unwrap();
    assert_eq!(code(&approve(dir, "recipe")), 0);
    let words = |list: Vec<String>| list.iter().map(|l| l.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(words(listed(dir)), ["superseded", "approved"]);
    std::fs::write(&toml, &text).unwrap();
    let inspect = ["inspect", "--recipe", &at(dir, "recipe"), "--store", &at(dir, "data"), &at(dir, "good.jpg")];
    assert!(stderr(&assay(&inspect)).contains("is not approved in"));
    assert_eq!(code(&approve(dir, "recipe")), 0);
    assert_eq!(words(listed(dir)), ["approved", "superseded"]);
    assert_eq!(code(&assay(&inspect)), 0);

    let retire = |name: &str| assay(&["recipe", "retire", name, "--by", "bert", "--data", &at(dir, "data")]);
    refused(&retire("recpie"), &["no recipe \"recpie\" is installed"]);
    assert_eq!(code(&retire("recipe")), 0);
    assert_eq!(words(listed(dir)), ["retired", "superseded"]);
    assert!(listed(dir)[0].contains("by bert"));
    refused(&retire("recipe"), &["is not approved, so there is nothing to retire"]);
    refused(&approve(dir, "recipe"), &["retired on", "by bert already"]);
}

#[test]
fn a_damaged_entry_of_a_recipe_is_listed() {
    let dir = workshop();
    let dir = dir.path();
    assert_eq!(code(&approve(dir, "recipe")), 0);
    open(&at(dir, "data"), Mode::Production).append(Act::Started).unwrap();
    let segment = dir.join("data/journal/00000000000000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let by = bytes.windows(4).position(|w| w == b"anna").unwrap();
    bytes[by] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let list = listed(dir);
    assert!(list[0].starts_with("draft     recipe") && list[1].starts_with("unreadable entry 2"), "{list:?}");
    std::fs::remove_dir_all(dir.join("data/store")).unwrap();
    assert!(listed(dir)[1].starts_with("lost      entry 2:"), "{:?}", listed(dir));
}

/// A slip in the name of the data folder makes no station.
#[test]
fn what_fails_makes_no_data_folder() {
    let dir = workshop();
    let dir = dir.path();
    let (data, good, recipe) = (at(dir, "daat"), at(dir, "good.jpg"), at(dir, "recipe"));
    let verify = ["calibrate", "verify", "--camera", "c", "--nominal", "150", "--measured", "150", "--u", "0.03"];
    let none = "no station has recorded anything in";
    refused(&assay(&[&verify[..], &["--limit", "0.1", "--by", "anna", "--data", &data]].concat()), &[none]);
    for more in [&[][..], &["--rebuild"]] {
        let doctor = assay(&[&["doctor", "--data", &data], more].concat());
        assert!(code(&doctor) == 2 && stderr(&doctor).contains(none), "{doctor:?}");
    }
    refused(&assay(&["inspect", "--recipe", &recipe, "--store", &data, &good]), &["assay recipe approve"]);
    refused(&assay(&["recipe", "approve", &at(dir, "recpie"), "--by", "anna", "--data", &data]), &["recpie"]);
    refused(&assay(&["recipe", "approve", &recipe, "--by", " ", "--data", &data]), &["id of a person"]);
    let board = ["calibrate", "board", "--corners", "7x5", "--square", "20", "--camera", "c", "--by", "anna"];
    let board = assay(&[&board[..], &["--out", &at(dir, "c.toml"), "--data", &data, &good]].concat());
    refused(&board, &["assay: 0 usable photos, expected at least 3"]);
    assert!(!Path::new(&data).exists() && !dir.join("c.toml").exists());
}

#[test]
fn demo_and_production_are_told_apart_by_every_command() {
    let dir = workshop();
    let dir = dir.path();
    let (demo, production) = (at(dir, "demo"), at(dir, "production"));
    open(&demo, Mode::Demo).append(Act::Started).unwrap();
    open(&production, Mode::Production).append(Act::Started).unwrap();
    let holds = ["this ledger holds demo records and cannot be used for production: choose another folder"];
    let verify = ["calibrate", "verify", "--camera", "c", "--nominal", "150", "--measured", "150", "--u", "0.03"];
    let board = ["calibrate", "board", "--corners", "7x5", "--square", "20", "--camera", "c", "--by", "anna"];
    for arguments in [
        &["recipe", "approve", &at(dir, "recipe"), "--by", "anna"][..],
        &["recipe", "list"],
        &["recipe", "retire", "recipe", "--by", "anna"],
        &["calibrate", "list"],
        &["calibrate", "affected", "--camera", "c"],
        &[&verify[..], &["--limit", "0.1", "--by", "anna"]].concat(),
        &[&board[..], &["--out", &at(dir, "c.toml"), &at(dir, "good.jpg")]].concat(),
    ] {
        refused(&assay(&[arguments, &["--data", &demo]].concat()), &holds);
    }
    refused(&assay(&["inspect", "--recipe", &at(dir, "recipe"), "--store", &demo, &at(dir, "good.jpg")]), &holds);
    assert!(stderr(&assay(&["doctor", "--data", &demo])).contains(holds[0]));
    assert_eq!(code(&assay(&["doctor", "--demo", "--data", &demo])), 0);
    let doctor = assay(&["doctor", "--demo", "--data", &production]);
    assert!(code(&doctor) == 2 && stderr(&doctor).contains("holds production records and cannot be used for demo"));
    assert_eq!(open(&demo, Mode::Demo).health().last_seq, 1, "nothing was recorded");
}

#[test]
fn files_are_written_as_other_files_are() {
    let dir = workshop();
    let dir = dir.path();
    let usual = dir.join("usual");
    std::fs::write(&usual, "").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(code(&assay(&["mat", "--paper", "A4", &at(dir, "mat.pdf")])), 0);
    assert_eq!(mode(&dir.join("mat.pdf")), mode(&usual));
    assert_eq!(mode(&dir.join("recipe/recipe.toml")), mode(&usual));
    let scale = SCALE.to_string();
    let overlay = ["inspect", "--recipe", &at(dir, "recipe"), "--scale", &scale, "--overlay", &at(dir, "marked")];
    assert_eq!(code(&assay(&[&overlay[..], &[&at(dir, "good.jpg")]].concat())), 0);
    assert_eq!(mode(&dir.join("marked/good.overlay.jpg")), mode(&usual));
    // The sheet is a PDF, whatever its name; and messages name no file that nobody knows.
    refused(&assay(&["mat", "--paper", "A4", &at(dir, "mat.png")]), &["expected a file name that ends in .pdf"]);
    let nowhere = assay(&["mat", "--paper", "A4", &at(dir, "nowhere/mat.pdf")]);
    refused(&nowhere, &["cannot write", "nowhere/mat.pdf"]);
    assert!(stderr(&nowhere).trim_end().ends_with("mat.pdf: entity not found"), "{}", stderr(&nowhere));
}

#[test]
fn what_says_nothing_of_a_picture_is_refused() {
    let dir = workshop();
    let dir = dir.path();
    let (good, made) = (at(dir, "good.jpg"), at(dir, "by-picture"));
    let new =
        |more: &[&str]| assay(&[&["recipe", "new", "--design", &good, "--part", "B-1", "--out", &made], more].concat());
    for (more, option) in [
        (&["--scale", "0.08"][..], "--scale"),
        (&["--mat", "A4", "--thickness", "3"], "--mat, --thickness"),
        (&["--units", "mm"], "--units"),
        (&["--thickness", "3"], "--thickness"),
    ] {
        refused(&new(more), &[option, "says nothing of a picture", "good.jpg"]);
    }
    assert!(!Path::new(&made).exists());
    assert_eq!(code(&new(&[])), 0, "{}", stderr(&new(&[])));
}

#[test]
fn a_scale_given_by_hand_is_said() {
    let dir = workshop();
    let dir = dir.path();
    let (recipe, good) = (at(dir, "recipe"), at(dir, "good.jpg"));
    let by_hand = out(&assay(&["inspect", "--recipe", &recipe, "--scale", "0.0801", &good]));
    assert!(by_hand.contains("scale given by hand: 0.0801 mm per pixel"), "{by_hand}");
    let record = out(&assay(&["inspect", "--recipe", &recipe, "--scale", "0.0801", "--json", &good]));
    assert!(record.contains("\"scale_by_hand\":0.0801"), "{record}");
    let own = out(&assay(&["inspect", "--recipe", &recipe, "--json", &good]));
    assert!(!own.contains("scale_by_hand"), "{own}");
    // No number is written out in hundreds of digits.
    refused(&assay(&["inspect", "--recipe", &recipe, "--scale", "1e308", &good]), &["found 1e308"]);
    // The folder is the recipe.
    let file = at(dir, "recipe/recipe.toml");
    refused(&assay(&["inspect", "--recipe", &file, &good]), &["give the folder", "recipe/recipe.toml"]);
}
