//! Groups with their policies (spec dsl.md section 4.4).

use indexmap::IndexSet;
use nephele_model::json::{Map, Text, Value};

use super::Scope;
use super::nodes::Node;
use crate::diagnostic::{Diagnostic, nearest};
use crate::element::Element;
use crate::plan::empty;
use crate::value::{self, Rules};

/// The types that group policies refer to.
pub(crate) struct PolicyTypes<'a> {
    pub(crate) types: &'a Map,
    pub(crate) triggers: &'a Map,
}

/// The groups as plans show them.
pub(crate) fn parse(
    section: &Element<'_, '_>,
    nodes: &[Node],
    policy_types: &PolicyTypes<'_>,
    scope: &mut Scope<'_>,
) -> Map {
    let node_names: IndexSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let group_names: IndexSet<String> = section.entries().map(|group| group.name().into_owned()).collect();
    let mut groups = Map::new();
    for element in section.entries() {
        let group = one(&element, &node_names, &group_names, policy_types, scope);
        if let Some(group) = scope.keep(group) {
            groups.insert(element.name().into_owned(), group);
        }
    }
    groups
}

fn one(
    element: &Element<'_, '_>,
    nodes: &IndexSet<&str>,
    groups: &IndexSet<String>,
    policy_types: &PolicyTypes<'_>,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostic> {
    let name = element.name();
    if nodes.contains(name.as_ref()) {
        return Err(element.logic(211, format!("Both a group and a node template are named '{name}'")));
    }
    let members_element = element.get("members");
    let mut members: IndexSet<&str> = IndexSet::new();
    for member in members_element.items() {
        let member_name = member.text().unwrap_or_default();
        if !nodes.contains(member_name) && !groups.contains(member_name) {
            let message = format!("Member '{member_name}' of group '{name}' does not match any defined node");
            let hint = nearest(member_name, nodes.iter().copied().chain(groups.iter().map(String::as_str)));
            return Err(member.logic(40, message).with_hint(hint));
        }
        members.insert(member_name);
    }
    if members.is_empty() {
        return Err(members_element.format("At least one member should be specified"));
    }
    let mut policies = Map::new();
    for policy in element.get("policies").entries() {
        policies.insert(policy.name().into_owned(), parse_policy(&policy, &name, policy_types, scope)?);
    }
    let mut group = Map::new();
    group.insert("members".to_owned(), members.into_iter().map(Value::from).collect());
    group.insert("policies".to_owned(), Value::Object(policies));
    Ok(Value::Object(group))
}

fn parse_policy(
    element: &Element<'_, '_>,
    group: &str,
    policy_types: &PolicyTypes<'_>,
    scope: &Scope<'_>,
) -> Result<Value, Diagnostic> {
    let (name, type_element) = (element.name(), element.get("type"));
    let type_name = type_element.text().unwrap_or_default();
    let Some(policy_type) = policy_types.types.get(type_name) else {
        let message = format!("Policy '{name}' of group '{group}' references a non existent policy type '{type_name}'");
        let hint = nearest(type_name, policy_types.types.keys().map(Text::as_str));
        return Err(type_element.logic(41, message).with_hint(hint));
    };
    let owner = format!("group '{group}', policy '{name}'");
    let properties = element.get("properties");
    let merged = complete(
        &properties,
        policy_type.get("properties"),
        &owner,
        [
            "{0} '{1}' property is not part of the policy type properties schema",
            "{0} does not provide a value for mandatory '{1}' property which is part of its policy type schema",
        ],
        scope,
    )?;
    let mut triggers = Map::new();
    for trigger in element.get("triggers").entries() {
        let trigger_type = trigger.get("type");
        let trigger_type_name = trigger_type.text().unwrap_or_default();
        let Some(definition) = policy_types.triggers.get(trigger_type_name) else {
            let message = format!(
                "Trigger '{}' of policy '{name}' of group '{group}' references a non existent \
                 'policy trigger '{trigger_type_name}'",
                trigger.name()
            );
            return Err(trigger_type.logic(42, message));
        };
        let owner = format!("group '{group}', policy '{name}' trigger '{}'", trigger.name());
        let parameters = complete(
            &trigger.get("parameters"),
            definition.get("parameters"),
            &owner,
            [
                "{0} '{1}' property is not part of the policy type properties schema",
                "{0} does not provide a value for mandatory '{1}' property which is part of its policy type schema",
            ],
            scope,
        )?;
        let mut shown = Map::new();
        shown.insert("type".to_owned(), trigger_type.json());
        shown.insert("parameters".to_owned(), Value::Object(parameters));
        triggers.insert(trigger.name().into_owned(), Value::Object(shown));
    }
    let mut policy = Map::new();
    policy.insert("type".to_owned(), type_element.json());
    policy.insert("properties".to_owned(), Value::Object(merged));
    policy.insert("triggers".to_owned(), Value::Object(triggers));
    Ok(Value::Object(policy))
}

fn complete(
    element: &Element<'_, '_>,
    schema: Option<&Value>,
    owner: &str,
    [undefined, missing]: [&str; 2],
    scope: &Scope<'_>,
) -> Result<Map, Diagnostic> {
    let schema = schema.and_then(Value::as_object).unwrap_or(empty());
    let rules = Rules { data_types: &scope.data_types, undefined, missing, owner, complete: true };
    value::merge(&rules, element.json_map(), schema).map_err(|problem| element.place_if_blueprint(problem))
}
