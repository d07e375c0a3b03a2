//! Layout L: a database dump with files beside it, as Cloudify 5 to 6.4 write it, and later ones when they are asked to.
//!
//! Invariant: keys of rows stay as they are, so that whatever points to a row still does. What is not a matter of a
//! column by a column (`tables.rs`) is done here. Source: spec snapshots.md section 3.

use std::collections::{BTreeMap, HashMap, HashSet};

use nephele_model::Result;
use nephele_model::deployment::{DeploymentStatus, InstallationStatus};
use nephele_model::execution::ExecutionStatus;
use nephele_model::instance::InstanceState;
use serde_json::{Map, Value, json};

use super::agent_keys::AgentKeys;
use super::copy::{Row, Split};
use super::keys::Keys;
use super::tables::{As, EVENTS, OF_TENANT, TABLES, Table, Taken};
use super::{Rows, filter_parts};

/// Role ids of a fresh installation: roles themselves are in no dump.
pub(super) const ROLES: [&str; 6] = ["sys_admin", "manager", "user", "operations", "viewer", "default"];
/// Users of 5.0.5 that reported how services were.
const REPORTERS: &str = "_status_reporter";

/// What rows must know of others.
#[derive(Default)]
struct Known {
    /// Nodes: deployment and name.
    nodes: HashMap<i64, (i64, String)>,
    /// The node of each instance, by tenant and id.
    nodes_of_instances: HashMap<(i64, String), i64>,
    tenants: HashMap<i64, String>,
    /// Deployments: tenant and id.
    deployments: HashMap<i64, (i64, String)>,
    /// Deployments with an instance that is not started.
    inactive: HashSet<i64>,
    /// The youngest execution of each deployment: time, row, status.
    latest: HashMap<i64, (i64, i64, String)>,
    /// Instances of each node so far.
    counts: HashMap<i64, i64>,
    /// Rows that are left out: the execution that wrote the dump, its graphs; users that were none.
    writer: Option<i64>,
    graphs: HashSet<i64>,
    reporters: HashSet<i64>,
    roles_of_users: HashMap<i64, &'static str>,
    roles_of_groups: HashMap<i64, &'static str>,
    /// Whether deployments have statuses of their own, from 5.3 on.
    has_statuses: bool,
    /// Plugins' YAML files, by plugin.
    yaml_files: BTreeMap<String, Vec<String>>,
    /// Schedules to be made of executions that wait for their time.
    scheduled: Vec<Map<String, Value>>,
}

/// A dump on its way.
pub(super) struct Dump<'a> {
    split: &'a Split,
    keys: &'a mut Keys,
    agent_keys: AgentKeys,
    known: Known,
    now: i64,
}

impl<'a> Dump<'a> {
    /// Looks over the dump for what rows must know of others.
    pub(super) fn survey(
        split: &'a Split,
        keys: &'a mut Keys,
        agent_keys: AgentKeys,
        yaml_files: BTreeMap<String, Vec<String>>,
        now: i64,
    ) -> Result<Self> {
        let mut known = Known { yaml_files, ..Known::default() };
        split.each("tenants", |row| {
            known.tenants.insert(key(&row, "id"), text(&row, "name"));
            Ok(())
        })?;
        split.each("users", |row| {
            if text(&row, "username").ends_with(REPORTERS) {
                known.reporters.insert(key(&row, "id"));
            }
            Ok(())
        })?;
        split.each("users_roles", |row| {
            known.roles_of_users.insert(key(&row, "user_id"), role(key(&row, "role_id")));
            Ok(())
        })?;
        split.each("groups_roles", |row| {
            known.roles_of_groups.insert(key(&row, "group_id"), role(key(&row, "role_id")));
            Ok(())
        })?;
        split.each("deployments", |row| {
            known.has_statuses = row.has("installation_status");
            known.deployments.insert(key(&row, "_storage_id"), (key(&row, "_tenant_id"), text(&row, "id")));
            Ok(())
        })?;
        split.each("nodes", |row| {
            known.nodes.insert(key(&row, "_storage_id"), (key(&row, "_deployment_fk"), text(&row, "id")));
            Ok(())
        })?;
        split.each("node_instances", |row| {
            let node = key(&row, "_node_fk");
            known.nodes_of_instances.insert((key(&row, "_tenant_id"), text(&row, "id")), node);
            let is_started = row.text("state") == Some(InstanceState::STARTED.as_str());
            if let Some((deployment, _)) = known.nodes.get(&node).filter(|_| !is_started) {
                known.inactive.insert(*deployment);
            }
            Ok(())
        })?;
        split.each("executions", |row| {
            let own = key(&row, "_storage_id");
            if row.text("id").is_some() && row.text("id") == split.writer.as_deref() {
                known.writer = Some(own);
            }
            if let (Some(deployment), Some(created)) = (row.int("_deployment_fk"), row.time("created_at")) {
                let latest = known.latest.entry(deployment).or_insert((i64::MIN, 0, String::new()));
                if created > latest.0 {
                    *latest = (created, own, text(&row, "status"));
                }
            }
            Ok(())
        })?;
        split.each("tasks_graphs", |row| {
            if known.writer.is_some() && row.int("_execution_fk") == known.writer {
                known.graphs.insert(key(&row, "_storage_id"));
            }
            Ok(())
        })?;
        Ok(Self { split, keys, agent_keys, known, now })
    }

