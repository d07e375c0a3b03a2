//! Servers and blueprints whose imports have no end.

use nephele_dsl::{Fetched, Source};

use crate::{Case, HEAD, Offer, hold, lines};

fn text(text: &str) -> Fetched {
    Fetched::Text(text.to_owned())
}

/// A chain without end: each file imports another one.
fn endless(location: &str) -> Option<Fetched> {
    let number: u64 = location.strip_prefix("http://h/")?.strip_suffix(".yaml")?.parse().ok()?;
    Some(text(&format!("imports: ['http://h/{}.yaml']\ninputs: {{i{number}: {{}}}}\n", number + 1)))
}

fn endless_tree(location: &str) -> Option<Fetched> {
    let number: u64 = location.strip_prefix("http://h/")?.strip_suffix(".yaml")?.parse().ok()?;
    Some(text(&format!(
        "imports: ['http://h/{}.yaml', 'http://h/{}.yaml']\n",
        number.wrapping_mul(2),
        number.wrapping_mul(2).wrapping_add(1)
    )))
}

fn itself(location: &str) -> Option<Fetched> {
    Some(text(match location {
        "http://h/a.yaml" => "imports: ['http://h/a.yaml', 'http://h/b.yaml']\n",
        "http://h/b.yaml" => "imports: ['http://h/a.yaml']\n",
        "file:/blueprint.yaml" => "imports: ['file:/blueprint.yaml']\n",
        _ => return None,
    }))
}

fn itself_in_a_namespace(location: &str) -> Option<Fetched> {
    location.strip_prefix("http://h/")?;
    Some(text("imports: ['n--http://h/a.yaml']\ninputs: {i: {}}\n"))
}

fn itself_in_two_namespaces(location: &str) -> Option<Fetched> {
    location.strip_prefix("http://h/")?;
    Some(text("imports: ['n--http://h/a.yaml', 'm--http://h/a.yaml']\ninputs: {i: {}}\n"))
}

fn blueprint(text: &str) -> Fetched {
    Fetched::Blueprint { main: Source::unnamed(text), resources_base: None }
}

fn blueprint_of_itself(location: &str) -> Option<Fetched> {
    location.strip_prefix("blueprint:")?;
    Some(blueprint(&HEAD.replace('[', "['n--blueprint:a', ")))
}

fn blueprints_of_blueprints(location: &str) -> Option<Fetched> {
    location.strip_prefix("blueprint:")?;
    Some(blueprint(&HEAD.replace('[', "['n--blueprint:a', 'm--blueprint:b', ")))
}

fn large(location: &str) -> Option<Fetched> {
    location.strip_prefix("http://h/")?;
    Some(text(&format!("imports:\n{}", lines(10_000, |number| format!("  - http://h/{location}/{number}")))))
}

#[test]
fn imports() {
    let importing = |location: &str| {
        format!("tosca_definitions_version: cloudify_dsl_1_5\nimports: ['{location}', cloudify/types/types.yaml]\n")
    };
    let of = |name, location: &str, offer: Offer, expected| Case { name, text: importing(location), offer, expected };
    hold(vec![
        of("a circle", "http://h/a.yaml", itself, "plan"),
        of("the main text", "file:/blueprint.yaml", itself, "plan"),
        of("a circle of namespaces", "http://h/a.yaml", itself_in_a_namespace, "parse: too_large"),
        of("circles of namespaces", "http://h/a.yaml", itself_in_two_namespaces, "parse: too_large"),
        of("a chain without end", "http://h/1.yaml", endless, "parse: too_large"),
        of("a tree without end", "http://h/1.yaml", endless_tree, "parse: too_large"),
        of("imports of imports without end", "http://h/1.yaml", large, "parse: too_large"),
        of("a blueprint of itself", "n--blueprint:a", blueprint_of_itself, "parse: import_failed"),
        of("blueprints of blueprints", "n--blueprint:a", blueprints_of_blueprints, "parse: import_failed"),
    ]);
}
