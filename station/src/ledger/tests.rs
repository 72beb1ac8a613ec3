//! Failures that only the inside can bring about: a sync that fails, a flush that hangs, rows that vanish.

use super::journal::{frame, segment};
use super::store::Store;
use super::*;
use std::fs;
use std::os::unix::fs::FileExt as _;

fn options() -> LedgerOptions {
    LedgerOptions { min_free_bytes: 0, ..LedgerOptions::default() }
}

fn fast_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(dir: &Path) -> (Ledger, OpenReport) {
    Ledger::open(dir, options()).unwrap()
}

fn approved(i: u64) -> Act {
    Act::RecipeApproved { recipe: Sha256::of(&i.to_le_bytes()), by: format!("person-{i}") }
}

fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn seqs(ledger: &Ledger) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let more = ledger.since(all.last().copied().unwrap_or(0), 1000).unwrap();
        if more.is_empty() {
            return all;
        }
        all.extend(more.iter().map(|e| e.seq));
    }
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_until_opened_again() {
    let dir = fast_dir();
    drop(open(dir.path()).0.append(Act::Started).unwrap());
    let mut outside = outside(&options());
    outside.sync_journal = |_| Err(std::io::Error::other("the disk went away"));
    let (ledger, _) = opening::open(dir.path(), options(), outside).unwrap();
    let first = ledger.append(approved(1));
    assert!(matches!(&first, Err(LedgerError::Io { .. })), "{first:?}");
    let second = ledger.append(approved(2));
    assert!(matches!(&second, Err(LedgerError::Stopped { .. })), "{second:?}");
    assert!(ledger.health().refusing.unwrap().contains("the disk went away"));
    assert_eq!(seqs(&ledger), [1], "reading goes on");
    drop(ledger);
    let (ledger, report) = open(dir.path());
    assert_eq!((report.cut, report.last_seq), (None, 1), "nothing of it was left");
    assert_eq!(ledger.append(approved(3)).unwrap().seq, 2);
}

/// A record names its photo: what is not on disk must not have a name.
#[test]
fn a_photo_that_cannot_be_synced_is_not_kept() {
    let dir = fast_dir();
    let mut outside = outside(&options());
    outside.sync_blob = |file| match file.metadata()?.len() {
        5 => Err(std::io::Error::other("the disk went away")),
        _ => file.sync_all(),
    };
    let (ledger, _) = opening::open(dir.path(), options(), outside).unwrap();
    let lost = ledger.put_blob(b"photo");
    assert!(matches!(&lost, Err(LedgerError::Io { .. })), "{lost:?}");
    assert_eq!(ledger.blob(&Sha256::of(b"photo")).unwrap(), None);
    assert_eq!(fs::read_dir(dir.path().join("blobs/tmp")).unwrap().count(), 0, "half a file was left");
    let kept = ledger.put_blob(b"another").unwrap();
    assert_eq!(ledger.blob(&kept).unwrap().as_deref(), Some(&b"another"[..]));
}

#[test]
fn a_flush_that_hangs_is_noticed_and_the_journal_goes_on() {
    let dir = fast_dir();
    let mut outside = outside(&options());
    outside.flush_store = |_| {
        loop {
            std::thread::park();
        }
    };
    outside.flush_patience = Duration::from_millis(300);
    let (ledger, _) = opening::open(dir.path(), options(), outside).unwrap();
    ledger.append(Act::Started).unwrap();
    wait_for("the watchdog", || ledger.health().store == StoreState::Hung);
    let began = Instant::now();
    assert_eq!(ledger.append(approved(1)).unwrap().seq, 2);
    ledger.since(0, 10).unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for a store that hangs");
    drop(ledger);
    // The store was left behind with its lock; as after the end of the process, the journal alone tells.
    let elsewhere = fast_dir();
    fs::create_dir(elsewhere.path().join("journal")).unwrap();
    fs::copy(segment::path(&dir.path().join("journal"), 1), segment::path(&elsewhere.path().join("journal"), 1))
        .unwrap();
    assert_eq!(seqs(&open(elsewhere.path()).0), [1, 2]);
    assert!(matches!(Ledger::open(dir.path(), options()), Err(LedgerError::Locked { .. })));
}

