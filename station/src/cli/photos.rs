//! Photos named on the command line: paths, `-` for stdin, globs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where a photo comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Photo {
    Stdin,
    File(PathBuf),
}

impl Photo {
    /// What messages call it: the path as the person wrote it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
    /// What the record calls it: the file's name, never a folder of the worker's machine.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stdin => "stdin".to_owned(),
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        }
    }
    /// Its bytes, at most `limit` of them.
    pub(super) fn read(&self, limit: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let read = |source: &mut dyn std::io::Read, bytes: &mut Vec<u8>| source.take(limit + 1).read_to_end(bytes);
        let result = match self {
            Self::Stdin => read(&mut std::io::stdin().lock(), &mut bytes),
            Self::File(path) if path.is_dir() => return Err("expected a photo, found a folder".to_owned()),
            Self::File(path) => std::fs::File::open(path).and_then(|mut f| read(&mut f, &mut bytes)),
        };
        result.map_err(|e| format!("cannot be read: {e}"))?;
        if bytes.len() as u64 > limit {
            return Err(format!("expected at most {} MB, found a larger file", limit / 1_000_000));
        }
        Ok(bytes)
    }
}

/// The photos that the arguments name. A pattern that no file matches is an error of its own.
pub(super) fn expand(arguments: &[String]) -> Vec<Result<Photo, String>> {
    let mut photos = Vec::new();
    for argument in arguments {
        if argument == "-" {
            photos.push(Ok(Photo::Stdin));
        } else if Path::new(argument).exists() || !argument.contains(['*', '?', '[']) {
            photos.push(Ok(Photo::File(PathBuf::from(argument))));
        } else {
            match glob::glob(argument) {
                Err(e) => photos.push(Err(format!("{argument}: not a file and not a pattern: {e}"))),
                Ok(found) => {
                    let mut paths: Vec<PathBuf> = found.filter_map(Result::ok).collect();
                    paths.sort();
                    if paths.is_empty() {
                        photos.push(Err(format!("{argument}: no file matches")));
                    }
                    photos.extend(paths.into_iter().map(|p| Ok(Photo::File(p))));
                }
            }
        }
    }
    photos
}
