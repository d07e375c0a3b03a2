//! All problems of a blueprint at once, at their places, with hints, and without consequences.

use std::collections::HashMap;

use nephele_dsl::{Diagnostic, Fetch, Fetched, ImportError, Options, Resolver, Source, Version, parse};

/// Imported files by location.
#[derive(Default)]
struct Files(HashMap<&'static str, &'static str>);

impl Fetch for Files {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        let text = self.0.get(location).ok_or_else(|| ImportError::unreachable(location, "there is nothing"))?;
        Ok(Fetched::Text((*text).to_owned()))
    }

    fn exists(&self, _location: &str) -> bool {
        false
    }
}

fn problems_with(text: &str, files: Files) -> Vec<Diagnostic> {
    let source = Source::new("file:/blueprint.yaml", text);
    match parse(&source, &Resolver::new(files), &Options::default()) {
        Ok(parsed) => parsed.warnings,
        Err(problems) => problems,
    }
}

/// `line:column name: hint` of every problem in the order of the text; version and imports are added in front.
fn found(text: &str) -> Vec<String> {
    let head = "tosca_definitions_version: cloudify_dsl_1_5\nimports: [cloudify/types/types.yaml]\n";
    let mut problems = problems_with(&format!("{head}{text}"), Files::default());
    problems.sort_by_key(Diagnostic::position);
    problems.iter().map(|problem| shown(problem, 2)).collect()
}

fn shown(problem: &Diagnostic, lines_before: u32) -> String {
    let (line, column) = problem.position().unwrap_or_default();
    let hint = problem.hint.as_deref().map(|hint| format!(": {hint}")).unwrap_or_default();
    format!("{}:{column} {}{hint}", line.saturating_sub(lines_before), problem.fault.name())
}

#[test]
fn many_mistakes_are_found_at_once() {
    let text = "\
inputs:
  port: {type: integr}
  size: {type: integer, default: 1, constraints: [{in_range: [2, 3]}, {greater_then: 1}]}
node_types:
  app:
    derived_from: cloudify.nodes.Root
    properties:
      port: {type: integer}
      host: {}
node_templates:
  web:
    type: ap
    properties: {port: {get_input: prot}}
  db:
    type: app
    properties: {port: x, hots: h}
    relationships:
      - {type: cloudify.relationships.conected_to, target: wbe}
  cache:
    type: app
    properties: {port: 1, host: {get_property: [dbb, host]}}
    interfaces: {cloudify.interfaces.lifecycle: {create: scrpt.run}}
groups:
  all: {members: [web, cach]}
policies:
  scale: {type: cloudify.policies.scaling, targets: [al]}
outputs:
  o1: {value: {get_input: sise}}
  o2: {value: {get_attribute: [cashe, ip]}}
";
    assert_eq!(
        found(text),
        [
            "2:16 unknown_data_type: did you mean 'integer'?",
            "3:72 unknown_constraint: did you mean 'greater_than'?",
            "12:11 unknown_node_type: did you mean 'app'?",
            "13:36 unknown_input: did you mean 'port'?",
            "16:24 type_mismatch",
            "16:27 undefined_property: did you mean 'host'?",
            "18:16 unknown_relationship_type: did you mean 'cloudify.relationships.connected_to'?",
            "18:60 unknown_target: did you mean 'web'?",
            "21:49 unknown_node: did you mean 'db'?",
            "22:58 unmapped_operation: plugin 'scrpt': did you mean 'script'?",
            "24:24 unknown_group_member: did you mean 'cache'?",
            "26:54 target_not_group: did you mean 'all'?",
            "28:27 unknown_input: did you mean 'size'?",
            "29:32 unknown_node: did you mean 'cache'?",
        ]
    );
}

