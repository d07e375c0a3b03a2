//! Long lists: their first rows are there before the last are asked for, and nothing piles up in between.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use nephele_testkit::home::{Home, Manager};
use nephele_testkit::rest::Rest;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::home;

const ROWS: usize = 4000;
const PAGE: usize = 1000;

/// A way to the manager on which the last page of a list waits.
struct Gate {
    address: String,
    offsets: Arc<Mutex<Vec<usize>>>,
    open: watch::Sender<bool>,
}

#[derive(Clone)]
struct Way {
    manager: String,
    client: reqwest::Client,
    offsets: Arc<Mutex<Vec<usize>>>,
    open: watch::Receiver<bool>,
}

impl Gate {
    async fn before(manager: &Manager) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (open, is_open) = watch::channel(false);
        let offsets = Arc::new(Mutex::new(Vec::new()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let way = Way { manager: manager.http.clone(), client, offsets: Arc::clone(&offsets), open: is_open };
        let router = Router::new().fallback(pass).with_state(way);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, offsets, open }
    }

    fn offsets(&self) -> Vec<usize> {
        self.offsets.lock().unwrap().clone()
    }

    /// Waits until a page that begins there was asked for.
    async fn asked(&self, offset: usize) {
        until(|| self.offsets().contains(&offset), "the page is asked for").await;
    }
}

async fn pass(State(mut way): State<Way>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let offset = path.split(['?', '&']).find_map(|pair| pair.strip_prefix("_offset=")?.parse().ok());
    if let Some(offset) = offset {
        way.offsets.lock().unwrap().push(offset);
        if offset == ROWS - PAGE {
            way.open.wait_for(|open| *open).await.unwrap();
        }
    }
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut passed = way.client.request(parts.method, format!("{}{path}", way.manager)).body(body);
    for name in ["authorization", "tenant", "content-type"] {
        passed = parts.headers.get(name).into_iter().fold(passed, |passed, value| passed.header(name, value));
    }
    let answer = passed.send().await.unwrap();
    let response = Response::builder().status(answer.status()).header("Content-Type", "application/json");
    response.body(answer.bytes().await.unwrap().into()).unwrap()
}

async fn until(mut is_so: impl FnMut() -> bool, what: &str) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is not so after a minute that {what}");
}

/// A command that is listing.
struct Listing {
    child: Child,
    text: Arc<Mutex<String>>,
}

impl Listing {
    fn start(home: &Home, gate: &Gate, arguments: &[&str]) -> Self {
        let mut command = home.command();
        command.args(arguments).args(["--manager", &gate.address]).env("NEPHELE_PASSWORD", home.password());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let text = Arc::new(Mutex::new(String::new()));
        let read = Arc::clone(&text);
        std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            // All of it is ASCII but the line below a heading, which one chunk holds.
            while let Ok(length @ 1..) = output.read(&mut chunk) {
                read.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..length]));
            }
        });
        Self { child, text }
    }

    fn rows(&self) -> usize {
        self.text.lock().unwrap().matches("long-list-").count()
    }

    /// The most memory that it had at once, in kB.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    async fn ended(mut self) -> String {
        assert!(self.child.wait().unwrap().success());
        until(|| self.rows() == ROWS, "all rows were read").await;
        // The last line, which has no row, may still be on its way.
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.text.lock().unwrap().clone()
    }
}

async fn fill(rest: &Rest) {
    let secrets: Vec<Value> = (0..ROWS)
        .map(|number| {
            json!({
                "key": format!("long-list-{number:05}"), "value": "x", "visibility": "tenant",
                "tenant_name": "default_tenant", "is_hidden_value": false, "encrypted": false,
            })
        })
        .collect();
    let body = json!({"secrets_list": secrets, "override_collisions": false});
    let answer = rest.post("/secrets/share/import", &body).await.expect(200);
    assert_eq!(answer["secrets_errors"], json!({}));
}

