//! What this crate makes of a case, in the shape of `reference.py`.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nephele_dsl::{
    Catalog, Context, CountedIds, DeploymentPlan, Diagnostic, Fault, Fetch, Fetched, GroupCapability, ImportError,
    Instance, Lookup, Node, Options, Plan, PrepareOptions, Resolver, Rule, Source, Stop, Storage, ValueQuery, Version,
    capability_part, evaluate, evaluate_capabilities, evaluate_node, evaluate_outputs, parse, prepare,
};
use nephele_model::json::{List, Map, Text, Value, object};
use nephele_model::python_text;
use serde::de::DeserializeOwned;

use crate::case::Case;

/// Parses, prepares and evaluates.
pub(crate) fn answer(case: &Case) -> serde_json::Value {
    steps(&Value::from(case.request.clone())).into()
}

/// Whether the blueprint can be parsed.
pub(crate) fn is_in_order(case: &Case) -> bool {
    let request = Value::from(case.request.clone());
    parse(&source(&request), &imports(&request), &options(&request["parse"])).is_ok()
}

fn steps(request: &Value) -> Value {
    let parsed = parse(&source(request), &imports(request), &options(&request["parse"]));
    let plan = match parsed {
        Ok(parsed) => parsed.plan,
        Err(problems) => return object! {"parse": error(&problems[0]), "rounds": List::new(), "states": List::new()},
    };
    // A manager stores plans as JSON and prepares what it reads back.
    let stored = serde_json::to_string(&plan).unwrap();
    let (mut rounds, mut states) = (Vec::new(), Vec::new());
    for (round, state) in list(&request["rounds"]).iter().zip(list(&request["states"])) {
        let catalog = Given { round, asked: RefCell::new(Vec::new()) };
        let options = PrepareOptions {
            runtime_only_evaluation: round["runtime_only"] == true,
            auto_correct_types: round["auto_correct"] == true,
            existing_ids: serde_json::from_value(serde_json::Value::from(&round["existing"])).unwrap(),
        };
        let plan: Plan = serde_json::from_str(&stored).unwrap();
        let prepared = prepare(plan, map(&round["inputs"]), &catalog, &mut CountedIds(0), &options);
        if let Ok(plan) = &prepared
            && !state.is_null()
        {
            states.push(evaluated(plan, &Running { plan, state }));
        }
        let mut answer = match prepared {
            Ok(plan) => Map::from([("plan", Value::Object(plan.0))]),
            Err(problem) => Map::from([("error", described(&problem))]),
        };
        if !round["values"].is_null() {
            answer.insert("asked", Value::from(catalog.asked.into_inner()));
        }
        rounds.push(Value::Object(answer));
    }
    object! {"parse": object! {"plan": plan.0}, "rounds": rounds, "states": states}
}

fn error(problem: &Diagnostic) -> Value {
    object! {"error": described(problem)}
}

fn described(problem: &Diagnostic) -> Value {
    object! {"class": problem.kind().as_str(), "code": problem.code(), "message": problem.reference_text()}
}

fn attempt(outcome: Lookup<Value>) -> Value {
    outcome.map_or_else(|stop| error(&stop.into_diagnostic()), |value| object! {"value": value})
}

fn source(request: &Value) -> Source {
    let location = request["location"].as_str().map(str::to_owned);
    Source { location, text: request["text"].as_str().unwrap().to_owned() }
}

fn options(given: &Value) -> Options {
    Options {
        validate_version: given["validate_version"] != false,
        validate_functions: given["validate_functions"] != false,
        validate_input_defaults: given["validate_input_defaults"] != false,
        resources_base: given["resources_base"].as_str().map(str::to_owned),
        additional_sources: list(&given["additional_sources"]).iter().map(text).collect(),
    }
}

fn imports(request: &Value) -> Resolver<Disk> {
    let given = list(&request["parse"]["rules"]).iter().filter_map(Value::as_object).flatten();
    let rules = given.map(|(prefix, replacement)| Rule { prefix: prefix.to_string(), replacement: text(replacement) });
    let disk = Disk { folder: request["folder"].as_str().map(PathBuf::from) };
    Resolver::new(disk).with_rules(rules.collect(), request["parse"]["fallback"] != false)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], List::as_slice)
}

