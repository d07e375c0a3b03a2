//! A deployment's state, read as functions ask for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nephele_dsl::Storage;
use nephele_model::id::{DeploymentId, NodeId, NodeInstanceId};
use nephele_model::json::{Map, Value, json};
use nephele_model::{Error, Result};
use nephele_store::deployments::{self, Deployment};
use nephele_store::labels::{self, Labeled};
use nephele_store::node_instances::{self, NodeInstance};
use nephele_store::nodes;
use nephele_store::{Json, Scope};
use tokio::runtime::Handle;

use super::section;
use crate::rows::failed;
use crate::{Ctx, Manager};

/// How deep capabilities of other deployments may refer to further ones.
const DEEPEST: u32 = 16;

/// Reads from the store on demand. Use it on a blocking thread only.
pub(super) struct Lazy {
    manager: Arc<Manager>,
    ctx: Ctx,
    scope: Scope,
    deployment: Deployment,
    depth: u32,
    runtime: Handle,
    read: Mutex<Read>,
}

/// What was read so far.
#[derive(Default)]
struct Read {
    nodes: HashMap<String, Option<Arc<Value>>>,
    instances: HashMap<String, Option<Arc<Value>>>,
    of_node: Option<HashMap<String, Vec<Arc<Value>>>>,
    inputs: Option<Map>,
    failure: Option<Error>,
}

impl Lazy {
    pub(super) fn new(manager: Arc<Manager>, ctx: Ctx, scope: Scope, deployment: Deployment) -> Self {
        Self { manager, ctx, scope, deployment, depth: 0, runtime: Handle::current(), read: Mutex::default() }
    }

    /// The deployment that is evaluated.
    pub(super) const fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The first failure to read, if there was one.
    pub(super) fn into_failure(self) -> Option<Error> {
        self.read.into_inner().unwrap_or_else(PoisonError::into_inner).failure
    }

