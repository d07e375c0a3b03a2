//! Everything that the REST service serves, on one page: method, path, first version, who may call
//! it, and the handler. The file tree, the console and unknown paths are in `lib.rs`.
//!
//! Source: spec rest-api.md sections 1.1 and 2.

use nephele_manager::{ExportKind, Filtered, kind};
use nephele_model::Permission as P;

use crate::document;
use crate::document::Gives::{
    AnyPage, File, FileOrFolder, Made, MadeOrSeveral, Nothing, One, OneOrMade, OneOrNothing, Page, Plain, Stored,
    Stream, Text,
};
use crate::document::Of::{self, Named, Partly, Record};
use crate::files;
use crate::resource::exports::{LogBundles, Snapshots};
use crate::resource::{
    agents, attention, audit_log, blueprints, config, db_nodes, dependencies, deployment_groups,
    deployment_modifications, deployment_updates, deployments, evaluate, events, execution_groups, execution_schedules,
    executions, exports, external, file_server, filters, groups, instances, labels, leftovers, licenses, maintenance,
    managers, measures, nodes, operations, permissions, plugins, plugins_updates, preferences, rabbitmq_brokers,
    search, searches, secrets, secrets_providers, sessions, sites, status, summaries, tenants, tokens, usage, users,
    workflows,
};
use crate::table::Access::{
    Administrators, Authenticated, Cookie, Needs, NeedsInNamedTenant, NeedsInSentTenant, NeedsOrExecution, Public,
};
use crate::table::Version::{V1, V2, V3, V21, V31};
use crate::table::{Route, delete, get, patch, post, put};

// What routes are about.
const AGENT: Of = Record(&kind::AGENTS);
const BLUEPRINT: Of = Record(&kind::BLUEPRINT);
const BROKER: Of = Record(&kind::BROKERS);
const DB_NODE: Of = Record(&kind::DB_NODES);
const DEPENDENCY: Of = Record(&kind::DEPENDENCIES);
const DEPLOYMENT: Of = Record(&kind::DEPLOYMENT);
const DEPLOYMENT_GROUP: Of = Record(&kind::DEPLOYMENT_GROUPS);
const DEPLOYMENT_UPDATE: Of = Record(&kind::DEPLOYMENT_UPDATES);
const EVENT: Of = Record(&kind::EVENTS);
const EXECUTION: Of = Record(&kind::EXECUTION);
const EXECUTION_GROUP: Of = Record(&kind::EXECUTION_GROUPS);
const GRAPH: Of = Record(&kind::TASKS_GRAPHS);
const GROUP: Of = Record(&kind::USER_GROUPS);
const LICENSE: Of = Record(&kind::LICENSES);
const LISTED_AGENT: Of = Partly(&kind::AGENTS, "ListedAgent", agents::NOT_LISTED);
const LISTED_EXECUTION_GROUP: Of =
    Partly(&kind::EXECUTION_GROUPS, "ListedExecutionGroup", execution_groups::NOT_LISTED);
const LISTED_SECRET: Of = Partly(&kind::SECRETS, "ListedSecret", &[]);
const MANAGER: Of = Record(&kind::MANAGERS);
const MODIFICATION: Of = Record(&kind::MODIFICATIONS);
const NODE: Of = Record(&kind::NODES);
const NODE_INSTANCE: Of = Record(&kind::NODE_INSTANCES);
const OPERATION: Of = Record(&kind::OPERATIONS);
const PERMISSION: Of = Record(&kind::PERMISSIONS);
const PLUGIN: Of = Record(&kind::PLUGINS);
const PLUGINS_UPDATE: Of = Record(&kind::PLUGINS_UPDATES);
const PROVIDER: Of = Record(&kind::SECRETS_PROVIDERS);
const SCHEDULE: Of = Record(&kind::SCHEDULES);
const SECRET: Of = Record(&kind::SECRET);
const SETTING: Of = Record(&kind::CONFIG);
const SITE: Of = Record(&kind::SITES);
const TENANT: Of = Record(&kind::TENANTS);
const TOKEN: Of = Record(&kind::TOKENS);
const USER: Of = Record(&kind::USERS);

