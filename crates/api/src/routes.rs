//! Everything that the REST service serves, on one page: method, path, first version, who may call
//! it, and the handler. The file tree, the console and unknown paths are in `lib.rs`.
//!
//! Source: spec rest-api.md sections 1.1 and 2.

use nephele_model::Permission as P;

use crate::resource::{
    blueprints, config, dependencies, deployment_groups, deployments, evaluate, events, execution_groups,
    execution_schedules, executions, file_server, instances, labels, nodes, operations, plugins, secrets, sites,
    status, tenants, tokens, users,
};
use crate::table::Access::{Authenticated, Needs, NeedsInNamedTenant, NeedsOrExecution, Public};
use crate::table::Version::{V1, V2, V3, V21, V31};
use crate::table::{Route, delete, get, patch, post, put};

/// The route table.
#[rustfmt::skip]
pub fn routes() -> Vec<Route> {
    const IDD: &str = "/deployments/inter-deployment-dependencies";
    vec![
        // The manager itself
        get("/version", V1, Needs(P::VersionGet), status::version),
        get("/status", V31, Needs(P::StatusGet), status::status),
        get("/ok", V31, Public, status::is_well),
        get("/cluster-status", V31, Needs(P::ClusterStatusGet), status::cluster_status),
        get("/managers", V31, Needs(P::ManagerGet), status::managers),
        get("/brokers", V31, Needs(P::BrokerGet), status::brokers),
        get("/db-nodes", V31, Needs(P::DbNodesGet), status::db_nodes),
        get("/config", V31, Needs(P::ManagerConfigGet), config::list),
        get("/config/{name}", V31, Needs(P::ManagerConfigGet), config::get),
        put("/config/{name}", V31, Needs(P::ManagerConfigPut), config::put),
        get("/maintenance", V21, Needs(P::MaintenanceModeGet), status::maintenance),
        get("/license", V31, Needs(P::LicenseList), status::license),
        get("/license-check", V31, Authenticated, status::license_check),
        get("/idp", V31, Needs(P::IdentityProviderGet), status::identity_provider),
        get("/ldap", V3, Needs(P::LdapStatusGet), status::ldap),
        get("/provider/context", V1, Needs(P::ProviderContextGet), status::provider_context),
        post("/provider/context", V1, Needs(P::ProviderContextCreate), status::put_provider_context),
        get("/file-server-auth", V3, Authenticated, file_server::auth),
        // Blueprints
        get("/blueprints", V1, Needs(P::BlueprintList), blueprints::list),
        get("/blueprints/{id}", V1, Needs(P::BlueprintGet), blueprints::get),
        put("/blueprints/{id}", V1, Needs(P::BlueprintUpload), blueprints::put),
        patch("/blueprints/{id}", V31, Needs(P::BlueprintUpload), blueprints::patch),
        delete("/blueprints/{id}", V1, Needs(P::BlueprintDelete), blueprints::delete),
        put("/blueprints/{id}/validate", V31, Needs(P::BlueprintUpload), blueprints::validate),
        get("/blueprints/{id}/archive", V1, Needs(P::BlueprintDownload), blueprints::archive),
        put("/blueprints/{id}/archive", V31, Needs(P::BlueprintUpload), blueprints::put_archive),
        patch("/blueprints/{id}/set-visibility", V3, Needs(P::ResourceSetVisibility), blueprints::set_visibility),
        // Deployments
        get("/deployments", V1, Needs(P::DeploymentList), deployments::list),
        get("/deployments/{id}", V1, Needs(P::DeploymentGet), deployments::get),
        put("/deployments/{id}", V1, Needs(P::DeploymentCreate), deployments::put),
        patch("/deployments/{id}", V31, Needs(P::DeploymentUpdate), deployments::patch),
        delete("/deployments/{id}", V1, Needs(P::DeploymentDelete), deployments::delete),
        get("/deployments/{id}/outputs", V1, Needs(P::DeploymentModificationOutputs), deployments::outputs),
        get("/deployments/{id}/capabilities", V31, Needs(P::DeploymentCapabilities), deployments::capabilities),
        post("/deployments/{id}/set-site", V31, Needs(P::DeploymentSetSite), deployments::set_site),
        patch("/deployments/{id}/set-visibility", V31, Needs(P::DeploymentSetVisibility), deployments::set_visibility),
        get(IDD, V31, Needs(P::InterDeploymentDependencyList), dependencies::list),
        put(IDD, V31, Needs(P::InterDeploymentDependencyCreate), dependencies::put),
        delete(IDD, V31, Needs(P::InterDeploymentDependencyDelete), dependencies::delete),
        put("/deployments/{id}/inter-deployment-dependencies", V31, Needs(P::InterDeploymentDependencyCreate), dependencies::replace),
        post("/evaluate/functions", V1, Needs(P::FunctionsEvaluate), evaluate::functions),
        get("/deployment-groups", V31, Needs(P::DeploymentGroupList), deployment_groups::list),
        get("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupGet), deployment_groups::get),
        put("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupCreate), deployment_groups::put),
        patch("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupUpdate), deployment_groups::patch),
        delete("/deployment-groups/{id}", V31, Needs(P::DeploymentGroupDelete), deployment_groups::delete),
        // Nodes and node instances
        get("/nodes", V1, Needs(P::NodeList), nodes::list),
        post("/nodes", V31, Needs(P::NodeList), nodes::post),
        get("/node-instances", V1, Needs(P::NodeInstanceList), instances::list),
        post("/node-instances", V31, Needs(P::NodeList), instances::post),
        get("/node-instances/{id}", V1, Needs(P::NodeInstanceGet), instances::get),
        patch("/node-instances/{id}", V1, Needs(P::NodeInstanceUpdate), instances::patch),
        // Executions, their tasks and events
        get("/executions", V1, Needs(P::ExecutionList), executions::list),
        post("/executions", V1, Needs(P::ExecutionStart), executions::post),
        delete("/executions", V31, Needs(P::ExecutionDelete), executions::delete),
        get("/executions/{id}", V1, Needs(P::ExecutionGet), executions::get),
        post("/executions/{id}", V1, Needs(P::ExecutionCancel), executions::act),
        patch("/executions/{id}", V1, Needs(P::ExecutionStatusUpdate), executions::patch),
        get("/executions/{id}/should-start", V31, Needs(P::ExecutionShouldStart), executions::should_start),
        get("/execution-groups", V31, Needs(P::ExecutionGroupList), execution_groups::list),
        post("/execution-groups", V31, Needs(P::ExecutionGroupCreate), execution_groups::post),
        get("/execution-groups/{id}", V31, Needs(P::ExecutionGroupGet), execution_groups::get),
        post("/execution-groups/{id}", V31, Needs(P::ExecutionGroupCancel), execution_groups::act),
        patch("/execution-groups/{id}", V31, Needs(P::ExecutionGroupUpdate), execution_groups::patch),
        get("/execution-schedules", V31, Needs(P::ExecutionScheduleList), execution_schedules::list),
        get("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleGet), execution_schedules::get),
        put("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::put),
        patch("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::patch),
        delete("/execution-schedules/{id}", V31, Needs(P::ExecutionScheduleCreate), execution_schedules::delete),
        get("/events", V2, Needs(P::EventList), events::list),
        get("/events", V1, Needs(P::EventList), events::not_in_the_first_version).only(V1),
        post("/events", V2, NeedsOrExecution(P::EventCreate), events::post),
        get("/tasks_graphs", V31, Needs(P::Operations), operations::graphs),
        post("/tasks_graphs/{any}", V31, Needs(P::Operations), operations::post_graph),
        get("/operations", V31, Needs(P::Operations), operations::list),
        get("/operations/{id}", V31, Needs(P::Operations), operations::get),
        put("/operations/{id}", V31, Needs(P::Operations), operations::put),
        patch("/operations/{id}", V31, NeedsOrExecution(P::Operations), operations::patch),
        delete("/operations/{id}", V31, Needs(P::Operations), operations::delete),
        // Plugins, agents, secrets, sites, labels
        get("/plugins", V2, Needs(P::PluginList), plugins::list),
        get("/plugins/{id}", V2, Needs(P::PluginGet), plugins::get),
        get("/agents", V31, Needs(P::AgentList), plugins::list_agents),
        get("/agents/{name}", V31, Needs(P::AgentGet), plugins::get_agent),
        get("/secrets", V3, Needs(P::SecretList), secrets::list),
        get("/secrets/{key}", V3, Needs(P::SecretGet), secrets::get),
        put("/secrets/{key}", V3, Needs(P::SecretCreate), secrets::put),
        patch("/secrets/{key}", V3, Needs(P::SecretUpdate), secrets::patch),
        delete("/secrets/{key}", V3, Needs(P::SecretDelete), secrets::delete),
        patch("/secrets/{key}/set-visibility", V31, Needs(P::SecretUpdate), secrets::set_visibility),
        get("/sites", V31, Needs(P::SiteList), sites::list),
        get("/sites/{name}", V31, Needs(P::SiteGet), sites::get),
        put("/sites/{name}", V31, Needs(P::SiteCreate), sites::put),
        post("/sites/{name}", V31, Needs(P::SiteUpdate), sites::post),
        delete("/sites/{name}", V31, Needs(P::SiteDelete), sites::delete),
        get("/labels/{kind}", V31, Needs(P::LabelsList), labels::keys),
        get("/labels/{kind}/{key}", V31, Needs(P::LabelsList), labels::values),
        // Tenants, users, tokens
        get("/tenants", V3, Needs(P::TenantList), tenants::list),
        get("/tenants/{name}", V3, NeedsInNamedTenant(P::TenantGet), tenants::get),
        post("/tenants/{name}", V3, Needs(P::TenantCreate), tenants::post),
        put("/tenants/users", V3, Needs(P::TenantAddUser), tenants::add_user),
        patch("/tenants/users", V3, Needs(P::TenantUpdateUser), tenants::update_user),
        get("/user", V3, Needs(P::UserGetSelf), users::myself),
        get("/users", V3, Needs(P::UserList), users::list),
        get("/users/{name}", V3, Authenticated, users::get),
        put("/users", V3, Needs(P::UserCreate), users::put),
        get("/tokens", V31, Needs(P::TokenGet), tokens::list),
        post("/tokens", V31, Needs(P::CreateToken), tokens::post),
        get("/tokens/{id}", V31, Needs(P::ListToken), tokens::get),
        delete("/tokens/{id}", V31, Needs(P::DeleteToken), tokens::delete),
    ]
}
