-- The first schema. Its PostgreSQL twin is ../pg/0001_init.sql: the two must stay alike, a test compares them.
-- Rules: instants are BIGINT microseconds since 1970 in UTC, JSON is TEXT, every row that others point at has an
-- integer key; `<thing>_fk` holds the integer key of another row, never the id that users know.

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    rabbitmq_vhost TEXT,
    rabbitmq_username TEXT,
    rabbitmq_password TEXT
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    system_role TEXT NOT NULL DEFAULT 'default',
    active BOOLEAN NOT NULL DEFAULT TRUE,
    email TEXT,
    first_name TEXT,
    last_name TEXT,
    created_at BIGINT NOT NULL,
    first_login_at BIGINT,
    last_login_at BIGINT,
    last_failed_login_at BIGINT,
    failed_logins_counter BIGINT NOT NULL DEFAULT 0,
    show_getting_started BOOLEAN NOT NULL DEFAULT TRUE
);

CREATE TABLE users_tenants (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, tenant_id)
);
CREATE INDEX users_tenants_tenant ON users_tenants (tenant_id);

CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ldap_dn TEXT UNIQUE,
    role TEXT NOT NULL DEFAULT 'default',
    created_at BIGINT NOT NULL
);

CREATE TABLE users_groups (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX users_groups_group ON users_groups (group_id);

CREATE TABLE groups_tenants (
    group_id BIGINT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (group_id, tenant_id)
);
CREATE INDEX groups_tenants_tenant ON groups_tenants (tenant_id);

CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    description TEXT NOT NULL,
    updated_at BIGINT
);

CREATE TABLE permissions (
    id INTEGER PRIMARY KEY,
    role_id BIGINT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (role_id, name)
);

CREATE TABLE sites (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    UNIQUE (name, tenant_id)
);

CREATE TABLE blueprints (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    main_file_name TEXT,
    plan TEXT,
    imported_blueprints TEXT,
    requirements TEXT,
    updated_at BIGINT,
    description TEXT,
    is_hidden BOOLEAN NOT NULL DEFAULT FALSE,
    state TEXT NOT NULL,
    error TEXT,
    error_traceback TEXT,
    upload_execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE SET NULL,
    UNIQUE (id, tenant_id)
);
CREATE INDEX blueprints_created_at ON blueprints (created_at, storage_id);
CREATE INDEX blueprints_upload_execution ON blueprints (upload_execution_fk);

CREATE TABLE blueprints_labels (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    labeled_fk BIGINT NOT NULL REFERENCES blueprints (storage_id) ON DELETE CASCADE,
    UNIQUE (labeled_fk, key, value)
);
CREATE INDEX blueprints_labels_key ON blueprints_labels (key, value);

-- Filter rules with a name. The rules stand as a whole, and apart by what they look at.
CREATE TABLE blueprints_filters (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    value TEXT NOT NULL,
    labels_filter_rules TEXT NOT NULL,
    attrs_filter_rules TEXT NOT NULL,
    updated_at BIGINT,
    is_system_filter BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (id, tenant_id)
);

CREATE TABLE deployments (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    description TEXT,
    inputs TEXT,
    "groups" TEXT,
    permalink TEXT,
    policy_triggers TEXT,
    policy_types TEXT,
    outputs TEXT,
    capabilities TEXT,
    scaling_groups TEXT,
    updated_at BIGINT,
    workflows TEXT,
    runtime_only_evaluation BOOLEAN NOT NULL DEFAULT FALSE,
    installation_status TEXT,
    deployment_status TEXT,
    sub_services_status TEXT,
    sub_environments_status TEXT,
    sub_services_count BIGINT NOT NULL DEFAULT 0,
    sub_environments_count BIGINT NOT NULL DEFAULT 0,
    display_name TEXT NOT NULL,
    resource_tags TEXT,
    blueprint_fk BIGINT NOT NULL REFERENCES blueprints (storage_id) ON DELETE CASCADE,
    site_fk BIGINT REFERENCES sites (storage_id) ON DELETE SET NULL,
    create_execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE SET NULL,
    latest_execution_fk BIGINT UNIQUE REFERENCES executions (storage_id) ON DELETE SET NULL,
    UNIQUE (id, tenant_id)
);
CREATE INDEX deployments_created_at ON deployments (created_at, storage_id);
CREATE INDEX deployments_blueprint ON deployments (blueprint_fk);
CREATE INDEX deployments_site ON deployments (site_fk);
CREATE INDEX deployments_create_execution ON deployments (create_execution_fk);

