//! The ledger: what is acknowledged is there, and what cannot be recorded is said.

#![allow(clippy::unwrap_used)] // a test that unwraps an error fails, as it should

use acceptance::ledger::{
    copy_dir, everything, fast_dir, fill, fill_fast, inspection, open, options, recipe_acts, segments,
    wait_until_verified,
};
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use station::ledger::{
    Act, Entry, Ledger, LedgerError, LedgerOptions, Mode, OpenReport, Query, RecipeStatus, StoreState,
};
use std::fs;
use std::path::Path;
use std::time::Instant;

#[test]
fn what_is_appended_is_read_back_by_every_way() {
    let dir = fast_dir();
    let (ledger, report) = open(dir.path());
    assert_eq!(report, OpenReport::default());
    let photo = ledger.put_blob(b"photo").unwrap();
    let mut entries = vec![ledger.append(Act::Started).unwrap()];
    for i in 0..100 {
        entries.push(ledger.append(inspection(i, photo)).unwrap());
    }
    for act in recipe_acts() {
        entries.push(ledger.append(act).unwrap());
    }
    read_back(&ledger, &entries, &photo);
    drop(ledger);
    let (ledger, report) = open(dir.path());
    assert_eq!((report.last_seq, report.rebuilt, report.cut), (106, None, None));
    read_back(&ledger, &entries, &photo);
}

fn read_back(ledger: &Ledger, entries: &[Entry], photo: &Sha256) {
    assert_eq!(ledger.since(0, 1000).unwrap(), entries);
    assert_eq!(ledger.since(104, 1).unwrap(), entries[104..105]);
    for e in entries {
        assert_eq!(ledger.entry(e.seq).unwrap().as_ref(), Some(e));
    }
    assert_eq!(ledger.entry(0).unwrap(), None);
    assert_eq!(ledger.entry(107).unwrap(), None);
    let seqs = |query: &Query| ledger.inspections(query).unwrap().entries.iter().map(|e| e.seq).collect::<Vec<_>>();
    let first = ledger.inspections(&Query { limit: 7, ..Query::default() }).unwrap();
    assert_eq!(first.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [101, 100, 99, 98, 97, 96, 95]);
    assert_eq!(first.next_before_seq, Some(95));
    assert_eq!(seqs(&Query { limit: 2, before_seq: Some(95), ..Query::default() }), [94, 93]);
    let last = ledger.inspections(&Query { limit: 2, before_seq: Some(4), ..Query::default() }).unwrap();
    assert_eq!((last.entries.len(), last.next_before_seq), (2, None));
    // Every filter alone and all of them together, against the entries themselves.
    let (fail, part, lot, serial) =
        (Some(Verdict::Fail), Some("B-1".to_owned()), Some("L-8".to_owned()), Some("S-000018".to_owned()));
    for bits in 0..16 {
        let query = Query {
            verdict: fail.filter(|_| bits & 1 > 0),
            part: part.clone().filter(|_| bits & 2 > 0),
            lot: lot.clone().filter(|_| bits & 4 > 0),
            serial: serial.clone().filter(|_| bits & 8 > 0),
            limit: 1000,
            before_seq: None,
            after_seq: None,
        };
        let matching = entries.iter().rev().filter(|e| match &e.act {
            Act::Inspection { inspection: r, .. } => {
                query.verdict.is_none_or(|v| v == r.verdict)
                    && query.part.as_ref().is_none_or(|p| *p == r.part)
                    && (query.lot.is_none() || query.lot == r.lot)
                    && (query.serial.is_none() || query.serial == r.serial)
            }
            _ => false,
        });
        let expected: Vec<u64> = matching.map(|e| e.seq).collect();
        assert!(!expected.is_empty(), "{query:?} would prove nothing");
        assert_eq!(seqs(&query), expected, "{query:?}");
    }
    assert_eq!(ledger.by_idempotency_key("key-17").unwrap().unwrap().seq, 19);
    assert_eq!(ledger.by_idempotency_key("key-1700").unwrap(), None);
    let recipes = ledger.recipes().unwrap();
    let states: Vec<_> = recipes.iter().map(|r| (&r.name[..], r.status, r.by.as_deref())).collect();
    let expected = [("a", RecipeStatus::Approved, Some("person-4")), ("b", RecipeStatus::Retired, Some("person-9"))];
    assert_eq!(states, expected);
    assert_eq!(ledger.blob(photo).unwrap().as_deref(), Some(&b"photo"[..]));
    let measured = ledger.measured(&Sha256::of(b"recipe"), "hole-1.diameter", Some(90), 3).unwrap();
    let expected: Vec<_> = [89_u64, 88, 87].map(|s| (s, Some(5.9 + (s - 2) as f64 * 0.1 / 3.0), Some(0.021))).into();
    assert_eq!(measured.iter().map(|m| (m.seq, m.measured, m.u)).collect::<Vec<_>>(), expected);
    assert_eq!(ledger.measured(&Sha256::of(b"recipe"), "hole-2.diameter", None, 1).unwrap()[0].measured, None);
}

