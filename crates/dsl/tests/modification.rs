//! What every modification of node instances keeps, whatever the nodes, groups and counts are.

#![expect(clippy::unwrap_used, reason = "a test fails where its parts do not fit")]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use nephele_dsl::{Change, Changes, CountedIds, Current, ExistingIds, Modified, Plan, expand, modify};
use nephele_model::json::{List, Map, Value, json};
use proptest::prelude::*;
use proptest::sample::select;

/// A node: its count, its container and its connections among the nodes before it.
type Node = (u64, Option<prop::sample::Index>, Vec<(prop::sample::Index, bool)>);

fn node() -> impl Strategy<Value = Node> {
    let connections = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
    (0..4_u64, prop::option::of(any::<prop::sample::Index>()), connections)
}

/// A plan: nodes, and perhaps a group of those that share a container, within another group.
fn plan() -> impl Strategy<Value = Value> {
    (prop::collection::vec(node(), 1..7), prop::option::of((1..3_u64, any::<prop::sample::Index>(), any::<bool>())))
        .prop_map(|(nodes, group)| {
            let mut containers: Vec<Option<usize>> = Vec::new();
            let mut shown = Vec::new();
            for (number, (count, container, connections)) in nodes.iter().enumerate() {
                let before = |index: &prop::sample::Index| (number > 0).then(|| index.index(number));
                let container = container.as_ref().and_then(before);
                let mut relationships = Vec::new();
                relationships.extend(container.map(|at| relationship("contained_in", at, true)));
                let mut targets: HashSet<usize> = container.into_iter().collect();
                for (target, to_all) in connections {
                    let target = before(target).filter(|target| targets.insert(*target));
                    // Within a group only `all_to_all` is allowed.
                    let to_all = *to_all || group.is_some();
                    relationships.extend(target.map(|at| relationship("connected_to", at, to_all)));
                }
                containers.push(container);
                shown.push(json!({"id": name(number), "number_of_instances": count, "relationships": relationships}));
            }
            let mut groups = Map::new();
            if let Some((count, of, within)) = group {
                let container = containers[of.index(containers.len())];
                let members: Vec<String> =
                    (0..containers.len()).filter(|at| containers[*at] == container).map(name).collect();
                groups.insert("inner".to_owned(), scaling_group(count, &json!(members)));
                if within {
                    groups.insert("outer".to_owned(), scaling_group(2, &json!(["inner"])));
                }
            }
            json!({"nodes": shown, "scaling_groups": groups})
        })
}

fn name(number: usize) -> String {
    format!("n{number}")
}

fn relationship(kind: &str, target: usize, to_all: bool) -> Value {
    json!({
        "type": format!("cloudify.relationships.{kind}"),
        "target_id": name(target),
        "type_hierarchy": ["cloudify.relationships.depends_on", format!("cloudify.relationships.{kind}")],
        "properties": {"connection_type": if to_all { "all_to_all" } else { "all_to_one" }},
    })
}

fn scaling_group(count: u64, members: &Value) -> Value {
    json!({"members": members, "properties": {"current_instances": count}})
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], List::as_slice)
}

fn set(object: &mut Value, key: &str, value: Value) {
    object.as_object_mut().unwrap().insert(key, value);
}

fn id(instance: &Value) -> String {
    instance["id"].as_str().unwrap().to_owned()
}

fn instances_of(plan: &Value) -> Vec<Value> {
    let plan = Plan(plan.as_object().unwrap().clone());
    expand(plan, &mut CountedIds(0), &ExistingIds::new()).unwrap().node_instances().to_vec()
}

fn modified(plan: &Value, instances: &[Value], changes: &Changes, first_id: u64) -> Modified {
    let groups = plan["scaling_groups"].as_object().unwrap();
    let current = Current { nodes: list(plan, "nodes"), instances };
    modify(list(plan, "nodes"), groups, current, changes, &mut CountedIds(first_id)).unwrap()
}

