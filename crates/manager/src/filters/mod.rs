//! Filters: rules with a name, and the rules that a list is asked to satisfy.
//!
//! Invariant: what belongs to the manager is changed by nobody; ids that begin with `csys-` are its own.
//! What makes a rule legal is in `rules.rs`. Source: spec rest-api.md section 1.10.

pub(crate) mod rules;

use nephele_model::filter::{Rule, Test};
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, Visibility, id};
pub use nephele_store::filters::Filtered;
use nephele_store::filters::{self, Filter, NewFilter};
use nephele_store::{Record, Resource, blueprints, deployments};
use serde_json::Value;

use crate::labels::RESERVED_PREFIX;
use crate::rows::{demand_free, failed};
use crate::{Ctx, Manager, overrides, visibility};

/// What a filter is made of, or changed to; what is `None` stays.
#[derive(Debug, Default)]
pub struct FilterValues {
    /// Its rules.
    pub rules: Option<Vec<Value>>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// When it was made, for who may say so.
    pub created_at: Option<String>,
    /// Who made it, for who may say so.
    pub created_by: Option<String>,
}

/// What filters of this kind narrow.
fn filtered(of: Filtered) -> &'static Resource {
    match of {
        Filtered::Blueprint => &blueprints::RESOURCE,
        Filtered::Deployment => &deployments::RESOURCE,
    }
}

impl Manager {
    /// One page of filters.
    pub async fn list_filters(&self, ctx: &Ctx, of: Filtered, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, filters::resource(of), query).await
    }

    /// One filter.
    pub async fn get_filter(&self, ctx: &Ctx, of: Filtered, id: &str, include: Option<&[String]>) -> Result<Record> {
        id::check("filter_id", id, true)?;
        self.get(ctx, filters::resource(of), id, include).await
    }

    /// Makes a filter.
    pub async fn create_filter(&self, ctx: &Ctx, of: Filtered, id: &str, values: FilterValues) -> Result<Record> {
        id::check("filter_id", id, true)?;
        if id.to_ascii_lowercase().starts_with(RESERVED_PREFIX) {
            return Err(Error::bad_parameters(format!(
                "All filters with a `{RESERVED_PREFIX}` prefix are reserved for internal use."
            )));
        }
        let rules = rules::read(filtered(of), &values.rules.unwrap_or_default())?;
        let visibility = visibility::choose(ctx, values.visibility.as_deref(), None)?;
        let created_at = overrides::instant(ctx, values.created_at.as_deref())?;
        let creator_id = self.new_owner(ctx, values.created_by).await?;
        let scope = self.scope(ctx, false).await?;
        let resource = filters::resource(of);
        let tx = self.begin_write().await?;
        tx.lock(&format!("{} {id}", resource.table())).await.map_err(failed)?;
        demand_free(&tx, resource, resource.table(), id, &scope, visibility).await?;
        let filter = NewFilter {
            id: id.to_owned(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: creator_id.unwrap_or(ctx.user_id),
            created_at: created_at.unwrap_or_else(|| self.clock.now()),
            rules,
            is_system_filter: false,
        };
        filters::insert(&tx, of, filter).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        self.get(ctx, resource, id, None).await
    }

    /// Changes a filter. Rules on labels replace rules on labels, those on attributes the others.
    pub async fn update_filter(&self, ctx: &Ctx, of: Filtered, id: &str, values: FilterValues) -> Result<Record> {
        id::check("filter_id", id, true)?;
        let filter = self.writable_filter(ctx, of, id, "update").await?;
        let visibility = match &values.visibility {
            Some(wanted) => visibility::keep_or_widen(ctx, id, filter.visibility, wanted)?,
            None => filter.visibility,
        };
        let mut all = filter.rules().map_err(failed)?;
        if let Some(given) = values.rules.filter(|given| !given.is_empty()) {
            let new = rules::read(filtered(of), &given)?;
            let on_labels = |rule: &Rule| matches!(rule.test, Test::Label(_));
            let kept = |rule: &Rule| !new.iter().any(|new| on_labels(new) == on_labels(rule));
            all.retain(kept);
            all.extend(new);
        }
        filters::update(&*self.store, of, filter.storage_id, &all, visibility).await.map_err(failed)?;
        self.get(ctx, filters::resource(of), id, None).await
    }

    /// Deletes a filter.
    pub async fn delete_filter(&self, ctx: &Ctx, of: Filtered, id: &str) -> Result<()> {
        id::check("filter_id", id, true)?;
        let filter = self.writable_filter(ctx, of, id, "delete").await?;
        filters::delete(&*self.store, of, filter.storage_id).await.map_err(failed)
    }

    /// The rules of a filter that a list names.
    pub async fn rules_of_filter(&self, ctx: &Ctx, of: Filtered, id: &str) -> Result<Vec<Rule>> {
        id::check("filter_id", id, true)?;
        self.find_filter(ctx, of, id).await?.rules().map_err(failed)
    }

    async fn find_filter(&self, ctx: &Ctx, of: Filtered, id: &str) -> Result<Filter> {
        let scope = self.scope(ctx, false).await?;
        let found = filters::find(&*self.store, of, &scope, id).await.map_err(failed)?;
        found.ok_or_else(|| Error::not_found(filters::resource(of).model, id))
    }

    async fn writable_filter(&self, ctx: &Ctx, of: Filtered, id: &str, action: &str) -> Result<Filter> {
        let filter = self.find_filter(ctx, of, id).await?;
        let refuse = |text: String| Err(Error::new(Code::IllegalAction, text));
        if filter.is_system_filter {
            return refuse(format!("Cannot {action} a system filter"));
        }
        if filter.visibility == Visibility::Global && Some(filter.tenant_id) != ctx.tenant_id {
            return refuse(format!("Can't {action} the global resource `{id}` from outside its tenant"));
        }
        Ok(filter)
    }
}