    /// Writes all rows.
    pub(super) fn convert(&mut self, out: &mut Rows<'_>) -> Result<()> {
        for table in TABLES {
            out.begin(table.ours)?;
            let split = self.split;
            let mut number = 0;
            split.each(table.theirs, |row| {
                number += 1;
                let mut taken = self.take(&row, table.columns)?;
                if table.of_tenant {
                    taken.extend(self.take(&row, OF_TENANT)?);
                    if taken.get("created_at").is_some_and(Value::is_null) {
                        taken.insert("created_at".to_owned(), self.now.into());
                    }
                }
                if self.adjust(table, &row, number, &mut taken)? { out.put(taken) } else { Ok(()) }
            })?;
            if table.ours == "execution_schedules" {
                for schedule in std::mem::take(&mut self.known.scheduled) {
                    out.put(schedule)?;
                }
            }
            if table.ours == "secrets" {
                for secret in self.agent_keys.secrets(self.keys, self.now) {
                    out.put(secret)?;
                }
            }
        }
        self.permissions(out)?;
        self.events(out)
    }

    fn take(&mut self, row: &Row<'_>, columns: &[Taken]) -> Result<Map<String, Value>> {
        let mut taken = Map::new();
        for (ours, theirs, how) in columns {
            let value = match how {
                As::Text => row.text(theirs).into(),
                As::TextOr(other) => row.text(theirs).unwrap_or(other).into(),
                As::Int => row.int(theirs).into(),
                As::IntOr(other) => row.int(theirs).unwrap_or(*other).into(),
                As::Float => row.float(theirs).into(),
                As::FloatOr(other) => row.float(theirs).unwrap_or(*other).into(),
                As::Flag(other) => row.flag(theirs).unwrap_or(*other).into(),
                As::Time => row.time(theirs).into(),
                As::Json => row.json(theirs)?.into(),
                As::JsonOr(other) => row.json(theirs)?.unwrap_or_else(|| (*other).to_owned()).into(),
                As::Encrypted => row.text(theirs).map(|text| self.keys.translate(text)).into(),
            };
            taken.insert((*ours).to_owned(), value);
        }
        Ok(taken)
    }

