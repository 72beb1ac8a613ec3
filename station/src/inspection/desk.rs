//! The desk where photos are handed in. Whatever brings one (HTTP, a camera's trigger, a watched folder), it goes the same way:
//! idempotency key, approved recipe, queue, judge, record.

use super::{Busy, Decoded, ErrorKind, Job, JobError, JobInfo, KeysInWork, Line, Metrics, ReservedKey};
use crate::codes::{Choice, ChoiceError, Rules, choose_recipe};
use crate::ledger::{Act, Entry, Ledger, LedgerError};
use crate::recipes::{LookupError, RecipeBook};
use crate::record::CaptureRecord;
use axum::body::Bytes;
use inspector::identity::Identity;
use inspector::photo::Sha256;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::Semaphore;

/// Most photos at once whose code chooses the recipe: each is held in memory meanwhile.
const MOST_CHOOSERS: usize = 8;

/// A photo and what is known of its part.
#[derive(Clone, Debug)]
pub struct Shot {
    /// The file as it came.
    pub photo: Bytes,
    /// Name for the record.
    pub image: String,
    /// Name or digest of the recipe; a code in the photo chooses it when nobody does.
    pub recipe: Option<String>,
    /// Serial number of the part.
    pub serial: Option<String>,
    /// Lot it belongs to.
    pub lot: Option<String>,
    /// Order it is made for.
    pub order: Option<String>,
    /// How it was taken, when a source of this station took it.
    pub capture: Option<CaptureRecord>,
}

/// Why a photo that was handed in has no record.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeskError {
    /// Nobody said what to judge by.
    #[error(
        "no recipe is chosen for this part: choose one on the page, or name it in the request or in the station's configuration"
    )]
    NoRecipe,
    /// No code chooses one.
    #[error(transparent)]
    Code(#[from] ChoiceError),
    /// The recipe cannot judge.
    #[error(transparent)]
    Recipe(#[from] LookupError),
    /// No room in the queue.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// It was not judged or not recorded.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The ledger does not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The same request is being judged now.
    #[error("the part of this Idempotency-Key is still in work: ask again")]
    KeyInWork,
    /// The key came with another request.
    #[error("this Idempotency-Key came with another request before: use a new key for a new part")]
    KeyReused,
    /// The index may not show the key's part yet.
    #[error("the store is behind the journal, so the Idempotency-Key cannot be looked up")]
    Behind,
    /// The program failed.
    #[error("the station failed: {0}")]
    Failed(String),
}

/// What a key stands for.
#[derive(Debug)]
pub enum Reserved {
    /// A new part.
    New(ReservedKey),
    /// A part that is recorded already.
    Recorded(Box<Entry>),
}

/// Where photos are handed in. Clones share it.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Journal, photos, store.
    pub ledger: Ledger,
    /// Recipes.
    pub recipes: RecipeBook,
    /// The inspection loop.
    pub line: Line,
    /// Counters.
    pub metrics: Arc<Metrics>,
    keys: KeysInWork,
    rules: Arc<Rules>,
    choosing: Arc<tokio::sync::Mutex<()>>,
    /// Who waits for that, or does it.
    choosers: Arc<Semaphore>,
}

impl Desk {
    /// A desk in front of `line`.
    pub fn new(ledger: Ledger, recipes: RecipeBook, line: Line, metrics: Arc<Metrics>) -> Self {
        let (rules, choosing, choosers) = (Arc::default(), Arc::default(), Arc::new(Semaphore::new(MOST_CHOOSERS)));
        Self { ledger, recipes, line, metrics, rules, choosing, choosers, keys: KeysInWork::default() }
    }

