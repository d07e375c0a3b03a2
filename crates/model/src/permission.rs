//! What a caller may be allowed to do, and which built-in roles hold it.
//!
//! The names are wire format: `/permissions` and `GET /config` publish them, and errors quote them.
//! Source: spec rest-api.md section 4. A route names its permission in the route table of the
//! `api` crate; roles are described in [`crate::role`].

use crate::role::Role;

const EVERYONE: &[Role] = &[Role::SysAdmin, Role::Manager, Role::User, Role::Operations, Role::Viewer, Role::Default];
const READERS: &[Role] = &[Role::SysAdmin, Role::Manager, Role::User, Role::Operations, Role::Viewer];
const OPERATORS: &[Role] = &[Role::SysAdmin, Role::Manager, Role::User, Role::Operations];
const AUTHORS: &[Role] = &[Role::SysAdmin, Role::Manager, Role::User];
const MANAGERS: &[Role] = &[Role::SysAdmin, Role::Manager];
const ADMIN: &[Role] = &[Role::SysAdmin];

macro_rules! permissions {
    ($($variant:ident = $name:literal, $roles:expr;)*) => {
        /// A right that a REST route demands; the variants are named as on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant says what its wire name says")]
        pub enum Permission { $($variant,)* }

        impl Permission {
            /// Every permission of the REST service, in the order of their names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The built-in roles that hold it when nothing was changed by an administrator.
            pub const fn roles(self) -> &'static [Role] {
                match self { $(Self::$variant => $roles,)* }
            }
        }
    };
}

