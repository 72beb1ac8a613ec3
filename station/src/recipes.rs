//! The station's book of recipes: folders on disk, their state in the ledger.
//!
//! A recipe is known by the name of its folder. What it *is* is its digest: a folder that was edited after its approval is
//! another recipe, a draft, and does not judge parts.

use crate::ledger::{Act, Entry, Ledger, LedgerError, RecipeState, RecipeStatus};
use inspector::models::Runtime;
use inspector::photo::Sha256;
use inspector::recipe::{Recipe, RecipeError};
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Opened recipes kept in memory: a reference picture of 12 megapixels takes 60 MB.
const KEPT_OPEN: usize = 4;
/// A recipe that could not be opened is tried again after this long: its model may take seconds to say no.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// Why a recipe cannot judge a part.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No such name or digest.
    #[error("no recipe {asked:?}; this station knows {}", known_list(known))]
    Unknown {
        /// What was asked for.
        asked: String,
        /// Names that are known.
        known: Vec<String>,
    },
    /// It is there, but nobody approved it, or it was retired.
    #[error(
        "recipe {name:?} {}, and only approved recipes judge parts: `assay recipe approve` is a named person's act",
        changed.as_ref().map_or_else(|| format!("is {state}"), |earlier| format!("changed since it was {earlier}"))
    )]
    NotApproved {
        /// Its name.
        name: String,
        /// `draft`, `superseded` or `retired`.
        state: &'static str,
        /// When and by whom another content of that name was approved, when one is.
        changed: Option<String>,
    },
    /// It cannot be read.
    #[error("recipe {name:?} cannot be used: {cause}")]
    Broken {
        /// Its name.
        name: String,
        /// Why.
        cause: String,
    },
    /// Its folder changed since the station started.
    #[error("the folder of recipe {name:?} changed since the station started: expected {expected}, found {found}")]
    Changed {
        /// Its name.
        name: String,
        /// Digest at the start.
        expected: Sha256,
        /// Digest now.
        found: Sha256,
    },
    /// The ledger cannot say whether it is approved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

fn known_list(known: &[String]) -> String {
    if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }
}

/// Why a recipe was not installed or approved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecipeActError {
    /// The folder is no recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A file of it cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// What the system said.
        cause: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Nothing of that name is installed.
    #[error("no recipe {name:?} is installed; installed are {}", known_list(known))]
    NotInstalled {
        /// What was asked for.
        name: String,
        /// Names that are installed.
        known: Vec<String>,
    },
    /// It is approved or retired already.
    #[error("recipe {name:?} has no draft to approve: it is {state} already")]
    NoDraft {
        /// What was asked for.
        name: String,
        /// Since when, by whom and under which name.
        state: String,
    },
    /// It is not in use, so it cannot be taken out of it.
    #[error("recipe {name:?} is not approved, so there is nothing to retire")]
    NotInUse {
        /// What was asked for.
        name: String,
    },
    /// A folder of recipes that is not there.
    #[error("expected a folder of recipes, found none that can be read ({cause}): make it, or correct `recipes`, at {}", path.display())]
    NoFolder {
        /// What the system said.
        cause: io::Error,
        /// The folder.
        path: PathBuf,
    },
    /// Two folders of one name: nobody could tell which of them judges.
    #[error("two recipes are called {name:?}: rename one of {} and {}", paths[0].display(), paths[1].display())]
    Twice {
        /// The name.
        name: String,
        /// Where they are.
        paths: [PathBuf; 2],
    },
    /// No person.
    #[error("this is a named person's act: expected the id of a person, found an empty text")]
    NoPerson,
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A recipe folder as found at the start.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Name of its folder.
    pub name: String,
    /// Where it is.
    pub dir: PathBuf,
    /// What it is, or why it cannot be used.
    pub state: Result<Identity, String>,
}

/// What a readable recipe is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its digest.
    pub hash: Sha256,
    /// Part number.
    pub part: String,
    /// Revision.
    pub revision: Option<String>,
}

/// The recipes of a station. Clones share it.
#[derive(Clone, Debug)]
pub struct RecipeBook(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    listed: BTreeMap<String, Listed>,
    runtime: Arc<dyn Runtime>,
    /// By name: why the last attempt to open it failed. Held while a recipe is opened, so that one opens and others wait for it.
    failed: BTreeMap<String, Mutex<Option<(Instant, String)>>>,
    /// Most recently used last.
    open: Mutex<VecDeque<(Sha256, Arc<Recipe>)>>,
    models: Mutex<BTreeMap<String, ModelState>>,
}

