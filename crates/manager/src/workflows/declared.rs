//! `GET /workflows` and its search: what the deployments of a list can run, each name once.

use indexmap::IndexMap;
use nephele_model::page::{DEFAULT_PAGE_SIZE, ListQuery, Page};
use nephele_model::{Error, Result};
use nephele_store::Json;
use nephele_store::deployments::{self, Declaring};
use serde_json::value::RawValue;

use crate::executions::availability::{Declared, Present, describe};
use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// The workflows of the deployments of a list; of each blueprint one deployment is looked at.
    pub async fn list_workflows(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Box<RawValue>>> {
        let scope = self.scope(ctx, query.all_tenants).await?;
        let found = deployments::declaring(&*self.store, &scope, query, true).await.map_err(failed)?;
        self.declared(found, false).await
    }

    /// The workflows of the deployments of a search; those that all have if `common_only`.
    pub async fn search_workflows(
        &self,
        ctx: &Ctx,
        query: &ListQuery,
        common_only: bool,
    ) -> Result<Page<Box<RawValue>>> {
        let scope = self.scope(ctx, query.all_tenants).await?;
        let query = ListQuery { size: Some(DEFAULT_PAGE_SIZE), ..query.clone() };
        let found = deployments::declaring(&*self.store, &scope, &query, false).await.map_err(failed)?;
        self.declared(found, common_only).await
    }

    /// Workflows by name, as the first deployment declares them that has them.
    async fn declared(&self, found: Vec<Declaring>, common_only: bool) -> Result<Page<Box<RawValue>>> {
        let mut all: Option<IndexMap<String, Box<RawValue>>> = None;
        for deployment in found {
            let text = deployment.workflows.as_ref().map_or("{}", Json::as_str);
            let mut workflows: IndexMap<String, Declared<'_>> = serde_json::from_str(text).map_err(Error::internal)?;
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
            let described = describe(&workflows, &present).map_err(Error::internal)?;
            all.extend(workflows.into_keys().zip(described));
        }
        let items: Vec<_> = all.unwrap_or_default().into_values().collect();
        let total = items.len() as u64;
        Ok(Page { items, total, size: total, offset: 0, filtered: None })
    }
}
