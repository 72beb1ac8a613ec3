//! The folder of a recipe and its identity.

use super::RecipeError;
use crate::photo::Sha256;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

/// Most files in a recipe's folder.
const MAX_FILES: usize = 1000;
/// Largest file of a recipe: taught models are the large ones.
pub(super) const MAX_FILE_BYTES: u64 = 256 << 20;
/// Deepest folder in a recipe's folder.
const MAX_DEPTH: usize = 8;

/// A file of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeFile {
    /// Path in the recipe's folder, with `/` between folders on every system.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Digest of its bytes.
    pub sha256: Sha256,
}

/// True for names that programs leave behind: they are no part of a recipe, and a recipe cannot use them. Names that start with `.` or end in `~`,
/// `Thumbs.db` and `desktop.ini`.
pub(super) fn left_behind(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name == "Thumbs.db" || name == "desktop.ini"
}

/// The files of the recipe in `dir`, sorted by path (bytes of UTF-8): exactly those that [`identity`] covers.
///
/// Every plain file counts, in folders too, except what editors and file managers leave behind: names (of files or folders) that start with
/// `.` or end in `~`, `Thumbs.db`, `desktop.ini`.
///
/// # Errors
/// [`RecipeError`]: cannot be read, a link or a device, a name that is no UTF-8 or holds control characters or `\`, more than 1000 files,
/// a file of more than 256 MiB.
pub fn files(dir: &Path) -> Result<Vec<RecipeFile>, RecipeError> {
    if dir.is_file() {
        let cause = "this is a file: give the folder that it lies in".to_owned();
        return Err(RecipeError::Unreadable { file: "the recipe's folder".to_owned(), cause });
    }
    let mut found = Vec::new();
    walk(dir, "", MAX_DEPTH, &mut found)?;
    found.sort_by(|a: &RecipeFile, b| a.path.cmp(&b.path));
    Ok(found)
}

fn walk(dir: &Path, prefix: &str, depth: usize, found: &mut Vec<RecipeFile>) -> Result<(), RecipeError> {
    let shown = || if prefix.is_empty() { "the recipe's folder".to_owned() } else { prefix.to_owned() };
    let unreadable = |e: std::io::Error| RecipeError::Unreadable { file: shown(), cause: e.to_string() };
    if depth == 0 {
        return Err(RecipeError::Foreign { file: shown(), found: "folders nested too deep" });
    }
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(RecipeError::Foreign {
                file: name.to_string_lossy().into_owned(),
                found: "a name that is no UTF-8",
            });
        };
        if left_behind(name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if name.contains(|c: char| c.is_control() || c == '\\') {
            return Err(RecipeError::Foreign {
                file: path.escape_default().to_string(),
                found: "a name that not every system can hold",
            });
        }
        // Of the entry itself: a link is not followed.
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), depth - 1, found)?;
        } else if kind.is_file() {
            if found.len() == MAX_FILES {
                return Err(RecipeError::TooManyFiles { limit: MAX_FILES });
            }
            found.push(digest(&entry.path(), path)?);
        } else {
            let found = if kind.is_symlink() { "a link" } else { "a device or socket" };
            return Err(RecipeError::Foreign { file: path, found });
        }
    }
    Ok(())
}

fn digest(on_disk: &Path, path: String) -> Result<RecipeFile, RecipeError> {
    use sha2::Digest as _;
    let unreadable = |e: std::io::Error| RecipeError::Unreadable { file: path.clone(), cause: e.to_string() };
    let mut file = File::open(on_disk).map_err(unreadable)?;
    let mut hash = sha2::Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let n = file.read(&mut buffer).map_err(unreadable)?;
        if n == 0 {
            return Ok(RecipeFile { path, size, sha256: Sha256(hash.finalize().into()) });
        }
        size += n as u64;
        if size > MAX_FILE_BYTES {
            let found = file.metadata().map_or(size, |m| m.len());
            return Err(RecipeError::TooLarge { file: path, found, limit: MAX_FILE_BYTES });
        }
        hash.update(&buffer[..n]);
    }
}

/// Reads a file that [`files`] has listed, and makes sure it is still that file.
pub(super) fn read(dir: &Path, file: &RecipeFile, limit: u64) -> Result<Vec<u8>, RecipeError> {
    if file.size > limit {
        return Err(RecipeError::TooLarge { file: file.path.clone(), found: file.size, limit });
    }
    let unreadable = |e: std::io::Error| RecipeError::Unreadable { file: file.path.clone(), cause: e.to_string() };
    let mut bytes = Vec::new();
    File::open(dir.join(&file.path)).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if Sha256::of(&bytes) != file.sha256 {
        return Err(RecipeError::Changed { file: file.path.clone() });
    }
    Ok(bytes)
}

/// The identity of a recipe: SHA-256 of the text `assay recipe 1`, a line feed, and for each file, sorted by the bytes of its path, 64 lower-case
/// hexadecimal digits of its SHA-256, a space, its size in bytes in decimal, a space, its path (UTF-8, `/` between folders), a line feed.
///
/// ```
/// use inspector::photo::Sha256;
/// use inspector::recipe::{RecipeFile, identity};
/// let file = |path: &str, bytes: &[u8]| RecipeFile { path: path.into(), size: bytes.len() as u64, sha256: Sha256::of(bytes) };
/// let by_hand = format!("assay recipe 1\n{} 2 recipe.toml\n", Sha256::of(b"ab").hex());
/// assert_eq!(identity(&[file("recipe.toml", b"ab")]), Sha256::of(by_hand.as_bytes()));
/// // A byte that moves from one file to the next makes another recipe.
/// assert_ne!(identity(&[file("a", b"x"), file("b", b"yz")]), identity(&[file("a", b"xy"), file("b", b"z")]));
/// ```
pub fn identity(files: &[RecipeFile]) -> Sha256 {
    let mut list = String::from("assay recipe 1\n");
    for file in files {
        writeln!(list, "{} {} {}", file.sha256.hex(), file.size, file.path).expect("writing to a String cannot fail");
    }
    Sha256::of(list.as_bytes())
}
