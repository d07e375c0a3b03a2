//! Plans: what a blueprint becomes, and what a deployment of it becomes.
//!
//! Both are JSON objects whose key order is part of their format (spec dsl.md sections 7.1, 7.2):
//! they are stored and answered as they are. The accessors here are the keys that callers need.

use nephele_model::json::{List, Map, Value};
use serde::{Deserialize, Serialize};

/// The plan of a blueprint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(pub Map);

/// The plan of a deployment: inputs filled in, functions evaluated, node instances made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentPlan(pub Map);

macro_rules! accessors {
    ($owner:ident: $($(#[$doc:meta])* $name:ident -> $kind:ident;)*) => {
        impl $owner {
            $($(#[$doc])* pub fn $name(&self) -> accessors!(@type $kind) {
                accessors!(@get self $name $kind)
            })*
        }
    };
    (@type list) => { &[Value] };
    (@type map) => { &Map };
    (@get $self:ident $name:ident list) => {
        $self.0.get(stringify!($name)).and_then(Value::as_array).map_or(&[], List::as_slice)
    };
    (@get $self:ident $name:ident map) => {
        $self.0.get(stringify!($name)).and_then(Value::as_object).unwrap_or(empty())
    };
}

/// An object to lend when a section is absent.
pub(crate) fn empty() -> &'static Map {
    static EMPTY: std::sync::LazyLock<Map> = std::sync::LazyLock::new(Map::new);
    &EMPTY
}

accessors! { Plan:
    /// The declared inputs by name.
    inputs -> map;
    /// The node templates, completed from their types, in source order.
    nodes -> list;
    /// The workflows by name.
    workflows -> map;
    /// Labels that a deployment gets.
    labels -> map;
    /// Labels that the blueprint gets.
    blueprint_labels -> map;
    /// `secrets` and `parent_capabilities` that a deployment will need.
    requirements -> map;
    /// Plugins that the management worker needs.
    deployment_plugins_to_install -> list;
    /// Plugins that workflows need.
    workflow_plugins_to_install -> list;
    /// Plugins that host agents need.
    host_agent_plugins_to_install -> list;
    /// Ids of the blueprints that were imported.
    imported_blueprints -> list;
    /// `id_template`, `display_name`, `default_schedules`, `default_groups` if declared.
    deployment_settings -> map;
}

accessors! { DeploymentPlan:
    /// The values of the inputs by name.
    inputs -> map;
    /// The outputs by name, `{description, value}`.
    outputs -> map;
    /// The capabilities by name, `{description, value}`.
    capabilities -> map;
    /// The nodes with evaluated properties, in source order.
    nodes -> list;
    /// The instances of the nodes.
    node_instances -> list;
    /// The scaling groups by name.
    scaling_groups -> map;
    /// The groups by name.
    groups -> map;
    /// The policy types by name.
    policy_types -> map;
    /// The policy triggers by name.
    policy_triggers -> map;
    /// The workflows by name.
    workflows -> map;
    /// Labels by key, `{values: [...]}`.
    labels -> map;
    /// Resource tags by name.
    resource_tags -> map;
    /// What the deployment takes from other deployments.
    inter_deployment_functions -> list;
    /// Plugins that the management worker needs.
    deployment_plugins_to_install -> list;
    /// Plugins that workflows need.
    workflow_plugins_to_install -> list;
    /// `id_template`, `display_name`, `default_schedules`, `default_groups` if declared.
    deployment_settings -> map;
}
