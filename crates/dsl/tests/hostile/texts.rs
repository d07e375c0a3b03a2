//! Texts that are no blueprints, or hardly any: odd characters, tags, depth, aliases.

use std::fmt::Write;

use crate::{HEAD, case, hold, lines, nested};

#[test]
fn texts() {
    let deep = "tosca_definitions_version: cloudify_dsl_1_5\nmetadata: ".to_owned();
    let mut bomb = format!("{HEAD}dsl_definitions:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(bomb, "  a{level}: &a{level} [{before}]");
    }
    hold(vec![
        case("nothing", String::new(), "parse: missing_version"),
        case("a NUL", format!("{HEAD}metadata: {{a: \0}}\n"), "parse: yaml_character"),
        case("a NUL in quotes", format!("{HEAD}metadata: {{a: \"\\0\"}}\n"), "plan"),
        case("a byte order mark", format!("\u{feff}{HEAD}"), "plan"),
        case(
            "what becomes of bytes that are no text",
            format!("{HEAD}metadata: {{a: \u{fffd}}}\n"),
            "parse: not_ascii",
        ),
        case(
            "an object of the language",
            format!("{HEAD}metadata: !!python/object/apply:os.system [ls]\n"),
            "parse: yaml_value",
        ),
        case("a module of the language", format!("{HEAD}metadata: !!python/module:os\n"), "parse: yaml_value"),
        case(
            "tags",
            format!(
                "{HEAD}metadata: {{a: !!binary aGk=, b: !!set {{x}}, c: !!omap [x: 1], d: !!timestamp 2020-01-01, e: !!pairs [x: 1]}}\n"
            ),
            "plan",
        ),
        case("an unknown tag", format!("{HEAD}metadata: {{a: !a b}}\n"), "parse: yaml_value"),
        case("no mapping", "[".repeat(100_000), "parse: yaml_composition"),
        case("depth", deep.clone() + &nested(100_000, "[", "", "]"), "parse: yaml_composition"),
        case("depth of mappings", deep.clone() + &nested(100_000, "{a: ", "b", "}"), "parse: yaml_composition"),
        case("depth that is allowed", deep.clone() + &nested(90, "{a: [", "", "]}"), "parse: yaml_composition"),
        case(
            "depth in blocks",
            deep + "\n" + &(1..2_000).map(|level| " ".repeat(level) + "a:\n").collect::<String>(),
            "parse: yaml_composition",
        ),
        case("a bomb of aliases", bomb.clone(), "parse: yaml_composition"),
        case("an alias of itself", format!("{HEAD}metadata: &a {{b: *a}}\n"), "parse: yaml_value"),
        case(
            "a bomb of merges",
            format!("{HEAD}dsl_definitions:\n  a0: &a0 {{x: 1}}\n")
                + &lines(40, |n| format!("  a{0}: &a{0} {{<<: [*a{n}, *a{n}]}}", n + 1)),
            "parse: yaml_composition",
        ),
    ]);
}