CREATE TABLE deployments_labels (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    labeled_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    UNIQUE (labeled_fk, key, value)
);
CREATE INDEX deployments_labels_key ON deployments_labels (key, value);

CREATE TABLE deployments_filters (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    value TEXT NOT NULL,
    labels_filter_rules TEXT NOT NULL,
    attrs_filter_rules TEXT NOT NULL,
    updated_at BIGINT,
    is_system_filter BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (id, tenant_id)
);

CREATE TABLE nodes (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    deploy_number_of_instances BIGINT NOT NULL,
    host_id TEXT,
    max_number_of_instances BIGINT NOT NULL,
    min_number_of_instances BIGINT NOT NULL,
    number_of_instances BIGINT NOT NULL,
    planned_number_of_instances BIGINT NOT NULL,
    plugins TEXT,
    plugins_to_install TEXT,
    properties TEXT,
    relationships TEXT,
    operations TEXT,
    type TEXT NOT NULL,
    type_hierarchy TEXT,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    UNIQUE (deployment_fk, id)
);
CREATE INDEX nodes_id ON nodes (id);

-- `deployment_fk` repeats the node's, so that a deployment's instances are found without a join.
CREATE TABLE node_instances (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    host_id TEXT,
    "index" BIGINT,
    relationships TEXT,
    runtime_properties TEXT,
    system_properties TEXT,
    scaling_groups TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    has_configuration_drift BOOLEAN NOT NULL DEFAULT FALSE,
    is_status_check_ok BOOLEAN NOT NULL DEFAULT FALSE,
    node_fk BIGINT NOT NULL REFERENCES nodes (storage_id) ON DELETE CASCADE,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    UNIQUE (id, tenant_id)
);
CREATE INDEX node_instances_node ON node_instances (node_fk);
CREATE INDEX node_instances_deployment ON node_instances (deployment_fk, storage_id);
CREATE INDEX node_instances_drifted ON node_instances (deployment_fk) WHERE has_configuration_drift;
CREATE INDEX node_instances_unavailable ON node_instances (deployment_fk) WHERE NOT is_status_check_ok;

CREATE TABLE executions (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    error TEXT,
    is_system_workflow BOOLEAN NOT NULL DEFAULT FALSE,
    parameters TEXT,
    status TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    started_at BIGINT,
    scheduled_for BIGINT,
    is_dry_run BOOLEAN NOT NULL DEFAULT FALSE,
    token TEXT,
    resume BOOLEAN NOT NULL DEFAULT FALSE,
    deployment_fk BIGINT REFERENCES deployments (storage_id) ON DELETE CASCADE,
    total_operations BIGINT NOT NULL DEFAULT 0,
    finished_operations BIGINT NOT NULL DEFAULT 0,
    allow_custom_parameters BOOLEAN NOT NULL DEFAULT FALSE,
    wait_after_fail DOUBLE PRECISION NOT NULL DEFAULT 600,
    blueprint_id TEXT,
    UNIQUE (id, tenant_id)
);
CREATE INDEX executions_created_at ON executions (created_at, storage_id);
CREATE INDEX executions_deployment ON executions (deployment_fk, created_at);
CREATE INDEX executions_status ON executions (status);
CREATE INDEX executions_system ON executions (storage_id) WHERE is_system_workflow;
CREATE INDEX executions_token ON executions (token);

