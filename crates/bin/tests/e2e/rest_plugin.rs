//! The built-in plugin for REST calls, against the manager's own API and a server that notes what it is asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use nephele_testkit::rest::blueprint;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deployed::{Deployed, example, left_nothing};
use crate::home;

/// What a server was asked: method and address, the login, the body.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// Starts a server, and gives its port and what it is asked.
async fn server() -> (u16, Asked) {
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(answer).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (port, asked)
}

async fn answer(State(asked): State<Asked>, method: Method, uri: Uri, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).map(|text| text.to_str().unwrap().to_owned()).unwrap_or_default();
    let (login, body) = match header("content-type") {
        // The boundary is another one each time.
        kind if kind.starts_with("multipart/") => (kind.clone(), parts(&kind, &body)),
        _ => (header("authorization"), body),
    };
    let count = {
        let mut asked = asked.lock().unwrap();
        asked.push((format!("{method} {uri}"), login, body));
        asked.len()
    };
    match uri.path() {
        // It comes up at the second request.
        "/slow-start" if count == 1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/hangs" => {
            tokio::time::sleep(Duration::from_mins(10)).await;
            StatusCode::OK.into_response()
        }
        "/order" => ([("content-type", "text/xml; charset=utf-8")], ORDER).into_response(),
        "/missing" => (StatusCode::NOT_FOUND, "there is no such thing").into_response(),
        _ => axum::Json(json!({"id": count, "owner": {"name": "Ada"}, "list": [{"n": 1}, {"n": 2}]})).into_response(),
    }
}

const ORDER: &str = "<?xml version='1.0'?><s:order xmlns:s='urn:shop' number='7'><item>cup &amp; saucer</item><item n='2'>\
                     spoon</item><state>open</state></s:order>";

/// The parts of a form, without what is between them.
fn parts(kind: &str, body: &str) -> String {
    let (_, boundary) = kind.split_once("boundary=").unwrap();
    let between = format!("--{boundary}");
    let parts = body.split(&between).map(str::trim).filter(|part| !part.is_empty() && *part != "--");
    parts.map(|part| part.replace("\r\n", "|")).collect::<Vec<_>>().join("\n")
}

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml, 'plugin:nephele-rest']
inputs:
  port: {type: integer}
  path: {type: string}
node_templates:
  service:
    type: cloudify.nodes.rest.Requests
    properties: {host: 127.0.0.1, port: {get_input: port}, params: {path: {get_input: path}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          inputs:
            template_file: calls.yaml
            params: {login: {get_secret: login}, color: blue}
            save_path: answer
          retry_interval: 0
          timeout: 2
";

const CALLS: &str = "
rest_calls:
  - path: '{{ path }}'
    method: POST
    recoverable_codes: [503]
    auth: {user: ada, password: '{{ login }}'}
    headers: {X-Color: '{{ color }}'}
    payload: {color: '{{ color }}', login: '{{ login }}', node: '{{ ctx.node.id }}'}
    response_translation: {id: [made], owner: {name: [who, name]}}
  - path: '/second/{{ made }}'
    method: get
    params: {q: 'a b'}
    response_translation: [[[list, [n]], [numbers, [n]]]]
";

/// An order as XML, whose answer is read, and a form with files.
const SHOP: &str = "
rest_calls:
  - path: /order
    method: PUT
    headers: {Content-Type: application/xml}
    payload_format: raw
    payload: '<order by=\"{{ login }}\"/>'
    response_expectation: [['s:order', state, open]]
    response_translation: {'s:order': {'@number': [number], item: [items]}}
  - path: /upload
    method: post
    payload_format: raw
    payload: {note: 'order {{ number }}'}
    files:
      inline: [inline.csv, 'a;b', text/csv, {X-Kind: table}]
      plain: 'as it is'
    files_raw: {page: page.txt}
    response_format: raw
  - path: /form
    method: post
    payload_format: form
    payload: {a: 'x y', b: [1, 2]}
    response_format: raw
";

#[tokio::test(flavor = "multi_thread")]
async fn xml_is_sent_and_read_and_files_are_parts_of_a_form() {
    let home = home();
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[("calls.yaml", SHOP), ("page.txt", "a page\nof two lines")]);
    let (port, asked) = server().await;
    let deployed = Deployed::on(&home, &[("login", "open-sesame")]).await;
    deployed.deploy("d", &folder, json!({"port": port, "path": "/"})).await;
    let told = deployed.runs("d", "install", json!({})).await;
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked[0].2, "<order by=\"open-sesame\"/>");
    assert!(asked[1].1.starts_with("multipart/form-data; boundary="), "{}", asked[1].1);
    let disposition = "Content-Disposition: form-data";
    let expected = format!(
        "{disposition}; name=\"note\"||order 7\n{disposition}; name=\"page\"; filename=\"page\"||a page\nof two lines\n\
         {disposition}; name=\"inline\"; filename=\"inline.csv\"|Content-Type: text/csv|x-kind: table||a;b\n\
         {disposition}; name=\"plain\"; filename=\"plain\"||as it is"
    );
    assert_eq!(asked[1].2, expected);
    assert_eq!(asked[2].2, "a=x+y&b=1&b=2");
    let saved = &deployed.properties("d", "service").await["answer"]["result_properties"];
    assert_eq!(*saved, json!({"number": "7", "items": ["cup & saucer", {"@n": "2", "#text": "spoon"}]}));
    assert!(!told.contains("open-sesame"), "{told}");
    left_nothing(&home);
}

