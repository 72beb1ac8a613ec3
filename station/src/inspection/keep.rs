//! Recording a judged photo: files first, then the entry that names them.

use super::line::Drawn;
use crate::ledger::{Act, Entry, Ledger, LedgerError};
use inspector::photo::Sha256;

/// Keeps photo, overlay and thumbnail, then the record. All of it is synced when this returns. `key` is the client's idempotency key
/// and the digest of the request it came with.
///
/// # Errors
/// When the ledger refuses; then there is no record, and files without a record harm nobody.
pub fn keep(ledger: &Ledger, photo: &[u8], drawn: Drawn, key: Option<(String, Sha256)>) -> Result<Entry, LedgerError> {
    // Three syncs at once cost little more than one.
    let (photo, overlay, thumbnail) = std::thread::scope(|scope| {
        let overlay = scope.spawn(|| ledger.put_blob(&drawn.overlay));
        let thumbnail = scope.spawn(|| ledger.put_blob(&drawn.thumbnail));
        let photo = ledger.put_blob(photo);
        let joined =
            |t: std::thread::ScopedJoinHandle<'_, _>| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p));
        (photo, joined(overlay), joined(thumbnail))
    });
    debug_assert!(photo.as_ref().is_ok_and(|p| *p == drawn.record.photo.sha256) || photo.is_err());
    photo?;
    let (idempotency_key, request_sha256) = key.unzip();
    ledger.append(Act::Inspection {
        inspection: Box::new(drawn.record),
        thumbnail: thumbnail?,
        overlay: overlay?,
        idempotency_key,
        request_sha256,
    })
}
