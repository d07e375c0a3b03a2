//! Executions with their groups and graphs, and what points to them.

use nephele_model::Result;
use nephele_model::task::TaskState;
use serde_json::{Value, json};

use super::super::Layout;
use super::super::entities::Entity;
use super::{Work, as_json, at, copied};

impl Work<'_, '_> {
    /// Which executions deployments and blueprints point to: the youngest that have begun.
    pub(super) fn look_at_runs(&mut self) -> Result<()> {
        for entity in self.merged("executions", |entity| entity.text("id").to_owned())? {
            let Some(key) = self.ids.get("executions", &entity.tenant, entity.text("id")) else { continue };
            let began = at(&entity.item, "started_at").unwrap_or(i64::MIN);
            if matches!(entity.text("status"), "pending" | "queued" | "scheduled") {
                continue;
            }
            let younger = |held: Option<&(i64, i64)>| held.is_none_or(|(other, _)| *other < began);
            if let Some(deployment) = self.ids.get("deployments", &entity.tenant, entity.text("deployment_id")) {
                if younger(self.ids.latest.get(&deployment)) {
                    self.ids.latest.insert(deployment, (began, key));
                }
                let is_create = entity.text("workflow_id") == "create_deployment_environment";
                if is_create && younger(self.ids.create.get(&deployment)) {
                    self.ids.create.insert(deployment, (began, key));
                }
            } else if entity.text("workflow_id") == "upload_blueprint" {
                let id = entity.item.get("parameters").and_then(|given| given["blueprint_id"].as_str());
                let place = (entity.tenant.clone(), id.unwrap_or_default().to_owned());
                if younger(self.ids.uploads.get(&place)) {
                    self.ids.uploads.insert(place, (began, key));
                }
            }
        }
        Ok(())
    }

    /// How many operations executions have, from their graphs.
    fn count_operations(&mut self) -> Result<()> {
        for entity in self.merged("tasks_graphs", |entity| entity.text("id").to_owned())? {
            let Some(execution) = self.ids.get("executions", &entity.tenant, entity.text("execution_id")) else {
                continue;
            };
            let count = self.ids.operations.entry(execution).or_default();
            for operation in entity.item.get("operations").and_then(Value::as_array).into_iter().flatten() {
                let state = operation["state"].as_str().and_then(TaskState::parse);
                count.0 += 1;
                count.1 += i64::from(state.is_some_and(TaskState::is_final));
            }
        }
        Ok(())
    }

    pub(super) fn runs(&mut self, layout: Layout) -> Result<()> {
        self.count_operations()?;
        let found = self.merged("executions", |entity| entity.text("id").to_owned())?;
        self.rows.begin("executions")?;
        for entity in found {
            let mut row = self.base("executions", "id", &entity);
            copied(&mut row, &entity.item, &["error", "status", "workflow_id"]);
            as_json(&mut row, &entity.item, &["parameters"]);
            let flag = |name: &str| entity.item.get(name).and_then(Value::as_bool);
            let deployment = self.ids.get("deployments", &entity.tenant, entity.text("deployment_id"));
            let facts = deployment.and_then(|deployment| self.ids.facts.get(&deployment));
            let key = row["storage_id"].as_i64().unwrap_or_default();
            // Who gives graphs of what is under way alone says in the record how many operations there were.
            let counted = self.ids.operations.get(&key).copied().unwrap_or_default();
            let said = |name: &str| entity.item.get(name).and_then(Value::as_i64);
            let (total, finished) = said("total_operations").zip(said("finished_operations")).unwrap_or(counted);
            let system = ["create_snapshot", "restore_snapshot", "create_log_bundle", "update_plugin"]
                .contains(&entity.text("workflow_id"));
            for (name, value) in [
                ("ended_at", at(&entity.item, "ended_at").into()),
                ("started_at", at(&entity.item, "started_at").into()),
                ("scheduled_for", at(&entity.item, "scheduled_for").into()),
                ("is_system_workflow", flag("is_system_workflow").unwrap_or(system).into()),
                ("is_dry_run", flag("is_dry_run").unwrap_or(false).into()),
                ("allow_custom_parameters", flag("allow_custom_parameters").unwrap_or(false).into()),
                ("resume", Value::from(false)),
                ("total_operations", total.into()),
                ("finished_operations", finished.into()),
                ("wait_after_fail", 600.into()),
                ("deployment_fk", deployment.into()),
                ("blueprint_id", facts.map(|(blueprint, _)| blueprint.as_str()).into()),
                ("process", 0.into()),
            ] {
                row.insert(name.to_owned(), value);
            }
            if let Some((_, visibility)) = facts.filter(|_| entity.text("visibility").is_empty()) {
                row.insert("visibility".to_owned(), visibility.as_str().into());
            }
            // The one that wrote the archive has written it, where nothing says which one that was.
            if layout == Layout::Folders
                && entity.text("workflow_id") == "create_snapshot"
                && row["status"] == "started"
            {
                row.insert("status".to_owned(), "terminated".into());
            }
            self.rows.put(row)?;
        }
        self.groups_of_runs()?;
        self.graphs()?;
        self.others()
    }

