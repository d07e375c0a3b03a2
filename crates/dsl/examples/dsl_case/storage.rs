//! What a running deployment held when a case was recorded.

use std::sync::Arc;

use nephele_dsl::{Diagnostic, Fault, Instance, Lookup, Node, Stop, Storage};
use nephele_model::json::{Value, json};
use nephele_model::python_text;
use serde::de::DeserializeOwned;

use crate::case::{list, map, text};

/// Tables by name, each as the recording's storage had it; no tables at all for no storage.
pub(crate) struct Stored<'a> {
    tables: &'a Value,
    class: &'a str,
}

impl<'a> Stored<'a> {
    pub(crate) fn of(storage: &'a Value) -> Self {
        let class = if storage.is_null() { "NoneType" } else { text(&storage["class"]) };
        Self { tables: &storage["vars"], class }
    }

    /// The tables, which a method of the storage needs.
    fn tables(&self, method: &str) -> Lookup<&'a Value> {
        if self.class == "NoneType" { Err(self.without(method)) } else { Ok(self.tables) }
    }

    fn without(&self, method: &str) -> Stop {
        let message = format!("'{}' object has no attribute '{method}'", self.class);
        Diagnostic::new(Fault::YamlDate, message).into()
    }

    fn find<T: DeserializeOwned>(&self, table: &str, key: &str, id: &str) -> Vec<Arc<T>> {
        let rows = list(&self.tables[table]).iter().filter(|row| row[key] == id);
        rows.filter_map(|row| serde_json::from_value(row.into()).ok()).map(Arc::new).collect()
    }

    fn first<T: DeserializeOwned>(&self, table: &str, what: &str, id: &str) -> Lookup<Arc<T>> {
        let found = self.find(table, "id", id).into_iter().next();
        found.ok_or_else(|| absent(&json!(format!("{what} not found: {id}"))))
    }

    /// The recording's storage takes no path into a value.
    fn entry(&self, table: &str, keys: &[Value]) -> Lookup<Value> {
        let mut at = &self.tables[table];
        for key in keys {
            at = match (at, key) {
                (Value::Array(items), key) => key
                    .as_u64()
                    .and_then(|index| items.get(usize::try_from(index).ok()?))
                    .ok_or_else(|| Diagnostic::new(Fault::IndexOutOfRange, "list index out of range"))?,
                (Value::Object(_), Value::Array(_) | Value::Object(_)) => {
                    let message = format!("unhashable type: '{}'", python_text::type_name(key));
                    return Err(Diagnostic::new(Fault::YamlKey, message).into());
                }
                (at, key) => at.get(&python_text::str(key)).ok_or_else(|| absent(key))?,
            };
        }
        Ok(at.clone())
    }
}

fn absent(key: &Value) -> Stop {
    Diagnostic::new(Fault::UnknownNode, python_text::repr(key)).into()
}

impl Storage for Stored<'_> {
    fn node(&self, id: &str) -> Lookup<Arc<Node>> {
        self.tables("get_node")?;
        self.first("_nodes", "Node", id)
    }

    fn node_instances(&self, node_id: &str) -> Lookup<Arc<[Arc<Instance>]>> {
        self.tables("get_node_instances")?;
        Ok(self.find("_node_instances", "node_id", node_id).into())
    }

    fn node_instance(&self, id: &str) -> Lookup<Arc<Instance>> {
        self.tables("get_node_instance")?;
        self.first("_node_instances", "Instance", id)
    }

    fn find_node_instance(&self, id: &str) -> Lookup<Option<Arc<Instance>>> {
        Ok(self.find("_node_instances", "id", id).into_iter().next())
    }

    fn input(&self, name: &str) -> Lookup<Option<Value>> {
        let inputs = &self.tables("get_input")?["_inputs"];
        inputs.get(name).cloned().map(Some).ok_or_else(|| absent(&json!(name)))
    }

    fn has_secret(&self, _name: &str) -> Lookup<bool> {
        Err(self.without("secret_method"))
    }

    fn secret(&self, name: &str) -> Lookup<String> {
        let secrets = map(&self.tables("get_secret")?["_secrets"]);
        if secrets.is_empty() {
            return Ok(format!("{name}_value"));
        }
        secrets.get(name).map(python_text::str).ok_or_else(|| absent(&json!(name)))
    }

    fn capability(&self, path: &[Value], _depth: usize) -> Lookup<Value> {
        self.tables("get_capability")?;
        self.entry("_capabilities", path.get(..2).unwrap_or(path))
    }

    fn group_capability(&self, path: &[Value], _depth: usize) -> Lookup<Value> {
        self.tables("get_group_capability")?;
        self.entry("_group_capabilities", path.get(..2).unwrap_or(path))
    }

    fn label(&self, key: &str, index: Option<i64>) -> Lookup<Value> {
        self.tables("get_label")?;
        let keys: Vec<Value> = std::iter::once(json!(key)).chain(index.map(Value::from)).collect();
        self.entry("_labels", &keys)
    }

    fn system(&self, entity: &str, property: &str) -> Lookup<Value> {
        let tables = self.tables("get_sys")?;
        Ok(match (entity, property) {
            ("deployment", "id") => tables["_deployment_id"].clone(),
            ("deployment", "name") => tables["_deployment_name"].clone(),
            _ => Value::Null,
        })
    }

    fn consumers(&self) -> Lookup<Vec<String>> {
        Ok(map(&self.tables("get_consumers")?["_consumers"]).into_iter().map(|(id, _)| id.into()).collect())
    }

    fn consumer_names(&self) -> Lookup<Vec<String>> {
        let consumers = map(&self.tables("get_consumers")?["_consumers"]);
        Ok(consumers.values().map(python_text::str).collect())
    }
}
