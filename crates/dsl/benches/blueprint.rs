//! Parsing and preparing blueprints of growing size: the time per node should stay the same.
//!
//! Two shapes, both blocks of one host and nine components contained in it and chained by connections:
//! `small` brings small types of its own, `builtin` uses the built-in ones, whose thirty operations make
//! plans of some 35 KB a node.
#![expect(clippy::unwrap_used, reason = "a bench may fail loudly")]

use std::fmt::Write;

use divan::Bencher;
use divan::counter::ItemsCount;
use nephele_dsl::{
    Catalog, CountedIds, Fetch, Fetched, ImportError, Options, Plan, PrepareOptions, Resolver, Source, ValueQuery,
    Version, parse, prepare,
};
use nephele_model::json::Map;

fn main() {
    divan::main();
}

const SMALL: [usize; 4] = [100, 1_000, 10_000, 20_000];
const BUILTIN: [usize; 3] = [100, 1_000, 10_000];

const SMALL_TYPES: &str = "
plugins: {p: {executor: central_deployment_agent, package_name: p}}
node_types:
  cloudify.nodes.Compute: {properties: {port: {default: 1}}, interfaces: {cloudify.interfaces.lifecycle: &ops {create: p.a.b, configure: p.a.b, start: p.a.b, stop: p.a.b, delete: p.a.b}}}
  cloudify.nodes.WebServer: {properties: {port: {type: integer, default: 1}}, interfaces: {cloudify.interfaces.lifecycle: *ops}}
relationships:
  cloudify.relationships.depends_on: {properties: {connection_type: {default: all_to_all}}}
  cloudify.relationships.contained_in: {derived_from: cloudify.relationships.depends_on}
  cloudify.relationships.connected_to:
    derived_from: cloudify.relationships.depends_on
    source_interfaces: {cloudify.interfaces.relationship_lifecycle: {establish: p.a.b}}
";

struct Nothing;

impl Fetch for Nothing {
    fn fetch(&self, location: &str, _version: Version) -> Result<Fetched, ImportError> {
        Err(ImportError::unreachable(location, "there is nothing"))
    }

    fn exists(&self, location: &str) -> bool {
        location.ends_with("scripts/run.sh")
    }
}

struct NoSecrets;

impl Catalog for NoSecrets {
    fn has_secret(&self, _name: &str) -> Option<bool> {
        None
    }

    fn contains(&self, _query: &ValueQuery<'_>) -> bool {
        false
    }
}

fn blueprint(nodes: usize, head: &str, start: &str) -> Source {
    let mut text = format!(
        "tosca_definitions_version: cloudify_dsl_1_4\n{head}\ninputs: {{port: {{type: integer, default: 8080}}}}\nnode_templates:\n"
    );
    for number in 0..nodes {
        let host = number - number % 10;
        if number == host {
            writeln!(text, "  node_{number}: {{type: cloudify.nodes.Compute}}").unwrap();
            continue;
        }
        writeln!(
            text,
            "  node_{number}:
    type: cloudify.nodes.WebServer
    properties: {{port: {{get_input: port}}}}
    interfaces:
      cloudify.interfaces.lifecycle:
        start: {{implementation: {start}, inputs: {{port: {{get_property: [SELF, port]}}}}}}
    relationships:
      - {{type: cloudify.relationships.contained_in, target: node_{host}}}"
        )
        .unwrap();
        if number > host + 1 {
            writeln!(text, "      - {{type: cloudify.relationships.connected_to, target: node_{}}}", number - 1)
                .unwrap();
        }
    }
    Source::new("file:/blueprint.yaml", text)
}

fn small(nodes: usize) -> Source {
    blueprint(nodes, SMALL_TYPES, "p.a.b")
}

fn builtin(nodes: usize) -> Source {
    blueprint(nodes, "imports: [cloudify/types/types.yaml]", "scripts/run.sh")
}

fn plan(source: &Source) -> Plan {
    parse(source, &Resolver::new(Nothing), &Options::default()).unwrap().plan
}

fn measure_parse(bencher: Bencher<'_, '_>, nodes: usize, source: &Source) {
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| plan(source));
}

fn measure_prepare(bencher: Bencher<'_, '_>, nodes: usize, source: &Source) {
    let plan = plan(source);
    bencher.counter(ItemsCount::new(nodes)).with_inputs(|| plan.clone()).bench_local_values(|plan| {
        prepare(plan, Map::new(), &NoSecrets, &mut CountedIds(0), &PrepareOptions::default()).unwrap()
    });
}

#[divan::bench(args = SMALL, sample_count = 5, sample_size = 1)]
fn parse_small(bencher: Bencher<'_, '_>, nodes: usize) {
    measure_parse(bencher, nodes, &small(nodes));
}

#[divan::bench(args = BUILTIN, sample_count = 5, sample_size = 1)]
fn parse_builtin(bencher: Bencher<'_, '_>, nodes: usize) {
    measure_parse(bencher, nodes, &builtin(nodes));
}

#[divan::bench(args = SMALL, sample_count = 5, sample_size = 1)]
fn prepare_small(bencher: Bencher<'_, '_>, nodes: usize) {
    measure_prepare(bencher, nodes, &small(nodes));
}

#[divan::bench(args = BUILTIN, sample_count = 5, sample_size = 1)]
fn prepare_builtin(bencher: Bencher<'_, '_>, nodes: usize) {
    measure_prepare(bencher, nodes, &builtin(nodes));
}
