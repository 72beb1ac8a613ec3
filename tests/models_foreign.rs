//! A worker that lies, and a library that is changed under its name: what comes from the other side of the socket is looked at before it is
//! believed.

use super::models::{Asked, SMALL, both, identity, is_native, wait_for};
use inspector::models::NetworkError;
use inspector::photo::Sha256;
use station::models::{ModelRuntime, ModelsConfig, Preference};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A message as it goes over the socket: its length, and JSON.
fn frame(json: &str) -> Vec<u8> {
    [&u32::try_from(json.len()).unwrap().to_le_bytes(), json.as_bytes()].concat()
}

/// A program that answers to a start and to the opening of a graph as a worker does, and then that, whatever it is asked.
fn worker(dir: &Path, answer: &[u8], more: &str) -> ModelRuntime {
    let said = [frame("\"Started\""), frame("\"Opened\""), answer.to_vec()].concat();
    let (answers, program) = (dir.join("answers"), dir.join("worker"));
    fs::write(&answers, said).unwrap();
    fs::write(&program, format!("#!/bin/sh\n{more}\ncat '{}' >&0\nexec sleep 600\n", answers.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let config = ModelsConfig { runtime: Preference::Tract, run_ms: 3_000, ..ModelsConfig::default() };
    ModelRuntime::new(config).with_program(&program)
}

#[test]
fn a_worker_that_lies_is_not_believed() {
    let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
    let ran = |shapes: &str| frame(&format!("{{\"Ran\":{{\"shapes\":{shapes}}}}}"));
    let huge = usize::MAX;
    for (answer, died, said) in [
        (ran("[[1099511627776]]"), false, "expected 1 outputs of at most 134217728 numbers, found [[1099511627776]]"),
        (ran(&format!("[[{huge}, 16]]")), false, "expected 1 outputs of at most"),
        (ran("[]"), false, "expected 1 outputs of at most 134217728 numbers, found []"),
        (ran("[[1], [1]]"), false, "expected 1 outputs of at most 134217728 numbers, found [[1], [1]]"),
        // Nothing was written where they should lie.
        (ran("[[60]]"), false, "its outputs cannot be read"),
        (frame("\"Opened\""), true, "it answered something else: Opened"),
        (frame("{\"Ran\""), true, "it closed its connection"),
        (u32::MAX.to_le_bytes().to_vec(), true, "a message of 4294967295 bytes, expected at most 1048576"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let network = asked.open(&worker(dir.path(), &answer, "")).unwrap();
        let e = network.run(asked.picture(1.0).view()).unwrap_err();
        assert_eq!(matches!(e, NetworkError::Died { .. }), died, "{e:?}");
        assert!(e.to_string().contains(said), "expected {said}, found {e}");
    }
}

#[test]
fn what_a_worker_started_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let number = dir.path().join("number");
    let runtime = worker(dir.path(), b"", &format!("sleep 600 & echo $! > '{}'", number.display()));
    let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
    let network = asked.open(&runtime).unwrap();
    let started = fs::read_to_string(&number).unwrap();
    let name = PathBuf::from(format!("/proc/{}/comm", started.trim()));
    let runs = || fs::read_to_string(&name).is_ok_and(|comm| comm.trim() == "sleep");
    wait_for("the process that it started runs", runs);
    drop(network);
    wait_for("the process that it started ends", || !runs());
}

/// The station has looked at the library when it chose; each worker looks again before it loads it.
#[test]
fn a_library_that_is_changed_after_it_was_chosen_is_not_loaded() {
    let config = ModelsConfig::default();
    let Some(native) = both(&config).into_iter().find(is_native) else { return };
    let library = native.choice().library.clone().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().canonicalize().unwrap().join("libonnxruntime.so");
    fs::copy(&library.path, &copy).unwrap();
    let config = ModelsConfig { library: Some(copy.clone()), ..config };
    let runtime = ModelRuntime::new(config).with_program(Path::new(super::models::WORKER));
    let asked = Asked::new(identity(SMALL).bytes(), ("x", SMALL), &["y"]);
    assert_eq!(runtime.choice().library.as_ref().map(|l| l.sha256), Some(library.sha256));
    asked.open(&runtime).unwrap();
    // One byte more at its end: it would still load.
    let mut bytes = fs::read(&copy).unwrap();
    bytes.push(0);
    fs::write(&copy, &bytes).unwrap();
    let what = asked.refused(&runtime);
    assert!(what.contains("found a library with") && what.contains(&Sha256::of(&bytes).to_string()), "{what}");
}
