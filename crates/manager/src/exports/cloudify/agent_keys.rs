//! Private keys of agents that lay as files on the other manager: they become secrets.
//!
//! Invariant: a node whose key is a path, and whose key came along, names a secret with the same content afterwards.
//! Plans of blueprints stay as they are, as the original leaves them.
//! Source: spec snapshots.md section 3.4, step 10.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::keys::Keys;

/// Where a key may stand among a node's properties.
const PLACES: [&str; 2] = ["agent_config", "cloudify_agent"];
/// Keys of secrets that are made here begin behind all others.
const FIRST: i64 = 1_000_000_000;

/// Keys that came along, by `TENANT_DEPLOYMENT_NODE`, and the secrets that were made of them.
#[derive(Default)]
pub(super) struct AgentKeys {
    files: BTreeMap<String, String>,
    /// The secret of each path and content, with its tenant.
    made: BTreeMap<String, (String, String)>,
    tenants: HashMap<String, i64>,
}

impl AgentKeys {
    pub(super) fn new(files: BTreeMap<String, String>, tenants: HashMap<String, i64>) -> Self {
        Self { files, tenants, ..Self::default() }
    }

    /// The properties of a node that names a secret instead; nothing if it stays as it is.
    pub(super) fn in_node(
        &mut self,
        tenant: &str,
        deployment: &str,
        node: &str,
        mut properties: Value,
    ) -> Option<String> {
        let content = self.files.get(&format!("{tenant}_{deployment}_{node}"))?.clone();
        let mut changed = false;
        for place in PLACES {
            let Some(path) = properties[place]["key"].as_str().filter(|path| path.starts_with(['/', '~'])) else {
                continue;
            };
            let name = self.secret(tenant, path, &content);
            properties[place]["key"] = json!({"get_secret": name});
            changed = true;
        }
        changed.then(|| properties.to_string())
    }

    /// The name of the secret with this content.
    fn secret(&mut self, tenant: &str, path: &str, content: &str) -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-._".contains(letter) { letter } else { '_' };
        let base: String = format!("cfyagent_key__{path}").chars().map(plain).collect();
        let mut name = base.clone();
        let mut number = 0;
        while let Some((owner, other)) = self.made.get(&name) {
            if owner == tenant && other == content {
                break;
            }
            number += 1;
            name = format!("{base}_{number}");
        }
        self.made.insert(name.clone(), (tenant.to_owned(), content.to_owned()));
        name
    }

    /// The rows of the secrets that were made.
    pub(super) fn secrets(&self, keys: &Keys, now: i64) -> Vec<Map<String, Value>> {
        let row = |(number, (name, (tenant, content))): (i64, (&String, &(String, String)))| {
            let row = json!({
                "storage_id": FIRST + number, "id": name, "visibility": "tenant",
                "tenant_id": self.tenants.get(tenant).copied().unwrap_or_default(), "creator_id": 0, "created_at": now,
                "value": keys.encrypt(content), "updated_at": now, "is_hidden_value": false, "schema": null,
                "secrets_provider_fk": null, "provider_options": null,
            });
            if let Value::Object(row) = row { row } else { Map::new() }
        };
        (0..).zip(&self.made).map(row).collect()
    }
}
