//! From the main text through all its imports, breadth first, to one tree (spec dsl.md section 2.5).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use nephele_model::json::{Map, Value as Json, object};
use nephele_model::python_text;
use nephele_yaml11::{Entry, Node, Span, Value};

use super::tree::{Item, Section, Tree};
use super::{Fetched, Imports, location, merge, properties};
use crate::diagnostic::{Diagnostic, Fault, Place, did_you_mean};
use crate::dialect;
use crate::element::json;
use crate::limit::{self, MOST_FILES, MOST_IMPORTED};
use crate::problems::Problems;
use crate::schema::check::Gate;
use crate::source::{Source, Sources};
use crate::version::Version;
use crate::{blueprint, blueprint_text};

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

/// What reading gathers.
pub(crate) struct Reading<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) problems: &'a mut Problems,
    /// How many imports were tried, of this blueprint and those that it imports.
    pub(crate) tried: usize,
    /// Bytes of the texts that were read for them.
    pub(crate) imported: usize,
    /// Whether something could not be read, so that nobody knows what it would have brought.
    pub(crate) is_incomplete: bool,
    /// Whether a file declares a later version than the main text.
    pub(crate) is_newer: bool,
}

impl Reading<'_> {
    /// Whether no further file is to be tried.
    const fn is_full(&self) -> bool {
        self.tried >= MOST_FILES
    }

    /// Says that this import was one too many, unless one was before.
    fn refuse_more(&mut self, import: &Import) {
        self.is_incomplete = true;
        if self.tried == MOST_FILES {
            self.tried += 1;
            let problem = limit::exceeded(format_args!("it imports more than {MOST_FILES} files"));
            self.push(problem, &import.node, &import.path);
        }
    }

    fn place(&self, node: &Node, path: String) -> Place {
        Place { file: self.sources.name(node.source).map(str::to_owned), span: Some(node.span), path }
    }

    /// Keeps a problem that stands at a node, unless it knows better where it is.
    fn push(&mut self, problem: Diagnostic, node: &Node, path: &str) {
        let place = self.place(node, path.to_owned());
        self.problems.push(if problem.place.is_some() { problem } else { problem.at(place) });
    }
}

struct File {
    url: Option<String>,
    namespace: Option<String>,
    tree: Tree,
    import: Option<Import>,
}

/// An entry of `imports`.
#[derive(Clone)]
struct Import {
    name: String,
    /// Where it is written.
    node: Arc<Node>,
    path: String,
    /// The properties that it gives.
    properties: Option<Arc<Node>>,
}

/// The merged tree of a main text; `url` is its location. Everything of spec section 2 may be wrong, and
/// what is wrong is left out.
pub(crate) fn combine(
    main: &Arc<Node>,
    url: Option<String>,
    setting: &Setting<'_>,
    reading: &mut Reading<'_>,
    depth: usize,
) -> Tree {
    let root = File { url, namespace: None, tree: Tree::new(main), import: None };
    let mut seen: HashMap<(Option<String>, Option<String>), bool> = HashMap::new();
    seen.insert((root.url.clone(), None), root.tree.has_root_type());
    let mut mapping: IndexMap<String, String> = IndexMap::new();
    let mut files = vec![root];
    let mut queue: VecDeque<usize> = VecDeque::from([0]);
    while let Some(index) = queue.pop_front() {
        let (url, namespace) = (files[index].url.clone(), files[index].namespace.clone());
        let imports = files[index].tree.sections.get("imports");
        if let Some(imports) = imports.filter(|imports| is_single(&imports.value)) {
            let kind = python_text::type_name(&json(&imports.value));
            let problem = Diagnostic::new(Fault::ImportsNotList, format!("'{kind}' object is not iterable"));
            let key = Arc::clone(&imports.key);
            reading.push(problem, &key, "imports");
            continue;
        }
        let imports = imports.map(|imports| imported(&imports.value)).unwrap_or_default();
        for import in imports {
            if reading.is_full() {
                reading.refuse_more(&import);
                queue.clear();
                break;
            }
            let from = From { url: url.as_deref(), namespace: namespace.as_deref() };
            match fetch(&import, &from, setting, reading, &mut seen, &mut mapping, depth) {
                Ok(None) => {}
                Ok(Some(file)) => {
                    files.push(file);
                    queue.push_back(files.len() - 1);
                }
                Err(problem) => {
                    reading.is_incomplete = true;
                    if let Some(problem) = problem {
                        reading.push(problem, &import.node, &import.path);
                    }
                }
            }
        }
    }
    join(main, files, &mapping, setting, reading)
}

