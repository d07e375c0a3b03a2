//! Groups with their policies (spec dsl.md section 4.4).

use indexmap::IndexSet;
use nephele_model::json::{Map, Text, Value};

use super::Scope;
use super::nodes::Node;
use super::refused::Section;
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
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
        let mut found = Vec::new();
        let group = one(&element, &node_names, &group_names, policy_types, scope, &mut found);
        if found.is_empty() && !element.is_doubtful() {
            groups.insert(element.name().into_owned(), group);
        } else {
            scope.refused.name(Section::Groups, &element.name());
        }
        scope.problems.report(found);
    }
    groups
}

fn one(
    element: &Element<'_, '_>,
    nodes: &IndexSet<&str>,
    groups: &IndexSet<String>,
    policy_types: &PolicyTypes<'_>,
    scope: &Scope<'_>,
    found: &mut Vec<Diagnostic>,
) -> Value {
    let name = element.name();
    if nodes.contains(name.as_ref()) {
        let message = format!("Both a group and a node template are named '{name}'");
        found.push(element.problem(Fault::GroupNamedLikeNode, message));
    }
    if element.node().is_none() {
        return Value::Object(Map::new());
    }
    let members_element = element.get("members");
    let mut members: IndexSet<&str> = IndexSet::new();
    for member in members_element.items() {
        let member_name = member.text().unwrap_or("None");
        let is_known = nodes.contains(member_name) || groups.contains(member_name);
        let known = || nodes.iter().copied().chain(groups.iter().map(String::as_str));
        if !is_known && !scope.refused.excuses(Section::NodeTemplates, member_name, known()) {
            let message = format!("Member '{member_name}' of group '{name}' does not match any defined node");
            let hint = suggestion(member_name, known());
            found.push(member.problem(Fault::UnknownGroupMember, message).with_hint(hint));
        }
        members.insert(member_name);
    }
    if members.is_empty() {
        found.push(members_element.problem(Fault::EmptyGroup, "At least one member should be specified"));
    }
    let mut policies = Map::new();
    for policy in element.get("policies").entries() {
        let parsed = parse_policy(&policy, &name, policy_types, scope, found);
        policies.insert(policy.name().into_owned(), parsed);
    }
    let mut group = Map::new();
    group.insert("members".to_owned(), members.into_iter().map(Value::from).collect());
    group.insert("policies".to_owned(), Value::Object(policies));
    Value::Object(group)
}

fn parse_policy(
    element: &Element<'_, '_>,
    group: &str,
    policy_types: &PolicyTypes<'_>,
    scope: &Scope<'_>,
    found: &mut Vec<Diagnostic>,
) -> Value {
    if element.node().is_none() {
        return Value::Object(Map::new());
    }
    let (name, type_element) = (element.name(), element.get("type"));
    let type_name = type_element.text().unwrap_or_default();
    let policy_type = policy_types.types.get(type_name);
    let known = policy_types.types.keys().map(Text::as_str);
    if policy_type.is_none() && !scope.refused.excuses(Section::PolicyTypes, type_name, known.clone()) {
        let message = format!("Policy '{name}' of group '{group}' references a non existent policy type '{type_name}'");
        let hint = suggestion(type_name, known);
        found.push(type_element.problem(Fault::UnknownPolicyType, message).with_hint(hint));
    }
    let owner = format!("group '{group}', policy '{name}'");
    let schema = policy_type.and_then(|known| known.get("properties"));
    let merged = complete(&element.get("properties"), schema, &owner, scope, found);
    let mut triggers = Map::new();
    for trigger in element.get("triggers").entries() {
        let trigger_type = trigger.get("type");
        let trigger_type_name = trigger_type.text().unwrap_or_default();
        let definition = policy_types.triggers.get(trigger_type_name);
        let known = policy_types.triggers.keys().map(Text::as_str);
        if definition.is_none() && !scope.refused.excuses(Section::PolicyTriggers, trigger_type_name, known.clone()) {
            let message = format!(
                "Trigger '{}' of policy '{name}' of group '{group}' references a non existent \
                 'policy trigger '{trigger_type_name}'",
                trigger.name()
            );
            let hint = suggestion(trigger_type_name, known);
            found.push(trigger_type.problem(Fault::UnknownTriggerType, message).with_hint(hint));
        }
        let owner = format!("group '{group}', policy '{name}' trigger '{}'", trigger.name());
        let schema = definition.and_then(|known| known.get("parameters"));
        let parameters = complete(&trigger.get("parameters"), schema, &owner, scope, found);
        let mut shown = Map::new();
        shown.insert("type".to_owned(), trigger_type.json());
        shown.insert("parameters".to_owned(), Value::Object(parameters));
        triggers.insert(trigger.name().into_owned(), Value::Object(shown));
    }
    let mut policy = Map::new();
    policy.insert("type".to_owned(), type_element.json());
    policy.insert("properties".to_owned(), Value::Object(merged));
    policy.insert("triggers".to_owned(), Value::Object(triggers));
    Value::Object(policy)
}

/// The values completed from a schema; as they are without one, which is a problem already.
fn complete(
    element: &Element<'_, '_>,
    schema: Option<&Value>,
    owner: &str,
    scope: &Scope<'_>,
    found: &mut Vec<Diagnostic>,
) -> Map {
    let Some(schema) = schema.and_then(Value::as_object) else { return element.json_map() };
    let rules = Rules {
        data_types: &scope.data_types,
        undefined: "{0} '{1}' property is not part of the policy type properties schema",
        missing: "{0} does not provide a value for mandatory '{1}' property which is part of its policy type schema",
        owner,
        complete: true,
    };
    value::merge(&rules, element.json_map(), schema).unwrap_or_else(|misfits| {
        found.extend(element.misfits(misfits, 0));
        element.json_map()
    })
}
