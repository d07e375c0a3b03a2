//! Fresh stores, a clock that the test moves, and rows to begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use nephele_model::blueprint::BlueprintState;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::{NodeId, NodeInstanceId, TenantName};
use nephele_model::instance::InstanceState;
use nephele_model::{Clock, Timestamp, Visibility};
use nephele_store::blueprints::NewBlueprint;
use nephele_store::deployments::{Deployment, NewDeployment};
use nephele_store::executions::{Execution, NewExecution};
use nephele_store::node_instances::NewInstance;
use nephele_store::nodes::NewNode;
use nephele_store::{
    Bootstrap, Db, Json, Scope, Store, blueprints, deployments, executions, node_instances, nodes, processes, tenants,
    users,
};
use nephele_testkit::postgres::Database;
use serde_json::json;

/// 2020-01-01T00:00:00Z.
pub(crate) const BEGINNING: i64 = 1_577_836_800_000_000;

/// A clock that stands still until it is moved.
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(BEGINNING)))
    }

    pub(crate) fn forward(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// A store with its first rows, and its clock.
pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) clock: Arc<Hand>,
}

/// Runs a test on both databases.
pub(crate) async fn both<F: Future<Output = ()>>(test: impl Fn(House) -> F) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite://{}", folder.path().join("store.db").display());
    let house = open(&url).await;
    set_up(&house.store).await;
    eprintln!("on SQLite");
    test(house).await;

    let database = Database::from_template("store", |url| async move {
        let house = open(&url).await;
        set_up(&house.store).await;
        house.store.close().await;
    })
    .await;
    eprintln!("on PostgreSQL");
    test(open(database.url()).await).await;
}

pub(crate) async fn open(url: &str) -> House {
    let clock = Hand::new();
    let store = Store::open(url, Arc::clone(&clock) as Arc<dyn Clock>).await.expect("the store opens");
    House { store, clock }
}

async fn set_up(store: &Store) {
    let tx = store.begin().await.expect("a transaction");
    let bootstrap = Bootstrap {
        admin_password_hash: "hash".to_owned(),
        settings: vec![("rest".to_owned(), "file_server_root".to_owned(), json!("/data"))],
        authority: None,
    };
    bootstrap.ensure(&tx).await.expect("the first rows");
    tx.commit().await.expect("the commit");
}

/// The first administrator in the default tenant.
pub(crate) fn admin() -> Scope {
    Scope {
        tenant_id: tenants::DEFAULT_TENANT_ID,
        tenant_name: TenantName::new(tenants::DEFAULT_TENANT),
        user_id: users::ADMIN_ID,
        is_administrator: true,
        all_tenants: vec![(tenants::DEFAULT_TENANT_ID, true)],
    }
}

/// Another user in some tenant, without special rights.
pub(crate) fn user(user_id: i64, tenant_id: i64) -> Scope {
    Scope { tenant_id, user_id, is_administrator: false, all_tenants: vec![(tenant_id, false)], ..admin() }
}

pub(crate) fn new_blueprint(scope: &Scope, id: &str, at: Timestamp) -> NewBlueprint {
    NewBlueprint {
        id: id.into(),
        visibility: Visibility::Tenant,
        tenant_id: scope.tenant_id,
        creator_id: scope.user_id,
        created_at: at,
        state: BlueprintState::Uploaded,
        main_file_name: Some("blueprint.yaml".to_owned()),
        is_hidden: false,
    }
}

impl House {
    /// A process in a folder of its own, with a lease of a minute.
    pub(crate) async fn process(&self) -> i64 {
        processes::insert(&self.store, "a folder", "manager", 60_000_000).await.expect("a process")
    }

    pub(crate) async fn blueprint(&self, id: &str) -> i64 {
        let new = new_blueprint(&admin(), id, self.store.now());
        blueprints::insert(&self.store, new).await.expect("a blueprint")
    }

