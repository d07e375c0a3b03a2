//! One search over everything that has a name: whoever knows a part of a name finds what it belongs to.
//!
//! Invariant: of each kind only what the caller may list, and may see, is found.

use nephele_model::page::{ListQuery, Sort};
use nephele_model::{Error, Permission, Result};
use nephele_store::{
    Record, Resource, agents, blueprints, deployments, executions, node_instances, plugins, secrets, sites,
};
use serde::Serialize;
use serde_json::Value;

use crate::rows::failed;
use crate::{Ctx, Manager};

/// As many of each kind are told.
const SHOWN: u64 = 8;
/// The longest text that is searched for.
const LONGEST: usize = 200;

/// What a search found.
#[derive(Debug, Serialize)]
pub struct Found {
    items: Vec<Hit>,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Hit {
    kind: &'static str,
    /// What its own routes know it by.
    id: String,
    /// Its name for people.
    name: String,
    /// What else tells it from others.
    about: Option<String>,
    /// The deployment that it belongs to.
    deployment_id: Option<String>,
}

/// A kind of things that are searched.
struct Kind {
    name: &'static str,
    permission: Permission,
    resource: &'static Resource,
    /// The fields that are read: id, name, what tells more, and the deployment.
    fields: [&'static str; 4],
    /// What is told first.
    first: &'static str,
}

const fn kind(
    name: &'static str,
    permission: Permission,
    resource: &'static Resource,
    fields: [&'static str; 4],
    first: &'static str,
) -> Kind {
    Kind { name, permission, resource, fields, first }
}

/// The kinds, in the order in which they are told.
#[rustfmt::skip]
static KINDS: [Kind; 8] = [
    kind("deployment", Permission::DeploymentList, &deployments::RESOURCE, ["id", "display_name", "blueprint_id", ""], "-created_at"),
    kind("blueprint", Permission::BlueprintList, &blueprints::RESOURCE, ["id", "id", "state", ""], "-created_at"),
    kind("execution", Permission::ExecutionList, &executions::RESOURCE, ["id", "workflow_id", "status_display", "deployment_id"], "-created_at"),
    kind("node_instance", Permission::NodeInstanceList, &node_instances::RESOURCE, ["id", "id", "node_id", "deployment_id"], "id"),
    kind("secret", Permission::SecretList, &secrets::RESOURCE, ["key", "key", "visibility", ""], "key"),
    kind("plugin", Permission::PluginList, &plugins::RESOURCE, ["id", "package_name", "package_version", ""], "package_name"),
    kind("site", Permission::SiteList, &sites::RESOURCE, ["name", "name", "visibility", ""], "name"),
    kind("agent", Permission::AgentList, &agents::RESOURCE, ["name", "name", "state", "deployment_id"], "name"),
];

/// The names of the kinds that are searched.
pub fn searched_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

impl Manager {
    /// What in the tenant of the request has a name that holds this text.
    pub async fn search(&self, ctx: &Ctx, text: &str) -> Result<Found> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(Error::bad_parameters(format!(
                "`q` is what is searched for: a part of a name, from 1 to {LONGEST} characters"
            )));
        }
        // Without a tenant there is nothing to be found.
        ctx.tenant()?;
        let mut items = Vec::new();
        for kind in KINDS.iter().filter(|kind| ctx.may(kind.permission)) {
            for record in self.list(ctx, kind.resource, &kind.query(text)).await?.items {
                items.push(kind.hit(&record)?);
            }
        }
        Ok(Found { items })
    }
}

impl Kind {
    fn query(&self, text: &str) -> ListQuery {
        let mut include: Vec<String> =
            self.fields.iter().filter(|field| !field.is_empty()).map(|field| (*field).to_owned()).collect();
        include.dedup();
        let by_name = self.name == "deployment";
        let filters = if by_name { vec![("_search_name".to_owned(), vec![text.to_owned()])] } else { Vec::new() };
        let (field, descending) = self.first.strip_prefix('-').map_or((self.first, false), |field| (field, true));
        ListQuery {
            include: Some(include),
            search: Some(text.to_owned()),
            size: Some(SHOWN),
            sort: vec![Sort { field: field.to_owned(), descending }],
            filters,
            ..ListQuery::default()
        }
    }

    fn hit(&self, record: &Record) -> Result<Hit> {
        let record = record.value().map_err(failed)?;
        let text = |field: &str| record.get(field).and_then(Value::as_str).map(str::to_owned);
        let [id, name, about, deployment] = self.fields;
        Ok(Hit {
            kind: self.name,
            id: text(id).unwrap_or_default(),
            name: text(name).unwrap_or_default(),
            about: text(about),
            deployment_id: text(deployment),
        })
    }
}
