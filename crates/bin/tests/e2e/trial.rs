//! The blueprint that several themes install: two nodes, the second after the first, whose scripts
//! leave a line for each run and wait while a file called `hold` is there.

use std::fs;
use std::path::{Path, PathBuf};

use nephele_testkit::rest::blueprint;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
description: Leaves traces.
imports:
  - cloudify/types/types.yaml
inputs:
  folder:
    type: string
    description: Where the scripts leave their traces.
  word:
    type: string
    default: hello
node_types:
  trial.Node:
    derived_from: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: scripts/trace.sh
          inputs:
            folder: {default: {get_input: folder}}
            word: {default: {get_input: word}}
            step: {default: create}
        delete:
          implementation: scripts/trace.sh
          inputs:
            folder: {default: {get_input: folder}}
            word: {default: {get_input: word}}
            step: {default: delete}
node_templates:
  first:
    type: trial.Node
  second:
    type: trial.Node
    relationships:
      - type: cloudify.relationships.connected_to
        target: first
outputs:
  answer:
    description: What the first node said.
    value: {get_attribute: [first, answer]}
capabilities:
  address:
    value: {get_attribute: [second, answer]}
labels:
  kind:
    values: [trial]
";

const TRACE: &str = r#"#!/bin/sh
set -eu
node=$(ctx node id)
echo "$step $node" >> "$folder/begun"
while [ -e "$folder/hold" ]; do sleep 0.05; done
ctx logger info "$word from $node"
ctx instance runtime-properties answer "$word from $node"
echo "$step $node" >> "$folder/ended"
"#;

/// The blueprint's folder, and the folder where its scripts leave traces.
pub(crate) struct Trial {
    /// Holds `blueprint.yaml`.
    pub(crate) blueprint: PathBuf,
    /// Holds `begun`, `ended` and `hold`.
    pub(crate) traces: PathBuf,
}

impl Trial {
    /// Writes the blueprint below `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let trial = Self { blueprint: folder.join("trial"), traces: folder.join("traces") };
        blueprint(&trial.blueprint, BLUEPRINT, &[("scripts/trace.sh", TRACE)]);
        fs::create_dir_all(&trial.traces).unwrap();
        trial
    }

    /// Makes scripts wait from now on.
    pub(crate) fn hold(&self) {
        fs::write(self.traces.join("hold"), "").unwrap();
    }

    /// Lets waiting scripts go on.
    pub(crate) fn release(&self) {
        fs::remove_file(self.traces.join("hold")).unwrap();
    }

    /// The lines of a trace file, none if no script has written it.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.traces.join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until a script has begun this step.
    pub(crate) fn wait_begun(&self, line: &str) {
        for _ in 0..600 {
            if self.lines("begun").iter().any(|begun| begun == line) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no script began `{line}` within 30 seconds");
    }
}