/// More entries than are looked at before opening returns.
fn large_ledger(dir: &Path, count: u64) {
    let (ledger, _) = open(dir);
    std::thread::scope(|s| {
        for t in 0..64 {
            let ledger = &ledger;
            s.spawn(move || (t..count).step_by(64).for_each(|i| drop(ledger.append(approved(i)).unwrap())));
        }
    });
}

#[test]
fn old_rows_that_vanish_are_written_again_in_the_background() {
    let dir = fast_dir();
    let count = 24_000;
    large_ledger(dir.path(), count);
    let all: Vec<u64> = (1..=count).collect();
    let harm = |change: &dyn Fn(&Store)| {
        let store = Store::open(&dir.path().join("store")).unwrap();
        change(&store);
        store.flush().unwrap();
    };
    // Rows and keys of the oldest chunk: opening itself does not look there.
    harm(&|store| store.forget_for_test(100..110));
    let (ledger, report) = open(dir.path());
    assert_eq!(report.rebuilt, None);
    wait_for("the repair", || ledger.health().repaired_rows >= count);
    wait_for("the end of it", || ledger.health().verified_up_to == count && seqs(&ledger) == all);
    assert_eq!(ledger.entry(105).unwrap().unwrap().seq, 105);
    drop(ledger);
    // The newest: noticed before opening returns.
    harm(&|store| store.forget_for_test(count - 5..count - 4));
    let (ledger, report) = open(dir.path());
    assert_eq!(report.rebuilt.as_deref(), Some("rows were not what was written"));
    assert_eq!(seqs(&ledger), all);
    assert_eq!(ledger.context().store.acts(Kind::Recipe).unwrap(), all);
}

#[test]
fn an_index_key_too_many_or_too_few_is_noticed_at_start() {
    let dir = fast_dir();
    large_ledger(dir.path(), 300);
    for harm in [true, false] {
        let store = Store::open(&dir.path().join("store")).unwrap();
        if harm {
            store.add_key_for_test(17)
        } else {
            store.remove_key_for_test(17)
        }
        store.flush().unwrap();
        drop(store);
        let (ledger, report) = open(dir.path());
        assert_eq!(report.rebuilt.as_deref(), Some("indexes did not match the rows"), "added: {harm}");
        assert_eq!(ledger.context().store.acts(Kind::Recipe).unwrap(), (1..=300).collect::<Vec<_>>());
    }
}

