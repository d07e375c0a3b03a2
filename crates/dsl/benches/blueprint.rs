//! Parsing and preparing blueprints of growing size: the time per node should stay the same.
//!
//! The shape is a block of one host and nine components contained in it and chained by connections, all
//! of built-in types.

use divan::Bencher;
use divan::counter::ItemsCount;
use nephele_dsl::{
    Catalog, CountedIds, Fetch, Fetched, ImportError, Options, Plan, PrepareOptions, Resolver, Source, ValueQuery,
    Version, parse, prepare,
};
use serde_json::Map;

fn main() {
    divan::main();
}

const SIZES: [usize; 4] = [100, 1_000, 10_000, 20_000];

struct Scripts;

impl Fetch for Scripts {
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

fn blueprint(nodes: usize) -> Source {
    let mut text = String::from(
        "tosca_definitions_version: cloudify_dsl_1_4\nimports: [cloudify/types/types.yaml]\ninputs: {port: {type: integer, default: 8080}}\nnode_templates:\n",
    );
    for number in 0..nodes {
        let host = number - number % 10;
        if number == host {
            text += &format!(
                "  node_{number}:\n    type: cloudify.nodes.Compute\n    properties: {{agent_config: {{install_method: none}}}}\n"
            );
            continue;
        }
        text += &format!(
            "  node_{number}:\n    type: cloudify.nodes.WebServer\n    properties: {{port: {{get_input: port}}}}\n    interfaces:\n      cloudify.interfaces.lifecycle:\n        start: {{implementation: scripts/run.sh, inputs: {{port: {{get_property: [SELF, port]}}}}}}\n    relationships:\n      - {{type: cloudify.relationships.contained_in, target: node_{host}}}\n"
        );
        if number > host + 1 {
            text += &format!("      - {{type: cloudify.relationships.connected_to, target: node_{}}}\n", number - 1);
        }
    }
    Source::new("file:/blueprint.yaml", text)
}

fn plan(source: &Source) -> Plan {
    parse(source, &Resolver::new(Scripts), &Options::default()).unwrap().plan
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn parse_nodes(bencher: Bencher<'_, '_>, nodes: usize) {
    let source = blueprint(nodes);
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| plan(&source));
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn prepare_nodes(bencher: Bencher<'_, '_>, nodes: usize) {
    let plan = plan(&blueprint(nodes));
    bencher.counter(ItemsCount::new(nodes)).with_inputs(|| plan.clone()).bench_local_values(|plan| {
        prepare(plan, Map::new(), &NoSecrets, &mut CountedIds(0), &PrepareOptions::default()).unwrap()
    });
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn write_plan(bencher: Bencher<'_, '_>, nodes: usize) {
    let plan = plan(&blueprint(nodes));
    bencher.counter(ItemsCount::new(nodes)).bench_local(|| serde_json::to_string(&plan).unwrap().len());
}
