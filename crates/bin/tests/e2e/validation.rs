//! `nephele blueprints validate` on blueprints with several mistakes: the whole text for people, the JSON for
//! programs, and the exit codes. The blueprints and the expected answers lie in the folder `validation`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use nephele_testkit::archive;
use serde_json::Value;

use crate::home;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/validation")
}

/// Runs the command beside the blueprints.
fn validate(arguments: &[&str]) -> Output {
    let mut command = home().command();
    command.args(["blueprints", "validate"]).args(arguments).current_dir(folder()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Compares with a file; `UPDATE_EXPECTED=1` writes it anew.
#[track_caller]
fn is_as_expected(actual: &str, file: &str) {
    let file = folder().join(file);
    // Where the workspace lies is none of the expectation.
    let actual = actual.replace(&folder().display().to_string(), "HERE");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, &actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(actual == expected, "{} says\n{expected}\nand the answer is\n{actual}", file.display());
}

#[test]
fn every_mistake_is_shown_with_its_line() {
    let output = validate(&["shop"]);
    is_as_expected(&text(&output.stderr), "shop.txt");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
}

#[test]
fn programs_get_a_list() {
    let output = validate(&["shop/blueprint.yaml", "--json"]);
    is_as_expected(&text(&output.stdout), "shop.json");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()));
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let keys = [
        "class",
        "code",
        "column",
        "end_column",
        "end_line",
        "file",
        "hint",
        "line",
        "message",
        "name",
        "path",
        "severity",
    ];
    for problem in &list {
        let mut found: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
    }
}

#[test]
fn broken_yaml_is_shown_where_it_breaks() {
    let output = validate(&["unclosed.yaml"]);
    is_as_expected(&text(&output.stderr), "unclosed.txt");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn warnings_alone_do_no_harm() {
    let output = validate(&["lapse.yaml"]);
    is_as_expected(&text(&output.stderr), "lapse.txt");
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), "Blueprint validated successfully\n".to_owned())
    );
    let output = validate(&["lapse.yaml", "--json"]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &list[0]["severity"]), (Some(0), &Value::from("warning")));
}

#[test]
fn an_archive_is_read_without_being_unpacked() {
    let around = tempfile::tempdir().unwrap();
    let blueprint = fs::read_to_string(folder().join("shop/blueprint.yaml")).unwrap();
    let app = fs::read_to_string(folder().join("shop/types/app.yaml")).unwrap();
    let entries = [("shop/blueprint.yaml", blueprint.as_str()), ("shop/types/app.yaml", app.as_str())];
    for (name, packed) in [("shop.zip", archive::zip(&entries)), ("shop.tar.gz", archive::files(&entries))] {
        let file = around.path().join(name);
        fs::write(&file, packed).unwrap();
        let output = validate(&[&file.display().to_string(), "--json"]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        let expected: Vec<Value> =
            serde_json::from_str(&fs::read_to_string(folder().join("shop.json")).unwrap()).unwrap();
        let named =
            |list: &[Value]| list.iter().map(|one| (one["name"].clone(), one["line"].clone())).collect::<Vec<_>>();
        assert_eq!(named(&list), named(&expected), "{name}");
        assert_eq!(list[0]["file"], "blueprint.yaml");
    }
}

#[test]
fn plugins_come_from_a_folder() {
    let around = tempfile::tempdir().unwrap();
    let file = around.path().join("blueprint.yaml");
    fs::write(&file, "tosca_definitions_version: cloudify_dsl_1_5\nimports: [plugin:cloud]\nnode_templates: {vm: {type: cloud.Vm}}\n").unwrap();
    let file = file.display().to_string();
    let output = validate(&[&file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--plugins DIR"), "{}", text(&output.stderr));
    fs::create_dir(around.path().join("cloud")).unwrap();
    fs::write(around.path().join("cloud/plugin.yaml"), "node_types: {cloud.Vm: {}}\n").unwrap();
    let output = validate(&[&file, "--plugins", &around.path().display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_read_and_wrong_usage_are_told_apart() {
    for (arguments, code, part) in [
        (&["nowhere.yaml"][..], 1, "nowhere.yaml cannot be read"),
        (&["."], 1, "--blueprint-filename"),
        (&["shop", "-n", "other.yaml"], 1, "shop/other.yaml"),
        (&["shop", "--plugins", "nowhere"], 1, "--plugins takes the folder"),
        (&["shop", "another"], 2, "Usage"),
    ] {
        let output = validate(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(text(&output.stderr).contains(part), "{arguments:?}: {}", text(&output.stderr));
    }
}
