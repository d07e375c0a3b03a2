//! The provider context: one row that workers read at `GET /provider/context`.

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;

/// The only row's id.
pub const CONTEXT: &str = "CONTEXT";

row! {
    /// The provider context.
    pub struct ProviderContext {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
        /// What workers may need to know.
        context: Json,
    }
}

/// The provider context.
pub async fn get(db: &dyn Db) -> Result<Option<ProviderContext>> {
    let text = format!("SELECT {} FROM provider_context r WHERE r.id = $1", ProviderContext::COLUMNS);
    db.first(text, values![CONTEXT]).await
}

/// Sets the provider context.
pub async fn put(db: &dyn Db, name: &str, context: &Json) -> Result<()> {
    let text = "INSERT INTO provider_context (id, name, context) VALUES ($1, $2, $3) \
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, context = excluded.context";
    db.run(text, values![CONTEXT, name, context]).await?;
    Ok(())
}