fn join(
    main: &Arc<Node>,
    files: Vec<File>,
    mapping: &IndexMap<String, String>,
    setting: &Setting<'_>,
    reading: &mut Reading<'_>,
) -> Tree {
    let mut merged = Tree::default();
    let version = files[0].tree.sections.get("tosca_definitions_version").cloned();
    merged.sections.insert("imported_blueprints".to_owned(), listed("imported_blueprints", mapping.values()));
    merged.sections.insert("namespaces_mapping".to_owned(), mapped("namespaces_mapping", mapping));
    for mut file in files {
        let written = file.tree.value("tosca_definitions_version").filter(|_| setting.gate.is_some());
        let checked = written.map_or(Ok(()), |written| check_version(written, file.url.as_deref(), setting.version));
        if let (Some(written), Err(problem)) = (written, checked) {
            reading.is_newer = true;
            reading.push(problem, written, "tosca_definitions_version");
        }
        let given = file.import.as_ref().and_then(|import| import.properties.as_ref());
        let (mut found, mut clashes) = (Vec::new(), Vec::new());
        properties::set(&mut file.tree, given, &mut found);
        let is_builtin = file.tree.is_builtin_types().unwrap_or_else(|problem| {
            found.push(problem);
            false
        });
        for problem in found {
            match &file.import {
                Some(import) => reading.push(problem, &import.node, &import.path),
                None => reading.push(problem, main, ""),
            }
        }
        merge::merge(&mut merged, file.tree, setting.version, file.namespace.as_deref(), is_builtin, &mut clashes);
        for clash in clashes {
            let file = reading.sources.name(clash.first.source).unwrap_or("the main text");
            let hint = format!("the other one stands in {file}, line {}", clash.first.span.start.line + 1);
            reading.push(clash.problem.with_hint(Some(hint)), &clash.key, &clash.path);
        }
    }
    if let Some(version) = version {
        merged.sections.insert("tosca_definitions_version".to_owned(), version);
    }
    merged
}

/// Whether it is nothing that could be gone through.
fn is_single(imports: &Node) -> bool {
    matches!(imports.value, Value::Null | Value::Int(_) | Value::Bool(_) | Value::Float(_))
}

/// The imports of a file, as far as they have the right shape.
fn imported(imports: &Arc<Node>) -> Vec<Import> {
    let one = |(index, item): (usize, &Arc<Node>)| {
        let path = format!("imports.{index}");
        match &item.value {
            Value::String(text) => {
                Some(Import { name: text.to_string(), node: Arc::clone(item), path, properties: None })
            }
            Value::Mapping(entries) => {
                let entry = entries.first()?;
                let (node, properties) = (Arc::clone(&entry.key), Some(Arc::clone(&entry.value)));
                Some(Import { name: entry.key.as_str()?.to_owned(), node, path, properties })
            }
            _ => None,
        }
    };
    imports.items().unwrap_or_default().iter().enumerate().filter_map(one).collect()
}

struct From<'a> {
    url: Option<&'a str>,
    namespace: Option<&'a str>,
}

/// The file that an import leads to; nothing if it is there already. Errors: why it cannot be had, unless
/// that was said when it was read.
fn fetch(
    import: &Import,
    from: &From<'_>,
    setting: &Setting<'_>,
    reading: &mut Reading<'_>,
    seen: &mut HashMap<(Option<String>, Option<String>), bool>,
    mapping: &mut IndexMap<String, String>,
    depth: usize,
) -> Result<Option<File>, Option<Diagnostic>> {
    let (own, name) = location::split(&import.name)?;
    let namespace = location::nest(from.namespace, own);
    let mut candidates =
        location::candidates(name, from.url, setting.resources_base, Some(setting.version), setting.imports);
    if reading.sources.is_dialect {
        candidates.extend(dialect::plugin_in_place_of(name));
    }
    let (mut failure, mut first_failure) = (None, None);
    for url in &candidates {
        let key = (Some(url.clone()), namespace.clone());
        if let Some(is_builtin) = seen.get(&key) {
            check_builtin_namespace(namespace.as_deref(), *is_builtin, from.namespace)?;
            return Ok(None);
        }
        reading.tried += usize::from(failure.is_none());
        let blueprint = url.strip_prefix("blueprint:");
        if let Some(blueprint) = blueprint {
            note_blueprint(blueprint, url, namespace.as_deref(), mapping)?;
        }
        let fetched = match setting.imports.fetch(url, setting.version) {
            Ok(fetched) => fetched,
            Err(error) => {
                first_failure.get_or_insert_with(|| error.message.clone());
                failure = Some(error);
                continue;
            }
        };
        let tree = read(fetched, &import.name, url, setting, reading, depth)?;
        let is_builtin = tree.is_builtin_types()?;
        check_builtin_namespace(namespace.as_deref(), is_builtin, from.namespace)?;
        let kept = namespace.filter(|_| !is_builtin);
        seen.insert((Some(url.clone()), kept.clone()), is_builtin);
        let import = Some(import.clone());
        return Ok(Some(File { url: Some(url.clone()), namespace: kept, tree, import }));
    }
    let nowhere = || format!("Import failed: no suitable location found for import '{}'", import.name);
    let problem = failure.map_or_else(|| Diagnostic::new(Fault::ImportFailed, nowhere()), Into::into);
    if candidates.len() < 2 {
        return Err(Some(problem));
    }
    // The reference tells of the last place; people look into the first.
    let hint = problem.hint.clone().unwrap_or_else(|| format!("looked for at {}", candidates.join(", ")));
    Err(Some(Diagnostic { brief: first_failure, hint: Some(hint), ..problem }))
}

