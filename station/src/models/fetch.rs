//! Getting the faster runtime: out of the Python package that Microsoft publishes, known by its digest, put in place whole or not at all.

use super::Library;
use super::library::{FILE, Pinned, VERSION, only_ours, pinned, trusted};
use anyhow::{Context as _, Result, bail};
use inspector::photo::Sha256;
use std::fs::{self, DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

/// Folders for downloads begin with this; what an interrupted one left is removed by the next.
const UNFINISHED: &str = ".fetch-";
/// Largest file that is taken out of a package.
const MAX_FILE: u64 = 128 << 20;
/// Kept beside the library: its licence asks for that.
const NOTICES: [&str; 2] = ["LICENSE", "ThirdPartyNotices.txt"];

/// Downloads the package with the user's own `pip` and installs the library into `folder`.
///
/// # Errors
/// What could not be done, in words: no pip, no network, another digest, a folder that others can write.
pub fn fetch(folder: &Path) -> Result<Library> {
    let pinned = for_this_machine()?;
    prepare(folder)?;
    let download = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder)?;
    let lock = download.path().join("requirements.txt");
    fs::write(&lock, format!("onnxruntime=={VERSION} --hash=sha256:{}\n", pinned.wheel))?;
    let platform = format!("manylinux_2_28_{}", pinned.arch);
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--platform", &platform, "--python-version", "3.11", "--implementation", "cp"]);
    pip.args(["--abi", "cp311", "--requirement"]).arg(&lock).arg("--dest").arg(download.path());
    let done = pip.status().context("python3 cannot be run: install it, or give the package with --wheel FILE")?;
    if !done.success() {
        bail!(
            "pip could not fetch onnxruntime {VERSION} ({done}): see its message above, or give the package with --wheel FILE"
        );
    }
    let found =
        fs::read_dir(download.path())?.flatten().map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "whl"));
    let wheel = found.context("pip said that it fetched a package, but there is none")?;
    place(&wheel, folder, pinned)
}

/// Installs the library out of a package that came another way. Any package of this version will do: the library's own digest counts.
///
/// # Errors
/// What could not be done, in words.
pub fn install(wheel: &Path, folder: &Path) -> Result<Library> {
    let pinned = for_this_machine()?;
    prepare(folder)?;
    place(wheel, folder, pinned)
}

fn for_this_machine() -> Result<&'static Pinned> {
    pinned().with_context(|| {
        format!("no ONNX Runtime is known for {}: tract, which is built in, runs models here", std::env::consts::ARCH)
    })
}

/// Makes the folder, removes what an interrupted download left, and makes sure that only this user writes there.
fn prepare(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    for part in folder.canonicalize()?.ancestors() {
        only_ours(part).context("a library in this folder would not be used")?;
    }
    for entry in fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path()).or_else(|_| fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// Takes library and notices out of the package. The library comes last and under another name until it is whole.
fn place(wheel: &Path, folder: &Path, pinned: &Pinned) -> Result<Library> {
    let shown = || wheel.display().to_string();
    let file = File::open(wheel).with_context(|| format!("cannot read {}", shown()))?;
    let mut archive = zip::ZipArchive::new(file)
        .with_context(|| format!("expected a Python package (.whl), found another kind of file: {}", shown()))?;
    let mut take = |name: &str| -> Result<Vec<u8>> {
        let member = archive.by_name(name).with_context(|| {
            format!("expected the package onnxruntime {VERSION}, found one without {name}: {}", shown())
        })?;
        let mut bytes = Vec::new();
        member.take(MAX_FILE).read_to_end(&mut bytes).with_context(|| format!("cannot unpack {}", shown()))?;
        Ok(bytes)
    };
    let library = take(&format!("onnxruntime/capi/{FILE}"))?;
    let found = Sha256::of(&library);
    if found.hex() != pinned.library {
        let (arch, expected) = (pinned.arch, pinned.library);
        bail!(
            "expected the library of onnxruntime {VERSION} for {arch} (sha256:{expected}), found {found}: {}",
            shown()
        );
    }
    for name in NOTICES {
        let text = take(&format!("onnxruntime/{name}"))?;
        write_whole(folder, name, &text)?;
    }
    write_whole(folder, FILE, &library)?;
    Ok(trusted(&folder.join(FILE), None)?)
}

/// A file that is there whole, on disk, and readable by everybody, or not at all.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name))?;
        File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", folder.join(name).display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// Nothing but what `prepare` made is in the folder.
    fn assert_nothing_written(folder: &Path) {
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn what_is_not_the_known_library_is_not_installed() {
        let dir = tempfile::tempdir().unwrap();
        let (wheel, folder) = (dir.path().join("w.whl"), dir.path().join("lib"));
        let why = || format!("{:#}", install(&wheel, &folder).unwrap_err());
        assert!(why().starts_with("cannot read "), "{}", why());
        fs::write(&wheel, b"no zip").unwrap();
        assert!(why().starts_with("expected a Python package (.whl), found another kind of file"), "{}", why());
        fs::write(&wheel, package(&[("other/file", b"x")])).unwrap();
        assert!(why().contains("found one without onnxruntime/capi/libonnxruntime.so.1.31.1"), "{}", why());
        fs::write(&wheel, package(&[(&format!("onnxruntime/capi/{FILE}"), b"\x7fELF forged")])).unwrap();
        assert!(why().contains("expected the library of onnxruntime 1.31.1 for "), "{}", why());
        assert_nothing_written(&folder);
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_before_anything_is_fetched() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let e = format!("{:#}", fetch(&open.join("lib")).unwrap_err());
        assert!(e.contains("others can write it (mode 777)"), "{e}");
    }

    #[test]
    fn what_an_interrupted_download_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".fetch-old")).unwrap();
        fs::write(dir.path().join(".fetch-old/half.whl"), b"half").unwrap();
        fs::write(dir.path().join(".fetch-file"), b"half").unwrap();
        prepare(dir.path()).unwrap();
        assert_nothing_written(dir.path());
    }
}
