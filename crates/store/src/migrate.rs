//! Brings a database's schema up to date: `migrations/{sqlite,pg}/NNNN_name.sql`, in order, each
//! once. A change of the schema is a new file in both folders; a test compares the results.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::backend::Backend;
use crate::error::Result;

/// Number, description, SQLite's text, PostgreSQL's text.
const STEPS: &[(i64, &str, &str, &str)] = &[
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
];

pub(crate) async fn run(backend: &Backend) -> Result<()> {
    match backend {
        Backend::Pg(pool) => migrator(|step| step.3).run(pool).await?,
        Backend::Lite { writer, .. } => migrator(|step| step.2).run(writer).await?,
    }
    Ok(())
}

fn migrator(text: impl Fn(&(i64, &'static str, &'static str, &'static str)) -> &'static str) -> Migrator {
    let migration = |step: &(i64, &'static str, &'static str, &'static str)| {
        let sql = AssertSqlSafe(text(step)).into_sql_str();
        Migration::new(step.0, Cow::Borrowed(step.1), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.iter().map(migration).collect())
}