/// How the models of an approved recipe do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// They are being opened and tried with their parity samples.
    Opening,
    /// They reproduce their samples here.
    Ready,
    /// They do not, or cannot be opened: why.
    Failed(String),
}

impl RecipeBook {
    /// Reads every recipe folder below `folders` and installs in the ledger what it does not know yet. A folder that is no recipe
    /// is listed as broken: one bad recipe does not stop the station. `runtime` runs the models of recipes that judge; nothing is
    /// run yet.
    ///
    /// # Errors
    /// When the ledger refuses; those of [`named_folders`].
    pub fn open(ledger: &Ledger, folders: &[PathBuf], runtime: Arc<dyn Runtime>) -> Result<Self, RecipeActError> {
        let mut listed = BTreeMap::new();
        for (name, dir) in named_folders(folders)? {
            let state = match install(ledger, &dir, &name) {
                Ok(identity) => Ok(identity),
                Err(RecipeActError::Ledger(e)) => return Err(e.into()),
                Err(e) => {
                    tracing::warn!("recipe {name} cannot be used: {e}");
                    Err(e.to_string())
                }
            };
            listed.insert(name.clone(), Listed { name, dir, state });
        }
        let failed = listed.keys().map(|name| (name.clone(), Mutex::default())).collect();
        let (open, models) = (Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { listed, runtime, failed, open, models })))
    }

    /// Opens every approved recipe that has models, so that one that does not reproduce its samples is told at the start and not by the first
    /// part. `failed` is told the name and the reason. Takes seconds: not for an async thread.
    pub fn open_models(&self, ledger: &Ledger, mut failed: impl FnMut(&str, &LookupError)) -> Result<(), LedgerError> {
        let approved: Vec<Sha256> =
            ledger.recipes()?.iter().filter(|r| r.status == RecipeStatus::Approved).map(|r| r.recipe).collect();
        let judges = |l: &&Listed| l.state.as_ref().is_ok_and(|i| approved.contains(&i.hash));
        let with_models: Vec<&Listed> = self.list().filter(judges).filter(|l| l.dir.join("models").is_dir()).collect();
        for listed in &with_models {
            lock(&self.0.models).insert(listed.name.clone(), ModelState::Opening);
        }
        for listed in with_models {
            if let Err(e) = self.approved(ledger, &listed.name) {
                failed(&listed.name, &e);
            }
        }
        Ok(())
    }

    /// How the models of approved recipes do, by the recipe's name.
    pub fn models(&self) -> BTreeMap<String, ModelState> {
        lock(&self.0.models).clone()
    }

    /// Every recipe folder, by name.
    pub fn list(&self) -> impl Iterator<Item = &Listed> {
        self.0.listed.values()
    }

    /// The approved recipe of that name or digest (`sha256:...`). Reads files: not for an async thread.
    ///
    /// # Errors
    /// Why it cannot judge a part.
    pub fn approved(&self, ledger: &Ledger, asked: &str) -> Result<Arc<Recipe>, LookupError> {
        let by_hash = |l: &&Listed| l.state.as_ref().is_ok_and(|i| i.hash.to_string() == asked);
        let found = self.0.listed.get(asked).or_else(|| self.0.listed.values().find(by_hash));
        let listed = found.ok_or_else(|| LookupError::Unknown {
            asked: asked.chars().take(200).collect(),
            known: self.0.listed.keys().cloned().collect(),
        })?;
        let broken = |cause: String| LookupError::Broken { name: listed.name.clone(), cause };
        let identity = listed.state.as_ref().map_err(|cause| broken(cause.clone()))?;
        let known = ledger.recipes()?;
        let state = known.iter().find(|r| r.recipe == identity.hash).map_or(RecipeStatus::Draft, |r| r.status);
        if state != RecipeStatus::Approved {
            let in_use = |r: &&RecipeState| r.name == listed.name && r.status == RecipeStatus::Approved;
            let changed = known.iter().find(in_use).filter(|_| state == RecipeStatus::Draft).map(since);
            return Err(LookupError::NotApproved { name: listed.name.clone(), state: state_word(state), changed });
        }
        self.opened(listed, identity)
    }

    /// The recipe, opened now or before. Other recipes do not wait for one whose model is slow.
    fn opened(&self, listed: &Listed, identity: &Identity) -> Result<Arc<Recipe>, LookupError> {
        if let Some(kept) = self.kept(identity.hash) {
            return Ok(kept);
        }
        let mut failed = lock(&self.0.failed[&listed.name]);
        if let Some(kept) = self.kept(identity.hash) {
            return Ok(kept);
        }
        let broken = |cause: String| LookupError::Broken { name: listed.name.clone(), cause };
        if let Some((_, cause)) = failed.as_ref().filter(|(at, _)| at.elapsed() < TRY_AGAIN) {
            return Err(broken(cause.clone()));
        }
        let opened = Recipe::open_on(&listed.dir, self.0.runtime.as_ref());
        let cause = opened.as_ref().err().map(ToString::to_string);
        // A model is ready for the recipe that was asked for, not for another that lies in its folder meanwhile.
        let changed = opened.as_ref().ok().filter(|r| r.hash != identity.hash).map(|r| LookupError::Changed {
            name: listed.name.clone(),
            expected: identity.hash,
            found: r.hash,
        });
        if let Some(state) = lock(&self.0.models).get_mut(&listed.name) {
            let wrong = cause.clone().or_else(|| changed.as_ref().map(ToString::to_string));
            *state = wrong.map_or(ModelState::Ready, ModelState::Failed);
        }
        *failed = cause.map(|cause| (Instant::now(), cause));
        let recipe = Arc::new(opened.map_err(|e| broken(e.to_string()))?);
        if let Some(changed) = changed {
            return Err(changed);
        }
        let mut open = lock(&self.0.open);
        if open.len() == KEPT_OPEN {
            open.pop_front();
        }
        open.push_back((recipe.hash, recipe.clone()));
        Ok(recipe)
    }

    /// The recipe, when it is open.
    fn kept(&self, hash: Sha256) -> Option<Arc<Recipe>> {
        let mut open = lock(&self.0.open);
        let at = open.iter().position(|(kept, _)| *kept == hash)?;
        let kept = open.remove(at)?;
        open.push_back(kept.clone());
        Some(kept.1)
    }
}

