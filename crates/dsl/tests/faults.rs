//! Every fault has an example that triggers it: `faults.txt` holds `=== NAME` and a blueprint of version 1.5
//! with the built-in types, unless it says another version. `docs/errors.md` shows these examples.

use nephele_dsl::{Fault, Fetch, Fetched, ImportError, Options, Resolver, Source, Version, parse};

/// Faults that no blueprint triggers alone: of inputs, of running deployments, of settings; and what is too
/// large to be shown.
const OF_NO_BLUEPRINT: &[Fault] = &[
    Fault::ResolverRules,
    Fault::TooLarge,
    Fault::PatternNotText,
    Fault::ConstraintNotList,
    Fault::UnknownOperator,
    Fault::ConstraintOfManager,
    Fault::RecursionLimit,
    Fault::IndexOutOfRange,
    Fault::MergeOfNoPairs,
    Fault::MergeOfNoMapping,
    Fault::MissingInput,
    Fault::InputEvaluation,
    Fault::InputMismatch,
    Fault::UnknownSecret,
    Fault::UnsupportedGetSecret,
    Fault::ConnectionType,
    Fault::UnsupportedRelationship,
    Fault::AllToOneState,
    Fault::AllToOneInGroup,
    Fault::Expansion,
    Fault::InstanceWithoutNode,
    Fault::UnscaledMember,
    Fault::CountNotNumber,
];

/// What the examples import.
struct Imported;

impl Fetch for Imported {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let plugin = |properties: &str| {
            Ok(Fetched::Text(format!(
                "plugins: {{p: {{executor: host_agent, install: false, properties: {{{properties}}}}}}}"
            )))
        };
        let text = match location {
            "resource:other.yaml" => "inputs: {port: {default: 1}}",
            "resource:workflows.yaml" => "workflows: {check: {mapping: script.other}}",
            "resource:newer.yaml" => "tosca_definitions_version: cloudify_dsl_1_4",
            "resource:misversioned.yaml" => "tosca_definitions_version: cloudify_dsl_9",
            "plugin:sized" => return plugin("size: {type: integer}"),
            "plugin:untyped" => return plugin("size: {description: none}"),
            "blueprint:base" | "blueprint:other" => {
                let main = Source::unnamed("tosca_definitions_version: cloudify_dsl_1_5\n");
                return Ok(Fetched::Blueprint { main, resources_base: None });
            }
            "plugin:nowhere" => return Err(ImportError::new(Fault::ImportUnavailable, "the plugin is not there")),
            "blueprint:nowhere" => return Err(ImportError::not_found("the blueprint is not there")),
            _ => return Err(ImportError::unreachable(location, "there is nothing")),
        };
        Ok(Fetched::Text(text.to_owned()))
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

#[test]
fn every_fault_has_an_example_that_triggers_it() {
    let examples = include_str!("faults.txt").strip_prefix("=== ").unwrap().split("\n=== ");
    let (mut shown, mut wrong) = (Vec::new(), Vec::new());
    for example in examples {
        let (name, text) = example.split_once('\n').unwrap();
        let head = "tosca_definitions_version: cloudify_dsl_1_5\nimports: [cloudify/types/types.yaml]\n";
        let text = text.replace("\\u0007", "\u{7}");
        let says_version = text.starts_with("tosca_definitions_version") || name == "missing_version";
        let text = if says_version { text } else { format!("{head}{text}") };
        let found = match parse(&Source::unnamed(text), &Resolver::new(Imported), &Options::default()) {
            Ok(parsed) => parsed.warnings,
            Err(problems) => problems,
        };
        let names: Vec<&str> = found.iter().map(|problem| problem.fault.name()).collect();
        if names != [name] {
            wrong.push(format!("{name}: {names:?} {:?}", found.iter().map(ToString::to_string).collect::<Vec<_>>()));
        }
        shown.push(name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let expected = Fault::ALL.iter().filter(|fault| !OF_NO_BLUEPRINT.contains(fault)).map(|fault| fault.name());
    assert_eq!(shown, expected.collect::<Vec<_>>(), "the examples stand in the order of the faults");
}
