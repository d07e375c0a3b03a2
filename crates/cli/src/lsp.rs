//! The language server: blueprints checked, completed and explained while they are written.
//!
//! It speaks the Language Server Protocol over standard input and output. What a text defines and refers to is
//! [`index`]; what is wrong with it comes from the same checks as `blueprints validate`.

mod answers;
mod index;
mod world;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use lsp_server::{Connection, Message, Notification, Request, Response};
use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Position, PublishDiagnosticsParams, Range, Uri};
use nephele_dsl::{Resolver, Severity, Source};
use nephele_yaml11::Span;
use serde_json::{Value, json};
use url::Url;

use crate::call::Call;
use crate::table::Outcome;
use crate::validation::files::{self, Files};

/// Serves one editor until it says goodbye.
pub(crate) async fn serve(_: &Call) -> Outcome {
    tokio::task::spawn_blocking(run).await?
}

fn run() -> Outcome {
    let (connection, threads) = Connection::stdio();
    let told = connection.initialize(json!({
        "textDocumentSync": 1, "hoverProvider": true, "definitionProvider": true, "documentFormattingProvider": true,
        "renameProvider": true, "completionProvider": {"triggerCharacters": [" ", "[", ":"]},
    }))?;
    let mut server = Server { texts: HashMap::new(), folders: folders(&told) };
    for message in &connection.receiver {
        match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request)? {
                    break;
                }
                connection.sender.send(Message::Response(server.answer(request)))?;
            }
            Message::Notification(told) => {
                if let Some(checked) = server.hear(&told) {
                    let params = serde_json::to_value(checked)?;
                    connection.sender.send(Message::Notification(Notification::new(
                        "textDocument/publishDiagnostics".to_owned(),
                        params,
                    )))?;
                }
            }
            Message::Response(_) => {}
        }
    }
    drop(connection);
    threads.join()?;
    Ok(ExitCode::SUCCESS)
}

/// What the editor has open.
struct Server {
    texts: HashMap<String, String>,
    folders: Vec<PathBuf>,
}

/// A text and the place in it that a request is about.
pub(super) struct Spot<'a> {
    pub(super) uri: &'a str,
    pub(super) text: &'a str,
    pub(super) position: Position,
    /// Texts as they are in the editor, which may not be saved yet.
    pub(super) open: &'a HashMap<String, String>,
    /// The folders of the workspace.
    pub(super) folders: &'a [PathBuf],
}

impl Server {
    /// Takes a text over, and gives what is wrong with it.
    fn hear(&mut self, told: &Notification) -> Option<PublishDiagnosticsParams> {
        let document = &told.params["textDocument"];
        let uri = document["uri"].as_str()?.to_owned();
        let text = match told.method.as_str() {
            "textDocument/didOpen" => document["text"].as_str()?.to_owned(),
            "textDocument/didChange" => told.params["contentChanges"].as_array()?.last()?["text"].as_str()?.to_owned(),
            "textDocument/didClose" => {
                self.texts.remove(&uri);
                return None;
            }
            _ => return None,
        };
        let diagnostics = check(&uri, &text);
        let params = PublishDiagnosticsParams { uri: uri.parse::<Uri>().ok()?, diagnostics, version: None };
        self.texts.insert(uri, text);
        Some(params)
    }

    fn answer(&self, request: Request) -> Response {
        let result = self.reply(&request.method, &request.params);
        match result {
            Ok(result) => Response::new_ok(request.id, result),
            Err(error) => {
                Response::new_err(request.id, lsp_server::ErrorCode::RequestFailed as i32, format!("{error:#}"))
            }
        }
    }

    fn reply(&self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default();
        let text = self.texts.get(uri).with_context(|| format!("{uri} is not open"))?;
        let position: Position = serde_json::from_value(params["position"].clone()).unwrap_or_default();
        let spot = Spot { uri, text, position, open: &self.texts, folders: &self.folders };
        match method {
            "textDocument/completion" => Ok(answers::completion(&spot)),
            "textDocument/hover" => Ok(answers::hover(&spot)),
            "textDocument/definition" => Ok(answers::definition(&spot)),
            "textDocument/rename" => answers::rename(&spot, params["newName"].as_str().unwrap_or_default()),
            "textDocument/formatting" => Ok(answers::formatting(&spot)),
            _ => anyhow::bail!("{method} is not known here"),
        }
    }
}

/// The folders that the editor works in. Older ones name a single one.
fn folders(told: &Value) -> Vec<PathBuf> {
    let several = told["workspaceFolders"].as_array().into_iter().flatten().filter_map(|folder| folder["uri"].as_str());
    let found: Vec<PathBuf> = several.filter_map(path).collect();
    if found.is_empty() { told["rootUri"].as_str().and_then(path).into_iter().collect() } else { found }
}

/// Whether a text is a blueprint, and not a part of one.
pub(super) fn is_blueprint(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("tosca_definitions_version"))
}

/// The path of a file that an editor names.
pub(super) fn path(uri: &str) -> Option<PathBuf> {
    Url::parse(uri).ok()?.to_file_path().ok()
}

/// Reads a blueprint with everything that it imports.
pub(super) fn read(uri: &str, text: &str) -> Option<(Files, String, Vec<nephele_dsl::Diagnostic>)> {
    let path = path(uri)?;
    // A text may not be saved anywhere yet.
    let folder = path.parent().filter(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let (files, _) = files::open(folder, "blueprint.yaml", None).ok()?;
    let location = format!("file:{}", path.display());
    let source = Source::new(location.clone(), text);
    let problems = match nephele_dsl::parse(&source, &Resolver::new(&files), &nephele_dsl::Options::default()) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    };
    Some((files, location, problems))
}

/// What is wrong with a text. Only blueprints are checked: a file that is imported makes no sense alone.
fn check(uri: &str, text: &str) -> Vec<Diagnostic> {
    let Some((_, location, problems)) = is_blueprint(text).then(|| read(uri, text)).flatten() else {
        return Vec::new();
    };
    let shown = problems.iter().map(|problem| {
        let place = problem.place.as_deref();
        let is_here = place.and_then(|place| place.file.as_deref()).is_none_or(|file| file == location);
        let span = place.and_then(|place| place.span).filter(|_| is_here).unwrap_or_default();
        let hint = problem.advice();
        let elsewhere = place.and_then(|place| place.file.as_deref()).filter(|_| !is_here);
        let elsewhere = elsewhere.map(|file| format!(" (in {file})")).unwrap_or_default();
        Diagnostic {
            range: range(span),
            severity: Some(match problem.fault.severity() {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
            }),
            code: Some(NumberOrString::String(problem.fault.name().to_owned())),
            source: Some("nephele".to_owned()),
            message: format!("{}{elsewhere}\n{hint}", problem.brief()),
            ..Diagnostic::default()
        }
    });
    shown.collect()
}

pub(super) fn range(span: Span) -> Range {
    let position = |mark: nephele_yaml11::Mark| Position { line: mark.line, character: mark.column };
    Range { start: position(span.start), end: position(span.end) }
}
