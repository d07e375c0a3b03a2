//! `GET /workflows` and its search: what the deployments of a list can run, each name once.

use nephele_model::Result;
use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page};
use nephele_store::deployments::{self, Declaring};
use serde_json::{Map, Value};

use crate::executions::availability::{Present, describe};
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// The workflows of the deployments of a list; of each blueprint one deployment is looked at.
    pub async fn list_workflows(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Value>> {
        let scope = self.scope(ctx, query.all_tenants).await?;
        let found = deployments::declaring(&*self.store, &scope, query, true).await.map_err(failed)?;
        self.declared(found, false).await
    }

    /// The workflows of the deployments of a search; those that all have if `common_only`.
    pub async fn search_workflows(&self, ctx: &Ctx, query: &ListQuery, common_only: bool) -> Result<Page<Value>> {
        let scope = self.scope(ctx, query.all_tenants).await?;
        let query = ListQuery { size: Some(DEFAULT_PAGE_SIZE), ..query.clone() };
        let found = deployments::declaring(&*self.store, &scope, &query, false).await.map_err(failed)?;
        self.declared(found, common_only).await
    }

    /// Workflows by name, as the first deployment declares them that has them.
    async fn declared(&self, found: Vec<Declaring>, common_only: bool) -> Result<Page<Value>> {
        let mut all: Option<Map<String, Value>> = None;
        for deployment in found {
            let mut workflows: Map<String, Value> =
                deployment.workflows.map(|json| json.parse()).transpose().map_err(failed)?.unwrap_or_default();
            if let (Some(all), true) = (&mut all, common_only) {
                all.retain(|name, _| workflows.contains_key(name));
                continue;
            }
            let all = all.get_or_insert_default();
            workflows.retain(|name, _| !all.contains_key(name));
            if workflows.is_empty() {
                continue;
            }
            let present = Present::of(&*self.store, deployment.storage_id).await?;
            if let Value::Array(described) = describe(&workflows, Some(&present)) {
                all.extend(workflows.into_iter().map(|(name, _)| name).zip(described));
            }
        }
        let items: Vec<Value> = all.unwrap_or_default().into_iter().map(|(_, workflow)| workflow).collect();
        let total = items.len() as u64;
        Ok(Page { items, total, size: total, offset: 0, filtered: None })
    }
}