#[test]
fn a_journal_of_a_newer_program_is_not_touched() {
    let dir = fast_dir();
    drop(open(dir.path()).0.append(Act::Started).unwrap());
    let path = segment::path(&dir.path().join("journal"), 1);
    let file = fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut header = [0; 24];
    file.read_exact_at(&mut header, 0).unwrap();
    header[8] = 2;
    let crc = crc32c::crc32c(&header[..20]).to_le_bytes();
    header[20..].copy_from_slice(&crc);
    file.write_all_at(&header, 0).unwrap();
    let before = fs::read(&path).unwrap();
    let error = Ledger::open(dir.path(), options()).err().unwrap();
    assert!(matches!(error, LedgerError::NewerFormat { found: 2, known: 1, .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn an_act_of_a_newer_program_keeps_its_place() {
    let dir = fast_dir();
    let (ledger, _) = open(dir.path());
    for i in 0..3 {
        ledger.append(approved(i)).unwrap();
    }
    drop(ledger);
    let path = segment::path(&dir.path().join("journal"), 1);
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(15).rposition(|w| w == b"recipe-approved").unwrap();
    let start = bytes.windows(8).rposition(|w| w == b"{\"act\":{").unwrap();
    let mut payload = bytes[start..].to_vec();
    payload[at - start..at - start + 15].copy_from_slice(b"recipe-annealed");
    let mut newer = bytes[..start - frame::PREFIX].to_vec();
    frame::encode(&payload, &mut newer);
    fs::write(&path, newer).unwrap();
    fs::remove_dir_all(dir.path().join("store")).unwrap();
    for _ in 0..2 {
        let (ledger, report) = open(dir.path());
        assert_eq!((report.cut, &report.damage[..], report.last_seq), (None, &[][..], 3));
        assert!(matches!(ledger.entry(3), Err(LedgerError::Unknown { seq: 3, schema: 1, .. })));
        assert_eq!(seqs(&ledger), [1, 2]);
    }
}

#[test]
fn a_long_hole_is_skipped_and_measured() {
    let dir = fast_dir();
    large_ledger(dir.path(), 4000);
    let path = segment::path(&dir.path().join("journal"), 1);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 1_500_000, "longer than several reading windows");
    for fill in [0, b'{', 0xFF] {
        let mut damaged = bytes.clone();
        damaged[300_000..1_200_000].fill(fill);
        fs::write(&path, damaged).unwrap();
        fs::remove_dir_all(dir.path().join("store")).unwrap();
        let (ledger, report) = open(dir.path());
        let [damage] = &report.damage[..] else { panic!("{:?}", report.damage) };
        let (first, last) = (damage.first_seq.unwrap(), damage.last_seq.unwrap());
        assert!(damage.offset <= 300_000 && damage.offset + damage.bytes >= 1_200_000, "{damage:?}");
        assert!(damage.bytes < 900_000 + 2000, "{damage:?}");
        assert_eq!(seqs(&ledger), (1..first).chain(last + 1..=4000).collect::<Vec<_>>());
        assert!(matches!(ledger.entry(first), Err(LedgerError::Damaged { .. })));
    }
}

#[test]
fn integers_beyond_53_bits_are_given_back_as_they_were_recorded() {
    let mut stamp = stamp(&options());
    let mut entry = stamp(1, Act::Started);
    entry.monotonic_ns = (1 << 53) + 1;
    let (payload, recorded) = frame::canonical(&entry).unwrap();
    assert_eq!(recorded.monotonic_ns, 1 << 53);
    assert_eq!(frame::entry(&payload).unwrap(), recorded);
}

#[test]
fn a_clock_before_1970_is_refused_before_anything_is_opened() {
    let epoch = std::time::SystemTime::UNIX_EPOCH;
    assert!(opening::clock_is_set(epoch).is_ok());
    let refused = opening::clock_is_set(epoch - Duration::from_secs(1));
    assert!(refused.unwrap_err().to_string().ends_with("set the clock"));
}

#[test]
fn what_only_the_store_knew_of_lost_entries_outlives_a_rebuild_that_was_cut_short() {
    let dir = fast_dir();
    let ledger = open(dir.path()).0;
    (1..=4).for_each(|i| drop(ledger.append(approved(i)).unwrap()));
    drop(ledger);
    let segment = segment::path(&dir.path().join("journal"), 1);
    let mut bytes = fs::read(&segment).unwrap();
    let at = bytes.windows(8).position(|w| w == b"person-2").unwrap();
    bytes[at] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    // Cut short where a power cut would: the old store is set aside, the new one not made, or without the old one's rows.
    let (store, aside) = (dir.path().join("store"), dir.path().join("store-before"));
    fs::rename(&store, &aside).unwrap();
    let (ledger, report) = open(dir.path());
    assert_eq!((report.damage[0].first_seq, report.damage[0].lost.len()), (Some(2), 1));
    assert_eq!((ledger.unreadable_recipe_acts().unwrap(), ledger.lost().unwrap()), (vec![2], vec![]));
    drop(ledger);
    assert!(!aside.exists());
    // It is a store like any other: nothing is rebuilt when it is opened, and once more it can be.
    assert_eq!(open(dir.path()).1.rebuilt, None);
    Ledger::ask_for_rebuild(dir.path()).unwrap();
    let (ledger, report) = open(dir.path());
    assert!(report.rebuilt.is_some() && !aside.exists());
    assert_eq!((seqs(&ledger), ledger.unreadable_recipe_acts().unwrap()), (vec![1, 3, 4], vec![2]));
    drop(ledger);
    fs::remove_dir_all(&store).unwrap();
    let ledger = open(dir.path()).0;
    assert_eq!((ledger.unreadable_recipe_acts().unwrap(), ledger.lost().unwrap()), (vec![], vec![(2, 2)]));
}
