//! The ledger's folder harmed: cut off cleanly, reported, rebuilt, never silently skipped.

#![allow(clippy::unwrap_used)] // a test that unwraps an error fails, as it should

use acceptance::ledger::{
    copy_dir, everything, fast_dir, fill, fill_fast, frames, inspection, open, options, segments, wait_until_verified,
};
use inspector::decision::Verdict;
use inspector::photo::Sha256;
use proptest::prelude::*;
use station::ledger::{Act, Damage, Entry, Ledger, LedgerError, LedgerOptions, Query};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileExt as _;

#[test]
fn every_byte_of_the_tail_flipped_or_missing_is_cut_off_cleanly() {
    let dir = fast_dir();
    let (ledger, _) = open(dir.path());
    let mut entries = fill(&ledger, 0..3);
    entries.push(ledger.append(Act::Started).unwrap());
    entries.push(ledger.append(inspection(4, Sha256::of(b"photo"))).unwrap());
    drop(ledger);
    let segment = segments(dir.path())[0].clone();
    let bytes = fs::read(&segment).unwrap();
    let last = frames(&bytes)[4];
    for store_knows in [true, false] {
        // With the store deleted each opening rebuilds it: every fifth byte.
        for at in (last.0..last.1).step_by(if store_knows { 1 } else { 5 }) {
            for flip in [true, false] {
                let mut damaged = bytes.clone();
                if flip {
                    damaged[at] ^= 1 << (at % 8)
                } else {
                    damaged.truncate(at)
                };
                let cut_off = damaged.len() - last.0;
                fs::write(&segment, &damaged).unwrap();
                if !store_knows {
                    fs::remove_dir_all(dir.path().join("store")).unwrap();
                }
                let (ledger, report) = open(dir.path());
                let word = format!("store knows: {store_knows}, byte {at}, flip: {flip}: {report:?}");
                assert_eq!(everything(&ledger), entries[..4], "{word}");
                if cut_off > 0 {
                    let cut = report.cut.as_ref().expect(&word);
                    assert_eq!((cut.offset, cut.bytes), (last.0 as u64, cut_off as u64), "{word}");
                    assert_eq!(fs::read(&cut.moved_to[0]).unwrap(), damaged[last.0..], "{word}");
                    fs::remove_file(&cut.moved_to[0]).unwrap();
                }
                assert_eq!(fs::read(&segment).unwrap(), bytes[..last.0], "{word}");
                // The store tells an acknowledged entry that was damaged from a torn write.
                let lost = report.cut.iter().flat_map(|c| &c.lost).chain(report.damage.iter().flat_map(|d| &d.lost));
                let lost: Vec<_> = lost.map(|l| (l.seq, l.serial.as_deref())).collect();
                let expected = if store_knows { vec![(5, Some("S-000004"))] } else { vec![] };
                assert_eq!(lost, expected, "{word}");
                assert_eq!(
                    report.last_seq,
                    if store_knows { 5 } else { 4 },
                    "acknowledged numbers are not used twice: {word}"
                );
            }
        }
        fs::write(&segment, &bytes).unwrap();
        drop(open(dir.path()));
    }
}

#[test]
fn after_a_cut_the_journal_goes_on() {
    for store_knows in [true, false] {
        let dir = fast_dir();
        let entries = fill(&open(dir.path()).0, 0..10);
        let segment = segments(dir.path())[0].clone();
        let bytes = fs::read(&segment).unwrap();
        fs::write(&segment, &bytes[..bytes.len() - 1]).unwrap();
        if !store_knows {
            fs::remove_dir_all(dir.path().join("store")).unwrap();
        }
        let (ledger, _) = open(dir.path());
        let new = ledger.append(Act::Started).unwrap();
        assert_eq!(new.seq, if store_knows { 11 } else { 10 });
        drop(ledger);
        let (ledger, report) = open(dir.path());
        assert_eq!(report.cut, None);
        let mut expected = entries[..9].to_vec();
        expected.push(new);
        assert_eq!(everything(&ledger), expected);
        wait_until_verified(&ledger);
        let missing: Vec<_> = ledger.health().damage.iter().map(|d| (d.bytes, d.first_seq, d.last_seq)).collect();
        assert_eq!(missing, if store_knows { vec![(0, Some(10), Some(10))] } else { vec![] });
        let entry = ledger.entry(10);
        assert!(
            !store_knows || matches!(&entry, Err(LedgerError::Damaged { serial: Some(s), .. }) if s == "S-000009"),
            "{entry:?}"
        );
    }
}

