//! Inter-deployment dependencies: which deployment needs which other one.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result};
use nephele_store::deployments::Deployment;
use nephele_store::inter_deployment_dependencies::{self as dependencies, NewDependency};
use nephele_store::{Json, Record};
use serde_json::{Map, Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager, visibility};

impl Manager {
    /// One page of dependencies.
    pub async fn list_dependencies(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list(ctx, &dependencies::RESOURCE, query).await
    }

    /// Adds one dependency.
    pub async fn create_dependency(&self, ctx: &Ctx, given: &Map<String, Value>) -> Result<Record> {
        let source = required(given, "source_deployment")?;
        let source = self.find_deployment(ctx, source).await?;
        let row = self.new_dependency(ctx, &source, given).await?;
        if row.target_deployment_fk.is_none() && row.target_deployment_func.is_none() {
            let target = given.get("target_deployment").and_then(Value::as_str).unwrap_or_default();
            return Err(Error::new(
                Code::NotFound,
                format!(
                    "Given target deployment with ID `{target}` does not exist.  Also the target deployment function has \
                     not been provided"
                ),
            ));
        }
        if let Some(target) = row.target_deployment_fk {
            self.demand_acyclic(&source, target).await?;
        }
        let id = row.id.clone();
        dependencies::insert(&*self.store, vec![row]).await.map_err(failed)?;
        self.get(ctx, &dependencies::RESOURCE, &id, None).await
    }

    /// Makes the given dependencies all that a deployment needs. Gives their ids.
    pub async fn replace_dependencies(&self, ctx: &Ctx, deployment: &str, given: &[Value]) -> Result<Vec<Value>> {
        let source = self.find_deployment(ctx, deployment).await?;
        let mut rows = Vec::with_capacity(given.len());
        for entry in given {
            let entry = entry
                .as_object()
                .ok_or_else(|| Error::bad_parameters("Every inter-deployment dependency must be an object"))?;
            rows.push(self.new_dependency(ctx, &source, entry).await?);
        }
        let ids = rows.iter().map(|row| json!({"id": row.id})).collect();
        let tx = self.begin_write().await?;
        dependencies::replace(&tx, source.storage_id, rows).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(ids)
    }

    /// Removes what a deployment needs of another one, by the part that needs it.
    pub async fn delete_dependency(&self, ctx: &Ctx, given: &Map<String, Value>) -> Result<()> {
        let source = self.find_deployment(ctx, required(given, "source_deployment")?).await?;
        let creator = required(given, "dependency_creator")?;
        let rows = dependencies::of_source(&*self.store, source.storage_id).await.map_err(failed)?;
        let found = rows.into_iter().find(|row| row.dependency_creator == creator);
        let row = found.ok_or_else(|| Error::not_found("InterDeploymentDependencies", creator))?;
        dependencies::delete(&*self.store, row.storage_id).await.map(drop).map_err(failed)
    }

    async fn new_dependency(
        &self,
        ctx: &Ctx,
        source: &Deployment,
        given: &Map<String, Value>,
    ) -> Result<NewDependency> {
        let text = |key: &str| given.get(key).and_then(Value::as_str);
        let json = |key: &str| given.get(key).filter(|value| !value.is_null()).map(Json::from);
        let target = match text("target_deployment") {
            Some(id) => self.find_deployment(ctx, id).await.ok(),
            None => None,
        };
        Ok(NewDependency {
            id: text("id").map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned),
            visibility: visibility::choose(ctx, text("visibility"), None)?,
            tenant_id: source.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            dependency_creator: required(given, "dependency_creator")?.to_owned(),
            source_deployment_fk: Some(source.storage_id),
            target_deployment_fk: target.map(|row| row.storage_id),
            target_deployment_func: json("target_deployment_func"),
            external_source: json("external_source"),
            external_target: json("external_target"),
        })
    }

    /// Refuses a dependency on something that needs the source itself.
    async fn demand_acyclic(&self, source: &Deployment, target: i64) -> Result<()> {
        let (mut pending, mut seen) = (vec![target], vec![]);
        while let Some(current) = pending.pop() {
            if current == source.storage_id {
                return Err(Error::conflict(format!("cyclic dependency between deployments {}", source.id)));
            }
            if !seen.contains(&current) {
                seen.push(current);
                let rows = dependencies::of_source(&*self.store, current).await.map_err(failed)?;
                pending.extend(rows.into_iter().filter_map(|row| row.target_deployment_fk));
            }
        }
        Ok(())
    }
}

fn required<'a>(given: &'a Map<String, Value>, key: &str) -> Result<&'a str> {
    given
        .get(key)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::bad_parameters(format!("Missing {key} in json request body")))
}