/// The route table.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    const IDD: &str = "/deployments/inter-deployment-dependencies";
    let snapshot = Record(kind::exports(ExportKind::Snapshot));
    let filter = Record(kind::filters(Filtered::Deployment));
    let log_bundle = Record(kind::exports(ExportKind::LogBundle));
    vec![
        // The manager itself
        get("/openapi.json", V31, Public, document::serve, One(Named("OpenApi"))),
        get("/version", V1, Needs(P::VersionGet), status::version, One(Named("Version"))),
        get("/status", V31, Needs(P::StatusGet), status::status, One(Named("Status"))),
        get("/ok", V31, Public, status::is_well, One(Named("Well"))),
        get("/cluster-status", V31, Needs(P::ClusterStatusGet), status::cluster_status, One(Named("ClusterStatus"))),
        get("/metrics", V31, Needs(P::ClusterStatusGet), measures::metrics, Text),
        get("/managers", V31, Needs(P::ManagerGet), managers::list, Page(MANAGER)),
        post("/managers", V31, Needs(P::ManagerManage), managers::post, One(MANAGER)),
        put("/managers/{name}", V31, Needs(P::ManagerManage), managers::put, One(MANAGER)),
        delete("/managers/{name}", V31, Needs(P::ManagerManage), managers::delete, One(MANAGER)),
        get("/brokers", V31, Needs(P::BrokerGet), rabbitmq_brokers::list, Page(BROKER)),
        post("/brokers", V31, Needs(P::BrokerManage), rabbitmq_brokers::post, One(BROKER)),
        put("/brokers/{name}", V31, Needs(P::BrokerManage), rabbitmq_brokers::put, One(BROKER)),
        delete("/brokers/{name}", V31, Needs(P::BrokerManage), rabbitmq_brokers::delete, One(BROKER)),
        get("/db-nodes", V31, Needs(P::DbNodesGet), db_nodes::list, Page(DB_NODE)),
        post("/db-nodes", V31, Needs(P::ClusterNodeConfigUpdate), db_nodes::post, Page(DB_NODE)),
        get("/config", V31, Needs(P::ManagerConfigGet), config::list, One(Named("Settings"))),
        get("/config/{name}", V31, Needs(P::ManagerConfigGet), config::get, One(SETTING)),
        put("/config/{name}", V31, Needs(P::ManagerConfigPut), config::put, One(SETTING)),
        get("/maintenance", V21, Needs(P::MaintenanceModeGet), maintenance::get, One(Named("Maintenance"))),
        post("/maintenance/{action}", V21, Needs(P::MaintenanceModeSet), maintenance::act, One(Named("Maintenance"))),
        get("/leftovers", V31, Needs(P::MaintenanceModeSet), leftovers::list, One(Named("Leftovers"))),
        post("/leftovers", V31, Needs(P::MaintenanceModeSet), leftovers::repair, One(Named("Leftovers"))),
        get("/license", V31, Needs(P::LicenseList), licenses::list, Page(LICENSE)),
        put("/license", V31, Needs(P::LicenseUpload), licenses::put, One(LICENSE)),
        post("/license", V31, Needs(P::LicenseUpload), licenses::post, One(LICENSE)),
        delete("/license", V31, Needs(P::LicenseRemove), licenses::delete, Nothing),
        get("/license-check", V31, Authenticated, licenses::check, One(Named("Well"))),
        post("/contacts", V31, Needs(P::CommunityContactCreate), licenses::register, One(Named("Registration"))),
        get("/idp", V31, Needs(P::IdentityProviderGet), external::get, One(Named("Text"))),
        get("/ldap", V3, Needs(P::LdapStatusGet), external::ldap, One(Named("Text"))),
        post("/ldap", V3, Needs(P::LdapSet), external::set_ldap, One(Named("Directory"))),
        get("/audit", V31, Needs(P::AuditLogView), audit_log::list, One(Named("AuditLog"))),
        post("/audit", V31, Needs(P::AuditLogInject), audit_log::inject, Nothing),
        delete("/audit", V31, Needs(P::AuditLogTruncate), audit_log::truncate, One(Named("Deleted"))),
        get("/audit/stream", V31, Needs(P::AuditLogView), audit_log::stream, Stream),
        get("/provider/context", V1, Needs(P::ProviderContextGet), status::provider_context, One(Named("ProviderContext"))),
        post("/provider/context", V1, Needs(P::ProviderContextCreate), status::put_provider_context, OneOrMade(Named("Stored"))),
        get("/file-server-proxy/{*path}", V31, Authenticated, files::get, FileOrFolder),
        put("/file-server-proxy/{*path}", V31, Authenticated, files::put, One(Named("Null"))),
        post("/file-server-proxy/{*path}", V31, Authenticated, files::post, One(Named("Null"))),
        delete("/file-server-proxy/{*path}", V31, Authenticated, files::delete, One(Named("Null"))),
        get("/file-server-auth", V3, Authenticated, file_server::auth, One(Named("FileRight"))),
        get("/monitoring-auth", V31, Cookie, file_server::monitoring, One(Named("Text"))),
        // Blueprints
        get("/blueprints", V1, Needs(P::BlueprintList), blueprints::list, Page(BLUEPRINT)),
        get("/blueprints/{id}", V1, Needs(P::BlueprintGet), blueprints::get, One(BLUEPRINT)),
        put("/blueprints/{id}", V1, Needs(P::BlueprintUpload), blueprints::put, Made(BLUEPRINT)),
        patch("/blueprints/{id}", V31, Needs(P::BlueprintUpload), blueprints::patch, One(BLUEPRINT)),
        delete("/blueprints/{id}", V1, Needs(P::BlueprintDelete), blueprints::delete, Nothing),
        put("/blueprints/{id}/validate", V31, Needs(P::BlueprintUpload), blueprints::validate, Made(BLUEPRINT)),
        get("/blueprints/{id}/archive", V1, Needs(P::BlueprintDownload), blueprints::archive, File),
        put("/blueprints/{id}/archive", V31, Needs(P::BlueprintUpload), blueprints::put_archive, One(Named("Null"))),
        patch("/blueprints/{id}/icon", V31, Needs(P::BlueprintUpload), blueprints::set_icon, One(BLUEPRINT)),
        patch("/blueprints/{id}/set-visibility", V3, Needs(P::ResourceSetVisibility), blueprints::set_visibility, One(BLUEPRINT)),
        get("/blueprints/{id}/files", V31, Needs(P::BlueprintGet), blueprints::files, One(Named("BlueprintFiles"))),
        get("/blueprints/{id}/files/{*path}", V31, Needs(P::BlueprintDownload), blueprints::file, File),
        // Deployments
        get("/deployments", V1, Needs(P::DeploymentList), deployments::list, Page(DEPLOYMENT)),
        get("/deployments/{id}", V1, Needs(P::DeploymentGet), deployments::get, One(DEPLOYMENT)),
        put("/deployments/{id}", V1, Needs(P::DeploymentCreate), deployments::put, Made(DEPLOYMENT)),
        patch("/deployments/{id}", V31, Needs(P::DeploymentUpdate), deployments::patch, One(DEPLOYMENT)),
        delete("/deployments/{id}", V1, Needs(P::DeploymentDelete), deployments::delete, Nothing),
        get("/deployments/{id}/outputs", V1, Needs(P::DeploymentModificationOutputs), deployments::outputs, One(Named("Outputs"))),
        get("/deployments/{id}/capabilities", V31, Needs(P::DeploymentCapabilities), deployments::capabilities, One(Named("Capabilities"))),
        get("/deployments/{id}/topology", V31, Needs(P::NodeList), deployments::topology, One(Named("Topology"))),
        get("/deployments/{id}/runs-grid", V31, Needs(P::ExecutionList), executions::grid, One(Named("RunsGrid"))),
        post("/deployments/{id}/set-site", V31, Needs(P::DeploymentSetSite), deployments::set_site, One(DEPLOYMENT)),
        patch("/deployments/{id}/set-visibility", V31, Needs(P::DeploymentSetVisibility), deployments::set_visibility, One(DEPLOYMENT)),
        get(IDD, V31, Needs(P::InterDeploymentDependencyList), dependencies::list, Page(DEPENDENCY)),
        put(IDD, V31, Needs(P::InterDeploymentDependencyCreate), dependencies::put, One(DEPENDENCY)),
        post(IDD, V31, Needs(P::InterDeploymentDependencyCreate), dependencies::post, Plain(Named("Id"))),
        delete(IDD, V31, Needs(P::InterDeploymentDependencyDelete), dependencies::delete, Nothing),
        put("/deployments/{id}/inter-deployment-dependencies", V31, Needs(P::InterDeploymentDependencyCreate), dependencies::replace, Plain(Named("Id"))),
        post("/evaluate/functions", V1, Needs(P::FunctionsEvaluate), evaluate::functions, One(Named("Evaluated"))),
        get("/deployment-modifications", V1, Needs(P::DeploymentModificationList), deployment_modifications::list, Page(MODIFICATION)),
        post("/deployment-modifications", V1, Needs(P::DeploymentModify), deployment_modifications::post, Made(MODIFICATION)),
        get("/deployment-modifications/{id}", V1, Needs(P::DeploymentModificationGet), deployment_modifications::get, One(MODIFICATION)),
        post("/deployment-modifications/{id}/finish", V1, Needs(P::DeploymentModificationFinish), deployment_modifications::finish, One(MODIFICATION)),
        post("/deployment-modifications/{id}/rollback", V1, Needs(P::DeploymentModificationRollback), deployment_modifications::rollback, One(MODIFICATION)),
        get("/deployment-updates", V21, Needs(P::DeploymentUpdateList), deployment_updates::list, Page(DEPLOYMENT_UPDATE)),
        post("/deployment-updates", V21, Needs(P::DeploymentUpdateCreate), deployment_updates::post, Stored),
        get("/deployment-updates/{id}", V21, Needs(P::DeploymentUpdateGet), deployment_updates::get, One(DEPLOYMENT_UPDATE)),
        put("/deployment-updates/{id}", V21, Needs(P::DeploymentUpdateCreate), deployment_updates::put, One(DEPLOYMENT_UPDATE)),
        patch("/deployment-updates/{id}", V21, Needs(P::DeploymentUpdateUpdate), deployment_updates::patch, One(DEPLOYMENT_UPDATE)),
        post("/deployment-updates/{id}/update/{phase}", V21, Needs(P::DeploymentUpdateCreate), deployment_updates::begin, One(DEPLOYMENT_UPDATE)),
        get("/deployment-groups", V31, Needs(P::DeploymentGroupList), deployment_groups::list, Page(DEPLOYMENT_GROUP)),
        get("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupGet), deployment_groups::get, One(DEPLOYMENT_GROUP)),
        put("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupCreate), deployment_groups::put, One(DEPLOYMENT_GROUP)),
        patch("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupUpdate), deployment_groups::patch, One(DEPLOYMENT_GROUP)),
        delete("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupDelete), deployment_groups::delete, OneOrNothing(Named("BegunGroup"))),
        // Nodes and node instances
        get("/nodes", V1, Needs(P::NodeList), nodes::list, Page(NODE)),
        post("/nodes", V31, Needs(P::NodeList), nodes::post, Stored),
        patch("/nodes/{deployment}/{node}", V31, Needs(P::NodeUpdate), nodes::patch, Nothing),
        delete("/nodes/{deployment}/{node}", V31, Needs(P::NodeDelete), nodes::delete, Nothing),
        get("/node-instances", V1, Needs(P::NodeInstanceList), instances::list, Page(NODE_INSTANCE)),
        post("/node-instances", V31, Needs(P::NodeList), instances::post, Stored),
        get("/node-instances/{id}", V1, Needs(P::NodeInstanceGet), instances::get, One(NODE_INSTANCE)),
        patch("/node-instances/{id}", V1, Needs(P::NodeInstanceUpdate), instances::patch, One(NODE_INSTANCE)),
        delete("/node-instances/{id}", V31, Needs(P::NodeInstanceDelete), instances::delete, Nothing),
        // Executions, their tasks and events
        get("/executions", V1, Needs(P::ExecutionList), executions::list, Page(EXECUTION)),
        post("/executions", V1, Needs(P::ExecutionStart), executions::post, Made(EXECUTION)),
        post("/deployments/{id}/plan", V31, Needs(P::ExecutionStart), executions::plan, One(Named("Plan"))),
        delete("/executions", V31, Needs(P::ExecutionDelete), executions::delete, One(Named("DeletedExecutions"))),
        get("/executions/{id}", V1, Needs(P::ExecutionGet), executions::get, One(EXECUTION)),
        post("/executions/{id}", V1, Needs(P::ExecutionCancel), executions::act, One(EXECUTION)),
        post("/executions/{id}/tasks/{task}", V31, Needs(P::ExecutionCancel), executions::decide_task, One(OPERATION)),
        patch("/executions/{id}", V1, Needs(P::ExecutionStatusUpdate), executions::patch, One(EXECUTION)),
        get("/executions/{id}/should-start", V31, Needs(P::ExecutionShouldStart), executions::should_start, One(Named("Flag"))),
        get("/executions/{id}/tasks", V31, Needs(P::ExecutionGet), executions::tasks, One(Named("ExecutionTasks"))),
        get("/executions/{id}/why", V31, Needs(P::ExecutionGet), executions::why, One(Named("Explanation"))),
        get("/execution-groups", V31, Needs(P::ExecutionGroupList), execution_groups::list, Page(LISTED_EXECUTION_GROUP)),
        post("/execution-groups", V31, Needs(P::ExecutionGroupCreate), execution_groups::post, One(EXECUTION_GROUP)),
        get("/execution-groups/{id}", V31, Needs(P::ExecutionGroupGet), execution_groups::get, One(EXECUTION_GROUP)),
        post("/execution-groups/{id}", V31, Needs(P::ExecutionGroupCancel), execution_groups::act, One(EXECUTION_GROUP)),
        patch("/execution-groups/{id}", V31, Needs(P::ExecutionGroupUpdate), execution_groups::patch, One(EXECUTION_GROUP)),
        get("/execution-schedules", V31, Needs(P::ExecutionScheduleList), execution_schedules::list, Page(SCHEDULE)),
        get("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleGet), execution_schedules::get, One(SCHEDULE)),
        put("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::put, Made(SCHEDULE)),
        patch("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::patch, Made(SCHEDULE)),
        delete("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::delete, Nothing),
        get("/events", V2, Needs(P::EventList), events::list, Plain(EVENT)),
        get("/events", V1, Needs(P::EventList), events::not_in_the_first_version, Nothing).only(V1),
        get("/events/stream", V31, Authenticated, events::stream, Stream),
        delete("/events", V2, Needs(P::EventDelete), events::delete, One(Named("DeletedEvents"))),
        post("/events", V2, NeedsOrExecution(P::EventCreate), events::post, Stored),
        get("/tasks_graphs", V31, Needs(P::Operations), operations::graphs, Page(GRAPH)),
        post("/tasks_graphs/{id}", V31, Needs(P::Operations), operations::post_graph, Made(GRAPH)),
        patch("/tasks_graphs/{id}", V31, Needs(P::Operations), operations::patch_graph, One(GRAPH)),
        get("/operations", V31, Needs(P::Operations), operations::list, Page(OPERATION)),
        post("/operations", V31, Needs(P::Operations), operations::act, Nothing),
        get("/operations/{id}", V31, Needs(P::Operations), operations::get, One(OPERATION)),
        put("/operations/{id}", V31, Needs(P::Operations), operations::put, Made(OPERATION)),
        patch("/operations/{id}", V31, NeedsOrExecution(P::Operations), operations::patch, One(Named("Empty"))),
        delete("/operations/{id}", V31, Needs(P::Operations), operations::delete, One(OPERATION)),
        // Snapshots and log bundles
        get("/snapshot-status", V2, Public, exports::restore_status, One(Named("RestoreStatus"))),
        get("/snapshots", V2, Needs(P::SnapshotList), exports::list::<Snapshots>, Page(snapshot)),
        get("/snapshots/{id}", V2, Needs(P::SnapshotGet), exports::get::<Snapshots>, One(snapshot)),
        put("/snapshots/{id}", V2, Needs(P::SnapshotCreate), exports::put_snapshot, Made(EXECUTION)),
        patch("/snapshots/{id}", V2, Needs(P::SnapshotStatusUpdate), exports::patch::<Snapshots>, One(Named("Null"))),
        delete("/snapshots/{id}", V2, Needs(P::SnapshotDelete), exports::delete::<Snapshots>, One(snapshot)),
        get("/snapshots/{id}/archive", V2, Needs(P::SnapshotDownload), exports::archive::<Snapshots>, File),
        put("/snapshots/{id}/archive", V2, Needs(P::SnapshotUpload), exports::put_archive::<Snapshots>, Made(Named("UploadedExport"))),
        post("/snapshots/{id}/restore", V2, Needs(P::SnapshotRestore), exports::restore, One(EXECUTION)),
        get("/log-bundles", V31, Needs(P::LogBundleList), exports::list::<LogBundles>, Page(log_bundle)),
        get("/log-bundles/{id}", V31, Needs(P::LogBundleGet), exports::get::<LogBundles>, One(log_bundle)),
        put("/log-bundles/{id}", V31, Needs(P::LogBundleCreate), exports::put_log_bundle, Made(EXECUTION)),
        patch("/log-bundles/{id}", V31, Needs(P::LogBundleStatusUpdate), exports::patch::<LogBundles>, One(Named("Null"))),
        delete("/log-bundles/{id}", V31, Needs(P::LogBundleDelete), exports::delete::<LogBundles>, One(log_bundle)),
        get("/log-bundles/{id}/archive", V31, Needs(P::LogBundleDownload), exports::archive::<LogBundles>, File),
        put("/log-bundles/{id}/archive", V31, Needs(P::LogBundleCreate), exports::put_archive::<LogBundles>, Made(Named("UploadedExport"))),
        // Plugins, agents, secrets, sites, labels
        get("/plugins", V2, Needs(P::PluginList), plugins::list, Page(PLUGIN)),
        post("/plugins", V2, Needs(P::PluginUpload), plugins::post, MadeOrSeveral(PLUGIN)),
        get("/plugins/{id}", V2, Needs(P::PluginGet), plugins::get, One(PLUGIN)),
        post("/plugins/{id}", V31, Needs(P::PluginUpload), plugins::install, One(PLUGIN)),
        put("/plugins/{id}", V31, NeedsOrExecution(P::PluginUpload), plugins::put, One(PLUGIN)),
        patch("/plugins/{id}", V31, Needs(P::PluginUpload), plugins::patch, One(PLUGIN)),
        delete("/plugins/{id}", V2, Needs(P::PluginDelete), plugins::delete, Nothing),
        get("/plugins/{id}/archive", V2, Needs(P::PluginDownload), plugins::archive, File),
        get("/plugins/{id}/yaml", V31, Needs(P::PluginDownload), plugins::yaml, File),
        patch("/plugins/{id}/set-visibility", V31, Needs(P::ResourceSetVisibility), plugins::set_visibility, One(PLUGIN)),
        get("/plugins/{id}/used-by", V31, Needs(P::PluginGet), usage::of_plugin, One(Named("Usage"))),
        get("/plugins-updates", V31, Needs(P::PluginsUpdateList), plugins_updates::list, Page(PLUGINS_UPDATE)),
        get("/plugins-updates/{id}", V31, Needs(P::PluginsUpdateGet), plugins_updates::get, One(PLUGINS_UPDATE)),
        post("/plugins-updates/{id}/update/{phase}", V31, Needs(P::PluginsUpdateCreate), plugins_updates::post, One(PLUGINS_UPDATE)),
        get("/agents", V31, Needs(P::AgentList), agents::list, Page(LISTED_AGENT)),
        patch("/agents", V31, Needs(P::AgentReplaceCerts), agents::replace_certificates, One(Named("UpdatedAgents"))),
        get("/agents/{name}", V31, Needs(P::AgentGet), agents::get, One(AGENT)),
        put("/agents/{name}", V31, Needs(P::AgentCreate), agents::put, One(AGENT)),
        patch("/agents/{name}", V31, Needs(P::AgentUpdate), agents::patch, One(AGENT)),
        get("/secrets", V3, Needs(P::SecretList), secrets::list, Page(LISTED_SECRET)),
        get("/secrets/{key}", V3, Needs(P::SecretGet), secrets::get, One(SECRET)),
        put("/secrets/{key}", V3, Needs(P::SecretCreate), secrets::put, One(SECRET)),
        patch("/secrets/{key}", V3, Needs(P::SecretUpdate), secrets::patch, One(SECRET)),
        delete("/secrets/{key}", V3, Needs(P::SecretDelete), secrets::delete, Nothing),
        patch("/secrets/{key}/set-visibility", V31, Needs(P::SecretUpdate), secrets::set_visibility, One(SECRET)),
        get("/secrets/{key}/used-by", V31, Needs(P::SecretList), usage::of_secret, One(Named("Usage"))),
        get("/secrets/share/export", V31, Needs(P::SecretExport), secrets::export, One(Named("ExportedSecrets"))),
        post("/secrets/share/import", V31, Needs(P::SecretImport), secrets::import, One(Named("ImportedSecrets"))),
        get("/secrets-providers", V31, Needs(P::SecretsProviderList), secrets_providers::list, Page(PROVIDER)),
        put("/secrets-providers", V31, Needs(P::SecretsProviderCreate), secrets_providers::put, OneOrNothing(PROVIDER)),
        get("/secrets-providers/{name}", V31, Needs(P::SecretsProviderGet), secrets_providers::get, One(PROVIDER)),
        patch("/secrets-providers/{name}", V31, Needs(P::SecretsProviderUpdate), secrets_providers::patch, One(PROVIDER)),
        delete("/secrets-providers/{name}", V31, Needs(P::SecretsProviderDelete), secrets_providers::delete, Nothing),
        get("/sites", V31, Needs(P::SiteList), sites::list, Page(SITE)),
        get("/sites/{name}", V31, Needs(P::SiteGet), sites::get, One(SITE)),
        put("/sites/{name}", V31, Needs(P::SiteCreate), sites::put, One(SITE)),
        post("/sites/{name}", V31, Needs(P::SiteUpdate), sites::post, One(SITE)),
        delete("/sites/{name}", V31, Needs(P::SiteDelete), sites::delete, Nothing),
        get("/sites/{name}/used-by", V31, Needs(P::SiteGet), usage::of_site, One(Named("Usage"))),
        get("/labels/{kind}", V31, Needs(P::LabelsList), labels::keys, AnyPage(Named("Text"))),
        get("/labels/{kind}/{key}", V31, Needs(P::LabelsList), labels::values, Page(Named("Text"))),
        get("/filters/{kind}", V31, Needs(P::FilterList), filters::list, Page(filter)),
        get("/filters/{kind}/{id}", V31, Needs(P::FilterGet), filters::get, One(filter)),
        put("/filters/{kind}/{id}", V31, Needs(P::FilterCreate), filters::put, One(filter)),
        patch("/filters/{kind}/{id}", V31, Needs(P::FilterUpdate), filters::patch, One(filter)),
        delete("/filters/{kind}/{id}", V31, Needs(P::FilterDelete), filters::delete, Nothing),
        // Searches, workflows, summaries
        get("/search", V31, Authenticated, search::everything, One(Named("Found"))),
        get("/attention", V31, Needs(P::DeploymentList), attention::list, One(Named("Attention"))),
        post("/searches/deployments", V31, Needs(P::DeploymentList), searches::deployments, Page(DEPLOYMENT)),
        post("/searches/blueprints", V31, Needs(P::BlueprintList), searches::blueprints, Page(BLUEPRINT)),
        post("/searches/workflows", V31, Needs(P::DeploymentList), searches::workflows, Plain(Named("Workflow"))),
        post("/searches/nodes", V31, Needs(P::NodeList), searches::nodes, Page(NODE)),
        post("/searches/node-types", V31, Needs(P::NodeList), searches::node_types, Page(NODE)),
        post("/searches/node-instances", V31, Needs(P::NodeList), searches::node_instances, Page(NODE_INSTANCE)),
        post("/searches/secrets", V31, Needs(P::SecretList), searches::secrets, Page(LISTED_SECRET)),
        post("/searches/capabilities", V31, Needs(P::DeploymentCapabilities), searches::capabilities, Page(Named("DeploymentCapabilities"))),
        post("/searches/scaling-groups", V31, Needs(P::DeploymentGet), searches::scaling_groups, Page(Named("DeploymentScalingGroups"))),
        get("/workflows", V31, Needs(P::DeploymentList), workflows::list, Plain(Named("Workflow"))),
        get("/summary/deployments", V31, Needs(P::DeploymentList), summaries::deployments, Plain(Named("Count"))),
        get("/summary/nodes", V31, Needs(P::NodeList), summaries::nodes, Plain(Named("Count"))),
        get("/summary/node_instances", V31, Needs(P::NodeInstanceList), summaries::node_instances, Plain(Named("Count"))),
        get("/summary/executions", V31, Needs(P::ExecutionList), summaries::executions, Plain(Named("Count"))),
        get("/summary/execution_schedules", V31, Needs(P::ExecutionScheduleList), summaries::execution_schedules, Plain(Named("Count"))),
        get("/summary/blueprints", V31, Needs(P::BlueprintList), summaries::blueprints, Plain(Named("Count"))),
        // Tenants, users, tokens
        get("/tenants", V3, Needs(P::TenantList), tenants::list, Page(TENANT)),
        get("/tenants/{name}", V3, NeedsInNamedTenant(P::TenantGet), tenants::get, One(TENANT)),
        post("/tenants/{name}", V3, Needs(P::TenantCreate), tenants::post, Made(TENANT)),
        delete("/tenants/{name}", V3, Needs(P::TenantDelete), tenants::delete, Nothing),
        put("/tenants/users", V3, NeedsInSentTenant(P::TenantAddUser), tenants::add_user, One(TENANT)),
        patch("/tenants/users", V3, NeedsInSentTenant(P::TenantUpdateUser), tenants::update_user, One(TENANT)),
        delete("/tenants/users", V3, NeedsInSentTenant(P::TenantRemoveUser), tenants::remove_user, Nothing),
        put("/tenants/user-groups", V3, NeedsInSentTenant(P::TenantAddGroup), tenants::add_group, One(TENANT)),
        patch("/tenants/user-groups", V3, NeedsInSentTenant(P::TenantUpdateGroup), tenants::update_group, One(TENANT)),
        delete("/tenants/user-groups", V3, NeedsInSentTenant(P::TenantRemoveGroup), tenants::remove_group, Nothing),
        get("/user", V3, Needs(P::UserGetSelf), users::myself, One(USER)),
        get("/user/preferences", V31, Authenticated, preferences::get, One(Named("Preferences"))),
        put("/user/preferences", V31, Authenticated, preferences::put, One(Named("Preferences"))),
        get("/users", V3, Needs(P::UserList), users::list, Page(USER)),
        put("/users", V3, Needs(P::UserCreate), users::put, Made(USER)),
        get("/users/{name}", V3, Authenticated, users::get, One(USER)),
        post("/users/{name}", V3, Authenticated, users::post, One(USER)),
        delete("/users/{name}", V3, Needs(P::UserDelete), users::delete, Nothing),
        post("/users/active/{name}", V3, Needs(P::UserSetActivated), users::set_active, One(USER)),
        post("/users/unlock/{name}", V3, Needs(P::UserUnlock), users::unlock, One(USER)),
        get("/user-groups", V3, Needs(P::UserGroupList), groups::list, Page(GROUP)),
        post("/user-groups", V3, Needs(P::UserGroupCreate), groups::post, Made(GROUP)),
        get("/user-groups/{name}", V3, Needs(P::UserGroupGet), groups::get, One(GROUP)),
        post("/user-groups/{name}", V3, Needs(P::UserGroupUpdate), groups::set_role, One(GROUP)),
        delete("/user-groups/{name}", V3, Needs(P::UserGroupDelete), groups::delete, Nothing),
        put("/user-groups/users", V3, Needs(P::UserGroupAddUser), groups::add_user, One(GROUP)),
        delete("/user-groups/users", V3, Needs(P::UserGroupRemoveUser), groups::remove_user, Nothing),
        get("/permissions", V31, Administrators, permissions::list, Page(PERMISSION)),
        get("/permissions/{role}", V31, Administrators, permissions::of_role, Page(PERMISSION)),
        put("/permissions/{role}/{permission}", V31, Administrators, permissions::allow, One(PERMISSION)),
        delete("/permissions/{role}/{permission}", V31, Administrators, permissions::disallow, Nothing),
        post("/session", V31, Authenticated, sessions::post, One(Named("Session"))),
        delete("/session", V31, Authenticated, sessions::delete, Nothing),
        get("/tokens", V31, Needs(P::TokenGet), tokens::list, Page(TOKEN)),
        post("/tokens", V31, Needs(P::CreateToken), tokens::post, One(TOKEN)),
        get("/tokens/{id}", V31, Needs(P::ListToken), tokens::get, One(TOKEN)),
        delete("/tokens/{id}", V31, Needs(P::DeleteToken), tokens::delete, Nothing),
    ]
}