#[test]
fn what_depends_on_a_mistake_is_no_mistake() {
    for (text, expected) in [
        // A type that is not in order, and nodes of it.
        (
            "node_types:\n  app: {derived_from: nowhere.at.all}\n  sub: {derived_from: app}\nnode_templates:\n  \
             a: {type: app, properties: {x: 1}}\n  b: {type: sub, properties: {y: 1}}\n",
            &["2:23 unknown_parent_type"][..],
        ),
        // A misspelled section: its names are known all the same, and checked.
        (
            "imputs:\n  port: {typ: integer}\noutputs:\n  o: {value: {get_input: port}}\n",
            &["1:1 unknown_key: did you mean 'inputs'?", "2:10 unknown_key: did you mean 'type'?"][..],
        ),
        // A misspelled key, and what is missing because of it.
        (
            "node_types: {app: {properties: {port: {}}}}\nnode_templates:\n  \
             a: {type: app, propertes: {port: 1}, relationships: [{type: cloudify.relationships.depends_on, target: b}]}\n",
            &["3:18 unknown_key: did you mean 'properties'?", "3:106 unknown_target: known here: 'a'"][..],
        ),
        // A section of the wrong shape, and references into it.
        ("inputs: [port]\noutputs:\n  o: {value: {get_input: port}}\n", &["1:1 wrong_type"][..]),
        // Relationships in a circle, and operations that need a host.
        (
            "node_types: {app: {derived_from: cloudify.nodes.Root, interfaces: {i: {o: {implementation: script.x, executor: \
             host_agent}}}}}\nnode_templates:\n  a: {type: app, relationships: [{type: \
             cloudify.relationships.contained_in, target: b}]}\n  b: {type: app, relationships: [{type: \
             cloudify.relationships.contained_in, target: a}]}\n",
            &["2:1 cycle"][..],
        ),
        // A mistake in a type shows once, not for every node.
        (
            "node_types: {app: {interfaces: {i: {o: nowhere.run}}}}\nnode_templates:\n  a: {type: app}\n  b: {type: app}\n",
            &["1:40 unmapped_operation: plugin 'nowhere': known here: 'agent', 'cfy_extensions', \
               'default_workflows', 'script'"][..],
        ),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
}

#[test]
fn several_imports_may_be_wrong_and_nothing_follows_from_that() {
    let text = "tosca_definitions_version: cloudify_dsl_1_3\nimports:\n  - cloudify/types/types.yaml\n  - nowhere.yaml\n  \
                - broken.yaml\n  - plugin:missing\n  - good.yaml\nnode_templates:\n  web: {type: perhaps.from.there}\n  \
                db: {type: good, properties: {a: 1, b: 2}, instances: {deploy: -1}}\n  db2: {typ: good}\n";
    let files = Files(HashMap::from([
        ("file:/broken.yaml", "node_types: [\n"),
        ("file:/good.yaml", "node_types:\n  good: {properties: {a: {}}}\nnode_templates:\n  db: {type: good}\n"),
    ]));
    let problems = problems_with(text, files);
    let place = |problem: &Diagnostic| {
        let file = problem.place.as_ref().and_then(|place| place.file.clone()).unwrap_or_default();
        format!("{file} {}", shown(problem, 0))
    };
    assert_eq!(
        problems.iter().map(place).collect::<Vec<_>>(),
        [
            "file:/blueprint.yaml 4:5 import_failed: looked for at file:/nowhere.yaml, resource:nowhere_1_3.yaml, \
             resource:nowhere.yaml",
            "file:/blueprint.yaml 6:5 import_failed",
            "file:/blueprint.yaml 10:39 undefined_property: known here: 'a'",
            "file:/blueprint.yaml 10:66 negative_deploy",
            "file:/blueprint.yaml 11:3 missing_key",
            "file:/blueprint.yaml 11:9 unknown_key: did you mean 'type'?",
            "file:/broken.yaml 2:1 yaml_syntax",
            "file:/good.yaml 4:3 import_conflict: the other one stands in file:/blueprint.yaml, line 10",
        ]
    );
}

#[test]
fn the_first_problem_is_the_one_that_the_reference_meets() {
    for (text, expected) in [
        // Circles before everything.
        ("foo: 1\ndata_types: {a: {derived_from: b}, b: {derived_from: a}}\n", "cycle"),
        // Inputs after node templates, the types of all templates before the rest of them.
        (
            "inputs: {i: {type: nope}}\nnode_templates:\n  a: {type: x}\n  b: {type: cloudify.nodes.Root, properties: {z: 1}}\n",
            "unknown_node_type",
        ),
        // Unknown sections last.
        ("foo: 1\ninputs: {i: {type: nope}}\n", "unknown_data_type"),
        // Functions after everything else.
        ("outputs: {a: {value: {get_input: x}}, b: 5}\n", "wrong_type"),
    ] {
        let head = "tosca_definitions_version: cloudify_dsl_1_5\nimports: [cloudify/types/types.yaml]\n";
        let problems = problems_with(&format!("{head}{text}"), Files::default());
        assert_eq!(problems[0].fault.name(), expected, "{text}");
    }
}

#[test]
fn versions_and_letters_do_not_hide_the_rest() {
    let problems = problems_with(
        "tosca_definitions_version: cloudify_dsl_1_6\nfoo: ä\nouputs: {o: {value: ö}}\n",
        Files::default(),
    );
    let names: Vec<_> = problems.iter().map(|problem| shown(problem, 0)).collect();
    assert_eq!(
        names,
        [
            "2:6 not_ascii",
            "1:28 unknown_version: did you mean 'cloudify_dsl_1_0'?",
            "2:1 unknown_key",
            "3:1 unknown_key: did you mean 'outputs'?",
            "3:21 not_ascii",
        ]
    );
}
