//! The audit log's triggers: the database itself notes every change of the tables in [`AUDITED`], so
//! that no statement can be forgotten.
//!
//! Invariant: each table is either audited or named in [`NOT_AUDITED`] with a reason; a test looks at
//! the schema. The rows are read and sealed by [`crate::audit_log`]. Source of the tables and their
//! identifiers: spec rest-api.md section 2.14; memberships, settings, tokens, brokers and database nodes are
//! added, since they decide who may do what.

use crate::backend::{Backend, Dialect, Open, Sql};
use crate::column::{Bind as _, Column as _};
use crate::db::Db;
use crate::error::Result;

/// A table whose changes are logged. In expressions `@` stands for the changed row.
struct Audited {
    table: &'static str,
    /// SQL of the row's key, an integer.
    key: &'static str,
    /// The name of what people know the row by, and its SQL.
    identifier: (&'static str, &'static str),
    has_tenant: bool,
    /// Columns whose updates are news; empty for all.
    news: &'static str,
}

const fn of_tenant(table: &'static str) -> Audited {
    Audited { table, key: "@.storage_id", identifier: ("id", "@.id"), has_tenant: true, news: "" }
}

const fn plain(table: &'static str) -> Audited {
    Audited { table, key: "@.id", identifier: ("id", "@.id"), has_tenant: false, news: "" }
}

impl Audited {
    const fn known_by(mut self, name: &'static str, sql: &'static str) -> Self {
        self.identifier = (name, sql);
        self
    }

    const fn key(mut self, sql: &'static str) -> Self {
        self.key = sql;
        self
    }

    const fn in_tenant(mut self) -> Self {
        self.has_tenant = true;
        self
    }

    const fn news(mut self, columns: &'static str) -> Self {
        self.news = columns;
        self
    }

    /// The values of an entry, after the table's name and before the operation.
    fn values(&self, row: &str) -> String {
        let (name, sql) = self.identifier;
        let tenant = if self.has_tenant { "@.tenant_id" } else { "NULL" };
        let text = format!("{}, {tenant}, concat('{{\"{name}\":', json_quote(CAST({sql} AS TEXT)), '}}')", self.key);
        text.replace('@', row)
    }
}

const AUDITED: &[Audited] = &[
    of_tenant("agents"),
    of_tenant("blueprints"),
    of_tenant("blueprints_filters"),
    plain("blueprints_labels"),
    plain("certificates"),
    plain("config").key("0").known_by("name", "concat(@.scope, '.', @.name)"),
    plain("db_nodes").key("0").known_by("name", "@.name"),
    of_tenant("deployment_groups"),
    plain("deployment_groups_deployments"),
    plain("deployment_groups_labels"),
    of_tenant("deployment_modifications"),
    of_tenant("deployment_update_steps"),
    of_tenant("deployment_updates"),
    of_tenant("deployments"),
    of_tenant("deployments_filters"),
    plain("deployments_labels"),
    of_tenant("execution_groups"),
    plain("execution_groups_executions"),
    of_tenant("execution_schedules"),
    of_tenant("executions").news("status, error, visibility, creator_id"),
    plain("groups"),
    plain("groups_tenants").key("@.group_id").known_by("id", "@.group_id").in_tenant(),
    of_tenant("inter_deployment_dependencies"),
    plain("licenses"),
    of_tenant("log_bundles"),
    plain("maintenance_mode"),
    plain("managers").news("hostname, private_ip, public_ip, version, networks, certificate_fk, fs_sync_node_id"),
    of_tenant("node_instances"),
    of_tenant("nodes"),
    plain("permissions"),
    of_tenant("plugins"),
    plain("plugins_states").key("@.storage_id").known_by("storage_id", "@.storage_id"),
    of_tenant("plugins_updates"),
    plain("rabbitmq_brokers").key("0").known_by("name", "@.name"),
    plain("roles"),
    of_tenant("secrets"),
    of_tenant("secrets_providers"),
    of_tenant("sites").known_by("name", "@.name"),
    of_tenant("snapshots"),
    of_tenant("tasks_graphs"),
    plain("tenants").known_by("name", "@.name"),
    plain("tokens").key("@.user_id").news("description, expiration_date"),
    plain("users").known_by("username", "@.username"),
    plain("users_groups").key("@.user_id").known_by("id", "@.group_id"),
    plain("users_tenants").key("@.user_id").known_by("id", "@.tenant_id").in_tenant(),
];

/// Tables whose changes are not logged, and why.
#[cfg(test)]
const NOT_AUDITED: &[(&str, &str)] = &[
    ("audit_actor", "says who writes"),
    ("audit_log", "is the log"),
    ("deployment_texts", "are parts of deployments, whose changes are logged"),
    ("events", "are themselves a log"),
    ("hooks", "hold events on their way"),
    ("operations", "are the engine's journal: each row tells its own history, and events tell it to people"),
    ("outbox", "holds messages on their way"),
    ("phases", "are the engine's notes on how far an execution has come"),
    ("preferences", "are what people like to see, and change nothing for anybody else"),
    ("processes", "say that they live, every few seconds"),
    ("provider_context", "is the constant answer of one route"),
    ("settings", "are the manager's own notes"),
];

