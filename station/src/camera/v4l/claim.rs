//! Which cameras this program holds. Two sources can name one camera, one by its serial number and one by its port, and the kernel does not tell
//! which part of a program holds what.

use super::device::Down;
use super::status::State;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// By node: as what the camera is configured that holds it.
static HELD: Mutex<BTreeMap<usize, String>> = Mutex::new(BTreeMap::new());

fn held() -> MutexGuard<'static, BTreeMap<usize, String>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The camera of this node is its holder's until this is dropped.
#[derive(Debug)]
pub(super) struct Claim(usize);

impl Claim {
    /// For the source whose configuration wants this camera.
    ///
    /// # Errors
    /// Another source has it, or an earlier attempt of the same one that has not come back.
    pub(super) fn take(node: usize, wanted: &str) -> Result<Self, Down> {
        let mut held = held();
        match held.get(&node) {
            None => {
                held.insert(node, wanted.to_owned());
                Ok(Self(node))
            }
            Some(holder) if holder == wanted => Err(Down {
                state: State::Stalled,
                reason: "an earlier attempt to open it has not come back: unplug it and plug it in again".to_owned(),
            }),
            Some(holder) => Err(Down::failed(format!(
                "another source of this station holds it, as {holder:?}: two sources in station.toml name one camera, take one out"
            ))),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        held().remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests panic on purpose")]
    use super::*;

    #[test]
    fn one_camera_belongs_to_one_source_at_a_time() {
        // No machine has so many; the list is one for all tests.
        let (node, other) = (1_000_000, 1_000_001);
        let first = Claim::take(node, "camera SN0001").unwrap();
        let refused = Claim::take(node, "camera at port 1-2").unwrap_err();
        assert_eq!(
            (refused.state, refused.reason.as_str()),
            (
                State::Failed,
                "another source of this station holds it, as \"camera SN0001\": two sources in station.toml name one camera, take one out"
            )
        );
        let hangs = Claim::take(node, "camera SN0001").unwrap_err();
        assert!(hangs.state == State::Stalled && hangs.reason.contains("has not come back"), "{hangs:?}");
        let _beside = Claim::take(other, "camera at port 1-2").unwrap();
        drop(first);
        Claim::take(node, "camera at port 1-2").unwrap();
    }
}
