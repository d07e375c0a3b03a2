//! What a REST record is made of: a table of fields per resource, each with its SQL and its kind.
//!
//! The field tables stand beside the tables they belong to (`RESOURCE` in [`crate::table`]'s
//! modules); [`crate::query`] turns them into one statement per request. In a field's SQL, `r` is
//! the resource's own row.

/// How a field looks in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number. Null reads 0 (spec rest-api.md section 1.11).
    Int,
    /// A truth value.
    Bool,
    /// A number.
    Float,
    /// JSON that is passed through as it stands.
    Json,
    /// Microseconds in the database, text on the wire.
    Time,
}

/// A column that points at a row of a table: the first at one of `r`, the next at one of that row.
pub(crate) type Hop = (&'static str, &'static str);

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The column that is named like the field.
    Own,
    /// This SQL.
    Sql(&'static str),
    /// A column of another row.
    Reference { path: &'static [Hop], column: &'static str },
    /// The text of `deployment_texts` that a column of `r` points at. Rows' texts hold its key alone: a page of rows that
    /// share it would be mostly copies.
    Shared { key: &'static str },
    /// The whole record that a column of `r` points at; all its fields null when there is none.
    Nested { key: &'static str, resource: &'static Resource },
    /// Only to filter by: the row is one of those that `members` selects where `column` is as wanted.
    Within { members: &'static str, column: &'static str },
}

/// A field of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    /// Whether `<name>_p` is a known name too: clients of old may ask for it, and get null.
    pub(crate) twin: bool,
    /// Whether lists can be filtered and sorted by it.
    pub(crate) queryable: bool,
    /// The key is there only in rows that satisfy this SQL.
    pub(crate) only_if: Option<&'static str>,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, source: Source::Own, twin: false, queryable: true, only_if: None }
}

pub(crate) const fn text(name: &'static str) -> Field {
    field(name, Kind::Text)
}

pub(crate) const fn int(name: &'static str) -> Field {
    field(name, Kind::Int)
}

pub(crate) const fn boolean(name: &'static str) -> Field {
    field(name, Kind::Bool)
}

pub(crate) const fn float(name: &'static str) -> Field {
    field(name, Kind::Float)
}

pub(crate) const fn json(name: &'static str) -> Field {
    field(name, Kind::Json)
}

pub(crate) const fn time(name: &'static str) -> Field {
    field(name, Kind::Time)
}

impl Field {
    pub(crate) const fn sql(mut self, sql: &'static str) -> Self {
        self.source = Source::Sql(sql);
        self
    }

    /// Taken from `column` of the row that `path` leads to.
    pub(crate) const fn of(mut self, path: &'static [Hop], column: &'static str) -> Self {
        self.source = Source::Reference { path, column };
        self
    }

    /// The shared text that this column of `r` points at.
    pub(crate) const fn shared(mut self, key: &'static str) -> Self {
        self.source = Source::Shared { key };
        self
    }

    pub(crate) const fn nested(mut self, key: &'static str, resource: &'static Resource) -> Self {
        self.source = Source::Nested { key, resource };
        self
    }

    /// A filter for rows whose key is among `members`, a `SELECT` without `WHERE`.
    pub(crate) const fn within(mut self, members: &'static str, column: &'static str) -> Self {
        self.source = Source::Within { members, column };
        self
    }

    pub(crate) const fn twin(mut self) -> Self {
        self.twin = true;
        self
    }

    /// Only to be shown, not to filter or sort by.
    pub(crate) const fn shown(mut self) -> Self {
        self.queryable = false;
        self
    }

    pub(crate) const fn only_if(mut self, condition: &'static str) -> Self {
        self.only_if = Some(condition);
        self
    }

    /// The value as SQL; references go through the join of [`join_alias`].
    pub(crate) fn value(&self) -> String {
        match self.source {
            Source::Own => format!("r.\"{}\"", self.name),
            Source::Sql(sql) => sql.to_owned(),
            Source::Reference { path, column } => format!("{}.{column}", join_alias(path)),
            Source::Shared { key } => {
                format!("(SELECT s.text FROM deployment_texts s WHERE s.storage_id = r.{key})")
            }
            Source::Nested { key, .. } => format!("r.{key}"),
            Source::Within { column, .. } => column.to_owned(),
        }
    }
}

