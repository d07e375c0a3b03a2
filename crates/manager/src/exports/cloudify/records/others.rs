//! Schedules, dependencies, agents, updates.

use nephele_model::Result;
use serde_json::{Value, json};

use super::super::entities::Entity;
use super::{Work, as_json, at, copied};

impl Work<'_, '_> {
    pub(super) fn others(&mut self) -> Result<()> {
        let key = |entity: &Entity| format!("{}/{}", entity.text("deployment_id"), entity.text("id"));
        let found = self.merged("execution_schedules", key)?;
        self.rows.begin("execution_schedules")?;
        for (number, entity) in (1_i64..).zip(found) {
            let Some(deployment) = self.ids.get("deployments", &entity.tenant, entity.text("deployment_id")) else {
                continue;
            };
            let mut row = self.base_as(number, entity.text("id"), &entity);
            copied(&mut row, &entity.item, &["slip", "workflow_id", "stop_on_fail", "enabled"]);
            as_json(&mut row, &entity.item, &["rule", "parameters", "execution_arguments"]);
            let since = at(&entity.item, "since");
            for (name, value) in [
                ("since", since.into()),
                ("until", at(&entity.item, "until").into()),
                (
                    "next_occurrence",
                    at(&entity.item, "next_occurrence").or(since.filter(|since| *since > self.now)).into(),
                ),
                ("deployment_fk", deployment.into()),
                ("latest_execution_fk", Value::Null),
            ] {
                row.insert(name.to_owned(), value);
            }
            self.rows.put(row)?;
        }
        let found = self.merged("inter_deployment_dependencies", |entity| entity.text("id").to_owned())?;
        self.rows.begin("inter_deployment_dependencies")?;
        for (number, entity) in (1_i64..).zip(found) {
            let mut row = self.base_as(number, entity.text("id"), &entity);
            copied(&mut row, &entity.item, &["dependency_creator"]);
            as_json(&mut row, &entity.item, &["target_deployment_func", "external_source", "external_target"]);
            for (column, field) in
                [("source_deployment_fk", "source_deployment_id"), ("target_deployment_fk", "target_deployment_id")]
            {
                row.insert(column.to_owned(), self.ids.get("deployments", &entity.tenant, entity.text(field)).into());
            }
            self.rows.put(row)?;
        }
        let found = self.merged("agents", |entity| entity.text("id").to_owned())?;
        self.rows.begin("agents")?;
        for (number, entity) in (1_i64..).zip(found) {
            let Some(instance) = self.ids.get("node_instances", &entity.tenant, entity.text("node_instance_id")) else {
                continue;
            };
            let mut row = self.base_as(number, entity.text("id"), &entity);
            copied(
                &mut row,
                &entity.item,
                &["ip", "install_method", "system", "version", "state", "rabbitmq_username", "rabbitmq_exchange"],
            );
            let password = Some(entity.text("rabbitmq_password")).filter(|text| !text.is_empty());
            row.insert("name".to_owned(), entity.text("id").into());
            row.insert("rabbitmq_password".to_owned(), password.map(|text| self.keys.encrypt(text)).into());
            row.insert("updated_at".to_owned(), Value::Null);
            row.insert("node_instance_fk".to_owned(), instance.into());
            self.rows.put(row)?;
        }
        self.updates()
    }

    fn updates(&mut self) -> Result<()> {
        let found = self.merged("deployment_updates", |entity| entity.text("id").to_owned())?;
        let mut steps = Vec::new();
        self.rows.begin("deployment_updates")?;
        for (number, entity) in (1_i64..).zip(found) {
            let Some(deployment) = self.ids.get("deployments", &entity.tenant, entity.text("deployment_id")) else {
                continue;
            };
            let mut row = self.base_as(number, entity.text("id"), &entity);
            copied(&mut row, &entity.item, &["state"]);
            let values = [
                "deployment_plan",
                "deployment_update_node_instances",
                "deployment_update_nodes",
                "central_plugins_to_install",
                "central_plugins_to_uninstall",
                "modified_entity_ids",
                "old_inputs",
                "new_inputs",
            ];
            as_json(&mut row, &entity.item, &values);
            for flag in ["runtime_only_evaluation", "keep_old_deployment_dependencies"] {
                row.insert(flag.to_owned(), entity.item.get(flag).and_then(Value::as_bool).unwrap_or(false).into());
            }
            row.insert("deployment_fk".to_owned(), deployment.into());
            row.insert(
                "execution_fk".to_owned(),
                self.ids.get("executions", &entity.tenant, entity.text("execution_id")).into(),
            );
            for (column, field) in [("old_blueprint_fk", "old_blueprint_id"), ("new_blueprint_fk", "new_blueprint_id")]
            {
                row.insert(column.to_owned(), self.ids.get("blueprints", &entity.tenant, entity.text(field)).into());
            }
            self.rows.put(row)?;
            steps.push((number, entity));
        }
        self.rows.begin("deployment_update_steps")?;
        let mut number = 0_i64;
        for (update, entity) in steps {
            for item in entity.item.get("steps").and_then(Value::as_array).into_iter().flatten() {
                let Value::Object(item) = item else { continue };
                number += 1;
                let step = Entity { item: item.clone(), ..entity.clone() };
                let mut row = self.base_as(number, step.text("id"), &step);
                row.shift_remove("created_at");
                let path = match item.get("entity_id") {
                    Some(Value::String(text)) => json!(text.split(':').collect::<Vec<_>>()),
                    other => other.cloned().unwrap_or_else(|| json!([])),
                };
                copied(&mut row, item, &["action", "entity_type"]);
                row.insert("entity_id".to_owned(), path.to_string().into());
                row.insert(
                    "topology_order".to_owned(),
                    item.get("topology_order").and_then(Value::as_i64).unwrap_or(0).into(),
                );
                row.insert("deployment_update_fk".to_owned(), update.into());
                self.rows.put(row)?;
            }
        }
        let found = self.merged("plugins_update", |entity| entity.text("id").to_owned())?;
        self.rows.begin("plugins_updates")?;
        for (number, entity) in (1_i64..).zip(found) {
            let Some(blueprint) = self.ids.get("blueprints", &entity.tenant, entity.text("blueprint_id")) else {
                continue;
            };
            let mut row = self.base_as(number, entity.text("id"), &entity);
            copied(&mut row, &entity.item, &["state", "forced", "all_tenants"]);
            for (name, none) in [("deployments_to_update", "[]"), ("deployments_per_tenant", "{}")] {
                let text =
                    entity.item.get(name).filter(|value| !value.is_null()).map_or(none.to_owned(), ToString::to_string);
                row.insert(name.to_owned(), text.into());
            }
            row.insert("blueprint_fk".to_owned(), blueprint.into());
            row.insert(
                "temp_blueprint_fk".to_owned(),
                self.ids.get("blueprints", &entity.tenant, entity.text("temp_blueprint_id")).into(),
            );
            row.insert(
                "execution_fk".to_owned(),
                self.ids.get("executions", &entity.tenant, entity.text("execution_id")).into(),
            );
            self.rows.put(row)?;
        }
        Ok(())
    }
}
