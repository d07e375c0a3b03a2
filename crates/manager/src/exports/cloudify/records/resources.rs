//! Sites, secrets, plugins, blueprints, deployments with their nodes, filters.

use std::collections::HashMap;

use nephele_model::Result;
use serde_json::{Map, Value, json};

use super::super::entities::Entity;
use super::super::filter_parts;
use super::{Work, as_json, at, copied};

impl Work<'_, '_> {
    pub(super) fn resources(&mut self, plugins: &HashMap<String, Map<String, Value>>) -> Result<()> {
        self.sites_and_secrets()?;
        let found = self.owned("plugins", "id")?;
        self.rows.begin("plugins")?;
        for entity in found {
            let Some(about) = plugins.get(entity.text("id")) else {
                self.rows.note(format!("The plugin {} came without its archive and is left out", entity.text("id")));
                continue;
            };
            let mut row = self.base("plugins", "id", &entity);
            row.shift_remove("created_at");
            row.extend(about.clone());
            row.insert("title".to_owned(), entity.item.get("title").cloned().unwrap_or_default());
            row.insert("uploaded_at".to_owned(), at(&entity.item, "uploaded_at").unwrap_or(self.now).into());
            self.rows.put(row)?;
        }
        self.blueprints()?;
        self.deployments()?;
        self.nodes()?;
        self.filters("blueprints_filters")?;
        self.filters("deployments_filters")
    }

    fn sites_and_secrets(&mut self) -> Result<()> {
        let found = self.owned("sites", "name")?;
        self.rows.begin("sites")?;
        for entity in found {
            let mut row = self.base("sites", "name", &entity);
            let parts: Vec<f64> =
                entity.text("location").split(',').filter_map(|part| part.trim().parse().ok()).collect();
            row.insert("name".to_owned(), entity.text("name").into());
            row.insert("latitude".to_owned(), parts.first().copied().into());
            row.insert("longitude".to_owned(), parts.get(1).copied().into());
            self.rows.put(row)?;
        }
        let found = self.owned("secrets_providers", "name")?;
        self.rows.begin("secrets_providers")?;
        for entity in found {
            let mut row = self.base("secrets_providers", "name", &entity);
            let parameters = entity.item.get("connection_parameters").filter(|given| given.is_object());
            copied(&mut row, &entity.item, &["name", "type"]);
            row.insert(
                "connection_parameters".to_owned(),
                parameters.map(|given| self.keys.encrypt(&given.to_string())).into(),
            );
            row.insert("updated_at".to_owned(), Value::Null);
            self.rows.put(row)?;
        }
        let found = self.owned("secrets", "key")?;
        self.rows.begin("secrets")?;
        for entity in found {
            let mut row = self.base("secrets", "key", &entity);
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let encrypted = |name: &str| {
                let value = entity.item.get(name).filter(|value| !value.is_null());
                value.map(|value| self.keys.encrypt(&text(value)))
            };
            let provider =
                entity.item.get("provider").map(|given| given["name"].as_str().or(given.as_str()).unwrap_or_default());
            let provider = provider.and_then(|name| self.ids.get("secrets_providers", &entity.tenant, name));
            for (name, value) in [
                ("value", encrypted("value").into()),
                ("provider_options", encrypted("provider_options").into()),
                (
                    "is_hidden_value",
                    entity.item.get("is_hidden_value").and_then(Value::as_bool).unwrap_or(false).into(),
                ),
                ("updated_at", row["created_at"].clone()),
                ("schema", Value::Null),
                ("secrets_provider_fk", provider.into()),
            ] {
                row.insert(name.to_owned(), value);
            }
            self.rows.put(row)?;
        }
        Ok(())
    }

    fn blueprints(&mut self) -> Result<()> {
        // What an execution brought about is known once all are seen.
        self.look_at_runs()?;
        let found = self.owned("blueprints", "id")?;
        let mut labels = Vec::new();
        self.rows.begin("blueprints")?;
        for entity in found {
            let mut row = self.base("blueprints", "id", &entity);
            copied(&mut row, &entity.item, &["main_file_name", "description", "state", "error", "error_traceback"]);
            as_json(&mut row, &entity.item, &["plan", "requirements"]);
            let plan = entity.item.get("plan").cloned().unwrap_or_default();
            let imports = plan["imported_blueprints"].as_array().filter(|list| !list.is_empty());
            let upload = self.ids.uploads.get(&(entity.tenant.clone(), entity.text("id").to_owned()));
            for (name, value) in [
                ("is_hidden", entity.item.get("is_hidden").and_then(Value::as_bool).unwrap_or(false).into()),
                ("updated_at", row["created_at"].clone()),
                ("imported_blueprints", imports.map(|list| json!(list).to_string()).into()),
                ("upload_execution_fk", upload.map(|(_, key)| *key).into()),
            ] {
                row.insert(name.to_owned(), value);
            }
            labels.push((row["storage_id"].clone(), entity));
            self.rows.put(row)?;
        }
        self.labels("blueprints_labels", &labels)
    }

