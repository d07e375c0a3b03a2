//! Deployments that others use: shared resources, capabilities, and what that forbids.

use axum::http::Method;
use nephele_testkit::postgres::Database;
use serde_json::{Value, json};

use crate::deployed::{blueprint, delete, deploy, fails, history, instance, labeled, runs, shared_resource};
use crate::hands::{Hands, well};
use crate::harness::{ADMIN, Fresh};

const IDD: &str = "/deployments/inter-deployment-dependencies";

/// What is shared: its capability is known once it is installed.
const SHARED: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  app:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        pull: {implementation: run.sh, max_retries: 0}
capabilities:
  where: {value: {get_attribute: [app, where]}}
";

/// Who uses it has it do something when it comes and when it goes.
const USER: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
node_templates:
  used: {type: cloudify.nodes.SharedResource, properties: {resource_config: {deployment: {id: shared}}}}
  app:
    type: cloudify.nodes.Root
    relationships:
      - type: cloudify.relationships.connected_to_shared_resource
        target: used
        target_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish:
              inputs:
                workflow_id: execute_operation
                parameters: {operation: cloudify.interfaces.lifecycle.pull, custom: 1}
            unlink:
              inputs: {workflow_id: pull}
";

/// `shared`, installed, and `user`, not installed.
async fn shared() -> Fresh {
    let fresh = Fresh::start().await;
    Hands::new(well).take_up(&fresh).await;
    deploy(&fresh, "shared", SHARED, json!({})).await;
    runs(&fresh, "shared", "install").await;
    deploy(&fresh, "user", USER, json!({})).await;
    fresh
}

async fn tell_where(fresh: &Fresh, place: &str) {
    let app = instance(fresh, "shared", "app").await;
    let path = format!("/node-instances/{}", app["id"].as_str().unwrap());
    let known = json!({"version": app["version"], "runtime_properties": {"where": place}});
    fresh.patch(&path, known).await.expect(200);
}

#[tokio::test]
async fn relationships_have_it_run_workflows() {
    let fresh = shared().await;
    tell_where(&fresh, "here").await;
    runs(&fresh, "user", "install").await;
    let used = instance(&fresh, "user", "used").await;
    assert_eq!(used["runtime_properties"]["deployment"], json!({"id": "shared"}));
    assert_eq!(used["runtime_properties"]["capabilities"], json!({"where": "here"}));
    assert_eq!(history(&fresh, "shared").await, ["create_deployment_environment", "install", "execute_operation"]);
    let run = fresh.get("/executions?deployment_id=shared&workflow_id=execute_operation").await.expect(200);
    assert_eq!(
        (&run["items"][0]["status"], &run["items"][0]["parameters"]["custom"]),
        (&json!("terminated"), &json!(1))
    );

    let uninstall = json!({"deployment_id": "shared", "workflow_id": "uninstall"});
    let message = fresh.post("/executions", uninstall).await.refused(400, "dependent_exists_error");
    let node = used["id"].as_str().unwrap();
    assert_eq!(
        message,
        format!(
            "Can't execute workflow `uninstall` on deployment shared - existing installations depend on it:\n[1] Deployment \
             `user` uses a shared resource from the current deployment in its node `{node}`"
        )
    );
    let message = fresh.delete("/deployments/shared").await.refused(400, "dependent_exists_error");
    assert!(
        message.starts_with("Can't delete deployment shared - the following existing installations depend on it:"),
        "{message}"
    );
    assert_eq!(labeled(&fresh, "shared", "csys-consumer-id").await, ["user"]);

    runs(&fresh, "user", "uninstall").await;
    assert_eq!(history(&fresh, "shared").await.last().unwrap(), "pull");
    assert!(labeled(&fresh, "shared", "csys-consumer-id").await.is_empty());
    assert_eq!(fresh.get(IDD).await.expect(200)["items"], json!([]));
    runs(&fresh, "shared", "uninstall").await;
}