    /// What a row needs beyond its columns; false when it is left out.
    fn adjust(&mut self, table: &Table, row: &Row<'_>, number: i64, taken: &mut Map<String, Value>) -> Result<bool> {
        let mut set = |name: &str, value: Value| drop(taken.insert(name.to_owned(), value));
        match table.ours {
            "users" => {
                let id = key(row, "id");
                set("system_role", self.known.roles_of_users.get(&id).copied().unwrap_or("default").into());
                set("password", self.keys.hash(row.text("password").unwrap_or_default()).into());
                return Ok(!self.known.reporters.contains(&id));
            }
            "users_tenants" | "groups_tenants" => {
                set("role", row.int("role_id").map_or("user", role).into());
                return Ok(!row.int("user_id").is_some_and(|id| self.known.reporters.contains(&id)));
            }
            "users_groups" => return Ok(!self.known.reporters.contains(&key(row, "user_id"))),
            "groups" => {
                let role = self.known.roles_of_groups.get(&key(row, "id")).copied().unwrap_or("default");
                set("role", role.into());
                set("created_at", self.now.into());
            }
            "blueprints" => {
                let plan = row.value("plan")?;
                if row.json("requirements")?.is_none() && plan.is_object() {
                    set("requirements", super::requirements(&plan).to_string().into());
                }
                if let Some(imports) = plan["imported_blueprints"].as_array().filter(|list| !list.is_empty()) {
                    set("imported_blueprints", json!(imports).to_string().into());
                }
                if self.known.writer.is_some() && row.int("_upload_execution_fk") == self.known.writer {
                    set("upload_execution_fk", Value::Null);
                }
            }
            "blueprints_labels" | "deployments_labels" | "deployment_groups_labels" => {
                if let Some(labeled) = row.int("_deployment_fk") {
                    set("labeled_fk", labeled.into());
                }
            }
            "blueprints_filters" | "deployments_filters" => {
                let (labels, attributes) = filter_parts(&row.value("value")?);
                set("labels_filter_rules", labels.into());
                set("attrs_filter_rules", attributes.into());
                set("is_system_filter", false.into());
                // This manager has its own.
                return Ok(row.flag("is_system_filter") != Some(true));
            }
            "deployments" => self.adjust_deployment(row, taken),
            "nodes" => {
                let (tenant, deployment) = self.place(key(row, "_deployment_fk"));
                let properties = row.value("properties")?;
                if let Some(changed) = self.agent_keys.in_node(&tenant, &deployment, &text(row, "id"), properties) {
                    set("properties", changed.into());
                }
            }
            "node_instances" => {
                let node = key(row, "_node_fk");
                let Some((deployment, _)) = self.known.nodes.get(&node) else { return Ok(false) };
                set("deployment_fk", (*deployment).into());
                let count = self.known.counts.entry(node).or_default();
                *count += 1;
                if row.int("index").is_none() {
                    set("index", (*count).into());
                }
            }
            "executions" => return Ok(self.adjust_execution(row, taken)),
            "deployment_groups_deployments" => set("id", number.into()),
            "execution_groups_executions" => {
                set("id", number.into());
                return Ok(row.int("execution_id") != self.known.writer || self.known.writer.is_none());
            }
            "deployment_update_steps" => {
                let path = row
                    .list("entity_id")
                    .unwrap_or_else(|| text(row, "entity_id").split(':').map(str::to_owned).collect());
                set("entity_id", json!(path).to_string().into());
            }
            "tokens" => {
                set("secret_hash", self.keys.hash(row.text("secret_hash").unwrap_or_default()).into());
                return Ok(self.known.writer.is_none() || row.int("_execution_fk") != self.known.writer);
            }
            "tasks_graphs" => return Ok(!self.known.graphs.contains(&key(row, "_storage_id"))),
            "operations" => {
                let dependencies = row.list("dependencies").unwrap_or_default();
                set("dependencies", json!(dependencies).to_string().into());
                return Ok(!self.known.graphs.contains(&key(row, "_tasks_graph_fk")));
            }
            "plugins" => {
                let files = self.known.yaml_files.get(&text(row, "id")).cloned().unwrap_or_default();
                set("yaml_files_paths", json!(files).to_string().into());
            }
            _ => {}
        }
        Ok(true)
    }

    fn adjust_deployment(&self, row: &Row<'_>, taken: &mut Map<String, Value>) {
        let id = key(row, "_storage_id");
        if taken["display_name"].is_null() {
            taken.insert("display_name".to_owned(), text(row, "id").into());
        }
        for name in ["create_execution_fk", "latest_execution_fk"] {
            if self.known.writer.is_some() && taken[name].as_i64() == self.known.writer {
                taken.insert(name.to_owned(), Value::Null);
            }
        }
        if self.known.has_statuses {
            return;
        }
        // Before 5.3 they followed from the rest.
        let latest = self.known.latest.get(&id);
        let inactive = self.known.inactive.contains(&id);
        let installation = if inactive { InstallationStatus::Inactive } else { InstallationStatus::Active };
        let status = latest.and_then(|(_, _, status)| ExecutionStatus::parse(status));
        let whole = match status {
            Some(ExecutionStatus::Cancelled) => DeploymentStatus::RequiresAttention,
            status => DeploymentStatus::derive(status, installation),
        };
        taken.insert("installation_status".to_owned(), installation.as_str().into());
        taken.insert("deployment_status".to_owned(), whole.as_str().into());
        taken.insert("latest_execution_fk".to_owned(), latest.map(|(_, latest, _)| *latest).into());
    }