CREATE TABLE deployment_groups (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    description TEXT,
    default_inputs TEXT,
    creation_counter BIGINT NOT NULL DEFAULT 0,
    default_blueprint_fk BIGINT REFERENCES blueprints (storage_id) ON DELETE SET NULL,
    UNIQUE (id, tenant_id)
);
CREATE INDEX deployment_groups_created_at ON deployment_groups (created_at, storage_id);
CREATE INDEX deployment_groups_default_blueprint ON deployment_groups (default_blueprint_fk);

CREATE TABLE deployment_groups_labels (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    labeled_fk BIGINT NOT NULL REFERENCES deployment_groups (storage_id) ON DELETE CASCADE,
    UNIQUE (labeled_fk, key, value)
);

CREATE TABLE deployment_groups_deployments (
    id INTEGER PRIMARY KEY,
    deployment_group_fk BIGINT NOT NULL REFERENCES deployment_groups (storage_id) ON DELETE CASCADE,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    UNIQUE (deployment_group_fk, deployment_fk)
);
CREATE INDEX deployment_groups_deployments_deployment ON deployment_groups_deployments (deployment_fk);

CREATE TABLE execution_groups (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    workflow_id TEXT NOT NULL,
    concurrency BIGINT NOT NULL DEFAULT 5,
    deployment_group_fk BIGINT REFERENCES deployment_groups (storage_id) ON DELETE CASCADE,
    success_group_fk BIGINT REFERENCES deployment_groups (storage_id) ON DELETE SET NULL,
    failed_group_fk BIGINT REFERENCES deployment_groups (storage_id) ON DELETE SET NULL,
    UNIQUE (id, tenant_id)
);
CREATE INDEX execution_groups_created_at ON execution_groups (created_at, storage_id);
CREATE INDEX execution_groups_paused ON execution_groups (storage_id) WHERE concurrency = 0;
CREATE INDEX execution_groups_deployment_group ON execution_groups (deployment_group_fk);
CREATE INDEX execution_groups_success_group ON execution_groups (success_group_fk);
CREATE INDEX execution_groups_failed_group ON execution_groups (failed_group_fk);

CREATE TABLE execution_groups_executions (
    id INTEGER PRIMARY KEY,
    execution_group_fk BIGINT NOT NULL REFERENCES execution_groups (storage_id) ON DELETE CASCADE,
    execution_fk BIGINT NOT NULL REFERENCES executions (storage_id) ON DELETE CASCADE,
    UNIQUE (execution_group_fk, execution_fk)
);
CREATE INDEX execution_groups_executions_execution ON execution_groups_executions (execution_fk);

CREATE TABLE execution_schedules (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    next_occurrence BIGINT,
    since BIGINT,
    "until" BIGINT,
    rule TEXT NOT NULL,
    slip BIGINT NOT NULL,
    workflow_id TEXT NOT NULL,
    parameters TEXT,
    execution_arguments TEXT,
    stop_on_fail BOOLEAN NOT NULL DEFAULT FALSE,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    latest_execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE SET NULL,
    UNIQUE (id, deployment_fk)
);
CREATE INDEX execution_schedules_created_at ON execution_schedules (created_at, storage_id);
CREATE INDEX execution_schedules_deployment ON execution_schedules (deployment_fk);
CREATE INDEX execution_schedules_latest_execution ON execution_schedules (latest_execution_fk);
CREATE INDEX execution_schedules_next_occurrence ON execution_schedules (next_occurrence);

CREATE TABLE deployment_modifications (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    context TEXT,
    ended_at BIGINT,
    modified_nodes TEXT,
    node_instances TEXT,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    UNIQUE (id, tenant_id)
);
CREATE INDEX deployment_modifications_created_at ON deployment_modifications (created_at, storage_id);
CREATE INDEX deployment_modifications_deployment ON deployment_modifications (deployment_fk);

