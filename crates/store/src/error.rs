//! What can go wrong between the product and its database. The manager turns these into
//! `model::Error` in one place.

use nephele_model as model;

/// The result of every function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row that must be there is not, or not visible. Holds the model's name and the id.
    #[error("`{kind}` with ID `{id}` is not in the store")]
    NotFound {
        /// The model's name, such as `Deployment`.
        kind: &'static str,
        /// The id that was asked for.
        id: String,
    },
    /// A row with this key exists already.
    #[error("table {table} already has a row with this key")]
    Unique {
        /// The table whose constraint refused.
        table: String,
    },
    /// The row was changed by someone else since it was read.
    #[error("stored version {stored} is newer than the sent version {sent}")]
    Conflict {
        /// The version in the store.
        stored: i64,
        /// The version that the writer had read.
        sent: i64,
    },
    /// A list parameter that the resource does not know; ready to be shown.
    #[error(transparent)]
    Query(model::Error),
    /// The database URL cannot be used.
    #[error("{0}")]
    Url(String),
    /// A stored value is not what its column promises.
    #[error("column {column} holds {text:?}, which is not a value of it")]
    Decode {
        /// Position of the column in the statement.
        column: usize,
        /// What was found.
        text: String,
    },
    /// Stored JSON does not have the expected shape.
    #[error("stored JSON is not as expected: {0}")]
    Json(#[from] serde_json::Error),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Another process has taken over what this write is for.
    #[error("another process has taken this over")]
    Fenced,
    /// The database refused or could not be reached.
    #[error("the database failed: {0}")]
    Backend(#[source] sqlx::Error),
}

impl Error {
    /// Whether the same may well succeed in a moment: the database is busy, is starting anew, or cannot be reached.
    pub fn is_passing(&self) -> bool {
        use sqlx::Error as Cause;
        match self {
            Self::Backend(Cause::Database(told)) => told.code().is_some_and(|code| is_passing(&code)),
            Self::Backend(cause) => matches!(
                cause,
                Cause::Io(_) | Cause::Tls(_) | Cause::PoolTimedOut | Cause::PoolClosed | Cause::WorkerCrashed
            ),
            _ => false,
        }
    }
}

/// PostgreSQL's codes have five characters, the first two name the class: connections, rollbacks for others' sake,
/// resources, locks, operators, the system; one more is a transaction that did nothing for too long. SQLite's are numbers, whose last byte counts: busy, locked, out of memory,
/// disk errors, a full disk, a file that cannot be opened.
fn is_passing(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 5 | 6 | 7 | 10 | 13 | 14),
        _ => ["08", "25P03", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)),
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() => {
                Self::Unique { table: database.table().map_or_else(|| sqlite_table(database.message()), str::to_owned) }
            }
            _ => Self::Backend(error),
        }
    }
}

/// The table in SQLite's message, which ends with `: blueprints.id, blueprints.tenant_id`.
fn sqlite_table(message: &str) -> String {
    let columns = message.rsplit(": ").next().unwrap_or(message);
    columns.split('.').next().unwrap_or(columns).to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_passes_is_told_by_the_databases_codes() {
        for code in ["5", "517", "13", "08006", "25P03", "40001", "53300", "57P01"] {
            assert!(super::is_passing(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", "42P01"] {
            assert!(!super::is_passing(code), "{code}");
        }
    }

    #[test]
    fn the_table_is_read_from_sqlites_message() {
        assert_eq!(super::sqlite_table("UNIQUE constraint failed: blueprints.id, blueprints.tenant_id"), "blueprints");
    }
}