/// Carries a modification out.
fn apply(instances: &[Value], modified: &Modified) -> Vec<Value> {
    let mut after: BTreeMap<String, Value> =
        instances.iter().map(|instance| (id(instance), instance.clone())).collect();
    let related = |after: &mut BTreeMap<String, Value>, instance: &Value, adds: bool| {
        let Some(there) = after.get_mut(&id(instance)) else { return };
        let there = there.get_mut("relationships").unwrap().as_array_mut().unwrap();
        for relationship in list(instance, "relationships") {
            // A relationship with what comes or goes is told twice.
            there.retain(|other| other != relationship);
            if adds {
                there.push(relationship.clone());
            }
        }
    };
    for instance in &modified.removed_and_related {
        if instance["modification"] == "removed" {
            assert!(after.remove(&id(instance)).is_some(), "{instance}");
        }
    }
    for instance in modified.removed_and_related.iter().chain(&modified.reduced_and_related) {
        related(&mut after, instance, false);
    }
    for instance in &modified.added_and_related {
        if instance["modification"] == "added" {
            let mut new = instance.clone();
            new.as_object_mut().unwrap().shift_remove("modification");
            assert_eq!(after.insert(id(instance), new), None, "an id that is taken");
        } else {
            related(&mut after, instance, true);
        }
    }
    for instance in &modified.extended_and_related {
        related(&mut after, instance, true);
    }
    after.into_values().collect()
}

/// Whether a modification changes nothing. A group without members is not seen, so that it may be made anew.
fn is_nothing(modified: &Modified) -> bool {
    let Modified { added_and_related, extended_and_related, reduced_and_related, removed_and_related } = modified;
    [added_and_related, extended_and_related, reduced_and_related, removed_and_related]
        .into_iter()
        .all(|list| Modified::changed(list).next().is_none())
}

/// Node, groups and targets of every instance, without ids.
fn shape(instances: &[Value]) -> Vec<String> {
    let mut shape: Vec<String> = instances
        .iter()
        .map(|instance| {
            let names = |key: &str, name: &str| {
                let mut names: Vec<String> = list(instance, key).iter().map(|entry| entry[name].to_string()).collect();
                names.sort();
                names
            };
            let groups = names("scaling_groups", "name");
            format!("{} {groups:?} {:?}", instance["node_id"], names("relationships", "target_name"))
        })
        .collect();
    shape.sort();
    shape
}

fn scalable(plan: &Value) -> Vec<String> {
    let nodes = list(plan, "nodes").iter().map(id);
    nodes.chain(plan["scaling_groups"].as_object().unwrap().keys().map(ToString::to_string)).collect()
}

/// The plan with the new count written into it.
fn with_count(plan: &Value, name: &str, count: usize) -> Value {
    let mut plan = plan.clone();
    for node in plan.get_mut("nodes").unwrap().items_mut() {
        if node["id"] == name {
            set(node, "number_of_instances", json!(count));
        }
    }
    if let Some(group) = plan.get_mut("scaling_groups").unwrap().get_mut(name) {
        set(group.get_mut("properties").unwrap(), "current_instances", json!(count));
    }
    plan
}

fn planned_and_scaled() -> impl Strategy<Value = (Value, String, usize)> {
    plan().prop_flat_map(|plan| {
        let names = scalable(&plan);
        (Just(plan), select(names), 0..5_usize)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases))]

    #[test]
    fn without_a_change_nothing_happens(plan in plan()) {
        let instances = instances_of(&plan);
        prop_assert!(is_nothing(&modified(&plan, &instances, &Changes::new(), 0)));
    }

    #[test]
    fn a_scaled_deployment_is_as_if_made_so((plan, name, count) in planned_and_scaled()) {
        let instances = instances_of(&plan);
        let changes = Changes::from([(name.clone(), Change { instances: count, ..Change::default() })]);
        // The first ids are asked for again: those that are taken are passed over.
        let scaled = apply(&instances, &modified(&plan, &instances, &changes, 0));
        let planned = with_count(&plan, &name, count);
        prop_assert_eq!(shape(&scaled), shape(&instances_of(&planned)));
        prop_assert!(is_nothing(&modified(&planned, &scaled, &Changes::new(), 0)));
        let ids: BTreeSet<String> = scaled.iter().map(id).collect();
        for relationship in scaled.iter().flat_map(|instance| list(instance, "relationships")) {
            prop_assert!(ids.contains(relationship["target_id"].as_str().unwrap()));
        }
    }

    #[test]
    fn out_and_in_again_is_as_before((plan, name, more) in planned_and_scaled()) {
        let instances = instances_of(&plan);
        let node = list(&plan, "nodes").iter().find(|node| node["id"] == name.as_str());
        let count = node.map_or_else(
            || plan["scaling_groups"][name.as_str()]["properties"]["current_instances"].as_u64(),
            |node| node["number_of_instances"].as_u64(),
        );
        let count = usize::try_from(count.unwrap()).unwrap();
        let out = Change { instances: count + more, ..Change::default() };
        let out = modified(&plan, &instances, &Changes::from([(name.clone(), out)]), 0);
        let added: Vec<String> = Modified::changed(&out.added_and_related).map(id).collect();
        let larger = apply(&instances, &out);
        let back = Change { instances: count, include: added.clone(), ..Change::default() };
        let back = modified(&plan, &larger, &Changes::from([(name, back)]), 0);
        let removed: BTreeSet<String> = Modified::changed(&back.removed_and_related).map(id).collect();
        prop_assert_eq!(removed, added.into_iter().collect::<BTreeSet<_>>());
        let as_before: BTreeMap<String, &Value> = instances.iter().map(|instance| (id(instance), instance)).collect();
        let smaller = apply(&larger, &back);
        prop_assert_eq!(smaller.iter().collect::<Vec<_>>(), as_before.into_values().collect::<Vec<_>>());
    }

    #[test]
    fn hints_decide_who_goes(count in 1..8_usize, keep in 0..8_usize, hinted in prop::collection::btree_set(0..8_usize, 0..8)) {
        let plan = json!({"nodes": [{"id": "n0", "number_of_instances": count}], "scaling_groups": {}});
        let instances = instances_of(&plan);
        let hinted: Vec<String> = hinted.iter().filter_map(|at| instances.get(*at)).map(id).collect();
        let gone = count.saturating_sub(keep);
        for (change, expected) in [
            (Change { instances: keep, include: hinted.clone(), ..Change::default() }, gone.min(hinted.len())),
            (Change { instances: keep, exclude: hinted.clone(), ..Change::default() }, gone.saturating_sub(count - hinted.len())),
        ] {
            let modified = modified(&plan, &instances, &Changes::from([("n0".to_owned(), change)]), 0);
            let removed: Vec<String> = Modified::changed(&modified.removed_and_related).map(id).collect();
            prop_assert_eq!(removed.len(), gone);
            prop_assert_eq!(removed.iter().filter(|id| hinted.contains(id)).count(), expected);
        }
    }
}

