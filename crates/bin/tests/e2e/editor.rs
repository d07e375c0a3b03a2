//! The language server, spoken to as an editor does.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Editor {
    server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Editor {
    fn start() -> Self {
        Self::start_in(None)
    }

    /// In a folder, as editors have it open.
    fn start_in(folder: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nephele"));
        let mut server = command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        let mut editor = Self { server, input, output, next: 0 };
        let able = editor.ask("initialize", &json!({"processId": null, "rootUri": folder, "capabilities": {}}));
        assert_eq!(able["capabilities"]["hoverProvider"], true, "{able}");
        editor.tell("initialized", &json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).unwrap();
            if let Some(number) = line.trim().strip_prefix("Content-Length: ") {
                length = number.parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn tell(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}));
        let answer = self.hear();
        assert_eq!(answer["id"], self.next, "{answer}");
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Opens a text and gives what is wrong with it.
    fn open(&mut self, uri: &str, text: &str) -> Vec<Value> {
        self.tell(
            "textDocument/didOpen",
            &json!({"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}),
        );
        let told = self.hear();
        assert_eq!(told["method"], "textDocument/publishDiagnostics");
        assert_eq!(told["params"]["uri"], uri);
        told["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Asks about the place right behind a piece of the text.
    fn ask_at(&mut self, method: &str, uri: &str, text: &str, behind: &str) -> Value {
        self.ask(method, &place(uri, text, behind, "renamed"))
    }

    /// Asks for another name that the server does not take, and gives what it says.
    fn refused_name(&mut self, uri: &str, text: &str, behind: &str, name: &str) -> String {
        let params = place(uri, text, behind, name);
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.next, "method": "textDocument/rename", "params": params}));
        self.hear()["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// What a request about the place right behind a piece of the text says.
fn place(uri: &str, text: &str, behind: &str, name: &str) -> Value {
    let end = text.find(behind).unwrap() + behind.len();
    let line = text[..end].matches('\n').count();
    let character = end - text[..end].rfind('\n').map_or(0, |place| place + 1);
    json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}, "newName": name})
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

const TYPES: &str = "node_types:\n  shop.Web:\n    derived_from: cloudify.nodes.Root\n    properties:\n      port: {type: integer, default: 80, description: Serves pages.}\n";
const BLUEPRINT: &str = "tosca_definitions_version: cloudify_dsl_1_4
imports:
  - cloudify/types/types.yaml
  - types.yaml
inputs:
  size: {type: integer, default: 1}
node_templates:
  web:
    type: shop.Web
    properties:
      port: {get_input: size}
  front:
    type: shop.Web
    relationships:
      - type: cloudify.relationships.depends_on
        target: web
";

fn labels(answer: &Value) -> Vec<String> {
    answer["items"].as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_blueprint_is_checked_completed_explained_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("types.yaml"), TYPES).unwrap();
    let uri = format!("file://{}", folder.path().join("blueprint.yaml").display());
    let mut editor = Editor::start();
    assert_eq!(editor.open(&uri, BLUEPRINT), Vec::<Value>::new());

    let hover = editor.ask_at("textDocument/hover", &uri, BLUEPRINT, "type: shop.W");
    assert!(hover["contents"]["value"].as_str().unwrap().contains("Serves pages."), "{hover}");
    let found = editor.ask_at("textDocument/definition", &uri, BLUEPRINT, "type: shop.W");
    assert!(found["uri"].as_str().unwrap().ends_with("/types.yaml"), "{found}");
    assert_eq!(found["range"]["start"], json!({"line": 1, "character": 2}));
    let found = editor.ask_at("textDocument/definition", &uri, BLUEPRINT, "target: w");
    assert_eq!(found["range"]["start"]["line"], 7, "{found}");
    let changes = editor.ask_at("textDocument/rename", &uri, BLUEPRINT, "target: w");
    assert_eq!(changes["changes"][&uri].as_array().unwrap().len(), 2, "{changes}");

    let writing = BLUEPRINT.replace("      port: {get_input: size}\n", "      \n");
    editor.open(&uri, &writing);
    assert_eq!(
        labels(&editor.ask_at("textDocument/completion", &uri, &writing, "properties:\n      "))
            .first()
            .map(String::as_str),
        Some("port")
    );
    let writing = BLUEPRINT.replace("{get_input: size}", "{ get_input: ");
    editor.open(&uri, &writing);
    assert_eq!(labels(&editor.ask_at("textDocument/completion", &uri, &writing, "{ get_input: ")), ["size"]);
    let writing = BLUEPRINT.replace("    type: shop.Web\n    relationships", "    type: \n    relationships");
    editor.open(&uri, &writing);
    let types = labels(&editor.ask_at("textDocument/completion", &uri, &writing, "front:\n    type: "));
    assert!(
        types.contains(&"shop.Web".to_owned()) && types.contains(&"cloudify.nodes.Compute".to_owned()),
        "{types:?}"
    );

    let untidy = BLUEPRINT.replace("inputs:", "\n\n\ninputs:   ");
    editor.open(&uri, &untidy);
    let edits = editor.ask_at("textDocument/formatting", &uri, &untidy, "inputs:");
    assert!(edits[0]["newText"].as_str().unwrap().contains("types.yaml\n\ninputs:\n"), "{edits}");
}

#[test]
fn what_is_wrong_is_shown_where_it_is() {
    let mut editor = Editor::start();
    let broken = BLUEPRINT
        .replace("  - types.yaml\n", "")
        .replace("shop.Web", "cloudify.nodes.Root")
        .replace("target: web", "target: wbe");
    let problems = editor.open("file:///nowhere/blueprint.yaml", &broken);
    assert!(problems.iter().any(|problem| problem["message"].as_str().unwrap().contains("wbe")), "{problems:?}");
    let unread = editor.open("file:///nowhere/other.yaml", "tosca_definitions_version: [");
    assert_eq!(unread.len(), 1, "{unread:?}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The blueprints below a folder.
fn blueprints(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(blueprints(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&entry).unwrap_or_default();
            let is_blueprint = text.lines().any(|line| line.starts_with("tosca_definitions_version"));
            found.extend(is_blueprint.then_some(entry));
        }
    }
    found.sort();
    found
}

#[test]
fn the_examples_are_in_order() {
    let examples = blueprints(&root().join("examples"));
    assert!(examples.len() > 5, "{examples:?}");
    let mut editor = Editor::start();
    for file in examples {
        let uri = format!("file://{}", file.display());
        let problems = editor.open(&uri, &std::fs::read_to_string(&file).unwrap());
        assert_eq!(problems, Vec::<Value>::new(), "{uri}");
    }
}

/// What `blueprints validate` says of a file, by the names of mistakes.
fn validated(file: &Path) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nephele"));
    let output = command.args(["blueprints", "validate", "--output", "json"]).arg(file).output().unwrap();
    let problems: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    names(problems.as_array().unwrap(), "name")
}

fn names(problems: &[Value], key: &str) -> Vec<String> {
    let mut found: Vec<String> = problems.iter().map(|problem| problem[key].as_str().unwrap().to_owned()).collect();
    found.sort();
    found
}

#[test]
fn the_editor_is_told_what_the_command_line_says() {
    let all = blueprints(&root().join("crates/dsl/tests/blueprints"));
    assert!(all.len() > 300, "{}", all.len());
    let mut editor = Editor::start();
    let mut broken = 0;
    for file in all {
        let text = std::fs::read_to_string(&file).unwrap();
        let uri = format!("file://{}", file.display());
        let problems = editor.open(&uri, &text);
        assert_eq!(names(&problems, "code"), validated(&file), "{uri}");
        broken += usize::from(!problems.is_empty());
        // Whatever is wrong, questions about any place have answers.
        let lines = text.lines().count();
        for line in (0..lines).step_by(lines / 4 + 1) {
            for method in ["hover", "definition", "completion"] {
                let place = json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": 9}});
                editor.ask(&format!("textDocument/{method}"), &place);
            }
        }
    }
    assert!(broken > 100, "{broken}");
}

const PARTS: &str = "inputs:
  size: {type: integer, default: 1}
node_templates:
  web:
    type: cloudify.nodes.Root
";
const WHOLE: &str = "tosca_definitions_version: cloudify_dsl_1_4
imports:
  - cloudify/types/types.yaml
  - my parts/parts.yaml
node_templates:
  front:
    type: cloudify.nodes.Root
    relationships:
      - type: cloudify.relationships.depends_on
        target: web
outputs:
  size: {value: {get_input: size}}
";

#[test]
fn names_are_changed_in_imported_files_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap().join("\u{fc}");
    let parts = folder.join("my parts/parts.yaml");
    std::fs::create_dir_all(parts.parent().unwrap()).unwrap();
    std::fs::write(&parts, PARTS).unwrap();
    // Editors write what is not ASCII, and blanks, with percent signs.
    let base = format!("file://{}", folder.display()).replace('\u{fc}', "%C3%BC");
    let uri = format!("{base}/blueprint.yaml");
    let mut editor = Editor::start();
    assert_eq!(editor.open(&uri, WHOLE), Vec::<Value>::new());
    let other = format!("{base}/my%20parts/parts.yaml");
    for (behind, line) in [("target: w", 3), ("get_input: s", 1)] {
        let changes = editor.ask_at("textDocument/rename", &uri, WHOLE, behind);
        let edits = |uri: &str| changes["changes"][uri].as_array().map_or(0, Vec::len);
        assert_eq!((edits(&uri), edits(&other)), (1, 1), "{changes}");
        assert_eq!(changes["changes"][&other][0]["range"]["start"]["line"], line, "{changes}");
        let found = editor.ask_at("textDocument/definition", &uri, WHOLE, behind);
        assert_eq!(found["uri"], other, "{found}");
    }
    // What the editor has is newer than what is on the disk.
    editor.open(&other, &format!("# moved\n{PARTS}"));
    let changes = editor.ask_at("textDocument/rename", &uri, WHOLE, "target: w");
    assert_eq!(changes["changes"][&other][0]["range"]["start"]["line"], 4, "{changes}");
}

