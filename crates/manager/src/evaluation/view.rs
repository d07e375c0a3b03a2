//! The state of one deployment, as functions ask for it. Texts of refusals are those of the reference.

use std::sync::Arc;

use nephele_dsl::{GroupCapability, Instance, Lookup, Node, Storage, all, capability_part};
use nephele_model::json::Value;
use nephele_model::python_text::str;
use nephele_model::{Code, Error};

use super::known::{Deployment, Known, NodeKey};

const CONSUMER: &str = "csys-consumer-id";

/// What functions of one deployment see.
pub(super) struct View<'a> {
    known: &'a Known,
    deployment: Arc<Deployment>,
}

impl<'a> View<'a> {
    pub(super) const fn new(known: &'a Known, deployment: Arc<Deployment>) -> Self {
        Self { known, deployment }
    }

    fn key(&self, node: &str) -> NodeKey {
        (self.deployment.row.storage_id, node.to_owned())
    }

    fn labels(&self) -> Lookup<&'a [(String, String)]> {
        let id = self.deployment.row.storage_id;
        let found = self.known.labels.get(&id).map(Vec::as_slice);
        found.ok_or_else(|| {
            self.known.want(|wanted| {
                wanted.labels.insert(id);
            })
        })
    }

    fn refuse<T>(&self, message: String) -> Lookup<T> {
        Err(self.known.refuse(Error::new(Code::FunctionsEvaluation, message)))
    }

    fn known_secret(&self, name: &str) -> Lookup<Option<&'a nephele_model::Secret>> {
        let found = self.known.secrets.get(name).map(Option::as_ref);
        found.ok_or_else(|| {
            self.known.want(|wanted| {
                wanted.secrets.insert(name.to_owned());
            })
        })
    }
}

impl Storage for View<'_> {
    fn node(&self, id: &str) -> Lookup<Arc<Node>> {
        let key = self.key(id);
        match self.known.nodes.get(&key) {
            Some(Some(node)) => Ok(Arc::clone(node)),
            Some(None) => {
                let deployment = &self.deployment.row.id;
                let message = format!("Requested Node with ID `{id}` on Deployment `{deployment}` was not found");
                Err(self.known.refuse(Error::new(Code::NotFound, message)))
            }
            None => Err(self.known.want(|wanted| {
                wanted.nodes.insert(key);
            })),
        }
    }

    fn node_instances(&self, node_id: &str) -> Lookup<Arc<[Arc<Instance>]>> {
        let key = self.key(node_id);
        self.known.instances_of.get(&key).cloned().ok_or_else(|| {
            self.known.want(|wanted| {
                wanted.instances_of.insert(key);
            })
        })
    }

    fn node_instance(&self, id: &str) -> Lookup<Arc<Instance>> {
        self.find_node_instance(id)?.ok_or_else(|| self.known.refuse(Error::not_found("NodeInstance", id)))
    }

    fn find_node_instance(&self, id: &str) -> Lookup<Option<Arc<Instance>>> {
        self.known.instances.get(id).cloned().ok_or_else(|| {
            self.known.want(|wanted| {
                wanted.instances.insert(id.to_owned());
            })
        })
    }

    fn input(&self, name: &str) -> Lookup<Option<Value>> {
        if self.deployment.inputs.is_empty() {
            return self.refuse(format!("Inputs are not yet evaluated for deployment `{}`", self.deployment.row.id));
        }
        Ok(self.deployment.inputs.get(name).cloned())
    }

    fn has_secret(&self, name: &str) -> Lookup<bool> {
        self.known_secret(name).map(|found| found.is_some())
    }

    fn secret(&self, name: &str) -> Lookup<String> {
        let found = self.known_secret(name)?;
        let found = found.ok_or_else(|| self.known.refuse(Error::not_found("Secret", name)))?;
        Ok(found.expose().clone())
    }

    fn capability(&self, path: &[Value], depth: usize) -> Lookup<Value> {
        let text = |index: usize| path.get(index).map(str).unwrap_or_default();
        let owner = self.known.deployment(&text(0))?;
        let value = self.known.capability(&owner, &text(1), depth)?;
        capability_part(&value, path).map_err(|problem| self.known.refuse_problem(&problem))
    }

    /// Each value is seen from its own deployment, as those of `get_capability` are.
    fn group_capability(&self, path: &[Value], depth: usize) -> Lookup<Value> {
        let wanted = GroupCapability::of(path);
        let share = |(id, owner): (&str, Arc<Deployment>)| {
            let part = |name: &String| {
                if !owner.capabilities.contains_key(name) {
                    return Ok(None);
                }
                let value = self.known.capability(&owner, name, depth)?;
                capability_part(&value, path).map(Some).map_err(|problem| self.known.refuse_problem(&problem))
            };
            Ok((id.to_owned(), all(wanted.names.iter().map(part))?))
        };
        Ok(wanted.gather(all(self.known.members(&wanted.group)?.into_iter().map(share))?))
    }

    fn label(&self, key: &str, index: Option<i64>) -> Lookup<Value> {
        let values: Vec<&str> =
            self.labels()?.iter().filter(|label| label.0 == key).map(|label| label.1.as_str()).collect();
        if values.is_empty() {
            return self.refuse(format!(
                "The deployment `{}` does not have a label with the key `{key}` assigned to it",
                self.deployment.row.id
            ));
        }
        let Some(index) = index else { return Ok(Value::from(values)) };
        // A negative index counts from the end.
        let place = if index < 0 { index.saturating_add_unsigned(values.len() as u64) } else { index };
        match usize::try_from(place).ok().and_then(|place| values.get(place)) {
            Some(value) => Ok(Value::from(*value)),
            None => self.refuse(format!(
                "The provided label-values list index is out of range. The key `{key}` has {} values",
                values.len()
            )),
        }
    }

    fn system(&self, entity: &str, property: &str) -> Lookup<Value> {
        let row = &self.deployment.row;
        Ok(match (entity, property) {
            ("tenant", "name") => Value::from(row.tenant_name.as_str()),
            ("deployment", "id") => Value::from(row.id.as_str()),
            ("deployment", "blueprint") => Value::from(row.blueprint_id.as_str()),
            ("deployment", "owner") => Value::from(row.created_by.as_str()),
            ("deployment", "name") => Value::from(&row.display_name),
            _ => return self.refuse(format!("Cannot retrieve this entity-property pair: {entity}-{property}")),
        })
    }

    fn consumers(&self) -> Lookup<Vec<String>> {
        let labels = self.labels()?.iter().filter(|label| label.0 == CONSUMER);
        Ok(labels.map(|label| label.1.clone()).collect())
    }

    fn consumer_names(&self) -> Lookup<Vec<String>> {
        let ids = self.consumers()?;
        let unknown: Vec<&String> = ids.iter().filter(|id| !self.known.deployments.contains_key(*id)).collect();
        if !unknown.is_empty() {
            return Err(self.known.want(|wanted| wanted.deployments.extend(unknown.into_iter().cloned())));
        }
        let visible = ids.iter().filter_map(|id| self.known.deployments.get(id)?.as_ref());
        Ok(visible.map(|consumer| consumer.row.display_name.clone()).collect())
    }
}