    /// With rules by which a code in the photo chooses the recipe when nobody else does.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// True when a code in the photo can choose the recipe.
    pub fn chooses_by_code(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Holds an idempotency key first and asks the ledger second: between the two nobody else can take it. `request` is the digest of
    /// everything that was asked.
    ///
    /// # Errors
    /// When the key is in work, belongs to another request, or cannot be looked up.
    pub async fn reserve(&self, key: String, request: Sha256) -> Result<Reserved, DeskError> {
        let reserved = self
            .keys
            .reserve(&key, request)
            .map_err(|holder| if holder == request { DeskError::KeyInWork } else { DeskError::KeyReused })?;
        let (recorded, behind) = self
            .ask(move |ledger| {
                let synced = ledger.health().last_seq;
                let recorded = ledger.by_idempotency_key(&key)?;
                Ok::<_, LedgerError>((recorded, ledger.health().stored_up_to < synced))
            })
            .await?;
        match recorded {
            // The key may belong to a part that the index does not show yet: to judge it again would record it twice.
            None if behind => Err(DeskError::Behind),
            None => Ok(Reserved::New(reserved)),
            Some(entry) => match &entry.act {
                Act::Inspection { request_sha256: Some(before), .. } if *before == request => {
                    Ok(Reserved::Recorded(Box::new(entry)))
                }
                _ => Err(DeskError::KeyReused),
            },
        }
    }

    /// Queues a part and waits for its record: photo and entry are synced when this returns.
    ///
    /// # Errors
    /// Why there is no record.
    pub async fn submit(&self, shot: Shot, key: Option<ReservedKey>) -> Result<Entry, DeskError> {
        let Shot { photo, image, recipe, serial, lot, order, capture } = shot;
        let mut info = JobInfo { image, identity: Identity { serial, lot, order }, capture };
        let (asked, decoded) = match recipe {
            Some(asked) => (asked, None),
            None if self.rules.is_empty() => return Err(DeskError::NoRecipe),
            None => {
                let (choice, decoded) = self.chosen_by_code(&photo, &info).await?;
                info.identity.complete(&choice.identity);
                (choice.recipe, Some(decoded))
            }
        };
        let book = self.recipes.clone();
        let recipe = self.ask(move |ledger| book.approved(ledger, &asked)).await?;
        let job = Job { photo, decoded, info, recipe, key };
        let ticket = self.line.submit(job).inspect_err(|_| self.metrics.error(ErrorKind::Busy))?;
        Ok(ticket.recorded().await?)
    }

    /// The recipe that a code in the photo asks for, and the photo, so that it is decoded once.
    async fn chosen_by_code(&self, photo: &Bytes, info: &JobInfo) -> Result<(Choice, Decoded), DeskError> {
        // One at a time: decoded photos are large, and the queue does not count these.
        let busy = |_| Busy::QueueFull { waiting: MOST_CHOOSERS };
        let room = self.choosers.clone().try_acquire_owned().map_err(busy);
        let room = room.inspect_err(|_| self.metrics.error(ErrorKind::Busy))?;
        let turn = self.choosing.clone().lock_owned().await;
        let (photo, rules, said) = (photo.clone(), self.rules.clone(), info.identity.clone());
        let chosen = tokio::task::spawn_blocking(move || {
            // Kept to the end of the work, also when nobody waits for the answer any more.
            let _kept = (turn, room);
            let decoded = Decoded::of(&photo).map_err(JobError::Photo)?;
            let choice = choose_recipe(decoded.photo(), &rules, &said)?;
            Ok((choice, decoded))
        });
        let chosen = chosen.await.unwrap_or_else(|e| Err(DeskError::Failed(e.to_string())));
        chosen.inspect_err(|e| {
            let kind = if matches!(e, DeskError::Failed(_)) { ErrorKind::Station } else { ErrorKind::Photo };
            self.metrics.error(kind);
        })
    }

    /// Asks the ledger, off the async threads.
    async fn ask<T: Send + 'static, E: Send + 'static>(
        &self,
        question: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, DeskError>
    where
        DeskError: From<E>,
    {
        let ledger = self.ledger.clone();
        match tokio::task::spawn_blocking(move || question(&ledger)).await {
            Ok(answer) => Ok(answer?),
            Err(e) => Err(DeskError::Failed(e.to_string())),
        }
    }
}