#[test]
fn what_cannot_be_recorded_is_refused_and_the_next_goes_on() {
    let dir = fast_dir();
    let (ledger, _) = open(dir.path());
    let photo = Sha256::of(b"photo");
    let with = |change: fn(&mut station::record::InspectionRecord)| {
        let mut act = inspection(1, photo);
        let Act::Inspection { inspection, .. } = &mut act else { unreachable!() };
        change(inspection);
        ledger.append(act)
    };
    assert!(matches!(with(|r| r.timings_ms.total = f64::NAN), Err(LedgerError::NotRecordable { .. })));
    let large = with(|r| r.image = "x".repeat(70_000));
    assert!(matches!(large, Err(LedgerError::TooLarge { limit: 65_535, .. })), "{large:?}");
    let nearly = with(|r| r.image = "\u{e9}".repeat(31_000)).unwrap();
    assert_eq!(nearly.seq, 1, "refused acts take no sequence number");
    assert_eq!(ledger.entry(1).unwrap(), Some(nearly));
    // The canonical form writes -0 as 0: the entry given back is the one that is kept.
    let zero = with(|r| r.timings_ms.total = -0.0).unwrap();
    let Act::Inspection { inspection, .. } = &zero.act else { unreachable!() };
    assert!(inspection.timings_ms.total.is_sign_positive());
}

#[test]
fn blobs_are_kept_once_verified_and_healed() {
    let dir = fast_dir();
    fs::create_dir_all(dir.path().join("blobs/tmp")).unwrap();
    fs::write(dir.path().join("blobs/tmp/17"), b"half a pho").unwrap();
    let (ledger, _) = open(dir.path());
    assert_eq!(fs::read_dir(dir.path().join("blobs/tmp")).unwrap().count(), 0, "leftovers are cleared");
    let sha = ledger.put_blob(b"a photo").unwrap();
    let file = dir.path().join("blobs").join(&sha.hex()[..2]).join(&sha.hex()[2..]);
    let written = fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(ledger.put_blob(b"a photo").unwrap(), sha);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written, "not written again");
    assert_eq!(ledger.blob(&Sha256::of(b"never")).unwrap(), None);
    fs::write(&file, b"a phoso").unwrap();
    assert!(matches!(ledger.blob(&sha), Err(LedgerError::BlobDamaged { expected, .. }) if expected == sha));
    ledger.put_blob(b"a photo").unwrap();
    assert_eq!(ledger.blob(&sha).unwrap().unwrap(), b"a photo");
    let empty = ledger.put_blob(b"").unwrap();
    assert_eq!(ledger.blob(&empty).unwrap().unwrap(), b"");
}

#[test]
fn appends_that_wait_share_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path());
    std::thread::scope(|s| {
        for t in 0..20 {
            let ledger = &ledger;
            s.spawn(move || fill(ledger, t * 20..(t + 1) * 20));
        }
    });
    let health = ledger.health();
    assert_eq!(health.last_seq, 400);
    assert!(health.syncs <= 200, "{} syncs for 400 entries of 20 threads", health.syncs);
    let one_by_one = fill(&ledger, 0..5).len() as u64;
    assert_eq!(
        ledger.health().syncs,
        health.syncs + one_by_one,
        "alone, each entry is synced before it is acknowledged"
    );
}

