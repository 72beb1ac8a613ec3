//! Which ONNX Runtime library may be loaded into a process of ours: known by its digest or by consent, and never one that others can write.

use super::config::ModelsConfig;
use inspector::photo::Sha256;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The version that `assay doctor --fetch-runtime` fetches.
pub(super) const VERSION: &str = "1.31.1";
/// Name of the library's file.
pub(super) const FILE: &str = "libonnxruntime.so.1.31.1";
/// Largest library. The known ones have 29 and 25 MB.
const MAX_BYTES: u64 = 512 << 20;

/// A release that is known byte by byte.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Machine, as Rust and Python packages call it.
    pub(super) arch: &'static str,
    /// SHA-256 of the Python package that holds it.
    pub(super) wheel: &'static str,
    /// SHA-256 of the library itself.
    pub(super) library: &'static str,
}

/// ONNX Runtime 1.31.1 as Microsoft publishes it in the Python package (`cp311`, `manylinux_2_28`).
pub(super) const PINNED: [Pinned; 2] = [
    Pinned {
        arch: "x86_64",
        wheel: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        library: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    },
    Pinned {
        arch: "aarch64",
        wheel: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        library: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    },
];

/// The known release for this machine.
pub(super) fn pinned() -> Option<&'static Pinned> {
    PINNED.iter().find(|p| p.arch == std::env::consts::ARCH)
}

/// A library that may be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// Its path, without links.
    pub path: PathBuf,
    /// Digest of its bytes.
    pub sha256: Sha256,
    /// Its version, as its symbols name it.
    pub version: String,
}

/// Why a library is not loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// It would be looked for in several places.
    #[error("expected an absolute path, found {}", path.display())]
    NotAbsolute {
        /// As given.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot be read: {cause}: {}", path.display())]
    Unreadable {
        /// What the system said.
        cause: io::Error,
        /// The file, or a folder above it.
        path: PathBuf,
    },
    /// It is a folder, a link, a device.
    #[error("expected a plain file, found {found}: {}", path.display())]
    NotPlain {
        /// What it is.
        found: String,
        /// Where.
        path: PathBuf,
    },
    /// Somebody else could put other code in its place.
    #[error("others can write it (mode {mode:o}): `chmod go-w`, or choose another place: {}", path.display())]
    Writable {
        /// Its permissions.
        mode: u32,
        /// The file, or a folder above it.
        path: PathBuf,
    },
    /// Somebody else could put other code in its place.
    #[error("expected it to belong to root or to the user who runs assay ({user}), found user {owner}: {}", path.display())]
    ForeignOwner {
        /// Who runs this program.
        user: u32,
        /// Whom it belongs to.
        owner: u32,
        /// The file, or a folder above it.
        path: PathBuf,
    },
    /// Larger than any ONNX Runtime.
    #[error("expected at most {} MB, found {} MB: {}", MAX_BYTES >> 20, found >> 20, path.display())]
    TooLarge {
        /// Bytes.
        found: u64,
        /// The file.
        path: PathBuf,
    },
    /// Nobody vouched for it.
    #[error(
        "expected the known ONNX Runtime {VERSION}, found a library with {sha256}: if you trust it, write accept = \"{sha256}\" under [models] in station.toml: {}",
        path.display()
    )]
    Unknown {
        /// Its digest.
        sha256: Sha256,
        /// The file.
        path: PathBuf,
    },
}

/// Where a library is looked for, in this order, and whether somebody named it.
pub(super) fn candidates(config: &ModelsConfig) -> Vec<PathBuf> {
    if let Some(path) = &config.library {
        return vec![path.clone()];
    }
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|p| !p.is_empty()).map(PathBuf::from);
    // What was never fetched is not missed.
    let fetched = fetched_folder().map(|dir| dir.join(FILE)).filter(|path| path.symlink_metadata().is_ok());
    named.into_iter().chain(fetched).collect()
}

/// Where `assay doctor --fetch-runtime` puts the library: in the user's data folder.
pub fn fetched_folder() -> Option<PathBuf> {
    crate::folders::user_data().map(|dir| dir.join("assay").join(format!("onnxruntime-{VERSION}")))
}

