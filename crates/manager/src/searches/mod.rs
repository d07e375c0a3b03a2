//! Searches: lists that are narrowed by filter rules, or by the constraints that blueprints put on
//! inputs which name other objects.
//!
//! Invariant: rules and constraints never come together. What constraints mean is in
//! `constraints.rs`; objects of a blueprint that nobody deployed yet are in `plan.rs`.
//! Source: spec rest-api.md section 1.10.

mod constraints;
mod plan;

use std::sync::Arc;

use nephele_model::filter::Rule;
use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Result};
use nephele_store::{Record, Resource, deployments, node_instances, nodes, secrets};
use serde_json::{Map, Value, json};

use crate::filters::{Filtered, rules};
use crate::rows::failed;
use crate::{Context, Ctx, Manager};

use constraints::{Constraints, Pattern};

/// What a search narrows its list by.
#[derive(Debug, Default)]
pub struct Narrowing {
    /// The name of a stored filter.
    pub filter_id: Option<String>,
    /// Filter rules as they were sent.
    pub rules: Vec<Value>,
    /// Constraints as they were sent.
    pub constraints: Map<String, Value>,
    /// The blueprint whose parts are searched.
    pub blueprint_id: Option<String>,
    /// The deployment whose parts are searched.
    pub deployment_id: Option<String>,
}

impl Manager {
    /// The rules that a search of deployments adds up to.
    pub async fn deployment_rules(&self, ctx: &Ctx, by: Narrowing) -> Result<Vec<Rule>> {
        self.rules_of(ctx, Some(Filtered::Deployment), &deployments::RESOURCE, "display_name", by).await
    }

    /// The rules that a search of blueprints adds up to.
    pub async fn blueprint_rules(&self, ctx: &Ctx, by: Narrowing) -> Result<Vec<Rule>> {
        self.rules_of(ctx, Some(Filtered::Blueprint), &nephele_store::blueprints::RESOURCE, "id", by).await
    }

    /// One page of the secrets that satisfy the rules.
    pub async fn search_secrets(&self, ctx: &Ctx, mut list: ListQuery, by: Narrowing) -> Result<Page<Record>> {
        list.rules = self.rules_of(ctx, None, &secrets::RESOURCE, "key", by).await?;
        self.list(ctx, &secrets::RESOURCE, &list).await
    }

    /// One page of the nodes of a deployment or of a blueprint.
    pub async fn search_nodes(&self, ctx: &Ctx, mut list: ListQuery, mut by: Narrowing) -> Result<Page<Record>> {
        let place = by.place(true)?;
        if let Place::Blueprint(id) = &place {
            let wanted = plan::Wanted::nodes(&by.constraints, list.search)?;
            return self.nodes_of_blueprint(ctx, id, list.include.as_deref(), &wanted).await;
        }
        place.filter(&mut list);
        let field = if by.constraints.contains_key("operation_name_specs") { "operation_name" } else { "id" };
        list.rules = self.rules_of(ctx, None, &nodes::RESOURCE, field, by).await?;
        self.list(ctx, &nodes::RESOURCE, &list).await
    }

    /// One page of the nodes of a deployment or of a blueprint, by their types.
    pub async fn search_node_types(&self, ctx: &Ctx, mut list: ListQuery, mut by: Narrowing) -> Result<Page<Record>> {
        let place = by.place(true)?;
        if let Place::Blueprint(id) = &place {
            let wanted = plan::Wanted::types(&by.constraints, list.search)?;
            return self.nodes_of_blueprint(ctx, id, list.include.as_deref(), &wanted).await;
        }
        place.filter(&mut list);
        if let (Place::Deployment(id), Some(values)) = (&place, by.constraints.get("valid_values")) {
            let extended = self.derived_types(ctx, id, &constraints::texts(values)?).await?;
            by.constraints.insert("valid_values".to_owned(), json!(extended));
        }
        list.rules = self.rules_of(ctx, None, &nodes::BY_TYPE, "type", by).await?;
        self.list(ctx, &nodes::BY_TYPE, &list).await
    }

