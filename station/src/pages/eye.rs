//! The camera on the live page: live picture, button, and what the part is.

use crate::camera::{Frame, Order, Place, SourceError, Trigger};
use crate::http::{AppState, Problem, word};
use crate::ledger::{LedgerError, RecipeStatus};
use crate::recipes::state_of;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Redirect;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;

/// A camera, as the page's form begins.
#[derive(Debug)]
pub(super) struct EyeView {
    pub(super) name: String,
    /// Key or pedal.
    pub(super) key: String,
    pub(super) trigger: &'static str,
    pub(super) recipe: String,
    pub(super) serial: String,
    pub(super) lot: String,
    /// Its live picture, or why there is none.
    pub(super) picture: Result<PictureNow, String>,
}

/// A live picture as the page is made.
#[derive(Debug)]
pub(super) struct PictureNow {
    pub(super) age_ms: u128,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl EyeView {
    pub(super) fn judges_by(&self, recipe: &str) -> bool {
        self.recipe == recipe
    }
}

/// Every camera with what is chosen for it.
pub(super) fn eyes(state: &AppState) -> Vec<EyeView> {
    let view = |place: &Arc<Place>| {
        let picture = match place.live() {
            Some(Ok(Frame { exposed, size: (width, height), .. })) => {
                Ok(PictureNow { age_ms: exposed.elapsed().as_millis(), width, height })
            }
            Some(Err(SourceError(why))) => Err(why),
            None => Err(String::new()),
        };
        let order = place.selection().or(place.configured.clone());
        EyeView {
            name: place.name.clone(),
            key: place.key.clone(),
            trigger: place.trigger,
            recipe: order.recipe.unwrap_or_default(),
            serial: order.serial.unwrap_or_default(),
            lot: order.lot.unwrap_or_default(),
            picture,
        }
    };
    state.sources.cameras().map(view).collect()
}

/// Names of the recipes that judge parts.
pub(super) async fn recipes(state: &AppState) -> Result<Vec<String>, Problem> {
    let book = state.desk.recipes.clone();
    state
        .ask(move |ledger| {
            let mut names = Vec::new();
            for listed in book.list() {
                let Ok(identity) = &listed.state else { continue };
                if state_of(ledger, identity.hash)? == RecipeStatus::Approved {
                    names.push(listed.name.clone());
                }
            }
            Ok::<_, LedgerError>(names)
        })
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureForm {
    source: Option<String>,
    recipe: Option<String>,
    serial: Option<String>,
    lot: Option<String>,
}

/// The button without script: takes a picture and shows its record.
pub(super) async fn capture(
    State(state): State<AppState>,
    form: Result<Form<CaptureForm>, FormRejection>,
) -> Result<Redirect, Problem> {
    let moment = Instant::now();
    let Form(asked) = form.map_err(|e| Problem::bad_request(e.body_text()))?;
    let place = state.sources.camera(word("source", asked.source)?.as_deref())?;
    let order = Order {
        recipe: word("recipe", asked.recipe)?,
        serial: word("serial", asked.serial)?,
        lot: word("lot", asked.lot)?,
    };
    let entry = place.capture(&state.desk, Trigger { by: "request", moment }, order, None).await?;
    Ok(Redirect::to(&format!("/inspections/{}", entry.seq)))
}
