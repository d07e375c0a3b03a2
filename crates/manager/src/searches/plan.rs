//! Searches in a blueprint: its nodes and scaling groups before anything is deployed.

use nephele_model::page::Page;
use nephele_model::{Code, Error, Result};
use nephele_store::{Record, blueprints, nodes};
use serde_json::{Map, Value};

use super::constraints::{Pattern, texts};
use crate::rows::failed;
use crate::{Ctx, Manager};

/// What of a part is compared.
enum Compared {
    Id,
    Operations,
    Type,
}

/// Which parts of a plan are wanted.
pub(super) struct Wanted {
    compared: Compared,
    pattern: Pattern,
    valid: Option<Vec<String>>,
    name: Option<String>,
}

impl Wanted {
    /// Nodes by their ids, or by the names of their operations if the constraints are about those.
    pub(super) fn nodes(constraints: &Map<String, Value>, name: Option<String>) -> Result<Self> {
        let of_operations = constraints.contains_key("operation_name_specs");
        let compared = if of_operations { Compared::Operations } else { Compared::Id };
        Self::new(compared, constraints, if of_operations { "operation_name_specs" } else { "id_specs" }, name)
    }

    /// Nodes by their types.
    pub(super) fn types(constraints: &Map<String, Value>, name: Option<String>) -> Result<Self> {
        Self::new(Compared::Type, constraints, "type_specs", name)
    }

    /// Scaling groups by their names.
    pub(super) fn scaling_groups(constraints: &Map<String, Value>, name: Option<String>) -> Result<Self> {
        Self::new(Compared::Id, constraints, "scaling_group_name_specs", name)
    }

    fn new(compared: Compared, constraints: &Map<String, Value>, specs: &str, name: Option<String>) -> Result<Self> {
        let valid = constraints.get("valid_values").map(texts).transpose()?;
        Ok(Self { compared, pattern: Pattern::of(constraints, specs)?, valid, name })
    }

    /// Whether something with this name is wanted.
    pub(super) fn matches(&self, name: &str) -> bool {
        self.pattern.matches(name)
            && self.valid.as_ref().is_none_or(|valid| valid.iter().any(|valid| valid == name))
            && self.name.as_ref().is_none_or(|wanted| wanted == name)
    }

    fn matches_node(&self, node: &Value) -> bool {
        match self.compared {
            Compared::Id => self.matches(node["id"].as_str().unwrap_or_default()),
            Compared::Operations => {
                node["operations"].as_object().is_some_and(|all| all.keys().any(|name| self.matches(name)))
            }
            Compared::Type => {
                let kind = node["type"].as_str().unwrap_or_default();
                // A valid type stands for all that derive from it.
                let hierarchy = node["type_hierarchy"].as_array().map_or(&[][..], Vec::as_slice);
                let derives = |valid: &String| valid == kind || hierarchy.iter().any(|above| above == valid.as_str());
                self.pattern.matches(kind)
                    && self.valid.as_ref().is_none_or(|valid| valid.iter().any(derives))
                    && self.name.as_ref().is_none_or(|wanted| wanted == kind)
            }
        }
    }
}

impl Manager {
    /// The nodes of a blueprint, in the shape of a deployment's.
    pub(super) async fn nodes_of_blueprint(
        &self,
        ctx: &Ctx,
        blueprint: &str,
        include: Option<&[String]>,
        wanted: &Wanted,
    ) -> Result<Page<Record>> {
        let section = self.plan_section(ctx, blueprint, "nodes").await?;
        let all = section.as_array().map_or(&[][..], Vec::as_slice);
        let found = all.iter().filter(|node| wanted.matches_node(node)).filter_map(Value::as_object);
        let items: nephele_store::Result<_> = found.map(|node| nodes::RESOURCE.record_of(include, node)).collect();
        Ok(everything(items.map_err(failed)?, all.len()))
    }

    /// A section of an uploaded blueprint's plan.
    pub(super) async fn plan_section(&self, ctx: &Ctx, blueprint: &str, section: &str) -> Result<Value> {
        let blueprint = self.find_blueprint(ctx, blueprint).await?;
        let plan = blueprints::plan(&*self.store, blueprint.storage_id).await.map_err(failed)?;
        let plan = plan.ok_or_else(|| {
            Error::new(Code::InvalidBlueprint, format!("Blueprint `{}` has no plan: it is not uploaded", blueprint.id))
        })?;
        let plan: Map<String, Value> = plan.parse().map_err(failed)?;
        Ok(plan.get(section).cloned().unwrap_or_default())
    }
}

/// A page of everything that was found among `all`.
pub(super) fn everything<T>(items: Vec<T>, all: usize) -> Page<T> {
    let found = items.len();
    Page { items, total: all as u64, size: found as u64, offset: 0, filtered: Some((all - found) as u64) }
}