    /// A deployment of the blueprint `<id>-bp`.
    pub(crate) async fn deployment(&self, id: &str) -> Deployment {
        let blueprint_fk = self.blueprint(&format!("{id}-bp")).await;
        let new = NewDeployment {
            id: id.into(),
            display_name: format!("The {id}"),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: self.store.now(),
            updated_at: None,
            blueprint_fk,
            site_fk: None,
            deployment_status: None,
            runtime_only_evaluation: false,
            inputs: Some(Json::of(&json!({"b": 1, "a": "ä\u{1}\u{0}"}))),
        };
        let row = deployments::insert(&self.store, new).await.expect("a deployment");
        deployments::by_storage_id(&self.store, row).await.expect("a query").expect("the deployment")
    }

    pub(crate) async fn execution(
        &self,
        deployment: Option<&Deployment>,
        id: &str,
        status: ExecutionStatus,
    ) -> Execution {
        let new = NewExecution {
            id: id.into(),
            visibility: Visibility::Tenant,
            tenant_id: 0,
            creator_id: 0,
            created_at: self.store.now(),
            scheduled_for: None,
            status,
            workflow_id: "install".to_owned(),
            parameters: Json::of(&json!({"p": [1, null]})),
            is_system_workflow: false,
            is_dry_run: false,
            allow_custom_parameters: false,
            is_forced: false,
            token: Some(format!("sha-of-{id}")),
            deployment_fk: deployment.map(|deployment| deployment.storage_id),
            wait_after_fail: 600.0,
            blueprint_id: deployment.map(|deployment| deployment.blueprint_id.to_string()),
            rerun_of: None,
            process: None,
        };
        let row = executions::insert(&self.store, new).await.expect("an execution");
        executions::by_storage_id(&self.store, row).await.expect("a query").expect("the execution")
    }

    /// Nodes of these names, each with instances `<name>_1` to `<name>_<count>`.
    pub(crate) async fn nodes(&self, deployment: &Deployment, names: &[&str], count: usize) -> Vec<NodeInstanceId> {
        let new = names.iter().map(|name| new_node(deployment, name)).collect();
        nodes::insert(&self.store, new).await.expect("nodes");
        let instances = names
            .iter()
            .flat_map(|name| (1..=count).map(move |index| new_instance(name, &index.to_string())))
            .collect();
        let tx = self.store.begin().await.expect("a transaction");
        let ids = node_instances::insert(&tx, deployment, instances).await.expect("instances");
        tx.commit().await.expect("the commit");
        ids
    }
}

pub(crate) fn new_node(deployment: &Deployment, name: &str) -> NewNode {
    NewNode {
        id: NodeId::new(name),
        visibility: deployment.visibility,
        tenant_id: deployment.tenant_id,
        creator_id: deployment.creator_id,
        deployment_fk: deployment.storage_id,
        kind: "cloudify.nodes.Root".to_owned(),
        type_hierarchy: Json::of(&["cloudify.nodes.Root"]),
        host_id: None,
        number_of_instances: 1,
        planned_number_of_instances: 1,
        deploy_number_of_instances: 1,
        min_number_of_instances: 0,
        max_number_of_instances: -1,
        plugins: Some(Json::of(&json!([]))),
        plugins_to_install: None,
        properties: Some(Json::of(&json!({"port": 80}))),
        relationships: Some(Json::of(&json!([]))),
        operations: Some(Json::of(&json!({}))),
    }
}

pub(crate) fn new_instance(node: &str, suffix: &str) -> NewInstance {
    NewInstance {
        id: NodeInstanceId::new(format!("{node}_{suffix}")),
        node_id: NodeId::new(node),
        host_id: None,
        index: None,
        relationships: Json::of(&json!([])),
        scaling_groups: Json::of(&json!([])),
        runtime_properties: Json::of(&json!({})),
        state: InstanceState::UNINITIALIZED,
    }
}
