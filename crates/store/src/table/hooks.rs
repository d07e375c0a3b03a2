//! What hooks are to hear of: an event of an execution, with the hook that was there for it. A row goes when its hook
//! has run; a crash in between means that the hook is run again, never that it is forgotten.

use nephele_model::Timestamp;
use nephele_model::id::{ExecutionId, TenantName, Username};

use crate::column::{row, values};
use crate::db::Db;
use crate::error::Result;
use crate::json::Json;
use crate::write::{self, insertable};

insertable! {
    /// An event for a hook.
    pub struct NewHook into "hooks" {
        /// The tenant of its execution.
        tenant_id: i64,
        /// Who started that.
        user_id: i64,
        /// The execution.
        execution_id: ExecutionId,
        /// The hook: the caller's business.
        hook: Json,
        /// The event: the caller's business.
        event: Json,
        /// When it happened.
        created_at: Timestamp,
    }
}

row! {
    /// An event that waits for its hook.
    pub struct Hook {
        /// Its row.
        storage_id: i64,
        /// The tenant of its execution.
        tenant_id: i64,
        /// The name of that.
        tenant_name: TenantName = "(SELECT t.name FROM tenants t WHERE t.id = r.tenant_id)",
        /// Who started the execution.
        user_id: i64,
        /// The name of that user.
        username: Username = "(SELECT u.username FROM users u WHERE u.id = r.user_id)",
        /// The execution.
        execution_id: ExecutionId,
        /// The hook.
        hook: Json,
        /// The event.
        event: Json,
    }
}

/// Notes an event for a hook.
pub async fn insert(db: &dyn Db, hook: NewHook) -> Result<i64> {
    write::insert(db, hook).await
}

/// The oldest event but for those whose hooks are `under_way`, if this process is the one that runs hooks for all: the
/// oldest. Events of one execution come one after the other.
pub async fn next(db: &dyn Db, process: i64, under_way: &[i64]) -> Result<Option<Hook>> {
    let text = format!(
        "SELECT {} FROM hooks r WHERE r.storage_id NOT IN (SELECT CAST(value AS BIGINT) FROM json_each($1)) \
         AND NOT EXISTS (SELECT 1 FROM hooks e WHERE e.execution_id = r.execution_id AND e.storage_id < r.storage_id) \
         AND $2 = (SELECT min(p.id) FROM processes p) \
         ORDER BY r.storage_id LIMIT 1",
        Hook::COLUMNS
    );
    db.first(text, values![Json::of(under_way), process]).await
}

/// Forgets an event whose hook has run.
pub async fn delete(db: &dyn Db, storage_id: i64) -> Result<bool> {
    write::delete(db, "hooks", storage_id).await
}