    fn adjust_execution(&mut self, row: &Row<'_>, taken: &mut Map<String, Value>) -> bool {
        let own = key(row, "_storage_id");
        taken.insert("process".to_owned(), 0.into());
        if row.text("parameters").is_some_and(|text| text.starts_with("\\x")) {
            // So the original has it for what it kept as pickles.
            taken.insert("allow_custom_parameters".to_owned(), true.into());
        }
        if row.text("status") == Some(ExecutionStatus::Scheduled.as_str()) {
            // It does not begin by itself any more; a schedule does it in its place.
            taken.insert("status".to_owned(), ExecutionStatus::Failed.as_str().into());
            let at = row.time("scheduled_for");
            if let (Some(at), Some(_)) = (at.filter(|at| *at > self.now), row.int("_deployment_fk")) {
                let mut schedule = Map::new();
                for name in [
                    "visibility",
                    "tenant_id",
                    "creator_id",
                    "created_at",
                    "workflow_id",
                    "parameters",
                    "deployment_fk",
                ] {
                    schedule.insert(name.to_owned(), taken.get(name).cloned().unwrap_or_default());
                }
                for name in ["visibility", "tenant_id", "creator_id"] {
                    let column =
                        if name == "visibility" { row.text(name).into() } else { row.int(&format!("_{name}")).into() };
                    schedule.insert(name.to_owned(), column);
                }
                let id = format!("{}_restored_{own:x}", text(row, "workflow_id"));
                for (name, value) in [
                    ("storage_id", Value::from(1_000_000_000 + own)),
                    ("id", id.into()),
                    ("since", at.into()),
                    ("next_occurrence", at.into()),
                    ("rule", json!({"count": 1}).to_string().into()),
                    ("slip", 0.into()),
                    ("enabled", true.into()),
                    ("stop_on_fail", false.into()),
                ] {
                    schedule.insert(name.to_owned(), value);
                }
                self.known.scheduled.push(schedule);
            }
        }
        self.known.writer != Some(own)
    }

    fn place(&self, deployment: i64) -> (String, String) {
        let (tenant, id) = self.known.deployments.get(&deployment).cloned().unwrap_or_default();
        (self.known.tenants.get(&tenant).cloned().unwrap_or_default(), id)
    }

    fn permissions(&self, out: &mut Rows<'_>) -> Result<()> {
        if !self.split.has("permissions") {
            return Ok(());
        }
        out.roles()?;
        out.begin("permissions")?;
        let mut number = 0;
        let mut seen = HashSet::new();
        self.split.each("permissions", |row| {
            let pair = (key(&row, "role_id"), text(&row, "name"));
            if !seen.insert(pair.clone()) || pair.0 < 1 || pair.0 > 6 {
                return Ok(());
            }
            number += 1;
            let Value::Object(row) = json!({"id": number, "role_id": pair.0, "name": pair.1}) else { return Ok(()) };
            out.put(row)
        })
    }

    /// Events have even numbers and logs odd ones: both keep their order.
    fn events(&mut self, out: &mut Rows<'_>) -> Result<()> {
        if !self.split.has("events") && !self.split.has("logs") {
            return Ok(());
        }
        out.begin("events")?;
        let split = self.split;
        for (theirs, kind, odd) in [("events", "cloudify_event", 0), ("logs", "cloudify_log", 1)] {
            split.each(theirs, |row| {
                let (execution, group) = (row.int("_execution_fk"), row.int("_execution_group_fk"));
                if execution.is_some() == group.is_some() || (execution.is_some() && execution == self.known.writer) {
                    return Ok(());
                }
                let mut taken = self.take(&row, EVENTS)?;
                taken.insert("storage_id".to_owned(), (2 * key(&row, "_storage_id") + odd).into());
                taken.insert("type".to_owned(), kind.into());
                let tenant = key(&row, "_tenant_id");
                let instance = row.text("node_id").map(|id| (tenant, id.to_owned()));
                let node = instance.and_then(|instance| self.known.nodes_of_instances.get(&instance));
                let name = node.and_then(|node| self.known.nodes.get(node)).map(|(_, name)| name.as_str());
                taken.insert("node_name".to_owned(), name.into());
                if taken["reported_timestamp"].is_null() {
                    taken.insert("reported_timestamp".to_owned(), taken["timestamp"].clone());
                }
                out.put(taken)
            })?;
        }
        Ok(())
    }
}

fn key(row: &Row<'_>, column: &str) -> i64 {
    row.int(column).unwrap_or_default()
}

fn text(row: &Row<'_>, column: &str) -> String {
    row.text(column).unwrap_or_default().to_owned()
}

fn role(id: i64) -> &'static str {
    usize::try_from(id - 1).ok().and_then(|place| ROLES.get(place).copied()).unwrap_or("default")
}
