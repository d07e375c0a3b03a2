//! Both databases end with the same schema: tables, columns, nullability, keys, references.

use std::collections::BTreeSet;

use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};

use crate::house::open;

const SQLITE_COLUMNS: &str = "SELECT t.name || '.' || c.name || ' ' || \
    CASE WHEN c.type = 'INTEGER' THEN 'BIGINT' ELSE upper(c.type) END || \
    CASE WHEN c.\"notnull\" OR c.pk THEN ' NOT NULL' ELSE '' END \
    FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE '%sql%'";
const PG_COLUMNS: &str = "SELECT table_name || '.' || column_name || ' ' || upper(data_type) || \
    CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END \
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";

const SQLITE_REFERENCES: &str = "SELECT t.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\" || ' ' || \
    f.on_delete FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'";
const PG_REFERENCES: &str = "SELECT c.conrelid::regclass || '.' || a.attname || ' -> ' || c.confrelid::regclass || '.' || \
    b.attname || ' ' || CASE c.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' ELSE 'NO ACTION' END \
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] \
    JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1] WHERE c.contype = 'f'";

/// Indexes and uniques by their columns; primary keys that are the row's own integer differ by nature.
const SQLITE_INDEXES: &str = "SELECT t.name || '(' || (SELECT group_concat(i.name, ', ' ORDER BY i.seqno) \
    FROM pragma_index_info(x.name) i) || ')' || CASE WHEN x.\"unique\" THEN ' UNIQUE' ELSE '' END \
    FROM sqlite_master t JOIN pragma_index_list(t.name) x WHERE t.type = 'table' AND t.name NOT LIKE '%sql%'";
const PG_INDEXES: &str = "SELECT x.indrelid::regclass || '(' || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
    FROM unnest(x.indkey) WITH ORDINALITY k (number, place) \
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number) || ')' || \
    CASE WHEN x.indisunique THEN ' UNIQUE' ELSE '' END \
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = 'public' AND c.relname NOT LIKE '\\_sqlx%' \
    AND NOT (x.indisprimary AND x.indnatts = 1 AND EXISTS (SELECT 1 FROM pg_attribute a \
    WHERE a.attrelid = x.indrelid AND a.attnum = x.indkey[0] AND a.attidentity <> ''))";

#[tokio::test]
async fn the_schemas_are_alike() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("store.db").display().to_string();
    let lite = open(&format!("sqlite://{path}")).await;
    let database = nephele_testkit::postgres::Database::empty();
    let pg = open(database.url()).await;

    let mut lite_raw = SqliteConnection::connect(&format!("sqlite://{path}")).await.expect("a connection");
    let mut pg_raw = PgConnection::connect(database.url()).await.expect("a connection");
    let pairs = [
        ("columns", SQLITE_COLUMNS, PG_COLUMNS),
        ("references", SQLITE_REFERENCES, PG_REFERENCES),
        ("indexes", SQLITE_INDEXES, PG_INDEXES),
    ];
    for (what, lite_sql, pg_sql) in pairs {
        let rows = sqlx::query(lite_sql).fetch_all(&mut lite_raw).await.expect("SQLite's answer");
        let on_lite: BTreeSet<String> = rows.iter().map(|row| row.get::<String, _>(0).replace('"', "")).collect();
        let rows = sqlx::query(pg_sql).fetch_all(&mut pg_raw).await.expect("PostgreSQL's answer");
        let on_pg: BTreeSet<String> = rows.iter().map(|row| row.get::<String, _>(0).replace('"', "")).collect();
        assert!(on_lite.len() > 20, "{what} of SQLite were found");
        // PostgreSQL's triggers learn who writes from settings of the transaction, SQLite's from this table. A unique column
        // of PostgreSQL locks rows against those who refer to them.
        let is_meant = |found: &&String| {
            !found.starts_with("audit_actor") && !found.starts_with("deployments(latest_execution_fk)")
        };
        let only_lite: Vec<_> = on_lite.difference(&on_pg).filter(is_meant).collect();
        let only_pg: Vec<_> = on_pg.difference(&on_lite).filter(is_meant).collect();
        assert!(only_lite.is_empty() && only_pg.is_empty(), "{what}: SQLite {only_lite:#?}, PostgreSQL {only_pg:#?}");
    }
    // What parts of snapshots go by.
    let known = nephele_store::references(&lite.store).await.expect("SQLite's references");
    assert!(known.len() > 90 && known.iter().any(|reference| reference.belongs && !reference.is_needed), "{known:?}");
    let of_pg = nephele_store::references(&pg.store).await.expect("PostgreSQL's references");
    let sorted = |all: &[nephele_store::Reference]| -> BTreeSet<String> {
        all.iter().map(|reference| format!("{reference:?}")).collect()
    };
    assert_eq!(sorted(&known), sorted(&of_pg));
    pg_raw.close().await.expect("the connection closes");
    lite.store.close().await;
    pg.store.close().await;
}

/// SQLite looks at what a trigger names only when a statement would set it off.
#[tokio::test]
async fn every_trigger_names_columns_that_are_there() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let house = open(&url).await;
    let mut raw = SqliteConnection::connect(&url).await.expect("a connection");
    let tables = "SELECT t.name, (SELECT name FROM pragma_table_info(t.name) LIMIT 1) FROM sqlite_master t \
                  WHERE t.type = 'table' AND t.name NOT LIKE '%sql%'";
    let tables = sqlx::query(tables).fetch_all(&mut raw).await.expect("the tables");
    assert!(tables.len() > 30);
    for row in tables {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        for statement in [
            format!("EXPLAIN DELETE FROM \"{table}\""),
            format!("EXPLAIN INSERT INTO \"{table}\" SELECT * FROM \"{table}\""),
            format!("EXPLAIN UPDATE \"{table}\" SET \"{column}\" = \"{column}\""),
        ] {
            let explained = sqlx::query(sqlx::AssertSqlSafe(statement.clone())).fetch_all(&mut raw).await;
            assert!(explained.is_ok(), "{statement}: {explained:?}");
        }
    }
    house.store.close().await;
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let first = open(&url).await;
    let row = {
        let tx = first.store.begin().await.expect("a transaction");
        nephele_store::settings::put(&tx, "salt", "s").await.expect("a setting");
        tx.commit().await
    };
    assert!(row.is_ok());
    first.store.close().await;
    let second = open(&url).await;
    assert_eq!(nephele_store::settings::get(&second.store, "salt").await.expect("a setting").as_deref(), Some("s"));
}