    fn groups_of_runs(&mut self) -> Result<()> {
        let found = self.owned("deployment_groups", "id")?;
        let (mut members, mut labels) = (Vec::new(), Vec::new());
        self.rows.begin("deployment_groups")?;
        for entity in found {
            let mut row = self.base("deployment_groups", "id", &entity);
            copied(&mut row, &entity.item, &["description"]);
            as_json(&mut row, &entity.item, &["default_inputs"]);
            let blueprint = self.ids.get("blueprints", &entity.tenant, entity.text("default_blueprint_id"));
            row.insert("default_blueprint_fk".to_owned(), blueprint.into());
            row.insert(
                "creation_counter".to_owned(),
                entity.item.get("creation_counter").and_then(Value::as_i64).unwrap_or(0).into(),
            );
            for id in entity.item.get("deployment_ids").and_then(Value::as_array).into_iter().flatten() {
                let deployment = self.ids.get("deployments", &entity.tenant, id.as_str().unwrap_or_default());
                members.extend(deployment.map(|deployment| (row["storage_id"].clone(), deployment)));
            }
            labels.push((row["storage_id"].clone(), entity));
            self.rows.put(row)?;
        }
        self.labels("deployment_groups_labels", &labels)?;
        self.rows.begin("deployment_groups_deployments")?;
        for (number, (group, deployment)) in (1_i64..).zip(members) {
            self.put(json!({"id": number, "deployment_group_fk": group, "deployment_fk": deployment}))?;
        }
        let found = self.owned("execution_groups", "id")?;
        let mut members = Vec::new();
        self.rows.begin("execution_groups")?;
        for entity in found {
            let mut row = self.base("execution_groups", "id", &entity);
            copied(&mut row, &entity.item, &["workflow_id"]);
            row.insert(
                "concurrency".to_owned(),
                entity.item.get("concurrency").and_then(Value::as_i64).unwrap_or(5).into(),
            );
            let group = self.ids.get("deployment_groups", &entity.tenant, entity.text("deployment_group_id"));
            row.insert("deployment_group_fk".to_owned(), group.into());
            for id in entity.item.get("execution_ids").and_then(Value::as_array).into_iter().flatten() {
                let execution = self.ids.get("executions", &entity.tenant, id.as_str().unwrap_or_default());
                members.extend(execution.map(|execution| (row["storage_id"].clone(), execution)));
            }
            self.rows.put(row)?;
        }
        self.rows.begin("execution_groups_executions")?;
        for (number, (group, execution)) in (1_i64..).zip(members) {
            self.put(json!({"id": number, "execution_group_fk": group, "execution_fk": execution}))?;
        }
        Ok(())
    }

    fn graphs(&mut self) -> Result<()> {
        let found = self.merged("tasks_graphs", |entity| entity.text("id").to_owned())?;
        let mut kept = Vec::new();
        self.rows.begin("tasks_graphs")?;
        for (number, entity) in (1_i64..).zip(found) {
            let Some(execution) = self.ids.get("executions", &entity.tenant, entity.text("execution_id")) else {
                continue;
            };
            let mut row = self.base_as(number, entity.text("id"), &entity);
            row.insert("name".to_owned(), entity.text("name").into());
            row.insert("execution_fk".to_owned(), execution.into());
            self.rows.put(row)?;
            kept.push((number, entity));
        }
        self.rows.begin("operations")?;
        let mut number = 0_i64;
        for (graph, entity) in kept {
            for item in entity.item.get("operations").and_then(Value::as_array).into_iter().flatten() {
                let Value::Object(item) = item else { continue };
                number += 1;
                let operation = Entity { item: item.clone(), ..entity.clone() };
                let mut row = self.base_as(number, operation.text("id"), &operation);
                copied(&mut row, item, &["state", "type", "manager_name", "agent_name"]);
                row.insert("name".to_owned(), operation.text("name").into());
                row.insert(
                    "dependencies".to_owned(),
                    item.get("dependencies").cloned().unwrap_or_else(|| json!([])).to_string().into(),
                );
                row.insert(
                    "parameters".to_owned(),
                    item.get("parameters").cloned().unwrap_or_else(|| json!({})).to_string().into(),
                );
                row.insert("tasks_graph_fk".to_owned(), graph.into());
                self.rows.put(row)?;
            }
        }
        Ok(())
    }
}
