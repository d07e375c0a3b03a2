//! Functions in the inputs of operations: evaluated for every attempt, with what is known by then.

use std::fs;

use nephele_testkit::rest::{Rest, blueprint};
use serde_json::json;

use crate::home;

const BLUEPRINT: &str = "
tosca_definitions_version: cloudify_dsl_1_4
imports: [cloudify/types/types.yaml]
inputs:
  folder: {type: string}
node_types:
  shop.Database:
    derived_from: cloudify.nodes.Root
    properties: {port: {default: 5432}}
node_templates:
  db:
    type: shop.Database
    interfaces:
      cloudify.interfaces.lifecycle:
        create: {implementation: db.sh, inputs: {folder: {get_input: folder}}}
  web:
    type: cloudify.nodes.Root
    interfaces:
      cloudify.interfaces.lifecycle:
        create:
          implementation: web.sh
          inputs:
            folder: {get_input: folder}
            url: {concat: [{get_attribute: [db, address]}, ':', {get_property: [db, port]}]}
            word: {get_secret: word}
            attempt: {get_attribute: [SELF, attempt]}
          retry_interval: 0
    relationships:
      - type: cloudify.relationships.connected_to
        target: db
        source_interfaces:
          cloudify.interfaces.relationship_lifecycle:
            establish:
              implementation: link.sh
              inputs:
                folder: {get_input: folder}
                source: {get_attribute: [SOURCE, attempt]}
                target: {get_attribute: [TARGET, address]}
                here: {get_sys: [deployment, id]}
outputs:
  url: {value: {get_attribute: [web, url]}}
";

const DB: &str = "#!/bin/sh\nset -eu\nctx instance runtime-properties address db-1\n";

const WEB: &str = r#"#!/bin/sh
set -eu
echo "$url $word $attempt" >> "$folder/trace"
if [ "$attempt" = None ]; then
    ctx instance runtime-properties attempt second
    exec ctx operation retry 'once more'
fi
ctx instance runtime-properties url "$url"
"#;

const LINK: &str = "#!/bin/sh\nset -eu\necho \"$source $target $here\" >> \"$folder/trace\"\n";

#[tokio::test]
async fn each_attempt_sees_what_is_there_by_then() {
    let home = home();
    let manager = home.start();
    let rest = Rest::new(&home, &manager);
    let folder = home.folder().join("functions");
    blueprint(&folder, BLUEPRINT, &[("db.sh", DB), ("web.sh", WEB), ("link.sh", LINK)]);
    rest.upload_folder("functions", &folder).await;
    rest.put("/secrets/word", &json!({"value": "sesame"})).await.expect(200);
    for (id, runtime_only) in [("early", false), ("late", true)] {
        let traces = home.folder().join(id);
        fs::create_dir_all(&traces).unwrap();
        let body = json!({"blueprint_id": "functions", "inputs": {"folder": traces},
                          "runtime_only_evaluation": runtime_only});
        rest.put(&format!("/deployments/{id}"), &body).await.expect(201);
        let outputs = rest.get(&format!("/deployments/{id}/outputs")).await.expect(200);
        assert_eq!(outputs["outputs"], json!({"url": null}));
        let run = rest.start(id, "install", json!({})).await;
        let execution = rest.ended(&run).await;
        assert_eq!(execution["status"], "terminated", "{execution:#}");
        let trace = fs::read_to_string(traces.join("trace")).unwrap();
        assert_eq!(trace, format!("db-1:5432 sesame None\ndb-1:5432 sesame second\nsecond db-1 {id}\n"));
        let outputs = rest.get(&format!("/deployments/{id}/outputs")).await.expect(200);
        assert_eq!(outputs["outputs"], json!({"url": "db-1:5432"}));
    }
}
