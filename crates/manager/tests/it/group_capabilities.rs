//! `get_group_capability`: what the members of a group have to offer.

use nephele_manager::{GroupChange, GroupUpdate};
use nephele_model::{Role, Visibility};
use serde_json::{Value, json};

use crate::house::{House, Made, admin, both};

async fn group(house: &House, id: &str, members: &[&str]) {
    let deployment_ids = Some(members.iter().map(|id| (*id).to_owned()).collect());
    let members = GroupChange { deployment_ids, ..GroupChange::default() };
    house.manager.put_deployment_group(&admin(), id, GroupUpdate { members, ..GroupUpdate::default() }).await.unwrap();
}

#[tokio::test]
async fn members_are_asked_one_and_all() {
    both(|house| async move {
        let site = |region: &str| Made {
            inputs: json!({"region": region}),
            capabilities: json!({
                "url": {"value": {"concat": ["http://", {"get_input": "region"}]}},
                "map": {"value": {"list": [region, 2]}},
            }),
            ..Made::default()
        };
        house.deployment(&admin(), "b", site("eu")).await;
        house.deployment(&admin(), "a", site("us")).await;
        house.deployment(&admin(), "without", Made::default()).await;
        let other = json!({"port": {"value": 80}});
        house.deployment(&admin(), "other", Made { capabilities: other, ..Made::default() }).await;
        house.deployment(&admin(), "asks", Made { inputs: json!({"group": "sites"}), ..Made::default() }).await;
        group(&house, "sites", &["b", "a", "without", "other"]).await;
        group(&house, "nobody", &[]).await;
        let ask = async |path: Value| {
            let payload = json!({"a": {"get_group_capability": path}});
            house.evaluate(&admin(), "asks", payload).await.map(|answer| answer["a"].clone())
        };
        assert_eq!(ask(json!(["sites", "url"])).await, Ok(json!(["http://us", "http://eu"])));
        assert_eq!(
            ask(json!([{"get_input": "group"}, "deployment_id:url"])).await,
            Ok(json!({"a": "http://us", "b": "http://eu"}))
        );
        assert_eq!(
            ask(json!(["sites", ["url", "port"]])).await,
            Ok(json!([["http://us", null], ["http://eu", null], [null, 80]]))
        );
        assert_eq!(ask(json!(["sites", "map", "list", 0])).await, Ok(json!(["us", "eu"])));
        assert_eq!(ask(json!(["sites", "nothing"])).await, Ok(json!([])));
        assert_eq!(ask(json!(["nobody", "url"])).await, Ok(json!([])));
        for (path, refusal) in [
            (
                json!(["none", "url"]),
                (404, "not_found_error: Requested `DeploymentGroup` with ID `none` was not found"),
            ),
            (
                json!(["sites", "map", "no"]),
                (
                    400,
                    "functions_evaluation_error: Unable to evaluate get_capability function: Attribute 'no' doesn't \
                     exist in 'map' in deployment 'sites'.",
                ),
            ),
        ] {
            assert_eq!(ask(path).await, Err((refusal.0, refusal.1.to_owned())));
        }
    })
    .await;
}

#[tokio::test]
async fn members_are_those_that_the_caller_sees() {
    both(|house| async move {
        let user = house.user("user", "default_tenant", Role::User).await;
        let stranger = house.user("stranger", "elsewhere", Role::Manager).await;
        let made = |visibility| Made {
            capabilities: json!({"id": {"value": {"get_sys": ["deployment", "id"]}}}),
            visibility: Some(visibility),
            ..Made::default()
        };
        house.deployment(&admin(), "seen", made(Visibility::Tenant)).await;
        house.deployment(&admin(), "private", made(Visibility::Private)).await;
        house.deployment(&stranger, "theirs", made(Visibility::Tenant)).await;
        group(&house, "both", &["seen", "private"]).await;
        let payload = json!({"a": {"get_group_capability": ["both", "id"]}});
        assert_eq!(house.evaluate(&admin(), "seen", payload.clone()).await, Ok(json!({"a": ["private", "seen"]})));
        assert_eq!(house.evaluate(&user, "seen", payload.clone()).await, Ok(json!({"a": ["seen"]})));
        let refused = house.evaluate(&stranger, "theirs", payload).await.unwrap_err();
        assert_eq!(refused.0, 404, "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn many_members_are_read_at_once() {
    both(|house| async move {
        let mut statements = Vec::new();
        for count in [3, 30] {
            let ids: Vec<String> = (0..count).map(|number| format!("m{count}-{number}")).collect();
            for id in &ids {
                let capabilities = json!({"id": {"value": {"get_label": ["tier", 0]}}});
                let made = Made { capabilities, labels: vec![("tier", "gold")], ..Made::default() };
                house.deployment(&admin(), id, made).await;
            }
            let members: Vec<&str> = ids.iter().map(String::as_str).collect();
            group(&house, &format!("g{count}"), &members).await;
            let payload = json!({"a": {"get_group_capability": [format!("g{count}"), "id"]}});
            let (answer, asked) = house.statements(house.evaluate(&admin(), &ids[0], payload)).await;
            assert_eq!(answer, Ok(json!({"a": vec!["gold"; count]})));
            statements.push(asked);
        }
        assert_eq!(statements[0], statements[1]);
    })
    .await;
}