fn map(value: &Value) -> Map {
    value.as_object().cloned().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The disk, and what lies in the case's folder in the place of a manager and of the network.
struct Disk {
    folder: Option<PathBuf>,
}

impl Disk {
    fn path(&self, location: &str) -> Option<PathBuf> {
        let (scheme, rest) = location.split_once(':').unwrap_or(("file", location));
        match scheme {
            "file" => Some(PathBuf::from(rest)),
            scheme => Some(self.folder.as_ref()?.join(scheme).join(rest.trim_start_matches('/'))),
        }
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        debug_assert!(self.folder.as_ref().is_none_or(|folder| folder.is_absolute()));
        fs::read_to_string(path)
    }
}

impl Fetch for Disk {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let absent = || ImportError::unreachable(location, "No such file or directory");
        let path = self.path(location).ok_or_else(absent)?;
        let of_manager = location.starts_with("plugin:") || location.starts_with("blueprint:");
        if !of_manager {
            return self.read(&path).map(Fetched::Text).map_err(|_| absent());
        }
        let path = PathBuf::from(format!("{}.yaml", path.display()));
        let text = self.read(&path).map_err(|_| ImportError::not_found(format!("{location} is not on the manager")))?;
        if location.starts_with("blueprint:") {
            let main = Source::new(path.display().to_string(), text);
            return Ok(Fetched::Blueprint { main, resources_base: None });
        }
        let Ok(record) = self.read(&path.with_extension("json")) else { return Ok(Fetched::Text(text)) };
        let record: Value = serde_json::from_str(&record).unwrap();
        let field = |name: &str| map(&record[name]);
        let (blueprint_labels, labels, resource_tags) =
            (field("blueprint_labels"), field("labels"), field("resource_tags"));
        Ok(Fetched::Plugin { text, blueprint_labels, labels, resource_tags })
    }

    fn exists(&self, location: &str) -> bool {
        self.path(location).is_some_and(|path| path.exists())
    }
}

/// The manager's knowledge as the round gives it.
struct Given<'a> {
    round: &'a Value,
    asked: RefCell<Vec<Value>>,
}

impl Catalog for Given<'_> {
    fn has_secret(&self, name: &str) -> Option<bool> {
        Some(self.round["secrets"].as_array()?.contains(&Value::from(name)))
    }

    fn contains(&self, query: &ValueQuery<'_>) -> bool {
        let asked = [Value::from(query.data_type), query.value.clone(), Value::Object(query.constraints.clone())];
        self.asked.borrow_mut().push(asked.into_iter().collect());
        list(&self.round["values"][query.data_type]).contains(query.value)
    }

    fn has_deployment(&self) -> bool {
        self.round["values"]["deployment"] == true
    }

    fn has_blueprint(&self) -> bool {
        self.round["values"]["blueprint"] == true
    }
}

/// Everything that a running deployment evaluates.
fn evaluated(plan: &DeploymentPlan, running: &Running<'_>) -> Value {
    let nodes = list(&plan.0["nodes"]);
    let mut properties = Map::new();
    for node in nodes {
        let evaluated = evaluate_node(node, None, running).map(|node| node["properties"].clone());
        properties.insert(text(&node["id"]), attempt(evaluated));
    }
    let mut operations = Map::new();
    let mut run = |place: &str, declared: &Value, context: &Context| {
        for (name, operation) in declared.as_object().into_iter().flatten() {
            if operation["has_intrinsic_functions"] == true {
                let inputs = evaluate(&operation["inputs"], context, running);
                operations.insert(format!("{place}.{name}"), attempt(inputs));
            }
        }
    };
    for instance in plan.node_instances() {
        let id = text(&instance["id"]);
        let Some(node) = nodes.iter().find(|node| node["id"] == instance["node_id"]) else { continue };
        run(&id, &node["operations"], &Context { self_id: Some(id.clone()), ..Context::default() });
        for related in list(&instance["relationships"]) {
            let same = |one: &&Value| one["target_id"] == related["target_name"] && one["type"] == related["type"];
            let Some(relationship) = list(&node["relationships"]).iter().find(same) else { continue };
            let target = text(&related["target_id"]);
            let place = format!("{id}>{target}");
            let context = Context { source_id: Some(id.clone()), target_id: Some(target), ..Context::default() };
            run(&format!("{place}.source"), &relationship["source_operations"], &context);
            run(&format!("{place}.target"), &relationship["target_operations"], &context);
        }
    }
    let one_by_one = |name: &str, evaluate_all: fn(&Map, &dyn Storage) -> Lookup<Map>| {
        let one = |(name, definition): (&Text, &Value)| {
            let only = Map::from_iter([(name.clone(), definition.clone())]);
            (name.clone(), attempt(evaluate_all(&only, running).map(Value::Object)))
        };
        map(&plan.0[name]).iter().map(one).collect::<Map>()
    };
    object! {
        "outputs": one_by_one("outputs", evaluate_outputs),
        "capabilities": one_by_one("capabilities", evaluate_capabilities),
        "nodes": properties,
        "operations": operations,
    }
}

/// A running deployment: the plan, and what the case says of instances, secrets and other deployments.
struct Running<'a> {
    plan: &'a DeploymentPlan,
    state: &'a Value,
}