/// What is behind it stays whole when a thread dies in the middle.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Since when a recipe is what it is, and by whom: `approved on 2026-11-27 by anna`.
pub fn since(recipe: &RecipeState) -> String {
    let day = recipe.since_wall.split('T').next().unwrap_or_default();
    let by = recipe.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("{} on {day}{by}", state_word(recipe.status))
}

/// `draft`, `approved`, `superseded` or `retired`.
pub fn state_word(state: RecipeStatus) -> &'static str {
    match state {
        RecipeStatus::Draft => "draft",
        RecipeStatus::Approved => "approved",
        RecipeStatus::Superseded => "superseded",
        RecipeStatus::Retired => "retired",
    }
}

/// State of a recipe in the ledger; what it does not know is a draft.
///
/// # Errors
/// When the ledger cannot be read.
pub fn state_of(ledger: &Ledger, hash: Sha256) -> Result<RecipeStatus, LedgerError> {
    Ok(ledger.recipes()?.iter().find(|r| r.recipe == hash).map_or(RecipeStatus::Draft, |r| r.status))
}

/// Installs the recipe in `dir` under `name`: its files become blobs and the act is recorded, once per digest.
///
/// # Errors
/// When the folder is no recipe or the ledger refuses.
pub fn install(ledger: &Ledger, dir: &Path, name: &str) -> Result<Identity, RecipeActError> {
    let recipe = Recipe::open(dir)?;
    let identity = Identity { hash: recipe.hash, part: recipe.part.clone(), revision: recipe.revision.clone() };
    if ledger.recipes()?.iter().any(|r| r.recipe == recipe.hash && r.name == name) {
        return Ok(identity);
    }
    let mut files = Vec::new();
    // Exactly the files that make the recipe's identity.
    for file in inspector::recipe::files(dir)? {
        let path = dir.join(&file.path);
        let bytes = fs::read(&path).map_err(|cause| RecipeActError::Unreadable { cause, path })?;
        files.push((file.path, ledger.put_blob(&bytes)?));
    }
    ledger.append(Act::RecipeInstalled {
        recipe: recipe.hash,
        part: recipe.part.clone(),
        revision: recipe.revision.clone(),
        name: name.to_owned(),
        files,
    })?;
    Ok(identity)
}

