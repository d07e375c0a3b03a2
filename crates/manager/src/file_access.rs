//! Who may read and write which part of the file tree (spec rest-api.md section 5.3).
//!
//! Invariant: folders of a tenant need rights in that tenant, whatever tenant the request names.
//! Only some folders can be written: what uploads publish belongs to rows of the database.

use nephele_model::id::{BlueprintId, TenantName};
use nephele_model::{Error, Permission, Result, Secret, Visibility};
use nephele_store::blueprints;

use crate::rows::failed;
use crate::{Ctx, Manager};

const OF_TENANTS: [&str; 4] = ["blueprints", "uploaded-blueprints", "deployments", "tenant-resources"];

impl Manager {
    /// Refuses callers who may not read `path` (without `resources/`).
    pub async fn may_read_file(&self, ctx: &Ctx, path: &str) -> Result<()> {
        let parts = segments(path);
        let Some(first) = parts.first().filter(|first| OF_TENANTS.iter().any(|folder| first.starts_with(folder)))
        else {
            return Ok(());
        };
        let tenant = TenantName::new(parts.get(1).copied().unwrap_or_default());
        if first.ends_with("blueprints")
            && let Some(id) = parts.get(2)
            && blueprints::visibility(&*self.store, &tenant, &BlueprintId::new(*id)).await.map_err(failed)?
                == Some(Visibility::Global)
        {
            return Ok(());
        }
        self.enter(ctx, &tenant).await?.demand(Permission::FileServerAuth)
    }

    /// Refuses callers who may not write `path`.
    pub async fn may_write_file(&self, ctx: &Ctx, path: &str) -> Result<()> {
        let parts = segments(path);
        let permission = match parts.first().copied() {
            Some("deployments") => Permission::DeploymentUpdate,
            Some("tenant-resources") => Permission::BlueprintUpload,
            Some("cloudify" | "global-resources") => return ctx.demand(Permission::CreateGlobalResource),
            _ => return Err(Error::forbidden(format!("The file {path} cannot be written through the file server"))),
        };
        let tenant = TenantName::new(parts.get(1).copied().unwrap_or_default());
        self.enter(ctx, &tenant).await?.demand(permission)
    }

    /// What a proxy in front asks: may this request for `uri` with `method` pass?
    pub async fn file_server_auth(&self, ctx: &Ctx, uri: &str, method: &str) -> Result<()> {
        let path = uri.split('?').next().unwrap_or_default().trim_start_matches('/');
        let parts = segments(path);
        if let ["api", _, audit, ..] = parts.as_slice()
            && audit.starts_with("audit")
        {
            return match method {
                "GET" => ctx.demand(Permission::AuditLogView),
                "DELETE" => ctx.demand(Permission::AuditLogTruncate),
                "POST" => ctx.demand(Permission::AuditLogInject),
                _ => Err(Error::forbidden(format!("The method {method} is not allowed for the audit log"))),
            };
        }
        self.may_read_file(ctx, path.strip_prefix("resources/").unwrap_or(path)).await
    }

    /// May whoever holds this API token look at the monitoring? Roles in tenants do not count: it
    /// shows the whole machine.
    pub async fn monitoring_auth(&self, token: Option<&Secret>) -> Result<()> {
        let nobody = || Error::unauthorized("No authentication info provided");
        let ctx = self.authenticate_token(token.ok_or_else(nobody)?).await?;
        if ctx.may_in_system(Permission::Monitoring) { Ok(()) } else { Err(nobody()) }
    }
}

/// The parts that mean something to a file system.
fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}
