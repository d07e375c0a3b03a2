//! A filter for conformance runs: one recorded case a line on standard input, one answer a line on
//! standard output (`{"name", "plan" | "result" | "error"}`).

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, Write};
use std::sync::Arc;

use nephele_dsl::{
    Catalog, Context, CountedIds, Diagnostic, Fetch, Fetched, ImportError, Imports, Kind, Options, Plan,
    PrepareOptions, Resolver, Rule, Source, Storage, ValueQuery, Version, evaluate, evaluate_capabilities,
    evaluate_node, evaluate_outputs, expand, parse, prepare,
};
use serde_json::{Map, Value, json};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let mut answer = match answer(&case) {
            Ok((key, value)) => json!({ key: value }),
            Err(problem) => json!({"error": {
                "class": problem.kind.as_str(), "err_code": problem.code, "message": problem.reference_text(),
            }}),
        };
        answer["name"] = case["name"].clone();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(case: &Value) -> Result<(&'static str, Value), Diagnostic> {
    match case["kind"].as_str().unwrap_or_default() {
        "parse" => {
            let imports = Recorded::of(case);
            let main = source(&case["yaml"], &case["options"]);
            let parsed =
                parse(&main, &imports, &options(&case["options"])).map_err(|mut problems| problems.remove(0))?;
            Ok(("plan", Value::Object(parsed.plan.0)))
        }
        "prepare" => {
            let plan = Plan(map(&case["plan"]));
            let options = PrepareOptions {
                runtime_only_evaluation: case["options"]["runtime_only_evaluation"] == true,
                auto_correct_types: case["options"]["auto_correct_types"] == true,
                existing_ids: existing(&case["options"]["existing_ni_ids"]),
            };
            let mut ids = CountedIds(case["id_counter_start"].as_u64().unwrap_or(0));
            let prepared = prepare(plan, map(&case["inputs"]), &RecordedCatalog(case), &mut ids, &options)?;
            Ok(("plan", Value::Object(prepared.0)))
        }
        "expand" => {
            let mut ids = CountedIds(case["id_counter_start"].as_u64().unwrap_or(0));
            let expanded = expand(Plan(map(&case["plan"])), &mut ids, &existing(&case["existing_ni_ids"]))?;
            Ok(("plan", Value::Object(expanded.0)))
        }
        "evaluate" => {
            let storage = RecordedStorage(case["storage"]["vars"].clone());
            let arguments = &case["args"];
            let value = match case["function"].as_str().unwrap_or_default() {
                "evaluate_outputs" => Value::Object(evaluate_outputs(&map(&arguments["outputs_def"]), &storage)?),
                "evaluate_capabilities" => {
                    Value::Object(evaluate_capabilities(&map(&arguments["capabilities"]), &storage)?)
                }
                "evaluate_node_functions" => evaluate_node(arguments["node"].clone(), None, &storage)?,
                _ => {
                    let id = |key: &str| arguments["context"][key].as_str().map(str::to_owned);
                    let context = Context {
                        self_id: id("self"),
                        source_id: id("source"),
                        target_id: id("target"),
                        ..Context::default()
                    };
                    evaluate(arguments["payload"].clone(), &context, &storage)?
                }
            };
            Ok(("result", value))
        }
        "resolve" => {
            let rules = case["rules"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten();
            let rules = rules
                .map(|(prefix, replacement)| Rule {
                    prefix: prefix.clone(),
                    replacement: replacement.as_str().unwrap_or_default().to_owned(),
                })
                .collect();
            let resolver = Resolver::new(Attempts(case)).with_rules(rules, case["fallback"] != false);
            match resolver.fetch(case["url"].as_str().unwrap_or_default(), Version::V1_3)? {
                Fetched::Text(text) => Ok(("result", Value::String(text))),
                _ => Ok(("result", Value::Null)),
            }
        }
        kind => Err(Diagnostic::new(Kind::Runtime, None, format!("no door for {kind}"))),
    }
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn existing(value: &Value) -> HashMap<String, HashSet<String>> {
    let ids = |value: &Value| {
        let ids = value.as_array().or_else(|| value["@set"].as_array()).into_iter().flatten();
        ids.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    map(value).iter().map(|(node, value)| (node.clone(), ids(value))).collect()
}

fn source(yaml: &Value, options: &Value) -> Source {
    Source {
        location: options["dsl_location"].as_str().map(str::to_owned),
        text: yaml.as_str().unwrap_or_default().to_owned(),
    }
}

fn options(options: &Value) -> Options {
    Options {
        validate_version: options["validate_version"] != false,
        validate_functions: options["validate_intrinsic_function"] != false,
        validate_input_defaults: options["validate_input_defaults"] != false,
        resources_base: options["resources_base_path"].as_str().map(str::to_owned),
        additional_sources: options["additional_resource_sources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    }
}

/// Imports as they were recorded: the n-th request of a location gets its n-th answer.
struct Recorded<'a> {
    case: &'a Value,
    asked: RefCell<HashMap<String, usize>>,
}

impl<'a> Recorded<'a> {
    fn of(case: &'a Value) -> Self {
        Self { case, asked: RefCell::new(HashMap::new()) }
    }
}

impl Imports for Recorded<'_> {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let fetches = self.case["fetches"].as_array().into_iter().flatten();
        let answers: Vec<&Value> = fetches.filter(|fetch| fetch["url"] == location).collect();
        let mut asked = self.asked.borrow_mut();
        let count = asked.entry(location.to_owned()).or_default();
        let Some(fetch) = answers.get(*count).or(answers.last()) else {
            return Err(ImportError::unreachable(location, "'NoneType' object is not iterable"));
        };
        *count += 1;
        if let Some(error) = fetch.get("error") {
            return Err(recorded_error(error));
        }
        if let Some(blueprint) = fetch.get("blueprint") {
            return Ok(Fetched::Blueprint {
                main: source(&blueprint["yaml"], &blueprint["options"]),
                resources_base: blueprint["options"]["resources_base_path"].as_str().map(str::to_owned),
            });
        }
        let text = fetch["text"].as_str().unwrap_or_default().to_owned();
        match self.case["plugins_db"].get(location) {
            Some(plugin) => Ok(Fetched::Plugin {
                text,
                blueprint_labels: map(&plugin["blueprint_labels"]),
                labels: map(&plugin["labels"]),
                resource_tags: map(&plugin["resource_tags"]),
            }),
            None => Ok(Fetched::Text(text)),
        }
    }

    fn exists(&self, location: &str) -> bool {
        ["url_exists", "path_exists"].iter().any(|table| self.case[table][location] == true)
    }
}

fn recorded_error(error: &Value) -> ImportError {
    let class = error["class"].as_str().unwrap_or_default();
    let kind = [Kind::Logic, Kind::Format, Kind::InvalidBlueprintImport, Kind::Base]
        .into_iter()
        .find(|kind| kind.as_str() == class)
        .unwrap_or(Kind::Runtime);
    ImportError {
        kind,
        code: error["err_code"].as_i64().and_then(|code| i32::try_from(code).ok()),
        message: error["message"].as_str().unwrap_or_default().to_owned(),
    }
}

struct Attempts<'a>(&'a Value);

impl Fetch for Attempts<'_> {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let attempt = self.0["attempts"].as_array().into_iter().flatten().find(|attempt| attempt["url"] == location);
        match attempt {
            Some(attempt) if attempt.get("text").is_some() => {
                Ok(Fetched::Text(attempt["text"].as_str().unwrap_or_default().to_owned()))
            }
            Some(attempt) => Err(recorded_error(&attempt["error"])),
            None => Err(ImportError::unreachable(location, "not recorded")),
        }
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

struct RecordedCatalog<'a>(&'a Value);

