//! The shapes of arguments, checked wherever a function is met (spec dsl.md section 6.4).

use nephele_model::json::{List, Value};

use super::{invalid, recognise};
use crate::diagnostic::{Diagnostic, Fault};
use nephele_model::python_text::{str, type_name};

/// Refuses arguments of the wrong shape. Errors: [`Fault::FunctionArgument`] or
/// [`Fault::InvalidFunction`], depending on the function.
pub(crate) fn check(function: &str, arguments: &Value) -> Result<(), Diagnostic> {
    match function {
        "get_input" => get_input(arguments),
        "get_property" | "get_attribute" | "get_attributes_list" => get_path(function, arguments),
        "get_attributes_dict" => get_attributes_dict(arguments),
        "get_secret" => get_secret(arguments),
        "get_capability" | "get_group_capability" => get_capability(function, arguments),
        "get_environment_capability" => get_environment_capability(arguments),
        "get_label" => get_label(arguments),
        "get_sys" if !is_path(arguments) => Err(refused(format!(
            "Illegal argument(s) passed to get_sys function. Expected a 2-element list identifying an entity and its \
             requested property (e.g. [tenant, name] or [deployment, id]) but got {}",
            str(arguments)
        ))),
        "get_consumers" if !matches!(arguments.as_str(), Some("ids" | "names" | "count")) => Err(refused(format!(
            "Illegal argument passed to get_consumers function. Expected a property string (one of: ids, names, \
             count), but got {}",
            str(arguments)
        ))),
        "concat" | "merge" if !arguments.is_array() => Err(refused(format!(
            "Illegal arguments passed to {function} function. Expected: [arg1\\function1, arg2\\function2, ...]but \
             got: {}.",
            str(arguments)
        ))),
        "string_find" => count(function, arguments, 2, 2, "exactly two parameters"),
        "string_replace" => count(function, arguments, 3, 4, "three or four parameters"),
        "string_split" => count(function, arguments, 2, 3, "two or three parameters"),
        "string_lower" | "string_upper" => match arguments {
            Value::String(_) => Ok(()),
            Value::Object(map) if map.len() == 1 => Ok(()),
            _ => Err(invalid(function, "should be called with exactly one parameter")),
        },
        _ => Ok(()),
    }
}

fn refused(message: String) -> Diagnostic {
    Diagnostic::new(Fault::FunctionArgument, message)
}

fn is_simple(value: &Value) -> bool {
    value.is_string() || value.is_i64() || value.is_u64() || value.is_boolean() || recognise(value).is_some()
}

/// A list of at least two plain items or functions.
fn is_path(arguments: &Value) -> bool {
    arguments.as_array().is_some_and(|items| items.len() >= 2 && items.iter().all(is_simple))
}

fn get_input(arguments: &Value) -> Result<(), Diagnostic> {
    let is_list = arguments.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(is_simple));
    if arguments.is_string() || recognise(arguments).is_some() || is_list {
        return Ok(());
    }
    Err(refused(format!(
        "Illegal argument(s) passed to get_input function. Expected either a string, or a function, or a list \
         [input_name\\function [, key1\\index1\\function [,...]]] but got {}",
        str(arguments)
    )))
}

fn get_path(function: &str, arguments: &Value) -> Result<(), Diagnostic> {
    if is_path(arguments) {
        return Ok(());
    }
    let what = if function == "get_property" { "property" } else { "attribute" };
    Err(refused(format!(
        "Illegal arguments passed to {function} function. Expected: [ node_name\\function, {what}_name\\function [, \
         nested-{what}-1\\function, ... ] but got: {}.",
        str(arguments)
    )))
}

fn get_attributes_dict(arguments: &Value) -> Result<(), Diagnostic> {
    let items = arguments.as_array().map_or(&[][..], List::as_slice);
    let legal = |path: &Value| match path {
        Value::Array(path) => !path.is_empty() && path.iter().all(is_simple),
        other => is_simple(other),
    };
    if items.len() < 2 || !is_simple(&items[0]) || !items[1..].iter().all(legal) {
        return Err(refused(format!(
            "Illegal arguments passed to get_attributes_dict function. Expected: [ node_name\\function, list of \
             attribute_name\\function or [attribute_name\\function, nested-attribute-1\\function], ... ] but got: {}.",
            str(arguments)
        )));
    }
    for path in &items[1..] {
        let steps = path.as_array().map_or(std::slice::from_ref(path), List::as_slice);
        if let Some((index, step)) = steps.iter().enumerate().find(|(_, step)| !step.is_string()) {
            let message = format!("sequence item {index}: expected str instance, {} found", type_name(step));
            return Err(Diagnostic::new(Fault::AttributeStepNotText, message));
        }
    }
    let mut seen = std::collections::HashSet::new();
    let repeated: Vec<String> =
        items[1..].iter().map(super::attribute::identifier).filter(|name| !seen.insert(name.clone())).collect();
    if repeated.is_empty() {
        return Ok(());
    }
    let message = format!("One or more duplicated or ambiguous attribute paths found: {}", repeated.join(", "));
    Err(Diagnostic::new(Fault::FunctionEvaluation, format!("Unable to evaluate {message} function")))
}

