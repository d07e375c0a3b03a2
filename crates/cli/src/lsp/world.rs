//! What can be named at a place: in its own text, in what that imports, and in the blueprints that import it.

use std::path::Path;

use url::Url;
use walkdir::WalkDir;

use super::index::{self, Definition, Kind, Symbol};
use super::{Spot, read};

/// So many files of a workspace are looked at, so that a home folder does not keep an editor waiting.
const FILES: usize = 5000;
/// Longer files are no blueprints that somebody writes.
const LONGEST: u64 = 1 << 20;

/// Everything that can be named in a text: its own, what it imports, and the texts those come from.
pub(super) struct World {
    /// Of each text its location and what is in it; the text itself first.
    texts: Vec<(String, Vec<Symbol>)>,
}

impl World {
    pub(super) fn of(spot: &Spot<'_>) -> Self {
        let own = match index::of(spot.text) {
            // While a line is being written the text is often not YAML; without that line it is.
            found if found.is_empty() => index::of(&without_line(spot)),
            found => found,
        };
        let mut texts = vec![(spot.uri.to_owned(), own)];
        let source = if nephele_yaml11::load(spot.text).is_ok() { spot.text.to_owned() } else { without_line(spot) };
        if let Some((files, _, _)) = read(spot.uri, &source) {
            files.each_text(|location, text| {
                let path = location.strip_prefix("file:");
                let uri = path.and_then(|path| Url::from_file_path(path).ok()).map(String::from);
                let uri = uri.unwrap_or_else(|| location.to_owned());
                if uri != spot.uri {
                    let text = spot.open.get(&uri).map_or(text, String::as_str);
                    texts.push((uri, index::of(text)));
                }
            });
        }
        let builtin = nephele_dsl::builtin::types_yaml(nephele_dsl::Version::LATEST);
        texts.push(("builtin".to_owned(), index::of(builtin)));
        Self { texts }
    }

    /// The same with the blueprints of the workspace that import the text, and what they import besides.
    pub(super) fn around(spot: &Spot<'_>) -> Self {
        let mut world = Self::of(spot);
        for (uri, text) in blueprints(spot) {
            let other = Self::of(&Spot { uri: &uri, text: &text, ..*spot });
            if uri != spot.uri && other.texts.iter().any(|(imported, _)| imported == spot.uri) {
                let known = std::mem::take(&mut world.texts);
                let new = other.texts.into_iter().filter(|(uri, _)| known.iter().all(|(other, _)| other != uri));
                world.texts = known.iter().cloned().chain(new).collect();
            }
        }
        world
    }

    /// The texts that an editor can change.
    pub(super) fn files(&self, own: &str) -> impl Iterator<Item = (&str, &[Symbol])> {
        let all = self.texts.iter().map(|(uri, symbols)| (uri.as_str(), symbols.as_slice()));
        all.filter(move |(uri, _)| *uri == own || uri.starts_with("file:"))
    }

    pub(super) fn definitions(&self, kind: Kind) -> impl Iterator<Item = (&str, &Symbol, &Definition)> {
        let all = self.texts.iter().flat_map(|(uri, symbols)| symbols.iter().map(move |symbol| (uri.as_str(), symbol)));
        all.filter(move |(_, symbol)| symbol.kind == kind)
            .filter_map(|(uri, symbol)| symbol.definition.as_ref().map(|definition| (uri, symbol, definition)))
    }

    pub(super) fn definition(&self, kind: Kind, name: &str) -> Option<(&str, &Symbol, &Definition)> {
        let others: &[Kind] = if kind == Kind::NodeType { &[Kind::DataType, Kind::Relationship] } else { &[] };
        let kinds = std::iter::once(kind).chain(others.iter().copied());
        kinds.into_iter().find_map(|kind| self.definitions(kind).find(|(_, symbol, _)| symbol.name == name))
    }

    /// The properties of a type, with those it inherits.
    pub(super) fn properties(&self, name: &str) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut next = Some(name.to_owned());
        // A type that derives from itself is refused elsewhere.
        for _ in 0..50 {
            let Some((_, _, definition)) = next.as_deref().and_then(|name| self.definition(Kind::NodeType, name))
            else {
                break;
            };
            for (property, description) in &definition.properties {
                if found.iter().all(|(known, _)| known != property) {
                    found.push((property.clone(), description.clone()));
                }
            }
            next.clone_from(&definition.derived_from);
        }
        found
    }
}

/// The blueprints in the folders of the workspace, and those that are open.
fn blueprints(spot: &Spot<'_>) -> Vec<(String, String)> {
    let is_yaml = |path: &Path| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".") || name == "node_modules";
    let entries = spot.folders.iter().flat_map(|folder| {
        let walk = WalkDir::new(folder).into_iter();
        walk.filter_entry(move |entry| entry.depth() == 0 || !is_hidden(entry.file_name())).filter_map(Result::ok)
    });
    let files = entries.filter(|entry| entry.file_type().is_file() && is_yaml(entry.path())).take(FILES);
    let small = files.filter(|entry| entry.metadata().is_ok_and(|about| about.len() <= LONGEST));
    let saved = small.filter_map(|entry| {
        let uri = String::from(Url::from_file_path(entry.path()).ok()?);
        let text = if spot.open.contains_key(&uri) { None } else { std::fs::read_to_string(entry.path()).ok() };
        Some((uri, text?))
    });
    let open = spot.open.iter().map(|(uri, text)| (uri.clone(), text.clone()));
    open.chain(saved).filter(|(_, text)| super::is_blueprint(text)).collect()
}

/// The text without the line that is being written.
fn without_line(spot: &Spot<'_>) -> String {
    let number = usize::try_from(spot.position.line).unwrap_or_default();
    spot.text
        .lines()
        .enumerate()
        .map(|(at, line)| if at == number { "\n".to_owned() } else { format!("{line}\n") })
        .collect()
}