/// The name under which the row at the end of a path is joined.
pub(crate) fn join_alias(path: &[Hop]) -> String {
    path.iter().fold("r".to_owned(), |alias, (key, _)| alias + "_" + key)
}

/// The integer key of a table.
pub(crate) fn key_column(table: &str) -> &'static str {
    if matches!(table, "tenants" | "users" | "certificates" | "roles") { "id" } else { "storage_id" }
}

/// The fields that every tenant's resource ends with.
pub(crate) const TENANT_NAME: Field = text("tenant_name").of(&[("tenant_id", "tenants")], "name");
pub(crate) const CREATED_BY: Field = text("created_by").of(&[("creator_id", "users")], "username");
pub(crate) const RESOURCE_AVAILABILITY: Field = text("resource_availability").sql("r.visibility");
pub(crate) const PRIVATE_RESOURCE: Field = boolean("private_resource").sql("(r.visibility = 'private')");

/// A field as records show it.
#[derive(Clone, Copy, Debug)]
pub struct ShownField {
    /// Its name.
    pub name: &'static str,
    /// How it looks.
    pub kind: Kind,
    /// The kind of record that it holds.
    pub record: Option<&'static Resource>,
    /// Whether every record has it.
    pub always: bool,
}

/// Which rows belong to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenancy {
    /// Rows have tenant, creator and visibility.
    Tenant,
    /// Rows belong to a user (`r.user_id`), who alone sees them.
    User,
    /// Rows belong to an execution (`r.execution_fk`) and are seen by who sees it.
    Execution,
    /// Everyone sees every row.
    Everyone,
}

/// A kind of record that can be listed: its table, its fields and its habits.
#[derive(Debug)]
pub struct Resource {
    /// The model's name, as "not found" messages show it.
    pub model: &'static str,
    pub(crate) table: &'static str,
    /// SQL of what [`crate::Store::get`] looks for.
    pub(crate) key: &'static str,
    pub(crate) fields: &'static [Field],
    /// Fields to filter by that are in no record.
    pub(crate) filters: &'static [Field],
    /// SQL that `_search` looks into.
    pub(crate) search: Option<&'static str>,
    /// SQL that the filter `_search_name` looks into; it adds to what `_search` finds.
    pub(crate) search_name: Option<&'static str>,
    pub(crate) tenancy: Tenancy,
    /// The last sort keys, always appended: SQL.
    pub(crate) order: &'static [&'static str],
    /// A condition that holds unless the list is filtered by this field.
    pub(crate) unless_filtered: Option<(&'static str, &'static str)>,
    /// The table of its labels, for filter rules and sort keys.
    pub(crate) labels: Option<&'static str>,
    /// The attributes that filter rules may look at.
    pub(crate) rules: &'static [&'static str],
}

impl Resource {
    /// A tenant's resource with id and `created_at`.
    pub(crate) const fn new(model: &'static str, table: &'static str, fields: &'static [Field]) -> Self {
        Self {
            model,
            table,
            key: "r.id",
            fields,
            filters: &[],
            search: Some("r.id"),
            search_name: None,
            tenancy: Tenancy::Tenant,
            order: &["r.created_at", "r.storage_id"],
            unless_filtered: None,
            labels: None,
            rules: &[],
        }
    }

    /// The names of all fields but these.
    pub fn fields_without(&self, left_out: &[&str]) -> Vec<String> {
        let names = self.fields.iter().map(|field| field.name);
        names.filter(|name| !left_out.contains(name)).map(str::to_owned).collect()
    }

    /// The name of its table, as refusals of filter rules show it.
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The attributes that filter rules may look at, in the order in which refusals name them.
    pub const fn rule_attributes(&self) -> &'static [&'static str] {
        self.rules
    }

    /// The fields of its records, for those who describe them.
    pub fn shown(&self) -> impl Iterator<Item = ShownField> + use<> {
        self.fields.iter().map(|field| ShownField {
            name: field.name,
            kind: field.kind,
            record: match field.source {
                Source::Nested { resource, .. } => Some(resource),
                _ => None,
            },
            always: field.only_if.is_none(),
        })
    }

    /// The fields that lists can be filtered by, in the order of their names.
    pub fn filters(&self) -> Vec<&'static str> {
        let own = self.fields.iter().filter(|field| field.queryable);
        let mut names: Vec<_> = own.chain(self.filters).map(|field| field.name).collect();
        names.retain(|name| !name.starts_with('_'));
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}
