//! Where the store's world meets the callers': scopes from contexts, errors from failures, and the
//! lists that need no rule beyond rights.
//!
//! Invariant: a [`store::Error`](nephele_store::Error) becomes a [`model::Error`](nephele_model::Error)
//! here and nowhere else.

use std::borrow::Cow;

use nephele_model::id::TenantName;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Visibility};
use nephele_store::scope::taken;
use nephele_store::{Db, Record, Resource, Scope, Tx, tenants};
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;

use crate::{Ctx, Manager};

/// The answer to a failure of the store.
pub(crate) fn failed(error: nephele_store::Error) -> Error {
    use nephele_store::Error as Failure;
    match error {
        Failure::NotFound { kind, id } => Error::not_found(kind, id),
        Failure::Unique { ref table } => {
            Error::conflict(format!("An entry with the same key already exists in {table}")).with_source(error)
        }
        Failure::Conflict { stored, sent } => {
            Error::conflict(format!("Node instance update conflict [current version={stored}, update version={sent}]"))
        }
        Failure::Query(error) => error,
        other => Error::internal(other),
    }
}

/// Whether a failure is the database's and says nothing of what was tried: that may be tried again as it is, here or by
/// the process that has taken it over.
pub(crate) fn is_passing(error: &Error) -> bool {
    cause(error).is_some_and(nephele_store::Error::is_passing) || is_fenced(error)
}

/// Whether a failure says that another process has taken over what was tried.
pub(crate) fn is_fenced(error: &Error) -> bool {
    matches!(cause(error), Some(nephele_store::Error::Fenced))
}

/// The store's failure behind one.
fn cause(error: &Error) -> Option<&nephele_store::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

impl Manager {
    /// One page of a resource's records, as the caller may see them.
    pub async fn list(&self, ctx: &Ctx, resource: &Resource, query: &ListQuery) -> Result<Page<Record>> {
        let scope = self.scope(ctx, query.all_tenants).await?;
        self.store.list(resource, &scope, &searched(query)).await.map_err(failed)
    }

    /// One record. Error: `not_found_error` when the caller cannot see it.
    pub async fn get(&self, ctx: &Ctx, resource: &Resource, key: &str, include: Option<&[String]>) -> Result<Record> {
        let scope = self.scope(ctx, false).await?;
        let record = self.store.get(resource, &scope, key, include).await.map_err(failed)?;
        record.ok_or_else(|| Error::not_found(resource.model, key))
    }

    /// Like [`Self::list`], for what belongs to no tenant.
    pub(crate) async fn list_shared(&self, ctx: &Ctx, resource: &Resource, query: &ListQuery) -> Result<Page<Record>> {
        self.store.list(resource, &shared(ctx), query).await.map_err(failed)
    }

    /// Like [`Self::get`], for what belongs to no tenant; `None` when it is not there.
    pub(crate) async fn get_shared(
        &self,
        ctx: &Ctx,
        resource: &Resource,
        key: &str,
        include: Option<&[String]>,
    ) -> Result<Option<Record>> {
        self.store.get(resource, &shared(ctx), key, include).await.map_err(failed)
    }

    /// Like [`Self::list_shared`], with each record as an object beside the text of its field `key`,
    /// which is there even if it was not asked for.
    pub(crate) async fn list_with(
        &self,
        ctx: &Ctx,
        resource: &Resource,
        query: &ListQuery,
        key: &str,
    ) -> Result<Page<(String, Map<String, Value>)>> {
        let mut query = query.clone();
        let added = query.include.as_mut().filter(|include| !include.iter().any(|field| field == key));
        let added = added.map(|include| include.push(key.to_owned())).is_some();
        let page = self.list_shared(ctx, resource, &query).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            let Value::Object(mut record) = record.value().map_err(failed)? else { continue };
            let name = record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            if added {
                record.shift_remove(key);
            }
            items.push((name, record));
        }
        Ok(Page { items, total: page.total, size: page.size, offset: page.offset, filtered: page.filtered })
    }

    /// What the caller sees. Error: `forbidden_error` when no tenant was named.
    pub(crate) async fn scope(&self, ctx: &Ctx, all_tenants: bool) -> Result<Scope> {
        let tenant_name = ctx.tenant()?.clone();
        let tenant_id = ctx.tenant_id.unwrap_or_default();
        if let Some(permission) = ctx.over_tenants.filter(|_| !all_tenants) {
            // Rights in another tenant let nobody in here.
            ctx.demand(permission)?;
        }
        let covered: Vec<i64> = match all_tenants {
            false => Vec::new(),
            true if ctx.may(Permission::AllTenants) => {
                let all = tenants::all(&*self.store).await.map_err(failed)?;
                all.into_iter().map(|tenant| tenant.id).collect()
            }
            true => {
                let holds = |id: &i64| ctx.over_tenants.is_none_or(|permission| ctx.may_in(*id, permission));
                ctx.own_tenants.iter().map(|(_, id, _)| *id).filter(holds).collect()
            }
        };
        let all_tenants = covered.into_iter().map(|id| (id, ctx.may_in(id, Permission::Administrators))).collect();
        Ok(Scope {
            tenant_id,
            tenant_name,
            user_id: ctx.user_id,
            is_administrator: ctx.is_administrator(),
            all_tenants,
        })
    }

    /// A transaction.
    pub(crate) async fn begin_write(&self) -> Result<Tx> {
        self.store.begin().await.map_err(failed)
    }
}

/// The same list with its searched text in the Unicode form in which names and labels are kept.
fn searched(query: &ListQuery) -> Cow<'_, ListQuery> {
    match &query.search {
        Some(text) if !text.is_ascii() => {
            Cow::Owned(ListQuery { search: Some(text.nfkc().collect()), ..query.clone() })
        }
        _ => Cow::Borrowed(query),
    }
}

/// The scope of what belongs to users or to everyone; no tenant has this key.
fn shared(ctx: &Ctx) -> Scope {
    Scope {
        tenant_id: -1,
        tenant_name: TenantName::new(""),
        user_id: ctx.user_id,
        is_administrator: ctx.is_administrator(),
        all_tenants: Vec::new(),
    }
}

/// Refuses an id that is taken in the tenant or globally, in the wording that clients know.
pub(crate) async fn demand_free(
    db: &dyn Db,
    resource: &Resource,
    table: &'static str,
    id: &str,
    scope: &Scope,
    visibility: Visibility,
) -> Result<()> {
    let Some(tenant) = taken(db, table, id, scope.tenant_id, visibility).await.map_err(failed)? else { return Ok(()) };
    let model = resource.model;
    Err(Error::new(
        Code::Conflict,
        format!(
            "<{model} id=`{id}` tenant=`{tenant}`> already exists on <Tenant name=`{tenant}`> or with global visibility"
        ),
    ))
}