impl Catalog for RecordedCatalog<'_> {
    fn has_secret(&self, name: &str) -> Option<bool> {
        if self.0["options"]["has_get_secret_method"] != true {
            return None;
        }
        let calls = self.0["secret_calls"].as_array().into_iter().flatten();
        Some(calls.clone().find(|call| call["key"] == name).is_none_or(|call| call["ok"] == true))
    }

    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        false
    }
}

struct RecordedStorage(Value);

impl RecordedStorage {
    fn find(&self, table: &str, key: &str, id: &str) -> Vec<Arc<Value>> {
        let rows = self.0[table].as_array().into_iter().flatten();
        rows.filter(|row| row[key] == id).cloned().map(Arc::new).collect()
    }
}

impl Storage for RecordedStorage {
    fn node(&self, id: &str) -> Option<Arc<Value>> {
        self.find("_nodes", "id", id).into_iter().next()
    }

    fn node_instances(&self, node_id: &str) -> Vec<Arc<Value>> {
        self.find("_node_instances", "node_id", node_id)
    }

    fn node_instance(&self, id: &str) -> Option<Arc<Value>> {
        self.find("_node_instances", "id", id).into_iter().next()
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.0["_inputs"].get(name).cloned()
    }

    fn secret(&self, name: &str) -> Option<String> {
        let secret = self.0["_secrets"].get(name).cloned().unwrap_or_else(|| Value::from(format!("{name}_value")));
        Some(secret.as_str().map_or_else(|| secret.to_string(), str::to_owned))
    }

    fn capability(&self, deployment: &str, name: &str) -> Result<Value, String> {
        let found = self.0["_capabilities"].get(deployment).and_then(|capabilities| capabilities.get(name));
        found.cloned().ok_or_else(|| format!("capability {name} of {deployment} was not recorded"))
    }

    fn group_capabilities(&self, group: &str) -> Result<Map<String, Value>, String> {
        Ok(map(&self.0["_group_capabilities"][group]))
    }

    fn label(&self, key: &str) -> Vec<Value> {
        self.0["_labels"][key].as_array().cloned().unwrap_or_default()
    }

    fn system(&self, entity: &str, property: &str) -> Option<Value> {
        match (entity, property) {
            ("deployment", "id") => Some(self.0["_deployment_id"].clone()),
            ("deployment", "name") => Some(self.0["_deployment_name"].clone()),
            _ => None,
        }
    }

    fn consumers(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        map(&self.0["_consumers"]).iter().map(|(id, name)| (id.clone(), text(name))).collect()
    }
}