#[test]
fn segments_roll_and_everything_is_found_across_them() {
    let dir = fast_dir();
    let options = LedgerOptions { segment_bytes: 20_000, ..options() };
    let (ledger, _) = Ledger::open(dir.path(), options.clone()).unwrap();
    let entries = fill(&ledger, 0..100);
    drop(ledger);
    assert!(segments(dir.path()).len() > 5);
    for store in ["kept", "deleted"] {
        if store == "deleted" {
            fs::remove_dir_all(dir.path().join("store")).unwrap();
        }
        let (ledger, report) = Ledger::open(dir.path(), options.clone()).unwrap();
        assert_eq!((report.last_seq, &report.damage[..]), (100, &[][..]));
        assert_eq!(ledger.since(0, 1000).unwrap(), entries);
    }
    // A segment that is gone is reported with all its entries.
    let gone = segments(dir.path())[2].clone();
    let first: u64 = gone.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let next: u64 = segments(dir.path())[3].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    fs::remove_file(gone).unwrap();
    let (ledger, _) = Ledger::open(dir.path(), options).unwrap();
    wait_until_verified(&ledger);
    let damage = &ledger.health().damage[..];
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert_eq!((damage[0].first_seq, damage[0].last_seq), (Some(first), Some(next - 1)));
    assert_eq!(damage[0].lost.len() as u64, next - first);
    assert_eq!(everything(&ledger).len() as u64, 100 - (next - first));
}

#[test]
fn a_full_disk_is_told_before_anything_is_written_and_reading_goes_on() {
    let dir = fast_dir();
    let entries = fill(&open(dir.path()).0, 0..5);
    let needs_too_much = LedgerOptions { min_free_bytes: 1 << 60, ..options() };
    let (ledger, _) = Ledger::open(dir.path(), needs_too_much).unwrap();
    let appended = ledger.append(Act::Started);
    assert!(matches!(appended, Err(LedgerError::DiskFull { needed, .. }) if needed > 1 << 60), "{appended:?}");
    let put = ledger.put_blob(b"a photo");
    assert!(matches!(put, Err(LedgerError::DiskFull { .. })), "{put:?}");
    assert!(!ledger.health().accepting());
    assert_eq!(everything(&ledger), entries);
    drop(ledger);
    assert_eq!(fill(&open(dir.path()).0, 5..6)[0].seq, 6);
}