/// Reads the library at `path` and says whether it may be loaded.
///
/// # Errors
/// [`LibraryError`]. Cost: reads and digests the file, 30 ms with hardware support for SHA-256.
pub fn trusted(path: &Path, accept: Option<Sha256>) -> Result<Library, LibraryError> {
    if !path.is_absolute() {
        return Err(LibraryError::NotAbsolute { path: path.to_owned() });
    }
    let unreadable = |cause, path: &Path| LibraryError::Unreadable { cause, path: path.to_owned() };
    // Of the entry itself: whoever may change a link chooses what is loaded.
    let kind = path.symlink_metadata().map_err(|e| unreadable(e, path))?.file_type();
    if !kind.is_file() {
        let found = match path.canonicalize() {
            Ok(at) if kind.is_symlink() => format!("a link to {}", at.display()),
            _ if kind.is_dir() => "a folder".to_owned(),
            _ => "a device, socket or broken link".to_owned(),
        };
        return Err(LibraryError::NotPlain { found, path: path.to_owned() });
    }
    let path = path.canonicalize().map_err(|e| unreadable(e, path))?;
    for part in path.ancestors() {
        only_ours(part)?;
    }
    let file = File::open(&path).map_err(|e| unreadable(e, &path))?;
    let size = file.metadata().map_err(|e| unreadable(e, &path))?.len();
    if size > MAX_BYTES {
        return Err(LibraryError::TooLarge { found: size, path });
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(|e| unreadable(e, &path))?;
    let sha256 = Sha256::of(&bytes);
    let known = pinned().is_some_and(|p| p.library == sha256.hex());
    if !known && accept != Some(sha256) {
        return Err(LibraryError::Unknown { sha256, path });
    }
    Ok(Library { version: version(&bytes).unwrap_or("of unknown version").to_owned(), sha256, path })
}

/// Nobody but root and the user of this process can change `path`. A folder with the sticky bit (`/tmp`) lets others make new names, but not
/// rename or remove ours.
pub(super) fn only_ours(path: &Path) -> Result<(), LibraryError> {
    let m = path.symlink_metadata().map_err(|cause| LibraryError::Unreadable { cause, path: path.to_owned() })?;
    let user = rustix::process::geteuid().as_raw();
    if m.uid() != 0 && m.uid() != user {
        return Err(LibraryError::ForeignOwner { user, owner: m.uid(), path: path.to_owned() });
    }
    let sticky_folder = m.is_dir() && m.mode() & 0o1000 != 0;
    if m.mode() & 0o022 != 0 && !sticky_folder {
        return Err(LibraryError::Writable { mode: m.mode() & 0o7777, path: path.to_owned() });
    }
    Ok(())
}

/// ONNX Runtime marks its symbols with `VERS_1.31.1`.
fn version(library: &[u8]) -> Option<&str> {
    const MARK: &[u8] = b"VERS_";
    library.windows(MARK.len()).enumerate().filter(|(_, w)| *w == MARK).find_map(|(at, _)| {
        let rest = &library[at + MARK.len()..];
        let length = rest.iter().take(20).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        std::str::from_utf8(&rest[..length])
            .ok()
            .filter(|v| v.contains('.') && v.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A folder of ours with a library in it that its owner accepts.
    fn library() -> (tempfile::TempDir, PathBuf, Sha256) {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("lib");
        fs::create_dir(&inner).unwrap();
        let path = inner.join(FILE);
        fs::write(&path, b"\x7fELF... VERS_x VERS_1.29.0\0 code").unwrap();
        chmod(dir.path(), 0o755);
        chmod(&inner, 0o755);
        chmod(&path, 0o644);
        let sha256 = Sha256::of(&fs::read(&path).unwrap());
        (dir, path, sha256)
    }

    #[test]
    fn a_library_is_known_by_consent_and_tells_its_version() {
        let (_dir, path, sha256) = library();
        let unknown = trusted(&path, None).unwrap_err().to_string();
        assert!(unknown.contains(&format!("accept = \"{sha256}\"")), "{unknown}");
        assert!(trusted(&path, Some(Sha256::of(b"another"))).is_err());
        let library = trusted(&path, Some(sha256)).unwrap();
        assert_eq!((library.sha256, library.version.as_str()), (sha256, "1.29.0"));
    }

    #[test]
    fn what_others_can_write_is_refused_wherever_it_is() {
        let (dir, path, sha256) = library();
        let refused = |what: &str| {
            let e = trusted(&path, Some(sha256)).unwrap_err();
            assert!(e.to_string().contains(what), "expected {what:?}, found {e}");
        };
        for mode in [0o646, 0o664, 0o666] {
            chmod(&path, mode);
            refused("others can write it");
        }
        chmod(&path, 0o644);
        for folder in [path.parent().unwrap(), dir.path()] {
            for mode in [0o777, 0o775] {
                chmod(folder, mode);
                refused("others can write it");
            }
            chmod(folder, 0o755);
        }
        trusted(&path, Some(sha256)).unwrap();
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        let (dir, path, sha256) = library();
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can give a file to somebody else");
            return;
        }
        for stranger in [path.as_path(), path.parent().unwrap(), dir.path()] {
            std::os::unix::fs::chown(stranger, Some(65_534), None).unwrap();
            let e = trusted(&path, Some(sha256)).unwrap_err().to_string();
            assert!(e.contains("found user 65534: "), "{e}");
            std::os::unix::fs::chown(stranger, Some(0), None).unwrap();
        }
        trusted(&path, Some(sha256)).unwrap();
    }

    #[test]
    fn only_an_absolute_path_to_a_plain_file_is_taken() {
        let (dir, path, sha256) = library();
        let why = |path: &Path| trusted(path, Some(sha256)).unwrap_err().to_string();
        assert!(why(Path::new("lib/x.so")).starts_with("expected an absolute path, found lib/x.so"));
        let link = dir.path().join("link.so");
        symlink(&path, &link).unwrap();
        assert!(why(&link).starts_with("expected a plain file, found a link to "), "{}", why(&link));
        assert!(why(dir.path()).starts_with("expected a plain file, found a folder"));
        assert!(why(&dir.path().join("none.so")).starts_with("cannot be read: "));
    }

    #[test]
    fn the_pinned_digests_are_digests() {
        for p in &PINNED {
            for digest in [p.wheel, p.library] {
                format!("sha256:{digest}").parse::<Sha256>().unwrap();
            }
        }
    }
}
