//! Functions checked when a blueprint is parsed (spec dsl.md sections 6.2 and 6.4), and what they will
//! need later.

use nephele_model::json::{List, Map, Text, Value, object};
use nephele_model::python_text;

use super::evaluate::Evaluator;
use super::plan_world::PlanWorld;
use super::scan::{self, Order};
use super::world::{Part, View};
use super::{Stop, arguments, recognise, text};
use crate::diagnostic::{Diagnostic, Fault, suggestion};
use crate::element::Element;
use crate::locate;
use crate::problems::Problems;
use crate::section::refused::{Refused, Section};
use crate::version::Version;

/// How functions are checked.
#[derive(Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) version: Version,
    pub(crate) refused: &'a Refused,
}

/// Looks at every function of a plan once: checks it if it is told how, and gathers `requirements` (every
/// secret, and every capability of the parent, that is asked for). `root` is the blueprint that the plan
/// was made of.
pub(crate) fn requirements(
    plan: &mut Map,
    check: Option<Check<'_>>,
    root: &Element<'_, '_>,
    problems: &mut Problems,
) -> Value {
    let inputs = plan.get("inputs").and_then(Value::as_object).cloned().unwrap_or_default();
    let nodes = plan.get("nodes").and_then(Value::as_array).map_or(&[][..], List::as_slice);
    let world = PlanWorld::new(inputs, nodes, false);
    let (mut capabilities, mut secrets) = (Vec::new(), Vec::new());
    let walked = scan::each(plan, &mut |mut site| {
        let view = site.view;
        scan::functions(site.value, Order::Outside, &mut site.path, &mut |name, arguments, path| {
            match name {
                "get_environment_capability" if arguments.is_string() => capabilities.push(Value::from([arguments])),
                "get_environment_capability" => capabilities.push(arguments.clone()),
                "get_secret" => secrets.push(arguments.clone()),
                _ => {}
            }
            if problems.is_full() {
                return Ok(());
            }
            let checked = arguments::check(name, arguments).and_then(|()| match check {
                Some(check) => one(name, arguments, path, view, &world, check),
                None => Ok(()),
            });
            if let Err(problem) = checked {
                // The argument itself is what is wrong when a name is.
                let is_name = matches!(problem.fault, Fault::UnknownInput | Fault::UnknownNode);
                let first = if is_name && arguments.is_array() { "[0]" } else { "" };
                problems.push(locate::placed(root, &format!("{path}.{name}{first}"), problem));
            }
            Ok(())
        })
        .map(|()| None)
    });
    problems.keep(walked);
    object! {"parent_capabilities": capabilities, "secrets": secrets}
}

fn one(
    name: &str,
    arguments: &Value,
    path: &str,
    view: &View<'_>,
    world: &PlanWorld,
    check: Check<'_>,
) -> Result<(), Diagnostic> {
    let (version, refused) = (check.version, check.refused);
    let items = arguments.as_array().map_or(&[][..], List::as_slice);
    let is_function = |value: &Value| recognise(value).is_some();
    let is_excused = |node: &str| {
        refused.has(Section::NodeTemplates, node)
            || (!world.has_node(node) && {
                let known = world.node_names();
                refused.excuses(Section::NodeTemplates, node, known.iter().map(String::as_str))
            })
    };
    match name {
        "get_input" => {
            let input = items.first().unwrap_or(arguments);
            let text = python_text::str(input);
            let is_excused = || {
                let known = world.input_names();
                refused.excuses(Section::Inputs, &text, known.iter().map(Text::as_str))
            };
            if is_function(input) || world.has_input(&text) || is_excused() {
                return Ok(());
            }
            Err(world.unknown_input(&text))
        }
        "get_property" if !items.iter().any(is_function) => {
            let node = python_text::str(items.first().unwrap_or(&Value::Null));
            let meant = match node.as_str() {
                "SELF" | "SOURCE" => view.node.as_deref(),
                "TARGET" => view.target.as_deref(),
                name => Some(name),
            };
            if meant.is_some_and(is_excused) {
                return Ok(());
            }
            let function = object! {"get_property": arguments};
            check_property(&function, path, view, world)
        }
        "get_attribute" | "get_attributes_list" | "get_attributes_dict" if !items.iter().any(is_function) => {
            let node = python_text::str(items.first().unwrap_or(&Value::Null));
            if is_excused(&node) {
                return Ok(());
            }
            check_node(name, &node, path, view, world)
        }
        "concat" if version < Version::V1_1 => Err(too_old(name, "1_1", path, version)),
        "merge" if version < Version::V1_3 => Err(too_old(name, "1_3", path, version)),
        "merge" => match items.iter().find(|item| !item.is_object()) {
            Some(item) => {
                let message = format!("Encountered non-dict element for merge: {}", python_text::str(item));
                Err(Diagnostic::new(Fault::InvalidFunction, format!("Unable to validate {message} function")))
            }
            None => Ok(()),
        },
        "get_sys" => check_system(items),
        name if name.starts_with("string_") => text::validate(name, arguments),
        _ => Ok(()),
    }
}