/// A small file system of its own; `None` where this may not be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(bytes: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={bytes}");
        let mount =
            std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(dir.path()).output();
        match mount {
            Ok(out) if out.status.success() => Some(Self(dir)),
            _ => {
                eprintln!("skipped: a small file system cannot be mounted here (needs root)");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_fills_up_stops_recording_and_starts_again_by_itself() {
    let Some(disk) = SmallDisk::mount(40 << 20) else { return };
    let dir = disk.0.path().join("ledger");
    let (ledger, _) = Ledger::open(&dir, LedgerOptions { min_free_bytes: 16 << 20, ..options() }).unwrap();
    let mut photos = Vec::new();
    let mut acknowledged = Vec::new();
    let error = loop {
        let i = photos.len() as u64;
        let bytes = vec![i as u8; 300_000];
        match ledger.put_blob(&bytes).and_then(|photo| Ok((photo, ledger.append(inspection(i, photo))?))) {
            Ok((photo, entry)) => {
                photos.push(photo);
                acknowledged.push(entry);
            }
            Err(e) => break e,
        }
    };
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
    assert!(photos.len() > 30, "{} photos on 40 MB", photos.len());
    // Somebody else takes the rest: not even the reserve is left.
    let filler = disk.0.path().join("filler");
    let _ = fs::write(&filler, vec![1; 60 << 20]);
    assert!(matches!(ledger.append(Act::Started), Err(LedgerError::DiskFull { .. })));
    assert_eq!(everything(&ledger), acknowledged, "reading goes on");
    assert!(ledger.blob(&photos[0]).unwrap().is_some());
    fs::remove_file(&filler).unwrap();
    for photo in &photos {
        fs::remove_file(dir.join("blobs").join(&photo.hex()[..2]).join(&photo.hex()[2..])).unwrap();
    }
    acknowledged.push(ledger.append(Act::Started).expect("there is room again, without a restart"));
    assert_eq!(everything(&ledger), acknowledged);
    assert_eq!(ledger.health().store, StoreState::Following);
    drop(ledger);
    assert_eq!(everything(&Ledger::open(&dir, options()).unwrap().0), acknowledged);
}

#[test]
fn a_station_restarted_on_a_full_disk_can_be_read() {
    let Some(disk) = SmallDisk::mount(64 << 20) else { return };
    let dir = disk.0.path().join("ledger");
    let options = LedgerOptions { min_free_bytes: 16 << 20, ..options() };
    let entries = fill(&Ledger::open(&dir, options.clone()).unwrap().0, 0..50);
    let filler = disk.0.path().join("filler");
    let _ = fs::write(&filler, vec![1; 64 << 20]);
    let (ledger, report) = Ledger::open(&dir, options).unwrap();
    assert_eq!((report.rebuilt, report.last_seq), (None, 50));
    assert_eq!(everything(&ledger), entries);
    assert!(matches!(ledger.append(Act::Started), Err(LedgerError::DiskFull { .. })));
    fs::remove_file(&filler).unwrap();
    assert_eq!(ledger.append(Act::Started).unwrap().seq, 51);
}

#[test]
fn without_a_reserve_a_full_disk_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount(24 << 20) else { return };
    let dir = disk.0.path().join("ledger");
    let mut acknowledged = Vec::new();
    {
        let (ledger, _) = open(&dir);
        let filler = disk.0.path().join("filler");
        for round in 0..3 {
            // The write itself meets ENOSPC: half a frame must not stay.
            let mut room = vec![1_u8; 24 << 20];
            while fs::write(&filler, &room).is_err() {
                room.truncate(room.len() - 4096 * 3);
            }
            let error = loop {
                match ledger.append(inspection(round, Sha256::of(b"photo"))) {
                    Ok(entry) => acknowledged.push(entry),
                    Err(e) => break e,
                }
            };
            assert!(matches!(error, LedgerError::DiskFull { .. }), "{error}");
            let put = ledger.put_blob(&[7; 100_000]);
            assert!(matches!(put, Err(LedgerError::DiskFull { .. })), "{put:?}");
            fs::remove_file(&filler).unwrap();
            acknowledged.push(ledger.append(Act::Started).expect("there is room again"));
        }
        assert_eq!(everything(&ledger), acknowledged);
    }
    let (ledger, report) = open(&dir);
    assert_eq!((report.cut, &report.damage[..]), (None, &[][..]), "nothing half-written was left");
    assert_eq!(everything(&ledger), acknowledged);
}

#[test]
fn a_journal_of_today_opens_for_ever() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journal-v1");
    let dir = fast_dir();
    copy_dir(&fixture.join("journal"), &dir.path().join("journal"));
    let (ledger, report) = open(dir.path());
    assert_eq!((report.last_seq, report.cut, &report.damage[..]), (9, None, &[][..]));
    let expected = fs::read_to_string(fixture.join("entries.jsonl")).unwrap();
    let canonical = |e: &Entry| serde_json_canonicalizer::to_string(e).unwrap();
    let found: Vec<String> = everything(&ledger).iter().map(canonical).collect();
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
    // What the lines say must also be understood.
    let states: Vec<_> = ledger.recipes().unwrap().into_iter().map(|r| (r.name, r.status)).collect();
    assert_eq!(states, [("a".into(), RecipeStatus::Approved), ("b".into(), RecipeStatus::Retired)]);
    let modes: Vec<Mode> = everything(&ledger).iter().map(|e| e.mode).collect();
    assert_eq!(modes[..2], [Mode::Demo; 2]);
    assert_eq!(modes[2..], [Mode::Production; 7]);
    let fail = ledger.inspections(&Query { verdict: Some(Verdict::Fail), ..Query::default() }).unwrap().entries;
    let Act::Inspection { inspection, .. } = &fail[0].act else { panic!("an inspection") };
    assert_eq!(
        (fail[0].seq, inspection.serial.as_deref(), inspection.checks[0].measured),
        (9, Some("S-000006"), Some(5.9 + 6.0 * 0.1 / 3.0))
    );
}

