//! Keys of requests that are still in work, so that a client that asks twice is never judged twice.

use inspector::photo::Sha256;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The `Idempotency-Key`s of parts between acceptance and journal. Keys of recorded parts are in the ledger.
#[derive(Clone, Debug, Default)]
pub struct KeysInWork(Arc<Mutex<HashMap<String, Sha256>>>);

/// A key held for one job; given back when the job is recorded, refused or dropped.
#[derive(Debug)]
pub struct ReservedKey {
    key: String,
    request: Sha256,
    keys: KeysInWork,
}

impl KeysInWork {
    /// Holds `key` for a request.
    ///
    /// # Errors
    /// The digest of the request that holds the key already.
    pub fn reserve(&self, key: &str, request: Sha256) -> Result<ReservedKey, Sha256> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = keys.get(key) {
            return Err(*holder);
        }
        keys.insert(key.to_owned(), request);
        Ok(ReservedKey { key: key.to_owned(), request, keys: self.clone() })
    }
}

impl ReservedKey {
    /// The client's key.
    pub fn key(&self) -> &str {
        &self.key
    }
    /// Digest of the request it came with.
    pub fn request(&self) -> Sha256 {
        self.request
    }
}

impl Drop for ReservedKey {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
