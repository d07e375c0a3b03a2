//! A manager on either database, and deployments made of rows.

use std::sync::Arc;
use std::time::Duration;

use nephele_bus::Local;
use nephele_manager::ctx::CallingExecution;
use nephele_manager::{Ctx, Manager, SecretValues, Settings};
use nephele_model::blueprint::BlueprintState;
use nephele_model::clock::SystemClock;
use nephele_model::execution::ExecutionStatus;
use nephele_model::id::TenantName;
use nephele_model::{Role, Secret, Visibility};
use nephele_store::blueprints::{self, NewBlueprint};
use nephele_store::deployments::{self, Deployment, DeploymentChanges, NewDeployment};
use nephele_store::labels::{self, Labeled};
use nephele_store::{Db, Json, tenants, users};
use nephele_testkit::postgres::Database;
use serde_json::Value;

/// A manager with its first rows.
pub(crate) struct House {
    pub(crate) manager: Arc<Manager>,
    _folder: tempfile::TempDir,
}

/// Runs a test on both databases.
pub(crate) async fn both<F: Future<Output = ()>>(test: impl Fn(Arc<House>) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("nephele.db").display());
    eprintln!("on SQLite");
    test(House::open(url).await).await;
    eprintln!("on PostgreSQL");
    let database = Database::empty();
    let house = House::open(database.url().to_owned()).await;
    test(Arc::clone(&house)).await;
    house.manager.store.close().await;
}

/// What a deployment is made of.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) inputs: Value,
    pub(crate) outputs: Value,
    pub(crate) capabilities: Value,
    pub(crate) labels: Vec<(&'static str, &'static str)>,
    pub(crate) visibility: Option<Visibility>,
}

impl House {
    async fn open(database_url: String) -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: folder.path().to_owned(),
            database_url,
            admin_password: Some(Secret::new("admin".to_owned())),
            archive_limit: 1 << 20,
            types: None,
            hooks: folder.path().join("hooks.conf"),
            hostname: "manager".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 53333,
            lease: Duration::from_secs(4),
        };
        let opened = Manager::open(settings, Arc::new(Local::new()), Arc::new(SystemClock)).await.unwrap();
        Arc::new(Self { manager: opened.manager, _folder: folder })
    }

    /// A user with a role in a tenant, which is made if need be.
    pub(crate) async fn user(&self, name: &str, tenant: &str, role: Role) -> Ctx {
        let admin = admin();
        let tenant = TenantName::new(tenant);
        if tenants::by_name(&*self.manager.store, &tenant).await.unwrap().is_none() {
            self.manager.create_tenant(&admin, tenant.as_str(), None).await.unwrap();
        }
        let row = tenants::by_name(&*self.manager.store, &tenant).await.unwrap().unwrap();
        let id = users::insert(&*self.manager.store, &name.into(), "hash", Role::Default).await.unwrap();
        users::join_tenant(&*self.manager.store, id, row.id, role).await.unwrap();
        Ctx {
            username: name.into(),
            user_id: id,
            tenant: Some(tenant.clone()),
            tenant_id: Some(row.id),
            roles: vec![role],
            system_role: Role::Default,
            own_tenants: vec![(tenant, row.id, role)],
            ..admin
        }
    }

    pub(crate) async fn deployment(&self, ctx: &Ctx, id: &str, made: Made) -> Deployment {
        let store = &*self.manager.store;
        let tenant_id = ctx.tenant_id.unwrap();
        let blueprint = NewBlueprint {
            id: format!("{id}-bp").as_str().into(),
            visibility: Visibility::Tenant,
            tenant_id,
            creator_id: ctx.user_id,
            created_at: store.now(),
            state: BlueprintState::Uploaded,
            main_file_name: Some("blueprint.yaml".to_owned()),
            is_hidden: false,
        };
        let blueprint_fk = blueprints::insert(store, blueprint).await.unwrap();
        let deployment = NewDeployment {
            id: id.into(),
            display_name: format!("The {id}"),
            visibility: made.visibility.unwrap_or(Visibility::Tenant),
            tenant_id,
            creator_id: ctx.user_id,
            created_at: store.now(),
            updated_at: None,
            blueprint_fk,
            site_fk: None,
            deployment_status: None,
            runtime_only_evaluation: false,
            inputs: Some(Json::from(made.inputs)),
        };
        let row = deployments::insert(store, deployment).await.unwrap();
        let changes = DeploymentChanges {
            outputs: Some(Some(Json::from(made.outputs))),
            capabilities: Some(Some(Json::from(made.capabilities))),
            ..DeploymentChanges::default()
        };
        deployments::update(store, row, changes).await.unwrap();
        let pairs: Vec<_> = made.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels::add(store, Labeled::Deployment, row, ctx.user_id, &pairs).await.unwrap();
        deployments::by_storage_id(store, row).await.unwrap().unwrap()
    }

    /// Nodes of the form `{id, properties, relationships}`.
    pub(crate) async fn nodes(&self, deployment: &Deployment, nodes: &[Value]) {
        self.manager.create_nodes(&admin(), deployment.id.as_str(), nodes).await.unwrap();
    }

    /// Instances of the form `{id, node_id, runtime_properties, relationships, scaling_groups}`.
    pub(crate) async fn instances(&self, deployment: &Deployment, instances: &[Value]) {
        self.manager.create_instances(&admin(), deployment.id.as_str(), instances).await.unwrap();
    }

    pub(crate) async fn secret(&self, ctx: &Ctx, key: &str, value: &str, hidden: bool) {
        let values =
            SecretValues { value: Some(value.into()), is_hidden_value: Some(hidden), ..SecretValues::default() };
        self.manager.put_secret(ctx, key, values, false).await.unwrap();
    }

    /// Evaluates a payload in no context.
    pub(crate) async fn evaluate(&self, ctx: &Ctx, deployment: &str, payload: Value) -> Result<Value, (u16, String)> {
        self.evaluate_from(ctx, deployment, nephele_manager::Context::default(), payload).await
    }

    pub(crate) async fn evaluate_from(
        &self,
        ctx: &Ctx,
        deployment: &str,
        context: nephele_manager::Context,
        payload: Value,
    ) -> Result<Value, (u16, String)> {
        let evaluated = self.manager.evaluate(ctx, &deployment.into(), context, payload).await;
        evaluated.map_err(|error| (error.code().status(), format!("{}: {}", error.code().as_str(), error.message())))
    }

    pub(crate) async fn outputs(&self, ctx: &Ctx, deployment: &str) -> Result<Value, (u16, String)> {
        let outputs = self.manager.outputs(ctx, &deployment.into()).await.map(Value::Object);
        outputs.map_err(|error| (error.code().status(), format!("{}: {}", error.code().as_str(), error.message())))
    }

    /// How many statements `work` needs.
    pub(crate) async fn statements<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.manager.store.statements();
        let outcome = work.await;
        (outcome, self.manager.store.statements() - before)
    }
}

/// The first administrator in the default tenant.
pub(crate) fn admin() -> Ctx {
    Ctx::internal(TenantName::new(tenants::DEFAULT_TENANT), tenants::DEFAULT_TENANT_ID)
}

/// The same caller, with the token of a running execution.
pub(crate) fn operating(ctx: &Ctx) -> Ctx {
    let execution = CallingExecution {
        id: "e".into(),
        tenant: ctx.tenant.clone().unwrap(),
        workflow: "install".to_owned(),
        status: ExecutionStatus::Started,
    };
    Ctx { execution: Some(execution), ..ctx.clone() }
}