/// Makes the fixture of the day. Only for a new format, into a new folder: an old one is never written again.
#[test]
#[ignore = "makes tests/fixtures/journal-vN"]
fn make_journal_fixture() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journal-v1");
    assert!(!fixture.exists(), "a fixture is never written again");
    let dir = fast_dir();
    let photo = Sha256::of(b"photo");
    let demo = Ledger::open(dir.path(), LedgerOptions { mode: Mode::Demo, ..options() }).unwrap().0;
    demo.append(Act::Started).unwrap();
    demo.append(inspection(1, photo)).unwrap();
    drop(demo);
    // A small segment: the fixture has two.
    let (ledger, _) = Ledger::open(dir.path(), LedgerOptions { segment_bytes: 3000, ..options() }).unwrap();
    ledger.append(Act::Started).unwrap();
    recipe_acts().into_iter().for_each(|act| drop(ledger.append(act).unwrap()));
    ledger.append(inspection(6, photo)).unwrap();
    let lines: Vec<String> =
        everything(&ledger).iter().map(|e| serde_json_canonicalizer::to_string(e).unwrap()).collect();
    copy_dir(&dir.path().join("journal"), &fixture.join("journal"));
    fs::write(fixture.join("entries.jsonl"), lines.join("\n") + "\n").unwrap();
}

fn resident_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

#[test]
#[ignore = "half a minute, and alone: cargo test --release -p acceptance memory_is_flat -- --ignored --nocapture"]
fn memory_is_flat_over_20_000_inspections() {
    let dir = fast_dir();
    let (ledger, _) = open(dir.path());
    let mut seen = Vec::new();
    for thousand in 0..20 {
        for i in thousand * 1000..(thousand + 1) * 1000 {
            let photo = ledger.put_blob(&acceptance::ledger::photo_bytes(i)).unwrap();
            ledger.append(inspection(i, photo)).unwrap();
        }
        ledger.inspections(&Query::default()).unwrap();
        seen.push(resident_mb());
    }
    eprintln!("resident after each thousand, MB: {seen:.0?}");
    assert!(seen[19] - seen[4] < 30.0, "{seen:.0?}");
}

#[test]
#[ignore = "numbers: cargo test --release -p acceptance ledger_numbers -- --ignored --nocapture"]
fn ledger_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path());
    let began = Instant::now();
    fill(&ledger, 0..300);
    eprintln!("appends one at a time: {:.0} per s", 300.0 / began.elapsed().as_secs_f64());
    let began = Instant::now();
    std::thread::scope(|s| {
        for t in 0..20 {
            let ledger = &ledger;
            s.spawn(move || fill(ledger, t * 200..(t + 1) * 200));
        }
    });
    eprintln!("appends by 20 threads: {:.0} per s", 4000.0 / began.elapsed().as_secs_f64());
    let began = Instant::now();
    for i in 0..100_u8 {
        ledger.put_blob(&vec![i; 300_000]).unwrap();
    }
    eprintln!("blob of 300 kB: {:.2} ms", began.elapsed().as_secs_f64() * 10.0);
    fill_fast(&ledger, 96_000);
    let last = ledger.health().last_seq;
    drop(ledger);
    let began = Instant::now();
    let (ledger, report) = open(dir.path());
    eprintln!("open with {last} entries: {:.2} s ({:.0} MB resident)", began.elapsed().as_secs_f64(), resident_mb());
    assert_eq!(report.rebuilt, None);
    wait_until_verified(&ledger);
    eprintln!("all of it verified after {:.2} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let page = ledger.inspections(&Query { lot: Some("L-4".into()), ..Query::default() }).unwrap();
    eprintln!("page of {}: {:.2} ms", page.entries.len(), began.elapsed().as_secs_f64() * 1000.0);
    drop(ledger);
    let size = |sub: &str| {
        let out = std::process::Command::new("du").arg("-sk").arg(dir.path().join(sub)).output().unwrap().stdout;
        String::from_utf8(out).unwrap().split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    };
    eprintln!("journal {:.0} MB, store {:.0} MB", size("journal"), size("store"));
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    let began = Instant::now();
    drop(open(dir.path()));
    eprintln!("rebuild of {last} entries: {:.1} s", began.elapsed().as_secs_f64());
}