#[test]
fn names_of_a_part_are_changed_in_what_imports_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    std::fs::create_dir(folder.join("my parts")).unwrap();
    std::fs::write(folder.join("my parts/parts.yaml"), PARTS).unwrap();
    std::fs::write(folder.join("shop.yaml"), WHOLE).unwrap();
    std::fs::write(folder.join("stranger.yaml"), WHOLE.replace("my parts/parts.yaml", "elsewhere.yaml")).unwrap();
    let base = format!("file://{}", folder.display());
    let (part, whole) = (format!("{base}/my%20parts/parts.yaml"), format!("{base}/shop.yaml"));
    let mut editor = Editor::start_in(Some(&base));
    editor.open(&part, PARTS);
    for (behind, line) in [("  we", 9), ("  si", 11)] {
        let changes = editor.ask_at("textDocument/rename", &part, PARTS, behind);
        assert_eq!(changes["changes"].as_object().unwrap().len(), 2, "{changes}");
        assert_eq!(changes["changes"][&part].as_array().unwrap().len(), 1, "{changes}");
        assert_eq!(changes["changes"][&whole][0]["range"]["start"]["line"], line, "{changes}");
    }
    // A name that the importing blueprint has already would be there twice.
    let error = editor.refused_name(&part, PARTS, "  we", "front");
    assert!(error.contains("`front` is there already"), "{error}");
}

