//! `/api/v1/recipes`: what parts can be judged by.

use super::problem::Problem;
use super::state::AppState;
use crate::ledger::LedgerError;
use crate::recipes::{state_of, state_word};
use axum::Json;
use axum::extract::State;
use inspector::photo::Sha256;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A recipe this station knows.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecipeView {
    /// Name of its folder.
    #[schema(example = "visor")]
    pub name: String,
    /// Digest that identifies it; null when it cannot be read.
    #[schema(value_type = Option<String>, example = "sha256:0f...")]
    pub recipe: Option<Sha256>,
    /// Part number.
    pub part: Option<String>,
    /// Revision.
    pub revision: Option<String>,
    /// `draft`, `approved`, `superseded` (newer contents were approved under its name), `retired` or `broken`. Only approved recipes judge parts.
    #[schema(example = "approved")]
    pub state: String,
    /// Why it cannot be used; null otherwise.
    pub reason: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecipeList {
    /// By name.
    pub items: Vec<RecipeView>,
}

/// The recipes of this station and their states.
#[utoipa::path(get, path = "/api/v1/recipes", tag = "recipes", responses((status = 200, body = RecipeList)))]
pub(super) async fn list(State(state): State<AppState>) -> Result<Json<RecipeList>, Problem> {
    let book = state.desk.recipes.clone();
    let items = state
        .ask(move |ledger| {
            let view = |listed: &crate::recipes::Listed| {
                Ok::<_, LedgerError>(match &listed.state {
                    Ok(identity) => RecipeView {
                        name: listed.name.clone(),
                        recipe: Some(identity.hash),
                        part: Some(identity.part.clone()),
                        revision: identity.revision.clone(),
                        state: state_word(state_of(ledger, identity.hash)?).to_owned(),
                        reason: None,
                    },
                    Err(reason) => RecipeView {
                        name: listed.name.clone(),
                        recipe: None,
                        part: None,
                        revision: None,
                        state: "broken".to_owned(),
                        reason: Some(reason.clone()),
                    },
                })
            };
            book.list().map(view).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(RecipeList { items }))
}
