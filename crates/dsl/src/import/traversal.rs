//! From the main text through all its imports, breadth first, to one tree (spec dsl.md section 2.5).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use nephele_model::json::{Map, Value as Json, object};
use nephele_yaml11::{Entry, Node, Span, Value};

use super::tree::{Item, Section, Tree};
use super::{Fetched, Imports, location, merge, properties};
use crate::blueprint_text;
use crate::diagnostic::{Diagnostic, Kind};
use crate::element::json;
use crate::schema::check::Gate;
use crate::source::{Source, Sources};
use crate::version::Version;

/// How many blueprints may import each other in a row.
const DEEPEST: usize = 16;

/// What is the same for all files of one parse.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) imports: &'a dyn Imports,
    pub(crate) version: Version,
    pub(crate) gate: Gate,
    pub(crate) resources_base: Option<&'a str>,
}

struct File {
    url: Option<String>,
    namespace: Option<String>,
    tree: Tree,
    properties: Option<Arc<Node>>,
    is_builtin: bool,
}

/// The merged tree of a main text. `url` is its location. Errors: everything of spec section 2.
pub(crate) fn combine(
    main: &Arc<Node>,
    url: Option<String>,
    setting: &Setting<'_>,
    sources: &mut Sources,
    depth: usize,
) -> Result<Tree, Diagnostic> {
    let root = File { url, namespace: None, tree: Tree::new(main), properties: None, is_builtin: false };
    let mut seen: HashMap<(Option<String>, Option<String>), bool> = HashMap::new();
    seen.insert((root.url.clone(), None), root.tree.is_builtin_types());
    let mut mapping: IndexMap<String, String> = IndexMap::new();
    let mut files = vec![root];
    let mut queue: VecDeque<usize> = VecDeque::from([0]);
    while let Some(index) = queue.pop_front() {
        let (url, namespace) = (files[index].url.clone(), files[index].namespace.clone());
        let imports = files[index].tree.value("imports").map(imported).unwrap_or_default();
        for (import, properties) in imports {
            let from = From { url: url.as_deref(), namespace: namespace.as_deref() };
            let file = fetch(&import, &from, setting, sources, &mut seen, &mut mapping, depth)?;
            if let Some(file) = file {
                files.push(File { properties, ..file });
                queue.push_back(files.len() - 1);
            }
        }
    }
    join(files, &mapping, setting)
}

fn join(files: Vec<File>, mapping: &IndexMap<String, String>, setting: &Setting<'_>) -> Result<Tree, Diagnostic> {
    let mut merged = Tree::default();
    let version = files[0].tree.sections.get("tosca_definitions_version").cloned();
    merged.sections.insert("imported_blueprints".to_owned(), listed("imported_blueprints", mapping.values()));
    merged.sections.insert("namespaces_mapping".to_owned(), mapped("namespaces_mapping", mapping));
    for mut file in files {
        if setting.gate.is_some() {
            check_version(&file, setting.version)?;
        }
        properties::set(&mut file.tree, file.properties.as_ref())?;
        merge::merge(&mut merged, file.tree, setting.version, file.namespace.as_deref(), file.is_builtin)?;
    }
    if let Some(version) = version {
        merged.sections.insert("tosca_definitions_version".to_owned(), version);
    }
    Ok(merged)
}

/// Each import with the properties it gives.
fn imported(imports: &Arc<Node>) -> Vec<(String, Option<Arc<Node>>)> {
    let one = |item: &Arc<Node>| match &item.value {
        Value::String(text) => Some((text.to_string(), None)),
        Value::Mapping(entries) => {
            let entry = entries.first()?;
            Some((entry.key.as_str()?.to_owned(), Some(Arc::clone(&entry.value))))
        }
        _ => None,
    };
    imports.items().unwrap_or_default().iter().filter_map(one).collect()
}

struct From<'a> {
    url: Option<&'a str>,
    namespace: Option<&'a str>,
}

fn fetch(
    import: &str,
    from: &From<'_>,
    setting: &Setting<'_>,
    sources: &mut Sources,
    seen: &mut HashMap<(Option<String>, Option<String>), bool>,
    mapping: &mut IndexMap<String, String>,
    depth: usize,
) -> Result<Option<File>, Diagnostic> {
    let (own, name) = location::split(import)?;
    let namespace = location::nest(from.namespace, own);
    let candidates =
        location::candidates(name, from.url, setting.resources_base, Some(setting.version), setting.imports);
    let mut failure = None;
    for url in candidates {
        let key = (Some(url.clone()), namespace.clone());
        if let Some(is_builtin) = seen.get(&key) {
            check_builtin_namespace(namespace.as_deref(), *is_builtin, from.namespace)?;
            return Ok(None);
        }
        let blueprint = url.strip_prefix("blueprint:");
        if let Some(blueprint) = blueprint {
            note_blueprint(blueprint, &url, namespace.as_deref(), mapping)?;
        }
        let fetched = match setting.imports.fetch(&url, setting.version) {
            Ok(fetched) => fetched,
            Err(error) => {
                failure = Some(error);
                continue;
            }
        };
        let tree = read(fetched, import, &url, setting, sources, depth)?;
        let is_builtin = tree.is_builtin_types();
        check_builtin_namespace(namespace.as_deref(), is_builtin, from.namespace)?;
        let kept = namespace.filter(|_| !is_builtin);
        seen.insert((Some(url.clone()), kept.clone()), is_builtin);
        return Ok(Some(File { url: Some(url), namespace: kept, tree, properties: None, is_builtin }));
    }
    Err(match failure {
        Some(error) => error.into(),
        None => Diagnostic::new(
            Kind::Logic,
            Some(13),
            format!("Import failed: no suitable location found for import '{import}'"),
        ),
    })
}