permissions! {
    Administrators = "administrators", MANAGERS;
    AgentCreate = "agent_create", OPERATORS;
    AgentGet = "agent_get", READERS;
    AgentList = "agent_list", READERS;
    AgentReplaceCerts = "agent_replace_certs", ADMIN;
    AgentUpdate = "agent_update", OPERATORS;
    AllTenants = "all_tenants", ADMIN;
    AuditLogInject = "audit_log_inject", ADMIN;
    AuditLogTruncate = "audit_log_truncate", ADMIN;
    AuditLogView = "audit_log_view", ADMIN;
    BlueprintDelete = "blueprint_delete", AUTHORS;
    BlueprintDownload = "blueprint_download", READERS;
    BlueprintGet = "blueprint_get", READERS;
    BlueprintList = "blueprint_list", READERS;
    BlueprintUpload = "blueprint_upload", AUTHORS;
    BrokerCredentials = "broker_credentials", ADMIN;
    BrokerGet = "broker_get", EVERYONE;
    BrokerManage = "broker_manage", ADMIN;
    ClusterNodeConfigUpdate = "cluster_node_config_update", ADMIN;
    ClusterStatusGet = "cluster_status_get", READERS;
    CommunityContactCreate = "community_contact_create", ADMIN;
    CreateGlobalResource = "create_global_resource", ADMIN;
    CreateToken = "create_token", &[Role::SysAdmin, Role::Manager, Role::User, Role::Viewer, Role::Default];
    DbNodesGet = "db_nodes_get", EVERYONE;
    DeleteToken = "delete_token", &[Role::SysAdmin, Role::Manager, Role::User, Role::Viewer, Role::Default];
    DeploymentCapabilities = "deployment_capabilities", READERS;
    DeploymentCreate = "deployment_create", OPERATORS;
    DeploymentDelete = "deployment_delete", OPERATORS;
    DeploymentGet = "deployment_get", READERS;
    DeploymentGroupCreate = "deployment_group_create", OPERATORS;
    DeploymentGroupDelete = "deployment_group_delete", OPERATORS;
    DeploymentGroupGet = "deployment_group_get", READERS;
    DeploymentGroupList = "deployment_group_list", READERS;
    DeploymentGroupUpdate = "deployment_group_update", OPERATORS;
    DeploymentList = "deployment_list", READERS;
    DeploymentModificationFinish = "deployment_modification_finish", OPERATORS;
    DeploymentModificationGet = "deployment_modification_get", READERS;
    DeploymentModificationList = "deployment_modification_list", READERS;
    DeploymentModificationOutputs = "deployment_modification_outputs", READERS;
    DeploymentModificationRollback = "deployment_modification_rollback", OPERATORS;
    DeploymentModify = "deployment_modify", OPERATORS;
    DeploymentSetSite = "deployment_set_site", OPERATORS;
    DeploymentSetVisibility = "deployment_set_visibility", OPERATORS;
    DeploymentUpdate = "deployment_update", OPERATORS;
    DeploymentUpdateCreate = "deployment_update_create", OPERATORS;
    DeploymentUpdateGet = "deployment_update_get", READERS;
    DeploymentUpdateList = "deployment_update_list", READERS;
    DeploymentUpdateUpdate = "deployment_update_update", OPERATORS;
    EventCreate = "event_create", OPERATORS;
    EventDelete = "event_delete", OPERATORS;
    EventList = "event_list", READERS;
    ExecuteGlobalWorkflow = "execute_global_workflow", MANAGERS;
    ExecutionCancel = "execution_cancel", OPERATORS;
    ExecutionDelete = "execution_delete", OPERATORS;
    ExecutionGet = "execution_get", READERS;
    ExecutionGroupCancel = "execution_group_cancel", OPERATORS;
    ExecutionGroupCreate = "execution_group_create", OPERATORS;
    ExecutionGroupGet = "execution_group_get", READERS;
    ExecutionGroupList = "execution_group_list", READERS;
    ExecutionGroupUpdate = "execution_group_update", OPERATORS;
    ExecutionList = "execution_list", READERS;
    ExecutionScheduleCreate = "execution_schedule_create", OPERATORS;
    ExecutionScheduleGet = "execution_schedule_get", READERS;
    ExecutionScheduleList = "execution_schedule_list", READERS;
    ExecutionShouldStart = "execution_should_start", READERS;
    ExecutionStart = "execution_start", OPERATORS;
    ExecutionStatusUpdate = "execution_status_update", OPERATORS;
    FileServerAuth = "file_server_auth", READERS;
    FilterCreate = "filter_create", OPERATORS;
    FilterDelete = "filter_delete", OPERATORS;
    FilterGet = "filter_get", READERS;
    FilterList = "filter_list", READERS;
    FilterUpdate = "filter_update", OPERATORS;
    FunctionsEvaluate = "functions_evaluate", OPERATORS;
    GetPasswordHash = "get_password_hash", ADMIN;
    GettingStarted = "getting_started", ADMIN;
    IdentityProviderGet = "identity_provider_get", EVERYONE;
    InjectToken = "inject_token", ADMIN;
    InterDeploymentDependencyCreate = "inter_deployment_dependency_create", OPERATORS;
    InterDeploymentDependencyDelete = "inter_deployment_dependency_delete", OPERATORS;
    InterDeploymentDependencyGet = "inter_deployment_dependency_get", READERS;
    InterDeploymentDependencyList = "inter_deployment_dependency_list", READERS;
    InterDeploymentDependencyUpdate = "inter_deployment_dependency_update", OPERATORS;
    LabelsList = "labels_list", READERS;
    LdapSet = "ldap_set", ADMIN;
    LdapStatusGet = "ldap_status_get", EVERYONE;
    LicenseList = "license_list", EVERYONE;
    LicenseRemove = "license_remove", ADMIN;
    LicenseUpload = "license_upload", ADMIN;
    ListToken = "list_token", &[Role::SysAdmin, Role::Manager, Role::User, Role::Viewer, Role::Default];
    LogBundleCreate = "log_bundle_create", ADMIN;
    LogBundleDelete = "log_bundle_delete", ADMIN;
    LogBundleDownload = "log_bundle_download", ADMIN;
    LogBundleGet = "log_bundle_get", ADMIN;
    LogBundleList = "log_bundle_list", ADMIN;
    LogBundleStatusUpdate = "log_bundle_status_update", ADMIN;
    MaintenanceModeGet = "maintenance_mode_get", EVERYONE;
    MaintenanceModeSet = "maintenance_mode_set", ADMIN;
    ManageOthersTokens = "manage_others_tokens", ADMIN;
    ManagerConfigGet = "manager_config_get", EVERYONE;
    ManagerConfigPut = "manager_config_put", MANAGERS;
    ManagerGet = "manager_get", READERS;
    ManagerManage = "manager_manage", ADMIN;
    Monitoring = "monitoring", ADMIN;
    NodeDelete = "node_delete", OPERATORS;
    NodeInstanceDelete = "node_instance_delete", OPERATORS;
    NodeInstanceGet = "node_instance_get", READERS;
    NodeInstanceList = "node_instance_list", READERS;
    NodeInstanceUpdate = "node_instance_update", OPERATORS;
    NodeList = "node_list", READERS;
    NodeUpdate = "node_update", OPERATORS;
    Operations = "operations", READERS;
    PluginDelete = "plugin_delete", AUTHORS;
    PluginDownload = "plugin_download", READERS;
    PluginGet = "plugin_get", READERS;
    PluginList = "plugin_list", READERS;
    PluginUpload = "plugin_upload", AUTHORS;
    PluginsUpdateCreate = "plugins_update_create", OPERATORS;
    PluginsUpdateGet = "plugins_update_get", READERS;
    PluginsUpdateList = "plugins_update_list", READERS;
    ProviderContextCreate = "provider_context_create", EVERYONE;
    ProviderContextGet = "provider_context_get", EVERYONE;
    ResourceSetGlobal = "resource_set_global", ADMIN;
    ResourceSetVisibility = "resource_set_visibility", AUTHORS;
    SecretCreate = "secret_create", AUTHORS;
    SecretDelete = "secret_delete", AUTHORS;
    SecretExport = "secret_export", AUTHORS;
    SecretGet = "secret_get", READERS;
    SecretImport = "secret_import", AUTHORS;
    SecretList = "secret_list", READERS;
    SecretUpdate = "secret_update", AUTHORS;
    SecretsProviderCreate = "secrets_provider_create", AUTHORS;
    SecretsProviderCredentials = "secrets_provider_credentials", ADMIN;
    SecretsProviderDelete = "secrets_provider_delete", AUTHORS;
    SecretsProviderGet = "secrets_provider_get", READERS;
    SecretsProviderList = "secrets_provider_list", READERS;
    SecretsProviderUpdate = "secrets_provider_update", AUTHORS;
    SetExecutionDetails = "set_execution_details", ADMIN;
    SetExecutionGroupDetails = "set_execution_group_details", ADMIN;
    SetOwner = "set_owner", ADMIN;
    SetPluginUpdateDetails = "set_plugin_update_details", ADMIN;
    SetTimestamp = "set_timestamp", ADMIN;
    SiteCreate = "site_create", AUTHORS;
    SiteDelete = "site_delete", AUTHORS;
    SiteGet = "site_get", READERS;
    SiteList = "site_list", READERS;
    SiteUpdate = "site_update", AUTHORS;
    SnapshotCreate = "snapshot_create", ADMIN;
    SnapshotDelete = "snapshot_delete", ADMIN;
    SnapshotDownload = "snapshot_download", ADMIN;
    SnapshotGet = "snapshot_get", ADMIN;
    SnapshotList = "snapshot_list", ADMIN;
    SnapshotRestore = "snapshot_restore", ADMIN;
    SnapshotStatusUpdate = "snapshot_status_update", ADMIN;
    SnapshotUpload = "snapshot_upload", ADMIN;
    StatusGet = "status_get", EVERYONE;
    TenantAddGroup = "tenant_add_group", ADMIN;
    TenantAddUser = "tenant_add_user", ADMIN;
    TenantCreate = "tenant_create", ADMIN;
    TenantDelete = "tenant_delete", ADMIN;
    TenantGet = "tenant_get", OPERATORS;
    TenantList = "tenant_list", EVERYONE;
    TenantListGetData = "tenant_list_get_data", ADMIN;
    TenantRabbitmqCredentials = "tenant_rabbitmq_credentials", OPERATORS;
    TenantRemoveGroup = "tenant_remove_group", ADMIN;
    TenantRemoveUser = "tenant_remove_user", ADMIN;
    TenantUpdateGroup = "tenant_update_group", ADMIN;
    TenantUpdateUser = "tenant_update_user", ADMIN;
    TokenGet = "token_get", EVERYONE;
    UserCreate = "user_create", ADMIN;
    UserDelete = "user_delete", ADMIN;
    UserGet = "user_get", ADMIN;
    UserGetSelf = "user_get_self", EVERYONE;
    UserGroupAddUser = "user_group_add_user", ADMIN;
    UserGroupCreate = "user_group_create", ADMIN;
    UserGroupDelete = "user_group_delete", ADMIN;
    UserGroupGet = "user_group_get", ADMIN;
    UserGroupList = "user_group_list", ADMIN;
    UserGroupRemoveUser = "user_group_remove_user", ADMIN;
    UserGroupUpdate = "user_group_update", ADMIN;
    UserList = "user_list", ADMIN;
    UserSetActivated = "user_set_activated", ADMIN;
    UserToken = "user_token", ADMIN;
    UserUnlock = "user_unlock", ADMIN;
    UserUpdate = "user_update", ADMIN;
    VersionGet = "version_get", EVERYONE;
}