#[test]
fn every_byte_of_a_middle_frame_flipped_is_reported_with_its_serial_number() {
    let dir = fast_dir();
    let entries = fill(&open(dir.path()).0, 1..6);
    let segment = segments(dir.path())[0].clone();
    let bytes = fs::read(&segment).unwrap();
    let (start, end) = frames(&bytes)[2];
    let intact: Vec<Entry> = entries.iter().filter(|e| e.seq != 3).cloned().collect();
    let check = |at: usize, damage: &[Damage]| {
        assert_eq!(damage.len(), 1, "byte {at}: {damage:?}");
        let d = &damage[0];
        assert_eq!((d.offset, d.bytes), (start as u64, (end - start) as u64), "byte {at}");
        assert_eq!((d.first_seq, d.last_seq), (Some(3), Some(3)), "byte {at}");
    };
    for at in start..end {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        fs::write(&segment, &damaged).unwrap();
        let (ledger, _) = open(dir.path());
        wait_until_verified(&ledger);
        let damage = ledger.health().damage;
        check(at, &damage);
        assert_eq!(damage[0].lost[0].serial.as_deref(), Some("S-000003"), "byte {at}");
        assert_eq!(everything(&ledger), intact, "byte {at}");
        let entry = ledger.entry(3);
        assert!(
            matches!(&entry, Err(LedgerError::Damaged { seq: 3, serial: Some(s), .. }) if s == "S-000003"),
            "{entry:?}"
        );
        let page = ledger.inspections(&Query::default()).unwrap();
        assert_eq!((page.entries.len(), page.damaged[0].serial.as_deref()), (4, Some("S-000003")));
        if at % 50 == 0 {
            // Without the store the serial number is gone with the bytes; the number of the entry is not.
            drop(ledger);
            fs::remove_dir_all(dir.path().join("store")).unwrap();
            let (ledger, report) = open(dir.path());
            check(at, &report.damage);
            assert_eq!(everything(&ledger), intact);
            assert!(matches!(ledger.entry(3), Err(LedgerError::Damaged { seq: 3, .. })));
            drop(ledger);
            fs::write(&segment, &bytes).unwrap();
            fs::remove_dir_all(dir.path().join("store")).unwrap();
            drop(open(dir.path()));
        }
    }
}

#[test]
fn a_store_that_lost_anything_is_noticed_at_start_and_rebuilt() {
    let dir = fast_dir();
    let (ledger, _) = open(dir.path());
    fill_fast(&ledger, 2000);
    let entries = everything(&ledger);
    let lists = |ledger: &Ledger| {
        let query = |q: Query| ledger.inspections(&Query { limit: 1000, ..q }).unwrap().entries;
        let fail = query(Query { verdict: Some(Verdict::Fail), ..Query::default() });
        let lot = query(Query { lot: Some("L-4".into()), ..Query::default() });
        let serial = query(Query { serial: Some("S-000333".into()), ..Query::default() });
        let values = ledger.measured(&Sha256::of(b"recipe"), "hole-1.diameter", None, 5000).unwrap();
        let key = ledger.by_idempotency_key("key-1111").unwrap();
        (fail, lot, serial, format!("{values:?}"), key)
    };
    let expected = lists(&ledger);
    assert_eq!((expected.0.len(), expected.1.len(), expected.2.len()), (500, 200, 1));
    drop(ledger);
    let (store, kept) = (dir.path().join("store"), dir.path().join("kept"));
    copy_dir(&store, &kept);
    let size = fs::metadata(kept.join("db")).unwrap().len();
    let mut rebuilt = 0;
    let mut rounds = 0;
    let mut damage = |what: &str, harm: &dyn Fn(&fs::File)| {
        fs::remove_dir_all(&store).unwrap();
        copy_dir(&kept, &store);
        harm(&fs::File::options().write(true).open(store.join("db")).unwrap());
        let (ledger, report) = open(dir.path());
        assert_eq!(everything(&ledger), entries, "{what}: {report:?}");
        assert_eq!(lists(&ledger), expected, "{what}: {report:?}");
        rounds += 1;
        rebuilt += u32::from(report.rebuilt.is_some());
        report.rebuilt
    };
    assert_eq!(damage("unharmed", &|_| ()), None);
    for (what, cut) in [("1 byte", 1), ("4 KiB", 4096), ("half", size / 2), ("all", size)] {
        damage(what, &|db| db.set_len(size - cut).unwrap());
    }
    for part in 0..20 {
        damage(&format!("4 KiB of zeros at {part}/20"), &|db| db.write_all_at(&[0; 4096], size * part / 20).unwrap());
        damage(&format!("64 other bytes at {part}/20"), &|db| db.write_all_at(&[0xA5; 64], size * part / 20).unwrap());
    }
    // Some places hold nothing that counts any more; if most did, this test would prove little.
    assert!(rebuilt * 3 > rounds, "{rebuilt} of {rounds} were noticed");
    fs::remove_dir_all(&store).unwrap();
    let (ledger, report) = open(dir.path());
    assert_eq!(report.rebuilt.as_deref(), Some("its folder was missing"));
    assert_eq!((everything(&ledger), lists(&ledger)), (entries, expected));
}

