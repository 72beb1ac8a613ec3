//! The ledger: what is acknowledged is there, whatever happens to the folder meanwhile.

use acceptance::ledger::{inspection, options, recipe_acts};
use inspector::photo::Sha256;
use station::ledger::{Act, Entry, Ledger, Query, RecipeStatus};

#[test]
fn what_is_appended_is_read_back_by_every_way() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, report) = Ledger::open(dir.path(), options()).unwrap();
    assert_eq!((report.last_seq, report.rebuilt, report.cut), (0, None, None));
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
    let (ledger, report) = Ledger::open(dir.path(), options()).unwrap();
    assert_eq!((report.last_seq, report.rebuilt, report.cut), (106, None, None));
    read_back(&ledger, &entries, &photo);
}

fn read_back(ledger: &Ledger, entries: &[Entry], photo: &Sha256) {
    assert_eq!(ledger.since(0, 1000).unwrap(), entries);
    for e in entries {
        assert_eq!(ledger.entry(e.seq).unwrap().as_ref(), Some(e));
    }
    let page = ledger.inspections(&Query { limit: 7, ..Query::default() }).unwrap();
    assert_eq!(page.entries.iter().map(|e| e.seq).collect::<Vec<_>>(), [101, 100, 99, 98, 97, 96, 95]);
    assert_eq!(page.next_before_seq, Some(95));
    let lot = ledger.inspections(&Query { lot: Some("L-3".into()), ..Query::default() }).unwrap();
    assert_eq!(lot.entries.len(), 10);
    assert_eq!(ledger.by_idempotency_key("key-17").unwrap().unwrap().seq, 19);
    assert_eq!(ledger.by_idempotency_key("key-1700").unwrap(), None);
    assert_eq!(ledger.recipes().unwrap()[0].status, RecipeStatus::Approved);
    assert_eq!(ledger.blob(photo).unwrap().as_deref(), Some(&b"photo"[..]));
}