    fn deployments(&mut self) -> Result<()> {
        let found = self.owned("deployments", "id")?;
        let mut labels = Vec::new();
        self.rows.begin("deployments")?;
        for entity in found {
            let mut row = self.base("deployments", "id", &entity);
            let Some(blueprint) = self.ids.get("blueprints", &entity.tenant, entity.text("blueprint_id")) else {
                self.rows.note(format!("The deployment {} has no blueprint and is left out", entity.text("id")));
                continue;
            };
            let simple = [
                "description",
                "installation_status",
                "deployment_status",
                "sub_services_status",
                "sub_environments_status",
            ];
            copied(&mut row, &entity.item, &simple);
            let values = [
                "inputs",
                "groups",
                "policy_triggers",
                "policy_types",
                "outputs",
                "capabilities",
                "scaling_groups",
                "resource_tags",
            ];
            as_json(&mut row, &entity.item, &values);
            let key = row["storage_id"].as_i64().unwrap_or_default();
            let facts = (entity.text("blueprint_id").to_owned(), entity.text("visibility").to_owned());
            self.ids.facts.insert(key, facts);
            let count = |name: &str| entity.item.get(name).and_then(Value::as_i64).unwrap_or_default();
            let display =
                Some(entity.text("display_name")).filter(|name| !name.is_empty()).unwrap_or(entity.text("id"));
            for (name, value) in [
                ("workflows", workflows(entity.item.get("workflows")).into()),
                ("permalink", Value::Null),
                ("updated_at", row["created_at"].clone()),
                (
                    "runtime_only_evaluation",
                    entity.item.get("runtime_only_evaluation").and_then(Value::as_bool).unwrap_or(false).into(),
                ),
                ("sub_services_count", count("sub_services_count").into()),
                ("sub_environments_count", count("sub_environments_count").into()),
                ("display_name", display.into()),
                ("blueprint_fk", blueprint.into()),
                ("site_fk", self.ids.get("sites", &entity.tenant, entity.text("site_name")).into()),
                ("create_execution_fk", self.ids.create.get(&key).map(|(_, key)| *key).into()),
                ("latest_execution_fk", self.ids.latest.get(&key).map(|(_, key)| *key).into()),
            ] {
                row.insert(name.to_owned(), value);
            }
            labels.push((row["storage_id"].clone(), entity));
            self.rows.put(row)?;
        }
        self.labels("deployments_labels", &labels)
    }

    fn filters(&mut self, kind: &'static str) -> Result<()> {
        let found = self.owned(kind, "id")?;
        self.rows.begin(kind)?;
        for entity in found {
            let mut row = self.base(kind, "id", &entity);
            let value = entity.item.get("value").cloned().unwrap_or_else(|| json!([]));
            let (labels, attributes) = filter_parts(&value);
            for (name, value) in [
                ("value", value.to_string().into()),
                ("labels_filter_rules", labels.into()),
                ("attrs_filter_rules", attributes.into()),
                ("updated_at", row["created_at"].clone()),
                ("is_system_filter", Value::from(false)),
            ] {
                row.insert(name.to_owned(), value);
            }
            self.rows.put(row)?;
        }
        Ok(())
    }

    fn nodes(&mut self) -> Result<()> {
        let key = |entity: &Entity| format!("{}/{}", entity.source_id.clone().unwrap_or_default(), entity.text("id"));
        let found = self.merged("nodes", key)?;
        self.rows.begin("nodes")?;
        for (number, entity) in (1_i64..).zip(found) {
            let deployment = entity.source_id.clone().unwrap_or_default();
            let Some(deployment) = self.ids.get("deployments", &entity.tenant, &deployment) else { continue };
            self.ids.nodes.insert((deployment, entity.text("id").to_owned()), number);
            let mut row = self.base_as(number, entity.text("id"), &entity);
            row.shift_remove("created_at");
            let simple = [
                "deploy_number_of_instances",
                "host_id",
                "max_number_of_instances",
                "min_number_of_instances",
                "number_of_instances",
                "planned_number_of_instances",
                "type",
            ];
            copied(&mut row, &entity.item, &simple);
            as_json(
                &mut row,
                &entity.item,
                &["plugins", "plugins_to_install", "properties", "relationships", "operations", "type_hierarchy"],
            );
            row.insert("deployment_fk".to_owned(), deployment.into());
            self.rows.put(row)?;
        }
        let found = self.merged("node_instances", |entity| entity.text("id").to_owned())?;
        self.rows.begin("node_instances")?;
        for entity in found {
            let deployment = entity.source_id.clone().unwrap_or_default();
            let Some(deployment) = self.ids.get("deployments", &entity.tenant, &deployment) else { continue };
            let Some(node) = self.ids.nodes.get(&(deployment, entity.text("node_id").to_owned())).copied() else {
                continue;
            };
            let place = (entity.tenant.clone(), entity.text("id").to_owned());
            self.ids.nodes_of_instances.insert(place, entity.text("node_id").to_owned());
            let mut row = self.base("node_instances", "id", &entity);
            row.shift_remove("created_at");
            copied(&mut row, &entity.item, &["host_id", "index", "state"]);
            as_json(
                &mut row,
                &entity.item,
                &["relationships", "runtime_properties", "system_properties", "scaling_groups"],
            );
            for flag in ["has_configuration_drift", "is_status_check_ok"] {
                row.insert(flag.to_owned(), entity.item.get(flag).and_then(Value::as_bool).unwrap_or(false).into());
            }
            row.insert("version".to_owned(), 1.into());
            row.insert("node_fk".to_owned(), node.into());
            row.insert("deployment_fk".to_owned(), deployment.into());
            self.rows.put(row)?;
        }
        Ok(())
    }
}

/// Workflows are listed there, and stand by their names here.
fn workflows(listed: Option<&Value>) -> Option<String> {
    let listed = listed?.as_array()?;
    let by_name: Map<String, Value> = listed
        .iter()
        .filter_map(|workflow| {
            let mut workflow = workflow.as_object()?.clone();
            let name = workflow.shift_remove("name")?.as_str()?.to_owned();
            workflow.shift_remove("is_available");
            Some((name, workflow.into()))
        })
        .collect();
    Some(Value::Object(by_name).to_string())
}
