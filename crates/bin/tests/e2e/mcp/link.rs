//! A client of the protocol, over either way; each message in both directions is held against the schema.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nephele_testkit::home::{Home, Manager};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::protocol::Protocol;

/// A server process that ends with its test.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(home: &Home, manager: &Manager, arguments: &[&str]) -> Command {
    let mut command = home.command();
    command.arg("mcp").args(arguments).args(["--manager", &manager.http]).env("NEPHELE_DATA_DIR", home.data_dir());
    command
}

/// A server over HTTP: its address, and who asks.
pub(super) struct Site {
    pub(super) address: String,
    pub(super) authorization: Option<String>,
    client: reqwest::Client,
    #[expect(dead_code, reason = "it serves for as long as it is asked")]
    process: Process,
}

impl Site {
    /// Starts one for the user `admin`.
    pub(super) fn start(home: &Home, manager: &Manager, arguments: &[&str]) -> Self {
        let mut command = command(home, manager, &[&["--listen", "127.0.0.1:0"], arguments].concat());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("Listening at ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let login = base64(&format!("admin:{}", home.password()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, authorization: Some(format!("Basic {login}")), client, process: Process(process) }
    }

    /// A request as this caller makes it, before it is sent.
    pub(super) fn request(&self, method: Method) -> RequestBuilder {
        let accept = "application/json, text/event-stream";
        let request = self.client.request(method, &self.address).header("Accept", accept);
        match &self.authorization {
            Some(shown) => request.header("Authorization", shown),
            None => request,
        }
    }

    pub(super) fn post(&self, message: &Value) -> RequestBuilder {
        self.request(Method::POST).json(message)
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

enum Way {
    Lines {
        input: ChildStdin,
        output: BufReader<ChildStdout>,
        #[expect(dead_code, reason = "it serves")]
        process: Process,
    },
    Http {
        site: Site,
        session: Option<String>,
    },
}

/// A client that speaks one version.
pub(super) struct Link {
    pub(super) protocol: Protocol,
    way: Way,
    next: u64,
}

impl Link {
    pub(super) fn by_lines(protocol: Protocol, home: &Home, manager: &Manager, arguments: &[&str]) -> Self {
        let mut command = command(home, manager, arguments);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Self { protocol, way: Way::Lines { input, output, process: Process(process) }, next: 0 }
    }

    pub(super) fn by_http(protocol: Protocol, site: Site) -> Self {
        Self { protocol, way: Way::Http { site, session: None }, next: 0 }
    }

    fn message(&self, method: &str, params: &Value) -> Value {
        let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if !self.protocol.has_handshake() {
            message["params"]["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.protocol.version,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "script", "version": "1"},
            });
        }
        message
    }

    /// Sends a request that is as `request` defines, and gives its result, which is as `result` defines.
    pub(super) async fn ask(&mut self, method: &str, params: Value, request: &str, result: &str) -> Value {
        let mut message = self.message(method, &params);
        self.next += 1;
        message["id"] = self.next.into();
        self.protocol.holds(request, &message);
        let answer = self.send(&message).await.unwrap_or_else(|| panic!("{method} has no answer"));
        assert_eq!(answer["id"], self.next, "{answer}");
        self.protocol.holds("JSONRPCMessage", &answer);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        self.protocol.holds(result, &answer["result"]);
        answer["result"].clone()
    }

    /// Sends a request that is refused, and gives the error.
    pub(super) async fn refused(&mut self, method: &str, params: Value) -> Value {
        let mut message = self.message(method, &params);
        message["id"] = json!("a text");
        let answer = self.send(&message).await.unwrap_or_else(|| panic!("{method} has no answer"));
        assert_eq!(answer["id"], "a text", "{answer}");
        self.protocol.holds(self.protocol.error(), &answer);
        answer["error"].clone()
    }

    /// Sends what is only told.
    pub(super) async fn tell(&mut self, method: &str, definition: &str) {
        let message = self.message(method, &json!({}));
        self.protocol.holds(definition, &message);
        self.send_only(&message).await;
    }

    /// Uses a tool: what it said, and whether that was a failure.
    pub(super) async fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let params = json!({"name": tool, "arguments": arguments});
        let result = self.ask("tools/call", params, "CallToolRequest", "CallToolResult").await;
        let said = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned();
        (said, result["isError"] == true)
    }

    async fn send_only(&mut self, message: &Value) {
        match &mut self.way {
            Way::Lines { input, .. } => writeln!(input, "{message}").unwrap(),
            Way::Http { .. } => assert!(self.send(message).await.is_none(), "{message} has an answer"),
        }
    }

    /// Sends anything and reads the answer, if over HTTP there is one.
    pub(super) async fn send(&mut self, message: &Value) -> Option<Value> {
        match &mut self.way {
            Way::Lines { input, output, .. } => {
                writeln!(input, "{message}").unwrap();
                let mut line = String::new();
                output.read_line(&mut line).unwrap();
                Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
            }
            Way::Http { site, session } => {
                let mut request = site.post(message);
                if self.protocol.has_handshake() {
                    if let Some(id) = session.as_deref() {
                        request = request.header("Mcp-Session-Id", id);
                        request = request.header("MCP-Protocol-Version", self.protocol.version);
                    }
                } else {
                    request = request.header("MCP-Protocol-Version", self.protocol.version);
                    request = request.header("Mcp-Method", message["method"].as_str().unwrap());
                    let name = message["params"]["name"].as_str();
                    request = name.into_iter().fold(request, |request, name| request.header("Mcp-Name", name));
                }
                let response = request.send().await.unwrap();
                if message["method"] == "initialize" {
                    let id = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
                    *session = Some(id);
                }
                if response.status() == 202 {
                    assert_eq!(response.text().await.unwrap(), "");
                    return None;
                }
                assert_eq!(response.headers()["content-type"], "application/json");
                Some(response.json().await.unwrap())
            }
        }
    }
}