#[test]
fn the_extension_is_packed_and_works() {
    let root = root();
    let folder = tempfile::tempdir().unwrap();
    let run = |command: &mut Command| {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert!(output.status.success(), "{command:?}: {said}");
    };
    let packed = folder.path().join("nephele.vsix");
    run(Command::new("python3").arg(root.join("editors/vscode/package.py")).arg(&packed));
    let unpacked = folder.path().join("unpacked");
    run(Command::new("python3").args(["-m", "zipfile", "-e"]).args([&packed, &unpacked]));
    let manifest = std::fs::read_to_string(unpacked.join("extension.vsixmanifest")).unwrap();
    for asset in manifest.split("Path=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(unpacked.join(asset).is_file(), "{asset} is named and not there");
    }
    let blueprint = folder.path().join("blueprint.yaml");
    std::fs::write(folder.path().join("types.yaml"), TYPES).unwrap();
    std::fs::write(&blueprint, BLUEPRINT).unwrap();
    run(Command::new(env!("CARGO_BIN_EXE_nephele")).args(["blueprints", "fmt"]).arg(&blueprint));
    let mut node = Command::new("node");
    node.arg(root.join("tests/editor.js")).arg(unpacked.join("extension"));
    run(node.arg(env!("CARGO_BIN_EXE_nephele")).arg(&blueprint));
}