#[tokio::test]
async fn only_shared_resources_can_be_asked() {
    let fresh = shared().await;
    let text = USER.replace(
        "{type: cloudify.nodes.SharedResource, properties: {resource_config: {deployment: {id: shared}}}}",
        "{type: cloudify.nodes.Root}",
    );
    deploy(&fresh, "wrong", &text, json!({})).await;
    let error = fails(&fresh, "wrong", "install").await;
    let expected = "Tried to execute \"execute_operation\" workflow on a non SharedResource node \"used\"";
    assert!(error.contains(expected), "{error}");
    let text = USER.replace("workflow_id: execute_operation", "workflow_id: dance");
    deploy(&fresh, "strange", &text, json!({})).await;
    let error = fails(&fresh, "strange", "install").await;
    assert!(error.contains("dance"), "{error}");
    let text = USER.replace("deployment: {id: shared}", "deployment: {id: nowhere}");
    deploy(&fresh, "lost", &text, json!({})).await;
    let error = fails(&fresh, "lost", "install").await;
    let expected = "SharedResource's deployment ID \"nowhere\" does not exist on tenant \"default_tenant\", please verify \
                    the given ID.";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn it_is_looked_at_without_being_disturbed() {
    let fresh = shared().await;
    runs(&fresh, "user", "install").await;
    let before = history(&fresh, "shared").await;
    runs(&fresh, "user", "check_status").await;
    runs(&fresh, "user", "check_drift").await;
    assert_eq!(instance(&fresh, "user", "used").await["has_configuration_drift"], false);
    tell_where(&fresh, "elsewhere").await;
    runs(&fresh, "user", "check_drift").await;
    let used = instance(&fresh, "user", "used").await;
    assert_eq!(used["system_properties"]["configuration_drift"]["result"], json!({"capabilities": ["where"]}));
    assert_eq!(history(&fresh, "shared").await, before);

    let force = json!({"deployment_id": "shared", "workflow_id": "uninstall", "force": true});
    let forced = fresh.post("/executions", force).await.expect(201);
    assert_eq!(fresh.ended(forced["id"].as_str().unwrap()).await["status"], "terminated");
    let error = fails(&fresh, "user", "check_status").await;
    let expected = "Expected deployment 'shared' to be installed, but got installation status: 'inactive'";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test]
async fn what_comes_on_demand_goes_with_its_last_user() {
    let fresh = Fresh::start().await;
    Hands::new(well).take_up(&fresh).await;
    let labels = json!([{"csys-obj-type": "on-demand-resource"}]);
    deploy(&fresh, "shared", SHARED, json!({"labels": labels})).await;
    let plain = blueprint(&shared_resource("shared"));
    let status = async || fresh.get("/deployments/shared").await.expect(200)["installation_status"].clone();
    for id in ["first", "second"] {
        deploy(&fresh, id, &plain, json!({})).await;
        runs(&fresh, id, "install").await;
    }
    assert_eq!(status().await, "active");
    assert_eq!(labeled(&fresh, "shared", "csys-consumer-id").await, ["first", "second"]);
    runs(&fresh, "first", "uninstall").await;
    assert_eq!(status().await, "active");
    // Something else that needs it, and is not known as a user, keeps it up: that is no reason to fail.
    let service = json!({"blueprint_id": "shared-bp", "labels": [{"csys-obj-parent": "shared"}]});
    fresh.put("/deployments/service", service).await.expect(201);
    runs(&fresh, "second", "uninstall").await;
    assert_eq!(status().await, "active");
    delete(&fresh, "service").await;
    runs(&fresh, "second", "install").await;
    runs(&fresh, "second", "uninstall").await;
    assert_eq!(status().await, "inactive");

    let labels = json!([{"csys-obj-type": "on-demand-resource"}, {"csys-obj-type": "on-demand-uninstall-off"}]);
    fresh.patch("/deployments/shared", json!({"labels": labels})).await.expect(200);
    runs(&fresh, "second", "install").await;
    runs(&fresh, "second", "uninstall").await;
    assert_eq!(status().await, "active");
}

/// Who asks for a capability needs the deployment that has it, once it is installed.
#[tokio::test]
async fn capabilities_bind_those_that_are_installed() {
    let database = Database::empty();
    for fresh in [Fresh::start_on(None).await, Fresh::start_on(Some(database.url())).await] {
        Hands::new(well).take_up(&fresh).await;
        deploy(&fresh, "base", SHARED, json!({})).await;
        runs(&fresh, "base", "install").await;
        let asking = blueprint(
            "  app: {type: cloudify.nodes.Root}\noutputs: {where: {value: {get_capability: [base, where]}}}\n",
        );
        deploy(&fresh, "asks", &asking, json!({})).await;
        let start = async |workflow: &str, force: bool| {
            let body = json!({"deployment_id": "base", "workflow_id": workflow, "force": force});
            fresh.post("/executions", body).await
        };
        // It only asks and is not there yet: the base may go, but not stop under it, and not be deleted.
        start("stop", false).await.refused(400, "dependent_exists_error");
        fresh.delete("/deployments/base").await.refused(400, "dependent_exists_error");
        let gone = start("uninstall", false).await.expect(201);
        assert_eq!(fresh.ended(gone["id"].as_str().unwrap()).await["status"], "terminated");
        runs(&fresh, "base", "install").await;
        runs(&fresh, "asks", "install").await;
        let message = start("uninstall", false).await.refused(400, "dependent_exists_error");
        assert!(
            message.ends_with("[1] Deployment `asks` uses capabilities of the current deployment in its node `where`"),
            "{message}"
        );
        let forced = start("uninstall", true).await.expect(201);
        assert_eq!(fresh.ended(forced["id"].as_str().unwrap()).await["status"], "terminated");
        assert_eq!(fresh.get("/deployments/asks/outputs").await.expect(200)["outputs"], json!({"where": Value::Null}));
        fresh.delete("/deployments/base").await.refused(400, "dependent_exists_error");
        fresh.delete("/deployments/base?force=true").await.expect(204);
        let manager = fresh.manager.clone();
        drop(fresh);
        manager.store.close().await;
    }
}

/// What is written down of who needs whom goes when it is said so, and holds as long.
#[tokio::test]
async fn what_others_say_that_they_need_holds() {
    let fresh = shared().await;
    let one = json!({"dependency_creator": "component.x", "source_deployment": "user", "target_deployment": "shared"});
    let made = fresh.put(IDD, one.clone()).await.expect(200);
    assert_eq!((&made["source_deployment_id"], &made["target_deployment_id"]), (&json!("user"), &json!("shared")));
    let message = fresh.delete("/deployments/shared").await.refused(400, "dependent_exists_error");
    assert!(message.ends_with("[1] Deployment `user` contains the current deployment in its node `x`"), "{message}");
    for workflow in ["stop", "uninstall", "heal"] {
        let start = json!({"deployment_id": "shared", "workflow_id": workflow});
        fresh.post("/executions", start).await.refused(400, "dependent_exists_error");
    }
    fresh.post("/deployment-updates/shared/update/initiate", json!({})).await.refused(400, "dependent_exists_error");
    let mut gone = one;
    gone["is_component_deletion"] = json!(true);
    fresh.ask_as(&ADMIN, Method::DELETE, IDD, Some(gone)).await.expect(204);
    runs(&fresh, "shared", "uninstall").await;
}
