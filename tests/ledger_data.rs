//! Acts that fill a ledger in tests. Everything follows from a number, so that a child process and its parent agree.

use inspector::decision::{Rule, Verdict};
use inspector::photo::Sha256;
use rand_core::Rng as _;
use station::ledger::{Act, Entry, Ledger, LedgerOptions, Mode, OpenReport};
use station::record::{CheckRecord, InspectionRecord, PhotoRecord, TimingsMs};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A ledger that may fill the disk of a test machine.
pub fn options() -> LedgerOptions {
    LedgerOptions { station: "bench-7".into(), mode: Mode::Production, min_free_bytes: 0, ..LedgerOptions::default() }
}

/// Inspection number `i`: verdicts, lots and serials in turn.
pub fn inspection(i: u64, photo: Sha256) -> Act {
    let verdict = [Verdict::Pass, Verdict::Pass, Verdict::Fail, Verdict::Refer][(i % 4) as usize];
    let check = |id: &str, measured: Option<f64>| CheckRecord {
        id: id.into(),
        check_type: "hole".into(),
        verdict,
        measured,
        nominal: 6.0,
        deviation: measured.map(|m| m - 6.0),
        lower: Some(-0.1),
        upper: Some(0.2),
        unit: "mm".into(),
        u: measured.map(|_| 0.021),
        reason: measured.is_none().then(|| "no edge was found".into()),
        reason_code: measured.is_none().then(|| "no-edge".into()),
        regions: vec![[3, 4, 5, 6].into()],
        text: None,
        budget: None,
        edges: None,
    };
    let inspection = InspectionRecord {
        image: format!("p{i}.jpg"),
        part: ["M19-VISOR", "B-1"][usize::from(i.is_multiple_of(3))].into(),
        revision: Some("C".into()),
        serial: (!i.is_multiple_of(5)).then(|| format!("S-{i:06}")),
        lot: Some(format!("L-{}", i % 10)),
        order: None,
        recipe: Sha256::of(b"recipe"),
        verdict,
        grade: None,
        rule: Rule::Guarded,
        // 0.1 + 0.2 and its like: the last bit must come back.
        checks: vec![check("hole-1.diameter", Some(5.9 + i as f64 * 0.1 / 3.0)), check("hole-2.diameter", None)],
        models: Vec::new(),
        scale_by_hand: None,
        mat: None,
        pose: None,
        photo: PhotoRecord { sha256: photo, pixels_sha256: Sha256::of(&i.to_le_bytes()), width: 4000, height: 3000 },
        capture: None,
        timings_ms: TimingsMs { decode: 31.25, locate: 1.0 / 3.0, register: 0.0, checks: 2.0, total: 35.0 },
    };
    Act::Inspection {
        inspection: Box::new(inspection),
        thumbnail: photo,
        overlay: photo,
        idempotency_key: (i % 2 == 1).then(|| format!("key-{i}")),
        request_sha256: (i % 2 == 1).then(|| Sha256::of(&i.to_be_bytes())),
    }
}

/// Two recipes: the first ends approved, the second retired.
pub fn recipe_acts() -> Vec<Act> {
    let installed = |name: &str| Act::RecipeInstalled {
        recipe: Sha256::of(name.as_bytes()),
        part: "M19-VISOR".into(),
        revision: Some("C".into()),
        name: name.into(),
        files: vec![("recipe.toml".into(), Sha256::of(b"toml"))],
    };
    let (a, b) = (Sha256::of(b"a"), Sha256::of(b"b"));
    vec![
        installed("a"),
        installed("b"),
        Act::RecipeApproved { recipe: a, by: "person-4".into() },
        Act::RecipeApproved { recipe: b, by: "person-4".into() },
        Act::RecipeRetired { recipe: b, by: "person-9".into() },
    ]
}

/// Some bytes that stand for photo `i`, 0 to 8 kB.
pub fn photo_bytes(i: u64) -> Vec<u8> {
    let mut rng = rand_pcg::Pcg32::new(i, 7);
    let mut bytes = vec![0; (rng.next_u32() % 8192) as usize];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Digest of the entry's canonical JSON.
pub fn digest(entry: &Entry) -> Sha256 {
    Sha256::of(&serde_json_canonicalizer::to_vec(entry).expect("it was recorded as canonical JSON"))
}

/// A folder in memory where there is one (syncs cost nothing there), else on disk.
pub fn fast_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Opens, or fails the test.
pub fn open(dir: &Path) -> (Ledger, OpenReport) {
    Ledger::open(dir, options()).expect("the test's own folder")
}

/// Appends inspections with these numbers.
pub fn fill(ledger: &Ledger, numbers: std::ops::Range<u64>) -> Vec<Entry> {
    let photo = Sha256::of(b"photo");
    numbers.map(|i| ledger.append(inspection(i, photo)).expect("the test's own folder")).collect()
}

/// Fills with many threads: one fdatasync for many.
pub fn fill_fast(ledger: &Ledger, count: u64) {
    std::thread::scope(|s| {
        for t in 0..32 {
            s.spawn(move || fill(ledger, count * t / 32..count * (t + 1) / 32));
        }
    });
}

/// All entries, oldest first.
pub fn everything(ledger: &Ledger) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let more = ledger.since(all.last().map_or(0, |e| e.seq), 1000).expect("the test's own folder");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Waits for the background verification.
pub fn wait_until_verified(ledger: &Ledger) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while ledger.health().verified_up_to < ledger.health().last_seq {
        assert!(Instant::now() < deadline, "{:?}", ledger.health());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The journal's segments, ascending.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join("journal"))
        .expect("the test's own folder")
        .map(|f| f.expect("the test's own folder").path());
    let mut files: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "seg")).collect();
    files.sort();
    files
}

/// Offset and end of every frame of a segment, read as the format says.
pub fn frames(segment: &[u8]) -> Vec<(usize, usize)> {
    let mut at = 24;
    let mut frames = Vec::new();
    while at < segment.len() {
        let length = u32::from_le_bytes(segment[at..at + 4].try_into().expect("the test's own folder")) as usize;
        frames.push((at, at + 8 + length));
        at += 8 + length;
    }
    frames
}

/// Copies a folder with everything in it.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the test's own folder");
    for file in fs::read_dir(from).expect("the test's own folder") {
        let file = file.expect("the test's own folder");
        let target = to.join(file.file_name());
        if file.file_type().expect("the test's own folder").is_dir() {
            copy_dir(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).expect("the test's own folder");
        }
    }
}
