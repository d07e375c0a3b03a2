//! Which column of ours comes from which of the original's, table by table, in layout L.
//!
//! The original's columns are read by name; what a version does not have takes the default here. What is more than a
//! column by a column stands in `dump.rs`. Source: spec snapshots.md section 3.

/// How a column is taken over.
#[derive(Clone, Copy)]
pub(super) enum As {
    Text,
    TextOr(&'static str),
    Int,
    IntOr(i64),
    Float,
    FloatOr(f64),
    Flag(bool),
    Time,
    /// JSON text, or a pickle.
    Json,
    /// The same where null is none.
    JsonOr(&'static str),
    /// A token that was encrypted with the archive's key.
    Encrypted,
}

/// Our column, the original's, and how.
pub(super) type Taken = (&'static str, &'static str, As);

/// A table that is taken over.
pub(super) struct Table {
    pub(super) ours: &'static str,
    pub(super) theirs: &'static str,
    /// Whether the rows are resources of tenants.
    pub(super) of_tenant: bool,
    pub(super) columns: &'static [Taken],
}

use As::{Encrypted, Flag, Float, FloatOr, Int, IntOr, Json, JsonOr, Text, TextOr, Time};

/// What all resources of tenants have.
pub(super) const OF_TENANT: &[Taken] = &[
    ("storage_id", "_storage_id", Int),
    ("id", "id", Text),
    ("visibility", "visibility", TextOr("tenant")),
    ("tenant_id", "_tenant_id", Int),
    ("creator_id", "_creator_id", Int),
];

const LABELS: &[Taken] = &[
    ("id", "id", Int),
    ("key", "key", Text),
    ("value", "value", Text),
    ("created_at", "created_at", Time),
    ("creator_id", "_creator_id", Int),
    ("labeled_fk", "_labeled_model_fk", Int),
];

const FILTERS: &[Taken] =
    &[("created_at", "created_at", Time), ("value", "value", JsonOr("[]")), ("updated_at", "updated_at", Time)];

const fn of_tenant(name: &'static str, columns: &'static [Taken]) -> Table {
    Table { ours: name, theirs: name, of_tenant: true, columns }
}

const fn plain(name: &'static str, columns: &'static [Taken]) -> Table {
    Table { ours: name, theirs: name, of_tenant: false, columns }
}

/// Every table that is taken over column by column.
pub(super) const TABLES: &[Table] = &[
    plain(
        "tenants",
        &[
            ("id", "id", Int),
            ("name", "name", Text),
            ("rabbitmq_vhost", "rabbitmq_vhost", Text),
            ("rabbitmq_username", "rabbitmq_username", Text),
            ("rabbitmq_password", "rabbitmq_password", Encrypted),
        ],
    ),
    plain(
        "users",
        &[
            ("id", "id", Int),
            ("username", "username", Text),
            ("password", "password", TextOr("")),
            ("active", "active", Flag(true)),
            ("email", "email", Text),
            ("first_name", "first_name", Text),
            ("last_name", "last_name", Text),
            ("created_at", "created_at", Time),
            ("first_login_at", "first_login_at", Time),
            ("last_login_at", "last_login_at", Time),
            ("last_failed_login_at", "last_failed_login_at", Time),
            ("failed_logins_counter", "failed_logins_counter", IntOr(0)),
            ("show_getting_started", "show_getting_started", Flag(false)),
        ],
    ),
    plain("users_tenants", &[("user_id", "user_id", Int), ("tenant_id", "tenant_id", Int)]),
    plain("groups", &[("id", "id", Int), ("name", "name", Text), ("ldap_dn", "ldap_dn", Text)]),
    plain("users_groups", &[("user_id", "user_id", Int), ("group_id", "group_id", Int)]),
    plain("groups_tenants", &[("group_id", "group_id", Int), ("tenant_id", "tenant_id", Int)]),
    of_tenant(
        "sites",
        &[
            ("created_at", "created_at", Time),
            ("name", "name", Text),
            ("latitude", "latitude", Float),
            ("longitude", "longitude", Float),
        ],
    ),
    of_tenant(
        "blueprints",
        &[
            ("created_at", "created_at", Time),
            ("main_file_name", "main_file_name", Text),
            ("plan", "plan", Json),
            ("requirements", "requirements", Json),
            ("updated_at", "updated_at", Time),
            ("description", "description", Text),
            ("is_hidden", "is_hidden", Flag(false)),
            ("state", "state", TextOr("uploaded")),
            ("error", "error", Text),
            ("error_traceback", "error_traceback", Text),
            ("upload_execution_fk", "_upload_execution_fk", Int),
        ],
    ),
    plain("blueprints_labels", LABELS),
    of_tenant("blueprints_filters", FILTERS),
    of_tenant(
        "deployments",
        &[
            ("created_at", "created_at", Time),
            ("description", "description", Text),
            ("inputs", "inputs", Json),
            ("groups", "groups", Json),
            ("permalink", "permalink", Text),
            ("policy_triggers", "policy_triggers", Json),
            ("policy_types", "policy_types", Json),
            ("outputs", "outputs", Json),
            ("capabilities", "capabilities", Json),
            ("scaling_groups", "scaling_groups", Json),
            ("updated_at", "updated_at", Time),
            ("workflows", "workflows", Json),
            ("runtime_only_evaluation", "runtime_only_evaluation", Flag(false)),
            ("installation_status", "installation_status", Text),
            ("deployment_status", "deployment_status", Text),
            ("sub_services_status", "sub_services_status", Text),
            ("sub_environments_status", "sub_environments_status", Text),
            ("sub_services_count", "sub_services_count", IntOr(0)),
            ("sub_environments_count", "sub_environments_count", IntOr(0)),
            ("display_name", "display_name", Text),
            ("resource_tags", "resource_tags", Json),
            ("blueprint_fk", "_blueprint_fk", Int),
            ("site_fk", "_site_fk", Int),
            ("create_execution_fk", "_create_execution_fk", Int),
            ("latest_execution_fk", "_latest_execution_fk", Int),
        ],
    ),
    plain("deployments_labels", LABELS),
    of_tenant("deployments_filters", FILTERS),
    of_tenant(
        "nodes",
        &[
            ("deploy_number_of_instances", "deploy_number_of_instances", IntOr(1)),
            ("host_id", "host_id", Text),
            ("max_number_of_instances", "max_number_of_instances", IntOr(-1)),
            ("min_number_of_instances", "min_number_of_instances", IntOr(0)),
            ("number_of_instances", "number_of_instances", IntOr(1)),
            ("planned_number_of_instances", "planned_number_of_instances", IntOr(1)),
            ("plugins", "plugins", Json),
            ("plugins_to_install", "plugins_to_install", Json),
            ("properties", "properties", Json),
            ("relationships", "relationships", Json),
            ("operations", "operations", Json),
            ("type", "type", Text),
            ("type_hierarchy", "type_hierarchy", Json),
            ("deployment_fk", "_deployment_fk", Int),
        ],
    ),
    of_tenant(
        "node_instances",
        &[
            ("host_id", "host_id", Text),
            ("index", "index", Int),
            ("relationships", "relationships", Json),
            ("runtime_properties", "runtime_properties", Json),
            ("system_properties", "system_properties", Json),
            ("scaling_groups", "scaling_groups", Json),
            ("state", "state", Text),
            ("version", "version", IntOr(1)),
            ("has_configuration_drift", "has_configuration_drift", Flag(false)),
            ("is_status_check_ok", "is_status_check_ok", Flag(true)),
            ("node_fk", "_node_fk", Int),
        ],
    ),
    of_tenant(
        "executions",
        &[
            ("created_at", "created_at", Time),
            ("ended_at", "ended_at", Time),
            ("error", "error", Text),
            ("is_system_workflow", "is_system_workflow", Flag(false)),
            ("parameters", "parameters", Json),
            ("status", "status", Text),
            ("workflow_id", "workflow_id", Text),
            ("started_at", "started_at", Time),
            ("scheduled_for", "scheduled_for", Time),
            ("is_dry_run", "is_dry_run", Flag(false)),
            ("resume", "resume", Flag(false)),
            ("deployment_fk", "_deployment_fk", Int),
            ("total_operations", "total_operations", IntOr(0)),
            ("finished_operations", "finished_operations", IntOr(0)),
            ("allow_custom_parameters", "allow_custom_parameters", Flag(true)),
            ("wait_after_fail", "wait_after_fail", FloatOr(600.0)),
            ("blueprint_id", "blueprint_id", Text),
        ],
    ),
    of_tenant(
        "deployment_groups",
        &[
            ("created_at", "created_at", Time),
            ("description", "description", Text),
            ("default_inputs", "default_inputs", Json),
            ("creation_counter", "creation_counter", IntOr(0)),
            ("default_blueprint_fk", "_default_blueprint_fk", Int),
        ],
    ),
    plain("deployment_groups_labels", LABELS),
    plain(
        "deployment_groups_deployments",
        &[("deployment_group_fk", "deployment_group_id", Int), ("deployment_fk", "deployment_id", Int)],
    ),
    of_tenant(
        "execution_groups",
        &[
            ("created_at", "created_at", Time),
            ("workflow_id", "workflow_id", Text),
            ("concurrency", "concurrency", IntOr(5)),
            ("deployment_group_fk", "_deployment_group_fk", Int),
            ("success_group_fk", "_success_group_fk", Int),
            ("failed_group_fk", "_failed_group_fk", Int),
        ],
    ),
    plain(
        "execution_groups_executions",
        &[("execution_group_fk", "execution_group_id", Int), ("execution_fk", "execution_id", Int)],
    ),
    of_tenant(
        "execution_schedules",
        &[
            ("created_at", "created_at", Time),
            ("next_occurrence", "next_occurrence", Time),
            ("since", "since", Time),
            ("until", "until", Time),
            ("rule", "rule", JsonOr("{}")),
            ("slip", "slip", IntOr(0)),
            ("workflow_id", "workflow_id", Text),
            ("parameters", "parameters", Json),
            ("execution_arguments", "execution_arguments", Json),
            ("stop_on_fail", "stop_on_fail", Flag(false)),
            ("enabled", "enabled", Flag(true)),
            ("deployment_fk", "_deployment_fk", Int),
            ("latest_execution_fk", "_latest_execution_fk", Int),
        ],
    ),
    of_tenant(
        "deployment_modifications",
        &[
            ("created_at", "created_at", Time),
            ("status", "status", Text),
            ("context", "context", Json),
            ("ended_at", "ended_at", Time),
            ("modified_nodes", "modified_nodes", Json),
            ("node_instances", "node_instances", Json),
            ("deployment_fk", "_deployment_fk", Int),
        ],
    ),
    of_tenant(
        "deployment_updates",
        &[
            ("created_at", "created_at", Time),
            ("state", "state", Text),
            ("deployment_plan", "deployment_plan", Json),
            ("deployment_update_node_instances", "deployment_update_node_instances", Json),
            ("deployment_update_nodes", "deployment_update_nodes", Json),
            ("central_plugins_to_install", "central_plugins_to_install", Json),
            ("central_plugins_to_uninstall", "central_plugins_to_uninstall", Json),
            ("modified_entity_ids", "modified_entity_ids", Json),
            ("old_inputs", "old_inputs", Json),
            ("new_inputs", "new_inputs", Json),
            ("runtime_only_evaluation", "runtime_only_evaluation", Flag(false)),
            ("keep_old_deployment_dependencies", "keep_old_deployment_dependencies", Flag(true)),
            ("execution_fk", "_execution_fk", Int),
            ("deployment_fk", "_deployment_fk", Int),
            ("old_blueprint_fk", "_old_blueprint_fk", Int),
            ("new_blueprint_fk", "_new_blueprint_fk", Int),
        ],
    ),
    of_tenant(
        "deployment_update_steps",
        &[
            ("action", "action", Text),
            ("entity_type", "entity_type", Text),
            ("topology_order", "topology_order", IntOr(0)),
            ("deployment_update_fk", "_deployment_update_fk", Int),
        ],
    ),
    plain(
        "tokens",
        &[
            ("id", "id", Text),
            ("secret_hash", "secret_hash", Text),
            ("description", "description", Text),
            ("created_at", "created_at", Time),
            ("last_used", "last_used", Time),
            ("expiration_date", "expiration_date", Time),
            ("user_id", "_user_fk", Int),
            ("execution_fk", "_execution_fk", Int),
        ],
    ),
    of_tenant(
        "tasks_graphs",
        &[("created_at", "created_at", Time), ("name", "name", Text), ("execution_fk", "_execution_fk", Int)],
    ),
    of_tenant(
        "operations",
        &[
            ("created_at", "created_at", Time),
            ("name", "name", TextOr("")),
            ("state", "state", Text),
            ("type", "type", Text),
            ("parameters", "parameters", JsonOr("{}")),
            ("manager_name", "manager_name", Text),
            ("agent_name", "agent_name", Text),
            ("tasks_graph_fk", "_tasks_graph_fk", Int),
        ],
    ),
    of_tenant(
        "secrets_providers",
        &[
            ("created_at", "created_at", Time),
            ("name", "name", Text),
            ("type", "type", Text),
            ("connection_parameters", "connection_parameters", Encrypted),
            ("updated_at", "updated_at", Time),
        ],
    ),
    of_tenant(
        "secrets",
        &[
            ("created_at", "created_at", Time),
            ("value", "value", Encrypted),
            ("updated_at", "updated_at", Time),
            ("is_hidden_value", "is_hidden_value", Flag(false)),
            ("schema", "schema", Json),
            ("secrets_provider_fk", "_secrets_provider_fk", Int),
            ("provider_options", "provider_options", Encrypted),
        ],
    ),
    of_tenant(
        "plugins",
        &[
            ("archive_name", "archive_name", Text),
            ("distribution", "distribution", Text),
            ("distribution_release", "distribution_release", Text),
            ("distribution_version", "distribution_version", Text),
            ("excluded_wheels", "excluded_wheels", Json),
            ("package_name", "package_name", Text),
            ("package_source", "package_source", Text),
            ("package_version", "package_version", Text),
            ("supported_platform", "supported_platform", Json),
            ("supported_py_versions", "supported_py_versions", Json),
            ("uploaded_at", "uploaded_at", Time),
            ("wheels", "wheels", Json),
            ("title", "title", Text),
            ("blueprint_labels", "blueprint_labels", Json),
            ("labels", "labels", Json),
            ("resource_tags", "resource_tags", Json),
        ],
    ),
    of_tenant(
        "plugins_updates",
        &[
            ("created_at", "created_at", Time),
            ("state", "state", Text),
            ("deployments_to_update", "deployments_to_update", Json),
            ("deployments_per_tenant", "deployments_per_tenant", Json),
            ("forced", "forced", Flag(false)),
            ("all_tenants", "all_tenants", Flag(false)),
            ("blueprint_fk", "_original_blueprint_fk", Int),
            ("temp_blueprint_fk", "_temp_blueprint_fk", Int),
            ("execution_fk", "_execution_fk", Int),
        ],
    ),
    of_tenant(
        "inter_deployment_dependencies",
        &[
            ("created_at", "created_at", Time),
            ("dependency_creator", "dependency_creator", Text),
            ("target_deployment_func", "target_deployment_func", Json),
            ("external_source", "external_source", Json),
            ("external_target", "external_target", Json),
            ("source_deployment_fk", "_source_deployment", Int),
            ("target_deployment_fk", "_target_deployment", Int),
        ],
    ),
    of_tenant(
        "agents",
        &[
            ("created_at", "created_at", Time),
            ("ip", "ip", Text),
            ("name", "name", Text),
            ("install_method", "install_method", TextOr("")),
            ("system", "system", Text),
            ("version", "version", TextOr("")),
            ("state", "state", TextOr("restored")),
            ("rabbitmq_username", "rabbitmq_username", Text),
            ("rabbitmq_password", "rabbitmq_password", Encrypted),
            ("rabbitmq_exchange", "rabbitmq_exchange", TextOr("")),
            ("updated_at", "updated_at", Time),
            ("node_instance_fk", "_node_instance_fk", Int),
        ],
    ),
];

/// Events and logs, which are one table here.
pub(super) const EVENTS: &[Taken] = &[
    ("timestamp", "timestamp", Time),
    ("reported_timestamp", "reported_timestamp", Time),
    ("message", "message", Text),
    ("event_type", "event_type", Text),
    ("logger", "logger", Text),
    ("level", "level", Text),
    ("operation", "operation", Text),
    ("node_id", "node_id", Text),
    ("source_id", "source_id", Text),
    ("target_id", "target_id", Text),
    ("error_causes", "error_causes", Json),
    ("manager_name", "manager_name", Text),
    ("agent_name", "agent_name", Text),
    ("execution_fk", "_execution_fk", Int),
    ("execution_group_fk", "_execution_group_fk", Int),
];
