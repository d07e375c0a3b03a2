//! What users prefer in the console: kept for them, and never looked into.
//!
//! Invariant: they are small, and nobody but their user reads or writes them.

use nephele_model::{Error, Result, Timestamp};
use nephele_store::{Json, preferences};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::rows::failed;
use crate::{Ctx, Manager};

/// The most that is kept for a user, in bytes of JSON.
const LIMIT: usize = 16 << 10;

/// What a user prefers.
#[derive(Debug, Serialize)]
pub struct Preferences {
    preferences: Value,
    /// Nothing for who never said so.
    updated_at: Option<Timestamp>,
}

impl Manager {
    /// What the caller prefers.
    pub async fn get_preferences(&self, ctx: &Ctx) -> Result<Preferences> {
        let Some(kept) = preferences::of_user(&*self.store, ctx.user_id).await.map_err(failed)? else {
            return Ok(Preferences { preferences: Value::Object(Map::new()), updated_at: None });
        };
        Ok(Preferences { preferences: kept.value.value().map_err(failed)?, updated_at: Some(kept.updated_at) })
    }

    /// Keeps what the caller prefers, instead of what was kept. Error: `bad_parameters_error` for more than is kept.
    pub async fn put_preferences(&self, ctx: &Ctx, wanted: Map<String, Value>) -> Result<Preferences> {
        let text = Json::of(&wanted);
        let size = text.as_str().len();
        if size > LIMIT {
            return Err(Error::bad_parameters(format!(
                "The preferences are {size} bytes of JSON; {LIMIT} are kept for a user. Leave something out"
            )));
        }
        preferences::put(&*self.store, ctx.user_id, &text).await.map_err(failed)?;
        self.get_preferences(ctx).await
    }
}