/// Permissions that only a console asks about: name and holders. No REST route needs them, yet
/// `GET /config` publishes them beside the others.
pub const CONSOLE: &[(&str, &[Role])] = &[
    ("stage_configure", ADMIN),
    ("stage_install_widgets", ADMIN),
    ("stage_maintenance_mode", ADMIN),
    ("stage_services_status", ADMIN),
    ("stage_template_management", ADMIN),
    ("widget_custom_sys_admin", ADMIN),
    ("widget_highAvailability", ADMIN),
    ("widget_maintenanceModeButton", ADMIN),
    ("widget_snapshots", ADMIN),
    ("widget_tenants", ADMIN),
    ("widget_userGroups", ADMIN),
    ("widget_userManagement", ADMIN),
    ("stage_edit_mode", OPERATORS),
    ("widget_blueprintActionButtons", OPERATORS),
    ("widget_deploymentActionButtons", OPERATORS),
    ("widget_deploymentButton", OPERATORS),
    ("widget_environmentButton", OPERATORS),
    ("widget_onlyMyResources", OPERATORS),
    ("widget_secretProviders", OPERATORS),
    ("widget_agents", READERS),
    ("widget_blueprintCatalog", READERS),
    ("widget_blueprintInfo", READERS),
    ("widget_blueprintNum", READERS),
    ("widget_blueprintSources", READERS),
    ("widget_blueprints", READERS),
    ("widget_buttonLink", READERS),
    ("widget_cloudNum", READERS),
    ("widget_custom_all", READERS),
    ("widget_deploymentInfo", READERS),
    ("widget_deploymentNum", READERS),
    ("widget_deployments", READERS),
    ("widget_deploymentsView", READERS),
    ("widget_events", READERS),
    ("widget_eventsFilter", READERS),
    ("widget_executionLogs", READERS),
    ("widget_executionNum", READERS),
    ("widget_executions", READERS),
    ("widget_executionsStatus", READERS),
    ("widget_filter", READERS),
    ("widget_filters", READERS),
    ("widget_inputs", READERS),
    ("widget_labels", READERS),
    ("widget_nodes", READERS),
    ("widget_nodesComputeNum", READERS),
    ("widget_nodesStats", READERS),
    ("widget_outputs", READERS),
    ("widget_plugins", READERS),
    ("widget_pluginsNum", READERS),
    ("widget_secrets", READERS),
    ("widget_serversNum", READERS),
    ("widget_sites", READERS),
    ("widget_sitesMap", READERS),
    ("widget_text", READERS),
    ("widget_tokens", READERS),
    ("widget_topology", READERS),
    ("widget_blueprintUploadButton", AUTHORS),
    ("widget_cloudButton", AUTHORS),
    ("widget_composerLink", AUTHORS),
    ("widget_pluginUploadButton", AUTHORS),
    ("widget_pluginsCatalog", AUTHORS),
    ("widget_serviceButton", AUTHORS),
    ("widget_custom_admin", MANAGERS),
];
