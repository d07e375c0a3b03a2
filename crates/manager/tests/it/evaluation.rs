//! What functions yield in a running deployment, and who may see it.

use nephele_manager::Context;
use nephele_model::{Role, Visibility};
use nephele_store::deployments::Deployment;
use serde_json::{Value, json};

use crate::house::{House, Made, admin, both, operating};

/// A web tier of two instances in scaling groups of their own, each on its database.
async fn shop(house: &House, id: &str) -> Deployment {
    let made = Made {
        inputs: json!({"region": "eu", "deep": {"list": [1, 2]}}),
        labels: vec![("tier", "gold"), ("tier", "silver"), ("csys-consumer-id", "app"), ("csys-consumer-id", "gone")],
        ..Made::default()
    };
    let deployment = house.deployment(&admin(), id, made).await;
    let on = |target: &str| {
        json!([{"target_id": target, "type": "cloudify.relationships.contained_in",
                "type_hierarchy": ["cloudify.relationships.depends_on", "cloudify.relationships.contained_in"]}])
    };
    house
        .nodes(
            &deployment,
            &[
                json!({"id": "host", "properties": {"size": {"get_input": "region"}}}),
                json!({"id": "db", "properties": {"port": 5432, "url": {"concat": ["db-", {"get_attribute": ["SELF", "n"]}]}},
                       "relationships": on("host")}),
                json!({"id": "web", "properties": {}, "relationships": on("host")}),
                json!({"id": "only", "properties": {"a": {"get_property": ["db", "port"]}}}),
                json!({"id": "empty", "properties": {}}),
            ],
        )
        .await;
    let group = |n: u32| json!([{"name": "tier", "id": format!("tier_{n}")}]);
    let in_host = |n: u32| {
        json!([{"target_id": format!("{}_host_{n}", "i"), "target_name": "host",
                "type": "cloudify.relationships.contained_in"}])
    };
    let mut instances = vec![json!({"id": "i_only", "node_id": "only", "runtime_properties": {
        "list": [{"k": "v"}], "again": {"get_attribute": ["only", "list", 0, "k"]}, "nothing": null}})];
    for n in 1..=2 {
        instances.push(json!({"id": format!("i_host_{n}"), "node_id": "host", "scaling_groups": group(n)}));
        instances.push(json!({"id": format!("i_db_{n}"), "node_id": "db", "relationships": in_host(n),
                              "runtime_properties": {"n": n}}));
        let mut relationships = in_host(n);
        if n == 1 {
            relationships.as_array_mut().unwrap().push(
                json!({"target_id": "i_db_2", "target_name": "db", "type": "cloudify.relationships.connected_to"}),
            );
        }
        instances.push(json!({"id": format!("i_web_{n}"), "node_id": "web", "relationships": relationships}));
    }
    house.instances(&deployment, &instances).await;
    deployment
}

fn of(id: &str) -> Context {
    Context { self_id: Some(id.to_owned()), ..Context::default() }
}

fn between(source: &str, target: &str) -> Context {
    Context { source_id: Some(source.to_owned()), target_id: Some(target.to_owned()), ..Context::default() }
}