/// The first table of tenants' resources with a row whose `column` is `owner`. Of executions only those
/// count that have not ended: history holds nobody.
pub(crate) async fn first_held(db: &dyn Db, column: &str, owner: i64) -> Result<Option<&'static str>> {
    let tables = AUDITED.iter().filter(|audited| audited.has_tenant && audited.key == "@.storage_id");
    for table in tables.map(|audited| audited.table).filter(|table| *table != "tasks_graphs") {
        let open = match table {
            "executions" => " AND r.status NOT IN ('terminated', 'failed', 'cancelled')",
            _ => "",
        };
        let text = format!("SELECT 1 FROM {table} r WHERE r.{column} = $1{open} LIMIT 1");
        if !db.fetch(Sql::new(text, vec![owner.bind()])).await?.is_empty() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// Brings the triggers in line with [`AUDITED`].
pub(crate) async fn install(backend: &Backend) -> Result<()> {
    let dialect = backend.dialect();
    let wanted: Vec<String> = AUDITED.iter().flat_map(|table| statements(table, dialect)).collect();
    let text = wanted.join("\n");
    let stored = "SELECT value FROM settings WHERE key = 'audit_triggers'";
    let found = backend.fetch(Sql::new(stored, Vec::new())).await?;
    let known = found.first().map(|row| String::read(row, 0)).transpose()?;
    let present = backend.fetch(Sql::new(names(dialect), Vec::new())).await?;
    let triggers = wanted.iter().filter(|statement| statement.starts_with("CREATE TRIGGER")).count();
    if known.as_ref() == Some(&text) && present.len() == triggers {
        return Ok(());
    }
    let mut tx = backend.begin().await?;
    if dialect == Dialect::Pg {
        // Another manager may be starting too.
        run(&mut tx, "SELECT pg_advisory_xact_lock(hashtextextended('audit triggers', 0))".to_owned()).await?;
    }
    for row in tx.fetch(Sql::new(names(dialect), Vec::new())).await? {
        let (name, table) = (String::read(&row, 0)?, String::read(&row, 1)?);
        let on = if dialect == Dialect::Pg { format!(" ON {table}") } else { String::new() };
        run(&mut tx, format!("DROP TRIGGER {name}{on}")).await?;
    }
    for statement in wanted {
        run(&mut tx, statement).await?;
    }
    let note = "INSERT INTO settings (key, value) VALUES ('audit_triggers', $1) \
                ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.execute(Sql::new(note, vec![text.bind()])).await?;
    tx.commit().await
}

async fn run(tx: &mut Open, text: String) -> Result<()> {
    tx.execute(Sql::once(text, Vec::new())).await.map(drop)
}

/// The audit triggers that the database has: name and table.
const fn names(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Lite => "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'",
        Dialect::Pg => {
            "SELECT t.tgname::text, c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid \
             WHERE t.tgname LIKE 'audit_%'"
        }
    }
}

const INTO: &str = "INSERT INTO audit_log (ref_table, ref_id, tenant_id, ref_identifier, operation, creator_name, \
                    execution_id, created_at) VALUES";

fn statements(audited: &Audited, dialect: Dialect) -> Vec<String> {
    let table = audited.table;
    let of = if audited.news.is_empty() { String::new() } else { format!(" OF {}", audited.news) };
    if dialect == Dialect::Pg {
        let function = format!(
            "CREATE OR REPLACE FUNCTION audit_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r RECORD; BEGIN \
             IF TG_OP = 'DELETE' THEN r := OLD; ELSE r := NEW; END IF; \
             {INTO} ('{table}', {}, \
             CASE TG_OP WHEN 'INSERT' THEN 'create' WHEN 'UPDATE' THEN 'update' ELSE 'delete' END, \
             nullif(current_setting('nephele.username', true), ''), \
             nullif(current_setting('nephele.execution_id', true), ''), \
             CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)); RETURN NULL; END $$",
            audited.values("r")
        );
        let trigger = format!(
            "CREATE TRIGGER audit_{table} AFTER INSERT OR DELETE OR UPDATE{of} ON {table} \
             FOR EACH ROW WHEN (current_setting('nephele.loading', true) IS DISTINCT FROM 'on') \
             EXECUTE FUNCTION audit_{table}()"
        );
        return vec![function, trigger];
    }
    let trigger = |when: &str, operation: &str, row: &str| {
        format!(
            "CREATE TRIGGER audit_{table}_{operation} AFTER {when} ON {table} BEGIN {INTO} ('{table}', {}, \
             '{operation}', (SELECT creator_name FROM audit_actor), (SELECT execution_id FROM audit_actor), \
             CAST(unixepoch('subsec') * 1000000 AS INTEGER)); END",
            audited.values(row)
        )
    };
    vec![
        trigger("INSERT", "create", "NEW"),
        trigger(&format!("UPDATE{of}"), "update", "NEW"),
        trigger("DELETE", "delete", "OLD"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{AUDITED, NOT_AUDITED};

    #[test]
    fn every_table_is_decided_upon() {
        let schema = concat!(
            include_str!("../migrations/sqlite/0001_init.sql"),
            include_str!("../migrations/sqlite/0002_phases.sql"),
            include_str!("../migrations/sqlite/0005_leases.sql"),
            include_str!("../migrations/pg/0006_hooks.sql"),
            include_str!("../migrations/pg/0013_deployment_texts.sql"),
            include_str!("../migrations/pg/0014_outcomes.sql"),
            include_str!("../migrations/pg/0015_scheduled_snapshots.sql"),
            include_str!("../migrations/pg/0016_preferences.sql")
        );
        let tables: BTreeSet<&str> =
            schema.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.strip_suffix(" (")).collect();
        let decided: BTreeSet<&str> =
            AUDITED.iter().map(|audited| audited.table).chain(NOT_AUDITED.iter().map(|(table, _)| *table)).collect();
        assert_eq!(tables, decided, "add new tables to AUDITED, or to NOT_AUDITED with a reason");
    }
}
