//! Guarantee: what was acknowledged survives `kill -9` at any moment, entry and photo, byte for byte.

#![allow(clippy::unwrap_used)] // a test that unwraps an error fails, as it should

use acceptance::ledger::{digest, fast_dir, options, photo_bytes};
use inspector::photo::Sha256;
use rand_core::Rng as _;
use station::ledger::{Act, Ledger, LedgerError};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn child(dir: &Path, threads: u32, first: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_crash-writer"))
        .args([dir.as_os_str(), threads.to_string().as_ref(), first.to_string().as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the child starts")
}

/// What the child said before it was killed: sequence number, number, digest.
fn acknowledged(said: &str) -> Vec<(u64, u64, Sha256)> {
    // A line without its end was cut short by the kill.
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    let lines = whole.lines().skip_while(|l| *l != "ready").skip(1);
    lines
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            (words[0].parse().unwrap(), words[1].parse().unwrap(), words[2].parse().unwrap())
        })
        .collect()
}

fn kill_and_verify(rounds: u64) {
    // One folder whose syncs are real, one where the child gets much further in the same time.
    for (fast, dir) in [(false, tempfile::tempdir().unwrap()), (true, fast_dir())] {
        let mut all = Vec::new();
        let mut rng = rand_pcg::Pcg32::new(19, u64::from(fast));
        for round in 0..rounds.div_ceil(2) {
            let threads = [1, 8][(round % 2) as usize];
            let mut child = child(dir.path(), threads, round * 1_000_000);
            let mut said = String::new();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            if round % 4 == 3 {
                // Anywhere, opening included.
                std::thread::sleep(Duration::from_micros(u64::from(rng.next_u32() % 120_000)));
            } else {
                // After some acknowledgements, however slow the machine is, and then anywhere.
                for _ in 0..2 + rng.next_u32() % 40 {
                    stdout.read_line(&mut said).unwrap();
                }
                std::thread::sleep(Duration::from_micros(u64::from(rng.next_u32() % 8_000)));
            }
            child.kill().expect("the child is killed");
            stdout.read_to_string(&mut said).unwrap();
            let mut complaint = String::new();
            child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
            child.wait().unwrap();
            assert_eq!(complaint, "", "round {round}: the child must die of the kill alone");
            let new = acknowledged(&said);

            let (ledger, report) = Ledger::open(dir.path(), options()).unwrap();
            assert_eq!(report.damage, [], "round {round}");
            // Earlier rounds were verified when they ended; one in seven of theirs is looked at again.
            for (seq, i, sha) in new.iter().chain(all.iter().skip(round as usize % 7).step_by(7)) {
                let entry = ledger.entry(*seq).unwrap().unwrap_or_else(|| panic!("round {round}: entry {seq} is lost"));
                assert_eq!(digest(&entry), *sha, "round {round}: entry {seq}");
                let Act::Inspection { inspection, .. } = &entry.act else { panic!("not an inspection") };
                let photo = ledger.blob(&inspection.photo.sha256).unwrap();
                assert!(photo.as_deref() == Some(&photo_bytes(*i)[..]), "round {round}: photo of entry {seq}");
            }
            all.extend(new);
        }
        assert!(all.len() as u64 > rounds, "the children got nowhere: {} entries", all.len());
        eprintln!("{} acknowledged entries survived {} kills", all.len(), rounds.div_ceil(2));
    }
}

#[test]
fn acknowledged_parts_survive_25_kills() {
    kill_and_verify(25);
}

#[test]
#[ignore = "a minute: cargo test --release -p acceptance crash -- --ignored"]
fn acknowledged_parts_survive_100_kills() {
    kill_and_verify(100);
}

#[test]
fn a_second_process_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = child(dir.path(), 1, 0);
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"ready\n");
    let error = Ledger::open(dir.path(), options()).err().unwrap();
    let expected = format!("process {}", child.id());
    assert!(matches!(&error, LedgerError::Locked { holder, .. } if *holder == expected), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    Ledger::open(dir.path(), options()).expect("the lock went with its process");
}