fn get_secret(arguments: &Value) -> Result<(), Diagnostic> {
    let is_list = arguments.as_array().is_some_and(|items| items.len() > 1);
    if is_list || arguments.is_string() || recognise(arguments).is_some() {
        return Ok(());
    }
    let message = format!(
        "`get_secret` function argument should be a list with at least 2 elements, a string, or a dict (a function). \
         Instead it is a {} with the value: {}.",
        class(arguments),
        str(arguments)
    );
    Err(Diagnostic::new(Fault::InvalidFunction, format!("Unable to validate {message} function")))
}

fn get_capability(function: &str, arguments: &Value) -> Result<(), Diagnostic> {
    let Some(items) = arguments.as_array() else {
        return Err(refused(format!(
            "`{function}` function argument should be a list. Instead it is a {} with the value: {}.",
            class(arguments),
            str(arguments)
        )));
    };
    if items.len() < 2 {
        let owner = if function == "get_capability" { "deployment ID" } else { "group ID" };
        let shown: Vec<String> = items.iter().map(str).collect();
        return Err(refused(format!(
            "`{function}` function argument should be a list with 2 elements at least - [ {owner}, capability ID [, \
             key/index[, key/index [...]]] ]. Instead it is: [{}]",
            shown.join(",")
        )));
    }
    let allowed = |index: usize, item: &Value| {
        is_simple(item) || (function == "get_group_capability" && index == 1 && item.is_array())
    };
    match items.iter().enumerate().find(|(index, item)| !allowed(*index, item)) {
        Some((index, item)) => Err(complex(function, index, item)),
        None => Ok(()),
    }
}

fn complex(function: &str, index: usize, item: &Value) -> Diagnostic {
    refused(format!(
        "`{function}` function arguments can't be complex values; only strings/ints/functions are accepted. Instead, \
         the item with index {index} is {} of type {}",
        str(item),
        class(item)
    ))
}

fn get_environment_capability(arguments: &Value) -> Result<(), Diagnostic> {
    let problem = match arguments {
        Value::String(_) => return Ok(()),
        Value::Array(items) if items.len() >= 2 => {
            return match items.iter().enumerate().find(|(_, item)| !is_simple(item)) {
                Some((index, item)) => Err(complex("get_environment_capability", index, item)),
                None => Ok(()),
            };
        }
        Value::Array(_) => {
            "arguments can't be list with only one item; only string or list with more than one item are accepted."
        }
        _ => "argument should be a string or list with more than one item are accepted.",
    };
    Err(invalid(
        "`get_environment_capability`",
        format!(
            "`get_environment_capability` function {problem} Instead, it is a {} with the value: {}.",
            class(arguments),
            str(arguments)
        ),
    ))
}

fn get_label(arguments: &Value) -> Result<(), Diagnostic> {
    let refuse = |what: &str, item: &Value| {
        Err(invalid("`get_label`", format!("{what} Instead, it is a {} with the value: {}.", class(item), str(item))))
    };
    match arguments {
        Value::String(_) => Ok(()),
        Value::Array(items) if items.len() == 2 => {
            if !items[0].is_string() && recognise(&items[0]).is_none() {
                return refuse("the <label-key> should be a string or a dict (a function).", &items[0]);
            }
            let digits = items[1]
                .as_str()
                .is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
            if !items[1].is_i64() && !items[1].is_boolean() && !digits {
                return refuse("the <label-values list index> should be a number (in string or int form).", &items[1]);
            }
            Ok(())
        }
        other if recognise(other).is_some() => Ok(()),
        other => refuse(
            "`get_label` function argument should be a list of 2 elements ([<label-key>, <label-values list \
             index>]), a string (<label-key>), or a dict (a function).",
            other,
        ),
    }
}

fn count(function: &str, arguments: &Value, least: usize, most: usize, wording: &str) -> Result<(), Diagnostic> {
    match arguments {
        Value::Array(items) if (least..=most).contains(&items.len()) => Ok(()),
        _ => Err(invalid(function, format!("should be called with {wording}"))),
    }
}

/// `<class 'str'>`.
pub(crate) fn class(value: &Value) -> String {
    format!("<class '{}'>", type_name(value))
}