    /// One page of node instances.
    pub async fn search_instances(&self, ctx: &Ctx, mut list: ListQuery, mut by: Narrowing) -> Result<Page<Record>> {
        by.place(false)?.filter(&mut list);
        list.rules = self.rules_of(ctx, None, &node_instances::RESOURCE, "id", by).await?;
        self.list(ctx, &node_instances::RESOURCE, &list).await
    }

    /// The capabilities of the deployments whose id contains the given one, with their values.
    pub async fn search_capabilities(
        self: &Arc<Self>,
        ctx: &Ctx,
        mut list: ListQuery,
        mut by: Narrowing,
    ) -> Result<Page<Value>> {
        let Place::Deployment(part) = by.place(true)? else {
            return Err(Error::bad_parameters("Capabilities are searched in deployments: provide a 'deployment_id'"));
        };
        let pattern = Pattern::of(&by.constraints, "capability_key_specs")?;
        let valid = by.constraints.get("valid_values").and_then(Value::as_array);
        let wanted = list.search.replace(part);
        let page = self.sections_of_deployments(ctx, list, "capabilities").await?;
        let mut items = Vec::new();
        for (id, capabilities) in &page.items {
            let context = Context::default();
            let Value::Object(values) = self.evaluate(ctx, &id.as_str().into(), context, capabilities.clone()).await?
            else {
                continue;
            };
            let matches = |(key, capability): &(String, Value)| {
                let value = &capability["value"];
                pattern.matches(key)
                    && valid.is_none_or(|valid| valid.contains(value))
                    && wanted.as_ref().is_none_or(|wanted| value == wanted.as_str())
            };
            let found: Vec<Value> =
                values.into_iter().filter(matches).map(|(key, capability)| json!({key: capability})).collect();
            if !found.is_empty() {
                items.push(json!({"deployment_id": id, "capabilities": found}));
            }
        }
        let total = items.len() as u64;
        Ok(Page { total, size: page.size, offset: page.offset, filtered: Some(page.total - total), items })
    }

    /// The scaling groups of a blueprint, or of the deployments whose id contains the given one.
    pub async fn search_scaling_groups(
        &self,
        ctx: &Ctx,
        mut list: ListQuery,
        mut by: Narrowing,
    ) -> Result<Page<Value>> {
        let wanted = plan::Wanted::scaling_groups(&by.constraints, list.search.take())?;
        let mut groups = Map::new();
        match by.place(true)? {
            Place::Blueprint(id) => {
                if let Value::Object(found) = self.plan_section(ctx, &id, "scaling_groups").await? {
                    groups = found;
                }
            }
            Place::Deployment(part) => {
                list.search = Some(part);
                for (_, found) in self.sections_of_deployments(ctx, list, "scaling_groups").await?.items {
                    groups.extend(found.as_object().cloned().unwrap_or_default());
                }
            }
            Place::Anywhere => {}
        }
        let all = groups.len();
        let items = groups.into_iter().filter(|(name, _)| wanted.matches(name)).map(|(name, group)| {
            json!({
                "deployment_id": null,
                "name": name,
                "members": group["members"],
                "properties": group["properties"],
            })
        });
        Ok(plan::everything(items.collect(), all))
    }

