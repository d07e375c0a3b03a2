//! Breaks one thing in a blueprint.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// A copy with one entry removed, renamed, replaced or repeated.
pub(crate) fn mutate(blueprint: &Value, random: &mut StdRng) -> Value {
    let mut broken = blueprint.clone();
    let mut places = Vec::new();
    collect(&broken, &mut Vec::new(), &mut places);
    // The version alone would hide everything else.
    places.retain(|place| place != &["tosca_definitions_version"]);
    let place = places.choose(random).cloned().unwrap();
    let (last, parents) = place.split_last().unwrap();
    let strings: Vec<String> = texts(blueprint);
    // An output that is nothing makes the reference fail at run time.
    let may_be_null = !matches!(parents, [section] if section == "outputs" || section == "capabilities");
    let parent = parents.iter().try_fold(&mut broken, |at, step| enter(at, step)).unwrap();
    match parent {
        Value::Object(map) => in_map(map, last, &strings, may_be_null, random),
        Value::Array(items) => {
            let index: usize = last.parse().unwrap();
            match random.random_range(0..3) {
                0 => drop(items.remove(index)),
                1 => items.push(items[index].clone()),
                _ => items[index] = other(&items[index], &strings, random),
            }
        }
        _ => unreachable!("only containers have places"),
    }
    broken
}

fn in_map(map: &mut Map<String, Value>, key: &str, strings: &[String], may_be_null: bool, random: &mut StdRng) {
    match random.random_range(0..6) {
        0 => drop(map.shift_remove(key)),
        1 => {
            let value = map.shift_remove(key).unwrap();
            map.insert(format!("{key}x"), value);
        }
        2 => {
            map.insert(format!("{key}_copy"), map[key].clone());
        }
        _ => {
            let value = other(&map[key], strings, random);
            if may_be_null || !value.is_null() {
                map.insert(key.to_owned(), value);
            }
        }
    }
}

/// A value in the place of another: one of another type, or of the same type and wrong.
fn other(value: &Value, strings: &[String], random: &mut StdRng) -> Value {
    let plain = [
        json!(null),
        json!(7),
        json!(-1),
        json!("nothing"),
        json!([]),
        json!({}),
        json!(true),
        json!(1.5),
        json!([{}]),
    ];
    match value {
        Value::String(_) if random.random_ratio(1, 2) => {
            Value::from(strings.choose(random).cloned().unwrap_or_default())
        }
        _ => plain.choose(random).cloned().unwrap_or_default(),
    }
}

fn enter<'v>(value: &'v mut Value, step: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    }
}

fn collect(value: &Value, path: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let mut visit = |step: String, value: &Value| {
        path.push(step);
        places.push(path.clone());
        collect(value, path, places);
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| visit(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| visit(index.to_string(), item)),
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.iter().flat_map(|(key, value)| [vec![key.clone()], texts(value)].concat()).collect(),
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}
