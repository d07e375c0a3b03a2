//! How fast a large blueprint is read. `cargo bench -p nephele-yaml11`.

#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::fmt::Write;

use divan::Bencher;
use divan::counter::BytesCount;

fn main() {
    divan::main();
}

/// A text like a blueprint of about so many bytes.
fn blueprint(bytes: usize) -> String {
    let mut text =
        String::from("tosca_definitions_version: cloudify_dsl_1_5\n\nimports:\n  - cloudify/types/types.yaml\n\n");
    text.push_str("node_templates:\n");
    let mut number = 0;
    while text.len() < bytes {
        let before = number / 2;
        write!(
            text,
            "  node_{number}: # number {number}\n    type: cloudify.nodes.Root\n    properties:\n      port: {number}\n      \
             secure: yes\n      ratio: 0.{number}\n      name: \"service \\\"{number}\\\"\"\n      tags: [web, 'it''s', {{zone: z{number}}}]\n      \
             script: |\n        #!/bin/sh\n        echo {number}\n    interfaces:\n      cloudify.interfaces.lifecycle:\n        \
             create:\n          implementation: scripts/create.sh\n          inputs:\n            address: {{ get_attribute: [SELF, ip] }}\n    \
             relationships:\n      - type: cloudify.relationships.connected_to\n        target: node_{before}\n"
        )
        .unwrap();
        number += 1;
    }
    text
}

const SIZES: [usize; 2] = [215_000, 5_000_000];

#[divan::bench(args = SIZES)]
fn load(bencher: Bencher<'_, '_>, bytes: usize) {
    let text = blueprint(bytes);
    bencher.counter(BytesCount::of_str(&text)).bench(|| nephele_yaml11::load(&text).unwrap());
}

#[divan::bench(args = SIZES)]
fn events(bencher: Bencher<'_, '_>, bytes: usize) {
    let text = blueprint(bytes);
    bencher.counter(BytesCount::of_str(&text)).bench(|| nephele_yaml11::events(&text).unwrap().count());
}

/// The same with libyaml, as a Rust port.
#[divan::bench(args = SIZES)]
fn libyaml_events(bencher: Bencher<'_, '_>, bytes: usize) {
    let text = blueprint(bytes);
    bencher.counter(BytesCount::of_str(&text)).bench(|| {
        let mut parser = libyaml_safer::Parser::new();
        parser.set_input(text.as_bytes());
        let mut count = 0;
        while !matches!(parser.parse().unwrap().data, libyaml_safer::EventData::StreamEnd) {
            count += 1;
        }
        count
    });
}
