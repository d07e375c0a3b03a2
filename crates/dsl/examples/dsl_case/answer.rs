//! The doors of the library, by kind of case.

use nephele_dsl::{
    Changes, Context, CountedIds, Current, Diagnostic, Extension, Fetched, Merge, Plan, PrepareOptions, Resolver, Rule,
    Stop, Version, constraint, evaluate, evaluate_capabilities, evaluate_node, evaluate_outputs, expand,
    merge_interfaces, merge_operation, modify, parse, prepare, with_extensions,
};
use nephele_model::json::{Value, json};
use nephele_model::python_text;

use crate::case::{ids, list, map, options, source, text};
use crate::recorded::{Attempts, Imported, Known};
use crate::storage::Stored;

/// Why there is no plan or result.
pub(crate) struct Failure {
    pub(crate) class: String,
    pub(crate) code: Option<i32>,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(class: &str, message: String) -> Self {
        Self { class: class.to_owned(), code: None, message }
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        Self { class: problem.kind().as_str().to_owned(), code: problem.code(), message: problem.reference_text() }
    }
}

type Answer = Result<(&'static str, Value), Failure>;

/// Functions that cases add to those of the language.
const CUSTOM: &[Extension] =
    &[Extension { name: "to_upper", evaluate: |argument| Ok(python_text::str(argument).to_uppercase().into()) }];

/// The answer to a case.
pub(crate) fn answer(case: &Value) -> Answer {
    let custom = list(&case["custom_functions"]).iter().any(|name| name == "to_upper");
    with_extensions(if custom { CUSTOM } else { &[] }, || match text(&case["kind"]) {
        "parse" => Ok(("plan", Value::Object(parsed(case)?.0))),
        "prepare" => prepared(case, Plan(map(&case["plan"]))),
        "parse_prepare" => {
            let text = serde_json::to_string(&parsed(case)?.0);
            let plan = text
                .and_then(|text| serde_json::from_str(&text))
                .map_err(|error| Failure::new("ValueError", format!("the plan cannot be stored: {error}")))?;
            prepared(case, Plan(plan))
        }
        "expand" => {
            let expanded = expand(Plan(map(&case["plan"])), &mut counter(case), &ids(&case["existing_ni_ids"]))?;
            Ok(("plan", Value::Object(expanded.0)))
        }
        "modify" => modified(case),
        "evaluate" => evaluated(case),
        "merge_operation" => {
            let merge = merge(text(&case["merger"]));
            let merged = merge_operation(merge, &case["overriding_operation"], &case["overridden_operation"])?;
            Ok(("result", merged))
        }
        "merge_interfaces" => {
            let (own, inherited) = interfaces(text(&case["function"]), &case["args"]);
            Ok(("result", Value::Object(merge_interfaces(merge(text(&case["function"])), &map(own), &map(inherited))?)))
        }
        "constraint" => constrained(case),
        "resolve" => resolved(case),
        kind => Err(Failure::new("RuntimeError", format!("there is no kind '{kind}'"))),
    })
}

fn counter(case: &Value) -> CountedIds {
    CountedIds(case["id_counter_start"].as_u64().unwrap_or(0))
}

fn parsed(case: &Value) -> Result<Plan, Failure> {
    let main = source(&case["yaml"], &case["options"]);
    let parsed = parse(&main, &Imported::of(case), &options(&case["options"]));
    parsed.map(|parsed| parsed.plan).map_err(|problems| match problems.into_iter().next() {
        Some(first) => first.into(),
        None => Failure::new("RuntimeError", "refused without a reason".to_owned()),
    })
}

fn prepared(case: &Value, plan: Plan) -> Answer {
    let options = PrepareOptions {
        runtime_only_evaluation: case["options"]["runtime_only_evaluation"] == true,
        auto_correct_types: case["options"]["auto_correct_types"] == true,
        existing_ids: ids(&case["options"]["existing_ni_ids"]),
    };
    let known = Known::of(case);
    let prepared = prepare(plan, map(&case["inputs"]), &known, &mut counter(case), &options);
    match known.into_failure() {
        Some(failure) => Err(failure),
        None => Ok(("plan", Value::Object(prepared?.0))),
    }
}

fn modified(case: &Value) -> Answer {
    let changes: Changes = map(&case["modified_nodes"])
        .into_iter()
        .filter_map(|(name, change)| Some((name.into(), serde_json::from_value(change.into()).ok()?)))
        .collect();
    let current = Current { nodes: list(&case["previous_nodes"]), instances: list(&case["previous_node_instances"]) };
    let modified = modify(list(&case["nodes"]), &map(&case["scaling_groups"]), current, &changes, &mut counter(case))?;
    Ok(("result", json!(modified)))
}

fn evaluated(case: &Value) -> Answer {
    let storage = Stored::of(&case["storage"]);
    let arguments = &case["args"];
    let value = match text(&case["function"]) {
        "evaluate_outputs" => evaluate_outputs(&map(&arguments["outputs_def"]), &storage).map(Value::Object),
        "evaluate_capabilities" => evaluate_capabilities(&map(&arguments["capabilities"]), &storage).map(Value::Object),
        "evaluate_node_functions" => {
            evaluate_node(&arguments["node"], arguments["instance_context"].as_str(), &storage)
        }
        _ => {
            let id = |key: &str| arguments["context"][key].as_str().map(str::to_owned);
            let context = Context { self_id: id("self"), source_id: id("source"), target_id: id("target"), hint: None };
            evaluate(&arguments["payload"], &context, &storage)
        }
    };
    Ok(("result", value.map_err(Stop::into_diagnostic)?))
}

/// Whether something lies over a type or over a template, from the name of what merges.
fn merge(name: &str) -> Merge {
    let over_type = [
        "NodeTypeNodeTypeOperationMerger",
        "RelationshipTypeRelationshipTypeOperationMerger",
        "merge_node_type_interfaces",
        "merge_relationship_type_interfaces",
    ];
    if over_type.contains(&name) { Merge::TypeOverType } else { Merge::TemplateOverType }
}

fn interfaces<'c>(function: &str, arguments: &'c Value) -> (&'c Value, &'c Value) {
    match function {
        "merge_node_type_and_node_template_interfaces" => {
            (&arguments["node_template_interfaces"], &arguments["node_type_interfaces"])
        }
        "merge_relationship_type_and_instance_interfaces" => {
            (&arguments["relationship_instance_interfaces"], &arguments["relationship_type_interfaces"])
        }
        _ => (&arguments["overriding_interfaces"], &arguments["overridden_interfaces"]),
    }
}

fn constrained(case: &Value) -> Answer {
    let (name, argument, value) = (text(&case["constraint"]), &case["args"], &case["value"]);
    // Something that no blueprint can hold: an object of a class that compares with nothing.
    let class = value["@repr"].as_str().and_then(|shown| {
        let name = shown.strip_prefix('<')?.split(" object at ").next()?;
        Some(name.rsplit('.').next().unwrap_or(name))
    });
    match class {
        Some(class) => Err(constraint::incomparable(name, argument, class).into()),
        None => Ok(("result", Value::Bool(constraint::holds(name, argument, value)?))),
    }
}

fn resolved(case: &Value) -> Answer {
    let rules = case.get("rules").filter(|rules| !rules.is_null()).map_or(Ok(Vec::new()), Rule::list)?;
    let resolver = Resolver::new(Attempts(case)).with_rules(rules, case["fallback"] != false);
    match nephele_dsl::Imports::fetch(&resolver, text(&case["url"]), Version::V1_3).map_err(Diagnostic::from)? {
        Fetched::Text(text) => Ok(("result", Value::from(text))),
        _ => Ok(("result", Value::Null)),
    }
}
