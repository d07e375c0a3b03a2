//! Inter-deployment dependencies: which deployment needs which other one.

mod functions;

use std::collections::{HashMap, HashSet};

use nephele_model::id::DeploymentId;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::{Deployment, tree};
use nephele_store::inter_deployment_dependencies::{self as dependencies, NewDependency};
use nephele_store::{Json, Record};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager, overrides, visibility};

impl Manager {
    /// One page of dependencies.
    pub async fn list_dependencies(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &dependencies::RESOURCE, query).await
    }

    /// Adds one dependency.
    pub async fn create_dependency(&self, ctx: &Ctx, given: &Map<String, Value>) -> Result<Record> {
        let source = self.source(ctx, given).await?;
        let found = match target_id(given) {
            Some(id) => self.find_deployment(ctx, id).await.ok().map(|found| found.storage_id),
            None => None,
        };
        let row = self.new_dependency(ctx, source.as_ref(), found, given).await?;
        let target = target_id(given).unwrap_or_default();
        let is_external = row.external_source.is_some() || row.external_target.is_some();
        if row.target_deployment_fk.is_none() && row.target_deployment_func.is_none() && !is_external {
            return Err(Error::new(
                Code::NotFound,
                format!(
                    "Given target deployment with ID `{target}` does not exist.  Also the target deployment function has \
                     not been provided"
                ),
            ));
        }
        if let (Some(source), Some(key)) = (&source, row.target_deployment_fk)
            // What a component stands for is below what it is a part of.
            && (self.needs(key, source).await?
                || (!row.dependency_creator.starts_with("component.") && self.is_below(key, source).await?))
        {
            return Err(Error::conflict(format!("cyclic dependency between deployments {} and {target}", source.id)));
        }
        let id = row.id.clone();
        dependencies::insert(&*self.store, vec![row]).await.map_err(failed)?;
        self.get(ctx, &dependencies::RESOURCE, &id, None).await
    }

    /// Adds dependencies of a deployment. Gives their ids.
    pub async fn create_dependencies(&self, ctx: &Ctx, deployment: &str, given: &[Value]) -> Result<Page<Value>> {
        let (_, rows) = self.new_dependencies(ctx, deployment, given).await?;
        let ids = ids(&rows);
        dependencies::insert(&*self.store, rows).await.map_err(failed)?;
        Ok(ids)
    }

    /// Makes the given dependencies all that a deployment needs. Gives their ids.
    pub async fn replace_dependencies(&self, ctx: &Ctx, deployment: &str, given: &[Value]) -> Result<Page<Value>> {
        let (source, rows) = self.new_dependencies(ctx, deployment, given).await?;
        let ids = ids(&rows);
        let tx = self.begin_write().await?;
        match source {
            Some(source) => dependencies::replace(&tx, source.storage_id, rows).await,
            None => dependencies::insert(&tx, rows).await,
        }
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(ids)
    }

    /// Removes what a deployment needs of another one, by the part that needs it.
    pub async fn delete_dependency(&self, ctx: &Ctx, given: &Map<String, Value>) -> Result<()> {
        let source = self.writable_deployment(ctx, required(given, "source_deployment")?).await?;
        let creator = required(given, "dependency_creator")?;
        let target = given.get("target_deployment").and_then(Value::as_str);
        let rows = dependencies::of_source(&*self.store, source.storage_id).await.map_err(failed)?;
        let meant = |row: &dependencies::Dependency| {
            let found = row.target_deployment_id.as_ref().map(DeploymentId::as_str);
            row.dependency_creator == creator && (target.is_none() || found.is_none() || found == target)
        };
        let row = rows.into_iter().find(meant).ok_or_else(|| {
            Error::not_found("InterDeploymentDependencies", format_args!("{creator} of deployment {}", source.id))
        })?;
        let tx = self.begin_write().await?;
        dependencies::delete(&tx, row.storage_id).await.map_err(failed)?;
        if let Some(target) = row.target_deployment_fk {
            tree::remove_consumer(&tx, target, &source.id).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)
    }

    /// The ids of everything that a deployment needs.
    pub async fn needed_by(&self, ctx: &Ctx, deployment: &str) -> Result<Vec<String>> {
        let deployment = self.find_deployment(ctx, deployment).await?;
        let needed = dependencies::needed_by(&*self.store, deployment.storage_id).await.map_err(failed)?;
        Ok(needed.into_iter().map(|(_, id)| id.to_string()).collect())
    }

    /// The deployment that needs; `None` where it is on another manager.
    async fn source(&self, ctx: &Ctx, given: &Map<String, Value>) -> Result<Option<Deployment>> {
        if given.get("external_source").is_some_and(|source| !source.is_null()) {
            return Ok(None);
        }
        let id = required(given, "source_deployment")?;
        self.writable_deployment(ctx, id).await.map(Some).map_err(|error| match error.code() {
            Code::NotFound => {
                Error::new(Code::NotFound, format!("Given source deployment with ID `{id}` does not exist."))
            }
            _ => error,
        })
    }

    async fn new_dependencies(
        &self,
        ctx: &Ctx,
        deployment: &str,
        given: &[Value],
    ) -> Result<(Option<Deployment>, Vec<NewDependency>)> {
        let external = given.first().is_some_and(|first| first.get("external_source").is_some_and(|it| !it.is_null()));
        let source = if external { None } else { Some(self.writable_deployment(ctx, deployment).await?) };
        let rows = self.rows_of(ctx, source.as_ref(), given).await?;
        Ok((source, rows))
    }

    /// One row for each of the given dependencies. Error: `conflict_error` for a circle.
    async fn rows_of(&self, ctx: &Ctx, source: Option<&Deployment>, given: &[Value]) -> Result<Vec<NewDependency>> {
        let mut targets = HashMap::new();
        let mut rows = Vec::with_capacity(given.len());
        for entry in given {
            let entry = entry
                .as_object()
                .ok_or_else(|| Error::bad_parameters("Every inter-deployment dependency must be an object"))?;
            let target = match (source, target_id(entry)) {
                (Some(source), Some(id)) => self.target(ctx, &mut targets, source, id).await?,
                (None, Some(id)) => self.find_deployment(ctx, id).await.ok().map(|found| found.storage_id),
                _ => None,
            };
            rows.push(self.new_dependency(ctx, source, target, entry).await?);
        }
        Ok(rows)
    }

    /// The row of a deployment that another one needs, if there is one. Error: `conflict_error` if it needs that one.
    async fn target(
        &self,
        ctx: &Ctx,
        known: &mut HashMap<String, Option<i64>>,
        source: &Deployment,
        id: &str,
    ) -> Result<Option<i64>> {
        if let Some(target) = known.get(id) {
            return Ok(*target);
        }
        let target = self.find_deployment(ctx, id).await.ok().map(|found| found.storage_id);
        if let Some(target) = target
            && self.needs(target, source).await?
        {
            let named = |id: &str| format!("<Deployment id=`{id}` tenant=`{}`>", source.tenant_name);
            return Err(Error::conflict(format!(
                "Cyclic dependency between {} and {}",
                named(source.id.as_str()),
                named(id)
            )));
        }
        known.insert(id.to_owned(), target);
        Ok(target)
    }

    async fn new_dependency(
        &self,
        ctx: &Ctx,
        source: Option<&Deployment>,
        target: Option<i64>,
        given: &Map<String, Value>,
    ) -> Result<NewDependency> {
        let text = |key: &str| given.get(key).and_then(Value::as_str);
        let json = |key: &str| given.get(key).filter(|value| !value.is_null()).map(Json::from);
        Ok(NewDependency {
            id: text("id").map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
            visibility: visibility::choose(ctx, text("visibility"), None)?,
            tenant_id: source.map_or_else(|| ctx.tenant_id.unwrap_or_default(), |source| source.tenant_id),
            creator_id: self.new_owner(ctx, text("created_by").map(str::to_owned)).await?.unwrap_or(ctx.user_id),
            created_at: overrides::instant(ctx, text("created_at"))?.unwrap_or_else(|| self.clock.now()),
            dependency_creator: required(given, "dependency_creator")?.to_owned(),
            source_deployment_fk: source.map(|source| source.storage_id),
            target_deployment_fk: target,
            target_deployment_func: json("target_deployment_func"),
            external_source: json("external_source"),
            external_target: json("external_target"),
        })
    }

    /// Whether a deployment is the source, or needs it.
    async fn needs(&self, deployment: i64, source: &Deployment) -> Result<bool> {
        if deployment == source.storage_id {
            return Ok(true);
        }
        let needed = dependencies::needed_by(&*self.store, deployment).await.map_err(failed)?;
        Ok(needed.iter().any(|(row, _)| *row == source.storage_id))
    }

    /// Whether a deployment is below the source in the tree.
    async fn is_below(&self, deployment: i64, source: &Deployment) -> Result<bool> {
        let (mut pending, mut seen) = (vec![deployment], HashSet::new());
        while let Some(current) = pending.pop() {
            for parent in tree::parents(&*self.store, current).await.map_err(failed)? {
                if parent == source.storage_id {
                    return Ok(true);
                }
                if seen.insert(parent) {
                    pending.push(parent);
                }
            }
        }
        Ok(false)
    }
}

fn target_id(given: &Map<String, Value>) -> Option<&str> {
    given.get("target_deployment").and_then(Value::as_str)
}

fn ids(rows: &[NewDependency]) -> Page<Value> {
    let items: Vec<Value> = rows.iter().map(|row| json!({"id": row.id})).collect();
    let count = items.len() as u64;
    Page { items, total: count, size: count, offset: 0, filtered: None }
}

fn required<'a>(given: &'a Map<String, Value>, key: &str) -> Result<&'a str> {
    given
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::bad_parameters(format!("Missing {key} in json request body")))
}
