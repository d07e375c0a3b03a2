//! A blueprint with what is done to it, as both sides get it.
//!
//! A case is `<topic>/<name>.yaml`; the first lines say what it is for, and `# expects: <class> [<code>]`
//! that it is not a plan. `<name>.json` beside it holds what else it needs: `parse` (options, rules),
//! `rounds` (how it is prepared, each perhaps with `expects` and `state`). What it imports lies in `<name>/`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One blueprint and its steps.
pub(crate) struct Case {
    /// Topic and name, or the seed that made it.
    pub(crate) name: String,
    /// What the reference gets: text, location, folder, parse, rounds, states.
    pub(crate) request: Value,
    expects: String,
}

impl Case {
    /// A text without a file, prepared in these rounds.
    pub(crate) fn unnamed(name: String, text: &str, rounds: &Value) -> Self {
        let sidecar = json!({"rounds": rounds});
        Self { name, request: request(text, None, &sidecar), expects: String::new() }
    }

    /// What both sides get.
    pub(crate) fn request(&self) -> Value {
        self.request.clone()
    }

    /// The blueprint's text.
    pub(crate) fn text(&self) -> &str {
        self.request["text"].as_str().unwrap_or_default()
    }

    /// Where the outcome of the reference is not what the case is there for.
    pub(crate) fn surprises(&self, theirs: &Value) -> Vec<String> {
        let expected = [self.expects.clone()].into_iter().chain(self.round_expectations());
        let found = [&theirs["parse"]].into_iter().chain(theirs["rounds"].as_array().into_iter().flatten());
        let outcomes = expected.zip(found).enumerate();
        let wrong = outcomes.filter_map(|(step, (expected, found))| {
            let outcome = outcome(found);
            (outcome != expected).then(|| format!("step {step} should give {expected} and gives {outcome}"))
        });
        wrong.collect()
    }

    /// The error codes that the case is there for.
    pub(crate) fn expected_codes(&self) -> Vec<i64> {
        let expected = [self.expects.clone()].into_iter().chain(self.round_expectations());
        expected.filter_map(|expected| expected.split_once(' ')?.1.parse().ok()).collect()
    }

    fn round_expectations(&self) -> impl Iterator<Item = String> {
        let rounds = self.request["rounds"].as_array().into_iter().flatten();
        rounds.map(|round| round["expects"].as_str().unwrap_or("plan").to_owned())
    }
}

fn outcome(step: &Value) -> String {
    let Some(error) = step.get("error") else { return "plan".to_owned() };
    let class = error["class"].as_str().unwrap_or_default();
    error["code"].as_i64().map_or_else(|| class.to_owned(), |code| format!("{class} {code}"))
}

/// The folder of blueprints.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blueprints")
}

/// Every blueprint, sorted by topic and name.
pub(crate) fn all() -> Vec<Case> {
    let topics = yaml_or_folders(&folder()).into_iter().filter(|path| path.is_dir());
    let files = topics.flat_map(|topic| yaml_or_folders(&topic)).filter(|path| path.is_file());
    files.map(|file| read(&file)).collect()
}

fn yaml_or_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml")).collect();
    found.sort();
    found
}

fn read(file: &Path) -> Case {
    let name = file.strip_prefix(folder()).unwrap().with_extension("").display().to_string();
    let text = fs::read_to_string(file).unwrap();
    let comments: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    assert!(!comments.is_empty(), "{name} does not say what it covers");
    let expects = comments.iter().find_map(|line| line.strip_prefix("# expects: ")).unwrap_or("plan").to_owned();
    let sidecar = match fs::read_to_string(file.with_extension("json")) {
        Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}.json: {error}")),
        Err(_) => json!({}),
    };
    Case { request: request(&text, Some(file), &sidecar), expects, name }
}

fn request(text: &str, file: Option<&Path>, sidecar: &Value) -> Value {
    let given = sidecar["rounds"].as_array().cloned().unwrap_or_else(|| vec![json!({})]);
    let rounds: Vec<Value> = given
        .iter()
        .map(|round| {
            json!({
                "inputs": round.get("inputs").cloned().unwrap_or_else(|| json!({})),
                "secrets": round.get("secrets").cloned().unwrap_or_else(|| json!([])),
                "values": round["values"],
                "existing": round.get("existing").cloned().unwrap_or_else(|| json!({})),
                "runtime_only": round["runtime_only"] == true,
                "auto_correct": round["auto_correct"] == true,
                "expects": round["expects"],
            })
        })
        .collect();
    let states: Vec<Value> = given.iter().map(|round| round["state"].clone()).collect();
    json!({
        "text": text,
        "location": file,
        "folder": file.map(|file| file.with_extension("")),
        "parse": sidecar.get("parse").cloned().unwrap_or_else(|| json!({})),
        "rounds": rounds,
        "states": states,
    })
}