#[tokio::test]
async fn attributes_are_those_of_the_instance_that_is_meant() {
    both(|house| async move {
        shop(&house, "shop").await;
        let ask = async |context: Context, payload: Value| house.evaluate_from(&admin(), "shop", context, payload).await;
        let n = json!({"a": {"get_attribute": ["db", "n"]}});
        // The relationship decides, else the scaling group around both.
        assert_eq!(ask(of("i_web_1"), n.clone()).await, Ok(json!({"a": 2})));
        assert_eq!(ask(of("i_web_2"), n.clone()).await, Ok(json!({"a": 2})));
        assert_eq!(ask(of("i_host_1"), n.clone()).await, Ok(json!({"a": 1})));
        assert_eq!(ask(between("i_web_2", "i_only"), n.clone()).await, Ok(json!({"a": 2})));
        assert_eq!(ask(between("i_only", "i_web_2"), n.clone()).await, Ok(json!({"a": 2})));
        let ambiguous = ask(of("i_only"), n.clone()).await.unwrap_err();
        assert_eq!(
            ambiguous,
            (
                400,
                "functions_evaluation_error: Unable to evaluate get_attribute function: More than one node instance \
                 found for node \"db\". Cannot resolve a node instance unambiguously."
                    .to_owned()
            )
        );
        let payload = json!({"own": {"get_attribute": ["SELF", "node_instance_id"]},
                             "index": {"get_attribute": ["SELF", "node_instance_index"]},
                             "url": {"get_attribute": ["SELF", "url"]},
                             "port": {"get_property": ["SELF", "port"]}});
        assert_eq!(
            ask(of("i_db_2"), payload).await,
            Ok(json!({"own": "i_db_2", "index": 2, "url": "db-2", "port": 5432}))
        );
        let payload = json!({"source": {"get_attribute": ["SOURCE", "node_instance_id"]},
                             "target": {"get_attribute": ["TARGET", "n"]},
                             "port": {"get_property": ["TARGET", "port"]}});
        assert_eq!(
            ask(between("i_web_1", "i_db_1"), payload).await,
            Ok(json!({"source": "i_web_1", "target": 1, "port": 5432}))
        );
        let payload = json!({"again": {"get_attribute": ["only", "again"]}, "nothing": {"get_attribute": ["only", "no"]},
                             "size": {"get_property": ["host", "size"]}, "a": {"get_property": ["only", "a"]},
                             "all": {"get_attributes_list": ["db", "n"]},
                             "by": {"get_attributes_dict": ["db", "n", "port"]}});
        assert_eq!(
            ask(Context::default(), payload).await,
            Ok(json!({"again": "v", "nothing": null, "size": "eu", "a": 5432, "all": [1, 2],
                      "by": {"i_db_1": {"n": 1, "port": 5432}, "i_db_2": {"n": 2, "port": 5432}}}))
        );
    })
    .await;
}

#[tokio::test]
async fn functions_say_what_the_deployment_is() {
    both(|house| async move {
        shop(&house, "shop").await;
        house.deployment(&admin(), "app", Made::default()).await;
        let payload = json!({
            "system": [{"get_sys": ["tenant", "name"]}, {"get_sys": ["deployment", "id"]},
                       {"get_sys": ["deployment", "name"]}, {"get_sys": ["deployment", "blueprint"]},
                       {"get_sys": ["deployment", "owner"]}],
            "labels": {"get_label": "tier"}, "second": {"get_label": ["tier", "1"]}, "last": {"get_label": ["tier", -1]},
            "ids": {"get_consumers": "ids"}, "names": {"get_consumers": "names"}, "count": {"get_consumers": "count"},
            "input": {"get_input": ["deep", "list", {"get_attribute": ["only", "zero"]}]},
        });
        let refused = house.evaluate(&admin(), "shop", payload.clone()).await.unwrap_err();
        assert_eq!(refused.0, 400, "{refused:?}");
        let mut payload = payload;
        payload["input"] = json!({"get_input": ["deep", "list", 1]});
        assert_eq!(
            house.evaluate(&admin(), "shop", payload).await,
            Ok(json!({
                "system": ["default_tenant", "shop", "The shop", "shop-bp", "admin"],
                "labels": ["gold", "silver"], "second": "silver", "last": "silver",
                "ids": ["app", "gone"], "names": ["The app"], "count": 2, "input": 2,
            }))
        );
        let refused = async |payload: Value| house.evaluate(&admin(), "shop", json!({"a": payload})).await.unwrap_err();
        for (payload, expected) in [
            (
                json!({"get_label": "none"}),
                (400, "functions_evaluation_error: The deployment `shop` does not have a label with the key `none` assigned to it"),
            ),
            (
                json!({"get_label": ["tier", 2]}),
                (
                    400,
                    "functions_evaluation_error: The provided label-values list index is out of range. The key `tier` has 2 values",
                ),
            ),
            (
                json!({"get_sys": ["tenant", "id"]}),
                (400, "functions_evaluation_error: Cannot retrieve this entity-property pair: tenant-id"),
            ),
            (
                json!({"get_property": ["nope", "a"]}),
                (404, "not_found_error: Requested Node with ID `nope` on Deployment `shop` was not found"),
            ),
            (
                json!({"get_attribute": ["empty", "a"]}),
                (
                    400,
                    "functions_evaluation_error: Unable to evaluate get_attribute function: Node empty has no instances.",
                ),
            ),
            (
                json!({"get_input": "nope"}),
                (400, "functions_evaluation_error: get_input function references an unknown input 'nope'."),
            ),
            (
                json!({"get_environment_capability": "c"}),
                (
                    400,
                    "functions_evaluation_error: The deployment `shop` does not have a label with the key `csys-obj-parent` assigned to it",
                ),
            ),
            (
                json!({"get_group_capability": ["g", "c"]}),
                (404, "not_found_error: Requested `DeploymentGroup` with ID `g` was not found"),
            ),
        ] {
            assert_eq!(refused(payload).await, (expected.0, expected.1.to_owned()));
        }
    })
    .await;
}

