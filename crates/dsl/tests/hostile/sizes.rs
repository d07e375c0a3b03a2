//! Long keys and values, many of everything, and little text that stands for much.

use crate::{HEAD, case, hold, lines};

#[test]
fn sizes() {
    let key = "k".repeat(1_000_000);
    let hundred_thousand = lines(100_000, |number| format!("    - i{number}"));
    hold(vec![
        case("a key of a megabyte in metadata", format!("{HEAD}metadata:\n  {key}: 1\n"), "parse: yaml_token"),
        case("an explicit key of a megabyte", format!("{HEAD}metadata:\n  ? {key}\n  : 1\n"), "plan"),
        case("a section of a megabyte", format!("{HEAD}? {key}\n: 1\n"), "parse: unknown_key"),
        case(
            "an input of a megabyte",
            format!("{HEAD}inputs:\n  ? {key}\n  : {{default: 1}}\noutputs:\n  a: {{value: {{get_input: {key}}}}}\n"),
            "plan",
        ),
        case(
            "an unknown input of a megabyte",
            format!("{HEAD}outputs:\n  a: {{value: {{get_input: {key}}}}}\n"),
            "parse: unknown_input",
        ),
        case(
            "a type of a megabyte",
            format!("{HEAD}node_templates:\n  a: {{type: {key}}}\n"),
            "parse: unknown_node_type",
        ),
        case(
            "a node of a megabyte",
            format!("{HEAD}node_templates:\n  ? {key}\n  : {{type: cloudify.nodes.Root}}\n"),
            "plan",
        ),
        case("a value of a megabyte", format!("{HEAD}inputs:\n  a: {{default: '{key}'}}\n"), "plan"),
        case(
            "a number of a megabyte",
            format!("{HEAD}inputs:\n  a: {{default: {}}}\n", "9".repeat(1_000_000)),
            "parse: yaml_number_or_date",
        ),
        case(
            "an import of a megabyte",
            format!("tosca_definitions_version: cloudify_dsl_1_5\nimports: ['{key}']\n"),
            "parse: import_failed",
        ),
        case(
            "a pattern of a megabyte",
            format!("{HEAD}inputs:\n  a: {{type: string, default: x, constraints: [{{pattern: '{key}'}}]}}\n"),
            "parse: constraint_argument",
        ),
        case(
            "a pattern that backtracks",
            format!(
                "{HEAD}inputs:\n  a: {{type: string, default: {}b, constraints: [{{pattern: '(a+)+$'}}]}}\n",
                "a".repeat(5_000)
            ),
            "parse: constraint_violated",
        ),
        case(
            "a pattern that backtracks with a reference",
            format!(
                "{HEAD}inputs:\n  a: {{type: string, default: {}b, constraints: [{{pattern: '(?=(a+)+c)\\1'}}]}}\n",
                "a".repeat(5_000)
            ),
            "parse: constraint_violated",
        ),
        case(
            "a pattern that repeats",
            format!(
                "{HEAD}inputs:\n  a: {{type: string, default: aa, constraints: [{{pattern: '((((a{{1,999}}){{1,999}}){{1,999}}){{1,999}})'}}]}}\n"
            ),
            "parse: constraint_argument",
        ),
        case(
            "valid values",
            format!(
                "{HEAD}inputs:\n  a:\n    default: i99999\n    constraints:\n    - valid_values:\n{}",
                hundred_thousand.replace("    -", "      -")
            ),
            "plan",
        ),
        case("a list", format!("{HEAD}inputs:\n  a:\n    default:\n{hundred_thousand}"), "plan"),
        case("inputs", format!("{HEAD}inputs:\n{}", lines(100_000, |n| format!("  i{n}: {{default: {n}}}"))), "plan"),
        case(
            "one key again and again",
            format!("{HEAD}inputs:\n{}", lines(100_000, |_| "  i: {default: 1}".to_owned())),
            "plan",
        ),
        case(
            "outputs that concatenate",
            format!(
                "{HEAD}outputs:\n  a:\n    value:\n      concat:\n{}",
                hundred_thousand.replace("    -", "      -")
            ),
            "plan",
        ),
        case(
            "imports",
            format!(
                "tosca_definitions_version: cloudify_dsl_1_5\nimports:\n{}",
                lines(100_000, |n| format!("  - i{n}.yaml"))
            ),
            "parse: import_failed",
        ),
        case("mistakes", format!("{HEAD}{}", lines(100_000, |n| format!("s{n}: 1"))), "parse: unknown_key"),
        case(
            "mistakes in nodes",
            format!("{HEAD}node_templates:\n{}", lines(20_000, |n| format!("  n{n}: {{type: t{n}}}"))),
            "parse: unknown_node_type",
        ),
        case(
            "mistakes in functions",
            format!(
                "{HEAD}outputs:\n{}",
                lines(20_000, |n| format!("  n{n}: {{value: {{get_attribute: [x{n}, y]}}}}"))
            ),
            "parse: unknown_node",
        ),
        case(
            "relationships",
            format!(
                "{HEAD}node_templates:\n  t: {{type: cloudify.nodes.Root}}\n  a:\n    type: cloudify.nodes.Root\n    relationships:\n{}",
                lines(2_000, |_| "    - {type: cloudify.relationships.depends_on, target: t}".to_owned())
            ),
            "plan",
        ),
        case(
            "a relationship to every node",
            format!(
                "{HEAD}node_templates:\n{}  a:\n    type: cloudify.nodes.Root\n    relationships:\n{}",
                lines(500, |n| format!("  n{n}: {{type: cloudify.nodes.Root}}")),
                lines(500, |n| format!("    - {{type: cloudify.relationships.depends_on, target: n{n}}}"))
            ),
            "plan",
        ),
        case(
            "a type with many properties under many types",
            format!(
                "{HEAD}node_types:\n  t:\n    properties:\n{}{}",
                lines(1_500, |n| format!("      p{n}: {{}}")),
                lines(1_500, |n| format!("  t{n}: {{derived_from: t}}"))
            ),
            "plan",
        ),
        case(
            "a type with many properties for many nodes",
            format!(
                "{HEAD}node_types:\n  t:\n    properties:\n{}node_templates:\n{}",
                lines(1_000, |n| format!("      p{n}: {{default: 1}}")),
                lines(1_000, |n| format!("  n{n}: {{type: t}}"))
            ),
            "plan",
        ),
        case(
            "a type with a large default for many nodes",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{default: {key}}}}}}}}}\nnode_templates:\n{}",
                lines(2_000, |n| format!("  n{n}: {{type: t}}"))
            ),
            "parse: too_large",
        ),
        case(
            "a text again and again",
            format!("{HEAD}dsl_definitions: [&a '{key}']\nmetadata:\n{}", lines(2_000, |n| format!("  k{n}: *a"))),
            "parse: yaml_composition",
        ),
        case(
            "an input again and again",
            format!(
                "{HEAD}inputs: {{i: {{default: '{key}'}}}}\noutputs:\n{}",
                lines(2_000, |n| format!("  o{n}: {{value: {{get_input: i}}}}"))
            ),
            "prepare: too_large",
        ),
        case(
            "instances",
            format!(
                "{HEAD}node_templates:\n  a:\n    type: cloudify.nodes.Root\n    capabilities: {{scalable: {{properties: {{default_instances: 2000000000, max_instances: -1}}}}}}\n"
            ),
            "prepare: expansion",
        ),
        case(
            "instances of instances",
            format!(
                "{HEAD}node_templates:\n{}",
                lines(40, |n| {
                    let relationships = if n == 0 {
                        String::new()
                    } else {
                        format!(", relationships: [{{type: cloudify.relationships.contained_in, target: n{}}}]", n - 1)
                    };
                    format!(
                        "  n{n}: {{type: cloudify.nodes.Root, capabilities: {{scalable: {{properties: {{default_instances: 10}}}}}}{relationships}}}"
                    )
                })
            ),
            "prepare: expansion",
        ),
        case(
            "instances connected to instances",
            format!(
                "{HEAD}node_templates:\n{}",
                lines(2, |n| {
                    let relationships = if n == 0 {
                        String::new()
                    } else {
                        format!(", relationships: [{{type: cloudify.relationships.connected_to, target: n{}}}]", n - 1)
                    };
                    format!(
                        "  n{n}: {{type: cloudify.nodes.Root, capabilities: {{scalable: {{properties: {{default_instances: 20000}}}}}}{relationships}}}"
                    )
                })
            ),
            "prepare: expansion",
        ),
        case(
            "scaling groups in scaling groups",
            format!(
                "{HEAD}node_templates: {{a: {{type: cloudify.nodes.Root}}}}\ngroups:\n  g0: {{members: [a]}}\n{}policies:\n{}",
                lines(40, |n| format!("  g{}: {{members: [g{n}]}}", n + 1)),
                lines(40, |n| format!(
                    "  p{n}: {{type: cloudify.policies.scaling, properties: {{default_instances: 10}}, targets: [g{n}]}}"
                ))
            ),
            "prepare: expansion",
        ),
    ]);
}
