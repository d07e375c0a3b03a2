//! Whole tables from JSON, row by row: the other end of [`crate::dump`], by which a snapshot is restored.
//!
//! Invariant: a [`Load`] is one transaction. Until what [`Load::finish`] gives is committed everybody else sees what was
//! there before, and nothing of the load is left when it is dropped. The audit log does not note single rows
//! meanwhile, and what points where (foreign keys) is checked at the end.

use nephele_model::Error as Refusal;
use nephele_model::id::{TenantName, Username};
use serde_json::{Map, Value};

use crate::backend::{Dialect, Sql};
use crate::bootstrap;
use crate::column::Column as _;
use crate::db::{Db, Tx};
use crate::dump::{columns, row_text, tables};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::table::{config, tenants, users};

/// Tables that belong to a manager's processes, to its machine or to its own memory: no load replaces them.
const KEPT: [&str; 10] = [
    "audit_actor",
    "audit_log",
    "certificates",
    "db_nodes",
    "licenses",
    "maintenance_mode",
    "managers",
    "processes",
    "rabbitmq_brokers",
    "settings",
];

/// Tables of processes that do not live any more, and of who writes: they come into no other database.
const PASSING: [&str; 2] = ["audit_actor", "processes"];

/// Tables with many rows, those of other rows first.
const LARGE: [&str; 6] = ["events", "operations", "tasks_graphs", "node_instances", "nodes", "executions"];

/// Replaces what the database holds.
pub struct Load {
    tx: Tx,
    /// What must be made again at the end.
    afterwards: Vec<String>,
    tables: Vec<String>,
    /// Settings that follow from the machine.
    fixed: Vec<config::Setting>,
    /// Whether texts stay as they are, come what may.
    is_faithful: bool,
}

/// A row that is taken over into what is loaded, with its owners by name.
pub struct Carried {
    table: &'static str,
    row: Map<String, Value>,
    tenant: TenantName,
    creator: Username,
}

impl Carried {
    /// The row, to be changed.
    pub fn row(&mut self) -> &mut Map<String, Value> {
        &mut self.row
    }
}

impl Load {
    /// Begins. Nothing is gone yet.
    pub async fn begin(store: &Store) -> Result<Self> {
        let tx = store.begin().await?;
        let mut tables: Vec<String> =
            tables(&tx).await?.into_iter().filter(|table| !KEPT.contains(&table.as_str())).collect();
        // What many rows of others belong to goes after them, not with each of them.
        tables.sort_by_key(|table| LARGE.iter().position(|large| large == table).unwrap_or(LARGE.len()));
        let fixed = config::all(&tx).await?.into_iter().filter(|setting| !setting.is_editable).collect();
        Ok(Self { tx, afterwards: Vec::new(), tables, fixed, is_faithful: false })
    }

    /// Begins to fill a database that holds nothing: every table, and every text as it stands elsewhere.
    pub async fn whole(store: &Store) -> Result<Self> {
        let tx = store.begin().await?;
        let tables = fillable(&tx).await?;
        Ok(Self { tx, afterwards: Vec::new(), tables, fixed: Vec::new(), is_faithful: true })
    }

    /// The transaction.
    pub const fn tx(&self) -> &Tx {
        &self.tx
    }

    /// Leaves tables as they are.
    pub fn spare(&mut self, tables: &[&str]) {
        self.tables.retain(|table| !tables.contains(&table.as_str()));
    }

    /// The tables that are replaced.
    pub fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Notes rows of a table of tenants' resources that are to outlive the load: all, or the one with this id.
    pub async fn carry(&self, table: &'static str, id: Option<&str>) -> Result<Vec<Carried>> {
        let row = row_text(self.tx.dialect(), &columns(&self.tx, table).await?);
        let text = format!(
            "SELECT {row}, t.name, u.username FROM {table} r JOIN tenants t ON t.id = r.tenant_id \
             JOIN users u ON u.id = r.creator_id WHERE coalesce($1, r.id) = r.id ORDER BY r.storage_id"
        );
        let rows = self.tx.fetch(Sql::new(text, vec![id.map(str::to_owned).into()])).await?;
        let carried = |row: &crate::backend::Row| {
            let value: String = row.raw(0)?;
            Ok(Carried {
                table,
                row: serde_json::from_str(&value).unwrap_or_default(),
                tenant: TenantName::read(row, 1)?,
                creator: Username::read(row, 2)?,
            })
        };
        rows.iter().map(carried).collect()
    }

    /// Removes everything that is to be replaced.
    pub async fn clear(&mut self) -> Result<()> {
        let db: &dyn Db = &self.tx;
        if db.dialect() == Dialect::Lite {
            db.run("PRAGMA defer_foreign_keys = ON", Vec::new()).await?;
            let triggers =
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit\\_%' ESCAPE '\\'";
            for (name, sql) in db.all::<(String, String)>(triggers.to_owned(), Vec::new()).await? {
                run(db, format!("DROP TRIGGER {name}")).await?;
                self.afterwards.push(sql);
            }
            for table in &self.tables {
                run(db, format!("DELETE FROM {table}")).await?;
            }
            return Ok(());
        }
        db.run("SET CONSTRAINTS ALL DEFERRED", Vec::new()).await?;
        db.run("SELECT set_config('nephele.loading', 'on', true)", Vec::new()).await?;
        for table in &self.tables {
            run(db, format!("DELETE FROM {table}")).await?;
        }
        Ok(())
    }