/// The tree of what was fetched. Errors: nothing when its problems are reported already.
fn read(
    fetched: Fetched,
    import: &str,
    url: &str,
    setting: &Setting<'_>,
    reading: &mut Reading<'_>,
    depth: usize,
) -> Result<Tree, Option<Diagnostic>> {
    let prefix = format!("Failed to parse import '{import}'(via '{url}')");
    let load = |source: &Source, prefix: &str, reading: &mut Reading<'_>| {
        reading.imported += source.text.len();
        if reading.imported > MOST_IMPORTED {
            let what = format_args!("it imports more than {MOST_IMPORTED} bytes");
            return Err(Some(limit::exceeded(what)));
        }
        blueprint_text::load(source, prefix, reading.sources, reading.problems).ok_or(None)
    };
    match fetched {
        Fetched::Text(text) => Ok(Tree::new(&*load(&Source::new(url, text), &prefix, reading)?)),
        Fetched::Plugin { text, blueprint_labels, labels, resource_tags } => {
            let mut tree = Tree::new(&*load(&Source::new(url, text), &prefix, reading)?);
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
                return Err(Some(Diagnostic::new(Fault::ImportFailed, message)));
            }
            let node = load(&main, "Failed to parse DSL", reading)?;
            let version = blueprint_text::version(&node, reading.sources)?;
            let inner = Setting { version, gate: None, resources_base: resources_base.as_deref(), ..*setting };
            let location = blueprint_text::main_url(main.location.as_deref(), &inner);
            let tree = combine(&node, location.clone(), &inner, reading, depth + 1);
            let merged = tree.clone().into_node(node.span, node.source);
            if blueprint::is_sound(merged, location.as_deref(), &inner, reading) { Ok(tree) } else { Err(None) }
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
    let single = Node { span: Span::default(), source: u32::MAX, value: Value::Mapping([entry].into()) };
    tree.sections.extend(Tree::new(&single).sections);
}

fn check_version(written: &Arc<Node>, url: Option<&str>, main: Version) -> Result<(), Diagnostic> {
    let shown = nephele_model::python_text::str(&json(written));
    let Some(version) = Version::parse(&shown) else {
        let hint = did_you_mean(&shown, Version::ALL.map(Version::as_str));
        let problem = Diagnostic::new(Fault::UnknownImportVersion, format!("'{shown}' is not in list"));
        let brief = format!("The imported file's version '{shown}' does not exist");
        return Err(problem.with_brief(brief).with_hint(hint));
    };
    if version <= main {
        return Ok(());
    }
    let message = format!(
        "An import uses a different tosca_definitions_version than the one defined in the main blueprint's file: main \
         blueprint's file version is '{main}', import with different version is '{}', version of problematic import \
         is '{version}'",
        url.unwrap_or("None")
    );
    Err(Diagnostic::new(Fault::NewerImport, message))
}

fn check_builtin_namespace(
    namespace: Option<&str>,
    is_builtin: bool,
    inherited: Option<&str>,
) -> Result<(), Diagnostic> {
    match namespace {
        Some(namespace) if is_builtin && inherited != Some(namespace) => {
            let message = format!("Invalid import namespace {namespace}: cannot be used on Cloudify basic types.");
            Err(Diagnostic::new(Fault::NamespaceOnBuiltin, message))
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
        return Err(Diagnostic::new(Fault::BlueprintWithoutNamespace, message));
    };
    if mapping.contains_key(namespace) {
        let message = format!("Import failed {namespace}: can not use the samenamespace for importing blueprints");
        return Err(Diagnostic::new(Fault::NamespaceReused, message));
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
    let value = Arc::new(Node { span: Span::default(), source: u32::MAX, value: Value::Mapping([].into()) });
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
