//! Brings a database's schema up to date: `migrations/{sqlite,pg}/NNNN_name.sql`, in order, each
//! once. A change of the schema is a new file in both folders; a test compares the results.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::backend::{Backend, Dialect, Sql};
use crate::db::Db;
use crate::error::Result;

/// Number, description, SQLite's text, PostgreSQL's text.
type Step = (i64, &'static str, &'static str, &'static str);

const STEPS: &[Step] = &[
    (1, "init", include_str!("../migrations/sqlite/0001_init.sql"), include_str!("../migrations/pg/0001_init.sql")),
    (
        2,
        "phases",
        include_str!("../migrations/sqlite/0002_phases.sql"),
        include_str!("../migrations/pg/0002_phases.sql"),
    ),
    (
        3,
        "tasks_progress",
        include_str!("../migrations/sqlite/0003_tasks_progress.sql"),
        include_str!("../migrations/pg/0003_tasks_progress.sql"),
    ),
    (
        4,
        "executions",
        include_str!("../migrations/sqlite/0004_executions.sql"),
        include_str!("../migrations/pg/0004_executions.sql"),
    ),
    (
        5,
        "leases",
        include_str!("../migrations/sqlite/0005_leases.sql"),
        include_str!("../migrations/pg/0005_leases.sql"),
    ),
    (6, "hooks", include_str!("../migrations/sqlite/0006_hooks.sql"), include_str!("../migrations/pg/0006_hooks.sql")),
    (
        7,
        "events_order",
        include_str!("../migrations/sqlite/0007_events_order.sql"),
        include_str!("../migrations/pg/0007_events_order.sql"),
    ),
    (
        8,
        "event_numbers",
        include_str!("../migrations/sqlite/0008_event_numbers.sql"),
        include_str!("../migrations/pg/0008_event_numbers.sql"),
    ),
    (
        12,
        "tokens_of_processes",
        include_str!("../migrations/sqlite/0012_tokens_of_processes.sql"),
        include_str!("../migrations/pg/0012_tokens_of_processes.sql"),
    ),
    (
        13,
        "deployment_texts",
        include_str!("../migrations/sqlite/0013_deployment_texts.sql"),
        include_str!("../migrations/pg/0013_deployment_texts.sql"),
    ),
    (
        14,
        "outcomes",
        include_str!("../migrations/sqlite/0014_outcomes.sql"),
        include_str!("../migrations/pg/0014_outcomes.sql"),
    ),
    (
        15,
        "scheduled_snapshots",
        include_str!("../migrations/sqlite/0015_scheduled_snapshots.sql"),
        include_str!("../migrations/pg/0015_scheduled_snapshots.sql"),
    ),
    (
        16,
        "preferences",
        include_str!("../migrations/sqlite/0016_preferences.sql"),
        include_str!("../migrations/pg/0016_preferences.sql"),
    ),
    (
        17,
        "queue_and_quotes",
        include_str!("../migrations/sqlite/0017_queue_and_quotes.sql"),
        include_str!("../migrations/pg/0017_queue_and_quotes.sql"),
    ),
];

/// The number of the newest schema.
pub fn schema() -> i64 {
    STEPS.last().map_or(0, |step| step.0)
}

/// The number of the newest schema that the database has: another process may have brought it further than this one knows.
pub async fn applied(db: &dyn Db) -> Result<i64> {
    db.number("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success", Vec::new()).await
}

/// Has PostgreSQL check foreign keys at the end of a transaction where it is asked to, those of later steps too: whoever
/// replaces everything ([`crate::load`]) must not mind their order. SQLite can do so with any.
const DEFERRABLE: &str = "DO $$ DECLARE wall RECORD; BEGIN \
    PERFORM pg_advisory_xact_lock(hashtextextended('deferrable', 0)); FOR wall IN \
    SELECT CAST(c.conrelid AS REGCLASS) AS relation, c.conname FROM pg_constraint c \
    JOIN pg_namespace n ON n.oid = c.connamespace \
    WHERE c.contype = 'f' AND NOT c.condeferrable AND n.nspname = current_schema() \
    LOOP EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY IMMEDIATE', wall.relation, wall.conname); \
    END LOOP; END $$";

/// Takes all steps that have not been taken.
pub(crate) async fn run(backend: &Backend) -> Result<()> {
    take(backend, STEPS).await?;
    if backend.dialect() == Dialect::Pg {
        backend.execute(Sql::once(DEFERRABLE.to_owned(), Vec::new())).await?;
    }
    Ok(())
}

async fn take(backend: &Backend, steps: &[Step]) -> Result<()> {
    match backend {
        Backend::Pg(pool) => migrator(steps, |step| step.3).run(pool).await?,
        Backend::Lite { writer, .. } => migrator(steps, |step| step.2).run(writer).await?,
    }
    Ok(())
}

fn migrator(steps: &[Step], text: impl Fn(&Step) -> &'static str) -> Migrator {
    let migration = |step: &Step| {
        let sql = AssertSqlSafe(text(step)).into_sql_str();
        Migration::new(step.0, Cow::Borrowed(step.1), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(steps.iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use nephele_testkit::postgres::Database;

    use super::*;
    use crate::backend::{Dialect, Row, Sql};

    /// A database with deployments as the steps before `before` knew them, brought up to date.
    async fn brought_up_to_date(url: &str, before: i64, statements: &[&'static str]) -> Backend {
        let backend = Backend::connect(url).await.unwrap();
        let early: Vec<Step> = STEPS.iter().copied().filter(|step| step.0 < before).collect();
        take(&backend, &early).await.unwrap();
        for statement in statements {
            backend.execute(Sql::new(*statement, Vec::new())).await.unwrap();
        }
        run(&backend).await.unwrap();
        backend
    }

    async fn texts(backend: &Backend, text: &'static str) -> Vec<String> {
        let rows: Vec<Row> = backend.fetch(Sql::new(text, Vec::new())).await.unwrap();
        rows.iter().map(|row| row.raw(0).unwrap()).collect()
    }

    #[tokio::test]
    async fn deployments_keep_what_they_declare() {
        let statements = [
            "INSERT INTO tenants (id, name) VALUES (7, 't')",
            "INSERT INTO users (id, username, password, created_at) VALUES (7, 'u', '', 0)",
            "INSERT INTO blueprints (storage_id, id, visibility, tenant_id, creator_id, created_at, state) \
             VALUES (7, 'b', 'tenant', 7, 7, 0, 'uploaded')",
            "INSERT INTO deployments (storage_id, id, visibility, tenant_id, creator_id, created_at, display_name, \
             blueprint_fk, workflows, policy_types) VALUES (1, 'none', 'tenant', 7, 7, 0, '', 7, NULL, NULL), \
             (2, 'a', 'tenant', 7, 7, 0, '', 7, '{\"w\":1}', NULL), (3, 'b', 'tenant', 7, 7, 0, '', 7, '{\"w\":1}', NULL), \
             (4, 'c', 'tenant', 7, 7, 0, '', 7, '{\"w\":1}', '{}')",
        ];
        let folder = tempfile::tempdir().unwrap();
        let lite = format!("sqlite://{}", folder.path().join("store.db").display());
        let database = Database::empty();
        for url in [&lite, database.url()] {
            let backend = brought_up_to_date(url, 13, &statements).await;
            let found = texts(
                &backend,
                "SELECT concat(r.id, ' ', r.workflows_fk = (SELECT workflows_fk FROM deployments WHERE id = 'a'), ' ', w.text, \
                 ' ', p.text) FROM deployments r LEFT JOIN deployment_texts w ON w.storage_id = r.workflows_fk \
                 LEFT JOIN deployment_texts p ON p.storage_id = r.policy_types_fk ORDER BY 1",
            )
            .await;
            let same = if backend.dialect() == Dialect::Pg { "t" } else { "1" };
            let with = |rest: &str| rest.replace('=', same);
            assert_eq!(
                found,
                [with("a = {\"w\":1} "), with("b = {\"w\":1} "), with("c = {\"w\":1} {}"), "none   ".to_owned()]
            );
            let added = "INSERT INTO deployment_texts (digest, text) VALUES ('x', '')";
            backend.execute(Sql::new(added, Vec::new())).await.unwrap();
            backend.close().await;
        }
    }
}
