//! The command `ctx` that scripts call.
//!
//! It runs many times in a script, so it starts no runtime and opens one plain connection. What it
//! prints is what the reference prints: see the table in `tests/ctx_command.rs`.

use nephele_model::python_text;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::arguments::{Arguments, Refusal, USAGE, parse};

const SOCKET_URL: &str = "CTX_SOCKET_URL";
/// How a mistake in the options ends the program.
const USAGE_ERROR: u8 = 2;

/// Runs the command with the arguments after the program's name, and prints its answer.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command's output")]
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    match run(arguments) {
        Ok(text) => {
            print!("{text}");
            // A script that does not read the answer to its end has its reasons.
            let _ = io::stdout().flush();
            ExitCode::SUCCESS
        }
        Err(Failure { text, code }) => {
            eprintln!("{text}");
            ExitCode::from(code)
        }
    }
}

struct Failure {
    text: String,
    code: u8,
}

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }
}

fn run(arguments: impl IntoIterator<Item = String>) -> Result<String, Failure> {
    let arguments = match parse(arguments) {
        Ok(arguments) => arguments,
        Err(Refusal::Help) => return Ok(USAGE.to_owned()),
        Err(Refusal::Usage(text)) => {
            return Err(Failure { text: format!("{USAGE}ctx: error: {text}"), code: USAGE_ERROR });
        }
        Err(Refusal::Json(text)) => return Err(Failure::new(format!("JSONDecodeError: {text}"))),
    };
    let url = arguments.socket_url.clone().or_else(socket_url).filter(|url| !url.is_empty()).ok_or_else(|| {
        Failure::new("RuntimeError: Missing CTX_SOCKET_URL environment variable or socket_url command line argument")
    })?;
    print(&arguments, &ask(&url, &arguments)?)
}

#[expect(clippy::disallowed_methods, reason = "how the worker tells its scripts where it is")]
fn socket_url() -> Option<String> {
    std::env::var(SOCKET_URL).ok()
}

/// The text of an answer; a script's end, if the answer says so.
fn print(arguments: &Arguments, answer: &Value) -> Result<String, Failure> {
    let payload = &answer["payload"];
    let text = |key: &str| python_text::str(&payload[key]);
    match answer["type"].as_str() {
        Some("error") => Err(Failure::new(format!("RequestError: {}: {}", text("type"), text("message")))),
        Some("stop_operation") => Err(Failure::new(text("message"))),
        _ if arguments.json_output => Ok(python_text::dumps(payload)),
        _ if python_text::is_truthy(payload) => Ok(python_text::str(payload)),
        _ => Ok(String::new()),
    }
}

/// Sends the arguments to the worker and reads its answer.
fn ask(url: &str, arguments: &Arguments) -> Result<Value, Failure> {
    let Some(place) = url.strip_prefix("http://") else {
        let scheme = url.split("://").next().unwrap_or_default();
        return Err(Failure::new(format!("RuntimeError: Unsupported protocol: {scheme}")));
    };
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let body = json!({"args": arguments.values}).to_string();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let cannot = |error: io::Error| Failure::new(format!("ctx: {url}: {error}"));
    let answer = exchange(host, arguments.timeout, request.as_bytes()).map_err(cannot)?;
    let parsed = answer.windows(4).position(|window| window == b"\r\n\r\n").map(|end| answer.split_at(end + 4));
    let Some((head, body)) = parsed else { return Err(Failure::new(format!("ctx: {url}: no answer"))) };
    if head.split(|byte| *byte == b' ').nth(1) != Some(b"200") {
        let status = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
        return Err(Failure::new(format!("ctx: {url}: {status}: {}", String::from_utf8_lossy(body))));
    }
    serde_json::from_slice(body).map_err(|error| Failure::new(format!("ctx: {url}: {error}")))
}

/// The server closes the connection after its answer, as it is asked to.
fn exchange(host: &str, timeout: Duration, request: &[u8]) -> io::Result<Vec<u8>> {
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let addresses: Vec<_> = host.to_socket_addrs()?.collect();
    let mut stream = TcpStream::connect(&addresses[..])?;
    // Zero would be refused; the reference takes it for "at once".
    let timeout = timeout.max(Duration::from_millis(1));
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}