#[test]
fn whatever_lies_in_the_journal_folder_the_ledger_opens() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(11),
        ..ProptestConfig::default()
    });
    let bytes = proptest::collection::vec(any::<u8>(), 0..3000);
    let name = prop_oneof![
        Just("00000000000000000001.seg".to_owned()),
        Just("00000000000000000004.seg".to_owned()),
        Just("18446744073709551615.seg".to_owned()),
        Just("new.tmp".to_owned()),
        "[a-z][a-z0-9.]{0,23}",
    ];
    let files = proptest::collection::vec((name, any::<bool>(), bytes), 1..4);
    let model = fast_dir();
    drop(fill(&open(model.path()).0, 0..3));
    let good = fs::read(&segments(model.path())[0]).unwrap();
    let run = runner.run(&files, |files| {
        let dir = fast_dir();
        fs::create_dir(dir.path().join("journal")).unwrap();
        for (name, after_good, bytes) in files {
            let contents = if after_good { [&good[..], &bytes].concat() } else { bytes };
            fs::write(dir.path().join("journal").join(name), contents).unwrap();
        }
        let (ledger, _) = open(dir.path());
        let new = ledger.append(Act::Started).unwrap();
        let before = everything(&ledger);
        prop_assert_eq!(before.last(), Some(&new));
        drop(ledger);
        let (ledger, report) = open(dir.path());
        prop_assert_eq!(report.cut, None, "cut once, cut for good");
        prop_assert_eq!(everything(&ledger), before);
        Ok(())
    });
    run.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    PutBlob(u8),
    Reopen,
    DropStore,
    /// The store's folder as it was at the last reopening comes back.
    StaleStore,
    TruncateTail(u16),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]
    #[test]
    fn the_ledger_is_its_model(steps in proptest::collection::vec(prop_oneof![
        8 => (0_u64..50).prop_map(Step::Append),
        2 => any::<u8>().prop_map(Step::PutBlob),
        2 => Just(Step::Reopen),
        1 => Just(Step::DropStore),
        1 => Just(Step::StaleStore),
        1 => (0_u16..4000).prop_map(Step::TruncateTail),
    ], 1..60)) {
        let dir = fast_dir();
        let options = LedgerOptions { segment_bytes: 6000, ..options() };
        let (store, stale) = (dir.path().join("store"), dir.path().join("stale"));
        let mut model: BTreeMap<u64, Entry> = BTreeMap::new();
        let mut blobs: Vec<Vec<u8>> = Vec::new();
        let mut next_seq = 1;
        // What the stale store knows: numbers below this.
        let mut stale_next = 1;
        let mut ledger = Ledger::open(dir.path(), options.clone()).unwrap().0;
        for step in steps {
            match step {
                Step::Append(i) => {
                    let entry = ledger.append(inspection(i, Sha256::of(b"photo"))).unwrap();
                    prop_assert_eq!(entry.seq, next_seq);
                    model.insert(next_seq, entry);
                    next_seq += 1;
                }
                Step::PutBlob(b) => {
                    blobs.push(vec![b; usize::from(b)]);
                    ledger.put_blob(&blobs[blobs.len() - 1]).unwrap();
                }
                closed => {
                    drop(ledger);
                    let surviving_next = |model: &BTreeMap<u64, Entry>| model.last_key_value().map_or(1, |(s, _)| s + 1);
                    match closed {
                        Step::DropStore => {
                            fs::remove_dir_all(&store).unwrap();
                            next_seq = surviving_next(&model);
                        }
                        Step::StaleStore if stale.exists() => {
                            fs::remove_dir_all(&store).unwrap();
                            copy_dir(&stale, &store);
                            next_seq = surviving_next(&model).max(stale_next);
                        }
                        Step::TruncateTail(bytes) => {
                            let last = segments(dir.path()).pop().unwrap();
                            let whole = fs::read(&last).unwrap();
                            let keep = whole.len().saturating_sub(usize::from(bytes)).max(24);
                            let lost = frames(&whole).iter().filter(|(_, end)| *end > keep).count();
                            fs::write(&last, &whole[..keep]).unwrap();
                            for _ in 0..lost {
                                model.pop_last();
                            }
                        }
                        _ => {
                            let _ = fs::remove_dir_all(&stale);
                            copy_dir(&store, &stale);
                            stale_next = next_seq;
                        }
                    }
                    let (opened, report) = Ledger::open(dir.path(), options.clone()).unwrap();
                    prop_assert_eq!(report.last_seq, next_seq - 1);
                    ledger = opened;
                }
            }
        }
        prop_assert_eq!(everything(&ledger), model.values().cloned().collect::<Vec<_>>());
        for seq in 0..=next_seq {
            prop_assert_eq!(ledger.entry(seq).unwrap_or(None), model.get(&seq).cloned());
        }
        let fail = Query { verdict: Some(Verdict::Fail), limit: 1000, ..Query::default() };
        let is_fail = |e: &&Entry| matches!(&e.act, Act::Inspection { inspection, .. } if inspection.verdict == Verdict::Fail);
        prop_assert_eq!(ledger.inspections(&fail).unwrap().entries, model.values().rev().filter(is_fail).cloned().collect::<Vec<_>>());
        for bytes in &blobs {
            let kept = ledger.blob(&Sha256::of(bytes)).unwrap();
            prop_assert_eq!(kept.as_ref(), Some(bytes));
        }
    }
}
