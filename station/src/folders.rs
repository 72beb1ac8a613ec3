//! Folders of the user who runs this program.

use std::path::PathBuf;

/// Where a user's programs keep data (XDG base directories), when there is a home.
pub(crate) fn user_data() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    var("XDG_DATA_HOME")
        .filter(|dir| dir.is_absolute())
        .or_else(|| var("LOCALAPPDATA"))
        .or_else(|| var("HOME").map(|home| home.join(".local").join("share")))
}