    /// Inserts rows with the columns of the first one. `table` is one of [`Self::tables`].
    pub async fn insert(&self, table: &str, rows: &[Map<String, Value>]) -> Result<()> {
        let Some(first) = rows.first() else { return Ok(()) };
        let db: &dyn Db = &self.tx;
        let known = columns(db, table).await?;
        if let Some(name) = first.keys().find(|name| !known.iter().any(|column| column.name == **name)) {
            let message = format!("`{table}` has no column `{name}`: the rows are of another version");
            return Err(Error::Query(Refusal::bad_parameters(message)));
        }
        let names: Vec<&str> =
            known.iter().map(|column| column.name.as_str()).filter(|name| first.contains_key(*name)).collect();
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let quoted = quoted.join(", ");
        let text = match db.dialect() {
            Dialect::Pg => format!(
                "INSERT INTO {table} ({quoted}) SELECT {quoted} \
                 FROM json_populate_recordset(CAST(NULL AS {table}), CAST($1 AS JSON))"
            ),
            Dialect::Lite => {
                let values: Vec<String> =
                    names.iter().map(|name| format!("json_extract(value, '$.\"{name}\"')")).collect();
                format!("INSERT INTO {table} ({quoted}) SELECT {} FROM json_each($1)", values.join(", "))
            }
        };
        let mut json = serde_json::to_string(rows).unwrap_or_default();
        if !self.is_faithful && db.dialect() == Dialect::Pg && json.contains("\\u0000") {
            // PostgreSQL has no text with this character.
            let cleaned: Vec<Map<String, Value>> = rows.iter().cloned().map(without_nul).collect();
            json = serde_json::to_string(&cleaned).unwrap_or_default();
        }
        db.execute(Sql::once(text, vec![json.into()])).await.map(drop)
    }

    /// Has new rows numbered behind those that were loaded. To be called when all are.
    pub async fn number_on(&self) -> Result<()> {
        let db: &dyn Db = &self.tx;
        if db.dialect() == Dialect::Lite {
            return Ok(());
        }
        let counted = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns \
                       WHERE table_schema = current_schema() AND is_identity = 'YES'";
        for (table, column) in db.all::<(String, String)>(counted.to_owned(), Vec::new()).await? {
            let sequence = format!("pg_get_serial_sequence('{table}', '{column}')");
            let text = format!(
                "SELECT setval({sequence}, greatest(nextval({sequence}), (SELECT max({column}) FROM {table})))"
            );
            db.fetch(Sql::once(text, Vec::new())).await?;
        }
        Ok(())
    }

    /// Inserts a row that was noted. Its owners are those of the same names, or the first tenant and administrator.
    pub async fn put_back(&self, carried: Carried) -> Result<()> {
        let Carried { table, mut row, tenant, creator } = carried;
        let tenant = tenants::by_name(&self.tx, &tenant).await?.map_or(tenants::DEFAULT_TENANT_ID, |row| row.id);
        let creator = users::by_name(&self.tx, &creator).await?.map_or(users::ADMIN_ID, |row| row.id);
        row.insert("tenant_id".to_owned(), tenant.into());
        row.insert("creator_id".to_owned(), creator.into());
        self.insert(table, &[row]).await
    }

    /// Adds what every installation has and the archive may lack: roles, settings, the manager's own filters. What
    /// follows from the machine is as it was.
    pub async fn complete(&self) -> Result<()> {
        bootstrap::complete(&self.tx).await?;
        for setting in &self.fixed {
            config::set_fixed(&self.tx, &setting.scope, &setting.name, &setting.value).await?;
        }
        Ok(())
    }

    /// Checks that everything points to something, and gives the transaction to be committed.
    pub async fn finish(self) -> Result<Tx> {
        self.number_on().await?;
        if self.tx.dialect() == Dialect::Pg {
            run(&self.tx, "SET CONSTRAINTS ALL IMMEDIATE".to_owned()).await?;
        }
        for text in self.afterwards {
            run(&self.tx, text).await?;
        }
        Ok(self.tx)
    }
}

/// The tables that [`Load::whole`] fills.
async fn fillable(db: &dyn Db) -> Result<Vec<String>> {
    Ok(tables(db).await?.into_iter().filter(|table| !PASSING.contains(&table.as_str())).collect())
}

/// A table with a row in it, if there is one that [`Load::whole`] would fill.
pub async fn occupied(db: &dyn Db) -> Result<Option<String>> {
    for table in fillable(db).await? {
        let found: Option<(i64,)> =
            db.first(format!("SELECT CAST(1 AS BIGINT) FROM {table} LIMIT 1"), Vec::new()).await?;
        if found.is_some() {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

async fn run(db: &dyn Db, text: String) -> Result<()> {
    db.execute(Sql::once(text, Vec::new())).await.map(drop)
}

fn without_nul(row: Map<String, Value>) -> Map<String, Value> {
    let clean = |value| match value {
        Value::String(text) => Value::String(text.replace('\0', "\u{fffd}").replace("\\u0000", "\\ufffd")),
        other => other,
    };
    row.into_iter().map(|(name, value)| (name, clean(value))).collect()
}
