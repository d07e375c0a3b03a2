//! A plugin that people use, as they use it: `cloudify-aws-plugin` of the package index, a wagon with some eighty packages,
//! and a service that speaks to it as IAM and STS do.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use nephele_testkit::python;
use nephele_testkit::rest::blueprint;
use serde_json::json;

use crate::users::{Users, python_home};

const YAML: &str = "
plugins:
  aws:
    executor: central_deployment_agent
    package_name: cloudify-aws-plugin
    package_version: '3.1.7'
    properties:
      aws_access_key_id: {type: string, value: {get_secret: key_id}}
      aws_secret_access_key: {type: string, value: {get_secret: key}}
      region_name: {type: string, value: eu-central-1}
node_types:
  cloudify.nodes.aws.iam.Group:
    derived_from: cloudify.nodes.Root
    properties:
      use_external_resource: {type: boolean, default: false}
      resource_id: {default: ''}
      client_config: {default: {}}
      resource_config: {default: {}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: aws.cloudify_aws.iam.resources.group.create}
        delete:
          implementation: aws.cloudify_aws.iam.resources.group.delete
          inputs: {resource_config: {default: {}}}
";

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_5
imports: [cloudify/types/types.yaml, 'plugin:cloudify-aws-plugin']
node_templates:
  group:
    type: cloudify.nodes.aws.iam.Group
    properties: {resource_config: {kwargs: {GroupName: people, Path: /}}}
outputs:
  arn: {value: {get_attribute: [group, aws_resource_arn]}}
";

/// What the service knows, and what it was asked.
#[derive(Default)]
struct Known {
    groups: BTreeSet<String>,
    actions: Vec<String>,
    /// The logins that came with requests.
    logins: BTreeSet<String>,
}

/// A service with the few answers that the plugin needs.
fn serve() -> (String, Arc<Mutex<Known>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let known = Arc::<Mutex<Known>>::default();
    let shared = Arc::clone(&known);
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &shared)));
    (url, known)
}

/// Reads one request, and answers it.
fn answer(stream: TcpStream, known: &Mutex<Known>) {
    let mut reader = BufReader::new(stream);
    let (mut length, mut login) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else {
            if line.trim().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => value.split(['=', '/']).nth(1).unwrap_or_default().clone_into(&mut login),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let form = String::from_utf8(body).unwrap();
    let field =
        |name: &str| form.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default();
    let (action, group) = (field("Action"), field("GroupName"));
    let mut known = known.lock().unwrap();
    known.actions.push(action.to_owned());
    known.logins.insert(login);
    let described = format!(
        "<Group><Path>/</Path><GroupName>{group}</GroupName><GroupId>G1</GroupId><Arn>arn:aws:iam::123456789012:group/{group}\
         </Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate></Group>"
    );
    let (status, result) = match action {
        "GetCallerIdentity" => {
            (200, "<Arn>arn:aws:iam::123456789012:user/u</Arn><Account>123456789012</Account>".to_owned())
        }
        "CreateGroup" if known.groups.insert(group.to_owned()) => (200, described),
        "GetGroup" if known.groups.contains(group) => (200, described + "<Users/><IsTruncated>false</IsTruncated>"),
        "DeleteGroup" if known.groups.remove(group) => (200, String::new()),
        _ => (
            404,
            "<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>no such group</Message></Error>".to_owned(),
        ),
    };
    let text = match status {
        200 => format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
        _ => format!("<ErrorResponse>{result}</ErrorResponse>"),
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close",
        text.len()
    );
    write!(reader.get_mut(), "{head}\r\n\r\n{text}").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_plugin_makes_and_deletes_what_a_blueprint_names() {
    let wagon = tokio::task::spawn_blocking(|| python::released("cloudify-aws-plugin", "3.1.7")).await.unwrap();
    let (url, known) = serve();
    let home = python_home().with_variable("AWS_ENDPOINT_URL", url);
    let users = Users::arrive(&home);
    for (name, value) in [("key_id", "AKIDOFTEST"), ("key", "secret")] {
        users.rest.put(&format!("/secrets/{name}"), &json!({"value": value})).await.expect(200);
    }
    let yaml = users.folder.join("plugin.yaml");
    std::fs::write(&yaml, YAML).unwrap();
    users.upload_wagon(&wagon, &yaml);
    let app = users.folder.join("app");
    blueprint(&app, BLUEPRINT, &[]);
    users.rest.upload_folder("app", &app).await;
    users.rest.create_deployment("d", "app", json!({})).await.expect(201);

    let said = users.runs("d", "install", &json!({}));
    assert_eq!(known.lock().unwrap().groups, BTreeSet::from(["people".to_owned()]), "{said}");
    let outputs = users.rest.get("/deployments/d/outputs").await.expect(200);
    assert_eq!(outputs["outputs"]["arn"], "arn:aws:iam::123456789012:group/people");
    assert_eq!(users.properties("d", "group").await["aws_resource_id"], "people");

    users.runs("d", "uninstall", &json!({}));
    let known = known.lock().unwrap();
    assert!(known.groups.is_empty(), "{:?}", known.actions);
    assert_eq!(known.logins, BTreeSet::from(["AKIDOFTEST".to_owned()]));
    for action in ["GetCallerIdentity", "CreateGroup", "DeleteGroup"] {
        assert!(known.actions.iter().any(|asked| asked == action), "{action}: {:?}", known.actions);
    }
}