CREATE TABLE deployment_updates (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    state TEXT,
    deployment_plan TEXT,
    deployment_update_node_instances TEXT,
    deployment_update_nodes TEXT,
    central_plugins_to_install TEXT,
    central_plugins_to_uninstall TEXT,
    modified_entity_ids TEXT,
    old_inputs TEXT,
    new_inputs TEXT,
    runtime_only_evaluation BOOLEAN NOT NULL DEFAULT FALSE,
    keep_old_deployment_dependencies BOOLEAN NOT NULL DEFAULT FALSE,
    execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE CASCADE,
    deployment_fk BIGINT NOT NULL REFERENCES deployments (storage_id) ON DELETE CASCADE,
    old_blueprint_fk BIGINT REFERENCES blueprints (storage_id) ON DELETE CASCADE,
    new_blueprint_fk BIGINT REFERENCES blueprints (storage_id) ON DELETE CASCADE,
    UNIQUE (id, tenant_id)
);
CREATE INDEX deployment_updates_created_at ON deployment_updates (created_at, storage_id);
CREATE INDEX deployment_updates_execution ON deployment_updates (execution_fk);
CREATE INDEX deployment_updates_deployment ON deployment_updates (deployment_fk);
CREATE INDEX deployment_updates_old_blueprint ON deployment_updates (old_blueprint_fk);
CREATE INDEX deployment_updates_new_blueprint ON deployment_updates (new_blueprint_fk);

CREATE TABLE deployment_update_steps (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    action TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id TEXT NOT NULL,
    topology_order BIGINT NOT NULL,
    deployment_update_fk BIGINT NOT NULL REFERENCES deployment_updates (storage_id) ON DELETE CASCADE
);
CREATE INDEX deployment_update_steps_update ON deployment_update_steps (deployment_update_fk, storage_id);

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    description TEXT,
    created_at BIGINT NOT NULL,
    last_used BIGINT,
    expiration_date BIGINT,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE CASCADE
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_execution ON tokens (execution_fk);

CREATE TABLE tasks_graphs (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    execution_fk BIGINT NOT NULL REFERENCES executions (storage_id) ON DELETE CASCADE,
    UNIQUE (execution_fk, name)
);

CREATE TABLE operations (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    dependencies TEXT NOT NULL,
    type TEXT NOT NULL,
    parameters TEXT NOT NULL,
    manager_name TEXT,
    agent_name TEXT,
    attempt BIGINT NOT NULL DEFAULT 1,
    queued_at BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    tasks_graph_fk BIGINT NOT NULL REFERENCES tasks_graphs (storage_id) ON DELETE CASCADE
);
CREATE INDEX operations_graph ON operations (tasks_graph_fk, storage_id);

-- Events and logs in one table: one order over both, one index for the query that every client polls.
-- They belong to whom their execution, or group of executions, belongs.
CREATE TABLE events (
    storage_id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    "timestamp" BIGINT NOT NULL,
    reported_timestamp BIGINT NOT NULL,
    message TEXT,
    event_type TEXT,
    logger TEXT,
    level TEXT,
    operation TEXT,
    node_id TEXT,
    node_name TEXT,
    source_id TEXT,
    target_id TEXT,
    error_causes TEXT,
    manager_name TEXT,
    agent_name TEXT,
    execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE CASCADE,
    execution_group_fk BIGINT REFERENCES execution_groups (storage_id) ON DELETE CASCADE,
    CHECK ((execution_fk IS NULL) <> (execution_group_fk IS NULL))
);
CREATE INDEX events_execution ON events (execution_fk, reported_timestamp, "timestamp", storage_id);
CREATE INDEX events_execution_group ON events (execution_group_fk, reported_timestamp, "timestamp", storage_id)
    WHERE execution_group_fk IS NOT NULL;
CREATE INDEX events_timestamp ON events ("timestamp", storage_id);

CREATE TABLE secrets_providers (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    connection_parameters TEXT,
    updated_at BIGINT,
    UNIQUE (name, tenant_id)
);