impl Running<'_> {
    fn instances(&self) -> impl Iterator<Item = Arc<Instance>> {
        let mut counts = std::collections::HashMap::new();
        self.plan.node_instances().iter().map(move |instance| {
            let count = counts.entry(text(&instance["node_id"])).or_insert(0);
            *count += 1;
            let mut completed = map(instance);
            completed.insert("index", Value::from(*count));
            let own = self.state["instances"].get(instance["id"].as_str().unwrap_or_default());
            completed.insert("runtime_properties", own.cloned().unwrap_or_else(|| Value::Object(Map::new())));
            Arc::new(row(&Value::Object(completed)))
        })
    }

    fn labels(&self, key: &str) -> Lookup<&[Value]> {
        let values = list(&self.state["labels"][key]);
        let message = format!("The deployment does not have the label '{key}' assigned to it");
        if values.is_empty() { Err(refusal("get_label", &message)) } else { Ok(values) }
    }
}

fn row<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.into()).unwrap()
}

fn refusal(function: &str, message: &str) -> Stop {
    let message = format!("Unable to evaluate {function} function: {message}");
    Diagnostic::new(Fault::FunctionEvaluation, message).into()
}

impl Storage for Running<'_> {
    fn node(&self, id: &str) -> Lookup<Arc<Node>> {
        let node = list(&self.plan.0["nodes"]).iter().find(|node| node["id"] == id);
        let absent = || Diagnostic::new(Fault::UnknownNode, format!("'Node {id} does not exist'"));
        Ok(Arc::new(row(node.ok_or_else(absent)?)))
    }

    fn node_instances(&self, node_id: &str) -> Lookup<Arc<[Arc<Instance>]>> {
        Ok(self.instances().filter(|instance| instance.node_id == node_id).collect())
    }

    fn node_instance(&self, id: &str) -> Lookup<Arc<Instance>> {
        self.find_node_instance(id)?.ok_or_else(|| Diagnostic::new(Fault::UnknownNode, format!("'{id}'")).into())
    }

    fn find_node_instance(&self, id: &str) -> Lookup<Option<Arc<Instance>>> {
        Ok(self.instances().find(|instance| instance.id == id))
    }

    fn input(&self, name: &str) -> Lookup<Option<Value>> {
        Ok(self.plan.0["inputs"].get(name).cloned())
    }

    fn has_secret(&self, name: &str) -> Lookup<bool> {
        Ok(self.state["secrets"].get(name).is_some())
    }

    fn secret(&self, name: &str) -> Lookup<String> {
        let secret = self.state["secrets"].get(name);
        secret.map(text).ok_or_else(|| refusal("get_secret", &format!("secret '{name}' was not found")))
    }

    fn capability(&self, path: &[Value], _depth: usize) -> Lookup<Value> {
        let (deployment, name) = (python_text::str(&path[0]), python_text::str(&path[1]));
        let known = self.state["capabilities"][deployment.as_str()].get(&name);
        let absent = || refusal("get_capability", &format!("{deployment} has no {name}"));
        Ok(capability_part(known.ok_or_else(absent)?, path)?)
    }

    fn group_capability(&self, path: &[Value], _depth: usize) -> Lookup<Value> {
        let wanted = GroupCapability::of(path);
        let deployments = map(&self.state["groups"][wanted.group.as_str()]);
        let shares = deployments.iter().map(|(deployment, known)| {
            let values = wanted.names.iter().map(|name| known.get(name).map(|value| capability_part(value, path)));
            Ok((deployment.to_string(), values.map(Option::transpose).collect::<Result<_, Diagnostic>>()?))
        });
        Ok(wanted.gather(shares.collect::<Result<_, Diagnostic>>()?))
    }

    fn label(&self, key: &str, index: Option<i64>) -> Lookup<Value> {
        let values = self.labels(key)?;
        let Some(index) = index else { return Ok(values.iter().cloned().collect()) };
        let found = usize::try_from(index).ok().and_then(|index| values.get(index)).cloned();
        found.ok_or_else(|| {
            let count = values.len();
            let message =
                format!("The provided label-values list index is out of range. The key '{key}' has {count} values");
            refusal("get_label", &message)
        })
    }

    fn system(&self, entity: &str, property: &str) -> Lookup<Value> {
        Ok(self.state["system"][entity][property].clone())
    }

    fn consumers(&self) -> Lookup<Vec<String>> {
        Ok(map(&self.state["consumers"]).keys().map(ToString::to_string).collect())
    }

    fn consumer_names(&self) -> Lookup<Vec<String>> {
        Ok(map(&self.state["consumers"]).values().map(text).collect())
    }
}