async fn deployed(home: &nephele_testkit::home::Home, path: &str) -> (Deployed, Asked) {
    let folder = home.folder().join("app");
    blueprint(&folder, BLUEPRINT, &[("calls.yaml", CALLS)]);
    let (port, asked) = server().await;
    let deployed = Deployed::on(home, &[("login", "open-sesame")]).await;
    deployed.deploy("d", &folder, json!({"port": port, "path": path})).await;
    (deployed, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_asks_the_manager_itself() {
    let home = home();
    let deployed = Deployed::on(&home, &[]).await;
    deployed.deploy("rest", &example("rest"), json!({"port": deployed.port()})).await;
    deployed.runs("rest", "install", json!({})).await;
    let api = deployed.rest.get("/openapi.json").await.expect(200);
    assert_eq!(deployed.outputs("rest").await, json!({"title": api["info"]["title"]}));
    deployed.runs("rest", "uninstall", json!({})).await;
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_made_one_after_the_other_and_secrets_go_to_the_server_alone() {
    let home = home();
    let (deployed, asked) = deployed(&home, "/slow-start").await;
    let told = deployed.runs("d", "install", json!({})).await;
    let asked = asked.lock().unwrap().clone();
    let lines: Vec<&str> = asked.iter().map(|(line, _, _)| line.as_str()).collect();
    assert_eq!(lines, ["POST /slow-start", "POST /slow-start", "GET /second/2?q=a+b"]);
    let body: Value = serde_json::from_str(&asked[1].2).unwrap();
    assert_eq!(body, json!({"color": "blue", "login": "open-sesame", "node": "service"}));
    assert_eq!(asked[1].1, "Basic YWRhOm9wZW4tc2VzYW1l");
    let properties = deployed.properties("d", "service").await;
    let saved = json!({"made": 2, "who": {"name": "Ada"}, "numbers": [{"n": 1}, {"n": 2}]});
    assert_eq!(properties["answer"]["result_properties"], saved);
    assert_eq!(properties["answer"]["calls"][0]["payload"]["login"], "********");
    assert!(told.contains("200 OK") && told.contains("503"), "{told}");
    assert!(!told.contains("open-sesame") && !home.log().contains("open-sesame"), "{told}");
    left_nothing(&home);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_fails_at_once_and_what_hangs_at_its_deadline() {
    let home = home();
    let (deployed, asked) = deployed(&home, "/missing").await;
    let (error, told) = deployed.fails("d", "install").await;
    assert!(error.contains("404 Not Found: there is no such thing"), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 1, "it was tried again: {told}");
    let hanging = json!({"port": asked_port(&deployed).await, "path": "/hangs"});
    deployed.rest.create_deployment("hanging", "d", hanging.clone()).await.expect(201);
    let (error, _) = deployed.fails("hanging", "install").await;
    assert!(error.contains("timeout of 2 seconds"), "{error}");
    left_nothing(&home);
}

async fn asked_port(deployed: &Deployed) -> Value {
    deployed.rest.get("/deployments/d").await.expect(200)["inputs"]["port"].clone()
}
