//! Blueprints that are refused, with the class, the number and the whole text of the refusal.
//!
//! `refusals.txt` holds them: `=== CLASS [NUMBER]`, the blueprint (of version 1.5 unless it says another),
//! `---`, the text. The texts were taken from a run of the reference parser 7.0.5.

use nephele_dsl::{Fetched, ImportError, Imports, Options, Source, Version, parse};

const PLUGIN: &str = "plugins:
  p:
    executor: central_deployment_agent
    install: false
    properties:
      s: {type: string}
      i: {type: integer}
      o: {type: other}
";

/// What the blueprints import.
struct Imported;

impl Imports for Imported {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let text = match location {
            "resource:a.yaml" => "inputs: {x: {}}",
            "resource:new.yaml" => "tosca_definitions_version: cloudify_dsl_1_5",
            "plugin:p" => PLUGIN,
            _ => return Err(ImportError::unreachable(location, "'NoneType' object is not iterable")),
        };
        Ok(Fetched::Text(text.to_owned()))
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

#[test]
fn blueprints_are_refused_as_clients_know_it() {
    let all = include_str!("refusals.txt");
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in all.strip_prefix("=== ").unwrap().split("\n=== ") {
        let (header, rest) = case.split_once('\n').unwrap();
        let (blueprint, expected) = rest.split_once("---\n").unwrap();
        let version = "tosca_definitions_version";
        let text = if blueprint.starts_with(version) {
            blueprint.to_owned()
        } else {
            format!("{version}: cloudify_dsl_1_5\n{blueprint}")
        };
        let main = Source { location: None, text };
        let refused = match parse(&main, &Imported, &Options::default()) {
            Ok(_) => "=== accepted".to_owned(),
            Err(problems) => {
                let first = &problems[0];
                let code = first.code().map(|code| format!(" {code}")).unwrap_or_default();
                format!("=== {}{code}\n{}", first.kind().as_str(), first.reference_text())
            }
        };
        count += 1;
        let expected = format!("=== {header}\n{}", expected.trim_end_matches('\n'));
        if refused != expected {
            wrong.push(format!("{blueprint}\nexpected {expected}\ngot      {refused}"));
        }
    }
    assert!(count > 60 && wrong.is_empty(), "{count} blueprints\n{}", wrong.join("\n\n"));
}