#[test]
fn a_member_stands_for_its_group() {
    let plan = json!({
        "nodes": [{"id": "n0", "number_of_instances": 1}, {"id": "n1", "number_of_instances": 1}],
        "scaling_groups": {"inner": scaling_group(3, &json!(["n0", "n1"]))},
    });
    let instances = instances_of(&plan);
    let hinted = instances.iter().find(|instance| instance["node_id"] == "n0").unwrap();
    let change = Change { instances: 2, include: vec![id(hinted)], ..Change::default() };
    let modified = modified(&plan, &instances, &Changes::from([("inner".to_owned(), change)]), 0);
    let removed: Vec<&Value> = Modified::changed(&modified.removed_and_related).collect();
    assert_eq!(removed.len(), 2);
    assert!(removed.iter().all(|instance| instance["scaling_groups"] == hinted["scaling_groups"]));
}

#[test]
fn nodes_that_are_new_or_gone_come_and_go() {
    let node = |name: &str, relationships: Value| json!({"id": name, "number_of_instances": 1, "relationships": relationships});
    let old = [node("n0", json!([])), node("n1", json!([relationship("connected_to", 0, true)]))];
    let new = [node("n0", json!([])), node("n2", json!([relationship("connected_to", 0, true)]))];
    let instances = instances_of(&json!({"nodes": old, "scaling_groups": {}}));
    let current = Current { nodes: &old, instances: &instances };
    let modified = modify(&new, &Map::new(), current, &Changes::new(), &mut CountedIds(0)).unwrap();
    let nodes = |list: &[Value]| Modified::changed(list).map(|one| one["node_id"].clone()).collect::<Vec<_>>();
    assert_eq!(nodes(&modified.added_and_related), [json!("n2")]);
    assert_eq!(nodes(&modified.removed_and_related), [json!("n1")]);
}

#[test]
fn a_large_deployment_is_modified_in_one_pass() {
    let nodes: Vec<Value> = (0..200)
        .map(|number| {
            let container = (number > 0).then(|| relationship("contained_in", 0, true));
            json!({"id": name(number), "number_of_instances": if number == 0 { 10 } else { 5 },
                "relationships": container.into_iter().collect::<Vec<_>>()})
        })
        .collect();
    let plan = json!({"nodes": nodes, "scaling_groups": {}});
    let instances = instances_of(&plan);
    let change = Change { instances: 11, ..Change::default() };
    let modified = modified(&plan, &instances, &Changes::from([("n0".to_owned(), change)]), 0);
    assert_eq!(Modified::changed(&modified.added_and_related).count(), 1 + 199 * 5);
}