#[tokio::test]
async fn outputs_tell_what_cannot_be_had() {
    both(|house| async move {
        house.secret(&admin(), "there", "s3cret", false).await;
        let outputs = json!({
            "plain": {"value": 1, "description": "d"},
            "secret": {"value": {"get_secret": "there"}},
            "absent": {"value": {"get_secret": "absent"}},
            "absent_part": {"value": {"get_secret": ["absent", "key"]}},
            "lost": {"value": {"get_attribute": ["empty", "a"]}},
        });
        let made = Made { outputs: outputs.clone(), capabilities: outputs, ..Made::default() };
        let deployment = house.deployment(&admin(), "d", made).await;
        house.nodes(&deployment, &[json!({"id": "empty", "properties": {}})]).await;
        assert_eq!(
            house.outputs(&admin(), "d").await,
            Ok(json!({"plain": 1, "secret": "s3cret",
                "lost": "<ERROR: Unable to evaluate get_attribute function: Node empty has no instances.>"}))
        );
        let refused = house.manager.capabilities(&admin(), &"d".into()).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "deployment_capabilities_evaluation_error");
        let nested = json!({"o": {"value": {"concat": ["x", {"get_secret": "absent"}]}}});
        house.deployment(&admin(), "e", Made { outputs: nested, ..Made::default() }).await;
        let refused = house.outputs(&admin(), "e").await.unwrap_err();
        assert_eq!(refused, (404, "not_found_error: Requested `Secret` with ID `absent` was not found".to_owned()));
        let wrong = json!({"o": {"value": {"string_lower": {"get_input": "n"}}}});
        house.deployment(&admin(), "f", Made { inputs: json!({"n": 1}), outputs: wrong, ..Made::default() }).await;
        let refused = house.outputs(&admin(), "f").await.unwrap_err();
        assert!(refused.1.starts_with("deployment_outputs_evaluation_error: "), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn secrets_are_those_that_the_caller_may_see() {
    both(|house| async move {
        let (owner, other) = (
            house.user("owner", "default_tenant", Role::User).await,
            house.user("other", "default_tenant", Role::User).await,
        );
        let stranger = house.user("stranger", "elsewhere", Role::Manager).await;
        house.secret(&owner, "hidden", "{\"key\": [\"deep\"]}", true).await;
        let private = nephele_manager::SecretValues {
            value: Some("mine".into()),
            visibility: Some("private".to_owned()),
            ..nephele_manager::SecretValues::default()
        };
        house.manager.put_secret(&owner, "private", private, false).await.unwrap();
        house.deployment(&owner, "d", Made { visibility: Some(Visibility::Global), ..Made::default() }).await;
        let hidden = json!({"a": {"get_secret": "hidden"}});
        let part = json!({"a": {"get_secret": ["hidden", "key", 0]}});
        let private = json!({"a": {"get_secret": "private"}});
        assert_eq!(house.evaluate(&owner, "d", part.clone()).await, Ok(json!({"a": "deep"})));
        assert_eq!(house.evaluate(&admin(), "d", part.clone()).await, Ok(json!({"a": "deep"})));
        assert_eq!(house.evaluate(&operating(&other), "d", part).await, Ok(json!({"a": "deep"})));
        assert_eq!(house.evaluate(&other, "d", hidden.clone()).await, Ok(json!({"a": ""})));
        assert_eq!(house.evaluate(&owner, "d", private.clone()).await, Ok(json!({"a": "mine"})));
        let absent =
            |name: &str| Err((404, format!("not_found_error: Requested `Secret` with ID `{name}` was not found")));
        assert_eq!(house.evaluate(&other, "d", private.clone()).await, absent("private"));
        // The deployment is for everyone, the secrets of its tenant are not.
        assert_eq!(house.evaluate(&stranger, "d", hidden).await, absent("hidden"));
        house.secret(&stranger, "hidden", "theirs", false).await;
        assert_eq!(
            house.evaluate(&stranger, "d", json!({"a": {"get_secret": "hidden"}})).await,
            Ok(json!({"a": "theirs"}))
        );
    })
    .await;
}

#[tokio::test]
async fn capabilities_of_other_deployments_are_seen_from_there() {
    both(|house| async move {
        let stranger = house.user("stranger", "elsewhere", Role::Manager).await;
        let capabilities = json!({
            "port": {"value": {"get_attribute": ["only", "port"]}},
            "map": {"value": {"list": [{"get_input": "region"}]}},
            "through": {"value": {"get_capability": ["far", "name"]}},
            "broken": {"value": {"get_attribute": ["nope", "x"]}},
        });
        let parent = house
            .deployment(
                &admin(),
                "parent",
                Made { inputs: json!({"region": "eu"}), capabilities, ..Made::default() },
            )
            .await;
        house.nodes(&parent, &[json!({"id": "only", "properties": {}})]).await;
        house
            .instances(&parent, &[json!({"id": "parent_only", "node_id": "only", "runtime_properties": {"port": 80}})])
            .await;
        let far = json!({"name": {"value": {"get_sys": ["deployment", "name"]}}});
        house.deployment(&admin(), "far", Made { capabilities: far.clone(), ..Made::default() }).await;
        house.deployment(&stranger, "secluded", Made { capabilities: far, ..Made::default() }).await;
        let made = Made { labels: vec![("csys-obj-parent", "parent")], ..Made::default() };
        let child = house.deployment(&admin(), "child", made).await;
        house.nodes(&child, &[json!({"id": "only", "properties": {}})]).await;
        let payload = json!({
            "port": {"get_capability": ["parent", "port"]},
            "region": {"get_capability": ["parent", "map", "list", 0]},
            "own": {"get_environment_capability": ["map", "list", 0]},
            "environment": {"get_environment_capability": "port"},
            "through": {"get_capability": [{"get_label": ["csys-obj-parent", 0]}, "through"]},
        });
        assert_eq!(
            house.evaluate(&admin(), "child", payload).await,
            Ok(json!({"port": 80, "region": "eu", "own": "eu", "environment": 80, "through": "The far"}))
        );
        let refused = async |payload: Value| house.evaluate(&admin(), "child", json!({"a": payload})).await.unwrap_err();
        for (payload, status, expected) in [
            (
                json!({"get_capability": ["secluded", "name"]}),
                404,
                "not_found_error: Requested `Deployment` with ID `secluded` was not found",
            ),
            (
                json!({"get_capability": ["parent", "none"]}),
                400,
                "functions_evaluation_error: Requested capability `none` is not declared in deployment `parent`",
            ),
            (
                json!({"get_capability": ["parent", "map", "no"]}),
                400,
                "functions_evaluation_error: Unable to evaluate get_capability function: Attribute 'no' doesn't exist in \
                 'map' in deployment 'parent'.",
            ),
            (
                json!({"get_capability": ["parent", "broken"]}),
                400,
                "functions_evaluation_error: Unable to evaluate get_attribute function: Node nope has no instances.",
            ),
        ] {
            assert_eq!(refused(payload).await, (status, expected.to_owned()));
        }
    })
    .await;
}

#[tokio::test]
async fn nodes_and_instances_are_shown_evaluated() {
    both(|house| async move {
        shop(&house, "shop").await;
        let query = nephele_model::page::ListQuery { get_all: true, ..Default::default() };
        // Without an instance it is not clear which `url` is meant.
        let refused = house.manager.list_evaluated_nodes(&admin(), &query, None).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "functions_evaluation_error");
        let page = house.manager.list_evaluated_nodes(&admin(), &query, Some("i_db_2")).await.unwrap();
        let properties = |id: &str| page.items.iter().find(|node| node["id"] == id).unwrap()["properties"].clone();
        assert_eq!(properties("db"), json!({"port": 5432, "url": "db-2"}));
        assert_eq!((properties("host"), properties("only")), (json!({"size": "eu"}), json!({"a": 5432})));
        let instance = house.manager.get_evaluated_instance(&admin(), "i_only", None).await.unwrap();
        assert_eq!(instance["runtime_properties"]["again"], "v");
        let only = Some(&["id".to_owned()][..]);
        let instance = house.manager.get_evaluated_instance(&admin(), "i_only", only).await.unwrap();
        assert_eq!(instance, json!({"id": "i_only"}));
    })
    .await;
}
