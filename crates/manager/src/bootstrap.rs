//! The start of a manager: folders, database, keys, and what the first start has to make.
//!
//! Invariant: opening is idempotent; a second start changes nothing that a user changed.

use std::sync::Arc;

use nephele_bus::Bus;
use nephele_model::{Clock, Error, Result, Secret};
use nephele_store::{Bootstrap, Db, Store, processes, tenants};
use serde_json::json;

use crate::rows::failed;
use crate::{
    Manager, Settings, audit_log, auth, builtin_types, crypto, exports, files, hooks, maintenance, managers,
    permissions, waiting, workflows,
};

/// A manager that was just opened.
pub struct Opened {
    /// The manager.
    pub manager: Arc<Manager>,
    /// The password of `admin`, when this start made it up. It is in `admin-password` in the data
    /// folder as well; show it once.
    pub new_password: Option<Secret>,
}

impl Manager {
    /// Opens the database and the files, and makes what the first start must make.
    pub async fn open(mut settings: Settings, bus: Arc<dyn Bus>, clock: Arc<dyn Clock>) -> Result<Opened> {
        std::fs::create_dir_all(&settings.data_dir).map_err(|error| {
            Error::bad_parameters(format!("The data folder {} cannot be used: {error}", settings.data_dir.display()))
        })?;
        let store = Store::open(&settings.database_url, clock.clone()).await.map_err(failed)?;
        let new_password = first_start(&store, &settings).await?;
        exports::snapshot::swap::complete(&store, &settings.data_dir).await?;
        let files = files::Tree::open(&settings.data_dir.join("resources"))?;
        let types = builtin_types::read(settings.types.as_deref())?;
        builtin_types::publish(&types, &files)?;
        let cipher = crypto::Cipher::open(&settings.data_dir.join("secrets.key"))?;
        let node = managers::node_id(&settings.data_dir)?;
        settings.hostname = managers::own_name(&store, &settings.hostname, &node).await?;
        managers::introduce(&store, &settings, &node).await?;
        let verified = auth::Verified::new(settings.lease);
        let control = workflows::Control::default();
        control.set_process(begin(&store, &settings, &node).await?);
        let hooks = hooks::Hooks::new(settings.hooks.clone());
        let manager = Self {
            store: Arc::new(store),
            bus,
            files,
            types: Arc::new(types),
            clock,
            settings,
            workflows: Arc::new(control),
            cipher,
            verified,
            granted: permissions::Granted::default(),
            maintenance: maintenance::Known::default(),
            node,
            audit: audit_log::Feed::default(),
            feed: Arc::default(),
            #[cfg(feature = "oidc")]
            issuer: auth::Issuer::default(),
            waiting: waiting::Waiting::default(),
            hooks,
            restoring: std::sync::atomic::AtomicBool::new(false),
            schedules_changed: tokio::sync::Notify::new(),
        };
        let messaging = manager.messaging(tenants::DEFAULT_TENANT, None);
        tenants::set_messaging(&*manager.store, tenants::DEFAULT_TENANT_ID, &messaging).await.map_err(failed)?;
        Ok(Opened { manager: Arc::new(manager), new_password })
    }
}

/// Begins to live as a process. What those that lived here before had to themselves is free then.
async fn begin(store: &Store, settings: &Settings, node: &str) -> Result<i64> {
    let tx = store.begin().await.map_err(failed)?;
    processes::dismiss_former(&tx, node).await.map_err(failed)?;
    let number = workflows::lease::enlist(&tx, settings, node).await?;
    tx.commit().await.map_err(failed)?;
    Ok(number)
}

async fn first_start(store: &Store, settings: &Settings) -> Result<Option<Secret>> {
    let done = Bootstrap::is_done(store as &dyn Db).await.map_err(failed)?;
    let made_up = (!done && settings.admin_password.is_none()).then(|| Secret::new(crypto::random_text(20)));
    let hash = match settings.admin_password.as_ref().or(made_up.as_ref()) {
        Some(password) if !done => crypto::hash_password(password.expose()),
        _ => String::new(),
    };
    if let Some(password) = &made_up {
        let file = settings.data_dir.join("admin-password");
        // Left over from a start that did not get as far as the database.
        let _ = std::fs::remove_file(&file);
        crypto::write_private(&file, format!("{}\n", password.expose()).as_bytes())?;
    }
    let root = settings.data_dir.join("resources");
    let bootstrap = Bootstrap {
        admin_password_hash: hash,
        settings: vec![("rest".to_owned(), "file_server_root".to_owned(), json!(root.display().to_string()))],
        authority: settings.authority(),
    };
    let tx = store.begin().await.map_err(failed)?;
    bootstrap.ensure(&tx).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(made_up)
}