    fn with<T>(&self, work: impl FnOnce(&mut Read) -> T) -> T {
        work(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The outcome of a query, or nothing; a failure is kept for the end.
    fn fetch<T>(&self, query: impl Future<Output = Result<T>>) -> Option<T> {
        match self.runtime.block_on(query) {
            Ok(found) => Some(found),
            Err(error) => {
                self.with(|read| {
                    read.failure.get_or_insert(error);
                });
                None
            }
        }
    }

    fn load_instances(&self) -> HashMap<String, Vec<Arc<Value>>> {
        let query = async {
            node_instances::of_deployment(&*self.manager.store, self.deployment.storage_id).await.map_err(failed)
        };
        let mut of_node: HashMap<String, Vec<Arc<Value>>> = HashMap::new();
        for row in self.fetch(query).unwrap_or_default() {
            of_node.entry(row.node_id.to_string()).or_default().push(Arc::new(instance(&row)));
        }
        for instances in of_node.values_mut() {
            instances.sort_by(|left, right| left["id"].as_str().cmp(&right["id"].as_str()));
        }
        of_node
    }
}

impl Storage for Lazy {
    fn node(&self, id: &str) -> Option<Arc<Value>> {
        if let Some(known) = self.with(|read| read.nodes.get(id).cloned()) {
            return known;
        }
        let query = async {
            nodes::find(&*self.manager.store, self.deployment.storage_id, &NodeId::new(id)).await.map_err(failed)
        };
        let found = self.fetch(query).flatten().map(|row| {
            Arc::new(json!({
                "id": row.id,
                "type": row.kind,
                "host_id": row.host_id,
                "properties": parsed(row.properties.as_ref()),
                "relationships": parsed(row.relationships.as_ref()),
                "type_hierarchy": parsed(row.type_hierarchy.as_ref()),
                "operations": parsed(row.operations.as_ref()),
                "number_of_instances": row.number_of_instances,
                "planned_number_of_instances": row.planned_number_of_instances,
            }))
        });
        self.with(|read| read.nodes.insert(id.to_owned(), found.clone()));
        found
    }

    fn node_instances(&self, node_id: &str) -> Vec<Arc<Value>> {
        if self.with(|read| read.of_node.is_none()) {
            let loaded = self.load_instances();
            self.with(|read| read.of_node = Some(loaded));
        }
        self.with(|read| read.of_node.as_ref().and_then(|all| all.get(node_id).cloned()).unwrap_or_default())
    }

    fn node_instance(&self, id: &str) -> Option<Arc<Value>> {
        if let Some(known) = self.with(|read| read.instances.get(id).cloned()) {
            return known;
        }
        let query = async {
            node_instances::find(&*self.manager.store, &self.scope, &NodeInstanceId::new(id)).await.map_err(failed)
        };
        let found = self.fetch(query).flatten().map(|row| Arc::new(instance(&row)));
        self.with(|read| read.instances.insert(id.to_owned(), found.clone()));
        found
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.with(|read| {
            let inputs = read.inputs.get_or_insert_with(|| section(self.deployment.inputs.as_ref()));
            inputs.get(name).cloned()
        })
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.fetch(self.manager.secret_text(&self.ctx, name))
    }

    fn capability(&self, deployment: &str, name: &str) -> std::result::Result<Value, String> {
        if self.depth >= DEEPEST {
            return Err(format!("Capabilities refer to each other without end at deployment '{deployment}'"));
        }
        let query = async {
            deployments::find(&*self.manager.store, &self.scope, &DeploymentId::new(deployment)).await.map_err(failed)
        };
        let other = self.fetch(query).flatten();
        let other = other.ok_or_else(|| format!("Requested `Deployment` with ID `{deployment}` was not found"))?;
        let declared = section(other.capabilities.as_ref());
        let Some(wanted) = declared.get(name) else {
            return Err(format!("Requested capability `{name}` is not declared in deployment `{deployment}`"));
        };
        let mut there = Self::new(self.manager.clone(), self.ctx.clone(), self.scope.clone(), other);
        there.depth = self.depth + 1;
        let only = Map::from_iter([(name.to_owned(), wanted.clone())]);
        let mut values =
            nephele_dsl::evaluate_capabilities(&only, &there).map_err(|problem| problem.reference_text())?;
        if let Some(failure) = there.into_failure() {
            let message = failure.message().to_owned();
            self.with(|read| {
                read.failure.get_or_insert(failure);
            });
            return Err(message);
        }
        Ok(values.shift_remove(name).unwrap_or_default())
    }

    fn label(&self, key: &str) -> Vec<Value> {
        let query = async {
            labels::of(&*self.manager.store, Labeled::Deployment, self.deployment.storage_id).await.map_err(failed)
        };
        let labels = self.fetch(query).unwrap_or_default();
        labels.into_iter().filter(|label| label.key == key).map(|label| label.value.into()).collect()
    }

    fn system(&self, entity: &str, property: &str) -> Option<Value> {
        let value = match (entity, property) {
            ("tenant", "name") => json!(self.deployment.tenant_name),
            ("deployment", "id") => json!(self.deployment.id),
            ("deployment", "blueprint") => json!(self.deployment.blueprint_id),
            ("deployment", "owner") => json!(self.deployment.created_by),
            ("deployment", "name") => json!(self.deployment.display_name),
            _ => return None,
        };
        Some(value)
    }

    fn consumers(&self) -> Vec<(String, String)> {
        let query = async {
            let rows = nephele_store::inter_deployment_dependencies::of_target(
                &*self.manager.store,
                self.deployment.storage_id,
            )
            .await
            .map_err(failed)?;
            let mut consumers = Vec::new();
            for id in rows.into_iter().filter_map(|row| row.source_deployment_id) {
                let found = deployments::find(&*self.manager.store, &self.scope, &id).await.map_err(failed)?;
                consumers.extend(found.map(|row| (row.id.to_string(), row.display_name)));
            }
            Ok(consumers)
        };
        self.fetch(query).unwrap_or_default()
    }
}

fn parsed(stored: Option<&Json>) -> Value {
    stored.and_then(|json| json.parse().ok()).unwrap_or_default()
}

/// The shape that functions know.
fn instance(row: &NodeInstance) -> Value {
    json!({
        "id": row.id,
        "node_id": row.node_id,
        "index": row.index,
        "host_id": row.host_id,
        "state": row.state,
        "runtime_properties": parsed(row.runtime_properties.as_ref()),
        "relationships": parsed(row.relationships.as_ref()),
        "scaling_groups": parsed(row.scaling_groups.as_ref()),
    })
}