CREATE TABLE secrets (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    value TEXT,
    updated_at BIGINT,
    is_hidden_value BOOLEAN NOT NULL DEFAULT FALSE,
    schema TEXT,
    secrets_provider_fk BIGINT REFERENCES secrets_providers (storage_id) ON DELETE CASCADE,
    provider_options TEXT,
    UNIQUE (id, tenant_id)
);
CREATE INDEX secrets_provider ON secrets (secrets_provider_fk);

CREATE TABLE plugins (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    archive_name TEXT NOT NULL,
    distribution TEXT,
    distribution_release TEXT,
    distribution_version TEXT,
    excluded_wheels TEXT,
    package_name TEXT NOT NULL,
    package_source TEXT,
    package_version TEXT,
    supported_platform TEXT,
    supported_py_versions TEXT,
    uploaded_at BIGINT NOT NULL,
    wheels TEXT,
    title TEXT,
    blueprint_labels TEXT,
    labels TEXT,
    resource_tags TEXT,
    yaml_files_paths TEXT,
    UNIQUE (package_name, package_version, tenant_id, distribution, distribution_release, distribution_version)
);
CREATE INDEX plugins_id ON plugins (id);

CREATE TABLE plugins_updates (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    deployments_to_update TEXT,
    deployments_per_tenant TEXT,
    forced BOOLEAN NOT NULL DEFAULT FALSE,
    all_tenants BOOLEAN NOT NULL DEFAULT FALSE,
    blueprint_fk BIGINT NOT NULL REFERENCES blueprints (storage_id) ON DELETE CASCADE,
    temp_blueprint_fk BIGINT REFERENCES blueprints (storage_id) ON DELETE SET NULL,
    execution_fk BIGINT REFERENCES executions (storage_id) ON DELETE SET NULL,
    UNIQUE (id, tenant_id)
);
CREATE INDEX plugins_updates_created_at ON plugins_updates (created_at, storage_id);
CREATE INDEX plugins_updates_blueprint ON plugins_updates (blueprint_fk);
CREATE INDEX plugins_updates_temp_blueprint ON plugins_updates (temp_blueprint_fk);
CREATE INDEX plugins_updates_execution ON plugins_updates (execution_fk);

CREATE TABLE inter_deployment_dependencies (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    dependency_creator TEXT NOT NULL,
    target_deployment_func TEXT,
    external_source TEXT,
    external_target TEXT,
    source_deployment_fk BIGINT REFERENCES deployments (storage_id) ON DELETE CASCADE,
    target_deployment_fk BIGINT REFERENCES deployments (storage_id) ON DELETE SET NULL
);
CREATE INDEX inter_deployment_dependencies_source ON inter_deployment_dependencies (source_deployment_fk);
CREATE INDEX inter_deployment_dependencies_target ON inter_deployment_dependencies (target_deployment_fk);

CREATE TABLE agents (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    ip TEXT,
    name TEXT NOT NULL,
    install_method TEXT NOT NULL,
    system TEXT,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    rabbitmq_username TEXT,
    rabbitmq_password TEXT,
    rabbitmq_exchange TEXT NOT NULL,
    updated_at BIGINT,
    node_instance_fk BIGINT NOT NULL REFERENCES node_instances (storage_id) ON DELETE CASCADE,
    UNIQUE (name, tenant_id)
);
CREATE INDEX agents_node_instance ON agents (node_instance_fk);