/// One step of evaluation: does the property exist from here?
fn check_property(function: &Value, path: &str, view: &View<'_>, world: &PlanWorld) -> Result<(), Diagnostic> {
    let evaluator = Evaluator::trying(world);
    evaluator.once(function, view, &mut path.to_owned()).map_err(Stop::into_diagnostic)
}

fn check_node(function: &str, node: &str, path: &str, view: &View<'_>, world: &PlanWorld) -> Result<(), Diagnostic> {
    if matches!(node, "SELF" | "SOURCE" | "TARGET") {
        let refused = match view.part {
            Part::Outputs => true,
            Part::Relationship => node == "SELF",
            Part::Node => node != "SELF",
            Part::Other(section) => {
                let brief = format!("{node} means nothing in {section}");
                return Err(Diagnostic::new(Fault::FunctionPlace, format!("'{section}'")).with_brief(brief));
            }
            Part::Nowhere => false,
        };
        if refused {
            let message = format!("{node} cannot be used with {function} function in {path}");
            return Err(Diagnostic::new(Fault::FunctionView, message));
        }
        return Ok(());
    }
    if world.has_node(node) {
        return Ok(());
    }
    let message = format!("\"{function} function node reference '{node}' does not exist.\"");
    let brief = format!("There is no node '{node}'");
    Err(Diagnostic::new(Fault::UnknownNode, message)
        .with_brief(brief)
        .with_hint(suggestion(node, world.node_names().iter().map(String::as_str))))
}

fn check_system(items: &[Value]) -> Result<(), Diagnostic> {
    let (Some(entity), Some(property)) = (items.first(), items.get(1)) else { return Ok(()) };
    if recognise(entity).is_some() {
        return Ok(());
    }
    let (entity_name, property_name) = (python_text::str(entity), python_text::str(property));
    let known: &[&str] = match entity.as_str() {
        Some("tenant") => &["name"],
        Some("deployment") => &["id", "name", "blueprint", "owner"],
        _ => {
            let message = format!("get_sys function unable to determine entity: {entity_name}");
            let hint = suggestion(&entity_name, ["tenant", "deployment"]);
            return Err(Diagnostic::new(Fault::UnknownSysEntity, message).with_hint(hint));
        }
    };
    if recognise(property).is_some() || property.as_str().is_some_and(|name| known.contains(&name)) {
        return Ok(());
    }
    let message = format!("get_sys function unable to determine property: {entity_name} {property_name}");
    let hint = suggestion(&property_name, known.iter().copied());
    Err(Diagnostic::new(Fault::UnknownSysProperty, message).with_hint(hint))
}

fn too_old(function: &str, since: &str, path: &str, version: Version) -> Diagnostic {
    let message = format!(
        "Unable to validate Using {function} requires using dsl version {since} or greater, but found: {{'raw': \
         '{version}', 'definitions_name': 'cloudify_dsl', 'definitions_version': (1, {})}} in {path}. function",
        version.minor()
    );
    Diagnostic::new(Fault::FunctionInVersion, message)
}
