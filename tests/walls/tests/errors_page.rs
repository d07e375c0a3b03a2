//! `docs/errors.md` is made from the code: the REST codes of `nephele_model` and the faults of `nephele_dsl`
//! with the examples that the latter's tests prove. The test fails when the page is stale.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, its helpers as well")]

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;

use nephele_dsl::{Fault, UNUSED};
use nephele_model::Code;
use nephele_walls::root;

const HEAD: &str = "\
# Errors

This page is generated from the code: `UPDATE_DOCS=1 cargo test -p nephele-walls --test errors_page` writes it anew.

- [Answers of the REST API](#answers-of-the-rest-api): `error_code` and status.
- [Mistakes in blueprints](#mistakes-in-blueprints): what `nephele blueprints validate` and the error of an upload tell.

## Answers of the REST API

Every refusal has a JSON body `{\"message\": ..., \"error_code\": ..., \"server_traceback\": null}`. The codes are stable; the messages
are for people, though those that clients compare stay as well.

| error_code | status | what it means | what to do |
|---|---|---|---|
";

const BLUEPRINTS: &str = "
## Mistakes in blueprints

Each mistake has a stable name, which is its anchor here, such as `#unknown_node_type`. Class and number are those of the
original parser, which clients see; several mistakes may share them. The examples are blueprints of version `cloudify_dsl_1_5` with the
built-in types, unless they say otherwise. A mistake without an example shows when a deployment is created or runs.
";

/// The examples by the name of the fault.
fn examples(text: &str) -> HashMap<&str, &str> {
    let examples = text.strip_prefix("=== ").unwrap().split("\n=== ");
    examples.map(|example| example.split_once('\n').unwrap()).collect()
}

fn page(examples: &HashMap<&str, &str>) -> String {
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let (name, status) = (code.as_str(), code.status());
        writeln!(page, "| `{name}` | {status} | {} | {} |", code.meaning(), code.remedy()).unwrap();
    }
    page += BLUEPRINTS;
    for fault in Fault::ALL {
        let code = fault.code().map(|code| format!(" {code}")).unwrap_or_default();
        let class = fault.kind().as_str();
        let (name, severity) = (fault.name(), fault.severity().as_str());
        write!(page, "\n### {name}\n\n{severity}, `{class}`{code}. {} {}\n", fault.meaning(), fault.remedy()).unwrap();
        if let Some(example) = examples.get(name) {
            write!(page, "\n```yaml\n{}\n```\n", example.trim_end()).unwrap();
        }
    }
    page += "\n## Classes and numbers that never occur\n\n| class | number | why |\n|---|---|---|\n";
    for (class, number, why) in UNUSED {
        writeln!(page, "| `{class}` | {number} | {why} |").unwrap();
    }
    page
}

#[test]
fn the_page_of_errors_is_up_to_date() {
    let examples = fs::read_to_string(root().join("crates/dsl/tests/faults.txt")).unwrap();
    let page = page(&self::examples(&examples));
    let file = root().join("docs/errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(file).unwrap();
    let stale = "docs/errors.md is out of date: UPDATE_DOCS=1 cargo test -p nephele-walls --test errors_page";
    assert!(written == page, "{stale}");
}

#[test]
fn every_number_of_the_original_is_on_the_page() {
    let used: Vec<i32> = Fault::ALL.iter().filter_map(|fault| fault.code()).collect();
    let all = [
        -1, 1, 2, 3, 4, 7, 10, 13, 18, 19, 21, 23, 24, 25, 26, 27, 28, 29, 40, 41, 42, 50, 60, 61, 91, 100, 102, 103,
        104, 105, 106, 107, 108, 112, 200, 201, 202, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216,
        217, 218, 219, 220, 221,
    ];
    let missing: Vec<i32> = all.into_iter().filter(|code| !used.contains(code)).collect();
    assert_eq!(missing, Vec::<i32>::new());
}
