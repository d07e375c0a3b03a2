//! What evaluation costs, and where it ends.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::house::{House, Made, admin, both};

/// Outputs that read an attribute each, of nodes `n0`, `n1`, ...
fn outputs_over(count: usize) -> Value {
    let output =
        |n: usize| (format!("o{n}"), json!({"value": {"concat": [{"get_attribute": [format!("n{n}"), "ip"]}]}}));
    Value::Object((0..count).map(output).collect())
}

async fn deployed(house: &House, id: &str, count: usize) {
    let made = Made { outputs: outputs_over(count), ..Made::default() };
    let deployment = house.deployment(&admin(), id, made).await;
    let nodes: Vec<Value> = (0..count).map(|n| json!({"id": format!("n{n}"), "properties": {"k": n}})).collect();
    house.nodes(&deployment, &nodes).await;
    let instance = |n: usize| json!({"id": format!("{id}_n{n}"), "node_id": format!("n{n}"), "runtime_properties": {"ip": format!("10.0.{n}")}});
    house.instances(&deployment, &(0..count).map(instance).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_thousand_functions_need_as_many_statements_as_one() {
    both(|house| async move {
        deployed(&house, "one", 1).await;
        deployed(&house, "many", 1_000).await;
        let (outputs, one) = house.statements(house.outputs(&admin(), "one")).await;
        assert_eq!(outputs, Ok(json!({"o0": "10.0.0"})));
        let began = Instant::now();
        let (outputs, many) = house.statements(house.outputs(&admin(), "many")).await;
        eprintln!("1,000 outputs over 1,000 nodes: {:?}, {many} statements", began.elapsed());
        let outputs = outputs.unwrap();
        assert_eq!((outputs["o999"].as_str(), outputs.as_object().unwrap().len()), (Some("10.0.999"), 1_000));
        assert_eq!((one, many), (3, 3), "the deployment, the nodes, the instances");
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_function_is_read_in_sets() {
    both(|house| async move {
        for n in 0..100 {
            house.secret(&admin(), &format!("s{n}"), &format!("n{n}"), false).await;
            let capabilities = json!({"c": {"value": {"get_secret": format!("s{n}")}}});
            house.deployment(&admin(), &format!("other{n}"), Made { capabilities, ..Made::default() }).await;
        }
        deployed(&house, "d", 100).await;
        let payload = |count: usize| {
            let one = |n: usize| {
                json!({
                    // A secret names the node, the node's instance has the attribute.
                    "attribute": {"get_attribute": [{"get_secret": format!("s{n}")}, "ip"]},
                    "upper": {"string_upper": {"get_secret": format!("s{n}")}},
                    "property": {"get_property": [format!("n{n}"), "k"]},
                    "capability": {"get_capability": [format!("other{n}"), "c"]},
                    "all": {"get_attributes_list": [format!("n{n}"), "ip"]},
                })
            };
            json!({"list": (0..count).map(one).collect::<Vec<_>>()})
        };
        let (outcome, one) = house.statements(house.evaluate(&admin(), "d", payload(1))).await;
        assert_eq!(
            outcome.unwrap()["list"][0],
            json!({"attribute": "10.0.0", "upper": "N0", "property": 0, "capability": "n0", "all": ["10.0.0"]})
        );
        let (outcome, many) = house.statements(house.evaluate(&admin(), "d", payload(100))).await;
        assert_eq!(outcome.unwrap()["list"][99]["attribute"], "10.0.99");
        assert_eq!(one, many);
        assert!(many <= 8, "{many} statements");
        // Nodes with everything around them, all at once.
        let query = nephele_model::page::ListQuery { get_all: true, ..Default::default() };
        let (_, many) = house.statements(house.manager.list_evaluated_nodes(&admin(), &query, None)).await;
        assert!(many <= 3, "{many} statements");
    })
    .await;
}

#[tokio::test]
async fn cycles_end_with_a_refusal() {
    both(|house| async move {
        let ask = |deployment: &str| json!({"c": {"value": {"get_capability": [deployment, "c"]}}});
        house.deployment(&admin(), "a", Made { capabilities: ask("b"), ..Made::default() }).await;
        house.deployment(&admin(), "b", Made { capabilities: ask("a"), ..Made::default() }).await;
        let cycle = house.evaluate(&admin(), "a", json!({"x": {"get_capability": ["b", "c"]}})).await.unwrap_err();
        assert_eq!(
            cycle,
            (
                400,
                "functions_evaluation_error: The recursion limit (50) has been reached while evaluating the deployment. \
                 Limit was reached with the following path - capability `c` of deployment `b`, whose value needs itself"
                    .to_owned()
            )
        );
        // Twice the same at every step: evaluated once, not 2^30 times.
        for n in 0..30 {
            let next = json!({"get_capability": [format!("step{}", n + 1), "c"]});
            let value = if n == 29 { json!("end") } else { json!({"concat": [next, next]}) };
            let capabilities = json!({"c": {"value": value}});
            house.deployment(&admin(), &format!("step{n}"), Made { capabilities, ..Made::default() }).await;
        }
        let long = json!({"x": {"string_find": [{"get_capability": ["step17", "c"]}, "e"]}});
        assert_eq!(house.evaluate(&admin(), "a", long).await, Ok(json!({"x": 0})));
        for n in 0..60 {
            let capabilities = json!({"c": {"value": {"get_capability": [format!("far{}", n + 1), "c"]}}});
            house.deployment(&admin(), &format!("far{n}"), Made { capabilities, ..Made::default() }).await;
        }
        let far = house.evaluate(&admin(), "a", json!({"x": {"get_capability": ["far0", "c"]}})).await.unwrap_err();
        assert!(far.1.contains("The recursion limit (50) has been reached"), "{far:?}");
        let deployment = house.deployment(&admin(), "p", Made::default()).await;
        let property = |name: &str| json!({"get_property": [name, "p"]});
        let nodes = [
            json!({"id": "x", "properties": {"p": property("y")}}),
            json!({"id": "y", "properties": {"p": property("x")}}),
        ];
        house.nodes(&deployment, &nodes).await;
        let cycle = house.evaluate(&admin(), "p", json!({"a": property("x")})).await.unwrap_err();
        assert!(cycle.1.contains("The recursion limit (50) has been reached"), "{cycle:?}");
        for n in 0..150 {
            let next = Map::from_iter([("f".to_owned(), json!({"get_secret": [format!("k{}", n + 1), "f"]}))]);
            house.secret(&admin(), &format!("k{n}"), &Value::Object(next).to_string(), false).await;
        }
        let (endless, statements) =
            house.statements(house.evaluate(&admin(), "a", json!({"x": {"get_secret": ["k0", "f"]}}))).await;
        assert!(endless.unwrap_err().1.contains("without end"));
        assert!(statements < 110, "{statements}");
    })
    .await;
}