/// Each way to print a list, and what its end looks like.
type Printed = (&'static [&'static str], fn(&str));

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_printed_before_the_last_page_is_asked_for() {
    let home = home();
    let manager = home.start();
    fill(&Rest::new(&home, &manager)).await;
    let ways: [Printed; 5] = [
        (&[], |text| assert_eq!(text.lines().filter(|line| line.contains("is_hidden_value")).count(), 1)),
        (&["--json"], |text| are_all(&serde_json::from_str(text).unwrap())),
        (&["--output", "json"], |text| are_all(&serde_json::from_str(text).unwrap())),
        (&["--output", "yaml"], |text| {
            assert_eq!(text.lines().filter(|line| line.starts_with("- key: ")).count(), ROWS);
        }),
        (&["--output", "name"], |text| assert_eq!(text.lines().count(), ROWS)),
    ];
    for (options, is_whole) in ways {
        let gate = Gate::before(&manager).await;
        let listing = Listing::start(&home, &gate, &[&["secrets", "list"], options].concat());
        gate.asked(PAGE).await;
        let first = listing.memory();
        gate.asked(ROWS - PAGE).await;
        until(|| listing.rows() == ROWS - PAGE, "all pages but the last are printed").await;
        let grown = listing.memory().saturating_sub(first);
        assert!(grown < 4096, "{options:?}: {grown} kB more than for the first page ({first} kB)");
        gate.open.send(true).unwrap();
        is_whole(&listing.ended().await);
        assert_eq!(gate.offsets(), (0..ROWS).step_by(PAGE).collect::<Vec<_>>(), "{options:?}");
    }
}

fn are_all(list: &Value) {
    let keys: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), ROWS);
    assert!(keys.is_sorted() && keys[ROWS - 1] == format!("long-list-{:05}", ROWS - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_rows_is_that_number() {
    let home = home();
    let manager = home.start();
    fill(&Rest::new(&home, &manager)).await;
    let gate = Gate::before(&manager).await;
    let asked = |arguments: &[&str]| {
        let mut command = home.command();
        command.args(["secrets", "list", "--output", "name", "--manager", &gate.address]).args(arguments);
        let output = command.env("NEPHELE_PASSWORD", home.password()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        (rows, std::mem::take(&mut *gate.offsets.lock().unwrap()))
    };
    let (rows, offsets) = asked(&["-s", "7"]);
    assert_eq!((rows.len(), offsets), (7, vec![0]));
    let (rows, offsets) = asked(&["-s", "1500", "-o", "100"]);
    assert_eq!((rows.len(), rows[0].as_str(), offsets), (1500, "long-list-00100", vec![100, 1100]));
    let (rows, offsets) = asked(&["-o", "2500", "-s", "2000"]);
    assert_eq!((rows.len(), offsets), (1500, vec![2500, 3500]));

    // Each secret has an entry in the audit log, whose pages have other names.
    let of = |words: &[&str]| {
        let mut command = home.command();
        command.args(["auditlog", "list", "--output", "json", "--manager", &manager.http]).args(words);
        let output = command.env("NEPHELE_PASSWORD", home.password()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let ids: BTreeSet<i64> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(ids.len(), rows.len(), "an entry comes twice");
        let secrets = rows.iter().filter(|row| row["ref_table"] == "secrets").count();
        (rows.len(), secrets)
    };
    let (all, secrets) = of(&[]);
    assert!(all > ROWS && secrets == ROWS, "{secrets} of {all}");
    assert_eq!(of(&["-s", "7"]).0, 7);
    assert_eq!(of(&["-s", "1500", "-o", "100"]).0, 1500);

    // Whoever reads a pipe may stop.
    let mut command = home.command();
    command.args(["secrets", "list", "--manager", &manager.http]).env("NEPHELE_PASSWORD", home.password());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("is_hidden_value"), "{first}");
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", String::from_utf8_lossy(&ended.stderr));
}
