//! What refers to itself, in long rows, or twice to what refers twice to something.

use crate::{HEAD, case, hold, lines, nested};

#[test]
fn circles() {
    let chain = |section: &str, count: usize, last: &str| {
        format!(
            "{HEAD}{section}:\n{}",
            lines(count, |n| {
                let parent = if n + 1 == count { last.to_owned() } else { format!("t{}", n + 1) };
                format!("  t{n}: {{derived_from: {parent}}}")
            })
        )
    };
    let functions = |depth: usize, function: &str| {
        format!("{HEAD}outputs:\n  a: {{value: {}}}\n", nested(depth, function, "x", "]}"))
    };
    hold(vec![
        case("a type of itself", format!("{HEAD}node_types: {{a: {{derived_from: a}}}}\n"), "parse: cycle"),
        case("a relationship of itself", format!("{HEAD}relationships: {{a: {{derived_from: a}}}}\n"), "parse: cycle"),
        case("a data type of itself", format!("{HEAD}data_types: {{a: {{derived_from: a}}}}\n"), "parse: cycle"),
        case(
            "a data type within itself",
            format!("{HEAD}data_types: {{a: {{properties: {{b: {{type: a}}}}}}}}\ninputs: {{i: {{type: a}}}}\n"),
            "parse: cycle",
        ),
        case(
            "data types within each other",
            format!(
                "{HEAD}data_types: {{a: {{properties: {{b: {{type: b}}}}}}, b: {{properties: {{a: {{type: a}}}}}}}}\n"
            ),
            "parse: cycle",
        ),
        case(
            "data types that double",
            format!(
                "{HEAD}data_types:\n  d0: {{properties: {{x: {{default: 1}}}}}}\n{}inputs: {{i: {{type: d40, default: {{}}}}}}\nnode_types: {{t: {{properties: {{p: {{type: d40, default: {{}}}}}}}}}}\nnode_templates: {{n: {{type: t}}}}\n",
                lines(40, |n| format!(
                    "  d{}: {{properties: {{a: {{type: d{n}, default: {{}}}}, b: {{type: d{n}, default: {{}}}}}}}}",
                    n + 1
                ))
            ),
            "parse: too_large",
        ),
        case(
            "data types in data types",
            format!(
                "{HEAD}data_types:\n{}  d20000: {{properties: {{x: {{default: 1}}}}}}\ninputs: {{i: {{type: d0}}}}\n",
                lines(20_000, |n| format!("  d{n}: {{properties: {{a: {{type: d{}}}}}}}", n + 1))
            ),
            "parse: too_large",
        ),
        case("a long circle of types", chain("node_types", 20_000, "t0"), "parse: cycle"),
        case("a long row of types", chain("node_types", 20_000, "cloudify.nodes.Root"), "parse: too_large"),
        case(
            "a long row of relationships",
            chain("relationships", 20_000, "cloudify.relationships.depends_on"),
            "parse: too_large",
        ),
        case("a long row of data types", chain("data_types", 5_000, "string"), "parse: unknown_parent_type"),
        case("a long row that ends nowhere", chain("node_types", 20_000, "nowhere"), "parse: unknown_parent_type"),
        case(
            "a node within itself",
            format!(
                "{HEAD}node_templates: {{a: {{type: cloudify.nodes.Root, relationships: [{{type: cloudify.relationships.contained_in, target: a}}]}}}}\n"
            ),
            "parse: relationship_to_itself",
        ),
        case(
            "nodes within each other",
            format!(
                "{HEAD}node_templates:\n  a: {{type: cloudify.nodes.Root, relationships: [{{type: cloudify.relationships.contained_in, target: b}}]}}\n  b: {{type: cloudify.nodes.Root, relationships: [{{type: cloudify.relationships.contained_in, target: a}}]}}\n"
            ),
            "parse: cycle",
        ),
        case(
            "nodes in a long row",
            format!(
                "{HEAD}node_templates:\n{}",
                lines(2_000, |n| {
                    let relationships = if n == 0 {
                        String::new()
                    } else {
                        format!(", relationships: [{{type: cloudify.relationships.contained_in, target: n{}}}]", n - 1)
                    };
                    format!("  n{n}: {{type: cloudify.nodes.Root{relationships}}}")
                })
            ),
            "plan",
        ),
        case(
            "groups of each other",
            format!(
                "{HEAD}node_templates: {{a: {{type: cloudify.nodes.Root}}}}\ngroups: {{g: {{members: [h]}}, h: {{members: [g]}}}}\n"
            ),
            "plan",
        ),
        case(
            "a property of itself",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{}}}}}}}}\nnode_templates: {{a: {{type: t, properties: {{p: {{get_property: [a, p]}}}}}}}}\n"
            ),
            "plan",
        ),
        case(
            "properties of each other",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{}}}}}}}}\nnode_templates: {{a: {{type: t, properties: {{p: {{concat: [{{get_property: [b, p]}}, {{get_property: [b, p]}}]}}}}}}, b: {{type: t, properties: {{p: {{concat: [{{get_property: [a, p]}}, {{get_property: [a, p]}}]}}}}}}}}\n"
            ),
            "prepare: recursion_limit",
        ),
        case(
            "a long row of properties",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{}}}}}}}}\nnode_templates:\n{}",
                lines(5_000, |n| if n == 4_999 {
                    format!("  n{n}: {{type: t, properties: {{p: 1}}}}")
                } else {
                    format!("  n{n}: {{type: t, properties: {{p: {{get_property: [n{}, p]}}}}}}", n + 1)
                })
            ),
            "prepare: recursion_limit",
        ),
        case(
            "properties that double",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{}}}}}}}}\nnode_templates:\n  n0: {{type: t, properties: {{p: xxxxxxxxxx}}}}\n{}",
                lines(40, |n| format!(
                    "  n{}: {{type: t, properties: {{p: {{concat: [{{get_property: [n{n}, p]}}, {{get_property: [n{n}, p]}}]}}}}}}",
                    n + 1
                ))
            ),
            "prepare: too_large",
        ),
        case(
            "lists that double",
            format!(
                "{HEAD}node_types: {{t: {{properties: {{p: {{}}}}}}}}\nnode_templates:\n  n0: {{type: t, properties: {{p: [x]}}}}\n{}",
                lines(40, |n| format!(
                    "  n{}: {{type: t, properties: {{p: [{{get_property: [n{n}, p]}}, {{get_property: [n{n}, p]}}]}}}}",
                    n + 1
                ))
            ),
            "prepare: too_large",
        ),
        case("an input of itself", format!("{HEAD}inputs: {{a: {{default: {{get_input: a}}}}}}\n"), "plan"),
        case(
            "inputs of each other",
            format!("{HEAD}inputs: {{a: {{default: {{get_input: b}}}}, b: {{default: {{get_input: a}}}}}}\n"),
            "plan",
        ),
        case(
            "inputs that double",
            format!(
                "{HEAD}inputs:\n  i0: {{default: xxxxxxxxxx}}\n{}",
                lines(40, |n| format!(
                    "  i{}: {{default: {{concat: [{{get_input: i{n}}}, {{get_input: i{n}}}]}}}}",
                    n + 1
                ))
            ),
            "plan",
        ),
        case("functions in functions", functions(30, "{concat: [a, "), "prepare: recursion_limit"),
        case("functions deep in functions", functions(95, "{concat: ["), "parse: yaml_composition"),
        case("secrets of secrets", functions(30, "{get_secret: ["), "parse: invalid_function"),
        case(
            "outputs of secrets of inputs",
            format!("{HEAD}outputs:\n  a: {{value: {}}}\n", nested(45, "{get_input: ", "x", "}")),
            "parse: unknown_input",
        ),
        case(
            "a function of nothing",
            format!(
                "{HEAD}outputs: {{a: {{value: {{get_property: }}}}, b: {{value: {{concat: 1}}}}, c: {{value: {{get_attribute: [[[]]]}}}}}}\n"
            ),
            "parse: function_argument",
        ),
    ]);
}
