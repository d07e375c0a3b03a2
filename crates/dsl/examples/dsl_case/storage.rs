//! What a running deployment held when a case was recorded.

use std::sync::Arc;

use nephele_dsl::{Diagnostic, Kind, Missing, Storage};
use nephele_model::json::{List, Map, Value, json};
use nephele_model::python_text;

use crate::case::{list, map, text};

/// Tables by name, each as the recording's storage had it; no tables at all for no storage.
pub(crate) struct Stored<'a> {
    tables: &'a Value,
    is_absent: bool,
}

impl<'a> Stored<'a> {
    pub(crate) fn of(storage: &'a Value) -> Self {
        Self { tables: &storage["vars"], is_absent: storage.is_null() || text(&storage["class"]) == "NoneType" }
    }

    fn find(&self, table: &str, key: &str, id: &str) -> Vec<Arc<Value>> {
        list(&self.tables[table]).iter().filter(|row| row[key] == id).cloned().map(Arc::new).collect()
    }

    fn entry(&self, table: &str, keys: &[Value]) -> Result<Value, Diagnostic> {
        let mut at = &self.tables[table];
        for key in keys {
            at = match (at, key) {
                (Value::Array(items), key) => key
                    .as_u64()
                    .and_then(|index| items.get(usize::try_from(index).ok()?))
                    .ok_or_else(|| Diagnostic::new(Kind::Index, None, "list index out of range"))?,
                (Value::Object(_), Value::Array(_) | Value::Object(_)) => {
                    let message = format!("unhashable type: '{}'", python_text::type_name(key));
                    return Err(Diagnostic::new(Kind::Type, None, message));
                }
                (at, key) => at
                    .get(&python_text::str(key))
                    .ok_or_else(|| Diagnostic::new(Kind::Key, None, python_text::repr(key)))?,
            };
        }
        Ok(at.clone())
    }

    fn label(&self, key: &Value, index: Option<Value>) -> Result<Value, Diagnostic> {
        self.entry("_labels", &std::iter::once(key.clone()).chain(index).collect::<Vec<_>>())
    }

    fn environment_capability(&self, path: &[Value]) -> Result<Value, Diagnostic> {
        let parent = self.label(&json!("csys-obj-parent"), Some(json!(0)))?;
        self.entry("_capabilities", &[parent, path.first().cloned().unwrap_or_default()])
    }
}

impl Storage for Stored<'_> {
    fn node(&self, id: &str) -> Option<Arc<Value>> {
        self.find("_nodes", "id", id).into_iter().next()
    }

    fn node_instances(&self, node_id: &str) -> Vec<Arc<Value>> {
        self.find("_node_instances", "node_id", node_id)
    }

    fn node_instance(&self, id: &str) -> Option<Arc<Value>> {
        self.find("_node_instances", "id", id).into_iter().next()
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.tables["_inputs"].get(name).cloned()
    }

    fn secret(&self, name: &str) -> Option<String> {
        if self.is_absent {
            return None;
        }
        let secrets = map(&self.tables["_secrets"]);
        if secrets.is_empty() { Some(format!("{name}_value")) } else { secrets.get(name).map(python_text::str) }
    }

    fn capability(&self, deployment: &str, name: &str) -> Result<Value, String> {
        let found = self.tables["_capabilities"].get(deployment).and_then(|capabilities| capabilities.get(name));
        found.cloned().ok_or_else(|| format!("capability {name} of {deployment} was not recorded"))
    }

    fn consumers(&self) -> Vec<(String, String)> {
        map(&self.tables["_consumers"])
            .iter()
            .map(|(id, name)| (id.as_str().to_owned(), python_text::str(name)))
            .collect()
    }

    fn system(&self, entity: &str, property: &str) -> Option<Value> {
        Some(match (entity, property) {
            ("deployment", "id") => self.tables["_deployment_id"].clone(),
            ("deployment", "name") => self.tables["_deployment_name"].clone(),
            _ => Value::Null,
        })
    }

    /// The recording's storage takes no path into a value.
    fn answer(&self, function: &str, argument: &Value) -> Option<Result<Value, Diagnostic>> {
        if self.is_absent && function.starts_with("get_") {
            let message = format!("'NoneType' object has no attribute '{}'", asked(function));
            return Some(Err(Diagnostic::new(Kind::Attribute, None, message)));
        }
        let path = argument.as_array().cloned().unwrap_or_else(|| List::from([argument.clone()]));
        let start = path.get(..2).unwrap_or(&path);
        match function {
            "get_capability" => Some(self.entry("_capabilities", start)),
            "get_group_capability" => Some(self.entry("_group_capabilities", start)),
            "get_environment_capability" => Some(self.environment_capability(&path)),
            "get_label" => {
                let index = path.get(1).map(|index| json!(python_text::str(index).parse::<u64>().unwrap_or(u64::MAX)));
                Some(self.label(&path[0], index))
            }
            _ => None,
        }
    }

    fn missing(&self, missing: Missing<'_>) -> Diagnostic {
        let message = match missing {
            _ if self.is_absent => {
                let method = match missing {
                    Missing::Node(_) => "get_node",
                    Missing::NodeInstance(_) => "get_node_instance",
                    Missing::Input(_) => "get_input",
                    Missing::Secret(_) => "get_secret",
                };
                let message = format!("'NoneType' object has no attribute '{method}'");
                return Diagnostic::new(Kind::Attribute, None, message);
            }
            Missing::Node(id) => format!("Node not found: {id}"),
            Missing::NodeInstance(id) => format!("Instance not found: {id}"),
            Missing::Input(name) | Missing::Secret(name) => name.to_owned(),
        };
        Diagnostic::new(Kind::Key, None, python_text::repr(&Value::from(message)))
    }

    fn group_capabilities(&self, group: &str) -> Result<Map, String> {
        Ok(map(&self.tables["_group_capabilities"][group]))
    }
}

/// The method of a storage that a function asks.
fn asked(function: &str) -> &str {
    match function {
        "get_attribute" | "get_attributes_list" | "get_attributes_dict" => "get_node_instances",
        other => other,
    }
}