fn read(
    fetched: Fetched,
    import: &str,
    url: &str,
    setting: &Setting<'_>,
    sources: &mut Sources,
    depth: usize,
) -> Result<Tree, Diagnostic> {
    let prefix = format!("Failed to parse import '{import}'(via '{url}')");
    match fetched {
        Fetched::Text(text) => {
            let source = Source::new(url, text);
            Ok(Tree::new(&*blueprint_text::load(&source, &prefix, sources)?))
        }
        Fetched::Plugin { text, blueprint_labels, labels, resource_tags } => {
            let source = Source::new(url, text);
            let mut tree = Tree::new(&*blueprint_text::load(&source, &prefix, sources)?);
            let values =
                |labels: Map| labels.into_iter().map(|(key, values)| (key, object! {"values": values})).collect();
            replace(&mut tree, "blueprint_labels", values(blueprint_labels));
            replace(&mut tree, "labels", values(labels));
            replace(&mut tree, "resource_tags", resource_tags);
            Ok(tree)
        }
        Fetched::Blueprint { main, resources_base } => {
            if depth >= DEEPEST {
                let message =
                    format!("Import failed: blueprints import each other more than {DEEPEST} deep at '{url}'");
                return Err(Diagnostic::new(Kind::Logic, Some(13), message));
            }
            let node = blueprint_text::load(&main, "Failed to parse DSL", sources)?;
            let version = blueprint_text::version(&node, sources)?;
            let inner = Setting { version, gate: None, resources_base: resources_base.as_deref(), ..*setting };
            let location = blueprint_text::main_url(main.location.as_deref(), &inner);
            combine(&node, location, &inner, sources, depth + 1)
        }
    }
}

/// What a plugin's record says replaces what its YAML says.
fn replace(tree: &mut Tree, section: &str, values: Map) {
    tree.sections.shift_remove(section);
    if values.is_empty() {
        return;
    }
    let node = from_json(&Json::Object(values));
    let entry = Entry { key: text(section), value: node };
    let single = Node { span: Span::default(), source: u32::MAX, value: Value::Mapping(vec![entry]) };
    tree.sections.extend(Tree::new(&single).sections);
}

fn check_version(file: &File, main: Version) -> Result<(), Diagnostic> {
    let Some(node) = file.tree.value("tosca_definitions_version") else { return Ok(()) };
    let shown = nephele_model::python_text::str(&json(node));
    let Some(version) = Version::parse(&shown) else {
        return Err(Diagnostic::new(Kind::Value, None, format!("'{shown}' is not in list")));
    };
    if version <= main {
        return Ok(());
    }
    let message = format!(
        "An import uses a different tosca_definitions_version than the one defined in the main blueprint's file: main \
         blueprint's file version is '{main}', import with different version is '{}', version of problematic import \
         is '{version}'",
        file.url.as_deref().unwrap_or("None")
    );
    Err(Diagnostic::new(Kind::Logic, Some(28), message))
}

fn check_builtin_namespace(
    namespace: Option<&str>,
    is_builtin: bool,
    inherited: Option<&str>,
) -> Result<(), Diagnostic> {
    match namespace {
        Some(namespace) if is_builtin && inherited != Some(namespace) => {
            let message = format!("Invalid import namespace {namespace}: cannot be used on Cloudify basic types.");
            Err(Diagnostic::new(Kind::Logic, Some(214), message))
        }
        _ => Ok(()),
    }
}

fn note_blueprint(
    blueprint: &str,
    url: &str,
    namespace: Option<&str>,
    mapping: &mut IndexMap<String, String>,
) -> Result<(), Diagnostic> {
    let Some(namespace) = namespace else {
        let message = format!("Invalid {url}: blueprint import cannotbe used without namespace");
        return Err(Diagnostic::new(Kind::Logic, Some(213), message));
    };
    if mapping.contains_key(namespace) {
        let message = format!("Import failed {namespace}: can not use the samenamespace for importing blueprints");
        return Err(Diagnostic::new(Kind::Logic, Some(214), message));
    }
    mapping.insert(namespace.to_owned(), blueprint.to_owned());
    Ok(())
}

fn text(text: &str) -> Arc<Node> {
    Arc::new(Node { span: Span::default(), source: u32::MAX, value: Value::String(text.into()) })
}

fn listed<'a>(name: &str, values: impl Iterator<Item = &'a String>) -> Section {
    let items = values.map(|value| text(value)).collect();
    let value = Arc::new(Node { span: Span::default(), source: u32::MAX, value: Value::Sequence(items) });
    Section { key: text(name), value, items: None }
}

fn mapped(name: &str, mapping: &IndexMap<String, String>) -> Section {
    let item = |value: &String, key: &String| Item { key: text(key), value: text(value), is_builtin: false };
    let items = mapping.iter().map(|(key, value)| (key.clone(), item(value, key))).collect();
    let value = Arc::new(Node { span: Span::default(), source: u32::MAX, value: Value::Mapping(Vec::new()) });
    Section { key: text(name), value, items: Some(items) }
}

fn from_json(value: &Json) -> Arc<Node> {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(items) => Value::Sequence(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            Value::Mapping(map.iter().map(|(key, value)| Entry { key: text(key), value: from_json(value) }).collect())
        }
    };
    Arc::new(Node { span: Span::default(), source: u32::MAX, value })
}