/// Records that a person approved the recipe installed under `name` (or with the digest `sha256:...`). Of several contents with
/// one name the newest draft is meant, or else the newest that another one took the place of. What was approved under the same name until now is superseded:
/// it no longer judges, and may be approved again.
///
/// # Errors
/// When nothing of it is to be approved, no person is named, or the ledger refuses.
pub fn approve(ledger: &Ledger, name: &str, person_id: &str) -> Result<Entry, RecipeActError> {
    let by = person(person_id)?;
    let installed = ledger.recipes()?;
    let found = asked(&installed, name)?;
    let newest = |status| found.iter().rev().find(|r| r.status == status);
    match newest(RecipeStatus::Draft).or_else(|| newest(RecipeStatus::Superseded)) {
        Some(draft) => Ok(ledger.append(Act::RecipeApproved { recipe: draft.recipe, by })?),
        None => Err(no_draft(name, found[found.len() - 1])),
    }
}

/// Refuses what cannot be approved again, before anything is recorded: the same contents may lie in a folder of another name.
///
/// # Errors
/// [`RecipeActError::NoDraft`], or when the ledger cannot be read.
pub fn require_to_approve(ledger: &Ledger, name: &str, hash: Sha256) -> Result<(), RecipeActError> {
    let known = ledger.recipes()?.into_iter().find(|r| r.recipe == hash);
    match known.filter(|r| matches!(r.status, RecipeStatus::Approved | RecipeStatus::Retired)) {
        Some(known) => Err(no_draft(name, &known)),
        None => Ok(()),
    }
}

fn no_draft(asked: &str, known: &RecipeState) -> RecipeActError {
    let as_name = if known.name == asked { String::new() } else { format!(", as {:?}", known.name) };
    RecipeActError::NoDraft { name: asked.to_owned(), state: format!("{}{as_name}", since(known)) }
}

/// Records that a person took the recipe approved under `name` (or with the digest `sha256:...`) out of use, for good.
///
/// # Errors
/// When it is not in use, no person is named, or the ledger refuses.
pub fn retire(ledger: &Ledger, name: &str, person_id: &str) -> Result<Entry, RecipeActError> {
    let by = person(person_id)?;
    let installed = ledger.recipes()?;
    let found = asked(&installed, name)?;
    match found.iter().find(|r| r.status == RecipeStatus::Approved) {
        Some(in_use) => Ok(ledger.append(Act::RecipeRetired { recipe: in_use.recipe, by })?),
        None => Err(RecipeActError::NotInUse { name: name.to_owned() }),
    }
}

pub(crate) fn person(id: &str) -> Result<String, RecipeActError> {
    match id.trim() {
        "" => Err(RecipeActError::NoPerson),
        id => Ok(id.to_owned()),
    }
}

/// What is installed under a name or with a digest; at least one.
fn asked<'r>(installed: &'r [RecipeState], name: &str) -> Result<Vec<&'r RecipeState>, RecipeActError> {
    let found: Vec<_> = installed.iter().filter(|r| r.name == name || r.recipe.to_string() == name).collect();
    if found.is_empty() {
        let known = installed.iter().map(|r| r.name.clone()).collect();
        return Err(RecipeActError::NotInstalled { name: name.to_owned(), known });
    }
    Ok(found)
}

/// The recipe folders in and directly below `folders`, each with its name.
///
/// # Errors
/// [`RecipeActError::NoFolder`], [`RecipeActError::Twice`]: a station that judged by another recipe than its owner thinks would be worse than none.
pub fn named_folders(folders: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, RecipeActError> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        for dir in recipe_folders(folder)? {
            let Some(name) = dir.file_name().and_then(|n| n.to_str()).map(str::to_owned) else { continue };
            match found.get(&name) {
                // A folder may be listed itself and with the one that it lies in.
                Some(other) if other.canonicalize().ok() != dir.canonicalize().ok() => {
                    return Err(RecipeActError::Twice { name, paths: [other.clone(), dir] });
                }
                Some(_) => {}
                None => drop(found.insert(name, dir)),
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// `folder` itself when it is a recipe, else the recipes directly below it, by name.
fn recipe_folders(folder: &Path) -> Result<Vec<PathBuf>, RecipeActError> {
    if folder.join("recipe.toml").is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let children = fs::read_dir(folder).map_err(|cause| RecipeActError::NoFolder { cause, path: folder.to_owned() })?;
    let mut found: Vec<PathBuf> =
        children.flatten().map(|c| c.path()).filter(|p| p.join("recipe.toml").is_file()).collect();
    found.sort();
    Ok(found)
}
