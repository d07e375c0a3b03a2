//! The database servers of the installation.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result};
use nephele_store::{Record, db_nodes};

use crate::{Ctx, Manager, managers};

impl Manager {
    /// One page of database servers.
    pub async fn list_db_nodes(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list_shared(ctx, &db_nodes::RESOURCE, query).await
    }

    /// Looks again which servers there are; `update` is the only action.
    pub async fn act_on_db_nodes(&self, ctx: &Ctx, action: &str, query: &ListQuery) -> Result<Page<Record>> {
        if action != "update" {
            return Err(Error::new(
                Code::UnknownAction,
                format!("Unknown action `{action}`; the only one is `update`"),
            ));
        }
        managers::introduce(&*self.store, &self.settings, &self.node).await?;
        self.list_db_nodes(ctx, query).await
    }
}
