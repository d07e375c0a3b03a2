//! The workspace itself, held against its rules.

use std::fs;

use nephele_walls::{documents, files, handlers, layers, metadata, root};

const NONE: &[String] = &[];

#[test]
fn arrows_point_downwards() {
    let metadata = metadata().unwrap();
    let edges = layers::edges(&metadata);
    assert!(edges.len() > 50, "cargo metadata gave only {} dependencies", edges.len());
    assert_eq!(layers::violations(&edges), NONE);
}

#[test]
fn every_crate_has_its_place() {
    let names: Vec<_> =
        metadata().unwrap().workspace_packages().iter().map(|package| package.name.to_string()).collect();
    assert_eq!(layers::unknown(&names), NONE);
    for (name, _) in layers::MAY_USE {
        assert!(names.iter().any(|present| present == name), "{name} is in the layers and not in the workspace");
    }
}

#[test]
fn files_are_short_named_and_introduced() {
    let mut found = Vec::new();
    let mut seen = 0;
    for folder in ["crates", "tests"] {
        for path in files::rust_files(&root().join(folder)).unwrap() {
            seen += 1;
            let shown = path.strip_prefix(root()).unwrap();
            found.extend(files::violations(shown, &fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(seen > 50, "only {seen} files found");
    assert_eq!(found, NONE);
}

#[test]
fn handlers_are_short() {
    let sources = root().join("crates/api/src");
    let named = handlers::named(&fs::read_to_string(sources.join("routes.rs")).unwrap());
    assert!(named.len() > 150, "the route table names only {} handlers", named.len());
    let mut found = Vec::new();
    for (module, function) in named {
        let mut texts = handlers::places(&module, &function)
            .into_iter()
            .filter_map(|place| fs::read_to_string(sources.join(place)).ok());
        match texts.find_map(|text| handlers::length(&text, &function)) {
            None => found.push(format!("{module}::{function} is nowhere")),
            Some(lines) if lines > handlers::MOST_LINES => {
                found.push(format!("{module}::{function} has {lines} lines, more than {}", handlers::MOST_LINES));
            }
            Some(_) => {}
        }
    }
    assert_eq!(found, NONE);
}

#[test]
fn documents_name_what_exists() {
    let root = root();
    let mut found = Vec::new();
    let mut texts: Vec<_> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root.join(name)).into();
    for folder in ["docs", "docs/adr"] {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        texts.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    for path in texts {
        let text = fs::read_to_string(&path).unwrap();
        let missing = documents::missing(&text, path.parent().unwrap(), &root);
        found.extend(missing.into_iter().map(|name| format!("{}: {name}", path.display())));
    }
    assert_eq!(found, NONE);
}

#[test]
fn walkthroughs_name_real_files() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rust = documents::named_paths(&text)
        .into_iter()
        .filter(|path| path.rsplit_once('.').is_some_and(|(_, ending)| ending == "rs"))
        .count();
    assert!(rust >= 20, "ARCHITECTURE.md names only {rust} source files");
}