    /// What rules, a stored filter or constraints add up to.
    async fn rules_of(
        &self,
        ctx: &Ctx,
        filters: Option<Filtered>,
        resource: &Resource,
        field: &str,
        by: Narrowing,
    ) -> Result<Vec<Rule>> {
        let filter_id = by.filter_id.filter(|id| !id.is_empty());
        let (filter_id, mut rules) = if by.constraints.is_empty() {
            (filter_id, rules::read(resource, &by.rules)?)
        } else if by.rules.is_empty() && filter_id.is_none() {
            Constraints::of(field, by.constraints).into_rules()?
        } else {
            return Err(Error::bad_parameters(
                "You should provide either filter_id/filter_rules or DSL constraints, not both",
            ));
        };
        if let (Some(of), Some(id)) = (filters, filter_id) {
            for rule in self.rules_of_filter(ctx, of, &id).await? {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
        Ok(rules)
    }

    /// A section of each deployment of a list, by id.
    async fn sections_of_deployments(
        &self,
        ctx: &Ctx,
        mut list: ListQuery,
        section: &str,
    ) -> Result<Page<(String, Value)>> {
        list.include = Some(vec!["id".to_owned(), section.to_owned()]);
        let page = self.list(ctx, &deployments::RESOURCE, &list).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for record in &page.items {
            let mut value = record.value().map_err(failed)?;
            items.push((value["id"].as_str().unwrap_or_default().to_owned(), value[section].take()));
        }
        let mut items = items.into_iter();
        Ok(page.map(|_| items.next().unwrap_or_default()))
    }

    /// Types with all that nodes of a deployment derive from them.
    async fn derived_types(&self, ctx: &Ctx, deployment: &str, types: &[String]) -> Result<Vec<String>> {
        let mut all = types.to_vec();
        let scope = self.scope(ctx, false).await?;
        let found = deployments::find(&*self.store, &scope, &deployment.into()).await.map_err(failed)?;
        let Some(found) = found else { return Ok(all) };
        for node in nodes::of_deployment(&*self.store, found.storage_id).await.map_err(failed)? {
            let hierarchy: Vec<String> =
                node.type_hierarchy.map(|json| json.parse()).transpose().map_err(failed)?.unwrap_or_default();
            if let Some(first) = hierarchy.iter().position(|kind| types.contains(kind)) {
                all.extend(hierarchy.into_iter().skip(first));
            }
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

/// Where the parts that are searched belong.
enum Place {
    Blueprint(String),
    Deployment(String),
    Anywhere,
}

impl Place {
    fn filter(&self, list: &mut ListQuery) {
        if let Self::Deployment(id) = self {
            list.filters.push(("deployment_id".to_owned(), vec![id.clone()]));
        }
    }
}

impl Narrowing {
    /// Takes the place out of the parameters and the constraints. It may be left out where it is not
    /// `needed` and there are no constraints.
    fn place(&mut self, needed: bool) -> Result<Place> {
        let mut take = |key: &str, parameter: Option<String>| {
            let parameter = parameter.filter(|id| !id.is_empty());
            let constraint = if parameter.is_none() {
                self.constraints.swap_remove(key)
            } else if self.constraints.contains_key(key) {
                return Err(Error::bad_parameters(format!(
                    "You should provide either a valid '{key}' parameter or have a '{key}' key in the constraints, \
                     not both."
                )));
            } else {
                None
            };
            match constraint {
                None | Some(Value::Null) => Ok(parameter),
                Some(Value::String(id)) => Ok(Some(id)),
                Some(_) => Err(Error::bad_parameters(format!("The constraint '{key}' must be the id of an object"))),
            }
        };
        let deployment = take("deployment_id", self.deployment_id.take())?;
        let blueprint = take("blueprint_id", self.blueprint_id.take())?;
        match (blueprint, deployment) {
            (Some(_), Some(_)) => Err(Error::bad_parameters(
                "You should provide either 'blueprint_id' or 'deployment_id' constraints, not both.",
            )),
            (Some(id), None) => Ok(Place::Blueprint(id)),
            (None, Some(id)) => Ok(Place::Deployment(id)),
            (None, None) if needed || !self.constraints.is_empty() => Err(Error::bad_parameters(
                "Please provide a valid 'blueprint_id' or 'deployment_id' parameter or have a relevant key in the \
                 constraints.",
            )),
            (None, None) => Ok(Place::Anywhere),
        }
    }
}