-- Where a plugin is installed: on a manager, known by its host's name, or on an agent.
CREATE TABLE plugins_states (
    storage_id INTEGER PRIMARY KEY,
    plugin_fk BIGINT NOT NULL REFERENCES plugins (storage_id) ON DELETE CASCADE,
    manager_name TEXT,
    agent_fk BIGINT REFERENCES agents (storage_id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    error TEXT
);
CREATE INDEX plugins_states_plugin ON plugins_states (plugin_fk);
CREATE INDEX plugins_states_agent ON plugins_states (agent_fk);

CREATE TABLE snapshots (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    UNIQUE (id, tenant_id)
);

CREATE TABLE log_bundles (
    storage_id INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    visibility TEXT NOT NULL,
    tenant_id BIGINT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    status TEXT NOT NULL,
    error TEXT,
    UNIQUE (id, tenant_id)
);

CREATE TABLE provider_context (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    context TEXT NOT NULL
);

CREATE TABLE config (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    schema TEXT,
    is_editable BOOLEAN NOT NULL DEFAULT TRUE,
    admin_only BOOLEAN NOT NULL DEFAULT FALSE,
    updated_at BIGINT,
    updater_fk BIGINT REFERENCES users (id) ON DELETE SET NULL,
    PRIMARY KEY (scope, name)
);

CREATE TABLE maintenance_mode (
    id INTEGER PRIMARY KEY,
    status TEXT NOT NULL,
    activation_requested_at BIGINT NOT NULL,
    activated_at BIGINT,
    requested_by_fk BIGINT REFERENCES users (id) ON DELETE SET NULL
);

CREATE TABLE certificates (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    updated_at BIGINT
);

-- `node` is the manager process that keeps the row up to date; rows that a user added have none.
CREATE TABLE managers (
    id INTEGER PRIMARY KEY,
    hostname TEXT NOT NULL UNIQUE,
    private_ip TEXT NOT NULL,
    public_ip TEXT NOT NULL,
    version TEXT NOT NULL,
    edition TEXT NOT NULL,
    distribution TEXT NOT NULL,
    distro_release TEXT NOT NULL,
    fs_sync_node_id TEXT,
    networks TEXT,
    last_seen BIGINT NOT NULL,
    status_report_frequency BIGINT,
    certificate_fk BIGINT REFERENCES certificates (id) ON DELETE SET NULL,
    node TEXT UNIQUE
);
CREATE INDEX managers_certificate ON managers (certificate_fk);

CREATE TABLE rabbitmq_brokers (
    name TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    management_host TEXT,
    port BIGINT,
    username TEXT,
    password TEXT,
    params TEXT,
    networks TEXT,
    is_external BOOLEAN NOT NULL DEFAULT FALSE,
    certificate_fk BIGINT REFERENCES certificates (id) ON DELETE SET NULL,
    node TEXT UNIQUE
);
CREATE INDEX rabbitmq_brokers_certificate ON rabbitmq_brokers (certificate_fk);

CREATE TABLE db_nodes (
    name TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL UNIQUE,
    is_external BOOLEAN NOT NULL DEFAULT FALSE,
    node TEXT UNIQUE
);

CREATE TABLE licenses (
    id INTEGER PRIMARY KEY,
    customer_id TEXT UNIQUE,
    expiration_date BIGINT,
    license_edition TEXT,
    trial BOOLEAN NOT NULL DEFAULT FALSE,
    cloudify_version TEXT,
    capabilities TEXT
);

-- Who changed what: triggers write the rows (src/audit.rs), the manager seals them. `position` and `hash` are the
-- entry's place in the chain; `digest` stands for the content of an entry that was truncated.
CREATE TABLE audit_log (
    id INTEGER PRIMARY KEY,
    ref_table TEXT,
    ref_id BIGINT,
    ref_identifier TEXT,
    tenant_id BIGINT,
    operation TEXT,
    creator_name TEXT,
    execution_id TEXT,
    created_at BIGINT,
    position BIGINT UNIQUE,
    digest TEXT,
    hash TEXT
);
CREATE INDEX audit_log_created_at ON audit_log (created_at, id);
CREATE INDEX audit_log_creator ON audit_log (creator_name, created_at, id);
CREATE INDEX audit_log_execution ON audit_log (execution_id);

-- Who writes at the moment, for the triggers of the audit log. There is one writer at a time.
CREATE TABLE audit_actor (
    id INTEGER PRIMARY KEY,
    creator_name TEXT,
    execution_id TEXT
);
INSERT INTO audit_actor (id) VALUES (1);

-- Messages that were decided in a transaction and wait to be published.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
