//! Recipes with the models that are shipped in `models/`, as their cards show them.

use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A recipe folder made of the first `toml` block of a model's card, with that model in it. Each pair of `words` (found, put) must be there.
///
/// # Panics
/// When the card has no such block or no such words: a card that cannot be followed is a fault.
pub fn recipe(model: &str, words: &[(&str, &str)]) -> TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(model);
    let card = fs::read_to_string(source.join("MODEL.md")).expect("a card");
    let block =
        card.split_once("```toml\n").and_then(|(_, rest)| rest.split_once("```")).expect("a recipe in the card").0;
    let mut text = block.to_owned();
    for (found, put) in words {
        assert!(text.contains(found), "the card's recipe has no {found}");
        text = text.replace(found, put);
    }
    let dir = tempfile::tempdir().expect("a folder");
    fs::write(dir.path().join("recipe.toml"), text).expect("written");
    copy(&source, &dir.path().join("models").join(model));
    dir
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("copied");
        }
    }
}
